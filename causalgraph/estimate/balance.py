"""Balance: how far two arms differ in their covariates, before and after weighting or matching."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import inf, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from causalgraph.estimate.base import Target
    from causalgraph.estimate.sample import Sample

__all__ = ["Balance", "balance", "unbalanced"]

# A standardised difference above this is more than a covariate should be left with.
TOLERATED = 0.1
# How many covariates a warning names.
NAMED = 3
# Levels of a covariate that one column tells of.
BINARY = 2


@dataclass(frozen=True)
class Balance:
    """One covariate, or one level of it, in the two arms.

    Attributes:
        name: ``Age`` or ``Region=north``.
        level: the mean in the arm that is compared, as weighted.
        against: the mean in the other.
        before: the difference of means in standard deviations, without the weights.
        after: the same with them; the standard deviations are those without.
        ratio_before: the variance in one arm over that in the other, None for a level, and where the other is 0.
        ratio_after: the same with the weights.
    """

    name: str
    level: float
    against: float
    before: float
    after: float
    ratio_before: float | None = None
    ratio_after: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the row, JSON-ready."""
        return asdict(self)


def balance(sample: Sample, weights: NDArray[np.float64], target: Target) -> tuple[Balance, ...]:
    """Compare the covariates' means and variances in two arms, before and after weighting.

    The standardised mean difference is (m_1 - m_0) / s. With the effect on everyone s² is the mean of the arms'
    variances, on the treated the variance of the treated, on the others theirs; always of the rows as they are, so that
    before and after are told on one scale.

    Args:
        sample: the rows.
        weights: ``(n,)``, of the estimator: 0 for a row that it doesn't use. Weights of the data come on top.
        target: the arms, and whose average it is.

    Source: Austin (2009), Balance diagnostics for comparing the distribution of baseline covariates, Statistics in
    Medicine 28, doi:10.1002/sim.3697; Stuart (2010), Matching methods for causal inference, doi:10.1214/09-STS313.

    >>> from causalgraph.estimate.base import Target
    >>> from causalgraph.estimate.sample import Sample
    >>> rows = Sample("X", ("0", "1"), np.array([0, 0, 0, 1, 1, 1]), "Y", np.zeros(6), ("A",),
    ...     np.array([[1.0], [2], [3], [2], [3], [4]]), ((),), np.ones(6))
    >>> [one] = balance(rows, np.array([0, 1.0, 1, 1, 1, 0]), Target(1, 0))
    >>> round(one.before, 4), one.after
    (1.2247, 0.0)
    """
    arms = []
    for arm in (target.level, target.against):
        inside = np.flatnonzero(sample.arm == arm)
        plain = sample.weight[inside]
        arms.append((inside, plain, plain * weights[inside]))
    rows = []
    for name, values, is_level in _columns(sample):
        means, spreads = np.empty((2, 2)), np.empty((2, 2))
        for i, (inside, plain, weighted) in enumerate(arms):
            column = values[inside]
            for j, weight in enumerate((plain, weighted)):
                means[i, j], spreads[i, j] = _moments(column, weight)
        differences = means[0] - means[1]
        scale = sqrt(_scale(spreads[:, 0], target.population))
        before, after = (_standardised(float(d), scale) for d in differences)
        ratios: list[float | None] = [None, None]
        if not is_level:
            ratios = [float(s[0] / s[1]) if s[1] > 0 else None for s in spreads.T]
        rows.append(Balance(name, float(means[0, 1]), float(means[1, 1]), before, after, ratios[0], ratios[1]))
    return tuple(rows)


# Weighted means of a constant differ by rounding.
ROUNDING = 1e-9


def unbalanced(rows: tuple[Balance, ...]) -> str | None:
    """Name the covariates that still differ by more than `TOLERATED` standard deviations, the worst first."""
    still = sorted((r for r in rows if abs(r.after) > TOLERATED), key=lambda r: -abs(r.after))
    if not still:
        return None
    named = ", ".join(f"{r.name} by {abs(r.after):.2f}" for r in still[:NAMED])
    return named if len(still) <= NAMED else f"{named} and {len(still) - NAMED:,} more"


def _columns(sample: Sample) -> Iterator[tuple[str, NDArray[np.float64], bool]]:
    """Yield numbers as they are, of two levels the second, of more each that occurs."""
    for place, (name, levels) in enumerate(zip(sample.covariates, sample.levels, strict=True)):
        values = sample.values[:, place]
        if not levels:
            yield name, values, False
            continue
        for code, level in enumerate(levels):
            if len(levels) == BINARY and code == 0:
                continue
            inside = values == code
            if inside.any():
                yield f"{name}={level}", inside.astype(float), True


def _moments(column: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, float]:
    """Return mean and variance by weights; 0 where nothing weighs."""
    total = float(weight.sum())
    if total <= 0:
        return 0.0, 0.0
    mean = float(weight @ column) / total
    return mean, float(weight @ (column - mean) ** 2) / total


def _scale(variances: NDArray[np.float64], population: str) -> float:
    chosen = {"att": variances[0], "atc": variances[1]}.get(population, variances.mean())
    return float(chosen if chosen > 0 else variances.mean())


def _standardised(difference: float, scale: float) -> float:
    """Return a difference in standard deviations; arms that are each constant and differ are infinitely far apart."""
    if scale > 0:
        return difference / scale
    # What rounding leaves of a constant is no difference.
    if abs(difference) < ROUNDING:
        return 0.0
    return inf if difference > 0 else -inf if difference < 0 else 0.0
