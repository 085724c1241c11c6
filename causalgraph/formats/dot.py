"""DOT, the language of Graphviz: a subset that says what causes what, and nothing of how it looks.

``dir``, ``arrowhead`` and ``arrowtail`` say the marks of an edge (``odot`` a circle), ``style=dashed`` a latent node.
Graphviz measures upward, we downward, so that the second coordinate of a position changes its sign.

Facts of the format: https://graphviz.org/doc/info/lang.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from causalgraph.errors import SourceText
from causalgraph.formats.attributes import ROLES, attributes_of, value_text
from causalgraph.formats.braces import Attributes, Dialect, Word, parse
from causalgraph.formats.carrying import Carries, fitted
from causalgraph.formats.diagram import Diagram, Written
from causalgraph.formats.draft import MAX_EDGES, MAX_NODES, Draft, limit
from causalgraph.formats.ids import names_for
from causalgraph.formats.text import decimal_text, legal_name, position, without_entities
from causalgraph.graphs.mixed import MARKS, WRITTEN, Mark

__all__ = ["carried", "read", "write"]

STRING = r'"(?:[^"\\]|\\(?s:.))*+"'
# What says how a picture looks is dropped without a word.
LOOKS_WORDS = """
arrowhead arrowsize arrowtail bb bgcolor center class color colorscheme compound concentrate constraint dir
fillcolor fixedsize fontcolor fontname fontsize forcelabels headport height id k layout len lhead lp ltail
margin minlen nodesep ordering orientation outputorder overlap pad penwidth peripheries rank rankdir ranksep
ratio samehead sametail shape sides size splines style tailport tooltip weight width xlabel
"""
LOOKS = frozenset(LOOKS_WORDS.split())
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|-?(?:[0-9]+(?:\.[0-9]+)?)")
KEYWORDS = ("graph", "node", "edge")
RESERVED = frozenset({"strict", "digraph", "subgraph", *KEYWORDS})
# How an edge says its marks, and what our own edges say where that is more than an arrow.
ENDS = ("dir", "arrowhead", "arrowtail")
SHAPES = {Mark.TAIL: "none", Mark.ARROW: "normal", Mark.CIRCLE: "odot"}


def _said(inside: str) -> str:
    """Return what the inside of a string says; a pair of backslashes stays one."""
    kept = {'"': '"', "\\": "\\\\", "\n": ""}
    return re.sub(r'\\(["\\\n])', lambda m: kept[m[1]], inside)


DIALECT = Dialect.of(STRING, _said, lambda word: word.lower() in KEYWORDS, (*ROLES, *ENDS, "style", "observed"))


def read(source: SourceText) -> Diagram:
    """Read a graph in DOT.

    >>> found = read(SourceText("digraph { U [style=dashed]; U -> {X Y}; X -> Y [dir=both] }"))
    >>> [str(e) for e in found.graph.edges], sorted(found.graph.latent)
    (['U -> X', 'U -> Y', 'X <-> Y'], ['U'])

    Raises:
        ModelError: the text doesn't keep to the format, or the graph is too large.
    """
    reader = _Reader(source)
    parse(source, DIALECT, reader)
    return reader.bound()


@dataclass
class _Node:
    """What a text says of a node so far."""

    word: Word
    said: dict[str, str]


class _Reader:
    """Takes the statements of a text; nodes get their names when all is known."""

    def __init__(self, source: SourceText) -> None:
        self.draft = Draft(source)
        self.nodes: dict[str, _Node] = {}
        self.edges: list[tuple[Word, str, Word, Attributes]] = []
        self.options: dict[str, str] = {}

    def node(self, name: Word, attributes: Attributes, defaults: Attributes) -> None:
        """Take a node."""
        if name.text not in self.nodes:
            limit(len(self.nodes), MAX_NODES, "nodes", name.span)
            self.nodes[name.text] = _Node(name, dict(defaults))
        self.nodes[name.text].said.update(attributes)

    def edge(self, left: Word, operator: str, right: Word, attributes: Attributes) -> None:
        """Take an edge."""
        limit(len(self.edges), MAX_EDGES, "edges", left.span)
        self.edges.append((left, operator, right, attributes))

    def option(self, key: str, value: str) -> None:
        """Take what is said of the whole graph."""
        self.options[key] = value

    def bound(self) -> Diagram:
        """Return the diagram of all that was taken."""
        names = names_for(
            {key: n.said.get("label") for key, n in self.nodes.items()}, ids_are_names="kind" in self.options
        )
        for key, node in self.nodes.items():
            name = self.draft.node(key, node.word.span, names.get(key))
            said = {k: _plain(text, key) for k, text in node.said.items() if k not in LOOKS}
            if names.get(key) is not None:
                said.pop("label")
            elif said.get("label") == key and "\\N" in node.said["label"]:
                said.pop("label")  # Graphviz' own default, the name
            if "dashed" in node.said.get("style", ""):
                said.setdefault("latent", "true")
            if "pos" in said:
                said["pos"] = _upside_down(said["pos"])
            self.draft.describe(name, said)
        for left, operator, right, attributes in self.edges:
            ends = [self.draft.node(word.text, word.span) for word in (left, right)]
            said = {k: _plain(text, "") for k, text in attributes.items() if k not in LOOKS and k != "pos"}
            self.draft.connect(ends[0], _mark(operator, attributes), ends[1], left.span.to(right.span), said)
        for key in self.options:
            if key not in LOOKS and key not in ("kind", "label"):
                self.draft.ignore("attributes of the graph", key)
        title = _plain(self.options["label"], "") if "label" in self.options else None
        return self.draft.diagram(self.options.get("kind"), title)


def _mark(operator: str, attributes: Attributes) -> str:
    """Return the mark of an edge: its operator gives the direction, its attributes may change either end."""
    default = {"->": "forward", "--": "none"}.get(operator)
    if default is None:  # dagitty's edges, which some write into a digraph
        return operator.replace("@", "o")
    drawn = {"forward": (False, True), "back": (True, False), "both": (True, True), "none": (False, False)}
    at_left, at_right = drawn.get(attributes.get("dir", default), drawn[default])
    left = _end(attributes.get("arrowtail", "normal")) if at_left else Mark.TAIL
    right = _end(attributes.get("arrowhead", "normal")) if at_right else Mark.TAIL
    return WRITTEN[left, right]


def _end(shape: str) -> Mark:
    if shape == "none":
        return Mark.TAIL
    return Mark.CIRCLE if shape in ("odot", "dot", "circle") else Mark.ARROW


def _plain(text: str, name: str) -> str:
    r"""Return a label without its escapes: line ends become spaces, ``\N`` the node's name."""
    known = {"n": " ", "l": " ", "r": " ", "N": name}
    return without_entities(re.sub(r"\\(.)", lambda m: known.get(m[1], m[1]), text, flags=re.DOTALL))


