"""MAGs, their claim and their visible edges against the definitions."""

from __future__ import annotations

import json
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest

from causalgraph.errors import ModelError
from causalgraph.graphs.ancestral import (
    breaches_of_mag,
    inducing_path,
    is_visible,
    mag,
    visible_by,
    visible_edges,
)
from causalgraph.graphs.mixed import Edge, Mark, MixedGraph
from causalgraph.graphs.zhang import pag
from oracles.ancestral import is_legal_mag, mag_by_definition, separations, shown_visible
from oracles.relations import ancestors
from strategies import random_graph, scaled

CASES = json.loads(Path(__file__).parents[1].joinpath("cases", "ancestral.json").read_text("utf-8"))

LEFT_TO_RIGHT = {"->": "<-", "<-": "->", "<->": "<->", "--": "--"}


def random_hiding(rng: np.random.Generator, *, most: int = 7, two_headed: float = 0.1) -> MixedGraph:
    """Return a random ADMG with up to two latent and two selected nodes."""
    size = int(rng.integers(3, most + 1))
    graph = random_graph(rng, size, arrows=float(rng.uniform(0.2, 0.6)), two_headed=two_headed)
    order = [graph.nodes[i] for i in rng.permutation(size)]
    latent, selected = (int(rng.integers(0, 3)) for _ in range(2))
    return MixedGraph.build(
        graph.edges, graph.nodes, kind=graph.kind, latent=order[:latent], selected=order[latent : latent + selected]
    )


def sorted_edges(graph: MixedGraph) -> frozenset[tuple[str, str, str]]:
    """Return the edges as the oracle writes them: the name that sorts first on the left."""
    return frozenset((a, m, b) if a < b else (b, LEFT_TO_RIGHT[m], a) for a, m, b in graph.edges)


def plain(graph: MixedGraph) -> tuple[tuple[str, str, str], ...]:
    return tuple((a, m, b) for a, m, b in graph.edges)


def test_a_mag_is_that_of_the_definition_and_keeps_every_separation_given_the_selected():
    rng = np.random.default_rng(41)
    undirected = apart = 0
    for _ in range(scaled(250, 5000)):
        graph = random_hiding(rng)
        found = mag(graph)
        assert sorted_edges(found) == mag_by_definition(graph)
        assert set(found.nodes) == set(graph.nodes) - graph.latent - graph.selected
        told = separations(graph.nodes, plain(graph), found.nodes, graph.selected)
        assert separations(found.nodes, plain(found), found.nodes) == told
        assert list(breaches_of_mag(found)) == []
        undirected += any(e.mark == "--" for e in found.edges)
        apart += len(told)
    assert undirected > 20
    assert apart > 200


def test_hiding_nodes_of_a_mag_is_hiding_them_at_once():
    rng = np.random.default_rng(42)
    for _ in range(scaled(300, 5000)):
        graph = random_hiding(rng, most=8)
        first = mag(graph)
        order = [first.nodes[i] for i in rng.permutation(len(first.nodes))]
        latent, selected = set(order[:1]), set(order[1:2])
        again = MixedGraph(first.kind, first.nodes, first.edges, frozenset(latent), frozenset(selected))
        at_once = MixedGraph(
            graph.kind, graph.nodes, graph.edges, graph.latent | latent, graph.selected | selected - latent
        )
        assert mag(again) == mag(at_once)


def test_an_inducing_path_is_one_and_is_there_where_no_set_separates():
    rng = np.random.default_rng(43)
    seen = set()
    for _ in range(scaled(250, 5000)):
        graph = random_hiding(rng)
        observed = sorted(graph.observed - graph.selected)
        apart = {(a, b) for a, b, _ in separations(graph.nodes, plain(graph), observed, graph.selected)}
        for a, b in combinations(observed, 2):
            path = inducing_path(graph, a, b)
            seen.add(path is None)
            assert (path is None) == ((a, b) in apart)
            if path is not None:
                nodes = [path[0].left, *(e.right for e in path)]
                assert (nodes[0], nodes[-1]) == (a, b)
                assert len(set(nodes)) == len(nodes)
                assert {e.canonical for e in path} <= set(graph.edges)
                over = ancestors(graph, {a, b} | graph.selected)
                for one, two in pairwise(path):
                    collider = one.marks[1] == Mark.ARROW == two.marks[0]
                    assert one.right in (over if collider else graph.latent - graph.selected)
    assert seen == {True, False}


def test_what_isnt_a_mag_is_told_and_nothing_else():
    rng = np.random.default_rng(44)
    seen = {True: 0, False: 0}
    for _ in range(scaled(1500, 40000)):
        nodes = [f"V{i}" for i in range(int(rng.integers(2, 6)))]
        marks = rng.choice(["->", "<-", "<->", "<->", "--"], p=[0.35, 0.2, 0.2, 0.2, 0.05], size=20)
        pairs = [p for p in combinations(nodes, 2) if rng.random() < 0.6]
        edges = tuple((a, str(m), b) for (a, b), m in zip(pairs, marks, strict=False))
        if edges and rng.random() < 0.05:
            edges += ((edges[0][2], "->", edges[0][0]),)
        graph = MixedGraph.build(edges, nodes, kind="mag")
        legal = is_legal_mag(nodes, plain(graph))
        found = list(breaches_of_mag(graph))
        seen[legal] += 1
        assert (found == []) == legal
        assert all({e.canonical for e in edges} <= set(graph.edges) for edges, _ in found)
    assert min(seen.values()) > 100


