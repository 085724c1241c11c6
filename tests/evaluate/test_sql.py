"""The SQL of a formula, run in DuckDB and Spark, against the dense evaluator."""

import shutil

import duckdb
import numpy as np
import pandas as pd
import pytest
from sympy import Add, Integer, Mul, Pow

from causalgraph.data.dialects import Column, dialect_named, identifier, text_literal
from causalgraph.errors import EstimationError, ModelError
from causalgraph.evaluate.domain import free_values
from causalgraph.evaluate.sql import query
from causalgraph.evaluate.table import evaluate
from causalgraph.formula.nodes import E, Event, Level, Marginal, P, Value
from causalgraph.variables import Variable
from oracles.sparse import counts_of, held, identified_formulas, random_codes, random_formula, turned
from strategies import ODD_NAMES, scaled

WEIGHT = Column('"w"', number='"w"', is_float=True)
NAMES = tuple(f"V{i}" for i in range(5))


def columns_of(names, sizes, dialect="duckdb", levels=None):
    chosen = dialect_named(dialect)
    made = {}
    for name, size in zip(names, sizes, strict=True):
        quoted = identifier(name, chosen)
        literals = {str(i): str(i) if levels is None else text_literal(levels[i], chosen) for i in range(size)}
        made[name] = Column(quoted, literals, number=identifier(f"{name} number", chosen))
    return made


class People:
    """Random rows, as counts and as a frame whose columns hold the codes, or the levels that they stand for."""

    def __init__(self, rng, names=NAMES, levels=None, rows=None):
        self.names, self.levels = names, levels
        self.sizes = [int(rng.integers(2, 4)) for _ in names]
        codes = random_codes(rng, self.sizes, rows or int(rng.integers(3, 60)))
        numbers = {n: 2 + rng.normal(size=len(codes)) for n in names}
        self.counts = counts_of(names, self.sizes, codes, numbers)
        held = {n: codes[:, i] if levels is None else np.array(levels)[codes[:, i]] for i, n in enumerate(names)}
        self.frame = pd.DataFrame(held | {f"{n} number": y for n, y in numbers.items()})
        self.variables = {n: Variable(n) for n in names}

    def written(self, formula, dialect="duckdb"):
        columns = columns_of(self.names, self.sizes, dialect, self.levels)
        return query(formula, table="people", columns=columns, variables=self.variables, dialect=dialect)

    def compare(self, formula, rows, tolerance=1e-12):
        """Hold the rows of an answer against the dense evaluator; return what is determined."""
        dense = turned(evaluate(formula, self.counts, self.variables, "none"), free_values(formula))
        assert len(rows) == dense.values.size
        levels = [str(i) for i in range(3)] if self.levels is None else list(self.levels)
        seen = set()
        for *place, value in rows:
            index = tuple(levels.index(str(p)) for p in place)
            seen.add(index)
            if dense.valid[index]:
                assert value == pytest.approx(float(dense.values[index]), rel=tolerance, abs=tolerance)
            else:
                assert value is None
        assert len(seen) == len(rows)
        return dense.valid


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect(config={"threads": 1}) as made:
        yield made


def agree(connection, formula, people, tolerance=1e-12):
    connection.register("people", people.frame)
    return people.compare(formula, connection.sql(people.written(formula)).fetchall(), tolerance)


def small(formula):
    """Hold all but two of the free values at a level."""
    return held(formula, free_values(formula)[2:])


def test_every_identified_formula_agrees_in_duckdb(connection):
    rng = np.random.default_rng(1)
    some = none = 0
    for _ in range(scaled(15, 600)):
        for formula in identified_formulas(rng, 5):
            ok = agree(connection, formula, People(rng))
            some, none = some + ok.sum(), none + (~ok).sum()
    # Both must occur, or nothing was shown.
    assert min(some, none) > scaled(15, 800)


def test_any_formula_agrees_in_duckdb(connection):
    rng = np.random.default_rng(2)
    for _ in range(scaled(40, 1500)):
        # Differences of large ratios lose digits.
        agree(connection, small(random_formula(rng, NAMES[:4])), People(rng, NAMES[:4]), 1e-9)