def _upside_down(pos: str) -> str:
    place = position(pos)
    return pos if place is None else f"{decimal_text(place[0])},{decimal_text(0.0 - place[1])}"


# Writing.


def _name(name: str) -> str:
    """Return a name that DOT can hold: a lone backslash can't stand before a quote or at the end."""
    return re.sub(r'\\+(?="|\Z)', lambda m: m[0] if len(m[0]) % 2 == 0 else m[0][:-1] + "/", legal_name(name))


CARRIES = Carries(name=_name)


def carried(diagram: Diagram) -> Diagram:
    """Return what DOT can carry of a diagram; reading what `write` makes of it gives this back."""
    return fitted(diagram, CARRIES)


def write(diagram: Diagram) -> Written:
    """Write a graph in DOT, with the names as they are; how it looks is left to Graphviz.

    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> print(write(Diagram.of(MixedGraph.build([("X", "->", "Y"), ("X", "<->", "Y")]))).text)
    digraph {
      graph [kind=admg, rankdir=LR];
      X;
      Y;
      X -> Y;
      X -> Y [dir=both, arrowtail=normal, arrowhead=normal, style=dashed, constraint=false];
    }
    <BLANKLINE>
    """
    fits = carried(diagram)
    title = {} if fits.title is None else {"label": _escaped(fits.title)}
    rows = [f"  graph{_listed({'kind': fits.graph.kind} | title | {'rankdir': 'LR'})};"]
    for name in fits.graph.nodes:
        known = attributes_of(fits.variables[name])
        said = {key: "true" if key in ROLES else _escaped(text) for key, text in known.items()}
        if "pos" in said:
            said["pos"] = f"{_upside_down(said['pos'])}!"
        if "latent" in said:
            said["style"] = "dashed"
        rows.append(f"  {_spelled(name)}{_listed(said)};")
    for edge in fits.graph.edges:
        known = {key: _escaped(value_text(value)) for key, value in fits.edge_attributes.get(edge, {}).items()}
        rows.append(f"  {_spelled(edge.left)} -> {_spelled(edge.right)}{_listed(_drawn(edge.mark) | known)};")
    return Written("\n".join(["digraph {", *rows, "}", ""]), fits.losses)


def _drawn(mark: str) -> dict[str, str]:
    """Return how Graphviz is told of the marks at the ends of an edge."""
    if mark == "->":
        return {}
    tail, head = (SHAPES[end] for end in MARKS[mark])
    drawn = {"dir": "both", "arrowtail": tail, "arrowhead": head}
    return drawn | {"style": "dashed", "constraint": "false"} if mark == "<->" else drawn


def _escaped(text: str) -> str:
    """Return a text in which Graphviz finds no escape and no entity."""
    return text.replace("\\", "\\\\").replace("&", "&amp;")


def _spelled(text: str) -> str:
    """Write a name or a value, in quotes where it needs them."""
    if IDENTIFIER.fullmatch(text) and text.lower() not in RESERVED:
        return text
    return '"' + text.replace('"', '\\"') + '"'


def _listed(said: Mapping[str, str]) -> str:
    return " [" + ", ".join(f"{key}={_spelled(value)}" for key, value in said.items()) + "]" if said else ""
