"""Columns as pandas, polars and pyarrow hold them, read as numpy arrays."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from decimal import Decimal
from numbers import Complex, Real
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalgraph.data.encoding import Encoded, encode_factors, encode_numbers, first_rows
from causalgraph.data.engine import Storage

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Column", "arrow_column", "own_time", "pandas_column", "polars_column", "storage_of"]


@dataclass(frozen=True)
class Column:
    """A column of ``n`` rows.

    Attributes:
        storage: how its values are stored; None where only the values themselves tell.
        numbers: ``(n,)`` booleans, whole numbers or floats; floats in place of decimals. None where it holds others.
        missing: ``(n,)``, the rows that are null, besides those whose number is NaN; None where there are none.
        encode: encodes it by its raw values; None where the numbers are those, or where values can't be encoded.
    """

    storage: Storage | None
    numbers: NDArray[Any] | None = None
    missing: NDArray[np.bool_] | None = None
    encode: Callable[[], Encoded] | None = None


KINDS: tuple[tuple[Storage, tuple[type, ...]], ...] = (
    ("boolean", (bool, np.bool_)),
    ("number", (Real, Decimal, np.bool_)),
    ("complex", (Complex, Decimal, np.bool_)),
    ("time", (date, time, timedelta, np.datetime64, np.timedelta64, pd.Period)),
)


def storage_of(values: Collection[object]) -> Storage:
    """Tell how the values of a column of Python objects are stored; a mixture counts as text.

    >>> [storage_of(v) for v in ([1, 2.5], [True], [1, "a"], [1, 1j], [date(2020, 1, 1)])]
    ['number', 'boolean', 'text', 'complex', 'time']
    """
    types = {type(v) for v in values}
    return next((s for s, known in KINDS if types and all(issubclass(t, known) for t in types)), "text")


def pandas_column(series: Any) -> Column:
    """Read a pandas series.

    >>> pandas_column(pd.Series(["b", None, "a"])).encode().distinct
    ['b', 'a']
    """
    dtype = series.dtype
    if isinstance(dtype, pd.SparseDtype):
        return pandas_column(pd.Series(np.asarray(series.array)))
    if isinstance(dtype, pd.ArrowDtype):
        import pyarrow as pa

        held = series.array.__arrow_array__()
        return arrow_column(held if isinstance(held, pa.ChunkedArray) else pa.chunked_array([held]))
    if isinstance(dtype, pd.CategoricalDtype):
        return Column("text", encode=lambda: encode_factors(series.cat.codes.to_numpy(), _raw(dtype.categories)))
    if dtype.kind in "biuf":
        storage: Storage = "boolean" if dtype.kind == "b" else "number"
        if isinstance(dtype, np.dtype):
            return Column(storage, _plain(series.to_numpy()))
        numbers = series.to_numpy(dtype=getattr(dtype, "numpy_dtype", np.float64), na_value=0)
        return Column(storage, numbers, series.isna().to_numpy())
    if dtype.kind in "mMc" or isinstance(dtype, pd.PeriodDtype):
        return Column("complex" if dtype.kind == "c" else "time", encode=lambda: _factors(series))
    if isinstance(dtype, pd.StringDtype):
        return Column("text", encode=lambda: _factors(series))
    try:
        encoded = _factors(series)
    except TypeError:  # lists and the like have no hash, and are no levels
        return Column("other", missing=series.isna().to_numpy())
    if any(isinstance(v, bytes) for v in encoded.distinct):
        return Column("other", missing=series.isna().to_numpy())
    return Column(None, encode=lambda: encoded)


def _factors(series: Any) -> Encoded:
    codes, distinct = pd.factorize(series, use_na_sentinel=True)
    return encode_factors(codes, _raw(distinct), tidy=True)


def _plain(numbers: NDArray[Any]) -> NDArray[Any]:
    """Read what no other engine has as what they have: floats of more than 64 bits, bytes in a foreign order."""
    plain = np.dtype(np.float64) if numbers.dtype.itemsize > 8 else numbers.dtype.newbyteorder("=")
    return numbers.astype(plain, copy=False)


def _raw(distinct: Any) -> list[object]:
    """Return the distinct values of a pandas column one by one."""
    if distinct.dtype.kind == "f" and distinct.dtype.itemsize < 8:
        # Narrow floats stay narrow, for they are written as such.
        return [distinct.dtype.type(v) for v in distinct]
    values = list(distinct.tolist())
    return values if distinct.dtype.kind in "biuf" or isinstance(distinct.dtype, pd.StringDtype) else _exact(values)


def _exact(values: list[object]) -> list[object]:
    """Return times as Python's own, which all engines share, but those of nanoseconds as they are."""
    return [own_time(v) if isinstance(v, pd.Timestamp | pd.Timedelta) else v for v in values]


def own_time(value: pd.Timestamp | pd.Timedelta) -> object:
    """Return a time as Python's own, but one of nanoseconds as it is.

    >>> own_time(pd.Timestamp("2020-01-01")), own_time(pd.Timestamp(1)).nanosecond
    (datetime.datetime(2020, 1, 1, 0, 0), 1)
    """
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime() if value.nanosecond == 0 else value
    return value.to_pytimedelta() if value.nanoseconds == 0 else value


