"""How often each edge and each mark come again when the data are drawn anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from causalgraph.answers import Answer, Block, Document, Table, Word, line, share_text
from causalgraph.discover.doors import DOORS
from causalgraph.discover.drawing import Draw, drawing, source_of
from causalgraph.discover.found import MOST_EDGES, MOST_SHOWN, Found, drawn
from causalgraph.errors import CausalGraphError, DataError, ModelError, did_you_mean
from causalgraph.graphs.mixed import Edge
from causalgraph.independence.choosing import AUTO, OF_DATA, OF_TABLES, choose
from causalgraph.progress import watched, working
from causalgraph.variables import Variable

if TYPE_CHECKING:
    from causalgraph.independence.base import Test
    from causalgraph.independence.choosing import Judge

__all__ = ["Frequency", "Stability", "stability"]

# An edge in a smaller share of the replicates is told.
HALF = 0.5
# What a sample can't be tested for as it came out: a variable that doesn't vary, too few observations.
UNLUCKY = ("E320", "E322")


class Frequency(NamedTuple):
    """How often two variables came out as adjacent, and how.

    Attributes:
        a: one, which stands first in natural order.
        b: the other.
        found: the edge between them in the graph of the data themselves, None where there is none.
        edge: the share of replicates in which an edge joins them; None without replicates.
        marks: the share of each look, as ``("->", 0.75)`` for a -> b, the most frequent first.
    """

    a: str
    b: str
    found: Edge | None
    edge: float | None
    marks: tuple[tuple[str, float], ...] = ()

    @property
    def as_found(self) -> float | None:
        """The share of replicates with the very edge that was found; None without one."""
        if self.found is None or self.edge is None:
            return None
        return dict(self.marks).get(_from(self.found, self.a), 0.0)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "x": self.a,
            "y": self.b,
            "found": None if self.found is None else list(self.found),
            "edge": self.edge,
            "as_found": self.as_found,
            "marks": dict(self.marks),
        }


@dataclass(frozen=True)
class Stability(Answer):
    """How often what was found comes again.

    Attributes:
        found: the graph of the data themselves.
        pairs: each pair that had an edge in the graph or in a replicate, in natural order; none without replicates.
        by: what was drawn: ``cells``, ``rows``, or a covariance matrix from its Wishart law, which assumes normality.
        replicates: how many were searched.
        asked: how many were asked for.
        seed: of all that was drawn.
        valid: how many of the replicates' graphs are what their kind claims.
        failed: how many couldn't be searched, as a variable didn't vary in them.
        notes: what was taken for granted, and why some couldn't.
    """

    found: Found
    pairs: tuple[Frequency, ...] = field(repr=False)
    by: str
    replicates: int
    asked: int
    seed: int
    valid: int
    failed: int = 0
    notes: tuple[str, ...] = ()

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C cut it short."""
        return self.found.interrupted or self.replicates + self.failed < self.asked

    @property
    def unfinished(self) -> tuple[str, ...]:
        """What was cut short, in the search or after it."""
        short = f"interrupted after {self.replicates + self.failed:,} of {self.asked:,} replicates"
        return (*self.found.unfinished, *((short,) if self.interrupted else ()))

    @property
    def partial(self) -> bool:
        """Whether anything was cut short."""
        return bool(self.unfinished)

    @property
    def doubtful(self) -> tuple[Frequency, ...]:
        """The edges that were found and came again in less than half of the replicates."""
        return tuple(p for p in self.pairs if p.found is not None and p.edge is not None and p.edge < HALF)

    @property
    def missed(self) -> tuple[Frequency, ...]:
        """The pairs without an edge in the graph that had one in half of the replicates or more."""
        return tuple(p for p in self.pairs if p.found is None and p.edge is not None and p.edge >= HALF)

    def frequency(self, a: str, b: str) -> Frequency:
        """Return how often two variables came out as adjacent, told from the first of them in natural order.

        Raises:
            ModelError: one isn't among the variables (E201), or both are the same (E212).
        """
        self.found.graph.require((a, b))
        if a == b:
            raise ModelError.because("E212", f"{a} is named twice", fix="name two variables")
        first, second = sorted((a, b), key=self.found.skeleton.variables.index)
        known = (p for p in self.pairs if (p.a, p.b) == (first, second))
        return next(known, Frequency(first, second, None, 0.0 if self.replicates else None))

    def text(self, title: str | None = None) -> str:
        """Return the found graph as a `.dag` file, each edge with the share of replicates that have one there.

        Raises:
            ModelError: no file can hold the name of a variable (E012).
        """
        shares = {frozenset((p.a, p.b)): p.edge for p in self.pairs if p.edge is not None}
        return self.found.text(title, frequency=shares, header=self._told())

    def _told(self) -> Iterator[str]:
        yield f"replicates: {self.replicates:,}, by {self.by}"
        yield f"seed: {self.seed}"
        yield f"valid replicates: {self.valid:,}"
        yield from self._remarks()
        yield from (f"note: {note}" for note in self.notes)

    def _remarks(self) -> Iterator[str]:
        """Yield what a reader must know besides the numbers."""
        if self.interrupted:
            yield f"unfinished: {self.unfinished[-1]}"
        for pair in self.doubtful[:MOST_SHOWN]:
            yield f"few replicates: {_drawn(pair)} came again in {_percent(pair.edge)}"
        if len(self.doubtful) > MOST_SHOWN:
            yield f"few replicates: {len(self.doubtful) - MOST_SHOWN:,} more edges that came again in less than half"
        for pair in self.missed[:MOST_SHOWN]:
            yield f"not found: an edge of {pair.a} and {pair.b}, which {_percent(pair.edge)} of the replicates have"
        if len(self.missed) > MOST_SHOWN:
            yield f"not found: {len(self.missed) - MOST_SHOWN:,} more edges that half of the replicates have"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "kind": "stability",
            "by": self.by,
            "replicates": self.replicates,
            "asked": self.asked,
            "seed": self.seed,
            "valid": self.valid,
            "failed": self.failed,
            "partial": self.partial,
            "unfinished": list(self.unfinished),
            "notes": list(self.notes),
            "frequencies": [pair.to_dict() for pair in self.pairs],
            "found": self.found.to_dict(),
        }

    def document(self) -> Document:
        """Show what was found, and how often each edge came again."""
        if not self.replicates:
            short = line(Word("⚠ ", "warn"), f"unfinished: {self.unfinished[-1]}", depth=1)
            return Document((*self.found.document().blocks, short))
        edges = [pair for pair in self.pairs if pair.found is not None]
        rows = tuple((_drawn(p), _percent(p.edge), _percent(p.as_found), _others(p)) for p in edges[:MOST_EDGES])
        said = f"{self.replicates:,} replicates, by {self.by}, seed {self.seed}: {self.valid:,} with a valid graph"
        blocks: list[Block] = [*self.found.verdict(), line(said, depth=1)]
        if rows:
            header = ("found", "an edge in", "as found in", "otherwise")
            blocks.append(Table(header, rows, frozenset((1, 2)), depth=1))
        if len(edges) > MOST_EDGES:
            blocks.append(line(f"and {len(edges) - MOST_EDGES:,} more edges", depth=1))
        blocks += [line(Word("⚠ ", "warn"), told, depth=1) for told in self._remarks()]
        blocks += [line(Word(note, "dim"), depth=1) for note in self.notes]
        return Document((*blocks, *self.found.remarks()))


