"""The distributions of structural equations. `DISTRIBUTIONS` is the table of them.

A draw is the inverse distribution function of a uniform number. Two worlds that share the number are coupled by it,
which is what a counterfactual of noise that isn't additive depends on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

__all__ = ["DISTRIBUTIONS", "Distribution", "Limit", "Scale"]

Floats = NDArray[np.float64]
# What a parameter may be: any number, above 0, from 0 to 1, above the parameter before it.
Limit = Literal["any", "positive", "share", "higher"]
# Shapes broadcast: an argument is an array or a number.
Function = Callable[..., Any]


@dataclass(frozen=True)
class Scale:
    """A draw as standard noise moved and stretched by the parameters, which keeps far tails that a share would round.

    Attributes:
        standard: of uniform numbers ``(n,)`` and the parameters: standard noise ``(n,)``.
        draw: of standard noise and the parameters: the draws.
        noise: of draws and the parameters: the standard noise.
        moved: the parameters that add to a draw: a draw of which only these change has additive noise.
        shapes: how many parameters, the first ones, the standard noise itself depends on.
    """

    standard: Function
    draw: Function
    noise: Function
    moved: tuple[str, ...] = ()
    shapes: int = 0


@dataclass(frozen=True)
class Distribution:
    """A distribution with its parameters, in the order in which a call names them.

    Attributes:
        parameters: their names.
        limits: what each may be.
        quantile: of uniform numbers ``(n,)`` and the parameters: the draws ``(n,)``.
        log_density: of values ``(n,)`` and the parameters: the log of the density, or of the probability, in nats.
        mean: of the parameters.
        share_below: of values ``(n,)`` and the parameters: the distribution function.
        scale: what turns standard noise into draws, and back; None where the noise is a uniform number.
        kind: what a variable of this distribution is.
        defaults: of the last parameters, which a call may leave out.
    """

    parameters: tuple[str, ...]
    limits: tuple[Limit, ...]
    quantile: Function
    log_density: Function
    mean: Function
    share_below: Function
    scale: Scale | None = None
    kind: Literal["binary", "count", "continuous"] = "continuous"
    defaults: tuple[float, ...] = ()


def _normal(x: Floats, mean: Floats, sd: Floats) -> Floats:
    z = (x - mean) / sd
    return np.asarray(-0.5 * z * z - np.log(sd) - 0.5 * np.log(2 * np.pi))


def _inside(inside: NDArray[np.bool_], value: Floats) -> Floats:
    """Return the log density where there is one, and minus infinity elsewhere."""
    return np.where(inside, value, -np.inf)


def _log_normal(x: Floats, mean: Floats, sd: Floats) -> Floats:
    logs = np.log(np.where(x > 0, x, 1.0))
    return _inside(x > 0, _normal(logs, mean, sd) - logs)


def _exponential(x: Floats, scale: Floats) -> Floats:
    return _inside(x >= 0, -x / scale - np.log(scale))


def _uniform(x: Floats, low: Floats, high: Floats) -> Floats:
    return _inside((x >= low) & (x <= high), -np.log(high - low) + 0 * x)


def _beta(x: Floats, a: Floats, b: Floats) -> Floats:
    inside = (x >= 0) & (x <= 1)
    y = np.where(inside, x, 0.5)
    return _inside(inside, special.xlogy(a - 1, y) + special.xlog1py(b - 1, -y) - special.betaln(a, b))


def _gamma(x: Floats, shape: Floats, scale: Floats) -> Floats:
    y = np.where(x >= 0, x, 1.0) / scale
    return _inside(x >= 0, special.xlogy(shape - 1, y) - y - special.gammaln(shape) - np.log(scale))


def _student(x: Floats, df: Floats, location: Floats, scale: Floats) -> Floats:
    z = (x - location) / scale
    half = (df + 1) / 2
    constant = special.gammaln(half) - special.gammaln(df / 2) - 0.5 * np.log(df * np.pi) - np.log(scale)
    return np.asarray(constant - half * np.log1p(z * z / df))


def _bernoulli(x: Floats, p: Floats) -> Floats:
    share = np.where(x == 1, p, np.where(x == 0, 1 - p, 0.0))
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(share))


def _poisson(x: Floats, rate: Floats) -> Floats:
    inside = (x >= 0) & (x == np.floor(x))
    k = np.where(inside, x, 0.0)
    return _inside(inside, special.xlogy(k, rate) - rate - special.gammaln(k + 1))


def _poisson_draws(u: Floats, rate: Floats) -> Floats:
    """Return the smallest k whose distribution function reaches u."""
    guess = np.ceil(special.pdtrik(u, rate))
    guess = np.where(np.isfinite(guess), np.maximum(guess, 0), 0)
    lower = np.maximum(guess - 1, 0)
    # The root is found by iteration, so that the whole number below may already reach u.
    return np.where(special.pdtr(lower, rate) >= u, lower, guess)


_PLAIN = Scale(lambda u, _m, _s: special.ndtri(u), lambda z, m, s: m + s * z, lambda x, m, s: (x - m) / s, ("mean",))
_LOGGED = Scale(
    lambda u, _m, _s: special.ndtri(u), lambda z, m, s: np.exp(m + s * z), lambda x, m, s: (np.log(x) - m) / s
)
_STRETCHED = Scale(lambda u, _s: -np.log1p(-u), lambda z, s: s * z, lambda x, s: x / s)
_STUDENT = Scale(
    lambda u, df, _m, _s: special.stdtrit(df, u),
    lambda z, _df, m, s: m + s * z,
    lambda x, _df, m, s: (x - m) / s,
    ("location",),
    shapes=1,
)

DISTRIBUTIONS: Mapping[str, Distribution] = {
    "Normal": Distribution(
        ("mean", "sd"),
        ("any", "positive"),
        lambda u, m, s: m + s * special.ndtri(u),
        _normal,
        lambda m, _s: m,
        lambda x, m, s: special.ndtr((x - m) / s),
        _PLAIN,
    ),
    "Bernoulli": Distribution(
        ("p",),
        ("share",),
        lambda u, p: (u >= 1 - p).astype(float),
        _bernoulli,
        lambda p: p,
        lambda x, p: np.where(x < 0, 0.0, np.where(x < 1, 1 - p, 1.0)),
        kind="binary",
    ),
    "Poisson": Distribution(
        ("rate",),
        ("positive",),
        _poisson_draws,
        _poisson,
        lambda r: r,
        lambda x, r: np.where(x < 0, 0.0, special.pdtr(np.maximum(x, 0), r)),
        kind="count",
    ),
    "Exponential": Distribution(
        ("scale",),
        ("positive",),
        lambda u, s: -s * np.log1p(-u),
        _exponential,
        lambda s: s,
        lambda x, s: -np.expm1(-np.maximum(x, 0) / s),
        _STRETCHED,
    ),
    "Uniform": Distribution(
        ("low", "high"),
        ("any", "higher"),
        lambda u, a, b: a + (b - a) * u,
        _uniform,
        lambda a, b: (a + b) / 2,
        lambda x, a, b: np.clip((x - a) / (b - a), 0, 1),
    ),
    "LogNormal": Distribution(
        ("mean", "sd"),
        ("any", "positive"),
        lambda u, m, s: np.exp(m + s * special.ndtri(u)),
        _log_normal,
        lambda m, s: np.exp(m + s * s / 2),
        lambda x, m, s: np.where(x > 0, special.ndtr((np.log(np.where(x > 0, x, 1.0)) - m) / s), 0.0),
        _LOGGED,
    ),
    "Beta": Distribution(
        ("a", "b"),
        ("positive", "positive"),
        lambda u, a, b: special.betaincinv(a, b, u),
        _beta,
        lambda a, b: a / (a + b),
        lambda x, a, b: special.betainc(a, b, np.clip(x, 0, 1)),
    ),
    "Gamma": Distribution(
        ("shape", "scale"),
        ("positive", "positive"),
        lambda u, k, s: s * special.gammaincinv(k, u),
        _gamma,
        lambda k, s: k * s,
        lambda x, k, s: special.gammainc(k, np.maximum(x, 0) / s),
    ),
    "StudentT": Distribution(
        ("df", "location", "scale"),
        ("positive", "any", "positive"),
        lambda u, df, m, s: m + s * special.stdtrit(df, u),
        _student,
        lambda df, m, _s: np.where(np.asarray(df) > 1, m, np.nan),
        lambda x, df, m, s: special.stdtr(df, (x - m) / s),
        _STUDENT,
        defaults=(0.0, 1.0),
    ),
}
