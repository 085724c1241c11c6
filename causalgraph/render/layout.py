"""Where everything lies: Graphviz ranks the nodes and routes the edges; arcs and bars are added here."""

from __future__ import annotations

import contextlib
import io
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from causalgraph.graphs.mixed import Edge, Mark, MixedGraph
from causalgraph.render.dot import (
    ARROW_SIZE,
    POINTS,
    Sketch,
    Statement,
    is_large,
    mark_size,
    outline,
    sketch,
    stroke,
    written,
)
from causalgraph.render.geometry import Place, Point, Spline, arc, bar, halfway, straight
from causalgraph.render.numbers import SMALL_SIZE, Number, placed
from causalgraph.render.picture import Box, Picture, meaning, roles, shown, weight, wrap
from causalgraph.render.theme import INK, LINES, Meaning
from causalgraph.render.words import words_of_edge, words_of_node

__all__ = ["Drawing", "Layout", "drawn", "extent", "laid_out", "line", "moved", "node", "run", "tips"]

# A mark of size 1 is so long, in points.
MARK = 10
BAR_LENGTH = 16
THIN = f"{LINES['plain'].width:g}"
SECOND_OUTLINE = 4

# Two arrowheads need this much of a line. In a large graph Graphviz leads long two-headed edges round the nodes better
# than one arc can.
SHORT = 5 * MARK * ARROW_SIZE

# Graphviz keeps its state in the process, and pygraphviz hands that state from one call to the next.
ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Layout:
    """Where the nodes and the edges of a graph lie, whatever they look like."""

    boxes: dict[str, Box]
    places: dict[str, Place]
    splines: dict[Edge, Spline]


@dataclass(frozen=True)
class Drawing:
    """A picture laid out: every statement has its position in points.

    `lines` are the words in each node, by its name, and `told` the words for each node and edge, by its id. A node of
    class ``note`` holds words alone, flush left where its class says ``left`` too.
    """

    nodes: tuple[Statement, ...]
    edges: tuple[Statement, ...]
    lines: dict[str, tuple[str, ...]] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)


def laid_out(graph: MixedGraph, picture: Picture) -> Layout:
    """Lay a graph out, the same way every time."""
    plan = sketch(graph, picture)
    if picture.weights:
        # Marks lie on thin lines (`line`), and Graphviz makes them longer where lines are wide.
        thin = tuple(Statement(s.ends, s.attributes | {"penwidth": THIN}) for s in plan.edges)
        plan = replace(plan, edges=thin)
    found, routes = _by_graphviz(plan)
    named = dict(zip(graph.nodes, (s.ends[0] for s in plan.nodes), strict=True))
    places = {name: found[number] for name, number in named.items()}
    splines: dict[Edge, Spline] = {}
    for edge, statement in zip(graph.edges, plan.edges, strict=True):
        one, other = places[edge.left], places[edge.right]
        route = routes.get(statement.attributes["id"])
        if edge.mark == "<->" and (route is None or route.length < SHORT or not is_large(graph)):
            between = (place for name, place in places.items() if name not in (edge.left, edge.right))
            route = arc(one, other, between, MARK * mark_size(picture))
        splines[edge] = route or straight(one, other, tips(edge.marks, mark_size(picture)))
    return Layout({name: plan.boxes[number] for name, number in named.items()}, places, splines)


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


def drawn(graph: MixedGraph, picture: Picture, layout: Layout) -> Drawing:
    """Return what a picture shows of a graph, where a layout puts it; the graph may have lost edges since."""
    number = {name: f"n{at}" for at, name in enumerate(graph.nodes)}
    nodes: list[Statement] = []
    lines: dict[str, tuple[str, ...]] = {}
    told: dict[str, str] = {}
    for name in graph.nodes:
        size = replace(layout.boxes[name], lines=wrap(shown(name, picture)))
        place = layout.places[name]
        nodes.append(node(number[name], outline(roles(name, graph, picture), size), (place.x, place.y)))
        lines[number[name]] = size.lines
        told[number[name]] = words_of_node(name, graph, picture)
    edges: list[Statement] = []
    kept = set(graph.edges)
    for at, edge in enumerate(layout.splines):
        if edge in kept:
            told[f"e{at}"] = words_of_edge(edge, picture)
            kind = meaning(edge, picture)
            looks = {"id": f"e{at}"} | stroke(kind, edge.marks, weight(edge, picture), size=mark_size(picture))
            edges += line(Statement((number[edge.left], number[edge.right]), looks), layout.splines[edge], kind)
    if picture.weights and picture.weights.written:
        splines = {e: layout.splines[e] for e in graph.edges}
        barred = (halfway(s)[0] for e, s in splines.items() if LINES[meaning(e, picture)].bars)
        bars = (Place(*at, BAR_LENGTH / 2, BAR_LENGTH / 2, is_round=False) for at in barred)
        for at, number_at in enumerate(placed(splines, (*layout.places.values(), *bars), picture.weights)):
            nodes.append(_number(f"w{at}", number_at))
            lines[f"w{at}"] = (number_at.text,)
            edges += _leader(f"w{at}", number_at)
    return Drawing(tuple(nodes), tuple(edges), lines, told)


