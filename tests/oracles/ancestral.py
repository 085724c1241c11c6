"""MAGs and PAGs by definition: every set is tried, every path walked, every MAG of a class made.

A graph is its edges (a, mark, b) with marks ``->``, ``<-``, ``<->`` and ``--``.

Sources: Richardson and Spirtes (2002), Ancestral graph Markov models, https://doi.org/10.1214/aos/1031689015,
definition 3.1 (ancestral), 3.9 (maximal), section 4.2 (the MAG of a graph); Zhang (2008), Causal reasoning with
ancestral graphs, JMLR 9, definition 8 (visible edges).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

from causalgraph.graphs.mixed import MixedGraph

__all__ = [
    "equivalence_classes",
    "equivalent_graphs",
    "invariant_marks",
    "is_ancestral",
    "is_legal_mag",
    "legal_mags",
    "mag_by_definition",
    "separations",
    "shown_visible",
]

Node = str
Edges = tuple[tuple[Node, str, Node], ...]
Separations = frozenset[tuple[Node, Node, frozenset[Node]]]

ENDS = {"->": "->", "<-": "<-", "<->": "<>", "--": "--"}
HEADS = "<>"


def _at(nodes: Iterable[Node], edges: Edges) -> dict[Node, list[tuple[bool, bool, Node]]]:
    """Return for each node its edges: is there a head here, a head there, and who is there."""
    at: dict[Node, list[tuple[bool, bool, Node]]] = {n: [] for n in nodes}
    for a, mark, b in edges:
        left, right = (end in HEADS for end in ENDS[mark])
        at[a].append((left, right, b))
        at[b].append((right, left, a))
    return at


def _descendants(nodes: Iterable[Node], edges: Edges) -> dict[Node, frozenset[Node]]:
    at = _at(nodes, edges)

    def below(node: Node) -> frozenset[Node]:
        found = {node}
        while True:
            wider = found | {c for n in found for here, there, c in at[n] if there and not here}
            if wider == found:
                return frozenset(found)
            found = wider

    return {n: below(n) for n in at}


def _paths(nodes: Iterable[Node], edges: Edges, a: Node, b: Node) -> Iterator[tuple[list[Node], list[Node]]]:
    """Yield the inner nodes of each simple path, non-colliders and colliders apart."""
    at = _at(nodes, edges)

    def onward(here: Node, came_by_head: bool, met: list[Node], plain: list[Node], colliders: list[Node]) -> Iterator:
        for out_head, in_head, there in at[here]:
            if there in met:
                continue
            one, two = plain, colliders
            if here != a:
                both = came_by_head and out_head
                one, two = (plain, [*colliders, here]) if both else ([*plain, here], colliders)
            if there == b:
                yield one, two
            else:
                yield from onward(there, in_head, [*met, there], one, two)

    return onward(a, False, [a], [], [])


def _answers(
    nodes: Iterable[Node], edges: Edges, among: Iterable[Node], selected: Iterable[Node] = ()
) -> Iterator[tuple[tuple[Node, Node, frozenset[Node]], bool]]:
    """Yield all (a, b, Z) of `among`, a before b, and whether no path between a and b is open given Z and selected."""
    nodes, among = list(nodes), sorted(among)
    bit = {n: 1 << i for i, n in enumerate(nodes)}
    below = {n: sum(bit[d] for d in ds) for n, ds in _descendants(nodes, edges).items()}
    always = sum(bit[s] for s in selected)
    for a, b in combinations(among, 2):
        paths = [(sum(bit[n] for n in p), [below[c] for c in cs]) for p, cs in _paths(nodes, edges, a, b)]
        others = [n for n in among if n not in (a, b)]
        for size in range(len(others) + 1):
            for z in combinations(others, size):
                given = always | sum(bit[n] for n in z)
                is_open = any(not plain & given and all(c & given for c in cs) for plain, cs in paths)
                yield (a, b, frozenset(z)), not is_open


def separations(
    nodes: Iterable[Node], edges: Edges, among: Iterable[Node], selected: Iterable[Node] = ()
) -> Separations:
    """Return all (a, b, Z) of `among`, a before b, with no path between a and b open given Z and the selected."""
    return frozenset(statement for statement, holds in _answers(nodes, edges, among, selected) if holds)


def mag_by_definition(graph: MixedGraph) -> frozenset[tuple[Node, str, Node]]:
    """Return the MAG's edges, each with the name that sorts first on its left."""
    seen = sorted(set(graph.nodes) - graph.latent - graph.selected)
    edges = tuple(map(tuple, graph.edges))
    apart = {(a, b) for a, b, _ in separations(graph.nodes, edges, seen, graph.selected)}
    below = _descendants(graph.nodes, edges)
    out = set()
    for a, b in combinations(seen, 2):
        if (a, b) not in apart:
            tail_at_a, tail_at_b = bool(below[a] & {b, *graph.selected}), bool(below[b] & {a, *graph.selected})
            out.add((a, _written(tail_at_a, tail_at_b), b))
    return frozenset(out)


