"""Where a likelihood is largest: closed forms where there are some, else by its slope from several starts.

Source: J. Nocedal, S. J. Wright, Numerical Optimization, 2nd ed. (2006), chapter 4, doi:10.1007/978-0-387-40065-5
(trust regions); B. Efron, D. V. Hinkley, Biometrika 65 (1978) 457-483, doi:10.1093/biomet/65.3.457 (the observed
information).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from causalgraph.errors import EstimationError
from causalgraph.scm.closed import CLOSED, MIXED, Maximum, not_told
from causalgraph.scm.derivatives import ZERO
from causalgraph.scm.distributions import DISTRIBUTIONS
from causalgraph.scm.expressions import Choice, Draw, Free, arguments_of
from causalgraph.scm.likelihood import Piece
from causalgraph.scm.starting import Kind, starts

__all__ = ["kinds_of", "maximum"]

Floats = NDArray[np.float64]
# Of the largest curvature: a direction with less tells nothing.
FLAT = 1e-8
# In a direction that has no end, the share that makes a parameter one of those that grow.
LARGE = 0.1
# The fall of the log-likelihood over two standard errors, of which 2 is usual, below which they rule nothing out.
UNRULED = 0.05
# Two standard errors of a logarithm that are more than this rule nothing out either: a factor of twenty thousand.
WIDE = 10.0
# How much more a row may tell of a parameter where a search starts than where it ends, before the scale says nothing.
FARTHEST = 1e3
# A step that is larger than this share, and by more than this, isn't the last.
SETTLED = (1e-3, 1e-7)
# Noise that is alike on both sides, and which argument is its middle.
SYMMETRIC = {"Normal": 0, "StudentT": 1}
STEP = 1e-5
# The slope by each scaled parameter, for one row, at which a search ends, has converged, and needs
# no more steps.
SEARCHED, CONVERGED, POLISHED = 1e-9, 1e-6, 1e-12
LAST_STEPS = 12
# More rows than this are first searched by some of them.
MANY, FEW = 40_000, 10_000


def maximum(pieces: Sequence[Piece], names: Sequence[str], start: Mapping[str, float], seed: int) -> Maximum:
    """Return where the likelihood of some pieces is largest.

    Args:
        pieces: all rows that speak of the parameters.
        names: the parameters.
        start: where to start from, of some of them.
        seed: of further starts.

    Raises:
        EstimationError: the likelihood has no maximum or none was found (E560), or its form isn't computed (E542).
    """
    for closed in CLOSED:
        found = closed(pieces, tuple(names))
        if found is not None:
            return found
    return _numeric(pieces, tuple(names), start, seed)


def kinds_of(pieces: Sequence[Piece], names: Sequence[str]) -> tuple[Kind, ...]:
    """Return the limits of each parameter: those of the place where it stands alone."""
    kinds: dict[str, Kind] = dict.fromkeys(names, "any")
    for piece in pieces:
        draw = piece.density.draw
        if isinstance(draw, Choice):
            kinds |= {a.name: "share" for a in draw.shares if isinstance(a, Free)}
        elif isinstance(draw, Draw):
            for argument, limit in zip(draw.arguments, DISTRIBUTIONS[draw.distribution].limits, strict=True):
                if isinstance(argument, Free) and limit in ("positive", "share"):
                    kinds[argument.name] = limit
            # The sign of what stretches symmetric noise means nothing.
            place = SYMMETRIC.get(draw.distribution)
            if place is not None and draw.arguments[place] == ZERO:
                stretched = [s for slope in piece.density.slopes for s in (slope, *arguments_of(slope))]
                kinds |= {s.name: "positive" for s in stretched if isinstance(s, Free)}
    return tuple(kinds[name] for name in names)


# From what a search moves to a parameter, back, and the derivative of the one by the other, as the parameter has it.
TOLD: Mapping[Kind, Callable[[float], float]] = {"any": lambda v: v, "positive": np.exp, "share": special.expit}
FREE: Mapping[Kind, Callable[[float], float]] = {"any": lambda v: v, "positive": np.log, "share": special.logit}
MOVED: Mapping[Kind, Callable[[float], float]] = {
    "any": lambda _v: 1.0,
    "positive": lambda v: v,
    "share": lambda v: v * (1 - v),
}


@dataclass(frozen=True)
class _Problem:
    """Minus the mean log-likelihood of a row, by parameters without bounds: logs of positive ones, logits of shares."""

    pieces: Sequence[Piece]
    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    scale: Floats
    total: float

    def told(self, z: Floats) -> Floats:
        with np.errstate(all="ignore"):
            return self._by_kind(z * self.scale, TOLD)

    def free(self, values: Floats) -> Floats:
        return self._by_kind(values, FREE) / self.scale

    def moved(self, values: Floats) -> Floats:
        """How the parameters move with what is free."""
        return self._by_kind(values, MOVED) * self.scale

    def _by_kind(self, values: Floats, forms: Mapping[Kind, Callable[[float], float]]) -> Floats:
        return np.array([forms[kind](v) for kind, v in zip(self.kinds, values.tolist(), strict=True)])

    def given(self, values: Floats) -> dict[str, float]:
        return dict(zip(self.names, values.tolist(), strict=True))

    def value(self, z: Floats) -> float:
        given = self.given(self.told(z))
        found = -float(sum(piece.weight @ piece.log_density(given) for piece in self.pieces)) / self.total
        return found if np.isfinite(found) else np.inf

    def rows(self, z: Floats) -> Iterator[tuple[Piece, list[int], Floats]]:
        """Yield each piece, the places of its parameters, and the slope of its rows' log density by them."""
        values = self.told(z)
        given, moved = self.given(values), self.moved(values)
        for piece in self.pieces:
            at = [self.names.index(n) for n in piece.names]
            yield piece, at, piece.scores(given) * moved[at]

    def gradient(self, z: Floats) -> Floats:
        found = np.zeros(len(self.names))
        for piece, at, scores in self.rows(z):
            found[at] -= piece.weight @ scores / self.total
        return np.nan_to_num(found, nan=0.0, posinf=0.0, neginf=0.0)

    def flat(self, z: Floats) -> bool:
        """Whether the slope is zero."""
        return bool(np.abs(self.gradient(z)).max() < CONVERGED)

    def hessian(self, z: Floats) -> Floats:
        found = np.empty((len(z), len(z)))
        for place in range(len(z)):
            step = np.zeros(len(z))
            step[place] = STEP * max(1.0, abs(z[place]))
            found[place] = (self.gradient(z + step) - self.gradient(z - step)) / (2 * step[place])
        return (found + found.T) / 2


