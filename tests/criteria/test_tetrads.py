"""Vanishing tetrads against exact covariances of random linear models."""

from __future__ import annotations

from itertools import combinations, islice

import numpy as np

from causalgraph.criteria.tetrads import listed_tetrads, vanishing_tetrads
from causalgraph.graphs.mixed import MixedGraph
from oracles.implications import tetrads_that_vanish
from strategies import random_graph, scaled


def test_a_tetrad_is_listed_where_it_vanishes_in_every_random_model_and_only_there() -> None:
    rng = np.random.default_rng(63)
    counts = {"vanishes": 0, "holds a choke": 0, "doesn't": 0}
    for _ in range(scaled(400, 5000)):
        size = int(rng.integers(5, 10))
        latent = int(rng.integers(0, size - 3))
        two_headed = float(rng.choice([0, 0.1, 0.2]))
        graph = random_graph(rng, size, arrows=rng.uniform(0.2, 0.5), two_headed=two_headed, latent=latent)
        found = list(vanishing_tetrads(graph))
        splits = {frozenset((frozenset(t.left), frozenset(t.right))) for t in found}
        assert len(splits) == len(found)
        assert splits == tetrads_that_vanish(graph, rng), graph
        observed = len(graph.observed)
        counts["vanishes"] += len(found)
        counts["holds a choke"] += sum(t.choke is not None for t in found)
        counts["doesn't"] += observed * (observed - 1) * (observed - 2) * (observed - 3) // 8 - len(found)
    assert min(counts.values()) > 500, counts


def test_a_latent_choke_is_named() -> None:
    graph = MixedGraph.build([("L", "->", n) for n in "ABCD"] + [("A", "<->", "B")], latent="L")
    (only,) = vanishing_tetrads(graph)
    assert (only.left, only.right, only.choke) == (("A", "B"), ("C", "D"), "L")


def test_unrelated_pairs_have_no_choke() -> None:
    graph = MixedGraph.build([("A", "->", "B"), ("C", "->", "D")])
    assert [(t.left, t.right, t.choke) for t in vanishing_tetrads(graph)] == [(("A", "B"), ("C", "D"), None)]


def test_the_first_tetrads_of_a_large_graph_come_at_once() -> None:
    edges = [(f"L{i // 10}", "->", f"X{i}") for i in range(300)]
    graph = MixedGraph.build(edges, latent=[f"L{i}" for i in range(30)])
    assert len(list(islice(vanishing_tetrads(graph), 1000))) == 1000


def complete(size: int) -> MixedGraph:
    return MixedGraph.build([(a, "->", b) for a, b in combinations([f"V{i}" for i in range(size)], 2)])


def test_where_none_vanish_the_search_ends_with_its_budget() -> None:
    whole, part = listed_tetrads(complete(12)), listed_tetrads(complete(60), budget=10_000)
    assert (whole.tetrads, whole.complete, whole.exit_code) == ((), True, 1)
    assert (part.tetrads, part.complete, part.exit_code) == ((), False, 1)
    assert str(part).endswith("as far as the search came before its budget ended")


def test_an_answer_counts_its_tetrads() -> None:
    one = listed_tetrads(MixedGraph.build([("A", "->", "B"), ("C", "->", "D")]))
    assert "1 tetrad vanishes in" in str(one)
    assert (one.exit_code, one.complete) == (0, True)
    star = MixedGraph.build([("L", "->", n) for n in "ABCD"], latent="L")
    assert "3 tetrads vanish in" in str(listed_tetrads(star))
    assert "2 tetrads vanish in every linear model over this graph; there may be more" in str(listed_tetrads(star, 2))
