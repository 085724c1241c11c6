"""What is known of arrows beside the data: which must be there, and which can't."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from causalgraph.errors import ModelError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]

__all__ = ["Clash", "Knowledge", "Said"]

# How each is passed.
WRITTEN = {"tiers": '[["A"], ["B", "C"]]', "forbidden": '[("A", "B")]', "required": '[("A", "B")]'}

Pair = tuple[str, str]
# One piece of knowledge: ("tier", A), ("forbid", A, B) or ("require", A, B).
Said = tuple[str, ...]


@dataclass(frozen=True)
class Clash:
    """Pieces of knowledge that contradict one another, in words and as what was `said`."""

    what: str
    why: str | None
    said: tuple[Said, ...]


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
            ModelError: something isn't a list, or no pair (E130), or no DAG keeps to all (E131): a variable stands in
                two tiers, what is required is forbidden, leads back in time, or closes a cycle.
        """
        for what, given in (("tiers", tiers), ("forbidden", forbidden), ("required", required)):
            if isinstance(given, str) or not isinstance(given, Iterable):
                raise ModelError.because(
                    "E130", f"{what} can't be {given!r}", fix=f"pass a list: {what}={WRITTEN[what]}"
                )
        groups = tuple((t,) if isinstance(t, str) else tuple(dict.fromkeys(t)) for t in tiers)
        made = cls(groups, _pairs("forbidden", forbidden), _pairs("required", required))
        for clash in made.clashes():
            what = f"the knowledge contradicts itself: {clash.what}"
            raise ModelError.because("E131", what, why=clash.why, fix="drop one of them")
        return made

    def __bool__(self) -> bool:
        return bool(self.tiers or self.forbidden or self.required)

    @cached_property
    def tier(self) -> dict[str, int]:
        """Variable -> the place of its tier."""
        return {name: place for place, names in enumerate(self.tiers) for name in names}

    @property
    def names(self) -> frozenset[str]:
        """The variables that it speaks of."""
        return frozenset(self.tier).union(*self.forbidden, *self.required)

    def renamed(self, new: Mapping[str, str]) -> Knowledge:
        """Return the same of variables by other names; those that `new` leaves out keep theirs."""

        def named(names: Iterable[str]) -> tuple[str, ...]:
            return tuple(new.get(name, name) for name in names)

        forbidden, required = (tuple((a, b) for a, b in map(named, p)) for p in (self.forbidden, self.required))
        return Knowledge(tuple(map(named, self.tiers)), forbidden, required)

    def leads_back(self, a: str, b: str) -> bool:
        """Whether a stands in a later tier than b."""
        return self.tier.get(a, -1) > self.tier.get(b, len(self.tiers))

    def forbids(self, a: str, b: str) -> bool:
        """Whether a -> b is forbidden by name."""
        return (a, b) in self._forbidden

    def requires(self, a: str, b: str) -> bool:
        """Whether a -> b is required by name."""
        return b in self._heads.get(a, ())

    def barred(self, a: str, b: str) -> str | None:
        """Say what rules a -> b out: its being forbidden, the tiers, or required arrows that lead from b to a."""
        if self.forbids(a, b):
            return f"forbidden {a} -> {b}"
        if self.leads_back(a, b):
            return f"tiers: {b} comes before {a}"
        way = self._way(b, a)
        return f"required {' -> '.join(way)}" if way else None

    def masks(self, variables: Sequence[str]) -> tuple[Bools, Bools]:
        """Return two ``(v, v)`` masks over variables: i -> j is ruled out, and i -> j is required.

        Raises:
            ModelError: it names something that isn't among the variables (E132).
        """
        import numpy as np

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
        for start in self._heads:
            for end in self._below(start):
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

    def clashes(self) -> Iterator[Clash]:
        """Yield what in it contradicts itself; nothing where some DAG keeps to all of it.

        Of cycles the first alone is told; the time is linear in what is known, and in each clash that is taken.
        """
        for name, places in Counter(name for names in self.tiers for name in names).items():
            if places > 1:
                first, second = (i for i, names in enumerate(self.tiers) if name in names)
                yield Clash(f"{name} stands in two tiers", f"tier {first + 1} and tier {second + 1}", (("tier", name),))
        order, loop = self._ordered()
        if loop:
            said = tuple(("require", a, b) for a, b in pairwise(loop))
            yield Clash(f"required {' -> '.join(loop)} closes a cycle", "a variable isn't its own cause", said)
        else:
            yield from self._backwards(order)
        for a, b in self.required:
            if self.forbids(a, b):
                both = ("require", a, b), ("forbid", a, b)
                yield Clash(f"{a} -> {b} is both required and forbidden", None, both)

    def _backwards(self, order: list[str]) -> Iterator[Clash]:
        """Yield ways of required arrows that lead back in time; `order` puts tails before heads."""
        latest: dict[str, str] = {}  # variable -> the one of the latest tier that leads to it
        for node in order:
            above = latest.get(node)
            if above is not None and self.leads_back(above, node):
                way = self._way(above, node)
                said = tuple(("require", a, b) for a, b in pairwise(way))
                what = f"required {' -> '.join(way)} contradicts the tiers"
                yield Clash(what, f"{node} comes before {above}", (*said, ("tier", above), ("tier", node)))
            last = node if above is None or self.leads_back(node, above) else above
            if last not in self.tier:
                continue
            for head in self._heads.get(node, ()):
                if head not in latest or self.leads_back(last, latest[head]):
                    latest[head] = last

    def _ordered(self) -> tuple[list[str], tuple[str, ...]]:
        """Return an order of what required arrows join, tails first, or else a cycle, its start at both ends."""
        ends = Counter(head for _, head in self.required)
        order = [tail for tail in self._heads if not ends[tail]]
        for node in order:
            for head in self._heads.get(node, ()):
                ends[head] -= 1
                if not ends[head]:
                    order.append(head)
        placed = set(order)
        left = [node for node in self._heads if node not in placed]
        if not left:
            return order, ()
        # What no order holds has a tail that no order holds: the walk against the arrows comes round.
        tails = {head: tail for tail in reversed(left) for head in self._heads[tail]}
        back: dict[str, int] = {}
        node = left[0]
        while node not in back:
            back[node] = len(back)
            node = tails[node]
        loop = [node, *reversed(list(back)[back[node] :])]
        rank = {name: i for i, name in enumerate(left)}
        first = min(range(len(loop) - 1), key=lambda i: rank[loop[i]])
        return order, (*loop[first:-1], *loop[: first + 1])

    def _below(self, start: str) -> dict[str, str]:
        """Return each variable that required arrows lead to, and the one before it on a shortest way."""
        before: dict[str, str] = {}
        queue = [start]
        for node in queue:
            for head in self._heads.get(node, ()):
                if head not in before:
                    before[head] = node
                    queue.append(head)
        return before

    def _way(self, start: str, end: str) -> tuple[str, ...]:
        """Return a shortest way along required arrows, or nothing where there is none."""
        before = self._below(start) if start in self._heads else {}
        if end not in before:
            return ()
        way = [end]
        while len(way) == 1 or way[-1] != start:
            way.append(before[way[-1]])
        return tuple(reversed(way))

    @cached_property
    def _forbidden(self) -> frozenset[Pair]:
        return frozenset(self.forbidden)

    @cached_property
    def _heads(self) -> dict[str, dict[str, None]]:
        heads: dict[str, dict[str, None]] = {}
        for tail, head in self.required:
            heads.setdefault(tail, {})[head] = None
        return heads


def _pairs(what: str, pairs: Iterable[Sequence[str]]) -> tuple[Pair, ...]:
    found: dict[Pair, None] = {}
    for pair in pairs:
        if isinstance(pair, str) or len(pair) != 2 or pair[0] == pair[1]:
            raise ModelError.because(
                "E130", f"{what}: {pair!r} isn't a pair of variables", fix='write ("A", "B") for the arrow A -> B'
            )
        found[pair[0], pair[1]] = None
    return tuple(found)
