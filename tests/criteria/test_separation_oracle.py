"""Separation by the linear-time traversal, against every path walked by hand and against networkx."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given

from causalgraph.criteria.separation import separation
from causalgraph.graphs.mixed import MixedGraph
from oracles.separation import is_separated, is_separated_by_networkx, paths_between
from strategies import graphs_with_sets, random_disjoint, random_graph

Sets = tuple[frozenset[str], frozenset[str], frozenset[str]]


def assert_shows_an_open_path(graph: MixedGraph, sets: Sets, answer: Any) -> None:
    """A connection's path must be one of the graph's simple paths between X and Y, open given Z by definition."""
    x, y, z = sets
    path = answer.path
    assert path.nodes[0] in x, (graph, sets, path)
    assert path.nodes[-1] in y, (graph, sets, path)
    opened = [p for p in paths_between(graph, path.nodes[0], path.nodes[-1], z) if p.open]
    assert tuple(path.edges) in {p.edges for p in opened}, (graph, sets, path)
    assert path.nodes == (path.edges[0].left, *(e.right for e in path.edges))


def assert_right(graph: MixedGraph, sets: Sets) -> bool:
    x, y, z = sets
    answer = separation(graph, x, y, given=z)
    assert answer.separated == is_separated(graph, x, y, z), (graph, sets)
    if not answer.separated:
        assert_shows_an_open_path(graph, sets, answer)
    return answer.separated


def test_separation_is_right_on_5000_random_graphs_and_every_connection_shows_an_open_path() -> None:
    rng = np.random.default_rng(10)
    verdicts = []
    for _ in range(5000):
        density = rng.uniform(0.15, 0.45)
        size = int(rng.integers(3, 8))
        graph = random_graph(rng, size, arrows=density, two_headed=rng.choice([0, density / 2]))
        x, y, z = random_disjoint(rng, graph.nodes, (1, 2), (1, 2), (0, 4))
        verdicts.append(assert_right(graph, (x, y, z)))
        assert verdicts[-1] == is_separated_by_networkx(graph, x, y, z), (graph, x, y, z)
    assert 0.1 < np.mean(verdicts) < 0.9


@given(graphs_with_sets(max_nodes=6))
def test_separation_is_right_whatever_the_names(drawn: tuple[MixedGraph, *Sets]) -> None:
    graph, *sets = drawn
    assert_right(graph, tuple(sets))


@given(graphs_with_sets(max_nodes=6))
def test_separation_is_symmetric(drawn: tuple[MixedGraph, *Sets]) -> None:
    graph, x, y, z = drawn
    assert separation(graph, x, y, given=z).separated == separation(graph, y, x, given=z).separated
