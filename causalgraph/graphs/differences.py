"""What differs between two graphs, pair by pair of nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.names import natural

__all__ = ["Compared", "Verdict", "compared"]

# Joined in one graph alone, joined in both by other marks, joined in both alike.
Verdict = Literal["first", "second", "other", "same"]


@dataclass(frozen=True)
class Compared:
    """A pair of nodes that one of two graphs joins at the least: the edges of each graph, and how they differ."""

    pair: tuple[str, str]
    first: tuple[Edge, ...]
    second: tuple[Edge, ...]

    @property
    def verdict(self) -> Verdict:
        """How the two differ: a pair may be joined by several edges, as in a bow, and all of them count."""
        if self.first and self.second:
            return "same" if set(self.first) == set(self.second) else "other"
        return "first" if self.first else "second"


def compared(first: MixedGraph, second: MixedGraph) -> Iterator[Compared]:
    """Yield each pair of nodes that is joined in one of two graphs at the least, in natural order.

    >>> one = MixedGraph.build([("A", "->", "B"), ("B", "->", "C")])
    >>> two = MixedGraph.build([("A", "<-", "B"), ("C", "->", "D")])
    >>> [(*c.pair, c.verdict) for c in compared(one, two)]
    [('A', 'B', 'other'), ('B', 'C', 'first'), ('C', 'D', 'second')]
    """
    one, two = _by_pair(first), _by_pair(second)
    for pair in sorted({*one, *two}, key=lambda names: tuple(map(_order, names))):
        yield Compared(pair, tuple(one.get(pair, ())), tuple(two.get(pair, ())))


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
