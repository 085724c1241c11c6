"""Who is related to whom, by definition: recursion over the edges, nothing compiled, nothing cached."""

from __future__ import annotations

from collections.abc import Iterable

from causalgraph.graphs.mixed import MixedGraph

__all__ = ["ancestors", "children", "descendants", "districts", "markov_blanket", "parents"]


def parents(graph: MixedGraph, names: Iterable[str]) -> frozenset[str]:
    """Return every node with an arrow ``->`` into one of the names."""
    names = frozenset(names)
    return frozenset(e.left for e in graph.edges if e.mark == "->" and e.right in names)


def children(graph: MixedGraph, names: Iterable[str]) -> frozenset[str]:
    """Return every node that one of the names has an arrow ``->`` into."""
    names = frozenset(names)
    return frozenset(e.right for e in graph.edges if e.mark == "->" and e.left in names)


def ancestors(graph: MixedGraph, names: Iterable[str]) -> frozenset[str]:
    """Return the names, their parents, the parents' parents and so on."""
    names = frozenset(names)
    wider = names | parents(graph, names)
    return names if wider == names else ancestors(graph, wider)


def descendants(graph: MixedGraph, names: Iterable[str]) -> frozenset[str]:
    """Return the names, their children, the children's children and so on."""
    names = frozenset(names)
    wider = names | children(graph, names)
    return names if wider == names else descendants(graph, wider)


def districts(graph: MixedGraph) -> frozenset[frozenset[str]]:
    """Return the parts of the graph that two-headed edges hold together."""

    def grown(part: frozenset[str]) -> frozenset[str]:
        touching = [e for e in graph.edges if e.mark == "<->" and part & {e.left, e.right}]
        wider = part.union(*({e.left, e.right} for e in touching))
        return part if wider == part else grown(wider)

    return frozenset(grown(frozenset((node,))) for node in graph.nodes)


def markov_blanket(graph: MixedGraph, name: str) -> frozenset[str]:
    """Return the nodes that stay dependent on a node whatever else is given: not separated by all the rest."""
    from oracles.separation import is_separated

    others = frozenset(graph.nodes) - {name}
    return frozenset(o for o in others if not is_separated(graph, {name}, {o}, others - {o}))
