"""Fisher's z: partial correlations of jointly normal variables, from their correlation matrix and n."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from causalgraph.errors import DataError
from causalgraph.independence.base import Ints, Level, Tested, places_in_order
from causalgraph.independence.gaussian_kernel import BELOW_ONE, DETERMINED, each_set, pairwise, tails
from causalgraph.independence.gaussian_sweep import Swept, sweep
from causalgraph.independence.pieces import Neighbours
from causalgraph.names import natural

if TYPE_CHECKING:
    from causalgraph.data.moments import Moments

__all__ = ["FisherZ", "constants", "outcome", "require_variation"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

# A standard deviation below this share of the mean is what rounding leaves of a constant.
ROUNDING = 1e-14
# How far a matrix that was typed or stored may be from symmetric, and its eigenvalues below 0.
ASYMMETRY = 1e-6
NEGATIVE = 1e-4
# In a linear function of standardised variables, what has a smaller weight is rounding.
TAKES_PART = 1e-4
# Thresholds are met by squared correlations first; what lies within this share of one is settled by its p-value.
MARGIN = 1e-6


def constants(moments: Moments) -> tuple[str, ...]:
    """Return the variables that don't vary, in natural order.

    >>> from causalgraph.data.moments import Moments
    >>> constants(Moments(("B", "A"), np.ones(2), np.array([[0.0, 0.0], [0.0, 2.0]]), 3, 3, 3, 0, "counts"))
    ('B',)
    """
    deviation = np.sqrt(np.diag(moments.scatter).clip(min=0) / max(moments.total, 1))
    still = deviation <= ROUNDING * np.abs(moments.mean)
    return tuple(sorted((v for v, s in zip(moments.variables, still.tolist(), strict=True) if s), key=natural))


@dataclass(frozen=True, eq=False)
class FisherZ:
    """Tests i ⟂ j | S by z = √(n - |S| - 3)·atanh(r), r the partial correlation, two-sided as a standard normal.

    An element of S that the rest of S determines adds nothing and isn't counted in |S|. Where S determines i or j, the
    partial correlation isn't defined: p is 0 and there is no statistic, so that no edge is cut on it.

    Attributes:
        variables: in natural order of their names, which is the order of all places below.
        correlation: ``(v, v)``.
        n: the number of independent observations, or what weighted ones are worth.

    Source: R. A. Fisher, "The distribution of the partial correlation coefficient", Metron 3 (1924) 329-332.

    >>> z = FisherZ.of_matrix([[1, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 1]], ["A", "B", "C"], 100)
    >>> z.test(0, 2, [1]).p
    1.0
    >>> round(z.test(0, 2, []).p, 4)
    0.0119
    """

    variables: tuple[str, ...]
    correlation: Floats = field(repr=False)
    n: float
    name: str = "fisher-z"

    @classmethod
    def of_matrix(cls, matrix: Sequence[Sequence[float]] | Floats, variables: Sequence[str], n: float) -> FisherZ:
        """Return the test from a correlation or covariance matrix.

        Args:
            matrix: ``(v, v)``.
            variables: the names of its rows and columns.
            n: how many observations it was made from.

        Raises:
            DataError: E320 where a variable doesn't vary, E321 where this is no such matrix, E322 where n is below 4.
        """
        values = np.array(matrix, dtype=float)
        _check_matrix(values, tuple(variables))
        return _test_of(values, tuple(variables), n, _still(np.diag(values), variables))

    @classmethod
    def of_moments(cls, moments: Moments) -> FisherZ:
        """Return the test from the moments of data; n is what the weights are worth.

        Raises:
            DataError: E320 where a variable doesn't vary, E321 where one has infinite values, E322 where there are
                fewer than 4 rows.
        """
        n = moments.effective if moments.squared else 0.0
        if n:
            _check_finite(moments.scatter, moments.variables)
        return _test_of(moments.scatter, moments.variables, n, constants(moments))

    @property
    def deepest(self) -> int:
        """The largest set that n allows: z needs n - |S| - 3 of at least 1."""
        return math.floor(self.n) - 4

    @cached_property
    def determined(self) -> dict[str, tuple[str, ...]]:
        """Each variable that is a linear function of variables before it, with those that take part.

        Edges among these can't be settled by tests, which is why they stay. With no more observations than variables
        some column always is such a function by chance; only what takes fewer variables than that is told.

        >>> FisherZ.of_matrix([[1, 1, 0], [1, 1, 0], [0, 0, 1]], ["A", "B", "C"], 50).determined
        {'B': ('A',)}
        """
        return _determined(self.correlation, self.variables, math.ceil(self.n) - 1)

    def test(self, i: int, j: int, given: Sequence[int]) -> Tested:
        """Test whether variable i is independent of j given others, told by their places.

        Raises:
            DataError: E322 where n is too small for so many.
        """
        self._check_depth(len(given))
        places = np.array([min(i, j), max(i, j), *sorted(given)])
        square = each_set(self.correlation[places[None, :, None], places[None, None, :]], np.array([self.n - 3]))
        scale = math.sqrt(self.n - 3 - len(given))
        return outcome(float(square[0]), scale, self.n)

    def many(self, pairs: Ints, sets: Ints) -> Floats:
        """Return the p-values of tests with sets of one size; see `Many.many`.

        Raises:
            DataError: E322 where n is too small for so many.
        """
        depth = sets.shape[1]
        self._check_depth(depth)
        places = np.column_stack((pairs, sets))
        matrices = self.correlation[places[:, :, None], places[:, None, :]]
        return tails(each_set(matrices, np.full(len(places), self.n - 3)), math.sqrt(self.n - 3 - depth))

    def level(self, adjacent: Bools, testable: Bools, depth: int, alpha: float) -> Level:
        """Test each adjacent and testable pair given every set of one size from the neighbours of either.

        Raises:
            DataError: E322 where n is too small for sets of this size; see `deepest`.
        """
        self._check_depth(depth)
        return (
            self._marginal(adjacent & testable, alpha) if depth == 0 else self._given(adjacent, testable, depth, alpha)
        )

    def _marginal(self, wanted: Bools, alpha: float) -> Level:
        """Test pairs given nothing, all at once."""
        v = len(self.variables)
        found = pairwise(self.correlation, wanted, math.sqrt(self.n - 3), alpha)
        nothing = np.zeros((len(found.pairs), 0), dtype=np.int32)
        return Level(found.tests, found.p, np.zeros((v, v, 0), np.int32), found.pairs, nothing, found.values)

    def _given(self, adjacent: Bools, testable: Bools, depth: int, alpha: float) -> Level:
        """Test pairs given sets of one size, which is at least 1."""
        v, scale = len(self.variables), math.sqrt(self.n - 3 - depth)
        graph = Neighbours.of(adjacent)
        swept = sweep(self.correlation, graph, testable, depth, _critical(alpha, scale), self.n - 3)
        p, sets = np.full((v, v), -1.0), np.zeros((v, v, depth), dtype=np.int32)
        i, j, squares, chosen = _best(graph, swept)
        p[i, j] = p[j, i] = tails(squares, scale)
        sets[i, j] = sets[j, i] = chosen
        values = tails(swept.squares, scale)
        found = values > alpha
        if found.all():
            return Level(swept.tests, p, sets, swept.pairs, swept.separators, values)
        return Level(swept.tests, p, sets, swept.pairs[found], swept.separators[found], values[found])

    def _check_depth(self, depth: int) -> None:
        if depth > self.deepest:
            raise DataError.because(
                "E322",
                f"{self.n:g} observations are too few to test given {depth} others",
                why="Fisher's z needs at least four more observations than there are variables in the set",
                fix=f"go no deeper than {self.deepest}",
            )


def outcome(square: float, scale: float, n: float) -> Tested:
    """Return what a squared partial correlation says: no statistic where it isn't defined."""
    p = float(tails(np.array([square]), scale)[0])
    if square > 1:
        return Tested(p, None, None, n)
    return Tested(p, scale * math.atanh(min(math.sqrt(square), BELOW_ONE)), None, n)


