"""A graph as DOT, Graphviz's language: the picture before it is laid out.

Nodes are called n0, n1, … and edges e0, e1, … in the order of the graph, so that no name can disturb the text.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from causalgraph.graphs.mixed import Edge, Mark, MixedGraph
from causalgraph.render.picture import FONT_SIZE, Box, Picture, box, meaning, roles, shown, weight
from causalgraph.render.theme import INK, LINES, PAPER, WASH, Meaning
from causalgraph.render.weights import WIDTHS

__all__ = [
    "ARROW_SIZE",
    "POINTS",
    "Sketch",
    "Statement",
    "dot",
    "escaped",
    "is_large",
    "mark_size",
    "outline",
    "sketch",
    "stroke",
    "written",
]

POINTS = 72
ARROW_SIZE = 0.9
# Where width tells a number, marks stand out from the widest line.
WEIGHED_ARROW_SIZE = 1.3
HEADS = {Mark.TAIL: "none", Mark.ARROW: "normal", Mark.CIRCLE: "odot"}

# The least gap in points between nodes that were placed by hand, and the widest that such a picture may become.
CLEARANCE = 28
WIDEST_SPREAD = 3000

GRAPH = {
    "rankdir": "LR",
    "nodesep": "0.35",
    "ranksep": "0.6",
    "splines": "true",
    "outputorder": "edgesfirst",
    "bgcolor": PAPER.light,
}
# Beyond this many nodes there is less room within a rank and more between ranks, where edges are many and steep; parts
# that no edge joins are packed side by side; and the search for the best order, whose time grows out of hand, is cut
# short.
MANY = 50
LARGE = {"nodesep": "0.12", "ranksep": "1", "pack": "8", "nslimit": "2", "mclimit": "0.5"}
ROOM_FOR_NUMBERS = {"nodesep": "0.5", "ranksep": "1.6"}
NODE = {
    "fixedsize": "true",
    "fontname": "Helvetica",
    "fontsize": str(FONT_SIZE),
    "color": INK.light,
    "fontcolor": INK.light,
}
EDGE = {"dir": "both", "arrowsize": str(ARROW_SIZE), "len": "2"}

Attributes = dict[str, str]


@dataclass(frozen=True)
class Statement:
    """A node (`ends` names it) or an edge (`ends` names two) of DOT and its attributes."""

    ends: tuple[str, ...]
    attributes: Attributes


@dataclass(frozen=True)
class Sketch:
    """What Graphviz is told: the graph's attributes, the nodes with the words in them, the edges."""

    attributes: Attributes
    boxes: Mapping[str, Box]
    nodes: tuple[Statement, ...]
    edges: tuple[Statement, ...]


def dot(graph: MixedGraph, picture: Picture | None = None) -> str:
    """Return a graph as DOT, which any Graphviz draws; positions are in it, title and legend aren't.

    >>> print(dot(MixedGraph.build([("X", "->", "Y")])))  # doctest: +ELLIPSIS
    digraph {
      graph [layout="dot", rankdir="LR", ...];
      node [fixedsize="true", ...];
      edge [dir="both", ...];
      n0 [label="X", ...];
      n1 [label="Y", ...];
      n0 -> n1 [id="e0", class="plain", ...];
    }

    Raises:
        ModelError: the picture names a node that isn't in the graph (E201).
    """
    plan = sketch(graph, (picture or Picture()).of(graph))
    return written(plan.attributes, (*plan.nodes, *plan.edges))


def sketch(graph: MixedGraph, picture: Picture) -> Sketch:
    """Return what Graphviz is told of a graph, in the order of its nodes and edges."""
    boxes = {name: box(shown(name, picture), is_round=name not in picture.adjusted) for name in graph.nodes}
    number = {name: f"n{at}" for at, name in enumerate(graph.nodes)}
    places = _places(graph, picture, boxes)
    nodes = [
        Statement((number[name],), outline(roles(name, graph, picture), boxes[name]) | _pinned(places, name))
        for name in graph.nodes
    ]
    edges = [
        Statement(
            (number[e.left], number[e.right]),
            {"id": f"e{at}"}
            | stroke(meaning(e, picture), e.marks, weight(e, picture), size=mark_size(picture))
            | _ranking(e),
        )
        for at, e in enumerate(graph.edges)
    ]
    attributes = {"layout": "neato" if places else "dot"} | GRAPH | (LARGE if is_large(graph) else {})
    if picture.weights and picture.weights.written:
        attributes |= ROOM_FOR_NUMBERS
    sizes = {number[name]: boxes[name] for name in graph.nodes}
    return Sketch(attributes, sizes, tuple(nodes), tuple(edges))


