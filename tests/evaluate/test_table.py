"""Evaluation on counts against plain pandas, the complex step, and the bootstrap."""

import numpy as np
import pandas as pd
import pytest
from sympy import Integer

from causalgraph.data.source import Frame
from causalgraph.errors import EstimationError, ModelError
from causalgraph.evaluate import table
from causalgraph.evaluate.table import evaluate
from causalgraph.formula.nodes import E, Event, Level, Marginal, P, Value
from causalgraph.variables import Variable

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
    return Frame(frame, weight=weight).counts([VARIABLES[n] for n in names], [VARIABLES[n] for n in outcomes])


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
    record = table._Record(counts, VARIABLES)
    by_weight, by_sum = record.derivative(record.build(formula), ())
    step = 1e-20
    for cell in range(len(counts.weight)):
        bumped = counts.weight.astype(complex)
        bumped[cell] += 1j * step
        value = table._Record(replace(counts, weight=bumped), VARIABLES).build(formula).data
        assert by_weight[cell] == pytest.approx(np.imag(value) / step, rel=1e-9, abs=1e-12)
        sums = counts.sums.astype(complex)
        sums[cell, 0] += 1j * step
        value = table._Record(replace(counts, sums=sums), VARIABLES).build(formula).data
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
    counts = Frame(frame).counts(list(variables.values()))
    with pytest.raises(EstimationError, match="E503"):
        evaluate(P(names[:1], names[1:]), counts, variables)


def test_a_number_is_a_formula():
    assert float(evaluate(Integer(3) / 4, counted(people(), "Y"), VARIABLES).values) == 0.75
