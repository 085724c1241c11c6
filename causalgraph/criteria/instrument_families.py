"""The family of instruments as an answer: each with what must be given, the best ones, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from causalgraph.answers import Answer, Document, Word, line
from causalgraph.criteria.instrument_search import Unfinished, all_conditional_instruments
from causalgraph.criteria.instruments import (
    Failing,
    Instrument,
    OptimalInstruments,
    Question,
    ancestral_instrument,
    optimal_instruments,
    question,
)
from causalgraph.criteria.separation import naming, words
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.names import natural

__all__ = ["InstrumentFamily", "instrument_family"]

# Nodes and edges that the search for an answer may look at: a second or less.
BUDGET = 200_000
# Variables of which it is asked whether they are ancestral instruments, times the nodes and edges of the graph.
ANCESTRAL = 5_000_000
# Variables that a reason names.
NAMED = 12

LICENCE = (
    "an instrument licenses a linear estimate of the effect or, where it moves the treatment as good as at random, the "
    "effect on those whom it moves (LATE); it identifies no nonparametric effect"
)


@dataclass(frozen=True)
class InstrumentFamily(Answer):
    """The instruments with the minimal sets that make them so; `complete` says whether these are all such pairs.

    There are none where `none` says why; if that isn't complete, none was found until the search ended.
    """

    treatment: str
    outcome: str
    instruments: tuple[Instrument, ...]
    complete: bool
    optimal: OptimalInstruments
    none: str | None = None

    @property
    def exit_code(self) -> int:
        """0 where there is an instrument, else 1."""
        return 0 if self.instruments else 1

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        best = self.optimal
        return {
            "kind": "instruments",
            "instruments": [i.to_dict() for i in self.instruments],
            "complete": self.complete,
            "optimal": None
            if best.instruments is None
            else {"instruments": list(best.instruments), "given": list(best.given)},
            "reason": best.reason,
            "none": self.none,
        }

    def document(self) -> Document:
        """List the instruments and what they license, or say why there is none."""
        effect = f"for the effect of {self.treatment} on {self.outcome}, given this graph"
        if not self.instruments:
            return Document((line(Word("✘ ", "bad"), f"no instrument {effect}: {self.none}"),))
        names = list(dict.fromkeys(i.name for i in self.instruments))
        more = "" if self.complete else "; there may be more, as the search ended with its budget"
        plural = "s" if len(names) > 1 else ""
        rows = [line(Word("✔ ", "good"), f"{len(names):,} instrument{plural} {effect}{more}")]
        for name in names:
            sets = [naming(i.given) if i.given else "nothing" for i in self.instruments if i.name == name]
            rows.append(line(f"{name} given {' or '.join(sets)}", depth=1))
        if self.optimal.instruments is not None:
            given = f" given {naming(self.optimal.given)}" if self.optimal.given else ""
            among = f"of what {self.treatment} doesn't cause"
            rows.append(line(f"smallest variance, {among}: {naming(self.optimal.instruments)}{given}"))
        else:
            rows.append(line(Word(f"smallest variance: not known, as {self.optimal.reason}", "dim")))
        rows.append(line(Word(LICENCE, "dim")))
        return Document(tuple(rows))


def instrument_family(
    graph: MixedGraph, x: Iterable[str], y: Iterable[str], *, budget: int = BUDGET
) -> InstrumentFamily:
    """List the instruments for the effect of X on Y, each with every minimal W, or say why there is none.

    First come the ancestral instruments, in polynomial time, which tell for good whether there is any; the rest is
    searched for under a budget. Beyond a thousand nodes the first part has a budget as well.

    Args:
        graph: a dag or an admg.
        x, y: the treatment and the outcome.
        budget: how many nodes and edges the search for further pairs looks at.

    Raises:
        ModelError: as for `is_instrument`.

    >>> graph = MixedGraph.build([("Z", "->", "X"), ("X", "->", "Y"), ("X", "<->", "Y"), ("Z", "->", "Y")])
    >>> instrument_family(graph, "X", "Y").none
    "whatever is given, Z can't be separated from Y beside the effect"
    """
    asked = question(graph, x, y)
    optimal = optimal_instruments(graph, x, y)
    sure, failing, whole = _ancestral(asked)
    if not sure:
        none = _why_none(asked, failing) if whole else "none was found before the search ended with its budget"
        return InstrumentFamily(asked.x, asked.y, (), complete=whole, optimal=optimal, none=none)
    met = list(all_conditional_instruments(graph, x, y, budget=budget))
    pairs = {i for i in met if isinstance(i, Instrument)}.union(sure)
    listed = sorted(pairs, key=lambda i: (natural(i.name), len(i.given), [natural(n) for n in i.given]))
    complete = whole and not any(isinstance(i, Unfinished) for i in met)
    return InstrumentFamily(asked.x, asked.y, tuple(listed), complete, optimal)


def _ancestral(asked: Question) -> tuple[list[Instrument], dict[str, Failing], bool]:
    """Return the ancestral instruments, what the other variables fail, and whether the budget sufficed for all."""
    names = asked.graph.sorted(asked.pool)
    most = ANCESTRAL // (len(asked.graph.nodes) + len(asked.graph.edges))
    met = {z: ancestral_instrument(asked, z) for z in names[:most]}
    sure = [i for i in met.values() if isinstance(i, Instrument)]
    return sure, {z: i for z, i in met.items() if not isinstance(i, Instrument)}, most >= len(names)


def _why_none(asked: Question, failing: dict[str, Failing]) -> str:
    """Say of each candidate why it is no instrument."""
    if not failing:
        return "every other variable is latent, or lies on a causal path or below one"
    said = []
    tied, cut_off = (_words([z for z, why in failing.items() if why == f]) for f in ("exclusion", "relevance"))
    if tied:
        said.append(f"whatever is given, {tied} can't be separated from {asked.y} beside the effect")
    if cut_off:
        said.append(f"what separates {cut_off} from {asked.y} separates it from {asked.x} as well")
    return "; ".join(said)


def _words(names: list[str]) -> str:
    """Name some variables, of many the first and how many more."""
    if len(names) <= NAMED:
        return words(names) if names else ""
    return f"{', '.join(names[:NAMED])} and {len(names) - NAMED:,} more"
