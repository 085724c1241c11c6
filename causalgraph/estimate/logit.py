"""A multinomial logit by Newton's method on counts of arms by row or by cell, and what keeps it from existing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Logit", "SeparationError", "fit_logit", "independent_columns", "pivots"]

# Newton's steps are done once no linear predictor moves by more than this: what is left is about its square.
CLOSE = 1e-7
MOST_STEPS = 60
MOST_HALVINGS = 40
# Rows that are worked on at a time, few enough for a processor's cache.
BLOCK = 1 << 13
# Above so many rows Newton starts from the fit of every so-manyth row.
MANY, FEW = 200_000, 20_000
# A step separates the arms if it moves no row against its own by more than this share of the largest move.
AGAINST = 1e-3
# A step as large as this is on its way to infinity, if it separates the arms.
LARGE = 0.1
# Steps until when a fit that has a maximum is mostly near it: separation is looked for from then on.
FIRST_STEPS = 4
# Of a column in units of standard deviations the others leave less than this share of the variance unexplained.
COLLINEAR = 1e-9


class SeparationError(Exception):
    """The likelihood has no maximum: it grows along a direction without end.

    Attributes:
        direction: ``(K - 1, d)``, or None where Newton's steps just didn't end.
    """

    def __init__(self, direction: NDArray[np.float64] | None) -> None:
        """Keep the direction."""
        super().__init__("the arms are separated")
        self.direction = direction


@dataclass(frozen=True)
class Logit:
    """The maximum of Σ_i Σ_k N_ik log p_ik, with p_ik ∝ exp(x_i·θ_k) and θ_0 = 0.

    Attributes:
        parameters: ``(K - 1, d)``, θ.
        probability: ``(m, K)``, p.
        information: ``((K - 1) d, (K - 1) d)``, minus the Hessian over Σ N; blocks by arm.
    """

    parameters: NDArray[np.float64]
    probability: NDArray[np.float64]
    information: NDArray[np.float64]


def fit_logit(matrix: NDArray[np.float64], counts: NDArray[np.float64]) -> Logit:
    """Fit a multinomial logit (with two arms, the logistic regression) by Newton's method.

    Args:
        matrix: ``(m, d)``, of full column rank, the first column a constant.
        counts: ``(m, K)``, the weight of each arm in each row or cell; each arm has some.

    Raises:
        SeparationError: there is no maximum, since covariates predict an arm perfectly.

    Source: Albert and Anderson (1984), On the existence of maximum likelihood estimates in logistic regression models,
    Biometrika 71, doi:10.1093/biomet/71.1.1.

    >>> fit = fit_logit(np.array([[1.0, 0], [1, 1]]), np.array([[3.0, 1], [2, 2]]))
    >>> fit.probability.round(6).tolist()
    [[0.75, 0.25], [0.5, 0.5]]
    """
    arms = counts.sum(0)
    theta = np.zeros((len(arms) - 1, matrix.shape[1]))
    theta[:, 0] = np.log(arms[1:] / arms[0])
    if len(matrix) > MANY:
        theta = _started(matrix, counts, theta)
    scale = float(arms.sum())
    by_arm = np.ascontiguousarray(counts.T)
    linear = theta @ matrix.T
    likelihood, gradient, hessian, probability = _pass(matrix, by_arm, linear)
    for taken in range(MOST_STEPS):
        try:
            step = np.asarray(np.linalg.solve(hessian, gradient), dtype=float).reshape(theta.shape)
        except np.linalg.LinAlgError:
            raise SeparationError(None) from None
        move = step @ matrix.T
        largest = float(np.abs(move).max())
        if taken >= FIRST_STEPS and largest > LARGE and _separates(move, by_arm):
            raise SeparationError(step)
        share, before = 1.0, likelihood
        likelihood, gradient, hessian, probability = _pass(matrix, by_arm, linear + move)
        for _ in range(MOST_HALVINGS):
            if likelihood >= before - 1e-10 * scale:
                break
            share /= 2
            likelihood, gradient, hessian, probability = _pass(matrix, by_arm, linear + share * move)
        theta += share * step
        linear += share * move
        if largest < CLOSE:
            return Logit(theta, probability.T, hessian / scale)
    raise SeparationError(None)


def _started(
    matrix: NDArray[np.float64], counts: NDArray[np.float64], theta: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the parameters of some of the rows, or those that were given where these tell too little."""
    every = len(matrix) // FEW
    some = counts[::every]
    if some.sum(0).min() <= 0:
        return theta
    try:
        return fit_logit(np.ascontiguousarray(matrix[::every]), some).parameters
    except SeparationError:
        return theta


