"""PC's graph: by oracle the true class; on contradictory tests a legal graph, or the tests that contradict."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

import networkx as nx
import numpy as np
import pytest

from causalgraph.discover.colliders import RULES, Colliders
from causalgraph.discover.pc import Oriented, orient_pc
from causalgraph.discover.skeleton import skeleton
from causalgraph.errors import ModelError
from causalgraph.graphs.equivalence import breaches_of_class, cpdag
from causalgraph.graphs.knowledge import Knowledge
from causalgraph.graphs.marks import Reason
from causalgraph.graphs.meek import meek_closure
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.independence import base
from causalgraph.independence.oracle import oracle
from oracles.discovery import ByGraph, Noisy, Told, pc
from strategies import random_graph, scaled

ALPHA = 0.1


def run(test: base.Test, rule: str = "standard", knowledge: Knowledge | None = None) -> Oriented:
    edges = skeleton(test, ALPHA, knowledge=knowledge)
    return orient_pc(edges, Colliders(edges, test, ALPHA, rule), knowledge)


def written(graph: MixedGraph) -> list[str]:
    return sorted(map(str, graph.edges))


def random_dag(rng: np.random.Generator) -> MixedGraph:
    return random_graph(rng, int(rng.integers(2, 8)), arrows=float(rng.uniform(0.1, 0.8)), two_headed=0)


def true_knowledge(rng: np.random.Generator, dag: MixedGraph) -> Knowledge:
    """Return knowledge of each kind that a DAG keeps to."""
    order = list(nx.topological_sort(nx.DiGraph(dag.to_networkx())))
    arrows = {(e.left, e.right) for e in dag.edges}
    cuts = [0, *sorted(rng.integers(0, len(order) + 1, 2).tolist()), len(order)]
    tiers = [[n for n in order[a:b] if rng.random() < 0.9] for a, b in pairwise(cuts)]
    absent = [(a, b) for a in order for b in order if a != b and (a, b) not in arrows]
    return Knowledge.of(
        tiers if rng.random() < 0.5 else (),
        [pair for pair in absent if rng.random() < 0.2] if rng.random() < 0.6 else (),
        [pair for pair in sorted(arrows) if rng.random() < 0.2] if rng.random() < 0.6 else (),
    )


def any_knowledge(rng: np.random.Generator, names: tuple[str, ...]) -> Knowledge:
    """Return knowledge that agrees with itself, and with nothing else."""
    while True:
        pairs = [(a, b) for a in names for b in names if a != b]
        tiers = (names[: len(names) // 2], names[len(names) // 2 :]) if rng.random() < 0.3 else ()
        forbidden = [pair for pair in pairs if rng.random() < 0.1]
        try:
            return Knowledge.of(tiers, forbidden, [pair for pair in pairs if rng.random() < 0.05])
        except ModelError:
            continue


@pytest.mark.parametrize("rule", RULES)
def test_by_oracle_it_is_the_cpdag(rule: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(scaled(50, 1_500)):
        dag = random_dag(rng)
        found = run(oracle(dag), rule)
        assert found.graph == cpdag(dag)
        assert (found.valid, found.reasons, found.conflicts, found.unsettled) == (True, (), (), ())


@pytest.mark.parametrize("rule", RULES)
def test_by_oracle_with_true_knowledge_it_is_the_closure_of_the_cpdag(rule: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(scaled(50, 1_500)):
        dag = random_dag(rng)
        known = true_knowledge(rng, dag)
        barred = [(a, b) for a in dag.nodes for b in dag.nodes if a != b and known.barred(a, b)]
        truth = meek_closure(cpdag(dag), required=known.required, forbidden=barred)
        found = run(oracle(dag), rule, known)
        assert set(found.graph.edges) == set(truth.edges)
        assert found.graph.kind == ("mpdag" if known else "cpdag")
        assert (found.valid, found.conflicts) == (True, ())


def test_the_textbook_says_the_same() -> None:
    rng = np.random.default_rng(2)
    for _ in range(scaled(40, 400)):
        dag = random_graph(rng, int(rng.integers(2, 6)), arrows=0.5, two_headed=0)
        test = ByGraph(dag)
        lines = {(a, m, b) for a, m, b in pc(test.variables, test.p, ALPHA) if m == "->" or a < b}
        assert set(map(tuple, run(test).graph.edges)) == lines


def is_told(found: Oriented, words: str) -> bool:
    """Say whether tests are named, or are among those that were too many to name."""
    told = [*found.reasons, *map(str, found.conflicts)]
    return any(words in text or text.rstrip(")").endswith(" more") for text in told)


@pytest.mark.parametrize("rule", RULES)
def test_whatever_the_tests_say_the_graph_is_legal_or_says_which_of_them_disagree(rule: str) -> None:
    rng = np.random.default_rng(3)
    for seed in range(scaled(60, 1_500)):
        names = tuple(f"V{i}" for i in range(int(rng.integers(3, 9))))
        test = Noisy(seed, names, float(rng.uniform(0.02, 0.5)))
        known = any_knowledge(rng, names) if rng.random() < 0.6 else Knowledge()
        edges = skeleton(test, ALPHA, knowledge=known)
        answers = Colliders(edges, test, ALPHA, rule)
        found = orient_pc(edges, answers, known)
        graph, arrows = found.graph, {(e.left, e.right) for e in found.graph.edges if e.mark == "->"}

        claim = graph.with_edges(graph.edges, kind="mpdag" if known else "cpdag")
        legal = not list(breaches_of_class(claim))
        assert found.valid <= legal
        assert found.valid == (graph == claim)
        assert found.valid == (not found.reasons)
        if legal and not found.valid:
            assert found.unsettled or {c.kind for c in found.conflicts} - {"knowledge"}
        if not nx.is_directed_acyclic_graph(nx.DiGraph(arrows)):
            assert known
            assert any("directed cycle" in text for text in found.reasons)

        assert set(known.required) <= arrows
        for edge in graph.edges:
            assert known.barred(edge.left, edge.right) is None
            assert edge.mark == "->" or known.barred(edge.right, edge.left) is None

        for node, near in graph.adjacent.items():
            for a, b in combinations(sorted(near), 2):
                if b not in graph.adjacent[a]:
                    answer, drawn = answers((a, node, b)), {(a, node), (b, node)} <= arrows
                    if answer is not None and answer != drawn:
                        assert is_told(found, answers.words((a, node, b)))
        assert set(found.marks) == {place for a, b in arrows for place in ((a, b), (b, a))}


@pytest.mark.parametrize("rule", RULES)
def test_renaming_the_variables_renames_the_graph(rule: str) -> None:
    rng = np.random.default_rng(4)
    for seed in range(scaled(35, 1_000)):
        names = tuple(f"V{i}" for i in range(int(rng.integers(3, 9))))
        known = any_knowledge(rng, names) if rng.random() < 0.4 else Knowledge()
        new = dict(zip(names, rng.permutation(names).tolist(), strict=True))
        share = float(rng.uniform(0.02, 0.5))
        one = run(Noisy(seed, names, share), rule, known)
        two = run(Noisy(seed, names, share, {b: a for a, b in new.items()}), rule, known.renamed(new))
        moved = MixedGraph.build([(new[a], m, new[b]) for a, m, b in one.graph.edges], names, kind=one.graph.kind)
        assert moved == two.graph
        assert one.valid == two.valid
        assert sorted(c.kind for c in one.conflicts) == sorted(c.kind for c in two.conflicts)


def test_a_conservative_answer_that_is_open_licenses_no_rule() -> None:
    rng = np.random.default_rng(5)
    seen = 0
    for seed in range(scaled(60, 2_000)):
        test = Noisy(seed, [f"V{i}" for i in range(7)], float(rng.uniform(0.05, 0.4)))
        edges = skeleton(test, ALPHA)
        answers = Colliders(edges, test, ALPHA, "conservative")
        found = orient_pc(edges, answers)
        for reason in found.marks.values():
            taken = {"Meek 1": (0, 1, 2), "Meek 3": (2, 0, 3), "Meek 4": (3, 0, 1)}.get(reason.rule)
            if taken:
                seen += 1
                assert answers(tuple(reason.nodes[i] for i in taken)) is False
    assert seen


def test_two_colliders_that_want_an_edge_both_ways_leave_it_undirected() -> None:
    # Peers overwrite the first with the second, or draw a two-headed edge.
    found = run(Told("A B C D", "A C|", "B D|", "A D|"))
    assert written(found.graph) == ["A -> B", "B -- C", "D -> C"]
    assert (found.graph.kind, found.valid) == ("pdag", False)
    (conflict,) = found.conflicts
    assert (conflict.kind, conflict.edges) == ("colliders", (("B", "C"), ("C", "B")))
    assert conflict.behind == (
        "B ⟂ D (p = 0.5), which makes C a collider",
        "A ⟂ C (p = 0.5), which makes B a collider",
    )
    assert found.reasons == (str(conflict),)


def test_colliders_never_close_a_cycle_without_a_word() -> None:
    # X -> A <- C, Y -> B <- A and Z -> C <- B, with all else as it must be.
    cuts = ("X C|", "Y A|", "Z B|", "X Y|", "X Z|", "Y Z|", "X B|A", "Y C|B", "Z A|C")
    found = run(Told("A B C X Y Z", *cuts))
    assert written(found.graph) == ["A -- B", "A -- C", "B -- C", "X -> A", "Y -> B", "Z -> C"]
    assert not found.valid
    assert [c.kind for c in found.conflicts] == ["cycle"]
    assert "A -> B -> C -> A would be a directed cycle" in found.reasons[0]
    for words in ("C ⟂ X (p = 0.5)", "A ⟂ Y (p = 0.5)", "B ⟂ Z (p = 0.5)"):
        assert words in found.reasons[0]


def test_a_ring_without_a_chord_names_the_tests_that_make_it_impossible() -> None:
    found = run(Told("A B C D", "A C|B D", "B D|A C"))
    assert written(found.graph) == ["A -- B", "A -- D", "B -- C", "C -- D"]
    assert (found.graph.kind, found.valid, found.conflicts) == ("pdag", False, ())
    assert "A ⟂ C | {B, D} (p = 0.5), which keeps B from being a collider" in found.reasons[0]
    assert "B ⟂ D | {A, C} (p = 0.5), which keeps A from being a collider" in found.reasons[0]


def test_what_follows_both_ways_stays_undirected() -> None:
    # X -> A <- Y and Z -> B <- W each push the edge A - B away from themselves.
    cuts = ("X Y|", "Z W|", "X Z|", "X W|", "Y Z|", "Y W|", "X B|A", "Y B|A", "A Z|B", "A W|B")
    found = run(Told("A B W X Y Z", *cuts))
    assert written(found.graph) == ["A -- B", "W -> B", "X -> A", "Y -> A", "Z -> B"]
    assert [(c.kind, set(c.edges)) for c in found.conflicts] == [("rules", {("A", "B"), ("B", "A")})]
    assert "A - B stays undirected, as both arrows follow" in found.reasons[0]
    assert "X ⟂ Y (p = 0.5), which makes A a collider" in found.reasons[0]
    assert "A ⟂ W | {B} (p = 0.5), which keeps B from being a collider" in found.reasons[0]


def test_an_edge_that_colliders_want_both_ways_isnt_settled_by_a_rule_afterwards() -> None:
    # B -> M -> C would orient B - C by Meek's second rule, and hide what the tests disagree on.
    cuts = ("A C|", "B D|", "A D|", "A M|B", "D M|", "B N|", "A N|", "D N|", "C N|M")
    found = run(Told("A B C D M N", *cuts))
    assert written(found.graph) == ["A -> B", "B -- C", "B -> M", "D -> C", "M -> C", "N -> M"]
    assert [c.kind for c in found.conflicts] == ["colliders"]


def test_arrows_that_follow_and_meet_where_tests_deny_it_arent_drawn() -> None:
    # Round a ring from A, arrows meet at C.
    cuts = ["A C|B D", "B D|A C", "X Y|", *(f"{x} {n}|A" for x in "XY" for n in "BCD")]
    found = run(Told("A B C D X Y", *cuts))
    assert written(found.graph) == ["A -> B", "A -> D", "B -- C", "C -- D", "X -> A", "Y -> A"]
    (conflict,) = found.conflicts
    assert (conflict.kind, set(conflict.edges)) == ("rules", {("B", "C"), ("D", "C")})
    assert "B -> C <- D would follow, against tests that deny it" in found.reasons[0]
    assert "B ⟂ D | {A, C} (p = 0.5), which keeps C from being a collider" in conflict.behind
    assert "X ⟂ Y (p = 0.5), which makes A a collider" in conflict.behind


def test_arrows_that_follow_in_a_cycle_arent_drawn() -> None:
    # X pushes A - B, Y pushes B - C, Z pushes C - A; what each says of the third edge is open.
    required = [
        ("X", "A"),
        ("X", "C"),
        ("Y", "B"),
        ("Y", "A"),
        ("Z", "C"),
        ("Z", "B"),
        ("X", "Y"),
        ("Y", "Z"),
        ("X", "Z"),
    ]
    cuts = ("X B|A Y Z", "X B|A C Y Z", "Y C|B X Z", "Y C|A B X Z", "Z A|C X Y", "Z A|B C X Y")
    found = run(Told("A B C X Y Z", *cuts), "conservative", Knowledge.of(required=required))
    assert {str(e) for e in found.graph.edges if e.mark == "--"} == {"A -- B", "A -- C", "B -- C"}
    (conflict,) = found.conflicts
    assert conflict.kind == "rules"
    assert conflict.what == "A -> B -> C -> A would be a directed cycle, so that A -> B, B -> C, C -> A isn't drawn"
    assert "required X -> A" in conflict.behind


def test_a_rule_finds_another_witness_where_the_first_is_open() -> None:
    cuts = ("B P|", "B P|Z", "B Q|", "B Q|Z", "P Q|Z")
    found = run(Told("B P Q Y Z", *cuts), "conservative")
    assert written(found.graph) == ["B -- Z", "B -> Y", "P -- Z", "P -> Y", "Q -- Z", "Q -> Y", "Z -> Y"]
    assert found.marks["Y", "Z"] == Reason("Meek 3", ("Z", "Y", "P", "Q"))
    assert found.unsettled == (("B", "Z", "P"), ("B", "Z", "Q"))


def test_knowledge_wins_over_a_collider_and_says_so() -> None:
    known = Knowledge.of(required=[("B", "A")])
    found = run(Told("A B C", "A C|"), knowledge=known)
    assert written(found.graph) == ["B -> A", "C -> B"]
    assert (found.graph.kind, found.valid) == ("mpdag", True)
    (conflict,) = found.conflicts
    assert (conflict.kind, conflict.edges) == ("knowledge", (("A", "B"),))
    text = "required B -> A is kept, against tests that want A -> B: A ⟂ C (p = 0.5), which makes B a collider"
    assert str(conflict) == text


def test_knowledge_that_makes_a_collider_against_the_tests_says_so() -> None:
    known = Knowledge.of(tiers=[["A", "C"], ["B"]])
    found = run(Told("A B C", "A C|B"), knowledge=known)
    assert written(found.graph) == ["A -> B", "C -> B"]
    (conflict,) = found.conflicts
    assert conflict.kind == "knowledge"
    assert conflict.what == "A -> B <- C stands, against tests that deny it"
    assert conflict.behind == (
        "A -> B (tiers: A comes before B)",
        "C -> B (tiers: C comes before B)",
        "A ⟂ C | {B} (p = 0.5), which keeps B from being a collider",
    )


def test_knowledge_that_closes_a_cycle_with_the_adjacencies_says_so() -> None:
    known = Knowledge.of(forbidden=[("B", "A"), ("C", "B"), ("A", "C")])
    found = run(Told("A B C"), knowledge=known)
    assert written(found.graph) == ["A -> B", "B -> C", "C -> A"]
    assert not found.valid
    assert "A -> B -> C -> A is a directed cycle" in found.reasons[0]
    assert "A -> B (forbidden B -> A)" in found.reasons[0]


def test_a_cycle_of_knowledge_is_told_beside_other_contradictions() -> None:
    known = Knowledge.of(forbidden=[("B", "A"), ("C", "B"), ("A", "C")])
    apart = [f"{a} {b}|" for a in "ABC" for b in "WXYZ"]
    found = run(Told("A B C W X Y Z", *apart, "W Y|", "X Z|", "W Z|"), knowledge=known)
    assert [c.kind for c in found.conflicts] == ["knowledge", "colliders"]
    assert any("A -> B -> C -> A is a directed cycle" in text for text in found.reasons)


def test_tiers_invent_no_arrow_within_a_tier() -> None:
    known = Knowledge.of(tiers=[["A", "B"], ["C", "D"]])
    dag = MixedGraph.build([("A", "->", "B"), ("B", "->", "C"), ("C", "->", "D")])
    assert written(run(oracle(dag), knowledge=known).graph) == ["A -- B", "B -> C", "C -> D"]


def test_an_open_triple_is_unsettled_and_told() -> None:
    found = run(Told("A B C", "A C|", "A C|B"), "conservative")
    assert (written(found.graph), found.graph.kind, found.valid) == (["A -- B", "B -- C"], "pdag", False)
    assert found.unsettled == (("A", "B", "C"),)
    words = "A ⟂ C (p = 0.5) and 1 more separate them, 1 of these 2 sets with B, which leaves B open"
    assert found.reasons == (f"A - B - C is unsettled: {words}",)


def test_knowledge_settles_an_open_triple() -> None:
    test = Told("A B C", "A C|", "A C|B")
    out = run(test, "conservative", Knowledge.of(required=[("B", "A")]))
    assert (written(out.graph), out.valid) == (["B -- C", "B -> A"], True)
    both = run(test, "conservative", Knowledge.of(required=[("A", "B"), ("C", "B")]))
    assert (written(both.graph), both.valid, both.conflicts) == (["A -> B", "C -> B"], True, ())


def test_each_arrow_carries_its_reason() -> None:
    dag = MixedGraph.build([("A", "->", "B"), ("C", "->", "B"), ("B", "->", "D"), ("E", "->", "F")])
    found = run(oracle(dag), knowledge=Knowledge.of(required=[("E", "F")]))
    assert found.marks["B", "A"] == found.marks["C", "B"] == Reason("R0", ("A", "B", "C"))
    assert found.marks["D", "B"] == Reason("Meek 1", ("A", "B", "D"))
    assert found.marks["F", "E"] == Reason("knowledge", ("E", "F"))


@pytest.mark.parametrize("names", ["", "A", "A B"])
def test_few_variables_are_no_special_case(names: str) -> None:
    found = run(Told(names))
    assert (found.valid, len(found.graph.nodes), found.graph.kind) == (True, len(names.split()), "cpdag")


def test_without_alpha_to_separate_by_the_graph_is_complete_and_undirected() -> None:
    found: Any = run(Told("A B C D"))
    assert {e.mark for e in found.graph.edges} == {"--"}
    assert found.valid
