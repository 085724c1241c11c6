"""Every query of the contract, by its keys and its meaning."""

import json

import numpy as np
import pandas as pd
import pytest

import causalgraph as cg

MODEL = 'Z : {a, b, c}; X : binary; Y : binary; S : continuous [unit="USD"]; Z -> X, Y, S; X -> Y, S'


def people(n=3000, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.choice(["a", "b", "c"], n)
    push = np.select([z == "a", z == "b"], [0.2, 0.5], 0.8)
    x = (rng.random(n) < push).astype(int)
    y = (rng.random(n) < 0.1 + 0.3 * x + 0.5 * push).astype(int)
    return pd.DataFrame({"Z": z, "X": x, "Y": y, "S": 10 + 4 * x + 20 * push + rng.normal(0, 2, n)})


@pytest.fixture(scope="module")
def model():
    return cg.parse(MODEL)


@pytest.fixture(scope="module")
def frame():
    return people()


def by_hand(frame, outcome):
    total = 0.0
    for _, stratum in frame.groupby("Z"):
        means = stratum.groupby("X")[outcome].mean()
        total += (means[1] - means[0]) * len(stratum) / len(frame)
    return total


def test_identify(model):
    found = model.ask("identify(do(X), Y)").to_dict()
    assert found["identified"] is True
    assert found["formula"] == "Σ_z P(Y | X, Z=z) P(Z=z)"
    assert found["strategy"] == "backdoor"
    assert [s["rule"] for s in found["proof"]["steps"]] == ["total probability", "rule 2", "rule 3"]
    assert found["free"] == found["alternatives"] == []


def test_identify_with_a_condition():
    model = cg.parse("W -> Z; Z -> X, Y; W -> Y; X -> Y")
    assert model.ask("identify(do(X), Y | W)").to_dict()["formula"] == "Σ_z P(Y | W, X, Z=z) P(Z=z | W)"


def test_a_treatment_without_a_causal_path_changes_nothing():
    found = cg.parse("Y -> X; U [latent]; U -> X, Y").ask("identify(do(X), Y)").to_dict()
    assert (found["strategy"], found["formula"]) == ("no effect", "P(Y)")


def test_what_nothing_can_answer_is_no_with_what_stands_in_the_way():
    found = cg.parse("Smoking -> Cancer; Smoking <-> Cancer").ask("identify(do(Smoking), Cancer)")
    assert found.to_dict()["identified"] is False
    assert found.to_dict()["hedge"]["two_headed"] == ["Cancer <-> Smoking"]
    assert found.exit_code == 1


def test_ate(model, frame):
    found = model.ask("ate(X, S)", data=frame).to_dict()
    assert found["value"] == pytest.approx(by_hand(frame, "S"), abs=1e-9)
    low, high = found["interval"]
    assert low < 4 < high
    assert found["n"] == 3000
    assert found["unit"] == "USD"
    assert found["naive"] > 8
    assert found["identification"]["formula"]


def test_ate_is_the_difference_of_two_expectations(model, frame):
    both = [model.ask(q, data=frame).to_dict() for q in ("ate(X, Y)", "E(Y | do(X=1)) - E(Y | do(X=0))")]
    for key in ("value", "std_error", "interval"):
        assert both[0][key] == pytest.approx(both[1][key])


def test_arithmetic_over_causal_quantities(model, frame):
    one, nil = (model.ask(f"P(Y=1 | do(X={x}))", data=frame).to_dict()["value"] for x in (1, 0))
    assert model.ask("P(Y=1 | do(X=1)) / P(Y=1 | do(X=0))", data=frame).to_dict()["value"] == pytest.approx(one / nil)
    assert model.ask("2 * P(Y=1 | do(X=1)) - 1", data=frame).to_dict()["value"] == pytest.approx(2 * one - 1)


def test_a_table_has_a_row_for_each_combination_left_free(model, frame):
    rows = model.ask("P(Y | do(X))", data=frame).to_dict()["table"]
    assert [{k: r[k] for k in ("X", "Y")} for r in rows] == [{"X": x, "Y": y} for x in (0, 1) for y in (0, 1)]
    for x in (0, 1):
        assert sum(r["value"] for r in rows if r["X"] == x) == pytest.approx(1)


def test_a_condition_gives_a_row_for_each_of_its_levels(model, frame):
    rows = model.ask("E(S | do(X=1), Z)", data=frame).to_dict()["table"]
    expected = frame[frame["X"] == 1].groupby("Z")["S"].mean()
    assert {r["Z"]: r["value"] for r in rows} == pytest.approx(expected.to_dict())


def test_a_treatment_of_several_levels_is_compared_with_its_first(frame):
    model = cg.parse("Z : {a, b, c}; X -> Z; Z -> S; X -> S; X : binary")
    found = model.ask("ate(Z, S)", data=frame).to_dict()
    assert [r["Z"] for r in found["table"]] == ["b", "c"]
    assert found["versus"] == {"Z": "a"}
    assert found["value"] is None


def test_an_undeclared_model_reads_kinds_from_the_data(frame):
    found = cg.parse("Z -> X, Y; X -> Y").ask("ate(X, Y)", data=frame).to_dict()
    assert found["value"] == pytest.approx(by_hand(frame, "Y"), abs=1e-12)


def test_a_plain_probability_needs_no_intervention(model, frame):
    assert model.ask("P(Y=1 | X=1)", data=frame).to_dict()["value"] == pytest.approx(
        frame.loc[frame["X"] == 1, "Y"].mean()
    )


def test_weights_stand_for_rows(model, frame):
    counts = frame.groupby(["X", "Y", "Z"]).size().rename("k").reset_index()
    rows = model.ask("ate(X, Y)", data=frame).to_dict()
    weighed = model.ask("ate(X, Y)", data=counts, weight="k").to_dict()
    for key in ("value", "std_error", "n"):
        assert weighed[key] == pytest.approx(rows[key])


def test_an_exact_distribution_has_no_standard_error(model, frame):
    joint = frame.groupby(["X", "Y", "Z"]).size().rename("p").reset_index()
    joint["p"] /= joint["p"].sum()
    found = model.ask("ate(X, Y)", data=joint, weight="p").to_dict()
    assert found["std_error"] is None
    assert found["interval"] is None
    assert found["value"] == pytest.approx(by_hand(frame, "Y"))


def test_missing_values_are_dropped_and_counted(model, frame):
    holed = frame.assign(Z=frame["Z"].where(frame.index >= 100))
    found = model.ask("ate(X, Y)", data=holed).to_dict()
    assert (found["dropped"], found["n"]) == (100, 2900)


def test_a_stratum_without_an_arm_is_left_out_with_a_warning(model, frame):
    thin = frame[(frame["Z"] != "c") | (frame["X"] == 1)]
    found = model.ask("ate(X, S)", data=thin).to_dict()
    kept = thin[thin["Z"] != "c"]
    assert found["value"] == pytest.approx(by_hand(kept, "S"))
    assert found["supported"] == pytest.approx(len(kept) / len(thin))
    assert "W501" in found["warnings"][0]
    assert "Z=c" in found["warnings"][0]
    assert found["failing"][0]["missing"] == [{"X": "0"}]


def test_an_arm_that_never_occurs_is_refused(model, frame):
    with pytest.raises(cg.EstimationError, match="E501"):
        model.ask("ate(X, S)", data=frame[frame["X"] == 1])


def test_arms_that_never_meet_are_refused(model, frame):
    apart = frame[(frame["X"] == 1) == (frame["Z"] == "a")]
    with pytest.raises(cg.EstimationError, match="E502"):
        model.ask("ate(X, S)", data=apart)


def test_no_covariate_is_fine(frame):
    found = cg.parse("X -> Y").ask("ate(X, Y)", data=frame).to_dict()
    means = frame.groupby("X")["Y"].mean()
    assert found["value"] == pytest.approx(means[1] - means[0])
    assert found["naive"] is None


def test_cells_of_a_continuous_treatment_are_refused_with_what_to_do(frame):
    with pytest.raises(cg.EstimationError, match="E504"):
        cg.parse("S -> Y").ask("ate(S, Y)", data=frame, method="counts")


def test_a_continuous_treatment_is_answered_by_its_slope(frame):
    found = cg.parse("S -> Y").ask("ate(S, Y)", data=frame)
    assert found.value == pytest.approx(np.polyfit(frame["S"], frame["Y"], 1)[0])
    assert "linear" in str(found)


def test_the_mean_of_words_is_refused(frame):
    with pytest.raises(cg.EstimationError, match="E506"):
        cg.parse("X -> Z").ask("ate(X, Z)", data=frame)


def test_a_number_without_data_is_refused(model):
    with pytest.raises(cg.DataError, match="E300"):
        model.ask("ate(X, Y)")


def test_an_effect_that_is_not_identified_has_no_number(frame):
    found = cg.parse("X -> Y; X <-> Y").ask("ate(X, Y)", data=frame)
    assert found.to_dict()["identified"] is False


def test_a_latent_in_a_causal_query_is_refused():
    with pytest.raises(cg.ModelError, match="E203"):
        cg.parse("U [latent]; U -> X; X -> Y").ask("identify(do(X), Y | U)")


def test_a_latent_never_stands_in_a_formula_or_a_set():
    model = cg.parse("U [latent]; U -> Z; Z -> X; U -> Y; X -> Y")
    assert model.ask("adjustment_sets(X, Y)").to_dict()["sets"] == [["Z"]]
    assert "U" not in model.ask("identify(do(X), Y)").to_dict()["formula"]


@pytest.mark.parametrize(
    ("query", "key", "value"),
    [
        ("independent(X, C | B)", "independent", False),
        ("independent(A, C)", "independent", True),
        ("ancestors(C)", "nodes", ["C"]),
        ("descendants(A)", "nodes", ["A", "B", "X"]),
        ("blanket(B)", "nodes", ["A", "C", "X"]),
        ("districts()", "sets", [["A"], ["B"], ["C"], ["X"]]),
        ("do(B)", "edges", [["B", "->", "X"]]),
        ("project()", "kind_claimed", "dag"),
        ("adjustment_sets(B, X)", "sets", [[]]),
        ("adjusts(B, X | A)", "valid", True),
        ("adjusts(B, X | A)", "backdoor", True),
    ],
)
def test_each_query_answers_under_its_key(query, key, value):
    model = cg.parse("A -> B <- C; B -> X")
    if query.startswith("independent(X"):
        model = cg.parse("A -> B <- C; B -> X; X -> C2; C -> X")
    answer = model.ask(query).to_dict()
    assert "kind" in answer
    assert answer[key] == value


def test_paths_say_which_triple_decides():
    found = cg.parse("Z -> X, Y; X -> C <- Y").ask("paths(X, Y | Z)").to_dict()["paths"]
    assert [p["text"] for p in found] == ["X -> C <- Y", "X <- Z -> Y"]
    assert found[1]["triples"] == [
        {"text": "X <- Z -> Y", "nodes": ["X", "Z", "Y"], "role": "fork", "shielded": False, "blocks": True}
    ]
    assert not found[0]["open"]
    assert cg.parse("Z -> X, Y; X -> C <- Y").ask("paths(X, Y | C)").to_dict()["paths"][0]["open"]


def test_no_set_the_empty_set_and_a_set_are_three_answers():
    none = cg.parse("X -> Y; X <-> Y").ask("adjustment_sets(X, Y)").to_dict()
    empty = cg.parse("X -> Y").ask("adjustment_sets(X, Y)").to_dict()
    assert none["sets"] == []
    assert "X ↔ Y stays open" in none["none"]
    assert (empty["sets"], empty["none"]) == ([[]], None)


def test_a_forbidden_covariate_is_named():
    found = cg.parse("X -> M -> Y").ask("adjusts(X, Y | M)").to_dict()
    assert (found["valid"], found["backdoor"], found["witness"]) == (False, False, "M")


ALL = [
    "identify(do(X), Y)",
    "ate(X, Y)",
    "P(Y | do(X))",
    "paths(X, Y)",
    "triples()",
    "ancestors(Y)",
    "districts()",
    "adjustment_sets(X, Y)",
    "adjusts(X, Y | Z)",
    "independent(X, Y)",
    "do(X)",
    "project()",
]


@pytest.mark.parametrize("query", ALL)
def test_every_answer_prints_and_is_ready_for_json(model, frame, query):
    answer = model.ask(query, data=frame)
    assert "kind" in json.loads(json.dumps(answer.to_dict(), allow_nan=False))
    assert str(answer).strip()
    assert "<" in answer._repr_html_()


def test_a_variable_may_be_called_value(frame):
    model = cg.parse("value -> count")
    data = frame.rename(columns={"X": "value", "Y": "count"})
    rows = model.ask("P(count | do(value))", data=data).to_dict()["table"]
    assert set(rows[0]) == {"count", "value_", "value"}


def test_odd_names_go_all_the_way():
    model = cg.parse('`Lung cancer` -> `📈 growth`; `a"b` -> `Lung cancer`, `📈 growth`')
    frame = pd.DataFrame({"Lung cancer": [0, 1, 0, 1], "📈 growth": [0, 1, 1, 1], 'a"b': [0, 0, 1, 1]})
    assert model.ask("ate(`Lung cancer`, `📈 growth`)", data=frame).to_dict()["value"] == pytest.approx(0.5)


def test_a_certain_probability_has_an_interval():
    frame = pd.DataFrame([(0, 0, 1, 1), (0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 1, 7)], columns=["Z", "X", "Y", "w"])
    found = cg.parse("Z -> X, Y; X -> Y").ask("P(Y=1 | do(X=1))", data=frame, weight="w").to_dict()
    assert found["value"] == pytest.approx(1)
    assert 0 < found["interval"][0] < 1


def test_a_ratio_of_nothing_to_itself_is_not_one(model, frame):
    never = frame.assign(Y=0)
    found = model.ask("P(Y=1 | do(X=1)) / P(Y=1 | do(X=1))", data=never).to_dict()
    assert found["value"] is None
    assert "W502" in found["warnings"][0]
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("query", ["ate(X, Y) / 0", "0 / 0"])
def test_a_division_by_zero_is_no_number(model, frame, query):
    with pytest.raises(cg.EstimationError, match="E509"):
        model.ask(query, data=frame)


def test_a_difference_of_constants_that_is_zero_divides_nothing(model, frame):
    assert model.ask("ate(X, Y) / (1 - 1)", data=frame).to_dict()["value"] is None


def test_numbers_beyond_what_floats_hold_are_no_numbers(frame):
    found = cg.parse("X -> S").ask("ate(X, S)", data=frame.assign(S=frame["S"] * 1e306)).to_dict()
    json.dumps(found, allow_nan=False)


def test_a_model_s_weight_is_never_dropped_in_silence(frame):
    model = cg.parse('X -> Y; data "d.csv" { weight = count }')
    with pytest.raises(cg.DataError, match="E301"):
        model.ask("ate(X, Y)", data=frame)


def test_several_comparisons_speak_of_the_strata_that_carry_all(frame):
    rng = np.random.default_rng(8)
    n = 4000
    a, b = rng.integers(0, 2, n), rng.integers(0, 2, n)
    x = np.where(a == 1, 1, rng.integers(0, 2, n))
    w = np.where(b == 1, 1, rng.integers(0, 2, n))
    data = pd.DataFrame({"A": a, "B": b, "X": x, "W": w, "Y": x + a, "V": w + b})
    model = cg.parse("A -> X, Y; X -> Y; B -> W, V; W -> V")
    found = model.ask("E(Y | do(X=1)) - E(V | do(W=0)) + E(Y | do(X=0)) - E(V | do(W=1))", data=data).to_dict()
    assert found["supported"] == pytest.approx(((a == 0) & (b == 0)).mean())


@pytest.mark.parametrize("query", ["implications()", "frontdoor_sets(X, Y)", "instruments(X, Y)", "cpdag()"])
def test_selection_is_refused_where_it_is_not_reckoned_with(query):
    with pytest.raises(cg.ModelError, match="E108"):
        cg.parse("X -> S; Y -> S; X -> Y; S [selected]").ask(query)


def test_a_level_that_does_not_exist_is_refused_though_the_formula_has_no_place_for_it(frame):
    with pytest.raises(cg.ModelError, match="E204"):
        cg.parse("Y -> X").ask("E(Y | do(X=7))", data=frame)


def test_a_word_that_counts_as_1_is_said(frame):
    data = frame.assign(Y=frame["Y"].map({0: "alive", 1: "dead"}))
    found = cg.parse("X -> Y; Y : binary").ask("ate(X, Y)", data=data).to_dict()
    assert found["notes"] == ["Y=dead counts as 1, Y=alive as 0"]


def test_columns_called_value_do_not_collide():
    frame = pd.DataFrame({"value": [0, 1, 1], "value_": [0, 1, 0]})
    rows = cg.parse("value -> value_").ask("P(value_ | do(value))", data=frame).to_dict()["table"]
    assert all(len(r) == 3 for r in rows)


def test_levels_like_01_stay_as_they_are():
    frame = pd.DataFrame({"X": ["01", "1_000"], "Y": [0, 1]})
    rows = cg.parse("X -> Y").ask("E(Y | do(X))", data=frame).to_dict()["table"]
    assert [r["X"] for r in rows] == ["01", "1_000"]


def test_a_table_that_nobody_would_read_is_refused():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.integers(0, 20, (500, 4)), columns=list("ABCD"))
    with pytest.raises(cg.EstimationError, match="E503"):
        cg.parse("A -> B -> C -> D").ask("P(A, B, C, D)", data=frame)


