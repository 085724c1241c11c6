"""Front-door sets: published verdicts, the definition by brute force, and the formula against the truth."""

from __future__ import annotations

import json
from itertools import islice, pairwise
from pathlib import Path as File
from typing import Any

import numpy as np
import pytest

from causalgraph.criteria.frontdoor import (
    is_frontdoor_set,
    maximum_frontdoor_set,
    minimal_frontdoor_set,
    minimal_frontdoor_sets,
)
from causalgraph.criteria.frontdoor_families import frontdoor_family
from causalgraph.errors import ModelError
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.paths import Path
from oracles import frontdoor as truth
from oracles.models import random_model
from oracles.relations import descendants
from oracles.separation import classified
from strategies import random_disjoint, random_graph, scaled

Names = frozenset[str]
Case = dict[str, Any]

CASES: list[Case] = json.loads(File(__file__).parents[1].joinpath("cases", "frontdoor.json").read_text("utf-8"))

CLASSIC = [("X", "->", "M"), ("M", "->", "Y"), ("X", "<->", "Y")]
NONE = frozenset[str]()


@pytest.mark.parametrize("case", [pytest.param(c, id=c["id"]) for c in CASES])
def test_the_engine_gives_the_published_verdict(case: Case) -> None:
    facts, args, expected = case["graph"], case["args"], case["expected"]
    graph = MixedGraph.build(map(tuple, facts["edges"]), facts["nodes"], kind=facts["kind"], latent=facts["latent"])
    largest = maximum_frontdoor_set(graph, args["x"], args["y"], allowed=args["restrict"])
    assert (largest is not None) == expected["exists"]
    assert largest == (None if expected["maximum_set"] is None else frozenset(expected["maximum_set"]))
    if "minimal_sets" in expected:
        found = set(minimal_frontdoor_sets(graph, args["x"], args["y"], allowed=args["restrict"]))
        assert found == set(map(frozenset, expected["minimal_sets"]))


def random_question(rng: np.random.Generator, most: int = 2) -> tuple[MixedGraph, Names, Names]:
    """Return a graph of 3 to 7 nodes, some latent, with treatments and outcomes.

    Mostly a directed path leads from one to the other, but no single arrow: else most questions have no set.
    """
    size = int(rng.integers(3, 8))
    most = min(most, max(1, size - 3))
    hidden = int(rng.integers(0, min(3, size - 2)))
    arrows, two_headed = rng.uniform(0.2, 0.5), rng.choice([0, 0.05, 0.2])
    for _ in range(12):
        graph = random_graph(rng, size, arrows=arrows, two_headed=two_headed, latent=hidden)
        x, y = random_disjoint(rng, graph.observed, (1, most), (1, most))
        if rng.random() < 0.8:
            graph = graph.with_edges(e for e in graph.edges if not (e.mark == "->" and e.left in x and e.right in y))
        if y & descendants(graph, x):
            break
    if rng.random() < 0.5:
        graph = MixedGraph.build([*graph.edges, (min(x), "<->", min(y))], graph.nodes, latent=graph.latent)
    return graph, x, y


def test_the_sets_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(40)
    seen = {"none": 0, "empty": 0, "one": 0, "several": 0, "required": 0}
    for _ in range(scaled(500, 12_000)):
        graph, x, y = random_question(rng)
        inner = graph.observed - x - y
        (needed,) = random_disjoint(rng, inner, (0, 1)) if inner and rng.random() < 0.3 else (NONE,)
        allowed = frozenset(n for n in graph.nodes if rng.random() < 0.9) if rng.random() < 0.3 else graph.observed
        where = graph, x, y, needed, allowed
        valid = truth.valid_sets(graph, x, y, required=needed, allowed=allowed)
        minimal = {z for z in valid if not any(smaller < z for smaller in valid)}
        largest = maximum_frontdoor_set(graph, x, y, required=needed, allowed=allowed)
        one = minimal_frontdoor_set(graph, x, y, required=needed, allowed=allowed)
        found = list(minimal_frontdoor_sets(graph, x, y, required=needed, allowed=allowed))
        assert largest == (max(valid, key=len) if valid else None), where
        assert (one in minimal) if valid else (one is None), where
        assert len(found) == len(set(found)), where
        assert set(found) == minimal, where
        seen["none" if not valid else "empty" if NONE in valid else "several" if len(minimal) > 1 else "one"] += 1
        seen["required"] += bool(valid and needed)
    assert min(seen.values()) > 2, seen


