"""The pieces of an answer, one a contrast, each with the strata that carry it; and what a reader must be warned of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import floor

from causalgraph.answers import share_text
from causalgraph.data.counts import Counts
from causalgraph.data.source import Source
from causalgraph.errors import EstimationError
from causalgraph.evaluate import counting
from causalgraph.evaluate.effects import MEASURES, Contrast, effect
from causalgraph.evaluate.estimate import SMALLEST, Row
from causalgraph.evaluate.gaps import lacking, said
from causalgraph.evaluate.quantities import Numeric, Parts, Quantity, World, quantity
from causalgraph.evaluate.resampling import Replicates
from causalgraph.evaluate.skew import Skew
from causalgraph.evaluate.support import Stratum, Support, listed
from causalgraph.evaluate.table import Evaluated, clusters_of
from causalgraph.formula.nodes import E, P
from causalgraph.syntax.queries import Arithmetic, Effect, Expectation, Probability
from causalgraph.variables import Variable

__all__ = [
    "FEWEST",
    "Laid",
    "Lost",
    "Piece",
    "failing_of",
    "is_share",
    "naive_of",
    "notes_of",
    "of_weights",
    "pieces_of",
    "too_few",
    "unit_of",
    "unknown",
    "warnings_of",
]

STRATA_SHOWN = 3
# Whole-number weights that make so many times more observations than there are rows may well be rounded survey weights,
# unless the rows are so few, or so different, that it is a table of counts.
INFLATED, ALIKE, MOST_OF_A_TABLE = 5, 2, 500
# A bootstrap over fewer clusters than this is too narrow.
FEW_CLUSTERS = 30
# What a number must rest on for an interval, and for one that covers as often as it says. Measured over front doors,
# napkins and back doors: of 95% intervals those on 30 to 50 observations cover some 95%, on 20 to 30 82 to 94%, the
# least where an outcome is nearly certain, on 10 to 15 80 to 87%.
FEWEST, FEW = 10, 30
ROUNDING = 1e-6


@dataclass(frozen=True)
class Piece:
    """A formula of the query: all of it, or one contrast of several, with the label of its row."""

    label: Mapping[str, str]
    quantity: Quantity
    parts: Parts


@dataclass(frozen=True)
class Laid:
    """A piece with its numbers on the strata that carry it, and the rows they make: levels and place of each.

    `skews` holds how skewed the number at a place is, and `rests` on how many observations of the outcome it rests,
    where these are known.
    """

    piece: Piece
    held: Support
    counts: Counts
    found: Evaluated
    places: list[tuple[dict[str, str], tuple[int, ...]]]
    resampled: Replicates | None = None
    skews: Mapping[tuple[int, ...], Skew] = field(default_factory=dict)
    rests: Mapping[tuple[int, ...], float] = field(default_factory=dict)


@dataclass(frozen=True)
class Lost:
    """A piece that the data can't carry, and why."""

    piece: Piece
    error: EstimationError


def pieces_of(query: Numeric, contrast: Contrast | None, world: World) -> list[Piece]:
    """Return one formula a contrast, or the query's one."""
    if contrast and isinstance(query, Effect):
        out = []
        for pair, label in zip(contrast.pairs, contrast.labels, strict=True):
            parts = Parts()
            out.append(Piece(label, MEASURES[query.measure].build(query, world, parts, *pair), parts))
        return out
    parts = Parts()
    return [Piece({}, quantity(query, world, parts, effect), parts)]


def is_share(query: Numeric, world: World) -> bool:
    """Whether the numbers of a query lie between 0 and 1: probabilities, and means of what is 0 or 1."""
    if isinstance(query, Expectation):
        return world.source.kind(world.variables[query.outcome.variable]) == "binary"
    return isinstance(query, Probability)


def _observations(one: Laid, place: tuple[int, ...], *, share: bool) -> int | None:
    """Return on how many observations a number rests, where a normal interval needs that there be many.

    A plain share has an interval that is good for any number of them.
    """
    known = one.rests.get(place)
    plain = share and one.resampled is None and isinstance(one.piece.quantity.formula, P | E)
    # What is ten but for rounding is ten.
    return None if plain or known is None else floor(known + ROUNDING)


