"""TMLE: residuals that vanish, means within the outcome's range."""

import numpy as np
import pytest

from causalgraph.errors import EstimationError
from causalgraph.estimate.base import Target, error_of
from causalgraph.estimate.doubly import aipw
from causalgraph.estimate.sample import Sample
from causalgraph.estimate.tmle import tmle


def rows(n, seed=0, *, pull=0.5):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(n, 2))
    t = (draw.random(n) < 1 / (1 + np.exp(-pull * x[:, 0] - 0.3))).astype(np.intp)
    y = draw.beta(2, 1 + np.exp(-0.5 * x[:, 0] - 0.5 * t)) * 8 - 3
    return Sample("X", ("0", "1"), t, "Y", y, ("A", "B"), x, ((), ()), np.ones(n))


@pytest.mark.parametrize("population", ["ate", "att", "atc"])
def test_it_is_near_aipw_where_scores_are_moderate(population):
    sample = rows(2000)
    first, second = tmle(sample, Target(1, 0, population)), aipw(sample, Target(1, 0, population))
    error = error_of(second.influence, sample)
    assert abs(first.value - second.value) < 0.1 * error
    assert error_of(first.influence, sample) == pytest.approx(error, rel=0.02)


def test_the_estimate_stays_within_the_range_of_the_outcome():
    for seed in range(20):
        sample = rows(60, seed, pull=2.5)
        found = tmle(sample, Target(1, 0), clip=0.001)
        low, high = found.diagnostics["range"]
        assert abs(found.value) < high - low


def test_a_change_of_units_changes_the_value_alike():
    sample = rows(500, 3)
    there = tmle(sample, Target(1, 0))
    other = Sample(
        "X", ("0", "1"), sample.arm, "Y", 100 - 7 * sample.y, ("A", "B"), sample.values, ((), ()), sample.weight
    )
    back = tmle(other, Target(1, 0))
    assert back.value == pytest.approx(-7 * there.value)
    assert back.influence == pytest.approx(-7 * there.influence, abs=1e-6)


def test_equal_outcomes_are_refused():
    sample = rows(100)
    flat = Sample("X", ("0", "1"), sample.arm, "Y", np.ones(100), ("A", "B"), sample.values, ((), ()), sample.weight)
    with pytest.raises(EstimationError) as refused:
        tmle(flat, Target(1, 0))
    assert refused.value.code == "E586"
    split = np.where(sample.arm == 1, 1.0, sample.y / 10)
    ended = Sample("X", ("0", "1"), sample.arm, "Y", split, ("A", "B"), sample.values, ((), ()), sample.weight)
    with pytest.raises(EstimationError) as refused:
        tmle(ended, Target(1, 0))
    assert refused.value.code == "E586"
