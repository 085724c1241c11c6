"""Maximal ancestral graphs: the MAG behind a graph with latent and selected nodes, its claim, its visible edges.

Two nodes of a MAG are adjacent where no set of others separates them. A tail at a node says that it is an ancestor of
the other end or of a selected node, an arrowhead that it isn't.

Source: T. Richardson, P. Spirtes, "Ancestral graph Markov models", Annals of Statistics 30 (2002),
doi:10.1214/aos/1031689015.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from causalgraph.errors import ModelError
from causalgraph.graphs.mixed import WRITTEN, Edge, Mark, MixedGraph
from causalgraph.graphs.reach import reach, rule
from causalgraph.graphs.relations import downstream, topological_order

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "breaches_of_mag",
    "inducing_path",
    "is_mag",
    "is_visible",
    "mag",
    "require_mag",
    "visible_by",
    "visible_edges",
]

Claim = tuple[tuple[Edge, ...], str]

# The kinds in which nothing hides behind an arrow: a common cause is a node or a two-headed edge of its own.
ALL_VISIBLE = ("dag", "admg", "cpdag", "mpdag", "pdag")

START, BY_ARROW, BY_TAIL = 0, 1, 2
# What a node on an inducing path may be; the two add up.
NONCOLLIDER, COLLIDER = 1, 2


@rule(states=1, classes=1)
def anterior(_state: int, _here: int, here: Mark, there: Mark, _there: int) -> int | None:
    """Go up an arrow or along an undirected edge."""
    return 0 if there == Mark.TAIL and here != Mark.CIRCLE else None


@rule(states=3, classes=4)
def inducing(state: int, node: int, here: Mark, there: Mark, _there: int) -> int | None:
    """Leave the start anyhow, another node as a collider or a non-collider where its class allows that."""
    if state != START:
        collider = state == BY_ARROW and here == Mark.ARROW
        if not node & (COLLIDER if collider else NONCOLLIDER):
            return None
    return BY_ARROW if there == Mark.ARROW else BY_TAIL


# How a node looks from the end of an arrow whose visibility is asked.
OTHER, SHOWS, PARENT = 0, 1, 2
INNER, END = 0, 1


@rule(states=2, classes=3)
def collider_path_in(state: int, _here: int, here: Mark, there: Mark, node: int) -> int | None:
    """Leave by an arrowhead: to a node that isn't adjacent to the arrow's end, or by ``<->`` to one of its parents."""
    if state == END or here != Mark.ARROW:
        return None
    if node == SHOWS:
        return END
    return INNER if node == PARENT and there == Mark.ARROW else None


def mag(graph: MixedGraph) -> MixedGraph:
    """Return the MAG over the nodes that are neither latent nor selected.

    Nodes A and B are adjacent where an inducing path joins them: its inner nodes are latent unless they are colliders,
    and its colliders are ancestors of A, of B or of a selected node. The mark at A is a tail where A is an ancestor
    of B or of a selected node.

    Args:
        graph: a dag, an admg, or a mag, which is marginalised over its latent and conditioned on its selected nodes.

    Raises:
        ModelError: the graph is of another kind (E108), or breaks its claim (E102, E103).

    Source: T. Richardson, P. Spirtes, "Ancestral graph Markov models" (2002), section 4.2,
    doi:10.1214/aos/1031689015.

    >>> graph = MixedGraph.build([("U", "->", "X"), ("U", "->", "Y"), ("Y", "->", "S"), ("X", "->", "S")],
    ...                          latent=["U"], selected=["S"])
    >>> [str(e) for e in mag(graph).edges]
    ['X -- Y']
    """
    _require_acyclic(graph)
    if graph.kind == "mag" and not graph.latent and not graph.selected:
        return graph
    kept = tuple(n for n in graph.nodes if n in graph.observed - graph.selected)
    near: dict[str, list[str]] = {n: [] for n in kept}
    left = set(kept)
    for a in kept:
        left.discard(a)
        for b in graph.sorted(_within_reach(graph, a) & left):
            if b in graph.adjacent[a] or _inducing_walk(graph, a, b) is not None:
                near[a].append(b)
                near[b].append(a)
    at_end: dict[tuple[str, str], Mark] = {}
    number = graph.index.number
    for a in kept:
        over = _anterior(graph, {a} | graph.selected)
        for b in near[a]:
            at_end[a, b] = Mark.TAIL if over[number[b]] else Mark.ARROW
    # A pair comes twice, once from each end; canonical, it is one edge.
    edges = dict.fromkeys(Edge(a, WRITTEN[at_end[b, a], at_end[a, b]], b).canonical for a in kept for b in near[a])
    return MixedGraph("mag", kept, tuple(edges))


def inducing_path(graph: MixedGraph, a: str, b: str) -> tuple[Edge, ...] | None:
    """Return an inducing path between two nodes relative to the latents given the selected, or None: they can separate.

    Raises:
        ModelError: a node is unknown (E201), latent or selected (E203), both are one (E212), or the kind isn't
            supported (E108).

    Source: T. Richardson, P. Spirtes, "Ancestral graph Markov models" (2002), theorem 4.2,
    doi:10.1214/aos/1031689015.

    >>> graph = MixedGraph.build([("A", "->", "B"), ("B", "->", "C"), ("B", "<->", "C")])
    >>> [str(e) for e in inducing_path(graph, "A", "C") or ()]
    ['A -> B', 'B <-> C']
    """
    _require_acyclic(graph)
    ends = graph.require((a, b))
    if len(ends) == 1:
        raise ModelError.because("E212", f"a path leads from {a} to another node")
    for hidden in graph.sorted(ends & (graph.latent | graph.selected)):
        raise ModelError.because("E203", f"{hidden} is latent or selected: no MAG has it as a node")
    return _inducing_walk(graph, a, b)


def visible_by(graph: MixedGraph, edge: Edge) -> tuple[Edge, ...] | None:
    """Return the path that makes an arrow A -> B visible, or None: nothing in the graph does.

    The path leads from a node that isn't adjacent to B into A; its inner nodes are colliders and parents of B. Only
    marks that are there count, so in a PAG a circle shows nothing.

    Raises:
        ModelError: the graph is neither a mag nor a pag (E108), or hasn't the edge (E201).

    Source: J. Zhang, "Causal reasoning with ancestral graphs", JMLR 9 (2008), definition 8.

    >>> graph = MixedGraph.build([("C", "o->", "A"), ("A", "->", "B")], kind="pag")
    >>> [str(e) for e in visible_by(graph, Edge("A", "->", "B")) or ()]
    ['C o-> A']
    """
    if graph.kind not in ("mag", "pag"):
        raise ModelError.because(
            "E108", f"whether an arrow is visible is asked of a mag or a pag, not of a {graph.kind}"
        )
    return _shown_by(graph, _own(graph, edge))


def is_visible(graph: MixedGraph, edge: Edge) -> bool:
    """Is an edge an arrow behind which no latent common cause can hide?

    In a mag or a pag that takes a path (`visible_by`). In a dag, an admg and the kinds between them a common cause
    would be drawn, so that every arrow is visible.

    Raises:
        ModelError: the graph hasn't the edge (E201).

    Source: J. Zhang, "Causal reasoning with ancestral graphs", JMLR 9 (2008), definition 8; for the other kinds
    E. Perković et al., "Complete graphical characterization and construction of adjustment sets in Markov equivalence
    classes of ancestral graphs", JMLR 18 (2018), section 2.

    >>> graph = MixedGraph.build([("X", "->", "Y")], kind="mag")
    >>> is_visible(graph, Edge("X", "->", "Y"))
    False
    """
    if graph.kind in ALL_VISIBLE:
        return _own(graph, edge).mark == "->"
    return visible_by(graph, edge) is not None


def visible_edges(graph: MixedGraph) -> frozenset[Edge]:
    """Return the arrows that `is_visible` accepts, each looked at in time linear in nodes and edges."""
    arrows = frozenset(e for e in graph.edges if e.mark == "->")
    return arrows if graph.kind in ALL_VISIBLE else frozenset(e for e in arrows if _shown_by(graph, e) is not None)


def breaches_of_mag(graph: MixedGraph) -> Iterator[Claim]:
    """Yield what breaks the claim that a graph is a MAG: the edges, the one to blame last, and why.

    Whether it is maximal is looked at only where it is ancestral. All nodes count, latent and selected ones too.

    Source: T. Richardson, P. Spirtes, "Ancestral graph Markov models" (2002), sections 3.1 and 3.7,
    doi:10.1214/aos/1031689015.

    >>> graph = MixedGraph.build([("A", "->", "B"), ("B", "->", "C"), ("A", "<->", "C")], kind="mag")
    >>> [([str(e) for e in edges], why) for edges, why in breaches_of_mag(graph)]
    [(['A -> B', 'B -> C', 'A <-> C'], 'A is an ancestor of C, so that A <-> C has no arrowhead at A')]
    """
    ancestral = True
    for breach in _breaches_of_ancestry(graph):
        ancestral = False
        yield breach
    if not ancestral:
        return
    graph = MixedGraph(graph.kind, graph.nodes, graph.edges)
    left = set(graph.nodes)
    for a in graph.nodes:
        left.discard(a)
        for b in graph.sorted((_within_reach(graph, a) & left) - graph.adjacent[a]):
            path = _inducing_walk(graph, a, b)
            if path is not None:
                because = f"each inner node of the path is a collider and an ancestor of {a} or {b}"
                yield path, f"{a} and {b} aren't adjacent, yet no set separates them: {because}"


@lru_cache(maxsize=64)
def is_mag(graph: MixedGraph) -> bool:
    """Is a graph of kind mag what it claims? Graphs never change, so each is looked at once."""
    return graph.kind == "mag" and next(breaches_of_mag(graph), None) is None


def require_mag(graph: MixedGraph) -> MixedGraph:
    """Return the graph if it is a legal mag.

    Raises:
        ModelError: it is of another kind (E108), or breaks its claim (E102).
    """
    if graph.kind != "mag":
        raise ModelError.because("E108", f"this is asked of a mag, not of a {graph.kind}")
    if not is_mag(graph):
        edges, why = next(breaches_of_mag(graph))
        raise ModelError.because("E102", f"{edges[-1]} can't stand in this mag", why=why)
    return graph


def _breaches_of_ancestry(graph: MixedGraph) -> Iterator[Claim]:
    """Yield what keeps the graph from being ancestral."""
    first: dict[frozenset[str], Edge] = {}
    undirected: dict[str, Edge] = {}
    for edge in graph.edges:
        if Mark.CIRCLE in edge.marks:
            yield (edge,), f"a mag has no circles, and {edge} has"
        before = first.setdefault(frozenset((edge.left, edge.right)), edge)
        if before != edge:
            yield (before, edge), f"two edges join {edge.left} and {edge.right}, and in a mag one edge says all"
        if edge.mark == "--":
            undirected.setdefault(edge.left, edge)
            undirected.setdefault(edge.right, edge)
    for edge in graph.edges:
        for node, mark in zip((edge.left, edge.right), edge.marks, strict=True):
            if mark == Mark.ARROW and node in undirected:
                yield (
                    (undirected[node], edge),
                    f"an arrowhead stands at {node}, which {undirected[node]} makes an ancestor of selection",
                )
    yield from _cycles(graph, set(first.values()))


def _cycles(graph: MixedGraph, edges: set[Edge]) -> Iterator[Claim]:
    """Yield a directed cycle for each arrow that isn't on an earlier one, then the almost directed cycles."""
    told: set[Edge] = set()
    cyclic = len(topological_order(graph)) < len(graph.nodes)
    for edge in graph.edges if cyclic else ():
        if edge.mark == "->" and edge in edges - told:
            back = _directed(graph, edge.right, edge.left)
            if back and edges.issuperset(back):
                told.update(back)
                yield (*back, edge), f"{edge} closes a directed cycle"
    for edge in graph.edges:
        if edge.mark == "<->" and edge in edges:
            for a, b in ((edge.left, edge.right), (edge.right, edge.left)):
                down = _directed(graph, a, b)
                if down and edges.issuperset(down):
                    yield (*down, edge), f"{a} is an ancestor of {b}, so that {edge} has no arrowhead at {a}"


