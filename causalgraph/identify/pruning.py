"""Which variables a formula can do without: observed ones that might as well be latent.

A formula for the graph in which more is latent is one for the graph itself. Variables are hidden one by one where the
effect stays identified and its formula becomes shorter. Lengths are counted on masks, without a formula.

Source: S. Tikka, J. Karvanen, "Enhancing identification of causal effects by pruning", JMLR 18 (2018) 194.
"""

from __future__ import annotations

from dataclasses import dataclass

from causalgraph.identify.factors import Climb, Masks, bits

__all__ = ["climbs", "pruned"]

# A free value has to be chosen by the reader, who should need none.
FREE = 20
# Among more candidates than this, effects come first and no second way is tried.
BOTH_WAYS = 100


def climbs(masks: Masks, x: int, y: int) -> list[Climb]:
    """Return the way of each factor that P(y | do(x)) falls into."""
    if not x:
        return []
    inner = masks.ancestors(y, masks.all & ~x)
    return [masks.climb(d) for d in masks.districts(inner)]


def pruned(masks: Masks, x: int, y: int, w: int, keep: int = 0) -> Masks:
    """Hide what a formula for P(y | do(x), w) can do without, but nothing of ``keep``.

    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> masks = Masks.of(MixedGraph.build([("A", "->", "B"), ("B", "->", "X"), ("B", "->", "Y"), ("X", "->", "Y")]))
    >>> masks.of_mask(pruned(masks, masks.mask("X"), masks.mask("Y"), 0).hidden)
    ('A',)
    """
    kept = x | y | w | keep
    backward, count = _settled(masks, x, y, w, kept, step=-1)
    if (masks.ancestors(y | w, masks.all) & ~kept).bit_count() > BOTH_WAYS:
        return backward
    forward, other = _settled(masks, x, y, w, kept, step=1)
    return forward if other < count else backward


def _settled(masks: Masks, x: int, y: int, w: int, kept: int, step: int) -> tuple[Masks, int]:
    """Hide one variable after the other, effects or causes first, until none is left that makes it shorter.

    Also return how long the formula is then.
    """
    parts = _lengths(masks, x, y, w, {}) or {}
    best, before = _total(masks, x, y, w, parts), -1
    while best != before:
        before = best
        for i in list(bits(masks.ancestors(y | w, masks.all) & ~kept))[::step]:
            fewer = masks.hide(i)
            # What happens to a node that is neither in the district around a factor nor a parent of it leaves it alone.
            known = {target: part for target, part in parts.items() if not part[0] >> i & 1}
            new = _lengths(fewer, x, y, w, known)
            if new is not None and _total(fewer, x, y, w, new) < best:
                masks, parts, best = fewer, new, _total(fewer, x, y, w, new)
    return masks, best


# Factor -> the nodes that it rests on, and the symbols that it takes.
Lengths = dict[int, tuple[int, int]]


def _total(masks: Masks, x: int, y: int, w: int, parts: Lengths) -> int:
    """Count the symbols of a formula from those of its factors; with conditions it is a ratio."""
    summed = masks.ancestors(y | w, masks.all & ~x) & ~(y | w)
    return summed.bit_count() + (2 if w else 1) * sum(count for _, count in parts.values())


def _lengths(masks: Masks, x: int, y: int, w: int, known: Lengths) -> Lengths | None:
    """Count the symbols of each factor of P(y, w | do(x)), or return None where one isn't identified."""
    inner = masks.ancestors(y | w, masks.all & ~x)
    out = {}
    for target in masks.districts(inner):
        if target in known:
            out[target] = known[target]
            continue
        way = masks.climb(target)
        if not way.reached:
            return None
        free = 0
        for _, district in way.levels:
            free |= masks.parents(district)
        district = way.levels[0][1]
        chosen = (free & ~(x | inner)).bit_count()
        out[target] = district | masks.parents(district), _Count(masks, way).factor_or_seen() + FREE * chosen
    return out


@dataclass(frozen=True)
class _Count:
    """Counts what the derivation would write for one factor, along the same lines."""

    masks: Masks
    way: Climb

    def factor_or_seen(self) -> int:
        held = self.masks.parents(self.way.target)
        return self.seen(self.way.target, 0, held) or self.factor(len(self.way.levels) - 1, 0)

    def seen(self, subject: int, given: int, held: int) -> int:
        if held and self.masks.connected(subject, held, given, out_of=held):
            return 0
        return 1 + (subject | given | held).bit_count()

    def factor(self, level: int, summed: int) -> int:
        masks = self.masks
        ancestral, district = self.way.levels[level]
        held = masks.parents(ancestral)
        if level and ancestral == district:
            return self.marginal(level - 1, district, held)
        order = masks.order(ancestral, summed, ancestral & ~district)
        total = needed = 0
        for subject, given in reversed(masks.pieces(order, district, summed, runs=bool(level))):
            if subject & summed and not subject & needed:
                continue
            needed |= given
            if level:
                total += self.conditional(level, subject, given, held)
            else:
                total += 1 + (subject | given).bit_count()
        return total

    def conditional(self, level: int, subject: int, given: int, held: int) -> int:
        known = self.seen(subject, given, held)
        if known:
            return known
        below = self.marginal(level - 1, given, held) if given else 0
        return self.marginal(level - 1, subject | given, held) + below

    def marginal(self, level: int, subject: int, held: int) -> int:
        known = self.seen(subject, 0, held)
        rest = self.way.levels[level][1] & ~subject
        return known or rest.bit_count() + self.factor(level, rest)
