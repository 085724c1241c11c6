"""Effects from both potential outcomes: the six users of a published example, and plain formulas."""

import numpy as np
import pandas as pd
import pytest

import causalgraph as cg

USERS = pd.DataFrame(
    {
        "user": ["Alice", "Bob", "Carol", "Dave", "Eve", "Frank"],
        "y0": [40, 20, 60, 10, 35, 50],
        "y1": [55, 22, 58, 30, 40, 50],
        "t": [1, 0, 0, 1, 1, 0],
        "tier": ["high", "low", "high", "low", "low", "high"],
        "y": [55, 20, 60, 30, 40, 50],
    }
)
MODEL = """
t : binary; tier : {low, high}; y : continuous [unit="USD"]
tier -> t, y; t -> y
design potential_outcomes(y, control=y0, treated=y1)
"""


def asked(question, data=USERS, **how):
    return cg.parse(MODEL).ask(question, data=data, **how).to_dict()


def test_the_six_users_have_the_published_effects():
    assert asked("ate(t, y)")["value"] == pytest.approx(6.6667, abs=1e-4)
    assert asked("att(t, y)")["value"] == pytest.approx(13.3333, abs=1e-4)
    assert asked("atc(t, y)")["value"] == pytest.approx(0, abs=1e-12)
    table = {r["tier"]: r["value"] for r in asked("cate(t, y | tier)")["table"]}
    assert table == {"high": pytest.approx(4.3333, abs=1e-4), "low": pytest.approx(9)}
    assert asked("cate(t, y | tier=high)")["value"] == pytest.approx(4.3333, abs=1e-4)


def test_the_answer_names_the_design():
    found = asked("ate(t, y)")
    assert found["identification"]["strategy"] == "design"
    assert "y0 and y1 hold both potential outcomes of y" in found["identification"]["reason"]
    assert found["unit"] == "USD"
    assert "by design" in str(cg.parse(MODEL).ask("ate(t, y)", data=USERS))


def test_the_error_is_that_of_a_mean():
    effect = (USERS["y1"] - USERS["y0"]).to_numpy()
    found = asked("ate(t, y)")
    error = effect.std(ddof=1) / np.sqrt(6)
    assert found["std_error"] == pytest.approx(error)
    assert found["interval"] == pytest.approx([effect.mean() - 2.570582 * error, effect.mean() + 2.570582 * error])


def test_counts_and_exact_weights_mean_what_they_say():
    doubled = asked("ate(t, y)", data=pd.concat([USERS, USERS]))
    counted = asked("ate(t, y)", data=USERS.assign(w=2), weight="w")
    assert counted["std_error"] == pytest.approx(doubled["std_error"])
    assert counted["n"] == doubled["n"] == 12
    exact = asked("ate(t, y)", data=USERS.assign(w=1 / 6), weight="w")
    assert (exact["std_error"], exact["value"]) == (None, pytest.approx(6.6667, abs=1e-4))


def test_what_two_columns_can_t_tell_is_refused():
    with pytest.raises(cg.EstimationError, match="E533"):
        asked("rr(t, y)")
    with pytest.raises(cg.EstimationError, match="E534"):
        asked("att(t, y)", data=USERS.assign(t=0))
    with pytest.raises(cg.DataError):
        asked("ate(t, y)", data=USERS.drop(columns="y1"))
    with pytest.raises(cg.DataError):
        asked("ate(t, y)", data=USERS.assign(y1="high"))
    one = asked("ate(t, y)", data=USERS.head(1))
    assert (one["value"], one["std_error"]) == (15, None)


def test_a_row_without_an_outcome_is_left_out_and_counted():
    found = asked("ate(t, y)", data=USERS.assign(y1=[np.nan, 22, 58, 30, 40, 50]))
    assert found["dropped"] == 1
    assert found["value"] == pytest.approx(5)


def test_naming_a_method_goes_by_the_graph():
    rows = pd.concat([USERS, USERS.assign(t=[0, 1, 1, 0, 0, 1])])
    assert asked("ate(t, y)", data=rows, method="counts")["identification"]["strategy"] == "backdoor"
