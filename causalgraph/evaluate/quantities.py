"""A numeric query as a formula: each causal part identified, each level put in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from sympy import Add, Float, Integer, Mul, Number, Pow

from causalgraph.certify.proof import certified
from causalgraph.data.source import Source
from causalgraph.errors import EstimationError
from causalgraph.formula.nodes import E, Level, Marginal, P, Value
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.identify.answer import Identified, NotIdentified, Undecided, identify
from causalgraph.identify.strategies import Derivation, expectation
from causalgraph.syntax.queries import Arithmetic, Constant, Effect, Expectation, Probability, Term
from causalgraph.variables import DISCRETE, Variable

if TYPE_CHECKING:
    from sympy import Expr

__all__ = [
    "OPERATORS",
    "Comparison",
    "Numeric",
    "Parts",
    "Quantity",
    "RefusedError",
    "World",
    "causal",
    "held",
    "identified",
    "joined",
    "mean_formula",
    "named",
    "numeric_outcome",
    "quantity",
]

Numeric = Probability | Expectation | Effect | Arithmetic | Constant

# sympy would cancel P/P and drop 0·P, and with them the condition that the terms are determined.
OPERATORS: dict[str, Callable[[Expr, Expr], Expr]] = {
    "+": lambda a, b: Add(a, b, evaluate=False),
    "-": lambda a, b: Add(a, Mul(Integer(-1), b, evaluate=False), evaluate=False),
    "*": lambda a, b: Mul(a, b, evaluate=False),
    "/": lambda a, b: Mul(a, Pow(b, Integer(-1), evaluate=False), evaluate=False),
}


@dataclass(frozen=True)
class World:
    """What a numeric query is asked of."""

    graph: MixedGraph
    variables: Mapping[str, Variable]
    source: Source

    def counted(self, name: str) -> bool:
        """Whether cells can be counted by a variable."""
        return self.source.kind(self.variables[name]) in DISCRETE

    def levels(self, name: str) -> tuple[str, ...]:
        """Return the levels of a variable that must have some.

        Raises:
            EstimationError: it is continuous, or a count (E504).
        """
        variable = self.variables[name]
        kind = self.source.kind(variable)
        if not self.counted(name):
            raise EstimationError.because(
                "E504",
                f"{name} is {'a count' if kind == 'count' else kind}: cells can't be counted by it",
                why="a formula over cells needs discrete treatments and covariates",
                fix=f"bin it in the data and declare its levels, {name} : {{low, high}}; take equations for linear, "
                f'method="gaussian"; or ask for E({name} | …) if it is the outcome',
            )
        return self.source.levels(variable)


def named(query: Numeric) -> tuple[str, ...]:
    """Return the variables that a query names."""
    outcomes = _asked(query, lambda q: q.outcomes if isinstance(q, Probability) else (q.outcome,))
    return tuple(dict.fromkeys((*held(query), *outcomes)))


def held(query: Numeric) -> tuple[str, ...]:
    """Return the treatments and conditions that a query names."""

    def terms(q: Probability | Expectation | Effect) -> tuple[Term, ...]:
        return (q.treatment, *q.given, *q.held) if isinstance(q, Effect) else (*q.do, *q.given)

    return _asked(query, terms)


def _asked(query: Numeric, terms: Callable[[Probability | Expectation | Effect], tuple[Term, ...]]) -> tuple[str, ...]:
    if isinstance(query, Arithmetic):
        return (*_asked(query.left, terms), *_asked(query.right, terms))  # type: ignore[arg-type]  # the parser admits numeric sides alone
    return () if isinstance(query, Constant) else tuple(t.variable for t in terms(query))


class RefusedError(Exception):
    """A causal part isn't identified; carries the verdict to where the query is answered."""

    def __init__(self, verdict: NotIdentified | Undecided) -> None:
        self.verdict = verdict
        super().__init__(str(verdict))


@dataclass(frozen=True)
class Comparison:
    """Arms whose comparison needs support: treatments at fixed levels (the others free), within conditions.

    `population` names the levels that pick those over whom is averaged: everyone, or for ``att`` the treated.
    """

    verdict: Identified
    fixed: Mapping[str, str]
    within: Mapping[str, str]
    population: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Parts:
    """What was met on the way through a query: verdicts and comparisons."""

    identified: list[Identified] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)


@dataclass(frozen=True)
class Quantity:
    """A formula with the adjustment, and the one that a naive reading would use.

    `varied` is the formula with its free values still free; where it has some, `formula` averages over them.
    """

    formula: Expr
    naive: Expr
    varied: Expr

    @classmethod
    def same(cls, formula: Expr) -> Quantity:
        """Make a quantity that needs no adjustment."""
        return cls(formula, formula, formula)


def joined(join: Callable[..., Expr], *parts: Quantity) -> Quantity:
    """Combine quantities, reading by reading."""
    return Quantity(
        join(*(p.formula for p in parts)), join(*(p.naive for p in parts)), join(*(p.varied for p in parts))
    )


Effects = Callable[[Effect, World, Parts], Quantity]


