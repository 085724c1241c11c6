"""Inverse probability weighting: its numbers and errors, its populations, and what it warns of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.stats import t

from causalgraph.errors import EstimationError, ModelError
from causalgraph.estimate.base import Population, Target, error_of
from causalgraph.estimate.overlap import best_trim, common_support, effective_size
from causalgraph.estimate.propensity import propensity
from causalgraph.estimate.sample import Sample, design
from causalgraph.estimate.weighting import ipw
from oracles.weighting import estimate
from strategies import scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

Snippet = tuple[Sample, "NDArray[np.float64]"]
ATE = Target(1, 0)
NAMES = "abcd"


def drawn(seed: int, n: int = 400, arms: int = 2, *, discrete: bool = False, strength: float = 0.5) -> Sample:
    """Draw rows with two numbers (or two levels) that move treatment and outcome; the effect is 1 an arm."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 3, (n, 2)).astype(float) if discrete else rng.normal(size=(n, 2))
    slopes = np.linspace(0, strength, arms)[:, None] * np.array([[1.0, -0.8]])
    arm = (x @ slopes.T + rng.gumbel(size=(n, arms))).argmax(1)
    y = arm + x @ [1.0, 0.5] + 0.3 * x[:, 0] * arm + rng.normal(size=n)
    levels = (("0", "1", "2"),) * 2 if discrete else ((), ())
    return Sample("X", tuple(NAMES[:arms]), arm, "Y", y, ("C1", "C2"), x, levels, np.ones(n))


def with_constant(sample: Sample) -> NDArray[np.float64]:
    return np.column_stack([np.ones(sample.n), design(sample).matrix])


def agrees(sample: Sample, target: Target, expected: tuple[float, float], **options: Any) -> None:
    found = ipw(sample, target, **options)
    assert found.influence is not None
    assert found.value == pytest.approx(expected[0], rel=1e-7, abs=1e-7)
    assert error_of(found.influence, sample) == pytest.approx(expected[1], rel=1e-6)
    assert float(sample.weight @ found.influence) / sample.weight.sum() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("discrete", [False, True])
@pytest.mark.parametrize("population", ["ate", "att", "atc"])
@pytest.mark.parametrize("weights", ["hajek", "stabilised", "horvitz-thompson", "overlap"])
def test_value_and_error_are_those_of_stacked_estimating_equations(
    weights: str, population: Population, discrete: bool
) -> None:
    if weights == "overlap" and population != "ate":
        return
    for seed in range(scaled(2, 20)):
        rows = drawn(seed, discrete=discrete)
        kind = "overlap" if weights == "overlap" else population
        expected = estimate(with_constant(rows), rows.arm, rows.y, 1, 0, kind, by_size=weights == "horvitz-thompson")
        agrees(rows, Target(1, 0, population), expected, weights=weights)


@pytest.mark.parametrize("weights", ["hajek", "horvitz-thompson", "overlap"])
@pytest.mark.parametrize("discrete", [False, True])
def test_several_arms_have_one_multinomial_logit(weights: str, discrete: bool) -> None:
    rows = drawn(3, 600, arms=3, discrete=discrete)
    kind = "overlap" if weights == "overlap" else "ate"
    for a, b in ((1, 0), (2, 0), (2, 1)):
        expected = estimate(with_constant(rows), rows.arm, rows.y, a, b, kind, by_size=weights == "horvitz-thompson")
        agrees(rows, Target(a, b), expected, weights=weights)


@pytest.mark.parametrize("weighting", ["rows", "counts", "survey"])
def test_weights_of_the_data_enter_scores_means_and_error(weighting: Any) -> None:
    rows = drawn(5)
    weight = np.random.default_rng(1).integers(1, 5, rows.n).astype(float)
    rows = replace(rows, weight=weight, weighting=weighting)
    expected = estimate(with_constant(rows), rows.arm, rows.y, 1, 0, "ate", weight=weight, weighting=weighting)
    agrees(rows, ATE, expected)


def test_a_few_heavy_rows_leave_few_degrees_of_freedom() -> None:
    rows = drawn(1, 2000, strength=0.2)
    even = ipw(rows, ATE).df
    y = rows.y.copy()
    y[:3] += 300
    heavy = ipw(replace(rows, y=y), ATE).df
    assert even is not None
    assert heavy is not None
    assert heavy < 20
    assert even > 500


