"""From data of any kind to one graph: the truth by oracle, the same whatever holds the data."""

from __future__ import annotations

import re
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import causalgraph as cg
from causalgraph.data.opening import open_source
from causalgraph.discover.doors import DOORS as BY_NAME
from causalgraph.discover.doors import fci, oracle, pc, rfci
from causalgraph.graphs.equivalence import cpdag
from causalgraph.graphs.zhang import pag
from causalgraph.progress import watched
from causalgraph.variables import Variable
from frames import MADE
from oracles.searching import hiding
from strategies import random_graph, scaled

DOORS = tuple(BY_NAME.values())


def linear(rng, size=6, rows=500):
    """Return rows of a random linear system."""
    weights = np.triu(rng.uniform(0.4, 1, (size, size)) * (rng.random((size, size)) < 0.4), 1)
    values = rng.normal(size=(rows, size)) @ np.linalg.inv(np.eye(size) - weights)
    return pd.DataFrame(values, columns=[f"V{k}" for k in rng.permutation(size)])


def levels(rng, rows=800):
    a, b = rng.integers(0, 3, (2, rows))
    c = (a + b + (rng.random(rows) < 0.2)) % 3
    d = np.where(rng.random(rows) < 0.7, c, rng.integers(0, 3, rows))
    return pd.DataFrame({"A": a, "B": b, "C": c, "D": d})


def test_by_oracle_pc_finds_the_class_and_fci_the_pag():
    rng = np.random.default_rng(101)
    for _ in range(scaled(40, 2000)):
        dag = random_graph(rng, int(rng.integers(1, 8)), arrows=float(rng.uniform(0.1, 0.7)), two_headed=0)
        found = pc(oracle(dag), colliders=("standard", "conservative", "majority", "max-p")[int(rng.integers(4))])
        assert found.graph == cpdag(dag)
        assert found.valid
        assert not found.partial
        hidden = hiding(rng, int(rng.integers(2, 7)), latent=int(rng.integers(0, 3)), selected=int(rng.integers(0, 2)))
        found = fci(oracle(hidden))
        assert found.graph == pag(hidden)
        assert found.valid


def test_an_oracle_is_made_of_a_graph_a_model_or_what_was_found():
    model = cg.parse("A -> C <- B; C -> D")
    first = pc(oracle(model))
    assert first.graph == pc(oracle(model.graph)).graph == pc(oracle(first)).graph == cpdag(model.graph)
    with pytest.raises(cg.ModelError) as caught:
        oracle("A -> B")
    assert caught.value.code == "E137"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("rows", [linear, levels])
def test_every_engine_gives_the_same_graph(door, rows):
    data = rows(np.random.default_rng(102))
    first = door(data)
    table = pa.Table.from_pandas(data)
    for made in MADE.values():
        other = door(made(table))
        assert other.graph == first.graph
        assert other.skeleton.tests == first.skeleton.tests


@pytest.mark.parametrize("door", DOORS)
def test_rows_a_file_moments_and_a_matrix_give_the_same_graph(door, tmp_path):
    rng = np.random.default_rng(103)
    for _ in range(scaled(5, 100)):
        data = linear(rng)
        data.to_parquet(tmp_path / "rows.parquet")
        moments = open_source(data).moments([Variable(name) for name in data.columns])
        graphs = {door(one).graph for one in (data, tmp_path / "rows.parquet", moments, (data.corr(), len(data)))}
        assert len(graphs) == 1


@pytest.mark.parametrize("door", DOORS)
def test_the_order_of_columns_changes_nothing(door):
    rng = np.random.default_rng(104)
    for _ in range(scaled(10, 300)):
        for rows in (linear(rng, 7, 80), levels(rng, 200)):
            found = door(rows, 0.1)
            other = door(rows[rng.permutation(rows.columns)], 0.1)
            assert other.to_dict() == found.to_dict()
            assert other.text() == found.text()


def test_knowledge_is_kept_and_told():
    data = linear(np.random.default_rng(105))
    known = {"tiers": [["V5"], ["V0", "V1"]], "forbidden": [("V2", "V3"), ("V3", "V2")], "required": [("V5", "V4")]}
    for door in DOORS:
        found = door(data, **known)
        edges = {(e.left, e.right): e.mark for e in found.graph.edges}
        assert edges["V5", "V4"] == "->"
        assert not {("V2", "V3"), ("V3", "V2")} & edges.keys()
        assert "tier 1: V5\ntier 2: V0, V1" in found.text()
        read = cg.parse(found.text())
        assert (read.graph, read.knowledge) == (found.graph, found.settings.knowledge)
        assert found.to_dict()["forbidden"] == [["V2", "V3"], ["V3", "V2"]]
        assert "forbidden V2 -> V3" in str(found.explain("V3", "V2"))
        assert "required V5 -> V4" in str(found.explain("V4", "V5"))


def test_a_cap_of_depth_is_told_as_unfinished():
    graph = cg.graph("A -> M1, M2; M1, M2 -> B; B -> D")
    for door in DOORS:
        whole, capped = door(oracle(graph)), door(oracle(graph), depth=1)
        assert not whole.partial
        assert capped.partial
        assert "sets of more than 1 weren't to be tried" in str(capped)
        assert "# unfinished: sets of more than 1" in capped.text()
        assert capped.to_dict()["partial"] is True


