"""What comes again when the data are drawn anew: held against rows that pandas draws, and against theory."""

from __future__ import annotations

import json
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import causalgraph as cg
from causalgraph.answers import Answer
from causalgraph.data.opening import open_source
from causalgraph.discover import drawing
from causalgraph.discover import stability as module
from causalgraph.independence.base import Tested
from causalgraph.progress import watched
from causalgraph.render.text import plain
from causalgraph.variables import Variable
from frames import MADE
from strategies import scaled


def chain(rng, rows=300, strength=0.6):
    """Return A -> B -> C, and D apart."""
    a, d = rng.normal(size=(2, rows))
    b = strength * a + rng.normal(size=rows)
    return pd.DataFrame({"A": a, "B": b, "C": strength * b + rng.normal(size=rows), "D": d})


def levels(rng, rows=400):
    a, d = rng.integers(0, 2, (2, rows))
    b = a ^ (rng.random(rows) < 0.3)
    c = np.where(rng.random(rows) < 0.6, b, rng.integers(0, 3, rows))
    return pd.DataFrame({"A": a, "B": b.astype(int), "C": c, "D": d})


def shares(answer):
    return {(p.a, p.b): p.edge for p in answer.pairs}


def naive(data, replicates, seed, **settings):
    """Draw rows by pandas, search each time, and count edges."""
    often = {}
    for k in range(replicates):
        drawn = data.sample(len(data), replace=True, random_state=seed + k, ignore_index=True)
        for edge in cg.pc(drawn, **settings).graph.edges:
            pair = tuple(sorted((edge.left, edge.right)))
            often[pair] = often.get(pair, 0) + 1
    return {pair: many / replicates for pair, many in often.items()}


@pytest.mark.parametrize(("make", "by"), [(chain, "rows"), (levels, "cells")])
def test_frequencies_are_those_of_rows_that_pandas_draws(make, by):
    many = scaled(100, 2000)
    for seed in range(scaled(1, 5)):
        data = make(np.random.default_rng(seed), 150)
        settings = {"alpha": 0.05, "variables": [Variable(c, "categorical") for c in data]} if by == "cells" else {}
        ours = cg.stability(data, replicates=many, seed=seed, **settings)
        assert (ours.by, ours.replicates, ours.failed) == (by, many, 0)
        told, theirs = shares(ours), naive(data, many, 1000 * seed, **settings)
        for pair in told.keys() | theirs.keys():
            one, two = told.get(pair, 0.0), theirs.get(pair, 0.0)
            middle = (one + two) / 2
            assert abs(one - two) <= 4.5 * np.sqrt(2 * max(middle * (1 - middle), 1 / many) / many), pair


def test_a_strong_edge_comes_again_and_one_of_noise_as_often_as_theory_says():
    # The data's z is normal about 0, a replicate's about the data's: |z| is above 2.58 in 6.9 of 100 on average.
    nulls, matrices = [], []
    for seed in range(scaled(20, 600)):
        rng = np.random.default_rng(seed)
        data = chain(rng, 200, 2.0)
        found = cg.stability(data, replicates=25, seed=seed, depth=0)
        assert found.frequency("A", "B").edge == found.frequency("B", "C").edge == 1
        nulls.append(np.mean([found.frequency("D", name).edge for name in "ABC"]))
        drawn = cg.stability((data.corr(), 200), replicates=25, seed=seed, depth=0)
        matrices.append(np.mean([drawn.frequency("D", name).edge for name in "ABC"]))
    assert np.mean(nulls) == pytest.approx(0.069, abs=4 * np.std(nulls) / np.sqrt(len(nulls)) + 0.005)
    assert np.mean(matrices) == pytest.approx(0.069, abs=4 * np.std(matrices) / np.sqrt(len(matrices)) + 0.005)


def test_rows_and_wishart_agree_on_normal_data_and_not_on_heavy_tails():
    many = scaled(100, 1000)
    rng = np.random.default_rng(3)
    data = chain(rng, 400, 0.2)
    rows = cg.stability(data, replicates=many, seed=1)
    matrix = cg.stability((data.corr(), len(data)), replicates=many, seed=1)
    assert (rows.by, matrix.by) == ("rows", "Wishart: assumes normality")
    for pair in shares(rows).keys() | shares(matrix).keys():
        one, two = shares(rows).get(pair, 0.0), shares(matrix).get(pair, 0.0)
        assert one == pytest.approx(two, abs=0.2), pair
    # Both tails come together, though A and B aren't correlated: rows vary far more than the normal law knows.
    size = rng.standard_t(5, size=2000)
    wild = pd.DataFrame({name: size * rng.choice([-1, 1], 2000) for name in "AB"})
    by_rows = drawing.of_rows(open_source(wild), [Variable("A"), Variable("B")])
    by_matrix = drawing.of_matrix(cg.pc(wild).test)
    heavy, light = (np.std([draw(rng).correlation[0, 1] for _ in range(300)]) for draw in (by_rows, by_matrix))
    assert heavy > 1.3 * light


