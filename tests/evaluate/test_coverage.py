"""A small, seeded version of benchmarks/coverage.py: intervals cover the truth as often as they say."""

import numpy as np
import pandas as pd
import pytest

import causalgraph as cg

REPLICATES = 400
BAND = 3 * np.sqrt(0.05 * 0.95 / REPLICATES)
SHARE = np.array([0.6, 0.4])
TREATED = np.array([0.3, 0.6])
MEAN = np.array([[0.2, 0.5], [0.4, 0.6]])
DRAWS = {
    "binary": lambda m, rng: (rng.random(len(m)) < m).astype(int),
    "{0, 1, 2}": lambda m, rng: rng.binomial(2, m),
    "continuous": lambda m, rng: 10 * m + rng.gamma(2.0, 1.0, len(m)) - 2.0,
}
SCALE = {"binary": 1, "{0, 1, 2}": 2, "continuous": 10}


@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("query", ["ate(X, Y)", "att(X, Y)"])
def test_intervals_cover_the_truth_as_often_as_they_say(kind, query):
    model = cg.parse(f"Z : binary; X : binary; Y : {kind}; Z -> X, Y; X -> Y")
    weights = SHARE if query.startswith("ate") else SHARE * TREATED / (SHARE @ TREATED)
    truth = SCALE[kind] * float(weights @ (MEAN[:, 1] - MEAN[:, 0]))
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(REPLICATES):
        z = rng.choice(2, 300, p=SHARE)
        x = (rng.random(300) < TREATED[z]).astype(int)
        y = DRAWS[kind](MEAN[z, x], rng)
        low, high = model.ask(query, data=pd.DataFrame({"Z": z, "X": x, "Y": y})).interval
        covered += low <= truth <= high
    assert abs(covered / REPLICATES - 0.95) <= BAND
