"""The arithmetic of Fisher's z: pairs given nothing, tests that share nothing, and p-values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalgraph.independence.pieces import Part, in_pieces, joined, speed, taken

__all__ = ["BELOW_ONE", "DETERMINED", "UNDEFINED", "Pairwise", "each_set", "pairwise", "tails"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

# A variable of which others leave less than this share of its variance unexplained is determined by them.
DETERMINED = 1e-10
# What stands for the square of a correlation that isn't defined: it is never small.
UNDEFINED = 2.0
# The nearest number below 1: a correlation of 1 counts as that, so that every statistic is finite.
BELOW_ONE = 1.0 - 2.0**-53


@dataclass(frozen=True)
class Pairwise:
    """What the tests of pairs given nothing said.

    Attributes:
        tests: how many were made.
        p: ``(v, v)``, symmetric, -1 where a pair wasn't tested.
        pairs: ``(m, 2)``, i < j of each with p above alpha.
        values: ``(m,)``, their p-values.
    """

    tests: int
    p: Floats
    pairs: Ints
    values: Floats


def pairwise(correlation: Floats, wanted: Bools, scale: float, alpha: float) -> Pairwise:
    """Test ``scale·atanh(r)`` as a standard normal for all wanted pairs.

    Args:
        correlation: ``(v, v)``.
        wanted: ``(v, v)``, symmetric.
        scale: √(n - 3).
        alpha: p-values above it are handed over one by one.
    """
    v = len(correlation)
    work = np.arange(v - 1, -1, -1, dtype=float)
    loop, ready = speed(_pairwise, v, float(work.sum()))
    marks = np.ascontiguousarray(wanted).view(np.uint8).ravel()
    p, shared = ready(np.full(v * v, -1.0)), [ready(correlation.ravel()), ready(marks)]

    def piece(begin: int, end: int) -> Iterator[Part]:
        most = int(work[begin:end].sum())
        kept: list[Any] = [ready(np.zeros(2 * most, dtype=np.int32)), ready(np.zeros(most))]
        made, found = loop(*shared, v, begin, end, scale, alpha, p, *kept)
        yield made, taken(found, kept, (2, 1))

    parts = in_pieces(piece, work)
    tests, (pairs, values) = joined(parts)
    return Pairwise(tests, np.asarray(p, dtype=float).reshape(v, v), pairs, values[:, 0])


def each_set(matrices: Floats, free: Floats) -> Floats:
    """Return the squared partial correlations of first two variables given all others, at the scale of `sweep`.

    Args:
        matrices: ``(m, a, a)``, a correlation matrix for each test; a variable that doesn't vary has zeros.
        free: ``(m,)``, n - 3 of each.

    >>> each_set(np.array([[[1.0, 0.5, 0.5], [0.5, 1.0, 0.5], [0.5, 0.5, 1.0]]]), np.array([100.0])).round(3).tolist()
    [0.111]
    """
    m, a = len(matrices), matrices.shape[1]
    loop, ready = speed(_each, a, float(matrices.size * a))
    squares = ready(np.zeros(m))
    scratch = [ready(np.zeros(size)) for size in (a * a, a, a)]
    loop(ready(np.ascontiguousarray(matrices).ravel()), a, ready(free), *scratch, squares)
    return np.asarray(squares, dtype=float)


def tails(squares: Floats, scale: float) -> Floats:
    """Return the two-sided p-values of ``scale·atanh(r)`` as a standard normal, from squared correlations.

    Exact far out in the tail; an undefined correlation has p = 0.

    >>> tails(np.array([0.0, 0.25, UNDEFINED]), 2.0).round(4).tolist()
    [1.0, 0.2719, 0.0]
    """
    loop, ready = speed(_tails, 1, len(squares))
    values = ready(np.zeros(len(squares)))
    loop(ready(squares), scale, values)
    return np.asarray(values, dtype=float)


def _each(matrices: Any, width: int, free: Any, rows: Any, cross: Any, left: Any, squares: Any) -> None:
    """Fill ``squares`` by the steps of the sweep, for tests that share nothing."""
    for t in range(len(squares)):
        begin = t * width * width
        own = matrices[begin]
        rank = 0
        for b in range(1, width):
            cross[b] = matrices[begin + b]
            left[b] = matrices[begin + b * width + b]
        for s in range(2, width):
            here = s * width
            scale = 0.0
            if left[s] > DETERMINED:
                scale = 1.0 / math.sqrt(left[s])
                rank += 1
            share = cross[s] * scale
            own -= share * share
            for b in range(1, width):
                if b != 1 and b <= s:
                    continue
                entry = matrices[begin + here + b]
                for w in range(2, s):
                    entry -= rows[w * width + s] * rows[w * width + b]
                entry *= scale
                rows[here + b] = entry
                cross[b] -= share * entry
                left[b] -= entry * entry
        square = UNDEFINED
        if own > DETERMINED and left[1] > DETERMINED:
            square = min(cross[1] * cross[1] / (own * left[1]), 1.0)
            if rank < width - 2:
                ratio = math.sqrt((free[t] - rank) / (free[t] - (width - 2)))
                square = math.tanh(ratio * math.atanh(min(math.sqrt(square), BELOW_ONE))) ** 2
        squares[t] = square


def _pairwise(  # noqa: PLR0913, PLR0917 (machine code takes arrays, not objects)
    correlation: Any,
    wanted: Any,
    size: int,
    begin: int,
    end: int,
    scale: float,
    alpha: float,
    p: Any,
    pairs: Any,
    values: Any,
) -> tuple[int, int]:
    """Fill ``p``, ``pairs`` and ``values`` for i in a range; return how many tests were made and were handed over."""
    tests = found = 0
    for i in range(begin, end):
        for j in range(i + 1, size):
            if wanted[i * size + j] != 0:
                tests += 1
                r = min(abs(correlation[i * size + j]), BELOW_ONE)
                value = math.erfc(scale * math.atanh(r) / math.sqrt(2.0))
                p[i * size + j] = value
                p[j * size + i] = value
                if value > alpha:
                    pairs[2 * found] = i
                    pairs[2 * found + 1] = j
                    values[found] = value
                    found += 1
    return tests, found


def _tails(squares: Any, scale: float, out: Any) -> None:
    """Fill ``out``; one source for two ways to run it."""
    for m in range(len(squares)):
        if squares[m] <= 1.0:
            z = scale * math.atanh(min(math.sqrt(squares[m]), BELOW_ONE))
            out[m] = math.erfc(z / math.sqrt(2.0))
        else:
            out[m] = 0.0
