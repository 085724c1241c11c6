"""The one traversal: breadth first over (node, state), steered by a rule.

A rule says, from the state a node was entered in, the class of that node, the marks of an edge and the class of the
node behind it, in which state that node is entered, or that the edge isn't taken. Ancestors, m-separation, forbidden
sets are each such a rule, so each is linear in nodes and edges and comes with the walk that shows it.

Source: M. Wienöbst, B. van der Zander, M. Liśkiewicz, "Linear-time primitives for algorithm development in graphical
causal inference" (2025), arXiv:2506.15758: rule tables over one reachability search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from causalgraph.graphs.compiling import compiled
from causalgraph.graphs.mixed import MARKS, Edge, Mark

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from causalgraph.graphs.mixed import MixedGraph

__all__ = ["FORWARD", "Index", "Reached", "Rule", "reach", "rule"]

MARK_COUNT = len(Mark)

# (state, class here, mark here, mark there, class there) -> the state the node there is entered in, None: not taken.
Step = Callable[[int, int, Mark, Mark, int], int | None]


# Up to this many (node, state) pairs the search runs as plain Python: compiled, it would take longer to load.
SMALL = 600
UNSEEN, START = -2, -1


@dataclass(frozen=True)
class Index:
    """A graph as integers: the edges at node ``v`` stand at ``first[v]:first[v + 1]``.

    ``target`` holds the node at the other end, ``code`` the marks here and there as ``here * 3 + there``, and
    ``edge`` the number of the edge in ``graph.edges``.
    """

    graph: MixedGraph
    number: Mapping[str, int]
    first: NDArray[np.int32]
    target: NDArray[np.int32]
    code: NDArray[np.int8]
    edge: NDArray[np.int32]

    @classmethod
    def of(cls, graph: MixedGraph) -> Index:
        """Compile a graph, in time that grows as edges times their logarithm."""
        number = {name: i for i, name in enumerate(graph.nodes)}
        m = len(graph.edges)
        left = np.fromiter((number[e.left] for e in graph.edges), np.int32, m)
        right = np.fromiter((number[e.right] for e in graph.edges), np.int32, m)
        codes = np.fromiter((FORWARD[e.mark] for e in graph.edges), np.int8, m)
        back = np.fromiter((BACKWARD[e.mark] for e in graph.edges), np.int8, m)
        here = np.concatenate([left, right])
        order = np.argsort(here, kind="stable")
        first = np.zeros(len(number) + 1, np.int32)
        np.cumsum(np.bincount(here, minlength=len(number)), out=first[1:])
        return cls(
            graph,
            number,
            first,
            np.concatenate([right, left])[order],
            np.concatenate([codes, back])[order],
            np.concatenate([np.arange(m, dtype=np.int32)] * 2)[order],
        )

    @cached_property
    def lists(self) -> tuple[list[int], list[int], list[int]]:
        """The arrays as lists, which plain Python reads faster."""
        return self.first.tolist(), self.target.tolist(), self.code.tolist()

    def classes(self, *layers: tuple[Iterable[str] | NDArray[np.bool_], int]) -> NDArray[np.int8]:
        """Return one class a node: 0, or that of the last layer that holds it; a layer is names or a mask."""
        out = np.zeros(len(self.number), np.int8)
        for members, value in layers:
            out[members if isinstance(members, np.ndarray) else self.numbers(members)] = value
        return out

    def numbers(self, names: Iterable[str]) -> NDArray[np.intp]:
        """Return the numbers of names."""
        named = list(names)
        return np.fromiter(map(self.number.__getitem__, named), np.intp, len(named))


# An edge as it is written -> its code as its left end, and as its right end, sees it.
FORWARD = {text: here * MARK_COUNT + there for text, (here, there) in MARKS.items()}
BACKWARD = {text: there * MARK_COUNT + here for text, (here, there) in MARKS.items()}


@dataclass(frozen=True)
class Rule:
    """A step function tabulated over ``states`` and ``classes``; -1 says that an edge isn't taken."""

    states: int
    classes: int
    table: NDArray[np.int8]

    @cached_property
    def listed(self) -> list[int]:
        """The table as a list, which plain Python reads faster."""
        return [int(entry) for entry in self.table]


