"""Raw values of engines that compute elsewhere: how each type is fetched, read as a number, and found missing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unicodedata import normalize
from zoneinfo import ZoneInfo

import narwhals as nw
import numpy as np
import pandas as pd

from causalgraph.data.engine import Storage
from causalgraph.data.held import own_time
from causalgraph.variables import level_text

if TYPE_CHECKING:
    from narwhals.dtypes import DType
    from numpy.typing import NDArray

__all__ = ["NUMERAL", "UNWRITTEN", "decoded", "marked", "missing", "number", "plain", "storage"]

# How a text looks that is read as a number. An engine's own reading would take 1_000 or 1d for one, each another.
NUMERAL = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
WIDE = nw.UInt64 | nw.Int128 | nw.UInt128  # whole numbers that neither a float nor 64 bits with a sign can hold
UNWRITTEN = (
    nw.Datetime | nw.Duration | nw.Time
)  # engines write these each in their own way, so `marked` finds none of them


def storage(dtype: DType) -> Storage:
    """Return how a column is stored. What narwhals has no name for, such as a UUID, is taken as text.

    >>> [storage(d) for d in (nw.Int8(), nw.Decimal(5, 2), nw.Date(), nw.Enum(["a"]), nw.List(nw.Int8()))]
    ['number', 'number', 'time', 'text', 'other']
    """
    if dtype.is_numeric():
        return "number"
    if dtype == nw.Boolean:
        return "boolean"
    if dtype.is_temporal():
        return "time"
    return "text" if isinstance(dtype, nw.String | nw.Categorical | nw.Enum | nw.Unknown) else "other"


def plain(expr: nw.Expr, dtype: DType) -> nw.Expr:
    """Turn values into a type that numpy holds without loss: numbers, texts, booleans, dates and times."""
    as_text = nw.Decimal | nw.Int128 | nw.UInt128 | nw.Categorical | nw.Enum | nw.Unknown
    return expr.cast(nw.String) if isinstance(dtype, as_text) else expr


def decoded(values: NDArray[Any], dtype: DType, *, wall_clock: bool = False) -> list[object]:
    """Return what `plain` values are in Python: the same objects whatever the engine.

    Args:
        values: values that are there.
        dtype: the column's type.
        wall_clock: times with a zone are given as the clock of that zone shows them.

    >>> decoded(np.array(["1.50"], dtype=object), nw.Decimal(5, 2))
    [Decimal('1.50')]
    >>> decoded(np.array(["2020-01-01"], dtype="datetime64[us]"), nw.Date())
    [datetime.date(2020, 1, 1)]
    """
    if isinstance(dtype, nw.Decimal):
        return [Decimal(v) for v in values]
    if isinstance(dtype, nw.Int128 | nw.UInt128):
        return [int(v) for v in values]
    if isinstance(dtype, nw.Float32):
        return list(values)
    if isinstance(dtype, nw.Date):
        return list(values.astype("datetime64[D]").tolist())
    if isinstance(dtype, nw.Datetime):
        if _has_nanoseconds(values):
            return _exact_moments(pd.Series(values), dtype.time_zone, wall_clock=wall_clock)
        times: list[dt.datetime] = values.astype("datetime64[us]").tolist()
        if dtype.time_zone is None:
            return list(times)
        zone = ZoneInfo(dtype.time_zone)
        aware = [t.replace(tzinfo=dt.UTC).astimezone(zone) for t in times]
        return [t.replace(tzinfo=None) if wall_clock else t for t in aware]
    if isinstance(dtype, nw.Duration):
        if _has_nanoseconds(values):
            return [own_time(v) for v in pd.Series(values)]
        return list(values.astype("timedelta64[us]").tolist())
    return list(values.tolist())


def _has_nanoseconds(values: NDArray[Any]) -> bool:
    """Tell whether times are finer than Python's own, which end at microseconds."""
    return bool((values != values.astype(f"{values.dtype.kind}8[us]")).any())


def _exact_moments(moments: Any, zone: str | None, *, wall_clock: bool) -> list[object]:
    if zone is not None:
        moments = moments.dt.tz_localize("UTC").dt.tz_convert(zone)
        moments = moments.dt.tz_localize(None) if wall_clock else moments
    return [own_time(v) for v in moments]


def _readable(texts: Collection[str], read: Any) -> list[Any]:
    """Return what texts mean, of those that are written as a level would be."""
    found = []
    for text in texts:
        try:
            value = read(text)
        except (ValueError, OverflowError):
            continue
        if level_text(value) == text:
            found.append(value)
    return found


def marked(expr: nw.Expr, dtype: DType, texts: Collection[str]) -> nw.Expr:
    """Say which values are written as one of some texts, as `level_text` writes them; null where there is no value."""
    kind = storage(dtype)
    if kind == "text":
        forms = {form for text in texts for form in (text, normalize("NFD", text))}
        return expr.cast(nw.String).is_in(sorted(forms))
    if kind == "boolean":
        return expr.cast(nw.Int64).is_in([v for v in _readable(texts, int) if v in (0, 1)])
    if isinstance(dtype, WIDE | nw.Date):
        return expr.cast(nw.String).is_in(sorted(texts))
    if isinstance(dtype, nw.Float32):
        return expr.cast(nw.Float64).is_in([float(v) for v in _readable(texts, np.float32)])
    if dtype.is_float() or isinstance(dtype, nw.Decimal):
        return expr.cast(nw.Float64).is_in(_readable(texts, float))
    if dtype.is_integer():
        return expr.cast(nw.Int64).is_in([v for v in _readable(texts, int) if abs(v) < 2**63])
    return nw.lit(value=False)


def missing(expr: nw.Expr, dtype: DType, na: Collection[str]) -> nw.Expr:
    """Say which rows have no value: null, NaN and the marks in `na` are missing alike."""
    out = expr.is_null()
    if dtype.is_float():
        out = out | expr.is_nan().fill_null(value=False)
    return out | marked(expr, dtype, na).fill_null(value=False) if na else out


def number(expr: nw.Expr, dtype: DType, na: Collection[str]) -> nw.Expr:
    """Return values as 64-bit floats, null where they are missing or a text that isn't a number."""
    there = ~missing(expr, dtype, na)
    if storage(dtype) != "text":
        # Sums of small integers, booleans and decimals would overflow, or be something else on each engine.
        return nw.when(there).then(expr.cast(nw.Float64))
    text = expr.cast(nw.String).str.strip_chars()
    return nw.when(there & text.str.contains(NUMERAL)).then(text).cast(nw.Float64)
