"""Does the graph keep to the kind it claims? Each breach names the edges that break it, and why.

All kinds but pdag are checked: that one claims nothing. Of a pag only what no MAG could have is a breach. Tests on
finite data may leave one (`doubts`), which is told where the graph is read, and refused where it is asked. Marks that
its class doesn't settle as they are drawn (`unsettled`) are those of a graph to which knowledge was added, or which
discovery left unfinished, and are told without refusing the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import lru_cache

from causalgraph.errors import Diagnostic, Label, ModelError, Span
from causalgraph.graphs.ancestral import breaches_of_mag
from causalgraph.graphs.equivalence import breaches_of_class
from causalgraph.graphs.knowledge import Knowledge
from causalgraph.graphs.mags import impossible_marks, unsettled_marks
from causalgraph.graphs.mixed import KINDS, MARKS, Edge, MixedGraph
from causalgraph.graphs.relations import topological_order

__all__ = [
    "ALLOWED",
    "CLASSES",
    "DIRECTED",
    "Breach",
    "breaches",
    "cycle",
    "doubts",
    "is_legal",
    "require_directed",
    "require_kind",
    "require_unselected",
    "require_whole",
    "unsettled",
]

# Kind -> the edges it may have.
ALLOWED = {
    "dag": ("->",),
    "admg": ("->", "<->"),
    "cpdag": ("->", "--"),
    "mpdag": ("->", "--"),
    "mag": ("->", "<->", "--"),
    "pag": tuple(m for m in MARKS if not m.startswith("<") or m == "<->"),
}
# Kinds that are one graph of causes, and those that stand for a class of graphs.
DIRECTED = ("dag", "admg")
CLASSES = ("cpdag", "mpdag", "pdag", "pag")
# Kind -> what its edges claim beyond their marks.
CLAIMS: dict[str, Callable[[MixedGraph], Iterator[tuple[tuple[Edge, ...], str]]]] = {
    "cpdag": breaches_of_class,
    "mpdag": breaches_of_class,
    "mag": breaches_of_mag,
    "pag": impossible_marks,
}


@dataclass(frozen=True)
class Breach:
    """A claim that the edges break; the last edge is the one to blame."""

    code: str
    what: str
    edges: tuple[Edge, ...]
    why: str
    fix: str

    @property
    def diagnostic(self) -> Diagnostic:
        """The breach without a place in a text."""
        around = f": {self.around}" if self.code == "E103" else ""
        return Diagnostic(self.code, self.what + around, (), self.why, self.fix)

    def told(self, spans: Mapping[Edge, Span], tails: Mapping[Edge, Span] | None = None) -> Diagnostic:
        """The breach at the edges that make it, as far as their places in a text are known.

        `tails` are the places of the nodes at which edges start.
        """
        *others, last = (e.canonical for e in self.edges)
        if last not in spans:
            return self.diagnostic
        cyclic = self.code == "E103"
        labels = [Label(spans[last], f"closes {self.around}" if cyclic else "")]
        for number, edge in enumerate(others):
            first = cyclic and not number
            span = (tails or {}).get(edge) if first else spans.get(edge)
            if span or edge in spans:
                labels.append(Label(span or spans[edge], "starts here" if first else "", primary=False))
        return Diagnostic(self.code, self.what, tuple(labels), self.why, self.fix)

    @property
    def around(self) -> str:
        """The way that the edges go."""
        return " -> ".join([self.edges[0].left, *(e.right for e in self.edges)])


def breaches(graph: MixedGraph, *, alone: AbstractSet[Edge] | None = None) -> Iterator[Breach]:
    """Yield each edge that the claimed kind doesn't allow, pairs of opposed arrows, cycles, and what breaks a claim.

    Two opposed arrows that each stand alone contradict one another (E104). Where one of them is part of a longer
    statement, nobody wrote the pair down as a pair, and it is told as the cycle that it is (E103). `alone` are the
    edges that stand alone in a text; without it, all do. Beyond the pairs, each strongly connected part is told once,
    by a shortest cycle through the arrow that was written last.
    """
    allowed = ALLOWED.get(graph.kind)
    if allowed is None:
        return
    strange = [e for e in graph.edges if e.mark not in allowed]
    yield from (
        Breach(
            "E102",
            f"{edge} can't stand in a graph of kind {graph.kind}",
            (edge,),
            f"the edges of a graph of kind {graph.kind} are {' and '.join(allowed)}",
            "change the mark, or the kind in the header (a graph with circles is a pag, with -- a cpdag or pdag)",
        )
        for edge in strange
    )
    if len(topological_order(graph)) < len(graph.nodes):
        yield from _loops(graph, alone)
    elif not strange and graph.kind in CLAIMS:
        for edges, why in CLAIMS[graph.kind](graph):
            yield Breach(
                "E102",
                f"{edges[-1]} can't stand in this {graph.kind}",
                edges,
                why,
                f"mend the edge, {UNCLAIMED[graph.kind]}",
            )


@lru_cache(maxsize=64)
def doubts(graph: MixedGraph) -> tuple[Breach, ...]:
    """Return the breaches of a pag that has one edge a pair at most: its marks contradict one another.

    Tests on finite data may lead to such a graph, so it can be read, drawn and written. It stands for no class, so that
    nothing follows from it.

    >>> graph = MixedGraph.build([("A", "->", "B"), ("B", "->", "C"), ("A", "<->", "C")], kind="pag")
    >>> [b.why for b in doubts(graph)]
    ['no MAG has these marks: A is an ancestor of C, so that A <-> C has no arrowhead at A']
    """
    if graph.kind != "pag" or len({frozenset((e.left, e.right)) for e in graph.edges}) < len(graph.edges):
        return ()
    return tuple(breaches(graph))


# What may mend a pag that was found in data.
HELP = "more data, another alpha or test, or knowledge (tiers, required and forbidden arrows) may settle it"
UNCLAIMED = {
    "cpdag": "or claim less: pdag in the header, or mpdag for a cpdag with knowledge",
    "mpdag": "or claim less: pdag in the header, which is read as it stands",
    "mag": "or claim less: pdag in the header, or admg for a graph of causes",
    "pag": f"or claim less: pdag in the header, where no edge has a circle; where data set it, {HELP}",
}


def unsettled(
    graph: MixedGraph, spans: Mapping[Edge, Span], knowledge: Knowledge | None = None
) -> Iterator[Diagnostic]:
    """Yield what is doubtful about the marks of a pag.

    A warning (W107) tells of marks that no MAG has; where a MAG has all marks, one for each edge (W106) of those that
    the MAGs of the class don't all have, but for marks that knowledge accounts for.
    """
    for doubt in doubts(graph):
        breach = doubt.told(spans)
        why = f"{doubt.why}; the graph can be drawn and written, but nothing follows from it"
        yield replace(breach, code="W107", why=why, fix=f"mend an edge; where data set it, {HELP}", severity="warning")
    if graph.kind == "pag" and not doubts(graph):
        told: dict[Edge, list[str]] = {}
        for (*_, edge), why in unsettled_marks(graph, knowledge):
            told.setdefault(edge, []).append(why)
        for edge, reasons in told.items():
            yield Diagnostic(
                "W106",
                f"{edge} isn't as the rules of orientation leave it",
                (Label(spans[edge]),) if edge in spans else (),
                "; ".join(reasons),
                "keep it if it is knowledge; answers take the graph as it is drawn",
                severity="warning",
            )


def _loops(graph: MixedGraph, alone: AbstractSet[Edge] | None) -> Iterator[Breach]:
    arrows = [e for e in graph.edges if e.mark == "->"]
    earlier: dict[tuple[str, str], Edge] = {}
    for edge in arrows:
        first = earlier.get((edge.right, edge.left))
        if first is not None and (alone is None or {first, edge} <= alone):
            yield _contradiction(first, edge)
        else:
            earlier[edge.left, edge.right] = edge
    for loop in _cycles(list(earlier.values())):
        blamed = loop[-1].left
        yield Breach(
            "E103",
            "these arrows form a cycle",
            loop,
            "an effect is undefined where a variable causes itself",
            f"drop one arrow, or split the variable by time ({blamed}_0, {blamed}_1)",
        )


def _contradiction(first: Edge, second: Edge) -> Breach:
    return Breach(
        "E104",
        f"{first} and {second} contradict each other",
        (first, second),
        "of two variables at most one is the other's cause",
        f"keep one arrow; a common cause of both is written `{first.left} <-> {first.right}`",
    )


def _cycles(arrows: list[Edge]) -> Iterator[tuple[Edge, ...]]:
    """Yield a shortest cycle through the last arrow of each strongly connected part, in order, ended by that arrow."""
    import networkx as nx

    part: dict[str, int] = {}
    joined = nx.DiGraph([(e.left, e.right) for e in arrows])
    for number, nodes in enumerate(nx.strongly_connected_components(joined)):
        part |= dict.fromkeys(nodes, number)
    within = [e for e in arrows if part[e.left] == part[e.right]]
    below: dict[str, list[Edge]] = {}
    last: dict[int, Edge] = {}
    for edge in within:
        below.setdefault(edge.left, []).append(edge)
        last[part[edge.left]] = edge
    closing = set(last.values())
    yield from ((*_way(below, e.right, e.left), e) for e in within if e in closing)


def _way(below: dict[str, list[Edge]], start: str, end: str) -> tuple[Edge, ...]:
    """Return a shortest directed path, which exists within a strongly connected part."""
    came: dict[str, Edge] = {}
    queue = [start]
    for node in queue:
        if end in came:
            break
        for edge in below[node]:
            if edge.right != start and edge.right not in came:
                came[edge.right] = edge
                queue.append(edge.right)
    back: list[Edge] = []
    while end != start:
        back.append(came[end])
        end = came[end].left
    return tuple(reversed(back))


def cycle(graph: MixedGraph) -> tuple[Edge, ...]:
    """Return the arrows of a directed cycle, in order, or nothing where there is none.

    >>> [str(e) for e in cycle(MixedGraph.build([("A", "->", "B"), ("B", "->", "C"), ("C", "->", "A")]))]
    ['A -> B', 'B -> C', 'C -> A']
    """
    if len(topological_order(graph)) == len(graph.nodes):
        return ()
    return next(_cycles([e for e in graph.edges if e.mark == "->"]))


@lru_cache(maxsize=64)
def is_legal(graph: MixedGraph) -> bool:
    """Does a graph keep to the kind that it claims? Graphs never change, so each is looked at once."""
    return next(breaches(graph), None) is None


def require_kind(graph: MixedGraph, what: str, kinds: Collection[str] = KINDS) -> MixedGraph:
    """Return the graph if it is a legal one of one of the kinds.

    Raises:
        ModelError: it is of another kind (E108), or breaks its claim (E102, E103, E104).
    """
    if graph.kind not in kinds:
        *most, last = kinds
        raise ModelError.because(
            "E108",
            f"{what} isn't defined on a graph of kind {graph.kind}",
            fix=f"ask it of a graph of kind {', '.join(most)} or {last}" if most else f"ask it of a {last}",
        )
    if not is_legal(graph):
        raise ModelError(*(b.diagnostic for b in breaches(graph)))
    return graph


def require_directed(graph: MixedGraph, what: str) -> MixedGraph:
    """Return the graph if it is a legal dag or admg.

    Raises:
        ModelError: it is of another kind (E108), or breaks its claim (E102, E103, E104).
    """
    return require_kind(graph, what, DIRECTED)


def require_unselected(graph: MixedGraph, what: str) -> MixedGraph:
    """Return the graph if it is a legal dag or admg without selected nodes.

    Selection conditions on a node in all data there are; not every criterion can reckon with that.

    Raises:
        ModelError: a node is selected, or the kind isn't supported (E108), or the claim is broken.
    """
    require_directed(graph, what)
    require_whole(graph, what)
    return graph


def require_whole(graph: MixedGraph, what: str) -> None:
    """Make sure that no node is selected.

    Raises:
        ModelError: one is (E108).
    """
    if graph.selected:
        named = ", ".join(graph.sorted(graph.selected))
        raise ModelError.because("E108", f"{named} is selected: {what} isn't defined under selection here")
