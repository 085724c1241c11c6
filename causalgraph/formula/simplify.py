"""Rewrites of a formula that probability alone licenses: each takes one node and returns one of the same value.

A rule that doesn't apply returns its node. Nothing cancels but by the rules that say so: what stood below a line was
the condition that it isn't zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from sympy import Add, Expr, Mul, Pow

from causalgraph.formula.nodes import E, Event, Marginal, P, Value, equal
from causalgraph.formula.rewriting import parts, product
from causalgraph.names import natural

__all__ = [
    "RULES",
    "Size",
    "cancel",
    "conditional",
    "held",
    "lift",
    "pull_out",
    "push_in",
    "rename",
    "size",
    "split",
    "sum_out",
    "twins",
    "variables",
    "whole_and_part",
    "without",
]

# Nodes whose measures are kept at hand.
CACHED = 20_000


class Size(NamedTuple):
    """How long a formula is, in the order in which formulas are compared.

    `terms` counts the probabilities and the values that sums bind, `mentions` the variables in the probabilities, and
    `width` the most values that meet under one sum.
    """

    terms: int
    mentions: int
    width: int


@lru_cache(maxsize=CACHED)
def size(expr: Expr) -> Size:
    """Measure a formula.

    >>> z = Value("Z")
    >>> size(Marginal(P(["Y"], ["X", "Z"]) * P(["Z"]), z))
    Size(terms=3, mentions=4, width=3)
    """
    if isinstance(expr, P | E):
        subject = len(expr.events) if isinstance(expr, P) else 1
        return Size(1, subject + len(expr.given) + len(expr.do), 0)
    inside = [size(a) for a in expr.args if isinstance(a, Expr) and not isinstance(a, Value)]
    terms, mentions = sum(i.terms for i in inside), sum(i.mentions for i in inside)
    width = max((i.width for i in inside), default=0)
    if isinstance(expr, Marginal):
        return Size(terms + len(expr.bound), mentions, max(width, len(held(expr.body))))
    times = abs(int(expr.exp)) if isinstance(expr, Pow) and expr.exp.is_Integer else 1
    return Size(terms * times, mentions * times, width)


@lru_cache(maxsize=CACHED)
def held(expr: Expr) -> frozenset[Value]:
    """Return the free values of a formula, each node's once: sympy goes through the whole tree every time."""
    if isinstance(expr, Value):
        return frozenset([expr])
    if isinstance(expr, P | E):
        subject = expr.events if isinstance(expr, P) else ()
        return frozenset(e.value for e in (*subject, *expr.given, *expr.do) if isinstance(e.value, Value))
    inside: frozenset[Value] = frozenset().union(*(held(a) for a in expr.args if isinstance(a, Expr)))
    return held(expr.body) - frozenset(expr.bound) if isinstance(expr, Marginal) else inside


def variables(events: Iterable[Event]) -> frozenset[str]:
    """Return the variables that events are about."""
    return frozenset(e.variable for e in events)


def without(items: Sequence[Expr], *gone: Expr) -> list[Expr]:
    """Return a list without one copy of each of some items."""
    out = list(items)
    for item in gone:
        out.remove(item)
    return out


def split(term: P, behind: Iterable[Event]) -> Expr:
    """Write P(a, b | c) as P(a | b, c) P(b | c): the chain rule.

    >>> from causalgraph.formula.printing import text
    >>> text(split(P(["A", "B"], ["C"]), [Event("B")]))
    'P(A | B, C) P(B | C)'
    """
    behind = tuple(behind)
    first = tuple(e for e in term.events if e not in behind)
    if not behind or not first:
        return term
    return product([P(first, (*behind, *term.given), term.do), P(behind, term.given, term.do)])


def twins(expr: Expr) -> tuple[Expr, Expr] | None:
    """Return a factor above the line and the same one below it; the names of bound values don't matter."""
    above, below = parts(expr) if isinstance(expr, Mul) else ([], [])
    pairs = ((top, bottom) for top in above for bottom in below)
    return next((pair for pair in pairs if pair[0] == pair[1] or (_alike(*pair) and equal(*pair))), None)


