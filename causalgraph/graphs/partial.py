"""Arrows and undirected edges by number, open to change: what orienting the edges of a graph works on.

A `MixedGraph` never changes. Closing, extending and counting orient edges by the thousand and take many of them back,
so they do it here, and turn the outcome into a graph at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from causalgraph.errors import ModelError
from causalgraph.graphs.mixed import Edge, MixedGraph

__all__ = ["ALLOWED", "Partial", "Step", "cycle_in", "doubled", "parts"]

# Kind -> the edges it may have: the kinds whose members are DAGs.
ALLOWED = {"dag": ("->",), "cpdag": ("->", "--"), "mpdag": ("->", "--"), "pdag": ("->", "--")}


class Step(NamedTuple):
    """An undirected edge becomes ``tail -> head``, by one of Meek's rules (1 to 4) or from outside (0).

    `nodes` are the further nodes of the rule's picture.
    """

    tail: int
    head: int
    rule: int = 0
    nodes: tuple[int, ...] = ()

    @property
    def arrow(self) -> tuple[int, int]:
        """Tail and head."""
        return self.tail, self.head


@dataclass(frozen=True)
class Partial:
    """A partly directed graph by the numbers of its nodes, which can be oriented and taken back.

    `near` holds a node's neighbours by any edge and never changes; `beside` those by an undirected edge. `trail`
    lists the steps so far.
    """

    number: dict[str, int]
    parents: list[set[int]]
    children: list[set[int]]
    beside: list[set[int]]
    near: list[frozenset[int]]
    trail: list[Step] = field(default_factory=list)

    @classmethod
    def of(cls, graph: MixedGraph, what: str) -> Partial:
        """Read a graph of kind dag, cpdag, mpdag or pdag; `what` says, in an error, what isn't supported on others.

        Raises:
            ModelError: another kind (E108), an edge that the kind doesn't allow (E102), two edges on one pair (E104).
        """
        if graph.kind not in ALLOWED:
            why = "it speaks of sets of DAGs, which the kinds " + ", ".join(ALLOWED) + " stand for"
            raise ModelError.because("E108", f"{what} isn't supported on a graph of kind {graph.kind}", why=why)
        for edge in graph.edges:
            if edge.mark not in ALLOWED[graph.kind]:
                raise ModelError.because("E102", f"{edge} can't stand in a graph of kind {graph.kind}")
        pair = doubled(graph)
        if pair:
            raise ModelError.because("E104", f"{pair[0]} and {pair[1]} contradict each other", fix="keep one of them")
        number = {name: i for i, name in enumerate(graph.nodes)}
        parents: list[set[int]] = [set() for _ in number]
        children: list[set[int]] = [set() for _ in number]
        beside: list[set[int]] = [set() for _ in number]
        for edge in graph.edges:
            left, right = number[edge.left], number[edge.right]
            if edge.mark == "->":
                children[left].add(right)
                parents[right].add(left)
            else:
                beside[left].add(right)
                beside[right].add(left)
        near = [frozenset().union(*ways) for ways in zip(parents, children, beside, strict=True)]
        return cls(number, parents, children, beside, near)

    def orient(self, step: Step) -> None:
        """Turn an undirected edge into an arrow."""
        tail, head = step.arrow
        self.beside[tail].remove(head)
        self.beside[head].remove(tail)
        self.children[tail].add(head)
        self.parents[head].add(tail)
        self.trail.append(step)

    def undo(self, length: int) -> None:
        """Take back the last steps, until the trail has a length."""
        while len(self.trail) > length:
            tail, head = self.trail.pop().arrow
            self.children[tail].remove(head)
            self.parents[head].remove(tail)
            self.beside[tail].add(head)
            self.beside[head].add(tail)

    def arrows(self) -> list[tuple[int, int]]:
        """Return every arrow as tail and head."""
        return [(tail, head) for tail, heads in enumerate(self.children) for head in heads]

    def applied(self, graph: MixedGraph, kind: str) -> MixedGraph:
        """Return the graph that was read, with its undirected edges as they are now."""
        return graph.with_edges(map(self.now, graph.edges), kind=kind)

    def now(self, edge: Edge) -> Edge:
        """Return an edge of the graph that was read as it is now."""
        if edge.mark == "--":
            left, right = self.number[edge.left], self.number[edge.right]
            if right in self.children[left]:
                return Edge(edge.left, "->", edge.right)
            if left in self.children[right]:
                return Edge(edge.right, "->", edge.left)
        return edge


def doubled(graph: MixedGraph) -> tuple[Edge, Edge] | None:
    """Return two edges that join one pair of nodes, if there are such."""
    if len({frozenset((e.left, e.right)) for e in graph.edges}) == len(graph.edges):
        return None
    first: dict[frozenset[str], Edge] = {}
    twice = (e for e in graph.edges if first.setdefault(frozenset((e.left, e.right)), e) != e)
    second = next(twice)
    return first[frozenset((second.left, second.right))], second


def parts(beside: Callable[[int], Iterable[int]], nodes: Iterable[int]) -> list[list[int]]:
    """Return the connected parts of `nodes`, where `beside` gives a node's neighbours; lone nodes are left out.

    >>> near = {1: {2}, 2: {1}, 3: set()}
    >>> parts(near.__getitem__, near)
    [[1, 2]]
    """
    found = []
    left = dict.fromkeys(nodes)
    while left:
        members = [left.popitem()[0]]
        for member in members:
            fresh = [n for n in beside(member) if n in left]
            members += fresh
            for n in fresh:
                del left[n]
        if len(members) > 1:
            found.append(sorted(members))
    return found[::-1]


def cycle_in(parents: Sequence[set[int]], nodes: Collection[int]) -> list[int]:
    """Return the nodes of a directed cycle among `nodes`, in order, or nothing where there is none.

    >>> cycle_in([{2}, {0}, {1}], range(3))
    [0, 1, 2]
    """
    within = set(nodes)
    waiting = {n: parents[n] & within for n in nodes}
    below: dict[int, list[int]] = {n: [] for n in nodes}
    for node, above in waiting.items():
        for parent in above:
            below[parent].append(node)
    ready = [n for n, above in waiting.items() if not above]
    for node in ready:
        for child in below[node]:
            waiting[child].remove(node)
            if not waiting[child]:
                ready.append(child)
    stuck = next((n for n, above in waiting.items() if above), None)
    if stuck is None:
        return []
    # Each node that still waits, waits for another one: going up must come back.
    back: dict[int, None] = {}
    while stuck not in back:
        back[stuck] = None
        stuck = min(waiting[stuck])
    loop = list(back)[::-1]
    loop = loop[: loop.index(stuck) + 1]
    turn = loop.index(min(loop))
    return loop[turn:] + loop[:turn]
