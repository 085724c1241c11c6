"""Estimators of a randomised trial: differences of means, adjusted by regression within arms, or by strata.

Their intervals are Student's. Errors of rows are HC2, of which Welch's and Neyman's are cases; those of clusters are
CR2, with the degrees of freedom of Bell and McCaffrey, which are below the number of clusters less one.

With ``inference="population"`` (the default) the error holds for the population that the rows were drawn from: it tells
of the sampling of covariates too, which matters where the effect varies with them. With ``"sample"`` it is that of the
effect among these very rows, as in Neyman's and Lin's theory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import stdtr

from causalgraph.errors import EstimationError, did_you_mean
from causalgraph.estimate.base import Result, Target, population_of
from causalgraph.estimate.overlap import extrapolated, outside
from causalgraph.estimate.randomisation import randomisation_test
from causalgraph.estimate.sample import Design, Sample, design
from causalgraph.estimate.sandwich import (
    COLLINEAR,
    Cells,
    Fit,
    cells_of,
    cluster_degrees,
    fit,
    orthogonal,
    units,
    variance,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

__all__ = ["difference", "lin"]

HC = ("HC0", "HC1", "HC2", "HC3")
INFERENCE = ("population", "sample")
# Fewer degrees of freedom than this, and an interval hangs on the few units that it has.
FEW = 5


@dataclass(frozen=True)
class Error:
    """A standard error with its degrees of freedom, and whether it is that of clusters."""

    error: float
    df: float
    clusters: int | None


def difference(
    sample: Sample,
    target: Target,
    *,
    level: float = 0.95,
    seed: int = 0,
    permutations: int = 0,
    within: NDArray[np.float64] | None = None,
) -> Result:
    """Return the difference of two arms' means (of a binary outcome, of risks), with Welch's error and degrees.

    V = s₁²/n₁ + s₀²/n₀ with V² / Σ (s_a²/n_a)²/(n_a - 1) degrees of freedom. Survey weights: HC2, with (Σ w)² / Σ w²
    in place of n_a. Clusters: CR2.

    Args:
        sample: rows without covariates: a difference of means is an effect only where nothing needs adjusting for.
        target: two arms.
        level: of the interval of a randomisation test.
        seed: of the permutations.
        permutations: for a randomisation test of no effect on anyone, how many assignments are drawn at most (0: no
            test).
        within: strata within which treatment was assigned, for that test.

    Raises:
        EstimationError: there are covariates (E573), an arm is one cluster (E572), what `randomisation_test` raises.

    Source: B. Welch, Biometrika 34 (1947) 28-35, doi:10.1093/biomet/34.1-2.28.
    """
    if sample.covariates:
        raise EstimationError.because(
            "E573",
            f"a difference of means doesn't adjust for {', '.join(sample.covariates)}",
            fix='say covariates=() where nothing needs adjusting for, or method="lin"',
        )
    kept = sample.keep((sample.arm == target.level) | (sample.arm == target.against))
    cell = (kept.arm == target.level).astype(np.intp)
    clusters = units(kept)
    cells = cells_of(kept, cell, 2, clusters)
    for place, arm in enumerate((target.against, target.level)):
        if cells.number[place] < 2:
            raise _one_unit(sample, arm)
    sign = np.array([-1.0, 1.0])
    value = float(sign @ cells.mean)
    found = error_of_cells(cells, sign, cells.score * sign[cell], kept, clusters)
    diagnostics: dict[str, Any] = {
        "arms": _arms(kept, cells, (sample.arms[target.against], sample.arms[target.level])),
        "degrees_of_freedom": found.df,
        "p_value": p_value(value, found),
    }
    if permutations:
        strata = None if within is None else within[(sample.arm == target.level) | (sample.arm == target.against)]
        tested = randomisation_test(kept, cell, strata=strata, permutations=permutations, level=level, seed=seed)
        diagnostics["randomisation"] = tested.to_dict()
    return answered(value, found, diagnostics, warnings=_constant(kept, cell))


def lin(
    sample: Sample,
    target: Target,
    *,
    level: float = 0.95,
    seed: int = 0,
    hc: str = "HC2",
    inference: str = "population",
) -> Result:
    """Return the difference of two arms' regressions at the population's mean covariates.

    It is the coefficient of treatment in a regression on treatment, covariates less their means, and their products
    with treatment. In a trial it is consistent whether or not the outcome is linear, and never less precise than a
    difference of means in large samples; elsewhere it takes the outcome to be linear in each arm.

    Args:
        sample: rows of all arms; the means are the population's.
        target: two arms and a population.
        level: of the interval; not used here.
        seed: unused, since nothing is drawn.
        hc: HC0, HC1, HC2 or HC3, the error of rows. That of clusters is CR2.
        inference: ``"population"`` or ``"sample"``, see the module.

    Raises:
        EstimationError: an option has no such value (E571), covariates are collinear in an arm, or are as many as its
            rows (E574).

    Source: W. Lin, Ann. Appl. Stat. 7 (2013) 295-318, doi:10.1214/12-AOAS583; A. Negi, J. Wooldridge, Econometric Rev.
    40 (2021) 504-534, doi:10.1080/07474938.2020.1824732 (the sampling of covariates).
    """
    del level, seed
    one_of("hc", hc, HC)
    one_of("inference", inference, INFERENCE)
    clusters = units(sample)
    if clusters is not None and hc != "HC2":
        raise EstimationError.because("E571", f"{hc} is an error of independent rows", fix="leave hc out: CR2 is used")
    among = population_of(sample, target)
    made, lost = _independent(design(sample), sample, target)
    share = sample.weight * among
    middle = np.average(made.matrix, axis=0, weights=share)
    matrix = made.matrix - middle
    fits = []
    for place in (target.against, target.level):
        found = fit(sample, sample.arm == place, matrix, "HC0" if hc == "HC1" else hc, clusters)
        if found is None:
            raise _collinear(sample, place, made)
        fits.append(found)
    control, treated = fits
    value = treated.intercept - control.intercept
    fixed = treated.score - control.score
    moved = share * (matrix @ (treated.slopes - control.slopes)) / share.sum()
    scores = fixed + moved if inference == "population" else fixed
    two = sample.keep(np.isin(sample.arm, (target.level, target.against)))
    df = two.size - 2 * (matrix.shape[1] + 1)
    scale = two.size / df if hc == "HC1" and df > 0 else 1.0
    if clusters is None:
        found_error = Error(sqrt(scale * variance(scores, sample, None)), max(df, 1.0), None)
    else:
        found_error = Error(sqrt(variance(scores, sample, clusters)), _degrees(fits), int(clusters.max()) + 1)
    plain = _plain(sample, target)
    diagnostics = {
        "unadjusted": plain,
        "degrees_of_freedom": found_error.df,
        "p_value": p_value(value, found_error),
        "error_in_sample": sqrt(scale * variance(fixed, sample, clusters)),
        "largest_leverage": max(control.leverage, treated.leverage),
        "slopes": {
            name: {sample.arms[target.against]: float(b0), sample.arms[target.level]: float(b1)}
            for name, b0, b1 in zip(made.names, control.slopes, treated.slopes, strict=True)
        },
        "balance": _balance(sample, target, made),
    }
    notes = [f"{name} is a combination of the other covariates, and was left out" for name in lost]
    notes.append(f"errors are {'CR2' if clusters is not None else hc}; {_of(inference)}")
    warnings = list(_alone(control.alone + treated.alone))
    for arm in (target.level, target.against):
        label = f"{sample.treatment}={sample.arms[arm]}"
        warnings += extrapolated(outside(made.matrix, sample.arm == arm, share), label)
    return answered(value, found_error, diagnostics, tuple(notes), tuple(warnings))


def answered(
    value: float,
    found: Error,
    diagnostics: Mapping[str, Any],
    notes: tuple[str, ...] = (),
    warnings: tuple[str, ...] = (),
) -> Result:
    """Return a result with its degrees of freedom, which of clusters are fewer than G - 1."""
    if found.clusters is not None:
        diagnostics = {**diagnostics, "clusters": found.clusters}
    if found.df < FEW:
        unit = "clusters" if found.clusters is not None else "rows"
        warnings = (*warnings, f"W560: the error has {found.df:.1f} degrees of freedom: it hangs on a few {unit}")
    return Result(
        value,
        error=found.error,
        df=found.df,
        diagnostics=diagnostics,
        notes=notes,
        warnings=warnings,
    )


def error_of_cells(cells: Cells, coefficient: Floats, scores: Floats, sample: Sample, clusters: Places | None) -> Error:
    """Return the error of Σ coefficient · mean over cells, with Satterthwaite's degrees of freedom.

    Args:
        cells: means, each of more than one unit where its coefficient isn't 0.
        coefficient: ``(k,)``.
        scores: ``(n,)``, what each row adds to the error.
        sample: whose rows they are.
        clusters: from `units`.
    """
    total = variance(scores, sample, clusters)
    if clusters is None:
        known = np.isfinite(cells.variance) & (cells.degrees > 0)
        parts = coefficient[known] ** 2 * cells.variance[known]
        squares = float((parts**2 / cells.degrees[known]).sum())
        df = float(parts.sum()) ** 2 / squares if squares > 0 else float(cells.degrees[known].sum())
        return Error(sqrt(total), max(df, 1.0), None)
    from scipy.sparse import csr_array

    groups, k = int(clusters.max()) + 1, len(cells.mean)
    pairs, first = np.unique(clusters * k + cells.cell, return_index=True)
    part, cell, group = cells.part[first], pairs % k, pairs // k
    left = np.where(cells.number[cell] < 2, np.inf, 1 - part)
    unit = coefficient[cell] / np.sqrt(cells.weight[cell])
    diagonal = np.bincount(group, weights=unit**2 * part / left, minlength=groups).astype(np.float64)
    pulled = csr_array((unit * part / np.sqrt(left), (group, cell)), shape=(groups, k))
    return Error(sqrt(total), max(cluster_degrees(diagonal, pulled), 1.0), groups)


def p_value(value: float, found: Error) -> float | None:
    """Return the two-sided p-value of no effect on average; None where the error is 0."""
    if found.error == 0:
        return None
    return float(2 * stdtr(found.df, -abs(value) / found.error))


def one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    """Make sure that an option has a value that there is.

    Raises:
        EstimationError: it hasn't (E571).
    """
    if value not in known:
        near = did_you_mean(str(value), known)
        fix = f"did you mean {near}?" if near else f"use one of {', '.join(known)}"
        raise EstimationError.because("E571", f"there is no {option}={value!r}", fix=fix)


def _of(inference: str) -> str:
    return "of the effect in the population" if inference == "population" else "of the effect among these very rows"


def _degrees(fits: list[Fit]) -> float:
    """Return degrees of freedom of a clustered error from the arms' parts of it."""
    diagonal = np.sum([f.diagonal for f in fits if f.diagonal is not None], axis=0)
    pulled = np.concatenate([f.pulled for f in fits if f.pulled is not None], axis=1)
    return max(cluster_degrees(diagonal, pulled), 1.0)


