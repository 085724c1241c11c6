"""Effects in symbols: a formula by regression coefficients or covariances, and covariances by path coefficients.

With linear equations, P(y | do(x), w) is a line in x whose slope is a rational function of the covariances of what is
observed. The other way, Sewall Wright's rule gives each covariance as a sum over treks of products of path
coefficients. Put together, they give back the sum over the causal paths.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sympy import Mul, Pow
from sympy.polys.fields import FracElement, FracField
from sympy.polys.rings import PolyElement, PolyRing

from causalgraph.errors import EstimationError, ModelError
from causalgraph.evaluate.canonical import Basis
from causalgraph.evaluate.coefficients import Coefficient, Minors, written
from causalgraph.evaluate.gaussian import law
from causalgraph.formula.nodes import Marginal, P, Value
from causalgraph.formula.rewriting import parts, product
from causalgraph.graphs.kinds import DIRECTED, require_kind
from causalgraph.graphs.relations import topological_order
from causalgraph.names import natural

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sympy import Expr

    from causalgraph.graphs.mixed import MixedGraph

__all__ = ["exact_slope", "in_covariances", "in_regressions", "total_effect", "trace", "variables_of"]

# Beyond this many variables in one formula it has too many terms to be read, or to be worked out: determinants sooner.
MOST_VARIABLES = 8
MOST_IN_COVARIANCES = 6


def exact_slope(formula: Expr, x: str, y: str, covariance: Callable[[str, str], Any]) -> Any:
    """Return the slope of y's mean in x that a formula gives, over any field of numbers, such as fractions.

    Args:
        formula: for P(y | do(x), w).
        x: the treatment whose slope it is.
        y: the outcome.
        covariance: the covariance of two variables, an element of the field.

    Raises:
        EstimationError: the formula has parts that aren't probabilities (E590).

    >>> from fractions import Fraction
    >>> exact_slope(P(["Y"], ["X"]), "X", "Y", lambda a, b: Fraction(3 if a == b else 2))
    Fraction(2, 3)
    """
    names = variables_of(formula)
    matrix = np.empty((len(names), len(names)), dtype=object)
    for i, a in enumerate(names):
        for j, b in enumerate(names):
            matrix[i, j] = covariance(a, b)
    nothing = np.zeros(len(names), dtype=object)
    return _slope(formula, x, y, Basis(names, nothing, nothing + 1, nothing, matrix))


def variables_of(formula: Expr) -> tuple[str, ...]:
    """Return the variables of a formula, in natural order."""
    return tuple(sorted({e.variable for p in formula.atoms(P) for e in (*p.events, *p.given)}, key=natural))


def _slope(formula: Expr, x: str, y: str, basis: Basis) -> Any:
    """Return a slope; 0 where the formula doesn't mention x, and so says that it has no effect."""
    found = law(formula, basis, (y,))
    return found.slopes[0, found.given.index(Value(x))] if Value(x) in found.given else 0


def _slope_symbol(outcome: str, regressor: str, regressors: Sequence[str]) -> Coefficient:
    return Coefficient("β", outcome, regressor, [n for n in regressors if n != regressor])


