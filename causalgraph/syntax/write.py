"""From a question back to its canonical text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from causalgraph.syntax import queries as q
from causalgraph.syntax.names import level_text, name_text, string_text

__all__ = ["write"]


def write(query: q.Query) -> str:
    """Return a question's canonical text, which parses to an equal question.

    >>> write(q.Probability((q.Term("Lung cancer", "1"),), (q.Term("Smoking"),)))
    'P(`Lung cancer`=1 | do(Smoking))'
    """
    return WRITERS[type(query)](query)


def _write_arithmetic(query: q.Arithmetic) -> str:
    rank = RANK[query.operator]
    return f"{_operand(query.left, rank)} {query.operator} {_operand(query.right, rank + 1)}"


RANK = {"+": 1, "-": 1, "*": 2, "/": 2}


def _operand(query: q.Query, rank: int) -> str:
    text = write(query)
    return f"({text})" if isinstance(query, q.Arithmetic) and RANK[query.operator] < rank else text


def _call(verb: str, arguments: Iterable[str], given: Iterable[str] = ()) -> str:
    after = ", ".join(given)
    return f"{verb}({', '.join(arguments)}{' | ' * bool(after)}{after})"


def _conditions(do: tuple[q.Term, ...], given: tuple[q.Term, ...]) -> list[str]:
    return [_do(do)] * bool(do) + [_term(term) for term in given]


def _do(terms: tuple[q.Term, ...]) -> str:
    return _call("do", map(_term, terms))


def _set(terms: tuple[q.Term, ...]) -> str:
    written = ", ".join(map(_term, terms))
    return written if len(terms) == 1 else f"{{{written}}}"


def _term(term: q.Term) -> str:
    name = name_text(term.variable)
    if isinstance(term, q.Potential):
        name += f"[{', '.join(map(_term, term.world))}]"
    return name if term.value is None else f"{name}={level_text(term.value)}"


def _sides(verb: str, left: tuple[q.Term, ...], right: tuple[q.Term, ...], given: tuple[q.Term, ...]) -> str:
    return _call(verb, [_set(left), _set(right)], map(_term, given))


def _write_counterfactual(query: q.Counterfactual) -> str:
    if query.quantity == "P":
        return _call("P", map(_term, query.targets), map(_term, query.given))
    said = ""
    for c, term in zip(query.coefficients, query.targets, strict=True):
        sign = ("-" if c < 0 else "") if not said else " - " if c < 0 else " + "
        said += sign + ("" if abs(c) == 1 else f"{abs(c)!r} * ") + _term(term)
    return _call("E", [said], map(_term, query.given))


def _write_sets(verb: str, query: q.AdjustmentSets | q.FrontdoorSets, options: list[str]) -> str:
    for key, terms in (("required", query.required), ("forbidden", query.forbidden)):
        options += [f"{key}={{{', '.join(map(_term, terms))}}}"] * bool(terms)
    return _call(verb, [_set(query.treatments), _set(query.outcomes), *options])


def _write_identify(query: q.Identify) -> str:
    option = [f"strategy={level_text(query.strategy)}"] if query.strategy else []
    return _call("identify", [_do(query.treatments), _set(query.outcomes), *option], map(_term, query.given))


WRITERS: dict[type[q.Query], Callable[[Any], str]] = {
    q.Identify: _write_identify,
    q.Verify: lambda x: _call("verify", [_write_identify(x.claim)]),
    q.Probability: lambda x: _call("P", map(_term, x.outcomes), _conditions(x.do, x.given)),
    q.Expectation: lambda x: _call("E", [_term(x.outcome)], _conditions(x.do, x.given)),
    q.Counterfactual: _write_counterfactual,
    q.Effect: lambda x: _call(x.measure, map(_term, [x.treatment, x.outcome, *x.held]), map(_term, x.given)),
    q.Independent: lambda x: _sides("independent", x.left, x.right, x.given),
    q.Paths: lambda x: _sides("paths", x.left, x.right, x.given),
    q.Adjusts: lambda x: _sides("adjusts", x.treatments, x.outcomes, x.given),
    q.AdjustmentSets: lambda x: _write_sets("adjustment_sets", x, [f"effect={x.effect}"] * (x.effect != "total")),
    q.FrontdoorSets: lambda x: _write_sets("frontdoor_sets", x, []),
    q.Instruments: lambda x: _call("instruments", [_term(x.treatment), _term(x.outcome)]),
    q.Controls: lambda x: _call("controls", [_set(x.treatments), _set(x.outcomes)]),
    q.Implications: lambda x: _call("implications", [f"basis={x.basis}"] * (x.basis != "missing_edge")),
    q.Tetrads: lambda _: "tetrads()",
    q.Represent: lambda x: f"{x.form}()",
    q.Members: lambda _: "members()",
    q.Equivalent: lambda x: _call("equivalent", [string_text(x.path)]),
    q.Relatives: lambda x: _call(x.relation, map(_term, x.of)),
    q.Intervene: lambda x: _do(x.treatments),
    q.Triples: lambda _: "triples()",
    q.Districts: lambda _: "districts()",
    q.Project: lambda _: "project()",
    q.Constant: lambda x: x.digits,
    q.Arithmetic: _write_arithmetic,
}
