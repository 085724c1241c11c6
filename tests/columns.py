"""Every type of column of pandas, polars and pyarrow, and values that it may hold."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

__all__ = ["ASSEMBLED", "FRAMES", "MARKS", "MOMENTS", "NAMED", "NUMBERS", "POOLS", "Maker"]

UTC = dt.UTC
MARKS = ("?", "-99")
DAYS = (dt.date(2020, 1, 31), dt.date(1969, 12, 31))
MOMENTS = (dt.datetime(2020, 1, 31, 12, 0, 0, 5), dt.datetime(1969, 12, 31))  # noqa: DTZ001  # as most data have them
SPANS = (dt.timedelta(days=1), dt.timedelta(microseconds=-7))
POOLS: dict[str, tuple[object, ...]] = {
    "small": (-128, -99, 0, 1, 127),
    "counts": (0, 1, 200, 255),
    "large": (-(2**63), -99, 0, 2**62, 2**63 - 1),
    "unsigned": (0, 7, 2**63 + 5, 2**64 - 1),
    "float": (0.1, -0.0, 2.0, 1e300, -99.0, 2.0**53, 1e-20),
    "narrow": tuple(map(np.float32, (0.1, 2.0, -99.0, 1.5))),
    "whole": (0.0, 1.0, 3.0, -99.0),
    "bool": (True, False),
    "text": ("a", "é", "e\u0301", "", "1", "?", "-99"),
    "date": DAYS,
    "moment": MOMENTS,
    "zoned": tuple(m.replace(tzinfo=UTC) for m in MOMENTS),
    "span": SPANS,
    "hour": (dt.time(1, 2), dt.time(23, 59, 59, 7)),
    "decimal": (Decimal("0.10"), Decimal("-3.00"), Decimal("2.50")),
    "mixed": (1, "a", "1", 2.5, "?", -99),
}


@dataclass(frozen=True)
class Maker:
    """A type of column: what it may hold, and how it is made."""

    name: str
    pool: str
    make: Callable[[list[Any]], Any]
    nulls: bool = True


def pandas_type(name: str, pool: str, dtype: Any, *, nulls: bool = True) -> Maker:
    return Maker(f"pandas {name}", pool, lambda values: pd.Series(values, dtype=dtype), nulls)


def polars_type(name: str, pool: str, dtype: Any) -> Maker:
    return Maker(f"polars {name}", pool, lambda values: pl.Series(values, dtype=dtype))


def narrow_values(values: list[Any]) -> list[Any]:
    return [None if v is None else float(v) for v in values]


def arrow_type(name: str, pool: str, dtype: Any) -> Maker:
    def make(values: list[Any]) -> Any:
        # Two chunks, as files give them.
        cut = len(values) // 2
        return pa.chunked_array([pa.array(values[:cut], dtype), pa.array(values[cut:], dtype)])

    return Maker(f"arrow {name}", pool, make)


def arrow_dictionary(name: str, pool: str, dtype: Any) -> Maker:
    def make(values: list[Any]) -> Any:
        # Each chunk has a dictionary of its own.
        cut = len(values) // 2
        return pa.chunked_array([pa.array(v, dtype).dictionary_encode() for v in (values[:cut], values[cut:])])

    return Maker(f"arrow {name}", pool, make)


FRAMES: dict[str, tuple[Maker, ...]] = {
    "pandas": (
        pandas_type("int8", "small", "int8", nulls=False),
        pandas_type("uint8", "counts", "uint8", nulls=False),
        pandas_type("int64", "large", "int64", nulls=False),
        pandas_type("uint64", "unsigned", "uint64", nulls=False),
        pandas_type("big-endian", "small", ">i4", nulls=False),
        pandas_type("bool", "bool", "bool", nulls=False),
        pandas_type("float64", "float", "float64"),
        pandas_type("float32", "narrow", "float32"),
        pandas_type("whole float", "whole", "float64"),
        pandas_type("Int8", "small", "Int8"),
        pandas_type("Int64", "large", "Int64"),
        pandas_type("UInt64", "unsigned", "UInt64"),
        pandas_type("Float32", "narrow", "Float32"),
        pandas_type("Float64", "float", "Float64"),
        pandas_type("boolean", "bool", "boolean"),
        pandas_type("str", "text", "str"),
        pandas_type("string", "text", "string"),
        pandas_type("object text", "text", object),
        pandas_type("object bool", "bool", object),
        pandas_type("object dates", "date", object),
        pandas_type("object decimals", "decimal", object),
        pandas_type("object mixture", "mixed", object),
        pandas_type("category of text", "text", "category"),
        pandas_type("category of floats", "narrow", "category"),
        pandas_type("datetime", "moment", "datetime64[us]"),
        pandas_type("datetime of nanoseconds", "moment", "datetime64[ns]"),
        pandas_type("zoned", "zoned", "datetime64[us, UTC]"),
        pandas_type("timedelta", "span", "timedelta64[us]"),
        pandas_type("sparse", "whole", pd.SparseDtype("float64")),
        pandas_type("arrow int8", "small", pd.ArrowDtype(pa.int8())),
        pandas_type("arrow string", "text", pd.ArrowDtype(pa.string())),
        pandas_type("arrow bool", "bool", pd.ArrowDtype(pa.bool_())),
        pandas_type("arrow date", "date", pd.ArrowDtype(pa.date32())),
    ),
    "polars": (
        polars_type("Int8", "small", pl.Int8),
        polars_type("UInt8", "counts", pl.UInt8),
        polars_type("Int64", "large", pl.Int64),
        polars_type("UInt64", "unsigned", pl.UInt64),
        polars_type("Int128", "large", pl.Int128),
        polars_type("Float64", "float", pl.Float64),
        Maker("polars Float32", "narrow", lambda v: pl.Series(narrow_values(v), dtype=pl.Float32)),
        polars_type("Boolean", "bool", pl.Boolean),
        polars_type("String", "text", pl.String),
        polars_type("Categorical", "text", pl.Categorical),
        polars_type("Enum", "text", pl.Enum([*POOLS["text"], "never"])),
        polars_type("Date", "date", pl.Date),
        polars_type("Datetime", "moment", pl.Datetime("us")),
        polars_type("Datetime ns", "moment", pl.Datetime("ns")),
        polars_type("zoned", "zoned", pl.Datetime("us", "UTC")),
        polars_type("Duration", "span", pl.Duration("us")),
        polars_type("Time", "hour", pl.Time),
        polars_type("Decimal", "decimal", pl.Decimal(10, 2)),
        Maker("polars Object", "mixed", lambda v: pl.Series(v, dtype=pl.Object)),
    ),
    "arrow": (
        arrow_type("int8", "small", pa.int8()),
        arrow_type("uint8", "counts", pa.uint8()),
        arrow_type("int64", "large", pa.int64()),
        arrow_type("uint64", "unsigned", pa.uint64()),
        arrow_type("float64", "float", pa.float64()),
        arrow_type("float32", "narrow", pa.float32()),
        arrow_type("bool", "bool", pa.bool_()),
        arrow_type("string", "text", pa.string()),
        arrow_type("large string", "text", pa.large_string()),
        arrow_type("string view", "text", pa.string_view()),
        arrow_dictionary("dictionary of text", "text", pa.string()),
        arrow_dictionary("dictionary of floats", "whole", pa.float64()),
        arrow_type("date", "date", pa.date32()),
        arrow_type("timestamp", "moment", pa.timestamp("us")),
        arrow_type("timestamp ns", "moment", pa.timestamp("ns")),
        arrow_type("zoned", "zoned", pa.timestamp("us", "UTC")),
        arrow_type("duration", "span", pa.duration("us")),
        arrow_type("time", "hour", pa.time64("us")),
        arrow_type("decimal", "decimal", pa.decimal128(10, 2)),
    ),
}
ASSEMBLED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "arrow": pa.table,
}
NUMBERS: dict[str, Callable[[list[Any]], Any]] = {
    "pandas": lambda v: pd.Series(v, dtype="float64"),
    "polars": lambda v: pl.Series(v, dtype=pl.Float64, strict=False),
    "arrow": lambda v: pa.array(v, pa.float64()),
}
NAMED = {maker.name: (frame, maker) for frame, makers in FRAMES.items() for maker in makers}
