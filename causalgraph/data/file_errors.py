"""What can go wrong with a file of data: what can't be read, told alike, and whether it has changed."""

from __future__ import annotations

import csv
import lzma
import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from causalgraph.errors import DataError, Span

__all__ = ["Watch", "stamps", "told"]

# What DuckDB, pandas and Python say of a line, and what we say.
SAYINGS = (
    (r"Line: (\d+).*Expected Number of Columns: \d+ Found", "line {} is longer or shorter than the header"),
    (r"Line: (\d+).*unterminated quote", "the quotes of line {} don't match: one isn't closed, or text follows it"),
    (r"Line: (\d+).*not utf-8", "line {} isn't UTF-8"),
    (r"Line: (\d+).*[Mm]aximum line size", "line {} is too long"),
    (r"state machine reached an invalid state", "lines end in several ways, or quotes don't match"),
    (r"sqlite_scanner", "it is a SQLite database, not a DuckDB one"),
    (r"Expected \d+ fields in line (\d+), saw", "line {} is longer than those before it"),
    (r"EOF inside string", "quotes don't match: one isn't closed"),
    (r"Error tokenizing data", "its lines can't be taken apart into values"),
    (r"'utf-8' codec can't decode", "it isn't UTF-8"),
    (r"No space left|max_temp_directory_size", "the disk has no room for what memory doesn't hold"),
)


@contextmanager
def told(name: str, span: Span | None = None) -> Iterator[None]:
    """Tell every way in which a file can't be read as one error, at the place that names it.

    Raises:
        DataError: what happens within (E310, or as it was raised).
    """
    try:
        yield
    except DataError as error:
        if span is None or error.diagnostics[0].span is not None:
            raise
        first = error.diagnostics[0]
        raise DataError.because(first.code, first.what, why=first.why, fix=first.fix, span=span) from error
    except (duckdb.Error, OSError, EOFError, ValueError, csv.Error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise DataError.because("E310", f"{name} can't be read: {_saying(error)}", span=span) from error


def _saying(error: Exception) -> str:
    """Return what went wrong, without the advice that is meant for those who call DuckDB themselves."""
    text = str(error)
    for pattern, saying in SAYINGS:
        if found := re.search(pattern, text, re.DOTALL):
            return saying.format(*found.groups())
    return re.split(r"\n\s*(?:Possible |LINE \d|\n)", text)[0].replace("\n", " ").strip() or type(error).__name__


@dataclass(frozen=True)
class Watch:
    """The files behind a relation, as they were when it was opened.

    Attributes:
        name: what they go by in messages.
        stamps: of each file, its path, size in bytes and time of change in ns.
    """

    name: str
    stamps: tuple[tuple[str, int, int], ...]

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Run a query within: what DuckDB has to say is told as a problem of the file.

        Raises:
            DataError: the file can't be read, or isn't what it was when it was opened (E310).
        """
        failure: Exception | None = None
        with told(self.name):
            try:
                yield
            except (duckdb.Error, OSError) as error:
                failure = error
            if stamps(Path(path) for path, _, _ in self.stamps) != self.stamps:
                raise DataError.because(
                    "E310",
                    f"{self.name} has changed since it was opened",
                    why="one answer would then be of two sets of data",
                    fix="ask again when nothing writes to it",
                ) from failure
            if failure is not None:
                raise failure


def stamps(files: Iterable[Path]) -> tuple[tuple[str, int, int], ...]:
    """Return of each file its path, its size in bytes and its time of change in ns."""
    return tuple((str(f.absolute()), f.stat().st_size, f.stat().st_mtime_ns) for f in files)
