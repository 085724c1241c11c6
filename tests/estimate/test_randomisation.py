from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from causalgraph.errors import EstimationError
from causalgraph.estimate.randomisation import randomisation_test
from causalgraph.estimate.sample import Sample


def sample(x, y, **more):
    more = {"weight": np.ones(len(y)), **more}
    return Sample(
        "X", ("0", "1"), np.asarray(x, dtype=np.intp), "Y", np.asarray(y, float), (), np.empty((len(y), 0)), (), **more
    )


def apart(y, x):
    return y[x == 1].mean() - y[x == 0].mean()


@pytest.mark.parametrize("seed", range(5))
def test_all_assignments_give_scipys_p(seed):
    rng = np.random.default_rng(seed)
    y, x = rng.normal(size=10).round(1), np.repeat([0, 1], [4, 6])
    theirs = stats.permutation_test(
        (y[x == 1], y[x == 0]), lambda a, b: abs(a.mean() - b.mean()), n_resamples=np.inf, alternative="greater"
    )
    found = randomisation_test(sample(x, y), x)
    assert found.exact
    assert found.assignments == 210
    assert found.p_value == pytest.approx(theirs.pvalue)


def test_strata_and_clusters_are_what_is_assigned():
    rng = np.random.default_rng(1)
    y, stratum = rng.normal(size=12), np.repeat([0, 1, 2], 4)
    x = np.tile([0, 0, 1, 1], 3)
    found = randomisation_test(sample(x, y), x, strata=stratum.astype(float))
    assert found.assignments == 6**3
    picks = [np.isin(np.arange(4), c).astype(int) for c in combinations(range(4), 2)]
    others = [apart(y, np.concatenate([a, b, c])) for a in picks for b in picks for c in picks]
    assert found.p_value == pytest.approx(np.mean(np.abs(others) >= abs(apart(y, x)) - 1e-12))
    x = (stratum == 1).astype(int)
    found = randomisation_test(sample(x, y, clusters=stratum), x)
    assert (found.unit, found.assignments) == ("clusters", 3)
    with pytest.raises(EstimationError, match="E575"):
        randomisation_test(sample(x, y), x, strata=stratum.astype(float))


def test_the_interval_holds_the_effects_that_the_test_does_not_reject():
    rng = np.random.default_rng(2)
    x = np.repeat([0, 1], 5)
    y = rng.normal(size=10) + x
    low, high = randomisation_test(sample(x, y), x, level=0.9).interval
    for effect, kept in ((low + 1e-6, True), (low - 1e-6, False), (high - 1e-6, True), (high + 1e-6, False)):
        assert (randomisation_test(sample(x, y - effect * x), x).p_value > 0.1) == kept


def test_draws_are_seeded_and_never_give_a_p_of_nothing():
    rng = np.random.default_rng(3)
    x = np.repeat([0, 1], 30)
    y = rng.normal(size=60) + 5 * x
    one, same = (randomisation_test(sample(x, y), x, permutations=199, seed=4) for _ in range(2))
    assert one == same
    assert not one.exact
    assert one.p_value == 1 / 200


def test_p_values_of_no_effect_are_uniform_enough():
    rng = np.random.default_rng(5)
    x = np.repeat([0, 1], 15)
    p = [
        randomisation_test(sample(x, rng.exponential(size=30)), x, permutations=99, seed=i).p_value for i in range(400)
    ]
    assert abs(np.mean(np.array(p) <= 0.05) - 0.05) < 3 * np.sqrt(0.05 * 0.95 / 400)


def test_counts_are_rows_and_nonsense_is_refused():
    x = np.array([0, 1])
    y = np.array([0.0, 1.0])
    counted = randomisation_test(sample(x, y, weight=np.array([3.0, 3.0]), weighting="counts"), x)
    assert (counted.assignments, counted.p_value) == (20, pytest.approx(0.1))
    with pytest.raises(EstimationError, match="E575"):
        randomisation_test(sample(x, y), x, permutations=-1)
