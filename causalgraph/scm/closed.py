"""Likelihoods whose maximum is known in closed form. `CLOSED` is the table of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from causalgraph.errors import EstimationError
from causalgraph.scm.derivatives import derivative, minus
from causalgraph.scm.expressions import Apply, Choice, Constant, Draw, Free, Node, evaluate, free_in, refs_of
from causalgraph.scm.likelihood import Piece

__all__ = ["CLOSED", "MIXED", "Maximum", "not_told"]

Floats = NDArray[np.float64]
# Columns scaled to length 1 that depend on one another up to this do so.
COLLINEAR = 1e-10
# The share of a flat direction that makes a parameter one of those that it mixes.
MIXED = 1e-4
# Residuals smaller than this share of the largest value are rounding.
ROUNDING = 1e-13


@dataclass(frozen=True)
class Maximum:
    """The parameters at which a likelihood is largest.

    Attributes:
        names: of the parameters.
        values: ``(k,)``.
        covariance: ``(k, k)``, the inverse of the observed information; rows of parameters in `trouble` say nothing.
        trouble: what keeps a parameter from having an error.
        method: how it was found.
        converged: whether the slope is zero there.
    """

    names: tuple[str, ...]
    values: Floats
    covariance: Floats
    trouble: Mapping[str, str] = field(default_factory=dict)
    method: str = "numeric"
    converged: bool = True


def _plain(piece: Piece) -> bool:
    """Whether only what is drawn from has parameters."""
    return not free_in(piece.density.target) and not any(map(free_in, piece.density.slopes))


def _shares(pieces: Sequence[Piece], names: tuple[str, ...]) -> Maximum | None:
    """Bernoulli(?p): the share of ones. Categorical of free shares: the share of each level."""
    draws = [piece.density.draw for piece in pieces]
    if not all(map(_plain, pieces)):
        return None
    if all(isinstance(d, Draw) and d.distribution == "Bernoulli" and isinstance(d.arguments[0], Free) for d in draws):
        size = 2
    elif (
        isinstance(draws[0], Choice)
        and all(isinstance(d, Choice) and d.shares == draws[0].shares for d in draws)
        and _saturated(draws[0].shares)
    ):
        size = len(draws[0].shares)
    else:
        return None
    counts = np.zeros(size)
    for piece in pieces:
        own = piece.value(piece.density.target, {})
        if not np.isin(own, np.arange(size)).all():
            return None
        counts += np.bincount(own.astype(np.intp), piece.weight, minlength=size)
    total = counts.sum()
    p = counts / total
    first = draws[0]
    if isinstance(first, Choice):
        at = {s.name: place for place, s in enumerate(first.shares) if isinstance(s, Free)}
        places = [at[name] for name in names]
    else:
        places = [1]
    values = p[places]
    covariance = (np.diag(values) - np.outer(values, values)) / total
    edge = {n: f"at its bound {v:g}" for n, v in zip(names, values, strict=True) if v in (0, 1)}
    return Maximum(names, values, covariance, edge, "shares")


def _saturated(shares: Sequence[Node]) -> bool:
    """Whether shares are free but for adding up to 1: all parameters, or all but one, which is what they leave."""
    free = [s.name for s in shares if isinstance(s, Free)]
    rest = [s for s in shares if not isinstance(s, Free)]
    if len(set(free)) < len(free) or len(rest) > 1 or not free:
        return False
    if not rest:
        return True
    if set(free_in(rest[0])) != set(free):
        return False
    slopes = [derivative(rest[0], name) for name in free]
    at_zero = _number(rest[0], dict.fromkeys(free, 0.0))
    return all(not free_in(s) and _number(s, {}) == -1 for s in slopes) and at_zero == 1


def _number(node: Node, parameters: Mapping[str, float]) -> float:
    return float("nan") if refs_of(node) else float(evaluate(node, {}, (), parameters))


def _least_squares(pieces: Sequence[Piece], names: tuple[str, ...]) -> Maximum | None:
    """Normal noise around what is linear in the parameters: least squares; the standard deviation from the residuals.

    With k coefficients and n rows the standard deviation is √(RSS/n), where the likelihood is largest, and not
    √(RSS/(n - k)).
    """
    made = [found for piece in pieces if (found := _residual(piece)) is not None]
    if len(made) < len(pieces):
        return None
    spreads = {spread for _, spread, _ in made}
    free = [s for s in spreads if free_in(s)]
    if free and (len(spreads) > 1 or not isinstance(free[0], Free)):
        return None
    own = free[0].name if free and isinstance(free[0], Free) else None
    means = tuple(n for n in names if n != own)
    designs, goals, zero = [], [], dict.fromkeys(names, 0.0)
    for piece, (residual, spread, logged) in zip(pieces, made, strict=True):
        if own is not None and own in free_in(residual):
            return None
        slopes = [derivative(residual, name) for name in means]
        if any(free_in(s) for s in slopes):
            return None
        share = np.sqrt(piece.weight) / (1.0 if own else piece.value(spread, {}))
        with np.errstate(all="ignore"):
            start = piece.value(residual, zero)
        if not np.isfinite(start).all() or (logged and (piece.value(piece.density.target, {}) <= 0).any()):
            return None
        goals.append(start * share)
        columns = [-piece.value(s, {}) * share for s in slopes]
        designs.append(np.stack(columns, axis=1) if columns else np.empty((len(start), 0)))
    design, goal = np.concatenate(designs), np.concatenate(goals)
    total = float(sum(piece.weight.sum() for piece in pieces))
    values, inverse, mixed = _solved(design, goal, means)
    left = goal - design @ values
    variance = float(left @ left) / total if own else 1.0
    if own and variance <= (ROUNDING * max(float(np.abs(goal).max()), 1e-300)) ** 2:
        raise EstimationError.because(
            "E560",
            f"{pieces[0].variable} follows from its equation without any noise, so that ?{own} has no estimate",
            why=f"{len(means)} parameters fit {len(goal):,} rows exactly, and the likelihood grows without end",
            fix="bring more rows, or drop a parameter; look whether one column was computed from the others",
        )
    covariance = np.zeros((len(names), len(names)))
    at = [names.index(n) for n in means]
    covariance[np.ix_(at, at)] = inverse * variance
    found_values = dict(zip(means, values.tolist(), strict=True))
    if own:
        found_values[own] = variance**0.5
        covariance[names.index(own), names.index(own)] = variance / (2 * total)
    return Maximum(names, np.array([found_values[n] for n in names]), covariance, not_told(mixed), "least squares")


def _residual(piece: Piece) -> tuple[Node, Node, bool] | None:
    """Return what is normal around zero as a tree, its standard deviation, and whether logs were taken."""
    draw = piece.density.draw
    if not isinstance(draw, Draw) or any(map(free_in, piece.density.slopes)):
        return None
    if draw.distribution == "Normal":
        return minus(piece.density.target, draw.arguments[0]), draw.arguments[1], False
    if draw.distribution == "LogNormal" and not free_in(piece.density.target):
        return minus(Apply("log", (piece.density.target,)), draw.arguments[0]), draw.arguments[1], True
    return None


def _solved(design: Floats, goal: Floats, names: Sequence[str]) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Return least squares, the inverse of XᵀX, and the parameters that the columns don't tell apart."""
    if not names:
        return np.empty(0), np.empty((0, 0)), ()
    size = np.sqrt((design**2).sum(axis=0))
    size[size == 0] = 1.0
    q, r = np.linalg.qr(design / size)
    u, s, vt = np.linalg.svd(r)
    told = s > COLLINEAR * max(float(s[0]), 1e-300)
    kept = vt[: len(s)].T / np.where(told, s, np.inf)
    values = kept @ (u.T @ (q.T @ goal)) / size
    inverse = (kept @ kept.T) / np.outer(size, size)
    flat = np.concatenate([vt[: len(s)][~told], vt[len(s) :]])
    mixed = tuple(n for place, n in enumerate(names) if (np.abs(flat[:, place]) > MIXED).any())
    return values, inverse, mixed


