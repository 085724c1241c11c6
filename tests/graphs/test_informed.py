"""A graph and what is known beside it: what they settle together, and where they contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, permutations

import numpy as np
import pytest

from causalgraph.graphs.informed import contradictions, informed
from causalgraph.graphs.knowledge import Knowledge
from causalgraph.graphs.mixed import Edge, MixedGraph
from oracles.equivalence import Arrows, agreed, keeps, markov_class
from strategies import random_graph, scaled


def drawn(kind: str, *edges: str) -> MixedGraph:
    return MixedGraph.build([tuple(edge.split()) for edge in edges], kind=kind)


def whats(graph: MixedGraph, known: Knowledge) -> list[str]:
    return [c.what for c in contradictions(graph, known)]


def cases(count: int) -> Iterator[tuple[MixedGraph, list[Arrows], Knowledge, list[Arrows]]]:
    """Yield a CPDAG by brute force, its members, knowledge of their edges, and the members that keep to it."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        dag = random_graph(rng, 5, arrows=0.5, two_headed=0)
        if not dag.edges:
            continue
        members = markov_class(dag)
        graph = MixedGraph.build(agreed(members), dag.nodes, kind="cpdag")
        arrows = [p for e in dag.edges for p in ((e.left, e.right), (e.right, e.left))]
        tiers: list[list[str]] = [[], [], []]
        for name in dag.nodes:
            if rng.random() < 0.4:
                tiers[rng.integers(3)].append(name)
        forbidden = [pair for pair in arrows if rng.random() < 0.1]
        required = [pair for pair in arrows if rng.random() < 0.1]
        known = Knowledge(tuple(map(tuple, tiers)), tuple(forbidden), tuple(required))
        back = [(a, b) for a, b in permutations(known.tier, 2) if known.tier[a] > known.tier[b]]
        yield graph, members, known, [m for m in members if keeps(m, required, [*forbidden, *back])]


def test_a_cpdag_with_knowledge_is_what_the_members_that_keep_to_it_agree_on() -> None:
    kept = 0
    for graph, members, known, keeping in cases(scaled(300, 5_000)):
        against = list(contradictions(graph, known))
        found = informed(graph, known)
        assert bool(keeping) == (not against and not found.problems)
        if keeping:
            kept += 1
            assert frozenset(found.graph.edges) == agreed(keeping)
            assert found.graph.kind == ("cpdag" if agreed(keeping) == agreed(members) else "mpdag")
    assert kept > 50


def test_a_graph_that_knowledge_was_drawn_into_is_read_as_that_graph() -> None:
    for graph, _, known, keeping in cases(scaled(300, 3_000)):
        if keeping:
            whole = MixedGraph.build(agreed(keeping), graph.nodes, kind="cpdag")
            for kind in ("cpdag", "mpdag"):
                again = informed(MixedGraph.build(whole.edges, whole.nodes, kind=kind), known)
                assert (set(again.graph.edges), again.problems) == (set(whole.edges), ())


def test_an_arrow_that_neither_class_nor_knowledge_settles_breaks_the_claim() -> None:
    found = informed(drawn("cpdag", "A -> B", "B -> C"), Knowledge.of(forbidden=[("C", "B")]))
    assert [(c.code, str(c.edge)) for c in found.problems] == [("E102", "A -> B")]
    assert informed(drawn("mpdag", "A -> B", "B -> C"), Knowledge.of(forbidden=[("C", "B")])).problems == ()


def test_the_knowledge_that_first_makes_the_closure_fail_is_blamed() -> None:
    known = Knowledge.of(forbidden=[("B", "A"), ("B", "C")])
    (problem,) = informed(drawn("cpdag", "A -- B", "B -- C"), known).problems
    assert (problem.code, problem.said) == ("E115", (("forbid", "B", "C"),))
    assert "Meek's rule 1" in problem.why


@pytest.mark.parametrize("kind", ["dag", "admg", "cpdag", "mpdag", "pdag", "mag", "pag"])
def test_a_drawn_arrow_may_not_go_against_knowledge(kind: str) -> None:
    graph = drawn(kind, "A -> B")
    assert whats(graph, Knowledge.of(forbidden=[("A", "B")])) == ["A -> B is drawn, and forbidden"]
    assert whats(graph, Knowledge.of(tiers=["B", "A"])) == ["A -> B leads back in time"]
    assert whats(graph, Knowledge.of(required=[("B", "A")])) == ["A -> B is drawn, and B -> A is required"]
    assert whats(graph, Knowledge.of(["A", "B"], [("B", "A")], [("A", "B")])) == []


@pytest.mark.parametrize(
    ("kind", "edge", "fits"),
    [
        ("pag", "A o-> B", True),
        ("pag", "A o-o B", True),
        ("pag", "A --o B", True),
        ("pag", "A -- B", False),
        ("pag", "B --o A", False),  # a tail at B: no arrowhead can come to stand there
        ("pag", "A <-> B", False),
        ("pag", "B o-> A", False),
        ("mag", "A -- B", False),
        ("cpdag", "A -- B", True),
        ("pdag", "A -- B", True),
        ("admg", "A <-> B", False),
    ],
)
def test_a_required_arrow_may_stand_as_an_edge_that_can_become_it(kind: str, edge: str, fits: bool) -> None:
    assert (whats(drawn(kind, edge), Knowledge.of(required=[("A", "B")])) == []) == fits


@pytest.mark.parametrize("kind", ["dag", "admg", "cpdag", "pag"])
def test_a_required_arrow_between_what_no_edge_joins_is_told(kind: str) -> None:
    graph = MixedGraph.build([("A", "->", "B")], ["C"], kind=kind)
    assert whats(graph, Knowledge.of(required=[("A", "C")])) == ["A -> C is required, and no edge joins A and C"]


def test_an_undirected_edge_that_is_ruled_out_both_ways_is_told() -> None:
    known = Knowledge.of(tiers=["B", "A"], forbidden=[("B", "A")])
    assert whats(drawn("cpdag", "A -- B"), known) == ["A -- B is ruled out both ways"]
    assert whats(drawn("pag", "A <-> B"), known) == []


def test_a_broken_claim_is_left_to_those_who_tell_it() -> None:
    graph = drawn("cpdag", "A -> B", "B -- C")
    assert informed(graph, Knowledge.of(required=[("A", "B")])).graph.edges == (
        Edge("A", "->", "B"),
        Edge("B", "->", "C"),
    )
    twice = drawn("cpdag", "A -> B", "A -- B")
    assert informed(twice, Knowledge.of(required=[("A", "B")])).graph is twice


def test_long_chains_of_required_arrows_cost_no_more_than_their_length() -> None:
    names = [f"V{i}" for i in range(scaled(3_000, 20_000))]
    pairs = list(pairwise(names))
    assert Knowledge.of([names[:1], names[1:]], required=pairs).required == tuple(pairs)
    (clash, *_) = Knowledge((), (), (*pairs, (names[-1], names[0]))).clashes()
    assert len(clash.said) == len(names)
    (clash, *_) = Knowledge((tuple(names[-1:]), tuple(names[:1])), (), tuple(pairs)).clashes()
    assert clash.said[-2:] == (("tier", names[0]), ("tier", names[-1]))
