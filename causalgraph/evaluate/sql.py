"""A formula over discrete variables as one SQL query.

The query counts the cells once. Each probability is a sum over them, each sum of the formula a table of the rows that
can differ from zero (`domain.plan`), joined with the probabilities that stand in it. What the data don't determine is
NULL, and stays so, except where it is multiplied by what is exactly zero; a division by zero is NaN on the way, which
no factor mends, and NULL in the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from causalgraph.data.dialects import (
    Column,
    Dialect,
    Names,
    dialect_named,
    float_literal,
    identifier,
    indented,
    joined,
    select,
    there,
    where,
)
from causalgraph.errors import EstimationError, ModelError
from causalgraph.evaluate.arithmetic import arithmetic, leaves
from causalgraph.evaluate.domain import Step, can_be_undefined, factors, free_values, plan
from causalgraph.formula.nodes import E, Event, Marginal, P, Value, events_of
from causalgraph.formula.printing import text
from causalgraph.variables import Variable

if TYPE_CHECKING:
    from sympy import Expr

__all__ = ["query"]

# Names of the query's own columns, which no variable's column may take.
OWN = ("weight", "value", "terms", "undefined", "one")
# Longer names of tables and columns are cut, and numbered where that makes them meet.
LONGEST = 40


@dataclass(frozen=True)
class _Rows:
    """A table of rows: its name, and the values that are its columns."""

    table: str
    values: tuple[Value, ...]


@dataclass
class _Select:
    """The joins of some rows with what is looked up at them."""

    rows: _Rows
    joins: list[str] = field(default_factory=list)
    aliases: dict[object, str] = field(default_factory=dict)

    def alias(self, key: object) -> tuple[str, bool]:
        """Return the alias of a joined table, and whether it is new."""
        new = key not in self.aliases
        return self.aliases.setdefault(key, f"t{len(self.aliases) + 1}"), new


@dataclass
class _Writer:
    """Writes the tables of a query one after another."""

    formula: Expr
    columns: Mapping[str, Column]
    variables: Mapping[str, Variable]
    dialect: Dialect
    tables: Names
    names: Names
    ctes: list[tuple[str, list[str]]] = field(default_factory=list)
    made: dict[object, str] = field(default_factory=dict)

    # Names.

    def quoted(self, name: str) -> str:
        return identifier(name, self.dialect)

    def column(self, value: Value) -> str:
        """Return the column of a value; in the tables of counts, a variable's column is that of its own value."""
        return self.quoted(self.names.of(value, str(value)))

    def sum_of(self, outcome: str) -> str:
        return self.quoted(self.names.of(("sum", outcome), f"sum of {outcome}"))

    def number_of(self, outcome: str) -> str:
        return self.quoted(self.names.of(("number", outcome), f"{outcome} as a number"))

    def cte(self, name: str, body: list[str]) -> str:
        self.ctes.append((name, body))
        return name

    def fresh(self, what: str, things: Iterable[object] = ()) -> str:
        """Return a new name for a table, one that needs no quotes."""
        words = (re.sub(r"[^a-z0-9]+", "_", str(t).lower()).strip("_") or "v" for t in things)
        return self.tables.of(object(), "_".join((what, *words))[:LONGEST])

    # Counts.

    @property
    def cells(self) -> tuple[str, ...]:
        """The variables whose combinations are the cells."""
        return tuple(sorted({e.variable for n in self.formula.atoms(P, E) for e in events_of(n)}))

    @property
    def outcomes(self) -> tuple[str, ...]:
        return tuple(sorted({n.variable for n in self.formula.atoms(E)}))

    def count(self, table: str, weight: Column | None, complete: Sequence[Column]) -> None:
        """Write the complete rows, and the cells that they fall into."""
        double = self.dialect.double
        shown = [f"{self.columns[n].expression} AS {self.column(Value(n))}" for n in self.cells]
        own = [self.columns[name] for name in sorted({*self.cells, *self.outcomes})]
        conditions = [c for column in dict.fromkeys([*own, *complete]) for c in there(column, self.dialect)]
        if weight is not None:
            number = f"CAST({weight.number} AS {double})"
            shown.append(f"{number} AS weight")
            conditions += [*there(weight, self.dialect), f"{number} > 0"]
        for name in self.outcomes:
            averaged = self.columns[name].number
            if averaged is None:
                raise EstimationError.because("E506", f"{name} has no mean: its values aren't numbers")
            centre = self.columns[name].centre
            less = f" - {float_literal(centre)}" if centre else ""
            shown.append(f"CAST({averaged} AS {double}){less} AS {self.number_of(name)}")
        shown = shown or ["1 AS one"]
        rows = self.fresh("complete_rows")
        self.cte(rows, [*select(shown), f"FROM {table}", *where(list(dict.fromkeys(conditions)))])
        by = [self.column(Value(n)) for n in self.cells]
        total = "SUM(weight)" if weight is not None else f"CAST(COUNT(*) AS {double})"
        times = "weight * " if weight is not None else ""
        sums = [f"SUM({times}{self.number_of(n)}) AS {self.sum_of(n)}" for n in self.outcomes]
        group = f"GROUP BY {', '.join(by)}" if by else "HAVING COUNT(*) > 0"
        self.made[frozenset(self.cells)] = self.cte(
            self.fresh("cells"), [*select([*by, f"{total} AS weight", *sums]), f"FROM {rows}", group]
        )

    def sums(self, events: Iterable[Event]) -> str:
        """Write the sums of the cells over all variables but those of the events."""
        wanted = frozenset(e.variable for e in events)
        if wanted not in self.made:
            names = [n for n in self.cells if n in wanted]
            by = [self.column(Value(n)) for n in names]
            averaged = sorted({n.variable for n in self.formula.atoms(E) if {e.variable for e in n.given} == wanted})
            sums = [f"SUM({self.sum_of(o)}) AS {self.sum_of(o)}" for o in averaged]
            group = [f"GROUP BY {', '.join(by)}"] if by else []
            body = [*select([*by, "SUM(weight) AS weight", *sums]), f"FROM {self.made[frozenset(self.cells)]}", *group]
            self.made[wanted] = self.cte(self.fresh("sums_by" if by else "total", names), body)
        return self.made[wanted]

    def levels(self, variable: str) -> str:
        """Write the levels of a variable."""
        key = ("levels", variable)
        if key not in self.made:
            if not self.columns[variable].levels:
                raise EstimationError.because("E504", f"{variable} has no levels: cells can't be counted by it")
            rows = ", ".join(f"({literal})" for literal in self.columns[variable].levels.values())
            name = self.fresh("levels_of", [variable])
            self.ctes.append((f"{name}({self.column(Value(variable))})", [f"VALUES {rows}"]))
            self.made[key] = name
        return self.made[key]

    def level(self, event: Event) -> str:
        """Return the literal of the level that an event names."""
        levels = self.columns[event.variable].levels
        found = self.variables[event.variable].index_of(str(event.value), tuple(levels))
        if found is None:
            why = f"its levels are {', '.join(levels)}"
            raise ModelError.because("E204", f"{event.variable} is never {event.value}", why=why)
        return tuple(levels.values())[found]

    # Rows.

    def tied(self, events: Iterable[Event], alias: str) -> list[str]:
        """Return the conditions under which a row of a table is the one that events ask for."""
        made = []
        for e in events:
            asked = f"r.{self.column(e.value)}" if isinstance(e.value, Value) else self.level(e)
            made.append(f"{alias}.{self.column(Value(e.variable))} = {asked}")
        return made

    def crossed(self, rows: _Rows, new: tuple[Value, ...], unless: list[str]) -> list[str]:
        """Combine rows with all levels of new values."""
        shown = [f"r.{self.column(v)}" for v in rows.values]
        tables = [f"{rows.table} AS r"] if rows.values else []
        for i, value in enumerate(new, start=1):
            shown.append(f"l{i}.{self.column(Value(value.variable))} AS {self.column(value)}")
            tables.append(f"{self.levels(value.variable)} AS l{i}")
        return [*select(shown), f"FROM {tables[0]}", *(f"CROSS JOIN {t}" for t in tables[1:]), *unless]

    def extended(self, rows: _Rows, step: Step) -> _Rows:
        """Write rows with the new values of a step."""
        after = (*rows.values, *step.new)
        if step.support is None:
            return _Rows(self.cte(self.fresh("rows_by", after), self.crossed(rows, step.new, [])), after)
        events = step.support.together
        shown = [f"r.{self.column(v)}" for v in rows.values]
        new = {e.value: e.variable for e in events if e.value in step.new}
        shown += [f"s.{self.column(Value(new[v]))} AS {self.column(v)}" for v in step.new]
        tied = self.tied((e for e in events if e.value not in step.new), "s")
        sums = f"{self.sums(events)} AS s"
        if rows.values:
            source = [f"FROM {rows.table} AS r", joined("JOIN", sums, tied)]
        else:
            source = [f"FROM {sums}", *([f"WHERE {' AND '.join(tied)}"] if tied else [])]
        body = [*select(shown), *source]
        if not step.certain:
            given = step.support.given
            silent = f"FROM {self.sums(given)} AS g WHERE {' AND '.join(self.tied(given, 'g'))}"
            body += ["UNION ALL", *self.crossed(rows, step.new, [f"WHERE NOT EXISTS (SELECT 1 {silent})"])]
        return _Rows(self.cte(self.fresh("rows_by", after), body), after)

    def asked(self, rows: _Rows, wanted: tuple[Value, ...]) -> _Rows:
        """Write the combinations of some values that occur in rows."""
        if set(wanted) == set(rows.values) or not wanted:
            return _Rows(rows.table if wanted else "", wanted)
        shown = ", ".join(self.column(v) for v in wanted)
        return _Rows(
            self.cte(self.fresh("asked_by", wanted), [f"SELECT DISTINCT {shown}", f"FROM {rows.table}"]), wanted
        )

    # Formulas.

    def looked_up(self, found: _Select, events: tuple[Event, ...]) -> str:
        """Join the sums of some events, and return their alias."""
        alias, new = found.alias(frozenset(events))
        if new:
            table = f"{self.sums(events)} AS {alias}"
            found.joins.append(joined("LEFT JOIN", table, self.tied(events, alias)))
        return alias

    def leaf(self, node: Expr, found: _Select) -> str:
        """Return the number of a probability, a mean or a sum at each row."""
        if isinstance(node, Marginal):
            return self.marginal(node, found)
        below = self.looked_up(found, node.given)
        if isinstance(node, E):
            centre = self.columns[node.variable].centre
            mean = f"{below}.{self.sum_of(node.variable)} / {below}.weight"
            return f"{mean} + {float_literal(centre)}" if centre else mean
        above = self.looked_up(found, (*node.events, *node.given))
        return f"COALESCE({above}.weight, 0) / {below}.weight"

    def evaluated(self, node: Expr, rows: _Rows, sure: frozenset[Expr] = frozenset()) -> tuple[str, str]:
        """Write what a formula needs at some rows; return the table and the formula in its columns."""
        found, names = _Select(rows), Names({v.casefold() for v in self.names.taken}, LONGEST)
        shown = [f"r.{self.column(v)}" for v in rows.values]
        columns = {}
        for leaf in leaves(node):
            wanted = f"sum over {', '.join(map(str, leaf.bound))}" if isinstance(leaf, Marginal) else text(leaf)
            columns[leaf] = self.quoted(names.of(leaf, wanted))
            shown.append(f"{self.leaf(leaf, found)} AS {columns[leaf]}")
        source = f"{rows.table} AS r" if rows.values else "(SELECT 1 AS one) AS r"
        body = [*select(shown or ["r.one"]), f"FROM {source}", *found.joins]
        table = self.cte(self.fresh("factors_by" if rows.values else "factors", rows.values), body)
        return table, arithmetic(node, columns, self.dialect, sure)

    def marginal(self, node: Marginal, found: _Select) -> str:
        """Join a sum over values with the rows that ask for it, and return it."""
        free, steps = free_values(node), plan(node)
        asked = rows = self.asked(found.rows, free)
        for step in steps:
            rows = self.extended(rows, step)
        # What the rows were made of is observed on all of them.
        sure = frozenset(P(s.support.events, s.support.given) for s in steps if s.support and s.certain)
        table, value = self.evaluated(node.body, rows, sure)
        by = [self.column(v) for v in free]
        inner = indented([*select([*by, f"{value} AS value"]), f"FROM {table}"])
        whole = "CASE WHEN COUNT(*) = COUNT(value) THEN SUM(value) END AS value"
        group = [f"GROUP BY {', '.join(by)}"] if by else []
        empty = any(_can_find_nothing(s) for s in steps)
        body = [*select([*by, *["COUNT(*) AS terms"] * empty, whole]), "FROM (", *inner, ") AS t", *group]
        name = self.cte(self.fresh("sum_over", node.bound), body)
        alias, _ = found.alias(node)
        found.joins.append(joined("LEFT JOIN", f"{name} AS {alias}", self.same(free, alias)))
        undefined = [f"{u}.undefined = 1" for u in self.undefined(node, asked, found)]
        cases = [f"WHEN {' OR '.join(undefined)} THEN {self.dialect.nan}"] if undefined else []
        if empty:
            cases.append(f"WHEN COALESCE({alias}.terms, 0) = 0 THEN 0")
        return f"CASE {' '.join(cases)} ELSE {alias}.value END" if cases else f"{alias}.value"

    def undefined(self, node: Marginal, asked: _Rows, found: _Select) -> Iterable[str]:
        """Join the rows where some term divides by zero, be it one that the rows of the sum leave out."""
        for factor in factors(node.body):
            if not can_be_undefined(factor):
                continue
            values = free_values(factor)
            held = tuple(v for v in values if v in asked.values)
            new = tuple(v for v in values if v not in asked.values)
            rows = self.asked(asked, held)
            if new:
                rows = _Rows(self.cte(self.fresh("rows_by", values), self.crossed(rows, new, [])), (*held, *new))
            table, value = self.evaluated(factor, rows)
            shown = ", ".join([*(self.column(v) for v in held), "1 AS undefined"])
            body = [f"SELECT DISTINCT {shown}", f"FROM {table}", f"WHERE {value} = {self.dialect.nan}"]
            name = self.cte(self.fresh("undefined_by" if held else "undefined", held), body)
            alias, _ = found.alias((node, factor))
            match = self.same(held, alias) or ["TRUE"]
            found.joins.append(joined("LEFT JOIN", f"{name} AS {alias}", match))
            yield alias

    def same(self, values: Iterable[Value], alias: str) -> list[str]:
        """Return the conditions under which rows of two tables have the same values."""
        return [f"{alias}.{self.column(v)} = r.{self.column(v)}" for v in values]

    def answer(self) -> list[str]:
        """Write the query's last part, one row for each combination of free values."""
        free = free_values(self.formula)
        rows = _Rows("", ())
        if free:
            rows = _Rows(self.cte(self.fresh("answers_by", free), self.crossed(rows, free, [])), free)
        table, value = self.evaluated(self.formula, rows)
        value = f"NULLIF({value}, {self.dialect.nan})" if can_be_undefined(self.formula) else value
        names = Names({"value"}, self.dialect.longest)
        shown = [f"{self.column(v)} AS {self.quoted(names.of(v, str(v)))}" for v in free]
        # Without a complete row there is no answer, and no row of it.
        cells = f"FROM {self.made[frozenset(self.cells)]}"
        order = [f"ORDER BY {', '.join(map(str, range(1, len(free) + 1)))}"] if free else []
        exists = f"WHERE EXISTS (SELECT 1 {cells})"
        return [*select([*shown, f"{value} AS value"]), f"FROM {table}", exists, *order]


