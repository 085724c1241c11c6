"""The best set where variables share hidden causes, the best minimal and the best cheapest one: exact variances."""

from itertools import chain, combinations

import numpy as np
import pytest

from causalgraph.criteria.adjustment import check_adjustment
from causalgraph.criteria.optimal import (
    minimum_cost_adjustment_set,
    optimal_adjustment_set,
    optimal_minimal_adjustment_set,
)
from causalgraph.graphs.mixed import MixedGraph
from oracles.adjustment import is_direct_effect_set, valid_sets
from oracles.optimal import TOLERANCE, LinearModel, best_in_every_model
from strategies import random_disjoint, random_graph, scaled

UNDECIDED = "depends on the model"


def effect_graph(rng, *, two_headed=(0.15, 0.5), latent=0):
    """Return a random graph of five to seven nodes, and two of them that an arrow joins and no hidden cause."""
    while True:
        size = int(rng.integers(5, 8))
        densities = {"arrows": rng.uniform(0.15, 0.4), "two_headed": rng.uniform(*two_headed)}
        graph = random_graph(rng, size, latent=latent, **densities)
        arrows = [e for e in graph.edges if e.mark == "->" and not {e.left, e.right} & graph.latent]
        if arrows:
            chosen = arrows[int(rng.integers(len(arrows)))]
            ends = {chosen.left, chosen.right}
            return graph.with_edges(e for e in graph.edges if {e.left, e.right} != ends or e == chosen), *chosen[::2]


def confounded_graph(rng, latent):
    """Return a random graph in which a last node but one, X, points at the last, Y: much may lie above both."""
    names = [f"V{i}" for i in rng.permutation(int(rng.integers(6, 8)))]
    *others, x, y = names
    edges = [(a, "->", b) for a, b in combinations(names, 2) if rng.random() < 0.4 and {a, b} != {x, y}]
    edges += [(a, "<->", b) for a, b in combinations(names, 2) if rng.random() < 0.1 and {a, b} != {x, y}]
    hidden = rng.choice(others, size=latent, replace=False)
    return MixedGraph.build([*edges, (x, "->", y)], sorted(names), latent=map(str, hidden)), x, y


def asked(rng, graph, *taken):
    """Return a required and a forbidden node, or more often none."""
    required, forbidden = random_disjoint(rng, graph.observed - frozenset(taken), (0, 1), (0, 1))
    return required if rng.random() < 0.4 else frozenset(), forbidden if rng.random() < 0.4 else frozenset()


def not_beaten(rng, graph, x, y, own, sets, models=4):
    """Say whether a set is one of some, and has the least variance of them in random models."""
    assert own in sets
    for _ in range(models):
        model = LinearModel.random(graph, rng)
        mine = model.variances(x, y, own)
        if any((mine > model.variances(x, y, z) * (1 + TOLERANCE)).any() for z in sets):
            return False
    return True


def subsets(names):
    pool = sorted(names)
    return map(frozenset, chain.from_iterable(combinations(pool, size) for size in range(len(pool) + 1)))


def test_no_valid_set_beats_the_optimal_one_with_hidden_causes_and_there_is_one_where_any_is_valid_and_undoubted():
    rng = np.random.default_rng(31)
    seen = {"best": 0, "hidden": 0, "invalid": 0}
    for _ in range(scaled(150, 4000)):
        graph, x, y = effect_graph(rng, latent=int(rng.integers(0, 2)))
        required, forbidden = asked(rng, graph, x, y)
        found = optimal_adjustment_set(graph, x, y, required=required, forbidden=forbidden)
        valid = [z for z in valid_sets(graph, [x], [y], required=required) if not z & forbidden]
        if not valid:
            seen["invalid"] += 1
            assert found.covariates is None
            assert found.reason == "no set is valid" or "may not stand in a set" in found.reason
        elif found.covariates is None:
            assert UNDECIDED in found.reason
        else:
            seen["best"] += 1
            seen["hidden"] += any(
                e.mark == "<->" and not {e.left, e.right}.isdisjoint(found.covariates) for e in graph.edges
            )
            assert not_beaten(rng, graph, [x], y, frozenset(found.covariates), valid)
    assert min(seen.values()) > scaled(10, 300)


