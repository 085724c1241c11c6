"""Which variables are adjacent: those that no set of neighbours separates, by PC's search in its stable form.

Source: P. Spirtes, C. Glymour, R. Scheines, "Causation, Prediction, and Search" (2000), section 5.4.2; D. Colombo,
M. Maathuis, "Order-independent constraint-based causal structure learning", J. Mach. Learn. Res. 15 (2014), algorithm
4.1: neighbours are those at the beginning of a level.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from causalgraph.discover.knowledge import Knowledge
from causalgraph.progress import working

if TYPE_CHECKING:
    from causalgraph.independence.base import Level, Test

__all__ = ["Doubt", "Separator", "Skeleton", "limit", "skeleton"]

Bools = NDArray[np.bool_]


class Separator(NamedTuple):
    """What made two variables independent.

    `best` is the set with the largest p-value, `p`, among those of the level at which they were cut; `all` are all sets
    of that level that separated them.
    """

    best: tuple[str, ...]
    p: float
    all: tuple[frozenset[str], ...]


class Doubt(NamedTuple):
    """The test that came nearest to cutting an edge: the set and the p-value."""

    given: tuple[str, ...]
    p: float


@dataclass(frozen=True)
class Skeleton:
    """Which variables are adjacent, and the tests that say so.

    Attributes:
        variables: in natural order.
        adjacent: ``(v, v)``, symmetric.
        separators: what separated each pair that a test cut.
        doubts: for each pair that was tested and kept, the test with the largest p-value.
        tests: how many tests were made.
        depth: the largest size of a set that was tested, -1 where nothing was.
        complete: whether no larger sets were left to test.
        levels: for each size of sets: the size, the tests made, the edges left.
        stopped: what kept it from going on, where something did.
    """

    variables: tuple[str, ...]
    adjacent: Bools
    separators: Mapping[frozenset[str], Separator]
    doubts: Mapping[frozenset[str], Doubt]
    tests: int
    depth: int
    complete: bool
    levels: tuple[tuple[int, int, int], ...]
    stopped: str = ""

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """The pairs that are adjacent, in order."""
        return tuple((self.variables[i], self.variables[j]) for i, j in np.argwhere(np.triu(self.adjacent, 1)).tolist())


def skeleton(
    test: Test,
    alpha: float,
    *,
    knowledge: Knowledge | None = None,
    depth: int | None = None,
    start: Bools | None = None,
) -> Skeleton:
    """Find the skeleton level by level, from sets of no variable upward.

    Which tests are made doesn't depend on the order of variables. Ctrl-C ends the search after the last whole level.

    Args:
        test: what decides; its attribute ``deepest``, where it has one, is the size of the largest set it can judge.
        alpha: two variables are cut where a p-value is above it.
        knowledge: pairs without a possible arrow aren't tested and have no edge; required ones aren't and have one.
        depth: the size of the largest set to try.
        start: ``(v, v)``, the pairs to begin with; all of them, unless said.

    Raises:
        ModelError: the knowledge names something that isn't among the variables (E132).

    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> from causalgraph.independence.oracle import oracle
    >>> chain = oracle(MixedGraph.build([("A", "->", "B"), ("B", "->", "C")]))
    >>> found = skeleton(chain, 0.05)
    >>> found.edges, found.separators[frozenset("AC")].best, found.tests
    ((('A', 'B'), ('B', 'C')), ('B',), 6)
    """
    variables = test.variables
    barred, required = (knowledge or Knowledge()).masks(variables)
    adjacent = np.ones(barred.shape, dtype=bool) if start is None else np.asarray(start, dtype=bool)
    fixed = required | required.T
    adjacent = (adjacent & ~(barred & barred.T)) | fixed
    np.fill_diagonal(adjacent, val=False)
    found = _Search(variables, adjacent)
    stopped = ""
    for size in count():
        testable = found.adjacent & ~fixed
        if not _enough(found.adjacent, testable, size):
            break
        stopped = limit(test, size, depth)
        if stopped:
            break
        try:
            with working(f"level {size}: {found.edges:,} edges left, {found.tests:,} tests"):
                found.take(size, test.level(found.adjacent, testable, size, alpha))
        except KeyboardInterrupt:
            stopped = f"interrupted at sets of {size}"
            break
    return Skeleton(
        variables,
        found.adjacent,
        _Separators(variables, tuple(found.cuts)),
        found.doubts(),
        found.tests,
        len(found.levels) - 1,
        not stopped,
        tuple(found.levels),
        stopped,
    )


def _enough(adjacent: Bools, testable: Bools, size: int) -> bool:
    """Say whether a testable pair has a side with so many further neighbours."""
    return bool((testable.any(axis=1) & (adjacent.sum(axis=1) > size)).any())


def limit(test: Test, size: int, depth: int | None) -> str:
    """Say what forbids sets of a size: what was asked for, or what the test can't do; nothing where nothing does."""
    deepest: int | None = getattr(test, "deepest", None)
    if depth is not None and size > depth:
        return f"sets of more than {depth} weren't to be tried"
    if deepest is not None and size > deepest:
        return f"there are too few observations for sets of more than {deepest}"
    return ""


