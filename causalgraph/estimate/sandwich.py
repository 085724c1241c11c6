"""Sandwich errors of means by cell and of regressions by arm, of independent rows or of clusters, with few of either.

A comparison is a sum of contributions of units, rows or clusters. Each unit pulls the fit towards itself, so that its
residuals are too small: HC2 and CR2 divide by what is left of them, (I - H)^(-1/2), where H is the unit's part of the
hat matrix. The fit splits into pieces that share no row (a cell, an arm), so that H is computed piece by piece.

Source: J. MacKinnon, H. White, J. Econometrics 29 (1985) 305-325, doi:10.1016/0304-4076(85)90158-7; R. Bell,
D. McCaffrey, Survey Methodology 28 (2002) 169-181; G. Imbens, M. Kolesár, "Robust standard errors in small samples",
Rev. Econ. Stat. 98 (2016) 701-712, doi:10.1162/REST_a_00552; J. Pustejovsky, E. Tipton, J. Bus. Econ. Stat. 36 (2018)
672-683, doi:10.1080/07350015.2016.1247004 (a cluster that alone decides a coefficient).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array

from causalgraph.estimate.sample import Sample
from causalgraph.evaluate.table import require_clusters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

__all__ = ["ROUNDING", "Cells", "Fit", "cells_of", "cluster_degrees", "fit", "orthogonal", "units", "variance"]

# What is left of a residual, as a share, below which the unit alone decides a coefficient.
ROUNDING = 1e-10
# A column is a combination of those before it where so small a share of its length is its own.
COLLINEAR = 1e-7
# Rows from which on x'x is factored, and the worst condition at which it may be.
MANY = 5_000
WELL = 1e10


def units(sample: Sample) -> Places | None:
    """Return the place of each row's cluster, from 0 on without gaps; None where rows are independent.

    Raises:
        EstimationError: there is one cluster (E515).
    """
    if sample.clusters is None:
        return None
    names, place = np.unique(sample.clusters, return_inverse=True)
    require_clusters(len(names))
    return place.astype(np.intp)


def variance(scores: Floats, sample: Sample, clusters: Places | None) -> float:
    """Return Σ s² over units of scores ``(n,)`` of rows; of counts a row of weight w is w rows that share its score."""
    if clusters is not None:
        by_cluster = np.bincount(clusters, weights=scores)
        return float(by_cluster @ by_cluster)
    if sample.weighting == "counts":
        return float((scores / sample.weight) @ scores)
    return float(scores @ scores)


@dataclass(frozen=True)
class Cells:
    """Means of an outcome by cell, and what makes their errors.

    Attributes:
        cell: ``(n,)``, the cell of each row.
        weight: ``(k,)``, the sum of weights.
        number: ``(k,)``, units: rows or clusters, or what counts add up to.
        mean: ``(k,)``.
        score: ``(n,)``, what a row adds to the error of its cell's mean: w e / (W sqrt(1 - h)).
        variance: ``(k,)``, of the mean; nan where one unit makes the cell.
        degrees: ``(k,)``, of freedom of that variance.
        part: ``(n,)``, h, the share of the cell's weight that the row's unit has.
    """

    cell: Places
    weight: Floats
    number: Floats
    mean: Floats
    score: Floats
    variance: Floats
    degrees: Floats
    part: Floats


def cells_of(sample: Sample, cell: Places, count: int, clusters: Places | None) -> Cells:
    """Return the means of the cells, each of which has a row.

    Args:
        sample: rows and weights.
        cell: ``(n,)``, the cell of each row, below ``count``.
        count: of cells.
        clusters: ``(n,)``, from `units`.
    """
    w = sample.weight
    weight = np.bincount(cell, weights=w, minlength=count)
    centre = float(np.average(sample.y, weights=w))
    mean = np.bincount(cell, weights=w * (sample.y - centre), minlength=count) / weight
    residual = sample.y - centre - mean[cell]
    if clusters is None:
        unit = np.arange(sample.n)
        counted = sample.weighting == "counts"
        part = (1 if counted else w) / weight[cell]
        number = weight if counted else np.bincount(cell, minlength=count).astype(float)
        degrees = (weight if counted else weight**2 / np.bincount(cell, weights=w * w, minlength=count)) - 1
    else:
        pairs, unit = np.unique(clusters * count + cell, return_inverse=True)
        inside = np.bincount(unit, weights=w) / weight[pairs % count]
        part = inside[unit]
        number = np.bincount(pairs % count, minlength=count).astype(float)
        degrees = 1 / np.bincount(pairs % count, weights=inside**2, minlength=count) - 1
    alone = number < 2
    left = np.where(alone[cell] | (1 - part < ROUNDING), 1.0, 1 - part)
    score = w * residual / (weight[cell] * np.sqrt(left))
    summed = np.bincount(unit, weights=score)
    if clusters is None:
        squares = score * score / (w if sample.weighting == "counts" else 1)
        spread = np.bincount(cell, weights=squares, minlength=count)
    else:
        spread = np.bincount(pairs % count, weights=summed**2, minlength=count)
    spread[alone] = np.nan
    return Cells(
        cell, *(np.asarray(a, dtype=np.float64) for a in (weight, number, mean + centre, score, spread, degrees, part))
    )


def cluster_degrees(diagonal: Floats, pulled: Any) -> float:
    """Return degrees of freedom of a CR2 variance where rows were independent with one variance.

    The variance is then a sum of λ χ² with the eigenvalues λ of diag(d) - B B', and has (Σ λ)² / Σ λ² degrees.

    Args:
        diagonal: ``(g,)``, d: of each cluster the length of its adjusted contrast.
        pulled: ``(g, p)``, B, an array or a sparse one.
    """
    b = csr_array(pulled)
    length = b.power(2).sum(axis=1)
    product = b.T @ b if b.shape[1] <= b.shape[0] else b @ b.T
    squares = float((diagonal**2).sum() - 2 * (diagonal * length).sum() + product.power(2).sum())
    trace = float(diagonal.sum() - length.sum())
    return trace**2 / squares if squares > ROUNDING * trace**2 else float(len(diagonal) - 1)


@dataclass(frozen=True)
class Fit:
    """A regression of the outcome within an arm, on covariates that are centred where the prediction is wanted.

    Attributes:
        intercept: the prediction there.
        slopes: ``(q,)``.
        score: ``(n,)``, what a row adds to the intercept's error; 0 outside of the arm.
        alone: rows that alone decide a coefficient.
        leverage: the largest.
        diagonal, pulled: the arm's part of `cluster_degrees`, none without clusters.
    """

    intercept: float
    slopes: Floats
    score: Floats
    alone: int
    leverage: float
    diagonal: Floats | None = None
    pulled: Floats | None = None


def fit(sample: Sample, rows: NDArray[np.bool_], matrix: Floats, hc: str, clusters: Places | None) -> Fit | None:
    """Regress the outcome of some rows by weighted least squares; None where columns are collinear there.

    Args:
        sample: outcome and weights.
        rows: ``(n,)``, the rows of the arm.
        matrix: ``(n, q)``, centred covariates.
        hc: HC0 or HC2 or HC3; HC1 is HC0 times a factor, for the caller. Of clusters HC2 means CR2.
        clusters: ``(n,)``, from `units`.
    """
    root = np.sqrt(sample.weight[rows])
    x = np.column_stack([np.ones(int(rows.sum())), matrix[rows]])
    centre = float(np.average(sample.y[rows], weights=sample.weight[rows]))
    if len(x) < x.shape[1]:
        return None
    x *= root[:, None]
    length = np.sqrt((x * x).sum(axis=0))
    q, r = orthogonal(x)
    if (np.abs(np.diag(r)) <= COLLINEAR * length).any():
        return None
    target = root * (sample.y[rows] - centre)
    coefficients = np.linalg.solve(r, q.T @ target)
    residual = target - q @ (q.T @ target)
    # The intercept's row of R^-1, so that the intercept is its product with Q'y.
    contrast = np.linalg.solve(r.T, np.eye(len(r))[0])
    leverage = (q * q).sum(axis=1)
    if sample.weighting == "counts":
        leverage /= sample.weight[rows]
    score = np.zeros(sample.n)
    value, slopes = float(coefficients[0]) + centre, np.asarray(coefficients[1:], dtype=np.float64)
    if clusters is None or hc != "HC2":
        alone = (1 - leverage < ROUNDING) & (sample.weight[rows] > 0)
        left = np.where(alone, 1.0, 1 - leverage)
        power = {"HC0": 0.0, "HC2": 0.5, "HC3": 1.0}[hc]
        score[rows] = (q @ contrast) * residual / left**power
        return Fit(value, slopes, score, int(alone.sum()), float(leverage.max()))
    return _clustered(value, slopes, score, rows, q, residual, contrast, clusters)


def orthogonal(x: Floats) -> tuple[Floats, Floats]:
    """Return Q with orthonormal columns and upper triangular R, x = Q R.

    Of many rows by Cholesky's factor of x'x, twice over, which is as orthogonal as Householder's and many times faster.

    Source: Y. Yamamoto, Y. Nakatsukasa, Y. Yanagisawa, T. Fukaya, Electron. Trans. Numer. Anal. 44 (2015) 306-326.
    """
    length = np.sqrt((x * x).sum(axis=0))
    if len(x) < MANY or (length == 0).any():
        return np.linalg.qr(x)
    q, r = x / length, np.diag(length)
    for _ in range(2):
        gram = q.T @ q
        if np.linalg.cond(gram) > WELL:
            return np.linalg.qr(x)
        upper = np.linalg.cholesky(gram).T
        q, r = q @ np.linalg.inv(upper), upper @ r
    return q, r


def _clustered(
    value: float,
    slopes: Floats,
    score: Floats,
    rows: NDArray[np.bool_],
    q: Floats,
    residual: Floats,
    contrast: Floats,
    clusters: Places,
) -> Fit:
    """Adjust by CR2: (I - H)^(-1/2) has its eigenvectors from the cluster's p by p matrix Q'Q, however many rows."""
    inside = clusters[rows]
    groups, p = int(clusters.max()) + 1, q.shape[1]
    gram = np.empty((groups, p, p))
    for i, j in combinations_with_replacement(range(p), 2):
        gram[:, i, j] = gram[:, j, i] = np.bincount(inside, weights=q[:, i] * q[:, j], minlength=groups)
    values, vectors = np.linalg.eigh(gram)
    values = np.clip(values, 0, 1)
    decided = 1 - values < ROUNDING
    left = np.where(decided, 1.0, 1 - values)
    turned = np.einsum("gij,i->gj", vectors, contrast)
    # A cluster's rows share the row vector r' V (I - S²)^(-1/2) V', which takes the place of the contrast.
    adjusted = np.einsum("gij,gj->gi", vectors, np.where(decided, 0.0, turned / np.sqrt(left)))
    score[rows] = np.einsum("np,np->n", q, adjusted[inside]) * residual
    weighed = np.where(decided, 0.0, values / left)
    diagonal = (turned**2 * weighed).sum(axis=1)
    pulled = np.einsum("gij,gj->gi", vectors, np.where(decided, 0.0, values / np.sqrt(left)) * turned)
    alone = int((decided.any(axis=1) & (np.abs(turned * decided).sum(axis=1) > ROUNDING)).sum())
    return Fit(value, slopes, score, alone, float(values.max()), diagonal, pulled)
