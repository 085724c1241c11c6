"""Matching: each row is compared with the nearest rows of the other arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from causalgraph.errors import EstimationError, ModelError, did_you_mean
from causalgraph.estimate.base import Result, Target, population_of
from causalgraph.estimate.matched import (
    Arm,
    Matched,
    arms_of,
    balance_of,
    matched,
    warnings_of,
    weights_of,
)
from causalgraph.estimate.matched_errors import change_by_score
from causalgraph.estimate.neighbours import Sets, Space, apart, on_a_line, whitened
from causalgraph.estimate.pairing import greedy, optimal
from causalgraph.estimate.propensity import Propensity, known_score, propensity
from causalgraph.estimate.sample import Sample, design

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Matching", "matching", "require_able", "require_some"]

# Options that are one of a few words.
WORDS: Mapping[str, tuple[str, ...]] = {
    "distance": ("mahalanobis", "propensity", "euclidean", "exact"),
    "scale": ("probability", "logit"),
    "pairs": ("greedy", "optimal"),
}
# Rows of counts are laid out one by one for pairs, up to so many.
MOST_ROWS = 5_000_000


@dataclass(frozen=True)
class Matching:
    """The options of matching.

    Attributes:
        distance: ``mahalanobis`` (with the covariance of all rows), ``propensity``, ``euclidean`` in the covariates'
            own units, or ``exact``: all rows that agree in every covariate.
        neighbours: how many matches each row gets; all that are equally near count.
        replace: whether a row may be the match of several. Without, only for the effect among the treated, or others.
        caliper: how far away a match may be: in standard deviations of the score for ``propensity``, else in units of
            the distance.
        bias_correction: whether a regression on what is matched on takes up what distance is left.
        propensity: ``(n,)``, a known score, P(arm = level); it is matched on.
        scale: of the score that is matched on.
        exact: covariates in which matches must agree.
        pairs: without replacement, ``greedy``: the row that lies farthest from its nearest partner chooses first; or
            ``optimal``: the sum of distances is least.
        error_neighbours: rows of the same arm from which the outcome's variance is told.
        level: of the interval; not used here.
        seed: without replacement, of the order of rows that are equally near.
    """

    distance: Literal["mahalanobis", "propensity", "euclidean", "exact"] | None = None
    neighbours: int = 1
    replace: bool = True
    caliper: float | None = None
    bias_correction: bool = True
    propensity: NDArray[np.float64] | None = None
    scale: Literal["probability", "logit"] = "probability"
    exact: str | tuple[str, ...] = ()
    pairs: Literal["greedy", "optimal"] = "greedy"
    error_neighbours: int = 2
    level: float = 0.95
    seed: int = 0

    @property
    def measure(self) -> str:
        """The distance: that of the score where one is given, Mahalanobis' where nothing is said."""
        return self.distance or ("mahalanobis" if self.propensity is None else "propensity")

    @property
    def agreeing(self) -> tuple[str, ...]:
        """The covariates in which matches must agree."""
        return (self.exact,) if isinstance(self.exact, str) else tuple(self.exact)


@dataclass(frozen=True)
class _Ground:
    """Where the rows lie, for each of the two arms.

    Attributes:
        spaces: to search in; they differ only where a score has more than two arms.
        within: the same, for σ².
        lines: columns of the bias correction.
        score: what was estimated, or given.
    """

    spaces: tuple[Space, Space]
    lines: tuple[NDArray[np.float64], NDArray[np.float64]]
    score: Propensity | None = None


