"""Who stands where: parents, children, ancestors, descendants, districts, Markov blanket.

Names may be one name or several. A set of names counts among its own ancestors and descendants, as in the literature.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from causalgraph.graphs.mixed import Mark, MixedGraph
from causalgraph.graphs.reach import reach, rule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "above",
    "ancestors",
    "children",
    "components",
    "descendants",
    "districts",
    "markov_blanket",
    "parents",
    "proper_causal_nodes",
    "topological_order",
]

OPEN, WALL = 0, 1


@rule(states=1, classes=2)
def upstream(_state: int, _here: int, here: Mark, there: Mark, wall: int) -> int | None:
    """Go from a child to its parent, unless a wall stands there."""
    return 0 if (here, there, wall) == (Mark.ARROW, Mark.TAIL, OPEN) else None


@rule(states=1, classes=2)
def downstream(_state: int, _here: int, here: Mark, there: Mark, wall: int) -> int | None:
    """Go from a parent to its child, unless a wall stands there."""
    return 0 if (here, there, wall) == (Mark.TAIL, Mark.ARROW, OPEN) else None


ENTERED_BY_ARROW, ENTERED_BY_TAIL = 1, 2


@rule(states=3, classes=1)
def collider_path(state: int, _here: int, here: Mark, there: Mark, _there: int) -> int | None:
    """Leave the start anyhow, an inner node only where it is a collider."""
    if state == 0 or (state == ENTERED_BY_ARROW and here == Mark.ARROW):
        return ENTERED_BY_ARROW if there == Mark.ARROW else ENTERED_BY_TAIL
    return None


def ancestors(graph: MixedGraph, names: Iterable[str]) -> frozenset[str]:
    """Return the nodes with a directed path into ``names``, these included.

    >>> graph = MixedGraph.build([("A", "->", "B"), ("B", "->", "C"), ("U", "<->", "C")])
    >>> sorted(ancestors(graph, "C"))
    ['A', 'B', 'C']
    """
    return reach(graph.index, upstream, graph.require(names), graph.index.classes()).names


def above(graph: MixedGraph, names: Iterable[str]) -> NDArray[np.bool_]:
    """Return the ancestors of ``names``, these included, as a mask over the index."""
    return reach(graph.index, upstream, names, graph.index.classes()).mask


def descendants(graph: MixedGraph, names: Iterable[str]) -> frozenset[str]:
    """Return the nodes with a directed path from ``names``, these included."""
    return reach(graph.index, downstream, graph.require(names), graph.index.classes()).names


def parents(graph: MixedGraph, names: Iterable[str]) -> frozenset[str]:
    """Return the nodes with an arrow into ``names``."""
    wanted = graph.require(names)
    return frozenset(e.left for e in graph.edges if e.mark == "->" and e.right in wanted)


def children(graph: MixedGraph, names: Iterable[str]) -> frozenset[str]:
    """Return the nodes with an arrow from ``names``."""
    wanted = graph.require(names)
    return frozenset(e.right for e in graph.edges if e.mark == "->" and e.left in wanted)


def districts(graph: MixedGraph) -> tuple[frozenset[str], ...]:
    """Return the classes of nodes that two-headed arrows hold together (c-components), in the graph's order.

    >>> graph = MixedGraph.build([("A", "<->", "B"), ("B", "->", "C")])
    >>> [sorted(d) for d in districts(graph)]
    [['A', 'B'], ['C']]
    """
    beside: dict[str, list[str]] = {n: [] for n in graph.nodes}
    for edge in graph.edges:
        if edge.mark == "<->":
            beside[edge.left].append(edge.right)
            beside[edge.right].append(edge.left)
    return tuple(map(frozenset, components(beside)))


Node = TypeVar("Node", bound=Hashable)


def components(beside: Mapping[Node, Sequence[Node]]) -> Iterator[list[Node]]:
    """Yield the connected components of a graph that is given by each node's neighbours.

    >>> list(components({1: [2], 2: [1], 3: []}))
    [[1, 2], [3]]
    """
    seen: set[Node] = set()
    for node in beside:
        if node not in seen:
            members = [node]
            seen.add(node)
            for member in members:
                fresh = [n for n in dict.fromkeys(beside[member]) if n not in seen]
                seen.update(fresh)
                members += fresh
            yield members


def markov_blanket(graph: MixedGraph, names: Iterable[str]) -> frozenset[str]:
    """Return the smallest set that separates ``names`` from the rest.

    In a DAG: parents, children, children's parents. With two-headed arrows: every node that is joined to ``names`` by
    an edge or by a path whose inner nodes are all colliders.

    Source: T. Richardson, "Markov properties for acyclic directed mixed graphs" (2003), section 2,
    doi:10.1111/1467-9469.00323.
    """
    start = graph.require(names)
    index = graph.index
    found = reach(index, collider_path, start, index.classes()).names
    return found - start


def proper_causal_nodes(graph: MixedGraph, x: Iterable[str], y: Iterable[str]) -> frozenset[str]:
    """Return the nodes, those of X left out, on directed paths from X to Y that meet X only at their start.

    Source: I. Shpitser, T. VanderWeele, J. Robins, "On the validity of covariate adjustment for estimating causal
    effects" (UAI 2010), definition 4.
    """
    x, y = graph.require(x), graph.require(y)
    walls = graph.index.classes((x, WALL))
    down = reach(graph.index, downstream, x, walls).names
    up = reach(graph.index, upstream, y - x, walls).names
    return (down & up) - x


def topological_order(graph: MixedGraph) -> tuple[str, ...]:
    """Return the nodes so that causes stand before effects, ties in the graph's order.

    Nodes on or behind a directed cycle are left out, which is how a cycle shows.
    """
    waiting = dict.fromkeys(graph.nodes, 0)
    below: dict[str, list[str]] = {n: [] for n in graph.nodes}
    for edge in graph.edges:
        if edge.mark == "->":
            waiting[edge.right] += 1
            below[edge.left].append(edge.right)
    order = [n for n in graph.nodes if not waiting[n]]
    for node in order:
        for child in below[node]:
            waiting[child] -= 1
            if not waiting[child]:
                order.append(child)
    return tuple(order)
