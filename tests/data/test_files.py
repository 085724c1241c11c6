"""Files of data: what is read as before, what is refused, and that nothing is loaded, lost or mixed up."""

import bz2
import gc
import gzip
import lzma
import os
import zipfile
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from causalgraph.data import files
from causalgraph.data.files import read, watch
from causalgraph.errors import SourceText, Span
from filing import refused, written
from oracles.reading import columns

pa = pytest.importorskip("pyarrow")


pytestmark = pytest.mark.usefixtures("large")


def test_columns_that_differ_in_case_alone_are_not_mixed_up(tmp_path):
    path = written(tmp_path, "X,x,Y\n1,a,\n2,b,3\n")
    assert columns(read(path)) == {"X": [1, 2], "x": ["a", "b"], "Y": [None, 3]}
    pd.DataFrame({"X": [1], "x": ["a"]}).to_parquet(tmp_path / "d.parquet")
    assert columns(read(tmp_path / "d.parquet")) == {"X": [1], "x": ["a"]}
    with refused("E305"):
        read(written(tmp_path, '{"X": 1, "x": 2}\n', "d.jsonl"))


def test_a_file_is_read_by_its_ending(tmp_path):
    frame = pd.DataFrame({"X": ["a", "b"], "Y": [1, 2]})
    text = frame.to_csv(index=False).encode()
    frame.to_csv(tmp_path / "d.tsv", sep="\t", index=False)
    frame.to_json(tmp_path / "d.jsonl", orient="records", lines=True)
    frame.to_json(tmp_path / "d.ndjson.gz", orient="records", lines=True, compression="gzip")
    frame.to_json(tmp_path / "d.json", orient="records")
    frame.to_parquet(tmp_path / "d.parquet")
    frame.to_feather(tmp_path / "d.feather")
    pa.feather.write_feather(frame, tmp_path / "d.arrow", compression="uncompressed")
    written(tmp_path, text, "d.CSV")
    written(tmp_path, gzip.compress(text), "d.csv.gz")
    written(tmp_path, bz2.compress(text), "d.csv.bz2")
    written(tmp_path, lzma.compress(text), "d.csv.xz")
    written(tmp_path, pa.compress(text, codec="zstd", asbytes=True), "d.csv.zst")
    with zipfile.ZipFile(tmp_path / "d.csv.zip", "w") as packed:
        packed.writestr("inside.csv", text)
    for path in sorted(tmp_path.iterdir()):
        assert columns(read(path)) == columns(frame), path.name


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_an_open_quote_is_found_in_a_compressed_file(tmp_path, ending):
    text = b'X,Y\n5" pipe,2\n"abc\n1,2\n'
    packed = gzip.compress(text) if ending == "gz" else pa.compress(text, codec="zstd", asbytes=True)
    with refused("E310") as caught:
        read(written(tmp_path, packed, f"d.csv.{ending}"))
    assert "quotes" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("d.csv.gz", b"nonsense"),
        ("d.csv.gz", gzip.compress(b"X\n1\n" * 1000, mtime=0)[:-9]),
        ("d.csv.bz2", bz2.compress(b"X\n1\n")[:-9]),
        ("d.csv.xz", b"nonsense"),
        ("d.csv.zip", b"nonsense"),
        ("d.csv.zst", b"nonsense"),
        ("d.parquet", b"PAR1nonsensePAR1"),
        ("d.arrow", b"nonsense" * 20),
        ("d.duckdb", b"nonsense" * 2000),
        ("d.db", b"SQLite format 3\0" + b"x" * 5000),
        ("d.jsonl", b"{"),
        ("d.jsonl", b'{"X": "\xe9"}'),
        ("d.jsonl", b"1\n2\n"),
        ("d.jsonl", b'{"X": 1, "X": 2}\n'),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name, content):
    with refused("E310"):
        read(written(tmp_path, content, name))


def test_files_of_a_pattern_are_read_in_natural_order(tmp_path):
    for i in (10, 2, 1):
        folder = tmp_path / f"year={i}"
        folder.mkdir()
        written(folder, f"X\n{i}\n", "x.csv")
        pd.DataFrame({"X": [i]}).to_parquet(tmp_path / f"part-{i}.parquet")
    written(tmp_path, b"hidden", ".part-3.parquet")
    assert columns(read(tmp_path / "year=*" / "x.csv")) == {"X": [1, 2, 10]}
    assert columns(read(tmp_path / "part-*.parquet")) == {"X": [1, 2, 10]}
    with refused("E310"):
        read(tmp_path / "none-*.csv")
    with refused("E310"):
        read(tmp_path / "*[v.t]*" / "*")


@pytest.mark.parametrize("ending", ["csv", "parquet", "arrow"])
@pytest.mark.parametrize("second", ["X,Z", "X", "X,Y,Z"])
def test_files_whose_columns_differ_are_refused_by_name(tmp_path, ending, second):
    for i, names in enumerate(["X,Y", second]):
        frame = pd.DataFrame({name: [1] for name in names.split(",")})
        path = tmp_path / f"{i}.{ending}"
        {"csv": lambda f, p: f.to_csv(p, index=False), "parquet": pd.DataFrame.to_parquet}.get(
            ending, pd.DataFrame.to_feather
        )(frame, path)
    with refused("E310") as caught:
        read(tmp_path / f"*.{ending}")
    assert f"1.{ending} has " in str(caught.value)
    assert ("'Z'" if second == "X,Y,Z" else "'Y'") in str(caught.value)


