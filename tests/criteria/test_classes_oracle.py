"""On a class of graphs a verdict is that of all its members; under selection it is what exact numbers say."""

from itertools import pairwise

import numpy as np
import pytest

from causalgraph.criteria.adjustment import check_adjustment, forbidden_nodes, minimal_adjustment_sets
from causalgraph.criteria.families import adjustment_family
from causalgraph.criteria.optimal import optimal_adjustment_set
from causalgraph.criteria.separation import judge, separation
from causalgraph.errors import ModelError
from causalgraph.graphs.ancestral import visible_edges
from causalgraph.graphs.classes import members
from causalgraph.graphs.mags import mag_members
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.graphs.possible import representative
from oracles.models import random_model
from strategies import random_class, random_disjoint, random_graph, scaled, subsets


def bows(graph):
    """Return graphs of causes behind a MAG: itself, and with a hidden cause behind each arrow that allows one."""
    plain = MixedGraph.build(graph.edges, graph.nodes, kind="admg")
    shown = visible_edges(graph)
    yield plain
    for edge in graph.edges:
        if edge.mark == "->" and edge not in shown:
            yield plain.with_edges([*plain.edges, Edge(edge.left, "<->", edge.right).canonical])


def graphs_of_causes(graph):
    if graph.kind == "mag":
        return list(bows(graph))
    if graph.kind == "pag":
        found = mag_members(graph, limit=200)
        # Adjustment takes a pag as one without selection, whose members have no undirected edge.
        unselected = [m for m in found.graphs if all(e.mark != "--" for e in m.edges)]
        return [g for m in unselected for g in bows(m)] if found.complete else []
    return list(members(graph))


@pytest.mark.parametrize("kind", ["cpdag", "mpdag", "pdag", "mag", "pag"])
def test_a_set_is_valid_exactly_where_it_is_valid_in_every_graph_of_the_class(kind):
    rng = np.random.default_rng([ord(c) for c in kind])
    seen = {True: 0, False: 0}
    for _ in range(scaled(60, 1500)):
        graph = random_class(rng, kind)
        x, y = random_disjoint(rng, graph.nodes, (1, 2), (1, 2))
        causes = graphs_of_causes(graph)
        if not causes:
            continue
        valid = []
        for z in subsets(frozenset(graph.nodes) - x - y):
            verdict = check_adjustment(graph, x, y, z)
            truth = all(check_adjustment(g, x, y, z).valid for g in causes)
            assert verdict.valid == truth, (graph, x, y, z, verdict)
            seen[truth] += 1
            if truth:
                valid.append(z)
        minimal = {z for z in valid if not any(other < z for other in valid)}
        assert set(minimal_adjustment_sets(graph, x, y)) == minimal
        family = adjustment_family(graph, x, y)
        assert bool(family.sets) == bool(valid)
        assert bool(family.none) != bool(valid)
    assert min(seen.values()) > scaled(10, 300)


@pytest.mark.parametrize("kind", ["cpdag", "mpdag", "mag", "pag"])
def test_separation_and_its_open_path_hold_in_every_member(kind):
    rng = np.random.default_rng([ord(c) for c in kind])
    definite = 0
    for _ in range(scaled(150, 3000)):
        graph = random_class(rng, kind)
        x, y, z = random_disjoint(rng, graph.nodes, (1, 1), (1, 1), (0, 3))
        verdict = separation(graph, x, y, given=z)
        several = {"mag": lambda g: [g], "pag": lambda g: mag_members(g, limit=50).graphs}.get(kind, members)(graph)
        for member in several:
            assert separation(member, x, y, given=z).separated == verdict.separated
            if not verdict.separated and kind != "mag":
                nodes = verdict.path.nodes
                drawn = {frozenset((e.left, e.right)): e for e in member.edges}
                steps = [drawn[frozenset(pair)] for pair in pairwise(nodes)]
                walked = tuple(e if e.left == a else e.turned for e, a in zip(steps, nodes, strict=False))
                if all(e.canonical in graph.edges for e in verdict.path.edges):
                    assert judge(member, walked, z).open
                    definite += 1
    assert kind == "mag" or definite > scaled(20, 400)


