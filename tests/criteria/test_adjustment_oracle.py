"""Adjustment sets against brute force by definition: every set is tried, every path is walked."""

from __future__ import annotations

from itertools import chain, combinations, islice

import numpy as np
import pytest
from hypothesis import given, settings

from causalgraph.criteria import adjustment, separators
from causalgraph.criteria.adjustment import (
    canonical_adjustment_set,
    check_adjustment,
    forbidden_nodes,
    minimal_adjustment_sets,
)
from causalgraph.criteria.separation import separation
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.surgery import without_outgoing
from oracles import adjustment as truth
from oracles.relations import descendants, parents
from strategies import graphs_with_sets, random_disjoint, random_graph

Names = frozenset[str]


def subsets(pool: Names) -> list[Names]:
    members = sorted(pool)
    return [frozenset(s) for s in chain.from_iterable(combinations(members, n) for n in range(len(members) + 1))]


def random_question(rng: np.random.Generator) -> tuple[MixedGraph, Names, Names, Names]:
    """Return an ADMG of 3 to 8 nodes with up to two latents; treatments, outcomes, and sometimes a required node.

    Of the graphs drawn, those where the treatment has both a cause and an effect are preferred: elsewhere most
    questions are answered by the empty set.
    """
    size = int(rng.integers(3, 9))
    density = rng.uniform(0.25, 0.55)
    two_headed = rng.choice([0, 0, density / 5])
    most = 1 if size > 6 else int(rng.integers(1, 3))
    for _ in range(4):
        latent = int(rng.integers(0, min(3, size - 1)))
        graph = random_graph(rng, size, arrows=density, two_headed=two_headed, latent=latent)
        x, y, required = random_disjoint(rng, graph.observed, (1, most), (1, most), (0, 1))
        if parents(graph, x) - x and descendants(graph, x) & y:
            break
    return graph, x, y, required if rng.random() < 0.3 else frozenset()


def test_minimal_sets_are_those_of_brute_force_on_2000_random_graphs() -> None:
    rng = np.random.default_rng(20)
    seen = {"none": 0, "empty": 0, "one": 0, "several": 0}
    for _ in range(2000):
        graph, x, y, required = random_question(rng)
        found = list(minimal_adjustment_sets(graph, x, y, required=required))
        expected = truth.minimal_sets(graph, x, y, required=required)
        assert len(found) == len(set(found)), (graph, x, y, required, found)
        assert set(found) == expected, (graph, x, y, required)
        several = "several" if len(expected) > 1 else "one"
        seen["none" if not expected else "empty" if frozenset() in expected else several] += 1
    assert min(seen.values()) > 20, seen


def test_every_set_is_judged_as_by_definition_on_2000_random_graphs() -> None:
    rng = np.random.default_rng(21)
    verdicts = []
    for _ in range(2000):
        graph, x, y, _ = random_question(rng)
        valid = truth.valid_sets(graph, x, y)
        for z in subsets(graph.observed - x - y):
            answer = check_adjustment(graph, x, y, z)
            assert answer.valid == (z in valid), (graph, x, y, z, answer)
            assert answer.valid or answer.reason, (graph, x, y, z)
            verdicts.append(answer.valid)
    assert 0.1 < np.mean(verdicts) < 0.9


def test_the_back_door_criterion_is_judged_as_by_definition() -> None:
    rng = np.random.default_rng(22)
    verdicts = []
    for _ in range(400):
        graph, x, y, _ = random_question(rng)
        treatment = min(x)
        for z in subsets(graph.observed - {treatment} - y):
            verdicts.append(check_adjustment(graph, {treatment}, y, z).backdoor)
            assert verdicts[-1] == truth.is_backdoor_set(graph, treatment, y, z), (graph, treatment, y, z)
    assert 0.05 < np.mean(verdicts) < 0.95


def test_forbidden_nodes_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(23)
    for _ in range(1000):
        graph, x, y, _ = random_question(rng)
        assert forbidden_nodes(graph, x, y) == truth.forbidden_nodes(graph, x, y), (graph, x, y)


