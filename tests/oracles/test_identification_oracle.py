"""The two decisions of identifiability agree with each other, with the known verdicts, and with exact effects."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from oracles.identification import Hedge, identify, locally_identified, plain, random_joint, value
from strategies import random_disjoint, scaled

CASES = Path(__file__).parents[1] / "cases" / "identification.json"
EXACT = 1e-9


def random_plain(rng, size, arrows, arcs):
    nodes = [f"V{i}" for i in range(size)]
    pairs = [(a, b) for i, a in enumerate(nodes) for b in nodes[i + 1 :]]
    return plain(nodes, [p for p in pairs if rng.random() < arrows], [p for p in pairs if rng.random() < arcs])


def test_every_expression_equals_the_effect_in_a_random_model():
    rng = np.random.default_rng(3)
    yes = no = 0
    for _ in range(scaled(200, 8000)):
        graph = random_plain(rng, int(rng.integers(3, 8)), 0.4, rng.choice([0.15, 0.3]))
        x, y, z = random_disjoint(rng, graph.order, (1, 2), (1, 2), (0, 2))
        found = identify(graph, x, y, z)
        if isinstance(found, Hedge):
            no += 1
            continue
        yes += 1
        joint, truth = random_joint(rng, graph, x, y, z)
        assert np.abs(value(found, graph, joint) - truth).max() < EXACT, (graph, x, y, z)
    assert min(yes, no) > (yes + no) / 8


def test_the_algorithm_and_the_rank_agree_on_small_graphs():
    rng = np.random.default_rng(5)
    verdicts = {True: 0, False: 0}
    for _ in range(scaled(30, 1500)):
        graph = random_plain(rng, int(rng.integers(2, scaled(5, 6))), 0.55, 0.35)
        if len(graph.arcs) > scaled(3, 4):
            continue
        x, y, z = random_disjoint(rng, graph.order, (1, 2), (1, 2), (0, 1))
        identified = not isinstance(identify(graph, x, y, z), Hedge)
        assert locally_identified(rng, graph, x, y, z) == identified, (graph, x, y, z)
        verdicts[identified] += 1
    assert min(verdicts.values()) > scaled(3, 200)


def test_every_hedge_is_one_by_its_definition():
    rng = np.random.default_rng(7)
    for _ in range(scaled(200, 8000)):
        graph = random_plain(rng, int(rng.integers(2, 9)), 0.4, 0.3)
        x, y, z = random_disjoint(rng, graph.order, (1, 2), (1, 2), (0, 2))
        found = identify(graph, x, y, z)
        if not isinstance(found, Hedge):
            continue
        big, small = graph.only(found.big), graph.only(found.small)
        roots = {v for v in small.order if not any(a == v for a, _ in small.arrows)}
        assert found.small < found.big
        assert big.c_components() == [found.big]
        assert small.c_components() == [found.small]
        assert big.ancestors(roots) == found.big
        assert found.big & found.x
        assert not found.small & found.x
        assert roots <= graph.without_into(found.x).ancestors(found.y)


@pytest.mark.skipif(not CASES.exists(), reason="the case file isn't there")
def test_the_algorithm_gives_every_known_verdict():
    cases = json.loads(CASES.read_text(encoding="utf-8"))
    for case in cases:
        graph = plain(case["nodes"], case["directed"], case["bidirected"])
        query = case["query"]
        found = identify(graph, query["treatments"], query["outcomes"], query["conditions"])
        assert (not isinstance(found, Hedge)) == case["identifiable"], case["id"]
