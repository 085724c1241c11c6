"""Forks, chains and colliders."""

import pytest
from hypothesis import given

from causalgraph.graphs.mixed import Mark, MixedGraph
from causalgraph.graphs.paths import triples
from strategies import graphs


@pytest.mark.parametrize(
    ("edges", "text", "role"),
    [
        ([("B", "->", "A"), ("B", "->", "C")], "A <- B -> C", "fork"),
        ([("A", "->", "B"), ("B", "->", "C")], "A -> B -> C", "chain"),
        ([("C", "->", "B"), ("B", "->", "A")], "C -> B -> A", "chain"),
        ([("A", "->", "B"), ("C", "->", "B")], "A -> B <- C", "collider"),
        ([("A", "<->", "B"), ("C", "->", "B")], "A <-> B <- C", "collider"),
        ([("A", "<->", "B"), ("B", "->", "C")], "A <-> B -> C", "chain"),
    ],
)
def test_the_role_of_the_middle(edges, text, role):
    (found,) = triples(MixedGraph.build(edges))
    assert (found.text, found.role, found.shielded) == (text, role, False)


def test_a_triangle_is_shielded_and_a_bow_counts_twice():
    edges = [("A", "->", "B"), ("B", "->", "C"), ("A", "->", "C"), ("A", "<->", "B")]
    found = list(triples(MixedGraph.build(edges)))
    assert all(t.shielded for t in found)
    assert [t.text for t in found if t.nodes[1] == "B"] == ["A -> B -> C", "A <-> B -> C"]


@given(graphs())
def test_every_pair_of_edges_at_a_node_is_one_triple(graph):
    found = list(triples(graph))
    expected = 0
    for node in graph.nodes:
        ends = [e.left if e.right == node else e.right for e in graph.edges if node in (e.left, e.right)]
        expected += sum(a != b for i, a in enumerate(ends) for b in ends[:i])
    assert len(found) == expected
    for triple in found:
        into, out_of = triple.edges[0].marks[1], triple.edges[1].marks[0]
        assert (triple.role == "collider") == (into == out_of == Mark.ARROW)
        assert triple.shielded == (triple.nodes[2] in graph.adjacent[triple.nodes[0]])
