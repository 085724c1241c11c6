"""The adjustment rule on a class of graphs, and in selected data, held against its criterion by other means.

Reachability is networkx's, over arcs where the class is an mpdag; visibility is read off its definition; the separation
is decided by moralising one member of the class.
"""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from causalgraph.certify.plain import cut, separated
from causalgraph.graphs.mixed import Edge, Mark, MixedGraph
from causalgraph.graphs.possible import closed, representative

__all__ = ["adjustment_faults", "selection_faults"]

Names = frozenset[str]
BY_ARCS = ("mpdag", "pdag")


def adjustment_faults(graph: MixedGraph, x: Names, y: Names, z: Names) -> list[str]:
    """Return what keeps Z from being valid in every graph of a class.

    Source: E. Perković, J. Textor, M. Kalisch, M. Maathuis, J. Mach. Learn. Res. 18 (2018) 220, definition 5.
    """
    graph = closed(graph)
    wrong = [f"{e} tells of selection" for e in graph.edges if graph.kind in ("mag", "pag") and _is_selective(e)]
    if wrong:
        return wrong
    to_y = {n for n in set(graph.nodes) - x if _reached(graph, n, x) & y} | (y - x)
    for edge in _read_from(graph, x):
        doubtful = edge.right in to_y and edge.marks[0] != Mark.ARROW and not _is_certain(graph, edge)
        if doubtful and _may_be_causal(graph, edge, x, y):
            wrong.append(f"{edge} may start a causal path, and isn't certain")
    causal = {n for s in x for n in _reached(graph, s, x - {s})} & to_y
    forbidden = set(causal).union(*(_reached(graph, n, frozenset()) for n in causal))
    wrong += [f"{n} may lie on or below a causal path" for n in sorted(z & forbidden)]
    member = representative(graph)
    return wrong + _open(member, x, y, z)


def selection_faults(graph: MixedGraph, x: Names, y: Names, z: Names) -> list[str]:
    """Return what keeps Σ_z P(y | x, z) P(z) in the selected data from being the effect in everyone.

    Source: J. Correa, E. Bareinboim, "Causal effect identification by adjustment under confounding and selection
    biases" (AAAI 2017), definition 3 and theorem 1.
    """
    chosen = graph.selected
    directed = cut(graph, frozenset(), frozenset())
    forbidden = _on_causal_paths(graph, x, y)
    forbidden = forbidden.union(*(nx.descendants(directed, n) for n in forbidden))
    wrong = [f"{n} lies on or below a causal path" for n in sorted(z & forbidden)]
    wrong += _open(graph, x, y, z | chosen)
    if not separated(graph, y, chosen, x, into=x):
        wrong.append("the selection depends on the outcome under the action")
    above = chosen.union(*(nx.ancestors(directed, n) for n in chosen))
    for name in sorted(x & above):
        if not separated(graph, frozenset((name,)), y, frozenset(), out_of=x):
            wrong.append(f"{name} selects and is confounded")
    return wrong


def _on_causal_paths(graph: MixedGraph, x: Names, y: Names) -> set[str]:
    """Return the nodes on proper causal paths, X left out."""
    directed = cut(graph, x, frozenset())
    without = directed.copy()
    without.remove_nodes_from(x)
    return {n for s in x for n in nx.descendants(directed, s)} & {n for t in y for n in nx.ancestors(without, t) | {t}}


def _open(graph: MixedGraph, x: Names, y: Names, z: Names) -> list[str]:
    causal = _on_causal_paths(graph, x, y)
    gone = frozenset((e.left, e.right) for e in graph.edges if e.mark == "->" and e.left in x and e.right in causal)
    return [] if separated(graph, x, y, z, drop=gone) else ["a biasing path stays open"]


def _is_selective(edge: Edge) -> bool:
    return Mark.TAIL in edge.marks and Mark.ARROW not in edge.marks


def _read_from(graph: MixedGraph, nodes: Names) -> Iterator[Edge]:
    for edge in graph.edges:
        yield from (e for e in (edge, edge.turned) if e.left in nodes)


def _goes_on(graph: MixedGraph, edge: Edge) -> bool:
    """May the edge be an arrow, as it is read?"""
    undirected = edge.mark == "--" and graph.kind not in ("mag", "pag")
    return undirected or (edge.marks[0] != Mark.ARROW and edge.marks[1] != Mark.TAIL)


def _arcs(graph: MixedGraph, walls: Names) -> nx.DiGraph[tuple[str, str]]:
    """Return arcs that may be arrows, joined where one may follow the other on an unshielded path."""
    out: nx.DiGraph[tuple[str, str]] = nx.DiGraph()
    ahead = [e for e in _read_from(graph, frozenset(graph.nodes)) if _goes_on(graph, e) and e.right not in walls]
    out.add_nodes_from((e.left, e.right) for e in ahead)
    for first in ahead:
        near = graph.adjacent[first.left] | {first.left}
        following = (e for e in ahead if e.left == first.right and e.right not in near)
        out.add_edges_from(((first.left, first.right), (e.left, e.right)) for e in following)
    return out


def _reached(graph: MixedGraph, start: str, walls: Names) -> set[str]:
    """Return the possible descendants of a node past no wall, itself included."""
    if graph.kind in BY_ARCS:
        arcs = _arcs(graph, walls)
        begin = [a for a in arcs if a[0] == start]
        return {start} | {b for a in begin for _, b in {a, *nx.descendants(arcs, a)}}
    steps: nx.DiGraph[str] = nx.DiGraph()
    steps.add_nodes_from(graph.nodes)
    inside = frozenset(graph.nodes) - walls | {start}
    ahead = (e for e in _read_from(graph, inside) if _goes_on(graph, e) and e.right not in walls)
    steps.add_edges_from((e.left, e.right) for e in ahead)
    return {start, *nx.descendants(steps, start)}


def _may_be_causal(graph: MixedGraph, edge: Edge, x: Names, y: Names) -> bool:
    """Does a possibly causal path to Y start with the edge? In an mpdag no arrow may lead from it back to its start."""
    if graph.kind not in BY_ARCS:
        return True
    back = frozenset(e.left for e in graph.edges if e.mark == "->" and e.right == edge.left)
    return edge.right not in back and bool(_reached(graph, edge.right, x | back) & y)


def _is_certain(graph: MixedGraph, edge: Edge) -> bool:
    """Is it an arrow, and in a mag or pag a visible one?"""
    if edge.mark != "->":
        return False
    if graph.kind not in ("mag", "pag"):
        return True
    parents = {e.left for e in graph.edges if e.mark == "->" and e.right == edge.right}
    group = {edge.left}
    while True:
        joined = {e.right for e in _read_from(graph, frozenset(group)) if e.mark == "<->"} & parents - group
        if not joined:
            break
        group |= joined
    into = (e.right for e in _read_from(graph, frozenset(group)) if e.marks[0] == Mark.ARROW)
    return any(c != edge.right and c not in graph.adjacent[edge.right] for c in into)
