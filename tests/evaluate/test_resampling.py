"""The bootstrap over cells against one evaluation a replicate, against exact laws, and against the clock."""

from dataclasses import replace
from time import perf_counter

import numpy as np
import pytest
from sympy import Integer

from causalgraph.data.counts import Counts
from causalgraph.errors import EstimationError
from causalgraph.evaluate import resampling
from causalgraph.evaluate.resampling import bootstrap
from causalgraph.evaluate.table import evaluate
from causalgraph.formula.nodes import E, Event, Level, Marginal, P, Value
from causalgraph.variables import Variable

ONE, NIL = Level("1"), Level("0")
KINDS = ("multinomial", "dirichlet")


def counts_of(shape, rng, *, per_cell=40, clusters=0):
    """Counts over variables V0, V1, … with an outcome S and a 0/1 outcome B, counted from rows drawn at random."""
    n = per_cell * int(np.prod(shape))
    codes = np.column_stack([rng.integers(0, own, n) for own in shape])
    for i, own in enumerate(shape[1:], start=1):
        # Each depends on the one before.
        codes[:, i] = np.where(rng.random(n) < 0.4, codes[:, i - 1] % own, codes[:, i])
    cluster = rng.integers(0, clusters, n) if clusters else np.zeros(n, dtype=int)
    s = codes.sum(axis=1) + rng.normal(size=n) + (2 * rng.normal(size=clusters)[cluster] if clusters else 0)
    b = (rng.random(n) < 0.2 + 0.1 * codes[:, 0]).astype(float)
    y = np.column_stack([s, b])
    centre = y.mean(axis=0)
    cells, where = np.unique(np.column_stack([codes, cluster]), axis=0, return_inverse=True)
    where, k = where.reshape(-1), len(cells)
    sums, products = np.zeros((k, 2)), np.zeros((k, 2, 2))
    np.add.at(sums, where, y - centre)
    np.add.at(products, where, (y - centre)[:, :, None] * (y - centre)[:, None, :])
    weight = np.bincount(where).astype(float)
    return Counts(
        variables=tuple(f"V{i}" for i in range(len(shape))),
        levels=tuple(tuple(map(str, range(own))) for own in shape),
        codes=cells[:, :-1].astype(np.intp),
        weight=weight,
        squared=weight,
        outcomes=("S", "B"),
        centre=centre,
        sums=sums,
        squared_sums=sums,
        squared_products=products,
        n=float(n),
        dropped=0,
        weighting="rows",
        clusters=cells[:, -1].astype(np.intp) if clusters else None,
    )


def variables_of(counts):
    return {n: Variable(n) for n in (*counts.variables, "S", "B")}


def contrast(formula):
    return formula.xreplace({Value("V0"): ONE}) - formula.xreplace({Value("V0"): NIL})


