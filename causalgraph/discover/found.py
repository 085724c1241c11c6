"""What a search found: a graph that can be questioned, drawn, written to a file, and doubted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from causalgraph.answers import Answer, Block, Document, Word, line
from causalgraph.criteria.separation import naming
from causalgraph.discover.explaining import EdgeExplained, MarkExplained, reason_words
from causalgraph.discover.settings import Settings
from causalgraph.discover.skeleton import Doubt, Separator, Skeleton
from causalgraph.errors import ModelError
from causalgraph.formats.dag import write
from causalgraph.formats.diagram import Diagram
from causalgraph.graphs.equivalence import consistent_extension
from causalgraph.graphs.mags import impossible_marks, member
from causalgraph.graphs.marks import Place, Reason, marks_of
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.graphs.paths import unicode_edge

if TYPE_CHECKING:
    from causalgraph.discover.pc import Contradiction
    from causalgraph.independence.base import Test

__all__ = ["Found", "NoMember", "Settings", "Validity", "drawn"]

Pair = frozenset[str]
# What would be taken for an edge's mark in the middle of a name.
MARKED = re.compile(r"[<>←→↔—]|--|o-| - ")
# What an oracle is called.
ORACLE = "oracle"
# What is said of a search that Ctrl-C ended.
INTERRUPTED = "interrupted"
# So many reasons, edges and notes are shown at most, and so many written to a file.
MOST_SHOWN = 5
MOST_EDGES = 30
MOST_WRITTEN = 20
# What the title of a graph says whose tests contradict one another, so that every run of the file says so first.
DOUBTFUL = ": tests contradict one another"
# Digits of a p-value in a file.
DIGITS = 4


@dataclass(frozen=True)
class Validity:
    """Is the graph what its kind claims, and if not, why? It is true where it is.

    >>> bool(Validity(False, ("A - B is wanted both ways",)))
    False
    """

    holds: bool
    reasons: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.holds


@dataclass(frozen=True)
class NoMember(Answer):
    """No graph of causes keeps to what was found, and why."""

    reason: str

    @property
    def exit_code(self) -> int:
        """An honest negative."""
        return 1

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"kind": "members", "size": 0, "exact": True, "graphs": [], "reason": self.reason}

    def document(self) -> Document:
        """Say why."""
        return Document((line(Word("✘ ", "bad"), f"no graph of causes is a member: {self.reason}"),))


@dataclass(frozen=True)
class Found(Answer):
    """A graph that tests speak for.

    Attributes:
        graph: a cpdag, mpdag or pag; a pdag, which claims nothing, where PC's tests contradict one another.
        valid: whether the graph is what its kind claims, and why not.
        skeleton: the adjacencies and the tests behind them.
        settings: how it was searched for.
        reasons: the rule behind each mark, by the node at which it stands and the other one.
        conflicts: all contradictions among tests and knowledge, those among them that left the graph legal.
        unsettled: the unshielded triples of which it stays open whether they are colliders.
        unfinished: what was cut short, or left out.
        notes: what was taken for granted.
        test: what was asked.
    """

    graph: MixedGraph
    valid: Validity
    skeleton: Skeleton = field(repr=False, compare=False)
    settings: Settings
    reasons: Mapping[Place, Reason] = field(repr=False)
    conflicts: tuple[Contradiction, ...] = field(repr=False)
    unsettled: tuple[tuple[str, str, str], ...] = field(repr=False)
    unfinished: tuple[str, ...]
    notes: tuple[str, ...]
    test: Test = field(repr=False, compare=False)

    @property
    def partial(self) -> bool:
        """Whether the search was cut short: by a limit, by too few observations, or by Ctrl-C."""
        return bool(self.unfinished)

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C cut the search short."""
        return any(INTERRUPTED in why for why in self.unfinished)

    @property
    def separators(self) -> Mapping[Pair, frozenset[str]]:
        """For each pair that was cut: the set with the largest p-value; `skeleton.separators` has all of them."""
        return _Sets(self.skeleton.separators)

    def explain(self, a: str, b: str) -> EdgeExplained:
        """Say why two variables are adjacent, or not.

        Raises:
            ModelError: one isn't among the variables (E201), or both are the same (E212).
        """
        self.graph.require((a, b))
        if a == b:
            raise ModelError.because("E212", f"{a} is named twice", fix="name two variables")
        pair = frozenset((a, b))
        edge = next((e for e in self.graph.edges if {e.left, e.right} == pair), None)
        # What is ruled out both ways has no edge whatever tests of colliders say later.
        ruled_out = self.settings.knowledge.barred(a, b) and self.settings.knowledge.barred(b, a)
        cut = self.skeleton.separators.get(pair) if edge is None and not ruled_out else None
        decided: Separator | Doubt | None = cut if edge is None else self.skeleton.doubts.get(pair)
        place = {name: i for i, name in enumerate(self.skeleton.variables)}
        given = None if decided is None else cut.best if cut is not None else decided[0]
        i, j = sorted((place[a], place[b]))
        return EdgeExplained(
            a,
            b,
            edge,
            self.settings.test,
            self.settings.alpha,
            given,
            None if given is None else self.test.test(i, j, [place[n] for n in given]),
            () if cut is None else tuple(tuple(sorted(names, key=place.__getitem__)) for names in cut.all),
            "" if decided is not None else self._untested(a, b, edge),
            () if edge is None else tuple(self._mark(edge, at) for at in (a, b)),
            tuple(str(c) for c in self.conflicts if any(pair == frozenset(arrow) for arrow in c.edges)),
            self.settings.test != ORACLE,
            0 if cut is None else cut.number,
        )

    def _untested(self, a: str, b: str, edge: Edge | None) -> str:
        known = self.settings.knowledge
        if edge is None:
            why = [said for said in (known.barred(a, b), known.barred(b, a)) if said is not None]
            return f"it wasn't tested: {'; '.join(why)}" if why else "it wasn't tested"
        required = next((f"{x} -> {y}" for x, y in ((a, b), (b, a)) if (x, y) in known.required), None)
        return f"it wasn't tested: required {required}" if required else "no test of it could be made"

    def _mark(self, edge: Edge, at: str) -> MarkExplained:
        """Explain the mark at one end."""
        other = edge.right if at == edge.left else edge.left
        mark = edge.marks[0] if at == edge.left else edge.marks[1]
        reason = self.reasons.get((at, other))
        if reason is None:
            both = edge.mark == "--" and self.graph.kind != "pag"
            said = "neither tests nor rules direct the edge" if both else "neither tests nor rules settle it"
            return MarkExplained(at, mark, None, (), said)
        return MarkExplained(at, mark, *reason, reason_words(reason, self.skeleton.separators, self._known(at, other)))

    def _known(self, at: str, other: str) -> str | None:
        """Say what is known of the edge of two nodes."""
        known = self.settings.knowledge
        for a, b in ((at, other), (other, at)):
            if (a, b) in known.required:
                return f"required {a} -> {b}"
        said = [known.barred(at, other), known.barred(other, at)]
        return next((text for text in said if text is not None), None)

    def member(self) -> MixedGraph | NoMember:
        """Return one graph of causes that keeps to what was found: a DAG, or a MAG of a pag; or say why none does."""
        graph = self.graph
        if graph.kind == "pag":
            for edges, why in impossible_marks(graph):
                return NoMember(f"{', '.join(map(str, edges))}: {why}")
            return member(graph)
        found = consistent_extension(graph)
        if found is not None:
            return found
        said = "each way to orient its undirected edges makes a cycle or a new unshielded collider"
        return NoMember("; ".join((said, *self.valid.reasons[:MOST_SHOWN])))

    def text(
        self,
        title: str | None = None,
        *,
        frequency: Mapping[Pair, float] | None = None,
        header: Iterable[str] = (),
    ) -> str:
        """Return the graph as a `.dag` file: settings as comments, what was known, and the p-value of each edge.

        The p-value of an edge is the largest that it met, to four digits; one that knowledge requires has none. A pag
        with marks that no MAG has is written as it is: `causalgraph.load` names the edges in a warning (W107).

        Args:
            title: of the model.
            frequency: for each pair, in which share of replicates an edge joins it; see `stability`.
            header: further comments, a line each.

        Raises:
            ModelError: no file can hold the name of a variable (E012).
        """
        attributes: dict[Edge, dict[str, str | float]] = {}
        for edge in self.graph.edges:
            pair = frozenset((edge.left, edge.right))
            doubt = self.skeleton.doubts.get(pair)
            numbers = {"p": None if doubt is None else doubt.p, "frequency": (frequency or {}).get(pair)}
            attributes[edge.canonical] = {
                name: float(f"{value:.{DIGITS}g}") for name, value in numbers.items() if value is not None
            }
        drawn = Diagram.of(
            self.graph,
            title=title or f"Found by {self.settings.algorithm}{'' if self.valid else DOUBTFUL}",
            edge_attributes=attributes,
            knowledge=self.settings.knowledge,
        )
        first, _, rest = write(drawn).text.partition("\n")
        remarks = [row for told in (*self._header(), *header) for row in told.splitlines()]
        return "\n".join((first, *(f"# {row}" for row in remarks), rest))

    def _header(self) -> Iterator[str]:
        yield from self.settings.lines()
        yield f"tests: {self.skeleton.tests:,}"
        yield f"valid: {'yes' if self.valid else 'no'}"
        yield from _few((f"not valid: {why}" for why in self.valid.reasons), MOST_WRITTEN)
        yield from (f"unfinished: {why}" for why in self.unfinished)
        yield from _few((f"note: {note}" for note in self.notes), MOST_WRITTEN)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        graph = self.graph
        order = {name: i for i, name in enumerate(self.skeleton.variables)}
        cut = sorted((sorted(pair, key=order.__getitem__), by) for pair, by in self.skeleton.separators.items())
        at = marks_of(graph)
        return {
            "kind": "discovery",
            "kind_claimed": graph.kind,
            "nodes": list(graph.nodes),
            "edges": [list(e) for e in graph.edges],
            "valid": self.valid.holds,
            "reasons": list(self.valid.reasons),
            "partial": self.partial,
            "unfinished": list(self.unfinished),
            "notes": list(self.notes),
            **self.settings.to_dict(),
            "tests": self.skeleton.tests,
            "separators": [{"x": x, "y": y, "given": list(by.best), "p": by.p} for (x, y), by in cut],
            "p_values": [
                {"x": e.left, "y": e.right, "given": list(doubt.given), "p": doubt.p}
                for e in graph.edges
                if (doubt := self.skeleton.doubts.get(frozenset((e.left, e.right)))) is not None
            ],
            "marks": [
                {"at": a, "other": b, "mark": at[a, b].name.lower(), "rule": why.rule, "nodes": list(why.nodes)}
                for (a, b), why in self.reasons.items()
            ],
            "conflicts": [
                {"about": c.kind, "edges": [list(e) for e in c.edges], "what": str(c)} for c in self.conflicts
            ],
            "unsettled": [list(triple) for triple in self.unsettled],
        }

    def document(self) -> Document:
        """Show the edges, how many tests were made, and whether the graph is legal."""
        edges = [line(drawn(e), depth=1) for e in self.graph.edges[:MOST_EDGES]]
        if len(self.graph.edges) > MOST_EDGES:
            edges.append(line(f"and {len(self.graph.edges) - MOST_EDGES:,} more edges", depth=1))
        return Document((*self.verdict(), *edges, *self.remarks()))

    def verdict(self) -> Iterator[Block]:
        """Show what kind of graph it is, how it was found, whether it is legal, and what was cut short."""
        graph, settings = self.graph, self.settings
        by = f"{settings.algorithm}, {settings.test}" + (f", alpha {settings.alpha:g}" * (settings.test != ORACLE))
        n = f", n = {settings.n:,.10g}" if settings.n is not None else ""
        said = f"{graph.kind} by {by}{n}: {_counted(graph)}, {self.skeleton.tests:,} tests"
        yield line(Word("✔ ", "good") if self.valid else Word("✘ ", "bad"), said)
        if not self.valid:
            yield line(Word("not valid: tests contradict one another, or leave too much open", "bad"), depth=1)
            for why in _few(self.valid.reasons, MOST_SHOWN):
                first, *rest = why.split("; ")
                yield line(first, depth=2)
                yield from (line(more, depth=3) for more in rest)
        yield from (line(Word("⚠ ", "warn"), f"unfinished: {why}", depth=1) for why in self.unfinished)

    def remarks(self) -> Iterator[Block]:
        """Show what has no edge, what tests contradict, and what was taken for granted."""
        alone = [n for n in self.graph.nodes if not self.graph.adjacent[n]]
        if alone:
            more = f" and {len(alone) - MOST_EDGES:,} more" if len(alone) > MOST_EDGES else ""
            yield line(f"without an edge: {naming(alone[:MOST_EDGES])}{more}", depth=1)
        told = [str(c) for c in self.conflicts if str(c) not in self.valid.reasons]
        yield from (line(Word("⚠ ", "warn"), why, depth=1) for why in _few(told, MOST_SHOWN))
        yield from (line(Word(note, "dim"), depth=1) for note in _few(self.notes, MOST_SHOWN))

    def _repr_svg_(self) -> str:
        from causalgraph.render.svg import svg

        return svg(self.graph)


