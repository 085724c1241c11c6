"""Listed paths against the oracle's: the same paths, each with the same status and the same triples."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
from hypothesis import given

from causalgraph.criteria.paths import paths
from causalgraph.graphs.mixed import MixedGraph
from oracles.separation import paths_between
from strategies import graphs_with_sets, random_disjoint, random_graph


def told(path: Any) -> tuple[object, ...]:
    triples = tuple((tuple(t.nodes), t.role, t.blocks) for t in path.triples)
    return tuple(path.nodes), tuple(map(tuple, path.edges)), path.open, path.causal, triples


def test_paths_status_and_triples_are_right_on_1000_random_graphs() -> None:
    rng = np.random.default_rng(30)
    for _ in range(1000):
        graph = random_graph(rng, int(rng.integers(2, 7)))
        (x,), (y,), z = random_disjoint(rng, graph.nodes, (1, 1), (1, 1), (0, 3))
        found = [told(path) for path in paths(graph, {x}, {y}, given=z)]
        assert len(found) == len(set(found)), (graph, x, y, z)
        assert set(found) == {told(path) for path in paths_between(graph, x, y, z)}, (graph, x, y, z)


@given(graphs_with_sets(max_nodes=5))
def test_paths_are_right_whatever_the_names(
    drawn: tuple[MixedGraph, frozenset[str], frozenset[str], frozenset[str]],
) -> None:
    graph, x, y, z = drawn
    start, end = min(x), min(y)
    expected = {told(path) for path in paths_between(graph, start, end, z)}
    assert {told(path) for path in paths(graph, {start}, {end}, given=z)} == expected


def test_a_limit_bounds_what_is_listed_and_listing_is_lazy() -> None:
    names = [f"V{i}" for i in range(30)]
    graph = MixedGraph.build([(a, "->", b) for i, a in enumerate(names) for b in names[i + 1 :]])
    assert len(list(paths(graph, {"V0"}, {"V29"}, limit=7))) == 7
    assert len(list(islice(paths(graph, {"V0"}, {"V29"}), 5))) == 5
