from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from causalgraph.errors import EstimationError
from causalgraph.estimate.base import Target
from causalgraph.estimate.sample import Sample
from causalgraph.estimate.stratified import stratified
from causalgraph.estimate.trial import difference, lin
from oracles.trial import interacted, sandwich

TWO = Target(1, 0)


def sample(x, y, z=None, levels=None, **more):
    z = np.empty((len(y), 0)) if z is None else np.asarray(z, dtype=float).reshape(len(y), -1)
    return Sample(
        "X",
        tuple(str(i) for i in range(max(2, int(np.max(x)) + 1))),
        np.asarray(x, dtype=np.intp),
        "Y",
        np.asarray(y, dtype=float),
        tuple(f"Z{i}" for i in range(z.shape[1])),
        z,
        tuple(levels or () for _ in range(z.shape[1])),
        **{"weight": np.ones(len(y)), **more},
    )


def drawn(seed, n=60, q=2):
    rng = np.random.default_rng(seed)
    x = np.arange(n) % 3 == 0
    z = rng.normal(size=(n, q))
    y = z.sum(axis=1) + x * (1 + z[:, 0]) + rng.exponential(size=n) * (1 + x)
    return rng, x.astype(int), z, y


def test_the_articles_trial_gives_32_67():
    found = difference(sample([1, 0, 1, 0, 0, 1], [55, 20, 58, 10, 35, 50]), TWO)
    assert found.value == pytest.approx(98 / 3)
    assert any(w.startswith("W560") for w in found.warnings)


@pytest.mark.parametrize("seed", range(5))
def test_a_difference_has_welchs_error_and_degrees(seed):
    _, x, _, y = drawn(seed)
    found, theirs = difference(sample(x, y), TWO), stats.ttest_ind(y[x == 1], y[x == 0], equal_var=False)
    assert found.diagnostics["p_value"] == pytest.approx(theirs.pvalue, rel=1e-9)
    assert found.df == pytest.approx(theirs.df, rel=1e-9)
    assert found.value / found.error == pytest.approx(theirs.statistic, rel=1e-9)


def test_counts_are_so_many_rows():
    rng, x, z, y = drawn(1)
    times = rng.integers(1, 4, len(y))
    z = (z > 0).astype(float)
    for estimator, covariates in ((difference, None), (lin, z), (stratified, z)):
        once = sample(x, y, covariates, weight=times.astype(float), weighting="counts")
        rows = sample(x.repeat(times), y.repeat(times), None if covariates is None else z.repeat(times, axis=0))
        a, b = estimator(once, TWO), estimator(rows, TWO)
        assert (a.value, a.error, a.df) == pytest.approx((b.value, b.error, b.df), rel=1e-9)


@pytest.mark.parametrize("hc", ["HC0", "HC1", "HC2", "HC3"])
def test_lin_has_the_error_of_the_interacted_regression(hc):
    _, x, z, y = drawn(2)
    found = lin(sample(x, y, z), TWO, hc=hc, inference="sample")
    matrix = interacted(x, z, z.mean(axis=0))
    power = {"HC0": 0.0, "HC1": 0.0, "HC2": 0.5, "HC3": 1.0}[hc]
    value, error, _ = sandwich(matrix, y, np.eye(matrix.shape[1])[1], np.arange(len(y)), power)
    if hc == "HC1":
        error *= np.sqrt(len(y) / (len(y) - matrix.shape[1]))
    assert (found.value, found.error) == pytest.approx((value, error), rel=1e-9)


def test_survey_weights_are_those_of_least_squares_with_hc2():
    rng, x, z, y = drawn(3)
    w = rng.uniform(0.2, 3, len(y))
    root = np.sqrt(w)
    weighed = {"weight": w, "weighting": "survey"}
    plain = np.column_stack([np.ones(len(y)), x])
    value, error, _ = sandwich(plain * root[:, None], y * root, np.array([0, 1]), np.arange(len(y)))
    found = difference(sample(x, y, **weighed), TWO)
    assert (found.value, found.error) == pytest.approx((value, error), rel=1e-9)
    matrix = interacted(x, z, np.average(z, axis=0, weights=w))
    value, error, _ = sandwich(matrix * root[:, None], y * root, np.eye(6)[1], np.arange(len(y)))
    found = lin(sample(x, y, z, **weighed), TWO, inference="sample")
    assert (found.value, found.error) == pytest.approx((value, error), rel=1e-9)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_clusters_have_cr2_and_the_degrees_of_bell_and_mccaffrey(whole, seed):
    rng, x, z, y = drawn(seed)
    clusters = rng.integers(0, 12, len(y))
    if whole:
        x = (clusters % 3 == 0).astype(int)
    plain = np.column_stack([np.ones(len(y)), x])
    found = difference(sample(x, y, clusters=clusters), TWO)
    expected = sandwich(plain, y, np.array([0, 1]), clusters)
    assert (found.value, found.error, found.df) == pytest.approx(expected, rel=1e-7)
    found = lin(sample(x, y, z, clusters=clusters), TWO, inference="sample")
    matrix = interacted(x, z, z.mean(axis=0))
    expected = sandwich(matrix, y, np.eye(6)[1], clusters)
    assert (found.value, found.error, found.df) == pytest.approx(expected, rel=1e-7)


