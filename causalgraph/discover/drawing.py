"""Data drawn anew from what holds them: counts of cells, weights of rows, or a covariance matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from causalgraph.data.counts import Counts
from causalgraph.data.moments import Moments, gathered
from causalgraph.errors import DataError
from causalgraph.independence.choosing import framed, opened
from causalgraph.independence.discrete import Discrete
from causalgraph.independence.gaussian import FisherZ
from causalgraph.independence.gaussian_missing import FisherZMissing, rows_with_gaps
from causalgraph.variables import Variable

if TYPE_CHECKING:
    from causalgraph.data.source import Source
    from causalgraph.independence.base import Test
    from causalgraph.independence.choosing import Judge

__all__ = ["Draw", "drawing", "of_cells", "of_matrix", "of_rows", "of_rows_with_gaps", "source_of"]

Floats = NDArray[np.float64]
# Draws data anew, as a test of them.
Draw = Callable[[np.random.Generator], "Test"]

# What is drawn.
CELLS, ROWS, WISHART = "cells", "rows", "Wishart: assumes normality"
# So many numbers are held in memory at most (400 MB); rows with more aren't drawn one by one.
MOST_NUMBERS = 50_000_000
# Rows that are added up at once.
BLOCK = 1 << 16
# Rows are put into an order of their own by so many columns, so that theirs changes nothing.
KEYS = 8


def source_of(
    data: object,
    test: str | Judge,
    n: float | None,
    named: tuple[str | Variable, ...] | None,
    settings: Mapping[str, Any],
) -> Source | None:
    """Open what has rows, so that they are read by one door; None where there are none."""
    held = isinstance(data, tuple | Moments | Counts) or callable(data) or callable(test) or n is not None
    if held or callable(getattr(data, "level", None)) or getattr(data, "ndim", 0) > 2:
        return None
    names = None if named is None else tuple(v.name if isinstance(v, Variable) else v for v in named)
    return opened(framed(data, names), settings)


def drawing(test: Test, source: Source | None, declared: Mapping[str, Variable]) -> tuple[str, Draw, tuple[str, ...]]:
    """Return what is drawn, what draws it, and what is to be said of it.

    Raises:
        DataError: there is nothing to draw from (E325).
    """
    if isinstance(test, Discrete):
        return CELLS, of_cells(test), ()
    variables = [declared.get(name, Variable(name)) for name in test.variables]
    if isinstance(test, FisherZMissing) and source is not None:
        return ROWS, of_rows_with_gaps(source, variables), ()
    if not isinstance(test, FisherZ):
        raise DataError.because(
            "E325",
            f"{test.name} holds no observations that could be drawn anew",
            why="an oracle and a function answer without data",
            fix="pass rows, counts, or a correlation matrix with n",
        )
    if source is None:
        return WISHART, of_matrix(test), ()
    if source.size * len(test.variables) > MOST_NUMBERS:
        return WISHART, of_matrix(test), (f"{source.size:,} rows are too many to be drawn one by one",)
    return ROWS, of_rows(source, variables), ()


def of_cells(test: Discrete) -> Draw:
    """Draw counts of cells from their multinomial law; what is missing stays so."""
    held = test.tables
    order = np.lexsort(held.codes[::-1])
    codes = held.codes[:, order]
    weight = held.weight[order] if held.weight.size else np.ones(len(order), dtype=np.int64)
    shares = weight / weight.sum()

    def draw(rng: np.random.Generator) -> Test:
        new = rng.multinomial(held.total, shares)
        some = new > 0
        tables = replace(held, codes=np.ascontiguousarray(codes[:, some]), weight=new[some].astype(np.int64))
        return replace(test, tables=tables)

    return draw


def of_rows(source: Source, variables: list[Variable]) -> Draw:
    """Draw how often each row comes, and add up one weighted Gram matrix."""
    # Levels that are numbers count as such here; those of a binary variable are 0 and 1 either way.
    rows = source.rows([v if v.kind == "binary" else replace(v, kind="continuous") for v in variables])
    own = np.ones(len(rows.values)) if rows.weight is None else rows.weight
    x, own = _in_order(rows.values, own)
    counted, size = rows.weighting == "counts", len(x)

    def draw(rng: np.random.Generator) -> Test:
        if counted:
            often = weight = rng.multinomial(round(own.sum()), own / own.sum()).astype(float)
        else:
            often = np.bincount(rng.integers(size, size=size), minlength=size).astype(float)
            weight = often * own
        blocks = ((x[start : start + BLOCK], weight[start : start + BLOCK]) for start in range(0, size, BLOCK))
        mean, scatter, total, _, _ = gathered(blocks, x.shape[1])
        squared = total if counted else float(often @ (own * own))
        return FisherZ.of_moments(
            Moments(rows.variables, mean, scatter, total, squared, float(size), rows.dropped, rows.weighting)
        )

    return draw


def of_rows_with_gaps(source: Source, variables: list[Variable]) -> Draw:
    """Draw how often each row comes; what is missing in it stays so."""
    blocks = list(rows_with_gaps(source, variables))
    x, own = _in_order(*map(np.concatenate, zip(*blocks, strict=True)))
    counted, size = source.weighting[1] == "counts", len(x)
    names = [v.name for v in variables]

    def draw(rng: np.random.Generator) -> Test:
        if counted:
            often = rng.multinomial(round(own.sum()), own / own.sum()).astype(float)
            some = often > 0
            return FisherZMissing.of_rows([(x[some], often[some])], names, counted=True)
        # A row that comes twice is two rows, not one of twice the weight.
        drawn = np.sort(rng.integers(size, size=size))
        return FisherZMissing.of_rows([(x[drawn], own[drawn])], names)

    return draw


def _in_order(x: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Sort rows by their values and weights, so that the order in which they came changes nothing."""
    order = np.lexsort((weight, *x.T[:KEYS][::-1]))
    return x[order], weight[order]


def of_matrix(test: FisherZ) -> Draw:
    """Draw scatter matrices around a correlation matrix, which may be singular, from the Wishart law.

    Source: J. Wishart, "The generalised product moment distribution in samples from a normal multivariate population",
    Biometrika 20A (1928) 32-52, doi:10.1093/biomet/20A.1-2.32.
    """
    from scipy.stats import wishart

    values, vectors = np.linalg.eigh(test.correlation)
    root = vectors * np.sqrt(np.maximum(values, 0))
    p, free = len(root), test.n - 1

    def draw(rng: np.random.Generator) -> Test:
        if free > p - 1:
            scatter = np.asarray(wishart.rvs(free, np.eye(p), random_state=rng)).reshape(p, p)
        else:
            # With fewer degrees of freedom than variables the law is that of the rows' products.
            x = rng.standard_normal((round(free), p))
            scatter = x.T @ x
        drawn = root @ scatter @ root.T
        return FisherZ.of_matrix((drawn + drawn.T) / 2, test.variables, test.n)

    return draw