def test_where_the_optimal_set_is_undecided_no_set_is_best_in_every_model():
    rng = np.random.default_rng(32)
    undecided = {"explains": 0, "whether a set": 0}
    proven = 0
    while min(undecided.values()) < scaled(4, 120):
        graph, x, y = effect_graph(rng)
        reason = optimal_adjustment_set(graph, x, y).reason or ""
        kind = next((k for k in undecided if k in reason), None)
        if kind and undecided[kind] < scaled(4, 120):
            undecided[kind] += 1
            proven += not best_in_every_model(graph, x, y, valid_sets(graph, [x], [y]), rng, 600)
    assert proven == sum(undecided.values())


@pytest.mark.parametrize(
    ("edges", "best"),
    [
        ("X -> Y, A <-> Y", ("A",)),
        ("X -> Y, A <-> Y, B -> A", ("A", "B")),
        ("X -> M, M -> Y, M <-> Y, B -> M, C <-> D", ("B",)),
        ("A -> X, A -> Y, X -> Y, A <-> B, B <-> Y", ("A", "B")),
        # A set may hold no node that X reaches: with C it would open X <-> A -> C <-> Y.
        ("X -> Y, A <-> X, A -> C, C <-> Y, A -> Y", ("A", "C")),
    ],
)
def test_a_best_set_may_hold_nodes_that_share_a_hidden_cause_with_the_outcome(edges, best):
    graph = MixedGraph.build([tuple(e.split()) for e in edges.split(", ")])
    assert optimal_adjustment_set(graph, "X", "Y").covariates == best


def test_the_reason_names_the_node_that_may_do_good_or_harm():
    rival = MixedGraph.build([("A", "->", "B"), ("X", "->", "Y"), ("A", "<->", "X"), ("B", "<->", "Y")])
    assert optimal_adjustment_set(rival, "X", "Y").reason == (
        "B <-> Y: whether a set with {B} beats {} depends on the model"
    )
    needless = MixedGraph.build([("A", "->", "X"), ("A", "->", "B"), ("X", "->", "Y"), ("B", "<->", "Y")])
    assert optimal_adjustment_set(needless, "X", "Y").reason == (
        "A -> B <-> Y: A explains some of Y and some of X, and whether it helps depends on the model"
    )


def test_what_is_forbidden_is_like_what_is_hidden():
    graph = MixedGraph.build([("A", "->", "X"), ("A", "->", "B"), ("X", "->", "Y"), ("U", "->", "B"), ("U", "->", "Y")])
    assert optimal_adjustment_set(graph, "X", "Y").covariates == ("U",)
    assert UNDECIDED in optimal_adjustment_set(graph, "X", "Y", forbidden="U").reason
    assert optimal_adjustment_set(graph, "X", "Y", required="A").covariates == ("A", "U")


def test_for_several_treatments_hidden_causes_of_the_effect_leave_it_undecided_and_others_do_not():
    edges = [("X", "->", "Y"), ("W", "->", "Y"), ("A", "->", "Y"), ("A", "<->", "X")]
    assert optimal_adjustment_set(MixedGraph.build(edges), ["X", "W"], "Y").covariates == ("A",)
    shared = MixedGraph.build([*edges, ("B", "<->", "Y")])
    assert "no theorem" in optimal_adjustment_set(shared, ["X", "W"], "Y").reason


