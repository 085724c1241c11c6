"""The named effects against plain pandas, and against the truth of a known population."""

import numpy as np
import pandas as pd
import pytest

import causalgraph as cg
from causalgraph.data.opening import open_source
from causalgraph.evaluate import counting
from causalgraph.evaluate.resampling import bootstrap
from causalgraph.evaluate.table import evaluate
from causalgraph.formula.nodes import E, Event, Level, Marginal, P, Value
from causalgraph.variables import Variable

MODEL = cg.parse(
    """
    Z : {a, b, c}; V : binary; X : binary; Y : binary; S : continuous [unit="USD"]; D : ordinal {none < low < high}
    Z -> X, Y, S, D; V -> Y, S; X -> Y, S; D -> S
    """
)


def people(n=4000, seed=1):
    rng = np.random.default_rng(seed)
    z = rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2])
    push = np.select([z == "a", z == "b"], [0.2, 0.5], 0.7)
    v = rng.integers(0, 2, n)
    x = (rng.random(n) < push).astype(int)
    y = (rng.random(n) < 0.1 + 0.2 * x * (z == "a") + 0.5 * push).astype(int)
    d = np.where(rng.random(n) < push, rng.choice(["low", "high"], n), "none")
    s = 10 + 4 * x * (1 + v) + 20 * push + 3 * (d == "high") + rng.normal(0, 2, n)
    return pd.DataFrame({"Z": z, "V": v, "X": x, "Y": y, "S": s, "D": d})


@pytest.fixture(scope="module")
def frame():
    return people()


def strata_means(frame, outcome, by="Z", treatment="X"):
    """Return for each stratum its mean in each arm."""
    return frame.pivot_table(outcome, by, treatment, aggfunc="mean")


def average(difference, weights):
    return float((difference * weights).sum() / weights.sum())


def ask(query, frame, **options):
    return MODEL.ask(query, data=frame, **options).to_dict()


@pytest.mark.parametrize(("query", "arm"), [("att(X, S)", 1), ("atc(X, S)", 0)])
def test_the_effect_among_an_arm_averages_over_its_strata(frame, query, arm):
    means = strata_means(frame, "S")
    expected = average(means[1] - means[0], frame[frame["X"] == arm]["Z"].value_counts().reindex(means.index))
    found = ask(query, frame)
    assert found["value"] == pytest.approx(expected, abs=1e-9)
    assert found["unit"] == "USD"
    assert found["interval"][0] < found["value"] < found["interval"][1]


def test_the_effect_in_everyone_lies_between_those_in_the_arms(frame):
    att, atc, ate = (ask(f"{q}(X, Y)", frame)["value"] for q in ("att", "atc", "ate"))
    share = frame["X"].mean()
    assert ate == pytest.approx(share * att + (1 - share) * atc)


def test_the_effect_among_the_treated_needs_controls_only_where_treated_are(frame):
    # Nobody in stratum c is treated: the effect in everyone lacks support there, that among the treated doesn't.
    thin = frame[(frame["Z"] != "c") | (frame["X"] == 0)]
    assert ask("att(X, S)", thin)["supported"] == 1
    assert ask("ate(X, S)", thin)["supported"] < 1


def test_without_a_causal_path_the_effect_among_the_treated_is_nothing(frame):
    found = cg.parse("Z -> X, Y").ask("att(X, Y)", data=frame).to_dict()
    assert found["value"] == 0


def test_without_confounding_the_effect_among_the_treated_is_the_plain_difference(frame):
    means = frame.groupby("X")["Y"].mean()
    assert cg.parse("X -> Y").ask("att(X, Y)", data=frame).to_dict()["value"] == pytest.approx(means[1] - means[0])


def test_the_conditional_effect_has_a_row_for_each_level(frame):
    means = strata_means(frame, "S")
    rows = ask("cate(X, S | Z)", frame)["table"]
    assert {r["Z"]: r["value"] for r in rows} == pytest.approx((means[1] - means[0]).to_dict())


def test_the_conditional_effect_at_one_level_is_one_number(frame):
    part = frame[frame["V"] == 1]
    means = strata_means(part, "S")
    expected = average(means[1] - means[0], part["Z"].value_counts().reindex(means.index))
    assert ask("cate(X, S | V=1)", frame)["value"] == pytest.approx(expected)


