"""Intervals from a standard error."""

from __future__ import annotations

from math import exp, log, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["abc", "certain", "log_wald", "quantile", "simultaneous", "wald", "wilson"]

# How far the acceleration may go times where an end lies: at 1 the end would lie at infinity, below -1 it turns back.
STRETCHED = (-1.0, 0.75)
# Shares nearer to 0 or 1 than this, and errors below it, are 0 or 1 and nothing but for rounding.
ROUNDING = 1e-12
# The largest end of a ratio's interval on the logarithm that a float can hold.
LARGEST = 700.0


def quantile(level: float, clusters: int | None = None) -> float:
    """Return the two-sided normal quantile of a level; for a clustered error Student's, a degree a cluster less one.

    >>> round(quantile(0.95), 2)
    1.96
    >>> round(quantile(0.95, clusters=11), 2)
    2.23

    Source: A. Cameron, D. Miller, "A practitioner's guide to cluster-robust inference", J. Human Resources 50 (2015)
    317-372, section VI.D, doi:10.3368/jhr.50.2.317.
    """
    if clusters is None:
        return NormalDist().inv_cdf((1 + level) / 2)
    from scipy.special import stdtrit

    return float(stdtrit(clusters - 1, (1 + level) / 2))


def wald(value: float, error: float, level: float, critical: float | None = None) -> tuple[float, float]:
    """Return ``value ± z · error``; ``critical`` takes the place of the normal quantile."""
    half = (quantile(level) if critical is None else critical) * error
    return value - half, value + half


def log_wald(value: float, error: float, level: float, critical: float | None = None) -> tuple[float, float]:
    """Return an interval for a positive ratio, laid on the logarithm; on the ratio itself where that isn't positive.

    >>> [round(end, 3) for end in log_wald(2.0, 0.5, 0.95)]
    [1.225, 3.265]
    """
    if not value > 0:
        return wald(value, error, level, critical)
    low, high = wald(log(value), error / value, level, critical)
    return exp(min(low, LARGEST)), exp(min(high, LARGEST))


def abc(
    value: float, error: float, level: float, acceleration: float, curvature: float, critical: float | None = None
) -> tuple[float, float]:
    """Return an interval corrected for skewness: a quadratic ABC interval without its term for bias.

    That term moves the interval as a whole, and in plug-in formulas comes to a hundredth of the error. With
    acceleration a, curvature c and critical value z, an end is value + error · (λ + c λ²), where λ = w / (1 - a w)² and
    w = a + c ± z. Where a or c would turn an end back as z grows, it stays at the turn.

    >>> [round(end, 2) for end in abc(1.0, 0.1, 0.95, acceleration=0.0, curvature=0.05)]
    [0.83, 1.22]

    Source: T. DiCiccio, B. Efron, "More accurate confidence intervals in exponential families", Biometrika 79 (1992)
    231-245, doi:10.1093/biomet/79.2.231, section 4.
    """
    z = quantile(level) if critical is None else critical

    def end(w: float) -> float:
        if acceleration * w < STRETCHED[0]:
            w = STRETCHED[0] / acceleration
        moved = w / (1 - min(acceleration * w, STRETCHED[1])) ** 2
        if 1 + 2 * curvature * moved < 0:
            moved = -1 / (2 * curvature)
        return value + error * (moved + curvature * moved * moved)

    return end(acceleration + curvature - z), end(acceleration + curvature + z)


def simultaneous(
    covariance: NDArray[np.float64], level: float, seed: int, draws: int = 20_000, clusters: int | None = None
) -> float:
    """Return the critical value with which all intervals of a table hold at once: a quantile of the largest |t|.

    Of clustered errors the t's are Student's, as in `quantile`.

    Source: J. Montiel Olea, M. Plagborg-Møller, "Simultaneous confidence bands", J. Appl. Econometrics 34 (2019) 1-17,
    doi:10.1002/jae.2656.
    """
    import numpy as np

    errors = np.sqrt(np.maximum(np.nan_to_num(np.diag(covariance)), 0))
    known = errors > 0
    if not known.any():
        return quantile(level, clusters)
    correlation = covariance[np.ix_(known, known)] / np.outer(errors[known], errors[known])
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0))
    rng = np.random.default_rng(seed)
    largest = np.abs(rng.standard_normal((draws, len(root))) @ root.T).max(axis=1)
    if clusters is not None:
        largest /= np.sqrt(rng.chisquare(clusters - 1, draws) / (clusters - 1))
    return max(float(np.quantile(largest, level)), quantile(level, clusters))


def certain(share: float, error: float) -> bool:
    """Whether a share is 0 or 1, or has no error, so that its error tells nothing of how sure it is."""
    return min(share, 1 - share) < ROUNDING or error < ROUNDING


def wilson(value: float, error: float, level: float, n: float, critical: float | None = None) -> tuple[float, float]:
    """Return Wilson's interval for a probability whose standard error is ``error``.

    The number of observations is the one for which a plain share has that error, value(1 - value)/error²; where the
    share is 0 or 1, and its error therefore 0, it is ``n``. The interval stays in [0, 1] and never shrinks to a point.

    >>> [round(x, 3) for x in wilson(0.0, 0.0, 0.95, 10)]
    [0.0, 0.278]

    Source: E. Wilson, J. Am. Stat. Assoc. 22 (1927) 209-212, doi:10.1080/01621459.1927.10502953; the effective number
    as in survey practice, E. Korn and B. Graubard, Survey Methodology 24 (1998) 193-201.
    """
    z = quantile(level) if critical is None else critical
    size = n if certain(value, error) else value * (1 - value) / error**2
    middle = (value + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * sqrt(value * (1 - value) / size + z * z / (4 * size * size))
    return max(0.0, middle - half), min(1.0, middle + half)
