"""Rows, where a method needs them and sums won't do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from causalgraph.data.counts import Weighting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Rows"]


@dataclass(frozen=True)
class Rows:
    """The complete rows of some variables, in the order of the data where there is one.

    Attributes:
        variables: their names.
        values: ``(n, p)``: a number, or the place of a level where `levels` has some.
        levels: the levels of each variable, none for one that was asked for as a number.
        weight: ``(n,)``, or None where every row counts once.
        clusters: ``(n,)``, the cluster of each row, or None.
        dropped: rows left out since a value was missing.
        weighting: what the weights are.
    """

    variables: tuple[str, ...]
    values: NDArray[np.float64]
    levels: tuple[tuple[str, ...], ...]
    weight: NDArray[np.float64] | None
    clusters: NDArray[np.intp] | None
    dropped: int
    weighting: Weighting
