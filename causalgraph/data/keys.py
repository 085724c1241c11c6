"""Rows of codes as single numbers: equal rows have equal numbers, and the numbers sort as the rows do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Codes", "Keys", "numbered", "places"]

# Keys up to this size are made by multiplying numbers of levels; beyond it they are renumbered as they occur.
LARGEST_KEY = 2**62

Codes = NDArray[np.intp]


@dataclass(eq=False)
class Keys:
    """Turns rows of codes into single numbers, equal for equal rows; -1 or less for rows that can't be known ones.

    >>> keys = Keys((3, 2))
    >>> keys.pack([np.array([0, 2]), np.array([1, 0])], 2).tolist()
    [1, 4]
    """

    sizes: tuple[int, ...]
    seen: list[Codes] = field(default_factory=list)

    def pack(self, columns: Sequence[Codes], length: int, *, learn: bool = False) -> Codes:
        """Number rows; ``learn`` remembers them where the product of all levels is too large for a number."""
        key, room, stage = np.zeros(length, dtype=np.int64), 1, 0
        for column, size in zip(columns, self.sizes, strict=True):
            if room * size > LARGEST_KEY:
                if learn:
                    self.seen.append(np.unique(key))
                key, room, stage = places(self.seen[stage], key), len(self.seen[stage]), stage + 1
            key *= size
            key += column
            room *= size
        return key


def places(known: Codes, wanted: Codes) -> Codes:
    """Return where numbers stand among sorted ones, -1 where they don't.

    >>> places(np.array([2, 5]), np.array([5, 3])).tolist()
    [1, -1]
    """
    if not len(known):
        return np.full(len(wanted), -1)
    found = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[found] == wanted, found, -1)


def numbered(columns: Sequence[Codes], sizes: Sequence[int], length: int) -> tuple[Codes, Codes]:
    """Number the different rows of some codes in the order of the codes, the first column's first.

    Args:
        columns: the codes, ``(length,)`` each.
        sizes: how many levels each column has.
        length: the number of rows, which no columns don't tell.

    Returns:
        The first row that has each number, and the number of each row.

    >>> first, where = numbered([np.array([1, 0, 1]), np.array([0, 1, 0])], (2, 2), 3)
    >>> first.tolist(), where.tolist()
    ([1, 0], [1, 0, 1])
    """
    packed = Keys(tuple(sizes)).pack(columns, length, learn=True)
    known, where = np.unique(packed, return_inverse=True)
    where = where.reshape(-1)
    first = np.empty(len(known), dtype=np.intp)
    # Of several rows with a number the last that is written stays; that numpy finds them itself would take it longer.
    first[where[::-1]] = np.arange(length - 1, -1, -1)
    return first, where
