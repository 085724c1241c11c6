"""Does the graph keep to the kind it claims? Each breach names the edges that break it.

The kinds dag and admg are checked. A graph of another kind is carried and drawn, but no criterion reads it yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from causalgraph.errors import Diagnostic, ModelError
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.graphs.relations import topological_order

__all__ = ["CHECKED", "Breach", "breaches", "cycle", "is_legal", "require_directed"]

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
        return Diagnostic(self.code, self.what, (), self.why, self.fix)


def breaches(graph: MixedGraph) -> Iterator[Breach]:
    """Yield every edge that the claimed kind doesn't allow, then one directed cycle, if there is one."""
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
    opposed = {(e.left, e.right): e for e in graph.edges if e.mark == "->"}
    pairs = [(opposed[b, a], e) for (a, b), e in opposed.items() if (b, a) in opposed]
    for first, second in pairs:
        if graph.edges.index(first) < graph.edges.index(second):
            yield _contradiction(first, second)
    loop = _longer_cycle(graph) if pairs else cycle(graph)
    if loop:
        around = " -> ".join([loop[0].left, *(e.right for e in loop)])
        head = loop[0].left
        yield Breach(
            "E103",
            f"these arrows form a cycle: {around}",
            loop,
            "an effect is undefined where a variable causes itself",
            f"drop one arrow, or split the variable by time ({head}_0, {head}_1)",
        )


def _contradiction(first: Edge, second: Edge) -> Breach:
    return Breach(
        "E104",
        f"{first} and {second} contradict each other",
        (first, second),
        "of two variables at most one is the other's cause",
        f"keep one arrow; a common cause of both is written {first.left} <-> {first.right}",
    )


def _longer_cycle(graph: MixedGraph) -> tuple[Edge, ...]:
    """Return the arrows of a directed cycle of three or more, or nothing where only pairs contradict each other."""
    below: dict[str, list[Edge]] = {n: [] for n in graph.nodes}
    for edge in graph.edges:
        if edge.mark == "->":
            below[edge.left].append(edge)
    for closing in reversed(graph.edges):
        # Look for a way from its head back to its tail, other than the opposite arrow.
        came: dict[str, Edge | None] = {closing.right: None}
        queue = [closing.right] if closing.mark == "->" else []
        for node in queue:
            for edge in below[node]:
                if edge.right not in came and (edge.left, edge.right) != (closing.right, closing.left):
                    came[edge.right] = edge
                    queue.append(edge.right)
        if closing.left in came:
            back = [closing]
            while (step := came[back[0].left]) is not None:
                back.insert(0, step)
            return tuple(back)
    return ()


def cycle(graph: MixedGraph) -> tuple[Edge, ...]:
    """Return the arrows of a directed cycle, in order, or nothing where there is none.

    >>> [str(e) for e in cycle(MixedGraph.build([("A", "->", "B"), ("B", "->", "C"), ("C", "->", "A")]))]
    ['A -> B', 'B -> C', 'C -> A']
    """
    stuck = set(graph.nodes) - set(topological_order(graph))
    # Each node that the sort leaves out has a parent that it leaves out: walk up until a node comes twice.
    up: dict[str, Edge] = {}
    for edge in graph.edges:
        if edge.mark == "->" and edge.left in stuck and edge.right in stuck:
            up.setdefault(edge.right, edge)
    seen: dict[str, None] = {}
    node = next((n for n in graph.nodes if n in stuck), None)
    while node is not None and node not in seen:
        seen[node] = None
        node = up[node].left
    if node is None:
        return ()
    loop = list(seen)[list(seen).index(node) :]
    edges = tuple(up[n] for n in reversed(loop))
    # End at the edge that was written last: it closed the cycle.
    end = max(range(len(edges)), key=lambda i: graph.edges.index(edges[i])) + 1
    return edges[end:] + edges[:end]


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
