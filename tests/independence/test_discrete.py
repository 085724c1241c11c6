from itertools import permutations, product
from math import isnan, nan
from threading import Event

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from causalgraph.data.opening import open_source
from causalgraph.errors import DataError, ModelError
from causalgraph.independence import discrete_data, discrete_kernel
from causalgraph.independence.base import one_by_one
from causalgraph.independence.discrete import Discrete, _each
from causalgraph.independence.discrete_kernel import made_at
from causalgraph.independence.discrete_tables import Rule, Tables, folded, large_table
from causalgraph.variables import Variable
from oracles.tables import by_rule, by_strata
from strategies import scaled

SETTINGS = [{"statistic": s, "df": d} for s, d in product(["g2", "chi2"], ["levels", "observed"])]


def _random(rng, *, v=5, n=60, missing=True, most=4):
    """Draw dependent codes, how many levels each variable has, and perhaps weights."""
    levels = rng.integers(2, most + 1, v)
    codes = np.zeros((n, v), dtype=int)
    for k in range(v):
        drawn = rng.integers(0, levels[k], n)
        copied = codes[:, rng.integers(0, k)] % levels[k] if k else drawn
        codes[:, k] = np.where(rng.random(n) < rng.choice([0.0, 0.5, 0.9]), copied, drawn)
        # Each occurs at least twice over, so that none is constant.
        codes[:2, k] = [0, 1]
    if missing:
        gone = rng.random((n, v)) < rng.choice([0.0, 0.1, 0.3])
        gone[:2] = False
        codes[gone] = -1
    weight = rng.integers(0, 4, n) if rng.random() < 0.5 else None
    if weight is not None:
        weight[:2] = 1
    return codes, levels, weight


def _graph(rng, v):
    adjacent = np.triu(rng.random((v, v)) < rng.choice([0.5, 0.8, 1.0]), 1)
    testable = np.triu(rng.random((v, v)) < rng.choice([0.7, 1.0]), 1)
    return adjacent | adjacent.T, testable | testable.T


def _names(v):
    return [f"V{k}" for k in range(v)]


def _separations(level):
    rows = zip(level.pairs.tolist(), level.separators.tolist(), strict=True)
    return {(tuple(pair), tuple(given)): value for (pair, given), value in zip(rows, level.values, strict=True)}


def _same(ours, truth, test):
    assert ours.p == pytest.approx(truth.p, rel=1e-7, abs=1e-12)
    found, expected = _separations(ours), _separations(truth)
    assert found.keys() == expected.keys()
    assert len(found) == len(ours.values)
    assert all(found[k] == pytest.approx(expected[k], rel=1e-7) for k in found)
    for i, j in zip(*np.nonzero(ours.p >= 0), strict=True):
        given = ours.sets[i, j].tolist()
        assert given == sorted(given)
        assert test(int(i), int(j), given).p == pytest.approx(ours.p[i, j], rel=1e-7, abs=1e-12)
    assert (ours.p == ours.p.T).all()
    assert (ours.sets == ours.sets.transpose(1, 0, 2)).all()


@pytest.mark.parametrize("plain", [0, 50_000])
def test_a_test_is_the_sum_of_the_contingency_tables_of_its_strata(plain, monkeypatch):
    rng = np.random.default_rng(1)
    monkeypatch.setattr("causalgraph.independence.discrete.SMALL", plain)
    for _ in range(scaled(20, 300)):
        codes, levels, weight = _random(rng, n=int(rng.integers(2, 120)))
        settings = SETTINGS[rng.integers(4)]
        made = Discrete.of_codes(codes, _names(5), levels=levels, weight=weight, small="test", **settings)
        for _ in range(4):
            i, j, *given = rng.permutation(5)[: rng.integers(2, 6)].tolist()
            found, truth = made.test(i, j, given), by_rule(codes, levels, weight=weight, small="test", **settings)
            expected = truth(i, j, given)
            assert (found.df, found.n) == (expected.df, expected.n)
            assert found.statistic == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)
            assert found.p == pytest.approx(expected.p, rel=1e-7, abs=1e-12)


