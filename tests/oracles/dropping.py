"""Fisher's z with missing values, test by test: numpy on the rows that are left when incomplete ones are dropped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from oracles.independence import fisher_p

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["dropped_level", "dropped_test"]


def dropped_test(
    rows: NDArray[np.float64], i: int, j: int, given: Sequence[int], counts: NDArray[np.int64] | None = None
) -> tuple[float, int]:
    """Return the p-value, NaN where there is none, and n: residuals of least squares on the complete rows."""
    used = rows[:, [i, j, *given]]
    if counts is not None:
        used = np.repeat(used, counts, axis=0)
    used = used[~np.isnan(used).any(axis=1)]
    n = len(used)
    if n < len(given) + 4 or (np.ptp(used[:, :2], axis=0) == 0).any():
        return math.nan, n
    used = (used - used.mean(axis=0)).astype(float)
    left = used[:, :2] - used[:, 2:] @ np.linalg.lstsq(used[:, 2:], used[:, :2], rcond=None)[0]
    r = float(left[:, 0] @ left[:, 1] / math.sqrt((left[:, 0] @ left[:, 0]) * (left[:, 1] @ left[:, 1])))
    return fisher_p(max(-1 + 1e-16, min(1 - 1e-16, r)), n, len(given)), n


def dropped_level(
    rows: NDArray[np.float64], adjacent: NDArray[np.bool_], testable: NDArray[np.bool_], size: int
) -> dict[tuple[int, int, tuple[int, ...]], float]:
    """Return the p-value of every test of a level, by pair i < j and set."""
    v = rows.shape[1]
    near = [{k for k in range(v) if adjacent[i, k]} for i in range(v)]
    found = {}
    for i, j in combinations(range(v), 2):
        if adjacent[i, j] and testable[i, j]:
            for given in combinations(sorted((near[i] | near[j]) - {i, j}), size):
                if near[i].issuperset(given) or near[j].issuperset(given):
                    found[i, j, given] = dropped_test(rows, i, j, given)[0]
    return found
