"""A graph as a test of independence: it says what enumerating paths says."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from causalgraph.errors import ModelError
from causalgraph.graphs.equivalence import cpdag
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.zhang import pag
from causalgraph.independence.oracle import oracle
from oracles.discovery import ByGraph
from oracles.separation import is_separated
from strategies import random_class, random_graph, scaled


def with_selection(rng: np.random.Generator, graph: MixedGraph) -> MixedGraph:
    """Return the graph with one more node selected, at times."""
    free = sorted(graph.observed)
    chosen = free[:1] if len(free) > 3 and rng.random() < 0.5 else []
    return MixedGraph.build(graph.edges, graph.nodes, kind=graph.kind, latent=graph.latent, selected=chosen)


def test_it_agrees_with_enumerated_paths_whatever_is_hidden_or_selected() -> None:
    rng = np.random.default_rng(0)
    for _ in range(scaled(40, 600)):
        size = int(rng.integers(3, 7))
        graph = with_selection(rng, random_graph(rng, size, two_headed=0.2, latent=int(rng.integers(0, 2))))
        asked = oracle(graph)
        assert set(asked.variables) == graph.observed - graph.selected
        for i, j in combinations(range(len(asked.variables)), 2):
            rest = [k for k in range(len(asked.variables)) if k not in (i, j)]
            for count in range(len(rest) + 1):
                for given in combinations(rest, count):
                    names = [asked.variables[k] for k in (i, j, *given)]
                    truth = is_separated(graph, {names[0]}, {names[1]}, {*names[2:]} | graph.selected)
                    assert asked.test(i, j, given).p == asked.test(j, i, given[::-1]).p == float(truth)


def test_it_agrees_with_a_mag_that_has_undirected_edges() -> None:
    rng = np.random.default_rng(1)
    for _ in range(scaled(30, 300)):
        graph = random_class(rng, "mag")
        asked = oracle(graph)
        for i, j in combinations(range(len(asked.variables)), 2):
            for k in range(-1, len(asked.variables)):
                given = () if k in (-1, i, j) else (k,)
                names = [asked.variables[n] for n in (i, j, *given)]
                truth = is_separated(graph, {names[0]}, {names[1]}, set(names[2:]))
                assert asked.test(i, j, given).p == float(truth)


def test_a_level_is_what_its_tests_one_by_one_are() -> None:
    rng = np.random.default_rng(2)
    for _ in range(scaled(60, 600)):
        graph = random_graph(rng, int(rng.integers(2, 7)), two_headed=0)
        fast, slow = oracle(graph), ByGraph(graph)
        v = len(fast.variables)
        near = np.triu(rng.random((v, v)) < 0.8, 1)
        testable = np.triu(rng.random((v, v)) < 0.8, 1)
        for depth in range(v - 1):
            ours, theirs = (t.level(near | near.T, testable | testable.T, depth, 0.5) for t in (fast, slow))
            assert ours.tests == theirs.tests
            for name in ("p", "sets", "pairs", "separators", "values"):
                np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), name)


def test_its_answers_are_certain_and_come_from_no_observations() -> None:
    tested = oracle(MixedGraph.build([("A", "->", "B")])).test(0, 1, ())
    assert (tested.p, tested.n, tested.statistic, tested.df) == (0.0, None, None, None)


def test_a_class_is_asked_like_any_of_its_members() -> None:
    dag = MixedGraph.build(
        [("A", "->", "B"), ("C", "->", "B"), ("B", "->", "D"), ("D", "->", "V10"), ("D", "->", "V2")]
    )
    for graph in (dag, cpdag(dag), pag(dag)):
        asked = oracle(graph)
        assert asked.variables == ("A", "B", "C", "D", "V2", "V10")
        assert [asked.test(0, 2, given).p for given in ((), (1,), (3,), (5,))] == [1, 0, 0, 0]


def test_a_graph_that_breaks_its_claim_is_no_oracle() -> None:
    with pytest.raises(ModelError) as error:
        oracle(MixedGraph.build([("A", "->", "B"), ("B", "->", "C"), ("C", "->", "A")]))
    assert error.value.code == "E103"


def test_thirty_nodes_are_no_burden() -> None:
    graph = random_graph(np.random.default_rng(3), 30, arrows=0.15, two_headed=0)
    asked = oracle(graph)
    every = ~np.eye(30, dtype=bool)
    assert asked.level(every, every, 1, 0.5).tests == 435 * 28
