"""Open a file of data by its ending, so that it can be asked without being loaded.

DuckDB reads parquet and all text but small files, and moves to disk what doesn't fit in memory.
"""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from causalgraph.data.delimited_files import delimited
from causalgraph.data.dialects import identifier, text_literal
from causalgraph.data.file_errors import Watch, stamps, told
from causalgraph.data.small_files import OPENERS, read_whole
from causalgraph.data.text_files import (
    MISSING,
    all_rows,
    json_lines,
    located,
    same_columns,
    typed,
)
from causalgraph.errors import DataError, Span, did_you_mean
from causalgraph.names import natural

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

__all__ = ["ENDINGS", "read", "watch"]

# One csv or tsv file of up to so many bytes is read whole, by pandas.
LARGEST_WHOLE = 1 << 26
# Text up to so many bytes is parsed once and stored; beyond, every query parses it again, and nothing is stored.
LARGEST_STORED = 1 << 28
# How many bytes of text one compressed byte may hold, at a guess.
COMPRESSION = 8
COMPRESSED = (".gz", ".zst", ".bz2", ".xz", ".zip")
UNREAD = (".bz2", ".xz", ".zip")  # which DuckDB can't unpack itself
DATABASES = (".duckdb", ".ddb", ".db")
MEMORY = "CAUSALGRAPH_MEMORY"


@dataclass(frozen=True)
class _Job:
    """What is to be read, and by what.

    Attributes:
        name: what it goes by in messages.
        files: the files, in order.
        shown: what each goes by.
        marks: what marks a missing value in text.
        connection: a database in memory of its own.
        folder: where that may write.
        table: the table of a database that is asked for, if any.
    """

    name: str
    files: tuple[Path, ...]
    shown: tuple[str, ...]
    marks: tuple[str, ...]
    connection: Connection
    folder: Path
    table: str = ""

    def named(self) -> list[tuple[str, Path]]:
        """Return what each file goes by in messages, and where it is."""
        return list(zip(self.shown, self.files, strict=True))


def read(
    path: Path,
    na: Sequence[str] = (),
    *,
    levels: Collection[str] = frozenset(),
    span: Span | None = None,
    memory: str | None = None,
) -> object:
    r"""Open a file of data by its ending.

    Args:
        path: the file; a pattern such as ``part-*.parquet``, unless a file has exactly that name; or the file of a
            DuckDB database and a table in it, ``shop.duckdb/sales``. Files of a pattern are read in natural order.
        na: marks of a missing value in text, besides the usual ones.
        levels: declared levels, which are no such mark whatever they look like.
        span: the place in a model that names the file.
        memory: the most that DuckDB may hold in memory, such as ``"400MB"``; without it, what the environment variable
            CAUSALGRAPH_MEMORY says.

    Returns:
        A DuckDB relation that reads the file when it is asked; a pandas frame of a csv or tsv file of less than 64 MB,
        and of one where columns differ in case alone, which DuckDB can't tell apart; a polars LazyFrame of an Arrow
        file where pyarrow isn't installed.

    Raises:
        DataError: it isn't there or can't be read, or files of a pattern differ in their columns (E310); its ending
            isn't known, or needs a package that isn't installed (E311); it is empty (E312); a column stands twice
            (E305).

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "shops.jsonl")
    ...     _ = file.write_text('{"shop": 7, "sales": 1.5}\n{"shop": null, "sales": 2}\n', encoding="utf-8")
    ...     read(file).fetchall()
    [(7, 1.5), (None, 2.0)]
    """
    marks = (*(mark for mark in MISSING if mark not in levels), *na)
    with told(str(path), span):
        files, ending, table = _find(path)
        connection, folder = _connect(memory)
        return READERS[ending](_Job(str(path), files, tuple(map(str, files)), marks, connection, folder, table))


def watch(path: Path, span: Span | None = None) -> Watch:
    """Take note of how the files are that a path or a pattern names; ``span`` is where a model names them.

    Raises:
        DataError: there is no such file (E310), or none of a known ending (E311).
    """
    with told(str(path), span):
        return Watch(str(path), stamps(_find(path)[0]))


