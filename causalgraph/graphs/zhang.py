"""Zhang's orientation rules, one implementation for the PAG of a known graph and for what is learned from data.

A rule looks for its premise among the marks that stand and yields what follows. The rules of a stage run in rounds:
what follows from the same marks is set at once, so that no order of nodes decides. A mark is set once and never again.
A conclusion against a mark that stands is a conflict, and so are conclusions of one round that want opposite marks at
one end: there the circle stays for good. Conflicts are kept and told. In a PAG that follows from a graph there are
none.

Source: J. Zhang, "On the completeness of orientation rules for causal discovery in the presence of latent confounders
and selection bias", Artificial Intelligence 172 (2008), doi:10.1016/j.artint.2008.08.001.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import combinations

from causalgraph.graphs.ancestral import mag
from causalgraph.graphs.marks import (
    ARROW,
    CIRCLE,
    TAIL,
    Conflict,
    IsCollider,
    Marks,
    Orientation,
    Place,
    Reason,
    Walks,
    marks_of,
    uncovered_circle_path,
    uncovered_paths,
)
from causalgraph.graphs.mixed import Edge, Mark, MixedGraph

__all__ = [
    "ALL_RULES",
    "COLLIDERS",
    "WITHOUT_SELECTION",
    "Stage",
    "circles",
    "collider_in",
    "orient",
    "orient_mag",
    "pag",
]

# What a rule yields: the nodes of its premise, and the marks that follow.
Found = Iterator[tuple[tuple[str, ...], dict[Place, Mark]]]
Rule = Callable[[Marks], Found]


def r0(m: Marks) -> Found:
    """Orient A *-* B *-* C, A and C not adjacent, as A *-> B <-* C where B is a collider; note where that is open."""
    for b in m.graph.nodes:
        for a, c in combinations(m.near[b], 2):
            if m.apart(a, c):
                collider = m.is_collider((a, b, c))
                if collider:
                    yield (a, b, c), {(b, a): ARROW, (b, c): ARROW}
                elif collider is None:
                    m.open |= {(a, b, c), (c, b, a)}


def r1(m: Marks) -> Found:
    """Orient A *-> B o-* C, A and C not adjacent, as B -> C."""
    for b in m.graph.nodes:
        for a in m.near[b]:
            for c in m.near[b] if m.at[b, a] == ARROW else ():
                if m.at[b, c] == CIRCLE and m.unshielded(a, b, c):
                    yield (a, b, c), {(b, c): TAIL, (c, b): ARROW}


def r2(m: Marks) -> Found:
    """Orient A *-o C as A *-> C where A -> B *-> C or A *-> B -> C."""
    for c in m.graph.nodes:
        for a in m.near[c]:
            for b in m.near[a] if m.at[c, a] == CIRCLE else ():
                if m.at.get((c, b)) == ARROW == m.at[b, a] and TAIL in (m.at[a, b], m.at[b, c]):
                    yield (a, b, c), {(c, a): ARROW}
                    break


def r3(m: Marks) -> Found:
    """Orient D *-o B as D *-> B where A *-> B <-* C, A *-o D o-* C, A and C not adjacent."""
    for b in m.graph.nodes:
        for d in m.near[b]:
            if m.at[b, d] == CIRCLE:
                both = [x for x in m.near[d] if m.at[d, x] == CIRCLE and m.at.get((b, x)) == ARROW]
                for a, c in (pair for pair in combinations(both, 2) if m.unshielded(pair[0], d, pair[1])):
                    yield (a, d, c, b), {(b, d): ARROW}
                    break


def r4(m: Marks) -> Found:
    """Orient B o-* C on a path that discriminates B: A <-> B <-> C where B is a collider on it, else B -> C.

    All A and all first nodes are asked, as tests may answer differently of them.
    """
    for b in m.graph.nodes:
        for c in m.near[b]:
            for path in discriminating(m, b, c) if m.at[b, c] == CIRCLE else ():
                collider = m.is_collider(path)
                a = path[-3]
                if collider:
                    yield path, {(a, b): ARROW, (b, a): ARROW, (b, c): ARROW, (c, b): ARROW}
                elif collider is False:
                    yield path, {(b, c): TAIL, (c, b): ARROW}


def discriminating(m: Marks, b: str, c: str) -> Iterator[tuple[str, ...]]:
    """Yield paths <D, ..., A, B, C> that discriminate B: D and C not adjacent, between D and B colliders -> C.

    One for each A and D. Breadth first back from A, so that each node is looked at once.
    """
    for a in m.near[b]:
        if m.at[a, b] != ARROW or not m.arrow(a, c):
            continue
        toward: dict[str, str] = {a: b}
        ends: set[str] = set()
        queue = [a]
        for node in queue:
            for d in m.near[node]:
                if m.at[node, d] != ARROW or d in toward or d in ends or d in (b, c):
                    continue
                if m.apart(d, c):
                    ends.add(d)
                    path = [d, node]
                    while path[-1] != b:
                        path.append(toward[path[-1]])
                    yield (*path, c)
                elif m.at[d, node] == ARROW and m.arrow(d, c):
                    toward[d] = node
                    queue.append(d)


def r5(m: Marks) -> Found:
    """Orient an edge of an uncovered cycle of o-o as undirected."""
    for a in m.graph.nodes:
        for b in m.near[a]:
            if m.at[a, b] == CIRCLE == m.at[b, a]:
                path = uncovered_circle_path(m, a, b)
                if path:
                    yield path, {(a, b): TAIL, (b, a): TAIL}


def r6(m: Marks) -> Found:
    """Orient A -- B o-* C as B --* C."""
    for b in m.graph.nodes:
        for a in m.near[b]:
            for c in m.near[b] if m.at[a, b] == TAIL == m.at[b, a] else ():
                if m.at[b, c] == CIRCLE:
                    yield (a, b, c), {(b, c): TAIL}


def r7(m: Marks) -> Found:
    """Orient A --o B o-* C, A and C not adjacent, as B --* C."""
    for b in m.graph.nodes:
        for a in m.near[b]:
            for c in m.near[b] if (m.at[a, b], m.at[b, a]) == (TAIL, CIRCLE) else ():
                if m.at[b, c] == CIRCLE and m.unshielded(a, b, c):
                    yield (a, b, c), {(b, c): TAIL}


def half_open(m: Marks) -> Iterator[tuple[str, str]]:
    """Yield A and C of each A o-> C."""
    for a in m.graph.nodes:
        for c in m.near[a]:
            if (m.at[a, c], m.at[c, a]) == (CIRCLE, ARROW):
                yield a, c


def r8(m: Marks) -> Found:
    """Orient A o-> C as A -> C where A -> B -> C or A --o B -> C."""
    for a, c in half_open(m):
        for b in m.near[a]:
            if m.at[a, b] == TAIL != m.at[b, a] and m.arrow(b, c):
                yield (a, b, c), {(a, c): TAIL}
                break


def r9(m: Marks) -> Found:
    """Orient A o-> C as A -> C where an uncovered potentially directed path A, B, ..., C has B not adjacent to C."""
    for a, c in half_open(m):
        for b in m.near[a]:
            path = uncovered_paths(m, a, b).to(c) if m.unshielded(b, a, c) else None
            if path:
                yield path, {(a, c): TAIL}
                break


def r10(m: Marks) -> Found:
    """Orient A o-> C as A -> C where B -> C <- D, and uncovered p.d. paths lead from A to B and from A to D.

    Their first nodes after A are distinct and not adjacent. B and D may be one node: the conclusion is as sound.
    """
    for a, c in half_open(m):
        parents = [b for b in m.near[c] if m.arrow(b, c)]
        first = [u for u in m.near[a] if u != c] if parents else []
        leading = [(u, way) for u in first if (way := _way_to_any(uncovered_paths(m, a, u), parents))]
        for (u, left), (v, right) in combinations(leading, 2):
            if m.unshielded(u, a, v):
                yield (*left, c, *reversed(right)), {(a, c): TAIL}
                break


def _way_to_any(walks: Walks, nodes: list[str]) -> tuple[str, ...] | None:
    return next((walks.to(n) for n in nodes if n in walks.into), None)


Stage = tuple[tuple[str, Rule], ...]

COLLIDERS: Stage = (("R0", r0),)
ARROWHEADS: Stage = (("R1", r1), ("R2", r2), ("R3", r3), ("R4", r4))
SELECTION: tuple[Stage, ...] = ((("R5", r5),), (("R6", r6), ("R7", r7)))
TAILS: Stage = (("R8", r8), ("R9", r9), ("R10", r10))

# The order of the paper: the rules of a stage run until none of them finds anything, then those of the next.
ALL_RULES: tuple[Stage, ...] = (COLLIDERS, ARROWHEADS, *SELECTION, TAILS)
WITHOUT_SELECTION: tuple[Stage, ...] = (COLLIDERS, ARROWHEADS, TAILS)


def orient(graph: MixedGraph, is_collider: IsCollider, stages: Iterable[Stage] = ALL_RULES) -> Orientation:
    """Orient the circles of a graph by Zhang's rules, in polynomial time.

    Args:
        graph: at most one edge a pair; marks that stand are kept.
        is_collider: what separations say about the last node but one of a path. No rule takes an unshielded triple
            for a non-collider where rule R0, which runs first, found that open.
        stages: the rules, stage by stage: `ALL_RULES`, `WITHOUT_SELECTION`, or ``(COLLIDERS,)`` alone.

    Returns:
        The graph, complete where the answers are those of a MAG: each circle that is left is a tail in one MAG that
        agrees with the answers and an arrowhead in another.

    Source: J. Zhang (2008), section 3.2 and theorem 4, doi:10.1016/j.artint.2008.08.001.

    >>> graph = circles(MixedGraph.build([("A", "->", "B"), ("C", "->", "B"), ("B", "->", "D")]))
    >>> found = orient(graph, lambda path: path[-2] == "B" and "D" not in path)
    >>> [str(e) for e in found.graph.edges], found.reasons["B", "D"]
    (['A o-> B', 'C o-> B', 'B -> D'], Reason(rule='R1', nodes=('A', 'B', 'D')))
    """
    marks = Marks.of(graph, is_collider)
    clashing: set[Place] = set()
    for stage in stages:
        while _round(marks, stage, clashing):
            pass
    return Orientation(marks.to_graph(), marks.reasons, tuple(marks.conflicts), frozenset(marks.open))


def _round(m: Marks, stage: Stage, clashing: set[Place]) -> bool:
    """Set what the rules of a stage conclude from the marks that stand; return whether anything changed.

    Where conclusions want opposite marks the place joins those that clash, which nothing sets any more.
    """
    found = [(Reason(name, nodes), marks) for name, rule in stage for nodes, marks in rule(m)]
    wanted: dict[Place, Mark] = {}
    for _, marks in found:
        if all(m.at[place] in (CIRCLE, mark) for place, mark in marks.items()):
            clashing |= {place for place, mark in marks.items() if wanted.setdefault(place, mark) != mark}
    changed = False
    for reason, marks in found:
        undrawn = [place for place in marks if place in clashing]
        for place in undrawn:
            m.conflicts.setdefault(Conflict(*place, CIRCLE, marks[place], reason))
        if not undrawn:
            changed |= m.conclude(reason, marks)
    return changed


def circles(graph: MixedGraph) -> MixedGraph:
    """Return the same adjacencies with a circle at each end, which is where orientation starts.

    >>> [str(e) for e in circles(MixedGraph.build([("A", "->", "B")])).edges]
    ['A o-o B']
    """
    return graph.with_edges((Edge(a, "o-o", b).canonical for a, _, b in graph.edges), kind="pag")


def collider_in(graph: MixedGraph) -> IsCollider:
    """Return the answers that a MAG's own marks give, which speak for its separations where it is asked."""
    at = marks_of(graph)

    def is_collider(path: tuple[str, ...]) -> bool:
        before, node, after = path[-3:]
        return at[node, before] == ARROW == at[node, after]

    return is_collider


def pag(graph: MixedGraph) -> MixedGraph:
    """Return the PAG of a graph: the marks that all Markov equivalent MAGs share, and circles.

    Args:
        graph: a mag, or a dag or admg, latent and selected nodes among its nodes, whose MAG it is. A pag is returned
            as it is.

    Raises:
        ModelError: the graph is of another kind (E108), or breaks its claim (E102, E103).

    Source: J. Zhang (2008), theorem 4, doi:10.1016/j.artint.2008.08.001; that a collider on a path that discriminates
    it is one in all equivalent MAGs: R. A. Ali, T. Richardson, P. Spirtes, "Markov equivalence for ancestral graphs",
    Annals of Statistics 37 (2009), doi:10.1214/08-AOS626.

    >>> [str(e) for e in pag(MixedGraph.build([("A", "->", "C"), ("B", "->", "C"), ("C", "->", "D")])).edges]
    ['A o-> C', 'B o-> C', 'C -> D']
    """
    if graph.kind == "pag":
        return graph
    return orient_mag(mag(graph)).graph


def orient_mag(graph: MixedGraph) -> Orientation:
    """Return the PAG of a legal mag, and the reason behind each of its marks."""
    return orient(circles(graph), collider_in(graph))
