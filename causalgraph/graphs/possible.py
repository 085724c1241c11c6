"""What a class of graphs leaves open: possible ancestors and descendants, a member, paths of definite status.

A path from X is *possibly causal* where no arrowhead on it points back to X: some graph of the class may have it
directed. In an MPDAG an arrow between two nodes further apart on the path could still point back, so there a path
counts only if it is unshielded, for which the edges along it decide.

Source: J. Zhang, "Causal reasoning with ancestral graphs", J. Mach. Learn. Res. 9 (2008) 1437-1474; E. Perković, M.
Kalisch, M. Maathuis, "Interpreting and using CPDAGs with background knowledge" (UAI 2017), lemma 3.6, arXiv:1707.02171.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from causalgraph.errors import ModelError
from causalgraph.graphs.equivalence import member_of
from causalgraph.graphs.mags import member
from causalgraph.graphs.meek import meek_closure
from causalgraph.graphs.mixed import UNDIRECTED, Edge, Mark, MixedGraph
from causalgraph.graphs.paths import role
from causalgraph.graphs.reach import Rule, reach, rule
from causalgraph.graphs.relations import above, downstream, upstream

__all__ = [
    "closed",
    "definite_path",
    "possible_ancestors",
    "possible_descendants",
    "possibly_causal_nodes",
    "possibly_causal_path",
    "representative",
]

OPEN, WALL = 0, 1
# Kinds in which arcs decide whether a path may be causal, not nodes.
BY_ARCS = ("mpdag", "pdag")


@rule(states=1, classes=2)
def possibly_down(_state: int, _node: int, here: Mark, there: Mark, wall: int) -> int | None:
    """Go along an edge that may be an arrow from here."""
    return 0 if here != Mark.ARROW and there != Mark.TAIL and wall == OPEN else None


@rule(states=1, classes=2)
def possibly_up(_state: int, _node: int, here: Mark, there: Mark, wall: int) -> int | None:
    """Go along an edge that may be an arrow into here."""
    return 0 if there != Mark.ARROW and here != Mark.TAIL and wall == OPEN else None


@rule(states=1, classes=2)
def undirected_down(_state: int, _node: int, here: Mark, _there: Mark, wall: int) -> int | None:
    """Go along an arrow from here or an undirected edge."""
    return 0 if here == Mark.TAIL and wall == OPEN else None


@rule(states=1, classes=2)
def undirected_up(_state: int, _node: int, _here: Mark, there: Mark, wall: int) -> int | None:
    """Go along an arrow into here or an undirected edge."""
    return 0 if there == Mark.TAIL and wall == OPEN else None


# Kind -> the rules that go down and up; kinds that leave nothing open go by their arrows.
RULES: dict[str, tuple[Rule, Rule]] = {
    "dag": (downstream, upstream),
    "admg": (downstream, upstream),
    "mag": (downstream, upstream),
    "pag": (possibly_down, possibly_up),
    "cpdag": (undirected_down, undirected_up),
}


@lru_cache(maxsize=64)
def representative(graph: MixedGraph) -> MixedGraph:
    """Return one graph of causes that a graph stands for: itself, or a member of its class (a DAG, or a MAG of a pag).

    Raises:
        ModelError: no graph keeps to it (E102, E103, E116).
    """
    if graph.kind in UNDIRECTED:
        return member_of(graph)
    return member(graph) if graph.kind == "pag" else graph


@lru_cache(maxsize=64)
def closed(graph: MixedGraph) -> MixedGraph:
    """Return a pdag with what Meek's rules make of it, which has the same members; another graph as it is.

    Raises:
        ModelError: it has no member (E116).
    """
    if graph.kind != "pdag":
        return graph
    representative(graph)
    return meek_closure(graph)


def possible_descendants(graph: MixedGraph, names: Iterable[str], walls: Iterable[str] = ()) -> frozenset[str]:
    """Return the nodes at the ends of possibly causal paths from ``names``, these included, that pass no wall.

    >>> graph = MixedGraph.build([("A", "--", "B"), ("B", "--", "C")], kind="cpdag")
    >>> sorted(possible_descendants(graph, "A", walls="C"))
    ['A', 'B']
    """
    return _beyond(graph, graph.require(names), frozenset(walls), 0)


def possible_ancestors(graph: MixedGraph, names: Iterable[str], walls: Iterable[str] = ()) -> frozenset[str]:
    """Return the nodes from which a possibly causal path leads to ``names``, these included, past no wall."""
    return _beyond(graph, graph.require(names), frozenset(walls), 1)


def possibly_causal_nodes(graph: MixedGraph, x: Iterable[str], y: Iterable[str]) -> frozenset[str]:
    """Return the nodes, those of X left out, on possibly causal paths from X to Y that meet X only at their start.

    Where a walk stands for no path, its nodes are possible descendants of such nodes, which come to the same wherever
    this set is used: with their possible descendants. In an mpdag, which is amenable wherever the set is used, these
    paths start with an arrow, and what lies behind its head is what counts.

    Source: I. Shpitser, T. VanderWeele, J. Robins (UAI 2010), definition 4; E. Perković et al. (2018), definition 3.
    """
    x, y = graph.require(x), graph.require(y)
    up = possible_ancestors(graph, y - x, x)
    starts = x
    if graph.kind in BY_ARCS:
        arrows = (e for e in closed(graph).edges if e.mark == "->")
        starts = frozenset(e.right for e in arrows if e.left in x and e.right in up) - x
    return (possible_descendants(graph, starts, x) & up) - x


def _beyond(graph: MixedGraph, names: frozenset[str], walls: frozenset[str], upward: int) -> frozenset[str]:
    if graph.kind not in BY_ARCS:
        return reach(graph.index, RULES[graph.kind][upward], names, graph.index.classes((walls, WALL))).names
    at = ends(closed(graph))
    start = [e for n in names for e in at[n] if e.right not in walls and possibly_along(e, upward)]
    return names | frozenset(e.right for e in _arcs(closed(graph), start, walls, upward))


def possibly_along(edge: Edge, upward: int = 0) -> bool:
    """May an edge of a class of DAGs, as it is walked, be an arrow from its left end (upward: into it)?"""
    return edge.marks[1 if upward else 0] == Mark.TAIL


def ends(graph: MixedGraph) -> dict[str, list[Edge]]:
    """Return the edges at each node, each read from that node."""
    at: dict[str, list[Edge]] = {n: [] for n in graph.nodes}
    for edge in graph.edges:
        at[edge.left].append(edge)
        at[edge.right].append(edge.turned)
    return at


def _arcs(graph: MixedGraph, start: Iterable[Edge], walls: frozenset[str], upward: int = 0) -> dict[Edge, Edge | None]:
    """Return the arcs of unshielded possibly causal walks that begin with ``start``, each with the one before it.

    Such a walk is a path: once its first edge is an arrow, Meek's rule 1 makes arrows of all others, and a member of
    the class, which is acyclic, has them.
    """
    at = ends(graph)

    def ahead(arc: Edge) -> Iterable[Edge]:
        for following in at[arc.right]:
            shielded = following.right == arc.left or following.right in graph.adjacent[arc.left]
            if not shielded and following.right not in walls and possibly_along(following, upward):
                yield following

    return _search(start, ahead)


def _search(start: Iterable[Edge], ahead: Callable[[Edge], Iterable[Edge]]) -> dict[Edge, Edge | None]:
    """Search breadth first over arcs."""
    came: dict[Edge, Edge | None] = dict.fromkeys(start)
    queue = list(came)
    for arc in queue:
        for following in ahead(arc):
            if following not in came:
                came[following] = arc
                queue.append(following)
    return came


def _traced(came: dict[Edge, Edge | None], goals: frozenset[str]) -> tuple[Edge, ...] | None:
    """Return the walk to the first arc that ends in a goal."""
    at = next((arc for arc in came if arc.right in goals), None)
    if at is None:
        return None
    back: list[Edge] = []
    while at is not None:
        back.append(at)
        at = came[at]
    return tuple(reversed(back))


def possibly_causal_path(
    graph: MixedGraph, edge: Edge, goals: frozenset[str], walls: frozenset[str]
) -> tuple[Edge, ...] | None:
    """Return a possibly causal path to a goal that starts with an edge, walked from its left, and passes no wall.

    >>> graph = MixedGraph.build([("X", "--", "V"), ("V", "->", "Y"), ("X", "->", "Y")], kind="mpdag")
    >>> [str(e) for e in possibly_causal_path(graph, Edge("X", "--", "V"), frozenset("Y"), frozenset("X"))]
    ['X -- V', 'V -> Y']
    """
    if edge.right in walls:
        return None
    if edge.right in goals:
        return (edge,)
    if graph.kind not in BY_ARCS:
        rules = graph.index.classes((walls, WALL))
        rest = reach(graph.index, RULES[graph.kind][0], (edge.right,), rules, goals).walk(goals)
        return None if rest is None else (edge, *rest)
    # What lies behind the edge may be shielded from its left end, but no arrow may lead back to it.
    graph = closed(graph)
    walls |= frozenset(e.left for e in graph.edges if e.mark == "->" and e.right == edge.left)
    if edge.right in walls:
        return None
    start = [e for e in ends(graph)[edge.right] if e.right not in walls and possibly_along(e)]
    rest = _traced(_arcs(graph, start, walls), goals)
    return None if rest is None else (edge, *rest)


def definite_path(
    graph: MixedGraph,
    x: frozenset[str],
    y: frozenset[str],
    z: frozenset[str],
    *,
    skipped: frozenset[Edge] = frozenset(),
) -> tuple[Edge, ...] | None:
    """Return an open path of definite status from X to Y given Z that doesn't start with a skipped edge, where found.

    Each inner node is a collider in An(Z), or a non-collider outside Z: by a tail at it, or since two edges of unknown
    marks meet at it whose other ends aren't adjacent. Found breadth first over arcs; a walk that meets a node twice
    isn't cut, so that None doesn't prove that there is no such path.

    Source: J. Zhang (2008), section 3.4 and lemma 1; E. Perković et al., J. Mach. Learn. Res. 18 (2018) 220.
    """
    at = ends(graph)
    over = above(graph, z)
    number = graph.index.number

    def passes(first: Edge, second: Edge) -> bool:
        shielded = second.right in graph.adjacent[first.left]
        found = role(first, second, shielded=shielded, undirected=graph.kind in UNDIRECTED)
        if found == "collider":
            return bool(over[number[first.right]])
        return found != "unsettled" and first.right not in z

    def ahead(arc: Edge) -> Iterable[Edge]:
        if arc.right in y:
            return ()
        return (e for e in at[arc.right] if e.right != arc.left and e.right not in x and passes(arc, e))

    start = [e for n in graph.sorted(x) for e in at[n] if e.right not in x and e.canonical not in skipped]
    found = _traced(_search(start, ahead), y)
    if found is None or len({e.right for e in found}) < len(found):
        return None
    return found


def selective(graph: MixedGraph) -> Edge | None:
    """Return an edge of a mag or pag that tells of selection, by a tail opposite no arrowhead; None where none does."""
    if graph.kind not in ("mag", "pag"):
        return None
    return next((edge for edge in graph.edges if edge.mark in ("--", "o--", "--o")), None)


def require_unselective(graph: MixedGraph, what: str) -> None:
    """Make sure that no edge of a mag or pag tells of selection.

    Raises:
        ModelError: an edge has a tail opposite no arrowhead (E108).
    """
    edge = selective(graph)
    if edge is not None:
        raise ModelError.because(
            "E108",
            f"{edge} says that the data were selected: {what} isn't defined there",
            why=f"by a tail opposite no arrowhead {edge.left} or {edge.right} is a cause of the selection",
        )
