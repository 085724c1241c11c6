"""How often do the intervals of a trial's estimators cover the population's effect?

    python benchmarks/coverage_trial.py [--replicates 2000]

Trials are drawn from worlds with a known effect: skewed outcomes whose effect varies with covariates, small strata,
and 20 clusters that are assigned as a whole. A share within three Monte Carlo errors of .95 passes.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Callable

import numpy as np
from scipy.special import stdtrit

from causalgraph.estimate.base import Result, Target
from causalgraph.estimate.sample import Sample
from causalgraph.estimate.stratified import stratified
from causalgraph.estimate.trial import difference, lin

NOMINAL = 0.95
World = Callable[[np.random.Generator, int], Sample]


def rows(x: np.ndarray, y: np.ndarray, z: np.ndarray, levels: int = 0, clusters: np.ndarray | None = None) -> Sample:
    """Return a sample of two arms and one covariate."""
    names = tuple(str(i) for i in range(levels))
    return Sample(
        "X", ("0", "1"), x, "Y", y, ("Z",), z[:, None].astype(float), (names,), np.ones(len(y)), "rows", clusters
    )


def skewed(rng: np.random.Generator, n: int) -> Sample:
    """Exponential errors, an effect of 1 + z."""
    x, z = rng.permutation(np.arange(n) % 2), rng.normal(size=n)
    return rows(x, z + x * (1 + z) + (rng.exponential(size=n) - 1) * (1 + x), z)


def strata(rng: np.random.Generator, n: int) -> Sample:
    """Strata of ten rows on average, an effect of 1 + (s - mean) / sd."""
    k = n // 10
    x, z = rng.integers(0, 2, n), rng.integers(0, k, n)
    apart = (z - (k - 1) / 2) / max(np.arange(k).std(), 1)
    return rows(x, apart + x * (1 + apart) + rng.normal(size=n), z, k)


def clustered(rng: np.random.Generator, n: int) -> Sample:
    """20 clusters, 6 of them treated, intraclass correlation .2, an effect of 1 + z."""
    c = np.arange(n) % 20
    x, z = rng.permutation(np.arange(20) < 6).astype(int)[c], rng.normal(size=n)
    return rows(x, z + x * (1 + z) + rng.normal(size=20)[c] * 0.5 + rng.normal(size=n), z, clusters=c)


def plain(sample: Sample, target: Target) -> Result:
    """Return the difference of means, without the covariate."""
    return difference(
        Sample(
            "X",
            sample.arms,
            sample.arm,
            "Y",
            sample.y,
            (),
            np.empty((sample.n, 0)),
            (),
            sample.weight,
            "rows",
            sample.clusters,
        ),
        target,
    )


SETTINGS = (
    ("difference", plain, "skewed", skewed, (60, 200, 1000)),
    ("lin", lin, "skewed", skewed, (60, 200, 1000)),
    ("stratified", stratified, "small strata", strata, (60, 200, 1000)),
    ("difference", plain, "20 clusters", clustered, (60, 200, 1000)),
    ("lin", lin, "20 clusters", clustered, (60, 200, 1000)),
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--replicates", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=2026)
    given = parser.parse_args()
    count = given.replicates
    margin = 3 * np.sqrt(NOMINAL * (1 - NOMINAL) / count)
    print("| method | world | n | coverage | mean error / empirical | |\n|---|---|---|---|---|---|")
    for name, estimator, label, world, sizes in SETTINGS:
        for n in sizes:
            rng = np.random.default_rng([given.seed, zlib.crc32(f"{name} {label} {n}".encode())])
            found = [estimator(world(rng, n), Target(1, 0)) for _ in range(count)]
            value, error, df = (np.array([getattr(r, what) for r in found]) for what in ("value", "error", "df"))
            share = float(np.mean(np.abs(value - 1) <= stdtrit(df, (1 + NOMINAL) / 2) * error))
            passed = "passes" if abs(share - NOMINAL) <= margin else "FAILS"
            print(
                f"| {name} | {label} | {n:,} | {share:.4f} | {error.mean() / value.std():.3f} | {passed} |", flush=True
            )


if __name__ == "__main__":
    main()
