"""Was the treatment assigned at random, and does the graph agree?"""

from __future__ import annotations

from dataclasses import dataclass

from causalgraph.errors import ModelError
from causalgraph.graphs.mixed import MARKS, Edge, Mark, MixedGraph

__all__ = ["Assignment", "licensed"]


@dataclass(frozen=True)
class Assignment:
    """A randomised assignment: ``design rct(Banner, p=0.5, by=Region)``.

    Attributes:
        treatment: what was assigned.
        share: the probability of treatment, None where it isn't said or varies with `by`.
        by: variables within whose strata it was assigned.
        cluster: a column of what was assigned as a whole, such as a school.
    """

    treatment: str
    share: float | None = None
    by: tuple[str, ...] = ()
    cluster: str | None = None


def licensed(graph: MixedGraph, assignment: Assignment) -> None:
    """Make sure that no edge speaks against the assignment: an arrow may enter the treatment from `by` alone.

    An edge whose end at the treatment is a circle may be such an arrow, and is refused too; so is an undirected one,
    which in a class of graphs is an arrow either way.

    Args:
        graph: any kind.
        assignment: what is claimed.

    Raises:
        ModelError: a variable isn't in the graph (E201); an edge speaks against the assignment (E570); the treatment,
            or one of its causes, stands in `by` as its effect would (E570); the share is no probability (E571).

    >>> from causalgraph import graph
    >>> licensed(graph("Region -> Banner -> Spending"), Assignment("Banner", by=("Region",)))
    >>> licensed(graph("Loyalty -> Banner -> Spending"), Assignment("Banner"))
    Traceback (most recent call last):
        ...
    causalgraph.errors.ModelError: error[E570]: Loyalty -> Banner speaks against a random assignment of Banner
      = why: what was assigned at random has no causes but the strata that it was assigned within
      = fix: drop the arrow, or say by=Loyalty where assignment was within its strata
    """
    treatment = assignment.treatment
    graph.require([treatment, *assignment.by])
    if assignment.share is not None and not 0 < assignment.share < 1:
        raise ModelError.because(
            "E571",
            f"{treatment} can't be assigned with p={assignment.share:g}",
            why="each arm needs a chance",
            fix="say a number between 0 and 1",
        )
    for edge in sorted(graph.edges):
        against = _against(edge, assignment)
        if against is not None:
            raise against


def _against(edge: Edge, assignment: Assignment) -> ModelError | None:
    """Return the error of an edge that speaks against the assignment."""
    treatment = assignment.treatment
    if treatment not in (edge.left, edge.right):
        return None
    turned = edge if edge.right == treatment else edge.turned
    here, other = MARKS[turned.mark][1], turned.left
    away = turned.mark == "<-"
    if other in assignment.by:
        if turned.mark == "->":
            return None
        why = f"strata stand before the assignment, so {other} can't be anything but its cause"
        fix = f"draw {other} -> {treatment}, or leave {other} out of by"
    elif away:
        return None
    elif turned.mark == "->":
        why = "what was assigned at random has no causes but the strata that it was assigned within"
        fix = f"drop the arrow, or say by={other} where assignment was within its strata"
    elif here is Mark.ARROW:
        why = "what was assigned at random shares no cause with anything"
        fix = "drop the edge; if the treatment that was taken isn't what was assigned, draw both"
    else:
        why = "the edge may be an arrow into the treatment"
        fix = f"draw {treatment} -> {other}, or drop the edge"
    return ModelError.because(
        "E570", f"{edge.canonical} speaks against a random assignment of {treatment}", why=why, fix=fix
    )
