"""From a numeric query to an estimate: count once, find the support, evaluate, say what a reader must know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from causalgraph.criteria.separation import words
from causalgraph.data.counts import Counts
from causalgraph.data.source import Source
from causalgraph.errors import ModelError
from causalgraph.evaluate.estimate import Estimate, Row
from causalgraph.evaluate.interval import wald, wilson
from causalgraph.evaluate.quantities import (
    Numeric,
    Parts,
    Quantity,
    RefusedError,
    World,
    contrast_of,
    effect_quantity,
    quantity,
)
from causalgraph.evaluate.support import Support, support
from causalgraph.evaluate.table import Evaluated, evaluate
from causalgraph.formula.nodes import E, Event, P
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.identify.answer import Identified, Undecided
from causalgraph.names import natural
from causalgraph.syntax.queries import Arithmetic, Effect, Expectation, Probability
from causalgraph.variables import Variable

if TYPE_CHECKING:
    from sympy import Expr

__all__ = ["answer"]


def answer(
    query: Numeric,
    text: str,
    graph: MixedGraph,
    variables: Mapping[str, Variable],
    source: Source,
    *,
    level: float = 0.95,
) -> Estimate | Undecided:
    """Answer a numeric query from data by counting cells.

    Args:
        query: probabilities, expectations, effects and their arithmetic.
        text: the query as it was written.
        graph: the model's graph.
        variables: the declared variables, by name.
        source: the data.
        level: the intervals' level of confidence.

    Raises:
        DataError: the data don't fit the model.
        EstimationError: they can't carry the estimate.
        ModelError: the query asks for a level that doesn't exist (E204).
    """
    world = World(graph, variables, source)
    parts = Parts()
    contrast = contrast_of(query, world) if isinstance(query, Effect) else None
    try:
        quantities = (
            [effect_quantity(query, world, parts, *pair) for pair in contrast.pairs]
            if contrast and isinstance(query, Effect)
            else [quantity(query, world, parts)]
        )
    except RefusedError as refused:
        return refused.verdict
    formulas = [f for q in quantities for f in (q.formula, q.naive)]
    counts = _count(formulas, parts, world)
    held = _support(parts, counts, world)
    counts = counts.keep(held.keep)
    evaluated = [evaluate(q.formula, counts, variables) for q in quantities]
    free = _free_treatments(query, quantities)
    share = _is_probability(query)
    rows = [
        row
        for one, labels in zip(evaluated, contrast.labels if contrast else [{}], strict=True)
        for row in _rows(one, labels, free, world, counts, level, share=share)
    ]
    covariates = tuple(dict.fromkeys(c for i in parts.identified for c in i.derivation.covariates))
    single = len(rows) == 1 and not rows[0].levels
    naive = _naive(quantities[0].naive, counts, variables) if covariates and single else None
    return Estimate(
        query=text,
        rows=tuple(rows),
        level=level,
        method="by counts",
        n=counts.n,
        dropped=counts.dropped,
        warnings=tuple(_warnings(rows, held, counts)),
        identification=tuple(i.to_dict() for i in parts.identified),
        covariates=covariates,
        strata=_strata(counts, covariates),
        naive=naive,
        naive_of=_naive_of(query, world),
        supported=held.mass,
        failing=tuple(s.to_dict() for s in held.failing),
        unit=_unit(query, variables),
        versus=contrast.versus if contrast else None,
        compared=dict.fromkeys(contrast.versus, contrast.pairs[0][0]) if contrast else {},
    )


# Counting.


def _events(formula: Expr) -> Iterator[Event]:
    for node in formula.atoms(P, E):
        yield from (*(node.events if isinstance(node, P) else ()), *node.given)


def _count(formulas: Iterable[Expr], parts: Parts, world: World) -> Counts:
    """Ask the source once for all that the formulas need."""
    formulas = list(formulas)
    cells = {e.variable for f in formulas for e in _events(f)}
    for verdict, _, _ in parts.comparisons:
        cells |= {*verdict.question.x, *verdict.question.w, *verdict.derivation.covariates}
    outcomes = sorted({e.variable for f in formulas for e in f.atoms(E)}, key=natural)
    hidden = sorted((cells | set(outcomes)) & world.graph.latent)
    if hidden:
        raise ModelError.because("E203", f"{words(hidden)} is latent: no data can speak of it")
    for name in sorted(cells, key=natural):
        world.levels(name)
    variables = world.variables
    ordered = sorted(cells, key=natural)
    return world.source.counts([variables[n] for n in ordered], [variables[n] for n in outcomes])


def _support(parts: Parts, counts: Counts, world: World) -> Support:
    """Find the strata that carry every comparison of the query at once."""
    everything = Support(1.0, (), np.ones(len(counts.weight), dtype=bool))
    grouped: dict[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], list[dict[str, int]]] = {}
    for verdict, fixed, within in parts.comparisons:
        if verdict.derivation.strategy == "no effect":
            continue
        free_given = [w for w in verdict.question.w if w not in within]
        covariates = (*verdict.derivation.covariates, *free_given)
        arms = grouped.setdefault((covariates, tuple(sorted(within.items()))), [])
        arms += [a for a in _arms(verdict, fixed, counts, world) if a not in arms]
    found = []
    for (covariates, conditions), arms in grouped.items():
        place = {k: _place(k, v, counts, world) for k, v in conditions}
        found.append(support(counts, arms, covariates, place))
    if not found:
        return everything
    keep = np.logical_and.reduce([s.keep for s in found])
    worst = min(found, key=lambda s: s.mass)
    return Support(worst.mass, tuple(f for s in found for f in s.failing), keep)


def _arms(verdict: Identified, fixed: Mapping[str, str], counts: Counts, world: World) -> Iterator[dict[str, int]]:
    """Yield the arms that a comparison needs: the levels asked for, and of a free treatment all that occur."""
    choices = []
    for x in verdict.question.x:
        axis = counts.axis(x)
        occurring = sorted(set(counts.codes[counts.weight > 0, axis].tolist()))
        choices.append([_place(x, fixed[x], counts, world)] if x in fixed else occurring)
    for codes in product(*choices):
        yield dict(zip(verdict.question.x, codes, strict=True))


def _place(name: str, level: str, counts: Counts, world: World) -> int:
    levels = counts.levels[counts.axis(name)]
    found = world.variables[name].index_of(level, levels)
    if found is None:
        raise ModelError.because("E204", f"{name} is never {level}", why=f"its levels are {', '.join(levels)}")
    return found


def _strata(counts: Counts, covariates: tuple[str, ...]) -> int:
    columns = counts.codes[counts.weight > 0][:, [counts.axis(c) for c in covariates]]
    return len(np.unique(columns, axis=0)) if covariates else 1


# Rows.


def _free_treatments(query: Numeric, quantities: list[Quantity]) -> tuple[str, ...]:
    """Return treatments left free that the formula doesn't mention, as where they have no effect."""
    if isinstance(query, Probability | Expectation):
        named = {v.variable for q in quantities for v in q.formula.free_symbols}
        return tuple(t.variable for t in query.do if t.value is None and t.variable not in named)
    return ()


