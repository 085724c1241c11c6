"""Does a query fit the model? Names, latent variables, levels: each problem with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from causalgraph.errors import Diagnostic, Label, did_you_mean
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.syntax.queries import Arithmetic, Effect, Expectation, Identify, Probability, Query, Term, terms
from causalgraph.variables import Variable

__all__ = ["check_query"]

# Queries whose every variable data must speak of.
OBSERVED = (Identify, Probability, Expectation, Effect)


def check_query(query: Query, graph: MixedGraph, variables: Mapping[str, Variable]) -> list[Diagnostic]:
    """Return what is wrong with a query: unknown names (E201), latents (E203), levels that don't exist (E204)."""
    return list(_problems(query, graph, variables))


def _problems(query: Query, graph: MixedGraph, variables: Mapping[str, Variable]) -> Iterator[Diagnostic]:
    if isinstance(query, Arithmetic):
        yield from _problems(query.left, graph, variables)
        yield from _problems(query.right, graph, variables)
        return
    observed = isinstance(query, OBSERVED)
    for term in terms(query):
        variable = variables.get(term.variable)
        if variable is None:
            yield _unknown(term, variables)
        elif observed and variable.latent:
            yield Diagnostic(
                "E203",
                f"{term.variable} is latent{_line(variable)}",
                _labels(term),
                "no data can speak of a variable that isn't observed",
                "drop it from the query, or drop [latent] if the data has it",
            )
        elif term.value is not None:
            yield from _level(term, variable)


def _unknown(term: Term, variables: Mapping[str, Variable]) -> Diagnostic:
    near = did_you_mean(term.variable, variables)
    fix = (
        f"did you mean {near}{_line(variables[near])}?" if near else f"the model has {', '.join(list(variables)[:12])}"
    )
    return Diagnostic("E201", f"{term.variable} isn't in the model", _labels(term), None, fix)


def _level(term: Term, variable: Variable) -> Iterator[Diagnostic]:
    """Hold a level against those that the model declares; what isn't declared waits for the data."""
    value = term.value or ""
    allowed = variable.levels or (("0", "1") if variable.kind == "binary" and _is_number(value) else ())
    if allowed and value not in allowed:
        near = did_you_mean(value, allowed)
        yield Diagnostic(
            "E204",
            f"{term.variable} is never {value}",
            _labels(term),
            f"{term.variable} is {variable.kind}{_line(variable)}: {' or '.join(allowed)}",
            near and f"did you mean {term.variable}={near}?",
        )
    elif variable.kind in ("count", "continuous") and not _is_number(value):
        yield Diagnostic(
            "E204", f"{term.variable} is never {value}", _labels(term), f"{term.variable} is {variable.kind}: a number"
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _labels(term: Term) -> tuple[Label, ...]:
    return (Label(term.span),) if term.span else ()


def _line(variable: Variable) -> str:
    return f" (line {variable.span.line})" if variable.span else ""
