"""Independence in tables as the textbook has it: stratum by stratum, by scipy, on rows in plain Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import nan, prod

import numpy as np
from scipy.stats import chi2, chi2_contingency

from causalgraph.independence.base import Tested

__all__ = ["by_rule", "by_strata"]

LAMBDA = {"g2": "log-likelihood", "chi2": "pearson"}


def by_strata(
    rows: Sequence[Sequence[int]],
    levels: Sequence[int],
    pair: tuple[int, int],
    given: Sequence[int],
    *,
    weight: Sequence[int] | None = None,
    statistic: str = "g2",
    df: str = "observed",
) -> tuple[float, float, float]:
    """Return the statistic, its degrees of freedom and n; -1 is missing."""
    i, j = pair
    strata: dict[tuple[int, ...], Counter[tuple[int, int]]] = {}
    for row, w in zip(rows, weight if weight is not None else [1] * len(rows), strict=True):
        if w and all(row[k] >= 0 for k in (i, j, *given)):
            strata.setdefault(tuple(row[k] for k in given), Counter())[row[i], row[j]] += w
    value = free = n = 0.0
    for cells in strata.values():
        across = [sorted({cell[axis] for cell in cells}) for axis in (0, 1)]
        table = np.array([[cells[a, b] for b in across[1]] for a in across[0]])
        found = chi2_contingency(table, correction=False, lambda_=LAMBDA[statistic])
        value, free, n = value + found.statistic, free + found.dof, n + table.sum()
    if df == "levels":
        free = (levels[i] - 1) * (levels[j] - 1) * prod(levels[k] for k in given)
    return float(value), float(free), float(n)


def by_rule(
    rows: Sequence[Sequence[int]],
    levels: Sequence[int],
    *,
    small: str = "skip",
    per_df: float = 10.0,
    weight: Sequence[int] | None = None,
    statistic: str = "g2",
    df: str = "observed",
) -> Callable[[int, int, Sequence[int]], Tested]:
    """Return the test of rows, with what becomes of tests with too few observations."""

    def test(i: int, j: int, given: Sequence[int]) -> Tested:
        value, free, n = by_strata(rows, levels, (i, j), given, weight=weight, statistic=statistic, df=df)
        p = float(chi2.sf(value, free)) if free else 1.0
        if small != "test" and (not free or n < per_df * free):
            p = {"skip": nan, "dependent": 0.0, "independent": 1.0}[small]
        return Tested(p, value, free, n)

    return test
