"""Doubly robust estimators as systems of estimating equations, written out and differentiated numerically.

Each function below gives the ``(n, k)`` estimating functions of all parameters together, as they stand in the papers.
`solved` finds their root from a start near it, and the error from the sandwich A⁻¹ B A⁻ᵀ / n, where A is
differentiated by central differences. It shares nothing with the package.
"""

import numpy as np
from scipy.optimize import root


def expit(x):
    return 1 / (1 + np.exp(-x))


def logit(p):
    return np.log(p / (1 - p))


def solved(functions, start, weight, counts=False, clusters=None):
    """Return the last parameter and its standard error."""
    size = weight.sum()

    def mean(theta):
        return weight @ functions(theta) / size

    found = root(mean, start, tol=1e-12)
    theta = found.x
    for _ in range(3):
        theta = theta - np.linalg.solve(_slopes(mean, theta), mean(theta))
    assert np.abs(mean(theta)).max() < 1e-9
    slopes = _slopes(mean, theta)
    influence = -functions(theta) @ np.linalg.inv(slopes).T[:, -1]
    if clusters is not None:
        sums = np.array([(weight * influence)[clusters == c].sum() for c in np.unique(clusters)])
        many = len(sums)
        return theta[-1], np.sqrt((sums**2).sum() * many / (many - 1)) / size
    if counts:
        return theta[-1], np.sqrt((weight * influence**2).sum()) / size
    return theta[-1], np.sqrt(((weight * influence) ** 2).sum()) / size


def _slopes(mean, theta):
    columns = []
    for j in range(len(theta)):
        step = np.zeros(len(theta))
        step[j] = 1e-5 * max(1, abs(theta[j]))
        columns.append((mean(theta + step) - mean(theta - step)) / (2 * step[j]))
    return np.column_stack(columns)


def _least_squares(z, y, w):
    root_w = np.sqrt(w)
    return np.linalg.lstsq(z * root_w[:, None], y * root_w, rcond=None)[0]


def _fitted_logit(z, y, w):
    beta = np.zeros(z.shape[1])
    for _ in range(50):
        p = expit(z @ beta)
        beta = beta + np.linalg.solve(z.T @ (z * (w * p * (1 - p))[:, None]), z.T @ (w * (y - p)))
    return beta


def _model(binary):
    return (expit, _fitted_logit) if binary else ((lambda x: x), _least_squares)


def regression(z, t, y, w, population, binary=False, interactions=True, **errors):
    """G-computation: the outcome's score equations, then the average of predictions."""
    mean, fit = _model(binary)
    k = z.shape[1]
    inside = {"ate": np.ones(len(y)), "att": t, "atc": 1 - t}[population]
    if not interactions:
        own = np.column_stack([z, t])
        with_one, with_none = np.column_stack([z, np.ones(len(y))]), np.column_stack([z, np.zeros(len(y))])

        def together(theta):
            beta = theta[:-1]
            difference = mean(with_one @ beta) - mean(with_none @ beta)
            return np.column_stack([own * (y - mean(own @ beta))[:, None], inside * (difference - theta[-1])])

        beta = fit(own, y, w)
        start = np.average(mean(with_one @ beta) - mean(with_none @ beta), weights=w * inside)
        return solved(together, [*beta, start], w, **errors)

    def apart(theta):
        one, none = theta[:k], theta[k : 2 * k]
        return np.column_stack(
            [
                z * (t * (y - mean(z @ one)))[:, None],
                z * ((1 - t) * (y - mean(z @ none)))[:, None],
                inside * (mean(z @ one) - mean(z @ none) - theta[-1]),
            ]
        )

    one, none = fit(z, y, w * t), fit(z, y, w * (1 - t))
    start = np.average(mean(z @ one) - mean(z @ none), weights=w * inside)
    return solved(apart, [*one, *none, start], w, **errors)


def aipw(z, t, y, w, population, binary=False, **errors):
    """The scores of both models, then the doubly robust average."""
    mean, fit = _model(binary)
    k = z.shape[1]

    def terms(one, none, gamma):
        m1, m0, e = mean(z @ one), mean(z @ none), expit(z @ gamma)
        if population == "ate":
            return m1 - m0 + t * (y - m1) / e - (1 - t) * (y - m0) / (1 - e), np.ones(len(y))
        if population == "att":
            return t * (y - m0) - (1 - t) * e / (1 - e) * (y - m0), t
        return t * (1 - e) / e * (y - m1) - (1 - t) * (y - m1), 1 - t

    def functions(theta):
        one, none, gamma, tau = theta[:k], theta[k : 2 * k], theta[2 * k : 3 * k], theta[-1]
        value, inside = terms(one, none, gamma)
        return np.column_stack(
            [
                z * (t * (y - mean(z @ one)))[:, None],
                z * ((1 - t) * (y - mean(z @ none)))[:, None],
                z * (t - expit(z @ gamma))[:, None],
                value - inside * tau,
            ]
        )

    nuisances = fit(z, y, w * t), fit(z, y, w * (1 - t)), _fitted_logit(z, t, w)
    value, inside = terms(*nuisances)
    return solved(functions, [*np.concatenate(nuisances), (w @ value) / (w @ inside)], w, **errors)


def tmle(z, t, y, w, population, binary=False, **errors):
    """As AIPW, with the two fluctuations as parameters; predictions of a linear model are held within the range."""
    mean, fit = _model(binary)
    k = z.shape[1]
    low, high = y.min(), y.max()
    scaled = (y - low) / (high - low)

    def tilted(beta, epsilon):
        first = np.clip((mean(z @ beta) - low) / (high - low), 5e-4, 1 - 5e-4)
        return expit(logit(first) + epsilon)

    def weights(gamma):
        e = expit(z @ gamma)
        return {
            "ate": (t / e, (1 - t) / (1 - e)),
            "att": (t, (1 - t) * e / (1 - e)),
            "atc": (t * (1 - e) / e, 1 - t),
        }[population]

    def functions(theta):
        one, none, gamma = theta[:k], theta[k : 2 * k], theta[2 * k : 3 * k]
        q1, q0 = tilted(one, theta[-3]), tilted(none, theta[-2])
        h1, h0 = weights(gamma)
        inside = {"ate": np.ones(len(y)), "att": t, "atc": 1 - t}[population]
        gap = {"ate": q1 - q0, "att": scaled - q0, "atc": q1 - scaled}[population]
        return np.column_stack(
            [
                z * (t * (y - mean(z @ one)))[:, None],
                z * ((1 - t) * (y - mean(z @ none)))[:, None],
                z * (t - expit(z @ gamma))[:, None],
                h1 * (scaled - q1),
                h0 * (scaled - q0),
                inside * ((high - low) * gap - theta[-1]),
            ]
        )

    nuisances = np.concatenate([fit(z, y, w * t), fit(z, y, w * (1 - t)), _fitted_logit(z, t, w)])
    start = np.average(y[t == 1], weights=w[t == 1]) - np.average(y[t == 0], weights=w[t == 0])
    return solved(functions, [*nuisances, 0.0, 0.0, start], w, **errors)
