"""From a numeric query to an estimate where equations are linear: moments once, lines and slopes, and their errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product
from math import prod, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from causalgraph.criteria.separation import words
from causalgraph.errors import EstimationError
from causalgraph.evaluate.canonical import Basis, standardised
from causalgraph.evaluate.coefficients import text as coefficients_text
from causalgraph.evaluate.estimate import Estimate, Row
from causalgraph.evaluate.gaussian import Numbers, differentiated, law, regressors
from causalgraph.evaluate.interval import quantile, simultaneous, wald
from causalgraph.evaluate.lines import (
    Line,
    Point,
    level_number,
    lines_of,
    numbers_of,
    require_numeric,
    round_points,
    slope,
)
from causalgraph.evaluate.pieces import of_weights
from causalgraph.evaluate.quantities import Numeric, Parts, RefusedError, World
from causalgraph.evaluate.table import require_clusters
from causalgraph.evaluate.tracing import in_covariances, in_regressions, variables_of
from causalgraph.formula.nodes import P
from causalgraph.formula.printing import text as formula_text
from causalgraph.identify.answer import NotIdentified, Undecided
from causalgraph.names import natural
from causalgraph.syntax.queries import Arithmetic, Effect, Expectation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from causalgraph.data.moments import Moments

__all__ = ["METHOD", "answer_gaussian"]

METHOD = "linear-Gaussian, from moments"

# A table of more rows than this gets intervals row by row only, and of more than the second none is made.
MOST_JOINT = 200
MOST_ROWS = 2000
# Levels further from the mean than so many standard deviations are warned of, and coefficients that should be zero but
# are further from it than so many standard errors.
FAR = 3
# With fewer than this left free, the infinitesimal jackknife's errors are too small.
FEW_FREE = 30
# Regressions that a note names.
NAMED = 3


@dataclass(frozen=True)
class Asked:
    """A query with its lines, the moments that they need, and the rows of its table: labels and points."""

    query: Numeric
    world: World
    parts: Parts
    lines: Mapping[Numeric, Line]
    moments: Moments
    rows: tuple[tuple[dict[str, str], Point], ...]

    @property
    def idle(self) -> list[tuple[Line, str]]:
        """The values that formulas hold though by the graph they don't matter, each line's once."""
        return [(line, name) for line in self.lines.values() for name in line.idle]


def answer_gaussian(
    query: Numeric, text: str, world: World, *, level: float = 0.95, seed: int = 0
) -> Estimate | NotIdentified | Undecided:
    """Answer a numeric query where every equation is taken as linear, from one moment matrix.

    Standard errors are the infinitesimal jackknife's: they hold whatever the law of the errors, as long as the lines
    are right. For a back-door effect that is the regression's sandwich (HC1). Intervals take Student's t with as many
    degrees of freedom as the largest regression leaves.

    Args:
        query: means, effects that are differences of means, and their arithmetic.
        text: the query as it was written.
        world: graph, variables and data.
        level: the intervals' level of confidence.
        seed: of the critical value of simultaneous intervals.

    Raises:
        DataError: the data don't fit the model.
        EstimationError: what is asked isn't a mean (E513), a variable isn't numeric (E506, E512), is constant or
            determined by others (E511), or a formula has no finite value on these data (E514).
        ModelError: the query asks for a level that doesn't exist (E204).

    Source: J. MacKinnon, H. White, Journal of Econometrics 29 (1985) 305-325, doi:10.1016/0304-4076(85)90158-7, for the
    factor n/(n - k).
    """
    parts = Parts()
    try:
        lines = lines_of(query, world, parts)
    except RefusedError as refused:
        return refused.verdict
    asked = _measured(query, world, parts, lines)
    numbers = differentiated(lambda basis: _reading(asked, basis), asked.moments)
    covariance = None if asked.moments.weighting == "exact" else _covariance(asked, numbers)
    rows = _rows(asked, numbers, covariance, level, seed)
    single = len(rows) == 1 and not rows[0].levels
    ways = [i.derivation for i in parts.identified]
    adjusts = any(d.covariates or d.strategy == "general" for d in ways)
    compared = _compared(query, world)
    return Estimate(
        query=text,
        formula=formula_text(next(iter(lines.values())).formula) if single and len(lines) == 1 else None,
        rows=tuple(rows),
        level=level,
        method=METHOD,
        n=asked.moments.n,
        dropped=asked.moments.dropped,
        warnings=tuple(_warnings(asked, numbers, covariance)),
        identification=tuple(parts.identified),
        covariates=tuple(dict.fromkeys(c for d in ways if d.strategy in ADJUSTING for c in d.covariates)),
        strata=0,
        naive=_naive(asked) if adjusts and single else None,
        naive_of=_naive_of(query),
        notes=tuple(_notes(asked, numbers, covariance)),
        unit=_unit(query, world),
        versus=compared[0],
        compared=compared[1],
    )


# A slope of more variables than this isn't spelt out: with ratios in it, that may take seconds, and fill a page.
MOST_IN_SYMBOLS, MOST_IN_COVARIANCES = 4, 3
ADJUSTING = ("backdoor", "adjustment", "optimal")


def _measured(query: Numeric, world: World, parts: Parts, lines: Mapping[Numeric, Line]) -> Asked:
    """Ask the source once for the moments of all that the lines mention, and lay out the table's points."""
    if not lines:
        raise EstimationError.because("E513", "the query mentions no variable, and linear equations are about some")
    terms = [p for line in lines.values() for f in (line.formula, line.plain) for p in f.atoms(P)]
    mentioned = {e.variable for p in terms for e in (*p.events, *p.given)}
    free = _free(query)
    names = sorted(mentioned | set(free), key=natural)
    require_numeric(names, world)
    moments = world.source.moments([world.variables[n] for n in names])
    spread = dict(zip(names, np.sqrt(np.diag(moments.covariance)).tolist(), strict=True))
    middle = dict(zip(names, moments.mean.tolist(), strict=True))
    standardised(moments)
    axes = [list(_axis(name, middle[name], spread[name], world)) for name in free]
    if prod(map(len, axes)) > MOST_ROWS:
        raise EstimationError.because(
            "E503",
            f"a table over {words(free)} would have {prod(map(len, axes)):,} rows",
            fix=f"hold some of them at a number: {free[0]}=…",
        )
    rows = []
    for turn in product(*axes):
        label = {name: shown for name, (shown, _) in zip(free, turn, strict=True)}
        rows.append((label, {name: number for name, (_, number) in zip(free, turn, strict=True)}))
    return Asked(query, world, parts, lines, moments, tuple(rows))


