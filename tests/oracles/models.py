"""Random discrete structural models over a DAG or an ADMG, and their exact distributions.

Each two-headed edge becomes a latent parent of its two ends. Nothing is estimated and nothing is sampled: observed
and interventional distributions come by the (truncated) factorisation over the whole model, latents summed out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalgraph.graphs.mixed import Edge, MixedGraph

__all__ = ["DiscreteModel", "random_model"]

Array = NDArray[np.float64]
Key = str | Edge

LEAST = 0.05


@dataclass(frozen=True)
class DiscreteModel:
    """A graph, the number of levels of each variable, and a table P(node | parents) a node.

    A two-headed edge is itself the key of its latent parent. A table's axes are the parents, then the node.
    """

    graph: MixedGraph
    levels: Mapping[Key, int]
    parents: Mapping[Key, tuple[Key, ...]]
    tables: Mapping[Key, Array]

    def distribution(self, names: Sequence[str], *, do: Sequence[str] = ()) -> Array:
        """Return P(names) or, for every combination of levels of `do` at once, P(names | do): axes (*do, *names).

        This is the truncated factorisation: the tables of the nodes in `do` are left out, and all else is summed.
        """
        number = {key: i for i, key in enumerate(self.tables)}
        operands: list[Any] = []
        for key, table in self.tables.items():
            if key not in do:
                operands += [table, [number[k] for k in (*self.parents[key], key)]]
        for key in do:
            operands += [np.ones(self.levels[key]), [number[key]]]
        return np.asarray(np.einsum(*operands, [number[k] for k in (*do, *names)], optimize="greedy"))

    def observed(self) -> tuple[tuple[str, ...], Array]:
        """Return the observed variables, as the graph orders them, and their exact joint distribution."""
        names = tuple(node for node in self.graph.nodes if node in self.graph.observed)
        return names, self.distribution(names)

    def effect(self, outcomes: Sequence[str], do: Sequence[str], given: Sequence[str] = ()) -> Array:
        """Return P(outcomes | do, given) with axes (*do, *given, *outcomes)."""
        joint = self.distribution((*given, *outcomes), do=do)
        over = tuple(range(joint.ndim - len(outcomes), joint.ndim))
        return np.asarray(joint / joint.sum(axis=over, keepdims=True))


def random_model(rng: np.random.Generator, graph: MixedGraph, *, most_levels: int = 3) -> DiscreteModel:
    """Return a model with two to `most_levels` levels a variable and strictly positive random tables."""
    two_headed = [e for e in graph.edges if e.mark == "<->"]
    keys: list[Key] = [*graph.nodes, *two_headed]
    parents: dict[Key, tuple[Key, ...]] = dict.fromkeys(two_headed, ())
    for node in graph.nodes:
        arrows = [e.left for e in graph.edges if e.mark == "->" and e.right == node]
        parents[node] = (*arrows, *(e for e in two_headed if node in (e.left, e.right)))
    levels = {key: int(rng.integers(2, most_levels + 1)) for key in keys}
    tables = {}
    for key in keys:
        shape = tuple(levels[p] for p in parents[key])
        drawn = rng.dirichlet(np.ones(levels[key]), size=shape)
        tables[key] = LEAST + (1 - LEAST * levels[key]) * drawn
    return DiscreteModel(graph, levels, parents, tables)
