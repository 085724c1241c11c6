"""Spark on a real cluster: sums are taken where the rows lie, and nothing is left behind."""

import os
import signal
import threading
import time

import numpy as np
import pyarrow as pa
import pytest

from causalgraph.data.engine import Number
from causalgraph.data.lazy import Lazy
from causalgraph.data.moments import Moments, gathered, products_of_scores
from clusters import PANDAS_3
from oracles import cells as truth

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(PANDAS_3)]


@pytest.fixture(params=["on_cluster", "on_connect"])
def session(request):
    return request.getfixturevalue(request.param)


def rows_of(n=500, seed=5):
    """Return rows with a mean of 1e8, holes, and a weight that is sometimes zero."""
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(n):
        x = float(rng.normal())
        row = {"x": x, "y": 1e8 + x + float(rng.normal()), "s": "ab"[rng.integers(2)], "k": int(rng.integers(9))}
        row["w"] = float(rng.choice([0.0, 0.5, 2.0]))
        if rng.random() < 0.2:
            row[str(rng.choice(["x", "y", "s", "k", "w"]))] = None
        if rng.random() < 0.05:
            row["x"] = float("nan")
        out.append(row)
    return out


ROWS = rows_of()
KINDS = {"x": pa.float64(), "y": pa.float64(), "s": pa.string(), "k": pa.int32(), "w": pa.float64()}
NUMBERS = (Number("x"), Number("y", None, 1e8), Number("s", {"a": 0.0, "b": 1.0}))
TOLD = (lambda r: r["x"], lambda r: r["y"], lambda r: {"a": 0.0, "b": 1.0}.get(r["s"]))


@pytest.fixture
def engine(session):
    table = pa.table({n: pa.array([r[n] for r in ROWS], kind) for n, kind in KINDS.items()})
    return Lazy.of(session.createDataFrame(table).repartition(3))


@pytest.mark.parametrize(("weight", "cluster"), [(None, None), ("w", None), ("w", "k")])
def test_sums_of_partitions_are_those_of_a_loop(engine, weight, cluster):
    own = weight and Number(weight)
    mean, scatter, total, squared, n, dropped = engine.gram(NUMBERS, own, cluster)
    wanted = truth.moments(ROWS, TOLD, weight, cluster=cluster)
    np.testing.assert_allclose(mean, wanted[0], rtol=1e-14)
    np.testing.assert_allclose(scatter, wanted[1], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose([total, squared, n, dropped], wanted[2:], rtol=1e-12)
    rng = np.random.default_rng(2)
    linear, quadratic = rng.normal(size=(2, 3)), rng.normal(size=(2, 3, 3))
    quadratic += quadratic.transpose(0, 2, 1)
    moments = Moments(("x", "y", "s"), mean, scatter, total, squared, n, dropped, "survey")
    got = engine.score_products(NUMBERS, own, cluster, moments, linear, quadratic)
    np.testing.assert_allclose(got, truth.scores(ROWS, TOLD, linear, quadratic, weight, cluster=cluster), rtol=1e-7)


def test_partitions_without_rows_add_nothing(session):
    table = pa.table({"x": [1.0, 2.0, 4.0], "k": [1, 1, 1]})
    engine = Lazy.of(session.createDataFrame(table).repartition(5))
    mean, scatter, total, *_, dropped = engine.gram([Number("x")], None, "k")
    assert mean[0] == pytest.approx(7 / 3)
    assert scatter[0, 0] == pytest.approx(14 / 3)
    assert (total, dropped) == (3.0, 0)
    moments = Moments(("x",), mean, scatter, total, total, total, 0, "rows")
    out = engine.score_products([Number("x")], None, "k", moments, np.ones((1, 1)), np.zeros((1, 1, 1)))
    # One cluster, whose scores add up to nothing.
    assert out[0, 0] == pytest.approx(0.0, abs=1e-12)


def test_no_rows_have_no_moments(session):
    engine = Lazy.of(session.createDataFrame(pa.table({"x": [1.0, None]})).where("x > 5"))
    mean, scatter, *sums = engine.gram([Number("x")])
    assert (mean.tolist(), scatter.tolist(), sums) == ([0.0], [[0.0]], [0.0, 0.0, 0, 0])


def test_a_long_list_of_codes_is_left_to_the_driver(engine):
    assert engine.gram([Number("k", {i: float(i) for i in range(5_000)})]) is None


def test_many_rows_come_to_the_driver_as_sums(session):
    engine = Lazy.of(session.range(0, 200_000, 1, 4).selectExpr("id % 1000 + 1e8 AS x", "id % 7 AS y"))
    numbers = [Number("x"), Number("y")]
    blocks = [(block, np.ones(len(block))) for block in engine.batches(numbers)]
    mean, scatter, total, squared, n = gathered(blocks, 2)
    got = engine.gram(numbers)
    np.testing.assert_allclose(got[1], scatter, rtol=1e-10, atol=1e-6)
    assert got[2:] == (total, squared, n, 0)
    moments = Moments(("x", "y"), mean, scatter, total, squared, n, 0, "rows")
    linear, quadratic = np.eye(2), np.zeros((2, 2, 2))
    wanted = products_of_scores(((x, w, None) for x, w in blocks), moments, linear, quadratic)
    np.testing.assert_allclose(
        engine.score_products(numbers, None, None, moments, linear, quadratic), wanted, rtol=1e-9
    )


def test_columns_that_differ_by_their_capitals_alone_are_told_apart(session):
    engine = Lazy.of(session.range(2).selectExpr("id AS x", "id + 10 AS X"))
    assert engine.columns == ("x", "X")
    assert sorted(engine.values("x")) == [0, 1]
    assert sorted(engine.values("X")) == [10, 11]


def test_ctrl_c_ends_the_jobs_too(on_cluster):
    slow = on_cluster.range(0, 4, 1, 2).selectExpr("java_method('java.lang.Thread', 'sleep', id * 0L + 60000L) AS x")
    engine = Lazy.of(slow)
    tracker = on_cluster.sparkContext.statusTracker()
    timer = threading.Timer(5.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        engine.cells(["x"], [], None, squared=True)
    until = time.monotonic() + 30
    while tracker.getActiveJobsIds() and time.monotonic() < until:
        time.sleep(0.2)
    assert tracker.getActiveJobsIds() == []
    assert on_cluster.getTags() == set()
