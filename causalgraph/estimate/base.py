"""What an estimator is: a function of a sample, a target and options; and errors from its influence function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from causalgraph.estimate.sample import Sample
from causalgraph.evaluate.table import require_clusters

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Estimator", "Population", "Result", "Target", "error_of", "population_of"]

# Whose average it is: everyone's, that of the treated, that of the others, or of those whose treatment was in doubt.
Population = Literal["ate", "att", "atc"]


@dataclass(frozen=True)
class Target:
    """Two arms, by their places in `Sample.arms`, and the population over which they are compared."""

    level: int
    against: int
    population: Population = "ate"


@dataclass(frozen=True)
class Result:
    """An estimate of E(Y[level] - Y[against]) over a population.

    Attributes:
        value: in units of the outcome.
        influence: ``(n,)``, ψ with value - truth ≈ Σ w ψ / Σ w; None where the method has its own `error`.
        error: the standard error, where it doesn't come from `influence`.
        df: degrees of freedom of Student's t; None for the normal, or, of clusters, one a cluster less one.
        diagnostics: what an expert looks at, JSON-ready: numbers, texts, lists and tables of them.
        notes: what was taken for granted.
        warnings: what speaks against the number, each with its code (``W520: …``).
    """

    value: float
    influence: NDArray[np.float64] | None = None
    error: float | None = None
    df: float | None = None
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Estimator:
    """A row of the table of estimators.

    Attributes:
        run: the estimator; keyword arguments are its options.
        about: what it is called in an answer.
        populations: those that it can average over.
        options: the names of its options.
        columns: options that name a column of the data, which `run` gets as an array in `Sample.columns`.
        two_arms: whether it sees only the rows of the two arms. Otherwise everyone's effect is averaged over the rows
            of all arms, those of others included; that of the treated, or of the others, never needs these.
        unadjusted: whether it compares arms as they are, which the graph must allow without any covariate.
    """

    run: Callable[..., Result]
    about: str
    populations: tuple[Population, ...] = ("ate", "att", "atc")
    options: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    two_arms: bool = False
    unadjusted: bool = False


def population_of(sample: Sample, target: Target) -> NDArray[np.bool_]:
    """Say which rows ``(n,)`` belong to the population that is averaged over."""
    if target.population == "ate":
        return np.ones(sample.n, dtype=bool)
    inside: NDArray[np.bool_] = sample.arm == (target.level if target.population == "att" else target.against)
    return inside


def error_of(influence: NDArray[np.float64], sample: Sample) -> float:
    """Return the standard error that an influence function gives: sqrt(Σ (w ψ)²) / Σ w.

    Of counts a row of weight w is w rows: sqrt(Σ w ψ²) / Σ w. Of clusters the sums of w ψ are squared, times
    G / (G - 1).

    Args:
        influence: ``(n,)``, with mean 0 by the weights.
        sample: whose rows they are.

    Raises:
        EstimationError: fewer than two clusters (E515).

    >>> rows = Sample("X", ("0", "1"), np.array([0, 1]), "Y", np.zeros(2), (), np.empty((2, 0)), (), np.ones(2))
    >>> round(error_of(np.array([-1.0, 1.0]), rows), 4)
    0.7071
    """
    total = float(sample.weight.sum())
    scores = sample.weight * influence
    if sample.clusters is not None:
        groups, where = np.unique(sample.clusters, return_inverse=True)
        several = require_clusters(len(groups))
        by_group = np.bincount(where, weights=scores)
        return sqrt(float(by_group @ by_group) * several / (several - 1)) / total
    squares = float(scores @ influence) if sample.weighting == "counts" else float(scores @ scores)
    return sqrt(squares) / total
