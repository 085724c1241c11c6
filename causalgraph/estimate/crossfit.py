"""The two nuisances of doubly robust estimators, the outcome's models and the scores: in sample, or out of fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from causalgraph.errors import EstimationError
from causalgraph.estimate.base import Target, population_of
from causalgraph.estimate.learners import learned, make
from causalgraph.estimate.outcome import Fit, Terms, family_of, fitted, remainder, squared, terms_of
from causalgraph.estimate.propensity import Propensity, known_score, propensity
from causalgraph.estimate.regression import fit_share, log_loss, of_covariates, outcome_models, single_of
from causalgraph.estimate.sample import Sample, design

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Nuisances", "Options", "Scores", "folds_of", "nuisances", "pull_of"]

# Learners that don't fit in sample are crossed with this many folds unless another number is asked for.
FOLDS = 5
# Which arms' outcomes a population needs predicted: that of the treated needs what they would have been without.
NEEDED: Mapping[str, Callable[[Target], tuple[int, ...]]] = {
    "ate": lambda t: (t.level, t.against),
    "att": lambda t: (t.against,),
    "atc": lambda t: (t.level,),
}


@dataclass(frozen=True)
class Options:
    """What the user may choose.

    Attributes:
        cross_fit: the number of folds; 0 for none. By default 0, and 5 with another learner than ``linear``.
        learner: of the outcome, and, where it is a name, of the scores: ``linear``, ``boosting``, ``forest``, or an
            object with ``fit`` and ``predict`` or ``predict_proba``.
        score_learner: of the scores, where it is another.
        interactions: one outcome model an arm; otherwise arms share all coefficients but the constant.
        squares: covariates, numbers each, that enter both models with their square.
        model: of the outcome: ``linear``, ``logistic``, or ``auto``: the logit for an outcome of 0 and 1.
        clip: scores are held this far from 0 and 1.
        propensity: ``(n,)``, a known probability of arm 1 of two.
        folds: ``(n,)``, the fold of each row, where they are given.
        errors: ``jackknife`` or ``sandwich``, of models fitted in sample; see `single_of`.
    """

    cross_fit: int | None = None
    learner: object = "linear"
    score_learner: object = None
    interactions: bool = True
    squares: Sequence[str] = ()
    model: str = "auto"
    clip: float = 0.01
    propensity: NDArray[np.float64] | None = None
    folds: NDArray[np.float64] | None = None
    errors: str = "jackknife"

    @property
    def of_scores(self) -> object:
        """The learner of the scores: the outcome's own by name, unless another is given."""
        if self.score_learner is not None:
            return self.score_learner
        return self.learner if isinstance(self.learner, str) else "linear"

    @property
    def count(self) -> int:
        """How many folds, 0 for nuisances fitted in sample."""
        if self.folds is not None:
            return len(np.unique(self.folds))
        if self.cross_fit is not None:
            return self.cross_fit
        parametric = self.learner == "linear" and (self.of_scores == "linear" or self.propensity is not None)
        return 0 if parametric else FOLDS


@dataclass(frozen=True)
class Scores:
    """P(arm | covariates) of the two arms, off 0 and 1, and what their estimation adds to an influence function.

    Attributes:
        level: ``(n,)``, of the arm that is compared.
        against: ``(n,)``, of the arm that it is compared with.
        pull: takes the derivatives ``(n,)`` of a statistic's terms by both, gives the ``(n,)`` influence.
    """

    level: NDArray[np.float64]
    against: NDArray[np.float64]
    pull: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Nuisances:
    """Outcome models by arm, scores, and what is to be said of them.

    Attributes:
        outcome: by arm.
        scores: of both arms.
        stacked: whether all were fitted in sample, so that their estimation is in the error.
        single: ``(n,)``, what the jackknife leaves out at a time; None for the sandwich, or out of fold.
        diagnostics: JSON-ready.
        notes: what was taken for granted.
        warnings: what speaks against the number.
    """

    outcome: Mapping[int, Fit]
    scores: Scores
    stacked: bool
    single: NDArray[np.float64] | None
    diagnostics: dict[str, Any]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def nuisances(sample: Sample, target: Target, options: Options, seed: int) -> Nuisances:
    """Fit what a doubly robust estimator needs.

    Raises:
        EstimationError: options don't fit (E585, E589), a model has no estimate (E535, E586) or too few rows (E587).
    """
    _require(options)
    wide = squared(sample, options.squares)
    arms = NEEDED[target.population](target)
    count = options.count
    said: dict[str, Any] = {"cross_fit": count}
    notes: list[str] = []
    warnings: list[str] = []
    single = single_of(sample, options.errors) if count == 0 else None
    terms = terms_of(wide) if count == 0 else None
    if terms is not None:
        models, outcome = outcome_models(
            sample, terms, arms, model=options.model, interactions=options.interactions, single=single
        )
        found, left_out, warned = of_covariates(sample, terms, models, population_of(sample, target))
        said |= found
        notes += left_out
        warnings += warned
        score = (
            propensity(wide, target) if options.propensity is None else known_score(sample, target, options.propensity)
        )
        notes += score.notes
    else:
        fold = folds_of(sample, options, seed)
        outcome = {a: _outcome_apart(wide, a, fold, options, seed) for a in arms}
        score = (
            _scores_apart(wide, target, fold, options, seed)
            if options.propensity is None
            else known_score(sample, target, options.propensity)
        )
        notes.append(f"outcome and scores of a row come from the {count - 1} of {count} folds that it isn't in")
    scores, clipped = _clipped(score, target, sample, options.clip, pull_of(score, sample, terms, single))
    if clipped > 0:
        warnings.append(
            f"W530: {100 * clipped:.2g}% of the scores lie within {options.clip:g} of 0 or 1 and were moved there: "
            "some covariates all but decide the treatment"
        )
    said |= {
        "outcome fit": {sample.arms[a]: fit_share(sample, a, outcome[a].predicted) for a in arms},
        "scores": _described(sample, target, scores, clipped),
    }
    return Nuisances(outcome, scores, count == 0, single, said, tuple(dict.fromkeys(notes)), tuple(warnings))


