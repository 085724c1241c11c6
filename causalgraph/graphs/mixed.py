"""The one graph: nodes, and edges with a mark at each end.

DAG, ADMG, CPDAG, MPDAG, MAG and PAG are kinds, a claim that the graph carries and that `causalgraph.graphs.kinds`
checks; latent and selected are roles of nodes. A graph never changes: surgery returns a new one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from causalgraph.errors import ModelError, did_you_mean
from causalgraph.names import natural

if TYPE_CHECKING:
    import networkx as nx

    from causalgraph.graphs.reach import Index

__all__ = ["KINDS", "MARKS", "UNDIRECTED", "Edge", "Mark", "MixedGraph"]

KINDS = ("dag", "admg", "cpdag", "mpdag", "pdag", "mag", "pag")
# Kinds whose undirected edge is an arrow of unknown direction.
UNDIRECTED = ("cpdag", "mpdag", "pdag")


class Mark(IntEnum):
    """What an edge looks like at one of its ends."""

    TAIL = 0
    ARROW = 1
    CIRCLE = 2


# An edge as it is written -> the marks at its left and its right end.
MARKS: dict[str, tuple[Mark, Mark]] = {
    "->": (Mark.TAIL, Mark.ARROW),
    "<-": (Mark.ARROW, Mark.TAIL),
    "<->": (Mark.ARROW, Mark.ARROW),
    "--": (Mark.TAIL, Mark.TAIL),
    "o->": (Mark.CIRCLE, Mark.ARROW),
    "<-o": (Mark.ARROW, Mark.CIRCLE),
    "o-o": (Mark.CIRCLE, Mark.CIRCLE),
    "o--": (Mark.CIRCLE, Mark.TAIL),
    "--o": (Mark.TAIL, Mark.CIRCLE),
}
WRITTEN = {marks: text for text, marks in MARKS.items()}


class Edge(NamedTuple):
    """An edge as it is written: ``left``, the mark's text, ``right``.

    Of two ways to write one edge the canonical one points right (``A -> B``, never ``B <- A``) or, where both ends
    look alike, starts with the name that sorts first.
    """

    left: str
    mark: str
    right: str

    @property
    def marks(self) -> tuple[Mark, Mark]:
        """The marks at the left and the right end."""
        return MARKS[self.mark]

    @property
    def canonical(self) -> Edge:
        """The same edge, written the canonical way."""
        at_left, at_right = self.marks
        if at_left == at_right:
            turn = natural(self.right) < natural(self.left)
        else:
            turn = self.mark in ("<-", "<-o", "--o")
        return self.turned if turn else self

    @property
    def turned(self) -> Edge:
        """The same edge, read from its other end."""
        at_left, at_right = self.marks
        return Edge(self.right, WRITTEN[at_right, at_left], self.left)

    def __str__(self) -> str:
        """Write the edge."""
        return f"{self.left} {self.mark} {self.right}"


@dataclass(frozen=True)
class MixedGraph:
    """A graph whose edges carry a mark (tail, arrow, circle) at each end.

    `nodes` keep the order they were first named in; `edges` are canonical, without repeats. Two edges may join one
    pair: ``A -> B`` with ``A <-> B`` is a bow. Graphs are equal when kind, nodes, edges and roles are, in any order.

    >>> graph = MixedGraph.build([("Z", "->", "X"), ("X", "->", "Y"), ("X", "<->", "Y")])
    >>> graph.kind, graph.nodes, [str(e) for e in graph.edges]
    ('admg', ('Z', 'X', 'Y'), ['Z -> X', 'X -> Y', 'X <-> Y'])
    """

    kind: str
    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]
    latent: frozenset[str] = frozenset()
    selected: frozenset[str] = frozenset()

    @classmethod
    def build(
        cls,
        edges: Iterable[tuple[str, str, str]],
        nodes: Iterable[str] = (),
        *,
        kind: str | None = None,
        latent: Iterable[str] = (),
        selected: Iterable[str] = (),
    ) -> Self:
        """Make a graph from edges as they are written; `kind` is dag, or admg where a ``<->`` stands, unless said.

        Raises:
            ModelError: an edge joins a node to itself (E105), or a role names a node that isn't there (E201).
        """
        order: dict[str, None] = dict.fromkeys(nodes)
        canonical: dict[Edge, None] = {}
        for left, mark, right in edges:
            if left == right:
                raise ModelError.because(
                    "E105",
                    f"{left} {mark} {right} joins a variable to itself",
                    why="a variable isn't its own cause",
                    fix=f"drop the edge, or split the variable by time ({left}_0 -> {left}_1)",
                )
            order.setdefault(left)
            order.setdefault(right)
            canonical.setdefault(Edge(left, mark, right).canonical)
        latent, selected = frozenset(latent), frozenset(selected)
        for name in sorted((latent | selected) - order.keys()):
            raise _unknown(name, order)
        if kind is None:
            kind = "admg" if any(e.mark == "<->" for e in canonical) else "dag"
        return cls(kind, tuple(order), tuple(canonical), latent, selected)

    def __eq__(self, other: object) -> bool:
        """Compare kind, nodes, edges and roles; their order doesn't count."""
        return isinstance(other, MixedGraph) and self._identity == other._identity

    def __hash__(self) -> int:
        """Hash what is compared."""
        return hash(self._identity)

    @cached_property
    def _identity(self) -> tuple[object, ...]:
        return self.kind, frozenset(self.nodes), frozenset(self.edges), self.latent, self.selected

    @cached_property
    def index(self) -> Index:
        """The graph compiled to integers, once; every traversal runs on it."""
        from causalgraph.graphs.reach import Index

        return Index.of(self)

    @cached_property
    def observed(self) -> frozenset[str]:
        """The nodes that aren't latent."""
        return frozenset(self.nodes) - self.latent

    @cached_property
    def adjacent(self) -> dict[str, frozenset[str]]:
        """Each node's neighbours by any edge."""
        near: dict[str, set[str]] = {n: set() for n in self.nodes}
        for edge in self.edges:
            near[edge.left].add(edge.right)
            near[edge.right].add(edge.left)
        return {n: frozenset(others) for n, others in near.items()}

    def require(self, names: Iterable[str]) -> frozenset[str]:
        """Return the names as a set, after making sure that the graph has each.

        Raises:
            ModelError: a name isn't a node (E201); the nearest node is offered.
        """
        wanted = frozenset((names,) if isinstance(names, str) else names)
        if not all(map(self.index.number.__contains__, wanted)):
            raise _unknown(min(n for n in wanted if n not in self.index.number), self.nodes)
        return wanted

    def sorted(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return names in natural order, the order of every answer."""
        return tuple(sorted(names, key=natural))

    def with_edges(self, edges: Iterable[Edge], *, kind: str | None = None) -> MixedGraph:
        """Return the same nodes and roles with other edges."""
        return MixedGraph(kind or self.kind, self.nodes, tuple(edges), self.latent, self.selected)

    @classmethod
    def from_networkx(cls, graph: nx.Graph[Any], **roles: Iterable[str]) -> Self:
        """Make a graph from a networkx one: arrows of a `DiGraph`, marks of what `to_networkx` returned.

        A node counts as latent (selected) where it carries a true attribute ``latent`` (``selected``). Names that
        aren't text become text; two nodes whose text is the same are an error.

        >>> import networkx as nx
        >>> MixedGraph.from_networkx(nx.DiGraph([(1, 2)])).edges
        (Edge(left='1', mark='->', right='2'),)
        """
        nodes = [str(n) for n in graph.nodes]
        if len(set(nodes)) < len(nodes):
            twice = next(n for i, n in enumerate(nodes) if n in nodes[:i])
            raise ModelError.because("E106", f"two nodes of the networkx graph are both written {twice}")
        default = "->" if graph.is_directed() else "--"
        edges = [(str(a), str(d.get("mark", default)), str(b)) for a, b, d in graph.edges(data=True)]
        for _, mark, _ in edges:
            if mark not in MARKS:
                raise ModelError.because("E107", f"{mark!r} isn't an edge", fix="use one of " + " ".join(MARKS))
        named = {role: [str(n) for n, on in graph.nodes(data=role) if on] for role in ("latent", "selected")}
        for role, names in roles.items():
            named[role] += names
        kind = graph.graph.get("kind") or (None if graph.is_directed() else "pdag")
        return cls.build(edges, nodes, kind=kind, latent=named["latent"], selected=named["selected"])

    def to_networkx(self) -> nx.MultiDiGraph[str]:
        """Return a networkx graph: one edge a pair of marks, under the attribute ``mark``; roles on the nodes.

        Without latent, selected and two-headed edges this is the plain DAG that networkx algorithms expect.
        """
        import networkx as nx

        out: nx.MultiDiGraph[str] = nx.MultiDiGraph(kind=self.kind)
        for node in self.nodes:
            roles = {"latent": node in self.latent, "selected": node in self.selected}
            out.add_node(node, **{role: True for role, on in roles.items() if on})
        out.add_edges_from((e.left, e.right, {"mark": e.mark}) for e in self.edges)
        return out

    def _repr_svg_(self) -> str:
        from causalgraph.render.svg import svg

        return svg(self)


def _unknown(name: str, known: Iterable[str]) -> ModelError:
    near = did_you_mean(name, known)
    return ModelError.because("E201", f"{name} isn't in the graph", fix=near and f"did you mean {near}?")
