"""Rewrites of a formula that the graph licenses: each looks at one part and returns the steps that shorten it, or None.

Where a rule of the paper searches over conditioning sets, one walk is enough here: every set of conditions that may
stand in for C holds the smallest part of C that does, and besides only what the subject doesn't depend on given that
part (intersection and composition; K. Sadeghi, S. Lauritzen, "Markov properties for mixed graphs", Bernoulli 20 (2014),
doi:10.3150/12-BEJ502). Instead of inserting a variable that the formula lacks, the term of the bound value is turned
round by the chain rule, which reaches the same end.

Source: S. Tikka, J. Karvanen, "Simplifying probabilistic expressions in causal inference", JMLR 18 (2017) 36.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from sympy import Add, Expr, Integer, Mul, Pow

from causalgraph.formula.nodes import Event, Marginal, P, Value
from causalgraph.formula.rewriting import parts, product, rewrite
from causalgraph.formula.simplify import (
    held,
    lift,
    pull_out,
    push_in,
    rename,
    split,
    sum_out,
    twins,
    variables,
    whole_and_part,
    without,
)
from causalgraph.identify.proof import Step
from causalgraph.identify.simplify_facts import Facts, Steps, about
from causalgraph.names import natural

__all__ = [
    "cancel_twins",
    "condition",
    "drop",
    "eliminate",
    "flatten",
    "join",
    "nest",
    "nodes",
    "reduce_ratio",
    "sum_away",
    "take_out",
    "tell_apart",
]


def _seen(expr: Expr) -> bool:
    """Is this a probability that speaks of no intervention?"""
    return isinstance(expr, P) and not expr.do


def _chain(term: P, behind: Iterable[Event]) -> Step:
    behind = tuple(behind)
    return Step("chain rule", about(behind), term, split(term, behind))


@dataclass
class _Bench:
    """A node under work and the steps so far."""

    node: Expr
    steps: list[Step] = field(default_factory=list)

    def take(self, *steps: Step) -> None:
        for step in steps:
            taken = self._local(step) if step.rule == "add condition" else step
            self.node = rewrite(self.node, taken.before, taken.after)
            self.steps.append(taken)

    def _local(self, step: Step) -> Step:
        """Add conditions in one product alone: elsewhere the same term may stand outside the sum that binds them."""
        for node in nodes(self.node):
            above, below = parts(node) if isinstance(node, Mul) else ([], [])
            for top, bottom in ((above, None), (below, above)):
                if step.before in top:
                    changed = [*without(top, step.before), step.after]
                    after = product(changed, below) if bottom is None else product(bottom, changed)
                    return replace(step, before=node, after=after)
        return step


def eliminate(node: Expr, facts: Facts) -> Steps | None:
    """Sum over a bound value whose factors form one conditional distribution, given the graph.

    >>> from causalgraph.formula.nodes import values
    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> graph = MixedGraph.build([("w", "->", "x"), ("w", "->", "z"), ("x", "->", "y"), ("z", "->", "y")])
    >>> formula = Marginal(P("y", "wxz") * P("z", "w") * P("w"), *values("wz"))
    >>> from causalgraph.formula.printing import text
    >>> [f"{s.rule}: {text(s.before)} → {text(s.after)}" for s in eliminate(formula, Facts(graph))][0]
    'add condition: P(y | w, x, z) P(z | w) P(w) → P(y | w, x, z) P(z | w, x) P(w)'
    """
    if not isinstance(node, Marginal):
        return None
    for value in sorted(node.bound, key=lambda v: (-facts.place.get(v.variable, 0), v.prime)):
        steps = _eliminated(node, value, facts)
        if steps:
            return steps
    return None


def _eliminated(node: Marginal, value: Value, facts: Facts) -> Steps | None:
    event = Event(value.variable, value)
    above, below = parts(node.body)
    holding = [f for f in above if value in held(f)]
    if not all(map(_seen, holding)) or any(value in held(f) for f in below):
        return None
    if any(e.value == value and e != event for f in holding for e in (*f.events, *f.given)):
        return None
    heads = [f for f in holding if event in f.events]
    if len(heads) != 1:
        return None
    (term,) = heads
    bench = _Bench(node)
    others = without(holding, term)
    for other in sorted(others, key=lambda f: min(facts.place[e.variable] for e in f.events)):
        fused = _fuse(bench, term, other, event, facts)
        if fused is None:
            return None
        term = fused
    body = bench.node.body
    if term not in parts(body)[0]:
        return None
    rest = tuple(e for e in term.events if e != event)
    left = product([*without(parts(body)[0], term), *([P(rest, term.given)] if rest else [])], parts(body)[1])
    kept = [v for v in node.bound if v != value]
    if not set(kept) <= held(left):
        return None
    bench.take(Step("normalisation", (value.variable,), bench.node, Marginal(left, *kept)))
    return tuple(bench.steps)


def _fuse(bench: _Bench, term: P, other: P, event: Event, facts: Facts) -> P | None:
    """Bring P(z, b | c) P(a | z, d) to P(a, z | e) P(b | c), or P(a | z, d) to P(a | d), as the graph licenses."""
    if event not in facts.least(other.events, other.given):
        bench.take(*(facts.change(other, [e for e in other.given if e != event]) or ()))
        return term
    behind = tuple(e for e in term.events if e != event)
    head = P([event], (*behind, *term.given)) if behind else term
    shared = facts.least(head.events, head.given)
    needed = tuple(e for e in facts.least(other.events, other.given) if e != event)
    common = tuple(dict.fromkeys((*shared, *needed)))
    turned = facts.change(head, common)
    moved = facts.change(other, (*common, event))
    if turned is None or moved is None or event.variable in variables(common):
        return None
    bench.take(*([_chain(term, behind)] if behind else []), *turned, *moved)
    return _merge(bench, P([event], common), P(other.events, (*common, event)))


def _merge(bench: _Bench, behind: P, front: P) -> P | None:
    """Merge P(a | b, c) P(b | c) to P(a, b | c), above a line or below it."""
    made = P((*front.events, *behind.events), behind.given)
    for above, below, after in (([front, behind], [], made), ([], [front, behind], product([], [made]))):
        before = product(above, below)
        if rewrite(bench.node, before, after) != bench.node:
            bench.take(Step("chain rule", about(behind.events), before, after))
            return made
    return None


def drop(node: Expr, facts: Facts) -> Steps | None:
    """Drop the conditions that the graph makes irrelevant.

    >>> from causalgraph.formula.printing import text
    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> graph = MixedGraph.build([("A", "->", "B"), ("B", "->", "C")])
    >>> text(drop(P("C", "AB"), Facts(graph))[0].after)
    'P(C | B)'
    """
    if not _seen(node):
        return None
    return facts.change(node, facts.least(node.events, node.given)) or None


def join(node: Expr, facts: Facts) -> Steps | None:
    """Merge two factors by the chain rule, conditions added where the graph allows.

    >>> from causalgraph.formula.printing import text
    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> graph = MixedGraph.build([("A", "->", "B"), ("B", "->", "C")])
    >>> text(join(P("C", "B") * P("B", "A"), Facts(graph))[-1].after)
    'P(B, C | A)'
    """
    if not isinstance(node, Mul):
        return None
    pairs = []
    for side in parts(node):
        terms = [f for f in dict.fromkeys(side) if _seen(f)]
        heads: dict[Event, list[P]] = {}
        for term in terms:
            for event in term.events:
                heads.setdefault(event, []).append(term)
        for front in terms:
            behinds = dict.fromkeys(t for e in front.given for t in heads.get(e, ()))
            pairs += [(len(set(front.given) - set(b.events) - set(b.given)), front, b) for b in behinds]
    # Those that need the fewest new conditions first.
    found = (_joined(node, front, behind, facts) for _, front, behind in sorted(pairs, key=lambda pair: pair[0]))
    return next((steps for steps in found if steps), None)


def _joined(node: Expr, front: P, behind: P, facts: Facts) -> Steps | None:
    if variables(front.events) & variables((*behind.events, *behind.given)):
        return None
    common = tuple(dict.fromkeys((*(e for e in front.given if e not in behind.events), *behind.given)))
    lower = facts.change(behind, common)
    upper = facts.change(front, (*common, *behind.events))
    if lower is None or upper is None:
        return None
    bench = _Bench(node)
    bench.take(*lower, *upper)
    made = _merge(bench, P(behind.events, common), P(front.events, (*common, *behind.events)))
    return tuple(bench.steps) if made else None


def reduce_ratio(node: Expr, facts: Facts) -> Steps | None:
    """Cancel P(b | d) on one side of a ratio against P(a, b | c) on the other, also where sums stand over them.

    >>> from causalgraph.formula.printing import text
    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> graph = MixedGraph.build([("B", "->", "A"), ("C", "->", "A"), ("C", "->", "B"), ("D", "->", "C")])
    >>> steps = reduce_ratio(P("AB", "CD") / P("B", "C"), Facts(graph))
    >>> [f"{s.rule}: {text(s.after)}" for s in steps]
    ['chain rule: P(A | B, C, D) P(B | C, D)', 'rule 1: P(B | C)', 'cancelling: 1']
    """
    if not isinstance(node, Mul):
        return None
    above, below = parts(node)
    if not below:
        return None
    for whole, whole_in in _exposed((*above, *below)):
        for part, part_in in _exposed((*above, *below)):
            if (whole_in in above) == (part_in in above) or not set(part.events) <= set(whole.events):
                continue
            steps = _ratio(node, (whole, whole_in), (part, part_in), facts)
            if steps:
                return steps
    return None


def _exposed(factors: Iterable[Expr]) -> Iterator[tuple[P, Expr]]:
    """Yield each probability that stands in a product, or in the product under a sum, and the factor it stands in."""
    for factor in dict.fromkeys(factors):
        inside = parts(factor.body)[0] if isinstance(factor, Marginal) else [factor]
        yield from ((f, factor) for f in dict.fromkeys(inside) if _seen(f))


def _ratio(node: Expr, whole: tuple[P, Expr], part: tuple[P, Expr], facts: Facts) -> Steps | None:
    """Split P(a, b | c), give both the same P(b | d), take that out of the sums: in the product it cancels."""
    (term, holder), (other, other_holder) = whole, part
    bench = _Bench(node)
    if len(other.events) < len(term.events):
        bench.take(_chain(term, other.events))
    turned = facts.change(P(other.events, term.given), other.given)
    if turned is None:
        return None
    bound = {v for h in (holder, other_holder) if isinstance(h, Marginal) for v in h.bound}
    if bound & held(other):
        return None
    bench.take(*turned)
    for factor in (f for side in parts(bench.node) for f in side if isinstance(f, Marginal)):
        if any(other in side for side in parts(factor.body)):
            bench.take(*(take_out(factor, facts) or ()))
    if other not in parts(bench.node)[0] or other not in parts(bench.node)[1]:
        return None
    bench.take(_cancelled(other))
    return tuple(bench.steps)


def _cancelled(factor: Expr) -> Step:
    names = {e.variable for p in factor.atoms(P) for e in p.events}
    return Step("cancelling", tuple(sorted(names, key=natural)), product([factor], [factor]), Integer(1))


def cancel_twins(node: Expr, _facts: Facts) -> Steps | None:
    """Cancel what stands above and below the line; two sums are given the same names first."""
    pair = twins(node)
    if pair is None:
        return None
    top, bottom = pair
    named = [] if top == bottom else [Step("rename", _bound(bottom), bottom, top)]
    return (*named, _cancelled(top))


def condition(node: Expr, _facts: Facts) -> Steps | None:
    """Write P(a, b | c) / P(b | c) as P(a | b, c)."""
    pair = whole_and_part(node)
    return None if pair is None else (_chain(pair[0], pair[1].events), _cancelled(pair[1]))


def sum_away(node: Expr, _facts: Facts) -> Steps | None:
    """Carry out a sum over a value that stands in one probability alone, before the bar."""
    after = sum_out(node)
    if after == node:
        return None
    left = after.bound if isinstance(after, Marginal) else ()
    names = {v.variable for v in node.bound if v not in left}
    return (Step("normalisation", tuple(sorted(names, key=natural)), node, after),)


def take_out(node: Expr, _facts: Facts) -> Steps | None:
    """Take out of a sum what doesn't hold what it binds."""
    after = pull_out(node)
    return None if after == node else (Step("factoring", _bound(node), node, after),)


