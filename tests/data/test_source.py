"""The door to data: what is counted, what is dropped, what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import causalgraph as cg
from causalgraph.data.opening import open_source
from causalgraph.errors import ModelError
from causalgraph.variables import Variable, level_text
from filing import refused

X, Y = Variable("X"), Variable("Y")


def numbers(source, variable):
    """Return a variable's column as numbers, missing values as NaN."""
    return np.concatenate(list(source.engine.batches([replace(source.number(variable), centre=0.0)])))[:, 0]


def table(counts):
    """Return cells as {levels: weight}."""
    return {
        tuple(own[c] for own, c in zip(counts.levels, row, strict=True)): weight
        for row, weight in zip(counts.codes, counts.weight, strict=True)
    }


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.booleans()), min_size=1, max_size=60))
def test_cells_are_counted_as_a_dictionary_would(rows):
    frame = pd.DataFrame(rows, columns=["X", "Y", "Z"])
    counts = open_source(frame).counts([X, Y, Variable("Z")])
    expected = {}
    for x, y, z in rows:
        key = (x, str(y), str(int(z)))
        expected[key] = expected.get(key, 0) + 1
    assert table(counts) == expected
    assert counts.n == len(rows)


def test_many_variables_with_many_levels_do_not_overflow():
    rng = np.random.default_rng(0)
    names = [f"V{i}" for i in range(30)]
    frame = pd.DataFrame({n: rng.integers(0, 20, 300) for n in names})
    counts = open_source(frame).counts([Variable(n) for n in names])
    assert counts.weight.sum() == 300
    back = {tuple(int(own[c]) for own, c in zip(counts.levels, row, strict=True)) for row in counts.codes}
    assert back == {tuple(map(int, row)) for row in frame.to_numpy()}


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
def test_missing_values_are_dropped_and_counted(missing):
    frame = pd.DataFrame({"X": ["a", missing, "b", "a"], "Y": [1.0, 2.0, np.nan, 4.0]})
    counts = open_source(frame).counts([X], [Variable("Y", "continuous")])
    assert counts.dropped == 2
    assert table(counts) == {("a",): 2.0}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 1, 1], "binary"),
        ([True, False, True], "binary"),
        ([0.0, 1.0, np.nan], "binary"),
        ([1, 2, 3], "categorical"),
        (["a", "b", "a"], "categorical"),
        ([0.5, 1.25, 2.0], "continuous"),
        (list(range(40)), "count"),
        (list(range(-20, 20)), "continuous"),
        ([np.nan, np.nan], "categorical"),
    ],
)
def test_the_kind_of_an_undeclared_column_is_read(values, kind):
    if kind == "categorical" and isinstance(values[0], float):
        with refused("E307"):
            open_source(pd.DataFrame({"X": values})).counts([X])
        return
    assert open_source(pd.DataFrame({"X": values})).kind(X) == kind


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int64", "float32", "float64", "Int64", "boolean", "category", "object"]
)
def test_levels_do_not_hang_on_the_type_of_the_column(dtype):
    frame = pd.DataFrame({"X": pd.Series([0, 1, 1, 0], dtype="object" if dtype == "object" else None).astype(dtype)})
    assert open_source(frame).levels(X) == ("0", "1")
    assert table(open_source(frame).counts([X])) == {("0",): 2.0, ("1",): 2.0}


def test_small_integers_do_not_overflow_when_summed():
    frame = pd.DataFrame({"X": ["a"] * 300, "Y": np.full(300, 100, dtype="int8")})
    counts = open_source(frame).counts([X], [Variable("Y", "count")])
    assert counts.centre[0] + counts.sums[0, 0] / counts.weight[0] == pytest.approx(100)


def test_declared_levels_keep_their_order_though_some_never_occur():
    frame = pd.DataFrame({"X": ["high", "low"]})
    assert open_source(frame).levels(Variable("X", "ordinal", ("low", "mid", "high"))) == ("low", "mid", "high")


