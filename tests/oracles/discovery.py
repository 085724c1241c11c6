"""PC as the textbook has it: loops over sets of names, with nothing shared; and tests of independence to try it on.

Source: Spirtes, Glymour, Scheines (2000), Causation, Prediction, and Search, section 5.4.2, in the order-independent
form of Colombo and Maathuis (2014); Meek (1995), rules R1 to R4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, permutations

import numpy as np

from causalgraph.graphs.mixed import MixedGraph
from causalgraph.independence.base import Level, Tested
from causalgraph.names import natural
from oracles.separation import is_separated

__all__ = ["ByGraph", "Cuts", "Noisy", "Told", "Values", "meek", "pc", "textbook_skeleton"]

# The p-value of a pair given a set.
Values = Callable[[str, str, frozenset[str]], float]
# A pair -> the sets of the level that cut it, with their p-values.
Cuts = dict[frozenset[str], dict[frozenset[str], float]]


def textbook_skeleton(
    variables: Iterable[str],
    p: Values,
    alpha: float,
    *,
    fixed: Iterable[frozenset[str]] = (),
    gaps: Iterable[frozenset[str]] = (),
) -> tuple[dict[str, set[str]], Cuts, dict[frozenset[str], float], int]:
    """Return neighbours, what cut each pair, the largest p-value that each kept pair survived, and how many tests."""
    names = sorted(variables)
    fixed, gaps = set(fixed), set(gaps)
    near = {a: {b for b in names if b != a and frozenset((a, b)) not in gaps} for a in names}
    cuts: Cuts = {}
    survived: dict[frozenset[str], float] = {}
    tests = 0
    size = 0
    while any(len(near[a] - {b}) >= size for a in names for b in near[a] if frozenset((a, b)) not in fixed):
        before = {a: set(near[a]) for a in names}
        for a, b in combinations(names, 2):
            pair = frozenset((a, b))
            if b not in before[a] or pair in fixed:
                continue
            sets = {frozenset(s) for s in combinations(sorted(before[a] - {b}), size)}
            sets |= {frozenset(s) for s in combinations(sorted(before[b] - {a}), size)}
            tests += len(sets)
            values = {s: p(a, b, s) for s in sets}
            if values:
                survived[pair] = max(survived.get(pair, -1.0), *values.values())
            cutting = {s: value for s, value in values.items() if value > alpha}
            if cutting:
                cuts[pair] = cutting
                near[a].discard(b)
                near[b].discard(a)
        size += 1
    kept = {pair: value for pair, value in survived.items() if pair not in cuts}
    return near, cuts, kept, tests


def pc(variables: Iterable[str], p: Values, alpha: float) -> set[tuple[str, str, str]]:
    """Return PC's edges where tests don't contradict one another, an undirected one both ways."""
    near, cuts, _, _ = textbook_skeleton(variables, p, alpha)
    arrows = set()
    for b in near:
        for a, c in combinations(sorted(near[b]), 2):
            if c not in near[a] and not any(b in s for s in cuts[frozenset((a, c))]):
                arrows |= {(a, b), (c, b)}
    return meek({frozenset((a, b)) for a in near for b in near[a]}, arrows)


def meek(pairs: set[frozenset[str]], arrows: Iterable[tuple[str, str]]) -> set[tuple[str, str, str]]:
    """Return the edges of a skeleton after Meek's rules, tried on all nodes until nothing changes."""
    into = set(arrows)
    nodes = sorted({n for pair in pairs for n in pair})

    def joined(a: str, b: str) -> bool:
        return frozenset((a, b)) in pairs

    def line(a: str, b: str) -> bool:
        return joined(a, b) and (a, b) not in into and (b, a) not in into

    def follows(a: str, b: str) -> bool:
        if any((c, a) in into and not joined(c, b) for c in nodes if c != b):
            return True
        if any((a, c) in into and (c, b) in into for c in nodes):
            return True
        for c, d in permutations(nodes, 2):
            if line(a, c) and line(a, d) and (c, b) in into and (d, b) in into and not joined(c, d):
                return True
            if line(a, d) and (d, c) in into and (c, b) in into and joined(a, c) and b != d and not joined(d, b):
                return True
        return False

    while True:
        new = {(a, b) for a, b in permutations(nodes, 2) if line(a, b) and follows(a, b)}
        if not new:
            break
        into |= new
    lines = {(a, "--", b) for a, b in permutations(nodes, 2) if line(a, b)}
    return {(a, "->", b) for a, b in into} | lines


