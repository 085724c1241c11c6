"""AIPW against its estimating equations written out, under one wrong model, and on data that can't carry it."""

from dataclasses import replace

import numpy as np
import pytest

from causalgraph.errors import EstimationError
from causalgraph.estimate.base import Target, error_of
from causalgraph.estimate.crossfit import Options, nuisances
from causalgraph.estimate.doubly import aipw, doubly
from causalgraph.estimate.regression import regression
from causalgraph.estimate.sample import Sample, design
from causalgraph.estimate.tmle import targeted, tmle
from oracles import doubly as oracle
from strategies import scaled

SANDWICH = {"errors": "sandwich"}
POPULATIONS = ["ate", "att", "atc"]
ESTIMATORS = {"regression": regression, "aipw": aipw, "tmle": tmle}


def rows(n, seed=0, *, binary=False, discrete=False, weighting="rows", clustered=False):
    """A confounded comparison with a nonlinear outcome, so that its linear model is wrong."""
    draw = np.random.default_rng(seed)
    levels = ((), (), ("a", "b", "c"))
    x = np.column_stack([draw.normal(size=n), draw.exponential(size=n), draw.integers(0, 3, n)])
    if discrete:
        x[:, 0], x[:, 1] = x[:, 0] > 0, np.minimum(np.floor(x[:, 1]), 2)
        levels = (("0", "1"), ("0", "1", "2"), ("a", "b", "c"))
    t = draw.random(n) < oracle.expit(0.6 * x[:, 0] - 0.4 * x[:, 1] + 0.3 * (x[:, 2] == 1))
    index = 0.5 * x[:, 0] + 0.3 * x[:, 1] * x[:, 0] + 0.8 * t - 0.4 * (x[:, 2] == 2) * t
    y = (draw.random(n) < oracle.expit(index)) if binary else 3 + 2 * index + draw.normal(size=n)
    weight = np.ones(n)
    if weighting == "counts":
        weight = draw.integers(1, 5, n).astype(float)
    if weighting == "survey":
        weight = draw.random(n) + 0.2
    return Sample(
        "X",
        ("0", "1"),
        t.astype(np.intp),
        "Y",
        y.astype(float),
        ("A", "B", "C"),
        x,
        levels,
        weight,
        weighting,
        np.arange(n) // 8 if clustered else None,
    )


def asked_of_oracle(name, sample, population, **options):
    z = np.column_stack([np.ones(sample.n), design(sample).matrix])
    truth = getattr(oracle, name)
    return truth(
        z,
        sample.arm.astype(float),
        sample.y,
        sample.weight,
        population,
        counts=sample.weighting == "counts",
        clusters=sample.clusters,
        **options,
    )


@pytest.mark.parametrize("population", POPULATIONS)
@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("discrete", [False, True])
def test_value_and_error_solve_the_stacked_equations(name, population, binary, discrete):
    sample = rows(400, 1, binary=binary, discrete=discrete)
    found = ESTIMATORS[name](sample, Target(1, 0, population), **SANDWICH)
    value, error = asked_of_oracle(name, sample, population, binary=binary)
    assert found.value == pytest.approx(value, abs=1e-7)
    assert error_of(found.influence, sample) == pytest.approx(error, rel=1e-6)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize(
    "kind", [{"weighting": "counts"}, {"weighting": "survey"}, {"clustered": True}, {"clustered": True, "binary": True}]
)
def test_weights_and_clusters_enter_the_equations(name, kind):
    sample = rows(400, 2, **kind)
    found = ESTIMATORS[name](sample, Target(1, 0), **SANDWICH)
    value, error = asked_of_oracle(name, sample, "ate", binary=kind.get("binary", False))
    assert found.value == pytest.approx(value, abs=1e-7)
    assert error_of(found.influence, sample) == pytest.approx(error, rel=1e-6)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_counts_are_rows_written_out(name):
    sample = rows(200, 3, weighting="counts", discrete=True)
    times = sample.weight.astype(int)
    each = np.repeat(np.arange(sample.n), times)
    spelled = replace(
        sample,
        arm=sample.arm[each],
        y=sample.y[each],
        values=sample.values[each],
        weight=np.ones(len(each)),
        weighting="rows",
    )
    few, many = (ESTIMATORS[name](s, Target(1, 0, "att")) for s in (sample, spelled))
    assert few.value == pytest.approx(many.value, abs=1e-9)
    assert error_of(few.influence, sample) == pytest.approx(error_of(many.influence, spelled), rel=1e-9)
    assert few.diagnostics["largest influence"] == pytest.approx(many.diagnostics["largest influence"])


