"""A formula over discrete variables, evaluated on counts, with its gradient over the cells.

Each part of the formula becomes an array with one axis for each of its free values. The parts are recorded as they are
computed, so that one pass backwards gives the derivative of a number by the weight of every cell and by every sum of an
outcome, from which its standard error follows (the delta method).

A ratio with an empty denominator is no number. It stays marked through all that depends on it, except where it is
multiplied by a probability that is exactly zero: what never happens needs no conditional.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sympy import Add, Expr, Mul, Number, Pow

from causalgraph.data.counts import Counts
from causalgraph.errors import EstimationError
from causalgraph.formula.nodes import E, Event, Level, Marginal, P, Value
from causalgraph.variables import Variable

__all__ = ["MOST_CELLS", "Evaluated", "covariance", "evaluate"]

# Arrays larger than this aren't made; 1e7 numbers take 80 MB.
MOST_CELLS = 10_000_000

# Derivatives that are kept for joint intervals.
MOST_SCORES = 5_000_000
# A table of more rows isn't an answer that anyone reads; each row's error costs one pass over the formula.
MOST_ROWS = 2_000

Array = NDArray[Any]  # of floats, or complex where a test differentiates by the complex step


@dataclass(frozen=True)
class Evaluated:
    """A formula's value for each combination of its free values.

    Attributes:
        axes: the free values, one an axis.
        levels: the levels along each axis.
        values: the numbers; where `valid` is false they mean nothing.
        valid: is the value one that the data determine?
        errors: standard errors, shaped like `values`; NaN where the data are an exact distribution.
        scores: the derivatives of the ``r`` values in order, by the cells' weights ``(r, k)`` and sums ``(r, k, m)``,
            where they were asked for.
    """

    axes: tuple[Value, ...]
    levels: tuple[tuple[str, ...], ...]
    values: Array
    valid: NDArray[np.bool_]
    errors: NDArray[np.float64]
    scores: tuple[Array, Array] | None = None


@dataclass(eq=False)
class _Part:
    """An array on the record: axes, numbers, which of them are determined, and how to send a gradient back."""

    axes: tuple[Value, ...]
    data: Array
    valid: NDArray[np.bool_]
    back: Callable[[Array], None]
    gradient: Array | None = None

    def add(self, gradient: Array) -> None:
        self.gradient = gradient if self.gradient is None else self.gradient + gradient


@dataclass
class _Record:
    """Builds the parts of a formula over one table of counts."""

    counts: Counts
    variables: Mapping[str, Variable]
    parts: list[_Part] = field(default_factory=list)
    by_weight: Array = field(init=False)
    by_sum: Array = field(init=False)

    def part(
        self, axes: tuple[Value, ...], data: Array, valid: NDArray[np.bool_], back: Callable[[Array], None]
    ) -> _Part:
        self.parts.append(_Part(axes, data, valid, back))
        return self.parts[-1]

    # Leaves: sums of the counts.

    def dense(self, names: tuple[str, ...], cells: Array) -> tuple[Array, Array]:
        """Sum a number a cell into an array over some variables; also return each cell's place in it."""
        shape = tuple(len(self.counts.levels[self.counts.axis(n)]) for n in names)
        _affordable(shape)
        if not names:
            return cells.sum(keepdims=True).reshape(()), np.zeros(len(cells), dtype=np.intp)
        codes = self.counts.codes[:, [self.counts.axis(n) for n in names]]
        place = np.ravel_multi_index(tuple(codes.T), shape)
        out = np.zeros(prod(shape), dtype=cells.dtype)
        np.add.at(out, place, cells)
        return out.reshape(shape), place

    def leaf(self, names: tuple[str, ...], outcome: int | None) -> _Part:
        """Sum weights, or an outcome, over all variables but the named ones."""
        cells = self.counts.weight if outcome is None else self.counts.sums[:, outcome]
        data, place = self.dense(names, cells)

        def back(gradient: Array) -> None:
            passed = gradient.reshape(-1)[place]
            if outcome is None:
                self.by_weight += passed
            else:
                self.by_sum[:, outcome] += passed

        return self.part(tuple(Value(n) for n in names), data, np.ones(data.shape, dtype=bool), back)

    def ratio(self, top: _Part, bottom: _Part) -> _Part:
        """Divide; a ratio over nothing is marked as no number."""
        below = _align(bottom.data, bottom.axes, top.axes)
        some = np.real(below) > 0
        safe = np.where(some, below, 1)
        data = np.where(some, top.data / safe, 0)

        def back(gradient: Array) -> None:
            passed = np.where(some, gradient / safe, 0)
            top.add(passed)
            bottom.add(_reduce(-passed * data, top.axes, bottom.axes))

        return self.part(top.axes, data, np.broadcast_to(some, data.shape), back)

    def at(self, part: _Part, events: tuple[Event, ...]) -> _Part:
        """Pick the levels that events name, and label the other axes with their values."""
        index: list[slice | int] = []
        axes = []
        for event in events:
            if isinstance(event.value, Level):
                index.append(self.counts.place(self.variables[event.variable], event.value.text))
            else:
                index.append(slice(None))
                axes.append(event.value)
        key = tuple(index)

        def back(gradient: Array) -> None:
            full = np.zeros_like(part.data)
            full[key] = gradient
            part.add(full)

        return self.part(tuple(axes), part.data[key], part.valid[key], back)

    # Nodes.

    def probability(self, node: P) -> _Part:
        given = tuple(e.variable for e in node.given)
        both = (*(e.variable for e in node.events), *given)
        return self.at(self.ratio(self.leaf(both, None), self.leaf(given, None)), (*node.events, *node.given))

    def expectation(self, node: E) -> _Part:
        given = tuple(e.variable for e in node.given)
        outcome = self.counts.outcomes.index(node.variable)
        mean = self.ratio(self.leaf(given, outcome), self.leaf(given, None))
        return self.at(self.sum([mean, self.constant(self.counts.centre[outcome])]), node.given)

    def constant(self, value: float) -> _Part:
        return self.part((), np.asarray(value), np.ones((), dtype=bool), lambda _: None)

    def marginal(self, node: Marginal) -> _Part:
        body = self.build(node.body)
        summed = tuple(i for i, v in enumerate(body.axes) if v in node.bound)
        if len(summed) < len(node.bound):
            raise EstimationError.because("E590", "a sum binds a value that its terms don't mention")
        axes = tuple(v for v in body.axes if v not in node.bound)

        def back(gradient: Array) -> None:
            body.add(np.broadcast_to(np.expand_dims(gradient, summed), body.data.shape))

        return self.part(axes, body.data.sum(axis=summed), np.asarray(body.valid.all(axis=summed)), back)

    def product(self, factors: list[_Part]) -> _Part:
        return reduce(self.times, factors)

    def times(self, a: _Part, b: _Part) -> _Part:
        axes = (*a.axes, *(v for v in b.axes if v not in a.axes))
        left, right = _align(a.data, a.axes, axes), _align(b.data, b.axes, axes)
        _affordable(np.broadcast_shapes(left.shape, right.shape))
        known_a, known_b = _align(a.valid, a.axes, axes), _align(b.valid, b.axes, axes)
        # What never happens needs no conditional; a division by zero (NaN) isn't mended by it.
        never_a, never_b = (left == 0) & ~np.isnan(right), (right == 0) & ~np.isnan(left)
        valid = (known_a & known_b) | (known_a & never_a) | (known_b & never_b)

        # What isn't a number passes no gradient on: it would spoil that of the numbers beside it.
        left_number, right_number = np.where(np.isnan(left), 0, left), np.where(np.isnan(right), 0, right)

        def back(gradient: Array) -> None:
            a.add(_reduce(gradient * right_number, axes, a.axes))
            b.add(_reduce(gradient * left_number, axes, b.axes))

        return self.part(axes, left * right, valid, back)

    def sum(self, terms: list[_Part]) -> _Part:
        axes = tuple(dict.fromkeys(v for t in terms for v in t.axes))
        data = [_align(t.data, t.axes, axes) for t in terms]
        valid = [_align(t.valid, t.axes, axes) for t in terms]

        def back(gradient: Array) -> None:
            for term in terms:
                term.add(_reduce(gradient, axes, term.axes))

        return self.part(axes, reduce(np.add, data), np.asarray(reduce(np.logical_and, valid)), back)

    def power(self, node: Pow) -> _Part:
        base, exponent = self.build(node.base), int(node.exp)
        usable = base.valid & ((base.data != 0) | (exponent > 0))
        safe = np.where(usable, base.data, 1)

        def back(gradient: Array) -> None:
            base.add(np.where(usable, gradient * exponent * safe ** (exponent - 1), 0))

        return self.part(base.axes, np.where(usable, safe**exponent, np.nan), usable, back)

    def build(self, node: Expr) -> _Part:
        for kind, builder in BUILDERS:
            if isinstance(node, kind):
                return builder(self, node)
        raise EstimationError.because("E590", f"a formula of counts can't hold {type(node).__name__}")

    def derivative(self, of: _Part, place: tuple[int, ...]) -> tuple[Array, Array]:
        """Return the derivatives of one number by the cells' weights and sums."""
        for part in self.parts:
            part.gradient = None
        self.by_weight = np.zeros_like(self.counts.weight)
        self.by_sum = np.zeros_like(self.counts.sums)
        seed = np.zeros_like(of.data)
        seed[place] = 1
        of.add(seed)
        for part in reversed(self.parts):
            if part.gradient is not None:
                part.back(part.gradient)
        return self.by_weight, self.by_sum


