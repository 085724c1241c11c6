"""Exact answers of discrete structural models: laws as tables, multiplied and summed one variable at a time.

Source: R. Dechter, "Bucket elimination", Artif. Intell. 113 (1999) 41-85, doi:10.1016/S0004-3702(99)00059-4.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from causalgraph.errors import EstimationError
from causalgraph.scm.simulate import held_at
from causalgraph.scm.structural import Structural
from causalgraph.scm.supports import CELLS, column_over, law_of, place_of
from causalgraph.variables import level_text

__all__ = ["Factor", "Joint", "contracted", "exact", "expectation", "probability", "values_of"]

Floats = NDArray[np.float64]
# A table has no more axes than this.
MOST_AXES = 32


@dataclass(frozen=True)
class Factor:
    """An array of numbers with a name for each axis."""

    axes: tuple[Hashable, ...]
    table: Floats

    def at(self, places: Mapping[Hashable, int]) -> Factor:
        """Return the part where some axes are fixed."""
        if not places.keys() & set(self.axes):
            return self
        index = tuple(places.get(axis, slice(None)) for axis in self.axes)
        return Factor(tuple(a for a in self.axes if a not in places), np.asarray(self.table[index]))


@dataclass(frozen=True)
class Joint:
    """The distribution of some variables.

    Attributes:
        names: the variables.
        supports: the values of each, as its column holds them: numbers, or places of levels.
        levels: the same as they are written.
        table: the probabilities, one axis for each variable.
    """

    names: tuple[str, ...]
    supports: tuple[Floats, ...]
    levels: tuple[tuple[str, ...], ...]
    table: Floats

    def rows(self) -> list[dict[str, str | float]]:
        """Return one row for each combination of levels, with its probability under ``value``."""
        return [
            {
                **{n: levels[i] for n, levels, i in zip(self.names, self.levels, cell, strict=True)},
                "value": float(self.table[cell]),
            }
            for cell in np.ndindex(self.table.shape)
        ]


def contracted(factors: Iterable[Factor], keep: Sequence[Hashable], *, limit: int = CELLS) -> Floats:
    """Return the product of factors, summed over all axes but those to keep, which come out in that order.

    One axis after another is summed out of the factors that hold it, first the one whose table is the smallest.

    Raises:
        EstimationError: a table would have more than `limit` cells (E545).
    """
    left = list(factors)
    sizes = {axis: n for f in left for axis, n in zip(f.axes, f.table.shape, strict=True)}
    summed = set(sizes) - set(keep)
    holding: dict[Hashable, set[int]] = {axis: set() for axis in sizes}
    live = dict(enumerate(left))
    for number, factor in live.items():
        for axis in factor.axes:
            holding[axis].add(number)
    order = {axis: place for place, axis in enumerate(sizes)}
    costs = {axis: _cost(axis, live, holding, sizes) for axis in summed}
    while summed:
        axis = min(summed, key=lambda a: (costs[a], order[a]))
        summed.remove(axis)
        joined = [live.pop(number) for number in sorted(holding[axis])]
        for number in list(holding[axis]):
            for members in holding.values():
                members.discard(number)
        axes = tuple(dict.fromkeys(a for f in joined for a in f.axes if a != axis))
        made = _product(joined, axes, sizes, limit)
        number = len(left)
        left.append(made)
        live[number] = made
        for a in axes:
            holding[a].add(number)
        for a in summed & set(axes):
            costs[a] = _cost(a, live, holding, sizes)
    missing = [k for k in keep if k not in sizes]
    if missing:
        raise KeyError(missing)
    return _product(list(live.values()), tuple(keep), sizes, limit).table


def _cost(
    axis: Hashable,
    live: Mapping[int, Factor],
    holding: Mapping[Hashable, set[int]],
    sizes: Mapping[Hashable, int],
) -> int:
    return prod(sizes[a] for a in {a for number in holding[axis] for a in live[number].axes})


def _product(
    factors: Sequence[Factor], axes: tuple[Hashable, ...], sizes: Mapping[Hashable, int], limit: int
) -> Factor:
    """Multiply factors two at a time, summing what isn't among `axes` at the end."""
    if not factors:
        return Factor(axes, np.ones([sizes[a] for a in axes]))
    ordered = sorted(factors, key=lambda f: f.table.size)
    made = ordered[0]
    for place, factor in enumerate(ordered[1:], start=2):
        whole = tuple(dict.fromkeys([*made.axes, *factor.axes]))
        kept = tuple(a for a in whole if a in axes) if place == len(ordered) else whole
        _within(whole, sizes, limit)
        made = Factor(kept, _einsum([made, factor], kept))
    return Factor(axes, _einsum([made], axes))


def _einsum(factors: Sequence[Factor], axes: Sequence[Hashable]) -> Floats:
    number = {a: i for i, a in enumerate(dict.fromkeys(a for f in factors for a in f.axes))}
    operands: list[object] = []
    for factor in factors:
        operands += [factor.table, [number[a] for a in factor.axes]]
    return np.asarray(np.einsum(*operands, [number[a] for a in axes]))  # type: ignore[call-overload]  # operands by pairs


