"""From a named effect to an estimate by rows: the graph's licence, the rows, the estimator, what one must know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from math import nan
from typing import Any

import numpy as np

from causalgraph.errors import EstimationError, ModelError
from causalgraph.estimate.base import Estimator, Population, Result, Target, error_of
from causalgraph.estimate.licence import licence
from causalgraph.estimate.options import COVARIATES, read_options
from causalgraph.estimate.sample import Sample, sample_of
from causalgraph.estimate.table import ESTIMATORS
from causalgraph.evaluate.effects import Contrast, contrast_of
from causalgraph.evaluate.estimate import Estimate, Row
from causalgraph.evaluate.interval import quantile, wald
from causalgraph.evaluate.pieces import naive_of, of_weights, unit_of
from causalgraph.evaluate.quantities import Numeric, RefusedError, World
from causalgraph.identify.answer import NotIdentified, Undecided
from causalgraph.progress import working
from causalgraph.syntax.queries import Effect, Term
from causalgraph.variables import Variable

__all__ = ["answer"]

# What the verbs average over; a conditional effect is everyone's of a stratum.
POPULATIONS: Mapping[str, Population] = {"ate": "ate", "cate": "ate", "att": "att", "atc": "atc"}
# An arm with fewer rows than this tells nothing of how outcomes vary.
FEWEST = 2
TOO_FEW = "E534"
# From so many clusters on their own variation is told well enough; see Cameron and Miller (2015), section VI.
MANY_CLUSTERS = 30


@dataclass(frozen=True)
class _Asked:
    """A question with the estimator that is to answer it."""

    query: Effect
    world: World
    estimator: Estimator
    options: Mapping[str, Any]
    level: float
    seed: int


def answer(
    query: Numeric,
    text: str,
    world: World,
    *,
    method: str,
    level: float = 0.95,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
) -> Estimate | NotIdentified | Undecided:
    """Answer a question for an effect by an estimator of rows.

    Args:
        query: ``ate``, ``att``, ``atc`` or ``cate``.
        text: the query as it was written.
        world: graph, variables and data.
        method: a name in `ESTIMATORS`.
        level: the interval's level of confidence.
        seed: of what is drawn at random.
        options: those of the estimator, and ``covariates``, a set to adjust for in place of the graph's choice.

    Raises:
        DataError: the data don't fit the model.
        EstimationError: the query isn't an effect that this estimator can give (E533), the graph forbids it (E510,
            E531, E532), the data can't carry it (E501, E504, E534).
        ModelError: there is no such option (E221).
    """
    estimator = ESTIMATORS[method]
    given = read_options(method, estimator, options or {})
    named = given.pop(COVARIATES, () if estimator.unadjusted else None)
    if not isinstance(query, Effect) or POPULATIONS.get(query.measure) not in estimator.populations:
        able = ", ".join(verb for verb, over in POPULATIONS.items() if over in estimator.populations)
        raise EstimationError.because(
            "E533", f"{method} doesn't answer {text}", fix=f"ask it for {able} of one treatment and outcome"
        )
    variables = world.variables
    try:
        licensed = licence(query, world, named, unadjusted=estimator.unadjusted)
    except RefusedError as refused:
        return refused.verdict
    contrast = contrast_of(query, world)
    columns = [Variable(given[name]) for name in estimator.columns if name in given]
    conditions = [variables[t.variable] for t in query.given]
    with working("reading rows"):
        whole = sample_of(
            world.source,
            variables[query.treatment.variable],
            variables[query.outcome.variable],
            [variables[name] for name in licensed.covariates],
            list({v.name: v for v in [*columns, *conditions]}.values()),
        )
    asked = _Asked(query, world, estimator, given, level, seed)
    rows, results = _answered(asked, whole, contrast)
    single = len(rows) == 1 and not rows[0].levels
    return Estimate(
        query=text,
        rows=tuple(rows),
        level=level,
        method=estimator.about,
        n=whole.size,
        dropped=whole.dropped,
        warnings=tuple(
            dict.fromkeys([*of_weights(whole.weighting, whole.size, world), *(w for r in results for w in r.warnings)])
        ),
        identification=(licensed.verdict,),
        covariates=licensed.covariates,
        strata=0,
        naive=_naive(whole, contrast) if single and licensed.covariates and query.measure == "ate" else None,
        naive_of=naive_of(query, world),
        notes=tuple(dict.fromkeys([*_counted(query, world), *(note for r in results for note in r.notes)])),
        unit=unit_of(query, variables),
        versus=contrast.versus,
        compared=dict.fromkeys(contrast.versus, contrast.pairs[0][0]),
        diagnostics=results[0].diagnostics if single else {},
    )


def _counted(query: Effect, world: World) -> Iterator[str]:
    """Say which word of a binary outcome counts as 1."""
    outcome = world.variables[query.outcome.variable]
    if world.source.kind(outcome) == "binary":
        first, *_, last = world.source.levels(outcome)
        if (first, last) != ("0", "1"):
            yield f"{outcome.name}={last} counts as 1, {outcome.name}={first} as 0"


def _answered(asked: _Asked, whole: Sample, contrast: Contrast) -> tuple[list[Row], list[Result]]:
    """Estimate each contrast in each stratum of the conditions.

    Raises:
        EstimationError: no contrast has enough rows (E534), or what the estimator raises.
    """
    rows: list[Row] = []
    results: list[Result] = []
    strata = list(_strata(asked, whole))
    several = len(strata) * len(contrast.pairs) > 1
    missing: EstimationError | None = None
    for (level, against), label in zip(contrast.pairs, contrast.labels, strict=True):
        target = Target(whole.arms.index(level), whole.arms.index(against), POPULATIONS[asked.query.measure])
        for held, sample in strata:
            here = {**label, **held}
            try:
                result, used = _estimated(asked, sample, target, held)
            except EstimationError as error:
                # In a table, a comparison that the data can't carry is a row that isn't determined.
                if not several or error.diagnostics[0].code != TOO_FEW:
                    raise
                missing = error
                rows.append(Row(here, None, None, None))
                results.append(Result(nan, warnings=(f"W502: {error.diagnostics[0].what}",)))
                continue
            told = ", ".join(f"{name}={level}" for name, level in here.items())
            said = [*result.warnings, *_few_clusters(result, used)]
            warnings = tuple(f"{w[:5]} where {told}: {w[6:]}" if several else w for w in said)
            results.append(replace(result, warnings=warnings))
            rows.append(_row(here, result, used, asked.level))
    if missing is not None and all(row.value is None for row in rows):
        raise missing
    return rows, results


def _few_clusters(result: Result, sample: Sample) -> tuple[str, ...]:
    """Warn where an error without a correction for few clusters rests on few."""
    if sample.clusters is None or result.influence is None:
        return ()
    groups = len(np.unique(sample.clusters))
    what = f"the error rests on {groups} clusters, and tends to be too small with so few"
    return (f"W560: {what}",) if groups < MANY_CLUSTERS else ()


def _strata(asked: _Asked, whole: Sample) -> Iterator[tuple[dict[str, str], Sample]]:
    """Yield the levels of the conditions that are left free, and the rows of each."""
    conditions = asked.query.given
    levels = [_levels(asked.world, term) for term in conditions]
    known = [asked.world.levels(term.variable) for term in conditions]
    for chosen in product(*levels):
        keep = np.ones(whole.n, dtype=bool)
        for term, places, level in zip(conditions, known, chosen, strict=True):
            keep &= whole.columns[term.variable] == places.index(level)
        free = {t.variable: level for t, level in zip(conditions, chosen, strict=True) if t.value is None}
        yield free, whole.keep(keep) if conditions else whole


def _levels(world: World, term: Term) -> tuple[str, ...]:
    levels = world.levels(term.variable)
    if term.value is None:
        return levels
    place = world.variables[term.variable].index_of(term.value, levels)
    if place is None:
        raise ModelError.because("E204", f"{term.variable} has no level {term.value}", span=term.span)
    return (levels[place],)


def _estimated(asked: _Asked, sample: Sample, target: Target, held: Mapping[str, str]) -> tuple[Result, Sample]:
    """Run the estimator on the rows that it needs, once it is sure that both arms have some; also return these."""
    if asked.estimator.two_arms or target.population != "ate":
        sample = _two(sample, target)
        target = replace(target, level=1, against=0)
    for place in (target.level, target.against):
        if (sample.arm == place).sum() < FEWEST:
            where = "".join(f" where {name}={level}" for name, level in held.items())
            raise EstimationError.because(
                TOO_FEW,
                f"{sample.treatment}={sample.arms[place]} has fewer than {FEWEST} rows{where}",
                why="an arm without rows can't be compared, and one row doesn't tell how outcomes vary",
                fix="drop the condition, or merge levels",
            )
    options = {name: value for name, value in asked.options.items() if name not in asked.estimator.columns}
    for name in asked.estimator.columns:
        if name in asked.options:
            options[name] = sample.columns[asked.options[name]]
    with working(f"estimating by {asked.estimator.about}"):
        return asked.estimator.run(sample, target, level=asked.level, seed=asked.seed, **options), sample


def _two(sample: Sample, target: Target) -> Sample:
    """Keep the rows of two arms, the one that others are compared with first."""
    kept = sample.keep((sample.arm == target.level) | (sample.arm == target.against))
    arms = (sample.arms[target.against], sample.arms[target.level])
    return replace(kept, arms=arms, arm=(kept.arm == target.level).astype(np.intp))


def _row(label: Mapping[str, str], result: Result, sample: Sample, level: float) -> Row:
    error = (
        error_of(result.influence, sample) if result.error is None and result.influence is not None else result.error
    )
    if error is None:
        return Row(label, result.value, None, None)
    return Row(label, result.value, error, wald(result.value, error, level, _critical(result, sample, level)))


def _critical(result: Result, sample: Sample, level: float) -> float:
    if result.df is None:
        return quantile(level, None if sample.clusters is None else len(np.unique(sample.clusters)))
    from scipy.special import stdtrit

    return float(stdtrit(result.df, (1 + level) / 2))


def _naive(sample: Sample, contrast: Contrast) -> float:
    """Return the plain difference of means."""
    level, against = (sample.arm == sample.arms.index(arm) for arm in contrast.pairs[0])
    means = [float(np.average(sample.y[arm], weights=sample.weight[arm])) for arm in (level, against)]
    return means[0] - means[1]
