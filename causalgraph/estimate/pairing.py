"""Pairs without replacement: each row is taken at most once, greedily or so that the whole distance is least."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from causalgraph.errors import EstimationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["greedy", "optimal"]

# The table of distances that the optimal pairing needs has at most so many entries (200 MB).
LARGEST_TABLE = 25_000_000
# A tree is built anew once this share of its rows is taken.
STALE = 0.25

Pairs = tuple["NDArray[np.intp]", "NDArray[np.intp]"]


def greedy(
    asking: NDArray[np.float64], donors: NDArray[np.float64], order: NDArray[np.intp], reach: float, tie: float
) -> Pairs:
    """Give each row, in turn, the nearest donor that is still free.

    Args:
        asking: ``(q, d)``, the rows that look for a partner.
        donors: ``(m, d)``; in random order, since of several equally near their order decides.
        order: in which the rows choose.
        reach: how far away a partner may be.
        tie: distances that differ by less are equal.

    Returns:
        Places of the rows that found a partner, and of their partners.
    """
    choose = _line_chooser if donors.shape[1] == 1 else _tree_chooser
    free = choose(asking, donors, tie)
    rows, partners = [], []
    for row in order.tolist():
        found = free(row, reach)
        if found is not None:
            rows.append(row)
            partners.append(found)
    return np.array(rows, dtype=np.intp), np.array(partners, dtype=np.intp)


Chooser = Callable[[int, float], "int | None"]


def _line_chooser(asking: NDArray[np.float64], donors: NDArray[np.float64], tie: float) -> Chooser:
    """Return a function that takes the nearest free donor on a line: two chains skip what is taken."""
    order = np.argsort(donors[:, 0], kind="stable")
    at = donors[order, 0].tolist()
    rank: list[int] = order.tolist()
    m = len(at)
    # up[i]: the first free place at i or above, m for none; down[i + 1] - 1: the last at i or below, -1 for none.
    up, down = list(range(m + 1)), list(range(m + 1))
    start = np.searchsorted(donors[order, 0], asking[:, 0], side="left").tolist()
    value = asking[:, 0].tolist()

    def end(chain: list[int], i: int) -> int:
        while chain[i] != i:
            chain[i] = chain[chain[i]]
            i = chain[i]
        return i

    def take(row: int, reach: float) -> int | None:
        x = value[row]
        above, below = end(up, start[row]), end(down, start[row]) - 1
        upward = at[above] - x if above < m else np.inf
        downward = x - at[below] if below >= 0 else np.inf
        if min(upward, downward) > reach + tie or min(upward, downward) == np.inf:
            return None
        if abs(upward - downward) <= tie:
            chosen = above if rank[above] < rank[below] else below
        else:
            chosen = above if upward < downward else below
        up[chosen] = chosen + 1
        down[chosen + 1] = chosen
        return rank[chosen]

    return take


def _tree_chooser(asking: NDArray[np.float64], donors: NDArray[np.float64], tie: float) -> Chooser:
    """Return a function that takes the nearest free donor in space: a tree, built anew as donors go."""
    from scipy.spatial import cKDTree

    free = np.ones(len(donors), dtype=bool)
    kept = np.arange(len(donors))
    tree = cKDTree(donors)
    taken = 0

    def take(row: int, reach: float) -> int | None:
        nonlocal kept, tree, taken
        if taken == len(kept):
            return None
        if taken > STALE * len(kept) + 16:
            kept, taken = np.flatnonzero(free), 0
            tree = cKDTree(donors[kept])
        k = 4
        while True:
            k = min(k, len(kept))
            distance, index = (np.atleast_1d(part) for part in tree.query(asking[row], k=k))
            open_ = free[kept[index]]
            # Complete once a donor farther than the nearest free one has been seen, so that no tie is missed.
            if open_.any() and (k == len(kept) or distance[-1] > distance[open_][0] + tie):
                break
            if k == len(kept) or distance[-1] > reach + tie:
                break
            k *= 4
        if not open_.any() or distance[open_][0] > reach + tie:
            return None
        near = open_ & (distance <= distance[open_][0] + tie)
        chosen = int(kept[index[near]].min())
        free[chosen] = False
        taken += 1
        return chosen

    return take


def optimal(asking: NDArray[np.float64], donors: NDArray[np.float64], reach: float, tie: float) -> Pairs:
    """Pair rows with donors so that the sum of distances is least.

    Raises:
        EstimationError: the table of distances would be too large (E554).

    Source: Rosenbaum (1989), Optimal matching for observational studies, doi:10.1080/01621459.1989.10478868.

    >>> optimal(np.array([[11.0], [7.0]]), np.array([[8.0], [10.0]]), np.inf, 0.0)[1].tolist()
    [1, 0]
    """
    if len(asking) * len(donors) > LARGEST_TABLE:
        raise EstimationError.because(
            "E554",
            f"optimal pairs of {len(asking):,} with {len(donors):,} rows need a table of all distances",
            fix='say pairs="greedy", or replace=True',
        )
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    cost = cdist(asking, donors)
    far = cost > reach + tie
    # More than all pairs together can cost: as many pairs as the caliper allows come first.
    within = float(cost[~far].max()) if not far.all() else 0.0
    cost[far] = (within + 1.0) * (min(cost.shape) + 1)
    rows, partners = linear_sum_assignment(cost)
    good = ~far[rows, partners]
    return np.asarray(rows[good], dtype=np.intp), np.asarray(partners[good], dtype=np.intp)
