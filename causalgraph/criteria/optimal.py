"""The best adjustment set: of all valid ones the one with the smallest variance, or with the smallest cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from causalgraph.criteria.adjustment import Effect, barred_nodes, check_adjustment, moralised, sides
from causalgraph.criteria.amenable import obstacle
from causalgraph.criteria.separation import disjoint, words
from causalgraph.criteria.separators import Cliques
from causalgraph.errors import ModelError
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.possible import representative
from causalgraph.graphs.relations import descendants, parents, proper_causal_nodes
from causalgraph.graphs.surgery import project

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["Optimal", "minimum_cost_adjustment_set", "optimal_adjustment_set"]


@dataclass(frozen=True)
class Optimal:
    """The O-set, or None and the reason why there is none."""

    covariates: tuple[str, ...] | None
    reason: str | None = None


def optimal_adjustment_set(graph: MixedGraph, x: Iterable[str], y: Iterable[str]) -> Optimal:
    """Return the valid set that gives the smallest asymptotic variance: O(X, Y) = pa(cn(X, Y)) without forb(X, Y).

    cn are the nodes on proper causal paths, forb their descendants and X. The set needn't be minimal. It is optimal for
    linear models by least squares, and for discrete and nonparametric ones as well, provided that no two variables
    share a hidden cause: there may then be no set that is best in every model.

    Raises:
        ModelError: as for `check_adjustment`.

    >>> graph = MixedGraph.build([("A", "->", "X"), ("A", "->", "Y"), ("B", "->", "Y"), ("X", "->", "Y")])
    >>> optimal_adjustment_set(graph, "X", "Y").covariates
    ('A', 'B')

    Source: L. Henckel, E. Perković, M. Maathuis, "Graphical criteria for efficient total effect estimation via
    adjustment in causal linear models", J. R. Stat. Soc. B 84 (2022) 579-599, doi:10.1111/rssb.12451, definition 3.12
    and theorem 3.13; A. Rotnitzky, E. Smucler, J. Mach. Learn. Res. 21 (2020) 188 for nonparametric models.
    """
    x, y = sides(graph, x, y)
    blocked = obstacle(graph, x, y)
    if blocked:
        return Optimal(None, blocked.reason)
    if graph.kind in ("mag", "pag"):
        return Optimal(None, f"a {graph.kind} leaves hidden causes open, and then no set need be best in every model")
    # In an amenable class the set is the same for every member.
    graph = representative(graph)
    # A hidden variable that no two observed ones share is part of their noise, and the projection a DAG.
    graph = project(graph, graph.latent - x - y)
    shared = next((e for e in graph.edges if e.mark == "<->"), None)
    if shared:
        ends = f"{shared.left} and {shared.right} have a hidden common cause"
        return Optimal(None, f"{ends}, and then no set need be best in every model")
    lost = graph.sorted(y - descendants(graph, x))
    if lost:
        return Optimal(None, f"{words(lost)} isn't a descendant of {words(graph.sorted(x))}: there is no effect")
    causal = proper_causal_nodes(graph, x, y)
    best = parents(graph, causal) - descendants(graph, causal) - x
    if not check_adjustment(graph, x, y, best).valid:
        return Optimal(None, "no set is valid")
    return Optimal(graph.sorted(best))


def minimum_cost_adjustment_set(
    graph: MixedGraph,
    x: Iterable[str],
    y: Iterable[str],
    *,
    cost: Mapping[str, float] | None = None,
    effect: Effect = "total",
    required: Iterable[str] = (),
    forbidden: Iterable[str] = (),
) -> tuple[frozenset[str], float] | None:
    """Return a valid set of the smallest total cost, and that cost; None where no set is valid.

    A minimum cut of the moralised ancestral proper back-door graph, each vertex with its cost for capacity. Of several
    cheapest sets one that is minimal is returned.

    Args:
        graph: a dag or an admg.
        x, y: treatments and outcomes.
        cost: what it takes to measure a node, not negative; 1 where nothing is said.
        effect: the total effect, or the direct one (in a linear model).
        required: nodes that the set must hold; their cost counts.
        forbidden: nodes that it may not hold.

    Raises:
        ModelError: a cost is negative (E112); and as for `check_adjustment`.

    >>> graph = MixedGraph.build([("A", "->", "X"), ("A", "->", "B"), ("B", "->", "Y"), ("X", "->", "Y")])
    >>> minimum_cost_adjustment_set(graph, "X", "Y", cost={"A": 3})
    (frozenset({'B'}), 1.0)

    Source: B. van der Zander, M. Liśkiewicz, J. Textor, Artificial Intelligence 270 (2019) 1-40, section 4.3,
    doi:10.1016/j.artint.2018.12.006.
    """
    x, y = sides(graph, x, y, effect)
    needed = graph.require(required)
    disjoint(graph, x, y, needed)
    prices = dict(cost or {})
    for name in graph.sorted(graph.require(prices)):
        if not prices[name] >= 0:
            raise ModelError.because("E112", f"the cost of {name} is {prices[name]}", fix="a cost isn't negative")
    barred = barred_nodes(graph, x, y, effect, graph.require(forbidden))
    if needed & barred or obstacle(graph, x, y):
        return None
    moral = moralised(graph, x, y, needed, barred, effect)
    cut = _cut(moral, x, y, prices)
    if cut is None:
        return None
    # Free vertices may stand in a cut without need: keep those next to Y's side, then those of them next to X's.
    _, near_y = moral.component(y, cut)
    _, near_x = moral.component(x, near_y)
    found = frozenset(near_x) | needed
    return found, sum(float(prices.get(n, 1)) for n in found)


def _cut(moral: Cliques, x: frozenset[str], y: frozenset[str], cost: Mapping[str, float]) -> frozenset[str] | None:
    """Return a cheapest set of vertices between X and Y; None where they touch."""
    if moral.neighbours(x) & y:
        return None
    import networkx as nx

    flow: nx.DiGraph[Any] = nx.DiGraph()
    flow.add_nodes_from(("source", "sink"))
    for vertex in moral.of:
        if vertex in x:
            flow.add_edge("source", ("out", vertex))
        elif vertex in y:
            flow.add_edge(("in", vertex), "sink")
        else:
            flow.add_edge(("in", vertex), ("out", vertex), capacity=float(cost.get(vertex, 1)))
    # An edge without a capacity is never cut. A clique joins its members through one node of its own.
    for number, members in enumerate(moral.members):
        for vertex in members:
            flow.add_edge(("out", vertex), ("clique", number))
            flow.add_edge(("clique", number), ("in", vertex))
    _, (side, _) = nx.minimum_cut(flow, "source", "sink")
    return frozenset(v for v in moral.of if ("in", v) in side and ("out", v) not in side and v not in x | y)
