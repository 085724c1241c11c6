"""Simplification given the graph: the textbook's formulas come out, and values stay."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pytest
from sympy import Expr, Mul

from causalgraph.criteria.separation import separation
from causalgraph.formula.nodes import Event, Marginal, P, Value, equal
from causalgraph.formula.printing import text
from causalgraph.formula.rewriting import product, rewrite
from causalgraph.formula.simplify import size
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.identify.simplify import simplify
from causalgraph.identify.simplify_facts import Facts
from identify.raw_id import numbers, raw
from oracles.models import random_model
from strategies import random_graph, scaled

CASES = json.loads((Path(__file__).parents[1] / "cases" / "simplification.json").read_text(encoding="utf-8"))


def formula(spec: list[Any]) -> Expr:
    """Read a formula of the cases: `P`, `sum`, `*` and `/`; a primed name is a further value of its variable."""
    kind, *rest = spec
    if kind == "P":
        return P(*([Event(n.rstrip("'"), value(n)) for n in names] for names in rest))
    if kind == "sum":
        return Marginal(formula(rest[1]), *map(value, rest[0]))
    inner = list(map(formula, rest))
    return product(inner) if kind == "*" else product(inner[:1], inner[1:])


def value(name: str) -> Value:
    """Read a value."""
    return Value(name.rstrip("'"), name.count("'"))


def graph_of(case: dict[str, Any]) -> MixedGraph:
    """Build the graph of a case."""
    return MixedGraph.build([tuple(e) for e in case["graph"]["edges"]], case["graph"]["nodes"])


def difference(before: Expr, after: Expr, graph: MixedGraph, rng: np.random.Generator) -> float:
    """Return by how much two formulas differ at most, over all their free values, in a random model."""
    names, joint = random_model(rng, graph, most_levels=2 if len(graph.nodes) > 5 else 3).observed()
    have, left = numbers(before, names, joint)
    other, right = numbers(after, names, joint)
    assert set(other) <= set(have)
    right = right.reshape([right.shape[other.index(v)] if v in other else 1 for v in have])
    return float(np.abs(left - right).max())


@pytest.mark.parametrize("case", CASES, ids=[c["id"] for c in CASES])
def test_the_textbook_formula_comes_out(case: dict[str, Any]) -> None:
    short, _ = simplify(formula(case["raw"]), graph_of(case))
    assert equal(short, formula(case["expected"])), text(short)


@pytest.mark.parametrize("case", [c for c in CASES if "paper" in c], ids=[c["id"] for c in CASES if "paper" in c])
def test_what_the_paper_prints_is_the_same_and_no_shorter(case: dict[str, Any]) -> None:
    graph, printed, ours = graph_of(case), formula(case["paper"]), formula(case["expected"])
    assert equal(simplify(printed, graph)[0], ours)
    assert size(ours) <= size(printed)
    assert difference(printed, ours, graph, np.random.default_rng(0)) < 1e-9


@pytest.mark.parametrize("case", CASES, ids=[c["id"] for c in CASES])
def test_the_steps_lead_from_the_formula_to_the_shorter_one(case: dict[str, Any]) -> None:
    graph = graph_of(case)
    whole = formula(case["raw"])
    short, steps = simplify(whole, graph)
    rng = np.random.default_rng(1)
    for step in steps:
        after = rewrite(whole, step.before, step.after)
        assert after != whole
        assert difference(whole, after, graph, rng) < 1e-9, (step.rule, text(whole), text(after))
        whole = after
    assert whole == short


def raw_formulas(number: int, seed: int) -> Any:
    """Yield graphs of 3 to 7 nodes with ID's formula for a random query, a third of them with a condition (IDC)."""
    rng = np.random.default_rng(seed)
    while number:
        arrows, two_headed = rng.uniform(0.2, 0.6), rng.uniform(0, 0.5)
        graph = random_graph(rng, int(rng.integers(3, 8)), arrows=arrows, two_headed=two_headed)
        nodes = list(map(str, rng.permutation(list(graph.nodes))))
        x, y = set(nodes[: int(rng.integers(1, 3))]), {nodes[-1], *nodes[-1 : -int(rng.integers(1, 3)) - 1 : -1]}
        whole = raw(graph, x, y) if not x & y else None
        if whole is not None and len(whole.atoms(P)) > 1:
            number -= 1
            if number % 3 == 0 and len(y) > 1:
                whole = product([whole], [Marginal(whole, Value(min(y)))])
            yield graph, x, y, whole


