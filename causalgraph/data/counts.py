"""Counts of cells: the sufficient statistics that every formula over discrete variables is a function of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from causalgraph.errors import ModelError
from causalgraph.variables import Variable

__all__ = ["Counts", "Weighting"]

Floats = NDArray[np.float64]
Weighting = Literal["rows", "counts", "survey", "exact"]


@dataclass(frozen=True)
class Counts:
    """The observed cells of some variables, and in each the weight and the moments of ``m`` outcomes.

    Attributes:
        variables: the names of the ``p`` variables that make the cells.
        levels: the levels of each, in order.
        codes: ``(k, p)``, the place of each cell's level.
        weight: ``(k,)``, the sum of the weights of a cell's rows.
        squared: ``(k,)``, what the sum of squared weights counts as for the variance (for counts the weight itself).
        outcomes: the names of the ``m`` outcomes.
        centre: ``(m,)``, what was taken from each outcome before summing, so that large values lose no digits.
        sums: ``(k, m)``, weighted sums of the centred outcomes.
        squared_sums: ``(k, m)``, the same with squared weights.
        squared_products: ``(k, m, m)``, sums of products of centred outcomes with squared weights.
        n: rows used, or the sum of the weights where they are counts.
        dropped: rows left out since a value was missing.
        weighting: what the weights are.
        clusters: ``(k,)``, the cluster of each cell, from 0 on; the cells are then split by cluster too. None where
            rows are independent.
    """

    variables: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    codes: NDArray[np.intp]
    weight: Floats
    squared: Floats
    outcomes: tuple[str, ...]
    centre: Floats
    sums: Floats
    squared_sums: Floats
    squared_products: Floats
    n: float
    dropped: int
    weighting: Weighting
    clusters: NDArray[np.intp] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """How many levels each variable has."""
        return tuple(len(levels) for levels in self.levels)

    @property
    def total(self) -> float:
        """The sum of all weights."""
        return float(self.weight.sum())

    @cached_property
    def spread(self) -> Floats:
        """``squared_products`` with each cell's variance as if divided by one observation less, ``(k, m, m)``.

        The variance within a cell of n observations is otherwise too small by (n - 1)/n, which in thin strata shows. A
        cell of one observation has no variance of its own and gets the pooled one. Survey weights are left alone.
        """
        if self.weighting not in ("rows", "counts") or not self.outcomes:
            return self.squared_products
        n = self.weight[:, None, None]
        between = self.sums[:, :, None] * self.sums[:, None, :] / np.maximum(n, 1)
        within = self.squared_products - between
        free = np.maximum(n - 1, 0)
        pooled = within.sum(axis=0) / max(float(free.sum()), 1.0)
        own = np.where(free > 0, within / np.maximum(free, 1), pooled)
        return np.asarray(between + own * n)

    def keep(self, cells: NDArray[np.bool_]) -> Counts:
        """Return the counts of some cells alone."""
        n = self.n if self.weighting in ("survey", "exact") else float(self.weight[cells].sum())
        return replace(
            self,
            n=n,
            codes=self.codes[cells],
            weight=self.weight[cells],
            squared=self.squared[cells],
            sums=self.sums[cells],
            squared_sums=self.squared_sums[cells],
            squared_products=self.squared_products[cells],
            clusters=None if self.clusters is None else self.clusters[cells],
        )

    def regrouped(
        self, codes: NDArray[np.intp], where: NDArray[np.intp], clusters: NDArray[np.intp] | None = None
    ) -> Counts:
        """Return the counts by other cells, with their codes and clusters; each goes where ``where`` ``(k,)`` says."""

        def added(values: Floats) -> Floats:
            out = np.zeros((len(codes), *values.shape[1:]))
            np.add.at(out, where, values)
            return out

        return replace(
            self,
            codes=codes,
            weight=added(self.weight),
            squared=added(self.squared),
            sums=added(self.sums),
            squared_sums=added(self.squared_sums),
            squared_products=added(self.squared_products),
            clusters=clusters,
        )

    @property
    def effective(self) -> float:
        """How many plain observations the weights are worth: (Σw)²/Σw², for counts simply their number."""
        return self.total**2 / float(self.squared.sum())

    def place(self, variable: Variable, level: str) -> int:
        """Return the place of a level among those of the data.

        Raises:
            ModelError: the variable doesn't have it (E204).
        """
        levels = self.levels[self.axis(variable.name)]
        found = variable.index_of(level, levels)
        if found is None:
            why = f"its levels are {', '.join(levels)}"
            raise ModelError.because("E204", f"{variable.name} is never {level}", why=why)
        return found

    def axis(self, variable: str) -> int:
        """Return the place of a variable."""
        return self.variables.index(variable)
