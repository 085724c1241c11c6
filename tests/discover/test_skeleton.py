"""The skeleton: what no set of neighbours separates, with the tests that cut and kept each pair."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from causalgraph.discover.possible import retested
from causalgraph.discover.skeleton import MOST_KEPT, Skeleton, Some, skeleton
from causalgraph.graphs.knowledge import Knowledge
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.independence.base import Level
from causalgraph.independence.choosing import Function
from causalgraph.independence.oracle import oracle
from causalgraph.progress import watched
from oracles.discovery import Noisy, Told, textbook_skeleton
from oracles.separation import is_separated
from strategies import random_graph, scaled

ALPHA = 0.1


def pairs(found: Skeleton) -> set[frozenset[str]]:
    return set(map(frozenset, found.edges))


def random_dag(rng: np.random.Generator, most: int = 7) -> MixedGraph:
    return random_graph(rng, int(rng.integers(2, most + 1)), arrows=float(rng.uniform(0.1, 0.8)), two_headed=0)


def noisy(rng: np.random.Generator, seed: int) -> Noisy:
    names = [f"V{i}" for i in range(int(rng.integers(2, 8)))]
    return Noisy(seed, names, float(rng.uniform(0.02, 0.5)))


def test_by_oracle_it_is_the_skeleton_of_the_dag_and_the_separators_separate() -> None:
    rng = np.random.default_rng(0)
    for _ in range(scaled(150, 3_000)):
        graph = random_dag(rng)
        found = skeleton(oracle(graph), ALPHA)
        assert pairs(found) == {frozenset((e.left, e.right)) for e in graph.edges}
        assert found.complete
        assert set(found.separators).isdisjoint(found.doubts)
        assert len(found.separators) + len(found.edges) == len(graph.nodes) * (len(graph.nodes) - 1) // 2
        for pair, cut in found.separators.items():
            a, b = sorted(pair)
            assert frozenset(cut.best) in cut.all
            assert all(is_separated(graph, {a}, {b}, set(given)) for given in cut.all)
        assert all(doubt.p == 0 for doubt in found.doubts.values())


def test_with_contradictory_tests_it_is_the_textbooks() -> None:
    rng = np.random.default_rng(1)
    for seed in range(scaled(200, 3_000)):
        test = noisy(rng, seed)
        found = skeleton(test, ALPHA)
        near, cuts, survived, tests = textbook_skeleton(test.variables, test.p, ALPHA)
        assert pairs(found) == {frozenset((a, b)) for a in near for b in near[a]}
        assert found.tests == tests == sum(made for _, made, _ in found.levels)
        assert set(found.separators) == set(cuts)
        for pair, cut in found.separators.items():
            assert set(cut.all) <= set(cuts[pair])
            assert len(cut.all) == min(len(cuts[pair]), MOST_KEPT)
            assert cut.p == max(cuts[pair].values()) == cuts[pair][frozenset(cut.best)]
            assert list(cut.best) == sorted(cut.best)
        assert {pair: doubt.p for pair, doubt in found.doubts.items()} == survived
        for pair, doubt in found.doubts.items():
            a, b = pair
            assert test.p(a, b, frozenset(doubt.given)) == doubt.p


def test_no_test_is_made_twice_within_a_level() -> None:
    test = Noisy(3, "ABCDEF", 0.1)
    skeleton(test, ALPHA)
    assert len(test.asked) == len(set(test.asked))


def test_renaming_the_variables_renames_the_skeleton() -> None:
    rng = np.random.default_rng(2)
    for seed in range(scaled(60, 1_000)):
        test = noisy(rng, seed)
        new = dict(zip(test.variables, rng.permutation(test.variables).tolist(), strict=True))
        back = {b: a for a, b in new.items()}
        one, two = skeleton(test, ALPHA), skeleton(Noisy(seed, new.values(), test.independent, back), ALPHA)
        assert {frozenset(new[n] for n in pair) for pair in pairs(one)} == pairs(two)
        for pair, cut in one.separators.items():
            there = two.separators[frozenset(new[n] for n in pair)]
            assert {frozenset(new[n] for n in given) for given in cut.all} == set(there.all)


def test_what_is_barred_both_ways_isnt_tested_and_what_is_required_is_kept_untested() -> None:
    test = Told("A B C D", "C D|", "A C|")
    known = Knowledge.of(tiers=[["A", "C", "D"], ["B"]], forbidden=[("A", "B")], required=[("C", "D")])
    found = skeleton(test, ALPHA, knowledge=known)
    assert frozenset("AB") not in pairs(found)
    assert frozenset("CD") in pairs(found)
    asked = {frozenset(names[:2]) for names in test.asked}
    assert frozenset("AB") not in asked
    assert frozenset("CD") not in asked
    assert frozenset("AB") not in found.separators
    assert frozenset("CD") not in found.doubts
    assert found.separators[frozenset("AC")].best == ()


def test_required_arrows_that_leave_an_edge_no_way_to_point_rule_it_out() -> None:
    known = Knowledge.of(required=[("A", "B"), ("B", "C")], forbidden=[("A", "C")])
    assert skeleton(Told("A B C"), ALPHA, knowledge=known).edges == (("A", "B"), ("B", "C"))


def test_knowledge_gives_what_the_textbook_gives_with_fixed_edges_and_gaps() -> None:
    rng = np.random.default_rng(4)
    for seed in range(scaled(60, 1_000)):
        test = noisy(rng, seed)
        names = test.variables
        either = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
        required = [pair for pair in either if rng.random() < 0.1]
        gaps = [pair for pair in either if rng.random() < 0.1 and pair not in required]
        known = Knowledge.of(forbidden=[*gaps, *((b, a) for a, b in gaps)], required=required)
        out = [(a, b) for a, b in either if known.barred(a, b) and known.barred(b, a)]
        sides = {"fixed": map(frozenset, required), "gaps": map(frozenset, out)}
        near, cuts, _, tests = textbook_skeleton(names, test.p, ALPHA, **sides)
        found = skeleton(test, ALPHA, knowledge=known)
        assert pairs(found) == {frozenset((a, b)) for a in near for b in near[a]}
        assert (set(found.separators), found.tests) == (set(cuts), tests)


def test_a_cap_on_the_depth_is_told_where_it_stopped_the_search() -> None:
    every = Told("A B C D")
    found = skeleton(every, ALPHA, depth=1)
    assert (found.complete, found.depth, found.stopped) == (False, 1, "sets of more than 1 weren't to be tried")
    whole = skeleton(every, ALPHA, depth=2)
    assert (whole.complete, whole.depth, whole.stopped) == (True, 2, "")
    assert skeleton(every, ALPHA).levels == ((0, 6, 6), (1, 12, 6), (2, 6, 6))


def test_a_test_says_itself_how_deep_it_can_go() -> None:
    test = Told("A B C D")
    test.deepest = 0
    found = skeleton(test, ALPHA)
    assert (found.depth, found.complete) == (0, False)
    assert found.stopped == "there are too few observations for sets of more than 0"


class Impatient(Told):
    """A test whose user loses patience at a level."""

    def level(self, adjacent: np.ndarray, testable: np.ndarray, depth: int, alpha: float) -> Level:
        if depth == 2:
            raise KeyboardInterrupt
        return super().level(adjacent, testable, depth, alpha)


def test_ctrl_c_returns_what_is_known_so_far_and_says_so() -> None:
    found = skeleton(Impatient("A B C D", "A B|"), ALPHA)
    same = skeleton(Told("A B C D", "A B|"), ALPHA, depth=1)
    assert (found.complete, found.stopped) == (False, "interrupted at sets of 2")
    assert (found.edges, found.tests, dict(found.separators)) == (same.edges, same.tests, dict(same.separators))


def test_it_begins_where_it_is_told_to() -> None:
    test = Told("A B C D")
    start = np.ones((4, 4), dtype=bool)
    start[0, 1] = start[1, 0] = False
    found = skeleton(test, ALPHA, start=start)
    assert frozenset("AB") not in pairs(found)
    assert frozenset("AB") not in found.separators
    assert len(found.edges) == 5
    assert start.diagonal().all(), "what was handed in isn't changed"
    known = Knowledge.of(required=[("A", "B")])
    assert frozenset("AB") in pairs(skeleton(test, ALPHA, start=start, knowledge=known))


def test_whoever_watches_is_told_level_edges_and_tests() -> None:
    said = []

    @contextmanager
    def told(what: str) -> Iterator[None]:
        said.append(what)
        yield

    with watched(told):
        skeleton(Told("A B C", "A B|"), ALPHA)
    assert said == ["level 0: 3 edges left, 0 tests", "level 1: 2 edges left, 3 tests"]


def test_separators_are_a_mapping_over_the_pairs_that_tests_cut() -> None:
    found = skeleton(Told("A B C V10 V2", "A B|", "V2 V10|C", "V2 V10|A"), ALPHA)
    assert found.variables == ("A", "B", "C", "V2", "V10")
    assert list(found.separators) == [frozenset("AB"), frozenset(("V2", "V10"))]
    assert set(found.separators[frozenset(("V10", "V2"))].all) == {frozenset("A"), frozenset("C")}
    for absent in (frozenset("AC"), frozenset("A"), frozenset("AX"), frozenset("ABC")):
        assert found.separators.get(absent) is None
        assert absent not in found.separators


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_variables_are_no_special_case(count: int) -> None:
    found = skeleton(Told(" ".join("AB"[:count])), ALPHA)
    assert len(found.edges) == (count == 2)
    assert found.complete


def test_a_p_value_equal_to_alpha_doesnt_cut() -> None:
    assert len(skeleton(Told("A B", "A B|"), 0.5).edges) == 1
    assert len(skeleton(Told("A B", "A B|"), 0.49).edges) == 0


def test_of_many_separating_sets_a_few_are_kept_and_what_all_of_them_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("causalgraph.discover.skeleton.MOST_KEPT", 2)
    monkeypatch.setattr("causalgraph.discover.skeleton.ROOM", 20)
    rng = np.random.default_rng(5)
    many = 0
    for seed in range(scaled(20, 300)):
        test = Noisy(seed, [f"V{i}" for i in range(9)], float(rng.uniform(0.01, 0.3)))
        _, cuts, _, _ = textbook_skeleton(test.variables, test.p, ALPHA)
        for pair, cut in skeleton(test, ALPHA).separators.items():
            if len(cuts[pair]) <= 2:
                assert isinstance(cut.all, tuple)
                continue
            assert isinstance(cut.all, Some)
            many += 1
            assert len(set(cut.all) & set(cuts[pair])) == len(cut.all) == 2
            assert cut.all.number == len(cuts[pair])
            members = set().union(*cuts[pair])
            assert cut.all.holding == {k: sum(k in given for given in cuts[pair]) for k in members}
    assert many


def test_tests_that_could_not_be_made_are_counted_apart() -> None:
    test = Told("A B C", "A B|")
    judged = Function(
        lambda a, b, given: float("nan") if given else test.p(a, b, frozenset(given)), test.variables, "f"
    )
    found = skeleton(judged, ALPHA)
    assert (found.tests, found.skipped) == (3, 2)


def test_those_of_wider_sets_that_could_not_be_made_are_counted_as_well() -> None:
    judged = Function(lambda _a, _b, given: float("nan") if given else 0.0, ("A", "B", "C", "D"), "f")
    start = np.zeros((4, 4), dtype=bool)
    start[0, 1] = start[1, 0] = True
    found = skeleton(judged, ALPHA, start=start)
    every = ~np.eye(4, dtype=bool)
    again = retested(judged, found, [every], ALPHA, kept=np.zeros((4, 4), dtype=bool), depth=None)
    assert (found.tests, found.skipped) == (1, 0)
    assert (again.tests, again.skipped) == (1, 3)
    assert again.edges == (("A", "B"),)


def test_one_set_for_each_pair_is_kept_as_many_are() -> None:
    told = ["A B|C", "C D|A"]
    for order in (told, told[::-1]):
        found = skeleton(Told("A B C D", *order), ALPHA)
        assert {pair: tuple(cut.all) for pair, cut in found.separators.items()} == {
            frozenset("AB"): (frozenset("C"),),
            frozenset("CD"): (frozenset("A"),),
        }
        assert {cut.p for cut in found.separators.values()} == {0.5}
