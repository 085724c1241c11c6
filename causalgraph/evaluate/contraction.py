"""A formula over counts as a record of dense arrays, contracted in a good order, with its gradient over the cells.

Each part of the formula becomes an array with one axis for each of its free values. A sum of a product isn't laid out
over all values at once: one bound value after another is summed out of the factors that hold it (variable elimination),
so that the largest array has the axes of one such step. Equal sub-expressions are computed once.

The parts are recorded as they are computed, so that one pass backwards gives the derivative of a number by the weight
of every cell and by every sum of an outcome.

A ratio with an empty denominator is no number. It stays marked through all that depends on it, except where it is
multiplied by a number that is exactly zero: what never happens needs no conditional. A division of zero by zero that
the formula itself spells out is NaN, which nothing mends.

Source: R. Dechter, "Bucket elimination", Artif. Intell. 113 (1999) 41-85, doi:10.1016/S0004-3702(99)00059-4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Add, Expr, Mul, Number, Pow

from causalgraph.data.counts import Counts
from causalgraph.errors import EstimationError
from causalgraph.formula.nodes import E, Event, Level, Marginal, P, Value
from causalgraph.variables import Variable

__all__ = ["MOST_CELLS", "REPLICATE", "Array", "Layout", "Part", "Record", "settled"]

# Arrays larger than this aren't made; 1e7 numbers take 80 MB.
MOST_CELLS = 10_000_000
# A sum of terms that cancel to within so many of their size is zero.
ROUNDED = 8 * np.finfo(float).eps

# The axis of replicates, always last: the innermost loops run along it. No variable's value has this prime.
REPLICATE = Value("replicate", -1)

Array = NDArray[Any]  # of floats, or complex where a test differentiates by the complex step
Bools = NDArray[np.bool_]
Axes = tuple[Value, ...]


@dataclass(eq=False)
class Part:
    """An array on the record.

    Attributes:
        axes: the free values, one an axis.
        data: the numbers.
        valid: which of them are determined; None where all are.
        zero: which count as exactly zero when multiplied; None where those do that are determined and equal zero. A
            sum on the way to a larger one counts so only if each of its terms does, not if they cancel.
        back: sends a gradient on to the parts that this one was made of.
    """

    axes: Axes
    data: Array
    valid: Bools | None
    zero: Bools | None
    back: Callable[[Array], None]
    gradient: Array | None = None

    def add(self, gradient: Array) -> None:
        """Take in a share of the gradient."""
        self.gradient = gradient if self.gradient is None else self.gradient + gradient

    @property
    def known(self) -> Bools:
        """Which numbers are determined, as an array."""
        return np.ones(self.data.shape, dtype=bool) if self.valid is None else self.valid

    @property
    def never(self) -> Bools:
        """Which numbers are exactly zero."""
        if self.zero is not None:
            return self.zero
        zero = np.asarray(self.data == 0)
        return zero if self.valid is None else zero & self.valid


@dataclass(frozen=True)
class Layout:
    """Where the cells go that some events pick: the cells, their places in the array, its axes and shape."""

    cells: NDArray[np.intp]
    place: NDArray[np.intp]
    axes: Axes
    shape: tuple[int, ...]


@dataclass
class Record:
    """Builds the parts of formulas over one table of counts.

    Attributes:
        counts: the cells.
        variables: the declared variables, which name levels.
        replicates: weights ``(k, B)`` and sums of outcomes ``(k, m, B)`` of ``B`` replicates that take the place of the
            counted ones; every array then ends in an axis of replicates.
        layouts: where cells go in the arrays, which records over the same counts may share.
        parts: all parts in the order in which they were made.
        by_weight: the derivative of a number by the weights, ``(k,)``, after `derivative`.
        by_sum: the same by the sums, ``(k, m)``.
        built: the part of each node.
        leaves: the part of each sum of cells.
    """

    counts: Counts
    variables: Mapping[str, Variable]
    replicates: tuple[Array, Array] | None = None
    layouts: dict[tuple[Event, ...], Layout] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    built: dict[Expr, Part] = field(default_factory=dict)
    leaves: dict[tuple[tuple[Event, ...], int | None], Part] = field(default_factory=dict)
    by_weight: Array = field(init=False)
    by_sum: Array = field(init=False)

    def part(
        self, axes: Axes, data: Array, valid: Bools | None, back: Callable[[Array], None], zero: Bools | None = None
    ) -> Part:
        """Put an array on the record."""
        self.parts.append(Part(axes, data, None if valid is None or valid.all() else valid, zero, back))
        return self.parts[-1]

    # Leaves: sums of the counts.

    def layout(self, events: tuple[Event, ...]) -> Layout:
        """Return where cells go: those at the levels that events name, along an axis for each other event."""
        if events not in self.layouts:
            free = [e for e in events if not isinstance(e.value, Level)]
            held = np.ones(len(self.counts.weight), dtype=bool)
            for event in events:
                if isinstance(event.value, Level):
                    level = self.counts.place(self.variables[event.variable], event.value.text)
                    held &= self.counts.codes[:, self.counts.axis(event.variable)] == level
            columns = [self.counts.axis(e.variable) for e in free]
            shape = tuple(len(self.counts.levels[c]) for c in columns)
            _affordable(shape)
            cells = np.flatnonzero(held)
            codes = tuple(self.counts.codes[cells, c] for c in columns)
            place = np.ravel_multi_index(codes, shape) if shape else np.zeros(len(cells), dtype=np.intp)
            # Cells of one place stand side by side, so that replicates are added up in one go.
            order = np.argsort(place, kind="stable")
            axes = tuple(e.value for e in free if isinstance(e.value, Value))
            self.layouts[events] = Layout(cells[order], place[order], axes, shape)
        return self.layouts[events]

    def leaf(self, events: tuple[Event, ...], outcome: int | None) -> Part:
        """Sum weights, or an outcome, over all variables but those of the events."""
        key = (events, outcome)
        if key in self.leaves:
            return self.leaves[key]
        laid = self.layout(events)
        weight, sums = self.replicates or (self.counts.weight, self.counts.sums)
        numbers = weight if outcome is None else sums[:, outcome]

        def back(gradient: Array) -> None:
            passed = gradient.reshape(-1)[laid.place]
            if outcome is None:
                self.by_weight[laid.cells] += passed
            else:
                self.by_sum[laid.cells, outcome] += passed

        several = numbers.shape[1:]
        data = _added(numbers[laid.cells], laid.place, prod(laid.shape)).reshape((*laid.shape, *several))
        self.leaves[key] = self.part((*laid.axes, *((REPLICATE,) if several else ())), data, None, back)
        return self.leaves[key]

    def ratio(self, top: Part, bottom: Part) -> Part:
        """Divide; a ratio over nothing is marked as no number."""
        below = _align(bottom.data, bottom.axes, top.axes)
        some = np.real(below) > 0
        safe = below if some.all() else np.where(some, below, 1)
        data = top.data / safe if some.all() else np.where(some, top.data / safe, 0)

        def back(gradient: Array) -> None:
            passed = np.where(some, gradient / safe, 0)
            top.add(passed)
            bottom.add(_reduce(-passed * data, top.axes, bottom.axes))

        return self.part(top.axes, data, None if some.all() else np.broadcast_to(some, data.shape), back)

    # Nodes.

    def probability(self, node: P) -> Part:
        """Build a conditional probability."""
        return self.ratio(self.leaf((*node.events, *node.given), None), self.leaf(node.given, None))

    def expectation(self, node: E) -> Part:
        """Build a conditional expectation."""
        outcome = self.counts.outcomes.index(node.variable)
        mean = self.ratio(self.leaf(node.given, outcome), self.leaf(node.given, None))
        return self.sum([mean, self.constant(self.counts.centre[outcome])])

    def constant(self, value: float) -> Part:
        """Build a number."""
        return self.part((), np.asarray(value), None, lambda _: None)

    def marginal(self, node: Marginal) -> Part:
        """Build a sum over bound values, each summed out of the factors that hold it."""
        bound = set(node.bound)
        factors = [self.build(f) for f in _factors(node.body)]
        if bound - {v for f in factors for v in f.axes}:
            raise EstimationError.because("E590", "a sum binds a value that its terms don't mention")
        marked = any(f.valid is not None for f in factors)
        while bound:
            chosen = min(bound, key=lambda v: _cost(v, factors))
            holding = [f for f in factors if chosen in f.axes]
            factors = [f for f in factors if chosen not in f.axes]
            ready = {v for v in bound if not any(v in f.axes for f in factors)} & {v for f in holding for v in f.axes}
            factors.append(self.summed(self.product(holding), ready, marked=marked))
            bound -= ready
        out = self.product(factors)
        # To what stands outside, the sum is zero where its number is.
        out.zero = None
        return out

    def summed(self, part: Part, over: set[Value], *, marked: bool) -> Part:
        """Sum over some axes; ``marked`` says that some factor isn't determined, and which terms are zero matters."""
        summed = tuple(i for i, v in enumerate(part.axes) if v in over)

        def back(gradient: Array) -> None:
            part.add(np.broadcast_to(np.expand_dims(gradient, summed), part.data.shape))

        return self.part(
            tuple(v for v in part.axes if v not in over),
            np.asarray(part.data.sum(axis=summed)),
            None if part.valid is None else np.asarray(part.valid.all(axis=summed)),
            back,
            np.asarray(part.never.all(axis=summed)) if marked else None,
        )

    def product(self, factors: Sequence[Part]) -> Part:
        """Multiply, small arrays first."""
        return reduce(self.times, sorted(factors, key=lambda f: f.data.size))

    def times(self, a: Part, b: Part) -> Part:
        """Multiply two parts."""
        axes = _union([a, b])
        left, right = _align(a.data, a.axes, axes), _align(b.data, b.axes, axes)
        _affordable(np.broadcast_shapes(left.shape, right.shape), axes)
        data = np.asarray(left * right)
        valid, zero = None, None
        if not (a.valid is None and b.valid is None and a.zero is None and b.zero is None):
            # What never happens needs no conditional; a division by zero (NaN) isn't mended by it.
            zero = (_align(a.never, a.axes, axes) | _align(b.never, b.axes, axes)) & ~np.isnan(data)
            valid = (_align(a.known, a.axes, axes) & _align(b.known, b.axes, axes)) | zero

        def back(gradient: Array) -> None:
            # What isn't a number passes no gradient on: it would spoil that of the numbers beside it.
            a.add(_reduce(gradient * np.where(np.isnan(right), 0, right), axes, a.axes))
            b.add(_reduce(gradient * np.where(np.isnan(left), 0, left), axes, b.axes))

        return self.part(axes, data, valid, back, zero)

    def sum(self, terms: Sequence[Part]) -> Part:
        """Add."""
        axes = _union(terms)
        data = [_align(t.data, t.axes, axes) for t in terms]
        _affordable(np.broadcast_shapes(*(d.shape for d in data)), axes)
        total = settled(np.asarray(reduce(np.add, data)), data)
        valid = None
        if any(t.valid is not None for t in terms):
            known = reduce(np.logical_and, [_align(t.known, t.axes, axes) for t in terms])
            valid = np.broadcast_to(known, total.shape)

        def back(gradient: Array) -> None:
            for term in terms:
                term.add(_reduce(gradient, axes, term.axes))

        return self.part(axes, total, valid, back)

    def power(self, node: Pow) -> Part:
        """Raise to a whole power; a division by zero gives NaN."""
        base, exponent = self.build(node.base), int(node.exp)
        usable = base.known & ((base.data != 0) | (exponent > 0))
        safe = np.where(usable, base.data, 1)

        def back(gradient: Array) -> None:
            base.add(np.where(usable, gradient * exponent * safe ** (exponent - 1), 0))

        return self.part(base.axes, np.where(usable, safe**exponent, np.nan), usable, back)

    def build(self, node: Expr) -> Part:
        """Build a formula; an equal one was perhaps built before.

        Raises:
            ModelError: a level that a variable doesn't have (E204).
            EstimationError: an array would be too large (E503); the formula holds what counts can't tell (E590).
        """
        if node not in self.built:
            for kind, builder in BUILDERS:
                if isinstance(node, kind):
                    self.built[node] = builder(self, node)
                    break
            else:
                raise EstimationError.because("E590", f"a formula of counts can't hold {type(node).__name__}")
        return self.built[node]

    def derivative(self, of: Part, place: tuple[int, ...]) -> tuple[Array, Array]:
        """Return the derivatives of one number by the cells' weights ``(k,)`` and sums ``(k, m)``."""
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


