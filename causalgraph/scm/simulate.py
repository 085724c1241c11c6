"""Data from structural equations, as they are or under an intervention."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from causalgraph.errors import EstimationError, ModelError
from causalgraph.scm.expressions import evaluate
from causalgraph.scm.reading import BINARY
from causalgraph.scm.structural import Rule, Structural

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HALF_STEP", "NEAREST", "column_of", "frame", "held_at", "noise", "simulate"]

Floats = NDArray[np.float64]
# The uniform numbers' distance from 0 and 1, where a normal quantile is infinite.
HALF_STEP, NEAREST = 2.0**-54, 1 - 2.0**-53


def noise(structural: Structural, rows: int, seed: int) -> dict[str, tuple[Floats, ...]]:
    """Return the uniform numbers of each variable: for each of its draws ``(rows,)``.

    Each draw has a stream of its own, made from the seed, the variable's name and the draw's index, so that setting or
    adding a variable leaves the others' noise as it is.
    """
    return {
        rule.name: tuple(
            # Adding half a step to the last number below 1 would round to 1.
            np.minimum(np.random.default_rng([seed, _stream(rule.name), index]).random(rows) + HALF_STEP, NEAREST)
            for index in range(rule.draws)
        )
        for rule in structural.rules
    }


def _stream(name: str) -> int:
    """Return a number that two names don't share."""
    return int.from_bytes(sha256(name.encode()).digest()[:16])


def simulate(
    structural: Structural,
    rows: int,
    *,
    seed: int = 0,
    do: Mapping[str, str | float] | None = None,
    parameters: Mapping[str, float] | None = None,
) -> dict[str, Floats]:
    """Draw rows from structural equations: a column of numbers, or of places of levels, for each variable.

    Args:
        structural: the equations.
        rows: how many.
        seed: of the noise; the same seed gives the same units under each intervention.
        do: what is set to which level or number; its equation is left out.
        parameters: the values of free parameters.

    Raises:
        ModelError: a variable without an equation is set (E145), at a level that it doesn't have (E204), or a free
            parameter has no value (E148).
        EstimationError: a parameter of a distribution is out of its limits (E540), or a column has no value (E541).
    """
    return column_of(structural, noise(structural, rows, seed), rows, do=do, parameters=parameters)


def column_of(
    structural: Structural,
    uniforms: Mapping[str, tuple[Floats, ...]],
    rows: int,
    *,
    do: Mapping[str, str | float] | None = None,
    parameters: Mapping[str, float] | None = None,
) -> dict[str, Floats]:
    """Compute all columns from given noise; see `simulate`."""
    known = structural.settled(parameters)
    fixed = {name: held_at(structural.rule(name), level) for name, level in (do or {}).items()}
    columns: dict[str, Floats] = {}
    for rule in structural.rules:
        if rule.name in fixed:
            columns[rule.name] = np.full(rows, fixed[rule.name])
            continue
        found = np.broadcast_to(evaluate(rule.node, columns, uniforms[rule.name], known), (rows,))
        wrong = ~np.isfinite(found)
        if wrong.any():
            raise EstimationError.because(
                "E541",
                f"{rule.name} has no value in {int(wrong.sum()):,} of {rows:,} rows",
                why="its equation takes a logarithm or root of a negative number, divides by zero, or overflows",
            )
        columns[rule.name] = found
    return columns


def held_at(rule: Rule, level: str | float) -> float:
    """Return the number, or the place of the level, at which a variable is set.

    Raises:
        ModelError: it has no such level (E204).
    """
    if not rule.levels:
        try:
            number = float(level)
        except ValueError:
            number = float("nan")
        if not isfinite(number):
            raise ModelError.because("E204", f"{rule.name} is a number, and {level!r} is none")
        return number
    place = rule.place(str(level))
    if place is None:
        raise ModelError.because(
            "E204", f"{rule.name} has no level {level}", fix=f"its levels are {', '.join(rule.levels)}"
        )
    return float(place)


def frame(structural: Structural, columns: Mapping[str, Floats]) -> pd.DataFrame:
    """Return columns as a frame: levels as words, 0 and 1 and counts as whole numbers; without latent variables."""
    import pandas as pd

    shown = {}
    for rule in structural.rules:
        if rule.name not in structural.graph.latent:
            shown[rule.name] = _shown(rule, columns[rule.name])
    return pd.DataFrame(shown)


def _shown(rule: Rule, column: Floats) -> NDArray[np.generic]:
    if rule.levels and rule.levels != BINARY:
        return np.asarray(rule.levels, dtype=object)[column.astype(np.intp)]
    if len(column) and np.all(column == np.floor(column)) and np.abs(column).max() < 2**53:
        return column.astype(np.int64)
    return column
