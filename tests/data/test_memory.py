"""The engine for frames in memory: every type of column, every size of table, against dictionaries row by row."""

from __future__ import annotations

import datetime as dt
import math
from contextlib import ExitStack
from decimal import Decimal
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalgraph.data import encoding, memory, tally
from causalgraph.data.encoding import encode_numbers
from causalgraph.data.engine import Number
from causalgraph.data.memory import Memory
from causalgraph.errors import DataError
from causalgraph.variables import level_text
from columns import ASSEMBLED, FRAMES, MARKS, MOMENTS, NAMED, NUMBERS, POOLS
from oracles.tallies import Cell, cells_by_rows
from strategies import scaled


def text_of(value: object) -> str | None:
    """Return the text of a value of a pool, None where it is missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    text = level_text(value)
    return None if text in MARKS else text


def patched(**constants: int) -> ExitStack:
    """Make the blocks and tables of the engine small."""
    stack = ExitStack()
    for name, value in constants.items():
        owner = next(m for m in (memory, encoding, tally) if hasattr(m, name))
        stack.enter_context(mock.patch.object(owner, name, value))
    return stack


def table(cells: Any) -> dict[tuple[str, ...], Cell]:
    """Return what an engine found as cells by the texts of their values; raw values of one text are one."""
    found: dict[tuple[str, ...], Cell] = {}
    m = cells.sums.shape[1]
    for i, codes in enumerate(cells.codes.tolist()):
        key = tuple(level_text(own[c]) for own, c in zip(cells.values, codes, strict=True))
        cell = found.setdefault(key, Cell())
        cell.rows += int(cells.rows[i])
        cell.weight += cells.weight[i]
        cell.squared += cells.squared[i]
        for a in range(m):
            cell.sums[a] = cell.sums.get(a, 0.0) + cells.sums[i, a]
            cell.squared_sums[a] = cell.squared_sums.get(a, 0.0) + cells.squared_sums[i, a]
            for b in range(m):
                cell.products[a, b] = cell.products.get((a, b), 0.0) + cells.squared_products[i, a, b]
    return found


def assert_alike(found: dict[tuple[str, ...], Cell], expected: dict[tuple[str, ...], Cell]) -> None:
    assert found.keys() == expected.keys()
    for key, cell in expected.items():
        own = found[key]
        assert own.rows == cell.rows
        assert own.weight == pytest.approx(cell.weight)
        assert own.squared == pytest.approx(cell.squared)
        for name in ("sums", "squared_sums", "products"):
            assert getattr(own, name) == pytest.approx(getattr(cell, name), abs=1e-9)


@st.composite
def questions(draw: st.DrawFn) -> tuple[Any, ...]:
    """Draw a frame's columns, numbers and weights as lists of Python values."""
    frame = draw(st.sampled_from(sorted(FRAMES)))
    makers = draw(st.lists(st.sampled_from(FRAMES[frame]), min_size=0, max_size=4))
    n = draw(st.integers(0, 14))

    def column(pool: tuple[object, ...], *, nulls: bool) -> list[Any]:
        return draw(st.lists(st.sampled_from([*pool, *([None] if nulls else [])]), min_size=n, max_size=n))

    keys = [column(POOLS[m.pool], nulls=m.nulls) for m in makers]
    kinds = draw(st.lists(st.sampled_from(["direct", "encoded", "told", "coded"]), min_size=0, max_size=3))
    numbers = [(kind, column((0.5, -2.0, 3.0, float("nan")), nulls=True)) for kind in kinds]
    weights = column((0.0, 1.0, 2.0, 0.25), nulls=True) if draw(st.booleans()) else None
    return frame, makers, keys, numbers, weights, n


# What values of a number count as where it is coded: 0.5, which isn't among them, is missing.
CODED = {-2.0: 1.0, 3.0: 0.25}


