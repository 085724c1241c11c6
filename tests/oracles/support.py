"""Support by loops over cells: which strata lack an arm, and how many people are in those that have them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["support_of"]

Row = Mapping[str, int]
Failing = list[tuple[dict[str, int], list[dict[str, int]], float]]


def _fits(row: Row, place: Mapping[str, int]) -> bool:
    return all(row[name] == code for name, code in place.items())


def support_of(
    cells: Sequence[tuple[Row, float]],
    arms: Sequence[Mapping[str, int]],
    covariates: Sequence[str],
    within: Mapping[str, int],
    population: Mapping[str, int],
) -> str | tuple[float, Failing, list[bool]]:
    """Return the mass, the failing strata (levels, arms that they lack, share) and the cells to keep, or an error."""
    inside = [(row, w) for row, w in cells if w > 0 and _fits(row, within)]
    if any(not any(_fits(row, place) for row, _ in inside) for place in (*arms, population)):
        return "E501"
    total = sum(w for row, w in inside if _fits(row, population))
    lacks: dict[tuple[int, ...], list[dict[str, int]]] = {}
    people: dict[tuple[int, ...], float] = {}
    for row, _ in cells:
        stratum = tuple(row[c] for c in covariates)
        if stratum in lacks:
            continue
        own = [(r, w) for r, w in inside if tuple(r[c] for c in covariates) == stratum]
        lacks[stratum] = [dict(arm) for arm in arms if not any(_fits(r, arm) for r, _ in own)]
        people[stratum] = sum(w for r, w in own if _fits(r, population))
    failing = sorted((s for s in lacks if lacks[s] and people[s] > 0), key=lambda s: (-people[s], s))
    mass = sum(people[s] for s in lacks if not lacks[s]) / total
    if mass == 0:
        return "E502"
    keep = [not (w > 0 and _fits(row, within)) or not lacks[tuple(row[c] for c in covariates)] for row, w in cells]
    told = [(dict(zip(covariates, s, strict=True)), lacks[s], people[s] / total) for s in failing]
    return mass, told, keep
