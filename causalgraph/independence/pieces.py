"""How the loops of a level run: as plain Python or as machine code, in pieces, on all cores."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, takewhile
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalgraph.graphs.compiling import compiled

__all__ = ["Loop", "Neighbours", "Part", "cores", "in_pieces", "is_small", "joined", "speed", "taken"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# How many tests were made, and arrays of what was handed over.
Part = tuple[int, list[NDArray[Any]]]
Loop = Callable[..., Any]

# Up to so many variables and so much work (tests times neighbours) loops run as plain Python, unless the compiler is
# there already: compiled, they would take longer to load.
FEW, SMALL = 32, 20_000
# From this much work on all cores take part, each with several pieces of it, since their sizes are guessed.
LARGE, PIECES = 500_000, 4


@dataclass(frozen=True)
class Neighbours:
    """An undirected graph as lists: the neighbours of i, in increasing order, are ``near[first[i]:first[i + 1]]``.

    Attributes:
        adjacent: ``(v, v)``, symmetric.
        first: ``(v + 1,)``.
        near: ``(2e,)``.
        back: ``(2e,)``, where the place of j in the list of i finds that of i in the list of j.
    """

    adjacent: Bools
    first: NDArray[np.int64]
    near: NDArray[np.int64]
    back: NDArray[np.int64]

    @classmethod
    def of(cls, adjacent: Bools) -> Neighbours:
        """List the neighbours of each variable."""
        v = len(adjacent)
        rows, near = np.divmod(np.flatnonzero(adjacent), max(v, 1))
        first = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=v))])
        return cls(adjacent, first, near, np.argsort(near, kind="stable"))

    def work(self, depth: int) -> Floats:
        """Return about how many steps the tests with sets of one size take, for each variable."""
        sizes, which = np.unique(np.diff(self.first), return_inverse=True)
        steps = [float(math.comb(k, depth) * k * (depth + 1)) if k > depth else 0.0 for k in sizes.tolist()]
        return np.array(steps)[which]


def is_small(v: int, work: float) -> bool:
    """Is it quicker to run a loop as plain Python than to load the compiler?"""
    return v <= FEW and work <= SMALL and "numba" not in sys.modules


def speed(loop: Loop, v: int, work: float) -> tuple[Loop, Callable[[NDArray[Any]], Any]]:
    """Return the loop as it runs fastest, and what makes its arguments ready."""
    return (loop, _listed) if is_small(v, work) else (compiled(loop), _same)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_pieces(piece: Callable[[int, int], Iterator[Part]], work: Floats) -> list[Part]:
    """Return what a piece yields for ranges of variables, in their order, on all cores where there is enough to do.

    Between two parts Ctrl-C gets a word in, and then all stop.
    """
    v, total = len(work), float(work.sum())
    workers = cores() if total >= LARGE else 1
    if workers == 1:
        return list(piece(0, v))
    shares = np.arange(1, workers * PIECES) * (total / (workers * PIECES))
    cuts = np.unique([0, *np.searchsorted(np.cumsum(work), shares).tolist(), v]).tolist()
    ended = Event()

    def run(begin: int, end: int) -> list[Part]:
        return list(takewhile(lambda _: not ended.is_set(), piece(begin, end)))

    with ThreadPoolExecutor(workers) as pool:
        try:
            return list(chain.from_iterable(pool.map(run, cuts[:-1], cuts[1:])))
        except BaseException:
            ended.set()
            raise


def _listed(array: NDArray[Any]) -> list[Any]:
    """Return an array as a list, which plain Python reads faster."""
    listed: list[Any] = array.tolist()
    return listed


def _same(array: NDArray[Any]) -> NDArray[Any]:
    return array


def taken(found: int, kept: Sequence[Any], widths: Sequence[int]) -> list[NDArray[Any]]:
    """Copy what a loop has handed over, places as integers and values as floats, ``(found, width)`` each."""
    kinds: list[type[np.generic]] = [np.int32] * (len(kept) - 1) + [np.float64]
    wanted = zip(kept, widths, kinds, strict=True)
    return [np.array(a[: found * width], dtype=kind).reshape(found, width) for a, width, kind in wanted]


def joined(parts: Sequence[Part]) -> tuple[int, list[NDArray[Any]]]:
    """Join parts, of which there is at least one: how many tests were made, and each of the arrays."""
    return sum(made for made, _ in parts), [
        np.concatenate(arrays) for arrays in zip(*(a for _, a in parts), strict=True)
    ]
