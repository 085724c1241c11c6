"""Corrected intervals and the number of people behind a number, against their definitions row by row."""

from math import sqrt

import numpy as np
import pandas as pd
import pytest

import causalgraph as cg
from causalgraph.data.opening import open_source
from causalgraph.evaluate.interval import abc, quantile, wald, wilson
from causalgraph.evaluate.skew import STRAIGHT, rests_on, skew
from causalgraph.evaluate.sparse import evaluate_sparse
from causalgraph.evaluate.table import evaluate
from causalgraph.formula.nodes import E, Event, Level, Marginal, P, Value
from causalgraph.variables import Variable
from oracles.skewness import by_definition, front_door, interval, napkin, share
from strategies import scaled

ONE, NIL = Level("1"), Level("0")
VARIABLES = {n: Variable(n) for n in ("W", "Z", "X", "M", "Y", "V")} | {"S": Variable("S", "continuous")}


def at(name, level=ONE):
    return Event(name, level)


def rows_of(names, seed, n=70):
    """Return rows of 0 and 1 that lean on each other, every cell filled, as a frame and as tuples."""
    rng = np.random.default_rng(seed)
    every = np.array(list(np.ndindex(*(2,) * len(names))))
    drawn = every[rng.choice(len(every), n, p=rng.dirichlet(np.full(len(every), 2.0)))]
    table = np.concatenate([every, drawn])
    return pd.DataFrame(table, columns=list(names)), [tuple(r) for r in table.tolist()]


def counted(frame, *names, outcomes=(), **options):
    return open_source(frame, **options).counts([VARIABLES[n] for n in names], [VARIABLES[n] for n in outcomes])


INNER = Marginal(P([at("Y")], ["M", Event("X", Value("X", 1))]) * P([Event("X", Value("X", 1))]), Value("X", 1))
DOORS = {x: Marginal(P(["M"], [at("X", Level(str(x)))]) * INNER, Value("M")) for x in (0, 1)}
NAPKIN = Marginal(P([at("X"), at("Y")], ["W", at("Z")]) * P(["W"]), Value("W")) / Marginal(
    P([at("X")], ["W", at("Z")]) * P(["W"]), Value("W")
)
CASES = {
    "a share": ("XY", P([at("Y")], [at("X")]), lambda r, w: share(r, w, {1: 1}, {0: 1})),
    "a ratio": (
        "XY",
        P([at("Y")], [at("X")]) / P([at("Y")], [at("X", NIL)]),
        lambda r, w: share(r, w, {1: 1}, {0: 1}) / share(r, w, {1: 1}, {0: 0}),
    ),
    "a front door": ("XMY", DOORS[1] - DOORS[0], lambda r, w: front_door(r, w, 1) - front_door(r, w, 0)),
    "a napkin": ("WZXY", NAPKIN, lambda r, w: napkin(r, w, 1, 1)),
}


@pytest.mark.parametrize("case", CASES)
def test_the_constants_are_those_of_the_definition_over_rows(case):
    names, formula, statistic = CASES[case]
    for seed in range(scaled(2, 20)):
        frame, rows = rows_of(names, seed)
        counts = counted(frame, *sorted(names))
        found = evaluate(formula, counts, VARIABLES, errors="joint")
        told = by_definition(lambda w, rows=rows, statistic=statistic: statistic(rows, w), len(rows))
        ours = skew(formula, counts, VARIABLES, found)
        assert (float(found.values), float(found.errors)) == pytest.approx((told.value, told.error), rel=1e-9)
        assert ours.acceleration == pytest.approx(told.acceleration, abs=1e-9)
        assert ours.curvature == pytest.approx(told.curvature, abs=1e-3)
        # Nearer to the turn than this an end stays there.
        for level in (0.5, 0.95, 0.99) if abs(told.curvature) < 0.12 else (0.5,):
            ends = abc(told.value, told.error, level, told.acceleration, told.curvature)
            assert ends == pytest.approx(interval(told, level), rel=1e-9)


