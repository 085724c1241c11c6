"""Counterfactuals against brute force, rejection sampling and published numbers."""

import numpy as np
import pytest

from causalgraph.errors import EstimationError, ModelError
from causalgraph.scm.counterfactual import Potential, ask, ett, pn, pns, ps
from causalgraph.scm.simulate import column_of, noise, simulate
from causalgraph.scm.structural import structural
from oracles.equations import banner, binary, call, eq, op
from oracles.structural import random_binary
from strategies import scaled


def outcome(i, do, value=None):
    world = tuple((f"V{j}", outcome(j, v) if isinstance(v, dict) else v) for j, v in do.items())
    return Potential(f"V{i}", world, value)


def random_do(rng, size, below):
    do = {}
    for j in range(below):
        if rng.random() < 0.4:
            do[j] = {0: int(rng.integers(2))} if j and rng.random() < 0.3 else int(rng.integers(2))
    return do


def test_joint_counterfactuals_equal_the_sum_over_all_units():
    rng = np.random.default_rng(1)
    for _ in range(scaled(25, 250)):
        model = random_binary(rng, 4)
        made = binary(model)
        draw = lambda: (i := int(rng.integers(1, 4)), random_do(rng, 4, i), int(rng.integers(2)))  # noqa: E731
        event, given = [draw() for _ in range(2)], [(int(rng.integers(4)), {}, int(rng.integers(2))), draw()]
        try:
            truth = model.chance(event, given)
        except ZeroDivisionError:
            with pytest.raises(EstimationError, match="probability 0"):
                ask(made, [outcome(*e) for e in event], [outcome(*g) for g in given])
            continue
        found = ask(made, [outcome(*e) for e in event], [outcome(*g) for g in given])
        assert found.value == pytest.approx(truth, abs=1e-12)


def test_the_language_s_own_example_is_exactly_42():
    facts = [Potential("Banner", (), 1), Potential("Spending", (), 50)]
    found = ask(banner(), [Potential("Spending", (("Banner", 0),))], facts)
    assert found.value == pytest.approx(42, abs=1e-9)
    assert (found.std_error, found.notes, found.warnings) == (None, (), ())
    assert found.method.startswith("exact")


def test_weighted_draws_agree_with_rejection():
    facts = [Potential("Banner", (), 1), Potential("Spending", (), 50)]
    columns = simulate(banner(), 2_000_000, seed=9)
    kept = (columns["Banner"] == 1) & (np.abs(columns["Spending"] - 50) < 0.25)
    near = columns["Prior"][kept]
    found = ask(banner(), [Potential("Prior")], facts)
    error = np.hypot(found.std_error, near.std() / np.sqrt(len(near)))
    assert abs(found.value - near.mean()) < 4 * error


def test_weights_carry_the_slope_of_the_noise():
    made = structural(
        [eq("Z", "~", call("Normal", 0, 1)), eq("Y", ":=", op("*", call("exp", "Z"), call("Exponential", 1)))], {}
    )
    columns = simulate(made, 2_000_000, seed=3)
    near = columns["Z"][np.abs(columns["Y"] - 2) < 0.02]
    found = ask(made, [Potential("Z")], [Potential("Y", (), 2)])
    assert abs(found.value - near.mean()) < 4 * np.hypot(found.std_error, near.std() / np.sqrt(len(near)))


def test_a_gaussian_cause_given_its_effect_has_the_mean_of_regression():
    made = structural([eq("X", "~", call("Normal", 1, 2)), eq("Y", ":=", op("+", "X", call("Normal", 0, 1)))], {})
    found = ask(made, [Potential("X")], [Potential("Y", (), 4)])
    assert abs(found.value - (1 + 4 / 5 * 3)) < 4 * found.std_error


def test_the_prisoner_would_be_dead_had_the_first_rifleman_not_fired():
    made = structural(
        [
            eq("Court", "~", call("Bernoulli", 0.3)),
            eq("Captain", ":=", "Court"),
            eq("A", ":=", "Captain"),
            eq("B", ":=", "Captain"),
            eq("Dead", ":=", call("max", "A", "B")),
        ],
        {},
    )
    dead = Potential("Dead", (), 1)
    assert ask(made, [Potential("Dead", (("A", 0),), 1)], [dead]).value == pytest.approx(1)
    assert ask(made, [Potential("Dead", (("Captain", 0),), 1)], [dead]).value == pytest.approx(0)
    with pytest.raises(EstimationError, match="E547"):
        ask(made, [dead], [Potential("A", (), 1), Potential("B", (), 0)])


def test_necessity_and_sufficiency_under_monotone_noise_are_pearl_s():
    made = structural(
        [eq("X", "~", call("Bernoulli", 0.3)), eq("Y", "~", call("Bernoulli", op("+", 0.2, op("*", 0.5, "X"))))], {}
    )
    assert pn(made, "X", "Y").value == pytest.approx(0.5 / 0.7)
    assert ps(made, "X", "Y").value == pytest.approx(0.5 / 0.8)
    assert pns(made, "X", "Y").value == pytest.approx(0.5)
    assert ett(made, "X", "Y").value == pytest.approx(0.5)
    assert "isn't additive" in pn(made, "X", "Y").notes[0]
    assert ett(made, "X", "Y").notes == ()


