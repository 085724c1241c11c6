"""Likelihoods written down by scipy.stats, and their maximum by a search that knows no slope."""

import numpy as np
from scipy import optimize, stats


def largest(log_likelihood, start):
    """Return parameters and standard errors: Nelder-Mead, again and again; the Hessian by central differences."""

    def negative(t):
        with np.errstate(all="ignore"):
            value = -log_likelihood(t)
        return value if np.isfinite(value) else 1e12

    at = np.asarray(start, dtype=float)
    for _ in range(4):
        at = optimize.minimize(
            negative, at, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-11, "maxiter": 20000}
        ).x
    k, step = len(at), 1e-4 * np.maximum(1e-2, np.abs(at))
    hessian = np.empty((k, k))
    for i in range(k):
        for j in range(k):
            one, other = np.zeros(k), np.zeros(k)
            one[i], other[j] = step[i], step[j]
            signs = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))
            hessian[i, j] = sum(s * negative(at + a * one + b * other) for a, b, s in signs) / (4 * step[i] * step[j])
    return at, np.sqrt(np.diag(np.linalg.inv(hessian)))


LIKELIHOODS = {
    "Normal": lambda d, t: stats.norm(t[0] + t[1] * d["X"], t[2]).logpdf(d["Y"]).sum(),
    "Bernoulli": lambda d, t: stats.bernoulli(1 / (1 + np.exp(-t[0] - t[1] * d["X"]))).logpmf(d["Y"]).sum(),
    "Poisson": lambda d, t: stats.poisson(np.exp(t[0] + t[1] * d["X"])).logpmf(d["Y"]).sum(),
    "Exponential": lambda d, t: stats.expon(scale=np.exp(t[0] + t[1] * d["X"])).logpdf(d["Y"]).sum(),
    "LogNormal": lambda d, t: stats.lognorm(t[2], scale=np.exp(t[0] + t[1] * d["X"])).logpdf(d["Y"]).sum(),
    "Gamma": lambda d, t: stats.gamma(t[2], scale=np.exp(t[0] + t[1] * d["X"])).logpdf(d["Y"]).sum(),
    "StudentT": lambda d, t: stats.t(t[3], loc=t[0] + t[1] * d["X"], scale=t[2]).logpdf(d["Y"]).sum(),
    "Beta": lambda d, t: stats.beta(*_shapes(d, t)).logpdf(d["Y"]).sum(),
    "exp": lambda d, t: (stats.norm(t[0] + t[1] * d["X"], t[2]).logpdf(np.log(d["Y"])) - np.log(d["Y"])).sum(),
    "scaled": lambda d, t: stats.norm(t[0] + t[1] * d["X"], t[2] * np.exp(t[3] * d["X"])).logpdf(d["Y"]).sum(),
}


def _shapes(d, t):
    mean = 1 / (1 + np.exp(-t[0] - t[1] * d["X"]))
    return mean * t[2], (1 - mean) * t[2]


def draw(form, n, seed):
    """Return data of one form, and the parameters that they come from."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    eta = 0.4 + 0.5 * x
    match form:
        case "Normal":
            return {"X": x, "Y": rng.normal(eta, 1.5)}, (0.4, 0.5, 1.5)
        case "Bernoulli":
            return {"X": x, "Y": (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int)}, (0.4, 0.5)
        case "Poisson":
            return {"X": x, "Y": rng.poisson(np.exp(eta))}, (0.4, 0.5)
        case "Exponential":
            return {"X": x, "Y": rng.exponential(np.exp(eta))}, (0.4, 0.5)
        case "LogNormal" | "exp":
            return {"X": x, "Y": np.exp(rng.normal(eta, 0.7))}, (0.4, 0.5, 0.7)
        case "Gamma":
            return {"X": x, "Y": rng.gamma(2.5, np.exp(eta))}, (0.4, 0.5, 2.5)
        case "StudentT":
            return {"X": x, "Y": eta + 1.2 * rng.standard_t(4, n)}, (0.4, 0.5, 1.2, 4.0)
        case "Beta":
            a, b = _shapes({"X": x}, (0.4, 0.5, 6.0))
            return {"X": x, "Y": rng.beta(a, b)}, (0.4, 0.5, 6.0)
        case "scaled":
            return {"X": x, "Y": rng.normal(eta, 1.5 * np.exp(0.3 * x))}, (0.4, 0.5, 1.5, 0.3)
        case _:
            raise KeyError(form)
