"""The graph side of identification: which sets of variables have a factor that the data determine.

After J. Tian, Q[S] is P(s | do(all else)), the factor of a set S. A factor is followed from all variables down to S by
two moves: keep what is ancestral to S, keep the district of S. All sets are bit masks over a topological order, so that
a move costs a few machine words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.relations import topological_order

__all__ = ["Climb", "Masks", "bits"]


def bits(mask: int) -> Iterator[int]:
    """Yield the numbers of the bits that are set, in order.

    >>> list(bits(0b1011))
    [0, 1, 3]
    """
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


@dataclass(frozen=True)
class Climb:
    """The way of one factor: ``levels`` are pairs (ancestral set, district in it), each inside the one before.

    The last district is the target where it is `reached`; else the way ends in a district T that is all ancestral to
    the target, and T and the target make a hedge.
    """

    target: int
    levels: tuple[tuple[int, int], ...]

    @property
    def reached(self) -> bool:
        """Did the way arrive at the target?"""
        return self.levels[-1][1] == self.target

    @property
    def stuck(self) -> int:
        """The district that the way ends in."""
        return self.levels[-1][1]


@dataclass(frozen=True)
class Masks:
    """A directed mixed graph without latents, its nodes numbered in a topological order, its edges as masks.

    What is `hidden` keeps its number and has lost its edges to those that its latent projection leaves.
    """

    names: tuple[str, ...]
    above: tuple[int, ...]
    below: tuple[int, ...]
    beside: tuple[int, ...]
    hidden: int = 0

    @classmethod
    def of(cls, graph: MixedGraph) -> Masks:
        """Compile a dag or an admg.

        >>> masks = Masks.of(MixedGraph.build([("X", "->", "Y"), ("X", "<->", "Y")]))
        >>> masks.names, masks.above, masks.beside
        (('X', 'Y'), (0, 1), (2, 1))
        """
        names = topological_order(graph)
        number = {n: i for i, n in enumerate(names)}
        above, below, beside = ([0] * len(names) for _ in range(3))
        for left, mark, right in graph.edges:
            a, b = number[left], number[right]
            if mark == "->":
                above[b] |= 1 << a
                below[a] |= 1 << b
            else:
                beside[a] |= 1 << b
                beside[b] |= 1 << a
        return cls(names, tuple(above), tuple(below), tuple(beside))

    @cached_property
    def number(self) -> dict[str, int]:
        """Each node's bit."""
        return {n: i for i, n in enumerate(self.names)}

    @property
    def all(self) -> int:
        """The set of all nodes that aren't hidden."""
        return ((1 << len(self.names)) - 1) & ~self.hidden

    def mask(self, names: Iterable[str]) -> int:
        """Return a set of names as a mask."""
        return sum(1 << self.number[n] for n in frozenset(names))

    def of_mask(self, mask: int) -> tuple[str, ...]:
        """Return the names in a mask, causes first."""
        return tuple(self.names[i] for i in bits(mask))

    def hide(self, node: int) -> Masks:
        """Return the latent projection that leaves out one more node.

        >>> masks = Masks.of(MixedGraph.build([("U", "->", "X"), ("U", "->", "Y")])).hide(0)
        >>> masks.above, masks.beside
        ((0, 0, 0), (0, 4, 2))
        """
        here = 1 << node
        above, below, beside = list(self.above), list(self.below), list(self.beside)
        parents, children, partners = above[node], below[node], beside[node]
        for i in bits(parents):
            below[i] = below[i] & ~here | children
        for i in bits(children):
            above[i] = above[i] & ~here | parents
            beside[i] = (beside[i] | children | partners) & ~(1 << i) & ~here
        for i in bits(partners):
            beside[i] = (beside[i] | children & ~(1 << i)) & ~here
        above[node] = below[node] = beside[node] = 0
        return Masks(self.names, tuple(above), tuple(below), tuple(beside), self.hidden | here)

    @staticmethod
    def closure(start: int, steps: tuple[int, ...], within: int) -> int:
        """Return what can be reached from a set by single steps inside another set."""
        found = fresh = start & within
        while fresh:
            reached = 0
            for i in bits(fresh):
                reached |= steps[i]
            fresh = reached & within & ~found
            found |= fresh
        return found

    def ancestors(self, of: int, within: int) -> int:
        """Return the ancestors of a set, itself included, in the subgraph on ``within``."""
        return self.closure(of, self.above, within)

    def district(self, of: int, within: int) -> int:
        """Return what two-headed arrows join to a set in the subgraph on ``within``."""
        return self.closure(of, self.beside, within)

    def districts(self, within: int) -> list[int]:
        """Return the districts of the subgraph on ``within``."""
        out = []
        rest = within
        while rest:
            found = self.district(rest & -rest, within)
            out.append(found)
            rest &= ~found
        return out

    def parents(self, of: int) -> int:
        """Return the parents of a set that lie outside of it."""
        found = 0
        for i in bits(of):
            found |= self.above[i]
        return found & ~of

    def climb(self, target: int) -> Climb:
        """Follow a factor from all variables down to ``target``, a set that is one district by itself.

        Source: J. Tian, J. Pearl, "A general identification condition for causal effects" (AAAI 2002), figure 3; its
        completeness: Y. Huang, M. Valtorta, "Identifiability in causal Bayesian networks" (AAAI 2006).
        """
        levels: list[tuple[int, int]] = []
        inside = self.all
        while inside != target:
            ancestral = self.ancestors(target, inside)
            if levels and ancestral == inside:
                break
            inside = self.district(target, ancestral)
            levels.append((ancestral, inside))
        return Climb(target, tuple(levels) or ((inside, inside),))

    def order(self, within: int, late: int, neutral: int) -> list[int]:
        """Return a topological order of ``within``, the nodes of ``late`` as near its end as they may stand.

        Those of ``neutral`` come next, so that the rest stands together at the start.
        """
        left = {i: (self.below[i] & within).bit_count() for i in bits(within)}
        ready = sum(1 << i for i, count in left.items() if not count)
        out = []
        while ready:
            choice = ready & late or ready & neutral or ready
            i = choice.bit_length() - 1
            ready ^= 1 << i
            out.append(i)
            for parent in bits(self.above[i] & within):
                left[parent] -= 1
                if not left[parent]:
                    ready |= 1 << parent
        return out[::-1]

    def pillow(self, node: int, prefix: int) -> int:
        """Return what separates a node from the rest of ``prefix``, a set that holds no descendant of it.

        This is its district in the prefix, and the parents of that district.

        Source: J. Tian, J. Pearl, "A general identification condition for causal effects" (AAAI 2002), lemma 4.
        """
        district = self.district(1 << node, prefix)
        return (district | self.parents(district)) & prefix & ~(1 << node)

    def pieces(self, order: list[int], district: int, summed: int, *, runs: bool) -> list[tuple[int, int]]:
        """Split a district by the chain rule: pairs of members that follow one another, and what they depend on.

        Members that depend on the same go together; with `runs`, all do that no other node stands between.
        """
        out: list[tuple[int, int]] = []
        prefix, after_member = 0, False
        for i in order:
            here = 1 << i
            prefix |= here
            if not here & district:
                after_member = False
                continue
            given = self.pillow(i, prefix)
            if after_member and not (here | out[-1][0]) & summed:
                subject, before = out[-1]
                if runs or given & ~subject == before:
                    out[-1] = (subject | here, (before | given) & ~subject)
                    continue
            out.append((here, given))
            after_member = True
        return out

    def connected(self, x: int, y: int, given: int, *, into: int = 0, out_of: int = 0) -> bool:
        """Is some path open between X and Y given Z, without the arrows into ``into`` and out of ``out_of``?

        Source: R. Shachter, "Bayes-Ball" (UAI 1998), with two-headed arrows.
        """
        kept = ~into
        # Above Z in the cut graph: colliders that are open.
        opened = fresh = given
        while fresh:
            reached = 0
            for i in bits(fresh & kept):
                reached |= self.above[i]
            fresh = reached & ~out_of & ~opened
            opened |= fresh
        by_tail = x  # entered against an arrow (or a start): may go anywhere
        by_head = 0  # entered along an arrowhead
        todo = [(i, False) for i in bits(x)]
        while todo:
            i, head = todo.pop()
            here = 1 << i
            up = (self.above[i] & ~out_of) if here & kept else 0
            side = (self.beside[i] & kept) if here & kept else 0
            down = 0 if here & out_of else self.below[i] & kept
            to_tail = to_head = 0
            if head:
                if not here & given:
                    to_head |= down
                if here & opened:
                    to_tail |= up
                    to_head |= side
            elif not here & given:
                to_tail |= up
                to_head |= side | down
            new_tail, new_head = to_tail & ~by_tail, to_head & ~by_head
            by_tail |= new_tail
            by_head |= new_head
            if (new_tail | new_head) & y:
                return True
            todo += [(j, False) for j in bits(new_tail)]
            todo += [(j, True) for j in bits(new_head)]
        return False
