"""Instruments: published verdicts, the definition by brute force, and the ratio of covariances against the truth."""

from __future__ import annotations

import json
from pathlib import Path as File
from typing import Any

import numpy as np
import pytest

from causalgraph.criteria.instrument_families import instrument_family
from causalgraph.criteria.instrument_search import Unfinished, all_conditional_instruments, cost
from causalgraph.criteria.instruments import (
    Instrument,
    conditional_instruments,
    is_instrument,
    optimal_instruments,
    unconditional_instruments,
)
from causalgraph.errors import ModelError
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.paths import Path
from oracles import instruments as truth
from oracles.relations import ancestors, descendants, parents
from oracles.separation import classified
from strategies import random_disjoint, random_graph, scaled

Names = frozenset[str]
Case = dict[str, Any]

CASES: list[Case] = json.loads(File(__file__).parents[1].joinpath("cases", "instruments.json").read_text("utf-8"))

CLASSIC = [("Z", "->", "X"), ("X", "->", "Y"), ("X", "<->", "Y")]
NAPKIN = [("W", "->", "R"), ("R", "->", "X"), ("X", "->", "Y"), ("U", "->", "W"), ("U", "->", "X")]
NAPKIN += [("V", "->", "W"), ("V", "->", "Y")]


def as_pairs(found: Any) -> set[tuple[str, Names]]:
    return {(i.name, frozenset(i.given)) for i in found}


def complete_pairs(graph: MixedGraph, args: Case) -> set[tuple[str, Names]]:
    return as_pairs(all_conditional_instruments(graph, args["x"], args["y"]))


def best(graph: MixedGraph, args: Case) -> object:
    found = optimal_instruments(graph, args["x"], args["y"])
    return None if found.instruments is None else (frozenset(found.instruments), frozenset(found.given))


# A question -> what the engine says, and how the expected answer is read.
QUESTIONS = {
    "conditional_instruments": (
        lambda graph, args: as_pairs(conditional_instruments(graph, args["x"], args["y"])),
        lambda rows: {(z, frozenset(w)) for z, w in rows},
    ),
    "conditional_instruments_complete": (
        complete_pairs,
        lambda rows: {(z, frozenset(w)) for z, sets in rows for w in sets},
    ),
    "optimal_instrument": (best, lambda expected: expected),
}


@pytest.mark.parametrize("case", [pytest.param(c, id=c["id"]) for c in CASES])
def test_the_engine_gives_the_published_verdict(case: Case) -> None:
    facts, args = case["graph"], case["args"]
    graph = MixedGraph.build(map(tuple, facts["edges"]), facts["nodes"], kind=facts["kind"], latent=facts["latent"])
    answer, read = QUESTIONS[case["question"]]
    assert answer(graph, args) == read(case["expected"])


# Figures of Henckel, Buttenschoen and Maathuis (2024) and its appendix: edges -> instruments and what is given.
ABC = [("x", "->", "y"), ("x", "<->", "y"), ("c", "<->", "y")]
MORE = [("b", "->", "a"), ("b", "->", "c"), ("c", "->", "a"), ("a", "->", "x")]
BEYOND = [("x", "->", "m"), ("m", "->", "y"), ("x", "->", "xc"), ("y", "->", "yc"), ("m", "->", "mc")]
FIGURES = {
    "5b": ([*ABC, ("a", "->", "b"), ("a", "->", "x"), ("b", "->", "c")], ({"a"}, {"b", "c"})),
    "appendix 2": ([*ABC, *MORE], ({"a"}, {"b", "c"})),
    "appendix 2 with mediators": ([*ABC[1:], *MORE, *BEYOND], ({"a"}, {"b", "c"})),
}


@pytest.mark.parametrize("figure", FIGURES)
def test_the_optimal_instruments_are_the_published_ones(figure: str) -> None:
    edges, (instruments, given) = FIGURES[figure]
    found = optimal_instruments(MixedGraph.build(edges), "x", "y")
    assert (set(found.instruments or ()), set(found.given)) == (instruments, given)


def random_question(rng: np.random.Generator) -> tuple[MixedGraph, str, str]:
    """Return a graph of 3 to 7 nodes, some latent; mostly x has a parent and y descends from x."""
    size = int(rng.integers(3, 8))
    hidden = int(rng.integers(0, min(3, size - 1)))
    arrows, two_headed = rng.uniform(0.2, 0.45), rng.choice([0, 0.05, 0.2])
    for _ in range(12):
        graph = random_graph(rng, size, arrows=arrows, two_headed=two_headed, latent=hidden)
        (x,), (y,) = random_disjoint(rng, graph.observed, (1, 1), (1, 1))
        if y in descendants(graph, {x}) and parents(graph, {x}) & graph.observed:
            break
    return graph, x, y


