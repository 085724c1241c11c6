"""The rows of one comparison as arrays: who was treated, what came of it, and what is adjusted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from causalgraph.data.source import Source
from causalgraph.errors import EstimationError
from causalgraph.variables import Variable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from causalgraph.data.counts import Weighting

__all__ = ["Design", "Sample", "design", "sample_of"]


@dataclass(frozen=True)
class Sample:
    """The complete rows of a treatment, an outcome and covariates.

    Attributes:
        treatment: its name.
        arms: its levels, in declared order.
        arm: ``(n,)``, the place of each row's level in `arms`.
        outcome: its name.
        y: ``(n,)``, the outcome; a binary one as 0 and 1.
        covariates: names of what is adjusted for.
        values: ``(n, q)``, a number, or the place of a level where `levels` has some.
        levels: the levels of each covariate, none for a number.
        weight: ``(n,)``, ones where every row counts once.
        weighting: what the weights are.
        clusters: ``(n,)``, the cluster of each row, or None.
        dropped: rows left out since a value was missing.
        columns: further columns that were asked for, ``(n,)`` each.
    """

    treatment: str
    arms: tuple[str, ...]
    arm: NDArray[np.intp]
    outcome: str
    y: NDArray[np.float64]
    covariates: tuple[str, ...]
    values: NDArray[np.float64]
    levels: tuple[tuple[str, ...], ...]
    weight: NDArray[np.float64]
    weighting: Weighting = "rows"
    clusters: NDArray[np.intp] | None = None
    dropped: int = 0
    columns: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """The number of rows."""
        return len(self.y)

    @property
    def size(self) -> float:
        """The number of observations: rows, or what counts add up to."""
        return float(self.weight.sum()) if self.weighting == "counts" else float(self.n)

    def keep(self, rows: NDArray[np.bool_]) -> Sample:
        """Return the sample of some rows."""
        return replace(
            self,
            arm=self.arm[rows],
            y=self.y[rows],
            values=self.values[rows],
            weight=self.weight[rows],
            clusters=None if self.clusters is None else self.clusters[rows],
            columns={name: column[rows] for name, column in self.columns.items()},
        )


def sample_of(
    source: Source,
    treatment: Variable,
    outcome: Variable,
    covariates: Sequence[Variable],
    columns: Sequence[Variable] = (),
) -> Sample:
    """Read the rows of a comparison.

    Args:
        source: the data.
        treatment: a discrete variable.
        outcome: a binary variable or a number.
        covariates: what is adjusted for, discrete or numbers.
        columns: further columns, read as they are: numbers, or the places of levels.

    Raises:
        DataError: what `Source.rows` raises.
        EstimationError: weights are an exact distribution, of which there are no rows (E530).
    """
    rows = source.rows([treatment, outcome, *covariates, *columns])
    if rows.weighting == "exact":
        raise EstimationError.because(
            "E530",
            "these weights are an exact distribution, and an estimator needs a sample",
            fix='leave method out, or say weights_as="counts" or "survey"',
        )
    first, last = 2, 2 + len(covariates)
    return Sample(
        treatment=treatment.name,
        arms=rows.levels[0],
        arm=rows.values[:, 0].astype(np.intp),
        outcome=outcome.name,
        y=_numbers(rows.values[:, 1], rows.levels[1], binary=source.kind(outcome) == "binary"),
        covariates=tuple(v.name for v in covariates),
        values=rows.values[:, first:last],
        levels=rows.levels[first:last],
        weight=np.ones(len(rows.values)) if rows.weight is None else rows.weight,
        weighting=rows.weighting,
        clusters=rows.clusters,
        dropped=rows.dropped,
        columns={v.name: rows.values[:, last + i] for i, v in enumerate(columns)},
    )


def _numbers(values: NDArray[np.float64], levels: tuple[str, ...], *, binary: bool) -> NDArray[np.float64]:
    """Turn places of levels into the numbers that they write; of a binary variable they are that already."""
    if not levels or binary:
        return values
    numbers: NDArray[np.float64] = np.array([float(level) for level in levels])[values.astype(np.intp)]
    return numbers


@dataclass(frozen=True)
class Design:
    """Covariates as columns of numbers, without a constant.

    Attributes:
        names: of each column, such as ``Age`` or ``Region=north``.
        matrix: ``(n, p)``.
        of: ``(p,)``, the place of each column's covariate.
    """

    names: tuple[str, ...]
    matrix: NDArray[np.float64]
    of: tuple[int, ...]


def design(sample: Sample) -> Design:
    """Encode covariates: numbers as they are, the others as a column of 0 and 1 for each level but the first.

    Levels that no row has get no column.

    >>> rows = Sample("X", ("0", "1"), np.array([0, 1]), "Y", np.zeros(2), ("A", "R"), np.array([[3.0, 0], [4.0, 2]]),
    ...     ((), ("n", "s", "w")), np.ones(2))
    >>> design(rows).names
    ('A', 'R=w')
    """
    names, columns, of = [], [], []
    for place, (name, levels) in enumerate(zip(sample.covariates, sample.levels, strict=True)):
        values = sample.values[:, place]
        if not levels:
            names.append(name)
            columns.append(values)
            of.append(place)
            continue
        met = np.unique(values).astype(int).tolist()
        for code in met[1:]:
            names.append(f"{name}={levels[code]}")
            columns.append((values == code).astype(float))
            of.append(place)
    matrix = np.column_stack(columns) if columns else np.empty((sample.n, 0))
    return Design(tuple(names), matrix, tuple(of))
