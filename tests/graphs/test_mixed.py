"""The graph: edges are canonical, graphs never change, networkx comes and goes."""

import pickle

import networkx as nx
import pytest
from hypothesis import given

from causalgraph.errors import ModelError
from causalgraph.graphs.mixed import MARKS, Edge, MixedGraph
from strategies import graphs


@pytest.mark.parametrize("mark", MARKS)
def test_an_edge_read_from_its_other_end_is_the_same_edge(mark):
    edge = Edge("A", mark, "B")
    assert edge.turned.turned == edge
    assert edge.turned.canonical == edge.canonical
    assert edge.marks == edge.turned.marks[::-1]


def test_an_arrow_written_backwards_is_the_arrow():
    assert MixedGraph.build([("B", "<-", "A")]).edges == (Edge("A", "->", "B"),)


def test_a_bow_has_two_edges_and_a_repeated_edge_one():
    graph = MixedGraph.build([("A", "->", "B"), ("B", "<->", "A"), ("B", "<-", "A")])
    assert [str(e) for e in graph.edges] == ["A -> B", "A <-> B"]
    assert graph.kind == "admg"


def test_graphs_are_equal_in_whatever_order_they_were_written():
    one = MixedGraph.build([("A", "->", "B"), ("C", "->", "B")])
    other = MixedGraph.build([("C", "->", "B"), ("A", "->", "B")], ["B"])
    assert one == other
    assert hash(one) == hash(other)
    assert one != MixedGraph.build(one.edges, latent=["A"])


def test_a_graph_cannot_be_changed():
    graph = MixedGraph.build([("A", "->", "B")])
    with pytest.raises(AttributeError):
        graph.nodes = ()


def test_an_edge_to_itself_is_refused():
    with pytest.raises(ModelError, match="E105"):
        MixedGraph.build([("A", "->", "A")])


@pytest.mark.parametrize("role", ["latent", "selected"])
def test_a_role_of_an_unknown_node_is_refused_with_the_nearest(role):
    with pytest.raises(ModelError, match="did you mean Alpha"):
        MixedGraph.build([("Alpha", "->", "B")], **{role: ["Alpa"]})


@given(graphs(max_latent=2))
def test_networkx_and_back_is_the_same_graph(graph):
    assert MixedGraph.from_networkx(graph.to_networkx()) == graph


@given(graphs(max_latent=2))
def test_a_graph_survives_pickling(graph):
    assert pickle.loads(pickle.dumps(graph)) == graph  # noqa: S301 (our own bytes)


def test_a_plain_networkx_graph_is_accepted():
    assert MixedGraph.from_networkx(nx.DiGraph([("A", "B")])).kind == "dag"
    assert MixedGraph.from_networkx(nx.Graph([("A", "B")])).kind == "pdag"


def test_two_networkx_nodes_of_one_name_are_refused():
    with pytest.raises(ModelError, match="E106"):
        MixedGraph.from_networkx(nx.DiGraph([(1, "1")]))


def test_an_unknown_mark_is_refused():
    graph = nx.DiGraph()
    graph.add_edge("A", "B", mark="=>")
    with pytest.raises(ModelError, match="E107"):
        MixedGraph.from_networkx(graph)


def test_a_graph_draws_itself():
    assert MixedGraph.build([("A", "->", "B")])._repr_svg_().startswith("<svg ")