@pytest.mark.parametrize("plain", [0, 50_000])
def test_a_level_is_its_tests_made_one_by_one(plain, monkeypatch):
    rng = np.random.default_rng(2)
    monkeypatch.setattr("causalgraph.independence.discrete.SMALL", plain)
    for _ in range(scaled(10, 80)):
        v = int(rng.integers(2, 7))
        codes, levels, weight = _random(rng, v=v, n=int(rng.integers(2, 150)))
        small = rng.choice(["skip", "dependent", "independent", "test"])
        settings = {**SETTINGS[rng.integers(4)], "small": small, "per_df": float(rng.choice([0, 2, 10]))}
        made = Discrete.of_codes(codes, _names(v), levels=levels, weight=weight, **settings)
        adjacent, testable = _graph(rng, v)
        for depth in range(min(v - 1, 3)):
            test = by_rule(codes, levels, weight=weight, **settings)
            alpha = float(rng.choice([0.01, 0.3]))
            ours, truth = (
                made.level(adjacent, testable, depth, alpha),
                one_by_one(test, adjacent, testable, depth, alpha),
            )
            assert (ours.tests, ours.skipped) == (truth.tests, truth.skipped)
            assert (ours.skipped == 0) or small == "skip"
            _same(ours, truth, test)


def test_tables_too_large_to_lay_out_say_the_same(monkeypatch):
    rng = np.random.default_rng(3)
    monkeypatch.setattr(discrete_kernel, "MOST_CELLS", 20)
    for _ in range(scaled(6, 50)):
        codes, levels, weight = _random(rng, n=80)
        settings = {**SETTINGS[rng.integers(4)], "small": "test"}
        made = Discrete.of_codes(codes, _names(5), levels=levels, weight=weight, **settings)
        adjacent, testable = _graph(rng, 5)
        for depth in range(3):
            test = by_rule(codes, levels, weight=weight, **settings)
            _same(made.level(adjacent, testable, depth, 0.1), one_by_one(test, adjacent, testable, depth, 0.1), test)


@pytest.mark.parametrize("settings", SETTINGS)
def test_variables_of_hundreds_of_levels_are_counted_by_the_cells_that_occur(settings):
    codes = np.random.default_rng(4).integers(0, 400, (500, 3))
    made = Discrete.of_codes(codes, list("XYZ"), small="test", **settings)
    assert made.tables.codes.dtype == np.int32
    truth = by_strata(codes, made.tables.levels.tolist(), (0, 1), [2], **settings)
    rule = Rule(settings["statistic"] == "chi2", settings["df"] == "observed", np.inf)
    assert large_table(made.tables, rule) == pytest.approx(truth)
    assert made.test(0, 1, (2,)).statistic == pytest.approx(truth[0])


def test_a_large_table_of_nothing_has_nothing_free():
    nothing = Tables(np.full((2, 3), 2, np.uint8), np.zeros(0, np.int64), np.array([2, 2]), np.array([3, 3]))
    assert large_table(nothing, Rule(pearson=False, observed=True, most=np.inf)) == (0, 0, 0)


def test_work_in_small_pieces_or_on_several_threads_says_the_same(monkeypatch):
    rng = np.random.default_rng(5)
    codes, levels, _ = _random(rng, v=7, n=300)
    made = Discrete.of_codes(codes, _names(7), levels=levels)
    adjacent, testable = _graph(rng, 7)
    whole = [made.level(adjacent, testable, depth, 0.05) for depth in range(4)]
    monkeypatch.setattr(discrete_kernel, "BUDGET", 1)
    monkeypatch.setattr("causalgraph.independence.discrete.ALONE", 0)
    for depth, expected in enumerate(whole):
        found = made.level(adjacent, testable, depth, 0.05)
        assert (found.tests, found.skipped) == (expected.tests, expected.skipped)
        for field in ("p", "sets", "pairs", "separators", "values"):
            assert np.array_equal(getattr(found, field), getattr(expected, field))


