"""From a numeric query to an estimate: count once, find the support, evaluate, say what a reader must know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from sympy import Add, Mul, Pow

from causalgraph.data.counts import Counts
from causalgraph.data.source import Source
from causalgraph.errors import EstimationError
from causalgraph.evaluate import counting
from causalgraph.evaluate.effects import MEASURES, Contrast, contrast_of, effect
from causalgraph.evaluate.estimate import Estimate, Row
from causalgraph.evaluate.interval import log_wald, simultaneous, wald, wilson
from causalgraph.evaluate.pieces import Laid, Lost, Piece, failing_of, warnings_of
from causalgraph.evaluate.quantities import Numeric, Parts, RefusedError, World, quantity
from causalgraph.evaluate.resampling import bootstrap
from causalgraph.evaluate.table import Evaluated, covariance, evaluate
from causalgraph.formula.nodes import Event, Level, P, Value
from causalgraph.formula.printing import text as formula_text
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.identify.answer import NotIdentified, Undecided
from causalgraph.names import natural
from causalgraph.syntax.queries import Arithmetic, Effect, Expectation, Probability
from causalgraph.variables import Variable

if TYPE_CHECKING:
    from numpy.typing import NDArray
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
) -> Estimate | NotIdentified | Undecided:
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
    world = World(graph, variables, source)
    contrast = contrast_of(query, world) if isinstance(query, Effect) else None
    try:
        pieces = _pieces(query, contrast, world)
    except RefusedError as refused:
        return refused.verdict
    parts = Parts(
        list(dict.fromkeys(i for p in pieces for i in p.parts.identified)),
        [c for p in pieces for c in p.parts.comparisons],
    )
    whole = counting.count([f for p in pieces for f in (p.quantity.formula, p.quantity.naive)], parts, world)
    stratified = (i.derivation for i in parts.identified if i.derivation.strategy in counting.STRATIFIED)
    covariates = tuple(dict.fromkeys(c for d in stratified for c in d.covariates))
    laid = [_lay(p, query, whole, covariates, world, seed if method == "bootstrap" else None) for p in pieces]
    told, lost = [one for one in laid if isinstance(one, Laid)], [one for one in laid if isinstance(one, Lost)]
    if not told:
        raise lost[0].error
    rows = list(_rows(query, laid, whole, world, level, seed))
    single = len(rows) == 1 and not rows[0].levels
    counts = told[0].counts if len(laid) == 1 else whole
    drawn = next((len(one.resampled.values) for one in told if one.resampled is not None), 0)
    return Estimate(
        query=text,
        formula=formula_text(pieces[0].quantity.formula) if single else None,
        rows=tuple(rows),
        level=level,
        method=f"bootstrap over cells, {drawn:,} replicates" if drawn else "by counts",
        n=counts.n,
        dropped=counts.dropped,
        warnings=tuple(warnings_of(query, rows, told, lost, whole, world)),
        identification=tuple(parts.identified),
        covariates=covariates,
        strata=counting.strata(counts, covariates),
        naive=_naive(pieces[0].quantity.naive, whole, variables) if _adjusts(parts) and single else None,
        naive_of=_naive_of(query, world),
        supported=min(one.held.mass for one in told),
        failing=tuple(s.to_dict() for s in failing_of(told)),
        notes=(*_notes(counts, variables, source), *_spread(pieces, parts, counts, variables)),
        unit=_unit(query, variables),
        versus=contrast.versus if contrast else None,
        compared=dict.fromkeys(contrast.versus, contrast.pairs[0][0]) if contrast else {},
    )


def _adjusts(parts: Parts) -> bool:
    """Whether the answer may differ from a plain comparison."""
    ways = [i.derivation for i in parts.identified]
    return any(d.covariates or d.strategy == "general" for d in ways)


def _spread(pieces: list[Piece], parts: Parts, counts: Counts, variables: Mapping[str, Variable]) -> Iterator[str]:
    """Say what was averaged over without need, and how far its values differ: if they do, the graph is in doubt."""
    free = dict.fromkeys(n for i in parts.identified for n in i.derivation.free)
    if not free or len(pieces) > 1:
        return
    found = evaluate(pieces[0].quantity.varied, counts, variables, errors="none")
    axes = tuple(i for i, v in enumerate(found.axes) if v.variable in free)
    known = found.values[found.valid]
    if len(axes) == len(found.axes) and known.size:
        low, high = float(known.min()), float(known.max())
        names = ", ".join(free)
        yield f"averaged over {names}, by whose values it goes from {low:.4g} to {high:.4g}; by the graph they agree"


def _pieces(query: Numeric, contrast: Contrast | None, world: World) -> list[Piece]:
    """Return one formula a contrast, or the query's one."""
    if contrast and isinstance(query, Effect):
        out = []
        for pair, label in zip(contrast.pairs, contrast.labels, strict=True):
            parts = Parts()
            out.append(Piece(label, MEASURES[query.measure].build(query, world, parts, *pair), parts))
        return out
    parts = Parts()
    return [Piece({}, quantity(query, world, parts, effect), parts)]


