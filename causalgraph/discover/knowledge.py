"""What is known before the data are asked: which arrows must be there, and which can't."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from causalgraph.errors import ModelError, did_you_mean

__all__ = ["Knowledge"]

Bools = NDArray[np.bool_]
Pair = tuple[str, str]


@dataclass(frozen=True)
class Knowledge:
    """Tiers, forbidden arrows and required arrows; to be made by `Knowledge.of`, which checks them.

    Attributes:
        tiers: groups of variables in the order of time: no arrow leads from a later one into an earlier one. Variables
            that no tier names may stand anywhere.
        forbidden: pairs (a, b): a -> b doesn't hold. Both ways: there is no edge.
        required: pairs (a, b): a -> b holds.

    >>> known = Knowledge.of(tiers=[["Age"], ["Diet", "Weight"]], required=[("Diet", "Weight")])
    >>> known.barred("Diet", "Age"), known.barred("Weight", "Diet"), known.barred("Age", "Diet")
    ('tiers: Age comes before Diet', 'required Diet -> Weight', None)
    """

    tiers: tuple[tuple[str, ...], ...] = ()
    forbidden: tuple[Pair, ...] = ()
    required: tuple[Pair, ...] = ()

    @classmethod
    def of(
        cls,
        tiers: Iterable[str | Iterable[str]] = (),
        forbidden: Iterable[Sequence[str]] = (),
        required: Iterable[Sequence[str]] = (),
    ) -> Knowledge:
        """Gather knowledge and make sure that it doesn't contradict itself; a tier of one may be a bare name.

        Raises:
            ModelError: something isn't a pair (E130), or no DAG keeps to all (E131): a variable stands in two tiers,
                what is required is forbidden, leads back in time, or closes a cycle.
        """
        groups = tuple((t,) if isinstance(t, str) else tuple(dict.fromkeys(t)) for t in tiers)
        made = cls(groups, _pairs("forbidden", forbidden), _pairs("required", required))
        made._agree()
        return made

    def __bool__(self) -> bool:
        return bool(self.tiers or self.forbidden or self.required)

    @cached_property
    def tier(self) -> dict[str, int]:
        """Variable -> the place of its tier."""
        return {name: place for place, names in enumerate(self.tiers) for name in names}

    @cached_property
    def below(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """Variable -> each variable that required arrows lead to from it, with the way there."""
        heads: dict[str, list[str]] = {}
        for tail, head in self.required:
            heads.setdefault(tail, []).append(head)
        return {start: _ways(heads, start) for start in heads}

    @property
    def names(self) -> frozenset[str]:
        """The variables that it speaks of."""
        return frozenset(self.tier).union(*self.forbidden, *self.required)

    def barred(self, a: str, b: str) -> str | None:
        """Say what rules a -> b out: its being forbidden, the tiers, or required arrows that lead from b to a."""
        if (a, b) in self._forbidden:
            return f"forbidden {a} -> {b}"
        if self.tier.get(a, -1) > self.tier.get(b, len(self.tiers)):
            return f"tiers: {b} comes before {a}"
        way = self.below.get(b, {}).get(a)
        return f"required {' -> '.join(way)}" if way else None

    def masks(self, variables: Sequence[str]) -> tuple[Bools, Bools]:
        """Return two ``(v, v)`` masks over variables: i -> j is ruled out, and i -> j is required.

        Raises:
            ModelError: it names something that isn't among the variables (E132).
        """
        self.check(variables)
        place = {name: i for i, name in enumerate(variables)}
        size = len(variables)
        tier = np.array([self.tier.get(name, -1) for name in variables])
        barred: Bools = (tier[:, None] > tier) & (tier >= 0)
        required = np.zeros((size, size), dtype=bool)
        for a, b in self.forbidden:
            barred[place[a], place[b]] = True
        for a, b in self.required:
            required[place[a], place[b]] = True
        for start, ends in self.below.items():
            for end in ends:
                barred[place[end], place[start]] = True
        return barred, required

    def check(self, variables: Sequence[str]) -> None:
        """Make sure that it speaks of the variables only.

        Raises:
            ModelError: it names something else (E132).
        """
        for name in sorted(self.names.difference(variables)):
            near = did_you_mean(name, variables)
            raise ModelError.because(
                "E132",
                f"the knowledge names {name}, which isn't among the variables",
                fix=f"did you mean {near}?" if near else "drop it, or add the variable to the data",
            )

    @cached_property
    def _forbidden(self) -> frozenset[Pair]:
        return frozenset(self.forbidden)

    def _agree(self) -> None:
        """Make sure that some DAG keeps to all.

        Raises:
            ModelError: none does (E131).
        """
        for place, names in enumerate(self.tiers):
            for name in names:
                if self.tier[name] != place:
                    raise _against(f"{name} stands in two tiers", f"tier {place + 1} and tier {self.tier[name] + 1}")
        for a, ends in self.below.items():
            for b, way in ends.items():
                arrows = f"required {' -> '.join(way)}"
                if a == b:
                    raise _against(f"{arrows} closes a cycle", "a variable isn't its own cause")
                if self.tier.get(a, -1) > self.tier.get(b, len(self.tiers)):
                    raise _against(f"{arrows} contradicts the tiers", f"{b} comes before {a}")
        for a, b in self.required:
            if (a, b) in self._forbidden:
                raise _against(f"{a} -> {b} is both required and forbidden", None)


def _pairs(what: str, pairs: Iterable[Sequence[str]]) -> tuple[Pair, ...]:
    found: dict[Pair, None] = {}
    for pair in pairs:
        if isinstance(pair, str) or len(pair) != 2 or pair[0] == pair[1]:
            raise ModelError.because(
                "E130", f"{what}: {pair!r} isn't a pair of variables", fix='write ("A", "B") for the arrow A -> B'
            )
        found[pair[0], pair[1]] = None
    return tuple(found)


def _ways(heads: dict[str, list[str]], start: str) -> dict[str, tuple[str, ...]]:
    """Return a shortest way to each variable that arrows lead to, the start itself where they come back."""
    ways: dict[str, tuple[str, ...]] = {}
    queue: list[tuple[str, ...]] = [(start,)]
    for way in queue:
        for head in heads.get(way[-1], ()):
            if head not in ways:
                ways[head] = (*way, head)
                queue.append(ways[head])
    return ways


def _against(what: str, why: str | None) -> ModelError:
    return ModelError.because("E131", f"the knowledge contradicts itself: {what}", why=why, fix="drop one of them")
