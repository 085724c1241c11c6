"""All instruments of an effect, each with every minimal set that makes it one: an exact search under a budget.

Whether a given variable is a conditional instrument is an NP-complete question, so a search may end with its budget. It
says so, and until then it misses nothing.

Source: B. van der Zander, J. Textor, M. Liśkiewicz, "Efficiently finding conditional instruments for causal inference"
(IJCAI 2015) 3243-3249.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from causalgraph.criteria.instruments import Instrument, Question, question
from causalgraph.criteria.separation import ABOVE_Z, BY_ARROW, IN_Z, connecting, m_connecting, simple
from causalgraph.graphs.mixed import Edge, Mark, MixedGraph
from causalgraph.graphs.reach import reach
from causalgraph.graphs.relations import above, ancestors, descendants

__all__ = ["BUDGET", "Unfinished", "all_conditional_instruments"]

Names = frozenset[str]

# Steps of a search unless told otherwise; one step is a handful of linear traversals.
BUDGET = 10_000


@dataclass(frozen=True)
class Unfinished:
    """The search ended with its budget after so many steps: there may be more."""

    steps: int


@dataclass(frozen=True, order=True)
class Branch:
    """All pairs of one variable whose W holds `given` and beside it only nodes that are `left`; smallest first."""

    size: int
    place: int
    number: int
    z: str = field(compare=False)
    given: Names = field(compare=False)
    left: Names = field(compare=False)


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
        budget: how many sets are looked at.

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


def _search(asked: Question, budget: int) -> Iterator[Instrument | Unfinished]:
    names = asked.graph.sorted(asked.pool)
    heap = [Branch(0, i, i, z, frozenset(), asked.pool - {z}) for i, z in enumerate(names)]
    found: dict[str, list[Names]] = {z: [] for z in names}
    made, steps = len(heap), 0
    while heap:
        if steps == budget:
            yield Unfinished(steps)
            return
        branch = heapq.heappop(heap)
        steps += 1
        if any(w <= branch.given for w in found[branch.z]) or not _may_hold_one(asked, branch):
            continue
        lacking = _lacking(asked, branch)
        if lacking is None:
            found[branch.z].append(branch.given)
            yield Instrument(branch.z, asked.graph.sorted(branch.given))
            continue
        left = branch.left
        for node in asked.graph.sorted(lacking & left):
            left -= {node}
            heapq.heappush(heap, Branch(branch.size + 1, branch.place, made, branch.z, branch.given | {node}, left))
            made += 1


def _may_hold_one(asked: Question, branch: Branch) -> bool:
    """Say whether a set of the branch separates Z from Y, and whether some path from Z to X isn't closed for good."""
    graph, z, given = asked.cut, branch.z, branch.given
    allowed = given | branch.left
    most = ancestors(graph, given | {z, asked.y}) & allowed
    if connecting(graph, (z,), most, (asked.y,)).walk((asked.y,)) is not None:
        return False
    # More may be given: any collider above what is allowed may come to be open, what is given stays given.
    classes = graph.index.classes((above(graph, allowed), ABOVE_Z), (given, IN_Z))
    return reach(graph.index, m_connecting, (z,), classes, (asked.x,)).walk((asked.x,)) is not None


def _lacking(asked: Question, branch: Branch) -> Names | None:
    """Return nodes of which a larger W of the branch that works must hold one; None where this W works."""
    graph, z, given = asked.cut, branch.z, branch.given
    leak = connecting(graph, (z,), given, (asked.y,)).walk((asked.y,))
    if leak is not None:
        return frozenset(_passed(simple(leak)))
    met = connecting(graph, (z,), given, (asked.x,))
    if met.walk((asked.x,)) is not None:
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
