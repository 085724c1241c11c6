"""The family of instruments as an answer: each with what must be given, the best ones, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from causalgraph.answers import Answer, Document, Word, line
from causalgraph.criteria.instrument_search import Unfinished, all_conditional_instruments
from causalgraph.criteria.instruments import (
    Instrument,
    OptimalInstruments,
    Question,
    conditional_instruments,
    optimal_instruments,
    question,
)
from causalgraph.criteria.nearest_separator import Separator, nearest_separator
from causalgraph.criteria.separation import naming, words
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.names import natural

__all__ = ["InstrumentFamily", "instrument_family"]

# Steps of the search for an answer: a second or two on a graph of some dozens of nodes.
BUDGET = 2_000

LICENCE = (
    "an instrument licenses a linear estimate of the effect, or an effect on those whom it moves (LATE); it identifies "
    "no nonparametric effect"
)


@dataclass(frozen=True)
class InstrumentFamily(Answer):
    """The instruments with the minimal sets that make them so; `complete` says whether these are all such pairs.

    There are none where `none` says why, which is always a complete answer.
    """

    treatment: str
    outcome: str
    instruments: tuple[Instrument, ...]
    complete: bool
    optimal: OptimalInstruments
    none: str | None = None

    @property
    def exit_code(self) -> int:  # type: ignore[override]  # a constant on the base, here it depends on the verdict
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
    searched for under a budget.

    Args:
        graph: a dag or an admg.
        x, y: the treatment and the outcome.
        budget: how many sets the search for further pairs looks at.

    Raises:
        ModelError: as for `is_instrument`.

    >>> graph = MixedGraph.build([("Z", "->", "X"), ("X", "->", "Y"), ("X", "<->", "Y"), ("Z", "->", "Y")])
    >>> instrument_family(graph, "X", "Y").none
    "whatever is given, Z can't be separated from Y beside the effect"
    """
    asked = question(graph, x, y)
    optimal = optimal_instruments(graph, x, y)
    sure = list(conditional_instruments(graph, x, y))
    if not sure:
        return InstrumentFamily(asked.x, asked.y, (), complete=True, optimal=optimal, none=_why_none(asked))
    met = list(all_conditional_instruments(graph, x, y, budget=budget))
    pairs = {i for i in met if isinstance(i, Instrument)}.union(sure)
    listed = sorted(pairs, key=lambda i: (natural(i.name), len(i.given), [natural(n) for n in i.given]))
    complete = not any(isinstance(i, Unfinished) for i in met)
    return InstrumentFamily(asked.x, asked.y, tuple(listed), complete, optimal)


def _why_none(asked: Question) -> str:
    """Say of each candidate why it is no instrument."""
    if not asked.pool:
        return "every other variable is latent, or lies on a causal path or below one"
    tied: list[str] = []
    cut_off: list[str] = []
    for z in asked.graph.sorted(asked.pool):
        near = nearest_separator(asked.cut, (asked.y,), (z,), forbidden=asked.forbidden | {asked.x})
        (cut_off if isinstance(near, Separator) else tied).append(z)
    said = []
    if tied:
        said.append(f"whatever is given, {words(tied)} can't be separated from {asked.y} beside the effect")
    if cut_off:
        said.append(f"what separates {words(cut_off)} from {asked.y} separates it from {asked.x} as well")
    return "; ".join(said)
