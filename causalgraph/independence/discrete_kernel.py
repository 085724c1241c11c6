"""Tests in tables by the thousand: each set of variables is counted once, for all tests that its table can answer.

A test of i ⟂ j | S asks for the table of T = {i, j} ∪ S. Call h in T a *hub* where it is adjacent to all others of T.
The tests of a level on T are those of adjacent pairs of which at least one is a hub, so that T is counted at its first
hub, and no test is made twice. All T = {h} ∪ U ∪ {j} share the codes of {h} ∪ U. Rows that agree in h and all of its
neighbours are counted together first, where they are many fewer than rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalgraph.graphs.compiling import compiled
from causalgraph.independence.discrete_tables import FEW_CELLS, Rule, Tables, folded, large_table

__all__ = ["Made", "made_at", "work"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

# After about this much work (rows times tables) a compiled loop comes back, so that Ctrl-C gets a word in.
BUDGET = 50_000_000
# How many outcomes one call can hand over.
ROOM = 1 << 18
# No table has more cells than this; those that would are counted by the cells that occur.
MOST_CELLS = 1 << 20


@dataclass(frozen=True)
class Made:
    """Outcomes of tests.

    Attributes:
        pairs: ``(m, 2)``, i < j.
        sets: ``(m, depth)``, in increasing order.
        statistic: ``(m,)``, NaN where ``df`` alone ruled the test out.
        df: ``(m,)``.
        n: ``(m,)``, how many observations had all values.
    """

    pairs: Ints
    sets: Ints
    statistic: Floats
    df: Floats
    n: Floats


def made_at(  # noqa: PLR0913 (what to test, how, and with what)
    hub: int,
    tables: Tables,
    adjacent: Bools,
    testable: Bools,
    depth: int,
    rule: Rule,
    stop: Callable[[], bool],
    *,
    plain: bool = False,
    prefixes: Sequence[tuple[int, ...]] | None = None,
) -> Iterator[Made]:
    """Make the tests of one level whose tables are counted at a hub, some at a time.

    Args:
        hub: the place of a variable.
        tables: all variables.
        adjacent: ``(v, v)``, symmetric.
        testable: ``(v, v)``, symmetric: pairs that are to be tested, where they are adjacent.
        depth: the size of the sets.
        rule: what is computed.
        stop: asked now and then whether to give up; what was handed over last isn't whole then.
        plain: is there so little to do that a compiled loop would take longer to load?
        prefixes: of the tables {hub} ∪ U ∪ {j} those with such a U, told by places among the hub and its neighbours, j
            behind its last; all, unless said.
    """
    members = np.flatnonzero(adjacent[hub] | (np.arange(len(adjacent)) == hub))
    m = len(members)
    if m < depth + 2:
        return
    local = tables.of(members)
    near, wanted = (np.ascontiguousarray(a[np.ix_(members, members)]) for a in (adjacent, testable))
    wanted &= near
    if not wanted.any():
        return
    many = math.comb(m - 1, depth + 1) if prefixes is None else len(prefixes)
    if many > 2 * m and not plain:
        local = folded(local)
    own = int(np.searchsorted(members, hub))
    others = [k for k in range(m) if k != own]
    rows, cells, each = local.codes.shape[1], _cells(local, depth), m * math.comb(depth + 2, 2)
    step = max(1, min(ROOM // each, BUDGET // (m * (rows + cells)), math.comb(m - 1, depth)))
    loop: Callable[..., int] = _tests if plain else compiled(_tests)
    scratch = _scratch(local, cells, step * each, depth)
    sets = combinations(others, depth) if prefixes is None else iter(prefixes)
    while some := list(islice(sets, step)):
        if stop():
            return
        chosen = np.array(some, dtype=np.int64).reshape(len(some), depth)
        count = loop(
            *(local.codes, local.weight, local.widths, local.levels, local.total, near, wanted, own, chosen),
            *(rule.pearson, rule.observed, rule.most, *scratch),
        )
        yield _filled(tables, members, rule, [a[:count] for a in scratch[-3:]], stop)


def work(adjacent: Bools, depth: int, rows: int) -> int:
    """Return about how many steps a level takes."""
    degrees, hubs = np.unique(adjacent.sum(axis=1), return_counts=True)
    tables: int = sum(h * math.comb(d, depth + 1) for d, h in zip(degrees.tolist(), hubs.tolist(), strict=True))
    return tables * (rows + (1 << min(depth + 4, 20)))


def _cells(local: Tables, depth: int) -> int:
    """Return how many cells are laid out at most."""
    # No table of these variables has more cells than the widest of them together.
    possible = math.prod(np.sort(local.widths)[::-1][: depth + 2].tolist())
    largest: int = max(FEW_CELLS, 8 * local.codes.shape[1])
    return min(MOST_CELLS, largest, int(possible))


def _scratch(local: Tables, cells: int, room: int, depth: int) -> tuple[NDArray[Any], ...]:
    """Return what the loop works in: codes, two tables, margins, and the outcomes."""
    return (
        np.empty(local.codes.shape[1], dtype=np.int32),
        np.empty((2, cells), dtype=np.int64),
        np.empty((2, int(local.levels.max())), dtype=np.int64),
        np.empty((room, 2), dtype=np.int64),
        np.empty((room, depth), dtype=np.int64),
        np.empty((room, 3), dtype=np.float64),
    )


def _filled(
    tables: Tables, members: NDArray[np.intp], rule: Rule, found: Sequence[NDArray[Any]], stop: Callable[[], bool]
) -> Made:
    """Name variables by their places among all, and make the tests whose tables were too large."""
    pairs, sets, values = members[found[0]], members[found[1]], found[2].copy()
    for t in np.flatnonzero(values[:, 2] < 0).tolist():
        if stop():
            break
        (i, j), given = pairs[t].tolist(), sets[t].tolist()
        values[t] = large_table(tables.of([i, j, *given]), rule)
    return Made(pairs.astype(np.int32), sets.astype(np.int32), values[:, 0], values[:, 1], values[:, 2])


def _tests(  # noqa: C901, PLR0912, PLR0913, PLR0915, PLR0917 (one loop: machine code calls no Python)
    columns: Any,
    weight: Any,
    widths: Any,
    levels: Any,
    n: int,
    adjacent: Any,
    wanted: Any,
    hub: int,
    prefixes: Any,
    pearson: bool,  # noqa: FBT001 (an argument of machine code)
    observed: bool,  # noqa: FBT001 (as above)
    most: float,
    code: Any,
    table: Any,
    margins: Any,
    pairs: Any,
    sets: Any,
    values: Any,
) -> int:
    """Count the table of {hub} ∪ U ∪ {j} for each U of some and each j behind its last element; test in it.

    Returns how many outcomes it wrote. A statistic is NaN where the test has too many degrees of freedom by levels; an
    n of -1 says that the table has too many cells.
    """
    depth, m, k = prefixes.shape[1], len(widths), columns.shape[1]
    size = depth + 2
    # T, who is a hub of it, the mixed radix of its table, and a stratum.
    member, stride, digit = np.zeros(size, np.int64), np.ones(size, np.int64), np.zeros(size, np.int64)
    is_hub = np.zeros(size, np.bool_)
    where = np.zeros((size * size, 2), np.int64)
    member[0] = hub
    done = 0
    for u in range(len(prefixes)):
        room = float(widths[hub])
        for t in range(depth):
            member[t + 1] = prefixes[u, t]
            room *= widths[member[t + 1]]
        coded = False
        for j in range(member[depth] + 1 if depth > 0 else 0, m):
            if j == hub:
                continue
            member[size - 1] = j
            first = True
            for x in range(size):
                is_hub[x] = True
                for y in range(size):
                    if x != y and not adjacent[member[x], member[y]]:
                        is_hub[x] = False
                        break
                if is_hub[x] and member[x] < hub:
                    first = False
                    break
            if not first:
                continue
            begin, worth = done, False
            for x in range(size):
                for y in range(x + 1, size):
                    a, b = member[x], member[y]
                    if not (is_hub[x] or is_hub[y]) or not wanted[a, b]:
                        continue
                    where[done - begin, 0], where[done - begin, 1] = x, y
                    pairs[done, 0], pairs[done, 1] = min(a, b), max(a, b)
                    df, at = (levels[a] - 1.0) * (levels[b] - 1.0), 0
                    # Members 1, 2, … are in order; the hub goes to its place among them.
                    placed = x == 0
                    for s in range(1, size):
                        if not placed and hub < member[s]:
                            sets[done, at] = hub
                            at += 1
                            placed = True
                        if s not in (x, y):
                            sets[done, at] = member[s]
                            at += 1
                    if not placed:
                        sets[done, at] = hub
                    for s in range(depth):
                        df *= levels[sets[done, s]]
                    values[done, 0], values[done, 1], values[done, 2] = np.nan, df, n
                    if df <= most:
                        worth = True
                        if room * widths[j] > table.shape[1]:
                            values[done, 2] = -1
                    done += 1
            if not worth or room * widths[j] > table.shape[1]:
                continue
            if not coded:
                for r in range(k):
                    code[r] = columns[hub, r]
                for t in range(1, depth + 1):
                    column, width = columns[member[t]], widths[member[t]]
                    for r in range(k):
                        code[r] = code[r] * width + column[r]
                coded = True
            column, width = columns[j], widths[j]
            cells = int(room) * width
            even, odd = table[0], table[1]
            for c in range(cells):
                even[c] = 0
                odd[c] = 0
            # Two tables in turn: rows that fall into one cell one after the other would wait for each other.
            paired = k - k % 2
            if len(weight) > 0:
                for r in range(0, paired, 2):
                    even[code[r] * width + column[r]] += weight[r]
                    odd[code[r + 1] * width + column[r + 1]] += weight[r + 1]
                if paired < k:
                    even[code[paired] * width + column[paired]] += weight[paired]
            else:
                for r in range(0, paired, 2):
                    even[code[r] * width + column[r]] += 1
                    odd[code[r + 1] * width + column[r + 1]] += 1
                if paired < k:
                    even[code[paired] * width + column[paired]] += 1
            for c in range(cells):
                even[c] += odd[c]
            for x in range(size - 2, -1, -1):
                stride[x] = stride[x + 1] * widths[member[x + 1]]
            for t in range(begin, done):
                if values[t, 1] > most:
                    continue
                x, y = where[t - begin, 0], where[t - begin, 1]
                down, along = stride[x], stride[y]
                rows, across = levels[member[x]], levels[member[y]]
                statistic, total, free, offset = 0.0, 0.0, 0.0, 0
                for s in range(size):
                    digit[s] = 0
                while True:
                    stratum, rows_seen, columns_seen = 0, 0, 0
                    for c in range(across):
                        margins[1, c] = 0
                    for r in range(rows):
                        at, added = offset + r * down, 0
                        for c in range(across):
                            margins[1, c] += even[at]
                            added += even[at]
                            at += along
                        margins[0, r] = added
                        stratum += added
                        rows_seen += added > 0
                    if stratum > 0:
                        total += stratum
                        for c in range(across):
                            columns_seen += margins[1, c] > 0
                        free += (rows_seen - 1.0) * (columns_seen - 1.0)
                    if rows_seen > 1 and columns_seen > 1:
                        for r in range(rows):
                            if margins[0, r] == 0:
                                continue
                            share, at = float(margins[0, r]) / stratum, offset + r * down
                            for c in range(across):
                                if margins[1, c] > 0:
                                    seen, expected = float(even[at]), share * margins[1, c]
                                    if pearson:
                                        statistic += (seen - expected) ** 2 / expected
                                    elif seen > 0:
                                        statistic += 2 * seen * np.log(seen / expected)
                                at += along
                    s = size - 1
                    while s >= 0:
                        if s not in (x, y):
                            digit[s] += 1
                            offset += stride[s]
                            if digit[s] < levels[member[s]]:
                                break
                            offset -= stride[s] * digit[s]
                            digit[s] = 0
                        s -= 1
                    if s < 0:
                        break
                values[t, 0], values[t, 2] = max(statistic, 0.0), total
                if observed:
                    values[t, 1] = free
    return done
