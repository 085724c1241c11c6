"""What evaluate.py asks: three graphs, data drawn from them, the answer by hand, and the limit of counting.

Effects are additive and alike in every stratum, so that a peer that fits a line on dummies estimates the same number
as a formula over cells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["LARGE", "TASKS", "Task", "encoded", "limit", "write", "write_large"]

# Rows that are drawn, or counted, at once: small enough for the processor's cache when they are codes.
DRAWN = 1_000_000
BLOCK = 1 << 16

Columns = dict[str, "NDArray[np.int8]"]


@dataclass(frozen=True)
class Task:
    """A question about a graph.

    Attributes:
        title: what the report calls it.
        model: the graph in our language.
        levels: how many levels each column has, in the order of `by_hand`'s axes.
        truth: the effect in the population.
        draw: makes so many rows.
        by_hand: the effect from the table of all cells' counts, as one would write it down for this graph alone.
    """

    title: str
    model: str
    levels: dict[str, int]
    truth: float
    draw: Callable[[np.random.Generator, int], Columns]
    by_hand: Callable[[NDArray[np.float64]], float]


def flip(rng: np.random.Generator, chance: NDArray[np.floating] | float, n: int) -> NDArray[np.int8]:
    """Draw 0 or 1, by the chance of each row."""
    return (rng.random(n) < chance).astype(np.int8)


def draw_back_door(rng: np.random.Generator, n: int) -> Columns:
    """Draw three covariates, a treatment and an outcome; both are additive in the covariates' levels, not linear."""
    a, b, c = (rng.choice(len(p), n, p=p).astype(np.int8) for p in ([0.5, 0.3, 0.2], [0.4, 0.3, 0.2, 0.1], [0.2] * 5))
    x = flip(
        rng, 0.15 + np.take([0, 0.2, 0.1], a) + np.take([0, 0.1, 0.2, 0], b) + np.take([0, 0.1, 0, 0.1, 0.2], c), n
    )
    base = 0.1 + np.take([0, 0.15, 0.05], a) + np.take([0, 0.2, 0.1, 0.1], b) + np.take([0, 0.1, 0.05, 0, 0.15], c)
    return {"A": a, "B": b, "C": c, "X": x, "Y": flip(rng, base + 0.15 * x, n)}


def draw_front_door(rng: np.random.Generator, n: int) -> Columns:
    """Draw a treatment whose whole effect goes through M; a hidden cause of treatment and outcome is left out."""
    hidden = flip(rng, 0.5, n)
    x = flip(rng, 0.3 + 0.4 * hidden, n)
    m = flip(rng, 0.2 + 0.5 * x, n)
    return {"X": x, "M": m, "Y": flip(rng, 0.1 + 0.3 * m + 0.4 * hidden, n)}


def draw_napkin(rng: np.random.Generator, n: int) -> Columns:
    """Draw the napkin graph: W shares a hidden cause with X and another with Y."""
    of_x, of_y = flip(rng, 0.5, n), flip(rng, 0.5, n)
    w = flip(rng, 0.2 + 0.3 * of_x + 0.3 * of_y, n)
    z = flip(rng, 0.2 + 0.6 * w, n)
    x = flip(rng, 0.1 + 0.4 * z + 0.4 * of_x, n)
    return {"W": w, "Z": z, "X": x, "Y": flip(rng, 0.1 + 0.3 * x + 0.4 * of_y, n)}


def back_door(cells: NDArray[np.float64]) -> float:
    """Return Σ_abc P(a, b, c) (E[Y | x=1, a, b, c] - E[Y | x=0, a, b, c])."""
    by_arm = cells.sum(axis=4)
    means = cells[..., 1] / by_arm
    return float((by_arm.sum(axis=3) * (means[..., 1] - means[..., 0])).sum() / cells.sum())


def front_door(cells: NDArray[np.float64]) -> float:
    """Return Σ_m (P(m | x=1) - P(m | x=0)) Σ_x P(x) E[Y | x, m]."""
    arms = cells.sum(axis=(1, 2))
    path = cells.sum(axis=2) / arms[:, None]
    inner = np.einsum("x,xm->m", arms / cells.sum(), cells[..., 1] / cells.sum(axis=2))
    return float((path[1] - path[0]) @ inner)


