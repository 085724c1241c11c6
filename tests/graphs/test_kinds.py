"""A claimed kind is checked, and the edge that breaks it is named."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given

from causalgraph.errors import ModelError
from causalgraph.graphs.kinds import breaches, cycle, doubts, require_directed, require_kind
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.relations import topological_order
from strategies import graphs, random_graph, scaled


def codes(edges, kind=None):
    return [b.code for b in breaches(MixedGraph.build(edges, kind=kind))]


@given(graphs())
def test_a_legal_graph_breaks_nothing(graph):
    assert list(breaches(graph)) == []


@pytest.mark.parametrize("mark", ["--", "o->", "o-o", "o--"])
def test_an_edge_that_no_admg_has_is_named(mark):
    (breach,) = breaches(MixedGraph.build([("A", mark, "B"), ("B", "->", "C")], kind="admg"))
    assert breach.code == "E102"
    assert breach.edges[0].mark == mark


def test_a_two_headed_edge_is_none_of_a_dags():
    assert codes([("A", "<->", "B")], kind="dag") == ["E102"]


def test_two_arrows_between_a_pair_contradict_each_other():
    assert codes([("A", "->", "B"), ("B", "->", "A")]) == ["E104"]


@pytest.mark.parametrize(
    ("edges", "code", "doubtful"),
    [
        ([("A", "->", "B"), ("B", "->", "C"), ("A", "<->", "C")], "E102", True),
        ([("A", "->", "B"), ("B", "->", "C"), ("C", "->", "A")], "E103", True),
        ([("A", "->", "B"), ("A", "o-o", "B")], "E102", False),
        ([("A", "->", "B"), ("B", "->", "A")], "E104", False),
    ],
)
def test_marks_that_contradict_one_another_in_a_pag_are_a_doubt_and_two_edges_on_a_pair_arent(edges, code, doubtful):
    graph = MixedGraph.build(edges, kind="pag")
    assert bool(doubts(graph)) == doubtful
    with pytest.raises(ModelError, match=code):
        require_kind(graph, "separation")


def test_a_legal_pag_and_other_kinds_leave_no_doubt():
    assert not doubts(MixedGraph.build([("A", "o->", "B"), ("C", "o->", "B")], kind="pag"))
    assert not doubts(MixedGraph.build([("A", "->", "B"), ("B", "->", "C"), ("A", "<->", "C")], kind="mag"))


def test_the_cycle_is_walked_in_order_from_the_edge_written_first():
    graph = MixedGraph.build([("Z", "->", "A"), ("A", "->", "B"), ("B", "->", "C"), ("C", "->", "A"), ("C", "->", "D")])
    assert [str(e) for e in cycle(graph)] == ["A -> B", "B -> C", "C -> A"]


def test_a_cycle_is_found_exactly_where_networkx_finds_one():
    rng = np.random.default_rng(5)
    seen = set()
    for _ in range(scaled(300, 3000)):
        size = int(rng.integers(2, 8))
        names = [f"V{i}" for i in range(size)]
        pairs = [(a, b) for a in names for b in names if a != b and rng.random() < 0.2]
        graph = MixedGraph.build([(a, "->", b) for a, b in pairs], names)
        found = cycle(graph)
        seen.add(bool(found))
        assert bool(found) != nx.is_directed_acyclic_graph(nx.DiGraph(pairs))
        assert set(found) <= set(graph.edges)
        for first, second in zip(found, found[1:] + found[:1], strict=True):
            assert first.right == second.left
    assert seen == {True, False}


def test_causes_stand_before_effects():
    rng = np.random.default_rng(6)
    for _ in range(100):
        graph = random_graph(rng, 8)
        order = topological_order(graph)
        assert sorted(order) == sorted(graph.nodes)
        assert all(order.index(e.left) < order.index(e.right) for e in graph.edges if e.mark == "->")


def test_a_kind_without_criteria_is_refused_by_name():
    with pytest.raises(ModelError, match="pag"):
        require_directed(MixedGraph.build([("A", "o->", "B")], kind="pag"), "separation")
