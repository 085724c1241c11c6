"""Width tells a number: in four steps, in words, and beside the line on request."""

from __future__ import annotations

import itertools
import math
import re
import xml.etree.ElementTree as ET

import pytest

from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.render.svg import Picture, dot, pdf, png, svg
from causalgraph.render.theme import LINES
from causalgraph.render.weights import SCALES, WIDTHS, Weights, number_text

GRAPH = MixedGraph.build(
    [("A", "->", "B"), ("B", "o->", "C"), ("A", "<->", "C"), ("C", "->", "D"), ("D", "o-o", "E")], kind="pag"
)
P = {
    Edge("A", "->", "B"): 1e-20,
    Edge("B", "o->", "C"): 2e-7,
    Edge("A", "<->", "C"): 0.0004,
    Edge("E", "o-o", "D"): 0.004,
}


def read(picture: Picture, graph: MixedGraph = GRAPH) -> ET.Element:
    """Return an SVG, its tags without a namespace."""
    root = ET.fromstring(svg(graph, picture))  # noqa: S314 (our own text)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def widths(root: ET.Element) -> dict[str, float]:
    """Return the width of each edge's line by its tooltip, as the style sheet leaves it."""
    sheet = dict(re.findall(r"\.edge\.(w\d) path\{stroke-width:([\d.]+)\}", root.findtext("style")))
    found = {}
    for group in root.iter("g"):
        kinds = group.get("class", "").split()
        if "edge" in kinds and group.findtext("title"):
            drawn = float(group.find("path").get("stroke-width") or 1)
            styled = next((float(sheet[kind]) for kind in kinds if kind in sheet), LINES["plain"].width)
            assert drawn == styled
            found[group.findtext("title")] = drawn
    return found


def test_a_smaller_p_value_is_a_wider_line_and_is_told():
    assert widths(read(Picture(weights=Weights("p", P)))) == {
        "A → B: p = 1e-20": WIDTHS[3],
        "B o-> C: p = 2e-7": WIDTHS[2],
        "A ↔ C: p = 0.0004": WIDTHS[1],
        "D o-o E: p = 0.004": WIDTHS[0],
        "C → D": LINES["plain"].width,
    }


def test_a_larger_frequency_is_a_wider_line():
    numbers = dict(zip(P, (0.99, 0.7, 0.5, 0.2), strict=True))
    found = widths(read(Picture(weights=Weights("frequency", numbers))))
    assert [found[k] for k in sorted(found) if "=" in k] == [WIDTHS[3], WIDTHS[1], WIDTHS[2], WIDTHS[0]]


@pytest.mark.parametrize("by", sorted(SCALES))
def test_strength_never_falls_as_the_number_moves_one_way(by):
    steps = [SCALES[by].step(n) for n in (0, 1e-300, 1e-12, 1e-6, 1e-3, 0.5, 0.7, 0.9, 1)]
    assert steps == sorted(steps, reverse=by == "p")
    assert {0, 3} <= set(steps)
    assert len(SCALES[by].words) == len(WIDTHS)


def test_every_width_differs_from_the_next_and_from_that_of_edges_without_a_number():
    order = (LINES["plain"].width, *WIDTHS)
    assert all(wider - narrower >= 0.7 for narrower, wider in itertools.pairwise(order))


def test_without_weights_nothing_changes():
    assert not re.search(r"plain w\d", svg(GRAPH))
    assert "stroke-width:2.75" not in svg(GRAPH)


def test_the_legend_says_what_width_means_and_shows_the_widths_there_are():
    words = [t.text for t in read(Picture(weights=Weights("p", P), legend=True)).iter("text")]
    start = words.index("width: the largest p-value the edge met")
    assert words[start + 1 :] == ["p < 1e-12", "p < 1e-6", "p < 0.001", "p ≥ 0.001", "no p-value"]
    few = [t.text for t in read(Picture(weights=Weights("p", dict(list(P.items())[:1])), legend=True)).iter("text")]
    assert few[few.index("width: the largest p-value the edge met") + 1 :] == ["p < 1e-12", "no p-value"]


def test_numbers_stand_beside_their_lines_on_request_and_hide_no_node():
    root = read(Picture(weights=Weights("p", P, written=True)))
    numbers = [g for g in root.iter("g") if "number" in g.get("class", "").split()]
    assert sorted(g.findtext("text") for g in numbers) == ["0.0004", "0.004", "1e-20", "2e-7"]
    centres = [(float(g.find("text").get("x")), float(g.find("text").get("y"))) for g in numbers]
    nodes = [
        next(g.iter("ellipse"))
        for g in root.iter("g")
        if g.get("class", "") == "node" and g.find("ellipse") is not None
    ]
    for ellipse in nodes:
        x, y, wide, high = (float(ellipse.get(key)) for key in ("cx", "cy", "rx", "ry"))
        assert all(math.hypot((a - x) / wide, (b - y) / high) > 1 for a, b in centres)


def test_no_number_is_written_unless_asked():
    assert not [g for g in read(Picture(weights=Weights("p", P))).iter("g") if "number" in g.get("class", "").split()]


def test_a_lit_path_keeps_the_width_of_its_meaning():
    edge = Edge("A", "->", "B")
    found = widths_of(read(Picture(weights=Weights("p", P), causal=frozenset({edge}))), "causal")
    assert found == {"A → B: on a causal path, p = 1e-20": 3.0}


def widths_of(root: ET.Element, kind: str) -> dict[str, float]:
    """Return the widths of the edges of a meaning."""
    groups = [g for g in root.iter("g") if {"edge", kind} <= set(g.get("class", "").split())]
    return {g.findtext("title"): float(g.find("path").get("stroke-width")) for g in groups}


def test_the_other_forms_show_width_too():
    picture = Picture(weights=Weights("p", P, written=True), legend=True)
    assert f'penwidth="{WIDTHS[3]:g}"' in dot(GRAPH, picture)
    assert png(GRAPH, picture).startswith(b"\x89PNG")
    assert pdf(GRAPH, picture).startswith(b"%PDF")


def test_a_number_is_written_as_one_only_where_it_is_one():
    assert [number_text(n) for n in (1, 0.99996, 0.999, 0.0001, 0.00009999, 5e-324)] == [
        "1",
        ">0.999",
        "0.999",
        "0.0001",
        "1e-4",
        "4.94e-324",
    ]
