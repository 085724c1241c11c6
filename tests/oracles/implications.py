"""Separators, implied independencies and vanishing tetrads by definition, and the closure of independencies.

A set of elementary independencies (one variable, one variable, a set) stands for all that they give by weak union and
decomposition. The rules below close it: those of a semi-graphoid, which every distribution obeys, and composition and
intersection, which regular Gaussian ones obey as well.

Sources: F. Matúš, "On equivalence of Markov properties over undirected graphs" (1992) for the elementary form of the
rules; S. Sullivant, K. Talaska, J. Draisma (2010), doi:10.1214/09-AOS760 for tetrads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, combinations
from typing import TYPE_CHECKING

import numpy as np

from causalgraph.graphs.mixed import MixedGraph
from oracles.separation import is_separated_by_networkx

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "closure",
    "elementary",
    "implied_elementary",
    "linear_model",
    "minimal_separators",
    "regression",
    "separators",
    "subsets",
    "tetrads_that_vanish",
]

Names = frozenset[str]
Elementary = tuple[Names, Names]


def subsets(pool: Iterable[str]) -> Iterator[Names]:
    members = sorted(pool)
    return (frozenset(s) for s in chain.from_iterable(combinations(members, n) for n in range(len(members) + 1)))


def separators(graph: MixedGraph, x: Names, y: Names, *, required: Names, forbidden: Names) -> set[Names]:
    """Try every admissible set of observed nodes."""
    if required & (graph.latent | forbidden):
        return set()
    pool = graph.observed - x - y - forbidden - required
    return {s | required for s in subsets(pool) if is_separated_by_networkx(graph, x, y, s | required)}


def minimal_separators(graph: MixedGraph, x: Names, y: Names, *, required: Names, forbidden: Names) -> set[Names]:
    """Keep the separators of which no proper part is one."""
    found = separators(graph, x, y, required=required, forbidden=forbidden)
    return {s for s in found if not any(smaller < s for smaller in found)}


def implied_elementary(graph: MixedGraph) -> set[Elementary]:
    """Return all (pair, set) that the graph separates, over its observed nodes."""
    out = set()
    for a, b in combinations(sorted(graph.observed), 2):
        for z in subsets(graph.observed - {a, b}):
            if is_separated_by_networkx(graph, {a}, {b}, z):
                out.add((frozenset((a, b)), z))
    return out


def elementary(x: Names, y: Names, given: Names) -> set[Elementary]:
    """Return what X ⟂ Y | Z gives by decomposition and weak union."""
    out = set()
    for a in x:
        for b in y:
            out |= {(frozenset((a, b)), given | more) for more in subsets((x | y) - {a, b})}
    return out


def closure(known: set[Elementary], universe: Names, *, compositional: bool = False) -> set[Elementary]:
    """Close elementary independencies under the rules of semi-graphoids, or of compositional graphoids."""
    out = set(known)
    while True:
        fresh: set[Elementary] = set()
        for i in universe:
            for j, k in combinations(sorted(universe - {i}), 2):
                for rest in subsets(universe - {i, j, k}):
                    ij, ik = frozenset((i, j)), frozenset((i, k))
                    ij_k, ik_j = (ij, rest | {k}), (ik, rest | {j})
                    ij_0, ik_0 = (ij, rest), (ik, rest)
                    rules = [((ij_k, ik_0), (ik_j, ij_0)), ((ik_j, ij_0), (ij_k, ik_0))]
                    if compositional:
                        rules += [((ij_k, ik_j), (ij_0, ik_0)), ((ij_0, ik_0), (ij_k, ik_j))]
                    for premises, conclusions in rules:
                        if all(p in out for p in premises):
                            fresh.update(c for c in conclusions if c not in out)
        if not fresh:
            return out
        out |= fresh


def linear_model(rng: np.random.Generator, graph: MixedGraph) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return total effects and the exact covariance of a random linear model, in the graph's order of nodes.

    Each two-headed edge is a latent parent of its ends; these come last.
    """
    hidden = [e for e in graph.edges if e.mark == "<->"]
    number = {n: i for i, n in enumerate((*graph.nodes, *hidden))}
    weights = np.zeros((len(number), len(number)))

    def weight() -> float:
        return float(rng.uniform(0.5, 1.5) * rng.choice((-1, 1)))

    for edge in graph.edges:
        if edge.mark == "->":
            weights[number[edge.left], number[edge.right]] = weight()
        else:
            weights[number[edge], number[edge.left]] = weight()
            weights[number[edge], number[edge.right]] = weight()
    total = np.linalg.inv(np.eye(len(number)) - weights)
    return total, np.asarray(total.T @ np.diag(rng.uniform(0.5, 1.5, len(number))) @ total)


def regression(sigma: NDArray[np.float64], y: int, x: int, given: list[int]) -> tuple[float, float]:
    """Return the coefficient of x in the regression of y on x and `given`, and its asymptotic variance."""
    columns = [x, *given]
    solved = np.linalg.solve(sigma[np.ix_(columns, columns)], sigma[columns, y])
    residual = sigma[y, y] - sigma[columns, y] @ solved
    spread = sigma[x, x]
    if given:
        spread -= sigma[x, given] @ np.linalg.solve(sigma[np.ix_(given, given)], sigma[given, x])
    return float(solved[0]), float(residual / spread)


def tetrads_that_vanish(graph: MixedGraph, rng: np.random.Generator, models: int = 3) -> set[frozenset[Names]]:
    """Return the splits {i, j} | {k, l} for which σ_ik σ_jl = σ_il σ_jk in each of several random linear models."""
    number = {n: i for i, n in enumerate(graph.nodes)}
    drawn = [linear_model(rng, graph)[1] for _ in range(models)]
    out = set()
    for four in combinations(sorted(graph.observed), 4):
        for j in four[1:]:
            a, b = number[four[0]], number[j]
            c, d = (number[n] for n in four[1:] if n != j)
            products = [(s[a, c] * s[b, d], s[a, d] * s[b, c]) for s in drawn]
            if all(abs(p - q) <= 1e-9 * max(1.0, abs(p), abs(q)) for p, q in products):
                out.add(frozenset((frozenset((four[0], j)), frozenset(four) - {four[0], j})))
    return out