def test_strata_have_neymans_error_and_are_a_saturated_regression():
    rng, x, _, y = drawn(4, n=90)
    z = rng.integers(0, 3, len(y))
    found = stratified(sample(x, y, z), TWO, inference="sample")
    dummies = np.column_stack([z == 1, z == 2]).astype(float)
    other = lin(sample(x, y, dummies), TWO, inference="sample")
    assert (found.value, found.error) == pytest.approx((other.value, other.error), rel=1e-9)
    share = np.bincount(z) / len(z)
    parts = [y[(x == a) & (z == s)] for s in range(3) for a in (1, 0)]
    squares = [share[i // 2] ** 2 * p.var(ddof=1) / len(p) for i, p in enumerate(parts)]
    assert found.error == pytest.approx(np.sqrt(sum(squares)), rel=1e-9)
    clusters = rng.integers(0, 15, len(y))
    ours, theirs = (
        f(s, TWO, inference="sample")
        for f, s in ((stratified, sample(x, y, z, clusters=clusters)), (lin, sample(x, y, dummies, clusters=clusters)))
    )
    assert (ours.error, ours.df) == pytest.approx((theirs.error, theirs.df), rel=1e-7)


def test_pairs_have_the_error_of_the_paired_t_test():
    rng = np.random.default_rng(5)
    pair = np.arange(24) // 2
    x, y = np.arange(24) % 2, rng.normal(size=24) + pair
    found = stratified(sample(x, y, pair), TWO)
    theirs = stats.ttest_rel(y[x == 1], y[x == 0])
    assert found.df == 11
    assert found.value / found.error == pytest.approx(theirs.statistic, rel=1e-9)


def test_a_stratum_without_an_arm_is_named_with_its_mass_and_too_many_are_refused():
    x = [0, 1] * 10 + [1]
    z = [0, 0] * 5 + [1, 1] * 5 + [2]
    y = np.arange(21.0)
    found = stratified(sample(x, y, z, ("a", "b", "c")), TWO)
    assert any("Z0=c (4.8%) has no X=0" in w for w in found.warnings)
    with pytest.raises(EstimationError, match="E501"):
        stratified(sample([0, 1, 0, 1, 1, 1, 1, 1, 1], np.arange(9.0), [0, 0, 0, 0, 1, 1, 1, 1, 1]), TWO)


def test_rows_of_a_third_arm_belong_to_the_population():
    rng = np.random.default_rng(6)
    x, z = np.arange(300) % 3, rng.normal(size=300)
    y = x * z + z
    assert lin(sample(x, y, z), TWO).value == pytest.approx(z.mean())
    assert lin(sample(x, y, z), replace(TWO, population="att")).value == pytest.approx(z[x == 1].mean())


def test_what_the_data_cannot_carry_is_refused_or_warned_of():
    _, x, z, y = drawn(7)
    with pytest.raises(EstimationError, match="E573"):
        difference(sample(x, y, z), TWO)
    with pytest.raises(EstimationError, match="E573"):
        stratified(sample(x, y, z), TWO)
    with pytest.raises(EstimationError, match="E571"):
        lin(sample(x, y, z), TWO, hc="HC9")
    with pytest.raises(EstimationError, match="E572"):
        difference(sample(x, y, clusters=x), TWO)
    with pytest.raises(EstimationError, match=r"E574.*never varies"):
        lin(sample(x, y, x * z[:, 0]), TWO)
    with pytest.raises(EstimationError, match=r"E574.*rows"):
        lin(sample([0, 0, 1, 1, 1, 1, 1], np.arange(7.0), np.random.default_rng(0).normal(size=(7, 3))), TWO)
    twice = lin(sample(x, y, np.column_stack([z, z[:, 0] + z[:, 1], np.ones(len(y))])), TWO)
    once = lin(sample(x, y, z), TWO)
    assert (twice.value, twice.error) == pytest.approx((once.value, once.error), rel=1e-7)
    assert sum("left out" in n for n in twice.notes) == 2
    assert any(w.startswith("W562") for w in difference(sample(x, x * y), TWO).warnings)


def test_large_outcomes_lose_no_digits():
    _, x, z, y = drawn(8)
    for estimator, covariates in ((difference, None), (lin, z), (stratified, (z > 0)[:, :1])):
        a, b = (estimator(sample(x, y + c, covariates), TWO) for c in (0.0, 1e9))
        assert (a.value, a.error) == pytest.approx((b.value, b.error), rel=1e-5)


@pytest.mark.parametrize("name", ["difference", "lin", "stratified"])
def test_intervals_cover_the_populations_effect(name):
    rng, hits, runs = np.random.default_rng(9), 0, 300
    for _ in range(runs):
        n = 80
        x, z = rng.permutation(np.arange(n) % 2), rng.integers(0, 3, n)
        y = z + x * z + rng.normal(size=n)
        estimator = {"difference": difference, "lin": lin, "stratified": stratified}[name]
        found = estimator(sample(x, y, None if name == "difference" else z), TWO)
        hits += abs(found.value - 1) <= stats.t.ppf(0.975, found.df) * found.error
    assert abs(hits / runs - 0.95) < 3.5 * np.sqrt(0.95 * 0.05 / runs)
