"""The whole of `identify`: verdict, formula, proof and alternatives of every strategy, on graphs of all kinds."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import causalgraph as cg
from causalgraph.certify.proof import faults
from causalgraph.certify.verify import verify
from causalgraph.certify.witness import witness
from causalgraph.criteria.adjustment import check_adjustment
from causalgraph.errors import ModelError
from causalgraph.formula.printing import text
from causalgraph.graphs.classes import members
from causalgraph.graphs.equivalence import cpdag
from causalgraph.graphs.mags import mag_members
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.zhang import pag
from causalgraph.identify.answer import Identified, NotIdentified, Undecided, identify
from causalgraph.identify.choosing import STRATEGIES
from causalgraph.identify.strategies import question
from oracles import identification as oracle
from oracles.formulas import error_of
from oracles.models import random_model
from strategies import random_class, random_disjoint, random_graph, scaled, subsets

EXACT = 1e-9
CASES = json.loads((Path(__file__).parent.parent / "cases" / "identification.json").read_text())


def plain_verdict(graph, x, y, w):
    arrows = [(e.left, e.right) for e in graph.edges if e.mark == "->"]
    arcs = [(e.left, e.right) for e in graph.edges if e.mark == "<->"]
    found = oracle.identify(oracle.plain(graph.nodes, arrows, arcs), x, y, w)
    return not isinstance(found, oracle.Hedge)


def test_every_verdict_is_that_of_the_published_algorithm_and_every_strategy_gives_the_truth():
    rng = np.random.default_rng(20)
    seen = {True: 0, False: 0}
    used = set()
    for _ in range(scaled(250, 20_000)):
        size = int(rng.integers(3, 10))
        graph = random_graph(rng, size, arrows=float(rng.uniform(0.2, 0.6)), two_headed=float(rng.uniform(0.05, 0.35)))
        x, y, w = random_disjoint(rng, graph.nodes, (1, 2), (1, 2), (0, 2) if rng.random() < 0.4 else (0, 0))
        verdict = identify(graph, x, y, given=w)
        identified = plain_verdict(graph, x, y, w)
        assert isinstance(verdict, Identified if identified else NotIdentified)
        seen[identified] += 1
        if not identified:
            continue
        asked = question(graph, x, y, w)
        model = random_model(rng, graph, most_levels=2 if size > 6 else 3)
        for name, strategy in STRATEGIES.items():
            found = strategy(asked)
            if found is not None:
                used.add(name)
                assert faults(found.proof, graph, found.formula, asked.goal) == []
                assert error_of(found.formula, model, asked.y, asked.x, asked.w) < EXACT
    assert min(seen.values()) > scaled(30, 3000)
    assert used == set(STRATEGIES)


@pytest.mark.parametrize("case", CASES, ids=[c["id"] for c in CASES])
def test_a_published_case_is_verified_or_witnessed(case):
    edges = [(a, mark, b) for key, mark in (("directed", "->"), ("bidirected", "<->")) for a, b in case[key]]
    graph = MixedGraph.build(edges, case["nodes"])
    x, y, w = (case["query"][role] for role in ("treatments", "outcomes", "conditions"))
    verdict = identify(graph, x, y, given=w)
    assert isinstance(verdict, Identified) is case["identifiable"]
    asked = verdict.question
    if isinstance(verdict, Identified):
        assert faults(verdict.proof, graph, verdict.formula, asked.goal) == []
        checked = verify(graph, asked.x, asked.y, asked.w, verdict.formula, models=2)
        assert checked.worst_error < EXACT
    else:
        found = witness(graph, asked.x, asked.y, asked.w, verdict.hedge.forest, verdict.hedge.inner)
        assert found.disagreement <= 1e-12
        assert found.difference > 1e-3
        assert found.least > 0


# Mistakes of other programs, each by name.


def test_the_napkin_is_a_ratio_and_never_a_conditional():
    napkin = MixedGraph.build(
        [("W", "->", "R"), ("R", "->", "X"), ("X", "->", "Y"), ("W", "<->", "X"), ("W", "<->", "Y")]
    )
    found = identify(napkin, "X", "Y").to_dict()
    assert found["formula"] == "(Σ_w P(X, Y | R, W=w) P(W=w)) / (Σ_w P(X | R, W=w) P(W=w))"
    assert found["free"] == ["R"]


def test_the_bow_is_no_even_where_the_hidden_cause_is_drawn():
    bow = MixedGraph.build([("U", "->", "X"), ("U", "->", "Y"), ("X", "->", "Y")], latent="U")
    found = identify(bow, "X", "Y")
    assert isinstance(found, NotIdentified)
    assert found.hedge.forest == ("X", "Y")


def test_a_latent_is_no_instrument_on_the_napkin():
    napkin = MixedGraph.build(
        [
            ("U", "->", "W"),
            ("U", "->", "X"),
            ("V", "->", "W"),
            ("V", "->", "Y"),
            ("W", "->", "R"),
            ("R", "->", "X"),
            ("X", "->", "Y"),
        ],
        latent="UV",
    )
    found = identify(napkin, "X", "Y")
    assert not {a.instrument for a in found.alternatives} & {"U", "V"}


def test_a_node_without_an_edge_breaks_nothing():
    graph = MixedGraph.build([("X", "->", "Y")], ["X", "Y", "Alone"])
    assert identify(graph, "X", "Y").to_dict()["formula"] == "P(Y | X)"
    assert identify(graph, "X", "Alone").to_dict()["strategy"] == "no effect"


def test_an_action_that_does_not_reach_the_outcome_is_dropped():
    graph = MixedGraph.build([("Y", "->", "X"), ("X", "<->", "Y")])
    assert identify(graph, "X", "Y").to_dict()["formula"] == "P(Y)"


def test_an_instrument_stands_in_alternatives_with_what_it_assumes():
    graph = MixedGraph.build([("Z", "->", "X"), ("X", "->", "Y"), ("X", "<->", "Y")])
    found = identify(graph, "X", "Y").to_dict()
    assert found["identified"] is False
    assert {a["instrument"] for a in found["alternatives"]} == {"Z"}
    assert any("LATE" in a["estimand"] for a in found["alternatives"])


# Classes of graphs, and selection.


@pytest.mark.parametrize("kind", ["cpdag", "pag"])
def test_a_formula_for_a_class_holds_in_every_member(kind):
    rng = np.random.default_rng(3)
    seen = {Identified: 0, Undecided: 0}
    for _ in range(scaled(60, 1500)):
        graph = random_graph(rng, int(rng.integers(3, 6)), arrows=0.5, two_headed=0.0 if kind == "cpdag" else 0.15)
        whole = cpdag(graph) if kind == "cpdag" else pag(graph)
        x, y = random_disjoint(rng, whole.nodes, (1, 1), (1, 1))
        verdict = identify(whole, x, y)
        seen[type(verdict)] += 1
        if isinstance(verdict, Undecided):
            assert verdict.to_dict()["identified"] is None
            continue
        assert faults(verdict.proof, whole, verdict.formula, verdict.question.goal) == []
        graphs = members(whole) if kind == "cpdag" else mag_members(whole, limit=20).graphs
        for member in graphs:
            # A MAG's own edges, read as causes, are one of the graphs behind it.
            if any(e.mark == "--" for e in member.edges):
                continue
            behind = MixedGraph.build(member.edges, member.nodes)
            model = random_model(rng, behind, most_levels=2)
            assert error_of(verdict.formula, model, verdict.question.y, verdict.question.x, ()) < EXACT
    assert min(seen.values()) > 5


@pytest.mark.parametrize("kind", ["cpdag", "mpdag", "mag", "pag"])
def test_the_checker_agrees_with_the_criterion_on_classes(kind):
    from causalgraph.certify.classes import adjustment_faults

    rng = np.random.default_rng([ord(c) for c in kind])
    for _ in range(scaled(60, 1500)):
        graph = random_class(rng, kind)
        x, y = random_disjoint(rng, graph.nodes, (1, 2), (1, 1))
        for z in subsets(frozenset(graph.nodes) - x - y):
            assert (adjustment_faults(graph, x, y, z) == []) == check_adjustment(graph, x, y, z).valid


def test_under_selection_only_what_the_criterion_licenses_is_identified():
    kept = MixedGraph.build([("S", "->", "X"), ("Z", "->", "X"), ("Z", "->", "Y"), ("X", "->", "Y")], selected="S")
    found = identify(kept, "X", "Y")
    assert found.to_dict()["formula"] == "Σ_z P(Y | X, Z=z) P(Z=z)"
    assert faults(found.proof, kept, found.formula) == []
    assert any("selected by S" in a for a in found.assumptions)
    lost = MixedGraph.build([("X", "->", "S"), ("Z", "->", "X"), ("Z", "->", "Y"), ("X", "->", "Y")], selected="S")
    verdict = identify(lost, "X", "Y")
    assert isinstance(verdict, Undecided)
    assert verdict.to_dict()["identified"] is None
    with pytest.raises(ModelError, match="selected"):
        identify(kept, "X", "S")


# With data.


def test_a_front_door_number_is_the_truth_with_an_exact_distribution():
    rng = np.random.default_rng(5)
    graph = MixedGraph.build([("X", "->", "M"), ("M", "->", "Y"), ("X", "<->", "Y")])
    model = random_model(rng, graph, most_levels=2)
    names, joint = model.observed()
    cells = np.indices(joint.shape).reshape(joint.ndim, -1)
    frame = pd.DataFrame({**dict(zip(names, cells, strict=True)), "p": joint.ravel()})
    asked = cg.parse("X -> M -> Y; X <-> Y")
    effect = model.effect(["Y"], ["X"])
    found = asked.ask("E(Y | do(X=1)) - E(Y | do(X=0))", data=frame, weight="p").to_dict()
    assert found["value"] == pytest.approx(effect[1, 1] - effect[0, 1], abs=1e-9)
    table = asked.ask("P(Y | do(X))", data=frame, weight="p").to_dict()["table"]
    assert [row["value"] for row in table] == pytest.approx(effect.ravel().tolist(), abs=1e-9)
    with pytest.raises(cg.EstimationError, match="E510"):
        asked.ask("att(X, Y)", data=frame, weight="p")


def test_a_free_value_is_averaged_over_and_said():
    rng = np.random.default_rng(6)
    text_of = "W -> R -> X -> Y; W <-> X; W <-> Y"
    graph = cg.parse(text_of).graph
    model = random_model(rng, graph, most_levels=2)
    names, joint = model.observed()
    cells = np.indices(joint.shape).reshape(joint.ndim, -1)
    frame = pd.DataFrame({**dict(zip(names, cells, strict=True)), "p": joint.ravel()})
    effect = model.effect(["Y"], ["X"])
    found = cg.parse(text_of).ask("ate(X, Y)", data=frame, weight="p").to_dict()
    assert found["value"] == pytest.approx(effect[1, 1] - effect[0, 1], abs=1e-9)
    assert any("averaged over R" in note for note in found["notes"])


def test_the_number_of_an_unidentified_effect_is_refused_with_the_hedge():
    frame = pd.DataFrame({"X": [0, 1, 0, 1], "Y": [0, 1, 1, 1]})
    found = cg.parse("X -> Y; X <-> Y").ask("ate(X, Y)", data=frame)
    assert found.exit_code == 1
    assert found.to_dict()["identified"] is False


def napkin_frame(rng, continuous):
    n = 4000
    w, u, v = (rng.integers(0, 2, n) for _ in range(3))
    w = (w + u + v > 1).astype(int)
    r = (rng.uniform(size=n) < 0.3 + 0.4 * w).astype(int)
    x = (rng.uniform(size=n) < 0.1 + 0.4 * r + 0.4 * u).astype(int)
    y = (
        2 * x + 3 * v + rng.normal(size=n)
        if continuous
        else (rng.uniform(size=n) < 0.1 + 0.3 * x + 0.5 * v).astype(int)
    )
    return pd.DataFrame({"W": w, "R": r, "X": x, "Y": y})


NAPKIN = "W -> R -> X -> Y; W <-> X; W <-> Y"


def test_a_continuous_outcome_has_a_mean_where_it_stands_in_a_joint_probability():
    found = cg.parse(NAPKIN).ask("ate(X, Y)", data=napkin_frame(np.random.default_rng(1), continuous=True)).to_dict()
    low, high = found["interval"]
    assert low < 2 < high
    assert found["naive"] > 2.2


def test_a_level_of_a_free_variable_that_nobody_has_spoils_nothing():
    frame = napkin_frame(np.random.default_rng(2), continuous=False)
    plain = cg.parse(NAPKIN).ask("ate(X, Y)", data=frame).to_dict()["value"]
    declared = cg.parse("R : {0, 1, 2}; " + NAPKIN).ask("ate(X, Y)", data=frame).to_dict()
    assert declared["value"] == pytest.approx(plain)
    # An empty cell at one level leaves the number to the other, and the intervals of a table alone.
    kept = frame[~((frame["R"] == 1) & (frame["X"] == 1))]
    table = cg.parse(NAPKIN).ask("P(Y | do(X))", data=kept).to_dict()
    assert all(value is not None for value in table["intervals"])


def test_an_effect_of_nothing_is_not_said_of_cells_that_nobody_is_in():
    rng = np.random.default_rng(3)
    x = rng.integers(0, 2, 500)
    m = np.where(rng.uniform(size=500) < 0.8, x, 1 - x)
    frame = pd.DataFrame({"X": x, "M": m, "Y": (rng.uniform(size=500) < 0.2 + 0.3 * m).astype(int)})
    model = cg.parse("M : {0, 1, 2}; X -> M -> Y; X <-> Y")
    assert model.ask("cde(X, Y, M=2)", data=frame).to_dict()["value"] is None
    assert [row["value"] is None for row in model.ask("cate(X, Y | M)", data=frame).to_dict()["table"]] == [
        False,
        False,
        True,
    ]


def test_an_instrument_that_moves_nobody_promises_no_effect_on_those_it_moves():
    for text_of in ("Z <-> X; X -> Y; X <-> Y", "Z -> X -> Y; Z -> W -> Y; W <-> X; X <-> Y"):
        found = cg.parse(text_of).ask("identify(do(X), Y)").to_dict()
        assert found["alternatives"]
        assert not any("LATE" in a["estimand"] for a in found["alternatives"])


# The language.


def test_a_strategy_can_be_asked_for():
    model = cg.parse("X -> M -> Y; X <-> Y")
    assert model.ask("identify(do(X), Y)").to_dict()["strategy"] == "frontdoor"
    assert model.ask("identify(do(X), Y, strategy=general)").to_dict()["strategy"] == "general"
    assert model.ask("identify(do(X), Y, strategy=backdoor)").to_dict()["identified"] is None
    with pytest.raises(ModelError, match="E214"):
        model.ask("identify(do(X), Y, strategy=magic)")


def test_verify_checks_a_formula_or_shows_two_models():
    assert cg.parse("X -> M -> Y; X <-> Y").ask("verify(identify(do(X), Y))").to_dict()["worst_error"] < EXACT
    found = cg.parse("X -> Y; X <-> Y").ask("verify(identify(do(X), Y))").to_dict()
    assert found["kind"] == "witness"
    assert found["difference"] > 0.1


def test_an_explanation_numbers_the_steps():
    found = cg.parse("X -> M -> Y; X <-> Y").ask("identify(do(X), Y)")
    from causalgraph.render.text import plain

    told = plain(found.explanation())
    assert "1. Sum over M." in told
    assert "No action is left" in told
    assert text(found.formula) in told


def test_a_path_of_an_mpdag_that_must_close_a_cycle_isnt_causal():
    found = cg.parse("mpdag\nA -> B; B -- C; A -- C").ask("identify(do(B), A)")
    assert isinstance(found, Identified)
    assert found.derivation.strategy == "no effect"


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("mag\nA -- B; B -- C", "identify(do(A), C)"),
        ("mag\nA -- B; B -> Y", "identify(do(Y), B)"),
        ("pag\nA -- B; B -- C; C -- D; D -- A", "identify(do(A), C)"),
        ("pag\nA -- B; B -- C; C -- D; D -- A; A -> Y; B -> Y; C -> Y; D -> Y", "identify(do(Y), A)"),
    ],
)
def test_data_that_an_edge_tells_are_selected_dont_speak_of_everyone(text, question):
    assert isinstance(cg.parse(text).ask(question), Undecided)


def test_an_undecided_pag_names_the_circles_in_the_way():
    graph = MixedGraph.build([("A", "o-o", "B"), ("B", "o-o", "C")], kind="pag")
    said = identify(graph, "A", "C").reason
    assert "these circles stand in the way: A o-o B, B o-o C" in said
    assert said.endswith("what may settle them: knowledge, such as tier 1: A and tier 2: B, or require A -> B")
    hidden = MixedGraph.build([("X", "o->", "Lung cancer")], kind="pag")
    assert identify(hidden, "X", "Lung cancer").reason.endswith("require X -> `Lung cancer`")
    undirected = MixedGraph.build([("A", "--", "B")], kind="cpdag")
    assert "circle" not in identify(undirected, "A", "B").reason


def test_a_pdag_that_no_dag_goes_with_is_undecided():
    found = cg.parse("pdag\nA -- B; B -- C; C -- D; D -- A").ask("identify(do(A), C)")
    assert isinstance(found, Undecided)
    assert "no DAG extends it" in found.reason
