"""Data that several tests of estimators share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalgraph.estimate.sample import Sample


@pytest.fixture(scope="session")
def shop() -> pd.DataFrame:
    """The article's simulated shop, whose banner has the effect 8, with the scores that it was drawn from."""
    rng = np.random.default_rng(42)
    n = 2000
    prior, days = rng.normal(50, 20, n), rng.exponential(10, n)
    score = 1 / (1 + np.exp(-(0.03 * prior - 0.05 * days - 1)))
    banner = rng.binomial(1, score)
    spending = 0.6 * prior - 0.3 * days + 8 * banner + rng.normal(0, 5, n)
    return pd.DataFrame({"Prior": prior, "Days": days, "Banner": banner, "Spending": spending, "score": score})


@pytest.fixture
def snippet(shop: pd.DataFrame) -> tuple[Sample, np.ndarray]:
    """The shop as a sample, and its scores."""
    values, arm, y = shop[["Prior", "Days"]].to_numpy(), shop["Banner"].to_numpy(), shop["Spending"].to_numpy()
    names = ("Prior", "Days")
    return Sample("T", ("0", "1"), arm, "Y", y, names, values, ((), ()), np.ones(len(y))), shop["score"].to_numpy()
