"""A small, seeded version of benchmarks/coverage.py: intervals cover the truth as often as they say."""

import numpy as np
import pandas as pd
import pytest

import causalgraph as cg
from strategies import scaled

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


# Latent causes are u and v: drawn, and dropped.
def bernoulli(rng, *moves, base=0.5):
    """Draw 0s and 1s whose chance is the base, moved by each (cause, by how much) half up and half down."""
    chance = base + sum(by * (cause - 0.5) for cause, by in moves)
    return (rng.random(len(chance)) < chance).astype(int)


def front_door(rng, n):
    u = rng.integers(0, 2, n)
    x = bernoulli(rng, (u, 0.4))
    m = bernoulli(rng, (x, 0.5))
    return pd.DataFrame({"X": x, "M": m, "Y": bernoulli(rng, (m, 0.4), (u, 0.3))})


def napkin(rng, n, treated=0.5):
    u, v = rng.integers(0, 2, (2, n))
    w = bernoulli(rng, (u, 0.4), (v, 0.4))
    z = bernoulli(rng, (w, 0.4))
    x = bernoulli(rng, (z, treated), (u, 0.6 * treated), base=treated)
    return pd.DataFrame({"W": w, "Z": z, "X": x, "Y": bernoulli(rng, (x, 0.4), (v, 0.3))})


@pytest.mark.parametrize(
    ("text", "draw", "truth"),
    [
        ("X : binary; M : binary; Y : binary; X -> M -> Y; X <-> Y", front_door, 0.5 * 0.4),
        ("W : binary; Z : binary; X : binary; Y : binary; W -> Z -> X -> Y; W <-> X; W <-> Y", napkin, 0.4),
    ],
)
def test_intervals_cover_where_a_cause_is_latent(text, draw, truth):
    model, rng, draws = cg.parse(text), np.random.default_rng(5), scaled(80, 2_000)
    intervals = [model.ask("ate(X, Y)", data=draw(rng, 600)).interval for _ in range(draws)]
    covered = np.mean([low <= truth <= high for low, high in intervals])
    assert abs(covered - 0.95) <= 3 * np.sqrt(0.05 * 0.95 / draws)


@pytest.mark.parametrize(("query", "truth"), [("ate(X, Y)", 0.4), ("P(Y=1 | do(X=1))", 0.7)])
def test_intervals_cover_where_few_are_treated(query, truth):
    # Normal intervals cover in some 90% here: the number rests on about forty people.
    text = "W : binary; Z : binary; X : binary; Y : binary; W -> Z -> X -> Y; W <-> X; W <-> Y"
    model, rng, draws = cg.parse(text), np.random.default_rng(6), scaled(80, 2_000)
    told = [model.ask(query, data=napkin(rng, 600, treated=0.1)) for _ in range(draws)]
    covered = np.mean([low <= truth <= high for low, high in (t.interval for t in told if t.interval)])
    assert abs(covered - 0.95) <= 3 * np.sqrt(0.05 * 0.95 / draws)