def test_the_order_of_columns_changes_nothing():
    rng = np.random.default_rng(6)
    for _ in range(scaled(10, 100)):
        codes, levels, weight = _random(rng, v=6, n=100)
        names = ["V10", "V2", "W", "a", "V1", "10"]
        adjacent = ~np.eye(6, dtype=bool)
        first = Discrete.of_codes(codes, names, levels=levels, weight=weight)
        order = rng.permutation(6)
        other = Discrete.of_codes(codes[:, order], [names[k] for k in order], levels=levels[order], weight=weight)
        assert first.variables == other.variables == ("10", "V1", "V2", "V10", "W", "a")
        for depth in range(3):
            one, two = (made.level(adjacent, adjacent, depth, 0.05) for made in (first, other))
            assert (one.tests, one.skipped) == (two.tests, two.skipped)
            assert np.array_equal(one.p, two.p)
            assert np.array_equal(one.sets, two.sets)
            assert np.array_equal(one.separators, two.separators)


def test_observed_degrees_of_freedom_are_the_mean_of_chi2_given_the_margins():
    x, y = [0, 0, 1, 1, 3, 3], [0, 0, 0, 1, 1, 4]
    values = []
    for shuffled in permutations(y):
        statistic, df, n = by_strata(list(zip(x, shuffled, strict=True)), [5, 5], (0, 1), [], statistic="chi2")
        values.append(statistic)
    assert df == Discrete.of_codes(np.column_stack([x, y]), ["X", "Y"], levels=[5, 5]).test(0, 1).df == 4
    assert np.mean(values) == pytest.approx(n / (n - 1) * df)


def test_small_samples_are_skipped_or_decided_as_asked():
    codes = np.array([[0, 0], [1, 1], [0, 1], [1, 0]] * 2)
    p = {}
    for small in ("skip", "dependent", "independent", "test"):
        made = Discrete.of_codes(codes, ["X", "Y"], small=small)
        p[small] = made.test(0, 1).p
        level = made.level(~np.eye(2, dtype=bool), np.ones((2, 2), dtype=bool), 0, 0.05)
        assert (level.tests, level.skipped) == ((0, 1) if small == "skip" else (1, 0))
        assert len(level.pairs) == (small in ("independent", "test"))
        assert level.p[0, 1] == (-1 if small == "skip" else p[small])
    assert isnan(p["skip"])
    assert (p["dependent"], p["independent"], p["test"]) == (0, 1, 1)
    enough = Discrete.of_codes(codes, ["X", "Y"], per_df=8)
    assert enough.test(0, 1).p == 1


def test_a_test_ruled_out_by_its_levels_alone_is_not_counted():
    rng = np.random.default_rng(7)
    made = Discrete.of_codes(rng.integers(0, 10, (200, 3)), list("XYZ"), df="levels")
    found = made.test(0, 1, (2,))
    assert (found.statistic, found.df, found.n) == (None, 810, 200)
    assert isnan(found.p)


def test_where_a_variable_is_determined_nothing_is_free_and_nothing_is_cut():
    rng = np.random.default_rng(8)
    x, y = rng.integers(0, 3, 500), rng.integers(0, 3, 500)
    made = Discrete.of_codes(np.column_stack([x, 2 - x, (x + (y > 1)) % 3]), ["X", "Copy", "Y"])
    assert made.twins == (("Copy", "X"),)
    copy, original, other = 0, 1, 2
    found = made.test(original, other, (copy,))
    assert (found.statistic, found.df, found.n) == (0, 0, 500)
    assert isnan(found.p)
    adjacent = ~np.eye(3, dtype=bool)
    level = made.level(adjacent, adjacent, 1, 0.01)
    assert not len(level.pairs)
    assert level.skipped == 2
    assert level.p[original, other] == -1
    assert Discrete.of_codes(np.column_stack([x, x, y]), list("ABC"), small="test").test(0, 2, (1,)).p == 1


def test_twins_are_missing_together():
    x = np.array([0, 1, 1, 0, -1, 0])
    assert not Discrete.of_codes(np.column_stack([x, np.where(x < 0, 2, x)]), ["X", "Y"]).twins
    assert Discrete.of_codes(np.column_stack([x, x]), ["X", "Y"]).twins == (("X", "Y"),)