def matching(sample: Sample, target: Target, **options: Any) -> Result:
    """Estimate an effect by comparing each row with the nearest rows of the other arm.

    With J(i) the rows of an arm that are nearest to row i::

        Ŷᵢ(a) = Yᵢ where row i is in arm a, else the mean over j in J(i) of Yⱼ + m(xᵢ) - m(xⱼ)
        τ = Σ w (Ŷ(level) - Ŷ(against)) / Σ w     over the population

    m is the bias correction, a linear regression by arm on the matches, weighted by how much each is used. The error is
    Abadie and Imbens' (`matched`), with the estimation of a logit's score taken into account (`change_by_score`).
    Without replacement it is that of the pairs' differences.

    Args:
        sample: the rows.
        target: the two arms, and the population.
        options: those of `Matching`.

    Raises:
        EstimationError: nothing to match on (E550), no match (E551), fewer rows than neighbours (E552), pairs for
            everyone's effect (E553), too many rows for pairs (E554), clusters (E555).
        ModelError: an option doesn't fit (E221).

    Source: Abadie and Imbens (2006), doi:10.1111/j.1468-0262.2006.00655.x; Abadie and Imbens (2011),
    doi:10.1198/jbes.2009.07333; Abadie and Imbens (2016), doi:10.3982/ECTA11293; for pairs Abadie and Spiess (2022),
    doi:10.1080/01621459.2020.1840383.

    >>> x = np.array([11.0, 7, 5, 3, 10, 8, 4, 1])
    >>> rows = Sample("D", ("0", "1"), np.array([1, 1, 1, 1, 0, 0, 0, 0]), "Y", np.array([5.0, 2, 10, 6, 4, 0, 5, 1]),
    ...     ("X",), x[:, None], ((),), np.ones(8))
    >>> matching(rows, Target(1, 0, "att"), bias_correction=False).value
    2.25
    """
    asked = Matching(**options)
    _require_options(sample, asked)
    require_able(sample, target, asked.neighbours, replace=asked.replace)
    if not asked.replace:
        sample, asked = _laid_out(sample, asked)
    ground = _ground(sample, target, asked)
    arms = arms_of(sample, target, ground.spaces, asked.neighbours if asked.replace else 1)
    if not asked.replace:
        arms = _paired(sample, target, arms, asked)
    lines = ground.lines if asked.bias_correction and asked.measure != "exact" else None
    found = matched(sample, target, arms, ground.spaces, lines=lines, few=asked.error_neighbours)
    variance, notes = _variance(found, sample, target, ground, asked)
    balance = balance_of(sample, target, found)
    warnings = warnings_of(found, sample, balance)
    dimensions = ground.spaces[0].points.shape[1] - bool(asked.agreeing)
    if not asked.bias_correction and dimensions > 1 and asked.measure != "exact":
        warnings.append(
            f"W544: matches in {dimensions} dimensions aren't near enough for the error to hold without bias correction"
        )
    if found.diagnostics["discarded"] > 0:
        notes.append("the population is that of rows with a match")
    return Result(
        value=found.value,
        error=sqrt(variance),
        diagnostics={**found.diagnostics, "balance": balance},
        notes=tuple(notes),
        warnings=tuple(warnings),
    )


def require_able(sample: Sample, target: Target, neighbours: int, *, replace: bool = True) -> None:
    """Refuse what matching can't do on these rows.

    Raises:
        EstimationError: no covariates (E550), fewer rows than neighbours (E552), pairs for everyone (E553), clusters
            (E555).
    """
    if not sample.covariates:
        raise EstimationError.because(
            "E550",
            "there is nothing to match on: the graph asks for no covariates",
            fix="leave method out, or name covariates that may be adjusted for: covariates=(…,)",
        )
    if sample.clusters is not None:
        raise EstimationError.because(
            "E555",
            "the error of matching supposes independent rows, and these come in clusters",
            why="a row and its matches may share a cluster, and no error is known that allows for it",
            fix="weighting and outcome regression have errors for clusters",
        )
    if not replace and target.population == "ate":
        raise EstimationError.because(
            "E553",
            "without replacement the arms can't both stand for everyone",
            fix="ask for att or atc, or say replace=True",
        )
    copies = weights_of(sample).copies
    for place in (target.level, target.against):
        rows = float(copies[sample.arm == place].sum())
        if rows < max(neighbours, 2):
            raise EstimationError.because(
                "E552",
                f"{sample.treatment}={sample.arms[place]} has {rows:,.0f} rows, and {max(neighbours, 2)} are needed",
                fix="ask for fewer neighbours, or merge levels",
            )


def require_some(**counts: int) -> None:
    """Make sure that options which count rows are at least 1 (E221)."""
    for name, given in counts.items():
        if given < 1:
            raise ModelError.because("E221", f"{name}={given!r} isn't a whole number from 1", fix=f"say {name}=1")


