"""Tables of the cells that occur, and finding rows in them: sums over some variables, joins, numbers for rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from causalgraph.data.keys import Codes, Keys, places
from causalgraph.errors import EstimationError
from causalgraph.evaluate.table import MOST_CELLS

__all__ = ["Booleans", "Floats", "Table", "affordable"]

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]


@dataclass(eq=False)
class Table:
    """Sums of the counts over all variables but some: one row for each combination of these that occurs."""

    columns: tuple[Codes, ...]  # the codes of the cells, (k,) each
    first: Codes  # (m,), a cell of each row
    place: Codes  # (k,), the row that each cell is summed into
    keys: Keys
    known: Codes  # (m,), the keys of the rows, sorted
    orders: dict[tuple[int, ...], tuple[Keys, Codes, Codes]] = field(default_factory=dict)

    @classmethod
    def of(cls, columns: tuple[Codes, ...], sizes: tuple[int, ...], cells: int) -> Table:
        """Make the table of some variables, by the codes and the number of levels of each."""
        keys = Keys(sizes)
        packed = keys.pack(columns, cells, learn=True)
        known, first, place = np.unique(packed, return_index=True, return_inverse=True)
        return cls(columns, first, place.reshape(-1), keys, known)

    def codes(self, column: int, rows: Codes) -> Codes:
        """Return the codes of some rows in a column."""
        return self.columns[column][self.first[rows]]

    def find(self, columns: Sequence[Codes], length: int) -> Codes:
        """Return the row of the table at each row of codes, -1 where it never occurs."""
        return places(self.known, self.keys.pack(columns, length))

    def sum(self, cells: Floats) -> Floats:
        """Sum a number a cell into one a row."""
        return np.asarray(np.bincount(self.place, cells, minlength=len(self.known)), dtype=float)

    def matches(self, tied: tuple[int, ...], columns: Sequence[Codes], length: int) -> tuple[Codes, Codes]:
        """Return all pairs (row asked, row of the table) that agree in the tied columns."""
        if tied not in self.orders:
            keys = Keys(tuple(self.keys.sizes[t] for t in tied))
            packed = keys.pack([self.columns[t][self.first] for t in tied], len(self.first), learn=True)
            order = np.argsort(packed, kind="stable")
            self.orders[tied] = keys, order, packed[order]
        keys, order, packed = self.orders[tied]
        wanted = keys.pack(columns, length)
        first = np.searchsorted(packed, wanted, side="left")
        many = np.searchsorted(packed, wanted, side="right") - first
        affordable(int(many.sum()))
        asked = np.repeat(np.arange(length), many)
        offset = np.arange(len(asked)) - np.repeat(np.cumsum(many) - many, many)
        return asked, order[np.repeat(first, many) + offset]


def affordable(rows: int) -> None:
    """Refuse to lay out too many rows.

    Raises:
        EstimationError: they are over the limit (E503).
    """
    if rows > MOST_CELLS:
        raise EstimationError.because(
            "E503",
            f"the formula needs {rows:,} rows at once, over the limit of {MOST_CELLS:,}",
            why="it sums over every combination of levels where the data tell of none that is zero",
            fix="coarsen the levels, or adjust for fewer variables",
        )
