"""Between models and diagrams: a text in another format becomes a model, a model is written in another format."""

from __future__ import annotations

from causalgraph.errors import Diagnostic
from causalgraph.formats.diagram import Diagram
from causalgraph.model import Model

__all__ = ["diagram_of", "not_carried"]


def diagram_of(model: Model) -> Diagram:
    """Return what other formats may hold of a model; its data and its questions are among the losses."""
    losses = ["the data"] * (model.data is not None) + ["the questions"] * bool(model.items)
    losses += ["the designs"] * bool(model.designs)
    losses += ["the equations, whose edges stay"] * bool(model.equations)
    return Diagram(
        model.graph,
        model.variables,
        model.title,
        model.edge_attributes,
        tuple(losses),
        model.edge_spans,
        model.knowledge,
    )


def not_carried(form: str, losses: tuple[str, ...]) -> tuple[Diagnostic, ...]:
    """Return losses as a warning, or nothing where there are none."""
    what = f"{form} has no place for " + "; ".join(losses)
    return (Diagnostic("W020", what, severity="warning"),) if losses else ()
