"""What a test of conditional independence is, and one level of a search that asks it many times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, islice
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from causalgraph.names import natural

__all__ = [
    "Level",
    "Many",
    "Outcomes",
    "Test",
    "Tested",
    "in_batches",
    "one_by_one",
    "p_values",
    "places_in_order",
    "sets_of",
    "side_by_side",
]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
# Pairs ``(m, 2)``, sets ``(m, depth)`` and p-values ``(m,)`` of some tests.
Outcomes = tuple[Ints, Ints, Floats]

# So many tests are made in one go.
BATCH = 1 << 12


@dataclass(frozen=True)
class Tested:
    """The outcome of one test of i ⟂ j | S.

    Attributes:
        p: the p-value; of an oracle 1 or 0.
        statistic: what it comes from, None where there is none.
        df: degrees of freedom, where the statistic has some.
        n: how many observations it used, None for an oracle.
    """

    __test__: ClassVar[bool] = False  # no test of ours, though pytest would take its name for one

    p: float
    statistic: float | None = None
    df: float | None = None
    n: float | None = None


@dataclass(frozen=True)
class Level:
    """What all tests with sets of one size said.

    Attributes:
        tests: how many were made.
        skipped: how many weren't, for want of observations.
        p: ``(v, v)``, symmetric: the largest p-value met for a pair, -1 where it wasn't tested.
        sets: ``(v, v, depth)``, the set with that p-value, as places of variables in increasing order.
        pairs: ``(m, 2)``, i < j of each test that found independence, p above alpha.
        separators: ``(m, depth)``, its set.
        values: ``(m,)``, its p-value.
    """

    tests: int
    p: Floats
    sets: Ints
    pairs: Ints
    separators: Ints
    values: Floats
    skipped: int = 0


def places_in_order(variables: Sequence[str]) -> list[int]:
    """Return the places of variables in natural order of their names, which is that of every test.

    >>> places_in_order(["V10", "V2", "A"])
    [2, 1, 0]
    """
    return sorted(range(len(variables)), key=lambda k: (natural(variables[k]), variables[k]))


class Test(Protocol):
    """A test of conditional independence among some variables."""

    @property
    def name(self) -> str:
        """What it is called, such as ``fisher-z``."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables, in natural order of their names, so that the order of columns changes nothing."""

    def test(self, i: int, j: int, given: Sequence[int]) -> Tested:
        """Test whether variable i is independent of j given others, told by their places."""

    def level(self, adjacent: Bools, testable: Bools, depth: int, alpha: float) -> Level:
        """Test each adjacent and testable pair given every set of one size from the neighbours of either.

        For a pair i, j these are the sets in adj(i) without j and those in adj(j) without i, adjacency as it stands
        when the level begins. A set that both have counts once.
        """


@runtime_checkable
class Many(Protocol):
    """A test that is made faster by the hundred."""

    def many(self, pairs: Ints, sets: Ints) -> Floats:
        """Return the p-values of tests with sets of one size, as `Test.test` says them; NaN where one can't be made.

        Args:
            pairs: ``(m, 2)``, the places i < j of two variables.
            sets: ``(m, depth)``, those of what is given, in increasing order.
        """


def p_values(test: Test, pairs: Ints, sets: Ints) -> Floats:
    """Return the p-values of some tests, together where the test can do that."""
    return test.many(pairs, sets) if isinstance(test, Many) else _each(test.test, pairs, sets)


def _each(test: Callable[[int, int, tuple[int, ...]], Tested], pairs: Ints, sets: Ints) -> Floats:
    """Return the p-values of some tests, made one at a time."""
    asked = zip(pairs.tolist(), sets.tolist(), strict=True)
    return np.array([test(i, j, tuple(given)).p for (i, j), given in asked], dtype=float)


def one_by_one(
    test: Callable[[int, int, tuple[int, ...]], Tested], adjacent: Bools, testable: Bools, depth: int, alpha: float
) -> Level:
    """Make the tests of a level one at a time, for tests that know no better way."""
    return in_batches(partial(_each, test), adjacent, testable, depth, alpha)


def in_batches(
    many: Callable[[Ints, Ints], Floats], adjacent: Bools, testable: Bools, depth: int, alpha: float
) -> Level:
    """Make the tests of a level by what makes some at a time; one whose p-value is NaN counts as skipped."""
    v = len(adjacent)
    p = np.full((v, v), -1.0)
    sets = np.zeros((v, v, depth), dtype=np.int32)
    found: list[Outcomes] = []
    tests = skipped = 0
    wanted = np.argwhere(np.triu(adjacent & testable, 1)).tolist()
    asked = ((i, j, *given) for i, j in wanted for given in sets_of(adjacent, i, j, depth))
    while batch := list(islice(asked, BATCH)):
        places = np.array(batch, dtype=np.int32)
        values = many(places[:, :2], places[:, 2:])
        unmade = int(np.isnan(values).sum())
        tests, skipped = tests + len(values) - unmade, skipped + unmade
        for (i, j, *given), value in zip(batch, values.tolist(), strict=True):
            if value > p[i, j]:
                p[i, j] = p[j, i] = value
                sets[i, j] = sets[j, i] = given
        cut = values > alpha
        found.append((places[cut, :2], places[cut, 2:], values[cut]))
    return Level(tests, p, sets, *side_by_side(found, depth), skipped)


def side_by_side(parts: Sequence[Outcomes], depth: int) -> Outcomes:
    """Put pairs, sets of one size and p-values of several parts, or of none, into one."""
    none = (np.zeros((0, 2), np.int32), np.zeros((0, depth), np.int32), np.zeros(0))
    pairs, sets, p = zip(none, *parts, strict=True)
    return np.concatenate(pairs), np.concatenate(sets), np.concatenate(p)


def sets_of(adjacent: Bools, i: int, j: int, depth: int) -> Iterator[tuple[int, ...]]:
    """Yield the sets of one size from the neighbours of i or of j, each once."""
    own = [k for k in np.flatnonzero(adjacent[i]).tolist() if k != j]
    other = [k for k in np.flatnonzero(adjacent[j]).tolist() if k != i]
    yield from combinations(own, depth)
    known = set(own)
    yield from (s for s in combinations(other, depth) if not known.issuperset(s))
