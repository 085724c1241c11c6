"""What data a model's questions are asked of, and by which way they are answered."""

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import causalgraph as cg
from causalgraph.progress import watched

MODEL = "Z -> X, Y; X -> Y; Z : {a, b, c}; Y : continuous"
FORMS = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "polars lazy": lambda frame: pl.from_pandas(frame).lazy(),
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "duckdb": lambda frame: duckdb.connect().from_df(frame),
}


def people(n=400, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.integers(0, 3, n)
    x = (rng.random(n) < 0.3 + 0.2 * z).astype(int)
    frame = pd.DataFrame({"Z": np.array(["a", "b", "c"])[z], "X": x, "Y": 1e8 + 2.0 * x + z + rng.normal(size=n)})
    return frame.assign(w=rng.integers(1, 4, n), village=rng.integers(0, 40, n))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("question", ["ate(X, Y)", "P(X | Z)", "E(Y | do(X))", "rr(X, Y)"])
def test_sql_says_what_the_counts_say(form, question):
    model, data = cg.parse(MODEL), FORMS[form](people())
    by_sql, by_counts = model.ask(question, data=data, method="sql"), model.ask(question, data=data)
    for row, same in zip(by_sql.rows, by_counts.rows, strict=True):
        assert dict(row.levels) == dict(same.levels)
        assert row.value == pytest.approx(same.value, rel=1e-12, abs=1e-7)
        assert row.interval is None


def test_sql_that_is_printed_runs_on_the_data():
    model, frame = cg.parse(MODEL), people()
    text = model.sql("ate(X, Y)", frame, table="people")
    with duckdb.connect() as connection:
        connection.register("people", frame)
        ((value,),) = connection.execute(text).fetchall()
    assert value == pytest.approx(model.ask("ate(X, Y)", data=frame).value, abs=1e-6)


def test_a_question_that_is_not_identified_has_no_sql():
    assert cg.parse("X -> Y; X <-> Y").sql("P(Y | do(X))", people()).to_dict()["identified"] is False


def test_sql_is_for_numbers():
    with pytest.raises(cg.ModelError, match="E218"):
        cg.parse(MODEL).sql("paths(X, Y)", people())


def test_an_unknown_dialect_is_refused():
    with pytest.raises(cg.EstimationError, match="E520"):
        cg.parse(MODEL).sql("ate(X, Y)", people(), dialect="oracle")


def test_undetermined_is_null_and_said():
    frame = pd.DataFrame({"Z": ["a", "a", "b"], "X": [0, 1, 0], "Y": [1.0, 2.0, 3.0]})
    found = cg.parse(MODEL).ask("E(Y | do(X=1))", data=frame, method="sql")
    assert found.value is None
    assert any(w.startswith("W502") for w in found.warnings)


def test_data_opened_once_answer_several_questions():
    model, data = cg.parse(MODEL), cg.open_data(people())
    first, second = model.ask("ate(X, Y)", data=data), model.ask("ate(X, Y)", data=people())
    assert first.value == second.value
    assert model.ask("P(X)", data=data).n == 400
    assert cg.open_data(data) is data


def test_what_is_no_data_is_refused():
    with pytest.raises(cg.DataError, match="E311"):
        cg.parse(MODEL).ask("ate(X, Y)", data=42)


@pytest.mark.parametrize(("said", "weighting"), [(None, 800), ("survey", 400)])
def test_weights_are_what_they_are_said_to_be(said, weighting):
    frame = people()
    frame["w"] = 2
    assert cg.parse(MODEL).ask("ate(X, Y)", data=frame, weight="w", weights_as=said).n == weighting


def test_survey_weights_have_larger_errors_than_counts():
    frame = people()
    counts, survey = (
        cg.parse(MODEL).ask("ate(X, Y)", data=frame, weight="w", weights_as=said) for said in ("counts", "survey")
    )
    assert counts.value == pytest.approx(survey.value)
    assert survey.std_error > 1.2 * counts.std_error


def test_weights_that_are_not_whole_are_no_counts():
    frame = people()
    frame["w"] += 0.5
    with pytest.raises(cg.DataError, match="E304"):
        cg.parse(MODEL).ask("ate(X, Y)", data=frame, weight="w", weights_as="counts")


def test_weights_can_not_be_anything():
    with pytest.raises(cg.ModelError, match="E217"):
        cg.parse(MODEL).ask("ate(X, Y)", data=people(), weight="w", weights_as="money")


def test_a_model_says_what_its_weights_are_and_what_belongs_together(tmp_path):
    people().to_csv(tmp_path / "people.csv", index=False)
    file = tmp_path / "people.dag"
    file.write_text(
        f'{MODEL.replace("; ", chr(10))}\ndata "people.csv" {{ weight = w, weights_as = survey, cluster = village }}\n',
        encoding="utf-8",
    )
    model = cg.load(file)
    assert (model.data.weight, model.data.weights_as, model.data.cluster) == ("w", "survey", "village")
    inside = model.ask("ate(X, Y)")
    outside = cg.parse(MODEL).ask("ate(X, Y)", data=people(), weight="w", weights_as="survey", cluster="village")
    assert inside.std_error == pytest.approx(outside.std_error)


def test_clusters_of_like_people_widen_the_interval():
    frame = pd.concat([people(200)] * 5, ignore_index=True)
    frame["person"] = frame.index % 200
    model = cg.parse(MODEL)
    plain, alike = model.ask("ate(X, Y)", data=frame), model.ask("ate(X, Y)", data=frame, cluster="person")
    assert plain.value == pytest.approx(alike.value)
    assert 2.0 < alike.std_error / plain.std_error < 2.5
    line = cg.parse("X -> Y; Y : continuous")
    plain, alike = (line.ask("ate(X, Y)", data=frame, method="gaussian", cluster=by) for by in (None, "person"))
    assert 2.0 < alike.std_error / plain.std_error < 2.5


def test_work_is_told_to_who_watches():
    told = []

    class Watch:
        def __init__(self, what):
            told.append(what)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            told.append("done")

    with watched(Watch):
        cg.parse(MODEL).ask("ate(X, Y)", data=people())
    assert told == ["ate(X, Y)", "counting 400 rows", "done", "done"]
