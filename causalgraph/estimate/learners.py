"""Learners: how an outcome or a treatment is predicted out of fold, by a name or by an object with ``fit``."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from importlib import import_module
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

import numpy as np

from causalgraph.errors import EstimationError, did_you_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LEARNERS", "learned", "make"]

# Name -> class for numbers, class for 0 and 1, settings; all from sklearn.ensemble. "linear" is the package's own.
LEARNERS: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    "boosting": (
        "HistGradientBoostingRegressor",
        "HistGradientBoostingClassifier",
        {"learning_rate": 0.05, "max_iter": 150, "min_samples_leaf": 20, "max_leaf_nodes": 15},
    ),
    "forest": ("RandomForestRegressor", "RandomForestClassifier", {"n_estimators": 200, "min_samples_leaf": 10}),
}


def make(learner: object, *, binary: bool, seed: int) -> Any:
    """Return a fresh learner, unfitted.

    Args:
        learner: a name in `LEARNERS`, or an object with ``fit`` and ``predict`` or ``predict_proba``, which is copied.
        binary: whether it predicts 0 and 1.
        seed: of a named learner.

    Raises:
        EstimationError: there is no such learner, the object can't learn, or scikit-learn is missing (E589).
    """
    if not isinstance(learner, str):
        if not hasattr(learner, "fit") or not (hasattr(learner, "predict") or hasattr(learner, "predict_proba")):
            raise EstimationError.because(
                "E589",
                f"{type(learner).__name__} isn't a learner",
                why="a learner has fit(X, y), and predict(X) or predict_proba(X)",
                fix=f"name one of linear, {', '.join(LEARNERS)}, or give such an object",
            )
        return deepcopy(learner)
    if learner not in LEARNERS:
        near = did_you_mean(learner, ["linear", *LEARNERS])
        raise EstimationError.because(
            "E589",
            f"there is no learner {learner}",
            fix=f"did you mean {near}?" if near else f"name one of linear, {', '.join(LEARNERS)}",
        )
    number, level, settings = LEARNERS[learner]
    try:
        ensemble = import_module("sklearn.ensemble")
    except ImportError:
        raise EstimationError.because(
            "E589", f"the learner {learner} needs scikit-learn, which isn't installed", fix="pip install scikit-learn"
        ) from None
    return getattr(ensemble, level if binary else number)(random_state=seed, **settings)


def learned(
    learner: Any,
    matrix: NDArray[np.float64],
    y: NDArray[np.float64],
    weight: NDArray[np.float64],
    at: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Fit a fresh learner and predict: P(y = 1) where it gives probabilities, else what ``predict`` gives.

    Args:
        learner: from `make`.
        matrix: ``(n, p)``, covariates.
        y: ``(n,)``.
        weight: ``(n,)``; handed over unless all are equal.
        at: ``(k, p)``, where to predict.

    Raises:
        EstimationError: rows have weights that the learner can't take, or a prediction isn't a number (E589).
    """
    if np.ptp(weight) > 0:
        takes = signature(learner.fit).parameters
        if "sample_weight" not in takes and all(p.kind is not Parameter.VAR_KEYWORD for p in takes.values()):
            raise EstimationError.because(
                "E589",
                f"rows have weights, and {type(learner).__name__} takes none",
                fix="choose a learner whose fit takes sample_weight",
            )
        learner.fit(matrix, y, sample_weight=weight)
    else:
        learner.fit(matrix, y)
    predicted = np.asarray(_ones(learner, at) if hasattr(learner, "predict_proba") else learner.predict(at), float)
    if predicted.shape != (len(at),) or not np.isfinite(predicted).all():
        raise EstimationError.because(
            "E589",
            f"{type(learner).__name__} doesn't predict one number for each row",
            fix="look at what its predict or predict_proba returns",
        )
    return predicted


def _ones(learner: Any, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of the class 1, which may be missing among the rows that it was fitted to."""
    probability = np.asarray(learner.predict_proba(at), dtype=float)
    place = [float(c) for c in learner.classes_].index(1.0) if 1.0 in learner.classes_ else None
    return np.zeros(len(at)) if place is None else probability[:, place]