def _free(query: Numeric) -> tuple[str, ...]:
    """Return the treatments and conditions of means that a query leaves free; a slope is the same at all of them."""
    if isinstance(query, Arithmetic):
        sides: tuple[Any, Any] = (query.left, query.right)
        return tuple(sorted({n for side in sides for n in _free(side)}, key=natural))
    if not isinstance(query, Expectation):
        return ()
    return tuple(sorted((t.variable for t in (*query.do, *query.given) if t.value is None), key=natural))


def _axis(name: str, mean: float, spread: float, world: World) -> Iterator[tuple[str, float]]:
    """Yield the points of a free variable with their labels: its levels, or round numbers about its mean."""
    if world.counted(name):
        for level in world.levels(name):
            yield level, level_number(name, level, world)
        return
    for number in round_points(mean, spread, whole=world.source.kind(world.variables[name]) == "count"):
        yield f"{number:.12g}", number


def _reading(asked: Asked, basis: Basis) -> NDArray[Any]:
    """Return the table's numbers, then the slope of a curve, then the coefficients that should be zero."""
    numbers = numbers_of(asked.query, asked.lines, basis, [point for _, point in asked.rows])
    numbers += [slope(_law(line, basis), name, basis) for line, name in _curves(asked)]
    numbers += [slope(_law(line, basis), name, basis) for line, name in asked.idle]
    return np.stack(numbers, axis=-1)


def _law(line: Line, basis: Basis) -> Any:
    return law(line.formula, basis, (line.outcome,))


def _curves(asked: Asked) -> list[tuple[Line, str]]:
    """Return the slopes that a table of one mean is told with: those of its free variables that have no levels."""
    if not isinstance(asked.query, Expectation):
        return []
    line = asked.lines[asked.query]
    return [(line, name) for name in _free(asked.query) if not asked.world.counted(name)]


