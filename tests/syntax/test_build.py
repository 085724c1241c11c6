"""Questions: what each verb takes, and that what is written parses to itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from causalgraph.errors import ModelError
from causalgraph.syntax import queries as q
from causalgraph.syntax.build import LATER, VERBS
from causalgraph.syntax.parser import parse_query
from causalgraph.syntax.write import write
from syntax.texts import questions

X, Y, Z = (q.Term(name) for name in "XYZ")
X0, X1, Y1, Z1 = q.Term("X", "0"), q.Term("X", "1"), q.Term("Y", "1"), q.Term("Z", "1")

GOLDEN: dict[str, q.Query] = {
    "identify(do(X1, X2), {Y1, Y2} | Z)": q.Identify((q.Term("X1"), q.Term("X2")), (q.Term("Y1"), q.Term("Y2")), (Z,)),
    "P(Y=1 | do(X=0), Z)": q.Probability((Y1,), (X0,), (Z,)),
    "P(Y=1 | Z=1, do(X=0))": q.Probability((Y1,), (X0,), (Z1,)),
    "P(Y, X)": q.Probability((Y, X)),
    'P(Y="very low", X=-1, Z=high)': q.Probability((q.Term("Y", "very low"), q.Term("X", "-1"), q.Term("Z", "high"))),
    "E(Y | do(X=1))": q.Expectation(Y, (X1,)),
    "E(Y | do(X=1)) - E(Y | do(X=0)) * 2": q.Arithmetic(
        "-",
        q.Expectation(Y, (X1,)),
        q.Arithmetic("*", q.Expectation(Y, (X0,)), q.Constant("2")),
    ),
    "-2 * ate(X, Y)": q.Arithmetic("*", q.Constant("-2"), q.Effect("ate", X, Y)),
    "-ate(X, Y)": q.Arithmetic("-", q.Constant("0"), q.Effect("ate", X, Y)),
    "independent(X, {Y} | {})": q.Independent((X,), (Y,)),
    "paths(X, Y | Z)": q.Paths((X,), (Y,), (Z,)),
    "triples()": q.Triples(),
    "ancestors(X, Y)": q.Relatives("ancestors", (X, Y)),
    "blanket({X})": q.Relatives("blanket", (X,)),
    "districts()": q.Districts(),
    "adjustment_sets(X, Y, effect=direct)": q.AdjustmentSets((X,), (Y,), "direct"),
    "adjustment_sets({X, Z}, Y)": q.AdjustmentSets((X, Z), (Y,)),
    "adjusts(X, Y | Z)": q.Adjusts((X,), (Y,), (Z,)),
    "do(X, Z=1)": q.Intervene((X, Z1)),
    "project()": q.Project(),
}


@pytest.mark.parametrize(("text", "query"), GOLDEN.items(), ids=GOLDEN.keys())
def test_golden_questions_are_understood(text: str, query: q.Query) -> None:
    assert parse_query(text) == query


# `identified` is another word for `identify`, and written so.
@pytest.mark.parametrize("verb", [v for k, v in VERBS.items() if k != "identified"])
def test_the_form_that_a_verb_shows_is_one_that_it_takes(verb: object) -> None:
    form = getattr(verb, "form", "")
    assert write(parse_query(form)) == form


@given(questions)
@settings(max_examples=300, deadline=None)
def test_what_is_written_parses_to_the_same_question(query: q.Query) -> None:
    assert parse_query(write(query)) == query


MISTAKES = {
    "indentify(do(X), Y)": ("E210", "indentify", "did you mean identify"),
    "frobnicate(X)": ("E210", "frobnicate", "verbs are"),
    "identify(X, Y)": ("E211", "X", "identify(do("),
    "identify(do(X))": ("E211", "identify(do(X))", "identify(do("),
    "identify()": ("E211", "identify()", "identify(do("),
    "ate(X)": ("E211", "ate(X)", "ate(X, Y)"),
    "ate(X, Y | Z)": ("E211", "ate(X, Y | Z)", "ate(X, Y)"),
    "ate(X=1, Y)": ("E211", "X=1", "ate(X, Y)"),
    "ate({X, Z}, Y)": ("E211", "{X, Z}", "ate(X, Y)"),
    "E(Y=1)": ("E211", "Y=1", "E(Y"),
    'independent("X", Y)': ("E211", '"X"', "independent(X, Y | Z)"),
    "independent(X, Y, Z)": ("E211", "independent(X, Y, Z)", "independent(X, Y | Z)"),
    "independent({}, Y)": ("E211", "{}", "independent(X, Y | Z)"),
    "triples(X)": ("E211", "triples(X)", "triples()"),
    "adjustment_sets(X, Y, effect=some)": ("E211", "some", "adjustment_sets(X, Y"),
    "adjustment_sets(X, Y, covariates={Z})": ("E211", "covariates={Z}", "adjustment_sets(X, Y"),
    "cate(X, Y)": ("E211", "cate(X, Y)", "cate(X, Y | W)"),
    "cde(X, Y, M)": ("E211", "M", "cde(X, Y, M=m)"),
    "P(Y | do())": ("E211", "do()", "P("),
    "P(Y=X+1)": ("E211", "X+1", "P("),
    "1 + triples()": ("E211", "triples()", "E(Y"),
    "X + 1": ("E211", "X", "identify"),
    "independent(X, Y | X)": ("E212", "X", "drop one"),
    "P(Y=1 | do(Y=0))": ("E212", "Y=0", "drop one"),
    "nde(X, Y)": ("E050", "nde", "leave it out"),
    "Y[X=0]": ("E211", "Y[X=0]", "P(Y["),
    "ate(X, Y[X=0])": ("E211", "Y[X=0]", "E(…) of Y["),
    "E(Y[X])": ("E211", "X", "E(Y[X=1]"),
    "E(Y[X=0]=1)": ("E211", "Y[X=0]=1", "E(Y["),
    "E(Y[X=0]*Y)": ("E211", "Y[X=0]*Y", "E(Y["),
    "E(Y[X=0]/0)": ("E211", "0", "E(Y["),
    "P(Y[M[X=0]=1])": ("E211", "M[X=0]=1", "P(Y["),
    "P(Y[X=0]=1 | do(Z=1))": ("E211", "do(Z=1)", "P(Y["),
    "P(Y[X=0] | X)": ("E211", "X", "X=…"),
    "identify(do(X[Z=1]), Y)": ("E211", "X[Z=1]", "P(…)"),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.items(), ids=MISTAKES.keys())
def test_a_question_that_cannot_be_asked_is_located_and_mended(text: str, message: tuple[str, str, str]) -> None:
    code, marked, remedy = message
    with pytest.raises(ModelError) as caught:
        parse_query(text)
    (problem,) = caught.value.diagnostics
    assert problem.code == code
    assert problem.span is not None
    assert problem.span.text == marked
    assert remedy in (problem.fix or "")


@pytest.mark.parametrize("verb", LATER)
def test_verbs_of_later_versions_say_so(verb: str) -> None:
    with pytest.raises(ModelError, match="isn't supported yet") as caught:
        parse_query(f"{verb}(X, Y)")
    assert caught.value.code == "E050"
