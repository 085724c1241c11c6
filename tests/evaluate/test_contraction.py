"""Contraction in a good order against the definition: number by number, with what isn't determined, and gradients."""

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from sympy import Add, Mul, Pow, Rational, nan, zoo

from causalgraph.data.counts import Counts
from causalgraph.errors import EstimationError
from causalgraph.evaluate.contraction import Record
from causalgraph.evaluate.table import evaluate
from causalgraph.formula.nodes import E, Event, Level, Marginal, P, Value
from causalgraph.variables import Variable
from oracles.counted import BROKEN, UNKNOWN, by_definition, cells_of
from strategies import scaled

NAMES = ("A", "B", "C", "D")


def some_counts(codes, levels, rng=None, weight=None, clusters=None):
    """Counts of cells with one outcome S, whose sums are drawn."""
    k, rng = len(codes), rng or np.random.default_rng(0)
    weight = np.asarray(rng.integers(1, 9, k) if weight is None else weight, dtype=float)
    sums = rng.normal(size=(k, 1)) * weight[:, None]
    products = (sums**2 / weight[:, None])[:, :, None] + weight[:, None, None] * 0.7
    return Counts(
        variables=tuple(levels),
        levels=tuple(levels.values()),
        codes=np.asarray(codes, dtype=np.intp).reshape(k, len(levels)),
        weight=weight,
        squared=weight,
        outcomes=("S",),
        centre=np.array([0.5]),
        sums=sums,
        squared_sums=sums,
        squared_products=products,
        n=float(weight.sum()),
        dropped=0,
        weighting="rows",
        clusters=clusters,
    )


def few_cells(rng):
    """Two or three levels a variable, and about half of all cells empty."""
    levels = {n: tuple(map(str, range(rng.integers(2, 4)))) for n in NAMES}
    every = np.array(list(product(*(range(len(own)) for own in levels.values()))))
    kept = every[rng.random(len(every)) < rng.choice([0.25, 0.5, 0.9])]
    return some_counts(kept if len(kept) else every[:1], levels, rng)


def event(rng, name, counts):
    turn = rng.random()
    if turn < 0.15:
        return Event(name, Level(str(rng.choice(counts.levels[counts.axis(name)]))))
    return Event(name, Value(name, int(turn > 0.85)))


def formula(rng, counts, depth):
    """A random formula: kernels, sums, products, ratios, differences and repeated terms."""
    turn = rng.random()
    if depth == 0 or turn < 0.15:
        names = list(rng.permutation(NAMES))[: rng.integers(1, 4)]
        events = [event(rng, n, counts) for n in names]
        if rng.random() < 0.2:
            return E("S", events)
        cut = int(rng.integers(1, len(events) + 1))
        return P(events[:cut], events[cut:])
    if turn < 0.2:
        return Rational(int(rng.integers(-3, 4)), 2)
    if turn < 0.55:
        body = Mul(*(formula(rng, counts, depth - 1) for _ in range(rng.integers(1, 4))), evaluate=rng.random() < 0.5)
        free = sorted(body.free_symbols, key=str)
        bound = [free[i] for i in rng.permutation(len(free))[: rng.integers(0, len(free) + 1)]]
        return Marginal(body, *bound)
    if turn < 0.7:
        return Mul(*(formula(rng, counts, depth - 1) for _ in range(2)), evaluate=False)
    if turn < 0.8:
        return Add(formula(rng, counts, depth - 1), -formula(rng, counts, depth - 1), evaluate=False)
    if turn < 0.9:
        return Mul(formula(rng, counts, depth - 1), Pow(formula(rng, counts, depth - 1), -1, evaluate=False))
    return Pow(formula(rng, counts, depth - 1), 2)


def told(made, counts, levels, places):
    """Yield each place with the number of the definition, but for those where rounding decides."""
    cells = cells_of(counts)
    for place in places:
        try:
            yield place, by_definition(made, cells, levels, place)
        except ArithmeticError:
            continue


def variables_of(counts):
    return {n: Variable(n) for n in counts.variables} | {"S": Variable("S", "continuous")}


def test_numbers_and_what_is_not_determined_are_those_of_the_definition():
    rng = np.random.default_rng(5)
    seen = {"number": 0, UNKNOWN: 0, BROKEN: 0}
    for _ in range(scaled(150, 6000)):
        counts = few_cells(rng)
        made = formula(rng, counts, int(rng.integers(1, 4)))
        if made.has(zoo, nan):
            continue
        levels = dict(zip(counts.variables, counts.levels, strict=True))
        found = evaluate(made, counts, variables_of(counts), errors="none")
        assert set(found.axes) == made.free_symbols
        every = [
            {v: found.levels[i][c] for i, (v, c) in enumerate(zip(found.axes, codes, strict=True))}
            for codes in np.ndindex(found.values.shape)
        ]
        chosen = [every[i] for i in rng.permutation(len(every))[:6]]
        for place, expected in told(made, counts, levels, chosen):
            codes = tuple(found.levels[i].index(place[v]) for i, v in enumerate(found.axes))
            assert found.valid[codes] == (not isinstance(expected, str)), (made, place, expected)
            seen[expected if isinstance(expected, str) else "number"] += 1
            if not isinstance(expected, str):
                assert found.values[codes] == pytest.approx(expected, rel=1e-12, abs=1e-12), (made, place)
    assert min(seen.values()) > 20, seen