def flatten(node: Expr, _facts: Facts) -> Steps | None:
    """Write a sum within a sum as one."""
    after = lift(node)
    return None if after == node else (Step("nested sums", _bound(node), node, after),)


def nest(node: Expr, _facts: Facts) -> Steps | None:
    """Sum over a value before multiplying by what doesn't hold it."""
    after = push_in(node)
    return None if after == node else (Step("nested sums", _bound(node), node, after),)


def tell_apart(node: Expr, _facts: Facts) -> Steps | None:
    """Rename bound values that a reader could take for free ones."""
    after = rename(node)
    return None if after == node else (Step("rename", _bound(node), node, after),)


def _bound(expr: Expr) -> tuple[str, ...]:
    """Name the variables of the outermost sums."""
    outer = [expr] if isinstance(expr, Marginal) else [m for m in nodes(expr) if isinstance(m, Marginal)]
    return tuple(sorted({v.variable for m in outer for v in m.bound}, key=natural))


def nodes(expr: Expr) -> Iterator[Expr]:
    """Yield the parts of a formula that rules speak of, inner ones first, each once."""
    seen: dict[Expr, None] = {}

    def walk(node: Expr) -> None:
        if isinstance(node, Mul | Marginal | Pow | Add):
            for inner in node.args:
                if not isinstance(inner, Value):
                    walk(inner)
        seen.setdefault(node)

    walk(expr)
    yield from seen
