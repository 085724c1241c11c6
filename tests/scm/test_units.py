"""Both potential outcomes of each unit."""

import numpy as np
import pytest

from causalgraph.errors import DataError, EstimationError
from causalgraph.scm.simulate import frame, simulate
from causalgraph.scm.units import of_rows, simulated
from oracles.equations import banner, binary
from oracles.structural import random_binary


def test_each_simulated_unit_shows_the_outcome_of_its_own_treatment():
    table = simulated(banner(), "Banner", "Spending", 1000, seed=2)
    own = np.where(table["Banner"] == 1, table["Spending[Banner=1]"], table["Spending[Banner=0]"])
    assert np.allclose(own, table["Spending"])
    assert np.allclose(table["effect"], 8)


def test_rows_tell_additive_noise():
    made = banner()
    data = frame(made, simulate(made, 500, seed=2))
    table = of_rows(made, data, "Banner", "Spending")
    truth = simulated(made, "Banner", "Spending", 500, seed=2)
    assert np.allclose(table["Spending[Banner=0]"], truth["Spending[Banner=0]"])


def test_rows_that_leave_the_noise_open_are_refused():
    made = binary(random_binary(np.random.default_rng(3), 3))
    data = frame(made, simulate(made, 50))
    with pytest.raises(EstimationError, match="E549"):
        of_rows(made, data, "V0", "V2")
    with pytest.raises(DataError, match="E301"):
        of_rows(banner(), frame(banner(), simulate(banner(), 5)).drop(columns="Prior"), "Banner", "Spending")
