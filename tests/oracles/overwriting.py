"""PC's arrows as programs set them that settle conflicts by order or strength: what `discover.pc` doesn't do.

Colliders that want an edge both ways are drawn one after another: the last overwrites (``overwrite``), both arrowheads
stay (``both``), or a collider against an arrow that stands isn't drawn at all, whether the first come first served
(``first``) or the stronger ones, by the largest p-value with the middle node (``with``, ascending) or without it
(``without``, descending). Meek's rules 1 to 3 then run one edge after another, and skip what would close a cycle.

Source: J. Ramsey (2016), arXiv:1610.00378, on max-p; how causal-learn and pcalg document their options.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, permutations

__all__ = ["Overwriting"]

P = Callable[[str, str, tuple[str, ...]], float]
Triple = tuple[str, str, str]


class Overwriting:
    """A skeleton on its way to a graph: `into` holds (A, B) for each arrowhead at B on the edge A - B."""

    def __init__(self, variables: Sequence[str], edges: Iterable[tuple[str, str]], p: P) -> None:
        """Begin without an arrowhead; the order of variables is that of the triples' middles."""
        self.variables = tuple(variables)
        pairs = {frozenset(edge) for edge in edges}
        self.near = {a: [b for b in variables if frozenset((a, b)) in pairs] for a in variables}
        self.p = p
        self.into: set[tuple[str, str]] = set()
        self.place = {name: i for i, name in enumerate(variables)}

    def triples(self) -> Iterator[Triple]:
        """Yield the unshielded triples, each once, by their middle."""
        for b in self.variables:
            yield from ((a, b, c) for a, c in combinations(self.near[b], 2) if c not in self.near[a])

    def strengths(self, triple: Triple) -> tuple[float, float]:
        """Return the largest p-value with the middle node among what is given, and without it."""
        values = self.values(triple)
        b = triple[1]
        return max(v for s, v in values.items() if b in s), max(v for s, v in values.items() if b not in s)

    def values(self, triple: Triple) -> Mapping[frozenset[str], float]:
        """Return the p-value of the ends given each set of neighbours of either, rounded as 1 - (1 - p) is."""
        a, _, c = triple
        sets = {
            frozenset(s)
            for end in (a, c)
            for k in range(len(self.near[end]) + 1)
            for s in combinations(self.near[end], k)
        }
        return {s: 2 * (1 - (1 - self.p(a, c, tuple(s)) / 2)) for s in sets}

    def draw(self, colliders: Sequence[Triple], conflicts: str) -> None:
        """Set the arrows of colliders, one after another."""
        if conflicts in ("with", "without"):
            strength = {t: self.strengths(t)[conflicts == "without"] for t in colliders}
            colliders = sorted(colliders, key=strength.__getitem__, reverse=conflicts == "without")
        for a, b, c in colliders:
            if conflicts not in ("overwrite", "both") and (self.arrow(b, a) or self.arrow(b, c)):
                continue
            if conflicts != "both":
                self.into -= {(b, a), (b, c)}
            self.into |= {(a, b), (c, b)}

    def definite(self, alpha: float) -> tuple[list[Triple], list[Triple]]:
        """Return colliders and others, as all separating sets agree on them, or else the larger p-value says."""
        yes: list[Triple] = []
        no: list[Triple] = []
        for triple in self.triples():
            cutting = [s for s, p in self.values(triple).items() if p > alpha]
            held = sum(triple[1] in s for s in cutting)
            if 0 < held < len(cutting):
                continue
            with_it, without_it = self.strengths(triple)
            (yes if (not held if cutting else without_it > with_it) else no).append(triple)
        return yes, no

    def close(self, apart: Iterable[Triple], kites: Iterable[Triple] | None = None) -> None:
        """Run Meek's rules 1 to 3 until nothing changes.

        Args:
            apart: the triples that rule 1 may use.
            kites: those that rule 3 may take for its two arrows that meet; all, unless said.
        """
        apart = list(apart)
        meeting = None if kites is None else {(frozenset((a, c)), b) for a, b, c in kites}
        bent = None if kites is None else {(frozenset((a, c)), b) for a, b, c in apart}
        while True:
            before = len(self.into)
            for one, b, other in apart:
                for a, c in ((one, other), (other, one)):
                    if self.arrow(a, b):
                        self.follow(b, c)
            for a, b in permutations(self.variables, 2):
                for c in self.near[b] if b in self.near[a] else ():
                    if c in self.near[a] and self.arrow(a, b) and self.arrow(b, c):
                        self.follow(a, c)
            for a, b, d, c in self.kites():
                if meeting is None or bent is None:
                    holds = self.line(a, b) and self.line(a, d) and self.arrow(b, c) and self.arrow(d, c)
                else:
                    holds = (frozenset((b, d)), c) in meeting and (frozenset((b, d)), a) in bent
                if holds:
                    self.follow(a, c)
            if len(self.into) == before:
                return

    def kites(self) -> Iterator[tuple[str, str, str, str]]:
        """Yield A, B, D, C: both A and C adjacent to one another, to B and to D, which aren't."""
        for a in self.variables:
            for b, d in combinations(self.near[a], 2):
                if d not in self.near[b]:
                    yield from ((a, b, d, c) for c in self.near[a] if c in self.near[b] and c in self.near[d])

    def arrow(self, a: str, b: str) -> bool:
        """Say whether A -> B."""
        return (a, b) in self.into and (b, a) not in self.into

    def line(self, a: str, b: str) -> bool:
        """Say whether A -- B."""
        return not {(a, b), (b, a)} & self.into

    def follow(self, a: str, b: str) -> None:
        """Set A -> B where the edge is undirected, and B isn't before A."""
        if not self.line(a, b):
            return
        later, queue = {b}, [b]
        for node in queue:
            fresh = [n for n in self.near[node] if self.arrow(node, n) and n not in later]
            later.update(fresh)
            queue += fresh
        if a not in later:
            self.into.add((a, b))

    def edges(self) -> set[Triple]:
        """Return the edges, each written once, the earlier variable first but for A -> B."""
        found = set()
        for a in self.variables:
            for b in self.near[a]:
                if self.arrow(a, b):
                    found.add((a, "->", b))
                elif self.place[a] < self.place[b] and not self.arrow(b, a):
                    found.add((a, "--" if self.line(a, b) else "<->", b))
        return found
