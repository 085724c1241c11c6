"""The rules of a proof about factors, sums and ratios, each held against its statement.

Each check takes a step and the projected graph, and returns what is wrong and the names that the step must be about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeVar

import networkx as nx
from sympy import Expr, S

from causalgraph.certify.plain import Plain
from causalgraph.formula.nodes import Event, Level, Marginal, P, Value
from causalgraph.formula.rewriting import parts, product
from causalgraph.identify.proof import DistrictPremise, FactorisationPremise, Step

__all__ = [
    "cancelling",
    "conditional",
    "district",
    "district_factorisation",
    "factoring",
    "marginalisation",
    "normalisation",
]

Verdict = tuple[list[str], set[str]]
T = TypeVar("T")
At = dict[str, Value | Level]


def _at(events: Iterable[Event]) -> At:
    return {e.variable: e.value for e in events}


def _events(at: At, names: Iterable[str]) -> tuple[Event, ...]:
    return tuple(Event(n, at[n]) for n in names)


def marginalisation(step: Step, _plain: Plain) -> Verdict:
    """P(s | do(z), w) = Σ_t P(s, t | do(z), w), t new."""
    before, after = step.before, step.after
    if not (isinstance(before, P) and isinstance(after, Marginal) and isinstance(after.body, P)):
        return ["it doesn't turn a term into a sum of terms"], set()
    new = {v.variable for v in after.bound}
    wrong = []
    used = {*_at(before.events), *_at(before.given), *_at(before.do)}
    if new & used or len(new) < len(after.bound) or set(after.bound) & before.free_symbols:
        wrong.append("what is summed over stands in the term already")
    elif after.body != P((*before.events, *(Event(v.variable, v) for v in after.bound)), before.given, before.do):
        wrong.append("the sum isn't over the joint probability")
    return wrong + _no_premises(step), new


def conditional(step: Step, _plain: Plain) -> Verdict:
    """P(s | do(z), w) = P(s, w | do(z)) / P(w | do(z))."""
    before, after = step.before, step.after
    if not (isinstance(before, P) and before.given):
        return ["it isn't about a conditional"], set()
    above, below = P((*before.events, *before.given), (), before.do), P(before.given, (), before.do)
    wrong = [] if after == product([above], [below]) else ["it isn't the joint probability over that of the conditions"]
    return wrong + _no_premises(step), set(_at(before.given))


def district_factorisation(step: Step, plain: Plain) -> Verdict:
    """P(d | do(x)) = Π_j P(d_j | do(parents of d_j)), d_j the districts of d, if d's parents lie in d and x."""
    before = step.before
    if not isinstance(before, P) or before.given:
        return ["it isn't about a joint probability"], set()
    at, held = _at(before.events), _at(before.do)
    found = plain.districts(at)
    if not plain.outside(at) <= held.keys():
        return ["the set isn't ancestral: a parent is neither in it nor set"], set(at)
    everything = at | held
    wanted = product(P(_events(at, d), (), _events(everything, plain.outside(d))) for d in found)
    wrong = [] if step.after == wanted else ["the factors aren't those of the districts"]
    premise = _only(step, FactorisationPremise)
    if (
        premise is None
        or not _same(premise.ancestral, at)
        or not _same(premise.under, held)
        or Counter(map(frozenset, premise.districts)) != Counter(map(frozenset, found))
        or sum(map(len, premise.districts)) != len(at)
    ):
        wrong.append("the premise isn't about these districts")
    return wrong, set(at)


def district(step: Step, plain: Plain) -> Verdict:
    """P(t | do(parents of t)) = Π_i P(v_i | those before it, do(parents of a)), t a district of the graph on a.

    The product is over the members of t; v_i need only be given its district among those before it and their parents.
    Members that follow one another in the order may stand in one term.
    """
    before = step.before
    premise = _only(step, DistrictPremise)
    if not isinstance(before, P) or before.given or premise is None:
        return ["it isn't about the factor of a district"], set()
    at, held, order = _at(before.events), _at(before.do), premise.order
    place = {n: i for i, n in enumerate(order)}
    if len(place) < len(order) or not place.keys() <= plain.nodes:
        return ["the order isn't one of observed variables"], set(at)
    wrong = []
    if any(place[p] > place[n] for n in order for p in plain.parents[n] & place.keys()):
        wrong.append("the order puts an effect before its cause")
    if set(at) not in plain.districts(order) or not _same(premise.district, at):
        wrong.append("it isn't a district of the graph on these variables")
    if set(held) != plain.outside(at):
        wrong.append("what is set aren't the district's parents")
    top, bottom = parts(step.after)
    members = [e.variable for f in top if isinstance(f, P) for e in f.events]
    if bottom or not all(isinstance(f, P) for f in top) or Counter(members) != Counter(list(at)):
        wrong.append("the terms aren't one for each member")
    if wrong:
        return wrong, set(at)
    others = _others(top, plain.outside(order) - held.keys())
    if others is None:
        return ["the terms set other variables, or one variable at two values"], set(at)
    everything = at | held | others
    for factor in top:
        places = sorted(place[e.variable] for e in factor.events)
        run = {order[i] for i in places}
        given = set().union(*(plain.pillow(order[i], set(order[: i + 1])) for i in places)) - run
        wanted = P(_events(at, run), _events(everything, given), _events(everything, plain.outside(order)))
        if places[-1] - places[0] >= len(places):
            wrong.append(f"{', '.join(sorted(run))} don't follow one another")
        if factor != wanted:
            wrong.append(f"{factor} isn't the term of its members")
    return wrong, set(at)


