"""Questions asked of a model's equations, as text: against brute force, and against published numbers."""

import json

import numpy as np
import pandas as pd
import pytest

import causalgraph as cg
from oracles.structural import random_binary
from strategies import scaled

BANNER = """
Prior  ~ Normal(50, 20)
Days   ~ Exponential(10)
Banner ~ Bernoulli(expit(0.03*Prior - 0.05*Days - 1))
Spending := 0.6*Prior - 0.3*Days + 8*Banner + Normal(0, 5)
"""


def text_of(model):
    """Write a `BinaryModel` in the language."""

    def cells(parents, table, prefix=()):
        if len(prefix) == len(parents):
            return repr(table[prefix])
        inner = ", ".join(f"{v} = {cells(parents, table, (*prefix, v))}" for v in (0, 1))
        return f"case(V{parents[len(prefix)]}, {inner})"

    rows = zip(model.parents, model.tables, strict=True)
    return "\n".join(f"V{i} ~ Bernoulli({cells(p, t)})" for i, (p, t) in enumerate(rows))


def asked(model, question, **how):
    return model.ask(question, **how).to_dict()


def test_interventions_and_counterfactuals_equal_the_sum_over_all_units():
    rng = np.random.default_rng(11)
    for _ in range(scaled(10, 100)):
        truth = random_binary(rng, 4)
        model = cg.parse(text_of(truth))
        do = {1: 1}
        assert asked(model, "P(V3=1 | do(V1=1))")["value"] == pytest.approx(truth.chance([(3, do, 1)], []))
        assert asked(model, "P(V3=1 | do(V1=1), V2=0)")["value"] == pytest.approx(
            truth.chance([(3, do, 1)], [(2, do, 0)])
        )
        arms = [truth.chance([(3, {1: x}, 1)], []) for x in (0, 1)]
        assert asked(model, "ate(V1, V3)")["value"] == pytest.approx(arms[1] - arms[0])
        assert asked(model, "rr(V1, V3)")["value"] == pytest.approx(arms[1] / arms[0])
        odds = [p / (1 - p) for p in arms]
        assert asked(model, "odds_ratio(V1, V3)")["value"] == pytest.approx(odds[1] / odds[0])
        for verb, x in (("att", 1), ("atc", 0)):
            one, none = (truth.chance([(3, {1: v}, 1)], [(1, {}, x)]) for v in (1, 0))
            assert asked(model, f"{verb}(V1, V3)")["value"] == pytest.approx(one - none)
        held = [truth.chance([(3, {1: x, 2: 1}, 1)], []) for x in (0, 1)]
        assert asked(model, "cde(V1, V3, V2=1)")["value"] == pytest.approx(held[1] - held[0])
        table = asked(model, "cate(V1, V3 | V0)")["table"]
        for row in table:
            one, none = (truth.chance([(3, {1: v}, 1)], [(0, {}, row["V0"])]) for v in (1, 0))
            assert row["value"] == pytest.approx(one - none)
        after = asked(model, "cate(V1, V3 | V2=1)")["value"]
        one, none = (truth.chance([(3, {1: v}, 1)], [(2, {1: v}, 1)]) for v in (1, 0))
        assert after == pytest.approx(one - none)
        assert asked(model, "pn(V1, V3)")["value"] == pytest.approx(
            truth.chance([(3, {1: 0}, 0)], [(1, {}, 1), (3, {}, 1)])
        )
        assert asked(model, "ps(V1, V3)")["value"] == pytest.approx(
            truth.chance([(3, {1: 1}, 1)], [(1, {}, 0), (3, {}, 0)])
        )
        assert asked(model, "pns(V1, V3)")["value"] == pytest.approx(truth.chance([(3, {1: 1}, 1), (3, {1: 0}, 0)], []))
        nested = {1: 1, 2: {1: 0}}
        assert asked(model, "P(V3[V1=1, V2[V1=0]]=1 | V0=1)")["value"] == pytest.approx(
            truth.chance([(3, nested, 1)], [(0, {}, 1)])
        )
        assert asked(model, "P(V3[V1=1] = 1, V2 = 0 | V3[V1=0]=1)")["value"] == pytest.approx(
            truth.chance([(3, {1: 1}, 1), (2, {}, 0)], [(3, {1: 0}, 1)])
        )


