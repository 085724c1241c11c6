"""What engines that compute elsewhere do each in their own way: run a query, stream its rows, number them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from causalgraph.data.engine import Partial

if TYPE_CHECKING:
    from causalgraph.data.moments import Moments

__all__ = ["Block", "Column", "Floats", "Native", "column_of", "from_arrow", "joined"]

Floats = NDArray[np.float64]
# The values of a column, and which of them are there.
Column = tuple[NDArray[Any], NDArray[np.bool_]]
Block = Mapping[str, Column]


@dataclass(frozen=True)
class Native:
    """What the computation, which is written once, needs of an engine.

    Attributes:
        renamed: gives the columns of a frame new names, by place.
        fetched: runs a query and returns all of its rows.
        streamed: runs a query and yields its rows in blocks, in order where there is one.
        numbered: adds a column of row numbers from 0; None where rows have no order.
        gram: adds up weighted products where the rows lie; None where rows come to us fast enough.
        scored: likewise for products of scores.
        wall_clock: are times with a zone shown as the wall clock of the session shows them?
    """

    renamed: Callable[[Any, Sequence[str]], Any]
    fetched: Callable[[Any], Block]
    streamed: Callable[[Any], Iterator[Block]]
    numbered: Callable[[Any, str], Any] | None = None
    gram: Callable[[Any, int], Partial] | None = None
    scored: Callable[[Any, Moments, Floats, Floats], Floats] | None = None
    wall_clock: bool = False


def column_of(dense: NDArray[Any], there: NDArray[np.bool_]) -> Column:
    """Spread the values that are there over all rows, so that whole numbers stay whole beside missing ones.

    >>> values, there = column_of(np.array([1, 2]), np.array([True, False, True]))
    >>> values.tolist(), values.dtype.kind
    ([1, 0, 2], 'i')
    """
    if len(dense) == len(there):
        return dense, there
    values = np.zeros(len(there), dtype=dense.dtype)
    values[there] = dense
    return values, there


def from_arrow(batch: Any) -> Block:
    """Return the columns of a pyarrow RecordBatch."""
    found = {}
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        there = array.is_valid().to_numpy(zero_copy_only=False)
        found[name] = column_of(array.drop_null().to_numpy(zero_copy_only=False), there)
    return found


def joined(names: Sequence[str], blocks: Sequence[Block]) -> Block:
    """Put blocks of rows below each other."""
    if not blocks:
        return {name: (np.zeros(0), np.zeros(0, dtype=bool)) for name in names}
    if len(blocks) == 1:
        return blocks[0]
    return {
        name: (np.concatenate([b[name][0] for b in blocks]), np.concatenate([b[name][1] for b in blocks]))
        for name in names
    }
