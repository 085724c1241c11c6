"""All paths between two nodes, each open or closed, causal or biasing, and which triple decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from causalgraph.criteria.separation import disjoint
from causalgraph.graphs.kinds import require_kind
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.graphs.paths import Path
from causalgraph.graphs.possible import possible_ancestors
from causalgraph.graphs.relations import ancestors

__all__ = ["paths", "why"]


def paths(
    graph: MixedGraph,
    x: Iterable[str],
    y: Iterable[str],
    *,
    given: Iterable[str] = (),
    directed: bool = False,
    limit: int | None = None,
) -> Iterator[Path]:
    """Yield every path between X and Y, judged given Z, lazily.

    A branch is followed only while it can still reach the goal, so the time between two paths is polynomial, however
    many there are. Paths that visit a further member of X or Y are left out: their part between is itself yielded.

    On a class of graphs a path may be open in one and closed in another: its `open` is then None. Selected nodes are
    always conditioned on.

    Args:
        graph: a graph of any kind.
        x, y: disjoint sets of nodes (or a name).
        given: the set Z that is conditioned on.
        directed: only causal paths.
        limit: how many to yield at most.

    Raises:
        ModelError: as for `separation`.

    >>> graph = MixedGraph.build([("Z", "->", "X"), ("Z", "->", "Y"), ("X", "->", "Y")])
    >>> [(p.text, p.open, p.causal) for p in paths(graph, "X", "Y", given="Z")]
    [('X -> Y', True, True), ('X <- Z -> Y', False, False)]
    """
    require_kind(graph, "paths")
    x, y, z = (graph.require(s) for s in (x, y, given))
    disjoint(graph, x, y, z | graph.selected)
    z |= graph.selected
    above, perhaps = ancestors(graph, z), possible_ancestors(graph, z)
    passes = {n: (n not in z, True if n in above else None if n in perhaps else False) for n in graph.nodes}
    at: dict[str, list[Edge]] = {n: [] for n in graph.nodes}
    for edge in graph.edges:
        at[edge.left].append(edge)
        if not directed:
            at[edge.right].append(edge.turned)
    if directed:
        at = {n: [e for e in edges if e.mark == "->"] for n, edges in at.items()}
    found = (edges for start in graph.sorted(x) for edges in _walk(at, start, x, y))
    return (Path.of(graph, edges, passes) for edges in islice(found, limit))


def _walk(at: dict[str, list[Edge]], start: str, x: frozenset[str], y: frozenset[str]) -> Iterator[tuple[Edge, ...]]:
    """Yield simple paths from ``start`` to Y that stay clear of the rest of X and Y."""
    trail: list[Edge] = []
    used = set(x)
    stack = [iter(_ahead(at, start, used, y))]
    while stack:
        edge = next(stack[-1], None)
        if edge is None:
            stack.pop()
            if trail:
                used.discard(trail.pop().right)
        elif edge.right in y:
            yield (*trail, edge)
        else:
            trail.append(edge)
            used.add(edge.right)
            stack.append(iter(_ahead(at, edge.right, used, y)))


def _ahead(at: dict[str, list[Edge]], node: str, used: set[str], y: frozenset[str]) -> list[Edge]:
    """Return the edges from a node that still lead to Y past the nodes in use, goals first."""
    alive: dict[str, bool] = {}
    for edge in at[node]:
        if edge.right not in used and edge.right not in alive:
            found = _reaches(at, edge.right, used, y)
            alive |= dict.fromkeys(found or {edge.right}, bool(found))
    ahead = [e for e in at[node] if e.right not in used and alive[e.right]]
    return sorted(ahead, key=lambda e: e.right not in y)


def _reaches(at: dict[str, list[Edge]], start: str, used: set[str], y: frozenset[str]) -> list[str]:
    """Return the way that was found from a node to Y past the nodes in use, or nothing."""
    origin: dict[str, str | None] = {start: None}
    queue = [start]
    for node in queue:
        if node in y:
            way: list[str] = []
            back: str | None = node
            while back is not None:
                way.append(back)
                back = origin[back]
            return way
        for edge in at[node]:
            if edge.right not in used and edge.right not in origin:
                origin[edge.right] = node
                queue.append(edge.right)
    return []


def why(path: Path, given: Iterable[str]) -> str:
    """Say what closes a path, or what opens it.

    >>> graph = MixedGraph.build([("Z", "->", "X"), ("Z", "->", "Y")])
    >>> [why(p, "Z") for p in paths(graph, "X", "Y", given="Z")]
    ['closed by Z (fork, adjusted for)']
    """
    z = frozenset((given,) if isinstance(given, str) else given)
    blocking = [t for t in path.triples if t.blocks]
    if blocking:
        said = {
            t.nodes[1]: f"{t.nodes[1]} ({t.role}, {'not conditioned on' if t.role == 'collider' else 'adjusted for'})"
            for t in blocking
        }
        return "closed by " + ", ".join(said.values())
    unsettled = [t.nodes[1] for t in path.triples if t.role == "unsettled"]
    doubtful = [t.nodes[1] for t in path.triples if t.role == "collider" and t.blocks is None]
    if unsettled or doubtful:
        doubts = [f"{n} is a collider" for n in unsettled]
        doubts += [f"a descendant of {n} is conditioned on" for n in doubtful]
        return f"open or closed: the class leaves open whether {', and whether '.join(doubts)}"
    opened = [
        f"{t.nodes[1]} (collider, {'conditioned on' if t.nodes[1] in z else 'a descendant is conditioned on'})"
        for t in path.triples
        if t.role == "collider"
    ]
    return "open" + (f", opened by {', '.join(opened)}" if opened else "")
