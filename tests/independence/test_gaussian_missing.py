"""Fisher's z with missing values is, for each test, Fisher's z of the rows that are complete in its variables."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from causalgraph.data.opening import open_source
from causalgraph.errors import DataError
from causalgraph.independence import gaussian_missing
from causalgraph.independence.choosing import choose
from causalgraph.independence.gaussian import FisherZ
from causalgraph.independence.gaussian_missing import FisherZMissing
from oracles.dropping import dropped_level, dropped_test
from strategies import scaled


def holed(rng: np.random.Generator, n: int, v: int, share: float, patterns: int | None = None) -> np.ndarray:
    """Return correlated rows with holes, of a few kinds of rows or of any."""
    rows = rng.standard_normal((n, v)) @ rng.normal(0, 1, (v, v)) * 10.0 ** rng.integers(-3, 4, v)
    rows += 10.0 ** rng.integers(-2, 5, v)
    kinds = rng.random((patterns or n, v)) < share
    rows[kinds[rng.integers(len(kinds), size=n)]] = np.nan
    return rows


def made_of(rows: np.ndarray, *cuts: int, counts: np.ndarray | None = None) -> FisherZMissing:
    weights = np.ones(len(rows)) if counts is None else counts.astype(float)
    blocks = zip(np.split(rows, cuts), np.split(weights, cuts), strict=True)
    return FisherZMissing.of_rows(blocks, [f"X{k}" for k in range(rows.shape[1])], counted=counts is not None)


@pytest.mark.parametrize("patterns", [1, 4, None])
def test_each_test_is_that_of_the_rows_that_are_complete_in_its_variables(patterns: int | None) -> None:
    rng = np.random.default_rng(0)
    for _ in range(scaled(15, 200)):
        v = int(rng.integers(3, 7))
        rows = holed(rng, int(rng.integers(40, 120)), v, 0.15, patterns)
        if np.isnan(rows).all(axis=0).any():
            continue
        counts = rng.integers(1, 4, len(rows)) if rng.random() < 0.3 else None
        test = made_of(rows, *sorted(rng.integers(0, len(rows), 2).tolist()), counts=counts)
        for _ in range(10):
            i, j, *given = rng.permutation(v)[: int(rng.integers(2, v + 1))].tolist()
            told = test.test(i, j, given)
            p, n = dropped_test(rows, i, j, given, counts)
            assert told.n == n
            assert told.p == pytest.approx(p, rel=1e-6, abs=1e-290, nan_ok=True)


@pytest.mark.parametrize("room", [gaussian_missing.ROOM, 100])
def test_a_level_is_its_tests_and_counts_those_that_could_not_be_made(
    room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gaussian_missing, "ROOM", room)
    rng = np.random.default_rng(1)
    skipped = 0
    for _ in range(scaled(12, 150)):
        v = 6
        rows = holed(rng, int(rng.integers(14, 60)), v, 0.2)
        test = made_of(rows)
        adjacent = np.triu(rng.random((v, v)) < 0.7, 1)
        adjacent = adjacent | adjacent.T
        for depth in range(4):
            truth = dropped_level(rows, adjacent, adjacent, depth)
            level = test.level(adjacent, adjacent, depth, 0.3)
            unmade = sum(math.isnan(p) for p in truth.values())
            skipped += unmade
            assert (level.tests, level.skipped) == (len(truth) - unmade, unmade)
            for i, j in np.argwhere(np.triu(adjacent, 1)).tolist():
                values = {given: p for (a, b, given), p in truth.items() if (a, b) == (i, j) and not math.isnan(p)}
                assert level.p[i, j] == pytest.approx(max(values.values(), default=-1.0), rel=1e-6, abs=1e-290)
                if values:
                    assert values[tuple(level.sets[i, j].tolist())] == pytest.approx(level.p[i, j], rel=1e-6)
            cut = zip(level.pairs.tolist(), level.separators.tolist(), strict=True)
            assert {(*pair, tuple(given)) for pair, given in cut} == {key for key, p in truth.items() if p > 0.3}
    assert skipped


def test_without_missing_values_it_is_fishers_z_of_all_rows() -> None:
    rng = np.random.default_rng(2)
    rows = holed(rng, 60, 5, 0.0)
    test = made_of(rows, 20)
    whole = test.whole
    assert whole is not None
    plain = FisherZ.of_matrix(np.cov(rows.T), test.variables, 60)
    np.testing.assert_allclose(whole.correlation, plain.correlation, atol=1e-12)
    assert whole.n == plain.n
    for given in ([], [2], [2, 3, 4]):
        assert test.test(0, 1, given).p == pytest.approx(plain.test(0, 1, given).p, rel=1e-6)
    assert made_of(holed(rng, 60, 5, 0.2)).whole is None


def test_large_means_cost_no_digits() -> None:
    rng = np.random.default_rng(3)
    rows = holed(rng, 200, 4, 0.2)
    near = [made_of(rows).test(0, 1, given).p for given in ([], [2, 3])]
    shifted = rows / np.nanstd(rows, axis=0) + 1e7
    far = [made_of(shifted).test(0, 1, given).p for given in ([], [2, 3])]
    assert far == pytest.approx(near, rel=1e-5)


def test_a_variable_that_does_not_vary_where_another_is_known_is_not_tested_with_it_and_adds_nothing_to_a_set() -> None:
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((60, 4))
    rows[:30, 0] = 0.1
    rows[30:, 1] = np.nan
    test = made_of(rows)
    assert math.isnan(test.test(0, 1, []).p)
    assert test.test(1, 2, [0]).p == pytest.approx(
        FisherZ.of_matrix(np.corrcoef(rows[:30, 1:].T), ["A", "B", "C"], 30).test(0, 1, []).p, rel=1e-6
    )


def test_the_depth_ends_where_no_two_variables_have_enough_rows() -> None:
    rows = np.full((20, 3), np.nan)
    rows[:7, :2] = np.random.default_rng(5).standard_normal((7, 2))
    rows[10:, 2] = np.arange(10)
    assert made_of(rows).deepest == 3
    assert made_of(rows).test(0, 2, []).n == 0
    assert math.isnan(made_of(rows).test(0, 2, []).p)


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        (np.full((5, 2), np.nan), "E307"),
        (np.array([[1.0, np.nan]] * 9 + [[np.nan, 2.0]]), "E320"),
        (np.array([[k, np.nan] for k in range(9)] + [[np.nan, k] for k in range(9)], dtype=float), "E322"),
    ],
)
def test_rows_that_carry_no_test_are_an_error_with_a_code(rows: np.ndarray, code: str) -> None:
    with pytest.raises(DataError) as caught:
        made_of(rows)
    assert caught.value.code == code


def test_weighted_rows_are_worth_what_their_weights_say_in_each_test() -> None:
    rng = np.random.default_rng(6)
    frame = pd.DataFrame(holed(rng, 80, 3, 0.2), columns=["A", "B", "C"]).assign(W=rng.uniform(0.5, 2, 80))
    frame.loc[3, "W"] = np.nan
    frame.loc[4, "W"] = 0
    test = choose(open_source(frame, weight="W"), variables=["A", "B", "C"]).test
    for pair, names in (((0, 1), ["A", "B"]), ((1, 2), ["B", "C"])):
        kept = frame[[*names, "W"]].dropna()
        w = kept["W"].to_numpy()
        assert test.test(*pair, []).n == pytest.approx(w.sum() ** 2 / (w * w).sum())
        cov = np.cov(kept[names].to_numpy().T, aweights=w)
        r = cov[0, 1] / math.sqrt(cov[0, 0] * cov[1, 1])
        assert math.tanh(test.test(*pair, []).statistic / math.sqrt(test.test(*pair, []).n - 3)) == pytest.approx(
            abs(r)
        )


def test_data_without_a_complete_row_can_still_be_tested() -> None:
    rng = np.random.default_rng(7)
    rows = rng.standard_normal((90, 3))
    for k in range(3):
        rows[k::3, k] = np.nan
    chosen = choose(pd.DataFrame(rows, columns=["A", "B", "C"]))
    assert chosen.test.test(0, 1, []).n == 30
    assert math.isnan(chosen.test.test(0, 1, [2]).p)