def _is_probability(query: Numeric) -> bool:
    return isinstance(query, Probability)


def _rows(
    one: Evaluated,
    labels: Mapping[str, str],
    absent: tuple[str, ...],
    world: World,
    counts: Counts,
    level: float,
    *,
    share: bool,
) -> Iterator[Row]:
    """Lay an evaluated formula out as rows, one for each combination of levels."""
    names = [*(v.variable for v in one.axes), *absent]
    levels = [*one.levels, *(world.levels(name) for name in absent)]
    order = sorted(range(len(names)), key=lambda i: natural(names[i]))
    # Rows run through the levels in declared order, the variable that sorts first changing slowest.
    for turn in product(*(range(len(levels[i])) for i in order)):
        place = dict(zip(order, turn, strict=True))
        shown = {**labels, **{names[i]: levels[i][place[i]] for i in order}}
        yield _row(shown, one, tuple(place[i] for i in range(len(one.axes))), counts, level, share=share)


def _row(
    shown: Mapping[str, str], one: Evaluated, place: tuple[int, ...], counts: Counts, level: float, *, share: bool
) -> Row:
    if not one.valid[place]:
        return Row(shown, None, None, None)
    value, error = float(one.values[place]), float(one.errors[place])
    if np.isnan(error):
        return Row(shown, value, None, None)
    interval = wilson(min(max(value, 0.0), 1.0), error, level, counts.n) if share else wald(value, error, level)
    return Row(shown, value, error, interval)


def _naive(formula: Expr, counts: Counts, variables: Mapping[str, Variable]) -> float | None:
    plain = evaluate(formula, counts, variables)
    return float(plain.values) if bool(plain.valid) else None


def _naive_of(query: Numeric, world: World) -> str:
    if isinstance(query, Probability):
        return "share"
    outcome = query.outcome.variable if isinstance(query, Expectation | Effect) else None
    binary = outcome is not None and world.source.kind(world.variables[outcome]) == "binary"
    if isinstance(query, Expectation):
        return "share" if binary else "mean"
    return "comparison of shares" if binary else "comparison of means"


def _unit(query: Numeric, variables: Mapping[str, Variable]) -> str | None:
    """Return the outcome's unit, where the query keeps it."""
    if isinstance(query, Expectation | Effect):
        return variables[query.outcome.variable].unit
    if isinstance(query, Arithmetic) and query.operator in ("+", "-"):
        units = {_unit(side, variables) for side in (query.left, query.right)}  # type: ignore[arg-type]  # as above
        return units.pop() if len(units) == 1 else None
    return None


def _warnings(rows: list[Row], held: Support, counts: Counts) -> Iterator[str]:
    """Say what a reader of the number must know."""
    if held.failing:
        shown = [s.text for s in held.failing[:3]]
        more = len(held.failing) - len(shown)
        listed = "; ".join(shown) + (f"; and {more:,} more strata" if more else "")
        yield (
            f"W501: the data carry the comparison for {held.mass:.1%} of the population; the number speaks of "
            f"that part alone. {listed}. Coarsen the covariates, or adjust for a smaller set."
        )
    lost = sum(r.value is None for r in rows)
    if lost:
        yield f"W502: {lost:,} of {len(rows):,} rows aren't determined: their conditions never occur in the data"
    if counts.weighting == "survey":
        yield "W503: the weights aren't whole numbers; they are taken for survey weights in the standard error"
