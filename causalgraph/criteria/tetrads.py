"""Vanishing tetrads: constraints on covariances that a graph implies for linear models, whoever is latent.

They hold where no independence does: four indicators of one hidden cause are all dependent, yet their covariances obey
three such equations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from causalgraph.answers import Answer, Document, Word, line
from causalgraph.graphs.kinds import require_unselected
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.relations import topological_order

__all__ = ["Tetrad", "Tetrads", "listed_tetrads", "vanishing_tetrads"]

# Steps of a search unless told otherwise: an edge or a foursome that is looked at, about a second in all.
BUDGET = 5_000_000
LIMIT = 1000


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

    @property
    def exit_code(self) -> int:
        """0 where a tetrad vanishes, else 1."""
        return 0 if self.tetrads else 1

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"kind": "tetrads", "tetrads": [t.to_dict() for t in self.tetrads], "complete": self.complete}

    def document(self) -> Document:
        """List the equations, each with the node that all treks pass."""
        if not self.tetrads:
            ended = "" if self.complete else ", as far as the search came before its budget ended"
            return Document((line(f"no tetrad vanishes in every linear model over this graph{ended}"),))
        count = len(self.tetrads)
        many = "1 tetrad vanishes" if count == 1 else f"{count:,} tetrads vanish"
        few = "" if self.complete else "; there may be more"
        rows = [line(Word("✔ ", "good"), f"{many} in every linear model over this graph{few}")]
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
    return (found for found in _search(graph) if isinstance(found, Tetrad))


def listed_tetrads(graph: MixedGraph, limit: int = LIMIT, *, budget: int = BUDGET) -> Tetrads:
    """List vanishing tetrads, ``limit`` at most, as far as a budget of edges and foursomes to look at allows.

    Raises:
        ModelError: as for `vanishing_tetrads`.

    >>> one = MixedGraph.build([("L", "->", x) for x in "ABCD"], latent="L")
    >>> len(listed_tetrads(one).tetrads), listed_tetrads(one, 2).complete, listed_tetrads(one, budget=1).complete
    (3, False, False)
    """
    require_unselected(graph, "vanishing tetrads")
    found: list[Tetrad] = []
    looked = 0
    for step in _search(graph):
        if isinstance(step, int):
            looked += step
        elif len(found) == limit:
            return Tetrads(tuple(found), complete=False)
        else:
            found.append(step)
        if looked > budget:
            return Tetrads(tuple(found), complete=False)
    return Tetrads(tuple(found), complete=True)


def _search(graph: MixedGraph) -> Iterator[Tetrad | int]:
    """Yield each tetrad that vanishes, and in between how many edges and foursomes were looked at."""
    observed = graph.sorted(graph.observed)
    treks = _Treks.of(graph)
    for i, first in enumerate(observed):
        others = observed[i + 1 :]
        for second in others:
            gate, looked = treks.gates(first, second)
            yield looked
            rest = [n for n in others if n != second]
            # A tetrad vanishes unless treks come to both of the right pair, and by two gates.
            through: dict[int | None, list[str]] = {}
            for name in rest:
                through.setdefault(gate.get(name), []).append(name)
            loose = through.pop(None, [])
            for at, third in enumerate(rest):
                entered = gate.get(third)
                if entered is not None and not loose and len(through[entered]) == 1:
                    yield 1
                    continue
                yield len(rest) - at
                for fourth in rest[at + 1 :]:
                    gates = [(n, g) for n in (third, fourth) if (g := gate.get(n)) is not None]
                    if len({g for _, g in gates}) < 2:
                        yield treks.tetrad((first, second), (third, fourth), gates)


@dataclass(frozen=True)
class _Treks:
    """The halves of all nodes in an order that treks keep to, each with the halves that a trek may come from.

    The upper half of a node is met against the arrows, the lower one along them.
    """

    up: dict[str, int]
    down: dict[str, int]
    names: list[str]
    before: list[list[int]]

    @classmethod
    def of(cls, graph: MixedGraph) -> _Treks:
        order = topological_order(graph)
        up = {n: i for i, n in enumerate(reversed(order))}
        down = {n: len(order) + i for i, n in enumerate(order)}
        before: list[list[int]] = [[] for _ in range(2 * len(order))]
        for node in order:
            before[down[node]].append(up[node])
        for left, mark, right in graph.edges:
            if mark == "->":
                before[up[left]].append(up[right])
                before[down[right]].append(down[left])
            else:
                before[down[left]].append(up[right])
                before[down[right]].append(up[left])
        return cls(up, down, [*reversed(order), *order], before)

    def gates(self, *starts: str) -> tuple[dict[str, int], int]:
        """Return for each node that treks from ``starts`` reach the first half that all of them pass on the way to it.

        A half where treks that passed different gates meet is a gate itself: these are the nodes right below the root
        of the tree of dominators. The edges that were looked at are counted.
        """
        gate = [-1] * len(self.before)
        begun = {self.up[n] for n in starts}
        looked = 0
        for vertex, origins in enumerate(self.before):
            passed = vertex if vertex in begun else -1
            for origin in () if vertex in begun else origins:
                looked += 1
                other = gate[origin]
                if other >= 0 and other != passed:
                    if passed >= 0:
                        passed = vertex
                        break
                    passed = other
            gate[vertex] = passed
        return {n: gate[v] for n, v in self.down.items() if gate[v] >= 0}, looked + len(gate)

    def tetrad(self, left: tuple[str, str], right: tuple[str, str], gates: list[tuple[str, int]]) -> Tetrad:
        """Return a tetrad that vanishes, with its choke: ``gates`` are those of the right pair that treks come to."""
        if not gates:
            return Tetrad(left, right, None, None)
        if len(gates) == 1:
            return Tetrad(left, right, gates[0][0], "right")
        at = gates[0][1]
        return Tetrad(left, right, self.names[at], "left" if at < len(self.up) else "right")
