"""Random graphs and sets of names: hypothesis strategies, and generators seeded by a numpy `Generator`.

Strategies shrink, so they serve property tests; the seeded generators are faster, so they serve runs over thousands
of graphs against the oracles.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
from hypothesis import strategies as st

from causalgraph.data.counts import Counts
from causalgraph.graphs.ancestral import mag
from causalgraph.graphs.equivalence import cpdag
from causalgraph.graphs.meek import meek_closure
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.graphs.zhang import pag

__all__ = [
    "ODD_NAMES",
    "counts_of",
    "dags",
    "graphs",
    "graphs_with_sets",
    "names",
    "random_class",
    "random_disjoint",
    "random_graph",
    "scaled",
    "subsets",
]

# Names that a careless parser, sorter or renderer stumbles over.
ODD_NAMES = (
    "Lung cancer",
    "2nd dose",
    "V10",
    "V2",
    "10",
    "9",
    "naïve",
    "Größe",
    "年齢",
    "🦠",
    "total spend $",
    "x-y",
    "a->b",
    "A & <B>",
    'the "best"',
    "P",
    "E",
    "do",
    "o",
    "dag",
    "data",
    "tier",
    "none",
    "value",
    "_",
    "lambda",
)


def scaled(few: int, whole: int) -> int:
    """Return `few`, or `whole` where the environment says CAUSALGRAPH_TEST_SCALE=whole."""
    return whole if os.environ.get("CAUSALGRAPH_TEST_SCALE") == "whole" else few


def names() -> st.SearchStrategy[str]:
    """Draw a name of a variable in Unicode normal form C, without backticks, spaces at its ends or line breaks."""
    wild = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="`"), min_size=1, max_size=6)
    normal = wild.map(lambda text: unicodedata.normalize("NFC", text))
    return st.one_of(st.sampled_from("ABCDEFGH"), st.sampled_from(ODD_NAMES), normal)


@st.composite
def graphs(
    draw: st.DrawFn, *, min_nodes: int = 2, max_nodes: int = 6, two_headed: bool = True, max_latent: int = 0
) -> MixedGraph:
    """Draw an ADMG, bows included (a DAG where no two-headed edge is drawn), with up to `max_latent` latents.

    At least two nodes stay observed.
    """
    nodes = draw(st.lists(names(), min_size=min_nodes, max_size=max_nodes, unique=True))
    marks = ((), ("->",), ("<->",), ("->", "<->")) if two_headed else ((), ("->",))
    edges = [(left, mark, right) for left, right in combinations(nodes, 2) for mark in draw(st.sampled_from(marks))]
    most = max(0, min(max_latent, len(nodes) - 2))
    latent = draw(st.sets(st.sampled_from(nodes), max_size=most)) if most else set()
    order = draw(st.permutations(nodes))
    return MixedGraph.build(edges, order, latent=latent)


def dags(*, min_nodes: int = 2, max_nodes: int = 6, max_latent: int = 0) -> st.SearchStrategy[MixedGraph]:
    """Draw a DAG."""
    return graphs(min_nodes=min_nodes, max_nodes=max_nodes, two_headed=False, max_latent=max_latent)


@st.composite
def graphs_with_sets(
    draw: st.DrawFn, *, max_nodes: int = 6, two_headed: bool = True, max_latent: int = 0
) -> tuple[MixedGraph, frozenset[str], frozenset[str], frozenset[str]]:
    """Draw a graph and disjoint sets X, Y, Z of its observed nodes; X and Y aren't empty."""
    graph = draw(graphs(max_nodes=max_nodes, two_headed=two_headed, max_latent=max_latent))
    observed = sorted(graph.observed)
    order = draw(st.permutations(observed))
    roles = [draw(st.sampled_from(("neither", "given", "left", "right"))) for _ in order[2:]]
    x, y, z = ({order[0]}, {order[1]}, set[str]())
    for name, role in zip(order[2:], roles, strict=True):
        {"left": x, "right": y, "given": z, "neither": set()}[role].add(name)
    return graph, frozenset(x), frozenset(y), frozenset(z)


