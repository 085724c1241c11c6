"""Outcome regression: the outcome is predicted for everyone in both arms, and the predictions are averaged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from causalgraph.errors import EstimationError
from causalgraph.estimate.base import Result, Target, population_of
from causalgraph.estimate.outcome import Fit, Model, Terms, by_arm, family_of, fitted, squared, terms_of
from causalgraph.estimate.overlap import extrapolated, outside
from causalgraph.estimate.sample import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "centred",
    "fit_share",
    "heavy",
    "largest_share",
    "log_loss",
    "of_covariates",
    "outcome_models",
    "regression",
    "single_of",
]

# A row that carries more than this of the variance decides the number by itself.
HEAVY = 0.1
# With more rows than this the jackknife is the sandwich, to three digits.
MANY = 100_000


def regression(
    sample: Sample,
    target: Target,
    *,
    level: float = 0.95,
    seed: int = 0,
    interactions: bool = True,
    squares: Sequence[str] = (),
    model: str = "auto",
    errors: str = "jackknife",
) -> Result:
    """Estimate an effect by regression of the outcome, standardised over a population (g-computation).

    With m the fitted outcome given covariates, and p the share of the population among all rows::

        τ = Σ w 1[in it] (m(x, level) - m(x, against)) / Σ w 1[in it]
        ψ = 1[in it] (m(x, level) - m(x, against) - τ) / p + g' A⁻¹ s

    The last term is what the coefficients' estimation adds (stacked estimating equations): s is a row's score, A the
    average of its negative derivative, g that of the average of predictions. ψ covers the average over covariates too.

    Args:
        sample: the rows.
        target: the two arms, and the population.
        level: of the interval; not used here.
        seed: not used: nothing is drawn.
        interactions: one regression an arm. Otherwise arms share all coefficients but the constant, and the effect of
            a linear one is its coefficient.
        squares: covariates, numbers each, that enter with their square.
        model: ``linear``, ``logistic``, or ``auto``: the logit for an outcome of 0 and 1.
        errors: ``jackknife`` or ``sandwich``; see `single_of`.

    Raises:
        EstimationError: an option doesn't fit (E585), the logit has no estimate (E586), rows are too few (E587).

    Source: Robins, A new approach to causal inference, 1986, DOI 10.1016/0270-0255(86)90088-6; for the errors
    Stefanski & Boos, The calculus of M-estimation, 2002, DOI 10.1198/000313002753631330.
    """
    del level, seed
    terms = terms_of(squared(sample, squares))
    arms = (target.level, target.against)
    models, fits = outcome_models(
        sample, terms, arms, model=model, interactions=interactions, single=single_of(sample, errors)
    )
    inside = population_of(sample, target)
    share = inside / float(np.average(inside, weights=sample.weight))
    difference = fits[target.level].predicted - fits[target.against].predicted
    value = float(np.average(difference * share, weights=sample.weight))
    pulled = fits[target.level].pull(share) - fits[target.against].pull(share)
    influence = centred(sample, share * (difference - value) + pulled)
    diagnostics, notes, warnings = of_covariates(sample, terms, models, inside)
    diagnostics |= {
        "model": next(iter(models.values())).family,
        "interactions": interactions,
        "outcome fit": {sample.arms[a]: fit_share(sample, a, fits[a].predicted) for a in arms},
        "largest influence": largest_share(sample, influence),
    }
    return Result(value, influence, diagnostics=diagnostics, notes=notes, warnings=(*warnings, *heavy(diagnostics)))


def single_of(sample: Sample, errors: str) -> NDArray[np.float64] | None:
    """Return the weight of one observation of each row, which the jackknife leaves out; None for the sandwich.

    The sandwich underrates the spread where few rows weigh much, as those with scores near 0 or 1 do. The jackknife
    takes each row's influence from the equations of the other rows, by one step of Newton's method; it tends to the
    sandwich, and in a linear regression it is HC3. Clusters, and so many rows that one hardly tells, get the sandwich.

    Raises:
        EstimationError: there are no such errors (E585).

    Source: Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982, chapter 3,
    DOI 10.1137/1.9781611970319; MacKinnon & White, 1985, DOI 10.1016/0304-4076(85)90158-7; one step of a logit:
    Pregibon, 1981, DOI 10.1214/aos/1176345513.
    """
    if errors not in {"jackknife", "sandwich"}:
        raise EstimationError.because(
            "E585", f"there are no errors {errors!r}", fix='say errors="jackknife" or "sandwich"'
        )
    if errors == "sandwich" or sample.clusters is not None or sample.n > MANY:
        return None
    return np.ones(sample.n) if sample.weighting == "counts" else sample.weight


def centred(sample: Sample, influence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take its mean off an influence function, which by the jackknife isn't quite 0."""
    moved: NDArray[np.float64] = influence - np.average(influence, weights=sample.weight)
    return moved


