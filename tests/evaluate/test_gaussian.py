"""Linear equations: any identified formula on one moment matrix gives what the structural equations say."""

import numpy as np
import pandas as pd
import pytest

import causalgraph as cg
from causalgraph.data.moments import Moments, gathered, products_of_scores
from causalgraph.data.opening import open_source
from causalgraph.errors import EstimationError, ModelError
from causalgraph.evaluate.canonical import Basis
from causalgraph.evaluate.gaussian import differentiated, law
from causalgraph.evaluate.gaussian_answering import answer_gaussian
from causalgraph.evaluate.lines import round_points
from causalgraph.evaluate.quantities import World
from causalgraph.identify.answer import Identified, NotIdentified, identify
from causalgraph.syntax.parser import parse_query
from oracles.gaussian import random_linear
from strategies import random_disjoint, random_graph, scaled

GRAPHS = {
    "backdoor": "Z -> X, Y; X -> Y",
    "frontdoor": "X -> M -> Y; X <-> Y",
    "napkin": "W -> Z -> X -> Y; W <-> X; W <-> Y",
    "verma": "A -> B -> X -> Y; B <-> Y",
}


def normal_scores(numbers, moments):
    """Return the covariance of numbers under normality: of l·d + dᵀQd - tr(QS) it is lᵀSl + 2 tr(QSQS)."""
    spread = numbers.quadratic @ moments.covariance
    found = numbers.linear @ moments.covariance @ numbers.linear.T + 2 * np.einsum("rij,sji->rs", spread, spread)
    return found / moments.effective


def ask(model, query, frame, *, level=0.95, **options):
    parsed = cg.parse(model)
    world = World(parsed.graph, parsed.variables, open_source(frame, **options))
    return answer_gaussian(parse_query(query), query, world, level=level)


def drawn(edges, n, seed=0, errors="normal"):
    graph = cg.parse(edges).graph
    model = random_linear(np.random.default_rng(3), graph)
    return model, pd.DataFrame(model.sample(np.random.default_rng(seed), n, errors), columns=list(model.nodes))


