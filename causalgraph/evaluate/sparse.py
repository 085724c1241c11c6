"""A formula over discrete variables, evaluated on the cells that occur, with its gradient over them.

The dense evaluator lays out every combination of levels. This one looks only at the rows that a sum needs: each sum
starts from the values that are asked of it, extends them by what was observed with them (`domain.plan`), and looks its
factors up there. Values, what is determined, and errors are those of the dense evaluator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from math import prod
from typing import Any, Literal

import numpy as np
from sympy import Add, Expr, Mul, Number, Pow

from causalgraph.data.counts import Counts
from causalgraph.data.keys import Codes, numbered
from causalgraph.errors import EstimationError
from causalgraph.evaluate.contraction import settled
from causalgraph.evaluate.domain import Step, can_be_undefined, factors, free_values, plan
from causalgraph.evaluate.lookup import Booleans, Floats, Table, affordable
from causalgraph.evaluate.table import MOST_SCORES, Evaluated, covariance, require_few, scored
from causalgraph.formula.nodes import E, Event, Level, Marginal, P, Value
from causalgraph.variables import Variable

__all__ = ["evaluate_sparse"]

# The rows that a part is looked up at: the code of each value, all of one length.
Rows = Mapping[Value, Codes]


@dataclass(eq=False)
class _Part:
    """Numbers at some rows, which of them are determined, and how to send a gradient back."""

    data: Floats
    valid: Booleans
    back: Callable[[Floats], None]
    gradient: Floats | None = None

    def add(self, gradient: Floats) -> None:
        self.gradient = gradient if self.gradient is None else self.gradient + gradient


@dataclass
class _Record:
    """Builds the parts of a formula at rows, over one table of counts."""

    counts: Counts
    variables: Mapping[str, Variable]
    parts: list[_Part] = field(default_factory=list)
    tables: dict[tuple[str, ...], Table] = field(default_factory=dict)
    summed: dict[tuple[tuple[str, ...], int | None], Floats] = field(default_factory=dict)
    plans: dict[Marginal, tuple[Step, ...]] = field(default_factory=dict)
    by_table: dict[tuple[tuple[str, ...], int | None], Floats] = field(default_factory=dict)
    codes: Codes = field(init=False)

    def __post_init__(self) -> None:
        # Column by column, as they are read.
        self.codes = np.asfortranarray(self.counts.codes)

    def part(self, data: Floats, valid: Booleans, back: Callable[[Floats], None]) -> _Part:
        self.parts.append(_Part(data, valid, back))
        return self.parts[-1]

    def size(self, value: Value) -> int:
        return len(self.counts.levels[self.counts.axis(value.variable)])

    # Leaves: sums of the counts.

    def table(self, names: tuple[str, ...]) -> Table:
        if names not in self.tables:
            axes = [self.counts.axis(n) for n in names]
            sizes = tuple(len(self.counts.levels[a]) for a in axes)
            self.tables[names] = Table.of(tuple(self.codes[:, a] for a in axes), sizes, len(self.codes))
        return self.tables[names]

    def columns(self, events: Iterable[Event], rows: Rows, length: int) -> list[Codes]:
        """Return the code of each event's variable at the rows."""
        return [
            np.broadcast_to(np.intp(self.counts.place(self.variables[e.variable], e.value.text)), length)
            if isinstance(e.value, Level)
            else rows[e.value]
            for e in events
        ]

    def leaf(self, events: tuple[Event, ...], outcome: int | None, rows: Rows, length: int) -> _Part:
        """Look up the sum of weights, or of an outcome, of the events at each row; nothing observed sums to zero."""
        events = tuple(sorted(events, key=lambda e: self.counts.axis(e.variable)))
        names = tuple(e.variable for e in events)
        table, source = self.table(names), (names, outcome)
        if source not in self.summed:
            self.summed[source] = table.sum(self.counts.weight if outcome is None else self.counts.sums[:, outcome])
        found = table.find(self.columns(events, rows, length), length)
        some = found >= 0
        data = np.zeros(length)
        data[some] = self.summed[source][found[some]]

        def back(gradient: Floats) -> None:
            passed = _grouped(found[some], gradient[some], len(table.known))
            self.by_table[source] = self.by_table[source] + passed if source in self.by_table else passed

        return self.part(data, np.ones(length, dtype=bool), back)

    def ratio(self, top: _Part, bottom: _Part) -> _Part:
        """Divide; a ratio over nothing is marked as no number."""
        some = bottom.data > 0
        safe = np.where(some, bottom.data, 1)
        data = np.where(some, top.data / safe, 0)

        def back(gradient: Floats) -> None:
            passed = np.where(some, gradient / safe, 0)
            top.add(passed)
            bottom.add(-passed * data)

        return self.part(data, some, back)

    # Nodes.

    def probability(self, node: P, rows: Rows, length: int) -> _Part:
        both = self.leaf((*node.events, *node.given), None, rows, length)
        return self.ratio(both, self.leaf(node.given, None, rows, length))

    def expectation(self, node: E, rows: Rows, length: int) -> _Part:
        outcome = self.counts.outcomes.index(node.variable)
        total = self.leaf(node.given, outcome, rows, length)
        mean = self.ratio(total, self.leaf(node.given, None, rows, length))
        return self.sum([mean, self.constant(float(self.counts.centre[outcome]), length)])

    def constant(self, value: float, length: int) -> _Part:
        return self.part(np.full(length, value), np.ones(length, dtype=bool), lambda _: None)

    def times(self, a: _Part, b: _Part) -> _Part:
        # What never happens needs no conditional; a division by zero (NaN) isn't mended by it.
        never_a, never_b = (a.data == 0) & ~np.isnan(b.data), (b.data == 0) & ~np.isnan(a.data)
        valid = (a.valid & b.valid) | (a.valid & never_a) | (b.valid & never_b)
        # What isn't a number passes no gradient on: it would spoil that of the numbers beside it.
        left, right = (np.where(np.isnan(p.data), 0, p.data) for p in (a, b))

        def back(gradient: Floats) -> None:
            a.add(gradient * right)
            b.add(gradient * left)

        return self.part(a.data * b.data, valid, back)

    def sum(self, terms: list[_Part]) -> _Part:
        def back(gradient: Floats) -> None:
            for term in terms:
                term.add(gradient)

        valid = reduce(np.logical_and, [t.valid for t in terms])
        data = [t.data for t in terms]
        return self.part(settled(reduce(np.add, data), data), np.asarray(valid), back)

    def power(self, node: Pow, rows: Rows, length: int) -> _Part:
        base, exponent = self.build(node.base, rows, length), int(node.exp)
        usable = base.valid & ((base.data != 0) | (exponent > 0))
        safe = np.where(usable, base.data, 1)

        def back(gradient: Floats) -> None:
            base.add(np.where(usable, gradient * exponent * safe ** (exponent - 1), 0))

        return self.part(np.where(usable, safe**exponent, np.nan), usable, back)

    def marginal(self, node: Marginal, rows: Rows, length: int) -> _Part:
        """Sum over the rows at which the body can differ from zero, once for each combination that is asked for."""
        free = free_values(node)
        asked, which = self.distinct({v: rows[v] for v in free}, length)
        many = len(asked[free[0]]) if free else 1
        inner, group = self.domain(node, asked, many)
        body = self.build(node.body, inner, len(group))
        data = _grouped(group, body.data, many)
        valid = np.bincount(group[~body.valid], minlength=many) == 0
        undefined = self.undefined(node, asked, many)
        data = np.where(undefined, np.nan, data)[which]

        def back(gradient: Floats) -> None:
            body.add(_grouped(which, gradient, many)[group])

        return self.part(data, (valid & ~undefined)[which], back)

    def distinct(self, rows: Rows, length: int) -> tuple[dict[Value, Codes], Codes]:
        """Return the rows that differ, and which of them each row is."""
        first, which = numbered(list(rows.values()), [self.size(v) for v in rows], length)
        return {v: c[first] for v, c in rows.items()}, which

    def domain(self, node: Marginal, asked: Rows, many: int) -> tuple[dict[Value, Codes], Codes]:
        """Return the rows to sum over, and the row asked for that each belongs to."""
        if node not in self.plans:
            self.plans[node] = plan(node)
        rows, group = dict(asked), np.arange(many)
        for step in self.plans[node]:
            rows, group = self.extended(rows, group, step)
        return rows, group

    def extended(self, rows: dict[Value, Codes], group: Codes, step: Step) -> tuple[dict[Value, Codes], Codes]:
        if step.support is None:
            return self.crossed(rows, group, step.new)
        given, length = step.support.given, len(group)
        speaks = self.leaf(given, None, rows, length).data > 0
        known, silent = ({v: c[keep] for v, c in rows.items()} for keep in (speaks, ~speaks))
        events = step.support.together
        table = self.table(tuple(e.variable for e in events))
        tied = tuple(i for i, e in enumerate(events) if e.value not in step.new)
        columns = self.columns([events[i] for i in tied], known, int(speaks.sum()))
        asked, found = table.matches(tied, columns, int(speaks.sum()))
        joined = {v: c[asked] for v, c in known.items()}
        joined |= {e.value: table.codes(i, found) for i, e in enumerate(events) if i not in tied}
        if speaks.all():
            return joined, group[asked]
        every, rest = self.crossed(silent, group[~speaks], step.new)
        affordable(len(asked) + len(rest))
        together = {v: np.concatenate([c, every[v]]) for v, c in joined.items()}
        return together, np.concatenate([group[speaks][asked], rest])

    def crossed(
        self, rows: dict[Value, Codes], group: Codes, new: tuple[Value, ...]
    ) -> tuple[dict[Value, Codes], Codes]:
        """Combine rows with all levels of new values."""
        shape = tuple(self.size(v) for v in new)
        affordable(len(group) * prod(shape))
        if not new:
            return rows, group
        if not len(group):
            return rows | dict.fromkeys(new, group), group
        levels = np.unravel_index(np.tile(np.arange(prod(shape)), len(group)), shape)
        repeated = {v: np.repeat(c, prod(shape)) for v, c in rows.items()}
        return repeated | dict(zip(new, levels, strict=True)), np.repeat(group, prod(shape))

    def undefined(self, node: Marginal, asked: Rows, many: int) -> Booleans:
        """Tell where some term divides by zero, be it one that the domain leaves out."""
        found = np.zeros(many, dtype=bool)
        for factor in factors(node.body):
            if can_be_undefined(factor):
                values = free_values(factor)
                held = {v: c for v, c in asked.items() if v in values}
                rows, group = self.crossed(held, np.arange(many), tuple(v for v in values if v in node.bound))
                found[group[np.isnan(self.build(factor, rows, len(group)).data)]] = True
        return found

    def build(self, node: Expr, rows: Rows, length: int) -> _Part:
        for kind, builder in BUILDERS:
            if isinstance(node, kind):
                return builder(self, node, rows, length)
        raise EstimationError.because("E590", f"a formula of counts can't hold {type(node).__name__}")

    def derivative(self, of: _Part) -> tuple[Floats, Floats]:
        """Return the derivatives of a part of one row by the cells' weights and sums."""
        self.by_table = {}
        of.add(np.ones(1))
        for part in reversed(self.parts):
            if part.gradient is not None:
                part.back(part.gradient)
        by_weight, by_sum = np.zeros_like(self.counts.weight), np.zeros_like(self.counts.sums)
        for (names, outcome), gradient in self.by_table.items():
            passed = gradient[self.table(names).place]
            if outcome is None:
                by_weight += passed
            else:
                by_sum[:, outcome] += passed
        return by_weight, by_sum