BUILDERS: tuple[tuple[type, Callable[[Record, Any], Part]], ...] = (
    (P, Record.probability),
    (E, Record.expectation),
    (Marginal, Record.marginal),
    (Mul, lambda record, node: record.product([record.build(f) for f in _factors(node)])),
    (Add, lambda record, node: record.sum([record.build(t) for t in node.args])),
    (Pow, Record.power),
    (Number, lambda record, node: record.constant(float(node))),
)


def _factors(node: Expr) -> Iterator[Expr]:
    """Yield the factors of a product, those of products inside it as well."""
    if isinstance(node, Mul):
        for factor in node.args:
            yield from _factors(factor)
    else:
        yield node


def _cost(value: Value, factors: Iterable[Part]) -> tuple[int, int, str, int]:
    """Say what summing a value out costs: the size of what is left, then of what is summed; then goes the name."""
    lengths = {v: n for f in factors if value in f.axes for v, n in zip(f.axes, f.data.shape, strict=True)}
    size = prod(lengths.values())
    return size // max(lengths[value], 1), size, value.variable, value.prime


def _added(numbers: Array, place: NDArray[np.intp], size: int) -> Array:
    """Add numbers ``(k,)`` or ``(k, B)`` up by place, which is sorted."""
    if numbers.ndim == 1 and not np.iscomplexobj(numbers):
        return np.bincount(place, weights=numbers, minlength=size)
    out = np.zeros((size, *numbers.shape[1:]), dtype=numbers.dtype)
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    if len(starts):
        out[place[starts]] = np.add.reduceat(numbers, starts, axis=0)
    return out