def test_no_pair_is_missed_and_none_is_invented() -> None:
    rng = np.random.default_rng(50)
    seen = {"none": 0, "one": 0, "several sets for one": 0, "not ancestral": 0}
    for _ in range(scaled(350, 8000)):
        graph, x, y = random_question(rng)
        where = graph, x, y
        every = truth.pairs(graph, x, y)
        minimal = truth.minimal_pairs(every)
        found = list(all_conditional_instruments(graph, x, y))
        assert as_pairs(found) == minimal, where
        assert len(found) == len(minimal), where
        nearest = as_pairs(conditional_instruments(graph, x, y))
        ancestral = {pair for pair in every if truth.is_ancestral(graph, y, pair)}
        assert nearest <= minimal, where
        assert {z for z, _ in nearest} == {z for z, _ in ancestral}, where
        assert bool(nearest) == bool(every), where
        assert as_pairs(unconditional_instruments(graph, x, y)) == {p for p in every if not p[1]}, where
        family = instrument_family(graph, x, y)
        assert as_pairs(family.instruments) == minimal, where
        assert family.complete
        assert (family.none is None) == bool(minimal)
        names = [z for z, _ in minimal]
        seen["none"] += not minimal
        seen["one"] += len(minimal) == 1
        seen["several sets for one"] += len(set(names)) < len(names)
        seen["not ancestral"] += len(minimal - ancestral) > 0
    assert min(seen.values()) > 2, seen


def test_each_pair_is_judged_as_by_definition_and_the_witness_shows_why() -> None:
    rng = np.random.default_rng(51)
    failed: dict[str | None, int] = dict.fromkeys(("observed", "allowed", "relevance", "exclusion", None), 0)
    for _ in range(scaled(800, 15_000)):
        graph, x, y = random_question(rng)
        (z,), w = random_disjoint(rng, set(graph.nodes) - {x, y}, (1, 1), (0, 3))
        answer = is_instrument(graph, x, y, z, given=w)
        assert answer.valid == truth.is_instrumental_set(graph, x, y, frozenset((z,)), w), (graph, x, y, z, w, answer)
        failed[answer.condition] += 1
        assert answer.exit_code == (0 if answer.valid else 1)
        if answer.condition in ("exclusion", None):
            path, end = answer.witness, x if answer.valid else y
            assert isinstance(path, Path)
            assert (path.nodes[0], path.nodes[-1]) == (z, end)
            assert classified(path.edges, w, ancestors(graph, w)).open
        elif answer.condition in ("observed", "allowed"):
            assert answer.witness in {z, *w}
    assert min(failed.values()) > 20, failed


def test_the_ratio_of_covariances_is_the_total_effect_for_each_pair() -> None:
    rng = np.random.default_rng(52)
    checked = 0
    for _ in range(scaled(250, 4000)):
        graph, x, y = random_question(rng)
        sigma, total = truth.covariance(graph, rng)
        effect = total[graph.nodes.index(y), graph.nodes.index(x)]
        for pair in complete_pairs(graph, {"x": x, "y": y}):
            assert truth.ratio(graph, sigma, x, y, pair) == pytest.approx(effect, rel=1e-6, abs=1e-8), (graph, pair)
            checked += 1
    assert checked > 100


def test_optimal_instruments_are_valid_by_definition() -> None:
    rng = np.random.default_rng(53)
    met = 0
    for _ in range(scaled(500, 8000)):
        graph, x, y = random_question(rng)
        found = optimal_instruments(graph, x, y)
        if found.instruments is None:
            assert found.reason
            continue
        z, w = frozenset(found.instruments), frozenset(found.given)
        assert truth.is_instrumental_set(graph, x, y, z, w), (graph, x, y, found)
        met += 1
    assert met > 30


def test_no_other_instruments_have_the_smaller_variance_in_every_model() -> None:
    rng = np.random.default_rng(54)
    met = 0
    while met < scaled(12, 400):
        graph = random_graph(rng, int(rng.integers(4, 7)), arrows=0.4, two_headed=0.15)
        (x,), (y,) = random_disjoint(rng, graph.nodes, (1, 1), (1, 1))
        graph = MixedGraph.build([*graph.edges, (x, "<->", y)], graph.nodes)
        found = optimal_instruments(graph, x, y)
        if found.instruments is None:
            continue
        met += 1
        best = frozenset(found.instruments), frozenset(found.given)
        models = [truth.covariance(graph, rng, spread=0.7) for _ in range(60)]
        least = [truth.variance(graph, model, x, y, *best) for model in models]
        for other in truth.sets(graph, x, y):
            theirs = [truth.variance(graph, model, x, y, *other) for model in models]
            assert any(b <= t * (1 + 1e-9) for b, t in zip(least, theirs, strict=True)), (graph, x, y, found, other)


