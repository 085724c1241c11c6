"""Effects in symbols: textbook expressions, and Wright's rule as their inverse."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
from sympy import cancel, expand

from causalgraph.errors import EstimationError, ModelError
from causalgraph.evaluate.coefficients import Coefficient, latex, text
from causalgraph.evaluate.tracing import exact_slope, in_covariances, in_regressions, total_effect, trace
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.identify.answer import Identified, identify
from oracles.gaussian import random_linear
from strategies import random_disjoint, random_graph, scaled

BACKDOOR = MixedGraph.build([("Z", "->", "X"), ("Z", "->", "Y"), ("X", "->", "Y")])
FRONTDOOR = MixedGraph.build([("X", "->", "M"), ("M", "->", "Y"), ("X", "<->", "Y")])
NAPKIN = MixedGraph.build([("W", "->", "Z"), ("Z", "->", "X"), ("X", "->", "Y"), ("W", "<->", "X"), ("W", "<->", "Y")])
VERMA = MixedGraph.build([("A", "->", "B"), ("B", "->", "C"), ("C", "->", "Y"), ("B", "<->", "Y")])


@pytest.mark.parametrize(
    ("graph", "x", "regressions", "covariances"),
    [
        (BACKDOOR, ["X"], "β_{YX·Z}", "(σ_XY σ_ZZ - σ_XZ σ_YZ) / (σ_XX σ_ZZ - σ_XZ^2)"),
        (
            FRONTDOOR,
            ["X"],
            "β_MX β_{YM·X}",
            "σ_MX (σ_MY σ_XX - σ_MX σ_XY) / ((σ_MM σ_XX - σ_MX^2) σ_XX)",
        ),
        (VERMA, ["C"], "β_{YC·B}", "(σ_BB σ_CY - σ_BC σ_BY) / (σ_BB σ_CC - σ_BC^2)"),
    ],
)
def test_effects_read_as_in_a_textbook(graph, x, regressions, covariances):
    formula = identify(graph, x, "Y").formula
    assert text(in_regressions(formula, x[0], "Y")) == regressions
    assert text(in_covariances(formula, x[0], "Y")) == covariances


def test_a_formula_without_the_treatment_says_that_there_is_no_effect():
    graph = MixedGraph.build([("X", "<->", "Y")])
    assert in_covariances(identify(graph, "X", "Y").formula, "X", "Y") == 0


def test_names_are_kept_apart():
    graph = MixedGraph.build([("Age", "->", "Dose"), ("Age", "->", "Pain"), ("Dose", "->", "Pain")])
    found = in_regressions(identify(graph, "Dose", "Pain").formula, "Dose", "Pain")
    assert text(found) == "β_{Pain,Dose·Age}"
    assert latex(found) == r"\beta_{\mathrm{Pain},\mathrm{Dose} \cdot \mathrm{Age}}"


def test_symbols_are_pickled_by_what_they_name():
    for symbol in (Coefficient("β", "Y", "X", ("Z",)), Coefficient("σ", "Y", "X")):
        assert pickle.loads(pickle.dumps(symbol)) == symbol  # noqa: S301 (made here)
    assert Coefficient("σ", "Y", "X") == Coefficient("σ", "X", "Y")
    assert Coefficient("λ", "Y", "X") != Coefficient("λ", "X", "Y")


def test_too_many_variables_are_refused():
    covariates = [f"Z{i}" for i in range(7)]
    edges = [(z, "->", t) for z in covariates for t in ("X", "Y")]
    formula = identify(MixedGraph.build([*edges, ("X", "->", "Y")]), "X", "Y").formula
    for asked in (in_covariances, in_regressions):
        with pytest.raises(EstimationError, match="E503"):
            asked(formula, "X", "Y")


def test_a_class_of_graphs_has_no_paths_to_trace():
    with pytest.raises(ModelError, match="E108"):
        trace(MixedGraph.build([("A", "--", "B")], kind="cpdag"))


@pytest.mark.parametrize(("graph", "x"), [(BACKDOOR, "X"), (FRONTDOOR, "X"), (NAPKIN, "X"), (VERMA, "C")])
def test_traced_covariances_give_back_the_causal_paths(graph, x):
    found = in_covariances(identify(graph, x, "Y").formula, x, "Y")
    traced = trace(graph)
    back = found.xreplace({s: traced[s.pair] for s in found.atoms(Coefficient)})
    assert expand(cancel(back) - total_effect(graph, x, "Y")[x]) == 0


def test_traced_covariances_are_those_of_the_structural_equations():
    rng = np.random.default_rng(5)
    for _ in range(scaled(20, 200)):
        graph = random_graph(rng, int(rng.integers(2, 6)), arrows=0.6, two_headed=0.3)
        model = random_linear(rng, graph)
        at = _numbers(graph, model)
        _, covariance = model.observed(graph.nodes)
        for (a, b), expr in trace(graph).items():
            exact = covariance[graph.nodes.index(a)][graph.nodes.index(b)]
            assert Fraction(str(expr.xreplace(at))) == exact


def _numbers(graph, model):
    from sympy import Rational

    place = graph.nodes.index
    symbols = {Coefficient("ω", a, a): model.errors[place(a)][place(a)] for a in graph.nodes}
    for edge in graph.edges:
        if edge.mark == "->":
            symbols[Coefficient("λ", edge.left, edge.right)] = model.arrows[place(edge.right)][place(edge.left)]
        else:
            symbols[Coefficient("ω", edge.left, edge.right)] = model.errors[place(edge.left)][place(edge.right)]
    return {symbol: Rational(number.numerator, number.denominator) for symbol, number in symbols.items()}


def test_every_identified_slope_is_the_sum_over_causal_paths_exactly():
    rng = np.random.default_rng(8)
    seen = 0
    while seen < scaled(100, 3000):
        graph = random_graph(rng, int(rng.integers(3, 7)), arrows=0.4, two_headed=0.2)
        x, (y,) = random_disjoint(rng, graph.nodes, (1, 2), (1, 1))
        verdict = identify(graph, x, [y])
        if not isinstance(verdict, Identified):
            continue
        seen += 1
        model = random_linear(rng, graph)
        _, covariance = model.observed(graph.nodes)
        place = graph.nodes.index
        _, slopes, _ = model.effect([y], verdict.question.x)
        for name, slope in zip(verdict.question.x, slopes[0], strict=True):
            found = exact_slope(verdict.formula, name, y, lambda a, b: covariance[place(a)][place(b)])  # noqa: B023 (called at once)
            assert found == slope


def test_both_ways_of_writing_agree():
    rng = np.random.default_rng(9)
    seen = 0
    while seen < scaled(10, 100):
        graph = random_graph(rng, 4, arrows=0.5, two_headed=0.25)
        (x,), (y,) = random_disjoint(rng, graph.nodes, (1, 1), (1, 1))
        verdict = identify(graph, [x], [y])
        if not isinstance(verdict, Identified):
            continue
        seen += 1
        from sympy import Rational

        # Any covariance matrix will do: the two are the same function of it, whatever the graph.
        root = rng.integers(-3, 4, (4, 4)) + 5 * np.eye(4, dtype=int)
        matrix = (root @ root.T).tolist()
        place = graph.nodes.index
        found = in_covariances(verdict.formula, x, y)
        at = {s: Rational(matrix[place(s.pair[0])][place(s.pair[1])]) for s in found.atoms(Coefficient)}
        exact = exact_slope(verdict.formula, x, y, lambda a, b: Fraction(matrix[place(a)][place(b)]))  # noqa: B023 (called at once)
        assert Fraction(str(found.xreplace(at))) == exact
