"""Numbers that can't be had, or not with the precision that an interval would claim, say so."""

import warnings

import numpy as np
import pandas as pd
import pytest

import causalgraph as cg

METHODS = ("counts", "bootstrap", "bayesian bootstrap")


def strata(n=400, seed=0):
    """Return a covariate, a treatment and an outcome that nobody without treatment has."""
    rng = np.random.default_rng(seed)
    z = rng.integers(0, 3, n)
    x = (rng.random(n) < 0.3 + 0.2 * z).astype(int)
    return pd.DataFrame({"Z": z, "X": x, "Y": x * (rng.random(n) < 0.5)}).astype(int)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("question", ["rr(X, Y)", "odds_ratio(X, Y)", "1 / E(Y | do(X=0))"])
@pytest.mark.parametrize("seed", range(5))
def test_a_division_by_a_mean_of_zero_has_no_number(question, method, seed):
    found = cg.parse("Z -> X, Y; X -> Y").ask(question, data=strata(seed=seed), method=method)
    assert found.value is None
    assert found.naive is None


@pytest.mark.parametrize("method", ["counts", "bootstrap", "gaussian"])
def test_one_cluster_has_no_error(method):
    frame = strata().assign(g=1)
    with pytest.raises(cg.EstimationError, match="E515"):
        cg.parse("Z -> X, Y; X -> Y").ask("ate(X, Y)", data=frame, cluster="g", method=method)


@pytest.mark.parametrize("value", [0, 1, True, False])
def test_an_outcome_that_never_varies_is_no_crash(value):
    found = cg.parse("X -> Y").ask("E(Y | do(X=1))", data=strata().assign(Y=value))
    assert found.value == int(value)


@pytest.mark.parametrize("method", METHODS)
def test_a_share_of_zero_has_an_interval_of_some_width(method):
    found = cg.parse("Z -> X, Y; X -> Y").ask("E(Y | do(X=0))", data=strata(), method=method)
    assert found.value == 0
    assert found.interval[1] > 0.005


def test_whole_weights_that_stand_for_many_are_told():
    frame = strata(1000).assign(w=100)
    model = cg.parse("Z -> X, Y; X -> Y")
    told = [w for w in model.ask("ate(X, Y)", data=frame, weight="w").warnings if w.startswith("W503")]
    assert "1,000 rows stand for 100,000" in told[0]
    for said in ("counts", "survey"):
        found = model.ask("ate(X, Y)", data=frame, weight="w", weights_as=said)
        assert not any(w.startswith("W503") for w in found.warnings)


def test_a_bootstrap_over_few_clusters_says_so():
    frame = strata().assign(g=np.arange(400) % 8)
    found = cg.parse("Z -> X, Y; X -> Y").ask("ate(X, Y)", data=frame, cluster="g", method="bootstrap")
    assert any("8 clusters are few" in w for w in found.warnings)


def test_a_line_beyond_the_levels_that_occur_is_told():
    found = cg.parse("Z -> Y").ask("E(Y | do(Z=99))", data=strata(), method="gaussian")
    assert any(w.startswith("W509") for w in found.warnings)


def test_a_line_through_few_points_says_so():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(8, 2)), columns=["X", "Y"])
    assert any(w.startswith("W511") for w in cg.parse("X -> Y").ask("ate(X, Y)", data=frame).warnings)


def test_joint_intervals_are_never_narrower():
    found = cg.parse("Z -> X, Y; X -> Y").ask("E(Z | do(X))", data=strata())
    for row in found.rows:
        assert row.joint[0] <= row.interval[0]
        assert row.interval[1] <= row.joint[1]


@pytest.mark.parametrize(
    ("settings", "code"), [({"seed": -1}, "E219"), ({"seed": 1.5}, "E219"), ({"level": "0.9"}, "E216")]
)
def test_settings_that_make_no_sense_are_refused(settings, code):
    with pytest.raises(cg.ModelError, match=code):
        cg.parse("X -> Y").ask("ate(X, Y)", data=strata(), **settings)


def test_a_ratio_of_means_far_apart_is_no_crash():
    frame = pd.DataFrame({"X": [0] * 50 + [1] * 50, "Y": np.r_[np.full(50, 1e-9), np.full(50, 1.0)]})
    frame["Y"] += np.random.default_rng(0).normal(size=100) * 1e-3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cg.parse("X -> Y; Y : continuous").ask("rr(X, Y)", data=frame)
