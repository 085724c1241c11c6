"""Answers that list what the graph holds: paths, triples, relatives, districts, and graphs themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from causalgraph.answers import Answer, Block, Document, Style, Table, Word, line
from causalgraph.criteria.paths import why
from causalgraph.criteria.separation import naming, words
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.paths import Path, Triple, unicode_edge

__all__ = ["GraphAnswer", "NodesAnswer", "PathsAnswer", "SetsAnswer", "TriplesAnswer"]


@dataclass(frozen=True)
class PathsAnswer(Answer):
    """The paths between two sets of nodes, shortest first; `complete` says whether these are all."""

    x: tuple[str, ...]
    y: tuple[str, ...]
    given: tuple[str, ...]
    paths: tuple[Path, ...]
    complete: bool

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"kind": "paths", "paths": [p.to_dict() for p in self.paths], "complete": self.complete}

    def document(self) -> Document:
        """Show each path, whether it is causal, and what opens or closes it."""
        given = f" given {naming(self.given)}" if self.given else ""
        between = f"between {words(self.x)} and {words(self.y)}{given}"
        if not self.paths:
            return Document((line(f"no path {between}"),))
        many = len(self.paths) > 1
        few = "the first " if not self.complete else ""
        head = line(f"{few}{len(self.paths):,} path{'s' if many else ''} {between}")
        rows: list[tuple[str | Word, ...]] = []
        for path in self.paths:
            style: Style = "causal" if path.causal else "plain" if path.possibly_causal else "biasing"
            said = "possibly causal" if style == "plain" else style
            rows.append((Word(path.drawn, style), Word(said, style), why(path, self.given)))
        return Document((head, Table((), tuple(rows), depth=1)))


@dataclass(frozen=True)
class TriplesAnswer(Answer):
    """Every fork, chain and collider."""

    triples: tuple[Triple, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"kind": "triples", "triples": [t.to_dict() for t in self.triples]}

    def document(self) -> Document:
        """Show them in a table."""
        if not self.triples:
            return Document((line("the graph has no triple: no node has two neighbours"),))
        rows = tuple((_drawn(t), t.role, "shielded" if t.shielded else "unshielded") for t in self.triples)
        return Document((Table(("triple", "role", ""), rows),))


def _drawn(triple: Triple) -> str:
    first, second = triple.edges
    return f"{first.left} {unicode_edge(first.mark)} {first.right} {unicode_edge(second.mark)} {second.right}"


@dataclass(frozen=True)
class NodesAnswer(Answer):
    """Some nodes; `what` says which."""

    what: str
    nodes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"kind": "nodes", "what": self.what, "nodes": list(self.nodes)}

    def document(self) -> Document:
        """Show them as a set."""
        return Document((line(f"{self.what}: {naming(self.nodes) if self.nodes else 'none'}"),))


@dataclass(frozen=True)
class SetsAnswer(Answer):
    """Some sets of nodes; `what` says which."""

    what: str
    sets: tuple[tuple[str, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"kind": "sets", "what": self.what, "sets": [list(s) for s in self.sets]}

    def document(self) -> Document:
        """Show them, a line each."""
        return Document((line(self.what), *(line(naming(s), depth=1) for s in self.sets)))


@dataclass(frozen=True)
class GraphAnswer(Answer):
    """A graph, as after surgery."""

    what: str
    graph: MixedGraph

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        graph = self.graph
        return {
            "kind": "graph",
            "what": self.what,
            "kind_claimed": graph.kind,
            "nodes": list(graph.nodes),
            "edges": [list(e) for e in graph.edges],
            "latent": list(graph.sorted(graph.latent)),
            "selected": list(graph.sorted(graph.selected)),
        }

    def document(self) -> Document:
        """Show the edges, and the nodes without one."""
        graph = self.graph
        rows: list[Block] = [line(f"{self.what}: {graph.kind}, {len(graph.nodes)} nodes, {len(graph.edges)} edges")]
        rows += [line(f"{e.left} {unicode_edge(e.mark)} {e.right}", depth=1) for e in graph.edges]
        alone = [n for n in graph.nodes if not graph.adjacent[n]]
        return Document((*rows, *[line(f"without an edge: {naming(alone)}", depth=1)] * bool(alone)))

    def _repr_svg_(self) -> str:
        from causalgraph.render.svg import svg

        return svg(self.graph)
