from __future__ import annotations

import pytest

import causalgraph as cg
from causalgraph.errors import ModelError
from causalgraph.estimate.assignment import Assignment, licensed


@pytest.mark.parametrize("text", ["X -> Y", "X -> Y; Z -> Y", "Z -> X -> Y", "X -> M -> Y; M <-> Y"])
def test_a_treatment_without_causes_but_its_strata_may_have_been_assigned(text):
    licensed(cg.graph(text), Assignment("X", 0.5, ("Z",) if "Z -> X" in text else ()))


@pytest.mark.parametrize(
    ("text", "by", "named"),
    [
        ("W -> X -> Y", (), "W -> X"),
        ("X -> Y; X <-> Y", (), "X <-> Y"),
        ("Z -> X -> Y; Z <-> X", ("Z",), "X <-> Z"),
        ("X -> Z; X -> Y", ("Z",), "X -> Z"),
        ("W -> X; Z -> X", ("Z",), "W -> X"),
    ],
)
def test_the_edge_that_speaks_against_it_is_named(text, by, named):
    with pytest.raises(ModelError, match="E570") as caught:
        licensed(cg.graph(text), Assignment("X", by=by))
    assert named in str(caught.value)


def test_a_share_is_a_probability_and_names_are_in_the_graph():
    with pytest.raises(ModelError, match="E571"):
        licensed(cg.graph("X -> Y"), Assignment("X", 1.5))
    with pytest.raises(ModelError, match="E201"):
        licensed(cg.graph("X -> Y"), Assignment("X", by=("Q",)))
