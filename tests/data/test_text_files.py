"""Files of text: read as pandas reads them, or refused where that would be a guess."""

import csv
import io

import numpy as np
import pytest

from causalgraph.data import files
from causalgraph.data.files import read
from filing import refused, written
from oracles.reading import as_pandas_reads, columns
from strategies import scaled

pytestmark = pytest.mark.usefixtures("large")


def types(found):
    return [str(kind) for kind in found.types]


@pytest.fixture(params=[True, False], ids=["stored", "read again"])
def stored(request, monkeypatch):
    """Whether text is parsed once, or by every query."""
    if not request.param:
        monkeypatch.setattr(files, "LARGEST_STORED", -1)
    return request.param


@pytest.mark.parametrize(
    "text",
    [
        "X,Y\n1,2\n",
        "\ufeffX,Y\n1,2\n",
        '\ufeff"X",Y\n1,2\n',
        "X,Y\na\x00b,1\n",
        'X,Y\n"a\nb",1\n"c""d",2\n',
        'X,Y\r\n"a\nb",1\r\n"c",2\r\n',
        'X,Y\na"b,1\n',
        "X,Y\r\na,1\r\nb,2\r\n",
        "X,Y\ra,1\rb,2\r",
        "X,Y\n1,2,\n1,2,\n",
        "X,,Y\n1,2,3\n",
        "X,Y,\n1,2,\n",
        " X , Y\n1, 2\n",
        "X,Y\n a,b \n",
        "X\n007\n012\n",
        "X\n1e5\n2\n",
        'X\n"1,5"\n"2,5"\n',
        "X,Y\nTrue,1\nFALSE,2\n,3\n",
        "X\nT\nF\n",
        "X\nTrue\n1\n",
        "X\n2020-01-01\n2020-02-01\n",
        "X\n2020-01-01T10:00:00Z\n",
        "X\n10:00\n",
        "X\n9223372036854775808\n1\n",
        "X\n99999999999999999999999\n1\n",
        "X,Y\n1,\n2,\n",
        "X\n1\n\n2\n",
        'X\n1\n""\n2\n',
        "X,Y\n1,2\n\n   \n3,4\n\n",
        "\n\nX,Y\n1,2\n",
        "X\ninf\n-inf\nInfinity\n",
        "X\n+1\n 2\n3 \n",
        "X\n1_000\n2\n",
        "X\n0x10\n1\n",
        "X\n0.1\n0.30000000000000004\n1.7976931348623157e308\n5e-324\n",
        "X\n1.\n.5\n-0\n",
        'X,Y\nNA,1\n"NA",2\nN/A,3\nNaN,4\nnan,5\nNULL,6\nnull,7\nNone,8\n"",9\n,10\nok,11\nNA ,12\n',
        "X\nNAN\n1\n",
        "#X,Y\n#1,2\n",
        "X;Y\n1;2\n",
        "Unnamed: 0,X\n0,1\n",
        ",X\n0,1\n1,2\n",
        "1,2\n3,4\n",
        'X\n"1"\n"2"\n',
        '"a\nb","c,d"\n1,2\n',
        "rowid,select,file,c0\n1,2,3,4\n",
        "a b,value,count,😀,'x';--\n1,2,3,4,5\n",
        "X,Y\n1,\x01\n",
    ],
)
def test_a_csv_is_read_as_pandas_reads_it(tmp_path, text, stored):
    path = written(tmp_path, text)
    assert columns(read(path)) == as_pandas_reads(path)


def test_a_column_is_numbers_only_where_every_value_is(tmp_path, stored):
    path = written(tmp_path, "X,Y,Z\n" + "1,1,1\n" * 100_000 + "a,2.5,12345678901234567890\n")
    found = read(path)
    assert types(found) == ["VARCHAR", "DOUBLE", "UBIGINT"]
    assert columns(found) == as_pandas_reads(path)


def test_numbers_with_more_digits_than_any_type_holds_stay_apart(tmp_path):
    long = "1" + "0" * 45
    assert columns(read(written(tmp_path, f"X\n{long}1\n{long}2\n")))["X"] == [f"{long}1", f"{long}2"]


VALUES = [
    "",
    "a",
    "b c",
    "1",
    "-2.5",
    "1e3",
    "NA",
    "None",
    'say "hi"',
    "x,y",
    "two\nlines",
    "\r\n",
    " ",
    "é",
    "😀",
    "True",
]


