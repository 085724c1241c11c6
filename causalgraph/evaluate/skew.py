"""How far a normal interval can be trusted: how skewed a number is, and how many people it rests on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from causalgraph.data.counts import Counts
from causalgraph.data.keys import numbered
from causalgraph.evaluate.table import Evaluated, evaluate
from causalgraph.formula.nodes import Level
from causalgraph.variables import Variable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sympy import Expr

    Array = NDArray[np.float64]

# Takes a formula, counts, variables and ``errors``, as `table.evaluate` does.
Evaluator = Callable[..., Evaluated]

__all__ = ["STRAIGHT", "Skew", "rests_on", "skew"]

# How far the cells are moved, in standard errors of the number, to see how it bends; less where a cell would empty.
STEP = 0.02
# A curvature that rounding alone could move by more than this is not told from zero.
ROUNDING = 0.01
# Cells that may be laid out to see what an outcome moves.
MOST_CELLS = 2_000_000
# Those who raise a number, or lower it, are passed over where less than this share of what outcomes move is theirs.
SMALL = 0.05


@dataclass(frozen=True)
class Skew:
    """The acceleration of a number's error, and the curvature of the number along the direction that matters most."""

    acceleration: float
    curvature: float


# Of a number that is as good as normal.
STRAIGHT = Skew(0.0, 0.0)


def skew(
    formula: Expr,
    counts: Counts,
    variables: Mapping[str, Variable],
    found: Evaluated,
    place: tuple[int, ...] = (),
    binary: Collection[str] = (),
    by: Evaluator = evaluate,
) -> Skew:
    """Return the two constants of an ABC interval for one number of a formula.

    With ψ_i the influence of row i on the number and s² = Σ ψ_i² its variance, the acceleration is Σ ψ_i³ / (6 s³). The
    weights of the rows move along w_i (1 + t ψ_i / s), which changes the number by t s; the curvature is the number's
    second derivative by t, over 2 s. Within a cell third moments of an outcome aren't kept: there it counts as
    symmetric, unless it is binary.

    Args:
        formula: of which one number is meant.
        counts: rows, or counts, that are independent.
        variables: the declared variables.
        found: what the formula comes to, with its derivatives.
        place: where the number stands among the formula's values.
        binary: the outcomes whose values are 0 and 1.
        by: what evaluates the formula, twice.

    Returns:
        The two constants, both without a unit; zeros where there is no error, or where numbers can't hold the second.

    Source: T. DiCiccio, B. Efron, "More accurate confidence intervals in exponential families", Biometrika 79 (1992)
    231-245, doi:10.1093/biomet/79.2.231, section 4.
    """
    if found.scores is None:
        return STRAIGHT
    number = _number(found, place)
    g, h = found.scores[0][number], found.scores[1][number]
    weight = g * counts.squared + np.einsum("ki,ki->k", h, counts.squared_sums)
    sums = g[:, None] * counts.squared_sums + np.einsum("ki,kij->kj", h, counts.spread)
    square = g * weight + np.einsum("ki,ki->k", h, sums)
    error, value = float(np.sqrt(max(square.sum(), 0.0))), float(found.values[place])
    if not error > np.finfo(float).eps * abs(value):
        return STRAIGHT
    n = np.maximum(counts.weight, np.finfo(float).tiny)
    mean = weight / n
    within = np.maximum(square / n - mean**2, 0)
    third = n * (mean**3 + 3 * mean * within + _lopsided(h, n, counts, binary))
    step = min(STEP, 0.5 / max(float(np.abs(mean).max()) / error, 1.0))
    held = formula.xreplace({v: Level(own[i]) for v, own, i in zip(found.axes, found.levels, place, strict=True)})

    def moved(t: float) -> float:
        there = replace(counts, weight=counts.weight + t / error * weight, sums=counts.sums + t / error * sums)
        return float(by(held, there, variables, errors="none").values)

    scale = 2 * error * step * step
    bend = (moved(step) - 2 * value + moved(-step)) / scale
    trusted = np.isfinite(bend) and 4 * np.finfo(float).eps * abs(value) < ROUNDING * scale
    return Skew(float(third.sum()) / (6 * error**3), float(bend) if trusted else 0.0)


def _lopsided(h: Array, n: Array, counts: Counts, binary: Collection[str]) -> Array:
    """Return the third central moment of what binary outcomes add to a row's influence, within each cell."""
    out = np.zeros(len(n))
    for i, name in enumerate(counts.outcomes):
        if name in binary:
            mean = counts.sums[:, i] / n
            variance = counts.spread[:, i, i] / n - mean**2
            out += h[:, i] ** 3 * np.maximum(variance, 0) * (1 - 2 * (mean + counts.centre[i]))
    return out


