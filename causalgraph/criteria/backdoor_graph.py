"""The proper back-door graph, in which a set is valid where it separates: how it is walked, and what separates in it.

It lacks the first arrows of the proper causal paths from X to Y. It is never built: rules over the index of the whole
graph leave these arrows out, so that a walk, or the separator nearest to X, takes time linear in nodes and edges.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np

from causalgraph.criteria.separation import ABOVE_Z, IN_Z, m_step
from causalgraph.criteria.separators import Cliques
from causalgraph.graphs.mixed import Mark, MixedGraph
from causalgraph.graphs.reach import FORWARD, Reached, reach, rule
from causalgraph.graphs.relations import above, components

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BackdoorGraph", "moralised", "nearest_set", "open_walks"]

# Classes of nodes: what separation asks (three of them), times the part that the node plays in the question.
PART = 3
BYSTANDER, TREATMENT, MEDIATOR = 0, 1, 2

# Edges as a node sees them: an arrow into it, an arrow at both ends.
INTO, ACROSS = FORWARD["<-"], FORWARD["<->"]


@rule(states=1, classes=3)
def proper_upstream(_state: int, node: int, here: Mark, there: Mark, beyond: int) -> int | None:
    """Go from a child to its parent, but for the first arrows of proper causal paths."""
    if (here, there) != (Mark.ARROW, Mark.TAIL) or (node, beyond) == (MEDIATOR, TREATMENT):
        return None
    return 0


@rule(states=3, classes=9)
def proper_backdoor(state: int, node: int, here: Mark, there: Mark, beyond: int) -> int | None:
    """Walk as m-separation does, but for the first arrows of proper causal paths, from either end."""
    ends = {(node // PART, here), (beyond // PART, there)}
    if ends == {(TREATMENT, Mark.TAIL), (MEDIATOR, Mark.ARROW)}:
        return None
    return m_step(state, node % PART, here, there, beyond % PART)


@dataclass(frozen=True)
class BackdoorGraph:
    """A graph of causes without the arrows from X to mediators; `played` says which part each node plays."""

    graph: MixedGraph
    x: frozenset[str]
    y: frozenset[str]
    played: NDArray[np.int8]

    @classmethod
    def of(
        cls, graph: MixedGraph, x: frozenset[str], y: frozenset[str], mediators: Iterable[str] | NDArray[np.bool_]
    ) -> BackdoorGraph:
        """Tell the parts: mediators, as names or a mask, are the heads that no arrow from X is taken to."""
        return cls(graph, x, y, graph.index.classes((mediators, MEDIATOR), (x, TREATMENT)))

    def above(self, names: Iterable[str]) -> NDArray[np.bool_]:
        """Return the ancestors of ``names``, these included, as a mask over the index."""
        return reach(self.graph.index, proper_upstream, names, self.played).mask


def open_walks(backdoor: BackdoorGraph, starts: Iterable[str], z: frozenset[str], until: Iterable[str] = ()) -> Reached:
    """Return all that open walks reach given Z, until they reach a node of ``until``.

    Z holds nothing below a mediator, so that its ancestors are those in the whole graph.
    """
    graph = backdoor.graph
    asked = graph.index.classes((above(graph, z), ABOVE_Z), (z, IN_Z))
    return reach(graph.index, proper_backdoor, starts, asked + PART * backdoor.played, until)


def nearest_set(backdoor: BackdoorGraph, fixed: frozenset[str], barred: frozenset[str]) -> frozenset[str] | None:
    """Return the minimal separator of X and Y nearest to X that holds ``fixed``; None where nothing separates them.

    As in `nearest_separator`, of all admissible ancestors those are kept that an open path from X comes to, and of
    these the ones that an open path from Y comes to. A collider passes above X, Y and ``fixed``, which makes the walks
    those of the moralised ancestral graph.

    Source: B. van der Zander, M. Liśkiewicz, J. Textor, "Efficiently finding conditional instruments for causal
    inference" (IJCAI 2015), definition 3.1 and theorem 3.2.

    >>> graph = MixedGraph.build([("A", "->", "X"), ("A", "->", "B"), ("B", "->", "Y"), ("X", "->", "Y")])
    >>> backdoor = BackdoorGraph.of(graph, frozenset("X"), frozenset("Y"), "Y")
    >>> nearest_set(backdoor, frozenset(), frozenset()), nearest_set(backdoor, frozenset(), frozenset("A"))
    (frozenset({'A'}), frozenset({'B'}))
    """
    x, y, index = backdoor.x, backdoor.y, backdoor.graph.index
    inside = backdoor.above(x | y | fixed)
    held = index.classes((fixed, 1)).astype(bool)
    free = index.classes((inside, 1), (barred | x | y, 0), (held, 1)).astype(bool)

    def met(starts: frozenset[str], given: NDArray[np.bool_]) -> NDArray[np.bool_]:
        asked = index.classes((inside, ABOVE_Z), (given, IN_Z))
        return reach(index, proper_backdoor, starts, asked + PART * backdoor.played).mask

    from_x = met(x, free)
    if from_x[index.numbers(y)].any():
        return None
    near_x = free & from_x | held
    near_both = near_x & met(y, near_x) | held
    return frozenset(compress(backdoor.graph.nodes, near_both.tolist()))


def moralised(backdoor: BackdoorGraph, fixed: frozenset[str], barred: frozenset[str]) -> Cliques:
    """Return the graph whose separators of X and Y, with ``fixed``, are the valid sets.

    It is read off the index of the whole graph, so that only what lies above X, Y and ``fixed`` is ever touched.
    """
    index = backdoor.graph.index
    above_all = backdoor.above(backdoor.x | backdoor.y | fixed)
    inside, kind = above_all.tolist(), backdoor.played.tolist()
    parents: dict[int, list[int]] = {}
    beside: dict[int, list[int]] = {}
    first, target, code = index.lists
    for node in np.flatnonzero(above_all).tolist():
        parents[node], beside[node] = [], []
        for k in range(first[node], first[node + 1]):
            other = target[k]
            if code[k] == INTO and inside[other] and (kind[node], kind[other]) != (MEDIATOR, TREATMENT):
                parents[node].append(other)
            elif code[k] == ACROSS and inside[other]:
                beside[node].append(other)
    names = backdoor.graph.nodes
    cliques = ({names[m] for n in d for m in (n, *parents[n])} - fixed for d in components(beside))
    return Cliques.build(cliques).eliminated(barred - fixed - backdoor.x - backdoor.y)
