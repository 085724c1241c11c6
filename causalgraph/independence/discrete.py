"""G² and χ²: independence of discrete variables in tables of counts, stratum by stratum.

Packages differ in two rules, and so in the graphs that they find in the same data; here both rules have a name.

*Degrees of freedom.* The textbook takes (a - 1)(b - 1)·Π|S| from the numbers of levels (pcalg, unless ``adaptDF``;
bnlearn's ``mi`` and ``x2``): ``df="levels"``. Here the default is ``df="observed"``: the sum, over the strata of S, of
(rows that occur - 1)(columns that occur - 1), as in causal-learn, pgmpy and bnlearn's ``-adf`` tests. Given the margins
of a stratum of N observations, the mean of χ² under independence is N/(N - 1) times exactly that number. A row that
never occurs adds nothing to the statistic; degrees of freedom counted for it only make dependence harder to see, which
cuts edges: on 5,000 rows of ALARM, PC finds 41 of its 46 edges by ``observed``, 32 by ``levels``, and no wrong one.

*Too few observations.* ``small`` says what becomes of a test with fewer than ``per_df`` observations per degree of
freedom, or with none free at all (in each stratum one of the two variables is constant, so that dependence couldn't
show):

- ``skip``, the default: it isn't made. It has no p-value, the edge stays, and it is counted as skipped;
- ``dependent``: it counts as made, with p = 0;
- ``independent``: likewise with p = 1. That cuts edges without evidence (pcalg below 10 per degree of freedom);
- ``test``: it is made anyway, p = 1 where nothing is free (causal-learn, pgmpy).

Source: Agresti, Categorical Data Analysis, 3rd ed. 2013, sections 3.2 and 8.1; Haldane, The mean and variance of χ²
when used as a test of homogeneity, Biometrika 31, 1940, doi:10.1093/biomet/31.3-4.346; Spirtes, Glymour and Scheines,
Causation, Prediction, and Search, 2nd ed. 2000, section 5.5 (df less what is zero by structure).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from threading import Event
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from causalgraph.data.counts import Counts
from causalgraph.data.source import Source
from causalgraph.errors import ModelError
from causalgraph.independence.base import Ints, Level, Outcomes, Tested, side_by_side
from causalgraph.independence.discrete_data import coded, counted, named_constants, read, twins_of
from causalgraph.independence.discrete_kernel import Made, made_at, work
from causalgraph.independence.discrete_tables import Rule, Tables
from causalgraph.independence.pieces import cores
from causalgraph.variables import Variable

__all__ = ["Discrete"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Statistic = Literal["g2", "chi2"]
Freedom = Literal["levels", "observed"]
Small = Literal["skip", "dependent", "independent", "test"]

# The p-value of a test with too few observations; none where it is made anyway.
UNMADE: dict[Small, float | None] = {"skip": math.nan, "dependent": 0.0, "independent": 1.0, "test": None}
# A level with less work than this runs as plain Python: a compiled loop would take longer to load.
SMALL = 50_000
# One with less than this isn't worth a second thread.
ALONE = 5_000_000
THREADS = 4


@dataclass(frozen=True)
class Discrete:
    """G² or χ² tests among discrete variables, each on the rows that have all of its values.

    Make one by `of_codes`, `of_source`, `of_counts` or `of_table`.

    Attributes:
        variables: in natural order.
        tables: their rows, or distinct rows with how often they occur.
        statistic: ``g2`` or ``chi2``.
        df: degrees of freedom by ``levels`` or as ``observed``.
        small: what becomes of a test with too few observations.
        per_df: how many observations a degree of freedom needs.
    """

    variables: tuple[str, ...]
    tables: Tables = field(repr=False)
    statistic: Statistic = "g2"
    df: Freedom = "observed"
    small: Small = "skip"
    per_df: float = 10.0

    def __post_init__(self) -> None:
        """Hold the settings against what there is.

        Raises:
            ModelError: a setting has a value that it can't have (E139).
            DataError: a variable is constant (E320).
        """
        choices = (("statistic", Statistic), ("df", Freedom), ("small", Small))
        for name, known in choices:
            value = getattr(self, name)
            if value not in get_args(known):
                raise ModelError.because("E139", f"{name} is one of {', '.join(get_args(known))}, not {value!r}")
        if not (math.isfinite(self.per_df) and self.per_df >= 0):
            raise ModelError.because("E139", f"per_df is a number from 0 on, not {self.per_df!r}")
        named_constants(self.variables, self.tables)

    @classmethod
    def of_codes(
        cls,
        codes: NDArray[Any],
        variables: Sequence[str],
        *,
        levels: Sequence[int] | None = None,
        weight: NDArray[Any] | None = None,
        **settings: Any,
    ) -> Discrete:
        """Make tests of coded rows.

        Args:
            codes: ``(n, v)`` whole numbers from 0 on, -1 where a value is missing.
            variables: the names of the columns.
            levels: how many levels each has; without it, one more than its largest code.
            weight: ``(n,)``, how often each row occurs.
            settings: `statistic`, `df`, `small`, `per_df`.

        Raises:
            DataError: there are no rows (E307), a variable is constant (E320), the weights aren't counts (E322), or
                codes, names and levels don't fit one another (E323).

        >>> codes = np.array([[0, 0], [0, 0], [1, 1], [1, 0]] * 10)
        >>> found = Discrete.of_codes(codes, ["X", "Y"], statistic="chi2").test(0, 1, ())
        >>> round(found.statistic, 2), found.df, found.n, found.p < 0.001
        (13.33, 1.0, 40.0, True)
        """
        return cls(*coded(codes, variables, levels, weight), **settings)

    @classmethod
    def of_source(cls, source: Source, variables: Sequence[Variable], **settings: Any) -> Discrete:
        """Make tests of data of any kind, in one pass over the rows.

        Raises:
            DataError: there are no rows (E307), a variable is constant (E320), one isn't discrete (E321), the weights
                aren't counts or rows lie in clusters (E322); what `Source.levels` raises.
        """
        return cls(*read(source, variables), **settings)

    @classmethod
    def of_counts(cls, counts: Counts, **settings: Any) -> Discrete:
        """Make tests of counted cells.

        Raises:
            DataError: there are none (E307), a variable is constant (E320), or the weights aren't counts (E322).
        """
        return cls(*counted(counts), **settings)

    @classmethod
    def of_table(cls, table: NDArray[Any], variables: Sequence[str], **settings: Any) -> Discrete:
        """Make tests of a table of counts with one axis for each variable.

        Raises:
            DataError: as `of_codes`.

        >>> Discrete.of_table(np.array([[20, 5], [5, 20]]), ["X", "Y"]).test(0, 1, ()).p < 0.001
        True
        """
        table = np.asarray(table)
        cells = np.argwhere(np.ones(table.shape, dtype=bool))
        return cls.of_codes(cells, variables, levels=table.shape, weight=table.ravel(), **settings)

    @property
    def name(self) -> str:
        """What the test is called."""
        return self.statistic

    @property
    def n(self) -> int:
        """How many observations there are, incomplete ones among them."""
        return self.tables.total

    @cached_property
    def twins(self) -> tuple[tuple[str, str], ...]:
        """Pairs of variables that tell the same, value by value, such as a column that stands twice."""
        return twins_of(self.variables, self.tables)

    @cached_property
    def _rule(self) -> Rule:
        most = math.inf
        if self.df == "levels" and self.small != "test" and self.per_df > 0:
            most = self.n / self.per_df
        return Rule(self.statistic == "chi2", self.df == "observed", most)

    def _p(self, made: Made) -> tuple[Floats, Bools]:
        """Return p-values, and which tests had too few observations."""
        from scipy.special import chdtrc

        short = (made.df == 0) | (made.n < self.per_df * made.df)
        instead = UNMADE[self.small]
        # Without degrees of freedom the distribution is all at 0.
        p = np.where(made.df > 0, chdtrc(np.maximum(made.df, 1), made.statistic), 1.0)
        return p if instead is None else np.where(short, instead, p), short

    def test(self, i: int, j: int, given: Sequence[int] = ()) -> Tested:
        """Test whether i ⟂ j | given: p is NaN where it is skipped, the statistic None where that takes no counting."""
        members = sorted({i, j, *given})
        if i == j or len(members) < 2 + len(given):
            raise ValueError(f"a test is of two variables given others, not {i}, {j} given {tuple(given)}")
        at, size = {k: place for place, k in enumerate(members)}, len(members)
        # A star: i alone is adjacent to all others, so that this is the one test of its level.
        adjacent, testable = np.zeros((size, size), dtype=bool), np.zeros((size, size), dtype=bool)
        adjacent[at[i], :] = adjacent[:, at[i]] = True
        np.fill_diagonal(adjacent, val=False)
        testable[at[i], at[j]] = testable[at[j], at[i]] = True
        hub = at[i] if given else 0
        tables, depth = self.tables.of(members), len(given)
        plain = tables.codes.shape[1] <= SMALL >> 6
        (made,) = made_at(hub, tables, adjacent, testable, depth, self._rule, bool, plain=plain)
        p, _ = self._p(made)
        statistic = float(made.statistic[0])
        return Tested(float(p[0]), None if math.isnan(statistic) else statistic, float(made.df[0]), float(made.n[0]))

    def many(self, pairs: Ints, sets: Ints) -> Floats:
        """Return the p-values of tests with sets of one size; see `Many.many`."""
        together: dict[tuple[int, int], list[int]] = {}
        for at, (i, j) in enumerate(pairs.tolist()):
            together.setdefault((i, j), []).append(at)
        p = np.empty(len(pairs))
        for (i, j), rows in together.items():
            p[rows] = self._given(i, j, sets[rows])
        return p

    def _given(self, i: int, j: int, sets: Ints) -> Floats:
        """Return the p-values of a pair given some sets of one size, which are counted side by side."""
        depth = sets.shape[1]
        members = np.unique([i, j, *sets.ravel().tolist()])
        one, two = np.searchsorted(members, [i, j]).tolist()
        places = [tuple(given) for given in np.searchsorted(members, sets).tolist()]
        # As in `test`, which rounds as this does: a star whose centre is the first of the two.
        near, testable = np.zeros((2, len(members), len(members)), dtype=bool)
        near[one, :] = near[:, one] = True
        near[one, one] = False
        testable[one, two] = testable[two, one] = True
        prefixes = sorted({tuple(sorted((*given, two)))[:-1] for given in places})
        tables = self.tables.of(members)
        plain = tables.codes.shape[1] * len(prefixes) <= SMALL >> 6
        found: dict[tuple[int, ...], float] = {}
        for made in made_at(one, tables, near, testable, depth, self._rule, bool, plain=plain, prefixes=prefixes):
            found |= zip(map(tuple, made.sets.tolist()), self._p(made)[0].tolist(), strict=True)
        return np.array([found[given] for given in places])

    def level(self, adjacent: Bools, testable: Bools, depth: int, alpha: float) -> Level:
        """Make all tests of a level; see `Test.level`. Of sets with equal p-values the first in order is kept.

        Ctrl-C stops it within a fraction of a second.
        """
        wanted = adjacent & testable & ~np.eye(len(adjacent), dtype=bool)
        hubs = np.flatnonzero(adjacent.any(axis=1)).tolist()
        stopped, steps = Event(), work(adjacent, depth, self.tables.codes.shape[1])

        def at(hub: int) -> list[_Summary]:
            settings = (depth, self._rule, stopped.is_set)
            found = made_at(hub, self.tables, adjacent, wanted, *settings, plain=steps <= SMALL)
            return [self._summed(made, alpha) for made in found]

        parts: list[_Summary] = []
        for summaries in _each(at, hubs, stopped, alone=steps <= ALONE):
            parts += summaries
        return _gathered(parts, len(adjacent), depth)

    def _summed(self, made: Made, alpha: float) -> _Summary:
        p, short = self._p(made)
        skipped = int(short.sum()) if self.small == "skip" else 0
        cut = p > alpha
        best = _best(made.pairs, made.sets, np.where(np.isnan(p), -1.0, p))
        return _Summary(len(p) - skipped, skipped, best, (made.pairs[cut], made.sets[cut], p[cut]))


@dataclass(frozen=True)
class _Summary:
    """What is kept of some tests: how many, the largest p-value of each pair, and those above alpha."""

    tests: int
    skipped: int
    best: Outcomes
    cut: Outcomes


def _best(pairs: Ints, sets: Ints, p: Floats) -> Outcomes:
    """Keep the largest p-value of each pair, of equal ones that of the first set."""
    order = np.lexsort((*sets.T[::-1], -p, pairs[:, 1], pairs[:, 0]))
    pairs, sets, p = pairs[order], sets[order], p[order]
    first = np.ones(len(p), dtype=bool)
    first[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    first &= p >= 0
    return pairs[first], sets[first], p[first]


def _gathered(parts: Sequence[_Summary], v: int, depth: int) -> Level:
    """Put the outcomes of all hubs side by side, in the order of pairs and sets."""
    p, sets = np.full((v, v), -1.0), np.zeros((v, v, depth), dtype=np.int32)
    best, chosen, value = _best(*side_by_side([part.best for part in parts], depth))
    for i, j in (best.T, best.T[::-1]):
        p[i, j], sets[i, j] = value, chosen
    pairs, separators, values = side_by_side([part.cut for part in parts], depth)
    order = np.lexsort((*separators.T[::-1], pairs[:, 1], pairs[:, 0]))
    return Level(
        tests=sum(part.tests for part in parts),
        p=p,
        sets=sets,
        pairs=pairs[order],
        separators=separators[order],
        values=values[order],
        skipped=sum(part.skipped for part in parts),
    )


def _each(
    at: Callable[[int], list[_Summary]], hubs: Sequence[int], stopped: Event, *, alone: bool
) -> Iterator[list[_Summary]]:
    """Do the work of all hubs, on several cores where it pays."""
    threads = min(THREADS, cores())
    if alone or threads == 1:
        yield from map(at, hubs)
        return
    with ThreadPoolExecutor(threads) as pool:
        try:
            yield from pool.map(at, hubs)
        except BaseException:
            # What runs comes back after its chunk; what waits never starts.
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
