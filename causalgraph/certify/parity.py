"""The bits of two models that agree on P(V) and differ on an effect, laid out along a hedge.

A variable of the models is a row of bits. Each bit is the XOR of some bits of the variable's parents, flipped by
chance.

*The hedge.* F and F' ⊂ F are each held together by two-headed edges, F' holds no treatment, F does, and all of F leads
to the roots R ⊂ F'. Two-headed edges form a tree on F' and, extended, a tree on F; each is a fair hidden coin. Arrows
form a forest: each node but the roots has one child. In the first model a node is the XOR of its parents in the forest
and of its coins; in the second the nodes of F' ignore what lies outside F'. One root is flipped with probability ε. In
the sum of all of F (of F' in the second model) every coin and every node but the roots occurs twice, so in both models
the parity of R is that one flip, and all else is uniform: they agree. Setting a treatment cuts a coin in two in the
first model, where the parity becomes a fair coin; in the second it stays the flip.

*The way out.* The parity runs along directed paths from R to the outcomes, by bits of their own. Where it reaches a
condition alone, a further signal runs along an open path between that condition and an outcome, and the condition holds
the XOR of both, so that given the condition the outcome tells the parity. These bits are made alike in both models.

Source: I. Shpitser and J. Pearl, "Identification of joint interventional distributions in recursive semi-Markovian
causal models" (AAAI 2006), theorem 4, and "Identification of conditional interventional distributions" (UAI 2006).
The bits of their own, the one flip, and the way through latents are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil, log2
from typing import TYPE_CHECKING

from causalgraph.certify.bits import COIN, COPY, NOISY, Network, Rows, Term
from causalgraph.certify.small_hedge import SmallHedge, smallest
from causalgraph.criteria.separation import Connected, separation
from causalgraph.graphs.relations import topological_order
from causalgraph.graphs.surgery import do, without_outgoing

if TYPE_CHECKING:
    from causalgraph.graphs.mixed import MixedGraph
    from causalgraph.graphs.paths import Path

__all__ = ["Plan", "paired", "planned"]


@dataclass(frozen=True)
class Plan:
    """Where everything runs, in the latent projection.

    `x` and `w` are the question's after rule 2 has turned what conditions it can into interventions. `onward` leads
    from each node on the way to the next, from the last to None. `signal` is an open path from a condition to an
    outcome, where the roots reach conditions alone.
    """

    graph: MixedGraph
    x: frozenset[str]
    y: frozenset[str]
    w: frozenset[str]
    hedge: SmallHedge
    onward: dict[str, str | None]
    signal: Path | None


def planned(
    graph: MixedGraph,
    x: frozenset[str],
    y: frozenset[str],
    w: frozenset[str],
    hedge: tuple[frozenset[str], frozenset[str]],
) -> Plan:
    """Lay out where the bits run, for a hedge F, F' in a latent projection.

    Raises:
        ValueError: F and F' are no hedge for the question.
    """
    moved = next((n for n in graph.sorted(w) if _open_path(graph, x, y, w, n) is None), None)
    if moved is not None:
        return planned(graph, x | {moved}, y, w - {moved}, hedge)
    onward, direct = _onward(do(graph, x), y, w)
    found = smallest(graph, *hedge, x, direct)
    if not found.roots <= onward.keys():
        raise ValueError(f"{sorted(found.roots - onward.keys())} lead neither to the outcome nor to a condition")
    signal = None
    ends = {_end(onward, root) for root in found.roots}
    if not ends & y:
        paths = [p for p in (_open_path(graph, x, y, w, end) for end in sorted(ends)) if p]
        signal = min(paths, key=lambda p: len(p.edges))
    return Plan(graph, x, y, w, found, onward, signal)


def paired(graph: MixedGraph, plan: Plan) -> tuple[tuple[Rows, Rows], float]:
    """Return both models as bits over the graph with its latents, and the probability of a flip."""
    network = Network(graph)
    arrivals = _signal(network, plan)
    places, inner = _hedge_bits(network, plan, arrivals)
    _carry(network, plan, places, arrivals)
    first: Rows = {key: tuple(row) for key, row in network.bits.items()}
    second: Rows = {
        key: tuple(replace(bit, terms=tuple(inner.get((key, i), bit.terms))) for i, bit in enumerate(row))
        for key, row in first.items()
    }
    # So small that all flips together leave more than half of the parity's bias.
    noisy = sum(bit.noise == NOISY for row in first.values() for bit in row)
    return (first, second), 2.0 ** -ceil(log2(8 * noisy))


def _open_path(graph: MixedGraph, x: frozenset[str], y: frozenset[str], w: frozenset[str], node: str) -> Path | None:
    """Return a path from a condition to Y, open given X and the other conditions, that enters it by an arrow.

    Where there is none, observing the condition is setting it (do-calculus, rule 2).
    """
    found = separation(without_outgoing(do(graph, x), {node}), {node}, y, given=x | w - {node})
    return found.path if isinstance(found, Connected) else None


def _end(onward: dict[str, str | None], node: str) -> str:
    while (following := onward[node]) is not None:
        node = following
    return node


def _onward(graph: MixedGraph, y: frozenset[str], w: frozenset[str]) -> tuple[dict[str, str | None], frozenset[str]]:
    """Lead each node to an outcome round the conditions or, failing that, to a condition; say which do the former."""
    above: dict[str, list[str]] = {n: [] for n in graph.nodes}
    for edge in graph.edges:
        if edge.mark == "->":
            above[edge.right].append(edge.left)
    onward: dict[str, str | None] = {}

    def spread(ends: frozenset[str]) -> frozenset[str]:
        waiting = list(graph.sorted(ends))
        onward.update(dict.fromkeys(waiting))
        for node in waiting:
            fresh = [p for p in above[node] if p not in onward and p not in w]
            onward.update(dict.fromkeys(fresh, node))
            waiting += fresh
        return frozenset(waiting)

    direct = spread(y)
    spread(w)
    return onward, direct


# What is to be XORed into a node's next bit.
Arrivals = dict[str, list[Term]]


def _signal(network: Network, plan: Plan) -> Arrivals:
    """Send bits along the open path; return what arrives at the condition that it starts from."""
    if plan.signal is None:
        return {}
    edges = list(plan.signal.edges)
    outcome = next(i for i, e in enumerate(edges) if e.right in plan.y)
    edges = edges[: outcome + 1]
    start = edges[0].left
    arriving: Arrivals = {n: [] for n in (start, *(e.right for e in edges))}
    leaving: dict[str, list[str]] = {n: [] for n in arriving}
    for edge in edges:
        if edge.mark == "<->":
            for node, term in zip((edge.left, edge.right), network.arc(edge.left, edge.right), strict=True):
                arriving[node].append(term)
        else:
            head = edge.canonical
            leaving[head.left].append(head.right)
    for node in topological_order(plan.graph):
        if node in arriving and node != start:
            terms = arriving[node]
            bit = network.add(node, terms, NOISY if terms else COIN)
            for child in leaving[node]:
                arriving[child].append(network.arrow(bit, child))
            if len(terms) > 1 and node not in plan.w:
                _open_collider(network, plan, start, bit)
    return {start: arriving[start]}


def _open_collider(network: Network, plan: Plan, start: str, bit: Term) -> None:
    """Copy a collider's bit down to the nearest condition below it, which is what opens it."""
    node = str(bit[0])
    graph = without_outgoing(do(plan.graph, plan.x), {start})
    onward, _ = _onward(graph, plan.w - {start}, frozenset())
    while (following := onward[node]) is not None:
        node = following
        bit = network.add(node, [network.arrow(bit, node)], NOISY)


