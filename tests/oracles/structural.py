"""Random binary structural models by brute force: every unit's thresholds are enumerated, every world computed."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np

__all__ = ["BinaryModel", "random_binary"]


class BinaryModel:
    """Variables V0, V1, …; each is 1 where its uniform number is at least 1 - p(parents)."""

    def __init__(self, parents, tables):
        self.parents, self.tables = parents, tables
        self.cuts = []
        for table in tables:
            ends = sorted({0.0, 1.0, *(1 - p for p in table.values())})
            self.cuts.append([((a + b) / 2, b - a) for a, b in pairwise(ends)])

    def units(self):
        for parts in product(*self.cuts):
            yield [u for u, _ in parts], float(np.prod([w for _, w in parts]))

    def world(self, noise, do):
        values = []
        for i, parents in enumerate(self.parents):
            p = self.tables[i][tuple(values[j] for j in parents)]
            value = int(noise[i] >= 1 - p)
            if i in do:
                held = do[i]
                value = self.world(noise, held)[i] if isinstance(held, dict) else held
            values.append(value)
        return values

    def chance(self, event, given):
        """Return P(event | given): each a list of (variable, do, value)."""
        top = below = 0.0
        for noise, weight in self.units():
            if all(self.world(noise, do)[i] == v for i, do, v in given):
                below += weight
                top += weight * all(self.world(noise, do)[i] == v for i, do, v in event)
        return top / below


def random_binary(rng, size, most_parents=2):
    """Return a random model."""
    parents, tables = [], []
    for i in range(size):
        k = min(i, int(rng.integers(0, most_parents + 1)))
        own = sorted(rng.choice(i, size=k, replace=False).tolist()) if k else []
        parents.append(own)
        tables.append({cell: float(rng.uniform(0.05, 0.95)) for cell in product((0, 1), repeat=k)})
    return BinaryModel(parents, tables)