def test_simplification_keeps_the_value_of_every_raw_formula() -> None:
    rng = np.random.default_rng(5)
    ratios = []
    for graph, x, y, whole in raw_formulas(scaled(150, 5_000), seed=2):
        short, steps = simplify(whole, graph)
        assert size(short) <= size(whole)
        assert difference(whole, short, graph, rng) < 1e-9, (graph.edges, x, y, text(whole), text(short))
        before, after = size(whole), size(short)
        ratios.append((after.terms + after.mentions) / (before.terms + before.mentions))
        again = whole
        for step in steps:
            again = rewrite(again, step.before, step.after)
            for p in step.premises:
                assert separation(graph, p.x, p.y, given=p.given).separated
        assert again == short
    assert np.mean(ratios) < 0.75


def test_simplification_is_deterministic_and_done_in_one_go() -> None:
    for graph, _, _, whole in raw_formulas(scaled(30, 300), seed=3):
        short, steps = simplify(whole, graph)
        assert simplify(whole, graph) == (short, steps)
        assert size(simplify(short, graph)[0]) == size(short)


def test_one_walk_tells_which_conditions_matter_and_which_may_be_added() -> None:
    rng = np.random.default_rng(4)
    for _ in range(scaled(60, 2_000)):
        graph = random_graph(rng, 6, arrows=0.35, two_headed=0.25)
        subject, *others = map(str, rng.permutation(list(graph.nodes)))
        given = frozenset(others[: int(rng.integers(0, 5))])
        near = Facts(graph).reached(frozenset([subject]), given)
        for other in others:
            assert (other in near) != separation(graph, subject, [other], given=given - {other}).separated


def test_an_intervention_is_left_alone() -> None:
    graph = MixedGraph.build([("A", "->", "B"), ("B", "->", "C")])
    experiment = P("C", "B", "A")
    assert simplify(experiment, graph) == (experiment, ())


def test_a_bound_value_isnt_mistaken_for_the_free_one() -> None:
    graph = MixedGraph.build([("X", "->", "Y")])
    x = Value("X")
    whole = P("Y", "X") * Marginal(P("Y", "X") * P("X"), x)
    short, _ = simplify(whole, graph)
    assert equal(short, P("Y", "X") * P("Y"))


def test_what_cancels_is_shown_by_the_step() -> None:
    graph = MixedGraph.build([("A", "->", "B")])
    short, (split, gone) = simplify(P("AB") / P("A"), graph)
    assert (short, split.rule, gone.rule) == (P("B", "A"), "chain rule", "cancelling")
    assert gone.before == product([P("A")], [P("A")])


def test_a_sum_over_levels_isnt_lost() -> None:
    graph = MixedGraph.build([("A", "->", "B"), ("C", "->", "B")])
    a, b = Value("A"), Value("B")
    counts_the_levels = Marginal(P("B", "A"), a, b)
    assert simplify(counts_the_levels, graph) == (counts_the_levels, ())


def test_a_hundred_factors_take_seconds() -> None:
    number = scaled(50, 100)
    nodes = [f"V{i}" for i in range(number)]
    edges = [(a, "->", b) for a, b in combinations(nodes, 2) if nodes.index(b) - nodes.index(a) <= 2]
    graph = MixedGraph.build(edges, nodes)
    whole = Marginal(Mul(*(P([n], nodes[:i]) for i, n in enumerate(nodes) if i)), *map(Value, nodes[1:-1]))
    start = perf_counter()
    short, _ = simplify(whole, graph)
    assert perf_counter() - start < 20
    assert short == P([nodes[-1]], [nodes[0]])


def test_the_budget_stops_the_work() -> None:
    case = next(c for c in CASES if c["id"] == "pruned")
    whole = formula(case["raw"])
    _, steps = simplify(whole, graph_of(case), budget=3)
    assert len(steps) < len(simplify(whole, graph_of(case))[1])
