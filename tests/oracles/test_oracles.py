"""The oracles agree with one another, and with numbers: each is checked by a second way to the same truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalgraph.graphs.mixed import MixedGraph
from oracles.adjustment import forbidden_nodes, is_backdoor_set, is_valid, minimal_sets, valid_sets
from oracles.models import DiscreteModel, random_model
from oracles.projection import projection
from oracles.relations import ancestors, markov_blanket
from oracles.separation import is_separated, is_separated_by_networkx, paths_between
from strategies import dags, graphs, graphs_with_sets, random_disjoint, random_graph

EXACT = 1e-9


def gap(left: np.ndarray, right: np.ndarray) -> float:
    return float(np.abs(left - right).max())


def adjusted(model: DiscreteModel, x: tuple[str, ...], y: tuple[str, ...], z: tuple[str, ...]) -> np.ndarray:
    """Return the sum over z of P(y | x, z) P(z), with axes (*x, *y)."""
    joint = model.distribution((*z, *x, *y))
    of_y = tuple(range(len(z) + len(x), joint.ndim))
    of_x_and_y = tuple(range(len(z), joint.ndim))
    conditional = joint / joint.sum(axis=of_y, keepdims=True)
    weighted = conditional * joint.sum(axis=of_x_and_y, keepdims=True)
    return np.asarray(weighted.sum(axis=tuple(range(len(z)))))


def test_path_enumeration_agrees_with_networkx_on_500_graphs() -> None:
    rng = np.random.default_rng(1)
    verdicts = []
    for _ in range(500):
        graph = random_graph(rng, int(rng.integers(3, 8)), arrows=0.3)
        x, y, z = random_disjoint(rng, graph.nodes, (1, 2), (1, 2), (0, 3))
        verdicts.append(is_separated(graph, x, y, z))
        assert verdicts[-1] == is_separated_by_networkx(graph, x, y, z), (graph, x, y, z)
    assert 0.1 < np.mean(verdicts) < 0.9


@given(graphs_with_sets(max_nodes=5))
def test_path_enumeration_agrees_with_networkx_whatever_the_names(
    drawn: tuple[MixedGraph, frozenset[str], frozenset[str], frozenset[str]],
) -> None:
    assert is_separated(*drawn) == is_separated_by_networkx(*drawn)


def test_a_separation_is_an_independence_and_a_connection_is_none_in_a_random_model() -> None:
    rng = np.random.default_rng(2)
    for _ in range(150):
        graph = random_graph(rng, int(rng.integers(3, 6)), latent=int(rng.integers(0, 2)))
        x, y, z = random_disjoint(rng, graph.observed, (1, 1), (1, 1), (0, 2))
        joint = random_model(rng, graph).distribution((*z, *x, *y))
        given_z = joint / joint.sum(axis=(-1, -2), keepdims=True)
        product = given_z.sum(axis=-1, keepdims=True) * given_z.sum(axis=-2, keepdims=True)
        assert (gap(given_z, product) < EXACT) == is_separated(graph, x, y, z), (graph, x, y, z)


def test_a_set_is_valid_just_where_adjusting_for_it_gives_the_effect_in_a_random_model() -> None:
    rng = np.random.default_rng(3)
    verdicts = []
    for _ in range(120):
        graph = random_graph(rng, int(rng.integers(3, 6)), latent=int(rng.integers(0, 2)))
        x, y, z = map(tuple, random_disjoint(rng, graph.observed, (1, 2), (1, 2), (0, 3)))
        model = random_model(rng, graph)
        verdicts.append(is_valid(graph, x, y, z))
        agrees = gap(adjusted(model, x, y, z), model.effect(y, x)) < EXACT
        assert agrees == verdicts[-1], (graph, x, y, z)
    assert 0.1 < np.mean(verdicts) < 0.9


def test_a_back_door_set_is_valid_and_some_valid_sets_are_no_back_door_sets() -> None:
    rng = np.random.default_rng(4)
    valid_only = 0
    for _ in range(200):
        graph = random_graph(rng, int(rng.integers(3, 6)))
        (x, *_), y, z = random_disjoint(rng, graph.nodes, (1, 1), (1, 2), (0, 3))
        if is_backdoor_set(graph, x, y, z):
            assert is_valid(graph, {x}, y, z), (graph, x, y, z)
        elif is_valid(graph, {x}, y, z):
            valid_only += 1
    assert valid_only


def test_a_minimal_set_loses_its_validity_with_any_node() -> None:
    rng = np.random.default_rng(5)
    for _ in range(100):
        graph = random_graph(rng, 5, latent=int(rng.integers(0, 2)))
        x, y, required = random_disjoint(rng, graph.observed, (1, 2), (1, 1), (0, 1))
        valid = valid_sets(graph, x, y, required=required)
        minimal = minimal_sets(graph, x, y, required=required)
        assert bool(valid) == bool(minimal)
        for z in minimal:
            assert required <= z <= graph.observed - forbidden_nodes(graph, x, y)
            assert not any(z - {node} in valid for node in z)


@settings(max_examples=50)
@given(st.data())
def test_a_projection_keeps_every_separation_among_the_observed(data: st.DataObject) -> None:
    graph, x, y, z = data.draw(graphs_with_sets(max_nodes=6, max_latent=3))
    assert is_separated(graph, x, y, z) == is_separated(projection(graph), x, y, z)


@settings(max_examples=50)
@given(graphs(max_nodes=6, max_latent=3))
def test_a_projection_keeps_ancestry_among_the_observed(graph: MixedGraph) -> None:
    for node in graph.observed:
        assert ancestors(projection(graph), {node}) == ancestors(graph, {node}) & graph.observed


@settings(max_examples=50)
@given(dags(max_nodes=6))
def test_in_a_dag_the_blanket_is_parents_children_and_their_parents(graph: MixedGraph) -> None:
    arrows = {(e.left, e.right) for e in graph.edges}
    for node in graph.nodes:
        children = {b for a, b in arrows if a == node}
        near = children | {a for a, b in arrows if b in children | {node}}
        assert markov_blanket(graph, node) == near - {node}


def test_a_model_of_a_bow_has_the_confounding_that_its_latent_brings() -> None:
    graph = MixedGraph.build([("X", "->", "Y"), ("X", "<->", "Y")])
    model = random_model(np.random.default_rng(6), graph)
    names, joint = model.observed()
    assert names == ("X", "Y")
    assert joint.sum() == pytest.approx(1)
    assert joint.min() > 0
    assert gap(joint / joint.sum(axis=1, keepdims=True), model.effect(("Y",), ("X",))) > EXACT


def test_an_effect_is_a_distribution_of_the_outcomes_for_each_treatment_and_condition() -> None:
    graph = MixedGraph.build([("X", "->", "Y"), ("X", "->", "W"), ("W", "<->", "Y")])
    model = random_model(np.random.default_rng(7), graph)
    effect = model.effect(("Y",), ("X",), ("W",))
    assert effect.shape == tuple(model.levels[n] for n in ("X", "W", "Y"))
    assert effect.sum(axis=-1) == pytest.approx(1)


def test_the_paths_of_a_bow_are_two() -> None:
    graph = MixedGraph.build([("X", "->", "Y"), ("X", "<->", "Y")])
    assert [path.causal for path in paths_between(graph, "X", "Y")] == [True, False]
