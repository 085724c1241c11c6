"""Where do the data carry a comparison? In the strata in which every arm that is compared was observed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from causalgraph.data.counts import Counts
from causalgraph.errors import EstimationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Stratum", "Support", "support"]


@dataclass(frozen=True)
class Stratum:
    """A stratum that lacks an arm, and its share of the population."""

    levels: Mapping[str, str]
    missing: tuple[Mapping[str, str], ...]
    mass: float

    @property
    def text(self) -> str:
        """The stratum in words."""
        where = ", ".join(f"{k}={v}" for k, v in self.levels.items())
        arms = " or ".join(", ".join(f"{k}={v}" for k, v in arm.items()) for arm in self.missing)
        share = f"{self.mass:.1%}" if self.mass >= 0.001 else "less than 0.1%"
        return f"{where} ({share} of the population) has nobody with {arms}"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"levels": dict(self.levels), "missing": [dict(m) for m in self.missing], "mass": self.mass}


@dataclass(frozen=True)
class Support:
    """The share of the population in strata that have every arm, the strata that don't, and the cells to keep."""

    mass: float
    failing: tuple[Stratum, ...]
    keep: NDArray[np.bool_]


def support(
    counts: Counts,
    arms: Sequence[Mapping[str, int]],
    covariates: Iterable[str],
    within: Mapping[str, int],
    population: Mapping[str, int],
) -> Support:
    """Find the strata of the covariates in which each arm was observed, and the share of a population in them.

    Args:
        counts: the cells; a cell without weight was not observed.
        arms: what is compared, each a place among the levels for every treatment.
        covariates: what is adjusted for.
        within: conditions at a level: strata elsewhere are of no concern.
        population: levels that pick those over whom is averaged; nothing picks everyone.

    Raises:
        EstimationError: an arm was never observed (E501), or no stratum has every arm (E502).
    """
    names = tuple(covariates)
    seen = counts.weight > 0
    inside = seen & _at(counts, within)
    for arm in arms:
        if not (inside & _at(counts, arm)).any():
            said = ", ".join(f"{k}={v}" for k, v in _levels(counts, {**arm, **within}).items())
            raise EstimationError.because(
                "E501", f"no row has {said}: there is nothing to compare", fix="ask about levels that occur in the data"
            )
    columns = counts.codes[:, [counts.axis(n) for n in names]]
    strata, where = np.unique(columns, axis=0, return_inverse=True)
    where = where.reshape(-1)
    has = np.stack([np.bincount(where[inside & _at(counts, arm)], minlength=len(strata)) > 0 for arm in arms])
    counted = inside & _at(counts, population)
    weight = np.bincount(where[counted], weights=counts.weight[counted], minlength=len(strata))
    share = weight / weight.sum()
    full = np.asarray(has.all(axis=0))
    failing = tuple(
        Stratum(
            {n: counts.levels[counts.axis(n)][c] for n, c in zip(names, strata[s], strict=True)},
            tuple(_levels(counts, arm) for arm, present in zip(arms, has[:, s], strict=True) if not present),
            float(share[s]),
        )
        for s in sorted(np.flatnonzero(~full & (weight > 0)), key=lambda s: -share[s])
    )
    mass = float(share[full].sum()) if failing else 1.0
    if mass == 0:
        raise EstimationError.because(
            "E502",
            f"no stratum of {', '.join(names)} has every arm that is compared",
            why=failing[0].text,
            fix="coarsen the covariates, or adjust for a smaller set",
        )
    return Support(mass, failing, full[where] | ~inside)


def _at(counts: Counts, place: Mapping[str, int]) -> NDArray[np.bool_]:
    """Say which cells have the given levels."""
    found = np.ones(len(counts.weight), dtype=bool)
    for name, code in place.items():
        found &= counts.codes[:, counts.axis(name)] == code
    return found


def _levels(counts: Counts, place: Mapping[str, int]) -> dict[str, str]:
    return {name: counts.levels[counts.axis(name)][code] for name, code in place.items()}
