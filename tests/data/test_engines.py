"""The same answers on every engine, to 1e-9, beside plain loops over the same rows."""

import datetime as dt
from decimal import Decimal

import narwhals as nw
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import causalgraph as cg
from causalgraph.data.engine import Number
from causalgraph.data.lazy import Lazy
from causalgraph.data.memory import Memory
from causalgraph.data.opening import open_source
from causalgraph.errors import DataError
from causalgraph.variables import Variable, level_text
from clusters import PANDAS_3
from frames import MADE, QUICK
from oracles import cells as truth
from strategies import scaled

pytestmark = [pytest.mark.filterwarnings(PANDAS_3)]

CLOSE = {"rtol": 1e-9, "atol": 1e-9}
MARKS = ("?", "-99")
TYPES = {
    "x": pa.int8(),
    "b": pa.bool_(),
    "g": pa.dictionary(pa.int8(), pa.string()),
    "s": pa.string(),
    "d": pa.date32(),
    "t": pa.timestamp("us"),
    "q": pa.decimal128(9, 2),
    "f": pa.float32(),
    "y": pa.float64(),
    "i": pa.int8(),
    "w": pa.float64(),
    "k": pa.int32(),
}


def rows_of(n, seed=0):
    """Return rows of everything that engines treat differently."""
    rng = np.random.default_rng(seed)
    days = [dt.date(2020, 1, 1), dt.date(1969, 7, 20), dt.date(2020, 2, 29)]
    pools = {
        "x": [0, 1, 2, 3, -99, None],
        "b": [True, False, None],
        "g": ["Größe", "low", "?", None],
        "s": ["a", "b", "Zoë", None],
        "d": [*days, None],
        "t": [dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 1, 12, 30), None],  # noqa: DTZ001
        "q": [Decimal("1.50"), Decimal("-2.25"), Decimal("3.00"), None],
        "f": [0.1, 0.25, 3.0, float("nan"), None],
        "y": [float("nan"), None],
        "i": [100, 127, 126],
        "w": [0.0, 0.5, 1.0, 2.5, None],
        "k": list(range(12)),
    }
    out = [{name: pool[rng.integers(len(pool))] for name, pool in pools.items()} for _ in range(n)]
    for row in out:
        if rng.random() < 0.8:
            row["y"] = 1e8 + (row["x"] or 0) + float(rng.normal())
        if row["f"] is not None:
            row["f"] = float(np.float32(row["f"]))
    return out


def table_of(rows):
    return pa.table({name: pa.array([r[name] for r in rows], kind) for name, kind in TYPES.items()})


def engine_of(frame, na=MARKS):
    """Return the engine that the door would choose."""
    made = nw.from_native(frame)
    return Lazy.of(frame, na) if isinstance(made, nw.LazyFrame) else Memory.of(frame, na)


def text(name, value):
    return level_text(np.float32(value) if name == "f" else value)


def told(cells, keys, m):
    """Return cells as {texts: sums}, as the truth has them."""
    out = {}
    for i, codes in enumerate(cells.codes.tolist()):
        key = tuple(text(n, own[c]) for n, own, c in zip(keys, cells.values, codes, strict=True))
        sums = [cells.rows[i], cells.weight[i], cells.squared[i], *cells.sums[i], *cells.squared_sums[i]]
        out[key] = [float(v) for v in (*sums, *cells.squared_products[i].reshape(m * m))]
    return out


def expected(rows, keys, numbers, weight=None, *, squared=True):
    found, dropped = truth.cells(rows, keys, numbers, weight, MARKS, squared=squared)
    return {tuple(text(n, v) for n, v in zip(keys, key, strict=True)): sums for key, sums in found.items()}, dropped


def less(column, centre=0.0):
    """Return a row's number less a centre; None where it is missing."""
    return lambda row: None if truth.is_gone(row[column], MARKS) else float(row[column]) - centre


ROWS = rows_of(400)
TABLE = table_of(ROWS)
# Numbers of every kind, beside what a row of plain values gives.
NUMBERS = (
    (Number("y", None, 1e8), less("y", 1e8)),
    (Number("i", None, 120.0), less("i", 120.0)),
    (Number("b", {True: 1.0, False: 0.0}, 0.5), less("b", 0.5)),
    (Number("q"), less("q")),
    (Number("x", None, 1.0), less("x", 1.0)),
    (Number("s", {"a": 1.0, "b": 2.0}), lambda row: {"a": 1.0, "b": 2.0}.get(row["s"])),
)


@pytest.fixture
def engine(frame_of):
    return engine_of(frame_of(TABLE))


