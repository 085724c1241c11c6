"""Models of an outcome given covariates: least squares and the logit, with what their estimation adds to an error.

A model is fitted to the rows of one arm, or to all of them. It predicts for every row, and it tells how the noise in
its coefficients enters an average of its predictions, so that an estimator that uses several models has one influence
function for all of them together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Literal

import numpy as np

from causalgraph.errors import EstimationError, did_you_mean
from causalgraph.estimate.logit import SeparationError, fit_logit, pivots
from causalgraph.estimate.sample import Sample, design

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Family", "Fit", "Model", "Terms", "by_arm", "family_of", "fitted", "remainder", "squared", "terms_of"]

Family = Literal["linear", "logistic"]

# Cells are numbered by their place among all that could be, up to this many.
MOST_CELLS = 10_000_000
# A row with less than this left of its residual decides a coefficient alone.
ALONE = 1e-8
# A column that varies by no more than this share of its size is constant.
SMALLEST = 1e-12


@dataclass(frozen=True)
class Terms:
    """The columns of a regression, a constant first, each centred and scaled to variance 1.

    Attributes:
        names: of the columns but the constant.
        matrix: ``(m, p)``, one row for each row of the sample, or for each cell.
        cell: ``(n,)``, the cell of each row; None where `matrix` has the sample's rows.
        dropped: columns left out, since they are constant or a combination of those before.
    """

    names: tuple[str, ...]
    matrix: NDArray[np.float64]
    cell: NDArray[np.intp] | None = None
    dropped: tuple[str, ...] = ()

    def total(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add up ``(n,)`` values by cell."""
        if self.cell is None:
            return values
        return np.bincount(self.cell, weights=values, minlength=len(self.matrix)).astype(np.float64, copy=False)

    def spread(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give each row the value of its cell."""
        return values if self.cell is None else values[self.cell]


def squared(sample: Sample, squares: Sequence[str]) -> Sample:
    """Add the squares of some covariates, each from its mean, as covariates of their own.

    Args:
        sample: with the covariates.
        squares: covariates that are numbers.

    Raises:
        EstimationError: a square is asked of what isn't a covariate, or has levels (E585).
    """
    _require_squares(sample, squares)
    columns = [sample.values[:, sample.covariates.index(name)] for name in squares]
    return replace(
        sample,
        covariates=(*sample.covariates, *(f"{name}^2" for name in squares)),
        values=np.column_stack([sample.values, *((column - column.mean()) ** 2 for column in columns)]),
        levels=(*sample.levels, *(() for _ in squares)),
    )


def terms_of(sample: Sample) -> Terms:
    """Lay out a sample's covariates as the columns of a regression.

    Where all covariates are discrete the matrix has one row for each cell that occurs, and fits take its time.

    >>> rows = Sample("X", ("0", "1"), np.array([0, 1, 1]), "Y", np.zeros(3), ("R",), np.array([[0.0], [1], [1]]),
    ...     (("n", "s"),), np.ones(3))
    >>> terms_of(rows).matrix.tolist()
    [[1.0, -1.0], [1.0, 1.0]]
    """
    sample, cell = _by_cell(sample)
    encoded = design(sample)
    names = encoded.names
    matrix = np.column_stack([np.ones(len(sample.values)), *(_scaled(column) for column in encoded.matrix.T)])
    kept = pivots(matrix.T @ matrix, len(matrix))
    if len(kept) == matrix.shape[1]:
        return Terms(names, matrix, cell)
    dropped = tuple(name for place, name in enumerate(names, 1) if place not in kept)
    return Terms(tuple(names[j - 1] for j in kept[1:]), matrix[:, kept], cell, dropped)


def _require_squares(sample: Sample, squares: Sequence[str]) -> None:
    for name in squares:
        if name not in sample.covariates:
            near = did_you_mean(name, sample.covariates)
            raise EstimationError.because(
                "E585",
                f"{name} isn't adjusted for, so its square can't be",
                fix=f"did you mean {near}?" if near else f"choose among {', '.join(sample.covariates) or 'none'}",
            )
        if sample.levels[sample.covariates.index(name)]:
            raise EstimationError.because(
                "E585", f"{name} has levels, which have no square", fix="name covariates that are numbers"
            )


def _by_cell(sample: Sample) -> tuple[Sample, NDArray[np.intp] | None]:
    """Number the cells of discrete covariates; return a sample with one row a cell, and the cell of each row."""
    if not all(sample.levels):
        return sample, None
    shape = [len(levels) for levels in sample.levels]
    size = prod(shape)
    if size > MOST_CELLS:
        return sample, None
    code = np.zeros(sample.n, dtype=np.intp)
    for column, levels in zip(sample.values.T, shape, strict=True):
        code *= levels
        code += column.astype(np.intp)
    met = np.flatnonzero(np.bincount(code, minlength=size))
    number = np.zeros(size, dtype=np.intp)
    number[met] = np.arange(len(met))
    values = np.column_stack(np.unravel_index(met, shape)) if shape else np.empty((1, 0))
    nothing = np.zeros(len(met))
    return replace(sample, values=values.astype(float), y=nothing, weight=nothing), number[code]


def _scaled(column: NDArray[np.float64]) -> NDArray[np.float64]:
    centred: NDArray[np.float64] = column - column.mean()
    spread = float(np.sqrt(np.mean(centred**2)))
    if spread <= SMALLEST * float(np.abs(column).max()):
        return np.zeros_like(column)
    return centred / spread


@dataclass(frozen=True)
class Fit:
    """Predictions, and what the estimation of the coefficients adds to an influence function.

    Attributes:
        predicted: ``(n,)``.
        pull: takes v ``(n,)`` and gives the ``(n,)`` influence of the coefficients on Σ w v·predicted / Σ w, where v is
            held: ``g' A⁻¹ s`` for g the average of v ∂predicted/∂β, A that of -∂s/∂β, and s a row's score. By the
            jackknife g and A are those of the other rows.
    """

    predicted: NDArray[np.float64]
    pull: Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Model:
    """A fitted regression.

    Attributes:
        family: its kind.
        terms: the columns, as its rows have them.
        coefficients: ``(p,)``, 0 for a column that is left out.
        kept: ``(k,)``, the places of the columns that stayed.
        curvature: ``(k, k)``, Σ w μ' z z' over the rows that it was fitted to.
        residual: ``(n,)``, 0 for rows that it wasn't fitted to.
        weight: ``(n,)``, of every row.
        left_out: columns that are constant, or a combination of others, among the rows that it was fitted to.
    """

    family: Family
    terms: Terms
    coefficients: NDArray[np.float64]
    kept: NDArray[np.intp]
    curvature: NDArray[np.float64]
    residual: NDArray[np.float64]
    weight: NDArray[np.float64]
    left_out: tuple[str, ...]

    def at(self, terms: Terms, single: NDArray[np.float64] | None = None) -> Fit:
        """Predict for rows as `terms` has them, such as all rows in one arm.

        Args:
            terms: the columns.
            single: ``(n,)``, the weight of what the jackknife leaves out at a time, one observation; None for the
                sandwich.
        """
        mean = _mean(terms.matrix @ self.coefficients, self.family)
        slope = self._slope(mean)

        def pull(v: NDArray[np.float64]) -> NDArray[np.float64]:
            gradient = ((slope * terms.total(self.weight * v)) @ terms.matrix)[self.kept]
            direction = np.zeros(len(self.coefficients))
            direction[self.kept] = np.linalg.solve(self.curvature, gradient)
            along = self.terms.spread(self.terms.matrix @ direction)
            if single is None:
                pulled: NDArray[np.float64] = along * self.residual
                return pulled
            own, leverage = self._alone(terms, slope)
            total = float(self.weight.sum())
            others = (along - single * v * own) * total / (total - single)
            left: NDArray[np.float64] = others * self.residual / remainder(single * leverage)
            return left

        return Fit(terms.spread(mean), pull)

    def _slope(self, mean: NDArray[np.float64]) -> NDArray[np.float64]:
        return mean * (1 - mean) if self.family == "logistic" else np.ones_like(mean)

    def _alone(self, terms: Terms, slope: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what a row of weight 1 adds to its own prediction at `terms`, and to its own as it was fitted."""
        whole = len(self.kept) == len(self.coefficients)
        here = self.terms.matrix if whole else self.terms.matrix[:, self.kept]
        solved = here @ np.linalg.inv(self.curvature)
        fitted_slope = self._slope(_mean(self.terms.matrix @ self.coefficients, self.family))
        leverage = self.terms.spread(fitted_slope * np.einsum("ij,ij->i", here, solved))
        if terms is self.terms:
            return leverage, leverage
        place = np.arange(len(here))
        if self.terms.cell is not None and terms.cell is not None:
            place = np.zeros(len(here), dtype=np.intp)
            place[self.terms.cell] = terms.cell
        there = terms.matrix[place][:, self.kept]
        return self.terms.spread(slope[place] * np.einsum("ij,ij->i", there, solved)), leverage


def remainder(leverage: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what is left of a row's residual, 1 - h; 1 where it alone decides a coefficient, and is left with none."""
    left: NDArray[np.float64] = 1 - leverage
    return np.where(left < ALONE, 1.0, left)


def family_of(sample: Sample, model: str = "auto") -> Family:
    """Say which model an outcome takes: the logit where it is 0 or 1.

    Raises:
        EstimationError: there is no such model, or the logit is asked of an outcome beside 0 and 1 (E585).
    """
    binary = bool(np.all((sample.y == 0) | (sample.y == 1)))
    if model == "auto":
        return "logistic" if binary else "linear"
    if model == "linear":
        return "linear"
    if model != "logistic":
        raise EstimationError.because(
            "E585", f"there is no outcome model {model!r}", fix='say model="auto", "linear" or "logistic"'
        )
    if not binary:
        raise EstimationError.because(
            "E585", f"the logit needs an outcome of 0 and 1, and {sample.outcome} isn't", fix='say model="linear"'
        )
    return "logistic"


def fitted(
    terms: Terms,
    y: NDArray[np.float64],
    weight: NDArray[np.float64],
    within: NDArray[np.bool_],
    family: Family,
    *,
    what: str,
) -> Model:
    """Fit a regression of y on the terms among some rows, by weighted least squares or the likelihood.

    Args:
        terms: the columns.
        y: ``(n,)``; of the logit within 0 and 1.
        weight: ``(n,)``.
        within: ``(n,)``, the rows to fit to.
        family: the model.
        what: is modelled, for messages, such as ``Y where X=1``.

    Raises:
        EstimationError: there are fewer rows than columns (E587), or covariates separate a logit's 0 from its 1, so
            that it has no estimate (E586).

    Source: McCullagh & Nelder, Generalized Linear Models, 1989, section 2.5, DOI 10.1007/978-1-4899-3242-6.
    """
    used = np.where(within, weight, 0.0)
    cells = terms.total(used)
    sums = terms.total(used * y)
    some = cells > 0
    matrix = terms.matrix if some.all() else terms.matrix[some]
    cells, sums = cells[some], sums[some]
    kept = pivots(matrix.T @ (matrix * cells[:, None]), float(cells.sum()))
    rows = int(np.count_nonzero(used))
    if rows <= len(kept):
        raise EstimationError.because(
            "E587",
            f"{what} has {rows} rows for {terms.matrix.shape[1]} columns of covariates",
            why="a regression with as many columns as rows fits anything",
            fix="adjust for fewer covariates, or merge levels",
        )
    narrow = matrix if len(kept) == matrix.shape[1] else matrix[:, kept]
    beta, curvature = _least_squares(narrow, cells, sums) if family == "linear" else _logit(narrow, cells, sums, what)
    coefficients = np.zeros(terms.matrix.shape[1])
    coefficients[kept] = beta
    mean = terms.spread(_mean(terms.matrix @ coefficients, family))
    left_out = tuple(name for j, name in enumerate(terms.names, 1) if j not in kept)
    return Model(
        family, terms, coefficients, np.array(kept), curvature, np.where(within, y - mean, 0.0), weight, left_out
    )


def _mean(linear: NDArray[np.float64], family: Family) -> NDArray[np.float64]:
    if family == "linear":
        return linear
    from scipy.special import expit

    mean: NDArray[np.float64] = expit(linear)
    return mean


def _least_squares(
    matrix: NDArray[np.float64], cells: NDArray[np.float64], sums: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    gram = matrix.T @ (matrix * cells[:, None])
    beta = np.asarray(np.linalg.solve(gram, sums @ matrix), dtype=np.float64)
    # A second step takes back what the products of columns lost to rounding.
    beta += np.linalg.solve(gram, (sums - cells * (matrix @ beta)) @ matrix)
    return beta, gram


def _logit(
    matrix: NDArray[np.float64], cells: NDArray[np.float64], sums: NDArray[np.float64], what: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    counts = np.column_stack([np.maximum(cells - sums, 0.0), sums])
    if counts.sum(axis=0).min() <= 0:
        raise _separated(what, f"all of it is {0 if sums.sum() <= 0 else 1}")
    try:
        fit = fit_logit(matrix, counts)
    except SeparationError:
        raise _separated(what, "covariates tell its 0 from its 1 without fail") from None
    return fit.parameters[0], fit.information * float(counts.sum())


def _separated(what: str, how: str) -> EstimationError:
    return EstimationError.because(
        "E586",
        f"a logit of {what} has no estimate: {how}",
        why="the likelihood grows as coefficients run off to infinity",
        fix='adjust for fewer covariates, merge levels, or, of an outcome, say model="linear"',
    )


def by_arm(terms: Terms, arm: NDArray[np.intp], arms: int, fixed: int | None = None) -> Terms:
    """Add a column for each arm but the first: as rows have them, or with all rows in one arm.

    Args:
        terms: the columns of the covariates.
        arm: ``(n,)``.
        arms: how many there are.
        fixed: the arm that all rows are put in.
    """
    names = (*terms.names, *(f"arm {a}" for a in range(1, arms)))
    one = np.eye(arms)[:, 1:]
    if fixed is not None:
        return Terms(names, np.hstack([terms.matrix, np.tile(one[fixed], (len(terms.matrix), 1))]), terms.cell)
    if terms.cell is None:
        return Terms(names, np.hstack([terms.matrix, one[arm]]))
    matrix = np.hstack([np.repeat(terms.matrix, arms, axis=0), np.tile(one, (len(terms.matrix), 1))])
    return Terms(names, matrix, terms.cell * arms + arm)
