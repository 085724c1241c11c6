"""The family of front-door sets as an answer: the minimal ones and the largest, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from causalgraph.answers import Answer, Document, Word, line
from causalgraph.criteria.frontdoor import (
    beyond_treatment,
    largest_candidate,
    maximum_frontdoor_set,
    minimal_frontdoor_sets,
    pool,
    treatments_and_outcomes,
    uncut_path,
)
from causalgraph.criteria.separation import naming, words
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.paths import Path
from causalgraph.names import natural

__all__ = ["FrontdoorFamily", "frontdoor_family"]

# Sets that an answer lists unless told otherwise.
LIMIT = 1000


@dataclass(frozen=True)
class FrontdoorFamily(Answer):
    """The minimal front-door sets, by size then name, and the largest one; `none` says why there is none.

    `complete` says whether these are all minimal ones; `witness` is a directed path that no set intercepts.
    """

    treatments: tuple[str, ...]
    outcomes: tuple[str, ...]
    sets: tuple[tuple[str, ...], ...]
    complete: bool
    maximum: tuple[str, ...] | None = None
    none: str | None = None
    witness: Path | None = None

    @property
    def exit_code(self) -> int:
        """0 where a set exists, else 1."""
        return 0 if self.sets else 1

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "kind": "frontdoor_sets",
            "sets": [list(s) for s in self.sets],
            "complete": self.complete,
            "maximum": None if self.maximum is None else list(self.maximum),
            "none": self.none,
            "witness": self.witness.to_dict() if self.witness else None,
        }

    def document(self) -> Document:
        """List the sets, or say why there is none."""
        if self.maximum is None:
            return Document((line(Word("✘ ", "bad"), f"no front-door set exists: {self.none}"),))
        count = f"{len(self.sets):,}" if self.complete else f"the first {len(self.sets):,}"
        plural = "s" if len(self.sets) > 1 else ""
        nothing = f"   no directed path leads from {words(self.treatments)} to {words(self.outcomes)}"
        rows = [line(Word("✔ ", "good"), f"{count} minimal front-door set{plural}, given this graph")]
        rows += [line(naming(s) + nothing * (not s), depth=1) for s in self.sets]
        rows.append(line(f"largest: {naming(self.maximum)}"))
        return Document(tuple(rows))


def frontdoor_family(
    graph: MixedGraph,
    x: Iterable[str],
    y: Iterable[str],
    *,
    required: Iterable[str] = (),
    allowed: Iterable[str] | None = None,
    limit: int = LIMIT,
) -> FrontdoorFamily:
    """List minimal front-door sets, ``limit`` at most, with the largest, or say why there is none.

    Args:
        graph: a dag or an admg.
        x, y: treatments and outcomes.
        required: nodes that each set must hold.
        allowed: nodes that a set may hold; every observed node unless said.
        limit: how many sets are listed at most.

    Raises:
        ModelError: as for `is_frontdoor_set`.

    >>> graph = MixedGraph.build([("X", "->", "M"), ("M", "->", "Y"), ("X", "<->", "Y"), ("M", "<->", "Y")])
    >>> frontdoor_family(graph, "X", "Y").none
    'X → M → Y is intercepted by no set: a back-door path from M to Y stays open given X'
    """
    x, y = treatments_and_outcomes(graph, x, y)
    needed = graph.require(required)
    able = pool(graph, x, y, allowed)
    named = graph.sorted(x), graph.sorted(y)
    most = maximum_frontdoor_set(graph, x, y, required=needed, allowed=able)
    if most is None:
        none, path = _why_none(graph, x, y, needed, able)
        return FrontdoorFamily(*named, (), complete=True, none=none, witness=path)
    found = list(islice(minimal_frontdoor_sets(graph, x, y, required=needed, allowed=able), limit + 1))
    listed = sorted((graph.sorted(s) for s in found[:limit]), key=lambda s: (len(s), [natural(n) for n in s]))
    return FrontdoorFamily(*named, tuple(listed), complete=len(found) <= limit, maximum=graph.sorted(most))


def _why_none(
    graph: MixedGraph, x: frozenset[str], y: frozenset[str], required: frozenset[str], able: frozenset[str]
) -> tuple[str, Path | None]:
    """Say why no set will do, with the directed path that none intercepts."""
    clear = beyond_treatment(graph, x, able)
    most = largest_candidate(graph, x, y, able)
    ends = words(graph.sorted(x)), words(graph.sorted(y))

    def reason(name: str) -> str:
        if name not in able:
            return f"{name} can't be observed" if name not in graph.observed else f"{name} may not stand in a set"
        if name not in clear:
            return f"a back-door path from {ends[0]} to {name} is open"
        return f"a back-door path from {name} to {ends[1]} stays open given {ends[0]}"

    lost = graph.sorted(required - most)
    if lost:
        return f"{lost[0]} is required, but {reason(lost[0])}", None
    path = uncut_path(graph, x, y, most)
    if path is None:
        raise AssertionError("no front-door set, yet the largest candidate intercepts every path")
    if len(path.nodes) == 2:
        return f"{path.drawn} has no node between", path
    return f"{path.drawn} is intercepted by no set: {'; '.join(map(reason, path.nodes[1:-1]))}", path
