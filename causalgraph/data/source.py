"""The door to data: a `Source` adds up cells, moments or rows of variables, over any engine alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from causalgraph.data.columns import Columns
from causalgraph.data.counts import Counts, Weighting
from causalgraph.data.engine import AddsUp, Cells, Number, Partial
from causalgraph.data.keys import numbered
from causalgraph.data.moments import Moments, gathered, products_of_scores
from causalgraph.data.rows import Rows
from causalgraph.errors import DataError
from causalgraph.progress import working
from causalgraph.variables import DISCRETE, Variable, WeightsAs, level_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Source"]

EXACT_TOTAL = 1e-9


@dataclass(frozen=True)
class Source(Columns):
    """Data that answer for cells, moments and rows.

    Attributes:
        weight: a column of weights.
        weights_as: what the weights are, where the data can't tell.
        cluster: a column whose values tell which rows belong together.
    """

    weight: str | None = None
    weights_as: WeightsAs | None = None
    cluster: str | None = None

    @cached_property
    def weighting(self) -> tuple[Number | None, Weighting]:
        """The column of weights as a number, None without one, and what the weights are.

        Numbers that add up to 1 are an exact distribution; other whole numbers are counts; all else are survey weights.
        All rows are looked at, also those that a missing value will drop.

        Raises:
            DataError: a weight is negative or infinite, or all are zero or missing; or they can't be what is said
                (E304).
        """
        if self.weight is None:
            return None, "rows"
        if self.facts(self.weight).missing == self.size:
            raise DataError.because("E304", f"the weights {self.weight} are all missing")
        number = replace(self.number(Variable(self.weight)), centre=0.0)
        if number.coded is None:
            facts = self.facts(self.weight)
            low, total, whole = facts.low or 0.0, facts.total or 0.0, facts.whole
        else:
            total, low, whole = self._total(number)
        if low < 0:
            row = None if number.coded is not None else self.first_row(number.column, low)
            where = f"row {row + 1}" if row is not None else "a weight"
            raise DataError.because("E304", f"the weight {self.weight}: {where} is negative ({low:g})")
        if not total > 0:
            raise DataError.because("E304", f"the weights {self.weight} add up to nothing")
        if self.weights_as == "counts" and not whole:
            raise DataError.because(
                "E304", f"the weights {self.weight} can't be counts: some aren't whole", fix="call them survey weights"
            )
        if self.weights_as is not None:
            return number, self.weights_as
        if abs(total - 1) < EXACT_TOTAL:
            return number, "exact"
        return number, "counts" if whole else "survey"

    def _total(self, number: Number) -> tuple[float, float, bool]:
        """Return the sum of numbers that are read from text, the least, and whether all are whole."""
        cells = self.engine.cells([number.column], [], None, squared=False)
        read = np.array([(number.coded or {})[cells.values[0][c]] for c in cells.codes[:, 0]])
        return float(read @ cells.rows), float(read.min(initial=np.inf)), bool(np.all(read % 1 == 0))

    def counts(self, variables: Sequence[Variable], outcomes: Sequence[Variable] = ()) -> Counts:
        """Count cells; a row with a missing value in any column that is asked for is dropped, and counted.

        Raises:
            DataError: what `levels` and `number` raise; bad weights (E304); no row is left (E307).
        """
        levels = tuple(self.levels(v) for v in variables)
        weight, weighting = self.weighting
        numbers = [self.number(v) for v in outcomes]
        keys = [self.column(v.name) for v in variables] + ([self.column(self.cluster)] if self.cluster else [])
        with working(f"counting {self.size:,} rows"):
            cells = self.engine.cells(keys, numbers, weight, squared=weighting != "counts")
        if not len(cells.rows):
            raise self.nothing_left(v.name for v in (*variables, *outcomes))
        codes, alike = self._coded(cells, variables)
        clusters = cells.codes[:, -1] if self.cluster else None
        counts = Counts(
            variables=tuple(v.name for v in variables),
            levels=levels,
            codes=codes,
            weight=cells.weight,
            squared=cells.squared,
            outcomes=tuple(v.name for v in outcomes),
            centre=np.array([n.centre for n in numbers]),
            sums=cells.sums,
            squared_sums=cells.squared_sums,
            squared_products=cells.squared_products,
            n=float(cells.weight.sum()) if weighting == "counts" else float(cells.rows.sum()),
            dropped=cells.dropped,
            weighting=weighting,
            clusters=clusters,
        )
        return _merged(counts) if alike else counts

    def _coded(self, cells: Cells, variables: Sequence[Variable]) -> tuple[NDArray[np.intp], bool]:
        """Replace the places of raw values by those of levels; also say whether two raw values share a level."""
        codes = np.empty((len(cells.rows), len(variables)), dtype=np.intp, order="F")
        alike = False
        for i, variable in enumerate(variables):
            places = self.places(variable)
            lookup = np.array([places[level_text(v)] for v in cells.values[i]], dtype=np.intp)
            alike |= len(set(lookup.tolist())) < len(lookup)
            codes[:, i] = lookup[cells.codes[:, i]]
        return codes, alike

    def nothing_left(self, asked: Iterable[str]) -> DataError:
        """Return what to raise where no row is complete in what is asked for (E307)."""
        empty = "has no row without a missing value" if self.size else "has no rows"
        return DataError.because("E307", f"{self.name} {empty} in {', '.join(asked)}")

    def _blocks(self, numbers: Sequence[Number]) -> Iterator[tuple[Floats, Floats, NDArray[np.intp] | None, int]]:
        """Yield complete rows, their weights and clusters, and how many rows of the block were dropped."""
        weight, _ = self.weighting
        wanted, m = [*numbers], len(numbers)
        if weight is not None:
            wanted.append(weight)
        if self.cluster is not None:
            values = self.values(self.cluster)
            wanted.append(Number(self.column(self.cluster), {v: float(i) for i, v in enumerate(values)}))
        for block in self.engine.batches(wanted):
            complete = ~np.isnan(block).any(axis=1)
            dropped = int(len(block) - complete.sum())
            if weight is not None:
                complete &= block[:, m] > 0
            kept = block[complete]
            w = kept[:, m] if weight is not None else np.ones(len(kept))
            yield kept[:, :m], w, kept[:, -1].astype(np.intp) if self.cluster is not None else None, dropped

    def _numbers(self, variables: Sequence[Variable]) -> list[Number]:
        return [replace(self.number(v), centre=0.0) for v in variables]

    def moments(self, variables: Sequence[Variable]) -> Moments:
        """Return means and scatter of variables, taken as numbers, over the rows that are complete in all of them.

        Raises:
            DataError: what `number` raises; bad weights (E304); no row is left (E307).
        """
        weight, weighting = self.weighting
        groups: set[int] = set()
        with working(f"adding up {self.size:,} rows"):
            mean, scatter, total, squared, n, lost = self._summed(variables, weight, groups)
        if n == 0:
            raise self.nothing_left(v.name for v in variables)
        counted = weighting == "counts"
        return Moments(
            variables=tuple(v.name for v in variables),
            mean=mean,
            scatter=scatter,
            total=total,
            squared=total if counted else squared,
            n=total if counted else float(n),
            dropped=lost,
            weighting=weighting,
            clusters=len(groups) if self.cluster else None,
        )

    def _summed(self, variables: Sequence[Variable], weight: Number | None, groups: set[int]) -> Partial:
        """Add up where the rows lie if the engine can, else here; also tell the clusters that were met."""
        if isinstance(self.engine, AddsUp):
            cluster = self.column(self.cluster) if self.cluster else None
            found = self.engine.gram([self.number(v) for v in variables], weight, cluster)
            if found is not None:
                groups.update(range(len(self.values(self.cluster)) if self.cluster else 0))
                return found
        lost = 0

        def blocks() -> Iterator[tuple[Floats, Floats]]:
            nonlocal lost
            for x, w, clusters, dropped in self._blocks(self._numbers(variables)):
                lost += dropped
                groups.update([] if clusters is None else np.unique(clusters).tolist())
                yield x, w

        mean, scatter, total, squared, n = gathered(blocks(), len(variables))
        return mean, scatter, total, squared, n, lost

    def scores(self, variables: Sequence[Variable], moments: Moments, linear: Floats, quadratic: Floats) -> Floats:
        """Return Σ w² ψψᵀ of the scores of numbers that are functions of `moments`; see `products_of_scores`.

        Args:
            variables: those of ``moments``, in their order.
            moments: of these data.
            linear: ``(r, p)``, derivatives by the means.
            quadratic: ``(r, p, p)``, derivatives by the covariances.
        """
        with working(f"adding up the errors of {self.size:,} rows"):
            if isinstance(self.engine, AddsUp):
                cluster = self.column(self.cluster) if self.cluster else None
                numbers = [self.number(v) for v in variables]
                found = self.engine.score_products(numbers, self.weighting[0], cluster, moments, linear, quadratic)
                if found is not None:
                    return found
            blocks = ((x, w, clusters) for x, w, clusters, _ in self._blocks(self._numbers(variables)))
            return products_of_scores(blocks, moments, linear, quadratic)

    def rows(self, variables: Sequence[Variable]) -> Rows:
        """Return the complete rows of variables: places of levels for the discrete, numbers for the others.

        Raises:
            DataError: what `levels` and `number` raise; bad weights (E304); no row is left (E307).
        """
        discrete = [self.kind(v) in DISCRETE for v in variables]
        levels = tuple(self.levels(v) if yes else () for v, yes in zip(variables, discrete, strict=True))
        numbers = []
        for variable, yes in zip(variables, discrete, strict=True):
            if yes:
                places = self.places(variable)
                coded = {v: float(places[level_text(v)]) for v in self.values(variable.name)}
                numbers.append(Number(self.column(variable.name), coded))
            else:
                numbers += self._numbers([variable])
        blocks = list(self._blocks(numbers))
        if not sum(len(x) for x, *_ in blocks):
            raise self.nothing_left(v.name for v in variables)
        clusters = [c for _, _, c, _ in blocks if c is not None]
        return Rows(
            variables=tuple(v.name for v in variables),
            values=np.concatenate([x for x, *_ in blocks]),
            levels=levels,
            weight=None if self.weight is None else np.concatenate([w for _, w, *_ in blocks]),
            clusters=np.concatenate(clusters) if clusters else None,
            dropped=sum(dropped for *_, dropped in blocks),
            weighting=self.weighting[1],
        )


def _merged(counts: Counts) -> Counts:
    """Add up cells of the same levels, which raw values such as 1 and 1.0 share."""
    columns = [*counts.codes.T, *([] if counts.clusters is None else [counts.clusters])]
    first, where = numbered(columns, [int(c.max()) + 1 for c in columns], len(counts.weight))
    return counts.regrouped(counts.codes[first], where, None if counts.clusters is None else counts.clusters[first])