def _lay(
    piece: Piece, query: Numeric, whole: Counts, covariates: tuple[str, ...], world: World, seed: int | None
) -> Laid | Lost:
    """Evaluate one piece on the strata that carry it; ``seed`` asks for a bootstrap."""
    try:
        held = counting.supported(piece.parts, whole, world)
    except EstimationError as error:
        # In a table, a contrast that the data can't carry is a row that isn't determined.
        if not piece.label:
            raise
        return Lost(piece, error)
    counts = whole.keep(held.keep)
    (formula,), cells, made = counting.compacted([_averaged(piece, counts, world)], counts, covariates)
    everything = {**world.variables, **{n: Variable(n) for n in made}}
    found = evaluate(formula, cells, everything, errors="joint")
    places = list(_places(found, piece.label, _absent(query, formula), world))
    resampled = None if seed is None else bootstrap([formula], cells, everything, seed=seed)
    return Laid(piece, held, counts, found, places, resampled)


def _averaged(piece: Piece, counts: Counts, world: World) -> Expr:
    """Average a formula over the values that it holds freely, those at which the data determine it.

    By the graph each of them gives the same number, so that those with an empty cell aren't needed.
    """
    free = {n for i in piece.parts.identified for n in i.derivation.free}
    if not {Value(n) for n in free} & piece.quantity.varied.free_symbols:
        return piece.quantity.formula
    found = evaluate(piece.quantity.varied, counts, world.variables, errors="none")
    axes = [axis for axis, v in enumerate(found.axes) if v.variable in free]
    others = tuple(axis for axis in range(len(found.axes)) if axis not in axes)
    usable = np.asarray(found.valid.all(axis=others))
    terms, weights = [], []
    for place in np.argwhere(usable):
        chosen = {
            found.axes[axis].variable: Level(found.levels[axis][code])
            for axis, code in zip(axes, place.tolist(), strict=True)
        }
        weight = P([Event(n, level) for n, level in chosen.items()])
        held = piece.quantity.varied.xreplace({Value(n): level for n, level in chosen.items()})
        terms.append(Mul(weight, held, evaluate=False))
        weights.append(weight)
    if not terms or usable.all():
        return piece.quantity.formula
    return Mul(Add(*terms, evaluate=False), Pow(Add(*weights, evaluate=False), -1, evaluate=False), evaluate=False)


def _absent(query: Numeric, formula: Expr) -> tuple[str, ...]:
    """Return treatments and conditions left free that the formula doesn't mention, as where they change nothing."""
    if not isinstance(query, Probability | Expectation | Effect):
        return ()
    named = {v.variable for v in formula.free_symbols}
    asked = (*(() if isinstance(query, Effect) else query.do), *query.given)
    return tuple(t.variable for t in asked if t.value is None and t.variable not in named)


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
    query: Numeric, laid: list[Laid | Lost], whole: Counts, world: World, level: float, seed: int
) -> Iterator[Row]:
    """Give each number its interval, and a table intervals that hold all at once."""
    share = isinstance(query, Probability) or (
        isinstance(query, Expectation) and world.source.kind(world.variables[query.outcome.variable]) == "binary"
    )

    def ends(value: float, error: float, critical: float | None = None) -> tuple[float, float]:
        if share:
            return wilson(min(max(value, 0.0), 1.0), error, level, whole.effective, critical)
        if isinstance(query, Effect) and MEASURES[query.measure].scale == "ratio":
            return log_wald(value, error, level, critical)
        return wald(value, error, level, critical)

    rows = []
    for one in laid:
        if isinstance(one, Lost):
            rows.append(Row(one.piece.label, None, None, None))
            continue
        for levels, place in one.places:
            if not one.found.valid[place]:
                rows.append(Row(levels, None, None, None))
                continue
            value, error = float(one.found.values[place]), float(one.found.errors[place])
            if one.resampled is not None:
                number = int(np.ravel_multi_index(place, one.found.values.shape)) if place else 0
                rows.append(Row(levels, value, one.resampled.error(number), one.resampled.interval(number, level)))
            elif np.isnan(error):
                rows.append(Row(levels, value, None, None))
            else:
                rows.append(Row(levels, value, error, ends(value, error)))
    joint = _joint([one for one in laid if isinstance(one, Laid)], whole) if 1 < len(rows) <= MOST_JOINT else None
    critical = None if joint is None else simultaneous(joint, level, seed)
    for row in rows:
        known = row.value is not None and row.std_error is not None and critical is not None
        yield replace(row, joint=ends(row.value or 0.0, row.std_error or 0.0, critical)) if known else row


def _joint(told: list[Laid], whole: Counts) -> NDArray[np.float64] | None:
    """Return the covariance of all numbers of a table, each piece with the cells that it keeps; None if it has none."""
    if whole.weighting == "exact" or any(one.resampled is not None for one in told):
        return None
    by_weight, by_sum = [], []
    for one in told:
        if one.found.scores is None:
            return None
        g, h = one.found.scores
        by_weight.append(np.zeros((len(g), len(whole.weight))))
        by_sum.append(np.zeros((len(g), *whole.sums.shape)))
        by_weight[-1][:, one.held.keep], by_sum[-1][:, one.held.keep] = g, h
    return covariance(np.concatenate(by_weight), np.concatenate(by_sum), whole)


def _naive(formula: Expr, counts: Counts, variables: Mapping[str, Variable]) -> float | None:
    plain = evaluate(formula, counts, variables, errors="none")
    return float(plain.values) if bool(plain.valid) else None


def _naive_of(query: Numeric, world: World) -> str:
    if isinstance(query, Probability):
        return "share"
    if isinstance(query, Arithmetic):
        return "comparison"
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
