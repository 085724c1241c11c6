"""The arithmetic of a formula in SQL: what is unknown stays unknown, unless it is multiplied by exactly zero."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from sympy import Add, Expr, Integer, Mul, Number, Pow

from causalgraph.data.dialects import Dialect, float_literal
from causalgraph.errors import EstimationError
from causalgraph.evaluate.domain import can_be_undefined, factors
from causalgraph.formula.nodes import E, Marginal, P

__all__ = ["arithmetic", "leaves"]

Write = Callable[[Expr], str]


def leaves(node: Expr) -> tuple[Expr, ...]:
    """Return the probabilities, means and sums that a formula computes with, each once.

    >>> leaves(Pow(P(["Y"]), 2) - P(["Y"])) == (P(["Y"]),)
    True
    """
    if isinstance(node, P | E | Marginal):
        return (node,)
    if isinstance(node, Mul | Add | Pow):
        return tuple(dict.fromkeys(leaf for a in node.args for leaf in leaves(a)))
    if isinstance(node, Number):
        return ()
    raise EstimationError.because("E590", f"a formula of counts can't hold {type(node).__name__}")


def arithmetic(node: Expr, columns: Mapping[Expr, str], dialect: Dialect, sure: AbstractSet[Expr] = frozenset()) -> str:
    """Write a formula in the columns of its leaves.

    Args:
        node: the formula.
        columns: the column of each leaf: NULL where the data don't determine it, NaN where it divides by zero.
        dialect: whose floats are meant.
        sure: leaves that are neither zero nor NULL.

    >>> from causalgraph.data.dialects import dialect_named
    >>> a, b = P(["Y"], ["X"]), P(["X"])
    >>> columns = {a: "a", b: "b"}
    >>> arithmetic(Mul(a, b, evaluate=False), columns, dialect_named("duckdb"), {b})
    'a * b'
    >>> arithmetic(Mul(a, b, evaluate=False), columns, dialect_named("duckdb"))
    'CASE WHEN b = 0 THEN 0 ELSE a * b END'
    """

    def write(part: Expr) -> str:
        if part in columns:
            return columns[part]
        for kind, writer in WRITERS:
            if isinstance(part, kind):
                return writer(part, write, dialect.nan, sure)
        raise EstimationError.because("E590", f"a formula of counts can't hold {type(part).__name__}")

    return write(node)


def _unknown(node: Expr, sure: AbstractSet[Expr]) -> bool:
    """Can a formula be NULL?"""
    if isinstance(node, P | E):
        return bool(node.given) and node not in sure
    if isinstance(node, Marginal):
        return _unknown(node.body, frozenset())
    return any(_unknown(a, sure) for a in node.args)


def _number(node: Number, _write: Write, _nan: str, _sure: AbstractSet[Expr]) -> str:
    return float_literal(float(node))


def _grouped(node: Expr, write: Write) -> str:
    written = write(node)
    return f"({written})" if isinstance(node, Add | Mul) else written


def _undefined(nodes: list[Expr], write: Write, nan: str) -> list[str]:
    """Return the case of a formula that has a division by zero in it."""
    some = [f"{_grouped(n, write)} = {nan}" for n in nodes if can_be_undefined(n)]
    return [f"WHEN {' OR '.join(some)} THEN {nan}"] if some else []


def _cases(cases: list[str], otherwise: str) -> str:
    return f"CASE {' '.join(cases)} ELSE {otherwise} END" if cases else otherwise


def _product(node: Mul, write: Write, nan: str, sure: AbstractSet[Expr]) -> str:
    below = [f.base for f in factors(node) if isinstance(f, Pow) and f.exp == -1]
    above = [f for f in factors(node) if not (isinstance(f, Pow) and f.exp == -1)]
    minus = above[0] == Integer(-1) if above else False
    shown = [_grouped(f, write) for f in (above[1:] if minus else above)]
    multiplied = ("-" if minus and shown else "") + (" * ".join(shown) or ("-1.0e0" if minus else "1.0e0"))
    quotient = " / ".join([multiplied, *(_grouped(b, write) for b in below)])
    unknown = [f for f in above if _unknown(f, sure)]
    # A factor can only mend others, so that a single unknown one needn't be looked at.
    zero = [f"{_grouped(f, write)} = 0" for f in above if f not in sure and _mends(f, unknown)]
    plain = _cases([f"WHEN {' OR '.join(zero)} THEN 0"] if zero else [], quotient)
    cases = _undefined([*above, *below], write, nan)
    if below:
        divides = " AND ".join(f"{_grouped(b, write)} <> 0" for b in below)
        return f"CASE {' '.join([*cases, f'WHEN {divides} THEN {plain}'])} ELSE {nan} END"
    return _cases(cases, plain)


def _mends(factor: Expr, unknown: list[Expr]) -> bool:
    if isinstance(factor, Number):
        return factor == 0 and bool(unknown)
    return any(u is not factor for u in unknown)


def _sum(node: Add, write: Write, nan: str, sure: AbstractSet[Expr]) -> str:
    total = ""
    for term in node.args:
        written = _grouped(term, write)
        total += f" + {written}" if total else written
    cases = _undefined(list(node.args), write, nan) if _unknown(node, sure) else []
    return _cases(cases, total)


def _power(node: Pow, write: Write, nan: str, _sure: AbstractSet[Expr]) -> str:
    base, exponent = _grouped(node.base, write), int(node.exp)
    if exponent > 0:
        return f"CASE WHEN {base} IS NULL THEN {nan} ELSE POWER({base}, {exponent}) END"
    raised = base if exponent == -1 else f"POWER({base}, {-exponent})"
    return f"CASE WHEN {base} <> 0 THEN 1 / {raised} ELSE {nan} END"


WRITERS: tuple[tuple[type, Callable[[Any, Write, str, AbstractSet[Expr]], str]], ...] = (
    (Number, _number),
    (Mul, _product),
    (Add, _sum),
    (Pow, _power),
)
