"""Coarsened exact matching: rows that agree once numbers are cut into bins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil, log2, sqrt
from typing import TYPE_CHECKING, Literal

import numpy as np

from causalgraph.errors import EstimationError, ModelError, did_you_mean
from causalgraph.estimate.base import Result, Target
from causalgraph.estimate.matched import arms_of, balance_of, matched, warnings_of
from causalgraph.estimate.matching import require_able, require_some
from causalgraph.estimate.neighbours import apart, whitened
from causalgraph.estimate.sample import Sample, design

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["coarsened"]

Bins = Literal["sturges"] | int | Sequence[float]


def coarsened(
    sample: Sample,
    target: Target,
    *,
    level: float = 0.95,
    seed: int = 0,
    bins: Bins | Mapping[str, Bins] = "sturges",
    bias_correction: bool = True,
    error_neighbours: int = 2,
) -> Result:
    """Estimate an effect within strata of coarsened covariates.

    Numbers are cut into bins, levels stay as they are. A row is compared with all rows of the other arm in its stratum;
    rows of strata without the other arm are left out, and their share is told. What a bin leaves of a covariate's
    difference a linear regression takes up. The error is that of matching (`matched`).

    Args:
        sample: the rows.
        target: the two arms, and the population.
        level: of the interval; not used here.
        seed: not used: nothing is drawn.
        bins: ``sturges`` (log₂ n + 1 bins of equal width), a number of bins that hold equally many rows, or the cuts
            between bins; or one of these for each covariate by name, ``sturges`` for the others.
        bias_correction: whether a regression takes up differences within bins.
        error_neighbours: rows of the same arm from which the outcome's variance is told.

    Raises:
        EstimationError: nothing to match on (E550), no stratum holds both arms (E551), too few rows (E552), clusters
            (E555).
        ModelError: bins that can't be, or no neighbours for the error (E221).

    Source: Iacus, King and Porro (2012), Causal inference without balance checking: coarsened exact matching, Political
    Analysis 20:1, doi:10.1093/pan/mpr013; errors as in Abadie and Imbens (2006), doi:10.1111/j.1468-0262.2006.00655.x.

    >>> rows = Sample("D", ("0", "1"), np.array([0, 1, 0, 1]), "Y", np.array([1.0, 3, 2, 6]), ("X",),
    ...     np.array([[1.0], [2], [8], [9]]), ((),), np.ones(4))
    >>> coarsened(rows, Target(1, 0), bins=[5.0], bias_correction=False).value
    3.0
    """
    del level, seed
    require_some(error_neighbours=error_neighbours)
    require_able(sample, target, 1)
    cut = replace(sample, values=_cut(sample, bins))
    boxes = design(cut).matrix
    white = whitened(boxes, sample.weight)
    if white.shape[1] == 0:
        raise EstimationError.because(
            "E550",
            f"there is nothing to match on: {', '.join(sample.covariates)} lie in one bin",
            fix="ask for more bins, or leave method out",
        )
    space = apart(white, boxes, [], 1.0, 0.0)
    arms = arms_of(sample, target, (space, space), 1)
    columns = design(sample).matrix
    lines = (columns, columns) if bias_correction else None
    found = matched(sample, target, arms, (space, space), lines=lines, few=error_neighbours)
    balance = balance_of(sample, target, found)
    both = [space.total((sample.arm == place).astype(float)) > 0 for place in (target.level, target.against)]
    diagnostics = {
        **{name: told for name, told in found.diagnostics.items() if name != "distance"},
        "strata": space.size,
        "strata_with_both_arms": int((both[0] & both[1]).sum()),
        "balance": balance,
    }
    notes = ["the error supposes that outcomes vary alike among near rows (Abadie and Imbens 2006)"]
    if found.diagnostics["discarded"] > 0:
        notes.append("the population is that of strata with both arms")
    return Result(
        value=found.value,
        error=sqrt(found.variance),
        diagnostics=diagnostics,
        notes=tuple(notes),
        warnings=tuple(warnings_of(found, sample, balance)),
    )


def _cut(sample: Sample, bins: Bins | Mapping[str, Bins]) -> NDArray[np.float64]:
    """Return the bin of each number, and levels as they are."""
    by_name = bins if isinstance(bins, Mapping) else dict.fromkeys(sample.covariates, bins)
    for name in by_name:
        if name not in sample.covariates:
            near = did_you_mean(name, sample.covariates)
            fix = f"did you mean {near}?" if near else f"these are {', '.join(sample.covariates)}"
            raise ModelError.because("E221", f"bins: {name} isn't among the covariates", fix=fix)
    values = sample.values.copy()
    for place, (name, levels) in enumerate(zip(sample.covariates, sample.levels, strict=True)):
        if not levels:
            cuts = _cuts(sample.values[:, place], sample.size, by_name.get(name, "sturges"))
            values[:, place] = np.searchsorted(cuts, sample.values[:, place], side="right")
    return values


def _cuts(values: NDArray[np.float64], n: float, bins: Bins) -> NDArray[np.float64]:
    """Return the inner cuts between bins."""
    if bins == "sturges":
        many = ceil(log2(n)) + 1
        return np.linspace(values.min(), values.max(), many + 1)[1:-1]
    if isinstance(bins, int) and not isinstance(bins, bool) and bins >= 1:
        inner: NDArray[np.float64] = np.unique(np.quantile(values, np.arange(1, bins) / bins))
        return inner
    if isinstance(bins, (str, int, float)):
        raise ModelError.because("E221", f"bins={bins!r} can't be", fix='say "sturges", a number from 1, or cuts')
    return np.sort(np.asarray(bins, dtype=float))
