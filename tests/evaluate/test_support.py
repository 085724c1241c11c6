"""Support against loops over cells: strata, arms, conditions, populations, weights of zero, clusters."""

import numpy as np
import pytest

from causalgraph.data.counts import Counts
from causalgraph.errors import EstimationError
from causalgraph.evaluate import support as room
from causalgraph.evaluate.support import listed, mass, support
from oracles.support import support_of
from strategies import scaled


def counted(names, sizes, codes, weight, clusters=None):
    nothing = np.zeros((len(weight), 0))
    return Counts(
        variables=tuple(names),
        levels=tuple(tuple(f"l{c}" for c in range(k)) for k in sizes),
        codes=np.asarray(codes, dtype=np.intp),
        weight=np.asarray(weight, dtype=float),
        squared=np.asarray(weight, dtype=float),
        outcomes=(),
        centre=np.zeros(0),
        sums=nothing,
        squared_sums=nothing,
        squared_products=np.zeros((len(weight), 0, 0)),
        n=float(np.sum(weight)),
        dropped=0,
        weighting="rows",
        clusters=clusters,
    )


def drawn(rng):
    """Draw a few cells, some twice for two clusters, some of no weight, and a comparison of arms in strata."""
    names = [f"V{i}" for i in range(int(rng.integers(2, 6)))]
    sizes = [int(rng.integers(2, 4)) for _ in names]
    cells = int(rng.integers(2, 30))
    codes = np.column_stack([rng.integers(0, k, cells) for k in sizes])
    clustered = rng.random() < 0.3
    if not clustered:
        codes = np.unique(codes, axis=0)
    # Halves add up without rounding.
    weight = rng.integers(0, 5, len(codes)) / 2
    clusters = rng.integers(0, 3, len(codes)) if clustered else None
    treatments = names[: int(rng.integers(1, min(len(names), 3)))]
    others = [names[i] for i in rng.permutation(np.arange(len(treatments), len(names)))]
    held = int(rng.integers(0, 2)) if others else 0
    within = {n: int(rng.integers(0, sizes[names.index(n)])) for n in others[:held]}
    covariates = others[held:]
    arms = []
    for _ in range(int(rng.integers(1, 4))):
        arm = {t: int(rng.integers(0, k)) for t, k in zip(treatments, sizes, strict=False)}
        arms += [arm] if arm not in arms else []
    population = dict(arms[0]) if rng.random() < 0.4 else {}
    return counted(names, sizes, codes, weight, clusters), arms, covariates, within, population


def rows_of(counts):
    return [
        (dict(zip(counts.variables, row, strict=True)), w)
        for row, w in zip(counts.codes.tolist(), counts.weight.tolist(), strict=True)
    ]


def told(place):
    return {n: f"l{c}" for n, c in place.items()}


def test_strata_and_their_shares_are_those_that_loops_find():
    rng, ends = np.random.default_rng(0), {"E501": 0, "E502": 0, "failing": 0, "full": 0}
    for _ in range(scaled(1500, 30_000)):
        case = drawn(rng)
        expected = support_of(rows_of(case[0]), *case[1:])
        if isinstance(expected, str):
            with pytest.raises(EstimationError, match=expected):
                support(*case)
            ends[expected] += 1
            if expected == "E502":
                assert mass(*case) == 0
            continue
        found = support(*case)
        share, failing, keep = expected
        assert found.mass == pytest.approx(share, abs=1e-12) == mass(*case)
        assert found.keep.tolist() == keep
        assert [(s.levels, list(s.missing)) for s in found.failing] == [
            (told(levels), [told(arm) for arm in missing]) for levels, missing, _ in failing
        ]
        assert [s.mass for s in found.failing] == pytest.approx([m for *_, m in failing])
        assert listed([found]) == (list({s.text: s for s in found.failing}.values()), len(failing))
        ends["failing" if failing else "full"] += 1
    assert min(ends.values()) > 20


def test_strata_that_are_not_listed_are_counted(monkeypatch):
    rng, cut = np.random.default_rng(1), 0
    for _ in range(scaled(600, 10_000)):
        counts, arms, covariates, within, population = drawn(rng)
        # Contrasts of a table: the arms in pairs, of the same cells.
        pairs = [arms[i : i + 2] for i in range(len(arms))]
        cases = [(counts, pair, covariates, within, population) for pair in pairs]
        expected = [support_of(rows_of(counts), *case[1:]) for case in cases]
        if any(isinstance(e, str) for e in expected):
            continue
        every = {
            (*levels.values(), *(tuple(arm.items()) for arm in missing))
            for _, failing, _ in expected
            for levels, missing, _ in failing
        }
        supports = [support(*case) for case in cases]
        whole, many = listed(supports)
        assert many == len(whole) == len(every)
        with monkeypatch.context() as patch:
            patch.setattr(room, "LISTED", 2)
            short = [support(*case) for case in cases]
            some, many = listed(short)
            assert many == len(every)
            assert len(some) == min(2, len({s.text for one in short for s in one.failing}))
            assert all(s in whole for s in some)
            cut += many > 2
    assert cut > 50


def test_many_strata_are_counted_and_the_largest_listed():
    n = 50_000
    codes = np.column_stack([np.arange(n) % 2, np.arange(n)])
    weight = np.ones(n)
    weight[7] = 3
    both = np.array([[0, 0], [1, 0]])
    counts = counted(["X", "Z"], [2, n], np.concatenate([codes[1:], both]), np.concatenate([weight[1:], [1, 1]]))
    held = support(counts, [{"X": 0}, {"X": 1}], ["Z"], {}, {})
    some, many = listed([held])
    assert (len(some), many) == (room.LISTED, n - 1)
    assert some[0].levels == {"Z": "l7"}
    assert held.keep.sum() == 2


def test_a_population_that_was_never_observed_is_refused():
    counts = counted(["X", "Z"], [3, 2], [[0, 0], [1, 0]], [1, 1])
    with pytest.raises(EstimationError, match="no row has X=l2"):
        support(counts, [{"X": 0}, {"X": 1}], ["Z"], {}, {"X": 2})