def test_all_engines_tell_the_same_facts(engine):
    engine.prepare(list(TYPES))
    assert engine.rows == len(ROWS)
    assert engine.columns == tuple(TYPES)
    for name in TYPES:
        there = [r[name] for r in ROWS if not truth.is_gone(r[name], MARKS)]
        facts = engine.facts(name)
        assert facts.missing == len(ROWS) - len(there), name
        if name in "gsdt":
            assert facts.storage == ("text" if name in "gs" else "time")
            assert facts.low is None
            continue
        assert facts.storage == ("boolean" if name == "b" else "number")
        numbers = [float(v) for v in there]
        got = [facts.low, facts.high, facts.mean, facts.total]
        np.testing.assert_allclose(
            got, [min(numbers), max(numbers), sum(numbers) / len(numbers), sum(numbers)], **CLOSE
        )
        assert facts.whole == all(v % 1 == 0 for v in numbers)
        assert facts.endless == 0


def test_raw_values_are_the_same_python_objects(engine):
    for name in TYPES:
        there = {text(name, r[name]) for r in ROWS if not truth.is_gone(r[name], MARKS)}
        values = engine.values(name)
        assert {level_text(v) for v in values} == there, name
        assert len(values) == len(there)
        assert sorted(engine.values(name, len(there)), key=str) == sorted(values, key=str)
        assert engine.values(name, len(there) - 1) is None


@pytest.mark.parametrize("keys", [(), ("x",), ("b", "g"), ("d", "q", "f"), ("t", "s", "x", "b")])
def test_cells_are_counted_as_a_loop_would(engine, keys):
    wanted, dropped = expected(ROWS, keys, ())
    cells = engine.cells(keys, [], None, squared=True)
    assert told(cells, keys, 0) == wanted
    assert cells.dropped == dropped


@pytest.mark.parametrize(("weight", "squared"), [(None, True), ("w", True), ("w", False)])
@pytest.mark.parametrize("chosen", [(0,), (1, 0), (2, 0, 3), (2, 5), (4, 5, 0)])
def test_sums_of_numbers_are_those_of_a_loop(engine, chosen, weight, squared):
    numbers = [NUMBERS[i][0] for i in chosen]
    wanted, dropped = expected(ROWS, ("g",), [NUMBERS[i][1] for i in chosen], weight, squared=squared)
    cells = engine.cells(["g"], numbers, weight and Number(weight), squared=squared)
    got = told(cells, ("g",), len(chosen))
    assert got.keys() == wanted.keys()
    for key, sums in wanted.items():
        np.testing.assert_allclose(got[key], sums, **CLOSE)
    assert cells.dropped == dropped


def test_weights_may_be_looked_up(engine):
    weighed = [{**r, "own": {"a": 0.0, "b": 2.0}.get(r["s"])} for r in ROWS]
    wanted, dropped = expected(weighed, ("x",), [less("y", 1e8)], "own")
    cells = engine.cells(["x"], [Number("y", None, 1e8)], Number("s", {"a": 0.0, "b": 2.0}), squared=True)
    got = told(cells, ("x",), 1)
    assert got.keys() == wanted.keys()
    for key, sums in wanted.items():
        np.testing.assert_allclose(got[key], sums, **CLOSE)
    assert cells.dropped == dropped


def test_rows_come_in_order_and_as_they_are(engine):
    numbers = [n for n, _ in NUMBERS]
    got = np.concatenate(list(engine.batches(numbers)))
    wanted = [[own(row) for _, own in NUMBERS] for row in ROWS]
    wanted = np.array([[np.nan if v is None else v for v in row] for row in wanted]) + [n.centre for n in numbers]
    np.testing.assert_allclose(got, wanted, **CLOSE)


@pytest.mark.parametrize(("column", "value"), [("x", 3), ("y", ROWS[7]["y"]), ("s", "Zoë"), ("q", Decimal("3.00"))])
def test_the_first_row_of_a_value_is_found_where_rows_have_an_order(engine, column, value):
    row = next(i for i, r in enumerate(ROWS) if r[column] == value)
    ordered = not isinstance(engine, Lazy) or engine.native.numbered is not None
    assert engine.first(column, value) == (row if ordered else None)


def variables(*names):
    kinds = {"y": "continuous", "i": "continuous", "q": "continuous", "b": "binary"}
    return [Variable(n, kinds.get(n)) for n in names]


def numbers_of(*names):
    return [less(n) for n in names]


