"""Overlap: how far the arms' propensity scores cover one another, and how many rows the weights really use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from causalgraph.estimate.base import Target
    from causalgraph.estimate.sample import Sample

__all__ = [
    "best_trim",
    "common_support",
    "effective_size",
    "extrapolated",
    "outside",
    "score_quantiles",
    "weighted_quantiles",
]

# Beyond this share of a population outside the covariates that an arm has, its regression is mostly a guess there.
FAR = 0.05

# What is told of the scores of an arm.
QUANTILES: Mapping[str, float] = {
    "min": 0, "1%": 0.01, "5%": 0.05, "25%": 0.25, "50%": 0.5, "75%": 0.75, "95%": 0.95, "99%": 0.99, "max": 1,
}  # fmt: skip


def effective_size(weight: NDArray[np.float64], rows: NDArray[np.float64] | None = None) -> float:
    """Return the number of equally weighted rows whose mean would vary as much: (Σ w)² / Σ w².

    Args:
        weight: ``(n,)``, of each row.
        rows: ``(n,)``, how many rows each stands for, where the data are counts.

    Source: Kish (1965), Survey Sampling, section 11.7.

    >>> effective_size(np.array([1.0, 1.0, 2.0]))
    2.6666666666666665
    """
    many = np.ones(len(weight)) if rows is None else rows
    squares = float(many @ weight**2)
    return float(many @ weight) ** 2 / squares if squares > 0 else 0.0


def weighted_quantiles(
    values: NDArray[np.float64], weight: NDArray[np.float64], shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the smallest values that have at least each share of the weight at or below them.

    >>> weighted_quantiles(np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 1.0]), np.array([0.5, 0.75, 1.0])).tolist()
    [1.0, 2.0, 3.0]
    """
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    # Sums of weights are rounded: a share that is met to within rounding is met.
    place = np.searchsorted(reached, shares * reached[-1] * (1 - 1e-12))
    found: NDArray[np.float64] = values[order[np.minimum(place, len(values) - 1)]]
    return found


def score_quantiles(sample: Sample, score: NDArray[np.float64], target: Target) -> dict[str, dict[str, float]]:
    """Return quantiles of the score in each of the two arms.

    Args:
        sample: the rows.
        score: ``(n,)``, the probability of the arm that is compared.
        target: the arms.
    """
    told = {}
    shares = np.array(list(QUANTILES.values()))
    for arm in (target.level, target.against):
        inside = sample.arm == arm
        found = weighted_quantiles(score[inside], sample.weight[inside], shares)
        told[sample.arms[arm]] = dict(zip(QUANTILES, found.tolist(), strict=True))
    return told


def common_support(sample: Sample, score: NDArray[np.float64], target: Target) -> NDArray[np.bool_]:
    """Return which rows of the two arms have a score within the range of both.

    Args:
        sample: the rows.
        score: ``(n,)``, the probability of the arm that is compared.
        target: the arms.

    Source: Dehejia and Wahba (1999), Causal effects in nonexperimental studies, JASA 94,
    doi:10.1080/01621459.1999.10473858.
    """
    one, other = (score[sample.arm == arm] for arm in (target.level, target.against))
    low, high = max(one.min(), other.min()), min(one.max(), other.max())
    inside: NDArray[np.bool_] = (score >= low) & (score <= high)
    return inside


def outside(matrix: NDArray[np.float64], within: NDArray[np.bool_], weight: NDArray[np.float64]) -> float:
    """Return the share of rows that lie outside the range of some rows in a column of covariates.

    Args:
        matrix: ``(n, p)``, the covariates.
        within: ``(n,)``, the rows that have the range.
        weight: ``(n,)``, of all rows.

    >>> outside(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([True, True, True, False]), np.ones(4))
    0.25
    """
    far = np.zeros(len(matrix), dtype=bool)
    for column in matrix.T:
        met = column[within]
        far |= (column < met.min()) | (column > met.max())
    return float(weight @ far / weight.sum())


def extrapolated(share: float, label: str) -> tuple[str, ...]:
    """Warn where too much of a population lies outside an arm's covariates; ``label`` names the arm."""
    what = f"{share:.0%} of the population lies outside the covariates met where {label}"
    return (f"W531: {what}: its outcome there is extrapolated",) if share > FAR else ()


def best_trim(inverse: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """Return the bound on Σ_k 1 / e_k below which rows give the effect of smallest variance.

    It is the smallest γ with γ ≥ 2 E[g | g ≤ γ], g = Σ_k 1 / e_k: of two arms g = 1 / (e (1 - e)), and rows are kept
    whose score is at least α = 1/2 - sqrt(1/4 - 1/γ) away from 0 and 1.

    Args:
        inverse: ``(n,)``, g.
        weight: ``(n,)``, of the rows.

    Returns:
        γ, infinite where all rows are to be kept.

    Source: Crump, Hotz, Imbens and Mitnik (2009), Dealing with limited overlap in estimation of average treatment
    effects, Biometrika 96, doi:10.1093/biomet/asn055.

    >>> best_trim(np.array([4.0, 5.0, 6.0, 400.0]), np.ones(4))
    10.0
    """
    order = np.argsort(inverse, kind="stable")
    g, w = inverse[order], weight[order]
    if g[-1] <= 2 * float(g @ w) / float(w.sum()):
        return float("inf")
    bound = 2 * np.cumsum(g * w) / np.cumsum(w)
    # The rows up to i are kept by γ = bound[i] if it reaches the i-th and not the next.
    fits = (g <= bound) & (np.append(g[1:], np.inf) > bound)
    return float(bound[np.flatnonzero(fits)[0]])
