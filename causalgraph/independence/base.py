"""What a test of conditional independence is, and one level of a search that asks it many times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Level", "Test", "Tested", "one_by_one"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


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


def one_by_one(
    test: Callable[[int, int, tuple[int, ...]], Tested], adjacent: Bools, testable: Bools, depth: int, alpha: float
) -> Level:
    """Make the tests of a level one at a time, for tests that know no better way."""
    v = len(adjacent)
    p = np.full((v, v), -1.0)
    sets = np.zeros((v, v, depth), dtype=np.int32)
    found: list[tuple[tuple[int, int], tuple[int, ...], float]] = []
    tests = 0
    for i, j in zip(*np.nonzero(np.triu(adjacent & testable, 1)), strict=True):
        for given in sets_of(adjacent, int(i), int(j), depth):
            tests += 1
            value = test(int(i), int(j), given).p
            if value > p[i, j]:
                p[i, j] = p[j, i] = value
                sets[i, j] = sets[j, i] = given
            if value > alpha:
                found.append(((int(i), int(j)), given, value))
    return Level(
        tests,
        p,
        sets,
        np.array([pair for pair, _, _ in found], dtype=np.int32).reshape(len(found), 2),
        np.array([given for _, given, _ in found], dtype=np.int32).reshape(len(found), depth),
        np.array([value for _, _, value in found], dtype=float),
    )


def sets_of(adjacent: Bools, i: int, j: int, depth: int) -> Iterator[tuple[int, ...]]:
    """Yield the sets of one size from the neighbours of i or of j, each once."""
    own = [k for k in np.flatnonzero(adjacent[i]).tolist() if k != j]
    other = [k for k in np.flatnonzero(adjacent[j]).tolist() if k != i]
    yield from combinations(own, depth)
    known = set(own)
    yield from (s for s in combinations(other, depth) if not known.issuperset(s))