def cancel(expr: Expr) -> Expr:
    """Cancel a factor that stands above and below the line; the names of bound values don't matter.

    >>> from causalgraph.formula.printing import text
    >>> z, w = Value("Z"), Value("Z", 1)
    >>> over_z, over_w = (Marginal(P(["Y"], [Event("Z", v)]) * P([Event("Z", v)], ["X"]), v) for v in (z, w))
    >>> text(cancel(product([P(["Y"]), over_z], [over_w])))
    'P(Y)'
    """
    pair = twins(expr)
    if pair is None:
        return expr
    above, below = parts(expr)
    return product(without(above, pair[0]), without(below, pair[1]))


def _alike(a: Expr, b: Expr) -> bool:
    """Look whether two sums may be the same, before the slow comparison."""
    both = isinstance(a, Marginal) and isinstance(b, Marginal)
    return both and held(a) == held(b) and size(a) == size(b)


def whole_and_part(expr: Expr) -> tuple[P, P] | None:
    """Return P(a, b | c) from above a line and P(b | c) from below it."""
    above, below = parts(expr) if isinstance(expr, Mul) else ([], [])
    for bottom in (f for f in below if isinstance(f, P)):
        for top in (f for f in above if isinstance(f, P) and f.args[1:] == bottom.args[1:]):
            if set(bottom.events) < set(top.events):
                return top, bottom
    return None


def conditional(expr: Expr) -> Expr:
    """Write P(a, b | c) / P(b | c) as P(a | b, c).

    >>> from causalgraph.formula.printing import text
    >>> text(conditional(product([P(["A", "B"], ["C"])], [P(["B"], ["C"])])))
    'P(A | B, C)'
    """
    pair = whole_and_part(expr)
    if pair is None:
        return expr
    above, below = parts(expr)
    return cancel(product([*without(above, pair[0]), split(pair[0], pair[1].events)], below))


def sum_out(expr: Expr) -> Expr:
    """Carry out a sum over a value that stands in one probability alone, before the bar.

    >>> from causalgraph.formula.printing import text
    >>> a, b = Value("A"), Value("B")
    >>> text(sum_out(Marginal(P(["A", "B"], ["C"]), a)))
    'P(B | C)'
    >>> sum_out(Marginal(P(["A"], ["C"]), a))
    1
    """
    if not isinstance(expr, Marginal):
        return expr
    above, below = parts(expr.body)
    for value in expr.bound:
        event = Event(value.variable, value)
        holding = [f for f in above if value in held(f)]
        if len(holding) != 1 or any(value in held(f) for f in below):
            continue
        (term,) = holding
        if not isinstance(term, P) or event not in term.events or _mentions(term, value) > 1:
            continue
        rest = [e for e in term.events if e != event]
        body = product([*without(above, term), *([P(rest, term.given, term.do)] if rest else [])], below)
        others = [v for v in expr.bound if v != value]
        if set(others) <= held(body):
            return Marginal(body, *others)
    return expr


def _mentions(term: P, value: Value) -> int:
    return sum(e.value == value for e in (*term.events, *term.given, *term.do))


def pull_out(expr: Expr) -> Expr:
    """Take out of a sum what doesn't hold what it binds, and take apart what shares no bound value.

    >>> from causalgraph.formula.printing import text
    >>> text(pull_out(Marginal(P(["W"]) * P(["Y"], ["X", "Z"]) * P(["Z"]), Value("Z"))))
    'P(W) (Σ_z P(Y | X, Z=z) P(Z=z))'
    """
    if not isinstance(expr, Marginal):
        return expr
    above, below = parts(expr.body)
    bound = set(expr.bound)
    groups: list[tuple[set[Value], list[Expr], list[Expr]]] = []
    outside: tuple[list[Expr], list[Expr]] = ([], [])
    for factor, side in [*((f, 0) for f in above), *((f, 1) for f in below)]:
        mine = bound & held(factor)
        if not mine:
            outside[side].append(factor)
            continue
        joined: tuple[set[Value], list[Expr], list[Expr]] = (set(mine), [], [])
        (joined[2] if side else joined[1]).append(factor)
        for group in [g for g in groups if g[0] & mine]:
            groups.remove(group)
            for ours, theirs in zip(joined[1:], group[1:], strict=True):
                ours.extend(theirs)
            joined[0].update(group[0])
        groups.append(joined)
    if len(groups) < 1 or (len(groups) == 1 and not any(outside)) or bound - set().union(*(g[0] for g in groups)):
        return expr
    sums = [Marginal(product(top, bottom), *values) for values, top, bottom in groups]
    return product([*outside[0], *sums], outside[1])