def _critical(alpha: float, scale: float) -> float:
    """Return a squared correlation that no test with p above alpha exceeds, and hardly any other falls below."""
    if alpha >= 1:
        return 0.0
    if alpha <= 0:
        return 1.5  # every correlation that is defined
    return math.tanh(-NormalDist().inv_cdf(alpha / 2) / scale) ** 2 * (1 + MARGIN) + 2.0**-1000


def _best(graph: Neighbours, swept: Swept) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats, NDArray[np.int32]]:
    """Return each pair i < j that was tested, with the smallest square of its two sides and the set it came with."""
    i = np.repeat(np.arange(len(graph.adjacent)), np.diff(graph.first))
    one = np.flatnonzero(i < graph.near)
    other = graph.back[one]
    best = np.where(swept.least[other] < swept.least[one], other, one)
    tested = np.isfinite(swept.least[best])
    one, best = one[tested], best[tested]
    return i[one], graph.near[one], swept.least[best], swept.chosen[best]


def _test_of(matrix: Floats, variables: tuple[str, ...], n: float, still: tuple[str, ...]) -> FisherZ:
    """Sort the variables, scale the matrix to correlations, and make the test."""
    if not variables:
        raise DataError.because("E321", "there are no variables to test")
    if not 4 <= n < math.inf:
        raise DataError.because(
            "E322",
            f"{n:g} observations can't carry a test of independence",
            why="Fisher's z needs at least four more observations than there are variables in the set",
        )
    require_variation(still)
    order = places_in_order(variables)
    sorted_matrix = matrix[np.ix_(order, order)]
    deviation = np.sqrt(np.diag(sorted_matrix))
    correlation = sorted_matrix / deviation / deviation[:, None]
    np.fill_diagonal(correlation, 1.0)
    return FisherZ(tuple(variables[k] for k in order), np.clip(correlation, -1.0, 1.0), float(n))


