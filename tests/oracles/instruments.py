"""Instruments by definition: every variable with every set, every path walked; and their value in a linear model.

Sources: van der Zander, Textor and Liśkiewicz (2015), Efficiently finding conditional instruments for causal inference,
definition 1; Henckel, Buttenschoen and Maathuis (2024), doi:10.1093/biomet/asad066, for total effects and for sets.
"""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
from numpy.typing import NDArray

from causalgraph.graphs.mixed import Edge, MixedGraph
from oracles.relations import ancestors, descendants
from oracles.separation import is_separated, simple_paths

__all__ = [
    "covariance",
    "forbidden",
    "is_ancestral",
    "is_instrumental_set",
    "minimal_pairs",
    "pairs",
    "ratio",
    "sets",
    "variance",
    "without_effect",
]

Names = frozenset[str]
Pair = tuple[str, Names]
Array = NDArray[np.float64]


def _causal(graph: MixedGraph, x: str, y: str) -> list[tuple[Edge, ...]]:
    return [p for p in simple_paths(graph, x, y) if all(e.mark == "->" for e in p)]


def without_effect(graph: MixedGraph, x: str, y: str) -> MixedGraph:
    """Take away the first edge of every directed path from x to y."""
    first = {p[0] for p in _causal(graph, x, y)}
    return graph.with_edges(e for e in graph.edges if e not in first)


def forbidden(graph: MixedGraph, x: str, y: str) -> Names:
    """Return x, and what descends from the nodes behind it on directed paths to y."""
    behind = {e.right for p in _causal(graph, x, y) for e in p}
    return descendants(graph, behind) | {x}


def is_instrumental_set(graph: MixedGraph, x: str, y: str, z: Names, w: Names) -> bool:
    """Judge a set of instruments: it isn't separated from x in the graph, and it is from y but for the effect."""
    if (z | w) & (forbidden(graph, x, y) | graph.latent | {y}):
        return False
    relevant = not is_separated(graph, z, {x}, w)
    return relevant and is_separated(without_effect(graph, x, y), z, {y}, w)


def pairs(graph: MixedGraph, x: str, y: str) -> set[Pair]:
    """Try every observed variable with every set of observed variables."""
    able = sorted(graph.observed - forbidden(graph, x, y) - {y})
    drawn = chain.from_iterable(combinations(able, n) for n in range(len(able) + 1))
    out = set()
    cut = without_effect(graph, x, y)
    for w in map(frozenset, drawn):
        for z in set(able) - w:
            if not is_separated(graph, {z}, {x}, w) and is_separated(cut, {z}, {y}, w):
                out.add((z, w))
    return out


def minimal_pairs(found: set[Pair]) -> set[Pair]:
    """Keep for each variable the sets of which no proper part will do."""
    return {(z, w) for z, w in found if not any(a == z and smaller < w for a, smaller in found)}


def is_ancestral(graph: MixedGraph, y: str, pair: Pair) -> bool:
    """Say whether the set holds ancestors of the variable and of y alone."""
    return pair[1] <= ancestors(graph, {pair[0], y})


def covariance(graph: MixedGraph, rng: np.random.Generator, *, spread: float = 0.2) -> tuple[Array, Array]:
    """Return a random linear model's covariance, and the total effects (row: effect, column: cause).

    The noises of two nodes that a two-headed edge joins are correlated. Strengths lie between 10 ** -spread and
    10 ** spread.
    """

    def strength(count: int) -> Array:
        return np.asarray(10 ** rng.uniform(-spread, spread, count) * rng.choice([-1, 1], count))

    place = {n: i for i, n in enumerate(graph.nodes)}
    size = len(place)
    weights = np.zeros((size, size))
    noise = np.diag(np.abs(strength(size)))
    for edge in graph.edges:
        i, j = place[edge.left], place[edge.right]
        if edge.mark == "->":
            weights[j, i] = strength(1)[0]
        else:
            shared = strength(2)
            noise[np.ix_([i, j], [i, j])] += np.outer(shared, shared)
    total = np.linalg.inv(np.eye(size) - weights)
    return total @ noise @ total.T, total


def ratio(graph: MixedGraph, sigma: Array, x: str, y: str, pair: Pair) -> float:
    """Return cov(z, y | w) / cov(z, x | w)."""
    place = {n: i for i, n in enumerate(graph.nodes)}
    z, given = place[pair[0]], [place[n] for n in sorted(pair[1])]

    def left(a: int, b: int) -> float:
        inner = np.linalg.solve(sigma[np.ix_(given, given)], sigma[given, b]) if given else np.zeros(0)
        return float(sigma[a, b] - sigma[a, given] @ inner)

    return left(z, place[y]) / left(z, place[x])


def sets(graph: MixedGraph, x: str, y: str) -> list[tuple[Names, Names]]:
    """Try every set of instruments with every set that may be given."""
    able = sorted(graph.observed - forbidden(graph, x, y) - {y})
    subsets = [frozenset(s) for n in range(len(able) + 1) for s in combinations(able, n)]
    return [(z, w) for z in subsets for w in subsets if z and not z & w and is_instrumental_set(graph, x, y, z, w)]


def variance(graph: MixedGraph, model: tuple[Array, Array], x: str, y: str, z: Names, w: Names) -> float:
    """Return the asymptotic variance of two-stage least squares, times n."""
    sigma, total = model
    place = {n: i for i, n in enumerate(graph.nodes)}

    def left(of: Array, given: Names) -> float:
        known = [place[n] for n in sorted(given)]
        across = sigma[known] @ of
        explained = across @ np.linalg.solve(sigma[np.ix_(known, known)], across) if known else 0
        return float(of @ sigma @ of - explained)

    at_x, at_y = np.eye(len(place))[[place[x], place[y]]]
    error = at_y - total[place[y], place[x]] * at_x
    return left(error, w) / (left(at_x, w) - left(at_x, w | z))
