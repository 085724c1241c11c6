"""FCI and RFCI by oracle against PAGs that other programs and enumeration agree on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from causalgraph.discover.fci import fci
from causalgraph.discover.rfci import rfci
from causalgraph.graphs.marks import CIRCLE, marks_of
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.independence.oracle import oracle
from strategies import scaled

CASES = json.loads(Path(__file__).parents[1].joinpath("cases", "discovery_pag.json").read_text("utf-8"))
BY_ID = {case["id"]: case for case in CASES}


def truth(case):
    nodes = [*case["observed"], *case["latent"], *case["selection"]]
    edges = [(a, "->", b) for a, b in case["dag_edges"]]
    return MixedGraph.build(edges, nodes, latent=case["latent"], selected=case["selection"])


def listed(edges):
    return {Edge(*e).canonical for e in edges}


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_known_pags(case):
    found = fci(oracle(truth(case)), 0.5, selection=bool(case["selection"]))
    assert set(found.graph.edges) == listed(case["expected_edges"])
    assert found.valid
    assert not found.conflicts
    assert not found.partial


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES[:: scaled(4, 1)]])
def test_known_pags_whatever_the_policy_and_the_rule_for_colliders(case):
    asked = oracle(truth(case))
    for options in (
        {"possible_d_sep": "between"},
        {"colliders": "conservative"},
        {"colliders": "majority"},
        {"colliders": "max-p", "possible_d_sep": "between"},
    ):
        assert set(fci(asked, 0.5, **options).graph.edges) == listed(case["expected_edges"])


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_the_marks_of_rfci_are_those_of_the_pag_or_circles(case):
    found = rfci(oracle(truth(case)), 0.5, selection=bool(case["selection"]))
    expected = marks_of(MixedGraph.build(listed(case["expected_edges"]), case["observed"], kind="pag"))
    marks = marks_of(found.graph)
    assert expected.keys() <= marks.keys()
    assert all(marks[place] in (mark, CIRCLE) for place, mark in expected.items() if mark != CIRCLE)
    assert found.valid or marks.keys() != expected.keys()


def test_rfci_cuts_an_edge_of_a_path_that_discriminates_no_node():
    case = BY_ID["pcalg-rfci-big"]
    found = rfci(oracle(truth(case)), 0.5, selection=False)
    assert set(found.graph.edges) == listed(case["expected_edges"])
    assert found.skeleton.separators[frozenset(("18", "19"))].best == ("15", "16", "17")


@pytest.mark.parametrize("name", ["rand-pag-small-025", "rand-pag-099"])
def test_an_edge_that_a_peer_draws_undirected_is_of_circles_where_no_rule_5_holds(name):
    case = BY_ID[name]
    (peer,) = (edges for by, edges in case["peer_outputs_that_differ"].items() if by.startswith("causal-learn"))
    for selection in (True, False):
        found = fci(oracle(truth(case)), 0.5, selection=selection).graph
        assert not any("--" in edge.mark for edge in found.edges)
    assert any(mark == "--" for _, mark, _ in peer)


@pytest.mark.parametrize("name", ["causallearn-fcidata-1", "causallearn-fcidata-10"])
def test_tails_that_a_peer_misses_are_set_by_rules_8_to_10(name):
    case = BY_ID[name]
    found = fci(oracle(truth(case)), 0.5, selection=False)
    missed = set(found.graph.edges) - listed(case["published_edges"])
    assert missed
    assert {found.marks[edge.left, edge.right].rule for edge in missed} <= {"R8", "R9", "R10"}


def test_a_tail_that_a_peer_draws_without_reason_is_a_circle():
    case = BY_ID["pcalg-rfci-big"]
    found = set(fci(oracle(truth(case)), 0.5, selection=False).graph.edges)
    (peer,) = (edges for by, edges in case["peer_outputs_that_differ"].items() if by.startswith("tetrad"))
    assert Edge("18", "->", "24") in listed(peer)
    assert Edge("18", "o->", "24") in found


def test_a_two_headed_edge_that_a_peer_keeps_goes_by_possible_d_sep():
    case = BY_ID["pcalg-rfci-big"]
    asked = oracle(truth(case))
    (peer,) = (edges for by, edges in case["peer_outputs_that_differ"].items() if by.startswith("tetrad"))
    assert Edge("18", "<->", "19") in listed(peer)
    assert frozenset(("18", "19")) in fci(asked, 0.5).skeleton.separators
    kept = fci(asked, 0.5, possible_d_sep="none")
    assert "18" in kept.graph.adjacent["19"]
    assert kept.partial == ("no edge was tested given possible-d-sep sets: there may be edges too many",)
