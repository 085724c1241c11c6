"""An estimate: a number or a table, its interval, and what speaks for and against it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import floor, isfinite, log10
from typing import Any

from causalgraph.answers import Answer, Block, Document, Table, Word, line

__all__ = ["SMALLEST", "Estimate", "Row", "decimals", "number"]

# The warning that strata lack an arm.
SUPPORT = "W501"
# Digits shown of a number that comes without an error.
PLAIN_DIGITS = 4
# Errors below this are rounding, and support no digit.
SMALLEST = 1e-12
# A level that is written as numbers are, without leading zeros or separators.
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")


@dataclass(frozen=True)
class Row:
    """A row of a table: levels, value, error, interval; None where the data don't determine it.

    `joint` is wider than `interval`: the intervals of that name hold for all rows of the table at once.
    """

    levels: Mapping[str, str]
    value: float | None
    std_error: float | None
    interval: tuple[float, float] | None
    joint: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the levels beside ``value``; a variable of that name becomes ``value_``."""
        row: dict[str, Any] = {}
        for name, level in self.levels.items():
            key = name
            while key == "value" or key in row or (key != name and key in self.levels):
                key += "_"
            row[key] = _level(level)
        return row | {"value": self.value}


@dataclass(frozen=True)
class Estimate(Answer):
    """The answer to a numeric query.

    `table` holds one row for each combination of what was left free; `value`, `std_error` and `interval` are its only
    row's where nothing was. `naive` is what the same comparison says without adjustment, `supported` the share of the
    population whose strata have every arm,
    `failing` the largest strata that don't, `failing_strata` how many don't. `diagnostics` are what an expert looks at
    before believing an estimator: balance, weights, overlap.
    """

    query: str
    rows: tuple[Row, ...]
    level: float
    method: str
    n: float
    dropped: int
    warnings: tuple[str, ...]
    identification: tuple[Answer, ...]
    covariates: tuple[str, ...] = ()
    strata: int = 1
    naive: float | None = None
    naive_of: str = ""
    supported: float = 1.0
    failing: tuple[Mapping[str, Any], ...] = ()
    failing_strata: int = 0
    formula: str | None = None
    notes: tuple[str, ...] = ()
    unit: str | None = None
    versus: Mapping[str, str] | None = None
    compared: Mapping[str, str] = field(default_factory=dict)
    diagnostics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def single(self) -> Row | None:
        """The only row, where nothing was left free."""
        return self.rows[0] if len(self.rows) == 1 and not self.rows[0].levels else None

    @property
    def value(self) -> float | None:
        """The number, where there is one."""
        return self.single.value if self.single else None

    @property
    def std_error(self) -> float | None:
        """Its standard error; None for an exact distribution."""
        return self.single.std_error if self.single else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Its interval."""
        return self.single.interval if self.single else None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "kind": "estimate",
            "query": self.query,
            "formula": self.formula,
            "value": self.value,
            "std_error": self.std_error,
            "interval": _list(self.interval),
            "table": [r.to_dict() for r in self.rows],
            "std_errors": [r.std_error for r in self.rows],
            "intervals": [_list(r.interval) for r in self.rows],
            "simultaneous": [_list(r.joint) for r in self.rows],
            "level": self.level,
            "method": self.method,
            "n": int(self.n) if float(self.n).is_integer() else self.n,
            "dropped": self.dropped,
            "warnings": list(self.warnings),
            "notes": list(self.notes),
            "naive": self.naive,
            "supported": self.supported,
            "failing": [dict(f) for f in self.failing],
            "failing_strata": self.failing_strata,
            "diagnostics": dict(self.diagnostics),
            "unit": self.unit,
            "versus": dict(self.versus) if self.versus else None,
            "identification": self.identification[0].to_dict() if self.identification else None,
            "identifications": [i.to_dict() for i in self.identification],
        }

    def document(self) -> Document:
        """Show the number or the table, then what one should know of it."""
        # What part of the population a number speaks of must be read before the number.
        first, others = (
            [w for w in self.warnings if w.startswith(SUPPORT) is about_support] for about_support in (True, False)
        )
        rows: list[Block] = [line(Word("⚠ ", "warn"), w) for w in first]
        unit = f" {self.unit}" if self.unit else ""
        how = f"n = {self.n:,.10g}   {self.method}"
        if self.covariates and not self.strata:
            how += f", adjusted for {', '.join(self.covariates)}"
        elif self.covariates:
            how += f" over {self.strata:,} strat{'um' if self.strata == 1 else 'a'} of {', '.join(self.covariates)}"
            how += ", each with every arm" * (self.supported == 1)
        if self.single:
            ends = _interval(self.single, self.single.interval)
            shown = f"   {self.level:.0%} {ends}" if ends else ""
            rows.append(line(Word(_shown(self.single) + unit, "strong"), shown, f"   {how}"))
        else:
            rows += [self._table(unit), line(how)]
        if self.versus and self.single:
            rows.append(line(Word(f"{_levels(self.compared)} against {_levels(self.versus)}", "dim")))
        if self.dropped:
            lost = (
                "1 row with missing values was"
                if self.dropped == 1
                else f"{self.dropped:,} rows with missing values were"
            )
            rows.append(line(f"{lost} left out", depth=0))
        rows += [line(Word(n, "dim")) for n in self.notes]
        if self.naive is not None:
            rows.append(line(Word(f"a plain {self.naive_of} would have said {self.naive:.3g}", "dim")))
        rows += [line(Word("⚠ ", "warn"), w) for w in others]
        return Document(tuple(rows))

    def _table(self, unit: str) -> Table:
        names = tuple(self.rows[0].levels) if self.rows else ()
        what = f"against {_levels(self.versus)}" if self.versus else "value"
        joint = any(r.joint for r in self.rows)
        head = (
            *names,
            what + (f" ({unit.strip()})" if unit else ""),
            f"{self.level:.0%} interval",
            *["all at once"] * joint,
        )
        body = tuple(
            (
                *(r.levels[n] for n in names),
                _shown(r),
                _interval(r, r.interval),
                *[_interval(r, r.joint)] * joint,
            )
            for r in self.rows
        )
        return Table(head, body, frozenset({len(names)}))


def decimals(error: float | None) -> int | None:
    """Return how many decimals an error supports: two of its own digits; None where there is no error.

    >>> decimals(0.245), decimals(37.0)
    (2, 0)
    """
    if error is None or not isfinite(error) or error < SMALLEST:
        return None
    return max(0, 1 - floor(log10(error)))


def number(value: float, places: int | None) -> str:
    """Write a number to so many decimals, or to four digits where none are said.

    >>> number(7.9349, 2), number(0.44525, None)
    ('7.93', '0.4452')
    """
    if places is None:
        return f"{value if abs(value) >= SMALLEST else 0:.{PLAIN_DIGITS}g}"
    return f"{value + 0.0:,.{places}f}"


def _levels(levels: Mapping[str, str]) -> str:
    return ", ".join(f"{k}={v}" for k, v in levels.items())


def _shown(row: Row) -> str:
    return "not determined" if row.value is None else number(row.value, decimals(row.std_error))


def _interval(row: Row, interval: tuple[float, float] | None) -> str:
    if interval is None:
        return ""
    places = decimals(row.std_error)
    low, high = (number(end, places) for end in interval)
    return f"[{low}, {high}]"


def _list(pair: tuple[float, float] | None) -> list[float] | None:
    return None if pair is None else list(pair)


def _level(level: str) -> str | int | float:
    """Return a level as the number that it writes, if it writes one."""
    if not NUMBER.fullmatch(level):
        return level
    return float(level) if "." in level else int(level)