def test_a_latent_is_no_instrument_on_the_napkin_graph() -> None:
    graph = MixedGraph.build(NAPKIN, latent=["U", "V"])
    assert is_instrument(graph, "X", "Y", "U").condition == "observed"
    assert is_instrument(graph, "X", "Y", "R", given="U").condition == "observed"
    for found in (conditional_instruments(graph, "X", "Y"), all_conditional_instruments(graph, "X", "Y")):
        assert not any({i.name, *i.given} & graph.latent for i in found if isinstance(i, Instrument))
    assert as_pairs(conditional_instruments(graph, "X", "Y")) == {("R", frozenset({"W"}))}
    seen = MixedGraph.build(NAPKIN)
    assert is_instrument(seen, "X", "Y", "U").valid


def test_a_mediator_and_what_it_causes_are_neither_instruments_nor_given() -> None:
    graph = MixedGraph.build([*CLASSIC[:1], ("X", "->", "M"), ("M", "->", "Y"), ("M", "->", "S"), ("X", "<->", "Y")])
    assert is_instrument(graph, "X", "Y", "S").condition == "allowed"
    assert is_instrument(graph, "X", "Y", "Z", given="S").witness == "S"
    assert as_pairs(all_conditional_instruments(graph, "X", "Y")) == {("Z", frozenset())}


def test_an_open_path_beside_the_effect_is_shown() -> None:
    answer = is_instrument(MixedGraph.build([*CLASSIC, ("Z", "->", "Y")]), "X", "Y", "Z")
    assert answer.to_dict()["witness"]["text"] == "Z -> Y"
    assert "Z isn't an instrument for the effect of X on Y" in str(answer)


def many(count: int) -> MixedGraph:
    """Return a graph where the instrument needs one node of each of many pairs."""
    edges = list(CLASSIC)
    for i in range(count):
        edges += [("Z", "->", f"A{i}"), (f"A{i}", "->", f"B{i}"), (f"B{i}", "->", "Y")]
    return MixedGraph.build(edges)


def test_the_search_says_when_its_budget_ends() -> None:
    graph = many(8)
    met = list(all_conditional_instruments(graph, "X", "Y", budget=50 * cost(graph)))
    assert met[-1] == Unfinished(50)
    assert not any(isinstance(i, Unfinished) for i in met[:-1])
    family = instrument_family(many(30), "X", "Y", budget=100 * cost(many(30)))
    assert not family.complete
    assert any(i.name == "Z" and len(i.given) == 30 for i in family.instruments)
    assert "the search ended with its budget" in str(family)


def test_within_the_budget_all_of_many_sets_are_found() -> None:
    met = [i for i in all_conditional_instruments(many(5), "X", "Y") if isinstance(i, Instrument)]
    assert len([i for i in met if i.name == "Z"]) == 2**5
    assert len(met) == len(as_pairs(met))


def test_a_thousand_nodes_take_a_budget_and_no_more() -> None:
    chain = [(f"V{i}", "->", f"V{i + 1}") for i in range(1000)]
    graph = MixedGraph.build([*chain, ("V999", "<->", "V1000")])
    family = instrument_family(graph, "V999", "V1000")
    assert len({i.name for i in family.instruments}) == 999
    assert not family.complete
    apart = instrument_family(MixedGraph.build([("X", "->", "Y")], [f"Z{i}" for i in range(20)]), "X", "Y")
    assert apart.none
    assert "Z10, Z11 and 8 more" in apart.none


def test_no_instrument_is_not_claimed_where_the_budget_ends_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("causalgraph.criteria.instrument_families.ANCESTRAL", 0)
    family = instrument_family(MixedGraph.build(CLASSIC), "X", "Y")
    assert (family.instruments, family.complete) == ((), False)
    assert "before the search ended with its budget" in str(family)


def test_an_answer_says_what_an_instrument_licenses() -> None:
    family = instrument_family(MixedGraph.build(CLASSIC), "X", "Y")
    assert family.to_dict() == {
        "kind": "instruments",
        "instruments": [{"instrument": "Z", "given": []}],
        "complete": True,
        "optimal": {"instruments": ["Z"], "given": []},
        "reason": None,
        "none": None,
    }
    assert "Z given nothing" in str(family)
    assert "it identifies no nonparametric effect" in str(family)


def test_every_none_has_a_reason() -> None:
    alone = instrument_family(
        MixedGraph.build([("X", "->", "Y"), ("U", "->", "X"), ("U", "->", "Y")], latent="U"), "X", "Y"
    )
    apart = instrument_family(MixedGraph.build([("X", "->", "Y"), ("X", "<->", "Y")], ["Z"]), "X", "Y")
    tied = instrument_family(MixedGraph.build([*CLASSIC, ("Z", "->", "Y")]), "X", "Y")
    assert alone.none == "every other variable is latent, or lies on a causal path or below one"
    assert apart.none == "what separates Z from Y separates it from X as well"
    assert tied.none == "whatever is given, Z can't be separated from Y beside the effect"
    assert alone.exit_code == apart.exit_code == tied.exit_code == 1
    assert alone.to_dict()["optimal"] is None


def test_sets_of_treatments_are_refused() -> None:
    with pytest.raises(ModelError, match="several variables"):
        instrument_family(MixedGraph.build(CLASSIC), ["X", "Z"], "Y")
