"""Markov equivalence by definition: every way to orient the undirected edges is tried, on small graphs.

Sources: Verma and Pearl (1990), Equivalence and synthesis of causal models, theorem 1; that theorem itself is held
against d-separation by `have_same_separations`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import chain, combinations, product

from causalgraph.graphs.mixed import Edge, MixedGraph
from oracles.separation import is_separated

__all__ = [
    "Arrows",
    "agreed",
    "extensions",
    "have_same_separations",
    "keeps",
    "marked",
    "markov_class",
    "unshielded_colliders",
]

Arrow = tuple[str, str]
Arrows = frozenset[Arrow]


def _pairs(graph: MixedGraph) -> set[frozenset[str]]:
    return {frozenset((e.left, e.right)) for e in graph.edges}


def _arrows(graph: MixedGraph) -> Arrows:
    return frozenset((e.left, e.right) for e in graph.edges if e.mark == "->")


def _colliders(arrows: Iterable[Arrow], skeleton: set[frozenset[str]]) -> set[tuple[frozenset[str], str]]:
    """Return the unshielded colliders: two tails that aren't adjacent, and the head."""
    return {
        (frozenset((a, c)), b)
        for (a, b), (c, d) in combinations(sorted(arrows), 2)
        if b == d and frozenset((a, c)) not in skeleton
    }


def _is_acyclic(arrows: Collection[Arrow]) -> bool:
    """Take away the arrows into nodes that no arrow leaves, until none is left or nothing changes."""
    left = set(arrows)
    while left:
        tails = {a for a, _ in left}
        kept = {(a, b) for a, b in left if b in tails}
        if kept == left:
            return False
        left = kept
    return True


def extensions(graph: MixedGraph) -> list[Arrows]:
    """Return every DAG with the graph's skeleton, its arrows and its unshielded colliders."""
    skeleton, fixed = _pairs(graph), _arrows(graph)
    wanted = _colliders(fixed, skeleton)
    free = [(e.left, e.right) for e in graph.edges if e.mark == "--"]
    tried = (fixed | set(way) for way in product(*(((a, b), (b, a)) for a, b in free)))
    return [arrows for arrows in tried if _colliders(arrows, skeleton) == wanted and _is_acyclic(arrows)]


def markov_class(dag: MixedGraph) -> list[Arrows]:
    """Return every DAG with the same skeleton and the same unshielded colliders."""
    skeleton = _pairs(dag)
    wanted = _colliders(_arrows(dag), skeleton)
    tried = map(frozenset, product(*(((e.left, e.right), (e.right, e.left)) for e in dag.edges)))
    return [arrows for arrows in tried if _colliders(arrows, skeleton) == wanted and _is_acyclic(arrows)]


def agreed(dags: Collection[Arrows]) -> frozenset[Edge]:
    """Return the edges on one skeleton: an arrow where all DAGs have it, an undirected edge elsewhere."""
    first = next(iter(dags))
    return frozenset(
        Edge(a, "->", b) if all((a, b) in dag for dag in dags) else Edge(a, "--", b).canonical for a, b in first
    )


def keeps(dag: Arrows, required: Iterable[Arrow], forbidden: Iterable[Arrow]) -> bool:
    """Say whether a DAG has every required arrow and no forbidden one."""
    return dag.issuperset(required) and dag.isdisjoint(forbidden)


def _questions(nodes: tuple[str, ...]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for x, y in combinations(nodes, 2):
        rest = [n for n in nodes if n not in (x, y)]
        for z in chain.from_iterable(combinations(rest, k) for k in range(len(rest) + 1)):
            yield x, y, z


def have_same_separations(one: MixedGraph, two: MixedGraph) -> bool:
    """Say whether two DAGs on the same nodes have exactly the same d-separations."""
    return all(is_separated(one, {x}, {y}, z) == is_separated(two, {x}, {y}, z) for x, y, z in _questions(one.nodes))


# A mark as it is written at an end of an edge -> 0 for a tail, 1 for an arrowhead, 2 for a circle.
ENDS = {"-": 0, "<": 1, ">": 1, "o": 2}


def marked(edges: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str], int]:
    """Return the mark at the first of two nodes on the edge to the second: 0 tail, 1 arrowhead, 2 circle."""
    at = {}
    for a, mark, b in edges:
        at[a, b], at[b, a] = ENDS[mark[0]], ENDS[mark[-1]]
    return at


def unshielded_colliders(at: dict[tuple[str, str], int]) -> set[tuple[str, str, str]]:
    """Return (a, b, c) where arrowheads stand at b on the edges to a and c, a before c, which aren't adjacent."""
    heads = [place for place, mark in at.items() if mark == 1]
    return {(a, b, c) for b, a in heads for d, c in heads if b == d and a < c and (a, c) not in at}
