"""The cells that a formula lacks, as they are found: each once with the most that is lost by it, the largest named."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from causalgraph.answers import share_text
from causalgraph.data.counts import Counts
from causalgraph.data.keys import Codes, numbered
from causalgraph.evaluate.filled import Named
from causalgraph.formula.nodes import Event, Level, Value
from causalgraph.variables import Variable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Gap", "Noted"]


@dataclass(frozen=True)
class Gap:
    """A cell that a formula conditions on and that was never observed.

    Attributes:
        of: the variables whose law, or mean, is needed there; none where the formula divides by a probability of zero.
        given: the levels that were never observed together.
        mass: the share of the population for which the formula needs the cell.
    """

    of: tuple[str, ...]
    given: Mapping[str, str]
    mass: float

    @property
    def text(self) -> str:
        """The gap in words.

        >>> Gap(("Y",), {"M": "2", "X": "1"}, 0.031).text
        'Y given M=2, X=1 was never observed (needed for 3.1% of the population)'
        """
        where = ", ".join(f"{k}={v}" for k, v in self.given.items())
        what = (
            f"{', '.join(self.of)} given {where} was" if self.of else f"{where} has probability 0 in the data: it was"
        )
        return f"{what} never observed (needed for {share_text(self.mass)} of the population)"


@dataclass(frozen=True, eq=False)
class _Cells:
    """Cells of some variables, the codes ``(p, k)``, what each loses, and whose law is lacking there."""

    codes: Codes
    mass: Array
    of: tuple[tuple[str, ...], ...]
    which: Codes

    def pick(self, rows: Codes | NDArray[np.bool_]) -> _Cells:
        return _Cells(self.codes[:, rows], self.mass[rows], self.of, self.which[rows])


@dataclass(eq=False)
class Noted:
    """The gaps of a formula, by the variables whose levels they name.

    Attributes:
        counts: the cells that occur.
        variables: the declared variables, which name levels.
        chosen: the free values at which the formula is looked at.
    """

    counts: Counts
    variables: Mapping[str, Variable]
    chosen: Mapping[Value, int]
    cells: dict[tuple[str, ...], list[_Cells]] = field(default_factory=dict)

    @property
    def named(self) -> tuple[str, ...]:
        """The variables that some gap speaks of."""
        return tuple(dict.fromkeys(n for names in self.cells for n in names))

    def add(self, of: tuple[str, ...], events: Sequence[Event], lost: Named) -> None:
        """Note the cells of some events in which anything is lost.

        Args:
            of: the variables whose law is lacking in them.
            events: what makes a cell; their values that aren't held are axes of ``lost``.
            lost: the share that runs through each cell.
        """
        some = lost.data > 0
        code = dict(zip(lost.axes, np.argwhere(some).T, strict=True))
        mass = np.minimum(lost.data[some], 1.0)
        there = np.ones(len(mass), dtype=bool)
        for value, at in self.chosen.items():
            if value in code:
                there &= code[value] == at
        if not there.any():
            return
        given = {e.variable: e.value for e in events}
        names = tuple(sorted(given))
        codes = np.empty((len(names), len(mass)), dtype=np.intp)
        for row, name in zip(codes, names, strict=True):
            value = given[name]
            row[:] = self.counts.place(self.variables[name], value.text) if isinstance(value, Level) else code[value]
        cells = _Cells(codes, mass, (of,), np.zeros(len(mass), dtype=np.intp)).pick(there)
        self.cells.setdefault(names, []).append(cells)

    def largest(self, most: int) -> tuple[tuple[Gap, ...], int]:
        """Return the largest gaps, so many at most, and how many there are; ties are in the order of the levels' names.

        A cell within another empty one is empty for the same reason, and isn't told.
        """
        once = {names: self._once(names) for names in self.cells}
        gaps: list[Gap] = []
        many = 0
        for names, cells in once.items():
            own = cells.pick(~self._within(names, cells, once))
            many += len(own.mass)
            ranks = [self._ranks(n)[c] for n, c in zip(names, own.codes, strict=True)]
            own = own.pick(np.lexsort([*reversed(ranks), -own.mass])[:most])
            for codes, mass, which in zip(own.codes.T.tolist(), own.mass.tolist(), own.which.tolist(), strict=True):
                levels = {n: self._levels(n)[c] for n, c in zip(names, codes, strict=True)}
                gaps.append(Gap(own.of[which], levels, mass))
        return tuple(sorted(gaps, key=lambda g: (-g.mass, sorted(g.given.items())))[:most]), many

    def _once(self, names: tuple[str, ...]) -> _Cells:
        """Keep of each cell the most that is lost by it, of equals the first that was noted."""
        noted = self.cells[names]
        every = _Cells(
            np.concatenate([c.codes for c in noted], axis=1),
            np.concatenate([c.mass for c in noted]),
            tuple(c.of[0] for c in noted),
            np.repeat(np.arange(len(noted)), [len(c.mass) for c in noted]),
        )
        every = every.pick(np.argsort(-every.mass, kind="stable"))
        first, _ = numbered(list(every.codes), self._sizes(names), len(every.mass))
        return every.pick(first)

    def _within(
        self, names: tuple[str, ...], cells: _Cells, once: Mapping[tuple[str, ...], _Cells]
    ) -> NDArray[np.bool_]:
        """Say which cells lie within another gap, one that names fewer variables."""
        found = np.zeros(len(cells.mass), dtype=bool)
        for other, wider in once.items():
            if {*other} < {*names}:
                own = cells.codes[[names.index(n) for n in other]]
                both = np.concatenate([wider.codes, own], axis=1)
                _, where = numbered(list(both), self._sizes(other), both.shape[1])
                gone = np.zeros(both.shape[1], dtype=bool)
                gone[where[: len(wider.mass)]] = True
                found |= gone[where[len(wider.mass) :]]
        return found

    def _levels(self, name: str) -> tuple[str, ...]:
        return self.counts.levels[self.counts.axis(name)]

    def _ranks(self, name: str) -> Codes:
        """Return the place of each level among the sorted names."""
        return np.argsort(np.array(sorted(range(len(self._levels(name))), key=self._levels(name).__getitem__)))

    def _sizes(self, names: Collection[str]) -> list[int]:
        return [len(self._levels(n)) for n in names]