@pytest.mark.parametrize("population", POPULATIONS)
@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("kind", [{}, {"discrete": True}, {"binary": True}, {"weighting": "survey"}])
def test_the_default_error_is_that_of_leaving_rows_out_one_by_one(name, population, kind):
    """One step of Newton's method stands for the fit to the others: exact for least squares, near it for a logit."""
    sample = rows(scaled(150, 300), 21, **kind)
    found = ESTIMATORS[name](sample, Target(1, 0, population))
    each = np.arange(sample.n)
    left = np.array([ESTIMATORS[name](sample.keep(each != i), Target(1, 0, population)).value for i in each])
    total = sample.weight.sum()
    influence = (found.value - left) * total / sample.weight
    influence -= np.average(influence, weights=sample.weight)
    assert np.corrcoef(influence, found.influence)[0, 1] > 0.99
    close = 0.005 if name == "regression" else 0.1
    assert error_of(found.influence, sample) == pytest.approx(error_of(influence, sample), rel=close)


def test_the_error_of_an_additive_linear_regression_is_hc3():
    sample = rows(150, 22)
    found = regression(sample, Target(1, 0), interactions=False)
    z = np.column_stack([np.ones(150), design(sample).matrix, sample.arm])
    inverse = np.linalg.inv(z.T @ z)
    beta = inverse @ z.T @ sample.y
    scores = z @ inverse[-1] * (sample.y - z @ beta) / (1 - np.einsum("ij,jk,ik->i", z, inverse, z))
    assert found.value == pytest.approx(beta[-1])
    assert error_of(found.influence, sample) == pytest.approx(np.sqrt(((scores - scores.mean()) ** 2).sum()))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_influence_function_has_mean_zero(name):
    sample = rows(300, 4, weighting="survey", binary=True)
    for population in POPULATIONS:
        found = ESTIMATORS[name](sample, Target(1, 0, population))
        assert abs(np.average(found.influence, weights=sample.weight)) < 1e-9


def test_discrete_covariates_give_the_same_on_rows_and_on_cells():
    cells = rows(500, 5, discrete=True)
    encoded = design(cells)
    dummies = replace(cells, covariates=encoded.names, values=encoded.matrix, levels=tuple(() for _ in encoded.names))
    for estimator in ESTIMATORS.values():
        for population in POPULATIONS:
            few, many = (estimator(s, Target(1, 0, population)) for s in (cells, dummies))
            assert few.value == pytest.approx(many.value, abs=1e-9)
            assert few.influence == pytest.approx(many.influence, abs=1e-7)


def kang_schafer(n, seed):
    """The published design; the truth is 0, since outcomes don't depend on the treatment."""
    draw = np.random.default_rng(seed)
    z = draw.normal(size=(n, 4))
    y = 210 + z @ [27.4, 13.7, 13.7, 13.7] + draw.normal(size=n)
    t = draw.random(n) < oracle.expit(z @ [-1, 0.5, -0.25, -0.1])
    x = np.column_stack(
        [
            np.exp(z[:, 0] / 2),
            z[:, 1] / (1 + np.exp(z[:, 0])) + 10,
            (z[:, 0] * z[:, 2] / 25 + 0.6) ** 3,
            (z[:, 1] + z[:, 3] + 20) ** 2,
        ]
    )
    return z, x, t.astype(np.intp), y


def sample_of(x, t, y):
    names = tuple(f"V{j}" for j in range(x.shape[1]))
    return Sample("X", ("0", "1"), t, "Y", y, names, x, tuple(() for _ in names), np.ones(len(y)))


@pytest.mark.parametrize("estimator", [doubly, targeted])
@pytest.mark.parametrize("wrong", ["neither", "outcome", "scores"])
def test_one_wrong_model_leaves_interval_and_error_right(estimator, wrong):
    """The errors know of the wrong model: their mean is the spread of the estimates."""
    values, errors = [], []
    for seed in range(scaled(120, 500)):
        z, x, t, y = kang_schafer(500, seed)
        # The outcome is everyone's, so both arms have one model; a wrong one sees the transformed covariates.
        found = nuisances(sample_of(z, t, y), Target(1, 0), Options(), 0)
        other = nuisances(sample_of(x, t, y), Target(1, 0), Options(), 0)
        mixed = replace(
            found,
            outcome=(other if wrong == "outcome" else found).outcome,
            scores=(other if wrong == "scores" else found).scores,
        )
        result = estimator(sample_of(z, t, y), Target(1, 0), mixed)
        values.append(result.value)
        errors.append(error_of(result.influence, sample_of(z, t, y)))
    values, errors = np.array(values), np.array(errors)
    covered = np.mean(np.abs(values) < 1.96 * errors)
    assert covered > 0.95 - 4 * np.sqrt(0.05 * 0.95 / len(values)) - 0.01
    assert abs(np.median(errors) / (np.percentile(values, 84) - np.percentile(values, 16)) * 2 - 1) < 0.25


