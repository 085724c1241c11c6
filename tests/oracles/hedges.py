"""Identifiability by the definition: is there a hedge among all pairs of sets?

P(y | do(x)) isn't identified just where some sets F' ⊂ F make a hedge. Forests with roots R exist on F and F' where
each is one district, and every node of each has a directed way to R inside it; of all R, the largest serves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from causalgraph.graphs.mixed import MixedGraph
from oracles.projection import projection
from oracles.separation import is_separated

__all__ = ["has_hedge", "identified"]

Set = frozenset[str]


def _closure(start: Set, pairs: Iterable[tuple[str, str]], within: Set) -> Set:
    """Return what can be reached from a set by pairs (from, to) inside another."""
    pairs = [(a, b) for a, b in pairs if a in within and b in within]
    found = start & within
    while True:
        grown = found | {b for a, b in pairs if a in found}
        if grown == found:
            return found
        found = grown


def _subsets(of: Set) -> Iterator[Set]:
    members = sorted(of)
    for mask in range(1 << len(members)):
        yield frozenset(n for i, n in enumerate(members) if mask >> i & 1)


def has_hedge(graph: MixedGraph, x: Set, y: Set) -> bool:
    """Is there a hedge for P(y | do(x)) in a graph without latents?"""
    up = [(e.right, e.left) for e in graph.edges if e.mark == "->"]
    beside = [pair for e in graph.edges if e.mark == "<->" for pair in (e[::2], e[::-2])]
    above_y = _closure(y, [(b, a) for b, a in up if b not in x], frozenset(graph.nodes))
    for inner in _subsets(frozenset(graph.nodes) - x):
        roots = inner & above_y
        if not roots or _closure(roots, up, inner) != inner:
            continue
        if _closure(frozenset([min(inner)]), beside, inner) != inner:
            continue
        for more in _subsets(frozenset(graph.nodes) - inner):
            outer = inner | more
            rooted = outer & x and _closure(roots, up, outer) == outer
            if rooted and _closure(frozenset([min(outer)]), beside, outer) == outer:
                return True
    return False


def identified(graph: MixedGraph, x: Set, y: Set, w: Set) -> bool:
    """Is P(y | do(x), w) identified? Conditions that rule 2 turns into actions become actions, as long as one can."""
    plain = projection(graph)
    while True:
        for n in sorted(w):
            if _rule_2(plain, x, y, w, n):
                x, w = x | {n}, w - {n}
                break
        else:
            return not has_hedge(plain, x, y | w)


def _rule_2(graph: MixedGraph, x: Set, y: Set, w: Set, n: str) -> bool:
    kept = [
        e
        for e in graph.edges
        if not (e.right in x or (e.mark == "<->" and e.left in x) or (e.mark == "->" and e.left == n))
    ]
    return is_separated(MixedGraph.build(kept, graph.nodes), frozenset([n]), y, (w - {n}) | x)