# Named formulas, each with one treatment X and one outcome Y.
OTHER = Event("X", Value("X", 1))
MEAN = Marginal(E("Y", ["X", "Z"]) * P(["Z"]), Value("Z"))
ONE, NIL = (MEAN.xreplace({Value("X"): Level(text)}) for text in "10")
BACKDOOR = Marginal(P(["Y"], ["X", "Z"]) * P(["Z"]), Value("Z"))
FRONTDOOR = Marginal(P(["Z"], ["X"]) * Marginal(P(["Y"], [OTHER, "Z"]) * P([OTHER]), OTHER.value), Value("Z"))
ABOVE, BELOW = (Marginal(P(e, ["W", "Z"]) * P(["W"]), Value("W")) for e in (["X", "Y"], ["X"]))
NAMED = {
    "backdoor": BACKDOOR,
    "frontdoor": FRONTDOOR,
    "napkin": Mul(ABOVE, Pow(BELOW, Integer(-1)), evaluate=False),
    "verma": Marginal(P(["Y"], ["X", "W", "Z"]) * P(["W"], ["X"]) * P(["Z"], ["W"]), Value("W"), Value("Z")),
    "ate": Add(ONE, Mul(Integer(-1), NIL, evaluate=False), evaluate=False),
    "rr": Mul(ONE, Pow(NIL, Integer(-1), evaluate=False), evaluate=False),
    "cate": Marginal(E("Y", ["X", "Z", "W"]) * P(["Z"], ["W"]), Value("Z")),
    "mean": E("Y", []),
    "share": P([Event("Y", Level("1"))]),
    "squares": (1 - P(["Y"], ["X"])) ** 2 + 3 * P(["Z"]) - 2,
    "inside": Marginal(Mul(P(["X", "Z"]), Pow(P(["X"]), Integer(-1)), evaluate=False), Value("X")),
    "thirds": Mul(P(["Y"]), Integer(1) / 3, evaluate=False),
}
LETTERS = ("W", "X", "Y", "Z")


@pytest.mark.parametrize("formula", NAMED.values(), ids=NAMED)
def test_named_formulas_agree_in_duckdb(connection, formula):
    rng = np.random.default_rng(3)
    for rows in (4, 12, 200):
        agree(connection, formula, People(rng, LETTERS, rows=rows))


def test_a_number_needs_no_table(connection):
    text = query(Integer(3) / 4, table="nowhere", columns={}, variables={})
    assert connection.sql(text).fetchall() == [(0.75,)]


ODD_LEVELS = ("it's", 'a "b"; DROP TABLE people; --', "back\\slash")


@pytest.mark.parametrize("names", [
    ("value", "count", "weight", "a b"),
    ("x", "X", "x'", "X_2"),
    ("sum of X'", "X", "Y as a number", "one"),
    ('the "best"', "`tick`", "it's; --", "new\nline"),
    *(ODD_NAMES[i : i + 4] for i in range(0, len(ODD_NAMES) - 3, 4)),
], ids=str)  # fmt: skip
def test_any_name_and_any_level_can_stand_in_a_query(connection, names):
    w, x, y, z = names
    other = Event(x, Value(x, 1))
    inner = Marginal(P([y], [other, z]) * P([other]), other.value)
    rng = np.random.default_rng(4)
    for formula in (Marginal(P([z], [x]) * inner, Value(z)), P([y, w], [x]), Marginal(E(y, [x, z]) * P([z]), Value(z))):
        people = People(rng, names, levels=ODD_LEVELS)
        # DuckDB can't tell columns apart by their case alone: the data's have names of their own.
        columns = columns_of(names, people.sizes, levels=ODD_LEVELS)
        numbered = {n: f"c{i}" for i, n in enumerate(people.frame.columns)}
        read = {n: Column(numbered[n], column.levels, number=numbered[f"{n} number"]) for n, column in columns.items()}
        connection.register("people", people.frame.rename(columns=numbered))
        found = connection.sql(query(formula, table="people", columns=read, variables=people.variables))
        assert found.columns[-1] == "value"
        free = [str(v) for v in free_values(formula)]
        if len({n.casefold() for n in (*free, "value")}) == len(free) + 1:
            assert found.columns == [*free, "value"]
        people.compare(formula, found.fetchall())


def test_a_column_quoted_for_duckdb_is_read_whatever_it_is_called(connection):
    people = People(np.random.default_rng(5), ("value", "weight", 'the "best"', "it's; --"), levels=ODD_LEVELS)
    agree(connection, Marginal(P(["value"], ["weight", 'the "best"']) * P(['the "best"']), Value('the "best"')), people)


