"""Evaluation on counts against plain pandas, the complex step, and the bootstrap."""

import numpy as np
import pandas as pd
import pytest
from sympy import Integer

from causalgraph.data.counts import Counts
from causalgraph.data.opening import open_source
from causalgraph.errors import EstimationError, ModelError
from causalgraph.evaluate.contraction import Record
from causalgraph.evaluate.interval import quantile, simultaneous
from causalgraph.evaluate.table import clusters_of, covariance, evaluate
from causalgraph.formula.nodes import E, Event, Level, Marginal, P, Value
from causalgraph.variables import Variable
from oracles.counted import clustered_error
from strategies import scaled

NAMES = ("X", "Z", "W", "Y")
VARIABLES = {n: Variable(n) for n in NAMES} | {"S": Variable("S", "continuous")}
ONE, NIL = Level("1"), Level("0")


def people(n=400, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.integers(0, 3, n)
    w = rng.integers(0, 2, n)
    x = (rng.random(n) < 0.2 + 0.2 * z).astype(int)
    y = (rng.random(n) < 0.2 + 0.3 * x + 0.1 * z).astype(int)
    s = 1e6 + 5.0 * x + 2.0 * z + rng.normal(0, 3, n)
    return pd.DataFrame({"X": x, "Z": z, "W": w, "Y": y, "S": s})


def counted(frame, *names, outcomes=(), weight=None):
    return open_source(frame, weight=weight).counts([VARIABLES[n] for n in names], [VARIABLES[n] for n in outcomes])


BACKDOOR = Marginal(P(["Y"], ["X", "Z"]) * P(["Z"]), Value("Z"))
MEANS = Marginal(E("S", ["X", "Z"]) * P(["Z"]), Value("Z"))
DIFFERENCE = MEANS.subs(Value("X"), ONE) - MEANS.subs(Value("X"), NIL)
FORMULAS = [
    BACKDOOR.subs({Value("X"): ONE, Value("Y"): ONE}),
    P(["Y"], ["X"]).subs({Value("X"): ONE, Value("Y"): ONE}),
    P([Event("Y", ONE)]) * P([Event("X", ONE)]) / P([Event("Z", NIL)]),
    (1 - P([Event("Y", ONE)])) ** 2,
    P([Event("Y", ONE)], [Event("X", ONE)]) / P([Event("Y", ONE)], [Event("X", NIL)]),
    Marginal(Marginal(P(["Y"], ["W", "Z"]) * P(["W"]), Value("W")) * P(["Z"], ["X"]), Value("Z")).subs(
        {Value("X"): ONE, Value("Y"): ONE}
    ),
    DIFFERENCE,
    2 * E("S", [Event("X", ONE)]) - 3,
]


def test_the_backdoor_formula_agrees_with_plain_pandas():
    frame = people()
    found = evaluate(BACKDOOR, counted(frame, "X", "Y", "Z"), VARIABLES)
    for place in np.ndindex(found.values.shape):
        levels = {a.variable: int(own[i]) for a, own, i in zip(found.axes, found.levels, place, strict=True)}
        expected = 0.0
        for _, stratum in frame.groupby("Z"):
            arm = stratum[stratum["X"] == levels["X"]]
            expected += (arm["Y"] == levels["Y"]).mean() * len(stratum) / len(frame)
        assert found.values[place] == pytest.approx(expected, abs=1e-12)


def test_means_far_from_zero_lose_no_digits():
    frame = people()
    found = float(evaluate(DIFFERENCE, counted(frame, "X", "Z", outcomes=["S"]), VARIABLES).values)
    expected = 0.0
    for _, stratum in frame.groupby("Z"):
        by_arm = stratum.groupby("X")["S"].mean()
        expected += (by_arm[1] - by_arm[0]) * len(stratum) / len(frame)
    assert found == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("formula", FORMULAS, ids=str)
def test_the_gradient_agrees_with_the_complex_step(formula):
    from dataclasses import replace

    counts = counted(people(), "W", "X", "Y", "Z", outcomes=["S"])
    record = Record(counts, VARIABLES)
    by_weight, by_sum = record.derivative(record.build(formula), ())
    step = 1e-20
    for cell in range(len(counts.weight)):
        bumped = counts.weight.astype(complex)
        bumped[cell] += 1j * step
        value = Record(replace(counts, weight=bumped), VARIABLES).build(formula).data
        assert by_weight[cell] == pytest.approx(np.imag(value) / step, rel=1e-9, abs=1e-12)
        sums = counts.sums.astype(complex)
        sums[cell, 0] += 1j * step
        value = Record(replace(counts, sums=sums), VARIABLES).build(formula).data
        assert by_sum[cell, 0] == pytest.approx(np.imag(value) / step, rel=1e-9, abs=1e-12)


def test_the_error_of_a_mean_is_the_textbook_one():
    frame = people()
    found = evaluate(E("S", [Event("X", ONE)]), counted(frame, "X", outcomes=["S"]), VARIABLES)
    arm = frame.loc[frame["X"] == 1, "S"]
    assert float(found.errors) == pytest.approx(arm.std(ddof=1) / np.sqrt(len(arm)), rel=1e-9)


def test_the_error_of_a_share_is_the_textbook_one():
    frame = people()
    found = evaluate(P([Event("Y", ONE)]), counted(frame, "Y"), VARIABLES)
    share = frame["Y"].mean()
    assert float(found.errors) == pytest.approx(np.sqrt(share * (1 - share) / len(frame)), rel=1e-9)


@pytest.mark.parametrize("formula", [FORMULAS[0], FORMULAS[4], DIFFERENCE], ids=str)
def test_the_error_agrees_with_the_bootstrap(formula):
    frame = people(1500, seed=3)
    rng = np.random.default_rng(4)
    error = float(evaluate(formula, counted(frame, "W", "X", "Y", "Z", outcomes=["S"]), VARIABLES).errors)
    draws = []
    for _ in range(300):
        again = frame.iloc[rng.integers(0, len(frame), len(frame))]
        draws.append(float(evaluate(formula, counted(again, "W", "X", "Y", "Z", outcomes=["S"]), VARIABLES).values))
    # The standard deviation of 300 draws is known to about 4 %; four such steps.
    assert np.std(draws) == pytest.approx(error, rel=0.17)


def test_counts_as_weights_say_the_same_as_rows():
    frame = people()
    table_of_counts = frame.groupby(["X", "Y", "Z"]).size().rename("k").reset_index()
    rows = evaluate(BACKDOOR, counted(frame, "X", "Y", "Z"), VARIABLES)
    counts = evaluate(BACKDOOR, counted(table_of_counts, "X", "Y", "Z", weight="k"), VARIABLES)
    np.testing.assert_allclose(counts.values, rows.values, atol=1e-14)
    np.testing.assert_allclose(counts.errors, rows.errors, atol=1e-14)


def test_survey_weights_scale_away():
    frame = people().assign(k=np.random.default_rng(1).uniform(0.5, 2, 400))
    once = evaluate(BACKDOOR, counted(frame, "X", "Y", "Z", weight="k"), VARIABLES)
    twice = evaluate(BACKDOOR, counted(frame.assign(k=frame["k"] * 7), "X", "Y", "Z", weight="k"), VARIABLES)
    np.testing.assert_allclose(twice.values, once.values, rtol=1e-12)
    np.testing.assert_allclose(twice.errors, once.errors, rtol=1e-12)


def test_an_exact_distribution_has_no_error():
    frame = people().groupby(["X", "Y", "Z"]).size().rename("p").reset_index()
    frame["p"] = frame["p"] / frame["p"].sum()
    found = evaluate(BACKDOOR, counted(frame, "X", "Y", "Z", weight="p"), VARIABLES)
    assert np.isnan(found.errors).all()


def test_nothing_over_nothing_is_not_a_number():
    frame = pd.DataFrame({"X": [0, 0, 1], "Z": [0, 1, 1], "Y": [0, 1, 1]})
    found = evaluate(P(["Y"], ["X", "Z"]), counted(frame, "X", "Y", "Z"), VARIABLES)
    axes = [a.variable for a in found.axes]
    index = {"X": 1, "Z": 0, "Y": 0}
    assert not found.valid[tuple(index[a] for a in axes)]
    # ... and it spreads to the sum that would need it,
    total = evaluate(BACKDOOR, counted(frame, "X", "Y", "Z"), VARIABLES)
    assert not total.valid.all()
    # ... but not to one that gives it no weight.
    none = Marginal(P(["Y"], ["X", "Z"]) * P(["Z"], ["X"]), Value("Z"))
    assert evaluate(none, counted(frame, "X", "Y", "Z"), VARIABLES).valid.all()


def test_a_level_that_does_not_exist_is_refused():
    with pytest.raises(ModelError, match="E204"):
        evaluate(P([Event("Y", Level("7"))]), counted(people(), "Y"), VARIABLES)


def test_a_table_that_is_too_large_is_refused():
    rng = np.random.default_rng(0)
    names = [f"V{i}" for i in range(9)]
    frame = pd.DataFrame({n: rng.integers(0, 9, 500) for n in names})
    variables = {n: Variable(n) for n in names}
    counts = open_source(frame).counts(list(variables.values()))
    with pytest.raises(EstimationError, match="E503"):
        evaluate(P(names[:1], names[1:]), counts, variables)


def test_a_number_is_a_formula():
    assert float(evaluate(Integer(3) / 4, counted(people(), "Y"), VARIABLES).values) == 0.75


def villages(rng, many=40, effect=1.0):
    """People in villages: what a village is like moves the covariate, the treatment and the outcome of all in it."""
    cluster = np.repeat(np.arange(many), rng.integers(5, 16, many))
    own = rng.normal(size=many)[cluster]
    z = (own + rng.normal(size=len(own)) > 0).astype(int)
    x = (rng.normal(size=many)[cluster] + 0.5 * z + rng.normal(size=len(own)) > 0.2).astype(int)
    y = effect * x + z + 1.5 * rng.normal(size=many)[cluster] + rng.normal(size=len(own))
    return z, x, y, cluster


def by_cluster(z, x, y, cluster, weight=None, weighting="rows", clustered=True):
    """Counts of X and Z, split by cluster, with the moments of S."""
    w = np.ones(len(z)) if weight is None else weight
    square = w if weighting == "counts" else w * w
    keys = np.column_stack([x, z, cluster if clustered else 0 * cluster])
    cells, where = np.unique(keys, axis=0, return_inverse=True)
    centre = np.average(y, weights=w)
    own = y - centre

    def added(values):
        return np.bincount(where.reshape(-1), weights=values)

    return Counts(
        variables=("X", "Z"),
        levels=(("0", "1"), ("0", "1")),
        codes=cells[:, :2].astype(np.intp),
        weight=added(w),
        squared=added(square),
        outcomes=("S",),
        centre=np.array([centre]),
        sums=added(w * own)[:, None],
        squared_sums=added(square * own)[:, None],
        squared_products=added(square * own * own)[:, None, None],
        n=float(w.sum()) if weighting == "counts" else float(len(w)),
        dropped=0,
        weighting=weighting,
        clusters=cells[:, 2].astype(np.intp) if clustered else None,
    )


@pytest.mark.parametrize("weighting", ["rows", "counts", "survey"])
def test_the_clustered_error_is_that_of_scores_added_up_by_cluster(weighting):
    rng = np.random.default_rng(7)
    z, x, y, cluster = villages(rng)
    drawn = {"rows": np.ones(len(z)), "counts": rng.integers(1, 5, len(z)) * 1.0, "survey": rng.uniform(0.5, 3, len(z))}
    counts = by_cluster(z, x, y, cluster, drawn[weighting], weighting)
    expected = clustered_error(z.tolist(), x.tolist(), y.tolist(), drawn[weighting].tolist(), cluster.tolist())
    assert float(evaluate(DIFFERENCE, counts, VARIABLES).errors) == pytest.approx(expected, rel=1e-12)


def test_the_cells_may_be_split_by_cluster_in_any_order():
    z, x, y, cluster = villages(np.random.default_rng(8))
    counts = by_cluster(z, x, y, cluster)
    turned = counts.keep(np.random.default_rng(0).permutation(len(counts.weight)))
    found, again = (evaluate(DIFFERENCE, c, VARIABLES) for c in (counts, turned))
    assert again.values == pytest.approx(found.values, rel=1e-12)
    assert again.errors == pytest.approx(found.errors, rel=1e-12)


def test_the_joint_covariance_of_a_table_has_the_clustered_errors_on_its_diagonal():
    z, x, y, cluster = villages(np.random.default_rng(9))
    counts = by_cluster(z, x, y, cluster)
    found = evaluate(MEANS, counts, VARIABLES, errors="joint")
    joint = covariance(*found.scores, counts)
    np.testing.assert_allclose(np.sqrt(np.diag(joint)), found.errors.reshape(-1), rtol=1e-12)
    # The difference of the two means, by their covariance and by its own gradient.
    own = float(evaluate(DIFFERENCE, counts, VARIABLES).errors)
    assert np.sqrt(np.array([-1, 1]) @ joint @ np.array([-1, 1])) == pytest.approx(own, rel=1e-12)


def test_one_cluster_tells_nothing_about_clusters():
    z, x, y, cluster = villages(np.random.default_rng(9))
    with pytest.raises(EstimationError, match="E515"):
        evaluate(DIFFERENCE, by_cluster(z, x, y, 0 * cluster), VARIABLES)


def test_clustered_intervals_cover_where_plain_ones_do_not():
    rng, many, villages_drawn = np.random.default_rng(10), scaled(150, 2000), 50
    covered = {True: 0, False: 0}
    for _ in range(many):
        drawn = villages(rng, many=villages_drawn)
        for clustered in covered:
            counts = by_cluster(*drawn, clustered=clustered)
            found, critical = evaluate(DIFFERENCE, counts, VARIABLES), quantile(0.95, clusters_of(counts))
            covered[clustered] += abs(float(found.values) - 1.0) <= critical * float(found.errors)
    # Treatment goes by village, so that few of 50 carry the number: a point is lost.
    assert abs(covered[True] / many - 0.95) < 3 * np.sqrt(0.95 * 0.05 / many) + 0.01
    assert covered[False] / many < 0.85


def test_one_number_alone_needs_its_own_critical_value():
    one = np.array([[4.0]])
    assert simultaneous(one, 0.95, 0, draws=400_000) == pytest.approx(quantile(0.95), rel=0.01)
    assert simultaneous(one, 0.95, 0, draws=400_000, clusters=8) == pytest.approx(quantile(0.95, 8), rel=0.01)
