"""Data that are computed elsewhere: polars LazyFrames, DuckDB relations, PySpark frames (classic and Connect).

The computation is written once, in narwhals; `native.py` says what differs. Their engine groups and adds up the rows;
what comes back is as large as the result. Values that stand for numbers (`Number.coded`) are grouped by as well and
looked up in what comes back, so that no value is ever written into a query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from importlib import import_module
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from causalgraph.data.engine import Cells, Facts, Number, Partial
from causalgraph.data.grouping import gathered_cells, looked_up
from causalgraph.data.native import Block, Column, Floats, Native, column_of
from causalgraph.data.raw import UNWRITTEN, decoded, marked, missing, number, plain, storage
from causalgraph.errors import DataError
from causalgraph.variables import level_text

if TYPE_CHECKING:
    from narwhals.dtypes import DType
    from numpy.typing import NDArray

    from causalgraph.data.moments import Moments

__all__ = ["POLARS", "Lazy"]

BATCH = 1 << 17
MOST_CASES = 1_000  # the longest list of values that is written into a query


def _block(frame: Any) -> Block:
    return {s.name: column_of(s.drop_nulls().to_numpy(), s.is_not_null().to_numpy()) for s in frame.get_columns()}


POLARS = Native(
    renamed=lambda frame, names: frame.rename(dict(zip(frame.collect_schema().names(), names, strict=True))),
    fetched=lambda frame: _block(frame.collect(engine="streaming")),
    streamed=lambda frame: map(_block, frame.collect_batches(chunk_size=BATCH, maintain_order=True)),
    numbered=lambda frame, name: frame.with_row_index(name),
)

# Where the others' ways are told: imported when such a frame is passed, since no user needs all engines.
ELSEWHERE = {
    nw.Implementation.DUCKDB: ("causalgraph.data.duck", "DUCKDB"),
    nw.Implementation.PYSPARK: ("causalgraph.data.spark", "SPARK"),
    nw.Implementation.PYSPARK_CONNECT: ("causalgraph.data.spark", "SPARK"),
}


def _native_of(frame: nw.LazyFrame[Any]) -> Native:
    if frame.implementation is nw.Implementation.POLARS:
        return POLARS
    if frame.implementation not in ELSEWHERE:
        raise DataError.because(
            "E311",
            f"frames of {frame.implementation.value} can't be read",
            fix="pass a polars LazyFrame, a DuckDB relation or a PySpark DataFrame",
        )
    module, name = ELSEWHERE[frame.implementation]
    found: Native = getattr(import_module(module), name)
    return found


@dataclass(frozen=True)
class Lazy:
    """An engine that computes elsewhere.

    Attributes:
        frame: the rows, with columns named ``c0``, ``c1``, … by place: a name may stand twice, and dots, quotes and
            capitals mean something else to each engine.
        columns: their names.
        native: what the engine does in its own way.
        na: marks of missing values.
        reading: entered around each query, to tell what goes wrong with a file as such.
    """

    frame: nw.LazyFrame[Any]
    columns: tuple[str, ...]
    native: Native
    na: frozenset[str] = frozenset()
    reading: Callable[[], AbstractContextManager[object]] = nullcontext
    _asked: dict[str, None] = field(default_factory=dict, repr=False, compare=False)
    _facts: dict[str, Facts] = field(default_factory=dict, repr=False, compare=False)
    _values: dict[str, list[object]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(
        cls, data: Any, na: Sequence[str] = (), reading: Callable[[], AbstractContextManager[object]] = nullcontext
    ) -> Lazy:
        """Make an engine of a polars LazyFrame, a DuckDB relation or a PySpark DataFrame.

        Raises:
            DataError: it is of another kind (E311).

        >>> import polars as pl
        >>> lazy = Lazy.of(pl.LazyFrame({"X": ["a", "b", "a", None]}))
        >>> cells = lazy.cells(["X"], [], None, squared=True)
        >>> sorted((cells.values[0][code], int(rows)) for (code,), rows in zip(cells.codes, cells.rows)), cells.dropped
        ([('a', 2), ('b', 1)], 1)
        """
        native = _native_of(nw.from_native(data))
        columns = data.collect_schema().names() if native is POLARS else data.columns
        frame = nw.from_native(native.renamed(data, [f"c{i}" for i in range(len(columns))]))
        return cls(frame, tuple(columns), native, frozenset(na), reading)

    @cached_property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self._fetch(self.frame.select(n=nw.len()))["n"][0][0])

    @cached_property
    def _schema(self) -> dict[str, DType]:
        return dict(self.frame.collect_schema())

    def place(self, column: str) -> str:
        """Return the name that a column has in `frame`."""
        return f"c{self.columns.index(column)}"

    def _at(self, column: str) -> tuple[nw.Expr, DType]:
        """Return a column and its type."""
        name = self.place(column)
        return nw.col(name), self._schema[name]

    def _fetch(self, frame: nw.LazyFrame[Any]) -> Block:
        with self.reading():
            return self.native.fetched(frame.to_native())

    def prepare(self, columns: Sequence[str]) -> None:
        """Take note of columns that will be asked for."""
        self._asked.update(dict.fromkeys(columns))

    def facts(self, column: str) -> Facts:
        """Tell what a column is; one pass tells of all that were prepared."""
        if column not in self._facts:
            wanted = [c for c in dict.fromkeys([*self._asked, column]) if c not in self._facts]
            found = self._fetch(self.frame.select(*(e for i, c in enumerate(wanted) for e in self._told(c, i))))
            told = {name: values[0].item() for name, (values, there) in found.items() if there[0]}
            self._facts.update({c: self._read_facts(c, i, told) for i, c in enumerate(wanted)})
        return self._facts[column]

    def _told(self, column: str, i: int) -> list[nw.Expr]:
        """Return what is asked of a column in one pass over the rows, under names that end in ``i``."""
        expr, dtype = self._at(column)
        lost = missing(expr, dtype, self.na).cast(nw.Int64).sum().alias(f"missing{i}")
        if storage(dtype) not in ("number", "boolean"):
            return [lost]
        x = number(expr, dtype, self.na)
        finite = nw.when(x.is_finite()).then(x) if dtype.is_float() else x
        out = {"low": x.min(), "high": x.max(), "total": finite.sum(), "count": finite.count()}
        if dtype.is_float():
            out["endless"] = (~x.is_finite()).cast(nw.Int64).sum()
        if dtype.is_float() or dtype.is_decimal():
            out["broken"] = (finite % 1 != 0).cast(nw.Int64).sum()
        return [lost, *(e.alias(f"{name}{i}") for name, e in out.items())]

    def _read_facts(self, column: str, i: int, told: Mapping[str, Any]) -> Facts:
        """Read one column's facts from what was told of all."""
        dtype = self._at(column)[1]
        lost, endless = int(told.get(f"missing{i}", 0)), int(told.get(f"endless{i}", 0))
        if self.na and isinstance(dtype, UNWRITTEN):
            # Marks are then looked for among the values that come back.
            lost = self.cells([column], [], None, squared=False).dropped
        if f"low{i}" not in told:
            return Facts(storage(dtype), lost)
        low, high, total = (float(told[f"{name}{i}"]) for name in ("low", "high", "total"))
        count, whole = int(told[f"count{i}"]), not told.get(f"broken{i}", 0) and not endless
        return Facts(storage(dtype), lost, low, high, total / count if count else None, total, whole, endless)

    def values(self, column: str, most: int | None = None) -> list[object] | None:
        """Return the distinct values of a column, none missing; None where there are more than `most`.

        Raises:
            DataError: they are lists or the like, which have no levels (E308).
        """
        if column not in self._values:
            expr, dtype = self._at(column)
            if storage(dtype) == "other":
                raise DataError.because("E308", f"{column} holds values that aren't levels: {dtype}")
            name = self.place(column)
            found = self.frame.filter(~missing(expr, dtype, self.na)).group_by(name).agg(nw.len())
            if most is not None:
                # Some marks of missing values are only found among what comes back.
                found = found.head(most + 1 + len(self.na))
            block = self._fetch(found.select(v=plain(expr, dtype)))
            _, distinct = self._factorized(block["v"], dtype)
            if most is not None and len(distinct) > most:
                return None
            self._values[column] = distinct
        found_values = self._values[column]
        return None if most is not None and len(found_values) > most else found_values

    def _factorized(self, column: Column, dtype: DType) -> tuple[NDArray[np.intp], list[object]]:
        """Return the place of each row's value among the distinct ones, -1 where it is missing, and these."""
        values, there = column
        codes = np.full(len(values), -1, dtype=np.intp)
        codes[there], distinct = pd.factorize(values[there])
        raw = decoded(np.asarray(distinct), dtype, wall_clock=self.native.wall_clock)
        if not self.na or all(level_text(v) not in self.na for v in raw):
            return codes, raw
        kept = [i for i, v in enumerate(raw) if level_text(v) not in self.na]
        place = np.full(len(raw) + 1, -1, dtype=np.intp)
        place[kept] = np.arange(len(kept))
        return place[codes], [raw[i] for i in kept]

    def first(self, column: str, value: object) -> int | None:
        """Return the row, from 0, in which a value stands first; None where rows have no order."""
        if self.native.numbered is None:
            return None
        expr, dtype = self._at(column)
        rows = nw.from_native(self.native.numbered(self.frame.to_native(), "row"))
        here = marked(expr, dtype, {level_text(value), str(value)})
        found, there = self._fetch(rows.filter(here).select(row=nw.col("row").min()))["row"]
        return int(found[0]) if there[0] else None

    def cells(
        self, columns: Sequence[str], numbers: Sequence[Number], weight: Number | None, *, squared: bool
    ) -> Cells:
        """Count the cells of some columns, with moments of some numbers; `squared` false: the weights are counts."""
        coded = [n.column for n in (*numbers, weight) if n is not None and n.coded is not None]
        keys = list(dict.fromkeys([*columns, *coded]))
        direct = [n for n in numbers if n.coded is None]
        summed = weight if weight is not None and weight.coded is None else None
        block = self._fetch(self._grouped(keys, direct, summed, squared=squared))
        found = {c: self._factorized(block[self.place(c)], self._at(c)[1]) for c in keys}
        return gathered_cells(block, found, columns, numbers, weight, squared=squared)

    def _grouped(
        self, keys: Sequence[str], numbers: Sequence[Number], weight: Number | None, *, squared: bool
    ) -> nw.LazyFrame[Any]:
        """Group the rows, and add up numbers over those in which none of them is missing."""
        places = [self.place(c) for c in keys]
        asked = {f"y{i}": self._number(n) - n.centre for i, n in enumerate(numbers)}
        if weight is not None:
            asked["w"] = self._number(weight)
        wanted = [*map(nw.col, places), *(e.alias(name) for name, e in asked.items())]
        frame = self.frame.select(*wanted) if wanted else self.frame
        terms: dict[str, nw.Expr] = {}
        if asked:
            complete = reduce(lambda a, b: a & b, (~nw.col(name).is_null() for name in asked))
            terms = _terms(len(numbers), weighted=weight is not None, squared=squared)
            terms = {name: nw.when(complete).then(e) for name, e in terms.items()}
            terms["complete"] = complete.cast(nw.Int64)
            frame = frame.select(*places, *(e.alias(name) for name, e in terms.items()))
        totals = [nw.len().alias("rows"), *(nw.col(name).sum() for name in terms)]
        out = frame.group_by(places).agg(*totals) if places else frame.select(*totals)
        return out.select(*(plain(nw.col(p), self._schema[p]).alias(p) for p in places), "rows", *terms)

    def _number(self, wanted: Number) -> nw.Expr:
        """Return a column as numbers, null where one is missing."""
        return number(*self._at(wanted.column), self.na)

    def batches(self, numbers: Sequence[Number]) -> Iterator[Floats]:
        """Yield all rows in blocks ``(b, m)``, in order where there is one; NaN where a value is missing.

        Nothing is centred.
        """
        asked = [
            (self._number(n) if n.coded is None else plain(*self._at(n.column))).alias(f"y{i}")
            for i, n in enumerate(numbers)
        ]
        with self.reading():
            for block in self.native.streamed(self.frame.select(*asked).to_native()):
                out = np.empty((len(block["y0"][0]), len(numbers)))
                for i, wanted in enumerate(numbers):
                    values, there = block[f"y{i}"]
                    if wanted.coded is None:
                        out[:, i] = np.where(there, values, np.nan)
                    else:
                        codes, raw = self._factorized((values, there), self._at(wanted.column)[1])
                        out[:, i] = looked_up(raw, wanted)[codes]
                yield out

    def gram(
        self, numbers: Sequence[Number], weight: Number | None = None, cluster: str | None = None
    ) -> Partial | None:
        """Add up weighted products where the rows lie, over those that are complete and whose weight isn't zero.

        The mean is that of the values themselves; their centres are taken from them on the way, to lose no digits.

        Returns:
            The mean, the scatter, Σw, Σw², how many rows, how many were dropped; None where the engine has no better
            way than `batches`, or values can't be written into a query: a long list, or times.
        """
        frame = self._scattered(numbers, weight, cluster)
        if frame is None or self.native.gram is None:
            return None
        mean, scatter, total, squared, rows, dropped = self.native.gram(frame.to_native(), len(numbers))
        return mean + [n.centre for n in numbers], scatter, total, squared, rows, dropped

    def score_products(
        self,
        numbers: Sequence[Number],
        weight: Number | None,
        cluster: str | None,
        moments: Moments,
        linear: Floats,
        quadratic: Floats,
    ) -> Floats | None:
        """Return what `products_of_scores` does, added up where the rows lie; None where `gram` is None."""
        frame = self._scattered(numbers, weight, cluster)
        if self.native.scored is None or frame is None:
            return None
        centred = replace(moments, mean=moments.mean - [n.centre for n in numbers])
        return self.native.scored(frame.to_native(), centred, linear, quadratic)

    def _scattered(
        self, numbers: Sequence[Number], weight: Number | None, cluster: str | None
    ) -> nw.LazyFrame[Any] | None:
        """Return centred numbers ``y0``, …, the weight ``w`` (1 without one), the cluster ``g`` as text; or None."""
        asked = {f"y{i}": n for i, n in enumerate(numbers)} | ({"w": replace(weight, centre=0.0)} if weight else {})
        coded = [n for n in asked.values() if n.coded is not None]
        looked_for = [n.column for n in coded] + ([cluster] if cluster is not None and self.na else [])
        if (
            self.native.gram is None
            or any(len(n.coded or ()) > MOST_CASES for n in coded)
            or any(isinstance(self._at(c)[1], UNWRITTEN) for c in looked_for)
        ):
            return None
        columns = [
            ((self._number(n) if n.coded is None else self._cases(n)) - n.centre).alias(name)
            for name, n in asked.items()
        ]
        if weight is None:
            columns.append(nw.lit(1.0).alias("w"))
        if cluster is not None:
            expr, dtype = self._at(cluster)
            columns.append(nw.when(~missing(expr, dtype, self.na)).then(expr.cast(nw.String)).alias("g"))
        return self.frame.select(*columns)

    def _cases(self, wanted: Number) -> nw.Expr:
        """Return what each coded value counts as, written out case by case."""
        expr, dtype = self._at(wanted.column)
        texts: dict[float, list[str]] = {}
        for value, counts_as in (wanted.coded or {}).items():
            texts.setdefault(counts_as, []).extend({level_text(value), str(value)})
        there = ~missing(expr, dtype, self.na)
        out: nw.Expr = nw.lit(None, dtype=nw.Float64)
        for counts_as, written in texts.items():
            here = there & marked(expr, dtype, written).fill_null(value=False)
            out = nw.when(here).then(nw.lit(counts_as)).otherwise(out)
        return out


def _terms(m: int, *, weighted: bool, squared: bool) -> dict[str, nw.Expr]:
    """Return what is added up: the weight ``w``, its square ``v``, and their products with each number and pair."""
    y = [nw.col(f"y{i}") for i in range(m)]
    if not weighted:
        terms = {f"w{i}": e for i, e in enumerate(y)}
        return terms | {f"v{i}_{j}": y[i] * y[j] for i in range(m) for j in range(i, m)}
    w = nw.col("w")
    v = w * w if squared else w
    terms = {"used": (w != 0).cast(nw.Int64), "w": w, "v": v}
    for i in range(m):
        terms |= {f"w{i}": w * y[i], f"v{i}": v * y[i]} | {f"v{i}_{j}": v * y[i] * y[j] for j in range(i, m)}
    return terms