def not_told(mixed: Sequence[str]) -> dict[str, str]:
    """Return what to say of parameters that the data don't tell."""
    others = " and ".join(f"?{n}" for n in mixed)
    return dict.fromkeys(mixed, f"the data don't tell {others} apart" if len(mixed) > 1 else "the data don't tell it")


def _ends(pieces: Sequence[Piece], names: tuple[str, ...]) -> Maximum | None:
    """Uniform(?low, ?high): the least and the largest value."""
    found: dict[str, float] = {}
    for piece in pieces:
        draw = piece.density.draw
        if not isinstance(draw, Draw) or draw.distribution != "Uniform":
            return None
        if not _plain(piece) or not all(isinstance(a, Free | Constant) for a in draw.arguments):
            return None
        own = piece.value(piece.density.target, {})
        low, high = draw.arguments
        if isinstance(low, Free):
            found[low.name] = min(found.get(low.name, np.inf), float(own.min()))
        if isinstance(high, Free):
            found[high.name] = max(found.get(high.name, -np.inf), float(own.max()))
        if isinstance(low, Free) and low == high:
            return None
    why = "it is the value of one row, at an end of the distribution, where no standard error is defined"
    k = len(names)
    return Maximum(names, np.array([found[n] for n in names]), np.zeros((k, k)), dict.fromkeys(names, why), "extremes")


# What has a closed form; the first that answers is taken.
CLOSED: tuple[Callable[[Sequence[Piece], tuple[str, ...]], Maximum | None], ...] = (_shares, _least_squares, _ends)
