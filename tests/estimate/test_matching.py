from functools import partial

import numpy as np
import pytest

from causalgraph.errors import EstimationError, ModelError
from causalgraph.estimate.base import Target
from causalgraph.estimate.matching import matching
from causalgraph.estimate.propensity import propensity
from causalgraph.estimate.sample import Sample
from oracles import matching as oracle
from strategies import scaled

POPULATIONS = ("ate", "att", "atc")


def rows(x, arm, y, *, weight=None, weighting="rows", levels=None, arms=("0", "1"), clusters=None):
    x = np.asarray(x, dtype=float).reshape(len(y), -1)
    p = x.shape[1]
    return Sample(
        treatment="T",
        arms=arms,
        arm=np.asarray(arm, dtype=np.intp),
        outcome="Y",
        y=np.asarray(y, dtype=float),
        covariates=tuple(f"X{i}" for i in range(p)),
        values=x,
        levels=((),) * p if levels is None else levels,
        weight=np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float),
        weighting=weighting,
        clusters=clusters,
    )


def drawn(rng, n=60, p=2, lattice=False):
    x = rng.integers(0, 4, (n, p)).astype(float) if lattice else rng.normal(size=(n, p))
    arm = (rng.random(n) < 1 / (1 + np.exp(-0.5 * x[:, 0]))).astype(int)
    arm[:4] = 0, 0, 1, 1
    return x, arm, x.sum(axis=1) + x[:, 0] ** 2 + arm * (1 + x[:, -1]) + rng.normal(size=n)


@pytest.mark.parametrize("population", POPULATIONS)
@pytest.mark.parametrize("lattice", [False, True])
@pytest.mark.parametrize("corrected", [False, True])
def test_value_and_error_are_those_by_definition(population, lattice, corrected):
    rng = np.random.default_rng(17)
    for _ in range(scaled(4, 40)):
        p, need, few = int(rng.integers(1, 4)), int(rng.integers(1, 5)), int(rng.integers(1, 4))
        x, arm, y = drawn(rng, p=p, lattice=lattice)
        weight = rng.uniform(0.5, 2, len(y)) if rng.random() < 0.5 else None
        reach = rng.choice([np.inf, 0.7])
        distance = oracle.mahalanobis(x) if weight is None else oracle.euclidean(x)
        value, variance, kept = oracle.matching(
            distance, arm, y, population, need=need, reach=reach, few=few, lines=x if corrected else None, weight=weight
        )
        found = matching(
            rows(x, arm, y, weight=weight, weighting="rows" if weight is None else "survey"),
            Target(1, 0, population),
            distance="mahalanobis" if weight is None else "euclidean",
            neighbours=need,
            caliper=None if np.isinf(reach) else reach,
            bias_correction=corrected,
            error_neighbours=few,
        )
        assert found.value == pytest.approx(value, rel=1e-9)
        assert found.error == pytest.approx(np.sqrt(variance), rel=1e-9)
        assert found.diagnostics["matched"] == len(kept)


@pytest.mark.parametrize("population", POPULATIONS)
def test_rows_agree_in_what_must_be_exact(population):
    rng = np.random.default_rng(18)
    for _ in range(scaled(4, 40)):
        x, arm, y = drawn(rng)
        sex = rng.integers(0, 2, len(y)).astype(float)
        sample = rows(np.column_stack([x, sex]), arm, y, levels=((), (), ("f", "m")))
        distance = oracle.mahalanobis(np.column_stack([x, sex]))
        value, variance, _ = oracle.matching(distance, arm, y, population, need=2, agree=sex)
        found = matching(sample, Target(1, 0, population), neighbours=2, exact="X2", bias_correction=False)
        assert found.value == pytest.approx(value)
        assert found.error == pytest.approx(np.sqrt(variance))


@pytest.mark.parametrize("population", POPULATIONS)
def test_a_row_that_counts_three_times_is_three_rows(population):
    rng = np.random.default_rng(19)
    x, arm, y = drawn(rng, lattice=True)
    weight = rng.integers(1, 4, len(y))
    again = np.repeat(np.arange(len(y)), weight)
    options = [{}, {"distance": "propensity"}, {"distance": "exact"}, {"neighbours": 3}]
    for chosen in options:
        one = matching(rows(x, arm, y, weight=weight, weighting="counts"), Target(1, 0, population), **chosen)
        many = matching(rows(x[again], arm[again], y[again]), Target(1, 0, population), **chosen)
        assert one.value == pytest.approx(many.value)
        assert one.error == pytest.approx(many.error)
        assert one.diagnostics["matched"] == many.diagnostics["matched"]


