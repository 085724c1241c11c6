"""A numeric query as SQL: written for the user's own database, or run where the data are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from causalgraph.data.dialects import (
    Column,
    Dialect,
    dialect_named,
    float_literal,
    identifier,
    select,
    text_literal,
    there,
    where,
)
from causalgraph.data.engine import Number
from causalgraph.data.querying import Table, literal, table_of, written_as
from causalgraph.data.source import Source
from causalgraph.errors import EstimationError
from causalgraph.evaluate.counting import cells_of
from causalgraph.evaluate.effects import contrast_of
from causalgraph.evaluate.estimate import Estimate, Row
from causalgraph.evaluate.pieces import Piece, pieces_of, unknown
from causalgraph.evaluate.quantities import Numeric, RefusedError, World
from causalgraph.evaluate.sql import query as query_of
from causalgraph.formula.nodes import E
from causalgraph.formula.printing import text as formula_text
from causalgraph.identify.answer import NotIdentified, Undecided
from causalgraph.syntax.queries import Effect
from causalgraph.variables import Variable, level_text

if TYPE_CHECKING:
    from sympy import Expr

__all__ = ["answer_sql", "sql"]

# A column of texts that are numbers is cast; one of few is spelt out.
MOST_CASES = 100


@dataclass(frozen=True)
class _Used:
    """The variables that formulas count by, and those that they average."""

    counted: frozenset[str]
    averaged: frozenset[str]

    @classmethod
    def by(cls, formulas: Iterable[Expr]) -> _Used:
        asked = list(formulas)
        return cls(frozenset(cells_of(asked)), frozenset(n.variable for f in asked for n in f.atoms(E)))

    def columns(self, source: Source) -> tuple[str, ...]:
        """Return the columns that hold them, and those of weights and clusters."""
        beside = [c for c in (source.weight, source.cluster) if c is not None]
        return tuple(dict.fromkeys(source.column(name) for name in (*sorted(self.counted | self.averaged), *beside)))


@dataclass(frozen=True)
class _Read:
    """How a query reads the data: each variable, the weights, and all columns in which a row must have a value."""

    columns: dict[str, Column]
    weight: Column | None
    complete: tuple[Column, ...]


def sql(query: Numeric, world: World, *, dialect: str, table: str) -> str | NotIdentified | Undecided:
    """Write a query as SQL over a table whose columns are named as the data name them, one statement a contrast.

    Args:
        query: probabilities, expectations, effects and their arithmetic.
        world: graph, variables and data; the data tell levels and centres, nothing is counted.
        dialect: ``duckdb``, ``spark`` or ``postgres``.
        table: what stands after FROM.

    Returns:
        The text, or why the query isn't identified.

    Raises:
        DataError: what `Source.counts` raises of columns and weights.
        EstimationError: no such dialect (E520), or a column that SQL has no plain way for (E521).
    """
    chosen = dialect_named(dialect)
    contrast = contrast_of(query, world) if isinstance(query, Effect) else None
    try:
        pieces = pieces_of(query, contrast, world)
    except RefusedError as refused:
        return refused.verdict
    used = _Used.by(p.quantity.formula for p in pieces)
    if chosen.folds:
        _check_names(used.columns(world.source), world.source.engine.columns, dialect)
    read = _read(used, world, chosen, lambda column: column)
    return ";\n\n".join(_written(p.quantity.formula, world, read, dialect, table) for p in pieces)


def _check_names(used: Collection[str], known: Collection[str], dialect: str) -> None:
    """Refuse columns that a dialect takes for one.

    Raises:
        EstimationError: there are such (E521).
    """
    for column in used:
        twin = next((c for c in known if c != column and c.casefold() == column.casefold()), None)
        if twin is not None:
            raise EstimationError.because(
                "E521", f"{dialect} can't tell the columns {column!r} and {twin!r} apart", fix="rename one"
            )


def answer_sql(asked: str, pieces: list[Piece], world: World, *, level: float = 0.95) -> Estimate:
    """Answer by one statement a piece, run where the data are. Such an answer has no errors.

    Raises:
        DataError: what `Source.counts` raises.
        EstimationError: a column that SQL has no plain way for (E521).
    """
    rows: list[Row] = []
    source = world.source
    used = _Used.by(p.quantity.formula for p in pieces)
    with table_of(source.engine, used.columns(source)) as table:
        read = _read(used, world, dialect_named(table.dialect), table.column)
        n, dropped = _counted(read, source, table)
        for piece in pieces:
            names, found = table.asked(_written(piece.quantity.formula, world, read, table.dialect, table.name))
            for row in found:
                levels = {n: level_text(v) for n, v in zip(names[:-1], row, strict=False)}
                value = None if row[-1] is None else float(row[-1])
                rows.append(Row({**piece.label, **levels}, value, None, None))
    identified = tuple(dict.fromkeys(i for p in pieces for i in p.parts.identified))
    return Estimate(
        query=asked,
        formula=formula_text(pieces[0].quantity.formula) if len(pieces) == 1 else None,
        rows=tuple(rows),
        level=level,
        method=f"by one query of {table.dialect}",
        n=n,
        dropped=dropped,
        warnings=tuple(unknown(rows, lambda: 'Cells that it needs are empty; method="counts" names them.')),
        identification=identified,
        notes=('a query finds no standard error: method="counts" does',),
    )


def _counted(read: _Read, source: Source, table: Table) -> tuple[float, int]:
    """Return how many rows are used, the sum of the weights where they are counts, and how many are dropped.

    Raises:
        DataError: no row is left (E307).
    """
    _, ((complete, used, weight),) = table.asked(_tally(table.name, read.complete, read.weight, table.dialect))
    if not used:
        raise source.nothing_left(read.columns)
    return float(weight if source.weighting[1] == "counts" else used), source.size - int(complete)


def _tally(table: str, complete: Sequence[Column], weight: Column | None = None, dialect: str = "duckdb") -> str:
    """Write a query for how many rows are complete, how many of them have a weight, and what the weights add up to.

    >>> print(_tally("people", [Column("X")]).strip())
    SELECT
        COUNT(*) AS complete,
        COUNT(*) AS used,
        COUNT(*) AS weight
    FROM people
    WHERE X IS NOT NULL
    """
    chosen = dialect_named(dialect)
    asked = [*complete] if weight is None else [*complete, weight]
    counted = ["COUNT(*) AS complete", "COUNT(*) AS used", "COUNT(*) AS weight"]
    if weight is not None:
        number = f"CAST({weight.number} AS {chosen.double})"
        counted[1:] = [f"SUM(CASE WHEN {number} > 0 THEN 1 ELSE 0 END) AS used", f"SUM({number}) AS weight"]
    conditions = dict.fromkeys(c for column in asked for c in there(column, chosen))
    return "\n".join([*select(counted), f"FROM {table}", *where(list(conditions)), ""])


def _written(formula: Expr, world: World, read: _Read, dialect: str, table: str) -> str:
    return query_of(
        formula,
        table=table,
        columns=read.columns,
        variables=world.variables,
        weight=read.weight,
        complete=read.complete,
        dialect=dialect,
    )


def _read(used: _Used, world: World, chosen: Dialect, named: Callable[[str], str]) -> _Read:
    """Say how a query in a dialect reads the data, whose columns are named there as `named` says."""
    source, variables = world.source, world.variables

    def quoted(text: str) -> str:
        return text_literal(text, chosen)

    def name(variable: str) -> str:
        return identifier(named(source.column(variable)), chosen)

    columns = {
        v: _column(source, variables[v], name(v), quoted, counted=v in used.counted, averaged=v in used.averaged)
        for v in sorted(used.counted | used.averaged)
    }
    number, _ = source.weighting
    weight = None
    if source.weight is not None and number is not None:
        weight = _plain(source, source.weight, name(source.weight), quoted, number)
    beside = []
    if source.cluster is not None:
        source.values(source.cluster)  # what has no values raises
        beside.append(_plain(source, source.cluster, name(source.cluster), quoted))
    return _Read(columns, weight, (*columns.values(), *beside))


def _column(
    source: Source,
    variable: Variable,
    name: str,
    quoted: Callable[[str], str],
    *,
    counted: bool,
    averaged: bool,
) -> Column:
    read = _plain(source, variable.name, name, quoted, source.number(variable) if averaged else None)
    if not counted:
        return read
    storage = source.facts(variable.name).storage
    written: dict[str, list[str]] = {level: [] for level in source.levels(variable)}
    places, known = source.places(variable), source.levels(variable)
    for value in source.values(variable.name):
        written[known[places[level_text(value)]]].append(_literal(value, variable.name, quoted))
    levels = {}
    for level, values in written.items():
        # A level that never occurs has no raw value to compare with, but may be written as one.
        shown = values or written_as(level, storage, quoted)
        if shown:
            levels[level] = shown[0]
    alike = [v for v in written.values() if len(v) > 1]
    cases = " ".join(f"WHEN {name} IN ({', '.join(v)}) THEN {v[0]}" for v in alike)
    expression = f"CASE {cases} ELSE {name} END" if alike else name
    return Column(expression, levels, read.number, read.is_float, read.missing, read.centre)


def _plain(
    source: Source, variable: str, name: str, quoted: Callable[[str], str], number: Number | None = None
) -> Column:
    """Say how a column is read as it stands, and as a number."""
    facts = source.facts(variable)
    counts_as = name
    if facts.storage == "boolean":
        counts_as = f"CASE WHEN {name} THEN 1 ELSE 0 END"
    if number is not None and number.coded is not None and len(number.coded) <= MOST_CASES:
        cases = (
            f"WHEN {name} = {_literal(v, variable, quoted)} THEN {float_literal(n)}" for v, n in number.coded.items()
        )
        counts_as = f"CASE {' '.join(cases)} END"
    return Column(
        name,
        number=None if number is None else counts_as,
        is_float=facts.storage == "number" and (not facts.whole or facts.missing > 0),
        missing=tuple(m for mark in source.na for m in written_as(mark, facts.storage, quoted)),
        centre=0.0 if number is None else number.centre,
    )


def _literal(value: object, variable: str, quoted: Callable[[str], str]) -> str:
    """Write a raw value of a variable.

    Raises:
        EstimationError: there is no plain way (E521).
    """
    found = literal(value, quoted)
    if found is None:
        what = f"{variable} holds values that a query can't name, such as {value}"
        raise EstimationError.because("E521", what, fix='use method="counts"')
    return found
