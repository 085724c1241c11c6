"""Where do the data carry a comparison? In the strata in which every arm that is compared was observed."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from causalgraph.answers import share_text
from causalgraph.data.counts import Counts
from causalgraph.data.keys import numbered
from causalgraph.errors import EstimationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LISTED", "Lacking", "Stratum", "Support", "listed", "mass", "numbered_strata", "support"]

# Failing strata that are laid out with their levels, the largest; of the others the number is told.
LISTED = 1000


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
        return f"{where} ({share_text(self.mass)} of the population) has nobody with {arms}"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"levels": dict(self.levels), "missing": [dict(m) for m in self.missing], "mass": self.mass}


@dataclass(frozen=True, eq=False)
class Lacking:
    """All strata that lack an arm, the largest first, as numbers.

    Attributes:
        counts: the cells that the strata were found in.
        covariates: what makes the strata.
        arms: what is compared, each a place among the levels for every treatment.
        within, population: where strata matter, and over whom is averaged.
        cells: ``(s,)``, the first cell of each stratum.
        absent: ``(a, s)``, whether each arm is missing in each stratum.
        share: ``(s,)``, of the population in each stratum.
    """

    counts: Counts
    covariates: tuple[str, ...]
    arms: tuple[Mapping[str, int], ...]
    within: Mapping[str, int]
    population: Mapping[str, int]
    cells: NDArray[np.intp]
    absent: NDArray[np.bool_]
    share: NDArray[np.float64]

    def strata(self, most: int) -> Iterator[Stratum]:
        """Yield the largest strata, so many at most."""
        arms = [_levels(self.counts, arm) for arm in self.arms]
        axes = [self.counts.axis(n) for n in self.covariates]
        names = [(n, self.counts.levels[a]) for n, a in zip(self.covariates, axes, strict=True)]
        for s, cell in enumerate(self.cells[:most]):
            codes = self.counts.codes[cell, axes].tolist()
            yield Stratum(
                {n: levels[c] for (n, levels), c in zip(names, codes, strict=True)},
                tuple(arm for arm, missing in zip(arms, self.absent[:, s].tolist(), strict=True) if missing),
                float(self.share[s]),
            )

    def marked(self) -> Iterator[tuple[Hashable, NDArray[np.intp]]]:
        """Yield the strata by the arms that they lack: what is said of them all, and a cell of each."""
        scope = (self.covariates, frozenset(self.within.items()), frozenset(self.population.items()))
        arms = [tuple(_levels(self.counts, arm).items()) for arm in self.arms]
        lacks, which = numbered(list(self.absent.astype(np.intp)), [2] * len(arms), len(self.cells))
        for kind, one in enumerate(lacks):
            missing = tuple(arm for arm, gone in zip(arms, self.absent[:, one].tolist(), strict=True) if gone)
            yield (scope, missing), self.cells[which == kind]


@dataclass(frozen=True, eq=False)
class Support:
    """The share of the population in strata that have every arm, the cells to keep, and the strata that lack one.

    Attributes:
        mass: the share of the population.
        keep: ``(k,)``, whether a cell is in a stratum that has every arm, or in none that matters.
        lacking: the strata that don't have them, apart for each comparison.
    """

    mass: float
    keep: NDArray[np.bool_]
    lacking: tuple[Lacking, ...] = ()

    @cached_property
    def failing(self) -> tuple[Stratum, ...]:
        """The strata that lack an arm, the `LISTED` largest of each comparison."""
        return tuple(s for one in self.lacking for s in one.strata(LISTED))


def listed(supports: Iterable[Support]) -> tuple[list[Stratum], int]:
    """Return the strata that lack an arm in any of some supports, the largest of each, and how many there are in all.

    A stratum that lacks the same arms in several supports is one. All supports are of the same counts.
    """
    supports = list(supports)
    found = list({s.text: s for one in supports for s in one.failing}.values())
    every = [one for held in supports for one in held.lacking]
    if all(len(one.cells) <= LISTED for one in every):
        return found[:LISTED], len(found)
    cells: dict[Hashable, list[NDArray[np.intp]]] = {}
    for one in every:
        for mark, own in one.marked():
            cells.setdefault(mark, []).append(own)
    apart = (own[0] if len(own) == 1 else np.unique(np.concatenate(own)) for own in cells.values())
    return found[:LISTED], sum(len(own) for own in apart)


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
        EstimationError: an arm, or anyone of the population, was never observed (E501), or no stratum has every arm
            (E502).
    """
    names = tuple(covariates)
    found = _found(counts, arms, names, within, population)
    failing = np.flatnonzero(~found.full & (found.weight > 0))
    keep = found.full[found.where] | ~found.inside
    if not len(failing):
        return Support(1.0, keep)
    share = found.weight[failing] / found.weight.sum()
    order = np.argsort(-share, kind="stable")
    failing = failing[order]
    lacking = Lacking(
        counts, names, tuple(arms), within, population, found.first[failing], ~found.has[:, failing], share[order]
    )
    if found.mass == 0:
        raise EstimationError.because(
            "E502",
            f"no stratum of {', '.join(names)} has every arm that is compared",
            why=next(lacking.strata(1)).text,
            fix="coarsen the covariates, or adjust for a smaller set",
        )
    return Support(found.mass, keep, (lacking,))


