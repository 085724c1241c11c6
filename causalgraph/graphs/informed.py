"""A graph and what is known beside it: do they contradict each other, and which edges does the knowledge settle?

Knowledge speaks of arrows. A drawn arrow may go against it; an edge that stands for several, such as `A -- B` of a
cpdag or `A o-> B` of a pag, may not, as long as one of them keeps to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from causalgraph.errors import Diagnostic, Label, ModelError, Span
from causalgraph.graphs.equivalence import consistent_extension, cpdag
from causalgraph.graphs.knowledge import Knowledge, Said
from causalgraph.graphs.meek import meek_closure
from causalgraph.graphs.mixed import Edge, Mark, MixedGraph

__all__ = ["Contradiction", "Informed", "contradictions", "informed"]

# Kinds whose undirected edges knowledge can settle.
SETTLED = ("cpdag", "mpdag")
# Kinds whose arrows say that one variable causes another, by way of others too.
ANCESTRAL = ("mag", "pag")


@dataclass(frozen=True)
class Contradiction:
    """What a graph draws against what is known: the edge, if there is one, and the knowledge that was `said`."""

    what: str
    why: str
    fix: str
    edge: Edge | None
    said: tuple[Said, ...] = ()
    code: str = "E115"

    def told(self, spans: Mapping[Edge, Span], places: Mapping[Said, Span]) -> Diagnostic:
        """The contradiction at the edge and at the knowledge, as far as their places in a text are known."""
        edge = spans.get(self.edge.canonical) if self.edge else None
        known = dict.fromkeys(places[said] for said in self.said if said in places)
        labels = [Label(edge)] if edge else []
        labels += [Label(span, "known" * bool(edge), primary=not edge) for span in known]
        return Diagnostic(self.code, self.what, tuple(labels), self.why, self.fix)


def contradictions(graph: MixedGraph, knowledge: Knowledge) -> Iterator[Contradiction]:
    """Yield each edge that goes against the knowledge, and each required arrow that isn't drawn.

    An arrow that isn't drawn is a claim as well, that there is no direct effect: so a required one must be there.

    >>> graph = MixedGraph.build([("A", "->", "B"), ("B", "->", "C")])
    >>> for c in contradictions(graph, Knowledge.of(tiers=["B", "A"], required=[("A", "C")])): print(c.what)
    A -> B leads back in time
    A -> C is required, and no edge joins A and C
    """
    for edge in graph.edges:
        yield from _against(graph, edge, knowledge)
    joined: dict[frozenset[str], list[Edge]] = {}
    for edge in graph.edges:
        joined.setdefault(frozenset((edge.left, edge.right)), []).append(edge)
    for a, b in knowledge.required:
        edges = joined.get(frozenset((a, b)), [])
        if any(_allows(graph, edge, a) or (edge.mark == "->" and edge.right == a) for edge in edges):
            continue  # it is drawn, or may come to be, or its opposite has been told
        drawn = f"{edges[0]} is drawn" if edges else f"no edge joins {a} and {b}"
        absent = "an edge that isn't drawn is a claim too: that there is no direct effect"
        yield Contradiction(
            f"{a} -> {b} is required, and {drawn}",
            f"{edges[0]} says that {a} doesn't cause {b} directly" if edges else absent,
            f"draw {a} -> {b}, or drop the requirement",
            edges[0] if edges else None,
            (("require", a, b),),
        )


def _against(graph: MixedGraph, edge: Edge, knowledge: Knowledge) -> Iterator[Contradiction]:
    """Yield what an edge alone has against it."""
    a, b = edge.left, edge.right
    if edge.mark == "->":
        yield from _arrow(edge, knowledge)
    elif edge.mark == "--" and graph.kind not in ANCESTRAL:
        one, other = _ruled_out(a, b, knowledge), _ruled_out(b, a, knowledge)
        if one and other:
            why = "of such an edge one direction holds"
            fix = "drop the edge, or one of what rules it out"
            yield Contradiction(f"{edge} is ruled out both ways", why, fix, edge, (*one, *other))


def _arrow(arrow: Edge, knowledge: Knowledge) -> Iterator[Contradiction]:
    a, b = arrow.left, arrow.right
    fix = "turn the arrow, drop it, or drop what is known"
    if knowledge.forbids(a, b):
        yield Contradiction(f"{arrow} is drawn, and forbidden", "only one of the two holds", fix, arrow, (_said(a, b),))
    if knowledge.leads_back(a, b):
        why = f"the tier of {b} comes before that of {a}"
        yield Contradiction(f"{arrow} leads back in time", why, fix, arrow, (("tier", a), ("tier", b)))
    if knowledge.requires(b, a):
        why = "of two variables at most one is the other's cause"
        what = f"{arrow} is drawn, and {b} -> {a} is required"
        yield Contradiction(what, why, fix, arrow, (("require", b, a),))


def _said(a: str, b: str) -> Said:
    return "forbid", a, b


def _ruled_out(a: str, b: str, knowledge: Knowledge) -> tuple[Said, ...]:
    """Return what rules a -> b out by itself, if something does."""
    if knowledge.forbids(a, b):
        return (_said(a, b),)
    if knowledge.leads_back(a, b):
        return ("tier", a), ("tier", b)
    return (("require", b, a),) if knowledge.requires(b, a) else ()


def _allows(graph: MixedGraph, edge: Edge, tail: str) -> bool:
    """Whether an edge is an arrow out of one of its ends, or stands for it among others."""
    here, there = edge.marks if edge.left == tail else edge.marks[::-1]
    if edge.mark == "--":
        return graph.kind not in ANCESTRAL
    return here != Mark.ARROW and there != Mark.TAIL


@dataclass(frozen=True)
class Informed:
    """A graph with all edges settled that knowledge settles, and what contradicts the claim of its kind."""

    graph: MixedGraph
    problems: tuple[Contradiction, ...] = ()


def informed(graph: MixedGraph, knowledge: Knowledge) -> Informed:
    """Return a cpdag or mpdag with what knowledge settles drawn in: an mpdag, closed under Meek's rules.

    The graph may be drawn before or after its knowledge was added, or with part of it. What a cpdag's arrows claim is
    then that they are those of the class, or follow from the knowledge; one that does neither is a contradiction. A
    cpdag that knowledge adds nothing to stays one. Graphs of other kinds are returned as they are.

    >>> chain = MixedGraph.build([("A", "--", "B"), ("B", "--", "C")], kind="cpdag")
    >>> [str(e) for e in informed(chain, Knowledge.of(tiers=["A", "B"])).graph.edges]
    ['A -> B', 'B -> C']

    Source: C. Meek, "Causal inference and causal explanation with background knowledge" (UAI 1995), arXiv:1302.4972.
    """
    known = list(_bearing(graph, knowledge)) if graph.kind in SETTLED else []
    if not known:
        return Informed(graph)
    try:
        meek_closure(graph)
    except ModelError:
        # The graph breaks its claim whatever is known: that is for `breaches` to tell.
        return Informed(graph)
    arrows = [arrow for arrow, _ in known]
    try:
        whole = meek_closure(graph, required=arrows)
    except ModelError as error:
        return Informed(graph, (_blamed(graph, known, error),))
    one = consistent_extension(whole)
    if graph.kind == "mpdag" or one is None:
        return Informed(whole)
    plain = cpdag(one)
    settled = {frozenset((e.left, e.right)): e for e in meek_closure(plain, required=arrows).edges}
    problems = tuple(
        Contradiction(
            f"{edge} can't stand in this cpdag",
            f"it must be {settled[frozenset((edge.left, edge.right))]}: neither its class nor the knowledge settles it",
            "draw it undirected, require it, or claim less: mpdag in the header",
            edge,
            code="E102",
        )
        for edge in whole.edges
        if settled[frozenset((edge.left, edge.right))].mark != edge.mark
    )
    return Informed(graph if set(plain.edges) == set(whole.edges) == set(graph.edges) else whole, problems)


def _bearing(graph: MixedGraph, knowledge: Knowledge) -> Iterator[tuple[tuple[str, str], tuple[Said, ...]]]:
    """Yield the arrows that knowledge makes of the graph's edges, each with what was said."""
    for edge in graph.edges:
        for a, b in ((edge.left, edge.right), (edge.right, edge.left)):
            said = (("require", a, b),) if knowledge.requires(a, b) else _ruled_out(b, a, knowledge)
            if said:
                yield (a, b), said


def _blamed(
    graph: MixedGraph, known: list[tuple[tuple[str, str], tuple[Said, ...]]], error: ModelError
) -> Contradiction:
    """Say which piece of knowledge first makes the closure fail: half of what is left is tried at a time."""
    low, high = 0, len(known)  # up to `low` all is well, up to `high` it isn't
    while high - low > 1:
        middle = (low + high) // 2
        try:
            meek_closure(graph, required=[arrow for arrow, _ in known[:middle]])
            low = middle
        except ModelError as earlier:
            error, high = earlier, middle
    (a, b), said = known[high - 1]
    edge = next(e for e in graph.edges if {e.left, e.right} == {a, b})
    found = error.diagnostics[0]
    reason = f"{found.what}: {found.why}" if found.why else found.what
    what = f"it is known that {edge} is {a} -> {b}, which contradicts the graph"
    return Contradiction(what, reason, "mend the edges, or drop what is known", edge, said)