def _find(path: Path) -> tuple[tuple[Path, ...], str, str]:
    """Return the files that a path names, in natural order, their ending without a compression's, and a table.

    Raises:
        DataError: there is none (E310), its ending isn't known (E311).
    """
    if path.parent.suffix.lower() in DATABASES and path.parent.is_file():
        return (path.parent,), path.parent.suffix.lower(), path.name
    if path.is_dir():
        raise DataError.because("E310", f"{path} is a folder", fix=f"name its files, such as {path / '*.parquet'}")
    files: tuple[Path, ...] = (path,)
    if not path.exists():
        # Unlike `Path.glob`, this passes over hidden files.
        matches = sorted(glob.glob(str(path), recursive=True), key=natural)  # noqa: PTH207
        files = tuple(file for file in map(Path, matches) if file.is_file())
        if not files and glob.has_magic(str(path)):
            raise DataError.because("E310", f"no file matches {path}")
    endings = {_ending(f) for f in files or (path,)}
    if len(endings) > 1:
        raise DataError.because("E310", f"{path} names files of several kinds: {', '.join(sorted(endings))}")
    ending = endings.pop()
    if ending not in READERS:
        what = f"{path.name}: files that end in {''.join(path.suffixes[-1:])!r} aren't read yet"
        raise DataError.because("E311", what, fix=f"use {', '.join(READERS)}")
    if not files:
        beside = [f.name for f in path.parent.iterdir() if _ending(f) in READERS] if path.parent.is_dir() else []
        near = did_you_mean(path.name, beside)
        raise DataError.because("E310", f"there is no file {path}", fix=f"did you mean {near}?" if near else None)
    return files, ending, ""


def _ending(path: Path) -> str:
    """Return what a file's name ends in, without a compression's ending where text may have one."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if len(suffixes) > 1 and suffixes[-1] in COMPRESSED and suffixes[-2] in TEXT:
        return suffixes[-2]
    return suffixes[-1] if suffixes else ""


def _connect(memory: str | None) -> tuple[Connection, Path]:
    """Return a database in memory, and the folder where it puts what memory doesn't hold; both go together.

    Raises:
        DataError: the memory it may use isn't an amount (E310).
    """
    folder = Path(tempfile.mkdtemp(prefix="causalgraph-"))
    connection = duckdb.connect(
        ":memory:",
        config={
            "temp_directory": str(folder),
            "preserve_insertion_order": "true",
            # All that is used is built in: nothing is looked for on the net, nor among Python's variables.
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "python_enable_replacements": "false",
        },
    )
    weakref.finalize(connection, shutil.rmtree, folder, ignore_errors=True)  # what is gone already needn't go
    amount = memory or os.environ.get(MEMORY)
    if amount:
        try:
            connection.execute(f"SET memory_limit = {text_literal(amount)}")
        except duckdb.Error as error:
            what = f"{amount!r} is no amount of memory"
            raise DataError.because("E310", what, fix=f'write memory or {MEMORY} as "400MB" or "8GB"') from error
    return connection, folder


def _delimited(job: _Job, separator: str) -> object:
    if len(job.files) == 1 and _size(job.files) <= LARGEST_WHOLE and job.files[0].suffix.lower() != ".zst":
        return read_whole(job.files[0], separator, job.marks)
    job = _unpacked(job)
    plain = [f for f in job.files if f.suffix.lower() not in COMPRESSED]
    # A compressed file is read from start to end anyway.
    quoted = len(plain) < len(job.files) or any(_has_quote(f) for f in plain)
    found = delimited(job.connection, job.name, job.named(), separator, quoted=quoted)
    return _text(job, typed(job.connection, found, job.marks, store=_size(job.files) <= LARGEST_STORED), found.names)


def _has_quote(path: Path) -> bool:
    with path.open("rb") as file:
        return any(b'"' in block for block in iter(lambda: file.read(1 << 20), b""))


def _json(job: _Job, *, lines: bool) -> object:
    job = _unpacked(job)
    found = json_lines(job.connection, job.name, job.named(), lines=lines)
    return _text(job, typed(job.connection, found, job.marks, store=_size(job.files) <= LARGEST_STORED), found.names)


def _size(files: Sequence[Path]) -> int:
    """Return how many bytes of text some files hold, at a guess where they are compressed."""
    return sum(f.stat().st_size * (COMPRESSION if f.suffix.lower() in COMPRESSED else 1) for f in files)


def _unpacked(job: _Job) -> _Job:
    """Unpack into the connection's folder what DuckDB can't unpack itself.

    Raises:
        DataError: a zip holds more than one file (E310).
    """
    files = list(job.files)
    for i, file in enumerate(job.files):
        if file.suffix.lower() in UNREAD:
            files[i] = job.folder / f"{i}{_ending(file)}"
            with OPENERS[file.suffix.lower()](file) as packed, files[i].open("wb") as plain:
                shutil.copyfileobj(packed, plain)
    return replace(job, files=tuple(files))


def _text(job: _Job, sql: str, names: Sequence[str]) -> object:
    """Return columns c0, c1, … under their names."""
    if _has_twins(names):
        return _renamed(job.connection.sql(sql), names)
    shown = ", ".join(f"c{i} AS {identifier(name)}" for i, name in enumerate(names))
    return job.connection.sql(f"SELECT {shown} FROM ({sql})")


def _has_twins(names: Sequence[str]) -> bool:
    """Tell whether names differ in case alone, so that DuckDB would take one column for the other."""
    return len({name.casefold() for name in names}) < len(names)


def _renamed(relation: duckdb.DuckDBPyRelation, names: Sequence[str]) -> object:
    frame = relation.df()
    frame.columns = list(names)
    return frame


def _parquet(job: _Job) -> object:
    files = job.named()
    names = same_columns(((file, _parquet_columns(job.connection, path)) for file, path in files), ordered=False)
    # By name, so that neither the order of columns nor one file's narrower type changes what another file says.
    by_name = str(len(files) > 1).lower()
    paths = ", ".join(located(path) for _, path in files)
    relation = job.connection.sql(
        f"SELECT * FROM read_parquet([{paths}], union_by_name = {by_name}, hive_partitioning = false)"
    )
    return _renamed(relation, names) if _has_twins(names) else relation


def _parquet_columns(connection: Connection, path: Path) -> tuple[str, ...]:
    """Return the names at the top of a file's schema, which lists what is nested right behind its parent."""
    schema = all_rows(connection, f"SELECT name, num_children FROM parquet_schema([{located(path)}])")
    names, nested = [], 0
    for name, children in schema[1:]:
        if nested == 0:
            names.append(name)
        nested += (children or 0) - (nested > 0)
    return tuple(names)


