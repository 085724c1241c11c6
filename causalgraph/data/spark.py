"""Spark's own ways. Rows stay where they lie: each partition adds up its own, and sums alone come to the driver.

The workers need numpy and pyarrow, not this package: the functions that they run are sent to them whole.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import numpy as np

from causalgraph.data.engine import Partial
from causalgraph.data.moments import Moments, gathered, products_of_scores
from causalgraph.data.native import Block, Floats, Native, from_arrow, joined

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

__all__ = ["SPARK"]

# The modules whose functions run on the workers.
SENT = (__name__, gathered.__module__)


@contextmanager
def _running(frame: DataFrame) -> Iterator[None]:
    """Run jobs that Ctrl-C ends, on the cluster too, and send functions to the workers as they are."""
    import pyspark

    cloudpickle: Any = pyspark.cloudpickle  # it has no type hints
    session: Any = frame.sparkSession
    tag = f"causalgraph-{uuid4().hex}"
    tagged = hasattr(session, "addTag")  # without tags, Spark ends all jobs of the session upon Ctrl-C
    if tagged:
        session.addTag(tag)
    for module in SENT:
        cloudpickle.register_pickle_by_value(sys.modules[module])
    try:
        yield
    except BaseException as error:
        if not _by_ctrl_c(error):
            raise
        if tagged:
            session.interruptTag(tag)
        raise KeyboardInterrupt from error
    finally:
        for module in SENT:
            cloudpickle.unregister_pickle_by_value(sys.modules[module])
        if tagged:
            session.removeTag(tag)


def _by_ctrl_c(error: BaseException | None) -> bool:
    """Tell whether Ctrl-C stands behind an error: Spark reports the end of the job in its place."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__context__
    return False


def _fetched(frame: DataFrame) -> Block:
    with _running(frame):
        table = frame.toArrow()
    return joined(frame.columns, [from_arrow(batch) for batch in table.to_batches()])


def _packed(batches: Iterator[Any]) -> Iterator[Any]:
    """Write each Arrow batch as one value; as rows of Python objects, they would take many times as long to fetch."""
    import pyarrow as pa

    for batch in batches:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        yield pa.RecordBatch.from_pydict({"packed": [sink.getvalue().to_pybytes()]})


def _streamed(frame: DataFrame) -> Iterator[Block]:
    import pyarrow as pa

    with _running(frame):
        for (packed,) in frame.mapInArrow(_packed, "packed binary").toLocalIterator():
            with pa.ipc.open_stream(bytes(packed)) as reader:
                yield from map(from_arrow, reader)


def _complete(batch: Any, m: int) -> tuple[Floats, NDArray[np.bool_], int]:
    """Return the numbers and weights of a batch, ``(b, m + 1)``, which rows count, and how many have missing values."""
    rows = np.column_stack([batch.column(i).to_numpy(zero_copy_only=False) for i in range(m + 1)])
    there = ~np.isnan(rows).any(axis=1)
    if batch.num_columns > m + 1:
        there &= batch.column(m + 1).is_valid().to_numpy(zero_copy_only=False)
    return rows, there & (rows[:, m] > 0), int(len(rows) - there.sum())


def _collected(frame: DataFrame, function: Callable[[Iterator[Any]], Floats]) -> list[Floats]:
    """Run a function over the batches of each partition, and collect the floats that it returns."""

    def packed(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa

        yield pa.RecordBatch.from_pydict({"sums": [function(batches).tobytes()]})

    with _running(frame):
        found = frame.mapInArrow(packed, "sums binary").collect()
    return [np.frombuffer(bytes(sums)) for (sums,) in found]


def _gram(frame: DataFrame, m: int) -> Partial:
    def added(batches: Iterator[Any]) -> Floats:
        lost = 0

        def blocks() -> Iterator[tuple[Floats, Floats]]:
            nonlocal lost
            for batch in batches:
                rows, kept, dropped = _complete(batch, m)
                lost += dropped
                yield rows[kept, :m], rows[kept, m]

        mean, scatter, *others = gathered(blocks(), m)
        return np.concatenate([mean, scatter.ravel(), others, [lost]])

    parts = np.array(_collected(frame, added)).reshape(-1, m + m * m + 4)
    means, scatters, (total, squared, n, lost) = parts[:, :m], parts[:, m:-4], parts[:, -4:].T
    # The means of the partitions, each with its weight, vary as rows do.
    mean, between, whole, *_ = gathered([(means, total)], m)
    scatter = scatters.sum(axis=0).reshape(m, m) + between
    return mean, scatter, whole, float(squared.sum()), round(n.sum()), round(lost.sum())


def _scored(frame: DataFrame, moments: Moments, linear: Floats, quadratic: Floats) -> Floats:
    m, count = len(moments.mean), len(linear)
    clustered = "g" in frame.columns
    if clustered:
        # A cluster's scores are added up before they are squared, so its rows must meet.
        frame = frame.repartition("g")
    known = cast(
        "Moments", SimpleNamespace(mean=moments.mean, covariance=moments.covariance, weighting=moments.weighting)
    )

    def added(batches: Iterable[Any]) -> Floats:
        places: dict[object, int] = {}

        def blocks() -> Iterator[tuple[Floats, Floats, NDArray[np.intp] | None]]:
            for batch in batches:
                rows, kept, _ = _complete(batch, m)
                codes = None
                if clustered:
                    names = batch.column(m + 1).to_numpy(zero_copy_only=False)[kept].tolist()
                    codes = np.array([places.setdefault(name, len(places)) for name in names], dtype=np.intp)
                yield rows[kept, :m], rows[kept, m], codes

        out = products_of_scores(blocks(), known, linear, quadratic)
        return np.concatenate([out.ravel() / _factor(len(places)), [len(places)]])

    parts = np.array(_collected(frame, added)).reshape(-1, count * count + 1)
    products: Floats = parts[:, :-1].sum(axis=0).reshape(count, count)
    return products * _factor(round(parts[:, -1].sum()))


def _factor(groups: int) -> float:
    """Return what `products_of_scores` multiplies by where there are clusters."""
    return groups / max(groups - 1, 1) if groups else 1.0


SPARK = Native(
    renamed=lambda frame, names: frame.toDF(*names),
    fetched=_fetched,
    streamed=_streamed,
    gram=_gram,
    scored=_scored,
    wall_clock=True,
)
