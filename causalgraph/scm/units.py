"""What each unit would have been at each level of a treatment: both potential outcomes side by side.

Source: D. B. Rubin, "Estimating causal effects of treatments", J. Educ. Psychol. 66 (1974) 688-701,
doi:10.1037/h0037350; J. Pearl, Causality, 2nd ed. (2009), theorem 7.1.7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from causalgraph.errors import DataError, EstimationError
from causalgraph.scm.abduction import Solved, noise_from, solve
from causalgraph.scm.expressions import evaluate
from causalgraph.scm.simulate import column_of, frame, held_at, noise
from causalgraph.scm.structural import Rule, Structural
from causalgraph.scm.supports import column_over

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["of_rows", "simulated"]

Floats = NDArray[np.float64]


def simulated(
    structural: Structural,
    treatment: str,
    outcome: str,
    rows: int,
    *,
    levels: Sequence[str | float] = (0, 1),
    seed: int = 0,
    parameters: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Return simulated units: what is observed, the outcome at each level of the treatment, and each one's effect.

    All columns share the noise: row i is one unit. The effect is the outcome at the last level less that at the first.

    Raises:
        ModelError: an unknown variable (E145) or level (E204).
        EstimationError: the outcome's levels are words (E546).
    """
    uniforms = noise(structural, rows, seed)
    observed = column_of(structural, uniforms, rows, parameters=parameters)
    worlds = [column_of(structural, uniforms, rows, do={treatment: x}, parameters=parameters)[outcome] for x in levels]
    return _beside(structural, frame(structural, observed), treatment, outcome, levels, worlds)


def of_rows(
    structural: Structural,
    data: pd.DataFrame,
    treatment: str,
    outcome: str,
    *,
    levels: Sequence[str | float] = (0, 1),
    parameters: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Return the potential outcomes of observed units, whose noise their rows tell.

    Raises:
        DataError: a variable has no column (E301), or a value that it can't have (E302).
        EstimationError: the rows leave noise open that matters (E549), or a row is impossible in this model (E547).
    """
    known = parameters or {}
    rows = len(data)
    columns = {name: _column(structural.rule(name), data) for name in structural.names if name in data}
    affected = _between(structural, treatment, outcome)
    told: dict[str, Solved] = {}
    for name in affected:
        rule = structural.rule(name)
        missing = next((p for p in (name, *rule.parents) if p not in columns), None)
        if missing is not None:
            raise DataError.because("E301", f"there is no column {missing}, which the noise of {name} depends on")
        solved = Solved(noise_from(rule, [np.full(rows, 0.5) for _ in range(rule.draws)]), np.zeros(rows))
        solve(rule, columns[name], columns, solved, known)
        if np.any(np.isneginf(solved.log_weight)):
            raise EstimationError.because("E547", f"a row's {name} is impossible in this model")
        open_draws = [i for i in range(rule.draws) if not solved.told.get(i, np.zeros(1, dtype=np.bool_)).all()]
        if open_draws:
            raise EstimationError.because(
                "E549",
                f"the rows don't tell the noise of {name}",
                why="more than one value of the noise gives what was observed",
                fix="ask for the expectation: E(Y[X=0] | …) of a unit's facts",
            )
        told[name] = solved
    worlds = []
    for level in levels:
        world = {**columns, treatment: np.full(rows, held_at(structural.rule(treatment), level))}
        for name in affected:
            found = evaluate(structural.rule(name).node, world, told[name].noise, known)
            world[name] = np.broadcast_to(found, (rows,))
        worlds.append(world[outcome])
    return _beside(structural, data.copy(), treatment, outcome, levels, worlds)


def _between(structural: Structural, treatment: str, outcome: str) -> list[str]:
    """Return the variables on causal paths from the treatment to the outcome, but the treatment, in order."""
    below, above = {treatment}, {outcome}
    for rule in structural.rules:
        if below & set(rule.parents) and rule.name != treatment:
            below.add(rule.name)
    for rule in reversed(structural.rules):
        if rule.name in above and rule.name != treatment:
            above.update(rule.parents)
    structural.rule(treatment)
    structural.rule(outcome)
    needed = (below & above) | {outcome}
    return [name for name in structural.names if name in needed and name != treatment]


def _column(rule: Rule, data: pd.DataFrame) -> Floats:
    """Return a column as numbers, or places of levels."""
    values = data[rule.name].to_numpy()
    try:
        if not rule.levels:
            found = np.asarray(values, dtype=float)
        else:
            places = {v: rule.place(str(v)) for v in dict.fromkeys(values.tolist())}
            found = np.array([places[v] for v in values.tolist()], dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError.because("E302", f"a value of {rule.name} can't be read") from error
    if not np.isfinite(found).all():
        raise DataError.because("E302", f"a value of {rule.name} is missing, or none that it can have")
    return found


def _beside(
    structural: Structural,
    table: pd.DataFrame,
    treatment: str,
    outcome: str,
    levels: Sequence[str | float],
    worlds: Sequence[Floats],
) -> pd.DataFrame:
    rule = structural.rule(outcome)
    numbers = [column_over(rule, w) for w in worlds]
    for level, column in zip(levels, numbers, strict=True):
        table[f"{outcome}[{treatment}={level}]"] = column
    table["effect"] = numbers[-1] - numbers[0]
    return table