def test_a_share_has_the_skewness_of_a_binomial_and_its_reciprocal_bends():
    frame = pd.DataFrame({"Y": [1] * 12 + [0] * 48})
    counts, p, n = counted(frame, "Y"), 0.2, 60
    found = evaluate(P([at("Y")]), counts, VARIABLES, errors="joint")
    straight = skew(P([at("Y")]), counts, VARIABLES, found)
    assert straight.acceleration == pytest.approx((1 - 2 * p) / (6 * sqrt(n * p * (1 - p))))
    assert straight.curvature == pytest.approx(0, abs=1e-9)
    found = evaluate(1 / P([at("Y")]), counts, VARIABLES, errors="joint")
    bent = skew(1 / P([at("Y")]), counts, VARIABLES, found)
    assert bent.acceleration == pytest.approx(-straight.acceleration)
    # 1/(p - t s) has the second derivative 2 s²/p³, and the error s/p².
    assert bent.curvature == pytest.approx(sqrt(p * (1 - p) / n) / p, rel=1e-3)


def test_the_sums_of_a_binary_outcome_say_as_much_as_its_cells():
    frame, _ = rows_of("XMY", 5, n=3000)
    inner = Marginal(E("Y", ["M", Event("X", Value("X", 1))]) * P([Event("X", Value("X", 1))]), Value("X", 1))
    swapped = Marginal(P(["M"], [at("X")]) * inner, Value("M"))
    by_cells, by_sums = counted(frame, "M", "X", "Y"), counted(frame, "M", "X", outcomes=["Y"])
    cells = skew(DOORS[1], by_cells, VARIABLES, evaluate(DOORS[1], by_cells, VARIABLES, errors="joint"))
    found = evaluate(swapped, by_sums, VARIABLES, errors="joint")
    sums = skew(swapped, by_sums, VARIABLES, found, binary={"Y"})
    assert sums.acceleration == pytest.approx(cells.acceleration, rel=0.02)
    assert sums.curvature == pytest.approx(cells.curvature, rel=0.02)


def test_a_plain_mean_is_straight_as_its_third_moment_is_not_kept():
    frame = pd.DataFrame({"X": [0, 1] * 50, "S": np.random.default_rng(0).exponential(size=100)})
    counts = counted(frame, "X", outcomes=["S"])
    formula = E("S", [at("X")])
    found = evaluate(formula, counts, VARIABLES, errors="joint")
    bent = skew(formula, counts, VARIABLES, found)
    assert (bent.acceleration, bent.curvature) == pytest.approx((0, 0), abs=1e-9)


def test_each_number_of_a_table_has_constants_of_its_own():
    frame, _ = rows_of("XMY", 7)
    counts = counted(frame, "M", "X", "Y")
    table = P(["Y"], ["X"])
    found = evaluate(table, counts, VARIABLES, errors="joint")
    for place in np.ndindex(found.values.shape):
        levels = {v: Level(own[i]) for v, own, i in zip(found.axes, found.levels, place, strict=True)}
        held = table.xreplace(levels)
        alone = skew(held, counts, VARIABLES, evaluate(held, counts, VARIABLES, errors="joint"))
        assert skew(table, counts, VARIABLES, found, place) == alone


def test_the_evaluator_of_observed_cells_gives_the_same_constants_and_people():
    for seed in range(scaled(5, 40)):
        frame, _ = rows_of("WZXY", seed)
        counts = counted(frame, "W", "X", "Y", "Z")
        answers = []
        for by in (evaluate, evaluate_sparse):
            found = by(NAPKIN, counts, VARIABLES, errors="joint")
            people = rests_on(NAPKIN, counts, VARIABLES, found, ["Y"], by)[()]
            bent = skew(NAPKIN, counts, VARIABLES, found, by=by)
            answers.append((bent.acceleration, bent.curvature, people))
        assert answers[0] == pytest.approx(answers[1], rel=1e-6, abs=1e-9)


