"""The engine for frames in memory: each column is encoded once, and cells are counted in blocks that stay in cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import copysign, inf, isfinite, nan, prod
from numbers import Real
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from causalgraph.data.encoding import Encoded, encode_numbers, marks_among, without_marks
from causalgraph.data.engine import Cells, Facts, Number, Storage
from causalgraph.data.held import Column, arrow_column, pandas_column, polars_column, storage_of
from causalgraph.data.tally import Layout, Tally, fits, layout
from causalgraph.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Memory"]

# Rows that are looked at together: their places fit into the processor's second cache.
BLOCK = 1 << 16
# A number with no more values than this may be counted by its values.
FEW = 1 << 8


@dataclass(frozen=True)
class Memory:
    """A frame of pandas, polars, pyarrow or another library that narwhals knows, as an engine.

    What is worked out about a column is kept, so the frame must not change.

    Attributes:
        frame: the frame itself.
        na: texts that mark a missing value.
        columns: the names of the columns; one may stand twice.
        rows: how many rows there are.
    """

    frame: Any = field(repr=False)
    na: tuple[str, ...]
    columns: tuple[str, ...]
    rows: int
    _columns: dict[str, Column] = field(default_factory=dict, repr=False, compare=False)
    _encoded: dict[str, Encoded] = field(default_factory=dict, repr=False, compare=False)
    _numbers: dict[str, Floats] = field(default_factory=dict, repr=False, compare=False)
    _facts: dict[str, Facts] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, frame: Any, na: tuple[str, ...] = ()) -> Memory:
        """Take a frame as it is; nothing is read yet.

        Args:
            frame: a pandas, polars or pyarrow frame, one that narwhals knows, or columns by name.
            na: texts that mark a missing value.

        >>> engine = Memory.of(pd.DataFrame({"X": [1, 0, None], "Y": ["a", "b", "?"]}), na=("?",))
        >>> engine.values("X"), engine.values("Y"), engine.facts("Y").missing
        ([0.0, 1.0], ['a', 'b'], 1)
        """
        if isinstance(frame, nw.DataFrame):
            frame = frame.to_native()
        if isinstance(frame, dict):
            frame = pd.DataFrame(frame)
        if not any(known(frame) for known, _ in READERS):
            frame = nw.from_native(frame, eager_only=True).to_pandas()
        names = frame.column_names if nw.dependencies.is_pyarrow_table(frame) else frame.columns
        return cls(frame, tuple(na), tuple(map(str, names)), frame.shape[0])

    def prepare(self, columns: Sequence[str]) -> None:
        """Do nothing: a column in memory is looked at when it is asked for."""

    def facts(self, column: str) -> Facts:
        """Tell what a column is; booleans have the numbers of 0 and 1."""
        if column not in self._facts:
            self._facts[column] = self._read_facts(column)
        return self._facts[column]

    def _read_facts(self, column: str) -> Facts:
        own = self._column(column)
        if own.storage == "other":
            return Facts("other", 0 if own.missing is None else int(own.missing.sum()))
        storage = own.storage or storage_of(self._encode(column).distinct)
        if storage in ("number", "boolean"):
            whole = own.numbers is not None and own.numbers.dtype.kind in "biu" and own.missing is None and not self.na
            return _summary(storage, own.numbers if whole and own.numbers is not None else self._floats(column))
        encoded = self._encode(column)
        missing = 0 if encoded.complete else np.count_nonzero(encoded.codes == len(encoded.distinct))
        return Facts(storage, int(missing))

    def values(self, column: str, most: int | None = None) -> list[object] | None:
        """Return the distinct raw values of a column; None where more than `most`.

        Raises:
            DataError: they are lists or the like, which have no levels (E308).
        """
        if most is not None and column not in self._encoded and self.rows > BLOCK:
            # Too many in the first block are too many.
            head = _encoded(column, self._read(column, BLOCK), self.na)
            if len(head.distinct) > most:
                return None
        found = self._encode(column).distinct
        return None if most is not None and len(found) > most else list(found)

    def first(self, column: str, value: object) -> int | None:
        """Return the row, from 0, in which a value stands first; None where it never does."""
        own = self._column(column)
        if own.numbers is not None and isinstance(value, Real | np.bool_):
            missing = own.missing if own.missing is not None else np.zeros(self.rows, dtype=bool)
            places = np.flatnonzero((own.numbers == value) & ~missing)
        else:
            encoded = self._encode(column)
            code = encoded.distinct.index(value) if value in encoded.distinct else None
            places = np.flatnonzero(encoded.codes == code) if code is not None else np.zeros(0, dtype=np.intp)
        return int(places[0]) if places.size else None

    def cells(
        self, columns: Sequence[str], numbers: Sequence[Number], weight: Number | None, *, squared: bool
    ) -> Cells:
        """Count the cells of some columns, with moments of some numbers; `squared` false: the weights are counts."""
        encoded = [self._encode(c) for c in columns]
        axes = self._axes(numbers, prod(max(e.width, 1) for e in encoded))
        summed = [n for i, n in enumerate(numbers) if i not in axes]
        by_row = bool(summed) or weight is not None
        found = layout(encoded, self.rows, Tally.tables(len(numbers)), summed=by_row)
        # Further axes are only added to a table of all possible cells.
        wide = layout([*encoded, *(one for one, _ in axes.values())], self.rows, 1, summed=by_row) if axes else found
        tally = Tally(wide.size, len(summed), weight is not None, apart=squared and weight is not None)
        if wide.every is not None:
            tally.every = wide.every
        else:
            self._add_up(tally, wide, summed, weight)
        if axes:
            tally = tally.folded({i: counts_as for i, (_, counts_as) in axes.items()})
        occupied = np.flatnonzero(tally.every)
        codes = found.codes(occupied)
        kept = np.ones(len(occupied), dtype=bool)
        for e, column in zip(encoded, codes.T, strict=True):
            if not e.complete:
                # Missing is the code after those of all values.
                kept &= column < len(e.distinct)
        dropped = tally.lost + int(tally.every[occupied[~kept]].sum())
        if weight is not None:
            kept &= tally.every[occupied] > tally.weightless[occupied]
        if not kept.all():
            occupied, codes = occupied[kept], codes.T[:, kept].T
        return tally.cells(occupied, codes, tuple(list(e.distinct) for e in encoded), dropped)

    def _axes(self, numbers: Sequence[Number], size: int) -> dict[int, tuple[Encoded, Floats]]:
        """Return the numbers that are counted as further axes of the cells: columns, and what each code counts as.

        That takes one pass over small whole numbers where sums take several over floats, and its sums are exact.

        Args:
            numbers: what is asked for.
            size: how many cells there are without them.
        """
        axes: dict[int, tuple[Encoded, Floats]] = {}
        for i, number in enumerate(numbers):
            if not self._takes_few_values(number):
                continue
            encoded = self._encode(number.column)
            if not 0 < encoded.width <= FEW or not fits(size * encoded.width, Tally.tables(len(numbers))):
                continue
            counts_as = _lookup(number, encoded)[: encoded.width] - number.centre
            # No rows times an infinite number would be no number.
            if not np.isinf(counts_as).any():
                axes[i], size = (encoded, counts_as), size * encoded.width
        return axes

    def _takes_few_values(self, number: Number) -> bool:
        """Tell whether a column is encoded, or is so soon."""
        if number.coded is not None or number.column in self._encoded:
            return True
        facts = self._facts.get(number.column)
        if facts is None or facts.low is None or facts.high is None:
            return False
        return facts.whole and facts.high - facts.low < FEW

    def _add_up(self, tally: Tally, found: Layout, numbers: Sequence[Number], weight: Number | None) -> None:
        """Go through the rows."""
        readers = [self._reader(n) for n in numbers]
        centres = [n.centre for n in numbers]
        weigh = None if weight is None else self._reader(weight)
        # A table that is larger than a block is gone through as seldom as there are rows for it.
        step = max(2 * BLOCK if tally.in_pairs else BLOCK, found.size)
        for start in range(0, self.rows, step):
            rows = slice(start, min(start + step, self.rows))
            y = [read(rows) - centre for read, centre in zip(readers, centres, strict=True)]
            tally.add(found.place(rows), y, None if weigh is None else weigh(rows))

    def batches(self, numbers: Sequence[Number]) -> Iterator[Floats]:
        """Yield all rows in blocks ``(b, m)``, in order; NaN where a value is missing. Nothing is centred."""
        readers = [self._reader(n) for n in numbers]
        for start in range(0, self.rows, BLOCK):
            rows = slice(start, min(start + BLOCK, self.rows))
            block = np.empty((rows.stop - rows.start, len(readers)))
            for i, read in enumerate(readers):
                block[:, i] = read(rows)
            yield block

    def _read(self, column: str, most: int | None = None) -> Column:
        """Read a column as its library holds it, or the first rows of it."""
        place = self.columns.index(column)
        own = self.frame.iloc[:, place] if isinstance(self.frame, pd.DataFrame) else _series(self.frame, place)
        read = next(reader for known, reader in READERS if known(self.frame))
        return read(own if most is None else own[:most])

    def _column(self, column: str) -> Column:
        if column not in self._columns:
            self._columns[column] = self._read(column)
        return self._columns[column]

    def _encode(self, column: str) -> Encoded:
        if column not in self._encoded:
            self._encoded[column] = _encoded(column, self._column(column), self.na)
        return self._encoded[column]

    def _floats(self, column: str) -> Floats:
        """Return a column of numbers as floats, missing ones as NaN."""
        if column not in self._numbers:
            self._numbers[column] = self._read_floats(column)
        return self._numbers[column]

    def _read_floats(self, column: str) -> Floats:
        own = self._column(column)
        if own.numbers is None:
            encoded = self._encode(column)
            return _lookup(Number(column), encoded).take(encoded.codes)
        floats: Floats = own.numbers.astype(np.float64, copy=False)
        if self.na and own.encode is not None:
            encoded = self._encode(column)
            missing: NDArray[np.bool_] | None = encoded.codes == len(encoded.distinct)
        else:
            missing = _unknown(own.numbers, own.missing, self.na)
        return floats if missing is None or not missing.any() else np.where(missing, nan, floats)

    def _reader(self, number: Number) -> Callable[[slice], Floats]:
        """Return what reads some rows of a number, missing ones as NaN."""
        if number.coded is None:
            floats = self._floats(number.column)
            return lambda rows: floats[rows]
        encoded = self._encode(number.column)
        lookup = _lookup(number, encoded)
        return lambda rows: lookup.take(encoded.codes[rows])


def _lookup(number: Number, encoded: Encoded) -> Floats:
    """Return what each code of a column counts as before it is centred, NaN where it is missing."""
    coded = number.coded
    read = map(_number, encoded.distinct) if coded is None else (coded.get(v, nan) for v in encoded.distinct)
    return np.array([*read, nan], dtype=np.float64)


def _encoded(name: str, column: Column, marks: tuple[str, ...]) -> Encoded:
    """Encode a column.

    Raises:
        DataError: its values aren't levels (E308).
    """
    if column.encode is not None:
        return without_marks(column.encode(), marks)
    if column.numbers is not None:
        return encode_numbers(column.numbers, _unknown(column.numbers, column.missing, marks))
    raise DataError.because("E308", f"{name} holds values that aren't levels: lists, structures, bytes or the like")


def _unknown(
    numbers: NDArray[Any], missing: NDArray[np.bool_] | None, marks: tuple[str, ...]
) -> NDArray[np.bool_] | None:
    """Tell which numbers are null or marked as missing, besides those that are NaN; None where there are no such."""
    marked = marks_among(numbers.dtype, marks)
    if not marked.size:
        return missing
    found = np.isin(numbers, marked)
    return found if missing is None else found | missing


@np.errstate(over="ignore")  # a sum that floats can't hold is infinite
def _summary(storage: Storage, numbers: NDArray[Any]) -> Facts:
    """Sum numbers up, NaN being missing."""
    rows = len(numbers)
    whole, endless = numbers.dtype.kind != "f", 0
    if not whole:
        unknown = np.isnan(numbers)
        numbers = numbers[~unknown] if unknown.any() else numbers
    missing = rows - len(numbers)
    if not len(numbers):
        return Facts(storage, missing)
    low, high = float(numbers.min()), float(numbers.max())
    if not whole:
        if not (isfinite(low) and isfinite(high)):
            finite = numbers[np.isfinite(numbers)]
            numbers, endless = finite, len(numbers) - len(finite)
        whole = not endless and bool((numbers == np.rint(numbers)).all())
    total = float(numbers.sum(dtype=np.float64))
    mean = total / len(numbers) if len(numbers) else None
    return Facts(storage, missing, low, high, mean, total, whole, endless)


def _number(value: object) -> float:
    """Return what a raw value counts as, NaN where it is no number."""
    if isinstance(value, Real | Decimal | np.bool_):
        try:
            return float(value)
        except OverflowError:  # Python's own integers have no end
            return copysign(inf, value)
    try:
        # Python reads 1_000 as a number; nothing else does.
        return nan if "_" in str(value) else float(str(value))
    except ValueError:
        return nan


def _series(frame: Any, place: int) -> Any:
    return frame.column(place) if nw.dependencies.is_pyarrow_table(frame) else frame.to_series(place)


# What knows a frame, and what reads one of its columns.
READERS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Column]], ...] = (
    (nw.dependencies.is_pandas_dataframe, pandas_column),
    (nw.dependencies.is_polars_dataframe, polars_column),
    (nw.dependencies.is_pyarrow_table, arrow_column),
)
