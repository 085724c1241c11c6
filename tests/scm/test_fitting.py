import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from causalgraph.data.opening import open_source
from causalgraph.errors import CausalGraphError, EstimationError
from causalgraph.scm.derivatives import derivative
from causalgraph.scm.distributions import DISTRIBUTIONS
from causalgraph.scm.expressions import Apply, Free, evaluate
from causalgraph.scm.fitting import fit
from causalgraph.scm.likelihood import SCORES
from causalgraph.scm.simulate import frame, simulate
from causalgraph.syntax.equations import Branch, Parameter
from causalgraph.syntax.tree import Call, Name
from causalgraph.variables import Variable
from oracles.equations import banner, call, eq, op, structural
from oracles.fitting import LIKELIHOODS, draw, largest
from strategies import scaled

FACTS = json.loads((Path(__file__).parents[1] / "cases/fitting.json").read_text())["fits"]
P = Parameter
X = eq("X", "~", call("Normal", 0, 1))
ETA = op("+", P("a"), op("*", P("b"), "X"))
EQUATIONS = {
    "Normal": eq("Y", ":=", op("+", ETA, call("Normal", 0, P("s")))),
    "Bernoulli": eq("Y", "~", call("Bernoulli", call("expit", ETA))),
    "Poisson": eq("Y", "~", call("Poisson", call("exp", ETA))),
    "Exponential": eq("Y", "~", call("Exponential", call("exp", ETA))),
    "LogNormal": eq("Y", "~", call("LogNormal", ETA, P("s"))),
    "Gamma": eq("Y", "~", call("Gamma", P("s"), call("exp", ETA))),
    "StudentT": eq("Y", ":=", op("+", ETA, op("*", P("s"), call("StudentT", P("df"))))),
    "Beta": eq(
        "Y",
        "~",
        call(
            "Beta",
            op("*", call("expit", ETA), P("s")),
            op("*", op("-", 1, call("expit", ETA)), P("s")),
        ),
    ),
    "exp": eq("Y", ":=", call("exp", op("+", ETA, call("Normal", 0, P("s"))))),
    "scaled": eq("Y", "~", call("Normal", ETA, op("*", P("s"), call("exp", op("*", P("g"), "X"))))),
}
ORDER = {"StudentT": ("a", "b", "s", "df"), "scaled": ("a", "b", "s", "g")}


def model(*equations, variables=None):
    return structural([X, *equations], variables or {})


def by_name(fitted):
    return {p.name: p for p in fitted.parameters}


def case(variable, **branches):
    told = tuple(Branch(level.removeprefix("_"), call("x", b).arguments[0]) for level, b in branches.items())
    return Call(Name("case"), (Name(variable), *told))


@pytest.mark.parametrize("form", EQUATIONS)
def test_estimates_and_errors_are_those_of_a_likelihood_written_down(form):
    data, truth = draw(form, 150, seed=7)
    fitted = fit(model(EQUATIONS[form]), pd.DataFrame(data))
    values, errors = largest(lambda t: LIKELIHOODS[form](data, t), truth)
    names = ORDER.get(form, ("a", "b", "s"))[: len(truth)]
    found = by_name(fitted)
    at = [found[n].estimate for n in names]
    assert LIKELIHOODS[form](data, at) >= LIKELIHOODS[form](data, values) - 1e-9
    assert fitted.log_likelihood == pytest.approx(LIKELIHOODS[form](data, at), abs=1e-9)
    assert at == pytest.approx(values, rel=2e-5, abs=2e-5)
    assert [found[n].std_error for n in names] == pytest.approx(errors, rel=1e-3)
    assert fitted.equations[0].converged
    assert not fitted.warnings


