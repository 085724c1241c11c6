"""What a model's picture shows, and the forms it comes in."""

from __future__ import annotations

from dataclasses import replace

import pytest

import causalgraph as cg
from causalgraph.errors import ModelError
from causalgraph.graphs.mixed import Edge
from causalgraph.pictures import FORMS, PAGE, draw, picture, weights_of

MODEL = cg.parse(
    'dag "A < B"\nX [exposure]; Y [outcome]; Z -> X, Y; X -> M -> Y; X -> C <- Y; `odd name` -> Y; Y [label="The end"]'
)
STARTS = {".svg": b"<svg ", ".pdf": b"%PDF", ".png": b"\x89PNG", ".dot": b"digraph", PAGE: b"<!DOCTYPE html>"}


@pytest.mark.parametrize("form", [*FORMS, PAGE])
@pytest.mark.parametrize("options", [{}, {"do": "X"}, {"between": "X, Y | Z"}, {"legend": True}])
def test_every_form_shows_every_picture(form, options):
    made = draw(MODEL, form, **options)
    assert (made if isinstance(made, bytes) else made.encode()).startswith(STARTS[form])


def test_the_effect_is_lit_and_its_adjustment_set_marked():
    shown = picture(MODEL)
    assert shown.adjusted == {"Z"}
    assert shown.causal == {Edge("X", "->", "M"), Edge("M", "->", "Y")}
    assert Edge("Z", "->", "Y") in shown.closed
    assert not shown.stopped


def test_paths_that_are_asked_about_are_judged_given_what_is_asked():
    shown = picture(MODEL, about=cg.syntax.parser.parse_query("paths(X, Y | M)"))
    assert shown.adjusted == {"M"}
    assert shown.stopped == shown.causal == {Edge("X", "->", "M"), Edge("M", "->", "Y")}
    assert Edge("Z", "->", "Y") in shown.biasing - shown.closed


def test_under_an_intervention_causal_paths_alone_are_lit():
    shown = picture(MODEL, do=["M"])
    assert shown.causal == {Edge("M", "->", "Y")}
    assert not shown.biasing | shown.adjusted


def test_a_page_has_a_picture_for_each_path():
    html = draw(MODEL, PAGE, between="X, Y | Z")
    assert "A &lt; B" in html
    assert "3 paths between X and Y given {Z}" in html
    assert html.count("<figcaption>") == 3


def test_a_model_without_an_effect_has_a_page_too():
    assert draw(cg.parse("A -> B"), PAGE).count("<svg ") == 1


def test_a_model_under_selection_is_drawn_and_nothing_is_marked_as_adjusted():
    model = cg.parse("X [exposure]; Y [outcome]; S [selected]; X -> Y; X -> S <- Y; Z -> X, Y")
    assert not picture(model).adjusted
    assert draw(model, ".svg").startswith("<svg ")
    assert draw(model, PAGE).startswith("<!DOCTYPE html>")


def test_odd_names_are_written_as_in_a_query():
    assert "before and after do(odd name)" in draw(MODEL, ".svg", do="`odd name`")


@pytest.mark.parametrize("options", [{"do": "W"}, {"between": "X, W"}, {"do": "X) - do(Y"}, {"between": "X"}])
def test_what_cannot_be_read_or_does_not_fit_is_refused(options):
    with pytest.raises(ModelError):
        draw(MODEL, ".svg", **options)


FOUND = cg.parse("cpdag\nA -> C [p=1e-30]; B -> C [p=0.002]; C -> D")


@pytest.mark.parametrize("form", [*FORMS, PAGE])
def test_every_form_shows_weights(form):
    made = draw(FOUND, form, weigh="p", numbers=True)
    assert (made if isinstance(made, bytes) else made.encode()).startswith(STARTS[form])


def test_weights_are_explained_and_told():
    drawn = draw(FOUND, ".svg", weigh="p")
    assert "width: the largest p-value the edge met" in drawn
    assert "A → C: p = 1e-30" in drawn
    assert "p = " not in draw(FOUND, ".svg")


def test_where_width_tells_a_number_no_path_is_lit():
    model = cg.parse("X [exposure]; Y [outcome]; Z -> X, Y; X -> Y [p=0.01]")
    shown = picture(model, weights=weights_of(model, "p"))
    assert not shown.causal | shown.biasing
    assert not shown.adjusted
    assert picture(model, weights=weights_of(model, "p"), about=cg.syntax.parser.parse_query("paths(X, Y)")).causal


def test_an_edge_that_was_never_tested_is_explained_as_without_a_number():
    drawn = draw(FOUND, ".svg", weigh="p")
    assert "C → D: no p-value" in drawn
    assert "no number: the edge has no p-value" in drawn


def test_frequencies_are_weights_too():
    model = replace(FOUND, edge_attributes={Edge("A", "->", "C"): {"frequency": 0.93}})
    assert "A → C: frequency = 0.93" in draw(model, ".svg", weigh="frequency")


@pytest.mark.parametrize(
    ("model", "by"),
    [
        (cg.parse("A -> B"), "p"),
        (cg.parse("A -> B [p=2]"), "p"),
        (cg.parse("A -> B [p=0.1]"), "beta"),
        (replace(FOUND, edge_attributes={Edge("A", "->", "C"): {"p": float("nan")}}), "p"),
    ],
)
def test_a_width_that_nothing_can_set_is_refused(model, by):
    with pytest.raises(ModelError, match="E220"):
        draw(model, ".svg", weigh=by)


def test_numbers_of_nothing_are_refused():
    with pytest.raises(ModelError, match="E220"):
        draw(FOUND, ".svg", numbers=True)


def test_a_graph_without_edges_needs_no_numbers():
    assert draw(cg.parse("A; B"), ".svg", weigh="p").startswith("<svg ")
