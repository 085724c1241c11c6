"""Outcome regression: what it equals where it equals something known."""

import numpy as np
import pytest

from causalgraph.errors import EstimationError
from causalgraph.estimate.base import Target, error_of
from causalgraph.estimate.doubly import aipw
from causalgraph.estimate.regression import regression
from causalgraph.estimate.sample import Sample
from oracles.doubly import expit


def strata(n, seed, *, binary=True):
    draw = np.random.default_rng(seed)
    x = draw.integers(0, 3, n).astype(float)
    t = (draw.random(n) < np.array([0.3, 0.5, 0.7])[x.astype(int)]).astype(np.intp)
    index = 0.4 * x + t * (1 - x)
    y = (draw.random(n) < expit(index)).astype(float) if binary else index + draw.normal(size=n)
    return Sample("X", ("0", "1"), t, "Y", y, ("R",), x[:, None], (("a", "b", "c"),), np.ones(n))


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("population", ["ate", "att", "atc"])
def test_a_saturated_model_is_the_back_door_formula(binary, population):
    sample = strata(900, 0, binary=binary)
    inside = {"ate": sample.arm >= 0, "att": sample.arm == 1, "atc": sample.arm == 0}[population]
    truth = 0.0
    for level in range(3):
        here = sample.values[:, 0] == level
        gap = sample.y[here & (sample.arm == 1)].mean() - sample.y[here & (sample.arm == 0)].mean()
        truth += gap * here[inside].mean()
    assert regression(sample, Target(1, 0, population)).value == pytest.approx(truth)
    # With both models saturated the doubly robust estimate and its influence function are the same too.
    plain, robust = (f(sample, Target(1, 0, population), errors="sandwich") for f in (regression, aipw))
    assert robust.value == pytest.approx(truth)
    assert robust.influence == pytest.approx(plain.influence, abs=1e-6)


def test_exchanging_arms_changes_the_sign_alone():
    sample = strata(500, 1)
    there, back = regression(sample, Target(1, 0)), regression(sample, Target(0, 1))
    assert back.value == pytest.approx(-there.value)
    assert regression(sample, Target(0, 1, "att")).value == pytest.approx(
        -regression(sample, Target(1, 0, "atc")).value
    )


def test_without_products_the_effect_is_the_coefficient():
    sample = strata(500, 2, binary=False)
    z = np.column_stack([np.ones(500), sample.values == 1, sample.values == 2, sample.arm])
    beta = np.linalg.lstsq(z, sample.y, rcond=None)[0]
    for population in ("ate", "att", "atc"):
        found = regression(sample, Target(1, 0, population), interactions=False)
        assert found.value == pytest.approx(beta[-1])


def test_a_treatment_that_covariates_tell_is_refused():
    sample = strata(300, 3, binary=False)
    told = Sample(
        "X", ("0", "1"), (sample.values[:, 0] == 2).astype(np.intp), "Y", sample.y, *(("R",), sample.values),
        sample.levels, sample.weight,
    )  # fmt: skip
    with pytest.raises(EstimationError) as refused:
        regression(told, Target(1, 0), interactions=False)
    assert refused.value.code == "E586"


def test_intervals_cover():
    covered = []
    for seed in range(300):
        sample = strata(400, seed)
        found = regression(sample, Target(1, 0))
        truth = np.mean([expit(0.4 * r + 1 - r) - expit(0.4 * r) for r in range(3)])
        covered.append(abs(found.value - truth) < 1.96 * error_of(found.influence, sample))
    assert 0.91 < np.mean(covered) < 0.985


def test_a_cell_without_both_outcomes_is_refused_by_the_logit_and_not_by_a_line():
    sample = strata(300, 4)
    certain = Sample(
        "X", ("0", "1"), sample.arm, "Y", np.where(sample.values[:, 0] == 0, 1.0, sample.y), ("R",), sample.values,
        sample.levels, sample.weight,
    )  # fmt: skip
    with pytest.raises(EstimationError) as refused:
        regression(certain, Target(1, 0))
    assert refused.value.code == "E586"
    assert np.isfinite(regression(certain, Target(1, 0), model="linear").value)
