"""The bootstrap over cells: new counts drawn from the counts, at a cost that doesn't grow with the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from causalgraph.data.counts import Counts
from causalgraph.data.keys import numbered
from causalgraph.errors import EstimationError
from causalgraph.evaluate.contraction import REPLICATE, Layout, Record
from causalgraph.evaluate.table import require_clusters
from causalgraph.formula.nodes import Event
from causalgraph.variables import Variable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sympy import Expr

__all__ = ["REPLICATES", "Kind", "Replicates", "bootstrap"]

REPLICATES = 1000

Kind = Literal["multinomial", "dirichlet"]

# Numbers that the arrays of one block of replicates may hold together. Small blocks stay near the processor.
BLOCK = 1_000_000
# A table of cells by clusters is laid out in full where no more than this many places go with each that is filled.
FILLED = 8


@dataclass(frozen=True)
class Replicates:
    """The numbers of each replicate, ``(replicates, numbers)``; NaN where a replicate doesn't determine one."""

    values: NDArray[np.float64]

    def error(self, number: int) -> float | None:
        """Return the standard deviation of a number over the replicates; None where some don't determine it."""
        values = self.values[:, number]
        return None if np.isnan(values).any() else float(values.std(ddof=1))

    def interval(self, number: int, level: float) -> tuple[float, float] | None:
        """Return the percentile interval of a number.

        A replicate that doesn't determine it may lie anywhere, so it counts as below and as above all others; where
        so many do that an end isn't determined, there is no interval.
        """
        values = self.values[:, number]
        unknown = np.isnan(values)
        if unknown.mean() >= (1 - level) / 2:
            return None
        low = np.quantile(np.where(unknown, -np.inf, values), (1 - level) / 2, method="lower")
        high = np.quantile(np.where(unknown, np.inf, values), (1 + level) / 2, method="higher")
        return (float(low), float(high)) if np.isfinite([low, high]).all() else None

    def lost(self, numbers: NDArray[np.bool_]) -> int:
        """Return how many replicates don't determine every one of some numbers."""
        return int(np.isnan(self.values[:, numbers]).any(axis=1).sum())


# Draws the weights (k, B) and the sums of outcomes (k, m, B) of B replicates.
_Draw = Callable[[np.random.Generator, int], tuple["NDArray[np.float64]", "NDArray[np.float64]"]]


