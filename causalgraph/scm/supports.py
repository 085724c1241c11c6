"""Variables with finitely many values: what each can be, how likely, and which noise makes it so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np
from numpy.typing import NDArray

from causalgraph.errors import EstimationError
from causalgraph.scm.expressions import (
    FUNCTIONS,
    Apply,
    Case,
    Choice,
    Constant,
    Draw,
    Free,
    Node,
    Ref,
    by_level,
    chosen,
    draws_of,
    evaluate,
    parameters_of,
)
from causalgraph.scm.structural import Rule

__all__ = ["CELLS", "Law", "Response", "column_over", "law_of", "place_among", "place_of", "response_of", "support_of"]

Floats = NDArray[np.float64]
# Tables larger than this aren't made; 1e7 numbers take 80 MB.
CELLS = 10_000_000
# Values, and cuts of the unit interval, nearer than rounding are one.
ROUNDING = 1e-12
NEAREST_CUTS = 4 * np.finfo(float).eps


@dataclass(frozen=True)
class Law:
    """The distribution of a variable given its parents.

    Attributes:
        parents: the variables that it depends on.
        support: its values ``(s,)`` in ascending order: numbers, or places of levels.
        table: the probabilities, with one axis for each parent's support and the last for its own.
    """

    parents: tuple[str, ...]
    support: Floats
    table: Floats


@dataclass(frozen=True)
class Response:
    """How a variable answers to its parents, for each part of its noise.

    Attributes:
        parents: the variables that it depends on.
        support: its values ``(s,)``.
        weights: how likely each part of the noise is ``(c,)``; one part holds all noise with the same answers.
        answers: the place in the support, with one axis for each parent's support and the last for the noise.
    """

    parents: tuple[str, ...]
    support: Floats
    weights: Floats
    answers: NDArray[np.intp]


@dataclass
class _Branches:
    """All that can come about in rows of parents' values; `cuts` are where a draw changes its answer, by index."""

    parameters: Mapping[str, float]
    name: str
    cuts: dict[int, list[Floats]] = field(default_factory=dict)

    def of(self, node: Node, columns: Mapping[str, Floats], rows: int) -> list[tuple[Floats, Floats]]:
        """Return weights ``(rows,)`` and values ``(rows,)`` of every outcome."""
        match node:
            case Constant() | Ref() | Free():
                return [(np.ones(rows), np.broadcast_to(evaluate(node, columns, (), self.parameters), (rows,)))]
            case Apply(function, arguments):
                with np.errstate(all="ignore"):
                    return [
                        (weight, np.asarray(FUNCTIONS[function][1](*values), dtype=float))
                        for weight, values in self.jointly(arguments, columns, rows)
                    ]
            case Case(variable, branches):
                out = []
                for own, branch, kept in by_level(variable, branches, columns):
                    for weight, values in self.of(branch, kept, len(own)):
                        whole, filled = np.zeros(rows), np.zeros(rows)
                        whole[own], filled[own] = weight, values
                        out.append((whole, filled))
                return out
            case Choice(shares, index):
                return self.choice(shares, index, columns, rows)
            case Draw("Bernoulli", arguments, index):
                out = []
                for weight, given in self.jointly(arguments, columns, rows):
                    (p,) = parameters_of("Bernoulli", given)
                    self.cut(index, (1 - p)[weight > 0])
                    out += [(weight * (1 - p), np.zeros(rows)), (weight * p, np.ones(rows))]
                return out
            case Draw(distribution, _, _):
                raise EstimationError.because(
                    "E546",
                    f"{self.name} draws from {distribution}, which has infinitely many values",
                    why="exact tables need finitely many values of every variable that matters",
                    fix="simulate the model, or ask the counterfactual, which then weighs draws",
                )

    def cut(self, index: int, at: Floats) -> None:
        self.cuts.setdefault(index, []).append(at)

    def jointly(
        self, nodes: Sequence[Node], columns: Mapping[str, Floats], rows: int
    ) -> list[tuple[Floats, list[Floats]]]:
        """Return the outcomes of several nodes together: their draws are independent."""
        found: list[tuple[Floats, list[Floats]]] = [(np.ones(rows), [])]
        for node in nodes:
            own = self.of(node, columns, rows)
            if rows * len(found) * len(own) > CELLS:
                raise _too_large(self.name)
            found = [(w * v, [*values, value]) for w, values in found for v, value in own]
        return found

    def choice(
        self, shares: Sequence[Node], index: int, columns: Mapping[str, Floats], rows: int
    ) -> list[tuple[Floats, Floats]]:
        out = []
        for weight, values in self.jointly(shares, columns, rows):
            some = weight > 0
            chosen(np.full(int(some.sum()), 0.5), [v[some] for v in values])  # refuses shares that are none
            for end in np.cumsum(values, axis=0)[:-1]:
                self.cut(index, end[weight > 0])
            out += [(weight * share, np.full(rows, float(place))) for place, share in enumerate(values)]
        return out


def _too_large(name: str) -> EstimationError:
    return EstimationError.because(
        "E545",
        f"the table of {name} has more than {CELLS:,} cells",
        why="exact tables grow with the product of the values of the parents",
        fix="simulate the model instead, or split the equation by a variable in between",
    )


def _grid(name: str, parents: Sequence[str], supports: Mapping[str, Floats]) -> tuple[dict[str, Floats], int]:
    """Return every combination of the parents' values as columns, and how many there are."""
    rows = prod(len(supports[p]) for p in parents)
    if rows > CELLS:
        raise _too_large(name)
    mesh = np.meshgrid(*(supports[p] for p in parents), indexing="ij")
    return {p: axis.ravel() for p, axis in zip(parents, mesh, strict=True)}, rows


