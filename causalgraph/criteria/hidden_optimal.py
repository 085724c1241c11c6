"""The O-set where variables share hidden causes: how it is built, and whether it is the best in every model.

A set beats another one for two reasons: it explains more of Y, or less of X. A node that shares a hidden cause with a
node of the effect explains some of Y, but may open a path from X as well. Which of the two weighs more may depend on
the model, and then the graph alone names no best set.

Symbols: cn are the nodes on causal paths from X to Y, X left out; forb their descendants and X; S what every set must
hold (here: required or selected nodes); vancs the ancestors of X, Y and S without forb and X.

Source: J. Runge, "Necessary and sufficient graphical conditions for optimal adjustment sets in causal graphical models
with hidden variables", NeurIPS 34 (2021), arXiv:2102.10324, definition 3 (the O-set), theorems 2 and 3.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from causalgraph.criteria.adjustment import biasing_path, canonical_adjustment_set
from causalgraph.criteria.separation import connecting, naming, words
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.relations import ancestors, descendants, parents, proper_causal_nodes

__all__ = ["Question"]

# Sets of nodes on two-headed paths that are tried before the search for a rival of the O-set gives up.
TRIES = 2000


@dataclass(frozen=True)
class Question:
    """The effect of X on Y in a dag or admg without latent nodes, with S = `given` in every set."""

    graph: MixedGraph
    x: frozenset[str]
    y: frozenset[str]
    given: frozenset[str] = frozenset()

    @cached_property
    def causal(self) -> frozenset[str]:
        """The nodes cn(X, Y), Y among them."""
        return proper_causal_nodes(self.graph, self.x, self.y)

    @cached_property
    def forbidden(self) -> frozenset[str]:
        """forb(X, Y) with X: the nodes that no set may hold."""
        return descendants(self.graph, self.causal) | self.x

    @cached_property
    def beside(self) -> dict[str, tuple[str, ...]]:
        """A node -> those it shares a hidden cause with, sorted."""
        pairs = [(e.left, e.right) for e in self.graph.edges if e.mark == "<->"]
        found: dict[str, set[str]] = {}
        for left, right in pairs:
            found.setdefault(left, set()).add(right)
            found.setdefault(right, set()).add(left)
        return {name: self.graph.sorted(others) for name, others in found.items()}

    @cached_property
    def above(self) -> frozenset[str]:
        """The set vancs: admissible ancestors of X, Y and S."""
        return ancestors(self.graph, self.x | self.y | self.given) - self.forbidden

    @cached_property
    def parents(self) -> frozenset[str]:
        """P: the admissible parents of cn."""
        return parents(self.graph, self.causal) - self.forbidden

    @cached_property
    def colliders(self) -> frozenset[str]:
        """C: the nodes on valid collider paths from cn.

        Each of them is admissible, and lies in vancs or is separated from X by vancs.
        """
        return frozenset(self._links)

    @cached_property
    def _links(self) -> dict[str, str]:
        """A node of C -> the next one on a valid collider path to cn."""
        met = connecting(self.graph, self.x, self.above).names
        return self._linked((frozenset(self.graph.nodes) - self.forbidden) - (met - self.above))

    @cached_property
    def optimum(self) -> frozenset[str]:
        """The O-set P ∪ C ∪ pa(C), without S."""
        return (self.parents | self.colliders | parents(self.graph, self.colliders)) - self.given

    def _linked(self, inside: Collection[str]) -> dict[str, str]:
        """Return the nodes that two-headed paths within ``inside`` lead to from cn, each with the next one to cn."""
        found: dict[str, str] = {}
        queue = deque(self.graph.sorted(self.causal))
        while queue:
            name = queue.popleft()
            for other in self.beside.get(name, ()):
                if other in inside and other not in found:
                    found[other] = name
                    queue.append(other)
        return found

    def doubt(self) -> str | None:
        """Say why the O-set, which is valid, needn't be the best in every model; None where it is.

        For sets of treatments or outcomes the theorem isn't stated: they are left undecided, unless no admissible node
        shares a hidden cause with cn.
        """
        spouses = self.graph.sorted(self._spouses(self.causal) - self.given)
        if not spouses and not self.colliders:
            return None
        if max(len(self.x), len(self.y)) > 1:
            shared = (spouses or self.graph.sorted(self.colliders))[0]
            cause = next(n for n in self.beside[shared] if n in self.causal | self.colliders)
            return (
                f"{shared} and {cause} have a hidden common cause, "
                "and for sets of treatments or outcomes no theorem says then which set is best"
            )
        return self._needless() or self._rival()

    def _spouses(self, nodes: Collection[str]) -> frozenset[str]:
        return frozenset(o for n in nodes for o in self.beside.get(n, ())) - self.forbidden

    def _needless(self) -> str | None:
        """Return why a node of the O-set may do harm (condition II), or None where none may.

        A node that X reaches past the others must be linked to cn by a collider path that is open in any case.
        """
        graph = self.graph
        fixed = frozenset(self._linked(self.above))
        sure = self.parents | self._spouses(self.causal | fixed) | parents(graph, fixed)
        for name in graph.sorted(self.optimum - sure):
            others = (self.optimum | self.given) - {name}
            if name in connecting(graph, self.x, others, (name,)).names:
                ends = f"some of {words(graph.sorted(self.y))} and some of {words(graph.sorted(self.x))}"
                return f"{self._to_effect(name)}: {name} explains {ends}, and whether it helps depends on the model"
        return None

    def _to_effect(self, name: str) -> str:
        """Draw the collider path that brings a node into the O-set."""
        path, drawn = [name], name
        if name not in self._links:
            path.append(next(n for n in self._links if name in parents(self.graph, n)))
            drawn = f"{name} -> {path[-1]}"
        while path[-1] in self._links:
            path.append(self._links[path[-1]])
            drawn += f" <-> {path[-1]}"
        return drawn

    def _rival(self) -> str | None:
        """Return which node outside the O-set may do good in its stead (condition I), or None where none may.

        Such a node N has a collider path within the O-set to cn, and some valid set holds N and the path. What no valid
        set holds stays so with more nodes, so that part of the search ends there.
        """
        graph, inside = self.graph, self.optimum | self.given
        outside = self._spouses(self.causal | self.colliders) - inside
        tries = 0
        for name in graph.sorted(outside):
            for path in self._paths(name, inside):
                tries += 1
                drawn = " <-> ".join(path)
                if path[-1] in self.causal:
                    named, best = naming(graph.sorted(path[:-1])), naming(graph.sorted(inside - graph.selected))
                    return f"{drawn}: whether a set with {named} beats {best} depends on the model"
                if tries > TRIES:
                    return f"{drawn} is one of very many collider paths, and the search for a better set was given up"
        return None

    def _paths(self, start: str, inside: Collection[str]) -> Iterator[tuple[str, ...]]:
        """Yield the collider paths from a node whose nodes some valid set holds, and those that end in cn.

        The short ones come first. A path with a chord is left out, since the shorter one asks less of a set.
        """
        queue: deque[tuple[str, ...]] = deque([(start,)])
        while queue:
            path = queue.popleft()
            if not self._admits(frozenset(path)):
                continue
            around = self.beside[path[-1]]
            end = next((n for n in around if n in self.causal), None)
            yield (*path, end) if end else path
            before = {o for n in path[:-1] for o in (n, *self.beside[n])}
            queue += [(*path, n) for n in around if n in inside and n not in before]

    def _admits(self, held: frozenset[str]) -> bool:
        """Say whether a valid set holds some nodes and S: the canonical set does if any."""
        needed = held | (self.given - self.graph.selected)
        most = canonical_adjustment_set(self.graph, self.x, self.y, required=needed)
        return biasing_path(self.graph, self.x, self.y, most) is None
