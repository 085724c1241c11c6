"""Cells counted row by row with dictionaries: what the engine for frames in memory must find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Cell", "cells_by_rows"]


@dataclass
class Cell:
    """The sums over the rows of one cell; products are by pairs of numbers."""

    rows: int = 0
    weight: float = 0.0
    squared: float = 0.0
    sums: dict[int, float] = field(default_factory=dict)
    squared_sums: dict[int, float] = field(default_factory=dict)
    products: dict[tuple[int, int], float] = field(default_factory=dict)


def cells_by_rows(
    keys: Sequence[Sequence[str | None]],
    numbers: Sequence[Sequence[float | None]],
    weights: Sequence[float | None],
    *,
    squared: bool,
) -> tuple[dict[tuple[str, ...], Cell], int]:
    """Return the cells by the texts of their values, and how many rows were dropped; all arguments are by column."""
    found: dict[tuple[str, ...], Cell] = {}
    dropped = 0
    for i, w in enumerate(weights):
        key = [column[i] for column in keys]
        y = [column[i] for column in numbers]
        if w is None or None in key or None in y:
            dropped += 1
            continue
        if w == 0:
            continue
        cell = found.setdefault(tuple(map(str, key)), Cell())
        square = w * w if squared else w
        cell.rows += 1
        cell.weight += w
        cell.squared += square
        for a, one in enumerate(y):
            cell.sums[a] = cell.sums.get(a, 0.0) + w * one
            cell.squared_sums[a] = cell.squared_sums.get(a, 0.0) + square * one
            for b, other in enumerate(y):
                cell.products[a, b] = cell.products.get((a, b), 0.0) + square * one * other
    return found, dropped
