"""The bootstrap over cells: new counts drawn from the counts, at a cost that doesn't grow with the rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from causalgraph.data.counts import Counts
from causalgraph.errors import EstimationError
from causalgraph.evaluate.table import evaluate
from causalgraph.variables import Variable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sympy import Expr

__all__ = ["REPLICATES", "Replicates", "bootstrap"]

REPLICATES = 1000


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


def bootstrap(
    formulas: Sequence[Expr],
    counts: Counts,
    variables: Mapping[str, Variable],
    *,
    seed: int,
    replicates: int = REPLICATES,
) -> Replicates:
    """Evaluate formulas on resampled counts.

    The cells' counts are multinomial. The mean of an outcome in a cell is drawn from its normal law, with the variance
    that the outcome has there, since the rows themselves aren't kept; of a binary outcome the count is binomial.

    Raises:
        EstimationError: the weights aren't counts (E508).

    Source: B. Efron, R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 6.
    """
    if counts.weighting not in ("rows", "counts"):
        raise EstimationError.because(
            "E508", "a bootstrap over cells needs counts, and the weights aren't", fix='use method="counts"'
        )
    rng = np.random.default_rng(seed)
    values = []
    for drawn in _draws(counts, variables, rng, replicates):
        found = [evaluate(f, drawn, variables, errors="none") for f in formulas]
        values.append(np.concatenate([np.where(one.valid, one.values, np.nan).reshape(-1) for one in found]))
    return Replicates(np.array(values))


def _draws(
    counts: Counts, variables: Mapping[str, Variable], rng: np.random.Generator, replicates: int
) -> Iterator[Counts]:
    n = counts.weight
    total = round(float(n.sum()))
    means = counts.sums / np.maximum(n, 1)[:, None]
    spread = counts.squared_products / np.maximum(n, 1)[:, None, None] - means[:, :, None] * means[:, None, :]
    roots = _roots(spread)
    binary = [variables[o].kind == "binary" for o in counts.outcomes]
    for new in rng.multinomial(total, n / n.sum(), size=replicates):
        noise = np.einsum("kij,kj->ki", roots, rng.standard_normal(means.shape))
        sums = new[:, None] * means + np.sqrt(new)[:, None] * noise
        for i in (i for i, yes in enumerate(binary) if yes):
            shares = np.clip(means[:, i] + counts.centre[i], 0, 1)
            sums[:, i] = rng.binomial(new, shares) - new * counts.centre[i]
        yield replace(counts, weight=new.astype(float), sums=sums)


def _roots(spread: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a square root of each cell's covariance matrix."""
    values, vectors = np.linalg.eigh(spread)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0))[:, None, :])