def settled(total: Array, terms: Sequence[Array]) -> Array:
    """Return a sum with what rounding left of nothing as nothing, lest something be divided by it."""
    size = reduce(np.add, [np.abs(t) for t in terms])
    return np.where(np.abs(total) <= ROUNDED * size, 0, total)


def _affordable(shape: tuple[int, ...], axes: Axes = ()) -> None:
    """Refuse arrays of too many cells; replicates don't count, as they are made in blocks."""
    cells = prod(shape[:-1] if axes[-1:] == (REPLICATE,) else shape)
    if cells > MOST_CELLS:
        raise EstimationError.because(
            "E503",
            f"the formula needs a table of {cells:,} cells, over the limit of {MOST_CELLS:,}",
            why="every combination of levels of its variables is a cell",
            fix="coarsen the levels, or adjust for fewer variables",
        )


def _union(parts: Sequence[Part]) -> Axes:
    """Return the axes of some parts in order, that of replicates last."""
    axes = dict.fromkeys(v for p in parts for v in p.axes)
    if REPLICATE in axes:
        del axes[REPLICATE]
        axes[REPLICATE] = None
    return tuple(axes)


def _align(data: Array, axes: Axes, wanted: Axes) -> Array:
    """Reorder axes as wanted, with length 1 where one is missing."""
    if axes == wanted:
        return data
    order = [axes.index(v) for v in wanted if v in axes]
    return data.transpose(order)[tuple(slice(None) if v in axes else None for v in wanted)]


def _reduce(gradient: Array, axes: Axes, wanted: Axes) -> Array:
    """Undo `_align`: sum over the axes that aren't wanted and put the others in order."""
    if axes == wanted:
        return gradient
    summed = gradient.sum(axis=tuple(i for i, v in enumerate(axes) if v not in wanted))
    kept = [v for v in axes if v in wanted]
    return np.asarray(summed).transpose([kept.index(v) for v in wanted])
