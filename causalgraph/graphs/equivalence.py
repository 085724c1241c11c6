"""Markov equivalence of DAGs: the class as a graph, one member of it, and whether two graphs stand for one class.

All nodes count as observed here: what latent and selected nodes hide is the business of MAGs and PAGs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from causalgraph.errors import ModelError
from causalgraph.graphs.chordal import chordless_cycle
from causalgraph.graphs.compiling import compiled
from causalgraph.graphs.meek import unclosed
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.graphs.partial import Partial, cycle_in, doubled, parts
from causalgraph.graphs.reach import FORWARD

__all__ = ["Equivalence", "breaches_of_class", "compare_classes", "consistent_extension", "cpdag"]


# Up to this many nodes loops run as plain Python: compiled, they would take longer to load.
SMALL = 200


def cpdag(graph: MixedGraph) -> MixedGraph:
    """Return the CPDAG: an arrow where all DAGs that are Markov equivalent agree, an undirected edge elsewhere.

    Of a cpdag, mpdag or pdag it is the CPDAG of the class that its members belong to. A DAG's takes time linear in
    nodes and edges.

    Raises:
        ModelError: the arrows form a cycle (E103), or no DAG extends the graph (E116).

    >>> graph = MixedGraph.build([("A", "->", "C"), ("B", "->", "C"), ("D", "->", "E")])
    >>> [str(e) for e in cpdag(graph).edges]
    ['A -> C', 'B -> C', 'D -- E']

    Source: D. Chickering, "A transformational characterization of equivalent Bayesian network structures" (UAI 1995),
    section 5: the labelling of edges as compelled or reversible, arXiv:1302.4938.
    """
    member = member_of(graph)
    fixed = _compelled_edges(member)
    edges = (
        e if compelled else Edge(e.left, "--", e.right).canonical
        for e, compelled in zip(member.edges, fixed, strict=True)
    )
    return member.with_edges(edges, kind="cpdag")


def _compelled_edges(graph: MixedGraph) -> list[bool]:
    """Say of each edge of a DAG whether every member of its class has it.

    Raises:
        ModelError: it isn't a DAG (E102, E103, E104).
    """
    index, size = graph.index, len(graph.nodes)
    into, out = index.code == FORWARD["<-"], index.code == FORWARD["->"]
    pairs = np.sort(np.repeat(np.arange(size, dtype=np.int64), np.diff(index.first)) * size + index.target)
    if not (into | out).all() or (pairs[1:] == pairs[:-1]).any():
        Partial.of(graph, "the CPDAG")  # raises
    arrays: list[Any] = []
    for wanted in (into, out):
        arrays += [np.concatenate([[0], np.cumsum(wanted)])[index.first], index.target[wanted]]
    arrays += [np.diff(arrays[0]), *(np.full(size, -1) for _ in range(4)), np.zeros(len(graph.edges), np.int8)]
    label = compiled(_label) if size > SMALL else _label
    if size <= SMALL:
        arrays = [a.tolist() for a in arrays]
    if label(*arrays) < size:
        state = Partial.of(graph, "the CPDAG")
        loop = cycle_in(state.parents, range(size))
        around = " -> ".join(graph.nodes[i] for i in [*loop, loop[0]])
        raise ModelError.because("E103", f"these arrows form a cycle: {around}")
    fixed = np.zeros(len(graph.edges), dtype=bool)
    fixed[index.edge[into]] = arrays[-1]
    found: list[bool] = fixed.tolist()
    return found


def _label(  # noqa: C901, PLR0912, PLR0913, PLR0917 (machine code takes arrays, not objects)
    first: Any,
    parent: Any,
    first_child: Any,
    child: Any,
    waiting: Any,
    order: Any,
    place: Any,
    slot: Any,
    stamp: Any,
    compelled: Any,
) -> int:
    """Order the nodes, and mark in ``compelled`` the arrows that every member has; return how many could be ordered.

    The parents of node ``v`` are ``parent[first[v]:first[v + 1]]``, and an arrow goes by its place there. Chickering
    visits the arrows head by head in the order of causes, and at a head y first the arrow from its last parent x, which
    settles all arrows into y. ``slot`` holds where a node was last met as a parent, ``stamp`` for which y it was last
    met as a parent of x.
    """
    head, tail = 0, 0
    for v in range(len(waiting)):
        if not waiting[v]:
            order[tail] = v
            tail += 1
    while head < tail:
        v = order[head]
        place[v] = head
        head += 1
        for k in range(first_child[v], first_child[v + 1]):
            waiting[child[k]] -= 1
            if not waiting[child[k]]:
                order[tail] = child[k]
                tail += 1
    for i in range(tail if tail == len(waiting) else 0):
        y, x = order[i], -1
        start, end = first[y], first[y + 1]
        for k in range(start, end):
            slot[parent[k]] = k
            if x < 0 or place[parent[k]] > place[x]:
                x = parent[k]
        if x < 0:
            continue
        whole = False
        for k in range(first[x], first[x + 1]):
            stamp[parent[k]] = y
            if compelled[k]:
                if start <= slot[parent[k]] < end:
                    compelled[slot[parent[k]]] = 1
                else:
                    whole = True
        for k in range(start, end):
            whole = whole or (parent[k] != x and stamp[parent[k]] != y)
        if whole:
            for k in range(start, end):
                compelled[k] = 1
    return tail


def member_of(graph: MixedGraph) -> MixedGraph:
    """Return a DAG of the class that a graph stands for.

    Raises:
        ModelError: no DAG extends it (E116).
    """
    member = graph if graph.kind == "dag" else consistent_extension(graph)
    if member is None:
        raise ModelError.because(
            "E116",
            f"no DAG extends this {graph.kind}",
            why="each way to orient its undirected edges makes a cycle or a new unshielded collider",
            fix="claim mpdag in the header: the edges that stand in the way are then named",
        )
    return member


def consistent_extension(graph: MixedGraph) -> MixedGraph | None:
    """Return a DAG with the graph's skeleton, arrows and unshielded colliders, or None where there is none.

    The DAG is built from its sinks: a node can go last if no arrow leaves it and each neighbour by an undirected edge
    is adjacent to all its other neighbours. How many pairs of neighbours are adjacent is counted once and kept up to
    date, so that the work grows as edges times the size of the neighbourhoods.

    >>> graph = MixedGraph.build([("A", "->", "B"), ("B", "--", "C")], kind="pdag")
    >>> [str(e) for e in consistent_extension(graph).edges]
    ['A -> B', 'B -> C']

    Source: D. Dor, M. Tarsi, "A simple algorithm to construct a consistent extension of a partially oriented graph"
    (1992); the counts after M. Wienöbst, M. Bannach, M. Liśkiewicz, "Extendability of causal graphical models"
    (UAI 2021).
    """
    state = Partial.of(graph, "a consistent extension")
    gone = _sinks_first(state)
    if len(gone) < len(graph.nodes):
        return None
    place = {node: i for i, node in enumerate(gone)}
    edges = (
        e if e.mark == "->" or place[state.number[e.left]] > place[state.number[e.right]] else e.turned
        for e in graph.edges
    )
    return graph.with_edges((Edge(e.left, "->", e.right) for e in edges), kind="dag")


def _sinks_first(state: Partial) -> list[int]:
    """Return the nodes in the order that Dor and Tarsi take sinks away, those out that never become one."""
    near, beside = [set(n) for n in state.near], [set(n) for n in state.beside]
    leaving = [len(heads) for heads in state.children]
    # The adjacent pairs of a node's neighbours in which one at least is a neighbour by an undirected edge.
    pairs = [
        sum(len(near[u] & beside[v]) for u in beside[v]) // 2 + sum(len(near[u] & state.parents[v]) for u in beside[v])
        for v in range(len(near))
    ]

    def is_sink(v: int) -> bool:
        undirected, into = len(beside[v]), len(state.parents[v])
        return not leaving[v] and pairs[v] == undirected * (undirected - 1) // 2 + undirected * into

    gone: dict[int, None] = {}
    queue = [v for v in range(len(near)) if is_sink(v)][::-1]
    while queue:
        x = queue.pop()
        if x in gone:
            continue
        gone[x] = None
        for y in beside[x]:
            pairs[y] -= len(near[x] & beside[y]) + len(near[x] & state.parents[y])
            beside[y].remove(x)
        for y in state.parents[x]:
            leaving[y] -= 1
        for y in near[x]:
            near[y].remove(x)
        queue += [y for y in near[x] if is_sink(y)]
    return list(gone)


@dataclass(frozen=True)
class Equivalence:
    """Whether two graphs stand for one Markov equivalence class, and if not, what the first or second has alone.

    `witness` is empty, one edge, or the two arrows of an unshielded collider; `only_in` says which graph has it.
    """

    equivalent: bool
    reason: str
    witness: tuple[Edge, ...] = ()
    only_in: Literal["first", "second"] | None = None

    def __bool__(self) -> bool:
        return self.equivalent


def compare_classes(first: MixedGraph, second: MixedGraph) -> Equivalence:
    """Say whether the DAGs that two graphs stand for are Markov equivalent.

    Two DAGs are if they have the same skeleton and the same unshielded colliders. A cpdag, mpdag or pdag is compared
    through one of its members: they all belong to one class.

    Raises:
        ModelError: a graph isn't of a kind that stands for DAGs (E108), or stands for none (E103, E116).

    >>> chain = MixedGraph.build([("A", "->", "B"), ("B", "->", "C")])
    >>> print(compare_classes(chain, MixedGraph.build([("A", "->", "B"), ("C", "->", "B")])).reason)
    only the second has the unshielded collider A -> B <- C

    Source: T. Verma, J. Pearl, "Equivalence and synthesis of causal models" (UAI 1990), theorem 1, arXiv:1304.1108.
    """
    for ours, theirs, where in ((first, second, "first"), (second, first, "second")):
        alone = set(ours.nodes) - set(theirs.nodes)
        if alone:
            return Equivalence(
                equivalent=False, reason=f"only the {where} has the node {', '.join(ours.sorted(alone))}"
            )
    one, two = cpdag(first), cpdag(second)
    sides: tuple[tuple[MixedGraph, MixedGraph, Literal["first", "second"]], ...] = (
        (one, two, "first"),
        (two, one, "second"),
    )
    for ours, theirs, where in sides:
        extra = [e for e in ours.edges if e.right not in theirs.adjacent[e.left]]
        if extra:
            edge = _as_written(first if where == "first" else second, extra[0])
            reason = f"only the {where} has an edge between {edge.left} and {edge.right}: {edge}"
            return Equivalence(equivalent=False, reason=reason, witness=(edge,), only_in=where)
    if set(one.edges) == set(two.edges):
        return Equivalence(equivalent=True, reason="they have the same skeleton and the same unshielded colliders")
    found = ((c, where) for ours, theirs, where in sides for c in _colliders_alone(ours, theirs))
    (left, right), where = next(found)
    reason = f"only the {where} has the unshielded collider {left} <- {right.left}"
    return Equivalence(equivalent=False, reason=reason, witness=(left, right), only_in=where)


def _as_written(graph: MixedGraph, edge: Edge) -> Edge:
    return next(e for e in graph.edges if {e.left, e.right} == {edge.left, edge.right})


def _colliders_alone(ours: MixedGraph, theirs: MixedGraph) -> Iterator[tuple[Edge, Edge]]:
    """Yield the unshielded colliders of one CPDAG that another on the same skeleton doesn't have."""
    arrows = set(theirs.edges)
    into: dict[str, list[Edge]] = {}
    for edge in ours.edges:
        if edge.mark == "->":
            into.setdefault(edge.right, []).append(edge)
    for edges in into.values():
        for edge in (e for e in edges if e not in arrows):
            for other in edges:
                if other.left != edge.left and other.left not in ours.adjacent[edge.left]:
                    pair = {edge.left: edge, other.left: other}
                    left, right = (pair[n] for n in ours.sorted(pair))
                    yield left, right