def lift(expr: Expr) -> Expr:
    """Write a sum within a sum as one, where nothing but probabilities is divided by.

    What the inner sum binds is renamed where it would meet another value.

    >>> from causalgraph.formula.printing import text
    >>> x, m = Value("X"), Value("M")
    >>> text(lift(Marginal(P(["M"], ["X"]) * Marginal(P(["Y"], ["X", "M"]) * P(["X"]), x), m)))
    'Σ_{m,x} P(Y | M=m, X=x) P(M=m | X) P(X=x)'
    """
    if not isinstance(expr, Marginal):
        return expr
    above, below = parts(expr.body)
    inner = next((f for f in above if isinstance(f, Marginal)), None)
    if inner is None or not all(isinstance(f, P) for f in below):
        return expr
    rest = without(above, inner)
    taken = set(expr.bound).union(*(held(f) for f in (*rest, *below)), held(inner))
    clear = _clear(inner, taken)
    return Marginal(product([*rest, *parts(clear.body)[0]], [*below, *parts(clear.body)[1]]), *expr.bound, *clear.bound)


def _clear(inner: Marginal, taken: set[Value]) -> Marginal:
    """Rename what a sum binds so that it meets no value that is taken."""
    renamed: dict[Value, Value] = {}
    known = taken | {v for m in inner.atoms(Marginal) for v in m.bound} | set(held(inner.body))
    for value in inner.bound:
        if value in taken:
            new = value.fresh
            while new in known:
                new = new.fresh
            renamed[value] = new
            known.add(new)
    if not renamed:
        return inner
    made: Marginal = Marginal(inner.body.xreplace(renamed), *(renamed.get(v, v) for v in inner.bound))
    return made


def push_in(expr: Expr) -> Expr:
    """Sum over a value before multiplying by what doesn't hold it, where fewer values then meet at once.

    >>> from causalgraph.formula.printing import text
    >>> x, m = Value("X", 1), Value("M")
    >>> flat = P(["M"], ["X"]) * P(["Y"], [Event("X", x), "M"]) * P([Event("X", x)])
    >>> text(push_in(Marginal(flat, m, x)))
    'Σ_m P(M=m | X) (Σ_x P(Y | M=m, X=x) P(X=x))'
    """
    if not isinstance(expr, Marginal):
        return expr
    above, below = parts(expr.body)
    whole = len(held(expr.body))
    choices = []
    for value in expr.bound:
        top, bottom = ([f for f in side if value in held(f)] for side in (above, below))
        near = set().union(*(held(f) for f in (*top, *bottom)))
        if len(expr.bound) > 1 and len(near) < whole:
            choices.append((len(near), natural(value.variable), value.prime, value, top, bottom))
    if not choices:
        return expr
    *_, value, top, bottom = min(choices, key=lambda c: c[:3])
    body = product(top, bottom)
    inner = Marginal(body.body, value, *body.bound) if isinstance(body, Marginal) else Marginal(body, value)
    rest = product([*without(above, *top), inner], without(below, *bottom))
    return Marginal(rest, *(v for v in expr.bound if v != value))


def rename(expr: Expr) -> Expr:
    """Give what sums bind values of their own, where a reader could take them for free ones.

    >>> from causalgraph.formula.printing import text
    >>> text(rename(P(["M"], ["X"]) * Marginal(P(["Y"], ["M", "X"]) * P(["X"]), Value("X"))))
    'P(M | X) (Σ_x P(Y | M, X=x) P(X=x))'
    """
    return _renamed(expr, set(held(expr)))


def _renamed(expr: Expr, taken: set[Value]) -> Expr:
    if isinstance(expr, Marginal):
        clear = _clear(expr, taken)
        return Marginal(_renamed(clear.body, taken | set(clear.bound)), *clear.bound)
    if isinstance(expr, Mul | Pow):
        return product(*([_renamed(f, taken) for f in side] for side in parts(expr)))
    return expr.func(*(_renamed(a, taken) for a in expr.args)) if isinstance(expr, Add) else expr


# The rules in the order in which they are tried. The first five shape a formula for what the graph licenses; the last
# two come when nothing else applies any more.
RULES: tuple[tuple[str, Callable[[Expr], Expr]], ...] = (
    ("cancel", cancel),
    ("conditional", conditional),
    ("sum out", sum_out),
    ("pull out", pull_out),
    ("lift", lift),
    ("push in", push_in),
    ("rename", rename),
)
