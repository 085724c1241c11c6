"""The hand that writes a proof: it holds the formula as it stands, and each step with what it rewrites."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sympy import Expr, Mul, S

from causalgraph.formula.nodes import Event, Marginal, P, Value
from causalgraph.formula.rewriting import parts, product, rewrite
from causalgraph.identify.proof import Premise, Proof, Step
from causalgraph.names import natural

__all__ = ["Writer", "bound", "events", "factored", "normalised"]


@dataclass
class Writer:
    """A proof in the making."""

    goal: Expr
    whole: Expr = field(init=False)
    steps: list[Step] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        """Start from the goal."""
        self.whole = self.goal

    def step(self, rule: str, names: Iterable[str], before: Expr, after: Expr, *premises: Premise) -> bool:
        """Write a step, unless what it rewrites isn't there any more; was it?"""
        whole = rewrite(self.whole, before, after)
        if whole == self.whole:
            return False
        self.whole = whole
        self.steps.append(Step(rule, tuple(sorted(names, key=natural)), before, after, premises))
        return True

    @property
    def proof(self) -> Proof:
        """The proof as far as it is written."""
        return Proof(self.goal, tuple(self.steps))

    def speaks_of(self, term: Expr) -> bool:
        """Does a term stand in the formula?"""
        return term in _terms(self.whole)

    def tidy(self, *, partly: bool = True) -> None:
        """Drop what sums to 1, take out of each sum what it doesn't concern, cancel what stands on both sides.

        Args:
            partly: may some events of a term be dropped while others stay?
        """
        while self._tidied(partly=partly):
            pass

    def _tidied(self, *, partly: bool) -> bool:
        for node in dict.fromkeys(_nodes(self.whole)):
            if isinstance(node, Marginal):
                shorter = normalised(node, partly=partly)
                if shorter != node:
                    gone = {v.variable for v in node.bound} - {v.variable for v in bound(shorter)}
                    return self.step("normalisation", gone, node, shorter)
                apart = factored(node)
                if apart != node:
                    return self.step("factoring", {v.variable for v in node.bound}, node, apart)
            elif isinstance(node, Mul):
                top, bottom = map(Counter, parts(node))
                for shared in top & bottom:
                    return self.step("cancelling", _subjects(shared), product([shared], [shared]), S.One)
        return False


def bound(expr: Expr) -> tuple[Value, ...]:
    """Return the values that a sum binds; none where there is no sum."""
    return expr.bound if isinstance(expr, Marginal) else ()


def _subjects(expr: Expr) -> set[str]:
    return {e.variable for p in expr.atoms(P) for e in p.events}


def _nodes(expr: Expr) -> Iterator[Expr]:
    """Yield the sums and products of a formula, inner ones first."""
    if isinstance(expr, Marginal):
        yield from _nodes(expr.body)
        yield expr
    elif not isinstance(expr, P):
        top, bottom = parts(expr)
        if [*top, *bottom] != [expr]:
            for factor in (*top, *bottom):
                yield from _nodes(factor)
            yield expr


def _terms(expr: Expr) -> set[P]:
    found: set[P] = set()
    todo = [expr]
    while todo:
        node = todo.pop()
        if isinstance(node, P):
            found.add(node)
        else:
            todo += [a for a in node.args if isinstance(a, Expr)]
    return found


def normalised(node: Marginal, *, partly: bool = True) -> Expr:
    """Drop from a sum of products what sums to 1.

    A bound value that stands in one factor alone, there as an event, leaves together with its sum.

    >>> from causalgraph.formula.printing import text
    >>> text(normalised(Marginal(P(["Y", "Z"], ["X"]), Value("Z"))))
    'P(Y | X)'
    """
    top, bottom = parts(node.body)
    free = set(node.bound)
    held = Counter(v for f in (*top, *bottom) for v in f.free_symbols if v in free)
    waiting = list(range(len(top)))
    while waiting:
        number = waiting.pop()
        factor = top[number]
        if not isinstance(factor, P):
            continue
        gone = [e for e in factor.events if e.value in free and held[e.value] == 1]
        if not gone or not (partly or len(gone) == len(factor.events)):
            continue
        free -= {e.value for e in gone}
        rest = tuple(e for e in factor.events if e not in gone)
        new = P(rest, factor.given, factor.do) if rest else S.One
        freed = factor.free_symbols - new.free_symbols
        for value in freed:
            held[value] -= 1
        top[number] = new
        waiting += [i for i, f in enumerate(top) if f.free_symbols & freed]
    return Marginal(product(top, bottom), *free)


def factored(node: Marginal) -> Expr:
    """Split a sum of products into a product of sums.

    >>> from causalgraph.formula.printing import text
    >>> a, b = Value("A"), Value("B")
    >>> text(factored(Marginal(P(["X"], ["A"]) * P(["Y"], ["B"]) * P("A") * P("B") * P("C"), a, b)))
    'P(C) (Σ_a P(X | A=a) P(A=a)) (Σ_b P(Y | B=b) P(B=b))'
    """
    top, bottom = parts(node.body)
    free = set(node.bound)
    groups: list[tuple[set[Value], list[Expr]]] = []
    for factor in (*top, *(product([], [f]) for f in bottom)):
        shared, members = factor.free_symbols & free, [factor]
        apart = []
        for other in groups:
            if other[0] & shared:
                shared, members = other[0] | shared, other[1] + members
            else:
                apart.append(other)
        groups = [*apart, (shared, members)]
    if len(groups) == 1:
        return node
    return product(Marginal(product(members), *values) for values, members in groups)


def events(names: Iterable[str], values: dict[str, Value]) -> tuple[Event, ...]:
    """Return the events that variables take the values at hand, their own free ones where none is."""
    return tuple(Event(n, values.get(n)) for n in names)