def test_missing_values_of_every_kind_are_left_out(connection):
    frame = pd.DataFrame(
        {
            "x": ["a", "b", "a", None, "?", "b", "a", "a", "b"],
            "z": [1.0, 1.0, 1.0, 1.0, 1.0, float("nan"), 2.0, 2.0, 1.0],
            "y": [1.0, 2.0, 3.0, 50.0, 60.0, 70.0, 4.0, -99.0, 8.0],
            "w": [1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, float("nan")],
        }
    )
    connection.register("holes", frame)
    columns = {
        "X": Column('"x"', {"a": "'a'", "b": "'b'"}, missing=("'?'",)),
        "Z": Column('"z"', {"1": "1", "2": "2"}, is_float=True),
        "Y": Column('"y"', number='"y"', is_float=True, missing=("-99", "-98")),
    }
    variables = {n: Variable(n) for n in columns}
    text = query(E("Y", ["X", "Z"]), table="holes", columns=columns, variables=variables, weight=WEIGHT)
    assert connection.sql(text).fetchall() == [("a", 1, 2.0), ("a", 2, 4.0), ("b", 1, 2.0), ("b", 2, None)]


def test_weights_count_and_those_that_are_not_positive_do_not(connection):
    connection.register("weighed", pd.DataFrame({"x": [0, 0, 1, 1], "w": [1.5, 0.5, 4.0, -3.0]}))
    columns = {"X": Column("x", {"0": "0", "1": "1"})}
    text = query(P(["X"]), table="weighed", columns=columns, variables={"X": Variable("X")}, weight=WEIGHT)
    assert connection.sql(text).fetchall() == [(0, pytest.approx(1 / 3)), (1, pytest.approx(2 / 3))]


def test_a_table_without_a_complete_row_has_no_answer(connection):
    connection.register("nobody", pd.DataFrame({"X": [None, None], "Y": [1.0, 2.0]}).astype({"X": "object"}))
    columns = {"X": Column("X", {"0": "'0'", "1": "'1'"}), "Y": Column("Y", number="Y")}
    variables = {n: Variable(n) for n in columns}
    for formula in (P(["X"]), 1 + E("Y", [Event("X", Level("0"))]), Marginal(P(["X"]), Value("X"))):
        text = query(formula, table="nobody", columns=columns, variables=variables)
        assert connection.sql(text).fetchall() == []


def test_means_far_from_zero_keep_their_digits(connection):
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"X": rng.integers(0, 2, 5000), "Y": 1e8 + rng.normal(0, 1, 5000)})
    connection.register("far", frame)
    columns = {"X": Column("X", {"0": "0", "1": "1"}), "Y": Column("Y", number="Y")}
    text = query(E("Y", ["X"]), table="far", columns=columns, variables={n: Variable(n) for n in columns})
    expected = frame.groupby("X")["Y"].mean()
    for level, value in connection.sql(text).fetchall():
        assert value == pytest.approx(expected[level], rel=1e-14)


def test_a_binary_level_may_be_named_by_its_number(connection):
    connection.register("banners", pd.DataFrame({"B": ["yes", "no", "yes", "yes"]}))
    columns = {"B": Column("B", {"no": "'no'", "yes": "'yes'"})}
    share = P([Event("B", Level("1"))])
    text = query(share, table="banners", columns=columns, variables={"B": Variable("B", "binary")})
    assert connection.sql(text).fetchall() == [(0.75,)]


def test_a_table_of_the_name_of_a_part_is_read_all_the_same(connection):
    connection.register("cells", pd.DataFrame({"X": [0, 1, 1, 1]}))
    columns = {"X": Column("X", {"0": "0", "1": "1"})}
    text = query(P(["X"]), table='"cells"', columns=columns, variables={"X": Variable("X")})
    assert connection.sql(text).fetchall() == [(0, 0.25), (1, 0.75)]


