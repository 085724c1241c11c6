"""Randomisation tests: had the treatment been assigned otherwise, how often would the arms differ as much?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from causalgraph.errors import EstimationError
from causalgraph.estimate.sample import Sample
from causalgraph.progress import working

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

__all__ = ["MOST_ENUMERATED", "RandomisationTest", "randomisation_test"]

# Assignments that are all gone through rather than drawn.
MOST_ENUMERATED = 20_000
# Counts stand for at most so many rows.
MOST_ROWS = 5_000_000
# Statistics that differ by less than this share of the largest are ties.
TIE = 1e-10


@dataclass(frozen=True)
class RandomisationTest:
    """What a randomisation test found.

    Attributes:
        statistic: the difference of means.
        p_value: two-sided, of no effect on anyone.
        interval: constant effects that the same test doesn't reject at 1 - level; an end is None where no effect is
            too far, since there are too few assignments.
        assignments: how many were compared, the one that took place included.
        exact: whether they are all that there are.
        unit: what was assigned, rows or clusters.
    """

    statistic: float
    p_value: float
    interval: tuple[float | None, float | None]
    assignments: int
    exact: bool
    unit: str

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "statistic": self.statistic,
            "p_value": self.p_value,
            "interval": list(self.interval),
            "assignments": self.assignments,
            "exact": self.exact,
            "unit": self.unit,
        }


@dataclass(frozen=True)
class _Units:
    """What was assigned: sums over a row or a cluster, ``(u,)`` each, sorted by stratum."""

    stratum: Places
    treated: NDArray[np.bool_]
    parts: Floats  # (u, 3): Σ w y, Σ w, Σ w of the rows that were treated


def randomisation_test(
    sample: Sample,
    treated: Places,
    *,
    strata: Floats | None = None,
    permutations: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> RandomisationTest:
    """Test that the treatment affects nobody, by assigning it anew within strata, as often as it was given there.

    The statistic is the difference of means, in size. Where there are at most 20,000 assignments each is gone through,
    and p = #{|d| ≥ |observed|} / all; otherwise some are drawn, and p = (1 + #) / (1 + draws), never too small.

    An effect t of the same size on everyone is tested on Y - t X. Each assignment d, with the difference b of the
    treatments that took place, is at least as extreme for an interval of t, so that one set of assignments gives p for
    all t, and the interval is read off the sorted ends.

    Args:
        sample: the rows of two arms.
        treated: ``(n,)``, 0 or 1.
        strata: ``(n,)``, within which treatment was assigned; everyone's where None.
        permutations: how many assignments to draw where not all are gone through.
        level: of the interval.
        seed: of the draws.

    Raises:
        EstimationError: permutations isn't a positive number, counts stand for too many rows, a cluster lies in several
            strata, or no stratum has two arms (E575).

    >>> rows = Sample("X", ("0", "1"), np.repeat([0, 1], 3), "Y", np.array([1.0, 2, 3, 4, 5, 6]), (), np.empty((6, 0)),
    ...     (), np.ones(6))
    >>> randomisation_test(rows, rows.arm).p_value
    0.1

    Source: R. Fisher, "The design of experiments" (1935); B. Phipson, G. Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010)
    39, doi:10.2202/1544-6115.1585 (the rule of one); P. Rosenbaum, "Observational studies" (2002), section 2.6.1
    (intervals by inversion).
    """
    if permutations < 1:
        raise _cant(f"permutations={permutations!r} is no number of assignments", "say a whole number such as 10000")
    units, what = _assigned(sample, treated, strata)
    sizes = np.bincount(units.stratum)
    given = np.bincount(units.stratum, weights=units.treated).astype(int)
    if not ((given > 0) & (given < sizes)).any():
        raise _cant("no stratum of the assignment has both arms", "name wider strata, or none")
    count = _assignments(sizes.tolist(), given.tolist())
    observed = _statistics(units.parts[units.treated].sum(axis=0)[None], units.parts.sum(axis=0))[0][0]
    exact = count is not None
    with working("assigning treatment anew"):
        sums = _all(units, given) if exact else _drawn(units, given, permutations, np.random.default_rng(seed))
    differences, shifts = _statistics(sums, units.parts.sum(axis=0))
    tie = TIE * max(float(np.abs(differences).max()), abs(float(observed)))
    extreme = int((np.abs(differences) >= abs(observed) - tie).sum()) + (not exact)
    total = len(differences) + (not exact)
    return RandomisationTest(
        statistic=float(observed),
        p_value=extreme / total,
        interval=_inverted(float(observed), differences, shifts, 1 - level, exact=exact),
        assignments=total,
        exact=exact,
        unit=what,
    )


def _cant(what: str, fix: str) -> EstimationError:
    return EstimationError.because(
        "E575", what, why="a randomisation test repeats what assigned the treatment", fix=fix
    )


def _assigned(sample: Sample, treated: Places, strata: Floats | None) -> tuple[_Units, str]:
    """Say what was assigned: clusters, where treatment never varies within one, else rows (within clusters)."""
    y = sample.y - np.average(sample.y, weights=sample.weight)
    parts = np.column_stack([sample.weight * y, sample.weight, sample.weight * treated])
    stratum = np.zeros(sample.n, dtype=np.intp)
    if strata is not None:
        stratum = np.unique(strata, return_inverse=True)[1].astype(np.intp)
    on, what = treated.astype(bool), "rows"
    if sample.clusters is not None:
        cluster = np.unique(sample.clusters, return_inverse=True)[1].astype(np.intp)
        several = int(cluster.max()) + 1
        arms = np.bincount(cluster, weights=treated) / np.bincount(cluster)
        if np.isin(arms, (0, 1)).all():
            first = np.unique(cluster, return_index=True)[1]
            if (stratum != stratum[first][cluster]).any():
                raise _cant("a cluster lies in several strata of the assignment", "name strata of whole clusters")
            summed: Floats = np.zeros((several, parts.shape[1]))
            np.add.at(summed, cluster, parts)
            return _sorted(stratum[first], arms == 1, summed), "clusters"
        stratum, what = np.unique(stratum * several + cluster, return_inverse=True)[1], "rows within clusters"
    if sample.weighting == "counts":
        if sample.size > MOST_ROWS:
            raise _cant(f"counts stand for {sample.size:,.0f} rows", f"test at most {MOST_ROWS:,}")
        times = np.rint(sample.weight).astype(int)
        parts, stratum, on = (
            np.repeat(parts / sample.weight[:, None], times, axis=0),
            stratum.repeat(times),
            on.repeat(times),
        )
    return _sorted(stratum, on, parts), what


def _sorted(stratum: Places, treated: NDArray[np.bool_], parts: Floats) -> _Units:
    order = np.argsort(stratum, kind="stable")
    return _Units(stratum[order], treated[order], parts[order])


def _assignments(sizes: list[int], given: list[int]) -> int | None:
    """Return how many assignments there are; None where they are too many to go through."""
    # Binomials of thousands are slow to write out, and a stratum with two arms has at least as many as units.
    if any(0 < k < n and n > MOST_ENUMERATED for n, k in zip(sizes, given, strict=True)):
        return None
    mixed = [(n, k) for n, k in zip(sizes, given, strict=True) if 0 < k < n]
    if len(mixed) >= MOST_ENUMERATED.bit_length():
        return None
    count = prod(comb(n, k) for n, k in mixed)
    return count if count <= MOST_ENUMERATED else None


def _all(units: _Units, given: NDArray[np.int_]) -> Floats:
    """Return the treated sums of every assignment, ``(a, 3)``: those of the strata added in all ways."""
    sums = np.zeros((1, units.parts.shape[1]))
    starts = np.searchsorted(units.stratum, np.arange(len(given) + 1))
    for s, k in enumerate(given.tolist()):
        parts = units.parts[starts[s] : starts[s + 1]]
        # combinations() of none is one empty tuple, whose sum is 0.
        chosen = np.array([parts[list(c)].sum(axis=0) for c in combinations(range(len(parts)), k)])
        sums = (sums[:, None, :] + chosen[None, :, :]).reshape(-1, sums.shape[1])
    return sums


def _drawn(units: _Units, given: NDArray[np.int_], draws: int, rng: np.random.Generator) -> Floats:
    """Return the treated sums of assignments drawn at random, ``(draws, 3)``."""
    sums = np.empty((draws, units.parts.shape[1]))
    n = len(units.stratum)
    if len(given) == 1:
        for i in range(draws):
            sums[i] = units.parts[rng.permutation(n)[: given[0]]].sum(axis=0)
        return sums
    first = np.searchsorted(units.stratum, np.arange(len(given)))
    chosen = np.arange(n) - first[units.stratum] < given[units.stratum]
    for i in range(draws):
        # Rows are sorted by stratum, so a random order within strata is that of stratum + uniform.
        order = np.argsort(units.stratum + rng.random(n))
        sums[i] = units.parts[order[chosen]].sum(axis=0)
    return sums


def _statistics(sums: Floats, total: Floats) -> tuple[Floats, Floats]:
    """Return differences of means ``(a,)`` from the treated sums, of outcomes and of the treatment that took place."""
    weight, other = sums[:, 1], total[1] - sums[:, 1]
    outcome = sums[:, 0] / weight - (total[0] - sums[:, 0]) / other
    given = sums[:, 2] / weight - (total[2] - sums[:, 2]) / other
    return outcome, given


def _inverted(
    observed: float, differences: Floats, shifts: Floats, alpha: float, *, exact: bool
) -> tuple[float | None, float | None]:
    """Return the effects t with p(t) > alpha: |a - t b| ≥ |observed - t| for t between the two ends of each (a, b)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = (observed - differences) / (1 - shifts), (observed + differences) / (1 + shifts)
    same, turned = 1 - shifts < TIE, 1 + shifts < TIE
    low = np.where(same | turned, -np.inf, np.minimum(one, other))
    high = np.where(same | turned, np.inf, np.maximum(one, other))
    total = len(differences) + (not exact)
    # The fewest extreme assignments, itself aside where it isn't among them, that make p larger than alpha.
    needed = int(np.floor(alpha * total * (1 + TIE))) + 1 - (not exact)
    if needed < 1:
        return None, None
    ends = float(np.sort(low)[needed - 1]), float(np.sort(high)[::-1][needed - 1])
    return ends[0] if np.isfinite(ends[0]) else None, ends[1] if np.isfinite(ends[1]) else None
