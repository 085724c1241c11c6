"""Read files of text with DuckDB: which columns JSON lines have, and which type fits every value of a column.

A file of text says nothing of types. A few rows suggest them, and a pass over all rows proves them: a column is numbers
only where every value is one, however late a word stands. Values are cast by us, since DuckDB's own reader of typed csv
rounds ``1.5`` in a column of whole numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from causalgraph.data.dialects import identifier, text_literal
from causalgraph.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

__all__ = [
    "MISSING",
    "TextFile",
    "all_rows",
    "json_lines",
    "located",
    "same_columns",
    "typed",
]

# What marks a missing value in a text file, besides what the model's `na` names. `None` stays a level.
MISSING = ("", "NA", "N/A", "NaN", "nan", "NULL", "null")

# Rows that suggest the types.
SUGGESTING = 1000
# Columns that are looked at together: how long DuckDB plans a query grows faster than its columns.
COLUMNS = 32

WHOLE = "regexp_full_match({0}, ' *[+-]?[0-9]+ *')"

# The types, and what a text must be to fit: the first one that all values of a column fit is its type. Whole numbers
# with more digits than any type holds stay text, so that no two of them become one.
TYPES = (
    ("BOOLEAN", "lower({0}) IN ('true', 'false')"),
    ("BIGINT", f"{WHOLE} AND TRY_CAST({{0}} AS BIGINT) IS NOT NULL"),
    ("UBIGINT", f"{WHOLE} AND TRY_CAST({{0}} AS UBIGINT) IS NOT NULL"),
    ("DECIMAL(38, 0)", f"{WHOLE} AND TRY_CAST({{0}} AS DECIMAL(38, 0)) IS NOT NULL"),
    ("VARCHAR", WHOLE),
    ("DOUBLE", "NOT contains({0}, '_') AND NOT isnan(TRY_CAST({0} AS DOUBLE))"),
    ("VARCHAR", "true"),
)
FITS = dict(reversed(TYPES)) | {"VARCHAR": "true"}


@dataclass(frozen=True)
class TextFile:
    """What a text file holds, before its types are known.

    Attributes:
        name: what it goes by in messages.
        names: its ``p`` columns, as their author wrote them.
        scan: SQL that reads the columns as text, named ``c0``, ``c1``, …; it stands behind FROM.
        keep: SQL that is true for rows, false for lines that are no row, and fails where a row isn't whole.
        strange: tells, after such a failure, which row it was.
        check: fails where something is wrong that the reader passes over; takes SQL of the rows.
        nested: columns that hold lists or objects, which have no type of ours.
    """

    name: str
    names: tuple[str, ...]
    scan: str
    keep: str = "true"
    strange: Callable[[Connection], DataError] | None = None
    check: Callable[[Connection, str], None] | None = None
    nested: frozenset[int] = frozenset()


def located(path: Path) -> str:
    """Return the path of one file as SQL, in which nothing is a wildcard.

    >>> located(Path("/shops/why?.csv"))
    "'/shops/why[?].csv'"
    """
    return text_literal(re.sub(r"([*?\[])", r"[\1]", str(path.absolute())))


def all_rows(connection: Connection, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query; to fetch fewer would leave the connection busy."""
    return connection.execute(sql).fetchall()


def same_columns(columns: Iterable[tuple[str, Sequence[str]]], *, ordered: bool) -> tuple[str, ...]:
    """Return the columns that all files have.

    Args:
        columns: the name of each file, and its columns.
        ordered: must they stand in the same order?

    Raises:
        DataError: a column stands in one file and not in another, or in another place (E310), or twice in one (E305).
    """
    first, wanted = "", tuple[str, ...]()
    for file, found in columns:
        twice = next((name for i, name in enumerate(found) if name in found[:i]), None)
        if twice is not None:
            raise DataError.because("E305", f"{file} has more than one column {twice!r}", fix="rename one")
        if not first:
            first, wanted = file, tuple(found)
        one = "name the files that belong together, or give all of them the same columns"
        for name in wanted:
            if name not in found:
                near = did_you_mean(name, [f for f in found if f not in wanted])
                what = f"{file} has no column {name!r}" + f", but {near!r}" * bool(near)
                raise DataError.because("E310", what, why=f"{first} has it", fix=one)
        for name in found:
            if name not in wanted:
                raise DataError.because("E310", f"{file} has a column {name!r}", why=f"{first} hasn't", fix=one)
        if ordered and tuple(found) != wanted:
            moved = next(a for a, b in zip(found, wanted, strict=True) if a != b)
            what = f"{file} has its columns in another order than {first}, from {moved!r} on"
            raise DataError.because("E310", what, fix="write all files in the same order")
    return wanted


