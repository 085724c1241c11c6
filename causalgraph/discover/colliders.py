"""Which unshielded triples are colliders, as the sets that separate their ends say: four rules."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from causalgraph.criteria.separation import naming
from causalgraph.discover.possible import Overlaid
from causalgraph.discover.skeleton import Separator, Sets, Skeleton, Some
from causalgraph.errors import ModelError, did_you_mean
from causalgraph.independence.base import Many, p_values, sets_of

if TYPE_CHECKING:
    from causalgraph.independence.base import Test

__all__ = ["RULES", "Colliders", "Evidence"]


class Evidence(NamedTuple):
    """What tests said of two variables that aren't adjacent.

    Attributes:
        separating: the sets that made them independent; of many a few, and what all hold.
        likeliest: those with the largest p-value.
        best: one of them, in order; None where no test was made.
        p: its p-value.
    """

    separating: Sets = ()
    likeliest: tuple[frozenset[str], ...] = ()
    best: tuple[str, ...] | None = None
    p: float = -1.0


def standard(node: str, evidence: Evidence) -> bool | None:
    """Say yes where the node is in none of the sets, no where it is in one.

    The sets are those of the level at which the pair was cut: all of them, as which of them came first depends on the
    order of variables.
    """
    return _share(node, evidence.separating, lambda share: share == 0)


def conservative(node: str, evidence: Evidence) -> bool | None:
    """Say yes where the node is in none of the sets, no where it is in all; otherwise leave it open.

    Source: J. Ramsey, J. Zhang, P. Spirtes, "Adjacency-faithfulness and conservative causal inference" (UAI 2006),
    arXiv:1206.6843.
    """
    return _share(node, evidence.separating, lambda share: None if 0 < share < 1 else share == 0)


def majority(node: str, evidence: Evidence) -> bool | None:
    """Say yes where the node is in less than half of the sets, no where it is in more.

    Source: D. Colombo, M. Maathuis, J. Mach. Learn. Res. 15 (2014), section 4.2.
    """
    return _share(node, evidence.separating, lambda share: None if share == HALF else share < HALF)


def max_p(node: str, evidence: Evidence) -> bool | None:
    """Say yes where the node isn't in the set with the largest p-value; where several have it, they must agree.

    Source: J. Ramsey, "Improving accuracy and scalability of the PC algorithm by maximizing p-value" (2016),
    arXiv:1610.00378.
    """
    return conservative(node, evidence._replace(separating=evidence.likeliest))


HALF = 0.5
# The tests of so many pairs are made together.
TOGETHER = 128

# Sets of one size, and the p-values given each.
Outcomes = list[tuple[tuple[int, ...], float]]

Rule = Callable[[str, Evidence], bool | None]

# The name of a rule -> what it makes of the evidence on the ends: is the node a collider?
RULES: Mapping[str, Rule] = {
    "standard": standard,
    "conservative": conservative,
    "majority": majority,
    "max-p": max_p,
}


def _share(node: str, sets: Sets, judge: Callable[[float], bool | None]) -> bool | None:
    holding, number = _tally(node, sets)
    return judge(holding / number) if number else None


def _tally(node: str, sets: Sets) -> tuple[int, int]:
    """Return how many of some sets hold a node, and how many there are."""
    if isinstance(sets, Some):
        return sets.holding.get(node, 0), sets.number
    return sum(node in given for given in sets), len(sets)


def _with(more: Iterable[frozenset[str]], sets: Some, size: int) -> Some:
    """Return many sets, all of one size, with those of other sizes: of theirs, all that separate are among them."""
    others = [given for given in more if len(given) != size]
    holding = Counter(sets.holding)
    holding.update(chain.from_iterable(others))
    return Some(sets.shown, sets.number + len(others), dict(holding))


@dataclass
class Colliders:
    """The answers of a rule: is the last node but one of a path a collider on it? None leaves it open.

    It is what `graphs.zhang.orient` and `orient_pc` ask, of an unshielded triple and of a path that discriminates the
    node; the sets that count are those that separate the ends of the path. Tests are made when an answer first needs
    them, and kept.

    Attributes:
        skeleton: whose separators are used.
        test: what it was found by.
        alpha: sets separate whose p-value is above it.
        rule: a name in `RULES`.
        depth: the size of the largest set to try.
        tests: how many tests were made here.
        stopped: whether Ctrl-C kept some from being made, which leaves answers open.
        skipped: how many weren't made, for want of observations.

    Raises:
        ModelError: there is no such rule (E133).

    >>> from causalgraph.discover.skeleton import skeleton
    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> from causalgraph.independence.oracle import oracle
    >>> asked = oracle(MixedGraph.build([("A", "->", "B"), ("C", "->", "B")]))
    >>> answers = Colliders(skeleton(asked, 0.05), asked, 0.05)
    >>> answers(("A", "B", "C")), answers.words(("A", "B", "C"))
    (True, 'A ⟂ C (p = 1), which makes B a collider')
    """

    skeleton: Skeleton
    test: Test
    alpha: float
    rule: str = "standard"
    depth: int | None = None
    tests: int = 0
    stopped: bool = False
    skipped: int = 0
    _ahead: dict[tuple[int, int, int], Outcomes] = field(default_factory=dict, repr=False)
    _known: dict[frozenset[str], Evidence] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Make sure that the rule is there."""
        if self.rule not in RULES:
            near = did_you_mean(self.rule, RULES)
            fix = f"did you mean {near}?" if near else f"use one of {', '.join(RULES)}"
            raise ModelError.because("E133", f"there is no rule {self.rule} for colliders", fix=fix)

    def __call__(self, path: tuple[str, ...]) -> bool | None:
        """Say whether the last node but one is a collider on a path whose ends aren't adjacent."""
        return RULES[self.rule](path[-2], self.evidence(path[0], path[-1]))

    def words(self, path: tuple[str, ...]) -> str:
        """Say which tests speak for the answer to a path."""
        first, *_, node, last = path
        evidence = self.evidence(first, last)
        a, b = sorted((first, last), key=self._place.__getitem__)
        if evidence.best is None:
            return f"no test was made of {a} and {b}, which leaves {node} open"
        if not evidence.separating and self.rule != "max-p":
            return f"no set was found that separates {a} and {b}, which leaves {node} open"
        given = f" | {naming(evidence.best)}" if evidence.best else ""
        said = f"{a} ⟂ {b}{given} (p = {evidence.p:.3g})"
        sets = evidence.likeliest if self.rule == "max-p" else evidence.separating
        holding, number = _tally(node, sets)
        if 0 < holding < number:
            said += f" and {number - 1:,} more separate them, {holding:,} of these {number:,} sets with {node}"
        answer = RULES[self.rule](node, evidence)
        outcome = {True: f"makes {node} a collider", False: f"keeps {node} from being a collider"}
        return f"{said}, which {outcome[answer] if answer is not None else f'leaves {node} open'}"

    def evidence(self, a: str, b: str) -> Evidence:
        """Return what tests say of two variables that aren't adjacent; the standard rule takes the skeleton's word.

        Where the skeleton has none, as the pair was never tested, sets of neighbours are tried from the smallest on,
        and those of the first size that separates count. The other rules try all sets of neighbours, and add the
        skeleton's own.
        """
        pair = frozenset((a, b))
        if pair not in self._known:
            cut = self.skeleton.separators.get(pair)
            try:
                self._known[pair] = self._gather(a, b, cut)
            except KeyboardInterrupt:
                self.stopped = True
                self._known[pair] = Evidence()
        return self._known[pair]

    def found(self) -> dict[frozenset[str], Separator]:
        """Return a separator for each pair that the skeleton had none for, where asking has found one."""
        return {
            pair: Separator(e.best, e.p, e.separating)
            for pair, e in self._known.items()
            if e.best is not None and e.separating and pair not in self.skeleton.separators
        }

    def told(self) -> Skeleton:
        """Return the skeleton with the tests that were made here, and with the separators that they found."""
        return replace(
            self.skeleton,
            tests=self.skeleton.tests + self.tests,
            skipped=self.skeleton.skipped + self.skipped,
            separators=Overlaid.of(self.found(), self.skeleton.separators),
        )

    def _gather(self, a: str, b: str, cut: Separator | None) -> Evidence:
        if cut is not None and self.rule == "standard":
            return Evidence(cut.all, (), cut.best, cut.p)
        values: dict[frozenset[str], float] = {}
        for size in self._sizes(self._place[a], self._place[b]):
            values |= self._tried(a, b, size)
            if self.rule == "standard" and any(p > self.alpha for p in values.values()):
                break
        own = {frozenset(cut.best): cut.p} if cut is not None else {}
        values |= own
        separating = dict.fromkeys(given for given, p in values.items() if p > self.alpha)
        separating |= dict.fromkeys(cut.all if cut is not None else ())
        if not values:
            return Evidence()
        sets: Sets = tuple(separating)
        if cut is not None and isinstance(cut.all, Some):
            sets = _with(separating, cut.all, len(cut.best))
        largest = max(values.values())
        likeliest = tuple(given for given, p in values.items() if p == largest)
        return Evidence(sets, likeliest, self._ordered(likeliest[0]), largest)

    def _sizes(self, i: int, j: int) -> range:
        """Return the sizes of sets to try."""
        most = int(self.skeleton.adjacent[[i, j]].sum(axis=1).max())
        for limit in (self.depth, getattr(self.test, "deepest", None)):
            most = most if limit is None else min(most, limit)
        return range(most + 1)

    def _tried(self, a: str, b: str, size: int) -> dict[frozenset[str], float]:
        """Test two variables given all sets of one size from the neighbours of either, as far as that can be done."""
        i, j = sorted((self._place[a], self._place[b]))
        if (i, j, size) not in self._ahead:
            self._ahead |= self._made(i, j, size)
        found = {}
        for given, p in self._ahead.pop((i, j, size)):
            if math.isnan(p):
                self.skipped += 1
            else:
                self.tests += 1
                found[frozenset([self.skeleton.variables[k] for k in given])] = p
        return found

    def _made(self, i: int, j: int, size: int) -> dict[tuple[int, int, int], Outcomes]:
        """Make the tests of a pair with sets of one size, and of pairs that are likely to be asked for next.

        All rules but the standard one come to all pairs that an unshielded triple joins.
        """
        pairs = [(i, j)]
        if self.rule != "standard" and isinstance(self.test, Many) and (i, j) in self._number:
            block = self._number[i, j] // TOGETHER * TOGETHER
            pairs = [pair for pair in list(self._number)[block : block + TOGETHER] if size in self._sizes(*pair)]
        asked = {pair: list(sets_of(self.skeleton.adjacent, *pair, size)) for pair in pairs}
        places = np.array([(*pair, *given) for pair in asked for given in asked[pair]], dtype=np.int32)
        places = places.reshape(len(places), size + 2)
        said = iter(p_values(self.test, places[:, :2], places[:, 2:]).tolist())
        return {(*pair, size): [(given, next(said)) for given in sets] for pair, sets in asked.items()}

    @cached_property
    def _number(self) -> dict[tuple[int, int], int]:
        """Number the pairs that aren't adjacent and have a neighbour in common."""
        near = self.skeleton.adjacent.astype(np.float32)
        joined = np.triu((near @ near > 0) & ~self.skeleton.adjacent, 1)
        return {(i, j): k for k, (i, j) in enumerate(np.argwhere(joined).tolist())}

    def _ordered(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(names, key=self._place.__getitem__))

    @cached_property
    def _place(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.skeleton.variables)}
