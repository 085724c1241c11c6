"""Meek's rules: what arrows and knowledge settle is what all DAGs that keep to them agree on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from causalgraph.errors import ModelError
from causalgraph.graphs.meek import meek_closure, unclosed
from causalgraph.graphs.mixed import Edge, MixedGraph
from oracles.equivalence import agreed, extensions, keeps, markov_class
from strategies import random_graph, scaled

CASES: list[dict[str, Any]] = json.loads(
    Path(__file__).parents[1].joinpath("cases", "equivalence.json").read_text("utf-8")
)


def pdag(*edges: str, kind: str = "pdag") -> MixedGraph:
    return MixedGraph.build([tuple(edge.split()) for edge in edges], kind=kind)


def written(graph: MixedGraph) -> list[str]:
    return sorted(map(str, graph.edges))


def random_dag(rng: np.random.Generator, size: int, arrows: float = 0.5) -> MixedGraph:
    return random_graph(rng, size, arrows=arrows, two_headed=0)


def random_cpdag(rng: np.random.Generator, size: int, arrows: float = 0.5) -> tuple[MixedGraph, list[Any]]:
    """Return the CPDAG, by brute force, of a random DAG with an edge, and its class."""
    dag = random_dag(rng, size, arrows)
    while not 0 < len(dag.edges) <= 10:
        dag = random_dag(rng, size, arrows)
    members = markov_class(dag)
    return dag.with_edges(agreed(members), kind="cpdag"), members


def random_pdag(rng: np.random.Generator, size: int) -> MixedGraph:
    """Return a graph of arrows and undirected edges that may well contradict itself."""
    dag = random_dag(rng, size)
    edges = [e if rng.random() < 0.4 else Edge(e.left, "--", e.right).canonical for e in dag.edges]
    if edges and rng.random() < 0.3:
        flip = edges[int(rng.integers(len(edges)))]
        edges[edges.index(flip)] = Edge(flip.right, "->", flip.left)
    return dag.with_edges(edges, kind="pdag")


@pytest.mark.parametrize("case", [c for c in CASES if c["question"] == "meek_closure"], ids=lambda c: c["id"])
def test_known_closures(case: dict[str, Any]) -> None:
    facts = case["graph"]
    graph = MixedGraph.build(map(tuple, facts["edges"]), facts["nodes"], kind=facts["kind"])
    closed = meek_closure(graph, required=map(tuple, case["args"]["background"]))
    assert set(closed.edges) == {Edge(*e).canonical for e in case["expected"]["edges"]}
    assert closed.kind == "mpdag"


RULES = {
    "1": (pdag("A -> B", "B -- C"), "B -> C"),
    "2": (pdag("A -> B", "B -> C", "A -- C"), "A -> C"),
    "3": (pdag("A -- B", "A -- C", "A -- D", "C -> B", "D -> B"), "A -> B"),
    "4": (pdag("A -- B", "A -- C", "A -- D", "D -> C", "C -> B"), "A -> B"),
}


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_orients_its_picture_and_says_why(rule: str) -> None:
    graph, arrow = RULES[rule]
    ((edge, reason),) = [found for found in unclosed(graph) if str(found[0]) == arrow]
    assert reason.startswith(f"Meek's rule {rule}: ")
    assert edge in meek_closure(graph).edges
    assert not list(unclosed(meek_closure(graph)))


def test_a_closure_of_a_cpdag_with_knowledge_is_what_the_members_that_keep_it_agree_on() -> None:
    rng = np.random.default_rng(11)
    contradicted = 0
    for _ in range(scaled(250, 6000)):
        graph, members = random_cpdag(rng, int(rng.integers(3, 7)))
        adjacent = sorted((a, b) for a, near in graph.adjacent.items() for b in near)
        picked = [adjacent[i] for i in rng.integers(len(adjacent), size=rng.integers(0, 4))]
        required, forbidden = picked[::2], [*picked[1::2], (graph.nodes[0], graph.nodes[-1])]
        keeping = [m for m in members if keeps(m, required, forbidden)]
        if keeping:
            closed = meek_closure(graph, required=required, forbidden=forbidden)
            assert frozenset(closed.edges) == agreed(keeping), (graph, required, forbidden)
        else:
            contradicted += 1
            with pytest.raises(ModelError) as failed:
                meek_closure(graph, required=required, forbidden=forbidden)
            assert failed.value.code == "E115"
    assert contradicted > 20


def test_a_closure_of_any_graph_that_a_dag_extends_is_what_its_extensions_agree_on() -> None:
    rng = np.random.default_rng(12)
    extended = 0
    for _ in range(scaled(400, 10_000)):
        graph = random_pdag(rng, int(rng.integers(3, 6)))
        found = extensions(graph)
        if found and graph.edges:
            extended += 1
            closed = meek_closure(graph)
            assert frozenset(closed.edges) == agreed(found), graph
            assert bool(list(unclosed(graph))) == (set(closed.edges) != set(graph.edges))
    assert extended > 100


def test_knowledge_against_an_arrow_is_named_with_it() -> None:
    with pytest.raises(ModelError, match=r"required C -> A contradicts A -> C") as failed:
        meek_closure(pdag("A -> C", "B -> C", kind="cpdag"), required=[("C", "A")])
    assert failed.value.diagnostics[0].why == "A -> C stands in the graph"


def test_knowledge_against_what_other_knowledge_implies_names_both() -> None:
    chain = pdag("A -- B", "B -- C", kind="cpdag")
    with pytest.raises(ModelError, match=r"forbidden B -> C contradicts B -> C \(that is, required A -> B\)") as failed:
        meek_closure(chain, required=[("A", "B")], forbidden=[("B", "C")])
    assert "B -> C follows by Meek's rule 1" in str(failed.value)


def test_knowledge_that_makes_a_collider_is_named_with_the_arrow_that_it_meets() -> None:
    graph = pdag("A -- B", "B -- C", "A -- D", "D -- B", "D -- C", kind="pdag")
    with pytest.raises(ModelError, match=r"contradicts .* B") as failed:
        meek_closure(graph, required=[("A", "B"), ("C", "B")])
    assert failed.value.code == "E115"
    assert "required C -> B" in failed.value.diagnostics[0].what


def test_knowledge_that_closes_a_cycle_names_all_that_leads_round() -> None:
    triangle = pdag("A -- B", "B -- C", "A -- C", kind="cpdag")
    with pytest.raises(ModelError) as failed:
        meek_closure(triangle, required=[("A", "B"), ("B", "C"), ("C", "A")])
    assert failed.value.diagnostics[0].what == (
        "required C -> A contradicts A -> C (that is, required B -> C with required A -> B)"
    )


def test_a_graph_that_contradicts_itself_says_so_without_knowledge() -> None:
    with pytest.raises(ModelError, match="the graph's arrows contradict"):
        meek_closure(pdag("A -> B", "B -- C", "D -> C"))
    with pytest.raises(ModelError, match="A -> B -> C -> A"):
        meek_closure(pdag("A -> B", "B -> C", "C -> A"))


def test_forbidding_an_arrow_between_nodes_that_are_not_adjacent_says_nothing() -> None:
    chain = pdag("A -- B", "B -- C", kind="cpdag")
    assert written(meek_closure(chain, forbidden=[("A", "C")])) == ["A -- B", "B -- C"]


def test_requiring_an_arrow_between_nodes_that_are_not_adjacent_is_an_error() -> None:
    with pytest.raises(ModelError, match="A and C aren't adjacent"):
        meek_closure(pdag("A -- B", "B -- C", kind="cpdag"), required=[("A", "C")])


def test_knowledge_of_an_unknown_node_is_an_error() -> None:
    with pytest.raises(ModelError) as failed:
        meek_closure(pdag("A -- B", kind="cpdag"), forbidden=[("A", "Z")])
    assert failed.value.code == "E201"


@pytest.mark.parametrize(
    ("graph", "code"),
    [
        (pdag("A <-> B", kind="admg"), "E108"),
        (pdag("A <-> B", kind="pdag"), "E102"),
        (pdag("A -> B", "A -- B", kind="pdag"), "E104"),
    ],
)
def test_other_graphs_are_refused(graph: MixedGraph, code: str) -> None:
    with pytest.raises(ModelError) as failed:
        meek_closure(graph)
    assert failed.value.code == code