def stability(
    data: object,
    algorithm: str = "pc",
    replicates: int = 100,
    seed: int = 0,
    *,
    test: str | Judge = AUTO,
    n: float | None = None,
    variables: Iterable[str | Variable] | None = None,
    **settings: Any,
) -> Stability:
    """Tell how often each edge and each mark come again when the data are drawn anew.

    What is drawn is the smallest thing that holds the data: the counts of cells where variables are discrete; weights
    of rows where they are numbers; the covariance matrix from its Wishart law, with n - 1 degrees of freedom, where
    there is nothing but a matrix, or where the rows are more than memory should hold. The last assumes normality. The
    order of rows and columns changes nothing.

    A replicate varies about the data as these vary about the truth, so that it has more false edges than the data have:
    where two variables are independent, at alpha = 0.01, in 7 of 100 replicates on average.

    Args:
        data: as in `pc`: rows of any kind, a correlation matrix and n, or counts.
        algorithm: ``pc``, ``fci`` or ``rfci``.
        replicates: how many to draw. Ctrl-C keeps those that are done.
        seed: of all that is drawn.
        test: a name, as in `pc`.
        n: the number of observations behind a matrix.
        variables: which to use; of a matrix or an array the names of all.
        settings: further ones of the data, the test and the algorithm: ``weight``, ``df``, ``alpha``, ``tiers`` …

    Raises:
        ModelError: no such algorithm, or replicates that aren't a number from 1 on (E134); a seed that can't be (E219);
            and what the algorithm raises.
        DataError: an oracle or a function, which hold no observations (E325); no replicate could be searched (E320,
            E322); and what the algorithm raises.

    Source: N. Friedman, M. Goldszmidt, A. Wyner, "Data analysis with Bayesian networks: a bootstrap approach" (UAI
    1999), arXiv:1301.6695; B. Efron, R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 6.

    >>> matrix = [[1, 0.6, 0.36], [0.6, 1, 0.6], [0.36, 0.6, 1]]
    >>> found = stability((matrix, 400), replicates=50, variables=["A", "B", "C"])
    >>> found.by, found.frequency("A", "B").edge, found.frequency("A", "C").edge < 0.2
    ('Wishart: assumes normality', 1.0, True)
    """
    _check(data, algorithm, replicates, seed)
    named = None if variables is None else tuple(variables)
    of_test = {key: settings.pop(key) for key in (*OF_DATA, *OF_TABLES) if key in settings}
    source = source_of(data, test, n, named, of_test)
    kept = of_test if source is None else {k: v for k, v in of_test.items() if k not in OF_DATA}
    chosen = choose(data if source is None else source, test, n=n, variables=named, **kept)
    by, draw, notes = drawing(chosen.test, source, {v.name: v for v in named or () if isinstance(v, Variable)})
    search = DOORS[algorithm]
    whole = search(chosen.test, **settings)
    whole = replace(whole, notes=(*chosen.notes, *whole.notes))
    if whole.interrupted:
        return Stability(whole, (), by, 0, replicates, seed, 0, 0, notes)
    graphs, failures = _searched(draw, lambda test: search(test, **settings), replicates, seed)
    if failures and not graphs:
        raise failures[0]
    if failures:
        why = failures[0].diagnostics[0].what
        notes = (*notes, f"{len(failures):,} replicates couldn't be searched, such as one with {why}")
    valid = sum(found.valid.holds for found in graphs)
    return Stability(whole, _counted(whole, graphs), by, len(graphs), replicates, seed, valid, len(failures), notes)


