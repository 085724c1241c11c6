"""How many DAGs a graph stands for, which, and one of them at random: against brute force."""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import combinations, islice
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from causalgraph.errors import ModelError
from causalgraph.graphs.classes import (
    ClassSize,
    _by_rejection,
    class_size,
    count_members,
    members,
    sample_members,
)
from causalgraph.graphs.equivalence import cpdag
from causalgraph.graphs.meek import meek_closure
from causalgraph.graphs.mixed import Edge, MixedGraph
from oracles.equivalence import Arrows, extensions, markov_class
from strategies import random_graph, scaled

CASES: list[dict[str, Any]] = json.loads(
    Path(__file__).parents[1].joinpath("cases", "equivalence.json").read_text("utf-8")
)


def built(*edges: str, kind: str = "cpdag") -> MixedGraph:
    return MixedGraph.build([tuple(edge.split()) for edge in edges], kind=kind)


def arrows_of(graph: MixedGraph) -> Arrows:
    assert graph.kind == "dag"
    return frozenset((e.left, e.right) for e in graph.edges)


def random_dag(rng: np.random.Generator, size: int, *, most: int = 10) -> MixedGraph:
    while True:
        dag = random_graph(rng, size, arrows=float(rng.uniform(0.2, 0.9)), two_headed=0)
        if len(dag.edges) <= most:
            return dag


def random_chordal(rng: np.random.Generator, size: int, width: int) -> MixedGraph:
    """Return a connected chordal graph: each node is joined to a clique among the earlier ones."""
    near: list[set[int]] = [set()]
    for node in range(1, size):
        clique = {int(rng.integers(node))}
        for other in rng.permutation(node).tolist():
            if len(clique) < rng.integers(1, width + 1) and other not in clique and clique <= near[other]:
                clique.add(other)
        near.append(set())
        for other in clique:
            near[node].add(other)
            near[other].add(node)
    edges = [(f"V{i}", "--", f"V{j}") for i, j in combinations(range(size), 2) if j in near[i]]
    return MixedGraph.build(edges, [f"V{i}" for i in range(size)], kind="cpdag")


def partly_known(rng: np.random.Generator, whole: MixedGraph, share: float = 0.3) -> MixedGraph:
    """Return an mpdag: what one member, drawn at random, tells about some edges."""
    (dag,) = sample_members(whole, 1, int(rng.integers(2**31)))
    return meek_closure(whole, required=[(e.left, e.right) for e in dag.edges if rng.random() < share])


@pytest.mark.parametrize(
    "case", [c for c in CASES if c["question"] == "markov_equivalence_class_size"], ids=lambda c: c["id"]
)
def test_known_sizes(case: dict[str, Any]) -> None:
    facts = case["graph"]
    dag = MixedGraph.build(map(tuple, facts["edges"]), facts["nodes"], kind=facts["kind"])
    assert class_size(dag) == class_size(cpdag(dag)) == case["expected"]


def test_a_class_has_as_many_members_as_brute_force_finds_and_they_are_the_same() -> None:
    rng = np.random.default_rng(31)
    for _ in range(scaled(150, 4000)):
        dag = random_dag(rng, int(rng.integers(1, 7)))
        truth = markov_class(dag)
        assert class_size(dag) == len(truth), dag
        for graph in (dag, cpdag(dag)):
            found = list(map(arrows_of, members(graph)))
            assert sorted(map(sorted, found)) == sorted(map(sorted, truth)), dag


def test_a_chordal_graph_has_as_many_members_as_brute_force_finds() -> None:
    rng = np.random.default_rng(32)
    for _ in range(scaled(40, 600)):
        graph = random_chordal(rng, int(rng.integers(2, 8)), 3)
        if len(graph.edges) <= 11:
            assert class_size(graph) == len(extensions(graph)), graph


def test_counting_by_cliques_by_sources_and_by_listing_agree_on_larger_graphs() -> None:
    rng = np.random.default_rng(33)
    for _ in range(scaled(25, 500)):
        graph = random_chordal(rng, int(rng.integers(6, 12)), 4)
        size = class_size(graph)
        if size <= 3000:
            assert sum(1 for _ in members(graph)) == size
        edge = graph.edges[int(rng.integers(len(graph.edges)))]
        ways = [meek_closure(graph, required=[ends]) for ends in ((edge.left, edge.right), (edge.right, edge.left))]
        assert sum(count_members(way).size for way in ways) == size


def test_an_mpdag_stands_for_the_dags_that_extend_it() -> None:
    rng = np.random.default_rng(34)
    for _ in range(scaled(150, 3000)):
        graph = partly_known(rng, cpdag(random_dag(rng, int(rng.integers(2, 7)))))
        truth = extensions(graph)
        assert count_members(graph) == ClassSize(len(truth), exact=True), graph
        found = list(map(arrows_of, members(graph)))
        assert sorted(map(sorted, found)) == sorted(map(sorted, truth)), graph


