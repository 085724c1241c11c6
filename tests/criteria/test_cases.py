"""Verdicts that papers, other tools and brute force gave, held against the engine; each case names its source."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from causalgraph.criteria.adjustment import (
    canonical_adjustment_set,
    check_adjustment,
    forbidden_nodes,
    minimal_adjustment_sets,
)
from causalgraph.criteria.optimal import optimal_adjustment_set
from causalgraph.criteria.paths import paths
from causalgraph.criteria.separation import separation
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.graphs.possible import possibly_causal_nodes
from causalgraph.graphs.relations import ancestors, markov_blanket
from causalgraph.graphs.surgery import project

Case = dict[str, Any]

FILES = ("criteria.json", "classes.json")
CASES: list[Case] = [
    case for name in FILES for case in json.loads(Path(__file__).parents[1].joinpath("cases", name).read_text("utf-8"))
]


def graph_of(case: Case) -> MixedGraph:
    facts = case["graph"]
    roles = {role: facts.get(role, ()) for role in ("latent", "selected")}
    return MixedGraph.build(map(tuple, facts["edges"]), facts["nodes"], kind=facts["kind"], **roles)


def names(value: str | Iterable[str] = ()) -> frozenset[str]:
    return frozenset((value,) if isinstance(value, str) else value)


def written(path: Any) -> list[str]:
    return [path.nodes[0], *(part for edge in path.edges for part in (edge.mark, edge.right))]


def step(triple: Any, role: str) -> list[str]:
    """Write a triple as the cases do: they call a chain through a two-headed edge a noncollider."""
    shown = "noncollider" if role == "noncollider" and triple.role == "chain" else triple.role
    return [triple.nodes[1], shown, "blocks" if triple.blocks else "passes"]


def is_separated(graph: MixedGraph, args: Case) -> bool:
    return separation(graph, names(args["x"]), names(args["y"]), given=names(args["z"])).separated


def written_paths(graph: MixedGraph, args: Case) -> list[list[str]]:
    return sorted(written(path) for path in paths(graph, names(args["x"]), names(args["y"])))


def path_count(graph: MixedGraph, args: Case) -> int:
    found = paths(graph, names(args["x"]), names(args["y"]))
    return sum(path.causal or not args["directed"] for path in found)


def only_path_is_open(graph: MixedGraph, args: Case) -> bool:
    (path,) = paths(graph, names(args["x"]), names(args["y"]), given=names(args["z"]))
    return path.open


def is_valid(graph: MixedGraph, args: Case) -> bool:
    effect = args.get("effect", "total")
    return check_adjustment(graph, names(args["x"]), names(args["y"]), names(args["z"]), effect=effect).valid


def minimal_sets(graph: MixedGraph, args: Case) -> list[list[str]]:
    required, effect = names(args.get("adjusted", ())), args.get("effect", "total")
    found = minimal_adjustment_sets(graph, names(args["x"]), names(args["y"]), required=required, effect=effect)
    return sorted(map(sorted, found))


def optimal_set(graph: MixedGraph, args: Case) -> list[str] | None:
    found = optimal_adjustment_set(graph, names(args["x"]), names(args["y"])).covariates
    return None if found is None else sorted(found)


def canonical_set(graph: MixedGraph, args: Case) -> list[str]:
    return sorted(canonical_adjustment_set(graph, names(args["x"]), names(args["y"])))


def projected_edges(graph: MixedGraph, _: Case) -> list[list[str]]:
    return sorted(list(edge) for edge in project(graph).edges)


def family(expected: list[list[str]]) -> list[list[str]]:
    return sorted(sorted(z) for z in expected)


def only_set(expected: list[list[str]]) -> list[str]:
    (only,) = expected
    return sorted(only)


def edges(expected: dict[str, list[list[str]]]) -> list[list[str]]:
    return sorted(list(Edge(*edge).canonical) for edge in expected["edges"])


def as_is(expected: Any) -> Any:
    return expected


# A question -> what the engine says, and how the expected answer is read.
QUESTIONS: dict[str, tuple[Callable[[MixedGraph, Case], object], Callable[[Any], object]]] = {
    "dsep": (is_separated, as_is),
    "paths": (written_paths, sorted),
    "paths_count": (path_count, as_is),
    "single_path_open": (only_path_is_open, as_is),
    "ancestors": (lambda graph, args: ancestors(graph, names(args["of"])), frozenset),
    "markov_blanket": (lambda graph, args: markov_blanket(graph, names(args["of"])), frozenset),
    "is_adjustment_set": (is_valid, as_is),
    "minimal_adjustment_sets": (minimal_sets, family),
    "optimal_adjustment_set": (optimal_set, lambda expected: None if expected is None else sorted(expected)),
    "canonical_adjustment_set": (canonical_set, only_set),
    "forbidden_nodes": (lambda graph, args: forbidden_nodes(graph, names(args["x"]), names(args["y"])), frozenset),
    "proper_possible_causal_nodes": (
        lambda graph, args: possibly_causal_nodes(graph, args["x"], args["y"]) | names(args["x"]),
        frozenset,
    ),
    "latent_projection": (projected_edges, edges),
}


def cases(*, with_status: bool) -> list[Any]:
    chosen = [case for case in CASES if (case["question"] == "paths_with_status") == with_status]
    return [pytest.param(case, id=case["id"]) for case in chosen]


@pytest.mark.parametrize("case", cases(with_status=False))
def test_the_engine_gives_the_published_verdict(case: Case) -> None:
    answer, read = QUESTIONS[case["question"]]
    assert answer(graph_of(case), case["args"]) == read(case["expected"]), case["source"]


@pytest.mark.parametrize("case", cases(with_status=True))
def test_each_path_has_the_published_status(case: Case) -> None:
    args = case["args"]
    found = {
        tuple(written(path)): path
        for path in paths(graph_of(case), names(args["x"]), names(args["y"]), given=names(args["z"]))
    }
    assert sorted(found) == sorted(tuple(row["path"]) for row in case["expected"])
    for row in case["expected"]:
        path = found[tuple(row["path"])]
        assert path.open == row["open"], row
        roles = [role for _, role, _ in row["triples"]]
        assert [step(t, role) for t, role in zip(path.triples, roles, strict=True)] == row["triples"]


def test_every_case_is_asked() -> None:
    assert {case["question"] for case in CASES} == {*QUESTIONS, "paths_with_status"}
