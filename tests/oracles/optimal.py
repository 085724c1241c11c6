"""Exact asymptotic variances of least-squares adjustment in random linear Gaussian models over a graph with latents.

For OLS adjustment with Z the coefficient of X_i has the asymptotic variance Var(Y | X, Z) · (Cov(X | Z)^-1)_ii. What is
selected is conditioned on throughout. Every two-headed edge becomes a latent parent of both its ends.

Source: L. Henckel, E. Perković, M. Maathuis (2022), doi:10.1111/rssb.12451, equation 3.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from causalgraph.graphs.mixed import MixedGraph

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TOLERANCE", "LinearModel", "best_in_every_model"]

# What counts as equal, and how badly conditioned a covariance may be for that to mean something.
TOLERANCE = 1e-9
WORST = 1e6


@dataclass(frozen=True)
class LinearModel:
    """The covariance of the nodes of a graph, in their order."""

    graph: MixedGraph
    sigma: NDArray[np.float64]

    @classmethod
    def random(cls, graph: MixedGraph, rng: np.random.Generator, spread: float = 0.6) -> LinearModel:
        """Draw weights and noises from log-normal laws, `spread` their width, with random signs of the weights.

        Models whose covariance is so near to singular that rounding would decide are drawn anew.
        """
        sigma = _covariance(graph, rng, spread)
        while np.linalg.cond(sigma) > WORST:
            sigma = _covariance(graph, rng, spread)
        return cls(graph, sigma)

    def left(self, of: Iterable[str], given: Iterable[str]) -> NDArray[np.float64]:
        """Return the covariance of some nodes that is left given others."""
        place = {n: i for i, n in enumerate(self.graph.nodes)}
        at, on = [place[n] for n in of], [place[n] for n in given]
        own = self.sigma[np.ix_(at, at)]
        if not on:
            return own
        across = self.sigma[np.ix_(at, on)]
        return own - across @ np.linalg.solve(self.sigma[np.ix_(on, on)], across.T)

    def variances(self, x: Iterable[str], y: str, z: Iterable[str]) -> NDArray[np.float64]:
        """Return the asymptotic variances of the coefficients of X in a regression of Y on X and Z."""
        xs, fixed = sorted(x), [*sorted(z), *sorted(self.graph.selected)]
        noise = self.left([y], [*xs, *fixed])[0, 0]
        return np.asarray(noise * np.diag(np.linalg.inv(self.left(xs, fixed))))


def _covariance(graph: MixedGraph, rng: np.random.Generator, spread: float) -> NDArray[np.float64]:
    place = {n: i for i, n in enumerate(graph.nodes)}
    hidden = [e for e in graph.edges if e.mark == "<->"]
    size = len(place) + len(hidden)
    weights = np.zeros((size, size))

    def weight() -> float:
        return float(np.exp(rng.normal(0, spread)) * rng.choice([-1, 1]))

    for edge in graph.edges:
        if edge.mark == "->":
            weights[place[edge.right], place[edge.left]] = weight()
    for number, edge in enumerate(hidden, start=len(place)):
        weights[place[edge.left], number], weights[place[edge.right], number] = weight(), weight()
    total = np.linalg.inv(np.eye(size) - weights)
    sigma = total @ np.diag(np.exp(rng.normal(0, spread, size))) @ total.T
    return np.asarray(sigma[: len(place), : len(place)])


def best_in_every_model(
    graph: MixedGraph, x: str, y: str, sets: Collection[frozenset[str]], rng: np.random.Generator, tries: int
) -> set[frozenset[str]]:
    """Return the sets that no other one beats in any of many random models."""
    left = set(sets)
    for number in range(tries):
        model = LinearModel.random(graph, rng, spread=(0.6, 0.9, 1.2)[number % 3])
        values = {z: model.variances([x], y, z)[0] for z in sets}
        least = min(values.values())
        left = {z for z in left if values[z] <= least * (1 + TOLERANCE)}
        if not left:
            break
    return left