def require_variation(still: Sequence[str]) -> None:
    """Refuse variables that don't vary.

    Raises:
        DataError: there are some (E320).
    """
    if still:
        raise DataError.because(
            "E320",
            f"no variation in {', '.join(still)}",
            why="a constant has no correlation with anything, so no test can be made of it",
            fix="leave it out" if len(still) == 1 else "leave them out",
        )


def _still(variances: Floats, variables: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted((v for v, s in zip(variables, variances.tolist(), strict=True) if s == 0), key=natural))


def _check_matrix(matrix: Floats, variables: tuple[str, ...]) -> None:
    """Refuse what isn't a covariance matrix of these variables."""
    v = len(variables)
    if repeated := sorted((name for name, times in Counter(variables).items() if times > 1), key=natural):
        raise DataError.because("E321", f"the matrix has more than one variable called {', '.join(repeated)}")
    if matrix.shape != (v, v):
        shape = " by ".join(str(size) for size in matrix.shape)
        raise DataError.because("E321", f"the matrix is {shape}, but there are {v} names of variables")
    _check_finite(matrix, variables)
    variances = np.diag(matrix)
    if negative := [name for name, value in zip(variables, variances.tolist(), strict=True) if value < 0]:
        raise DataError.because("E321", f"the matrix has a negative variance of {', '.join(negative)}")
    deviation = np.sqrt(np.where(variances > 0, variances, 1.0))
    scaled = matrix / deviation / deviation[:, None]
    if np.abs(scaled - scaled.T).max(initial=0) > ASYMMETRY:
        raise DataError.because("E321", "the matrix isn't symmetric")
    if not _is_positive(scaled, -NEGATIVE):
        raise DataError.because(
            "E321",
            "no data have these correlations: the matrix has a negative eigenvalue",
            why="that comes of correlations taken from different rows each, or from a slip of the pen",
            fix="compute all correlations from the same rows",
        )


def _check_finite(matrix: Floats, variables: tuple[str, ...]) -> None:
    wrong = ~np.isfinite(matrix)
    if wrong.any():
        # A variable without a variance spoils its row and its column; otherwise both ends of an entry are named.
        spoilt = np.diag(wrong) if np.diag(wrong).any() else wrong.any(axis=0)
        named = sorted((variables[k] for k in np.flatnonzero(spoilt).tolist()), key=natural)
        raise DataError.because("E321", f"covariances that aren't finite numbers, of {', '.join(named)}")


def _determined(correlation: Floats, variables: tuple[str, ...], most: int) -> dict[str, tuple[str, ...]]:
    """Take variables one by one into a basis; those of which nothing is left are functions of the basis.

    With ``most`` variables the basis spans all that so many observations can: then only a copy is told.
    """
    v = len(variables)
    if v <= most and _is_positive(correlation, DETERMINED * v):
        return {}
    rows, basis, left = np.zeros((min(v, most), v)), list[int](), np.ones(v)
    told: dict[str, tuple[str, ...]] = {}
    for j in range(v):
        m = len(basis)
        if m == most:
            parts = np.flatnonzero(correlation[j, :j] ** 2 >= 1 - DETERMINED)[:1].tolist()
        elif left[j] > DETERMINED:
            rows[m] = (correlation[j] - rows[:m, j] @ rows[:m]) / math.sqrt(left[j])
            left -= rows[m] ** 2
            basis.append(j)
            continue
        else:
            weights = np.linalg.solve(rows[:m, basis], rows[:m, j])
            parts = [basis[k] for k in np.flatnonzero(np.abs(weights) > TAKES_PART).tolist()]
        if parts:
            told[variables[j]] = tuple(variables[k] for k in parts)
    return told


def _is_positive(matrix: Floats, below: float) -> bool:
    """Is the matrix positive definite with this much taken from its diagonal?"""
    try:
        np.linalg.cholesky(matrix - below * np.eye(len(matrix)))
    except np.linalg.LinAlgError:
        return False
    return True
