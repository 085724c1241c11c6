"""Where a search for the largest likelihood starts: from moments, from a line through what is linear, and at random."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import exp
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from causalgraph.scm.derivatives import derivative, is_linear, minus
from causalgraph.scm.expressions import Apply, Draw, Free, Node, free_in
from causalgraph.scm.likelihood import Piece

__all__ = ["Kind", "starts"]

Floats = NDArray[np.float64]
Kind = Literal["any", "positive", "share"]
# How many random starts are made, and how many that are possible are searched from.
RANDOM, SEARCHED = 60, 4
SMALL = 1e-6
# How a random step moves a value.
MOVED: Mapping[Kind, Callable[[float, float], float]] = {
    "any": lambda v, s: v + s * max(1.0, abs(v)),
    "positive": lambda v, s: v * exp(s),
    "share": lambda v, s: float(special.expit(special.logit(v) + s)),
}


def starts(
    pieces: Sequence[Piece], names: tuple[str, ...], kinds: tuple[Kind, ...], given: Mapping[str, float], seed: int
) -> Iterator[Floats]:
    """Yield values of the parameters at which the rows are possible, the most promising first.

    Args:
        pieces: the rows.
        names: the parameters.
        kinds: what each may be.
        given: values of some parameters that the caller knows better.
        seed: of the random ones.
    """
    first = _guess(pieces, names, kinds) | {n: v for n, v in given.items() if n in names}
    flat = {n: 0.0 if kind == "any" else first[n] for n, kind in zip(names, kinds, strict=True)}
    ones = {n: 1.0 if kind == "any" else first[n] for n, kind in zip(names, kinds, strict=True)}
    rng = np.random.default_rng(seed)
    tried = [np.array([start[n] for n in names]) for start in (first, flat | dict(given), ones | dict(given))]
    for _ in range(RANDOM):
        shift = rng.standard_normal(len(names))
        tried.append(np.array([MOVED[k](first[n], s) for n, k, s in zip(names, kinds, shift, strict=True)]))
    found = 0
    convex = all(_convex(piece) for piece in pieces)
    for at in tried:
        values = dict(zip(names, at.tolist(), strict=True))
        if all(np.isfinite(piece.log_density(values)).all() for piece in pieces):
            yield at
            found += 1
        if found == (1 if convex else SEARCHED):
            return


def _convex(piece: Piece) -> bool:
    """Whether the likelihood has one peak: a logit, or a Poisson rate of an exponential, of what is linear."""
    draw = piece.density.draw
    if not isinstance(draw, Draw) or free_in(piece.density.target):
        return False
    link = {"Bernoulli": "expit", "Poisson": "exp"}.get(draw.distribution)
    node = draw.arguments[0]
    return isinstance(node, Apply) and node.function == link and is_linear(node.arguments[0])


def _moments(distribution: str, values: Floats) -> tuple[float, ...]:
    """Return parameters that have about the mean and the spread of the values."""
    mean, sd = float(values.mean()), max(float(values.std()), SMALL * max(1.0, float(np.abs(values).max())))
    positive = np.where(values > 0, values, SMALL)
    above = max(mean, SMALL)
    share = min(max(mean, 0.01), 0.99)
    spread = max(share * (1 - share) / sd**2 - 1, 0.1)
    table: Mapping[str, tuple[float, ...]] = {
        "Normal": (mean, sd),
        "Bernoulli": (share,),
        "Poisson": (above,),
        "Exponential": (above,),
        "LogNormal": (float(np.log(positive).mean()), max(float(np.log(positive).std()), SMALL)),
        "Beta": (share * spread, (1 - share) * spread),
        "Gamma": ((above / sd) ** 2, sd**2 / above),
        "StudentT": (5.0, float(np.median(values)), sd),
        "Uniform": (float(values.min()), float(values.max())),
    }
    return table[distribution]


# Which argument moves where the draws lie, and what to take for it in a row.
GOALS: Mapping[str, tuple[int, Callable[[Floats], Floats]]] = {
    "Normal": (0, lambda x: x),
    "Bernoulli": (0, lambda x: (x + 0.5) / 2),
    "Poisson": (0, lambda x: x + 0.5),
    "Exponential": (0, lambda x: np.maximum(x, SMALL)),
    "LogNormal": (0, lambda x: np.log(np.maximum(x, SMALL))),
    "Gamma": (1, lambda x: np.maximum(x, SMALL)),
    "StudentT": (1, lambda x: x),
}


def _guess(pieces: Sequence[Piece], names: tuple[str, ...], kinds: tuple[Kind, ...]) -> dict[str, float]:
    found = {n: {"any": 0.0, "positive": 1.0, "share": 0.5}[kind] for n, kind in zip(names, kinds, strict=True)}
    middle = dict(found)
    loose = tuple(n for n, kind in zip(names, kinds, strict=True) if kind == "any")
    designs, goals = [], []
    for piece in pieces:
        line = _line(piece, middle)
        if line is None:
            continue
        node, goal = line
        slopes = [derivative(node, name) for name in loose]
        with np.errstate(all="ignore"):
            design = np.stack([piece.value(s, middle) for s in slopes], axis=1) if slopes else np.empty((len(goal), 0))
            left = goal - piece.value(node, middle)
        good = np.isfinite(left) & np.isfinite(design).all(axis=1)
        designs.append(design[good])
        goals.append(left[good])
    if designs and loose:
        fitted = np.linalg.lstsq(np.concatenate(designs), np.concatenate(goals))[0]
        found |= dict(zip(loose, fitted.tolist(), strict=True))
    for piece in pieces:
        draw = piece.density.draw
        if not isinstance(draw, Draw):
            continue
        with np.errstate(all="ignore"):
            target = piece.value(piece.density.target, found)
        target = target[np.isfinite(target)]
        if len(target):
            told = _moments(draw.distribution, target)
            found |= {
                a.name: value
                for a, value in zip(draw.arguments, told, strict=True)
                if isinstance(a, Free) and np.isfinite(value)
            }
    return found


def _line(piece: Piece, middle: Mapping[str, float]) -> tuple[Node, Floats] | None:
    """Return something linear in the parameters, and what it should be about in each row."""
    draw = piece.density.draw
    if not isinstance(draw, Draw) or draw.distribution not in GOALS:
        return None
    place, goal_of = GOALS[draw.distribution]
    node = draw.arguments[place]
    if free_in(piece.density.target):
        node = minus(node, piece.density.target)
        return (node, np.zeros(len(piece.rows))) if is_linear(node) else None
    with np.errstate(all="ignore"):
        goal = goal_of(piece.value(piece.density.target, middle))
        while not is_linear(node):
            if not isinstance(node, Apply):
                return None
            side = next((i for i, a in enumerate(node.arguments) if free_in(a)), 0)
            other = piece.value(node.arguments[1 - side], middle) if len(node.arguments) > 1 else goal
            undo = LINKS.get((node.function, side if len(node.arguments) > 1 else None))
            if undo is None:
                return None
            goal, node = undo(goal, other), node.arguments[side]
    return node, goal


# A function and the side that holds the parameters -> what these should give.
LINKS: Mapping[tuple[str, int | None], Callable[[Floats, Floats], Floats]] = {
    ("exp", None): lambda y, _o: np.log(np.maximum(y, SMALL)),
    ("log", None): lambda y, _o: np.exp(y),
    ("expit", None): lambda y, _o: special.logit(np.clip(y, 0.01, 0.99)),
    ("sqrt", None): lambda y, _o: y * y,
    ("+", 0): lambda y, o: y - o,
    ("+", 1): lambda y, o: y - o,
    ("-", 0): lambda y, o: y + o,
    ("-", 1): lambda y, o: o - y,
    ("*", 0): lambda y, o: y / o,
    ("*", 1): lambda y, o: y / o,
    ("/", 0): lambda y, o: y * o,
    ("/", 1): lambda y, o: o / y,
}
