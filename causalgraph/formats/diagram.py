"""What a text in another format says: a graph, its variables, and what could not be carried over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from causalgraph.errors import Span
from causalgraph.graphs.knowledge import Knowledge
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.variables import Variable

__all__ = ["EDGE_ATTRIBUTES", "Diagram", "Written", "inferred_kind"]

# What an edge may say besides its marks: a coefficient, a p-value, words.
EDGE_ATTRIBUTES = ("beta", "p", "frequency", "label")


@dataclass(frozen=True)
class Diagram:
    """A graph, what is known of its variables and edges, and `losses`: what the format couldn't carry, in words.

    `variables` has every node; `edge_attributes` and `edge_spans` go by canonical edges. `knowledge` is what is known
    beside the graph: tiers, forbidden and required arrows. Diagrams are equal when all but losses and places are.
    """

    graph: MixedGraph
    variables: Mapping[str, Variable]
    title: str | None = None
    edge_attributes: Mapping[Edge, Mapping[str, str | float]] = field(default_factory=dict)
    losses: tuple[str, ...] = field(default=(), compare=False)
    edge_spans: Mapping[Edge, Span] = field(default_factory=dict, compare=False, repr=False)
    knowledge: Knowledge = field(default_factory=Knowledge)

    @classmethod
    def of(
        cls,
        graph: MixedGraph,
        variables: Mapping[str, Variable] | None = None,
        *,
        title: str | None = None,
        edge_attributes: Mapping[Edge, Mapping[str, str | float]] | None = None,
        knowledge: Knowledge | None = None,
    ) -> Self:
        """Return a diagram of a graph; variables that aren't given say nothing but their roles in the graph.

        >>> Diagram.of(MixedGraph.build([("U", "->", "Y")], latent=["U"])).variables["U"].latent
        True
        """
        given = variables or {}
        whole = {}
        for name in graph.nodes:
            known = given.get(name, Variable(name))
            latent, selected = name in graph.latent, name in graph.selected
            whole[name] = replace(known, name=name, latent=latent, selected=selected)
        said = {e.canonical: a for e, a in (edge_attributes or {}).items() if a}
        return cls(graph, whole, title, said, knowledge=knowledge or Knowledge())


@dataclass(frozen=True)
class Written:
    """A text in some format, and what of the diagram it couldn't carry."""

    text: str
    losses: tuple[str, ...] = ()


def inferred_kind(marks: Iterable[str]) -> str:
    """Return the kind of graph that edges alone suggest, for texts that don't claim one.

    >>> [inferred_kind(marks) for marks in (["->"], ["->", "<->"], ["->", "--"], ["o->", "--"])]
    ['dag', 'admg', 'pdag', 'pag']
    """
    used = set(marks)
    if any("o" in mark for mark in used):
        return "pag"
    if "--" in used:
        return "mag" if "<->" in used else "pdag"
    return "admg" if "<->" in used else "dag"
