"""Chordal graphs: maximum cardinality search, clique trees, and the chordless cycle of a graph that isn't chordal.

A graph is given by each node's neighbours. The undirected parts of a CPDAG are chordal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

__all__ = ["Clique", "chordless_cycle", "clique_tree", "search"]

Near = Mapping[int, AbstractSet[int]]


def search(near: Near, first: Iterable[int] = ()) -> Iterator[tuple[int, dict[int, int]]]:
    """Yield the nodes by maximum cardinality search, those of `first` before the others.

    With each node comes, for every node not visited yet (itself among them), how many neighbours were visited. The
    mapping is alive: it changes as the search goes on.

    Source: R. Tarjan, M. Yannakakis, "Simple linear-time algorithms to test chordality of graphs, test acyclicity of
    hypergraphs, and selectively reduce acyclic hypergraphs" (1984), section 2, doi:10.1137/0213035.
    """
    weight = dict.fromkeys(near, 0)
    ranks: list[list[int]] = [list(near)[::-1]]
    lead = list(first)[::-1]
    while weight:
        if lead:
            node = lead.pop()
        else:
            while not ranks[-1]:
                ranks.pop()
            node = ranks[-1].pop()
            if weight.get(node) != len(ranks) - 1:  # visited, or of a higher rank by now
                continue
        yield node, weight
        del weight[node]
        for other in near[node]:
            if other in weight:
                weight[other] = rank = weight[other] + 1
                while len(ranks) <= rank:
                    ranks.append([])
                ranks[rank].append(other)


@dataclass(frozen=True)
class Clique:
    """A maximal clique in a clique tree: its nodes, the number of the clique above it, and what the two share."""

    nodes: set[int]
    above: int
    shared: frozenset[int]


def clique_tree(near: Near) -> list[Clique]:
    """Return the maximal cliques of a connected chordal graph as a rooted clique tree; the root comes first.

    >>> [(sorted(c.nodes), c.above, sorted(c.shared)) for c in clique_tree({1: {2}, 2: {1, 3}, 3: {2}})]
    [([1, 2], -1, []), ([2, 3], 0, [2])]

    Source: J. Blair, B. Peyton, "An introduction to chordal graphs and clique trees" (1993),
    doi:10.1007/978-1-4613-8369-7_1.
    """
    cliques: list[Clique] = []
    home: dict[int, int] = {}  # node -> the clique it came with, in the order of the search
    place: dict[int, int] = {}
    before = 0
    for node, weight in search(near):
        prior = frozenset(n for n in near[node] if n not in weight)
        if cliques and len(prior) > before:
            cliques[-1].nodes.add(node)
        else:
            above = home[max(prior, key=place.__getitem__)] if prior else -1
            cliques.append(Clique({node, *prior}, above, prior))
        home[node], place[node] = len(cliques) - 1, len(place)
        before = len(prior)
    return cliques


def chordless_cycle(near: Near) -> list[int]:
    """Return a cycle of four nodes or more without a chord, in order, or nothing where the graph is chordal.

    >>> chordless_cycle({0: {1, 3}, 1: {0, 2}, 2: {1, 3}, 3: {2, 0}})
    [1, 0, 3, 2]
    >>> chordless_cycle({0: {1, 2}, 1: {0, 2}, 2: {0, 1}})
    []

    Source: R. Tarjan, M. Yannakakis (1984), theorem 2: the search visits a chordal graph so that the visited
    neighbours of each node are a clique. Where they first aren't, the graph without that node is chordal, so the cycle
    passes through it.
    """
    place: dict[int, int] = {}
    for node, weight in search(near):
        prior = [n for n in near[node] if n not in weight]
        if prior:
            latest = max(prior, key=place.__getitem__)
            if not near[latest] >= set(prior) - {latest}:
                return _around(near, node, prior, place.keys())
        place[node] = len(place)
    return []


def _around(near: Near, node: int, prior: list[int], visited: AbstractSet[int]) -> list[int]:
    """Return a chordless cycle through a node among visited ones: a shortest way between two of its neighbours."""
    for start in prior:
        came = {start: node}
        queue = [start]
        for here in queue:
            if here != start and here in near[node]:
                back = [here]
                while back[-1] != node:
                    back.append(came[back[-1]])
                return back[::-1]
            for there in near[here]:
                # The way may end in a neighbour of the node, but not pass through one, nor end beside its start.
                if there in visited and there not in came and not (there in near[node] and there in near[start]):
                    came[there] = here
                    queue.append(there)
    raise AssertionError(f"the visited neighbours of {node} aren't a clique, yet no chordless cycle passes it")