def test_each_set_is_judged_as_by_definition_and_the_witness_shows_why() -> None:
    rng = np.random.default_rng(41)
    failed = {"intercepts": 0, "treatment": 0, "outcome": 0, None: 0}
    for _ in range(scaled(600, 12_000)):
        graph, x, y = random_question(rng)
        (z,) = random_disjoint(rng, graph.observed - x - y, (1, 4)) if graph.observed - x - y else (NONE,)
        answer = is_frontdoor_set(graph, x, y, z)
        wrong = truth.failing(graph, x, y, z)
        assert answer.valid == (not wrong), (graph, x, y, z, answer)
        failed[answer.condition] += 1  # type: ignore[index]  # a set with a latent is looked at elsewhere
        if answer.condition is None:
            assert answer.witness is None
            assert answer.exit_code == 0
            continue
        assert answer.condition in wrong, (graph, x, y, z, answer)
        assert answer.exit_code == 1
        path = answer.witness
        assert isinstance(path, Path)
        if answer.condition == "intercepts":
            assert path.causal
            assert not z & set(path.nodes)
        else:
            given, start = (NONE, x) if answer.condition == "treatment" else (x, z)
            assert path.nodes[0] in start
            assert path.edges[0].mark in ("<-", "<->")
            assert classified(path.edges, given, truth.ancestors(graph, given)).open, (graph, x, y, z, answer)
    assert min(failed.values()) > 10, failed


def test_the_formula_gives_the_effect_for_each_valid_set() -> None:
    rng = np.random.default_rng(42)
    checked = 0
    for _ in range(scaled(120, 2000)):
        graph, x, y = random_question(rng, most=1)
        (a,), (b,) = x, y
        model = random_model(rng, graph, most_levels=2)
        effect = model.effect([b], [a])
        every = truth.valid_sets(graph, x, y, required=NONE, allowed=graph.observed)
        for z in sorted(every, key=sorted)[:6]:
            assert is_frontdoor_set(graph, x, y, z).valid
            np.testing.assert_allclose(truth.formula(model, a, b, sorted(z)), effect, rtol=1e-9)
            checked += 1
    assert checked > 30


def test_a_two_headed_edge_is_a_back_door_at_both_of_its_ends() -> None:
    at_treatment = MixedGraph.build([*CLASSIC, ("X", "<->", "M")])
    at_outcome = MixedGraph.build([*CLASSIC, ("M", "<->", "Y")])
    assert is_frontdoor_set(MixedGraph.build(CLASSIC), "X", "Y", "M").valid
    assert is_frontdoor_set(at_treatment, "X", "Y", "M").condition == "treatment"
    assert is_frontdoor_set(at_outcome, "X", "Y", "M").condition == "outcome"


def test_a_latent_mediator_is_never_offered() -> None:
    graph = MixedGraph.build([*CLASSIC, ("M", "->", "N"), ("N", "->", "Y")], latent=["M"])
    assert maximum_frontdoor_set(graph, "X", "Y") is None
    answer = is_frontdoor_set(graph, "X", "Y", ["M", "N"])
    assert (answer.condition, answer.reason, answer.witness) == ("observed", "M is latent", "M")
    family = frontdoor_family(graph, "X", "Y")
    assert family.none == "X → M → Y is intercepted by no set: M can't be observed"
    assert family.exit_code == 1


def test_the_empty_set_is_told_from_none() -> None:
    empty = frontdoor_family(MixedGraph.build([("X", "<->", "Y"), ("A", "->", "X")]), "X", "Y")
    none = frontdoor_family(MixedGraph.build([("X", "->", "Y"), ("X", "<->", "Y")]), "X", "Y")
    assert (empty.sets, empty.none, empty.exit_code) == (((),), None, 0)
    assert "no directed path leads from X to Y" in str(empty)
    assert (none.sets, none.none, none.exit_code) == ((), "X → Y has no node between", 1)
    assert none.to_dict()["maximum"] is None
    assert empty.to_dict()["maximum"] == []


