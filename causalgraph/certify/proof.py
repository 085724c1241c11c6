"""The checker of proofs. It shares no code with what finds them.

Separation is decided anew, by moralising the ancestral graph with networkx; each rule is held against its statement;
the steps must lead from the goal to the conclusion. A proof that was altered anywhere is rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations
from typing import Any

import networkx as nx
from sympy import Expr, Mul

from causalgraph.formula.nodes import Event, Marginal, P, Value, equal
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.identify.proof import AdjustmentPremise, Proof, SeparationPremise, Step

__all__ = ["certified", "faults"]


def faults(proof: Proof, graph: MixedGraph, formula: Expr) -> list[str]:
    """Return what is wrong with a proof of ``formula`` over ``graph``; nothing where it holds.

    >>> from causalgraph.identify.strategies import derive, question
    >>> graph = MixedGraph.build([("Z", "->", "X"), ("Z", "->", "Y"), ("X", "->", "Y")])
    >>> found = derive(question(graph, "X", "Y"))
    >>> faults(found.proof, graph, found.formula)
    []
    """
    wrong = []
    wholes = list(proof.formulas())
    for number, step in enumerate(proof.steps, start=1):
        if wholes[number] == wholes[number - 1]:
            wrong.append(f"step {number} ({step.rule}) rewrites a term that isn't there")
        check = CHECKS.get(step.rule)
        if check is None:
            wrong.append(f"step {number}: there is no rule {step.rule!r}")
        else:
            wrong += [f"step {number} ({step.rule}): {fault}" for fault in check(step, graph)]
    last = wholes[-1]
    if not equal(last, formula):
        wrong.append("the steps lead to another formula")
    if any(p.do for p in last.atoms(P)):
        wrong.append("the formula still speaks of an intervention")
    seen = {e.variable for p in last.atoms(P) for e in (*p.events, *p.given)}
    if seen & graph.latent:
        wrong.append(f"the formula speaks of latent {sorted(seen & graph.latent)}")
    return wrong


def certified(proof: Proof, graph: MixedGraph, formula: Expr) -> None:
    """Make sure that a proof holds before anyone sees its formula.

    Raises:
        AssertionError: it doesn't, which is an error of the program and never of its user.
    """
    wrong = faults(proof, graph, formula)
    if wrong:
        raise AssertionError(f"a proof that doesn't hold: {'; '.join(wrong)}")


def _names(events: Iterable[Event]) -> frozenset[str]:
    return frozenset(e.variable for e in events)


def _total_probability(step: Step, _graph: MixedGraph) -> list[str]:
    """P(y | do(x), w) = Σ_z P(y | do(x), z, w) P(z | do(x), w), z new."""
    before, after = step.before, step.after
    if not (isinstance(before, P) and isinstance(after, Marginal) and isinstance(after.body, Mul)):
        return ["it isn't a sum over a product"]
    z = [Event(v.variable, v) for v in after.bound]
    used = _names((*before.events, *before.given, *before.do))
    wrong = []
    if _names(z) & used or len(_names(z)) < len(z):
        wrong.append("a variable of the sum stands in the term already")
    if after.body != P(before.events, (*before.given, *z), before.do) * P(z, before.given, before.do):
        wrong.append("the factors aren't those of the law of total probability")
    return wrong


def _rule_2(step: Step, graph: MixedGraph) -> list[str]:
    """P(y | do(x), do(v), w) = P(y | do(v), x, w) if Y ⟂ X | V, W without the arrows into V and out of X."""
    before, after = step.before, step.after
    if not (isinstance(before, P) and isinstance(after, P)):
        return ["it isn't about one term"]
    moved = tuple(e for e in before.do if e not in after.do)
    kept = tuple(e for e in before.do if e in after.do)
    if not moved or after != P(before.events, (*before.given, *moved), kept):
        return ["it doesn't turn actions into observations"]
    held, x = _names(kept), _names(moved)
    needed = SeparationPremise(
        tuple(sorted(x)),
        tuple(sorted(_names(before.events))),
        tuple(sorted(_names(before.given) | held)),
        tuple(sorted(held)),
        tuple(sorted(x)),
    )
    return _premise(step, needed, graph)


def _rule_3(step: Step, graph: MixedGraph) -> list[str]:
    """P(y | do(x), do(v), w) = P(y | do(v), w) if Y ⟂ X | V, W without the arrows into V and X(W)."""
    before, after = step.before, step.after
    if not (isinstance(before, P) and isinstance(after, P)):
        return ["it isn't about one term"]
    gone = tuple(e for e in before.do if e not in after.do)
    kept = tuple(e for e in before.do if e in after.do)
    if not gone or after != P(before.events, before.given, kept):
        return ["it doesn't drop actions"]
    held, x, w = _names(kept), _names(gone), _names(before.given)
    directed = _cut(graph, held, frozenset())
    above_w = w.union(*(nx.ancestors(directed, n) for n in w))
    needed = SeparationPremise(
        tuple(sorted(x)),
        tuple(sorted(_names(before.events))),
        tuple(sorted(w | held)),
        tuple(sorted(held | (x - above_w))),
        (),
    )
    return _premise(step, needed, graph)


def _adjustment(step: Step, graph: MixedGraph) -> list[str]:
    """P(y | do(x)) = Σ_z P(y | x, z) P(z) if Z is valid by the adjustment criterion."""
    before, after = step.before, step.after
    if not (isinstance(before, P) and not before.given and isinstance(after, Marginal)):
        return ["it isn't an adjustment formula"]
    z = [Event(v.variable, v) for v in after.bound]
    if any(not isinstance(e.value, Value) for e in z) or after.body != P(before.events, (*before.do, *z)) * P(z):
        return ["it isn't an adjustment formula"]
    x, y, covariates = _names(before.do), _names(before.events), _names(z)
    premise = next((p for p in step.premises if isinstance(p, AdjustmentPremise)), None)
    if premise is None or (frozenset(premise.x), frozenset(premise.y), frozenset(premise.covariates)) != (
        x,
        y,
        covariates,
    ):
        return ["the premise isn't about this adjustment"]
    directed = _cut(graph, frozenset(), frozenset())
    proper = directed.copy()
    proper.remove_edges_from([(a, b) for a, b in directed.edges if b in x])
    to_y = directed.copy()
    to_y.remove_nodes_from(x)
    causal = {n for s in x for n in nx.descendants(proper, s)} & {n for t in y for n in nx.ancestors(to_y, t) | {t}}
    forbidden = causal.union(*(nx.descendants(directed, n) for n in causal))
    wrong = [f"{n} lies on or below a causal path" for n in sorted(covariates & forbidden)]
    cut = frozenset((a, b) for a in x for b in causal if directed.has_edge(a, b))
    if not _separated(graph, x, y, covariates, drop=cut):
        wrong.append("a biasing path stays open")
    return wrong


CHECKS: dict[str, Callable[[Step, MixedGraph], list[str]]] = {
    "total probability": _total_probability,
    "rule 2": _rule_2,
    "rule 3": _rule_3,
    "adjustment": _adjustment,
}


def _premise(step: Step, needed: SeparationPremise, graph: MixedGraph) -> list[str]:
    """Check that the step names the separation that its rule needs, and that it holds."""
    named = [p for p in step.premises if isinstance(p, SeparationPremise)]
    wanted = [set(s) for s in (needed.x, needed.y, needed.given, needed.cut_into, needed.cut_out_of)]
    if not any([set(s) for s in (p.x, p.y, p.given, p.cut_into, p.cut_out_of)] == wanted for p in named):
        return [f"the rule needs {needed}"]
    x, y, z = frozenset(needed.x), frozenset(needed.y), frozenset(needed.given)
    into, out_of = frozenset(needed.cut_into), frozenset(needed.cut_out_of)
    return [] if _separated(graph, x, y, z, into=into, out_of=out_of) else [f"{needed} doesn't hold"]


def _cut(graph: MixedGraph, into: frozenset[str], out_of: frozenset[str]) -> nx.DiGraph[Any]:
    """Return the arrows of the graph but those into ``into`` and out of ``out_of``."""
    out: nx.DiGraph[Any] = nx.DiGraph()
    out.add_nodes_from(graph.nodes)
    arrows = ((e.left, e.right) for e in graph.edges if e.mark == "->")
    out.add_edges_from((a, b) for a, b in arrows if b not in into and a not in out_of)
    return out


def _separated(
    graph: MixedGraph,
    x: frozenset[str],
    y: frozenset[str],
    z: frozenset[str],
    *,
    into: frozenset[str] = frozenset(),
    out_of: frozenset[str] = frozenset(),
    drop: frozenset[tuple[str, str]] = frozenset(),
) -> bool:
    """Decide separation: make each ``<->`` a hidden parent, moralise the ancestral graph, look for a path round Z."""
    directed = _cut(graph, into, out_of)
    directed.remove_edges_from(drop)
    pairs = (e for e in graph.edges if e.mark == "<->" and not {e.left, e.right} & into)
    for number, edge in enumerate(pairs):
        directed.add_edges_from([((number, "hidden"), edge.left), ((number, "hidden"), edge.right)])
    asked = x | y | z
    kept = asked.union(*(nx.ancestors(directed, n) for n in asked))
    part = directed.subgraph(kept)
    moral: nx.Graph[Any] = nx.Graph(part.to_undirected())
    for node in part:
        moral.add_edges_from(combinations(part.predecessors(node), 2))
    moral.remove_nodes_from(z)
    return not any(nx.has_path(moral, a, b) for a in x for b in y)
