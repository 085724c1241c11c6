"""Questions for a number: which way leads to it, by data, by the design of the data, or by the model's equations."""

from __future__ import annotations

from typing import Any

from causalgraph.answers import Answer
from causalgraph.errors import ModelError, did_you_mean
from causalgraph.estimate.known import KnownOutcomes
from causalgraph.model import Model
from causalgraph.sources import Settings
from causalgraph.syntax import queries

__all__ = ["needs_equations", "numeric"]

# The method that answers from a model's equations alone.
EQUATIONS = "equations"


def numeric(model: Model, query: Any, text: str, settings: Settings) -> Answer:
    """Answer a question for a number.

    Raises:
        CausalGraphError: what those that compute it raise; there is no such method (E214), it has no such option
            (E221), or the question speaks of other worlds and the model has no equations (E222).
    """
    across = next(queries.across_worlds(query), None)
    if _from_equations(model, settings, across=across is not None):
        return _computed(model, query, text, settings)
    if across is not None:
        raise needs_equations(across)
    from causalgraph.evaluate.answering import METHODS
    from causalgraph.evaluate.answering import answer as estimate

    if settings.method not in METHODS or settings.options:
        return _by_rows(model, query, text, settings)
    by_design = _by_design(model, query, settings)
    source = settings.source()
    if by_design is not None:
        from causalgraph.estimate.outcomes_known import answer as from_both
        from causalgraph.evaluate.quantities import World

        return from_both(query, text, World(model.graph, model.variables, source), by_design, level=settings.level)
    return estimate(
        query,
        text,
        model.graph,
        model.variables,
        source,
        method=settings.method,
        level=settings.level,
        seed=settings.seed,
    )


def _by_rows(model: Model, query: Any, text: str, settings: Settings) -> Answer:
    """Answer by an estimator; only here are these imported, for a formula needs none.

    Raises:
        ModelError: there is no such method (E214), or it takes no options (E221).
    """
    from causalgraph.estimate.answering import answer
    from causalgraph.estimate.table import ESTIMATORS
    from causalgraph.evaluate.answering import METHODS
    from causalgraph.evaluate.quantities import World

    known = (*METHODS, *ESTIMATORS, EQUATIONS)
    if settings.method not in known:
        near = did_you_mean(settings.method, known)
        fix = f"did you mean {near}?" if near else f"use one of {', '.join(known)}"
        raise ModelError.because("E214", f"there is no method {settings.method!r}", fix=fix)
    if settings.method not in ESTIMATORS:
        name = next(iter(settings.options))
        fix = f"use one of {', '.join(ESTIMATORS)}"
        raise ModelError.because("E221", f"{settings.method} has no option {name}", fix=fix)
    return answer(
        query,
        text,
        World(model.graph, model.variables, settings.source()),
        method=settings.method,
        level=settings.level,
        seed=settings.seed,
        options=settings.options,
    )


def _by_design(model: Model, query: Any, settings: Settings) -> KnownOutcomes | None:
    """Return the columns of both potential outcomes that a question for an effect is answered by, if there are."""
    if not isinstance(query, queries.Effect) or settings.method != "auto" or query.held:
        return None
    named = (d for d in model.designs if isinstance(d, KnownOutcomes))
    return next((d for d in named if d.outcome == query.outcome.variable), None)


def _from_equations(model: Model, settings: Settings, *, across: bool) -> bool:
    """Whether a number comes from the model's equations: where that is asked, or without data, or across worlds."""
    if settings.method == EQUATIONS:
        return True
    return bool(model.equations) and settings.method == "auto" and (across or not settings.bound)


def _computed(model: Model, query: Any, text: str, settings: Settings) -> Answer:
    from causalgraph.evaluate.from_equations import answer as computed

    if settings.options:
        name = next(iter(settings.options))
        raise ModelError.because("E221", f"an answer from equations has no option {name}", fix="drop it")
    return computed(query, text, model.structural, level=settings.level, seed=settings.seed)


def needs_equations(query: queries.Counterfactual | queries.Effect) -> ModelError:
    """Make the error of a question across worlds where there are no equations."""
    said = query.measure if isinstance(query, queries.Effect) else "what would have been in another world"
    return ModelError.because(
        "E222",
        f"{said} needs structural equations, and this question is asked of a graph and data",
        why="which counterfactuals a graph and data determine is for a later version to tell",
        fix='write an equation for each variable (Y := 2*X + Normal(0, 1)) and ask without data, or method="equations"',
        span=query.span,
    )
