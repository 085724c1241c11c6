"""A formula over discrete variables, evaluated on counts, with standard errors by its gradient over the cells.

One pass backwards over the record of what was computed gives the derivative of a number by the weight of every cell and
by every sum of an outcome, from which its standard error follows (the delta method).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Literal

import numpy as np

from causalgraph.data.counts import Counts
from causalgraph.errors import EstimationError
from causalgraph.evaluate.contraction import MOST_CELLS, Array, Record
from causalgraph.formula.nodes import Value
from causalgraph.variables import Variable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sympy import Expr

__all__ = ["MOST_CELLS", "Evaluated", "clusters_of", "covariance", "evaluate"]

# Derivatives that are kept for joint intervals.
MOST_SCORES = 5_000_000
# A table of more rows isn't an answer that anyone reads; each row's error costs one pass over the formula.
MOST_ROWS = 2_000


@dataclass(frozen=True)
class Evaluated:
    """A formula's value for each combination of its free values.

    Attributes:
        axes: the free values, one an axis.
        levels: the levels along each axis.
        values: the numbers; where `valid` is false they mean nothing.
        valid: is the value one that the data determine?
        errors: standard errors, shaped like `values`; NaN where the data are an exact distribution.
        scores: the derivatives of the ``r`` values in order, by the cells' weights ``(r, k)`` and sums ``(r, k, m)``,
            where they were asked for.
    """

    axes: tuple[Value, ...]
    levels: tuple[tuple[str, ...], ...]
    values: Array
    valid: NDArray[np.bool_]
    errors: NDArray[np.float64]
    scores: tuple[Array, Array] | None = None


@np.errstate(over="ignore", invalid="ignore")  # what floats can't hold is marked as not determined
def evaluate(
    formula: Expr,
    counts: Counts,
    variables: Mapping[str, Variable],
    errors: Literal["none", "each", "joint"] = "each",
) -> Evaluated:
    """Evaluate a formula of `P`, `E`, sums, products and numbers on counts, with standard errors.

    The standard error of f is the square root of Σ_i w_i² (∂f/∂W_c + Σ_j y_ij ∂f/∂S_cj)² over the rows i, each in its
    cell c with weight w_i and outcomes y_i. Since f doesn't change when all weights are scaled alike, these terms have
    mean zero. For rows and counts this is the delta method on multinomial cells, for survey weights the linearised
    variance.

    Args:
        formula: in the variables of ``counts``; its free values become the axes of the answer.
        counts: the cells, and the sums of the outcomes that stand in an `E`.
        variables: the declared variables, which name levels.
        errors: ``none`` computes values alone, ``each`` a standard error for each, ``joint`` keeps the derivatives as
            well, unless there are too many.

    Raises:
        ModelError: a level that a variable doesn't have (E204).
        EstimationError: the table would be too large (E503).
    """
    record = Record(counts, variables)
    out = record.build(formula)
    valid = out.known & np.isfinite(out.data)
    if errors != "none":
        require_few(out.data.shape)
    levels = tuple(counts.levels[counts.axis(v.variable)] for v in out.axes)
    found = Evaluated(out.axes, levels, out.data, valid, np.full(out.data.shape, np.nan))
    if errors == "none" or counts.weighting == "exact":
        return found
    scores: list[tuple[Array, Array]] = []
    for place in np.ndindex(out.data.shape):
        if valid[place]:
            g, h = record.derivative(out, place)
            found.errors[place] = np.sqrt(max(float(covariance(g[None], h[None], counts)[0, 0]), 0.0))
        if errors == "joint" and out.data.size * len(counts.weight) <= MOST_SCORES:
            scores.append((g, h) if valid[place] else (0 * counts.weight, 0 * counts.sums))
    return scored(found, scores)


def clusters_of(counts: Counts) -> int | None:
    """Return how many clusters have cells; None where rows are independent."""
    return None if counts.clusters is None else int(np.count_nonzero(np.bincount(counts.clusters)))


def require_clusters(several: int) -> int:
    """Return how many clusters there are, which must be more than one.

    Raises:
        EstimationError: there is only one (E515).
    """
    if several < len("ab"):
        raise EstimationError.because(
            "E515", "all rows are of one cluster", why="how far clusters differ can't be seen in one", fix="name none"
        )
    return several


def scored(found: Evaluated, scores: list[tuple[Array, Array]]) -> Evaluated:
    """Return the numbers with their derivatives, where these were kept."""
    if not scores:
        return found
    return replace(found, scores=(np.stack([g for g, _ in scores]), np.stack([h for _, h in scores])))


def require_few(shape: tuple[int, ...]) -> None:
    """Make sure that a table isn't one that nobody reads.

    Raises:
        EstimationError: it has too many rows (E503).
    """
    if prod(shape) > MOST_ROWS:
        raise EstimationError.because(
            "E503",
            f"the answer would be a table of {prod(shape):,} rows, over the limit of {MOST_ROWS:,}",
            fix="hold some of its variables at a level",
        )


def covariance(g: Array, h: Array, counts: Counts) -> NDArray[np.float64]:
    """Return the covariance of ``r`` numbers from their derivatives by weights ``(r, k)`` and sums ``(r, k, m)``.

    With clusters, the rows of one may depend on each other in any way: the scores are added up within each of the ``G``
    clusters, and the sum of their products is multiplied by G/(G - 1).

    Raises:
        EstimationError: there is only one cluster (E515).

    Source: K.-Y. Liang, S. Zeger, "Longitudinal data analysis using generalized linear models", Biometrika 73 (1986)
    13-22, doi:10.1093/biomet/73.1.13.
    """
    if counts.clusters is None:
        cross = np.einsum("ak,bki,ki->ab", g, h, counts.squared_sums)
        own = np.einsum("aki,kij,bkj->ab", h, counts.spread, h)
        return np.real((g * counts.squared) @ g.T + cross + cross.T + own)
    several = require_clusters(clusters_of(counts) or 0)
    scores = np.real(g * counts.weight + np.einsum("aki,ki->ak", h, counts.sums))
    by_cluster = np.stack([np.bincount(counts.clusters, weights=score) for score in scores])
    return np.asarray(by_cluster @ by_cluster.T * (several / (several - 1)))
