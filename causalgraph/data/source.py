"""The door to data: a `Source` answers what the columns are and how often each cell occurs.

This version reads pandas data frames, and csv, tsv and json-lines files through pandas. Every problem is found before
a number is computed: a missing column (E301), unreadable values (E302), an undeclared level (E303), bad weights (E304).
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from causalgraph.data.counts import Counts, Weighting
from causalgraph.errors import DataError, Span, did_you_mean
from causalgraph.names import natural
from causalgraph.variables import Kind, Variable, canonical, level_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["READERS", "Frame", "Source", "read"]

# An undeclared column of whole numbers with more distinct values than this is a count, not a set of levels.
MOST_LEVELS = 20
EXACT_TOTAL = 1e-9


class Source(Protocol):
    """What every engine must answer."""

    @property
    def rows(self) -> int:
        """How many rows there are."""

    def kind(self, variable: Variable) -> Kind:
        """Return the declared kind, or the one that the data shows."""

    def levels(self, variable: Variable) -> tuple[str, ...]:
        """Return the levels of a discrete variable: as declared, else those of the data in natural order."""

    def counts(self, variables: Sequence[Variable], outcomes: Sequence[Variable] = ()) -> Counts:
        """Count the cells of discrete variables, with moments of numeric outcomes."""


@dataclass(frozen=True)
class Frame:
    """A pandas data frame as a source.

    `columns` renames (variable -> column), `weight` names a column of weights, `na` are more marks of missing values,
    `name` is what messages call the data.
    """

    frame: pd.DataFrame
    columns: Mapping[str, str] = field(default_factory=dict)
    weight: str | None = None
    na: tuple[str, ...] = ()
    name: str = "the data"

    @property
    def rows(self) -> int:
        """How many rows the frame has."""
        return len(self.frame)

    def column(self, variable: str) -> pd.Series[Any]:
        """Return a variable's column.

        Raises:
            DataError: there is none (E301).
        """
        wanted = self.columns.get(variable, variable)
        known = [str(c) for c in self.frame.columns]
        if wanted not in self.frame.columns:
            # Names are in Unicode normal form C, columns as their author typed them.
            wanted = next((c for c in known if level_text(c) == wanted), wanted)
        if wanted not in self.frame.columns:
            near = did_you_mean(wanted, known)
            rename = f'rename in the model: data "…" {{ {variable} = "{near or "its column"}" }}'
            raise DataError.because(
                "E301",
                f"{self.name} has no column {wanted!r}" + (f"; did you mean {near!r}?" if near else ""),
                why=f"the columns are {', '.join(map(repr, known[:12]))}" + ", …" * (len(known) > 12),
                fix=rename,
            )
        found = self.frame[wanted]
        if isinstance(found, pd.DataFrame):
            raise DataError.because("E305", f"{self.name} has more than one column {wanted!r}", fix="rename one")
        if self.na:
            found = found.mask(found.astype(object).map(level_text, na_action="ignore").isin(self.na))
        return found

    def kind(self, variable: Variable) -> Kind:
        """Return the declared kind, or the one that the column shows."""
        if variable.kind is not None:
            return variable.kind
        values = self.column(variable.name).dropna()
        if not pd.api.types.is_numeric_dtype(values):
            return "categorical"
        distinct = np.unique(values.to_numpy(dtype=float))
        whole = bool(np.all(np.isfinite(distinct))) and bool(np.all(distinct % 1 == 0))
        if whole and set(distinct) <= {0.0, 1.0}:
            return "binary"
        if whole and len(distinct) <= MOST_LEVELS:
            return "categorical"
        return "count" if whole and distinct[0] >= 0 else "continuous"

    def levels(self, variable: Variable) -> tuple[str, ...]:
        """Return the levels of a discrete variable.

        Raises:
            DataError: the data holds a level that isn't declared, or a binary variable has more than two (E303).
        """
        seen = _in_order({level_text(v) for v in self._values(variable.name)})
        if variable.levels:
            known = {canonical(own) for own in variable.levels} | set(variable.levels)
            strange = [s for s in seen if s not in known]
            if strange:
                raise DataError.because(
                    "E303",
                    f"{variable.name} takes the value {strange[0]!r}, which isn't among its levels",
                    why=f"the model declares {{{', '.join(variable.levels)}}}",
                    fix=f"declare it: {variable.name} : {{{', '.join((*variable.levels, strange[0]))}}}; "
                    'or name what marks a missing value: data "…" { na = "…" }',
                )
            return variable.levels
        return self._binary_levels(variable, seen) if variable.kind == "binary" else seen

    def _values(self, name: str) -> list[object]:
        """Return the distinct values of a column.

        Raises:
            DataError: they are lists or the like, which have no levels (E308).
        """
        try:
            return list(pd.unique(self.column(name).dropna()))
        except TypeError as error:
            raise DataError.because("E308", f"{name} holds values that aren't levels: {error}") from error

    def _binary_levels(self, variable: Variable, seen: tuple[str, ...]) -> tuple[str, ...]:
        """Return the two levels of a binary variable, the one that counts as 1 last.

        Raises:
            DataError: there are more than two; one of two codes is called 0 or 1 and isn't; or there is one word alone,
                which tells nobody whether it is the one that counts (E303).
        """
        name, shown = variable.name, ", ".join(seen[:5]) + ", …" * (len(seen) > len(seen[:5]))
        if set(seen) <= {"0", "1"}:
            return ("0", "1")
        declare = f"declare what it is: {name} : {{{shown}}}"
        if len(seen) > len("01"):
            what = f"{name} is binary, but takes {len(seen):,} values: {shown}"
            raise DataError.because("E303", what, fix=f"{declare}, or continuous")
        if {"0", "1"} & set(seen):
            what = f"{name} is binary, but coded {shown}, so that {name}=1 could mean two things"
            raise DataError.because("E303", what, fix=declare)
        if len(seen) < len("01"):
            what = f"{name} is binary, but always {shown}: nothing tells whether that counts as 0 or as 1"
            raise DataError.because("E303", what, fix=f"declare both levels: {name} : {{…, {shown}}}")
        return seen

    def numbers(self, variable: Variable) -> NDArray[np.float64]:
        """Return a column as numbers, missing values as NaN; a binary's levels count as 0 and 1.

        Raises:
            DataError: a value can't be read as a number (E302), isn't finite (E306), or is a date or complex (E308).
        """
        column = self.column(variable.name)
        if variable.kind == "binary":
            codes = self._codes(variable, self.levels(variable))
            return np.where(codes >= 0, codes, np.nan)
        if column.dtype.kind in "mMc":
            raise DataError.because(
                "E308",
                f"{variable.name} holds {'complex numbers' if column.dtype.kind == 'c' else 'dates or durations'}",
                why="their mean has no unit that a reader would expect",
                fix="turn them into numbers, such as days, in the data",
            )
        numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        unread = np.flatnonzero(np.isnan(numbers) & column.notna().to_numpy())
        if unread.size:
            text = column.iloc[int(unread[0])]
            raise DataError.because(
                "E302",
                f"{variable.name}: row {int(unread[0]) + 1} is {str(text)!r}; "
                f"{unread.size:,} of {len(column):,} can't be read as numbers",
                why="a mean needs numbers",
                fix=f'if it marks a missing value: data "…" {{ na = "{text}" }}; else declare its levels',
            )
        endless = np.flatnonzero(np.isinf(numbers))
        if endless.size:
            raise DataError.because(
                "E306",
                f"{variable.name}: row {int(endless[0]) + 1} is infinite ({endless.size:,} rows are)",
                fix="mend the rows, or mark them as missing",
            )
        return numbers

    def weights(self) -> NDArray[np.float64] | None:
        """Return the weights, or None where every row counts once.

        Raises:
            DataError: a weight is negative or infinite, or all are zero (E304).
        """
        if self.weight is None:
            return None
        weights = self.numbers(Variable(self.weight))
        if (weights < 0).any():
            row = int(np.flatnonzero(weights < 0)[0])
            raise DataError.because("E304", f"the weight {self.weight}: row {row + 1} is negative ({weights[row]:g})")
        if not np.nansum(weights) > 0:
            raise DataError.because("E304", f"the weights {self.weight} add up to nothing")
        return weights

    def counts(self, variables: Sequence[Variable], outcomes: Sequence[Variable] = ()) -> Counts:
        """Count cells; a row with a missing value in any column that is asked for is dropped, and counted.

        Raises:
            DataError: what `levels`, `numbers` and `weights` raise; no row is left (E307).
        """
        levels = tuple(self.levels(v) for v in variables)
        coded = [self._codes(v, own) for v, own in zip(variables, levels, strict=True)]
        numbers = [self.numbers(v) for v in outcomes]
        weights = self.weights()
        used = np.ones(len(self.frame), dtype=bool)
        for codes in coded:
            used &= codes >= 0
        for column in [*numbers, *([] if weights is None else [weights])]:
            used &= ~np.isnan(column)
        dropped = int(len(used) - used.sum())
        if weights is not None:
            # A row of weight zero is no observation.
            used &= weights > 0
        if not used.any():
            empty = "has no rows" if not len(used) else "has no row without a missing value"
            asked = ", ".join(v.name for v in (*variables, *outcomes))
            raise DataError.because("E307", f"{self.name} {empty} in {asked}")
        w = np.ones(int(used.sum())) if weights is None else weights[used]
        cells, where = _cells([c[used] for c in coded], len(w))
        y = np.column_stack([c[used] for c in numbers]) if numbers else np.zeros((len(w), 0))
        weighting = _weighting(weights)
        return Counts(
            variables=tuple(v.name for v in variables),
            levels=levels,
            codes=cells,
            outcomes=tuple(v.name for v in outcomes),
            n=float(w.sum()) if weighting == "counts" else float(len(w)),
            dropped=dropped,
            weighting=weighting,
            **_moments(where, len(cells), w, w if weighting == "counts" else w * w, y),
        )

    def _codes(self, variable: Variable, levels: tuple[str, ...]) -> NDArray[np.intp]:
        """Return the place of each row's level, -1 where it is missing."""
        codes, distinct = pd.factorize(self.column(variable.name), use_na_sentinel=True)
        place = {canonical(level): i for i, level in enumerate(levels)} | {level: i for i, level in enumerate(levels)}
        lookup = np.array([*(place[level_text(v)] for v in distinct), -1], dtype=np.intp)
        return lookup[codes]


