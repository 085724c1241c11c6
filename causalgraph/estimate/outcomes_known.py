"""Effects where the data hold both potential outcomes: simulations, and tables that teach.

Source: D. B. Rubin, "Estimating causal effects of treatments", J. Educ. Psychol. 66 (1974) 688-701,
doi:10.1037/h0037350.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from causalgraph.answers import Answer, Document, line
from causalgraph.errors import EstimationError, ModelError
from causalgraph.estimate.base import error_of
from causalgraph.estimate.known import KnownOutcomes
from causalgraph.estimate.sample import Sample
from causalgraph.evaluate.estimate import Estimate, Row
from causalgraph.evaluate.interval import quantile, wald
from causalgraph.evaluate.pieces import of_weights, unit_of
from causalgraph.evaluate.quantities import World
from causalgraph.syntax.queries import Effect
from causalgraph.variables import Variable

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ByDesign", "answer"]

MEASURES = ("ate", "att", "atc", "cate")


@dataclass(frozen=True)
class ByDesign(Answer):
    """What allows a number: not the graph, but how the data came about."""

    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"kind": "design", "identified": True, "strategy": "design", "reason": self.reason}

    def document(self) -> Document:
        """Say the reason."""
        return Document((line(self.reason),))


def answer(query: Effect, text: str, world: World, known: KnownOutcomes, *, level: float = 0.95) -> Estimate:
    """Answer a question for an effect by the difference of both potential outcomes, averaged over rows.

    Over the rows the number is exact; its error is that of the population that they were drawn from.

    Args:
        query: ``ate``, ``att``, ``atc`` or ``cate``.
        text: the query as it was written.
        world: graph, variables and data.
        known: the columns.
        level: the interval's level of confidence.

    Raises:
        DataError: a column is missing, or isn't of numbers.
        EstimationError: the query is no average of differences (E533), the treatment hasn't two arms, or there is no
            row of those that are asked about (E534).
    """
    if query.measure not in MEASURES:
        raise EstimationError.because(
            "E533", f"two columns of outcomes don't answer {text}", fix=f"ask for {', '.join(MEASURES)}"
        )
    x = query.treatment.variable
    conditions = [world.variables[t.variable] for t in query.given]
    among = [world.variables[x]] if query.measure in {"att", "atc"} else []
    columns = [Variable(name, "continuous") for name in (known.control, known.treated)]
    rows = world.source.rows([*columns, *conditions, *among])
    effect = rows.values[:, 1] - rows.values[:, 0]
    keep = np.ones(len(effect), dtype=np.bool_)
    if among:
        arms = rows.levels[-1]
        if len(arms) != 2:
            what = f"{x} has {len(arms)} levels, and {known.control} and {known.treated} are the outcomes of two"
            raise EstimationError.because("E534", what, fix=f"ask for ate({x}, {known.outcome})")
        keep = rows.values[:, -1] == (1 if query.measure == "att" else 0)
    levels = [world.levels(c.name) for c in conditions]
    found, sizes = [], []
    for cell in product(*(_chosen(t.value, c, own) for t, c, own in zip(query.given, conditions, levels, strict=True))):
        mine = keep.copy()
        for place, value in enumerate(cell):
            mine &= rows.values[:, 2 + place] == value
        if not mine.any():
            raise EstimationError.because("E534", f"no row is one of those that {text} asks about")
        label = {
            t.variable: own[value] for t, own, value in zip(query.given, levels, cell, strict=True) if t.value is None
        }
        weight = np.ones(len(effect)) if rows.weight is None else rows.weight
        clusters = None if rows.clusters is None else rows.clusters[mine]
        found.append(_row(label, _sample(effect[mine], weight[mine], clusters, rows.weighting), level))
        sizes.append(float(weight[mine].sum()) if rows.weighting == "counts" else float(mine.sum()))
    reason = f"by design: {known.control} and {known.treated} hold both potential outcomes of {known.outcome}"
    size = sum(sizes)
    return Estimate(
        query=text,
        rows=tuple(found),
        level=level,
        method="difference of both potential outcomes",
        n=size,
        dropped=rows.dropped,
        warnings=tuple(of_weights(rows.weighting, size, world)),
        identification=(ByDesign(reason),),
        notes=(reason,),
        unit=unit_of(query, world.variables),
    )


def _chosen(value: str | None, variable: Variable, levels: tuple[str, ...]) -> list[int]:
    """Return the places of the levels that a condition speaks of."""
    if value is None:
        return list(range(len(levels)))
    place = variable.index_of(value, levels)
    if place is None:
        raise ModelError.because("E204", f"{variable.name} has no level {value}")
    return [place]


def _sample(
    effect: NDArray[np.float64], weight: NDArray[np.float64], clusters: NDArray[np.intp] | None, weighting: Any
) -> Sample:
    n = len(effect)
    nothing = np.zeros((n, 0))
    return Sample("", (), np.zeros(n, dtype=np.intp), "", effect, (), nothing, (), weight, weighting, clusters)


def _row(label: dict[str, str], sample: Sample, level: float) -> Row:
    value = float(np.average(sample.y, weights=sample.weight))
    if sample.weighting == "exact" or sample.size < 2:
        return Row(label, value, None, None)
    # With the sample variance the interval of a plain mean is Student's.
    correction = np.sqrt(sample.size / (sample.size - 1)) if sample.clusters is None else 1.0
    error = float(error_of(sample.y - value, sample) * correction)
    many = int(sample.size) if sample.clusters is None else len(np.unique(sample.clusters))
    return Row(label, value, error, wald(value, error, level, quantile(level, many)))
