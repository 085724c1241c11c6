"""The quadratic ABC interval by its definition over single rows, with derivatives from many digits.

A statistic is a function of the weights of the rows. Source: T. DiCiccio, B. Efron, Biometrika 79 (1992) 231-245,
section 4; without the term for bias.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from mpmath import mp, mpf, sqrt

__all__ = ["Constants", "by_definition", "front_door", "interval", "napkin", "share"]

Row = tuple[int, ...]
Weights = Sequence[Any]


@dataclass(frozen=True)
class Constants:
    """A statistic, its standard error, acceleration and curvature."""

    value: Any
    error: Any
    acceleration: Any
    curvature: Any


def by_definition(statistic: Callable[[Weights], Any], rows: int) -> Constants:
    """Return the constants of a statistic at equal weights."""
    with mp.workdps(60):
        step = mpf(10) ** -20
        equal = [mpf(1) / rows] * rows
        influence = []
        for i in range(rows):
            high, low = (
                statistic([(1 - s) * w + (s if i == j else 0) for j, w in enumerate(equal)]) for s in (step, -step)
            )
            influence.append((high - low) / (2 * step))
        squares = sum(t**2 for t in influence)
        error = sqrt(squares) / rows
        acceleration = sum(t**3 for t in influence) / (6 * squares ** mpf("1.5"))
        along = [t / (rows**2 * error) for t in influence]
        middle = statistic(equal)
        high, low = (statistic([w + s * d for w, d in zip(equal, along, strict=True)]) for s in (step, -step))
        curvature = (high - 2 * middle + low) / step**2 / (2 * error)
        return Constants(*(float(x) for x in (middle, error, acceleration, curvature)))


def interval(of: Constants, level: float) -> tuple[float, float]:
    """Return the two ends."""
    ends = []
    for z in (NormalDist().inv_cdf((1 - level) / 2), NormalDist().inv_cdf((1 + level) / 2)):
        w = of.acceleration + of.curvature + z
        far = w / (1 - of.acceleration * w) ** 2
        ends.append(of.value + of.error * (far + of.curvature * far**2))
    return ends[0], ends[1]


def share(rows: Sequence[Row], weights: Weights, event: dict[int, int], given: dict[int, int]) -> Any:
    """Return P(event | given), each a level by the number of the column."""
    among = [(r, w) for r, w in zip(rows, weights, strict=True) if all(r[c] == v for c, v in given.items())]
    hits = sum(w for r, w in among if all(r[c] == v for c, v in event.items()))
    return hits / sum(w for _, w in among)


def front_door(rows: Sequence[Row], weights: Weights, x: int) -> Any:
    """Return Σ_m P(m | x) Σ_x' P(Y=1 | m, x') P(x') of rows (x, m, y)."""
    return sum(
        share(rows, weights, {1: m}, {0: x})
        * sum(share(rows, weights, {2: 1}, {0: a, 1: m}) * share(rows, weights, {0: a}, {}) for a in (0, 1))
        for m in (0, 1)
    )


def napkin(rows: Sequence[Row], weights: Weights, x: int, z: int) -> Any:
    """Return Σ_w P(x, Y=1 | w, z) P(w) / Σ_w P(x | w, z) P(w) of rows (w, z, x, y)."""
    above, below = (
        sum(share(rows, weights, event, {0: w, 1: z}) * share(rows, weights, {0: w}, {}) for w in (0, 1))
        for event in ({2: x, 3: 1}, {2: x})
    )
    return above / below
