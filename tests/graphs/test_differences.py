"""Pairs of nodes of two graphs, compared."""

from __future__ import annotations

import itertools
import random
from collections import Counter

from causalgraph.graphs.differences import compared
from causalgraph.graphs.mixed import MARKS, MixedGraph
from strategies import scaled


def some_graph(rng: random.Random, names: list[str]) -> MixedGraph:
    """Return a graph of any marks; now and then a bow."""
    edges = [(a, rng.choice(sorted(MARKS)), b) for a, b in itertools.combinations(names, 2) if rng.random() < 0.5]
    edges += [(a, "<->", b) for a, _, b in edges if rng.random() < 0.2]
    rng.shuffle(edges)
    return MixedGraph.build(edges, names, kind="pag")


def by_matrix(graph: MixedGraph) -> dict[tuple[str, str], list[tuple[int, int]]]:
    """Return the marks of each ordered pair, with no word of how edges are written: the slow truth."""
    marks: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for edge in graph.edges:
        left, right = edge.marks
        marks.setdefault((edge.left, edge.right), []).append((left, right))
        marks.setdefault((edge.right, edge.left), []).append((right, left))
    return {pair: sorted(found) for pair, found in marks.items()}


def test_each_pair_is_judged_as_matrices_of_marks_judge_it():
    rng = random.Random(7)
    for _ in range(scaled(60, 600)):
        names = [f"V{i}" for i in range(rng.randint(2, 6))]
        one, two = some_graph(rng, names), some_graph(rng, [*names[:-1], "W"])
        a, b = by_matrix(one), by_matrix(two)
        expected = {}
        for pair in {*a, *b}:
            both = pair in a and pair in b
            verdict = "same" if a.get(pair) == b.get(pair) else "other" if both else "first" if pair in a else "second"
            expected[frozenset(pair)] = verdict
        assert {frozenset(c.pair): c.verdict for c in compared(one, two)} == expected


def test_the_two_graphs_change_places_and_so_do_the_verdicts():
    rng = random.Random(8)
    turned = {"first": "second", "second": "first", "other": "other", "same": "same"}
    for _ in range(scaled(30, 300)):
        one, two = some_graph(rng, list("ABCDE")), some_graph(rng, list("ABCDE"))
        there = [(c.pair, turned[c.verdict]) for c in compared(two, one)]
        assert [(c.pair, c.verdict) for c in compared(one, two)] == there


def test_a_graph_does_not_differ_from_itself():
    graph = MixedGraph.build([("A", "->", "B"), ("A", "<->", "B"), ("B", "o-o", "C")], kind="pag")
    assert Counter(c.verdict for c in compared(graph, graph)) == {"same": 2}


def test_names_that_sort_alike_are_one_pair_whichever_way_their_edge_runs():
    one, two = MixedGraph.build([("V1", "->", "V01")]), MixedGraph.build([("V01", "->", "V1")])
    assert [c.verdict for c in compared(one, two)] == ["other"]
