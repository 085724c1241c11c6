"""The rules by which a formula is shortened, each held against its statement.

Each check takes a step and the projected graph, and returns what is wrong and the names that the step must be about.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from causalgraph.certify.plain import Plain, separated
from causalgraph.formula.nodes import Event, Marginal, P, Value, equal
from causalgraph.formula.rewriting import parts, product
from causalgraph.identify.proof import SeparationPremise, Step

if TYPE_CHECKING:
    from sympy import Expr

__all__ = ["add_condition", "chain_rule", "nested_sums", "rename"]

Verdict = tuple[list[str], set[str]]


def chain_rule(step: Step, _plain: Plain) -> Verdict:
    """P(a, b | c) = P(a | b, c) P(b | c), read either way, above a line or all below it."""
    whole, split = (step.before, step.after) if _terms(step.before) == 1 else (step.after, step.before)
    (top, bottom), (upper, lower) = parts(whole), parts(split)
    joint, pieces = (top, upper) if top else (bottom, lower)
    if len(joint) != 1 or len(pieces) != 2 or (bottom if top else top) or (lower if top else upper):
        return ["it isn't one term and a product of two"], set()
    terms = [f for f in (*joint, *pieces) if isinstance(f, P)]
    if len(terms) != 3 or any(f.do for f in terms):
        return ["it isn't about probabilities without actions"], set()
    both = joint[0]
    for front, behind in (pieces, pieces[::-1]):
        conditions = {e.variable for e in behind.given}
        if _names(front) & (_names(behind) | conditions) or _names(behind) & conditions:
            continue
        wanted = P(front.events, (*behind.events, *behind.given)), P((*front.events, *behind.events), behind.given)
        if (front, both) == wanted:
            return ["the rule needs no premise"] * bool(step.premises), _names(behind)
    return ["the two aren't the parts of the one"], set()


def _names(term: P) -> set[str]:
    return {e.variable for e in term.events}


def _terms(expr: Expr) -> int:
    return sum(map(len, parts(expr)))


def add_condition(step: Step, plain: Plain) -> Verdict:
    """P(a | k) = P(a | k, e) if A ⟂ E | K, for one factor of a product."""
    sides = [
        (Counter(old) - Counter(new), Counter(new) - Counter(old))
        for old, new in zip(parts(step.before), parts(step.after), strict=True)
    ]
    gone, come = ([f for side in sides for f in side[at].elements()] for at in (0, 1))
    if len(gone) != 1 or len(come) != 1 or any(len(old) != len(new) for old, new in sides):
        return ["it doesn't change one factor"], set()
    (old,), (new,) = gone, come
    if not (isinstance(old, P) and isinstance(new, P)) or old.do or new.do:
        return ["it isn't about a probability without actions"], set()
    added = [e for e in new.given if e not in old.given]
    if not added or new != P(old.events, (*old.given, *added)):
        return ["it doesn't add conditions"], set()
    x, y = frozenset(e.variable for e in added), frozenset(_names(old))
    given = frozenset(e.variable for e in old.given)
    wanted = [x, y, given, frozenset[str](), frozenset[str]()]
    named = [p for p in step.premises if isinstance(p, SeparationPremise)]
    if len(step.premises) != 1 or not any(
        [Counter(s) for s in (p.x, p.y, p.given, p.cut_into, p.cut_out_of)] == [Counter(s) for s in wanted]
        for p in named
    ):
        return [f"the rule needs that {sorted(y)} doesn't depend on {sorted(x)} and nothing else"], set(x)
    return [] if separated(plain.graph, x, y, given) else ["the separation doesn't hold"], set(x)


def nested_sums(step: Step, _plain: Plain) -> Verdict:
    """Σ_s g Σ_t f = Σ_{s,t} g f, where g doesn't hold t."""
    wrong = [] if equal(_flat(step.before), _flat(step.after)) else ["the two aren't one sum"]
    return wrong + ["the rule needs no premise"] * bool(step.premises), _bound(step.before)


def rename(step: Step, _plain: Plain) -> Verdict:
    """A sum doesn't depend on how what it binds is called."""
    wrong = [] if equal(step.before, step.after) else ["the two don't differ by names of bound values alone"]
    return wrong + ["the rule needs no premise"] * bool(step.premises), _bound(step.before)


def _bound(expr: Expr) -> set[str]:
    """Return the variables that a sum binds, or those of all sums where it is none itself."""
    outer = [expr] if isinstance(expr, Marginal) else expr.atoms(Marginal)
    return {v.variable for m in outer for v in m.bound}


def _flat(expr: Expr) -> Expr:
    """Write sums that are factors of what is summed as one sum, bound values told apart."""
    if isinstance(expr, P | Value | Event) or not expr.args:
        return expr
    if not isinstance(expr, Marginal):
        top, bottom = parts(expr)
        if [*top, *bottom] == [expr]:
            return expr.func(*map(_flat, expr.args))
        return product(map(_flat, top), map(_flat, bottom))
    top, bottom = parts(_flat(expr.body))
    bound, factors = list(expr.bound), []
    taken = {v for f in (*top, *bottom) for v in f.free_symbols} | set(bound)
    for factor in top:
        if not isinstance(factor, Marginal):
            factors.append(factor)
            continue
        names = {}
        for value in factor.bound:
            new = value
            while new in taken:
                new = new.fresh
            taken.add(new)
            names[value] = new
        bound += names.values()
        factors.append(factor.body.xreplace(names))
    return Marginal(product(factors, bottom), *bound)
