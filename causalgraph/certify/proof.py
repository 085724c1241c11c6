"""The checker of proofs. It shares no code with what finds them.

Separation is decided anew, by moralising the ancestral graph with networkx; latents are projected anew; each rule is
held against its statement; the steps must lead from the goal to the conclusion. A proof that was altered anywhere is
rejected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import permutations
from typing import TYPE_CHECKING

import networkx as nx

from causalgraph.certify import factors, rewrites
from causalgraph.certify.classes import adjustment_faults, selection_faults
from causalgraph.certify.plain import Plain, cut, separated
from causalgraph.formula.nodes import Event, Marginal, P, Value, equal
from causalgraph.formula.rewriting import parts
from causalgraph.graphs.kinds import DIRECTED
from causalgraph.graphs.mixed import Mark, MixedGraph
from causalgraph.identify.proof import AdjustmentPremise, DescentPremise, Proof, SeparationPremise, Step

if TYPE_CHECKING:
    from sympy import Expr

__all__ = ["certified", "faults"]

Verdict = tuple[list[str], set[str]]


def faults(proof: Proof, graph: MixedGraph, formula: Expr, goal: Expr | None = None) -> list[str]:
    """Return what is wrong with a proof of ``formula``, and of ``goal``, over ``graph``; nothing where it holds.

    >>> from causalgraph.identify.strategies import adjustment, question
    >>> graph = MixedGraph.build([("Z", "->", "X"), ("Z", "->", "Y"), ("X", "->", "Y")])
    >>> found = adjustment(question(graph, "X", "Y"))
    >>> faults(found.proof, graph, found.formula)
    []
    """
    wrong = [] if goal in (None, proof.goal) else ["it proves something else than was asked"]
    graph = replace(graph, latent=graph.latent | graph.require(proof.unused))
    plain = Plain(graph)
    wholes = list(proof.formulas())
    for number, step in enumerate(proof.steps, start=1):
        if wholes[number] == wholes[number - 1]:
            wrong.append(f"step {number} ({step.rule}) rewrites a term that isn't there")
        wrong += [f"step {number} ({step.rule}): {fault}" for fault in _step_faults(step, plain)]
    last = wholes[-1]
    if last != formula and not equal(last, formula):
        wrong.append("the steps lead to another formula")
    terms = last.atoms(P)
    if any(p.do for p in terms):
        wrong.append("the formula still speaks of an intervention")
    seen = {e.variable for p in terms for e in (*p.events, *p.given)}
    if seen & graph.latent:
        wrong.append(f"the formula speaks of latent {sorted(seen & graph.latent)}")
    return wrong


def _step_faults(step: Step, plain: Plain) -> Iterator[str]:
    """Yield what is wrong with one step: its rule, its terms, its subject."""
    check = CHECKS.get(step.rule)
    if check is None:
        yield f"there is no rule {step.rule!r}"
        return
    if (plain.graph.kind not in DIRECTED or plain.graph.selected) and step.rule not in FOR_CLASSES:
        yield f"the rule isn't one for a graph of kind {plain.graph.kind}, or for selected data"
        return
    broken = [fault for side in (step.before, step.after) for p in side.atoms(P) for fault in _term_faults(p, plain)]
    if broken:
        yield from broken
        return
    wrong, names = check(step, plain)
    yield from wrong
    if Counter(step.names) != Counter(names):
        yield f"it is about {sorted(names)}, not about {sorted(step.names)}"


def _term_faults(term: P, plain: Plain) -> Iterator[str]:
    """Yield what keeps a term from having a meaning over the graph."""
    count = Counter(e.variable for e in (*term.events, *term.given, *term.do))
    if not term.events:
        yield f"{term} is the probability of nothing"
    if not count.keys() <= plain.nodes:
        yield f"{term} speaks of {sorted(count.keys() - plain.nodes)}, which isn't observed"
    yield from (f"{term} speaks of {name} twice" for name, times in count.items() if times > 1)
    for event in (*term.events, *term.given, *term.do):
        if isinstance(event.value, Value) and event.value.variable != event.variable:
            yield f"{term} gives {event.variable} a value of {event.value.variable}"


@lru_cache(maxsize=64)  # a proof is the same for a formula and for its number
def certified(proof: Proof, graph: MixedGraph, formula: Expr, goal: Expr) -> None:
    """Make sure that a proof holds before anyone sees its formula.

    Raises:
        AssertionError: it doesn't, which is an error of the program and never of its user.
    """
    wrong = faults(proof, graph, formula, goal)
    if wrong:
        raise AssertionError(f"a proof that doesn't hold: {'; '.join(wrong)}")


def _names(events: Iterable[Event]) -> frozenset[str]:
    return frozenset(e.variable for e in events)


def _total_probability(step: Step, _plain: Plain) -> Verdict:
    """P(y | do(x), w) = Σ_z P(y | do(x), z, w) P(z | do(x), w), z new."""
    before, after = step.before, step.after
    if not (isinstance(before, P) and isinstance(after, Marginal)):
        return ["it isn't a sum over a product"], set()
    z = [Event(v.variable, v) for v in after.bound]
    used = _names((*before.events, *before.given, *before.do))
    wrong = ["the rule needs no premise"] * bool(step.premises)
    if _names(z) & used or len(_names(z)) < len(z) or set(after.bound) & before.free_symbols:
        wrong.append("a variable of the sum stands in the term already")
    wanted = [P(before.events, (*before.given, *z), before.do), P(z, before.given, before.do)]
    if not _is_product(after.body, *wanted):
        wrong.append("the factors aren't those of the law of total probability")
    return wrong, set(_names(z))


def _rule_1(step: Step, plain: Plain) -> Verdict:
    """P(y | do(v), x, w) = P(y | do(v), w) if Y ⟂ X | V, W without the arrows into V."""
    before, after = step.before, step.after
    if not (isinstance(before, P) and isinstance(after, P)):
        return ["it isn't about one term"], set()
    x = _names(before.given) - _names(after.given)
    if not x or after != P(before.events, (e for e in before.given if e.variable not in x), before.do):
        return ["it doesn't drop conditions"], set(x)
    held = _names(before.do)
    return _separation(step, plain, x, _names(after.events), _names(after.given) | held, held, frozenset()), set(x)


def _rule_2(step: Step, plain: Plain) -> Verdict:
    """P(y | do(x), do(v), w) = P(y | do(v), x, w) if Y ⟂ X | V, W without the arrows into V and out of X."""
    done, seen = step.before, step.after
    if not (isinstance(done, P) and isinstance(seen, P)):
        return ["it isn't about one term"], set()
    if len(done.do) < len(seen.do):
        done, seen = seen, done
    moved = tuple(e for e in done.do if e not in seen.do)
    kept = tuple(e for e in done.do if e in seen.do)
    x = _names(moved)
    if not moved or seen != P(done.events, (*done.given, *moved), kept):
        return ["it doesn't turn actions into observations"], set(x)
    held = _names(kept)
    return _separation(step, plain, x, _names(done.events), _names(done.given) | held, held, x), set(x)


def _rule_3(step: Step, plain: Plain) -> Verdict:
    """P(y | do(x), do(v), w) = P(y | do(v), w) if Y ⟂ X | V, W without the arrows into V and X(W)."""
    more, less = step.before, step.after
    if not (isinstance(more, P) and isinstance(less, P)):
        return ["it isn't about one term"], set()
    if len(more.do) < len(less.do):
        more, less = less, more
    gone = tuple(e for e in more.do if e not in less.do)
    kept = tuple(e for e in more.do if e in less.do)
    x = _names(gone)
    if not gone or less != P(more.events, more.given, kept):
        return ["it doesn't drop actions"], set(x)
    held, w = _names(kept), _names(more.given)
    directed = cut(plain.graph, held, frozenset())
    above_w = w.union(*(nx.ancestors(directed, n) for n in w))
    into = held | (x - above_w)
    return _separation(step, plain, x, _names(more.events), w | held, into, frozenset()), set(x)


def _adjustment(step: Step, plain: Plain) -> Verdict:
    """P(y | do(x)) = Σ_z P(y | x, z) P(z) if Z is valid by the adjustment criterion."""
    before, after = step.before, step.after
    if not isinstance(before, P) or before.given:
        return ["it isn't an adjustment formula"], set()
    z = [Event(v.variable, v) for v in after.bound] if isinstance(after, Marginal) else []
    body, kernel = (after.body if z else after), P(before.events, (*before.do, *z))
    if not (_is_product(body, kernel, P(z)) if z else body == kernel):
        return ["it isn't an adjustment formula"], set()
    x, y, covariates = _names(before.do), _names(before.events), _names(z)
    premises = [
        (frozenset(p.x), frozenset(p.y), frozenset(p.covariates))
        for p in step.premises
        if isinstance(p, AdjustmentPremise)
    ]
    if len(step.premises) != 1 or premises != [(x, y, covariates)]:
        return ["the premise isn't about this adjustment"], set(covariates)
    graph = plain.graph
    if graph.selected:
        return selection_faults(graph, x, y, covariates), set(covariates)
    if graph.kind not in DIRECTED:
        return adjustment_faults(graph, x, y, covariates), set(covariates)
    directed = cut(graph, frozenset(), frozenset())
    proper = directed.copy()
    proper.remove_edges_from([(a, b) for a, b in directed.edges if b in x])
    to_y = directed.copy()
    to_y.remove_nodes_from(x)
    causal = {n for s in x for n in nx.descendants(proper, s)} & {n for t in y for n in nx.ancestors(to_y, t) | {t}}
    forbidden = causal.union(*(nx.descendants(directed, n) for n in causal))
    wrong = [f"{n} lies on or below a causal path" for n in sorted(covariates & forbidden)]
    gone = frozenset((a, b) for a in x for b in causal if directed.has_edge(a, b))
    if not separated(graph, x, y, covariates, drop=gone):
        wrong.append("a biasing path stays open")
    return wrong, set(covariates)


def _no_causal_path(step: Step, plain: Plain) -> Verdict:
    """P(y | do(x)) = P(y) if no path leads from X to Y along edges that have no arrowhead at their near end."""
    before, after = step.before, step.after
    if not isinstance(before, P) or before.given or after != P(before.events):
        return ["it doesn't drop all actions of an effect without conditions"], set()
    x, y = _names(before.do), _names(before.events)
    near, ancestral = plain.graph.adjacent, plain.graph.kind in {"mag", "pag"}
    onward: set[tuple[str, str]] = set()
    for edge in plain.graph.edges:
        for (a, here), (b, there) in permutations(zip((edge.left, edge.right), edge.marks, strict=True)):
            if here != Mark.ARROW and not (ancestral and there == Mark.TAIL):
                onward.add((a, b))
    # Of steps: in an mpdag a path counts where it is unshielded.
    steps: nx.DiGraph[tuple[str, str]] = nx.DiGraph()
    steps.add_nodes_from(onward)
    unshielded = plain.graph.kind in {"mpdag", "pdag"}
    for a, b in onward:
        further = (c for c in near[b] if c != a and (b, c) in onward)
        steps.add_edges_from(((a, b), (b, c)) for c in further if not (unshielded and c in near[a]))
    chosen = plain.graph.selected or (ancestral and any(e.mark in {"--", "o--", "--o"} for e in plain.graph.edges))
    wrong = ["it speaks of everyone, and the data are selected"] * bool(chosen)
    for n in sorted(x):
        starts = [s for s in onward if s[0] == n]
        if any(s[1] in y or any(t[1] in y for t in nx.descendants(steps, s)) for s in starts):
            wrong.append(f"a path leads from {n} to the outcome")
    premises = [(frozenset(p.x), frozenset(p.y)) for p in step.premises if isinstance(p, DescentPremise)]
    if len(step.premises) != 1 or premises != [(x, y)]:
        wrong.append("the premise isn't about these variables")
    return wrong, set(x)


# What may be done on a graph that stands for a class of graphs, or with selected data.
FOR_CLASSES = ("no causal path", "adjustment")
CHECKS: dict[str, Callable[[Step, Plain], Verdict]] = {
    "total probability": _total_probability,
    "marginalisation": factors.marginalisation,
    "conditional": factors.conditional,
    "district factorisation": factors.district_factorisation,
    "district": factors.district,
    "normalisation": factors.normalisation,
    "factoring": factors.factoring,
    "cancelling": factors.cancelling,
    "chain rule": rewrites.chain_rule,
    "add condition": rewrites.add_condition,
    "nested sums": rewrites.nested_sums,
    "rename": rewrites.rename,
    "rule 1": _rule_1,
    "rule 2": _rule_2,
    "rule 3": _rule_3,
    "no causal path": _no_causal_path,
    "adjustment": _adjustment,
}


def _is_product(expr: Expr, *factors: P) -> bool:
    top, bottom = parts(expr)
    return not bottom and Counter(top) == Counter(factors)


def _separation(
    step: Step,
    plain: Plain,
    x: frozenset[str],
    y: frozenset[str],
    given: frozenset[str],
    into: frozenset[str],
    out_of: frozenset[str],
) -> list[str]:
    """Check that the step names the one separation that its rule needs, and that it holds."""
    wanted = [x, y, given, into, out_of]
    needed = SeparationPremise(*(tuple(sorted(s)) for s in wanted))
    named = [
        [Counter(s) for s in (p.x, p.y, p.given, p.cut_into, p.cut_out_of)]
        for p in step.premises
        if isinstance(p, SeparationPremise)
    ]
    if len(step.premises) != 1 or named != [[Counter(s) for s in wanted]]:
        return [f"the rule needs {needed} and nothing else"]
    return [] if separated(plain.graph, x, y, given, into=into, out_of=out_of) else [f"{needed} doesn't hold"]
