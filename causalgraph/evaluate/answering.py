"""From a numeric query to an estimate: count once, find the support, evaluate, say what a reader must know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from causalgraph.data.counts import Counts
from causalgraph.data.source import Source
from causalgraph.evaluate import counting
from causalgraph.evaluate.effects import MEASURES, Contrast, contrast_of, effect
from causalgraph.evaluate.estimate import Estimate, Row
from causalgraph.evaluate.interval import log_wald, simultaneous, wald, wilson
from causalgraph.evaluate.quantities import Numeric, Parts, Quantity, RefusedError, World, quantity
from causalgraph.evaluate.resampling import Replicates, bootstrap
from causalgraph.evaluate.support import Support
from causalgraph.evaluate.table import Evaluated, evaluate
from causalgraph.formula.printing import text as formula_text
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.identify.answer import Undecided
from causalgraph.names import natural
from causalgraph.syntax.queries import Arithmetic, Effect, Expectation, Probability
from causalgraph.variables import Variable

if TYPE_CHECKING:
    from sympy import Expr

__all__ = ["METHODS", "answer"]

METHODS = ("auto", "counts", "bootstrap")

# A table of more rows than this gets intervals row by row only.
MOST_JOINT = 200


def answer(
    query: Numeric,
    text: str,
    graph: MixedGraph,
    variables: Mapping[str, Variable],
    source: Source,
    *,
    method: str = "auto",
    level: float = 0.95,
    seed: int = 0,
) -> Estimate | Undecided:
    """Answer a numeric query from data by counting cells.

    Args:
        query: probabilities, expectations, effects and their arithmetic.
        text: the query as it was written.
        graph: the model's graph.
        variables: the declared variables, by name.
        source: the data.
        method: ``counts`` (``auto``) for errors by the formula's gradient, ``bootstrap`` for resampled cells.
        level: the intervals' level of confidence.
        seed: of what is drawn at random: the bootstrap, and the critical value of simultaneous intervals.

    Raises:
        DataError: the data don't fit the model.
        EstimationError: they can't carry the estimate.
        ModelError: the query asks for a level that doesn't exist (E204).
    """
    world, parts = World(graph, variables, source), Parts()
    contrast = contrast_of(query, world) if isinstance(query, Effect) else None
    try:
        asked = _quantities(query, contrast, world, parts)
    except RefusedError as refused:
        return refused.verdict
    formulas, naive = [q.formula for q in asked], [q.naive for q in asked]
    whole = counting.count([*formulas, *naive], parts, world)
    held = counting.supported(parts, whole, world)
    counts = whole.keep(held.keep)
    covariates = tuple(dict.fromkeys(c for i in parts.identified for c in i.derivation.covariates))
    compact, cells, made = counting.compacted(formulas, counts, covariates)
    everything = {**variables, **{n: Variable(n) for n in made}}
    laid = _evaluated(query, contrast, compact, cells, everything, world)
    resampled = bootstrap(compact, cells, everything, seed=seed) if method == "bootstrap" else None
    rows = list(_rows(query, laid, counts, level, resampled, seed))
    single = len(rows) == 1 and not rows[0].levels
    return Estimate(
        query=text,
        formula=formula_text(formulas[0]) if single else None,
        rows=tuple(rows),
        level=level,
        method="by counts" if resampled is None else f"bootstrap over cells, {len(resampled.values):,} replicates",
        n=counts.n,
        dropped=counts.dropped,
        warnings=tuple(_warnings(rows, held, counts, list(counting.advice(parts, whole, held, world)), resampled)),
        identification=tuple(parts.identified),
        covariates=covariates,
        strata=counting.strata(counts, covariates),
        naive=_naive(naive[0], whole, variables) if covariates and single else None,
        naive_of=_naive_of(query, world),
        supported=held.mass,
        failing=tuple(s.to_dict() for s in held.failing),
        notes=tuple(_notes(counts, variables, source)),
        unit=_unit(query, variables),
        versus=contrast.versus if contrast else None,
        compared=dict.fromkeys(contrast.versus, contrast.pairs[0][0]) if contrast else {},
    )


def _quantities(query: Numeric, contrast: Contrast | None, world: World, parts: Parts) -> list[Quantity]:
    """Return one formula a contrast, or the query's one."""
    if contrast and isinstance(query, Effect):
        return [MEASURES[query.measure].build(query, world, parts, *pair) for pair in contrast.pairs]
    return [quantity(query, world, parts, effect)]


@dataclass(frozen=True)
class _Laid:
    """The numbers of a query in the order of its rows: levels, value, error; and their covariance, where there is one.

    `order` says for each row which number of the evaluation it is.
    """

    levels: list[dict[str, str]]
    order: list[int]
    values: list[float | None]
    errors: list[float]
    covariance: np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None


def _evaluated(
    query: Numeric,
    contrast: Contrast | None,
    formulas: list[Expr],
    counts: Counts,
    variables: Mapping[str, Variable],
    world: World,
) -> _Laid:
    """Evaluate the formulas and lay the numbers out as rows, one for each combination of levels."""
    found = [evaluate(f, counts, variables, errors="joint" if len(formulas) == 1 else "each") for f in formulas]
    labels = contrast.labels if contrast else [{}]
    absent = _absent(query, formulas)
    laid = _Laid([], [], [], [], found[0].covariance if len(found) == 1 else None)
    start = 0
    for one, label in zip(found, labels, strict=True):
        for levels, place in _places(one, label, absent, world):
            laid.levels.append(levels)
            laid.order.append(start + (int(np.ravel_multi_index(place, one.values.shape)) if place else 0))
            laid.values.append(float(one.values[place]) if one.valid[place] else None)
            laid.errors.append(float(one.errors[place]))
        start += one.values.size
    return laid