def random_graph(
    rng: np.random.Generator,
    size: int,
    *,
    arrows: float = 0.35,
    two_headed: float = 0.15,
    latent: int = 0,
    named: Sequence[str] = (),
) -> MixedGraph:
    """Return a random ADMG: each pair gets an arrow, and by itself a two-headed edge, with the given probabilities.

    Arrows follow a random order, which the names and their order in the graph don't tell.
    """
    nodes = list(named) or [f"V{i}" for i in range(size)]
    order = [nodes[i] for i in rng.permutation(size)]
    edges = [(a, "->", b) for a, b in combinations(order, 2) if rng.random() < arrows]
    edges += [(a, "<->", b) for a, b in combinations(order, 2) if rng.random() < two_headed]
    hidden = rng.choice(nodes, size=latent, replace=False) if latent else ()
    return MixedGraph.build(edges, nodes, latent=map(str, hidden))


def random_disjoint(
    rng: np.random.Generator, pool: Iterable[str], *sizes: tuple[int, int]
) -> tuple[frozenset[str], ...]:
    """Return disjoint random subsets of `pool`, one a pair of sizes (least, most); most gives way to the pool's size.

    >>> import numpy as np
    >>> [len(s) for s in random_disjoint(np.random.default_rng(0), "abc", (1, 1), (2, 2), (0, 4))]
    [1, 2, 0]
    """
    members = sorted(pool)
    left = [members[i] for i in rng.permutation(len(members))]
    least_after = sum(least for least, _ in sizes)
    out = []
    for least, most in sizes:
        least_after -= least
        count = int(rng.integers(least, max(least, min(most, len(left) - least_after)) + 1))
        out.append(frozenset(left[:count]))
        left = left[count:]
    return tuple(out)


def subsets(pool: Iterable[str]) -> list[frozenset[str]]:
    """Return every subset."""
    pool = sorted(pool)
    return [frozenset(s) for k in range(len(pool) + 1) for s in combinations(pool, k)]


def known_arrows(rng: np.random.Generator, graph: MixedGraph, dag: MixedGraph) -> list[tuple[str, str]]:
    """Return what a member says of some undirected edges."""
    known = [e for e in graph.edges if e.mark == "--" and rng.random() < 0.4]
    arrows = {frozenset((e.left, e.right)): (e.left, e.right) for e in dag.edges}
    return [arrows[frozenset((e.left, e.right))] for e in known]


def random_class(rng: np.random.Generator, kind: str) -> MixedGraph:
    """Return a random legal graph of a kind that stands for a class, or of kind mag."""
    size = int(rng.integers(3, 7))
    if kind in ("mag", "pag"):
        graph = random_graph(rng, size + 1, arrows=0.4, two_headed=0.1, latent=int(rng.integers(0, 2)))
        found = mag(graph)
        return found if kind == "mag" else pag(found)
    dag = random_graph(rng, size, arrows=float(rng.uniform(0.3, 0.8)), two_headed=0.0)
    found = cpdag(dag)
    if kind == "cpdag":
        return found
    known = known_arrows(rng, found, dag)
    if kind == "mpdag":
        return meek_closure(found, required=known)
    # The same knowledge without what follows from it.
    told = {frozenset(pair): Edge(pair[0], "->", pair[1]) for pair in known}
    edges = (told.get(frozenset((e.left, e.right)), e) for e in found.edges)
    return MixedGraph("pdag", found.nodes, tuple(edges))


def counts_of(names, sizes, codes, weight):
    """Return counts of cells without outcomes, from the numbers of levels, codes ``(k, p)`` and weights ``(k,)``."""
    nothing = np.zeros((len(weight), 0))
    return Counts(
        variables=tuple(names),
        levels=tuple(tuple(map(str, range(k))) for k in sizes),
        codes=codes,
        weight=weight,
        squared=weight,
        outcomes=(),
        centre=np.zeros(0),
        sums=nothing,
        squared_sums=nothing,
        squared_products=np.zeros((len(weight), 0, 0)),
        n=float(weight.sum()),
        dropped=0,
        weighting="rows",
    )
