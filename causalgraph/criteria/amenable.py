"""What keeps every adjustment set from being valid, whatever it holds: a first step that is unknown, or selection.

A class of graphs is *amenable* for X and Y where each possibly causal path from X to Y that meets X at its start alone
starts with an arrow that is certain and, in a mag or pag, visible: no hidden common cause of its ends can lie behind
it. Where one doesn't, one graph of the class has bias there and another the effect, and no set fits both.

With selected nodes S all data there are have S fixed. Then an effect that doesn't involve S can be had from them only
where Y is independent of S under do(X), and where those of X that select have no back-door path to Y.

Source: E. Perković, J. Textor, M. Kalisch, M. Maathuis, "Complete graphical characterization and construction of
adjustment sets in Markov equivalence classes of ancestral graphs", J. Mach. Learn. Res. 18 (2018) 220, definition 4;
J. Correa, E. Bareinboim, "Causal effect identification by adjustment under confounding and selection biases" (AAAI
2017), definition 3; J. Correa, J. Tian, E. Bareinboim, "Generalized adjustment under confounding and selection biases"
(AAAI 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

from causalgraph.criteria.separation import connecting, judge, simple, words
from causalgraph.graphs.ancestral import is_visible
from causalgraph.graphs.kinds import DIRECTED
from causalgraph.graphs.mixed import Edge, Mark, MixedGraph
from causalgraph.graphs.paths import Path
from causalgraph.graphs.possible import closed, ends, possible_ancestors, possibly_causal_path
from causalgraph.graphs.relations import ancestors
from causalgraph.graphs.surgery import do, without_outgoing

__all__ = ["Obstacle", "obstacle"]


@dataclass(frozen=True)
class Obstacle:
    """Why no set can be valid, and the path that shows it."""

    reason: str
    witness: Path


def obstacle(graph: MixedGraph, x: frozenset[str], y: frozenset[str]) -> Obstacle | None:
    """Return what no adjustment set can mend, or None where a set may be valid.

    >>> graph = MixedGraph.build([("X", "o->", "C"), ("C", "->", "Y")], kind="pag")
    >>> obstacle(graph, frozenset("X"), frozenset("Y")).reason
    'X o-> C may start a causal path to Y, but a hidden common cause of X and C may be all there is'
    """
    if graph.kind in DIRECTED:
        return _selection(graph, x, y) if graph.selected else None
    graph = closed(graph)
    goals = possible_ancestors(graph, y, walls=x)
    at = ends(graph)
    for edge in (e for n in graph.sorted(x) for e in at[n]):
        if edge.right not in goals - x or edge.marks[0] == Mark.ARROW or _certain(graph, edge):
            continue
        found = possibly_causal_path(graph, edge, y, x)
        if found is not None:
            passes = {e.right: (True, False) for e in found}
            return Obstacle(_doubt(edge, words(graph.sorted(y))), Path.of(graph, found, passes))
    return None


def _certain(graph: MixedGraph, edge: Edge) -> bool:
    """Is an edge, walked from its left end, an arrow without a hidden common cause behind it?"""
    if edge.marks != (Mark.TAIL, Mark.ARROW):
        return False
    return graph.kind not in ("mag", "pag") or is_visible(graph, edge)


def _doubt(edge: Edge, y: str) -> str:
    a, mark, b = edge
    if mark == "--":
        return f"{edge} may start a causal path to {y}, or end one from {b} to {a}: the class leaves it open"
    if mark == "->":
        return f"{edge} starts a possibly causal path to {y}, but {a} and {b} may share a hidden cause as well"
    if mark == "o->":
        return f"{edge} may start a causal path to {y}, but a hidden common cause of {a} and {b} may be all there is"
    return f"{edge} may start a causal path to {y}, but its direction isn't known"


def _selection(graph: MixedGraph, x: frozenset[str], y: frozenset[str]) -> Obstacle | None:
    chosen = words(graph.sorted(graph.selected))
    acted = do(graph, x)
    walk = connecting(acted, y, x, graph.selected).walk(graph.selected)
    if walk is not None:
        path = judge(acted, simple(walk), x)
        return Obstacle(f"selection by {chosen} depends on the outcome even under do(X): {path.drawn}", path)
    for name in graph.sorted(x & ancestors(graph, graph.selected)):
        cut = without_outgoing(graph, x)
        walk = connecting(cut, (name,), frozenset(), y).walk(y)
        if walk is not None:
            path = judge(cut, simple(walk), ())
            said = f"{name} affects the selection by {chosen} and has a back-door path to the outcome: {path.drawn}"
            return Obstacle(said, path)
    return None
