"""Implied independencies: the statements hold, none is missing from a basis, and the known verdicts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from causalgraph.criteria.adjustment import barred_nodes, sides
from causalgraph.criteria.implications import Statement, implications, implied_independencies
from causalgraph.criteria.nearest_separator import (
    Separator,
    all_minimal_separators,
    all_separators,
    nearest_separator,
)
from causalgraph.criteria.tetrads import vanishing_tetrads
from causalgraph.errors import ModelError
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.relations import proper_causal_nodes
from oracles import implications as truth
from oracles.separation import is_separated_by_networkx
from strategies import random_graph, scaled

Case = dict[str, Any]

CASES: list[Case] = json.loads(Path(__file__).parents[1].joinpath("cases", "implications.json").read_text("utf-8"))


def graph_of(case: Case) -> MixedGraph:
    facts = case["graph"]
    return MixedGraph.build(map(tuple, facts["edges"]), facts["nodes"], kind=facts["kind"], latent=facts["latent"])


def missing_edges(graph: MixedGraph, _: Case) -> list[list[Any]]:
    return sorted([*sorted((*s.x, *s.y)), sorted(s.given)] for s in implications(graph))


def counts(graph: MixedGraph, _: Case) -> dict[str, Any]:
    answer = implied_independencies(graph, limit=100_000)
    pairs = {s.x + s.y for s in answer.statements}
    return {"pairs": len(pairs), "statements": len(answer.statements), "capped": not answer.complete}


def local_markov(graph: MixedGraph, _: Case) -> list[list[Any]]:
    return sorted([*s.x, sorted(s.y), sorted(s.given)] for s in implications(graph, "local_markov"))


def one_separator(graph: MixedGraph, args: Case) -> list[str] | None:
    found = nearest_separator(graph, args["x"], args["y"], required=args["must"], forbidden=args["must_not"])
    return list(found.nodes) if isinstance(found, Separator) else None


def nearest(graph: MixedGraph, args: Case) -> list[str] | None:
    found = nearest_separator(graph, args["x"], args["y"], required=args["must"], forbidden=args["must_not"])
    return list(found.nodes) if isinstance(found, Separator) else None


def all_minimal(graph: MixedGraph, args: Case) -> list[list[str]]:
    return sorted(map(sorted, all_minimal_separators(graph, args["x"], args["y"])))


def adjustment_sets(graph: MixedGraph, args: Case) -> int:
    x, y = sides(graph, args["x"], args["y"])
    causal = proper_causal_nodes(graph, x, y)
    backdoor = graph.with_edges(e for e in graph.edges if not (e.mark == "->" and e.left in x and e.right in causal))
    return len(list(all_separators(backdoor, x, y, forbidden=barred_nodes(graph, x, y, "total", frozenset()) - y)))


def tetrads(graph: MixedGraph, _: Case) -> int:
    return len(list(vanishing_tetrads(graph)))


ANSWERS = {
    "implied_independencies": missing_edges,
    "implied_independencies_count": counts,
    "basis_set_local_markov": local_markov,
    "find_minimal_separator": one_separator,
    "find_nearest_minimal_separator": nearest,
    "minimal_separators": all_minimal,
    "all_adjustment_sets_count": adjustment_sets,
    "vanishing_tetrads_count": tetrads,
}


def in_order(expected: Any) -> Any:
    """Sort what the cases list in no particular order."""
    return sorted(in_order(e) for e in expected) if isinstance(expected, list) else expected


@pytest.mark.parametrize("case", CASES, ids=[c["id"] for c in CASES])
def test_known_verdicts(case: Case) -> None:
    found, expected = ANSWERS[case["question"]](graph_of(case), case["args"]), case["expected"]
    if case["question"] in ("implied_independencies", "basis_set_local_markov"):
        expected = sorted([a, sorted(b) if isinstance(b, list) else b, sorted(z)] for a, b, z in expected)
        expected = [[*sorted((a, b)), z] if isinstance(b, str) else [a, b, z] for a, b, z in expected]
        assert found == sorted(expected)
    else:
        assert in_order(found) == in_order(expected)


def sets(statement: Statement) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    return frozenset(statement.x), frozenset(statement.y), frozenset(statement.given)


def small(rng: np.random.Generator, two_headed: float, most: int = 5) -> MixedGraph:
    observed = int(rng.integers(2, most + 1))
    latent = int(rng.integers(0, 3))
    return random_graph(rng, observed + latent, arrows=rng.uniform(0.2, 0.6), two_headed=two_headed, latent=latent)


def test_missing_edges_list_the_minimal_separators_of_every_pair() -> None:
    rng = np.random.default_rng(64)
    for _ in range(scaled(300, 3000)):
        graph = small(rng, float(rng.choice([0, 0.15])), 6)
        found = [(frozenset(s.x + s.y), frozenset(s.given)) for s in implications(graph)]
        pairs = truth.subsets(graph.observed)
        expected = {
            (pair, z)
            for pair in pairs
            if len(pair) == 2
            for z in truth.minimal_separators(
                graph, frozenset((min(pair),)), frozenset((max(pair),)), required=frozenset(), forbidden=frozenset()
            )
        }
        assert len(found) == len(set(found))
        assert set(found) == expected, graph


@pytest.mark.parametrize("two_headed", [0.0, 0.15, 0.4])
def test_the_local_markov_basis_gives_every_separation_by_semi_graphoid_axioms(two_headed: float) -> None:
    rng = np.random.default_rng(65)
    some = 0
    for _ in range(scaled(80, 1200)):
        graph = small(rng, two_headed)
        basis = [sets(s) for s in implications(graph, "local_markov")]
        assert all(is_separated_by_networkx(graph, *s) for s in basis), graph
        known = set().union(*(truth.elementary(*s) for s in basis)) if basis else set()
        implied = truth.implied_elementary(graph)
        assert truth.closure(known, graph.observed) == implied, graph
        some += bool(implied)
    assert some > 20


@pytest.mark.parametrize("two_headed", [0.0, 0.15, 0.4])
def test_pairwise_statements_give_every_separation_of_a_dag_once_composition_holds(two_headed: float) -> None:
    rng = np.random.default_rng(66)
    for _ in range(scaled(80, 1200)):
        graph = small(rng, two_headed)
        basis = [sets(s) for s in implications(graph, "pairwise")]
        assert all(is_separated_by_networkx(graph, *s) for s in basis), graph
        known = {(x | y, z) for x, y, z in basis}
        implied = truth.implied_elementary(graph)
        assert len(known) == len({pair for pair, _ in implied})
        assert truth.closure(known, graph.observed, compositional=True) == implied, graph


def test_no_implication_is_an_answer_with_its_reason() -> None:
    full = implied_independencies(MixedGraph.build([("A", "->", "B")]))
    assert (full.statements, full.complete, full.exit_code) == ((), True, 1)
    assert full.none == "every two of them are joined by an edge"
    hidden = MixedGraph.build([("U", "->", "A"), ("U", "->", "B")], latent="U")
    assert "A ← U → B stays open" in str(implied_independencies(hidden))
    assert implied_independencies(MixedGraph.build([], ["A"])).none == "fewer than two are observed"


def test_an_answer_says_whether_it_is_complete() -> None:
    chain = MixedGraph.build([("A", "->", "B"), ("B", "->", "C"), ("C", "->", "D")])
    answer = implied_independencies(chain, limit=2)
    assert not answer.complete
    assert "the first 2 independencies" in str(answer)
    assert answer.to_dict()["statements"][0] == {"x": ["A"], "y": ["C"], "given": ["B"], "text": "A ⟂ C | B"}


def test_an_unknown_basis_is_refused() -> None:
    with pytest.raises(ModelError, match="isn't a basis"):
        implications(MixedGraph.build([("A", "->", "B")]), "local")  # type: ignore[arg-type]  # a wrong name is the point