def test_normal_noise_around_a_line_is_least_squares_exactly():
    rng = np.random.default_rng(3)
    n = 500
    frame_ = pd.DataFrame({"X": rng.normal(1e4, 3, n), "Z": rng.normal(size=n)})
    frame_["Y"] = 2 + 0.3 * frame_.X - frame_.Z + rng.normal(size=n)
    line = op("-", op("+", P("a"), op("*", P("b"), "X")), op("*", P("c"), "Z"))
    y = eq("Y", ":=", op("+", line, call("Normal", 0, P("s"))))
    fitted = fit(model(eq("Z", "~", call("Normal", 0, 1)), y), frame_)
    design = np.column_stack([np.ones(n), frame_.X, -frame_.Z])
    beta = np.linalg.lstsq(design, frame_.Y)[0]
    rss = ((frame_.Y - design @ beta) ** 2).sum()
    found = by_name(fitted)
    assert [found[k].estimate for k in "abc"] == pytest.approx(beta, rel=1e-9)
    assert found["s"].estimate == pytest.approx(np.sqrt(rss / n), rel=1e-12)
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * rss / n)
    assert [found[k].std_error for k in "abc"] == pytest.approx(errors, rel=1e-6)
    assert found["s"].std_error == pytest.approx(np.sqrt(rss / n / (2 * n)), rel=1e-9)
    assert fitted.equations[0].method == "least squares"


@pytest.mark.parametrize("form", ["Normal", "Bernoulli", "Poisson"])
def test_statsmodels_says_the_same(form):
    data, _ = draw(form, 400, seed=11)
    fitted = fit(model(EQUATIONS[form]), pd.DataFrame(data))
    found, facts = by_name(fitted), FACTS[form]
    # OLS divides by n - 2 where the likelihood divides by n.
    share = np.sqrt(398 / 400) if form == "Normal" else 1.0
    assert [found[k].estimate for k in "ab"] == pytest.approx(facts["values"], rel=1e-8)
    assert [found[k].std_error for k in "ab"] == pytest.approx(np.array(facts["std_errors"]) * share, rel=1e-6)
    assert fitted.log_likelihood == pytest.approx(facts["log_likelihood"], rel=1e-9)
    if form != "Normal":
        ends = [e for k in "ab" for e in found[k].interval]
        assert ends == pytest.approx(np.ravel(facts["intervals"]), rel=1e-6)


@pytest.mark.parametrize("which", ["clustered", "robust"])
def test_clusters_and_weights_for_people_take_the_sandwich(which):
    data, _ = draw("Bernoulli", 400, seed=11)
    frame_ = pd.DataFrame(data).assign(g=np.arange(400) % 40, w=0.5)
    options = {"cluster": "g"} if which == "clustered" else {"weight": "w", "weights_as": "survey"}
    found = by_name(fit(model(EQUATIONS["Bernoulli"]), open_source(frame_, **options)))
    assert [found[k].std_error for k in "ab"] == pytest.approx(FACTS[which]["std_errors"], rel=1e-6)


def test_a_row_that_counts_three_times_is_three_rows():
    data, _ = draw("Gamma", 60, seed=2)
    frame_ = pd.DataFrame(data).assign(w=np.arange(60) % 4)
    one = fit(model(EQUATIONS["Gamma"]), open_source(frame_, weight="w"))
    other = fit(model(EQUATIONS["Gamma"]), frame_.loc[frame_.index.repeat(frame_.w)])
    assert one.equations[0].n == other.equations[0].n == frame_.w.sum()
    for p, q in zip(one.parameters, other.parameters, strict=True):
        assert (p.estimate, p.std_error) == pytest.approx((q.estimate, q.std_error), rel=1e-7)


def test_an_exact_distribution_gives_no_errors():
    frame_ = pd.DataFrame({"X": [0, 1], "w": [0.25, 0.75]})
    only = structural([eq("X", "~", call("Bernoulli", P("p")))], {})
    (p,) = fit(only, open_source(frame_, weight="w")).parameters
    assert (p.estimate, p.std_error, p.interval) == (pytest.approx(0.75), None, None)


def test_shares_in_the_branches_of_a_case_are_those_of_the_cells():
    rng = np.random.default_rng(1)
    rain = rng.choice(["no", "yes"], 400)
    wet = (rng.random(400) < np.where(rain == "yes", 0.9, 0.2)).astype(int)
    rule = structural(
        [
            eq("Rain", "~", Call(Name("Categorical"), (Branch("no", P("q")), Branch("yes", op("-", 1, P("q")))))),
            eq("Wet", "~", call("Bernoulli", case("Rain", no=P("p0"), yes=P("p1")))),
        ],
        {},
    )
    fitted = fit(rule, pd.DataFrame({"Rain": rain, "Wet": wet}))
    for p, share, n in (
        ("q", (rain == "no").mean(), 400),
        ("p0", wet[rain == "no"].mean(), (rain == "no").sum()),
        ("p1", wet[rain == "yes"].mean(), (rain == "yes").sum()),
    ):
        assert by_name(fitted)[p].estimate == pytest.approx(share, rel=1e-12)
        assert by_name(fitted)[p].std_error == pytest.approx(np.sqrt(share * (1 - share) / n), rel=1e-12)
    assert {e.method for e in fitted.equations} == {"shares"}