def too_few(one: Laid, place: tuple[int, ...], *, share: bool = False) -> bool:
    """Whether a number rests on too few observations for an interval."""
    known = _observations(one, place, share=share)
    return known is not None and known < FEWEST


def failing_of(told: list[Laid]) -> tuple[list[Stratum], int]:
    """Return the strata that some piece had to leave out, each once and the largest alone, and how many there are."""
    return listed(one.held for one in told)


def warnings_of(
    query: Numeric, rows: list[Row], told: list[Laid], lost: list[Lost], whole: Counts, world: World
) -> Iterator[str]:
    """Say what a reader of the numbers must know."""
    yield from _thin_support(told, whole, world)
    for one in lost:
        what = ", ".join(f"{k}={v}" for k, v in one.piece.label.items())
        yield f"W502: {what} isn't determined: {one.error.diagnostics[0].what}"
    yield from unknown(rows, lambda: _lacking(told, world), len(lost))
    yield from of_weights(whole.weighting, whole.n, world, len(whole.weight))
    yield from _resampled(told, whole, world)
    if _without_variation(query, rows, told):
        yield "W506: an outcome doesn't vary in the data where it is compared: the interval is too narrow"
    yield from _few(rows, told, share=is_share(query, world))
    by_rows = whole.outcomes and whole.weighting in ("rows", "counts") and whole.clusters is None
    lonely = int((whole.weight == 1).sum()) if by_rows else 0
    if lonely:
        cells = "cell has" if lonely == 1 else "cells have"
        yield f"W507: {lonely:,} {cells} a single observation: the variance there is taken from the others"
    ratio = isinstance(query, Effect) and MEASURES[query.measure].scale == "ratio"
    if ratio and any(r.value is not None and r.value < 0 for r in rows):
        yield "W508: the means differ in sign, and their ratio says little"


def of_weights(weighting: str, n: float, world: World, cells: int = 0) -> Iterator[str]:
    """Say what weights were taken for, where nobody said what they are; a table of counts needs no word."""
    source = world.source
    if source.weights_as is not None:
        return
    if weighting == "survey":
        yield "W503: the weights aren't whole numbers; they are taken for survey weights in the standard error"
    table = source.size <= MOST_OF_A_TABLE or source.size <= ALIKE * cells
    if weighting == "counts" and n > INFLATED * source.size and not table:
        yield (
            f"W503: the weights are whole numbers and taken for counts: {source.size:,} rows stand for {n:,.0f} "
            "observations; if they are survey weights, say so (weights_as survey), or intervals are too narrow"
        )


def unknown(rows: list[Row], why: Callable[[], str], told: int = 0) -> Iterator[str]:
    """Say how many numbers the data don't determine, beside those that were told of."""
    missing = sum(r.value is None for r in rows) - told
    if missing:
        many = f"{missing:,} of {len(rows):,} numbers aren't" if len(rows) > 1 else "the number isn't"
        yield f"W502: {many} determined. {why()}"


def _lacking(told: list[Laid], world: World) -> str:
    """Name the cells that a formula needs and nobody was seen in."""
    for one in told:
        for comparison in one.piece.parts.comparisons:
            text = said(lacking(comparison, one.counts, world))
            if text:
                return text
    return "The data make a division by zero of it"


def _thin_support(told: list[Laid], whole: Counts, world: World) -> Iterator[str]:
    failing, many = failing_of(told)
    mass = min(one.held.mass for one in told)
    if not failing and mass == 1:
        return
    shown = [s.text for s in failing[:STRATA_SHOWN]]
    more = many - len(shown)
    those = "; ".join(shown) + (f"; and {more:,} more strata" if more else "")
    better = list(counting.advice(told[0].piece.parts, whole, told[0].held, world))
    yield (
        f"W501: the data carry the comparison for {share_text(mass)} of the population; "
        f"the number speaks of that part alone. {those}."
        + (f" What could help: {'; '.join(better)}." if better else "")
    )


