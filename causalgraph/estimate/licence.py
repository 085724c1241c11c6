"""What the graph says of an estimator's covariates: which to adjust for, or why those that were named won't do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from causalgraph.criteria.adjustment import check_adjustment
from causalgraph.criteria.separation import naming
from causalgraph.errors import EstimationError, ModelError
from causalgraph.evaluate.quantities import Parts, World, identified, numeric_outcome
from causalgraph.identify.answer import Identified, identify
from causalgraph.names import natural

if TYPE_CHECKING:
    from causalgraph.syntax.queries import Effect

__all__ = ["Licence", "licence"]

# Strategies whose formula averages over strata of covariates, which is what an estimator of rows does.
STRATIFIED = ("backdoor", "adjustment", "optimal")
# Effects among those who were treated, or weren't.
AMONG = ("att", "atc")


@dataclass(frozen=True)
class Licence:
    """What to adjust for, and the verdict that allows it."""

    verdict: Identified
    covariates: tuple[str, ...]


def licence(
    query: Effect, world: World, covariates: Sequence[str] | None = None, *, unadjusted: bool = False
) -> Licence:
    """Say which covariates the graph lets an estimator adjust for.

    Unless some are named it is the set of smallest variance, where all of its variables are observed, else the set that
    identification takes. Sets are judged by the complete adjustment criterion, together with the query's conditions.

    Args:
        query: an effect of one treatment on one outcome.
        world: graph, variables and data.
        covariates: a set to use in place of the graph's choice.
        unadjusted: whether the estimator compares arms as they are, whatever the set.

    Raises:
        RefusedError: the effect isn't identified.
        EstimationError: no set of covariates will do, though the effect is identified another way (E531), or the one
            that was named won't: the path or the variable that forbids it (E532).
        ModelError: a covariate isn't in the graph (E201), or is latent (E203).
    """
    numeric_outcome(query.outcome, world)
    x, y = query.treatment.variable, query.outcome.variable
    given = [t.variable for t in query.given]
    verdict = identified(world, Parts(), [x], [y], given)
    found = _chosen(query, world, verdict, covariates, unadjusted=unadjusted)
    everything = [*found.covariates, *(g for g in given if g not in found.covariates)]
    if query.measure in AMONG and not check_adjustment(world.graph, [x], [y], everything).backdoor:
        raise EstimationError.because(
            "E510",
            f"{query.measure} needs a set that satisfies the back-door criterion, and {naming(everything)} doesn't",
            why="what the treated would have been without treatment isn't what everyone would have been",
            fix=f"ask for ate({x}, {y})",
        )
    return found


def _chosen(
    query: Effect, world: World, verdict: Identified, covariates: Sequence[str] | None, *, unadjusted: bool
) -> Licence:
    x, y = query.treatment.variable, query.outcome.variable
    given = [t.variable for t in query.given]
    if verdict.derivation.strategy == "no effect":
        raise EstimationError.because(
            "E531",
            f"by the graph {x} doesn't affect {y}: there is nothing to estimate",
            fix=f"test what the graph says, independent({x}, {y} | …), or draw the arrow that you have in mind",
        )
    if covariates is not None:
        world.graph.require(covariates)
        latent = next((name for name in covariates if name in world.graph.latent), None)
        if latent is not None:
            raise ModelError.because("E203", f"{latent} is latent: data can't be adjusted for it")
        judged = check_adjustment(world.graph, [x], [y], [*covariates, *(g for g in given if g not in covariates)])
        if not judged.valid:
            raise EstimationError.because(
                "E532",
                f"adjusting for {naming(covariates)} doesn't give the effect of {x} on {y}",
                why=judged.reason,
                fix="take a method that adjusts, such as aipw, ipw or lin"
                if unadjusted
                else f"leave the covariates to the graph, or ask adjustment_sets({x}, {y})",
            )
        return Licence(verdict, tuple(sorted(dict.fromkeys(covariates), key=natural)))
    if not given and verdict.derivation.strategy in STRATIFIED:
        best = identify(world.graph, [x], [y], strategy="optimal")
        if isinstance(best, Identified):
            return Licence(best, best.derivation.covariates)
    if verdict.derivation.strategy in STRATIFIED:
        return Licence(verdict, verdict.derivation.covariates)
    raise EstimationError.because(
        "E531",
        f"no set of covariates gives the effect of {x} on {y}; it is identified {verdict.how}",
        why="an estimator of this kind compares rows that agree in covariates",
        fix="leave method out: the formula is evaluated as it stands",
    )
