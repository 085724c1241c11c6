"""Weighting as M-estimation: stacked equations, a general solver, derivatives by finite differences."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import root

Floats = NDArray[np.float64]


def scores(x: Floats, theta: Floats, arms: int) -> Floats:
    """Return P(arm | x), (n, arms), of a multinomial logit whose first arm has the parameters 0."""
    full = np.vstack([np.zeros(x.shape[1]), theta.reshape(arms - 1, -1)])
    raised = np.exp(x @ full.T)
    return raised / raised.sum(1, keepdims=True)


def tilt(kind: str, e: Floats, a: int, b: int) -> Floats:
    """Return h(x): whose average it is."""
    if kind == "overlap":
        return 1 / (1 / e).sum(1)
    return {"ate": np.ones(len(e)), "att": e[:, a], "atc": e[:, b]}[kind]


def equations(
    parameters: Floats,
    x: Floats,
    arm: NDArray[np.intp],
    y: Floats,
    a: int,
    b: int,
    kind: str,
    *,
    by_size: bool,
    known: Floats | None,
    kept: NDArray[np.bool_],
) -> Floats:
    """Return the (n, q) estimating functions: the logit's scores, then those of the two means."""
    arms = int(arm.max()) + 1
    d = 0 if known is not None else (arms - 1) * x.shape[1]
    theta, means = parameters[:d], parameters[d:]
    e = known if known is not None else scores(x, theta, arms)
    rows = []
    if known is None:
        rows = [((arm == k) - e[:, k])[:, None] * x for k in range(1, arms)]
    h = tilt(kind, e, a, b)
    for k, mean in zip((a, b), means, strict=True):
        weight = kept * (arm == k) * h / e[:, k]
        size = {"ate": np.ones(len(y)), "att": arm == a, "atc": arm == b}.get(kind)
        rows.append((weight * y - mean * kept * size if by_size else weight * (y - mean))[:, None])
    return np.hstack(rows)


def estimate(
    x: Floats,
    arm: NDArray[np.intp],
    y: Floats,
    a: int,
    b: int,
    kind: str,
    *,
    weight: Floats | None = None,
    weighting: str = "rows",
    by_size: bool = False,
    known: Floats | None = None,
    kept: NDArray[np.bool_] | None = None,
) -> tuple[float, float]:
    """Solve the stacked equations; return the difference of the two means and its sandwich standard error."""
    w = np.ones(len(y)) if weight is None else weight
    held = np.ones(len(y), dtype=bool) if kept is None else kept
    arms = int(arm.max()) + 1
    d = 0 if known is not None else (arms - 1) * x.shape[1]

    def each(parameters: Floats) -> Floats:
        return equations(parameters, x, arm, y, a, b, kind, by_size=by_size, known=known, kept=held)

    def mean(parameters: Floats) -> Floats:
        return w @ each(parameters) / w.sum()

    start = np.concatenate([np.zeros(d), [y.mean(), y.mean()]])
    found = root(mean, start, tol=1e-13)
    solution = found.x
    assert np.abs(mean(solution)).max() < 1e-9
    q = len(solution)
    bread = np.empty((q, q))
    for j in range(q):
        step = np.zeros(q)
        step[j] = 1e-5 * max(1, abs(solution[j]))
        bread[:, j] = (mean(solution + step) - mean(solution - step)) / (2 * step[j])
    rows = each(solution)
    meat = (rows * (w if weighting == "counts" else w**2)[:, None]).T @ rows / w.sum() ** 2
    inverse = np.linalg.inv(bread)
    cover = inverse @ meat @ inverse.T
    contrast = np.zeros(q)
    contrast[-2:] = 1, -1
    return float(contrast @ solution), sqrt(float(contrast @ cover @ contrast))