@pytest.mark.parametrize("column", [[1, 1, 1, 1], [-1, -1, -1, -1], [0, -1, 0, -1]])
def test_what_never_varies_is_named(column):
    codes = np.column_stack([[0, 1, 0, 1], column, [1, 0, 0, 1]])
    with pytest.raises(DataError, match="K takes one value only, or none") as failure:
        Discrete.of_codes(codes, ["A", "K", "B"], levels=[2, 2, 2])
    assert failure.value.code == "E320"


def test_one_row_and_no_row_are_errors_with_a_name():
    with pytest.raises(DataError, match="A, B take one value") as failure:
        Discrete.of_codes(np.zeros((1, 2), dtype=int), ["A", "B"])
    assert failure.value.code == "E320"
    for empty in (
        lambda: Discrete.of_codes(np.zeros((0, 2), dtype=int), ["A", "B"]),
        lambda: Discrete.of_codes(np.zeros((3, 2), dtype=int), ["A", "B"], weight=np.zeros(3)),
        lambda: Discrete.of_source(open_source(pd.DataFrame({"A": [], "B": []}, dtype=bool)), [Variable("A")]),
        lambda: Discrete.of_source(
            open_source(pd.DataFrame({"A": ["x", "y"], "w": [0.0, nan]}), weight="w"), [Variable("A")]
        ),
    ):
        with pytest.raises(DataError) as failure:
            empty()
        assert failure.value.code in ("E307", "E304")


@pytest.mark.parametrize(
    ("codes", "names", "more", "code"),
    [
        (np.zeros(3, dtype=int), ["A"], {}, "E323"),
        (np.zeros((3, 2), dtype=int), ["A", "A"], {}, "E323"),
        (np.array([[0.5], [1]]), ["A"], {}, "E323"),
        (np.array([[-2], [1]]), ["A"], {}, "E323"),
        (np.array([[0], [2]]), ["A"], {"levels": [2]}, "E323"),
        (np.array([[0], [1]]), ["A"], {"weight": np.ones(3)}, "E323"),
        (np.array([[0], [1]]), ["A"], {"weight": np.array([0.5, 1])}, "E322"),
        (np.array([[0], [1]]), ["A"], {"weight": np.array([-1, 1])}, "E322"),
        (np.array([[0], [1]]), ["A"], {"weight": np.array([nan, 1])}, "E322"),
    ],
)
def test_codes_that_make_no_sense_are_refused(codes, names, more, code):
    with pytest.raises(DataError) as failure:
        Discrete.of_codes(codes, names, **more)
    assert failure.value.code == code


@pytest.mark.parametrize(
    "settings", [{"statistic": "g"}, {"df": "all"}, {"small": "cut"}, {"per_df": nan}, {"per_df": -1}]
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ModelError) as failure:
        Discrete.of_codes(np.array([[0, 1], [1, 0]]), ["A", "B"], **settings)
    assert failure.value.code == "E139"
    with pytest.raises(ValueError, match="two variables"):
        Discrete.of_codes(np.array([[0, 1], [1, 0]]), ["A", "B"]).test(0, 1, (1,))


def _frame(rng, n=400):
    x = rng.choice(["low", "mid", "high"], n)
    y = np.where(rng.random(n) < 0.6, x, rng.choice(["low", "mid", "high"], n))
    return pd.DataFrame({"X": x, "Y": y, "Z": rng.integers(0, 2, n), "w": rng.integers(0, 4, n)})


