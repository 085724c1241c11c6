"""The propensity score: the logit's optimum, what it can't fit, and what it leaves out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from causalgraph.errors import EstimationError, ModelError
from causalgraph.estimate.base import Target
from causalgraph.estimate.logit import fit_logit
from causalgraph.estimate.propensity import known_score, propensity
from causalgraph.estimate.sample import Sample, design
from strategies import scaled

ATE = Target(1, 0)


def drawn(seed: int, n: int = 300, arms: int = 2, *, discrete: bool = False) -> Sample:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 3, (n, 3)).astype(float) if discrete else rng.normal(5, 2, (n, 3))
    slopes = rng.normal(0, 0.4, (arms, 3))
    arm = ((x - x.mean(0)) @ slopes.T + rng.gumbel(size=(n, arms))).argmax(1)
    levels = (("n", "s", "w"),) * 3 if discrete else ((), (), ())
    return Sample("X", tuple("abcd"[:arms]), arm, "Y", rng.normal(size=n), ("A", "B", "C"), x, levels, np.ones(n))


def loss(theta: np.ndarray, x: np.ndarray, sample: Sample) -> float:
    full = np.vstack([np.zeros(x.shape[1]), theta.reshape(-1, x.shape[1])])
    eta = x @ full.T
    chosen = eta[np.arange(len(x)), sample.arm]
    return float(sample.weight @ (np.logaddexp.reduce(eta, axis=1) - chosen)) / len(x)


@pytest.mark.parametrize("discrete", [False, True])
@pytest.mark.parametrize("arms", [2, 3, 4])
def test_the_likelihood_is_at_its_maximum(arms: int, discrete: bool) -> None:
    for seed in range(scaled(3, 30)):
        rows = drawn(seed, arms=arms, discrete=discrete)
        rows = replace(rows, weight=np.random.default_rng(seed).random(rows.n) + 0.1)
        found = propensity(rows, ATE)
        x = np.column_stack([np.ones(rows.n), design(rows).matrix])
        theta = np.array([list(found.coefficients[arm].values()) for arm in rows.arms[1:]]).ravel()
        best = minimize(loss, theta + 0.05, args=(x, rows), method="BFGS", options={"gtol": 1e-9})
        assert loss(theta, x, rows) <= best.fun + 1e-12
        eta = np.column_stack([np.zeros(rows.n), x @ theta.reshape(arms - 1, -1).T])
        assert found.probability == pytest.approx(np.exp(eta) / np.exp(eta).sum(1, keepdims=True), abs=1e-9)


def test_scores_and_information_are_derivatives_of_the_likelihood() -> None:
    for discrete in (False, True):
        rows = drawn(1, arms=3, discrete=discrete)
        found = propensity(rows, ATE)
        assert found.information is not None
        assert found.scores.mean(0) == pytest.approx(np.zeros(found.scores.shape[1]), abs=1e-9)
        p, x = found.probability[:, 1:], found.matrix
        by_hand = np.zeros_like(found.information)
        for i in range(rows.n):
            by_hand += np.kron(np.diag(p[i]) - np.outer(p[i], p[i]), np.outer(x[i], x[i])) / rows.n
        assert found.information == pytest.approx(by_hand, abs=1e-7)


def test_the_correction_is_the_mean_slope_through_the_scores() -> None:
    rows = drawn(2, arms=3)
    found = propensity(rows, ATE)
    assert found.information is not None
    slopes = np.random.default_rng(0).normal(size=found.probability.shape)
    p, x = found.probability, found.matrix
    gradient = np.zeros(found.information.shape[0])
    for i in range(rows.n):
        jacobian = np.diag(p[i]) - np.outer(p[i], p[i])
        gradient += np.kron(jacobian[1:] @ slopes[i], x[i]) / rows.n
    expected = found.scores @ np.linalg.solve(found.information, gradient)
    assert found.correction(slopes, rows.weight) == pytest.approx(expected, abs=1e-9)


def test_cells_and_rows_give_one_fit() -> None:
    rows = drawn(3, discrete=True)
    dummies = design(rows)
    as_numbers = replace(rows, covariates=dummies.names, values=dummies.matrix, levels=tuple(() for _ in dummies.names))
    one, other = propensity(rows, ATE), propensity(as_numbers, ATE)
    assert one.score == pytest.approx(other.score, abs=1e-9)
    slopes = np.random.default_rng(0).normal(size=(rows.n, 2))
    assert one.correction(slopes, rows.weight) == pytest.approx(other.correction(slopes, rows.weight), abs=1e-7)


def test_a_level_that_one_arm_lacks_is_named() -> None:
    rows = drawn(4, discrete=True)
    arm = np.where(rows.values[:, 1] == 2, 0, rows.arm)
    with pytest.raises(EstimationError, match=r"E535.*rows with B=w has X=b"):
        propensity(replace(rows, arm=arm), ATE)


def test_a_number_that_predicts_the_arm_is_named() -> None:
    rows = drawn(5)
    with pytest.raises(EstimationError, match=r"E535.*A predicts it: all rows with X=b have at least"):
        propensity(replace(rows, arm=(rows.values[:, 0] > 5).astype(int)), ATE)


def test_a_combination_that_predicts_the_arm_is_named() -> None:
    for seed in range(scaled(10, 100)):
        rows = drawn(seed)
        arm = (rows.values[:, 0] - rows.values[:, 2] > 0).astype(int)
        with pytest.raises(EstimationError, match=r"E535.*A and C together"):
            propensity(replace(rows, arm=arm), ATE)


def test_separation_is_refused_with_three_arms_too() -> None:
    rows = drawn(6, arms=3)
    with pytest.raises(EstimationError, match="E535"):
        propensity(replace(rows, arm=np.where(rows.values[:, 0] > 6, 2, rows.arm % 2)), ATE)


def test_near_separation_is_fitted() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=5000)
    arm = (x + rng.normal(0, 0.05, 5000) > 0).astype(int)
    rows = Sample("X", ("0", "1"), arm, "Y", x, ("C",), x[:, None], ((),), np.ones(5000))
    found = propensity(rows, ATE)
    assert found.scores.mean(0) == pytest.approx(np.zeros(2), abs=1e-9)


def test_constant_and_collinear_columns_are_left_out_by_name() -> None:
    rows = drawn(7)
    values = np.column_stack([rows.values, np.full(rows.n, 3.0), 2 * rows.values[:, 0] - rows.values[:, 1] + 7])
    more = replace(rows, covariates=("A", "B", "C", "D", "E"), values=values, levels=((),) * 5)
    found = propensity(more, ATE)
    assert found.names == ("1", "A", "B", "C")
    assert [note.split()[0] for note in found.notes] == ["D", "E"]
    assert found.score == pytest.approx(propensity(rows, ATE).score, abs=1e-12)


def test_units_and_large_offsets_change_nothing() -> None:
    rows = drawn(8)
    moved = replace(rows, values=rows.values * [1e6, 1e-6, 1.0] + [1e9, 0.0, -4e4])
    assert propensity(moved, ATE).score == pytest.approx(propensity(rows, ATE).score, abs=1e-6)


def test_without_covariates_it_is_the_arm_s_share() -> None:
    rows = replace(drawn(9), covariates=(), values=np.empty((300, 0)), levels=())
    assert propensity(rows, ATE).score == pytest.approx(np.full(300, rows.arm.mean()))


def test_an_arm_without_rows_has_no_probability() -> None:
    rows = replace(drawn(10), arms=("a", "b", "c"))
    found = propensity(rows, ATE)
    assert (found.probability[:, 2] == 0).all()
    assert found.probability.sum(1) == pytest.approx(np.ones(rows.n))


def test_a_fit_on_many_rows_starts_from_few_and_ends_at_the_same_place() -> None:
    rng = np.random.default_rng(2)
    n = 210_000
    x = np.column_stack([np.ones(n), rng.normal(size=n)])
    arm = (rng.random(n) < 1 / (1 + np.exp(-x[:, 1]))).astype(int)
    counts = np.column_stack([1 - arm, arm]).astype(float)
    fit = fit_logit(x, counts)
    assert x.T @ (arm - fit.probability[:, 1]) / n == pytest.approx(np.zeros(2), abs=1e-10)


def test_an_unknown_model_is_refused_with_the_nearest() -> None:
    with pytest.raises(ModelError, match="did you mean logit"):
        propensity(drawn(1), ATE, model="logti")


def test_known_scores_are_those_of_the_compared_arm() -> None:
    rows = drawn(11)
    found = known_score(rows, Target(0, 1), np.full(rows.n, 0.3))
    assert found.probability[0].tolist() == [0.3, 0.7]
    assert (found.correction(np.ones((rows.n, 2)), rows.weight) == 0).all()


def test_boosted_trees_score_rows_that_they_haven_t_seen() -> None:
    pytest.importorskip("sklearn")
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(0)
    x = rng.normal(size=1500)
    true = 1 / (1 + np.exp(-(x**2) + 1))
    arm = (rng.random(1500) < true).astype(int)
    rows = Sample("X", ("0", "1"), arm, "Y", x, ("C",), x[:, None], ((),), np.ones(1500))
    # Threads of trees wait for one another by spinning, which takes minutes where other tests run beside them.
    with threadpool_limits(1):
        found = propensity(rows, ATE, model="boosting")
    assert found.information is None
    assert found.probability.sum(1) == pytest.approx(np.ones(1500))
    assert np.corrcoef(found.score, true)[0, 1] > 0.7
