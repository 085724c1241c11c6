"""Means and a scatter matrix: the sufficient statistics of all that is linear."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from causalgraph.data.counts import Weighting

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Moments", "gathered", "products_of_scores"]


@dataclass(frozen=True)
class Moments:
    """The first two moments of ``p`` variables, taken as numbers.

    Attributes:
        variables: their names.
        mean: ``(p,)``, the weighted means.
        scatter: ``(p, p)``, Σ w (x - mean)(x - mean)ᵀ.
        total: Σw.
        squared: Σw², or Σw where the weights are counts.
        n: rows used, or the sum of the weights where they are counts.
        dropped: rows left out since a value was missing.
        weighting: what the weights are.
        clusters: how many clusters the rows fall into; None where they are independent.
    """

    variables: tuple[str, ...]
    mean: Floats
    scatter: Floats
    total: float
    squared: float
    n: float
    dropped: int
    weighting: Weighting
    clusters: int | None = None

    @property
    def covariance(self) -> Floats:
        """The covariance matrix that maximises the likelihood: the scatter over the total weight."""
        return self.scatter / self.total

    @property
    def effective(self) -> float:
        """How many plain observations the weights are worth: (Σw)²/Σw², for counts simply their number."""
        return self.total**2 / self.squared


def gathered(blocks: Iterable[tuple[Floats, Floats]], p: int) -> tuple[Floats, Floats, float, float, int]:
    """Add up weighted rows, block by block.

    Each block is centred by its own means before its Gram matrix is taken, and blocks are merged by the distance of
    their means, so that a large mean costs no digits.

    Args:
        blocks: rows ``(b, p)`` without a missing value, and their weights ``(b,)``.
        p: the number of columns.

    Returns:
        The mean ``(p,)``, the scatter ``(p, p)``, Σw, Σw² and the number of rows.

    Source: T. Chan, G. Golub, R. LeVeque, "Algorithms for computing the sample variance", The American Statistician 37
    (1983) 242-247, doi:10.1080/00031305.1983.10483115.

    >>> rows = np.array([[1e8, 1.0], [1e8 + 1, 2.0], [1e8 + 2, 3.0]])
    >>> mean, scatter, *_ = gathered([(rows[:1], np.ones(1)), (rows[1:], np.ones(2))], 2)
    >>> scatter.tolist()
    [[2.0, 2.0], [2.0, 2.0]]
    """
    mean, scatter, total, squared, n = np.zeros(p), np.zeros((p, p)), 0.0, 0.0, 0
    for x, w in blocks:
        weight = float(w.sum())
        if weight == 0:
            continue
        own = w @ x / weight
        d = x - own
        # What rounding left of the block's mean is taken out again.
        rest = w @ d / weight
        own, d = own + rest, d - rest
        apart = own - mean
        # An overflow is told where the number is used.
        with np.errstate(over="ignore", invalid="ignore"):
            scatter += (d * w[:, None]).T @ d + np.outer(apart, apart) * (total * weight / (total + weight))
        mean = mean + apart * (weight / (total + weight))
        total, squared, n = total + weight, squared + float(w @ w), n + len(w)
    return mean, (scatter + scatter.T) / 2, total, squared, n


def products_of_scores(
    blocks: Iterable[tuple[Floats, Floats, NDArray[np.intp] | None]],
    moments: Moments,
    linear: Floats,
    quadratic: Floats,
) -> Floats:
    """Return Σ w² ψψᵀ over the rows, where ψ_r = l_r·d + dᵀQ_r d - tr(Q_r S) and d = x - mean.

    That is what a standard error needs that doesn't assume normality: a number whose derivatives by the means are ``l``
    and by the covariance matrix S are ``Q`` has the variance Σw²ψ² / (Σw)² (the infinitesimal jackknife).

    Args:
        blocks: rows ``(b, p)``, weights ``(b,)``, and the cluster of each row ``(b,)`` or None: scores are added up
            within clusters before they are squared, with the factor G/(G - 1).
        moments: of the same rows.
        linear: ``(r, p)``.
        quadratic: ``(r, p, p)``.

    Source: L. Jaeckel, "The infinitesimal jackknife", Bell Laboratories Memorandum 72-1215-11 (1972).
    """
    count = len(linear)
    out = np.zeros((count, count))
    level = np.einsum("rij,ij->r", quadratic, moments.covariance)
    sums: dict[int, Floats] = {}
    for x, w, clusters in blocks:
        d = x - moments.mean
        psi = d @ linear.T - level
        for r in range(count):
            psi[:, r] += np.einsum("bi,bi->b", d @ quadratic[r], d)
        if clusters is None:
            out += (psi * (w if moments.weighting == "counts" else w * w)[:, None]).T @ psi
            continue
        found, where = np.unique(clusters, return_inverse=True)
        by = np.zeros((len(found), count))
        np.add.at(by, where, psi * w[:, None])
        for name, row in zip(found.tolist(), by, strict=True):
            sums[name] = sums.get(name, 0) + row
    if sums:
        every = np.stack(list(sums.values()))
        groups = len(every)
        out = every.T @ every * (groups / max(groups - 1, 1))
    return out
