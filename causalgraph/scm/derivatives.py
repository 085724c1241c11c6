"""Derivatives of the trees of structural equations by their parameters, as trees."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from causalgraph.errors import EstimationError
from causalgraph.scm.expressions import Apply, Constant, Free, Node, free_in

__all__ = ["ONE", "TWO", "ZERO", "derivative", "is_linear", "minus", "over", "plus", "times"]

ZERO, ONE, TWO = Constant(0.0), Constant(1.0), Constant(2.0)


def plus(a: Node, b: Node) -> Node:
    """Return a + b, without what adds nothing."""
    return b if a == ZERO else a if b == ZERO else Apply("+", (a, b))


def minus(a: Node, b: Node) -> Node:
    """Return a - b, without what takes nothing away."""
    return a if b == ZERO else Apply("-", (a, b))


def times(a: Node, b: Node) -> Node:
    """Return a b, without ones, and nothing where a factor is nothing."""
    if ZERO in (a, b):
        return ZERO
    return b if a == ONE else a if b == ONE else Apply("*", (a, b))


def over(a: Node, b: Node) -> Node:
    """Return a / b."""
    return ZERO if a == ZERO else a if b == ONE else Apply("/", (a, b))


def _power(a: Node, b: Node, da: Node, db: Node) -> Node:
    left = times(times(b, Apply("**", (a, minus(b, ONE)))), da)
    return plus(left, times(times(Apply("log", (a,)), Apply("**", (a, b))), db))


def _one_of(compare: str) -> Callable[[Node, Node, Node, Node], Node]:
    def made(a: Node, b: Node, da: Node, db: Node) -> Node:
        first = Apply(compare, (a, b))
        return plus(times(first, da), times(minus(ONE, first), db))

    return made


# What the derivative of a function of two or of one is, of its arguments and of their derivatives.
TWO_SIDED: Mapping[str, Callable[[Node, Node, Node, Node], Node]] = {
    "+": lambda _a, _b, da, db: plus(da, db),
    "-": lambda _a, _b, da, db: minus(da, db),
    "*": lambda a, b, da, db: plus(times(da, b), times(a, db)),
    "/": lambda a, b, da, db: minus(over(da, b), over(times(a, db), times(b, b))),
    "**": _power,
    "min": _one_of("<="),
    "max": _one_of(">="),
}
ONE_SIDED: Mapping[str, Callable[[Node, Node], Node]] = {
    "exp": lambda a, da: times(Apply("exp", (a,)), da),
    "log": lambda a, da: over(da, a),
    "expit": lambda a, da: times(times(Apply("expit", (a,)), Apply("expit", (minus(ZERO, a),))), da),
    "logit": lambda a, da: over(da, times(a, minus(ONE, a))),
    "sqrt": lambda a, da: over(da, times(TWO, Apply("sqrt", (a,)))),
    "abs": lambda a, da: times(minus(Apply(">", (a, ZERO)), Apply("<", (a, ZERO))), da),
}


def derivative(node: Node, name: str) -> Node:
    """Return the derivative by a parameter of a tree without draws and cases.

    >>> derivative(Apply("*", (Free("b"), Constant(3.0))), "b")
    Constant(value=3.0)

    Raises:
        EstimationError: the parameter stands in a comparison, over which nothing has a derivative (E542).
    """
    if name not in free_in(node):
        return ZERO
    match node:
        case Free():
            return ONE
        case Apply(function, (a, b)) if function in TWO_SIDED:
            return TWO_SIDED[function](a, b, derivative(a, name), derivative(b, name))
        case Apply(function, (a,)) if function in ONE_SIDED:
            return ONE_SIDED[function](a, derivative(a, name))
        case _:
            raise EstimationError.because(
                "E542",
                f"?{name} stands in a comparison",
                why="the likelihood then jumps, and neither its maximum nor an error follows from its slope",
                fix="write a smooth function, such as expit(…)",
            )


def is_linear(node: Node) -> bool:
    """Whether a tree is linear in its parameters.

    >>> is_linear(Apply("*", (Free("a"), Free("b")))), is_linear(Apply("+", (Free("a"), Free("b"))))
    (False, True)
    """
    return not any(free_in(derivative(node, name)) for name in free_in(node))