def breaches_of_class(graph: MixedGraph) -> Iterator[tuple[tuple[Edge, ...], str]]:
    """Yield what keeps a graph from being the cpdag or mpdag that it claims to be: the edges, and the reason.

    A CPDAG is the graph of one Markov equivalence class. An MPDAG is what Meek's rules make of one with knowledge:
    closed under the rules, with a DAG that extends it. Graphs of other kinds make no such claim.

    Raises:
        ModelError: an edge is neither an arrow nor undirected (E102).

    >>> graph = MixedGraph.build([("A", "->", "B"), ("B", "--", "C")], kind="cpdag")
    >>> for edges, reason in breaches_of_class(graph): print(*edges, "|", reason)
    B -- C | it must be B -> C by Meek's rule 1: A -> B, and A and C aren't adjacent: C -> B would make a new ...
    A -> B | it must be A -- B: members of the class have it either way

    Source: S. Andersson, D. Madigan, M. Perlman, "A characterization of Markov equivalence classes for acyclic
    digraphs" (1997), theorem 4.1, doi:10.1214/aos/1031833662; C. Meek (1995).
    """
    if graph.kind not in ("cpdag", "mpdag"):
        return
    pair = doubled(graph)
    if pair:
        yield pair, f"{pair[0]} and {pair[1]} contradict each other"
        return
    member = consistent_extension(graph)
    whole = cpdag(member) if member is not None and graph.kind == "cpdag" else None
    if whole is not None and set(whole.edges) == set(graph.edges):
        return
    told = False
    for breach in _breaches(graph, whole):
        told = True
        yield breach
    if member is None and not told:
        state = Partial.of(graph, "the claim")
        stuck = set(range(len(graph.nodes))).difference(_sinks_first(state))
        edges = tuple(e for e in graph.edges if {state.number[e.left], state.number[e.right]} <= stuck)
        yield edges, "no DAG has these arrows and no unshielded collider beside theirs"


