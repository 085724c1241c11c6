"""The latent projection by definition: one walk over every path whose inner nodes are latent.

Source: Verma and Pearl (1991), Equivalence and synthesis of causal models; Richardson et al. (2023), Nested Markov
properties for acyclic directed mixed graphs, definition 3.
"""

from __future__ import annotations

from itertools import combinations

from causalgraph.graphs.mixed import Mark, MixedGraph
from oracles.separation import classified, simple_paths

__all__ = ["projection"]


def projection(graph: MixedGraph) -> MixedGraph:
    """Return the projection onto the observed nodes.

    ``a -> b`` where a directed path leads from a to b through latents only; ``a <-> b`` where a path between them
    has latent inner nodes, no collider among them, and arrows into a and b.
    """
    observed = [node for node in graph.nodes if node in graph.observed]
    edges: list[tuple[str, str, str]] = []
    for a, b in combinations(observed, 2):
        for path in simple_paths(graph, a, b, graph.latent):
            triples = classified(path, frozenset(), frozenset()).triples
            if all(edge.mark == "->" for edge in path):
                edges.append((a, "->", b))
            elif all(edge.mark == "<-" for edge in path):
                edges.append((b, "->", a))
            elif path[0].marks[0] == path[-1].marks[1] == Mark.ARROW and all(t.role != "collider" for t in triples):
                edges.append((a, "<->", b))
    return MixedGraph.build(edges, observed, selected=graph.selected - graph.latent)