@dataclass(frozen=True)
class _Sets(Mapping[Pair, frozenset[str]]):
    """The best separator of each pair as a bare set, looked up when it is asked for."""

    found: Mapping[Pair, Separator]

    def __len__(self) -> int:
        return len(self.found)

    def __iter__(self) -> Iterator[Pair]:
        return iter(self.found)

    def __getitem__(self, pair: Pair) -> frozenset[str]:
        return frozenset(self.found[pair].best)


def drawn(edge: Edge) -> str:
    """Write an edge as a reader likes it, its direction from left to right; names that hold marks in backticks.

    >>> drawn(Edge("C", "<-", "A -> B"))
    '`A -> B` → C'
    """
    left, mark, right = edge.canonical
    return f"{_shown(left)} {unicode_edge(mark)} {_shown(right)}"


def _shown(name: str) -> str:
    return f"`{name}`" if MARKED.search(name) else name


def _counted(graph: MixedGraph) -> str:
    """Say how many nodes there are, and how many edges of each look.

    >>> _counted(MixedGraph.build([("A", "--", "B"), ("A", "--", "C")], kind="cpdag"))
    '3 nodes, 2 edges (2 —)'
    """
    looks = Counter(unicode_edge(e.mark) for e in graph.edges)
    each = f" ({', '.join(f'{many:,} {look}' for look, many in sorted(looks.items()))})" if looks else ""
    return f"{len(graph.nodes):,} nodes, {len(graph.edges):,} edge{'s' * (len(graph.edges) != 1)}{each}"


def _few(texts: Iterable[str], most: int) -> list[str]:
    told = list(texts)
    return told if len(told) <= most else [*told[:most], f"and {len(told) - most:,} more"]
