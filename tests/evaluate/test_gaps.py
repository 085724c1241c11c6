"""Gaps against loops over levels on random identified formulas, and what is said of them."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from causalgraph.data.opening import open_source
from causalgraph.errors import EstimationError
from causalgraph.evaluate import filled
from causalgraph.evaluate import gaps as room
from causalgraph.evaluate.gaps import Gap, Gaps, gaps, lacking, said
from causalgraph.evaluate.quantities import Comparison, World
from causalgraph.evaluate.table import evaluate
from causalgraph.formula.nodes import Event, Level, P, Value
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.identify.answer import Identified, identify
from causalgraph.variables import Variable
from oracles import gaps as oracle
from strategies import counts_of, random_disjoint, random_graph, scaled

FRONT_DOOR = identify(MixedGraph.build([("X", "->", "M"), ("M", "->", "Y"), ("X", "<->", "Y")]), "X", "Y")
NAPKIN = identify(
    MixedGraph.build([("W", "->", "Z"), ("Z", "->", "X"), ("X", "->", "Y"), ("W", "<->", "X"), ("W", "<->", "Y")]),
    "X",
    "Y",
)


def counted(sizes, cells):
    """Return counts from the levels of each cell that occurs and its weight."""
    weight = np.array(list(cells.values()), dtype=float)
    return counts_of(sizes, sizes.values(), np.array(list(cells), dtype=np.intp), weight)


def variables_of(sizes):
    return {n: Variable(n) for n in sizes}


def sparse(rng, sizes):
    """Draw a few people, so that many cells stay empty."""
    shape = tuple(sizes.values())
    drawn = rng.multinomial(int(rng.integers(3, 40)), rng.dirichlet(np.full(int(np.prod(shape)), 0.2))).reshape(shape)
    return counted(sizes, {tuple(map(int, c)): int(drawn[tuple(c)]) for c in np.argwhere(drawn > 0)})


def questions(rng, number):
    """Yield identified formulas, some with their treatments held, and sparse counts."""
    while number:
        graph = random_graph(rng, int(rng.integers(3, 6)), arrows=0.5, two_headed=0.25)
        x, y, w = random_disjoint(rng, graph.nodes, (1, 2), (1, 1), (0, 1))
        verdict = identify(graph, x, y, given=w)
        if not isinstance(verdict, Identified) or not any(p.given for p in verdict.formula.atoms(P)):
            continue
        sizes = {n: int(rng.integers(2, 4)) for n in sorted(graph.nodes)}
        formula = verdict.formula
        if rng.random() < 0.5:
            formula = formula.xreplace({Value(n): Level(str(int(rng.integers(0, sizes[n])))) for n in x})
        if rng.random() < 0.3:
            formula = formula.xreplace({Value(n): Level("1") for n in y})
        number -= 1
        yield verdict, formula, sizes, sparse(rng, sizes)


def test_a_formula_has_a_gap_just_where_the_data_do_not_determine_it():
    rng = np.random.default_rng(1)
    gaping = 0
    for verdict, formula, sizes, counts in questions(rng, scaled(200, 5_000)):
        found = gaps(formula, counts, variables_of(sizes), outcomes=verdict.question.y)
        opened = room._open(formula, verdict.question.y)
        valid = evaluate(opened, counts, variables_of(sizes), errors="none").valid
        assert bool(valid.all()) == (not found.cells), (formula, counts.codes, found)
        assert (found.mass == 1) == (not found.cells)
        gaping += bool(found.cells)
    assert gaping > 30


def test_masses_are_those_of_loops_over_smoothed_counts():
    rng = np.random.default_rng(2)
    compared = 0
    for verdict, formula, sizes, counts in questions(rng, scaled(60, 1_000)):
        outcomes = verdict.question.y
        found = gaps(formula, counts, variables_of(sizes), outcomes=outcomes)
        if not found.cells or any(not g.of for g in found.cells):
            continue
        opened = room._open(formula, outcomes)
        values = sorted(opened.free_symbols & opened.atoms(Value), key=str)
        inner = [v for v in values if v.variable in outcomes]
        places = list(oracle.assignments([v for v in values if v not in inner], sizes))
        weight = {
            tuple(zip(sizes, cell, strict=True)): 0.0 for cell in itertools.product(*(range(k) for k in sizes.values()))
        }
        for code, w in zip(counts.codes, counts.weight, strict=True):
            weight[tuple(zip(counts.variables, map(int, code), strict=True))] = float(w)
        cells = oracle.Cells(weight, sizes)

        def total(cells, place, opened=opened, inner=inner, sizes=sizes):
            return sum(oracle.evaluate(opened, cells, {**place, **y}) for y in oracle.assignments(inner, sizes))

        # Of a formula simplified by an independence, the sum is 1 only as far as the data have it.
        sums = [total(cells, place) for place in places]
        masses = {}
        for place, node in oracle.terms(opened):
            for at in itertools.product(*(range(sizes[e.variable]) for e in node.given)):
                given = {e.variable: c for e, c in zip(node.given, at, strict=True)}
                if cells.total(given):
                    continue
                up, down = (
                    replace(cells, scaled=(place, tuple(sorted(given.items()))), factor=1 + h) for h in (1e-4, -1e-4)
                )
                key = frozenset((n, str(c)) for n, c in given.items())
                mass = max(abs(total(up, p) - total(down, p)) / 2e-4 / s for p, s in zip(places, sums, strict=True))
                masses[key] = max(mass, masses.get(key, 0.0))
        needed = {k: m for k, m in masses.items() if m > 1e-7 and not any(o < k and masses[o] > 1e-7 for o in masses)}
        told = {frozenset(g.given.items()): g.mass for g in found.cells}
        assert told == pytest.approx(needed, abs=1e-6)
        kept = min(total(replace(cells, bare=True), p) / s for p, s in zip(places, sums, strict=True))
        assert found.mass == pytest.approx(min(kept, 1 - max(told.values())), abs=1e-6)
        compared += 1
    assert compared > 10


def test_the_front_door_loses_those_who_would_have_the_mediator_that_was_not_seen_with_a_treatment():
    cells = {(m, x, y): 10 for m in (0, 1, 2) for x in (0, 1) for y in (0, 1) if (m, x) != (2, 0)}
    counts = counted({"M": 3, "X": 2, "Y": 2}, cells)
    formula = FRONT_DOOR.formula.xreplace({Value("X"): Level("1")})
    found = gaps(formula, counts, variables_of("MXY"), outcomes="Y")
    # P(M=2 | X=1) P(X=0) = 1/3 · 2/5.
    assert found == Gaps(
        (Gap(("Y",), {"M": "2", "X": "0"}, pytest.approx(2 / 15)),), pytest.approx(13 / 15), ("M", 1.0)
    )
    assert said(found) == (
        "Y given M=2, X=0 was never observed (needed for 13.3% of the population). "
        "What could help: coarser levels of M (up to 100.0%)."
    )
    assert gaps(formula.xreplace({Value("Y"): Level("1")}), counts, variables_of("MXY"), outcomes="Y") == found


def test_what_never_happens_is_not_lacking():
    # M=2 never happens without treatment, so that nobody needs Y given M=2, X=1 under do(X=0).
    cells = {(m, x, y): 10 for m in (0, 1) for x in (0, 1) for y in (0, 1)}
    counts = counted({"M": 3, "X": 2, "Y": 2}, cells)
    formula = FRONT_DOOR.formula.xreplace({Value("X"): Level("0")})
    assert gaps(formula, counts, variables_of("MXY"), outcomes="Y") == Gaps((), 1.0)
    assert not said(Gaps((), 1.0))


def test_a_value_held_freely_is_the_one_at_which_most_is_known():
    full = dict.fromkeys(itertools.product((0, 1), repeat=4), 5)
    names = {"W": 2, "X": 2, "Y": 2, "Z": 2}
    formula = NAPKIN.formula.xreplace({Value("X"): Level("1")})
    without = counted(names, {c: w for c, w in full.items() if (c[0], c[3]) != (1, 0)})
    assert gaps(formula, without, variables_of(names), outcomes="Y", free="Z") == Gaps((), 1.0)
    (gap,) = gaps(formula, without, variables_of(names), outcomes="Y").cells
    assert gap.given == {"W": "1", "Z": "0"}


def test_a_ratio_over_an_empty_cell_is_not_supported_by_what_cancels():
    # Of W=1 no one has Z=0: with the unknown set to 0 above and below, the ratio would sum to 1.
    names = {"W": 2, "X": 2, "Y": 2, "Z": 2}
    cells = {c: 5 for c in itertools.product((0, 1), repeat=4) if (c[0], c[3]) != (1, 0)}
    formula = NAPKIN.formula.xreplace({Value("X"): Level("1"), Value("Z"): Level("0")})
    found = gaps(formula, counted(names, cells), variables_of(names), outcomes="Y")
    # P(W=1) = 1/3, and half of each W, known or by the uniform law, has X=1.
    assert found.mass == pytest.approx(2 / 3)
    assert found.cells[0].mass == pytest.approx(1 / 3)


def test_a_division_by_a_probability_of_zero_is_named():
    names = {"W": 2, "X": 2, "Y": 2, "Z": 2}
    cells = {c: 5 for c in itertools.product((0, 1), repeat=4) if (c[1], c[3]) != (1, 0)}
    formula = NAPKIN.formula.xreplace({Value("X"): Level("1"), Value("Z"): Level("0")})
    found = gaps(formula, counted(names, cells), variables_of(names), outcomes="Y")
    assert found.cells == (Gap((), {"X": "1", "Z": "0"}, 1.0),)
    assert found.mass == 0
    assert said(found) == (
        "X=1, Z=0 has probability 0 in the data: it was never observed (needed for 100.0% of the population)."
    )


def test_more_cells_than_a_reader_wants_are_counted():
    cells = tuple(Gap(("Y",), {"Z": str(i)}, 0.1) for i in range(1_005))
    assert said(Gaps(cells, 0.1)).endswith("; and 1,002 more cells.")
    assert "less than 0.1%" in Gap(("Y",), {"Z": "1"}, 1e-5).text


def test_gaps_that_are_not_listed_are_counted(monkeypatch):
    rng = np.random.default_rng(3)
    cut = 0
    for verdict, formula, sizes, counts in questions(rng, scaled(100, 1_000)):
        whole = gaps(formula, counts, variables_of(sizes), outcomes=verdict.question.y)
        assert not whole.more
        with monkeypatch.context() as patch:
            patch.setattr(room, "LISTED", 1)
            found = gaps(formula, counts, variables_of(sizes), outcomes=verdict.question.y)
        assert found == replace(whole, cells=whole.cells[:1], more=max(0, len(whole.cells) - 1))
        assert said(found).split(" What ")[0].endswith(f"and {found.more - 2:,} more cells.") == (found.more > 2)
        cut += found.more > 0
    assert cut > 10


def test_gaps_in_a_table_too_large_to_look_at_are_not_named(monkeypatch):
    people = pd.DataFrame({"X": [0, 0, 1, 1], "M": [0, 1, 0, 0], "Y": [0, 1, 1, 0]})
    variables = {n: Variable(n) for n in "XMY"}
    world = World(FRONT_DOOR.question.graph, variables, open_source(people))
    counts = world.source.counts([variables[n] for n in "MXY"])
    comparison = Comparison(FRONT_DOOR, {"X": "0"}, {})
    assert lacking(comparison, counts, world).cells
    monkeypatch.setattr(filled, "MOST_CELLS", 3)
    found = lacking(comparison, counts, world)
    assert not found.cells
    assert said(found) == "What is lacking can't be named: the formula needs a table of 8 cells."


def test_a_table_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(filled, "MOST_CELLS", 3)
    counts = counted({"X": 2, "Y": 2}, {(0, 0): 1, (1, 1): 1})
    with pytest.raises(EstimationError, match="E503"):
        gaps(P(["Y"], [Event("X", Level("1"))]), counts, variables_of("XY"), outcomes="Y")


def test_a_strategy_that_the_data_determine_in_full_is_offered():
    # Of those with Z=2 no one has X=1; the front door by M doesn't need them.
    graph = MixedGraph.build([("Z", "->", "X"), ("Z", "->", "Y"), ("X", "->", "M"), ("M", "->", "Y")])
    names = {"M": 2, "X": 2, "Y": 2, "Z": 3}
    counts = counted(names, {c: 5 for c in itertools.product(*map(range, names.values())) if (c[1], c[3]) != (1, 2)})
    frame = pd.DataFrame(np.repeat(counts.codes, 5, axis=0), columns=list(names))
    world = World(graph, variables_of(names), open_source(frame))
    found = lacking(Comparison(identify(graph, "X", "Y"), {"X": "1"}, {}), counts, world)
    assert [g.given for g in found.cells] == [{"X": "1", "Z": "2"}]
    # Z=2 has a fifth of the people: it lacks one of two arms.
    assert found.mass == pytest.approx(4 / 5)
    assert found.others == ("frontdoor",)
    assert said(found).endswith(
        "coarser levels of Z (up to 100.0%); the strategy 'frontdoor', which needs none of them."
    )
    assert not lacking(Comparison(identify(graph, "X", "Y"), {"X": "0"}, {}), counts, world).cells
