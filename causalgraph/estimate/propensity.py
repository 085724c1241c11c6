"""The propensity score: P(arm | covariates), by a logit, by boosted trees, or known from a trial's protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from causalgraph.errors import EstimationError, ModelError, did_you_mean
from causalgraph.estimate.logit import SeparationError, fit_logit, independent_columns
from causalgraph.estimate.sample import Sample, design

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from causalgraph.estimate.base import Target

__all__ = ["MODELS", "Propensity", "known_score", "propensity"]

# Folds of boosted trees: the score of a row comes from trees that haven't seen it.
FOLDS = 5
# A column belongs to a direction that separates the arms if its share is at least this of the largest.
AMONG_SEPARATING = 0.1


@dataclass(frozen=True)
class Propensity:
    """P(arm | covariates) of each row, and what its estimation adds to the error of what is built on it.

    Attributes:
        level: the place of the arm that is compared.
        against: the place of the arm that it is compared with.
        probability: ``(n, K)``, a column for each of `Sample.arms`; 0 for an arm without rows.
        model: ``logit``, ``boosting`` or ``known``.
        names: of the columns of `matrix`: ``1``, then those of `design` that were kept.
        coefficients: of a logit, arm → column → coefficient in the covariate's own units, against the first arm.
        information: ``((M - 1) d, (M - 1) d)``, of a logit on M arms that have rows: minus the mean Hessian of the
            log-likelihood in the columns of `matrix`; None where no parameters were estimated by maximum likelihood.
        notes: columns that were left out, and why.
    """

    level: int
    against: int
    probability: NDArray[np.float64]
    model: str
    names: tuple[str, ...] = ()
    coefficients: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    information: NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()
    _arm: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, dtype=np.intp), repr=False)
    _met: tuple[int, ...] = ()
    _columns: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)), repr=False)
    _cell: NDArray[np.intp] | None = field(default=None, repr=False)

    @property
    def score(self) -> NDArray[np.float64]:
        """``(n,)``, the probability of the arm that is compared."""
        return self.probability[:, self.level]

    @property
    def matrix(self) -> NDArray[np.float64]:
        """``(n, d)``, a constant, then the covariates' columns in standard deviations from their means."""
        return self._columns if self._cell is None else self._columns[self._cell]

    @property
    def scores(self) -> NDArray[np.float64]:
        """``(n, (M - 1) d)``, each row's derivative of the log-likelihood: (1[A = k] - p_k) x, blocks by arm."""
        left, matrix = self._left(), self.matrix
        return (left[:, :, None] * matrix[:, None, :]).reshape(len(matrix), -1)

    def _left(self) -> NDArray[np.float64]:
        """Return ``(n, M - 1)``, 1[A = k] - p_k."""
        left = -self.probability.T[list(self._met[1:])]
        for j, k in enumerate(self._met[1:]):
            left[j] += self._arm == k
        return left.T

    def correction(self, slopes: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what estimating the scores adds to an influence function: s_i' I⁻¹ G.

        G is the mean derivative by the logit's parameters of the statistic whose influence function it is; s_i are
        `scores`, I is `information`. Zero where no parameters were estimated by maximum likelihood.

        Args:
            slopes: ``(n, K)``, derivatives of each row's term of the statistic by the row's probabilities.
            weight: ``(n,)``, of the rows.

        Source: Newey and McFadden (1994), Large sample estimation and hypothesis testing, section 6,
        doi:10.1016/S1573-4412(05)80005-4.
        """
        if self.information is None:
            return np.zeros(len(self.probability))
        met = list(self._met)
        p, c = self.probability.T[met], slopes.T[met]
        pull = (p * (c - (p * c).sum(0)) * (weight / weight.sum()))[1:]
        if self._cell is not None:
            cells = len(self._columns)
            pull = np.stack([np.bincount(self._cell, of_arm, cells) for of_arm in pull])
        gradient = (pull @ self._columns).ravel()
        direction = np.linalg.solve(self.information, gradient).reshape(len(met) - 1, -1)
        along = direction @ self._columns.T
        if self._cell is not None:
            along = along[:, self._cell]
        added: NDArray[np.float64] = (self._left().T * along).sum(0)
        return added


def propensity(sample: Sample, target: Target, *, model: str = "logit", seed: int = 0) -> Propensity:
    """Estimate the probability of each arm given the covariates.

    ``logit`` is the logistic regression of the arm on the columns of `design`; with more than two arms it is one
    multinomial logit, not one for each pair, so that the probabilities add up to 1 and one information matrix holds
    for all. It is fitted on the cells of the covariates where all of them are discrete. ``boosting`` are
    histogram-boosted trees (scikit-learn), each row scored by trees that were grown without its fold.

    Args:
        sample: the rows.
        target: the arms that are compared.
        model: a name in `MODELS`.
        seed: of what is drawn at random.

    Raises:
        EstimationError: covariates predict an arm perfectly (E535), or scikit-learn is missing (E536).
        ModelError: there is no such model (E221).

    >>> from causalgraph.estimate.base import Target
    >>> x = np.array([0.0, 0, 0, 1, 1, 1])
    >>> rows = Sample("X", ("0", "1"), np.array([0, 0, 1, 0, 1, 1]), "Y", np.zeros(6), ("R",), x[:, None],
    ...     (("a", "b"),), np.ones(6))
    >>> propensity(rows, Target(1, 0)).score.round(4).tolist()
    [0.3333, 0.3333, 0.3333, 0.6667, 0.6667, 0.6667]
    """
    if model not in MODELS:
        near = did_you_mean(model, MODELS)
        fix = f"did you mean {near}?" if near else f"it is one of {', '.join(MODELS)}"
        raise ModelError.because("E221", f"there is no model {model} of the propensity score", fix=fix)
    return MODELS[model](sample, target, seed)


def known_score(sample: Sample, target: Target, score: NDArray[np.float64]) -> Propensity:
    """Take the probability of the arm that is compared as known, as in a trial.

    Args:
        sample: rows of two arms.
        target: the arms that are compared.
        score: ``(n,)``, P(arm = level).

    Raises:
        EstimationError: there are more than two arms, or a score isn't a probability between 0 and 1 (E536).
    """
    if sum(bool((sample.arm == k).any()) for k in range(len(sample.arms))) > len((target.level, target.against)):
        raise EstimationError.because(
            "E536",
            f"a column of scores tells of two arms, and {sample.treatment} has {len(sample.arms)}",
            fix="leave propensity out, and the scores are estimated; or keep the rows of two arms",
        )
    outside = ~((score > 0) & (score < 1))
    if outside.any():
        raise EstimationError.because(
            "E536",
            f"{int(outside.sum()):,} of {sample.n:,} known scores aren't between 0 and 1",
            why=f"a score is the probability of {sample.treatment}={sample.arms[target.level]}, and weights divide by "
            "it and by what it lacks of 1",
            fix="look at the column, or leave these rows out: they had no choice of arms",
        )
    probability = np.zeros((sample.n, len(sample.arms)))
    probability[:, target.level] = score
    probability[:, target.against] = 1 - score
    return Propensity(target.level, target.against, probability, "known")


def _logit(sample: Sample, target: Target, seed: int) -> Propensity:
    """Fit the logit on rows, or on the cells of discrete covariates."""
    del seed
    met = tuple(k for k in range(len(sample.arms)) if ((sample.arm == k) & (sample.weight > 0)).any())
    cell, first = _cells(sample)
    few = sample if cell is None else replace(sample, y=sample.y[first], values=sample.values[first])
    place = np.searchsorted(np.array(met), sample.arm)
    if cell is None:
        counts: NDArray[np.float64] = np.zeros((sample.n, len(met)))
        counts[np.arange(sample.n), place] = sample.weight
    else:
        shape = (few.n, len(met))
        counts = np.bincount(cell * len(met) + place, sample.weight, prod(shape)).astype(float).reshape(shape)
    total = counts.sum(1)
    encoded = design(few)
    kept, constant = independent_columns(encoded.matrix, total)
    chosen = encoded.matrix[:, kept]
    centre = total @ chosen / total.sum()
    columns = np.empty((few.n, len(kept) + 1))
    columns[:, 0] = 1
    np.subtract(chosen, centre, out=columns[:, 1:])
    spread = np.sqrt(np.einsum("i,ij,ij->j", total, columns[:, 1:], columns[:, 1:]) / total.sum())
    columns[:, 1:] /= spread
    names = ("1", *(encoded.names[j] for j in kept))
    try:
        fit = fit_logit(columns, counts)
    except SeparationError as separated:
        raise _refusal(sample, target, names, separated.direction) from None
    # Arm by arm in memory, as weights are made of one arm's scores at a time.
    probability = np.zeros((sample.n, len(sample.arms)), order="F")
    for j, k in enumerate(met):
        probability[:, k] = fit.probability[:, j] if cell is None else fit.probability[cell, j]
    return Propensity(
        level=target.level,
        against=target.against,
        probability=probability,
        model="logit",
        names=names,
        coefficients={
            sample.arms[k]: _in_own_units(names, theta, centre, spread)
            for k, theta in zip(met[1:], fit.parameters, strict=True)
        },
        information=fit.information,
        notes=tuple(_left_out(encoded.names, kept, constant)),
        _arm=sample.arm,
        _met=met,
        _columns=columns,
        _cell=cell,
    )


def _cells(sample: Sample) -> tuple[NDArray[np.intp] | None, NDArray[np.intp]]:
    """Return the cell of each row and a row of each cell, where all covariates are discrete and cells are few."""
    shape = [len(levels) for levels in sample.levels]
    if not all(shape) or prod(shape) > max(sample.n, 1):
        return None, np.empty(0, dtype=np.intp)
    code = np.zeros(sample.n, dtype=np.intp)
    for place, size in enumerate(shape):
        code = code * size + sample.values[:, place].astype(np.intp)
    seen = np.full(prod(shape), -1, dtype=np.intp)
    seen[code] = np.arange(sample.n)
    some = np.flatnonzero(seen >= 0)
    first = seen[some]
    seen[some] = np.arange(len(some))
    return seen[code], first


def _in_own_units(
    names: tuple[str, ...], theta: NDArray[np.float64], centre: NDArray[np.float64], spread: NDArray[np.float64]
) -> dict[str, float]:
    slopes = theta[1:] / spread
    return dict(zip(names, [float(theta[0] - slopes @ centre), *slopes.tolist()], strict=True))


def _left_out(names: tuple[str, ...], kept: list[int], constant: list[int]) -> list[str]:
    said = []
    for j, name in enumerate(names):
        if j in constant:
            said.append(f"{name} doesn't vary, and is left out of the propensity model")
        elif j not in kept:
            said.append(f"{name} is a combination of the covariates before it, and is left out of the propensity model")
    return said


def _refusal(
    sample: Sample, target: Target, names: tuple[str, ...], direction: NDArray[np.float64] | None
) -> EstimationError:
    """Say which covariate, level or combination predicts an arm perfectly."""
    what = _single(sample, target)
    if what is None and direction is not None:
        size = np.abs(direction[:, 1:]).max(0)
        strong = [name for name, s in zip(names[1:], size, strict=True) if s > AMONG_SEPARATING * size.max()]
        what = f"{' and '.join(strong)} together predict it perfectly"
    if what is None:
        what = "its likelihood has no maximum that can be found"
    return EstimationError.because(
        "E535",
        f"the propensity score of {sample.treatment} can't be fitted: {what}",
        why="where covariates predict the treatment nobody is left to compare with, and weights grow without bound",
        fix="leave these rows out (the effect is then that of the others), merge levels, or adjust for another set",
    )


def _single(sample: Sample, target: Target) -> str | None:
    """Name one covariate that predicts an arm perfectly by itself: a level, or where its values lie."""
    weighs = sample.weight > 0
    for place, (name, levels) in enumerate(zip(sample.covariates, sample.levels, strict=True)):
        values = sample.values[:, place]
        for arm in (target.level, target.against, *range(len(sample.arms))):
            inside = (sample.arm == arm) & weighs
            if not inside.any():
                continue
            of = f"{sample.treatment}={sample.arms[arm]}"
            if levels:
                many = np.bincount(values[weighs].astype(np.intp), minlength=len(levels))
                with_arm = np.bincount(values[inside].astype(np.intp), minlength=len(levels))
                bare = np.flatnonzero((many > 0) & (with_arm == 0))
                if len(bare):
                    rows = int(many[bare[0]])
                    return f"none of the {rows:,} rows with {name}={levels[bare[0]]} has {of}"
                continue
            others = values[(sample.arm != arm) & weighs]
            low, high = float(values[inside].min()), float(values[inside].max())
            if low >= others.max() or high <= others.min():
                side, edge = ("least", low) if low >= others.max() else ("most", high)
                return f"{name} predicts it: all rows with {of} have at {side} {edge:.6g}, and no others beyond that"
    return None


def _boosting(sample: Sample, target: Target, seed: int) -> Propensity:
    """Score each row by boosted trees that were grown on the other folds."""
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier  # type: ignore[import-untyped]  # it has no types
    except ImportError:
        raise EstimationError.because(
            "E536", "boosted trees need scikit-learn, which isn't installed", fix="pip install scikit-learn"
        ) from None
    matrix = design(sample).matrix
    fold = np.random.default_rng(seed).permutation(sample.n) % FOLDS
    if sample.clusters is not None:
        fold = (np.random.default_rng(seed).permutation(int(sample.clusters.max()) + 1) % FOLDS)[sample.clusters]
    probability = np.zeros((sample.n, len(sample.arms)))
    for k in range(FOLDS):
        rest = fold != k
        if rest.all():
            continue
        trees = HistGradientBoostingClassifier(random_state=seed)
        trees.fit(matrix[rest], sample.arm[rest], sample_weight=sample.weight[rest])
        probability[np.ix_(~rest, trees.classes_)] = trees.predict_proba(matrix[~rest])
    return Propensity(target.level, target.against, probability, "boosting", names=design(sample).names)


# The name that `model` takes -> the fit.
MODELS: Mapping[str, Callable[[Sample, Target, int], Propensity]] = {"logit": _logit, "boosting": _boosting}
