"""The best adjustment set: of all valid ones the one with the smallest variance, or with the smallest cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import inf, lcm
from typing import TYPE_CHECKING, Any

from causalgraph.criteria.adjustment import Effect, backdoor_graph, barred_nodes, check_adjustment, sides
from causalgraph.criteria.amenable import obstacle
from causalgraph.criteria.backdoor_graph import moralised
from causalgraph.criteria.hidden_optimal import Question
from causalgraph.criteria.separation import disjoint, words
from causalgraph.criteria.separators import Cliques
from causalgraph.errors import ModelError
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.possible import representative
from causalgraph.graphs.relations import descendants
from causalgraph.graphs.surgery import project

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["Optimal", "minimum_cost_adjustment_set", "optimal_adjustment_set", "optimal_minimal_adjustment_set"]


@dataclass(frozen=True)
class Optimal:
    """A best set, or None and the reason why there is none."""

    covariates: tuple[str, ...] | None
    reason: str | None = None


def optimal_adjustment_set(
    graph: MixedGraph,
    x: Iterable[str],
    y: Iterable[str],
    *,
    required: Iterable[str] = (),
    forbidden: Iterable[str] = (),
) -> Optimal:
    """Return the valid set that gives the smallest asymptotic variance in every model, or why the graph names none.

    Without hidden common causes it is O(X, Y) = pa(cn(X, Y)) without forb(X, Y), where cn are the nodes on proper
    causal paths and forb their descendants and X. With them, nodes on certain collider paths from cn and the parents of
    these join the set, and there may be no set that is best in every model: `reason` then names the node or path that
    leaves it open. The set needn't be minimal. It is optimal for linear models by least squares; without hidden common
    causes also for discrete and nonparametric ones.

    Args:
        graph: a graph of any kind; in a mag or pag nothing is called optimal.
        x, y: treatments and outcomes; where hidden causes matter, one of each, as the theorem has it.
        required: nodes that each of the compared sets holds.
        forbidden: nodes that none of them holds.

    Raises:
        ModelError: as for `check_adjustment`.

    >>> graph = MixedGraph.build([("A", "->", "X"), ("A", "->", "Y"), ("B", "->", "Y"), ("X", "->", "Y")])
    >>> optimal_adjustment_set(graph, "X", "Y").covariates
    ('A', 'B')
    >>> shared = MixedGraph.build([("X", "->", "Y"), ("Y", "<->", "C"), ("D", "->", "C")])
    >>> optimal_adjustment_set(shared, "X", "Y").covariates
    ('C', 'D')

    Source: L. Henckel, E. Perković, M. Maathuis, "Graphical criteria for efficient total effect estimation via
    adjustment in causal linear models", J. R. Stat. Soc. B 84 (2022) 579-599, doi:10.1111/rssb.12451, definition 3.12
    and theorem 3.13; A. Rotnitzky, E. Smucler, J. Mach. Learn. Res. 21 (2020) 188 for nonparametric models; J. Runge,
    NeurIPS 34 (2021), arXiv:2102.10324, theorem 3 for hidden variables.
    """
    x, y = sides(graph, x, y)
    needed, barred = graph.require(required), graph.require(forbidden)
    disjoint(graph, x, y, needed)
    blocked = obstacle(graph, x, y)
    if blocked:
        return Optimal(None, blocked.reason)
    if graph.kind in ("mag", "pag"):
        return Optimal(None, f"a {graph.kind} leaves hidden causes open, and then no set need be best in every model")
    clash = graph.sorted(needed & barred_nodes(graph, x, y, "total", barred))
    if clash:
        return Optimal(None, f"{words(clash)} is required, but may not stand in a set")
    # In an amenable class the set is the same for every member. What may not be used is like what can't be observed.
    graph = representative(graph)
    graph = project(graph, (graph.latent | barred) - x - y - graph.selected)
    lost = graph.sorted(y - descendants(graph, x))
    if lost:
        return Optimal(None, f"{words(lost)} isn't a descendant of {words(graph.sorted(x))}: there is no effect")
    question = Question(graph, x, y, needed | graph.selected)
    best = question.optimum | needed
    if best & x or not check_adjustment(graph, x, y, best).valid:
        return Optimal(None, "no set is valid")
    doubt = question.doubt()
    return Optimal(None, doubt) if doubt else Optimal(graph.sorted(best))


def optimal_minimal_adjustment_set(
    graph: MixedGraph,
    x: Iterable[str],
    y: Iterable[str],
    *,
    effect: Effect = "total",
    required: Iterable[str] = (),
    forbidden: Iterable[str] = (),
) -> Optimal:
    """Return the minimal valid set that gives the smallest asymptotic variance of all minimal ones.

    It is the minimal set next to Y, and exists wherever a set is valid, hidden common causes or not. A set that isn't
    minimal may be better still.

    Args:
        graph: a graph of any kind.
        x, y: treatments and outcomes.
        effect: the total effect, or the direct one (in a linear model; on a dag or admg).
        required: nodes that each set must hold.
        forbidden: nodes that no set may hold.

    Raises:
        ModelError: as for `check_adjustment`.

    >>> graph = MixedGraph.build([("A", "->", "X"), ("A", "->", "B"), ("B", "->", "Y"), ("X", "->", "Y")])
    >>> optimal_minimal_adjustment_set(graph, "X", "Y").covariates
    ('B',)

    Source: E. Smucler, F. Sapienza, A. Rotnitzky, "Efficient adjustment sets in causal graphical models with hidden
    variables", Biometrika 109 (2022) 49-65, doi:10.1093/biomet/asab018.
    """
    x, y = sides(graph, x, y, effect)
    needed = graph.require(required)
    disjoint(graph, x, y, needed)
    barred = barred_nodes(graph, x, y, effect, graph.require(forbidden))
    clash = graph.sorted(needed & barred)
    if clash:
        return Optimal(None, f"{words(clash)} is required, but may not stand in a set")
    blocked = obstacle(graph, x, y)
    if blocked:
        return Optimal(None, blocked.reason)
    moral = moralised(backdoor_graph(graph, x, y, effect), needed | graph.selected, barred)
    if moral.neighbours(x) & y:
        return Optimal(None, "no set is valid")
    return Optimal(graph.sorted(_next_to(moral, y, x, frozenset(moral.of) - x - y) | needed))


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
    cheapest sets the one next to Y is returned, which gives the smallest asymptotic variance of them. Where nodes are
    free, this is said of the cheapest sets that are minimal.

    Args:
        graph: a graph of any kind.
        x, y: treatments and outcomes.
        cost: what it takes to measure a node, not negative; 1 where nothing is said. Read as decimals, so that 0.1 and
            0.2 are together as dear as 0.3. A node of infinite cost isn't used unless it is required.
        effect: the total effect, or the direct one (in a linear model).
        required: nodes that the set must hold; their cost counts.
        forbidden: nodes that it may not hold.

    Raises:
        ModelError: a cost is negative (E112); and as for `check_adjustment`.

    >>> graph = MixedGraph.build([("A", "->", "X"), ("A", "->", "B"), ("B", "->", "Y"), ("X", "->", "Y")])
    >>> minimum_cost_adjustment_set(graph, "X", "Y", cost={"A": 3})
    (frozenset({'B'}), 1.0)

    Source: B. van der Zander, M. Liśkiewicz, J. Textor, Artificial Intelligence 270 (2019) 1-40, section 4.3,
    doi:10.1016/j.artint.2018.12.006; for the choice among the cheapest E. Smucler, A. Rotnitzky, "A note on efficient
    minimum cost adjustment sets in causal graphical models", J. Causal Inference 10 (2022) 174-189,
    doi:10.1515/jci-2022-0015.
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
    barred |= {n for n, price in prices.items() if price == inf} - needed - x - y
    moral = moralised(backdoor_graph(graph, x, y, effect), needed | graph.selected, barred)
    if moral.neighbours(x) & y:
        return None
    cut = _cut(moral, x, y, prices)
    found = _next_to(moral, y, x, cut) | needed
    each = [float(prices.get(n, 1)) for n in found]
    return found, inf if inf in each else float(sum(map(_decimal, each)))


def _decimal(price: float) -> Fraction:
    """Read a number as it is written: 0.1 as a tenth."""
    return Fraction(repr(price))


def _next_to(moral: Cliques, y: frozenset[str], x: frozenset[str], cut: frozenset[str]) -> frozenset[str]:
    """Return what is needed of a cut: its vertices next to Y's side, and of them those next to X's side then."""
    _, near_y = moral.component(y, cut)
    _, near_x = moral.component(x, near_y)
    return frozenset(near_x)


def _cut(moral: Cliques, x: frozenset[str], y: frozenset[str], cost: Mapping[str, float]) -> frozenset[str]:
    """Return of the cheapest sets of vertices between X and Y, which don't touch, the one next to Y."""
    import networkx as nx

    inner = [v for v in moral.of if v not in x | y]
    exact = {v: _decimal(float(cost.get(v, 1))) for v in inner}
    # Whole numbers, so that no rounding makes a full edge look as if it had room left.
    scale = lcm(*(price.denominator for price in exact.values()))
    flow: nx.DiGraph[Any] = nx.DiGraph()
    flow.add_nodes_from(("source", "sink"))
    for vertex in moral.of:
        if vertex in x:
            flow.add_edge("source", ("out", vertex))
        elif vertex in y:
            flow.add_edge(("in", vertex), "sink")
        else:
            flow.add_edge(("in", vertex), ("out", vertex), capacity=int(exact[vertex] * scale))
    # An edge without a capacity is never cut. A clique joins its members through one node of its own.
    for number, members in enumerate(moral.members):
        for vertex in members:
            flow.add_edge(("out", vertex), ("clique", number))
            flow.add_edge(("clique", number), ("in", vertex))
    residual = nx.algorithms.flow.preflow_push(flow, "source", "sink")
    # All vertices from which more could still flow into the sink: the smallest side of Y that a minimum cut leaves.
    side: set[Any] = {"sink"}
    queue: list[Any] = ["sink"]
    for node in queue:
        for before in residual.predecessors(node):
            edge = residual.edges[before, node]
            if before not in side and edge["flow"] < edge["capacity"]:
                side.add(before)
                queue.append(before)
    return frozenset(v for v in inner if ("in", v) not in side and ("out", v) in side)
