"""Where everything lies: Graphviz ranks the nodes and routes the edges; arcs, bars, title and legend are added here."""

from __future__ import annotations

import contextlib
import io
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

from causalgraph.graphs.mixed import Mark, MixedGraph
from causalgraph.render.dot import ARROW_SIZE, POINTS, Sketch, Statement, outline, sketch, stroke, written
from causalgraph.render.geometry import Place, Point, Spline, arc, bar, straight
from causalgraph.render.picture import LINE_HEIGHT, SIGNS, Box, Picture, meaning, roles, text_width, wrap
from causalgraph.render.theme import LINES, Meaning

__all__ = ["LINE_KEYS", "Drawing", "extent", "laid_out", "run"]

TIP = 10 * ARROW_SIZE
BAR_LENGTH = 16
TITLE_WIDTH = 60
MARGIN = 14
ROW = 26
SAMPLE = 48
SECOND_OUTLINE = 4

# Graphviz keeps its state in the process, and pygraphviz hands that state from one call to the next.
ONE_AT_A_TIME = threading.Lock()

NODE_KEYS = {
    "exposure": "exposure",
    "outcome": "outcome",
    "adjusted": "adjusted for",
    "latent": "latent",
    "selected": "selected on",
}
LINE_KEYS: dict[Meaning, str] = {
    "causal": "on a causal path",
    "biasing": "on a biasing path, open",
    "closed": "on a biasing path, closed",
}


@dataclass(frozen=True)
class Drawing:
    """A picture laid out: every statement has its position in points; `lines` are the words in each node.

    A node of class ``note`` holds words alone, flush left where its class says ``left`` too.
    """

    nodes: tuple[Statement, ...]
    edges: tuple[Statement, ...]
    lines: dict[str, tuple[str, ...]]


def laid_out(graph: MixedGraph, picture: Picture) -> Drawing:
    """Lay a picture out, the same way every time."""
    plan = sketch(graph, picture)
    places, splines = _by_graphviz(plan)
    nodes = [_at(s, places[s.ends[0]]) for s in plan.nodes]
    edges: list[Statement] = []
    for edge, statement in zip(graph.edges, plan.edges, strict=True):
        one, other = (places[end] for end in statement.ends)
        if edge.mark == "<->":
            between = (place for name, place in places.items() if name not in statement.ends)
            spline = arc(one, other, between, TIP)
        else:
            spline = splines.get(statement.attributes["id"]) or straight(one, other, _tips(edge.marks))
        edges += _line(statement, spline, meaning(edge, picture))
    lines = {name: size.lines for name, size in plan.boxes.items()}
    drawing = Drawing(tuple(nodes), tuple(edges), lines)
    if picture.title:
        drawing = _with_title(drawing, picture.title)
    return _with_legend(drawing, graph, picture) if picture.legend else drawing


def _by_graphviz(plan: Sketch) -> tuple[dict[str, Place], dict[str, Spline]]:
    """Return where Graphviz puts the nodes and the edges; it sees sizes and no words, so no fonts are asked for."""
    nodes = [Statement(s.ends, s.attributes | {"label": ""}) for s in plan.nodes]
    found = json.loads(run(written(plan.attributes, (*nodes, *plan.edges)), plan.attributes["layout"], "json0"))
    places = {}
    for node in found.get("objects", ()):
        x, y = map(float, node["pos"].split(","))
        rim = SECOND_OUTLINE if "peripheries" in node else 0
        size = plan.boxes[node["name"]]
        places[node["name"]] = Place(x, y, size.width / 2 + rim, size.height / 2 + rim, node["shape"] == "ellipse")
    return places, {e["id"]: Spline.parse(e["pos"]) for e in found.get("edges", ()) if "pos" in e}


def _at(statement: Statement, place: Place) -> Statement:
    return Statement(statement.ends, statement.attributes | {"id": statement.ends[0], "pos": f"{place.x},{place.y}"})


def _line(statement: Statement, spline: Spline, kind: Meaning) -> Iterator[Statement]:
    """Return an edge where its spline lies and, where its meaning asks for one, the bar across it."""
    yield Statement(statement.ends, statement.attributes | {"pos": str(spline)})
    if LINES[kind].barred:
        looks = {
            "id": "b" + statement.attributes["id"],
            "class": f"bar {kind}",
            "color": statement.attributes["color"],
            "penwidth": "2.5",
            "dir": "none",
        }
        yield Statement(statement.ends, looks | {"pos": str(bar(spline, BAR_LENGTH))})


