"""Width tells a number: in four steps, in words, and beside the line on request."""

from __future__ import annotations

import itertools
import math
import random
import re
import xml.etree.ElementTree as ET

import pytest

import svgs
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.render.geometry import Place, Spline
from causalgraph.render.layout import laid_out
from causalgraph.render.numbers import Number, placed
from causalgraph.render.svg import Picture, dot, pdf, png, svg
from causalgraph.render.theme import LINES
from causalgraph.render.weights import SCALES, WIDTHS, Weights, number_text
from strategies import scaled

GRAPH = MixedGraph.build(
    [("A", "->", "B"), ("B", "o->", "C"), ("A", "<->", "C"), ("C", "->", "D"), ("D", "o-o", "E")], kind="pag"
)
P = {
    Edge("A", "->", "B"): 1e-20,
    Edge("B", "o->", "C"): 2e-7,
    Edge("A", "<->", "C"): 0.0004,
    Edge("E", "o-o", "D"): 0.004,
}


# Nodes as near to each other as they may be.
CLOSE = {name: (at, 0) for at, name in enumerate("ABCDE")}


def read(picture: Picture, graph: MixedGraph = GRAPH) -> ET.Element:
    """Return the SVG of a graph, read."""
    return svgs.read(svg(graph, picture))


def widths(root: ET.Element) -> dict[str, float]:
    """Return the width of each edge's line by its tooltip, as the style sheet leaves it."""
    sheet = dict(re.findall(r"\.edge\.(w\d) path\{stroke-width:([\d.]+)\}", root.findtext("style")))
    found = {}
    for group in root.iter("g"):
        kinds = group.get("class", "").split()
        if "edge" in kinds and "marks" not in kinds and group.findtext("title"):
            drawn = float(group.find("path").get("stroke-width") or 1)
            styled = next((float(sheet[kind]) for kind in kinds if kind in sheet), LINES["unweighed"].width)
            assert drawn == styled
            found[group.findtext("title")] = drawn
    return found


def test_a_smaller_p_value_is_a_wider_line_and_is_told():
    assert widths(read(Picture(weights=Weights("p", P)))) == {
        "A → B: p = 1e-20": WIDTHS[3],
        "B o-> C: p = 2e-7": WIDTHS[2],
        "A ↔ C: p = 0.0004": WIDTHS[1],
        "D o-o E: p = 0.004": WIDTHS[0],
        "C → D: no p-value": LINES["unweighed"].width,
    }


def test_an_edge_without_a_number_is_a_double_line_and_not_the_weakest():
    root = read(Picture(weights=Weights("p", P)))
    lines = {g.findtext("title"): g.findall("path") for g in root.iter("g") if "unweighed" in g.get("class", "")}
    assert {title: len(paths) for title, paths in lines.items()} == {"C → D: no p-value": 2}
    assert 'color="#1b1b1b:invis:#1b1b1b"' in dot(GRAPH, Picture(weights=Weights("p", P)))


def test_marks_keep_one_size_whatever_the_width():
    edges = [(f"A{at}", "o->", f"B{at}") for at in range(4)]
    graph = MixedGraph.build(edges, kind="pag")
    numbers = dict(zip(graph.edges, (1e-20, 2e-7, 0.0004, 0.004), strict=True))
    root = read(Picture(weights=Weights("p", numbers)), graph)
    groups = [g for g in root.iter("g") if "edge" in g.get("class", "").split()]
    circles = [e for g in groups for e in g.iter("ellipse")]
    heads = [p for g in groups for p in g.iter("polygon")]
    assert len(circles) == len(heads) == 4
    assert len({(e.get("rx"), e.get("stroke-width")) for e in circles}) == 1
    assert len({p.get("stroke-width") for p in heads}) == 1
    spans = []
    for head in heads:
        xs = [float(pair.partition(",")[0]) for pair in head.get("points").split()]
        spans.append(max(xs) - min(xs))
    assert max(spans) - min(spans) < 0.1


