"""A numeric query as SQL: written for the user's own database, or run where the data are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from causalgraph.data.dialects import dialect_named, identifier, text_literal
from causalgraph.data.querying import literal, table_of
from causalgraph.data.source import Source
from causalgraph.errors import EstimationError
from causalgraph.evaluate.effects import contrast_of
from causalgraph.evaluate.estimate import Estimate, Row
from causalgraph.evaluate.pieces import Piece, pieces_of
from causalgraph.evaluate.quantities import Numeric, RefusedError, World
from causalgraph.evaluate.sql import Column
from causalgraph.evaluate.sql import query as query_of
from causalgraph.formula.nodes import E, P
from causalgraph.formula.printing import text as formula_text
from causalgraph.identify.answer import NotIdentified, Undecided
from causalgraph.syntax.queries import Effect
from causalgraph.variables import Variable, level_text

if TYPE_CHECKING:
    from sympy import Expr

__all__ = ["answer_sql", "sql"]

# A column of texts that are numbers is cast; one of few is spelt out.
MOST_CASES = 100


def sql(query: Numeric, world: World, *, dialect: str, table: str) -> str | NotIdentified | Undecided:
    """Write a query as SQL over a table whose columns are named as the data name them, one statement a contrast.

    Args:
        query: probabilities, expectations, effects and their arithmetic.
        world: graph, variables and data; the data tell the levels, nothing is counted.
        dialect: ``duckdb``, ``spark`` or ``postgres``.
        table: what stands after FROM.

    Returns:
        The text, or why the query isn't identified.

    Raises:
        EstimationError: no such dialect (E520), or a column that SQL has no plain way for (E521).
    """
    contrast = contrast_of(query, world) if isinstance(query, Effect) else None
    try:
        pieces = pieces_of(query, contrast, world)
    except RefusedError as refused:
        return refused.verdict
    return ";\n\n".join(_written(p.quantity.formula, world, dialect, table, world.source.column) for p in pieces)


def answer_sql(asked: str, pieces: list[Piece], world: World) -> Estimate:
    """Answer by one statement a piece, run where the data are. Such an answer has no errors.

    Raises:
        EstimationError: a column that SQL has no plain way for (E521).
    """
    rows: list[Row] = []
    source = world.source
    with table_of(source.engine) as table:
        for piece in pieces:
            formula = piece.quantity.formula
            text = _written(formula, world, table.dialect, table.name, lambda v: table.column(source.column(v)))
            names, found = table.asked(text)
            for row in found:
                levels = {n: level_text(v) for n, v in zip(names[:-1], row, strict=False)}
                value = None if row[-1] is None else float(row[-1])
                rows.append(Row({**piece.label, **levels}, value, None, None))
    identified = tuple(dict.fromkeys(i for p in pieces for i in p.parts.identified))
    return Estimate(
        query=asked,
        formula=formula_text(pieces[0].quantity.formula) if len(pieces) == 1 else None,
        rows=tuple(rows),
        level=0.95,
        method=f"by one query of {table.dialect}",
        n=float(source.size),
        dropped=0,
        warnings=_unknown(rows),
        identification=identified,
        notes=('a query finds no standard error: method="counts" does',),
    )


def _unknown(rows: list[Row]) -> tuple[str, ...]:
    missing = sum(r.value is None for r in rows)
    if not missing:
        return ()
    many = f"{missing:,} of {len(rows):,} numbers aren't" if len(rows) > 1 else "the number isn't"
    return (f'W502: {many} determined: cells that the formula needs are empty; method="counts" names them',)


def _written(formula: Expr, world: World, dialect: str, table: str, named: Callable[[str], str]) -> str:
    chosen = dialect_named(dialect)
    source, variables = world.source, world.variables

    def quoted(text: str) -> str:
        return text_literal(text, chosen)

    counted = {e.variable for n in formula.atoms(P, E) for e in (*(n.events if isinstance(n, P) else ()), *n.given)}
    averaged = {n.variable for n in formula.atoms(E)}
    columns = {
        name: _column(
            source,
            variables[name],
            identifier(named(name), chosen),
            quoted,
            counted=name in counted,
            averaged=name in averaged,
        )
        for name in sorted(counted | averaged)
    }
    weight = None if source.weight is None else f"CAST({identifier(named(source.weight), chosen)} AS {chosen.double})"
    return query_of(formula, table=table, columns=columns, variables=variables, weight=weight, dialect=dialect)


def _column(
    source: Source,
    variable: Variable,
    name: str,
    quoted: Callable[[str], str],
    *,
    counted: bool,
    averaged: bool,
) -> Column:
    facts = source.facts(variable.name)
    expression, levels = name, dict[str, str]()
    if counted:
        written: dict[str, list[str]] = {level: [] for level in source.levels(variable)}
        places, known = source.places(variable), source.levels(variable)
        for value in source.values(variable.name):
            found = literal(value, quoted)
            if found is None:
                raise EstimationError.because(
                    "E521",
                    f"{variable.name} holds values that a query can't name, such as {value}",
                    fix='use method="counts"',
                )
            written[known[places[level_text(value)]]].append(found)
        # A level that never occurs has no raw value to compare with; as a text it can be compared where texts are.
        levels = {k: v[0] if v else quoted(k) for k, v in written.items() if v or facts.storage == "text"}
        alike = [v for v in written.values() if len(v) > 1]
        if alike:
            cases = " ".join(f"WHEN {name} IN ({', '.join(v)}) THEN {v[0]}" for v in alike)
            expression = f"CASE {cases} ELSE {name} END"
    number = None
    if averaged:
        coded = source.number(variable).coded
        number = name
        if coded is not None and len(coded) <= MOST_CASES:
            cases = " ".join(f"WHEN {name} = {literal(v, quoted)} THEN {n!r}" for v, n in coded.items())
            number = f"CASE {cases} END"
    marks = tuple(m for m in (_mark(mark, facts.storage == "text", quoted) for mark in source.na) if m is not None)
    is_float = facts.storage == "number" and (not facts.whole or facts.missing > 0)
    return Column(expression, levels, number, is_float, marks)


def _mark(mark: str, is_text: bool, quoted: Callable[[str], str]) -> str | None:  # noqa: FBT001 (told by the caller)
    """Write a mark of a missing value; None where the column can't hold it."""
    if is_text:
        return quoted(mark)
    try:
        float(mark)
    except ValueError:
        return None
    return mark
