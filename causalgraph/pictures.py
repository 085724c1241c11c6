"""What a model's picture shows: its roles, the set that is adjusted for, causal and biasing paths."""

from __future__ import annotations

from causalgraph.criteria.adjustment import minimal_adjustment_sets
from causalgraph.criteria.paths import paths
from causalgraph.graphs.kinds import CHECKED
from causalgraph.graphs.mixed import Edge
from causalgraph.model import Model, Question
from causalgraph.render.picture import Picture
from causalgraph.syntax.queries import AdjustmentSets, Adjusts, Effect, Identify

__all__ = ["picture"]

# Paths that are lit; a picture with more would show nothing but colour.
PATHS_LIT = 200


def picture(model: Model, *, legend: bool = False) -> Picture:
    """Light the effect that the model is about.

    The exposure and the outcome are those declared, else those of the file's first question about an effect. The
    smallest adjustment set that is found first is marked as adjusted, and paths are open or closed given it.
    """
    treatments, outcomes = effect_of(model)
    named = {v.name: v.label for v in model.variables.values() if v.label}
    placed = {v.name: v.position for v in model.variables.values() if v.position is not None}
    adjusted: frozenset[str] = frozenset()
    causal: set[Edge] = set()
    biasing: set[Edge] = set()
    opened: set[Edge] = set()
    if treatments and outcomes and model.graph.kind in CHECKED:
        adjusted = next(minimal_adjustment_sets(model.graph, treatments, outcomes), frozenset())
        for path in paths(model.graph, treatments, outcomes, given=adjusted, limit=PATHS_LIT):
            edges = {e.canonical for e in path.edges}
            (causal if path.causal else biasing).update(edges)
            opened |= edges if path.open and not path.causal else set()
    return Picture(
        title=model.title,
        labels=named,
        exposures=frozenset(treatments),
        outcomes=frozenset(outcomes),
        adjusted=adjusted,
        causal=frozenset(causal),
        biasing=frozenset(biasing),
        closed=frozenset(biasing - opened),
        positions=placed,
        legend=legend,
    )


def effect_of(model: Model) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the treatments and outcomes that a model is about; nothing where it doesn't say."""
    exposures = tuple(v.name for v in model.variables.values() if v.exposure)
    outcomes = tuple(v.name for v in model.variables.values() if v.outcome)
    if exposures and outcomes:
        return exposures, outcomes
    for item in model.items:
        query = item.query if isinstance(item, Question) else None
        if isinstance(query, Effect):
            return (query.treatment.variable,), (query.outcome.variable,)
        if isinstance(query, Identify | AdjustmentSets | Adjusts):
            return tuple(t.variable for t in query.treatments), tuple(t.variable for t in query.outcomes)
    return exposures, outcomes