def test_every_none_has_a_reason_and_a_path_that_no_set_intercepts() -> None:
    rng = np.random.default_rng(43)
    shown = 0
    for _ in range(scaled(300, 2000)):
        graph, x, y = random_question(rng)
        family = frontdoor_family(graph, x, y)
        assert (family.none is None) == bool(family.sets)
        assert str(family)
        if family.witness:
            shown += 1
            assert family.witness.causal
            largest = truth.valid_sets(graph, x, frozenset(family.witness.nodes[-1:]), required=NONE, allowed=NONE)
            assert not largest
    assert shown > 30


def test_what_is_required_and_may_not_stand_in_a_set_is_named() -> None:
    graph = MixedGraph.build([*CLASSIC, ("W", "->", "X"), ("M", "->", "N")], latent=["W"])
    assert frontdoor_family(graph, "X", "Y", required="N").sets == (("M", "N"),)
    assert frontdoor_family(graph, "X", "Y", required="W").none == "W is required, but W can't be observed"
    assert frontdoor_family(graph, "X", "Y", allowed="N").none == (
        "X → M → Y is intercepted by no set: M may not stand in a set"
    )


def test_an_answer_tells_itself() -> None:
    graph = MixedGraph.build([*CLASSIC, ("X", "->", "N"), ("N", "->", "Y")])
    family = frontdoor_family(graph, "X", "Y")
    assert family.to_dict() == {
        "kind": "frontdoor_sets",
        "sets": [["M", "N"]],
        "complete": True,
        "maximum": ["M", "N"],
        "none": None,
        "witness": None,
    }
    verdict = is_frontdoor_set(graph, "X", "Y", "M")
    assert verdict.to_dict()["witness"]["text"] == "X -> N -> Y"
    assert "{M} isn't a front-door set for the effect of X on Y" in str(verdict)
    assert "no node of the set stands on X → N → Y" in str(verdict)


def layers(count: int) -> MixedGraph:
    """Return a graph with 2 ** count minimal sets: of each pair in parallel chains one node."""
    edges = [("X", "<->", "Y")]
    for i in range(count):
        edges += [("X", "->", f"A{i}"), (f"A{i}", "->", f"B{i}"), (f"B{i}", "->", "Y")]
    return MixedGraph.build(edges)


def test_the_first_of_a_million_minimal_sets_come_at_once() -> None:
    first = list(islice(minimal_frontdoor_sets(layers(20), "X", "Y"), 25))
    assert len(set(first)) == 25
    assert all(len(z) == 20 for z in first)
    family = frontdoor_family(layers(5), "X", "Y", limit=10)
    assert (len(family.sets), family.complete) == (10, False)
    assert len(frontdoor_family(layers(5), "X", "Y").sets) == 32


def test_a_long_chain_has_all_of_its_nodes_in_the_largest_set_and_one_in_a_minimal_one() -> None:
    chain = ["X", *(f"V{i}" for i in range(20_000)), "Y"]
    edges = [(a, "->", b) for a, b in pairwise(chain)]
    graph = MixedGraph.build([*edges, ("X", "<->", "Y")])
    assert maximum_frontdoor_set(graph, "X", "Y") == frozenset(chain[1:-1])
    assert minimal_frontdoor_set(graph, "X", "Y") == {"V19999"}


def test_all_sets_of_a_chain_are_listed_without_keeping_what_each_may_hold() -> None:
    graph = MixedGraph.build([*pairwise_arrows(600), ("V0", "<->", "V600")])
    family = frontdoor_family(graph, ["V0"], ["V600"])
    assert family.complete
    assert set(family.sets) == {(f"V{i}",) for i in range(1, 600)}


def pairwise_arrows(count: int) -> list[tuple[str, str, str]]:
    return [(f"V{i}", "->", f"V{i + 1}") for i in range(count)]


def test_overlapping_sets_are_refused() -> None:
    with pytest.raises(ModelError):
        is_frontdoor_set(MixedGraph.build(CLASSIC), "X", "Y", "X")
