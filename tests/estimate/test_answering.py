import json

import numpy as np
import pandas as pd
import pytest

import causalgraph as cg
from causalgraph.errors import EstimationError, ModelError
from causalgraph.estimate.table import ESTIMATORS
from causalgraph.evaluate.estimate import Estimate

CONFOUNDED = "Z -> X, Y; X -> Y"


def rows(n=400, seed=3):
    rng = np.random.default_rng(seed)
    z = rng.integers(0, 3, n)
    x = (rng.random(n) < 0.2 + 0.25 * z).astype(int)
    y = 2.0 * x + z + rng.normal(size=n)
    return pd.DataFrame(
        {"Z": z.astype(str), "X": x, "Y": y, "M": x + rng.normal(size=n), "W": rng.choice(["a", "b"], n)}
    )


ADJUSTING = [name for name in ESTIMATORS if name != "difference"]


@pytest.mark.parametrize("method", ADJUSTING)
def test_an_estimator_adjusts_for_what_the_graph_says(method):
    found = cg.parse(f"{CONFOUNDED}; Z : {{`0`, `1`, `2`}}").ask("ate(X, Y)", rows(), method=method)
    assert found.covariates == ("Z",)
    assert abs(found.value - 2) < 4 * found.std_error
    assert found.naive - found.value > 0.2
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize("method", ESTIMATORS)
@pytest.mark.parametrize("covariates", [None, ("Z",), ()])
def test_without_the_arrow_there_is_nothing_to_estimate(method, covariates):
    with pytest.raises(EstimationError, match="E531"):
        cg.parse("Z -> X, Y").ask("ate(X, Y)", rows(), method=method, covariates=covariates)


@pytest.mark.parametrize("method", ESTIMATORS)
def test_one_arrow_more_refuses_or_changes_the_number(method):
    free = cg.parse("Z -> Y; X -> Y")
    if method not in ("matching", "cem"):  # these need something to match on
        assert free.ask("ate(X, Y)", rows(), method=method, covariates=()).covariates == ()
    with pytest.raises(EstimationError, match="E532"):
        cg.parse(CONFOUNDED).ask("ate(X, Y)", rows(), method=method, covariates=())
    hidden = cg.parse("X -> Y; X <-> Y").ask("ate(X, Y)", rows(), method=method)
    assert hidden.to_dict()["identified"] is False


@pytest.mark.parametrize("method", ESTIMATORS)
def test_what_the_treatment_affects_is_refused_by_name(method):
    with pytest.raises(EstimationError, match="M is forbidden"):
        cg.parse("Z -> X, Y; X -> M -> Y").ask("ate(X, Y)", rows(), method=method, covariates=("M", "Z"))


@pytest.mark.parametrize("method", ["lin", "stratified", "ipw", "regression", "aipw", "tmle", "matching"])
def test_the_effect_among_one_of_three_arms_rests_on_two(method):
    data = rows().rename(columns={"X": "Z0", "Z": "A"}).assign(Z=rows()["X"])
    model = cg.parse("Z -> A, Y; A -> Y; A : {`0`, `1`, `2`}")
    whole = model.ask("att(A, Y)", data, method=method)
    alone = cg.parse("Z -> A, Y; A -> Y; A : {`0`, `2`}").ask("att(A, Y)", data[data.A != "1"], method=method)
    assert whole.rows[1].value == pytest.approx(alone.value, rel=1e-9)
    assert whole.rows[1].std_error == pytest.approx(alone.std_error, rel=1e-9)


def test_a_stratum_without_an_arm_is_a_row_that_isnt_determined():
    data = rows()
    data.loc[(data.W == "b") & (data.X == 1), "Y"] = np.nan
    model = cg.parse(f"{CONFOUNDED}; W -> Y; Z : {{`0`, `1`, `2`}}; W : {{a, b}}")
    found = model.ask("cate(X, Y | W)", data, method="ipw")
    assert [row.value is None for row in found.rows] == [False, True]
    assert any(w.startswith("W502: X=1 has fewer than 2 rows where W=b") for w in found.warnings)
    with pytest.raises(EstimationError, match="where W=b"):
        model.ask("cate(X, Y | W)", data[data.W == "b"], method="ipw")


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("matching", {"replace": "no"}),
        ("matching", {"neighbours": 1.5}),
        ("matching", {"exact": 3}),
        ("ipw", {"trim": "0.1"}),
        ("ipw", {"propensity": [0.5]}),
        ("ipw", {"propensity": np.full(400, 0.5)}),
        ("aipw", {"cross_fit": 2.5}),
        ("aipw", {"clip": "a"}),
        ("regression", {"interactions": "no"}),
        ("lin", {"covariates": 5}),
        ("lin", {"trim": 0.1}),
    ],
)
def test_an_option_of_another_form_is_refused(method, options):
    with pytest.raises(ModelError, match="E221"):
        cg.parse(CONFOUNDED).ask("ate(X, Y)", rows(), method=method, **options)


def test_a_binary_outcome_says_which_word_counts():
    data = rows().assign(Y=lambda d: np.where(d.Y > 1, "well", "sick"))
    found = cg.parse(f"{CONFOUNDED}; Y : binary").ask("ate(X, Y)", data, method="ipw")
    assert "Y=well counts as 1, Y=sick as 0" in found.notes


def test_few_clusters_are_warned_of():
    data = rows().assign(G=np.arange(400) % 8)
    found = cg.parse(CONFOUNDED).ask("ate(X, Y)", data, method="ipw", cluster="G")
    assert isinstance(found, Estimate)
    assert any(w.startswith("W560: the error rests on 8 clusters") for w in found.warnings)


def test_an_unknown_method_says_what_there_is():
    with pytest.raises(ModelError, match="did you mean aipw"):
        cg.parse(CONFOUNDED).ask("ate(X, Y)", rows(), method="aipv")