@pytest.mark.parametrize("level", [0, 1, 1.5, -1])
def test_a_level_of_confidence_lies_between_0_and_1(model, frame, level):
    with pytest.raises(cg.ModelError, match="E216"):
        model.ask("ate(X, Y)", data=frame, level=level)


def test_neither_a_claim_nor_its_opposite_holds_of_what_is_undecided():
    text = "pag; L o-> R; T o-> R; {}"
    for claim in ("expect identified(do(L), R)", "expect not identified(do(L), R)", "expect ate(L, R) in [0, 1]"):
        model = cg.parse(text.format(claim))
        results = [r for _, r in model.run(pd.DataFrame({"L": [0, 1], "T": [0, 1], "R": [0, 1]}))]
        assert [r.to_dict()["holds"] for r in results] == [False]
        assert results[0].exit_code == 1


def test_a_claim_that_cannot_be_compared_does_not_stop_the_others():
    results = [r for _, r in cg.parse("X -> Y; expect adjustment_sets(X, Y) == {Z}; ancestors(Y)").run()]
    assert results[0].code == "E215"
    assert results[1].to_dict()["nodes"] == ["X", "Y"]


def test_a_claim_of_many_digits_is_compared(frame):
    text = "X -> Y; expect ate(X, Y) != 0.30800632361957790000000000000000001"
    ((_, result),) = cg.parse(text).run(frame)
    assert result.to_dict()["holds"]
