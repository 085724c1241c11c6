"""Errors of matching: Abadie and Imbens' variance, and what the score's estimation does to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from causalgraph.estimate.neighbours import Sets, Space, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from causalgraph.estimate.propensity import Propensity

__all__ = ["Weights", "change_by_score", "spread_within"]


@dataclass(frozen=True)
class Weights:
    """What rows stand for.

    Attributes:
        copies: ``(n,)``, how many observations a row is: its count, else 1.
        each: ``(n,)``, the weight of each of these: the survey's, else 1.
    """

    copies: NDArray[np.float64]
    each: NDArray[np.float64]

    @property
    def mass(self) -> NDArray[np.float64]:
        """``(n,)``, the weight of a row."""
        return self.copies * self.each

    @property
    def square(self) -> NDArray[np.float64]:
        """``(n,)``, the sum of squared weights of a row's observations."""
        return self.copies * self.each**2


def spread_within(
    space: Space, inside: NDArray[np.bool_], copies: NDArray[np.float64], y: NDArray[np.float64], few: int
) -> NDArray[np.float64]:
    """Estimate the variance of each row's outcome given where it lies, from the nearest rows of the same arm.

    With J nearest rows, all equally near ones among them::

        σ²ᵢ = J / (J + 1) · (Yᵢ - mean of their Y)²

    Args:
        space: where rows lie.
        inside: ``(n,)``, which rows are in the arm.
        copies: ``(n,)``, how many observations each row is.
        y: ``(n,)``, outcomes.
        few: J, the neighbours that are asked for.

    Returns:
        ``(n,)``, squared units of the outcome; 0 outside of the arm.

    Source: Abadie and Imbens (2006), equation 14, doi:10.1111/j.1468-0262.2006.00655.x.
    """
    counted = copies * inside
    there = space.total(counted)
    sets = nearest(space, there, np.flatnonzero(there > 0), few + 1, limited=False)
    many, total = sets.over(there)[space.place], sets.over(space.total(counted * y))[space.place]
    variance = np.zeros(len(y))
    many, total, own = many[inside], total[inside], y[inside]
    variance[inside] = (many - 1) / many * (own - (total - own) / (many - 1)) ** 2
    return variance


def change_by_score(
    score: Propensity,
    spaces: tuple[Space, Space],
    y: NDArray[np.float64],
    arms: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    weights: Weights,
    *,
    among: NDArray[np.bool_] | None,
    value: float,
    few: int,
) -> float:
    """Return what the estimation of a logit's score adds to the variance of matching on it; mostly it is negative.

    With F the score, f = F (1 - F), V the variance of the logit's coefficients and x its columns::

        everyone:   -c'V c,           c = mean of f (cov₁(x, Y | F) / F + cov₀(x, Y | F) / (1 - F))
        treated:    -c'V c + d'V d,   c = mean of f (x (μ₁(F) - μ₀(F) - τ) + cov₁ + cov₀ F / (1 - F)) / mean F
                                      d = mean of f  x (μ₁(x) - μ₀(x) - τ) / mean F

    Covariances and means are those of the nearest rows of an arm, near in score, or for μ(x) near in covariates.

    Args:
        score: the fitted logit of two arms.
        spaces: where rows lie by the score, and by covariates (Mahalanobis).
        y: ``(n,)``, outcomes.
        arms: which rows are in the arm that is compared, and in the other.
        weights: of the rows.
        among: ``(n,)``, the arm whose effect it is; None for everyone's.
        value: τ.
        few: how many neighbours beside a row itself.

    Source: Abadie and Imbens (2016), Matching on the estimated propensity score, Propositions 1 and 2,
    doi:10.3982/ECTA11293.
    """
    if score.information is None:
        raise ValueError("a score that wasn't estimated adds nothing")
    x, mass = score.matrix, weights.mass
    own, other = arms if among is None or among is arms[0] else arms[::-1]
    # The effect among the others is that among the treated with the arms' names changed, and the sign.
    sign = 1.0 if own is arms[0] else -1.0
    chance = score.score if own is arms[0] else 1 - score.score
    dense = chance * (1 - chance)
    covariance, mean = [], []
    for arm in (own, other):
        found = _in_arm(spaces[0], arm, weights.copies, x, y, few)
        covariance.append(found[0])
        mean.append(found[1])
    inverse = np.linalg.inv(score.information) / mass.sum()
    if among is None:
        c = (mass * dense) @ (covariance[0] / chance[:, None] + covariance[1] / (1 - chance)[:, None]) / mass.sum()
        return -float(c @ inverse @ c)
    there = float(mass @ chance)
    c = (mass * dense * (mean[0] - mean[1] - sign * value)) @ x
    c += (mass * dense) @ (covariance[0] + covariance[1] * (chance / (1 - chance))[:, None])
    levels = [_mean_in_arm(spaces[1], arm, weights.copies, y, few) for arm in (own, other)]
    d = (mass * dense * (levels[0] - levels[1] - sign * value)) @ x
    return float(d @ inverse @ d - c @ inverse @ c) / there**2


def _sets(space: Space, counted: NDArray[np.float64], few: int) -> tuple[Sets, NDArray[np.float64]]:
    there = space.total(counted)
    sets = nearest(space, there, np.arange(space.size), few + 1, limited=False)
    return sets, sets.over(there)


def _mean_in_arm(
    space: Space, arm: NDArray[np.bool_], copies: NDArray[np.float64], y: NDArray[np.float64], few: int
) -> NDArray[np.float64]:
    sets, many = _sets(space, copies * arm, few)
    mean: NDArray[np.float64] = (sets.over(space.total(copies * arm * y)) / many)[space.place]
    return mean


def _in_arm(
    space: Space,
    arm: NDArray[np.bool_],
    copies: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    few: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return cov(x, Y) ``(n, d)`` and the mean of Y ``(n,)`` over the rows of an arm that are nearest to each row."""
    counted = copies * arm
    sets, many = _sets(space, counted, few)
    # Centred first, so that little is lost in differences of sums.
    level = float(counted @ y / counted.sum())
    left = y - level
    ys = sets.over(space.total(counted * left))
    covariance = np.empty((len(y), x.shape[1]))
    for j, column in enumerate(x.T):
        xs = sets.over(space.total(counted * column))
        both = sets.over(space.total(counted * left * column))
        covariance[:, j] = ((both - xs * ys / many) / (many - 1))[space.place]
    return covariance, level + (ys / many)[space.place]