def test_a_name_in_two_equations_is_one_parameter():
    rng = np.random.default_rng(5)
    x = rng.normal(size=200)
    y, z = 0.7 * x + rng.normal(size=200), 0.7 * x + 2 * rng.normal(size=200)
    y_rule = eq("Y", ":=", op("+", op("*", P("b"), "X"), call("Normal", 0, 1)))
    z_rule = eq("Z", ":=", op("+", op("*", P("b"), "X"), call("Normal", 0, 2)))
    (b,) = fit(model(y_rule, z_rule), pd.DataFrame({"X": x, "Y": y, "Z": z})).parameters
    weight = (x**2).sum() * (1 + 1 / 4)
    assert b.estimate == pytest.approx((x @ y + x @ z / 4) / weight, rel=1e-10)
    assert b.std_error == pytest.approx(weight**-0.5, rel=1e-10)
    assert b.equations == ("Y", "Z")


def test_rows_are_dropped_from_the_equation_that_lacks_a_value_alone():
    data, _ = draw("Normal", 100, seed=1)
    frame_ = pd.DataFrame(data)
    frame_.loc[:9, "Y"] = np.nan
    x = eq("X", "~", call("Normal", P("m"), P("t")))
    fitted = fit(structural([x, EQUATIONS["Normal"]], {}), frame_)
    assert [(e.variable, e.n, e.dropped) for e in fitted.equations] == [("X", 100, 0), ("Y", 90, 10)]
    whole = fit(model(EQUATIONS["Normal"]), frame_.iloc[10:])
    assert by_name(fitted)["b"].estimate == pytest.approx(by_name(whole)["b"].estimate, rel=1e-12)


def test_what_is_fitted_can_be_simulated_and_written():
    told = banner()
    data = frame(told, simulate(told, 4000, seed=1))
    line = op("-", op("+", op("*", P("u"), "Prior"), op("*", P("v"), "Banner")), op("*", P("w"), "Days"))
    free = [
        eq("Prior", "~", call("Normal", 50, 20)),
        eq("Days", "~", call("Exponential", P("scale"))),
        eq("Banner", "~", call("Bernoulli", call("expit", op("+", P("c"), op("*", P("d"), "Prior"))))),
        eq("Spending", ":=", op("+", line, call("Normal", 0, P("s")))),
    ]
    fitted = fit(structural(free, {}), data)
    assert fitted.structural.parameters == ()
    assert "Spending" in simulate(fitted.structural, 10, seed=1)
    assert "?" not in fitted.text
    assert f"*Banner - {fitted.values['w']!r}*Days" in fitted.text
    told = fitted.to_dict()
    assert told["kind"] == "fitted"
    assert json.loads(json.dumps(told)) == told
    assert "parameter" in str(fitted)
    for name, truth in (("scale", 10), ("u", 0.6), ("v", 8), ("w", 0.3), ("s", 5)):
        p = by_name(fitted)[name]
        assert abs(p.estimate - truth) < 4 * p.std_error


def test_intervals_cover_the_truth():
    rounds = scaled(25, 400)
    hits = {}
    for form in ("Normal", "Bernoulli", "Gamma"):
        for seed in range(rounds):
            data, truth = draw(form, 200, seed=1000 + seed)
            fitted = by_name(fit(model(EQUATIONS[form]), pd.DataFrame(data)))
            for name, value in zip("abs", truth, strict=False):
                low, high = fitted[name].interval
                hits.setdefault((form, name), []).append(low <= value <= high)
    error = np.sqrt(0.95 * 0.05 / rounds)
    for key, told in hits.items():
        assert np.mean(told) > 0.95 - 4 * error, key