def _written(tail_at_left: bool, tail_at_right: bool) -> str:
    return {(True, True): "--", (True, False): "->", (False, True): "<-", (False, False): "<->"}[
        tail_at_left, tail_at_right
    ]


def is_ancestral(nodes: Iterable[Node], edges: Edges) -> bool:
    """Say whether no arrowhead points at an ancestor of the other end, or at a node with an undirected edge."""
    nodes = list(nodes)
    below = _descendants(nodes, edges)
    at = _at(nodes, edges)
    if any(here and there in below[n] for n in nodes for here, _, there in at[n]):
        return False
    with_undirected = [n for n in nodes if any(not here and not there for here, there, _ in at[n])]
    return not any(here for n in with_undirected for here, _, _ in at[n])


def is_legal_mag(nodes: Iterable[Node], edges: Edges) -> bool:
    """Say whether one edge at most joins a pair, the graph is ancestral, and a set separates each other pair."""
    nodes = sorted(nodes)
    pairs = [frozenset((a, b)) for a, _, b in edges]
    if len(set(pairs)) < len(pairs) or not is_ancestral(nodes, edges):
        return False
    apart = {frozenset((a, b)) for a, b, _ in separations(nodes, edges, nodes)}
    return all(frozenset(p) in apart or frozenset(p) in pairs for p in combinations(nodes, 2))


def legal_mags(nodes: Iterable[Node], pairs: Iterable[tuple[Node, Node]]) -> Iterator[tuple[Edges, Separations]]:
    """Yield every MAG on a skeleton, with its separations; a graph that isn't ancestral stays so with more edges."""
    nodes, pairs = sorted(nodes), list(pairs)
    joined = {frozenset(p) for p in pairs}
    free = [p for p in combinations(nodes, 2) if frozenset(p) not in joined]
    for edges in _ancestral_graphs(nodes, pairs):
        found = separations(nodes, edges, nodes)
        if {(a, b) for a, b, _ in found} == set(free):
            yield edges, found


def _ancestral_graphs(nodes: list[Node], pairs: list[tuple[Node, Node]], edges: Edges = ()) -> Iterator[Edges]:
    if not is_ancestral(nodes, edges):
        return
    if len(edges) == len(pairs):
        yield edges
        return
    a, b = pairs[len(edges)]
    for mark in ENDS:
        yield from _ancestral_graphs(nodes, pairs, (*edges, (a, mark, b)))


def equivalent_graphs(nodes: Iterable[Node], edges: Edges) -> list[Edges]:
    """Return the MAGs with the same adjacencies and the same separations as one MAG."""
    nodes = sorted(nodes)
    told = separations(nodes, edges, nodes)
    pairs = [(a, b) for a, _, b in edges]
    return [
        other
        for other in _ancestral_graphs(nodes, pairs)
        if all((statement in told) == holds for statement, holds in _answers(nodes, other, nodes))
    ]


def equivalence_classes(nodes: Iterable[Node], pairs: Iterable[tuple[Node, Node]]) -> list[list[Edges]]:
    """Return the MAGs on a skeleton, those with the same separations together."""
    together: dict[Separations, list[Edges]] = {}
    for edges, found in legal_mags(nodes, pairs):
        together.setdefault(found, []).append(edges)
    return list(together.values())


def invariant_marks(members: list[Edges]) -> dict[tuple[Node, Node], str]:
    """Return the mark at each place (node, other): tail or arrow where all members agree, else circle."""
    seen: dict[tuple[Node, Node], set[str]] = {}
    for edges in members:
        for a, mark, b in edges:
            left, right = ENDS[mark]
            seen.setdefault((a, b), set()).add("arrow" if left in HEADS else "tail")
            seen.setdefault((b, a), set()).add("arrow" if right in HEADS else "tail")
    return {place: marks.pop() if len(marks) == 1 else "circle" for place, marks in seen.items()}


def shown_visible(graph: MixedGraph, a: Node, b: Node) -> bool:
    """Say whether A -> B is visible in a MAG or PAG: all paths into A are walked."""
    marks: dict[tuple[Node, Node], str] = {}
    for left, mark, right in graph.edges:
        ends = mark.replace("<", ">")
        marks[left, right], marks[right, left] = ends[0], ends[-1]
    parents = {p for p in graph.nodes if marks.get((p, b)) == "-" and marks[b, p] == ">"}

    def into(path: list[Node]) -> bool:
        """Does some path that ends as this one does start at a node that isn't adjacent to B?"""
        for c in graph.nodes:
            if c in path or c == b or marks.get((path[0], c)) != ">":
                continue
            if (c, b) not in marks:
                return True
            if c in parents and marks[c, path[0]] == ">" and into([c, *path]):
                return True
        return False

    return marks.get((a, b)) == "-" and marks[b, a] == ">" and into([a])
