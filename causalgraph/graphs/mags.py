"""The class of Markov equivalent MAGs that a PAG stands for: one of them, all of them, are two in one class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Literal

from causalgraph.errors import ModelError
from causalgraph.graphs.ancestral import breaches_of_mag, mag
from causalgraph.graphs.completion import BUDGET, LEAF, MARK_NAMES, completion, written
from causalgraph.graphs.equivalence import Equivalence
from causalgraph.graphs.knowledge import Knowledge
from causalgraph.graphs.marks import ARROW, CIRCLE, TAIL, Place, marks_of
from causalgraph.graphs.mixed import WRITTEN, Edge, Mark, MixedGraph
from causalgraph.graphs.zhang import circles, collider_in, orient, orient_mag

__all__ = [
    "LIMIT",
    "MARK_NAMES",
    "MagMembers",
    "breaches_of_pag",
    "equivalent_mags",
    "impossible_marks",
    "informed_marks",
    "mag_members",
    "member",
    "members_of_pag",
]

# Members that are listed unless told otherwise. Of the work that may be done, giving an edge its marks counts one;
# judging a whole graph counts its nodes times its edges, and no less than LEAF.
LIMIT = 1000

Side = Literal["first", "second"]


def member(graph: MixedGraph) -> MixedGraph:
    """Return a MAG of the class that a PAG stands for, in time linear in nodes and edges.

    Circles opposite an arrowhead become tails, circles opposite a tail arrowheads, and what is joined by o-o, which is
    chordal, is ordered so that no unshielded collider arises.

    Raises:
        ModelError: the graph isn't a pag (E108), or not that of a class of MAGs (E102).

    Source: J. Zhang, "On the completeness of orientation rules" (2008), on the completeness for arrowheads,
    doi:10.1016/j.artint.2008.08.001; the order by R. Tarjan, M. Yannakakis (1984), doi:10.1137/0213035.

    >>> graph = MixedGraph.build([("A", "o->", "C"), ("B", "o-o", "A"), ("D", "o->", "C")], kind="pag")
    >>> [str(e) for e in member(graph).edges]
    ['A -> C', 'A -> B', 'D -> C']
    """
    if graph.kind != "pag":
        raise ModelError.because("E108", f"this is asked of a pag, not of a {graph.kind}")
    made = None if any(_doubled(graph)) else completion(graph).mag
    if made is None:
        edges, why = next(impossible_marks(graph))
        raise ModelError.because("E102", f"{edges[-1]} can't stand in this pag", why=why)
    return made


def breaches_of_pag(graph: MixedGraph) -> Iterator[tuple[tuple[Edge, ...], str]]:
    """Yield what keeps a graph from being the PAG of a class of MAGs: the edges, the one to blame last, and why.

    The MAG that the marks allow is made; where it is one, its PAG must be the graph.

    Source: J. Zhang, "On the completeness of orientation rules" (2008), theorem 4, doi:10.1016/j.artint.2008.08.001.

    >>> graph = MixedGraph.build([("A", "o->", "B"), ("C", "o->", "B"), ("B", "o-o", "D")], kind="pag")
    >>> [why for _, why in breaches_of_pag(graph)]
    ['in every MAG of the class B o-o D has a tail at B and an arrowhead at D, by R1 along A, B, D']
    """
    legal = True
    for breach in impossible_marks(graph):
        legal = False
        yield breach
    if legal:
        yield from unsettled_marks(graph)


def impossible_marks(graph: MixedGraph) -> Iterator[tuple[tuple[Edge, ...], str]]:
    """Yield what no MAG could have: two edges on one pair, and marks that no MAG of the skeleton goes with.

    A MAG goes with them that has each tail and arrowhead, and no unshielded collider but those that are drawn. Where
    a search for one ends before it is done, that is told in the same place.

    >>> graph = MixedGraph.build([("A", "->", "B"), ("B", "->", "C"), ("A", "<->", "C")], kind="pag")
    >>> [why for _, why in impossible_marks(graph)]
    ['no MAG has these marks: A is an ancestor of C, so that A <-> C has no arrowhead at A']
    """
    doubled = list(_doubled(graph))
    yield from doubled or completion(graph).faults


def _doubled(graph: MixedGraph) -> Iterator[tuple[tuple[Edge, ...], str]]:
    first: dict[frozenset[str], Edge] = {}
    for edge in graph.edges:
        before = first.setdefault(frozenset((edge.left, edge.right)), edge)
        if before != edge:
            yield (before, edge), f"two edges join {edge.left} and {edge.right}, and in a pag one edge says all"


def unsettled_marks(graph: MixedGraph, knowledge: Knowledge | None = None) -> Iterator[tuple[tuple[Edge, ...], str]]:
    """Yield the edges whose marks aren't those of the PAG of the MAG that the marks allow, which must be one.

    With knowledge, what it sets and what follows from that by the rules belongs there as well, whether knowledge came
    before the rules, as in discovery, or after them.

    >>> graph = MixedGraph.build([("A", "o->", "B")], kind="pag")
    >>> len(list(unsettled_marks(graph))), len(list(unsettled_marks(graph, Knowledge.of(tiers=["A", "B"]))))
    (1, 0)
    """
    made = member(graph)
    found = orient_mag(made)
    early = true = marks_of(found.graph)
    reasons = found.reasons
    if knowledge:
        answers = collider_in(made)
        early = marks_of(orient(informed_marks(circles(graph), knowledge), answers).graph)
        later = orient(informed_marks(found.graph, knowledge), answers)
        true, reasons = marks_of(later.graph), {**found.reasons, **later.reasons}
    for edge in graph.edges:
        ends = ((edge.left, edge.right), (edge.right, edge.left))
        settled = [
            (place, true[place])
            for place, mark in zip(ends, edge.marks, strict=True)
            if mark not in (true[place], early[place])
        ]
        fixed = [(place, mark) for place, mark in settled if mark != CIRCLE]
        if fixed:
            marks = " and ".join(f"{MARK_NAMES[mark]} at {at}" for (at, _), mark in fixed)
            reason = reasons.get(fixed[0][0])
            by = f"by {reason.rule} along {', '.join(reason.nodes)}" if reason else "by knowledge"
            yield (edge,), f"in every MAG of the class {edge} has {marks}, {by}"
        for (at, _), mark in settled:
            if mark == CIRCLE:
                yield (
                    (edge,),
                    f"the mark at {at} of {edge} isn't the same in all MAGs of the class: a circle belongs there",
                )


def informed_marks(graph: MixedGraph, knowledge: Knowledge) -> MixedGraph:
    """Return a graph whose circles are marks where knowledge sets them.

    A circle at A on an edge to B becomes a tail where A -> B is required, and an arrowhead where it is ruled out.
    """

    def mark(a: str, b: str) -> Mark:
        if at[a, b] != CIRCLE:
            return at[a, b]
        return TAIL if knowledge.requires(a, b) else ARROW if knowledge.barred(a, b) else CIRCLE

    at = marks_of(graph)
    return graph.with_edges(Edge(a, WRITTEN[mark(a, b), mark(b, a)], b).canonical for a, _, b in graph.edges)


def equivalent_mags(first: MixedGraph, second: MixedGraph) -> Equivalence:
    """Say whether two graphs imply the same separations among the nodes that are neither latent nor selected.

    Both are asked the questions that orientation asks, side by side: is a node a collider on an unshielded triple, is
    it on a path that discriminates it? Marks that stand by then are those of both classes. Where no answer differs, the
    two have one PAG; the first that differs is a difference between the classes.

    Args:
        first, second: a mag, a dag or admg (through its MAG), or a pag (through a member).

    Raises:
        ModelError: a graph is of another kind (E108), or breaks its claim (E102, E103).

    Source: J. Zhang, "On the completeness of orientation rules" (2008), theorem 4,
    doi:10.1016/j.artint.2008.08.001; R. A. Ali, T. Richardson, P. Spirtes,
    "Markov equivalence for ancestral graphs" (2009), doi:10.1214/08-AOS626.

    >>> two_headed = MixedGraph.build([("X", "<->", "Y"), ("Y", "<->", "Z")], kind="mag")
    >>> chain = MixedGraph.build([("X", "->", "Y"), ("Y", "->", "Z")])
    >>> equivalent_mags(two_headed, chain).reason
    'only the first has the unshielded collider X <-> Y <-> Z'
    """
    one, two = (_member_of(g) for g in (first, second))
    sides: tuple[tuple[MixedGraph, MixedGraph, Side], ...] = ((one, two, "first"), (two, one, "second"))
    for ours, theirs, where in sides:
        alone = set(ours.nodes) - set(theirs.nodes)
        if alone:
            return _different(f"only the {where} has the node {', '.join(ours.sorted(alone))}")
    for ours, theirs, where in sides:
        extra = next((e for e in ours.edges if e.right not in theirs.adjacent[e.left]), None)
        if extra:
            reason = f"only in the {where} does no set separate {extra.left} and {extra.right}"
            return _different(reason, (extra,), where)
    in_one, in_two = collider_in(one), collider_in(two)
    differ: list[tuple[str, ...]] = []

    def is_collider(path: tuple[str, ...]) -> bool | None:
        here = in_one(path)
        if here != in_two(path):
            differ.append(path)
        return here

    orient(circles(one), is_collider)
    if not differ:
        return Equivalence(
            equivalent=True,
            reason="they have the same skeleton and the same colliders, so that one PAG stands for both",
        )
    path = differ[0]
    ours, _, where = sides[0 if in_one(path) else 1]
    edges = _along(ours, path)
    drawn = edges[0].left + "".join(f" {e.mark} {e.right}" for e in edges)
    if len(path) == 3:
        return _different(f"only the {where} has the unshielded collider {drawn}", edges, where)
    reason = f"only in the {where} is {path[-2]} a collider on {drawn}, which discriminates it"
    return _different(reason, edges, where)


def _different(reason: str, witness: tuple[Edge, ...] = (), where: Side | None = None) -> Equivalence:
    return Equivalence(equivalent=False, reason=reason, witness=witness, only_in=where)


def _member_of(graph: MixedGraph) -> MixedGraph:
    return mag(member(graph) if graph.kind == "pag" else graph)


def _along(graph: MixedGraph, path: tuple[str, ...]) -> tuple[Edge, ...]:
    at = marks_of(graph)
    return tuple(Edge(a, WRITTEN[at[a, b], at[b, a]], b) for a, b in pairwise(path))


@dataclass(frozen=True)
class MagMembers:
    """MAGs of a class; `complete` says whether these are all."""

    graphs: tuple[MixedGraph, ...]
    complete: bool


def mag_members(graph: MixedGraph, limit: int = LIMIT, *, budget: int = BUDGET) -> MagMembers:
    """Return up to `limit` MAGs of the class that a PAG stands for, as far as a budget of work allows; one at least.

    Where knowledge set marks, these are the members with them.

    Raises:
        ModelError: the graph isn't a pag (E108), or not that of a class of MAGs (E102).

    >>> found = mag_members(MixedGraph.build([("A", "o-o", "B")], kind="pag"))
    >>> [str(g.edges[0]) for g in found.graphs], found.complete
    (['A -- B', 'A -> B', 'B -> A', 'A <-> B'], True)
    """
    first = member(graph)
    found: list[MixedGraph] = []
    done = 0
    for made in _search(graph, first):
        if isinstance(made, int):
            done += made
        elif len(found) == limit:
            return MagMembers(tuple(found), complete=False)
        else:
            found.append(made)
        if done > budget:
            return MagMembers(tuple(found) or (first,), complete=False)
    return MagMembers(tuple(found), complete=True)


def members_of_pag(graph: MixedGraph) -> Iterator[MixedGraph]:
    """Yield every MAG of the class that a PAG stands for, each once.

    Circles become tails or arrowheads edge by edge, and a branch ends where no ancestral graph without further
    unshielded colliders can come of it. Between two MAGs an exponential number of branches may lie.

    Raises:
        ModelError: the graph isn't a pag (E108), or not that of a class of MAGs (E102).
    """
    first = member(graph)
    yield from (made for made in _search(graph, first) if not isinstance(made, int))


def _search(graph: MixedGraph, first: MixedGraph) -> Iterator[MixedGraph | int]:
    """Yield each member as it is found, and in between the work that is about to be done."""
    place = {n: i for i, n in enumerate(graph.nodes)}
    # Edges by their later node: the first nodes' subgraph is whole before the next node comes, so it can be judged.
    pending = sorted(graph.edges, key=lambda e: sorted((place[e.left], place[e.right]), reverse=True))
    return _Search(graph, orient_mag(first).graph, marks_of(graph), marks_of(graph), pending).settle(0)


@dataclass(frozen=True)
class _Search:
    """Marks by backtracking: `known` are the PAG's, `at` those and the ones given to the edges so far.

    `whole` is the PAG of all members, without the marks that knowledge adds.
    """

    graph: MixedGraph
    whole: MixedGraph
    known: dict[Place, Mark]
    at: dict[Place, Mark]
    pending: list[Edge]

    def settle(self, done: int) -> Iterator[MixedGraph | int]:
        """Give the edges from `done` on all marks that may stand."""
        yield 1
        if done == len(self.pending):
            yield max(LEAF, len(self.graph.nodes) * len(self.graph.edges))
            made = self.graph.with_edges((written(self.at, e) for e in self.graph.edges), kind="mag")
            # Maximality and paths that discriminate span many edges: they are judged at the end.
            if next(breaches_of_mag(made), None) is None and orient_mag(made).graph == self.whole:
                yield made
            return
        edge = self.pending[done]
        a, b = edge.left, edge.right
        choices = [(TAIL, ARROW) if mark == CIRCLE else (mark,) for mark in edge.marks]
        for self.at[a, b], self.at[b, a] in product(*choices):
            if self.may_stand(a, b):
                yield from self.settle(done + 1)
        self.at[a, b], self.at[b, a] = edge.marks

    def may_stand(self, a: str, b: str) -> bool:
        """Do the marks of an edge fit those that stand?"""
        at, near = self.at, self.graph.adjacent
        if at[a, b] == TAIL == at[b, a]:
            return not any(at[n, other] == ARROW for n in (a, b) for other in near[n])
        for node, other in ((a, b), (b, a)):
            if at[node, other] == ARROW and (
                any(at[node, w] == TAIL == at[w, node] for w in near[node]) or self.new_collider(node, other)
            ):
                return False
        if at[a, b] == ARROW == at[b, a]:
            return b not in self.directed(a, up=True) and a not in self.directed(b, up=True)
        tail, head = (a, b) if at[a, b] == TAIL else (b, a)
        below = self.directed(head, up=False)
        return not any(at.get((u, v)) == ARROW for u in self.directed(tail, up=True) for v in below)

    def new_collider(self, node: str, other: str) -> bool:
        """Does an arrowhead make a node an unshielded collider that the PAG doesn't have?"""
        beside = self.graph.adjacent[node] - self.graph.adjacent[other] - {other}
        return any(
            self.at[node, w] == ARROW and not self.known[node, w] == ARROW == self.known[node, other] for w in beside
        )

    def directed(self, start: str, *, up: bool) -> set[str]:
        """Return the ancestors or descendants of a node, itself included, by the arrows that stand."""
        found = [start]
        for node in found:
            for other in self.graph.adjacent[node]:
                tail, head = (other, node) if up else (node, other)
                if self.at[tail, head] == TAIL and self.at[head, tail] == ARROW and other not in found:
                    found.append(other)
        return set(found)
