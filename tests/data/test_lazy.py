"""Engines that compute elsewhere: what is streamed, what is left open, what Ctrl-C does."""

import subprocess
import sys
from collections import Counter

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from causalgraph.data import duck
from causalgraph.data.engine import Number
from causalgraph.data.lazy import Lazy
from causalgraph.data.memory import Memory
from causalgraph.variables import level_text
from frames import MADE, relation


@pytest.mark.parametrize("make", [relation, lambda table: pl.from_arrow(table).lazy()], ids=["duckdb", "polars lazy"])
def test_long_data_come_in_blocks_and_in_order(make):
    n = 400_000
    table = pa.table({"X": np.arange(n), "Y": np.arange(n) % 7})
    engine = Lazy.of(make(table))
    blocks = list(engine.batches([Number("X"), Number("Y", {float(i): i * 10.0 for i in range(7)})]))
    assert len(blocks) > 1
    whole = np.concatenate(blocks)
    np.testing.assert_array_equal(whole[:, 0], np.arange(n))
    np.testing.assert_array_equal(whole[:, 1], np.arange(n) % 7 * 10)


def test_texts_are_numbers_where_they_look_like_some():
    table = pa.table({"X": ["1", " 2.5 ", "-3e2", "1_000", "1d", "?", "nan", None, ".5"]})
    for make in (MADE["duckdb"], MADE["polars lazy"]):
        (block,) = Lazy.of(make(table)).batches([Number("X")])
        np.testing.assert_array_equal(block[:, 0], [1, 2.5, -300, *[np.nan] * 5, 0.5])


def test_two_columns_of_one_name_are_told_apart():
    engine = Lazy.of(duckdb.connect().sql("SELECT 1 AS a, 2 AS a, 3 AS b"))
    assert engine.columns == ("a", "a", "b")
    assert engine.values("b") == [3]


def test_a_reader_who_stops_early_leaves_the_connection_free():
    connection = duckdb.connect()
    before = Counter(connection.sql("SELECT name, value FROM duckdb_settings()").fetchall())
    engine = Lazy.of(connection.sql("SELECT range AS x FROM range(1000000)"))
    blocks = engine.batches([Number("x")])
    next(blocks)
    blocks.close()
    assert connection.sql("SELECT 1").fetchall() == [(1,)]
    assert Counter(connection.sql("SELECT name, value FROM duckdb_settings()").fetchall()) == before


INTERRUPTED = """
import os, signal, threading, duckdb
from causalgraph.data.engine import Number
from causalgraph.data.lazy import Lazy
connection = duckdb.connect()
engine = Lazy.of(connection.sql("SELECT a.range AS x, a.range % 3 AS z FROM range(10000000) a, range(10000) b"))
for work in (
    lambda: engine.cells(["z"], [Number("x")], None, squared=True),
    lambda: sum(len(block) for block in engine.batches([Number("x")])),
):
    threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        work()
    except KeyboardInterrupt:
        print("stopped", connection.sql("SELECT 1").fetchall())
"""


def test_ctrl_c_stops_duckdb_as_what_it_is(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=True, cwd=tmp_path, timeout=120
    )
    assert done.stdout.splitlines() == ["stopped [(1,)]"] * 2
    assert list(tmp_path.iterdir()) == []


def test_no_engine_is_loaded_before_its_frame_is_passed():
    # pandas itself may load pyarrow.
    code = "import sys, causalgraph.data.lazy; print(sorted({'duckdb', 'polars', 'pyspark'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_pyarrow_duckdb_gives_its_rows_at_once(monkeypatch):
    table = pa.table({"X": [1, None, 3], "Y": ["a", "b", None]})
    engine, numbers = Lazy.of(relation(table)), [Number("X"), Number("Y", {"a": 0.0, "b": 1.0})]
    streamed = np.concatenate(list(engine.batches(numbers)))
    monkeypatch.setattr(duck, "find_spec", lambda _: None)
    (block,) = engine.batches(numbers)
    np.testing.assert_array_equal(block, streamed)


@pytest.mark.parametrize(
    ("dtype", "values", "texts"),
    [
        (pl.Time, [1_000_001_000, 1_000_002_000], {"00:00:01.000001", "00:00:01.000002"}),
        (pl.Datetime("ns"), [1, 1000], {"1970-01-01 00:00:00.000000001", "1970-01-01 00:00:00.000001"}),
        (pl.Datetime("ns", "Europe/Paris"), [1, 2], {f"1970-01-01 01:00:00.00000000{i}+01:00" for i in (1, 2)}),
        (pl.Duration("ns"), [1, 2], {f"0 days 00:00:00.00000000{i}" for i in (1, 2)}),
    ],
)
def test_times_that_are_two_stay_two(dtype, values, texts):
    frame = pl.DataFrame({"T": pl.Series([*values, None], dtype=pl.Int64).cast(dtype)})
    lazy, eager = Lazy.of(frame.lazy()), Memory.of(frame)
    assert {level_text(v) for v in lazy.values("T")} == {level_text(v) for v in eager.values("T")} == texts
    assert set(lazy.values("T")) == set(eager.values("T"))


def test_a_duckdb_time_is_written_as_pythons():
    engine = Lazy.of(duckdb.connect().sql("SELECT unnest(['00:00:01.5'::TIME, NULL, '00:00:01'::TIME]) AS T"))
    assert {level_text(v) for v in engine.values("T")} == {"00:00:01.500000", "00:00:01"}
    assert engine.cells(["T"], [], None, squared=False).dropped == 1


@pytest.mark.parametrize("of", [Memory.of, lambda frame, na: Lazy.of(frame.lazy(), na)])
def test_a_time_that_is_a_mark_is_missing_and_its_neighbour_is_not(of):
    frame = pl.DataFrame({"T": pl.Series([1_000_000_000, 1_500_000_000], dtype=pl.Int64).cast(pl.Time)})
    engine = of(frame, ("00:00:01",))
    assert [level_text(v) for v in engine.values("T")] == ["00:00:01.500000"]
    assert engine.facts("T").missing == 1
