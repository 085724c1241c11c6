"""Two models that prove a "no": checked by sums of our own over all variables of the graph, not the active ones."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from causalgraph.certify.small_hedge import smallest
from causalgraph.certify.witness import Unwitnessed, Witness, witness
from causalgraph.graphs.mixed import MixedGraph
from oracles.identification import Hedge, identify, plain
from oracles.models import DiscreteModel
from oracles.projection import projection
from strategies import random_disjoint, random_graph, scaled

AGREE = 1e-12
CLEARLY = 1e-3


def plainly(graph):
    seen = projection(graph)
    arrows = [(e.left, e.right) for e in seen.edges if e.mark == "->"]
    return plain(seen.nodes, arrows, [(e.left, e.right) for e in seen.edges if e.mark == "<->"])


def independently(model):
    return DiscreteModel(model.graph, model.levels, model.parents, model.tables)


def check(graph, x, y, w, found):
    """Hold a witness against the definitions: same graph, same P(V), positive, another effect."""
    first, second = independently(found.first), independently(found.second)
    for model in (first, second):
        for key, table in model.tables.items():
            arrows = {(e.left, e.right) for e in graph.edges if e.mark == "->"}
            assert all(
                (p, key) in arrows if isinstance(p, str) else p in graph.edges and key in p for p in model.parents[key]
            )
            assert np.allclose(table.sum(axis=-1), 1, atol=1e-15, rtol=0)
            assert table.min() >= 0
        assert set(model.tables) == {*graph.nodes, *(e for e in graph.edges if e.mark == "<->")}
    (_, p), (_, q) = first.observed(), second.observed()
    assert np.abs(p - q).max() <= AGREE
    assert min(p.min(), q.min()) > 0
    x, y, w = map(sorted, (x, y, w))
    one, two = first.effect(y, x, w), second.effect(y, x, w)
    assert np.abs(one - two).max() > CLEARLY
    cell = tuple(found.at[n] for n in (*x, *w, *y))
    assert (one[cell], two[cell]) == pytest.approx(found.effects, abs=AGREE, rel=0)
    assert found.difference == pytest.approx(np.abs(one - two).max(), abs=AGREE)
    assert found.disagreement <= AGREE
    return p.size, found.difference, found.least


def asked(edges, x, y, w=(), *, latent=()):
    """Find the hedge by the oracle, build the models, and check them unless the sums are too large."""
    graph = MixedGraph.build(edges, latent=latent)
    hedge = identify(plainly(graph), x, y, w)
    found = witness(graph, x, y, w, hedge.big, hedge.small)
    if isinstance(found, Witness) and len(graph.nodes) < 12:
        check(graph, x, y, w, found)
    return found


def run(seed, rounds, *, latent, given, sizes=(3, 9)):
    rng = np.random.default_rng(seed)
    stats = []
    for _ in range(rounds):
        size = int(rng.integers(sizes[0], sizes[1] + 1))
        hidden = int(rng.integers(0, latent + 1))
        graph = random_graph(rng, size + hidden, arrows=0.4, two_headed=rng.choice([0.2, 0.35]), latent=hidden)
        x, y, w = random_disjoint(rng, graph.observed, (1, 2), (1, 2), (given, 3 * given))
        hedge = identify(plainly(graph), x, y, w)
        if not isinstance(hedge, Hedge):
            continue
        found = witness(graph, x, y, w, hedge.big, hedge.small)
        assert isinstance(found, Witness), (graph, x, y, w, found)
        stats.append(check(graph, x, y, w, found))
    return stats


def test_every_no_without_conditions_has_two_models():
    assert len(run(1, scaled(200, 8000), latent=0, given=0)) > scaled(25, 1300)


def test_every_no_with_conditions_has_two_models_that_differ_on_the_conditional():
    assert len(run(2, scaled(150, 6000), latent=0, given=1)) > scaled(30, 1500)


def test_latent_nodes_carry_what_passes_through_them():
    found = run(3, scaled(80, 4000), latent=3, given=0, sizes=(3, 6))
    found += run(4, scaled(80, 4000), latent=3, given=1, sizes=(3, 6))
    assert len(found) > scaled(30, 1500)


def test_the_bow_takes_one_coin_and_one_flip():
    found = asked([("X", "->", "Y"), ("X", "<->", "Y"), ("Z", "->", "X")], "X", "Y")
    assert found.effects == (0.5, 0.875)
    assert found.at == {"X": 0, "Y": 0}
    assert found.disagreement == 0
    shown = str(found)
    assert "U(X ↔ Y) ⊕ X, flipped with probability 1/8" in shown
    assert "Z: independent fair coins in both" in shown
    assert "  P(Y | U(X ↔ Y)=1, X=1) = 0.875, 0.125" in found.text().splitlines()


def test_a_difference_that_reaches_conditions_alone_is_seen_in_the_outcome_by_an_open_path():
    found = asked(
        [("X", "->", "W"), ("X", "<->", "W"), ("U", "->", "W"), ("U", "->", "Y")], "X", "Y", "W", latent=["U"]
    )
    equations = found.to_dict()["models"][0]["equations"]
    assert equations["W"] == "U(W ↔ X) ⊕ X ⊕ U, flipped with probability 1/16"
    assert equations["Y"] == "U, flipped with probability 1/16"


def test_an_open_collider_passes_the_signal_and_its_descendant_tells_it():
    edges = [
        ("X", "->", "W"),
        ("X", "<->", "W"),
        ("A", "->", "W"),
        ("A", "->", "C"),
        ("Y", "->", "C"),
        ("C", "->", "D"),
    ]
    found = asked(edges, "X", "Y", ["W", "D"])
    assert {"A", "C", "D"} <= found.rows[0].keys()


def test_a_condition_that_can_be_set_as_well_is_set():
    found = asked(
        [("W", "->", "Y"), ("W", "<->", "A"), ("A", "->", "X"), ("X", "->", "Y"), ("X", "<->", "Y")], "X", "Y", "W"
    )
    assert found.difference > 0.1


def test_a_variable_may_hold_a_bit_of_the_hedge_and_one_of_the_way_out():
    edges = [("R", "->", "C"), ("C", "->", "S"), ("X", "->", "C"), ("X", "<->", "R"), ("X", "<->", "S")]
    edges += [("C", "<->", "X"), ("S", "<->", "R"), ("S", "->", "Y")]
    found = asked(edges, "X", "Y")
    assert found.difference > 0.1


def test_a_latent_chain_and_a_latent_below_an_observed_cause_are_passed_through():
    edges = [("X", "->", "L"), ("L", "->", "Y"), ("U", "->", "X"), ("U", "->", "M"), ("M", "->", "Y")]
    found = asked(edges, "X", "Y", latent=["U", "L", "M"])
    assert found.first.parents["Y"] == ("M", "L")
    assert found.second.parents["Y"] == ()


def test_the_answer_is_json_and_its_tables_are_whole():
    told = asked([("X", "->", "Y"), ("X", "<->", "Y")], "X", "Y").to_dict()
    assert json.loads(json.dumps(told)) == told
    assert told["kind"] == "witness"
    assert [t["variable"] for t in told["models"][0]["tables"]] == ["X", "Y", "U(X ↔ Y)"]


def test_sets_that_are_no_hedge_are_refused():
    graph = MixedGraph.build([("X", "->", "Y"), ("X", "<->", "Z"), ("Y", "->", "Z")])
    with pytest.raises(ValueError, match="aren't a hedge"):
        witness(graph, "X", "Y", (), ["X", "Y"], ["Y"])
    with pytest.raises(ValueError, match="lead neither"):
        witness(MixedGraph.build([("X", "->", "Z"), ("X", "<->", "Z")], "XYZ"), "X", "Y", (), ["X", "Z"], ["Z"])


def test_a_hedge_is_cut_down_to_what_it_takes():
    edges = [
        ("X", "->", "Y"),
        ("X", "<->", "Y"),
        ("A", "->", "Y"),
        ("A", "<->", "Y"),
        ("B", "->", "X"),
        ("B", "<->", "X"),
    ]
    found = smallest(MixedGraph.build(edges), frozenset("XYAB"), frozenset("AY"), frozenset("X"))
    assert (found.big, found.small, found.roots) == (frozenset("XY"), frozenset("Y"), frozenset("Y"))


def test_a_sum_that_is_too_large_is_said_and_not_taken():
    nodes = [f"V{i}" for i in range(24)]
    # Each node is held by the next alone, so that none can be left out.
    edges = [(n, "->", "Y") for n in nodes] + [(a, "<->", b) for a, b in pairwise([*nodes, "Y"])]
    found = asked(edges, [nodes[0]], "Y")
    assert isinstance(found, Unwitnessed)
    assert found.exit_code == 1