def _check(data: object, algorithm: object, replicates: object, seed: object) -> None:
    """Make sure of the settings.

    Raises:
        ModelError: one can't be (E134, E219).
        DataError: it is given what was found, in place of data (E325).
    """
    if isinstance(data, Found):
        fix = "pass the data themselves: stability(data)"
        raise DataError.because("E325", "what was found holds no observations that could be drawn anew", fix=fix)
    if not isinstance(algorithm, str) or algorithm not in DOORS:
        near = did_you_mean(algorithm, DOORS) if isinstance(algorithm, str) else None
        fix = f"did you mean {near}?" if near else f"use {', '.join(DOORS)}"
        raise ModelError.because("E134", f"there is no algorithm {algorithm}", fix=fix)
    if isinstance(replicates, bool) or not (isinstance(replicates, int | np.integer) and replicates >= 1):
        raise ModelError.because("E134", f"replicates is a whole number from 1 on, not {replicates!r}")
    if isinstance(seed, bool) or not (isinstance(seed, int | np.integer) and seed >= 0):
        raise ModelError.because("E219", f"a seed is a whole number from 0 on, not {seed!r}")


def _searched(
    draw: Draw, search: Callable[[Test], Found], replicates: int, seed: int
) -> tuple[list[Found], list[CausalGraphError]]:
    """Search replicates until all are done or Ctrl-C ends it."""
    rng = np.random.default_rng(seed)
    graphs: list[Found] = []
    failures: list[CausalGraphError] = []
    # After Ctrl-C those that are done count, and the answer says how many are.
    with suppress(KeyboardInterrupt), working(f"drawing {replicates:,} replicates"):
        for k in range(replicates):
            # What a single search says of itself would hide how far all are.
            with working(f"replicate {k + 1:,} of {replicates:,}"), watched(nullcontext):
                try:
                    found = search(draw(rng))
                except DataError as error:
                    if error.code not in UNLUCKY:
                        raise
                    failures.append(error)
                    continue
            if found.interrupted:
                break
            graphs.append(found)
    return graphs, failures


def _counted(whole: Found, graphs: list[Found]) -> tuple[Frequency, ...]:
    """Count the looks of each pair's edges."""
    if not graphs:
        return ()
    place = {name: i for i, name in enumerate(whole.skeleton.variables)}

    def pair(edge: Edge) -> tuple[str, str]:
        return cast("tuple[str, str]", tuple(sorted((edge.left, edge.right), key=place.__getitem__)))

    found = {pair(edge): edge for edge in whole.graph.edges}
    looks: dict[tuple[str, str], Counter[str]] = {ends: Counter() for ends in found}
    for graph in graphs:
        for edge in graph.graph.edges:
            ends = pair(edge)
            looks.setdefault(ends, Counter())[_from(edge, ends[0])] += 1
    frequencies = []
    for a, b in sorted(looks, key=lambda ends: (place[ends[0]], place[ends[1]])):
        seen = sorted(looks[a, b].items(), key=lambda look: (-look[1], look[0]))
        marks = tuple((mark, many / len(graphs)) for mark, many in seen)
        edge_share = sum(many for _, many in seen) / len(graphs)
        frequencies.append(Frequency(a, b, found.get((a, b)), edge_share, marks))
    return tuple(frequencies)


def _from(edge: Edge, first: str) -> str:
    """Return an edge's mark, read from one of its ends."""
    return edge.mark if edge.left == first else edge.turned.mark


def _drawn(pair: Frequency) -> str:
    return drawn(pair.found or Edge(pair.a, "--", pair.b))


def _others(pair: Frequency) -> str:
    """Tell the looks of an edge that differ from what was found."""
    own = None if pair.found is None else _from(pair.found, pair.a)
    told = (f"{drawn(Edge(pair.a, mark, pair.b))} {share_text(share)}" for mark, share in pair.marks if mark != own)
    return ", ".join(told)


def _percent(share: float | None) -> str:
    return "" if share is None else share_text(share)
