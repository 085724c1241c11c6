"""Columns as small whole numbers: encoded once, counted often."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalgraph.variables import level_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Encoded",
    "encode_factors",
    "encode_numbers",
    "first_rows",
    "is_missing",
    "marks_among",
    "without_marks",
]

# So many rows are looked at before all are: most columns show all their values in them.
HEAD = 1 << 16


@dataclass(frozen=True)
class Encoded:
    """A column of ``n`` rows as places in a list.

    Attributes:
        codes: ``(n,)``, the place of each row's value, in the smallest type that holds them; ``len(distinct)`` where it
            is missing.
        distinct: the raw values, each of which occurs.
        complete: is no value missing?
    """

    codes: NDArray[Any]
    distinct: Sequence[object]
    complete: bool

    @property
    def width(self) -> int:
        """How many codes there are, that of a missing value among them if it occurs."""
        return len(self.distinct) + (not self.complete)


def is_missing(value: object) -> bool:
    """Tell whether a scalar is null, NaN, NA or NaT.

    >>> [is_missing(v) for v in (None, float("nan"), 0, "")]
    [True, True, False, False]
    """
    return value is None or value is pd.NA or bool(value != value)  # noqa: PLR0124  # NaN and NaT alone differ from themselves


def encode_numbers(data: NDArray[Any], missing: NDArray[np.bool_] | None = None) -> Encoded:
    """Encode booleans, whole numbers or floats; NaN is missing, and so are the rows of a mask.

    Whole numbers that lie close together are encoded by subtracting the least, without a hash table, also where they
    are stored as floats.

    >>> encode_numbers(np.array([7.0, np.nan, 5.0, 7.0]))
    Encoded(codes=array([1, 2, 0, 1], dtype=uint8), distinct=[5.0, 7.0], complete=False)
    """
    if data.dtype.kind == "b":
        found = encode_numbers(data.view(np.uint8), missing)
        return replace(found, distinct=[bool(v) for v in found.distinct])
    if data.dtype.kind == "f":
        unknown = np.isnan(data)
        missing = unknown if missing is None else unknown | missing
    if missing is not None:
        if missing.all():
            return Encoded(np.zeros(len(data), dtype=np.uint8), [], complete=not len(data))
        if missing.any():
            data = data.copy()
            data[missing] = data[np.argmin(missing)]
        else:
            missing = None
    if not len(data):
        return Encoded(np.zeros(0, dtype=np.uint8), [], complete=True)
    found = _encode_floats(data) if data.dtype.kind == "f" else _encode_integers(data)
    return found if missing is None else _with_missing(found, missing)


def _encode_floats(data: NDArray[Any]) -> Encoded:
    wide = data.astype(np.float64, copy=False)
    low, high = float(wide.min()), float(wide.max())
    if high - low <= _widest(len(wide)) and max(-low, high) < 2**52 and bool((wide[:HEAD] % 1 == 0).all()):
        codes = (wide - low).astype(_smallest(int(high - low) + 1))
        # Only whole numbers come back from it as they were.
        if low.is_integer() and bool((codes + low == wide).all()):
            return _renumbered(codes, [low + i for i in range(int(high - low) + 1)])
    codes, distinct = pd.factorize(wide)
    # Narrow floats stay what they are: 0.1 as a float32 is another number than 0.1, and is written 0.1 all the same.
    own = distinct.tolist() if data.dtype == np.float64 else [data.dtype.type(v) for v in distinct]
    return Encoded(codes.astype(_smallest(len(own))), own, complete=True)


def _widest(rows: int) -> int:
    """Return between how far apart whole numbers are encoded by subtraction."""
    return max(1 << 16, 2 * rows)


def _encode_integers(data: NDArray[Any]) -> Encoded:
    low, high = data.min(), data.max()
    least, span = int(low), int(high) - int(low)
    if span > _widest(len(data)):
        codes, distinct = pd.factorize(data)
        return Encoded(codes.astype(_smallest(len(distinct))), distinct.tolist(), complete=True)
    # Unsigned numbers wrap around, so that the difference is right whatever the two are.
    codes = np.subtract(data, low, dtype=_smallest(span + 1), casting="unsafe")
    return _renumbered(codes, range(least, least + span + 1))


def _renumbered(codes: NDArray[Any], values: Sequence[object]) -> Encoded:
    """Leave out the values that never occur."""
    occurs = _occurring(codes, len(values))
    if occurs.all():
        return Encoded(codes, list(values), complete=True)
    kept = [values[i] for i in np.flatnonzero(occurs).tolist()]
    return Encoded((np.cumsum(occurs) - 1).astype(_smallest(len(kept))).take(codes), kept, complete=True)


def _occurring(codes: NDArray[Any], count: int) -> NDArray[np.bool_]:
    """Tell which of the codes occur."""
    occurs = np.zeros(count, dtype=bool)
    for rows in (slice(0, HEAD), slice(HEAD, None)):
        if not occurs.all():
            occurs[codes[rows].astype(np.intp, copy=False)] = True
    return occurs


def encode_factors(codes: NDArray[Any], values: Sequence[object], *, tidy: bool = False) -> Encoded:
    """Encode what an engine has encoded: places in a list, -1 where a value is missing.

    Values that never occur go, equal ones are merged, and those that are null or NaN count as missing. Where they are
    known to be `tidy`, distinct and each some row's, that is left out.

    >>> encode_factors(np.array([2, 0, 1, -1]), ["a", None, "c", "never"])
    Encoded(codes=array([1, 0, 2, 2], dtype=uint8), distinct=['a', 'c'], complete=False)
    """
    if tidy:
        missing = codes < 0
        found = Encoded(codes.astype(_smallest(len(values))), list(values), complete=True)
        return _with_missing(found, missing) if missing.any() else found
    occurs = _occurring(codes, len(values) + 1)
    places: dict[object, int] = {}
    new = [
        places.setdefault(value, len(places)) if there and not is_missing(value) else -1
        for value, there in zip(values, occurs.tolist(), strict=False)
    ]
    return _recoded(codes, new, list(places), occurs)


def without_marks(encoded: Encoded, marks: Collection[str]) -> Encoded:
    """Count the values whose text is a mark of missing ones as missing.

    >>> without_marks(encode_numbers(np.array([1, -99, 2])), ("-99",))
    Encoded(codes=array([0, 2, 1], dtype=uint8), distinct=[1, 2], complete=False)
    """
    if not marks:
        return encoded
    kept = [v for v in encoded.distinct if level_text(v) not in marks]
    if len(kept) == len(encoded.distinct):
        return encoded
    place = iter(range(len(kept)))
    new = [next(place) if level_text(v) not in marks else -1 for v in encoded.distinct]
    return _recoded(encoded.codes, new, kept, np.array([True] * len(new) + [not encoded.complete]))


def _recoded(codes: NDArray[Any], new: list[int], values: list[object], occurs: NDArray[np.bool_]) -> Encoded:
    """Give each code its new place, -1 standing for missing; the last code, which is also -1, stays missing."""
    lookup = np.array([*new, -1], dtype=np.int64)
    gone = lookup < 0
    lookup[gone] = len(values)
    return Encoded(lookup.astype(_smallest(len(values))).take(codes), values, complete=not (gone & occurs).any())


def _with_missing(encoded: Encoded, missing: NDArray[np.bool_]) -> Encoded:
    last = len(encoded.distinct)
    codes = encoded.codes.astype(_smallest(last), copy=False)
    codes[missing] = last
    return Encoded(codes, encoded.distinct, complete=False)


def _smallest(last: int) -> type[np.unsignedinteger[Any] | np.signedinteger[Any]]:
    """Return the smallest type that holds the numbers from 0 to `last`."""
    return next(t for t in (np.uint8, np.uint16, np.uint32, np.int64) if last <= np.iinfo(t).max)


def first_rows(codes: NDArray[Any], count: int) -> NDArray[np.intp]:
    """Return the row in which each of the codes below `count` stands first, ``(count,)``; each must occur.

    >>> first_rows(np.array([1, 0, 1]), 2).tolist()
    [1, 0]
    """
    out = np.zeros(max(count, int(codes.max(initial=0)) + 1), dtype=np.intp)
    # Of two rows with the same code the later assignment counts, so they are walked from the end.
    out[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return out[:count]


def marks_among(dtype: np.dtype[Any], marks: Collection[str]) -> NDArray[Any]:
    """Return the numbers of a type that are written as one of the marks.

    >>> marks_among(np.dtype("int8"), ("-99", "-9", "-9.0", "1000", "?")).tolist()
    [-99, -9]
    """
    found = []
    for mark in marks:
        try:
            number = dtype.type(float(mark)) if dtype.kind == "f" else dtype.type(int(mark))
        except (ValueError, OverflowError):  # no number, or too large for the type
            continue
        if level_text(number) == mark:
            found.append(number)
    return np.array(found, dtype=dtype)