def polars_column(series: Any) -> Column:
    """Read a polars series.

    >>> import polars as pl
    >>> polars_column(pl.Series(["b", None, "a"])).encode().distinct
    ['b', 'a']
    """
    import polars as pl

    dtype = series.dtype
    missing = series.is_null().to_numpy() if series.null_count() else None
    if dtype == pl.Boolean:
        return Column("boolean", (series if missing is None else series.fill_null(value=False)).to_numpy(), missing)
    if dtype.is_float():  # nulls become NaN
        return Column("number", series.to_numpy())
    if dtype.is_integer() and dtype not in (pl.Int128, pl.UInt128):
        return Column("number", (series if missing is None else series.fill_null(0)).to_numpy(), missing)
    if dtype.is_numeric():  # decimals, and whole numbers that are wider than numpy's
        numbers = series.cast(pl.Float64).to_numpy()
        return Column("number", numbers, missing, lambda: _by_place(series, series.rank("dense")))
    if dtype.is_nested() or dtype == pl.Binary:
        return Column("other", missing=missing)
    if dtype == pl.Null:
        return Column("text", encode=lambda: encode_factors(np.full(len(series), -1), []))
    if dtype == pl.Object:
        return pandas_column(pd.Series(series.to_list(), dtype=object))
    if dtype in (pl.Datetime, pl.Duration):
        # Python's own times, which polars would hand over, end at microseconds.
        times = pd.Series(series.to_numpy())
        zone = getattr(dtype, "time_zone", None)
        return pandas_column(times if zone is None else times.dt.tz_localize("UTC").dt.tz_convert(zone))
    return Column("time" if dtype.is_temporal() else "text", encode=lambda: _by_place(series, _places(series)))


def _places(series: Any) -> Any:
    """Return whole numbers, one for each value of a polars series."""
    import polars as pl

    if series.dtype == pl.String:
        # Categories of their own go when the series goes; those that all share would stay.
        return series.cast(pl.Categorical(pl.Categories.random())).to_physical()
    if series.dtype in (pl.Categorical, pl.Enum, pl.Date, pl.Time):
        return series.to_physical()
    return series.rank("dense")


def _by_place(series: Any, places: Any) -> Encoded:
    """Encode a polars series by whole numbers, one for each of its values."""
    missing = places.is_null().to_numpy() if places.null_count() else None
    found = encode_numbers(places.fill_null(0).to_numpy(), missing)
    values = series.gather(first_rows(found.codes, len(found.distinct))).to_list()
    # Python's times of day end at microseconds, so that two may become one.
    return encode_factors(found.codes, values) if series.dtype.is_temporal() else replace(found, distinct=values)


def arrow_column(column: Any) -> Column:
    """Read a pyarrow chunked array.

    >>> import pyarrow as pa
    >>> arrow_column(pa.chunked_array([["b", None, "a"]])).encode().distinct
    ['b', 'a']
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import types

    dtype = column.type
    if isinstance(dtype, pa.BaseExtensionType):
        return arrow_column(column.cast(dtype.storage_type))
    if types.is_run_end_encoded(dtype):
        return arrow_column(pa.chunked_array([pc.run_end_decode(c) for c in column.chunks], dtype.value_type))
    missing = column.is_null().to_numpy() if column.null_count else None
    if types.is_boolean(dtype):
        return Column(
            "boolean", (column if missing is None else column.fill_null(fill_value=False)).to_numpy(), missing
        )
    if types.is_integer(dtype):
        return Column("number", (column if missing is None else column.fill_null(0)).to_numpy(), missing)
    if types.is_floating(dtype):  # nulls become NaN
        return Column("number", column.to_numpy())
    if types.is_decimal(dtype):
        return Column("number", column.cast(pa.float64()).to_numpy(), encode=lambda: _by_dictionary(column))
    held = dtype.value_type if types.is_dictionary(dtype) else dtype
    if types.is_nested(held) or "binary" in str(held):
        return Column("other", missing=missing)
    if types.is_null(dtype):
        return Column("text", encode=lambda: encode_factors(np.full(len(column), -1), []))
    return Column("time" if types.is_temporal(dtype) else "text", encode=lambda: _by_dictionary(column))


def _by_dictionary(column: Any) -> Encoded:
    from pyarrow import types

    if not len(column):  # arrow can't join no chunks of every type
        return encode_factors(np.zeros(0, dtype=np.int64), [])
    ready = types.is_dictionary(column.type)
    whole = (column if ready else column.dictionary_encode()).unify_dictionaries().combine_chunks()
    codes, values = whole.indices.cast("int64").fill_null(-1).to_numpy(), whole.dictionary.to_pylist()
    # A dictionary from elsewhere may hold anything. Python's times end at microseconds, so that two may become one.
    if ready or types.is_temporal(column.type):
        return encode_factors(codes, _exact(values))
    return encode_factors(codes, values, tidy=True)
