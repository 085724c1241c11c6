"""A formula against the exact effect, in random models over the graph.

The formula is evaluated on the exact distribution of the observed variables by an interpreter of its own; the truth
comes from the same model by the truncated factorisation. Neither identification nor estimation has a part in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from sympy import Add, Expr, Mul, Number, Pow

from causalgraph.answers import Answer, Document, Math, Word, line
from causalgraph.certify.models import DiscreteModel, Factor, TooLargeError, contract, random_model
from causalgraph.formula.mathml import mathml
from causalgraph.formula.nodes import Event, Marginal, P, Value
from causalgraph.formula.printing import latex, text
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.relations import ancestors
from causalgraph.graphs.surgery import subgraph

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from causalgraph.certify.models import Key

__all__ = ["TOLERANCE", "Unverifiable", "Verification", "evaluate", "verify"]

# Sums and ratios of doubles stay well below; a wrong formula is off by a thousand times more in almost every model.
TOLERANCE = 1e-9
ROUNDING = 1e-12


@dataclass(frozen=True)
class Verification(Answer):
    """How far a formula is from the exact effect in the worst of the models.

    Attributes:
        goal: what the formula is for.
        formula: what was checked.
        checked: how many models.
        worst_error: the greatest distance, over all models and all values.
        free: variables that the formula mentions and the question doesn't; every value of theirs was tried.
        latents: how many latent variables each model had.
        most_levels: the greatest number of values that a variable had.
    """

    goal: P
    formula: Expr
    checked: int
    worst_error: float
    free: tuple[str, ...]
    latents: int
    most_levels: int

    @property
    def holds(self) -> bool:
        """Is the formula right in every model?"""
        return self.worst_error <= TOLERANCE

    @property
    def exit_code(self) -> int:
        """0 where the formula holds, 1 where it doesn't."""
        return 0 if self.holds else 1

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "kind": "verification",
            "holds": self.holds,
            "estimand": text(self.goal),
            "formula": text(self.formula),
            "checked": self.checked,
            "worst_error": self.worst_error,
            "free": list(self.free),
            "latents": self.latents,
            "most_levels": self.most_levels,
        }

    def document(self) -> Document:
        """Say whether the formula holds, and how closely."""
        sign, verdict = (Word("✔ ", "good"), "gives") if self.holds else (Word("✘ ", "bad"), "doesn't give")
        hidden = f", {self.latents} latent" if self.latents else ""
        free = f", for every value of {', '.join(self.free)}" if self.free else ""
        # Below that it is rounding, which differs from machine to machine.
        worst = "no error above 1e-12" if self.worst_error < ROUNDING else f"worst error {self.worst_error:.2g}"
        equation = Math(
            f"{text(self.goal)} = {text(self.formula)}",
            f"{latex(self.goal)} = {latex(self.formula)}",
            mathml(self.goal, self.formula),
        )
        return Document(
            (
                line(sign, f"the formula {verdict} the exact effect in {self.checked} random models{free}"),
                line(equation, depth=1),
                line(
                    f"{worst}; variables of 2 to {self.most_levels} values{hidden}",
                    depth=1,
                ),
            )
        )


@dataclass(frozen=True)
class Unverifiable(Answer):
    """The exact sums are too large, even with two values a variable."""

    goal: P
    reason: str
    exit_code = 1

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "kind": "verification",
            "holds": None,
            "estimand": text(self.goal),
            "checked": 0,
            "worst_error": None,
            "reason": self.reason,
        }

    def document(self) -> Document:
        """Say why nothing was checked."""
        return Document((line(Word("", "warn"), f" not verified: {self.reason}"),))