def three_arms(n, seed=0):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(n, 2))
    pull = np.exp(np.column_stack([np.zeros(n), 0.5 * x[:, 0], -0.4 * x[:, 1]]))
    shares = np.cumsum(pull / pull.sum(axis=1, keepdims=True), axis=1)
    arm = (draw.random(n)[:, None] > shares).sum(axis=1)
    y = x @ [1.0, -1] + np.array([0, 1.0, 3.0])[arm] + draw.normal(size=n)
    return Sample("X", ("a", "b", "c"), arm.astype(np.intp), "Y", y, ("A", "B"), x, ((), ()), np.ones(n))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_of_three_arms_everyone_is_the_population(name):
    sample = three_arms(20_000)
    for level, truth in ((1, 1.0), (2, 3.0)):
        found = ESTIMATORS[name](sample, Target(level, 0))
        assert abs(found.value - truth) < 4 * error_of(found.influence, sample)
        assert len(found.influence) == sample.n


def test_clipped_scores_are_told():
    sample = rows(500, 6)
    found = aipw(sample, Target(1, 0), clip=0.3)
    assert found.diagnostics["scores"]["clipped"] > 0.1
    assert any(w.startswith("W530") for w in found.warnings)


def test_a_known_score_adds_nothing_to_the_error():
    sample = rows(2000, 7)
    known = np.full(sample.n, 0.5)
    found = aipw(sample, Target(1, 0), propensity=known)
    assert found.diagnostics["scores"]["quantiles"]["1"]["0.5"] == 0.5
    one = aipw(sample, Target(1, 0), propensity=known, cross_fit=0)
    assert one.value == found.value


def test_without_covariates_all_are_the_difference_of_means():
    sample = rows(300, 8)
    bare = replace(sample, covariates=(), values=np.empty((300, 0)), levels=())
    plain = sample.y[sample.arm == 1].mean() - sample.y[sample.arm == 0].mean()
    for estimator in ESTIMATORS.values():
        assert estimator(bare, Target(1, 0)).value == pytest.approx(plain)


def test_a_constant_and_a_collinear_covariate_are_left_out_by_name():
    sample = rows(300, 9)
    more = replace(
        sample,
        covariates=("A", "B", "C", "K", "D"),
        values=np.column_stack([sample.values, np.full(300, 7.0), sample.values[:, 0] * 2 - sample.values[:, 1]]),
        levels=(*sample.levels, (), ()),
    )
    for estimator in ESTIMATORS.values():
        found, plain = estimator(more, Target(1, 0)), estimator(sample, Target(1, 0))
        assert found.value == pytest.approx(plain.value)
        assert found.diagnostics["left out"] == ["K", "D"]
        assert any("K" in note and "left out" in note for note in found.notes)


def test_separation_is_refused():
    sample = rows(300, 10)
    apart = replace(sample, arm=(sample.values[:, 0] > 0).astype(np.intp))
    with pytest.raises(EstimationError) as refused:
        aipw(apart, Target(1, 0))
    assert refused.value.code == "E535"
    told = replace(rows(300, 10, binary=True), y=(sample.values[:, 0] > 0).astype(float))
    for estimator in ESTIMATORS.values():
        with pytest.raises(EstimationError) as refused:
            estimator(told, Target(1, 0))
        assert refused.value.code == "E586"


def test_too_few_rows_for_the_columns_are_refused():
    sample = rows(8, 11)
    for estimator in ESTIMATORS.values():
        with pytest.raises(EstimationError) as refused:
            estimator(sample, Target(1, 0))
        assert refused.value.code in {"E587", "E535"}


def test_a_level_that_an_arm_lacks_is_told():
    sample = rows(400, 12, discrete=True)
    lacking = replace(sample, arm=np.where(sample.values[:, 2] == 2, 0, sample.arm))
    found = regression(lacking, Target(1, 0))
    assert {w[:4] for w in found.warnings} == {"W531", "W532"}
    assert found.diagnostics["outside"]["1"] == pytest.approx(np.mean(sample.values[:, 2] == 2))
    with pytest.raises(EstimationError) as refused:
        aipw(lacking, Target(1, 0))
    assert refused.value.code == "E535"


def test_one_row_that_carries_the_estimate_is_told():
    sample = rows(300, 13)
    far = replace(sample, y=np.where(np.arange(300) == 5, 1e4, sample.y))
    assert any(w.startswith("W533") for w in aipw(far, Target(1, 0)).warnings)


def test_large_and_small_units_change_nothing():
    sample = rows(400, 14)
    moved = replace(sample, y=sample.y * 1e-9, values=sample.values * [1e6, 1e-6, 1] + [1e8, 0, 0])
    for estimator in ESTIMATORS.values():
        plain, scaled_down = (estimator(s, Target(1, 0)) for s in (sample, moved))
        assert scaled_down.value * 1e9 == pytest.approx(plain.value, rel=1e-6)
        assert scaled_down.influence * 1e9 == pytest.approx(plain.influence, rel=1e-4, abs=1e-5)
