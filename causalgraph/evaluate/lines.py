"""A numeric query as lines: each mean under intervention a line in what is held, each effect a slope of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import floor, isfinite, log10
from typing import TYPE_CHECKING, Any

import numpy as np

from causalgraph.criteria.separation import words
from causalgraph.errors import EstimationError, ModelError
from causalgraph.evaluate.canonical import Basis, Law
from causalgraph.evaluate.effects import MEASURES
from causalgraph.evaluate.gaussian import law
from causalgraph.evaluate.quantities import Numeric, Parts, World, identified, numeric_outcome
from causalgraph.formula.nodes import P, Value
from causalgraph.syntax.queries import Arithmetic, Constant, Effect, Expectation, Probability, Term

if TYPE_CHECKING:
    from sympy import Expr

__all__ = [
    "Line",
    "Point",
    "level_number",
    "lines_of",
    "numbers_of",
    "require_numeric",
    "round_points",
    "slope",
]

Point = Mapping[str, float]
Lines = Mapping[Numeric, "Line"]

# How many points of a continuous variable a curve shows on either side of the middle.
AROUND = 2
# A step of a curve is one of these times a power of ten.
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}


@dataclass(frozen=True)
class Line:
    """E(Y | do(x), w) by a formula whose terms are linear, or the line's slope in a treatment.

    Attributes:
        outcome: Y.
        formula: for P(y | do(x), w).
        plain: P(y | x, w), what a naive reading would take.
        held: the numbers at which treatments and conditions are held.
        idle: values that the formula holds at a number though the question doesn't; by the graph, any gives the same.
        slope_in: the treatment whose slope is asked; None asks for the mean itself.
    """

    outcome: str
    formula: Expr
    plain: Expr
    held: Point
    idle: tuple[str, ...] = ()
    slope_in: str | None = None


def lines_of(query: Numeric, world: World, parts: Parts) -> dict[Numeric, Line]:
    """Return the line of each mean and each effect in a query, identifying its causal parts.

    Raises:
        RefusedError: a part isn't identified.
        EstimationError: a part isn't a mean or a difference of means (E513), or a variable isn't numeric (E506, E512).
        ModelError: a level doesn't exist (E204).
    """
    if isinstance(query, Constant):
        return {}
    if isinstance(query, Arithmetic):
        sides: tuple[Any, Any] = (query.left, query.right)
        return {key: line for side in sides for key, line in lines_of(side, world, parts).items()}
    if isinstance(query, Probability):
        raise _no_density(query)
    if isinstance(query, Effect):
        return {query: _effect(query, world, parts)}
    return {query: _line(query, world, parts)}


def _no_density(query: Probability) -> EstimationError:
    names = [t.variable for t in query.outcomes]
    causes = [f"do({', '.join(map(_shown, query.do))})"] * bool(query.do) + [_shown(t) for t in query.given]
    behind = f" | {', '.join(causes)}" if causes else ""
    return EstimationError.because(
        "E513",
        f"linear equations give the mean of {words(names)}, not a probability",
        why=f"the law of {words(names)} is a density, and a line says nothing of its shape",
        fix="ask for "
        + " and ".join(f"E({n}{behind})" for n in names)
        + ", or declare levels for all variables of the formula",
    )


def _shown(term: Term) -> str:
    return term.variable if term.value is None else f"{term.variable}={term.value}"


def _effect(query: Effect, world: World, parts: Parts) -> Line:
    x, y = query.treatment.variable, query.outcome.variable
    if MEASURES[query.measure].scale != "difference":
        raise EstimationError.because(
            "E513",
            f"{query.measure} compares by a ratio, which isn't the same along a line",
            fix=f"ask for ate({x}, {y}), or for a ratio of two means, E({y} | do({x}=…)) / E({y} | do({x}=…))",
        )
    mean = Expectation(query.outcome, (Term(x), *query.held), query.given)
    return _line(mean, world, parts, slope_in=x)


def _line(query: Expectation, world: World, parts: Parts, slope_in: str | None = None) -> Line:
    y, terms = query.outcome.variable, (*query.do, *query.given)
    do, given = [t.variable for t in query.do], [t.variable for t in query.given]
    numeric_outcome(query.outcome, world)
    held = {t.variable: level_number(t.variable, t.value, world) for t in terms if t.value is not None}
    plain = P([y], [*do, *given])
    if not do:
        return Line(y, plain, plain, held)
    found = identified(world, parts, do, [y], given).derivation
    return Line(y, found.formula, plain, held, found.free, slope_in)


def require_numeric(names: Iterable[str], world: World) -> None:
    """Make sure that variables enter a line as numbers.

    Raises:
        EstimationError: one has levels that are words (E512).
        ModelError: one is latent (E203).
    """
    for name in names:
        if name in world.graph.latent:
            raise ModelError.because("E203", f"{name} is latent: no data can speak of it")
        variable = world.variables[name]
        if world.source.kind(variable) in ("categorical", "ordinal"):
            for level in world.source.levels(variable):
                if _number(level) is None:
                    raise EstimationError.because(
                        "E512",
                        f"{name} can't enter a line: its level {level!r} is no number",
                        why="linear equations take every variable as a number",
                        fix=f"give {name} numbers for levels, or binary columns in the data and the graph",
                    )


def _number(level: str) -> float | None:
    try:
        number = float(level)
    except ValueError:
        return None
    return number if isfinite(number) else None


def level_number(name: str, level: str, world: World) -> float:
    """Return the number at which a variable is held: of two levels 0 or 1, else what is written.

    Raises:
        ModelError: it has no such level, or that isn't a number (E204).
    """
    variable = world.variables[name]
    kind = world.source.kind(variable)
    if kind == "binary" or variable.levels:
        levels = world.source.levels(variable)
        place = variable.index_of(level, levels)
        if place is None:
            raise ModelError.because("E204", f"{name} is never {level}", why=f"its levels are {', '.join(levels)}")
        if kind == "binary":
            return float(place)
        level = levels[place]
    number = _number(level)
    if number is None:
        raise ModelError.because("E204", f"{name} is never {level}", why=f"{name} is a number")
    return number


def numbers_of(query: Numeric, lines: Lines, basis: Basis, points: list[Point], *, plain: bool = False) -> list[Any]:
    """Return the query's number at each point, each an array of the basis' leading axes.

    Args:
        query: the query.
        lines: its lines.
        basis: the moments, one law or many.
        points: numbers for what the query leaves free.
        plain: read naively, without adjustment.

    Raises:
        EstimationError: a division by zero (E509), and what `law` raises.
    """
    laws = {key: law(line.plain if plain else line.formula, basis, (line.outcome,)) for key, line in lines.items()}

    def at(part: Numeric, point: Point) -> Any:
        if isinstance(part, Constant):
            return np.full(basis.mean.shape[:-1], float(part.digits))
        if isinstance(part, Arithmetic):
            sides: tuple[Any, Any] = (part.left, part.right)
            left, right = (at(side, point) for side in sides)
            if part.operator == "/" and not np.all(right):
                raise EstimationError.because("E509", "this divides by zero")
            return OPERATORS[part.operator](left, right)
        line = lines[part]
        if line.slope_in is not None:
            return slope(laws[part], line.slope_in, basis)
        return _height(laws[part], line, basis, point)

    return [at(query, point) for point in points]


def slope(found: Law, variable: str, basis: Basis) -> Any:
    """Return the slope of the outcome's mean in a variable, in their units; 0 where the law doesn't mention it."""
    value = Value(variable)
    if value not in found.given:
        return np.zeros(basis.mean.shape[:-1])
    unit = basis.scale[basis.variables.index(found.outcomes[0])] / basis.scale[basis.variables.index(variable)]
    return found.slopes[..., 0, found.given.index(value)] * unit


def _height(found: Law, line: Line, basis: Basis, point: Point) -> Any:
    """Return the outcome's mean at a point, in its unit; idle values are held at their own means."""
    known = {**point, **line.held}
    total = found.intercept[..., 0]
    for i, value in enumerate(found.given):
        name = value.variable
        idle = name in line.idle
        where = basis.mean[..., basis.variables.index(name)] if idle else basis.standard(name, known[name])
        total = total + found.slopes[..., 0, i] * where
    place = basis.variables.index(line.outcome)
    return basis.location[place] + basis.scale[place] * total


def round_points(mean: float, spread: float, *, whole: bool = False) -> list[float]:
    """Return five round numbers about a mean, a standard deviation or so apart; counts are whole and not negative.

    >>> round_points(0.13, 0.9), round_points(1.2, 1.4, whole=True)
    ([-2.0, -1.0, 0.0, 1.0, 2.0], [0.0, 1.0, 2.0, 3.0, 4.0])
    """
    power = 10.0 ** floor(log10(spread))
    step = min((s * power for s in STEPS), key=lambda s: abs(s - spread))
    if whole:
        step = max(1.0, float(round(step)))
    first = (round(mean / step) - AROUND) * step
    if whole:
        first = max(0.0, first)
    return [float(f"{first + i * step:.12g}") for i in range(2 * AROUND + 1)]
