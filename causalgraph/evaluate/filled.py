"""A formula over counts in which every conditional has a number: what was never observed is filled.

Each part of the formula is an array with one axis a value; along an axis that isn't there it is constant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from sympy import Add, Expr, Mul, Number, Pow

from causalgraph.data.counts import Counts
from causalgraph.errors import EstimationError
from causalgraph.evaluate.table import MOST_CELLS
from causalgraph.formula.nodes import E, Event, Level, Marginal, P, Value
from causalgraph.variables import Variable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["ONE", "Filled", "Named", "contract"]


@dataclass(frozen=True)
class Named:
    """An array and the value of each of its axes."""

    axes: tuple[Value, ...]
    data: Array


ONE = Named((), np.ones(()))


def contract(factors: Sequence[Named], keep: Collection[Value]) -> Named:
    """Multiply, and sum over all axes but those to keep."""
    axes = tuple(dict.fromkeys(v for f in factors for v in f.axes))
    number = {v: i for i, v in enumerate(axes)}
    kept = tuple(v for v in axes if v in keep)
    operands: list[object] = []
    for factor in factors:
        operands += [factor.data, [number[v] for v in factor.axes]]
    return Named(kept, np.asarray(np.einsum(*operands, [number[v] for v in kept], optimize="greedy")))  # type: ignore[call-overload]  # its stubs know strings alone


@dataclass
class Filled:
    """A formula over counts in which each conditional that was never observed is filled: uniformly, or with zeros.

    What smoothed counts tend to as the smoothing goes to nothing is the uniform filling, so that a formula which sums
    to 1 over the outcomes for every positive distribution does so filled.
    """

    counts: Counts
    variables: Mapping[str, Variable]
    uniform: bool = True
    zero: dict[Expr, Named] = field(default_factory=dict)

    def weights(self, names: Sequence[str]) -> Array:
        """Return the weight of each combination of levels."""
        axes = [self.counts.axis(n) for n in names]
        shape = tuple(len(self.counts.levels[a]) for a in axes)
        if prod(shape) > MOST_CELLS:
            raise EstimationError.because("E503", f"the formula needs a table of {prod(shape):,} cells")
        if not names:
            return np.asarray(self.counts.total)
        place = np.ravel_multi_index(tuple(self.counts.codes[:, axes].T), shape)
        return np.bincount(place, weights=self.counts.weight, minlength=prod(shape)).astype(float).reshape(shape)

    def at(self, events: Sequence[Event], data: Array) -> Named:
        """Pick the levels that events name; the other axes keep their values."""
        held = [
            self.counts.place(self.variables[e.variable], e.value.text) if isinstance(e.value, Level) else slice(None)
            for e in events
        ]
        return Named(tuple(e.value for e in events if isinstance(e.value, Value)), np.asarray(data[tuple(held)]))

    def seen(self, node: P | E) -> Named:
        """Return 1 where the condition of a term was observed, else 0."""
        return self.at(node.given, (self.weights([e.variable for e in node.given]) > 0).astype(float))

    def term(self, node: P | E) -> Named:
        """Return a conditional with its gaps filled; of a mean only where it is known, as 1."""
        if isinstance(node, E):
            seen = self.seen(node)
            return replace(seen, data=np.ones_like(seen.data)) if self.uniform else seen
        events = (*node.given, *node.events)
        joint = self.weights([e.variable for e in events])
        over = tuple(range(len(node.given), joint.ndim))
        total = joint.sum(axis=over, keepdims=True)
        size = prod(joint.shape[i] for i in over)
        known = np.divide(joint, total, out=np.full(joint.shape, 1 / size if self.uniform else 0.0), where=total > 0)
        return self.at(events, known)

    def value(self, node: Expr) -> Named:
        """Return the numbers of a part of the formula."""
        if isinstance(node, P | E):
            return self.term(node)
        if isinstance(node, Marginal):
            body = list(node.body.args) if isinstance(node.body, Mul) else [node.body]
            factors = [self.value(f) for f in body]
            return contract(factors, {v for f in factors for v in f.axes} - set(node.bound))
        if isinstance(node, Mul):
            factors = [self.value(f) for f in node.args]
            return contract(factors, {v for f in factors for v in f.axes})
        if isinstance(node, Add):
            return self.sum([self.value(t) for t in node.args])
        if isinstance(node, Pow):
            return self.power(node)
        if isinstance(node, Number):
            return Named((), np.asarray(float(node)))
        raise EstimationError.because("E590", f"a formula of counts can't hold {type(node).__name__}")

    def sum(self, terms: Sequence[Named]) -> Named:
        """Add terms, each constant along the axes that it lacks."""
        full = {v: n for t in terms for v, n in zip(t.axes, t.data.shape, strict=True)}
        ones = Named(tuple(full), np.ones(tuple(full.values())))
        spread = [contract([ones, t], full) for t in terms]
        return Named(ones.axes, np.sum([t.data for t in spread], axis=0))

    def power(self, node: Pow) -> Named:
        """Raise to a power; what divides is filled uniformly always, so that a gap in it doesn't look like support."""
        exponent = int(node.exp)
        base = (replace(self, uniform=True) if exponent < 0 else self).value(node.base)
        usable = (base.data > 0) | (exponent > 0)
        if not usable.all():
            self.zero[node.base] = replace(base, data=(~usable).astype(float))
        return replace(base, data=np.where(usable, np.where(usable, base.data, 1.0) ** exponent, 0.0))

    def slopes(self, node: Expr, slope: Named, places: Collection[Value]) -> Iterator[tuple[P | E, Named]]:
        """Yield each term with the derivative by it of the formula's sum over all axes but the places."""
        if isinstance(node, P | E):
            yield node, slope
        elif isinstance(node, Marginal):
            yield from self.slopes(node.body, slope, places)
        elif isinstance(node, Mul):
            factors = [self.value(f) for f in node.args]
            for i, (part, own) in enumerate(zip(node.args, factors, strict=True)):
                others = [slope, *factors[:i], *factors[i + 1 :]]
                yield from self.slopes(part, contract(others, {*own.axes, *places}), places)
        elif isinstance(node, Add):
            full = self.value(node)
            ones = replace(full, data=np.ones_like(full.data))
            for part in node.args:
                inner = contract([slope, ones], {*self.value(part).axes, *places})
                yield from self.slopes(part, inner, places)
        elif isinstance(node, Pow):
            base = self.value(node.base)
            steep = self.value(Pow(node.base, node.exp - 1, evaluate=False))
            inner = contract([slope, replace(steep, data=int(node.exp) * steep.data)], {*base.axes, *places})
            yield from self.slopes(node.base, inner, places)
