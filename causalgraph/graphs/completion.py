"""Circles settled: a MAG that has the marks of a graph with circles, or that there is none, and why.

A circle is a tail or an arrowhead, and two edges that meet at a node, their other ends not adjacent, are a collider
exactly where two arrowheads are drawn: so a pag is read, also one whose marks knowledge or data have set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, combinations

from causalgraph.graphs.ancestral import breaches_of_mag
from causalgraph.graphs.chordal import search
from causalgraph.graphs.marks import ARROW, CIRCLE, TAIL, IsCollider, Place, marks_of
from causalgraph.graphs.mixed import WRITTEN, Edge, Mark, MixedGraph
from causalgraph.graphs.zhang import collider_in, orient

__all__ = ["BUDGET", "LEAF", "MARK_NAMES", "Completion", "completion", "written"]

MARK_NAMES = {TAIL: "a tail", ARROW: "an arrowhead", CIRCLE: "a circle"}

# Work that may be done, about two seconds: settling a graph counts its nodes times its edges, and no less than LEAF.
BUDGET = 400_000
LEAF = 200

Fault = tuple[tuple[Edge, ...], str]


@dataclass(frozen=True)
class Completion:
    """A MAG that has the marks of a graph, or None; `faults` are then the edges in question, and why.

    `exact` says whether None means that there is no such MAG: else the budget ended the search.
    """

    mag: MixedGraph | None
    faults: tuple[Fault, ...] = ()
    exact: bool = True


@lru_cache(maxsize=64)
def completion(graph: MixedGraph, budget: int = BUDGET) -> Completion:
    """Return a MAG with the marks of a graph, at most one edge a pair, and no unshielded collider that isn't drawn.

    In the PAG of a class that takes time linear in nodes and edges: circles opposite an arrowhead become tails, circles
    opposite a tail arrowheads, and what is joined by o-o, which is chordal, is ordered so that no unshielded collider
    arises. Other graphs are oriented by Zhang's rules first, and what is joined by o-o is ordered along the arrows.
    Where that doesn't do, a circle that stands in the way is settled both ways, and the rules run again. The search is
    exact: its rules are sound for the MAGs that are looked for, and where no circle is left the graph itself is judged.

    Source: J. Zhang, "On the completeness of orientation rules" (2008), doi:10.1016/j.artint.2008.08.001; the orders
    by R. Tarjan, M. Yannakakis (1984), doi:10.1137/0213035, and by D. Dor, M. Tarsi, "A simple algorithm to construct a
    consistent extension of a partially oriented graph" (1992).

    >>> graph = MixedGraph.build([("A", "o-o", "B"), ("B", "o-o", "C"), ("C", "->", "A")], kind="pag")
    >>> [str(e) for e in completion(graph).mag.edges]
    ['A -> B', 'C -> B', 'C -> A']
    """
    made = _settled(graph, _cliques_in_order(graph))
    if _fault(made, graph) is None:
        return Completion(made)
    is_collider = _drawn(graph)
    cost = max(LEAF, len(graph.nodes) * len(graph.edges))
    pending = [graph]
    while pending and budget > 0:
        budget -= cost
        found = orient(pending.pop(), is_collider)
        if found.conflicts or _is_broken(found.graph):
            continue
        made = _settled(found.graph, _sinks_in_order(found.graph))
        fault = _fault(made, graph)
        if fault is None:
            return Completion(made)
        pending += _both_ways(found.graph, fault[0])
    return Completion(None, tuple(_faults(graph, made, exact=not pending)), exact=not pending)


def _drawn(graph: MixedGraph) -> IsCollider:
    """Return what is drawn of unshielded triples; what a path discriminates stays open."""
    drawn = collider_in(graph)
    return lambda path: drawn(path) if len(path) == 3 else None


def _cliques_in_order(graph: MixedGraph) -> dict[str, int]:
    """Return an order of the nodes in which those before a node that o-o joins it to are adjacent, where one exists."""
    number = {n: i for i, n in enumerate(graph.nodes)}
    near: dict[int, set[int]] = {i: set() for i in number.values()}
    for edge in graph.edges:
        if edge.mark == "o-o":
            near[number[edge.left]].add(number[edge.right])
            near[number[edge.right]].add(number[edge.left])
    return {graph.nodes[i]: at for at, (i, _) in enumerate(search(near))}


def _sinks_in_order(graph: MixedGraph) -> dict[str, int]:
    """Return an order along the arrows without new unshielded colliders, as far as sinks can be taken away one by one.

    At a sink no arrow starts, and whatever o-o joins to it is adjacent to all others that point at it or may.
    """
    at = marks_of(graph)
    left = {n: set(near) for n, near in graph.adjacent.items()}

    def points_at(node: str, other: str) -> bool:
        return at[node, other] == ARROW or (at[node, other] == CIRCLE and at[other, node] != ARROW)

    def is_sink(node: str) -> bool:
        into = {n for n in left[node] if points_at(node, n)}
        if any(points_at(n, node) for n in left[node] - into):
            return False
        return all(into - {n} <= graph.adjacent[n] for n in into if at[node, n] == CIRCLE == at[n, node])

    place: dict[str, int] = {}
    candidates = list(left)
    while left:
        node = candidates.pop() if candidates else next(iter(left))
        # Where there is no sink any node is taken: what comes of it is judged.
        if node in left and (not candidates or is_sink(node)):
            place[node] = -len(place)
            for other in left.pop(node):
                left[other].discard(node)
                candidates.append(other)
    return place


def _settled(graph: MixedGraph, place: dict[str, int]) -> MixedGraph:
    """Make tails of circles opposite an arrowhead, arrowheads of those opposite a tail, and arrows of o-o in order."""

    def made(edge: Edge) -> Edge:
        a, mark, b = edge
        if mark == "o-o":
            return Edge(a, "->", b) if place[a] < place[b] else Edge(b, "->", a)
        if mark == "o--":
            return Edge(b, "->", a)
        return Edge(a, "->", b) if mark == "o->" else edge

    return graph.with_edges(map(made, graph.edges), kind="mag")


def _both_ways(graph: MixedGraph, first: Iterable[Edge]) -> Iterator[MixedGraph]:
    """Yield a graph with a circle as a tail, and as an arrowhead: one of an edge to look at first, if it has any."""
    at = marks_of(graph)
    pairs = ((e.left, e.right) for e in chain(first, graph.edges))
    open_ends = (place for a, b in pairs for place in ((a, b), (b, a)) if at[place] == CIRCLE)
    chosen = next(open_ends, None)
    if chosen is None:
        return
    pair = set(chosen)
    for mark in (TAIL, ARROW):
        at[chosen] = mark
        yield graph.with_edges(written(at, e) if {e.left, e.right} == pair else e for e in graph.edges)


def written(at: Mapping[Place, Mark], edge: Edge) -> Edge:
    """Return an edge with the marks that stand at its ends."""
    a, _, b = edge
    return Edge(a, WRITTEN[at[a, b], at[b, a]], b).canonical


def _is_broken(graph: MixedGraph) -> bool:
    """Is there an arrowhead at an ancestor of the node opposite, or at an end of an undirected edge?"""
    at, near = marks_of(graph), graph.adjacent
    below: dict[str, list[str]] = {n: [] for n in near}
    for edge in graph.edges:
        if edge.mark == "->":
            below[edge.left].append(edge.right)
    for node in graph.nodes:
        pointing = {n for n in near[node] if at[node, n] == ARROW}
        if pointing and any(at[node, n] == TAIL == at[n, node] for n in near[node]):
            return True
        found = dict.fromkeys(below[node] if pointing else ())
        queue = list(found)
        for other in queue:
            queue += (n for n in below[other] if n not in found)
            found |= dict.fromkeys(below[other])
        if pointing & found.keys():
            return True
    return False


def _fault(made: MixedGraph, graph: MixedGraph) -> Fault | None:
    """Return what keeps a graph without circles from being a MAG with the unshielded colliders of the graph drawn."""
    return next(chain(breaches_of_mag(made), _new_colliders(made, graph)), None)


def _new_colliders(made: MixedGraph, graph: MixedGraph) -> Iterator[Fault]:
    at, drawn, near = marks_of(made), marks_of(graph), made.adjacent
    for node in made.nodes:
        into = [n for n in made.nodes if n in near[node] and at[node, n] == ARROW]
        for a, c in combinations(into, 2):
            if c not in near[a] and not drawn[node, a] == ARROW == drawn[node, c]:
                edges = tuple(written(at, Edge(n, "->", node)) for n in (a, c))
                yield edges, f"{a} and {c} meet in an arrowhead each at {node}, which isn't drawn so"


def _faults(graph: MixedGraph, made: MixedGraph, *, exact: bool) -> Iterator[Fault]:
    """Yield what the marks drawn break, or else what a way to settle the circles does."""
    drawn = {frozenset((e.left, e.right)): e for e in graph.edges}
    none = "no MAG has these marks" if exact else "no MAG with these marks was found in the time given"
    breaches = list(breaches_of_mag(made))
    plain = [b for b in breaches if set(_canonical(b[0])) <= set(graph.edges)]
    for edges, why in plain:
        yield tuple(_canonical(edges)), f"{none}: {why}"
    for edges, why in () if plain else [*breaches, *_new_colliders(made, graph)][:1]:
        settled = ", ".join(str(e) for e in _canonical(edges) if e not in graph.edges)
        also = f" with {settled}" if settled else ""
        yield (
            tuple(drawn[frozenset((e.left, e.right))] for e in edges),
            f"{none}: however circles are settled, something breaks;{also} {why}",
        )


def _canonical(edges: Iterable[Edge]) -> Iterator[Edge]:
    return (e.canonical for e in edges)