def _require(options: Options) -> None:
    if options.cross_fit == 1 or options.count < 0:
        raise EstimationError.because(
            "E585",
            f"cross_fit={options.count} isn't a number of folds",
            fix="say cross_fit=5, or cross_fit=0 for models fitted to all rows",
        )
    if options.count == 0 and (options.learner != "linear" or options.of_scores != "linear"):
        raise EstimationError.because(
            "E585",
            "learners need folds of their own",
            why="what a flexible learner predicts of its own rows is too near to what it saw",
            fix="leave out cross_fit=0",
        )
    if options.count and not options.interactions:
        raise EstimationError.because(
            "E585", "out of fold there is one outcome model an arm", fix="leave out interactions, or cross_fit"
        )
    if not 0 <= options.clip < 0.5:
        raise EstimationError.because("E585", f"clip={options.clip:g} isn't between 0 and 0.5", fix="say clip=0.01")


def folds_of(sample: Sample, options: Options, seed: int) -> NDArray[np.intp]:
    """Deal rows out to folds, arm by arm, so that each fold has its share of each; clusters stay whole.

    Raises:
        EstimationError: there are more folds than clusters, or than rows of an arm (E585).
    """
    if options.folds is not None:
        return np.unique(options.folds, return_inverse=True)[1].astype(np.intp)
    count = options.count
    draw = np.random.default_rng(seed)
    if sample.clusters is not None:
        names, place = np.unique(sample.clusters, return_inverse=True)
        _require_enough(count, len(names), "clusters")
        return (draw.permutation(len(names)) % count)[place]
    fold = np.empty(sample.n, dtype=np.intp)
    for a, label in enumerate(sample.arms):
        rows = np.flatnonzero(sample.arm == a)
        if len(rows):
            _require_enough(count, len(rows), f"rows where {sample.treatment}={label}")
            fold[draw.permutation(rows)] = np.arange(len(rows)) % count
    return fold


def _require_enough(count: int, there: int, what: str) -> None:
    if there < count:
        raise EstimationError.because("E585", f"{there} {what} can't be dealt out to {count} folds", fix="take fewer")


