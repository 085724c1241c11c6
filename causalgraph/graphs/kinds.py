"""Does the graph keep to the kind it claims? Each breach names the edges that break it.

The kinds dag and admg are checked. A graph of another kind is carried and drawn, but no criterion reads it yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache

from causalgraph.errors import Diagnostic, ModelError
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.graphs.relations import topological_order

__all__ = ["CHECKED", "Breach", "breaches", "cycle", "is_legal", "require_directed", "require_unselected"]

# Kind -> the edges it may have.
CHECKED = {"dag": ("->",), "admg": ("->", "<->")}


@dataclass(frozen=True)
class Breach:
    """A claim that the edges break; the last edge is the one to blame."""

    code: str
    what: str
    edges: tuple[Edge, ...]
    why: str
    fix: str

    @property
    def diagnostic(self) -> Diagnostic:
        """The breach without a place in a text."""
        around = f": {self.around}" if self.code == "E103" else ""
        return Diagnostic(self.code, self.what + around, (), self.why, self.fix)

    @property
    def around(self) -> str:
        """The way that the edges go."""
        return " -> ".join([self.edges[0].left, *(e.right for e in self.edges)])


def breaches(graph: MixedGraph, *, alone: AbstractSet[Edge] | None = None) -> Iterator[Breach]:
    """Yield each edge that the claimed kind doesn't allow, each pair of opposed arrows, and the directed cycles.

    Two opposed arrows that each stand alone contradict one another (E104). Where one of them is part of a longer
    statement, nobody wrote the pair down as a pair, and it is told as the cycle that it is (E103). `alone` are the
    edges that stand alone in a text; without it, all do. Beyond the pairs, each strongly connected part is told once,
    by a shortest cycle through the arrow that was written last.
    """
    allowed = CHECKED.get(graph.kind)
    if allowed is None:
        return
    for edge in graph.edges:
        if edge.mark not in allowed:
            yield Breach(
                "E102",
                f"{edge} can't stand in a graph of kind {graph.kind}",
                (edge,),
                f"the edges of a graph of kind {graph.kind} are {' and '.join(allowed)}",
                "change the mark, or the kind in the header (a graph with circles is a pag, with -- a cpdag or pdag)",
            )
    arrows = [e for e in graph.edges if e.mark == "->"]
    if len(topological_order(graph)) == len(graph.nodes):
        return
    earlier: dict[tuple[str, str], Edge] = {}
    for edge in arrows:
        first = earlier.get((edge.right, edge.left))
        if first is not None and (alone is None or {first, edge} <= alone):
            yield _contradiction(first, edge)
        else:
            earlier[edge.left, edge.right] = edge
    for loop in _cycles(list(earlier.values())):
        blamed = loop[-1].left
        yield Breach(
            "E103",
            "these arrows form a cycle",
            loop,
            "an effect is undefined where a variable causes itself",
            f"drop one arrow, or split the variable by time ({blamed}_0, {blamed}_1)",
        )


def _contradiction(first: Edge, second: Edge) -> Breach:
    return Breach(
        "E104",
        f"{first} and {second} contradict each other",
        (first, second),
        "of two variables at most one is the other's cause",
        f"keep one arrow; a common cause of both is written `{first.left} <-> {first.right}`",
    )


def _cycles(arrows: list[Edge]) -> Iterator[tuple[Edge, ...]]:
    """Yield a shortest cycle through the last arrow of each strongly connected part, in order, ended by that arrow."""
    import networkx as nx

    part: dict[str, int] = {}
    joined = nx.DiGraph([(e.left, e.right) for e in arrows])
    for number, nodes in enumerate(nx.strongly_connected_components(joined)):
        part |= dict.fromkeys(nodes, number)
    within = [e for e in arrows if part[e.left] == part[e.right]]
    below: dict[str, list[Edge]] = {}
    last: dict[int, Edge] = {}
    for edge in within:
        below.setdefault(edge.left, []).append(edge)
        last[part[edge.left]] = edge
    closing = set(last.values())
    yield from ((*_way(below, e.right, e.left), e) for e in within if e in closing)


def _way(below: dict[str, list[Edge]], start: str, end: str) -> tuple[Edge, ...]:
    """Return a shortest directed path, which exists within a strongly connected part."""
    came: dict[str, Edge] = {}
    queue = [start]
    for node in queue:
        if end in came:
            break
        for edge in below[node]:
            if edge.right != start and edge.right not in came:
                came[edge.right] = edge
                queue.append(edge.right)
    back: list[Edge] = []
    while end != start:
        back.append(came[end])
        end = came[end].left
    return tuple(reversed(back))


def cycle(graph: MixedGraph) -> tuple[Edge, ...]:
    """Return the arrows of a directed cycle, in order, or nothing where there is none.

    >>> [str(e) for e in cycle(MixedGraph.build([("A", "->", "B"), ("B", "->", "C"), ("C", "->", "A")]))]
    ['A -> B', 'B -> C', 'C -> A']
    """
    if len(topological_order(graph)) == len(graph.nodes):
        return ()
    return next(_cycles([e for e in graph.edges if e.mark == "->"]))


def require_unselected(graph: MixedGraph, what: str) -> MixedGraph:
    """Return the graph if it is a legal dag or admg without selected nodes.

    Selection conditions on a node in all data there are, which a criterion must reckon with and these don't yet.

    Raises:
        ModelError: a node is selected, or the kind isn't supported (E108), or the claim is broken.
    """
    require_directed(graph, what)
    if graph.selected:
        named = ", ".join(graph.sorted(graph.selected))
        raise ModelError.because("E108", f"{named} is selected: {what} under selection isn't supported yet")
    return graph


@lru_cache(maxsize=64)
def is_legal(graph: MixedGraph) -> bool:
    """Does a graph keep to the kind that it claims? Graphs never change, so each is looked at once."""
    return next(breaches(graph), None) is None


def require_directed(graph: MixedGraph, what: str) -> MixedGraph:
    """Return the graph if it is a legal dag or admg.

    Raises:
        ModelError: it is of another kind (E108), or breaks its claim (E102, E103, E104).
    """
    if graph.kind not in CHECKED:
        raise ModelError.because(
            "E108",
            f"{what} isn't supported yet on a graph of kind {graph.kind}",
            fix="ask it of a dag or an admg",
        )
    if not is_legal(graph):
        raise ModelError(*(b.diagnostic for b in breaches(graph)))
    return graph