def test_the_language_s_own_example_is_42_exactly():
    found = asked(cg.parse(BANNER), "E(Spending[Banner=0] | Banner=1, Spending=50)")
    assert found["value"] == pytest.approx(42, abs=1e-9)
    assert (found["kind"], found["std_error"], found["interval"], found["warnings"]) == ("estimate", None, None, [])
    assert "exact" in found["method"]
    json.dumps(found, allow_nan=False)
    assert asked(cg.parse(BANNER), "E(Spending[Banner=1] - Spending[Banner=0] | Banner=1)")["value"] == pytest.approx(8)


def test_an_effect_among_continuous_causes_is_8_by_its_equation():
    model = cg.parse(BANNER + 'Spending : continuous [unit="USD"]')
    for question in ("ate(Banner, Spending)", "att(Banner, Spending)", "cate(Banner, Spending | Prior=20)"):
        found = asked(model, question)
        assert found["value"] == pytest.approx(8, abs=1e-9)
        assert found["unit"] == "USD"
    assert "Banner=1 against Banner=0" in str(model.ask("ate(Banner, Spending)"))


def test_draws_say_their_error_and_cover_the_truth():
    model = cg.parse(BANNER)
    found = asked(model, "E(Spending | do(Banner=1))", seed=2)
    assert found["std_error"] > 0
    assert abs(found["value"] - (0.6 * 50 - 0.3 * 10 + 8)) < 4 * found["std_error"]
    assert found["interval"][0] < found["value"] < found["interval"][1]
    assert "100,000 draws" in found["method"]
    assert asked(model, "E(Spending | do(Banner=1))", seed=2) == found
    difference = asked(model, "E(Spending | do(Banner=1)) - E(Spending | do(Banner=0))", seed=2)
    assert difference["value"] == pytest.approx(8)
    assert "bounds" in difference["notes"][0]
    wide = asked(model, "E(Spending | do(Banner=1))", seed=2, level=0.99)["interval"]
    assert wide[1] - wide[0] > found["interval"][1] - found["interval"][0]


def test_what_is_left_free_makes_a_table():
    model = cg.parse("X ~ Categorical(a = 0.2, b = 0.3, c = 0.5); Y ~ Bernoulli(case(X, a = 0.1, b = 0.2, c = 0.4))")
    table = asked(model, "P(Y | do(X))")["table"]
    assert [(r["X"], r["Y"]) for r in table] == [(x, y) for x in "abc" for y in (0, 1)]
    assert [r["value"] for r in table] == pytest.approx([0.9, 0.1, 0.8, 0.2, 0.6, 0.4])
    effects = asked(model, "ate(X, Y)")
    assert [(r["X"], r["value"]) for r in effects["table"]] == [("b", pytest.approx(0.1)), ("c", pytest.approx(0.3))]
    assert effects["versus"] == {"X": "a"}
    across = asked(model, "P(Y[X=a] | X=c, Y=1)")["table"]
    assert [r["Y[X=a]"] for r in across] == [0, 1]
    assert sum(r["value"] for r in across) == pytest.approx(1)
    assert "value" in str(model.ask("P(Y | do(X))"))


def test_words_are_two_arms_too():
    model = cg.parse(
        "Drug : {no, yes}; Well : {no, yes}; Drug ~ Categorical(0.5, 0.5)\n"
        "Well ~ case(Drug, no = Categorical(0.7, 0.3), yes = Categorical(0.4, 0.6))"
    )
    assert asked(model, "pns(Drug, Well)")["value"] == pytest.approx(0.6 * 0.7)
    with pytest.raises(cg.EstimationError, match="E546"):
        model.ask("ate(Drug, Well)")


