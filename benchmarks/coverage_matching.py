"""How often do the intervals of matching cover the truth, and is their error the spread of the estimates?

    python benchmarks/coverage_matching.py [--replicates 2000] [--rows 500] [--curve 0] [--processes 2] [--write]

Data sets are drawn from a model with three covariates and an effect that differs from row to row. ``--curve`` bends the
outcome in one of them, which a correction by lines can't follow: the bias of matching in several dimensions then shows.
Coverage within three Monte Carlo errors of .95 passes. ``--write`` renews coverage_matching.md beside this file.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from causalgraph.estimate.base import Population, Target
from causalgraph.estimate.coarsened import coarsened
from causalgraph.estimate.matching import matching
from causalgraph.estimate.sample import Sample

NOMINAL, Z = 0.95, 1.959963984540054
SETTINGS: tuple[tuple[str, dict[str, Any]], ...] = (
    *((f"Mahalanobis, {k}", {"neighbours": k}) for k in (1, 2, 4)),
    *((f"estimated score, {k}", {"distance": "propensity", "neighbours": k}) for k in (1, 2, 4)),
    ("known score, 1", {"known": True}),
    ("coarsened", {"bins": 4}),
    ("pairs of an estimated score", {"distance": "propensity", "replace": False, "caliper": 0.2}),
)
POPULATIONS: tuple[Population, ...] = ("ate", "att")


def draw(n: int, rng: np.random.Generator, curve: float = 0.0) -> tuple[Sample, np.ndarray, np.ndarray]:
    """Return a sample, its true scores and the effect on each row."""
    x = rng.normal(size=(n, 3))
    score = 1 / (1 + np.exp(0.7 - 0.5 * x[:, 0] - 0.4 * x[:, 1]))
    arm = (rng.random(n) < score).astype(np.intp)
    effect = 1 + 0.5 * x[:, 0]
    y = x[:, 0] + x[:, 1] + curve * x[:, 0] ** 2 + x[:, 2] + effect * arm + rng.normal(size=n)
    sample = Sample("T", ("0", "1"), arm, "Y", y, ("A", "B", "C"), x, ((), (), ()), np.ones(n))
    return sample, score, effect


def run(task: tuple[str, dict[str, Any], Population, int, int, float]) -> tuple[float, float, float, float]:
    """Return coverage, bias, empirical spread and mean error of one setting."""
    name, options, population, n, replicates, curve = task
    big, _, effect = draw(4_000_000, np.random.default_rng(1))
    truth = float(effect.mean() if population == "ate" else effect[big.arm == 1].mean())
    rng = np.random.default_rng(zlib.crc32(f"{name} {population} {n}".encode()))
    told = []
    for _ in range(replicates):
        sample, score, effect = draw(n, rng, curve)
        chosen = dict(options)
        if chosen.pop("known", False):
            chosen["propensity"] = score
        estimate = coarsened if "bins" in chosen else matching
        found = estimate(sample, Target(1, 0, population), **chosen)
        told.append((found.value, found.error))
    value, error = np.array(told).T
    covered = float((np.abs(value - truth) <= Z * error).mean())
    return covered, float(value.mean() - truth), float(value.std(ddof=1)), float(error.mean())


def main() -> int:
    """Run all settings and print the table; the exit code says whether all pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=2000)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--curve", type=float, default=0.0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    band = 3 * float(np.sqrt(NOMINAL * (1 - NOMINAL) / options.replicates))
    tasks = [
        (name, chosen, population, options.rows, options.replicates, options.curve)
        for name, chosen in SETTINGS
        for population in POPULATIONS
        if population != "ate" or chosen.get("replace", True)
    ]
    lines = [
        "| matching | population | coverage | bias | spread | mean error / spread |",
        "|---|---|---|---|---|---|",
    ]
    worst = 0.0
    with ProcessPoolExecutor(options.processes) as pool:
        for task, (covered, bias, spread, error) in zip(tasks, pool.map(run, tasks), strict=True):
            worst = max(worst, abs(covered - NOMINAL))
            mark = " (!)" if abs(covered - NOMINAL) > band else ""
            lines.append(
                f"| {task[0]} | {task[2]} | {covered:.4f}{mark} | {bias:+.4f} | {spread:.4f} | {error / spread:.3f} |"
            )
            sys.stdout.write(lines[-1] + "\n")
            sys.stdout.flush()
    head = (
        f"# Coverage of matching\n\n95% intervals over {options.replicates:,} data sets of {options.rows:,} rows, "
        f"curve {options.curve:g}; three "
        f"Monte Carlo errors are {band:.4f}.\nMade by `python benchmarks/coverage_matching.py --write`.\n\n"
    )
    if options.write:
        Path(__file__).with_suffix(".md").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    sys.stdout.write(f"\nlargest distance from .95: {worst:.4f}; allowed: {band:.4f}\n")
    return int(worst > band)


if __name__ == "__main__":
    sys.exit(main())
