"""PC's second half: a skeleton becomes a CPDAG, or an MPDAG where something is known beside the tests.

Tests on finite samples contradict one another. An edge that is wanted both ways stays undirected, and no rule may
settle it afterwards; what was wanted, and by which tests, is told. Arrows are set in rounds, each from all that stood
before it, so that no order decides.

Source: P. Spirtes, C. Glymour, R. Scheines (2000), section 5.4.2; C. Meek, "Causal inference and causal explanation
with background knowledge" (UAI 1995), arXiv:1302.4972.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from causalgraph.discover.colliders import Colliders
from causalgraph.discover.rounds import Arrow, Clash, Numbers, Rounds
from causalgraph.discover.skeleton import Skeleton
from causalgraph.graphs.equivalence import breaches_of_class
from causalgraph.graphs.knowledge import Knowledge
from causalgraph.graphs.marks import Place, Reason
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.graphs.partial import Step
from causalgraph.progress import working

__all__ = ["Contradiction", "Oriented", "orient_pc"]

Triple = tuple[str, str, str]
# So many tests are named at most where a whole part of a graph is to blame.
MOST_NAMED = 8


@dataclass(frozen=True)
class Contradiction:
    """Claims that can't all hold.

    Attributes:
        kind: ``colliders`` (two want opposite arrows, or arrows of two meet where a third triple denies it), ``cycle``
            (of what colliders want), ``rules`` (what follows by Meek's), or ``knowledge`` (kept, against tests).
        edges: the arrows in question, tail first.
        what: what can't be, and what was done.
        behind: the tests and the knowledge that the claims come from, in words.
    """

    kind: str
    edges: tuple[tuple[str, str], ...]
    what: str
    behind: tuple[str, ...]

    def __str__(self) -> str:
        """Say what can't be, and why."""
        return ": ".join((self.what, "; ".join(self.behind))) if self.behind else self.what


@dataclass(frozen=True)
class Oriented:
    """A skeleton with arrows.

    Attributes:
        graph: a cpdag (mpdag, with knowledge) where it is a legal one, else a pdag, which claims nothing.
        valid: whether it is.
        reasons: if not, why: the tests that contradict one another, or that leave a triple open.
        conflicts: all contradictions, those among them that left the graph legal.
        marks: the reason behind each mark of an arrow, by the node at which it stands and the other one.
        unsettled: the triples, their ends in order, of which neither tests nor rules say whether they are colliders.
    """

    graph: MixedGraph
    valid: bool
    reasons: tuple[str, ...]
    conflicts: tuple[Contradiction, ...]
    marks: Mapping[Place, Reason]
    unsettled: tuple[Triple, ...]


def orient_pc(skeleton: Skeleton, answers: Colliders, knowledge: Knowledge | None = None) -> Oriented:
    """Orient a skeleton: what is known first, then colliders, then what follows by Meek's rules.

    Knowledge is always kept. An arrow of a collider that stands against it, against another collider, or in a directed
    cycle isn't drawn; nor is what rules would set both ways, or to a cycle or a new unshielded collider. Only arrows
    that are required, or follow from what is forbidden, can close a cycle: then the graph isn't valid and says so.
    A rule whose premise is that a triple is no collider isn't used where the answer is open.

    Args:
        skeleton: found with the same knowledge.
        answers: which unshielded triples are colliders.
        knowledge: tiers, forbidden and required arrows.

    Raises:
        ModelError: the knowledge names something that isn't among the variables (E132).

    >>> from causalgraph.discover.skeleton import skeleton
    >>> from causalgraph.independence.oracle import oracle
    >>> asked = oracle(MixedGraph.build([("A", "->", "B"), ("C", "->", "B"), ("B", "->", "D")]))
    >>> edges = skeleton(asked, 0.05)
    >>> found = orient_pc(edges, Colliders(edges, asked, 0.05))
    >>> found.graph.kind, [str(e) for e in found.graph.edges], found.marks["D", "B"].rule
    ('cpdag', ['A -> B', 'C -> B', 'B -> D'], 'Meek 1')
    """
    return _Work(skeleton, answers, knowledge or Knowledge()).done()


class _Work:
    """One run of `orient_pc`."""

    def __init__(self, skeleton: Skeleton, answers: Colliders, knowledge: Knowledge) -> None:
        self.names = skeleton.variables
        self.answers = answers
        self.knowledge = knowledge
        self.graph = MixedGraph("pdag", self.names, tuple(Edge(a, "--", b) for a, b in skeleton.edges))
        barred, required = knowledge.masks(self.names)
        self.known: dict[Arrow, None] = {}
        for i, j in np.argwhere(np.triu(skeleton.adjacent, 1)).tolist():
            if required[i, j] or barred[j, i]:
                self.known[i, j] = None
            elif required[j, i] or barred[i, j]:
                self.known[j, i] = None
        near = [set(row.nonzero()[0].tolist()) for row in skeleton.adjacent]
        unshielded = [
            (i, k, j) for k in range(len(near)) for i, j in combinations(sorted(near[k]), 2) if j not in near[i]
        ]
        with working(f"{len(unshielded):,} triples: which are colliders"):
            self.triples = {t: answers((self.names[t[0]], self.names[t[1]], self.names[t[2]])) for t in unshielded}
        self.rounds = Rounds.of(self.graph, self.triples)
        self.conflicts: list[Contradiction] = []
        self.faults: list[str] = []

    def done(self) -> Oriented:
        """Orient, and look at what came out."""
        self.knowns()
        self.colliders()
        for clash in self.rounds.run():
            self.clash(clash)
        kind = "mpdag" if self.knowledge else "cpdag"
        graph = self.rounds.state.applied(self.graph, kind)
        unsettled = tuple(self.undecided())
        for triple in unsettled:
            self.faults.append(f"{' - '.join(triple)} is unsettled: {self.answers.words(triple)}")
        if not self.faults:
            self.faults += (self.breach(edges, why) for edges, why in breaches_of_class(graph))
        graph = graph.with_edges(graph.edges, kind="pdag") if self.faults else graph
        return Oriented(graph, not self.faults, tuple(self.faults), tuple(self.conflicts), self.marks(graph), unsettled)

    def knowns(self) -> None:
        """Set the arrows that are known; where they close a cycle, what is adjacent contradicts them."""
        for tangle in self.rounds.tangles(self.known):
            what = f"{self.walk(tangle.loop)} is a directed cycle: knowledge leaves what is adjacent no other way"
            self.fault("knowledge", tangle.loop, what, self.behind(Step(*arrow) for arrow in tangle.loop))
        self.rounds.place(Step(*arrow) for arrow in self.known)

    def colliders(self) -> None:
        """Set the arrows of colliders, those out that something stands against."""
        wanted: dict[Arrow, None] = {}
        for (i, k, j), answer in self.triples.items():
            if answer:
                wanted |= {(i, k): None, (j, k): None}
        overruled = [(i, k) for i, k in wanted if (k, i) in self.known]
        for tail, head in overruled:
            what = f"{self.known_as((head, tail))} is kept, against tests that want {self.arrow((tail, head))}"
            self.told("knowledge", [(tail, head)], what, self.tests_for((tail, head)))
        opposed = [a for a in wanted if a[::-1] in wanted and not {a, a[::-1]} & self.known.keys()]
        for tail, head in opposed:
            if tail < head:
                self.rounds.lock((tail, head))
                behind = [*self.tests_for((tail, head)), *self.tests_for((head, tail))]
                what = f"{self.edge((tail, head))} stays undirected, as colliders want it both ways"
                self.fault("colliders", [(tail, head), (head, tail)], what, behind)
        out = {*overruled, *opposed}
        free = [arrow for arrow in wanted if arrow not in out and arrow not in self.known]
        for tangle in self.rounds.tangles(free):
            steps = [Step(*arrow) for arrow in dict.fromkeys([*tangle.loop, *tangle.arrows])]
            self.fault("cycle", tangle.arrows, self.cycle(tangle.loop, tangle.arrows), self.behind(steps))
            for arrow in tangle.arrows:
                self.rounds.lock(arrow)
        self.rounds.place(Step(*arrow) for arrow in free)
        for (i, k, j), answer in self.triples.items():
            if answer is False and {i, j} <= self.rounds.state.parents[k]:
                self.denied(i, k, j)

    def denied(self, i: int, k: int, j: int) -> None:
        """Tell of two arrows that meet though tests deny that they do."""
        arrows = [(i, k), (j, k)]
        met = f"{self.names[i]} -> {self.names[k]} <- {self.names[j]}"
        kind = "knowledge" if all(arrow in self.known for arrow in arrows) else "colliders"
        behind = [*self.behind(Step(*arrow) for arrow in arrows), self.words(i, k, j)]
        self.told(kind, arrows, f"{met} stands, against tests that deny it", behind)

    def clash(self, clash: Clash) -> None:
        """Tell of arrows that follow and weren't drawn."""
        arrows = [step.arrow for step in clash.steps]
        steps = [*clash.steps, *(self.rounds.steps[arrow] for arrow in clash.loop if arrow not in arrows)]
        behind = self.behind(steps)
        if clash.loop:
            what = self.cycle(clash.loop, arrows)
        elif clash.triple:
            i, k, j = clash.triple
            what = f"{self.names[i]} -> {self.names[k]} <- {self.names[j]} would follow, against tests that deny it"
            behind.append(self.words(i, k, j))
        else:
            what = f"{self.edge(arrows[0])} stays undirected, as both arrows follow"
        self.fault("rules", arrows, what, behind)

    def undecided(self) -> Iterator[Triple]:
        """Yield the triples without an answer of which the graph doesn't say either what they are."""
        parents, children = self.rounds.state.parents, self.rounds.state.children
        for (i, k, j), answer in self.triples.items():
            if answer is None and not {i, j} <= parents[k] and not {i, j} & children[k]:
                yield self.names[i], self.names[k], self.names[j]

    def breach(self, edges: tuple[Edge, ...], why: str) -> str:
        """Tell of a breach, and of the tests about the triples in it."""
        number = self.rounds.state.number
        nodes = {number[name] for edge in edges for name in (edge.left, edge.right)}
        pairs = {frozenset((number[e.left], number[e.right])) for e in edges}
        within = [t for t in self.triples if {frozenset(t[:2]), frozenset(t[1:])} <= pairs]
        within = within or [t for t in self.triples if nodes.issuperset(t)]
        behind = [self.known_as(arrow) for arrow in self.known if frozenset(arrow) in pairs]
        behind += [self.words(*t) for t in within]
        told = f"{', '.join(map(str, edges))}: {why}"
        return f"{told} ({'; '.join(_few(behind))})" if behind else told

    def marks(self, graph: MixedGraph) -> dict[Place, Reason]:
        """Return the reason behind each mark of an arrow."""
        found: dict[Place, Reason] = {}
        for edge in graph.edges:
            if edge.mark == "->":
                arrow = self.rounds.state.number[edge.left], self.rounds.state.number[edge.right]
                step = self.rounds.steps[arrow]
                if step.rule:
                    nodes = (*step.nodes, *arrow) if step.rule == 1 else (*arrow, *step.nodes)
                    reason = Reason(f"Meek {step.rule}", tuple(self.names[n] for n in nodes))
                elif arrow in self.known:
                    reason = Reason("knowledge", (edge.left, edge.right))
                else:
                    reason = Reason("R0", tuple(self.names[n] for n in next(self.triples_for(arrow))))
                found[edge.left, edge.right] = found[edge.right, edge.left] = reason
        return found

    def triples_for(self, arrow: Arrow) -> Iterator[Numbers]:
        """Yield the colliders that an arrow belongs to."""
        tail, head = arrow
        near = self.rounds.state.near[head] - self.rounds.state.near[tail] - {tail}
        for other in sorted(near):
            triple = (min(tail, other), head, max(tail, other))
            if self.triples[triple]:
                yield triple

    def tests_for(self, arrow: Arrow) -> list[str]:
        return [self.words(*triple) for triple in self.triples_for(arrow)]

    def behind(self, steps: Iterable[Step]) -> list[str]:
        """Return the tests and the knowledge that arrows come from."""
        told: dict[str, None] = {}
        for step in steps:
            arrows, triples = self.rounds.roots(step)
            for arrow in arrows:
                told |= dict.fromkeys([self.known_as(arrow)] if arrow in self.known else self.tests_for(arrow))
            told |= dict.fromkeys(self.words(*triple) for triple in triples)
        return list(told)

    def known_as(self, arrow: Arrow) -> str:
        """Say how an arrow is known."""
        a, b = self.names[arrow[0]], self.names[arrow[1]]
        if (a, b) in self.knowledge.required:
            return f"required {a} -> {b}"
        return f"{self.arrow(arrow)} ({self.knowledge.barred(b, a)})"

    def fault(self, kind: str, edges: Iterable[Arrow], what: str, behind: Iterable[str]) -> None:
        """Tell of a contradiction that leaves the graph illegal."""
        self.told(kind, edges, what, behind)
        self.faults.append(str(self.conflicts[-1]))

    def told(self, kind: str, edges: Iterable[Arrow], what: str, behind: Iterable[str]) -> None:
        named = tuple((self.names[a], self.names[b]) for a, b in edges)
        self.conflicts.append(Contradiction(kind, named, what, _few(dict.fromkeys(behind))))

    def words(self, i: int, k: int, j: int) -> str:
        return self.answers.words((self.names[i], self.names[k], self.names[j]))

    def arrow(self, arrow: Arrow) -> str:
        return f"{self.names[arrow[0]]} -> {self.names[arrow[1]]}"

    def edge(self, arrow: Arrow) -> str:
        return " - ".join(self.names[n] for n in sorted(arrow))

    def cycle(self, loop: Iterable[Arrow], left: Iterable[Arrow]) -> str:
        left_out = ", ".join(map(self.arrow, left))
        return f"{self.walk(loop)} would be a directed cycle, so that {left_out} isn't drawn"

    def walk(self, loop: Iterable[Arrow]) -> str:
        tails = [self.names[tail] for tail, _ in loop]
        return " -> ".join([*tails, tails[0]])


def _few(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the first texts, and how many more there are."""
    told = tuple(texts)
    return told if len(told) <= MOST_NAMED else (*told[:MOST_NAMED], f"and {len(told) - MOST_NAMED} more")
