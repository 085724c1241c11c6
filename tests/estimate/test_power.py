from __future__ import annotations

import numpy as np
import pytest

from causalgraph.errors import EstimationError
from causalgraph.estimate.power import sample_size


@pytest.mark.parametrize(("effect", "arm"), [(0.2, 393.405693), (0.5, 63.765611), (0.8, 25.524572)])
def test_cohens_sizes(effect, arm):
    assert sample_size(effect).arms == pytest.approx((arm, arm), abs=1e-5)


@pytest.mark.parametrize("more", [{}, {"sd": 3.0, "share": 0.3}, {"baseline": 0.2}, {"cluster_size": 10, "icc": 0.02}])
def test_size_effect_and_power_follow_from_each_other(more):
    n = sample_size(0.2, power=0.9, **more).n
    assert sample_size(0.2, n=n, **more).power == pytest.approx(0.9)
    assert sample_size(n=n, power=0.9, **more).effect == pytest.approx(0.2)


def test_power_is_how_often_simulated_trials_find_the_effect():
    rng = np.random.default_rng(0)
    m, clusters, icc = 5, 16, 0.2
    plan = sample_size(0.8, n=m * clusters, cluster_size=m, icc=icc)
    arm = np.arange(clusters) % 2
    means = 0.8 * arm + rng.normal(size=(4000, clusters)) * np.sqrt(icc + (1 - icc) / m)
    from scipy import stats

    found = stats.ttest_ind(means[:, arm == 1], means[:, arm == 0], axis=1).pvalue < 0.05
    assert abs(found.mean() - plan.power) < 3 * np.sqrt(0.25 / 4000)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"effect": 0.0},
        {"effect": 0.5, "n": 10, "power": 0.8},
        {"effect": 0.5, "sd": -1},
        {"effect": 0.5, "share": 1},
        {"effect": 0.5, "power": 0.01},
        {"n": 2},
        {"effect": 0.5, "baseline": 0.6},
        {"effect": 0.5, "icc": 0.1},
        {"effect": float("nan")},
        {"effect": 0.5, "cluster_size": 0},
        {"effect": 0.5, "icc": 2, "cluster_size": 3},
    ],
)
def test_nonsense_is_refused(asked):
    with pytest.raises(EstimationError, match="E576"):
        sample_size(**asked)


def test_the_answer_tells_itself():
    plan = sample_size(0.3, cluster_size=20, icc=0.05)
    assert "clusters of 20" in str(plan)
    assert sum(plan.rounded) % 20 == 0
    assert plan.to_dict()["kind"] == "trial_size"
