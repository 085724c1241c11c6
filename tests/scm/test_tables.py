"""Exact tables against brute force and other routes to the same number."""

import numpy as np
import pandas as pd
import pytest

import causalgraph as cg
from causalgraph.errors import EstimationError
from causalgraph.scm.simulate import simulate
from causalgraph.scm.structural import structural
from causalgraph.scm.tables import exact, expectation, probability
from oracles.equations import banner, binary, call, eq, op
from oracles.structural import random_binary
from strategies import scaled


def test_effects_and_conditionals_equal_the_sum_over_all_units():
    rng = np.random.default_rng(2)
    for _ in range(scaled(25, 250)):
        model = random_binary(rng, 5)
        do, given = {1: int(rng.integers(2))}, {2: int(rng.integers(2))}
        truth = model.chance([(4, do, 1)], [(2, do, given[2])])
        found = probability(binary(model), {"V4": 1}, do={"V1": do[1]}, given={"V2": given[2]})
        assert found == pytest.approx(truth, abs=1e-12)


def test_an_identified_formula_on_the_exact_joint_gives_the_exact_effect():
    rng = np.random.default_rng(4)
    identified = 0
    for _ in range(scaled(12, 120)):
        model = random_binary(rng, 5)
        made = binary(model)
        seen = ("V1", "V2", "V3", "V4")
        text = "V0 [latent]\n" + "\n".join(f"{v} : binary" for v in seen)
        text += "\n" + "\n".join(f"V{p} -> V{i}" for i, own in enumerate(model.parents) for p in own)
        asked = cg.parse(text)
        if not asked.ask("identify(do(V1), V4)").to_dict()["identified"]:
            continue
        identified += 1
        rows = exact(made, seen).rows()
        data = pd.DataFrame(rows).astype(dict.fromkeys(seen, int))
        found = asked.ask("P(V4=1 | do(V1=1))", data=data, weight="value").to_dict()["value"]
        assert found == pytest.approx(probability(made, {"V4": 1}, do={"V1": 1}), abs=1e-9)
    assert identified > 5


def test_a_sum_of_draws_has_the_binomial_law():
    total = op("+", op("+", call("Bernoulli", 0.3), call("Bernoulli", 0.3)), call("Bernoulli", 0.3))
    made = structural([eq("Y", ":=", total)], {})
    assert exact(made, ["Y"]).table == pytest.approx([0.343, 0.441, 0.189, 0.027])
    assert expectation(made, "Y") == pytest.approx(0.9)
    assert simulate(made, 100_000)["Y"].mean() == pytest.approx(0.9, abs=0.01)


def test_no_table_of_forty_binary_variables_has_more_than_a_thousand_cells():
    made = binary(random_binary(np.random.default_rng(0), 40, most_parents=3))
    found = exact(made, ["V39"], do={"V3": 1}, given={"V20": 0}, limit=1000)
    assert found.table[1] == pytest.approx(probability(made, {"V39": 1}, do={"V3": 1}, given={"V20": 0}))
    assert 0 < found.table[1] < 1


def test_what_has_no_exact_table_is_refused():
    with pytest.raises(EstimationError, match="E546"):
        exact(banner(), ["Banner"])
    made = binary(random_binary(np.random.default_rng(0), 30, most_parents=4))
    with pytest.raises(EstimationError, match="E545"):
        exact(made, made.names, limit=1000)
    fixed = structural([eq("X", ":=", 1), eq("Y", ":=", "X")], {})
    with pytest.raises(EstimationError, match="E547"):
        exact(fixed, ["Y"], given={"X": 0})