def quantity(query: Numeric, world: World, parts: Parts, effect: Effects) -> Quantity:
    """Turn a query into a formula, identifying its causal parts; ``effect`` does so for a named effect."""
    if isinstance(query, Constant):
        return Quantity.same(Number(query.digits))
    if isinstance(query, Arithmetic):
        join = OPERATORS[query.operator]
        left, right = (quantity(side, world, parts, effect) for side in (query.left, query.right))  # type: ignore[arg-type]  # the parser admits numeric sides alone
        if query.operator == "/" and right.formula == 0:
            raise EstimationError.because("E509", "this divides by zero")
        return joined(join, left, right)
    if isinstance(query, Effect):
        return effect(query, world, parts)
    return causal(query, world, parts)


def causal(query: Probability | Expectation, world: World, parts: Parts) -> Quantity:
    """Turn P(y | do(x), w) or E(Y | do(x), w) into a formula."""
    if isinstance(query, Expectation):
        numeric_outcome(query.outcome, world)
    if not query.do:
        return _spelled(query, None, ())
    outcomes = query.outcomes if isinstance(query, Probability) else (query.outcome,)
    do, names, given = ([t.variable for t in terms] for terms in (query.do, outcomes, query.given))
    verdict = identified(world, parts, do, names, given)
    formula = verdict.formula if isinstance(query, Probability) else mean_formula(verdict, world)
    parts.comparisons.append(Comparison(verdict, _fixed(query.do), _fixed(query.given)))
    return _spelled(query, formula, verdict.derivation.free)


@lru_cache(maxsize=256)  # the same question is asked of many data, and sympy takes milliseconds
def _spelled(query: Probability | Expectation, formula: Expr | None, free: tuple[str, ...]) -> Quantity:
    """Put the levels that a query names into its formula (None where it has no treatments)."""
    outcomes = query.outcomes if isinstance(query, Probability) else (query.outcome,)
    conditions = (*query.given, *query.do)
    held = {Value(t.variable): Level(t.value) for t in (*outcomes, *conditions) if t.value is not None}
    names, given = ([t.variable for t in terms] for terms in (outcomes, conditions))
    plain: Expr = (E(names[0], given) if isinstance(query, Expectation) else P(names, given)).xreplace(held)
    if formula is None:
        return Quantity.same(plain)
    averaged = over_free_values(formula, free)
    return Quantity(averaged.xreplace(held), plain, formula.xreplace(held))


def over_free_values(formula: Expr, free: Iterable[str]) -> Expr:
    """Average a formula over the values that it holds but the question doesn't fix, as they occur in the data."""
    held = [n for n in free if Value(n) in formula.free_symbols]
    if not held:
        return formula
    return Marginal(Mul(P(held), formula, evaluate=False), *(Value(n) for n in held))


def _fixed(terms: Iterable[Term]) -> dict[str, str]:
    return {t.variable: t.value for t in terms if t.value is not None}


def identified(
    world: World, parts: Parts, do: Iterable[str], outcomes: Iterable[str], given: Iterable[str] = ()
) -> Identified:
    """Identify P(y | do(x), w) and remember the verdict.

    Raises:
        RefusedError: it isn't identified.
    """
    verdict = identify(world.graph, do, outcomes, given=given)
    if not isinstance(verdict, Identified):
        raise RefusedError(verdict)
    certified(verdict.proof, world.graph, verdict.formula, verdict.question.goal)
    if verdict not in parts.identified:
        parts.identified.append(verdict)
    return verdict


def mean_formula(verdict: Identified, world: World) -> Expr:
    """Return the formula of the outcome's mean: with an E where the outcome stands once, else summed over its levels.

    Raises:
        EstimationError: the outcome stands more than once, and has no levels to sum over (E590).
    """
    (name,) = verdict.question.y
    found = _closed_mean(verdict.derivation, name)
    if found is not None:
        return found
    variable = world.variables[name]
    if world.source.kind(variable) not in DISCRETE:
        raise EstimationError.because(
            "E590",
            f"the formula has no mean of {name} in closed form",
            why=f"{name} stands in it more than once, and has no levels to sum over",
            fix=f"bin it in the data and declare its levels, {name} : {{low, high}}",
        )
    levels = world.source.levels(variable)
    numbers = range(len(levels)) if world.source.kind(variable) == "binary" else map(float, levels)
    exact = (Integer(int(n)) if float(n).is_integer() else Float(n) for n in numbers)
    terms = [
        Mul(number, verdict.formula.xreplace({Value(name): Level(level)}), evaluate=False)
        for number, level in zip(exact, levels, strict=True)
    ]
    return Add(*terms, evaluate=False)


@lru_cache(maxsize=256)
def _closed_mean(derivation: Derivation, name: str) -> Expr | None:
    """Return a formula for a mean from the last line of a proof in which its variable stands once, if there is one."""
    observed = [f for f in derivation.proof.formulas() if not any(p.do for p in f.atoms(P))]
    closed = (expectation(f, name) for f in (derivation.formula, *reversed(observed)))
    return next((f for f in closed if f is not None), None)


def numeric_outcome(outcome: Term, world: World) -> None:
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