def test_the_gradient_is_that_of_the_definition():
    rng = np.random.default_rng(6)
    compared = 0
    for _ in range(scaled(60, 1500)):
        counts = few_cells(rng)
        made = formula(rng, counts, int(rng.integers(1, 4)))
        if made.has(zoo, nan):
            continue
        levels = dict(zip(counts.variables, counts.levels, strict=True))
        record = Record(counts, variables_of(counts))
        out = record.build(made)
        codes = tuple(int(rng.integers(n)) for n in out.data.shape)
        place = {v: counts.levels[counts.axis(v.variable)][c] for v, c in zip(out.axes, codes, strict=True)}
        if not out.known[codes]:
            continue
        by_weight, by_sum = record.derivative(out, codes)
        cell, step = int(rng.integers(len(counts.weight))), 1e-30
        moved = counts.weight.astype(complex)
        moved[cell] += 1j * step
        # The sums of centred outcomes stay; what is not centred moves along with the weight.
        for _, number in told(made, replace(counts, weight=moved), levels, [place]):
            assert by_weight[cell] == pytest.approx(np.imag(number) / step, rel=1e-10, abs=1e-12), made
            compared += 1
        sums = counts.sums.astype(complex)
        sums[cell, 0] += 1j * step
        for _, number in told(made, replace(counts, sums=sums), levels, [place]):
            assert by_sum[cell, 0] == pytest.approx(np.imag(number) / step, rel=1e-10, abs=1e-12), made
    assert compared > scaled(20, 500)


def chain(length):
    """The probability of the last of a chain of variables given the first, all between summed out at once."""
    names = [f"V{i:02}" for i in range(length)]
    steps = [P([after], [before]) for before, after in pairwise(names)]
    return names, Marginal(Mul(*steps), *(Value(n) for n in names[1:-1]))


def test_a_chain_of_twelve_variables_of_five_levels_is_instant():
    rng = np.random.default_rng(2)
    names, made = chain(12)
    levels = {n: tuple("01234") for n in names}
    counts = some_counts(rng.integers(0, 5, (4000, 12)), levels, rng)
    record = Record(counts, variables_of(counts))
    out = record.build(made)
    # Laid out at once it would take 5^12 cells, 244 million; no step needs more than three variables.
    assert max(p.data.size for p in record.parts) == 5**3
    expected = np.eye(5)
    for a, b in pairwise(range(12)):
        joint = np.zeros((5, 5))
        np.add.at(joint, (counts.codes[:, a], counts.codes[:, b]), counts.weight)
        expected = expected @ (joint / joint.sum(axis=1, keepdims=True))
    found = out.data if out.axes[0].variable == names[0] else out.data.T
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_limit_holds_for_the_arrays_that_are_made():
    rng = np.random.default_rng(2)
    names = [f"V{i}" for i in range(9)]
    counts = some_counts(rng.integers(0, 9, (50, 9)), {n: tuple("012345678") for n in names}, rng)
    # Each pair shares a factor: whatever goes first, the next array has eight axes.
    pairs = [P([a], [b]) for i, a in enumerate(names) for b in names[i + 1 :]]
    with pytest.raises(EstimationError, match="E503"):
        evaluate(Marginal(Mul(*pairs), *map(Value, names)), counts, variables_of(counts))


def test_what_is_repeated_is_computed_once():
    counts = few_cells(np.random.default_rng(3))
    inner = Marginal(P(["B"], ["A", "C"]) * P(["C"]), Value("C"))
    record = Record(counts, variables_of(counts))
    record.build(inner)
    before = len(record.parts)
    record.build(inner * inner / Marginal(inner, Value("B")))
    # The square, the sum over B, its inverse and their product: nothing of the inner sum anew.
    assert len(record.parts) - before == 4


def test_terms_that_cancel_do_not_mend_what_is_not_determined():
    levels = {"A": ("0", "1"), "B": ("0", "1"), "C": ("0", "1")}
    counts = some_counts([(0, 0, 0), (1, 0, 1)], levels, weight=[4, 4])
    nobody = P([Event("A")], [Event("B", Level("1"))])
    cancels = P(["C"]) - Rational(1, 2) + P([Event("A", Level("0"))]) * (P(["C"]) - Rational(1, 2))
    assert evaluate(Marginal(cancels, Value("C")), counts, variables_of(counts)).values == 0
    variables = variables_of(counts)
    # The terms are 0 here, each of them ...
    assert evaluate(Marginal(nobody * cancels, Value("C")), counts, variables).valid.all()
    # ... and ±1/4 here: they add up to zero, but as they stand each needs what isn't determined.
    counts = some_counts([(0, 0, 0), (1, 0, 1)], levels, weight=[2, 6])
    cancels = P(["C"]) - Rational(1, 2)
    assert evaluate(Marginal(cancels, Value("C")), counts, variables).values == 0
    assert not evaluate(Marginal(nobody * cancels, Value("C")), counts, variables).valid.any()
    # A sum of its own that is zero mends it, as the formula says so.
    assert evaluate(nobody * Marginal(cancels, Value("C")), counts, variables).valid.all()


def test_nothing_mends_a_division_by_zero():
    levels = {"A": ("0", "1"), "B": ("0", "1")}
    counts = some_counts([(0, 0), (1, 0)], levels, weight=[4, 4])
    never = P([Event("B", Level("1"))])
    assert not evaluate(Mul(never, Pow(never, -1, evaluate=False), evaluate=False), counts, variables_of(counts)).valid