def test_any_pdag_stands_for_the_dags_that_extend_it_which_may_be_none() -> None:
    rng = np.random.default_rng(35)
    none = 0
    for _ in range(scaled(150, 3000)):
        dag = random_dag(rng, int(rng.integers(2, 6)))
        edges = [e if rng.random() < 0.4 else Edge(e.left, "--", e.right).canonical for e in dag.edges]
        edges = [Edge(e.right, e.mark, e.left).canonical if rng.random() < 0.1 else e for e in edges]
        graph = dag.with_edges(edges, kind="pdag")
        truth = extensions(graph)
        none += not truth
        assert count_members(graph) == ClassSize(len(truth), exact=True), graph
        assert sorted(sorted(arrows_of(d)) for d in members(graph)) == sorted(map(sorted, truth)), graph
    assert none > 5


def test_a_count_that_runs_out_of_its_budget_is_a_lower_bound_that_says_so() -> None:
    rng = np.random.default_rng(36)
    ended = 0
    for _ in range(scaled(60, 600)):
        graph = partly_known(rng, random_chordal(rng, 8, 4), 0.1)
        whole = count_members(graph)
        assert whole.exact
        for limit in (0, 8, 24, 60):
            part = count_members(graph, limit=limit)
            assert part.size == whole.size if part.exact else part.size <= whole.size
            ended += not part.exact
    assert ended > 10


def test_trees_cliques_and_their_likes_have_the_sizes_of_their_formulas() -> None:
    names = [f"V{i}" for i in range(40)]
    path = MixedGraph.build(zip(names, ["--"] * 39, names[1:], strict=False), kind="cpdag")
    assert class_size(path) == 40
    clique = MixedGraph.build([(a, "--", b) for a, b in combinations(names, 2)], kind="cpdag")
    assert class_size(clique) == factorial(40)
    # One edge short of a clique: 2 (n - 1)! - (n - 2)!.
    short = clique.with_edges(clique.edges[1:])
    assert class_size(short) == 2 * factorial(39) - factorial(38)


def uniform(graph: MixedGraph, seed: int, **options: int) -> float:
    """Return the p-value of a chi-square test of a sample against equal probabilities."""
    truth = extensions(cpdag(graph) if graph.kind == "dag" else graph)
    count = scaled(40, 400) * len(truth)
    drawn = Counter(map(arrows_of, sample_members(graph, count, seed, **options)))
    assert drawn.keys() <= set(truth)
    return float(chisquare([drawn[m] for m in truth]).pvalue)


def test_members_are_drawn_with_equal_probability() -> None:
    rng = np.random.default_rng(37)
    found = []
    while len(found) < scaled(12, 60):
        graph = random_chordal(rng, 6, 3)
        if rng.random() < 0.5:
            graph = partly_known(rng, graph, 0.2)
        if 2 <= count_members(graph).size <= 40:
            found.append(uniform(graph, len(found)))
    assert min(found) > 0.01 / len(found)
    assert 0.2 < np.mean(found) < 0.8


def test_members_are_drawn_with_equal_probability_where_whole_classes_are_drawn_and_sifted() -> None:
    graph = built("A -> B", "A -- C", "B -- C", "B -- D", "C -- D", kind="mpdag")
    drawn = Counter(map(arrows_of, _by_rejection(graph, 800, random.Random(5), 400)))
    assert set(drawn) == set(extensions(graph))
    assert chisquare(list(drawn.values())).pvalue > 0.001


def test_a_seed_gives_the_same_members_again() -> None:
    graph = random_chordal(np.random.default_rng(38), 12, 3)
    once, again, other = (list(sample_members(graph, 5, seed)) for seed in (1, 1, 2))
    assert once == again
    assert once != other


def test_drawing_from_nothing_or_beyond_the_budget_is_an_error() -> None:
    square = built("A -- B", "B -- C", "C -- D", "A -- D", kind="pdag")
    assert count_members(square) == ClassSize(0, exact=True)
    assert list(members(square)) == []
    with pytest.raises(ModelError) as failed:
        list(sample_members(square, 1, 0))
    assert failed.value.code == "E116"
    names = [f"V{i}" for i in range(12)]
    clique = MixedGraph.build([(a, "--", b) for a, b in combinations(names, 2)], kind="cpdag")
    known = meek_closure(clique, required=[("V0", "V1"), ("V2", "V3"), ("V4", "V5"), ("V6", "V7"), ("V8", "V9")])
    with pytest.raises(ModelError) as failed:
        list(sample_members(known, 5, 0, limit=1))
    assert failed.value.code == "E117"


def test_the_size_of_a_class_is_not_asked_of_a_part_of_one() -> None:
    with pytest.raises(ModelError) as failed:
        class_size(built("A -> B", "B -- C", kind="mpdag"))
    assert failed.value.code == "E108"


def test_members_come_one_by_one_from_a_class_too_large_to_list() -> None:
    graph = random_chordal(np.random.default_rng(39), 200, 3)
    assert class_size(graph) > 10**9
    first = list(islice(members(graph), 50))
    assert len(set(first)) == 50
    assert all(cpdag(dag) == graph for dag in first[:3])
    assert all(cpdag(dag) == graph for dag in sample_members(graph, 3, 0))