def json_lines(connection: Connection, name: str, files: Sequence[tuple[str, Path]], *, lines: bool) -> TextFile:
    """Find the keys of files that hold one JSON object a line, or an array of objects.

    A key that a line leaves out is missing there, so that files may differ in their keys.

    Args:
        connection: what reads them.
        name: what they go by in messages.
        files: of each, what it goes by and where it is.
        lines: is it one object a line? Else the file tells.

    Raises:
        DataError: there is none (E312); it isn't made of objects (E310); keys differ in case alone (E305).
    """
    form = text_literal("newline_delimited" if lines else "auto")
    paths = f"[{', '.join(located(path) for _, path in files)}], format = {form}"
    shape = connection.sql(
        f"SELECT * FROM read_json({paths}, sample_size = -1, maximum_depth = 2, map_inference_threshold = -1, "
        "hive_partitioning = false)"
    )
    names, types = tuple(shape.columns), [str(kind) for kind in shape.types]
    numbered = [column for column in names if re.search(r"_\d+$", column)]
    if names == ("json",) or numbered:
        # DuckDB calls what has no key `json`, and numbers what differs in case alone.
        keys = {
            key
            for (key,) in all_rows(
                connection,
                "SELECT DISTINCT unnest(json_keys(json)) FROM "
                f"read_json_objects({paths}, hive_partitioning = false) WHERE json_type(json) = 'OBJECT'",
            )
        }
        if names == ("json",) and "json" not in keys:
            if not shape.limit(1).fetchall():
                raise DataError.because("E312", f"{name} is empty")
            raise DataError.because(
                "E310", f"{name} can't be read: it isn't made of objects", fix='write {"column": value, …}, one a line'
            )
        twins = next((column for column in numbered if column not in keys), None)
        if twins is not None:
            what = f"{name} has columns whose names differ in case alone: {twins.rpartition('_')[0]!r} is one of them"
            raise DataError.because("E305", what, fix="rename one")
    nested = frozenset(i for i, kind in enumerate(types) if re.search(r"^(STRUCT|MAP)|\]$", kind))
    columns = ", ".join(
        f"{text_literal(column)}: {text_literal(types[i] if i in nested else 'VARCHAR')}"
        for i, column in enumerate(names)
    )
    shown = ", ".join(f"{identifier(column)} AS c{i}" for i, column in enumerate(names))
    scan = f"(SELECT {shown} FROM read_json({paths}, columns = {{{columns}}}, hive_partitioning = false))"
    return TextFile(name, names, scan, nested=nested)


def typed(connection: Connection, file: TextFile, marks: Sequence[str], *, store: bool) -> str:
    """Return SQL that selects all columns, named ``c0``, ``c1``, …, each in the type that fits all of its values.

    Args:
        connection: what reads it.
        file: what it holds.
        marks: texts that mark a missing value.
        store: keep the values in a table of the connection, which DuckDB moves to disk where memory is short; else
            every query reads the file again.

    Raises:
        DataError: a row is longer or shorter than the header (E310).
        duckdb.Error: it can't be read.
    """
    try:
        types = _types(connection, file, marks, f"LIMIT {SUGGESTING}")
        try:
            sql = _proved(connection, file, marks, types, store=store)
        except duckdb.InvalidInputException as error:
            if "Error: misfit " not in str(error):
                raise
            sql = _proved(connection, file, marks, _types(connection, file, marks), store=store)
    except duckdb.InvalidInputException as error:
        if file.strange is None or "Error: ragged " not in str(error):
            raise
        raise file.strange(connection) from error
    if file.check is not None:
        file.check(connection, sql)
    return sql


def _types(connection: Connection, file: TextFile, marks: Sequence[str], limit: str = "") -> list[str]:
    """Return the first type that every value fits, among some rows or all; numbers where there is no value at all."""
    counted = [i for i in range(len(file.names)) if i not in file.nested]
    types = [""] * len(file.names)
    for start in range(0, len(counted), COLUMNS):
        some = counted[start : start + COLUMNS]
        tells = ", ".join(f"bit_and({_fitting(f'c{i}', marks)})" for i in some)
        (found,) = all_rows(connection, f"SELECT {tells} FROM (SELECT * FROM {file.scan} WHERE {file.keep} {limit})")
        for i, fitting in zip(some, found, strict=True):
            kinds = (kind for bit, (kind, _) in enumerate(TYPES) if fitting is not None and fitting >> bit & 1)
            types[i] = next(kinds, "DOUBLE")
    return types


def _fitting(column: str, marks: Sequence[str]) -> str:
    """Return SQL of a number whose bits say which types a value fits, null where it is missing."""
    bits = " + ".join(
        f"CASE WHEN {fits.format(column)} THEN {1 << bit} ELSE 0 END" for bit, (_, fits) in enumerate(TYPES)
    )
    return f"CASE WHEN {column} IS NULL OR {_marked(column, marks)} THEN NULL ELSE {bits} END"


def _marked(column: str, marks: Sequence[str]) -> str:
    return f"{column} IN ({', '.join(map(text_literal, marks))})" if marks else "false"


def _proved(connection: Connection, file: TextFile, marks: Sequence[str], types: Sequence[str], *, store: bool) -> str:
    """Read all rows, and fail where a value doesn't fit."""
    sure, cast = [], []
    for i, kind in enumerate(types):
        c = f"c{i}"
        if i in file.nested:
            sure.append(c)
            cast.append(c)
            continue
        missing = f"CASE WHEN {c} IS NULL OR {_marked(c, marks)} THEN NULL"
        value = c if kind == "VARCHAR" else f"CAST({c} AS {kind})"
        cast.append(f"{missing} ELSE {value} END")
        wrong = f"WHEN {FITS[kind].format(c)} THEN {value} ELSE error('misfit ' || {c})"
        sure.append(f"{missing} {'ELSE ' + value if kind == 'VARCHAR' else wrong} END")
    columns = ", ".join(f"{value} AS c{i}" for i, value in enumerate(sure))
    if store:
        connection.execute(f"CREATE TEMP TABLE stored AS SELECT {columns} FROM {file.scan} WHERE {file.keep}")
        return "SELECT * FROM stored"
    proof = ", ".join(f"count({value})" for value in sure)
    all_rows(connection, f"SELECT {proof} FROM {file.scan} WHERE {file.keep}")
    columns = ", ".join(f"{value} AS c{i}" for i, value in enumerate(cast))
    return f"SELECT {columns} FROM {file.scan} WHERE {file.keep}"
