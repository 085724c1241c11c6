"""Formulas evaluated on an exact joint distribution: each node by its definition, as arrays with named axes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Add, Mul, Pow

from causalgraph.formula.nodes import Marginal, P, Value
from oracles.models import DiscreteModel

__all__ = ["difference", "error_of", "table"]

Array = NDArray[np.float64]
Table = tuple[tuple[Value, ...], Array]


def table(formula: Any, model: DiscreteModel) -> Table:
    """Return the values of the formula's free values, as axes, and its numbers.

    Interventions in its terms are read from the model itself, by the truncated factorisation.
    """
    if isinstance(formula, P):
        events, given, do = ([(e.variable, e.value) for e in es] for es in (formula.events, formula.given, formula.do))
        names = [n for n, _ in (*given, *events)]
        joint = model.distribution(names, do=[n for n, _ in do])
        over = tuple(range(len(do) + len(given), joint.ndim))
        return tuple(v for _, v in (*do, *given, *events)), joint / joint.sum(axis=over, keepdims=True)
    if isinstance(formula, Marginal):
        axes, data = table(formula.body, model)
        assert set(formula.bound) <= set(axes), "a sum binds a value that its terms don't mention"
        kept = tuple(v for v in axes if v not in formula.bound)
        return kept, data.sum(axis=tuple(i for i, v in enumerate(axes) if v in formula.bound))
    if isinstance(formula, Mul):
        return reduce(_times, (table(f, model) for f in formula.args))
    if isinstance(formula, Pow):
        axes, data = table(formula.base, model)
        return axes, data ** int(formula.exp)
    if isinstance(formula, Add):
        return reduce(_plus, (table(f, model) for f in formula.args))
    return (), np.asarray(float(formula))


def _aligned(a: Table, b: Table) -> tuple[tuple[Value, ...], Array, Array]:
    axes = (*a[0], *(v for v in b[0] if v not in a[0]))
    out = []
    for own, data in (a, b):
        turned = data.transpose([own.index(v) for v in axes if v in own])
        out.append(turned[tuple(slice(None) if v in own else None for v in axes)])
    return axes, out[0], out[1]


def _times(a: Table, b: Table) -> Table:
    axes, left, right = _aligned(a, b)
    return axes, left * right


def _plus(a: Table, b: Table) -> Table:
    axes, left, right = _aligned(a, b)
    return axes, left + right


def error_of(formula: Any, model: DiscreteModel, y: Sequence[str], x: Sequence[str], w: Sequence[str] = ()) -> float:
    """Return the greatest distance of a formula from the exact P(y | do(x), w), whatever its other free values are."""
    truth: Table = (tuple(Value(n) for n in (*x, *w, *y)), model.effect(y, x, w))
    _, told, exact = _aligned(table(formula, model), truth)
    return float(np.abs(told - exact).max())


def difference(a: Any, b: Any, model: DiscreteModel) -> float:
    """Return the greatest distance between two formulas over all values of what is free in them."""
    _, left, right = _aligned(table(a, model), table(b, model))
    return float(np.abs(left - right).max())
