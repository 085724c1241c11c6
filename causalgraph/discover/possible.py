"""Possible-d-sep: where a separator may lie that no set of neighbours is, and the tests of edges given sets of it.

With latent variables two nodes may be separated only by a set that holds none of their neighbours. Such a set can be
found among the nodes that colliders and triangles lead to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import count
from typing import Literal

import networkx as nx
import numpy as np

from causalgraph.discover.skeleton import Doubt, Separator, Skeleton, limit
from causalgraph.graphs.marks import ARROW, marks_of
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.independence.base import Bools, Level, Test
from causalgraph.progress import working

__all__ = ["POLICIES", "Overlaid", "Policy", "possible_d_sep", "regions", "retested", "without"]

Policy = Literal["all", "between", "none"]

# Which nodes of possible-d-sep(A) an edge A - B is tested with: all, those on a path between A and B, none at all.
POLICIES: tuple[Policy, ...] = ("all", "between", "none")


def possible_d_sep(
    graph: MixedGraph,
    *,
    undecided: AbstractSet[tuple[str, ...]] = frozenset(),
    longest: int | None = None,
) -> Bools:
    """Return which nodes are in one another's possible-d-sep, breadth first over edges.

    C is in possible-d-sep(A) where a walk leads from A to C on which each inner node is a collider or in a triangle
    with the two beside it. A walk that meets a node twice counts as well: the set may be larger than by paths, which
    costs tests and spoils nothing. The relation is symmetric, and neighbours are in it.

    Args:
        graph: the adjacencies, and the arrowheads that unshielded colliders have set.
        undecided: unshielded triples that may be colliders, as no decision was made; they are passed.
        longest: no walk over more edges than this is taken.

    Returns:
        ``(v, v)``, symmetric, in the order of the graph's nodes.

    Source: P. Spirtes, C. Glymour, R. Scheines, "Causation, Prediction, and Search" (2000), section 6.7; D. Colombo,
    M. Maathuis, M. Kalisch, T. Richardson, Annals of Statistics 40 (2012), definition 3.3, doi:10.1214/11-AOS940.

    >>> edges = [("A", "o->", "B"), ("B", "<->", "C"), ("C", "o-o", "D")]
    >>> [sorted(np.flatnonzero(row).tolist()) for row in possible_d_sep(MixedGraph.build(edges, kind="pag"))]
    [[1, 2], [0, 2], [0, 1, 3], [2]]
    """
    at = marks_of(graph)
    number = {name: i for i, name in enumerate(graph.nodes)}
    near = {n: sorted(others, key=number.__getitem__) for n, others in graph.adjacent.items()}

    def passes(a: str, b: str, c: str) -> bool:
        return (a, c) in at or at[b, a] == ARROW == at[b, c] or (a, b, c) in undecided

    onward = {(a, b): [(b, c) for c in near[b] if c != a and passes(a, b, c)] for a in near for b in near[a]}
    found = np.zeros((len(near), len(near)), dtype=bool)
    for a, row in zip(graph.nodes, found, strict=True):
        met = set(wave := [(a, b) for b in near[a]])
        for step in count(1):
            row[[number[b] for _, b in wave]] = True
            if not wave or step == longest:
                break
            following = dict.fromkeys(arc for last in wave for arc in onward[last] if arc not in met and arc[1] != a)
            met.update(wave := list(following))
    return found


def regions(graph: MixedGraph, possible: Bools, policy: Policy) -> list[Bools]:
    """Return the nodes that tests of edges may be given, as matrices: an edge is tested by the one that joins it.

    A path between the ends of an edge stays in the part of the graph that no single node cuts, so that there is one
    matrix a part where only nodes ``"between"`` count.

    Source: D. Colombo et al. (2012), section 3.1 on FCI_path, doi:10.1214/11-AOS940.
    """
    if policy == "none":
        return []
    if policy == "all":
        return [possible]
    number = {name: i for i, name in enumerate(graph.nodes)}
    joined: nx.Graph[int] = nx.Graph((number[e.left], number[e.right]) for e in graph.edges)
    out = []
    for part in sorted(sorted(edges) for edges in nx.biconnected_component_edges(joined)):
        inside = np.zeros(len(possible), dtype=bool)
        inside[np.ravel(part)] = True
        out.append(possible & inside & inside[:, None])
    return out


def retested(
    test: Test, found: Skeleton, candidates: Sequence[Bools], alpha: float, *, kept: Bools, depth: int | None
) -> Skeleton:
    """Test each edge again given sets of candidates at either of its ends, all edges with the same candidates.

    Args:
        test: the test.
        found: the skeleton so far.
        candidates: which nodes an edge between two of a matrix may be tested with, ``(v, v)`` and symmetric each.
        alpha: an edge goes where a test has a larger p-value.
        kept: ``(v, v)``, edges that stay untested.
        depth: the largest set.

    Returns:
        The skeleton without the edges that a test cut; not complete where a cap or Ctrl-C ended it.
    """
    # Sets of neighbours alone were tried when the skeleton was made.
    news = [np.logical_or.reduce(wide & ~found.adjacent, axis=1) for wide in candidates]
    work = [(wide, wide & ~kept & (n | n[:, None]), wide.sum(axis=1)) for wide, n in zip(candidates, news, strict=True)]
    for size in count(1):
        left = [(wide, found.adjacent & pairs & ((n > size) | (n > size)[:, None])) for wide, pairs, n in work]
        left = [(wide, pairs) for wide, pairs in left if pairs.any()]
        if not left:
            break
        if why := limit(test, size, depth):
            return _stopped(found, why)
        try:
            with working(f"possible-d-sep, level {size}: {found.adjacent.sum() // 2:,} edges, {found.tests:,} tests"):
                levels = [test.level(wide, pairs, size, alpha) for wide, pairs in left]
        except KeyboardInterrupt:
            return _stopped(found, f"interrupted at sets of {size} of possible-d-sep")
        found = _after(found, levels, size)
    return found


def _stopped(found: Skeleton, why: str) -> Skeleton:
    return replace(found, complete=False, stopped=found.stopped or why)


def _after(found: Skeleton, levels: list[Level], size: int) -> Skeleton:
    """Return the skeleton after tests with sets of one size."""
    names = found.variables
    cuts: dict[frozenset[str], Separator] = {}
    doubts = dict(found.doubts)
    for level in levels:
        together: dict[tuple[int, int], list[frozenset[str]]] = {}
        for (i, j), given in zip(level.pairs.tolist(), level.separators.tolist(), strict=True):
            together.setdefault((i, j), []).append(frozenset(names[k] for k in given))
        for i, j in np.argwhere(np.triu(level.p > -1, 1)).tolist():
            pair, best = frozenset((names[i], names[j])), tuple(names[k] for k in level.sets[i, j].tolist())
            p = float(level.p[i, j])
            if (i, j) in together:
                cuts[pair] = Separator(best, p, tuple(together[i, j]))
            elif pair not in doubts or p > doubts[pair].p:
                doubts[pair] = Doubt(best, p)
    tests = sum(level.tests for level in levels)
    after = without(found, cuts)
    return replace(
        after,
        doubts={pair: doubt for pair, doubt in doubts.items() if pair not in cuts},
        tests=found.tests + tests,
        depth=max(found.depth, size),
        levels=(*found.levels, (size, tests, int(after.adjacent.sum()) // 2)),
        skipped=found.skipped + sum(level.skipped for level in levels),
    )


def without(found: Skeleton, cuts: Mapping[frozenset[str], Separator]) -> Skeleton:
    """Return the skeleton without the edges that sets were found to separate."""
    adjacent = found.adjacent.copy()
    number = {name: i for i, name in enumerate(found.variables)}
    for i, j in ((number[name] for name in pair) for pair in cuts):
        adjacent[i, j] = adjacent[j, i] = False
    return replace(found, adjacent=adjacent, separators=Overlaid.of(cuts, found.separators))


@dataclass(frozen=True)
class Overlaid(Mapping[frozenset[str], Separator]):
    """Few separators over many, which stay as they are kept."""

    few: Mapping[frozenset[str], Separator]
    many: Mapping[frozenset[str], Separator]

    @classmethod
    def of(cls, few: Mapping[frozenset[str], Separator], many: Mapping[frozenset[str], Separator]) -> Overlaid:
        """Lay some over others; no pair is in both."""
        if isinstance(many, Overlaid):
            few, many = {**many.few, **few}, many.many
        return cls(few, many)

    def __len__(self) -> int:
        return len(self.few) + len(self.many)

    def __iter__(self) -> Iterator[frozenset[str]]:
        yield from self.few
        yield from self.many

    def __getitem__(self, pair: frozenset[str]) -> Separator:
        return self.few[pair] if pair in self.few else self.many[pair]
