"""From the syntax tree of a question to the question.

`VERBS` is the table of all that can be asked: how each verb is written, and what builds its question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from causalgraph.errors import Diagnostic, Label, ModelError, Span, did_you_mean
from causalgraph.syntax import queries as q
from causalgraph.syntax import tree

__all__ = ["LATER", "VERBS", "Verb", "to_query"]

EFFECTS = ("total", "direct")

# Verbs of the public contract that a later version answers.
LATER = (
    *("nde", "nie", "pn", "ps", "pns"),
    *("frontdoor_sets", "instruments", "implications", "cpdag", "mag", "pag"),
    *("equivalent", "sid", "aid", "shd", "bounds", "verify", "compare"),
)


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
            raise _later("a counterfactual (`Y[X=0]`)", expression.span)
        case _:
            raise _wrong("this asks nothing", expression.span, "identify(do(X), Y)")


def _asked(call: tree.Call) -> q.Query:
    verb = VERBS.get(call.verb.text)
    if verb is not None:
        return verb.build(call)
    if call.verb.text in LATER:
        raise _later(call.verb.text, call.verb.span)
    near = did_you_mean(call.verb.text, [*VERBS, *LATER])
    raise ModelError.because(
        "E210",
        f"unknown verb {call.verb.text}",
        fix=f"did you mean {near}?" if near else "verbs are " + ", ".join(VERBS),
        span=call.verb.span,
    )


def _number_of(expression: tree.Expr) -> q.Query:
    query = to_query(expression)
    if not isinstance(query, q.Probability | q.Expectation | q.Effect | q.Constant | q.Arithmetic):
        raise _wrong("this isn't a number", expression.span, "E(Y | do(X=1)) - E(Y | do(X=0))")
    return query


def _reject_repeats(query: q.Query) -> None:
    first: dict[str, q.Term] = {}
    for term in q.terms(query):
        earlier = first.setdefault(term.variable, term)
        if earlier is not term:
            labels = [Label(term.span)] if term.span else []
            labels += [Label(earlier.span, "first here", primary=False)] if earlier.span else []
            what = f"{term.variable} stands in two places of one question"
            why = "a variable is set, asked about or conditioned on, one of the three"
            raise ModelError(Diagnostic("E212", what, tuple(labels), why, "drop one of the two"))


def _wrong(what: str, span: Span | None, form: str) -> ModelError:
    return ModelError.because("E211", what, fix=f"write {form}", span=span)


def _later(what: str, span: Span | None) -> ModelError:
    return ModelError.because("E050", f"{what} isn't supported yet", fix="leave it out for now", span=span)


# Reading arguments.


@dataclass(frozen=True)
class _Reader:
    """A call whose arguments are being read; every complaint shows the verb's form."""

    call: tree.Call
    form: str

    def wrong(self, what: str, part: tree.Expr | None = None) -> ModelError:
        return _wrong(f"{self.call.verb.text}: {what}", (part or self.call).span, self.form)

    def arguments(self, count: int | None = None) -> tuple[tree.Expr, ...]:
        """Return the arguments before the bar; `count` says how many there must be."""
        arguments = self.call.arguments
        if not arguments and count != 0:
            raise self.wrong("something is missing")
        if count is not None and len(arguments) != count:
            many = {0: "no arguments", 1: "one argument"}.get(count, f"{count} arguments")
            raise self.wrong(f"{many} expected, {len(arguments)} found")
        return arguments

    def no_bar(self) -> None:
        if self.call.given is not None:
            raise self.wrong("no `|` here")

    def terms(self, parts: Iterable[tree.Expr], *, levels: bool = False) -> tuple[q.Term, ...]:
        """Read variables: names, sets of names, and where `levels` holds ``X=1``."""
        return tuple(term for part in parts for term in self._terms(part, levels=levels))

    def _terms(self, part: tree.Expr, *, levels: bool) -> Iterator[q.Term]:
        match part:
            case tree.Name(text):
                yield q.Term(text, None, part.span)
            case tree.SetLiteral(items):
                for item in items:
                    if isinstance(item, tree.SetLiteral):
                        raise self.wrong("a set of sets isn't a set of variables", item)
                    yield from self._terms(item, levels=levels)
            case tree.Assign(name, value):
                if not levels:
                    raise self.wrong("a variable without a level expected", part)
                yield q.Term(name.text, self._level(value), part.span)
            case tree.Subscript():
                raise _later("a counterfactual (`Y[X=0]`)", part.span)
            case tree.Text(text):
                raise self.wrong(f'"{text}" in quotes is a level, never a variable', part)
            case _:
                raise self.wrong("a variable expected", part)

    def _level(self, value: tree.Expr) -> str:
        match value:
            case tree.Name(text) | tree.Text(text) | tree.Number(text):
                return text
            case tree.Negate(tree.Number(digits)):
                return f"-{digits}"
            case _:
                raise self.wrong("a level is a name, a number or a quoted text", value)

    def one(self, part: tree.Expr) -> q.Term:
        """Read one variable without a level."""
        found = self.terms((part,))
        if len(found) != 1:
            raise self.wrong("one variable expected", part)
        return found[0]

    def some(self, part: tree.Expr) -> tuple[q.Term, ...]:
        """Read at least one variable without a level."""
        found = self.terms((part,))
        if not found:
            raise self.wrong("at least one variable expected", part)
        return found

    def intervention(self, part: tree.Expr) -> tuple[q.Term, ...]:
        """Read ``do(X1, X2=1)``."""
        if not isinstance(part, tree.Call) or part.verb.text != "do" or part.given is not None:
            raise self.wrong("do(...) expected", part)
        found = self.terms(part.arguments, levels=True)
        if not found:
            raise self.wrong("do(...) of nothing", part)
        return found

    def given(self) -> tuple[tuple[q.Term, ...], tuple[q.Term, ...]]:
        """Read what stands after the bar: interventions, and what is conditioned on."""
        parts = self.call.given or ()
        do = tuple(term for part in parts if _is_do(part) for term in self.intervention(part))
        return do, self.terms((part for part in parts if not _is_do(part)), levels=True)


