"""All instruments of an effect, each with every minimal set that makes it one: an exact search under a budget.

Whether a given variable is a conditional instrument is an NP-complete question, so a search may end with its budget. It
says so, and until then it misses nothing.

Source: B. van der Zander, J. Textor, M. Liśkiewicz, "Efficiently finding conditional instruments for causal inference"
(IJCAI 2015) 3243-3249.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from causalgraph.criteria.instruments import Instrument, Question, question
from causalgraph.criteria.separation import ABOVE_Z, BY_ARROW, IN_Z, connecting, m_connecting, simple
from causalgraph.graphs.mixed import Edge, Mark, MixedGraph
from causalgraph.graphs.reach import Reached, reach
from causalgraph.graphs.relations import above, ancestors, descendants

__all__ = ["BUDGET", "Unfinished", "all_conditional_instruments", "cost"]

Names = frozenset[str]

# Nodes and edges that a search may look at unless told otherwise.
BUDGET = 1_000_000
# Of a graph with more nodes and edges than that, the others count a tenth: traversals run compiled.
PLAIN = 500


@dataclass(frozen=True)
class Unfinished:
    """The search ended with its budget after so many steps: there may be more."""

    steps: int


@dataclass(frozen=True, order=True)
class Branch:
    """All pairs of one variable whose W holds what the branch gives, and beside it no sibling that came earlier.

    It gives the node at place `at` of its siblings, and what the branch above gives. Branches share all they can, so
    one takes no space to speak of; the next sibling is made when one is taken up. They are ordered smallest first.
    """

    size: int
    place: int
    number: int
    at: int
    z: str = field(compare=False)
    siblings: tuple[str, ...] = field(default=(), compare=False)
    above: Branch | None = field(default=None, compare=False)

    @property
    def following(self) -> Branch | None:
        """The next sibling."""
        return replace(self, at=self.at + 1) if self.at + 1 < len(self.siblings) else None

    @property
    def lineage(self) -> Iterator[Branch]:
        """The branch and those above it, without the root, which gives nothing."""
        branch = self
        while branch.above is not None:
            yield branch
            branch = branch.above

    @property
    def given(self) -> Names:
        """What W holds at least."""
        return frozenset(b.siblings[b.at] for b in self.lineage)

    @property
    def barred(self) -> Names:
        """What W doesn't hold, as the branches before took it."""
        return frozenset(name for b in self.lineage for name in b.siblings[: b.at])


@dataclass(frozen=True)
class Look:
    """A branch as it is looked at: what W must hold, and all that it may hold."""

    z: str
    given: Names
    allowed: Names


def all_conditional_instruments(
    graph: MixedGraph, x: Iterable[str], y: Iterable[str], *, budget: int = BUDGET
) -> Iterator[Instrument | Unfinished]:
    """Yield every (Z, W) where Z is an instrument given W and given no proper part of W; lazily, small W first.

    Where the search ends with its budget, the last thing that it yields is `Unfinished`.

    Each set is grown by what it lacks. Where a path leaves Z and Y connected, one of its non-colliders must be added;
    where Z and X are separated, a node at or below a collider at which the open paths from Z end. A branch ends where
    no set in it separates Z from Y, where no path from Z to X can be open, and where it holds a set that was found.

    Args:
        graph: a dag or an admg.
        x, y: the treatment and the outcome.
        budget: how many nodes and edges are looked at; see `cost` for what a set takes.

    Raises:
        ModelError: as for `is_instrument`.

    >>> edges = [("A", "->", "Z"), ("A", "->", "B"), ("B", "->", "Y")]
    >>> edges += [("Z", "->", "X"), ("X", "->", "Y"), ("X", "<->", "Y")]
    >>> for found in all_conditional_instruments(MixedGraph.build(edges), "X", "Y"):
    ...     print(found.name, found.given)
    A ('B',)
    Z ('A',)
    Z ('B',)
    """
    return _search(question(graph, x, y), budget)


def cost(graph: MixedGraph) -> int:
    """Return what it takes of a budget to look at one set."""
    size = len(graph.nodes) + len(graph.edges)
    return min(size, PLAIN) + max(0, size - PLAIN) // 10


def _search(asked: Question, budget: int) -> Iterator[Instrument | Unfinished]:
    names = asked.graph.sorted(asked.pool)
    heap = [Branch(0, i, i, 0, z) for i, z in enumerate(names)]
    found: dict[str, list[Names]] = {z: [] for z in names}
    steps, most = 0, budget // cost(asked.graph)
    while heap:
        if steps >= most:
            yield Unfinished(steps)
            return
        branch = heapq.heappop(heap)
        steps += 1
        if branch.following:
            heapq.heappush(heap, branch.following)
        given = branch.given
        look = Look(branch.z, given, asked.pool - branch.barred - {branch.z})
        if any(w <= given for w in found[branch.z]) or not _may_hold_one(asked, look):
            continue
        lacking = _lacking(asked, look)
        if lacking is None:
            found[branch.z].append(given)
            yield Instrument(branch.z, asked.graph.sorted(given))
            continue
        siblings = asked.graph.sorted(lacking & (look.allowed - given))
        if siblings:
            heapq.heappush(
                heap, Branch(branch.size + 1, branch.place, len(names) + steps, 0, branch.z, siblings, branch)
            )


def _may_hold_one(asked: Question, look: Look) -> bool:
    """Say whether a set of the branch separates Z from Y, and whether some path from Z to X isn't closed for good."""
    graph, z, given, allowed = asked.cut, look.z, look.given, look.allowed
    most = ancestors(graph, given | {z, asked.y}) & allowed
    if asked.y in _met(connecting(graph, (z,), most, (asked.y,))):
        return False
    # More may be given: any collider above what is allowed may come to be open, what is given stays given.
    classes = graph.index.classes((above(graph, allowed), ABOVE_Z), (given, IN_Z))
    return asked.x in _met(reach(graph.index, m_connecting, (z,), classes, (asked.x,)))


def _met(found: Reached) -> Names:
    """Return the node that a search came to last, which is the one that it was to find where it found it."""
    return frozenset(found.index.graph.nodes[key // found.states] for key in found.keys[-1:].tolist())


def _lacking(asked: Question, look: Look) -> Names | None:
    """Return nodes of which a larger W of the branch that works must hold one; None where this W works."""
    graph, z, given = asked.cut, look.z, look.given
    leak = connecting(graph, (z,), given, (asked.y,)).walk((asked.y,))
    if leak is not None:
        return frozenset(_passed(simple(leak)))
    met = connecting(graph, (z,), given, (asked.x,))
    if asked.x in _met(met):
        return None
    # The first node that closes a path which W opens is a collider, and an open walk from Z comes to it by an arrow.
    entered = met.keys[met.keys % met.states == BY_ARROW] // met.states
    ends = np.zeros(len(graph.nodes), dtype=bool)
    ends[entered] = True
    ends &= ~above(graph, given)
    return descendants(graph, (graph.nodes[i] for i in np.flatnonzero(ends).tolist()))


def _passed(path: tuple[Edge, ...]) -> Iterator[str]:
    """Yield the nodes that a path passes without colliding."""
    for first, second in pairwise(path):
        if not first.marks[1] == second.marks[0] == Mark.ARROW:
            yield first.right
