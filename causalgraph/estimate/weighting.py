"""Inverse probability weighting: rows stand for those who were likely to be in the other arm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from causalgraph.answers import share_text
from causalgraph.errors import EstimationError, ModelError, did_you_mean
from causalgraph.estimate.balance import Balance, balance, unbalanced
from causalgraph.estimate.base import Result, Target
from causalgraph.estimate.overlap import best_trim, common_support, effective_size, score_quantiles
from causalgraph.estimate.propensity import Propensity, known_score
from causalgraph.estimate.propensity import propensity as estimated_score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from causalgraph.estimate.sample import Sample

__all__ = ["WEIGHTS", "ipw"]

# What `weights` takes -> what it is.
WEIGHTS: Mapping[str, str] = {
    "hajek": "weights that are divided by their sum in each arm",
    "horvitz-thompson": "weights that are divided by the size of the population",
    "stabilised": "weights times the arm's share, divided by their sum in each arm",
    "overlap": "each row by the chance of the other arm",
    "trimmed": "Hájek's weights on the rows whose scores give the smallest variance",
}
# A score of a compared arm below this is near 0.
NEAR = 0.01
# As many rows near 0 or 1 are no accident.
FEW = 0.005
# An effective sample size below this share of an arm's rows is small.
SMALL = 0.1
# A row with more than this share of an arm's weight, and this many times its equal share, is heavy.
HEAVY, TIMES = 0.1, 5
# A known score whose mean misses an arm's share by more than this many standard errors isn't that arm's score.
FAR = 5


@dataclass(frozen=True)
class _Weights:
    """The weights of rows.

    Attributes:
        weight: ``(n,)``, W; 0 for rows of arms that aren't compared.
        slopes: ``(n, K)``, the derivatives of W by the scores.
        stands: ``(n,)``, what the row counts in the population: Σ `stands` is its size.
        kept: ``(n,)``, whether the row was kept in trimming.
    """

    weight: NDArray[np.float64]
    slopes: NDArray[np.float64]
    stands: NDArray[np.float64]
    kept: NDArray[np.bool_]


def ipw(
    sample: Sample,
    target: Target,
    *,
    level: float = 0.95,
    seed: int = 0,
    weights: str = "hajek",
    trim: float | None = None,
    propensity: NDArray[np.float64] | None = None,
) -> Result:
    """Estimate an effect by inverse probability weighting.

    With scores e_k(x) = P(A = k | x), a row of arm k weighs W = h(x) / e_k(x), where h = 1 for everyone's effect, e_1
    for the treated, e_0 for the others, and (Σ_k 1 / e_k)⁻¹ for overlap weights: of two arms e (1 - e). Hájek's
    estimate is the difference of Σ W Y / Σ W between the arms; Horvitz and Thompson divide by Σ h. Stabilised weights
    P(A = k) W give the same number as Hájek's, and their mean is near 1.

    The influence function of m = E[W 1_k (Y - μ_k)] has the term s' I⁻¹ ∂E[m]/∂θ of the logit's parameters, as in
    stacked estimating equations: the scores' estimation is in the error, which it mostly makes smaller. With known
    scores there is no such term. The interval is Student's with 2 (Σ ψ²)² / Σ ψ⁴ degrees of freedom, those of a
    variance that varies as much as that of ψ: where a few heavy rows carry the error, it is wider.

    Args:
        sample: the rows.
        target: arms and population.
        level: of the interval; not used here.
        seed: not used: nothing is drawn.
        weights: a name in `WEIGHTS`.
        trim: leave out rows with a score of an arm below this, or, of two arms, above what it lacks of 1.
        propensity: ``(n,)``, the known probability of the arm that is compared; else it is estimated by a logit.

    Raises:
        EstimationError: covariates predict the treatment (E535), known scores aren't probabilities (E536), no rows are
            left after trimming or the weights speak of another population than the query (E537).
        ModelError: there are no such weights, or trim isn't at least 0 and below 1/2 (E221).

    Source: Horvitz and Thompson (1952), doi:10.1080/01621459.1952.10483446; Hirano, Imbens and Ridder (2003),
    Econometrica 71, doi:10.1111/1468-0262.00442; Lunceford and Davidian (2004), Statistics in Medicine 23,
    doi:10.1002/sim.1903; Li, Morgan and Zaslavsky (2018), JASA 113, doi:10.1080/01621459.2016.1260466; Li and Li
    (2019), Annals of Applied Statistics 13, doi:10.1214/19-AOAS1282; Satterthwaite (1946), doi:10.2307/3002019.

    >>> from causalgraph.estimate.sample import Sample
    >>> rows = Sample("X", ("0", "1"), np.array([0, 0, 1, 0, 1, 1]), "Y", np.array([1.0, 2, 3, 4, 6, 8]), ("R",),
    ...     np.array([[0.0], [0], [0], [1], [1], [1]]), (("a", "b"),), np.ones(6))
    >>> round(ipw(rows, Target(1, 0)).value, 6)
    2.25
    """
    del level, seed
    _require(weights, trim, target)
    scores = estimated_score(sample, target) if propensity is None else known_score(sample, target, propensity)
    population = "overlap" if weights == "overlap" else target.population
    made = _trimmed(sample, target, scores, TILTS[population](sample, target, scores.probability), weights, trim)
    value, influence = _estimate(sample, target, scores, made, by_size=weights == "horvitz-thompson")
    compared = balance(sample, made.weight, target)
    diagnostics = {
        "weights": weights,
        "population": population,
        **_diagnostics(sample, target, scores, made, compared),
    }
    return Result(
        value=value,
        influence=influence,
        df=_freedom(sample, influence),
        diagnostics=diagnostics,
        notes=(*scores.notes, *_notes(sample, target, scores, made, weights)),
        warnings=(*_thin(sample, diagnostics["arms"]), *_warnings(sample, target, scores, made, compared)),
    )


def _require(weights: str, trim: float | None, target: Target) -> None:
    if weights not in WEIGHTS:
        near = did_you_mean(str(weights), WEIGHTS)
        fix = f"did you mean {near}?" if near else f"they are {', '.join(WEIGHTS)}"
        raise ModelError.because("E221", f"ipw has no weights {weights}", fix=fix)
    if trim is not None and not 0 <= trim < 1 / 2:
        raise ModelError.because("E221", f"trim={trim:g} isn't at least 0 and below 1/2", fix="trim=0.01 is mild")
    if weights == "overlap" and target.population != "ate":
        raise EstimationError.because(
            "E537",
            "overlap weights don't answer for the treated, nor for the others",
            why="they average over those whose treatment was in doubt",
            fix='ask ate, or take weights="hajek"',
        )


def _own(sample: Sample, target: Target) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    return sample.arm == target.level, sample.arm == target.against


def _of_all(sample: Sample, target: Target, p: NDArray[np.float64]) -> _Weights:
    """1 / e_k."""
    weight, slopes = np.zeros(sample.n), np.zeros_like(p, order="F")
    for arm, inside in zip((target.level, target.against), _own(sample, target), strict=True):
        weight[inside] = 1 / p[inside, arm]
        slopes[inside, arm] = -(weight[inside] ** 2)
    return _Weights(weight, slopes, np.ones(sample.n), np.ones(sample.n, dtype=bool))


def _of_arm(sample: Sample, target: Target, p: NDArray[np.float64], place: int) -> _Weights:
    """1 in the arm whose effect it is, e_1 / e_0 in the other."""
    arms = (target.level, target.against)
    one, zero = arms[place], arms[1 - place]
    own = _own(sample, target)
    weight, slopes = own[place].astype(float), np.zeros_like(p, order="F")
    inside = own[1 - place]
    weight[inside] = p[inside, one] / p[inside, zero]
    slopes[inside, one] = 1 / p[inside, zero]
    slopes[inside, zero] = -weight[inside] / p[inside, zero]
    return _Weights(weight, slopes, own[place].astype(float), np.ones(sample.n, dtype=bool))


def _of_treated(sample: Sample, target: Target, p: NDArray[np.float64]) -> _Weights:
    return _of_arm(sample, target, p, 0)


def _of_others(sample: Sample, target: Target, p: NDArray[np.float64]) -> _Weights:
    return _of_arm(sample, target, p, 1)


def _of_overlap(sample: Sample, target: Target, p: NDArray[np.float64]) -> _Weights:
    """(Σ_j 1 / e_j)⁻¹ / e_k; written as 1 / Σ_j (e_k / e_j), which holds where a score is next to 0."""
    met = np.flatnonzero(p.max(0) > 0)
    ratios = np.zeros_like(p, order="F")
    for k in met:
        with np.errstate(divide="ignore"):
            ratios[:, k] = 1 / sum(p[:, k] / p[:, j] for j in met)
    weight, slopes = np.zeros(sample.n), np.zeros_like(p, order="F")
    for arm, inside in zip((target.level, target.against), _own(sample, target), strict=True):
        weight[inside] = ratios[inside, arm]
        slopes[inside] = ratios[inside] ** 2 / p[inside, arm][:, None]
        slopes[inside, arm] -= weight[inside] / p[inside, arm]
    stands = ratios[:, target.level] * p[:, target.level]
    return _Weights(weight, slopes, stands, np.ones(sample.n, dtype=bool))


# Whose average it is -> the weights.
TILTS: Mapping[str, Callable[[Sample, Target, NDArray[np.float64]], _Weights]] = {
    "ate": _of_all,
    "att": _of_treated,
    "atc": _of_others,
    "overlap": _of_overlap,
}


def _trimmed(
    sample: Sample, target: Target, scores: Propensity, made: _Weights, weights: str, trim: float | None
) -> _Weights:
    """Take the weight from rows whose scores are too near 0 or 1."""
    met = scores.probability[:, scores.probability.max(0) > 0]
    if trim is None and weights == "trimmed":
        with np.errstate(divide="ignore"):
            inverse = (1 / met).sum(1)
        kept = inverse <= best_trim(inverse, sample.weight)
    elif trim:
        kept = met.min(1) >= trim
    else:
        return made
    for arm, inside in zip((target.level, target.against), _own(sample, target), strict=True):
        if not sample.weight[inside & kept].any():
            raise EstimationError.because(
                "E537",
                f"after trimming no row with {sample.treatment}={sample.arms[arm]} is left",
                why="the arms' scores hardly overlap",
                fix="take a smaller trim, or adjust for another set",
            )
    return _Weights(made.weight * kept, made.slopes * kept[:, None], made.stands * kept, kept)


def _estimate(
    sample: Sample, target: Target, scores: Propensity, made: _Weights, *, by_size: bool
) -> tuple[float, NDArray[np.float64]]:
    """Return the difference of weighted means and its influence function."""
    w, y = sample.weight, sample.y
    own = _own(sample, target)
    value, influence, slopes = 0.0, np.zeros(sample.n), np.zeros_like(made.slopes, order="F")
    for inside, sign in zip(own, (1, -1), strict=True):
        counted = made.stands if by_size else made.weight * inside
        size = float(w @ counted)
        mean = float(w @ (made.weight * inside * y)) / size
        value += sign * mean
        # The mean of w ψ is 0 by construction, since Σ w counted · mean = Σ w W 1_k Y.
        per = sign * w.sum() / size
        influence += per * (made.weight * inside * y - mean * counted)
        slopes[inside] += per * made.slopes[inside] * (y[inside] - (0 if by_size else mean))[:, None]
    return value, influence + scores.correction(slopes, w)


def _freedom(sample: Sample, influence: NDArray[np.float64]) -> float | None:
    """Return the degrees of freedom of a χ² that varies, relative to its mean, as the sum of squares does.

    None for clusters, whose errors aren't a sum over rows.
    """
    if sample.clusters is not None:
        return None
    rows = sample.weight if sample.weighting == "counts" else np.ones(sample.n)
    squares = influence**2 if sample.weighting == "counts" else (sample.weight * influence) ** 2
    fourth = float(rows @ squares**2)
    return 2 * float(rows @ squares) ** 2 / fourth if fourth > 0 else None


def _diagnostics(
    sample: Sample, target: Target, scores: Propensity, made: _Weights, compared: tuple[Balance, ...]
) -> dict[str, Any]:
    rows = sample.weight if sample.weighting == "counts" else None
    arms: dict[str, dict[str, float]] = {}
    stabilised = np.zeros(sample.n)
    both = sample.weight[(sample.arm == target.level) | (sample.arm == target.against)].sum()
    for arm, inside in zip((target.level, target.against), _own(sample, target), strict=True):
        own = sample.weight[inside]
        weight = made.weight[inside] if rows is not None else made.weight[inside] * own
        sums = float(own @ made.weight[inside])
        largest = float(weight.max())
        # What each of the arm's rows would weigh if all weighed alike is E[h] / P(A = k).
        alike = float(sample.weight @ made.stands) / float(own.sum())
        stabilised[inside] = made.weight[inside] / alike
        arms[sample.arms[arm]] = {
            "rows": float(own.sum()) if rows is not None else int(inside.sum()),
            "effective": effective_size(weight, None if rows is None else own),
            "largest": largest,
            "largest_share": largest / sums,
            "mean_stabilised": float(own @ stabilised[inside]) / float(own.sum()),
        }
    inside_support = common_support(sample, scores.score, target)
    outside = sample.weight[~inside_support].sum() if rows is not None else (~inside_support).sum()
    return {
        "arms": arms,
        "mean_stabilised_weight": float(sample.weight @ stabilised) / float(both),
        "largest_stabilised_weight": float(stabilised.max()),
        "scores": score_quantiles(sample, scores.score, target),
        "outside_common_support": float(outside / sample.size),
        "trimmed": float(sample.weight @ ~made.kept / sample.weight.sum()),
        "balance": [one.to_dict() for one in compared],
        "propensity": {"model": scores.model, "coefficients": {k: dict(v) for k, v in scores.coefficients.items()}},
    }


def _notes(sample: Sample, target: Target, scores: Propensity, made: _Weights, weights: str) -> Iterator[str]:
    if scores.model == "known":
        yield f"the scores are taken as the known probabilities of {sample.treatment}={sample.arms[target.level]}"
    elif not sample.covariates:
        yield "there is nothing to adjust for: the scores are the arms' shares"
    if weights == "overlap":
        yield "the number is for the population of equipoise (ATO): rows count as far as their treatment was in doubt"
    if weights == "stabilised":
        yield "stabilised weights give the same number as Hájek's; they are what the diagnostics tell of"
    if not made.kept.all():
        p = scores.probability[:, scores.probability.max(0) > 0].min(1)
        share = float(sample.weight @ ~made.kept / sample.weight.sum())
        yield (
            f"the population changed: {share_text(share)} of the rows were trimmed, and the number is for those whose "
            f"scores are all at least {p[made.kept].min():.3g}; the interval takes this population as given"
        )


def _warnings(
    sample: Sample, target: Target, scores: Propensity, made: _Weights, compared: tuple[Balance, ...]
) -> Iterator[str]:
    if made.weight.max() > 1:
        yield from _unlikely(sample, target, scores, made)
    left = unbalanced(compared)
    if left:
        yield f"W523: after weighting the arms still differ, in standard deviations: {left}; are the scores right?"
    if scores.model == "known":
        yield from _misfit(sample, target, scores.score)


def _unlikely(sample: Sample, target: Target, scores: Propensity, made: _Weights) -> Iterator[str]:
    """Warn of rows that were all but sure of their arm, where weights divide by the chance of the other."""
    # By both arms' scores for everyone, by the other arm's for the effect on one arm.
    divided = {"att": [target.against], "atc": [target.level]}.get(target.population, [target.level, target.against])
    near = (scores.probability[:, divided].min(1) < NEAR) & made.kept
    share = float(sample.weight @ near / sample.weight.sum())
    if share > FEW or made.weight.max() > 1 / NEAR:
        yield (
            f"W520: {share_text(share)} of the rows ({int(near.sum()):,}) had a score within {NEAR:g} of 0 or 1: the "
            f'number leans on the few like them in the other arm; see trim={NEAR:g}, or weights="overlap"'
        )


def _thin(sample: Sample, arms: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Warn of arms of which the weights use few rows."""
    for arm, told in arms.items():
        name = f"{sample.treatment}={arm}"
        if told["effective"] < SMALL * told["rows"]:
            yield (
                f"W521: the weights leave {told['effective']:,.0f} effective of {told['rows']:,.0f} rows with {name}: "
                "the interval may be too narrow"
            )
        if told["largest_share"] > max(HEAVY, TIMES / told["rows"]):
            yield f"W522: one row carries {share_text(told['largest_share'])} of the weight of {name}"


def _misfit(sample: Sample, target: Target, score: NDArray[np.float64]) -> Iterator[str]:
    """Warn where known scores can't be those of the arm: neither on average, nor where they are high and low."""
    w = sample.weight
    own = (sample.arm == target.level).astype(float)
    rows = w if sample.weighting == "counts" else w**2
    mean = float(w @ score) / float(w.sum())
    for along in (np.ones(sample.n), score - mean):
        error = sqrt(float(rows @ (score * (1 - score) * along**2)))
        if abs(float(w @ ((own - score) * along))) > FAR * error:
            name = f"{sample.treatment}={sample.arms[target.level]}"
            share = float(w @ own) / float(w.sum())
            yield (
                f"W524: the known scores don't look like probabilities of {name}: they average {mean:.3g}, "
                f"{share:.3g} of the rows have it, and where the scores are high and low doesn't fit"
            )
            return