@settings(max_examples=scaled(120, 3000), deadline=None)
@given(
    question=questions(),
    squared=st.booleans(),
    block=st.sampled_from([1, 2, 3, 7, 1 << 16]),
    head=st.sampled_from([1, 4, 1 << 16]),
    dense=st.sampled_from([1, 4, 1 << 24]),
    most=st.sampled_from([8, 1 << 62]),
    few=st.sampled_from([1, 3, 1 << 8]),
    paired=st.sampled_from([0, 1 << 5]),
)
def test_cells_are_those_that_dictionaries_count_row_by_row(question, squared, block, head, dense, most, few, paired):
    frame, makers, keys, numbers, weights, n = question
    columns = {f"K{i}": m.make(v) for i, (m, v) in enumerate(zip(makers, keys, strict=True))}
    columns |= {f"Y{i}": NUMBERS[frame](v) for i, (_, v) in enumerate(numbers)}
    columns["W"] = NUMBERS[frame]([1.0] * n if weights is None else weights)
    centre = 0.75
    with patched(BLOCK=block, HEAD=head, NEVER=dense, MOST=most, FEW=few, PAIRED=paired):
        engine = Memory.of(ASSEMBLED[frame](columns), MARKS)
        for i, (kind, _) in enumerate(numbers):
            # What is known of a column decides how it is counted.
            {"encoded": engine.values, "told": engine.facts}.get(kind, str)(f"Y{i}")
        found = engine.cells(
            [f"K{i}" for i in range(len(keys))],
            [Number(f"Y{i}", CODED if kind == "coded" else None, centre) for i, (kind, _) in enumerate(numbers)],
            None if weights is None else Number("W"),
            squared=squared,
        )
    read = [[CODED.get(v, math.nan) if kind == "coded" else v for v in column] for kind, column in numbers]
    missing = [[None if v is None or math.isnan(v) else v - centre for v in column] for column in read]
    expected, dropped = cells_by_rows(
        [[text_of(v) for v in column] for column in keys],
        missing,
        [1.0] * n if weights is None else weights,
        squared=squared,
    )
    assert found.dropped == dropped
    assert found.rows.dtype == np.int64
    assert (found.rows > 0).all()
    assert_alike(table(found), expected)


@pytest.mark.parametrize("name", sorted(NAMED))
def test_every_type_of_column_tells_its_values_its_facts_and_their_first_rows(name):
    frame, maker = NAMED[name]
    rng = np.random.default_rng(0)
    pool = [*POOLS[maker.pool], *([None] if maker.nulls else [])]
    values = [pool[i] for i in rng.integers(0, len(pool), 60)]
    engine = Memory.of(ASSEMBLED[frame]({"X": maker.make(values)}), MARKS)
    texts = [text_of(v) for v in values]
    found = engine.values("X")
    assert {level_text(v) for v in found} == set(texts) - {None}
    facts = engine.facts("X")
    assert facts.missing == texts.count(None)
    for value in found:
        # Raw values may share a text; each has its own first row.
        row = engine.first("X", value)
        assert texts[row] == level_text(value)
        assert row == texts.index(level_text(value)) or maker.pool in ("text", "mixed")
    known = [float(v) for v, t in zip(values, texts, strict=True) if t is not None and facts.storage == "number"]
    assert (facts.low, facts.high) == ((min(known), max(known)) if known else (facts.low, facts.high))
    coded = {v: float(i) for i, v in enumerate(found)}
    (block,) = engine.batches([Number("X", coded)])
    back = [None if math.isnan(c) else level_text(found[int(c)]) for c in block[:, 0]]
    assert back == texts


STORAGES = {
    "number": {"small", "counts", "large", "unsigned", "float", "narrow", "whole", "decimal"},
    "boolean": {"bool"},
    "text": {"text", "mixed", "bytes"},
    "time": {"date", "moment", "zoned", "span", "hour"},
}


@pytest.mark.parametrize("name", sorted(NAMED))
def test_the_storage_of_every_type_is_told_and_categories_count_as_text(name):
    frame, maker = NAMED[name]
    engine = Memory.of(ASSEMBLED[frame]({"X": maker.make(list(POOLS[maker.pool]) * 2)}))
    expected = next(storage for storage, pools in STORAGES.items() if maker.pool in pools)
    if "category" in name or "dictionary" in name:
        expected = "text"
    assert engine.facts("X").storage == expected


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, Decimal("NaN")])
def test_null_nan_na_and_nat_are_missing_alike_in_a_column_of_objects(missing):
    engine = Memory.of(pd.DataFrame({"X": pd.Series(["a", missing, "b"], dtype=object)}))
    assert engine.values("X") == ["a", "b"]
    assert engine.facts("X").missing == 1