def _require_options(sample: Sample, asked: Matching) -> None:
    for name, words in WORDS.items():
        given = getattr(asked, name)
        if given is not None and given not in words:
            near = did_you_mean(str(given), words)
            fix = f"did you mean {near}?" if near else f"it is one of {', '.join(words)}"
            raise ModelError.because("E221", f"matching has no {name}={given!r}", fix=fix)
    require_some(neighbours=asked.neighbours, error_neighbours=asked.error_neighbours)
    if asked.caliper is not None and not asked.caliper > 0:
        raise ModelError.because("E221", f"a caliper of {asked.caliper} lets nothing match", fix="it is positive")
    if asked.propensity is not None and asked.measure != "propensity":
        raise ModelError.because(
            "E221", f"a known score isn't used by distance={asked.distance!r}", fix='say distance="propensity"'
        )
    for name in asked.agreeing:
        if name not in sample.covariates:
            near = did_you_mean(name, sample.covariates)
            fix = f"did you mean {near}?" if near else f"these are {', '.join(sample.covariates)}"
            raise ModelError.because("E221", f"exact: {name} isn't among the covariates", fix=fix)


def _ground(sample: Sample, target: Target, asked: Matching) -> _Ground:
    """Lay out where the rows lie."""
    exact = [sample.values[:, sample.covariates.index(name)] for name in asked.agreeing]
    caliper = np.inf if asked.caliper is None else asked.caliper
    if asked.measure == "propensity":
        score = (
            propensity(sample, target, seed=asked.seed)
            if asked.propensity is None
            else known_score(sample, target, asked.propensity)
        )
        grounds = [
            _by_score(sample, score.probability[:, k], asked, exact, caliper) for k in (target.level, target.against)
        ]
        if len(sample.arms) == 2:
            grounds[1] = grounds[0]
        return _Ground((grounds[0][0], grounds[1][0]), (grounds[0][1], grounds[1][1]), score)
    matrix = design(sample).matrix
    space = _by_covariates(sample, matrix, asked.measure, exact, caliper)
    return _Ground((space, space), (matrix, matrix))


def _by_covariates(
    sample: Sample, matrix: NDArray[np.float64], measure: str, exact: list[NDArray[np.float64]], caliper: float
) -> Space:
    white = whitened(matrix, sample.weight)
    if white.shape[1] == 0:
        raise EstimationError.because(
            "E550",
            f"there is nothing to match on: {', '.join(sample.covariates)} don't vary",
            fix="leave them out: covariates=()",
        )
    if measure == "euclidean":
        spread = float(matrix.std(axis=0).max())
        return apart(matrix, matrix, exact, spread, caliper)
    return apart(white, matrix, exact, 1.0, 0.0 if measure == "exact" else caliper)


def _by_score(
    sample: Sample, chance: NDArray[np.float64], asked: Matching, exact: list[NDArray[np.float64]], caliper: float
) -> tuple[Space, NDArray[np.float64]]:
    values = np.log(chance) - np.log1p(-chance) if asked.scale == "logit" else chance
    centre = np.average(values, weights=sample.weight)
    spread = sqrt(float(np.average((values - centre) ** 2, weights=sample.weight)))
    if not spread > 1e-12 * max(1.0, abs(float(centre))):
        raise EstimationError.because(
            "E550",
            "there is nothing to match on: the propensity score is the same for all rows",
            fix="leave method out: the arms can be compared as they are",
        )
    space = on_a_line(values, spread, caliper * spread)
    if exact:
        told = space.place[:, None].astype(float)
        space = apart(space.points[space.place], told, exact, spread, caliper * spread)
    return space, values[:, None]


