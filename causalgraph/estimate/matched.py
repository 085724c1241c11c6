"""What matching imputes: the outcome that each row would have had in an arm, from the nearest rows of that arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from causalgraph.errors import EstimationError
from causalgraph.estimate.balance import TOLERATED, balance
from causalgraph.estimate.base import population_of
from causalgraph.estimate.matched_errors import Weights, spread_within
from causalgraph.estimate.neighbours import Sets, Space, nearest
from causalgraph.estimate.sample import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from causalgraph.estimate.base import Target

__all__ = ["Arm", "Matched", "arms_of", "balance_of", "matched", "warnings_of", "weights_of"]

# A row that stands for more than this share of the population, in a sample that isn't tiny, decides much by itself.
HEAVY, TINY = 0.05, 100
QUANTILES = (0.5, 0.9, 0.99, 1.0)


@dataclass(frozen=True)
class Arm:
    """One of the two arms, and which of its rows each row is matched with.

    Attributes:
        inside: ``(n,)``, the rows in the arm.
        space: where rows lie for the search.
        sets: for each place that has rows of the population outside the arm, its matches.
    """

    inside: NDArray[np.bool_]
    space: Space
    sets: Sets


@dataclass(frozen=True)
class Matched:
    """An effect by matching, and what it rests on.

    Attributes:
        value: in units of the outcome; variance: its Abadie-Imbens variance, the score taken as known.
        kept: ``(n,)``, the rows of the population that found matches.
        own: ``(n,)``, the weight of a row in the population; used: ``(n,)``, its weight as a match of others.
        diagnostics: JSON-ready.
        corrected: whether the bias correction could be made; True where none was asked for.
    """

    value: float
    variance: float
    kept: NDArray[np.bool_]
    own: NDArray[np.float64]
    used: NDArray[np.float64]
    diagnostics: Mapping[str, Any]
    corrected: bool


def weights_of(sample: Sample) -> Weights:
    """Return what the rows of a sample stand for."""
    ones = np.ones(sample.n)
    return Weights(sample.weight, ones) if sample.weighting == "counts" else Weights(ones, sample.weight)


def arms_of(sample: Sample, target: Target, spaces: tuple[Space, Space], need: float) -> tuple[Arm, Arm]:
    """Search the matches of the population's rows in the arm that is compared, and in the other."""
    population, weights = population_of(sample, target), weights_of(sample)
    found = []
    for place, space in zip((target.level, target.against), spaces, strict=True):
        inside = sample.arm == place
        asks = np.zeros(space.size, dtype=bool)
        asks[space.place[population & ~inside]] = True
        there = space.total(weights.copies * inside)
        found.append(Arm(inside, space, nearest(space, there, np.flatnonzero(asks), need)))
    return found[0], found[1]


def matched(
    sample: Sample,
    target: Target,
    arms: tuple[Arm, Arm],
    within: tuple[Space, Space],
    *,
    lines: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
    few: int,
) -> Matched:
    """Average the differences between imputed outcomes, with their Abadie-Imbens variance.

    With Kⱼ the sum over the rows matched with j of w / (size of their set), and Kⱼ' that of w² / size²::

        τ = Σ w (Ŷ(level) - Ŷ(against)) / Σ w
        V = (Σ w² (Ŷᵢ(level) - Ŷᵢ(against) - τ)² + Σⱼ (Kⱼ² + 2 wⱼ Kⱼ - Kⱼ') σ²ⱼ) / (Σ w)²

    Args:
        sample: the rows.
        target: the two arms, and the population.
        arms: with their matches.
        within: where rows lie for σ², for each of the arms.
        lines: ``(n, p)`` for each arm, the columns of the bias correction; None for no correction.
        few: neighbours for σ².

    Raises:
        EstimationError: no row found a match (E551).

    Source: Abadie and Imbens (2006), Large sample properties of matching estimators for average treatment effects,
    Theorems 6 and 7, doi:10.1111/j.1468-0262.2006.00655.x; for ties Abadie, Drukker, Herr and Imbens (2004),
    doi:10.1177/1536867X0400400307; for the correction Abadie and Imbens (2011), doi:10.1198/jbes.2009.07333.
    """
    weights, population = weights_of(sample), population_of(sample, target)
    kept = population.copy()
    for arm in arms:
        kept &= arm.inside | arm.sets.found[arm.space.place]
    if not (weights.mass * kept).any():
        raise EstimationError.because(
            "E551",
            f"no row of {sample.treatment} has a match",
            why="within the caliper, or among rows that agree exactly, nobody is in the other arm",
            fix="widen the caliper or the bins, or match exactly on less",
        )
    filled = [_filled(sample, arm, weights, kept, None if lines is None else lines[i]) for i, arm in enumerate(arms)]
    total = float(weights.mass @ kept)
    effect = filled[0].y - filled[1].y
    value = float((weights.mass * kept) @ np.where(kept, effect, 0.0)) / total
    own = weights.each * kept
    used = filled[0].used + filled[1].used
    squares = float((weights.square * kept) @ np.where(kept, effect - value, 0.0) ** 2)
    noise = 0.0
    for arm, space, part in zip(arms, within, filled, strict=True):
        sigma = spread_within(space, arm.inside, weights.copies, sample.y, few)
        noise += float((weights.copies * (part.used**2 + 2 * own * part.used - part.squared)) @ sigma)
    return Matched(
        value=value,
        variance=(squares + noise) / total**2,
        kept=kept,
        own=own,
        used=used,
        diagnostics=_told(sample, arms, weights, population, kept, used),
        corrected=all(part.corrected for part in filled),
    )


