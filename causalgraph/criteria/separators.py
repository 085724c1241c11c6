"""All minimal separators of two sets of vertices, lazily, in a graph that is given by its cliques.

The moralised ancestral graph of a mixed graph is a union of cliques, one a district with its parents. Kept so, it
takes linear space where its edges would take quadratic, and a vertex that may not stand in a separator goes by melting
its cliques into one.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any

import numpy as np

from causalgraph.graphs.compiling import compiled
from causalgraph.names import natural

__all__ = ["Cliques", "minimal_separators"]

# What a search knows of a vertex: nothing, may not be entered, was entered, may not be entered and stands next to it.
BLOCKED, REACHED, BORDER = 1, 2, 3

# Up to this many memberships in cliques the search runs as plain Python: compiled, it would take longer to load.
SMALL = 500


@dataclass(frozen=True)
class Cliques:
    """A graph as the union of `members`, each a clique; `of` lists the cliques of each vertex."""

    members: Sequence[frozenset[str]]
    of: dict[str, list[int]]

    @classmethod
    def build(cls, cliques: Iterable[Collection[str]]) -> Cliques:
        """Index cliques by vertex."""
        members = [frozenset(c) for c in cliques]
        of: dict[str, list[int]] = {}
        for i, clique in enumerate(members):
            for vertex in clique:
                of.setdefault(vertex, []).append(i)
        return cls(members, of)

    def without(self, removed: Iterable[str]) -> Cliques:
        """Delete vertices, with their edges."""
        gone = frozenset(removed)
        return Cliques.build(c - gone for c in self.members)

    def eliminated(self, vertices: Iterable[str]) -> Cliques:
        """Eliminate vertices: their neighbours become neighbours of one another.

        >>> [sorted(c) for c in Cliques.build(["ab", "bc", "cd"]).eliminated("b").members]
        [['a', 'c'], ['c', 'd']]
        """
        root = list(range(len(self.members)))

        def find(i: int) -> int:
            while root[i] != i:
                root[i] = root[root[i]]
                i = root[i]
            return i

        gone = frozenset(vertices)
        for vertex in gone:
            first, *rest = self.of.get(vertex, [0])
            for other in rest:
                root[find(other)] = find(first)
        merged: dict[int, set[str]] = {}
        for i, clique in enumerate(self.members):
            merged.setdefault(find(i), set()).update(clique - gone)
        return Cliques.build(merged.values())

    def component(self, starts: Iterable[str], blocked: Collection[str]) -> tuple[set[str], set[str]]:
        """Return what is reached from ``starts`` outside ``blocked``, and the blocked vertices next to it."""
        inside = set(starts)
        border: set[str] = set()
        queue = list(inside)
        used: set[int] = set()
        for vertex in queue:
            for i in self.of.get(vertex, ()):
                if i not in used:
                    used.add(i)
                    for other in self.members[i]:
                        if other in blocked:
                            border.add(other)
                        elif other not in inside:
                            inside.add(other)
                            queue.append(other)
        return inside, border

    def neighbours(self, vertices: Collection[str]) -> set[str]:
        """Return the vertices next to a set, those of the set left out."""
        return {n for v in vertices for i in self.of.get(v, ()) for n in self.members[i]}.difference(vertices)


def minimal_separators(graph: Cliques, x: frozenset[str], y: frozenset[str]) -> Iterator[frozenset[str]]:
    """Yield every minimal set of vertices outside X and Y that cuts X from Y; nothing where X touches Y.

    From each separator the next ones follow by pushing one of its vertices to X's side. Each step is linear in the
    graph and each separator has at most one successor a vertex, so the time between two answers is polynomial. Small
    sets come early, though not in strict order.

    Source: T. Kloks and D. Kratsch, "Listing all minimal separators of a graph", SIAM J. Comput. 27 (1998) 605-613,
    doi:10.1137/S009753979427087X; H. Shen and W. Liang, "Efficient enumeration of all minimal separators in a graph"
    (1997), doi:10.1016/S0304-3975(97)83809-1.

    >>> path = Cliques.build([("x", "a"), ("a", "b"), ("b", "y")])
    >>> [sorted(s) for s in minimal_separators(path, frozenset("x"), frozenset("y"))]
    [['a'], ['b']]
    """
    vertices = sorted(graph.of, key=natural)
    number = {vertex: i for i, vertex in enumerate(vertices)}
    flat = Flat.of([[number[v] for v in clique] for clique in graph.members], [graph.of[v] for v in vertices])
    start, goal = ([number[v] for v in side if v in number] for side in (x, y))

    seen: set[tuple[int, ...]] = set()
    heap: list[tuple[int, tuple[int, ...]]] = []

    def push(state: Any) -> None:
        """Take the separator closest to Y's side of vertices, now blocked, that cut X off."""
        if all(state[v] != BLOCKED for v in goal):
            found = tuple(sorted(flat.border(goal, state)))
            if found not in seen:
                seen.add(found)
                heapq.heappush(heap, (len(found), found))

    untouched, side = flat.blank(), flat.blank(start, REACHED)
    for vertex in start:
        flat.block_next_to(vertex, side, untouched)
    push(untouched)
    while heap:
        _, separator = heapq.heappop(heap)
        yield frozenset(vertices[v] for v in separator)
        side = flat.blank(separator, BLOCKED)
        flat.border(start, side)
        for vertex in separator:
            state = flat.blank(separator, BLOCKED)
            flat.block_next_to(vertex, side, state)
            state[vertex] = 0
            push(state)


