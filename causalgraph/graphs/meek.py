"""Meek's rules: which undirected edges are settled by the arrows, and by what is known beside them.

Source: C. Meek, "Causal inference and causal explanation with background knowledge" (UAI 1995), rules R1 to R4, which
are sound and complete together with knowledge of single edges (theorem 4), arXiv:1302.4972.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from causalgraph.errors import ModelError
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.graphs.partial import Partial, Step, cycle_in

__all__ = ["Clash", "close", "meek_closure", "unclosed"]


def rule_1(graph: Partial, x: int, y: int) -> Iterator[Step]:
    """Where x -> y -- b, x and b not adjacent: y -> b."""
    for b in graph.beside[y]:
        if b not in graph.near[x]:
            yield Step(y, b, 1, (x,))


def rule_2(graph: Partial, x: int, y: int) -> Iterator[Step]:
    """Where a -> m -> b and a -- b: a -> b; the new arrow is the first or the second of the two."""
    for b in graph.children[y] & graph.beside[x]:
        yield Step(x, b, 2, (y,))
    for a in graph.parents[x] & graph.beside[y]:
        yield Step(a, y, 2, (x,))


def rule_3(graph: Partial, x: int, y: int) -> Iterator[Step]:
    """Where a -- x -> y, a -- d -> y and a -- y, x and d not adjacent: a -> y."""
    for a in graph.beside[x] & graph.beside[y]:
        others = (graph.beside[a] & graph.parents[y]) - graph.near[x] - {x}
        if others:
            yield Step(a, y, 3, (x, min(others)))


def rule_4(graph: Partial, x: int, y: int) -> Iterator[Step]:
    """Where a -- d -> c -> b, a -- b and a adjacent to c, d and b not adjacent: a -> b."""
    for a in graph.beside[x] & graph.near[y]:
        for b in (graph.children[y] & graph.beside[a]) - graph.near[x]:
            yield Step(a, b, 4, (y, x))
    for a in graph.beside[y] & graph.near[x]:
        others = (graph.parents[x] & graph.beside[a]) - graph.near[y]
        if others:
            yield Step(a, y, 4, (x, min(others)))


# What a new arrow x -> y lets follow.
RULES = (rule_1, rule_2, rule_3, rule_4)

# Rule -> the arrows of its picture, as places in (tail, head, *further nodes).
PREMISES = {1: ((2, 0),), 2: ((0, 2), (2, 1)), 3: ((2, 1), (3, 1)), 4: ((3, 2), (2, 1))}

REASONS = {
    1: "{2} -> {0}, and {2} and {1} aren't adjacent: {1} -> {0} would make a new unshielded collider",
    2: "{0} -> {2} -> {1}: {1} -> {0} would close a directed cycle",
    3: "{0} -- {2} -> {1} and {0} -- {3} -> {1}, {2} and {3} not adjacent: {1} -> {0} would lead to {2} -> {0} <- {3}, "
    "a new unshielded collider",
    4: "{0} -- {3} -> {2} -> {1}, {3} and {1} not adjacent: {1} -> {0} would lead to {3} -> {0} <- {1}, "
    "a new unshielded collider",
}


@dataclass(frozen=True)
class Clash:
    """Two arrows that meet in one node, whose tails aren't adjacent, the later of them new."""

    arrow: tuple[int, int]
    against: tuple[int, int]


def close(graph: Partial, arrows: Iterable[tuple[int, int]]) -> Clash | None:
    """Orient what follows from new arrows by Meek's rules; stop at the first new unshielded collider.

    Every premise of a rule is an arrow, an undirected edge or an adjacency. Only arrows are ever added, so it is
    enough to look at the pictures that hold a new one: the work grows as edges times the size of the neighbourhoods.
    """
    queue = list(arrows)
    for x, y in queue:
        for rule in RULES:
            for step in list(rule(graph, x, y)):
                if step.head in graph.beside[step.tail]:
                    clash = collide(graph, step.arrow)
                    graph.orient(step)
                    if clash:
                        return clash
                    queue.append(step.arrow)
    return None


def collide(graph: Partial, arrow: tuple[int, int]) -> Clash | None:
    """Say which arrow would make an unshielded collider with a new one."""
    tail, head = arrow
    if graph.parents[head] <= graph.near[tail]:
        return None
    return Clash(arrow, (min(graph.parents[head] - graph.near[tail]), head))


def meek_closure(
    graph: MixedGraph, *, required: Iterable[tuple[str, str]] = (), forbidden: Iterable[tuple[str, str]] = ()
) -> MixedGraph:
    """Return the graph with every edge oriented that the arrows and the knowledge settle: an mpdag.

    Of a CPDAG and consistent knowledge it is the one graph whose arrows are those that all members agree on which
    keep to the knowledge. An unchecked pdag is closed as well, but where no DAG extends it the outcome breaks the
    claim, as `breaches_of_class` says.

    Args:
        graph: a dag, cpdag, mpdag or pdag.
        required: pairs (a, b): a -> b holds.
        forbidden: pairs (a, b): a -> b doesn't hold. Where the two aren't adjacent, that says nothing.

    Raises:
        ModelError: the knowledge, or the graph's own arrows, contradict one another (E115): an arrow stands against
            it, or it leads to a directed cycle or to an unshielded collider that the graph doesn't have.

    >>> chain = MixedGraph.build([("A", "--", "B"), ("B", "--", "C")], kind="cpdag")
    >>> [str(e) for e in meek_closure(chain, required=[("A", "B")]).edges]
    ['A -> B', 'B -> C']
    """
    state = Partial.of(graph, "Meek's closure")
    told = _Told(graph.nodes, {})
    clash = close(state, state.arrows())
    if clash:
        raise _collision(state, told, clash)
    for arrow, text in _knowledge(graph, state, required, forbidden):
        tail, head = arrow
        if head in state.parents[tail]:
            raise _opposed(state, told, (head, tail), text)
        if head in state.beside[tail]:
            told.knowledge[arrow] = text
            clash = collide(state, arrow)
            state.orient(Step(tail, head))
            clash = clash or close(state, [arrow])
            if clash:
                raise _collision(state, told, clash)
    loop = cycle_in(state.parents, range(len(graph.nodes)))
    if loop:
        raise _circle(state, told, loop)
    return state.applied(graph, "mpdag")