def _number(name: str, number: Number) -> Statement:
    """Return a number that stands on its line, on paper of its own."""
    place = number.place
    looks = outline((), Box((number.text,), 2 * place.half_width, 2 * place.half_height))
    kind = "note number small" if number.size == SMALL_SIZE else "note number"
    blank = {"class": kind, "shape": "box", "color": "transparent", "fontsize": str(number.size)}
    return node(name, looks | blank, (place.x, place.y))


def _leader(name: str, number: Number) -> Iterator[Statement]:
    """Yield the thin line that joins a number to its line, where it stands beside it."""
    if number.leader:
        looks = {"id": f"{name}-l", "class": "leader", "color": INK.light, "penwidth": "0.75", "dir": "none"}
        yield Statement((name, name), looks | {"style": "dashed", "pos": str(number.leader)})


def node(name: str, looks: dict[str, str], at: Point) -> Statement:
    """Return a node at a place."""
    return Statement((name,), looks | {"id": name, "pos": f"{at[0]},{at[1]}"})


def line(statement: Statement, spline: Spline, kind: Meaning) -> Iterator[Statement]:
    """Yield an edge where its spline lies and the bars across it that its meaning asks for.

    A line whose width tells a number has its marks on a thin line of their own, so that they have one size and stroke.
    """
    looks = statement.attributes
    if kind == "plain" and looks["class"] != kind:
        bare = {"arrowtail": "none", "arrowhead": "none", "pos": str(Spline(spline.points))}
        yield Statement(statement.ends, looks | bare)
        looks = looks | {"id": f"{looks['id']}-m", "class": f"{kind} marks", "penwidth": THIN}
    yield Statement(statement.ends, looks | {"pos": str(spline)})
    for at, angle in enumerate(LINES[kind].bars):
        looks = {
            "id": f"{statement.attributes['id']}-{at}",
            "class": f"bar {kind}",
            "color": statement.attributes["color"],
            "penwidth": "2.5",
            "dir": "none",
        }
        yield Statement(statement.ends, looks | {"pos": str(bar(spline, BAR_LENGTH, angle))})


def moved(drawing: Drawing, right: float, up: float, prefix: str) -> Drawing:
    """Return a drawing at another place, under other names."""

    def renamed(statement: Statement, position: str) -> Statement:
        ends = tuple(prefix + end for end in statement.ends)
        return Statement(ends, statement.attributes | {"id": prefix + statement.attributes["id"], "pos": position})

    def at(statement: Statement) -> str:
        x, y = map(float, statement.attributes["pos"].split(","))
        return f"{x + right},{y + up}"

    return Drawing(
        tuple(renamed(s, at(s)) for s in drawing.nodes),
        tuple(renamed(s, str(Spline.parse(s.attributes["pos"]).moved(right, up))) for s in drawing.edges),
        {prefix + name: lines for name, lines in drawing.lines.items()},
        {prefix + name: words for name, words in drawing.told.items()},
    )


def extent(drawing: Drawing) -> tuple[float, float, float, float]:
    """Return the left, the lowest, the right and the highest coordinate of a drawing."""
    corners: list[Point] = []
    for one in drawing.nodes:
        x, y = map(float, one.attributes["pos"].split(","))
        across, up = (float(one.attributes[side]) * POINTS / 2 for side in ("width", "height"))
        corners += [(x - across, y - up), (x + across, y + up)]
    for edge in drawing.edges:
        corners += Spline.parse(edge.attributes["pos"]).points
    xs, ys = zip(*corners, strict=True) if corners else ((0.0,), (0.0,))
    return min(xs), min(ys), max(xs), max(ys)


def tips(marks: tuple[Mark, Mark], size: float = ARROW_SIZE) -> tuple[float, float]:
    """Return the lengths of the marks at the ends of an edge, given their size."""
    return MARK * size * (marks[0] != Mark.TAIL), MARK * size * (marks[1] != Mark.TAIL)


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
