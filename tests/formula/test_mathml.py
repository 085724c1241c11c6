"""Formulas as MathML: well-formed whatever the names, of MathML Core alone, in the order of the text."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalgraph.formula.mathml import derivation, mathml
from causalgraph.formula.nodes import E, Event, Level, Marginal, P, Value
from causalgraph.formula.printing import latex, text
from strategies import ODD_NAMES, names

SPACE = "{http://www.w3.org/1998/Math/MathML}"
CORE = {"math", "semantics", "annotation", "mrow", "mi", "mo", "mn", "mtext", "mspace", "mfrac", "munder", "msup"}
TABLE = {"mtable", "mtr", "mtd"}

X, Y, Z = map(Value, "XYZ")
BACKDOOR = Marginal(P(["Y"], ["X", "Z"]) * P(["Z"]), Z)
OTHER_X = Value("X", 1)
FRONT = Marginal(
    P(["M"], ["X"]) * Marginal(P(["Y"], [Event("X", OTHER_X), "M"]) * P([Event("X", OTHER_X)]), OTHER_X), Value("M")
)
FORMULAS = [
    BACKDOOR,
    FRONT,
    P(["Y", "Z"], ["X"]) / P(["Z"], ["X"]),
    P(["Y"]) / P(["X"]) / P(["Z"]),
    1 / P(["X"]),
    P(["Y"]) ** 2,
    -P(["Y"]) / 2,
    P(["Y"]) * (1 - P(["X"])),
    E("Y", [Event("X", Level("1"))]) - E("Y", [Event("X", Level("low"))]),
    P([Event("Y", Value("Y", 2))], do=["X"]),
    Marginal(P(["Age", "Area"]), Value("Age"), Value("Area")),
]


def read(markup: str) -> ET.Element:
    """Read an element of MathML; its tags lose their namespace."""
    root = ET.fromstring(markup)  # noqa: S314 (our own text)
    for element in root.iter():
        assert element.tag.startswith(SPACE)
        element.tag = element.tag.removeprefix(SPACE)
    return root


def seen(root: ET.Element) -> str:
    """Return the text that a reader sees, without blanks."""
    body = root[0][0] if root.tag == "math" else root
    return "".join("".join(body.itertext()).split())


@pytest.mark.parametrize("formula", FORMULAS, ids=text)
@pytest.mark.parametrize("block", [False, True])
def test_a_formula_uses_elements_of_mathml_core_alone(formula, block):
    root = read(mathml(formula, block=block))
    assert {element.tag for element in root.iter()} <= CORE
    assert root.get("display") == ("block" if block else None)


@pytest.mark.parametrize("formula", FORMULAS, ids=text)
def test_the_latex_is_inside_to_copy(formula):
    (note,) = read(mathml(formula)).iter("annotation")
    assert note.get("encoding") == "application/x-tex"
    assert note.text == latex(formula)


def test_the_order_is_that_of_the_text():
    assert seen(read(mathml(BACKDOOR))) == "∑zP(Y|X,Z=z)P(Z=z)"
    assert seen(read(mathml(FRONT))) == "∑mP(M=m|X)(∑xP(Y|M=m,X=x)P(X=x))"
    assert seen(read(mathml(P(["Y"], ["V10", "V2"], ["X"])))) == "P(Y|do(X),V2,V10)"


def test_factors_have_one_order_in_all_notations():
    product = P(["Zoë"]) * P(["a b"]) * P(["B"])
    assert text(product) == "P(B) P(Zoë) P(`a b`)"
    assert seen(read(mathml(product))) == "P(B)P(Zoë)P(ab)"
    assert latex(product) == r"P(\mathrm{B}) P(\text{Zoë}) P(\text{a b})"


def test_a_ratio_is_a_fraction_without_brackets():
    root = read(mathml(P(["Y"]) / (P(["X"]) * P(["Z"]))))
    above, below = next(root.iter("mfrac"))
    assert (seen(above), seen(below)) == ("P(Y)", "P(X)P(Z)")


def test_what_is_summed_over_stands_below_the_sign():
    sign, below = next(read(mathml(Marginal(P(["Age", "Area"]), Value("Age"), Value("Area")))).iter("munder"))
    assert (sign.text, seen(below)) == ("∑", "age,area")


def test_primes_are_raised():
    nested = Marginal(P(["Z"]) * Marginal(P(["Y"], [Event("Z", Value("Z", 1))]), Value("Z", 1)), Z)
    raised = {seen(element) for element in read(mathml(nested)).iter("msup")}
    assert raised == {"z′"}


def test_a_number_has_its_sign_and_its_fraction():
    root = read(mathml(-P(["Y"]) / 2))
    assert [seen(part) for part in next(root.iter("mfrac"))] == ["1", "2"]
    assert seen(root).startswith("−")


def test_a_single_letter_stands_upright_where_it_is_a_name_and_leans_where_it_is_a_value():
    names_and_values = {
        (e.text, e.get("mathvariant")) for e in read(mathml(BACKDOOR)).iter("mi") if e.text in {"Z", "z"}
    }
    assert names_and_values == {("Z", "normal"), ("z", None)}


@pytest.mark.parametrize("name", [*ODD_NAMES, "</math><script>", "&lt;", "a\x1b[31m", "\ud800", "\ufffe", "\u202eabc"])
def test_a_name_is_words_and_never_markup(name):
    root = read(mathml(P([name], ["Given"])))
    assert {element.tag for element in root.iter()} <= CORE
    escapes = {"a\x1b[31m": "a\\x1b[31m", "\ud800": "\\ud800", "\ufffe": "\\ufffe", "\u202eabc": "\\u202eabc"}
    assert escapes.get(name, name) in {element.text for element in root.iter()}


@given(st.lists(st.one_of(names(), st.text(min_size=1)), min_size=4, max_size=4, unique=True), st.text())
def test_any_names_and_levels_make_well_formed_markup(drawn, level):
    a, b, c, d = drawn
    inner = Marginal(P([b], [a, Event(c, Value(c, 1))]) * P([Event(c, Value(c, 1))]), Value(c, 1))
    formula = Marginal(inner * P([d], [Event(a, Level(level))]), Value(d)) / P([a, c], do=[b])
    assert {element.tag for element in read(mathml(formula, formula)).iter()} <= CORE
    assert {element.tag for element in read(derivation([formula, formula], [level])).iter()} <= CORE | TABLE


def test_an_equation_has_its_sides_in_order():
    root = read(mathml(P(["Y"], do=["X"]), BACKDOOR))
    assert seen(root) == "P(Y|do(X))=∑zP(Y|X,Z=z)P(Z=z)"
    (note,) = root.iter("annotation")
    assert note.text == f"{latex(P(['Y'], do=['X']))} = {latex(BACKDOOR)}"


def test_a_derivation_is_a_table_flush_at_its_signs():
    goal, middle = P(["Y"], do=["X"]), Marginal(P(["Y"], ["Z"], ["X"]) * P(["Z"]), Z)
    root = read(derivation([goal, middle, BACKDOOR], ["sum over Z", "rule 2 & 3"]))
    cells = [[seen(cell) for cell in row] for row in root.iter("mtr")]
    assert [row[0] for row in cells] == ["P(Y|do(X))", ""]
    assert [row[1] for row in cells] == ["=", "="]
    assert [row[3] for row in cells] == ["sumoverZ", "rule2&3"]
    (note,) = root.iter("annotation")
    assert note.text.startswith(r"\begin{aligned}" + latex(goal) + " &= ")


def test_a_derivation_without_steps_is_its_goal():
    assert [seen(row) for row in read(derivation([P(["Y"])])).iter("mtr")] == ["P(Y)"]
