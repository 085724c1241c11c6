"""Partial correlations by the thousand: one elimination for a variable and a set, shared by all its neighbours.

For a variable i and a set S of its neighbours the rows of the Cholesky factor of S are extended element by element.
Each row also takes its part out of the covariances of i with every neighbour and out of the variances of all, so that
after the last element the partial correlations of i with all neighbours stand side by side. Sets come in lexicographic
order and keep the rows of the elements that they share with the set before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalgraph.independence.pieces import Loop, Neighbours, Part, in_pieces, joined, speed, taken

__all__ = ["BELOW_ONE", "DETERMINED", "UNDEFINED", "Pairwise", "Swept", "one_set", "pairwise", "sweep", "tails"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

# A variable of which others leave less than this share of its variance unexplained is determined by them.
DETERMINED = 1e-10
# What stands for the square of a correlation that isn't defined: it is never small.
UNDEFINED = 2.0
# The nearest number below 1: a correlation of 1 counts as that, so that every statistic is finite.
BELOW_ONE = 1.0 - 2.0**-53
# After about this much work a compiled loop comes back, so that Ctrl-C gets a word in (some 50 ms).
BUDGET = 4_000_000
# How many independences one call can hand over before it comes back.
ROOM = 1 << 16


@dataclass(frozen=True)
class Swept:
    """What one sweep over the sets of one size found.

    Attributes:
        tests: how many were made.
        least: ``(2e,)`` as ``Neighbours.near``: the smallest squared partial correlation of i and j with sets from the
            neighbours of i; those that j has as well are counted at the lesser of i and j. Infinite without a test.
        chosen: ``(2e, depth)``, the set it came with.
        pairs: ``(m, 2)``, i < j of each test below the critical value.
        separators: ``(m, depth)``, its set.
        squares: ``(m,)``, its squared partial correlation.
    """

    tests: int
    least: Floats
    chosen: Ints
    pairs: Ints
    separators: Ints
    squares: Floats


def sweep(correlation: Floats, graph: Neighbours, testable: Bools, depth: int, critical: float, free: float) -> Swept:
    """Find the partial correlations of all adjacent and testable pairs given each set of one size from a neighbourhood.

    An element of a set that the others determine adds nothing; the correlation is then brought to the scale of a full
    set, at which ``√(free - depth)·atanh(r)`` is the same. Where the set determines i or j itself, there is none.

    Args:
        correlation: ``(v, v)``.
        graph: who is adjacent.
        testable: ``(v, v)``, symmetric.
        depth: the size of the sets, at least 1.
        critical: squared partial correlations below this are handed over one by one.
        free: n - 3.
    """
    v, entries, work = len(correlation), len(graph.near), graph.work(depth)
    widest = int(np.diff(graph.first).max(initial=0))
    loop, ready = speed(_sweep, v, float(work.sum()))
    shared: list[Any] = [ready(a) for a in (correlation.ravel(), graph.first, graph.near)]
    shared += [ready(np.ascontiguousarray(a).view(np.uint8).ravel()) for a in (graph.adjacent, testable)]
    least, chosen = ready(np.full(entries, math.inf)), ready(np.zeros(entries * depth, dtype=np.int32))
    room = int(min(ROOM, work.sum())) + widest

    def piece(begin: int, end: int) -> Iterator[Part]:
        kept: list[Any] = [ready(np.zeros(room * c, dtype=np.int32)) for c in (2, depth)] + [ready(np.zeros(room))]
        scratch = [ready(a) for a in _scratch(widest, depth)]
        state = ready(np.array([begin, end, 0, *range(depth)], dtype=np.int64))
        while state[0] < end:
            made, found = loop(*shared, v, depth, critical, free, state, BUDGET, *scratch, least, chosen, room, *kept)
            yield made, taken(found, kept, (2, depth, 1))

    parts = in_pieces(piece, work)
    tests, (pairs, separators, squares) = joined(parts)
    return Swept(
        tests,
        np.asarray(least, dtype=float),
        np.asarray(chosen, dtype=np.int32).reshape(entries, depth),
        pairs,
        separators,
        squares[:, 0],
    )


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


def one_set(correlation: Floats, free: float) -> float:
    """Return the squared partial correlation of the first two variables given all others, at the scale of `sweep`.

    >>> one_set(np.array([[1.0, 0.5, 0.5], [0.5, 1.0, 0.5], [0.5, 0.5, 1.0]]), 100.0)  # doctest: +ELLIPSIS
    0.111...
    """
    v = len(correlation)
    depth = v - 2
    first, near = [0, v - 1] + [v - 1] * (v - 1), list(range(1, v))
    # The sweep of the first variable, begun at the set of all but the second: the last set, of one test.
    state = [0, 1, 1, *range(1, v - 1)]
    least = [math.inf] * (v - 1)
    kept = [[0] * (2 * v), [0] * (depth * v), [0.0] * v]
    scratch = [a.tolist() for a in _scratch(v - 1, depth)]
    wanted = [0, 1] + [0] * (v * v - 2)
    links = [0] * (v * v)
    shared = (correlation.ravel().tolist(), first, near, links, wanted)
    loop: Loop = _sweep
    loop(*shared, v, depth, 0.0, free, state, BUDGET, *scratch, least, [0] * (depth * v), v, *kept)
    return least[0]


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


def _scratch(widest: int, depth: int) -> list[NDArray[Any]]:
    """Make the room a sweep works in: its matrices are as wide as the longest list of neighbours."""
    k = max(widest, 1)
    floats = [(k * k), depth * k, (depth + 1) * k, (depth + 1) * k, depth + 1]
    return [
        *(np.zeros(size) for size in floats),
        np.zeros(k * k, dtype=np.uint8),
        np.zeros((depth + 1) * k, dtype=np.uint8),
        np.zeros(depth + 1, dtype=np.int64),
    ]


def _sweep(  # noqa: C901, PLR0912, PLR0913, PLR0915, PLR0917 (machine code takes arrays, not objects)
    correlation: Any,
    first: Any,
    near: Any,
    adjacent: Any,
    testable: Any,
    size: int,
    depth: int,
    critical: float,
    free: float,
    state: Any,
    budget: int,
    local: Any,
    rows: Any,
    cross: Any,
    left: Any,
    own: Any,
    linked: Any,
    skipped: Any,
    rank: Any,
    least: Any,
    chosen: Any,
    room: int,
    pairs: Any,
    separators: Any,
    squares: Any,
) -> tuple[int, int]:
    """Go on with a sweep from ``state`` until it ends, the budget is spent or the room is full.

    ``state`` holds i, where to stop, whether a set has been begun, and that set as places in the list of i. At each
    size u of a part of the set ``rows`` has the Cholesky row of its last element, ``cross`` the covariance of i with
    each neighbour given the part, ``left`` the variance of each neighbour, ``own`` that of i, ``rank`` how many
    elements counted, ``skipped`` which neighbours aren't tested here. Returns how many tests were made and how many
    were handed over.

    One source for two ways to run it: on lists as Python, on arrays as machine code.
    """
    tests = found = work = 0
    while state[0] < state[1]:
        i = state[0]
        begin = first[i]
        k = first[i + 1] - begin
        if k <= depth:
            state[0] = i + 1
            continue
        if state[2] == 0:
            for u in range(depth):
                state[3 + u] = u
            state[2] = 1
        own[0] = 1.0
        rank[0] = 0
        for a in range(k):
            x = near[begin + a]
            cross[a] = correlation[i * size + x]
            left[a] = 1.0
            # A set that both have is counted at the lesser of the two.
            skipped[a] = 1 if x < i or testable[i * size + x] == 0 else 0
            for b in range(k):
                y = near[begin + b]
                local[a * k + b] = correlation[x * size + y]
                linked[a * k + b] = 1 if testable[i * size + y] == 0 else adjacent[y * size + x]
        changed = 0
        while changed >= 0:
            if work > budget or found + k > room:
                return tests, found
            for u in range(changed, depth):
                s = state[3 + u]
                here, after = u * k, (u + 1) * k
                spread = left[here + s]
                scale = 0.0
                if spread > DETERMINED:
                    scale = 1.0 / math.sqrt(spread)
                rank[u + 1] = rank[u] + (1 if spread > DETERMINED else 0)
                share = cross[here + s] * scale
                own[u + 1] = own[u] - share * share
                for b in range(k):
                    rows[here + b] = local[s * k + b]
                for w in range(u):
                    part = rows[w * k + s]
                    for b in range(k):
                        rows[here + b] -= part * rows[w * k + b]
                for b in range(k):
                    entry = rows[here + b] * scale
                    rows[here + b] = entry
                    cross[after + b] = cross[here + b] - share * entry
                    left[after + b] = left[here + b] - entry * entry
                    skipped[after + b] = skipped[here + b] & linked[s * k + b]
            last = depth * k
            work += k * (depth + 1)
            m = 0
            for b in range(k):
                if m < depth and state[3 + m] == b:
                    m += 1
                    continue
                if skipped[last + b] != 0:
                    continue
                tests += 1
                square = UNDEFINED
                if own[depth] > DETERMINED and left[last + b] > DETERMINED:
                    square = min(cross[last + b] * cross[last + b] / (own[depth] * left[last + b]), 1.0)
                    if rank[depth] < depth:
                        ratio = math.sqrt((free - rank[depth]) / (free - depth))
                        square = math.tanh(ratio * math.atanh(min(math.sqrt(square), BELOW_ONE))) ** 2
                at = begin + b
                if square < least[at]:
                    least[at] = square
                    for u in range(depth):
                        chosen[at * depth + u] = near[begin + state[3 + u]]
                if square < critical:
                    pairs[2 * found] = min(i, near[at])
                    pairs[2 * found + 1] = max(i, near[at])
                    for u in range(depth):
                        separators[found * depth + u] = near[begin + state[3 + u]]
                    squares[found] = square
                    found += 1
            changed = depth - 1
            while changed >= 0 and state[3 + changed] == k - depth + changed:
                changed -= 1
            if changed >= 0:
                state[3 + changed] += 1
                for u in range(changed + 1, depth):
                    state[3 + u] = state[2 + u] + 1
        state[0] = i + 1
        state[2] = 0
    return tests, found


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
    """Fill ``out``; one source for two ways to run it, as above."""
    for m in range(len(squares)):
        if squares[m] <= 1.0:
            z = scale * math.atanh(min(math.sqrt(squares[m]), BELOW_ONE))
            out[m] = math.erfc(z / math.sqrt(2.0))
        else:
            out[m] = 0.0
