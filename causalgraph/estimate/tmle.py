"""Targeted maximum likelihood: the outcome's predictions are tilted until weighted residuals vanish, then averaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from causalgraph.errors import EstimationError
from causalgraph.estimate.base import Result, Target
from causalgraph.estimate.crossfit import Nuisances, Options, nuisances
from causalgraph.estimate.doubly import Side, combined, result_of
from causalgraph.estimate.outcome import Fit, remainder
from causalgraph.estimate.regression import centred
from causalgraph.estimate.sample import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["targeted", "tmle"]

# Predictions are held this far from the ends of the outcome's range, which a logit never reaches.
END = 5e-4
STEPS = 100
CLOSE = 1e-13


def tmle(
    sample: Sample,
    target: Target,
    *,
    level: float = 0.95,
    seed: int = 0,
    **options: Any,
) -> Result:
    """Estimate an effect by targeted maximum likelihood with a logistic fluctuation.

    The outcome is scaled to run from 0 to 1 over its observed range. In an arm a whose outcome is predicted, with Q its
    first prediction, ε_a solves, over the rows of the arm, with weights h::

        Σ w 1[A=a] h (Y - Q*) = 0,   Q* = expit(logit Q + ε_a)
        ate: h = 1 / e_a;   att: h = e_1 / e_0 in arm 0;   atc: h = e_0 / e_1 in arm 1

    The estimate is the average of Q*_1 - Q*_0, of Y - Q*_0 among the treated, or of Q*_1 - Y among the others; no
    mean that it is made of leaves the range of the outcome. Errors are those of `aipw` with Q*: parametric nuisances
    are fitted in sample, and their estimation and that of ε are in the error; out of fold it is the plain influence
    function. Arguments are those of `aipw`, options those of `Options`.

    Raises:
        EstimationError: options don't fit (E585, E589), a model has no estimate (E535, E586), rows are too few (E587),
            scores of 0 and 1 remain (E588), or all outcomes are the same (E586).

    Source: van der Laan & Rubin, 2006, DOI 10.2202/1557-4679.1043; the bounded outcome: Gruber & van der Laan, 2010,
    DOI 10.2202/1557-4679.1260.
    """
    del level
    if float(np.ptp(sample.y)) == 0:
        raise EstimationError.because(
            "E586",
            f"all outcomes are {float(sample.y[0]):g}",
            why="they have no range to fluctuate in",
            fix='say method="aipw"',
        )
    return targeted(sample, target, nuisances(sample, target, Options(**options), seed))


def targeted(sample: Sample, target: Target, found: Nuisances) -> Result:
    """Estimate an effect by TMLE from nuisances that were fitted already, each perhaps from covariates of its own."""
    low, high = float(sample.y.min()), float(sample.y.max())
    ways = {
        "ate": {target.level: 1 / found.scores.level, target.against: 1 / found.scores.against},
        "att": {target.against: found.scores.level / found.scores.against},
        "atc": {target.level: found.scores.against / found.scores.level},
    }[target.population]
    inside = {"ate": None, "att": target.level, "atc": target.against}[target.population]
    everyone = np.ones(sample.n) if inside is None else (sample.arm == inside).astype(float)
    sides, shifts = {}, {}
    for arm, fit in found.outcome.items():
        sides[arm], shifts[sample.arms[arm]] = _tilted(
            sample, fit, (sample.arm == arm) * ways[arm], everyone, low, high, found
        )
    value, influence = combined(sample, target, sides, found.scores)
    influence = centred(sample, influence)
    result = result_of(sample, value, influence, found)
    return Result(
        value,
        influence,
        diagnostics={**result.diagnostics, "fluctuation": shifts, "range": [low, high]},
        notes=result.notes,
        warnings=result.warnings,
    )


def _tilted(
    sample: Sample,
    fit: Fit,
    h: NDArray[np.float64],
    everyone: NDArray[np.float64],
    low: float,
    high: float,
    found: Nuisances,
) -> tuple[Side, float]:
    """Tilt predictions until residuals weighted by h have mean 0.

    Returns:
        The tilted side, and ε. Its factor is how far a shift of ε moves the average over `everyone`, beside how far it
        moves the weighted residuals.
    """
    from scipy.special import expit, logit

    size = high - low
    scaled = np.clip((fit.predicted - low) / size, END, 1 - END)
    inside = (fit.predicted - low) / size == scaled
    y = (sample.y - low) / size
    start = logit(scaled)
    used = np.flatnonzero(h)
    epsilon = _epsilon(start[used], y[used], (sample.weight * h)[used])
    tilted = expit(start + epsilon)
    slope = tilted * (1 - tilted)
    # ∂Q*/∂Q: none where Q was held at an end of the range.
    passed = np.where(inside, slope / (scaled * (1 - scaled)), 0.0)
    moved = Fit(low + size * tilted, lambda v: fit.pull(v * passed))
    if not found.stacked:
        return Side(moved), epsilon
    reached, solved = (float(sample.weight @ (part * slope)) for part in (everyone, h))
    alone: NDArray[np.float64] | float = 1.0
    if found.single is not None:
        others = reached - found.single * everyone * slope
        alone = others / reached / remainder(found.single * h * slope / solved)
    side = Side(moved, reached / solved, alone)
    return side, epsilon


def _epsilon(start: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """Solve Σ w (y - expit(start + ε)) = 0 by Newton's method, kept between bounds that close in.

    Raises:
        EstimationError: all outcomes of the arm lie at one end of the range (E586).
    """
    from scipy.special import expit

    mean = float(np.average(y, weights=weight))
    if not 0 < mean < 1:
        raise EstimationError.because(
            "E586",
            "all outcomes of an arm lie at one end of the range",
            why="no tilt of the predictions reaches it",
            fix='say method="aipw"',
        )
    bottom = float(np.log(mean / (1 - mean)) - start.max())
    top = float(np.log(mean / (1 - mean)) - start.min())
    total, epsilon = float(weight.sum()), min(max(0.0, bottom), top)
    for _ in range(STEPS):
        p = expit(start + epsilon)
        left = float(weight @ (y - p)) / total
        if abs(left) < CLOSE:
            break
        bottom, top = (epsilon, top) if left > 0 else (bottom, epsilon)
        step = epsilon + left * total / float(weight @ (p * (1 - p)))
        epsilon = step if bottom < step < top else (bottom + top) / 2
    return epsilon