def test_the_optimal_set_of_a_class_is_that_of_each_member():
    rng = np.random.default_rng(17)
    found = 0
    for _ in range(scaled(150, 2000)):
        graph = random_class(rng, "mpdag")
        x, y = random_disjoint(rng, graph.nodes, (1, 2), (1, 1))
        best = optimal_adjustment_set(graph, x, y).covariates
        if best is not None:
            found += 1
            for member in members(graph):
                assert optimal_adjustment_set(member, x, y).covariates == best
    assert found > scaled(10, 200)


def test_a_circle_at_the_treatment_is_an_obstacle_that_is_named():
    graph = MixedGraph.build([("X", "o->", "C"), ("C", "->", "Y"), ("D", "o->", "C")], kind="pag")
    verdict = check_adjustment(graph, "X", "Y", ())
    assert not verdict.valid
    assert verdict.witness.text == "X o-> C -> Y"
    family = adjustment_family(graph, "X", "Y")
    assert family.sets == ()
    assert "hidden common cause" in family.none


def test_an_edge_that_tells_of_selection_refuses_adjustment():
    graph = MixedGraph.build([("X", "--", "Y")], kind="mag")
    with pytest.raises(ModelError, match="selected"):
        check_adjustment(graph, "X", "Y", ())


def selected_formula(model, x, y, z, s):
    """Return Σ_z P(y | x, z, S=1) P(z | S=1), with axes (*x, *y)."""
    joint = model.distribution((*z, *x, *y, s))[..., 1]
    joint = joint / joint.sum()
    over = tuple(range(len(z), joint.ndim))
    weights = joint.sum(axis=over, keepdims=True)
    conditional = joint / joint.sum(axis=tuple(range(joint.ndim - len(y), joint.ndim)), keepdims=True)
    return (conditional * weights).sum(axis=tuple(range(len(z))))


def test_under_selection_a_set_is_valid_exactly_where_the_numbers_agree():
    rng = np.random.default_rng(4)
    seen = {True: 0, False: 0}
    for number in range(scaled(150, 3000)):
        graph = random_graph(rng, 5 + number % 2, arrows=0.45, two_headed=0.12)
        x, y, s = random_disjoint(rng, graph.nodes, (1, 2), (1, 1), (1, 1))
        (chosen,) = s
        chosen_graph = MixedGraph.build(graph.edges, graph.nodes, selected=s)
        models = [random_model(rng, graph) for _ in range(2)]
        order = (tuple(sorted(x)), tuple(sorted(y)))
        for z in subsets(frozenset(graph.nodes) - x - y - s):
            truth = all(
                np.allclose(
                    selected_formula(m, *order, tuple(sorted(z)), chosen),
                    m.effect(order[1], order[0]),
                    rtol=0,
                    atol=1e-9,
                )
                for m in models
            )
            assert check_adjustment(chosen_graph, x, y, z).valid == truth
            seen[truth] += 1
    assert min(seen.values()) > scaled(30, 600)


def test_selected_nodes_are_conditioned_on_in_separation():
    graph = MixedGraph.build([("A", "->", "S"), ("B", "->", "S")], selected="S")
    assert not separation(graph, "A", "B").separated


def test_forbidden_nodes_of_a_class_are_possible_descendants():
    graph = MixedGraph.build([("X", "->", "M"), ("A", "->", "M"), ("M", "->", "Y"), ("M", "->", "D")], kind="cpdag")
    assert forbidden_nodes(graph, "X", "Y") == {"M", "Y", "D"}
    assert representative(graph).kind == "dag"


@pytest.mark.parametrize("kind", ["cpdag", "mag", "pag"])
def test_a_direct_effect_is_asked_of_one_graph_of_causes(kind):
    graph = MixedGraph.build([("X", "->", "Y"), ("A", "->", "X"), ("B", "->", "X")], kind=kind)
    with pytest.raises(ModelError, match="direct effect"):
        check_adjustment(graph, "X", "Y", (), effect="direct")