@dataclass(frozen=True)
class _Cut:
    """The pairs that a level cut: ``codes`` are i * v + j, increasing, ``first`` where a pair's sets begin."""

    codes: NDArray[np.int64]
    best: NDArray[np.int32]
    p: NDArray[np.float64]
    first: NDArray[np.intp]
    sets: NDArray[np.int32]


class _Search:
    """The adjacencies as they stand between levels, and what was learnt."""

    def __init__(self, variables: tuple[str, ...], adjacent: Bools) -> None:
        self.variables = variables
        self.adjacent = adjacent
        self.tests = 0
        self.levels: list[tuple[int, int, int]] = []
        self.cuts: list[_Cut] = []
        self._largest = np.full(adjacent.shape, -1.0)
        self._level = np.zeros(adjacent.shape, dtype=np.int32)
        self._sets: list[NDArray[np.int32]] = []

    @property
    def edges(self) -> int:
        return int(self.adjacent.sum()) // 2

    def take(self, size: int, level: Level) -> None:
        """Cut what a level separated."""
        v = len(self.variables)
        codes = level.pairs[:, 0].astype(np.int64) * v + level.pairs[:, 1]
        order = np.argsort(codes, kind="stable")
        pairs, first = np.unique(codes[order], return_index=True)
        i, j = pairs // v, pairs % v
        ends = np.append(first, len(codes))
        self.cuts.append(_Cut(pairs, level.sets[i, j], level.p[i, j], ends, level.separators[order]))
        self.adjacent = self.adjacent.copy()
        self.adjacent[i, j] = self.adjacent[j, i] = False
        larger = level.p > self._largest
        self._largest[larger] = level.p[larger]
        self._level[larger] = size
        self._sets.append(level.sets)
        self.tests += level.tests
        self.levels.append((size, level.tests, self.edges))

    def doubts(self) -> dict[frozenset[str], Doubt]:
        """Return the largest p-value that each edge survived."""
        found = {}
        for i, j in np.argwhere(np.triu(self.adjacent & (self._largest >= 0), 1)).tolist():
            given = self._sets[self._level[i, j]][i, j].tolist()
            pair = frozenset((self.variables[i], self.variables[j]))
            found[pair] = Doubt(tuple(self.variables[k] for k in given), float(self._largest[i, j]))
        return found


class _Separators(Mapping[frozenset[str], Separator]):
    """The separators of all pairs, each written out when it is asked for: there may be millions."""

    def __init__(self, variables: tuple[str, ...], cuts: tuple[_Cut, ...]) -> None:
        self._variables = variables
        self._cuts = cuts
        self._place = {name: i for i, name in enumerate(variables)}

    def __len__(self) -> int:
        return sum(len(cut.codes) for cut in self._cuts)

    def __iter__(self) -> Iterator[frozenset[str]]:
        v = len(self._variables)
        for cut in self._cuts:
            for code in cut.codes.tolist():
                yield frozenset((self._variables[code // v], self._variables[code % v]))

    def __getitem__(self, pair: frozenset[str]) -> Separator:
        if len(pair) != 2 or not pair <= self._place.keys():
            raise KeyError(pair)
        i, j = sorted(self._place[name] for name in pair)
        code = i * len(self._variables) + j
        for cut in self._cuts:
            at = int(np.searchsorted(cut.codes, code))
            if at < len(cut.codes) and cut.codes[at] == code:
                sets = cut.sets[cut.first[at] : cut.first[at + 1]].tolist()
                named = tuple(frozenset(self._variables[k] for k in given) for given in sets)
                return Separator(self._named(cut.best[at].tolist()), float(cut.p[at]), named)
        raise KeyError(pair)

    def _named(self, given: list[int]) -> tuple[str, ...]:
        return tuple(self._variables[k] for k in given)
