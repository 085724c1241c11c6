"""Fisher's z against inversion in extended precision, test by test and level by level."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from causalgraph.data.opening import open_source
from causalgraph.errors import DataError
from causalgraph.independence import base, gaussian_sweep, pieces
from causalgraph.independence.gaussian import FisherZ, constants
from causalgraph.variables import Variable
from oracles.independence import brute_level, fisher_p, partial_correlation
from strategies import scaled

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@pytest.fixture(params=["plain", "compiled"])
def speed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to run one loop."""
    plain = request.param == "plain"
    monkeypatch.setattr(pieces, "is_small", lambda _v, _work: plain)
    return str(request.param)


def correlated(rows: Floats) -> Floats:
    return np.asarray(np.corrcoef(rows.T), dtype=float)


def some_correlation(rng: np.random.Generator, v: int) -> Floats:
    """Some correlations, weak and strong."""
    rows = rng.standard_normal((v + int(rng.integers(1, 3 * v + 2)), v))
    for k in range(1, v):
        rows[:, k] += rows[:, :k] @ (rng.normal(0, 1, k) * (rng.random(k) < 0.4))
    return correlated(rows)


def some_pairs(rng: np.random.Generator, v: int, share: float) -> Bools:
    """Return a symmetric relation without loops."""
    upper = np.triu(rng.random((v, v)) < share, 1)
    pairs: Bools = upper | upper.T
    return pairs


def numbered(v: int) -> list[str]:
    return [f"X{k}" for k in range(v)]


def compare(level: base.Level, truth: dict[tuple[int, int, tuple[int, ...]], float], alpha: float) -> None:
    """Hold a level against every single test."""
    assert level.tests == len(truth)
    largest: dict[tuple[int, int], float] = {}
    for (i, j, _), p in truth.items():
        largest[i, j] = max(p, largest.get((i, j), 0.0))
    v = len(level.p)
    for i, j in combinations(range(v), 2):
        assert level.p[i, j] == level.p[j, i]
        assert (level.sets[i, j] == level.sets[j, i]).all()
        if (i, j) not in largest:
            assert level.p[i, j] == -1
            continue
        assert math.isclose(level.p[i, j], largest[i, j], rel_tol=1e-6, abs_tol=1e-300)
        assert math.isclose(truth[i, j, tuple(level.sets[i, j].tolist())], largest[i, j], rel_tol=1e-6, abs_tol=1e-300)
    assert (np.diag(level.p) == -1).all()
    handed = {
        (*pair, tuple(given)): p
        for pair, given, p in zip(level.pairs.tolist(), level.separators.tolist(), level.values.tolist(), strict=True)
    }
    assert len(handed) == len(level.values)
    sure = {key for key, p in truth.items() if p > alpha * (1 + 1e-6)}
    assert sure <= set(handed) <= {key for key, p in truth.items() if p > alpha * (1 - 1e-6)}
    for key, p in handed.items():
        assert math.isclose(p, truth[key], rel_tol=1e-6)


@pytest.mark.parametrize("seed", range(scaled(25, 400)))
def test_a_level_makes_the_tests_it_should_with_their_p_values(seed: int, speed: str) -> None:
    rng = np.random.default_rng(seed)
    v = int(rng.integers(2, 9))
    correlation, n = some_correlation(rng, v), float(rng.integers(20, 200))
    alpha = float(rng.choice([0.001, 0.05, 0.5, 0.9]))
    adjacent, testable = some_pairs(rng, v, rng.uniform(0.4, 1.2)), some_pairs(rng, v, rng.uniform(0.5, 1.5))
    test = FisherZ.of_matrix(correlation, numbered(v), n)
    for depth in range(5):
        truth = brute_level(test.correlation, adjacent, testable, depth, n)
        compare(test.level(adjacent, testable, depth, alpha), truth, alpha)


@settings(max_examples=scaled(40, 400))
@given(st.data())
def test_a_level_says_what_its_tests_say_one_by_one(data: st.DataObject) -> None:
    v = data.draw(st.integers(2, 6))
    seed = data.draw(st.integers(0, 10_000))
    every = list(combinations(range(v), 2))
    adjacent, testable = np.zeros((v, v), dtype=bool), np.zeros((v, v), dtype=bool)
    for relation in (adjacent, testable):
        for i, j in data.draw(st.lists(st.sampled_from(every), unique=True)):
            relation[i, j] = relation[j, i] = True
    test = FisherZ.of_matrix(some_correlation(np.random.default_rng(seed), v), numbered(v), 50)
    depth = data.draw(st.integers(1, 4))
    level = test.level(adjacent, testable, depth, 0.1)
    single = base.one_by_one(test.test, adjacent, testable, depth, 0.1)
    assert level.tests == single.tests
    np.testing.assert_allclose(level.p, single.p, rtol=1e-9)
    assert (level.sets == single.sets).all()
    listed = [
        sorted(zip(told.pairs.tolist(), told.separators.tolist(), told.values.round(9).tolist(), strict=True))
        for told in (level, single)
    ]
    assert listed[0] == listed[1]


