"""Formulas against exact effects: right ones hold, wrong ones don't, whatever shape they have."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pytest
from sympy import Integer, Mul, Pow

from causalgraph.certify.models import DiscreteModel as PackageModel
from causalgraph.certify.models import Factor, TooLargeError, contract, random_model
from causalgraph.certify.verify import Unverifiable, evaluate, verify
from causalgraph.formula.nodes import E, Event, Level, Marginal, P, Value
from causalgraph.graphs.mixed import MixedGraph
from oracles.identification import Conditional, Hedge, Joint, Product, Sum, identify, plain
from oracles.models import DiscreteModel
from oracles.projection import projection
from strategies import random_disjoint, random_graph, scaled

FRONTDOOR = MixedGraph.build([("X", "->", "M"), ("M", "->", "Y"), ("X", "<->", "Y")])
NAPKIN = MixedGraph.build([("W", "->", "Z"), ("Z", "->", "X"), ("X", "->", "Y"), ("W", "<->", "X"), ("W", "<->", "Y")])
HIDDEN = MixedGraph.build([("U", "->", "X"), ("U", "->", "Y"), ("X", "->", "M"), ("M", "->", "Y")], latent=["U"])
X1, W, M = Value("X", 1), Value("W"), Value("M")


def frontdoor():
    inner = Marginal(P(["Y"], [Event("X", X1), "M"]) * P([Event("X", X1)]), X1)
    return Marginal(P(["M"], ["X"]) * inner, M)


def napkin():
    top, bottom = (Marginal(P(names, ["W", "Z"]) * P(["W"]), W) for names in (["X", "Y"], ["X"]))
    return Mul(top, Pow(bottom, -1))


def test_textbook_formulas_hold():
    for graph, formula, free in ((FRONTDOOR, frontdoor(), ()), (HIDDEN, frontdoor(), ()), (NAPKIN, napkin(), ("Z",))):
        found = verify(graph, "X", "Y", (), formula)
        assert found.holds
        assert found.exit_code == 0
        assert found.worst_error < 1e-12
        assert (found.checked, found.free) == (10, free)
        assert found.to_dict()["kind"] == "verification"


def test_the_number_of_latents_counts_nodes_and_two_headed_edges():
    assert verify(HIDDEN, "X", "Y", (), frontdoor()).latents == 1
    assert verify(NAPKIN, "X", "Y", (), napkin()).latents == 2


def test_wrong_formulas_are_rejected():
    wrong = [
        (FRONTDOOR, P(["Y"], ["X"])),
        (NAPKIN, P(["Y"], ["X"])),
        (NAPKIN, P(["Y"], ["X", "Z"])),
        (FRONTDOOR, P(["Y"])),
        (FRONTDOOR, Marginal(P(["M"], ["X"]) * P(["Y"], ["X", "M"]), M)),
        (FRONTDOOR, Integer(2) * frontdoor()),
        (FRONTDOOR, frontdoor() + Integer(1)),
    ]
    for graph, formula in wrong:
        found = verify(graph, "X", "Y", (), formula)
        assert not found.holds
        assert found.exit_code == 1
        assert found.worst_error > 1e-4


def test_a_division_by_zero_is_as_wrong_as_can_be():
    nothing = Marginal(P(["X"]), Value("X")) + Integer(-1)
    found = verify(FRONTDOOR, "X", "Y", (), Mul(nothing, Pow(nothing, -1, evaluate=False), evaluate=False))
    assert not found.holds


def test_a_sum_over_what_is_not_mentioned_counts_its_values():
    graph = MixedGraph.build([("X", "->", "Y")])
    model = random_model(np.random.default_rng(0), graph, levels={"X": 3, "Y": 2})
    assert evaluate(Marginal(P(["Y"]), Value("Y"), Value("X")), model).table == pytest.approx(3)


def test_a_level_and_an_expectation_have_no_value_in_a_random_model():
    model = random_model(np.random.default_rng(0), FRONTDOOR, levels=dict.fromkeys([*"XMY", FRONTDOOR.edges[2]], 2))
    for formula in (P(["Y"], [Event("X", Level("1"))]), E("Y", ["X"])):
        with pytest.raises(TypeError):
            evaluate(formula, model)


def test_equal_seeds_give_equal_errors_and_more_values_are_tried():
    first, second = (verify(FRONTDOOR, "X", "Y", (), P(["Y"], ["X"]), seed=3) for _ in range(2))
    assert first == second
    assert first.most_levels == 4
    assert verify(FRONTDOOR, "X", "Y", (), frontdoor(), cardinalities=(2, 2)).most_levels == 2


def test_an_exact_sum_that_is_too_large_is_said_and_not_taken():
    parents = [f"Z{i}" for i in range(30)]
    graph = MixedGraph.build([("X", "->", "Y"), *((z, "->", "Y") for z in parents)])
    small = MixedGraph.build([("X", "->", "Y"), *((z, "->", "Y") for z in parents[:9])])
    assert isinstance(verify(graph, "X", "Y", (), P(["Y"], ["X"])), Unverifiable)
    assert verify(small, "X", "Y", (), P(["Y"], ["X"])).holds
    with pytest.raises(TooLargeError):
        contract([Factor((i,), np.ones(4)) for i in range(12)], range(12))


def spelled(expression, order):
    """Write an expression of the oracle as a formula, ratios and all."""
    match expression:
        case Joint():
            return P(order)
        case Sum(over, of):
            return Marginal(spelled(of, order), *map(Value, over))
        case Product(factors):
            return Mul(*(spelled(f, order) for f in factors))
        case Conditional(subject, given, scope, of):
            body = spelled(of, order)
            top, bottom = (Marginal(body, *map(Value, scope - kept)) for kept in (subject | given, given))
            return Mul(top, Pow(bottom, -1))


def test_every_formula_of_the_published_algorithm_holds():
    rng = np.random.default_rng(9)
    yes = 0
    for _ in range(scaled(60, 2000)):
        graph = random_graph(rng, int(rng.integers(3, 7)), two_headed=0.2, latent=int(rng.integers(0, 2)))
        x, y, w = random_disjoint(rng, graph.observed, (1, 2), (1, 2), (0, 2))
        seen = projection(graph)
        ends = {m: [(e.left, e.right) for e in seen.edges if e.mark == m] for m in ("->", "<->")}
        known = plain(seen.nodes, ends["->"], ends["<->"])
        found = identify(known, x, y, w)
        if not isinstance(found, Hedge):
            yes += 1
            answer = verify(graph, x, y, w, spelled(found, known.order), models=2, cardinalities=(2, 3))
            assert answer.holds, (graph, x, y, w, answer)
    assert yes > scaled(20, 700)


def test_exact_distributions_agree_with_the_oracle():
    rng = np.random.default_rng(10)
    for _ in range(scaled(100, 3000)):
        graph = random_graph(rng, int(rng.integers(3, 8)), two_headed=0.25, latent=int(rng.integers(0, 2)))
        keys = [*graph.nodes, *(e for e in graph.edges if e.mark == "<->")]
        ours: PackageModel = random_model(rng, graph, levels={k: int(rng.integers(2, 4)) for k in keys})
        truth = DiscreteModel(graph, ours.levels, ours.parents, ours.tables)
        x, y, w = map(tuple, random_disjoint(rng, graph.observed, (0, 2), (1, 2), (0, 2)))
        assert np.abs(ours.effect(y, x, w) - truth.effect(y, x, w)).max() < 1e-13


def test_ten_nodes_take_well_under_a_second_a_model():
    rng = np.random.default_rng(11)
    graph = random_graph(rng, 10, arrows=0.4, two_headed=0.2)
    every = P(graph.nodes)
    started = perf_counter()
    found = verify(graph, graph.nodes[0], graph.nodes[1], (), Marginal(every, *map(Value, graph.nodes[2:])), models=3)
    assert not found.holds
    assert perf_counter() - started < 6
