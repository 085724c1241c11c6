"""Arrows set in rounds, each from all that stood before it, so that no order of variables or edges decides.

`graphs.meek` closes a graph whose arrows agree, and refuses one whose don't. Here arrows come from tests, and may
contradict one another: where they do the edge is locked, so that it stays undirected, and the rest goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from causalgraph.graphs.meek import PREMISES, RULES
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.partial import Partial, Step, cycle_in

__all__ = ["Arrow", "Clash", "Numbers", "Rounds", "Tangle"]

Arrow = tuple[int, int]
# An unshielded triple by number: an end, the middle, the other end, the ends in order.
Numbers = tuple[int, int, int]


@dataclass(frozen=True)
class Tangle:
    """New arrows that would lie on directed cycles, and one such cycle."""

    arrows: tuple[Arrow, ...]
    loop: tuple[Arrow, ...]


@dataclass(frozen=True)
class Clash:
    """Steps that follow by the rules and weren't taken: both ways of an edge, a denied collider, or a cycle."""

    steps: tuple[Step, ...]
    triple: Numbers | None = None
    loop: tuple[Arrow, ...] = ()


@dataclass
class Rounds:
    """A partly directed graph on its way to be closed under Meek's rules.

    Attributes:
        state: the graph.
        triples: each unshielded triple, and whether it is a collider; None where that is open.
        steps: each arrow that was set, by what.
        fresh: the arrows that nothing was concluded from yet.
    """

    state: Partial
    triples: Mapping[Numbers, bool | None]
    steps: dict[Arrow, Step] = field(default_factory=dict)
    fresh: list[Arrow] = field(default_factory=list)

    @classmethod
    def of(cls, graph: MixedGraph, triples: Mapping[Numbers, bool | None]) -> Rounds:
        """Begin with a graph."""
        return cls(Partial.of(graph, "orienting"), triples)

    def place(self, steps: Iterable[Step]) -> None:
        """Set arrows, where the edge isn't one yet."""
        for step in steps:
            if step.head in self.state.beside[step.tail]:
                self.state.orient(step)
                self.steps[step.arrow] = step
                self.fresh.append(step.arrow)

    def lock(self, arrow: Arrow) -> None:
        """Leave an edge undirected for good: no rule sees it as one that could be set."""
        tail, head = arrow
        self.state.beside[tail].discard(head)
        self.state.beside[head].discard(tail)

    def run(self) -> Iterator[Clash]:
        """Set what follows by Meek's rules, and yield what contradicts itself."""
        while self.fresh:
            wanted = self.following()
            clashes = [*self.opposed(wanted), *self.denied(wanted)]
            out = {step.arrow for clash in clashes for step in clash.steps}
            free = [arrow for arrow in wanted if arrow not in out]
            clashes += (
                Clash(tuple(wanted[a] for a in tangle.arrows), loop=tangle.loop) for tangle in self.tangles(free)
            )
            for clash in clashes:
                for step in clash.steps:
                    self.lock(step.arrow)
            self.fresh = []
            self.place(wanted[arrow] for arrow in free)
            yield from clashes

    def following(self) -> dict[Arrow, Step]:
        """Return what the rules conclude from the fresh arrows."""
        wanted: dict[Arrow, Step] = {}
        for x, y in self.fresh:
            for rule in RULES:
                for step in rule(self.state, x, y):
                    licensed = None if step.arrow in wanted else self.licensed(step)
                    if licensed is not None:
                        wanted[step.arrow] = licensed
        return wanted

    def licensed(self, step: Step) -> Step | None:
        """Return a step whose triple is known not to be a collider, the same or one with another witness."""
        triple = premise(step)
        if triple is None or self.triples[triple] is False:
            return step
        if step.rule == 1:
            return None
        tail, first = step.tail, step.nodes[0]
        into, apart = (step.head, first) if step.rule == 3 else (first, step.head)
        others = (self.state.beside[tail] & self.state.parents[into]) - self.state.near[apart] - {apart}
        found = (step._replace(nodes=(first, other)) for other in sorted(others))
        return next((s for s in found if (t := premise(s)) is not None and self.triples[t] is False), None)

    def opposed(self, wanted: Mapping[Arrow, Step]) -> Iterator[Clash]:
        """Yield the edges that are wanted both ways."""
        for (tail, head), step in wanted.items():
            if tail < head and (head, tail) in wanted:
                yield Clash((step, wanted[head, tail]))

    def denied(self, wanted: Mapping[Arrow, Step]) -> Iterator[Clash]:
        """Yield the new arrows that would meet another one, new or old, where tests deny it."""
        into: dict[int, set[int]] = {}
        for tail, head in wanted:
            if (head, tail) not in wanted:
                into.setdefault(head, set()).add(tail)
        for head, tails in into.items():
            for tail in tails:
                for other in ((self.state.parents[head] | tails) - self.state.near[tail]) - {tail}:
                    triple = _triple(tail, head, other)
                    if self.triples[triple] is False and (tail < other or other not in tails):
                        steps = (wanted[t, head] for t in (tail, other) if t in tails)
                        yield Clash(tuple(steps), triple)

    def tangles(self, arrows: Iterable[Arrow]) -> list[Tangle]:
        """Return the arrows, new to the graph, that would lie on directed cycles with it and with one another."""
        new = list(arrows)
        parents = [set(tails) for tails in self.state.parents]
        for tail, head in new:
            parents[head].add(tail)
        if not cycle_in(parents, range(len(parents))):
            return []
        import networkx as nx

        whole = nx.DiGraph([(tail, head) for head, tails in enumerate(parents) for tail in tails])
        found = []
        for part in nx.strongly_connected_components(whole):
            inside = tuple(arrow for arrow in new if part.issuperset(arrow))
            if inside:
                loop = cycle_in(parents, sorted(part))
                found.append(Tangle(inside, tuple(zip(loop, [*loop[1:], loop[0]], strict=True))))
        return sorted(found, key=lambda tangle: tangle.arrows)

    def roots(self, step: Step) -> tuple[list[Arrow], list[Numbers]]:
        """Return what a step comes from: the arrows that no rule set, and the triples that aren't colliders."""
        arrows: dict[Arrow, None] = {}
        triples: dict[Numbers, None] = {}
        seen = {step.arrow}
        queue = [step]
        for one in queue:
            if not one.rule:
                arrows[one.arrow] = None
                continue
            triple = premise(one)
            if triple is not None:
                triples[triple] = None
            picture = (*one.arrow, *one.nodes)
            for i, j in PREMISES[one.rule]:
                arrow = picture[i], picture[j]
                if arrow not in seen:
                    seen.add(arrow)
                    queue.append(self.steps[arrow])
        return list(arrows), list(triples)


def premise(step: Step) -> Numbers | None:
    """Return the triple that a rule takes to be no collider."""
    tail, head = step.arrow
    if step.rule == 1:
        return _triple(step.nodes[0], tail, head)
    if step.rule == 3:
        return _triple(step.nodes[0], tail, step.nodes[1])
    return _triple(step.nodes[1], tail, head) if step.rule == 4 else None


def _triple(one: int, middle: int, other: int) -> Numbers:
    return min(one, other), middle, max(one, other)
