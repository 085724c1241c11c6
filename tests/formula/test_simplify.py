"""Rewrites that probability alone licenses."""

from __future__ import annotations

import pytest
from sympy import Integer, Mul, Pow

from causalgraph.formula.nodes import Event, Marginal, P, Value, equal
from causalgraph.formula.rewriting import product
from causalgraph.formula.simplify import (
    RULES,
    cancel,
    conditional,
    lift,
    pull_out,
    push_in,
    rename,
    size,
    split,
    sum_out,
)

X, Z = Value("X"), Value("Z")
OTHER_X = Value("X", 1)


def test_a_rule_that_doesnt_apply_returns_its_node() -> None:
    for node in (P("Y", "X"), P("Y", "XZ") * P("Z"), Marginal(P("Y", "XZ") * P("Z"), Z), Integer(1)):
        for name, rule in RULES:
            assert rule(node) == node, name


def test_a_factor_cancels_where_sympy_was_kept_from_it() -> None:
    ratio = Mul(P("X"), P("Y"), Pow(P("X"), -1, evaluate=False), evaluate=False)
    assert cancel(ratio) == P("Y")


def test_two_sums_that_differ_only_in_what_they_bind_cancel() -> None:
    over = [Marginal(P("Y", [Event("X", v)]) * P([Event("X", v)], "Z"), v) for v in (X, OTHER_X)]
    assert cancel(P("Z") * over[0] / over[1]) == P("Z")


def test_a_conditional_needs_the_same_conditions_below() -> None:
    assert conditional(P("AB", "C") / P("B", "C")) == P("A", "BC")
    assert conditional(P("AB", "C") / P("B")) == P("AB", "C") / P("B")
    assert conditional(P("AB", "C") / P([Event("B", Value("B", 1))], "C")) != P("A", "BC")


def test_a_value_that_stands_twice_isnt_summed_out() -> None:
    kept = (
        Marginal(P("Z") * P("Y", "Z"), Z),
        Marginal(P("Y", "Z"), Z),
        Marginal(P("YZ") / P("X", "Z"), Z),
        Marginal(P("Z", [Event("Y", Z)]), Z),
    )
    for node in kept:
        assert sum_out(node) == node


def test_a_sum_whose_other_value_would_stand_nowhere_stays() -> None:
    assert sum_out(Marginal(P("Z", "X"), X, Z)) == Marginal(P("Z", "X"), X, Z)


def test_what_shares_no_bound_value_comes_apart() -> None:
    whole = Marginal(P("Y", "Z") * P("Z") * P("W", "X") * P("X"), X, Z)
    assert pull_out(whole) == product(
        [Marginal(product([P("Y", "Z"), P("Z")]), Z), Marginal(product([P("W", "X"), P("X")]), X)]
    )


def test_lifting_keeps_the_free_value_and_the_bound_one_apart() -> None:
    nested = Marginal(P("M", "X") * Marginal(P("Y", "MX") * P("X"), X), Value("M"))
    flat = lift(nested)
    assert X in flat.free_symbols
    bound = [Event("X", OTHER_X)]
    assert flat == Marginal(product([P("M", "X"), P("Y", ["M", *bound]), P(bound)]), Value("M"), OTHER_X)
    assert equal(push_in(flat), nested)


def test_a_sum_isnt_pushed_in_where_as_many_values_meet() -> None:
    whole = Marginal(P("Y", "WXZ") * P("W") * P("Z"), Value("W"), Z)
    assert push_in(whole) == whole


def test_a_bound_value_gets_a_name_of_its_own_beside_the_free_one() -> None:
    inner = Marginal(P("Y", "X") * P("X"), X)
    apart = rename(P("M", "X") / inner)
    assert equal(apart, P("M", "X") / inner)
    (sum_,) = apart.atoms(Marginal)
    assert sum_.bound == (OTHER_X,)


def test_splitting_and_the_product_hold_the_chain_rule() -> None:
    assert split(P("ABC", "D"), [Event("B"), Event("C")]) == product([P("A", "BCD"), P("BC", "D")])
    assert split(P("A", "D"), [Event("A")]) == P("A", "D")


@pytest.mark.parametrize("power", [1, 2])
def test_a_power_counts_as_often_as_it_says(power: int) -> None:
    assert size(P("Y", "X") ** power)[:2] == (power, 2 * power)
