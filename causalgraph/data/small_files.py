"""Small files of text, read whole by pandas: sooner than DuckDB has begun."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from causalgraph.errors import DataError

__all__ = ["OPENERS", "read_whole"]

UNSURE = "which column a value belongs to is then a guess"


@contextmanager
def _open_zip(path: Path) -> Iterator[Any]:
    with zipfile.ZipFile(path) as packed:
        members = [m for m in packed.namelist() if not m.endswith("/")]
        if len(members) != 1:
            raise DataError.because("E310", f"{path} holds {len(members)} files", fix="pack one file alone")
        with packed.open(members[0]) as member:
            yield member


# What opens a compressed file, by its ending.
OPENERS: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".zip": _open_zip}


def read_whole(path: Path, separator: str, marks: Sequence[str]) -> pd.DataFrame:
    """Read a csv or tsv file, compressed or not.

    Args:
        path: the file.
        separator: what stands between two values.
        marks: what marks a missing value, beside an empty field.

    Raises:
        DataError: it is empty (E312), a column stands twice (E305), or rows are longer or shorter than the header or
            can't be told apart (E310).
    """
    try:
        first = pd.read_csv(path, sep=separator, header=None, nrows=1, dtype=str, encoding="utf-8")
        header = first.iloc[0].dropna()
        twice = header[header.duplicated()]
        if len(twice):
            raise DataError.because("E305", f"{path} has more than one column {twice.iloc[0]!r}", fix="rename one")
        with warnings.catch_warnings():
            # A row that is longer than the header would shift its columns, or lose some, in silence.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            found = pd.read_csv(
                path,
                sep=separator,
                na_values=list(marks),
                keep_default_na=False,
                index_col=False,
                encoding="utf-8-sig",
                low_memory=False,
            )
    except pd.errors.EmptyDataError as error:
        raise DataError.because("E312", f"{path} is empty") from error
    except pd.errors.ParserWarning as error:
        raise DataError.because(
            "E310",
            f"{path} has rows that are longer than its header",
            why=UNSURE,
            fix="name every column in the first line, and drop separators at the ends of lines",
        ) from error
    # A value that a row lacks at its end looks like a missing one.
    if len(found.columns) > 1 and found.iloc[:, -1].isna().any():
        _check_lengths(path, separator, found.shape)
    return found


def _check_lengths(path: Path, separator: str, shape: tuple[int, int]) -> None:
    """Hold the length of each row against that of the header.

    Args:
        path: the file, which pandas has read.
        separator: what stands between two values.
        shape: how many rows and columns pandas found.

    Raises:
        DataError: a row is shorter (E310).
    """
    rows, columns = shape
    opener = OPENERS.get(path.suffix.lower())
    with path.open("rb") if opener is None else opener(path) as file:
        text = file.read()
    if b'"' not in text and _lines_of(text, separator, columns) == rows + 1:
        return
    # Values may be longer than the csv module allows for unless told.
    longest = csv.field_size_limit(len(text) + 1)
    try:
        lines = io.TextIOWrapper(io.BytesIO(text), encoding="utf-8-sig", newline="")
        short = _first_short(csv.reader(lines, delimiter=separator), columns)
    finally:
        csv.field_size_limit(longest)
    if short is not None:
        raise DataError.because(
            "E310",
            f"{path}: line {short} is shorter than the header, which names {columns:,} columns",
            why=UNSURE,
            fix="end each row after its last value, and leave a missing one empty between its separators",
        )


def _lines_of(text: bytes, separator: str, columns: int) -> int:
    """Return how many lines hold so many values, where no value is quoted."""
    data = np.frombuffer(text, dtype=np.uint8)
    ends = np.append(np.flatnonzero(data == ord("\n")), len(data))
    before = np.searchsorted(np.flatnonzero(data == ord(separator)), ends)
    return int((np.diff(before, prepend=0) == columns - 1).sum())


def _first_short(rows: Any, columns: int) -> int | None:
    """Return the line, from 1, on which the first row begins that lacks a value; None where none does."""
    begins = 1
    for row in rows:
        blank = not row or (len(row) == 1 and row[0].isspace())
        if not blank and len(row) < columns:
            return begins
        begins = int(rows.line_num) + 1
    return None