def _resampled(told: list[Laid], whole: Counts, world: World) -> Iterator[str]:
    """Say what a bootstrap over cells draws, and which replicates told nothing."""
    drawn = [(one.resampled, one.found.valid.reshape(-1)) for one in told if one.resampled is not None]
    if not drawn:
        return
    if whole.clusters is None and any(world.source.kind(world.variables[o]) != "binary" for o in whole.outcomes):
        yield "W504: the bootstrap draws the cells' means from their normal law, as the rows aren't kept"
    groups = clusters_of(whole)
    if groups is not None and groups < FEW_CLUSTERS:
        yield f'W511: {groups} clusters are few to draw from, the interval too narrow; method="counts" allows for that'
    lost = max(replicates.lost(valid) for replicates, valid in drawn)
    if lost:
        yield f"W505: {lost:,} replicates don't determine the number: an arm or a denominator was empty in them"


def _few(rows: list[Row], told: list[Laid], *, share: bool) -> Iterator[str]:
    """Say which numbers rest on few observations, and what became of their intervals."""
    known = (_observations(one, place, share=share) for one in told for _, place in one.places)
    few = sorted(n for n in known if n is not None and n < FEW)
    if not few:
        return
    none = sum(n < FEWEST for n in few)
    if len(rows) == 1:
        end = "too few for an interval" if none else "the interval is too narrow"
        yield f"W511: the number rests on about {few[0]} observation{'s' * (few[0] != 1)} of the outcome: {end}"
        return
    narrow = len(few) - none
    parts = (
        (narrow, FEW, "its interval is too narrow" if narrow == 1 else "their intervals are too narrow"),
        (none, FEWEST, "too few for an interval"),
    )
    said = (
        f"{several:,} of {len(rows):,} numbers rest{'s' * (several == 1)} on fewer than {least} observations "
        f"of the outcome: {end}"
        for several, least, end in parts
        if several
    )
    yield f"W511: {'; '.join(said)}"


def _without_variation(query: Numeric, rows: list[Row], told: list[Laid]) -> bool:
    """Is a number's error zero for want of different outcomes? Shares have intervals that know better."""
    if isinstance(query, Probability | Expectation) or all(one.piece.quantity.formula.is_number for one in told):
        return False
    return any(r.std_error is not None and r.std_error < SMALLEST for r in rows)


def naive_of(query: Numeric, world: World) -> str:
    """Return what a naive reading of a query compares."""
    if isinstance(query, Probability):
        return "share"
    if isinstance(query, Arithmetic):
        return "comparison"
    outcome = query.outcome.variable if isinstance(query, Expectation | Effect) else None
    binary = outcome is not None and world.source.kind(world.variables[outcome]) == "binary"
    what = "share" if binary else "mean"
    return what if isinstance(query, Expectation) else f"comparison of {what}s"


def unit_of(query: Numeric, variables: Mapping[str, Variable]) -> str | None:
    """Return the outcome's unit, where the query keeps it."""
    if isinstance(query, Effect) and not MEASURES[query.measure].has_unit:
        return None
    if isinstance(query, Expectation | Effect):
        return variables[query.outcome.variable].unit
    if isinstance(query, Arithmetic) and query.operator in ("+", "-"):
        units = {unit_of(side, variables) for side in (query.left, query.right)}  # type: ignore[arg-type]  # the parser admits numeric sides alone
        return units.pop() if len(units) == 1 else None
    return None


def notes_of(counts: Counts, variables: Mapping[str, Variable], source: Source) -> Iterator[str]:
    """Say which word of a binary outcome counts as 1."""
    for name in counts.outcomes:
        if source.kind(variables[name]) == "binary":
            first, last = source.levels(variables[name])[0], source.levels(variables[name])[-1]
            if (first, last) != ("0", "1") and first != last:
                yield f"{name}={last} counts as 1, {name}={first} as 0"
