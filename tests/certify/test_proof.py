"""The checker accepts every proof that is found, and rejects every proof that was altered."""

from dataclasses import replace

import numpy as np
import pytest

from causalgraph.certify.proof import faults
from causalgraph.formula.nodes import Marginal, P, Value
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.identify.proof import AdjustmentPremise, Proof, SeparationPremise, Step
from causalgraph.identify.strategies import adjustment, by_backdoor, by_criterion, no_effect, question
from oracles.adjustment import is_valid
from strategies import random_disjoint, random_graph, scaled

CONFOUNDED = MixedGraph.build(
    [("Z", "->", "X"), ("Z", "->", "Y"), ("X", "->", "Y"), ("X", "->", "M"), ("W", "->", "Y")]
)


def derive(asked):
    return no_effect(asked) or adjustment(asked)


def test_every_derivation_on_random_graphs_is_accepted():
    rng = np.random.default_rng(7)
    found = 0
    for _ in range(scaled(300, 3000)):
        graph = random_graph(rng, int(rng.integers(3, 7)), arrows=0.4, two_headed=0.15)
        x, y, w = random_disjoint(rng, graph.nodes, (1, 2), (1, 1), (0, 1))
        derivation = derive(question(graph, x, y, w))
        if derivation:
            found += 1
            assert faults(derivation.proof, graph, derivation.formula) == []
    assert found > 50


def test_a_set_that_is_not_valid_has_no_accepted_proof():
    rng = np.random.default_rng(11)
    rejected = 0
    for _ in range(scaled(200, 2000)):
        graph = random_graph(rng, int(rng.integers(3, 6)), arrows=0.5, two_headed=0.15)
        x, y, z = random_disjoint(rng, graph.nodes, (1, 1), (1, 1), (0, 2))
        asked = question(graph, x, y)
        covariates = graph.sorted(z)
        valid = is_valid(graph, x, y, z)
        for build in (by_backdoor, by_criterion):
            if build is by_criterion and not z:
                continue
            derivation = build(asked, covariates)
            wrong = faults(derivation.proof, graph, derivation.formula)
            if not valid:
                rejected += 1
                assert wrong
            elif build is by_criterion:
                assert wrong == []
    assert rejected > 50


def backdoor():
    derivation = derive(question(CONFOUNDED, "X", "Y"))
    return derivation.proof, derivation.formula


@pytest.mark.parametrize("number", range(3))
def test_a_proof_without_one_of_its_steps_is_rejected(number):
    proof, formula = backdoor()
    steps = proof.steps[:number] + proof.steps[number + 1 :]
    assert faults(Proof(proof.goal, steps), CONFOUNDED, formula)


def mutations(step):
    yield replace(step, rule="rule 3" if step.rule != "rule 3" else "rule 2")
    yield replace(step, rule="because")
    yield replace(step, after=P(["Y"], ["X"]))
    yield replace(step, before=P(["Y"], ["M"]))
    if step.premises:
        yield replace(step, premises=())
        premise = step.premises[0]
        for changed in (
            {"x": ("W",)},
            {"y": ("M",)},
            {"given": ("W", "M")},
            {"cut_into": ("W",)},
            {"cut_out_of": ("W",)},
        ):
            yield replace(step, premises=(replace(premise, **changed),))


@pytest.mark.parametrize("number", range(3))
def test_a_proof_with_one_altered_step_is_rejected(number):
    proof, formula = backdoor()
    for mutant in mutations(proof.steps[number]):
        steps = (*proof.steps[:number], mutant, *proof.steps[number + 1 :])
        assert faults(Proof(proof.goal, steps), CONFOUNDED, formula), mutant


def test_a_proof_of_another_formula_is_rejected():
    proof, _ = backdoor()
    assert "the steps lead to another formula" in faults(proof, CONFOUNDED, P(["Y"], ["X"]))


def test_a_proof_over_another_graph_is_rejected():
    proof, formula = backdoor()
    worse = MixedGraph.build([*CONFOUNDED.edges, ("X", "<->", "Y")])
    assert faults(proof, worse, formula)


def test_a_formula_that_speaks_of_a_latent_is_rejected():
    proof, formula = backdoor()
    hidden = MixedGraph.build(CONFOUNDED.edges, latent=["Z"])
    assert any("latent" in fault for fault in faults(proof, hidden, formula))


def test_a_formula_that_still_intervenes_is_rejected():
    goal = P(["Y"], do=["X"])
    assert "the formula still speaks of an intervention" in faults(Proof(goal, ()), CONFOUNDED, goal)


def test_a_criterion_with_a_forbidden_covariate_is_rejected():
    graph = MixedGraph.build([("X", "->", "M"), ("M", "->", "Y")])
    z = Value("M")
    goal = P(["Y"], do=["X"])
    formula = Marginal(P(["Y"], ["X", "M"]) * P(["M"]), z)
    step = Step("adjustment", ("M",), goal, formula, (AdjustmentPremise(("X",), ("Y",), ("M",)),))
    assert any("causal path" in fault for fault in faults(Proof(goal, (step,)), graph, formula))


def test_rule_3_asks_for_the_graph_without_arrows_into_x():
    graph = MixedGraph.build([("Z", "->", "X"), ("Z", "->", "Y")])
    goal, formula = P(["Y"], do=["X"]), P(["Y"])
    right = SeparationPremise(("X",), ("Y",), cut_into=("X",))
    assert faults(Proof(goal, (Step("rule 3", ("X",), goal, formula, (right,)),)), graph, formula) == []
    wrong = SeparationPremise(("X",), ("Y",))
    assert faults(Proof(goal, (Step("rule 3", ("X",), goal, formula, (wrong,)),)), graph, formula)
