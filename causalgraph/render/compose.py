"""A whole picture: the drawn graph, or the graph before and after an intervention, with title and legend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from causalgraph.graphs.mixed import Mark, MixedGraph
from causalgraph.graphs.surgery import do
from causalgraph.render.dot import Statement, outline, stroke
from causalgraph.render.geometry import Place, Spline, straight
from causalgraph.render.layout import Drawing, Layout, drawn, extent, laid_out, line, moved, node, tips
from causalgraph.render.picture import LINE_HEIGHT, SIGNS, Box, Picture, meaning, roles, text_width, weight, wrap
from causalgraph.render.theme import Meaning
from causalgraph.render.weights import WIDTHS, Scale
from causalgraph.render.words import LINE_KEYS, NODE_KEYS

__all__ = ["ARROW", "TITLE_WIDTH", "Key", "composed", "finished", "headed", "paired"]

Lines = tuple[str, ...]
# What a legend shows beside its words: a node's role, a line (its meaning, its marks, its step of width), or nothing.
Key = tuple[str | tuple[Meaning, tuple[Mark, Mark], int | None] | None, str]

TITLE_WIDTH = 60
MARGIN = 14
ROW = 26
SAMPLE = 48
ARROW, LINE = (Mark.TAIL, Mark.ARROW), (Mark.TAIL, Mark.TAIL)

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
    return headed(drawing, picture.title, _keys(graph, picture) if picture.legend else ())


def headed(drawing: Drawing, title: str | None, keys: Iterable[Key]) -> Drawing:
    """Put a title above a drawing and a legend below it."""
    if title:
        left, _, right, top = extent(drawing)
        lines = wrap(title, TITLE_WIDTH)
        note = _heading("t0", lines, ((left + right) / 2, top), kind="title")
        drawing = replace(drawing, nodes=(*drawing.nodes, note), lines=drawing.lines | {"t0": lines})
    return _with_legend(drawing, keys)


def _before_and_after(graph: MixedGraph, picture: Picture, layout: Layout) -> Drawing:
    """Return two panels in which every node has the same place: what will be cut, and what is left."""
    marked, intact = drawn(graph, picture, layout), drawn(graph, replace(picture, do=frozenset()), layout)
    told = marked.told | {s.ends[0]: intact.told[s.ends[0]] for s in intact.nodes}
    first = replace(intact, edges=marked.edges, told=told)
    second = drawn(do(graph, picture.do), picture, layout)
    names = ", ".join(picture.labels.get(name, name) for name in graph.nodes if name in picture.do)
    captions = ("before",), wrap(f"after do({names})", TITLE_WIDTH)
    left, _, right, _ = extent(first)
    return paired(first, second, captions, beside=2 * (right - left) + BETWEEN <= WIDEST_PAIR)


def paired(first: Drawing, second: Drawing, captions: tuple[Lines, Lines], *, beside: bool) -> Drawing:
    """Return two drawings of the same nodes as panels under captions, side by side or one below the other.

    What lies at one place in both does so in both panels. Names in the second panel begin with a.
    """
    sizes = zip(extent(first), extent(second), (min, min, max, max), strict=True)
    left, bottom, right, top = (chosen(one, other) for one, other, chosen in sizes)
    middle, apart = (left + right) / 2, float(BETWEEN)
    if beside:
        apart += max(0, max(max(map(text_width, c)) for c in captions) - (right - left))
    heading = 2 * MARGIN + LINE_HEIGHT * len(captions[1])
    shift = (right - left + apart, 0.0) if beside else (0.0, -(top - bottom + MARGIN + heading))
    after = moved(second, *shift, "a")
    # Both captions stand over the extent of both panels, whichever holds less.
    notes = (
        _heading("h0", captions[0], (middle, top), kind="caption"),
        _heading("h1", captions[1], (middle + shift[0], top + shift[1]), kind="caption"),
    )
    return Drawing(
        (*first.nodes, *after.nodes, *notes),
        (*first.edges, *after.edges),
        first.lines | after.lines | {"h0": captions[0], "h1": captions[1]},
        first.told | after.told,
    )


def _heading(name: str, lines: Lines, below: tuple[float, float], *, kind: str) -> Statement:
    """Return words whose middle stands above a point."""
    left = below[0] - max(map(text_width, lines)) / 2
    return _note(name, lines, left, below[1] + MARGIN + LINE_HEIGHT * len(lines) / 2, kind=f"note {kind}")


def _note(name: str, lines: Lines, left: float, y: float, *, kind: str) -> Statement:
    """Return a node that holds words alone and shows no outline."""
    width = max(map(text_width, lines))
    looks = outline((), Box(lines, width, LINE_HEIGHT * len(lines)))
    blank = {"class": kind, "shape": "box", "style": "solid", "color": "transparent"}
    return node(name, looks | blank, (left + width / 2, y))


def _with_legend(drawing: Drawing, keys: Iterable[Key]) -> Drawing:
    """Put below a drawing a sample of each meaning that is in it, with its words."""
    left, bottom, *_ = extent(drawing)
    nodes, edges, lines = list(drawing.nodes), list(drawing.edges), dict(drawing.lines)
    for row, (sample, words) in enumerate(keys):
        y = bottom - MARGIN - ROW * (row + 0.5)
        name = f"l{row}"
        start = left if sample is None else left + SAMPLE + MARGIN
        nodes.append(_note(name, (words,), start, y, kind="note left"))
        lines[name] = (words,)
        if isinstance(sample, str):
            sign = {"held": "do( )"}.get(sample, SIGNS.get(sample, ""))
            nodes.append(node(f"k{row}", outline((sample,), Box((sign,), SAMPLE - 2, ROW - 8)), (left + SAMPLE / 2, y)))
            lines[f"k{row}"] = (sign,)
        elif sample is not None:
            kind, marks, step = sample
            key = Statement((name, name), {"id": f"k{row}"} | stroke(kind, marks, step))
            edges += line(key, _sample(left, y, marks), kind)
    return replace(drawing, nodes=tuple(nodes), edges=tuple(edges), lines=lines)


def _sample(left: float, y: float, marks: tuple[Mark, Mark]) -> Spline:
    """Return the sample line of a legend."""
    ends = Place(left, y, 0.5, 0.5, is_round=True), Place(left + SAMPLE, y, 0.5, 0.5, is_round=True)
    return straight(*ends, tips(marks))


def _keys(graph: MixedGraph, picture: Picture) -> Iterator[Key]:
    """Return what a legend explains: the meanings that the picture uses, nodes before lines."""
    used = {role for name in graph.nodes for role in roles(name, graph, picture)}
    yield from ((role, words) for role, words in NODE_KEYS.items() if role in used)
    kinds = {meaning(edge, picture) for edge in graph.edges}
    yield from (((kind, ARROW, None), words) for kind, words in LINE_KEYS.items() if kind in kinds)
    marks = {edge.marks for edge in graph.edges}
    if (Mark.ARROW, Mark.ARROW) in marks:
        yield ("plain", (Mark.ARROW, Mark.ARROW), None), "a common cause that isn't drawn"
    if any(Mark.CIRCLE in pair for pair in marks):
        yield ("plain", (Mark.CIRCLE, Mark.CIRCLE), None), "arrowhead or tail: not known"
    if picture.weights:
        yield from _width_keys(graph, picture, picture.weights.scale)


def _width_keys(graph: MixedGraph, picture: Picture, scale: Scale) -> Iterator[Key]:
    """Return what width tells: the widths that the picture has, the strongest first."""
    yield None, scale.title
    steps = {weight(edge, picture) for edge in graph.edges}
    yield from ((("plain", LINE, s), scale.meaning(s)) for s in reversed(range(len(WIDTHS))) if s in steps)
    if any(meaning(edge, picture) == "unweighed" for edge in graph.edges):
        yield ("unweighed", LINE, None), f"no number: the edge has no {scale.noun}"
