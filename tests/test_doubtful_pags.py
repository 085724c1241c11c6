"""A pag that no MAG goes with: read with a warning, written and drawn, and never answered as if it were a class."""

from __future__ import annotations

import pytest

import causalgraph as cg
from causalgraph.conversion import diagram_of
from causalgraph.errors import CausalGraphError, ModelError
from causalgraph.formats.table import write

ALMOST = "pag; X -> M; M -> Y; X <-> Y; A o-> M"
CYCLE = "pag; X -> M; M -> Y; Y -> X; A o-> M"


@pytest.mark.parametrize(("text", "edge"), [(ALMOST, "X <-> Y"), (CYCLE, "Y -> X")])
def test_it_is_read_with_a_warning_that_names_the_edges(text, edge):
    (warning,) = cg.parse(text).warnings
    assert warning.code == "W107"
    assert warning.severity == "warning"
    assert warning.span.text == edge
    assert "nothing follows from it" in warning.why
    assert "alpha" in warning.fix


@pytest.mark.parametrize("text", [ALMOST, CYCLE])
@pytest.mark.parametrize("query", ["identify(do(X), Y)", "identify(do(A), Y)", "identify(do(Y), X)"])
def test_an_effect_is_undecided_and_the_edges_are_named(text, query):
    found = cg.parse(text).ask(query)
    assert found.exit_code == 1
    assert found.to_dict()["identified"] is None
    assert found.to_dict()["formula"] is None
    assert "X -> M, M -> Y" in found.reason
    assert "knowledge" in found.reason


@pytest.mark.parametrize("text", [ALMOST, CYCLE])
@pytest.mark.parametrize(
    "query",
    ["independent(X, Y | M)", "paths(X, Y)", "adjusts(X, Y | M)", "adjustment_sets(X, Y)", "pag()", "members()"],
)
def test_what_else_is_asked_of_the_class_is_refused(text, query):
    with pytest.raises(CausalGraphError, match=r"E10[23]"):
        cg.parse(text).ask(query)


def test_a_name_that_is_not_there_is_an_error_all_the_same():
    with pytest.raises(ModelError, match="E201"):
        cg.parse(ALMOST).ask("identify(do(X), Z)")


@pytest.mark.parametrize("form", ["dag", "dagitty", "gml"])
def test_it_is_written_and_read_again_with_the_warning(form, tmp_path):
    model = cg.parse(ALMOST)
    place = tmp_path / f"found.{form}"
    place.write_text(write(diagram_of(model), form).text)
    again = cg.load(place)
    assert set(again.graph.edges) == set(model.graph.edges)
    assert "W107" in [w.code for w in again.warnings]


def test_two_edges_on_a_pair_stay_an_error():
    with pytest.raises(ModelError, match="two edges join"):
        cg.parse("pag; A -> B; A o-o B")
    with pytest.raises(ModelError, match="E104"):
        cg.parse("pag; A -> B; B -> A")