@pytest.mark.parametrize("population", POPULATIONS)
def test_the_estimated_score_changes_the_error_as_abadie_and_imbens_say(population):
    rng = np.random.default_rng(20)
    for _ in range(scaled(3, 30)):
        x, arm, y = drawn(rng, n=120)
        sample, target = rows(x, arm, y), Target(1, 0, population)
        fitted = propensity(sample, target)
        score, columns = fitted.score, np.column_stack([np.ones(len(y)), x])
        value, variance, _ = oracle.matching(np.abs(score[:, None] - score[None, :]), arm, y, population, need=2, few=2)
        information = (columns * (score * (1 - score))[:, None]).T @ columns
        change = oracle.change_by_score(score, columns, y, arm, population, value, information, 2)
        found = matching(sample, target, distance="propensity", neighbours=2, bias_correction=False)
        assert found.value == pytest.approx(value)
        assert found.error == pytest.approx(np.sqrt(variance + change), rel=1e-6)
        known = matching(sample, target, propensity=score, neighbours=2, bias_correction=False)
        assert known.value == pytest.approx(value)
        assert known.error == pytest.approx(np.sqrt(variance))


def test_with_three_arms_everyone_is_compared_those_of_the_third_too():
    rng = np.random.default_rng(21)
    x = rng.normal(size=(90, 2))
    arm, y = rng.integers(0, 3, 90), rng.normal(size=90)
    distance = oracle.mahalanobis(x)
    filled = np.empty((2, 90))
    for a in (0, 1):
        donors = list(np.flatnonzero(arm == a))
        filled[a] = [y[i] if arm[i] == a else np.mean(y[oracle.nearest(distance, i, donors, 2)]) for i in range(90)]
    sample = rows(x, arm, y, arms=("a", "b", "c"))
    found = matching(sample, Target(1, 0), neighbours=2, bias_correction=False)
    assert found.value == pytest.approx((filled[1] - filled[0]).mean())
    assert matching(sample, Target(1, 0), distance="propensity").error > 0


def test_pairs_have_the_error_of_their_differences():
    rng = np.random.default_rng(22)
    x, arm, y = drawn(rng, n=80, p=1)
    arm = np.where(np.arange(80) < 25, 1, 0)
    pairs = oracle.greedy(oracle.mahalanobis(x), arm)
    gaps = np.array([y[i] - y[j] for i, j in pairs.items()])
    found = matching(rows(x, arm, y), Target(1, 0, "att"), replace=False, bias_correction=False)
    assert found.value == pytest.approx(gaps.mean())
    assert found.error == pytest.approx(gaps.std(ddof=1) / np.sqrt(25))
    assert found.diagnostics["most_reused"] == 1


def test_pairs_of_rows_equally_near_depend_on_the_seed_and_not_on_the_order_of_rows():
    rng = np.random.default_rng(23)
    arm = np.repeat([1, 0], [30, 300])
    x = rng.integers(0, 3, 330)
    y = np.where(arm == 1, 0.0, np.arange(330.0))
    late = [matching(rows(x, arm, y), Target(1, 0, "att"), replace=False, seed=s).value for s in range(30)]
    exact = matching(rows(x, arm, y), Target(1, 0, "att"), distance="exact").value
    assert len(set(late)) > 1
    assert np.mean(late) == pytest.approx(exact, abs=4 * np.std(late) / np.sqrt(30))


# The tables are those of Cunningham's Mixtape, chapter 5 (causaldata, MIT licence).
MIXTAPE = rows([11, 7, 5, 3, 10, 8, 4, 1], [1, 1, 1, 1, 0, 0, 0, 0], [5, 2, 10, 6, 4, 0, 5, 1])


def test_optimal_pairs_of_the_mixtape_give_its_number_and_neighbours_another():
    ask = partial(matching, MIXTAPE, Target(1, 0, "att"), bias_correction=False)
    assert ask(replace=False, pairs="optimal").value == 3.25
    assert ask().value == 2.25


def test_the_correction_is_the_line_of_the_arm_that_is_imputed():
    # The book's 3.28 takes one line through both arms; Abadie and Imbens (2011) take one through the matches.
    x, y = MIXTAPE.values[:, 0], MIXTAPE.y
    away = 3 / 4
    both, others = np.polyfit(x, y, 1)[0], np.polyfit(x[4:], y[4:], 1)[0]
    assert 3.25 - both * away == pytest.approx(3.2864, abs=1e-4)
    found = matching(MIXTAPE, Target(1, 0, "att"), replace=False, pairs="optimal")
    assert found.value == pytest.approx(3.25 - others * away)


