"""Canonical forms of normal laws: what holds of probabilities holds of them."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from causalgraph.data.moments import Moments, gathered
from causalgraph.errors import EstimationError
from causalgraph.evaluate.canonical import Basis, law_of, marginal, power, product, standardised, term
from causalgraph.evaluate.gaussian import differentiated, law
from causalgraph.formula.nodes import Event, Level, Marginal, P, Value

NAMES = ("A", "B", "C", "D")


def moments(x, names=NAMES):
    mean, scatter, total, squared, n = gathered([(x, np.ones(len(x)))], x.shape[1])
    return Moments(names, mean, scatter, total, squared, n, 0, "rows")


@pytest.fixture
def rows():
    rng = np.random.default_rng(3)
    return rng.standard_normal((50, 4)) @ rng.standard_normal((4, 4)) + rng.standard_normal(4)


def by_value(form):
    order = sorted(range(len(form.values)), key=lambda i: str(form.values[i]))
    return [str(form.values[i]) for i in order], form.precision[np.ix_(order, order)], form.linear[order]


def assert_same(one, other):
    (names, k, h), (others, m, g) = by_value(one), by_value(other)
    assert names == others
    np.testing.assert_allclose(k, m, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(h, g, rtol=1e-11, atol=1e-12)


def test_a_conditional_times_its_condition_is_the_joint(rows):
    basis = standardised(moments(rows))
    whole = product([term(P(["A", "C"], ["B", "D"]), basis), term(P(["B", "D"]), basis)])
    assert_same(whole, term(P(NAMES), basis))


def test_a_joint_over_a_margin_is_the_conditional(rows):
    basis = standardised(moments(rows))
    ratio = product([term(P(NAMES), basis), power(term(P(["B", "D"]), basis), -1)])
    assert_same(marginal(ratio, [Value("A")]), term(P(["C"], ["B", "D"]), basis))


def test_the_sum_of_a_joint_is_the_margin(rows):
    basis = standardised(moments(rows))
    assert_same(marginal(term(P(NAMES), basis), [Value("B"), Value("C")]), term(P(["A", "D"]), basis))


def test_a_level_is_a_number_at_which_a_variable_is_held(rows):
    basis = standardised(moments(rows))
    at = law_of(term(P(["A"], [Event("B", Level("1.5")), "C"]), basis), ("A",))
    line = law_of(term(P(["A"], ["B", "C"]), basis), ("A",))
    b = line.given.index(Value("B"))
    assert at.intercept[0] == pytest.approx(line.intercept[0] + line.slopes[0, b] * basis.standard("B", 1.5), abs=1e-12)
    with pytest.raises(EstimationError, match="E512"):
        term(P(["A"], [Event("B", Level("low"))]), basis)


def test_a_law_is_the_regression(rows):
    found = law(P(["A"], ["B", "C"]), replace(standardised(moments(rows))), ("A",))
    design = np.column_stack([np.ones(len(rows)), rows[:, 1:3]])
    slopes = np.linalg.lstsq(design, rows[:, 0], rcond=None)[0]
    scale = rows.std(axis=0)
    np.testing.assert_allclose(found.slopes[0] * scale[0] / scale[1:3], slopes[1:], rtol=1e-12)


def test_large_means_and_uneven_scales_cost_no_digits(rows):
    formula = Marginal(P(["A"], ["B", "C"]) * P(["C"]), Value("C"))
    plain = law(formula, standardised(moments(rows)), ("A",)).slopes
    # Powers of two change no digit of the rows themselves.
    stretched = rows * np.array([2.0**20, 2.0**-20, 1.0, 2.0**10])
    np.testing.assert_allclose(law(formula, standardised(moments(stretched)), ("A",)).slopes, plain, rtol=1e-12)
    whole = np.round(rows * 1000)
    shifted = law(formula, standardised(moments(whole + 1e8)), ("A",)).slopes
    np.testing.assert_allclose(shifted, law(formula, standardised(moments(whole)), ("A",)).slopes, rtol=1e-11)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: np.column_stack([x[:, :3], np.full(len(x), 0.1)]), "D is always 0.1"),
        (lambda x: np.column_stack([x[:, :3], np.full(len(x), 1e8 + 0.1)]), "D is always 1e[+]08"),
        (lambda x: np.column_stack([x[:, :3], 3 * x[:, 1] + 7]), "D is determined by B"),
        (lambda x: np.column_stack([x[:, :3], x[:, 0] - x[:, 2]]), "D is determined by {A, C}"),
        (lambda x: x[:4], "4 rows can't tell 4 variables apart"),
    ],
)
def test_what_makes_moments_singular_is_named(rows, change, said):
    with pytest.raises(EstimationError, match="E511") as told:
        term(P(NAMES), standardised(moments(change(rows))))
    assert told.match(said)


def test_a_variable_that_others_nearly_determine_isnt_refused(rows):
    noisy = np.column_stack([rows[:, :3], rows[:, 1] + 1e-4 * rows[:, 3]])
    term(P(NAMES), standardised(moments(noisy)))


def test_a_sum_that_isnt_finite_is_told(rows):
    basis = standardised(moments(rows))
    with pytest.raises(EstimationError, match="E514"):
        marginal(power(term(P(["A", "B"]), basis), -1), [Value("A")])
    with pytest.raises(EstimationError, match="E514"):
        law(P(["A"], ["B"]) ** -1, basis, ("A",))


def test_a_formula_of_other_parts_is_told(rows):
    basis = standardised(moments(rows))
    for formula in (P(["A"]) + P(["B"]), P(["A"], [], ["B"]), Marginal(P(["A"]), Value("B")), P(["B"])):
        with pytest.raises(EstimationError, match="E590"):
            law(formula, basis, ("A",))


def test_derivatives_are_exact_to_rounding(rows):
    found = moments(rows)

    def slope(basis):
        one = law(P(["A"], ["B"]), basis, ("A",))
        return one.slopes[..., 0, :] * basis.scale[0] / basis.scale[1]

    numbers = differentiated(slope, found)
    s = found.covariance
    by_ab, by_bb = 1 / s[1, 1], -s[0, 1] / s[1, 1] ** 2
    exact = np.zeros((4, 4))
    exact[0, 1] = exact[1, 0] = by_ab / 2
    exact[1, 1] = by_bb
    np.testing.assert_allclose(numbers.quadratic[0], exact, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(numbers.linear, 0, atol=1e-14)


def test_fractions_give_what_floats_give(rows):
    formula = Marginal(P(["A"], ["B", "C"]) * P(["C", "D"]), Value("C"), Value("D"))
    found = moments(np.round(rows, 2))
    exact = np.array([[Fraction(float(v)) for v in row] for row in found.covariance], dtype=object)
    nothing = np.zeros(4, dtype=object)
    slope = law(formula, Basis(NAMES, nothing, nothing + 1, nothing, exact), ("A",)).slopes[0, 0]
    basis = standardised(found)
    float_slope = law(formula, basis, ("A",)).slopes[0, 0] * basis.scale[0] / basis.scale[1]
    assert isinstance(slope, Fraction)
    assert float(slope) == pytest.approx(float_slope, rel=1e-12)
