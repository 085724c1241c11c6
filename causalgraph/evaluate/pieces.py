"""The pieces of an answer, one a contrast, each with the strata that carry it; and what a reader must be warned of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from causalgraph.data.counts import Counts
from causalgraph.errors import EstimationError
from causalgraph.evaluate import counting
from causalgraph.evaluate.effects import MEASURES
from causalgraph.evaluate.estimate import SMALLEST, Row
from causalgraph.evaluate.quantities import Numeric, Parts, Quantity, World
from causalgraph.evaluate.resampling import Replicates
from causalgraph.evaluate.support import Stratum, Support
from causalgraph.evaluate.table import Evaluated
from causalgraph.syntax.queries import Effect, Expectation, Probability

__all__ = ["Laid", "Lost", "Piece", "failing_of", "warnings_of"]

STRATA_SHOWN = 3


@dataclass(frozen=True)
class Piece:
    """A formula of the query: all of it, or one contrast of several, with the label of its row."""

    label: Mapping[str, str]
    quantity: Quantity
    parts: Parts


@dataclass(frozen=True)
class Laid:
    """A piece with its numbers on the strata that carry it, and the rows they make: levels and place of each."""

    piece: Piece
    held: Support
    counts: Counts
    found: Evaluated
    places: list[tuple[dict[str, str], tuple[int, ...]]]
    resampled: Replicates | None = None


@dataclass(frozen=True)
class Lost:
    """A piece that the data can't carry, and why."""

    piece: Piece
    error: EstimationError


def failing_of(told: list[Laid]) -> list[Stratum]:
    """Return the strata that some piece had to leave out, each once."""
    return list({s.text: s for one in told for s in one.held.failing}.values())


def warnings_of(
    query: Numeric, rows: list[Row], told: list[Laid], lost: list[Lost], whole: Counts, world: World
) -> Iterator[str]:
    """Say what a reader of the numbers must know."""
    yield from _thin_support(told, whole, world)
    for one in lost:
        what = ", ".join(f"{k}={v}" for k, v in one.piece.label.items())
        yield f"W502: {what} isn't determined: {one.error.diagnostics[0].what}"
    missing = sum(r.value is None for r in rows) - len(lost)
    if missing:
        many = f"{missing:,} of {len(rows):,} numbers aren't" if len(rows) > 1 else "the number isn't"
        yield f"W502: {many} determined: the data make a division by zero of it"
    if whole.weighting == "survey":
        yield "W503: the weights aren't whole numbers; they are taken for survey weights in the standard error"
    yield from _resampled(told, whole, world)
    if _without_variation(query, rows, told):
        yield "W506: an outcome doesn't vary in the data where it is compared: the interval is too narrow"
    lonely = int((whole.weight == 1).sum()) if whole.outcomes and whole.weighting in ("rows", "counts") else 0
    if lonely:
        cells = "cell has" if lonely == 1 else "cells have"
        yield f"W507: {lonely:,} {cells} a single observation: the variance there is taken from the others"
    ratio = isinstance(query, Effect) and MEASURES[query.measure].scale == "ratio"
    if ratio and any(r.value is not None and r.value < 0 for r in rows):
        yield "W508: the means differ in sign, and their ratio says little"


def _thin_support(told: list[Laid], whole: Counts, world: World) -> Iterator[str]:
    failing = failing_of(told)
    mass = min(one.held.mass for one in told)
    if not failing and mass == 1:
        return
    shown = [s.text for s in failing[:STRATA_SHOWN]]
    more = len(failing) - len(shown)
    listed = "; ".join(shown) + (f"; and {more:,} more strata" if more else "")
    better = list(counting.advice(told[0].piece.parts, whole, told[0].held, world))
    yield (
        f"W501: the data carry the comparison for {mass:.1%} of the population; the number speaks of that part alone. "
        f"{listed}." + (f" What could help: {'; '.join(better)}." if better else "")
    )


def _resampled(told: list[Laid], whole: Counts, world: World) -> Iterator[str]:
    """Say what a bootstrap over cells draws, and which replicates told nothing."""
    drawn = [(one.resampled, one.found.valid.reshape(-1)) for one in told if one.resampled is not None]
    if not drawn:
        return
    if any(world.variables[o].kind != "binary" for o in whole.outcomes):
        yield "W504: the bootstrap draws the cells' means from their normal law, as the rows aren't kept"
    lost = max(replicates.lost(valid) for replicates, valid in drawn)
    if lost:
        yield f"W505: {lost:,} replicates don't determine the number: an arm or a denominator was empty in them"


def _without_variation(query: Numeric, rows: list[Row], told: list[Laid]) -> bool:
    """Is a number's error zero for want of different outcomes? Shares have intervals that know better."""
    if isinstance(query, Probability | Expectation) or all(one.piece.quantity.formula.is_number for one in told):
        return False
    return any(r.std_error is not None and r.std_error < SMALLEST for r in rows)
