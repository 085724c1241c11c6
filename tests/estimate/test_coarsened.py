import numpy as np
import pytest

from causalgraph.errors import EstimationError, ModelError
from causalgraph.estimate.base import Target
from causalgraph.estimate.coarsened import coarsened
from causalgraph.estimate.matching import matching
from causalgraph.estimate.sample import Sample


def rows(x, arm, y, levels=((),), weight=None, weighting="rows"):
    x = np.asarray(x, dtype=float).reshape(len(y), -1)
    names = tuple(f"X{i}" for i in range(x.shape[1]))
    weight = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float)
    arm, y = np.asarray(arm, dtype=np.intp), np.asarray(y, dtype=float)
    return Sample("T", ("0", "1"), arm, "Y", y, names, x, levels, weight, weighting)


def drawn(seed, n=400):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    arm = (rng.random(n) < 1 / (1 + np.exp(-x))).astype(int)
    return x, arm, 2 * x + arm * (1 + x) + rng.normal(size=n)


def stratified(box, arm, y, share):
    """Differences of means by stratum, weighted by how many rows of `share` each holds."""
    boxes = [b for b in np.unique(box) if {0, 1} <= set(arm[box == b])]
    weight = np.array([(share & (box == b)).sum() for b in boxes]) / sum((share & (box == b)).sum() for b in boxes)
    gap = [y[(box == b) & (arm == 1)].mean() - y[(box == b) & (arm == 0)].mean() for b in boxes]
    return float(weight @ gap)


@pytest.mark.parametrize("population", ["ate", "att", "atc"])
@pytest.mark.parametrize("bins", ["sturges", 5, [-1.0, 0.0, 1.0]])
def test_strata_are_weighted_by_their_share_of_the_population(population, bins):
    x, arm, y = drawn(1)
    cuts = {
        "sturges": np.linspace(x.min(), x.max(), 11)[1:-1],
        "5": np.quantile(x, [0.2, 0.4, 0.6, 0.8]),
        "[-1.0, 0.0, 1.0]": [-1.0, 0.0, 1.0],
    }[str(bins)]
    share = {"ate": arm >= 0, "att": arm == 1, "atc": arm == 0}[population]
    found = coarsened(rows(x, arm, y), Target(1, 0, population), bins=bins, bias_correction=False)
    assert found.value == pytest.approx(stratified(np.searchsorted(cuts, x, side="right"), arm, y, share))


def test_levels_are_strata_as_they_are_and_the_error_is_that_of_exact_matching():
    rng = np.random.default_rng(2)
    x = rng.integers(0, 3, 300)
    arm = (rng.random(300) < 0.2 + 0.2 * x).astype(int)
    y = x + arm + rng.normal(size=300)
    sample = rows(x, arm, y, levels=(("a", "b", "c"),))
    found, exact = coarsened(sample, Target(1, 0)), matching(sample, Target(1, 0), distance="exact")
    assert found.value == pytest.approx(stratified(x, arm, y, arm >= 0))
    assert (found.value, found.error) == pytest.approx((exact.value, exact.error))
    # Written out: Σ q (s₁²/n₁ + s₀²/n₀) in the strata's shares, and how their effects differ.
    variance, effect = 0.0, np.empty(300)
    for b in range(3):
        one, two = y[(x == b) & (arm == 1)], y[(x == b) & (arm == 0)]
        q = (x == b).mean()
        variance += q**2 * (one.var(ddof=1) / len(one) + two.var(ddof=1) / len(two))
        effect[x == b] = one.mean() - two.mean()
    variance += ((effect - found.value) ** 2).mean() / 300
    assert found.error == pytest.approx(np.sqrt(variance), rel=0.02)


# Passengers of the Titanic (Dawson 1995): class 1 or not, sex, age, survived or not.
TITANIC = {
    # (man, adult): (first class: survived, died), (the others: survived, died)
    (1, 1): ((57, 118), (281, 1211)),
    (1, 0): ((5, 0), (24, 35)),
    (0, 1): ((140, 4), (176, 105)),
    (0, 0): ((1, 0), (27, 17)),
}


def test_first_class_had_raised_survival_of_the_others_by_19_points():
    table = [
        (sex, age, first, lived, count)
        for (sex, age), groups in TITANIC.items()
        for first, group in zip((1, 0), groups, strict=True)
        for lived, count in zip((1, 0), group, strict=True)
        if count
    ]
    sex, age, first, lived, count = np.array(table).T
    sample = rows(
        np.column_stack([sex, age]),
        first,
        lived,
        levels=(("woman", "man"), ("child", "adult")),
        weight=count,
        weighting="counts",
    )
    assert coarsened(sample, Target(1, 0, "atc")).value == pytest.approx(0.1888, abs=5e-5)
    assert coarsened(sample, Target(1, 0)).value == pytest.approx(0.1960, abs=5e-5)


def test_strata_without_the_other_arm_are_dropped_and_said():
    found = coarsened(rows([0, 0.1, 0.2, 5, 5.1, 9], [0, 1, 0, 1, 0, 1], np.arange(6.0)), Target(1, 0), bins=[2, 7])
    assert found.diagnostics["discarded"] == 1
    assert found.diagnostics["strata"] == 3
    assert found.diagnostics["strata_with_both_arms"] == 2
    assert any(w.startswith("W540") for w in found.warnings)


def test_a_stratum_with_one_row_an_arm_still_has_an_error():
    found = coarsened(rows([0, 0.1, 5, 5.1], [0, 1, 0, 1], [1.0, 2, 4, 9]), Target(1, 0), bins=[2.0])
    assert found.error > 0


def test_an_error_from_no_neighbours_is_refused():
    with pytest.raises(ModelError, match="error_neighbours=0"):
        coarsened(rows(*drawn(3)), Target(1, 0), error_neighbours=0)


@pytest.mark.parametrize("bins", [0, "sturgess", {"Z": 3}])
def test_bins_that_cannot_be_are_refused(bins):
    x, arm, y = drawn(3)
    with pytest.raises(ModelError):
        coarsened(rows(x, arm, y), Target(1, 0), bins=bins)


def test_no_stratum_with_both_arms_is_refused():
    with pytest.raises(EstimationError, match="no row of T has a match"):
        coarsened(rows([0, 1, 8, 9], [0, 0, 1, 1], np.zeros(4)), Target(1, 0), bins=[5.0])


def test_intervals_cover_the_truth_as_often_as_they_say():
    # Among the treated x has the mean 2 ∫ x φ(x) / (1 + exp(-x)) dx.
    x, step = np.linspace(-10, 10, 20_001, retstep=True)
    truth = 1 + 2 * step * (x * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi) / (1 + np.exp(-x))).sum()
    covered = 0
    for seed in range(200):
        found = coarsened(rows(*drawn(1_000 + seed)), Target(1, 0, "att"), bins=8)
        covered += abs(found.value - truth) <= 1.96 * found.error
    assert abs(covered / 200 - 0.95) <= 3 * np.sqrt(0.05 * 0.95 / 200)
