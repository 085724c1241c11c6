"""How many DAGs a graph stands for, which they are, and one drawn at random.

A DAG stands for its Markov equivalence class, a cpdag for the class it is the graph of, and an mpdag or pdag for the
DAGs that extend it: the same skeleton and unshielded colliders, and its arrows.

Once closed under Meek's rules, a graph falls apart into buckets, the parts that undirected edges hold together, and
each bucket is oriented by itself. Without an arrow inside, a bucket is a chordal graph, and its orientations are
counted in polynomial time. With arrows inside the problem is #P-hard, and a budget ends it.

Source: M. Wienöbst, M. Bannach, M. Liśkiewicz, "Polynomial-time algorithms for counting and sampling Markov equivalent
DAGs with applications" (JMLR 24, 2023), arXiv:2205.02654; E. Perković, "Identifying causal effects in maximally
oriented partially directed acyclic graphs" (UAI 2020), for the buckets.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from math import prod

from causalgraph.errors import ModelError
from causalgraph.graphs.equivalence import consistent_extension, cpdag, member_of
from causalgraph.graphs.meek import close, collide
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.partial import Partial, Step, cycle_in, parts
from causalgraph.graphs.picking import Known, Near, Weighed, drawn_order, orientations

__all__ = ["LIMIT", "ClassSize", "class_size", "count_members", "members", "sample_members"]

# How many nodes may be looked at, over all buckets whose sources are tried, before a count ends: a few seconds.
LIMIT = 200_000


@dataclass(frozen=True)
class ClassSize:
    """How many DAGs there are: ``size`` exactly, or at least so many where the budget ended."""

    size: int
    exact: bool


def class_size(graph: MixedGraph) -> int:
    """Return how many DAGs the Markov equivalence class of a dag or cpdag has, in polynomial time.

    Raises:
        ModelError: another kind (E108), a directed cycle (E103), or a cpdag that stands for no DAG (E116).

    >>> class_size(MixedGraph.build([("A", "->", "B"), ("B", "->", "C")]))
    3
    """
    if graph.kind not in ("dag", "cpdag"):
        raise ModelError.because(
            "E108",
            f"the size of a class isn't supported on a graph of kind {graph.kind}",
            why="it may stand for a part of a class only, which is hard to count (#P-hard)",
            fix="`count_members` counts under a budget; `cpdag` gives the whole class",
        )
    return count_members(member_of(graph)).size


def count_members(graph: MixedGraph, *, limit: int = LIMIT) -> ClassSize:
    """Return how many DAGs a graph stands for; 0 where none extends it.

    On a dag or cpdag that is always exact. On others `limit` is the budget: at most so many nodes are looked at in
    buckets whose sources are tried one by one. Where it ends, the size is a lower bound.

    >>> graph = MixedGraph.build([("A", "->", "B"), ("A", "--", "C"), ("B", "--", "C")], kind="mpdag")
    >>> count_members(graph)
    ClassSize(size=3, exact=True)
    """
    state = _closed(graph)
    if state is None:
        return ClassSize(0, exact=True)
    counter = _Counter(state, limit)
    size = prod(counter.size(bucket) for bucket in _buckets(state, range(len(state.near))))
    return ClassSize(size, exact=not counter.spent)


def sample_members(graph: MixedGraph, count: int, seed: int, *, limit: int = LIMIT) -> Iterator[MixedGraph]:
    """Yield `count` DAGs that a graph stands for, each with the same probability and independent of the others.

    A bucket is drawn by its counts. Where the budget ends before they are known, whole classes are drawn instead, and
    those kept that have the graph's arrows, with the same budget for each DAG.

    Raises:
        ModelError: no DAG extends the graph (E116), or the budget ended (E117).

    >>> graph = MixedGraph.build([("A", "--", "B"), ("B", "--", "C")], kind="cpdag")
    >>> [len(dag.edges) for dag in sample_members(graph, 2, seed=1)]
    [2, 2]
    """
    chance = random.Random(seed)  # noqa: S311 (a sample, not a secret)
    state = _closed(graph)
    if state is None:
        raise ModelError.because("E116", f"no DAG extends this {graph.kind}, so none can be drawn")
    counter = _Counter(state, limit)
    buckets = _buckets(state, range(len(state.near)))
    for bucket in buckets:
        counter.size(bucket)
    if counter.spent:
        yield from _by_rejection(graph, count, chance, limit)
        return
    start = len(state.trail)
    for _ in range(count):
        for bucket in buckets:
            counter.draw(bucket, chance)
        yield _dag(graph, state)
        state.undo(start)


def _by_rejection(graph: MixedGraph, count: int, chance: random.Random, limit: int) -> Iterator[MixedGraph]:
    arrows = {e for e in graph.edges if e.mark == "->"}
    tries = max(1, limit // len(graph.nodes))
    drawn = sample_members(cpdag(graph), tries * count, chance.getrandbits(64))
    for _ in range(count):
        found = next((dag for dag in islice(drawn, tries) if arrows <= set(dag.edges)), None)
        if found is None:
            raise ModelError.because(
                "E117",
                f"no member was drawn within the budget of {limit}",
                why="counting the DAGs of an mpdag is #P-hard, and too few DAGs of its class keep to its arrows",
                fix="raise the limit",
            )
        yield graph.with_edges(found.edges, kind="dag")


def members(graph: MixedGraph) -> Iterator[MixedGraph]:
    """Yield every DAG that a graph stands for, each once; none where none extends it.

    An undirected edge is oriented one way, what follows by Meek's rules with it, and so on; later the other way. Each
    branch ends in a DAG, so the time from one DAG to the next is polynomial.

    >>> graph = MixedGraph.build([("A", "--", "B"), ("B", "--", "C")], kind="cpdag")
    >>> for dag in members(graph): print(*dag.edges, sep=", ")
    A -> B, B -> C
    B -> A, B -> C
    B -> A, C -> B

    Source: C. Meek (1995), theorem 4: after closure, an undirected edge stands either way in some DAG.
    """
    state = _closed(graph)
    if state is None:
        return
    undirected = [(state.number[e.left], state.number[e.right]) for e in graph.edges if e.mark == "--"]
    if graph.kind == "dag":
        undirected = [(a, b) for a, others in enumerate(state.beside) for b in sorted(others) if a < b]
    turns: list[tuple[int, int]] = []  # the length of the trail before an edge's first way, and the edge's place
    at = 0
    while True:
        while at < len(undirected):
            a, b = undirected[at]
            if b in state.beside[a]:
                turns.append((len(state.trail), at))
                _follow(state, [(a, b)])
            at += 1
        yield _dag(graph, state)
        if not turns:
            return
        length, at = turns.pop()
        state.undo(length)
        a, b = undirected[at]
        _follow(state, [(b, a)])


def _closed(graph: MixedGraph) -> Partial | None:
    """Return what a graph stands for, closed under Meek's rules, or None where no DAG extends it."""
    whole = cpdag(graph) if graph.kind == "dag" else graph
    if consistent_extension(whole) is None:
        return None
    state = Partial.of(whole, "the set of its members")
    close(state, state.arrows())
    return state


