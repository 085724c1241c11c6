"""The hedge: what in a graph makes an effect unidentifiable, found by the failing line and held to its definition."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.graphs.surgery import project
from causalgraph.identify.factors import Climb, Masks, bits
from causalgraph.identify.strategies import Question

__all__ = ["Hedge", "hedge", "is_hedge"]


@dataclass(frozen=True)
class Hedge:
    """Two forests, one inside the other, with the same roots: P(y | do(x)) isn't a function of P(v).

    Each forest is held together by two-headed arrows, and each of its nodes has at most one child in it. All edges are
    those of the latent projection. With conditions, X and Y aren't those of the question: conditions that may be
    turned into actions stand in X, the others in Y. Then the hedge is one for P(y, w | do(x)), and since no further
    condition can be turned into an action, P(y | do(x), w) isn't identified either.

    Source: I. Shpitser, J. Pearl, "Identification of joint interventional distributions in recursive semi-Markovian
    causal models" (AAAI 2006), definition 6 and theorem 4; for conditions the same, "Identification of conditional
    interventional distributions" (UAI 2006), theorem 6.
    """

    question: Question
    x: tuple[str, ...]
    y: tuple[str, ...]
    given: tuple[str, ...]
    forest: tuple[str, ...]
    inner: tuple[str, ...]
    roots: tuple[str, ...]
    treatments: tuple[str, ...]
    arrows: tuple[Edge, ...]
    two_headed: tuple[Edge, ...]

    @property
    def reason(self) -> str:
        """The hedge in words."""
        joined = ", ".join(map(str, self.two_headed))
        forest, inner, roots, met = (", ".join(s) for s in (self.forest, self.inner, self.roots, self.treatments))
        hold = "holds" if len(self.two_headed) == 1 else "hold"
        return (
            f"{joined} {hold} {{{forest}}} together, and within it {{{inner}}}, which holds none of the treatments;"
            f" both lead to {roots}: what {met} does to {roots} can't be told from what they share unseen"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        named = ("x", "y", "given", "forest", "inner", "roots", "treatments")
        out: dict[str, Any] = {name: list(getattr(self, name)) for name in named}
        return out | {
            "arrows": [str(e) for e in self.arrows],
            "two_headed": [str(e) for e in self.two_headed],
            "reason": self.reason,
        }


def hedge(asked: Question, masks: Masks, stuck: Climb, x: int, y: int, w: int) -> Hedge:
    """Turn the failing line into a hedge: the district T that is all ancestral to the target, and the target.

    Each node of T outside of the target keeps the arrow that starts a shortest way to the target; the target's nodes
    keep one arrow each that stays inside. The two-headed edges are a tree over the target, grown to one over T.
    """
    outer, inner = stuck.stuck, stuck.target
    arrows: dict[int, int] = {}
    for i in bits(inner):
        below = masks.below[i] & inner
        if below:
            arrows[i] = next(bits(below))
    roots = sum(1 << i for i in bits(inner) if i not in arrows)
    found = inner
    while found != outer:
        fresh = 0
        for i in bits(outer & ~found):
            below = masks.below[i] & found
            if below:
                arrows[i] = next(bits(below))
                fresh |= 1 << i
        found |= fresh
    names, in_order = masks.names, asked.graph.sorted
    return Hedge(
        asked,
        in_order(masks.of_mask(x)),
        in_order(masks.of_mask(y | w)),
        in_order(masks.of_mask(w)),
        in_order(masks.of_mask(outer)),
        in_order(masks.of_mask(inner)),
        in_order(masks.of_mask(roots)),
        in_order(masks.of_mask(outer & x)),
        tuple(Edge(names[a], "->", names[b]) for a, b in sorted(arrows.items())),
        tuple(Edge(names[a], "<->", names[b]).canonical for a, b in _tree(masks, outer, inner)),
    )


def _tree(masks: Masks, outer: int, inner: int) -> list[tuple[int, int]]:
    """Return two-headed edges that join the inner set, then the rest of the outer one to it."""
    found = inner & -inner
    out = []
    for within in (inner, outer):
        queue = list(bits(found))
        for i in queue:
            for j in bits(masks.beside[i] & within & ~found):
                found |= 1 << j
                queue.append(j)
                out.append((i, j))
    return out


def is_hedge(graph: MixedGraph, x: Iterable[str], y: Iterable[str], found: Hedge) -> list[str]:
    """Return what keeps a hedge from being one for P(y | do(x)); nothing where it is one.

    It is held against the definition, on the latent projection.

    >>> from causalgraph.identify.general import general
    >>> from causalgraph.identify.strategies import question
    >>> bow = MixedGraph.build([("X", "->", "Y"), ("X", "<->", "Y")])
    >>> no = general(question(bow, "X", "Y"))
    >>> no.forest, no.inner, is_hedge(bow, "X", "Y", no)
    (('X', 'Y'), ('Y',), [])

    Source: I. Shpitser, J. Pearl (AAAI 2006), definitions 4 to 6.
    """
    plain = project(graph)
    x, y = plain.require(x), plain.require(y)
    forest, inner, roots = frozenset(found.forest), frozenset(found.inner), frozenset(found.roots)
    wrong = [f"{e} isn't in the graph" for e in (*found.arrows, *found.two_headed) if e not in plain.edges]
    if not inner < forest:
        wrong.append("the inner forest isn't a proper part of the outer one")
    if not forest & x:
        wrong.append("the outer forest meets no treatment")
    if frozenset(found.treatments) != forest & x:
        wrong.append("the treatments named aren't those that the forest meets")
    if inner & x:
        wrong.append("the inner forest meets a treatment")
    for name, nodes in (("outer", forest), ("inner", inner)):
        wrong += [f"the {name} forest: {fault}" for fault in _forest_faults(nodes, roots, found)]
    ancestral, grown = y, frozenset[str]()
    while ancestral != grown:
        grown = ancestral
        ancestral = grown | {e.left for e in plain.edges if e.mark == "->" and e.right in grown - x}
    if not roots <= ancestral:
        wrong.append("a root isn't an ancestor of Y once X is set")
    return wrong


def _forest_faults(nodes: Collection[str], roots: frozenset[str], found: Hedge) -> list[str]:
    """Hold the part of a hedge on some nodes against the definition of a forest with these roots and one district."""
    wrong = []
    below: dict[str, list[str]] = {n: [] for n in nodes}
    for left, _, right in found.arrows:
        if left in below and right in below:
            below[left].append(right)
    if any(len(children) > 1 for children in below.values()):
        wrong.append("a node has two children")
    if {n for n, children in below.items() if not children} != roots:
        wrong.append("its roots are others")
    for node in nodes:
        at, steps = node, 0
        while below[at] and steps <= len(below):
            at, steps = below[at][0], steps + 1
        if steps > len(below):
            wrong.append(f"{node} lies on a cycle")
    joined = {next(iter(sorted(nodes)))} if nodes else set[str]()
    size = 0
    while size < len(joined):
        size = len(joined)
        joined |= {
            n
            for e in found.two_headed
            if {e.left, e.right} <= below.keys() and {e.left, e.right} & joined
            for n in e[::2]
        }
    if joined != set(nodes):
        wrong.append("two-headed arrows don't hold it together")
    return wrong
