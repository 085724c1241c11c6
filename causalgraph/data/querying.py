"""SQL over the data of an engine: how a variable is read there, and how a query is run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from numbers import Real
from typing import Any
from unicodedata import normalize
from uuid import uuid4

import narwhals as nw
import numpy as np

from causalgraph.data.engine import Engine, Storage
from causalgraph.data.lazy import Lazy
from causalgraph.data.memory import Memory
from causalgraph.errors import DataError, EstimationError
from causalgraph.variables import level_text

__all__ = ["Table", "literal", "table_of", "written_as"]

Answered = tuple[list[str], list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Table:
    """An engine's rows as a table that a query can name.

    Attributes:
        dialect: the SQL that is understood there.
        name: the table's name.
        column: the name that a column has there.
        asked: runs a query: the names of what it returns, and its rows.
    """

    dialect: str
    name: str
    column: Callable[[str], str]
    asked: Callable[[str], Answered]


@contextmanager
def table_of(engine: Engine, columns: Collection[str]) -> Iterator[Table]:
    """Lend an engine's rows as a table: frames in memory and polars through DuckDB, the others where they are.

    Columns are named by their place there, since SQL takes names that differ in capitals alone for one.

    Args:
        engine: what holds the rows.
        columns: those that queries will name.

    Raises:
        DataError: polars frames need pyarrow to get there (E313).
        EstimationError: DuckDB can't answer (E521), on the way out of the table's `asked`.
    """
    if isinstance(engine, Lazy) and engine.frame.implementation.is_spark_like():
        with _in_spark(engine) as table:
            yield table
    elif isinstance(engine, Lazy) and engine.frame.implementation is nw.Implementation.DUCKDB:
        relation, name = engine.frame.to_native(), _new_name()

        def asked(text: str) -> Answered:
            with _answering(), engine.reading(), _answering(bound=True):
                found = relation.query(name, text)
                return found.columns, found.fetchall()

        yield Table("duckdb", name, engine.place, asked)
    elif isinstance(engine, Lazy):
        with engine.reading():
            frame = engine.frame.select(*dict.fromkeys(map(engine.place, columns))).to_native().collect()
        with _in_duckdb(frame, engine.place) as table:
            yield table
    elif isinstance(engine, Memory):

        def place(column: str) -> str:
            return f"c{engine.columns.index(column)}"

        wanted = {place(c): engine.columns.index(c) for c in columns}
        with _in_duckdb(_chosen(engine.frame, wanted), place) as table:
            yield table
    else:
        raise DataError.because("E311", f"{type(engine).__name__} understands no SQL", fix='use method="counts"')


def _new_name() -> str:
    """Return a name that no table of the user's has."""
    return f"causalgraph_{uuid4().hex}"


def _chosen(frame: Any, places: dict[str, int]) -> Any:
    """Return columns of a frame in memory by their places, under new names; nothing is copied."""
    if nw.dependencies.is_pandas_dataframe(frame):
        import pandas as pd

        return pd.DataFrame({name: frame.iloc[:, at] for name, at in places.items()}, copy=False)
    if nw.dependencies.is_pyarrow_table(frame):
        return frame.select(list(places.values())).rename_columns(list(places))
    return frame.select(frame.to_series(at).alias(name) for name, at in places.items())


@contextmanager
def _answering(*, bound: bool = False) -> Iterator[None]:
    """Say of a query that DuckDB can't answer that counts can; with ``bound``, only of one that doesn't fit the types.

    Raises:
        EstimationError: it can't (E521).
    """
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        if bound and not isinstance(error, duckdb.BinderException):
            raise
        said = str(error).split("\n", 1)[0]
        raise EstimationError.because(
            "E521", f"DuckDB can't answer the query: {said}", fix='use method="counts"'
        ) from error


@contextmanager
def _in_duckdb(frame: Any, column: Callable[[str], str]) -> Iterator[Table]:
    import duckdb

    name = _new_name()
    with duckdb.connect() as connection:
        try:
            connection.register(name, frame)
        except (ImportError, duckdb.Error) as error:
            raise DataError.because(
                "E313", f"DuckDB can't read this frame: {error}", fix='pip install pyarrow, or use method="counts"'
            ) from error

        def asked(text: str) -> Answered:
            with _answering():
                found = connection.execute(text)
                return [d[0] for d in found.description or ()], found.fetchall()

        yield Table("duckdb", name, column, asked)


@contextmanager
def _in_spark(engine: Lazy) -> Iterator[Table]:
    frame = engine.frame.to_native()
    name = _new_name()
    frame.createOrReplaceTempView(name)
    try:

        def asked(text: str) -> Answered:
            found = frame.sparkSession.sql(text)
            return found.columns, [tuple(row) for row in found.collect()]

        yield Table("spark", name, engine.place, asked)
    finally:
        frame.sparkSession.catalog.dropTempView(name)


def literal(value: object, quoted: Callable[[str], str]) -> str | None:
    """Write a raw value of the data as SQL, text by ``quoted``; None where there is no plain way.

    >>> [literal(v, repr) for v in (True, 3, 0.5, "a", date(2020, 1, 2))]
    ['TRUE', '3', '0.5', "'a'", "DATE '2020-01-02'"]
    """
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool | np.bool_):
        return "TRUE" if value else "FALSE"
    if isinstance(value, np.float32) and not float(value).is_integer():
        return f"CAST({value!s} AS REAL)"
    if isinstance(value, datetime):
        # pandas' moments know nanoseconds, which a literal drops.
        exact = value.tzinfo is None and not getattr(value, "nanosecond", 0)
        return f"TIMESTAMP '{value.isoformat(sep=' ')}'" if exact else None
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    return str(value) if isinstance(value, Real | Decimal) and isfinite(value) else None


READ: dict[Storage, tuple[Callable[[str], object], ...]] = {
    "number": (float,),
    "boolean": ({"0": False, "1": True}.__getitem__,),
    "time": (date.fromisoformat, datetime.fromisoformat),
}


def written_as(text: str, storage: Storage, quoted: Callable[[str], str]) -> tuple[str, ...]:
    """Write the values of a column that are written as a level or mark, as SQL; none where it can't hold it.

    >>> [written_as(t, "number", repr) for t in ("-99", "9.0", "nan", "?")]
    [('-99',), (), (), ()]
    >>> written_as("1", "boolean", repr), written_as("2020-01-02", "time", repr), written_as("?", "text", repr)
    (('TRUE',), ("DATE '2020-01-02'",), ("'?'",))
    """
    if storage == "text":
        return tuple(quoted(form) for form in dict.fromkeys((text, normalize("NFD", text))))
    for read in READ.get(storage, ()):
        try:
            value = read(text)
        except (ValueError, KeyError):
            continue
        found = literal(value, quoted) if level_text(value) == text else None
        if found is not None:
            return (text if storage == "number" else found,)
    return ()
