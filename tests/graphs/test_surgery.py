"""Surgery and the latent projection."""

from hypothesis import given

from causalgraph.graphs.mixed import Mark, MixedGraph
from causalgraph.graphs.surgery import do, project, subgraph, without_outgoing
from oracles.projection import projection
from strategies import graphs, graphs_with_sets


@given(graphs_with_sets())
def test_do_cuts_every_arrowhead_into_x_and_nothing_else(drawn):
    graph, x, _, _ = drawn
    after = do(graph, x)
    for edge in graph.edges:
        heads = {n for n, m in zip((edge.left, edge.right), edge.marks, strict=True) if m == Mark.ARROW}
        assert (edge in after.edges) == (not heads & x)
    assert after.nodes == graph.nodes


@given(graphs_with_sets())
def test_without_outgoing_cuts_arrows_that_leave_x_and_nothing_else(drawn):
    graph, x, _, _ = drawn
    after = without_outgoing(graph, x)
    assert set(graph.edges) - set(after.edges) == {e for e in graph.edges if e.mark == "->" and e.left in x}


@given(graphs(max_nodes=7, max_latent=4))
def test_the_projection_is_what_its_definition_says(graph):
    assert set(project(graph).edges) == set(projection(graph).edges)


@given(graphs(max_nodes=7, max_latent=4))
def test_projecting_in_two_steps_is_projecting_at_once(graph):
    hidden = sorted(graph.latent)
    halfway = project(graph, hidden[: len(hidden) // 2])
    assert project(halfway, hidden[len(hidden) // 2 :]) == project(graph, hidden)


@given(graphs(max_latent=2))
def test_a_subgraph_has_the_edges_between_its_nodes(graph):
    kept = set(graph.nodes[::2])
    part = subgraph(graph, kept)
    assert set(part.nodes) == kept
    assert set(part.edges) == {e for e in graph.edges if {e.left, e.right} <= kept}


def test_a_name_stands_for_a_set_of_one():
    graph = MixedGraph.build([("Age", "->", "Banner")])
    assert do(graph, "Banner").edges == ()