def _problem(
    pieces: Sequence[Piece], names: tuple[str, ...], kinds: tuple[Kind, ...], at: Floats, before: Floats | None = None
) -> _Problem:
    """Scale unbounded parameters so that each row's slope by each is about 1; not much more than `before`."""
    total = float(sum(piece.weight.sum() for piece in pieces))
    plain = _Problem(pieces, names, kinds, np.ones(len(names)), total)
    squares = np.zeros(len(names))
    for piece, places, scores in plain.rows(plain.free(at)):
        squares[places] += piece.weight @ np.nan_to_num(scores, nan=0.0, posinf=0.0, neginf=0.0) ** 2
    size = np.sqrt(squares / total)
    usable = (size > 1e-150) & np.array([kind == "any" for kind in kinds])
    scale = np.where(usable, 1 / np.where(usable, size, 1.0), 1.0)
    if before is not None:
        scale = np.minimum(scale, FARTHEST * before)
    return _Problem(pieces, names, kinds, scale, total)


def _numeric(pieces: Sequence[Piece], names: tuple[str, ...], start: Mapping[str, float], seed: int) -> Maximum:
    kinds = kinds_of(pieces, names)
    rows = sum(len(piece.rows) for piece in pieces)
    some = [piece.some(max(1, rows // FEW)) for piece in pieces] if rows > MANY else list(pieces)
    best: tuple[float, Floats, Floats] | None = None
    for at in starts(some, names, kinds, start, seed):
        problem = _problem(some, names, kinds, at)
        value, z = _searched(problem, problem.free(at))
        if np.isfinite(value) and (best is None or value < best[0] - 1e-9 * abs(best[0])):
            best = value, problem.told(z), problem.scale
    if best is None:
        raise EstimationError.because(
            "E560",
            f"no start was found from which {pieces[0].variable} has a likelihood",
            why="at all that were tried a parameter of its distribution is out of its limits, or rows are impossible",
            fix="give a start: start={" + f'"{names[0]}": 1.0' + "}",
        )
    problem = _problem(pieces, names, kinds, best[1], best[2])
    z = _polished(problem, problem.free(best[1]))
    if not problem.flat(z):
        z = _polished(problem, _searched(problem, z)[1])
    return _errors(problem, z)


def _searched(problem: _Problem, z: Floats) -> tuple[float, Floats]:
    if not np.isfinite(problem.value(z)):
        return np.inf, z
    with np.errstate(all="ignore"):
        found = optimize.minimize(
            problem.value,
            z,
            jac=problem.gradient,
            hess=problem.hessian,
            method="trust-exact",
            options={"gtol": SEARCHED, "maxiter": 200},
        )
    return float(found.fun), np.asarray(found.x)


def _polished(problem: _Problem, z: Floats) -> Floats:
    """Take Newton's last steps, where the value can no longer tell better from worse."""
    gradient, hessian = problem.gradient(z), problem.hessian(z)
    for _ in range(LAST_STEPS):
        slope = np.abs(gradient).max()
        if slope < POLISHED:
            break
        after = z - np.linalg.lstsq(hessian, gradient, rcond=FLAT)[0]
        moved = problem.gradient(after)
        if not np.isfinite(problem.value(after)) or np.abs(moved).max() >= slope:
            break
        # Where the slope falls fast enough the curvature needn't be looked at again.
        if np.abs(moved).max() > slope / 10:
            hessian = problem.hessian(after)
        z, gradient = after, moved
    return z


def _errors(problem: _Problem, z: Floats) -> Maximum:
    """Invert the observed information, and tell the parameters about which it says nothing."""
    names, values = problem.names, problem.told(z)
    curve, directions = np.linalg.eigh(problem.hessian(z))
    told = curve > FLAT * max(float(curve.max()), 1e-300)
    trouble: dict[str, str] = {}
    good = problem.flat(z)
    for direction in directions[:, ~told].T:
        mixed = [n for n, share in zip(names, direction, strict=True) if abs(share) > MIXED]
        if good and _one_sided(problem, z, direction):
            _refuse_endless(problem, mixed)
            trouble |= dict.fromkeys(mixed, "the data fit no worse at its very limit")
        else:
            trouble |= not_told(mixed)
    for place in np.flatnonzero(told).tolist():
        if good and _endless(problem, z, directions[:, place], float(curve[place])):
            told[place] = False
            mixed = [n for n, share in zip(names, directions[:, place], strict=True) if abs(share) > LARGE]
            _refuse_endless(problem, mixed)
            trouble |= dict.fromkeys(mixed, "the data fit no worse at its very limit")
    # Where a likelihood only grows, each step of Newton's goes as far as the one before.
    step = directions[:, told] @ ((problem.gradient(z) @ directions[:, told]) / curve[told])
    unsettled = np.abs(step) > SETTLED[0] * np.abs(z) + SETTLED[1]
    for name in (n for n, yes in zip(names, unsettled, strict=True) if yes):
        trouble.setdefault(name, "the search doesn't settle, and it may grow without end")
    moved = problem.moved(values)
    half = directions[:, told] / np.sqrt(curve[told] * problem.total)
    covariance = (half @ half.T) * np.outer(moved, moved)
    if not good:
        trouble |= {n: "the search ended before the likelihood was largest" for n in names if n not in trouble}
    return Maximum(names, values, covariance, trouble, "numeric", good)


def _endless(problem: _Problem, z: Floats, direction: Floats, curve: float) -> bool:
    """Whether two standard errors along a direction cost no likelihood; at a maximum its log falls by about 2."""
    reach = 2 / np.sqrt(curve * problem.total)
    bounded = np.array([kind != "any" for kind in problem.kinds])
    if np.abs(reach * direction[bounded]).max(initial=0.0) > WIDE:
        return True
    here = problem.value(z)
    return any((problem.value(z + side * reach * direction) - here) * problem.total < UNRULED for side in (1, -1))


def _one_sided(problem: _Problem, z: Floats, direction: Floats) -> bool:
    """Whether the likelihood falls towards one side alone: it grows, ever slower, towards the other."""
    here, far = problem.value(z), max(1.0, float(np.abs(z).max()))
    one, other = (problem.value(z + side * far * direction) - here for side in (1, -1))
    return bool(abs(one - other) > 1e-6 and min(one, other) < 1e-6)


def _refuse_endless(problem: _Problem, mixed: Sequence[str]) -> None:
    """Refuse coefficients without a finite maximum.

    Raises:
        EstimationError: a parameter that may be any number grows without end (E560).
    """
    endless = [n for n, kind in zip(problem.names, problem.kinds, strict=True) if n in mixed and kind == "any"]
    if endless:
        raise EstimationError.because(
            "E560",
            f"{', '.join(f'?{n}' for n in endless)} would grow without end",
            why=f"the parents tell {problem.pieces[0].variable} perfectly in some rows (separation), "
            "so that the likelihood has no maximum",
            fix="join levels or drop the parent that does it, or bring more rows",
        )