def test_every_identified_law_is_that_of_the_structural_equations():
    rng = np.random.default_rng(1)
    # Few random graphs make a formula hold a value that doesn't matter; the napkin does.
    napkin = cg.parse(GRAPHS["napkin"]).graph
    asked = [(napkin, ["X"], ["Y"], [])] * 5
    for _ in range(scaled(200, 6_000)):
        graph = random_graph(rng, int(rng.integers(3, 8)), arrows=0.4, two_headed=0.2)
        asked.append((graph, *random_disjoint(rng, graph.nodes, (1, 2), (1, 2), (0, 2))))
    for graph, x, y, w in asked:
        verdict = identify(graph, x, y, given=w)
        if not isinstance(verdict, Identified):
            continue
        question, names = verdict.question, graph.nodes
        model = random_linear(rng, graph)
        mean, covariance = (np.array(a, dtype=float) for a in model.observed(names))
        sd = np.sqrt(np.diag(covariance))
        basis = Basis(names, mean, sd, np.zeros(len(names)), covariance / np.outer(sd, sd))
        found = law(verdict.formula, basis, question.y)
        constant, slopes, left = (np.array(a, dtype=float) for a in model.effect(question.y, question.x, question.w))
        at = [names.index(n) for n in question.y]
        np.testing.assert_allclose(found.covariance * np.outer(sd[at], sd[at]), left, rtol=1e-9, atol=1e-9)
        told = dict.fromkeys((*question.x, *question.w), np.zeros(len(at)))
        intercept = mean[at] + sd[at] * found.intercept
        for i, value in enumerate(found.given):
            own = found.slopes[:, i] * sd[at] / sd[names.index(value.variable)]
            intercept -= own * mean[names.index(value.variable)]
            if value.variable in verdict.derivation.free:
                np.testing.assert_allclose(own, 0, atol=1e-9)
            else:
                told[value.variable] = own
        np.testing.assert_allclose(np.column_stack(list(told.values())), slopes, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(intercept, constant[:, 0], rtol=1e-9, atol=1e-9)


def test_a_backdoor_effect_is_the_regression_with_its_sandwich():
    _, df = drawn(GRAPHS["backdoor"], 200, errors="skew")
    found = ask(GRAPHS["backdoor"], "ate(X, Y)", df)
    design = np.column_stack([np.ones(len(df)), df["X"], df["Z"]])
    slopes = np.linalg.lstsq(design, df["Y"], rcond=None)[0]
    residual = df["Y"].to_numpy() - design @ slopes
    bread = np.linalg.inv(design.T @ design)
    sandwich = bread @ (design * (residual**2)[:, None]).T @ design @ bread * (200 / (200 - 3))
    assert found.value == pytest.approx(slopes[1], rel=1e-12)
    assert found.std_error == pytest.approx(np.sqrt(sandwich[1, 1]), rel=1e-10)
    assert found.naive == pytest.approx(np.polyfit(df["X"], df["Y"], 1)[0], rel=1e-10)
    assert found.covariates == ("Z",)
    assert "assumes that means are linear: Y in {X, Z}" in found.notes
    at = ask(GRAPHS["backdoor"], "E(Y | do(X=1.5))", df)
    assert at.value == pytest.approx(slopes @ [1, 1.5, df["Z"].mean()], rel=1e-12)
    given = ask(GRAPHS["backdoor"], "E(Y | do(X=1.5), Z=-1)", df)
    row = np.array([1, 1.5, -1])
    assert given.value == pytest.approx(slopes @ row, rel=1e-12)
    assert given.std_error == pytest.approx(np.sqrt(row @ sandwich @ row), rel=1e-10)


def test_a_mean_has_the_standard_error_of_a_mean():
    _, df = drawn(GRAPHS["backdoor"], 100)
    found = ask(GRAPHS["backdoor"], "E(Y)", df)
    assert found.value == pytest.approx(df["Y"].mean(), rel=1e-12)
    assert found.std_error == pytest.approx(df["Y"].std(ddof=1) / 10, rel=1e-12)


def test_derivatives_of_a_whole_formula_are_those_of_small_changes():
    _, df = drawn(GRAPHS["napkin"], 200)
    formula = identify(cg.parse(GRAPHS["napkin"]).graph, "X", "Y").formula
    rows = df.to_numpy()
    mean, scatter, total, squared, n = gathered([(rows, np.ones(len(rows)))], rows.shape[1])
    moments = Moments(tuple(df.columns), mean, scatter, total, squared, n, 0, "rows")

    def reading(basis):
        found = law(formula, basis, ("Y",))
        return np.concatenate([found.intercept, found.slopes[..., 0, :]], axis=-1)

    numbers = differentiated(reading, moments)
    sd = np.sqrt(np.diag(moments.covariance))

    def at(shift, change):
        standard = (moments.covariance + change) / np.outer(sd, sd)
        return reading(Basis(moments.variables, mean, sd, shift / sd, standard))

    rng = np.random.default_rng(4)
    for _ in range(5):
        shift, change = rng.standard_normal(4) * 1e-5, rng.standard_normal((4, 4)) * 1e-5
        change = change + change.T
        moved = (at(shift, change) - at(-shift, -change)) / 2
        told = numbers.linear @ shift + np.einsum("rij,ij->r", numbers.quadratic, change)
        np.testing.assert_allclose(told, moved, rtol=1e-5, atol=1e-10)


@pytest.mark.parametrize("name", GRAPHS)
def test_robust_and_normal_errors_agree_where_the_data_are_normal(name):
    model, df = drawn(GRAPHS[name], 20_000)
    graph = cg.parse(GRAPHS[name]).graph
    x = ["A", "X"] if name == "verma" else ["X"]
    formula = identify(graph, x, "Y").formula
    rows = df.to_numpy()
    mean, scatter, total, squared, n = gathered([(rows, np.ones(len(rows)))], rows.shape[1])
    moments = Moments(tuple(df.columns), mean, scatter, total, squared, n, 0, "rows")

    def reading(basis):
        found = law(formula, basis, ("Y",))
        return np.concatenate([found.intercept, *np.moveaxis(found.slopes, -1, 0)], axis=-1)

    numbers = differentiated(reading, moments)
    scores = products_of_scores([(rows, np.ones(n), None)], moments, numbers.linear, numbers.quadratic)
    robust, normal = np.diag(scores) / total**2, np.diag(normal_scores(numbers, moments))
    np.testing.assert_allclose(robust, normal, rtol=0.1)
    _, slopes, _ = model.effect(["Y"], x)
    assert len(slopes[0]) <= len(numbers.values)


@pytest.mark.parametrize("name", GRAPHS)
def test_intervals_cover_the_truth_as_often_as_they_say(name):
    replicates = scaled(60, 2000)
    model, _ = drawn(GRAPHS[name], 1)
    query = "cde(X, Y, A=1)" if name == "verma" else "ate(X, Y)"
    x = ("A", "X") if name == "verma" else ("X",)
    truth = float(model.effect(["Y"], x)[1][0][-1])
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(replicates):
        df = pd.DataFrame(model.sample(rng, 500), columns=list(model.nodes))
        low, high = ask(GRAPHS[name], query, df).interval
        covered += low <= truth <= high
    assert abs(covered / replicates - 0.95) <= 3 * np.sqrt(0.05 * 0.95 / replicates)


def test_a_free_treatment_is_a_curve_at_round_points():
    _, df = drawn(GRAPHS["frontdoor"], 300)
    found = ask(GRAPHS["frontdoor"], "E(Y | do(X))", df)
    slope = ask(GRAPHS["frontdoor"], "ate(X, Y)", df)
    points = [float(r.levels["X"]) for r in found.rows]
    assert len(points) == 5
    steps = np.diff(points)
    np.testing.assert_allclose(steps, steps[0])
    np.testing.assert_allclose(np.diff([r.value for r in found.rows]), slope.value * steps, rtol=1e-9)
    assert all(r.joint[0] < r.interval[0] < r.interval[1] < r.joint[1] for r in found.rows)
    assert any("per unit of X" in note for note in found.notes)


@pytest.mark.parametrize(
    ("mean", "spread", "whole", "points"),
    [
        (0.13, 0.9, False, [-2, -1, 0, 1, 2]),
        (1e6, 3e3, False, [995000, 997500, 1e6, 1002500, 1005000]),
        (0.0313, 0.00021, False, [0.0308, 0.031, 0.0312, 0.0314, 0.0316]),
        (1.2, 1.4, True, [0, 1, 2, 3, 4]),
        (0.2, 0.4, True, [0, 1, 2, 3, 4]),
        (50, 7.1, True, [40, 45, 50, 55, 60]),
    ],
)
def test_points_of_a_curve_are_round(mean, spread, whole, points):
    assert round_points(mean, spread, whole=whole) == points


def test_arithmetic_is_of_the_numbers_themselves():
    _, df = drawn(GRAPHS["napkin"], 400)
    one = ask(GRAPHS["napkin"], "E(Y | do(X=2)) - E(Y | do(X=1))", df)
    effect = ask(GRAPHS["napkin"], "ate(X, Y)", df)
    assert one.value == pytest.approx(effect.value, rel=1e-9)
    assert one.std_error == pytest.approx(effect.std_error, rel=1e-9)
    twice = ask(GRAPHS["napkin"], "2 * ate(X, Y) / 4", df)
    assert twice.value == pytest.approx(effect.value / 2, rel=1e-12)
    assert twice.std_error == pytest.approx(effect.std_error / 2, rel=1e-12)
    with pytest.raises(EstimationError, match="E509"):
        ask(GRAPHS["napkin"], "E(Y | do(X=1)) / 0", df)


def test_a_value_that_the_graph_says_doesnt_matter_is_checked():
    _, df = drawn(GRAPHS["napkin"], 1000)
    sound = ask(GRAPHS["napkin"], "ate(X, Y)", df)
    assert any("the value of Z doesn't matter" in note for note in sound.notes)
    assert not sound.warnings
    broken = ask(GRAPHS["napkin"], "ate(X, Y)", df.assign(Y=df["Y"] + df["Z"]))
    assert any(w.startswith("W510") for w in broken.warnings)


def test_effects_that_are_alike_in_linear_equations_say_so():
    _, df = drawn(GRAPHS["backdoor"], 100)
    ate, att, atc = (ask(GRAPHS["backdoor"], f"{m}(X, Y)", df) for m in ("ate", "att", "atc"))
    assert ate.value == att.value == atc.value
    assert any("the same for everyone" in note for note in att.notes)
    cate = ask(GRAPHS["backdoor"], "cate(X, Y | Z)", df)
    assert cate.value == pytest.approx(ate.value, rel=1e-12)
    assert any("at every value of Z" in note for note in cate.notes)
    assert "per unit of X" in ate.notes


def test_two_levels_are_compared():
    rng = np.random.default_rng(0)
    arm = rng.integers(0, 2, 300)
    df = pd.DataFrame({"X": np.where(arm == 1, "yes", "no"), "Y": 2.0 * arm + rng.standard_normal(300)})
    found = ask("X : binary; Y : continuous; X -> Y", "ate(X, Y)", df)
    means = df.groupby("X")["Y"].mean()
    assert found.value == pytest.approx(means["yes"] - means["no"], rel=1e-12)
    assert (found.versus, found.compared) == ({"X": "no"}, {"X": "yes"})
    assert "X=yes counts as 1, X=no as 0" in found.notes
    table = ask("X : binary; Y : continuous; X -> Y", "E(Y | do(X))", df)
    assert [r.levels for r in table.rows] == [{"X": "no"}, {"X": "yes"}]
    assert [r.value for r in table.rows] == pytest.approx(list(means), rel=1e-12)
    with pytest.raises(ModelError, match="E204"):
        ask("X : binary; Y : continuous; X -> Y", "E(Y | do(X=maybe))", df)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("P(Y | do(X=1))", "E513"),
        ("rr(X, Y)", "E513"),
        ("1 + 2", "E513"),
        ("odds_ratio(X, Y)", "E513"),
        ("E(Y | do(X=1)) - P(Y | do(X=0))", "E513"),
    ],
)
def test_what_a_line_doesnt_tell_is_refused(query, code):
    _, df = drawn(GRAPHS["backdoor"], 50)
    with pytest.raises(EstimationError, match=code):
        ask(GRAPHS["backdoor"], query, df)


