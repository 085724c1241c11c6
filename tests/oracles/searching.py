"""What a search is held against: graphs that hide nodes, the marks that are wrong of them, tests that contradict."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from causalgraph.graphs.marks import ARROW, TAIL, marks_of
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.relations import ancestors
from causalgraph.independence.base import Tested, one_by_one
from strategies import random_graph

if TYPE_CHECKING:
    import numpy as np

__all__ = ["BEYOND", "Whimsical", "hiding", "unsound"]

# Two nodes of it are separated by no neighbours, but by nodes that colliders lead to.
BEYOND = [
    ("V3", "->", "V0"),
    ("V1", "->", "V4"),
    ("V0", "->", "V2"),
    ("V1", "<->", "V3"),
    ("V1", "<->", "V2"),
    ("V0", "<->", "V4"),
]


def hiding(
    rng: np.random.Generator,
    size: int,
    *,
    latent: int = 0,
    selected: int = 0,
    arrows: float = 0.35,
    two_headed: float = 0.1,
) -> MixedGraph:
    """Return a random graph with so many nodes that are seen, latent and selected."""
    graph = random_graph(rng, size + latent + selected, arrows=arrows, two_headed=two_headed)
    order = [graph.nodes[i] for i in rng.permutation(len(graph.nodes))]
    roles = {"latent": order[:latent], "selected": order[latent : latent + selected]}
    return MixedGraph.build(graph.edges, graph.nodes, kind=graph.kind, **roles)


def unsound(found: MixedGraph, graph: MixedGraph) -> set[tuple[str, str]]:
    """Return the places of marks that say what isn't so: a tail where there is no cause, an arrowhead where one is."""
    over = {name: ancestors(graph, (name,)) for name in graph.nodes}
    selecting = frozenset().union(*(over[name] for name in graph.selected))
    wrong = {(TAIL, False), (ARROW, True)}
    return {(a, b) for (a, b), mark in marks_of(found).items() if (mark, a in over[b] or a in selecting) in wrong}


class Whimsical:
    """A test whose p-values contradict one another: they are drawn, from a seed, the variables and the set."""

    name = "whimsical"

    def __init__(self, size: int, seed: int, independent: float) -> None:
        """Take how many variables there are, a seed, and the share of tests that don't say 0."""
        self.variables = tuple(f"V{i}" for i in range(size))
        self.seed = seed
        self.independent = independent

    def test(self, i: int, j: int, given: Any) -> Tested:
        """Draw an outcome."""
        said = f"{self.seed} {min(i, j)} {max(i, j)} {sorted(given)}"
        drawn = int.from_bytes(hashlib.blake2b(said.encode(), digest_size=8).digest()) / 2**64
        return Tested(drawn / self.independent if drawn < self.independent else 0.0)

    def level(self, adjacent: Any, testable: Any, depth: int, alpha: float) -> Any:
        """Make all tests of a level."""
        return one_by_one(self.test, adjacent, testable, depth, alpha)