def is_large(graph: MixedGraph) -> bool:
    """Whether a graph has so many nodes that its picture must save room."""
    return len(graph.nodes) > MANY


def written(attributes: Attributes, statements: Iterable[Statement]) -> str:
    """Return statements as the text of a DOT graph."""
    rows = [
        f"  {word} [{_listed(values)}];" for word, values in (("graph", attributes), ("node", NODE), ("edge", EDGE))
    ]
    rows += [f"  {' -> '.join(s.ends)} [{_listed(s.attributes)}];" for s in statements]
    return "\n".join(("digraph {", *rows, "}"))


def escaped(lines: Sequence[str], end: str = "\\n") -> str:
    r"""Return lines as what stands between the quotes of a DOT label: no escape, entity or markup is left in them.

    `end` is Graphviz's own end of a line, the centred one or that for lines flush left.

    >>> print(escaped(['a\\N "b"', "&lt;"]))
    a\\N \"b\"\n&amp;lt;
    """
    return end.join(line.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;") for line in lines)


def _listed(attributes: Attributes) -> str:
    return ", ".join(f'{name}="{value}"' for name, value in attributes.items())


def outline(roles: Sequence[str], size: Box) -> Attributes:
    """Return what a node looks like: its roles are in its outline, its corners and its words."""
    out = {
        "label": escaped(size.lines),
        "class": " ".join(roles),
        "shape": "box" if "adjusted" in roles else "ellipse",
        "width": _inches(size.width),
        "height": _inches(size.height),
        "style": "filled,dashed" if "latent" in roles else "filled",
        "fillcolor": WASH.light if {"adjusted", "held"} & set(roles) else PAPER.light,
        "penwidth": "2.25" if {"exposure", "outcome", "blocking", "held", "unshared"} & set(roles) else "1.25",
    }
    return out | {"peripheries": "2"} if "selected" in roles else out


def stroke(kind: Meaning, marks: tuple[Mark, Mark], step: int | None = None, *, size: float = ARROW_SIZE) -> Attributes:
    """Return what an edge looks like: a step of weight sets its width, and nothing but `size` that of its marks."""
    line = LINES[kind]
    out = {
        "class": kind if step is None else f"{kind} w{step}",
        "arrowtail": HEADS[marks[0]],
        "arrowhead": HEADS[marks[1]],
        "color": line.tone.light,
        "penwidth": f"{line.width if step is None else WIDTHS[step]:g}",
    }
    if size != ARROW_SIZE:
        out["arrowsize"] = f"{size:g}"
    if line.dashes == "double":
        return out | {"color": f"{line.tone.light}:invis:{line.tone.light}"}
    return out if line.dashes == "solid" else out | {"style": line.dashes}


def mark_size(picture: Picture) -> float:
    """Return the size of every arrowhead and circle of a picture."""
    return WEIGHED_ARROW_SIZE if picture.weights else ARROW_SIZE


def _ranking(edge: Edge) -> Attributes:
    """Keep a common cause, which puts neither variable before the other, from counting for their ranks."""
    return {"constraint": "false"} if edge.mark == "<->" else {}


def _inches(points: float) -> str:
    return f"{points / POINTS:.4f}"


def _pinned(places: Mapping[str, tuple[float, float]], name: str) -> Attributes:
    if name not in places:
        return {}
    x, y = places[name]
    return {"pos": f"{x / POINTS:.4f},{y / POINTS:.4f}!"}


def _places(graph: MixedGraph, picture: Picture, boxes: Mapping[str, Box]) -> dict[str, tuple[float, float]]:
    """Return the given positions in points, y upward, at the least scale at which the nodes don't touch."""
    given = {name: picture.positions[name] for name in graph.nodes if name in picture.positions}
    scale = 0.0
    for one, other in itertools.combinations(given, 2):
        (x1, y1), (x2, y2) = given[one], given[other]
        needs = (
            (abs(x1 - x2), (boxes[one].width + boxes[other].width) / 2 + CLEARANCE),
            (abs(y1 - y2), (boxes[one].height + boxes[other].height) / 2 + CLEARANCE),
        )
        scale = max(scale, min((need / apart for apart, need in needs if apart), default=0))
    spread = max((max(axis) - min(axis) for axis in zip(*given.values(), strict=True)), default=0)
    # Nodes without a place need room between those that have one.
    scale *= math.sqrt(len(graph.nodes) / max(len(given), 1))
    scale = min(scale or 1, WIDEST_SPREAD / spread if spread else 1)
    return {name: (x * scale, -y * scale) for name, (x, y) in given.items()}
