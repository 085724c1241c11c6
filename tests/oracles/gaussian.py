"""Linear structural models over a DAG or an ADMG, in exact fractions: what is seen, and what an intervention does.

Each two-headed edge is a latent cause of its two ends. Every law is a matrix of fractions, every effect is read off the
structural equations after surgery; nothing of a formula, and no float, takes part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from causalgraph.graphs.mixed import MixedGraph

__all__ = ["LinearModel", "random_linear"]

Matrix = list[list[Fraction]]


def times(a: Matrix, b: Matrix) -> Matrix:
    return [
        [sum((x * y for x, y in zip(row, column, strict=True)), Fraction(0)) for column in zip(*b, strict=True)]
        for row in a
    ]


def turned(a: Matrix) -> Matrix:
    return [list(row) for row in zip(*a, strict=True)]


def inverse(a: Matrix) -> Matrix:
    n = len(a)
    rows = [[*row, *(Fraction(int(i == j)) for j in range(n))] for i, row in enumerate(a)]
    for i in range(n):
        pivot = next(k for k in range(i, n) if rows[k][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for k in range(n):
            if k != i:
                rows[k] = [x - rows[k][i] * y for x, y in zip(rows[k], rows[i], strict=True)]
    return [row[n:] for row in rows]


def block(a: Matrix, rows: Sequence[int], columns: Sequence[int]) -> Matrix:
    return [[a[i][j] for j in columns] for i in rows]


@dataclass(frozen=True)
class LinearModel:
    """V = constant + arrows·V + errors, the errors with a covariance matrix: `arrows[i][j]` is that of j -> i."""

    nodes: tuple[str, ...]
    constant: list[Fraction]
    arrows: Matrix
    errors: Matrix

    def law(self, do: Sequence[str] = ()) -> tuple[Matrix, Matrix, Matrix]:
        """Return constant (p, 1), slopes on the interventions (p, d) and covariance (p, p) of all nodes under do."""
        n = len(self.nodes)
        at = [self.nodes.index(d) for d in do]
        arrows = [[Fraction(0)] * n if i in at else row for i, row in enumerate(self.arrows)]
        errors = [
            [Fraction(0) if {i, j} & set(at) else e for j, e in enumerate(row)] for i, row in enumerate(self.errors)
        ]
        through = inverse([[Fraction(int(i == j)) - arrows[i][j] for j in range(n)] for i in range(n)])
        constant = [[Fraction(0) if i in at else c] for i, c in enumerate(self.constant)]
        set_to = [[Fraction(int(i == k)) for k in at] for i in range(n)]
        return times(through, constant), times(through, set_to), times(times(through, errors), turned(through))

    def observed(self, names: Sequence[str]) -> tuple[list[Fraction], Matrix]:
        """Return mean and covariance of some nodes, as they are seen."""
        mean, _, covariance = self.law()
        at = [self.nodes.index(n) for n in names]
        return [mean[i][0] for i in at], block(covariance, at, at)

    def effect(
        self, outcomes: Sequence[str], do: Sequence[str], given: Sequence[str] = ()
    ) -> tuple[Matrix, Matrix, Matrix]:
        """Return the law of the outcomes under do, given others: constant, slopes on (*do, *given), covariance."""
        mean, slopes, covariance = self.law(do)
        y, w = ([self.nodes.index(n) for n in names] for names in (outcomes, given))
        pick = lambda a, at: [a[i] for i in at]  # noqa: E731
        if not w:
            return pick(mean, y), pick(slopes, y), block(covariance, y, y)
        on = times(block(covariance, y, w), inverse(block(covariance, w, w)))
        minus = lambda a, b: [[p - q for p, q in zip(r, s, strict=True)] for r, s in zip(a, b, strict=True)]  # noqa: E731
        slope = [[*a, *b] for a, b in zip(minus(pick(slopes, y), times(on, pick(slopes, w))), on, strict=True)]
        return (
            minus(pick(mean, y), times(on, pick(mean, w))),
            slope,
            minus(block(covariance, y, y), times(on, block(covariance, w, y))),
        )

    def sample(self, rng: np.random.Generator, n: int, errors: str = "normal") -> np.ndarray:
        """Return n rows of all nodes."""
        root = np.linalg.cholesky(np.array(self.errors, dtype=float))
        draws = {
            "normal": lambda: rng.standard_normal((n, len(self.nodes))),
            "skew": lambda: rng.exponential(size=(n, len(self.nodes))) - 1,
        }[errors]()
        through = np.linalg.inv(np.eye(len(self.nodes)) - np.array(self.arrows, dtype=float))
        return (np.array(self.constant, dtype=float) + draws @ root.T) @ through.T


def random_linear(rng: np.random.Generator, graph: MixedGraph) -> LinearModel:
    """Return a model with random coefficients of a few digits."""

    def drawn(low: float, high: float) -> Fraction:
        return Fraction(int(rng.integers(int(low * 100), int(high * 100) + 1)), 100)

    nodes = graph.nodes
    n = len(nodes)
    arrows = [[Fraction(0)] * n for _ in range(n)]
    errors = [[drawn(0.5, 1.5) if i == j else Fraction(0) for j in range(n)] for i in range(n)]
    for edge in graph.edges:
        i, j = nodes.index(edge.left), nodes.index(edge.right)
        size = drawn(0.3, 1.2) * (1 if rng.random() < 0.6 else -1)
        if edge.mark == "->":
            arrows[j][i] = size
            continue
        # A latent cause of variance 1, with the effects 1 and `size`.
        errors[i][i] += 1
        errors[j][j] += size * size
        errors[i][j] += size
        errors[j][i] += size
    return LinearModel(nodes, [drawn(-3, 3) for _ in nodes], arrows, errors)
