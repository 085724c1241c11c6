"""Relations, surgery and projection against their definitions, read off the edges."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from causalgraph.graphs.mixed import Mark, MixedGraph
from causalgraph.graphs.relations import ancestors, children, descendants, districts, markov_blanket, parents
from causalgraph.graphs.surgery import do, project, without_outgoing
from oracles import relations as truth
from oracles.projection import projection
from strategies import graphs, graphs_with_sets, random_graph

RELATIONS = (
    (ancestors, truth.ancestors),
    (descendants, truth.descendants),
    (parents, truth.parents),
    (children, truth.children),
)

Drawn = tuple[MixedGraph, frozenset[str], frozenset[str], frozenset[str]]


def strip(graph: MixedGraph) -> tuple[frozenset[str], frozenset[tuple[str, str, str]]]:
    return frozenset(graph.nodes), frozenset(map(tuple, graph.edges))


@given(graphs(max_nodes=7))
def test_relatives_of_one_node_are_what_the_edges_say(graph: MixedGraph) -> None:
    for relation, by_definition in RELATIONS:
        for node in graph.nodes:
            assert relation(graph, {node}) == by_definition(graph, {node}), (relation, node)


@given(graphs_with_sets(max_nodes=7))
def test_ancestors_and_descendants_of_a_set_are_those_of_its_nodes(drawn: Drawn) -> None:
    graph, x, *_ = drawn
    assert ancestors(graph, x) == truth.ancestors(graph, x)
    assert descendants(graph, x) == truth.descendants(graph, x)
    assert ancestors(graph, ()) == frozenset()


@given(graphs(max_nodes=7))
def test_districts_are_what_two_headed_edges_hold_together(graph: MixedGraph) -> None:
    found = districts(graph)
    assert frozenset(found) == truth.districts(graph)
    assert len(found) == len(set(found))


def test_a_blanket_holds_just_the_nodes_that_nothing_else_separates() -> None:
    rng = np.random.default_rng(11)
    for _ in range(150):
        graph = random_graph(rng, int(rng.integers(2, 7)))
        for node in graph.nodes:
            assert markov_blanket(graph, {node}) == truth.markov_blanket(graph, node), (graph, node)


@given(graphs_with_sets(max_nodes=7, max_latent=2))
def test_do_cuts_every_edge_with_an_arrow_at_a_treatment_and_no_other(drawn: Drawn) -> None:
    graph, x, *_ = drawn
    after = do(graph, x)
    enters = {e for e in graph.edges if any(n in x and m == Mark.ARROW for n, m in zip(e[::2], e.marks, strict=True))}
    assert set(after.edges) == set(graph.edges) - enters
    assert (set(after.nodes), after.latent) == (set(graph.nodes), graph.latent)


@given(graphs_with_sets(max_nodes=7))
def test_without_outgoing_cuts_every_arrow_that_leaves_and_no_other(drawn: Drawn) -> None:
    graph, x, *_ = drawn
    after = without_outgoing(graph, x)
    assert set(after.edges) == {e for e in graph.edges if not (e.mark == "->" and e.left in x)}
    assert set(after.nodes) == set(graph.nodes)


@given(graphs(max_nodes=7, max_latent=4))
def test_a_projection_has_the_edges_that_verma_and_pearl_define(graph: MixedGraph) -> None:
    assert strip(project(graph)) == strip(projection(graph))
    assert project(graph).latent == frozenset()


def test_projections_are_right_on_500_random_graphs() -> None:
    rng = np.random.default_rng(12)
    for _ in range(500):
        size = int(rng.integers(3, 8))
        graph = random_graph(rng, size, arrows=0.3, latent=int(rng.integers(0, size - 1)))
        assert strip(project(graph)) == strip(projection(graph)), graph


@given(graphs(max_nodes=6, max_latent=3))
def test_projecting_out_latents_that_are_named_is_the_same_as_marking_them(graph: MixedGraph) -> None:
    unmarked = MixedGraph.build(graph.edges, graph.nodes)
    assert strip(project(unmarked, graph.latent)) == strip(project(graph))
