"""Front-door sets by definition: every set is tried, every path is walked; and the formula's value in a model.

Sources: Pearl (1995), Causal diagrams for empirical research, definition of the front-door criterion and theorem 2;
for sets of treatments and outcomes Jeong, Tian and Bareinboim (2022), definition 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, combinations
from typing import TYPE_CHECKING

import numpy as np

from causalgraph.graphs.mixed import Edge, Mark, MixedGraph
from oracles.models import DiscreteModel
from oracles.relations import ancestors
from oracles.separation import classified, simple_paths

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["failing", "formula", "minimal_sets", "valid_sets"]

Names = frozenset[str]


def failing(graph: MixedGraph, x: Names, y: Names, z: Names) -> set[str]:
    """Return the conditions that a set fails: intercepts, treatment, outcome."""
    out = set()
    directed = [p for p in _paths(graph, x, y) if all(e.mark == "->" for e in p)]
    if any(not z & _inner(p) for p in directed):
        out.add("intercepts")
    if any(_enters(p) and _open(graph, p, frozenset()) for p in _proper(graph, x, z)):
        out.add("treatment")
    if any(_enters(p) and _open(graph, p, x) for p in _proper(graph, z, y)):
        out.add("outcome")
    return out


def valid_sets(graph: MixedGraph, x: Names, y: Names, *, required: Names, allowed: Names) -> set[Names]:
    """Try every admissible set of observed nodes."""
    members = sorted((graph.observed & allowed) - x - y - required)
    if not required <= (graph.observed & allowed) - x - y:
        return set()
    drawn = chain.from_iterable(combinations(members, n) for n in range(len(members) + 1))
    return {z for z in (required.union(s) for s in drawn) if not failing(graph, x, y, z)}


def minimal_sets(graph: MixedGraph, x: Names, y: Names, *, required: Names, allowed: Names) -> set[Names]:
    """Keep the sets of which no proper part will do."""
    found = valid_sets(graph, x, y, required=required, allowed=allowed)
    return {z for z in found if not any(smaller < z for smaller in found)}


def formula(model: DiscreteModel, x: str, y: str, z: Iterable[str]) -> NDArray[np.float64]:
    """Return the sum over z and x' of P(z | x) P(y | x', z) P(x'), with axes x, y."""
    joint = model.distribution((x, *z, y))
    joint = joint.reshape(joint.shape[0], -1, joint.shape[-1])
    of_x = joint.sum(axis=(1, 2))
    z_given_x = joint.sum(axis=2) / of_x[:, None]
    y_given_both = joint / joint.sum(axis=2, keepdims=True)
    return np.asarray(np.einsum("az,bzy,b->ay", z_given_x, y_given_both, of_x))


def _paths(graph: MixedGraph, starts: Names, ends: Names) -> list[tuple[Edge, ...]]:
    return [p for a in sorted(starts) for b in sorted(ends) for p in simple_paths(graph, a, b)]


def _proper(graph: MixedGraph, starts: Names, ends: Names) -> list[tuple[Edge, ...]]:
    """Return the paths that meet their starting set only where they start."""
    return [p for p in _paths(graph, starts, ends) if not starts & {e.right for e in p}]


def _inner(path: tuple[Edge, ...]) -> set[str]:
    return {e.right for e in path[:-1]}


def _enters(path: tuple[Edge, ...]) -> bool:
    """Say whether the path has an arrow into its start."""
    return path[0].marks[0] == Mark.ARROW


def _open(graph: MixedGraph, path: tuple[Edge, ...], given: Names) -> bool:
    return classified(path, given, ancestors(graph, given)).open
