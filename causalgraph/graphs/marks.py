"""Marks that are being set, one at a time and never twice: what Zhang's rules work on.

A `MixedGraph` never changes; here marks replace circles, each with the reason that set it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from causalgraph.graphs.mixed import WRITTEN, Edge, Mark, MixedGraph

__all__ = [
    "ARROW",
    "CIRCLE",
    "TAIL",
    "Conflict",
    "IsCollider",
    "Marks",
    "Orientation",
    "Place",
    "Reason",
    "Walks",
    "marks_of",
    "uncovered_circle_path",
    "uncovered_paths",
]

ARROW, TAIL, CIRCLE = Mark.ARROW, Mark.TAIL, Mark.CIRCLE

# Where a mark stands: at the first node, on the edge to the second.
Place = tuple[str, str]

# Is the last node but one a collider on a path <first, ..., before, it, last>, whose ends aren't adjacent? None leaves
# it open. Asked of an unshielded triple, and of a path that discriminates the node.
IsCollider = Callable[[tuple[str, ...]], bool | None]


class Reason(NamedTuple):
    """The rule that set a mark, and the nodes that it found its premise in."""

    rule: str
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class Conflict:
    """A conclusion that wasn't drawn: it contradicts the mark that stands at ``at`` on the edge to ``other``."""

    at: str
    other: str
    stands: Mark
    wanted: Mark
    reason: Reason


@dataclass(frozen=True)
class Orientation:
    """An oriented graph, the reason behind each mark that a rule set, and the conclusions that met a contradiction."""

    graph: MixedGraph
    reasons: Mapping[Place, Reason]
    conflicts: tuple[Conflict, ...]
    # Unshielded triples, read from either end, of which nobody knows whether the middle is a collider.
    open: frozenset[tuple[str, str, str]] = frozenset()


@dataclass
class Marks:
    """The marks as they stand while rules run."""

    graph: MixedGraph
    is_collider: IsCollider
    at: dict[Place, Mark]
    near: dict[str, tuple[str, ...]]
    reasons: dict[Place, Reason] = field(default_factory=dict)
    conflicts: dict[Conflict, None] = field(default_factory=dict)
    walks: dict[Place, Walks] = field(default_factory=dict)
    # Unshielded triples, read from either end, of which nobody knows whether the middle is a collider.
    open: set[tuple[str, str, str]] = field(default_factory=set)

    @classmethod
    def of(cls, graph: MixedGraph, is_collider: IsCollider) -> Marks:
        """Read the marks of a graph."""
        near: dict[str, list[str]] = {n: [] for n in graph.nodes}
        for left, _, right in graph.edges:
            near[left].append(right)
            near[right].append(left)
        order = {n: i for i, n in enumerate(graph.nodes)}
        ordered = {n: tuple(sorted(others, key=order.__getitem__)) for n, others in near.items()}
        return cls(graph, is_collider, marks_of(graph), ordered)

    def apart(self, a: str, b: str) -> bool:
        """Are two nodes distinct, and joined by no edge?"""
        return a != b and (a, b) not in self.at

    def unshielded(self, a: str, b: str, c: str) -> bool:
        """Are the neighbours A and C of B apart, and is it settled whether B is a collider between them?"""
        return a != c and (a, c) not in self.at and (a, b, c) not in self.open

    def arrow(self, a: str, b: str) -> bool:
        """Does A -> B stand?"""
        return self.at.get((a, b)) == TAIL and self.at[b, a] == ARROW

    def conclude(self, reason: Reason, marks: Mapping[Place, Mark]) -> bool:
        """Set all marks of a conclusion, or none where one is contradicted; return whether anything changed."""
        against = [place for place, mark in marks.items() if self.at[place] not in (CIRCLE, mark)]
        for place in against:
            self.conflicts.setdefault(Conflict(*place, self.at[place], marks[place], reason))
        if against:
            return False
        fresh = {place: mark for place, mark in marks.items() if self.at[place] == CIRCLE}
        for (at, other), mark in fresh.items():
            # A tail behind an arrowhead closes no potentially directed path and opens none.
            if mark == ARROW or self.at[other, at] != ARROW:
                self.walks.clear()
            self.at[at, other] = mark
            self.reasons[at, other] = reason
        return bool(fresh)

    def to_graph(self) -> MixedGraph:
        """Return the marks as a pag."""
        edges = [Edge(a, WRITTEN[self.at[a, b], self.at[b, a]], b).canonical for a, _, b in self.graph.edges]
        return self.graph.with_edges(edges, kind="pag")


def marks_of(graph: MixedGraph) -> dict[Place, Mark]:
    """Return each mark by its place."""
    at: dict[Place, Mark] = {}
    for edge in graph.edges:
        at[edge.left, edge.right], at[edge.right, edge.left] = edge.marks
    return at


@dataclass(frozen=True)
class Walks:
    """Uncovered walks by breadth-first search over edges: each edge with the one before it, each node's first edge."""

    came: dict[Place, Place | None]
    into: dict[str, Place]

    @classmethod
    def of(cls, m: Marks, starts: list[Place], passes: Callable[[str, str], bool]) -> Walks:
        """Search from edges, along those that pass."""
        came: dict[Place, Place | None] = dict.fromkeys(starts)
        into: dict[str, Place] = {}
        queue = list(starts)
        for u, v in queue:
            into.setdefault(v, (u, v))
            for w in m.near[v]:
                if (v, w) not in came and m.unshielded(u, v, w) and passes(v, w):
                    came[v, w] = (u, v)
                    queue.append((v, w))
        return cls(came, into)

    def to(self, node: str) -> tuple[str, ...] | None:
        """Return the nodes of a shortest walk to a node, if one leads there."""
        return self.back(self.into[node]) if node in self.into else None

    def back(self, edge: Place) -> tuple[str, ...]:
        """Return the nodes of the walk that ends with an edge."""
        nodes = [edge[1]]
        at: Place | None = edge
        while at is not None:
            nodes.append(at[0])
            at = self.came[at]
        return tuple(reversed(nodes))


def uncovered_paths(m: Marks, a: str, b: str) -> Walks:
    """Return the uncovered potentially directed paths <A, B, ...> to wherever one leads.

    No edge of it has an arrowhead at its near end or a tail at its far end; no node is adjacent to the next but one.
    Uncovered looks at three nodes at once, so a search over edges finds all in polynomial time. It may meet a node
    twice. The rules stay sound: were the first edge directed, all would be, and such a closed walk can't be.
    """
    if (a, b) not in m.walks:
        starts = [(a, b)] if m.at[a, b] != ARROW and m.at[b, a] != TAIL else []
        m.walks[a, b] = Walks.of(m, starts, lambda v, w: w != a and m.at[v, w] != ARROW and m.at[w, v] != TAIL)
    return m.walks[a, b]


def uncovered_circle_path(m: Marks, a: str, b: str) -> tuple[str, ...] | None:
    """Return an uncovered path A o-o C o-o ... o-o D o-o B in which neither A and D nor B and C are adjacent.

    As with potentially directed paths, it may meet a node twice: an arrowhead anywhere on it would still go round.
    """

    def open_both(v: str, w: str) -> bool:
        return m.at[v, w] == CIRCLE == m.at[w, v]

    walks = Walks.of(m, [(a, c) for c in m.near[a] if m.unshielded(c, a, b) and open_both(a, c)], open_both)
    closing = next((state for state in walks.came if state[1] == b and m.unshielded(state[0], b, a)), None)
    return closing and walks.back(closing)
