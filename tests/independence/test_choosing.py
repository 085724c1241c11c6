"""What a test is made of: the same from rows, moments, a matrix, counts; and what can't be one is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import causalgraph as cg
from causalgraph.data.opening import open_source
from causalgraph.independence import base
from causalgraph.independence.choosing import TESTS, Function, choose
from causalgraph.independence.choosing import test_of as asked_of
from causalgraph.independence.oracle import oracle
from causalgraph.variables import Variable
from frames import MADE

RNG = np.random.default_rng(91)
X = RNG.normal(size=200)
NUMBERS = pd.DataFrame({"Y": X + RNG.normal(size=200), "X": X, "Z": RNG.normal(size=200)})
LEVELS = pd.DataFrame(RNG.integers(0, 3, size=(300, 3)), columns=["V10", "V2", "V1"])
WORDS = LEVELS.replace({0: "low", 1: "mid", 2: "high"})


def values(test):
    return [test.test(i, j, given).p for i, j, k in ((0, 1, 2), (0, 2, 1), (1, 2, 0)) for given in ([], [k])]


def test_the_table_of_tests_holds_what_can_be_asked_for_by_name():
    assert set(TESTS) == {"fisher-z", "g2", "chi2"}
    for name in TESTS:
        assert asked_of(LEVELS, name).name == name


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_auto_takes_what_fits_in_any_engine(made):
    assert choose(made(pa.Table.from_pandas(NUMBERS))).test.name == "fisher-z"
    assert choose(made(pa.Table.from_pandas(LEVELS))).test.name == "g2"
    assert choose(made(pa.Table.from_pandas(WORDS))).test.name == "g2"


def test_numbers_that_are_levels_count_as_numbers_among_numbers_and_it_is_said():
    chosen = choose(NUMBERS.assign(B=(NUMBERS["X"] > 0).astype(int)))
    assert chosen.test.name == "fisher-z"
    assert chosen.notes == ("B takes few values, and count as numbers here",)


def test_words_among_numbers_are_named_with_what_to_do():
    with pytest.raises(cg.DataError) as caught:
        choose(NUMBERS.assign(W=["a", "b"] * 100, T=["c", "d"] * 100))
    assert caught.value.code == "E324"
    assert "T, W are words" in str(caught.value)
    assert "variables=" in str(caught.value)
    assert choose(NUMBERS.assign(W=["a", "b"] * 100), variables=["X", "Z"]).test.variables == ("X", "Z")


def test_rows_moments_a_covariance_and_a_correlation_make_one_test():
    rows = values(asked_of(NUMBERS))
    names = list(NUMBERS.columns)
    moments = open_source(NUMBERS).moments([Variable(name) for name in names])
    for made in (
        asked_of(moments),
        asked_of((NUMBERS.cov(), 200)),
        asked_of(NUMBERS.corr(), n=200),
        asked_of(NUMBERS.corr().to_numpy(), n=200, variables=names),
        asked_of(NUMBERS.corr().to_numpy().tolist(), n=200, variables=names),
        asked_of(NUMBERS.to_numpy(), variables=names),
        asked_of(open_source(NUMBERS)),
        asked_of(cg.open_data(NUMBERS)),
    ):
        assert made.variables == ("X", "Y", "Z")
        assert values(made) == pytest.approx(rows, abs=1e-9)


def test_rows_counts_weighted_cells_and_a_table_make_one_test():
    rows = values(asked_of(LEVELS))
    counts = open_source(LEVELS).counts([Variable(name) for name in LEVELS.columns])
    cells = LEVELS.value_counts().rename("times").reset_index()
    table = np.zeros((3, 3, 3), dtype=int)
    np.add.at(table, tuple(LEVELS.to_numpy().T), 1)
    for made in (
        asked_of(counts),
        asked_of(cells, weight="times"),
        asked_of(table, variables=list(LEVELS.columns)),
        asked_of(WORDS),
    ):
        assert made.variables == ("V1", "V2", "V10")
        assert values(made) == pytest.approx(rows)
    assert values(asked_of(table, "chi2", variables=list(LEVELS.columns))) == values(asked_of(LEVELS, "chi2"))


def test_a_test_that_is_made_and_an_oracle_stay_as_they_are():
    asked = oracle(cg.graph("A -> B"))
    assert asked_of(asked) is asked


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_columns_may_be_called_as_the_parts_of_a_test_are(made):
    frame = NUMBERS.set_axis(["test", "level", "variables"], axis=1)
    assert asked_of(made(pa.Table.from_pandas(frame))).variables == ("level", "test", "variables")


def test_a_function_is_asked_by_names_and_may_say_more_than_p():
    seen = []

    def mine(i, j, given):
        seen.append((i, j, given))
        return base.Tested(0.5, 2.0)

    made = asked_of(mine, variables=["V10", "V2", "V1"])
    assert (made.name, made.variables) == ("mine", ("V1", "V2", "V10"))
    assert made.test(0, 2, [1]) == base.Tested(0.5, 2.0)
    assert seen == [("V1", "V10", ("V2",))]
    assert asked_of(NUMBERS, mine).variables == ("X", "Y", "Z")
    everything = np.ones((3, 3), dtype=bool) ^ np.eye(3, dtype=bool)
    assert made.level(everything, everything, 1, 0.1).tests == 3


@pytest.mark.parametrize("said", [1.5, -0.1, "0.5", None])
def test_a_function_that_says_no_p_value_is_told(said):
    with pytest.raises(cg.ModelError) as caught:
        Function(lambda *_: said, ("A", "B"), "mine").test(0, 1, [])
    assert caught.value.code == "E136"


def test_a_test_that_could_not_be_made_says_nan():
    assert np.isnan(Function(lambda *_: float("nan"), ("A", "B"), "mine").test(0, 1, []).p)


def test_with_missing_values_fishers_z_uses_the_rows_of_each_test_and_says_so():
    holed = NUMBERS.copy()
    holed.loc[:9, "X"] = np.nan
    chosen = choose(holed)
    assert chosen.test.n == 200
    assert (chosen.test.test(0, 1, []).n, chosen.test.test(1, 2, []).n) == (190, 200)
    assert chosen.notes == ("values are missing: each test uses the rows that are complete in its own variables",)


@pytest.mark.parametrize(
    ("data", "more", "error", "code"),
    [
        (NUMBERS, {"test": "fisher"}, cg.ModelError, "E135"),
        (NUMBERS, {"df": "levels"}, cg.ModelError, "E135"),
        (LEVELS, {"wieght": "V1"}, cg.ModelError, "E135"),
        (LEVELS, {"df": "none"}, cg.ModelError, "E139"),
        (lambda *_: 0.5, {}, cg.ModelError, "E136"),
        (lambda *_: 0.5, {"variables": ["A", "A"]}, cg.ModelError, "E136"),
        (NUMBERS, {"n": 200}, cg.DataError, "E325"),
        ("data.csv", {"n": 200}, cg.DataError, "E325"),
        (Path("data.csv"), {"n": 200}, cg.DataError, "E325"),
        (open_source(NUMBERS), {"n": 200}, cg.DataError, "E325"),
        (MADE["duckdb"](pa.Table.from_pandas(NUMBERS)), {"n": 200}, cg.DataError, "E325"),
        ([["a", "b"], ["c", "d"]], {"n": 200, "variables": ["A", "B"]}, cg.DataError, "E325"),
        ([[1, 0.5], [0.5]], {"n": 200, "variables": ["A", "B"]}, cg.DataError, "E325"),
        (NUMBERS.corr().to_numpy(), {"n": 200}, cg.DataError, "E325"),
        (NUMBERS.corr().to_numpy(), {}, cg.DataError, "E325"),
        (NUMBERS.corr(), {"n": "many"}, cg.DataError, "E325"),
        (NUMBERS.corr(), {"n": 200, "test": "g2"}, cg.DataError, "E325"),
        (NUMBERS.corr(), {"n": 2}, cg.DataError, "E322"),
        (np.ones((2, 2, 2)), {}, cg.DataError, "E325"),
        (np.ones((2, 2, 2)), {"variables": ["A", "B", "C"], "test": "fisher-z"}, cg.DataError, "E325"),
        (NUMBERS[[]], {}, cg.DataError, "E325"),
        (NUMBERS, {"variables": ["X", "Q"]}, cg.DataError, "E301"),
        (NUMBERS.assign(C=1.5), {}, cg.DataError, "E320"),
        (LEVELS.assign(C=1), {}, cg.DataError, "E320"),
        (NUMBERS, {"test": "g2"}, cg.DataError, "E321"),
        (NUMBERS.assign(G=[0.5, 1.5] * 100), {"cluster": "G"}, cg.DataError, "E322"),
        (NUMBERS.assign(W=1 / 200), {"weight": "W"}, cg.DataError, "E322"),
        (object(), {}, cg.DataError, "E311"),
    ],
)
def test_what_cannot_be_a_test_is_an_error_with_a_code(data, more, error, code):
    with pytest.raises(error) as caught:
        choose(data, **more)
    assert caught.value.code == code