def _within(axes: Sequence[Hashable], sizes: Mapping[Hashable, int], limit: int) -> None:
    cells = prod(sizes[a] for a in axes)
    if cells > limit or len(axes) > MOST_AXES:
        raise EstimationError.because(
            "E545",
            f"an exact answer takes a table of {cells:,} cells over {len(axes)} variables, and the limit is {limit:,}",
            why="variables are summed out one by one, and these depend on one another",
            fix="simulate the model instead, or ask about variables with fewer causes in common",
        )


def values_of(structural: Structural, name: str, support: Floats) -> tuple[str, ...]:
    """Return values as they are written: levels as words."""
    levels = structural.rule(name).levels
    return tuple(levels[int(v)] if levels else level_text(float(v)) for v in support)


def exact(
    structural: Structural,
    outcomes: Sequence[str],
    *,
    do: Mapping[str, str | float] | None = None,
    given: Mapping[str, str | float] | None = None,
    parameters: Mapping[str, float] | None = None,
    limit: int = CELLS,
) -> Joint:
    """Return P(outcomes | do, given) of a discrete structural model, exactly; latent variables are summed out.

    Args:
        structural: the equations.
        outcomes: whose joint distribution is asked.
        do: what is set to which level or number.
        given: what is observed, after setting.
        parameters: the values of free parameters.
        limit: the most cells of a table.

    Raises:
        ModelError: an unknown variable (E145) or level (E204), or a free parameter without a value (E148).
        EstimationError: a variable that matters has infinitely many values (E546), a table is too large (E545), or what
            is given has probability 0 (E547).

    Source: Dechter (1999); the truncated factorisation, J. Pearl, Causality, 2nd ed. (2009), section 3.2.3.
    """
    known, seen = structural.settled(parameters), given or {}
    fixed = {name: held_at(structural.rule(name), level) for name, level in (do or {}).items()}
    facts = {name: held_at(structural.rule(name), level) for name, level in seen.items()}
    factors, supports = _laws(structural, [*outcomes, *facts], fixed, known)
    places: dict[Hashable, int] = {}
    for name, value in facts.items():
        place = place_of(supports[name], value)
        if place < 0:
            raise _never(seen)
        places[name] = place
    asked = tuple(dict.fromkeys(outcomes))
    free = [name for name in asked if name not in facts]
    table = contracted([f.at(places) for f in factors], free, limit=limit)
    total = float(table.sum())
    if total <= 0:
        raise _never(seen)
    table = table / total
    for axis, name in enumerate(asked):
        if name in facts:
            whole = np.zeros(len(supports[name]))
            whole[places[name]] = 1.0
            table = np.moveaxis(np.multiply.outer(table, whole), -1, axis)
    levels = tuple(values_of(structural, n, supports[n]) for n in asked)
    return Joint(asked, tuple(supports[n] for n in asked), levels, table)


def _laws(
    structural: Structural, wanted: Sequence[str], fixed: Mapping[str, float], parameters: Mapping[str, float]
) -> tuple[list[Factor], dict[str, Floats]]:
    """Return the law of each variable that the wanted ones descend from, and the values that each can have."""
    needed = structural.needed(wanted, fixed)
    factors, supports = [], {}
    for rule in structural.rules:
        if rule.name not in needed:
            continue
        if rule.name in fixed:
            supports[rule.name] = np.array([fixed[rule.name]])
            factors.append(Factor((rule.name,), np.ones(1)))
            continue
        law = law_of(rule, supports, parameters)
        supports[rule.name] = law.support
        factors.append(Factor((*law.parents, rule.name), law.table))
    return factors, supports


def _never(given: Mapping[str, str | float]) -> EstimationError:
    said = ", ".join(f"{name}={level}" for name, level in given.items())
    return EstimationError.because(
        "E547", f"{said} has probability 0 in this model", why="nothing can be said of what never happens"
    )


def probability(
    structural: Structural,
    event: Mapping[str, str | float],
    *,
    do: Mapping[str, str | float] | None = None,
    given: Mapping[str, str | float] | None = None,
    parameters: Mapping[str, float] | None = None,
) -> float:
    """Return P(event | do, given); raises what `exact` does."""
    joint = exact(structural, tuple(event), do=do, given=given, parameters=parameters)
    cell = []
    for name, support in zip(joint.names, joint.supports, strict=True):
        place = place_of(support, held_at(structural.rule(name), event[name]))
        if place < 0:
            return 0.0
        cell.append(place)
    return float(joint.table[tuple(cell)])


def expectation(
    structural: Structural,
    outcome: str,
    *,
    do: Mapping[str, str | float] | None = None,
    given: Mapping[str, str | float] | None = None,
    parameters: Mapping[str, float] | None = None,
) -> float:
    """Return E(outcome | do, given); raises what `exact` does, and E546 where the outcome's levels are words."""
    joint = exact(structural, (outcome,), do=do, given=given, parameters=parameters)
    return float(joint.table @ column_over(structural.rule(outcome), joint.supports[0]))