def napkin(cells: NDArray[np.float64]) -> float:
    """Return Σ_z P(z) of the difference over x of Σ_w P(w) P(x, y=1 | w, z) / Σ_w P(w) P(x | w, z)."""
    total, given = cells.sum(), cells.sum(axis=(2, 3))
    kernel = np.einsum("w,wzxy->zxy", given.sum(axis=1) / total, cells / given[..., None, None])
    means = kernel[..., 1] / kernel.sum(axis=2)
    return float(given.sum(axis=0) / total @ (means[:, 1] - means[:, 0]))


LEVELS = "A : {0, 1, 2}\nB : {0, 1, 2, 3}\nC : {0, 1, 2, 3, 4}\n"
BINARY = "X : binary\nY : binary\n"
LARGE = "A, B, C -> X, Y\nX -> Y\nX : binary\nY : continuous\n" + LEVELS
TASKS = {
    "back door": Task(
        "Back door, three discrete covariates (3, 4 and 5 levels)",
        f"A, B, C -> X, Y\nX -> Y\n{BINARY}{LEVELS}",
        {"A": 3, "B": 4, "C": 5, "X": 2, "Y": 2},
        0.15,
        draw_back_door,
        back_door,
    ),
    "front door": Task(
        "Front door",
        f"X -> M -> Y\nX <-> Y\nM : binary\n{BINARY}",
        {"X": 2, "M": 2, "Y": 2},
        0.15,
        draw_front_door,
        front_door,
    ),
    "napkin": Task(
        "Napkin",
        f"W -> Z -> X -> Y\nW <-> X\nW <-> Y\nW : binary\nZ : binary\n{BINARY}",
        {"W": 2, "Z": 2, "X": 2, "Y": 2},
        0.3,
        draw_napkin,
        napkin,
    ),
}


def write(task: Task, path: Path, rows: int, seed: int) -> None:
    """Draw rows and write them as parquet, a million at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(seed)
    writer = None
    for start in range(0, rows, DRAWN):
        block = pa.table(task.draw(rng, min(DRAWN, rows - start)))
        writer = writer or pq.ParquetWriter(path, block.schema)
        writer.write_table(block)
    if writer is not None:
        writer.close()


def write_large(path: Path, rows: int, seed: int) -> float:
    """Write the back door's rows with an outcome that is a number and two columns that no question needs.

    The same rows come back with every million, but for what is added to their outcome.

    Returns:
        The effect by hand, from sums by cell that are added up on the way.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    task = TASKS["back door"]
    sizes = [size for name, size in task.levels.items() if name != "Y"]
    rng = np.random.default_rng(seed)
    drawn = task.draw(rng, min(DRAWN, rows))
    place = np.ravel_multi_index([drawn[name] for name in task.levels if name != "Y"], sizes)
    sums = np.zeros((2, prod(sizes)))
    writer = None
    for start in range(0, rows, DRAWN):
        n = min(DRAWN, rows - start)
        held = {name: column[:n] for name, column in drawn.items()}
        y = 100 * held["Y"] + rng.standard_normal(n)
        sums += np.stack([np.bincount(place[:n], weights, prod(sizes)) for weights in (np.ones(n), y)])
        block = pa.table({**held, "Y": y, "id": np.arange(start, start + n), "other": rng.standard_normal(n)})
        writer = writer or pq.ParquetWriter(path, block.schema)
        writer.write_table(block)
    if writer is not None:
        writer.close()
    # The table that `back_door` takes: what an outcome adds stands where it is 1, and with the rest all rows.
    return task.by_hand(np.stack([sums[0] - sums[1], sums[1]], axis=-1).reshape([*sizes, 2]))


def encoded(task: Task, path: Path) -> list[NDArray[np.uint8]]:
    """Read the columns as codes of one byte, each in one piece."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    return [np.ascontiguousarray(table[name].to_numpy().astype(np.uint8)) for name in task.levels]


def limit(task: Task, codes: list[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """Count all cells in one pass over the encoded columns, a block that stays in the cache at a time.

    It is what no exact answer can do without; the counts stand in an array with an axis a column.
    """
    sizes = list(task.levels.values())
    cells = prod(sizes)
    narrow = np.dtype(np.uint8 if cells <= np.iinfo(np.uint8).max + 1 else np.uint32)
    counts = np.zeros(cells, dtype=np.int64)
    for start in range(0, len(codes[0]), BLOCK):
        place = codes[0][start : start + BLOCK].astype(narrow)
        for column, size in zip(codes[1:], sizes[1:], strict=True):
            place *= narrow.type(size)
            place += column[start : start + BLOCK]
        counts += np.bincount(place, minlength=cells)
    return counts.reshape(sizes).astype(np.float64)