def test_nan_is_missing_in_frames_that_tell_it_from_null():
    for frame in (pl.DataFrame({"X": [1.5, float("nan"), None]}), pa.table({"X": [1.5, float("nan"), None]})):
        engine = Memory.of(frame)
        assert engine.values("X") == [1.5]
        assert engine.facts("X").missing == 2


def test_a_dictionary_with_nulls_repeats_and_unused_entries_is_read_by_its_values():
    words = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 3, None]), pa.array(["a", None, "a", "b", "never"]))
    engine = Memory.of(pa.table({"X": words}))
    assert engine.values("X") == ["a", "b"]
    assert engine.facts("X").missing == 2


def test_unused_categories_are_no_values():
    engine = Memory.of(pd.DataFrame({"X": pd.Categorical(["a", "b"], categories=["z", "b", "a"])}))
    assert sorted(engine.values("X")) == ["a", "b"]


@pytest.mark.parametrize(
    ("values", "storage"),
    [
        ([1, 2.5, None], "number"),
        ([Decimal(1), 2], "number"),
        ([True, False, None], "boolean"),
        ([True, 2], "number"),
        ([1, 1j], "complex"),
        ([1, "a"], "text"),
        ([(1, 2), (3,)], "text"),
        ([None, None], "text"),
        ([[1], [2]], "other"),
        ([{"a": 1}], "other"),
        ([dt.date(2020, 1, 1), None], "time"),
    ],
)
def test_the_storage_of_objects_is_read_from_them(values, storage):
    assert Memory.of(pd.DataFrame({"X": pd.Series(values, dtype=object)})).facts("X").storage == storage


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"X": [[1], [2]]}),
        pl.DataFrame({"X": [[1], [2]]}),
        pl.DataFrame({"X": [{"a": 1}]}),
        pa.table({"X": [[1], [2]]}),
        pa.table({"X": [{"a": 1}]}),
    ],
)
def test_lists_and_structures_are_no_levels(frame):
    engine = Memory.of(frame)
    assert engine.facts("X").storage == "other"
    with pytest.raises(DataError, match=r"\[E308\]"):
        engine.values("X")
    with pytest.raises(DataError, match=r"\[E308\]"):
        engine.cells(["X"], [], None, squared=False)


def test_facts_tell_infinite_from_finite_numbers():
    facts = Memory.of(pd.DataFrame({"X": [1.0, np.inf, np.nan, 2.0]})).facts("X")
    assert (facts.missing, facts.endless, facts.mean, facts.total, facts.whole) == (1, 1, 1.5, 3.0, False)
    assert (facts.low, facts.high) == (1.0, math.inf)


def test_facts_of_a_column_without_a_value_have_no_numbers():
    facts = Memory.of(pd.DataFrame({"X": [np.nan, np.nan]})).facts("X")
    assert (facts.storage, facts.missing, facts.low, facts.mean, facts.total) == ("number", 2, None, None, None)


def test_small_integers_do_not_overflow_in_sums():
    frame = pd.DataFrame({"X": np.full(1000, 127, dtype="int8"), "B": np.ones(1000, dtype=bool)})
    engine = Memory.of(frame)
    cells = engine.cells([], [Number("X"), Number("B")], None, squared=False)
    assert cells.sums.tolist() == [[127_000.0, 1000.0]]
    assert cells.squared_products.tolist() == [[[127.0**2 * 1000, 127_000.0], [127_000.0, 1000.0]]]
    assert (engine.facts("X").total, engine.facts("B").total) == (127_000.0, 1000.0)


