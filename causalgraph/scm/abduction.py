"""From what is known of a unit to its noise, and on to what it would be in other worlds.

Where an equation can be solved for a draw, an observed value tells the noise; where it can't because causes are
unobserved, those are drawn, the noise follows, and each draw counts by the density of what is known.

Source: J. Pearl, Causality, 2nd ed. (2009), theorem 7.1.7 (abduction, action, prediction); R. M. Neal, "Annealed
importance sampling", Stat. Comput. 11 (2001), section 1, doi:10.1023/A:1008923215028 (self-normalised weights).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from causalgraph.errors import EstimationError
from causalgraph.scm.distributions import DISTRIBUTIONS
from causalgraph.scm.expressions import (
    Apply,
    Case,
    Choice,
    Constant,
    Draw,
    Node,
    Noise,
    Ref,
    Scores,
    by_level,
    chosen,
    draws_of,
    evaluate,
    parameters_of,
    refs_of,
    walk,
)
from causalgraph.scm.likelihood import undone
from causalgraph.scm.simulate import HALF_STEP, NEAREST
from causalgraph.scm.structural import Rule

__all__ = ["Solved", "additive", "continuous", "noise_from", "solve"]

Floats = NDArray[np.float64]
# What an equation gives counts as what is known where the two differ by rounding.
ROUNDING = 1e-9


@dataclass
class Solved:
    """The noise of one variable as far as it is known.

    Attributes:
        noise: of each draw, by index ``(n,)``.
        log_weight: the log density, or probability, of what is known, given the parents and the other draws ``(n,)``.
        low: of draws that have a whole stretch of the unit interval, where it starts, by index ``(n,)``.
        high: likewise where it ends.
        told: in which rows each draw's noise is told exactly, by index ``(n,)``.
    """

    noise: list[Noise]
    log_weight: Floats
    low: dict[int, Floats] = field(default_factory=dict)
    high: dict[int, Floats] = field(default_factory=dict)
    told: dict[int, NDArray[np.bool_]] = field(default_factory=dict)


def continuous(node: Node) -> bool:
    """Whether something below a node is drawn from a continuous distribution."""
    return any(isinstance(n, Draw) and DISTRIBUTIONS[n.distribution].kind == "continuous" for n in walk(node))


def additive(node: Node) -> bool:
    """Whether an equation only adds noise, so that worlds differ by the same whatever the noise is.

    >>> additive(Apply("+", (Constant(3.0), Draw("Normal", (Constant(0.0), Constant(1.0)), 0))))
    True
    """
    match node:
        case Apply("+" | "-", arguments):
            return all(map(additive, arguments))
        case Draw(distribution, arguments, _):
            made = DISTRIBUTIONS[distribution]
            moved = made.scale.moved if made.scale else ()
            return all(
                additive(a) if name in moved else not refs_of(a) and not draws_of(a)
                for name, a in zip(made.parameters, arguments, strict=True)
            )
        case Choice(shares, _):
            return not any(map(refs_of, shares))
        case _:
            return not draws_of(node)


def noise_from(rule: Rule, uniforms: Sequence[Floats]) -> list[Noise]:
    """Return noise of all draws: standard noise where the distribution has it and its shape is fixed, else uniform."""
    found: list[Noise] = list(uniforms)
    for draw in draws_of(rule.node):
        if not isinstance(draw, Draw):
            continue
        scale = DISTRIBUTIONS[draw.distribution].scale
        if scale is None:
            continue
        shapes = draw.arguments[: scale.shapes]
        if all(isinstance(a, Constant) for a in shapes):
            numbers = [a.value for a in shapes if isinstance(a, Constant)]
            rest = [1.0] * (len(draw.arguments) - len(numbers))
            found[draw.index] = Scores(scale.standard(uniforms[draw.index], *numbers, *rest))
    return found


def solve(
    rule: Rule, known: Floats, columns: Mapping[str, Floats], solved: Solved, parameters: Mapping[str, float]
) -> None:
    """Solve an equation for one of its draws, in place; its other draws stay as they are.

    Args:
        rule: the equation.
        known: what the variable is ``(n,)``.
        columns: its parents ``(n,)`` each.
        solved: its noise, which takes the answer.
        parameters: the values of free parameters.

    Raises:
        EstimationError: the equation can't be solved for a draw (E549).
    """
    _Solver(rule.name, solved, parameters).solve(rule.node, known, columns, np.arange(len(known)))


@dataclass
class _Solver:
    name: str
    solved: Solved
    parameters: Mapping[str, float]

    def value(self, node: Node, columns: Mapping[str, Floats], rows: NDArray[np.intp]) -> Floats:
        found = evaluate(node, columns, [noise[rows] for noise in self.solved.noise], self.parameters)
        return np.broadcast_to(found, (len(rows),))

    def weigh(self, rows: NDArray[np.intp], logs: Floats) -> None:
        self.solved.log_weight[rows] += np.where(np.isnan(logs), -np.inf, logs)

    def solve(self, node: Node, known: Floats, columns: Mapping[str, Floats], rows: NDArray[np.intp]) -> None:
        match node:
            case Case(variable, branches):
                for own, branch, kept in by_level(variable, branches, columns):
                    self.solve(branch, known[own], kept, rows[own])
            case Draw():
                self.draw(node, known, columns, rows)
            case Choice(shares, index):
                values = [self.value(s, columns, rows) for s in shares]
                chosen(np.full(len(rows), 0.5), values)
                ends = np.concatenate([np.zeros((1, len(rows))), np.cumsum(values, axis=0)])
                ends[-1] = 1.0
                at = known.astype(np.intp)
                one = np.arange(len(rows))
                self.stretch(index, np.asarray(ends[at, one]), np.asarray(ends[at + 1, one]), rows)
            case Apply(function, arguments) if draws_of(node):
                self.apply(function, arguments, known, columns, rows)
            case _:
                found = self.value(node, columns, rows)
                same = np.abs(found - known) <= ROUNDING * np.maximum(1.0, np.abs(known))
                self.weigh(rows, np.where(same, 0.0, -np.inf))

    def draw(self, draw: Draw, known: Floats, columns: Mapping[str, Floats], rows: NDArray[np.intp]) -> None:
        made, index = DISTRIBUTIONS[draw.distribution], draw.index
        values = parameters_of(draw.distribution, [self.value(a, columns, rows) for a in draw.arguments])
        if made.kind != "continuous":
            whole = known == np.floor(known)
            low: Floats = made.share_below(known - 1, *values)
            high: Floats = made.share_below(known, *values)
            self.stretch(index, low, np.where(whole, high, low), rows)
            return
        before = self.solved.told.setdefault(index, np.zeros(len(self.solved.log_weight), dtype=np.bool_))
        if before[rows].any():
            again = self.value(draw, columns, rows)
            same = np.abs(again - known) <= ROUNDING * np.maximum(1.0, np.abs(known))
            self.weigh(rows, np.where(same, 0.0, -np.inf))
            return
        before[rows] = True
        logs = made.log_density(known, *values)
        self.weigh(rows, logs)
        # Where there is no density the row counts for nothing, and its noise may be any.
        possible = np.isfinite(logs)
        at, noise = rows[possible], self.solved.noise[index]
        kept = [np.broadcast_to(v, (len(rows),))[possible] for v in values]
        if isinstance(noise, Scores) and made.scale is not None:
            noise.values[at] = made.scale.noise(known[possible], *kept)
        elif not isinstance(noise, Scores):
            noise[at] = np.clip(made.share_below(known[possible], *kept), HALF_STEP, NEAREST)

    def stretch(self, index: int, low: Floats, high: Floats, rows: NDArray[np.intp]) -> None:
        """Narrow the stretch of the unit interval that a draw's number lies in."""
        n = len(self.solved.log_weight)
        lows = self.solved.low.setdefault(index, np.zeros(n))
        highs = self.solved.high.setdefault(index, np.ones(n))
        lows[rows] = np.maximum(lows[rows], low)
        highs[rows] = np.maximum(np.minimum(highs[rows], high), lows[rows])

    def apply(
        self,
        function: str,
        arguments: Sequence[Node],
        known: Floats,
        columns: Mapping[str, Floats],
        rows: NDArray[np.intp],
    ) -> None:
        """Undo one operation on the side that is solved for; the logs of the slope go to the density."""
        # A continuous draw gives a density where a discrete one gives none.
        order = sorted(range(len(arguments)), key=lambda i: (not continuous(arguments[i]), not draws_of(arguments[i])))
        side = order[0]
        other = self.value(arguments[1 - side], columns, rows) if len(arguments) == 2 else known
        with np.errstate(all="ignore"):
            inner, slope = _undone(self.name, function, side, known, other)
            lies_in = np.isfinite(inner)
            # A second world that knows the same draw adds no density.
            told = [self.solved.told.get(d.index) for d in draws_of(arguments[side])]
            if continuous(arguments[side]) and not any(t is not None and t[rows].any() for t in told):
                self.weigh(rows, np.log(np.abs(slope)))
        self.weigh(rows, np.where(lies_in, 0.0, -np.inf))
        good = np.flatnonzero(lies_in)
        kept = {name: columns[name][good] for node in arguments for name in refs_of(node)}
        self.solve(arguments[side], inner[good], kept, rows[good])


def _undone(name: str, function: str, side: int, known: Floats, other: Floats) -> tuple[Floats, Floats]:
    """Return the argument on one side that gives what is known, and the derivative of that argument by it."""
    found = undone(function, side, Ref("known"), Ref("other"))
    if found is None:
        raise EstimationError.because(
            "E549",
            f"the equation of {name} can't be solved for its noise: {function} isn't one to one",
            why="what is known of the variable then leaves its noise open in a way that draws can't be weighed by",
            fix=f"write the noise as a latent variable of its own, or don't condition on {name}",
        )
    inner, slope = (evaluate(node, {"known": known, "other": other}, (), {}) for node in found)
    return inner, slope