def test_an_arrow_is_visible_exactly_where_a_path_shows_it():
    rng = np.random.default_rng(45)
    seen = {True: 0, False: 0}
    for _ in range(scaled(250, 5000)):
        first = mag(random_hiding(rng, most=9, two_headed=0.25))
        for graph in (first, pag(first)):
            shown = visible_edges(graph)
            for edge in graph.edges:
                assert (edge in shown) == is_visible(graph, edge) == shown_visible(graph, edge.left, edge.right)
                seen[edge in shown] += 1
    assert min(seen.values()) > 100


def test_the_path_that_shows_an_arrow_starts_apart_from_its_end_and_goes_by_colliders():
    graph = MixedGraph.build(
        [("C", "->", "D"), ("D", "<->", "A"), ("D", "->", "B"), ("A", "->", "B")],
        kind="mag",
    )
    assert [str(e) for e in visible_by(graph, Edge("A", "->", "B"))] == ["C -> D", "D <-> A"]
    assert is_visible(graph, Edge("B", "<-", "A"))


def test_a_circle_makes_no_arrow_visible():
    edges = [("C", "o-o", "A"), ("A", "->", "B")]
    assert not is_visible(MixedGraph.build(edges, kind="pag"), Edge("A", "->", "B"))


def test_in_a_dag_every_arrow_is_visible_and_a_two_headed_edge_never():
    graph = MixedGraph.build([("A", "->", "B"), ("B", "<->", "C")])
    assert visible_edges(graph) == {Edge("A", "->", "B")}


@pytest.mark.parametrize(
    ("edges", "blamed", "why"),
    [
        ([("A", "o->", "B")], "A o-> B", "a mag has no circles"),
        ([("A", "->", "B"), ("A", "<->", "B")], "A <-> B", "two edges join A and B"),
        ([("A", "->", "B"), ("B", "->", "C"), ("C", "->", "A")], "A -> B", "closes a directed cycle"),
        ([("A", "->", "B"), ("B", "->", "C"), ("A", "<->", "C")], "A <-> C", "A is an ancestor of C"),
        ([("A", "--", "B"), ("C", "->", "B")], "C -> B", "an arrowhead stands at B"),
        (
            [("A", "<->", "C"), ("C", "<->", "D"), ("D", "<->", "B"), ("C", "->", "B"), ("D", "->", "A")],
            "B <-> D",
            "A and B aren't adjacent, yet no set separates them",
        ),
    ],
)
def test_each_breach_names_its_edge_and_the_reason(edges, blamed, why):
    ((found, told),) = breaches_of_mag(MixedGraph.build(edges, kind="mag"))
    assert str(found[-1].canonical) == blamed
    assert why in told


def test_a_graph_that_breaks_its_claim_has_no_mag():
    with pytest.raises(ModelError, match="E102"):
        mag(MixedGraph.build([("A", "--", "B"), ("C", "->", "B")], kind="mag"))
    with pytest.raises(ModelError, match="E103"):
        mag(MixedGraph.build([("A", "->", "B"), ("B", "->", "A")]))
    with pytest.raises(ModelError, match="E108"):
        mag(MixedGraph.build([("A", "--", "B")], kind="cpdag"))


def test_a_path_is_asked_of_two_observed_nodes():
    graph = MixedGraph.build([("U", "->", "B"), ("B", "->", "S")], latent=["U"], selected=["S"])
    for pair, code in ((("U", "B"), "E203"), (("B", "S"), "E203"), (("B", "B"), "E212"), (("B", "Q"), "E201")):
        with pytest.raises(ModelError, match=code):
            inducing_path(graph, *pair)


def test_an_edge_that_the_graph_hasnt_got_is_an_error():
    graph = MixedGraph.build([("A", "->", "B")], kind="mag")
    with pytest.raises(ModelError, match="E201"):
        is_visible(graph, Edge("B", "->", "A"))
    with pytest.raises(ModelError, match="E108"):
        visible_by(MixedGraph.build([("A", "->", "B")]), Edge("A", "->", "B"))


def graph_of(facts):
    roles = {role: facts.get(role, ()) for role in ("latent", "selected")}
    return MixedGraph.build(map(tuple, facts["edges"]), facts["nodes"], kind=facts["kind"], **roles)


def asked(question):
    return [pytest.param(case, id=case["id"]) for case in CASES if case["question"] == question]


@pytest.mark.parametrize("case", asked("dag_to_mag"))
def test_known_mags(case):
    assert set(mag(graph_of(case["graph"])).edges) == {Edge(*e).canonical for e in case["expected"]["edges"]}


@pytest.mark.parametrize("case", asked("edge_visible"))
def test_known_visible_edges(case):
    assert is_visible(graph_of(case["graph"]), Edge(*case["args"]["edge"])) is case["expected"]
