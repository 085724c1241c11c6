"""The independencies that a graph implies, as a basis from which all others follow.

Three bases, for what is observed: latent nodes are projected out first. Each statement can be held against data; where
one fails, the graph is refuted. A graph that implies none can't be refuted so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Any, Literal

from causalgraph.answers import Answer, Document, Word, line
from causalgraph.criteria.nearest_separator import (
    Inseparable,
    Separator,
    all_minimal_separators,
    nearest_separator,
)
from causalgraph.errors import ModelError, did_you_mean
from causalgraph.graphs.kinds import require_unselected
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.relations import ancestors, descendants, parents, topological_order
from causalgraph.graphs.surgery import project
from causalgraph.names import natural

__all__ = ["BASES", "Basis", "Implications", "Statement", "implications", "implied_independencies"]

Basis = Literal["missing_edge", "pairwise", "local_markov"]

# Statements that an answer lists unless told otherwise.
LIMIT = 1000


@dataclass(frozen=True)
class Statement:
    """X and Y are independent given Z, each a set of names."""

    x: tuple[str, ...]
    y: tuple[str, ...]
    given: tuple[str, ...]

    @property
    def text(self) -> str:
        """The statement as papers write it.

        >>> Statement(("A",), ("B",), ("C", "D")).text
        'A ⟂ B | C, D'
        """
        given = f" | {', '.join(self.given)}" if self.given else ""
        return f"{', '.join(self.x)} ⟂ {', '.join(self.y)}{given}"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"x": list(self.x), "y": list(self.y), "given": list(self.given), "text": self.text}


@dataclass(frozen=True)
class Implications(Answer):
    """The statements of a basis; `none` says why there is none, `complete` whether these are all."""

    basis: str
    statements: tuple[Statement, ...]
    complete: bool
    none: str | None = None

    @property
    def exit_code(self) -> int:
        """0 where the graph implies an independence, else 1."""
        return 0 if self.statements else 1

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "kind": "implications",
            "basis": self.basis,
            "statements": [s.to_dict() for s in self.statements],
            "complete": self.complete,
            "none": self.none,
        }

    def document(self) -> Document:
        """List the statements, or say why there is none and what that means."""
        if not self.statements:
            said = f"the graph implies no independence of observed variables: {self.none}"
            means = "no test of an independence can refute it, whatever the data are"
            return Document((line(Word("✘ ", "bad"), said), line(means, depth=1)))
        few = "the first " * (not self.complete)
        many = f"{few}{len(self.statements):,} independenc{'ies' if len(self.statements) > 1 else 'y'}"
        rows = [line(Word("✔ ", "good"), f"{many} that this graph implies; data that break one refute it")]
        return Document((*rows, *(line(s.text, depth=1) for s in self.statements)))


def implications(graph: MixedGraph, basis: str = "missing_edge", limit: int | None = None) -> Iterator[Statement]:
    """Yield the independencies that make up a basis, lazily.

    Args:
        graph: a dag or an admg, latent nodes allowed.
        basis: ``missing_edge`` gives for each pair of observed nodes all minimal separators. ``pairwise`` gives one for
            each pair, the one nearest to the node that comes later in the topological order. ``local_markov`` gives in
            a DAG each node against its non-descendants given its parents; with two-headed edges each node, in each
            largest set of earlier nodes that holds its members' causes and gives it that district, against the rest of
            the set given its Markov blanket there.
        limit: how many to yield at most.

    The statements of ``local_markov`` give all others by rules that hold in every distribution (the semi-graphoid
    axioms). In a DAG those of ``pairwise`` do so with composition in addition, which holds in Gaussian models.

    Raises:
        ModelError: the basis isn't one of these (E214), or the kind isn't supported (E108).

    Source: T. Richardson, "Markov properties for acyclic directed mixed graphs", Scand. J. Stat. 30 (2003) 145-157,
    section 3.1 (the ordered local Markov property) and theorem 2, doi:10.1111/1467-9469.00323; J. Pearl, Causality
    (2009), theorem 1.2.7, for DAGs.

    >>> chain = MixedGraph.build([("A", "->", "B"), ("B", "->", "C"), ("C", "->", "D")])
    >>> [s.text for s in implications(chain)]
    ['A ⟂ C | B', 'A ⟂ D | B', 'A ⟂ D | C', 'B ⟂ D | C']
    >>> [s.text for s in implications(chain, "local_markov")]
    ['C ⟂ A | B', 'D ⟂ A, B | C']
    """
    require_unselected(graph, "implications")
    if basis not in BASES:
        raise ModelError.because("E214", f"{basis!r} isn't a basis", fix=did_you_mean(basis, BASES))
    return islice(BASES[basis](project(graph)), limit)


def implied_independencies(graph: MixedGraph, *, basis: str = "missing_edge", limit: int = LIMIT) -> Implications:
    """List the independencies of a basis, ``limit`` at most, or say why the graph implies none.

    >>> print(implied_independencies(MixedGraph.build([("A", "->", "B")])))
    ✘ the graph implies no independence of observed variables: every two of them are joined by an edge
      no test of an independence can refute it, whatever the data are

    Raises:
        ModelError: as for `implications`.
    """
    found = list(implications(graph, basis, limit + 1))
    none = None if found else _why_none(graph)
    return Implications(basis, tuple(found[:limit]), len(found) <= limit, none)


def _why_none(graph: MixedGraph) -> str:
    if len(graph.observed) < 2:
        return "fewer than two are observed"
    for a, b in _apart(graph):
        found = nearest_separator(graph, a, b)
        if isinstance(found, Inseparable):
            return f"every two of them stay dependent, for one {found.reason}"
    return "every two of them are joined by an edge"


def _apart(graph: MixedGraph) -> Iterator[tuple[str, str]]:
    """Yield the pairs of observed nodes that no edge joins, in natural order."""
    pairs = combinations(graph.sorted(graph.observed), 2)
    return ((a, b) for a, b in pairs if b not in graph.adjacent[a])


def _missing_edge(graph: MixedGraph) -> Iterator[Statement]:
    """Yield each pair with each minimal separator; the first few come in order of size."""
    for a, b in _apart(graph):
        for given in all_minimal_separators(graph, a, b):
            yield Statement((a,), (b,), graph.sorted(given))


def _pairwise(graph: MixedGraph) -> Iterator[Statement]:
    """Yield each pair once, with the separator nearest to the later node: in a DAG, some of its parents."""
    place = {n: i for i, n in enumerate(topological_order(graph))}
    for a, b in _apart(graph):
        earlier, later = sorted((a, b), key=place.__getitem__)
        found = nearest_separator(graph, later, earlier)
        if isinstance(found, Separator):
            yield Statement((a,), (b,), found.nodes)


def _local_markov(graph: MixedGraph) -> Iterator[Statement]:
    """Yield each node against the rest, given what shields it."""
    if not any(e.mark == "<->" for e in graph.edges):
        for node in graph.sorted(graph.nodes):
            causes = parents(graph, node)
            rest = frozenset(graph.nodes) - descendants(graph, node) - causes
            if rest:
                yield Statement((node,), graph.sorted(rest), graph.sorted(causes))
        return
    order = topological_order(graph)
    for place, node in enumerate(order):
        yield from _within(graph, node, frozenset(order[: place + 1]))


def _within(graph: MixedGraph, node: str, earlier: frozenset[str]) -> Iterator[Statement]:
    """Yield a statement for each district that the node can have in an ancestral set of earlier nodes.

    From the largest set on, a member of the district that doesn't cause the node is taken out with all that it causes.
    Every ancestral set is a part of the one it gets to that way, so no district is missed; each comes with the largest
    set that has it.
    """
    above = ancestors(graph, node)
    seen: set[frozenset[str]] = set()
    waiting = [earlier]
    for inside in waiting:
        district = _district(graph, node, inside)
        if district in seen:
            continue
        seen.add(district)
        partners = frozenset(n for member in district for n in _beside(graph, member)) - district
        largest = earlier - descendants(graph, partners)
        blanket = (district | parents(graph, district)) - {node}
        rest = largest - blanket - {node}
        if rest:
            yield Statement((node,), graph.sorted(rest), graph.sorted(blanket))
        waiting += [largest - descendants(graph, member) for member in sorted(district - above, key=natural)]


def _district(graph: MixedGraph, node: str, inside: frozenset[str]) -> frozenset[str]:
    """Return the nodes that two-headed edges between nodes of a set join to one of them."""
    members = [node]
    for member in members:
        members += [n for n in _beside(graph, member) if n in inside and n not in members]
    return frozenset(members)


def _beside(graph: MixedGraph, node: str) -> list[str]:
    return [e.right if e.left == node else e.left for e in graph.edges if e.mark == "<->" and node in (e.left, e.right)]


BASES: dict[str, Callable[[MixedGraph], Iterator[Statement]]] = {
    "missing_edge": _missing_edge,
    "pairwise": _pairwise,
    "local_markov": _local_markov,
}
