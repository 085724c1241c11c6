"""Markov equivalence against brute force over every orientation."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from causalgraph.errors import ModelError
from causalgraph.graphs.equivalence import breaches_of_class, compare_classes, consistent_extension, cpdag
from causalgraph.graphs.meek import meek_closure
from causalgraph.graphs.mixed import Edge, MixedGraph
from oracles.equivalence import Arrows, agreed, extensions, have_same_separations, markov_class
from strategies import random_graph, scaled

CASES: list[dict[str, Any]] = json.loads(
    Path(__file__).parents[1].joinpath("cases", "equivalence.json").read_text("utf-8")
)


def of_question(question: str) -> Any:
    return pytest.mark.parametrize("case", [c for c in CASES if c["question"] == question], ids=lambda c: c["id"])


def graph_of(facts: dict[str, Any]) -> MixedGraph:
    return MixedGraph.build(map(tuple, facts["edges"]), facts["nodes"], kind=facts["kind"])


def built(*edges: str, kind: str = "dag") -> MixedGraph:
    return MixedGraph.build([tuple(edge.split()) for edge in edges], kind=kind)


def arrows_of(graph: MixedGraph) -> Arrows:
    return frozenset((e.left, e.right) for e in graph.edges)


def random_dag(rng: np.random.Generator, size: int, *, most: int = 9) -> MixedGraph:
    while True:
        dag = random_graph(rng, size, arrows=float(rng.uniform(0.2, 0.8)), two_headed=0)
        if 0 < len(dag.edges) <= most:
            return dag


def random_partial(rng: np.random.Generator, size: int, kind: str) -> MixedGraph:
    """Return a graph of arrows and undirected edges, some of them turned so that they may contradict the others."""
    dag = random_dag(rng, size)
    loose = float(rng.uniform(0, 1))
    edges = [Edge(e.left, "--", e.right).canonical if rng.random() < loose else e for e in dag.edges]
    edges = [turned(e) if rng.random() < 0.1 else e for e in edges]
    return MixedGraph.build([(e.left, e.mark, e.right) for e in edges], dag.nodes, kind=kind)


def turned(edge: Edge) -> Edge:
    return Edge(edge.right, edge.mark, edge.left).canonical


@of_question("dag_to_cpdag")
def test_known_cpdags(case: dict[str, Any]) -> None:
    assert set(cpdag(graph_of(case["graph"])).edges) == {Edge(*e).canonical for e in case["expected"]["edges"]}


@of_question("markov_equivalent")
def test_known_equivalences(case: dict[str, Any]) -> None:
    assert bool(compare_classes(graph_of(case["graph"]), graph_of(case["graph"]["other"]))) is case["expected"]


def test_a_cpdag_is_what_the_class_agrees_on_from_each_of_its_members() -> None:
    rng = np.random.default_rng(21)
    for _ in range(scaled(200, 5000)):
        dag = random_dag(rng, int(rng.integers(2, 7)))
        members = markov_class(dag)
        expected = agreed(members)
        found = cpdag(dag)
        assert frozenset(found.edges) == expected, dag
        assert found.kind == "cpdag"
        other = members[int(rng.integers(len(members)))]
        assert frozenset(cpdag(MixedGraph.build([(a, "->", b) for a, b in other])).edges) == expected
        assert cpdag(found) == found


def test_a_partly_known_graph_has_the_cpdag_of_its_members() -> None:
    rng = np.random.default_rng(22)
    for _ in range(scaled(200, 4000)):
        dag = random_dag(rng, int(rng.integers(2, 6)))
        whole = cpdag(dag)
        known = [(e.left, e.right) for e in dag.edges if rng.random() < 0.3]
        assert cpdag(meek_closure(whole, required=known)) == whole


def test_an_extension_is_found_exactly_where_there_is_one() -> None:
    rng = np.random.default_rng(23)
    without = 0
    for _ in range(scaled(700, 20_000)):
        graph = random_partial(rng, int(rng.integers(3, 7)), "pdag")
        members = extensions(graph)
        found = consistent_extension(graph)
        if found is None:
            without += 1
            assert not members, graph
        else:
            assert arrows_of(found) in members, graph
            assert found.kind == "dag"
    assert without > 50


def test_classes_are_equal_exactly_where_all_separations_are() -> None:
    rng = np.random.default_rng(24)
    equal = 0
    for _ in range(scaled(150, 2000)):
        size = int(rng.integers(2, 5))
        one = random_dag(rng, size)
        members = markov_class(one)
        drawn = members[int(rng.integers(len(members)))]
        near = MixedGraph.build([(a, "->", b) for a, b in drawn], one.nodes)
        for two in (near, random_dag(rng, size)):
            answer = compare_classes(one, two)
            equal += answer.equivalent
            assert answer.equivalent == have_same_separations(one, two), (one, two)
            assert bool(compare_classes(two, one)) == answer.equivalent
    assert equal > 50


def test_what_tells_two_classes_apart_is_in_one_of_them_alone() -> None:
    rng = np.random.default_rng(25)
    shown = {1: 0, 2: 0}
    for _ in range(scaled(300, 5000)):
        one = random_dag(rng, 5)
        two = one.with_edges(turned(e) if rng.random() < 0.3 else e for e in one.edges)
        if rng.random() < 0.3:
            two = random_dag(rng, 5)
        if consistent_extension(two) is None:
            continue
        answer = compare_classes(one, two)
        if answer:
            assert (answer.witness, answer.only_in) == ((), None)
            continue
        shown[len(answer.witness)] += 1
        has, lacks = (one, two) if answer.only_in == "first" else (two, one)
        assert set(answer.witness) <= set(has.edges)
        if len(answer.witness) == 1:
            (edge,) = answer.witness
            assert edge.right not in lacks.adjacent[edge.left]
        else:
            left, right = answer.witness
            assert left.right == right.right
            assert right.left not in has.adjacent[left.left]
            assert not set(answer.witness) <= set(lacks.edges)
    assert min(shown.values()) > 20


def test_different_nodes_are_told_as_such() -> None:
    answer = compare_classes(built("A -> B"), built("A -> C"))
    assert answer.reason == "only the first has the node B"


def test_a_dag_and_its_cpdag_and_an_mpdag_between_them_stand_for_one_class() -> None:
    dag = built("A -> B", "B -> C", "C -> D")
    whole = cpdag(dag)
    partly = meek_closure(whole, required=[("B", "C")])
    for one, two in pairwise([dag, whole, partly, dag]):
        assert compare_classes(one, two)


def test_a_cpdag_breaks_its_claim_exactly_where_it_is_no_class_of_dags() -> None:
    rng = np.random.default_rng(26)
    verdicts = {True: 0, False: 0}
    for _ in range(scaled(500, 12_000)):
        graph = random_partial(rng, int(rng.integers(2, 6)), "cpdag")
        if rng.random() < 0.4:
            graph = cpdag(random_dag(rng, int(rng.integers(2, 6))))
        members = extensions(graph)
        holds = bool(members) and frozenset(graph.edges) == agreed(markov_class(dag_of(graph, members[0])))
        found = list(breaches_of_class(graph))
        assert (not found) == holds, (graph, found)
        verdicts[holds] += 1
        for edges, reason in found:
            assert edges
            assert reason
            assert {e.canonical for e in edges} <= set(graph.edges)
    assert min(verdicts.values()) > 50


def test_an_mpdag_breaks_its_claim_exactly_where_it_is_not_what_its_extensions_agree_on() -> None:
    rng = np.random.default_rng(27)
    verdicts = {True: 0, False: 0}
    for _ in range(scaled(500, 12_000)):
        graph = random_partial(rng, int(rng.integers(2, 6)), "mpdag")
        members = extensions(graph)
        if members and rng.random() < 0.5:
            graph = meek_closure(graph)
        holds = bool(members) and frozenset(graph.edges) == agreed(members)
        found = list(breaches_of_class(graph))
        assert (not found) == holds, (graph, found)
        verdicts[holds] += 1
    assert min(verdicts.values()) > 50


def dag_of(graph: MixedGraph, arrows: Arrows) -> MixedGraph:
    return MixedGraph.build([(a, "->", b) for a, b in arrows], graph.nodes)


BROKEN = [
    (built("A -> B", "B -> C", "C -> A", kind="cpdag"), "A -> B B -> C C -> A", "directed cycle"),
    (built("A -> B", "B -- C", "A -- C", kind="cpdag"), "A -> B B -- C C -- A", "partially directed"),
    (built("A -- B", "B -- C", "C -- D", "A -- D", kind="cpdag"), "B -- A A -- D D -- C C -- B", "without a chord"),
    (built("A -> B", kind="cpdag"), "A -> B", "it must be A -- B"),
    (built("A -> B", "C -> B", "B -- D", kind="cpdag"), "B -- D", "it must be B -> D by Meek's rule 1"),
    (built("A -> B", "B -> C", "A -- C", kind="mpdag"), "A -- C", "it must be A -> C by Meek's rule 2"),
    (built("A -- B", "B -- C", "C -- D", "A -- D", kind="mpdag"), "A -- B B -- C C -- D A -- D", "no DAG has"),
    (built("A -> B", "B -- A", kind="mpdag"), "A -> B A -- B", "contradict each other"),
]


@pytest.mark.parametrize(("graph", "edges", "reason"), BROKEN, ids=[reason for *_, reason in BROKEN])
def test_a_breach_names_the_edges_and_the_reason(graph: MixedGraph, edges: str, reason: str) -> None:
    told = [(" ".join(map(str, found)), why) for found, why in breaches_of_class(graph)]
    assert edges in [found for found, why in told if reason in why]


def test_a_dag_and_an_unchecked_pdag_claim_nothing() -> None:
    assert not list(breaches_of_class(built("A -> B")))
    assert not list(breaches_of_class(built("A -> B", "B -- C", kind="pdag")))


def test_a_cpdag_of_a_cycle_or_of_what_no_dag_extends_is_an_error() -> None:
    with pytest.raises(ModelError, match="A -> B -> C -> A") as failed:
        cpdag(built("A -> B", "B -> C", "C -> A"))
    assert failed.value.code == "E103"
    with pytest.raises(ModelError) as failed:
        cpdag(built("A -- B", "B -- C", "C -- D", "A -- D", kind="pdag"))
    assert failed.value.code == "E116"


def test_roles_and_lone_nodes_stay() -> None:
    dag = MixedGraph.build([("A", "->", "B")], ["Z"], latent=["A"], selected=["Z"])
    found = cpdag(dag)
    assert (found.nodes, found.latent, found.selected) == (dag.nodes, dag.latent, dag.selected)
    assert consistent_extension(found).latent == {"A"}


def test_a_long_chain_and_a_wide_star_are_no_trouble() -> None:
    chain = MixedGraph.build([(f"V{i}", "->", f"V{i + 1}") for i in range(3000)])
    star = MixedGraph.build([("H", "->", f"V{i}") for i in range(3000)])
    for dag in (chain, star):
        whole = cpdag(dag)
        assert {e.mark for e in whole.edges} == {"--"}
        assert not list(breaches_of_class(whole))
        first = meek_closure(whole, required=[(dag.edges[-1].right, dag.edges[-1].left)])
        assert {e.mark for e in first.edges} == {"->"}