def random_csv(rng):
    width, rows = rng.integers(2, 5), rng.integers(0, 40)
    pools = [rng.choice(VALUES, size=rng.integers(1, 5)) for _ in range(width)]
    lines = [[str(rng.choice(pool)) for pool in pools] for _ in range(rows)]
    out = io.StringIO(newline="")
    end = ["\n", "\r\n"][rng.integers(2)]
    quoting = [csv.QUOTE_MINIMAL, csv.QUOTE_ALL][rng.integers(2)]
    writer = csv.writer(out, lineterminator=end, quoting=quoting)
    writer.writerows([[f"V{i}" for i in range(width)], *lines])
    return out.getvalue()


def test_random_files_are_read_as_pandas_reads_them(tmp_path):
    rng = np.random.default_rng(6)
    for _ in range(scaled(40, 1500)):
        path = written(tmp_path, random_csv(rng))
        assert columns(read(path)) == as_pandas_reads(path), path.read_text(encoding="utf-8")


def test_lines_within_values_are_no_rows_however_large_the_file(tmp_path, stored):
    rng = np.random.default_rng(0)
    inner = ["x", "1,2,3\n4,5,6\n7,8,9", "\n\n\n", 'say "hi"\n"b"']
    out = io.StringIO(newline="")
    rows = [[i, inner[k], i % 7] for i, k in enumerate(rng.integers(0, 4, scaled(20_000, 2_000_000)))]
    csv.writer(out).writerows([["A", "B", "C"], *rows])
    found = read(written(tmp_path, out.getvalue())).aggregate("count(*), sum(A), sum(C), sum(length(B))").fetchall()[0]
    assert found == (len(rows), sum(r[0] for r in rows), sum(r[2] for r in rows), sum(len(r[1]) for r in rows))


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"", "E312", "is empty"),
        (b"\n\n", "E312", "is empty"),
        (b"X\n\xe9\n", "E310", "line 2 isn't UTF-8"),
        (b"X\n" + b"a\n" * 300_000 + b"\xe9\n", "E310", "line 300002 isn't UTF-8"),
        (b"X,X\n1,2\n", "E305", "more than one column 'X'"),
        (b"X,Y\n1,2\n1,2,3\n", "E310", "row 2 is longer than the header"),
        (b"X,Y\n1,2,3\n1,2\n", "E310", "row 1 is longer"),
        (b"X,Y\n1,2,3,4,5\n", "E310", "line 2 is longer"),
        (b"Z,X,Y\n0,1,\n0,1,1,\n", "E310", "row 2 is longer"),
        (b"X,Y\n1,2,\n3,4\n", "E310", "row 2 is longer or shorter|row 2 is"),
        (b"X,Y\n1,2\n3\n", "E310", "row 2 is shorter"),
        (b'X,Y\n1,2\n"', "E310", "quotes"),
        (b'X,Y\n1,2\n"abc\n1,2\n', "E310", "quotes"),
        (b'X,Y\n1,2\n1,"abc\n', "E310", "quotes|shorter"),
        (b'X,Y\n5" pipe,2\n"abc\n1,2\n', "E310", "quotes"),
        (b'X,Y\n"a"b,1\n', "E310", "quotes"),
        (b"X,Y\na,1\r\nb,2\n", "E310", "lines end in several ways"),
        (bytes(range(256)) * 40_000, "E310", "can't be read"),
    ],
)
def test_a_csv_that_would_be_a_guess_is_refused(tmp_path, content, code, said, stored):
    with refused(code) as caught:
        read(written(tmp_path, content))
    assert any(part in str(caught.value) for part in said.split("|"))


def test_a_table_without_rows_keeps_its_columns(tmp_path):
    assert columns(read(written(tmp_path, "X,Y\n"))) == {"X": [], "Y": []}


def test_a_declared_level_is_no_mark_of_a_missing_value(tmp_path, stored):
    path = written(tmp_path, "X,Y\nNA,-\n,2\n-,3\n")
    assert columns(read(path)) == {"X": [None, None, "-"], "Y": ["-", "2", "3"]}
    assert columns(read(path, ["-"], levels={"NA"})) == {"X": ["NA", None, None], "Y": [None, 2, 3]}
    assert columns(read(path, levels={""}))["X"] == [None, "", "-"]


def test_json_lines_keep_texts_and_say_what_is_nested(tmp_path, stored):
    text = '{"X": "2020-01-01", "Y": true, "L": [1]}\n{"X": "NA", "Z": 0.5, "M": 1}\n{"Y": null, "M": "a"}\n'
    found = read(written(tmp_path, text, "d.jsonl"))
    assert columns(found.select("X", "Y", "Z", "M")) == {
        "X": ["2020-01-01", None, None],
        "Y": [True, None, None],
        "Z": [None, 0.5, None],
        "M": [None, "1", "a"],
    }
    assert types(found.select("L"))[0].endswith("[]")
    with refused("E312"):
        read(written(tmp_path, "", "e.jsonl"))
