"""PAGs, their members and Markov equivalence against classes that are made whole, MAG by MAG."""

from __future__ import annotations

import json
from functools import cache
from itertools import combinations, islice, permutations
from pathlib import Path

import numpy as np
import pytest
from networkx.generators.atlas import graph_atlas_g

from causalgraph.errors import ModelError
from causalgraph.graphs.ancestral import breaches_of_mag, mag
from causalgraph.graphs.mags import breaches_of_pag, equivalent_mags, mag_members, member, members_of_pag
from causalgraph.graphs.marks import Conflict, Reason
from causalgraph.graphs.mixed import WRITTEN, Edge, Mark, MixedGraph
from causalgraph.graphs.zhang import (
    ALL_RULES,
    WITHOUT_SELECTION,
    circles,
    collider_in,
    orient,
    orient_mag,
    pag,
)
from oracles.ancestral import equivalence_classes, equivalent_graphs, invariant_marks, separations
from strategies import random_graph, scaled

CASES = json.loads(Path(__file__).parents[1].joinpath("cases", "ancestral.json").read_text("utf-8"))

MARKS = {"tail": Mark.TAIL, "arrow": Mark.ARROW, "circle": Mark.CIRCLE}


@cache
def skeletons():
    """Return every skeleton on up to four nodes, and on five up to the names of the nodes (in short runs: sparse)."""
    named = [f"V{i}" for i in range(4)]
    pairs = list(combinations(named, 2))
    out = [(named, [p for i, p in enumerate(pairs) if bits >> i & 1]) for bits in range(64)]
    fives = (g for g in graph_atlas_g() if g.number_of_nodes() == 5 and g.number_of_edges() <= scaled(5, 10))
    out += [([f"V{i}" for i in g], [(f"V{a}", f"V{b}") for a, b in g.edges]) for g in fives]
    return out


@cache
def classes_by_skeleton():
    """Return (nodes, [(PAG by invariance, MAGs)]) a skeleton."""
    out = []
    for nodes, pairs in skeletons():
        classes = []
        for edges in equivalence_classes(nodes, pairs):
            mags = [MixedGraph.build(e, nodes, kind="mag") for e in edges]
            at = {place: MARKS[mark] for place, mark in invariant_marks(edges).items()}
            classes.append((at, mags))
        out.append((nodes, classes))
    return out


def marks(graph):
    out = {}
    for a, m, b in graph.edges:
        out[a, b], out[b, a] = Edge(a, m, b).marks
    return out


def test_a_pag_has_the_marks_that_all_equivalent_mags_share():
    seen = set()
    for _, classes in classes_by_skeleton():
        for at, mags in classes:
            for graph in mags:
                found = orient_mag(graph)
                assert marks(found.graph) == at
                assert not found.conflicts
                assert found.reasons.keys() == {p for p, mark in at.items() if mark != Mark.CIRCLE}
                seen |= {reason.rule for reason in found.reasons.values()}
    assert seen >= {"R0", "R1", "R2", "R4", "R5", "R6", "R9"}


def test_a_member_and_all_members_are_those_of_the_class():
    for _, classes in classes_by_skeleton()[:: scaled(4, 1)]:
        for _, mags in classes:
            graph = pag(mags[0])
            assert member(graph) in mags
            found = mag_members(graph, 100_000, budget=10**9)
            assert found.complete
            assert len(found.graphs) == len(mags)
            assert set(found.graphs) == set(mags)


def test_mags_are_equivalent_exactly_where_their_separations_are_one():
    rng = np.random.default_rng(51)
    seen = {True: 0, False: 0}
    reasons = set()
    for _, classes in classes_by_skeleton():
        pool = [(i, graph) for i, (_, mags) in enumerate(classes) for graph in mags]
        for _ in range(min(len(pool) ** 2, scaled(20, 400))):
            (i, one), (j, two) = (pool[int(k)] for k in rng.integers(0, len(pool), 2))
            verdict = equivalent_mags(one, two)
            assert verdict.equivalent == (i == j)
            seen[i == j] += 1
            if not verdict.equivalent:
                assert verdict.witness
                assert {e.canonical for e in verdict.witness} <= set((one if verdict.only_in == "first" else two).edges)
                reasons.add("discriminates" in verdict.reason)
    assert min(seen.values()) > 100
    assert reasons == {True, False}


