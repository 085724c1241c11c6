"""Fisher's z where values are missing: each test on the rows that are complete in its own variables.

Rows with the same variables missing are added up together. The moments of the rows that are complete in some variables
are those of all groups that have these variables, put together. A group with fewer rows than variables stays rows: that
takes less room, and a row is a group whose scatter is nothing. So all of it takes at most about twice the room of the
data, and no more than a matrix for each way in which variables are missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from causalgraph.data.moments import gathered
from causalgraph.data.source import Source
from causalgraph.errors import DataError
from causalgraph.independence.base import Bools, Ints, Level, Tested, in_batches, places_in_order
from causalgraph.independence.gaussian import ROUNDING, FisherZ, outcome, require_variation
from causalgraph.independence.gaussian_kernel import each_set, tails
from causalgraph.progress import working
from causalgraph.variables import Variable

__all__ = ["FisherZMissing", "Groups", "rows_with_gaps"]

Floats = NDArray[np.float64]

# About so many numbers are laid out at a time.
ROOM = 1 << 21
# The least n of a test, less the size of its set.
LEAST = 4


@dataclass(frozen=True)
class Groups:
    """Moments of rows, those together that have the same variables.

    Attributes:
        known: ``(g, v)``, which variables each group has.
        total: ``(g,)``, Σw.
        squared: ``(g,)``, Σw², or Σw where the weights are counts.
        centre: ``(v,)``, what was taken from all values, so that large ones cost no digits.
        mean: ``(g, v)``, less the centre; 0 where the group doesn't have the variable.
        scatter: ``(k, v, v)``, of the first k groups, 0 likewise; the others are single rows, and have none.
    """

    known: Bools
    total: Floats
    squared: Floats
    centre: Floats
    mean: Floats
    scatter: Floats

    @classmethod
    def of(cls, blocks: Iterable[tuple[Floats, Floats]], v: int, *, counted: bool) -> Groups:
        """Add up rows.

        Args:
            blocks: rows ``(b, v)``, NaN where a value is missing, and their weights ``(b,)``, above 0.
            v: how many variables there are.
            counted: are the weights counts?

        >>> rows = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 6.0], [2.0, 4.0]])
        >>> found = Groups.of([(rows, np.ones(4))], 2, counted=True)
        >>> found.known.tolist(), found.total.tolist()
        ([[True, True], [True, False]], [3.0, 1.0])
        """
        held: dict[bytes, _Group] = {}
        for x, w in blocks:
            if not len(w):
                continue
            known = ~np.isnan(x)
            packed, where = np.unique(np.packbits(known, axis=1), axis=0, return_inverse=True)
            order = np.argsort(where.ravel(), kind="stable")
            ends = np.cumsum(np.bincount(where.ravel(), minlength=len(packed)))[:-1]
            for bits, rows in zip(packed, np.split(order, ends), strict=True):
                held.setdefault(bits.tobytes(), _Group(known[rows[0]])).take(x[rows], w[rows])
        return _together(
            [held[bits] for bits in sorted(held, reverse=True) if held[bits].known.any()], v, counted=counted
        )

    def complete(self, places: NDArray[np.intp] | Ints) -> Bools:
        """Return which groups have all of some variables, ``(m, a)`` places to ``(m, g)``."""
        here: Bools = np.logical_and.reduce([self.known.T[column] for column in places.T])
        return here

    def correlations(self, places: NDArray[np.intp] | Ints) -> tuple[Floats, Floats, Bools]:
        """Return correlations among some variables over the rows that have all of them, for many such sets at once.

        Args:
            places: ``(m, a)``.

        Returns:
            ``(m, a, a)``, zeros for a variable that doesn't vary; ``(m,)``, what the rows are worth in plain ones;
            ``(m, a)``, which variables vary.

        Source: Chan, Golub and LeVeque (1983), as in `causalgraph.data.moments.gathered`.
        """
        here, k = self.complete(places), len(self.scatter)
        weight = np.where(here, self.total, 0.0)
        total, squared = weight.sum(axis=1), np.where(here, self.squared, 0.0).sum(axis=1)
        some = np.where(total > 0, total, 1.0)
        apart = self.mean.T[places]  # (m, a, g)
        mean = np.einsum("mg,mag->ma", weight, apart) / some[:, None]
        apart -= mean[:, :, None]
        scatter = (apart * weight[:, None, :]) @ apart.transpose(0, 2, 1)
        rest = np.einsum("mg,mag->ma", weight, apart) / some[:, None]
        scatter -= rest[:, :, None] * rest[:, None, :] * total[:, None, None]
        within = self.scatter[:, places[:, :, None], places[:, None, :]]  # (k, m, a, a)
        scatter += np.einsum("mk,kmab->mab", here[:, :k].astype(float), within)
        variance = np.einsum("maa->ma", scatter)
        varies = np.sqrt(variance.clip(min=0) / some[:, None]) > ROUNDING * np.abs(self.centre[places] + mean)
        deviation = np.sqrt(np.where(varies, variance, 1.0))
        scaled = scatter / deviation[:, :, None] / deviation[:, None, :]
        scaled = np.where(varies[:, :, None] & varies[:, None, :], np.clip(scaled, -1.0, 1.0), 0.0)
        ones = np.arange(places.shape[1])
        scaled[:, ones, ones] = varies
        return scaled, np.where(squared > 0, total**2 / np.where(squared > 0, squared, 1.0), 0.0), varies


# Mean, scatter, Σw, Σw².
Sums = tuple[Floats, Floats, float, float]


class _Group:
    """Rows that have the same variables, while they are read: they are added up once there are more than variables."""

    def __init__(self, known: Bools) -> None:
        self.known = known
        self.rows: list[tuple[Floats, Floats]] = []
        self.waiting = 0
        self.sums: Sums | None = None

    def take(self, x: Floats, w: Floats) -> None:
        self.rows.append((x[:, self.known], w))
        self.waiting += len(w)
        if self.waiting > len(self.known) or self.sums is not None:
            mean, scatter, total, squared, _ = gathered(self.rows, int(self.known.sum()))
            self.sums = _merged(self.sums, (mean, scatter, total, squared))
            self.rows, self.waiting = [], 0


def _merged(one: Sums | None, two: Sums) -> Sums:
    """Put moments of different rows together; see `gathered`."""
    if one is None:
        return two
    total, apart = one[2] + two[2], two[0] - one[0]
    scatter = one[1] + two[1] + np.outer(apart, apart) * (one[2] * two[2] / total)
    return one[0] + apart * (two[2] / total), scatter, total, one[3] + two[3]


def _together(groups: Sequence[_Group], v: int, *, counted: bool) -> Groups:
    """Lay groups side by side, those with a scatter first."""
    added = [(g.known, g.sums) for g in groups if g.sums is not None]
    single = [(g.known, x, w) for g in groups for x, w in g.rows]
    count = len(added) + sum(len(w) for _, _, w in single)
    known, mean = np.zeros((count, v), dtype=bool), np.zeros((count, v))
    total, squared, scatter = np.zeros(count), np.zeros(count), np.zeros((len(added), v, v))
    for at, (has, sums) in enumerate(added):
        known[at], mean[at, has], scatter[at][np.ix_(has, has)], total[at], squared[at] = has, *sums
    at = len(added)
    for has, x, w in single:
        rows = slice(at, at + len(w))
        known[rows], total[rows], squared[rows] = has, w, w * w
        mean[rows, has] = x
        at += len(w)
    weight = known * total[:, None]
    whole = weight.sum(axis=0)
    centre = (weight * mean).sum(axis=0) / np.where(whole > 0, whole, 1.0)
    mean = np.where(known, mean - centre, 0.0)
    return Groups(known, total, total if counted else squared, centre, mean, scatter)


def rows_with_gaps(source: Source, variables: Sequence[Variable]) -> Iterator[tuple[Floats, Floats]]:
    """Yield blocks of rows ``(b, v)``, NaN where a value is missing, with their weights ``(b,)``, all above 0.

    Raises:
        DataError: what `Source.number` raises; bad weights (E304).
    """
    weight, _ = source.weighting
    numbers = [replace(source.number(v), centre=0.0) for v in variables]
    for block in source.engine.batches([*numbers, *([weight] if weight is not None else [])]):
        x = block[:, : len(numbers)]
        w = block[:, -1] if weight is not None else np.ones(len(block))
        used = w > 0  # which isn't true of a missing weight either
        yield x[used], w[used]


@dataclass(frozen=True, eq=False)
class FisherZMissing:
    """Fisher's z as `FisherZ` has it, each test on the rows that are complete in its variables.

    A test isn't made, and has no p-value, where these rows are too few or where one of the two doesn't vary in them.

    Attributes:
        variables: in natural order of their names.
        groups: the moments.
        n: how many observations there are, incomplete ones among them.

    Source: R. Strobl, S. Visweswaran, P. Spirtes, "Fast causal inference with non-random missingness by test-wise
    deletion", Int. J. Data Sci. Anal. 6 (2018) 47-62, doi:10.1007/s41060-017-0094-6.

    >>> rows = np.array([[1, 2, 1], [2, 1, np.nan], [3, 5, 2], [4, 4, 7], [5, 7, np.nan], [6, 5, 3]], dtype=float)
    >>> z = FisherZMissing.of_rows([(rows, np.ones(6))], ["A", "B", "C"])
    >>> z.test(0, 1, []).n, z.test(0, 2, []).n
    (6.0, 4.0)
    """

    variables: tuple[str, ...]
    groups: Groups = field(repr=False)
    n: float
    name: str = "fisher-z"

    @classmethod
    def of_rows(
        cls, blocks: Iterable[tuple[Floats, Floats]], variables: Sequence[str], *, counted: bool = False
    ) -> FisherZMissing:
        """Return the test of rows.

        Args:
            blocks: rows ``(b, v)``, NaN where a value is missing, and their weights ``(b,)``, above 0.
            variables: the names of the columns.
            counted: are the weights counts? Otherwise rows are worth (Σw)²/Σw².

        Raises:
            DataError: E307 where there are no rows, E320 where a variable doesn't vary, E322 where no two variables
                have four rows in common.
        """
        order = places_in_order(variables)
        names = tuple(variables[k] for k in order)
        groups = Groups.of(((x[:, order], w) for x, w in blocks), len(names), counted=counted)
        if not len(groups.total):
            raise DataError.because("E307", "the data have no rows")
        places = np.arange(len(names))[:, None]
        varies = np.concatenate([groups.correlations(part)[2][:, 0] for part in _portions(groups, places)])
        require_variation([name for name, yes in zip(names, varies.tolist(), strict=True) if not yes])
        squared = float(groups.squared.sum())
        made = cls(names, groups, float(groups.total.sum()) ** 2 / squared)
        if made.deepest < 0:
            raise DataError.because(
                "E322",
                f"no two variables have values in as many as {LEAST} rows together",
                why="Fisher's z needs at least four more observations than there are variables in the set",
            )
        return made

    @classmethod
    def of_source(cls, source: Source, variables: Sequence[Variable]) -> FisherZMissing:
        """Return the test of data, in one pass over the rows.

        Raises:
            DataError: as `of_rows`; what `Source.number` raises; bad weights (E304).
        """
        counted = source.weighting[1] == "counts"
        with working(f"adding up {source.size:,} rows"):
            return cls.of_rows(rows_with_gaps(source, variables), [v.name for v in variables], counted=counted)

    @cached_property
    def whole(self) -> FisherZ | None:
        """The test of all rows, where none has a missing value."""
        groups = self.groups
        if not groups.known.all():
            return None
        places = np.arange(len(self.variables))[None, :]
        correlation, n, _ = groups.correlations(places)
        return FisherZ(self.variables, correlation[0], float(n[0]))

    @property
    def deepest(self) -> int:
        """The largest set that the rows allow which some two variables have in common."""
        return math.floor(self._most) - LEAST

    @cached_property
    def _most(self) -> float:
        known = self.groups.known.astype(float)
        pairs = [known.T @ (known * of[:, None]) for of in (self.groups.total, self.groups.squared)]
        n = pairs[0] ** 2 / np.where(pairs[1] > 0, pairs[1], 1.0)
        return float((n if len(n) == 1 else n[~np.eye(len(n), dtype=bool)]).max())

    def test(self, i: int, j: int, given: Sequence[int]) -> Tested:
        """Test whether variable i is independent of j given others; p is NaN where that can't be tested."""
        places = np.array([[min(i, j), max(i, j), *sorted(given)]])
        correlation, n, varies = self.groups.correlations(places)
        worth = float(n[0])
        if worth < len(given) + LEAST or not varies[0, :2].all():
            return Tested(math.nan, None, None, worth)
        square = each_set(correlation, n - 3)
        return outcome(float(square[0]), math.sqrt(worth - 3 - len(given)), worth)

    def many(self, pairs: Ints, sets: Ints) -> Floats:
        """Return the p-values of tests with sets of one size; see `Many.many`."""
        places, depth = np.column_stack((pairs, sets)), sets.shape[1]
        return np.concatenate([np.zeros(0), *(self._many(part, depth) for part in _portions(self.groups, places))])

    def _many(self, places: NDArray[np.intp] | Ints, depth: int) -> Floats:
        correlation, n, varies = self.groups.correlations(places)
        p = np.full(len(places), math.nan)
        made = np.flatnonzero((n >= depth + LEAST) & varies[:, :2].all(axis=1))
        squares = each_set(correlation[made], n[made] - 3)
        # Tests on the same number of rows have the same scale.
        for worth in np.unique(n[made]).tolist():
            same = n[made] == worth
            p[made[same]] = tails(squares[same], math.sqrt(worth - 3 - depth))
        return p

    def level(self, adjacent: Bools, testable: Bools, depth: int, alpha: float) -> Level:
        """Test each adjacent and testable pair given every set of one size from the neighbours of either."""
        return in_batches(self.many, adjacent, testable, depth, alpha)


def _portions(groups: Groups, places: NDArray[np.intp] | Ints) -> Iterator[NDArray[np.intp] | Ints]:
    """Split tests so that what is laid out for them stays within bounds."""
    a = places.shape[1]
    step = max(1, ROOM // (a * len(groups.total) + a * a * (len(groups.scatter) + 1)))
    return (places[at : at + step] for at in range(0, len(places), step))
