"""What a query needs of the data: the cells, and the strata that carry its comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice, product
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from causalgraph.criteria.adjustment import minimal_adjustment_sets
from causalgraph.criteria.separation import naming, words
from causalgraph.data.counts import Counts
from causalgraph.errors import CausalGraphError, ModelError
from causalgraph.evaluate.quantities import Comparison, Parts, World
from causalgraph.evaluate.support import Support, mass, numbered_strata, support
from causalgraph.formula.nodes import E, Event, Marginal, P, Value, events_of
from causalgraph.names import natural

if TYPE_CHECKING:
    from sympy import Expr

__all__ = ["STRATIFIED", "advice", "cells_of", "compacted", "count", "strata", "supported"]

# Other adjustment sets that are tried where one lacks support.
SETS_TRIED = 10
# So many cells are gone through at most in search of advice, which takes seconds, and so many rows of the source to
# each cell, as counting them is faster than looking for strata.
CELLS_TRIED, ROWS_A_CELL = 20_000_000, 10
# Beyond this many cells the covariates' strata are numbered as they occur instead of laid out densely.
DENSE = 200_000


# Strategies that compare arms within strata of the covariates; of others the formula itself says what it lacks.
STRATIFIED = ("backdoor", "adjustment", "optimal")


def _events(formula: Expr) -> Iterator[Event]:
    for node in formula.atoms(P, E):
        yield from events_of(node)


def cells_of(formulas: Iterable[Expr]) -> set[str]:
    """Return the variables by which some formulas count."""
    return {e.variable for f in formulas for e in _events(f)}


def count(formulas: Iterable[Expr], parts: Parts, world: World) -> Counts:
    """Ask the source once for all that some formulas and their comparisons need."""
    formulas = list(formulas)
    cells = cells_of(formulas)
    for comparison in parts.comparisons:
        verdict = comparison.verdict
        cells |= {*verdict.question.x, *verdict.question.w, *verdict.derivation.covariates}
    outcomes = {e.variable for f in formulas for e in f.atoms(E)}
    return _counted(cells, outcomes, world)


def _counted(cells: Iterable[str], outcomes: Iterable[str], world: World) -> Counts:
    named, averaged = sorted(cells, key=natural), sorted(outcomes, key=natural)
    hidden = sorted({*named, *averaged} & world.graph.latent)
    if hidden:
        raise ModelError.because("E203", f"{words(hidden)} is latent: no data can speak of it")
    variables = world.variables
    world.source.prepare([variables[n] for n in (*named, *averaged)])
    for name in named:
        world.levels(name)
    return world.source.counts([variables[n] for n in named], [variables[n] for n in averaged])


def strata(counts: Counts, covariates: tuple[str, ...]) -> int:
    """Return how many strata of the covariates occur."""
    if not covariates:
        return 1
    first, where = numbered_strata(counts, covariates)
    return int((np.bincount(where, counts.weight > 0, minlength=len(first)) > 0).sum())


def supported(parts: Parts, counts: Counts, world: World) -> Support:
    """Find the strata that carry every comparison of a query at once."""
    for comparison in parts.comparisons:
        # A level that doesn't exist is an error even where the formula has no place for it.
        for name, level in (*comparison.fixed.items(), *comparison.within.items()):
            counts.place(world.variables[name], level)
    found = [_support(group, group[0].verdict.derivation.covariates, counts, world) for group in _groups(parts)]
    if not found:
        return Support(1.0, np.ones(len(counts.weight), dtype=bool))
    keep = np.logical_and.reduce([s.keep for s in found])
    # Several comparisons speak of the strata that carry all of them.
    share = 1.0 if len(found) == 1 else float(counts.weight[keep].sum() / counts.weight.sum())
    return Support(min(share, *(s.mass for s in found)), keep, tuple(one for s in found for one in s.lacking))


def _groups(parts: Parts) -> list[list[Comparison]]:
    """Group comparisons whose arms must be observed together."""
    grouped: dict[tuple[object, ...], list[Comparison]] = {}
    for one in parts.comparisons:
        if one.verdict.derivation.strategy in STRATIFIED:
            alike = (one.verdict.derivation.covariates, one.verdict.question.w)
            key = (*alike, tuple(sorted(one.within.items())), tuple(sorted(one.population.items())))
            grouped.setdefault(key, []).append(one)
    return list(grouped.values())


def _support(group: list[Comparison], covariates: Iterable[str], counts: Counts, world: World) -> Support:
    return support(counts, *_compared(group, covariates, counts, world))


def _compared(
    group: list[Comparison], covariates: Iterable[str], counts: Counts, world: World
) -> tuple[list[dict[str, int]], tuple[str, ...], dict[str, int], dict[str, int]]:
    """Return what a group compares: arms, what makes its strata, where they matter, over whom is averaged."""
    first = group[0]
    free = [w for w in first.verdict.question.w if w not in first.within]
    arms: list[dict[str, int]] = []
    for comparison in group:
        arms += [a for a in _arms(comparison, counts, world) if a not in arms]
    within, population = (
        {name: counts.place(world.variables[name], level) for name, level in held.items()}
        for held in (first.within, first.population)
    )
    return arms, (*covariates, *free), within, population


def _arms(comparison: Comparison, counts: Counts, world: World) -> Iterator[dict[str, int]]:
    """Yield the arms that a comparison needs: the levels asked for, and of a free treatment all that occur."""
    choices = []
    treatments, fixed = comparison.verdict.question.x, comparison.fixed
    for x in treatments:
        if x in fixed:
            choices.append([counts.place(world.variables[x], fixed[x])])
        else:
            occurs = np.bincount(counts.codes[:, counts.axis(x)], counts.weight)
            choices.append(np.flatnonzero(occurs).tolist())
    for codes in product(*choices):
        yield dict(zip(treatments, codes, strict=True))


def advice(parts: Parts, counts: Counts, held: Support, world: World) -> Iterator[str]:
    """Say what would carry more of the population: another minimal adjustment set, or a covariate made coarser.

    How far coarsening a covariate can get is how far leaving it out of the strata would. Of many cells and many
    covariates or sets not all are tried: coarsening those of most levels, and the sets that are found first.
    """
    groups = _groups(parts)
    if not held.lacking or len(groups) != 1:
        return
    (group,) = groups
    asked, used = group[0].verdict.question, group[0].verdict.derivation.covariates
    # A covariate of two levels can only be left out, which is no advice about a confounder.
    fine = [c for c in used if len(used) > 1 and len(world.levels(c)) > len("01")]
    tried = sorted(fine, key=lambda c: -len(world.levels(c)))[: max(1, CELLS_TRIED // len(counts.weight))]
    gains = {c: _mass(group, [o for o in used if o != c], counts, world) for c in fine if c in tried}
    coarse = max(gains, key=lambda c: gains[c], default=None)
    if coarse is not None and gains[coarse] > held.mass:
        some = f" of the {len(tried)} covariates with most levels" if len(tried) < len(fine) else ""
        yield f"coarser levels of {coarse} would help most{some} (up to {gains[coarse]:.1%})"
    others: dict[tuple[str, ...], float] = {}
    sets = max(1, min(SETS_TRIED, CELLS_TRIED // max(len(counts.weight), world.source.size // ROWS_A_CELL)))
    for found in islice(minimal_adjustment_sets(asked.graph, asked.x, asked.y, required=asked.w), sets):
        chosen = asked.graph.sorted(found - frozenset(asked.w))
        if chosen != used:
            try:
                others[chosen] = _mass(group, chosen, _recounted({*asked.x, *asked.w, *chosen}, counts, world), world)
            except CausalGraphError:
                # A set whose columns the data don't have, or that can't be counted by, is no advice.
                continue
    best = max(others, key=lambda c: others[c], default=None)
    if best is not None and others[best] > held.mass:
        yield f"adjusting for {naming(best)} instead would carry {others[best]:.1%}"


def _recounted(cells: set[str], counts: Counts, world: World) -> Counts:
    """Return counts by some variables: those there are, where they hold these and every row, else new ones."""
    # Counted anew, rows come in that lack a value of a variable that isn't asked for here.
    return counts if cells <= {*counts.variables} and not counts.dropped else _counted(cells, (), world)


def _mass(group: list[Comparison], covariates: Iterable[str], counts: Counts, world: World) -> float:
    """Return the share of the population that other covariates would carry; 0 where none."""
    try:
        return mass(counts, *_compared(group, covariates, counts, world))
    except CausalGraphError:
        return 0.0


def compacted(
    formulas: list[Expr], counts: Counts, covariates: tuple[str, ...]
) -> tuple[list[Expr], Counts, dict[str, str]]:
    """Number the strata of the covariates as they occur, if laying all of them out would take too many cells.

    The formulas then sum over one value, the stratum's, in place of one a covariate. That is the same sum, as each term
    that mentions one of these values mentions them all, and a stratum that never occurs has probability zero.

    Returns:
        The formulas, the counts, and the new variable by name, if one was made.
    """
    if len(covariates) < len("zw") or prod(counts.shape) <= DENSE:
        return formulas, counts, {}
    values = {Value(c) for c in covariates}
    for node in (n for f in formulas for n in f.atoms(P, E)):
        elsewhere = {e.variable for e in events_of(node) if e.value not in values}
        if elsewhere & set(covariates) or (isinstance(node, E) and node.variable in covariates):
            return formulas, counts, {}
        mentioned = values & node.free_symbols
        if mentioned and mentioned != values:
            return formulas, counts, {}
    name = ", ".join(covariates)
    axes = [counts.axis(c) for c in covariates]
    others = [i for i in range(len(counts.variables)) if i not in axes]
    first, where = numbered_strata(counts, covariates)
    named = ([counts.levels[a][c] for c in counts.codes[first, a].tolist()] for a in axes)
    labels = tuple(map(", ".join, zip(*named, strict=True)))
    joined = replace(
        counts,
        variables=(*(counts.variables[i] for i in others), name),
        levels=(*(counts.levels[i] for i in others), labels),
        codes=np.column_stack([counts.codes[:, others], where]),
    )
    return [_merged(f, values, name) for f in formulas], joined, {name: name}


def _merged(formula: Expr, values: set[Value], name: str) -> Expr:
    """Replace the covariates' events by one event of the stratum."""
    if isinstance(formula, P | E):
        groups = [formula.args[0] if isinstance(formula, P) else (), formula.given, formula.do]
        made = [[e for e in g if e.value not in values] for g in groups]
        made = [[*kept, Event(name)] if len(kept) < len(g) else kept for kept, g in zip(made, groups, strict=True)]
        return P(*made) if isinstance(formula, P) else E(formula.variable, *made[1:])
    if isinstance(formula, Marginal):
        body = _merged(formula.body, values, name)
        kept = [v for v in formula.bound if v not in values]
        return Marginal(body, *kept, *([Value(name)] if len(kept) < len(formula.bound) else []))
    if not formula.args:
        return formula
    return formula.func(*(_merged(a, values, name) for a in formula.args), evaluate=False)