def test_counts_are_rows() -> None:
    rows = drawn(6, 60)
    many = np.arange(rows.n) % 3 + 1
    told = replace(rows, weight=many.astype(float), weighting="counts")
    each = replace(
        rows,
        arm=rows.arm.repeat(many),
        y=rows.y.repeat(many),
        values=rows.values.repeat(many, 0),
        weight=np.ones(many.sum()),
    )
    short, long = ipw(told, ATE), ipw(each, ATE)
    assert short.influence is not None
    assert long.influence is not None
    assert short.value == pytest.approx(long.value, rel=1e-9)
    assert error_of(short.influence, told) == pytest.approx(error_of(long.influence, each), rel=1e-9)
    assert short.df == pytest.approx(long.df)
    assert short.diagnostics["arms"]["b"] == pytest.approx(long.diagnostics["arms"]["b"])


@pytest.mark.parametrize("population", ["ate", "att", "atc"])
def test_known_scores_have_no_term_of_estimation(population: Population, snippet: Snippet) -> None:
    rows, score = snippet
    known = np.column_stack([1 - score, score])
    for weights in ("hajek", "horvitz-thompson"):
        expected = estimate(
            with_constant(rows), rows.arm, rows.y, 1, 0, population, known=known, by_size=weights == "horvitz-thompson"
        )
        agrees(rows, Target(1, 0, population), expected, weights=weights, propensity=score)


def test_trimming_takes_the_population_as_given() -> None:
    rows = drawn(7, strength=1.5)
    found = ipw(rows, ATE, trim=0.15)
    x = with_constant(rows)
    kept = propensity(rows, ATE).probability.min(1) >= 0.15
    agrees(rows, ATE, estimate(x, rows.arm, rows.y, 1, 0, "ate", kept=kept), trim=0.15)
    assert found.diagnostics["trimmed"] == pytest.approx(1 - kept.mean())
    assert any(note.startswith("the population changed") for note in found.notes)


def test_the_article_s_numbers(snippet: Snippet) -> None:
    rows, score = snippet
    assert ipw(rows, ATE, propensity=score).value == pytest.approx(9.191163, abs=1e-6)
    assert ipw(rows, ATE).value == pytest.approx(8.145, abs=1e-3)


def test_the_error_with_estimated_scores_is_smaller_than_with_known_ones(snippet: Snippet) -> None:
    rows, score = snippet
    estimated, known = ipw(rows, ATE), ipw(rows, ATE, propensity=score)
    assert estimated.influence is not None
    assert known.influence is not None
    assert error_of(estimated.influence, rows) < 0.6 * error_of(known.influence, rows)


def test_stabilised_weights_are_hajek_s_number_and_have_mean_one(snippet: Snippet) -> None:
    rows, _ = snippet
    one, other = ipw(rows, ATE, weights="stabilised"), ipw(rows, ATE)
    assert one.value == other.value
    assert one.diagnostics["mean_stabilised_weight"] == pytest.approx(1, abs=0.01)


def test_overlap_weights_balance_exactly(snippet: Snippet) -> None:
    rows, _ = snippet
    told = ipw(rows, ATE, weights="overlap").diagnostics["balance"]
    assert max(abs(one["after"]) for one in told) < 1e-7


def test_overlap_weights_are_no_answer_for_the_treated() -> None:
    with pytest.raises(EstimationError, match="E537"):
        ipw(drawn(1), Target(1, 0, "att"), weights="overlap")


def test_an_optimal_trim_keeps_what_crump_and_others_keep() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        e = rng.beta(0.5, 0.5, 500)
        g = 1 / (e * (1 - e))
        bound = best_trim(g, np.ones(500))
        # The variance bound of the trimmed effect, E[g 1(g ≤ γ)] / P(g ≤ γ)², has no smaller value at another γ.
        at = [g[g <= b].sum() / (g <= b).sum() ** 2 for b in np.sort(g)]
        assert g[g <= bound].sum() / (g <= bound).sum() ** 2 == pytest.approx(min(at), rel=1e-2)


def test_nothing_left_after_trimming_is_refused() -> None:
    rows = drawn(2, 100)
    with pytest.raises(EstimationError, match="E537"):
        ipw(replace(rows, values=rows.values * 0 + np.array([[0.0, 0.0]])), ATE, trim=0.499999)