def test_the_canonical_set_is_valid_wherever_any_set_is() -> None:
    rng = np.random.default_rng(24)
    valid = 0
    for _ in range(800):
        graph, x, y, _ = random_question(rng)
        if sets := truth.valid_sets(graph, x, y):
            assert canonical_adjustment_set(graph, x, y) in sets, (graph, x, y)
            valid += 1
    assert valid > 100


@settings(max_examples=60)
@given(graphs_with_sets(max_nodes=6, max_latent=2))
def test_minimal_sets_are_right_whatever_the_names(drawn: tuple[MixedGraph, Names, Names, Names]) -> None:
    graph, x, y, required = drawn
    found = set(minimal_adjustment_sets(graph, x, y, required=required))
    assert found == truth.minimal_sets(graph, x, y, required=required)


def test_the_first_of_a_million_minimal_sets_come_at_once() -> None:
    edges = [("X", "->", "Y")]
    for i in range(20):
        edges += [(f"C{i}", "->", f"A{i}"), (f"A{i}", "->", "X"), (f"C{i}", "->", f"B{i}"), (f"B{i}", "->", "Y")]
    graph = MixedGraph.build(edges)
    first = list(islice(minimal_adjustment_sets(graph, {"X"}, {"Y"}), 25))
    assert len(set(first)) == 25
    assert all(len(z) == 20 and len({name[1:] for name in z}) == 20 for z in first)


def test_no_set_is_found_at_once_among_thirty_candidates() -> None:
    edges = [("X", "->", "Y"), ("X", "<->", "Y")]
    for i in range(30):
        edges += [(f"C{i}", "->", "X"), (f"C{i}", "->", "Y")]
    assert list(minimal_adjustment_sets(MixedGraph.build(edges), {"X"}, {"Y"})) == []


def test_the_first_set_is_found_without_building_cliques(monkeypatch: pytest.MonkeyPatch) -> None:
    edges = [("X", "->", "Y"), ("C", "->", "A"), ("A", "->", "X"), ("C", "->", "B"), ("B", "->", "Y")]
    monkeypatch.setattr(adjustment, "moralised", lambda *_: pytest.fail("cliques are built"))
    assert next(minimal_adjustment_sets(MixedGraph.build(edges), "X", "Y")) == {"A"}


def test_compiled_search_lists_the_same_sets_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(25)
    several = 0
    for _ in range(1000):
        graph, x, y, required = random_question(rng)
        listed = []
        for most in (separators.SMALL, -1):
            monkeypatch.setattr(separators, "SMALL", most)
            listed.append(list(minimal_adjustment_sets(graph, x, y, required=required)))
        monkeypatch.undo()
        assert listed[0] == listed[1], (graph, x, y, required)
        several += len(listed[0]) > 1
    assert several > 20


def test_the_back_door_criterion_separates_without_the_arrows_that_leave_all_treatments() -> None:
    rng = np.random.default_rng(26)
    verdicts = []
    for _ in range(1000):
        graph = random_graph(rng, 7, arrows=0.3, two_headed=0.05)
        x, y, z = random_disjoint(rng, graph.observed, (1, 3), (1, 2), (0, 2))
        expected = not z & descendants(graph, x) and separation(without_outgoing(graph, x), x, y, given=z).separated
        verdicts.append(check_adjustment(graph, x, y, z).backdoor)
        assert verdicts[-1] == expected, (graph, x, y, z)
    assert 0.05 < np.mean(verdicts) < 0.95


def test_what_no_set_can_mend_is_told_with_its_path_and_not_as_a_biasing_one() -> None:
    graph = MixedGraph.build([("X", "->", "Y"), ("X", "->", "M")], kind="mag")
    answer = check_adjustment(graph, "X", "Y", ())
    assert not answer.biased
    told = str(answer)
    assert answer.reason in told, told
    assert "X → Y" in told, told
    assert "biasing" not in told, told
    confounded = MixedGraph.build([("Z", "->", "X"), ("Z", "->", "Y"), ("X", "->", "Y")])
    assert "a biasing path stays open: X ← Z → Y" in str(check_adjustment(confounded, "X", "Y", ()))
