"""RFCI: by oracle no wrong mark, FCI's adjacencies or more; with contradictory tests never wrong in silence."""

from __future__ import annotations

import numpy as np
import pytest

from causalgraph.discover.fci import fci
from causalgraph.discover.rfci import rfci
from causalgraph.graphs.kinds import cycle
from causalgraph.graphs.knowledge import Knowledge
from causalgraph.graphs.mags import breaches_of_pag
from causalgraph.graphs.marks import marks_of
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.graphs.zhang import pag
from causalgraph.independence.base import Tested, one_by_one
from causalgraph.independence.gaussian import FisherZ
from causalgraph.independence.oracle import oracle
from oracles.searching import BEYOND, Whimsical, hiding, unsound
from strategies import scaled


def pairs(graph):
    return {frozenset((e.left, e.right)) for e in graph.edges}


def test_by_oracle_no_mark_is_wrong_and_no_edge_is_missing():
    rng = np.random.default_rng(81)
    for _ in range(scaled(120, 3000)):
        graph = hiding(
            rng,
            int(rng.integers(3, 10)),
            latent=int(rng.integers(0, 3)),
            selected=int(rng.integers(0, 2)),
            arrows=float(rng.uniform(0.1, 0.5)),
            two_headed=float(rng.uniform(0, 0.3)),
        )
        found = rfci(oracle(graph), 0.5)
        true = pag(graph)
        assert unsound(found.graph, graph) == set()
        assert pairs(found.graph) >= pairs(true)
        assert not found.conflicts
        assert not found.partial
        if pairs(found.graph) == pairs(true):
            assert found.graph == true
            assert found.valid


def test_an_edge_may_stay_that_possible_d_sep_cuts_and_its_marks_are_right():
    graph = MixedGraph.build(BEYOND)
    found = rfci(oracle(graph), 0.5)
    assert len(pairs(found.graph)) == len(pairs(fci(oracle(graph), 0.5).graph)) + 1
    assert unsound(found.graph, graph) == set()


class Listed:
    """A test by a list of what is independent; all else depends."""

    name = "listed"

    def __init__(self, variables, independent):
        self.variables = tuple(variables)
        self.independent = {(frozenset(pair), frozenset(given)): p for pair, given, p in independent}

    def test(self, i, j, given):
        names = self.variables
        return Tested(self.independent.get((frozenset((names[i], names[j])), frozenset(names[k] for k in given)), 0.0))

    def level(self, adjacent, testable, depth, alpha):
        return one_by_one(self.test, adjacent, testable, depth, alpha)


def test_an_edge_that_the_separator_of_a_triple_cuts_goes_with_the_smallest_set():
    # D stands next to neither A nor B when their edge could be tested given {D, E}, C and A are cut by it.
    independent = [
        ("AC", "DE", 0.9),
        ("AB", "DE", 0.8),
        ("AD", "", 0.9),
        ("AE", "", 0.9),
        ("BD", "", 0.9),
        ("BE", "", 0.7),
    ]
    test = Listed("ABCDE", independent)
    assert "B" in fci(test, 0.5, possible_d_sep="none").graph.adjacent["A"]
    found = rfci(test, 0.5)
    assert "B" not in found.graph.adjacent["A"]
    cut = found.skeleton.separators[frozenset("AB")]
    assert (cut.best, cut.p, cut.all) == (("D", "E"), 0.8, (frozenset("DE"),))
    assert frozenset("AB") not in found.skeleton.doubts


def test_contradictory_tests_never_crash_and_a_graph_is_valid_exactly_where_it_is_legal():
    seen = {True: 0, False: 0}
    rng = np.random.default_rng(82)
    for seed in range(scaled(150, 3000)):
        found = rfci(Whimsical(int(rng.integers(4, 8)), seed, float(rng.uniform(0.02, 0.12))), 0.3)
        undrawn = [c for c in found.conflicts if c.kind in ("rules", "knowledge")]
        assert found.valid == (next(breaches_of_pag(found.graph), None) is None and not undrawn)
        assert found.valid == (not found.reasons)
        assert not (found.valid and cycle(found.graph))
        seen[found.valid] += 1
    assert min(seen.values()) > 8


def test_the_order_of_columns_changes_nothing():
    rng = np.random.default_rng(83)
    for _ in range(scaled(8, 300)):
        rows = rng.normal(size=(300, 10))
        for k in range(1, 10):
            rows[:, k] += rows[:, :k] @ (rng.normal(size=k) * (rng.random(k) < 0.3))
        correlation = np.corrcoef(rows.T)
        order = rng.permutation(10)
        found = rfci(FisherZ.of_matrix(correlation, [f"V{i}" for i in range(10)], 300), 0.1)
        turned = FisherZ.of_matrix(correlation[np.ix_(order, order)], [f"V{i}" for i in order], 300)
        again = rfci(turned, 0.1)
        assert (again.graph, again.marks, again.valid) == (found.graph, found.marks, found.valid)


def test_names_change_nothing():
    rng = np.random.default_rng(84)
    for k in range(scaled(15, 300)):
        size, n = int(rng.integers(5, 11)), int(rng.choice([50, 100, 200, 500]))
        rows = rng.normal(size=(n, size))
        for column in range(1, size):
            rows[:, column] += rows[:, :column] @ (rng.normal(size=column) * (rng.random(column) < 0.4))
        correlation, order = np.corrcoef(rows.T), rng.permutation(size)
        names, new = [f"V{i}" for i in range(size)], [f"V{i}" for i in rng.permutation(size)]
        found = rfci(FisherZ.of_matrix(correlation, names, n), 0.1, selection=bool(k % 2))
        turned = FisherZ.of_matrix(correlation[np.ix_(order, order)], [new[i] for i in order], n)
        again = rfci(turned, 0.1, selection=bool(k % 2))
        name = dict(zip(names, new, strict=True))
        assert marks_of(again.graph) == {(name[a], name[b]): mark for (a, b), mark in marks_of(found.graph).items()}
        assert again.valid == found.valid


def test_knowledge_is_kept():
    graph = MixedGraph.build([("A", "->", "B"), ("C", "->", "B"), ("A", "->", "C")])
    found = rfci(oracle(graph), 0.5, knowledge=Knowledge.of(required=[("A", "B")], forbidden=[("C", "A")]))
    assert set(found.graph.edges) == {Edge("A", "->", "B"), Edge("A", "o->", "C"), Edge("B", "o-o", "C")}
    assert found.marks["C", "A"] == ("knowledge", ("C", "A"))


@pytest.mark.parametrize("depth", [0, 1])
def test_a_cap_on_sets_leaves_no_wrong_mark_and_is_told(depth):
    rng = np.random.default_rng(84)
    for _ in range(scaled(50, 2000)):
        graph = hiding(rng, 7, latent=2)
        found = rfci(oracle(graph), 0.5, depth=depth)
        assert unsound(found.graph, graph) == set()
        assert found.skeleton.complete == (not found.partial)


def test_ctrl_c_returns_what_is_known():
    class Impatient:
        name = "impatient"

        def __init__(self, graph):
            self.asked = oracle(graph)
            self.variables = self.asked.variables
            self.level = self.asked.level

        def test(self, *_):
            raise KeyboardInterrupt

    graph = MixedGraph.build([("A", "->", "B"), ("C", "->", "B"), ("B", "->", "D")])
    found = rfci(Impatient(graph), 0.5)
    assert found.partial == ("the tests of triples and paths were interrupted: marks that need them are left out",)
    assert {e.mark for e in found.graph.edges} == {"o-o"}
