"""Pictures of graphs: SVG for a page, light and dark, PDF for print, PNG for the rest."""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.graphs.paths import Path
from causalgraph.render.compose import composed, finished
from causalgraph.render.dot import POINTS, Statement, dot, escaped, written
from causalgraph.render.layout import Drawing, drawn, extent, laid_out, run
from causalgraph.render.numbers import NUMBER_SIZE, SMALL_SIZE
from causalgraph.render.picture import FONT_SIZE, LINE_HEIGHT, Picture, lighting
from causalgraph.render.text import printable
from causalgraph.render.theme import INK, LINES, PAPER, WASH
from causalgraph.render.weights import WIDTHS
from causalgraph.render.words import summary

__all__ = ["Picture", "dot", "frames", "pdf", "pdf_of", "png", "png_of", "surgery", "svg", "svg_of"]

NAMESPACE = "http://www.w3.org/2000/svg"
FONTS = "Helvetica,Arial,DejaVu Sans,sans-serif"
DOTS_PER_INCH = 144
MOST_DOTS = 30_000
PAD = "0.15"

# When a PDF was made is in it; the same picture is to be the same bytes.
CREATED = re.compile(rb"(/CreationDate \(D:)\d{14}")

# How far below the middle of its line a text stands, so that it looks centred, as a part of its size.
BASELINE = 0.35

DASHES = {"solid": "none", "dashed": "7 5", "dotted": "1.5 4", "double": "none"}

# A picture wider than this, in points, isn't shown smaller than this part of its size, lest its words be too small.
WIDE = 1000
LEAST_SCALE = 0.65


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
    return svg_of(composed(graph, picture), summary(graph, picture))


def surgery(graph: MixedGraph, names: Iterable[str], picture: Picture | None = None) -> str:
    """Return as SVG what ``do(names)`` makes of a graph: what it cuts, and what is left, the nodes where they were.

    Raises:
        ModelError: a name isn't in the graph (E201).
    """
    return svg(graph, replace(picture or Picture(), do=graph.require(names)))


def frames(graph: MixedGraph, paths: Sequence[Path], picture: Picture | None = None) -> list[str]:
    """Return an SVG for each path, in which it alone is lit, the nodes that close it are signed, and nothing moves.

    >>> from causalgraph.criteria.paths import paths
    >>> graph = MixedGraph.build([("Z", "->", "X"), ("Z", "->", "Y"), ("X", "->", "Y")])
    >>> len(frames(graph, list(paths(graph, "X", "Y"))))
    2

    Raises:
        ModelError: the picture names a node that isn't in the graph (E201).
    """
    unlit = replace(picture or Picture(), do=frozenset())
    lit = [lighting(path, unlit).of(graph) for path in paths]
    # Every sign that a node has in one of the pictures has its room in all of them.
    signed = frozenset(name for one in lit for name in one.blocking)
    none: frozenset[Edge] = frozenset()
    dark = replace(unlit, blocking=signed, causal=none, stopped=none, biasing=none, closed=none)
    layout = laid_out(graph, dark.of(graph))
    # One path may be drawn alike in two galleries of a page.
    series = repr([(path.text, sorted(one.blocking)) for path, one in zip(paths, lit, strict=True)])
    made = []
    for at, (path, one) in enumerate(zip(paths, lit, strict=True)):
        told = f"Path {at + 1} of {len(lit)}: {printable(path.drawn)}"
        made.append(svg_of(finished(drawn(graph, one, layout), graph, one), told, salt=f"{at} of {series}"))
    return made


def svg_of(drawing: Drawing, told: str, salt: str = "") -> str:
    """Return a drawing as SVG; `salt` tells pictures of one page apart that might be the same."""
    blank = [Statement(s.ends, s.attributes | {"label": ""}) for s in drawing.nodes]
    made = run(_written(blank, drawing.edges), "nop2", "svg")
    root = _without_namespaces(ET.fromstring(made))  # noqa: S314 (Graphviz wrote it, and no word of the user's is in it)
    digest = hashlib.sha256(ET.tostring(root) + repr((told, drawing.told, drawing.lines, salt)).encode()).hexdigest()
    name = f"cg{digest[:10]}"
    _dress(root, drawing, name)
    used = {word for edge in drawing.edges for word in edge.attributes["class"].split()}
    _head(root, _style(f"#{name}", used), name, told, list(drawing.told.values()))
    return ET.tostring(root, encoding="unicode")


def png(graph: MixedGraph, picture: Picture | None = None) -> bytes:
    """Return a graph as a PNG file, on white.

    Raises:
        ModelError: the picture names a node that isn't in the graph (E201).
    """
    return png_of(composed(graph, (picture or Picture()).of(graph)))


def png_of(drawing: Drawing) -> bytes:
    """Return a drawing as a PNG file, on white."""
    return run(_written(_labelled(drawing), drawing.edges, dpi=_resolution(drawing)), "nop2", "png")


def pdf(graph: MixedGraph, picture: Picture | None = None) -> bytes:
    """Return a graph as a PDF file of one page, as large as the picture, on white.

    Raises:
        ModelError: the picture names a node that isn't in the graph (E201).
    """
    return pdf_of(composed(graph, (picture or Picture()).of(graph)))


