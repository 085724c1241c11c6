"""Paths and the triples along them: fork, chain, collider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise
from typing import Any, Literal

from causalgraph.graphs.mixed import UNDIRECTED, Edge, Mark, MixedGraph

__all__ = ["Path", "Role", "Triple", "role", "triples", "unicode_edge"]

Role = Literal["fork", "chain", "collider", "non-collider", "unsettled"]

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

    `blocks` says whether it closes the path, given what is conditioned on; None where no path was asked about, or where
    the class of graphs doesn't settle whether the middle one is a collider.
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


def role(first: Edge, second: Edge, *, shielded: bool = True, undirected: bool = False) -> Role:
    """Return what the node between two edges is: ``first`` leads into it, ``second`` away.

    Both arrowheads: collider. Both tails: fork. Else chain; ``A <-> B -> C`` is a chain by this reading, since B
    passes on what it has from the common cause of A and B. Where a mark isn't known, a tail on the other side, or two
    such marks without an edge between the outer nodes, make it a non-collider: a fork or a chain; else it is unsettled.

    Args:
        first, second: the edges, as they are walked.
        shielded: whether an edge joins the outer nodes.
        undirected: whether ``--`` is an arrow of unknown direction, as in a cpdag, and not two tails.
    """
    into, out_of = first.marks[1], second.marks[0]
    if undirected:
        into = Mark.CIRCLE if first.mark == "--" else into
        out_of = Mark.CIRCLE if second.mark == "--" else out_of
    if Mark.CIRCLE in (into, out_of):
        definite = Mark.TAIL in (into, out_of) or (into == out_of and not shielded)
        return "non-collider" if definite else "unsettled"
    if into == out_of == Mark.ARROW:
        return "collider"
    return "fork" if into == out_of == Mark.TAIL else "chain"


@dataclass(frozen=True)
class Path:
    """A path: edges, each as it is walked, and the triples along it.

    It is `possibly_causal` where no arrowhead points back to the start, nor in an mpdag any arrow between its nodes, so
    that some graph of the class may have it causal.
    """

    edges: tuple[Edge, ...]
    triples: tuple[Triple, ...]
    possibly_causal: bool = False

    @classmethod
    def of(cls, graph: MixedGraph, edges: tuple[Edge, ...], passes: Mapping[str, tuple[bool, bool | None]]) -> Path:
        """Judge a path; ``passes[v]`` says whether v lets a path through as a non-collider, and as a collider.

        None says that it does so in some graphs of the class and not in others.
        """
        found = []
        for first, second in pairwise(edges):
            shielded = second.right in graph.adjacent[first.left]
            kind = role(first, second, shielded=shielded, undirected=graph.kind in UNDIRECTED)
            passing = None if kind == "unsettled" else passes[first.right][kind == "collider"]
            blocks = None if passing is None else not passing
            found.append(Triple((first.left, first.right, second.right), (first, second), kind, shielded, blocks))
        back = graph.kind in ("mpdag", "pdag") and any(
            Edge(b, "->", a) in graph.edges for a, b in combinations((edges[0].left, *(e.right for e in edges)), 2)
        )
        return cls(edges, tuple(found), possibly_causal=not back and all(e.marks[0] != Mark.ARROW for e in edges))

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """The nodes from start to end."""
        return (self.edges[0].left, *(e.right for e in self.edges))

    @property
    def open(self) -> bool | None:
        """Does no triple block the path? None where the class of graphs leaves that open."""
        if any(t.blocks for t in self.triples):
            return False
        return None if any(t.blocks is None for t in self.triples) else True

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
            "possibly_causal": self.possibly_causal,
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
                shielded = other.left in graph.adjacent[first.left]
                undirected = graph.kind in UNDIRECTED
                # A chain reads in the direction of its arrows.
                along = (first, other.turned)
                found = role(*along, shielded=shielded, undirected=undirected)
                if found == "chain" and first.marks[1] != Mark.ARROW:
                    along = (other, first.turned)
                yield Triple((along[0].left, middle, along[1].right), along, found, shielded)