BUILDERS: tuple[tuple[type, Callable[[_Record, Any], _Part]], ...] = (
    (P, _Record.probability),
    (E, _Record.expectation),
    (Marginal, _Record.marginal),
    (Mul, lambda record, node: record.product([record.build(f) for f in node.args])),
    (Add, lambda record, node: record.sum([record.build(t) for t in node.args])),
    (Pow, _Record.power),
    (Number, lambda record, node: record.constant(float(node))),
)


def _affordable(shape: tuple[int, ...]) -> None:
    if prod(shape) > MOST_CELLS:
        raise EstimationError.because(
            "E503",
            f"the formula needs a table of {prod(shape):,} cells, over the limit of {MOST_CELLS:,}",
            why="every combination of levels of its variables is a cell",
            fix="coarsen the levels, or adjust for fewer variables",
        )


def _align(data: Array, axes: tuple[Value, ...], wanted: tuple[Value, ...]) -> Array:
    """Reorder axes as wanted, with length 1 where one is missing."""
    order = [axes.index(v) for v in wanted if v in axes]
    return data.transpose(order).reshape([data.shape[axes.index(v)] if v in axes else 1 for v in wanted])


def _reduce(gradient: Array, axes: tuple[Value, ...], wanted: tuple[Value, ...]) -> Array:
    """Undo `_align`: sum over the axes that aren't wanted and put the others in order."""
    summed = gradient.sum(axis=tuple(i for i, v in enumerate(axes) if v not in wanted))
    kept = [v for v in axes if v in wanted]
    return np.asarray(summed).transpose([kept.index(v) for v in wanted])


