"""Identification, decided twice without the package: by the published algorithm, and by linear algebra.

`identify` is a literal transcription of ID and IDC over plain sets. It returns an expression, which `value` evaluates
on a full joint table, or the hedge of the failing line.

`locally_identified` knows no algorithm at all. It takes a random point in the space of models with latents and asks
whether the gradient of the query lies in the row space of the Jacobian of P(V). Where it doesn't, a direction exists
in which P(V) stands still to first order and the query moves; at a generic point the Jacobian's rank is constant
nearby, so the fibre of P(V) is a smooth set with that direction in its tangent space and the query isn't constant on
it. So *no* means: not identified (up to the numerical decision of a rank). *Yes* means: constant near that point on
the fibre of P(V), among models whose latents have so many levels; that is necessary for identifiability, and generic
local identifiability is all it proves.

Source: I. Shpitser and J. Pearl, "Identification of joint interventional distributions in recursive semi-Markovian
causal models" (AAAI 2006), figure 3; the same, "Identification of conditional interventional distributions" (UAI
2006), figure 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Expression",
    "Hedge",
    "PlainGraph",
    "identify",
    "locally_identified",
    "plain",
    "random_joint",
    "separated",
    "value",
]

Array = NDArray[Any]
Names = frozenset[str]


@dataclass(frozen=True)
class PlainGraph:
    """An ADMG in plain sets; `order` is topological."""

    order: tuple[str, ...]
    arrows: frozenset[tuple[str, str]]
    arcs: frozenset[frozenset[str]]

    def parents(self, node: str) -> Names:
        return frozenset(a for a, b in self.arrows if b == node)

    def only(self, names: Iterable[str]) -> PlainGraph:
        kept = frozenset(names)
        return PlainGraph(
            tuple(v for v in self.order if v in kept),
            frozenset(e for e in self.arrows if set(e) <= kept),
            frozenset(e for e in self.arcs if e <= kept),
        )

    def without_into(self, names: Names) -> PlainGraph:
        arcs = frozenset(e for e in self.arcs if not e & names)
        return PlainGraph(self.order, frozenset(e for e in self.arrows if e[1] not in names), arcs)

    def without_out_of(self, names: Names) -> PlainGraph:
        return PlainGraph(self.order, frozenset(e for e in self.arrows if e[0] not in names), self.arcs)

    def ancestors(self, names: Iterable[str]) -> Names:
        found = set(names) & set(self.order)
        for node in reversed(self.order):
            if any(a == node and b in found for a, b in self.arrows):
                found.add(node)
        return frozenset(found)

    def c_components(self) -> list[Names]:
        parts: list[set[str]] = [{v} for v in self.order]
        for arc in self.arcs:
            touched = [p for p in parts if p & arc]
            parts = [p for p in parts if not p & arc] + [set[str]().union(*touched)]
        return sorted(map(frozenset, parts), key=lambda p: min(map(self.order.index, p)))


def plain(nodes: Iterable[str], arrows: Iterable[Sequence[str]], arcs: Iterable[Sequence[str]] = ()) -> PlainGraph:
    """Return a graph whose nodes are put in a topological order."""
    left, pairs, order = list(nodes), frozenset((a, b) for a, b in arrows), list[str]()
    while left:
        node = next(v for v in left if not any(b == v and a in left for a, b in pairs))
        left.remove(node)
        order.append(node)
    return PlainGraph(tuple(order), pairs, frozenset(frozenset(e) for e in arcs))


# Expressions: what each evaluates to is a table over all variables, of length 1 along those it doesn't speak of.


@dataclass(frozen=True)
class Joint:
    """P(V)."""


@dataclass(frozen=True)
class Sum:
    """The sum of an expression over variables."""

    over: Names
    of: Expression


@dataclass(frozen=True)
class Product:
    """A product."""

    factors: tuple[Expression, ...]


@dataclass(frozen=True)
class Conditional:
    """P(subject | given), taken from a distribution `of` the variables in `scope`."""

    subject: Names
    given: Names
    scope: Names
    of: Expression


Expression = Joint | Sum | Product | Conditional


@dataclass(frozen=True)
class Hedge:
    """What line 5 fails on: the current variables F, and the c-component F' without the treatments.

    `x` and `y` are the sets of the (last) call of ID from outside: for a conditional query, those that IDC ended with.
    """

    big: Names
    small: Names
    x: Names
    y: Names


class _FailError(Exception):
    pass


def identify(graph: PlainGraph, x: Iterable[str], y: Iterable[str], given: Iterable[str] = ()) -> Expression | Hedge:
    """Return an expression for P(y | do(x), given), or the hedge that forbids one (IDC)."""
    x, y, z = frozenset(x), frozenset(y), frozenset(given)
    for node in sorted(z):
        if separated(graph.without_into(x).without_out_of(frozenset({node})), y, {node}, x | z - {node}):
            return identify(graph, x | {node}, y, z - {node})
    try:
        found = _id(y | z, x, Joint(), graph)
    except _FailError as failed:
        big, small = failed.args
        return Hedge(big, small, x, y | z)
    return Conditional(y, z, y | z, found) if z else found


def _id(y: Names, x: Names, p: Expression, graph: PlainGraph) -> Expression:
    v = frozenset(graph.order)
    if not x:  # line 1
        return Sum(v - y, p)
    above = graph.ancestors(y)
    if v != above:  # line 2
        return _id(y, x & above, Sum(v - above, p), graph.only(above))
    w = (v - x) - graph.without_into(x).ancestors(y)
    if w:  # line 3
        return _id(y, x | w, p, graph)
    parts = graph.only(v - x).c_components()
    if len(parts) > 1:  # line 4
        return Sum(v - (y | x), Product(tuple(_id(s, v - s, p, graph) for s in parts)))
    (s,) = parts
    whole = graph.c_components()
    if whole == [v]:  # line 5
        raise _FailError(v, s)
    if s in whole:  # line 6
        return Sum(s - y, Product(tuple(_factors(graph, s, v, p))))
    (around,) = [c for c in whole if s < c]  # line 7
    return _id(y, x & around, Product(tuple(_factors(graph, around, v, p))), graph.only(around))


def _factors(graph: PlainGraph, part: Names, v: Names, p: Expression) -> Iterator[Expression]:
    """Yield P(v_i | v_1 … v_i-1) for the members of a c-component, from the current distribution."""
    for i, node in enumerate(graph.order):
        if node in part:
            yield Conditional(frozenset({node}), frozenset(graph.order[:i]), v, p)


def value(expression: Expression, graph: PlainGraph, joint: Array) -> Array:
    """Evaluate on P(V), whose axes stand in the graph's order."""

    def total(table: Array, names: Names) -> Array:
        return np.asarray(table.sum(axis=tuple(graph.order.index(n) for n in names), keepdims=True))

    def full(table: Array, names: Names) -> Array:
        """Give the table its full length along names, where it doesn't depend on them."""
        shape = [joint.shape[i] if n in names else table.shape[i] for i, n in enumerate(graph.order)]
        return np.broadcast_to(table, shape)

    match expression:
        case Joint():
            return joint
        case Sum(over, of):
            return total(full(value(of, graph, joint), over), over)
        case Product(factors):
            return np.asarray(prod((value(f, graph, joint) for f in factors), start=np.ones([1] * joint.ndim)))
        case Conditional(subject, given, scope, of):
            table = full(value(of, graph, joint), scope)
            both = total(table, scope - subject - given)
            return np.asarray(both / total(both, subject))


