"""m-separation by definition: every simple path is walked, and looked at triple by triple.

Source: Richardson (2003), Markov properties for acyclic directed mixed graphs, https://doi.org/10.1111/1467-9469.00323.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import networkx as nx

from causalgraph.graphs.mixed import Edge, Mark, MixedGraph
from oracles.relations import ancestors

__all__ = [
    "Path",
    "Triple",
    "classified",
    "is_separated",
    "is_separated_by_networkx",
    "paths_between",
    "simple_paths",
]


@dataclass(frozen=True)
class Triple:
    """Three neighbours on a path; `role` is that of the middle one: fork, chain or collider."""

    nodes: tuple[str, str, str]
    role: str
    blocks: bool


@dataclass(frozen=True)
class Path:
    """A simple path with edges read along it, and what each inner node does to it."""

    edges: tuple[Edge, ...]
    triples: tuple[Triple, ...]

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes along the path."""
        return (self.edges[0].left, *(e.right for e in self.edges))

    @property
    def open(self) -> bool:
        """No triple blocks."""
        return not any(t.blocks for t in self.triples)

    @property
    def causal(self) -> bool:
        """Every edge points away from the start."""
        return all(e.mark == "->" for e in self.edges)


def edges_from(graph: MixedGraph, node: str) -> list[Edge]:
    """Return the edges at a node, read from it; both edges of a bow are there.

    Raises:
        ValueError: the graph has edges other than ``->`` and ``<->``.
    """
    if any(e.mark not in ("->", "<->") for e in graph.edges):
        msg = "the oracle knows DAGs and ADMGs only"
        raise ValueError(msg)
    return [e for e in graph.edges if e.left == node] + [e.turned for e in graph.edges if e.right == node]


def simple_paths(graph: MixedGraph, x: str, y: str, allowed: Iterable[str] | None = None) -> Iterator[tuple[Edge, ...]]:
    """Yield every path from x to y that meets no node twice; inner nodes are among `allowed`, where it is said."""
    inner = frozenset(graph.nodes if allowed is None else allowed) - {x, y}

    def onward(path: tuple[Edge, ...], here: str, met: frozenset[str]) -> Iterator[tuple[Edge, ...]]:
        for edge in edges_from(graph, here):
            if edge.right == y:
                yield (*path, edge)
            elif edge.right in inner - met:
                yield from onward((*path, edge), edge.right, met | {edge.right})

    return onward((), x, frozenset())


def classified(edges: tuple[Edge, ...], given: frozenset[str], given_ancestors: frozenset[str]) -> Path:
    """Say what each inner node of a path does: a collider blocks outside An(Z), any other node blocks inside Z.

    The role follows the marks at the middle node: two arrows a collider, two tails a fork, one of each a chain.
    """
    triples = []
    for before, after in pairwise(edges):
        middle = before.right
        arrows = [before.marks[1], after.marks[0]].count(Mark.ARROW)
        role = ("fork", "chain", "collider")[arrows]
        blocks = middle not in given_ancestors if role == "collider" else middle in given
        triples.append(Triple((before.left, middle, after.right), role, blocks))
    return Path(edges, tuple(triples))


def paths_between(graph: MixedGraph, x: str, y: str, given: Iterable[str] = ()) -> list[Path]:
    """Return every simple path from x to y, with its status given Z."""
    given = frozenset(given)
    given_ancestors = ancestors(graph, given)
    return [classified(edges, given, given_ancestors) for edges in simple_paths(graph, x, y)]


def is_separated(graph: MixedGraph, x: Iterable[str], y: Iterable[str], given: Iterable[str] = ()) -> bool:
    """Say whether no path from a node of X to a node of Y is open given Z."""
    given, y = frozenset(given), frozenset(y)
    given_ancestors = ancestors(graph, given)
    return not any(
        classified(edges, given, given_ancestors).open for a in x for b in y for edges in simple_paths(graph, a, b)
    )


def is_separated_by_networkx(graph: MixedGraph, x: Iterable[str], y: Iterable[str], given: Iterable[str] = ()) -> bool:
    """Say the same by networkx, on the DAG in which a latent common cause stands for each two-headed edge."""
    expanded: nx.DiGraph[Any] = nx.DiGraph()
    expanded.add_nodes_from(graph.nodes)
    for edge in graph.edges:
        if edge.mark == "->":
            expanded.add_edge(edge.left, edge.right)
        else:
            expanded.add_edge(edge, edge.left)
            expanded.add_edge(edge, edge.right)
    return bool(nx.is_d_separator(expanded, set(x), set(y), set(given)))