def _nothing(v: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.zeros_like(v)


def _outcome_apart(sample: Sample, arm: int, fold: NDArray[np.intp], options: Options, seed: int) -> Fit:
    """Predict the outcome in an arm, of each fold by a model of the others."""
    family = family_of(sample, options.model)
    own = options.learner == "linear"
    terms = terms_of(sample) if own else None
    matrix = design(sample).matrix
    predicted = np.empty(sample.n)
    for k in range(int(fold.max()) + 1):
        here, rest = fold == k, (fold != k) & (sample.arm == arm)
        _require_rest(rest, sample, arm)
        if terms is not None:
            what = f"{sample.outcome} where {sample.treatment}={sample.arms[arm]}"
            model = fitted(terms, sample.y, sample.weight, rest, family, what=what)
            predicted[here] = model.at(terms).predicted[here]
            continue
        learner = make(options.learner, binary=family == "logistic", seed=seed)
        predicted[here] = learned(learner, matrix[rest], sample.y[rest], sample.weight[rest], matrix[here])
    return Fit(predicted, _nothing)


def _require_rest(rest: NDArray[np.bool_], sample: Sample, arm: int) -> None:
    if not rest.any():
        raise EstimationError.because(
            "E587",
            f"all rows where {sample.treatment}={sample.arms[arm]} are in one fold",
            why="its outcome there comes from the other folds",
            fix="deal the folds out otherwise",
        )


def _scores_apart(sample: Sample, target: Target, fold: NDArray[np.intp], options: Options, seed: int) -> Propensity:
    """Score each fold by a model of the others."""
    probability = np.zeros((sample.n, len(sample.arms)))
    arms = [target.level] if len(sample.arms) == 2 else [target.level, target.against]
    matrix = design(sample).matrix
    for k in range(int(fold.max()) + 1):
        here = fold == k
        for a in (target.level, target.against):
            _require_rest(~here & (sample.arm == a), sample, a)
        if options.of_scores == "linear":
            others = replace(sample, weight=np.where(here, 0.0, sample.weight))
            probability[here] = propensity(others, target).probability[here]
            continue
        for a in arms:
            learner = make(options.of_scores, binary=True, seed=seed)
            is_arm = (sample.arm[~here] == a).astype(float)
            probability[here, a] = learned(learner, matrix[~here], is_arm, sample.weight[~here], matrix[here])
    if options.of_scores != "linear" and len(arms) == 1:
        probability[:, target.against] = 1 - probability[:, target.level]
    return Propensity(target.level, target.against, probability, "out of fold")


def pull_of(
    score: Propensity, sample: Sample, terms: Terms | None, single: NDArray[np.float64] | None
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return what the scores' estimation adds to an influence function, given slopes ``(n, K)`` by the probabilities.

    By the jackknife a row's score meets the gradient and the curvature of the other rows: with V the variance of the
    arm given covariates and Q the row's products x' K⁻¹ x of a curvature K, its residuals L turn to (I - V Q)⁻¹ L.
    """
    if terms is None or single is None or score.information is None:
        return lambda slopes: score.correction(slopes, sample.weight)
    met = [k for k in range(len(sample.arms)) if ((sample.arm == k) & (sample.weight > 0)).any()]
    p = score.probability[:, met]
    free = len(met) - 1
    variance = np.array([[p[:, j + 1] * ((j == k) - p[:, k + 1]) for k in range(free)] for j in range(free)])
    x = terms.matrix
    d = x.shape[1]
    blocks = [[x.T @ (x * terms.total(sample.weight * v)[:, None]) for v in row] for row in variance]
    inverse = np.linalg.inv(np.block(blocks)).reshape(free, d, free, d)
    products = np.array(
        [[terms.spread(np.einsum("ij,ij->i", x @ inverse[j, :, k], x)) for k in range(free)] for j in range(free)]
    )
    left = np.array([sample.arm == k for k in met[1:]]) - p.T[1:]
    if free == 1:
        left = left / remainder(single * variance[0, 0] * products[0, 0])
    else:
        moved = np.einsum("jln,lkn->njk", variance, products) * single[:, None, None]
        left = np.linalg.solve(np.eye(free) - moved, left.T[:, :, None])[:, :, 0].T

    def pull(slopes: NDArray[np.float64]) -> NDArray[np.float64]:
        c = slopes[:, met]
        inner = (p * (c - (p * c).sum(axis=1, keepdims=True))).T[1:]
        gradient = np.array([terms.total(sample.weight * v) @ x for v in inner])
        direction = np.einsum("jakb,kb->ja", inverse, gradient)
        along = np.array([terms.spread(x @ row) for row in direction])
        own = single * np.einsum("jkn,kn->jn", products, inner)
        total = float(sample.weight.sum())
        pulled: NDArray[np.float64] = (left * (along - own)).sum(axis=0) * total / (total - single)
        return pulled

    return pull


def _clipped(
    score: Propensity,
    target: Target,
    sample: Sample,
    clip: float,
    correction: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> tuple[Scores, float]:
    """Move scores off 0 and 1; where they were moved their model's estimation adds nothing."""
    arms = (target.level, target.against)
    raw = [score.probability[:, a] for a in arms]
    moved = [(p < clip) | (p > 1 - clip) for p in raw]
    held = [np.clip(p, clip, 1 - clip) for p in raw]

    def pull(level: NDArray[np.float64], against: NDArray[np.float64]) -> NDArray[np.float64]:
        slopes = np.zeros_like(score.probability)
        slopes[:, arms[0]] = np.where(moved[0], 0.0, level)
        slopes[:, arms[1]] = np.where(moved[1], 0.0, against)
        return correction(slopes)

    share = float(np.average(moved[0] | moved[1], weights=sample.weight))
    if any(float(p.min()) <= 0 for p in held):
        raise EstimationError.because(
            "E588",
            f"some scores of {sample.treatment} are 0 or 1",
            why="they are divided by",
            fix="leave clip at 0.01, or ask about those whose treatment was in doubt",
        )
    return Scores(held[0], held[1], pull), share


def _described(sample: Sample, target: Target, scores: Scores, clipped: float) -> dict[str, Any]:
    marks = (0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1)
    is_level = (sample.arm == target.level).astype(float)
    two = {sample.arms[a]: scores.level[sample.arm == a] for a in (target.level, target.against)}
    return {
        "of": sample.arms[target.level],
        "quantiles": {
            arm: {f"{q:g}": float(v) for q, v in zip(marks, np.quantile(p, marks), strict=True)}
            for arm, p in two.items()
        },
        "clipped": clipped,
        "log loss": log_loss(is_level, scores.level, sample.weight),
    }
