"""Structural equations as they are written: ``Y := 0.6*X + Normal(0, 5)``, ``X ~ Bernoulli(case(Z, a = .9, b = .2))``.

Expressions are those of `tree`, where `Binary` has further operators here (``**`` and the comparisons ``<`` ``<=``
``>`` ``>=`` ``==`` ``!=``) and a `Call` names a function or a distribution. `Parameter` and `Branch` stand in equations
alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from causalgraph.errors import Span
from causalgraph.syntax.tree import Binary, Branch, Call, Expr, Name, Negate, Parameter, SetLiteral

__all__ = ["Branch", "Design", "Equation", "Expression", "Parameter", "Setting", "names_in"]

# A right side: of all expressions those that the grammar of equations admits.
Expression = Expr


@dataclass(frozen=True)
class Equation:
    """``Y := expression`` or ``X ~ Distribution(…)``: how a variable comes about.

    After ``~`` stands a call of a distribution, or a `case` whose branches are such calls. After ``:=`` an expression
    in which calls of distributions are noise, drawn anew for each row.
    """

    name: Name
    operator: Literal[":=", "~"]
    expression: Expression
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Setting:
    """``by = Region`` in a `design`."""

    name: Name
    value: Expression
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Design:
    """``design rct(Banner, p=0.5, by=Region)``: how the data came about."""

    name: Name
    arguments: tuple[Expression, ...]
    settings: tuple[Setting, ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)


def names_in(expression: Expression) -> Iterator[Name]:
    """Yield every variable that an expression mentions, in the order of the text.

    >>> [name.text for name in names_in(Binary("+", Name("X"), Binary("*", Name("Z"), Name("X"))))]
    ['X', 'Z', 'X']
    """
    waiting: list[object] = [expression]
    while waiting:
        match waiting.pop():
            case Name() as name:
                yield name
            case Negate(below) | Branch(_, below):
                waiting.append(below)
            case Binary(_, left, right):
                waiting += (right, left)
            case Call(_, below) | SetLiteral(below):
                waiting += below[::-1]
