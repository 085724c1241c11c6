"""The ID algorithm word for word, with nothing tidied: a source of long formulas, and a small reader of formulas.

Source: I. Shpitser, J. Pearl, "Identification of joint interventional distributions in recursive semi-Markovian causal
models" (AAAI 2006), figure 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Add, Expr, Integer, Mul, Pow

from causalgraph.formula.nodes import Event, Marginal, P, Value
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.relations import topological_order

__all__ = ["numbers", "raw"]

Array = NDArray[np.float64]
Names = tuple[str, ...]


class _HedgeFoundError(Exception):
    pass


def raw(graph: MixedGraph, x: set[str], y: set[str]) -> Expr | None:
    """Return ID's formula for P(y | do(x)) over an ADMG, or None where there is none."""
    order = topological_order(graph)
    arrows = {(e.left, e.right) for e in graph.edges if e.mark == "->"}
    pairs = {frozenset((e.left, e.right)) for e in graph.edges if e.mark == "<->"}
    try:
        return _identify(set(y), set(x), _Observed(order), order, arrows, pairs)
    except _HedgeFoundError:
        return None


class _Observed:
    """P(v) over some variables in topological order: each conditional is one probability."""

    def __init__(self, order: Names) -> None:
        self.order = order

    def joint(self, names: set[str]) -> Expr:
        return P(sorted(names)) if names else Integer(1)

    def conditional(self, name: str) -> Expr:
        return P([name], self.order[: self.order.index(name)])


class _Product:
    """A distribution that line 7 made: the product of conditionals, each taken from the one before."""

    def __init__(self, order: Names, factors: Sequence[Expr]) -> None:
        self.order, self.factors = order, factors

    def joint(self, names: set[str]) -> Expr:
        gone = [Value(n) for n in self.order if n not in names]
        return Marginal(Mul(*self.factors), *gone)

    def conditional(self, name: str) -> Expr:
        place = self.order.index(name)
        return self.joint(set(self.order[: place + 1])) / self.joint(set(self.order[:place]))


def _identify(y: set[str], x: set[str], p: Any, v: Names, arrows: set[Any], pairs: set[Any]) -> Expr:
    def above(names: set[str], cut: set[str] = frozenset()) -> set[str]:  # type: ignore[assignment]
        out = set(names)
        while more := {a for a, b in arrows if a in v and b in out and b not in cut} - out:
            out |= more
        return out

    def districts(names: set[str]) -> list[set[str]]:
        out: list[set[str]] = []
        for n in v:
            if n in names and not any(n in d for d in out):
                part = {n}
                while more := {m for m in names - part if any(frozenset((m, k)) in pairs for k in part)}:
                    part |= more
                out.append(part)
        return out

    def within(names: set[str]) -> Names:
        return tuple(n for n in v if n in names)

    if not x:
        return p.joint(y)
    if above(y) != set(v):
        kept = within(above(y))
        smaller = _Observed(kept) if isinstance(p, _Observed) else _Restricted(p, kept)
        return _identify(y, x & set(kept), smaller, kept, arrows, pairs)
    w = (set(v) - x) - above(y, cut=x)
    if w:
        return _identify(y, x | w, p, v, arrows, pairs)
    parts = districts(set(v) - x)
    if len(parts) > 1:
        inner = [_identify(s, set(v) - s, p, v, arrows, pairs) for s in parts]
        return Marginal(Mul(*inner), *(Value(n) for n in v if n not in y | x))
    (s,) = parts
    all_districts = districts(set(v))
    if all_districts == [set(v)]:
        raise _HedgeFoundError
    if s in all_districts:
        return Marginal(Mul(*(p.conditional(n) for n in within(s))), *(Value(n) for n in within(s - y)))
    around = next(d for d in all_districts if s < d)
    order = within(around)
    return _identify(y, x & around, _Product(order, [p.conditional(n) for n in order]), order, arrows, pairs)


class _Restricted(_Product):
    """A distribution with some variables summed out."""

    def __init__(self, whole: _Product, kept: Names) -> None:
        self.order, self.whole = kept, whole

    def joint(self, names: set[str]) -> Expr:
        return self.whole.joint(names)


def numbers(formula: Expr, names: Names, joint: Array) -> tuple[tuple[Value, ...], Array]:
    """Evaluate a formula on an exact joint distribution: the free values in order, and an axis for each."""
    axes, data = _read(formula, names, joint)
    order = sorted(range(len(axes)), key=lambda i: (axes[i].variable, axes[i].prime))
    return tuple(axes[i] for i in order), data.transpose(order)


Read = tuple[tuple[Value, ...], Array]


def _read(node: Expr, names: Names, joint: Array) -> Read:
    for kind, reader in READERS.items():
        if isinstance(node, kind):
            return reader(node, names, joint)
    raise TypeError(type(node).__name__)


def _probability(node: P, names: Names, joint: Array) -> Read:
    def over(events: Sequence[Event]) -> Array:
        kept = [names.index(e.variable) for e in events]
        summed = joint.sum(axis=tuple(i for i in range(len(names)) if i not in kept))
        return summed.transpose([sorted(kept).index(k) for k in kept])

    both, given = over((*node.events, *node.given)), over(node.given)
    return tuple(e.value for e in (*node.events, *node.given)), both / given


def _combine(operation: Callable[[Array, Array], Array], reads: Sequence[Read]) -> Read:
    axes = tuple(dict.fromkeys(v for a, _ in reads for v in a))

    def aligned(read: Read) -> Array:
        have, data = read
        data = data.transpose([have.index(v) for v in axes if v in have])
        return data.reshape([data.shape[[w for w in axes if w in have].index(v)] if v in have else 1 for v in axes])

    return axes, reduce(operation, map(aligned, reads))


def _marginal(node: Marginal, names: Names, joint: Array) -> Read:
    axes, data = _read(node.body, names, joint)
    assert set(node.bound) <= set(axes)
    return tuple(v for v in axes if v not in node.bound), data.sum(axis=tuple(axes.index(v) for v in node.bound))


def _power(node: Pow, names: Names, joint: Array) -> Read:
    axes, data = _read(node.base, names, joint)
    return axes, data ** int(node.exp)


READERS: Mapping[type, Callable[[Any, Names, Array], Read]] = {
    P: _probability,
    Marginal: _marginal,
    Mul: lambda node, names, joint: _combine(np.multiply, [_read(f, names, joint) for f in node.args]),
    Add: lambda node, names, joint: _combine(np.add, [_read(f, names, joint) for f in node.args]),
    Pow: _power,
    Integer: lambda node, _names, _joint: ((), np.asarray(float(node))),
}
