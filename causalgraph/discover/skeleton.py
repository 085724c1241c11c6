"""Which variables are adjacent: those that no set of neighbours separates, by PC's search in its stable form.

Source: P. Spirtes, C. Glymour, R. Scheines, "Causation, Prediction, and Search" (2000), section 5.4.2; D. Colombo,
M. Maathuis, "Order-independent constraint-based causal structure learning", J. Mach. Learn. Res. 15 (2014), algorithm
4.1: neighbours are those at the beginning of a level.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from causalgraph.graphs.knowledge import Knowledge
from causalgraph.progress import working

if TYPE_CHECKING:
    from causalgraph.independence.base import Level, Test

__all__ = ["Doubt", "Separator", "Sets", "Skeleton", "Some", "limit", "skeleton"]

Bools = NDArray[np.bool_]

# So many of the sets that separate a pair are kept, the first ones; of the others what they hold.
MOST_KEPT = 8
# About so many counts are laid out at a time.
ROOM = 1 << 22


@dataclass(frozen=True)
class Some(Sequence[frozenset[str]]):
    """A few of many sets, and what all of them hold.

    Attributes:
        shown: the few; it is a sequence of these.
        number: how many there are in all.
        holding: in how many of all each of their members is.

    >>> many = Some((frozenset("A"),), 3, {"A": 1, "B": 2})
    >>> len(many), many.number, many[0]
    (1, 3, frozenset({'A'}))
    """

    shown: tuple[frozenset[str], ...]
    number: int
    holding: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.shown)

    @overload
    def __getitem__(self, at: int) -> frozenset[str]: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[frozenset[str], ...]: ...
    def __getitem__(self, at: int | slice) -> frozenset[str] | tuple[frozenset[str], ...]:
        """Return one of the few, or some."""
        return self.shown[at]


# All of some sets, or a few of many.
Sets = tuple[frozenset[str], ...] | Some


class Separator(NamedTuple):
    """What made two variables independent.

    `best` is the set with the largest p-value, `p`, among those of the level at which they were cut; `all` are all sets
    of that level that separated them, or, where there are more than a few, the first ones and what all of them hold.
    """

    best: tuple[str, ...]
    p: float
    all: Sets

    @property
    def number(self) -> int:
        """How many sets of that level separated them."""
        return self.all.number if isinstance(self.all, Some) else len(self.all)


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
        skipped: how many tests weren't made, for want of observations; edges stay where none was.
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
    skipped: int = 0

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
        found.skipped,
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
    """The pairs that a level cut.

    Attributes:
        codes: i * v + j of each pair, increasing.
        best: the set with the largest p-value.
        p: that value.
        number: how many sets cut it.
        first: where its sets begin, and where they end.
        sets: those that are kept.
        held: where its members begin and end among those below, which only pairs with more sets have.
        members: what is in any of its sets.
        counts: in how many; nothing where sets have one member, as each then is in one.
    """

    codes: NDArray[np.int64]
    best: NDArray[np.int32]
    p: NDArray[np.float64]
    number: NDArray[np.int64]
    first: NDArray[np.int64]
    sets: NDArray[np.int32]
    held: NDArray[np.int64]
    members: NDArray[np.integer[Any]]
    counts: NDArray[np.int32]

    @classmethod
    def of(cls, level: Level, v: int) -> _Cut:
        """Take what a level found."""
        codes = level.pairs[:, 0].astype(np.int64) * v + level.pairs[:, 1]
        sets = level.separators
        if (codes[1:] > codes[:-1]).all():  # in order, and one set each, as where nothing is given
            none = np.zeros(len(codes) + 1, dtype=np.int64), np.zeros(0, np.int32), np.zeros(0, np.int32)
            first = np.arange(len(codes) + 1)
            return cls(codes, sets, level.values, np.ones(len(codes), dtype=np.int64), first, sets, *none)
        small = np.uint16 if v <= 1 << 16 else np.int32  # these are sorted in linear time
        order = np.lexsort((level.pairs[:, 1].astype(small), level.pairs[:, 0].astype(small)))
        codes, sets = codes[order], sets[order]
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        number = np.diff(starts, append=len(codes))
        pairs = codes[starts]
        i, j = pairs // v, pairs % v
        held, members, counts = _held(sets, starts, number, v)
        if (number > MOST_KEPT).any():
            sets = sets[np.arange(len(codes)) - np.repeat(starts, number) < MOST_KEPT]
        first = np.append(0, np.cumsum(np.minimum(number, MOST_KEPT)))
        return cls(pairs, level.sets[i, j], level.p[i, j], number, first, sets, held, members, counts)


def _held(
    sets: NDArray[np.int32], starts: NDArray[np.intp], number: NDArray[np.intp], v: int
) -> tuple[NDArray[np.int64], NDArray[np.integer[Any]], NDArray[np.int32]]:
    """Return what is in the sets of each pair that has many, and in how many; see `_Cut`."""
    small = np.uint16 if v <= 1 << 16 else np.int32
    depth = sets.shape[1]
    many = np.flatnonzero(number > MOST_KEPT)
    sizes = np.zeros(len(number), dtype=np.int64)
    if depth == 1:
        sizes[many] = number[many]
        held = sets[np.repeat(number > MOST_KEPT, number), 0].astype(small)
        return np.append(0, np.cumsum(sizes)), held, np.zeros(0, dtype=np.int32)
    members: list[NDArray[np.integer[Any]]] = [np.zeros(0, dtype=small)]
    counts: list[NDArray[np.int32]] = [np.zeros(0, dtype=np.int32)]
    step = max(1, ROOM // v) if v else 1
    for block in (many[at : at + step] for at in range(0, len(many), step)):
        lengths = number[block]
        rows = np.arange(lengths.sum()) + np.repeat(starts[block] - np.cumsum(lengths) + lengths, lengths)
        which = np.repeat(np.arange(len(block)), lengths)
        keys = (which[:, None] * v + sets[rows]).ravel()
        table = np.bincount(keys, minlength=len(block) * v)
        occur = np.flatnonzero(table)
        sizes[block] = np.bincount(occur // v, minlength=len(block))
        members.append((occur % v).astype(small))
        counts.append(table[occur].astype(np.int32))
    return np.append(0, np.cumsum(sizes)), np.concatenate(members), np.concatenate(counts)


class _Search:
    """The adjacencies as they stand between levels, and what was learnt."""

    def __init__(self, variables: tuple[str, ...], adjacent: Bools) -> None:
        self.variables = variables
        self.adjacent = adjacent
        self.tests = self.skipped = 0
        self.levels: list[tuple[int, int, int]] = []
        self.cuts: list[_Cut] = []
        self._largest = np.full(adjacent.shape, -1.0)
        self._level = np.zeros(adjacent.shape, dtype=np.int32)
        # For each level the pairs that it left and whose p-value was the largest so far, as i * v + j, with the sets.
        self._sets: list[tuple[NDArray[np.intp], NDArray[np.int32]]] = []

    @property
    def edges(self) -> int:
        return int(self.adjacent.sum()) // 2

    def take(self, size: int, level: Level) -> None:
        """Cut what a level separated."""
        v = len(self.variables)
        cut = _Cut.of(level, v)
        self.cuts.append(cut)
        i, j = cut.codes // max(v, 1), cut.codes % max(v, 1)
        self.adjacent = self.adjacent.copy()
        self.adjacent[i, j] = self.adjacent[j, i] = False
        left = np.flatnonzero(self.adjacent)
        values = level.p.ravel()[left]
        left = left[values > self._largest.ravel()[left]]
        self._largest.ravel()[left] = level.p.ravel()[left]
        self._level.ravel()[left] = size
        self._sets.append((left, level.sets.reshape(v * v, size)[left]))
        self.tests += level.tests
        self.skipped += level.skipped
        self.levels.append((size, level.tests, self.edges))

    def doubts(self) -> dict[frozenset[str], Doubt]:
        """Return the largest p-value that each edge survived."""
        found = {}
        v = len(self.variables)
        for size, (left, sets) in enumerate(self._sets):
            last = self.adjacent.ravel()[left] & (self._level.ravel()[left] == size)
            for code, given in zip(left[last].tolist(), sets[last].tolist(), strict=True):
                i, j = divmod(code, v)
                if i < j:
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
                return Separator(self._named(cut.best[at].tolist()), float(cut.p[at]), self._sets(cut, at))
        raise KeyError(pair)

    def _sets(self, cut: _Cut, at: int) -> Sets:
        """Write the sets of a pair out, as far as they are kept."""
        kept = cut.sets[cut.first[at] : cut.first[at + 1]].tolist()
        named = tuple(frozenset(self._named(given)) for given in kept)
        number = int(cut.number[at])
        if number == len(named):
            return named
        held = slice(cut.held[at], cut.held[at + 1])
        members = cut.members[held].tolist()
        counts = cut.counts[held].tolist() if len(cut.counts) else [1] * len(members)
        return Some(named, number, dict(zip(self._named(members), counts, strict=True)))

    def _named(self, given: list[int]) -> tuple[str, ...]:
        return tuple(self._variables[k] for k in given)