def test_a_wishart_matrix_has_the_mean_and_the_variance_of_its_law():
    matrix = np.array([[1, 0.5, 0.5], [0.5, 1, 0.5], [0.5, 0.5, 1]])
    draw = drawing.of_matrix(cg.pc((matrix, 50), variables=["A", "B", "C"]).test)
    rng = np.random.default_rng(4)
    z = np.arctanh([draw(rng).correlation[0, 1] for _ in range(2000)])
    assert z.mean() == pytest.approx(np.arctanh(0.5) + 0.5 / (2 * 49), abs=4 / np.sqrt(47 * 2000))
    assert z.std() == pytest.approx(1 / np.sqrt(47), rel=0.1)


@pytest.mark.parametrize("n", [6, 40])
def test_a_singular_matrix_and_few_observations_are_no_special_case(n):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(300, 7))
    data = pd.DataFrame(x, columns=list("ABCDEFG")).assign(Twin=x[:, 0])
    found = cg.stability((data.corr(), n), replicates=20)
    assert found.replicates == 20
    assert found.frequency("A", "Twin").edge == 1


@pytest.mark.parametrize("make", [chain, levels])
@pytest.mark.parametrize("algorithm", ["pc", "fci", "rfci"])
def test_a_seed_makes_the_same_numbers_whatever_holds_the_data(make, algorithm):
    rng = np.random.default_rng(6)
    data = make(rng, 120)
    first = cg.stability(data, algorithm, 15, 7, alpha=0.1)
    assert cg.stability(data, algorithm, 15, 7, alpha=0.1).to_dict() == first.to_dict()
    shuffled = data.sample(len(data), random_state=1, ignore_index=True)[rng.permutation(data.columns)]
    assert shares(cg.stability(shuffled, algorithm, 15, 7, alpha=0.1)) == shares(first)
    for made in MADE.values():
        assert shares(cg.stability(made(pa.Table.from_pandas(data)), algorithm, 15, 7, alpha=0.1)) == shares(first)
    others = {
        json.dumps(cg.stability(data, algorithm, 15, seed, alpha=0.1).to_dict()["frequencies"]) for seed in (8, 9)
    }
    assert json.dumps(first.to_dict()["frequencies"]) not in others


def test_the_first_replicates_are_the_same_however_many_follow():
    data = chain(np.random.default_rng(8), 80, 0.3)
    few, many = (cg.stability(data, replicates=k, seed=1) for k in (5, 6))
    for pair, share in shares(few).items():
        assert round(share * 5) <= round(shares(many)[pair] * 6) <= round(share * 5) + 1


def test_looks_of_a_pair_add_up_to_its_edge():
    data = levels(np.random.default_rng(9), 150)
    for algorithm in ("pc", "fci"):
        found = cg.stability(data, algorithm, 40, alpha=0.1, test="g2")
        for pair in found.pairs:
            assert sum(share for _, share in pair.marks) == pytest.approx(pair.edge)
            assert [share for _, share in pair.marks] == sorted((s for _, s in pair.marks), reverse=True)
            if pair.found is not None:
                assert pair.as_found <= pair.edge
        joined = {frozenset((e.left, e.right)) for e in found.found.graph.edges}
        assert {frozenset((p.a, p.b)) for p in found.pairs if p.found} == joined
        assert found.valid <= found.replicates


def test_the_graph_of_the_data_is_what_the_algorithm_finds():
    data = chain(np.random.default_rng(10))
    for algorithm, door in (("pc", cg.pc), ("fci", cg.fci), ("rfci", cg.rfci)):
        known = {"alpha": 0.05, "tiers": [["A"], ["B", "C", "D"]], "depth": 1}
        found = cg.stability(data, algorithm, 3, **known)
        assert found.found.to_dict() == door(data, **known).to_dict()
        assert all(mark == "->" for pair in found.pairs if pair.a == "A" for mark, _ in pair.marks) or algorithm != "pc"


