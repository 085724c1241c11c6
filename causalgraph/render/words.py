"""What a picture shows, in words: for tooltips, for the legend, for those who can't see it."""

from __future__ import annotations

from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.render.picture import Picture, meaning, roles
from causalgraph.render.text import printable
from causalgraph.render.theme import Meaning

__all__ = ["LINE_KEYS", "NODE_KEYS", "drawn_edge", "summary", "words_of_edge", "words_of_node"]

NODE_KEYS = {
    "exposure": "exposure",
    "outcome": "outcome",
    "adjusted": "adjusted for",
    "blocking": "closes the path",
    "held": "set from outside",
    "unshared": "in this graph alone",
    "latent": "latent",
    "selected": "selected on",
}
LINE_KEYS: dict[Meaning, str] = {
    "causal": "on a causal path",
    "stopped": "on a causal path, closed",
    "biasing": "on a biasing path, open",
    "closed": "on a biasing path, closed",
    "cut": "cut by the intervention",
}
SHOWN_MARKS = {"->": "→", "<-": "←", "<->": "↔"}


def words_of_node(name: str, graph: MixedGraph, picture: Picture) -> str:
    """Say what a node is.

    >>> words_of_node("X", MixedGraph.build([], ["X"]), Picture(exposures=frozenset("X"), labels={"X": "Dose"}))
    'Dose (X): exposure'
    """
    label = picture.labels.get(name, name)
    return _told(name if label == name else f"{label} ({name})", ", ".join(roles(name, graph, picture)))


def drawn_edge(edge: Edge) -> str:
    """Write an edge as a picture tells it.

    >>> drawn_edge(Edge("X", "<-", "Y"))
    'X ← Y'
    """
    return f"{edge.left} {SHOWN_MARKS.get(edge.mark, edge.mark)} {edge.right}"


def words_of_edge(edge: Edge, picture: Picture) -> str:
    """Say what an edge is."""
    kind, weights = meaning(edge, picture), picture.weights
    number = None if weights is None else f"no {weights.scale.noun}" if kind == "unweighed" else weights.words(edge)
    return _told(drawn_edge(edge), ", ".join(filter(None, (LINE_KEYS.get(kind), number))))


def summary(graph: MixedGraph, picture: Picture) -> str:
    """Say in a sentence what a picture shows."""
    sizes = f"{_counted(len(graph.nodes), 'variable')}, {_counted(len(graph.edges), 'edge')}"
    if picture.do:
        sizes += f", before and after do({', '.join(name for name in graph.nodes if name in picture.do)})"
    return printable(f"{picture.title}: causal graph, {sizes}" if picture.title else f"Causal graph: {sizes}")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + "s" * (number != 1)


def _told(what: str, more: str | None) -> str:
    return printable(f"{what}: {more}" if more else what)