def _independent(made: Design, sample: Sample, target: Target) -> tuple[Design, list[str]]:
    """Scale covariates and leave out those that are constant, or combinations of those before them, in both arms."""
    if not made.names:
        return made, []
    rows = np.isin(sample.arm, (target.level, target.against))
    root = np.sqrt(sample.weight[rows])
    x = made.matrix[rows]
    x = (x - np.average(x, axis=0, weights=root**2)) * root[:, None]
    size = np.abs(made.matrix[rows]).max(axis=0) * sqrt(float(root @ root))
    length = np.sqrt((x * x).sum(axis=0))
    varies = length > COLLINEAR**2 * size
    own = np.zeros(len(length))
    if varies.any():
        r = orthogonal(x[:, varies] / length[varies])[1]
        own[np.flatnonzero(varies)[: len(r)]] = np.abs(np.diag(r))
    keep = own > COLLINEAR
    lost = [name for name, kept in zip(made.names, keep.tolist(), strict=True) if not kept]
    names = tuple(name for name, kept in zip(made.names, keep.tolist(), strict=True) if kept)
    of = tuple(place for place, kept in zip(made.of, keep.tolist(), strict=True) if kept)
    return Design(names, made.matrix[:, keep], of), lost


def _collinear(sample: Sample, place: int, made: Design) -> EstimationError:
    arm = f"{sample.treatment}={sample.arms[place]}"
    rows = sample.arm == place
    still = [name for name, column in zip(made.names, made.matrix[rows].T, strict=True) if np.ptp(column) == 0]
    if rows.sum() <= len(made.names):
        what = f"{arm} has {int(rows.sum())} rows, and there are {len(made.names)} covariates to adjust for"
    elif still:
        what = f"among {arm} {', '.join(still)} never varies, but elsewhere it does"
    else:
        what = f"among {arm} the covariates {', '.join(made.names)} are combinations of one another"
    return EstimationError.because(
        "E574",
        what,
        why="the arm doesn't tell how its outcome goes with these covariates",
        fix="merge levels, or adjust for fewer covariates",
    )


