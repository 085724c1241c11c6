"""What the columns of some data are to the variables of a model: their kinds, levels and numbers.

Every problem is found before a number is computed: a missing column (E301), unreadable values (E302), an undeclared
level (E303), two columns of one name (E305), infinite numbers (E306), no rows at all (E307), values that are no levels
or no numbers (E308).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from math import isfinite
from re import fullmatch

import numpy as np

from causalgraph.data.engine import Engine, Facts, Number
from causalgraph.data.raw import NUMERAL
from causalgraph.errors import DataError, did_you_mean
from causalgraph.names import natural
from causalgraph.variables import Kind, Variable, canonical, level_text

__all__ = ["Columns"]

# An undeclared column of whole numbers with more distinct values than this is a count, not a set of levels.
MOST_LEVELS = 20


@dataclass(frozen=True)
class Columns:
    """The columns of an engine, by the variables that they hold.

    Attributes:
        engine: what holds the rows.
        columns: renames, variable -> column.
        name: what messages call the data.
        na: the marks of missing values that the engine goes by.
    """

    engine: Engine
    columns: Mapping[str, str] = field(default_factory=dict)
    name: str = "the data"
    na: tuple[str, ...] = ()
    _levels: dict[Variable, tuple[str, ...]] = field(default_factory=dict, repr=False, compare=False)
    _kinds: dict[Variable, Kind] = field(default_factory=dict, repr=False, compare=False)

    @property
    def size(self) -> int:
        """How many rows there are."""
        return self.engine.rows

    @cached_property
    def _by_name(self) -> dict[str, str | None]:
        """The columns by name and by name in normal form; None where a name stands twice."""
        found: dict[str, str | None] = {level_text(c): c for c in self.engine.columns}
        found |= {c: c for c in self.engine.columns}
        seen: set[str] = set()
        for c in self.engine.columns:
            if c in seen:
                found[c] = None
            seen.add(c)
        return found

    def column(self, variable: str) -> str:
        """Return the name of a variable's column, as the data spell it.

        Raises:
            DataError: there is none (E301), or more than one (E305).
        """
        wanted = self.columns.get(variable, variable)
        known = self.engine.columns
        # Names are in Unicode normal form C, columns as their author typed them.
        if wanted not in self._by_name:
            near = did_you_mean(wanted, known)
            raise DataError.because(
                "E301",
                f"{self.name} has no column {wanted!r}" + (f"; did you mean {near!r}?" if near else ""),
                why=f"the columns are {', '.join(map(repr, known[:12]))}" + ", …" * (len(known) > 12),
                fix=f'rename in the model: data "…" {{ {variable} = "{near or "its column"}" }}',
            )
        found = self._by_name[wanted]
        if found is None:
            raise DataError.because("E305", f"{self.name} has more than one column {wanted!r}", fix="rename one")
        return found

    def prepare(self, variables: Sequence[Variable]) -> None:
        """Say which variables a question will be about, so that one pass may tell what all their columns are.

        Raises:
            DataError: there are no rows (E307).
        """
        if not self.size:
            raise DataError.because("E307", f"{self.name} has no rows", fix="pass data that has some")
        names = dict.fromkeys(self.columns.get(v.name, v.name) for v in variables if not v.latent)
        columns = [c for c in (self._by_name.get(name) for name in names) if c is not None]
        self.engine.prepare(columns)

    def facts(self, variable: str) -> Facts:
        """Tell what a variable's column is."""
        return self.engine.facts(self.column(variable))

    def kind(self, variable: Variable) -> Kind:
        """Return the declared kind, or the one that the column shows."""
        if variable.kind is not None:
            return variable.kind
        if variable not in self._kinds:
            self._kinds[variable] = self._read_kind(variable)
        return self._kinds[variable]

    def _read_kind(self, variable: Variable) -> Kind:
        facts = self.facts(variable.name)
        if facts.storage == "boolean":
            return "binary"
        if facts.storage != "number" or facts.low is None or facts.high is None:
            return "categorical"
        if not facts.whole or facts.endless:
            return "continuous"
        if facts.low >= 0 and facts.high <= 1:
            return "binary"
        few = self.engine.values(self.column(variable.name), MOST_LEVELS)
        if few is not None:
            return "categorical"
        return "count" if facts.low >= 0 else "continuous"

    def levels(self, variable: Variable) -> tuple[str, ...]:
        """Return the levels of a discrete variable: as declared, else those of the data in natural order.

        Raises:
            DataError: the data holds a level that isn't declared, or a binary variable has more than two (E303).
        """
        if variable not in self._levels:
            self._levels[variable] = self._read_levels(variable)
        return self._levels[variable]

    def values(self, name: str) -> list[object]:
        """Return the distinct raw values of a variable's column."""
        return self.engine.values(self.column(name)) or []

    def _read_levels(self, variable: Variable) -> tuple[str, ...]:
        seen = _in_order({level_text(v) for v in self.values(variable.name)})
        if not variable.levels:
            return self._binary_levels(variable, seen) if variable.kind == "binary" else seen
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

    def _binary_levels(self, variable: Variable, seen: tuple[str, ...]) -> tuple[str, ...]:
        """Return the two levels of a binary variable, the one that counts as 1 last.

        Raises:
            DataError: there are more than two; two are one number, written in two ways; one of two codes is called 0
                or 1 and isn't; or there is one word alone, which tells nobody whether it is the one that counts (E303).
        """
        name, shown = variable.name, ", ".join(seen[:5]) + ", …" * (len(seen) > len(seen[:5]))
        if set(seen) <= {"0", "1"}:
            return ("0", "1")
        declare = f"declare what it is: {name} : {{{shown}}}"
        if len(seen) > len("01"):
            what = f"{name} is binary, but takes {len(seen):,} values: {shown}"
            raise DataError.because("E303", what, fix=f"{declare}, or continuous")
        if len({canonical(level) for level in seen}) < len(seen):
            what = f"{name} is binary, but coded {shown}, which are one number"
            raise DataError.because("E303", what, fix="write a level alike in every row, or turn the two into words")
        if {"0", "1"} & set(seen):
            what = f"{name} is binary, but coded {shown}, so that {name}=1 could mean two things"
            raise DataError.because("E303", what, fix=declare)
        if len(seen) < len("01"):
            what = f"{name} is binary, but always {shown}: nothing tells whether that counts as 0 or as 1"
            raise DataError.because("E303", what, fix=f"declare both levels: {name} : {{…, {shown}}}")
        return seen

    def number(self, variable: Variable) -> Number:
        """Say how a variable's column counts as a number; a binary's levels count as 0 and 1.

        Raises:
            DataError: a value can't be read as a number (E302), isn't finite (E306), is a date or complex (E308), or is
                negative or a fraction where a count is declared (E303).
        """
        column = self.column(variable.name)
        if variable.kind == "binary":
            # Its levels tell all, without a look at the numbers.
            places = self.places(variable)
            return Number(column, {v: float(places[level_text(v)]) for v in self.values(variable.name)})
        facts = self.facts(variable.name)
        if facts.storage in ("time", "complex", "other"):
            held = {"time": "dates or durations", "complex": "complex numbers", "other": "values that aren't numbers"}
            raise DataError.because(
                "E308",
                f"{variable.name} holds {held[facts.storage]}",
                why="their mean has no unit that a reader would expect",
                fix="turn them into numbers, such as days, in the data",
            )
        if facts.storage == "text":
            read = self._read_texts(variable.name)
            _check_count(variable, min(read.values(), default=0.0), whole=all(v % 1 == 0 for v in read.values()))
            return Number(column, read)
        if facts.endless:
            row = self.first_row(column, np.inf, -np.inf)
            raise DataError.because(
                "E306",
                f"{variable.name}: {f'row {row + 1}' if row is not None else 'a value'} is infinite "
                f"({facts.endless:,} rows are)",
                fix="mend the rows, or mark them as missing",
            )
        _check_count(variable, facts.low or 0.0, whole=facts.whole or facts.low is None)
        return Number(column, None, facts.mean or 0.0)

    def _read_texts(self, name: str) -> dict[object, float]:
        """Read each distinct text of a column as a number."""
        column = self.column(name)
        read = {value: _read(value) for value in self.values(name)}
        unread = [value for value, number in read.items() if number is None]
        if unread:
            cells = self.engine.cells([column], [], None, squared=False)
            many = sum(
                int(rows)
                for (code,), rows in zip(cells.codes.tolist(), cells.rows, strict=True)
                if read[cells.values[0][code]] is None
            )
            places = {value: self.engine.first(column, value) for value in unread[:MOST_LEVELS]}
            first = min(places, key=lambda v: (places[v] is None, places[v]))
            where = "a value" if places[first] is None else f"row {(places[first] or 0) + 1}"
            raise DataError.because(
                "E302",
                f"{name}: {where} is {str(first)!r}; {many:,} of {self.size:,} can't be read as numbers",
                why="a mean needs numbers",
                fix=f'if it marks a missing value: data "…" {{ na = "{first}" }}; else declare its levels',
            )
        return {value: number for value, number in read.items() if number is not None}

    def first_row(self, column: str, *values: object) -> int | None:
        """Return the first row, from 0, that holds one of some values; None where rows have no order."""
        found = [row for row in (self.engine.first(column, v) for v in values) if row is not None]
        return min(found, default=None)

    def places(self, variable: Variable) -> dict[str, int]:
        """Return the place of each level, by how the model and how the data write it."""
        levels = self.levels(variable)
        return {canonical(level): i for i, level in enumerate(levels)} | {level: i for i, level in enumerate(levels)}


def _read(value: object) -> float | None:
    """Read a text as a finite number."""
    try:
        found = float(str(value))
    except ValueError:
        return None
    # Python reads 1_000 as a number; nothing else does.
    return found if isfinite(found) and "_" not in str(value) else None


def _check_count(variable: Variable, low: float, *, whole: bool) -> None:
    """Hold what is declared a count against the data.

    Raises:
        DataError: it is negative or a fraction somewhere (E303).
    """
    if variable.kind != "count" or (low >= 0 and whole):
        return
    found = f"goes down to {low:g}" if low < 0 else "holds numbers that aren't whole"
    raise DataError.because(
        "E303", f"{variable.name} is a count, but {found}", fix=f"declare it continuous: {variable.name} : continuous"
    )


def _in_order(levels: set[str]) -> tuple[str, ...]:
    """Sort levels as numbers where all are numbers, else as names; the text decides between equal ones.

    Numbers are compared exactly: to floats, 2**53 and 2**53 + 1 are one, and which comes first is left to chance.
    """
    if all(fullmatch(NUMERAL, level.strip()) for level in levels):
        return tuple(sorted(levels, key=lambda level: (Decimal(level.strip()), level)))
    return tuple(sorted(levels, key=lambda level: (natural(level), level)))
