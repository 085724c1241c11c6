"""CPDAGs that several programs agree on, by oracle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from causalgraph.discover.colliders import RULES, Colliders
from causalgraph.discover.pc import orient_pc
from causalgraph.discover.skeleton import skeleton
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.independence.oracle import oracle
from strategies import scaled

CASES: list[dict[str, Any]] = json.loads(
    Path(__file__).parents[1].joinpath("cases", "discovery_cpdag.json").read_text("utf-8")
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_cpdag_is_the_expected_one(case: dict[str, Any]) -> None:
    if len(case["observed"]) > scaled(20, 1_000):
        pytest.skip("takes long")
    graph = MixedGraph.build([(a, "->", b) for a, b in case["dag_edges"]], case["observed"])
    asked = oracle(graph)
    edges = skeleton(asked, 0.05)
    expected = MixedGraph.build(map(tuple, case["expected_edges"]), case["observed"], kind="cpdag")
    for rule in RULES if len(graph.nodes) <= 20 else ("standard",):
        found = orient_pc(edges, Colliders(edges, asked, 0.05, rule))
        assert found.valid
        assert found.graph == expected
