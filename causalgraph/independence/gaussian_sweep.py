"""Partial correlations by the thousand: one elimination for a variable and a set, shared by all its neighbours.

For a variable i and a set S of its neighbours the rows of the Cholesky factor of S are extended element by element.
Each row also takes its part out of the variances of the neighbours, and out of their covariances with i and with each j
that is tested. Sets come in lexicographic order and keep the rows of the elements that they share with the set before.
All last elements that go with the same others are tried side by side, in a loop without branches.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalgraph.independence.gaussian_kernel import BELOW_ONE, DETERMINED, UNDEFINED
from causalgraph.independence.pieces import Neighbours, Part, in_pieces, joined, speed, taken

__all__ = ["Swept", "sweep"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

# Factor by which a bound on squares is raised where rounding could make the difference.
BARELY_MORE = 1.0 + 1e-9
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
    most = int((graph.adjacent & testable).sum(axis=1).max(initial=0))
    room = int(min(ROOM, work.sum())) + widest * most

    def piece(begin: int, end: int) -> Iterator[Part]:
        kept: list[Any] = [ready(np.zeros(room * c, dtype=np.int32)) for c in (2, depth)] + [ready(np.zeros(room))]
        scratch = [ready(a) for a in _scratch(widest, most, depth)]
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


def _scratch(widest: int, most: int, depth: int) -> list[NDArray[Any]]:
    """Make the room a sweep works in, for so many neighbours, so many of them tested, and sets of one size."""
    k, m = max(widest, 1), max(most, 1)
    floats = [k * k, *[depth * k] * 3, depth, *[depth * m] * 2, depth * m * k, *[k] * 5]
    bytes_, places = [m * k, depth * m], [m, depth]
    return [
        *(np.zeros(size) for size in floats),
        *(np.zeros(size, dtype=np.uint8) for size in bytes_),
        *(np.zeros(size, dtype=np.int64) for size in places),
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
    end_cross: Any,
    end_left: Any,
    joint: Any,
    scales: Any,
    shares: Any,
    remains: Any,
    above: Any,
    below: Any,
    linked: Any,
    skipped: Any,
    ends: Any,
    rank: Any,
    least: Any,
    chosen: Any,
    room: int,
    pairs: Any,
    separators: Any,
    squares: Any,
) -> tuple[int, int]:
    """Go on with a sweep from ``state`` until it ends, the budget is spent or the room is full.

    ``state`` holds i, where to stop, whether a set has been begun, and that set as places in the list of i, without its
    last element, for which all places are tried. ``ends`` are the places of each j that is tested. Given the first u of
    a set, ``cross`` is the covariance of i with each neighbour, ``left`` the variance of each, ``own`` that of i,
    ``end_cross`` and ``end_left`` are the same of each j, and ``joint`` is its covariance with each neighbour; ``rank``
    is how many of the u counted, ``skipped`` says which j aren't tested here, and ``rows`` has the Cholesky row of the
    last. Of neighbours only those after the last are kept up. Returns how many tests were made and how many were handed
    over.

    One source for two ways to run it: on lists as Python, on arrays as machine code.
    """
    tests = found = work = 0
    top = depth - 1
    while state[0] < state[1]:
        i = state[0]
        begin = first[i]
        k = first[i + 1] - begin
        m = 0
        if k > depth:
            for a in range(k):
                m += 1 if testable[i * size + near[begin + a]] != 0 else 0
        if m == 0:
            state[0] = i + 1
            continue
        if state[2] == 0:
            for u in range(top):
                state[3 + u] = u
            state[2] = 1
        own[0] = 1.0
        rank[0] = 0
        m = 0
        for a in range(k):
            x = near[begin + a]
            cross[a] = correlation[i * size + x]
            left[a] = 1.0
            for b in range(k):
                local[a * k + b] = correlation[x * size + near[begin + b]]
            if testable[i * size + x] != 0:
                ends[m] = a
                end_cross[m] = cross[a]
                end_left[m] = 1.0
                # A set that both have is counted at the lesser of the two.
                skipped[m] = 1 if x < i else 0
                for b in range(k):
                    joint[m * k + b] = local[a * k + b]
                    linked[m * k + b] = adjacent[x * size + near[begin + b]]
                m += 1
        changed = 0
        while changed >= 0:
            if work > budget or found + k * m > room:
                return tests, found
            for u in range(changed, top):
                s = state[3 + u]
                here, after = u * k, (u + 1) * k
                spread = left[here + s]
                scale = 0.0
                if spread > DETERMINED:
                    scale = 1.0 / math.sqrt(spread)
                rank[u + 1] = rank[u] + (1 if spread > DETERMINED else 0)
                share = cross[here + s] * scale
                own[u + 1] = own[u] - share * share
                for b in range(s + 1, k):
                    rows[here + b] = local[s * k + b]
                for w in range(u):
                    part = rows[w * k + s]
                    for b in range(s + 1, k):
                        rows[here + b] -= part * rows[w * k + b]
                for b in range(s + 1, k):
                    entry = rows[here + b] * scale
                    rows[here + b] = entry
                    cross[after + b] = cross[here + b] - share * entry
                    left[after + b] = left[here + b] - entry * entry
                for t in range(m):
                    old, new = u * m + t, (u + 1) * m + t
                    entry = joint[old * k + s] * scale
                    end_cross[new] = end_cross[old] - share * entry
                    end_left[new] = end_left[old] - entry * entry
                    skipped[new] = skipped[old] & linked[t * k + s]
                    for b in range(s + 1, k):
                        joint[new * k + b] = joint[old * k + b] - entry * rows[here + b]
            lowest = state[2 + top] + 1 if top > 0 else 0
            last = top * k
            for s in range(lowest, k):
                spread = left[last + s]
                scales[s] = 1.0 / math.sqrt(spread) if spread > DETERMINED else 0.0
                shares[s] = cross[last + s] * scales[s]
                remains[s] = own[top] - shares[s] * shares[s]
            work += (k - lowest) * (m + 1) * (depth + 1)
            for t in range(m):
                end = ends[t]
                within = False
                for u in range(top):
                    within = within or state[3 + u] == end
                if within:
                    continue
                at, place = begin + end, top * m + t
                j, start = near[at], place * k
                its_cross, its_left = end_cross[place], end_left[place]
                # Rounding aside, what lies above is neither a least square nor below the critical value.
                bound = max(least[at], critical) * BARELY_MORE
                hits = 0
                for s in range(lowest, k):
                    entry = joint[start + s] * scales[s]
                    covariance = its_cross - shares[s] * entry
                    variance = its_left - entry * entry
                    defined = (remains[s] > DETERMINED) & (variance > DETERMINED)
                    over = covariance * covariance if defined else UNDEFINED
                    under = remains[s] * variance if defined else 1.0
                    above[s] = over
                    below[s] = under
                    hits += 1 if over < bound * under else 0
                tests += k - lowest - (1 if end >= lowest else 0)
                if skipped[place] != 0:
                    for s in range(lowest, k):
                        tests -= 1 if linked[t * k + s] != 0 and s != end else 0
                if hits == 0:
                    continue
                for s in range(lowest, k):
                    if above[s] >= bound * below[s] or s == end or (skipped[place] & linked[t * k + s]) != 0:
                        continue
                    square = UNDEFINED
                    if above[s] < UNDEFINED:
                        square = min(above[s] / below[s], 1.0)
                        counted = rank[top] + (1 if scales[s] > 0.0 else 0)
                        if counted < depth:
                            ratio = math.sqrt((free - counted) / (free - depth))
                            square = math.tanh(ratio * math.atanh(min(math.sqrt(square), BELOW_ONE))) ** 2
                    if square < least[at]:
                        least[at] = square
                        for u in range(top):
                            chosen[at * depth + u] = near[begin + state[3 + u]]
                        chosen[at * depth + top] = near[begin + s]
                    if square < critical:
                        pairs[2 * found] = min(i, j)
                        pairs[2 * found + 1] = max(i, j)
                        for u in range(top):
                            separators[found * depth + u] = near[begin + state[3 + u]]
                        separators[found * depth + top] = near[begin + s]
                        squares[found] = square
                        found += 1
            changed = top - 1
            while changed >= 0 and state[3 + changed] == k - depth + changed:
                changed -= 1
            if changed >= 0:
                state[3 + changed] += 1
                for u in range(changed + 1, top):
                    state[3 + u] = state[2 + u] + 1
        state[0] = i + 1
        state[2] = 0
    return tests, found