@pytest.mark.parametrize("seed", range(scaled(40, 400)))
def test_one_test_agrees_with_inversion_given_up_to_ten_others(seed: int) -> None:
    rng = np.random.default_rng(seed)
    v = int(rng.integers(2, 13))
    test = FisherZ.of_matrix(some_correlation(rng, v), numbered(v), 40)
    order = rng.permutation(v).tolist()
    told = test.test(order[0], order[1], order[2:])
    r = partial_correlation(test.correlation, order[0], order[1], order[2:])
    assert told.statistic is not None
    assert math.isclose(math.tanh(told.statistic / math.sqrt(37 - (v - 2))), abs(r), rel_tol=1e-9, abs_tol=1e-9)
    assert math.isclose(told.p, fisher_p(r, 40, v - 2), rel_tol=1e-6)


@pytest.mark.parametrize("r", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("n", [10, 100, 1_000])
def test_a_p_value_is_exact_far_out_in_the_tail(r: float, n: int, speed: str) -> None:
    test = FisherZ.of_matrix([[1, r], [r, 1]], ["A", "B"], n)
    every = ~np.eye(2, dtype=bool)
    truth = fisher_p(r, n, 0)
    assert math.isclose(test.test(0, 1, ()).p, truth, rel_tol=1e-9, abs_tol=1e-307)
    assert math.isclose(test.level(every, every, 0, 0.05).p[0, 1], truth, rel_tol=1e-9, abs_tol=1e-307)


@pytest.mark.parametrize("seed", range(scaled(10, 200)))
def test_the_order_of_columns_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    v = 9
    names = [*numbered(v - 2), "X01", "Ä"]
    correlation, order = some_correlation(rng, v), rng.permutation(v)
    one = FisherZ.of_matrix(correlation, names, 60)
    other = FisherZ.of_matrix(correlation[np.ix_(order, order)], [names[k] for k in order], 60)
    assert one.variables == other.variables
    adjacent = some_pairs(rng, v, 0.7)
    for depth in range(4):
        a, b = (t.level(adjacent, adjacent, depth, 0.2) for t in (one, other))
        for field in ("tests", "p", "sets", "pairs", "separators", "values"):
            assert np.array_equal(getattr(a, field), getattr(b, field))


def test_a_sweep_that_is_interrupted_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch, speed: str) -> None:
    rng = np.random.default_rng(5)
    v = 10
    test = FisherZ.of_matrix(some_correlation(rng, v), numbered(v), 60)
    adjacent = some_pairs(rng, v, 0.8)
    whole = test.level(adjacent, adjacent, 3, 0.05)
    for budget, room in ((1, 1 << 16), (100, 5), (1 << 30, 0)):
        monkeypatch.setattr(gaussian_sweep, "BUDGET", budget)
        monkeypatch.setattr(gaussian_sweep, "ROOM", room)
        parts = test.level(adjacent, adjacent, 3, 0.05)
        for field in ("tests", "p", "sets", "pairs", "separators", "values"):
            assert np.array_equal(getattr(whole, field), getattr(parts, field))


