"""Clique-picking: the acyclic orientations of a chordal graph without unshielded collider, counted and drawn.

Source: M. Wienöbst, M. Bannach, M. Liśkiewicz, "Polynomial-time algorithms for counting and sampling Markov equivalent
DAGs with applications" (JMLR 24, 2023), arXiv:2205.02654.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import factorial, prod
from typing import Any

from causalgraph.graphs.chordal import Clique, clique_tree, search

__all__ = ["Known", "Weighed", "drawn_order", "orientations"]

Near = Mapping[int, AbstractSet[int]]


@dataclass(frozen=True)
class Weighed:
    """How many orientations there are, and how many of them begin with each of several choices."""

    weights: tuple[int, ...]
    choices: tuple[Any, ...]

    @property
    def total(self) -> int:
        """How many there are in all."""
        return sum(self.weights)

    def drawn(self, chance: random.Random) -> Any:
        """Return a choice, each with a probability in proportion to its weight."""
        mark = chance.randrange(self.total)
        return self.choices[bisect.bisect_right(list(accumulate(self.weights)), mark)]


# A set of nodes, of one graph -> what was counted on the graph that they induce.
Known = dict[frozenset[int], Weighed]


def orientations(near: Near, known: Known) -> int:
    """Return how many acyclic orientations without unshielded collider a connected chordal graph has.

    >>> orientations({1: {2}, 2: {1, 3}, 3: {2}}, {})
    3
    """
    size = len(near)
    if _is_tree(near):
        return size
    if _is_complete(near):
        return factorial(size)
    return _by_clique(near, known).total


def drawn_order(near: Near, known: Known, chance: random.Random) -> list[int]:
    """Return an order of the nodes that orients the edges, each orientation with the same probability."""
    if _is_tree(near):
        order = [chance.choice(list(near))]
        seen = set(order)
        for node in order:
            fresh = sorted(near[node] - seen)
            order += fresh
            seen.update(fresh)
        return order
    if _is_complete(near):
        return chance.sample(list(near), len(near))
    clique, prefixes = _by_clique(near, known).drawn(chance)
    order = chance.sample(clique, len(clique))
    while any(set(order[: len(prefix)]) == prefix for prefix in prefixes):
        order = chance.sample(clique, len(clique))
    for part in _behind(near, clique):
        order += drawn_order(part, known, chance)
    return order


def _is_tree(near: Near) -> bool:
    return sum(map(len, near.values())) == 2 * (len(near) - 1)


def _is_complete(near: Near) -> bool:
    return sum(map(len, near.values())) == len(near) * (len(near) - 1)


def _by_clique(near: Near, known: Known) -> Weighed:
    """Return how many orientations are charged to each maximal clique: those that can begin with it, counted once.

    An orientation may begin with several cliques; it is charged to the one nearest to the root of the clique tree. So
    at each clique only the orders count that don't begin with what it shares along the way to the root.

    Source: Wienöbst et al. (2023): the formula over a rooted clique tree.
    """
    key = frozenset(near)
    if key not in known:
        tree = clique_tree(near)
        weights, choices = [], []
        for clique in tree:
            prefixes = _prefixes(tree, clique)
            orders = _orders(len(clique.nodes), tuple(map(len, prefixes)))
            weights.append(orders * prod(orientations(part, known) for part in _behind(near, clique.nodes)))
            choices.append((sorted(clique.nodes), prefixes))
        known[key] = Weighed(tuple(weights), tuple(choices))
    return known[key]


def _prefixes(tree: list[Clique], clique: Clique) -> list[frozenset[int]]:
    """Return what cliques share along the way to the root, as far as this one holds it, by size.

    What the clique shares with those further up only shrinks, so the way may end where nothing is left.
    """
    found: dict[frozenset[int], None] = {}
    here = clique
    while here.above >= 0 and not here.shared.isdisjoint(clique.nodes):
        if here.shared <= clique.nodes:
            found[here.shared] = None
        here = tree[here.above]
    return sorted(found, key=len)


@lru_cache(maxsize=10_000)
def _orders(size: int, prefixes: tuple[int, ...]) -> int:
    """Return how many orders of ``size`` nodes begin with none of some nested sets, given by their sizes.

    >>> _orders(3, (1, 2))
    3
    """
    begun = (factorial(size - p) * _orders(p, prefixes[:i]) for i, p in enumerate(prefixes))
    return factorial(size) - sum(begun)


def _behind(near: Near, clique: AbstractSet[int] | list[int]) -> list[Near]:
    """Return what stays undirected once the clique comes first: the subgraphs, in an order that orients the rest.

    Wienöbst et al. (2023) find them by lexicographic search. Maximum cardinality search does as well: nodes that are
    joined and have as many visited neighbours as the next node, have the same ones.
    """
    placed = set(clique)
    found: list[Near] = []
    for node, weight in search(near, sorted(clique)):
        if node not in placed:
            placed.add(node)
            part = [node]
            for member in part:
                fresh = [n for n in near[member] if weight.get(n) == weight[node] and n not in placed]
                placed.update(fresh)
                part += fresh
            within = set(part)
            found.append({n: near[n] & within for n in part})
    return found
