"""Does a query fit the model? Names, latent variables, levels: each problem with its place; and bad controls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from causalgraph.criteria.controls import Controls, controls
from causalgraph.errors import Diagnostic, Label, did_you_mean
from causalgraph.graphs.kinds import DIRECTED
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.syntax.queries import (
    Arithmetic,
    Counterfactual,
    Effect,
    Expectation,
    Identify,
    Probability,
    Query,
    Term,
    Verify,
    terms,
)
from causalgraph.variables import Variable

__all__ = ["check_query", "controls_of"]

# Names or levels that a message lists at most.
LISTED = 12
# What a text goes by that isn't a file: a question typed on a command line, say.
TYPED = "<text>"
# Queries whose every variable data must speak of.
OBSERVED = (Identify, Probability, Expectation, Counterfactual, Effect)


def check_query(query: Query, graph: MixedGraph, variables: Mapping[str, Variable]) -> list[Diagnostic]:
    """Return what is wrong with a query: unknown names (E201), latents (E203), levels that don't exist (E204)."""
    return list(_problems(query, graph, variables))


def controls_of(graph: MixedGraph, variables: Mapping[str, Variable]) -> Controls | None:
    """Judge each variable as a control for the effect that a model declares by `[exposure]` and `[outcome]`.

    None where it declares none, or isn't one graph of causes without selection.
    """
    x = [v.name for v in variables.values() if v.exposure]
    y = [v.name for v in variables.values() if v.outcome]
    if not x or not y or set(x) & set(y) or graph.kind not in DIRECTED or graph.selected:
        return None
    return controls(graph, x, y)


def _problems(query: Query, graph: MixedGraph, variables: Mapping[str, Variable]) -> Iterator[Diagnostic]:
    if isinstance(query, Arithmetic):
        yield from _problems(query.left, graph, variables)
        yield from _problems(query.right, graph, variables)
        return
    if isinstance(query, Verify):
        yield from _problems(query.claim, graph, variables)
        return
    conditions = query.given if isinstance(query, OBSERVED) else ()
    for term in terms(query):
        variable = variables.get(term.variable)
        if variable is None:
            yield _unknown(term, variables)
        elif isinstance(query, OBSERVED) and variable.latent:
            yield _latent(term, variable, condition=any(term is c for c in conditions))
        elif term.value is not None:
            yield from _level(term, variable)


def _unknown(term: Term, variables: Mapping[str, Variable]) -> Diagnostic:
    near = did_you_mean(term.variable, variables)
    if near:
        fix = f"did you mean `{near}`{_line(variables[near], term)}?"
    else:
        fix = f"the model has {', '.join(list(variables)[:LISTED])}" + ", …" * (len(variables) > LISTED)
    why = "a question can speak only of variables that the model names"
    return Diagnostic("E201", f"{term.variable} isn't in the model", _labels(term), why, fix)


def _latent(term: Term, variable: Variable, *, condition: bool) -> Diagnostic:
    name, cannot = term.variable, "condition on it" if condition else "speak of it"
    return Diagnostic(
        "E203",
        f"{name} is latent{_line(variable, term)}: data can't {cannot}",
        _labels(term),
        "a latent variable is one that nobody measured",
        f"drop {name} from the question, or drop [latent] if the data has it",
    )


def _level(term: Term, variable: Variable) -> Iterator[Diagnostic]:
    """Hold a level against those that the model declares; what isn't declared waits for the data."""
    name, value = term.variable, term.value or ""
    allowed = variable.levels or (("0", "1") if variable.kind == "binary" and _is_number(value) else ())
    if allowed and value not in allowed:
        near = did_you_mean(value, allowed)
        yield Diagnostic(
            "E204",
            f"{name} is {variable.kind}: {_choice(allowed)}, never {value}",
            _labels(term),
            f"it is declared so{_line(variable, term)}; of a level that doesn't exist nothing can be said",
            f"did you mean {name}={near}?" if near else f"write {name}={_choice(allowed)}",
        )
    elif variable.kind in ("count", "continuous") and not _is_number(value):
        yield Diagnostic(
            "E204",
            f"{name} is {variable.kind}: a number, never {value}",
            _labels(term),
            f"it is declared so{_line(variable, term)}",
            f"write a number, such as {name}=1, or declare the levels of {name}",
        )


def _choice(levels: Sequence[str]) -> str:
    """Say ``a, b or c``."""
    shown = list(levels[:LISTED]) + ["…"] * (len(levels) > LISTED)
    return ", ".join(shown[:-1]) + " or " * (len(shown) > 1) + shown[-1]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _labels(term: Term) -> tuple[Label, ...]:
    return (Label(term.span),) if term.span else ()


def _line(variable: Variable, term: Term) -> str:
    """Say where a variable comes up first: the line, with the file where the question stands in another one."""
    if variable.span is None:
        return ""
    source, line = variable.span.source, variable.span.line
    asked = term.span.source.name if term.span else TYPED
    return f" (line {line})" if asked in (source.name, TYPED) else f" (line {line} of {source.name})"