def extent(drawing: Drawing) -> tuple[float, float, float, float]:
    """Return the left, the lowest, the right and the highest coordinate of a drawing."""
    corners: list[Point] = []
    for node in drawing.nodes:
        x, y = map(float, node.attributes["pos"].split(","))
        across, up = (float(node.attributes[side]) * POINTS / 2 for side in ("width", "height"))
        corners += [(x - across, y - up), (x + across, y + up)]
    for edge in drawing.edges:
        corners += Spline.parse(edge.attributes["pos"]).points
    xs, ys = zip(*corners, strict=True) if corners else ((0.0,), (0.0,))
    return min(xs), min(ys), max(xs), max(ys)


def _note(name: str, lines: tuple[str, ...], left: float, y: float, *, kind: str = "note") -> Statement:
    """Return a node that holds words alone and shows no outline."""
    width = max(map(text_width, lines))
    looks = outline((), Box(lines, width, LINE_HEIGHT * len(lines)))
    blank = {"id": name, "class": kind, "shape": "box", "style": "solid", "color": "transparent"}
    return Statement((name,), looks | blank | {"pos": f"{left + width / 2},{y}"})


def _with_title(drawing: Drawing, title: str) -> Drawing:
    """Put a title above a drawing, at its middle."""
    left, _, right, top = extent(drawing)
    lines = wrap(title, TITLE_WIDTH)
    width = max(map(text_width, lines))
    y = top + MARGIN + LINE_HEIGHT * len(lines) / 2
    note = _note("t0", lines, (left + right - width) / 2, y, kind="note title")
    return replace(drawing, nodes=(*drawing.nodes, note), lines=drawing.lines | {"t0": lines})


def _with_legend(drawing: Drawing, graph: MixedGraph, picture: Picture) -> Drawing:
    """Put below a drawing a sample of each meaning that is in it, with its words."""
    left, bottom, *_ = extent(drawing)
    nodes, edges, lines = list(drawing.nodes), list(drawing.edges), dict(drawing.lines)
    for row, (sample, words) in enumerate(_keys(graph, picture)):
        y = bottom - MARGIN - ROW * (row + 0.5)
        name = f"l{row}"
        nodes.append(_note(name, (words,), left + SAMPLE + MARGIN, y, kind="note left"))
        lines[name] = (words,)
        if isinstance(sample, str):
            node = Statement((f"k{row}",), outline((sample,), Box((SIGNS.get(sample, ""),), SAMPLE - 8, ROW - 10)))
            nodes.append(_at(node, Place(left + SAMPLE / 2, y, 1, 1, is_round=True)))
            lines[f"k{row}"] = (SIGNS.get(sample, ""),)
        else:
            kind, marks = sample
            key = Statement((name, name), {"id": f"k{row}"} | stroke(kind, marks))
            edges += _line(key, _sample(left, y, marks), kind)
    return Drawing(tuple(nodes), tuple(edges), lines)


def _sample(left: float, y: float, marks: tuple[Mark, Mark]) -> Spline:
    """Return the sample line of a legend."""
    ends = Place(left, y, 0.5, 0.5, is_round=True), Place(left + SAMPLE, y, 0.5, 0.5, is_round=True)
    return straight(*ends, _tips(marks))


def _tips(marks: tuple[Mark, Mark]) -> tuple[float, float]:
    """Return the lengths of the marks at the ends of an edge."""
    return TIP * (marks[0] != Mark.TAIL), TIP * (marks[1] != Mark.TAIL)


def _keys(graph: MixedGraph, picture: Picture) -> Iterator[tuple[str | tuple[Meaning, tuple[Mark, Mark]], str]]:
    """Return what a legend explains: the meanings that the picture uses, nodes before lines."""
    used = {role for name in graph.nodes for role in roles(name, graph, picture)}
    yield from ((role, words) for role, words in NODE_KEYS.items() if role in used)
    kinds = {meaning(edge, picture) for edge in graph.edges}
    arrow = (Mark.TAIL, Mark.ARROW)
    yield from (((kind, arrow), words) for kind, words in LINE_KEYS.items() if kind in kinds)
    marks = {edge.marks for edge in graph.edges}
    if (Mark.ARROW, Mark.ARROW) in marks:
        yield ("plain", (Mark.ARROW, Mark.ARROW)), "a common cause that isn't drawn"
    if any(Mark.CIRCLE in pair for pair in marks):
        yield ("plain", (Mark.CIRCLE, Mark.CIRCLE)), "arrowhead or tail: not known"


def run(text: str, program: str, form: str) -> bytes:
    """Return what Graphviz makes of a DOT text."""
    import pygraphviz

    # pygraphviz tells the terminal that a large graph takes long; whoever asked for it knows.
    with ONE_AT_A_TIME, contextlib.redirect_stderr(io.StringIO()):
        graph = pygraphviz.AGraph(string=text)
        try:
            return bytes(graph.draw(format=form, prog=program))
        finally:
            graph.close()
