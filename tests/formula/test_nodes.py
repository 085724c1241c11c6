"""Formulas: nothing is captured, equal means equal up to bound values, pickling and printing hold."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Integer

from causalgraph.formula.nodes import E, Event, Level, Marginal, P, Value, equal, replace_inside
from causalgraph.formula.printing import latex, text

X, Y, Z = map(Value, "XYZ")
BACKDOOR = Marginal(P(["Y"], ["X", "Z"]) * P(["Z"]), Z)
FRONT = Marginal(
    P(["M"], ["X"])
    * Marginal(P(["Y"], [Event("X", Value("X", 1)), "M"]) * P([Event("X", Value("X", 1))]), Value("X", 1)),
    Value("M"),
)


def test_a_sum_binds_its_value():
    assert BACKDOOR.free_symbols == {X, Y}
    assert BACKDOOR.bound_symbols == [Z]


def test_substituting_a_bound_value_changes_nothing():
    assert BACKDOOR.subs(Z, X) == BACKDOOR
    assert BACKDOOR.xreplace({Z: X}) == BACKDOOR


@pytest.mark.parametrize("substitute", [lambda f, a, b: f.subs(a, b), lambda f, a, b: f.xreplace({a: b})])
def test_substitution_does_not_capture(substitute):
    moved = substitute(BACKDOOR, X, Z)
    assert moved.free_symbols == {Z, Y}
    # The sum's own value was renamed out of the way: P(Y | X=z, Z=z') P(Z=z') summed over z'.
    inner = Value("Z", 1)
    assert moved == Marginal(P(["Y"], [Event("X", Z), Event("Z", inner)]) * P([Event("Z", inner)]), inner)


def test_simultaneous_substitution_swaps():
    swapped = P(["X"], ["Y"]).subs({X: Y, Y: X}, simultaneous=True)
    assert swapped == P([Event("X", Y)], [Event("Y", X)])


def test_a_level_takes_the_place_of_a_free_value():
    assert text(BACKDOOR.subs(X, Level("1"))) == "Σ_z P(Y | X=1, Z=z) P(Z=z)"
    assert BACKDOOR.subs(X, Level("1")).free_symbols == {Y}


def test_only_the_free_one_of_two_values_of_a_variable_is_substituted():
    assert text(FRONT.subs(X, Level("1"))) == "Σ_m P(M=m | X=1) (Σ_x P(Y | M=m, X=x) P(X=x))"


def test_formulas_are_equal_up_to_the_names_of_bound_values():
    other = Value("Z", 3)
    renamed = Marginal(P(["Y"], ["X", Event("Z", other)]) * P([Event("Z", other)]), other)
    assert renamed != BACKDOOR
    assert equal(renamed, BACKDOOR)
    assert equal(BACKDOOR, renamed)


@pytest.mark.parametrize(
    "other",
    [
        Marginal(P(["Y"], ["X", "Z"]) * P(["Z"], ["X"]), Z),
        Marginal(P(["Y"], ["X", "Z"]) * P([Event("Z", Value("Z", 1))]), Z),
        P(["Y"], ["X", "Z"]) * P(["Z"]),
        Marginal(P(["Y"], ["X", "W"]) * P(["W"]), Value("W")),
        BACKDOOR + 1,
    ],
)
def test_different_formulas_are_not_equal(other):
    assert not equal(BACKDOOR, other)
    assert not equal(other, BACKDOOR)


def test_two_free_values_are_not_paired_with_one():
    assert not equal(P(["X"]) * P([Event("Y", Y)]), P(["X"]) * P([Event("Y", X)]))


@pytest.mark.parametrize("formula", [BACKDOOR, FRONT, E("Y", ["X"]), P(["Y"], do=["X"]), Level("low"), Value("X", 2)])
def test_formulas_survive_pickling(formula):
    again = pickle.loads(pickle.dumps(formula))  # noqa: S301 (our own bytes)
    assert again == formula
    assert hash(again) == hash(formula)


def test_a_value_of_an_odd_name_is_not_another_ones_prime():
    assert Value("A'", 0) != Value("A", 1)


def test_a_step_rewrites_under_a_sum():
    inner = P(["Y"], ["X", "Z"])
    assert replace_inside(BACKDOOR, inner, E("Y", ["X", "Z"])) == Marginal(E("Y", ["X", "Z"]) * P(["Z"]), Z)


def test_a_variable_stands_once_in_a_term():
    with pytest.raises(ValueError, match="twice"):
        P(["X"], ["X"]) * P(["X", "X"])


@given(st.permutations(["A", "B", "C", "D"]), st.integers(0, 4))
def test_the_order_in_which_a_set_is_written_does_not_matter(names, cut):
    assert P(names[:cut] or ["Y"], names[cut:]) == P(sorted(names[:cut]) or ["Y"], sorted(names[cut:]))


@pytest.mark.parametrize(
    ("formula", "written"),
    [
        (BACKDOOR, "Σ_z P(Y | X, Z=z) P(Z=z)"),
        (FRONT, "Σ_m P(M=m | X) (Σ_x P(Y | M=m, X=x) P(X=x))"),
        (P(["Y"], ["V10", "V2"], ["X"]), "P(Y | do(X), V2, V10)"),
        (P(["Lung cancer"]), "P(`Lung cancer`)"),
        (P(["Y"]) / P(["X"]), "P(Y) / P(X)"),
        (P(["Y"]) / P(["X"]) / P(["Z"]), "P(Y) / (P(X) P(Z))"),
        (E("Y", [Event("X", Level("1"))]) - E("Y", [Event("X", Level("0"))]), "E(Y | X=1) - E(Y | X=0)"),
        (2 * P(["Y"]) - 1, "2 P(Y) - 1"),
        (P(["Y"]) * (1 - P(["X"])), "P(Y) (1 - P(X))"),
        (Marginal(P(["Age", "Area"]), Value("Age"), Value("Area")), "Σ_{age,area} P(Age=age, Area=area)"),
    ],
)
def test_text(formula, written):
    assert text(formula) == written


def test_latex():
    assert latex(BACKDOOR) == (r"\sum_{z} P(\mathrm{Y} \mid \mathrm{X}, \mathrm{Z}=z) P(\mathrm{Z}=z)")
    assert latex(P(["a_b & c"])) == r"P(\text{a\_b \& c})"
    assert latex(P(["Y"]) / P(["X"])) == r"\frac{P(\mathrm{Y})}{P(\mathrm{X})}"


def test_a_sum_over_nothing_is_its_body():
    assert Marginal(Integer(1)) == 1
