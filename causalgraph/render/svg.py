"""Pictures of graphs: SVG for a page, light and dark, PNG for the rest."""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence

from causalgraph.graphs.mixed import MixedGraph
from causalgraph.render.dot import POINTS, Statement, dot, escaped, written
from causalgraph.render.layout import LINE_KEYS, Drawing, extent, laid_out, run
from causalgraph.render.picture import FONT_SIZE, LINE_HEIGHT, Picture, meaning, roles
from causalgraph.render.text import printable
from causalgraph.render.theme import INK, LINES, PAPER, WASH

__all__ = ["Picture", "dot", "png", "svg"]

NAMESPACE = "http://www.w3.org/2000/svg"
FONTS = "Helvetica,Arial,DejaVu Sans,sans-serif"
DOTS_PER_INCH = 144
MOST_DOTS = 30_000
PAD = "0.15"

# How far below the middle of its line a text stands, so that it looks centred.
BASELINE = 0.35 * FONT_SIZE
SHOWN_MARKS = {"->": "→", "<->": "↔"}


def svg(graph: MixedGraph, picture: Picture | None = None) -> str:
    """Return a graph as SVG: one `<svg>` element, the same text every time.

    Its ids begin with a digest of the picture, so that several pictures live in one page; its colours follow the
    reader's preference for light or dark; tooltips and a description tell in words what it shows.

    >>> svg(MixedGraph.build([("X", "->", "Y")])).startswith("<svg ")
    True

    Raises:
        ModelError: the picture names a node that isn't in the graph (E201).
    """
    picture = (picture or Picture()).of(graph)
    drawing = laid_out(graph, picture)
    blank = [Statement(s.ends, s.attributes | {"label": ""}) for s in drawing.nodes]
    made = run(_written(blank, drawing.edges), "nop2", "svg")
    root = _without_namespaces(ET.fromstring(made))  # noqa: S314 (Graphviz wrote it, and no word of the user's is in it)
    summary, details = _summary(graph, picture), _details(graph, picture)
    digest = hashlib.sha256(ET.tostring(root) + repr((summary, details, drawing.lines)).encode()).hexdigest()
    name = f"cg{digest[:10]}"
    _dress(root, drawing, details, name)
    _head(root, name, summary, list(details.values()))
    return ET.tostring(root, encoding="unicode")


def png(graph: MixedGraph, picture: Picture | None = None) -> bytes:
    """Return a graph as a PNG file, on white.

    Raises:
        ModelError: the picture names a node that isn't in the graph (E201).
    """
    drawing = laid_out(graph, (picture or Picture()).of(graph))
    nodes = [Statement(s.ends, s.attributes | _label(s, drawing)) for s in drawing.nodes]
    return run(_written(nodes, drawing.edges, dpi=_resolution(drawing)), "nop2", "png")


def _resolution(drawing: Drawing) -> int:
    """Return the dots per inch, fewer where the image would be larger than bitmaps can be."""
    left, bottom, right, top = extent(drawing)
    return min(DOTS_PER_INCH, int(MOST_DOTS * POINTS / max(right - left, top - bottom, 1)))


def _label(statement: Statement, drawing: Drawing) -> dict[str, str]:
    """Return the words of a node for Graphviz, which is to keep the node's size without a murmur."""
    lines = drawing.lines[statement.ends[0]]
    flush_left = "left" in statement.attributes["class"].split()
    label = "".join(escaped((line,)) + "\\l" for line in lines) if flush_left else escaped(lines)
    return {"label": label, "fixedsize": "shape"}


def _written(nodes: Iterable[Statement], edges: Iterable[Statement], *, dpi: int = POINTS) -> str:
    """Return a drawing as DOT whose positions Graphviz is to keep."""
    attributes = {"bgcolor": PAPER.light, "outputorder": "edgesfirst", "pad": PAD, "dpi": str(dpi)}
    return written(attributes, (*nodes, *edges))


def _without_namespaces(root: ET.Element) -> ET.Element:
    """Name the elements of SVG plainly, with one declaration at the root."""
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{NAMESPACE}}}")
    root.set("xmlns", NAMESPACE)
    return root


def _head(root: ET.Element, name: str, summary: str, details: Sequence[str]) -> None:
    """Give the root its name, its description for those who can't see it, and the style."""
    root.attrib |= {"id": name, "class": "causalgraph", "role": "img", "aria-label": summary}
    for side in ("width", "height"):
        root.set(side, root.get(side, "").removesuffix("pt"))
    root.set("style", "max-width:100%;height:auto")
    style, description = ET.Element("style"), ET.Element("desc")
    style.text = _style(f"#{name}")
    description.text = "; ".join(details)
    root[:0] = [description, style]