@pytest.mark.parametrize("name", SCORES)
def test_scores_are_the_slopes_of_the_log_densities(name):
    rng = np.random.default_rng(8)
    made = DISTRIBUTIONS[name]
    given = [rng.uniform(0.3, 0.6, 20) + (place if "higher" in made.limits else 0) for place in range(len(made.limits))]
    x = {"binary": rng.integers(0, 2, 20), "count": rng.integers(0, 5, 20), "continuous": rng.uniform(0.65, 0.9, 20)}
    values = [x[made.kind].astype(float), *given]
    for place, slope in enumerate(SCORES[name](*values)):
        if place == 0 and made.kind != "continuous":
            continue
        step = np.where(np.arange(len(values)) == place, 1e-6, 0.0)
        up = made.log_density(*(v + h for v, h in zip(values, step, strict=True)))
        down = made.log_density(*(v - h for v, h in zip(values, step, strict=True)))
        assert np.allclose(slope + np.zeros(20), (up - down) / 2e-6, rtol=1e-5, atol=1e-5)


def test_derivatives_of_trees_are_slopes():
    a, b = Free("a"), Free("b")
    trees = [Apply(f, (Apply("*", (a, b)),)) for f in ("exp", "log", "expit", "logit", "sqrt", "abs")]
    trees += [Apply(f, (Apply("*", (a, a)), Apply("exp", (b,)))) for f in ("+", "-", "*", "/", "**", "min", "max")]
    at = {"a": 0.6, "b": 0.7}
    for tree in trees:
        for name, value in at.items():
            up, down = ({**at, name: value + h} for h in (1e-6, -1e-6))
            slope = (evaluate(tree, {}, (), up) - evaluate(tree, {}, (), down)) / 2e-6
            assert float(evaluate(derivative(tree, name), {}, (), at)) == pytest.approx(
                float(slope), rel=1e-6, abs=1e-8
            )


def test_parameters_that_the_data_dont_tell_are_named():
    data, _ = draw("Normal", 50, seed=1)
    twice = op("+", op("+", P("a"), op("*", P("b"), "X")), op("+", op("*", P("c"), "X"), call("Normal", 0, P("s"))))
    fitted = fit(model(eq("Y", ":=", twice)), pd.DataFrame(data))
    found = by_name(fitted)
    assert [found[k].std_error is None for k in "abcs"] == [False, True, True, False]
    assert all(w.startswith("W553") for w in fitted.warnings)
    assert "?b and ?c" in fitted.warnings[0]
    data, _ = draw("Bernoulli", 200, seed=1)
    rate = call("expit", op("*", op("+", P("a"), P("b")), "X"))
    numeric = by_name(fit(model(eq("Y", "~", call("Bernoulli", rate))), pd.DataFrame(data)))
    assert [numeric[k].std_error for k in "ab"] == [None, None]


def test_a_constant_covariate_and_the_constant_arent_told_apart():
    frame_ = pd.DataFrame({"X": 3.0, "Y": np.random.default_rng(1).normal(size=30)})
    found = by_name(fit(model(EQUATIONS["Normal"]), frame_))
    assert [found[k].std_error is None for k in "abs"] == [True, True, False]


def test_a_share_at_its_bound_has_no_error():
    only = structural([eq("X", "~", call("Bernoulli", P("p")))], {})
    fitted = fit(only, pd.DataFrame({"X": [1, 1, 1]}))
    assert (fitted.parameters[0].estimate, fitted.parameters[0].std_error) == (1.0, None)
    assert "?p" in fitted.warnings[0]


def test_the_ends_of_a_uniform_are_its_extremes_without_an_error():
    only = structural([eq("X", "~", call("Uniform", P("low"), P("high")))], {})
    fitted = fit(only, pd.DataFrame({"X": [2.5, 4.5, 3.25]}))
    assert fitted.values == {"low": 2.5, "high": 4.5}
    assert len(fitted.warnings) == 2


def test_heavy_tails_that_arent_there_are_told():
    data, _ = draw("Normal", 400, seed=2)
    uniform = pd.DataFrame({"X": data["X"], "Y": np.random.default_rng(3).uniform(-1, 1, 400)})
    fitted = by_name(fit(model(EQUATIONS["StudentT"]), uniform))
    assert fitted["df"].trouble
    assert fitted["a"].std_error == pytest.approx(uniform.Y.std() / 20, rel=0.05)


