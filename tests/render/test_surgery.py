"""An intervention is seen: before and after, what it cuts told apart by more than colour."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalgraph.errors import ModelError
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.graphs.surgery import do
from causalgraph.render.svg import Picture, dot, pdf, png, surgery, svg
from strategies import graphs
from svgs import read

GRAPH = MixedGraph.build([("Z", "->", "X"), ("Z", "->", "Y"), ("X", "->", "Y"), ("X", "<->", "Y")])


def groups(drawn: str, kind: str) -> list[ET.Element]:
    """Return the groups of a class of an SVG."""
    return [g for g in read(drawn).iter("g") if kind in g.get("class", "").split()]


def panels(drawn: str, kind: str) -> tuple[dict[str, ET.Element], dict[str, ET.Element]]:
    """Return the groups of a class before and after, by the start of their tooltips."""
    found = ({}, {})
    for group in groups(drawn, kind):
        title = group.findtext("title")
        if title:
            found[group.get("id").split("-")[1].startswith("a")][title.split(":")[0]] = group
    return found


def place(group: ET.Element) -> tuple[float, float]:
    """Return the centre of a node's ellipse."""
    ellipse = next(group.iter("ellipse"))
    return float(ellipse.get("cx")), float(ellipse.get("cy"))


def test_the_edges_that_an_intervention_cuts_are_crossed_before_and_gone_after():
    before, after = panels(surgery(GRAPH, "X"), "edge")
    assert set(before) == {"Z → X", "Z → Y", "X → Y", "X ↔ Y"}
    assert set(after) == {"Z → Y", "X → Y"}
    cut = {name for name, group in before.items() if "cut" in group.get("class").split()}
    assert cut == {"Z → X", "X ↔ Y"}


def test_a_cut_edge_differs_by_dots_and_a_cross():
    drawn = surgery(GRAPH, "X")
    lines = [g for g in groups(drawn, "cut") if "bar" not in g.get("class").split()]
    assert all(g.find("path").get("stroke-dasharray") for g in lines)
    assert len(groups(drawn, "bar")) == 2 * len(lines)
    assert not any(g.find("path").get("stroke-dasharray") for g in groups(drawn, "plain"))


def test_every_node_keeps_its_place():
    before, after = panels(surgery(GRAPH, "X"), "node")
    shifts = {tuple(b - a for a, b in zip(place(before[n]), place(after[n]), strict=True)) for n in GRAPH.nodes}
    assert len({(round(x, 1), round(y, 1)) for x, y in shifts}) == 1


def test_a_node_that_is_set_says_so_after_and_not_before():
    before, after = panels(surgery(GRAPH, "X", Picture(labels={"X": "Dose"})), "node")
    assert before["Dose (X)"].findtext("text") == "Dose"
    assert after["Dose (X)"].findtext("text") == "do(Dose)"
    assert after["Dose (X)"].findtext("title") == "Dose (X): held"


def test_a_reader_who_cant_see_it_is_told():
    root = read(surgery(GRAPH, "X"))
    assert root.get("aria-label") == "Causal graph: 3 variables, 4 edges, before and after do(X)"
    description = next(e for e in root.iter() if e.tag.endswith("desc"))
    assert "Z → X: cut by the intervention" in description.text


def test_ids_are_unique_in_both_panels():
    root = read(surgery(GRAPH, "X", Picture(title="t", legend=True)))
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids))


def test_a_legend_explains_the_cut():
    keys = [g.findtext("text") for g in groups(surgery(GRAPH, "X", Picture(legend=True)), "left")]
    assert "set from outside" in keys
    assert "cut by the intervention" in keys


def test_wide_panels_stand_one_below_the_other_and_narrow_ones_side_by_side():
    chain = MixedGraph.build([(f"A{i}", "->", f"A{i + 1}") for i in range(12)])
    for graph, name, axis in ((chain, "A3", 0), (GRAPH, "X", 1)):
        before, after = panels(surgery(graph, name), "node")
        assert place(before[name])[axis] == pytest.approx(place(after[name])[axis], abs=0.1)


def test_given_positions_hold_in_both_panels():
    positions = {"Z": (0.5, 0), "X": (0, 1), "Y": (1, 1)}
    for panel in panels(surgery(GRAPH, "X", Picture(positions=positions)), "node"):
        (zx, zy), (xx, xy), (yx, yy) = (place(panel[name]) for name in ("Z", "X", "Y"))
        assert xy == pytest.approx(yy, abs=0.1)
        assert zx == pytest.approx((xx + yx) / 2, abs=0.1)
        assert zy < xy


def test_the_other_forms_show_it_too():
    picture = Picture(do=frozenset("X"))
    assert png(GRAPH, picture).startswith(b"\x89PNG")
    assert pdf(GRAPH, picture).startswith(b"%PDF")
    assert 'label="do(X)"' in dot(GRAPH, picture)
    assert 'style="dotted"' in dot(GRAPH, picture)


def test_an_unknown_name_is_refused():
    with pytest.raises(ModelError, match="E201"):
        surgery(GRAPH, ["W"])


def test_a_picture_without_an_intervention_cuts_nothing():
    assert not groups(svg(GRAPH, Picture(causal=frozenset({Edge("X", "->", "Y")}))), "cut")


@settings(max_examples=30)
@given(graphs(), st.data())
def test_what_is_left_is_what_surgery_leaves(graph, data):
    names = data.draw(st.sets(st.sampled_from(graph.nodes), min_size=1))
    drawn = surgery(graph, names)
    left = len(do(graph, names).edges)
    assert len(groups(drawn, "edge")) - len(groups(drawn, "bar")) == len(graph.edges) + left
    assert len(groups(drawn, "node")) - len(groups(drawn, "note")) == 2 * len(graph.nodes)