def _directed(graph: MixedGraph, a: str, b: str) -> tuple[Edge, ...] | None:
    return reach(graph.index, downstream, (a,), graph.index.classes(), (b,)).walk((b,))


def _anterior(graph: MixedGraph, names: frozenset[str] | set[str]) -> NDArray[np.bool_]:
    return reach(graph.index, anterior, names, graph.index.classes()).mask


def _within_reach(graph: MixedGraph, a: str) -> frozenset[str]:
    """Return all nodes that an inducing path from A could end in, if every collider were passed."""
    index = graph.index
    everywhere = index.classes((graph.nodes, COLLIDER), (graph.latent - graph.selected, COLLIDER + NONCOLLIDER))
    return reach(index, inducing, (a,), everywhere).names


def _inducing_walk(graph: MixedGraph, a: str, b: str) -> tuple[Edge, ...] | None:
    """Return an inducing path: a shortest walk, its loops cut out.

    Where a node V comes twice, what lies between goes. If V has now an arrowhead and a tail or two tails beside it, it
    had a tail at one of its places, so it is latent. If it has two arrowheads and was no collider before, a directed
    path led from V along the loop into a collider of it, so V is an ancestor as that one is.
    """
    index = graph.index
    classes = _anterior(graph, {a, b} | graph.selected) * COLLIDER
    latent = index.numbers(graph.latent - graph.selected)
    classes[latent] += NONCOLLIDER
    walk = reach(index, inducing, (a,), classes.astype("int8"), (b,)).walk((b,))
    if walk is None:
        return None
    path: list[Edge] = []
    nodes = [a]
    for edge in walk:
        path.append(edge)
        if edge.right in nodes:
            again = nodes.index(edge.right)
            del path[again:], nodes[again + 1 :]
        else:
            nodes.append(edge.right)
    return tuple(path)


