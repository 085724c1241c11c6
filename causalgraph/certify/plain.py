"""The graph as the checker sees it: its own latent projection, districts, and separation, with nothing of the engine's.

Separation is decided by moralising the ancestral graph with networkx.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import networkx as nx

from causalgraph.graphs.mixed import MixedGraph

__all__ = ["Plain", "cut", "separated"]

Names = frozenset[str]


def cut(graph: MixedGraph, into: Names, out_of: Names) -> nx.DiGraph[Any]:
    """Return the arrows of the graph but those into ``into`` and out of ``out_of``."""
    out: nx.DiGraph[Any] = nx.DiGraph()
    out.add_nodes_from(graph.nodes)
    arrows = ((e.left, e.right) for e in graph.edges if e.mark == "->")
    out.add_edges_from((a, b) for a, b in arrows if b not in into and a not in out_of)
    return out


def separated(
    graph: MixedGraph,
    x: Names,
    y: Names,
    z: Names,
    *,
    into: Names = frozenset(),
    out_of: Names = frozenset(),
    drop: frozenset[tuple[str, str]] = frozenset(),
) -> bool:
    """Decide separation: make each ``<->`` a hidden parent, moralise the ancestral graph, look for a path round Z."""
    directed = cut(graph, into, out_of)
    directed.remove_edges_from(drop)
    pairs = (e for e in graph.edges if e.mark == "<->" and not {e.left, e.right} & into)
    for number, edge in enumerate(pairs):
        directed.add_edges_from([((number, "hidden"), edge.left), ((number, "hidden"), edge.right)])
    kept = set(x | y | z)
    kept.update(*(nx.ancestors(directed, n) for n in x | y | z))
    part = directed.subgraph(kept)
    moral: nx.Graph[Any] = nx.Graph(part.to_undirected())
    for node in part:
        moral.add_edges_from(combinations(part.predecessors(node), 2))
    moral.remove_nodes_from(z)
    reached: set[Any] = set().union(*(nx.node_connected_component(moral, a) for a in x - z))
    return not reached & y


@dataclass
class Plain:
    """The latent projection: the arrows and the two-headed edges among the observed variables.

    An arrow stands for a directed path, a two-headed edge for a pair of directed paths from one hidden source (or from
    the ends of a two-headed edge), each with none but latent nodes inside.
    """

    graph: MixedGraph
    nodes: Names = field(init=False)
    parents: dict[str, set[str]] = field(init=False)
    joined: nx.Graph[str] = field(init=False)

    def __post_init__(self) -> None:
        """Project."""
        latent = self.graph.latent
        below: dict[str, list[str]] = {n: [] for n in self.graph.nodes}
        for edge in self.graph.edges:
            if edge.mark == "->":
                below[edge.left].append(edge.right)

        def shown(node: str) -> set[str]:
            """Return what a node comes out as: itself, or the first observed nodes below a latent one."""
            seen, todo = {node}, [node]
            for n in todo:
                if n in latent:
                    fresh = [c for c in below[n] if c not in seen]
                    seen.update(fresh)
                    todo += fresh
            return seen - latent

        self.nodes = frozenset(self.graph.nodes) - latent
        self.parents = {n: set() for n in self.nodes}
        for node in self.nodes:
            for child in below[node]:
                for end in shown(child):
                    self.parents[end].add(node)
        self.joined = nx.Graph()
        self.joined.add_nodes_from(self.nodes)
        sources = [(shown(u), shown(u)) for u in latent]
        sources += [(shown(e.left), shown(e.right)) for e in self.graph.edges if e.mark == "<->"]
        for left, right in sources:
            self.joined.add_edges_from((a, b) for a in left for b in right if a != b)

    def districts(self, within: Iterable[str]) -> list[set[str]]:
        """Return the districts of the subgraph on ``within``."""
        return list(nx.connected_components(self.joined.subgraph(within)))

    def outside(self, of: Iterable[str]) -> set[str]:
        """Return the parents of a set that lie outside of it."""
        members = set(of)
        return set().union(*(self.parents[n] for n in members)) - members

    def pillow(self, node: str, prefix: set[str]) -> set[str]:
        """Return the district of a node in a prefix of an order, and the parents of that district, without the node."""
        district = nx.node_connected_component(self.joined.subgraph(prefix), node)
        return (district | (self.outside(district) & prefix)) - {node}
