"""A graph in place of data: what it separates is independent, and all else depends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from math import comb

import numpy as np
from numpy.typing import NDArray

from causalgraph.graphs.ancestral import mag
from causalgraph.graphs.kinds import require_kind
from causalgraph.graphs.mixed import Mark, MixedGraph
from causalgraph.graphs.possible import representative
from causalgraph.graphs.relations import above
from causalgraph.independence.base import Level, Tested, one_by_one, sets_of

__all__ = ["Oracle", "oracle"]

Bools = NDArray[np.bool_]
# So many searches are kept at most.
MOST_KEPT = 100_000
# Where edges lead, as bits: by whether this end is an arrowhead, and whether the other is.
Ways = tuple[tuple[int, int], tuple[int, int]]


def oracle(graph: MixedGraph) -> Oracle:
    """Return the test of independence that a graph is: latent nodes are hidden, selected ones always given.

    Args:
        graph: of any kind; a class is asked through one member, as all members separate the same.

    Raises:
        ModelError: the graph breaks the claim of its kind (E102, E103, E104), or no member keeps to it (E116).

    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> asked = oracle(MixedGraph.build([("A", "->", "C"), ("B", "->", "C")]))
    >>> asked.variables, asked.test(0, 1, ()).p, asked.test(0, 1, (2,)).p
    (('A', 'B', 'C'), 1.0, 0.0)
    """
    return Oracle(representative(require_kind(graph, "an oracle")))


class Oracle:
    """The separations of one graph of causes, or of one MAG, as a test; p is 1 or 0."""

    name = "oracle"

    def __init__(self, graph: MixedGraph) -> None:
        self.graph = graph
        self.variables: tuple[str, ...] = graph.sorted(graph.observed - graph.selected)
        self._reached: dict[tuple[int, tuple[int, ...]], int] = {}

    def test(self, i: int, j: int, given: Sequence[int]) -> Tested:
        """Say whether the graph separates two variables given others, told by their places."""
        return self._test(i, j, tuple(sorted(given)))

    def level(self, adjacent: Bools, testable: Bools, depth: int, alpha: float) -> Level:
        """Test each adjacent and testable pair given every set of one size from the neighbours of either.

        What no set separates isn't looked at again, though its tests count: the outcome is the same.
        """
        asked = testable & adjacent
        if not depth:
            return self._marginal(asked, alpha)
        level = one_by_one(self._test, adjacent, asked & ~self.inseparable, depth, alpha)
        self._reached.clear()
        near = adjacent.astype(np.int64)
        common = near @ near
        tests = level.tests
        for i, j in np.argwhere(np.triu(asked & self.inseparable, 1)).tolist():
            # Each other's neighbour counts on neither side.
            sides = (int(near[k].sum()) - int(near[i, j]) for k in (i, j))
            number = sum(comb(side, depth) for side in sides) - comb(int(common[i, j]), depth)
            if number:
                level.p[i, j] = level.p[j, i] = 0.0
                level.sets[i, j] = level.sets[j, i] = next(sets_of(adjacent, i, j, depth))
                tests += number
        return Level(tests, level.p, level.sets, level.pairs, level.separators, level.values)

    def _marginal(self, asked: Bools, alpha: float) -> Level:
        """Test pairs given nothing: one search from each variable tells all."""
        v = len(self.variables)
        i, j = np.nonzero(np.triu(asked, 1))
        joined = np.zeros((v, v), dtype=bool)
        for k in range(v):
            reached = self._connected(k, ())
            joined[k] = [reached >> number & 1 for number in self._number]
        values = np.where(joined, 0.0, 1.0)[i, j]
        p = np.full((v, v), -1.0)
        p[i, j] = p[j, i] = values
        found = values > alpha
        pairs = np.column_stack((i[found], j[found])).astype(np.int32)
        empty = np.zeros((v, v, 0), dtype=np.int32)
        return Level(len(i), p, empty, pairs, np.zeros((len(pairs), 0), dtype=np.int32), values[found])

    @cached_property
    def inseparable(self) -> Bools:
        """``(v, v)``: which pairs no set of variables separates, those that are adjacent in the MAG."""
        place = {name: i for i, name in enumerate(self.variables)}
        joined = np.zeros((len(place), len(place)), dtype=bool)
        for left, _, right in mag(self.graph).edges:
            joined[place[left], place[right]] = joined[place[right], place[left]] = True
        return joined

    def _test(self, i: int, j: int, given: tuple[int, ...]) -> Tested:
        if (j, given) in self._reached:
            i, j = j, i
        if (i, given) not in self._reached:
            if len(self._reached) >= MOST_KEPT:
                self._reached.clear()
            self._reached[i, given] = self._connected(i, given)
        return Tested(0.0 if self._reached[i, given] >> self._number[j] & 1 else 1.0)

    def _connected(self, i: int, given: tuple[int, ...]) -> int:
        """Return the nodes that open paths lead to from a variable, as bits."""
        z, over = self._selected, self._over_selected
        for k in given:
            z |= 1 << self._number[k]
            over |= self._above[self._number[k]]
        return _search(self._ways, self._number[i], z, over)

    @cached_property
    def _number(self) -> list[int]:
        return [self.graph.index.number[name] for name in self.variables]

    @cached_property
    def _selected(self) -> int:
        return _bits(self.graph.index.number[name] for name in self.graph.selected)

    @cached_property
    def _over_selected(self) -> int:
        return _bits(np.flatnonzero(above(self.graph, self.graph.selected)).tolist())

    @cached_property
    def _above(self) -> list[int]:
        """The ancestors of each node, itself included."""
        return [_bits(np.flatnonzero(above(self.graph, (name,))).tolist()) for name in self.graph.nodes]

    @cached_property
    def _ways(self) -> list[Ways]:
        """For each node: where its edges lead, by whether they have an arrowhead here, and one there."""
        ways: list[Ways] = [((0, 0), (0, 0)) for _ in self.graph.nodes]
        number = self.graph.index.number
        for edge in self.graph.edges:
            for one in (edge, edge.turned):
                here, there = (mark == Mark.ARROW for mark in one.marks)
                told = [list(row) for row in ways[number[one.left]]]
                told[here][there] |= 1 << number[one.right]
                ways[number[one.left]] = ((told[0][0], told[0][1]), (told[1][0], told[1][1]))
        return ways


def _search(ways: list[Ways], start: int, z: int, over: int) -> int:
    """Return what open walks reach from a node given Z, whose ancestors are ``over``: `m_step`, on bits.

    A node is entered by a tail or by an arrowhead, and left at most once for each.
    """
    (tails, heads), (more_tails, more_heads) = ways[start]
    tails, heads = tails | more_tails, heads | more_heads
    by_tail, by_head = tails, heads
    while True:
        # A node in Z that was entered by a tail is no collider, and blocks.
        tails &= ~z
        if tails:
            v = tails & -tails
            tails ^= v
            (t, h), (u, k) = ways[v.bit_length() - 1]
            t, h = t | u, h | k
        elif heads:
            v = heads & -heads
            heads ^= v
            as_tail, as_head = ways[v.bit_length() - 1]
            t, h = as_tail if not v & z else (0, 0)
            if v & over:
                t, h = t | as_head[0], h | as_head[1]
        else:
            return by_tail | by_head
        tails |= t & ~by_tail
        heads |= h & ~by_head
        by_tail |= t
        by_head |= h


def _bits(numbers: Iterable[int]) -> int:
    return sum(1 << k for k in numbers)
