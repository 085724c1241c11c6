"""Where the terms of a sum can differ from zero: the rows that have to be looked at, read off the formula alone.

A probability P(a | b) is zero wherever b occurs but a and b never together. So a sum over a needs no more than what was
seen together with each b. Both evaluators that don't lay out every combination of levels follow the steps planned here:
the one over observed cells, and the one that writes SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf

from sympy import Add, Expr, Mul, Pow

from causalgraph.errors import EstimationError
from causalgraph.formula.nodes import E, Event, Marginal, P, Value, events_of

__all__ = ["Step", "Support", "can_be_undefined", "factors", "free_values", "plan"]


@dataclass(frozen=True)
class Support:
    """A reason for a product to be zero: where `given` occurs, but never together with `events`."""

    events: tuple[Event, ...]
    given: tuple[Event, ...]

    @property
    def together(self) -> tuple[Event, ...]:
        """Events and conditions."""
        return (*self.events, *self.given)


@dataclass(frozen=True)
class Step:
    """Extends rows by the values `new`: by those that `support` saw with them, or without one by all levels.

    Where the conditions of the support don't occur in the data, it says nothing, and all levels must be looked at; if
    `certain`, the steps before have made sure that they occur.
    """

    new: tuple[Value, ...]
    support: Support | None
    certain: bool


def free_values(node: Expr) -> tuple[Value, ...]:
    """Return the free values of a formula in the order in which they occur.

    >>> from causalgraph.formula.nodes import values
    >>> free_values(Marginal(P(["Y"], ["X", "Z"]) * P(["Z"]), Value("Z"))) == values("YX")
    True
    """
    if isinstance(node, P | E):
        return tuple(e.value for e in events_of(node) if isinstance(e.value, Value))
    if isinstance(node, Marginal):
        inside = free_values(node.body)
        if not set(node.bound) <= set(inside):
            raise EstimationError.because("E590", "a sum binds a value that its terms don't mention")
        return tuple(v for v in inside if v not in node.bound)
    if isinstance(node, Mul | Add | Pow):
        return tuple(dict.fromkeys(v for a in node.args for v in free_values(a)))
    return ()


def factors(node: Expr) -> tuple[Expr, ...]:
    """Return the factors of a product, those of products within it as well; anything else is its only factor."""
    return tuple(f for a in node.args for f in factors(a)) if isinstance(node, Mul) else (node,)


def can_be_undefined(node: Expr) -> bool:
    """Can a formula divide by zero by itself, which no factor of zero mends?"""
    return bool(node.atoms(Pow))


def _supports(node: Expr) -> Iterator[Support]:
    """Yield what makes a formula zero."""
    if isinstance(node, P):
        yield Support(node.events, node.given)
    elif isinstance(node, Mul):
        for factor in factors(node):
            yield from _supports(factor)
    elif isinstance(node, Marginal):
        # A sum is zero where each of its terms is. That can't be told where a condition itself is summed over.
        bound = set(node.bound)
        for inner in _supports(node.body):
            if not bound & {e.value for e in inner.given}:
                yield Support(tuple(e for e in inner.events if e.value not in bound), inner.given)


def plan(node: Marginal) -> tuple[Step, ...]:
    """Plan how the rows of a sum's free values are extended by the values that it binds.

    Outside the rows that come of it, each term is zero, or can't be defined since a part of it divides by zero.

    >>> backdoor = Marginal(P(["Y"], ["X", "Z"]) * P(["Z"]), Value("Z"))
    >>> [step.support for step in plan(backdoor)] == [Support((Event("Z"),), ())]
    True
    """
    left = [v for v in free_values(node.body) if v in node.bound]
    supports = list(dict.fromkeys(s for f in factors(node.body) for s in _supports(f)))
    occurring: list[set[Event]] = [set()]
    steps = []
    while left:
        usable = [s for s in supports if not _open(s.given, left) and any(e.value in left for e in s.events)]
        if usable:
            best = min(usable, key=lambda s: _rank(s, left, occurring))
            new = tuple(e.value for e in best.events if e.value in left)
            certain = _occurs(best.given, occurring)
            if certain:
                occurring.append(set(best.together))
            steps.append(Step(new, best, certain))
        else:
            # All levels of a value that conditions wait for, so that they can go on from there.
            waiting = (v for s in supports for v in _open(s.given, left))
            new = (next(waiting, left[0]),)
            steps.append(Step(new, None, certain=True))
        left = [v for v in left if v not in new]
    return tuple(steps)


def _open(events: Iterable[Event], left: list[Value]) -> list[Value]:
    return [e.value for e in events if e.value in left]


def _occurs(given: Iterable[Event], occurring: list[set[Event]]) -> bool:
    return any(set(given) <= seen for seen in occurring)


def _rank(support: Support, left: list[Value], occurring: list[set[Event]]) -> tuple[float, ...]:
    """Rank supports: those that surely speak first, then those tied to most of what is held, then the widest."""
    new = len(_open(support.events, left))
    tied = len(support.together) - new
    return (0 if _occurs(support.given, occurring) else inf, -tied, -new)
