"""Two graphs side by side: every node and every line at the same place in both, and what differs told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from causalgraph.graphs.differences import Compared, Verdict, compared
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.render.compose import ARROW, TITLE_WIDTH, Key, headed, paired
from causalgraph.render.geometry import Spline
from causalgraph.render.layout import Drawing, Layout, drawn, laid_out, tips
from causalgraph.render.picture import Picture, wrap
from causalgraph.render.svg import pdf_of, png_of, svg_of
from causalgraph.render.text import printable
from causalgraph.render.theme import Meaning
from causalgraph.render.words import NODE_KEYS, drawn_edge

__all__ = ["FORMS", "beside", "pdf", "png", "svg"]

LOOKS: dict[Verdict, Meaning] = {
    "first": "first",
    "second": "second",
    "less": "less",
    "other": "contradiction",
    "same": "faint",
}


def svg(first: MixedGraph, second: MixedGraph, names: tuple[str, str], picture: Picture | None = None) -> str:
    """Return two graphs side by side as one SVG: what both have stands back, what differs is told apart.

    Args:
        first: the graph on the left.
        second: the graph on the right.
        names: what they are called.
        picture: a title, labels and positions of nodes.

    >>> one, two = MixedGraph.build([("X", "->", "Y")]), MixedGraph.build([("Y", "->", "X")])
    >>> "X → Y: in true, X ← Y" in svg(one, two, ("found", "true"))
    True
    """
    pairs = list(compared(first, second))
    return svg_of(beside(first, second, names, picture), _summary(pairs, names))


def png(first: MixedGraph, second: MixedGraph, names: tuple[str, str], picture: Picture | None = None) -> bytes:
    """Return two graphs side by side as a PNG file, on white; see `svg`."""
    return png_of(beside(first, second, names, picture))


def pdf(first: MixedGraph, second: MixedGraph, names: tuple[str, str], picture: Picture | None = None) -> bytes:
    """Return two graphs side by side as a PDF file of one page, on white; see `svg`."""
    return pdf_of(beside(first, second, names, picture))


def beside(first: MixedGraph, second: MixedGraph, names: tuple[str, str], picture: Picture | None = None) -> Drawing:
    """Return the drawing of two graphs side by side, under their names, with a legend of what differs; see `svg`."""
    pairs = list(compared(first, second))
    looks = {e: _look(e, c) for c in pairs for e in (*c.first, *c.second)}
    unshared = frozenset({*first.nodes} ^ {*second.nodes})
    shown = replace(picture or Picture(), compared=looks)
    lines = _shared(pairs)
    union = MixedGraph(
        "pag",
        tuple(dict.fromkeys((*first.nodes, *second.nodes))),
        tuple(dict.fromkeys((*lines[0].values(), *lines[1].values()))),
        first.latent | second.latent,
        first.selected | second.selected,
    )
    kept = Picture(labels=shown.labels, positions=shown.positions, unshared=unshared)
    layout = laid_out(union, kept)

    def panel(at: int) -> Drawing:
        graph = (first, second)[at]
        drawing = _panel(graph, replace(shown, unshared=unshared & {*graph.nodes}), layout, lines[at])
        return replace(drawing, told=drawing.told | _words(graph, pairs, unshared, names, at))

    captions = wrap(names[0], TITLE_WIDTH), wrap(names[1], TITLE_WIDTH)
    return headed(paired(panel(0), panel(1), captions, beside=True), shown.title, _keys(pairs, unshared, names))


def _shared(pairs: Iterable[Compared]) -> tuple[dict[Edge, Edge], dict[Edge, Edge]]:
    """Return for each edge of the first and of the second graph the edge that is laid out and whose line it takes.

    What both have is laid out once; of two edges with other marks, the one whose direction is known.
    """
    first: dict[Edge, Edge] = {}
    second: dict[Edge, Edge] = {}
    for pair in pairs:
        here, there = ([e for e in own if e not in other] for own, other in _both_ways(pair))
        alike = {e: e for e in pair.first if e in pair.second}
        twins = zip(*(sorted(edges, key=_likeness) for edges in (here, there)), strict=False)
        laid = [(one, other, min(one, other, key=_likeness)) for one, other in twins]
        first |= {e: e for e in here} | alike | {one: line for one, _, line in laid}
        second |= {e: e for e in there} | alike | {other: line for _, other, line in laid}
    return first, second


def _both_ways(pair: Compared) -> tuple[tuple[tuple[Edge, ...], tuple[Edge, ...]], ...]:
    return (pair.first, pair.second), (pair.second, pair.first)


def _likeness(edge: Edge) -> int:
    """Sort an arrow before what has no known direction, and an arc, which ranks nothing, last."""
    return {"->": 0, "<->": 2}.get(edge.mark, 1)


def _look(edge: Edge, pair: Compared) -> Meaning:
    """Return what an edge is drawn as; of a pair that differs, an edge that both graphs have stands back."""
    return "faint" if edge in pair.first and edge in pair.second else LOOKS[pair.verdict]


def _panel(graph: MixedGraph, picture: Picture, layout: Layout, lines: Mapping[Edge, Edge]) -> Drawing:
    """Return the drawing of one of the graphs; `lines` name the laid out edge whose line each of its edges takes."""
    splines = {edge: _line(edge, lines[edge], layout.splines[lines[edge]]) for edge in graph.edges}
    return drawn(graph, picture.of(graph), Layout(layout.boxes, layout.places, splines))


def _line(edge: Edge, laid: Edge, spline: Spline) -> Spline:
    """Return the line that was laid out for one edge with the tips of another, read from its own left end."""
    return (spline if edge.left == laid.left else spline.turned).tipped(tips(edge.marks))


def _words(
    graph: MixedGraph, pairs: list[Compared], unshared: frozenset[str], names: tuple[str, str], at: int
) -> dict[str, str]:
    """Return the tooltips of what differs in one of the graphs, by the ids of `drawn`."""
    number = {edge: f"e{i}" for i, edge in enumerate(graph.edges)}
    only = f"only in {names[at]}"
    told = {f"n{i}": printable(f"{name}: {only}") for i, name in enumerate(graph.nodes) if name in unshared}
    for pair in pairs:
        here, there = (pair.first, pair.second)[:: 1 - 2 * at]
        for edge in here:
            if edge not in there:
                others = ", ".join(drawn_edge(e if e.left == edge.left else e.turned) for e in there)
                why = f"in {names[1 - at]}, {others}" if others else only
                told[number[edge]] = printable(f"{drawn_edge(edge)}: {why}")
    return told


def _keys(pairs: list[Compared], unshared: frozenset[str], names: tuple[str, str]) -> Iterator[Key]:
    """Return what the legend explains: what is in the pictures, and how often."""
    counts = Counter(pair.verdict for pair in pairs)
    words: dict[Verdict, str] = {
        "first": f"only in {names[0]}",
        "second": f"only in {names[1]}",
        "other": "in both, with marks that contradict each other",
        "less": "in both, one says less, no contradiction",
        "same": "the same in both",
    }
    differ = len(pairs) - counts["same"]
    yield None, f"{differ:,} of {len(pairs):,} adjacent pairs differ" if differ else "no pair differs"
    for verdict, said in words.items():
        if counts[verdict]:
            yield (LOOKS[verdict], ARROW, None), f"{said}: {counts[verdict]:,}"
    if unshared:
        yield "unshared", f"{NODE_KEYS['unshared']}: {len(unshared):,}"


def _summary(pairs: list[Compared], names: tuple[str, str]) -> str:
    """Say in a sentence what a picture of two graphs shows."""
    counts = Counter(pair.verdict for pair in pairs)
    return printable(
        f"Two causal graphs side by side, {names[0]} and {names[1]}: {counts['first']:,} adjacencies only in the first,"
        f" {counts['second']:,} only in the second, {counts['other']:,} that contradict each other,"
        f" {counts['less']:,} of which one says less, {counts['same']:,} the same"
    )


# The ending of a file -> what draws two graphs.
FORMS: dict[str, Callable[..., str | bytes]] = {".svg": svg, ".png": png, ".pdf": pdf}