def test_what_floats_cannot_tell_is_not_called_bent():
    frame = pd.DataFrame({"X": [0, 1] * 50, "S": 1e12 + np.random.default_rng(0).normal(size=100)})
    counts = counted(frame, "X", outcomes=["S"])
    found = evaluate(E("S", [at("X")]), counts, VARIABLES, errors="joint")
    assert skew(E("S", [at("X")]), counts, VARIABLES, found).curvature == 0
    assert skew(P([at("X")]), counts, VARIABLES, evaluate(P([at("X")]), counts, VARIABLES)) == STRAIGHT


def test_without_skewness_the_interval_is_the_normal_one():
    assert abc(2.0, 0.5, 0.9, 0.0, 0.0) == pytest.approx(wald(2.0, 0.5, 0.9))
    assert abc(2.0, 0.5, 0.9, 0.0, 0.0, 3.0) == pytest.approx((0.5, 3.5))


@pytest.mark.parametrize("bent", [-2.0, -0.5, -0.2, 0.2, 0.5, 2.0])
@pytest.mark.parametrize("acceleration", [-0.3, 0.0, 0.3])
def test_no_end_turns_back_as_the_level_grows(bent, acceleration):
    ends = np.array([abc(0.0, 1.0, level, acceleration, bent) for level in (0.5, 0.8, 0.9, 0.95, 0.99, 0.9999)])
    assert (np.diff(ends[:, 0]) <= 1e-12).all()
    assert (np.diff(ends[:, 1]) >= -1e-12).all()


def difference(outcome):
    return E(outcome, [at("X")]) - E(outcome, [at("X", NIL)])


def test_a_contrast_rests_on_its_thinner_arm():
    frame = pd.DataFrame({"X": [1] * 7 + [0] * 80, "Y": [0, 1, 1, 0, 1, 0, 0] + [0, 1] * 40})
    sums, cells = counted(frame, "X", outcomes=["Y"]), counted(frame, "X", "Y")
    shares = P([at("Y")], [at("X")]) - P([at("Y")], [at("X", NIL)])
    for formula, counts in ((difference("Y"), sums), (shares, cells)):
        found = evaluate(formula, counts, VARIABLES, errors="joint")
        assert rests_on(formula, counts, VARIABLES, found, ["Y"])[()] == pytest.approx(7)


def test_a_cell_without_variation_counts_its_people_all_the_same():
    frame = pd.DataFrame({"X": [1] * 6 + [0] * 60, "Y": [1] * 6 + [0, 1] * 30})
    formula, counts = P([at("Y")], [at("X")]), counted(frame, "X", "Y")
    found = evaluate(formula, counts, VARIABLES, errors="joint")
    assert float(found.errors) == 0
    assert rests_on(formula, counts, VARIABLES, found, ["Y"])[()] == pytest.approx(6)


def test_the_chance_of_a_middle_level_rests_on_its_arm():
    frame = pd.DataFrame({"X": [1] * 9 + [0] * 60, "V": [0, 1, 2] * 23})
    formula, counts = P(["V"], ["X"]), counted(frame, "V", "X")
    found = evaluate(formula, counts, VARIABLES, errors="joint")
    people = rests_on(formula, counts, VARIABLES, found, ["V"])
    x = found.axes.index(Value("X"))
    assert all(n == pytest.approx((60, 9)[place[x]]) for place, n in people.items())
    assert len(people) == found.values.size


def test_a_joint_chance_rests_on_all_who_could_have_had_it():
    frame = pd.DataFrame({"X": [1] * 20 + [0] * 30, "V": ([1] + [0] * 9) * 5, "Y": [0, 1] * 25})
    formula, counts = P([at("V"), at("Y")], [at("X")]), counted(frame, "V", "X", "Y")
    found = evaluate(formula, counts, VARIABLES, errors="joint")
    assert rests_on(formula, counts, VARIABLES, found, ["V", "Y"])[()] == pytest.approx(20)