def _one_unit(sample: Sample, arm: int) -> EstimationError:
    unit = "row" if sample.clusters is None else "cluster"
    return EstimationError.because(
        "E572",
        f"{sample.treatment}={sample.arms[arm]} is one {unit}",
        why=f"how {unit}s vary can't be seen in one",
        fix="name no cluster, if rows were assigned one by one" if unit == "cluster" else "merge levels",
    )


def _arms(sample: Sample, cells: Cells, names: tuple[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "arm": name,
            "rows": float(sample.weight[cells.cell == place].sum())
            if sample.weighting == "counts"
            else int((cells.cell == place).sum()),
            "mean": float(cells.mean[place]),
            "error": sqrt(float(cells.variance[place])),
            "units": float(cells.number[place]),
        }
        for place, name in enumerate(names)
    ]


def _plain(sample: Sample, target: Target) -> float:
    arms = [sample.arm == place for place in (target.level, target.against)]
    one, other = (float(np.average(sample.y[rows], weights=sample.weight[rows])) for rows in arms)
    return one - other


def _balance(sample: Sample, target: Target, made: Design) -> dict[str, float]:
    """Return differences of the arms' means in units of sqrt((s₁² + s₀²) / 2)."""
    moments = []
    for place in (target.level, target.against):
        rows = sample.arm == place
        mean = np.average(made.matrix[rows], axis=0, weights=sample.weight[rows])
        moments.append((mean, np.average((made.matrix[rows] - mean) ** 2, axis=0, weights=sample.weight[rows])))
    (m1, v1), (m0, v0) = moments
    spread = np.sqrt((v1 + v0) / 2)
    return {n: float(d / s) if s > 0 else 0.0 for n, d, s in zip(made.names, m1 - m0, spread, strict=True)}


def _constant(sample: Sample, cell: Places) -> tuple[str, ...]:
    still = [place for place in (0, 1) if np.ptp(sample.y[cell == place]) == 0]
    if not still:
        return ()
    where = (
        "either arm" if len(still) == 2 else f"{sample.treatment}={sample.arms[int(sample.arm[cell == still[0]][0])]}"
    )
    return (f"W562: {sample.outcome} doesn't vary in {where}: the error is too small",)


def _alone(rows: int) -> tuple[str, ...]:
    if not rows:
        return ()
    return (f"W561: a coefficient hangs on one row or cluster alone ({rows} of them), and the error doesn't show it",)
