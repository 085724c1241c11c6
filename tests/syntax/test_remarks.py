"""Warnings: what looks like a slip is said, at its place, and stops nothing."""

import pytest

import causalgraph as cg

# text -> the codes, and the text that the first one marks
TEXTS = {
    "Аge -> Pay; Age -> Pay": (["W101"], "Age"),
    "Αge -> Pay; Age -> Pay": (["W101"], "Age"),
    "Аge -> Pay": (["W101"], "Аge"),
    "`ﬁt` -> Y; fit -> Y": (["W101"], "fit"),
    "X -> Y; Z : binary": (["W102"], "Z"),
    "X -> Y; Z; independent(X, Z)": (["W103"], "Z"),
    "X -> Y; Y <- X": (["W104"], "Y <- X"),
    "X <-> Y; Y <-> X": (["W104"], "Y <-> X"),
    "X -> Y, Z; X -> Y": (["W104"], "X -> Y"),
    "Age -> Pay; age -> Pay": (["W105"], "age"),
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.items(), ids=TEXTS.keys())
def test_what_looks_like_a_slip_is_remarked_at_its_place(text, expected):
    codes, marked = expected
    found = cg.parse(text).warnings
    assert [w.code for w in found] == codes
    assert found[0].span.text == marked
    assert all(w.severity == "warning" and w.why and w.fix for w in found)


@pytest.mark.parametrize(
    "text",
    [
        "Δprice -> Y",
        "Größe -> Y",
        "Возраст -> Доход",
        "ηλικία -> μισθός",
        "X_1 -> X_2",
        "X -> Y; X <-> Y",
        "U [latent]; U -> X",
        "pdag\nA -- B",
    ],
)
def test_what_is_meant_is_not_remarked(text):
    assert cg.parse(text).warnings == ()


def test_a_warning_is_laid_out_as_an_error_is():
    (found,) = cg.parse("Age -> Pay\nАge -> Pay").warnings
    assert str(found) == (
        "warning[W101]: Аge looks like Age, but is another name\n"
        " --> <text>:2:1\n"
        "1 | Age -> Pay\n"
        "  | --- the other one\n"
        "2 | Аge -> Pay\n"
        "  | ^^^\n"
        "  = why: А (U+0410, cyrillic capital letter a) against A (U+0041, latin capital letter a): "
        "what looks like one variable is two\n"
        "  = fix: write one of them; if they are two variables, rename one (Age_2)"
    )


def test_more_of_one_kind_than_anyone_reads_are_cut():
    assert len(cg.parse("A -> B\n" * 1000).warnings) == 20


def test_a_variable_that_knowledge_mentions_is_used() -> None:
    (found,) = cg.parse("A -> B; Old : binary; New : binary; tier 1: Old").warnings
    assert (found.code, found.what[:3]) == ("W102", "New")


def test_a_file_of_knowledge_alone_may_declare_what_it_says_nothing_of() -> None:
    assert cg.parse("Age : continuous; Sex : binary; tier 1: Age").warnings == ()