def _can_find_nothing(step: Step) -> bool:
    """Can a row have no extension at all? It has some where it is tied to nothing but conditions that occur."""
    if step.support is None:
        return False
    return any(e.value not in step.new for e in step.support.events)


def query(
    formula: Expr,
    *,
    table: str,
    columns: Mapping[str, Column],
    variables: Mapping[str, Variable],
    weight: Column | None = None,
    complete: Sequence[Column] = (),
    dialect: str = "duckdb",
) -> str:
    """Write a formula as one SQL query, whose rows are the formula's values for each combination of its free values.

    A row of the answer has the column of each free value, named by the variable (with ``_2`` where that name is taken,
    as ``value`` is), and ``value``, NULL where the data don't determine it. Rows with a missing value in any column
    used are left out, as are those whose weight isn't positive. Where none is left, the answer has no row.

    Args:
        formula: of `P`, `E`, sums, products, powers and numbers.
        table: where the rows are, as SQL: the quoted name of a table, or what stands after FROM.
        columns: how each variable of the formula is read; its levels are those that the answer lists.
        variables: the declared variables, which name levels.
        weight: each row's weight, a `number`; without it each row counts once.
        complete: further columns in which a row that is used has a value.
        dialect: ``duckdb``, ``spark`` or ``postgres``.

    Raises:
        EstimationError: no such dialect (E520), an outcome that is no number (E506), a variable without levels (E504),
            a node that counts can't tell (E590).
        ModelError: a level that a variable doesn't have (E204).

    >>> columns = {"X": Column('"X"', {"0": "0", "1": "1"})}
    >>> print(query(P(["X"]), table="people", columns=columns, variables={"X": Variable("X")}).strip())
    -- P(X)
    WITH complete_rows AS (
    ...
    SELECT
        "X" AS "X",
        "P(X)" AS value
    FROM factors_by_x
    WHERE EXISTS (SELECT 1 FROM cells)
    ORDER BY 1
    """
    chosen = dialect_named(dialect)
    words = {w.casefold() for w in re.findall(r"\w+", table)}
    names = Names(set(OWN), chosen.longest)
    writer = _Writer(formula, columns, variables, chosen, Names(words), names)
    header = "".join(c if c.isprintable() else " " for c in text(formula))
    if not leaves(formula):
        return f"-- {header}\nSELECT CAST({arithmetic(formula, {}, chosen)} AS {chosen.double}) AS value\n"
    writer.count(table, weight, complete)
    last = writer.answer()
    # Names and literals may hold line breaks: lines are laid out as lists, since a text must not be indented inside.
    parts = ("\n".join([f"{name} AS (", *indented(body), ")"]) for name, body in writer.ctes)
    return "\n".join([f"-- {header}", "WITH " + ",\n\n".join(parts), "", *last, ""])