@pytest.mark.parametrize(("weight", "cluster"), [(None, None), ("w", None), ("w", "k"), (None, "k")])
def test_moments_and_scores_are_those_of_a_loop(frame_of, weight, cluster):
    source = open_source(frame_of(TABLE), weight=weight, weights_as=weight and "survey", cluster=cluster, na=MARKS)
    names = ("y", "b", "q", "i")
    moments = source.moments(variables(*names))
    mean, scatter, total, squared, n, dropped = truth.moments(ROWS, numbers_of(*names), weight, MARKS, cluster)
    np.testing.assert_allclose(moments.mean, mean, rtol=1e-14)
    np.testing.assert_allclose(moments.scatter, scatter, **CLOSE)
    np.testing.assert_allclose([moments.total, moments.squared], [total, squared], **CLOSE)
    assert (moments.n, moments.dropped) == (n, dropped)
    rng = np.random.default_rng(1)
    linear, quadratic = rng.normal(size=(2, 4)), rng.normal(size=(2, 4, 4))
    quadratic += quadratic.transpose(0, 2, 1)
    products = source.scores(variables(*names), moments, linear, quadratic)
    wanted = truth.scores(ROWS, numbers_of(*names), linear, quadratic, weight, MARKS, cluster)
    np.testing.assert_allclose(products, wanted, rtol=1e-7)  # a mean of 1e8 is known to 1e-8


MODEL = cg.parse("Z -> X -> M -> Y\nZ -> Y\nX <-> Y\nX : binary\nM : binary\nZ : {low, mid, high}\nY : continuous\n")


def world(n=3_000, seed=3):
    """Return a table that the model could have made, with holes in it."""
    rng = np.random.default_rng(seed)
    z = rng.integers(0, 3, n)
    u = rng.normal(size=n)
    x = rng.random(n) < 0.3 + 0.2 * (z == 1) + 0.1 * (u > 0)
    m = rng.random(n) < 0.2 + 0.5 * x
    y = 1e8 + 2.0 * m + z + u
    y[rng.random(n) < 0.05] = np.nan
    gone = rng.random((3, n)) < 0.03
    return pa.table(
        {
            "X": pa.array(x, mask=gone[0]),
            "M": pa.array(m.astype("int8"), mask=gone[1]),
            "Z": pa.array(np.array(["low", "mid", "high"])[z], mask=gone[2]).dictionary_encode(),
            "Y": pa.array(y, mask=rng.random(n) < 0.05),
        }
    )


WORLD = world()
ASKED = ("E(Y | do(X=1)) - E(Y | do(X=0))", "P(M=1 | do(X=1))", "E(Y | do(X=0), Z=mid)")


@pytest.fixture(scope="module")
def first_answers():
    return {q: MODEL.ask(q, data=WORLD.to_pandas()) for q in ASKED}


@pytest.mark.parametrize("query", ASKED)
def test_a_question_has_the_same_answer_on_every_engine(frame_of, first_answers, query):
    own, first = MODEL.ask(query, data=frame_of(WORLD)), first_answers[query]
    assert own.value == pytest.approx(first.value, rel=1e-9)
    assert own.interval == pytest.approx(first.interval, rel=1e-9)


def test_a_null_and_a_nan_are_missing_alike(frame_of):
    table = pa.table({"X": pa.array([1.0, None, float("nan"), 2.0]), "Y": [1, 2, 3, 4]})
    engine = engine_of(frame_of(table))
    assert engine.facts("X").missing == 2
    assert sorted(engine.values("X")) == [1.0, 2.0]
    assert engine.cells(["X"], [], None, squared=True).dropped == 2
    assert engine.cells(["Y"], [Number("X")], None, squared=True).dropped == 2


def test_infinite_numbers_are_counted_and_found(frame_of):
    engine = engine_of(frame_of(pa.table({"X": [1.0, float("inf"), -float("inf"), 2.0]})))
    facts = engine.facts("X")
    assert (facts.endless, facts.missing, facts.low, facts.high, facts.mean) == (2, 0, -np.inf, np.inf, 1.5)
    assert engine.first("X", -np.inf) in (2, None)


def test_names_mean_what_their_author_typed(frame_of):
    odd = ["a.b", 'say "hi"', "`tick`", "total spend $", "Größe"]
    engine = engine_of(frame_of(pa.table({name: [i, i + 1] for i, name in enumerate(odd)})))
    assert engine.columns == tuple(odd)
    for i, name in enumerate(odd):
        assert sorted(engine.values(name)) == [i, i + 1]


