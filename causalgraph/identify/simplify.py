"""Simplification of a formula given the graph: shorter, of the same value in every model of the graph.

The formula is taken to flat sums first, then shortened move by move: a bound value is eliminated where its factors form
one conditional distribution, a ratio cancels, a condition drops, factors merge by the chain rule. At last sums are
pushed inwards. Each move is a few steps of a proof, and each step rewrites one part by one rule.

Source: S. Tikka, J. Karvanen, "Simplifying probabilistic expressions in causal inference", JMLR 18 (2017) 36.
"""

from __future__ import annotations

from collections.abc import Callable

from sympy import Expr

from causalgraph.formula.nodes import Marginal
from causalgraph.formula.rewriting import rewrite
from causalgraph.formula.simplify import held, size
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.surgery import project
from causalgraph.identify.proof import Step
from causalgraph.identify.simplify_facts import Facts, Steps
from causalgraph.identify.simplify_moves import (
    cancel_twins,
    condition,
    drop,
    eliminate,
    flatten,
    join,
    nest,
    nodes,
    reduce_ratio,
    sum_away,
    take_out,
    tell_apart,
)

__all__ = ["MOVES", "simplify"]

# Steps that a simplification may take; formulas of a hundred factors take a few hundred.
BUDGET = 2_000
# Symbols looked at, over all tries: what a formula of a hundred terms takes is a few seconds.
EFFORT = 60_000

Move = Callable[[Expr, Facts], Steps | None]


# The moves in the order in which they are tried, and whether each must make the formula shorter by itself.
MOVES: tuple[tuple[Move, bool], ...] = (
    (cancel_twins, True),
    (condition, True),
    (sum_away, True),
    (take_out, False),
    (flatten, False),
    (eliminate, True),
    (reduce_ratio, True),
    (drop, True),
    (join, True),
)
# What comes when nothing gets shorter any more.
LAST: tuple[tuple[Move, bool], ...] = ((nest, False), (tell_apart, False))


def simplify(formula: Expr, graph: MixedGraph, *, budget: int = BUDGET) -> tuple[Expr, Steps]:
    """Return a formula of the same value in every model of the graph, no longer than the given one, and the way to it.

    The length is `size`. Where nothing gets shorter, the formula comes back as it is, with no steps. What a formula
    divided by is cancelled in steps of the rule "cancelling" alone, which show it: there the given formula had a
    condition that the new one hasn't.

    Args:
        formula: of the observed variables of ``graph``; what holds an intervention is left alone.
        graph: a dag or an admg, latents projected here.
        budget: the most steps to take.

    Raises:
        ModelError: the graph has edges that a projection isn't defined for (E108).

    >>> from causalgraph.formula.nodes import P, values
    >>> from causalgraph.formula.printing import text
    >>> graph = MixedGraph.build([("w", "->", "x"), ("w", "->", "z"), ("x", "->", "y"), ("z", "->", "y")])
    >>> short, steps = simplify(Marginal(P("y", "wxz") * P("z", "w") * P("w"), *values("wz")), graph)
    >>> text(short), [s.rule for s in steps]
    ('Σ_w P(y | x, w=w) P(w=w)', ['add condition', 'chain rule', 'normalisation'])
    """
    facts = Facts(project(graph))
    effort = [EFFORT]
    steps: list[Step] = []
    whole = formula
    for moves in (MOVES, LAST):
        settled: list[set[Expr]] = [set() for _ in moves]
        while len(steps) < budget and effort[0] > 0:
            found = _next(whole, moves, settled, facts, effort)
            if found is None:
                break
            whole, taken = found
            steps += taken
    return (whole, tuple(steps)) if size(whole) < size(formula) else (formula, ())


def _next(
    whole: Expr, moves: tuple[tuple[Move, bool], ...], settled: list[set[Expr]], facts: Facts, effort: list[int]
) -> tuple[Expr, Steps] | None:
    """Return the formula after the first move that helps; nodes where one doesn't are settled for good."""
    inside = list(nodes(whole))
    for (move, shortens), done in zip(moves, settled, strict=True):
        for node in inside:
            if node in done:
                continue
            effort[0] -= 1 + len(node.args)
            if effort[0] <= 0:
                return None
            steps = move(node, facts)
            applied = _applied(whole, steps) if steps else None
            if applied and (not shortens or size(applied[0]) < size(whole)):
                return applied
            done.add(node)
    return None


def _applied(whole: Expr, steps: Steps) -> tuple[Expr, Steps] | None:
    """Apply steps to the whole formula, or return None where one of them doesn't, or leaves a sum over nothing."""
    for step in steps:
        after = rewrite(whole, step.before, step.after)
        if after == whole or any(not set(m.bound) <= held(m.body) for m in nodes(after) if isinstance(m, Marginal)):
            return None
        whole = after
    return whole, steps