def test_ratios_have_intervals_on_the_log_scale(frame):
    means = strata_means(frame, "Y")
    weights = frame["Z"].value_counts().reindex(means.index)
    one, nil = average(means[1], weights), average(means[0], weights)
    rr, odds = ask("rr(X, Y)", frame), ask("odds_ratio(X, Y)", frame)
    assert rr["value"] == pytest.approx(one / nil)
    assert odds["value"] == pytest.approx(one * (1 - nil) / (nil * (1 - one)))
    for found in (rr, odds):
        low, high = found["interval"]
        assert low * high == pytest.approx(found["value"] ** 2)
        assert found["unit"] is None


def test_odds_of_what_is_no_event_are_refused(frame):
    with pytest.raises(cg.EstimationError, match="E507"):
        ask("odds_ratio(X, S)", frame)


def test_the_controlled_direct_effect_holds_the_mediator():
    model = cg.load("examples/berkeley.dag")
    frame = pd.read_csv("examples/berkeley.csv")
    for department in "ABCDEF":
        part = frame[frame["Department"] == department]
        shares = part.groupby("Gender").apply(lambda g: (g["Admitted"] * g["count"]).sum() / g["count"].sum())
        found = model.ask(f"cde(Gender, Admitted, Department={department})").to_dict()
        assert found["value"] == pytest.approx(shares["female"] - shares["male"])


def test_each_of_several_levels_is_compared_with_the_first(frame):
    means = frame.pivot_table("S", "Z", "D", aggfunc="mean")
    weights = frame["Z"].value_counts().reindex(means.index)
    found = ask("ate(D, S)", frame)
    assert {r["D"]: r["value"] for r in found["table"]} == pytest.approx(
        {d: average(means[d] - means["none"], weights) for d in ("low", "high")}
    )


def test_joint_intervals_are_wider_than_single_ones(frame):
    found = ask("P(Y=1 | do(X), Z)", frame)
    for single, joint in zip(found["intervals"], found["simultaneous"], strict=True):
        assert joint[1] - joint[0] > single[1] - single[0] - 0.02
    again = ask("P(Y=1 | do(X), Z)", frame)
    assert again["simultaneous"] == found["simultaneous"]


def test_joint_intervals_hold_all_at_once():
    rng = np.random.default_rng(0)
    truth = np.array([0.1, 0.3, 0.5, 0.7])
    model = cg.parse("G : {p, q, r, s}; Y : binary; G -> Y")
    singles = joints = 0
    runs = 300
    for _ in range(runs):
        g = rng.integers(0, 4, 1500)
        frame = pd.DataFrame({"G": np.array(list("pqrs"))[g], "Y": (rng.random(1500) < truth[g]).astype(int)})
        found = model.ask("E(Y | do(G))", data=frame).to_dict()
        singles += all(a <= t <= b for (a, b), t in zip(found["intervals"], truth, strict=True))
        joints += all(a <= t <= b for (a, b), t in zip(found["simultaneous"], truth, strict=True))
    # 95 % within three Monte Carlo errors; four single intervals hold together in about 81 %.
    assert joints / runs > 0.95 - 3 * np.sqrt(0.0475 / runs)
    assert singles / runs < 0.90


@pytest.mark.parametrize("query", ["ate(X, S)", "ate(X, Y)", "P(Y=1 | do(X=1))", "rr(X, Y)"])
def test_the_bootstrap_agrees_with_the_gradient(frame, query):
    plain, drawn = ask(query, frame), ask(query, frame, method="bootstrap", seed=5)
    assert drawn["value"] == plain["value"]
    assert drawn["std_error"] == pytest.approx(plain["std_error"], rel=0.12)
    assert drawn["interval"] == pytest.approx(plain["interval"], abs=0.4 * plain["std_error"])
    assert drawn == ask(query, frame, method="bootstrap", seed=5)
    assert drawn["interval"] != ask(query, frame, method="bootstrap", seed=6)["interval"]


def test_the_bootstrap_of_a_mean_says_what_it_draws(frame):
    assert any("normal law" in w for w in ask("ate(X, S)", frame, method="bootstrap")["warnings"])