BUILDERS: tuple[tuple[type, Callable[[_Record, Any, Rows, int], _Part]], ...] = (
    (P, _Record.probability),
    (E, _Record.expectation),
    (Marginal, _Record.marginal),
    (Mul, lambda record, node, rows, n: reduce(record.times, [record.build(f, rows, n) for f in node.args])),
    (Add, lambda record, node, rows, n: record.sum([record.build(t, rows, n) for t in node.args])),
    (Pow, _Record.power),
    (Number, lambda record, node, _, n: record.constant(float(node), n)),
)


def _grouped(group: Codes, numbers: Floats, many: int) -> Floats:
    """Sum numbers by their group."""
    return np.asarray(np.bincount(group, numbers, minlength=many), dtype=float)


@np.errstate(over="ignore", invalid="ignore")  # what floats can't hold is marked as not determined
def evaluate_sparse(
    formula: Expr,
    counts: Counts,
    variables: Mapping[str, Variable],
    errors: Literal["none", "each", "joint"] = "each",
) -> Evaluated:
    """Evaluate a formula on the observed cells alone; what comes out is what `table.evaluate` says, and laid out alike.

    It takes time and memory by the cells that occur, not by those that could. Its tables of what is free stay dense.

    Args:
        formula: in the variables of ``counts``; its free values become the axes of the answer.
        counts: the cells, and the sums of the outcomes that stand in an `E`.
        variables: the declared variables, which name levels.
        errors: ``none`` computes values alone, ``each`` a standard error for each, ``joint`` keeps the derivatives as
            well, unless there are too many.

    Raises:
        ModelError: a level that a variable doesn't have (E204).
        EstimationError: even what must be looked at is too much (E503), or a node that counts can't tell (E590).
    """
    record = _Record(counts, variables)
    axes = free_values(formula)
    levels = tuple(counts.levels[counts.axis(v.variable)] for v in axes)
    shape = tuple(map(len, levels))
    affordable(prod(shape))
    values, valid, deviations = np.zeros(shape), np.zeros(shape, dtype=bool), np.full(shape, np.nan)
    if errors == "none" or counts.weighting == "exact":
        rows = dict(zip(axes, (c.reshape(-1) for c in np.indices(shape)), strict=True))
        part = record.build(formula, rows, prod(shape))
        known = (part.valid & np.isfinite(part.data)).reshape(shape)
        return Evaluated(axes, levels, part.data.reshape(shape), known, deviations)
    require_few(shape)
    scores: list[tuple[Floats, Floats]] = []
    # One row at a time: the rows that a number is summed over are walked back for that number alone.
    for place in np.ndindex(shape):
        record.parts = []
        part = record.build(formula, {v: np.array([c]) for v, c in zip(axes, place, strict=True)}, 1)
        values[place], valid[place] = part.data[0], part.valid[0] and np.isfinite(part.data[0])
        slopes = 0 * counts.weight, 0 * counts.sums
        if valid[place]:
            slopes = g, h = record.derivative(part)
            deviations[place] = np.sqrt(max(float(covariance(g[None], h[None], counts)[0, 0]), 0.0))
        if errors == "joint" and prod(shape) * len(counts.weight) <= MOST_SCORES:
            scores.append(slopes)
    found = Evaluated(axes, levels, values, valid, deviations)
    return scored(found, scores)
