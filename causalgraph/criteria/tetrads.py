"""Vanishing tetrads: constraints on covariances that a graph implies for linear models, whoever is latent.

They hold where no independence does: four indicators of one hidden cause are all dependent, yet their covariances obey
three such equations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

from causalgraph.answers import Answer, Document, Word, line
from causalgraph.graphs.kinds import require_unselected
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.relations import topological_order

__all__ = ["Tetrad", "Tetrads", "vanishing_tetrads"]

# The two halves of a trek: against the arrows from the left pair, and along them to the right pair.
UP, DOWN = 0, 1
Vertex = tuple[int, str]


@dataclass(frozen=True)
class Tetrad:
    """σ(i, k)·σ(j, l) = σ(i, l)·σ(j, k) for `left` = (i, j) and `right` = (k, l).

    It holds since every trek between the pairs passes `choke`, which may be latent, on the `side` of that pair; where
    no trek joins them there is no choke, as all four covariances are zero.
    """

    left: tuple[str, str]
    right: tuple[str, str]
    choke: str | None
    side: Literal["left", "right"] | None

    @property
    def text(self) -> str:
        """The equation."""
        (i, j), (k, m) = self.left, self.right
        return f"σ({i}, {k})·σ({j}, {m}) = σ({i}, {m})·σ({j}, {k})"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"left": list(self.left), "right": list(self.right), "choke": self.choke, "text": self.text}


@dataclass(frozen=True)
class Tetrads(Answer):
    """The vanishing tetrads of a graph; `complete` says whether these are all."""

    tetrads: tuple[Tetrad, ...]
    complete: bool

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"kind": "tetrads", "tetrads": [t.to_dict() for t in self.tetrads], "complete": self.complete}

    def document(self) -> Document:
        """List the equations, each with the node that all treks pass."""
        if not self.tetrads:
            return Document((line("no tetrad vanishes in every linear model over this graph"),))
        few = "" if self.complete else "the first "
        many = f"{few}{len(self.tetrads):,} tetrad{'s' if len(self.tetrads) > 1 else ''}"
        rows = [line(Word("✔ ", "good"), f"{many} vanish in every linear model over this graph")]
        for found in self.tetrads:
            why = f"every trek passes {found.choke}" if found.choke else "no trek joins the pairs"
            rows.append(line(found.text, Word(f"   {why}", "dim"), depth=1))
        return Document(tuple(rows))


def vanishing_tetrads(graph: MixedGraph) -> Iterator[Tetrad]:
    """Yield each tetrad of observed nodes that vanishes in every linear model over the graph, and in no other way.

    Four nodes have three tetrads, one a way to split them into pairs. One vanishes exactly when a single node, on one
    side, meets every trek between the pairs: the left pair against the arrows, over a top or a two-headed edge, along
    the arrows to the right pair. For each left pair one linear pass finds for all nodes at once the first such node,
    and each tetrad is then read off.

    Args:
        graph: a dag or an admg; latent nodes stand in no tetrad, but count as chokes.

    Raises:
        ModelError: the kind isn't supported (E108).

    Source: S. Sullivant, K. Talaska, J. Draisma, "Trek separation for Gaussian graphical models", Ann. Statist. 38
    (2010) 1665-1685, theorems 2.8 and 2.17, doi:10.1214/09-AOS760; P. Spirtes, C. Glymour, R. Scheines, Causation,
    Prediction, and Search (2000), section 6.10, for choke points.

    >>> one = MixedGraph.build([("L", "->", x) for x in "ABCD"], latent="L")
    >>> [t.text for t in vanishing_tetrads(one)]  # doctest: +NORMALIZE_WHITESPACE
    ['σ(A, C)·σ(B, D) = σ(A, D)·σ(B, C)',
     'σ(A, B)·σ(C, D) = σ(A, D)·σ(C, B)',
     'σ(A, B)·σ(D, C) = σ(A, C)·σ(D, B)']
    >>> {t.choke for t in vanishing_tetrads(one)}
    {'L'}
    """
    require_unselected(graph, "vanishing tetrads")
    return _found(graph)


def _found(graph: MixedGraph) -> Iterator[Tetrad]:
    observed = graph.sorted(graph.observed)
    before = _before(graph)
    for i, first in enumerate(observed):
        others = observed[i + 1 :]
        for second in others:
            gate = _gates(before, first, second)
            for third, fourth in combinations([n for n in others if n != second], 2):
                ends = [n for n in (third, fourth) if (DOWN, n) in gate]
                gates = {gate[DOWN, n] for n in ends}
                if len(gates) > 1:
                    continue
                pairs = (first, second), (third, fourth)
                if not gates:
                    yield Tetrad(*pairs, None, None)
                else:
                    side, choke = gates.pop() if len(ends) > 1 else (DOWN, ends[0])
                    yield Tetrad(*pairs, choke, "left" if side == UP else "right")


def _before(graph: MixedGraph) -> list[tuple[Vertex, list[Vertex]]]:
    """Return the halves of all nodes as treks may pass them, each with the halves that a trek may come from."""
    order = topological_order(graph)
    up: dict[str, list[Vertex]] = {n: [] for n in order}
    down: dict[str, list[Vertex]] = {n: [(UP, n)] for n in order}
    for left, mark, right in graph.edges:
        if mark == "->":
            up[left].append((UP, right))
            down[right].append((DOWN, left))
        else:
            down[left].append((UP, right))
            down[right].append((UP, left))
    return [((UP, n), up[n]) for n in reversed(order)] + [((DOWN, n), down[n]) for n in order]


def _gates(before: list[tuple[Vertex, list[Vertex]]], *starts: str) -> dict[Vertex, Vertex]:
    """Return for each half that treks from ``starts`` reach the first that all of them pass on the way to it.

    A half where treks that passed different gates meet is a gate itself: these are the nodes right below the root of
    the tree of dominators.
    """
    gate: dict[Vertex, Vertex] = {}
    for vertex, origins in before:
        passed = {gate[o] for o in origins if o in gate}
        if (vertex[0] == UP and vertex[1] in starts) or len(passed) > 1:
            gate[vertex] = vertex
        elif passed:
            gate[vertex] = passed.pop()
    return gate
