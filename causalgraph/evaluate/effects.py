"""The named effects as formulas: ate, att, atc, cate, cde, rr, odds_ratio. `MEASURES` is the table of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sympy import Integer

from causalgraph.errors import EstimationError
from causalgraph.evaluate.quantities import (
    OPERATORS,
    Comparison,
    Parts,
    Quantity,
    World,
    causal,
    identified,
    joined,
    mean_formula,
    numeric_outcome,
)
from causalgraph.formula.nodes import E, Event, Level, P, Value, replace_inside
from causalgraph.syntax.queries import Effect, Expectation, Term

if TYPE_CHECKING:
    from sympy import Expr

__all__ = ["MEASURES", "Contrast", "Measure", "contrast_of", "effect"]

Scale = Literal["difference", "ratio"]


@dataclass(frozen=True)
class Contrast:
    """Levels to compare: each pair is (level, the first level); `labels` name the rows."""

    pairs: list[tuple[str, str]]
    labels: list[dict[str, str]]
    versus: dict[str, str]


@dataclass(frozen=True)
class Measure:
    """A named effect: what it compares, the scale its interval is laid on, whether it keeps the outcome's unit."""

    build: Callable[[Effect, World, Parts, str, str], Quantity]
    scale: Scale = "difference"
    has_unit: bool = True


def contrast_of(query: Effect, world: World) -> Contrast:
    """Compare the last of two levels with the first; of more levels, each with the first.

    Raises:
        EstimationError: the treatment has one level (E501), or is continuous (E504).
    """
    name = query.treatment.variable
    levels = world.levels(name)
    if len(levels) < len("01"):
        only = levels[0] if levels else "missing"
        raise EstimationError.because("E501", f"{name} is always {only}: there is nothing to compare")
    first, *others = levels
    labels = [{name: o} for o in others] if len(others) > 1 else [{}]
    return Contrast([(o, first) for o in others], labels, {name: first})


def effect(query: Effect, world: World, parts: Parts) -> Quantity:
    """Turn an effect that stands in arithmetic into a formula.

    Raises:
        EstimationError: the treatment has more than two levels, so that the effect isn't one number (E505).
    """
    contrast = contrast_of(query, world)
    if len(contrast.pairs) > 1:
        raise EstimationError.because(
            "E505",
            f"{query.treatment.variable} has {len(contrast.pairs) + 1} levels, so its effect is a table",
            fix=f"compare two levels: E({query.outcome.variable} | do({query.treatment.variable}=…)) - E(…)",
        )
    return MEASURES[query.measure].build(query, world, parts, *contrast.pairs[0])


def _means(query: Effect, world: World, parts: Parts, *levels: str) -> list[Quantity]:
    """Return E(Y | do(X=level), do(M=m), w) for each level."""
    x = query.treatment.variable
    return [
        causal(Expectation(query.outcome, (Term(x, level), *query.held), query.given), world, parts) for level in levels
    ]


def _difference(query: Effect, world: World, parts: Parts, level: str, against: str) -> Quantity:
    """E(Y | do(X=level)) - E(Y | do(X=against)), given or held what the query says."""
    return joined(OPERATORS["-"], *_means(query, world, parts, level, against))


def _ratio(query: Effect, world: World, parts: Parts, level: str, against: str) -> Quantity:
    """E(Y | do(X=level)) / E(Y | do(X=against))."""
    return joined(OPERATORS["/"], *_means(query, world, parts, level, against))


def _odds_ratio(query: Effect, world: World, parts: Parts, level: str, against: str) -> Quantity:
    """The odds of Y under do(X=level) over those under do(X=against).

    Raises:
        EstimationError: the outcome isn't binary (E507).
    """
    outcome = world.variables[query.outcome.variable]
    if world.source.kind(outcome) != "binary":
        raise EstimationError.because(
            "E507", f"{outcome.name} isn't binary, and odds are of an event", fix="ask for rr, a ratio of means, or ate"
        )

    def odds(p: Expr, q: Expr) -> Expr:
        minus, times = OPERATORS["-"], OPERATORS["*"]
        return OPERATORS["/"](times(p, minus(Integer(1), q)), times(q, minus(Integer(1), p)))

    return joined(odds, *_means(query, world, parts, level, against))


def _among(at: Callable[[str, str], str]) -> Callable[[Effect, World, Parts, str, str], Quantity]:
    """Build E(Y[X=level] - Y[X=against] | X=population): what is averaged over is one of the two arms.

    With covariates Z that satisfy the back-door criterion, E(Y[X=x] | X=x') is Σ_z E(Y | x, z) P(z | x'), and the arm's
    own mean is observed. Source: J. Pearl, Causality (2009), section 8.2.5 and theorem 3.3.2.
    """

    def build(query: Effect, world: World, parts: Parts, level: str, against: str) -> Quantity:
        numeric_outcome(query.outcome, world)
        x, y = query.treatment.variable, query.outcome.variable
        verdict = identified(world, parts, [x], [y])
        if verdict.derivation.strategy not in ("backdoor", "no effect"):
            raise EstimationError.because(
                "E510",
                f"{query.measure} needs a set that satisfies the back-door criterion, and there is none",
                why="what the treated would have been without treatment isn't what everyone would have been",
                fix=f"ask for ate({x}, {y}), which is identified",
            )
        population = at(level, against)
        parts.comparisons += [
            Comparison(verdict, {x: arm}, {}, {x: population} if verdict.derivation.covariates else {})
            for arm in (level, against)
        ]

        def mean(arm: str) -> Expr:
            observed = E(y, [Event(x, Level(arm))])
            if arm == population:
                return observed
            if verdict.derivation.strategy == "no effect":
                return E(y, [Event(x, Level(population))])
            return _reweighted(verdict.derivation.covariates, mean_formula(verdict, world), x, population).xreplace(
                {Value(x): Level(arm)}
            )

        naive = E(y, [Event(x, Level(level))]) - E(y, [Event(x, Level(against))])
        difference = OPERATORS["-"](mean(level), mean(against))
        return Quantity(difference, naive, difference)

    return build


def _reweighted(covariates: tuple[str, ...], formula: Expr, x: str, population: str) -> Expr:
    """Average a back-door formula over P(z | X=population) in place of P(z)."""
    if not covariates:
        return formula
    return replace_inside(formula, P(covariates), P(covariates, [Event(x, Level(population))]))


MEASURES: dict[str, Measure] = {
    "ate": Measure(_difference),
    "cate": Measure(_difference),
    "cde": Measure(_difference),
    "att": Measure(_among(lambda level, _: level)),
    "atc": Measure(_among(lambda _, against: against)),
    "rr": Measure(_ratio, "ratio", has_unit=False),
    "odds_ratio": Measure(_odds_ratio, "ratio", has_unit=False),
}
