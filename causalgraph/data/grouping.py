"""Read what an engine added up by group: drop what is incomplete, look up coded values, join groups to cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalgraph.data.engine import Cells, Number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from causalgraph.data.native import Block, Floats

__all__ = ["gathered_cells", "looked_up"]

Factorized = Mapping[str, tuple["NDArray[np.intp]", list[object]]]


def looked_up(values: Sequence[object], number: Number) -> Floats:
    """Return what raw values count as, and NaN at the end, where the code -1 finds it.

    >>> looked_up(["no", "yes", "?"], Number("X", {"no": 0.0, "yes": 1.0})).tolist()
    [0.0, 1.0, nan, nan]
    """
    coded = number.coded or {}
    return np.array([*(coded.get(v, np.nan) for v in values), np.nan])


@np.errstate(over="ignore", invalid="ignore")  # what floats can't hold shows as a number that isn't determined
def gathered_cells(
    block: Block,
    found: Factorized,
    columns: Sequence[str],
    numbers: Sequence[Number],
    weight: Number | None,
    *,
    squared: bool,
) -> Cells:
    """Make cells of groups.

    Args:
        block: a row a group: ``rows``, and where something was added up also how many are ``complete``, how many of
            these have a weight (``used``), Σw ``w``, Σw² ``v``, Σwy ``w0``, …, Σw²y ``v0``, … and Σw²yy' ``v0_0``, …
        found: the codes of what was grouped by, -1 where it is missing, and the distinct values.
        columns: those that make the cells; the others were grouped by for their codes.
        numbers: what was asked for, in order.
        weight: of the rows.
        squared: are the weights squared?
    """
    rows = _column(block, "rows", np.zeros(0))
    complete = _column(block, "complete", rows)
    used = _column(block, "used", complete)
    own = np.zeros((len(rows), len(numbers)))
    for i, number in enumerate(numbers):
        if number.coded is not None:
            own[:, i] = _coded(found, number) - number.centre
    w_own = np.ones(len(rows)) if weight is None or weight.coded is None else _coded(found, weight)
    there = ~np.isnan(own).any(axis=1) & ~np.isnan(w_own)
    for codes, _ in found.values():
        there &= codes >= 0
    dropped = round(float(rows.sum() - complete[there].sum()))
    there &= (used > 0) & (w_own != 0)
    sums = _sums(block, used, own, [n.coded is None for n in numbers])
    v_own = w_own * w_own if squared else w_own
    scaled = [(total.T * (w_own if i in (0, 2) else v_own)).T[there] for i, total in enumerate(sums)]
    codes = np.empty((int(there.sum()), len(columns)), dtype=np.intp)
    for i, column in enumerate(columns):
        codes[:, i] = found[column][0][there]
    counted = used[there]
    if len(found) > len(set(columns)):
        codes, where = _cells(codes)
        counted, *scaled = (_added(total, where, len(codes)) for total in (counted, *scaled))
    weights, squares, *moments = scaled
    values = tuple(found[c][1] for c in columns)
    return Cells(values, codes, counted.astype(np.int64), weights, squares, moments[0], moments[1], moments[2], dropped)


def _column(block: Block, name: str, otherwise: Floats) -> Floats:
    """Return sums as floats; the sum over no rows is 0."""
    if name not in block:
        return otherwise
    values, there = block[name]
    return np.where(there, values, 0).astype(np.float64)


def _coded(found: Factorized, number: Number) -> Floats:
    codes, values = found[number.column]
    return looked_up(values, number)[codes]


def _sums(block: Block, used: Floats, own: Floats, direct: Sequence[bool]) -> tuple[Floats, ...]:
    """Return Σw, Σw², Σwy, Σw²y and Σw²yy' of each group, without the weights that are looked up.

    A number that is looked up is constant in a group, so that its sums follow from those of the weights and of the
    other numbers; it stands in `own`, which is 0 for these.
    """
    w = _column(block, "w", used)
    v = _column(block, "v", w)
    sums, squared_sums, products = np.zeros_like(own), np.zeros_like(own), np.zeros((*own.shape, own.shape[1]))
    axes = np.flatnonzero(direct)
    for i, axis in enumerate(axes):
        sums[:, axis] = _column(block, f"w{i}", used)
        squared_sums[:, axis] = _column(block, f"v{i}", sums[:, axis])
        for j in range(i, len(axes)):
            products[:, axis, axes[j]] = products[:, axes[j], axis] = _column(block, f"v{i}_{j}", used)
    mixed = own[:, :, None] * squared_sums[:, None, :]
    products += mixed + mixed.transpose(0, 2, 1) + own[:, :, None] * own[:, None, :] * v[:, None, None]
    return w, v, sums + own * w[:, None], squared_sums + own * v[:, None], products


def _cells(codes: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows of `codes` that differ, and the place of each row among them."""
    where = np.zeros(len(codes), dtype=np.intp)
    for column in codes.T:
        # Numbered anew after each column, so that no number exceeds that of the rows.
        where = pd.factorize(where * (int(column.max(initial=0)) + 1) + column)[0]
    first = np.zeros(int(where.max(initial=-1)) + 1, dtype=np.intp)
    first[where[::-1]] = np.arange(len(where))[::-1]
    return codes[first], where


def _added(values: Floats, where: NDArray[np.intp], k: int) -> Floats:
    out = np.zeros((k, *values.shape[1:]))
    np.add.at(out, where, values)
    return out