def verify(
    graph: MixedGraph,
    x: Iterable[str],
    y: Iterable[str],
    given: Iterable[str],
    formula: Expr,
    *,
    models: int = 10,
    cardinalities: tuple[int, int] = (2, 4),
    seed: int = 0,
) -> Verification | Unverifiable:
    """Hold a formula for ``P(y | do(x), w)`` against the exact effect in random models with latents.

    Args:
        graph: a dag or an admg.
        x, y, given: treatments, outcomes, conditions: disjoint sets of observed nodes (or a name).
        formula: in `P`, sums over values, products, powers and numbers; a `P` may speak of an intervention, too.
        models: how many models.
        cardinalities: the least and the greatest number of values of a variable, latents included. Where the exact
            sums would be too large, the greatest gives way.
        seed: of the models; equal seeds give equal models.

    Raises:
        ModelError: a name is unknown (E201).

    >>> from causalgraph.formula.nodes import Marginal, P, Value
    >>> graph = MixedGraph.build([("Z", "->", "X"), ("Z", "->", "Y"), ("X", "->", "Y")])
    >>> backdoor = Marginal(P(["Y"], ["X", "Z"]) * P(["Z"]), Value("Z"))
    >>> verify(graph, "X", "Y", (), backdoor).holds, verify(graph, "X", "Y", (), P(["Y"], ["X"])).holds
    (True, False)
    """
    x, y, w = (graph.sorted(graph.require(s)) for s in (x, y, given))
    goal = P(y, w, x)
    spoken = {e.variable for node in (goal, *formula.atoms(P)) for e in (*node.events, *node.given, *node.do)}
    graph = subgraph(graph, ancestors(graph, spoken))
    keys: tuple[Key, ...] = (*graph.nodes, *(e for e in graph.edges if e.mark == "<->"))
    rng = np.random.default_rng(seed)
    least, most = cardinalities
    worst, widest = 0.0, least
    for _ in range(models):
        for high in range(most, least - 1, -1):
            levels = {key: int(rng.integers(least, high + 1)) for key in keys}
            try:
                error = _error(goal, formula, random_model(rng, graph, levels=levels))
            except TooLargeError as large:
                if high == least:
                    return Unverifiable(goal, f"it needs {large}")
            else:
                worst, widest = max(worst, error), max(widest, *levels.values())
                break
    free = graph.sorted({v.variable for v in formula.free_symbols} - {*x, *y, *w})
    return Verification(goal, formula, models, worst, free, len(keys) - len(graph.observed), widest)


def _error(goal: P, formula: Expr, model: DiscreteModel) -> float:
    """Return the greatest distance of a formula from the truth in one model."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found, truth = evaluate(formula, model), evaluate(goal, model)
        axes = tuple(dict.fromkeys((*truth.axes, *found.axes)))
        distance = np.abs(_along(found, axes) - _along(truth, axes))
    # A formula that divides by zero has no value: as wrong as can be.
    return float(np.where(np.isnan(distance), np.inf, distance).max())


def _along(factor: Factor, axes: Sequence[Any]) -> NDArray[Any]:
    """Reorder axes as wanted, with length 1 where one is missing."""
    order = [factor.axes.index(a) for a in axes if a in factor.axes]
    shape = [factor.table.shape[factor.axes.index(a)] if a in factor.axes else 1 for a in axes]
    return factor.table.transpose(order).reshape(shape)


def evaluate(formula: Expr, model: DiscreteModel) -> Factor:
    """Evaluate a formula exactly in a model; the axes are its free values.

    Raises:
        TooLargeError: a table would be too large.
        TypeError: the formula holds something else than `P`, sums, products, powers and numbers.
    """
    for kind, evaluator in EVALUATORS:
        if isinstance(formula, kind):
            return evaluator(formula, model)
    raise TypeError(f"{type(formula).__name__} has no exact value in a model")


def _probability(node: P, model: DiscreteModel) -> Factor:
    """P(events | do, given), from the model's own distribution."""
    parts = (node.do, node.given, node.events)
    do, given, events = (tuple(e.variable for e in part) for part in parts)
    return Factor(tuple(_value(e) for part in parts for e in part), model.effect(events, do, given))


def _value(event: Event) -> Value:
    if not isinstance(event.value, Value):
        raise TypeError(f"{event.variable} is held at {event.value}: random models don't know the level")
    return event.value


def _factors(node: Expr, model: DiscreteModel) -> list[Factor]:
    parts = node.args if isinstance(node, Mul) else (node,)
    return [evaluate(part, model) for part in parts]


def _product(node: Mul, model: DiscreteModel) -> Factor:
    factors = _factors(node, model)
    axes = tuple(dict.fromkeys(a for f in factors for a in f.axes))
    return Factor(axes, contract(factors, axes))


def _marginal(node: Marginal, model: DiscreteModel) -> Factor:
    """A sum of a product, one value after another; a value that no factor mentions counts once for each level."""
    factors = _factors(node.body, model)
    mentioned = dict.fromkeys(a for f in factors for a in f.axes)
    factors += [Factor((v,), np.ones(model.levels[v.variable])) for v in node.bound if v not in mentioned]
    axes = tuple(a for a in mentioned if a not in node.bound)
    return Factor(axes, contract(factors, axes))


def _sum(node: Add, model: DiscreteModel) -> Factor:
    terms = [evaluate(term, model) for term in node.args]
    axes = tuple(dict.fromkeys(a for t in terms for a in t.axes))
    return Factor(axes, reduce(np.add, [_along(t, axes) for t in terms]))


def _power(node: Pow, model: DiscreteModel) -> Factor:
    base = evaluate(node.base, model)
    return Factor(base.axes, base.table ** float(node.exp))


EVALUATORS: tuple[tuple[type, Callable[[Any, DiscreteModel], Factor]], ...] = (
    (P, _probability),
    (Marginal, _marginal),
    (Mul, _product),
    (Add, _sum),
    (Pow, _power),
    (Number, lambda node, _model: Factor((), np.asarray(float(node)))),
)