def _is_do(part: tree.Expr) -> bool:
    return isinstance(part, tree.Call) and part.verb.text == "do"


# One builder for each form of question.


def _identify(call: tree.Call) -> q.Query:
    read = _Reader(call, VERBS["identify"].form)
    treatments, *outcomes = read.arguments()
    do = read.intervention(treatments)
    asked = read.terms(outcomes, levels=True)
    if not asked:
        raise read.wrong("an outcome is missing")
    return q.Identify(do, asked, read.terms(call.given or (), levels=True), call.span)


def _probability(call: tree.Call) -> q.Query:
    read = _Reader(call, VERBS["P"].form)
    outcomes = read.terms(read.arguments(), levels=True)
    if not outcomes:
        raise read.wrong("an outcome is missing")
    do, given = read.given()
    return q.Probability(outcomes, do, given, call.span)


def _expectation(call: tree.Call) -> q.Query:
    read = _Reader(call, VERBS["E"].form)
    outcome = read.one(read.arguments(1)[0])
    do, given = read.given()
    return q.Expectation(outcome, do, given, call.span)


def _effect(call: tree.Call) -> q.Query:
    read = _Reader(call, VERBS[call.verb.text].form)
    read.no_bar()
    treatment, outcome = read.arguments(2)
    return q.Effect(call.verb.text, read.one(treatment), read.one(outcome), span=call.span)


def _conditional_effect(call: tree.Call) -> q.Query:
    read = _Reader(call, VERBS[call.verb.text].form)
    treatment, outcome = read.arguments(2)
    given = read.terms(call.given or (), levels=True)
    if not given:
        raise read.wrong("a condition is missing")
    return q.Effect(call.verb.text, read.one(treatment), read.one(outcome), given, span=call.span)


def _controlled_effect(call: tree.Call) -> q.Query:
    read = _Reader(call, VERBS[call.verb.text].form)
    read.no_bar()
    arguments = read.arguments()
    if len(arguments) < len(("X", "Y", "M=m")):
        raise read.wrong("something is missing")
    held = read.terms(arguments[2:], levels=True)
    if not all(term.value is not None for term in held):
        raise read.wrong("a mediator is held at a level", arguments[2])
    return q.Effect(call.verb.text, read.one(arguments[0]), read.one(arguments[1]), (), held, call.span)


def _between(make: type[q.Independent | q.Paths | q.Adjusts]) -> Callable[[tree.Call], q.Query]:
    def build(call: tree.Call) -> q.Query:
        read = _Reader(call, VERBS[call.verb.text].form)
        left, right = read.arguments(2)
        return make(read.some(left), read.some(right), read.terms(call.given or ()), call.span)

    return build


def _relatives(call: tree.Call) -> q.Query:
    read = _Reader(call, VERBS[call.verb.text].form)
    read.no_bar()
    found = read.terms(read.arguments())
    if not found:
        raise read.wrong("at least one variable expected")
    return q.Relatives(call.verb.text, found, call.span)


def _adjustment_sets(call: tree.Call) -> q.Query:
    read = _Reader(call, VERBS["adjustment_sets"].form)
    read.no_bar()
    options = {p.name.text: p for p in read.arguments() if isinstance(p, tree.Assign)}
    sides = [p for p in read.arguments() if not isinstance(p, tree.Assign)]
    if len(sides) != 2:
        raise read.wrong(f"2 arguments expected, {len(sides)} found")
    strange = next((p for key, p in options.items() if key not in ("effect", "required", "forbidden")), None)
    if strange or len(options) + len(sides) < len(read.arguments()):
        raise read.wrong("the options are effect=, required= and forbidden=, each once", strange)
    effect = options.pop("effect").value if "effect" in options else tree.Name("total")
    if not isinstance(effect, tree.Name) or effect.text not in EFFECTS:
        raise read.wrong("effect is total or direct", effect)
    sets = {key: read.terms((part.value,)) for key, part in options.items()}
    return q.AdjustmentSets(
        read.some(sides[0]),
        read.some(sides[1]),
        effect.text,
        sets.get("required", ()),
        sets.get("forbidden", ()),
        call.span,
    )


def _intervene(call: tree.Call) -> q.Query:
    read = _Reader(call, VERBS["do"].form)
    read.no_bar()
    return q.Intervene(read.intervention(call), call.span)


def _plain(make: type[q.Triples | q.Districts | q.Project]) -> Callable[[tree.Call], q.Query]:
    def build(call: tree.Call) -> q.Query:
        read = _Reader(call, VERBS[call.verb.text].form)
        read.no_bar()
        read.arguments(0)
        return make(call.span)

    return build


VERBS: dict[str, Verb] = {
    "identify": Verb("identify(do(X1, X2), {Y1, Y2} | Z)", _identify),
    "identified": Verb("identified(do(X), Y)", _identify),  # reads better behind `expect` and `expect not`
    "P": Verb("P(Y=1 | do(X=0), Z=1)", _probability),
    "E": Verb("E(Y | do(X=1), Z=1)", _expectation),
    "ate": Verb("ate(X, Y)", _effect),
    "att": Verb("att(X, Y)", _effect),
    "atc": Verb("atc(X, Y)", _effect),
    "rr": Verb("rr(X, Y)", _effect),
    "odds_ratio": Verb("odds_ratio(X, Y)", _effect),
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
}