@dataclass(frozen=True)
class Flat:
    """Cliques by number: those of vertex ``v`` are ``at[first_at[v]:first_at[v + 1]]``, and so for their members.

    All four are lists, or in a large graph arrays, which the searches run over as machine code.
    """

    first_at: Any
    at: Any
    first_in: Any
    members: Any
    large: bool

    @classmethod
    def of(cls, members: Sequence[Sequence[int]], at: Sequence[Sequence[int]]) -> Flat:
        """Lay lists of numbers end to end."""
        firsts = [[0, *accumulate(map(len, lists))] for lists in (at, members)]
        ends = [list(chain(*lists)) for lists in (at, members)]
        if len(ends[0]) <= SMALL:
            return cls(firsts[0], ends[0], firsts[1], ends[1], large=False)
        (first_at, first_in), (flat_at, flat_in) = ([np.array(row, np.int64) for row in two] for two in (firsts, ends))
        return cls(first_at, flat_at, first_in, flat_in, large=True)

    def blank(self, vertices: Iterable[int] = (), mark: int = 0) -> Any:
        """Return what is known of each vertex: nothing, but for some."""
        count = len(self.first_at) - 1
        state: Any = np.zeros(count, np.uint8) if self.large else bytearray(count)
        for vertex in vertices:
            state[vertex] = mark
        return state

    def border(self, side: Sequence[int], state: Any) -> list[int]:
        """Mark what is reached from a side past what is blocked, and list the blocked vertices next to it."""
        vertices, cliques = len(self.first_at) - 1, len(self.first_in) - 1
        arrays = (self.first_at, self.at, self.first_in, self.members, state)
        if not self.large:
            found = [0] * vertices
            queue = [*side, *[0] * (vertices - len(side))]
            return found[: _border(*arrays, queue, len(side), bytearray(cliques), found)]
        met, numbers = np.zeros(vertices, np.int64), np.zeros(vertices, np.int64)
        numbers[: len(side)] = side
        count = compiled(_border)(*arrays, numbers, len(side), np.zeros(cliques, np.uint8), met)
        return [int(v) for v in met[:count]]

    def block_next_to(self, vertex: int, side: Any, state: Any) -> None:
        """Block the neighbours of a vertex that a side hasn't reached."""
        block = compiled(_block) if self.large else _block
        block(self.first_at, self.at, self.first_in, self.members, side, vertex, state)


def _border(  # noqa: PLR0913, PLR0917 (machine code takes arrays, not objects)
    first_at: Any,
    at: Any,
    first_in: Any,
    members: Any,
    state: Any,
    queue: Any,
    begun: int,
    used: Any,
    found: Any,
) -> int:
    """Fill ``state`` and ``found``; return how many were found. This is `Cliques.component` on numbers."""
    for k in range(begun):
        state[queue[k]] = REACHED
    head, tail, count = 0, begun, 0
    while head < tail:
        vertex = queue[head]
        head += 1
        for i in range(first_at[vertex], first_at[vertex + 1]):
            clique = at[i]
            if not used[clique]:
                used[clique] = 1
                for k in range(first_in[clique], first_in[clique + 1]):
                    other = members[k]
                    if state[other] == 0:
                        state[other] = REACHED
                        queue[tail] = other
                        tail += 1
                    elif state[other] == BLOCKED:
                        state[other] = BORDER
                        found[count] = other
                        count += 1
    return count


def _block(first_at: Any, at: Any, first_in: Any, members: Any, side: Any, vertex: int, state: Any) -> None:
    """Mark the neighbours of a vertex as blocked, but for those that ``side`` has reached."""
    for i in range(first_at[vertex], first_at[vertex + 1]):
        for k in range(first_in[at[i]], first_in[at[i] + 1]):
            if side[members[k]] != REACHED:
                state[members[k]] = BLOCKED