def test_a_binary_of_words_has_them_as_levels():
    frame = pd.DataFrame({"X": ["yes", "no", "yes"]})
    variable = Variable("X", "binary")
    assert open_source(frame).levels(variable) == ("no", "yes")
    assert variable.index_of("1", ("no", "yes")) == 1
    np.testing.assert_array_equal(numbers(open_source(frame), variable), [1.0, 0.0, 1.0])


def test_a_missing_column_names_the_nearest():
    with refused("E301") as caught:
        open_source(pd.DataFrame({"Spending": [1]})).column("Spnding")
    assert "did you mean 'Spending'" in str(caught.value)


def test_a_renamed_column_is_found():
    frame = pd.DataFrame({"total spend $": [1.0, 2.0]})
    assert numbers(open_source(frame, columns={"S": "total spend $"}), Variable("S", "continuous")).tolist() == [
        1.0,
        2.0,
    ]


def test_text_among_numbers_is_pointed_at():
    with refused("E302") as caught:
        numbers(open_source(pd.DataFrame({"Y": ["1", "2", "n/a", "3", "?"]})), Variable("Y", "continuous"))
    assert "row 3 is 'n/a'" in str(caught.value)
    assert "2 of 5" in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "values"),
    [(Variable("X", "categorical", ("a", "b")), ["a", "c"]), (Variable("X", "binary"), [0, 1, 2])],
)
def test_an_undeclared_level_is_refused(variable, values):
    with refused("E303"):
        open_source(pd.DataFrame({"X": values})).levels(variable)


@pytest.mark.parametrize(("weights", "said"), [([1, -1], "row 2 is negative"), ([0, 0], "add up to nothing")])
def test_weights_that_make_no_sense_are_refused(weights, said):
    with refused("E304") as caught:
        open_source(pd.DataFrame({"X": ["a", "b"], "w": weights}), weight="w").counts([X])
    assert said in str(caught.value)


def test_two_columns_of_one_name_are_refused():
    with refused("E305"):
        open_source(pd.DataFrame([[1, 2]], columns=["X", "X"])).column("X")


def test_an_infinite_number_is_refused():
    with refused("E306"):
        numbers(open_source(pd.DataFrame({"Y": [1.0, np.inf]})), Variable("Y", "continuous"))


@pytest.mark.parametrize("frame", [pd.DataFrame({"X": []}), pd.DataFrame({"X": [None, None]})])
def test_data_without_a_usable_row_is_refused(frame):
    with refused("E307"):
        open_source(frame).counts([X])


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (None, "rows"),
        ([1, 2], "counts"),
        ([0.25, 0.75], "exact"),
        ([0.5, 2.5], "survey"),
        ([0, 1], "exact"),
        ([0, 2], "counts"),
    ],
)
def test_weights_are_told_apart(weights, expected):
    frame = pd.DataFrame({"X": ["a", "b"]} | ({"w": weights} if weights else {}))
    assert open_source(frame, weight="w" if weights else None).counts([X]).weighting == expected


@pytest.mark.parametrize(
    ("value", "text"), [(np.bool_(True), "1"), (np.int8(3), "3"), (np.float32(2), "2"), (1e20, "100000000000000000000")]
)
def test_a_level_is_written_alike_whatever_its_type(value, text):
    assert level_text(value) == text


def test_levels_that_are_numbers_sort_as_numbers():
    assert open_source(pd.DataFrame({"X": [1, -1, 10, 0.5]})).levels(X) == ("-1", "0.5", "1", "10")


@pytest.mark.parametrize("values", [[1, 2], [-1, 1], [0, 2], ["yes", "yes"]])
def test_a_binary_whose_codes_could_mean_two_things_is_refused(values):
    with refused("E303") as caught:
        open_source(pd.DataFrame({"X": values})).levels(Variable("X", "binary"))
    assert "declare" in str(caught.value)


