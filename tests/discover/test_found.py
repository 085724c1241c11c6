"""What was found: it tells what it rests on, in numbers that the test confirms, and is read back as it was written."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import causalgraph as cg
from causalgraph.answers import Answer
from causalgraph.discover.doors import fci, oracle, pc, rfci
from causalgraph.discover.explaining import ZHANG, EdgeExplained, reason_words
from causalgraph.discover.found import Found, NoMember
from causalgraph.graphs.equivalence import cpdag
from causalgraph.graphs.kinds import is_legal
from causalgraph.graphs.marks import CIRCLE, Reason, marks_of
from causalgraph.graphs.meek import REASONS
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.zhang import pag
from causalgraph.independence.base import Tested
from causalgraph.render.text import plain
from oracles.searching import hiding
from strategies import names, random_graph, scaled

DOORS = (pc, fci, rfci)


def noisy(rng, size=6, rows=60):
    """Return few rows of a random linear system, of which tests contradict one another at times."""
    weights = np.triu(rng.uniform(0.3, 1, (size, size)) * (rng.random((size, size)) < 0.5), 1)
    values = rng.normal(size=(rows, size)) @ np.linalg.inv(np.eye(size) - weights)
    return pd.DataFrame(values, columns=[f"V{k}" for k in range(size)])


def counted(rng, rows=150):
    a, b, e = rng.integers(0, 2, (3, rows))
    c = a ^ (rng.random(rows) < 0.2)
    d = (b & c) ^ (rng.random(rows) < 0.2)
    return pd.DataFrame({"A": a, "B": b, "C": c, "D": d, "E": e})


def found_by(alpha, most=200, seed=111):
    rng = np.random.default_rng(seed)
    for k in range(scaled(8, most)):
        rows = noisy(rng) if k % 2 else counted(rng)
        for door in DOORS:
            yield door(rows, alpha)


def contradictory():
    """Return tests that want A - B both ways: D is no cause of B for one pair, and of A for another."""
    cuts = {("A", "D"): (), ("B", "C"): ()}
    edges = {("A", "B"), ("A", "C"), ("B", "D")}

    def judge(i, j, given):
        pair = tuple(sorted((i, j)))
        if pair in edges:
            return 0.001
        return 0.5 if cuts.get(pair, ()) == given else 0.001

    return judge


def test_each_number_of_an_explanation_is_what_the_test_says():
    for found in found_by(0.1):
        place = {name: i for i, name in enumerate(found.test.variables)}
        joined = {frozenset((e.left, e.right)) for e in found.graph.edges}
        for a in found.graph.nodes:
            for b in found.graph.nodes:
                if a == b:
                    continue
                said = found.explain(a, b)
                assert (said.edge is not None) == ({a, b} in joined)
                if said.given is None:
                    assert said.untested
                    continue
                again = found.test.test(*sorted((place[a], place[b])), [place[k] for k in said.given])
                assert said.tested == again
                skeleton = found.skeleton
                pair = frozenset((a, b))
                recorded = skeleton.separators[pair].p if said.edge is None else skeleton.doubts[pair].p
                assert said.tested.p == pytest.approx(recorded, rel=1e-6)
                assert (said.tested.p > 0.1) == (said.edge is None)
                if said.turns_at is not None:
                    assert said.turns_at == said.tested.p
                assert all(
                    found.test.test(*sorted((place[a], place[b])), [place[k] for k in by]).p > 0.1
                    for by in said.separators
                )
                assert json.loads(json.dumps(said.to_dict()))["kind"] == "explanation"
                assert str(said)


def test_moving_alpha_as_far_as_an_explanation_says_turns_the_edge():
    turned = 0
    for k in range(scaled(10, 200)):
        rows = noisy(np.random.default_rng(k), 5, 80)
        found = pc(rows, 0.05)
        for a in found.graph.nodes:
            for b in found.graph.nodes:
                if a >= b:
                    continue
                said = found.explain(a, b)
                if said.edge is None:
                    # Up to there the pair stays cut, whatever becomes of the other edges.
                    nearly = 0.05 + (said.turns_at - 0.05) * 0.999
                    assert pc(rows, nearly).explain(a, b).edge is None
                    if len(said.given) == 0 and said.turns_at < 0.99:
                        # At the first level all pairs are tested, so that there it turns on the spot.
                        later = pc(rows, said.turns_at * 1.001, depth=0).explain(a, b)
                        assert later.edge is not None
                        turned += 1
                elif said.turns_at is not None and len(said.given) == 0:
                    assert pc(rows, said.turns_at * 0.999, depth=0).explain(a, b).edge is None
                    turned += 1
    assert turned > 10


def test_each_mark_is_explained_by_the_rule_that_set_it():
    rng = np.random.default_rng(112)
    rules = set()
    for _ in range(scaled(40, 2000)):
        hidden = hiding(rng, int(rng.integers(3, 8)), latent=int(rng.integers(0, 3)), selected=int(rng.integers(0, 3)))
        dag = random_graph(rng, 6, arrows=0.5, two_headed=0)
        for found in (fci(oracle(hidden)), pc(oracle(dag))):
            at = marks_of(found.graph)
            for edge in found.graph.edges:
                said = found.explain(edge.left, edge.right)
                assert [mark.at for mark in said.marks] == [edge.left, edge.right]
                assert said.turns_at is None
                assert "alpha" not in str(said)
                for mark in said.marks:
                    other = edge.right if mark.at == edge.left else edge.left
                    assert mark.mark == at[mark.at, other]
                    if found.graph.kind == "pag":
                        assert (mark.rule is None) == (mark.mark == CIRCLE)
                    else:
                        assert (mark.rule is None) == (edge.mark == "--")
                    assert mark.words
                    assert "{" not in mark.words.replace("| {", "")
                    rules.add(mark.rule)
    assert {"R0", "R1", "Meek 1", None} <= rules


def test_every_rule_has_its_words():
    for rule in ZHANG:
        assert "V0" in reason_words(Reason(rule, ("V0", "V1", "V2", "V3")), {})
    for number in REASONS:
        assert "V0" in reason_words(Reason(f"Meek {number}", ("V0", "V1", "V2", "V3")[: 4 if number > 2 else 3]), {})


def test_a_test_that_could_not_be_made_is_told():
    for door in DOORS:
        found = door(lambda *_: float("nan"), variables=["A", "B"], required=[])
        assert "no test of it could be made" in str(found.explain("A", "B"))
        assert "no test could be made of 1 edge, which stays: A - B" in str(found)
        known = door(lambda *_: float("nan"), variables=["A", "B"], required=[("A", "B")])
        assert "no test could be made" not in str(known)


def test_unknown_names_and_one_name_twice_are_errors():
    found = pc(oracle(cg.graph("A -> B")))
    for pair, code in ((("A", "Q"), "E201"), (("A", "A"), "E212")):
        with pytest.raises(cg.ModelError) as caught:
            found.explain(*pair)
        assert caught.value.code == code


def test_what_was_written_is_read_back_with_its_p_values():
    for found in found_by(0.05, seed=113):
        if not is_legal(found.graph):
            assert found.graph.kind == "pag"
            assert not found.valid
            continue
        model = cg.parse(found.text())
        assert model.graph == found.graph
        for edge, said in model.edge_attributes.items():
            assert said["p"] == pytest.approx(found.explain(edge.left, edge.right).tested.p, rel=1e-3)
        assert model.edge_attributes.keys() == set(found.graph.edges)
        assert cg.fmt(found.text()).startswith(found.text().split("\n")[0])


@given(st.lists(names(), min_size=1, max_size=5, unique=True), st.data())
def test_names_of_any_kind_are_read_back(nodes, data):
    pairs = [(a, b) for k, a in enumerate(nodes) for b in nodes[k + 1 :]]
    arrows = data.draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    graph = MixedGraph.build([(a, "->", b) for a, b in arrows], nodes)
    found = data.draw(st.sampled_from(DOORS))(oracle(graph), required=arrows[:1], tiers=[nodes[:1]])
    if is_legal(found.graph):
        assert cg.parse(found.text('a "title"')).graph == found.graph
    else:
        # With knowledge a pag may hold marks that can't be read as those of a class.
        assert not found.valid
        assert arrows


def test_the_settings_stand_in_the_file():
    text = pc(counted(np.random.default_rng(114)), 0.05, "chi2", colliders="majority", depth=2, df="levels").text()
    said = ["algorithm: pc", "test: chi2", "alpha: 0.05", "depth: 2", "colliders: majority", "df: levels", "n: 150"]
    for row in said:
        assert f"# {row}\n" in text
    assert "# selection: no\n" in fci(oracle(cg.graph("A -> B")), selection=False).text()


def test_a_member_is_of_the_class():
    rng = np.random.default_rng(115)
    for _ in range(scaled(30, 1000)):
        hidden = hiding(rng, int(rng.integers(2, 7)), latent=int(rng.integers(0, 3)), selected=int(rng.integers(0, 2)))
        found = fci(oracle(hidden))
        assert pag(found.member()) == found.graph
        dag = random_graph(rng, 5, arrows=0.4, two_headed=0)
        assert cpdag(pc(oracle(dag)).member()) == cpdag(dag)


def test_tests_that_contradict_one_another_are_told_everywhere():
    found = pc(contradictory(), variables=["A", "B", "C", "D"])
    assert found.graph.kind == "pdag"
    assert not found.valid
    assert found.valid.reasons
    assert "not valid" in str(found)
    assert "A - B" in str(found)
    assert "# valid: no" in found.text()
    assert "# not valid: A - B stays undirected" in found.text()
    assert found.to_dict()["valid"] is False
    assert found.to_dict()["reasons"] == list(found.valid.reasons)
    assert "stays undirected" in str(found.explain("A", "B"))
    assert cg.parse(found.text()).graph == found.graph


def test_where_no_graph_is_a_member_it_says_why():
    square = [("A", "--", "B"), ("B", "--", "C"), ("C", "--", "D"), ("D", "--", "A")]
    found = pc(oracle(cg.graph("A -> B")))
    broken = Found(**{**found.__dict__, "graph": MixedGraph.build(square, kind="pdag")})
    none = broken.member()
    assert isinstance(none, NoMember)
    assert none.exit_code == 1
    assert "new unshielded collider" in str(none)
    assert none.to_dict()["size"] == 0
    cyclic = MixedGraph.build([("A", "->", "B"), ("B", "->", "C"), ("C", "->", "A")], kind="pag")
    assert "A" in Found(**{**found.__dict__, "graph": cyclic}).member().reason


def test_what_knowledge_rules_out_is_not_said_to_be_cut_by_tests():
    chain = oracle(cg.graph("A -> B -> C"))
    for door in (pc, fci):
        found = door(chain, forbidden=[("A", "C"), ("C", "A")])
        assert found.separators[frozenset("AC")] == {"B"}
        assert "it wasn't tested: forbidden A -> C; forbidden C -> A" in str(found.explain("A", "C"))


def test_knowledge_that_tests_deny_is_told_though_the_graph_is_legal():
    found = pc(oracle(cg.graph("A -> B -> C")), required=[("A", "B"), ("C", "B")])
    assert found.valid
    assert "A -> B <- C stands, against tests that deny it" in str(found)


def test_tests_of_colliders_count():
    rows = noisy(np.random.default_rng(118))
    assert pc(rows, colliders="majority").skeleton.tests > pc(rows).skeleton.tests


def test_separators_are_sets_by_pairs():
    found = pc(oracle(cg.graph("A -> B -> C")))
    assert dict(found.separators) == {frozenset("AC"): frozenset("B")}
    assert len(found.separators) == 1


def test_the_answer_is_an_answer():
    for found in found_by(0.1, 20, seed=116):
        assert isinstance(found, Answer)
        told = found.to_dict()
        assert json.loads(json.dumps(told)) == told
        assert told["kind"] == "discovery"
        assert told["kind_claimed"] == found.graph.kind
        assert told["tests"] == found.skeleton.tests
        assert len(told["separators"]) == len(found.separators)
        assert str(found) == plain(found.document())
        assert found._repr_svg_().startswith("<svg") or "<svg" in found._repr_svg_()
        assert found._repr_html_()


def test_a_large_graph_is_shown_in_few_lines():
    rng = np.random.default_rng(117)
    found = pc(noisy(rng, 60, 500))
    assert len(found.graph.edges) > 30
    assert len(str(found).splitlines()) < 60
    assert "more edges" in str(found)


def test_parts_of_an_explanation_without_a_test_are_none():
    said = EdgeExplained("A", "B", None, "mine", 0.1, None, None, untested="it wasn't tested")
    assert said.turns_at is None
    assert said.to_dict()["p"] is None
    assert EdgeExplained("A", "B", None, "mine", 0.1, (), Tested(1.0)).turns_at is None
    assert "no alpha below 1" in str(EdgeExplained("A", "B", None, "mine", 0.1, (), Tested(1.0)))


def test_a_name_that_holds_a_mark_stands_in_backticks():
    told = str(cg.pc(([[1, 0.5], [0.5, 1]], 400), variables=["A -> B", "C"]))
    assert "`A -> B` — C" in told
