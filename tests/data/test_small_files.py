"""Small files of text: read whole, and as large ones are."""

import numpy as np
import pytest

from causalgraph.data import files
from causalgraph.data.files import read
from causalgraph.errors import DataError
from oracles.reading import columns


def refused(code):
    return pytest.raises(DataError, match=rf"\[{code}\]")


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