def _others(factors: list[P], names: set[str]) -> At | None:
    """Return the values at which the factors set variables that don't matter; None unless they agree on them."""
    found: dict[str, set[Value | Level]] = {n: set() for n in names}
    for factor in factors:
        for event in factor.do:
            if event.variable in names:
                found[event.variable].add(event.value)
    if any(len(at) != 1 for at in found.values()):
        return None
    return {n: next(iter(at)) for n, at in found.items()}


def normalisation(step: Step, _plain: Plain) -> Verdict:
    """Σ_t f P(s, t | w) = f P(s | w), where f, w and s don't speak of t; Σ_t f P(t | w) = f."""
    before = step.before
    if not isinstance(before, Marginal):
        return ["it isn't about a sum"], set()
    left = set(step.after.bound) if isinstance(step.after, Marginal) else set()
    going = {v for v in before.bound if v not in left}
    top, bottom = parts(before.body)
    waiting = set(going)
    while True:
        for i, factor in enumerate(top):
            elsewhere = set().union(*(f.free_symbols for f in (*top[:i], *top[i + 1 :], *bottom)))
            if isinstance(factor, P):
                inside = set().union(*(e.free_symbols for e in (*factor.given, *factor.do)))
                own = [e for e in factor.events if e.value in waiting - elsewhere - inside]
                if own and len({e.value for e in own}) == len(own):
                    break
        else:
            break
        rest = tuple(e for e in factor.events if e not in own)
        top = [*top[:i], *([P(rest, factor.given, factor.do)] if rest else []), *top[i + 1 :]]
        waiting -= {e.value for e in own}
    wrong = [f"{v} can't be summed out" for v in sorted(waiting, key=str)]
    if step.after != Marginal(product(top, bottom), *(set(before.bound) - going)):
        wrong.append("what is left isn't what the sum leaves")
    return wrong + _no_premises(step), {v.variable for v in going}


def factoring(step: Step, _plain: Plain) -> Verdict:
    """Σ_{s,t} f(s) g(t) h = h (Σ_s f(s)) (Σ_t g(t))."""
    before = step.before
    if not isinstance(before, Marginal):
        return ["it isn't about a sum"], set()
    top, bottom = parts(before.body)
    factors = [*top, *(product([], [f]) for f in bottom)]
    together: nx.Graph[int | Value] = nx.Graph()
    together.add_nodes_from(range(len(factors)))
    together.add_edges_from((i, v) for i, f in enumerate(factors) for v in f.free_symbols & set(before.bound))
    pieces: list[Expr] = []
    for members in nx.connected_components(together):
        inside = product(factors[n] for n in members if isinstance(n, int))
        pieces.append(Marginal(inside, *(v for v in members if isinstance(v, Value))))
    wrong = [] if step.after == product(pieces) else ["the parts aren't those that share no bound value"]
    return wrong + _no_premises(step), {v.variable for v in before.bound}


def cancelling(step: Step, _plain: Plain) -> Verdict:
    """F / f = 1, f being positive."""
    top, bottom = parts(step.before)
    if len(top) != 1 or top != bottom or step.after != S.One or step.before != product(top, bottom):
        return ["it isn't a factor over itself"], set()
    return _no_premises(step), {e.variable for p in top[0].atoms(P) for e in p.events}


def _no_premises(step: Step) -> list[str]:
    return ["the rule needs no premise"] * bool(step.premises)


def _only(step: Step, kind: type[T]) -> T | None:
    """Return the step's one premise, if it is of a kind."""
    if len(step.premises) == 1 and isinstance(step.premises[0], kind):
        return step.premises[0]
    return None


def _same(named: tuple[str, ...], names: Iterable[str]) -> bool:
    return Counter(named) == Counter(list(names))
