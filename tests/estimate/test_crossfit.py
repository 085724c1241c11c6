"""Cross-fitting: folds, learners, and the numbers of peers on the same rows and folds."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from threadpoolctl import threadpool_limits

from causalgraph.errors import EstimationError
from causalgraph.estimate.base import Target, error_of
from causalgraph.estimate.crossfit import Options, folds_of
from causalgraph.estimate.doubly import aipw
from causalgraph.estimate.learners import make
from causalgraph.estimate.regression import regression
from causalgraph.estimate.sample import Sample
from causalgraph.estimate.tmle import tmle

FACTS = json.loads((Path(__file__).parents[1] / "cases" / "doubly.json").read_text(encoding="utf-8"))
METHODS = {"regression": regression, "aipw": aipw, "tmle": tmle}


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


def rows(seed, n, *, binary):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(n, 3))
    e = 1 / (1 + np.exp(-(0.5 * x[:, 0] - 0.4 * x[:, 1])))
    t = (draw.random(n) < e).astype(np.intp)
    index = 0.6 * x[:, 0] + 0.3 * x[:, 2] + 0.8 * t + 0.3 * t * x[:, 1]
    y = (draw.random(n) < 1 / (1 + np.exp(-index))).astype(float) if binary else 2 * index + draw.normal(size=n)
    return Sample("X", ("0", "1"), t, "Y", y, ("A", "B", "C"), x, ((), (), ()), np.ones(n))


def three_arms(n, seed=0):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(n, 2))
    pull = np.exp(np.column_stack([np.zeros(n), 0.5 * x[:, 0], -0.4 * x[:, 1]]))
    shares = np.cumsum(pull / pull.sum(axis=1, keepdims=True), axis=1)
    arm = (draw.random(n)[:, None] > shares).sum(axis=1)
    y = x @ [1.0, -1] + np.array([0, 1.0, 3.0])[arm] + draw.normal(size=n)
    return Sample("X", ("a", "b", "c"), arm.astype(np.intp), "Y", y, ("A", "B"), x, ((), ()), np.ones(n))


@pytest.mark.parametrize("case", FACTS["cases"], ids=lambda c: f"{c['peer']} {c['population']} {c['binary']}")
def test_peers_give_the_same_value_and_error(case):
    n = FACTS["rows"]
    sample = rows(FACTS["seed"], n, binary=case["binary"])
    options = dict(case["options"])
    if "folds" in options:
        options["folds"] = (np.arange(n) % options["folds"]).astype(float)
    found = METHODS[case["method"]](sample, Target(1, 0, case["population"]), **options)
    error = error_of(found.influence, sample) * (np.sqrt(n / (n - 1)) if "divisor" in case else 1)
    assert found.value == pytest.approx(case["value"], abs=1e-7)
    assert error == pytest.approx(case["error"], rel=1e-6)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("population", ["ate", "att", "atc"])
def test_the_linear_learner_is_that_of_scikit_learn(binary, population):
    sample = rows(3, 400, binary=binary)
    logit = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    outcome = logit if binary else LinearRegression()
    for estimator in (aipw, tmle):
        ours = estimator(sample, Target(1, 0, population), cross_fit=4, seed=1)
        theirs = estimator(sample, Target(1, 0, population), cross_fit=4, seed=1, learner=outcome, score_learner=logit)
        assert ours.value == pytest.approx(theirs.value, abs=1e-5)
        assert ours.influence == pytest.approx(theirs.influence, abs=1e-3)


@pytest.mark.parametrize("estimator", [aipw, tmle])
def test_a_flexible_learner_finds_what_a_line_misses(estimator):
    draw = np.random.default_rng(5)
    x = draw.uniform(-2, 2, size=(800, 2))
    t = (draw.random(800) < 1 / (1 + np.exp(1.5 - x[:, 0] ** 2))).astype(np.intp)
    y = 3 * x[:, 0] ** 2 + t + draw.normal(size=800)
    sample = Sample("X", ("0", "1"), t, "Y", y, ("A", "B"), x, ((), ()), np.ones(800))
    straight = estimator(sample, Target(1, 0))
    found = estimator(sample, Target(1, 0), learner="boosting", cross_fit=3)
    assert abs(straight.value - 1) > 10 * error_of(straight.influence, sample)
    assert abs(found.value - 1) < 4 * error_of(found.influence, sample)
    assert found.diagnostics["outcome fit"]["1"]["R2"] > 0.8
    squares = estimator(sample, Target(1, 0), squares=("A",))
    assert abs(squares.value - 1) < 4 * error_of(squares.influence, sample)


def test_any_object_with_fit_will_do_and_stays_unfitted():
    sample = rows(6, 300, binary=True)
    own = GradientBoostingClassifier(n_estimators=10, random_state=0)
    found = aipw(sample, Target(1, 0), learner=own, score_learner=own, cross_fit=3)
    assert not hasattr(own, "classes_")
    again = aipw(sample, Target(1, 0), learner=own, score_learner=own, cross_fit=3)
    assert found.value == again.value
    assert "log loss" in found.diagnostics["outcome fit"]["0"]


def test_seeds_repeat_and_other_seeds_differ():
    sample = rows(7, 300, binary=False)
    one, same, other = (aipw(sample, Target(1, 0), cross_fit=5, seed=s) for s in (1, 1, 2))
    assert one.value == same.value != other.value


def test_folds_share_out_the_arms_and_keep_clusters_whole():
    sample = rows(8, 203, binary=False)
    fold = folds_of(sample, Options(cross_fit=4), 0)
    for a in (0, 1):
        there = np.bincount(fold[sample.arm == a], minlength=4)
        assert there.max() - there.min() <= 1
    clustered = replace(sample, clusters=np.arange(203) // 7)
    fold = folds_of(clustered, Options(cross_fit=4), 0)
    assert all(len(set(fold[clustered.clusters == c])) == 1 for c in range(29))


def test_three_arms_out_of_fold():
    sample = three_arms(1500, 1)
    forest = {"learner": GradientBoostingRegressor(n_estimators=30), "score_learner": "forest"}
    for estimator, options in ((aipw, {}), (tmle, {}), (aipw, {"learner": "boosting"}), (tmle, forest)):
        found = estimator(sample, Target(2, 0), cross_fit=2, **options)
        assert abs(found.value - 3.0) < 4 * error_of(found.influence, sample)


def test_weights_reach_the_learner_or_are_refused():
    class Deaf:
        def fit(self, _, y):
            self.mean = y.mean()

        def predict(self, x):
            return np.full(len(x), self.mean)

    sample = rows(9, 200, binary=False)
    aipw(sample, Target(1, 0), learner=Deaf(), cross_fit=2)
    weighed = replace(sample, weight=np.random.default_rng(0).random(200) + 0.5, weighting="survey")
    aipw(weighed, Target(1, 0), learner=LinearRegression(), cross_fit=2)
    with pytest.raises(EstimationError) as refused:
        aipw(weighed, Target(1, 0), learner=Deaf(), cross_fit=2)
    assert refused.value.code == "E589"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"cross_fit": 1}, "E585"),
        ({"cross_fit": -2}, "E585"),
        ({"cross_fit": 0, "learner": "forest"}, "E585"),
        ({"cross_fit": 5, "interactions": False}, "E585"),
        ({"clip": 0.7}, "E585"),
        ({"cross_fit": 5000}, "E585"),
        ({"squares": ("D",)}, "E585"),
        ({"model": "probit"}, "E585"),
        ({"model": "logistic"}, "E585"),
        ({"errors": "bootstrap"}, "E585"),
        ({"learner": "forrest"}, "E589"),
        ({"learner": 3}, "E589"),
    ],
)
def test_options_that_do_not_fit_are_refused_with_a_remedy(options, code):
    sample = rows(10, 200, binary=False)
    for estimator in (aipw, tmle):
        with pytest.raises(EstimationError) as refused:
            estimator(sample, Target(1, 0), **options)
        assert refused.value.code == code
        assert refused.value.diagnostics[0].fix


def test_an_arm_in_one_fold_is_refused():
    sample = rows(11, 200, binary=False)
    with pytest.raises(EstimationError) as refused:
        aipw(sample, Target(1, 0), folds=sample.arm.astype(float))
    assert refused.value.code == "E587"


def test_a_predictor_that_returns_a_table_is_refused():
    class Wide(LinearRegression):
        def predict(self, X):
            return np.zeros((len(X), 2))

    with pytest.raises(EstimationError) as refused:
        aipw(rows(12, 200, binary=False), Target(1, 0), learner=Wide(), cross_fit=2)
    assert refused.value.code == "E589"


def test_names_near_a_learner_are_offered():
    with pytest.raises(EstimationError, match="forest"):
        make("forrest", binary=False, seed=0)
