"""From a numeric query to an estimate: count once, find the support, evaluate, say what a reader must know."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Literal

import numpy as np
from sympy import Add, Mul, Pow

from causalgraph.data.counts import Counts
from causalgraph.data.source import Source
from causalgraph.errors import EstimationError
from causalgraph.evaluate import counting
from causalgraph.evaluate.effects import MEASURES, contrast_of
from causalgraph.evaluate.estimate import Estimate, Row
from causalgraph.evaluate.gaussian_answering import answer_gaussian
from causalgraph.evaluate.interval import abc, certain, log_wald, quantile, simultaneous, wald, wilson
from causalgraph.evaluate.pieces import (
    Laid,
    Lost,
    Piece,
    failing_of,
    is_share,
    naive_of,
    notes_of,
    pieces_of,
    too_few,
    unit_of,
    warnings_of,
)
from causalgraph.evaluate.quantities import Numeric, Parts, RefusedError, World, named
from causalgraph.evaluate.quantities import held as held_by
from causalgraph.evaluate.querying import answer_sql
from causalgraph.evaluate.resampling import Kind, bootstrap
from causalgraph.evaluate.skew import Skew, rests_on, skew
from causalgraph.evaluate.sparse import evaluate_sparse
from causalgraph.evaluate.table import Evaluated, clusters_of, covariance, evaluate
from causalgraph.formula.nodes import Event, Level, P, Value
from causalgraph.formula.printing import text as formula_text
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.identify.answer import NotIdentified, Undecided
from causalgraph.names import natural
from causalgraph.progress import working
from causalgraph.syntax.queries import Arithmetic, Effect, Expectation, Probability
from causalgraph.variables import Variable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sympy import Expr

__all__ = ["METHODS", "answer"]

METHODS = ("auto", "counts", "bootstrap", "bayesian bootstrap", "gaussian", "sql")
# How cells are drawn anew, by the method that says so.
DRAWS: dict[str, Kind] = {"bootstrap": "multinomial", "bayesian bootstrap": "dirichlet"}
TOO_LARGE = "E503"

Place = tuple[int, ...]
# From a number's piece and place, its value, error and critical value to its interval.
Ends = Callable[[Laid, Place, float, float, float], tuple[float, float] | None]

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
    """Answer a numeric query from data.

    Args:
        query: probabilities, expectations, effects and their arithmetic.
        text: the query as it was written.
        graph: the model's graph.
        variables: the declared variables, by name.
        source: the data.
        method: ``counts`` for errors by the formula's gradient over the cells, ``bootstrap`` and ``bayesian bootstrap``
            for resampled cells, ``gaussian`` for linear equations, ``sql`` for one query of the engine without errors;
            ``auto`` takes ``counts``, or ``gaussian`` where a treatment or covariate can't be counted by.
        level: the intervals' level of confidence.
        seed: of what is drawn at random: the bootstrap, and the critical value of simultaneous intervals.

    Raises:
        DataError: the data don't fit the model.
        EstimationError: they can't carry the estimate.
        ModelError: the query asks for a level that doesn't exist (E204).
    """
    world = World(graph, variables, source)
    source.prepare([variables[name] for name in named(query)])
    lines = method == "gaussian" or (method == "auto" and not all(world.counted(x) for x in held_by(query)))
    if lines:
        return answer_gaussian(query, text, world, level=level, seed=seed)
    contrast = contrast_of(query, world) if isinstance(query, Effect) else None
    try:
        pieces = pieces_of(query, contrast, world)
    except RefusedError as refused:
        return refused.verdict
    formulas = [f for p in pieces for f in (p.quantity.formula, p.quantity.naive)]
    if method == "auto" and not all(world.counted(name) for name in counting.cells_of(formulas)):
        return answer_gaussian(query, text, world, level=level, seed=seed)
    if method == "sql":
        return answer_sql(text, pieces, world, level=level)
    parts = Parts(
        list(dict.fromkeys(i for p in pieces for i in p.parts.identified)),
        [c for p in pieces for c in p.parts.comparisons],
    )
    whole = counting.count(formulas, parts, world)
    stratified = (i.derivation for i in parts.identified if i.derivation.strategy in counting.STRATIFIED)
    covariates = tuple(dict.fromkeys(c for d in stratified for c in d.covariates))
    laid = [
        _lay(p, query, whole, covariates, world, (DRAWS[method], seed) if method in DRAWS else None) for p in pieces
    ]
    told, lost = [one for one in laid if isinstance(one, Laid)], [one for one in laid if isinstance(one, Lost)]
    if not told:
        raise lost[0].error
    rows = list(_rows(query, laid, whole, world, level, seed))
    single = len(rows) == 1 and not rows[0].levels
    counts = told[0].counts if len(laid) == 1 else whole
    failing, many = failing_of(told)
    drawn = next((len(one.resampled.values) for one in told if one.resampled is not None), 0)
    return Estimate(
        query=text,
        formula=formula_text(pieces[0].quantity.formula) if single else None,
        rows=tuple(rows),
        level=level,
        method=f"{method} over {'clusters' if whole.clusters is not None else 'cells'}, {drawn:,} replicates"
        if drawn
        else "by counts",
        n=counts.n,
        dropped=counts.dropped,
        warnings=tuple(warnings_of(query, rows, told, lost, whole, world)),
        identification=tuple(parts.identified),
        covariates=covariates,
        strata=counting.strata(counts, covariates),
        naive=_naive(pieces[0].quantity.naive, whole, variables) if _adjusts(parts) and single else None,
        naive_of=naive_of(query, world),
        supported=min(one.held.mass for one in told),
        failing=tuple(s.to_dict() for s in failing),
        failing_strata=many,
        notes=(*notes_of(counts, variables, source), *_spread(pieces, parts, counts, variables)),
        unit=unit_of(query, variables),
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


def _lay(
    piece: Piece,
    query: Numeric,
    whole: Counts,
    covariates: tuple[str, ...],
    world: World,
    draws: tuple[Kind, int] | None,
) -> Laid | Lost:
    """Evaluate one piece on the strata that carry it; ``draws`` asks for a bootstrap, of a kind and with a seed."""
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
    found = _evaluated(formula, cells, everything)
    places = list(_places(found, piece.label, _absent(query, formula), world))
    outcomes = [name for name in named(query) if name not in held_by(query)]
    on = rests_on(formula, cells, everything, found, outcomes, _evaluated)
    binary = frozenset(o for o in cells.outcomes if world.source.kind(world.variables[o]) == "binary")
    resampled = None
    if draws is not None:
        kind, seed = draws
        with working("drawing replicates"):
            resampled = bootstrap([formula], cells, everything, seed=seed, kind=kind, binary=binary)
        return Laid(piece, held, counts, found, places, resampled, rests=on)
    skews = _skews(formula, cells, everything, found, binary) if _is_corrected(query, piece, world) else {}
    return Laid(piece, held, counts, found, places, None, skews, on)


def _is_corrected(query: Numeric, piece: Piece, world: World) -> bool:
    """Whether the intervals of a query are corrected for skewness: of sums, and of shares by the general algorithm.

    Wilson's interval knows how skewed a plain share is, or an average of such. A ratio's curvature comes with a bias of
    the same size, which the correction leaves out: the logarithm serves better there.
    """
    if is_share(query, world):
        return any(i.derivation.strategy == "general" for i in piece.parts.identified)
    return _is_sum(query)


def _is_sum(query: object) -> bool:
    if isinstance(query, Arithmetic):
        return query.operator in ("+", "-") and _is_sum(query.left) and _is_sum(query.right)
    return not (isinstance(query, Effect) and MEASURES[query.measure].scale == "ratio")


def _skews(
    formula: Expr, cells: Counts, variables: Mapping[str, Variable], found: Evaluated, binary: Collection[str]
) -> dict[Place, Skew]:
    """Return how skewed each number is, where independent rows or counts tell it."""
    if cells.weighting not in ("rows", "counts") or cells.clusters is not None or found.values.size > MOST_JOINT:
        return {}
    places = (place for place in np.ndindex(found.values.shape) if found.valid[place])
    return {place: skew(formula, cells, variables, found, place, binary, _evaluated) for place in places}


def _evaluated(
    formula: Expr, cells: Counts, variables: Mapping[str, Variable], errors: Literal["none", "joint"] = "joint"
) -> Evaluated:
    """Evaluate on all cells that could be, or where those are too many on the ones that occur."""
    try:
        return evaluate(formula, cells, variables, errors=errors)
    except EstimationError as error:
        if error.diagnostics[0].code != TOO_LARGE:
            raise
        return evaluate_sparse(formula, cells, variables, errors=errors)


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
    if usable.all() or not usable.any():
        return piece.quantity.formula
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
    groups = clusters_of(whole)
    pointwise, share = quantile(level, groups), is_share(query, world)
    ends = _ends_of(query, whole, world, level)
    rows: list[tuple[Row, Laid | None, Place]] = []
    for one in laid:
        if isinstance(one, Lost):
            rows.append((Row(one.piece.label, None, None, None), None, ()))
        else:
            rows += [
                (_row(one, levels, place, level, pointwise, ends, share=share), one, place)
                for levels, place in one.places
            ]
    joint = _joint([one for one in laid if isinstance(one, Laid)], whole) if 1 < len(rows) <= MOST_JOINT else None
    critical = None if joint is None else simultaneous(joint, level, seed, clusters=groups)
    for row, lies, place in rows:
        if row.value is None or row.std_error is None or critical is None or lies is None:
            yield row
        else:
            yield replace(row, joint=ends(lies, place, row.value, row.std_error, critical))


def _row(
    one: Laid, levels: Mapping[str, str], place: Place, level: float, critical: float, ends: Ends, *, share: bool
) -> Row:
    """Return the number at a place with its error and interval."""
    if not one.found.valid[place]:
        return Row(levels, None, None, None)
    value, error = float(one.found.values[place]), float(one.found.errors[place])
    if one.resampled is not None:
        number = int(np.ravel_multi_index(place, one.found.values.shape)) if place else 0
        interval = None if too_few(one, place) else one.resampled.interval(number, level)
        if share and interval is not None and certain(value, interval[1] - interval[0]):
            # Of a share of 0 or 1, no replicate differs.
            interval = ends(one, place, value, 0.0, critical)
        return Row(levels, value, one.resampled.error(number), interval)
    if np.isnan(error):
        return Row(levels, value, None, None)
    return Row(levels, value, error, ends(one, place, value, error, critical))


def _ends_of(query: Numeric, whole: Counts, world: World, level: float) -> Ends:
    """Return what gives a number its interval: by a share's law, on a ratio's logarithm, or on the number itself."""
    share = is_share(query, world)
    ratio = isinstance(query, Effect) and MEASURES[query.measure].scale == "ratio"

    def ends(one: Laid, place: Place, value: float, error: float, critical: float) -> tuple[float, float] | None:
        bent = one.skews.get(place)
        if too_few(one, place, share=share):
            return None
        if share and (bent is None or certain(value, error)):
            size = min(whole.effective, one.rests.get(place, whole.effective))
            return wilson(min(max(value, 0.0), 1.0), error, level, size, critical)
        if bent is None:
            return (log_wald if ratio else wald)(value, error, level, critical)
        low, high = abc(value, error, level, bent.acceleration, bent.curvature, critical)
        return (min(max(low, 0.0), 1.0), max(min(high, 1.0), 0.0)) if share else (low, high)

    return ends


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
