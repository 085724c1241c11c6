"""How often do the intervals cover the truth? Back door, front door, napkin and a Verma graph, discrete and Gaussian.

    python benchmarks/coverage.py [--replicates 2000] [--processes 2] [--only WORD] [--write]

For each world, kind of data and number of rows, data sets are drawn from a known model, and the 95% interval of the
query is held against the exact truth of the strata that the answer says it speaks of. A data set of which the answer
gives no interval, or that is refused, counts as refused. A share within three Monte Carlo errors of .95 passes.
``--only`` runs the settings whose world, kind or query holds the word. ``--write`` renews coverage.md beside this file.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from coverage_worlds import GRAPHS, OUTCOMES, STRENGTHS, Latent, Strata, World

import causalgraph as cg

NOMINAL = 0.95
SIZES = {"strata": (200, 1_000, 10_000), "latent": (500, 2_000, 10_000)}
COVARIATES = (1, 2, 3)
HEAD = (
    "| world | data | method | query | n | coverage | mean width | truth below : above | short of support | refused |",
    "|---|---|---|---|---|---|---|---|---|---|",
)


@dataclass(frozen=True)
class Setting:
    """A row of the table: what is drawn, what is asked, and how."""

    name: str
    data: str
    world: World
    query: str
    n: int
    method: str = "auto"

    @property
    def seed(self) -> int:
        """A seed of its own, the same in every run."""
        return zlib.crc32(f"{self.name} {self.data} {self.query} {self.n}".encode())


@dataclass(frozen=True)
class Found:
    """What the intervals of one setting did, as shares of the data sets; coverage among those that weren't refused."""

    coverage: float
    width: float
    below: float
    above: float
    thin: float
    refused: float


def settings() -> Iterator[Setting]:
    """Yield the rows in order."""
    effect, chance = "ate(X, Y)", "P(Y=1 | do(X=1))"
    for query, outcomes in ((effect, tuple(OUTCOMES)), (chance, ("binary",))):
        for k in COVARIATES:
            for outcome in outcomes:
                for n in SIZES["strata"]:
                    world = Strata(k, outcome, seed=100 * k + n)
                    yield Setting(f"back door, {k} covariates" if k > 1 else "back door", outcome, world, query, n)
    for name, graph in GRAPHS.items():
        x, y = graph.treatment, graph.outcome
        for kind, strengths in STRENGTHS.items():
            if name == "back door" and kind == "binary":
                continue  # stands above
            method = "auto" if kind == "binary" else "gaussian"
            for strength in strengths if graph.hidden else ["moderate"]:
                label = f"{name}, {strength} latent causes" if graph.hidden else name
                for n in SIZES["latent"]:
                    yield Setting(label, kind, Latent(graph, kind, strength), f"ate({x}, {y})", n, method)
            if kind == "binary":
                for n in SIZES["latent"]:
                    query = f"P({y}=1 | do({x}=1))"
                    yield Setting(f"{name}, moderate latent causes", kind, Latent(graph, kind, "moderate"), query, n)


def run(task: tuple[Setting, int]) -> Found:
    """Return how often the intervals of one setting cover."""
    setting, replicates = task
    model, rng = cg.parse(setting.world.text), np.random.default_rng(setting.seed)
    told, thin = [], 0
    for _ in range(replicates):
        data = setting.world.draw(setting.n, rng)
        try:
            found = model.ask(setting.query, data=data, method=setting.method).to_dict()
        except cg.EstimationError:
            # A refusal is an answer: it is counted.
            continue
        thin += found["supported"] < 1
        if found["interval"] is not None:
            low, high = found["interval"]
            truth = setting.world.truth(setting.query, found["failing"])
            told.append((low <= truth <= high, high - low, truth < low, truth > high))
    coverage, width, below, above = map(float, np.mean(told, axis=0) if told else np.full(4, np.nan))
    return Found(coverage, width, below, above, thin / replicates, 1 - len(told) / replicates)


def line(setting: Setting, found: Found, band: float) -> str:
    """Return a row of the table; a coverage outside the band is marked."""
    mark = " (!)" if abs(found.coverage - NOMINAL) > band else ""
    method = "counts" if setting.method == "auto" else setting.method
    query = setting.query.replace("|", "\\|")  # a bar would end the cell
    return (
        f"| {setting.name} | {setting.data} | {method} | `{query}` | {setting.n:,} | "
        f"{found.coverage:.4f}{mark} | {found.width:.3f} | {found.below:.1%} : {found.above:.1%} | "
        f"{found.thin:.1%} | {found.refused:.1%} |"
    )


def main() -> int:
    """Run all settings and print the table; the exit code says whether all pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=2000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    chosen = [s for s in settings() if options.only in f"{s.name} {s.data} {s.query} {s.method}"]
    band = 3 * np.sqrt(NOMINAL * (1 - NOMINAL) / options.replicates)
    rows, worst = list(HEAD), 0.0
    with ProcessPoolExecutor(options.processes) as pool:
        tasks = [(s, options.replicates) for s in chosen]
        for setting, found in zip(chosen, pool.map(run, tasks), strict=True):
            # Where all was refused there is no coverage, and nothing wrong was said.
            worst = max(worst, 0.0 if np.isnan(found.coverage) else abs(found.coverage - NOMINAL))
            rows.append(line(setting, found, band))
            sys.stdout.write(rows[-1] + "\n")
            sys.stdout.flush()
    head = (
        f"Coverage of 95% intervals over {options.replicates:,} data sets a row; three Monte Carlo errors are\n"
        f'{band:.4f}. "Truth below : above" is the share of intervals that lie wholly above the truth, and below it.\n'
        '"Short of support" is the share of data sets in which some stratum lacked an arm: the truth is then that of\n'
        'the strata that the answer names. "Refused" is the share that got no interval; coverage is among the others.\n'
        "Latent causes are drawn and dropped. Made by `python benchmarks/coverage.py --write`.\n"
    )
    if options.write:
        Path(__file__).with_suffix(".md").write_text(
            f"# Coverage\n\n{head}\n" + "\n".join(rows) + "\n", encoding="utf-8"
        )
    sys.stdout.write(f"\nlargest distance from .95: {worst:.4f}; allowed: {band:.4f}\n")
    return int(worst > band)


if __name__ == "__main__":
    sys.exit(main())
