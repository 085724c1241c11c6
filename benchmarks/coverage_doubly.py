"""Coverage of intervals by outcome regression, AIPW and TMLE: Kang and Schafer's design, one model wrong at a time.

Each row of the table: bias over the estimates' spread, their spread, the mean and the median error over it, and the
share of 95% intervals that hold the truth, with its Monte Carlo error.

Source: Kang & Schafer, Demystifying double robustness, 2007, DOI 10.1214/07-STS227.

    python benchmarks/coverage_doubly.py [replicates] > benchmarks/coverage_doubly.md
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from causalgraph.estimate.base import Result, Target, error_of
from causalgraph.estimate.crossfit import Nuisances, Options, nuisances
from causalgraph.estimate.doubly import aipw, doubly
from causalgraph.estimate.regression import regression
from causalgraph.estimate.sample import Sample
from causalgraph.estimate.tmle import targeted, tmle

if TYPE_CHECKING:
    from numpy.typing import NDArray

CRITICAL = 1.959963984540054
SUBJECTS = 1000
TARGETS = (Target(1, 0, "ate"), Target(1, 0, "att"))


def kang_schafer(draw: np.random.Generator, n: int) -> tuple[Sample, Sample]:
    """Return the published design by the true covariates, and by those that an analyst sees; the truth is 0."""
    z = draw.normal(size=(n, 4))
    y = 210 + z @ [27.4, 13.7, 13.7, 13.7] + draw.normal(size=n)
    chance = 1 / (1 + np.exp(-(z @ [-1, 0.5, -0.25, -0.1])))
    treated = (draw.random(n) < chance).astype(np.intp)
    seen = np.column_stack(
        [
            np.exp(z[:, 0] / 2),
            z[:, 1] / (1 + np.exp(z[:, 0])) + 10,
            (z[:, 0] * z[:, 2] / 25 + 0.6) ** 3,
            (z[:, 1] + z[:, 3] + 20) ** 2,
        ]
    )
    return _sample(z, treated, y), _sample(seen, treated, y)


def modest(draw: np.random.Generator, n: int) -> Sample:
    """Return a sample with an outcome of 0 and 1, both models right."""
    x = draw.normal(size=(n, 3))
    treated = (draw.random(n) < 1 / (1 + np.exp(-(x @ [0.6, -0.4, 0.2])))).astype(np.intp)
    y = draw.random(n) < _risk(x, treated)
    return _sample(x, treated, y.astype(float))


def _risk(x: NDArray[np.float64], treated: NDArray[np.intp] | int) -> NDArray[np.float64]:
    risk: NDArray[np.float64] = 1 / (1 + np.exp(-(x @ [0.7, 0.0, 0.5] + treated * (0.6 + 0.4 * x[:, 1]))))
    return risk


def _sample(x: NDArray[np.float64], arm: NDArray[np.intp], y: NDArray[np.float64]) -> Sample:
    names = tuple(f"V{j}" for j in range(x.shape[1]))
    return Sample("X", ("0", "1"), arm, "Y", y, names, x, tuple(() for _ in names), np.ones(len(y)))


def mixed(outcome: Sample, scores: Sample, target: Target) -> Nuisances:
    """Return nuisances of which each sees its own covariates."""
    first = nuisances(outcome, target, Options(), 0)
    return first if scores is outcome else replace(first, scores=nuisances(scores, target, Options(), 0).scores)


def row(name: str, results: list[Result], samples: list[Sample], truth: float) -> str:
    """Lay out one row of the table."""
    values = np.array([r.value for r in results])
    errors = np.array(
        [error_of(r.influence, s) for r, s in zip(results, samples, strict=True) if r.influence is not None]
    )
    spread = float(values.std(ddof=1))
    covered = float(np.mean(np.abs(values - truth) <= CRITICAL * errors))
    return (
        f"| {name} | {(values.mean() - truth) / spread:+.2f} | {spread:.3f} | {errors.mean() / spread:.3f} | "
        f"{np.median(errors) / spread:.3f} | {covered:.3f} ± {sqrt(covered * (1 - covered) / len(values)):.3f} |"
    )


HEAD = "| estimator | bias / spread | spread | mean error / spread | median error / spread | coverage |\n|" + "---|" * 6
# World -> whether the outcome's model, and the scores', see the wrong covariates.
WORLDS = {"both models right": (0, 0), "outcome's model wrong": (1, 0), "scores' model wrong": (0, 1)}
FINISH: dict[str, Callable[[Sample, Target, Nuisances], Result]] = {"aipw": doubly, "tmle": targeted}


def of_kang_schafer(n: int, world: str, replicates: int) -> None:
    """Print the table of one world."""
    print(f"\n## Kang and Schafer, {n:,} subjects, {world}\n\n{HEAD}")
    outcome, scores = WORLDS[world]
    draw = np.random.default_rng(8)
    pairs = [kang_schafer(draw, n) for _ in range(replicates)]
    samples = [pair[0] for pair in pairs]
    for target in TARGETS:
        found = [mixed(pair[outcome], pair[scores], target) for pair in pairs]
        for name, ended in FINISH.items():
            results = [ended(sample, target, one) for sample, one in zip(samples, found, strict=True)]
            print(row(f"{name}, {target.population}", results, samples, 0.0))
    if not outcome and not scores:
        print(row("regression, ate", [regression(sample, TARGETS[0]) for sample in samples], samples, 0.0))


def of_a_binary_outcome(replicates: int) -> None:
    """Print the table of an outcome of 0 and 1, with cross-fitting too."""
    print(f"\n## An outcome of 0 and 1, 500 subjects, both models right\n\n{HEAD}")
    draw = np.random.default_rng(8)
    many = draw.normal(size=(2_000_000, 3))
    truth = float(np.mean(_risk(many, 1) - _risk(many, 0)))
    samples = [modest(draw, 500) for _ in range(replicates)]
    for name, estimator in {"regression": regression, "aipw": aipw, "tmle": tmle}.items():
        print(row(f"{name}, ate", [estimator(s, TARGETS[0]) for s in samples], samples, truth))
    folded = [aipw(s, TARGETS[0], cross_fit=5, seed=i) for i, s in enumerate(samples)]
    print(row("aipw, 5 folds, ate", folded, samples, truth))


def main(replicates: int) -> None:
    """Print the tables."""
    print("# Coverage of doubly robust estimators\n")
    print(f"`python benchmarks/coverage_doubly.py`: {replicates:,} replicates, seed 8.")
    for n in (500, SUBJECTS):
        for world in WORLDS:
            of_kang_schafer(n, world, replicates)
    of_a_binary_outcome(replicates)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