ENGINES = {
    "pandas": lambda frame: frame,
    "polars": lambda frame: pl.from_pandas(frame).lazy(),
    "duckdb": lambda frame: duckdb.from_df(frame),  # noqa: PLW0108  # the relation needs the frame's own name
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("weight", [None, "w"])
@pytest.mark.parametrize("cells", [0, 1 << 20])
def test_any_source_says_what_its_rows_say(engine, missing, weight, cells, monkeypatch):
    monkeypatch.setattr(discrete_data, "FEW", cells)
    monkeypatch.setattr(discrete_data, "TOGETHER", 1)
    frame = _frame(np.random.default_rng(9))
    if missing:
        frame["Y"] = frame["Y"].mask(np.arange(400) % 7 == 0, None)
        frame.loc[5, ["X", "Y"]] = None
    source = open_source(ENGINES[engine](frame), weight=weight)
    made = Discrete.of_source(source, [Variable(name) for name in "ZYX"])
    order = {"high": 0, "low": 1, "mid": 2}
    codes = np.column_stack([frame["X"].map(order).fillna(-1), frame["Y"].map(order).fillna(-1), frame["Z"]]).astype(
        int
    )
    weights = None if weight is None else frame["w"].to_numpy()
    assert made.variables == ("X", "Y", "Z")
    for i, j, given in ((0, 1, ()), (0, 1, (2,)), (0, 2, ()), (1, 2, (0,))):
        expected = by_strata(codes, [3, 3, 2], (i, j), given, weight=weights)
        found = made.test(i, j, given)
        assert (found.statistic, found.df, found.n) == pytest.approx(expected)


def test_rows_are_held_as_distinct_cells_where_they_repeat():
    tables = Tables(np.arange(100, dtype=np.uint8)[None, :], np.zeros(0, np.int64), np.array([100]), np.array([100]))
    assert folded(tables) is tables
    rng = np.random.default_rng(10)
    codes = rng.integers(0, 2, (5000, 4))
    made = Discrete.of_codes(codes, list("ABCD"))
    assert made.tables.codes.shape == (4, 16)
    assert made.n == 5000
    source = open_source(pd.DataFrame(codes, columns=list("ABCD")))
    assert Discrete.of_source(source, [Variable(n) for n in "ABCD"]).tables.codes.shape == (4, 16)


def test_cells_and_tables_say_what_their_rows_say():
    frame = _frame(np.random.default_rng(11))
    variables = [Variable(name) for name in "XYZ"]
    source = open_source(frame)
    rows = Discrete.of_source(source, variables).test(0, 1, (2,))
    counts = source.counts(variables)
    assert Discrete.of_counts(counts).test(0, 1, (2,)) == rows
    table = np.zeros(counts.shape)
    table[tuple(counts.codes.T)] = counts.weight
    assert Discrete.of_table(table, ["X", "Y", "Z"]).test(0, 1, (2,)) == rows


def test_what_is_no_sample_of_independent_observations_is_refused():
    frame = _frame(np.random.default_rng(12))
    frame["share"] = frame["w"] / frame["w"].sum()
    frame["number"] = np.linspace(0, 1, len(frame))
    variables = [Variable("X"), Variable("Y")]
    for settings, asked, code in (
        ({"weight": "share"}, variables, "E322"),
        ({"cluster": "Z"}, variables, "E322"),
        ({}, [*variables, Variable("number")], "E321"),
    ):
        with pytest.raises(DataError) as failure:
            Discrete.of_source(open_source(frame, **settings), asked)
        assert failure.value.code == code
    survey = frame.assign(w=frame["w"] + 0.5)
    with pytest.raises(DataError) as failure:
        Discrete.of_counts(open_source(survey, weight="w").counts(variables))
    assert failure.value.code == "E322"


def test_ctrl_c_stops_all_threads():
    stopped = Event()

    def work(hub):
        if hub == 0:
            raise KeyboardInterrupt
        return []

    with pytest.raises(KeyboardInterrupt):
        list(_each(work, range(8), stopped, alone=False))
    assert stopped.is_set()
    made = Discrete.of_codes(np.array([[0, 1], [1, 0]]), ["A", "B"])
    all_ = ~np.eye(2, dtype=bool)
    rule = Rule(pearson=False, observed=True, most=np.inf)
    assert not list(made_at(0, made.tables, all_, all_, 0, rule, stopped.is_set))


def test_nothing_to_test_is_no_error():
    made = Discrete.of_codes(np.array([[0, 1], [1, 0]] * 9), ["A", "B"])
    none = np.zeros((2, 2), dtype=bool)
    for adjacent, testable, depth in (
        (none, ~none, 0),
        (~np.eye(2, dtype=bool), none, 0),
        (~np.eye(2, dtype=bool), ~none, 1),
    ):
        level = made.level(adjacent, testable, depth, 0.05)
        assert (level.tests, level.skipped, level.pairs.shape, level.separators.shape) == (0, 0, (0, 2), (0, depth))
        assert (level.p == -1).all()
