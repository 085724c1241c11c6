"""Evaluation over observed cells against the dense evaluator: values, what is determined, errors, derivatives."""

from dataclasses import replace

import numpy as np
import pytest
from sympy import Integer, Mul, Pow

from causalgraph.data import keys
from causalgraph.errors import EstimationError, ModelError
from causalgraph.evaluate.domain import free_values, plan
from causalgraph.evaluate.sparse import evaluate_sparse
from causalgraph.evaluate.table import evaluate
from causalgraph.formula.nodes import E, Event, Level, Marginal, P, Value
from causalgraph.variables import Variable
from oracles.sparse import counts_of, held, identified_formulas, random_codes, random_formula, turned
from strategies import scaled

NAMES = tuple(f"V{i}" for i in range(5))
VARIABLES = {n: Variable(n) for n in NAMES}


def world(rng, names=NAMES, rows=None):
    """Return counts of a few rows over many cells, each variable an outcome as well."""
    sizes = [int(rng.integers(2, 4)) for _ in names]
    codes = random_codes(rng, sizes, rows or int(rng.integers(3, 60)))
    outcomes = {n: 2 + rng.normal(size=len(codes)) for n in names}
    return counts_of(names, sizes, codes, outcomes)


def small(formula):
    """Hold all but two of the free values at a level."""
    return held(formula, free_values(formula)[2:])


def agree(formula, counts, variables=VARIABLES):
    dense, found = (f(formula, counts, variables, "joint") for f in (evaluate, evaluate_sparse))
    dense = turned(dense, found.axes)
    assert found.levels == dense.levels
    np.testing.assert_array_equal(found.valid, dense.valid)
    ok = dense.valid
    np.testing.assert_allclose(found.values[ok], dense.values[ok], rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(found.errors[ok], dense.errors[ok], rtol=1e-7, atol=1e-9)
    assert np.isnan(found.errors[~ok]).all()
    for own, other in zip(found.scores, dense.scores, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-8, atol=1e-9 * (1 + np.abs(other).max(initial=0)))
    return ok


def test_every_identified_formula_agrees_with_the_dense_evaluator():
    rng = np.random.default_rng(1)
    some = none = 0
    for _ in range(scaled(30, 3000)):
        for formula in identified_formulas(rng, 5):
            for _ in range(2):
                ok = agree(formula, world(rng))
                some, none = some + ok.sum(), none + (~ok).sum()
    # Both must occur, or nothing was shown.
    assert min(some, none) > scaled(50, 5000)


def test_any_formula_agrees_with_the_dense_evaluator():
    rng = np.random.default_rng(2)
    for _ in range(scaled(100, 10_000)):
        agree(small(random_formula(rng, NAMES[:4])), world(rng, NAMES[:4]))


def test_keys_too_large_for_a_number_are_renumbered(monkeypatch):
    monkeypatch.setattr(keys, "LARGEST_KEY", 5)
    rng = np.random.default_rng(3)
    for _ in range(scaled(20, 1000)):
        for formula in identified_formulas(rng, 5):
            agree(formula, world(rng))


def test_cells_of_no_weight_are_as_good_as_none():
    rng = np.random.default_rng(4)
    for _ in range(scaled(30, 500)):
        counts = world(rng, NAMES[:4])
        heavy = (rng.random(len(counts.weight)) < 0.6).astype(float)
        emptied = replace(
            counts,
            weight=counts.weight * heavy,
            squared=counts.squared * heavy,
            sums=counts.sums * heavy[:, None],
            squared_sums=counts.squared_sums * heavy[:, None],
            squared_products=counts.squared_products * heavy[:, None, None],
        )
        agree(small(random_formula(rng, NAMES[:4])), emptied)


def test_errors_by_cluster_agree_with_the_dense_evaluator():
    rng = np.random.default_rng(7)
    for _ in range(scaled(20, 500)):
        for formula in identified_formulas(rng, 4):
            counts = world(rng, NAMES[:4])
            clusters = np.concatenate([[0, 1], rng.integers(0, 4, len(counts.weight))])[: len(counts.weight)]
            if len(clusters) > 1:
                agree(formula, replace(counts, clusters=clusters))


COVARIATES = tuple(f"Z{i:02}" for i in range(12))
WIDE = Marginal(P(["Y"], ["X", *COVARIATES]) * P(COVARIATES), *(Value(z) for z in COVARIATES))


def wide(rows, copies):
    """Return counts over twelve covariates of forty levels, each stratum drawn several times, with both arms in it."""
    rng = np.random.default_rng(5)
    strata = np.repeat(rng.integers(0, 40, (rows, 12)), copies, axis=0)
    x = np.tile(np.arange(copies) % 2, rows)
    y = (rng.random(len(x)) < 0.3 + 0.2 * x + 0.01 * strata[:, 0]).astype(int)
    codes = np.column_stack([strata, x, y])
    counts = counts_of((*COVARIATES, "X", "Y"), [40] * 12 + [2, 2], codes, {"Y": y.astype(float)})
    return counts, {n: Variable(n) for n in counts.variables}, x, y


def test_more_combinations_than_any_number_holds_are_summed_where_they_occur():
    counts, variables, x, y = wide(500, 6)
    found = turned(evaluate_sparse(WIDE, counts, variables), (Value("Y"), Value("X")))
    # Each stratum has three rows an arm, so that adjustment changes nothing.
    expected = [[np.mean(y[x == arm] == level) for arm in (0, 1)] for level in (0, 1)]
    np.testing.assert_allclose(found.values, expected, atol=1e-12)
    assert found.valid.all()


def test_an_arm_missing_from_a_stratum_is_not_made_up():
    counts, variables, _, _ = wide(500, 6)
    lost = (counts.codes[:, 0] == counts.codes[0, 0]) & (counts.codes[:, counts.axis("X")] == 1)
    found = turned(evaluate_sparse(WIDE, counts.keep(~lost), variables), (Value("Y"), Value("X")))
    np.testing.assert_array_equal(found.valid, [[True, False], [True, False]])


def test_a_mean_over_many_strata_has_the_error_of_its_arms():
    counts, variables, x, y = wide(300, 6)
    mean = Marginal(E("Y", [Event("X", Level("1")), *COVARIATES]) * P(COVARIATES), *map(Value, COVARIATES))
    found = evaluate_sparse(mean, counts, variables, "joint")
    assert float(found.values) == pytest.approx(y[x == 1].mean(), abs=1e-12)
    assert found.scores[0].shape == (1, len(counts.weight))
    assert 0 < float(found.errors) < 0.1


def test_a_condition_that_does_not_occur_leaves_its_sum_undetermined():
    counts = counts_of(NAMES[:3], [3, 2, 2], np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]), {})
    chain = Marginal(P(["V2"], ["V1"]) * P(["V1"], ["V0"]), Value("V1"))
    found = turned(evaluate_sparse(chain, counts, VARIABLES), (Value("V0"), Value("V2")))
    np.testing.assert_array_equal(found.valid, [[True, True], [True, True], [False, False]])