COVARIATES = ("V2", "V3", "V4")
STRATA = P(COVARIATES)
BACKDOOR = contrast(Marginal(P([Event("V1", ONE)], ["V0", *COVARIATES]) * STRATA, *map(Value, COVARIATES)))
MEAN = contrast(Marginal(E("S", ["V0", *COVARIATES]) * STRATA, *map(Value, COVARIATES)))
SHARE = contrast(Marginal(E("B", ["V0", *COVARIATES]) * STRATA, *map(Value, COVARIATES)))
OTHER = Value("V0", 1)
FRONT = Marginal(P([Event("V1", ONE)], [Event("V0", OTHER), "V2"]) * P([Event("V0", OTHER)]), OTHER)
FRONTDOOR = contrast(Marginal(P(["V2"], ["V0"]) * FRONT, Value("V2")))
TOP = Marginal(P([Event("V0"), Event("V1", ONE)], ["V3", "V2"]) * P(["V2"]), Value("V2"))
NAPKIN = contrast(TOP / Marginal(P(["V0"], ["V3", "V2"]) * P(["V2"]), Value("V2")))
CASES = {
    "back-door, a share": (BACKDOOR, (2, 2, 4, 4, 4)),
    "back-door, a mean": (MEAN, (2, 2, 4, 4, 4)),
    "back-door, a 0/1 outcome": (SHARE, (2, 2, 4, 4, 4)),
    "front door": (FRONTDOOR, (2, 2, 4)),
    "napkin": (NAPKIN.xreplace({Value("V3"): NIL}), (2, 2, 3, 3)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES)
def test_the_bootstrap_agrees_with_the_gradient(case, kind):
    formula, shape = CASES[case]
    counts = counts_of(shape, np.random.default_rng(1), per_cell=100)
    variables = variables_of(counts)
    expected = evaluate(formula, counts, variables)
    found = bootstrap([formula], counts, variables, seed=2, kind=kind, binary=frozenset("B"))
    # The standard deviation of 1000 draws is known to about 2.2 %; four such steps.
    assert found.error(0) == pytest.approx(float(expected.errors), rel=0.09)
    assert found.values.mean() == pytest.approx(float(expected.values), abs=0.15 * float(expected.errors))


def test_a_thousand_replicates_cost_far_less_than_a_thousand_evaluations():
    for formula, shape in CASES.values():
        counts = counts_of(shape, np.random.default_rng(1))
        variables = variables_of(counts)
        start = perf_counter()
        for _ in range(20):
            evaluate(formula, counts, variables, errors="none")
        between = perf_counter()
        bootstrap([formula], counts, variables, seed=2)
        assert perf_counter() - between < 1000 / 20 * (between - start) / 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("clusters", [0, 30])
def test_replicates_in_blocks_are_those_evaluated_one_by_one(monkeypatch, kind, clusters):
    counts = counts_of((2, 2, 3, 3), np.random.default_rng(3), per_cell=2, clusters=clusters)
    variables = variables_of(counts)
    formulas = [TOP, Marginal(E("S", ["V0", "V2"]) * P(["V2"]), Value("V2")), Integer(2)]
    seen = []
    record = resampling.Record

    def spied(cells, *args, replicates=None, **options):
        if replicates is not None:
            seen.append((cells, *replicates))
        return record(cells, *args, replicates=replicates, **options)

    monkeypatch.setattr(resampling, "Record", spied)
    monkeypatch.setattr(resampling, "BLOCK", 2000)
    found = bootstrap(formulas, counts, variables, seed=4, replicates=40, kind=kind)
    assert len(seen) > 1
    rows = []
    for cells, weight, sums in seen:
        for i in range(weight.shape[1]):
            drawn = replace(cells, weight=weight[:, i], sums=sums[:, :, i])
            own = [evaluate(f, drawn, variables, errors="none") for f in formulas]
            rows.append(np.concatenate([np.where(e.valid, e.values, np.nan).reshape(-1) for e in own]))
    assert np.isnan(rows).any() == (kind == "multinomial")
    np.testing.assert_allclose(found.values, rows, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_size_is_kept_and_no_weight_is_negative(kind):
    counts = counts_of((2, 3), np.random.default_rng(3))
    weight, sums = resampling._of_cells(counts, kind, [False, True])(np.random.default_rng(0), 50)
    np.testing.assert_allclose(weight.sum(axis=0), counts.total)
    shares = sums[:, 1] / weight + counts.centre[1]
    assert weight.min() > 0
    assert np.abs(shares - 0.5).max() < 0.5 + 1e-12


def test_dirichlet_shares_have_the_moments_of_their_law():
    counts = counts_of((2, 2), np.random.default_rng(3), per_cell=10)
    formula = P([Event("V0", ONE), Event("V1", ONE)])
    found = bootstrap([formula], counts, variables_of(counts), seed=1, replicates=20_000, kind="dirichlet")
    p = float(evaluate(formula, counts, variables_of(counts)).values)
    assert found.values.mean() == pytest.approx(p, abs=0.002)
    assert found.error(0) == pytest.approx(np.sqrt(p * (1 - p) / (counts.n + 1)), rel=0.03)


def test_dirichlet_replicates_never_lose_a_cell():
    counts = counts_of((2, 2, 4), np.random.default_rng(5), per_cell=1)
    formula = P(["V1"], ["V0", "V2"])
    known = evaluate(formula, counts, variables_of(counts)).valid.reshape(-1)
    multinomial, dirichlet = (bootstrap([formula], counts, variables_of(counts), seed=1, kind=k) for k in KINDS)
    assert multinomial.lost(known) > 0
    assert dirichlet.lost(known) == 0


def test_a_0_1_outcome_stays_between_0_and_1_only_where_it_is_told():
    rng = np.random.default_rng(6)
    counts = counts_of((2, 5), rng, per_cell=4)
    formula = E("B", ["V0", "V1"])
    told = bootstrap([formula], counts, variables_of(counts), seed=1, binary=frozenset("B")).values
    plain = bootstrap([formula], counts, variables_of(counts), seed=1).values
    assert np.nanmax(np.abs(told - 0.5)) < 0.5 + 1e-12
    assert np.nanmax(np.abs(plain - 0.5)) > 0.51


@pytest.mark.parametrize("kind", KINDS)
def test_drawing_clusters_gives_the_clustered_error(kind):
    counts = counts_of((2, 3), np.random.default_rng(8), per_cell=300, clusters=90)
    formula = Marginal(E("S", ["V0", "V1"]) * P(["V1"]), Value("V1")).xreplace({Value("V0"): ONE})
    clustered = float(evaluate(formula, counts, variables_of(counts)).errors)
    plain = float(evaluate(formula, replace(counts, clusters=None), variables_of(counts)).errors)
    found = bootstrap([formula], counts, variables_of(counts), seed=3, kind=kind)
    assert clustered > 2 * plain
    assert found.error(0) == pytest.approx(clustered, rel=0.09)


def test_survey_weights_are_resampled_by_cluster_or_not_at_all():
    counts = replace(counts_of((2, 3), np.random.default_rng(8), clusters=20), weighting="survey")
    formula = P([Event("V0", ONE)])
    assert bootstrap([formula], counts, variables_of(counts), seed=3).error(0) > 0
    for refused in (replace(counts, clusters=None), replace(counts, weighting="exact")):
        with pytest.raises(EstimationError, match="E508"):
            bootstrap([formula], refused, variables_of(counts), seed=3)


def test_a_seed_gives_the_same_replicates():
    counts = counts_of((2, 3), np.random.default_rng(8))
    formula, variables = E("S", [Event("V0", ONE)]), variables_of(counts)
    once, again, other = (bootstrap([formula], counts, variables, seed=s, replicates=20).values for s in (1, 1, 2))
    assert (once == again).all()
    assert (once != other).all()
