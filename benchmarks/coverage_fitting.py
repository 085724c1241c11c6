"""Coverage of the intervals of fitted parameters, and their mean standard error against the spread of the estimates.

python benchmarks/coverage_fitting.py [repetitions]
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests/scm"))
from test_fitting import EQUATIONS, ORDER, model

from causalgraph.scm.fitting import fit
from oracles.fitting import draw


def main(repetitions: int = 2000, rows: int = 300) -> None:
    """Print the table."""
    print(f"{repetitions} repetitions of {rows} rows; Monte Carlo error {np.sqrt(0.95 * 0.05 / repetitions):.4f}\n")
    print("| equation | parameter | coverage of 95% | mean error / spread | without an error |")
    print("|---|---|---|---|---|")
    for form in ("Normal", "Bernoulli", "Poisson", "Exponential", "LogNormal", "Gamma", "Beta", "scaled"):
        rule = model(EQUATIONS[form])
        found = {}
        for seed in range(repetitions):
            data, truth = draw(form, rows, seed=seed)
            told = {p.name: p for p in fit(rule, pd.DataFrame(data)).parameters}
            for name, value in zip(ORDER.get(form, ("a", "b", "s")), truth, strict=False):
                found.setdefault((name, value), []).append(told[name])
        for (name, value), all_told in found.items():
            kept = [p for p in all_told if p.interval]
            inside = np.mean([p.interval[0] <= value <= p.interval[1] for p in kept])
            spread = np.std([p.estimate for p in kept])
            ratio = np.mean([p.std_error for p in kept]) / spread
            print(f"| {form} | {name} | {inside:.3f} | {ratio:.3f} | {len(all_told) - len(kept)} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