def test_weights_that_count_are_as_good_as_rows():
    data = levels(np.random.default_rng(11), 200)
    together = data.value_counts().reset_index(name="W")
    assert shares(cg.stability(together, weight="W", replicates=30)) == shares(cg.stability(data, replicates=30))
    numbers = chain(np.random.default_rng(12), 200).round(0)
    counted = numbers.value_counts().reset_index(name="W")
    one = cg.stability(numbers, test="fisher-z", replicates=100)
    two = cg.stability(counted, weight="W", test="fisher-z", replicates=100)
    assert one.found.graph == two.found.graph
    assert one.found.settings.n == two.found.settings.n
    for pair in shares(one).keys() | shares(two).keys():
        assert shares(one).get(pair, 0) == pytest.approx(shares(two).get(pair, 0), abs=0.25)


def test_levels_that_are_numbers_count_as_numbers():
    data = levels(np.random.default_rng(13), 200)
    data["C"] = data["C"].map({0: 1, 1: 5, 2: 6})
    found = cg.stability(data, test="fisher-z", replicates=3)
    draw = drawing.of_rows(open_source(data), [Variable(name) for name in data])
    drawn = np.mean([draw(np.random.default_rng(k)).correlation for k in range(300)], axis=0)
    assert found.by == "rows"
    assert drawn == pytest.approx(data.corr().to_numpy(), abs=0.02)


def test_moments_counts_and_tables_are_enough():
    numbers, words = chain(np.random.default_rng(14)), levels(np.random.default_rng(15))
    moments = open_source(numbers).moments([Variable(name) for name in numbers])
    assert cg.stability(moments, replicates=5).by.startswith("Wishart")
    counts = open_source(words).counts([Variable(name) for name in words])
    assert shares(cg.stability(counts, replicates=5)) == shares(cg.stability(words, replicates=5))
    table = np.zeros((2, 2, 3, 2), dtype=int)
    np.add.at(table, tuple(words[name] for name in words), 1)
    assert shares(cg.stability(table, variables=list("ABCD"), replicates=5)) == shares(
        cg.stability(words, replicates=5)
    )


def test_rows_beyond_memory_are_drawn_by_their_matrix_and_it_says_so(monkeypatch):
    data = chain(np.random.default_rng(16), 100)
    monkeypatch.setattr(drawing, "MOST_NUMBERS", 100)
    found = cg.stability(data, replicates=5)
    assert found.by == "Wishart: assumes normality"
    assert "100 rows are too many to be drawn one by one" in str(found)
    assert "# replicates: 5, by Wishart: assumes normality\n" in found.text()


@pytest.mark.parametrize(
    ("data", "settings"),
    [
        (cg.oracle(cg.graph("A -> B")), {}),
        (lambda *_: 0.5, {"variables": ["A", "B"]}),
        (pd.DataFrame({"A": [1, 2.5], "B": [2, 1.5]}), {"test": lambda *_: 0.5}),
    ],
)
def test_what_holds_no_observations_is_refused_with_the_reason(data, settings):
    with pytest.raises(cg.DataError) as caught:
        cg.stability(data, **settings)
    assert caught.value.code == "E325"
    assert "drawn anew" in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"algorithm": "ges"}, "E134"),
        ({"replicates": 0}, "E134"),
        ({"replicates": 2.5}, "E134"),
        ({"seed": -1}, "E219"),
        ({"seed": "x"}, "E219"),
        ({"alpha": 2}, "E134"),
        ({"alphas": 0.1}, "E135"),
    ],
)
def test_a_setting_that_cannot_be_is_an_error_with_a_code(settings, code):
    with pytest.raises(cg.ModelError) as caught:
        cg.stability(chain(np.random.default_rng(17), 50), **settings)
    assert caught.value.code == code


def test_replicates_in_which_a_variable_does_not_vary_are_told_and_left_out():
    data = levels(np.random.default_rng(18), 60)
    data["R"] = (np.arange(60) == 0).astype(int)
    found = cg.stability(data, replicates=60, alpha=0.1, test="g2")
    # One row of 60 is missing in (59/60)^60 = 36% of the replicates.
    assert 10 <= found.failed <= 34
    assert found.replicates + found.failed == 60
    assert not found.interrupted
    assert f"{found.failed} replicates couldn't be searched, such as one with R takes one value only" in str(found)


def test_edges_with_few_replicates_are_told():
    for seed in range(200):
        found = cg.stability(chain(np.random.default_rng(seed), 100, 0.25), replicates=20, seed=seed)
        if found.doubtful and found.missed:
            break
    assert all(pair.edge < 0.5 for pair in found.doubtful)
    assert all(pair.found is None for pair in found.missed)
    assert "few replicates: " in str(found)
    assert "not found: an edge of " in str(found)
    assert "# few replicates: " in found.text()


