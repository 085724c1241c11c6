"""Formulas on counts by their definition: plain Python, number by number, over every level of what a sum binds.

A number is a float (or complex), `UNKNOWN` where it is conditioned on what nobody did, or `BROKEN` where the formula
itself divides by zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

from sympy import Add, Mul, Pow

from causalgraph.data.counts import Counts
from causalgraph.formula.nodes import E, Level, Marginal, P, Value

__all__ = ["BROKEN", "UNKNOWN", "by_definition", "cells_of", "clustered_error"]

UNKNOWN, BROKEN = "unknown", "broken"
CANCELS = 1e-3
Cells = list[tuple[dict[str, str], complex, dict[str, complex]]]


def cells_of(counts: Counts) -> Cells:
    """Return each cell: its levels by variable, its weight, and the sum of each outcome, nothing taken from it."""
    out = []
    for codes, weight, sums in zip(counts.codes.tolist(), counts.weight.tolist(), counts.sums.tolist(), strict=True):
        levels = {v: counts.levels[i][c] for i, (v, c) in enumerate(zip(counts.variables, codes, strict=True))}
        totals = {o: s + weight * c for o, s, c in zip(counts.outcomes, sums, counts.centre.tolist(), strict=True)}
        out.append((levels, weight, totals))
    return out


def by_definition(formula: Any, cells: Cells, levels: Mapping[str, tuple[str, ...]], at: Mapping[Value, str]) -> Any:
    """Return the number of a formula where its free values are at the levels ``at``.

    Raises:
        ArithmeticError: terms that aren't zero add up to nothing but rounding.
    """
    if isinstance(formula, P | E):
        given = {e.variable: e.value.text if isinstance(e.value, Level) else at[e.value] for e in formula.given}
        inside = [c for c in cells if given.items() <= c[0].items()]
        below = sum(c[1] for c in inside)
        if not inside or below.real <= 0:
            return UNKNOWN
        if isinstance(formula, E):
            return sum(c[2][formula.variable] for c in inside) / below
        events = {e.variable: e.value.text if isinstance(e.value, Level) else at[e.value] for e in formula.events}
        return sum(c[1] for c in inside if events.items() <= c[0].items()) / below
    if isinstance(formula, Marginal):
        turns = product(*(levels[v.variable] for v in formula.bound))
        places = [{**at, **dict(zip(formula.bound, turn, strict=True))} for turn in turns]
        return _added([by_definition(formula.body, cells, levels, place) for place in places])
    if isinstance(formula, Add):
        return _added([by_definition(a, cells, levels, at) for a in formula.args])
    if isinstance(formula, Mul):
        out: Any = 1.0
        for factor in [by_definition(a, cells, levels, at) for a in formula.args]:
            out = _times(out, factor)
        return out
    if isinstance(formula, Pow):
        base, exponent = by_definition(formula.base, cells, levels, at), int(formula.exp)
        return BROKEN if isinstance(base, str) or (base == 0 and exponent < 0) else base**exponent
    return float(formula)


def _added(terms: list[Any]) -> Any:
    for mark in (BROKEN, UNKNOWN):
        if any(isinstance(t, str) and t == mark for t in terms):
            return mark
    total = sum(terms)
    if abs(total) < CANCELS * max(map(abs, terms)):
        raise ArithmeticError("terms cancel, and rounding decides whether to zero")
    return total


def _times(a: Any, b: Any) -> Any:
    marks = [m for m in (a, b) if isinstance(m, str)]
    if not marks:
        return a * b
    if BROKEN in marks:
        return BROKEN
    return 0.0 if any(not isinstance(n, str) and n == 0 for n in (a, b)) else UNKNOWN


def clustered_error(z: list[int], x: list[int], y: list[float], weight: list[float], cluster: list[int]) -> float:
    """Return the clustered standard error of the effect of x on y within strata of z, row by row.

    A row's score is its stratum's difference less the whole one, and in its arm its residual over the arm's propensity.
    """
    rows = list(zip(z, x, y, weight, cluster, strict=True))
    total = sum(weight)

    def part(stratum: int, arm: int | None = None) -> list[tuple[int, int, float, float, int]]:
        return [r for r in rows if r[0] == stratum and (arm is None or r[1] == arm)]

    strata = sorted(set(z))
    mass = {s: sum(r[3] for r in part(s)) for s in strata}
    size = {(s, a): sum(r[3] for r in part(s, a)) for s in strata for a in (0, 1)}
    mean = {(s, a): sum(r[2] * r[3] for r in part(s, a)) / size[s, a] for s in strata for a in (0, 1)}
    effect = sum(mass[s] * (mean[s, 1] - mean[s, 0]) for s in strata) / total
    by_cluster: dict[int, float] = {}
    for s, a, value, w, c in rows:
        sign = 1 if a == 1 else -1
        score = (mean[s, 1] - mean[s, 0] - effect) + sign * (value - mean[s, a]) * mass[s] / size[s, a]
        by_cluster[c] = by_cluster.get(c, 0.0) + w * score / total
    many = len(by_cluster)
    return float((sum(v * v for v in by_cluster.values()) * many / (many - 1)) ** 0.5)
