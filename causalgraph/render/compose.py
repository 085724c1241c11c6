"""A whole picture: the drawn graph, or the graph before and after an intervention, with title and legend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from causalgraph.graphs.mixed import Mark, MixedGraph
from causalgraph.graphs.surgery import do
from causalgraph.render.dot import Statement, outline, stroke
from causalgraph.render.geometry import Place, Spline, straight
from causalgraph.render.layout import Drawing, Layout, drawn, extent, laid_out, line, moved, node, tips
from causalgraph.render.picture import LINE_HEIGHT, SIGNS, Box, Picture, meaning, roles, text_width, wrap
from causalgraph.render.theme import Meaning
from causalgraph.render.words import LINE_KEYS, NODE_KEYS

__all__ = ["composed", "finished"]

TITLE_WIDTH = 60
MARGIN = 14
ROW = 26
SAMPLE = 48

# Two panels lie side by side where both together are no wider than this, in points, else one below the other.
WIDEST_PAIR = 1000
BETWEEN = 56


def composed(graph: MixedGraph, picture: Picture) -> Drawing:
    """Return the drawing of a picture whose edges are written as the graph writes them (`Picture.of`)."""
    layout = laid_out(graph, picture)
    plan = _before_and_after if picture.do else drawn
    return finished(plan(graph, picture, layout), graph, picture)


def finished(drawing: Drawing, graph: MixedGraph, picture: Picture) -> Drawing:
    """Add a picture's title and legend to a drawing."""
    if picture.title:
        drawing = _headed(drawing, "t0", wrap(picture.title, TITLE_WIDTH), kind="title")
    return _with_legend(drawing, graph, picture) if picture.legend else drawing


def _before_and_after(graph: MixedGraph, picture: Picture, layout: Layout) -> Drawing:
    """Return two panels in which every node has the same place: what will be cut, and what is left."""
    marked, intact = drawn(graph, picture, layout), drawn(graph, replace(picture, do=frozenset()), layout)
    told = marked.told | {s.ends[0]: intact.told[s.ends[0]] for s in intact.nodes}
    first = replace(intact, edges=marked.edges, told=told)
    second = drawn(do(graph, picture.do), picture, layout)
    left, bottom, right, top = extent(first)
    names = ", ".join(picture.labels.get(name, name) for name in graph.nodes if name in picture.do)
    before, after = ("before",), wrap(f"after do({names})", TITLE_WIDTH)
    heading = 2 * MARGIN + LINE_HEIGHT * len(after)
    beside = 2 * (right - left) + BETWEEN <= WIDEST_PAIR
    shift = (right - left + BETWEEN, 0.0) if beside else (0.0, -(top - bottom + MARGIN + heading))
    panels = _headed(first, "h0", before, kind="caption"), moved(second, *shift, "a")
    # Both captions stand over their panels' full extent, cut arrows or not.
    caption = _heading("h1", after, ((left + right) / 2 + shift[0], top + shift[1]), kind="caption")
    return Drawing(
        (*panels[0].nodes, *panels[1].nodes, caption),
        (*panels[0].edges, *panels[1].edges),
        panels[0].lines | panels[1].lines | {"h1": after},
        panels[0].told | panels[1].told,
    )


def _headed(drawing: Drawing, name: str, lines: tuple[str, ...], *, kind: str) -> Drawing:
    """Put words above a drawing, at its middle."""
    left, _, right, top = extent(drawing)
    note = _heading(name, lines, ((left + right) / 2, top), kind=kind)
    return replace(drawing, nodes=(*drawing.nodes, note), lines=drawing.lines | {name: lines})


def _heading(name: str, lines: tuple[str, ...], below: tuple[float, float], *, kind: str) -> Statement:
    """Return words whose middle stands above a point."""
    left = below[0] - max(map(text_width, lines)) / 2
    return _note(name, lines, left, below[1] + MARGIN + LINE_HEIGHT * len(lines) / 2, kind=f"note {kind}")


def _note(name: str, lines: tuple[str, ...], left: float, y: float, *, kind: str) -> Statement:
    """Return a node that holds words alone and shows no outline."""
    width = max(map(text_width, lines))
    looks = outline((), Box(lines, width, LINE_HEIGHT * len(lines)))
    blank = {"class": kind, "shape": "box", "style": "solid", "color": "transparent"}
    return node(name, looks | blank, (left + width / 2, y))


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
            sign = {"held": "do( )"}.get(sample, SIGNS.get(sample, ""))
            nodes.append(node(f"k{row}", outline((sample,), Box((sign,), SAMPLE - 2, ROW - 8)), (left + SAMPLE / 2, y)))
            lines[f"k{row}"] = (sign,)
        else:
            kind, marks = sample
            key = Statement((name, name), {"id": f"k{row}"} | stroke(kind, marks))
            edges += line(key, _sample(left, y, marks), kind)
    return replace(drawing, nodes=tuple(nodes), edges=tuple(edges), lines=lines)


def _sample(left: float, y: float, marks: tuple[Mark, Mark]) -> Spline:
    """Return the sample line of a legend."""
    ends = Place(left, y, 0.5, 0.5, is_round=True), Place(left + SAMPLE, y, 0.5, 0.5, is_round=True)
    return straight(*ends, tips(marks))


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
