"""What an engine that holds rows must answer; everything else is worked out from it, alike for all of them.

An engine speaks of columns and raw values. It knows nothing of variables, levels or what a query needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["AddsUp", "Cells", "Engine", "Facts", "Number", "Partial", "Storage"]

if TYPE_CHECKING:
    from causalgraph.data.moments import Moments

Floats = NDArray[np.float64]
# Mean, scatter, Σw, Σw², how many rows, how many were dropped.
Partial = tuple[Floats, Floats, float, float, int, int]
Storage = Literal["number", "boolean", "text", "time", "complex", "other"]


@dataclass(frozen=True)
class Facts:
    """What one pass tells of a column. Null, NaN and the marks of missing values are missing alike.

    Attributes:
        storage: how its values are stored; decimals are numbers.
        missing: rows without a value.
        low: the least number, None where there is none or the values aren't numbers; likewise for the others.
        high: the greatest.
        mean: the mean of the finite ones.
        total: the sum of the finite ones.
        whole: are all of them whole?
        endless: rows that are infinite.
    """

    storage: Storage
    missing: int
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    total: float | None = None
    whole: bool = False
    endless: int = 0


@dataclass(frozen=True)
class Number:
    """A column taken as a number.

    `coded` says what each raw value counts as (others are missing); without it, the value itself counts, and text is
    read as a number. `centre` is taken from it before anything is summed.
    """

    column: str
    coded: Mapping[object, float] | None = None
    centre: float = 0.0


@dataclass(frozen=True)
class Cells:
    """The combinations of raw values that occur in some columns, and sums over the rows of each.

    Only rows count in which nothing that was asked for is missing and the weight isn't zero.

    Attributes:
        values: the distinct raw values of each of the ``p`` columns, in any order.
        codes: ``(k, p)``, the place of each cell's value.
        rows: ``(k,)``, how many rows.
        weight: ``(k,)``, Σw.
        squared: ``(k,)``, Σw², or Σw where weights are counts.
        sums: ``(k, m)``, Σwy of the centred numbers.
        squared_sums: ``(k, m)``, the same with the squared weights.
        squared_products: ``(k, m, m)``, Σw²yy', or Σwyy' where weights are counts.
        dropped: rows in which something was missing.
    """

    values: tuple[list[object], ...]
    codes: NDArray[np.intp]
    rows: NDArray[np.int64]
    weight: Floats
    squared: Floats
    sums: Floats
    squared_sums: Floats
    squared_products: Floats
    dropped: int


class Engine(Protocol):
    """What holds the rows: a frame in memory, or something that computes elsewhere."""

    @property
    def rows(self) -> int:
        """How many rows there are."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, as their author typed them; a name may stand twice."""

    def prepare(self, columns: Sequence[str]) -> None:
        """Take note that `facts` and `values` of these columns will be asked for, so that one pass may tell all."""

    def facts(self, column: str) -> Facts:
        """Tell what a column is."""

    def values(self, column: str, most: int | None = None) -> list[object] | None:
        """Return the distinct values of a column as Python or numpy scalars, none missing; None where more than `most`.

        Raises:
            DataError: they are lists or the like, which have no levels (E308).
        """

    def first(self, column: str, value: object) -> int | None:
        """Return the row, from 0, in which a value stands first; None where rows have no order."""

    def cells(
        self, columns: Sequence[str], numbers: Sequence[Number], weight: Number | None, *, squared: bool
    ) -> Cells:
        """Count the cells of some columns, with moments of some numbers; `squared` false: the weights are counts."""

    def batches(self, numbers: Sequence[Number]) -> Iterator[Floats]:
        """Yield all rows in blocks ``(b, m)``, in order where there is one; NaN where a value is missing."""


@runtime_checkable
class AddsUp(Protocol):
    """An engine that can add up products where the rows lie, so that they needn't come here."""

    def gram(self, numbers: Sequence[Number], weight: Number | None, cluster: str | None) -> Partial | None:
        """Return mean, scatter, Σw, Σw², rows and dropped rows of the complete rows; None where `batches` must do."""

    def score_products(
        self,
        numbers: Sequence[Number],
        weight: Number | None,
        cluster: str | None,
        moments: Moments,
        linear: Floats,
        quadratic: Floats,
    ) -> Floats | None:
        """Return what `products_of_scores` does; None where `batches` must do."""