def test_a_pag_with_another_mark_is_no_pag_unless_it_is_one_of_another_class():
    rng = np.random.default_rng(52)
    seen = {True: 0, False: 0}
    for nodes, classes in classes_by_skeleton():
        pags = [at for at, _ in classes]
        for at in pags:
            places = sorted(at)
            for _ in range(scaled(3, 12) if places else 0):
                changed = dict(at)
                for k in rng.integers(0, len(places), int(rng.integers(1, 4))):
                    changed[places[int(k)]] = Mark(int(rng.integers(0, 3)))
                edges = [Edge(a, WRITTEN[changed[a, b], changed[b, a]], b) for a, b in places if a < b]
                graph = MixedGraph.build(edges, nodes, kind="pag")
                found = list(breaches_of_pag(graph))
                seen[changed in pags] += 1
                assert (found == []) == (changed in pags)
                assert all({e.canonical for e in told} <= set(graph.edges) for told, _ in found)
    assert min(seen.values()) > 50


def test_the_pag_of_a_member_is_the_pag_on_larger_graphs():
    rng = np.random.default_rng(53)
    for _ in range(scaled(60, 4000)):
        graph = random_hiding(rng, int(rng.integers(6, 15)))
        claimed = pag(graph)
        made = member(claimed)
        assert list(breaches_of_mag(made)) == []
        assert pag(made) == claimed
        assert equivalent_mags(made, graph)
        for other in islice(members_of_pag(claimed), 3):
            assert equivalent_mags(other, claimed)


