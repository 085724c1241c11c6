"""Four rules that say from separating sets whether a node is a collider."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from causalgraph.discover.colliders import RULES, Colliders, Evidence
from causalgraph.discover.skeleton import skeleton
from causalgraph.errors import ModelError
from causalgraph.graphs.knowledge import Knowledge
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.zhang import circles, orient, pag
from causalgraph.independence.choosing import Function, choose
from causalgraph.independence.oracle import oracle
from oracles.discovery import Asked, Noisy, Told
from strategies import random_graph, scaled

ALPHA = 0.1
SETS = {"none": ("", "A"), "some": ("", "K", "A"), "half": ("K", ""), "most": ("K", "KA", ""), "all": ("K", "KA")}
# Rule -> what it says for each of these families of sets.
ANSWERS = {
    "standard": (True, False, False, False, False),
    "conservative": (True, None, None, None, False),
    "majority": (True, True, None, False, False),
    "max-p": (True, None, None, None, False),
}


def answers(test: Asked, rule: str = "standard", knowledge: Knowledge | None = None) -> Colliders:
    return Colliders(skeleton(test, ALPHA, knowledge=knowledge), test, ALPHA, rule)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_judges_by_how_many_of_the_sets_hold_the_node(rule: str) -> None:
    families = [tuple(map(frozenset, family)) for family in SETS.values()]
    said = tuple(RULES[rule]("K", Evidence(sets, sets, (), 0.5)) for sets in families)
    assert said == ANSWERS[rule]


@pytest.mark.parametrize("rule", RULES)
def test_without_any_set_the_answer_is_open(rule: str) -> None:
    assert RULES[rule]("K", Evidence()) is None


def test_max_p_looks_at_the_likeliest_set_alone() -> None:
    evidence = Evidence((frozenset("K"), frozenset()), (frozenset(),), (), 0.9)
    assert RULES["max-p"]("K", evidence) is True


@pytest.mark.parametrize("rule", RULES)
def test_by_oracle_all_rules_tell_the_truth(rule: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(scaled(60, 1_000)):
        graph = random_graph(rng, int(rng.integers(3, 8)), arrows=float(rng.uniform(0.2, 0.7)), two_headed=0)
        asked = oracle(graph)
        found = Colliders(skeleton(asked, ALPHA), asked, ALPHA, rule)
        arrows = {(e.left, e.right) for e in graph.edges}
        for node, near in graph.adjacent.items():
            for a, b in combinations(sorted(near), 2):
                if b not in graph.adjacent[a]:
                    assert found((a, node, b)) is ({(a, node), (b, node)} <= arrows)


def test_they_answer_for_paths_that_discriminate_a_node_so_that_zhangs_rules_can_ask() -> None:
    rng = np.random.default_rng(1)
    for _ in range(scaled(40, 400)):
        graph = random_graph(rng, int(rng.integers(3, 6)), arrows=0.4, two_headed=0.3)
        asked = oracle(graph)
        edges = skeleton(asked, ALPHA)
        truth = pag(graph)
        if set(map(frozenset, edges.edges)) == {frozenset((e.left, e.right)) for e in truth.edges}:
            assert orient(circles(truth), Colliders(edges, asked, ALPHA)).graph == truth


def test_the_standard_rule_makes_no_tests_and_the_others_try_all_sets_of_neighbours() -> None:
    test = Told("A B C D", "A C|", "A C|B", "A D|", "A D|B", "C D|", "C D|B")
    for rule, made in (("standard", 0), ("conservative", 2), ("majority", 2), ("max-p", 2)):
        found = answers(test, rule)
        test.asked.clear()
        found(("A", "B", "C"))
        found(("C", "B", "A"))
        assert (found.tests, len(test.asked)) == (made, made), rule
    assert answers(test)(("A", "B", "C")) is True
    assert answers(test, "conservative")(("A", "B", "C")) is None
    assert answers(test, "majority")(("A", "B", "C")) is None
    assert answers(test, "max-p")(("A", "B", "C")) is None


def test_the_skeletons_own_sets_count_though_they_are_no_neighbours_any_more() -> None:
    test = Told("A B C D", "A C|D", "A D|B", "C D|B", "B D|")
    found = answers(test, "conservative")
    assert found.evidence("A", "C").separating == (frozenset("D"),)
    assert found(("A", "B", "C")) is True
    assert answers(test, "max-p").evidence("A", "C").best == ("D",)


def test_a_pair_that_was_never_tested_is_asked_when_a_triple_needs_it() -> None:
    # A known gap between A and C: a peer takes the missing separator for an empty one, and makes B a collider.
    known = Knowledge.of(forbidden=[("A", "C"), ("C", "A")])
    test = Told("A B C", "A C|B")
    found = answers(test, knowledge=known)
    assert frozenset("AC") not in found.skeleton.separators
    assert found(("A", "B", "C")) is False
    assert found.found() == {frozenset("AC"): (("B",), 0.5, (frozenset("B"),))}
    assert answers(Told("A B C", "A C|"), knowledge=known)(("A", "B", "C")) is True


def test_a_pair_that_nothing_separates_leaves_the_answer_open_and_says_so() -> None:
    found = answers(Told("A B C"), knowledge=Knowledge.of(forbidden=[("A", "C"), ("C", "A")]))
    assert found(("A", "B", "C")) is None
    assert found.words(("A", "B", "C")) == "no set was found that separates A and C, which leaves B open"
    assert found.found() == {}


def test_words_name_the_tests() -> None:
    test = Told("A B C D", "A C|", "A C|B", "A D|", "C D|")
    assert answers(test).words(("C", "B", "A")) == "A ⟂ C (p = 0.5), which makes B a collider"
    words = "A ⟂ C (p = 0.5) and 1 more separate them, 1 of these 2 sets with B, which leaves B open"
    assert answers(test, "majority").words(("A", "B", "C")) == words
    chain = answers(Told("A B C", "A C|B"))
    assert chain.words(("A", "B", "C")) == "A ⟂ C | {B} (p = 0.5), which keeps B from being a collider"


def test_ctrl_c_leaves_what_wasnt_tested_open() -> None:
    test = Told("A B C", "A C|")
    found = answers(test, "conservative")

    def impatient(*_: object) -> None:
        raise KeyboardInterrupt

    test.test = impatient
    assert found(("A", "B", "C")) is None
    assert found.stopped
    assert found.words(("A", "B", "C")) == "no test was made of A and C, which leaves B open"


def test_a_cap_on_the_depth_holds_here_too() -> None:
    test = Noisy(1, "ABCDEF", 0.3)
    edges = skeleton(test, ALPHA, depth=1)
    found = Colliders(edges, test, ALPHA, "majority", depth=1)
    test.asked.clear()
    for a, b in combinations("ABCDEF", 2):
        if frozenset((a, b)) in edges.separators:
            found.evidence(a, b)
    assert {len(given) for *_, given in test.asked} == {0, 1}


def test_renaming_the_variables_changes_no_answer() -> None:
    rng = np.random.default_rng(2)
    for seed in range(scaled(30, 500)):
        test = Noisy(seed, "ABCDEF", 0.3)
        new = dict(zip("ABCDEF", rng.permutation(list("ABCDEF")).tolist(), strict=True))
        other = Noisy(seed, "ABCDEF", 0.3, {b: a for a, b in new.items()})
        for rule in RULES:
            one, two = answers(test, rule), answers(other, rule)
            for a, b in map(sorted, one.skeleton.separators):
                for k in set("ABCDEF") - {a, b}:
                    assert one((a, k, b)) == two((new[a], new[k], new[b]))


def test_a_rule_that_isnt_there_is_refused_with_the_nearest() -> None:
    test = Told("A B")
    with pytest.raises(ModelError, match="did you mean majority") as error:
        answers(test, "majorty")
    assert error.value.code == "E133"


def test_a_graph_with_no_unshielded_triple_asks_nothing() -> None:
    asked = oracle(MixedGraph.build([("A", "->", "B")]))
    assert Colliders(skeleton(asked, ALPHA), asked, ALPHA).tests == 0


@pytest.mark.parametrize("rule", RULES)
def test_of_many_separating_sets_those_that_are_not_kept_count_as_well(rule: str, monkeypatch) -> None:
    for seed in range(scaled(12, 200)):
        test = Noisy(seed, [f"V{i}" for i in range(8)], 0.15)
        with monkeypatch.context() as patched:
            patched.setattr("causalgraph.discover.skeleton.MOST_KEPT", 1)
            few = answers(test, rule)
        few_said = {(a, k, b): few((a, k, b)) for a, b in map(sorted, few.skeleton.separators) for k in test.variables}
        few_words = [few.words(path) for path in few_said]
        every = answers(test, rule)
        assert {path: every(path) for path in few_said} == few_said
        assert [every.words(path) for path in few_said] == few_words


@pytest.mark.parametrize("kind", ["numbers", "levels", "holes"])
@pytest.mark.parametrize("rule", RULES)
def test_tests_made_together_give_the_same_evidence(kind: str, rule: str) -> None:
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((300, 8))
    for k in range(2, 8):
        rows[:, k] += rows[:, rng.choice(k, 2, replace=False)] @ [0.8, 0.5]
    if kind == "levels":
        rows = (rows > 0) * 1
    if kind == "holes":
        rows[rng.random(rows.shape) < 0.05] = np.nan
    test = choose(rows, variables=[f"V{k}" for k in range(8)]).test
    edges = skeleton(test, ALPHA)
    together = Colliders(edges, test, ALPHA, rule)
    alone = Colliders(edges, Alone(test), ALPHA, rule)
    for a, b in map(sorted, edges.separators):
        assert together.evidence(a, b) == alone.evidence(a, b)
    assert (together.tests, together.skipped) == (alone.tests, alone.skipped)


class Alone:
    """A test that makes one at a time."""

    def __init__(self, test) -> None:
        self.name, self.variables, self.test = test.name, test.variables, test.test
        if hasattr(test, "deepest"):
            self.deepest = test.deepest


def test_a_test_that_could_not_be_made_is_no_evidence() -> None:
    told = Told("A B C D", "A C|")

    def judge(a: str, b: str, given: tuple[str, ...]) -> float:
        return float("nan") if given else told.p(a, b, frozenset(given))

    test = Function(judge, told.variables, "f")
    for rule in RULES:
        found = Colliders(skeleton(test, ALPHA), test, ALPHA, rule)
        assert found(("A", "B", "C")) is True
        assert (found.tests, found.skipped) == ((0, 0) if rule == "standard" else (1, 3))
