"""Counts of cells in blocks of rows: where each row belongs, and what is added up there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from causalgraph.data.encoding import Encoded
from causalgraph.data.engine import Cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Layout", "Tally", "fits", "layout"]

# A table of all possible cells is kept while it isn't much larger than the data: always up to the first size, never
# above the second; and all tables of one question have no more entries than the third.
ALWAYS, NEVER, ALL_TABLES = 1 << 16, 1 << 24, 1 << 25
# A table of all pairs of so many cells stays in the processor's first cache.
PAIRED = 1 << 5
# Where a product of codes would leave 64 bits.
MOST = 1 << 62


@dataclass(frozen=True)
class Layout:
    """A numbering of cells.

    Attributes:
        size: how many cells there are, those that never occur among them.
        place: returns the cell of each of some rows.
        codes: returns the codes ``(k, p)`` of ``k`` cells.
        every: ``(size,)``, how many rows are in each cell, where numbering them has told.
    """

    size: int
    place: Callable[[slice], NDArray[Any]]
    codes: Callable[[NDArray[np.intp]], NDArray[np.intp]]
    every: NDArray[np.int64] | None = None


def fits(size: int, tables: int) -> bool:
    """Tell whether all possible cells are laid out whatever the rows, so many tables of them."""
    return size <= min(ALWAYS, NEVER, ALL_TABLES // tables)


def layout(encoded: Sequence[Encoded], rows: int, tables: int, *, summed: bool) -> Layout:
    """Number the cells of some columns: all possible ones where they are few, else those that occur.

    Args:
        encoded: the ``p`` columns.
        rows: how many rows there are.
        tables: how many numbers are kept for each cell.
        summed: will anything be summed by cell, so that the place of each row is needed?

    >>> column = Encoded(np.array([1, 0, 1]), ["a", "b"], complete=True)
    >>> layout([column, column], 3, 1, summed=True).place(slice(0, 3)).tolist()
    [3, 0, 3]
    """
    widths = [max(e.width, 1) for e in encoded]
    size = prod(widths)
    if size <= min(max(4 * rows, ALWAYS), NEVER, ALL_TABLES // tables):
        return _dense(encoded, widths, size)
    return _sparse(encoded, widths, rows, summed=summed)


def _dense(encoded: Sequence[Encoded], widths: Sequence[int], size: int) -> Layout:
    # The narrower the numbers, the more of them a processor adds at once; a width may be as large as the size.
    dtype = next(t for t in (np.uint8, np.uint16, np.uint32) if size <= np.iinfo(t).max)

    def place(rows: slice) -> NDArray[Any]:
        if not encoded:
            return np.zeros(rows.stop - rows.start, dtype=dtype)
        out = encoded[0].codes[rows].astype(dtype)
        for one, width in zip(encoded[1:], widths[1:], strict=True):
            np.multiply(out, dtype(width), out=out)
            np.add(out, one.codes[rows], out=out, casting="unsafe")
        return out

    def codes(cells: NDArray[np.intp]) -> NDArray[np.intp]:
        return _columns(np.unravel_index(cells, widths) if widths else (), len(cells))

    return Layout(size, place, codes)


def _columns(codes: Sequence[NDArray[np.intp]], cells: int) -> NDArray[np.intp]:
    """Return columns side by side; each lies in one piece, as they are written and read."""
    out = np.empty((len(codes), cells), dtype=np.intp)
    for i, column in enumerate(codes):
        out[i] = column
    return out.T


def _sparse(encoded: Sequence[Encoded], widths: Sequence[int], rows: int, *, summed: bool) -> Layout:
    key, span = np.zeros(rows, dtype=np.int64), 1
    # Columns that share a key, and the keys of those before them, by the numbers that stand for these.
    groups: list[tuple[NDArray[np.int64], list[int]]] = [(np.zeros(1, dtype=np.int64), [])]
    for one, width in zip(encoded, widths, strict=True):
        if span > MOST // width:
            before, key = np.unique(key, return_inverse=True)
            groups.append((before, []))
            span = len(before)
        groups[-1][1].append(width)
        key *= width
        np.add(key, one.codes, out=key, casting="unsafe")
        span *= width
    if summed:
        distinct, where = np.unique(key, return_inverse=True)
        every = None
    else:
        distinct, every = np.unique(key, return_counts=True)
        where = key

    def codes(cells: NDArray[np.intp]) -> NDArray[np.intp]:
        keys = distinct[cells]
        found: list[NDArray[np.intp]] = []
        for before, own in reversed(groups):
            first, *rest = np.unravel_index(keys, (len(before), *own))
            found.extend(reversed(rest))
            keys = before[first]
        return _columns(found[::-1], len(cells))

    return Layout(len(distinct), lambda of: where[of], codes, every)


@dataclass
class Tally:
    """Sums by cell, block of rows by block.

    Attributes:
        size: how many cells there are.
        m: how many numbers are summed.
        weighted: do rows have weights?
        apart: are squared weights something else than weights?
        lost: rows in which a number or the weight was missing.
        every: ``(size,)``, all other rows.
        weightless: ``(size,)``, those whose weight is zero.
    """

    size: int
    m: int
    weighted: bool
    apart: bool
    lost: int = 0
    every: NDArray[np.int64] = field(init=False)
    weightless: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.every = np.zeros(self.size, dtype=np.int64)
        self.weightless = np.zeros(self.size if self.weighted else 0, dtype=np.int64)
        self._weight = np.zeros(self.size if self.weighted else 0)
        self._squared = np.zeros(self.size if self.apart else 0)
        self._sums = np.zeros((self.m, self.size))
        self._squared_sums = np.zeros((self.m if self.apart else 0, self.size))
        self._pairs = tuple(combinations_with_replacement(range(self.m), 2))
        self._products = np.zeros((len(self._pairs), self.size))

    @property
    def in_pairs(self) -> bool:
        """Whether rows are counted two at a time: where nothing is summed and cells are few."""
        return not self.m and not self.weighted and self.size <= PAIRED

    @property
    def _squares(self) -> Floats:
        """Σw²y, or Σwy where the weights aren't squared: ``(m, size)``."""
        return self._squared_sums if self.apart else self._sums

    @staticmethod
    def tables(m: int) -> int:
        """Return how many tables the sums of `m` numbers need at most."""
        return 4 + 2 * m + m * (m + 1) // 2

    @np.errstate(over="ignore", invalid="ignore")  # what floats can't hold shows as a number that isn't determined
    def add(self, place: NDArray[Any], y: Sequence[Floats], w: Floats | None) -> None:
        """Add a block of ``b`` rows.

        Args:
            place: ``(b,)``, the cell of each row.
            y: ``m`` times ``(b,)``, numbers, NaN where missing.
            w: ``(b,)``, weights, NaN where missing.
        """
        if not y and w is None:
            self.every += _counted_in_pairs(place, self.size) if self.in_pairs else self._count(place)
            return
        place = place.astype(np.intp, copy=False)
        unknown = np.zeros(len(place), dtype=bool)
        for numbers in (*y, *(() if w is None else (w,))):
            unknown |= np.isnan(numbers)
        if unknown.any():
            self.lost += int(unknown.sum())
            place, y, w = _kept(~unknown, place, y, w)
        self.every += self._count(place)
        if w is not None and not w.all():
            # A row of weight zero is no observation.
            self.weightless += self._count(place[w == 0])
            place, y, w = _kept(w != 0, place, y, w)
        self._add_sums(place, y, w)

    def _add_sums(self, place: NDArray[np.intp], y: Sequence[Floats], w: Floats | None) -> None:
        square = w * w if w is not None and self.apart else w
        if w is not None:
            self._weight += self._count(place, w)
        if self.apart:
            self._squared += self._count(place, square)
        scaled = [own if square is None else square * own for own in y]
        for i, own in enumerate(y):
            self._sums[i] += self._count(place, w * own if w is not None and self.apart else scaled[i])
            if self.apart:
                self._squared_sums[i] += self._count(place, scaled[i])
        for pair, (i, j) in enumerate(self._pairs):
            self._products[pair] += self._count(place, scaled[i] * y[j])

    def _count(self, place: NDArray[Any], weights: Floats | None = None) -> NDArray[Any]:
        return np.bincount(place, weights, minlength=self.size)

    @np.errstate(over="ignore", invalid="ignore")
    def folded(self, counts_as: Mapping[int, Floats]) -> Tally:
        """Take the last axes of the table for numbers: sum over them, each code counting as what it stands for.

        Args:
            counts_as: for each such number, its place among all numbers, and what each code counts as, NaN where it is
                missing; in the order of the axes. The numbers that were summed take the other places.
        """
        grid = np.meshgrid(*counts_as.values(), indexing="ij")
        y = np.array([axis.reshape(-1) for axis in grid])
        there = ~np.isnan(y).any(axis=0)
        own = dict(zip(counts_as, y[:, there], strict=True))

        def split(table: NDArray[Any]) -> NDArray[Any]:
            """Return a row a cell, a column a combination of codes."""
            return table.reshape(-1, len(there))[:, there]

        m = self.m + len(own)
        out = Tally(self.size // len(there), m, self.weighted, self.apart)
        every = split(self.every)
        out.every = every.sum(axis=1)
        out.lost = self.lost + int(self.every.sum() - every.sum())
        weight = split(self._weight) if self.weighted else every.astype(np.float64)
        squared = split(self._squared) if self.apart else weight
        if self.weighted:
            out.weightless = split(self.weightless).sum(axis=1)
            out._weight = weight.sum(axis=1)
        if self.apart:
            out._squared = squared.sum(axis=1)
        summed = iter(range(self.m))
        place = {i: next(summed) for i in range(m) if i not in own}
        scaled = [split(self._squares[place[i]]) if i in place else squared * own[i] for i in range(m)]
        for i in range(m):
            out._sums[i] = (split(self._sums[place[i]]) if i in place else weight * own[i]).sum(axis=1)
            if self.apart:
                out._squared_sums[i] = scaled[i].sum(axis=1)
        for pair, (i, j) in enumerate(out._pairs):
            if i in place and j in place:
                out._products[pair] = split(self._products[self._pairs.index((place[i], place[j]))]).sum(axis=1)
            else:
                out._products[pair] = scaled[i] @ own[j] if j in own else scaled[j] @ own[i]
        return out

    def cells(
        self, at: NDArray[np.intp], codes: NDArray[np.intp], values: tuple[list[object], ...], dropped: int
    ) -> Cells:
        """Return the sums of some cells."""
        rows = self.every[at]
        if self.weighted:
            rows -= self.weightless[at]
        weight = self._weight[at] if self.weighted else rows.astype(np.float64)
        sums = self._sums[:, at].T
        products = np.empty((len(at), self.m, self.m))
        for pair, (i, j) in enumerate(self._pairs):
            products[:, i, j] = products[:, j, i] = self._products[pair, at]
        return Cells(
            values=values,
            codes=codes,
            rows=rows,
            weight=weight,
            squared=self._squared[at] if self.apart else weight,
            sums=sums,
            squared_sums=self._squares[:, at].T if self.apart else sums,
            squared_products=products,
            dropped=dropped,
        )


def _counted_in_pairs(place: NDArray[Any], size: int) -> NDArray[np.int64]:
    """Count small numbers by counting pairs of them: half as many steps, each as fast while the table is in the cache.

    >>> _counted_in_pairs(np.array([2, 0, 2, 1, 2]), 3).tolist()
    [1, 1, 3]
    """
    half = len(place) // 2
    pairs = place[:half].astype(np.uint16)
    pairs *= np.uint16(size)
    np.add(pairs, place[half : 2 * half], out=pairs, casting="unsafe")
    table = np.bincount(pairs, minlength=size * size).reshape(size, size)
    out: NDArray[np.int64] = table.sum(axis=0) + table.sum(axis=1)
    out[place[2 * half :]] += 1
    return out


def _kept(
    keep: NDArray[np.bool_], place: NDArray[np.intp], y: Sequence[Floats], w: Floats | None
) -> tuple[NDArray[np.intp], list[Floats], Floats | None]:
    return place[keep], [own[keep] for own in y], None if w is None else w[keep]
