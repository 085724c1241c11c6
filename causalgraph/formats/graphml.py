"""GraphML, an XML format. A document type, which could name other files or blow up, is refused.

Facts of the format: http://graphml.graphdrawing.org/primer/graphml-primer.html. Ports, hyperedges and graphs within
nodes are refused too: they say what no causal graph does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from causalgraph.errors import SourceText, Span
from causalgraph.formats.attributes import KNOWN, ROLES, attributes_of, value_text
from causalgraph.formats.carrying import Carries, fitted
from causalgraph.formats.diagram import Diagram, Written
from causalgraph.formats.draft import MAX_DEPTH, MAX_EDGES, MAX_NODES, Draft, limit, wrong
from causalgraph.formats.records import EdgeRecord, NodeRecord, Records
from causalgraph.formats.text import legal_name, one_line, truth

__all__ = ["carried", "read", "write"]

REFUSED = ("hyperedge", "port")
# What XML 1.0 has no place for at all.
ALIEN = re.compile("[\ufffe\uffff]")
NUMBERS = ("cost", "p", "frequency", "beta")


def read(source: SourceText) -> Diagram:
    """Read a graph in GraphML, ours or that of networkx or igraph.

    Raises:
        ModelError: the text isn't XML or GraphML, has a document type, or the graph is too large.
    """
    reader = _Reader(source)
    parser = expat.ParserCreate(namespace_separator=" ")
    reader.listen(parser)
    try:
        parser.Parse(source.text, True)  # noqa: FBT003  # expat's own signature: this is all of the text
    except expat.ExpatError as error:
        start = reader.offset(error.lineno, error.offset)
        raise wrong(f"this isn't XML: {expat.ErrorString(error.code)}", Span(source, start, start + 1)) from error
    if not reader.graphs:
        raise wrong("there is no <graph> here", Span(source, 0, 0))
    return reader.records.diagram()


@dataclass
class _Key:
    """A declared attribute: its name, and what holds where nothing is said."""

    name: str
    owner: str
    default: str | None = None


@dataclass
class _Owner:
    """The node, the edge or the graph that data belongs to."""

    kind: str
    attributes: dict[str, str]
    span: Span
    said: dict[str, str] = field(default_factory=dict)


class _Reader:
    """Takes the elements of the text as they come."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.records = Records(Draft(source), ("name", "label"))
        self.keys: dict[str, _Key] = {}
        self.defaults: dict[str, dict[str, str]] = {}
        self.owners: list[_Owner] = []
        self.path: list[str] = []
        self.text: list[str] = []
        self.data: _Key | None = None
        self.graphs = 0
        self.directed = True

    def listen(self, parser: expat.XMLParserType) -> None:
        """Have the parser report to this reader."""
        self.parser = parser
        parser.buffer_text = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.text.append
        parser.StartDoctypeDeclHandler = self.doctype

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a place that expat names."""
        starts = self.source.line_starts
        return min(starts[min(line, len(starts)) - 1] + column, len(self.source.text))

    def span(self) -> Span:
        start = self.offset(self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber)
        end = self.source.text.find(">", start, start + 1000)
        return Span(self.source, start, end + 1 if end >= 0 else start + 1)

    def doctype(self, *_: object) -> None:
        raise wrong("a document type isn't read", self.span(), "remove <!DOCTYPE ...>", code="E024")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(" ")[2]
        if not self.path and name != "graphml":
            raise wrong(f"expected <graphml>, found <{name[:40]}>", self.span())
        self.path.append(name)
        if len(self.path) > MAX_DEPTH:
            raise wrong(f"elements are nested more than {MAX_DEPTH} deep", self.span(), code="E008")
        if self.data is not None:
            return  # what other programs put into their data
        self.text.clear()
        if name in REFUSED or (name == "graph" and self.graphs):
            raise wrong(f"<{name}> can't stand here", self.span(), "a causal graph is one graph of nodes and edges")
        opened = STARTS.get(name)
        if opened:
            opened(self, attributes)

    def end(self, _: str) -> None:
        name = self.path.pop()
        if self.data is not None and name != "data":
            return
        closed = ENDS.get(name)
        if closed:
            closed(self)

    def key(self, attributes: dict[str, str]) -> None:
        name = attributes.get("attr.name") or attributes.get("id", "")
        self.declared = self.keys[attributes.get("id", "")] = _Key(name, attributes.get("for", "all"))

    def default(self) -> None:
        if self.path[-1:] == ["key"]:
            self.declared.default = "".join(self.text)

    def graph(self, attributes: dict[str, str]) -> None:
        self.graphs += 1
        for key in self.keys.values():
            if key.default is not None and key.name in KNOWN:
                for kind in ("node", "edge") if key.owner == "all" else (key.owner,):
                    self.defaults.setdefault(kind, {})[key.name] = key.default
        self.directed = attributes.get("edgedefault") != "undirected"
        self.owners.append(_Owner("graph", attributes, self.span()))

    def node(self, attributes: dict[str, str]) -> None:
        limit(len(self.records.nodes), MAX_NODES, "nodes", self.span())
        self.owners.append(_Owner("node", attributes, self.span()))

    def edge(self, attributes: dict[str, str]) -> None:
        limit(len(self.records.edges), MAX_EDGES, "edges", self.span())
        self.owners.append(_Owner("edge", attributes, self.span()))

    def datum(self, attributes: dict[str, str]) -> None:
        key = attributes.get("key", "")
        if key not in self.keys:
            raise wrong(f"no <key> has the id {key[:40]!r}", self.span())
        self.data = self.keys[key]

    def end_datum(self) -> None:
        if self.data is not None and self.owners:
            self.owners[-1].said[self.data.name] = "".join(self.text)
        self.data = None

    def end_graph(self) -> None:
        self.records.said = self._all_said(self.owners.pop())
        self.records.ids_are_names = "kind" in self.records.said  # as we write them

    def end_node(self) -> None:
        owner = self.owners.pop()
        key = self._required(owner, "id")
        self.records.add(NodeRecord(key, owner.span, self._all_said(owner)))

    def end_edge(self) -> None:
        owner = self.owners.pop()
        source, target = (self._required(owner, end) for end in ("source", "target"))
        directed = owner.attributes.get("directed", "")
        is_directed = self.directed if truth(directed) is None or not directed else bool(truth(directed))
        self.records.edges.append(EdgeRecord(source, target, is_directed, owner.span, self._all_said(owner)))

    def _required(self, owner: _Owner, key: str) -> str:
        if key not in owner.attributes:
            raise wrong(f"<{owner.kind}> needs {key}=", owner.span)
        return owner.attributes[key]

    def _all_said(self, owner: _Owner) -> dict[str, str]:
        """Return what is said of the owner, or holds where nothing is said."""
        return self.defaults.get(owner.kind, {}) | owner.said


STARTS = {
    "key": _Reader.key,
    "graph": _Reader.graph,
    "node": _Reader.node,
    "edge": _Reader.edge,
    "data": _Reader.datum,
}
ENDS = {
    "default": _Reader.default,
    "graph": _Reader.end_graph,
    "node": _Reader.end_node,
    "edge": _Reader.end_edge,
    "data": _Reader.end_datum,
}

# Writing.


def _xml_text(text: str) -> str:
    return ALIEN.sub("\N{REPLACEMENT CHARACTER}", one_line(text))


def _name(name: str) -> str:
    return ALIEN.sub("\N{REPLACEMENT CHARACTER}", legal_name(name))


CARRIES = Carries(name=_name, text=_xml_text)


def carried(diagram: Diagram) -> Diagram:
    """Return what GraphML can carry of a diagram; reading what `write` makes of it gives this back."""
    return fitted(diagram, CARRIES)


def write(diagram: Diagram) -> Written:
    """Write a graph in GraphML; ids are the names, marks are attributes of edges.

    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> print(write(Diagram.of(MixedGraph.build([("X", "<->", "Y")]))).text)
    <?xml version="1.0" encoding="UTF-8"?>
    <graphml xmlns="http://graphml.graphdrawing.org/xmlns">
      <key id="graph_kind" for="graph" attr.name="kind" attr.type="string"/>
      <key id="edge_mark" for="edge" attr.name="mark" attr.type="string"/>
      <graph edgedefault="directed">
        <data key="graph_kind">admg</data>
        <node id="X"/>
        <node id="Y"/>
        <edge source="X" target="Y">
          <data key="edge_mark">&lt;-&gt;</data>
        </edge>
      </graph>
    </graphml>
    <BLANKLINE>
    """
    fits = carried(diagram)
    about = {"kind": fits.graph.kind} | ({} if fits.title is None else {"title": fits.title})
    nodes = {name: _node_said(attributes_of(fits.variables[name])) for name in fits.graph.nodes}
    edges = {
        edge: {"mark": edge.mark} | {key: value_text(v) for key, v in fits.edge_attributes.get(edge, {}).items()}
        for edge in fits.graph.edges
    }
    texts = {key for said in fits.edge_attributes.values() for key, value in said.items() if isinstance(value, str)}
    rows = ['<?xml version="1.0" encoding="UTF-8"?>', '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">']
    for owner, all_said in (("graph", [about]), ("node", nodes.values()), ("edge", edges.values())):
        for key in dict.fromkeys(key for said in all_said for key in said):
            kind = "boolean" if key in ROLES else "double" if key in NUMBERS and key not in texts else "string"
            rows.append(f'  <key id="{owner}_{key}" for="{owner}" attr.name="{key}" attr.type="{kind}"/>')
    rows.append('  <graph edgedefault="directed">')
    rows += [f"    {row}" for row in _data("graph", about)]
    for name, said in nodes.items():
        rows += _element("node", f"id={quoteattr(name)}", said)
    for edge, said in edges.items():
        rows += _element("edge", f"source={quoteattr(edge.left)} target={quoteattr(edge.right)}", said)
    return Written("\n".join([*rows, "  </graph>", "</graphml>", ""]), fits.losses)


def _node_said(said: dict[str, str]) -> dict[str, str]:
    return {key: "true" if key in ROLES else text for key, text in said.items()}


def _element(kind: str, attributes: str, said: dict[str, str]) -> list[str]:
    if not said:
        return [f"    <{kind} {attributes}/>"]
    return [f"    <{kind} {attributes}>", *(f"      {row}" for row in _data(kind, said)), f"    </{kind}>"]


def _data(owner: str, said: dict[str, str]) -> Iterator[str]:
    for key, text in said.items():
        yield f'<data key="{owner}_{key}">{escape(text)}</data>'
