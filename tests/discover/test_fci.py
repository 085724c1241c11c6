"""FCI: the PAG of the graph by oracle; with contradictory tests, caps and knowledge never wrong in silence."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from causalgraph.discover.fci import fci
from causalgraph.discover.possible import POLICIES, possible_d_sep, regions
from causalgraph.discover.skeleton import skeleton
from causalgraph.graphs.ancestral import mag
from causalgraph.graphs.kinds import cycle
from causalgraph.graphs.knowledge import Knowledge
from causalgraph.graphs.mags import breaches_of_pag
from causalgraph.graphs.marks import ARROW, CIRCLE, TAIL, marks_of
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.graphs.relations import ancestors
from causalgraph.graphs.zhang import orient, pag
from causalgraph.independence.base import Tested, one_by_one
from causalgraph.independence.gaussian import FisherZ
from causalgraph.independence.oracle import oracle
from oracles.ancestral import equivalence_classes, equivalent_graphs, invariant_marks
from oracles.searching import BEYOND, Whimsical, hiding, unsound
from strategies import scaled

MARKS = {"tail": TAIL, "arrow": ARROW, "circle": CIRCLE}


def random_hiding(rng, most=8):
    size, latent, selected = int(rng.integers(2, most + 1)), int(rng.integers(0, 4)), int(rng.integers(0, 3))
    return hiding(rng, size, latent=latent, selected=selected, arrows=float(rng.uniform(0.15, 0.6)))


def test_by_oracle_it_is_the_pag_of_the_graph():
    rng = np.random.default_rng(71)
    for k in range(scaled(100, 3000)):
        graph = random_hiding(rng)
        policy = POLICIES[k % 2]
        found = fci(oracle(graph), 0.5, selection=bool(graph.selected), possible_d_sep=policy)
        assert found.graph == pag(graph)
        assert found.valid
        assert not found.conflicts
        assert not found.unsettled
        assert found.marks.keys() == {place for place, mark in marks_of(found.graph).items() if mark != CIRCLE}
        assert fci(oracle(graph), 0.5, possible_d_sep=policy).graph == found.graph


@pytest.mark.parametrize("rule", ["conservative", "majority", "max-p"])
def test_by_oracle_all_rules_for_colliders_agree(rule):
    rng = np.random.default_rng(72)
    for _ in range(scaled(30, 1500)):
        graph = random_hiding(rng, 7)
        assert fci(oracle(graph), 0.5, colliders=rule).graph == pag(graph)


def pairs_of_skeletons():
    named = [f"V{i}" for i in range(4)]
    pairs = list(combinations(named, 2))
    return [(named[:size], [p for p in pairs if set(p) <= set(named[:size])]) for size in range(2, 5)]


def test_by_oracle_it_has_the_marks_that_all_equivalent_mags_share():
    for nodes, pairs in pairs_of_skeletons():
        for bits in range(0, 2 ** len(pairs), 1 if len(nodes) < 4 else scaled(4, 1)):
            for edges in equivalence_classes(nodes, [p for i, p in enumerate(pairs) if bits >> i & 1]):
                graph = MixedGraph.build(edges[0], nodes, kind="mag")
                shared = {place: MARKS[mark] for place, mark in invariant_marks(edges).items()}
                assert marks_of(fci(oracle(graph), 0.5).graph) == shared


@pytest.mark.parametrize("size", [5, 6])
def test_by_oracle_it_has_the_marks_that_all_equivalent_larger_mags_share(size):
    rng = np.random.default_rng(73)
    done = 0
    while done < scaled(4, 60):
        graph = mag(hiding(rng, size, selected=int(rng.integers(0, 2)), arrows=0.25, two_headed=0.2))
        if size - 2 <= len(graph.edges) <= scaled(6, 8):
            edges = [tuple(edge) for edge in graph.edges]
            shared = invariant_marks(equivalent_graphs(graph.nodes, tuple(edges)))
            found = fci(oracle(graph), 0.5).graph
            assert marks_of(found) == {place: MARKS[mark] for place, mark in shared.items()}
            done += 1


def test_possible_d_sep_finds_a_separator_that_no_neighbours_are():
    graph = MixedGraph.build(BEYOND)
    joined = {frozenset(pair) for pair in skeleton(oracle(graph), 0.5).edges}
    (extra,) = joined - {frozenset((e.left, e.right)) for e in mag(graph).edges}
    for policy in ("all", "between"):
        found = fci(oracle(graph), 0.5, possible_d_sep=policy)
        assert found.graph == pag(graph)
        assert extra in found.skeleton.separators
        assert extra not in found.skeleton.doubts
    left = fci(oracle(graph), 0.5, possible_d_sep="none")
    assert len(left.graph.edges) == len(found.graph.edges) + 1
    assert left.partial


def by_paths(graph, longest):
    """Return possible-d-sep by the definition, path by path."""
    at, near = marks_of(graph), graph.adjacent
    found = {name: set() for name in graph.nodes}

    def onward(path):
        for b in near[path[-1]] - set(path):
            if len(path) > 1:
                a, m = path[-2:]
                if b not in near[a] and not at[m, a] == ARROW == at[m, b]:
                    continue
            found[path[0]].add(b)
            if longest is None or len(path) < longest:
                onward([*path, b])

    for name in graph.nodes:
        onward([name])
    return found


@pytest.mark.parametrize("longest", [None, 1, 2, 3])
def test_possible_d_sep_holds_what_the_definition_names(longest):
    rng = np.random.default_rng(74)
    more = total = 0
    for _ in range(scaled(40, 1500)):
        graph = pag(random_hiding(rng, 7))
        mask = possible_d_sep(graph, longest=longest)
        assert (mask == mask.T).all()
        assert not mask.diagonal().any()
        for name, row in zip(graph.nodes, mask, strict=True):
            ours = {graph.nodes[i] for i in np.flatnonzero(row)}
            exact = by_paths(graph, longest)[name]
            assert exact <= ours
            more += len(ours - exact)
            total += len(exact)
    assert more < 0.02 * total


def test_between_two_nodes_are_those_on_a_path_that_joins_them():
    edges = [("A", "o-o", "B"), ("B", "o-o", "C"), ("C", "o-o", "A"), ("C", "o-o", "D")]
    graph = MixedGraph.build(edges, kind="pag")
    whole = ~np.eye(4, dtype=bool)
    parts = regions(graph, whole, "between")
    assert [[graph.nodes[i] for i in np.flatnonzero(part.any(axis=0))] for part in parts] == [
        ["A", "B", "C"],
        ["C", "D"],
    ]
    assert [part is whole for part in regions(graph, whole, "all")] == [True]
    assert regions(graph, whole, "none") == []


def test_a_cap_on_sets_leaves_no_wrong_mark_and_is_told():
    rng = np.random.default_rng(75)
    told = 0
    for k in range(scaled(80, 3000)):
        graph = random_hiding(rng, 9)
        found = fci(oracle(graph), 0.5, depth=k % 3)
        assert unsound(found.graph, graph) == set()
        assert len(found.graph.edges) >= len(pag(graph).edges)
        assert found.partial or found.graph == pag(graph)
        told += bool(found.partial)
    assert told > 20


def test_a_cap_on_paths_leaves_no_wrong_mark_and_is_told():
    rng = np.random.default_rng(76)
    for k in range(scaled(50, 2000)):
        graph = random_hiding(rng, 8)
        found = fci(oracle(graph), 0.5, longest=1 + k % 3)
        assert unsound(found.graph, graph) == set()
        assert "edges weren't looked at" in found.partial[-1]


def knowing(rng, graph):
    """Return tiers, forbidden and required that hold in a graph, and rule no pair out both ways that is adjacent."""
    seen = [n for n in graph.nodes if n in graph.observed - graph.selected]
    over = {n: ancestors(graph, (n,)) for n in graph.nodes}
    order = sorted(seen, key=lambda n: (len(over[n]), n))
    first = frozenset(order[: int(rng.integers(0, len(order) + 1))])
    later = [n for n in order if n not in first and not any(n in over[m] for m in first)]
    tiers = [sorted(first), later] if first and later else []
    pairs = [(a, b) for a in seen for b in seen if a != b]
    joined = mag(graph).adjacent
    required = [(a, b) for a, b in pairs if a in over[b] and b in joined[a] and rng.random() < 0.15]
    forbidden = []
    for a, b in pairs:
        known = Knowledge.of(tiers, forbidden, required)
        if a not in over[b] and rng.random() < 0.2 and not (b in joined[a] and known.barred(b, a)):
            forbidden.append((a, b))
    return Knowledge.of(tiers, forbidden, required)


def keeps(found, knowledge):
    at = marks_of(found.graph)
    for (a, b), mark in at.items():
        if (a, b) in knowledge.required:
            assert (mark, at[b, a]) == (TAIL, ARROW)
        elif knowledge.barred(a, b):
            assert mark == ARROW
    for a, b in knowledge.required:
        assert (a, b) in at
    for a, b in knowledge.forbidden:
        assert (b, a) not in knowledge.forbidden or (a, b) not in at


def test_knowledge_that_holds_is_kept_and_makes_no_mark_wrong():
    rng = np.random.default_rng(77)
    more = invalid = 0
    for _ in range(scaled(100, 3000)):
        graph = hiding(
            rng, int(rng.integers(3, 8)), latent=int(rng.integers(0, 3)), arrows=float(rng.uniform(0.2, 0.6))
        )
        knowledge = knowing(rng, graph)
        found = fci(oracle(graph), 0.5, knowledge=knowledge, selection=False)
        keeps(found, knowledge)
        assert unsound(found.graph, graph) == set()
        assert not found.conflicts or not found.valid
        bare = marks_of(pag(graph))
        assert all(mark in (CIRCLE, marks_of(found.graph)[place]) for place, mark in bare.items())
        more += sum(mark == CIRCLE != marks_of(found.graph)[place] for place, mark in bare.items())
        invalid += not found.valid
    assert more > 80
    # The rules are complete without knowledge; with it, marks may stand open that no MAG has together.
    assert invalid < scaled(10, 250)


def test_tiers_set_arrowheads_and_no_tails():
    knowledge = Knowledge.of(tiers=[["A"], ["B"]])
    found = fci(oracle(MixedGraph.build([("A", "->", "B")])), 0.5, knowledge=knowledge)
    assert [str(e) for e in found.graph.edges] == ["A o-> B"]
    assert found.marks == {("B", "A"): ("knowledge", ("B", "A"))}
    assert found.valid
    assert found.notes == ("what doesn't cause a variable is taken not to cause the selection either",)
    assert fci(oracle(MixedGraph.build([("A", "->", "B")])), 0.5, knowledge=knowledge, selection=False).notes == ()


def test_knowledge_against_tests_is_kept_and_told():
    asked = oracle(MixedGraph.build([("A", "->", "B"), ("C", "->", "B")]))
    found = fci(asked, 0.5, knowledge=Knowledge.of(required=[("B", "A")]))
    assert set(found.graph.edges) == {Edge("B", "->", "A"), Edge("B", "o-o", "C").canonical}
    assert not found.valid
    (conflict,) = found.conflicts
    assert conflict.kind == "knowledge"
    assert str(conflict) == (
        "a tail stands at B on the edge to A by knowledge (required B -> A), where R0 along A, B, C wants "
        "an arrowhead: knowledge (required B -> A); A ⟂ C (p = 1), which makes B a collider"
    )


def test_contradictory_tests_never_crash_and_a_graph_is_valid_exactly_where_it_is_legal():
    seen = {True: 0, False: 0}
    rng = np.random.default_rng(78)
    for seed in range(scaled(150, 3000)):
        test = Whimsical(int(rng.integers(4, 7)), seed, float(rng.uniform(0.02, 0.12)))
        rule = ("standard", "conservative", "majority", "max-p")[seed % 4]
        found = fci(test, 0.3, selection=bool(seed % 3), colliders=rule, possible_d_sep=POLICIES[seed % 2])
        legal = next(breaches_of_pag(found.graph), None) is None
        undrawn = [c for c in found.conflicts if c.kind in ("rules", "knowledge")]
        assert found.valid == (legal and not undrawn)
        assert found.valid == (not found.reasons)
        assert not (found.valid and cycle(found.graph))
        seen[found.valid] += 1
    assert min(seen.values()) > 20


def test_contradictory_tests_break_no_knowledge():
    rng = np.random.default_rng(79)
    for seed in range(scaled(80, 4000)):
        size = int(rng.integers(3, 7))
        names = [f"V{i}" for i in rng.permutation(size)]
        if seed % 2:
            forbidden = [(a, b) for a, b in combinations(names, 2) if rng.random() < 0.3]
            knowledge = Knowledge.of(tiers=[names[: size // 2], names[size // 2 :]], forbidden=forbidden)
        else:
            knowledge = Knowledge.of(required=[pair for pair in pairwise(names) if rng.random() < 0.4])
        found = fci(Whimsical(size, seed, 0.15), 0.3, knowledge=knowledge)
        keeps(found, knowledge)
        assert not (found.valid and cycle(found.graph))


def sample(rng, size, n=400, arrows=2.5):
    order = rng.permutation(size)
    weights = np.zeros((size, size))
    for a, b in combinations(order, 2):
        if rng.random() < arrows / size:
            weights[a, b] = rng.choice([-1, 1]) * rng.uniform(0.2, 1)
    rows = np.zeros((n, size))
    for k in order:
        rows[:, k] = rows @ weights[:, k] + rng.normal(size=n)
    return np.corrcoef(rows[:, : size - size // 5].T), n


def test_the_order_of_columns_changes_nothing():
    rng = np.random.default_rng(80)
    for _ in range(scaled(8, 200)):
        correlation, n = sample(rng, 12)
        names = [f"V{i}" for i in range(len(correlation))]
        found = fci(FisherZ.of_matrix(correlation, names, n), 0.1, depth=3)
        order = rng.permutation(len(names))
        turned = FisherZ.of_matrix(correlation[np.ix_(order, order)], [names[i] for i in order], n)
        again = fci(turned, 0.1, depth=3)
        assert again.graph == found.graph
        assert again.marks == found.marks
        assert [c.edges for c in again.conflicts] == [c.edges for c in found.conflicts]
        assert again.valid == found.valid


@pytest.mark.parametrize("rule", ["standard", "conservative", "majority", "max-p"])
def test_neither_names_nor_the_order_of_columns_change_what_finite_samples_say(rule):
    rng = np.random.default_rng(83)
    clashes = 0
    for k in range(scaled(25, 400)):
        n = (50, 100, 200, 500)[k % 4]
        correlation, _ = sample(rng, int(rng.integers(6, 13)), n, 4)
        names = [f"V{i}" for i in range(len(correlation))]
        options = {"colliders": rule, "selection": bool(k % 2)}
        found = fci(FisherZ.of_matrix(correlation, names, n), 0.1, **options)
        new, order = [f"V{i}" for i in rng.permutation(len(names))], rng.permutation(len(names))
        turned = FisherZ.of_matrix(correlation[np.ix_(order, order)], [new[i] for i in order], n)
        again = fci(turned, 0.1, **options)
        name = dict(zip(names, new, strict=True))
        assert marks_of(again.graph) == {(name[a], name[b]): mark for (a, b), mark in marks_of(found.graph).items()}
        assert again.valid == found.valid
        told = {(name[a], name[b]) for c in found.conflicts if c.kind == "rules" for a, b in c.edges}
        assert told == {edge for c in again.conflicts if c.kind == "rules" for edge in c.edges}
        clashes += any("the circle stays" in reason for reason in found.reasons)
    assert clashes or rule != "standard"


def test_where_two_rules_want_opposite_marks_the_circle_stays_and_both_are_told():
    cuts = {frozenset("AC"): ("B",), frozenset("BD"): ("C",), frozenset("AX"): (), frozenset("DY"): ()}

    class Torn:
        """Says A *-> B, B no collider on A - B - C; and D *-> C, C none on D - C - B."""

        name = "torn"
        variables = ("A", "B", "C", "D", "X", "Y")

        def test(self, i, j, given):
            pair = frozenset((self.variables[i], self.variables[j]))
            separator = cuts.get(pair, tuple(sorted({"B", "C"} - pair)))
            joined = pair in map(frozenset, ("AB", "BC", "CD", "XB", "YC"))
            joined = joined or tuple(self.variables[k] for k in given) != separator
            return Tested(0.0 if joined else 1.0)

        def level(self, adjacent, testable, depth, alpha):
            return one_by_one(self.test, adjacent, testable, depth, alpha)

    found = fci(Torn(), 0.5)
    assert {str(e) for e in found.graph.edges} == {"A o-> B", "X o-> B", "B o-o C", "D o-> C", "Y o-> C"}
    assert not found.valid
    first, second = (c for c in found.conflicts if "the circle stays" in c.what)
    assert {first.edges, second.edges} == {(("B", "C"),), (("C", "B"),)}
    assert first.what.startswith("the circle stays at B on the edge to C, where R1 along D, C, B wants an arrowhead")
    assert first.what.endswith("and R1 along A, B, C wants a tail")
    assert "A ⟂ C | {B} (p = 1), which keeps B from being a collider" in first.behind
    assert "B ⟂ D | {C} (p = 1), which keeps C from being a collider" in first.behind


def test_an_edge_that_knowledge_forbids_both_ways_isnt_there():
    graph = MixedGraph.build([("A", "->", "B"), ("B", "->", "C"), ("A", "->", "C")])
    found = fci(oracle(graph), 0.5, knowledge=Knowledge.of(forbidden=[("A", "C"), ("C", "A")]))
    assert [str(e) for e in found.graph.edges] == ["A o-o B", "B o-o C"]
    assert found.unsettled == (("A", "B", "C"),)
    assert found.notes == ("what is ruled out both ways is taken to have no common cause either: A and C",)


def test_ctrl_c_returns_what_is_known():
    class Impatient:
        name = "impatient"

        def __init__(self, graph, level):
            self.asked = oracle(graph)
            self.variables = self.asked.variables
            self.left = level

        def test(self, i, j, given):
            return self.asked.test(i, j, given)

        def level(self, adjacent, testable, depth, alpha):
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            return self.asked.level(adjacent, testable, depth, alpha)

    graph = MixedGraph.build(BEYOND)
    for levels in range(6):
        found = fci(Impatient(graph, levels), 0.5)
        assert found.partial[0].startswith("interrupted at sets of")
        assert len(found.graph.edges) > len(pag(graph).edges)
        assert not found.skeleton.complete
    assert fci(Impatient(graph, 20), 0.5).graph == pag(graph)


def test_no_rule_takes_a_triple_that_is_open_for_a_non_collider():
    graph = MixedGraph.build([("A", "o->", "B"), ("B", "o-o", "C"), ("C", "o-o", "D"), ("D", "o-o", "A")], kind="pag")
    found = orient(graph, lambda _: None)
    assert found.graph == graph
    assert {("A", "B", "C"), ("C", "B", "A"), ("B", "C", "D")} <= found.open
    assert orient(graph, lambda _: False).reasons["B", "C"].rule == "R1"
