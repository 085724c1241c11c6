"""Who is nearest to whom: rows gathered at the places where they lie, and the nearest places of an arm.

Rows that agree in all that is matched on lie at one place, and count together. So ties are exact, and a million rows
over a thousand places cost a search over a thousand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Sets", "Space", "agreeing", "apart", "nearest", "on_a_line", "whitened"]

# Distances that differ by less than this share of a standard deviation are equal.
TIE = 1e-9
# Directions of the correlation matrix with less variance than this are taken for none: collinear covariates.
FLAT = 1e-10
# At most so many numbers are held at once while a tree is asked.
AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Space:
    """The places at which rows lie.

    Attributes:
        place: ``(n,)``, the number of each row's place.
        points: ``(L, d)``, the places; of one dimension in ascending order.
        tie: distances that differ by less are equal.
        reach: what lies farther apart than this never matches.
    """

    place: NDArray[np.intp]
    points: NDArray[np.float64]
    tie: float
    reach: float = np.inf

    @property
    def size(self) -> int:
        """The number of places."""
        return len(self.points)

    def total(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of numbers of rows, ``(n,)``, at each place."""
        return np.asarray(np.bincount(self.place, weights=numbers, minlength=self.size), dtype=np.float64)


@dataclass(frozen=True)
class Sets:
    """For each place that was asked, the places that are nearest to it.

    Attributes:
        query: ``(e,)``, the place asked, in ascending order; `member`: ``(e,)``, a place near it.
        distance: ``(L,)``, to the farthest member of each place's set, NaN where there is none.
    """

    query: NDArray[np.intp]
    member: NDArray[np.intp]
    distance: NDArray[np.float64]

    @property
    def found(self) -> NDArray[np.bool_]:
        """``(L,)``: which places have a set."""
        return np.isfinite(self.distance)

    def over(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of a number of places, ``(L,)``, over the members of each set."""
        return np.asarray(np.bincount(self.query, numbers[self.member], len(self.distance)), dtype=np.float64)

    def back(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of a number of sets, ``(L,)``, over the sets that each place belongs to."""
        return np.asarray(np.bincount(self.member, numbers[self.query], len(self.distance)), dtype=np.float64)


def whitened(matrix: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return coordinates whose Euclidean distance is Mahalanobis' distance of the rows.

    The covariance is that of all rows. Directions without variance are left out, so that collinear covariates count
    once, and the generalised inverse stands where there is no inverse.

    Args:
        matrix: ``(n, p)``.
        weight: ``(n,)``.

    Returns:
        ``(n, d)``, d the rank; no columns where nothing varies.

    Source: Mahalanobis 1936, On the generalised distance in statistics, Proc. Natl. Inst. Sci. India 2:49.

    >>> whitened(np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]]), np.ones(3)).round(2).ravel().tolist()
    [-1.22, 0.0, 1.22]
    """
    centre = np.average(matrix, axis=0, weights=weight) if matrix.shape[1] else np.empty(0)
    centred = matrix - centre
    spread = np.sqrt(np.average(centred**2, axis=0, weights=weight)) if matrix.shape[1] else np.empty(0)
    # A constant in binary fractions has the variance of its rounding.
    varies = spread > 1e-12 * np.maximum(np.abs(centre), np.finfo(float).tiny)
    if not varies.any():
        return np.empty((len(matrix), 0))
    scaled = centred[:, varies] / spread[varies]
    correlation = (scaled * weight[:, None]).T @ scaled / weight.sum()
    variance, direction = np.linalg.eigh(correlation)
    kept = variance > FLAT
    coordinates: NDArray[np.float64] = scaled @ (direction[:, kept] / np.sqrt(variance[kept]))
    # The sign of a direction is arbitrary: one that no machine chooses.
    if coordinates.shape[1] == 1 and coordinates[:, 0] @ centred[:, varies][:, 0] < 0:
        coordinates = -coordinates
    return coordinates


def on_a_line(values: NDArray[np.float64], spread: float, reach: float = np.inf) -> Space:
    """Gather rows by one number; numbers that differ by rounding alone are one place.

    Args:
        values: ``(n,)``.
        spread: a standard deviation of them.
        reach: how far apart two rows may lie to match.

    >>> on_a_line(np.array([0.2, 0.1, 0.2]), 1.0).place.tolist()
    [1, 0, 1]
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    tie = TIE * spread
    new = np.diff(ordered, prepend=-np.inf) > tie
    place = np.empty(len(values), dtype=np.intp)
    place[order] = np.cumsum(new) - 1
    return Space(place, ordered[new][:, None], tie, reach)


def apart(
    coordinates: NDArray[np.float64],
    told: NDArray[np.float64],
    exact: Sequence[NDArray[np.float64]],
    spread: float,
    reach: float = np.inf,
) -> Space:
    """Gather rows by what is told of them, and keep groups apart that must match exactly.

    Groups become one more coordinate, so far spread that no distance within a group reaches the next.

    Args:
        coordinates: ``(n, d)``, in which distances are measured.
        told: ``(n, p)``, what decides whether two rows lie at one place; as exact as the data are.
        exact: columns, ``(n,)`` each, in which rows must agree to match.
        spread: a standard deviation of the coordinates.
        reach: how far apart two rows may lie to match.
    """
    place, first = agreeing([*told.T, *exact])
    points = coordinates[first]
    if exact:
        group, _ = agreeing(list(exact))
        step = 4 * float(np.linalg.norm(np.ptp(points, axis=0))) + spread
        points, reach = np.column_stack([points, group[first] * step]), min(reach, step / 2)
    if points.shape[1] == 1:
        order = np.argsort(points[:, 0], kind="stable")
        rank = np.empty(len(order), dtype=np.intp)
        rank[order] = np.arange(len(order))
        place, points = rank[place], points[order]
    return Space(place, points, TIE * spread, reach)