@dataclass(frozen=True)
class _Regressions(Basis):
    """Variables whose regressions on others are symbols of their own, so that no matrix is inverted."""

    symbols: Mapping[Coefficient, FracElement]

    def regression(self, outcomes: Sequence[int], regressors: Sequence[int]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the symbols of one variable's regression."""
        (a,), b = (tuple(self.variables[i] for i in side) for side in (outcomes, regressors))
        slopes, rest = np.zeros((1, len(b)), dtype=object), np.zeros((1, 1), dtype=object)
        for i, name in enumerate(b):
            slopes[0, i] = self.symbols[_slope_symbol(a, name, b)]
        rest[0, 0] = self.symbols[Coefficient("σ", a, a, b)]
        return slopes, rest


def in_regressions(formula: Expr, x: str, y: str) -> Expr:
    """Return the effect of one unit of x on y's mean by coefficients of regressions: β_{YX·Z} is that of X beside Z.

    Each term of several variables is split by the chain rule first, the outcome last.

    Args:
        formula: for P(y | do(x), w), as `identify` returns it.
        x: the treatment whose slope it is.
        y: the outcome.

    Raises:
        EstimationError: the formula has too many variables (E503), or parts that aren't probabilities (E590).

    Source: S. Wright, Annals of Mathematical Statistics 5 (1934) 161-215, doi:10.1214/aoms/1177732676, for effects as
    functions of covariances; J. Pearl, Causality (2009), section 5.3.

    >>> from causalgraph.formula.nodes import Marginal
    >>> backdoor = Marginal(P(["Y"], ["X", "Z"]) * P(["Z"]), Value("Z"))
    >>> from causalgraph.evaluate.coefficients import text
    >>> text(in_regressions(backdoor, "X", "Y"))
    'β_{YX·Z}'
    """
    return written(_regressed(formula, x, y))


def in_covariances(formula: Expr, x: str, y: str) -> Expr:
    """Return the effect of one unit of x on y's mean as an expression in covariances σ, cancelled and factored.

    Args:
        formula: for P(y | do(x), w), as `identify` returns it.
        x: the treatment whose slope it is.
        y: the outcome.

    Raises:
        EstimationError: the formula has too many variables (E503), or parts that aren't probabilities (E590).

    Source: as `in_regressions`; H. Cramér, Mathematical Methods of Statistics (1946), section 23.2, for coefficients as
    ratios of determinants.

    >>> from causalgraph.formula.nodes import Marginal
    >>> backdoor = Marginal(P(["Y"], ["X", "Z"]) * P(["Z"]), Value("Z"))
    >>> from causalgraph.evaluate.coefficients import text
    >>> text(in_covariances(backdoor, "X", "Y"))
    '(σ_XY σ_ZZ - σ_XZ σ_YZ) / (σ_XX σ_ZZ - σ_XZ^2)'
    """
    names = variables_of(formula)
    _require_few(names, MOST_IN_COVARIANCES)
    minors = Minors(names)
    return written(_regressed(formula, x, y), minors.ratio)


def _require_few(names: Sequence[str], most: int) -> None:
    if len(names) > most:
        raise EstimationError.because(
            "E503",
            f"an effect in symbols over {len(names)} variables has too many terms to be read",
            why=f"up to {most} are worked out in covariances, and up to {MOST_VARIABLES} in regression coefficients",
        )


def _regressed(formula: Expr, x: str, y: str) -> FracElement:
    """Work a slope out over the field of regression coefficients."""
    names = variables_of(formula)
    _require_few(names, MOST_VARIABLES)
    uses = Counter(e.variable for p in formula.atoms(P) for e in (*p.events, *p.given))
    order = sorted(names, key=lambda n: (n == y, -uses[n], natural(n)))
    chained = _chained(formula, order)
    symbols: dict[Coefficient, None] = {}
    for term in sorted(chained.atoms(P), key=lambda p: p.sort_key()):
        (a,), b = (tuple(e.variable for e in side) for side in (term.events, term.given))
        symbols |= dict.fromkeys([*(_slope_symbol(a, name, b) for name in b), Coefficient("σ", a, a, b)])
    field = FracField(list(symbols), "ZZ")
    nothing = np.zeros(len(names), dtype=object)
    known = dict(zip(symbols, field.gens, strict=True))
    along = _along_kernels(chained, x, y, known)
    if along is not None:
        return field.zero + along
    basis = _Regressions(names, nothing, nothing + 1, nothing, np.empty((0, 0), dtype=object), known)
    return field.zero + _slope(chained, x, y, basis)


def _along_kernels(chained: Expr, x: str, y: str, known: Mapping[Coefficient, FracElement]) -> Any:
    """Return the slope where a formula is a product of kernels under sums, as the sum over paths from x to y.

    Each value but x's and the conditions' must be that of one kernel, and summed over unless it is y's. None where the
    formula isn't of this kind.
    """
    factors, bound = _flat(chained)
    if any(not isinstance(f, P) for f in factors):
        return None
    own = {f.events[0].value: f for f in factors}
    if len(own) < len(factors) or set(own) != bound | {Value(y)}:
        return None

    def slope(value: Value) -> Any:
        if value not in own:
            return int(value == Value(x))
        term = own[value]
        names = [e.variable for e in term.given]
        each = (known[_slope_symbol(term.events[0].variable, e.variable, names)] * slope(e.value) for e in term.given)
        return sum(each)

    return slope(Value(y))


def _flat(formula: Expr) -> tuple[list[Expr], set[Value]]:
    """Return the factors of a formula, those under sums too, and what is summed over; a ratio stays one factor."""
    if isinstance(formula, Marginal):
        factors, bound = _flat(formula.body)
        return factors, bound | set(formula.bound)
    if isinstance(formula, Mul):
        inside = [_flat(f) for f in formula.args]
        return [f for factors, _ in inside for f in factors], {v for _, bound in inside for v in bound}
    return [formula], set()


def _chained(formula: Expr, order: Sequence[str]) -> Expr:
    """Split terms of several variables by the chain rule, and sums over several values one by one."""
    if isinstance(formula, P):
        ordered = sorted(formula.events, key=lambda e: order.index(e.variable))
        return product(P([e], [*ordered[:i], *formula.given]) for i, e in enumerate(ordered))
    if isinstance(formula, Marginal):
        body = _chained(formula.body, order)
        for value in sorted(formula.bound, key=lambda v: -order.index(v.variable)):
            body = Marginal(body, value)
        return body
    if isinstance(formula, Mul | Pow):
        top, bottom = parts(formula)
        return product((_chained(f, order) for f in top), (_chained(f, order) for f in bottom))
    return formula


def trace(graph: MixedGraph) -> dict[tuple[str, str], Expr]:
    """Return the covariance of each pair of observed variables by path coefficients: the sum over treks.

    The arrow from a to b has the coefficient λ_ab, an error the variance ω_aa, a two-headed edge the errors'
    covariance ω_ab. A trek goes up arrows, across one error and down arrows; it counts as the product along it.

    Args:
        graph: a dag or an admg of a few nodes; latent nodes are causes like others.

    Raises:
        ModelError: the graph is of another kind (E108).

    Source: S. Wright, Journal of Agricultural Research 20 (1921) 557-585; M. Drton, "Algebraic problems in structural
    equation modeling", Advanced Studies in Pure Mathematics 77 (2018) 35-86, doi:10.2969/aspm/07710035, theorem 4.1.

    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> graph = MixedGraph.build([("X", "->", "Y"), ("X", "<->", "Y")])
    >>> from causalgraph.evaluate.coefficients import text
    >>> text(trace(graph)["X", "Y"])
    'λ_XY ω_XX + ω_XY'
    """
    ring, generator = _ring(graph)
    down = _paths(graph, ring, generator, cut=())
    seen = graph.sorted(graph.observed)
    errors = [(a, a) for a in graph.nodes]
    errors += [pair for e in graph.edges if e.mark == "<->" for pair in ((e.left, e.right), (e.right, e.left))]
    out = {}
    for i, a in enumerate(seen):
        for b in seen[i:]:
            treks = (down[s, a] * generator[Coefficient("ω", s, t)] * down[t, b] for s, t in errors)
            out[a, b] = out[b, a] = sum(treks, ring.zero).as_expr()
    return out


def total_effect(graph: MixedGraph, x: str | Iterable[str], y: str) -> dict[str, Expr]:
    """Return for each treatment the sum over its causal paths to y of the products of coefficients along them.

    With several treatments, a path of one may not pass through another, which is set itself.

    Raises:
        ModelError: the graph is neither a dag nor an admg (E108).

    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> graph = MixedGraph.build([("X", "->", "M"), ("M", "->", "Y"), ("X", "->", "Y")])
    >>> from causalgraph.evaluate.coefficients import text
    >>> text(total_effect(graph, "X", "Y")["X"])
    'λ_MY λ_XM + λ_XY'
    """
    treatments = graph.sorted(graph.require(x))
    ring, generator = _ring(graph)
    down = _paths(graph, ring, generator, cut=treatments)
    return {t: down[t, y].as_expr() for t in treatments}


def _ring(graph: MixedGraph) -> tuple[PolyRing, Mapping[Coefficient, PolyElement]]:
    """Return the ring of polynomials in the coefficients of a graph."""
    require_kind(graph, "path tracing")
    if graph.kind not in DIRECTED:
        raise ModelError.because(
            "E108", f"path tracing needs a dag or an admg, and this is a {graph.kind}", why="a path needs directions"
        )
    letters = {"->": "λ", "<->": "ω"}
    symbols = [Coefficient(letters[e.mark], e.left, e.right) for e in graph.edges]
    symbols += [Coefficient("ω", a, a) for a in graph.nodes]
    ring = PolyRing(symbols, "ZZ", "lex")
    return ring, dict(zip(symbols, ring.gens, strict=True))


def _paths(
    graph: MixedGraph, ring: PolyRing, generator: Mapping[Coefficient, PolyElement], cut: Sequence[str]
) -> dict[tuple[str, str], PolyElement]:
    """Sum the products along directed paths from each node to each, none of which enters a node of ``cut``."""
    arrows: dict[str, list[str]] = {n: [] for n in graph.nodes}
    for edge in graph.edges:
        if edge.mark == "->" and edge.right not in cut:
            arrows[edge.right].append(edge.left)
    out = {(a, b): ring.one if a == b else ring.zero for a in graph.nodes for b in graph.nodes}
    for b in topological_order(graph):
        for a in graph.nodes:
            if a != b:
                steps = (out[a, c] * generator[Coefficient("λ", c, b)] for c in arrows[b])
                out[a, b] = sum(steps, ring.zero)
    return out
