"""Small files of text, read whole by pandas: sooner than DuckDB has begun."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from causalgraph.errors import DataError

__all__ = ["read_whole"]


def read_whole(path: Path, separator: str, marks: Sequence[str]) -> pd.DataFrame:
    """Read a csv or tsv file, compressed or not.

    Args:
        path: the file.
        separator: what stands between two values.
        marks: what marks a missing value, beside an empty field.

    Raises:
        DataError: it is empty (E312), a column stands twice (E305), or rows are longer than the header or can't be told
            apart (E310).
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
            return pd.read_csv(
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
            why="which column a value belongs to is then a guess",
            fix="name every column in the first line, and drop separators at the ends of lines",
        ) from error
