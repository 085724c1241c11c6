"""The graphs and questions of criteria.py, and what makes answers to them agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from causalgraph.criteria.adjustment import check_adjustment
from causalgraph.criteria.frontdoor import is_frontdoor_set, maximum_frontdoor_set
from causalgraph.criteria.instruments import is_instrument
from causalgraph.graphs.mixed import MixedGraph

DEGREE = 3
QUERIES = 3
# What a check of each answer costs grows with the graph: above this size a few answers stand for all.
SMALL = 1_000

Query = list[Any]
Task = dict[str, Any]


def make(size: int, seed: int, span: float) -> Task:
    """Return a random DAG of mean degree 3 with shuffled numbers, and the questions to it.

    An arrow spans at most the share ``span`` of all nodes in the order of causes. With a small share chains are long,
    and most of what comes before a node is its ancestor; with 1 a node has some twenty ancestors in a graph of any
    size. Outcomes are among the last tenth of the nodes, and treatments among their ancestors.
    """
    rng = np.random.default_rng(seed)
    label = rng.permutation(size).tolist()
    wanted, pairs, reach = size * DEGREE // 2, set[tuple[int, int]](), max(10, int(size * span))
    while len(pairs) < wanted:
        for a, b in rng.integers(0, size, (wanted - len(pairs), 2)).tolist():
            if 0 < abs(a - b) <= reach:
                pairs.add((min(a, b), max(a, b)))
    parents: list[list[int]] = [[] for _ in range(size)]
    children: list[list[int]] = [[] for _ in range(size)]
    for a, b in sorted(pairs):
        parents[b].append(a)
        children[a].append(b)
    effects = list(_effects(rng, parents))
    task: Task = {
        "nodes": size,
        "edges": [[label[a], label[b]] for a, b in rng.permutation(sorted(pairs)).tolist()],
        "seed": seed,
    }
    sets = [[label[x], label[y]] for x, y, _ in effects]
    task["questions"] = {
        "connected": [_given(rng, size) for _ in range(QUERIES)],
        "one_set": sets,
        "hundred_sets": sets,
        "valid": [[label[x], label[y], [label[i] for i in z]] for x, y, z in _candidates(effects, parents, children)],
        "frontdoor": _frontdoor(rng, graph_of(task), children, label),
        "instruments": sets[:1],
        "cpdag": [[]],
    }
    task["questions"]["traversal"] = task["questions"]["connected"]
    return task


def graph_of(task: Task) -> MixedGraph:
    """Return the graph of a task."""
    return MixedGraph.build([(f"v{a}", "->", f"v{b}") for a, b in task["edges"]], named(range(task["nodes"])))


def _given(rng: np.random.Generator, size: int) -> Query:
    x, *z = rng.permutation(size)[: 1 + size // 20].tolist()
    return [x, z]


def _effects(rng: np.random.Generator, parents: list[list[int]]) -> Iterator[tuple[int, int, set[int]]]:
    """Yield treatments with a parent, outcomes, and the outcome's ancestors."""
    size, found = len(parents), 0
    while found < QUERIES:
        y = int(rng.integers(size - size // 10, size))
        above, queue = {y}, [y]
        for node in queue:
            fresh = [p for p in parents[node] if p not in above]
            above.update(fresh)
            queue += fresh
        treatments = [n for n in queue[1:] if parents[n]]
        if treatments:
            found += 1
            yield treatments[int(rng.integers(len(treatments)))], y, above


def _candidates(
    effects: list[tuple[int, int, set[int]]], parents: list[list[int]], children: list[list[int]]
) -> Iterator[tuple[int, int, list[int]]]:
    """Yield sets to judge: the parents of the treatment, these with a mediator, and the empty set."""
    for x, y, above in effects:
        mediator = [c for c in children[x] if c in above and c != y][:1]
        yield x, y, parents[x]
        yield x, y, [*parents[x], *mediator]
        yield x, y, []


def _frontdoor(rng: np.random.Generator, graph: MixedGraph, children: list[list[int]], label: list[int]) -> list[Query]:
    """Return pairs joined by a chain of two arrows; those come first for which a set exists."""
    yes: list[Query] = []
    no: list[Query] = []
    for _ in range(20):
        x = int(rng.integers(len(children)))
        ends = [y for m in children[x] for y in children[m] if y not in children[x]]
        if ends:
            pair = [label[x], label[ends[0]]]
            exists = maximum_frontdoor_set(graph, f"v{pair[0]}", f"v{pair[1]}") is not None
            (yes if exists else no).append(pair)
        if len(yes) == QUERIES - 1 and no:
            break
    return (yes + no)[:QUERIES]


# question -> a function of the graph, a query, our answer and another tool's; what it yields speaks against agreement.
Judge = Callable[[MixedGraph, Query, Any, Any], Iterator[str]]


def named(nodes: Iterable[int]) -> list[str]:
    """Return names of numbers."""
    return [f"v{i}" for i in nodes]


def same(_graph: MixedGraph, _query: Query, ours: Any, theirs: Any) -> Iterator[str]:
    """Hold two answers to be equal."""
    if ours != theirs:
        yield "the answer differs"


def same_edges(_graph: MixedGraph, _query: Query, ours: Any, theirs: Any) -> Iterator[str]:
    """Hold the same edges to be undirected."""
    mine, other = (set(map(frozenset, found)) for found in (ours, theirs))
    if mine != other:
        yield f"{len(mine ^ other)} edges differ"


def same_reached(_graph: MixedGraph, query: Query, ours: Any, theirs: Any) -> Iterator[str]:
    """Hold two sets of connected nodes to be equal; tools differ in whether X and Z are told with them."""
    x, z = query
    differ = (set(ours) ^ set(theirs)) - {x} - set(z)
    if differ:
        yield f"{len(differ)} nodes differ"


def valid_sets(graph: MixedGraph, query: Query, ours: list[list[int]], theirs: list[list[int]]) -> Iterator[str]:
    """Hold every set to be valid and minimal, and both lists to hold the same sets where they are complete."""
    x, y = named(query)
    small = len(graph.nodes) <= SMALL
    for found in theirs if small else theirs[:2]:
        verdict = check_adjustment(graph, x, y, named(found))
        if not verdict.valid:
            yield f"{named(found)} isn't valid: {verdict.reason}"
            return
        less = (named([n for n in found if n != gone]) for gone in found[: None if small else 2])
        if any(check_adjustment(graph, x, y, part).valid for part in less):
            yield f"{named(found)} isn't minimal"
            return
    if bool(ours) != bool(theirs):
        yield "one finds a set, the other none"
    elif len(theirs) > 1 and len(ours) != len(theirs):
        yield f"{len(theirs)} sets instead of {len(ours)}"
    elif 1 < len(ours) < 100 and set(map(frozenset, ours)) != set(map(frozenset, theirs)):
        yield "the sets differ"


def valid_set(graph: MixedGraph, query: Query, ours: list[int] | None, theirs: list[int] | None) -> Iterator[str]:
    """Hold one set to be valid and minimal, and to exist for both or for none."""
    yield from valid_sets(graph, query, *[[] if found is None else [found] for found in (ours, theirs)])


def frontdoor_set(graph: MixedGraph, query: Query, ours: list[int] | None, theirs: list[int] | None) -> Iterator[str]:
    """Hold a set to be a front-door set and to exist for both or for none."""
    x, y = named(query)
    if (ours is None) != (theirs is None):
        yield "one finds a set, the other none"
    elif theirs is not None and theirs != ours and not is_frontdoor_set(graph, x, y, named(theirs)).valid:
        yield f"{named(theirs)} isn't a front-door set"


def instruments(graph: MixedGraph, query: Query, ours: list[Any], theirs: list[Any]) -> Iterator[str]:
    """Hold instruments to be ones, and both lists to name the same variables."""
    x, y = named(query)
    for z, given in theirs if len(graph.nodes) <= SMALL else theirs[:5]:
        verdict = is_instrument(graph, x, y, f"v{z}", named(given))
        if not verdict.valid:
            yield f"v{z} given {named(given)} isn't an instrument: {verdict.reason}"
            break
    mine, other = {z for z, _ in ours}, {z for z, _ in theirs}
    if mine != other:
        yield f"{len(mine - other)} instruments are missing, {len(other - mine)} are not among ours"


JUDGES: dict[str, Judge] = {
    "connected": same_reached,
    "traversal": same_reached,
    "one_set": valid_set,
    "hundred_sets": valid_sets,
    "valid": same,
    "frontdoor": frontdoor_set,
    "instruments": instruments,
    "cpdag": same_edges,
}