def test_weights_and_clusters_count_people():
    frame = pd.DataFrame(
        {"X": [1] * 8 + [0] * 8, "Y": [0, 1] * 8, "w": [1.0] * 8 + [0.5, 2.5] * 4, "g": [0, 1, 2, 3] * 4}
    )
    shares = P([at("Y")], [at("X", NIL)])
    weighted = counted(frame, "X", "Y", weight="w")
    found = evaluate(shares, weighted, VARIABLES, errors="joint")
    kish = frame["w"][8:].sum() ** 2 / (frame["w"][8:] ** 2).sum()
    assert rests_on(shares, weighted, VARIABLES, found, ["Y"])[()] == pytest.approx(kish)
    clustered = counted(frame, "X", "Y", cluster="g")
    found = evaluate(shares, clustered, VARIABLES, errors="joint")
    assert rests_on(shares, clustered, VARIABLES, found, ["Y"])[()] == pytest.approx(8)


def test_what_no_outcome_moves_rests_on_nobody_known():
    frame = pd.DataFrame({"X": [0, 1] * 20, "Y": [0, 1, 1, 0] * 10})
    counts = counted(frame, "X", "Y")
    found = evaluate(P([at("X")]), counts, VARIABLES, errors="joint")
    assert rests_on(P([at("X")]), counts, VARIABLES, found, ["Y"]) == {}


# Through the language.

DOOR = cg.parse("X : binary; M : binary; Y : binary; X -> M -> Y; X <-> Y")
PLAIN = cg.parse("X -> Y; X : binary; Y : binary")


