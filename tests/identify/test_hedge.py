"""A hedge holds by its definition; what was altered in it doesn't."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.identify.general import general
from causalgraph.identify.hedge import Hedge, is_hedge
from causalgraph.identify.strategies import question
from oracles.hedges import has_hedge
from oracles.projection import projection
from strategies import random_disjoint, random_graph, scaled

BOW = MixedGraph.build([("X", "->", "Y"), ("X", "<->", "Y"), ("Y", "->", "Z"), ("Z", "<->", "W")])


def bow() -> Hedge:
    found = general(question(BOW, "X", "Y"))
    assert isinstance(found, Hedge)
    return found


def test_the_hedge_of_the_bow() -> None:
    found = bow()
    assert found.forest == ("X", "Y")
    assert found.inner == found.roots == ("Y",)
    assert found.treatments == ("X",)
    assert found.two_headed == (Edge("X", "<->", "Y"),)
    assert found.arrows == (Edge("X", "->", "Y"),)
    assert "X <-> Y holds {X, Y} together" in found.reason
    assert is_hedge(BOW, "X", "Y", found) == []


@pytest.mark.parametrize(
    "change",
    [
        {"forest": ("Y",)},
        {"forest": ("X", "Y", "Z")},
        {"inner": ("X", "Y")},
        {"inner": ()},
        {"inner": ("X",)},
        {"roots": ("X",)},
        {"roots": ()},
        {"roots": ("Z",)},
        {"treatments": ()},
        {"treatments": ("Y",)},
        {"arrows": ()},
        {"arrows": (Edge("Y", "->", "X"),)},
        {"two_headed": ()},
        {"two_headed": (Edge("X", "<->", "Z"),)},
        {"two_headed": (Edge("W", "<->", "Z"),)},
    ],
)
def test_an_altered_hedge_is_none(change: dict[str, tuple[object, ...]]) -> None:
    assert is_hedge(BOW, "X", "Y", replace(bow(), **change))  # type: ignore[arg-type]  # the keys are its fields


def test_a_hedge_for_one_effect_is_none_for_another() -> None:
    assert is_hedge(BOW, "Y", "Z", bow())
    assert is_hedge(BOW, "X", "W", bow())


def test_with_conditions_the_hedge_is_one_for_the_joint_effect() -> None:
    graph = MixedGraph.build([("X", "->", "W"), ("X", "<->", "W"), ("Y", "->", "W")])
    found = general(question(graph, "X", "Y", "W"))
    assert isinstance(found, Hedge)
    assert (found.x, found.y, found.given) == (("X",), ("W", "Y"), ("W",))
    assert is_hedge(graph, found.x, found.y, found) == []


def test_hedges_on_random_graphs_keep_to_the_definition() -> None:
    rng = np.random.default_rng(1)
    met = 0
    for _ in range(scaled(400, 10_000)):
        graph = random_graph(rng, int(rng.integers(2, 8)), arrows=0.4, two_headed=0.35, latent=int(rng.integers(0, 2)))
        if len(graph.observed) < 2:
            continue
        x, y, w = random_disjoint(rng, graph.observed, (1, 2), (1, 2), (0, 2))
        found = general(question(graph, x, y, w))
        if isinstance(found, Hedge):
            met += 1
            assert is_hedge(graph, found.x, found.y, found) == []
            if len(graph.observed) < 6:
                assert has_hedge(projection(graph), frozenset(found.x), frozenset(found.y))
    assert met > 40