def test_data_come_before_equations_unless_asked():
    model = cg.parse("X ~ Bernoulli(0.5); Y ~ Bernoulli(0.2 + 0.5*X)")
    frame = pd.DataFrame({"X": [0, 0, 0, 0, 1, 1, 1, 1], "Y": [0, 0, 0, 1, 0, 1, 1, 1]})
    assert asked(model, "ate(X, Y)", data=frame)["value"] == pytest.approx(0.5)
    assert asked(model, "ate(X, Y)", data=frame)["n"] == 8
    assert asked(model, "ate(X, Y)", data=frame, method="equations")["method"].startswith("from the equations")
    assert asked(model, "pn(X, Y)", data=frame)["value"] == pytest.approx(0.5 / 0.7)


@pytest.mark.parametrize("question", ["pn(X, Y)", "P(Y[X=0]=0 | X=1, Y=1)", "1 - E(Y[X=1])"])
def test_a_graph_and_data_alone_answer_no_counterfactual_yet(question):
    frame = pd.DataFrame({"X": [0, 1, 0, 1], "Y": [0, 1, 1, 1]})
    with pytest.raises(cg.ModelError, match="E222") as caught:
        cg.parse("X -> Y").ask(question, data=frame)
    assert "later version" in str(caught.value)
    with pytest.raises(cg.ModelError, match="E222"):
        cg.parse("X -> Y").sql(question, frame)


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("P(Q[Banner=0]=1)", "E201"),
        ("P(Spending[Bnner=0]=1)", "E201"),
        ("E(Spending[Banner=3])", "E204"),
        ("ate(Prior, Spending)", "E548"),
        ("P(Spending | do(Banner=1))", "E548"),
        ("P(Spending=50 | do(Banner=1))", "E548"),
        ("E(Spending | do(Banner=1), Prior)", "E548"),
        ("pn(Banner, Spending)", "E548"),
        ("odds_ratio(Banner, Spending)", "E507"),
        ("1 / (ate(Banner, Prior))", "E509"),
    ],
)
def test_what_can_t_be_answered_says_why(question, code):
    with pytest.raises(cg.CausalGraphError, match=code):
        cg.parse(BANNER).ask(question)


def test_latents_stay_out_of_questions_and_equations_that_miss_are_told():
    model = cg.parse("U ~ Normal(0, 1); U [latent]; X := U + Normal(0, 1); Y := X + U")
    with pytest.raises(cg.ModelError, match="E203"):
        model.ask("E(Y | do(X=1), U=1)")
    assert asked(model, "E(Y | do(X=1)) - E(Y | do(X=0))")["value"] == pytest.approx(1, abs=1e-9)
    with pytest.raises(cg.ModelError, match="E145"):
        cg.parse("Y := 2*X").ask("E(Y | do(X=1))")
    with pytest.raises(cg.ModelError, match="E145"):
        cg.parse("X -> Y").ask("E(Y | do(X=1))", method="equations")
    with pytest.raises(cg.ModelError, match="E148"):
        cg.parse("X ~ Bernoulli(?p); Y := X").ask("E(Y | do(X=1))")
    with pytest.raises(cg.ModelError, match="E221"):
        model.ask("E(Y | do(X=1))", trim=0.1)


def test_a_file_asks_and_expects_of_its_equations():
    model = cg.parse(
        BANNER + "expect E(Spending[Banner=0] | Banner=1, Spending=50) == 42\nhalf = 0.5 * ate(Banner, Spending)"
    )
    first, second = (result.to_dict() for _, result in model.run())
    assert first["holds"] is True
    assert second["value"] == pytest.approx(4)


def test_a_sum_of_coins_has_finitely_many_values():
    model = cg.parse("A ~ Bernoulli(0.5); B ~ Bernoulli(0.5); S := A + B")
    assert [r["value"] for r in asked(model, "P(S | do(A=1))")["table"]] == pytest.approx([0, 0.5, 0.5])