def test_a_wide_line_reaches_its_marks():
    edges = [(f"A{at}", "->", f"B{at}") for at in range(2)]
    graph = MixedGraph.build(edges)
    root = read(Picture(weights=Weights("p", dict(zip(graph.edges, (1e-20, 0.004), strict=True)))), graph)
    ends = [
        float(g.find("path").get("d").replace("C", " ").split()[-1].partition(",")[0])
        for g in root.iter("g")
        if "edge" in g.get("class", "").split() and "marks" not in g.get("class", "")
    ]
    bases = [
        min(float(pair.partition(",")[0]) for pair in p.get("points").split())
        for g in root.iter("g")
        if "marks" in g.get("class", "")
        for p in g.iter("polygon")
    ]
    assert sorted(ends) == pytest.approx(sorted(bases), abs=1)


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
    assert words[start + 1 :] == [
        "p < 1e-12",
        "p < 1e-6",
        "p < 0.001",
        "p ≥ 0.001",
        "no number: the edge has no p-value",
    ]
    few = [t.text for t in read(Picture(weights=Weights("p", dict(list(P.items())[:1])), legend=True)).iter("text")]
    assert few[few.index("width: the largest p-value the edge met") + 1 :] == [
        "p < 1e-12",
        "no number: the edge has no p-value",
    ]


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


def spread(spline: Spline, many: int = 400) -> list[tuple[float, float]]:
    """Return points along a spline, by its polynomial."""
    points = []
    for at in range(0, len(spline.points) - 1, 3):
        for step in range(many + 1):
            t = step / many
            weights = ((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t * t, t**3)
            four = spline.points[at : at + 4]
            points.append(tuple(sum(w * p[axis] for w, p in zip(weights, four, strict=True)) for axis in (0, 1)))
    return points


def inside(place: Place, point: tuple[float, float]) -> bool:
    """Whether a box holds a point."""
    return abs(point[0] - place.x) < place.half_width and abs(point[1] - place.y) < place.half_height


@pytest.mark.parametrize("seed", range(scaled(6, 40)))
def test_a_number_is_on_its_own_line_or_led_to_it_and_hides_no_other_line_node_mark_or_number(seed):
    rng = random.Random(seed)
    names = [f"Variable{at}" for at in range(10)]
    edges = [(a, rng.choice(["->", "o->", "<->"]), b) for a, b in itertools.combinations(names, 2)]
    graph = MixedGraph.build(rng.sample(edges, 14), names, kind="pag")
    picture = Picture(weights=Weights("p", {e: 10.0 ** -rng.randint(2, 250) for e in graph.edges}, written=True))
    layout = laid_out(graph, picture)
    numbers = placed(layout.splines, layout.places.values(), picture.weights)
    assert len(numbers) == len(graph.edges)
    for (edge, spline), number in zip(layout.splines.items(), numbers, strict=True):
        assert number.text == picture.weights.text(edge)
        along = spread(spline)
        # The box is centred over its line, or the leader begins on it and ends at the box.
        at = number.leader.points[0] if number.leader else (number.place.x, number.place.y)
        assert min(math.dist(at, point) for point in along) < 1
        assert bool(number.leader) != any(inside(number.place, point) for point in along)
        for other, curve in layout.splines.items():
            if other != edge:
                assert not any(inside(number.place, point) for point in spread(curve, 60))
            for tip in filter(None, (curve.start, curve.end)):
                assert not inside(number.place, tip)
    boxes = [n.place for n in numbers] + list(layout.places.values())
    for number in numbers:
        touching = [b for b in boxes if abs(b.x - number.place.x) < b.half_width + number.place.half_width]
        touching = [b for b in touching if abs(b.y - number.place.y) < b.half_height + number.place.half_height]
        assert touching == [number.place]


def test_a_short_line_has_a_smaller_number_or_one_beside_it():
    def number(length: float) -> Number:
        spline = Spline(((0, 0), (length / 3, 0), (2 * length / 3, 0), (length, 0)))
        edge = Edge("A", "->", "B")
        ends = Place(-20, 0, 20, 10, is_round=True), Place(length + 20, 0, 20, 10, is_round=True)
        return placed({edge: spline}, ends, Weights("p", {edge: 1e-100}))[0]

    assert [(n.size, n.leader is None) for n in map(number, (120, 48, 20))] == [(11, True), (9, True), (9, False)]
    assert "leader" in svg(GRAPH, Picture(weights=Weights("p", P, written=True), positions=CLOSE))


def test_no_p_value_is_written_as_zero():
    edge = next(iter(P))
    drawn = svg(GRAPH, Picture(weights=Weights("p", {edge: 0.0}, written=True)))
    assert "A → B: p &lt; 1e-300" in drawn
    assert ">&lt; 1e-300</text>" in drawn
    assert SCALES["frequency"].text(0) == "0"
    assert SCALES["p"].text(5e-324) == "< 1e-300"


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
        "> 0.999",
        "0.999",
        "0.0001",
        "1e-4",
        "4.94e-324",
    ]