@dataclass(frozen=True)
class _Filled:
    """Outcomes in one arm, imputed where they weren't seen; K and K' of its rows."""

    y: NDArray[np.float64]
    used: NDArray[np.float64]
    squared: NDArray[np.float64]
    corrected: bool


def _filled(
    sample: Sample, arm: Arm, weights: Weights, kept: NDArray[np.bool_], lines: NDArray[np.float64] | None
) -> _Filled:
    space, sets = arm.space, arm.sets
    counted = weights.copies * arm.inside
    # A place without a set has no members, and whatever it divides stays unused.
    many = np.maximum(sets.over(space.total(counted)), 1.0)
    asking = kept & ~arm.inside
    used = sets.back(space.total(weights.mass * asking) / many)[space.place] * arm.inside
    squared = sets.back(space.total(weights.square * asking) / many**2)[space.place] * arm.inside
    mean = (sets.over(space.total(counted * sample.y)) / many)[space.place]
    y = np.where(arm.inside, sample.y, mean)
    if lines is None or lines.shape[1] == 0:
        return _Filled(y, used, squared, corrected=True)
    away = [(column - (sets.over(space.total(counted * column)) / many)[space.place]) * asking for column in lines.T]
    distance = np.column_stack(away)
    if (np.abs(distance) <= space.tie).all():
        return _Filled(y, used, squared, corrected=True)
    slope = _slope(lines[arm.inside], sample.y[arm.inside], (counted * used)[arm.inside])
    if slope is None:
        return _Filled(y, used, squared, corrected=False)
    return _Filled(y + distance @ slope, used, squared, corrected=True)


def _slope(x: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return slopes of the weighted regression of outcomes on matched rows, None where these are too few for a line."""
    some = weight > 0
    x, y, weight = x[some], y[some], weight[some]
    if len(y) < x.shape[1] + 2:
        return None
    x = x - weight @ x / weight.sum()
    root = np.sqrt(weight)
    slope: NDArray[np.float64] = np.linalg.lstsq(x * root[:, None], (y - weight @ y / weight.sum()) * root)[0]
    return slope


def _told(
    sample: Sample,
    arms: tuple[Arm, Arm],
    weights: Weights,
    population: NDArray[np.bool_],
    kept: NDArray[np.bool_],
    used: NDArray[np.float64],
) -> dict[str, Any]:
    """Say who was matched, how far away, and how often a row was taken."""
    mass = weights.mass
    distances, sizes, times = [], [], np.zeros(sample.n)
    for arm in arms:
        asking, place = kept & ~arm.inside, arm.space.place
        distances.append(arm.sets.distance[place[asking]])
        sizes.append(arm.sets.over(arm.space.total(weights.copies * arm.inside))[place[asking]])
        times += arm.sets.back(arm.space.total(weights.copies * asking))[place] * arm.inside
    far, size = np.concatenate(distances), np.concatenate(sizes)
    whole, matched_mass = float(mass @ population), float(mass @ kept)
    return {
        "matched": float(weights.copies @ kept),
        "discarded": float(weights.copies @ (population & ~kept)),
        "discarded_share": 1 - matched_mass / whole,
        "donors": float(weights.copies @ (used > 0)),
        "most_reused": float(times.max()),
        "largest_weight": float(used.max()) / matched_mass,
        "set_size": {"mean": float(size.mean()), "largest": float(size.max())},
        "distance": {f"{q:g}": float(np.quantile(far, q)) for q in QUANTILES},
    }


def balance_of(sample: Sample, target: Target, found: Matched) -> dict[str, dict[str, float]]:
    """Return the standardised differences of covariates' means between the arms, before and after matching."""
    each = weights_of(sample).each
    # Weights of the data come on top of these.
    weights = np.divide(found.own + found.used, each, out=np.zeros(sample.n), where=each > 0)
    return {row.name: {"before": row.before, "after": row.after} for row in balance(sample, weights, target)}


def warnings_of(found: Matched, sample: Sample, table: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Say what speaks against the number: rows without a match, one row in the place of many, what isn't balanced.

    Args:
        found: the effect by matching.
        sample: the rows.
        table: column → standardised difference of means before and after.
    """
    told, said = found.diagnostics, []
    if told["discarded"] > 0:
        said.append(
            f"W540: {told['discarded']:,.0f} rows ({told['discarded_share']:.1%} of the population) have no match and "
            "are left out: the number is the effect among the others"
        )
    if told["largest_weight"] > HEAVY and sample.n > TINY:
        said.append(f"W541: one row stands for {told['largest_weight']:.0%} of the population, as the match of others")
    if not found.corrected:
        said.append("W542: too few rows were matched for the bias correction; what distance does is left in the number")
    off = sorted(((by, name) for name, row in table.items() if (by := abs(row["after"])) > TOLERATED), reverse=True)
    if off:
        worst = ", ".join(f"{name} by {by:.2f}" for by, name in off[:3])
        said.append(f"W543: matching leaves the arms' means apart: {worst} standard deviations")
    return said