def test_no_rows_make_no_cells(frame_of):
    table = pa.table({"X": pa.array([], pa.int64()), "Y": pa.array([], pa.float64())})
    engine = engine_of(frame_of(table))
    assert engine.rows == 0
    assert engine.facts("Y").missing == 0
    assert engine.values("X") == []
    cells = engine.cells(["X"], [Number("Y")], None, squared=True)
    assert (len(cells.rows), cells.codes.shape, cells.dropped) == (0, (0, 1), 0)
    assert sum(len(b) for b in engine.batches([Number("Y")])) == 0


def test_a_column_of_nothing_is_missing_throughout(frame_of):
    engine = engine_of(frame_of(pa.table({"X": pa.array([None, None], pa.float64()), "Y": [1, 2]})))
    facts = engine.facts("X")
    assert (facts.missing, facts.low, facts.mean) == (2, None, None)
    cells = engine.cells(["Y"], [Number("X")], None, squared=True)
    assert (len(cells.rows), cells.dropped) == (0, 2)


def test_lists_have_no_levels(frame_of):
    engine = engine_of(frame_of(pa.table({"X": [[1], [2, 3]]})))
    assert engine.facts("X").storage == "other"
    with pytest.raises(DataError, match=r"\[E308\]"):
        engine.values("X")


def test_small_whole_numbers_do_not_overflow(frame_of):
    table = pa.table({"X": pa.array([127] * 300, pa.int8()), "Z": pa.array([True] * 300)})
    engine = engine_of(frame_of(table))
    assert engine.facts("X").total == 127 * 300
    cells = engine.cells([], [Number("X"), Number("Z")], None, squared=True)
    assert cells.squared_products[0].tolist() == [[127**2 * 300, 127 * 300], [127 * 300, 300]]


values = st.one_of(st.none(), st.sampled_from([0.0, 1.0, -1.5, 0.1, float("nan"), 1e8]))


@pytest.mark.parametrize("name", QUICK)
@settings(max_examples=scaled(15, 200))
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "a": st.one_of(st.none(), st.sampled_from(["a", "?", "é", ""])),
                "c": st.one_of(st.none(), st.integers(-128, 127)),
                "y": values,
                "z": values,
                "w": st.one_of(st.none(), st.sampled_from([0.0, 0.5, 3.0])),
            }
        ),
        max_size=12,
    ),
    weighted=st.booleans(),
    squared=st.booleans(),
)
def test_any_few_rows_are_counted_as_a_loop_would(name, rows, weighted, squared):
    kinds = {"a": pa.string(), "c": pa.int8(), "y": pa.float64(), "z": pa.float64(), "w": pa.float64()}
    engine = engine_of(MADE[name](pa.table({n: pa.array([r[n] for r in rows], k) for n, k in kinds.items()})))
    weight = "w" if weighted else None
    wanted, dropped = expected(rows, ("a", "c"), [less("y", 0.5), less("z")], weight, squared=squared or not weighted)
    cells = engine.cells(
        ["a", "c"], [Number("y", None, 0.5), Number("z")], weight and Number(weight), squared=squared or not weighted
    )
    got = told(cells, ("a", "c"), 2)
    assert got.keys() == wanted.keys()
    for key, sums in wanted.items():
        np.testing.assert_allclose(got[key], sums, rtol=1e-9, atol=1e-6)
    assert cells.dropped == dropped


@pytest.mark.parametrize("name", QUICK)
def test_a_time_with_a_zone_is_written_as_its_zone_has_it(name):
    import duckdb

    moment = dt.datetime(2020, 7, 1, 12, 30, tzinfo=dt.UTC)
    table = pa.table({"T": pa.array([moment, None], pa.timestamp("us", tz="Europe/Paris"))})
    if name == "duckdb":
        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'Europe/Paris'")
        engine = Lazy.of(connection.sql("SELECT TIMESTAMPTZ '2020-07-01 12:30:00+00' AS T UNION ALL SELECT NULL"))
    else:
        engine = engine_of(MADE[name](table))
    assert [level_text(v) for v in engine.values("T")] == ["2020-07-01 14:30:00+02:00"]
    assert engine.facts("T").missing == 1


def test_marks_are_found_among_dates_and_times(frame_of):
    table = pa.table(
        {
            "D": [dt.date(1900, 1, 1), dt.date(2020, 5, 1), None],
            "T": [dt.datetime(1900, 1, 1), dt.datetime(2020, 5, 1, 8), None],  # noqa: DTZ001
        }
    )
    engine = engine_of(frame_of(table), ("1900-01-01",))
    for name, text_of in (("D", "2020-05-01"), ("T", "2020-05-01 08:00:00")):
        assert engine.facts(name).missing == 2
        assert [level_text(v) for v in engine.values(name)] == [text_of]
        assert engine.cells([name], [], None, squared=True).dropped == 2