def test_consistency_effectiveness_and_composition_hold():
    rng = np.random.default_rng(5)
    for _ in range(scaled(10, 100)):
        made = binary(random_binary(rng, 5))
        x = int(rng.integers(2))
        plain, fact = Potential("V4", (), 1), Potential("V1", (), x)
        same = ask(made, [Potential("V4", (("V1", x),), 1)], [fact]).value
        assert same == pytest.approx(ask(made, [plain], [fact]).value)
        assert ask(made, [Potential("V1", (("V1", x),), x)]).value == pytest.approx(1)
        nested = Potential("V4", (("V1", x), ("V2", Potential("V2", (("V1", x),)))), 1)
        assert ask(made, [nested]).value == pytest.approx(ask(made, [Potential("V4", (("V1", x),), 1)]).value)


def test_what_can_t_be_asked_is_refused():
    made = banner()
    with pytest.raises(ModelError, match="E147"):
        ask(made, [Potential("Spending")], [Potential("Banner")])
    with pytest.raises(EstimationError, match="E548"):
        ask(made, [Potential("Spending", (), 50)])
    squared = structural([eq("Y", ":=", call("abs", call("Normal", 0, 1)))], {})
    with pytest.raises(EstimationError, match="E549"):
        ask(squared, [Potential("Y")], [Potential("Y", (), 1)])


def test_rare_facts_are_warned_of():
    found = ask(banner(), [Potential("Prior")], [Potential("Spending", (), 160)], draws=2_000)
    assert found.warnings[0].startswith("W550")


def test_setting_leaves_the_noise_of_others_as_it_is():
    made = banner()
    uniforms = noise(made, 100, 3)
    plain, done = (column_of(made, uniforms, 100, do=do) for do in ({}, {"Banner": 1}))
    assert (plain["Prior"] == done["Prior"]).all()
    assert np.allclose(done["Spending"] - plain["Spending"], 8 * (1 - plain["Banner"]))


def test_draws_agree_with_tables_where_tables_are_said_to_be_too_large():
    rng, compared = np.random.default_rng(7), 0
    target = [Potential("V4", (("V1", 1), ("V2", Potential("V2", (("V1", 0),)))), 1)]
    given = [Potential("V4", (), 0), Potential("V3", (("V1", 0),), 1)]
    for _ in range(scaled(8, 80)):
        made = binary(random_binary(rng, 5))
        truth, drawn = ask(made, target, given), ask(made, target, given, limit=1, seed=3)
        if drawn.method == truth.method:  # so small that the limit isn't met
            continue
        compared += 1
        assert "too large" in drawn.notes[-1]
        assert abs(drawn.value - truth.value) <= 4.5 * drawn.std_error + 1e-9
    assert compared > 3


def test_a_count_and_a_level_weigh_draws_by_their_probability():
    made = structural(
        [
            eq("Z", "~", call("Normal", 0, 1)),
            eq("N", "~", call("Poisson", call("exp", "Z"))),
            eq("Y", ":=", op("+", op("*", 2, call("Bernoulli", call("expit", "Z"))), "N")),
        ],
        {},
    )
    columns = simulate(made, 1_000_000, seed=8)
    near = columns["Z"][(columns["N"] == 3) & (columns["Y"] == 5)]
    found = ask(made, [Potential("Z")], [Potential("N", (), 3), Potential("Y", (), 5)])
    assert abs(found.value - near.mean()) < 4 * np.hypot(found.std_error, near.std() / np.sqrt(len(near)))


def test_a_fact_of_another_world_about_the_same_noise_must_agree():
    facts = [Potential("Spending", (("Banner", 1),), 58), Potential("Spending", (("Banner", 0),), 50)]
    found = ask(banner(), [Potential("Prior")], facts[:1]), ask(banner(), [Potential("Prior")], facts)
    assert found[0].value == pytest.approx(found[1].value)
    with pytest.raises(EstimationError, match="E547"):
        ask(banner(), [Potential("Prior")], [facts[0], Potential("Spending", (("Banner", 0),), 51)])


def test_draws_that_agree_are_no_proof_where_levels_are_asked():
    chance = call("expit", op("-", "Z", 30))
    made = structural([eq("Z", "~", call("Normal", 0, 1)), eq("Y", "~", call("Bernoulli", chance))], {})
    found = ask(made, [Potential("Y")], draws=1000)
    assert found.method == "1,000 draws"
    assert found.warnings[-1].startswith("W551")
    few = ask(banner(), [Potential("Spending", (("Banner", 0),))], [Potential("Spending", (), 50)], draws=1)
    assert not few.method.startswith("exact")