def _freedom(asked: Asked) -> float:
    """Return how many observations the largest regression leaves free; of clusters, all but one."""
    if asked.moments.clusters is not None:
        return max(asked.moments.clusters - 1.0, 1.0)
    counted = asked.moments.n if asked.moments.weighting in ("rows", "counts") else asked.moments.effective
    return max(counted - max((regressors(line.formula) for line in asked.lines.values()), default=1), 1.0)


def _covariance(asked: Asked, numbers: Numbers) -> NDArray[np.float64]:
    """Return the covariance of all numbers that are read, whatever the law of the errors."""
    moments = asked.moments
    if moments.clusters is not None:
        require_clusters(moments.clusters)
    variables = [asked.world.variables[n] for n in moments.variables]
    scores = asked.world.source.scores(variables, moments, numbers.linear, numbers.quadratic)
    counted = moments.n if moments.weighting in ("rows", "counts") else moments.effective
    # Scores of clusters carry their own factor.
    factor = 1.0 if moments.clusters is not None else max(counted, 1.0) / _freedom(asked)
    return np.asarray(scores / moments.total**2 * factor)


def _rows(asked: Asked, numbers: Numbers, covariance: NDArray[np.float64] | None, level: float, seed: int) -> list[Row]:
    """Give each number its interval, and a table intervals that hold all at once."""
    if covariance is None:
        pairs = zip(asked.rows, numbers.values.tolist(), strict=False)
        return [Row(label, value, None, None) for (label, _), value in pairs]
    from scipy.special import stdtrit

    count = len(asked.rows)
    critical = float(stdtrit(_freedom(asked), (1 + level) / 2))
    joint = None
    if 1 < count <= MOST_JOINT:
        # What is simulated is normal; Student's t is wider by the same factor as for one number.
        joint = simultaneous(covariance[:count, :count], level, seed) * critical / quantile(level)
    out = []
    for i, (label, _) in enumerate(asked.rows):
        value, error = float(numbers.values[i]), sqrt(max(float(covariance[i, i]), 0.0))
        ends = None if joint is None else wald(value, error, level, joint)
        out.append(Row(label, value, error, wald(value, error, level, critical), ends))
    return out


def _naive(asked: Asked) -> float:
    (number,) = numbers_of(asked.query, asked.lines, standardised(asked.moments), [{}], plain=True)
    return float(number)


def _naive_of(query: Numeric) -> str:
    if isinstance(query, Effect):
        return "regression slope"
    return "regression" if isinstance(query, Expectation) else "comparison"


def _unit(query: Numeric, world: World) -> str | None:
    """Return the outcome's unit; that of a slope is per unit of the treatment, but for one with two levels."""
    if isinstance(query, Expectation | Effect):
        unit = world.variables[query.outcome.variable].unit
        if isinstance(query, Expectation) or unit is None or _binary(query.treatment.variable, world):
            return unit
        return f"{unit} per {world.variables[query.treatment.variable].unit or f'unit of {query.treatment.variable}'}"
    if isinstance(query, Arithmetic) and query.operator in ("+", "-"):
        sides: tuple[Any, Any] = (query.left, query.right)
        units = {_unit(side, world) for side in sides}
        return units.pop() if len(units) == 1 else None
    return None


def _binary(name: str, world: World) -> bool:
    return world.source.kind(world.variables[name]) == "binary"


def _compared(query: Numeric, world: World) -> tuple[dict[str, str] | None, dict[str, str]]:
    """Return what an effect of two levels compares: against what, and what."""
    if not isinstance(query, Effect) or not _binary(query.treatment.variable, world):
        return None, {}
    levels = world.levels(query.treatment.variable)
    first, last = levels[0], levels[-1]
    return {query.treatment.variable: first}, {query.treatment.variable: last}