def _breaches(graph: MixedGraph, whole: MixedGraph | None) -> Iterator[tuple[tuple[Edge, ...], str]]:
    """Yield the breaches that have a shape of their own: cycles, and edges that stand otherwise in the class."""
    state = Partial.of(graph, "the claim")
    loop = cycle_in(state.parents, range(len(graph.nodes)))
    if loop:
        yield _walked(graph, loop), "these arrows form a directed cycle"
        return
    rules = list(unclosed(graph))
    if graph.kind == "cpdag":
        yield from _unchained(graph, state)
    written = {frozenset((e.left, e.right)): e for e in graph.edges}
    for edge, why in rules:
        yield (written[frozenset((edge.left, edge.right))],), f"it must be {edge} by {why}"
    if whole is not None:
        ruled = {frozenset((e.left, e.right)) for e, _ in rules}
        own = set(graph.edges)
        for edge in whole.edges:
            ends = frozenset((edge.left, edge.right))
            if edge in own or ends in ruled:
                continue
            agree = "all members of the class agree" if edge.mark == "->" else "members of the class have it either way"
            yield (written[ends],), f"it must be {edge}: {agree}"


def _unchained(graph: MixedGraph, state: Partial) -> Iterator[tuple[tuple[Edge, ...], str]]:
    """Yield the arrows within undirected parts, and a chordless cycle of each undirected part that has one."""
    for part in parts(state.beside.__getitem__, range(len(graph.nodes))):
        within = set(part)
        for tail in part:
            for head in sorted(state.children[tail] & within):
                back = _way(state, head, tail)
                yield _walked(graph, [tail, *back[:-1]]), "these edges form a partially directed cycle"
        ring = chordless_cycle({n: state.beside[n] for n in part})
        if ring:
            yield _walked(graph, ring), "undirected edges form a cycle without a chord: to orient it makes a collider"


def _way(state: Partial, start: int, end: int) -> list[int]:
    """Return a shortest way along undirected edges."""
    came = {start: start}
    queue = [start]
    for node in queue:
        for other in state.beside[node]:
            if other not in came:
                came[other] = node
                queue.append(other)
    back = [end]
    while back[-1] != start:
        back.append(came[back[-1]])
    return back[::-1]


def _walked(graph: MixedGraph, loop: Sequence[int]) -> tuple[Edge, ...]:
    """Return the edges between the nodes of a cycle, each as it is walked."""
    named = [graph.nodes[i] for i in loop]
    by_ends = {(e.left, e.right): e for e in graph.edges}
    steps = zip(named, [*named[1:], named[0]], strict=True)
    return tuple(by_ends[a, b] if (a, b) in by_ends else by_ends[b, a].turned for a, b in steps)