def _dress(root: ET.Element, drawing: Drawing, details: dict[str, str], name: str) -> None:
    """Give each group of Graphviz's its own id, its tooltip and its words."""
    root[0].set("id", f"{name}-graph")
    for child in root[0].findall("title"):
        root[0].remove(child)
    for paper in root[0].findall("polygon"):
        paper.set("class", "paper")
    for group in root[0].findall("g"):
        key = group.get("id", "")
        group.set("id", f"{name}-{key}")
        for title in group.findall("title"):
            title.text = details.get(key.removeprefix("b"))
            if not title.text:
                group.remove(title)
        group.extend(_words(group, drawing.lines.get(key, ())))


def _words(group: ET.Element, lines: Sequence[str]) -> list[ET.Element]:
    """Return the text of a node: in the middle of its outline, or flush left in it."""
    classes = group.get("class", "").split()
    texts = []
    for at, line in enumerate(lines):
        left, x, y = _outline(group)
        flush_left = "left" in classes
        text = ET.Element("text")
        text.attrib |= {
            "x": f"{left if flush_left else x:.2f}",
            "y": f"{y + (at - (len(lines) - 1) / 2) * LINE_HEIGHT + BASELINE:.2f}",
            "text-anchor": "start" if flush_left else "middle",
            "font-family": FONTS,
            "font-size": str(FONT_SIZE),
        }
        text.text = line
        texts.append(text)
    return texts


def _outline(group: ET.Element) -> tuple[float, float, float]:
    """Return the left side and the centre of the first outline in a group."""
    ellipse = group.find("ellipse")
    if ellipse is not None:
        x, y, across = (float(ellipse.get(key, "")) for key in ("cx", "cy", "rx"))
        return x - across, x, y
    polygon = next(group.iter("polygon"))
    xs, ys = zip(*(map(float, pair.split(",")) for pair in polygon.get("points", "").split()), strict=True)
    return min(xs), (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2


def _summary(graph: MixedGraph, picture: Picture) -> str:
    """Say in a sentence what the picture shows."""
    sizes = f"{_counted(len(graph.nodes), 'variable')}, {_counted(len(graph.edges), 'edge')}"
    return printable(f"{picture.title}: causal graph, {sizes}" if picture.title else f"Causal graph: {sizes}")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + "s" * (number != 1)


def _details(graph: MixedGraph, picture: Picture) -> dict[str, str]:
    """Say of each node and each edge, by its id, what it is."""
    out = {}
    for at, name in enumerate(graph.nodes):
        label = picture.labels.get(name, name)
        called = name if label == name else f"{label} ({name})"
        out[f"n{at}"] = _told(called, ", ".join(roles(name, graph, picture)))
    for at, edge in enumerate(graph.edges):
        out[f"e{at}"] = _told(
            f"{edge.left} {SHOWN_MARKS.get(edge.mark, edge.mark)} {edge.right}", LINE_KEYS.get(meaning(edge, picture))
        )
    return out


def _told(what: str, more: str | None) -> str:
    return printable(f"{what}: {more}" if more else what)


def _style(scope: str) -> str:
    """Return the rules of a picture: colours as variables, set anew where the reader prefers dark."""
    tones = {"paper": PAPER, "ink": INK, "wash": WASH} | {kind: line.tone for kind, line in LINES.items()}
    light = "".join(f"--{name}:{tone.light};" for name, tone in tones.items())
    dark = "".join(f"--{name}:{tone.dark};" for name, tone in tones.items())
    rules = {
        ".paper": "fill:var(--paper);stroke:none",
        "text": f"fill:var(--ink);font-family:{FONTS}",
        ".title text": "font-weight:bold",
        ".node ellipse,.node polygon": "fill:var(--paper);stroke:var(--ink)",
        ".node.adjusted polygon": "fill:var(--wash)",
        ".node ellipse~ellipse,.node polygon~polygon": "fill:none",
        ".note polygon": "fill:none;stroke:none",
    }
    for kind, line in LINES.items():
        dashes = ";stroke-dasharray:7 5" if line.dashed else ""
        rules[f".edge.{kind} path"] = f"fill:none;stroke:var(--{kind});stroke-width:{line.width:g}{dashes}"
        rules[f".edge.{kind} polygon"] = f"fill:var(--{kind});stroke:var(--{kind})"
        rules[f".edge.{kind} ellipse"] = f"fill:var(--paper);stroke:var(--{kind})"
        if line.barred:
            rules[f".bar.{kind} path"] = f"stroke:var(--{kind});stroke-width:2.5;stroke-dasharray:none"
    scoped = (f"{','.join(f'{scope} {part}' for part in parts.split(','))}{{{rule}}}" for parts, rule in rules.items())
    return f"{scope}{{{light}}}@media (prefers-color-scheme:dark){{{scope}{{{dark}}}}}{''.join(scoped)}"