def test_ctrl_c_keeps_the_replicates_that_are_done(monkeypatch):
    data = chain(np.random.default_rng(19), 100)
    door, calls = cg.pc, []

    def impatient(test, **settings):
        calls.append(0)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return door(test, **settings)

    monkeypatch.setattr(module, "DOORS", {"pc": impatient})
    found = cg.stability(data, replicates=50, seed=3)
    assert (found.replicates, found.asked, found.interrupted, found.partial) == (4, 50, True, True)
    assert "interrupted after 4 of 50 replicates" in str(found)
    assert "# unfinished: interrupted after 4 of 50 replicates\n" in found.text()
    assert found.to_dict()["unfinished"] == ["interrupted after 4 of 50 replicates"]
    monkeypatch.undo()
    assert shares(found) == shares(cg.stability(data, replicates=4, seed=3))


def test_a_replicate_that_was_cut_short_does_not_count(monkeypatch):
    data = chain(np.random.default_rng(20), 100)
    levels_made = []
    real = drawing.FisherZ.level

    def level(self, adjacent, testable, depth, alpha):
        levels_made.append(depth)
        if len(levels_made) == 8:
            raise KeyboardInterrupt
        return real(self, adjacent, testable, depth, alpha)

    monkeypatch.setattr(drawing.FisherZ, "level", level)
    found = cg.stability(data, replicates=50)
    assert found.interrupted
    assert len(levels_made) == 8
    assert found.replicates == levels_made.count(0) - 1 - (levels_made[-1] >= 0)


def test_ctrl_c_in_the_first_search_leaves_what_it_found(monkeypatch):
    def level(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(drawing.FisherZ, "level", level)
    found = cg.stability(chain(np.random.default_rng(21), 100), replicates=5)
    assert (found.replicates, found.pairs, found.frequency("A", "B").edge) == (0, (), None)
    assert found.interrupted
    assert "interrupted after 0 of 5 replicates" in str(found)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["partial"] is True
    assert "frequency" not in found.text()


def test_whoever_watches_is_told_how_many_replicates_there_were():
    said = []

    @contextmanager
    def told(what):
        said.append(what)
        yield

    data = chain(np.random.default_rng(22), 50)
    with watched(told):
        cg.stability((data.corr(), 50), replicates=3)
    assert said[-4:] == ["drawing 3 replicates", *(f"replicate {k} of 3" for k in (1, 2, 3))]


def test_the_file_holds_a_frequency_for_each_edge():
    for algorithm in ("pc", "fci"):
        found = cg.stability(levels(np.random.default_rng(23)), algorithm, 30, seed=2)
        text = found.text("Mine")
        assert "# replicates: 30, by cells\n# seed: 2\n" in text
        model = cg.parse(text)
        assert model.graph == found.found.graph
        for edge, attributes in model.edge_attributes.items():
            share = found.frequency(edge.left, edge.right).edge
            assert attributes["frequency"] == pytest.approx(share, rel=1e-3)
            assert "p" in attributes


def test_the_answer_is_an_answer():
    found = cg.stability(chain(np.random.default_rng(24)), replicates=10)
    assert isinstance(found, Answer)
    told = found.to_dict()
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert (told["kind"], told["by"], told["found"]["kind"]) == ("stability", "rows", "discovery")
    assert str(found) == plain(found.document())
    assert found._repr_html_()
    for pair, code in ((("A", "Q"), "E201"), (("A", "A"), "E212")):
        with pytest.raises(cg.ModelError) as caught:
            found.frequency(*pair)
        assert caught.value.code == code
    assert found.frequency("B", "A") == found.frequency("A", "B")
    assert isinstance(found.found.test.test(0, 1, []), Tested)


def test_what_was_found_is_no_data_and_a_number_no_algorithm():
    data = ([[1, 0.5], [0.5, 1]], 100)
    found = cg.pc(data, variables=["A", "B"])
    for again in ((found,), (found, 5)):
        with pytest.raises(cg.DataError, match="holds no observations") as error:
            cg.stability(*again)
        assert error.value.code == "E325"
    with pytest.raises(cg.ModelError, match="there is no algorithm 5"):
        cg.stability(data, 5, variables=["A", "B"])


def test_edges_of_the_table_lead_from_left_to_right():
    rng = np.random.default_rng(0)
    b, c = rng.normal(size=(2, 1000))
    data = pd.DataFrame({"A": b + c + rng.normal(size=1000), "B": b, "C": c})
    told = str(cg.stability(data, replicates=5))
    assert "B → A" in told
    assert "C → A" in told
    assert "←" not in told