def _weighting(weights: NDArray[np.float64] | None) -> Weighting:
    """Tell counts from survey weights from an exact distribution.

    Numbers that add up to 1 are an exact distribution; other whole numbers are counts; all else are survey weights. All
    rows are looked at, also those that a missing value will drop.
    """
    if weights is None:
        return "rows"
    known = weights[~np.isnan(weights)]
    if abs(float(known.sum()) - 1) < EXACT_TOTAL:
        return "exact"
    return "counts" if np.all(known % 1 == 0) else "survey"


def _in_order(levels: set[str]) -> tuple[str, ...]:
    """Sort levels as numbers where all are numbers, else as names."""
    try:
        return tuple(sorted(levels, key=float))
    except ValueError:
        return tuple(sorted(levels, key=natural))


def _cells(coded: list[NDArray[np.intp]], n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the codes of the cells that occur, ``(k, p)``, and the cell of each row, ``(n,)``."""
    where = np.zeros(n, dtype=np.int64)
    first = np.zeros(min(n, 1), dtype=np.intp)
    for codes in coded:
        # Cells are renumbered after each variable, so that their number never exceeds the number of rows.
        joined = where * (int(codes.max(initial=0)) + 1) + codes
        _, first, where = np.unique(joined, return_index=True, return_inverse=True)
    cells = np.column_stack([c[first] for c in coded]) if coded else np.zeros((len(first), 0), dtype=np.intp)
    return cells, where


@np.errstate(over="ignore", invalid="ignore")  # what floats can't hold shows as a number that isn't determined
def _moments(
    where: NDArray[np.intp], k: int, w: NDArray[np.float64], square: NDArray[np.float64], y: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Sum weights and moments of the outcomes, ``(n, m)``, by cell."""
    m = y.shape[1]
    centre = np.average(y, axis=0, weights=w) if m else np.zeros(0)
    y = y - centre

    def by_cell(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(where, weights=values, minlength=k).astype(np.float64)

    def by_outcome(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([by_cell(weights * y[:, i]) for i in range(m)], axis=1) if m else np.zeros((k, 0))

    products = np.zeros((k, m, m))
    for i in range(m):
        for j in range(m):
            products[:, i, j] = by_cell(square * y[:, i] * y[:, j])
    return {
        "weight": by_cell(w),
        "squared": by_cell(square),
        "centre": centre,
        "sums": by_outcome(w),
        "squared_sums": by_outcome(square),
        "squared_products": products,
    }


# What marks a missing value in a text file, besides what the model's `na` names. `None` stays a level.
MISSING = ("", "NA", "N/A", "NaN", "nan", "NULL", "null")


def _csv(path: Path, missing: Sequence[str], separator: str) -> pd.DataFrame:
    header = pd.read_csv(path, sep=separator, header=None, nrows=1, dtype=str, encoding="utf-8").iloc[0].dropna()
    twice = header[header.duplicated()]
    if len(twice):
        raise DataError.because("E305", f"{path} has more than one column {twice.iloc[0]!r}", fix="rename one")
    with warnings.catch_warnings():
        # A row that is longer than the header would shift its columns, or lose some, in silence.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            path,
            sep=separator,
            na_values=list(missing),
            keep_default_na=False,
            index_col=False,
            encoding="utf-8-sig",
            low_memory=False,
        )


READERS = {
    ".csv": lambda path, na: _csv(path, na, ","),
    ".tsv": lambda path, na: _csv(path, na, "\t"),
    ".jsonl": lambda path, na: pd.read_json(path, lines=True).replace(dict.fromkeys(na, np.nan)),
}


def read(path: Path, na: Sequence[str] = (), *, levels: Collection[str] = (), span: Span | None = None) -> pd.DataFrame:
    """Read a file of data by its ending.

    Args:
        path: the file.
        na: marks of a missing value, besides the usual ones.
        levels: declared levels, which are no such mark whatever they look like.
        span: the place in a model that names the file.

    Raises:
        DataError: it isn't there or can't be read (E310), its ending isn't known (E311), it is empty (E312).
    """
    endings = "".join(path.suffixes[-2:]) if path.suffix in (".gz", ".bz2", ".xz", ".zip") else path.suffix
    reader = READERS.get(Path(endings).stem if endings.count(".") > 1 else endings.lower())
    if reader is None:
        raise DataError.because(
            "E311",
            f"{path.name}: files that end in {path.suffix!r} aren't read yet",
            fix=f"use {', '.join(READERS)}",
            span=span,
        )
    try:
        return reader(path, [*(m for m in MISSING if m not in levels), *na])
    except FileNotFoundError as error:
        beside = [p.name for p in path.parent.glob("*") if p.suffix in READERS] if path.parent.is_dir() else []
        near = did_you_mean(path.name, beside)
        raise DataError.because(
            "E310", f"there is no file {path}", fix=near and f"did you mean {near}?", span=span
        ) from error
    except pd.errors.EmptyDataError as error:
        raise DataError.because("E312", f"{path} is empty", span=span) from error
    except pd.errors.ParserWarning as error:
        raise DataError.because(
            "E310",
            f"{path} has rows that are longer than its header",
            why="which column a value belongs to is then a guess",
            fix="name every column in the first line, and drop separators at the ends of lines",
            span=span,
        ) from error
    except (OSError, UnicodeDecodeError, ValueError, pd.errors.ParserError) as error:
        raise DataError.because("E310", f"{path} can't be read: {error}", span=span) from error