def outcome_models(
    sample: Sample,
    terms: Terms,
    arms: Sequence[int],
    *,
    model: str = "auto",
    interactions: bool = True,
    single: NDArray[np.float64] | None = None,
) -> tuple[dict[int, Model], dict[int, Fit]]:
    """Fit the outcome in some arms, and predict it for all rows in each.

    Raises:
        EstimationError: what `family_of` and `fitted` raise (E585, E586, E587).
    """
    family = family_of(sample, model)
    if interactions:
        models = {
            a: fitted(
                terms,
                sample.y,
                sample.weight,
                sample.arm == a,
                family,
                what=f"{sample.outcome} where {sample.treatment}={sample.arms[a]}",
            )
            for a in arms
        }
        return models, {a: models[a].at(terms, single) for a in arms}
    several = len(sample.arms)
    everyone = np.ones(sample.n, dtype=bool)
    observed = by_arm(terms, sample.arm, several)
    one = fitted(observed, sample.y, sample.weight, everyone, family, what=sample.outcome)
    lost = [a for a in arms if a > 0 and f"arm {a}" in one.left_out]
    if lost:
        raise EstimationError.because(
            "E586",
            f"covariates tell who has {sample.treatment}={sample.arms[lost[0]]} without fail",
            why="its coefficient can't be told from theirs",
            fix="adjust for fewer covariates: see what decides the treatment",
        )
    return dict.fromkeys(arms, one), {a: one.at(by_arm(terms, sample.arm, several, a), single) for a in arms}


def of_covariates(
    sample: Sample, terms: Terms, models: dict[int, Model], inside: NDArray[np.bool_]
) -> tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]:
    """Say which columns were left out, and how much of a population lies outside an arm's range of covariates."""
    notes = [f"{name} is constant, or a combination of other covariates: it was left out" for name in terms.dropped]
    warnings: list[str] = []
    beyond: dict[str, float] = {}
    everyone = terms.total(np.where(inside, sample.weight, 0.0))
    for a, model in models.items():
        label = f"{sample.treatment}={sample.arms[a]}"
        within = terms.total((sample.arm == a).astype(float)) > 0
        beyond[sample.arms[a]] = share = outside(terms.matrix, within, everyone)
        warnings += extrapolated(share, label)
        warnings += [
            f"W532: {name} doesn't vary by itself where {label}: its coefficient there was set to 0"
            for name in model.left_out
        ]
    found = {"columns": 1 + len(terms.names), "left out": list(terms.dropped), "outside": beyond}
    return found, tuple(notes), tuple(dict.fromkeys(warnings))


def fit_share(sample: Sample, arm: int, predicted: NDArray[np.float64]) -> dict[str, float]:
    """Return R² of predictions in an arm, and the log loss (nats) of an outcome of 0 and 1."""
    here = sample.arm == arm
    y, m, w = sample.y[here], predicted[here], sample.weight[here]
    spread = float(np.average((y - np.average(y, weights=w)) ** 2, weights=w))
    found = {"R2": 1 - float(np.average((y - m) ** 2, weights=w)) / spread if spread > 0 else 0.0}
    if ((y == 0) | (y == 1)).all():
        found["log loss"] = log_loss(y, m, w)
    return found


def log_loss(y: NDArray[np.float64], p: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """Return the weighted mean of -log P(y), in nats, with probabilities held 1e-15 off 0 and 1."""
    safe = np.clip(p, 1e-15, 1 - 1e-15)
    return float(-np.average(y * np.log(safe) + (1 - y) * np.log1p(-safe), weights=weight))


def largest_share(sample: Sample, influence: NDArray[np.float64]) -> float:
    """Return the share of the variance that comes from one observation, where that is largest."""
    counts = sample.weighting == "counts"
    squares = influence**2 if counts else (sample.weight * influence) ** 2
    total = float(sample.weight @ squares) if counts else float(squares.sum())
    return float(squares.max()) / total if total > 0 else 0.0


def heavy(diagnostics: dict[str, Any]) -> tuple[str, ...]:
    """Warn of a row that decides the error by itself."""
    share = diagnostics["largest influence"]
    return (f"W533: one row carries {share:.0%} of the variance",) if share > HEAVY else ()