def test_a_bootstrap_of_weights_that_are_no_counts_is_refused(frame):
    with pytest.raises(cg.EstimationError, match="E508"):
        ask("ate(X, Y)", frame.assign(w=0.7), weight="w", method="bootstrap")


def test_an_unknown_method_is_refused(frame):
    with pytest.raises(cg.ModelError, match="E214"):
        ask("ate(X, Y)", frame, method="magic")


def test_the_bootstrap_draws_as_many_as_there_are():
    counts = open_source(people(500)).counts([Variable("X"), Variable("Z")], [Variable("S", "continuous")])
    variables = {n: Variable(n) for n in "XZ"} | {"S": Variable("S", "continuous")}
    found = bootstrap([E("S", [Event("X", Level("1"))])], counts, variables, seed=0, replicates=400)
    exact = evaluate(E("S", [Event("X", Level("1"))]), counts, variables)
    assert found.values.mean() == pytest.approx(float(exact.values), abs=5 * float(exact.errors) / 20)
    assert found.lost(np.array([True])) == 0


def test_strata_that_occur_are_numbered_where_all_would_be_too_many(monkeypatch):
    rng = np.random.default_rng(2)
    n = 3000
    z = rng.integers(0, 6, (n, 4))
    x = (rng.random(n) < 0.2 + 0.1 * (z[:, 0] > 2)).astype(int)
    frame = pd.DataFrame(z, columns=["A", "B", "C", "D"]).assign(X=x, S=x + z.sum(axis=1) + rng.normal(size=n))
    model = cg.parse("A, B, C, D -> X, S; X -> S; S : continuous")
    dense = model.ask("ate(X, S)", data=frame).to_dict()
    monkeypatch.setattr(counting, "DENSE", 10)
    sparse = model.ask("ate(X, S)", data=frame).to_dict()
    for key in ("value", "std_error", "supported"):
        assert sparse[key] == pytest.approx(dense[key], rel=1e-10)


def test_strata_are_not_merged_where_a_term_speaks_of_one_covariate_alone():
    counts = open_source(people()).counts([Variable(n) for n in "VXYZ"])
    formula = Marginal(P(["Y"], ["X", "V", "Z"]) * P(["Z"], ["V"]) * P(["V"]), Value("V"), Value("Z"))
    formulas, same, made = counting.compacted([formula], counts, ("V", "Z"))
    assert (formulas, same, made) == ([formula], counts, {})


def test_ten_covariates_of_ten_levels_are_no_matter_of_memory():
    rng = np.random.default_rng(3)
    n = 20_000
    names = [f"C{i}" for i in range(10)]
    frame = pd.DataFrame({c: rng.integers(0, 10, n) for c in names})
    frame = frame.assign(X=rng.integers(0, 2, n), Y=rng.integers(0, 2, n))
    model = cg.parse(f"{', '.join(names)} -> X, Y; X -> Y")
    with pytest.raises(cg.EstimationError, match="E502"):
        model.ask("ate(X, Y)", data=frame)


def test_thin_support_comes_with_what_could_help():
    rng = np.random.default_rng(4)
    n = 2000
    b = rng.integers(0, 2, n)
    a = 2 * b + rng.integers(0, 2, n)
    x = np.where(a == 3, 1, rng.integers(0, 2, n))
    frame = pd.DataFrame({"A": a, "B": b, "X": x, "Y": rng.integers(0, 2, n)})
    found = cg.parse("B -> A -> X -> Y; B -> Y; A : {0, 1, 2, 3}").ask("ate(X, Y)", data=frame).to_dict()
    assert found["supported"] < 1
    assert "adjusting for {B} instead would carry 100.0%" in found["warnings"][0]


def test_the_naive_comparison_is_of_all_rows(frame):
    thin = frame[(frame["Z"] != "c") | (frame["X"] == 1)]
    means = thin.groupby("X")["S"].mean()
    assert ask("ate(X, S)", thin)["naive"] == pytest.approx(means[1] - means[0])


def counts_of(rows):
    """Return a frame of counts from (Z, X, n, ones)."""
    out = []
    for z, x, n, ones in rows:
        out += [(z, x, 1, ones), (z, x, 0, n - ones)]
    return pd.DataFrame(out, columns=["Z", "X", "Y", "k"])


