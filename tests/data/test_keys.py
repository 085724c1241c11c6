"""Rows of codes as numbers, against sorting the rows themselves."""

import numpy as np
import pytest

from causalgraph.data import keys
from causalgraph.data.keys import numbered
from strategies import scaled


@pytest.mark.parametrize("largest", [2**62, 5])
def test_numbers_are_as_the_rows_sort(monkeypatch, largest):
    monkeypatch.setattr(keys, "LARGEST_KEY", largest)
    rng = np.random.default_rng(0)
    for _ in range(scaled(300, 5000)):
        sizes = rng.integers(1, 5, int(rng.integers(0, 6))).tolist()
        length = int(rng.integers(1, 40))
        codes = np.column_stack([np.zeros((length, 0), int), *(rng.integers(0, k, length) for k in sizes)])
        first, where = numbered(list(codes.T), sizes, length)
        rows = [tuple(row) for row in codes.tolist()]
        different = sorted(set(rows))
        assert [different[w] for w in where] == rows
        assert first.tolist() == [rows.index(row) for row in different]


def test_no_rows_have_no_numbers():
    first, where = numbered([np.zeros(0, dtype=np.intp)], (3,), 0)
    assert len(first) == len(where) == 0