def support_of(values: Floats) -> Floats:
    """Return the distinct values, in order; those that differ by rounding are one.

    >>> support_of(np.array([0.3, 1.0, 0.1 + 0.2])).tolist()
    [0.3, 1.0]
    """
    ordered = np.unique(values)
    near = ROUNDING * np.maximum(1.0, np.abs(ordered[1:]))
    return np.asarray(ordered[np.concatenate([[True], np.diff(ordered) > near])])


def place_among(support: Floats, values: Floats) -> NDArray[np.intp]:
    """Return the place of each value in a support, which holds it up to rounding; -1 where it doesn't.

    >>> place_among(np.array([0.0, 1.0]), np.array([1.0, 0.0, 0.5])).tolist()
    [1, 0, -1]
    """
    after = np.clip(np.searchsorted(support, values), 0, len(support) - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(np.abs(support[before] - values) <= np.abs(support[after] - values), before, after)
    # A run of values that differ by rounding each stands for its first.
    away = np.abs(support[nearest] - values) > 100 * ROUNDING * np.maximum(1.0, np.abs(values))
    return np.where(away, -1, nearest)


def place_of(support: Floats, value: float) -> int:
    """Return the place of one value in a support, or -1."""
    return int(place_among(support, np.array([value]))[0])


def law_of(rule: Rule, supports: Mapping[str, Floats], parameters: Mapping[str, float]) -> Law:
    """Return the exact distribution of a variable given its parents.

    Args:
        rule: how it comes about.
        supports: the values of each parent.
        parameters: the values of free parameters.

    Raises:
        EstimationError: it can have infinitely many values (E546), the table is too large (E545), a parameter of a
            distribution is out of its limits (E540), or a value is none (E541).
    """
    columns, rows = _grid(rule.name, rule.parents, supports)
    outcomes = [o for o in _Branches(parameters, rule.name).of(rule.node, columns, rows) if np.any(o[0] > 0)]
    weights = np.stack([w for w, _ in outcomes])
    values = np.stack([v for _, v in outcomes])
    if not np.isfinite(values[weights > 0]).all():
        raise _no_value(rule.name)
    support = support_of(values[weights > 0])
    if rows * len(support) > CELLS:
        raise _too_large(rule.name)
    table = np.zeros((rows, len(support)))
    for weight, value in zip(weights, values, strict=True):
        at = np.flatnonzero(weight > 0)
        table[at, place_among(support, value[at])] += weight[at]
    return Law(rule.parents, support, table.reshape([*(len(supports[p]) for p in rule.parents), len(support)]))


def _no_value(name: str) -> EstimationError:
    return EstimationError.because(
        "E541",
        f"{name} has no value for some values of its parents",
        why="its equation takes a logarithm or root of a negative number, divides by zero, or overflows",
    )


def response_of(rule: Rule, supports: Mapping[str, Floats], own: Floats, parameters: Mapping[str, float]) -> Response:
    """Return how a variable answers to its parents for each part of its noise.

    Each draw's uniform number is cut wherever the draw changes its answer for some values of the parents: within a part
    all answers are fixed. Worlds that share the noise are so coupled by the inverse distribution function, as simulated
    ones are.

    Args:
        rule: how it comes about.
        supports: the values of each parent.
        own: its own values ``(s,)``.
        parameters: the values of free parameters.

    Raises:
        EstimationError: as `law_of`.
    """
    columns, rows = _grid(rule.name, rule.parents, supports)
    found = _Branches(parameters, rule.name)
    found.of(rule.node, columns, rows)
    middles, widths = [], []
    for draw in draws_of(rule.node):
        ends = _parts(found.cuts.get(draw.index, []))
        middles.append((ends[1:] + ends[:-1]) / 2)
        widths.append(np.diff(ends))
    parts = prod(len(w) for w in widths)
    if rows * parts > CELLS:
        raise _too_large(rule.name)
    weights = np.ones(1)
    for width in widths:
        weights = np.multiply.outer(weights, width).ravel()
    noise = [np.tile(m.ravel(), rows) for m in np.meshgrid(*middles, indexing="ij")]
    repeated = {name: np.repeat(column, parts) for name, column in columns.items()}
    values = np.broadcast_to(evaluate(rule.node, repeated, noise, parameters), (rows * parts,))
    answers = place_among(own, values).reshape(rows, parts)
    # Parts with the same answers are one.
    distinct, part = np.unique(answers, axis=1, return_inverse=True)
    together = np.zeros(distinct.shape[1])
    np.add.at(together, part.ravel(), weights)
    shape = [*(len(supports[p]) for p in rule.parents), len(together)]
    table: NDArray[np.intp] = np.asarray(distinct, dtype=np.intp).reshape(shape)
    return Response(rule.parents, own, together, table)


def _parts(cuts: Sequence[Floats]) -> Floats:
    """Return where the parts of the unit interval end, from 0 to 1; parts as thin as rounding are none."""
    inner = np.unique(np.concatenate([np.ravel(c) for c in cuts])) if cuts else np.zeros(0)
    inner = inner[(inner > NEAREST_CUTS) & (inner < 1 - NEAREST_CUTS)]
    if len(inner):
        inner = inner[np.concatenate([[True], np.diff(inner) > NEAREST_CUTS])]
    return np.concatenate([[0.0], inner, [1.0]])


def column_over(rule: Rule, support: Floats) -> Floats:
    """Return what the values of a support count as in an expectation.

    Raises:
        EstimationError: its levels are words (E546).
    """
    numbers = rule.column.numbers
    if numbers is None:
        raise EstimationError.because(
            "E546",
            f"the levels of {rule.name} are words, which have no expectation",
            fix=f"ask for P({rule.name}=…)",
        )
    return np.asarray(numbers)[support.astype(np.intp)] if numbers else support
