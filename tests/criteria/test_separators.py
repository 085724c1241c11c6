"""Separators against brute force by definition."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from causalgraph.criteria.nearest_separator import (
    Inseparable,
    Separator,
    all_minimal_separators,
    all_separators,
    nearest_separator,
)
from causalgraph.errors import ModelError
from causalgraph.graphs.mixed import MixedGraph
from oracles import implications as truth
from oracles.separation import is_separated_by_networkx
from strategies import random_disjoint, random_graph, scaled

Names = frozenset[str]


def question(rng: np.random.Generator) -> tuple[MixedGraph, Names, Names, Names, Names]:
    """Return a graph, two sides, a required set and a forbidden one, either of which may be empty."""
    for _ in range(6):
        size = int(rng.integers(3, 9))
        latent = int(rng.integers(0, min(3, size - 1)))
        two_headed = float(rng.choice([0, 0.04, 0.1]))
        graph = random_graph(rng, size, arrows=rng.uniform(0.25, 0.45), two_headed=two_headed, latent=latent)
        most = int(rng.choice([1, 1, 1, 2]))
        x, y, required, forbidden = random_disjoint(rng, graph.observed, (1, most), (1, most), (0, 1), (0, 1))
        if not any(y & graph.adjacent[n] for n in x) and all(graph.adjacent[n] for n in x | y):
            break
    keep = rng.random(2) < 0.2
    return graph, x, y, required if keep[0] else frozenset(), forbidden if keep[1] else frozenset()


def test_separators_are_those_of_brute_force_on_random_graphs() -> None:
    rng = np.random.default_rng(61)
    seen = {"none": 0, "empty": 0, "one": 0, "several": 0}
    for _ in range(scaled(500, 5000)):
        graph, x, y, required, forbidden = question(rng)
        limits = {"required": required, "forbidden": forbidden}
        every = truth.separators(graph, x, y, **limits)
        minimal = {s for s in every if not any(smaller < s for smaller in every)}
        asked = (graph, x, y)
        found = list(all_separators(*asked, **limits))
        minimal_found = list(all_minimal_separators(*asked, **limits))
        assert len(found) == len(set(found))
        assert set(found) == every, (asked, limits)
        assert len(minimal_found) == len(set(minimal_found))
        assert set(minimal_found) == minimal, (asked, limits)
        nearest = nearest_separator(*asked, **limits)
        if minimal:
            assert isinstance(nearest, Separator)
            assert frozenset(nearest.nodes) in minimal, (asked, limits)
        else:
            assert isinstance(nearest, Inseparable)
            assert nearest.path is None or nearest.path.open
            assert nearest.reason
        several = "several" if len(minimal) > 1 else "one"
        seen["none" if not minimal else "empty" if frozenset() in minimal else several] += 1
    assert min(seen.values()) > 20, seen


def test_no_other_separator_lies_nearer() -> None:
    rng = np.random.default_rng(62)
    several = 0
    for _ in range(scaled(300, 3000)):
        graph, x, y, required, forbidden = question(rng)
        minimal = truth.minimal_separators(graph, x, y, required=required, forbidden=forbidden)
        if len(minimal) > 1:
            several += 1
            found = nearest_separator(graph, x, y, required=required, forbidden=forbidden)
            assert isinstance(found, Separator)
            nearest = frozenset(found.nodes)
            for other in minimal - {nearest}:
                # Given the nearest one, X is parted from all that another one holds beyond it.
                assert is_separated_by_networkx(graph, x, other - nearest, nearest), (graph, x, y, nearest, other)
    assert several > 10


def test_a_required_node_that_may_not_stand_there_is_told() -> None:
    graph = MixedGraph.build([("A", "->", "U"), ("U", "->", "B")], nodes=["C"], latent=["U"])
    assert nearest_separator(graph, "A", "B", required="U").reason.startswith("U is required")
    assert nearest_separator(graph, "A", "B").reason == "A → U → B stays open whatever is given"
    assert nearest_separator(graph, "A", "C") == Separator(())
    with pytest.raises(ModelError, match="C stands in two places"):
        nearest_separator(graph, "A", "C", required="C")


def test_separators_of_a_large_graph_come_at_once() -> None:
    edges = [(f"V{i}", "->", f"V{j}") for i in range(1000) for j in (i + 1, i + 2, i + 5) if j < 1000]
    graph = MixedGraph.build(edges)
    first = list(islice(all_minimal_separators(graph, "V100", "V900"), 20))
    assert len(set(first)) == 20
    assert nearest_separator(graph, "V100", "V900").nodes