def _notes(asked: Asked, numbers: Numbers, covariance: NDArray[np.float64] | None) -> Iterator[str]:
    """Say what a number is per, what it assumes, and what the graph says of it that data can check."""
    query, world = asked.query, asked.world
    if isinstance(query, Effect):
        yield from _effect_notes(query, world)
        line = asked.lines[query]
        if line.slope_in is not None and len(variables_of(line.formula)) <= MOST_IN_SYMBOLS:
            symbols = in_regressions(line.formula, line.slope_in, line.outcome)
            yield f"in coefficients of regressions: {coefficients_text(symbols)}"
        if line.slope_in is not None and len(variables_of(line.formula)) <= MOST_IN_COVARIANCES:
            yield f"in covariances: {coefficients_text(in_covariances(line.formula, line.slope_in, line.outcome))}"
    count, curves = len(asked.rows), _curves(asked)
    for i, (line, name) in enumerate(curves, start=count):
        told = _told(i, numbers, covariance)
        yield f"along the line, the mean of {line.outcome} changes by {told} per unit of {name}"
    for i, (_, name) in enumerate(asked.idle, start=count + len(curves)):
        yield (
            f"by the graph the value of {name} doesn't matter; it is held at its mean, and its coefficient is "
            f"{_told(i, numbers, covariance)}"
        )
    yield from _assumed(asked)
    outcomes = {line.outcome for line in asked.lines.values()}
    for name in asked.moments.variables:
        if _binary(name, world):
            levels = world.source.levels(world.variables[name])
            first, last = levels[0], levels[-1]
            if (first, last) != ("0", "1") and first != last:
                yield f"{name}={last} counts as 1, {name}={first} as 0"
            if name in outcomes:
                yield f"{name} is binary: a line in place of its share may leave 0 to 1"


def _effect_notes(query: Effect, world: World) -> Iterator[str]:
    x = query.treatment.variable
    if not _binary(x, world):
        yield f"per unit of {x}"
    if query.measure in ("att", "atc"):
        yield f"in linear equations the effect is the same for everyone, so that {query.measure} is the ate"
    for name in [t.variable for t in (*query.given, *query.held)]:
        yield f"in linear equations the effect is the same at every value of {name}"


def _told(place: int, numbers: Numbers, covariance: NDArray[np.float64] | None) -> str:
    """Write a number with its standard error."""
    value = f"{numbers.values[place]:.3g}"
    return value if covariance is None else f"{value} (standard error {sqrt(max(covariance[place, place], 0)):.2g})"


def _assumed(asked: Asked) -> Iterator[str]:
    """Name the regressions that are taken for lines."""
    terms = {p for line in asked.lines.values() for p in line.formula.atoms(P) if p.given}
    if not terms:
        return

    def means(term: P) -> str:
        return f"{words([e.variable for e in term.events])} in {words([e.variable for e in term.given])}"

    told = list(dict.fromkeys(sorted(map(means, terms), key=natural)))
    more = f" and {len(told) - NAMED} more" if len(told) > NAMED else ""
    general = any(i.derivation.strategy == "general" for i in asked.parts.identified)
    spread = ", with the same spread about them everywhere" if general else ""
    yield f"assumes that means are linear{spread}: {'; '.join(islice(told, NAMED))}{more}"


def _occurs(name: str, number: float, world: World) -> bool:
    return any(level_number(name, level, world) == number for level in world.source.levels(world.variables[name]))


def _warnings(asked: Asked, numbers: Numbers, covariance: NDArray[np.float64] | None) -> Iterator[str]:
    """Say what a reader of the numbers must know."""
    yield from of_weights(asked.moments.weighting, asked.moments.n, asked.world)
    if 0 < _freedom(asked) < FEW_FREE and covariance is not None:
        what = "clusters" if asked.moments.clusters is not None else "observations"
        yield f"W511: only {_freedom(asked):,.0f} {what} are left free by the equations: the interval is too narrow"
    moments = asked.moments
    points = {(n, x) for line in asked.lines.values() for n, x in line.held.items()}
    for name, number in sorted(points, key=lambda p: (natural(p[0]), p[1])):
        # A level that occurs in the data is never far.
        if name not in moments.variables or (asked.world.counted(name) and _occurs(name, number, asked.world)):
            continue
        place = moments.variables.index(name)
        far = abs(number - moments.mean[place]) / sqrt(moments.covariance[place, place])
        if far > FAR:
            yield (
                f"W509: {name}={number:.6g} lies {far:.1f} standard deviations from its mean: "
                "the line is drawn on beyond most of the data"
            )
    if covariance is None:
        return
    first = len(asked.rows) + len(_curves(asked))
    for i, (_, name) in enumerate(asked.idle, start=first):
        error = sqrt(max(covariance[i, i], 0.0))
        if abs(numbers.values[i]) > FAR * error:
            yield (
                f"W510: by the graph the value of {name} doesn't matter, but its coefficient is "
                f"{_told(i, numbers, covariance)}: the graph, or that means are linear, is in doubt"
            )
