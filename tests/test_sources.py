"""What data a model's questions are asked of, and by which way they are answered."""

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import causalgraph as cg
from causalgraph.progress import watched
from strategies import scaled

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


BY_WAYS = ("counts", "sql")
EIGHT = {"Z": [0, 0, 0, 0, 1, 1, 1, 1] * 5, "X": [0, 1, 0, 1, 0, 1, 1, 1] * 5, "Y": [0, 1, 0, 0, 1, 1, 1, 0] * 5}


def both(data, question="ate(X, Y)", text="Z -> X, Y; X -> Y", **settings):
    """Answer by counts and by SQL, or say which error each is."""
    found = []
    for method in BY_WAYS:
        try:
            answer = cg.parse(text).ask(question, data=data, method=method, **settings)
            found.append(([r.value for r in answer.rows], answer.n, answer.dropped, answer.level))
        except cg.CausalGraphError as error:
            found.append(error.diagnostics[0].code)
    return found


def agree(data, question="ate(X, Y)", text="Z -> X, Y; X -> Y", **settings):
    by_counts, by_sql = both(data, question, text, **settings)
    if isinstance(by_counts, str):
        return by_counts == by_sql
    return by_counts[1:] == by_sql[1:] and by_sql[0] == pytest.approx(by_counts[0], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("form", ["pandas", "polars", "polars lazy", "pyarrow"])
def test_columns_that_differ_in_capitals_alone_are_told_apart_by_sql(form):
    frame = people()[["X", "Y"]].assign(x=lambda f: 1 - f.X, Y=lambda f: f.Y - 1e8)
    for name in "Xx":
        assert agree(FORMS[form](frame), f"ate({name}, Y)", f"{name} -> Y")


def test_sql_is_not_printed_where_columns_differ_in_capitals_alone():
    model, frame = cg.parse("X -> Y; x -> Y; Y : continuous"), people().assign(x=lambda f: 1 - f.X)
    for dialect in ("duckdb", "spark"):
        with pytest.raises(cg.EstimationError, match="E521"):
            model.sql("E(Y | X, x)", frame, dialect=dialect)
    assert '"x"' in model.sql("E(Y | X, x)", frame, dialect="postgres")


WEIGHTS = {
    "negative": [-1] + [2] * 39,
    "nothing": [0] * 40,
    "missing": [None] * 3 + [1.5] * 37,
    "infinite": [np.inf] + [1.0] * 39,
    "text": ["2"] * 39 + ["3"],
    "no number": ["x"] * 40,
    "boolean": [True] * 20 + [False] * 20,
    "exact": [1 / 40] * 40,
    "some zero": [0] * 10 + [3] * 30,
    "marked": [9] * 5 + [2] * 35,
    "dates": pd.date_range("2020-01-01", periods=40),
}


@pytest.mark.parametrize("form", ["pandas", "duckdb"])
@pytest.mark.parametrize("weight", WEIGHTS)
def test_sql_takes_weights_as_the_counts_do(form, weight):
    data = FORMS[form](pd.DataFrame(EIGHT | {"w": WEIGHTS[weight]}))
    text = 'data "f" { na = "9" }\nZ -> X, Y\nX -> Y'
    assert agree(data, text=text, weight="w")


def test_bad_weights_are_refused_in_printed_sql():
    frame = pd.DataFrame(EIGHT | {"w": WEIGHTS["negative"]})
    file = cg.parse('data "f" { weight = w }\nX -> Y')
    with pytest.raises(cg.DataError, match="E304"):
        file.sql("P(Y | X)", frame)


@pytest.mark.parametrize("form", ["pandas", "duckdb"])
def test_rows_without_a_cluster_are_left_out_by_sql(form):
    frame = pd.DataFrame(EIGHT | {"c": [None] * 7 + ["?", *"abcd" * 8]})
    text = 'data "f" { na = "?" }\nZ -> X, Y\nX -> Y'
    assert agree(FORMS[form](frame), text=text, cluster="c")
    assert both(FORMS[form](frame), text=text, cluster="c")[1][1:3] == (32, 8)
    assert both(frame, cluster="nowhere") == ["E301", "E301"]


MARKS = ["9.0", "nan", "inf", "?", "-9", "1_0", "2020-01-01", "2020-01-01 06:00:00", "0"]


@pytest.mark.parametrize(
    ("form", "mark"), [*(("pandas", m) for m in MARKS), *(("duckdb", m) for m in MARKS[: scaled(1, len(MARKS))])]
)
def test_marks_of_missing_values_are_the_same_to_sql(form, mark):
    days = pd.date_range("2020-01-01", periods=3).repeat(14)[:40]
    frame = pd.DataFrame(EIGHT)
    held = {
        "numbers": frame.Z.replace(0, 9),
        "booleans": frame.Z == 1,
        "dates": days,
        "times": days + pd.Timedelta(hours=6),
        "texts": frame.Z.map({0: "?", 1: "0"}),
    }
    for values in held.values():
        shown = frame.assign(Z=values, X=frame.X.map({0: "no", 1: "yes"}), Y=frame.Y.map({0: "no", 1: "yes"}))
        text = f'data "f" {{ na = "{mark}" }}\nZ -> Y'
        assert agree(FORMS[form](shown), "P(Y=yes | Z)", text)


def test_large_outcomes_lose_no_more_digits_by_sql_than_by_counts():
    by_counts, by_sql = both(people(20_000), text=MODEL)
    assert by_sql[0] == pytest.approx(by_counts[0], rel=3e-8)
    text = cg.parse(MODEL).sql("E(Y | X, Z)", people(20_000))
    with duckdb.connect() as connection:
        connection.register("data", frame := people(20_000))
        found = connection.execute(text).fetchall()
    # One rounding at the size of the mean itself is all that is lost.
    means = (frame.Y - 1e8).groupby([frame.X, frame.Z]).mean()
    for *cell, value in found:
        x, z = sorted(cell, key=lambda v: isinstance(v, str))
        assert value - 1e8 == pytest.approx(means[x, z], abs=2 * np.spacing(1e8))


def test_an_answer_by_sql_says_what_was_used():
    frame = people()
    frame.loc[:9, "Z"] = None
    frame.loc[20:24, "w"] = 0
    for said in (None, "counts", "survey"):
        by_counts, by_sql = both(frame, text=MODEL, weight="w", weights_as=said)
        assert by_counts[1:] == by_sql[1:]
        assert by_sql[2] == 10
    assert both(pd.DataFrame({"Z": [None] * 4, "X": [0, 1] * 2, "Y": [0, 1] * 2}).astype({"Z": float}))[1] == "E307"


def test_sql_leaves_the_tables_of_a_connection_alone():
    with duckdb.connect() as connection:
        connection.register("given", pd.DataFrame(EIGHT))
        connection.execute("CREATE TABLE other AS SELECT * FROM given; CREATE TABLE data AS SELECT 7 AS c0, 8 AS c1")
        assert agree(connection.sql("SELECT * FROM other"))
        assert connection.sql("SELECT * FROM data").fetchall() == [(7, 8)]
        names = {n for (n,) in connection.sql("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()}
        assert names <= {"given"}


def test_columns_that_are_not_asked_for_do_not_matter_to_sql():
    for odd in ([{}] * 40, [1j] * 40, pd.period_range("2020-01", periods=40, freq="M")):
        assert agree(pd.DataFrame(EIGHT | {"odd": odd}))


def test_moments_to_the_nanosecond_have_no_sql():
    frame = pd.DataFrame({"T": pd.to_datetime([1, 2] * 20, unit="ns"), "Y": [0, 1] * 20})
    assert both(frame, "P(Y | T)", "T -> Y")[1] == "E521"


def test_what_duckdb_can_not_compare_is_refused(tmp_path):
    frame = pd.DataFrame(EIGHT).assign(Z=lambda f: pd.to_timedelta(f.Z, unit="D"))
    assert both(frame)[1] == "E521"
    file = tmp_path / "people.csv"
    people().to_csv(file, index=False)
    data = cg.open_data(str(file))
    assert agree(data, "P(X | Z)", MODEL)


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