def test_a_division_by_zero_is_not_mended_by_a_factor_of_zero():
    counts = counts_of(NAMES[:2], [3, 2], np.array([[0, 0], [0, 1], [1, 1]]), {})
    never = P([Event("V0", Level("2"))])
    assert not evaluate_sparse(Mul(never, Pow(never, Integer(-1)), evaluate=False), counts, VARIABLES).valid
    held = Mul(P(["V0"]), Pow(P(["V0"]), Integer(-1)), evaluate=False)
    assert not evaluate_sparse(Marginal(held, Value("V0")), counts, VARIABLES).valid


def test_the_front_door_asks_for_no_mediator_that_was_not_seen():
    other = Event("X", Value("X", 1))
    inner = Marginal(P(["Y"], [other, "M"]) * P([other]), Value("X", 1))
    steps = plan(Marginal(P(["M"], ["X"]) * inner, Value("M")))
    assert [s.support.together for s in steps] == [(Event("M"), Event("X"))]


def test_an_exact_distribution_has_no_error():
    counts = replace(world(np.random.default_rng(6)), weighting="exact")
    assert np.isnan(evaluate_sparse(P(["V0"], ["V1"]), counts, VARIABLES).errors).all()


def test_what_can_not_be_evaluated_is_refused():
    counts, variables, _, _ = wide(20, 2)
    with pytest.raises(EstimationError, match="E503"):
        evaluate_sparse(P(COVARIATES), counts, variables, "none")
    with pytest.raises(EstimationError, match="E503"):
        evaluate_sparse(P(COVARIATES[:3]), counts, variables)
    with pytest.raises(EstimationError, match="E503"):
        evaluate_sparse(Marginal(P(["Y"], COVARIATES), *map(Value, COVARIATES)), counts, variables)
    with pytest.raises(EstimationError, match="E590"):
        evaluate_sparse(Marginal(P(["Y"]), Value("X")), counts, variables)
    with pytest.raises(EstimationError, match="E590"):
        evaluate_sparse(Value("Y") + 1, counts, variables)
    with pytest.raises(ModelError, match="E204"):
        evaluate_sparse(P([Event("Y", Level("7"))]), counts, variables)
