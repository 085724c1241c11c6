"""Small files of text: read whole, and as large ones are."""

import bz2
import gzip
import lzma

import numpy as np
import pytest

from causalgraph.data import files
from causalgraph.data.files import read
from causalgraph.errors import DataError
from filing import refused
from oracles.reading import columns

OPENED = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
TEXTS = {
    "plain": "X,Y\n1,a\n2,b\n",
    "missing": "X,Y\n1,\nNA,b\n,nan\n",
    "quoted": 'X,"a ""b"""\n1,"two\nlines"\n2,"x, y"\n',
    "numbers": "X,Y,Z\n007,1e5,1.5\n8,2,2\n",
    "truth": "X,Y\nTrue,TRUE\nFALSE,false\n",
    "ends": "X,Y\r\n1,a\r\n2,b\r\n",
    "mark": "\ufeffX,Y\n1,a\n2,b\n",
    "late": "X\n" + "1\n" * 3000 + "x\n",
    "none": "X\nNone\nSome\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_small_file_says_what_a_large_one_would(tmp_path, monkeypatch, name):
    path = tmp_path / "d.csv"
    path.write_text(TEXTS[name], encoding="utf-8", newline="")
    small = columns(read(path))
    monkeypatch.setattr(files, "LARGEST_WHOLE", -1)
    assert small == columns(read(path))


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "E312"), (b"X,X\n1,2\n", "E305"), (b"X,Y\n1,2,3\n", "E310"), (b"X\n\xff\xfe\x00\n", "E310")],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path, content, code):
    (tmp_path / "d.csv").write_bytes(content)
    with refused(code):
        read(tmp_path / "d.csv")


def test_columns_that_differ_in_case_alone_stay_two(tmp_path):
    (tmp_path / "d.tsv").write_text("x\tX\n1\t2\n", encoding="utf-8")
    assert columns(read(tmp_path / "d.tsv")) == {"x": [1], "X": [2]}


def test_a_level_that_pandas_takes_for_missing_stays_a_level(tmp_path):
    (tmp_path / "d.csv").write_text("X\nNone\nSome\nNA\n-\n", encoding="utf-8")
    assert columns(read(tmp_path / "d.csv", na=["-"])) == {"X": ["None", "Some", None, None]}


def test_ten_megabytes_of_garbage_are_an_error(tmp_path):
    garbage = np.random.default_rng(0).integers(0, 256, 10_000_000, dtype=np.uint8)
    (tmp_path / "d.csv").write_bytes(garbage.tobytes())
    with refused("E3.."):
        read(tmp_path / "d.csv")


SHORT = {
    "at the end": ("X,Y,Z\n1,2,3\n4,5\n", 3),
    "after an empty line": ("X,Y,Z\n\n  \n1,2,3\n4\n", 5),
    "after a quoted line end": ('X,Y,Z\n1,"two\nlines",3\n"4, 5",6\n', 4),
    "among missing values": ("X,Y,Z\n1,2,\n4,5\n", 3),
    "lines that end in CR LF": ("X,Y,Z\r\n1,2,3\r\n4,5\r\n", 3),
    "a byte order mark": ("\ufeffX,Y,Z\n4,5\n", 2),
    "a separator at the end": ("X,Y,Z\n1,2,3,\n4,5\n", 3),
    "nothing but quotes": ('X,Y,Z\n1,2,3\n""\n', 3),
}
WHOLE = {
    "missing": "X,Y\n1,\n,\nNA,NA\n",
    "missing and quoted": 'X,Y\n"1,5",\n"",2\n',
    "empty lines": "X,Y\n1,\n\n  \n2,b\n\n",
    "no line end at the end": "X,Y\r\n1,2\r\n3,",
    "a separator at the end": "X,Y\n1,,\n2,b,\n",
    "a long value": f'X,Y\n"{"a" * 200_000}",\n',
    "one column": 'X\n1\n""\n',
}


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.bz2", "csv.xz", "tsv"])
@pytest.mark.parametrize("name", SHORT)
def test_a_row_that_is_too_short_is_refused_whatever_the_size(tmp_path, monkeypatch, name, ending):
    content, line = SHORT[name]
    text = content.replace(",", "\t") if ending == "tsv" else content
    path = tmp_path / f"d.{ending}"
    with OPENED.get(path.suffix, open)(path, "wb") as file:
        file.write(text.encode())
    with pytest.raises(DataError, match=rf"\[E310\].*line {line} is shorter"):
        read(path)
    monkeypatch.setattr(files, "LARGEST_WHOLE", -1)
    with pytest.raises(DataError, match=r"\[E310\].* is shorter"):
        read(path)


@pytest.mark.parametrize("name", WHOLE)
def test_a_row_that_is_whole_is_read_whatever_it_lacks(tmp_path, monkeypatch, name):
    path = tmp_path / "d.csv"
    path.write_text(WHOLE[name], encoding="utf-8", newline="")
    small = columns(read(path))
    monkeypatch.setattr(files, "LARGEST_WHOLE", -1)
    assert small == columns(read(path))


@pytest.mark.parametrize(
    ("content", "saying"),
    [
        (b"X,Y\n1,2\n3,4,5\n", "line 3 is longer than those before it"),
        (b"X,Y\n\xe9,2\n", "it isn't UTF-8"),
        (b'X,Y\n1,"2\n', "quotes don't match: one isn't closed"),
    ],
)
def test_what_is_wrong_is_said_in_our_words(tmp_path, content, saying):
    (tmp_path / "d.csv").write_bytes(content)
    with refused("E310") as caught:
        read(tmp_path / "d.csv")
    assert str(caught.value.diagnostics[0].what).endswith(f"can't be read: {saying}")
