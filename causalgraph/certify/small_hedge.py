"""A hedge within a hedge that is as small as we can make it: the less is active, the easier a model pair is to read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from causalgraph.graphs.relations import components

if TYPE_CHECKING:
    from causalgraph.graphs.mixed import MixedGraph

__all__ = ["SmallHedge", "largest_forest", "smallest"]

Names = frozenset[str]


@dataclass(frozen=True)
class SmallHedge:
    """F (`big`) with a treatment, F' (`small`) without, each one district and above the roots within itself."""

    big: Names
    small: Names
    roots: Names


def largest_forest(graph: MixedGraph, within: Names, roots: Names) -> Names:
    """Return the largest set that two-headed edges hold together and that leads to the roots, or nothing.

    Such sets are closed under union, so that there is a largest. It lies within its own ancestors of the roots and
    within its own district of the roots; cutting down to either, in turns, ends at it.

    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> graph = MixedGraph.build([("X", "->", "Y"), ("X", "<->", "Y"), ("Z", "->", "X")])
    >>> sorted(largest_forest(graph, frozenset("XYZ"), frozenset("Y")))
    ['X', 'Y']
    """
    above: dict[str, list[str]] = {n: [] for n in within}
    beside: dict[str, list[str]] = {n: [] for n in within}
    for edge in graph.edges:
        if edge.left in within and edge.right in within:
            if edge.mark == "->":
                above[edge.right].append(edge.left)
            else:
                beside[edge.left].append(edge.right)
                beside[edge.right].append(edge.left)
    left = within
    while roots <= left:
        found = list(roots)
        for node in found:
            found += [p for p in dict.fromkeys(above[node]) if p in left and p not in found]
        inside = frozenset(found)
        parts = components({n: [m for m in beside[n] if m in inside] for n in found})
        district = next((frozenset(part) for part in parts if roots <= set(part)), frozenset[str]())
        if district == left:
            return left
        left = district
    return frozenset()


def smallest(graph: MixedGraph, big: Names, small: Names, x: Names, preferred: Iterable[str] = ()) -> SmallHedge:
    """Return a hedge within F and F' from which nothing more can be left out.

    A single root is tried first, one of the `preferred` nodes if possible.

    Raises:
        ValueError: F and F' are no hedge for the treatments ``x``.
    """
    kept = frozenset(preferred)
    inner = {e.left for e in graph.edges if e.mark == "->" and e.left in small and e.right in small}
    sets = [frozenset({n}) for n in graph.sorted(small)] + [small - inner]
    found = [h for h in (_hedge(graph, big, small, roots, x) for roots in sets) if h]
    if not found:
        raise ValueError(f"{sorted(big)} and {sorted(small)} aren't a hedge for {sorted(x)}")
    best = min(found, key=lambda h: (not h.roots & kept, len(h.roots), len(h.big)))
    for root in sorted(best.roots, key=lambda n: (n in kept, n)):
        best = _hedge(graph, best.big, best.small, best.roots - {root}, x) or best
    for node in graph.sorted(best.big - best.roots):
        best = _hedge(graph, best.big - {node}, best.small - {node}, best.roots, x) or best
    return best


def _hedge(graph: MixedGraph, big: Names, small: Names, roots: Names, x: Names) -> SmallHedge | None:
    """Return the largest hedge with these roots, if there is one."""
    if not roots:
        return None
    inner, outer = largest_forest(graph, small - x, roots), largest_forest(graph, big, roots)
    return SmallHedge(outer, inner, roots) if inner and outer & x else None
