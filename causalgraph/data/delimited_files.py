"""Read csv and tsv with DuckDB, as strictly as their rows can be told apart."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from causalgraph.data.dialects import text_literal
from causalgraph.data.text_files import TextFile, all_rows, located, same_columns
from causalgraph.errors import DataError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

__all__ = ["delimited"]

# Lines among which the header ends.
LONGEST_HEADER = 1000
# Lines that are fetched at a time.
FETCHED = 10_000


# What no csv holds: DuckDB then fills the end of a short row, and nothing else, with null.
NOWHERE = "\x01\x02\x1f\x02\x01"
# What sets nothing apart, so that a line stays whole (DuckDB takes four bytes at most).
NO_SEPARATOR = "\x03\x1e\x04"


def delimited(
    connection: Connection, name: str, files: Sequence[tuple[str, Path]], separator: str, *, quoted: bool
) -> TextFile:
    """Read the headers of files whose values are set apart by a comma or a tab.

    Args:
        connection: what reads them.
        name: what they go by in messages.
        files: of each, what it goes by and where it is.
        separator: what sets values apart.
        quoted: may a quotation mark stand in one of them? A quoted value may hold a line end. Where DuckDB reads a file
            in several places at once it can then take a value for a row, so that it reads such files from start to end.

    Raises:
        DataError: there is no line (E312); the columns differ, or can't be read (E310); a name stands twice (E305).
    """
    headers = [(file, *_header(connection, file, path, separator)) for file, path in files]
    names = same_columns(((file, columns) for file, columns, _ in headers), ordered=True)
    skipped = headers[0][2]
    late = next((file for file, _, begins in headers if begins != skipped), None)
    if late is not None:
        what = f"{late} and {headers[0][0]} differ in how many empty lines stand before the header"
        raise DataError.because("E310", what, fix="let every file begin with its header")
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(names) + 1))
    paths = ", ".join(located(path) for _, path in files)
    scan = (
        f"read_csv([{paths}], columns = {{{columns}}}, delim = {text_literal(separator)}, quote = '\"', escape = '\"', "
        f"comment = '', header = true, skip = {skipped}, auto_detect = false, strict_mode = true, null_padding = true, "
        f"nullstr = {text_literal(NOWHERE)}, allow_quoted_nulls = false, parallel = {str(not quoted).lower()}, "
        f"hive_partitioning = false, filename = 'file')"
    )
    last, beyond = f"c{len(names) - 1}", f"c{len(names)}"
    # A separator at the end of every line is no column, if the first row has one; where some have one, it's a guess.
    begins = all_rows(connection, f"SELECT {beyond} FROM {scan} LIMIT 1")
    ends = f"{beyond} = ''" if begins == [("",)] else f"{beyond} IS NULL"
    # DuckDB passes over empty lines; those of spaces alone are lines without a value, too.
    blank = "trim(c0) = '' AND c0 <> '' AND c1 IS NULL"
    whole = f"{last} IS NOT NULL AND coalesce({ends}, false)"
    keep = f"CASE WHEN {blank} THEN false WHEN {whole} THEN true ELSE error('ragged ' || c0) END"

    def strange(connection: Connection) -> DataError:
        bad = f"NOT coalesce({blank}, false) AND NOT ({whole})"
        numbered = f"SELECT *, row_number() OVER (PARTITION BY file) AS row FROM {scan}"
        ((file, row, short),) = all_rows(
            connection, f"SELECT file, row, {last} IS NULL FROM ({numbered}) WHERE {bad} LIMIT 1"
        )
        goes_by = {str(path.absolute()): goes_by for goes_by, path in files}[file]
        longer = "shorter" if short else "longer"
        return DataError.because(
            "E310",
            f"{goes_by}: row {row} is {longer} than the header, which names {len(names):,} columns",
            why="which column a value belongs to is then a guess",
            fix="name every column in the first line, and end each row after its last value",
        )

    def check(connection: Connection, sql: str) -> None:
        _check_quotes(connection, files, separator, sql)

    return TextFile(name, names, scan, keep, strange, check if quoted else None)


def _lines(path: Path) -> str:
    """Return SQL that reads a file line by line, whatever the lines hold; an empty one is null."""
    whole = (
        f"columns = {{'line': 'VARCHAR'}}, delim = {text_literal(NO_SEPARATOR)}, quote = '', escape = '', comment = ''"
    )
    rest = "header = false, skip = 0, auto_detect = false, strict_mode = false, parallel = false"
    return f"read_csv([{located(path)}], {whole}, {rest}, hive_partitioning = false)"


def _header(connection: Connection, name: str, path: Path, separator: str) -> tuple[tuple[str, ...], int]:
    """Return the names of the columns, and how many empty lines stand before them.

    A column that has no name is called by its place, from 0, as pandas does.
    """
    lines = all_rows(connection, f"SELECT line FROM {_lines(path)} LIMIT {LONGEST_HEADER}")
    text = [f"{line or ''}\n" for (line,) in lines]
    begins = next((i for i, line in enumerate(text) if line.strip(" \n")), None)
    if begins is None:
        raise DataError.because("E312", f"{name} is empty")
    found = next(csv.reader(text[begins:], delimiter=separator, strict=True))
    return tuple(column or f"Unnamed: {i}" for i, column in enumerate(found)), begins


def _check_quotes(connection: Connection, files: Sequence[tuple[str, Path]], separator: str, sql: str) -> None:
    """Look for a quote that isn't closed: read from start to end, DuckDB drops it and what follows without a word.

    Where no value holds a quotation mark, all of them stand around values, and an even number of them means that all
    are closed. Else the lines are taken apart once more, slowly.

    Raises:
        DataError: there is one (E310).
    """
    rows = connection.sql(sql)
    texts = [column for column, kind in zip(rows.columns, rows.types, strict=True) if kind == "VARCHAR"]
    within = " OR ".join(f"contains({column}, '\"')" for column in texts)
    doubtful = bool(texts) and bool(all_rows(connection, f"SELECT 1 FROM ({sql}) WHERE {within} LIMIT 1"))
    for file, path in files:
        marks = "sum(strlen(line) - strlen(replace(line, '\"', '')))"
        ((even,),) = all_rows(connection, f"SELECT {marks} % 2 = 0 FROM {_lines(path)}")
        if even and not doubtful:
            continue
        with _opened(connection, path) as lines:
            reader = csv.reader(lines, delimiter=separator, strict=True)
            try:
                for _ in reader:
                    pass
            except csv.Error as error:
                what = f"{file} can't be read: quotes don't match up to line {reader.line_num}"
                raise DataError.because("E310", what, why="rows behind an open quote would be lost") from error


@contextmanager
def _opened(connection: Connection, path: Path) -> Iterator[Iterable[str]]:
    """Open a file for Python, which knows no .zst: DuckDB reads the lines of such a file."""
    if path.suffix.lower() == ".zst":
        with connection.cursor() as beside:
            beside.execute(f"SELECT line FROM {_lines(path)}")
            yield _fetched(beside)
    else:
        opener = gzip.open if path.suffix.lower() == ".gz" else open
        with opener(path, "rt", encoding="utf-8-sig", newline="") as lines:
            yield lines


def _fetched(beside: Connection) -> Iterator[str]:
    while some := beside.fetchmany(FETCHED):
        yield from (f"{line or ''}\n" for (line,) in some)