def test_an_order_of_columns_is_followed_by_name_or_refused(tmp_path):
    pd.DataFrame({"X": [1], "Y": [1]}).to_parquet(tmp_path / "1.parquet")
    pd.DataFrame({"Y": [2.5], "X": [3]}).to_parquet(tmp_path / "2.parquet")
    assert columns(read(tmp_path / "*.parquet")) == {"X": [1, 3], "Y": [1, 2.5]}
    written(tmp_path, "X,Y\n1,1\n", "1.csv")
    written(tmp_path, "Y,X\n1,1\n", "2.csv")
    with refused("E310") as caught:
        read(tmp_path / "*.csv")
    assert "another order" in str(caught.value)


def test_a_ragged_row_is_told_by_its_file(tmp_path):
    for i, text in enumerate(["X,Y\n1,2\n3,4\n", "X,Y\n1,2\n3\n"]):
        written(tmp_path, text, f"{i}.csv")
    with refused("E310") as caught:
        read(tmp_path / "*.csv")
    assert f"{tmp_path / '1.csv'}: row 2 is shorter" in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["it's.csv", "a*b.csv", "[1].csv", "w?.csv", "x'] --.csv", "~.csv", "a b\n😀.csv", "{a,b}.csv", "n" * 200 + ".csv"],
)
@pytest.mark.skipif(os.name == "nt", reason="Windows allows no such names")
def test_a_path_is_a_path_whatever_it_holds(tmp_path, name):
    written(tmp_path, "X\nwrong\n", "aab.csv")
    written(tmp_path, "X\nwrong\n", "1.csv")
    assert columns(read(written(tmp_path, "X\nright\n", name))) == {"X": ["right"]}


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("baner.csv", "E310", "did you mean banner.csv"),
        ("banner.xyz", "E311", "aren't read yet"),
        ("banner", "E311", "use .csv"),
        (".", "E310", "is a folder"),
        ("nul\0.csv", "E310", ""),
        ("n" * 5000 + ".csv", "E310", ""),
    ],
)
def test_a_path_that_leads_nowhere_says_so(tmp_path, name, code, said):
    written(tmp_path, "X\n1\n", "banner.csv")
    span = Span(SourceText('data "d"'), 5, 8)
    with refused(code) as caught:
        read(tmp_path / name, span=span)
    assert said in str(caught.value)
    assert caught.value.diagnostics[0].span == span


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_file_that_may_not_be_read_is_refused(tmp_path):
    path = written(tmp_path, "X\n1\n")
    path.chmod(0)
    with refused("E310"):
        read(path)


def test_a_table_of_a_duckdb_file_is_named_behind_it(tmp_path):
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.execute("CREATE TABLE sales AS SELECT 1 AS X, 'a' AS \"a b\"")
    assert columns(read(tmp_path / "shop.duckdb")) == {"X": [1], "a b": ["a"]}
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.execute('CREATE SCHEMA old; CREATE TABLE old."big one" AS SELECT 2 AS X')
    assert columns(read(tmp_path / "shop.duckdb" / "old.big one")) == {"X": [2]}
    with refused("E310") as caught:
        read(tmp_path / "shop.duckdb")
    assert "its tables are sales, old.big one" in str(caught.value)
    with refused("E310") as caught:
        read(tmp_path / "shop.duckdb" / "sale")
    assert 'shop.duckdb/sales"' in str(caught.value)


def test_a_file_that_changes_between_two_queries_is_refused(tmp_path):
    path = tmp_path / "d.parquet"
    pd.DataFrame({"X": [1]}).to_parquet(path)
    found, watched = read(path), watch(path)
    with watched.reading():
        assert found.fetchall() == [(1,)]
    pd.DataFrame({"Y": ["a", "b"]}).to_parquet(path)
    with refused("E310") as caught, watched.reading():
        found.select("X").fetchall()
    assert "has changed" in str(caught.value)
    path.unlink()
    with refused("E310"), watched.reading():
        pass


def test_what_was_written_to_disk_goes_with_the_relation(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = written(tmp_path, bz2.compress(b"X\n1\n"), "d.csv.bz2")
    found = read(path)
    held = list(tmp_path.glob("causalgraph-*"))
    assert len(held) == 1
    assert found.fetchall() == [(1,)]
    del found
    gc.collect()
    assert not held[0].exists()


def test_memory_is_limited_by_an_argument_or_the_environment(tmp_path, monkeypatch):
    path = written(tmp_path, "X\n1\n")
    limits = []
    connect = files._connect
    monkeypatch.setattr(files, "_connect", lambda memory: limits.append(made := connect(memory)) or made)
    read(path, memory="400MB")
    monkeypatch.setenv("CAUSALGRAPH_MEMORY", "200MB")
    read(path)
    shown = [c.execute("SELECT current_setting('memory_limit')").fetchone()[0] for c, _ in limits]
    assert [s.split()[0][:3] for s in shown] == ["381", "190"]
    with refused("E310"):
        read(path, memory="lots")


def test_an_arrow_file_is_read_without_pyarrow(tmp_path, monkeypatch):
    pl = pytest.importorskip("polars")
    pd.DataFrame({"X": [1]}).to_feather(tmp_path / "d.arrow")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert isinstance(read(tmp_path / "d.arrow"), pl.LazyFrame)
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with refused("E311") as caught:
        read(tmp_path / "d.arrow")
    assert "pip install pyarrow" in str(caught.value)


def test_all_that_is_needed_is_built_into_duckdb():
    loaded = duckdb.sql("SELECT extension_name FROM duckdb_extensions() WHERE loaded").fetchall()
    assert {"parquet", "json", "icu"} <= {name for (name,) in loaded}


def test_a_relative_path_means_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "X\n1\n")
    assert columns(read(Path("d.csv"))) == {"X": [1]}
