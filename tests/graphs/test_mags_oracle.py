"""Which marks a MAG can have, and which one has them, against all MAGs of a skeleton."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np
import pytest
from networkx.generators.atlas import graph_atlas_g

from causalgraph.errors import ModelError
from causalgraph.graphs.ancestral import breaches_of_mag
from causalgraph.graphs.completion import completion
from causalgraph.graphs.mags import impossible_marks, mag_members, member
from causalgraph.graphs.mixed import WRITTEN, Edge, Mark, MixedGraph
from causalgraph.graphs.relations import topological_order
from causalgraph.graphs.zhang import orient, orient_mag, pag
from oracles.ancestral import equivalence_classes
from oracles.equivalence import marked, unshielded_colliders
from strategies import random_graph, scaled


@cache
def skeletons():
    """Return every skeleton on four nodes, and on five up to the names of the nodes (in short runs: sparse)."""
    four = [f"V{i}" for i in range(4)]
    pairs = list(combinations(four, 2))
    out = [(four, [p for i, p in enumerate(pairs) if bits >> i & 1]) for bits in range(64)]
    fives = (g for g in graph_atlas_g() if g.number_of_nodes() == 5 and 4 <= g.number_of_edges() <= scaled(5, 10))
    return out + [([f"V{i}" for i in g], [(f"V{a}", f"V{b}") for a, b in g.edges]) for g in fives]


@cache
def mags_of(number):
    """Return all MAGs of a skeleton, class by class, each as its marks."""
    nodes, pairs = skeletons()[number]
    return [[marked(edges) for edges in edges_of] for edges_of in equivalence_classes(nodes, pairs)]


def drawn(nodes, at):
    edges = [Edge(a, WRITTEN[Mark(m), Mark(at[b, a])], b) for (a, b), m in at.items() if a < b]
    return MixedGraph.build(edges, nodes, kind="pag")


def goes_with(mag, at):
    """Has a MAG the tails and arrowheads, and the unshielded colliders?"""
    fits = all(mark in (2, mag[place]) for place, mark in at.items())
    return fits and unshielded_colliders(mag) == unshielded_colliders(at)


def test_marks_are_possible_exactly_where_a_mag_has_them():
    rng = np.random.default_rng(71)
    seen = {True: 0, False: 0}
    for number, (nodes, pairs) in enumerate(skeletons()):
        everything = [mag for found in mags_of(number) for mag in found]
        for _ in range(scaled(12, 150) if pairs else 0):
            # Some marks of a MAG, and some of no MAG in particular.
            at = dict(everything[int(rng.integers(len(everything)))])
            for place in at:
                if rng.random() < 0.5:
                    at[place] = 2 if rng.random() < 0.8 else int(rng.integers(0, 2))
            graph = drawn(nodes, at)
            told = list(impossible_marks(graph))
            possible = any(goes_with(mag, at) for mag in everything)
            seen[possible] += 1
            assert (told == []) == possible, graph.edges
            if possible:
                assert goes_with(marked(member(graph).edges), at)
            else:
                assert completion(graph).exact
                assert all(set(edges) <= set(graph.edges) and edges for edges, _ in told)
                assert all(why.startswith("no MAG has these marks") for _, why in told)
    assert min(seen.values()) > 100


def test_true_knowledge_is_possible_and_keeps_the_class():
    rng = np.random.default_rng(72)
    ordered = 0
    for number, (nodes, pairs) in enumerate(skeletons()):
        for found in mags_of(number):
            for _ in range(scaled(1, 4) if pairs else 0):
                truth = found[int(rng.integers(len(found)))]
                at = marked(pag(drawn_mag(nodes, truth)).edges)
                known = {place: truth[place] for place in at if rng.random() < 0.3}
                graph = drawn(nodes, at | known)
                if rng.random() < 0.5:
                    graph = orient(graph, nobody_knows).graph
                assert list(impossible_marks(graph)) == []
                assert marked(member(graph).edges) in found
                ordered += any(2 == at[a, b] == at[b, a] for a, b in known)
                listed = mag_members(graph, 100_000, budget=10**9)
                assert listed.complete
                kept = [mag for mag in found if goes_with(mag, marked(graph.edges))]
                assert sorted(map(key, kept)) == sorted(key(marked(g.edges)) for g in listed.graphs)
    assert ordered > 100


def nobody_knows(_path):
    return None


def key(at):
    return sorted(at.items())


def drawn_mag(nodes, at):
    return MixedGraph.build(drawn(nodes, at).edges, nodes, kind="mag")


def tiered(rng, graph):
    """Return the PAG of a graph with the arrowheads that three tiers along its arrows set."""
    cuts = rng.integers(1, len(graph.nodes), 2)
    tier = {n: sum(i >= cut for cut in cuts) for i, n in enumerate(topological_order(graph))}
    at = marked(pag(graph).edges)
    return drawn(graph.nodes, {(a, b): 1 if tier[a] > tier[b] else mark for (a, b), mark in at.items()})


@pytest.mark.parametrize("closed", [False, True])
def test_tiers_on_larger_graphs_leave_a_member(closed):
    rng = np.random.default_rng(73)
    for _ in range(scaled(60, 1500)):
        graph = random_graph(rng, int(rng.integers(6, 25)), arrows=0.25)
        known = tiered(rng, graph)
        if closed:
            known = orient(known, nobody_knows).graph
        assert list(impossible_marks(known)) == []
        made = member(known)
        assert list(breaches_of_mag(made)) == []
        assert orient_mag(made).graph == pag(graph)


def test_a_search_that_ends_early_says_so():
    edges = [("A", "->", "B"), ("B", "->", "C"), ("A", "<->", "C")]
    graph = MixedGraph.build(edges, kind="pag")
    assert completion(graph).exact
    early = completion(graph, 0)
    assert early.mag is None
    assert not early.exact
    assert "in the time given" in early.faults[0][1]


def test_marks_that_no_mag_has_are_refused_by_edge():
    graph = MixedGraph.build([("A", "->", "B"), ("B", "o->", "C"), ("C", "->", "A")], kind="pag")
    with pytest.raises(ModelError, match=r"E102.*can't stand in this pag"):
        member(graph)
