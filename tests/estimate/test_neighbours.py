import numpy as np
import pytest

from causalgraph.estimate.neighbours import apart, nearest, on_a_line, whitened
from causalgraph.estimate.pairing import greedy, optimal
from oracles import matching as oracle
from strategies import scaled


def sets_of(space, copies, need, limited=True):
    found = nearest(space, copies, np.arange(space.size), need, limited=limited)
    return {q: set(found.member[found.query == q].tolist()) for q in range(space.size)}, found


@pytest.mark.parametrize("d", [1, 2, 4])
@pytest.mark.parametrize("need", [1, 2, 5, 60])
def test_the_nearest_are_those_by_all_distances_with_ties(d, need):
    rng = np.random.default_rng(10 * d + need)
    for _ in range(scaled(5, 50)):
        # A lattice: many are equally near.
        points = np.unique(rng.integers(0, 5, (40, d)).astype(float), axis=0)
        copies = rng.integers(0, 3, len(points)).astype(float)
        copies[0] = 1
        reach = rng.choice([np.inf, 1.5])
        space = apart(points, points, [], 1.0, reach)
        got, found = sets_of(space, copies, need)
        gap = oracle.euclidean(space.points)
        rows = np.repeat(np.arange(len(points)), copies.astype(int))
        for i in range(len(points)):
            want = {int(rows[j]) for j in oracle.nearest(gap[:, rows], i, list(range(len(rows))), need, reach)}
            assert got[i] == want
            if want:
                assert found.distance[i] == pytest.approx(max(gap[i, j] for j in want))
            else:
                assert not found.found[i]


def test_mahalanobis_distance_is_euclidean_once_whitened():
    x = np.random.default_rng(3).normal(size=(30, 3)) @ np.array([[1.0, 2, 0], [0, 1, 5], [0, 0, 100]]) + 1e6
    assert oracle.euclidean(whitened(x, np.ones(30))) == pytest.approx(oracle.mahalanobis(x), rel=1e-6)


def test_a_collinear_and_a_constant_column_change_no_distance():
    x = np.random.default_rng(4).normal(size=(30, 2))
    more = np.column_stack([x, 2 * x[:, 0] - x[:, 1], np.full(30, 0.1)])
    assert whitened(more, np.ones(30)).shape[1] == 2
    assert oracle.euclidean(whitened(more, np.ones(30))) == pytest.approx(oracle.euclidean(whitened(x, np.ones(30))))


def test_numbers_that_differ_by_rounding_lie_at_one_place():
    space = on_a_line(np.array([0.1 + 0.2, 0.3, 0.4]), 1.0)
    assert space.place.tolist() == [0, 0, 1]


def test_groups_that_must_agree_never_reach_one_another():
    rng = np.random.default_rng(5)
    x, group = rng.normal(size=(200, 2)), rng.integers(0, 5, 200).astype(float)
    space = apart(x, x, [group], 1.0)
    found = nearest(space, np.ones(200), np.arange(200), 30)
    where = np.empty(200)
    where[space.place] = group
    assert (where[found.query] == where[found.member]).all()


@pytest.mark.parametrize("d", [1, 3])
def test_greedy_pairs_are_those_by_all_distances(d):
    rng = np.random.default_rng(d)
    for _ in range(scaled(20, 200)):
        treated, others = rng.integers(1, 40, 2)
        x = rng.normal(size=(treated + others, d))
        arm = np.r_[np.ones(treated), np.zeros(others)]
        gap = oracle.euclidean(x)
        want = oracle.greedy(gap, arm)
        hard = np.argsort(-gap[:treated, treated:].min(axis=1), kind="stable")
        rows, partners = greedy(x[:treated], x[treated:], hard, np.inf, 1e-9)
        assert dict(zip(rows.tolist(), (partners + treated).tolist(), strict=True)) == want


@pytest.mark.parametrize("d", [1, 2])
def test_pairs_keep_to_the_caliper(d):
    x = np.random.default_rng(8).normal(size=(80, d))
    for rows, partners in (
        greedy(x[:40], x[40:], np.arange(40), 0.1, 1e-9),
        optimal(x[:40], x[40:], 0.1, 1e-9),
    ):
        assert 0 < len(rows) < 40
        assert len(set(partners.tolist())) == len(partners)
        assert (np.linalg.norm(x[:40][rows] - x[40:][partners], axis=1) <= 0.1).all()


def test_optimal_pairs_are_never_farther_apart_than_greedy_ones():
    rng = np.random.default_rng(9)
    for _ in range(20):
        x = rng.normal(size=(40, 2))
        a, b = greedy(x[:15], x[15:], np.arange(15), np.inf, 1e-9), optimal(x[:15], x[15:], np.inf, 1e-9)
        far = [np.linalg.norm(x[:15][rows] - x[15:][partners], axis=1).sum() for rows, partners in (a, b)]
        assert far[1] <= far[0] + 1e-9
