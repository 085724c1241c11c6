"""Paths and the triples along them: fork, chain, collider."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise
from typing import Any, Literal

from causalgraph.graphs.mixed import Edge, Mark, MixedGraph

__all__ = ["Path", "Role", "Triple", "role", "triples", "unicode_edge"]

Role = Literal["fork", "chain", "collider"]

UNICODE = {
    "->": "→",
    "<-": "←",
    "<->": "↔",
    "--": "—",
    "o->": "o→",
    "<-o": "←o",
    "o-o": "o–o",
    "o--": "o—",
    "--o": "—o",
}


def unicode_edge(mark: str) -> str:
    """Return an edge as a reader likes it.

    >>> unicode_edge("<->")
    '↔'
    """
    return UNICODE[mark]


@dataclass(frozen=True)
class Triple:
    """Three neighbours on a path, or in the graph, and what the middle one is.

    `blocks` says whether it closes the path, given what is conditioned on; None where no path was asked about.
    `shielded` says whether the outer two are joined by an edge of their own.
    """

    nodes: tuple[str, str, str]
    edges: tuple[Edge, Edge]
    role: Role
    shielded: bool
    blocks: bool | None = None

    @property
    def text(self) -> str:
        """The triple as it is written in a `.dag` file."""
        first, second = self.edges
        return f"{first} {second.mark} {second.right}"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        out = {"text": self.text, "nodes": list(self.nodes), "role": self.role, "shielded": self.shielded}
        return out if self.blocks is None else out | {"blocks": self.blocks}


def role(first: Edge, second: Edge) -> Role:
    """Return what the node between two edges is: ``first`` leads into it, ``second`` away.

    Both arrowheads: collider. Both tails: fork. Else chain; ``A <-> B -> C`` is a chain by this reading, since B
    passes on what it has from the common cause of A and B.
    """
    into, out_of = first.marks[1], second.marks[0]
    if into == out_of == Mark.ARROW:
        return "collider"
    return "fork" if into == out_of == Mark.TAIL else "chain"


@dataclass(frozen=True)
class Path:
    """A path: edges, each as it is walked, and the triples along it."""

    edges: tuple[Edge, ...]
    triples: tuple[Triple, ...]

    @classmethod
    def of(cls, graph: MixedGraph, edges: tuple[Edge, ...], passes: dict[str, tuple[bool, bool]]) -> Path:
        """Judge a path; ``passes[v]`` says whether v lets a path through as a non-collider, and as a collider."""
        found = []
        for first, second in pairwise(edges):
            kind = role(first, second)
            shielded = second.right in graph.adjacent[first.left]
            open_here = passes[first.right][kind == "collider"]
            found.append(
                Triple((first.left, first.right, second.right), (first, second), kind, shielded, not open_here)
            )
        return cls(edges, tuple(found))

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """The nodes from start to end."""
        return (self.edges[0].left, *(e.right for e in self.edges))

    @property
    def open(self) -> bool:
        """Does no triple block the path?"""
        return not any(t.blocks for t in self.triples)

    @property
    def causal(self) -> bool:
        """Does every arrow point away from the start?"""
        return all(e.mark == "->" for e in self.edges)

    @property
    def text(self) -> str:
        """The path as it is written in a `.dag` file."""
        return self.edges[0].left + "".join(f" {e.mark} {e.right}" for e in self.edges)

    @property
    def drawn(self) -> str:
        """The path with arrows as a reader likes them."""
        return self.edges[0].left + "".join(f" {unicode_edge(e.mark)} {e.right}" for e in self.edges)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "text": self.text,
            "open": self.open,
            "causal": self.causal,
            "triples": [t.to_dict() for t in self.triples],
        }


def triples(graph: MixedGraph) -> Iterator[Triple]:
    """Yield every fork, chain and collider of the graph, shielded or not, by the middle node.

    >>> graph = MixedGraph.build([("A", "->", "B"), ("C", "->", "B")])
    >>> [(t.text, t.role, t.shielded) for t in triples(graph)]
    [('A -> B <- C', 'collider', False)]
    """
    at: dict[str, list[Edge]] = {n: [] for n in graph.nodes}
    for edge in graph.edges:
        at[edge.right].append(edge)
        at[edge.left].append(edge.turned)
    for middle in graph.nodes:
        for first, other in combinations(at[middle], 2):
            if first.left != other.left:
                # A chain reads in the direction of its arrows.
                along = (first, other.turned)
                if role(*along) == "chain" and first.marks[1] != Mark.ARROW:
                    along = (other, first.turned)
                shielded = along[1].right in graph.adjacent[along[0].left]
                yield Triple((along[0].left, middle, along[1].right), along, role(*along), shielded)