def test_centring_keeps_the_digits_of_numbers_with_a_large_mean():
    rng = np.random.default_rng(0)
    y = 1e8 + rng.normal(size=5000)
    cells = Memory.of(pd.DataFrame({"Y": y})).cells([], [Number("Y", None, 1e8)], None, squared=False)
    assert cells.squared_products[0, 0, 0] == pytest.approx(math.fsum((y - 1e8) ** 2), rel=1e-12)


def test_a_number_of_few_values_is_counted_by_them_and_its_sums_are_exact(monkeypatch):
    rng = np.random.default_rng(0)
    n = 2 * memory.BLOCK + 5
    frame = pd.DataFrame({"X": rng.integers(0, 3, n), "Y": rng.integers(0, 2, n), "Z": rng.integers(-3, 4, n)})
    engine = Memory.of(frame)
    assert engine.facts("Z").whole
    monkeypatch.setattr(tally.Tally, "_add_sums", None)
    cells = engine.cells(["X"], [Number("Y", {0: 0.0, 1: 1.0}), Number("Z")], None, squared=True)
    for code, y, products in zip(cells.codes[:, 0], cells.sums, cells.squared_products, strict=True):
        own = frame[frame["X"] == cells.values[0][code]][["Y", "Z"]].to_numpy()
        assert y.tolist() == own.sum(axis=0).tolist()
        assert products.tolist() == (own.T @ own).tolist()


def test_an_infinite_number_of_few_values_stays_in_its_own_cell():
    frame = pd.DataFrame({"X": [0, 0, 1], "Y": [1.0, np.inf, 2.0]})
    engine = Memory.of(frame)
    assert engine.values("Y") == [1.0, np.inf, 2.0]
    assert engine.cells(["X"], [Number("Y")], None, squared=True).sums.tolist() == [[np.inf], [2.0]]


@pytest.mark.parametrize("width", [255, 256, 257, 65_535, 65_536, 65_537])
def test_a_column_as_wide_as_the_table_is_counted_behind_a_constant_one(width):
    x = np.arange(width)
    cells = Memory.of(pd.DataFrame({"C": np.zeros(width, dtype=int), "X": x})).cells(["C", "X"], [], None, squared=True)
    assert [cells.values[1][c] for c in cells.codes[:, 1]] == x.tolist()


def test_text_is_read_as_numbers_and_what_is_none_is_missing():
    frame = pd.DataFrame({"Y": ["1", "2.5", "1_000", "x", None, " 3 "]})
    (block,) = Memory.of(frame).batches([Number("Y")])
    np.testing.assert_array_equal(block[:, 0], [1, 2.5, np.nan, np.nan, np.nan, 3])


def test_decimals_are_numbers_and_stay_decimals_as_values():
    values = [Decimal("0.10"), None, Decimal("-3.00")]
    for frame in (
        pd.DataFrame({"X": pd.Series(values, dtype=object)}),
        pl.DataFrame({"X": pl.Series(values, dtype=pl.Decimal(10, 2))}),
        pa.table({"X": pa.array(values, pa.decimal128(10, 2))}),
    ):
        engine = Memory.of(frame, ("-3",))
        assert engine.values("X") == [Decimal("0.10")]
        (block,) = engine.batches([Number("X")])
        np.testing.assert_array_equal(block[:, 0], [0.1, np.nan, np.nan])
        assert engine.facts("X").mean == pytest.approx(0.1)


def test_times_of_nanoseconds_are_told_apart():
    nanoseconds = np.array(["2020-01-01T12:00:00.000000001", "2020-01-01T12:00:00.000000002"], "datetime64[ns]")
    spans = np.array([1, 2], "timedelta64[ns]")
    for frame in (
        pd.DataFrame({"X": nanoseconds, "D": spans}),
        pl.DataFrame({"X": nanoseconds, "D": spans}),
        pa.table({"X": nanoseconds, "D": spans}),
    ):
        engine = Memory.of(frame)
        assert len({level_text(v) for v in engine.values("X")}) == 2
        assert len({level_text(v) for v in engine.values("D")}) == 2