def mass(
    counts: Counts,
    arms: Sequence[Mapping[str, int]],
    covariates: Iterable[str],
    within: Mapping[str, int],
    population: Mapping[str, int],
) -> float:
    """Return the share of a population in strata that have every arm; 0 where none has. The arguments are `support`'s.

    Raises:
        EstimationError: an arm, or anyone of the population, was never observed (E501).
    """
    return _found(counts, arms, tuple(covariates), within, population).mass


@dataclass(frozen=True, eq=False)
class _Found:
    """The strata of some covariates: a cell of each, each cell's, which arms each has, its weight in the population."""

    first: NDArray[np.intp]
    where: NDArray[np.intp]
    has: NDArray[np.bool_]
    weight: NDArray[np.float64]
    inside: NDArray[np.bool_]

    @cached_property
    def full(self) -> NDArray[np.bool_]:
        return np.asarray(self.has.all(axis=0))

    @cached_property
    def mass(self) -> float:
        return float(self.weight[self.full].sum() / self.weight.sum())


def _found(
    counts: Counts,
    arms: Sequence[Mapping[str, int]],
    names: tuple[str, ...],
    within: Mapping[str, int],
    population: Mapping[str, int],
) -> _Found:
    inside = (counts.weight > 0) & _at(counts, within)
    there = [inside & _at(counts, arm) for arm in arms]
    counted = inside & _at(counts, population)
    for place, cells in (*zip(arms, there, strict=True), (population, counted)):
        if not cells.any():
            said = ", ".join(f"{k}={v}" for k, v in _levels(counts, {**place, **within}).items())
            raise EstimationError.because(
                "E501", f"no row has {said}: there is nothing to compare", fix="ask about levels that occur in the data"
            )
    first, where = numbered_strata(counts, names)
    has = np.zeros((len(arms), len(first)), dtype=bool)
    for arm, cells in zip(has, there, strict=True):
        arm[where[cells]] = True
    weight = np.bincount(where, np.where(counted, counts.weight, 0.0), minlength=len(first)).astype(float)
    return _Found(first, where, has, weight, inside)


def numbered_strata(counts: Counts, covariates: Iterable[str]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Number the strata of some covariates in the order of levels: return a cell of each, and each cell's stratum."""
    axes = [counts.axis(n) for n in covariates]
    return numbered([counts.codes[:, a] for a in axes], [counts.shape[a] for a in axes], len(counts.weight))


def _at(counts: Counts, place: Mapping[str, int]) -> NDArray[np.bool_]:
    """Say which cells have the given levels."""
    found = np.ones(len(counts.weight), dtype=bool)
    for name, code in place.items():
        found &= counts.codes[:, counts.axis(name)] == code
    return found


def _levels(counts: Counts, place: Mapping[str, int]) -> dict[str, str]:
    return {name: counts.levels[counts.axis(name)][code] for name, code in place.items()}
