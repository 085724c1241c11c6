"""Outcome models: the same numbers as textbook algebra, whatever the columns' units, on rows and on cells."""

from dataclasses import replace

import numpy as np
import pytest

from causalgraph.errors import EstimationError
from causalgraph.estimate.outcome import by_arm, family_of, fitted, squared, terms_of
from causalgraph.estimate.sample import Sample
from oracles.doubly import expit


def sample_of(x, y, levels=None, arm=None, weight=None):
    n = len(y)
    names = tuple(f"V{j}" for j in range(x.shape[1]))
    levels = levels or tuple(() for _ in names)
    arm = np.zeros(n, dtype=np.intp) if arm is None else arm
    return Sample("X", ("0", "1"), arm, "Y", y, names, x, levels, np.ones(n) if weight is None else weight)


def test_least_squares_is_that_of_lapack_in_any_units():
    draw = np.random.default_rng(0)
    for _ in range(20):
        n, p = 60, 4
        x = draw.normal(size=(n, p)) * 10.0 ** draw.integers(-8, 8, p) + 10.0 ** draw.integers(0, 6, p) * (p > 9)
        y, w = draw.normal(size=n), draw.random(n) + 0.1
        sample = sample_of(x, y, weight=w)
        model = fitted(terms_of(sample), y, w, np.ones(n, dtype=bool), "linear", what="Y")
        z = np.column_stack([np.ones(n), x / np.abs(x).max(axis=0)])
        root = np.sqrt(w)
        beta = np.linalg.lstsq(z * root[:, None], y * root, rcond=None)[0]
        assert model.at(terms_of(sample)).predicted == pytest.approx(z @ beta, abs=1e-9)


def test_a_logit_solves_its_score_equations():
    draw = np.random.default_rng(1)
    x = draw.normal(size=(400, 3))
    y = (draw.random(400) < expit(x @ [1.0, -0.5, 0])).astype(float)
    sample = sample_of(x, y)
    terms = terms_of(sample)
    model = fitted(terms, y, sample.weight, np.ones(400, dtype=bool), "logistic", what="Y")
    assert np.abs(terms.matrix.T @ (y - model.at(terms).predicted)).max() < 1e-7


def test_cells_are_as_many_as_occur():
    draw = np.random.default_rng(2)
    x = np.column_stack([draw.integers(0, 2, 500), draw.integers(0, 3, 500)]).astype(float)
    x[(x[:, 0] == 1) & (x[:, 1] == 2)] = [0, 0]
    terms = terms_of(sample_of(x, np.zeros(500), levels=(("a", "b"), ("a", "b", "c"))))
    assert terms.matrix.shape[0] == 5
    assert terms.spread(terms.total(np.ones(500))).sum() == pytest.approx((terms.total(np.ones(500)) ** 2).sum())


def test_levels_and_cells_beyond_count_fall_back_on_rows():
    x = np.zeros((10, 9))
    terms = terms_of(sample_of(x, np.zeros(10), levels=tuple(tuple("abcdefgh") for _ in range(9))))
    assert terms.cell is None
    assert terms.matrix.shape == (10, 1)


def test_arms_become_columns_as_observed_or_as_set():
    arm = np.array([0, 1, 1, 0], dtype=np.intp)
    for levels in ((), ("a", "b")):
        terms = terms_of(sample_of(np.array([[0.0], [1], [0], [1]]), np.zeros(4), levels=(levels,), arm=arm))
        observed = by_arm(terms, arm, 2)
        assert observed.spread(observed.matrix)[:, -1].tolist() == [0, 1, 1, 0]
        fixed = by_arm(terms, arm, 2, 1)
        assert fixed.spread(fixed.matrix)[:, -1].tolist() == [1, 1, 1, 1]


def test_a_square_of_levels_or_of_a_stranger_is_refused():
    sample = sample_of(np.zeros((4, 2)), np.zeros(4), levels=((), ("a", "b")))
    assert squared(sample, ("V0",)).covariates == ("V0", "V1", "V0^2")
    for name in ("V1", "V9"):
        with pytest.raises(EstimationError) as refused:
            squared(sample, (name,))
        assert refused.value.code == "E585"


def test_the_logit_is_for_0_and_1_alone():
    sample = sample_of(np.zeros((3, 0)), np.array([0, 1.0, 2]))
    assert family_of(sample) == "linear"
    assert family_of(replace(sample, y=np.array([0, 1.0, 1]))) == "logistic"
    assert family_of(replace(sample, y=np.array([0, 1.0, 1])), "linear") == "linear"


def test_an_outcome_of_one_value_has_no_logit():
    sample = sample_of(np.zeros((5, 0)), np.ones(5))
    with pytest.raises(EstimationError, match="all of it is 1") as refused:
        fitted(terms_of(sample), sample.y, sample.weight, np.ones(5, dtype=bool), "logistic", what="Y")
    assert refused.value.code == "E586"
