"""Open data of any kind: a frame in memory, something that computes elsewhere, a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import narwhals as nw

from causalgraph.data.engine import Engine
from causalgraph.data.source import Source
from causalgraph.errors import DataError, Span
from causalgraph.variables import WeightsAs

__all__ = ["Opened", "open_data", "open_source"]


@dataclass(frozen=True)
class Opened:
    """Data that several questions are asked of: what was worked out for one is kept for the next.

    The data must not change in between: codes and counts are kept, not looked up again.
    """

    data: Any = field(repr=False)
    name: str
    _engines: dict[tuple[object, ...], Engine] = field(default_factory=dict, repr=False, compare=False)

    def engine(
        self, na: tuple[str, ...] = (), levels: frozenset[str] = frozenset(), span: Span | None = None
    ) -> Engine:
        """Return the engine that takes some marks for missing values, but not if a model has them for levels.

        Raises:
            DataError: the data can't be read (E310, E311, E312); `span` is the place in a model that names the file.
        """
        key = (na, levels)
        if key not in self._engines:
            self._engines[key] = _engine(self.data, na, levels, span)
        return self._engines[key]


def open_data(data: object) -> Opened:
    """Open data once for several questions: ``model.ask(query, data=opened)``.

    Args:
        data: a pandas, polars or pyarrow frame, a polars LazyFrame, a DuckDB relation, a PySpark DataFrame, or the path
            of a file, a glob among them.

    >>> import pandas as pd
    >>> import causalgraph as cg
    >>> data = cg.open_data(pd.DataFrame({"X": [0, 1, 1, 0], "Y": [1, 3, 3, 1]}))
    >>> model = cg.parse("X -> Y; Y : continuous")
    >>> [model.ask(f"E(Y | do(X={x}))", data=data).value for x in (0, 1)]
    [1.0, 3.0]
    """
    if isinstance(data, Opened):
        return data
    return Opened(data, Path(data).name if isinstance(data, str | Path) else "the data")


def _engine(data: object, na: tuple[str, ...], levels: frozenset[str], span: Span | None) -> Engine:
    reading: Callable[[], AbstractContextManager[object]] = nullcontext
    if isinstance(data, str | Path):
        from causalgraph.data.files import read, watch

        reading = watch(Path(data), span).reading
        data = read(Path(data), na, levels=levels, span=span)
    # narwhals refuses frames with two columns of one name, which are an error only if one of them is asked for.
    eager = nw.dependencies.is_pandas_dataframe(data) or nw.dependencies.is_pyarrow_table(data)
    frame: Any = None if eager else nw.from_native(data, pass_through=True)
    if eager or isinstance(frame, nw.DataFrame):
        from causalgraph.data.memory import Memory

        return Memory.of(data, na)
    if isinstance(frame, nw.LazyFrame):
        from causalgraph.data.lazy import Lazy

        return Lazy.of(data, na, reading)
    raise DataError.because(
        "E311",
        f"data of type {type(data).__name__} can't be read",
        fix="pass a pandas, polars, pyarrow or PySpark frame, a DuckDB relation, or the path of a file",
    )


def open_source(
    data: object,
    *,
    columns: Mapping[str, str] | None = None,
    weight: str | None = None,
    weights_as: WeightsAs | None = None,
    cluster: str | None = None,
    na: tuple[str, ...] = (),
    levels: frozenset[str] = frozenset(),
    span: Span | None = None,
) -> Source:
    """Open data as a model sees them.

    Args:
        data: what `open_data` takes.
        columns: renames, variable -> column.
        weight: a column of weights.
        weights_as: what the weights are; without it, the data tell.
        cluster: a column whose values tell which rows belong together.
        na: marks of missing values, besides the usual ones.
        levels: texts that are levels, though they look like marks of missing values.
        span: the place in a model that names the file.

    Raises:
        DataError: it can't be read (E310, E311, E312).
    """
    opened = open_data(data)
    engine = opened.engine(na, levels, span)
    # Data that come from elsewhere may use the model's own names.
    fitting = {v: c for v, c in (columns or {}).items() if c in engine.columns or v not in engine.columns}
    return Source(
        engine=engine,
        columns=fitting,
        name=opened.name,
        na=na,
        weight=weight,
        weights_as=weights_as,
        cluster=cluster,
    )