def test_what_can_not_be_written_is_refused():
    columns = {"X": Column("X", {"0": "0", "1": "1"})}
    variables = {"X": Variable("X")}
    with pytest.raises(EstimationError, match="E520"):
        query(P(["X"]), table="t", columns=columns, variables=variables, dialect="mysql")
    with pytest.raises(EstimationError, match="E506"):
        query(E("X", []), table="t", columns=columns, variables=variables)
    with pytest.raises(EstimationError, match="E504"):
        query(P(["X"]), table="t", columns={"X": Column("X")}, variables=variables)
    with pytest.raises(EstimationError, match="E590"):
        query(Value("X") + P(["X"]), table="t", columns=columns, variables=variables)
    with pytest.raises(ModelError, match="E204"):
        query(P([Event("X", Level("7"))]), table="t", columns=columns, variables=variables)


def test_means_keep_their_digits_by_the_centre_of_a_column(connection):
    rng = np.random.default_rng(6)
    for centre in (1e8, -1e8):
        frame = pd.DataFrame({"X": rng.integers(0, 2, 5000), "Y": centre + rng.normal(0, 1, 5000)})
        connection.register("far", frame)
        columns = {"X": Column("X", {"0": "0", "1": "1"}), "Y": Column("Y", number="Y", centre=centre)}
        text = query(E("Y", ["X"]), table="far", columns=columns, variables={n: Variable(n) for n in columns})
        expected = (frame["Y"] - centre).groupby(frame["X"]).mean()
        for level, value in connection.sql(text).fetchall():
            assert value == centre + expected[level]


def test_a_row_must_be_complete_in_further_columns(connection):
    connection.register("villages", pd.DataFrame({"X": [0, 1, 1, 1], "village": ["a", None, "?", "b"]}))
    columns = {"X": Column("X", {"0": "0", "1": "1"})}
    beside = [Column("village", missing=("'?'",))]
    text = query(P(["X"]), table="villages", columns=columns, variables={"X": Variable("X")}, complete=beside)
    assert connection.sql(text).fetchall() == [(0, 0.5), (1, 0.5)]


def test_postgres_is_asked_of_floats_alone_whether_they_are_numbers():
    columns = {"X": Column("x", {"0": "0"}, is_float=True)}
    text = query(P(["X"]), table="t", columns=columns, variables={"X": Variable("X")}, dialect="postgres")
    assert "NOT CAST(x AS DOUBLE PRECISION) = 'NaN'" in text


GOLDEN = [("backdoor", "duckdb"), ("frontdoor", "spark"), ("napkin", "postgres")]


@pytest.mark.parametrize(("name", "dialect"), GOLDEN)
def test_a_query_reads_as_written_down(repository, name, dialect):
    chosen = dialect_named(dialect)
    columns = {n: Column(identifier(n.lower(), chosen), {"0": "0", "1": "1"}) for n in LETTERS}
    variables = {n: Variable(n) for n in LETTERS}
    written = query(NAMED[name], table="people", columns=columns, variables=variables, dialect=dialect)
    golden = repository / "tests" / "cases" / f"sql_{name}_{dialect}.sql"
    assert written == golden.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def spark():
    sql = pytest.importorskip("pyspark.sql", reason="pyspark isn't installed")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, which isn't installed")
    # A few rows are quicker read by an interpreter than by code compiled for each part of a query.
    quiet = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",
    }
    builder = sql.SparkSession.builder.master("local[1]")
    for key, value in quiet.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


def lend(spark, frame):
    rows = list(frame.itertuples(index=False, name=None))
    spark.createDataFrame(rows, list(frame.columns)).createOrReplaceTempView("people")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["backdoor", "frontdoor", "napkin", "rr", "inside", "squares"])
def test_named_formulas_agree_in_spark(spark, name):
    rng = np.random.default_rng(7)
    people = People(rng, LETTERS, rows=12)
    lend(spark, people.frame)
    found = spark.sql(people.written(NAMED[name], "spark")).collect()
    people.compare(NAMED[name], [tuple(row) for row in found])


@pytest.mark.slow
def test_any_name_and_any_level_can_stand_in_a_query_to_spark(spark):
    names = ("value", "a `b`", "weight", "it's; --")
    people = People(np.random.default_rng(8), names, levels=ODD_LEVELS, rows=30)
    lend(spark, people.frame)
    formula = P(["a `b`", "value"], ["weight"])
    found = spark.sql(people.written(formula, "spark"))
    assert found.columns == ["a `b`", "value_2", "weight", "value"]
    people.compare(formula, [tuple(row) for row in found.collect()])
