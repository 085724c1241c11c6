"""Partial correlations by inversion in extended precision, and Fisher's z by the definition of the normal tail."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import mpmath
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["brute_level", "fisher_p", "inverted", "partial_correlation"]

Key = tuple[int, int, tuple[int, ...]]


def inverted(matrix: NDArray[np.longdouble]) -> NDArray[np.longdouble]:
    """Gauss and Jordan, with row pivots."""
    v = len(matrix)
    work = np.hstack([matrix.astype(np.longdouble), np.eye(v, dtype=np.longdouble)])
    for k in range(v):
        pivot = k + int(np.argmax(np.abs(work[k:, k])))
        work[[k, pivot]] = work[[pivot, k]]
        work[k] /= work[k, k]
        for row in range(v):
            if row != k:
                work[row] -= work[row, k] * work[k]
    return work[:, v:]


def partial_correlation(matrix: NDArray[np.float64], i: int, j: int, given: Sequence[int]) -> float:
    """From the precision matrix of the variables involved."""
    places = [i, j, *given]
    precision = inverted(matrix[np.ix_(places, places)].astype(np.longdouble))
    return float(-precision[0, 1] / np.sqrt(precision[0, 0] * precision[1, 1]))


def fisher_p(r: float, n: float, size: int) -> float:
    """The mass of the standard normal beyond ±z, in thirty digits."""
    with mpmath.workdps(30):
        z = mpmath.sqrt(mpmath.mpf(n) - size - 3) * mpmath.atanh(abs(mpmath.mpf(r)))
        return float(mpmath.erfc(z / mpmath.sqrt(2)))


def brute_level(
    matrix: NDArray[np.float64], adjacent: NDArray[np.bool_], testable: NDArray[np.bool_], size: int, n: float
) -> dict[Key, float]:
    """Return the p-value of every test that a level has to make, by pair i < j and set."""
    v = len(matrix)
    near = [{k for k in range(v) if adjacent[i, k]} for i in range(v)]
    found: dict[Key, float] = {}
    for i, j in combinations(range(v), 2):
        if adjacent[i, j] and testable[i, j]:
            for given in combinations(sorted((near[i] | near[j]) - {i, j}), size):
                if near[i].issuperset(given) or near[j].issuperset(given):
                    found[i, j, given] = fisher_p(partial_correlation(matrix, i, j, given), n, size)
    return found
