"""Intervals from a standard error."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

__all__ = ["quantile", "wald", "wilson"]


def quantile(level: float) -> float:
    """Return the two-sided normal quantile of a level.

    >>> round(quantile(0.95), 2)
    1.96
    """
    return NormalDist().inv_cdf((1 + level) / 2)


def wald(value: float, error: float, level: float) -> tuple[float, float]:
    """Return ``value ± z · error``."""
    half = quantile(level) * error
    return value - half, value + half


def wilson(value: float, error: float, level: float, n: float) -> tuple[float, float]:
    """Return Wilson's interval for a probability whose standard error is ``error``.

    The number of observations is the one for which a plain share has that error, value(1 - value)/error²; where the
    share is 0 or 1, and its error therefore 0, it is ``n``. The interval stays in [0, 1] and never shrinks to a point.

    >>> [round(x, 3) for x in wilson(0.0, 0.0, 0.95, 10)]
    [0.0, 0.278]

    Source: E. Wilson, J. Am. Stat. Assoc. 22 (1927) 209-212, doi:10.1080/01621459.1927.10502953; the effective number
    as in survey practice, E. Korn and B. Graubard, Survey Methodology 24 (1998) 193-201.
    """
    z = quantile(level)
    size = value * (1 - value) / error**2 if error > 0 else n
    middle = (value + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * sqrt(value * (1 - value) / size + z * z / (4 * size * size))
    return max(0.0, middle - half), min(1.0, middle + half)
