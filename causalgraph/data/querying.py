"""SQL over the data of an engine: how a variable is read there, and how a query is run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import narwhals as nw
import numpy as np

from causalgraph.data.engine import Engine
from causalgraph.data.lazy import Lazy
from causalgraph.data.memory import Memory
from causalgraph.errors import DataError

__all__ = ["Table", "literal", "table_of"]


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
    asked: Callable[[str], tuple[list[str], list[tuple[Any, ...]]]]


@contextmanager
def table_of(engine: Engine) -> Iterator[Table]:
    """Lend an engine's rows as a table: frames in memory and polars through DuckDB, the others where they are.

    Raises:
        DataError: polars frames need pyarrow to get there (E313).
    """
    if isinstance(engine, Lazy) and engine.frame.implementation.is_spark_like():
        with _in_spark(engine) as table:
            yield table
    elif isinstance(engine, Lazy) and engine.frame.implementation is nw.Implementation.DUCKDB:
        relation = engine.frame.to_native()

        def asked(text: str) -> tuple[list[str], list[tuple[Any, ...]]]:
            found = relation.query("data", text)
            return found.columns, found.fetchall()

        yield Table("duckdb", "data", engine.place, asked)
    elif isinstance(engine, Lazy):
        with _in_duckdb(engine.frame.to_native().collect(), engine.place) as table:
            yield table
    elif isinstance(engine, Memory):
        with _in_duckdb(engine.frame, lambda name: name) as table:
            yield table
    else:
        raise DataError.because("E311", f"{type(engine).__name__} understands no SQL", fix='use method="counts"')


@contextmanager
def _in_duckdb(frame: Any, column: Callable[[str], str]) -> Iterator[Table]:
    import duckdb

    with duckdb.connect() as connection:
        try:
            connection.register("data", frame)
        except (ImportError, duckdb.InvalidInputException) as error:
            raise DataError.because(
                "E313", f"DuckDB can't read this frame: {error}", fix='pip install pyarrow, or use method="counts"'
            ) from error

        def asked(text: str) -> tuple[list[str], list[tuple[Any, ...]]]:
            found = connection.execute(text)
            return [d[0] for d in found.description or ()], found.fetchall()

        yield Table("duckdb", "data", column, asked)


@contextmanager
def _in_spark(engine: Lazy) -> Iterator[Table]:
    frame = engine.frame.to_native()
    name = f"causalgraph_{uuid4().hex}"
    frame.createOrReplaceTempView(name)
    try:

        def asked(text: str) -> tuple[list[str], list[tuple[Any, ...]]]:
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
        return f"TIMESTAMP '{value.isoformat(sep=' ')}'" if value.tzinfo is None else None
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    try:
        float(value)  # type: ignore[arg-type]  # whatever it is: what is no number has no plain way
    except (TypeError, ValueError):
        return None
    return str(value)
