"""What differs between two graphs, pair by pair of nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from causalgraph.graphs.mixed import MARKS, UNDIRECTED, Edge, Mark, MixedGraph
from causalgraph.names import natural

__all__ = ["Compared", "Verdict", "compared"]

# Joined in one graph alone; in both, by marks that may be those of one truth, of which one graph says less; in both, by
# marks that contradict each other; in both alike.
Verdict = Literal["first", "second", "less", "other", "same"]

# The marks that leave nothing open.
SETTLED = tuple(marks for marks in MARKS.values() if Mark.CIRCLE not in marks)
DIRECTED = ((Mark.TAIL, Mark.ARROW), (Mark.ARROW, Mark.TAIL))


@dataclass(frozen=True)
class Compared:
    """A pair of nodes that one of two graphs joins at the least: the edges of each graph, and how they differ.

    Attributes:
        pair: the two nodes, in natural order.
        first: the edges that join them in the first graph.
        second: the edges that join them in the second graph.
        compatible: whether some settled marks fit what both graphs say.
    """

    pair: tuple[str, str]
    first: tuple[Edge, ...]
    second: tuple[Edge, ...]
    compatible: bool = False

    @property
    def verdict(self) -> Verdict:
        """How the two differ: a pair may be joined by several edges, as in a bow, and all of them count."""
        if self.first and self.second:
            if set(self.first) == set(self.second):
                return "same"
            return "less" if self.compatible else "other"
        return "first" if self.first else "second"


def compared(first: MixedGraph, second: MixedGraph) -> Iterator[Compared]:
    """Yield each pair of nodes that is joined in one of two graphs at the least, in natural order.

    A circle stands for a tail or an arrowhead, and an undirected edge of a cpdag, mpdag or pdag for an arrow whose
    direction is open; where some settled marks fit both graphs, they don't contradict each other. In other kinds of
    graphs the ends of an undirected edge are tails.

    >>> one = MixedGraph.build([("A", "->", "B"), ("B", "->", "C")])
    >>> two = MixedGraph.build([("A", "<-", "B"), ("C", "->", "D")])
    >>> [(*c.pair, c.verdict) for c in compared(one, two)]
    [('A', 'B', 'other'), ('B', 'C', 'first'), ('C', 'D', 'second')]
    >>> found = MixedGraph.build([("A", "--", "B"), ("C", "->", "D")], kind="cpdag")
    >>> [(*c.pair, c.verdict) for c in compared(found, two)]
    [('A', 'B', 'less'), ('C', 'D', 'same')]
    """
    open_ones = first.kind in UNDIRECTED, second.kind in UNDIRECTED
    one, two = _by_pair(first), _by_pair(second)
    for pair in sorted({*one, *two}, key=lambda names: tuple(map(_order, names))):
        here, there = tuple(one.get(pair, ())), tuple(two.get(pair, ()))
        yield Compared(pair, here, there, _compatible(here, there, open_ones))


def _compatible(here: Sequence[Edge], there: Sequence[Edge], open_ones: tuple[bool, bool]) -> bool:
    """Whether the edges of a pair are as many in both graphs, and those that differ are one in each that may be one."""
    rest = [e for e in here if e not in there], [e for e in there if e not in here]
    if any(len(edges) != 1 for edges in rest):
        return not any(rest)
    (one,), (other,) = rest
    read = other if other.left == one.left else other.turned
    here_open, there_open = open_ones
    left_open = _settled(one.marks, lines_are_open=here_open)
    return not set(left_open).isdisjoint(_settled(read.marks, lines_are_open=there_open))


def _settled(marks: tuple[Mark, Mark], *, lines_are_open: bool) -> list[tuple[Mark, Mark]]:
    """Return the settled marks that those of an edge leave open."""
    if lines_are_open and marks == (Mark.TAIL, Mark.TAIL):
        return list(DIRECTED)
    return [s for s in SETTLED if all(mark in (Mark.CIRCLE, end) for mark, end in zip(marks, s, strict=True))]


def _by_pair(graph: MixedGraph) -> dict[tuple[str, str], list[Edge]]:
    """Return the edges of each pair, its names and its edges in natural order."""
    found: dict[tuple[str, str], list[Edge]] = {}
    for edge in sorted(graph.edges, key=lambda e: (_order(e.left), _order(e.right), e.mark)):
        left, right = sorted((edge.left, edge.right), key=_order)
        found.setdefault((left, right), []).append(edge)
    return found


def _order(name: str) -> tuple[object, str]:
    """Sort as people do, and tell V1 from V01."""
    return natural(name), name