def test_the_best_minimal_and_the_best_cheapest_set_are_beaten_by_none_of_their_kind():
    rng = np.random.default_rng(33)
    choices = {"minimal": 0, "cheapest": 0}
    for _ in range(scaled(120, 3000)):
        graph, x, y = confounded_graph(rng, int(rng.integers(0, 2)))
        others = sorted(graph.observed - {x, y})
        treatments = {x, *(n for n in others[:1] if rng.random() < 0.3)}
        required, forbidden = asked(rng, graph, y, *treatments)
        effect = "direct" if rng.random() < 0.3 else "total"
        judge = is_direct_effect_set if effect == "direct" else lambda *args: check_adjustment(*args).valid
        free = graph.observed - treatments - {y} - required - forbidden
        valid = [z | required for z in subsets(free) if judge(graph, treatments, [y], z | required)]
        question = {"effect": effect, "required": required, "forbidden": forbidden}
        cost = {n: float(rng.choice([0.1, 0.2, 0.3, 1])) for n in graph.nodes}
        least = optimal_minimal_adjustment_set(graph, treatments, y, **question).covariates
        cheap = minimum_cost_adjustment_set(graph, treatments, y, cost=cost, **question)
        assert (least is not None) == (cheap is not None) == bool(valid)
        if not valid:
            continue
        minimal = [z for z in valid if not any(other < z for other in valid)]
        price = {z: round(sum(cost[n] for n in z), 6) for z in valid}
        cheapest = [z for z in valid if price[z] == min(price.values())]
        assert price[cheap[0]] == round(cheap[1], 6)
        for kind, own, sets in (("minimal", frozenset(least), minimal), ("cheapest", cheap[0], cheapest)):
            choices[kind] += len(sets) > 1
            assert not_beaten(rng, graph, sorted(treatments), y, own, sets, models=2)
    assert min(choices.values()) > scaled(2, 60)


def test_of_the_cheapest_sets_the_one_next_to_the_outcome_is_returned():
    chain_ = [("A", "->", "X"), ("A", "->", "B"), ("B", "->", "C"), ("C", "->", "Y"), ("X", "->", "Y")]
    graph = MixedGraph.build(chain_)
    assert minimum_cost_adjustment_set(graph, "X", "Y") == ({"C"}, 1)
    assert minimum_cost_adjustment_set(graph, "X", "Y", cost={"C": 2}) == ({"B"}, 1)
    assert minimum_cost_adjustment_set(graph, "X", "Y", cost={"A": 0, "B": 0}) == ({"B"}, 0)


def test_costs_are_read_as_decimals():
    edges = [("A", "->", "X"), ("X", "->", "Y"), *((a, "->", b) for a, b in ("AB", "AC", "BY", "CY"))]
    graph = MixedGraph.build(edges)
    assert minimum_cost_adjustment_set(graph, "X", "Y", cost={"A": 0.3, "B": 0.1, "C": 0.2}) == ({"B", "C"}, 0.3)


def test_a_node_of_infinite_cost_is_used_only_where_it_is_required():
    graph = MixedGraph.build([("A", "->", "X"), ("A", "->", "Y"), ("X", "->", "Y"), ("B", "->", "Y")])
    dear = float("inf")
    assert minimum_cost_adjustment_set(graph, "X", "Y", cost={"A": dear}) is None
    assert minimum_cost_adjustment_set(graph, "X", "Y", cost={"B": dear}) == ({"A"}, 1)
    assert minimum_cost_adjustment_set(graph, "X", "Y", cost={"A": dear}, required="A") == ({"A"}, dear)


def test_selected_nodes_are_given_in_every_set():
    rng = np.random.default_rng(34)
    compared = 0
    for _ in range(scaled(200, 3000)):
        graph, x, y = effect_graph(rng, two_headed=(0, 0.3))
        chosen = frozenset(sorted(graph.observed - {x, y})[:1])
        graph = MixedGraph(graph.kind, graph.nodes, graph.edges, graph.latent, chosen)
        best = optimal_adjustment_set(graph, x, y).covariates
        if best is not None:
            free = graph.observed - chosen - {x, y}
            valid = [z for z in subsets(free) if check_adjustment(graph, x, y, z).valid]
            compared += len(valid) > 1
            assert not_beaten(rng, graph, [x], y, frozenset(best), valid, models=2)
    assert compared > scaled(10, 300)
