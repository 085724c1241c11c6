"""DuckDB's own ways. The connection is the user's: no setting of it is changed, and no result is left open on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from causalgraph.data.native import Block, Column, Native, from_arrow

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation

__all__ = ["DUCKDB"]

BATCH = 1 << 17  # rows of a block: large enough to be fast, small enough to stay in the processor's cache


@contextmanager
def _heard(relation: DuckDBPyRelation) -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """Give what runs a query in a thread of its own, so that this one hears Ctrl-C and stops the query.

    DuckDB doesn't listen while its own threads are busy, and calls what it heard a RuntimeError.
    """
    # The one way from a relation to its connection; DuckDB 1 has none, and listens.
    connection: Any = getattr(relation, "_con", None)

    def run(work: Callable[[], Any]) -> Any:
        future = pool.submit(work)
        try:
            while not future.done():
                wait([future], timeout=0.2)
        except KeyboardInterrupt:
            while not future.done():
                connection.interrupt()
                wait([future], timeout=0.05)
            raise
        return future.result()

    if connection is None:
        yield _in_this_thread
        return
    with ThreadPoolExecutor(1) as pool:
        yield run


def _in_this_thread(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except RuntimeError as error:
        if "interrupted" in str(error).lower():
            raise KeyboardInterrupt from error
        raise


def _renamed(relation: DuckDBPyRelation, names: Sequence[str]) -> DuckDBPyRelation:
    from duckdb import SQLExpression

    # By place, since two columns may share a name.
    return relation.select(*(SQLExpression(f"#{i}").alias(name) for i, name in enumerate(names, 1)))


def _numbered(relation: DuckDBPyRelation, name: str) -> DuckDBPyRelation:
    from duckdb import SQLExpression, StarExpression

    return relation.select(StarExpression(), SQLExpression("row_number() OVER () - 1").alias(name))


def _column(values: Any) -> Column:
    if isinstance(values, np.ma.MaskedArray):
        return values.data, ~np.ma.getmaskarray(values)
    return values, np.ones(len(values), dtype=bool)


def _fetched(relation: DuckDBPyRelation) -> Block:
    with _heard(relation) as run:
        return {name: _column(values) for name, values in run(relation.fetchnumpy).items()}


def _streamed(relation: DuckDBPyRelation) -> Iterator[Block]:
    if find_spec("pyarrow") is None:
        # DuckDB streams in Arrow's form alone; without it, the rows come at once.
        yield _fetched(relation)
        return
    read = getattr(relation, "to_arrow_reader", None) or relation.fetch_record_batch  # before DuckDB 1.5
    with _heard(relation) as run:
        reader = run(lambda: read(BATCH))
        try:
            while (batch := run(lambda: next(reader, None))) is not None:
                yield from_arrow(batch)
        finally:
            # Else the connection would be held, also when nobody wants the other rows.
            reader.close()


DUCKDB = Native(renamed=_renamed, fetched=_fetched, streamed=_streamed, numbered=_numbered)
