"""How often do the intervals cover the truth? Back-door adjustment over one to three covariates.

    python benchmarks/coverage.py [--replicates 2000] [--processes 2] [--write]

For each number of binary covariates, kind of outcome and number of rows, data sets are drawn from a known model, and
the 95% interval of ``ate(X, Y)`` and of ``P(Y=1 | do(X=1))`` (binary outcomes) is held against the exact truth of the
strata that the answer says it speaks of. A share within three Monte Carlo errors of .95 passes. ``--write`` renews
coverage.md beside this file.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import causalgraph as cg

NOMINAL = 0.95
OUTCOMES = {"binary": "binary", "three levels": "{0, 1, 2}", "continuous": "continuous"}
SIZES = (200, 1_000, 10_000)
COVARIATES = (1, 2, 3)


class World:
    """A random model over k binary covariates, a treatment and an outcome, with its exact means."""

    def __init__(self, k: int, outcome: str, seed: int) -> None:
        """Draw the model's parameters."""
        rng = np.random.default_rng(seed)
        self.outcome, self.names = outcome, [f"Z{i + 1}" for i in range(k)]
        self.strata = np.array(list(itertools.product((0, 1), repeat=k)))
        self.p = rng.dirichlet(np.full(len(self.strata), 8.0))
        self.treated = 0.3 + 0.4 * rng.random(len(self.strata))
        base = 0.15 + 0.4 * rng.random((len(self.strata), 1))
        self.mean = np.hstack([base, base + 0.1 + 0.2 * rng.random((len(self.strata), 1))])

    def text(self) -> str:
        """Return the model in the language."""
        declared = "; ".join(f"{z} : binary" for z in self.names)
        return f"{declared}; X : binary; Y : {OUTCOMES[self.outcome]}; {', '.join(self.names)} -> X, Y; X -> Y"

    def draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw a data set of n rows."""
        s = rng.choice(len(self.p), n, p=self.p)
        x = (rng.random(n) < self.treated[s]).astype(int)
        m = self.mean[s, x]
        if self.outcome == "binary":
            y: Any = (rng.random(n) < m).astype(int)
        elif self.outcome == "three levels":
            y = rng.binomial(2, m)
        else:
            y = 10 * m + rng.gamma(2.0, 1.0, n) - 2.0
        return pd.DataFrame(self.strata[s], columns=self.names).assign(X=x, Y=y)

    @property
    def scale(self) -> float:
        """What the outcome's mean is per unit of `mean`."""
        return {"binary": 1.0, "three levels": 2.0, "continuous": 10.0}[self.outcome]

    def truth(self, query: str, failing: list[dict[str, Any]]) -> float:
        """Return the exact answer over the strata that an estimate speaks of."""
        lost = {tuple(int(f["levels"][z]) for z in self.names) for f in failing}
        kept = np.array([tuple(map(int, s)) not in lost for s in self.strata])
        values = self.mean[:, 1] - self.mean[:, 0] if query.startswith("ate") else self.mean[:, 1] / self.scale
        return float(self.scale * (values[kept] @ self.p[kept]) / self.p[kept].sum())


def run(task: tuple[int, str, int, str, int]) -> dict[str, Any]:
    """Return how often the intervals of one setting cover."""
    k, outcome, n, query, replicates = task
    world = World(k, outcome, seed=100 * k + n)
    model, rng = cg.parse(world.text()), np.random.default_rng(k * 1_000_003 + n)
    covered, width, thin = 0, 0.0, 0
    for _ in range(replicates):
        found = model.ask(query, data=world.draw(n, rng)).to_dict()
        low, high = found["interval"]
        covered += low <= world.truth(query, found["failing"]) <= high
        width += high - low
        thin += found["supported"] < 1
    return {
        "covariates": k,
        "outcome": outcome,
        "n": n,
        "query": query,
        "coverage": covered / replicates,
        "width": width / replicates,
        "thin": thin / replicates,
    }


def main() -> int:
    """Run all settings and print the table; the exit code says whether all pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=2000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    tasks = [(k, o, n, "ate(X, Y)", options.replicates) for k in COVARIATES for o in OUTCOMES for n in SIZES]
    tasks += [(k, "binary", n, "P(Y=1 | do(X=1))", options.replicates) for k in COVARIATES for n in SIZES]
    band = 3 * np.sqrt(NOMINAL * (1 - NOMINAL) / options.replicates)
    rows = [
        "| query | covariates | outcome | n | coverage | mean width | short of support |",
        "|---|---|---|---|---|---|---|",
    ]
    worst = 0.0
    with ProcessPoolExecutor(options.processes) as pool:
        for found in pool.map(run, tasks):
            off = found["coverage"] - NOMINAL
            worst = max(worst, abs(off))
            mark = "" if abs(off) <= band else " (!)"
            rows.append(
                f"| `{found['query']}` | {found['covariates']} | {found['outcome']} | {found['n']:,} | "
                f"{found['coverage']:.4f}{mark} | {found['width']:.3f} | {found['thin']:.1%} |"
            )
            sys.stdout.write(rows[-1] + "\n")
            sys.stdout.flush()
    head = (
        f"Coverage of 95% intervals over {options.replicates:,} data sets a row; three Monte Carlo errors are\n"
        f'{band:.4f}. "Short of support" is the share of data sets in which some stratum lacked an arm: the truth is\n'
        "then that of the strata that the answer names. Made by `python benchmarks/coverage.py --write`.\n"
    )
    if options.write:
        Path(__file__).with_suffix(".md").write_text(
            f"# Coverage\n\n{head}\n" + "\n".join(rows) + "\n", encoding="utf-8"
        )
    sys.stdout.write(f"\nlargest distance from .95: {worst:.4f}; allowed: {band:.4f}\n")
    return int(worst > band)


if __name__ == "__main__":
    sys.exit(main())
