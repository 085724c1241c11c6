"""A diagram in the making, while its text is read: names made legal, limits kept, losses noted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from causalgraph.errors import ModelError, SourceText, Span
from causalgraph.formats.attributes import described, edge_value
from causalgraph.formats.diagram import Diagram, inferred_kind
from causalgraph.formats.text import legal_name, listed
from causalgraph.graphs.mixed import KINDS, Edge, MixedGraph
from causalgraph.variables import Variable

__all__ = ["MAX_DEPTH", "MAX_EDGES", "MAX_NAME", "MAX_NODES", "Draft", "limit", "wrong"]

# How deep brackets may lie within one another in a format of others, and how large a graph may be read: a text of a few
# bytes can ask for any number of edges ({a b ...} -> {c d ...}), and nobody draws so many.
MAX_DEPTH = 50
MAX_NODES = 200_000
MAX_EDGES = 500_000
MAX_NAME = 1_000


def wrong(what: str, span: Span | None, fix: str | None = None, *, code: str = "E020") -> ModelError:
    """Return the error of a text that isn't in the format it should be in."""
    return ModelError.because(code, what, span=span, fix=fix)


def limit(count: int, most: int, things: str, span: Span) -> None:
    """Make sure that one more of something may be read."""
    if count >= most:
        raise wrong(f"this graph has more than {most:,} {things}", span, code="E023")


@dataclass
class Draft:
    """Collects what a text says; `diagram` binds it together.

    A node goes by the name that the text knows it by, its key: what it is called in the diagram is `called`, and
    differs where our language can't write it or another node has that name.
    """

    source: SourceText
    variables: dict[str, Variable] = field(default_factory=dict)
    edges: dict[Edge, Span] = field(default_factory=dict)
    edge_attributes: dict[Edge, dict[str, str | float]] = field(default_factory=dict)
    called: dict[str, str] = field(default_factory=dict)
    losses: dict[str, None] = field(default_factory=dict)
    ignored: dict[str, dict[str, None]] = field(default_factory=dict)
    connections: int = 0
    last: dict[str, int] = field(default_factory=dict)

    def span(self, start: int, end: int) -> Span:
        """Return a place in the text."""
        return Span(self.source, start, end)

    def node(self, key: str, span: Span, name: str | None = None) -> str:
        """Return what the node of this key is called in the diagram, after adding it where it is new."""
        if key in self.called:
            return self.called[key]
        limit(len(self.called), MAX_NODES, "nodes", span)
        wanted = key if name is None else name
        if len(wanted) > MAX_NAME:
            raise wrong(f"a name has at most {MAX_NAME:,} characters; this one has {len(wanted):,}", span)
        legal = self._free(legal_name(wanted))
        if legal != wanted:
            self.ignore("names", f"{wanted!r} is called {legal!r}")
        self.called[key] = legal
        self.variables[legal] = Variable(legal, span=span)
        return legal

    def _free(self, name: str) -> str:
        """Return the name, or one with a number where another node has it."""
        free = name
        while free in self.variables:
            self.last[name] = self.last.get(name, 1) + 1
            free = f"{name}_{self.last[name]}"
        return free

    def describe(self, name: str, attributes: Mapping[str, str]) -> None:
        """Add what attributes say of a variable; those that say nothing that a variable has are noted as lost."""
        for key, value in attributes.items():
            known = described(self.variables[name], key, value)
            if known is None:
                self.ignore("attributes of variables", key)
            else:
                self.variables[name] = known

    def flag(self, name: str, role: str) -> None:
        """Give a variable a role."""
        said: dict[str, Any] = {role: True}
        self.variables[name] = replace(self.variables[name], **said)

    def connect(
        self, left: str, mark: str, right: str, span: Span, attributes: Mapping[str, str] | None = None
    ) -> None:
        """Add an edge between two names of the diagram, and what its attributes say."""
        limit(self.connections, MAX_EDGES, "edges", span)
        self.connections += 1
        if left == right:
            raise ModelError.because(
                "E105",
                f"{left} {mark} {right} joins a variable to itself",
                why="a variable isn't its own cause",
                fix=f"drop the edge, or split the variable by time ({left}_0 -> {left}_1)",
                span=span,
            )
        edge = Edge(left, mark, right).canonical
        self.edges.setdefault(edge, span)
        for key, text in (attributes or {}).items():
            value = edge_value(key, text)
            if value is None:
                self.ignore("attributes of edges", key)
            else:
                self.edge_attributes.setdefault(edge, {})[key] = value

    def lose(self, what: str) -> None:
        """Note something that the diagram has no place for."""
        self.losses.setdefault(what)

    def ignore(self, kind: str, what: str) -> None:
        """Note one of many things of a kind that are lost, such as attributes of edges."""
        self.ignored.setdefault(kind, {}).setdefault(what)

    def diagram(self, kind: str | None, title: str | None = None) -> Diagram:
        """Return the diagram; without a kind that we know, its edges suggest one."""
        if not self.variables:
            raise wrong("this graph has no nodes", None, code="E100")
        known = kind if kind in KINDS else inferred_kind(e.mark for e in self.edges)
        graph = MixedGraph.build(
            self.edges,
            self.variables,
            kind=known,
            latent=_named(self.variables.values(), "latent"),
            selected=_named(self.variables.values(), "selected"),
        )
        losses = [*self.losses, *(f"{what}: {listed(items)}" for what, items in self.ignored.items())]
        return Diagram(graph, self.variables, title or None, self.edge_attributes, tuple(losses), self.edges)


def _named(variables: Iterable[Variable], role: str) -> list[str]:
    return [v.name for v in variables if getattr(v, role)]
