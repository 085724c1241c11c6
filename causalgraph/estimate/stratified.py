"""Post-stratification: differences of means within strata, averaged by the strata's shares of the population."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from causalgraph.answers import share_text
from causalgraph.errors import EstimationError
from causalgraph.estimate.base import Result, Target, population_of
from causalgraph.estimate.neighbours import agreeing
from causalgraph.estimate.sample import Sample
from causalgraph.estimate.sandwich import Cells, cells_of, units, variance
from causalgraph.estimate.trial import INFERENCE, Error, answered, error_of_cells, one_of, p_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

__all__ = ["stratified"]

# Values of a number that may make strata; more of them are a scale.
MOST_VALUES = 20
# Strata that are laid out, the largest; of the others the number is told.
LISTED = 100
# Strata that a warning names.
NAMED = 3


@dataclass(frozen=True)
class _Strata:
    """Strata of the rows of two arms.

    Attributes:
        of: ``(n,)``, the stratum of each row.
        share: ``(s,)``, of the population.
        labels: what each holds, in words.
    """

    of: Places
    share: Floats
    labels: tuple[str, ...]


def stratified(
    sample: Sample, target: Target, *, level: float = 0.95, seed: int = 0, inference: str = "population"
) -> Result:
    """Return Σ_s share_s (mean of one arm - mean of the other), over strata of rows that agree in all covariates.

    V = Σ_s share_s² (s₁²/n₁ + s₀²/n₀), Neyman's, plus Σ_s share_s (d_s - d)² / n for the sampling of the shares, less
    what of these differences is noise. Where an arm has one unit in a stratum, its variance there is that of the arm's
    other strata, pooled; where it has one in each (pairs), the error is that between strata.

    Args:
        sample: rows of all arms, whose covariates have levels or few values.
        target: two arms and a population.
        level: of the interval; not used here.
        seed: unused, since nothing is drawn.
        inference: ``"population"``, or ``"sample"`` for shares that were fixed.

    Raises:
        EstimationError: a covariate is a scale (E573), under half of the population lies in strata with both arms
            (E501), nothing tells how outcomes vary (E572), an option has no such value (E571).

    Source: J. Neyman (1923), Stat. Sci. 5 (1990) 465-472, doi:10.1214/ss/1177012031; L. Miratrix, J. Sekhon, B. Yu, J.
    R. Stat. Soc. B 75 (2013) 369-396, doi:10.1111/rssb.12012; K. Imai, Stat. Med. 27 (2008) 4857-4873,
    doi:10.1002/sim.3337 (pairs).
    """
    del level, seed
    one_of("inference", inference, INFERENCE)
    kept, strata, warnings = _supported(sample, target)
    share = strata.share
    two = np.isin(kept.arm, (target.level, target.against))
    rows = kept.keep(two)
    treated = (rows.arm == target.level).astype(np.intp)
    clusters = units(rows)
    count = len(share)
    cells = cells_of(rows, 2 * strata.of[two] + treated, 2 * count, clusters)
    effects = cells.mean[1::2] - cells.mean[::2]
    value = float(share @ effects)
    coefficient = np.column_stack([-share, share]).ravel()
    lonely = cells.number < 2
    paired = any(lonely[arm::2].all() for arm in (0, 1))
    if paired:
        found = _between(kept, strata, effects, value, clusters, two)
    else:
        filled = _pooled(cells, lonely)
        fixed = cells.score * coefficient[cells.cell]
        found = _widened(error_of_cells(cells, coefficient, fixed, rows, clusters), coefficient, filled, lonely)
        if inference == "population":
            found = _sampled(found, kept, target, strata, effects, filled, fixed, two)
    if lonely.any() and not paired:
        mass = float(share[(lonely[::2] | lonely[1::2])].sum())
        unit = "row" if clusters is None else "cluster"
        said = f"W561: strata that hold {share_text(mass)} of the population have one {unit} in an arm"
        warnings += (f"{said}: how outcomes vary there is taken from the arm's other strata",)
    diagnostics = {
        "degrees_of_freedom": found.df,
        "p_value": p_value(value, found),
        "number_of_strata": count,
        "strata": _table(cells, strata, effects),
    }
    notes = ("the error is that between strata, since an arm has one unit in each",) if paired else ()
    return answered(value, found, diagnostics, notes, warnings)


def _supported(sample: Sample, target: Target) -> tuple[Sample, _Strata, tuple[str, ...]]:
    """Keep the strata with both arms, and say what part of the population the others hold."""
    for name, levels, values in zip(sample.covariates, sample.levels, sample.values.T, strict=True):
        if not levels and len(np.unique(values)) > MOST_VALUES:
            raise EstimationError.because(
                "E573",
                f"{name} has {len(np.unique(values)):,} values: they make no strata",
                fix=f'cut {name} into levels, or say method="lin"',
            )
    if sample.covariates:
        of, first = agreeing(list(sample.values.T))
        cells = sample.values[first]
    else:
        cells, of = np.empty((1, 0)), np.zeros(sample.n, dtype=np.intp)
    among = np.bincount(of, weights=sample.weight * population_of(sample, target), minlength=len(cells))
    arms = [np.bincount(of[sample.arm == a], minlength=len(cells)) > 0 for a in (target.against, target.level)]
    full = arms[0] & arms[1]
    share = among / among.sum()
    lost = float(share[~full].sum())
    labels = [_label(sample, row) for row in cells]
    largest = [s for s in np.argsort(-share, kind="stable").tolist() if not full[s] and share[s] > 0]
    lacking = "; ".join(
        f"{labels[s]} ({share_text(float(share[s]))}) has no "
        + " or ".join(
            f"{sample.treatment}={sample.arms[a]}"
            for a, there in zip((target.against, target.level), arms, strict=True)
            if not there[s]
        )
        for s in largest[:NAMED]
    )
    more = f"; and {len(largest) - NAMED:,} more" if len(largest) > NAMED else ""
    if lost > 0.5:
        raise EstimationError.because(
            "E501",
            f"only {share_text(1 - lost)} of the population lies in strata with both arms: {lacking}{more}",
            fix="merge levels, or stratify by fewer covariates",
        )
    warnings: tuple[str, ...] = ()
    if lost > 0:
        warnings = (
            f"W501: the data carry the comparison for {share_text(1 - lost)} of the population; {lacking}{more}",
        )
    kept = sample.keep(full[of])
    place = np.cumsum(full) - 1
    strata = _Strata(
        place[of[full[of]]].astype(np.intp),
        share[full] / share[full].sum(),
        tuple(label for label, there in zip(labels, full.tolist(), strict=True) if there),
    )
    return kept, strata, warnings


def _label(sample: Sample, row: Floats) -> str:
    parts = [
        f"{name}={levels[int(v)] if levels else f'{v:g}'}"
        for name, levels, v in zip(sample.covariates, sample.levels, row.tolist(), strict=True)
    ]
    return ", ".join(parts) or "everyone"


def _pooled(cells: Cells, lonely: NDArray[np.bool_]) -> Floats:
    """Return the cells' variances; that of a lonely unit is the arm's variance of one unit, pooled by degrees."""
    filled = cells.variance.copy()
    for arm in (0, 1):
        of_arm = np.arange(len(filled)) % 2 == arm
        known, unknown = of_arm & ~lonely, of_arm & lonely
        degrees = np.maximum(cells.number[known] - 1, 0)
        filled[unknown] = float((degrees * cells.number[known] * filled[known]).sum() / degrees.sum())
    return filled


def _widened(found: Error, coefficient: Floats, filled: Floats, lonely: NDArray[np.bool_]) -> Error:
    """Add the variances of lonely units, whose own scores are 0."""
    more = float((coefficient[lonely] ** 2 * filled[lonely]).sum())
    return replace(found, error=sqrt(found.error**2 + more))


def _sampled(
    found: Error,
    kept: Sample,
    target: Target,
    strata: _Strata,
    effects: Floats,
    filled: Floats,
    fixed: Floats,
    two: NDArray[np.bool_],
) -> Error:
    """Add what the sampling of the strata's shares does, of which the effects' own noise is taken out."""
    share = strata.share
    apart = effects - share @ effects
    seen = float(share @ apart**2)
    if seen == 0:
        return found
    noise = filled[::2] + filled[1::2]
    # E Σ share (d_s - d)² is the effects' variance, plus Σ share V_s - V, where V is the variance of d.
    true = max(0.0, seen - float(share @ noise) + float(share**2 @ noise))
    weight = kept.weight * population_of(kept, target)
    moved = sqrt(true / seen) * weight * apart[strata.of] / weight.sum()
    scores = moved.copy()
    scores[two] += fixed
    clusters = units(kept)
    own = np.zeros(kept.n)
    own[two] = fixed
    extra = variance(scores, kept, clusters) - variance(own, kept, clusters)
    return replace(found, error=sqrt(max(found.error**2 + extra, 0.0)))


def _between(
    kept: Sample, strata: _Strata, effects: Floats, value: float, clusters: Places | None, two: NDArray[np.bool_]
) -> Error:
    """Return the error of a mean of independent strata: S/(S - 1) Σ share² (d_s - d)², with S - 1 degrees.

    Raises:
        EstimationError: there is one stratum, or a cluster lies in several (E572).
    """
    count = len(effects)
    across = clusters is not None and len(np.unique(clusters * count + strata.of[two])) > len(np.unique(clusters))
    if count < 2 or across:
        unit = "row" if clusters is None else "cluster"
        raise EstimationError.because(
            "E572",
            f"an arm of {kept.treatment} has one {unit} in each stratum"
            + (", and clusters lie in several strata" if across else ""),
            why="nothing tells how outcomes vary",
            fix="stratify by fewer covariates, or merge levels",
        )
    squares = float(strata.share**2 @ (effects - value) ** 2)
    return Error(
        sqrt(count / (count - 1) * squares),
        float(count - 1),
        None if clusters is None else int(clusters.max()) + 1,
    )


def _table(cells: Cells, strata: _Strata, effects: Floats) -> list[dict[str, Any]]:
    """Lay out the largest strata."""
    largest = np.argsort(-strata.share, kind="stable")[:LISTED].tolist()
    return [
        {
            "stratum": strata.labels[s],
            "share": float(strata.share[s]),
            "difference": float(effects[s]),
            "units": [float(cells.number[2 * s]), float(cells.number[2 * s + 1])],
        }
        for s in sorted(largest)
    ]
