"""A numeric query as a formula: each causal part identified, each level put in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sympy import Number

from causalgraph.data.source import Source
from causalgraph.errors import EstimationError
from causalgraph.formula.nodes import E, Level, P, Value
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.identify.answer import Identified, Undecided, identify
from causalgraph.identify.strategies import expectation
from causalgraph.syntax.queries import Arithmetic, Constant, Effect, Expectation, Probability, Term
from causalgraph.variables import DISCRETE, Variable

if TYPE_CHECKING:
    from sympy import Expr

__all__ = [
    "Contrast",
    "Numeric",
    "Parts",
    "Quantity",
    "RefusedError",
    "World",
    "contrast_of",
    "effect_quantity",
    "quantity",
]

Numeric = Probability | Expectation | Effect | Arithmetic | Constant

OPERATORS: dict[str, Callable[[Expr, Expr], Expr]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}


@dataclass(frozen=True)
class World:
    """What a numeric query is asked of."""

    graph: MixedGraph
    variables: Mapping[str, Variable]
    source: Source

    def levels(self, name: str) -> tuple[str, ...]:
        """Return the levels of a variable that must have some.

        Raises:
            EstimationError: it is continuous, or a count (E504).
        """
        variable = self.variables[name]
        kind = self.source.kind(variable)
        if kind not in DISCRETE:
            raise EstimationError.because(
                "E504",
                f"{name} is {'a count' if kind == 'count' else kind}: cells can't be counted by it",
                why="this version evaluates formulas over discrete treatments and covariates",
                fix=f"bin it in the data and declare its levels, {name} : {{low, high}}, or ask for "
                f"E({name} | …) if it is the outcome",
            )
        return self.source.levels(variable)


class RefusedError(Exception):
    """A causal part isn't identified; carries the verdict to where the query is answered."""

    def __init__(self, verdict: Undecided) -> None:
        self.verdict = verdict
        super().__init__(verdict.reason)


@dataclass
class Parts:
    """What was met on the way through a query: verdicts, and the arms whose comparison needs support."""

    identified: list[Identified] = field(default_factory=list)
    comparisons: list[tuple[Identified, Mapping[str, str], Mapping[str, str]]] = field(default_factory=list)


@dataclass(frozen=True)
class Quantity:
    """A formula with the adjustment, and the one that a naive reading would use."""

    formula: Expr
    naive: Expr


def quantity(query: Numeric, world: World, parts: Parts) -> Quantity:
    """Turn a query into a formula, identifying its causal parts."""
    if isinstance(query, Constant):
        return Quantity(Number(query.digits), Number(query.digits))
    if isinstance(query, Arithmetic):
        join = OPERATORS[query.operator]
        left, right = (quantity(side, world, parts) for side in (query.left, query.right))  # type: ignore[arg-type]  # the parser admits numeric sides alone
        return Quantity(join(left.formula, right.formula), join(left.naive, right.naive))
    if isinstance(query, Effect):
        contrast = contrast_of(query, world)
        if len(contrast.pairs) > 1:
            raise EstimationError.because(
                "E505",
                f"{query.treatment.variable} has {len(contrast.pairs) + 1} levels, so its effect is a table",
                fix=f"compare two levels: E({query.outcome.variable} | do({query.treatment.variable}=…)) - E(…)",
            )
        return effect_quantity(query, world, parts, *contrast.pairs[0])
    return _causal(query, world, parts)


def _causal(query: Probability | Expectation, world: World, parts: Parts) -> Quantity:
    """Turn P(y | do(x), w) or E(Y | do(x), w) into a formula."""
    outcomes = query.outcomes if isinstance(query, Probability) else (query.outcome,)
    names = [t.variable for t in outcomes]
    given, do = [t.variable for t in query.given], [t.variable for t in query.do]
    held = {Value(t.variable): Level(t.value) for t in (*outcomes, *query.given, *query.do) if t.value is not None}
    if isinstance(query, Expectation):
        _numeric_outcome(query.outcome, world)
        plain: Expr = E(names[0], [*given, *do])
    else:
        plain = P(names, [*given, *do])
    if not do:
        return Quantity(plain.xreplace(held), plain.xreplace(held))
    verdict = identify(world.graph, do, names, given=given)
    if isinstance(verdict, Undecided):
        raise RefusedError(verdict)
    formula = verdict.formula
    if isinstance(query, Expectation):
        formula = expectation(formula, names[0])
        if formula is None:
            raise EstimationError.because("E590", "the formula has no expectation in closed form")
    if verdict not in parts.identified:
        parts.identified.append(verdict)
    fixed = {t.variable: t.value for t in query.do if t.value is not None}
    parts.comparisons.append((verdict, fixed, {t.variable: t.value for t in query.given if t.value is not None}))
    return Quantity(formula.xreplace(held), plain.xreplace(held))


@dataclass(frozen=True)
class Contrast:
    """Levels to compare: each pair is (level, the first level); `labels` name the rows."""

    pairs: list[tuple[str, str]]
    labels: list[dict[str, str]]
    versus: dict[str, str]


def contrast_of(query: Effect, world: World) -> Contrast:
    """Compare the last of two levels with the first; of more levels, each with the first."""
    name = query.treatment.variable
    levels = world.levels(name)
    if len(levels) < len("01"):
        raise EstimationError.because(
            "E501", f"{name} is always {levels[0] if levels else 'missing'}: there is nothing to compare"
        )
    first, *others = levels
    labels = [{name: o} for o in others] if len(others) > 1 else [{}]
    return Contrast([(o, first) for o in others], labels, {name: first})


def effect_quantity(query: Effect, world: World, parts: Parts, level: str, against: str) -> Quantity:
    """Turn ``ate(X, Y)`` for two levels into E(Y | do(X=level)) - E(Y | do(X=against))."""
    x = query.treatment.variable
    means = [
        _causal(Expectation(query.outcome, (Term(x, value),), query.given), world, parts) for value in (level, against)
    ]
    return Quantity(means[0].formula - means[1].formula, means[0].naive - means[1].naive)


def _numeric_outcome(outcome: Term, world: World) -> None:
    """Make sure that an outcome has a mean.

    Raises:
        EstimationError: its levels aren't numbers (E506).
    """
    variable = world.variables[outcome.variable]
    if variable.kind == "binary" or world.source.kind(variable) not in DISCRETE:
        return
    for own in world.source.levels(variable):
        try:
            float(own)
        except ValueError as error:
            raise EstimationError.because(
                "E506",
                f"{outcome.variable} has no mean: its level {own!r} is no number",
                fix=f"ask for probabilities, P({outcome.variable} | …), or declare it binary if it has two levels",
            ) from error