def unclosed(graph: MixedGraph) -> Iterator[tuple[Edge, str]]:
    """Yield each undirected edge that a rule of Meek orients as the graph stands: the arrow, and the reason.

    >>> graph = MixedGraph.build([("A", "->", "B"), ("B", "--", "C")], kind="mpdag")
    >>> for edge, reason in unclosed(graph): print(edge, "by", reason)
    B -> C by Meek's rule 1: A -> B, and A and C aren't adjacent: C -> B would make a new unshielded collider
    """
    state = Partial.of(graph, "Meek's closure")
    told: set[tuple[int, int]] = set()
    for x, y in state.arrows():
        for rule in RULES:
            for step in rule(state, x, y):
                if step.arrow not in told:
                    told.add(step.arrow)
                    yield Edge(graph.nodes[step.tail], "->", graph.nodes[step.head]), reason(graph.nodes, step)


def reason(nodes: tuple[str, ...], step: Step) -> str:
    """Say why a rule orients an edge."""
    named = [nodes[i] for i in (step.tail, step.head, *step.nodes)]
    return f"Meek's rule {step.rule}: " + REASONS[step.rule].format(*named)


@dataclass(frozen=True)
class _Told:
    """What was said about single edges: arrow -> the words."""

    nodes: tuple[str, ...]
    knowledge: dict[tuple[int, int], str]

    def edge(self, arrow: tuple[int, int]) -> str:
        return f"{self.nodes[arrow[0]]} -> {self.nodes[arrow[1]]}"

    def behind(self, state: Partial, arrows: Iterable[tuple[int, int]]) -> list[str]:
        """Return the knowledge that arrows follow from, the latest first."""
        steps = {s.arrow: s for s in state.trail}
        wanted = list(arrows)
        for arrow in wanted:
            step = steps.pop(arrow, None)
            if step is not None and step.rule:
                picture = (*step.arrow, *step.nodes)
                wanted += [(picture[i], picture[j]) for i, j in PREMISES[step.rule]]
        return [text for arrow, text in reversed(self.knowledge.items()) if arrow in wanted]

    def why(self, state: Partial, arrow: tuple[int, int]) -> str:
        """Say where an arrow comes from."""
        step = next((s for s in state.trail if s.arrow == arrow), None)
        if step is None:
            return f"{self.edge(arrow)} stands in the graph"
        if not step.rule:
            return self.knowledge[arrow]
        return f"{self.edge(arrow)} follows by {reason(self.nodes, step)}"


def _knowledge(
    graph: MixedGraph, state: Partial, required: Iterable[tuple[str, str]], forbidden: Iterable[tuple[str, str]]
) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield what is known as arrows, each with the words that said it."""
    for a, b in required:
        graph.require((a, b))
        if state.number[b] not in state.near[state.number[a]]:
            raise ModelError.because(
                "E115",
                f"required {a} -> {b} contradicts the graph: {a} and {b} aren't adjacent",
                why="knowledge orients edges; it can't add one",
                fix="drop the requirement, or use a graph that has the edge",
            )
        yield (state.number[a], state.number[b]), f"required {a} -> {b}"
    for a, b in forbidden:
        graph.require((a, b))
        if state.number[b] in state.near[state.number[a]]:
            yield (state.number[b], state.number[a]), f"forbidden {a} -> {b}"


FIX = "drop one of them: no DAG keeps to all"


def _opposed(state: Partial, told: _Told, arrow: tuple[int, int], text: str) -> ModelError:
    behind = told.behind(state, [arrow])
    since = f" (that is, {' with '.join(behind)})" if behind else ""
    what = f"{text} contradicts {told.edge(arrow)}{since}"
    return ModelError.because("E115", what, why=told.why(state, arrow), fix=FIX)


def _collision(state: Partial, told: _Told, clash: Clash) -> ModelError:
    behind = told.behind(state, [clash.arrow, clash.against])
    old = told.edge(clash.against)
    what = f"{' with '.join(behind)} contradicts {old}" if behind else f"the graph's arrows contradict {old}"
    tails = " and ".join(told.nodes[tail] for tail, _ in (clash.arrow, clash.against))
    why = f"{told.why(state, clash.arrow)}; with {old} that is a new unshielded collider: {tails} aren't adjacent"
    return ModelError.because("E115", what, why=why, fix=FIX)


def _circle(state: Partial, told: _Told, loop: list[int]) -> ModelError:
    arrows = list(zip(loop, [*loop[1:], loop[0]], strict=True))
    behind = told.behind(state, arrows)
    free = [a for a in arrows if not told.behind(state, [a])]
    round_trip = " -> ".join(told.nodes[i] for i in [*loop, loop[0]])
    against = told.edge((free or arrows)[-1])
    what = f"{' with '.join(behind)} contradicts {against}" if behind else f"the graph's arrows contradict {against}"
    return ModelError.because("E115", what, why=f"they close the directed cycle {round_trip}", fix=FIX)
