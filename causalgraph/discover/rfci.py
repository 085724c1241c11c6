"""RFCI: a PAG's marks from fewer tests, where possible-d-sep would be too large to search.

Edges stay that a search through possible-d-sep would cut; marks are set only where further tests make sure that they
are right all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import combinations, pairwise

import numpy as np

from causalgraph.discover.colliders import Colliders
from causalgraph.discover.fci import TRIPLE, OrientedPag, Short, cut_short, kept_pairs, oriented
from causalgraph.discover.possible import without
from causalgraph.discover.skeleton import Separator, Skeleton, skeleton
from causalgraph.graphs.knowledge import Knowledge
from causalgraph.independence.base import Bools, Test

__all__ = ["rfci"]

Pair = frozenset[str]


def rfci(
    test: Test,
    alpha: float,
    *,
    knowledge: Knowledge | None = None,
    depth: int | None = None,
    selection: bool = True,
    longest: int | None = None,
) -> OrientedPag:
    """Find the RFCI-PAG that test results speak for.

    An unshielded triple is oriented only where both of its edges outlast the set that separated its ends, a
    discriminating path only where all of its edges outlast all subsets of it; an edge that doesn't is cut, and
    orientation begins anew. All triples are looked at before an edge goes, so that no order plays a part.

    Its marks are right by an oracle, and its adjacencies hold those of FCI's PAG. It needn't be the PAG of a class of
    MAGs: `valid` tells.

    Args:
        test: a test, or an oracle.
        alpha: two variables are taken for independent where the p-value is larger.
        knowledge: tiers, forbidden and required; what it says of marks is what it says in `fci`.
        depth: the largest set that is tested for the skeleton; None: as large as need be.
        selection: may the data be selected by what the variables cause? Otherwise rules R5 to R7 are left out.
        longest: the most edges of a path that discriminates a node.

    Source: D. Colombo, M. Maathuis, M. Kalisch, T. Richardson, "Learning high-dimensional directed acyclic graphs
    with latent and selection variables", Annals of Statistics 40 (2012), lemmas 3.1 and 3.2, algorithms 3.1 to 3.3,
    doi:10.1214/11-AOS940.

    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> from causalgraph.independence.oracle import oracle
    >>> graph = MixedGraph.build([("A", "->", "C"), ("B", "->", "C"), ("C", "->", "D")])
    >>> [str(e) for e in rfci(oracle(graph), 0.5).graph.edges]
    ['A o-> C', 'B o-> C', 'C -> D']
    """
    found = skeleton(test, alpha, knowledge=knowledge, depth=depth)
    partial = list(cut_short(found))
    if longest is not None:
        partial.append(f"paths over more than {longest} edges weren't looked at: circles may be too many")
    search = _Search(test, alpha, found, kept_pairs(found, knowledge))
    try:
        while True:
            search.check_triples()
            out = oriented(search.found, Short(search, longest), knowledge, selection=selection)
            if not search.cuts:
                break
            # Orientation begins anew: what was set may rest on an edge that is gone.
            search.cut()
    except KeyboardInterrupt:
        partial.append("the tests of triples and paths were interrupted: marks that need them are left out")
        search.stopped = True
        out = oriented(search.found, search, knowledge, selection=selection)
    found = replace(search.found, tests=search.found.tests + len(search.known))
    return replace(out, skeleton=found, partial=tuple(partial))


@dataclass
class _Search:
    """The skeleton as it shrinks, and what was tested."""

    test: Test
    alpha: float
    found: Skeleton
    kept: Bools
    known: dict[tuple[int, int, tuple[int, ...]], float] = field(default_factory=dict)
    passed: set[tuple[str, ...]] = field(default_factory=set)
    cuts: dict[Pair, Separator] = field(default_factory=dict)
    stopped: bool = False

    def __post_init__(self) -> None:
        """Number the variables."""
        self.number = {name: i for i, name in enumerate(self.found.variables)}

    def check_triples(self) -> None:
        """Cut the edges of unshielded triples that the separator of the ends cuts, until none is left."""
        while True:
            self.complete()
            for triple in self.unshielded():
                cut = self.found.separators.get(frozenset((triple[0], triple[2])))
                if cut is not None and triple not in self.passed and self.outlasts(triple, cut, every=False):
                    self.passed.add(triple)
            if not self.cuts:
                return
            self.cut()

    def complete(self) -> None:
        """Look for separators of the ends of triples that were never tested, as knowledge forbids their edge."""
        answers = Colliders(self.found, self.test, self.alpha)
        for a, _, c in self.unshielded():
            if frozenset((a, c)) not in self.found.separators:
                answers.evidence(a, c)
        self.found = answers.told()

    def unshielded(self) -> Iterator[tuple[str, str, str]]:
        """Yield A, B, C of each A - B - C without an edge A - C."""
        names, adjacent = self.found.variables, self.found.adjacent
        for b, row in enumerate(adjacent):
            for a, c in combinations(np.flatnonzero(row).tolist(), 2):
                if not adjacent[a, c]:
                    yield names[a], names[b], names[c]

    def __call__(self, path: tuple[str, ...]) -> bool | None:
        """Say whether the set with the largest p-value makes a node a collider; a path must outlast its subsets."""
        cut = self.found.separators.get(frozenset((path[0], path[-1])))
        if cut is None or (self.stopped and path not in self.passed):
            return None
        if len(path) > TRIPLE and not self.outlasts(path, cut, every=True):
            return None
        return path[-2] not in cut.best

    def words(self, path: tuple[str, ...]) -> str:
        """Say which test speaks for the answer."""
        pair = frozenset((path[0], path[-1]))
        cut = self.found.separators.get(pair)
        only = {} if cut is None else {pair: cut._replace(all=(frozenset(cut.best),))}
        return Colliders(replace(self.found, separators=only), self.test, self.alpha).words(path)

    def outlasts(self, path: tuple[str, ...], cut: Separator, *, every: bool) -> bool:
        """Do the edges of a path stay given the set that separates its ends (every: and given each subset)?

        An edge that doesn't is to be cut by a smallest subset.
        """
        good = True
        for a, b in pairwise(path):
            rest = sorted(self.number[n] for n in cut.best if n not in (a, b))
            i, j = sorted((self.number[a], self.number[b]))
            if self.kept[i, j] or not (every or self.p(i, j, tuple(rest)) > self.alpha):
                continue
            smallest = self.smallest(i, j, rest)
            if smallest is None:
                continue
            good = False
            pair = frozenset((a, b))
            self.cuts[pair] = _joined(self.cuts[pair], smallest) if pair in self.cuts else smallest
        return good

    def smallest(self, i: int, j: int, pool: list[int]) -> Separator | None:
        """Return the smallest sets within a pool that separate two variables."""
        names = self.found.variables
        for size in range(len(pool) + 1):
            values = {given: self.p(i, j, given) for given in combinations(pool, size)}
            good = {tuple(names[k] for k in given): p for given, p in values.items() if p > self.alpha}
            if good:
                best = max(good, key=good.__getitem__)
                return Separator(best, good[best], tuple(map(frozenset, good)))
        return None

    def p(self, i: int, j: int, given: tuple[int, ...]) -> float:
        """Return the p-value of a test, which is made once."""
        if (i, j, given) not in self.known:
            self.known[i, j, given] = self.test.test(i, j, given).p
        return self.known[i, j, given]

    def cut(self) -> None:
        """Take away the edges that were cut."""
        smaller = without(self.found, dict(self.cuts))
        doubts = {pair: doubt for pair, doubt in self.found.doubts.items() if pair not in self.cuts}
        self.found = replace(smaller, doubts=doubts)
        self.cuts.clear()


def _joined(one: Separator, two: Separator) -> Separator:
    """Return the sets of two findings, those of the smaller size where they differ in it."""
    if len(one.best) != len(two.best):
        return min(one, two, key=lambda s: len(s.best))
    best = one if (one.p, two.best) >= (two.p, one.best) else two
    return Separator(best.best, best.p, tuple(dict.fromkeys((*one.all, *two.all))))
