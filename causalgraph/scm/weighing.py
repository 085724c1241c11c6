"""A counterfactual by draws: noise that the facts tell is solved for, the rest drawn, and each draw weighed.

Source: R. M. Neal, "Annealed importance sampling", Stat. Comput. 11 (2001), section 1, doi:10.1023/A:1008923215028; the
effective number of draws: A. Kong, J. S. Liu, W. H. Wong, J. Am. Stat. Assoc. 89 (1994) 278-288,
doi:10.1080/01621459.1994.10476469.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from causalgraph.errors import EstimationError
from causalgraph.scm.abduction import Solved, continuous, noise_from, solve
from causalgraph.scm.expressions import Scores, evaluate
from causalgraph.scm.questions import Counterfactual, Question
from causalgraph.scm.simulate import HALF_STEP, NEAREST, held_at, noise
from causalgraph.scm.supports import column_over
from causalgraph.scm.worlds import Held

__all__ = ["by_draws"]

Floats = NDArray[np.float64]
# Below this effective number of draws an interval by the normal approximation isn't to be trusted.
LEAST_EFFECTIVE = 400.0
# A spread below this, of the size of the number, is rounding.
ROUNDING = 1e-9


def by_draws(question: Question, draws: int, level: float, seed: int, notes: tuple[str, ...]) -> Counterfactual:
    """Answer by draws; raises what `counterfactual.ask` does."""
    facts = question.fixed(question.given, question.net.spots[len(question.targets) :])
    if facts is None:
        raise question.never()
    if question.quantity == "P":
        _require_events(question)
    columns, log_weight = _weighed(question, facts, draws, seed)
    if not np.isfinite(log_weight).any():
        raise question.never("its density was 0 in every draw")
    possible = np.isfinite(log_weight)
    outcome = _outcome(question, columns, draws)[possible]
    weight = np.exp(log_weight[possible] - log_weight[possible].max())
    total = weight.sum()
    value = float(weight @ outcome / total)
    effective = float(total**2 / (weight @ weight))
    same = bool(np.abs(outcome - value).max() <= ROUNDING * max(1.0, abs(value)))
    if same and len(outcome) >= LEAST_EFFECTIVE and _smooth(question):
        how = f"exact: the same in all {len(outcome):,} draws of what isn't known"
        return Counterfactual(question.text, value, how, notes=notes)
    error = float(np.sqrt((weight**2) @ (outcome - value) ** 2) / total)
    half = float(special.ndtri((1 + level) / 2)) * error
    few = effective < LEAST_EFFECTIVE
    alike = f"W551: all draws agree; what none shows may still have a chance of up to {min(1, 3 / effective):.2g}"
    rare = f"W550: the facts are rare: {draws:,} draws are worth {effective:.3g}, and the interval may be too narrow"
    return Counterfactual(
        question.text,
        value,
        f"{draws:,} weighted draws, worth {effective:,.0f}" if question.given else f"{draws:,} draws",
        error,
        (value - half, value + half),
        level,
        draws=draws,
        effective=effective,
        notes=notes,
        warnings=(rare,) * few + (alike,) * same,
    )


def _smooth(question: Question) -> bool:
    """Whether an expectation is of numbers: levels that agree in all draws may still differ in the next."""
    rules = [question.structural.rule(t.variable) for t in question.targets]
    return question.quantity == "E" and all(not r.levels and continuous(r.node) for r in rules)


def _require_events(question: Question) -> None:
    for target in question.targets:
        rule = question.structural.rule(target.variable)
        if target.value is None or continuous(rule.node):
            raise EstimationError.because(
                "E548",
                f"{target.variable} is drawn, so that only the chance of a level can be told",
                why="a single number of a continuous variable has probability 0",
                fix=f"ask for its expectation, or define a variable indicator({target.variable} > …)",
            )


def _outcome(question: Question, columns: Sequence[Floats], draws: int) -> Floats:
    def column(spot: int | Held) -> Floats:
        return np.full(draws, spot.value) if isinstance(spot, Held) else columns[spot]

    if question.quantity == "E":
        outcome = np.zeros(draws)
        for c, target, spot in zip(question.coefficients, question.targets, question.spots, strict=True):
            outcome = outcome + c * column_over(question.structural.rule(target.variable), column(spot))
        return outcome
    holds = np.ones(draws, dtype=np.bool_)
    for target, spot in zip(question.targets, question.spots, strict=True):
        number = held_at(question.structural.rule(target.variable), target.value if target.value is not None else 0)
        holds &= np.abs(column(spot) - number) <= ROUNDING * max(1.0, abs(number))
    return holds.astype(float)


def _weighed(question: Question, facts: Mapping[int, float], draws: int, seed: int) -> tuple[list[Floats], Floats]:
    """Return each copy in each draw, and the log weights: noise that the facts tell is solved for, the rest drawn."""
    structural, net = question.structural, question.net
    uniforms = noise(structural, draws, seed)
    columns: list[Floats] = [np.zeros(0)] * len(net.copies)
    log_weight = np.zeros(draws)
    for name in net.variables:
        rule, copies = structural.rule(name), net.of(name)
        solved = Solved(noise_from(rule, uniforms[name]), np.zeros(draws))
        parents = {i: _parents(rule.parents, net.copies[i].parents, columns, draws) for i in copies}
        for i in copies:
            if i in facts:
                columns[i] = np.full(draws, facts[i])
                solve(rule, columns[i], parents[i], solved, question.parameters)
        log_weight += solved.log_weight
        for index, low in solved.low.items():
            width = solved.high[index] - low
            uniform = solved.noise[index]
            if isinstance(uniform, Scores):
                raise TypeError("a stretch of uniform numbers is standard noise")
            with np.errstate(divide="ignore"):
                log_weight += np.log(width)
            solved.noise[index] = np.clip(low + width * uniform, HALF_STEP, NEAREST)
        for i in copies:
            if i not in facts:
                found = evaluate(rule.node, parents[i], solved.noise, question.parameters)
                columns[i] = np.broadcast_to(found, (draws,))
                log_weight = np.where(np.isfinite(columns[i]) | np.isneginf(log_weight), log_weight, np.nan)
    if np.isnan(log_weight).any():
        raise EstimationError.because("E541", "a variable has no value in some draws")
    return columns, log_weight


def _parents(
    names: Sequence[str], spots: Sequence[int | Held], columns: Sequence[Floats], rows: int
) -> dict[str, Floats]:
    return {
        name: np.full(rows, spot.value) if isinstance(spot, Held) else columns[spot]
        for name, spot in zip(names, spots, strict=True)
    }
