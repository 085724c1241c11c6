"""Good and bad controls: the models of Cinelli, Forney and Pearl, brute force by definition, and exact regressions."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from causalgraph.criteria.controls import Control, bad_controls, controls
from causalgraph.errors import ModelError
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.render.text import plain
from oracles import adjustment as truth
from oracles.implications import linear_model, regression
from oracles.relations import descendants
from strategies import random_disjoint, random_graph, scaled

Names = frozenset[str]

# Number of the model in "A crash course in good and bad controls" -> its arrows, what is hidden, the verdict on Z.
MODELS = {
    1: ("Z->X Z->Y X->Y", "", "good"),
    2: ("U->Z Z->X U->Y X->Y", "U", "good"),
    3: ("U->X U->Z Z->Y X->Y", "U", "good"),
    4: ("Z->X Z->M X->M M->Y", "", "good"),
    5: ("U->Z U->X Z->M X->M M->Y", "U", "good"),
    6: ("U->M U->Z Z->X X->M M->Y", "U", "good"),
    7: ("U1->X U1->Z U2->Z U2->Y X->Y", "U1 U2", "bad collider"),
    8: ("Z->Y X->Y", "", "neutral precision_gain"),
    9: ("Z->X X->Y", "", "neutral precision_loss"),
    10: ("Z->X U->X U->Y X->Y", "U", "bad amplifier"),
    11: ("X->Z Z->Y", "", "bad mediator"),
    12: ("X->M M->Y M->Z", "", "bad mediator_descendant"),
    13: ("X->M M->Y Z->M", "", "neutral precision_gain"),
    14: ("X->Y X->Z", "", "neutral precision_loss"),
    15: ("X->Z Z->W U->W U->Y X->Y", "U", "neutral precision_loss"),
    16: ("X->Z U->Z U->Y X->Y", "U", "bad collider"),
    17: ("X->Z Y->Z X->Y", "", "bad outcome_descendant"),
    18: ("X->Y Y->Z", "", "bad outcome_descendant"),
}


def drawn(arrows: str, latent: str = "") -> MixedGraph:
    edges = [(left, "->", right) for left, right in (arrow.split("->") for arrow in arrows.split())]
    return MixedGraph.build(edges, latent=latent.split())


def verdicts(graph: MixedGraph) -> dict[str, Control]:
    return {c.name: c for c in controls(graph, "X", "Y").controls}


@pytest.mark.parametrize("number", MODELS)
def test_the_models_of_the_crash_course_get_its_verdicts(number: int) -> None:
    arrows, latent, expected = MODELS[number]
    found = verdicts(drawn(arrows, latent))["Z"]
    verdict, _, role = expected.partition(" ")
    assert found.verdict == verdict
    assert not role or found.role == role
    assert found.reason


def measured(graph: MixedGraph) -> MixedGraph:
    """Return the graph with a visible node for everything hidden."""
    edges = [e for e in graph.edges if e.mark == "->"]
    for number, edge in enumerate(e for e in graph.edges if e.mark == "<->"):
        edges += [Edge(f"H{number}", "->", edge.left), Edge(f"H{number}", "->", edge.right)]
    return MixedGraph.build(edges, graph.nodes)


def question(rng: np.random.Generator, most: int) -> tuple[MixedGraph, Names, Names]:
    size = int(rng.integers(4, 8))
    latent = int(rng.integers(0, 3))
    two_headed = float(rng.choice([0, 0.1, 0.15]))
    graph = random_graph(rng, size, arrows=rng.uniform(0.3, 0.55), two_headed=two_headed, latent=min(latent, size - 3))
    for _ in range(8):
        x, y = random_disjoint(rng, graph.observed, (1, most), (1, most))
        if descendants(graph, x) & y:
            break
    return graph, x, y


def test_verdicts_are_those_of_the_definition_on_random_graphs() -> None:
    rng = np.random.default_rng(67)
    seen: Counter[tuple[bool, str]] = Counter()
    for _ in range(scaled(400, 3000)):
        graph, x, y = question(rng, 2)
        valid = truth.valid_sets(graph, x, y)
        world, identified = (graph, True) if valid else (measured(graph), False)
        everywhere = valid or truth.valid_sets(world, x, y)
        minimal = [s for s in everywhere if not any(t < s for t in everywhere)]
        answer = controls(graph, x, y)
        assert answer.identified == identified
        assert answer.complete
        smallest = min(map(len, minimal), default=0)
        expected_reference = {s & graph.observed for s in minimal if len(s) == smallest} or {frozenset()}
        assert frozenset(answer.reference) in expected_reference
        assert [c.name for c in answer.controls] == sorted(graph.observed - x - y)
        for control in answer.controls:
            name, asked = control.name, (graph, x, y, control)
            seen[identified, control.role] += 1
            if name in truth.forbidden_nodes(graph, x, y):
                assert control.verdict == "bad", asked
                assert not any(name in s for s in everywhere)
                assert control.witness
                assert control.witness.causal
            elif any(name in s for s in minimal):
                assert control.verdict == "good", asked
                assert control.witness
                assert name in control.witness.nodes, asked
                assert control.witness.open
                assert not control.witness.causal or name not in descendants(graph, x)
            elif any(s | {name} not in everywhere for s in minimal):
                assert (control.verdict, control.role) == ("bad", "collider"), asked
                assert control.witness
                assert control.witness.open, asked
            elif identified:
                assert control.verdict == "neutral", asked
            elif not minimal:
                assert control.role == "unknown", asked
            else:
                assert control.role in ("amplifier", "proxy") or control.verdict == "neutral", asked
            if identified and control.role == "collider":
                assert not any(name in s for s in minimal)
    expected = {"mediator", "mediator_descendant", "outcome_descendant", "collider", "confounder", "backdoor"}
    for role in expected | {"irrelevant", "precision_gain", "precision_loss"}:
        assert min(seen[True, role], seen[False, role]) > 0, seen
    assert min(seen[False, "amplifier"], seen[False, "proxy"]) > 1, seen


def test_exact_regressions_bear_out_what_is_said_of_bias_and_precision() -> None:
    rng = np.random.default_rng(68)
    seen: Counter[str] = Counter()
    for _ in range(scaled(400, 5000)):
        graph, (x,), (y,) = question(rng, 1)
        answer = controls(graph, x, y)
        total, sigma = linear_model(rng, graph)
        number = {n: i for i, n in enumerate(graph.nodes)}
        effect = total[number[x], number[y]]
        base = [number[n] for n in answer.reference]
        before, variance_before = regression(sigma, number[y], number[x], base)
        assert not answer.identified or abs(before - effect) < 1e-9
        for control in (c for c in answer.controls if c.name not in answer.reference):
            after, variance = regression(sigma, number[y], number[x], [*base, number[control.name]])
            asked = (graph, x, y, control)
            seen[control.role] += 1
            if control.verdict == "neutral":
                assert abs(after - before) < 1e-9, asked
            if control.role == "amplifier":
                assert abs(after - effect) >= abs(before - effect) - 1e-9, asked
            if control.role in ("precision_gain", "irrelevant"):
                assert variance <= variance_before + 1e-9, asked
            if control.role in ("precision_loss", "irrelevant"):
                assert variance >= variance_before - 1e-9, asked
    assert min(seen[r] for r in ("amplifier", "precision_gain", "precision_loss", "irrelevant")) > 10, seen


def test_a_proxy_of_a_hidden_confounder_is_not_decided() -> None:
    graph = drawn("U->X U->Y U->P X->Y Z->X C->X C->Y", "U")
    found = verdicts(graph)
    assert {n: c.verdict for n, c in found.items()} == {"P": "undecided", "Z": "bad", "C": "good"}
    answer = controls(graph, "X", "Y")
    assert not answer.identified
    assert "hidden confounding remains" in str(answer)
    assert [c.name for c in bad_controls(graph, "X", "Y")] == ["Z"]


def test_a_hidden_cause_is_shown_as_the_two_headed_edge_that_it_is() -> None:
    edges = [("X", "->", "Y"), ("X", "<->", "Y"), ("X", "<->", "Z"), ("Z", "<->", "Y")]
    found = verdicts(MixedGraph.build(edges))["Z"]
    assert found.role == "collider"
    assert found.witness
    assert found.witness.drawn in ("X ↔ Z ↔ Y", "X ↔ Y")


def test_a_mediator_of_one_treatment_behind_another_is_explained() -> None:
    graph = MixedGraph.build([("A", "->", "Y"), ("Y", "->", "B"), ("B", "->", "V")])
    (found,) = controls(graph, {"A", "B"}, "Y").controls
    assert (found.role, found.verdict) == ("outcome_descendant", "bad")


def test_the_answer_tells_itself() -> None:
    answer = controls(drawn("X->M M->Y"), "X", "Y")
    assert answer.to_dict()["controls"][0]["witness"]["text"] == "X -> M -> Y"
    assert "✘ M is bad: it lies on a causal path to Y" in str(answer)
    assert "no variable is left" in str(controls(drawn("X->Y"), "X", "Y"))


def test_a_large_graph_is_judged_by_its_first_minimal_sets() -> None:
    arrows = ["X->Y"]
    for i in range(12):
        arrows += [f"C{i}->A{i}", f"A{i}->X", f"C{i}->B{i}", f"B{i}->Y", f"C{i}->P{i}"]
    answer = controls(drawn(" ".join(arrows)), "X", "Y", limit=30)
    assert not answer.complete
    assert "there are more" in str(answer)
    assert "there are more" in plain(answer.warning())


def test_where_nothing_hidden_is_in_the_way_nothing_hidden_is_blamed() -> None:
    answer = controls(drawn("Y->X Z->Y"), "X", "Y")
    assert not answer.identified
    assert answer.none == "no set is valid, even if all is measured: X ← Y stays open"
    assert "hidden" not in str(answer)
    assert str(answer).endswith(answer.none)
    confounded = controls(drawn("U->X U->Y X->Y U->P", "U"), "X", "Y")
    assert confounded.none == "hidden confounding remains, whatever is adjusted for: X ← U → Y stays open"


def test_a_row_has_one_sign() -> None:
    text = str(controls(drawn("U->X U->Y X->Y U->P", "U"), "X", "Y"))
    assert "  ⚠ P is undecided" in text
    assert "?" not in text


@pytest.mark.parametrize("kind", ["cpdag", "mpdag", "pdag", "mag", "pag"])
def test_a_class_of_graphs_is_refused_and_so_is_selection(kind: str) -> None:
    with pytest.raises(ModelError, match="E108"):
        controls(MixedGraph.build([("X", "->", "Y"), ("Z", "->", "Y")], kind=kind), "X", "Y")
    with pytest.raises(ModelError, match="E108"):
        controls(MixedGraph.build([("X", "->", "Y"), ("Y", "->", "S")], selected=["S"]), "X", "Y")


def test_thousands_of_bad_controls_are_judged_and_the_first_are_told() -> None:
    chain = [(f"V{i}", "->", f"V{i + 1}") for i in range(2000)]
    answer = controls(MixedGraph.build(chain), ["V0"], ["V2000"])
    assert {c.role for c in answer.controls} == {"mediator"}
    told = plain(answer.warning()).splitlines()
    assert len(told) == 22
    assert told[-1].strip() == "and 1,979 more, which controls() lists"
    witnesses = [c["witness"] for c in answer.to_dict()["controls"]]
    assert 0 < sum(w is not None for w in witnesses) <= 10


def test_a_long_path_is_drawn_without_its_middle() -> None:
    back = [(f"V{i + 1}", "->", f"V{i}") for i in range(50)]
    graph = MixedGraph.build([*back, ("V50", "->", "Y"), ("V0", "->", "X"), ("X", "->", "Y")])
    reason = controls(graph, "X", "Y").controls[0].reason
    assert reason.startswith("adjusting for it closes X ← V0 ← V1")
    assert " … " in reason
    assert reason.endswith("V50 → Y")