def agreeing(columns: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Number the distinct rows of some columns, in their order: each row's number, and the first row of each."""
    n = len(columns[0])
    place = np.zeros(n, dtype=np.intp)
    met = 1
    for column in columns:
        if met == n:
            break
        levels, code = np.unique(column, return_inverse=True)
        place = np.unique(place * len(levels) + code, return_inverse=True)[1]
        met = int(place.max()) + 1
    first = np.empty(met, dtype=np.intp)
    first[place[::-1]] = np.arange(n)[::-1]
    return place, first


def nearest(
    space: Space, copies: NDArray[np.float64], queries: NDArray[np.intp], need: float, *, limited: bool = True
) -> Sets:
    """Find for each place the nearest ones that hold so many rows together; all equally near ones count.

    Args:
        space: the places.
        copies: ``(L,)``, how many rows that may be taken lie at each place.
        queries: the places that ask.
        need: how many rows a set should hold; it holds fewer where there are no more within reach.
        limited: whether what lies out of reach is no match.
    """
    donors = np.flatnonzero(copies > 0)
    limit = space.reach if limited else np.inf
    search = _line if space.points.shape[1] == 1 else _tree
    asked, found, far = search(
        space.points[donors], copies[donors], space.points[queries], need, (limit + space.tie, space.tie)
    )
    order = np.argsort(asked, kind="stable")
    distance = np.full(space.size, np.nan)
    distance[queries] = far
    return Sets(queries[asked[order]], donors[found[order]], distance)


Found = tuple["NDArray[np.intp]", "NDArray[np.intp]", "NDArray[np.float64]"]


def _line(
    donors: NDArray[np.float64],
    copies: NDArray[np.float64],
    asked: NDArray[np.float64],
    need: float,
    limits: tuple[float, float],
) -> Found:
    """Search on a line: walk outward from each place, one step of all of them at a time."""
    limit, tie = limits
    # Walls at the ends, which nothing reaches.
    wall = np.concatenate([[-np.inf], donors[:, 0], [np.inf]])
    at = asked[:, 0]
    right = np.searchsorted(wall, at, side="left")
    left = right - 1
    have, cutoff = np.zeros(len(at)), np.full(len(at), limit)
    far = np.full(len(at), np.nan)
    active = np.arange(len(at))
    who: list[NDArray[np.intp]] = [np.empty(0, dtype=np.intp)]
    whom = who.copy()
    while len(active):
        down, up = at[active] - wall[left[active]], wall[right[active]] - at[active]
        step = np.minimum(down, up)
        go = (step <= cutoff[active]) & np.isfinite(step)
        active, step, leftward = active[go], step[go], (down <= up)[go]
        taken = np.where(leftward, left[active], right[active])
        left[active] -= leftward
        right[active] += ~leftward
        who.append(active)
        whom.append(taken - 1)
        far[active] = step
        enough = (have[active] < need) & (have[active] + copies[taken - 1] >= need)
        have[active] += copies[taken - 1]
        cutoff[active[enough]] = np.minimum(limit, step[enough] + tie)
    return np.concatenate(who), np.concatenate(whom), far


def _tree(
    donors: NDArray[np.float64],
    copies: NDArray[np.float64],
    asked: NDArray[np.float64],
    need: float,
    limits: tuple[float, float],
) -> Found:
    """Search in several dimensions: ask a tree for a few neighbours, and for more where ties might go on."""
    from scipy.spatial import cKDTree

    limit, tie = limits
    tree = cKDTree(donors)
    far = np.full(len(asked), np.nan)
    who: list[NDArray[np.intp]] = [np.empty(0, dtype=np.intp)]
    whom = who.copy()
    waiting = np.arange(len(asked))
    k = int(min(len(donors), max(2, min(need, len(donors)) + 1)))
    bound = np.nextafter(limit, np.inf)
    while len(waiting):
        again = []
        size = max(1, AT_ONCE // k)
        for begin in range(0, len(waiting), size):
            block = waiting[begin : begin + size]
            answers = tree.query(asked[block], k=k, distance_upper_bound=bound, workers=-1)
            distance, index = (np.asarray(part).reshape(len(block), k) for part in answers)
            there = np.isfinite(distance)
            have = np.cumsum(np.where(there, copies[np.where(there, index, 0)], 0.0), axis=1)
            enough = have >= need
            cutoff = np.where(enough[:, -1], distance[np.arange(len(block)), enough.argmax(axis=1)] + tie, np.inf)
            whole = (distance[:, -1] > cutoff) | ~there[:, -1] | (k == len(donors))
            taken = there & (distance <= cutoff[:, None]) & whole[:, None]
            row, column = np.nonzero(taken)
            who.append(block[row])
            whom.append(index[row, column])
            some = taken.any(axis=1)
            far[block[some]] = np.where(taken, distance, -np.inf).max(axis=1)[some]
            again.append(block[~whole])
        waiting = np.concatenate(again)
        k = min(2 * k, len(donors))
    return np.concatenate(who), np.concatenate(whom), far
