"""GML, the Graph Modelling Language: keys, values and lists in brackets.

Facts of the format: M. Himsolt, "GML: a portable graph file format" (University of Passau, 1997). Our node's ``label``
is its name, as networkx and igraph have it, and what we call a label is ``caption``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from causalgraph.errors import SourceText, Span
from causalgraph.formats.attributes import ROLES, attributes_of, value_text
from causalgraph.formats.carrying import Carries, fitted
from causalgraph.formats.diagram import Diagram, Written
from causalgraph.formats.draft import MAX_DEPTH, MAX_EDGES, MAX_NODES, Draft, limit, wrong
from causalgraph.formats.records import EdgeRecord, NodeRecord, Records
from causalgraph.formats.text import number, without_entities

__all__ = ["carried", "read", "write"]

TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
      | (?P<key>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<number>[+-]?[0-9.][0-9.eE+-]*)
      | (?P<string>"[^"]*")
      | (?P<mark>[\[\]])""",
    re.VERBOSE,
)
# Attributes of ours -> the keys of GML.
KEYS = {"label": "caption", "pos": "graphics"}
NAME_KEYS = ("name", "label")


class Token(NamedTuple):
    """A piece of the text."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Pair:
    """A key and what it has: a value as text, or a list of pairs."""

    key: str
    value: str | list[Pair]
    span: Span


def read(source: SourceText) -> Diagram:
    """Read a graph in GML, ours or that of networkx, igraph or DoWhy.

    >>> text = 'graph [ directed 1 node [ id 0 label "X" ] node [ id 1 label "Y" ] edge [ source 0 target 1 ] ]'
    >>> [str(e) for e in read(SourceText(text)).graph.edges]
    ['X -> Y']

    Raises:
        ModelError: the text doesn't keep to the format, or the graph is too large.
    """
    graphs = [p for p in _pairs(source) if p.key == "graph" and isinstance(p.value, list)]
    if not graphs:
        raise wrong("there is no graph here", Span(source, 0, 0), "a GML text has: graph [ node [ id 0 ] ... ]")
    if len(graphs) > 1:
        raise wrong("this text has two graphs", graphs[1].span, "keep one")
    records = Records(Draft(source), NAME_KEYS)
    inside = graphs[0].value
    pairs = inside if isinstance(inside, list) else []
    records.said = _said(p for p in pairs if p.key not in ("node", "edge", "directed", "multigraph"))
    directed = any(p.key == "directed" and p.value in ("1", "true") for p in pairs)
    for pair in pairs:
        if pair.key == "node" and isinstance(pair.value, list):
            limit(len(records.nodes), MAX_NODES, "nodes", pair.span)
            records.add(_node(pair.value, pair.span, ours="kind" in records.said))
        elif pair.key == "edge" and isinstance(pair.value, list):
            limit(len(records.edges), MAX_EDGES, "edges", pair.span)
            said = _said(pair.value)
            ends = [_required(said, key, "an edge", pair.span) for key in ("source", "target")]
            records.edges.append(EdgeRecord(ends[0], ends[1], directed, pair.span, said))
    return records.diagram()


def _node(pairs: list[Pair], span: Span, *, ours: bool) -> NodeRecord:
    """Return a node; where we wrote it, its label is its name, by which it goes."""
    said = _said(pairs)
    key = _required(said, "id", "a node", span)
    place = next((_said(p.value) for p in pairs if p.key == "graphics" and isinstance(p.value, list)), {})
    if number(place.get("x", "")) is not None and number(place.get("y", "")) is not None:
        said["pos"] = f"{place['x']},{place['y']}"
    if ours and "label" in said:
        said["name"] = said.pop("label")
    if "caption" in said:
        said["label"] = said.pop("caption")
    return NodeRecord(key, span, said)


def _required(said: dict[str, str], key: str, thing: str, span: Span) -> str:
    if key not in said:
        raise wrong(f"{thing} needs its {key}", span, f"write {key} and a number into its brackets")
    return said.pop(key)


def _said(pairs: Iterator[Pair] | list[Pair]) -> dict[str, str]:
    """Return the pairs that have a value; a list among them is how something looks."""
    return {pair.key: pair.value for pair in pairs if isinstance(pair.value, str)}


def _pairs(source: SourceText) -> list[Pair]:
    """Return what stands at the top of the text; the walk is a loop, so that no nesting exhausts the stack."""
    tokens = _tokens(source)
    top: list[Pair] = []
    opened: list[tuple[str, Token, list[Pair]]] = []
    inside = top
    for token in tokens:
        span = Span(source, token.start, token.end)
        if token.text == "]" and token.kind == "mark" and opened:
            key, opening, outer = opened.pop()
            outer.append(Pair(key, inside, Span(source, opening.start, opening.end)))
            inside = outer
            continue
        if token.kind != "key":
            raise wrong(f"expected a key such as node, found {token.text[:40]!r}", span)
        value = next(tokens, None)
        if value is None or value.kind == "key" or value.text == "]":
            raise wrong(f"{token.text[:40]} has no value", span, "write a number, a string in quotes or a list in [ ]")
        if value.kind == "mark":
            opened.append((token.text, token, inside))
            inside = []
            if len(opened) > MAX_DEPTH:
                raise wrong(f"brackets are nested more than {MAX_DEPTH} deep", span, code="E008")
        else:
            text = value.text if value.kind == "number" else without_entities(value.text[1:-1])
            inside.append(Pair(token.text, text, span))
    if opened:
        start = opened[-1][1]
        raise wrong("this list is never closed", Span(source, start.start, start.end), "close it with ]")
    return top


def _tokens(source: SourceText) -> Iterator[Token]:
    text, position = source.text, 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            what = "this string is never closed" if text[position] == '"' else f"{text[position]!r} has no meaning here"
            raise wrong(what, Span(source, position, position + 1))
        if match.lastgroup != "space":
            yield Token(match.lastgroup or "", match[0], position, match.end())
        position = match.end()


# Writing.

CARRIES = Carries()


def carried(diagram: Diagram) -> Diagram:
    """Return what GML can carry of a diagram; reading what `write` makes of it gives this back."""
    return fitted(diagram, CARRIES)


def write(diagram: Diagram) -> Written:
    """Write a graph in GML, in ASCII; networkx and igraph read its names, and the marks as attributes of edges.

    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> print(write(Diagram.of(MixedGraph.build([("X", "->", "Y")]))).text)
    graph [
      directed 1
      kind "dag"
      node [
        id 0
        label "X"
      ]
      node [
        id 1
        label "Y"
      ]
      edge [
        source 0
        target 1
        mark "->"
      ]
    ]
    <BLANKLINE>
    """
    fits = carried(diagram)
    graph = fits.graph
    rows = ["graph [", "  directed 1"]
    pairs = {frozenset((e.left, e.right)) for e in graph.edges}
    rows += ["  multigraph 1"] * (len(pairs) < len(graph.edges))
    rows.append(f'  kind "{graph.kind}"')
    if fits.title is not None:
        rows.append(f"  title {_quoted(fits.title)}")
    numbers = {name: str(at) for at, name in enumerate(graph.nodes)}
    for name in graph.nodes:
        said = {KEYS.get(key, key): _value(key, text) for key, text in attributes_of(fits.variables[name]).items()}
        rows += _record("node", {"id": numbers[name], "label": _quoted(name)} | said)
    for edge in graph.edges:
        ends = {"source": numbers[edge.left], "target": numbers[edge.right], "mark": _quoted(edge.mark)}
        known = fits.edge_attributes.get(edge, {})
        rows += _record("edge", ends | {key: _edge_value(value) for key, value in known.items()})
    return Written("\n".join([*rows, "]", ""]), fits.losses)


def _record(kind: str, said: Mapping[str, str]) -> list[str]:
    return [f"  {kind} [", *(f"    {key} {value}" for key, value in said.items()), "  ]"]


def _value(key: str, text: str) -> str:
    """Write an attribute of a node."""
    if key in ROLES:
        return "1"
    if key == "cost":
        return _real(text)
    if key == "pos":
        x, y = map(_real, text.split(","))
        return f"[ x {x} y {y} ]"
    return _quoted(text)


def _edge_value(value: str | float) -> str:
    return _quoted(value) if isinstance(value, str) else _real(value_text(value))


def _real(digits: str) -> str:
    """Write a real number, which GML knows by its point."""
    mantissa, e, exponent = digits.upper().partition("E")
    return (mantissa if "." in mantissa else f"{mantissa}.0") + e + exponent


def _quoted(text: str) -> str:
    """Write a string: what isn't ASCII, and what has a meaning within quotes, by its number."""
    return '"' + re.sub(r'[^ -~]|[&"]', lambda m: f"&#{ord(m[0])};", text) + '"'
