"""Discrete structural models with latents, and their exact distributions.

A model gives each variable a table P(variable | parents). Each two-headed edge stands for a latent common cause of its
ends. Nothing is sampled: distributions, before and after an intervention, are sums of products of tables, taken by
eliminating one variable after another.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalgraph.graphs.mixed import Edge, MixedGraph

__all__ = ["MOST_CELLS", "DiscreteModel", "Factor", "Key", "TooLargeError", "contract", "random_model"]

Array = NDArray[np.float64]
Key = str | Edge

# Tables larger than this aren't made; 2^22 numbers take 32 MB.
MOST_CELLS = 2**22
# No probability of a random table is smaller, so that no conditional rests on next to nothing.
LEAST = 0.05


class TooLargeError(Exception):
    """An exact sum needs a table of more than `MOST_CELLS` cells."""


@dataclass(frozen=True)
class Factor:
    """An array and what its axes are."""

    axes: tuple[Hashable, ...]
    table: NDArray[Any]


@dataclass(frozen=True)
class DiscreteModel:
    """A graph with a table P(variable | parents) for each variable; a table's axes are the parents, then the variable.

    The key of a latent variable that a two-headed edge stands for is that edge. `parents` are those that the table
    depends on: the graph's or fewer.
    """

    graph: MixedGraph
    parents: Mapping[Key, tuple[Key, ...]]
    tables: Mapping[Key, Array]

    @cached_property
    def levels(self) -> dict[Key, int]:
        """How many values each variable has."""
        return {key: table.shape[-1] for key, table in self.tables.items()}

    def distribution(self, names: Sequence[str], *, do: Sequence[str] = ()) -> Array:
        """Return P(names) or, for every combination of values of `do` at once, P(names | do): axes (*do, *names).

        This is the truncated factorisation: the tables of the variables in `do` are left out, all else is summed.

        Raises:
            TooLargeError: a table on the way would have more than `MOST_CELLS` cells.

        Source: J. Pearl, Causality (2009), section 1.3.1.
        """
        factors = [Factor((*self.parents[k], k), self.tables[k]) for k in self._above(names, do)]
        factors += [Factor((name,), np.ones(self.levels[name])) for name in do]
        return contract(factors, (*do, *names))

    def effect(self, outcomes: Sequence[str], do: Sequence[str], given: Sequence[str] = ()) -> Array:
        """Return P(outcomes | do, given) with axes (*do, *given, *outcomes)."""
        joint = self.distribution((*given, *outcomes), do=do)
        over = tuple(range(joint.ndim - len(outcomes), joint.ndim))
        return np.asarray(joint / joint.sum(axis=over, keepdims=True))

    def _above(self, names: Iterable[Key], do: Collection[str]) -> Iterator[Key]:
        """Yield what the distribution of ``names`` depends on under an intervention: their ancestors."""
        waiting = [n for n in names if n not in do]
        seen = set(waiting)
        while waiting:
            key = waiting.pop()
            yield key
            fresh = [p for p in self.parents[key] if p not in seen and p not in do]
            seen.update(fresh)
            waiting += fresh


def contract(factors: Iterable[Factor], kept: Sequence[Hashable]) -> NDArray[Any]:
    """Multiply factors and sum over all axes that aren't kept; those that are come in the given order.

    Axes go one by one, the one that leaves the smallest table first.

    Raises:
        TooLargeError: a table would have more than `MOST_CELLS` cells.

    >>> a, b = Factor(("x", "y"), np.array([[0.5, 0.5], [0.25, 0.75]])), Factor(("x",), np.array([0.5, 0.5]))
    >>> contract([a, b], ["y"]).tolist()
    [0.375, 0.625]

    Source: R. Dechter, "Bucket elimination" (1999), doi:10.1016/S0004-3702(99)00059-4, with the min-weight order.
    """
    left = list(factors)
    sizes = {axis: n for f in left for axis, n in zip(f.axes, f.table.shape, strict=True)}
    touching: dict[Hashable, frozenset[Hashable]] = {}  # an axis that goes -> all that its factors mention
    for axis in sizes:
        if axis not in kept:
            touching[axis] = _mentioned(f for f in left if axis in f.axes)
    while touching:
        axis = min(touching, key=lambda a: prod(sizes[b] for b in touching[a]))
        scope = touching.pop(axis) - {axis}
        bucket = [f for f in left if axis in f.axes]
        left = [f for f in left if axis not in f.axes]
        left.append(_product(bucket, tuple(scope), sizes))
        for other in scope & touching.keys():
            touching[other] = _mentioned(f for f in left if other in f.axes)
    return _product(left, tuple(kept), sizes).table


def _mentioned(factors: Iterable[Factor]) -> frozenset[Hashable]:
    return frozenset(axis for f in factors for axis in f.axes)


def _product(factors: Sequence[Factor], kept: tuple[Hashable, ...], sizes: Mapping[Hashable, int]) -> Factor:
    """Multiply factors and sum over what isn't kept, at once."""
    axes = dict.fromkeys([*kept, *(axis for f in factors for axis in f.axes)])
    if prod(sizes[a] for a in axes) > MOST_CELLS:
        raise TooLargeError(f"an exact sum over {len(axes)} variables at once")
    number = {axis: i for i, axis in enumerate(axes)}
    operands: list[Any] = []
    for f in factors:
        operands += [f.table, [number[a] for a in f.axes]]
    for axis in kept:
        if not any(axis in f.axes for f in factors):
            operands += [np.ones(sizes[axis]), [number[axis]]]
    out = np.einsum(*operands, [number[a] for a in kept], optimize="greedy") if operands else np.ones(())
    return Factor(kept, np.asarray(out))


def random_model(rng: np.random.Generator, graph: MixedGraph, *, levels: Mapping[Key, int]) -> DiscreteModel:
    """Return a model with strictly positive random tables.

    Args:
        rng: where the tables come from.
        graph: a dag or an admg; its latent nodes are variables like all others.
        levels: how many values each node, and the latent of each two-headed edge, has.

    Raises:
        TooLargeError: a table would have more than `MOST_CELLS` cells.
    """
    arrows: dict[Key, list[Key]] = {n: [] for n in graph.nodes}
    for edge in graph.edges:
        if edge.mark == "->":
            arrows[edge.right].append(edge.left)
        else:
            arrows[edge] = []
            arrows[edge.left].append(edge)
            arrows[edge.right].append(edge)
    tables = {}
    for key, above in arrows.items():
        shape = tuple(levels[p] for p in above)
        if prod(shape) * levels[key] > MOST_CELLS:
            raise TooLargeError(f"a table over {len(shape)} parents")
        drawn = rng.dirichlet(np.ones(levels[key]), size=shape)
        tables[key] = LEAST + (1 - LEAST * levels[key]) * drawn
    return DiscreteModel(graph, {k: tuple(a) for k, a in arrows.items()}, tables)