def _shown_by(graph: MixedGraph, edge: Edge) -> tuple[Edge, ...] | None:
    a, mark, b = edge
    if mark != "->":
        return None
    index = graph.index
    shows = frozenset(graph.nodes) - graph.adjacent[b] - {b}
    parents = [e.left for e in graph.edges if e.mark == "->" and e.right == b]
    found = reach(index, collider_path_in, (a,), index.classes((shows, SHOWS), (parents, PARENT)), shows).walk(shows)
    return found and tuple(e.turned for e in reversed(found))


def _own(graph: MixedGraph, edge: Edge) -> Edge:
    canonical = Edge(*edge).canonical
    if canonical not in graph.edges:
        graph.require((edge[0], edge[2]))
        raise ModelError.because("E201", f"{canonical} isn't an edge of the graph")
    return canonical


def _require_acyclic(graph: MixedGraph) -> None:
    if graph.kind == "mag":
        require_mag(graph)
    elif graph.kind not in ("dag", "admg"):
        raise ModelError.because(
            "E108",
            f"a graph of kind {graph.kind} has no MAG of its own",
            why="a MAG is that of one dag, admg or mag; a class of graphs has many",
        )
    elif len(topological_order(graph)) < len(graph.nodes):
        raise ModelError.because("E103", "the arrows form a cycle, and a cyclic graph has no MAG")