@np.errstate(over="ignore", invalid="ignore")  # what floats can't hold is marked as not determined
def bootstrap(
    formulas: Sequence[Expr],
    counts: Counts,
    variables: Mapping[str, Variable],
    *,
    seed: int,
    replicates: int = REPLICATES,
    kind: Kind = "multinomial",
    binary: frozenset[str] = frozenset(),
) -> Replicates:
    """Evaluate formulas on resampled counts, all replicates of a block at once.

    The cells' counts are multinomial. The mean of an outcome in a cell is drawn from its normal law, with the variance
    that the outcome has there, since the rows themselves aren't kept; of a binary outcome the count is binomial.

    ``dirichlet`` is the Bayesian bootstrap: each row gets an exponential weight, so that the cells' shares have a
    Dirichlet law and no observed cell is ever empty; a binary outcome's share in a cell is then a beta variable.

    Where counts are clustered, whole clusters are drawn, or weighted, with all their rows: nothing is taken for normal.

    Args:
        formulas: in the variables of ``counts``.
        counts: the cells.
        variables: the declared variables.
        seed: of all that is drawn.
        replicates: how many.
        kind: how cells, or clusters, are drawn.
        binary: outcomes whose values are 0 and 1, besides those that are declared so.

    Returns:
        The numbers of all formulas side by side, each in the order of `evaluate`'s axes.

    Raises:
        EstimationError: the weights aren't counts, and there are no clusters (E508); there is one cluster (E515).

    Source: B. Efron, R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 6; D. Rubin, "The Bayesian
    bootstrap", Ann. Statist. 9 (1981) 130-134, doi:10.1214/aos/1176345338; for clusters C. Field, A. Welsh,
    "Bootstrapping clustered data", J. R. Stat. Soc. B 69 (2007) 369-390, doi:10.1111/j.1467-9868.2007.00593.x.
    """
    if counts.weighting == "exact" or (counts.clusters is None and counts.weighting == "survey"):
        raise EstimationError.because(
            "E508", "a bootstrap over cells needs counts, and the weights aren't", fix='use method="counts"'
        )
    if counts.clusters is None:
        cells = counts
        declared = {o for o in counts.outcomes if variables[o].kind == "binary"}
        draw = _of_cells(counts, kind, [o in binary | declared for o in counts.outcomes])
        drawn_at_once = cells.sums.size + len(cells.weight)
    else:
        cells, draw = _of_clusters(counts, counts.clusters, kind)
        drawn_at_once = cells.sums.size + len(cells.weight) + int(counts.clusters.max()) + 1
    layouts: dict[tuple[Event, ...], Layout] = {}
    trial = Record(cells, variables, layouts=layouts)
    for formula in formulas:
        trial.build(formula)
    block = max(1, min(replicates, BLOCK // (drawn_at_once + sum(p.data.size for p in trial.parts))))
    rng = np.random.default_rng(seed)
    values = []
    for start in range(0, replicates, block):
        several = min(block, replicates - start)
        record = Record(cells, variables, replicates=draw(rng, several), layouts=layouts)
        values.append(np.concatenate([_numbers(record, f, several) for f in formulas]).T)
    return Replicates(np.concatenate(values))


def _numbers(record: Record, formula: Expr, several: int) -> NDArray[np.float64]:
    """Evaluate a formula on replicates, ``(numbers, B)``."""
    out = record.build(formula)
    values = np.where(out.known & np.isfinite(out.data), out.data, np.nan)
    if out.axes[-1:] != (REPLICATE,):
        values = np.repeat(values[..., None], several, axis=-1)
    return np.asarray(values.reshape(-1, several))


def _of_cells(counts: Counts, kind: Kind, binary: Sequence[bool]) -> _Draw:
    """Draw cells whose rows are independent."""
    n = counts.weight
    total = round(float(n.sum()))
    means = counts.sums / np.maximum(n, 1)[:, None]
    spread = counts.squared_products / np.maximum(n, 1)[:, None, None] - means[:, :, None] * means[:, None, :]
    roots = _roots(spread)
    shares = np.clip(means + counts.centre, 0, 1)

    def multinomial(rng: np.random.Generator, several: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        new = np.ascontiguousarray(rng.multinomial(total, n / n.sum(), size=several).T)
        sums = np.empty((*means.shape, several))
        if not all(binary):
            noise = roots @ rng.standard_normal(sums.shape)
            sums[:] = new[:, None] * means[:, :, None] + np.sqrt(new)[:, None] * noise
        for i in (i for i, yes in enumerate(binary) if yes):
            sums[:, i] = rng.binomial(new, shares[:, i, None]) - new * counts.centre[i]
        return new.astype(float), sums

    def dirichlet(rng: np.random.Generator, several: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        drawn = rng.standard_gamma(n[:, None], size=(len(n), several))
        new = drawn * (total / drawn.sum(axis=0))
        sums = np.empty((*means.shape, several))
        if not all(binary):
            # A mean of n values with Dirichlet weights has the variance of the values over n + 1.
            noise = roots @ rng.standard_normal(sums.shape) / np.sqrt(n + 1)[:, None, None]
            sums[:] = new[:, None] * (means[:, :, None] + noise)
        for i in (i for i, yes in enumerate(binary) if yes):
            ones = rng.standard_gamma((n * shares[:, i])[:, None], size=new.shape)
            noughts = rng.standard_gamma((n * (1 - shares[:, i]))[:, None], size=new.shape)
            sums[:, i] = new * (ones / np.maximum(ones + noughts, np.finfo(float).tiny) - counts.centre[i])
        return new, sums

    return {"multinomial": multinomial, "dirichlet": dirichlet}[kind]


def _of_clusters(counts: Counts, clusters: NDArray[np.intp], kind: Kind) -> tuple[Counts, _Draw]:
    """Return the cells without regard to clusters, and a way to draw clusters."""
    from scipy.sparse import csr_array

    found, where = np.unique(clusters, return_inverse=True)
    g = require_clusters(len(found))
    cells, place = _together(counts)
    k = len(cells.weight)
    sparse = [csr_array((own, (place, where)), shape=(k, g)) for own in (counts.weight, *counts.sums.T)]
    full = k * g <= FILLED * len(place)
    tables = [own.toarray() if full else own for own in sparse]

    def draw(rng: np.random.Generator, several: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if kind == "multinomial":
            picked = rng.integers(g, size=(g, several)) * several + np.arange(several)
            often = np.bincount(picked.reshape(-1), minlength=g * several).reshape(g, several).astype(float)
        else:
            often = rng.standard_exponential((g, several))
            often *= g / often.sum(axis=0)
        weight, *sums = (np.asarray(own @ often) for own in tables)
        return weight, np.stack(sums, axis=1) if sums else np.zeros((k, 0, several))

    return cells, draw


def _together(counts: Counts) -> tuple[Counts, NDArray[np.intp]]:
    """Join cells that differ by cluster alone; also return the joined cell of each."""
    first, where = numbered(list(counts.codes.T), counts.shape, len(counts.weight))
    return counts.regrouped(counts.codes[first], where), where


def _roots(spread: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a square root of each cell's covariance matrix."""
    values, vectors = np.linalg.eigh(spread)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0))[:, None, :])