@np.errstate(over="ignore", invalid="ignore")  # what floats can't hold is marked as not determined
def evaluate(
    formula: Expr,
    counts: Counts,
    variables: Mapping[str, Variable],
    errors: Literal["none", "each", "joint"] = "each",
) -> Evaluated:
    """Evaluate a formula of `P`, `E`, sums, products and numbers on counts, with standard errors.

    The standard error of f is the square root of Σ_i w_i² (∂f/∂W_c + Σ_j y_ij ∂f/∂S_cj)² over the rows i, each in its
    cell c with weight w_i and outcomes y_i. Since f doesn't change when all weights are scaled alike, these terms have
    mean zero. For rows and counts this is the delta method on multinomial cells, for survey weights the linearised
    variance.

    Args:
        formula: in the variables of ``counts``; its free values become the axes of the answer.
        counts: the cells, and the sums of the outcomes that stand in an `E`.
        variables: the declared variables, which name levels.
        errors: ``none`` computes values alone, ``each`` a standard error for each, ``joint`` keeps the derivatives as
            well, unless there are too many.

    Raises:
        ModelError: a level that a variable doesn't have (E204).
        EstimationError: the table would be too large (E503).
    """
    record = _Record(counts, variables)
    out = record.build(formula)
    out.valid = out.valid & np.isfinite(out.data)
    if out.data.size > MOST_ROWS and errors != "none":
        raise EstimationError.because(
            "E503",
            f"the answer would be a table of {out.data.size:,} rows, over the limit of {MOST_ROWS:,}",
            fix="hold some of its variables at a level",
        )
    levels = tuple(counts.levels[counts.axis(v.variable)] for v in out.axes)
    found = Evaluated(out.axes, levels, out.data, out.valid, np.full(out.data.shape, np.nan))
    if errors == "none" or counts.weighting == "exact":
        return found
    scores: list[tuple[Array, Array]] = []
    for place in np.ndindex(out.data.shape):
        if out.valid[place]:
            g, h = record.derivative(out, place)
            found.errors[place] = np.sqrt(max(float(covariance(g[None], h[None], counts)[0, 0]), 0.0))
        if errors == "joint" and out.data.size * len(counts.weight) <= MOST_SCORES:
            scores.append((g, h) if out.valid[place] else (0 * counts.weight, 0 * counts.sums))
    if not scores:
        return found
    return replace(found, scores=(np.stack([g for g, _ in scores]), np.stack([h for _, h in scores])))


def covariance(g: Array, h: Array, counts: Counts) -> NDArray[np.float64]:
    """Return the covariance of ``r`` numbers from their derivatives by weights ``(r, k)`` and sums ``(r, k, m)``."""
    cross = np.einsum("ak,bki,ki->ab", g, h, counts.squared_sums)
    own = np.einsum("aki,kij,bkj->ab", h, counts.spread, h)
    return np.real((g * counts.squared) @ g.T + cross + cross.T + own)