def _dag(graph: MixedGraph, state: Partial) -> MixedGraph:
    """Return the graph with every edge as it is now."""
    edges = (e if state.number[e.right] in state.children[state.number[e.left]] else e.turned for e in graph.edges)
    return graph.with_edges((e._replace(mark="->") for e in edges), kind="dag")


def _buckets(state: Partial, within: Iterable[int]) -> list[list[int]]:
    return parts(state.beside.__getitem__, within)


def _follow(state: Partial, arrows: list[tuple[int, int]]) -> bool:
    """Orient edges and what follows; say whether no new unshielded collider arose."""
    for arrow in arrows:
        if collide(state, arrow):
            return False
        state.orient(Step(*arrow))
    return close(state, arrows) is None


@dataclass
class _Counter:
    """Counts the orientations of buckets, and draws one; what was counted is kept.

    `spent` says that the budget has ended.
    """

    state: Partial
    limit: int
    chordal: Known = field(default_factory=dict)
    mixed: dict[tuple[frozenset[int], frozenset[tuple[int, int]]], Weighed] = field(default_factory=dict)
    spent: bool = False

    def inside(self, bucket: list[int]) -> frozenset[tuple[int, int]]:
        """Return the arrows within a bucket."""
        within = frozenset(bucket)
        return frozenset((a, b) for a in bucket for b in self.state.children[a] & within)

    def near(self, bucket: list[int]) -> Near:
        return {n: self.state.beside[n] for n in bucket}

    def size(self, bucket: list[int]) -> int:
        """Return how many orientations a bucket has, or a lower bound once the budget is spent."""
        if not self.inside(bucket):
            return orientations(self.near(bucket), self.chordal)
        total = self.by_source(bucket).total
        return max(total, 2) if self.spent else total  # each undirected edge stands both ways

    def by_source(self, bucket: list[int]) -> Weighed:
        """Return how many orientations have each node as the bucket's source.

        A bucket is connected and chordal and gets no unshielded collider, so an orientation has one source.
        """
        key = frozenset(bucket), self.inside(bucket)
        if key in self.mixed:
            return self.mixed[key]
        state = self.state
        weighed: list[tuple[int, int]] = []
        for source in bucket:
            if state.parents[source] & key[0]:
                continue
            self.limit -= len(bucket)
            if self.limit < 0:
                self.spent = True
                break
            start = len(state.trail)
            if self.begin(source) and not cycle_in(state.parents, bucket):
                weighed.append((prod(map(self.size, _buckets(state, bucket))), source))
            state.undo(start)
        out = Weighed(tuple(w for w, _ in weighed), tuple(s for _, s in weighed))
        if not self.spent:
            self.mixed[key] = out
        return out

    def begin(self, source: int) -> bool:
        """Orient a node's undirected edges away from it; say whether no new unshielded collider arose."""
        return _follow(self.state, [(source, n) for n in sorted(self.state.beside[source])])

    def draw(self, bucket: list[int], chance: random.Random) -> None:
        """Orient a bucket at random, each way with the same probability."""
        state = self.state
        if self.inside(bucket):
            self.begin(self.by_source(bucket).drawn(chance))
            for part in _buckets(state, bucket):
                self.draw(part, chance)
            return
        placed: set[int] = set()
        for node in drawn_order(self.near(bucket), self.chordal, chance):
            placed.add(node)
            for other in sorted(state.beside[node] - placed):
                state.orient(Step(node, other))
