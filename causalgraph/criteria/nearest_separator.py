"""Separators of a graph with directed and two-headed edges: one, the nearest, all minimal ones, all.

The nodes of a separator are observed and chosen from what is not forbidden. That there is none is an answer of its own,
`Inseparable`, which no one can mistake for the empty separator.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from causalgraph.criteria.backdoor_graph import BackdoorGraph, moralised, nearest_set
from causalgraph.criteria.separation import connecting, disjoint, judge, simple, words
from causalgraph.criteria.separators import minimal_separators
from causalgraph.graphs.kinds import require_unselected
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.paths import Path
from causalgraph.graphs.relations import ancestors

__all__ = [
    "Inseparable",
    "Separator",
    "all_minimal_separators",
    "all_separators",
    "nearest_separator",
]

Names = frozenset[str]


@dataclass(frozen=True)
class Separator:
    """A set of nodes, perhaps empty, that cuts every path between the two sides."""

    nodes: tuple[str, ...]


@dataclass(frozen=True)
class Inseparable:
    """No admissible set separates the two sides: why, and where it isn't for a requirement a path that stays open."""

    reason: str
    path: Path | None = None


def nearest_separator(
    graph: MixedGraph,
    x: Iterable[str],
    y: Iterable[str],
    *,
    required: Iterable[str] = (),
    forbidden: Iterable[str] = (),
) -> Separator | Inseparable:
    """Return the minimal separator nearest to X: given it, X is parted from all that another one holds beside.

    Of all admissible ancestors, those are kept that an open path from X comes to, and of these the ones that an open
    path from Y comes to. Each step is one search, so the time is linear in nodes and edges.

    Args:
        graph: a dag or an admg; its latent nodes never stand in a separator.
        x, y: disjoint, non-empty sets of nodes (or a name).
        required: nodes that the separator must hold.
        forbidden: nodes that it may not hold.

    Raises:
        ModelError: a set is empty or two of them overlap (E212), a name is unknown (E201), the kind isn't supported.

    Returns:
        The separator, or `Inseparable` with the path that stays open given all that is admissible.

    Source: B. van der Zander, M. Liśkiewicz, J. Textor, "Efficiently finding conditional instruments for causal
    inference" (IJCAI 2015), definition 3.1 and theorem 3.2; B. van der Zander, M. Liśkiewicz, "Finding minimal
    d-separators in linear time and applications" (UAI 2019).

    >>> chain = MixedGraph.build([("A", "->", "M"), ("M", "->", "N"), ("N", "->", "B")])
    >>> nearest_separator(chain, "A", "B"), nearest_separator(chain, "B", "A", forbidden="N")
    (Separator(nodes=('M',)), Separator(nodes=('M',)))
    """
    x, y, needed, pool = _question(graph, x, y, required, forbidden)
    clash = graph.sorted(needed - pool)
    if clash:
        return Inseparable(f"{words(clash)} is required, but may not stand in a separator")
    # The back-door graph of no effect is the graph itself.
    found = nearest_set(BackdoorGraph.of(graph, x, y, ()), needed, frozenset(graph.nodes) - pool)
    if found is not None:
        return Separator(graph.sorted(found))
    most = (ancestors(graph, x | y | needed) & pool) | needed
    walk = connecting(graph, x, most, y).walk(y)
    if walk is None:
        raise AssertionError("nothing separates, yet all that is admissible does")
    path = judge(graph, simple(walk), most)
    return Inseparable(f"{path.drawn} stays open whatever is given", path)


def all_minimal_separators(
    graph: MixedGraph,
    x: Iterable[str],
    y: Iterable[str],
    *,
    required: Iterable[str] = (),
    forbidden: Iterable[str] = (),
) -> Iterator[Names]:
    """Yield every separator of which no part, that still holds ``required``, separates; with polynomial delay.

    All of them consist of ancestors of X, Y and ``required``. Nothing is yielded where there is no separator.

    Raises:
        ModelError: as for `nearest_separator`.

    Source: B. van der Zander, M. Liśkiewicz, J. Textor, "Separators and adjustment sets in causal graphs: complete
    criteria and an algorithmic framework", Artificial Intelligence 270 (2019) 1-40, section 5,
    doi:10.1016/j.artint.2018.12.006.

    >>> chain = MixedGraph.build([("A", "->", "M"), ("M", "->", "N"), ("N", "->", "B")])
    >>> [sorted(s) for s in all_minimal_separators(chain, "A", "B")]
    [['M'], ['N']]
    """
    x, y, needed, pool = _question(graph, x, y, required, forbidden)
    if not needed <= pool:
        return iter(())
    moral = moralised(BackdoorGraph.of(graph, x, y, ()), needed, frozenset(graph.nodes) - pool)
    return (found | needed for found in minimal_separators(moral, x, y))


def all_separators(
    graph: MixedGraph,
    x: Iterable[str],
    y: Iterable[str],
    *,
    required: Iterable[str] = (),
    forbidden: Iterable[str] = (),
) -> Iterator[Names]:
    """Yield every separator, minimal or not; between two of them lie at most n linear searches for n nodes.

    Node by node it is settled whether a set holds it, and a branch is followed only where it still leads to a
    separator, which one search decides.

    Raises:
        ModelError: as for `nearest_separator`.

    Source: van der Zander, Liśkiewicz, Textor (2019), section 5, ListSep.

    >>> chain = MixedGraph.build([("A", "->", "M"), ("M", "->", "B")], nodes=["C"])
    >>> [sorted(s) for s in all_separators(chain, "A", "B")]
    [['M'], ['C', 'M']]
    """
    x, y, needed, pool = _question(graph, x, y, required, forbidden)
    stack: list[tuple[Names, Names]] = [(needed, pool)] if needed <= pool else []
    while stack:
        held, allowed = stack.pop()
        most = (ancestors(graph, x | y | held) & allowed) | held
        if connecting(graph, x, most, y).walk(y) is None:
            open_still = graph.sorted(allowed - held)
            if open_still:
                first = frozenset(open_still[:1])
                stack += [(held | first, allowed), (held, allowed - first)]
            else:
                yield held


def _question(
    graph: MixedGraph, x: Iterable[str], y: Iterable[str], required: Iterable[str], forbidden: Iterable[str]
) -> tuple[Names, Names, Names, Names]:
    """Return X, Y, the required nodes and those that may stand in a separator."""
    require_unselected(graph, "separation")
    x, y, needed, barred = (graph.require(names) for names in (x, y, required, forbidden))
    disjoint(graph, x, y, needed)
    return x, y, needed, graph.observed - graph.selected - barred - x - y
