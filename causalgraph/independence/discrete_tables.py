"""Rows of discrete variables as small whole numbers, counted together where they are alike."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalgraph.graphs.compiling import compiled

__all__ = ["FEW_CELLS", "Rule", "Tables", "folded", "large_table", "renumbered"]

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Ints = NDArray[np.int32]

# A table of this size costs little, however few the rows.
FEW_CELLS = 1 << 14
# So many codes are gone through as plain Python: a compiled loop would take longer to load.
SMALL = 50_000


@dataclass(frozen=True)
class Tables:
    """Rows, or distinct rows with how often they occur, as small whole numbers.

    Attributes:
        codes: ``(v, k)``, the place of a level, and ``levels`` itself where it is missing.
        weight: ``(k,)``, how often each occurs; empty where each counts once.
        levels: ``(v,)``, how many levels each variable has.
        widths: ``(v,)``, how many codes: one more where some are missing.
    """

    codes: NDArray[Any]
    weight: Longs
    levels: Longs
    widths: Longs

    @property
    def total(self) -> int:
        """How many observations there are."""
        return int(self.weight.sum()) if self.weight.size else self.codes.shape[1]

    def of(self, members: Sequence[int] | NDArray[np.intp]) -> Tables:
        """Return some of the variables."""
        at = np.asarray(members, dtype=np.intp)
        return Tables(self.codes[at], self.weight, self.levels[at], self.widths[at])


@dataclass(frozen=True)
class Rule:
    """How a statistic is made and what its degrees of freedom are.

    Attributes:
        pearson: is it χ² rather than G²?
        observed: are degrees of freedom counted by the rows and columns that occur in each stratum?
        most: tests with more degrees of freedom by levels aren't worth counting.
    """

    pearson: bool
    observed: bool
    most: float


def folded(tables: Tables, share: float = 0.5) -> Tables:
    """Count equal rows together, if that leaves at most a share of them.

    >>> t = Tables(np.array([[0, 1, 0, 0]], np.uint8), np.zeros(0, np.int64), np.array([2]), np.array([2]))
    >>> folded(t).codes.tolist(), folded(t).weight.tolist()
    ([[0, 1]], [3, 1])
    """
    k = tables.codes.shape[1]
    number, count, most = np.zeros(k, dtype=np.int32), 1, int(share * k)
    plain = tables.codes.size <= SMALL and "numba" not in sys.modules
    renumber, add_up = (_renumber, _add_up) if plain else (compiled(_renumber), compiled(_add_up))
    # Variables of few levels first, so that many are done before there are many combinations.
    for at in np.argsort(tables.widths, kind="stable").tolist():
        size = count * int(tables.widths[at])
        if size > max(FEW_CELLS, 16 * k):
            return tables
        count = renumber(number, tables.codes[at], int(tables.widths[at]), np.full(size, -1, dtype=np.int32))
        if count > most:
            return tables
    first, weight = np.empty(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    add_up(number, tables.weight, first, weight)
    return Tables(np.ascontiguousarray(tables.codes[:, first]), weight, tables.levels, tables.widths)


def renumbered(column: NDArray[Any], levels: int) -> Ints:
    """Number the levels of a column in order of appearance, and what is missing as -1.

    >>> renumbered(np.array([2, 0, 2, 3], dtype=np.uint8), 3).tolist()
    [0, 1, 0, -1]
    """
    number = np.zeros(len(column), dtype=np.int32)
    compiled(_renumber)(number, column, levels + 1, np.full(levels + 1, -1, dtype=np.int32))
    number[column == levels] = -1
    return number


def large_table(tables: Tables, rule: Rule) -> tuple[float, float, float]:
    """Return statistic, degrees of freedom and n of the first two variables given the rest, by the cells that occur.

    For tables with more cells than could be laid out.
    """
    levels = tables.levels
    complete = (tables.codes < levels[:, None]).all(axis=0)
    codes = tables.codes[:, complete].astype(np.int64)
    weight = tables.weight[complete] if tables.weight.size else np.ones(codes.shape[1], dtype=np.int64)
    df = float(np.prod(levels[:2] - 1.0) * np.prod(levels[2:].astype(float)))
    n = float(weight.sum())
    if not n:
        return 0.0, 0.0 if rule.observed else df, 0.0
    stratum = np.zeros(codes.shape[1], dtype=np.int64)
    for column, width in zip(codes[2:], levels[2:].tolist(), strict=True):
        stratum = np.unique(stratum * width + column, return_inverse=True)[1]
    cells, where = np.unique((stratum * levels[0] + codes[0]) * levels[1] + codes[1], return_inverse=True)
    seen = np.bincount(where, weight)
    row, row_of = np.unique(cells // levels[1], return_inverse=True)
    strata = row // levels[0]
    column, column_of = np.unique(
        (cells // levels[1] // levels[0]) * levels[1] + cells % levels[1], return_inverse=True
    )
    by_row, by_column = np.bincount(row_of, seen), np.bincount(column_of, seen)
    total = np.bincount(strata, by_row)
    expected = by_row[row_of] * by_column[column_of] / total[strata[row_of]]
    if rule.pearson:
        # Cells that don't occur add what is expected there: in all, expectations add up to n.
        statistic = float(((seen - expected) ** 2 / expected - expected).sum() + n)
    else:
        statistic = float(2 * (seen * np.log(seen / expected)).sum())
    if rule.observed:
        df = float((np.bincount(strata) - 1) @ (np.bincount(column // levels[1]) - 1))
    return max(statistic, 0.0), df, n


def _renumber(number: Any, column: Any, width: int, table: Any) -> int:
    """Number the combinations of a number and a further column in order of appearance; return how many there are."""
    count = 0
    for r in range(len(number)):
        at = number[r] * width + column[r]
        if table[at] < 0:
            table[at] = count
            count += 1
        number[r] = table[at]
    return count


def _add_up(number: Any, weight: Any, first: Any, added: Any) -> None:
    """Find the first row of each number, and add up their weights."""
    for r in range(len(number)):
        at = number[r]
        if added[at] == 0:
            first[at] = r
        added[at] += weight[r] if len(weight) > 0 else 1