def test_a_function_decides_by_names_of_the_data():
    graph = cg.graph("A -> C <- B; C -> D")
    asked = oracle(graph)

    def mine(i, j, given):
        place = asked.variables.index
        return asked.test(place(i), place(j), [place(k) for k in given]).p

    for door in DOORS:
        assert door(mine, variables=["D", "C", "B", "A"]).graph == door(asked).graph
        assert door(mine, variables=["D", "C", "B", "A"]).settings.test == "mine"


def test_columns_that_tell_the_same_are_named():
    data = linear(np.random.default_rng(106)).assign(Twin=lambda d: 2 * d["V0"])
    assert "V0 is a linear function" in str(pc(data)) or "Twin is a linear function of V0" in str(pc(data))
    counted = levels(np.random.default_rng(107)).assign(Twin=lambda d: d["A"].map({0: "x", 1: "y", 2: "z"}))
    assert "A and Twin tell the same" in str(pc(counted))


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("alpha", [0, 1, -0.1, 1.5, float("nan")])
def test_alpha_lies_between_0_and_1(door, alpha):
    with pytest.raises(cg.ModelError) as caught:
        door(oracle(cg.graph("A -> B")), alpha)
    assert caught.value.code == "E134"


@pytest.mark.parametrize(
    ("door", "more", "code"),
    [
        (pc, {"depth": -1}, "E134"),
        (pc, {"depth": 1.5}, "E134"),
        (fci, {"longest": 0}, "E134"),
        (fci, {"possible_d_sep": "some"}, "E134"),
        (pc, {"colliders": "maxp"}, "E133"),
        (rfci, {"tiers": [["A"], ["A"]]}, "E131"),
        (rfci, {"forbidden": [("A", "Q")]}, "E132"),
        (pc, {"required": ["AB"]}, "E130"),
        (pc, {"n": 100, "weight": "W"}, "E135"),
    ],
)
def test_a_setting_that_cannot_be_is_an_error_with_a_code(door, more, code):
    with pytest.raises(cg.ModelError) as caught:
        door(oracle(cg.graph("A -> B")), **more)
    assert caught.value.code == code


class Impatient:
    """A test that Ctrl-C ends when it is asked for the k-th time."""

    def __init__(self, graph, last):
        self.asked, self.last, self.calls = oracle(graph), last, 0

    def __call__(self, i, j, given):
        self.calls += 1
        if self.calls == self.last:
            raise KeyboardInterrupt
        place = self.asked.variables.index
        return self.asked.test(place(i), place(j), [place(k) for k in given]).p


# The path A, C, D, B discriminates D; A and B are cut given C alone.
BEHIND = "A -> C; C -> B, D; D -> B; L1 -> A, D; L2 -> C, E; E -> B"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("text", ["A -> C <- B; C -> D", BEHIND])
def test_ctrl_c_at_any_test_returns_what_is_known_and_says_where_it_stopped(door, text):
    graph = cg.graph(text)
    names = [name for name in graph.nodes if not name.startswith("L")]
    whole = door(Impatient(graph, 0), variables=names)
    for last in range(1, whole.skeleton.tests + 1):
        asked = Impatient(graph, last)
        found = door(asked, variables=names)
        assert asked.calls >= last
        assert found.partial
        assert found.interrupted
        assert any("interrupted" in why for why in found.unfinished)
        assert "⚠ unfinished: " in str(found)
        assert "# unfinished: " in found.text()
        assert found.to_dict()["partial"] is True
        # Edges only ever go: what is known by then has all that are found in the end.
        assert {*whole.skeleton.edges} <= {*found.skeleton.edges}
    assert not whole.partial
    assert not whole.interrupted


def test_a_cap_is_no_interruption():
    found = pc(oracle(cg.graph("A -> M1, M2; M1, M2 -> B")), depth=1)
    assert found.partial
    assert not found.interrupted


@pytest.mark.parametrize("door", DOORS)
def test_whoever_watches_is_told_of_each_level(door):
    said = []

    @contextmanager
    def told(what):
        said.append(what)
        yield

    with watched(told):
        found = door(linear(np.random.default_rng(107)))
    levels_told = [re.fullmatch(r"level (\d): ([\d,]+) edges left, ([\d,]+) tests", what) for what in said]
    numbers = [tuple(int(n.replace(",", "")) for n in match.groups()) for match in levels_told if match]
    assert [depth for depth, _, _ in numbers] == list(range(len(numbers)))
    assert numbers[0] == (0, 15, 0)
    made = [tests for _, tests, _ in found.skeleton.levels]
    for k, (_, edges, tests) in enumerate(numbers[1:], 1):
        assert edges == found.skeleton.levels[k - 1][2]
        assert tests == sum(made[:k])


def test_the_file_of_a_graph_that_isnt_valid_says_so_in_its_title():
    found = fci(oracle(cg.graph("A -> B <- C")), required=[("B", "A")])
    assert not found.valid
    assert cg.parse(found.text()).title == "Found by fci: tests contradict one another"