def test_times_are_pythons_own_on_every_engine():
    for frame in (pd.DataFrame({"X": MOMENTS}), pl.DataFrame({"X": MOMENTS}), pa.table({"X": pa.array(MOMENTS)})):
        found = Memory.of(frame).values("X")
        assert {type(v) for v in found} == {dt.datetime}
        assert set(found) == set(MOMENTS)


@pytest.mark.parametrize("n", [memory.BLOCK - 1, memory.BLOCK, memory.BLOCK + 1])
def test_nothing_is_lost_where_blocks_meet(n):
    x = np.arange(n) % 7
    engine = Memory.of(pl.DataFrame({"X": x, "Y": np.ones(n)}))
    cells = engine.cells(["X"], [Number("Y")], None, squared=True)
    assert dict(zip(cells.values[0], cells.rows.tolist(), strict=True)) == dict(enumerate(np.bincount(x).tolist()))
    blocks = list(engine.batches([Number("X"), Number("Y")]))
    np.testing.assert_array_equal(np.concatenate(blocks), np.column_stack([x, np.ones(n)]))


def test_too_many_values_are_seen_in_the_first_block_alone():
    engine = Memory.of(pd.DataFrame({"X": np.arange(3 * memory.BLOCK) * 1e6 + 0.5}))
    assert engine.values("X", 20) is None
    assert not engine._encoded
    late = np.zeros(3 * memory.BLOCK)
    late[-30:] = np.arange(30)
    assert Memory.of(pd.DataFrame({"X": late})).values("X", 20) is None
    assert len(Memory.of(pd.DataFrame({"X": late})).values("X", 30)) == 30


def test_codes_take_the_smallest_type_that_holds_them():
    for count, size in ((255, 1), (256, 2), (65_535, 2), (65_536, 4)):
        found = encode_numbers(np.arange(count) * 3 - 5)
        assert found.codes.dtype.itemsize == size
        assert found.distinct[:2] == [-5, -2]
        one_missing = encode_numbers(np.arange(count), np.arange(count) == 9)
        assert len(one_missing.distinct) == count - 1
        assert one_missing.codes[9] == count - 1


def test_fifty_columns_of_many_values_do_not_overflow():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"V{i}": rng.integers(0, 50, 300) for i in range(50)})
    cells = Memory.of(frame).cells(list(frame), [], None, squared=False)
    back = {tuple(cells.values[i][c] for i, c in enumerate(codes)) for codes in cells.codes.tolist()}
    assert back == {tuple(row) for row in frame.to_numpy().tolist()}


def test_a_name_may_stand_twice_and_need_not_be_text():
    assert Memory.of(pd.DataFrame([[1, 2]], columns=["a", "a"])).columns == ("a", "a")
    assert Memory.of(pd.DataFrame([[1, 2]])).columns == ("0", "1")
    assert Memory.of(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])).columns == ("a", "a")


def test_columns_by_name_are_a_frame_too():
    engine = Memory.of({"X": [1, 0, 1]})
    assert (engine.rows, engine.columns, engine.values("X")) == (3, ("X",), [0, 1])


def test_no_rows_have_no_cells():
    for frame in (pd.DataFrame({"X": []}), pl.DataFrame({"X": []}), pa.table({"X": pa.array([], pa.string())})):
        engine = Memory.of(frame)
        cells = engine.cells(["X"], [], None, squared=False)
        assert (engine.rows, len(cells.rows), cells.dropped, cells.codes.shape) == (0, 0, 0, (0, 1))
        assert engine.values("X") == []


@pytest.mark.parametrize(
    "make",
    [
        pd.DataFrame,
        pl.DataFrame,
        pa.table,
        lambda own: pa.table({"X": pa.array(own["X"], pa.large_binary()).dictionary_encode()}),
        lambda own: pa.table(own).to_pandas(types_mapper=pd.ArrowDtype),
    ],
)
def test_bytes_are_no_levels_and_no_numbers(make):
    engine = Memory.of(make({"X": [b"a", None, b"\xff"]}))
    assert (engine.facts("X").storage, engine.facts("X").missing) == ("other", 1)
    with pytest.raises(DataError, match=r"\[E308\]"):
        engine.values("X")