def test_trainees_of_the_mixtape_matched_exactly_on_age_earn_1695_more():
    age = [18, 29, 24, 27, 33, 22, 19, 20, 21, 30]
    pay = [9500, 12250, 11000, 11750, 13250, 10500, 9750, 10000, 10250, 12500]
    ages = [20, 27, 21, 39, 38, 29, 39, 33, 24, 30, 33, 36, 22, 18, 43, 39, 19, 30, 51, 48]
    pays = [8500, 10075, 8725, 12775, 12550, 10525, 12775, 11425, 9400, 10750]
    pays += [11425, 12100, 8950, 8050, 13675, 12775, 8275, 9000, 15475, 14800]
    sample = rows(age + ages, [1] * 10 + [0] * 20, pay + pays)
    for options in ({"distance": "exact"}, {}):
        assert matching(sample, Target(1, 0, "att"), **options).value == pytest.approx(1695)


def test_the_article_matches_on_the_known_score_and_gets_8_47(snippet):
    sample, score = snippet
    for corrected in (False, True):
        found = matching(sample, Target(1, 0, "att"), propensity=score, bias_correction=corrected)
        assert found.value == pytest.approx(8.47, abs=0.005)
    assert matching(sample, Target(1, 0, "att")).value == pytest.approx(8, abs=0.5)


def test_rows_without_a_match_are_left_out_and_said(snippet):
    sample, _ = snippet
    found = matching(sample, Target(1, 0, "att"), caliper=0.01)
    assert found.diagnostics["discarded"] > 0
    assert any(w.startswith("W540") for w in found.warnings)
    assert any("population" in note for note in found.notes)


@pytest.mark.parametrize(
    ("sample", "population", "options", "code"),
    [
        (rows(np.ones(8), MIXTAPE.arm, MIXTAPE.y), "ate", {}, "E550"),
        (rows(np.empty((8, 0)), MIXTAPE.arm, MIXTAPE.y), "ate", {}, "E550"),
        (rows([0, 0, 0, 0, 9, 9, 9, 9], MIXTAPE.arm, MIXTAPE.y), "ate", {"caliper": 0.1}, "E551"),
        (MIXTAPE, "ate", {"neighbours": 5}, "E552"),
        (MIXTAPE, "ate", {"replace": False}, "E553"),
        (rows(MIXTAPE.values, MIXTAPE.arm, MIXTAPE.y, clusters=np.arange(8)), "ate", {}, "E555"),
        (rows(MIXTAPE.values, MIXTAPE.arm, MIXTAPE.y), "ate", {"propensity": np.full(8, 1.0)}, "E536"),
        (MIXTAPE, "ate", {"propensity": np.full(8, 0.5)}, "E550"),
    ],
)
def test_what_cannot_be_matched_is_refused(sample, population, options, code):
    with pytest.raises(EstimationError) as error:
        matching(sample, Target(1, 0, population), **options)
    assert error.value.diagnostics[0].code == code


@pytest.mark.parametrize(
    "options",
    [{"distance": "mahalonobis"}, {"neighbours": 0}, {"caliper": -1}, {"exact": ("Sex",)}, {"pairs": "best"}],
)
def test_an_option_that_cannot_be_is_refused(options):
    with pytest.raises(ModelError) as error:
        matching(MIXTAPE, Target(1, 0, "att"), **options)
    assert error.value.diagnostics[0].code == "E221"


@pytest.mark.parametrize(
    "options",
    [{"neighbours": 1}, {"neighbours": 4}, {"distance": "propensity"}, {"distance": "propensity", "neighbours": 4}],
)
@pytest.mark.parametrize("population", ["ate", "att"])
def test_intervals_cover_the_truth_as_often_as_they_say(options, population):
    replicates, rng, covered = scaled(100, 1_000), np.random.default_rng(24), 0
    for _ in range(replicates):
        x = rng.normal(size=(300, 2))
        arm = (rng.random(300) < 1 / (1 + np.exp(-0.5 * x[:, 0] + 0.5 * x[:, 1]))).astype(int)
        y = x[:, 0] + x[:, 1] + arm * 2 + rng.normal(size=300)
        found = matching(rows(x, arm, y), Target(1, 0, population), **options)
        covered += abs(found.value - 2) <= 1.96 * found.error
    assert abs(covered / replicates - 0.95) <= 3 * np.sqrt(0.05 * 0.95 / replicates)