class Asked:
    """A test of independence from a function of names; a level is what its definition says."""

    name = "asked"

    def __init__(self, variables: Iterable[str]) -> None:
        self.variables = tuple(sorted(variables, key=natural))
        self.asked: list[tuple[str, str, frozenset[str]]] = []

    def p(self, a: str, b: str, given: frozenset[str]) -> float:
        """Return the p-value."""
        raise NotImplementedError

    def test(self, i: int, j: int, given: Sequence[int]) -> Tested:
        """Test by places."""
        names = self.variables
        self.asked.append((names[i], names[j], frozenset(names[k] for k in given)))
        return Tested(self.p(*self.asked[-1]))

    def level(self, adjacent: np.ndarray, testable: np.ndarray, depth: int, alpha: float) -> Level:
        """Make all tests of a level."""
        v = len(self.variables)
        p, sets = np.full((v, v), -1.0), np.zeros((v, v, depth), dtype=np.int32)
        found = []
        tests = 0
        for i, j in combinations(range(v), 2):
            if adjacent[i, j] and testable[i, j]:
                for given in self.sets(adjacent, i, j, depth):
                    value = self.test(i, j, given).p
                    tests += 1
                    if value > p[i, j]:
                        p[i, j] = p[j, i] = value
                        sets[i, j] = sets[j, i] = given
                    if value > alpha:
                        found.append(((i, j), given, value))
        pairs, separators, values = zip(*found, strict=True) if found else ((), (), ())
        return Level(
            tests,
            p,
            sets,
            np.array(pairs, dtype=np.int32).reshape(len(found), 2),
            np.array(separators, dtype=np.int32).reshape(len(found), depth),
            np.array(values, dtype=float),
        )

    @staticmethod
    def sets(adjacent: np.ndarray, i: int, j: int, depth: int) -> Iterator[tuple[int, ...]]:
        """Yield the sets of neighbours of either."""
        known = set()
        for one, other in ((i, j), (j, i)):
            near = [int(k) for k in np.flatnonzero(adjacent[one]) if k != other]
            for given in combinations(near, depth):
                if given not in known:
                    known.add(given)
                    yield given


class Noisy(Asked):
    """Answers that a hash draws: the same each time, and contradictory. A fraction of them is above 0.1.

    `called` says under which name a variable is drawn for, so that one can be renamed and keep its answers.
    """

    name = "noisy"

    def __init__(
        self, seed: int, variables: Iterable[str], independent: float, called: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(variables)
        self.seed, self.independent = seed, independent
        self.called = called or {name: name for name in self.variables}

    def p(self, a: str, b: str, given: frozenset[str]) -> float:
        """Draw a p-value."""
        key = (self.seed, sorted((self.called[a], self.called[b])), sorted(self.called[k] for k in given))
        drawn = int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=6).digest(), "big") / 2**48
        dependent = 1 - self.independent
        return 0.1 * drawn / dependent if drawn < dependent else 0.1 + 0.5 * drawn


class Told(Asked):
    """Independences that are told: each as ``"A B | C D"``, with p = 0.5; all else depends, with p = 0.001."""

    name = "told"

    def __init__(self, variables: str, *independences: str) -> None:
        super().__init__(variables.split())
        self.told = set()
        for text in independences:
            pair, _, given = text.partition("|")
            self.told.add((frozenset(pair.split()), frozenset(given.split())))

    def p(self, a: str, b: str, given: frozenset[str]) -> float:
        """Look the p-value up."""
        return 0.5 if (frozenset((a, b)), given) in self.told else 0.001


class ByGraph(Asked):
    """What a DAG separates, by enumeration of paths."""

    name = "by graph"

    def __init__(self, graph: MixedGraph) -> None:
        super().__init__(graph.observed - graph.selected)
        self.graph = graph

    def p(self, a: str, b: str, given: frozenset[str]) -> float:
        """Ask the graph."""
        return float(is_separated(self.graph, {a}, {b}, given | self.graph.selected))