def arms(treated, ones, controls=200):
    return pd.DataFrame(
        {"X": [1] * treated + [0] * controls, "Y": [1] * ones + [0] * (treated - ones) + [0, 1] * (controls // 2)}
    )


@pytest.fixture(scope="module")
def door():
    rng = np.random.default_rng(2)
    u = rng.integers(0, 2, 500)
    x = (rng.random(500) < 0.3 + 0.4 * u).astype(int)
    m = (rng.random(500) < 0.3 + 0.3 * x).astype(int)
    y = (rng.random(500) < 0.2 + 0.3 * m + 0.3 * u).astype(int)
    return pd.DataFrame({"X": x, "M": m, "Y": y})


def test_a_front_door_has_the_interval_of_the_definition(door):
    found = DOOR.ask("ate(X, Y)", data=door).to_dict()
    rows = [tuple(r) for r in door.to_numpy().tolist()]
    cells, counts = np.unique(np.array(rows), axis=0, return_counts=True)
    # By cells: the definition over 500 rows takes long.
    tuples = [tuple(c) for c in cells.tolist()]

    def effect(weights):
        return front_door(tuples, weights, 1) - front_door(tuples, weights, 0)

    value, error = found["value"], found["std_error"]
    assert value == pytest.approx(float(effect((counts / 500).tolist())))
    low, high = found["interval"]
    # The product of two slopes is skewed away from zero.
    assert high - value > 1.05 * (value - low)
    assert high - low == pytest.approx(2 * quantile(0.95) * error, rel=0.05)


def test_clusters_and_survey_weights_keep_the_normal_interval(door):
    for options in ({"cluster": "g"}, {"weight": "w"}):
        frame = door.assign(g=np.arange(500) // 10, w=np.where(door["M"] == 1, 1.5, 0.75))
        found = DOOR.ask("ate(X, Y)", data=frame, **options).to_dict()
        low, high = found["interval"]
        assert (low + high) / 2 == pytest.approx(found["value"])


@pytest.mark.parametrize("query", ["rr(X, Y)", "E(Y | do(X=1)) / E(Y | do(X=0))"])
def test_a_ratio_is_not_corrected_as_its_curvature_comes_with_a_bias(door, query):
    found = DOOR.ask(query, data=door).to_dict()
    low, high = found["interval"]
    middle = sqrt(low * high) if query.startswith("rr") else (low + high) / 2
    assert middle == pytest.approx(found["value"])


def test_a_difference_that_is_spelled_out_is_corrected_alike(door):
    named, spelled = (DOOR.ask(q, data=door).interval for q in ("ate(X, Y)", "E(Y | do(X=1)) - E(Y | do(X=0))"))
    assert spelled == pytest.approx(named)


def test_joint_intervals_are_corrected_alike(door):
    found = DOOR.ask("E(Y | do(X))", data=door).to_dict()
    for single, joint in zip(found["intervals"], found["simultaneous"], strict=True):
        assert 0 <= joint[0] < single[0] < single[1] < joint[1] <= 1


def test_a_certain_share_is_as_sure_as_its_own_arm_makes_it():
    found = PLAIN.ask("P(Y=1 | do(X=1))", data=arms(7, 7)).to_dict()
    # Wilson for 7 of 7.
    z = quantile(0.95)
    assert found["interval"] == pytest.approx([7 / (7 + z * z), 1.0])
    assert not found["warnings"]


def test_a_difference_of_two_shares_has_nearly_the_interval_that_their_own_make():
    # Berkeley, department A. Source: R. Newcombe, Stat. Med. 17 (1998) 873-890, method 10.
    (one, n), (nil, m) = (89, 108), (512, 825)
    frame = pd.DataFrame({"X": [1, 1, 0, 0], "Y": [1, 0, 1, 0], "k": [one, n - one, nil, m - nil]})
    found = PLAIN.ask("ate(X, Y)", data=frame, weight="k").interval
    (p, low, high), (q, under, over) = ((k / t, *wilson(k / t, 0.0, 0.95, t)) for k, t in ((one, n), (nil, m)))
    ends = p - q - sqrt((p - low) ** 2 + (over - q) ** 2), p - q + sqrt((high - p) ** 2 + (q - under) ** 2)
    assert found == pytest.approx(ends, abs=0.005)


@pytest.mark.parametrize("method", ["counts", "bootstrap"])
@pytest.mark.parametrize(
    ("treated", "given", "said"),
    [(9, False, "about 9 observations of the outcome: too few"), (12, True, "about 12"), (29, True, "too narrow")],
)
def test_a_number_that_rests_on_few_says_so(treated, given, said, method):
    found = PLAIN.ask("ate(X, Y)", data=arms(treated, treated // 2), method=method).to_dict()
    assert (found["interval"] is not None) == given
    assert found["value"] is not None
    assert found["std_error"] is not None
    assert [said in w for w in found["warnings"] if w.startswith("W511")] == [True]


@pytest.mark.parametrize("treated", [30, 31, 60])
def test_a_number_that_rests_on_enough_says_nothing(treated):
    found = PLAIN.ask("ate(X, Y)", data=arms(treated, treated // 2)).to_dict()
    assert not any("W511" in w for w in found["warnings"])


def test_a_table_counts_the_numbers_that_rest_on_few():
    sizes = {"a": 8, "b": 20, "c": 60}
    frame = pd.concat([arms(n, n // 2, n).assign(Z=z) for z, n in sizes.items()])
    model = cg.parse("Z : {a, b, c}; X : binary; Y : binary; Z -> X, Y; X -> Y")
    found = model.ask("cate(X, Y | Z)", data=frame).to_dict()
    assert [i is None for i in found["intervals"]] == [True, False, False]
    assert found["simultaneous"][0] is None
    (warning,) = [w for w in found["warnings"] if "W511" in w]
    assert "1 of 3 numbers rests on fewer than 30 observations of the outcome: its interval is too narrow" in warning
    assert "1 of 3 numbers rests on fewer than 10 observations of the outcome: too few for an interval" in warning
