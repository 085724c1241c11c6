"""Balance of covariates in two arms."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from causalgraph.estimate.balance import balance, unbalanced
from causalgraph.estimate.base import Population, Target
from causalgraph.estimate.sample import Sample


def rows_of(values: list[list[float]], arm: list[int], levels: tuple[tuple[str, ...], ...] = ((),)) -> Sample:
    n = len(arm)
    names = tuple("ABCD"[: len(levels)])
    return Sample("X", ("0", "1"), np.array(arm), "Y", np.zeros(n), names, np.array(values), levels, np.ones(n))


def test_differences_are_in_standard_deviations_without_the_weights() -> None:
    rng = np.random.default_rng(0)
    x, arm, w = rng.normal(size=50), rng.integers(0, 2, 50), rng.random(50)
    [one] = balance(rows_of(x[:, None].tolist(), arm.tolist()), w, Target(1, 0))
    a, b = x[arm == 1], x[arm == 0]
    scale = np.sqrt((a.var() + b.var()) / 2)
    assert one.before == pytest.approx((a.mean() - b.mean()) / scale)
    weighted = np.average(a, weights=w[arm == 1]) - np.average(b, weights=w[arm == 0])
    assert one.after == pytest.approx(weighted / scale)
    assert one.ratio_before == pytest.approx(a.var() / b.var())
    assert one.ratio_after == pytest.approx(
        np.cov(a, aweights=w[arm == 1], ddof=0) / np.cov(b, aweights=w[arm == 0], ddof=0)
    )


@pytest.mark.parametrize(("population", "arm"), [("att", 1), ("atc", 0)])
def test_an_arm_s_effect_is_scaled_by_that_arm(population: Population, arm: int) -> None:
    x, arms = np.array([1.0, 2, 5, 2, 9, 4]), np.array([0, 0, 0, 1, 1, 1])
    [one] = balance(rows_of(x[:, None].tolist(), arms.tolist()), np.ones(6), Target(1, 0, population))
    assert one.before == pytest.approx((x[3:].mean() - x[:3].mean()) / x[arms == arm].std())


def test_two_levels_are_one_row_and_more_are_one_each() -> None:
    rows = rows_of([[0, 0], [1, 1], [1, 2], [0, 2]], [0, 1, 0, 1], (("no", "yes"), ("n", "s", "w")))
    told = balance(rows, np.ones(4), Target(1, 0))
    assert [one.name for one in told] == ["A=yes", "B=n", "B=s", "B=w"]
    assert all(one.ratio_before is None for one in told)


def test_a_level_that_nobody_has_gets_no_row() -> None:
    rows = rows_of([[0], [1], [0], [1]], [0, 1, 0, 1], (("n", "s", "w"),))
    assert [one.name for one in balance(rows, np.ones(4), Target(1, 0))] == ["A=n", "A=s"]


def test_constant_arms_that_differ_are_infinitely_far_apart() -> None:
    rows = rows_of([[1], [1], [2], [2]], [0, 0, 1, 1])
    [one] = balance(rows, np.ones(4), Target(1, 0))
    assert one.before == inf
    [same] = balance(rows_of([[3], [3], [3], [3]], [0, 0, 1, 1]), np.ones(4), Target(1, 0))
    assert same.before == 0


def test_rows_of_other_arms_don_t_count() -> None:
    rows = rows_of([[1], [3], [2], [5], [100]], [0, 0, 1, 1, 2])
    [one] = balance(rows, np.ones(5), Target(1, 0))
    assert one.level == pytest.approx(3.5)


def test_what_stays_apart_is_named_worst_first() -> None:
    rows = rows_of([[0, 1], [1, 3], [2, 8], [3, 9]], [0, 0, 1, 1], ((), ()))
    told = balance(rows, np.ones(4), Target(1, 0))
    said = unbalanced(told)
    assert said is not None
    assert said.startswith("B by ")
    assert unbalanced(()) is None
