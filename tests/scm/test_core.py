"""Distributions against scipy, simulation, and what equations are refused for."""

import numpy as np
import pytest
from scipy import stats

from causalgraph.errors import EstimationError, ModelError
from causalgraph.scm.distributions import DISTRIBUTIONS
from causalgraph.scm.expressions import draws_of
from causalgraph.scm.simulate import simulate
from causalgraph.scm.structural import structural
from causalgraph.syntax.equations import Branch
from causalgraph.syntax.tree import Call, Name, Text
from causalgraph.variables import Variable
from oracles.equations import banner, call, eq, node, num, op

SCIPY = {
    "Normal": ((1.5, 2.0), stats.norm(1.5, 2)),
    "Bernoulli": ((0.3,), stats.bernoulli(0.3)),
    "Poisson": ((3.7,), stats.poisson(3.7)),
    "Exponential": ((2.5,), stats.expon(scale=2.5)),
    "Uniform": ((-1.0, 3.0), stats.uniform(-1, 4)),
    "LogNormal": ((0.5, 0.8), stats.lognorm(0.8, scale=np.exp(0.5))),
    "Beta": ((2.0, 0.7), stats.beta(2, 0.7)),
    "Gamma": ((2.5, 1.3), stats.gamma(2.5, scale=1.3)),
    "StudentT": ((4.0, 1.0, 2.0), stats.t(4, 1, 2)),
}


@pytest.mark.parametrize("name", sorted(DISTRIBUTIONS))
def test_a_distribution_is_scipy_s(name):
    parameters, peer = SCIPY[name]
    made = DISTRIBUTIONS[name]
    u = np.random.default_rng(0).random(2000)
    draws = made.quantile(u, *parameters)
    assert np.allclose(draws, peer.ppf(u))
    density = peer.logpmf if made.kind != "continuous" else peer.logpdf
    assert np.allclose(made.log_density(draws, *parameters), density(draws))
    assert np.allclose(made.share_below(draws, *parameters), peer.cdf(draws))
    assert float(made.mean(*parameters)) == pytest.approx(peer.mean())
    if made.scale:
        z = made.scale.standard(u, *parameters)
        assert np.allclose(made.scale.draw(z, *parameters), draws)
        assert np.allclose(made.scale.noise(draws, *parameters), z)


def test_a_million_rows_have_the_mean_of_their_equation():
    columns = simulate(banner(), 1_000_000)
    assert columns["Prior"].mean() == pytest.approx(50, abs=0.1)


def test_one_draw_behind_else_is_one_draw():
    case = Call(Name("case"), (Name("X"), Branch("a", num(0)), Branch("else", call("Normal", 0, 1))))
    shares = Call(
        Name("Categorical"), tuple(Branch(level, num(s)) for level, s in (("a", 0.2), ("b", 0.3), ("c", 0.5)))
    )
    made = structural([eq("X", "~", shares), eq("Y", ":=", case)], {})
    assert len(draws_of(made.rule("Y").node)) == made.rule("Y").draws == 1


def test_a_function_of_binary_variables_is_binary():
    made = structural(
        [eq("X", "~", call("Bernoulli", 0.5)), eq("Y", ":=", op("-", 1, "X")), eq("Z", ":=", call("max", "X", "Y"))], {}
    )
    assert made.rule("Z").levels == made.rule("Y").levels == ("0", "1")


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        (call("Normul", 0, 1), "E140"),
        (call("Normal", 0), "E141"),
        (op("+", "W", 1), "E142"),
        (Call(Name("case"), (Name("W"), Branch("a", num(1)))), "E143"),
        (node("Q"), "E145"),
    ],
)
def test_an_equation_that_makes_no_sense_says_why(expression, code):
    w = eq("W", "~", Call(Name("Categorical"), (Branch("a", num(0.5)), Branch("b", num(0.5)))))
    with pytest.raises(ModelError, match=code):
        structural([w, eq("Y", ":=", expression)], {})


def test_numbers_among_words_are_refused_in_either_order():
    w = eq("W", "~", Call(Name("Categorical"), (Branch("a", num(0.5)), Branch("b", num(0.5)))))
    case = Call(Name("case"), (Name("W"), Branch("a", num(3.5)), Branch("b", Text("x"))))
    with pytest.raises(ModelError, match="E142"):
        structural([w, eq("Y", ":=", case)], {})
    declared = {"Y": Variable("Y", "categorical", ("low", "high"))}
    with pytest.raises(ModelError, match="E142"):
        structural([eq("Y", "~", call("Normal", 0, 1))], declared)


def test_parameters_out_of_their_limits_are_refused():
    for expression in (call("Uniform", 3, 1), call("Normal", 0, 0), call("Bernoulli", 1.2)):
        with pytest.raises(EstimationError, match="E540"):
            simulate(structural([eq("Y", "~", expression)], {}), 10)


def test_a_comparison_with_no_number_is_no_number():
    made = structural([eq("Y", ":=", op("<", call("log", call("Normal", 0, 1)), 0))], {})
    with pytest.raises(EstimationError, match="E541"):
        simulate(made, 100)
