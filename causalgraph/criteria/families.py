"""The family of minimal adjustment sets as an answer: all of them, the best and the cheapest, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from causalgraph.answers import Answer, Document, Word, line
from causalgraph.criteria.adjustment import (
    Effect,
    barred_nodes,
    biasing_path,
    canonical_adjustment_set,
    minimal_adjustment_sets,
    sides,
)
from causalgraph.criteria.amenable import obstacle
from causalgraph.criteria.optimal import Optimal, minimum_cost_adjustment_set, optimal_adjustment_set
from causalgraph.criteria.separation import naming, words
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.paths import Path
from causalgraph.names import natural

__all__ = ["AdjustmentFamily", "adjustment_family"]

# Sets that an answer lists unless told otherwise.
LIMIT = 1000

NOTHING_SAID = Optimal(None)

DIRECT = (
    "these license the coefficient of {x} in a linear regression of {y} on {x} and the set; they give no nonparametric "
    "effect"
)


@dataclass(frozen=True)
class AdjustmentFamily(Answer):
    """The minimal valid sets, by size then name; `none` says why there is none, `complete` whether these are all.

    `optimal` is the set with the smallest asymptotic variance, which needn't be minimal; `cheapest` one of the smallest
    total cost, where costs are declared.
    """

    treatments: tuple[str, ...]
    outcomes: tuple[str, ...]
    sets: tuple[tuple[str, ...], ...]
    complete: bool
    none: str | None = None
    witness: Path | None = None
    effect: Effect = "total"
    optimal: Optimal = NOTHING_SAID
    cheapest: tuple[tuple[str, ...], float] | None = None

    @property
    def exit_code(self) -> int:
        """0 where a set exists, else 1."""
        return 0 if self.sets else 1

    @property
    def licence(self) -> str | None:
        """What a set for a direct effect licenses, and what it doesn't."""
        if self.effect == "total":
            return None
        return DIRECT.format(x=words(self.treatments), y=words(self.outcomes))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        best = self.optimal.covariates
        return {
            "kind": "adjustment_sets",
            "effect": self.effect,
            "sets": [list(s) for s in self.sets],
            "complete": self.complete,
            "none": self.none,
            "witness": self.witness.to_dict() if self.witness else None,
            "optimal": None if best is None else list(best),
            "reason": self.optimal.reason,
            "cheapest": None if self.cheapest is None else {"set": list(self.cheapest[0]), "cost": self.cheapest[1]},
            "licence": self.licence,
        }

    def document(self) -> Document:
        """List the sets, or say why there is none."""
        if not self.sets:
            return Document((line(Word("✘ ", "bad"), f"none exists: {self.none}"),))
        few = f"the first {len(self.sets):,}" if not self.complete else f"{len(self.sets):,}"
        plural = "s" if len(self.sets) > 1 else ""
        what = "to adjust for" if self.effect == "total" else "for the direct effect"
        nothing = "   nothing needs to be adjusted for"
        rows = [line(Word("✔ ", "good"), f"{few} minimal set{plural} {what}, given this graph")]
        rows += [line(naming(s) + nothing * (not s), depth=1) for s in self.sets]
        if self.licence:
            rows.append(line(Word(self.licence, "dim")))
        if self.optimal.covariates is not None:
            rows.append(line(f"smallest variance: {naming(self.optimal.covariates)}"))
        elif self.optimal.reason and self.effect == "total":
            rows.append(line(Word(f"smallest variance: not known, as {self.optimal.reason}", "dim")))
        if self.cheapest is not None:
            rows.append(line(f"smallest cost: {naming(self.cheapest[0])}, {self.cheapest[1]:g}"))
        return Document(tuple(rows))


def adjustment_family(
    graph: MixedGraph,
    x: Iterable[str],
    y: Iterable[str],
    *,
    effect: Effect = "total",
    required: Iterable[str] = (),
    forbidden: Iterable[str] = (),
    cost: Mapping[str, float] | None = None,
    limit: int = LIMIT,
) -> AdjustmentFamily:
    """List minimal adjustment sets, ``limit`` at most, or say why there is none.

    Args:
        graph: a graph of any kind.
        x, y: treatments and outcomes.
        effect: the total effect, or the direct one (in a linear model).
        required: nodes that each set must hold.
        forbidden: nodes that no set may hold.
        cost: what it takes to measure a node; with it the cheapest set is looked for as well.
        limit: how many sets are listed at most.

    Raises:
        ModelError: as for `check_adjustment` and `minimum_cost_adjustment_set`.
    """
    x, y = sides(graph, x, y, effect)
    required, forbidden = graph.require(required), graph.require(forbidden)
    named = graph.sorted(x), graph.sorted(y)
    every = minimal_adjustment_sets(graph, x, y, effect=effect, required=required, forbidden=forbidden)
    found = list(islice(every, limit + 1))
    if not found:
        none, path = _why_none(graph, x, y, effect, required, forbidden)
        return AdjustmentFamily(*named, (), complete=True, none=none, witness=path, effect=effect)
    listed = sorted((graph.sorted(s) for s in found[:limit]), key=lambda s: (len(s), [natural(n) for n in s]))
    cheapest = None
    if cost:
        cheap = minimum_cost_adjustment_set(
            graph, x, y, cost=cost, effect=effect, required=required, forbidden=forbidden
        )
        cheapest = (graph.sorted(cheap[0]), cheap[1]) if cheap else None
    return AdjustmentFamily(
        *named,
        tuple(listed),
        complete=len(found) <= limit,
        effect=effect,
        optimal=_optimal(graph, x, y, effect, required, forbidden),
        cheapest=cheapest,
    )


def _optimal(
    graph: MixedGraph,
    x: frozenset[str],
    y: frozenset[str],
    effect: Effect,
    required: frozenset[str],
    forbidden: frozenset[str],
) -> Optimal:
    if effect == "direct":
        return Optimal(None, "the optimal set is defined for total effects")
    return optimal_adjustment_set(graph, x, y, required=required, forbidden=forbidden)


def _why_none(
    graph: MixedGraph,
    x: frozenset[str],
    y: frozenset[str],
    effect: Effect,
    required: frozenset[str],
    forbidden: frozenset[str],
) -> tuple[str, Path | None]:
    """Say why no set is valid, with the path that none closes."""
    barred = barred_nodes(graph, x, y, effect, forbidden)
    clash = graph.sorted(required & barred)
    if clash:
        return f"{words(clash)} is required, but may not stand in a set", None
    blocked = obstacle(graph, x, y)
    if blocked:
        return blocked.reason, blocked.witness
    most = canonical_adjustment_set(graph, x, y, effect=effect, required=required, forbidden=forbidden)
    path = biasing_path(graph, x, y, most, effect=effect)
    if path is None:
        raise AssertionError("no minimal set, yet the canonical set is valid")
    inner = [t.nodes[1] for t in path.triples if t.role != "collider"]
    hidden = [n for n in inner if n in graph.latent | graph.selected]
    other = [n for n in inner if n not in hidden and n in barred]
    opened = [t.nodes[1] for t in path.triples if t.role == "collider"]
    reasons = [f"{words(hidden)} can't be observed"] * bool(hidden)
    reasons += [f"{words(other)} may not be adjusted for"] * bool(other)
    reasons += [f"closing other paths opens {words(opened)}"] * bool(opened)
    return f"{path.drawn} stays open whatever is measured" + (f": {'; '.join(reasons)}" if reasons else ""), path