def rule(states: int, classes: int) -> Callable[[Step], Rule]:
    """Tabulate a step function, so that the search only looks numbers up."""

    def tabulate(step: Step) -> Rule:
        cells = product(range(states), range(classes), Mark, Mark, range(classes))
        entered = [-1 if (s := step(*cell)) is None else s for cell in cells]
        return Rule(states, classes, np.array(entered, np.int8))

    return tabulate


@dataclass(frozen=True)
class Reached:
    """What a search has found: the keys ``node * states + state`` in order of discovery.

    ``parent`` holds for each key the one it was found from, ``via`` the entry of the index that led there.
    """

    index: Index
    states: int
    keys: NDArray[np.int64]
    parent: Sequence[int] | NDArray[np.int64]
    via: Sequence[int] | NDArray[np.int64]

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """Which nodes were reached in any state, the starts among them."""
        out = np.zeros(len(self.index.number), dtype=bool)
        out[self.keys // self.states] = True
        return out

    @property
    def names(self) -> frozenset[str]:
        """The nodes that were reached in any state, the starts among them."""
        nodes = self.index.graph.nodes
        return frozenset(nodes[i] for i in np.flatnonzero(self.mask).tolist())

    def walk(self, goals: Iterable[str]) -> tuple[Edge, ...] | None:
        """Return a shortest walk from a start to the first goal that was reached, each edge as it is walked."""
        wanted = self.index.classes((goals, 1)).astype(bool)
        found = np.flatnonzero(wanted[self.keys // self.states])
        if not found.size:
            return None
        graph, steps = self.index.graph, []
        at = int(self.keys[found[0]])
        while (origin := int(self.parent[at])) != START:
            edge = graph.edges[self.index.edge[self.via[at]]]
            steps.append(edge if edge.right == graph.nodes[at // self.states] else edge.turned)
            at = origin
        return tuple(reversed(steps))


def reach(
    index: Index, rule: Rule, starts: Iterable[str], classes: NDArray[np.int8], until: Iterable[str] = ()
) -> Reached:
    """Search breadth first from ``starts``, entered in state 0, taking the edges that the rule allows.

    Each pair (node, state) is visited once, so the search is linear in nodes and edges. It stops as soon as it has
    reached a node of ``until``.
    """
    size = len(index.number) * rule.states
    begin = np.sort(index.numbers(starts)) * rule.states
    stop = index.classes((until, 1))
    if size <= SMALL:
        keys, parent, via = [*begin.tolist(), *[0] * (size - len(begin))], [UNSEEN] * size, [0] * size
        sizes = (rule.states, rule.classes)
        marks = (classes.tolist(), stop.tolist())
        count = _search(*index.lists, rule.listed, *sizes, *marks, len(begin), keys, parent, via)
        return Reached(index, rule.states, np.array(keys[:count], dtype=np.int64), parent, via)
    queue = np.zeros(size, np.int64)
    queue[: len(begin)] = begin
    origin, through = np.full(size, UNSEEN, np.int64), np.zeros(size, np.int64)
    arrays = (index.first, index.target, index.code, rule.table)
    count = compiled(_search)(*arrays, rule.states, rule.classes, classes, stop, len(begin), queue, origin, through)
    return Reached(index, rule.states, queue[:count], origin, through)


def _search(  # noqa: PLR0913, PLR0917 (machine code takes arrays, not objects)
    first: Any,
    target: Any,
    code: Any,
    table: Any,
    states: int,
    classes: int,
    node_class: Any,
    stop: Any,
    begun: int,
    queue: Any,
    parent: Any,
    via: Any,
) -> int:
    """Fill ``queue``, ``parent`` and ``via``; return how many keys were found.

    One source for two ways to run it: on lists as Python, on arrays as machine code.
    """
    block = 9 * classes
    for k in range(begun):
        parent[queue[k]] = -1
    head, tail = 0, begun
    while head < tail:
        key = queue[head]
        head += 1
        node = key // states
        row = ((key % states) * classes + node_class[node]) * block
        for k in range(first[node], first[node + 1]):
            there = target[k]
            entered = table[row + code[k] * classes + node_class[there]]
            if entered >= 0:
                found = there * states + entered
                if parent[found] == -2:
                    parent[found] = key
                    via[found] = k
                    queue[tail] = found
                    tail += 1
                    if stop[there]:
                        return tail
    return tail