def test_words_cant_enter_a_line():
    _, df = drawn(GRAPHS["backdoor"], 60)
    df["Z"] = ["low", "middle", "high"] * 20
    with pytest.raises(EstimationError, match="E512"):
        ask(GRAPHS["backdoor"], "ate(X, Y)", df)
    with pytest.raises(EstimationError, match="E506"):
        ask(GRAPHS["backdoor"], "E(Z | do(X=1))", df)


def test_what_isnt_identified_is_the_verdict():
    _, df = drawn(GRAPHS["backdoor"], 50)
    assert isinstance(ask("X -> Y; X <-> Y", "ate(X, Y)", df), NotIdentified)


def test_a_level_far_from_the_data_is_warned_of():
    _, df = drawn(GRAPHS["backdoor"], 50)
    assert any(w.startswith("W509") for w in ask(GRAPHS["backdoor"], "E(Y | do(X=1000))", df).warnings)


def test_weights_count_rows_and_an_exact_distribution_has_no_error():
    rng = np.random.default_rng(2)
    df = pd.DataFrame(np.round(rng.standard_normal((40, 3)), 1), columns=["X", "Y", "Z"]).assign(
        w=rng.integers(1, 4, 40)
    )
    repeated = df.loc[df.index.repeat(df["w"])]
    counted = ask(GRAPHS["backdoor"], "ate(X, Y)", df, weight="w")
    plain = ask(GRAPHS["backdoor"], "ate(X, Y)", repeated)
    assert counted.value == pytest.approx(plain.value, rel=1e-12)
    assert counted.std_error == pytest.approx(plain.std_error, rel=1e-12)
    exact = ask(GRAPHS["backdoor"], "ate(X, Y)", df.assign(w=df["w"] / df["w"].sum()), weight="w")
    assert exact.value == pytest.approx(plain.value, rel=1e-12)
    assert exact.std_error is None
    assert exact.interval is None


