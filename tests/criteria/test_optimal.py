"""The optimal and the cheapest set, against exact variances and against all sets."""

from itertools import combinations

import numpy as np
import pytest

from causalgraph.criteria.adjustment import check_adjustment, minimal_adjustment_sets
from causalgraph.criteria.families import adjustment_family
from causalgraph.criteria.optimal import minimum_cost_adjustment_set, optimal_adjustment_set
from causalgraph.errors import ModelError
from causalgraph.graphs.mixed import MixedGraph
from oracles.adjustment import minimal_direct_effect_sets, minimal_sets, valid_sets
from oracles.optimal import TOLERANCE, LinearModel
from strategies import random_disjoint, random_graph, scaled


def test_no_valid_set_has_a_smaller_variance_than_the_optimal_one():
    rng = np.random.default_rng(3)
    compared = 0
    for _ in range(scaled(150, 1500)):
        graph = random_graph(rng, int(rng.integers(3, 7)), arrows=0.45, two_headed=0)
        (x,), (y,) = random_disjoint(rng, graph.nodes, (1, 1), (1, 1))
        best = optimal_adjustment_set(graph, x, y)
        valid = list(valid_sets(graph, [x], [y]))
        if best.covariates is None:
            assert best.reason
            continue
        assert frozenset(best.covariates) in valid
        model = LinearModel.random(graph, rng)
        (own,) = model.variances([x], y, best.covariates)
        for z in valid:
            compared += 1
            assert own <= model.variances([x], y, z)[0] * (1 + TOLERANCE)
    assert compared > 100


def test_where_the_outcome_does_not_descend_from_the_treatment_there_is_no_optimal_set():
    found = optimal_adjustment_set(MixedGraph.build([("Y", "->", "X")]), "X", "Y")
    assert found.covariates is None
    assert "isn't a descendant" in found.reason


def test_a_hidden_variable_that_is_noise_spoils_nothing():
    graph = MixedGraph.build([("A", "->", "X"), ("A", "->", "Y"), ("X", "->", "Y"), ("U", "->", "Y")], latent=["U"])
    assert optimal_adjustment_set(graph, "X", "Y").covariates == ("A",)


def test_the_cheapest_set_is_the_cheapest_of_all_valid_ones():
    rng = np.random.default_rng(4)
    seen = {True: 0, False: 0}
    for _ in range(scaled(300, 3000)):
        graph = random_graph(rng, int(rng.integers(3, 7)), arrows=0.45, two_headed=0.12, latent=int(rng.integers(0, 2)))
        pool = sorted(graph.observed)
        x, y, required = random_disjoint(rng, pool, (1, 2), (1, 1), (0, 1))
        cost = {n: float(rng.choice([0, 0.5, 1, 2, 7])) for n in graph.nodes}
        found = minimum_cost_adjustment_set(graph, x, y, cost=cost, required=required)
        valid = [z for z in valid_sets(graph, x, y) if required <= z and not z & graph.latent]
        seen[found is not None] += 1
        assert (found is None) == (not valid)
        if found is not None:
            chosen, price = found
            assert price == pytest.approx(min(sum(cost[n] for n in z) for z in valid))
            assert price == pytest.approx(sum(cost[n] for n in chosen))
            assert chosen in minimal_sets(graph, x, y, required=required)
    assert min(seen.values()) > 20


def test_a_negative_cost_is_refused():
    graph = MixedGraph.build([("A", "->", "X"), ("A", "->", "Y"), ("X", "->", "Y")])
    with pytest.raises(ModelError, match="E112"):
        minimum_cost_adjustment_set(graph, "X", "Y", cost={"A": -1})


def test_direct_effect_sets_are_those_of_the_definition():
    rng = np.random.default_rng(5)
    for _ in range(scaled(300, 3000)):
        graph = random_graph(rng, int(rng.integers(3, 7)), arrows=0.45, two_headed=0.12, latent=int(rng.integers(0, 2)))
        x, y = random_disjoint(rng, sorted(graph.observed), (1, 1), (1, 1))
        found = list(minimal_adjustment_sets(graph, x, y, effect="direct"))
        assert len(found) == len(set(found))
        assert set(found) == set(minimal_direct_effect_sets(graph, x, y))
        for z in found:
            assert check_adjustment(graph, x, y, z, effect="direct").valid


def test_required_and_forbidden_nodes_are_kept_to():
    rng = np.random.default_rng(6)
    for _ in range(scaled(200, 2000)):
        graph = random_graph(rng, int(rng.integers(4, 7)), arrows=0.45, two_headed=0.1)
        x, y, required, forbidden = random_disjoint(rng, graph.nodes, (1, 1), (1, 1), (0, 1), (0, 2))
        found = set(minimal_adjustment_sets(graph, x, y, required=required, forbidden=forbidden))
        allowed = [z for z in valid_sets(graph, x, y) if required <= z and not z & forbidden]
        smallest = {z for z in allowed if not any(other < z for other in allowed)}
        assert found == smallest
        family = adjustment_family(graph, x, y, required=required, forbidden=forbidden)
        assert bool(family.sets) == bool(smallest)
        assert family.sets or family.none


def test_a_required_node_that_may_not_stand_in_a_set_is_named():
    graph = MixedGraph.build([("X", "->", "M"), ("M", "->", "Y")])
    assert adjustment_family(graph, "X", "Y", required="M").none == "M is required, but may not stand in a set"


def test_a_long_path_is_enumerated_lazily():
    pairs = [(f"A{i}", f"B{i}") for i in range(40)]
    edges = [e for a, b in pairs for e in ((a, "->", "X"), (a, "->", b), (b, "->", "Y"))]
    graph = MixedGraph.build([*edges, ("X", "->", "Y")])
    found = minimal_adjustment_sets(graph, "X", "Y")
    first = [next(found) for _ in range(20)]
    assert len(set(first)) == 20
    assert all(len(z) == 40 for z in first)
    for a, b in combinations(first, 2):
        assert a != b
