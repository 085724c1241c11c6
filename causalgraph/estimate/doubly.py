"""Augmented inverse probability weighting: right if either the outcome's model or the scores' is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from causalgraph.estimate.base import Result, Target
from causalgraph.estimate.crossfit import Nuisances, Options, Scores, nuisances
from causalgraph.estimate.outcome import Fit
from causalgraph.estimate.regression import centred, heavy, largest_share
from causalgraph.estimate.sample import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Side", "aipw", "combined", "doubly", "result_of"]


@dataclass(frozen=True)
class Side:
    """The outcome predicted in one arm, as the doubly robust average takes it.

    Attributes:
        fit: the predictions.
        factor: of their residuals in the influence function; 1 of AIPW.
        alone: ``(n,)``, by what the jackknife multiplies a row's own residual term.
    """

    fit: Fit
    factor: float = 1.0
    alone: NDArray[np.float64] | float = 1.0


def aipw(
    sample: Sample,
    target: Target,
    *,
    level: float = 0.95,
    seed: int = 0,
    **options: Any,
) -> Result:
    """Estimate an effect by augmented inverse probability weighting.

    With m_a(x) the outcome's model in arm a, e_a(x) the score, A the arm, 1 and 0 the arms compared, p = P(A = 1)::

        ate: τ = E[ m_1 - m_0 + 1[A=1] (Y - m_1) / e_1 - 1[A=0] (Y - m_0) / e_0 ]
        att: τ = E[ 1[A=1] (Y - m_0) - 1[A=0] (Y - m_0) e_1 / e_0 ] / p

    and atc is att with the arms exchanged. The default is parametric: a logit of the scores, a linear model (the logit
    for 0 and 1) of the outcome, and errors from all estimating equations together, which hold if one of both models is
    wrong. With `cross_fit`, or another learner, each row's nuisances come from the other folds, and the error from the
    estimator's own influence function, which needs both nuisances to converge.

    Args:
        sample: the rows. With more than two arms everyone's effect is an average over all of them.
        target: the two arms, and the population.
        level: of the interval; not used here.
        seed: of the folds and of learners.
        options: those of `Options`.

    Raises:
        EstimationError: options don't fit (E585, E589), a model has no estimate (E535, E586), rows are too few (E587),
            or scores of 0 and 1 remain (E588).

    Source: Robins, Rotnitzky & Zhao, 1994, DOI 10.1080/01621459.1994.10476818; att: Mercatanti & Li, 2014,
    DOI 10.1214/13-AOAS676; cross-fitting: Chernozhukov et al., 2018, DOI 10.1111/ectj.12097; stacked errors: Lunceford
    & Davidian, 2004, DOI 10.1002/sim.1903.
    """
    del level
    return doubly(sample, target, nuisances(sample, target, Options(**options), seed))


def doubly(sample: Sample, target: Target, found: Nuisances) -> Result:
    """Estimate an effect by AIPW from nuisances that were fitted already, each perhaps from covariates of its own."""
    sides = {a: Side(fit) for a, fit in found.outcome.items()}
    value, influence = combined(sample, target, sides, found.scores)
    return result_of(sample, value, centred(sample, influence), found)


def result_of(sample: Sample, value: float, influence: NDArray[np.float64], found: Nuisances) -> Result:
    """Lay out an estimate with what is to be said of its nuisances."""
    diagnostics = {**found.diagnostics, "largest influence": largest_share(sample, influence)}
    if found.stacked:
        how = "jackknife" if found.single is not None else "sandwich"
        said = f"the standard error is the {how}'s of all models together: one of both may be wrong"
    else:
        said = "the standard error takes it that both nuisances converge, out of fold"
    notes = (*found.notes, said)
    warnings = (*found.warnings, *heavy(diagnostics))
    return Result(value, influence, diagnostics=diagnostics, notes=notes, warnings=warnings)


def combined(
    sample: Sample, target: Target, sides: Mapping[int, Side], scores: Scores
) -> tuple[float, NDArray[np.float64]]:
    """Return the doubly robust average and its influence function, with what the nuisances' estimation adds."""
    level, against = ((sample.arm == a).astype(float) for a in (target.level, target.against))
    if target.population == "ate":
        parts = [
            _mean_of(sample, sides[a], arm, score)
            for a, arm, score in ((target.level, level, scores.level), (target.against, against, scores.against))
        ]
        value = parts[0][0] - parts[1][0]
        return value, parts[0][1] - parts[1][1] + scores.pull(parts[0][2], -parts[1][2])
    if target.population == "att":
        odds, side = (scores.level / scores.against, sides[target.against])
        value, influence, slope = _among(sample, side, level, against, odds)
        # The odds e / e' have the slopes 1 / e' and -e / e'².
        return value, influence + scores.pull(slope / scores.against, -slope * odds / scores.against)
    odds, side = (scores.against / scores.level, sides[target.level])
    value, influence, slope = _among(sample, side, against, level, odds)
    return -value, -influence - scores.pull(-slope * odds / scores.level, slope / scores.level)


def _mean_of(
    sample: Sample, side: Side, arm: NDArray[np.float64], score: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Return E(Y[a]), its influence function without the scores' estimation, and the slopes by the scores."""
    weighted = side.factor * arm / score
    residual = sample.y - side.fit.predicted
    terms = side.fit.predicted + weighted * residual
    value = float(np.average(terms, weights=sample.weight))
    own = side.fit.predicted - value + side.alone * weighted * residual
    return value, own + side.fit.pull(1 - weighted), -weighted * residual / score


def _among(
    sample: Sample,
    side: Side,
    inside: NDArray[np.float64],
    other: NDArray[np.float64],
    odds: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Return the effect among those inside against the other arm, its influence, and the slopes by the odds."""
    share = float(np.average(inside, weights=sample.weight))
    residual = sample.y - side.fit.predicted
    weighed = (inside - side.factor * other * odds) / share
    value = float(np.average(weighed * residual, weights=sample.weight))
    own = (inside * (residual - value) - side.alone * side.factor * other * odds * residual) / share
    return value, own - side.fit.pull(weighed), -side.factor * other * residual / share