def pdf_of(drawing: Drawing) -> bytes:
    """Return a drawing as a PDF file of one page, on white."""
    return CREATED.sub(rb"\g<1>20000101000000", run(_written(_labelled(drawing), drawing.edges), "nop2", "pdf"))


def _labelled(drawing: Drawing) -> list[Statement]:
    """Return the nodes with their words, for Graphviz to set."""
    return [Statement(s.ends, s.attributes | _label(s, drawing)) for s in drawing.nodes]


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


def _head(root: ET.Element, rules: str, name: str, summary: str, details: Sequence[str]) -> None:
    """Give the root its name, its description for those who can't see it, and the style."""
    root.attrib |= {"id": name, "class": "causalgraph", "role": "img", "aria-label": summary}
    for side in ("width", "height"):
        root.set(side, root.get(side, "").removesuffix("pt"))
    width = float(root.get("width", "0"))
    widest = f"max(100%,{LEAST_SCALE * width:.0f}px)" if width > WIDE else "100%"
    root.set("style", f"max-width:{widest};height:auto")
    style, description = ET.Element("style"), ET.Element("desc")
    style.text = rules
    description.text = "; ".join(details)
    root[:0] = [description, style]


def _dress(root: ET.Element, drawing: Drawing, name: str) -> None:
    """Give each group of Graphviz's its own id, its tooltip and its words."""
    root[0].set("id", f"{name}-graph")
    for child in root[0].findall("title"):
        root[0].remove(child)
    for paper in root[0].findall("polygon"):
        paper.set("class", "paper")
    for group in root[0].findall("g"):
        for unseen in group.findall("path[@stroke='none']"):
            # Between the lines of a double one; the style would draw it.
            group.remove(unseen)
        key = group.get("id", "")
        group.set("id", f"{name}-{key}")
        for title in group.findall("title"):
            title.text = drawing.told.get(key.partition("-")[0])
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
        size = SMALL_SIZE if "small" in classes else NUMBER_SIZE if "number" in classes else FONT_SIZE
        text = ET.Element("text")
        text.attrib |= {
            "x": f"{left if flush_left else x:.2f}",
            "y": f"{y + (at - (len(lines) - 1) / 2) * LINE_HEIGHT + BASELINE * size:.2f}",
            "text-anchor": "start" if flush_left else "middle",
            "font-family": FONTS,
            "font-size": str(size),
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


def _style(scope: str, used: Collection[str]) -> str:
    """Return the rules of a picture and its kinds of lines: colours as variables, set anew where dark is preferred."""
    kinds = {kind: line for kind, line in LINES.items() if kind in used}
    tones = {"paper": PAPER, "ink": INK, "wash": WASH} | {kind: line.tone for kind, line in kinds.items()}
    light = "".join(f"--{name}:{tone.light};" for name, tone in tones.items())
    dark = "".join(f"--{name}:{tone.dark};" for name, tone in tones.items())
    rules = {
        ".paper": "fill:var(--paper);stroke:none",
        "text": f"fill:var(--ink);font-family:{FONTS}",
        ".title text,.caption text": "font-weight:bold",
        ".node ellipse,.node polygon": "fill:var(--paper);stroke:var(--ink)",
        ".node ellipse~ellipse,.node polygon~polygon": "fill:none",
        ".adjusted polygon:first-of-type,.held polygon:first-of-type,.held ellipse:first-of-type": "fill:var(--wash)",
        ".note polygon": "fill:none;stroke:none",
        ".number polygon": "fill:var(--paper)",
    }
    for kind, line in kinds.items():
        looks = f"stroke-width:{line.width:g};stroke-dasharray:{DASHES[line.dashes]}"
        rules[f".edge.{kind} path"] = f"fill:none;stroke:var(--{kind});{looks}"
        rules[f".edge.{kind} polygon"] = f"fill:var(--{kind});stroke:var(--{kind})"
        rules[f".edge.{kind} ellipse"] = f"fill:var(--paper);stroke:var(--{kind})"
        if line.bars:
            rules[f".bar.{kind} path"] = f"stroke:var(--{kind});stroke-width:2.5;stroke-dasharray:none"
    if "marks" in used:
        # The marks of a wide line lie on a thin one, which leaves the pointer to the wide one.
        rules[".marks path"] = "pointer-events:none"
    if "leader" in used:
        rules[".edge.leader path"] = "stroke:var(--ink);stroke-width:0.75;stroke-dasharray:2 2"
    # Where edges are many, the one under the pointer can be followed.
    rules[".edge:hover path"] = "stroke-width:4"
    for step, width in enumerate(WIDTHS):
        if f"w{step}" in used:
            rules[f".edge.w{step} path"] = f"stroke-width:{width:g}"
            rules[f".edge.w{step}:hover path"] = f"stroke-width:{width + 1.5:g}"
    scoped = (f"{','.join(f'{scope} {part}' for part in parts.split(','))}{{{rule}}}" for parts, rule in rules.items())
    return f"{scope}{{{light}}}@media (prefers-color-scheme:dark){{{scope}{{{dark}}}}}{''.join(scoped)}"
