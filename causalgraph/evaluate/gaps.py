"""What does a formula need that was never observed? The empty cells it conditions on, and how many people they touch.

Back-door comparisons lose strata (`evaluate.support`). A front door, a napkin or any other formula loses conditionals:
of P(Y | M=2, X=1) nothing is known where no row has M=2 and X=1. Here each such cell is named, with the share of the
population for which the formula needs it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from causalgraph.data.counts import Counts
from causalgraph.errors import CausalGraphError, EstimationError
from causalgraph.evaluate.counting import count
from causalgraph.evaluate.filled import ONE, Filled, Named, contract
from causalgraph.evaluate.noted import Gap, Noted
from causalgraph.evaluate.quantities import Comparison, Parts, World, mean_formula
from causalgraph.formula.nodes import E, Event, Level, Marginal, P, Value, events_of
from causalgraph.identify.choosing import STRATEGIES, derive
from causalgraph.variables import Variable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sympy import Expr

    Array = NDArray[np.float64]

__all__ = ["Gap", "Gaps", "gaps", "lacking", "said"]

CELLS_SHOWN = 3
# Gaps that are laid out with their levels, the largest; of the others the number is told.
LISTED = 1000
TOO_LARGE = "E503"
# Shares nearer to 1 than this are 1 but for rounding.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Gaps:
    """What a formula lacks, the largest gap first, and the share of the population that the data determine.

    Attributes:
        cells: the gaps.
        mass: the share of the population for which every conditional was observed; 1 where there are no gaps.
        coarser: the variable whose levels, made coarser, would repair most, and the share at which that can arrive.
        others: strategies whose formulas the data determine in full.
        more: how many gaps aren't listed.
        untold: why the gaps can't be named, if they can't; there are then no cells, and the mass is NaN.
    """

    cells: tuple[Gap, ...]
    mass: float
    coarser: tuple[str, float] | None = None
    others: tuple[str, ...] = ()
    more: int = 0
    untold: str = ""


def said(found: Gaps) -> str:
    """Say what is lacking and what could help; nothing where nothing is lacking.

    >>> said(Gaps((Gap(("Y",), {"M": "2"}, 0.031),), 0.969)).split(" (")
    ['Y given M=2 was never observed', 'needed for 3.1% of the population).']
    """
    if found.untold:
        return f"What is lacking can't be named: {found.untold}."
    if not found.cells:
        return ""
    more = len(found.cells) + found.more - CELLS_SHOWN
    shown = [g.text for g in found.cells[:CELLS_SHOWN]] + ([f"and {more:,} more cells"] if more > 0 else [])
    helps = []
    if found.coarser:
        name, mass = found.coarser
        helps.append(f"coarser levels of {name} (up to {mass:.1%})")
    helps += [f"the strategy {other!r}, which needs none of them" for other in found.others]
    return f"{'; '.join(shown)}." + (f" What could help: {'; '.join(helps)}." if helps else "")


def gaps(
    formula: Expr,
    counts: Counts,
    variables: Mapping[str, Variable],
    *,
    outcomes: Collection[str] = (),
    free: Collection[str] = (),
) -> Gaps:
    """Find the cells that a formula conditions on and that were never observed, and the share that the data determine.

    The formula is one of P(y | do(x), w), or of a mean with E(Y | ...) in it; treatments and conditions may be held at
    levels. A cell is needed unless it is multiplied by an exact zero everywhere.

    `Gaps.mass` is the share that stays of the formula's sum over the outcomes' levels with what was never observed set
    to 0 where it multiplies and to the uniform law where it divides (a mean counts as 1 where it is known). In
    Σ_m P(m | x) Σ_x' P(y | m, x') P(x') it is the share of the people, once x is set, with an (m, x') that occurs. Of
    a ratio P(y, x | do(z)) / P(x | do(z)) it is the share, among those who have x once z is set, for whom the joint law
    is known. How many they are isn't known where the condition is empty: the uniform law stands in. Of several values
    of a treatment or condition left free, the worst counts; of a value that the formula may hold anywhere (``free``),
    the best. The mass of a gap is the share that runs through it: the term's probability times the derivative by it.

    Args:
        formula: over the variables of ``counts``.
        counts: the cells; one without weight was not observed.
        variables: the declared variables, which name levels.
        outcomes: what the formula is the law of; their levels are summed over, also where it holds them at one.
        free: the derivation's free values, `Derivation.free`.

    Raises:
        EstimationError: a term's table would be too large (E503).
    """
    found, named = _gaps(formula, counts, variables, outcomes, free)
    if not found.cells:
        return found
    return replace(found, coarser=_coarser(found.mass, named, formula, counts, variables, outcomes, free))


def _gaps(
    formula: Expr, counts: Counts, variables: Mapping[str, Variable], outcomes: Collection[str], free: Collection[str]
) -> tuple[Gaps, tuple[str, ...]]:
    """Return the gaps, and the variables that they speak of."""
    noted, kept = _noted(formula, counts, variables, outcomes, free)
    cells, many = noted.largest(LISTED)
    if not cells:
        return Gaps((), 1.0), ()
    least = float(_at(kept, noted.chosen).min())
    return Gaps(cells, max(0.0, min(least, 1 - cells[0].mass)), more=many - len(cells)), noted.named


def _noted(
    formula: Expr, counts: Counts, variables: Mapping[str, Variable], outcomes: Collection[str], free: Collection[str]
) -> tuple[Noted, Named]:
    """Return all gaps, and the share that is kept without them at each treatment and condition."""
    formula = _open(formula, outcomes)
    filled, bare = Filled(counts, variables), Filled(counts, variables, uniform=False)
    whole = filled.value(formula)
    places = tuple(v for v in whole.axes if v.variable not in outcomes)
    total, kept = contract([whole], places), contract([bare.value(formula)], places)
    # Where nothing is divided by zero, the shares are of what the filled formula sums to: 1, or nearly, if it was
    # simplified by an independence that these data don't have to the letter.
    whole_of = total.data if not filled.zero else np.ones_like(total.data)
    per = replace(total, data=np.divide(1.0, whole_of, out=np.zeros_like(whole_of), where=whole_of > 0))
    kept = contract([kept, per], places)
    chosen = _best(kept, free)
    noted = Noted(counts, variables, chosen)
    for node, slope in filled.slopes(formula, ONE, places):
        seen = filled.seen(node)
        if seen.data.all():
            continue
        empty = replace(seen, data=1 - seen.data)
        share = contract(
            [replace(slope, data=np.abs(slope.data)), filled.term(node), empty, per], {*seen.axes, *places}
        )
        noted.add(_subject(node), node.given, share)
    for base, empty in filled.zero.items():
        # What the whole falls short by; never nothing, as no zero elsewhere mends a division by zero.
        short = replace(total, data=np.maximum(1 - total.data, np.finfo(float).tiny))
        events = sorted({e for n in base.atoms(P, E) for e in events_of(n) if e.value not in _bound(base)}, key=str)
        noted.add((), events, contract([empty, short], {*empty.axes, *places}))
    return noted, kept


def _open(formula: Expr, outcomes: Collection[str]) -> Expr:
    """Free the outcomes that the formula holds at a level, so that their levels can be summed over."""
    held = {e for e in formula.atoms(Event) if e.variable in outcomes and isinstance(e.value, Level)}
    primes = [v.prime for v in formula.atoms(Value)]
    return formula.xreplace({e: Event(e.variable, Value(e.variable, 1 + max(primes, default=0))) for e in held})


def _best(kept: Named, free: Collection[str]) -> dict[Value, int]:
    """Choose the free values at which most is kept in the worst place."""
    axes = [i for i, v in enumerate(kept.axes) if v.variable in free]
    worst = kept.data.min(axis=tuple(i for i in range(kept.data.ndim) if i not in axes))
    place = np.unravel_index(int(worst.argmax()), worst.shape)
    return {kept.axes[i]: int(c) for i, c in zip(axes, place, strict=True)}


def _at(part: Named, chosen: Mapping[Value, int]) -> Array:
    return np.asarray(part.data[tuple(chosen.get(v, slice(None)) for v in part.axes)])


def _bound(formula: Expr) -> set[Value]:
    return {v for m in formula.atoms(Marginal) for v in m.bound}


def _subject(node: P | E) -> tuple[str, ...]:
    return tuple(e.variable for e in node.events) if isinstance(node, P) else (node.variable,)


def _coarser(
    mass: float,
    named: Collection[str],
    formula: Expr,
    counts: Counts,
    variables: Mapping[str, Variable],
    outcomes: Collection[str],
    free: Collection[str],
) -> tuple[str, float] | None:
    """Find the variable whose coarsening repairs most; how far that can get is how far a single level would."""
    held = {e.variable for e in formula.atoms(Event) if isinstance(e.value, Level)}
    # A variable of two levels can only be left out, which is no advice.
    fine = [n for n in named if n not in held and len(counts.levels[counts.axis(n)]) > len("01")]
    gains = {n: _gaps(formula, _merged(counts, n), variables, outcomes, free)[0].mass for n in fine}
    best = max(gains, key=lambda n: gains[n], default=None)
    return None if best is None or gains[best] <= mass + ROUNDING else (best, gains[best])


def _merged(counts: Counts, name: str) -> Counts:
    """Give a variable a single level."""
    axis = counts.axis(name)
    codes = counts.codes.copy()
    codes[:, axis] = 0
    return replace(counts, codes=codes, levels=(*counts.levels[:axis], ("any",), *counts.levels[axis + 1 :]))


def lacking(comparison: Comparison, counts: Counts, world: World) -> Gaps:
    """Find the gaps of a comparison of a query, and other strategies for it whose formulas the data determine in full.

    Args:
        comparison: of the query's `Parts`.
        counts: what the query counted.
        world: the model and its data; other strategies may need other cells, which are then counted.
    """
    verdict = comparison.verdict
    formula = verdict.formula if {*verdict.question.y} <= {*counts.variables} else mean_formula(verdict, world)
    held, y, free = _held(formula, comparison), verdict.question.y, verdict.derivation.free
    try:
        found = gaps(held, counts, world.variables, outcomes=y, free=free)
    except EstimationError as error:
        # Numbers that were looked for among the cells that occur can need a table that is too large to be looked at.
        if error.diagnostics[0].code != TOO_LARGE:
            raise
        return Gaps((), float("nan"), untold=error.diagnostics[0].what)
    return replace(found, others=tuple(_others(comparison, world))) if found.cells else found


def _held(formula: Expr, comparison: Comparison) -> Expr:
    levels = {**comparison.fixed, **comparison.within}
    return formula.xreplace({Value(name): Level(level) for name, level in levels.items()})


def _others(comparison: Comparison, world: World) -> Iterator[str]:
    """Yield the strategies whose formulas the data determine in full."""
    question, chosen = comparison.verdict.question, comparison.verdict.derivation
    for name in STRATEGIES:
        other = derive(question, name) if name != chosen.strategy else None
        if other is None or other.formula == chosen.formula:
            continue
        formula = _held(other.formula, comparison)
        try:
            cells = count([formula], Parts(), world)
            noted, _ = _noted(formula, cells, world.variables, question.y, other.free)
        except CausalGraphError:
            # A formula whose columns the data don't have, or that can't be counted, is no advice.
            continue
        if not noted.cells:
            yield name