def separated(graph: PlainGraph, a: Iterable[str], b: Iterable[str], given: Iterable[str]) -> bool:
    """Decide m-separation in the moral graph of the ancestors, with a parent for each arc."""
    a, b, z = set(a), set(b), set(given)
    kept = graph.ancestors(a | b | z)
    families = [
        {v, *graph.parents(v), *("arc " + " ".join(sorted(e)) for e in graph.arcs if v in e and e <= kept)}
        for v in kept
    ]
    reached = a - z
    while True:
        more = set[str]().union(*(f for f in families if f & reached)) - z - reached
        if not more:
            return not reached & b
        reached |= more


# The second way: tables with latents, complex steps, a rank.


@dataclass(frozen=True)
class _Space:
    """The models over a graph of binary nodes, each arc a latent of `levels` values; parameters are a flat vector."""

    graph: PlainGraph
    levels: int

    @property
    def arcs(self) -> list[Names]:
        return sorted(self.graph.arcs, key=sorted)

    def axes(self, node: str) -> list[object]:
        return [n for n in self.graph.order if n in self.graph.parents(node)] + [e for e in self.arcs if node in e]

    def length(self, axis: object) -> int:
        return 2 if isinstance(axis, str) else self.levels

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shapes of the free parameters: of each arc's latent, of each node's table."""
        nodes = [tuple(self.length(a) for a in self.axes(v)) for v in self.graph.order]
        return [(self.levels - 1,)] * len(self.arcs) + nodes

    def random(self, rng: np.random.Generator) -> Array:
        parts = [rng.dirichlet(np.full(self.levels, 3.0))[1:] for _ in self.arcs]
        parts += [rng.uniform(0.1, 0.9, shape).ravel() for shape in self.shapes()[len(self.arcs) :]]
        return np.concatenate([*parts, []])

    def tables(self, theta: Array) -> list[Array]:
        sizes = [prod(s) for s in self.shapes()]
        parts = np.split(theta, np.cumsum(sizes)[:-1])
        out = [np.concatenate([[1 - t.sum()], t]) for t in parts[: len(self.arcs)]]
        for t, shape in zip(parts[len(self.arcs) :], self.shapes()[len(self.arcs) :], strict=True):
            one = t.reshape(shape)
            out.append(np.stack([1 - one, one], axis=-1))
        return out

    def joint(self, theta: Array, do: Names = frozenset()) -> Array:
        """Return P(V), or P(v | do) as a function of all of V, its axes in the graph's order."""
        number: dict[object, int] = {a: i for i, a in enumerate([*self.graph.order, *self.arcs])}
        operands: list[Any] = []
        scopes: list[list[object]] = [[e] for e in self.arcs]
        scopes += [[*self.axes(v), v] for v in self.graph.order]
        for axes, table in zip(scopes, self.tables(theta), strict=True):
            if axes[-1] in do:
                operands += [np.ones(2), [number[axes[-1]]]]
            else:
                operands += [table, [number[a] for a in axes]]
        return np.asarray(np.einsum(*operands, list(range(len(self.graph.order))), optimize="greedy"))

    def query(self, theta: Array, x: Names, y: Names, given: Names) -> Array:
        """Return P(y | do(x), given) for all values at once."""
        joint = self.joint(theta, x)
        rest = tuple(i for i, n in enumerate(self.graph.order) if n not in x | y | given)
        both = joint.sum(axis=rest, keepdims=True)
        outcomes = tuple(i for i, n in enumerate(self.graph.order) if n in y)
        return np.asarray(both / both.sum(axis=outcomes, keepdims=True)).ravel()


