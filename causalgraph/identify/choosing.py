"""All the ways to answer one causal query, the simplest first, or the hedge that shows that there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from causalgraph.criteria.instruments import Instrument, conditional_instruments
from causalgraph.criteria.optimal import optimal_adjustment_set
from causalgraph.criteria.separation import connecting
from causalgraph.errors import ModelError, did_you_mean
from causalgraph.formula.printing import latex, text
from causalgraph.graphs.kinds import DIRECTED
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.relations import descendants
from causalgraph.graphs.surgery import without_outgoing
from causalgraph.identify.general import general
from causalgraph.identify.hedge import Hedge
from causalgraph.identify.proof import Proof
from causalgraph.identify.simplify import simplify
from causalgraph.identify.strategies import Derivation, Question, adjustment, by_backdoor, frontdoor, no_effect

__all__ = ["STRATEGIES", "Alternative", "alternatives", "derive", "hedge_of"]


# A question is asked for its formula, and where it has none, for its hedge.
_general = lru_cache(maxsize=16)(general)


def by_general(asked: Question) -> Derivation | None:
    """Derive by the complete algorithm, and simplify what it finds.

    Source: see `identify.general` and `identify.simplify`.
    """
    if asked.graph.kind not in DIRECTED or asked.graph.selected:
        return None
    found = _general(asked)
    if isinstance(found, Hedge):
        return None
    formula, steps = simplify(found.formula, asked.graph)
    proof = Proof(found.proof.goal, (*found.proof.steps, *steps), found.proof.unused)
    left = {v.variable for v in formula.free_symbols - asked.goal.free_symbols}
    return Derivation("general", formula, proof, free=tuple(n for n in found.free if n in left))


def by_optimal(asked: Question) -> Derivation | None:
    """Derive the adjustment formula of the set with the smallest variance, where it isn't the smallest set."""
    if asked.w or asked.graph.kind not in DIRECTED or asked.graph.selected:
        return None
    best = optimal_adjustment_set(asked.graph, asked.x, asked.y).covariates
    smallest = derive(asked, "backdoor")
    if best is None or smallest is None or smallest.strategy != "backdoor" or smallest.covariates == best:
        return None
    return replace(by_backdoor(asked, best), strategy="optimal")


# Name -> strategy, in the order of preference.
STRATEGIES: dict[str, Callable[[Question], Derivation | None]] = {
    "no effect": no_effect,
    "backdoor": adjustment,
    "frontdoor": frontdoor,
    "general": by_general,
    "optimal": by_optimal,
}


@lru_cache(maxsize=64)  # a formula is asked for, then its number
def derive(asked: Question, strategy: str | None = None) -> Derivation | None:
    """Return the derivation by a strategy, or by the first that applies; None where none does.

    Raises:
        ModelError: there is no such strategy (E214).
    """
    strategy = "backdoor" if strategy == "adjustment" else strategy
    if strategy is not None and strategy not in STRATEGIES:
        near = did_you_mean(strategy, STRATEGIES) or ", ".join(STRATEGIES)
        raise ModelError.because("E214", f"there is no strategy {strategy!r}", fix=f"did you mean {near}?")
    chosen = STRATEGIES.values() if strategy is None else (STRATEGIES[strategy],)
    return next((d for d in (way(asked) for way in chosen) if d), None)


def hedge_of(asked: Question) -> Hedge | None:
    """Return the hedge that shows that a query isn't identified; None where it is, or where that isn't decided."""
    if asked.graph.kind not in DIRECTED or asked.graph.selected:
        return None
    found = _general(asked)
    return found if isinstance(found, Hedge) else None


@dataclass(frozen=True)
class Alternative:
    """Another way to an answer: another formula, or an estimand that needs an assumption beyond the graph."""

    strategy: str
    formula: str | None = None
    latex: str | None = None
    covariates: tuple[str, ...] = ()
    instrument: str | None = None
    assumption: str | None = None
    estimand: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "strategy": self.strategy,
            "formula": self.formula,
            "latex": self.latex,
            "covariates": list(self.covariates),
            "instrument": self.instrument,
            "assumption": self.assumption,
            "estimand": self.estimand,
        }

    @property
    def sentence(self) -> str:
        """The way in words."""
        if self.instrument is None:
            return f"{self.strategy}: {self.formula}"
        given = f" given {', '.join(self.covariates)}" if self.covariates else ""
        return f"instrument {self.instrument}{given}: {self.estimand}, if {self.assumption}"


def alternatives(asked: Question, chosen: Derivation | None) -> tuple[Alternative, ...]:
    """Return the other strategies' formulas, and what an instrument would give under assumptions beyond the graph."""
    return (*_formulas(asked, chosen), *_instruments(asked))


def _formulas(asked: Question, chosen: Derivation | None) -> Iterator[Alternative]:
    if chosen is None or chosen.strategy == "no effect":
        return
    seen = {text(chosen.formula)}
    for name in (n for n in STRATEGIES if n not in ("no effect", chosen.strategy)):
        found = derive(asked, name)
        if found is not None and text(found.formula) not in seen:
            seen.add(text(found.formula))
            yield Alternative(name, text(found.formula), latex(found.formula), found.covariates)


def _instruments(asked: Question) -> Iterator[Alternative]:
    graph = asked.graph
    if graph.kind not in DIRECTED or graph.selected or asked.w or len(asked.x) > 1 or len(asked.y) > 1:
        return
    # What the treatment causes moves nobody, though in a linear model it may serve.
    below = descendants(graph, asked.x)
    for found in (i for i in conditional_instruments(graph, asked.x, asked.y) if i.name not in below):
        estimands = [("every effect is linear", "the slope, a ratio of two covariances")]
        if _moves(graph, found, asked):
            estimands.append(("the instrument moves nobody the other way", "the effect on those whom it moves (LATE)"))
        for assumption, estimand in estimands:
            yield Alternative(
                "instrument",
                covariates=found.given,
                instrument=found.name,
                assumption=assumption,
                estimand=estimand,
            )


def _moves(graph: MixedGraph, found: Instrument, asked: Question) -> bool:
    """Does the instrument cause the treatment, and is it as good as random given what it needs, none of it its effect?

    Source: J. Angrist, G. Imbens, D. Rubin, "Identification of causal effects using instrumental variables", JASA 91
    (1996) 444-455, doi:10.1080/01621459.1996.10476902, assumptions 2 and 4.
    """
    below = descendants(graph, (found.name,))
    if not frozenset(asked.x) <= below or below & frozenset(found.given):
        return False
    alone = without_outgoing(graph, (found.name,))
    ends = frozenset((*asked.x, *asked.y))
    return connecting(alone, (found.name,), found.given, ends).walk(ends) is None
