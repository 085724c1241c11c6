"""New graphs from old: interventions, cut arrows, subgraphs, the latent projection."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from causalgraph.errors import ModelError
from causalgraph.graphs.mixed import Edge, MixedGraph

__all__ = ["do", "project", "subgraph", "without_outgoing"]


def do(graph: MixedGraph, names: Iterable[str]) -> MixedGraph:
    """Return the graph in which ``names`` are set from outside: every arrowhead into them is cut, ``<->`` as well.

    >>> graph = MixedGraph.build([("Z", "->", "X"), ("X", "->", "Y"), ("X", "<->", "Y")])
    >>> [str(e) for e in do(graph, "X").edges]
    ['X -> Y']

    Source: J. Pearl, Causality (2009), section 3.2.2: the graph with the arrows into X removed.
    """
    held = graph.require(names)
    return graph.with_edges(e for e in graph.edges if e.right not in held and not (e.mark == "<->" and e.left in held))


def without_outgoing(graph: MixedGraph, names: Iterable[str]) -> MixedGraph:
    """Return the graph without the arrows that leave ``names``.

    Source: J. Pearl, Causality (2009), section 3.4.1: the underlined graph of do-calculus' rule 2.
    """
    cut = graph.require(names)
    return graph.with_edges(e for e in graph.edges if not (e.mark == "->" and e.left in cut))


def subgraph(graph: MixedGraph, names: Iterable[str]) -> MixedGraph:
    """Return the graph on ``names`` alone, with the edges between them."""
    kept = graph.require(names)
    return MixedGraph(
        graph.kind,
        tuple(n for n in graph.nodes if n in kept),
        tuple(e for e in graph.edges if e.left in kept and e.right in kept),
        graph.latent & kept,
        graph.selected & kept,
    )


def project(graph: MixedGraph, latent: Iterable[str] | None = None) -> MixedGraph:
    """Return the latent projection: the ADMG over the other nodes that says the same about them.

    Latent nodes go one by one: each parent of one points at its children, and its children, and its partners by
    ``<->``, are joined two-headed.

    >>> graph = MixedGraph.build([("U", "->", "X"), ("U", "->", "Y"), ("X", "->", "Y")], latent=["U"])
    >>> [str(e) for e in project(graph).edges]
    ['X -> Y', 'X <-> Y']

    Raises:
        ModelError: the graph has edges that a projection isn't defined for.

    Source: T. Verma, "Graphical aspects of causal models" (1993); for the elimination of single nodes J. Tian and J.
    Pearl, "On the testable implications of causal models with hidden variables" (UAI 2002), section 5.
    """
    for edge in graph.edges:
        if edge.mark not in ("->", "<->"):
            raise ModelError.because("E108", f"{edge}: a latent projection needs edges -> and <-> alone")
    hidden = graph.latent if latent is None else graph.require(latent)
    arrows: dict[str, dict[str, None]] = {n: {} for n in graph.nodes}  # child -> its parents
    below: dict[str, dict[str, None]] = {n: {} for n in graph.nodes}  # parent -> its children
    beside: dict[str, dict[str, None]] = {n: {} for n in graph.nodes}
    for left, mark, right in graph.edges:
        if mark == "->":
            below[left][right] = arrows[right][left] = None
        else:
            beside[left][right] = beside[right][left] = None
    for u in (n for n in graph.nodes if n in hidden):
        for parent in arrows[u]:
            for child in below[u]:
                below[parent][child] = arrows[child][parent] = None
        for a, b in [*combinations(below[u], 2), *((s, c) for s in beside[u] for c in below[u] if s != c)]:
            beside[a][b] = beside[b][a] = None
        for n in arrows[u]:
            below[n].pop(u, None)
        for n in below[u]:
            arrows[n].pop(u, None)
        for n in beside[u]:
            beside[n].pop(u, None)
        arrows[u], below[u], beside[u] = {}, {}, {}
    kept = tuple(n for n in graph.nodes if n not in hidden)
    edges = {Edge(a, "->", b): None for a in kept for b in below[a]}
    edges |= {Edge(a, "<->", b).canonical: None for a in kept for b in beside[a]}
    two_headed = any(e.mark == "<->" for e in edges)
    kind = "admg" if two_headed and graph.kind == "dag" else graph.kind
    return MixedGraph(kind, kept, tuple(edges), graph.latent - hidden, graph.selected - hidden)