def _hedge_bits(network: Network, plan: Plan, arrivals: Arrivals) -> tuple[dict[str, Term], dict[Term, list[Term]]]:
    """Add the hedge's bits as the first model has them; return them, and what those of F' take in the second.

    A root that is itself the condition where the signal arrives takes the signal as well, in both models.
    """
    hedge = plan.hedge
    arriving: Arrivals = {n: [] for n in hedge.big}
    within: Arrivals = {n: [] for n in hedge.small}
    for ends in _tree(plan.graph, hedge):
        for node, term in zip(ends, network.arc(*ends), strict=True):
            arriving[node].append(term)
            if hedge.small.issuperset(ends):
                within[node].append(term)
    child = _forest(plan.graph, hedge)
    places: dict[str, Term] = {}
    for node in (n for n in topological_order(plan.graph) if n in hedge.big):
        if node in hedge.roots and plan.onward[node] is None:
            joined = arrivals.pop(node, [])
            arriving[node] += joined
            within[node] += joined
        places[node] = network.add(node, arriving[node], NOISY if node == min(hedge.roots) else COPY)
        if node in child:
            term = network.arrow(places[node], child[node])
            arriving[child[node]].append(term)
            if node in hedge.small:
                within[child[node]].append(term)
    return places, {places[n]: terms for n, terms in within.items()}


def _tree(graph: MixedGraph, hedge: SmallHedge) -> Iterator[tuple[str, str]]:
    """Yield two-headed edges that form a tree on F' and, extended, a tree on F."""
    joined = {min(hedge.roots)}
    arcs = [e for e in graph.edges if e.mark == "<->"]
    for part in (hedge.small, hedge.big):
        while not part <= joined:
            edge = next(e for e in arcs if {e.left, e.right} <= part and len({e.left, e.right} & joined) == 1)
            joined |= {edge.left, edge.right}
            yield edge.left, edge.right


def _forest(graph: MixedGraph, hedge: SmallHedge) -> dict[str, str]:
    """Give each node of F but the roots one child, a node of F' one within F', so that all leads to the roots."""
    above: dict[str, list[str]] = {n: [] for n in graph.nodes}
    for edge in graph.edges:
        if edge.mark == "->":
            above[edge.right].append(edge.left)
    child: dict[str, str] = {}
    found = sorted(hedge.roots)
    for part in (hedge.small, hedge.big):
        for node in found:
            fresh = [p for p in above[node] if p in part and p not in found]
            child |= dict.fromkeys(fresh, node)
            found += fresh
    return child


def _carry(network: Network, plan: Plan, places: dict[str, Term], arrivals: Arrivals) -> None:
    """Send the roots' bits onward, to where the way ends; join the signal there."""
    arriving: Arrivals = {n: [] for n in plan.onward}

    def send(bit: Term, node: str) -> None:
        following = plan.onward[node]
        if following is not None:
            arriving[following].append(network.arrow(bit, following))

    for node in topological_order(plan.graph):
        if node in plan.hedge.roots:
            send(places[node], node)
        if arriving.get(node):
            send(network.add(node, [*arriving[node], *arrivals.pop(node, [])], NOISY), node)
