"""A graph as records: nodes with an id, edges between ids, attributes on both; GML and GraphML write it so.

The attributes are ours (`causalgraph.formats.attributes`) with ``mark`` for the marks of an edge; of other programs'
files an id or a name is the name, directed edges are arrows and undirected ones ``--``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from causalgraph.errors import Span
from causalgraph.formats.diagram import Diagram
from causalgraph.formats.draft import Draft, wrong
from causalgraph.formats.ids import names_for
from causalgraph.graphs.mixed import MARKS

__all__ = ["EdgeRecord", "NodeRecord", "Records"]

# What tells how other programs draw a graph, or number what is in it, is dropped without a word.
LOOKS = frozenset({"color", "fill", "graphics", "height", "id", "key", "shape", "size", "width"})


@dataclass(frozen=True)
class NodeRecord:
    """A node: its id, its place in the text, what is said of it."""

    key: str
    span: Span
    said: dict[str, str]


@dataclass(frozen=True)
class EdgeRecord:
    """An edge between two ids; an undirected one has a tail at both ends unless its ``mark`` says otherwise."""

    source: str
    target: str
    directed: bool
    span: Span
    said: dict[str, str]


@dataclass
class Records:
    """All that a text says; `named_by` lists the attributes that may hold a node's name, the first one first."""

    draft: Draft
    named_by: tuple[str, ...]
    ids_are_names: bool = False
    nodes: dict[str, NodeRecord] = field(default_factory=dict)
    edges: list[EdgeRecord] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)

    def add(self, node: NodeRecord) -> None:
        """Add a node.

        Raises:
            ModelError: there is a node of that id.
        """
        if node.key in self.nodes:
            raise wrong(f"two nodes have the id {node.key[:40]!r}", node.span, "give each an id of its own")
        self.nodes[node.key] = node

    def diagram(self) -> Diagram:
        """Return the diagram that the records describe."""
        names, taken_from = self._names()
        for key, node in self.nodes.items():
            name = self.draft.node(key, node.span, names.get(key))
            said = {k: v for k, v in node.said.items() if k not in LOOKS and k != taken_from}
            self.draft.describe(name, said)
        for edge in self.edges:
            self._connect(edge)
        for key in self.said:
            if key not in LOOKS and key not in ("kind", "title"):
                self.draft.ignore("attributes of the graph", key)
        return self.draft.diagram(self.said.get("kind"), self.said.get("title"))

    def _names(self) -> tuple[dict[str, str], str | None]:
        """Return the names that aren't ids, and the attribute that they were taken from."""
        for key in self.named_by:
            names = names_for({n.key: n.said.get(key) for n in self.nodes.values()}, ids_are_names=self.ids_are_names)
            if names:
                return names, key
        return {}, None

    def _connect(self, edge: EdgeRecord) -> None:
        for key in (edge.source, edge.target):
            if key not in self.nodes:
                raise wrong(f"no node has the id {key[:40]!r}", edge.span)
        mark = edge.said.get("mark", "->" if edge.directed else "--")
        if mark not in MARKS:
            raise wrong(f"{mark[:40]!r} isn't an edge", edge.span, "use one of " + " ".join(MARKS), code="E025")
        said = {k: v for k, v in edge.said.items() if k not in LOOKS and k != "mark"}
        ends = [self.draft.called[key] for key in (edge.source, edge.target)]
        self.draft.connect(ends[0], mark, ends[1], edge.span, said)