def test_a_binary_of_two_odd_numbers_counts_as_0_and_1():
    frame = pd.DataFrame({"X": [0.25, 0.5, 0.5]})
    np.testing.assert_array_equal(numbers(open_source(frame), Variable("X", "binary")), [0.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("declared", "values"),
    [(("01", "02"), [1, 2, 1]), (("1.0", "2.0"), [1, 2, 1]), (("False", "True"), [False, True, False])],
)
def test_a_declared_level_matches_what_the_data_write_for_it(declared, values):
    counts = open_source(pd.DataFrame({"X": values})).counts([Variable("X", "categorical", declared)])
    assert table(counts) == {(declared[0],): 2.0, (declared[1],): 1.0}


def test_a_mark_of_missing_values_counts_in_every_kind_of_data(tmp_path):
    frame = pd.DataFrame({"X": ["a", "b", "a"], "Y": [1.0, -99.0, 3.0]})
    frame.to_json(tmp_path / "d.jsonl", orient="records", lines=True)
    outcome = Variable("Y", "continuous")
    for source in (open_source(frame, na=("-99",)), open_source(tmp_path / "d.jsonl", na=("-99",))):
        counts = source.counts([X], [outcome])
        assert (counts.dropped, counts.n) == (1, 2)


def test_a_declared_level_is_no_mark_of_a_missing_value(tmp_path):
    (tmp_path / "d.csv").write_text("X\nNA\nEU\n", encoding="utf-8")
    source = open_source(tmp_path / "d.csv", levels=frozenset({"NA", "EU"}))
    assert source.levels(X) == ("EU", "NA")


@pytest.mark.parametrize(
    "values", [pd.to_datetime(["2020-01-01", None]), pd.to_timedelta([1, None], unit="D"), np.array([1 + 2j, 3j])]
)
def test_dates_and_complex_numbers_have_no_mean(values):
    with refused("E308"):
        numbers(open_source(pd.DataFrame({"Y": values})), Variable("Y", "continuous"))


def test_values_that_are_no_levels_are_refused():
    with refused("E308"):
        open_source(pd.DataFrame({"X": [[1], [2]]})).counts([X])


def test_rows_of_weight_zero_are_no_observations():
    frame = pd.DataFrame({"X": ["a"] * 3 + ["b"] * 97, "w": [0.5] * 3 + [0.0] * 97})
    counts = open_source(frame, weight="w").counts([X])
    assert (counts.n, counts.dropped, counts.effective) == (3, 0, 3)


def test_a_missing_cell_leaves_an_exact_distribution_exact():
    frame = pd.DataFrame({"X": ["a", "b", None], "w": [0.25, 0.5, 0.25]})
    assert open_source(frame, weight="w").counts([X]).weighting == "exact"


def test_unused_categories_are_no_levels():
    frame = pd.DataFrame({"X": pd.Categorical(["no", "yes"], categories=["no", "yes", "maybe"])})
    np.testing.assert_array_equal(numbers(open_source(frame), Variable("X", "binary")), [0.0, 1.0])


def test_a_column_in_another_normal_form_is_found():
    frame = pd.DataFrame({"e\u0301": ["cafe\u0301"]})
    assert open_source(frame).levels(Variable("\u00e9")) == ("caf\u00e9",)


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        (["10", "9", "1e1", "-1"], ("-1", "9", "10", "1e1")),
        ([2**53 + 1, 2**53, 2**53 + 2], (str(2**53), str(2**53 + 1), str(2**53 + 2))),
        (["nan?", "10", "9"], ("9", "10", "nan?")),
        (["nan", "10", "9", "inf"], ("9", "10", "inf", "nan")),
        (["01", "1", "0a", "a"], ("0a", "01", "1", "a")),
        (["0.1", "1e999999", "0.10"], ("0.1", "0.10", "1e999999")),
    ],
)
def test_levels_have_one_order(values, levels):
    for given_in in (values, values[::-1]):
        assert open_source(pd.DataFrame({"X": given_in})).levels(Variable("X", "categorical")) == levels


