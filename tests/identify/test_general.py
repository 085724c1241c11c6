"""General identification against the truth: verdicts by the definition of a hedge, formulas by exact models."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from causalgraph.certify.proof import faults
from causalgraph.formula.nodes import P, Value
from causalgraph.formula.printing import text
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.surgery import do, project, without_outgoing
from causalgraph.identify.factors import Masks, bits
from causalgraph.identify.general import general, identifiable
from causalgraph.identify.hedge import Hedge, is_hedge
from causalgraph.identify.strategies import Derivation, Question, question
from oracles.formulas import error_of
from oracles.hedges import identified
from oracles.models import random_model
from oracles.separation import is_separated_by_networkx
from strategies import random_disjoint, random_graph, scaled

EXACT = 1e-9
CASES = json.loads((Path(__file__).parent.parent / "cases" / "identification.json").read_text())


def graph_of(edges: str, **roles: Any) -> MixedGraph:
    """Read edges as they are written, with commas between."""
    return MixedGraph.build([tuple(e.split()) for e in edges.split(",")], **roles)


def formula_of(edges: str, x: str, y: str, w: str = "", **roles: Any) -> str:
    """Return the formula, as text, for sets that are written with spaces; "" where there is none."""
    found = general(question(graph_of(edges, **roles), x.split(), y.split(), w.split()))
    return text(found.formula) if isinstance(found, Derivation) else ""


def check(asked: Question, rng: np.random.Generator) -> bool:
    """Make sure that an answer holds: formula, proof, free values, hedge; is the effect identified?"""
    found = general(asked, prune=bool(rng.random() < 0.5))
    if isinstance(found, Hedge):
        assert is_hedge(asked.graph, found.x, found.y, found) == []
        assert set(asked.x) - set(found.x) <= set(asked.x) - set(found.treatments)
        return False
    assert not any(p.do for p in found.formula.atoms(P))
    assert {v.variable for v in found.formula.free_symbols - asked.goal.free_symbols} == set(found.free)
    assert all(v in (Value(v.variable), *asked.goal.free_symbols) for v in found.formula.free_symbols)
    assert faults(found.proof, asked.graph, found.formula) == []
    model = random_model(rng, asked.graph, most_levels=2 if len(asked.graph.nodes) > 6 else 3)
    assert error_of(found.formula, model, asked.y, asked.x, asked.w) < EXACT, (asked, text(found.formula))
    return True


def random_question(rng: np.random.Generator, most: int) -> Question:
    size = int(rng.integers(3, most + 1))
    arrows, two_headed = rng.choice([0.25, 0.4, 0.6]), rng.choice([0.1, 0.2, 0.35])
    graph = random_graph(rng, size, arrows=arrows, two_headed=two_headed, latent=int(rng.integers(0, 2)))
    x, y, w = random_disjoint(rng, graph.observed, (1, 3), (1, 3), (0, 3) if rng.random() < 0.5 else (0, 0))
    return question(graph, x, y, w)


@pytest.mark.parametrize("case", CASES, ids=[c["id"] for c in CASES])
def test_known_verdicts(case: dict[str, Any]) -> None:
    edges = [(a, mark, b) for key, mark in (("directed", "->"), ("bidirected", "<->")) for a, b in case[key]]
    graph = MixedGraph.build(edges, case["nodes"])
    asked = question(graph, *(case["query"][role] for role in ("treatments", "outcomes", "conditions")))
    masks = Masks.of(graph)
    assert identifiable(masks, *(masks.mask(s) for s in (asked.x, asked.y, asked.w))) is case["identifiable"]
    found = general(asked)
    assert isinstance(found, Derivation) is case["identifiable"]
    if isinstance(found, Hedge):
        assert is_hedge(graph, found.x, found.y, found) == []
        return
    assert faults(found.proof, graph, found.formula) == []
    if len(graph.nodes) <= 12:
        model = random_model(np.random.default_rng(len(edges)), graph, most_levels=2)
        assert error_of(found.formula, model, asked.y, asked.x, asked.w) < EXACT


def test_formulas_and_hedges_hold_on_random_graphs() -> None:
    rng = np.random.default_rng(1)
    yes = sum(check(random_question(rng, 9), rng) for _ in range(scaled(400, 8000)))
    assert scaled(400, 8000) / 4 < yes < scaled(400, 8000)


def test_verdicts_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(2)
    no = 0
    for _ in range(scaled(400, 8000)):
        asked = random_question(rng, 6)
        wanted = identified(asked.graph, frozenset(asked.x), frozenset(asked.y), frozenset(asked.w))
        assert isinstance(general(asked), Derivation) is wanted, asked
        no += not wanted
    assert no > scaled(40, 800)


def test_separation_on_masks_is_that_of_moralisation() -> None:
    rng = np.random.default_rng(3)
    for _ in range(scaled(500, 10_000)):
        graph = random_graph(rng, int(rng.integers(3, 8)))
        x, y, z = random_disjoint(rng, graph.nodes, (1, 2), (1, 2), (0, 2))
        (into,), (out_of,) = (random_disjoint(rng, graph.nodes, (0, 2)) for _ in range(2))
        masks = Masks.of(graph)
        sets = [masks.mask(s) for s in (x, y, z, into, out_of)]
        connected = masks.connected(*sets[:3], into=sets[3], out_of=sets[4])
        assert connected is not is_separated_by_networkx(without_outgoing(do(graph, into), out_of), x, y, z)


NAPKIN = "W -> Z, Z -> X, X -> Y, W <-> X, W <-> Y"


def test_the_napkin_is_a_ratio_and_not_a_conditional() -> None:
    assert formula_of(NAPKIN, "X", "Y") == "(Σ_w P(X, Y | Z, W=w) P(W=w)) / (Σ_w P(X | Z, W=w) P(W=w))"


def test_the_napkin_names_the_value_that_is_free() -> None:
    found = general(question(graph_of(NAPKIN), "X", "Y"))
    assert isinstance(found, Derivation)
    assert found.free == ("Z",)


def test_the_napkin_with_its_latents_written_out_is_the_same() -> None:
    edges = "W -> Z, Z -> X, X -> Y, U -> W, U -> X, T -> W, T -> Y"
    assert formula_of(edges, "X", "Y", latent="UT") == formula_of(NAPKIN, "X", "Y")


def test_front_door() -> None:
    assert formula_of("X -> Z, Z -> Y, X <-> Y", "X", "Y") == "Σ_z P(Z=z | X) (Σ_x P(Y | X=x, Z=z) P(X=x))"


VERMA = "A -> B, B -> C, C -> D, B <-> D"


def test_verma_in_its_textbook_form_holds_at_any_value_of_its_first_cause() -> None:
    found = general(question(graph_of(VERMA), "C", "D"), prune=False)
    assert isinstance(found, Derivation)
    assert text(found.formula) == "Σ_b P(D | A, C, B=b) P(B=b | A)"
    assert found.free == ("A",)
    assert found.proof.unused == ()


def test_verma_does_without_its_first_cause() -> None:
    found = general(question(graph_of(VERMA), "C", "D"))
    assert isinstance(found, Derivation)
    assert text(found.formula) == "Σ_b P(D | C, B=b) P(B=b)"
    assert found.free == ()
    assert found.proof.unused == ("A",)


@pytest.mark.parametrize("edges", ["X -> Y, X <-> Y", "X -> Y, Z -> X, Z -> Y, U -> X, U -> Y"])
def test_the_bow_is_not_identified(edges: str) -> None:
    assert formula_of(edges, "X", "Y", latent=[n for n in "U" if n in edges]) == ""


def test_a_latent_on_the_only_way_is_no_mediator() -> None:
    assert formula_of("X -> M, M -> Y, X <-> Y", "X", "Y")
    assert formula_of("X -> M, M -> Y, X <-> Y", "X", "Y", latent="M") == ""


def test_a_subgraph_that_leaves_a_node_alone_is_no_obstacle() -> None:
    assert formula_of("X -> Y, X <-> A", "X", "Y") == "P(Y | X)"
    assert formula_of("X -> Y", "X", "Y", nodes=["L", "K"]) == "P(Y | X)"
    assert formula_of("A -> B", "A", "Z", nodes=["Z"]) == "P(Z)"


def test_an_action_that_does_not_reach_the_outcome_leaves_it_alone() -> None:
    assert formula_of("Y -> X, X <-> Y", "X", "Y") == "P(Y)"
    assert formula_of("Y -> X, X <-> Y, A -> X", "X A", "Y") == "P(Y)"


def test_seeing_an_effect_of_an_idle_action_makes_it_count() -> None:
    assert formula_of("X -> W, W <-> Y", "X", "Y", "W") == "P(Y | W, X)"
    assert formula_of("X -> W, W <-> Y, X <-> Y", "X", "Y", "W") == ""


def test_a_condition_may_undo_what_is_identified_without_it() -> None:
    edges = "X -> W, X <-> W, Y -> W"
    assert formula_of(edges, "X", "Y") == "P(Y)"
    assert formula_of(edges, "X", "Y", "W") == ""


def test_what_has_no_part_in_the_question_stays_out_of_the_formula() -> None:
    edges = "X -> Y, A -> B, B -> C, Y -> D, D <-> X"
    assert formula_of(edges, "X", "Y") == "P(Y | X)"


def test_pruning_makes_formulas_shorter() -> None:
    rng = np.random.default_rng(5)
    full = short = longer = 0
    for _ in range(scaled(150, 3000)):
        graph = random_graph(rng, 14, arrows=0.2, two_headed=0.05)
        x, y, w = random_disjoint(rng, graph.nodes, (1, 2), (1, 1), (0, 1))
        asked = question(graph, x, y, w)
        plain, pruned = general(asked, prune=False), general(asked)
        assert type(plain) is type(pruned)
        if isinstance(plain, Derivation) and isinstance(pruned, Derivation):
            assert set(pruned.proof.unused).isdisjoint((*x, *y, *w))
            before, after = len(text(plain.formula)), len(text(pruned.formula))
            full, short, longer = full + before, short + after, longer + (after > before)
    assert short < 0.7 * full
    assert longer <= scaled(3, 60)


def test_hiding_a_node_is_the_latent_projection() -> None:
    rng = np.random.default_rng(6)
    for _ in range(scaled(200, 4000)):
        graph = random_graph(rng, int(rng.integers(3, 9)), two_headed=0.2)
        (hidden,) = random_disjoint(rng, graph.nodes, (1, 3))
        masks = Masks.of(graph)
        for n in hidden:
            masks = masks.hide(masks.number[n])
        wanted = project(graph, hidden)
        arrows = {(masks.names[a], masks.names[b]) for b, above in enumerate(masks.above) for a in bits(above)}
        downward = {(masks.names[a], masks.names[b]) for a, below in enumerate(masks.below) for b in bits(below)}
        pairs = {
            frozenset((masks.names[a], masks.names[b])) for b, with_b in enumerate(masks.beside) for a in bits(with_b)
        }
        assert arrows == downward == {e[::2] for e in wanted.edges if e.mark == "->"}
        assert pairs == {frozenset(e[::2]) for e in wanted.edges if e.mark == "<->"}
        assert set(masks.of_mask(masks.all)) == set(wanted.nodes)


def test_separate_outcomes_have_separate_sums() -> None:
    edges = "X -> M, M -> Y, X <-> Y, A -> B, A -> C, B -> C"
    found = formula_of(edges, "X B", "Y C")
    assert found == "(Σ_a P(C | B, A=a) P(A=a)) (Σ_m P(M=m | X) (Σ_x P(Y | M=m, X=x) P(X=x)))"


def test_a_long_chain_of_districts_is_no_depth_of_calls() -> None:
    names = [f"V{i}" for i in range(2000)]
    edges = [(a, "->", b) for a, b in pairwise(names)]
    found = general(question(MixedGraph.build(edges), names[:1], names[-1:]))
    assert text(found.formula) == "P(V1999 | V0)"


def test_three_hundred_nodes_take_no_time() -> None:
    rng = np.random.default_rng(4)
    answered = 0
    for _ in range(5):
        graph = random_graph(rng, 300, arrows=4 / 300, two_headed=1 / 300)
        masks = Masks.of(project(graph))
        y = masks.names[-1]
        above = masks.of_mask(masks.ancestors(1 << 299, masks.all) & ~(1 << 299))
        x = [n for n in above if rng.random() < 0.05] or [above[0]]
        found = general(question(graph, x, [y]))
        if isinstance(found, Derivation):
            answered += 1
            assert faults(found.proof, graph, found.formula) == []
        else:
            assert is_hedge(graph, found.x, found.y, found) == []
    assert answered
