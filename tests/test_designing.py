"""The statement `design`: what it says, and whether the graph agrees."""

import pytest

import causalgraph as cg
from causalgraph.estimate.assignment import Assignment
from causalgraph.estimate.known import KnownOutcomes


def problem(text):
    with pytest.raises(cg.ModelError) as caught:
        cg.parse(text)
    (found,) = caught.value.diagnostics
    return found


def test_a_trial_says_how_treatment_was_assigned():
    model = cg.parse("Region -> X -> Y; Region -> Y; design rct(X, p=0.4, by=Region, cluster=school)")
    assert model.designs == (Assignment("X", 0.4, ("Region",), "school"),)
    many = cg.parse('A, B -> X; X -> Y; design rct(X, by={A, B}, cluster="the school")')
    assert many.designs == (Assignment("X", None, ("A", "B"), "the school"),)
    assert cg.parse("X -> Y; design rct(X)").designs == (Assignment("X"),)


def test_columns_hold_both_potential_outcomes():
    model = cg.parse("X -> Y; design potential_outcomes(Y, control=Y0, treated=`with it`)")
    assert model.designs == (KnownOutcomes("Y", "Y0", "with it"),)


@pytest.mark.parametrize(
    ("text", "code", "marked", "remedy"),
    [
        ("Z -> X -> Y; design rct(X)", "E570", "design rct(X)", "by=Z"),
        ("X -> Y; X <-> Y; design rct(X)", "E570", "design rct(X)", "drop the edge"),
        ("X -> Y; design rct(X, p=1.5)", "E571", "design rct(X, p=1.5)", "between 0 and 1"),
        ("X -> Y; design rct(Q)", "E201", "Q", "draw an edge"),
        ("Banner -> Y; design rct(Bnner)", "E201", "Bnner", "Banner"),
        ("X -> Y; design rct()", "E158", "design rct()", "design rct(X"),
        ("X -> Y; design rct(X, Y)", "E158", "design rct(X, Y)", "design rct(X"),
        ("X -> Y; design rct(X + 1)", "E158", "X + 1", "design rct(X"),
        ("X -> Y; design rct(X, q=1)", "E158", "q", "design rct(X"),
        ("X -> Y; design rct(X, p=Y)", "E158", "Y", "design rct(X"),
        ("X -> Y; design rct(X, p=0.1, p=0.2)", "E158", "p=0.2", "design rct(X"),
        ("X -> Y; design rtc(X)", "E157", "rtc", "rct"),
        ("X -> Y; design potential_outcomes(Y, control=Y0)", "E158", "design potential_outcomes(Y, control=Y0)", "Y1"),
        ("X -> Y; design rdd(X, Y >= 70, fuzzy=true)", "E050", "design rdd(X, Y >= 70, fuzzy=true)", "leave it out"),
        ('X -> Y; design did(Y, treated=X == "A", time=M, start=1)', "E050", None, "leave it out"),
        ("X -> Y; design panel(unit=S, time=W, adopted=T)", "E050", None, "leave it out"),
    ],
)
def test_a_design_that_can_t_be_is_located_and_mended(text, code, marked, remedy):
    found = problem(text)
    assert found.code == code
    if marked is not None:
        assert found.span.text == marked
    assert remedy in (found.fix or "")


def test_the_word_design_stays_a_name():
    assert cg.parse("design -> Y; design : binary").graph.nodes == ("design", "Y")


def test_a_design_stays_with_its_file(tmp_path):
    (tmp_path / "base.dag").write_text("X -> Y\ndesign rct(X)\n", encoding="utf-8")
    assert cg.parse('include "base.dag"\nZ -> Y', directory=tmp_path).designs == ()