def _absent(query: Numeric, formulas: list[Expr]) -> tuple[str, ...]:
    """Return treatments left free that the formula doesn't mention, as where they have no effect."""
    if isinstance(query, Probability | Expectation):
        named = {v.variable for f in formulas for v in f.free_symbols}
        return tuple(t.variable for t in query.do if t.value is None and t.variable not in named)
    return ()


def _places(
    one: Evaluated, label: Mapping[str, str], absent: tuple[str, ...], world: World
) -> Iterator[tuple[dict[str, str], tuple[int, ...]]]:
    """Yield the rows of an evaluated formula: levels in declared order, the variable that sorts first slowest."""
    names = [*(v.variable for v in one.axes), *absent]
    levels = [*one.levels, *(world.levels(name) for name in absent)]
    order = sorted(range(len(names)), key=lambda i: natural(names[i]))
    for turn in product(*(range(len(levels[i])) for i in order)):
        place = dict(zip(order, turn, strict=True))
        shown = {**label, **{names[i]: levels[i][place[i]] for i in order}}
        yield shown, tuple(place[i] for i in range(len(one.axes)))


def _rows(
    query: Numeric, laid: _Laid, counts: Counts, level: float, resampled: Replicates | None, seed: int
) -> Iterator[Row]:
    """Give each number its interval, and a table intervals that hold all at once."""

    def lay(value: float, error: float, critical: float | None = None) -> tuple[float, float]:
        if isinstance(query, Probability):
            return wilson(min(max(value, 0.0), 1.0), error, level, counts.effective, critical)
        if isinstance(query, Effect) and MEASURES[query.measure].scale == "ratio":
            return log_wald(value, error, level, critical)
        return wald(value, error, level, critical)

    rows = []
    for levels, value, number, error in zip(laid.levels, laid.values, laid.order, laid.errors, strict=True):
        if value is None or (np.isnan(error) and resampled is None):
            rows.append(Row(levels, value, None, None))
        elif resampled is not None:
            rows.append(Row(levels, value, resampled.error(number), resampled.interval(number, level)))
        else:
            rows.append(Row(levels, value, error, lay(value, error)))
    joint = laid.covariance
    if joint is None or not 1 < len(rows) <= MOST_JOINT or resampled is not None or counts.weighting == "exact":
        yield from rows
        return
    critical = simultaneous(joint, level, seed)
    for row in rows:
        if row.value is None or row.std_error is None:
            yield row
        else:
            yield replace(row, joint=lay(row.value, row.std_error, critical))


def _naive(formula: Expr, counts: Counts, variables: Mapping[str, Variable]) -> float | None:
    plain = evaluate(formula, counts, variables, errors="none")
    return float(plain.values) if bool(plain.valid) else None


def _naive_of(query: Numeric, world: World) -> str:
    if isinstance(query, Probability):
        return "share"
    outcome = query.outcome.variable if isinstance(query, Expectation | Effect) else None
    binary = outcome is not None and world.source.kind(world.variables[outcome]) == "binary"
    what = "share" if binary else "mean"
    return what if isinstance(query, Expectation) else f"comparison of {what}s"


def _unit(query: Numeric, variables: Mapping[str, Variable]) -> str | None:
    """Return the outcome's unit, where the query keeps it."""
    if isinstance(query, Effect) and not MEASURES[query.measure].has_unit:
        return None
    if isinstance(query, Expectation | Effect):
        return variables[query.outcome.variable].unit
    if isinstance(query, Arithmetic) and query.operator in ("+", "-"):
        units = {_unit(side, variables) for side in (query.left, query.right)}  # type: ignore[arg-type]  # the parser admits numeric sides alone
        return units.pop() if len(units) == 1 else None
    return None


def _notes(counts: Counts, variables: Mapping[str, Variable], source: Source) -> Iterator[str]:
    """Say which word of a binary outcome counts as 1."""
    for name in counts.outcomes:
        if source.kind(variables[name]) == "binary":
            first, last = source.levels(variables[name])
            if (first, last) != ("0", "1"):
                yield f"{name}={last} counts as 1, {name}={first} as 0"


def _warnings(
    rows: list[Row], held: Support, counts: Counts, better: list[str], resampled: Replicates | None
) -> Iterator[str]:
    """Say what a reader of the number must know."""
    if held.failing:
        shown = [s.text for s in held.failing[:3]]
        more = len(held.failing) - len(shown)
        listed = "; ".join(shown) + (f"; and {more:,} more strata" if more else "")
        yield (
            f"W501: the data carry the comparison for {held.mass:.1%} of the population; the number speaks of "
            f"that part alone. {listed}." + (f" What could help: {'; '.join(better)}." if better else "")
        )
    lost = sum(r.value is None for r in rows)
    if lost:
        yield f"W502: {lost:,} of {len(rows):,} numbers aren't determined: the data make them a division by zero"
    if counts.weighting == "survey":
        yield "W503: the weights aren't whole numbers; they are taken for survey weights in the standard error"
    if resampled is not None and counts.outcomes:
        yield "W504: the bootstrap draws the cells' means from their normal law, as the rows aren't kept"
    if resampled is not None and resampled.lost:
        yield f"W505: {resampled.lost:,} replicates lacked an arm in some stratum and were left out"
