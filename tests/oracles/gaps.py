"""What a formula needs and lacks, by loops over levels: each term looked up in a dictionary of cells, one at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sympy import Add, Mul, Pow

from causalgraph.formula.nodes import E, Level, Marginal, P, Value

__all__ = ["Cells", "assignments", "evaluate", "terms"]

Cell = tuple[tuple[str, int], ...]
# What is added to every cell so that no condition is empty.
SMOOTHING = 1e-10


@dataclass(frozen=True)
class Cells:
    """The weight of every full cell, zeros included, and how many levels each variable has.

    Attributes:
        bare: what was never observed counts as 0, except below a fraction's bar.
        scaled: the place of a term in the formula and a condition, where the probabilities are multiplied by `factor`.
    """

    weight: Mapping[Cell, float]
    levels: Mapping[str, int]
    bare: bool = False
    scaled: tuple[tuple[int, ...], Cell] | None = None
    factor: float = 1.0

    def total(self, part: Mapping[str, int], smoothing: float = 0.0) -> float:
        """Sum the cells that agree with a part."""
        return sum(w + smoothing for cell, w in self.weight.items() if all(dict(cell)[n] == c for n, c in part.items()))


def _code(event: Any, values: Mapping[Value, int]) -> int:
    return int(event.value.text) if isinstance(event.value, Level) else values[event.value]


def _term(node: Any, cells: Cells, values: Mapping[Value, int], place: tuple[int, ...]) -> float:
    given = {e.variable: _code(e, values) for e in node.given}
    if cells.bare and not cells.total(given):
        return 0.0
    found = 1.0
    if isinstance(node, P):
        both = given | {e.variable: _code(e, values) for e in node.events}
        found = cells.total(both, SMOOTHING) / cells.total(given, SMOOTHING)
    if cells.scaled == (place, tuple(sorted(given.items()))):
        found *= cells.factor
    return found


def evaluate(formula: Any, cells: Cells, values: Mapping[Value, int], place: tuple[int, ...] = ()) -> float:
    """Return the formula's number for one assignment of its free values."""
    if isinstance(formula, P | E):
        return _term(formula, cells, values, place)
    if isinstance(formula, Marginal):
        sizes = [range(cells.levels[v.variable]) for v in formula.bound]
        inner = (dict(zip(formula.bound, codes, strict=True)) for codes in itertools.product(*sizes))
        return sum(evaluate(formula.body, cells, {**values, **i}, (*place, 0)) for i in inner)
    if isinstance(formula, Mul):
        out = 1.0
        for i, f in enumerate(formula.args):
            out *= evaluate(f, cells, values, (*place, i))
        return out
    if isinstance(formula, Add):
        return sum(evaluate(f, cells, values, (*place, i)) for i, f in enumerate(formula.args))
    if isinstance(formula, Pow):
        exponent = int(formula.exp)
        below = cells if exponent > 0 else replace(cells, bare=False)
        return float(evaluate(formula.base, below, values, (*place, 0)) ** exponent)
    return float(formula)


def assignments(values: list[Value], levels: Mapping[str, int]) -> Iterator[dict[Value, int]]:
    """Yield every assignment."""
    for codes in itertools.product(*(range(levels[v.variable]) for v in values)):
        yield dict(zip(values, codes, strict=True))


def terms(formula: Any, place: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Yield each term with its place in the formula."""
    if isinstance(formula, P | E):
        yield place, formula
    elif isinstance(formula, Marginal):
        yield from terms(formula.body, (*place, 0))
    elif isinstance(formula, Pow):
        yield from terms(formula.base, (*place, 0))
    else:
        for i, f in enumerate(formula.args):
            yield from terms(f, (*place, i))
