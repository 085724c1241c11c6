"""The table of estimators: one new estimator, one new file and one row."""

from __future__ import annotations

from collections.abc import Mapping

from causalgraph.estimate.base import Estimator
from causalgraph.estimate.coarsened import coarsened
from causalgraph.estimate.doubly import aipw
from causalgraph.estimate.matching import matching
from causalgraph.estimate.regression import regression
from causalgraph.estimate.stratified import stratified
from causalgraph.estimate.tmle import tmle
from causalgraph.estimate.trial import difference, lin
from causalgraph.estimate.weighting import ipw

__all__ = ["ESTIMATORS"]

DOUBLY_ROBUST = (
    "cross_fit",
    "learner",
    "score_learner",
    "interactions",
    "squares",
    "model",
    "clip",
    "propensity",
    "folds",
    "errors",
)

# The name that `method` takes -> the estimator.
ESTIMATORS: Mapping[str, Estimator] = {
    "difference": Estimator(
        difference,
        "difference in means",
        options=("permutations", "within"),
        columns=("within",),
        two_arms=True,
        unadjusted=True,
    ),
    "lin": Estimator(lin, "regression within arms (Lin)", options=("hc", "inference")),
    "stratified": Estimator(stratified, "post-stratification", options=("inference",)),
    "matching": Estimator(
        matching,
        "matching",
        options=(
            "distance",
            "neighbours",
            "replace",
            "caliper",
            "bias_correction",
            "propensity",
            "scale",
            "exact",
            "pairs",
            "error_neighbours",
        ),
        columns=("propensity",),
    ),
    "cem": Estimator(coarsened, "coarsened exact matching", options=("bins", "bias_correction", "error_neighbours")),
    "ipw": Estimator(
        ipw, "inverse probability weighting", options=("weights", "trim", "propensity"), columns=("propensity",)
    ),
    "regression": Estimator(
        regression, "outcome regression (g-computation)", options=("interactions", "squares", "model", "errors")
    ),
    "aipw": Estimator(
        aipw,
        "augmented inverse probability weighting",
        options=DOUBLY_ROBUST,
        columns=("propensity", "folds"),
    ),
    "tmle": Estimator(tmle, "targeted maximum likelihood", options=DOUBLY_ROBUST, columns=("propensity", "folds")),
}