def test_each_contrast_has_the_strata_that_carry_it():
    # Nobody in stratum 1 has b: that is no matter for c against a.
    frame = counts_of([(0, "a", 20, 4), (0, "b", 20, 8), (0, "c", 20, 6), (1, "a", 20, 4), (1, "c", 60, 54)])
    model = cg.parse("Z -> X, Y; X -> Y; X : {a, b, c}; Y : binary")
    found = model.ask("att(X, Y)", data=frame, weight="k").to_dict()
    rows = {r["X"]: r["value"] for r in found["table"]}
    assert rows["c"] == pytest.approx(0.25 * (0.3 - 0.2) + 0.75 * (0.9 - 0.2))
    assert rows["b"] == pytest.approx(0.4 - 0.2)
    assert found["supported"] == 1
    ate = model.ask("ate(X, Y)", data=frame, weight="k").to_dict()
    assert {r["X"]: r["value"] for r in ate["table"]}["c"] == pytest.approx((60 * 0.1 + 80 * 0.7) / 140)
    assert ate["supported"] < 1
    assert "Z=1" in ate["warnings"][0]


def test_an_absent_level_loses_its_row_alone(frame):
    model = cg.parse("Z -> X, Y; X -> Y; X : {0, 1, 2}; Y : binary")
    found = model.ask("ate(X, Y)", data=frame).to_dict()
    assert [r["value"] is None for r in found["table"]] == [False, True]
    assert any("X=2 isn't determined" in w for w in found["warnings"])


def test_several_contrasts_have_joint_intervals(frame):
    found = ask("ate(D, S)", frame)
    for single, joint in zip(found["intervals"], found["simultaneous"], strict=True):
        assert joint[0] < single[0] < single[1] < joint[1]


@pytest.mark.parametrize("query", ["ate(X, Y) * P(Z=a)", "ate(X, Y) - E(Y | X=1, Z=a)"])
def test_strata_are_not_merged_where_a_covariate_is_held_elsewhere(monkeypatch, query):
    rng = np.random.default_rng(9)
    data = people().assign(W=rng.integers(0, 3, 4000))
    model = cg.parse("Z, W -> X, Y; X -> Y; Z : {a, b, c}; Y : binary")
    dense = model.ask(query, data=data).to_dict()["value"]
    monkeypatch.setattr(counting, "DENSE", 1)
    assert model.ask(query, data=data).to_dict()["value"] == pytest.approx(dense)


def test_a_ratio_that_some_replicates_do_not_determine_has_no_narrow_interval():
    frame = pd.DataFrame({"X": [0, 0, 1, 1], "Y": [0, 1, 0, 1], "k": [29, 1, 20, 10]})
    found = cg.parse("X -> Y; Y : binary").ask("rr(X, Y)", data=frame, weight="k", method="bootstrap").to_dict()
    assert found["interval"] is None
    assert any("W505" in w for w in found["warnings"])
    assert not any("W504" in w for w in found["warnings"])


def test_an_effect_without_variation_is_marked():
    frame = pd.DataFrame({"X": [0] * 10 + [1] * 10, "Y": [0] * 10 + [1] * 10})
    assert "W506" in cg.parse("X -> Y; Y : binary").ask("ate(X, Y)", data=frame).to_dict()["warnings"][0]
    low, high = cg.parse("X -> Y; Y : binary").ask("E(Y | do(X=1))", data=frame).to_dict()["interval"]
    assert low < 1 == high


def test_a_single_observation_in_a_cell_is_said():
    frame = pd.DataFrame({"X": [0, 0, 1], "Y": [1.5, 2.25, 7.0]})
    found = cg.parse("X -> Y; Y : continuous").ask("ate(X, Y)", data=frame).to_dict()
    assert any("W507" in w for w in found["warnings"])


def test_nobody_is_advised_to_leave_out_a_confounder():
    rng = np.random.default_rng(4)
    n = 1000
    v, w = rng.integers(0, 2, n), rng.integers(0, 2, n)
    x = np.where((v == 1) & (w == 1), 1, rng.integers(0, 2, n))
    frame = pd.DataFrame({"V": v, "W": w, "X": x, "Y": rng.integers(0, 2, n)})
    warnings = cg.parse("V, W -> X, Y; X -> Y").ask("ate(X, Y)", data=frame).to_dict()["warnings"]
    assert not any("coarser" in w for w in warnings)