@pytest.mark.parametrize("trim", [-0.1, 0.5, float("nan")])
def test_a_trim_outside_zero_and_a_half_is_refused(trim: float) -> None:
    with pytest.raises(ModelError, match="E221"):
        ipw(drawn(1), ATE, trim=trim)


def test_unknown_weights_are_refused_with_the_nearest() -> None:
    with pytest.raises(ModelError, match="did you mean hajek"):
        ipw(drawn(1), ATE, weights="hayek")


@pytest.mark.parametrize("bad", [0.0, 1.0, 1.5, float("nan")])
def test_known_scores_that_are_no_probabilities_are_refused(bad: float, snippet: Snippet) -> None:
    rows, score = snippet
    score = score.copy()
    score[7] = bad
    with pytest.raises(EstimationError, match="E536"):
        ipw(rows, ATE, propensity=score)


def test_known_scores_of_the_other_arm_are_warned_of(snippet: Snippet) -> None:
    rows, score = snippet
    assert any(w.startswith("W524") for w in ipw(rows, ATE, propensity=1 - score).warnings)
    assert not any(w.startswith("W524") for w in ipw(rows, ATE, propensity=score).warnings)


def test_a_known_score_can_t_tell_of_three_arms() -> None:
    rows = drawn(1, arms=3)
    with pytest.raises(EstimationError, match="E536"):
        ipw(rows, ATE, propensity=np.full(rows.n, 0.5))


def test_without_covariates_it_is_the_difference_of_means_and_neyman_s_error() -> None:
    rows = replace(drawn(4), covariates=(), values=np.empty((400, 0)), levels=())
    found = ipw(rows, ATE)
    one, zero = rows.y[rows.arm == 1], rows.y[rows.arm == 0]
    assert found.influence is not None
    assert found.value == pytest.approx(one.mean() - zero.mean())
    neyman = np.sqrt(one.var() / len(one) + zero.var() / len(zero))
    assert error_of(found.influence, rows) == pytest.approx(neyman)


def test_weak_overlap_is_warned_of() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=3000)
    arm = (rng.random(3000) < 1 / (1 + np.exp(-4 * x))).astype(int)
    rows = Sample("X", ("0", "1"), arm, "Y", x, ("C",), x[:, None], ((),), np.ones(3000))
    codes = {w[:4] for w in ipw(rows, ATE).warnings}
    assert "W520" in codes
    assert codes & {"W521", "W522", "W523"}
    assert not {w[:4] for w in ipw(rows, ATE, weights="overlap").warnings} & {"W520"}


def test_a_saturated_model_is_the_formula_by_strata() -> None:
    rows = drawn(8, 2000, discrete=True)
    x = (rows.values[:, 0] * 3 + rows.values[:, 1])[:, None]
    rows = replace(rows, covariates=("C",), values=x, levels=(tuple("abcdefghi"),))
    expected = 0.0
    for stratum in range(9):
        inside = x[:, 0] == stratum
        one, zero = (rows.y[inside & (rows.arm == k)].mean() for k in (1, 0))
        expected += inside.mean() * (one - zero)
    for weights in ("hajek", "horvitz-thompson"):
        assert ipw(rows, ATE, weights=weights).value == pytest.approx(expected, rel=1e-9)


def test_effective_size_and_common_support_are_what_their_names_say() -> None:
    assert effective_size(np.full(7, 0.3)) == pytest.approx(7)
    rows = replace(drawn(1, 4), arm=np.array([0, 0, 1, 1]))
    assert common_support(rows, np.array([0.1, 0.5, 0.4, 0.9]), ATE).tolist() == [False, True, True, False]


@pytest.mark.parametrize("n", [500])
def test_intervals_cover_and_errors_are_right_on_average(n: int) -> None:
    repeats = scaled(300, 2000)
    values, errors, reach = np.empty(repeats), np.empty(repeats), np.empty(repeats)
    for seed in range(repeats):
        rows = drawn(10_000 + seed, n)
        found = ipw(rows, ATE)
        assert found.influence is not None
        assert found.df is not None
        values[seed], errors[seed] = found.value, error_of(found.influence, rows)
        reach[seed] = t.ppf(0.975, found.df) * errors[seed]
    inside = np.abs(values - 1) <= reach
    assert abs(inside.mean() - 0.95) < 3 * np.sqrt(0.95 * 0.05 / repeats)
    assert errors.mean() == pytest.approx(values.std(ddof=1), rel=0.05 + 3 / np.sqrt(2 * repeats))