def _arrow(job: _Job) -> object:
    try:
        import pyarrow as pa
        from pyarrow import dataset
    except ImportError:
        return _arrow_by_polars(job)
    schemas = []
    for file in job.files:
        with pa.memory_map(str(file)) as source:
            schemas.append(pa.ipc.open_file(source).schema)
    names = same_columns(((str(f), s.names) for f, s in zip(job.files, schemas, strict=True)), ordered=False)
    for file, schema in zip(job.files, schemas, strict=True):
        for name in names:
            kind, wanted = schema.field(name).type, schemas[0].field(name).type
            if kind != wanted:
                what = f"{file} holds {name!r} as {kind}, {job.files[0]} as {wanted}"
                raise DataError.because("E310", what, fix="write all files with the same types")
    found = dataset.dataset([str(f.absolute()) for f in job.files], format="ipc")
    relation = job.connection.from_arrow(found)
    return _renamed(relation, names) if _has_twins(names) else relation


def _arrow_by_polars(job: _Job) -> object:
    try:
        import polars as pl
    except ImportError as error:
        what = f"{job.name}: an Arrow file needs pyarrow or polars, and neither is installed"
        raise DataError.because("E311", what, fix="pip install pyarrow") from error
    try:
        same_columns(((str(f), list(pl.read_ipc_schema(f))) for f in job.files), ordered=False)
        return pl.scan_ipc(list(job.files), glob=False)
    except pl.exceptions.PolarsError as error:
        raise DataError.because("E310", f"{job.name} can't be read: {error}") from error


def _database(job: _Job) -> object:
    ((file, path),) = job.named()
    job.connection.execute(f"ATTACH {text_literal(str(path.absolute()))} AS source (READ_ONLY)")
    found = all_rows(
        job.connection,
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'source' ORDER BY ALL",
    )
    tables = {table if schema == "main" else f"{schema}.{table}": (schema, table) for schema, table in found}
    if job.table not in tables and (job.table or len(tables) != 1):
        near = did_you_mean(job.table, list(tables)) if job.table else None
        example = near or next(iter(tables), "table")
        what = f"{file} has no table {job.table!r}" if job.table else f"{file} has {len(tables)} tables"
        why = f"its tables are {', '.join(tables)}" if tables else None
        raise DataError.because("E310", what, why=why, fix=f'write "{file}/{example}"')
    schema, table = tables[job.table] if job.table else next(iter(tables.values()))
    return job.connection.sql(f"SELECT * FROM source.{identifier(schema)}.{identifier(table)}")


Reader = Callable[[_Job], object]
TEXT: dict[str, Reader] = {
    ".csv": lambda job: _delimited(job, ","),
    ".tsv": lambda job: _delimited(job, "\t"),
    ".jsonl": lambda job: _json(job, lines=True),
    ".ndjson": lambda job: _json(job, lines=True),
    ".json": lambda job: _json(job, lines=False),
}
READERS: dict[str, Reader] = {
    **TEXT,
    ".parquet": _parquet,
    ".arrow": _arrow,
    ".feather": _arrow,
    ".ipc": _arrow,
    **dict.fromkeys(DATABASES, _database),
}
ENDINGS = tuple(READERS)