def rests_on(
    formula: Expr,
    counts: Counts,
    variables: Mapping[str, Variable],
    found: Evaluated,
    outcomes: Collection[str],
    by: Evaluator = evaluate,
) -> dict[tuple[int, ...], float]:
    """Return how many people's outcomes each number rests on, in effect: Kish's (Σ a)² / Σ a², a what one's moves.

    Those whose outcome raises the number and those whose outcome lowers it are counted apart, and the fewer are told:
    of a contrast, the people of the thinner arm. It isn't fooled by a thin cell in which the outcome happens not to
    vary, as the standard error is.

    Args:
        formula: whose numbers are meant.
        counts: cells by the outcome too, or with its sums.
        variables: the declared variables.
        found: what the formula comes to, with its derivatives.
        outcomes: the outcome, or those whose joint probability is asked for.
        by: what evaluates the formula, once, if cells are counted by the outcome.

    Returns:
        The number of people by the place of each value; nothing for a number that no outcome moves, or where the cells
        are too many to see.

    Source: L. Kish, Survey Sampling (1965), section 11.7.
    """
    if found.scores is None:
        return {}
    summed = [counts.outcomes.index(o) for o in outcomes if o in counts.outcomes]
    axes = [counts.axis(o) for o in outcomes if o in counts.variables]
    if summed and found.scores[1][:, :, summed].any():
        moves, weight, squared = found.scores[1][:, :, summed], counts.weight, counts.squared
    elif axes and len(counts.weight) * prod(counts.shape[a] for a in axes) * found.values.size <= MOST_CELLS:
        every, several = _filled(counts, axes)
        scores = by(formula, every, variables, errors="joint").scores
        if scores is None:
            return {}
        weight, squared = (own.reshape(-1, several).sum(axis=1) for own in (every.weight, every.squared))
        moves = np.stack([_along(g.reshape(-1, several), weight) for g in scores[0]])[:, :, None]
    else:
        return {}
    out = {}
    for place in zip(*np.nonzero(found.valid), strict=True) if found.values.ndim else [()] * bool(found.valid):
        people = [_fewer(own, weight, squared) for own in moves[_number(found, place)].T]
        if known := [p for p in people if p is not None]:
            out[tuple(map(int, place))] = min(known)
    return out


def _number(found: Evaluated, place: tuple[int, ...]) -> int:
    """Return where a place stands among the numbers in order."""
    return int(np.ravel_multi_index(place, found.values.shape)) if place else 0


def _filled(counts: Counts, axes: list[int]) -> tuple[Counts, int]:
    """Return the counts with every level of some variables in each cell of the others, and how many levels these are.

    What an outcome moves is the difference between the cells with each of its levels, observed or not.
    """
    shape = tuple(counts.shape[a] for a in axes)
    several = prod(shape)
    kept = [a for a in range(len(counts.variables)) if a not in axes]
    first, where = numbered([counts.codes[:, a] for a in kept], [counts.shape[a] for a in kept], len(counts.weight))
    others = counts.codes[first][:, kept]
    at = where * several + np.ravel_multi_index(tuple(counts.codes[:, a] for a in axes), shape)
    k = len(others) * several
    codes = np.empty((k, counts.codes.shape[1]), dtype=np.intp)
    codes[:, kept] = np.repeat(others, several, axis=0)
    codes[:, axes] = np.tile(np.column_stack(np.unravel_index(np.arange(several), shape)), (len(others), 1))
    return counts.regrouped(codes, at), several


def _along(moves: Array, people: Array) -> Array:
    """Return what an outcome moves in each stratum, along the pattern of its levels that moves the number the most.

    Of ``moves`` ``(strata, levels)`` that is the first principal component, weighted by people; of two levels simply
    their difference.
    """
    centred = moves - moves.mean(axis=1, keepdims=True)
    _, patterns = np.linalg.eigh(centred.T @ (centred * people[:, None]))
    return np.asarray(centred @ patterns[:, -1])


def _fewer(moves: Array, weight: Array, squared: Array) -> float | None:
    """Return Kish's number of those who raise or of those who lower, whichever are fewer; None where nobody does."""
    sides = [np.maximum(sign * moves, 0) for sign in (1, -1)]
    parts = [(float(weight @ side), float(squared @ side**2)) for side in sides]
    most = SMALL * sum(part for _, part in parts)
    return min((total**2 / part for total, part in parts if part > most), default=None)
