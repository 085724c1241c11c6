"""Paths one by one: each alone is lit, nothing moves, and the page needs no script."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from causalgraph.criteria.paths import paths, why
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.render.gallery import gallery
from causalgraph.render.html import page
from causalgraph.render.svg import Picture, frames
from strategies import graphs_with_sets
from svgs import read

GRAPH = MixedGraph.build(
    [("Z", "->", "X"), ("Z", "->", "Y"), ("X", "->", "M"), ("M", "->", "Y"), ("X", "->", "C"), ("Y", "->", "C")]
)


def found(given=()):
    return list(paths(GRAPH, "X", "Y", given=given))


def lit(frame: str) -> dict[str, str]:
    """Return the edges of a frame that don't stand back, and what each is drawn as."""
    edges = {}
    for group in read(frame).iter("g"):
        kinds = group.get("class", "").split()
        if "edge" in kinds and not {"faint", "bar"} & set(kinds):
            edges[group.findtext("title").split(":")[0]] = kinds[-1]
    return edges


def test_each_frame_lights_its_path_alone():
    assert [lit(frame) for frame in frames(GRAPH, found())] == [
        {"Z → X": "biasing", "Z → Y": "biasing"},
        {"X → M": "causal", "M → Y": "causal"},
        {"X → C": "closed", "Y → C": "closed"},
    ]


def test_a_causal_path_that_is_closed_is_dashed_and_barred():
    frame = next(f for p, f in zip(found("M"), frames(GRAPH, found("M")), strict=True) if p.causal)
    assert lit(frame) == {"X → M": "stopped", "M → Y": "stopped"}
    stopped = [g for g in read(frame).iter("g") if "stopped" in g.get("class", "").split()]
    assert sum("bar" in g.get("class").split() for g in stopped) == 2


def test_the_nodes_that_close_a_path_are_signed():
    for path, frame in zip(found("Z"), frames(GRAPH, found("Z"), Picture(adjusted=frozenset("Z"))), strict=True):
        signed = {t.text[2:] for t in read(frame).iter("text") if t.text and t.text.startswith("✘")}
        assert signed == {t.nodes[1] for t in path.triples if t.blocks}


def test_nothing_moves_from_frame_to_frame():
    outlines = {
        tuple((e.get("cx"), e.get("cy"), e.get("rx"), e.get("ry")) for e in read(frame).iter("ellipse"))
        for frame in frames(GRAPH, found())
    }
    assert len(outlines) == 1


def test_each_frame_says_which_path_it_shows():
    labels = [read(frame).get("aria-label") for frame in frames(GRAPH, found())]
    assert labels[0] == "Path 1 of 3: X ← Z → Y"


def test_a_gallery_is_one_element_with_a_button_a_label_and_a_picture_for_each_path():
    root = read(gallery(GRAPH, found()))
    tags = [child.tag for child in root]
    assert tags == ["style", "legend", *["input", "label", "figure"] * 3]
    buttons = [child for child in root if child.tag == "input"]
    assert len({button.get("name") for button in buttons}) == 1
    assert [button.get("checked") is not None for button in buttons] == [True, False, False]
    assert [child.get("for") for child in root if child.tag == "label"] == [button.get("id") for button in buttons]


def test_a_caption_says_what_decides():
    given = ("Z", "C")
    captions = [
        "".join(e.itertext())
        for e in read(gallery(GRAPH, found(given), Picture(adjusted=frozenset(given)))).iter("figcaption")
    ]
    for path, caption in zip(found(given), captions, strict=True):
        assert path.drawn in caption
        assert ("causal" if path.causal else "biasing") in caption
        assert why(path, given) in caption
        assert caption.count("closes the path") == sum(bool(t.blocks) for t in path.triples)


def test_a_gallery_needs_no_script_and_prints_all_pictures():
    html = gallery(GRAPH, found())
    assert "<script" not in html
    assert not re.search(r"\son\w+=", html)
    assert "@media print" in html


@pytest.mark.parametrize("given", [(), ("Z",)])
def test_ids_are_unique_where_pictures_share_a_page(given):
    graph = MixedGraph.build([("X", "->", "Y")])
    single = gallery(graph, list(paths(graph, "X", "Y")))
    html = page("t", single, gallery(GRAPH, found(given)), gallery(GRAPH, found("M")))
    ids = re.findall(r'\sid="([^"]*)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'\sfor="([^"]*)"', html)) <= set(ids)


def test_no_path_is_a_gallery_without_pictures():
    assert "<figure" not in gallery(GRAPH, [], heading="no paths")


@settings(max_examples=25)
@given(graphs_with_sets())
def test_any_paths_make_a_well_formed_gallery(drawn):
    graph, x, y, z = drawn
    shown = list(paths(graph, x, y, given=z, limit=5))
    root = read(gallery(graph, shown, Picture(adjusted=z, exposures=x, outcomes=y)))
    assert len(root.findall("figure")) == len(shown)
