"""Rewriting inside a formula, with products that stay as they were written.

A product is one flat list of factors, above and below the line, in a fixed order. sympy's own product would cancel
P/P, and with it the condition that P isn't 0; here nothing vanishes but by a step that says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cmp_to_key

from sympy import Expr, Integer, Mul, Pow, S
from sympy.core.basic import Basic

from causalgraph.formula.nodes import Marginal

__all__ = ["parts", "product", "rewrite"]

BELOW = Integer(-1)


def parts(expr: Expr) -> tuple[list[Expr], list[Expr]]:
    """Return the factors of a product that stand above and below the line.

    >>> from causalgraph.formula.nodes import P
    >>> top, bottom = parts(product([P("A"), P("B")], [P("C")]))
    >>> len(top), bottom == [P("C")]
    (2, True)
    """
    if isinstance(expr, Mul):
        top: list[Expr] = []
        bottom: list[Expr] = []
        for factor in expr.args:
            above, below = parts(factor)
            top += above
            bottom += below
        return top, bottom
    if isinstance(expr, Pow) and expr.exp.is_Integer:
        above, below = parts(expr.base)
        times = abs(int(expr.exp))
        return (below * times, above * times) if expr.exp.is_negative else (above * times, below * times)
    return ([] if expr == S.One else [expr]), []


def product(top: Iterable[Expr], bottom: Iterable[Expr] = ()) -> Expr:
    """Return a product or a ratio, in which nothing is cancelled.

    >>> from causalgraph.formula.nodes import P
    >>> from causalgraph.formula.printing import text
    >>> text(product([P("A")], [P("A")]))
    'P(A) / P(A)'
    """
    upper, lower = [parts(f) for f in top], [parts(f) for f in bottom]
    above = [f for side, pairs in ((0, upper), (1, lower)) for pair in pairs for f in pair[side]]
    below = [f for side, pairs in ((1, upper), (0, lower)) for pair in pairs for f in pair[side]]
    factors = [*sorted(above, key=_order), *(Pow(f, BELOW, evaluate=False) for f in sorted(below, key=_order))]
    if not factors:
        return S.One
    return factors[0] if len(factors) == 1 else Mul(*factors, evaluate=False)


_order = cmp_to_key(Basic.compare)


def rewrite(whole: Expr, before: Expr, after: Expr) -> Expr:
    """Replace a part of a formula wherever it stands, bound values and all; some factors of a product are a part too.

    >>> from causalgraph.formula.nodes import P
    >>> from causalgraph.formula.printing import text
    >>> whole = product([P("A"), P("B")], [P("A")])
    >>> text(rewrite(whole, product([P("A")], [P("A")]), S.One))
    'P(B)'
    """
    if whole == before:
        return after
    if isinstance(whole, Marginal):
        body = rewrite(whole.body, before, after)
        return whole if body is whole.body else Marginal(body, *whole.bound)
    if isinstance(whole, Mul | Pow):
        return _within_product(whole, before, after)
    if whole.is_Add:
        terms = [rewrite(t, before, after) for t in whole.args]
        return whole if all(a is b for a, b in zip(terms, whole.args, strict=True)) else whole.func(*terms)
    return whole


def _within_product(whole: Expr, before: Expr, after: Expr) -> Expr:
    top, bottom = parts(whole)
    changed = False
    if isinstance(before, Mul | Pow):
        out_of_top, out_of_bottom = map(Counter, parts(before))
        above, below = Counter(top), Counter(bottom)
        if out_of_top <= above and out_of_bottom <= below:
            top = [*(above - out_of_top).elements(), after]
            bottom = list((below - out_of_bottom).elements())
            changed = True
    new_top = [rewrite(f, before, after) for f in top]
    new_bottom = [rewrite(f, before, after) for f in bottom]
    changed = changed or any(a is not b for a, b in zip((*top, *bottom), (*new_top, *new_bottom), strict=True))
    return product(new_top, new_bottom) if changed else whole
