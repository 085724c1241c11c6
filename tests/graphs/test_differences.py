"""Pairs of nodes of two graphs, compared."""

from __future__ import annotations

import itertools
import random
from collections import Counter

from causalgraph.graphs.differences import compared
from causalgraph.graphs.mixed import MARKS, Mark, MixedGraph
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


def may_be_one(one: list[tuple[int, int]], two: list[tuple[int, int]]) -> bool:
    """Whether two lists of marks differ in one entry each, and there only where one of them has a circle."""
    left, right = [m for m in one if m not in two], [m for m in two if m not in one]
    if not left and not right:
        return True
    if len(left) != 1 or len(right) != 1:
        return False
    return all(a == b or Mark.CIRCLE in (a, b) for a, b in zip(left[0], right[0], strict=True))


def test_a_pair_with_a_mark_left_open_differs_from_one_that_contradicts():
    def verdict(one: str, kind: str, two: str, other: str) -> str:
        graphs = MixedGraph.build([("A", one, "B")], kind=kind), MixedGraph.build([("A", two, "B")], kind=other)
        (found,) = compared(*graphs)
        return found.verdict

    assert verdict("o->", "pag", "->", "dag") == "less"
    assert verdict("o-o", "pag", "o->", "pag") == "less"
    assert verdict("--", "cpdag", "->", "dag") == "less"
    assert verdict("--", "cpdag", "o->", "pag") == "less"
    assert verdict("->", "cpdag", "<-", "dag") == "other"
    assert verdict("->", "pag", "<->", "pag") == "other"
    assert verdict("<-", "dag", "o->", "pag") == "other"
    # An undirected edge of a cpdag is an arrow, and has no common cause in its stead; a mag's has tails.
    assert verdict("--", "cpdag", "<->", "mag") == "other"
    assert verdict("--", "mag", "->", "mag") == "other"
    assert verdict("--", "mag", "o-o", "pag") == "less"


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
            if verdict == "other" and may_be_one(a[pair], b[pair]):
                verdict = "less"
            expected[frozenset(pair)] = verdict
        assert {frozenset(c.pair): c.verdict for c in compared(one, two)} == expected


def test_the_two_graphs_change_places_and_so_do_the_verdicts():
    rng = random.Random(8)
    turned = {"first": "second", "second": "first", "less": "less", "other": "other", "same": "same"}
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