def _pass(
    matrix: NDArray[np.float64], counts: NDArray[np.float64], linear: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return log-likelihood, its gradient, minus its Hessian, and the probabilities, block of rows by block.

    Counts ``(K, m)``, linear predictors ``(K - 1, m)`` and probabilities ``(K, m)`` lie arm by arm, since a processor
    adds long rows faster than many short ones.
    """
    m, d = matrix.shape
    free = len(linear)
    likelihood = 0.0
    gradient, hessian = np.zeros((free, d)), np.zeros((free, d, free, d))
    probability = np.empty((free + 1, m))
    for first in range(0, m, BLOCK):
        rows = slice(first, first + BLOCK)
        x, n, eta, p = matrix[rows], counts[:, rows], linear[:, rows], probability[:, rows]
        top = np.maximum(eta.max(0), 0)
        np.exp(-top, out=p[0])
        np.exp(eta - top, out=p[1:])
        sums = p.sum(0)
        p /= sums
        total = n.sum(0)
        likelihood += float(np.vdot(n[1:], eta) - total @ (top + np.log(sums)))
        gradient += (n[1:] - total * p[1:]) @ x
        for j in range(free):
            for k in range(j, free):
                # p (1 - p) as p times what the other arms have, which loses no digits near 1.
                weight = total * p[j + 1] * (-p[k + 1] if k > j else p[: j + 1].sum(0) + p[j + 2 :].sum(0))
                hessian[j, :, k, :] += (x * weight[:, None]).T @ x
    for j in range(free):
        for k in range(j):
            hessian[j, :, k, :] = hessian[k, :, j, :].T
    return likelihood, gradient.ravel(), hessian.reshape(free * d, free * d), probability


def _separates(move: NDArray[np.float64], counts: NDArray[np.float64]) -> bool:
    """Whether a move of the linear predictors raises each row's own arm as much as any other."""
    full = np.vstack([np.zeros(move.shape[1]), move])
    held = counts.sum(0) > 0
    worst = np.where(counts > 0, full, np.inf).min(0)[held]
    spread = full.max(0)[held]
    return bool((worst >= spread - AGAINST * np.abs(move).max()).all())


def independent_columns(matrix: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[list[int], list[int]]:
    """Return the places of columns that a constant and earlier columns don't determine, and those of constant ones.

    Args:
        matrix: ``(m, p)``, without a constant.
        weight: ``(m,)``, of each row.

    >>> independent_columns(np.array([[1.0, 2, 5, 1], [2, 4, 5, 0], [4, 8, 5, 0]]), np.ones(3))
    ([0, 3], [2])
    """
    total = weight.sum()
    centred = matrix - (weight @ matrix) / total
    spread = np.sqrt((weight @ centred**2) / total)
    size = np.abs(matrix).max(0) if len(matrix) else np.zeros(matrix.shape[1])
    constant = [j for j in range(matrix.shape[1]) if spread[j] <= 1e-12 * max(size[j], 1e-300)]
    varying = [j for j in range(matrix.shape[1]) if j not in constant]
    centred, spread = centred[:, varying], spread[varying]
    gram = (centred * weight[:, None]).T @ centred / total / np.outer(spread, spread)
    return [varying[j] for j in pivots(gram)], constant


def pivots(gram: NDArray[np.float64], scale: float = 1.0) -> list[int]:
    """Return the columns that aren't combinations of those before, from their products ``(p, p)``.

    Args:
        gram: the products.
        scale: that of a column with itself, of which `COLLINEAR` is a share.
    """
    left = gram.copy()
    kept = []
    for j in range(len(gram)):
        if left[j, j] > COLLINEAR * scale:
            kept.append(j)
            left -= np.outer(left[:, j], left[j]) / left[j, j]
    return kept
