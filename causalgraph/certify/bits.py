"""Models whose variables are rows of bits, each bit an XOR of bits of the parents, flipped by chance.

A signal between observed variables may have to pass latent ones: each latent on the way gets a bit that copies it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

import numpy as np

from causalgraph.certify.models import MOST_CELLS, DiscreteModel, Key, TooLargeError
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.graphs.paths import unicode_edge

__all__ = ["COIN", "COPY", "NOISY", "Bit", "Network", "Rows", "Term", "compiled", "equations", "named"]

# A bit of a variable: the variable, and the bit's place in its row.
Term = tuple[Key, int]

# How a bit comes from its terms: as their XOR, as that flipped with a small probability, as a fair coin.
COPY, NOISY, COIN = "copy", "noisy", "coin"


@dataclass(frozen=True)
class Bit:
    """The XOR of some bits of the parents; `noise` says what chance does to it."""

    terms: tuple[Term, ...]
    noise: str


# All bits of a model, by variable.
Rows = Mapping[Key, tuple[Bit, ...]]


@dataclass
class Network:
    """The bits of each variable of a graph, as they are added; a two-headed edge is the key of its latent."""

    graph: MixedGraph
    bits: dict[Key, list[Bit]] = field(default_factory=dict)

    def add(self, key: Key, terms: Iterable[Term], noise: str) -> Term:
        """Give a variable one more bit, and return its name."""
        row = self.bits.setdefault(key, [])
        row.append(Bit(tuple(terms), noise))
        return key, len(row) - 1

    def along(self, term: Term, latents: Iterable[str]) -> Term:
        """Copy a bit from latent to latent, and return the last copy."""
        for latent in latents:
            term = self.add(latent, (term,), COPY)
        return term

    def arrow(self, term: Term, child: str) -> Term:
        """Bring a bit along an arrow of the latent projection: return what stands at the child's door."""
        parent = term[0]
        if parent in self._parents[child]:
            return term
        chains = [c for c in self._hidden_above[child].values() if parent in self._parents[c[0]]]
        shortest: tuple[str, ...] = min(chains, key=len)
        return self.along(term, shortest)

    def arc(self, a: str, b: str) -> tuple[Term, Term]:
        """Toss a coin above a two-headed edge of the latent projection: return what stands at the doors of its ends."""
        source, to_a, to_b = min(self._treks(a, b), key=lambda trek: len(trek[1]) + len(trek[2]))
        coin = self.add(source, (), COIN)
        return self.along(coin, to_a), self.along(coin, to_b)

    def _treks(self, a: str, b: str) -> Iterator[tuple[Key, tuple[str, ...], tuple[str, ...]]]:
        """Yield the hidden sources of both, with the latents from each to a and to b."""
        above_a, above_b = ({n: (), **self._hidden_above[n]} for n in (a, b))
        for edge in self.graph.edges:
            if edge.mark == "<->":
                for p, q in ((edge.left, edge.right), (edge.right, edge.left)):
                    if p in above_a and q in above_b:
                        yield edge, above_a[p], above_b[q]
        for latent in above_a.keys() & above_b.keys() & self.graph.latent:
            yield latent, above_a[latent][1:], above_b[latent][1:]

    @cached_property
    def _parents(self) -> dict[str, list[str]]:
        parents: dict[str, list[str]] = {n: [] for n in self.graph.nodes}
        for edge in self.graph.edges:
            if edge.mark == "->":
                parents[edge.right].append(edge.left)
        return parents

    @cached_property
    def _hidden_above(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """For each node, the latents that reach it through latents, each with the shortest such chain from it."""
        out = {}
        for node in self.graph.nodes:
            chains: dict[str, tuple[str, ...]] = {}
            waiting: list[tuple[str, tuple[str, ...]]] = [(node, ())]
            for here, chain in waiting:
                for parent in self._parents[here]:
                    if parent in self.graph.latent and parent not in chains:
                        chains[parent] = (parent, *chain)
                        waiting.append((parent, chains[parent]))
            out[node] = chains
        return out


def compiled(graph: MixedGraph, bits: Rows, flip: float) -> DiscreteModel:
    """Return the model as tables; a variable's value is its row of bits, read as a number, the first bit lowest.

    A variable without bits is a fair coin that depends on nothing.

    Raises:
        TooLargeError: a table would be too large.
    """
    chance = {COPY: 0.0, NOISY: flip, COIN: 0.5}
    keys: tuple[Key, ...] = (*graph.nodes, *(e for e in graph.edges if e.mark == "<->"))
    parents: dict[Key, tuple[Key, ...]] = {}
    tables = {}
    for key in keys:
        row = bits.get(key, (Bit((), COIN),))
        parents[key] = tuple(dict.fromkeys(parent for bit in row for parent, _ in bit.terms))
        shape = [2 ** len(bits[p]) for p in parents[key]] + [2 ** len(row)]
        if np.prod(shape, dtype=float) > MOST_CELLS:
            raise TooLargeError(f"a table of {named(key)} over {len(parents[key])} parents")
        *above, own = np.indices(shape, dtype=np.int64, sparse=True)
        table = np.ones(shape)
        for place, bit in enumerate(row):
            expected = np.zeros(1, dtype=np.int64)
            for parent, at in bit.terms:
                expected = expected ^ above[parents[key].index(parent)] >> at & 1
            p = chance[bit.noise]
            table *= np.where((own >> place & 1) == expected, 1 - p, p)
        tables[key] = table
    return DiscreteModel(graph, parents, tables)


def named(key: Key) -> str:
    """Write a variable; a two-headed edge's latent is named after the edge.

    >>> named(Edge("X", "<->", "Y"))
    'U(X ↔ Y)'
    """
    return f"U({key.left} {unicode_edge(key.mark)} {key.right})" if isinstance(key, Edge) else key


def equations(bits: Rows, flip: float) -> Iterator[tuple[str, str]]:
    """Yield each bit's name and its structural equation, latents first.

    >>> latent = Edge("X", "<->", "Y")
    >>> rows = {latent: (Bit((), COIN),), "X": (Bit(((latent, 0),), NOISY),)}
    >>> list(equations(rows, 0.125))
    [('U(X ↔ Y)', 'a fair coin'), ('X', 'U(X ↔ Y), flipped with probability 1/8')]
    """

    def bit_name(term: Term) -> str:
        key, place = term
        return named(key) if len(bits[key]) == 1 else f"{named(key)}[{place}]"

    for key, row in sorted(bits.items(), key=lambda item: isinstance(item[0], str)):
        for place, bit in enumerate(row):
            said = " ⊕ ".join(map(bit_name, bit.terms))
            if bit.noise == COIN:
                said = "a fair coin"
            elif bit.noise == NOISY:
                said = f"{said}, flipped" if said else "1"
                said += f" with probability {Fraction(flip)}"
            yield bit_name((key, place)), said
