"""The numbers of the article that the project grew from; the truth of its simulated shop is 8."""

import pandas as pd
import pytest

import causalgraph as cg

SHOP = "Prior, Days -> Banner, Spending; Banner -> Spending"


def value(frame, question, **how):
    return cg.parse(SHOP).ask(question, frame, **how).value


def test_a_naive_comparison_says_twice_the_truth(shop):
    assert value(shop, "E(Spending | Banner=1) - E(Spending | Banner=0)") == pytest.approx(16.149624, abs=1e-6)


def test_matching_on_the_known_score(shop):
    how = {"method": "matching", "distance": "propensity", "propensity": "score"}
    assert round(value(shop, "att(Banner, Spending)", bias_correction=False, **how), 2) == 8.47


def test_weighting_by_the_known_score_and_by_a_fitted_one(shop):
    known = value(shop, "ate(Banner, Spending)", method="ipw", propensity="score")
    assert known == pytest.approx(9.191163, abs=1e-6)
    assert round(value(shop, "ate(Banner, Spending)", method="ipw"), 1) == 8.1


@pytest.mark.parametrize("method", ["lin", "regression", "aipw", "tmle"])
def test_methods_with_an_outcome_model_come_near_the_truth(shop, method):
    found = cg.parse(SHOP).ask("ate(Banner, Spending)", shop, method=method)
    assert found.interval[0] < 8 < found.interval[1]
    assert found.std_error < 0.3


def test_the_toy_trial():
    frame = pd.DataFrame({"Seen": [1, 0, 1, 0, 0, 1], "Spending": [55, 20, 58, 10, 35, 50]})
    assert round(cg.parse("Seen -> Spending").ask("ate(Seen, Spending)", frame, method="difference").value, 2) == 32.67


@pytest.mark.parametrize(("effect", "arm"), [(0.2, 393.405693), (0.5, 63.765611), (0.8, 25.52)])
def test_a_trial_needs_as_many_as_the_tables_say(effect, arm):
    assert cg.sample_size(effect=effect, power=0.8).to_dict()["arms"][0] == pytest.approx(arm, abs=0.005)
