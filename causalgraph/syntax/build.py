"""From the syntax tree of a question to the question.

`VERBS` is the table of all that can be asked: how each verb is written, and what builds its question.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from causalgraph.errors import Diagnostic, Label, ModelError, did_you_mean
from causalgraph.syntax import queries as q
from causalgraph.syntax import tree
from causalgraph.syntax.arguments import Reader, in_worlds, later, wrong
from causalgraph.syntax.worlds import counterfactual

__all__ = ["LATER", "VERBS", "Verb", "to_query"]

EFFECTS = ("total", "direct")
BASES = ("missing_edge", "pairwise", "local_markov")

# Verbs of the public contract that a later version answers.
LATER = ("nde", "nie", "sid", "aid", "shd", "bounds", "compare")


@dataclass(frozen=True)
class Verb:
    """A verb: how it is written, and what builds its question from a call."""

    form: str
    build: Callable[[tree.Call], q.Query]


def to_query(expression: tree.Expr) -> q.Query:
    """Return the question that an expression asks.

    >>> from causalgraph.syntax.parser import parse_expression
    >>> to_query(parse_expression("ancestors(Y)"))
    Relatives(relation='ancestors', of=(Term(variable='Y', value=None),))

    Raises:
        ModelError: the verb is unknown (E210), its arguments aren't what it takes (E211), a variable stands in two
            places (E212), or the question is one for a later version (E050).
    """
    match expression:
        case tree.Call():
            query = _asked(expression)
            _reject_repeats(query)
            return query
        case tree.Binary(operator, left, right):
            return q.Arithmetic(operator, _number_of(left), _number_of(right), expression.span)
        case tree.Negate(operand):
            inner = _number_of(operand)
            if isinstance(inner, q.Constant):
                digits = inner.digits.removeprefix("-") if inner.digits.startswith("-") else f"-{inner.digits}"
                return q.Constant(digits, expression.span)
            return q.Arithmetic("-", q.Constant("0"), inner, expression.span)
        case tree.Number(digits):
            return q.Constant(digits, expression.span)
        case tree.Subscript():
            form = f"P({expression.name.text}[…]=…) or E({expression.name.text}[…])"
            raise wrong("this asks nothing: it is an outcome in another world", expression.span, form)
        case _:
            raise wrong("this asks nothing", expression.span, "identify(do(X), Y)")


def _asked(call: tree.Call) -> q.Query:
    verb = VERBS.get(call.verb.text)
    if verb is not None:
        return verb.build(call)
    if call.verb.text in LATER:
        raise later(call.verb.text, call.verb.span)
    near = did_you_mean(call.verb.text, [*VERBS, *LATER])
    raise ModelError.because(
        "E210",
        f"unknown verb {call.verb.text}",
        fix=f"did you mean {near}?" if near else "verbs are " + ", ".join(VERBS),
        span=call.verb.span,
    )


def _number_of(expression: tree.Expr) -> q.Query:
    query = to_query(expression)
    if not isinstance(query, q.Probability | q.Expectation | q.Counterfactual | q.Effect | q.Constant | q.Arithmetic):
        raise wrong("this isn't a number", expression.span, "E(Y | do(X=1)) - E(Y | do(X=0))")
    return query


def _reject_repeats(query: q.Query) -> None:
    if isinstance(query, q.Counterfactual):  # a variable may stand in several worlds
        return
    first: dict[str, q.Term] = {}
    for term in q.terms(query):
        earlier = first.setdefault(term.variable, term)
        if earlier is not term:
            labels = [Label(term.span)] if term.span else []
            labels += [Label(earlier.span, "first here", primary=False)] if earlier.span else []
            what = f"{term.variable} stands in two places of one question"
            why = "a variable is set, asked about or conditioned on, one of the three"
            raise ModelError(Diagnostic("E212", what, tuple(labels), why, "drop one of the two"))


# One builder for each form of question.


def _identify(call: tree.Call) -> q.Identify:
    read = Reader(call, VERBS["identify"].form)
    treatments, *rest = read.arguments()
    do = read.intervention(treatments)
    options = [part for part in rest if _is_option(part, "strategy")]
    asked = read.terms((part for part in rest if part not in options), levels=True)
    if not asked:
        raise read.wrong("an outcome is missing")
    if len(options) > 1:
        raise read.wrong("one strategy, not several", options[1])
    strategy = read.word(options[0].value) if options and isinstance(options[0], tree.Assign) else None
    return q.Identify(do, asked, read.terms(call.given or (), levels=True), strategy, call.span)


def _is_option(part: tree.Expr, key: str) -> bool:
    return isinstance(part, tree.Assign) and isinstance(part.name, tree.Name) and part.name.text == key


def _verify(call: tree.Call) -> q.Query:
    read = Reader(call, VERBS["verify"].form)
    read.no_bar()
    (claim,) = read.arguments(1)
    if not isinstance(claim, tree.Call) or claim.verb.text not in ("identify", "identified"):
        raise read.wrong("identify(…) expected", claim)
    return q.Verify(_identify(claim), call.span)


def _probability(call: tree.Call) -> q.Query:
    if in_worlds(call):
        return counterfactual(call)
    read = Reader(call, VERBS["P"].form)
    outcomes = read.terms(read.arguments(), levels=True)
    if not outcomes:
        raise read.wrong("an outcome is missing")
    do, given = read.given()
    return q.Probability(outcomes, do, given, call.span)


def _expectation(call: tree.Call) -> q.Query:
    if in_worlds(call):
        return counterfactual(call)
    read = Reader(call, VERBS["E"].form)
    outcome = read.one(read.arguments(1)[0])
    do, given = read.given()
    return q.Expectation(outcome, do, given, call.span)


def _effect(call: tree.Call) -> q.Query:
    read = Reader(call, VERBS[call.verb.text].form)
    read.no_bar()
    treatment, outcome = read.arguments(2)
    return q.Effect(call.verb.text, read.one(treatment), read.one(outcome), span=call.span)


def _conditional_effect(call: tree.Call) -> q.Query:
    read = Reader(call, VERBS[call.verb.text].form)
    treatment, outcome = read.arguments(2)
    given = read.terms(call.given or (), levels=True)
    if not given:
        raise read.wrong("a condition is missing")
    return q.Effect(call.verb.text, read.one(treatment), read.one(outcome), given, span=call.span)


def _controlled_effect(call: tree.Call) -> q.Query:
    read = Reader(call, VERBS[call.verb.text].form)
    read.no_bar()
    arguments = read.arguments()
    if len(arguments) < 3:
        raise read.wrong("something is missing")
    held = read.terms(arguments[2:], levels=True)
    if not all(term.value is not None for term in held):
        raise read.wrong("a mediator is held at a level", arguments[2])
    return q.Effect(call.verb.text, read.one(arguments[0]), read.one(arguments[1]), (), held, call.span)


def _between(make: type[q.Independent | q.Paths | q.Adjusts]) -> Callable[[tree.Call], q.Query]:
    def build(call: tree.Call) -> q.Query:
        read = Reader(call, VERBS[call.verb.text].form)
        left, right = read.arguments(2)
        return make(read.some(left), read.some(right), read.terms(call.given or ()), call.span)

    return build


def _relatives(call: tree.Call) -> q.Query:
    read = Reader(call, VERBS[call.verb.text].form)
    read.no_bar()
    found = read.terms(read.arguments())
    if not found:
        raise read.wrong("at least one variable expected")
    return q.Relatives(call.verb.text, found, call.span)


# Options of the questions for sets: which nodes each set must hold, and may not hold.
SET_OPTIONS = ("required", "forbidden")


def _adjustment_sets(call: tree.Call) -> q.Query:
    read = Reader(call, VERBS["adjustment_sets"].form)
    read.arguments()
    rest, options = read.options(("effect", *SET_OPTIONS))
    x, y = read.sides(rest)
    effect = options.pop("effect").value if "effect" in options else tree.Name("total")
    if not isinstance(effect, tree.Name) or effect.text not in EFFECTS:
        raise read.wrong("effect is total or direct", effect)
    sets = {key: read.terms((part.value,)) for key, part in options.items()}
    return q.AdjustmentSets(x, y, effect.text, sets.get("required", ()), sets.get("forbidden", ()), call.span)


def _frontdoor_sets(call: tree.Call) -> q.Query:
    read = Reader(call, VERBS["frontdoor_sets"].form)
    read.arguments()
    rest, options = read.options(SET_OPTIONS)
    x, y = read.sides(rest)
    sets = {key: read.terms((part.value,)) for key, part in options.items()}
    return q.FrontdoorSets(x, y, sets.get("required", ()), sets.get("forbidden", ()), call.span)


def _instruments(call: tree.Call) -> q.Query:
    read = Reader(call, VERBS["instruments"].form)
    read.no_bar()
    treatment, outcome = read.arguments(2)
    return q.Instruments(read.one(treatment), read.one(outcome), call.span)


def _controls(call: tree.Call) -> q.Query:
    read = Reader(call, VERBS["controls"].form)
    return q.Controls(*read.sides(read.arguments(2)), call.span)


def _implications(call: tree.Call) -> q.Query:
    read = Reader(call, VERBS["implications"].form)
    read.no_bar()
    rest, options = read.options(("basis",))
    basis = options["basis"].value if options else tree.Name(BASES[0])
    if rest or not isinstance(basis, tree.Name) or basis.text not in BASES:
        raise read.wrong(f"basis is {', '.join(BASES[:-1])} or {BASES[-1]}", rest[0] if rest else basis)
    return q.Implications(basis.text, call.span)


def _represent(call: tree.Call) -> q.Query:
    read = Reader(call, VERBS[call.verb.text].form)
    read.no_bar()
    read.arguments(0)
    return q.Represent(call.verb.text, call.span)


def _equivalent(call: tree.Call) -> q.Query:
    read = Reader(call, VERBS["equivalent"].form)
    read.no_bar()
    (path,) = read.arguments(1)
    if not isinstance(path, tree.Text):
        raise read.wrong("the other model's file expected, in quotes", path)
    return q.Equivalent(path.text, call.span)


def _intervene(call: tree.Call) -> q.Query:
    read = Reader(call, VERBS["do"].form)
    read.no_bar()
    return q.Intervene(read.intervention(call), call.span)


def _plain(make: type[q.Triples | q.Districts | q.Project | q.Tetrads | q.Members]) -> Callable[[tree.Call], q.Query]:
    def build(call: tree.Call) -> q.Query:
        read = Reader(call, VERBS[call.verb.text].form)
        read.no_bar()
        read.arguments(0)
        return make(call.span)

    return build


VERBS: dict[str, Verb] = {
    "identify": Verb("identify(do(X1, X2), {Y1, Y2} | Z)", _identify),
    "identified": Verb("identified(do(X), Y)", _identify),  # reads better behind `expect` and `expect not`
    "verify": Verb("verify(identify(do(X), Y))", _verify),
    "P": Verb("P(Y=1 | do(X=0), Z=1)", _probability),
    "E": Verb("E(Y | do(X=1), Z=1)", _expectation),
    "ate": Verb("ate(X, Y)", _effect),
    "att": Verb("att(X, Y)", _effect),
    "atc": Verb("atc(X, Y)", _effect),
    "rr": Verb("rr(X, Y)", _effect),
    "odds_ratio": Verb("odds_ratio(X, Y)", _effect),
    "pn": Verb("pn(X, Y)", _effect),
    "ps": Verb("ps(X, Y)", _effect),
    "pns": Verb("pns(X, Y)", _effect),
    "cate": Verb("cate(X, Y | W)", _conditional_effect),
    "cde": Verb("cde(X, Y, M=m)", _controlled_effect),
    "independent": Verb("independent(X, Y | Z)", _between(q.Independent)),
    "paths": Verb("paths(X, Y | Z)", _between(q.Paths)),
    "triples": Verb("triples()", _plain(q.Triples)),
    "ancestors": Verb("ancestors(X)", _relatives),
    "descendants": Verb("descendants(X)", _relatives),
    "blanket": Verb("blanket(X)", _relatives),
    "districts": Verb("districts()", _plain(q.Districts)),
    "adjustment_sets": Verb("adjustment_sets(X, Y, effect=direct, required={A}, forbidden={B})", _adjustment_sets),
    "adjusts": Verb("adjusts(X, Y | Z)", _between(q.Adjusts)),
    "do": Verb("do(X)", _intervene),
    "project": Verb("project()", _plain(q.Project)),
    "frontdoor_sets": Verb("frontdoor_sets(X, Y, required={A}, forbidden={B})", _frontdoor_sets),
    "instruments": Verb("instruments(X, Y)", _instruments),
    "controls": Verb("controls(X, Y)", _controls),
    "implications": Verb("implications(basis=local_markov)", _implications),
    "tetrads": Verb("tetrads()", _plain(q.Tetrads)),
    "cpdag": Verb("cpdag()", _represent),
    "mpdag": Verb("mpdag()", _represent),
    "mag": Verb("mag()", _represent),
    "pag": Verb("pag()", _represent),
    "members": Verb("members()", _plain(q.Members)),
    "equivalent": Verb('equivalent("other.dag")', _equivalent),
}