def test_rows_with_a_missing_value_are_dropped_and_counted():
    _, df = drawn(GRAPHS["backdoor"], 50)
    df.loc[3, "Z"] = np.nan
    found = ask(GRAPHS["backdoor"], "ate(X, Y)", df)
    assert (found.n, found.dropped) == (49, 1)


def test_an_effect_doesnt_depend_on_units():
    _, df = drawn(GRAPHS["napkin"], 300)
    plain = ask(GRAPHS["napkin"], "ate(X, Y)", df)
    scales = {"X": 2.0**-20, "Y": 2.0**20, "W": 2.0**10, "Z": 2.0**-7}
    other = ask(GRAPHS["napkin"], "ate(X, Y)", df * pd.Series(scales))
    assert other.value == pytest.approx(plain.value * 2.0**40, rel=1e-10)
    assert other.std_error == pytest.approx(plain.std_error * 2.0**40, rel=1e-10)


def test_a_slope_is_told_in_coefficients_of_regressions():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(200, 3)), columns=["X", "M", "Y"])
    found = cg.parse("X -> M -> Y; X <-> Y").ask("ate(X, Y)", data=frame)
    assert "in coefficients of regressions: β_MX β_{YM·X}" in found.notes
    (covariances,) = (n for n in found.notes if n.startswith("in covariances: "))
    assert "σ_MX" in covariances or "σ_XM" in covariances
