"""Coverage of 95% intervals by weighting, with estimated and known scores: `python -m benchmarks.coverage_weighting`.

Each row: 2,000 data sets; the share of intervals that hold the truth, and the mean standard error over the empirical
one. Interval and error are right if they lie within 3 Monte Carlo errors of 0.95, and within 5% of 1. The populations'
true effects are averages over 4 million draws. In the first world weights grow as exp(Days / 20) with Days exponential
of mean 10: they have no third moment, so that the mean error says little there.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from math import sqrt

import numpy as np
from scipy.special import stdtrit

from causalgraph.estimate.base import Population, Result, Target, error_of
from causalgraph.estimate.sample import Sample
from causalgraph.estimate.weighting import ipw

SIZES = (500, 2000)
Drawn = tuple[Sample, np.ndarray, np.ndarray]


def banner(rng: np.random.Generator, n: int) -> Drawn:
    """Draw numbers that move treatment and outcome; the effect is 8 for all."""
    prior, days = rng.normal(50, 20, n), rng.exponential(10, n)
    score = 1 / (1 + np.exp(-(0.03 * prior - 0.05 * days - 1)))
    t = rng.binomial(1, score)
    y = 0.6 * prior - 0.3 * days + 8 * t + rng.normal(0, 5, n)
    return _sample(t, y, np.column_stack([prior, days])), score, np.full(n, 8.0)


def differing(rng: np.random.Generator, n: int) -> Drawn:
    """Draw an effect that differs with a number and a level, both of which move the treatment."""
    x, r = rng.normal(size=n), rng.integers(0, 3, n)
    score = 1 / (1 + np.exp(-(0.7 * x + 0.5 * (r == 1) - 0.5 * (r == 2))))
    t = rng.binomial(1, score)
    effect = 1 + 0.8 * x + (r == 2)
    y = x + r + effect * t + rng.normal(0, 1 + 0.5 * t, n)
    return _sample(t, y, np.column_stack([x, r]), ((), ("a", "b", "c"))), score, effect


def strata(rng: np.random.Generator, n: int) -> Drawn:
    """Draw a binary outcome and two discrete covariates."""
    r, s = rng.integers(0, 4, n), rng.integers(0, 2, n)
    score = 1 / (1 + np.exp(-(0.4 * r - 0.8 + 0.5 * s)))
    t = rng.binomial(1, score)
    base, effect = 0.15 + 0.1 * r, 0.1 + 0.1 * s
    y = rng.binomial(1, base + effect * t).astype(float)
    return _sample(t, y, np.column_stack([r, s]).astype(float), (tuple("abcd"), tuple("ef"))), score, effect


def _sample(t: np.ndarray, y: np.ndarray, values: np.ndarray, levels: tuple[tuple[str, ...], ...] = ((), ())) -> Sample:
    return Sample("T", ("0", "1"), t, "Y", y, ("A", "B"), values, levels, np.ones(len(t)))


WORLDS: dict[str, Callable[[np.random.Generator, int], Drawn]] = {
    "banner": banner,
    "effects differ": differing,
    "strata, binary outcome": strata,
}
# What is asked: weights, population, whether the score is known.
ASKED: tuple[tuple[str, Population, bool], ...] = (
    ("hajek", "ate", False),
    ("hajek", "att", False),
    ("hajek", "atc", False),
    ("horvitz-thompson", "ate", False),
    ("overlap", "ate", False),
    ("hajek", "ate", True),
    ("hajek", "att", True),
)


def told(found: Result, sample: Sample) -> tuple[float, float, float]:
    """Return value, standard error, and half the interval."""
    if found.influence is None or found.df is None:
        raise ValueError(found)
    error = error_of(found.influence, sample)
    return found.value, error, float(stdtrit(found.df, 0.975)) * error


def truths(world: str) -> dict[str, float]:
    """Return the effect in each population, from many draws."""
    _, score, effect = WORLDS[world](np.random.default_rng(0), 4_000_000)
    over = {"ate": np.ones_like(score), "att": score, "atc": 1 - score, "overlap": score * (1 - score)}
    return {name: float(np.average(effect, weights=weight)) for name, weight in over.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=2026)
    given = parser.parse_args()
    repeats = given.repeats
    print("| world | n | weights | effect | score | coverage | in 3 MC errors | mean error / empirical |")
    print("|---|---|---|---|---|---|---|---|")
    for world, draw in WORLDS.items():
        true = truths(world)
        for n in SIZES:
            values, errors, reach = np.empty((3, len(ASKED), repeats))
            for i in range(repeats):
                sample, score, _ = draw(np.random.default_rng([given.seed, n, i]), n)
                for j, (weights, population, known) in enumerate(ASKED):
                    found = ipw(sample, Target(1, 0, population), weights=weights, propensity=score if known else None)
                    values[j, i], errors[j, i], reach[j, i] = told(found, sample)
            for j, (weights, population, known) in enumerate(ASKED):
                truth = true["overlap" if weights == "overlap" else population]
                covered = float((np.abs(values[j] - truth) <= reach[j]).mean())
                good = abs(covered - 0.95) <= 3 * sqrt(0.95 * 0.05 / repeats)
                ratio = errors[j].mean() / values[j].std(ddof=1)
                print(
                    f"| {world} | {n:,} | {weights} | {population} | {'known' if known else 'estimated'} | "
                    f"{covered:.4f} | {'yes' if good else 'NO'} | {ratio:.3f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