STEP = 1e-30
SMALL = 1e-7


def locally_identified(
    rng: np.random.Generator,
    graph: PlainGraph,
    x: Iterable[str],
    y: Iterable[str],
    given: Iterable[str] = (),
    *,
    levels: int = 4,
) -> bool:
    """Is the query constant on the fibre of P(V) near a random model, to first order?"""
    x, y, z = frozenset(x), frozenset(y), frozenset(given)
    space = _Space(graph, levels)
    theta = space.random(rng)
    observed, wanted = [], []
    for i in range(len(theta)):
        moved = theta.astype(complex)
        moved[i] += STEP * 1j
        observed.append(space.joint(moved).imag.ravel() / STEP)
        wanted.append(space.query(moved, x, y, z).imag / STEP)
    jacobian, gradients = np.array(observed), np.array(wanted)  # one row a parameter
    left, sizes, _ = np.linalg.svd(jacobian, full_matrices=False)
    basis = left[:, sizes > SMALL * sizes[0]]
    outside = gradients - basis @ (basis.T @ gradients)
    return bool(np.abs(outside).max() < SMALL * max(1.0, np.abs(gradients).max()))


def random_joint(
    rng: np.random.Generator, graph: PlainGraph, x: Iterable[str], y: Iterable[str], given: Iterable[str] = ()
) -> tuple[Array, Array]:
    """Return P(V) of a random model with binary nodes, and its P(y | do(x), given), of length 1 along other axes."""
    x, y, z = frozenset(x), frozenset(y), frozenset(given)
    space = _Space(graph, 3)
    theta = space.random(rng)
    shape = [2 if n in x | y | z else 1 for n in graph.order]
    return space.joint(theta), space.query(theta, x, y, z).reshape(shape)