def _variance(
    found: Matched, sample: Sample, target: Target, ground: _Ground, asked: Matching
) -> tuple[float, list[str]]:
    """Return the variance, with what the score's estimation changes, and what was taken for granted."""
    notes = ["the error supposes that outcomes vary alike among near rows (Abadie and Imbens 2006)"]
    variance = found.variance
    if not asked.replace:
        pairs = float(weights_of(sample).copies @ found.kept)
        if pairs < 2:
            raise EstimationError.because(
                "E551", "one pair alone tells no error", fix="widen the caliper, or say replace=True"
            )
        variance *= pairs / (pairs - 1)
        notes = ["the error is that of the pairs' differences (Abadie and Spiess 2022)"]
    if ground.score is None or ground.score.information is None:
        return variance, notes
    if len(sample.arms) > 2 or sample.weighting == "survey" or not asked.replace or found.diagnostics["discarded"]:
        notes.append("the score is taken as known; that it was estimated mostly makes the error smaller, not larger")
        return variance, notes
    arms = (sample.arm == target.level, sample.arm == target.against)
    among = {"ate": None, "att": arms[0], "atc": arms[1]}[target.population]
    covariates = _by_covariates(sample, design(sample).matrix, "mahalanobis", [], np.inf)
    change = change_by_score(
        ground.score,
        (ground.spaces[0], covariates),
        sample.y,
        arms,
        weights_of(sample),
        among=among,
        value=found.value,
        few=asked.error_neighbours,
    )
    if variance + change <= 0:
        notes.append("the score is taken as known: the data are too few to tell what its estimation does to the error")
        return variance, notes
    notes.append("that the score was estimated is in the error (Abadie and Imbens 2016)")
    return variance + change, notes


def _laid_out(sample: Sample, asked: Matching) -> tuple[Sample, Matching]:
    """Return counts as so many rows, and rows in random order, so that order decides no tie."""
    rows = np.arange(sample.n)
    if sample.weighting == "counts":
        whole = np.rint(sample.weight).astype(np.intp)
        if not np.array_equal(whole, sample.weight) or whole.sum() > MOST_ROWS:
            raise EstimationError.because(
                "E554",
                f"pairs need whole rows, at most {MOST_ROWS:,}, and these are counts of {sample.size:,.6g}",
                fix="say replace=True",
            )
        rows = np.repeat(rows, whole)
    rows = np.random.default_rng(asked.seed).permutation(rows)
    known = None if asked.propensity is None else asked.propensity[rows]
    again = replace(
        sample,
        arm=sample.arm[rows],
        y=sample.y[rows],
        values=sample.values[rows],
        weight=np.ones(len(rows)) if sample.weighting == "counts" else sample.weight[rows],
        weighting="rows" if sample.weighting == "counts" else sample.weighting,
        columns={},
    )
    return again, replace(asked, propensity=known)


def _paired(sample: Sample, target: Target, arms: tuple[Arm, Arm], asked: Matching) -> tuple[Arm, Arm]:
    """Replace the matches in the arm that the population isn't in by partners, each taken once."""
    asks = population_of(sample, target)
    place = 1 if target.population == "att" else 0
    arm = arms[place]
    rows, donors = np.flatnonzero(asks), np.flatnonzero(arm.inside)
    points = arm.space.points[arm.space.place]
    tie, reach = arm.space.tie, arm.space.reach
    hard = np.argsort(-np.nan_to_num(arm.sets.distance[arm.space.place[rows]], nan=np.inf), kind="stable")
    query, member = [], []
    free = np.ones(len(donors), dtype=bool)
    for _ in range(asked.neighbours):
        left = np.flatnonzero(free)
        if not len(left):
            break
        if asked.pairs == "optimal":
            who, whom = optimal(points[rows], points[donors[left]], reach, tie)
        else:
            who, whom = greedy(points[rows], points[donors[left]], hard, reach, tie)
        free[left[whom]] = False
        query.append(rows[who])
        member.append(donors[left[whom]])
    asked_by, taken = np.concatenate(query), np.concatenate(member)
    order = np.argsort(asked_by, kind="stable")
    asked_by, taken = asked_by[order], taken[order]
    distance = np.full(sample.n, np.nan)
    away = np.linalg.norm(points[asked_by] - points[taken], axis=1)
    np.fmax.at(distance, asked_by, away)
    own = Space(np.arange(sample.n), points, tie, reach)
    paired = Arm(arm.inside, own, Sets(asked_by, taken, distance))
    return (arms[0], paired) if place == 1 else (paired, arms[1])