def random_hiding(rng, size, *, selection=True, degree=2.5):
    graph = random_graph(rng, size, arrows=degree / size, two_headed=0.02 if size < 20 else 0)
    order = [graph.nodes[i] for i in rng.permutation(size)]
    latent, selected = order[: size // 4], order[size // 4 : size // 4 + size // 7] if selection else ()
    return MixedGraph.build(graph.edges, graph.nodes, kind=graph.kind, latent=latent, selected=selected)


def test_without_selected_nodes_the_rules_for_selection_find_nothing():
    rng = np.random.default_rng(54)
    for _ in range(scaled(150, 4000)):
        graph = mag(random_hiding(rng, int(rng.integers(4, 14)), selection=False, degree=4))
        assert orient(circles(graph), collider_in(graph), WITHOUT_SELECTION) == orient_mag(graph)


def test_a_pag_doesnt_depend_on_the_order_of_nodes_and_edges():
    rng = np.random.default_rng(55)
    for _ in range(scaled(60, 1000)):
        graph = random_hiding(rng, int(rng.integers(5, 14)), degree=4)
        nodes = [graph.nodes[i] for i in rng.permutation(len(graph.nodes))]
        edges = [graph.edges[i] for i in rng.permutation(len(graph.edges))]
        assert pag(
            MixedGraph.build(edges, nodes, kind=graph.kind, latent=graph.latent, selected=graph.selected)
        ) == pag(graph)


def test_hundreds_of_nodes_are_no_obstacle():
    graph = random_hiding(np.random.default_rng(56), 200)
    claimed = pag(graph)
    assert list(breaches_of_pag(claimed)) == []
    assert equivalent_mags(member(claimed), graph)


@pytest.mark.parametrize(
    ("rule", "edges"),
    [
        ("R3", "A -- B, A -> D, B -> C, B -> D, C -> D"),
        ("R7", "A -> B, A -- H, C -- D, C -- H, D -- E, E -- H, H -> F"),
        ("R10", "A -> B, A -- E, A -- G, G -> B, H -> B, E -- G, E -- H, G -- H"),
    ],
)
def test_the_rarer_rules_set_marks_that_all_equivalent_mags_share(rule, edges):
    graph = MixedGraph.build([edge.split() for edge in edges.split(", ")], kind="mag")
    found = orient_mag(graph)
    assert rule in {reason.rule for reason in found.reasons.values()}
    shared = invariant_marks(equivalent_graphs(graph.nodes, tuple(graph.edges)))
    assert marks(found.graph) == {place: MARKS[mark] for place, mark in shared.items()}


def test_a_tail_by_rule_8_is_one_in_every_mag_that_is_found():
    edges = "A -> F, B -> D, B -> G, B -> H, C -> D, C -> G, F -> D, G -> D, H -> D, H -> E, G -> F, H -> F, G -> H"
    graph = MixedGraph.build([edge.split() for edge in edges.split(", ")], kind="mag")
    found = orient_mag(graph)
    assert "R8" in {reason.rule for reason in found.reasons.values()}
    made = mag_members(found.graph)
    assert made.complete
    told = separations(graph.nodes, graph.edges, graph.nodes)
    for other in made.graphs[:: scaled(10, 1)]:
        assert separations(graph.nodes, other.edges, graph.nodes) == told
    shared = invariant_marks([g.edges for g in made.graphs])
    assert marks(found.graph) == {place: MARKS[mark] for place, mark in shared.items()}


@pytest.mark.parametrize(
    ("edges", "rule", "place", "nodes"),
    [
        ([("A", "o->", "B"), ("B", "o-o", "C")], "R1", ("B", "C"), ("A", "B", "C")),
        ([("A", "->", "B"), ("B", "o->", "C"), ("A", "o-o", "C")], "R2", ("C", "A"), ("A", "B", "C")),
        (
            [("A", "o->", "B"), ("C", "o->", "B"), ("A", "o-o", "D"), ("C", "o-o", "D"), ("D", "o-o", "B")],
            "R3",
            ("B", "D"),
            ("A", "D", "C", "B"),
        ),
        (
            [("D", "o->", "A"), ("A", "<->", "B"), ("A", "->", "C"), ("B", "o-o", "C")],
            "R4",
            ("B", "C"),
            ("D", "A", "B", "C"),
        ),
        (
            [("A", "o-o", "B"), ("B", "o-o", "C"), ("C", "o-o", "D"), ("D", "o-o", "A")],
            "R5",
            ("A", "B"),
            ("A", "D", "C", "B"),
        ),
        ([("A", "--", "B"), ("B", "o-o", "C"), ("A", "o-o", "C")], "R6", ("B", "C"), ("A", "B", "C")),
        ([("B", "o--", "A"), ("B", "o-o", "C")], "R7", ("B", "C"), ("A", "B", "C")),
        ([("A", "->", "B"), ("B", "->", "C"), ("A", "o->", "C")], "R8", ("A", "C"), ("A", "B", "C")),
        (
            [("A", "o->", "C"), ("A", "o-o", "B"), ("B", "o->", "D"), ("D", "o->", "C")],
            "R9",
            ("A", "C"),
            ("A", "B", "D", "C"),
        ),
        (
            [("A", "o->", "C"), ("A", "o-o", "B"), ("A", "o-o", "D"), ("B", "->", "C"), ("D", "->", "C")],
            "R10",
            ("A", "C"),
            ("A", "B", "C", "D", "A"),
        ),
    ],
)
def test_each_rule_sets_its_mark_and_names_its_premise(edges, rule, place, nodes):
    graph = MixedGraph.build(edges, kind="pag")
    stages = tuple((named,) for stage in ALL_RULES[1:] for named in stage if named[0] == rule)
    found = orient(graph, lambda _: False, stages)
    assert found.reasons[place] == (rule, nodes)
    assert not found.conflicts


def test_a_conclusion_against_a_mark_that_stands_is_told_and_not_drawn_in_part():
    graph = MixedGraph.build([("A", "o->", "B"), ("B", "o--", "C")], kind="pag")
    found = orient(graph, lambda _: False)
    assert found.graph == graph
    assert found.conflicts == (Conflict("C", "B", Mark.TAIL, Mark.ARROW, Reason("R1", ("A", "B", "C"))),)


def test_conclusions_that_clash_leave_the_circle_whatever_the_names():
    for a, b, c, d in permutations("ABCD"):
        graph = MixedGraph.build([(a, "o->", b), (b, "o-o", c), (d, "o->", c)], kind="pag")
        found = orient(graph, lambda _: False)
        assert found.graph == graph
        assert not found.reasons
        claims = {(x.at, x.other, x.stands, x.wanted, x.reason.nodes) for x in found.conflicts}
        assert claims == {
            (b, c, Mark.CIRCLE, Mark.TAIL, (a, b, c)),
            (c, b, Mark.CIRCLE, Mark.ARROW, (a, b, c)),
            (c, b, Mark.CIRCLE, Mark.TAIL, (d, c, b)),
            (b, c, Mark.CIRCLE, Mark.ARROW, (d, c, b)),
        }


def test_a_path_whose_answer_differs_from_that_of_another_first_node_clashes():
    edges = [("D", "o->", "A"), ("E", "o->", "A"), ("A", "<->", "B"), ("A", "->", "C"), ("B", "o-o", "C")]
    for one in ("D", "E"):
        found = orient(MixedGraph.build(edges, kind="pag"), lambda path, one=one: path[0] == one, (ALL_RULES[1],))
        assert Edge("B", "o->", "C") in found.graph.edges
        assert {(x.at, x.other, x.stands) for x in found.conflicts} == {("B", "C", Mark.CIRCLE)}


def test_an_open_question_leaves_the_circles():
    graph = circles(MixedGraph.build([("A", "->", "B"), ("C", "->", "B")]))
    assert orient(graph, lambda _: None).graph == graph


def test_a_pag_is_its_own_pag_and_other_kinds_have_none():
    graph = MixedGraph.build([("A", "o-o", "B")], kind="pag")
    assert pag(graph) is graph
    with pytest.raises(ModelError, match="E108"):
        pag(MixedGraph.build([("A", "--", "B")], kind="cpdag"))
    with pytest.raises(ModelError, match="E108"):
        member(MixedGraph.build([("A", "->", "B")]))
    with pytest.raises(ModelError, match="E102"):
        member(MixedGraph.build([("A", "->", "B"), ("B", "->", "C"), ("A", "<->", "C")], kind="pag"))


def test_two_edges_on_a_pair_break_a_pag():
    graph = MixedGraph.build([("A", "->", "B"), ("A", "o-o", "B")], kind="pag")
    ((edges, why),) = breaches_of_pag(graph)
    assert len(edges) == 2
    assert "two edges join A and B" in why


def test_a_nodes_or_an_adjacency_that_one_graph_lacks_is_told_first():
    one = MixedGraph.build([("A", "->", "B")], ["C"], kind="mag")
    assert equivalent_mags(one, MixedGraph.build([("A", "->", "B")])).reason == "only the first has the node C"
    two = MixedGraph.build([("A", "->", "B"), ("B", "->", "C")])
    assert equivalent_mags(one, two).witness == (Edge("B", "->", "C"),)


def test_a_budget_that_ends_is_told():
    graph = pag(MixedGraph.build([(a, "->", b) for a, b in combinations("ABCDE", 2)]))
    found = mag_members(graph, 10)
    assert len(found.graphs) == 10
    assert not found.complete
    least = mag_members(graph, budget=10)
    assert least.graphs == (member(graph),)
    assert not least.complete


def discovered(case):
    roles = {"latent": case["latent"], "selected": case["selection"]}
    nodes = [*case["observed"], *case["latent"], *case["selection"]]
    return MixedGraph.build([(a, "->", b) for a, b in case["dag_edges"]], nodes, **roles)


def asked(question):
    return [pytest.param(case, id=case["id"]) for case in CASES if case["question"] == question]


@pytest.mark.parametrize("case", asked("mag_to_pag"))
def test_known_pags_of_mags(case):
    facts = case["graph"]
    graph = MixedGraph.build(map(tuple, facts["edges"]), facts["nodes"], kind=facts["kind"])
    assert set(pag(graph).edges) == {Edge(*e).canonical for e in case["expected"]["edges"]}


@pytest.mark.parametrize("case", asked("dag_to_pag"))
def test_known_pags_of_dags(case):
    found = pag(discovered(case))
    assert set(found.edges) == {Edge(*e).canonical for e in case["expected_edges"]}
    if case.get("mec_size_mags", 1000) < scaled(30, 1000):
        members = mag_members(found)
        assert members.complete
        assert len(members.graphs) == case["mec_size_mags"]
