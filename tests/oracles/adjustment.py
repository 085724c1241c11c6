"""Adjustment by definition, on DAGs and ADMGs: every proper path is walked, every set is tried.

Sources: Shpitser, VanderWeele and Robins (2010), On the validity of covariate adjustment for estimating causal
effects, definition 5; van der Zander, Liśkiewicz and Textor (2014), Constructing separators and adjustment sets in
ancestral graphs, definition 7; Pearl (2009), Causality, definition 3.3.1 (the back-door criterion).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, combinations

from causalgraph.graphs.mixed import Edge, MixedGraph
from oracles.relations import ancestors, descendants
from oracles.separation import classified, is_separated, paths_between, simple_paths

__all__ = [
    "forbidden_nodes",
    "is_backdoor_set",
    "is_direct_effect_set",
    "is_valid",
    "minimal_direct_effect_sets",
    "minimal_sets",
    "proper_paths",
    "valid_sets",
]

Names = Iterable[str]
Family = set[frozenset[str]]


def proper_paths(graph: MixedGraph, x: Names, y: Names) -> list[tuple[Edge, ...]]:
    """Return the paths from X to Y that meet X only where they start; they may pass through Y."""
    x, y = frozenset(x), frozenset(y)
    outside = frozenset(graph.nodes) - x
    return [path for a in sorted(x) for b in sorted(y) for path in simple_paths(graph, a, b, outside)]


def _is_causal(path: tuple[Edge, ...]) -> bool:
    return all(edge.mark == "->" for edge in path)


def forbidden_nodes(graph: MixedGraph, x: Names, y: Names) -> frozenset[str]:
    """Return the descendants of the nodes outside X on proper causal paths from X to Y, without X."""
    x = frozenset(x)
    on_causal = {edge.right for path in proper_paths(graph, x, y) if _is_causal(path) for edge in path}
    return descendants(graph, on_causal) - x


def is_valid(graph: MixedGraph, x: Names, y: Names, z: Names) -> bool:
    """Say whether Z meets the adjustment criterion: nothing forbidden in it, every proper non-causal path blocked."""
    return bool(_valid_among(graph, frozenset(x), frozenset(y), [frozenset(z)]))


def valid_sets(graph: MixedGraph, x: Names, y: Names, *, required: Names = ()) -> Family:
    """Return every valid set of observed nodes that holds the required ones."""
    x, y = frozenset(x), frozenset(y)
    return _valid_among(graph, x, y, _candidates(graph, x | y, frozenset(required)))


def minimal_sets(graph: MixedGraph, x: Names, y: Names, *, required: Names = ()) -> Family:
    """Return the valid sets that hold the required nodes and of which no proper subset does so and is valid."""
    return _minimal(valid_sets(graph, x, y, required=required))


def is_backdoor_set(graph: MixedGraph, x: str, y: Names, z: Names) -> bool:
    """Say whether no node of Z descends from x, and Z blocks every path to Y that enters x by an arrow."""
    z = frozenset(z)
    if z & descendants(graph, {x}):
        return False
    paths = [path for b in y for path in paths_between(graph, x, b, z)]
    return not any(path.open for path in paths if path.edges[0].mark in ("<-", "<->"))


def is_direct_effect_set(graph: MixedGraph, x: Names, y: Names, z: Names) -> bool:
    """Say whether Z serves the direct effect: it separates X from Y once the arrows X -> Y are gone.

    No node of Z may descend from Y.
    """
    x, y, z = frozenset(x), frozenset(y), frozenset(z)
    return not z & descendants(graph, y) and is_separated(_without_direct(graph, x, y), x, y, z)


def minimal_direct_effect_sets(graph: MixedGraph, x: Names, y: Names, *, required: Names = ()) -> Family:
    """Return the sets of observed nodes that serve the direct effect and of which no proper subset does."""
    x, y = frozenset(x), frozenset(y)
    candidates = _candidates(graph, x | y, frozenset(required))
    return _minimal({z for z in candidates if is_direct_effect_set(graph, x, y, z)})


def _without_direct(graph: MixedGraph, x: frozenset[str], y: frozenset[str]) -> MixedGraph:
    return graph.with_edges(e for e in graph.edges if not (e.mark == "->" and e.left in x and e.right in y))


def _valid_among(
    graph: MixedGraph, x: frozenset[str], y: frozenset[str], candidates: Iterable[frozenset[str]]
) -> Family:
    forbidden = forbidden_nodes(graph, x, y) | x | y
    noncausal = [path for path in proper_paths(graph, x, y) if not _is_causal(path)]

    def blocks_all(z: frozenset[str]) -> bool:
        z_ancestors = ancestors(graph, z)
        return not any(classified(path, z, z_ancestors).open for path in noncausal)

    return {z for z in candidates if not z & forbidden and blocks_all(z)}


def _candidates(graph: MixedGraph, taken: frozenset[str], required: frozenset[str]) -> list[frozenset[str]]:
    pool = sorted(graph.observed - taken - required)
    subsets = chain.from_iterable(combinations(pool, size) for size in range(len(pool) + 1))
    return [required.union(subset) for subset in subsets]


def _minimal(family: Family) -> Family:
    return {z for z in family if not any(smaller < z for smaller in family)}