@pytest.mark.parametrize("depth", [0, 3])
def test_several_cores_say_what_one_says(depth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    v = 16
    test = FisherZ.of_matrix(some_correlation(rng, v), numbered(v), 80)
    adjacent, testable = some_pairs(rng, v, 0.7), some_pairs(rng, v, 0.9)
    monkeypatch.setattr(pieces, "is_small", lambda _v, _work: False)
    one = test.level(adjacent, testable, depth, 0.05)
    monkeypatch.setattr(pieces, "LARGE", 0)
    monkeypatch.setattr(pieces, "cores", lambda: 3)
    several = test.level(adjacent, testable, depth, 0.05)
    for field in ("tests", "p", "sets", "pairs", "separators", "values"):
        assert np.array_equal(getattr(one, field), getattr(several, field))


def test_ctrl_c_ends_all_pieces() -> None:
    made: list[int] = []

    def piece(begin: int, _end: int) -> Iterator[pieces.Part]:
        for k in range(1_000):
            made.append(begin)
            if begin == 0 and k == 3:
                raise KeyboardInterrupt
            time.sleep(0.001)
            yield 1, []

    with pytest.raises(KeyboardInterrupt):
        pieces.in_pieces(piece, np.full(8, 1e9))
    assert len(made) < 1_000


def with_copy(rng: np.random.Generator, rows: int = 200) -> Floats:
    """Return Z -> A -> Y, with a copy of A in other units and the sum of Z and Y."""
    z = rng.standard_normal(rows)
    a = z + rng.standard_normal(rows)
    y = a + rng.standard_normal(rows)
    return np.column_stack([z, a, y, 3 - 2.54 * a, z + y])


def test_what_a_set_determines_is_never_cut_by_it(speed: str) -> None:
    names = ["Z", "A", "Y", "Copy", "Sum"]
    rows = with_copy(np.random.default_rng(1))
    test = FisherZ.of_matrix(correlated(rows), names, len(rows))
    place = {name: test.variables.index(name) for name in names}
    for i, j, others in (("A", "Y", ["Copy"]), ("Z", "Y", ["Sum"]), ("Sum", "A", ["Z", "Y"]), ("Copy", "Sum", ["A"])):
        told = test.test(place[i], place[j], [place[k] for k in others])
        if (i, j) == ("Z", "Y"):
            assert told.p < 1e-12  # Y is Sum less Z: dependent in full
            continue
        assert (told.p, told.statistic) == (0.0, None)
    every = ~np.eye(5, dtype=bool)
    for depth in range(4):
        level = test.level(every, every, depth, 0.01)
        assert np.isfinite(level.p).all()
        assert not any(
            {i, j} == {place["A"], place["Y"]} and place["Copy"] in given
            for (i, j), given in zip(level.pairs.tolist(), level.separators.tolist(), strict=True)
        )


def test_a_member_of_a_set_that_others_determine_adds_nothing(speed: str) -> None:
    names = ["Z", "A", "Y", "Copy", "Sum"]
    rows = with_copy(np.random.default_rng(2))
    test = FisherZ.of_matrix(correlated(rows), names, len(rows))
    z, a, y, copy = (test.variables.index(name) for name in ("Z", "A", "Y", "Copy"))
    assert math.isclose(test.test(z, y, [a, copy]).p, test.test(z, y, [a]).p, rel_tol=1e-6)
    every = ~np.eye(5, dtype=bool)
    level = test.level(every, every, 2, 0.0)
    told = {
        (*pair, *given): p
        for pair, given, p in zip(level.pairs.tolist(), level.separators.tolist(), level.values.tolist(), strict=True)
    }
    key = (*sorted((z, y)), *sorted((a, copy)))
    assert math.isclose(told[key], test.test(z, y, [a]).p, rel_tol=1e-6)


def test_determined_variables_are_named_with_what_determines_them() -> None:
    rows = with_copy(np.random.default_rng(3))
    test = FisherZ.of_matrix(correlated(rows), ["Z", "A", "Y", "Copy", "Sum"], len(rows))
    assert test.variables == ("A", "Copy", "Sum", "Y", "Z")
    assert test.determined == {"Copy": ("A",), "Z": ("Sum", "Y")}
    assert not FisherZ.of_matrix(some_correlation(np.random.default_rng(0), 8), numbered(8), 20).determined


def test_dependence_by_chance_with_few_rows_is_not_told_but_copies_are() -> None:
    rows = np.random.default_rng(4).standard_normal((12, 30))
    rows[:, 29] = rows[:, 17]
    rows[:, 2] = rows[:, 0] - rows[:, 1]
    test = FisherZ.of_matrix(correlated(rows), numbered(30), 12)
    assert test.determined == {"X2": ("X0", "X1"), "X29": ("X17",)}
    every = ~np.eye(30, dtype=bool)
    assert all(np.isfinite(test.level(every, every, depth, 0.05).p).all() for depth in range(3))


def test_the_number_of_rows_bounds_the_depth() -> None:
    test = FisherZ.of_matrix(np.eye(9), numbered(9), 7)
    assert test.deepest == 3
    every = ~np.eye(9, dtype=bool)
    test.level(every, every, 3, 0.05)
    for ask in (lambda: test.level(every, every, 4, 0.05), lambda: test.test(0, 1, [2, 3, 4, 5])):
        with pytest.raises(DataError, match="too few") as caught:
            ask()
        assert caught.value.code == "E322"
    for n in (3, 0, math.nan, math.inf):
        with pytest.raises(DataError) as caught:
            FisherZ.of_matrix(np.eye(2), ["A", "B"], n)
        assert caught.value.code == "E322"


def test_moments_and_their_matrix_give_the_same_test() -> None:
    rows = with_copy(np.random.default_rng(6))[:, :3]
    pd = pytest.importorskip("pandas")
    source = open_source(pd.DataFrame(rows, columns=["Z", "A", "Y"]))
    of_rows = FisherZ.of_moments(source.moments([Variable(name, "continuous") for name in ("Z", "A", "Y")]))
    of_matrix = FisherZ.of_matrix(correlated(rows), ["Z", "A", "Y"], len(rows))
    assert of_rows.variables == of_matrix.variables
    assert of_rows.n == of_matrix.n
    np.testing.assert_allclose(of_rows.correlation, of_matrix.correlation, atol=1e-14)


def test_constants_are_named() -> None:
    pd = pytest.importorskip("pandas")
    rows = pd.DataFrame({"B10": [0.1] * 7, "A": [1.0, 2, 4, 3, 7, 5, 6], "B2": [1e9] * 7})
    moments = open_source(rows).moments([Variable(name, "continuous") for name in rows])
    assert constants(moments) == ("B2", "B10")
    with pytest.raises(DataError, match="B2, B10") as caught:
        FisherZ.of_moments(moments)
    assert caught.value.code == "E320"
    with pytest.raises(DataError, match="no variation in B") as caught:
        FisherZ.of_matrix([[1, 0], [0, 0]], ["A", "B"], 20)
    assert caught.value.code == "E320"


@pytest.mark.parametrize(
    ("matrix", "names", "said"),
    [
        ([[1, 0], [0, 1]], ["A", "A"], "more than one variable called A"),
        ([[1, 0], [0, 1]], ["A"], "2 by 2"),
        ([[1, 0, 0], [0, 1, 0]], ["A", "B"], "2 by 3"),
        ([1, 2], ["A", "B"], "matrix is 2"),
        (np.zeros((0, 0)), [], "no variables"),
        ([[1, math.nan], [math.nan, 1]], ["A", "B"], "of A, B"),
        ([[1, 0, math.nan], [0, 1, math.nan], [math.nan, math.nan, math.nan]], ["A", "B", "C"], "of C"),
        ([[1, 0.5], [0.4, 1]], ["A", "B"], "symmetric"),
        ([[1, 0], [0, -1]], ["A", "B"], "negative variance of B"),
        ([[1, 0.9, 0.9], [0.9, 1, -0.9], [0.9, -0.9, 1]], ["A", "B", "C"], "negative eigenvalue"),
    ],
)
def test_what_is_no_covariance_matrix_is_refused(matrix: list[list[float]], names: list[str], said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        FisherZ.of_matrix(matrix, names, 20)
    assert caught.value.code == "E321"


@pytest.mark.parametrize("alpha", [0.0, 1e-300, 1 - 1e-12, 1.0])
def test_the_ends_of_alpha_are_met(alpha: float, speed: str) -> None:
    rng = np.random.default_rng(8)
    test = FisherZ.of_matrix(some_correlation(rng, 5), numbered(5), 30)
    every = ~np.eye(5, dtype=bool)
    for depth in range(3):
        truth = brute_level(test.correlation, every, every, depth, 30)
        told = test.level(every, every, depth, alpha)
        assert len(told.values) == sum(p > alpha for p in truth.values())


def test_a_few_variables_need_no_compiler() -> None:
    script = (
        "import sys, numpy as np\n"
        "from causalgraph.independence.gaussian import FisherZ\n"
        "every = ~np.eye(8, dtype=bool)\n"
        "test = FisherZ.of_matrix(np.eye(8), list('ABCDEFGH'), 50)\n"
        "print([test.level(every, every, d, 0.05).tests for d in range(3)], 'numba' in sys.modules)\n"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout == "[28, 168, 420] False\n"


@pytest.mark.parametrize("seed", range(scaled(5, 50)))
def test_many_tests_at_once_say_exactly_what_each_says(seed: int, speed: str) -> None:
    rng = np.random.default_rng(seed)
    test = FisherZ.of_matrix(some_correlation(rng, 8), numbered(8), 40)
    for depth in range(6):
        asked = [rng.permutation(8)[: depth + 2] for _ in range(20)]
        pairs = np.array([sorted(places[:2]) for places in asked], dtype=np.int32)
        sets = np.array([sorted(places[2:]) for places in asked], dtype=np.int32).reshape(20, depth)
        alone = [test.test(*pair, given).p for pair, given in zip(pairs.tolist(), sets.tolist(), strict=True)]
        assert test.many(pairs, sets).tolist() == alone
    with pytest.raises(DataError, match="too few"):
        FisherZ.of_matrix(np.eye(9), numbered(9), 7).many(pairs, np.tile(np.arange(2, 6), (20, 1)))