@pytest.mark.parametrize("values", [["2", "2.0"], [2**53, 2**53 + 1], ["True", "true"], ["05", "5"]])
def test_a_binary_whose_levels_are_one_number_is_refused(values):
    with refused("E303"):
        open_source(pd.DataFrame({"X": values})).levels(Variable("X", "binary"))


@pytest.mark.parametrize("values", [[-1, 2, 3], [0.5, 1, 2], ["1.5", "2", "3"], ["-1", "2", "3"]])
def test_a_count_is_neither_negative_nor_a_fraction(values):
    for make in (pd.DataFrame, pl.LazyFrame):
        source = open_source(make({"X": values}, strict=False) if make is pl.LazyFrame else make({"X": values}))
        with refused("E303") as caught:
            source.number(Variable("X", "count"))
        assert caught.value.diagnostics[0].fix == "declare it continuous: X : continuous"


@pytest.mark.parametrize("values", [[0, 2.0, np.nan], [True, False, True], ["3", None, "0"], [np.nan, np.nan]])
def test_whole_numbers_from_zero_on_are_counts(values):
    assert open_source(pd.DataFrame({"X": values})).number(Variable("X", "count")).column == "X"


def test_data_without_rows_are_refused_before_anything_else(tmp_path):
    (tmp_path / "d.csv").write_text("X,Y\n", encoding="utf-8")
    empty = pd.DataFrame({"X": [], "Y": []})
    for data in (empty, pl.from_pandas(empty).lazy(), tmp_path / "d.csv"):
        with refused("E307") as caught:
            cg.parse("X -> Y; X : binary").ask("ate(X, Y)", data=data)
        assert "has no rows" in str(caught.value)


@pytest.mark.parametrize("weights", [[np.nan] * 3, [None] * 3])
def test_weights_that_are_all_missing_are_said_to_be(weights):
    with refused("E304") as caught:
        open_source(pd.DataFrame({"X": [0, 1, 1], "w": weights}), weight="w").counts([X])
    assert "are all missing" in str(caught.value)


def test_what_weights_are_cannot_be_said_where_there_are_none():
    frame = pd.DataFrame({"X": [0, 1], "Y": [0, 1]})
    with pytest.raises(ModelError, match=r"\[E217\]"):
        cg.parse("X -> Y").ask("P(Y)", data=frame, weights_as="counts")


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.table])
def test_numbers_too_large_for_sums_warn_of_nothing(make):
    z = [0, 0, 0, 0, 1, 1, 1, 1] * 5
    x = [0, 1, 0, 1, 0, 1, 1, 1] * 5
    y = [1e308, -1e308, *(1e308 * (i % 2) + 0.5 for i in range(38))]
    data = make({"Z": z, "X": x, "Y": y})
    assert cg.parse("Z -> X -> Y; Z -> Y").ask("ate(X, Y)", data=data).value is None


@pytest.mark.parametrize(
    ("lost", "said"), [(1, "1 row with missing values was"), (2, "2 rows with missing values were")]
)
def test_rows_left_out_are_told(lost, said):
    frame = pd.DataFrame({"X": [0, 1] * 20, "Y": [np.nan] * lost + [1.0] * (40 - lost)})
    assert f"{said} left out" in str(cg.parse("X -> Y; Y : binary").ask("P(X | Y=1)", data=frame))


def test_raw_values_of_one_level_are_one_cell_within_a_cluster():
    frame = pd.DataFrame({"X": [1, "1", 1, "0"], "g": ["a", "a", "b", "b"], "Y": [1.0, 3.0, 5.0, 7.0]}, dtype=object)
    counts = open_source(frame, cluster="g").counts([X], [Variable("Y", "continuous")])
    means = counts.centre[0] + counts.sums[:, 0] / counts.weight
    found = zip(counts.codes[:, 0].tolist(), counts.clusters.tolist(), counts.weight, means, strict=True)
    assert sorted(found) == [(0, 1, 1.0, 7.0), (1, 0, 2.0, 2.0), (1, 1, 1.0, 5.0)]