@pytest.mark.parametrize(
    ("code", "equation", "data"),
    [
        ("E560", EQUATIONS["Bernoulli"], {"X": [1.0, 2, 3, 4], "Y": [0, 0, 1, 1]}),
        ("E560", EQUATIONS["Normal"], {"X": [1.0, 2, 3], "Y": [1.0, 2, 3]}),
        ("E560", EQUATIONS["Normal"], {"X": [1.0], "Y": [1.0]}),
        ("E544", EQUATIONS["LogNormal"], {"X": [1.0, 2, 3, 5], "Y": [1.0, 2, 4, -3]}),
        ("E544", EQUATIONS["Poisson"], {"X": [1.0, 2, 3], "Y": [1.5, 1.0, 2.0]}),
        ("E544", eq("Y", ":=", call("sqrt", call("Gamma", P("k"), P("s")))), {"X": [1.0, 2, 3], "Y": [1.0, 1.5, -2]}),
        ("E542", eq("Y", ":=", op("*", P("b"), "X")), {"X": [1.0, 2], "Y": [1.0, 2]}),
        (
            "E542",
            eq("Y", ":=", op("+", call("Normal", P("m"), 1), call("Normal", 0, 1))),
            {"X": [1.0, 2], "Y": [1.0, 2]},
        ),
        ("E542", eq("Y", ":=", call("abs", call("Normal", P("m"), 1))), {"X": [1.0, 2], "Y": [1.0, 2]}),
        (
            "E542",
            eq("Y", "~", call("Normal", call("indicator", op(">", "X", P("c"))), 1)),
            {"X": [1.0, 2], "Y": [1.0, 2]},
        ),
        ("E561", eq("Y", "~", call("Normal", "X", 1)), {"X": [1.0, 2], "Y": [1.0, 2]}),
        ("E301", EQUATIONS["Normal"], {"X": [1.0, 2]}),
    ],
)
def test_what_cant_be_fitted_is_refused_with_a_reason(code, equation, data):
    with pytest.raises(CausalGraphError) as error:
        fit(model(equation), pd.DataFrame(data))
    assert error.value.code == code
    assert error.value.diagnostics[0].why or code == "E301" or "abs" in str(error.value)


def test_latent_variables_with_free_parameters_are_refused():
    data, _ = draw("Normal", 20, seed=1)
    with pytest.raises(EstimationError, match=r"E543.*depends on X, which is latent"):
        fit(model(EQUATIONS["Normal"], variables={"X": Variable("X", latent=True)}), pd.DataFrame(data))


def test_a_parameter_of_a_level_that_no_row_has_is_refused():
    rain = Call(
        Name("Categorical"), (Branch("no", call("x", 0.5).arguments[0]), Branch("yes", call("x", 0.5).arguments[0]))
    )
    wet = eq("Wet", "~", call("Bernoulli", case("Rain", no=P("p0"), yes=P("p1"))))
    rule = structural([eq("Rain", "~", rain), wet], {})
    with pytest.raises(EstimationError, match=r"E544.*\?p1"):
        fit(rule, pd.DataFrame({"Rain": ["no", "no"], "Wet": [0, 1]}))


def test_a_shift_that_ends_at_the_edge_of_the_data_has_no_error():
    rng = np.random.default_rng(4)
    only = structural([eq("X", ":=", op("+", P("a"), call("Exponential", P("s"))))], {})
    fitted = fit(only, pd.DataFrame({"X": 3 + rng.exponential(2.0, 200)}))
    assert by_name(fitted)["a"].std_error is None
    assert fitted.warnings


def test_an_outcome_that_never_happens_gives_no_errors():
    x = [0.0128066, -0.00903083, 0.0838966, 0.02910816, -0.00158483, 0.05831974, -0.09973754]
    fitted = fit(model(EQUATIONS["Bernoulli"]), pd.DataFrame({"X": x, "Y": [0] * 7}))
    assert by_name(fitted)["a"].std_error is None
    assert fitted.warnings
