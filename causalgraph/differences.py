"""What differs between two graphs: a found one and the true one, yours and a colleague's, before and after a change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from causalgraph.answers import Answer, Block, Document, Word, line
from causalgraph.criteria.separation import naming
from causalgraph.errors import ModelError, SourceText
from causalgraph.graphs.differences import Compared, Verdict, compared
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.graphs.paths import unicode_edge

__all__ = ["Differences", "differences"]

# What a text without a file is called.
NAMELESS = SourceText("").name

# So many pairs of each sort are shown.
MOST_SHOWN = 30


class HasGraph(Protocol):
    """A model, or what a search found."""

    @property
    def graph(self) -> MixedGraph:
        """The graph."""


@dataclass(frozen=True)
class Differences(Answer):
    """What differs between two graphs, pair by pair of nodes.

    Attributes:
        first: the one graph.
        second: the other graph.
        names: what they are called.
        only_first: the pairs that are adjacent in the first graph alone.
        only_second: the pairs that are adjacent in the second graph alone.
        other_marks: the pairs that are adjacent in both, by edges that aren't the same: `less` and `contradicting`.
        same: the pairs that both graphs join by the same edges.
        positions: where nodes are to be drawn, y growing downward.
    """

    first: MixedGraph
    second: MixedGraph
    names: tuple[str, str]
    only_first: tuple[Compared, ...]
    only_second: tuple[Compared, ...]
    other_marks: tuple[Compared, ...]
    same: tuple[Compared, ...]
    positions: Mapping[str, tuple[float, float]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def distance(self) -> int:
        """The structural Hamming distance: how many pairs of nodes differ, each counted once.

        Source: Tsamardinos, Brown and Aliferis (2006), section 6, doi:10.1007/s10994-006-6889-7.
        """
        return len(self.only_first) + len(self.only_second) + len(self.other_marks)

    @property
    def nodes_only_first(self) -> tuple[str, ...]:
        """The nodes that the first graph alone has, in natural order."""
        return self.first.sorted({*self.first.nodes} - {*self.second.nodes})

    @property
    def nodes_only_second(self) -> tuple[str, ...]:
        """The nodes that the second graph alone has, in natural order."""
        return self.first.sorted({*self.second.nodes} - {*self.first.nodes})

    @property
    def less(self) -> tuple[Compared, ...]:
        """The pairs of `other_marks` where marks may be those of one truth, of which one graph says less."""
        return tuple(c for c in self.other_marks if c.verdict == "less")

    @property
    def contradicting(self) -> tuple[Compared, ...]:
        """The pairs of `other_marks` where no truth fits both: a reversed arrow, a tail against an arrowhead."""
        return tuple(c for c in self.other_marks if c.verdict == "other")

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values; `less` and `contradicting` part the pairs of `other_marks`."""
        sorts = {
            "only_first": self.only_first,
            "only_second": self.only_second,
            "other_marks": self.other_marks,
            "less": self.less,
            "contradicting": self.contradicting,
        }
        return {
            "kind": "differences",
            "names": list(self.names),
            "kinds_claimed": [self.first.kind, self.second.kind],
            "distance": self.distance,
            "counts": {sort: len(pairs) for sort, pairs in sorts.items()} | {"same": len(self.same)},
            **{sort: [_pair(c) for c in pairs] for sort, pairs in sorts.items()},
            "nodes_only_first": list(self.nodes_only_first),
            "nodes_only_second": list(self.nodes_only_second),
            "roles": [{"node": name, "first": a, "second": b} for name, a, b in self._roles()],
        }

    def document(self) -> Document:
        """Show the counts, and the pairs behind them."""
        one, two = self.names
        differ = self.distance
        nodes = (self.nodes_only_first, self.nodes_only_second)
        roles = list(self._roles())
        pairs = differ + len(self.same)
        said = f"structural Hamming distance {differ:,}: {differ:,} of {pairs:,} adjacent pairs differ"
        alike = not (differ or any(nodes) or roles)
        rows: list[Block] = [line(Word(f"no pair of nodes differs: {pairs:,} are adjacent", "good") if alike else said)]
        for pairs_of, what in (
            (self.only_first, f"only in {one}"),
            (self.only_second, f"only in {two}"),
            (self.contradicting, f"in both, with marks that contradict each other ({one}; {two})"),
            (self.less, f"in both, one says less, no contradiction ({one}; {two})"),
        ):
            if pairs_of:
                rows.append(line(f"{what}: {len(pairs_of):,}", depth=1))
                rows += [line(_told(c), depth=2) for c in pairs_of[:MOST_SHOWN]]
                if len(pairs_of) > MOST_SHOWN:
                    rows.append(line(f"and {len(pairs_of) - MOST_SHOWN:,} more", depth=2))
        for name, only in zip(self.names, nodes, strict=True):
            if only:
                rows.append(line(Word("⚠ ", "warn"), f"nodes only in {name}: {naming(only)}", depth=1))
        for node, a, b in roles:
            rows.append(line(Word("⚠ ", "warn"), f"{node} is {a} in {one}, {b} in {two}", depth=1))
        if self.first.kind != self.second.kind:
            kinds = f"{one} is a {self.first.kind}, {two} a {self.second.kind}"
            rows.append(line(Word(f"{kinds}: marks may differ where the graphs agree", "dim"), depth=1))
        return Document(tuple(rows))

    def _roles(self) -> list[tuple[str, str, str]]:
        """Return the nodes that both graphs have in other roles, and those roles."""
        shared = self.first.sorted({*self.first.nodes} & {*self.second.nodes})
        found = ((name, _role(name, self.first), _role(name, self.second)) for name in shared)
        return [(name, a, b) for name, a, b in found if a != b]

    def _repr_svg_(self) -> str:
        return str(self.draw(".svg"))

    def draw(self, form: str = ".svg") -> str | bytes:
        """Draw both graphs side by side in the form of a file's ending: ``.svg``, ``.png``, ``.pdf`` or ``.html``.

        Raises:
            ModelError: there is no such form (E022).
        """
        from causalgraph.render import beside, html
        from causalgraph.render.picture import Picture

        args = self.first, self.second, self.names, Picture(positions=self.positions)
        if form == ".html":
            figure = f"<figure>{beside.svg(*args)}</figure>"
            return html.page(f"{self.names[0]} and {self.names[1]}", figure, html.fragment(self.document()))
        if form not in beside.FORMS:
            forms = ", ".join((*beside.FORMS, ".html"))
            raise ModelError.because(
                "E022", f"two graphs side by side can't be written as {form!r}", fix=f"use {forms}"
            )
        return beside.FORMS[form](*args)


def differences(
    first: MixedGraph | HasGraph | str | Path,
    second: MixedGraph | HasGraph | str | Path,
    names: tuple[str, str] | None = None,
) -> Differences:
    """Compare two graphs pair by pair of nodes: which adjacencies one alone has, which have other marks.

    A pair differs where the edges that join it aren't the same, so an undirected edge and an arrow differ. What
    observational data can tell of a DAG is its cpdag, which is the graph to compare a found cpdag with.

    Args:
        first: a graph, a model, what a search found, or the path of a model.
        second: another one.
        names: what to call them; without it their titles, or else the names of their files, which also tell apart two
            of one title, or "the first" and "the second".

    Raises:
        ModelError: one is something else (E137), or its file can't be read.

    >>> one = MixedGraph.build([("A", "->", "B"), ("B", "->", "C")])
    >>> two = MixedGraph.build([("B", "->", "A"), ("C", "->", "D")])
    >>> print(differences(one, two))
    structural Hamming distance 3: 3 of 3 adjacent pairs differ
      only in the first: 1
        B → C
      only in the second: 1
        C → D
      in both, with marks that contradict each other (the first; the second): 1
        A → B; A ← B
      ⚠ nodes only in the second: {D}
    """
    first, second = _loaded(first), _loaded(second)
    one, two = _graph(first), _graph(second)
    called = names or _names(first, second)
    pairs = list(compared(one, two))

    def sort(*verdicts: Verdict) -> tuple[Compared, ...]:
        return tuple(c for c in pairs if c.verdict in verdicts)

    places = _positions(first) or _positions(second)
    return Differences(one, two, called, sort("first"), sort("second"), sort("less", "other"), sort("same"), places)


def _names(first: object, second: object) -> tuple[str, str]:
    """Return what two things are called: by title, by file where they have one title, by path, else by their order."""
    files = _file(first), _file(second)
    short = tuple(file and Path(file).name for file in files)
    titles = tuple(_title(thing) or name for thing, name in zip((first, second), short, strict=True))
    if not any(titles):
        return "the first", "the second"
    for one, two in (titles, short, files):
        if one != two and (one or two):
            return one or "the first", two or "the second"
    return f"{titles[0]} (first)", f"{titles[1]} (second)"


def _loaded(thing: MixedGraph | HasGraph | str | Path) -> MixedGraph | HasGraph:
    """Return a model for the path of one."""
    if not isinstance(thing, str | Path):
        return thing
    from causalgraph.loading import load

    return load(thing)


def _graph(thing: object) -> MixedGraph:
    """Return the graph that something is or has.

    Raises:
        ModelError: there is none (E137).
    """
    graph = getattr(thing, "graph", thing)
    if not isinstance(graph, MixedGraph):
        fix = "pass a graph, a model, what a search found, or the path of a model"
        raise ModelError.because("E137", f"a {type(thing).__name__} has no graph to compare", fix=fix)
    return graph


def _title(thing: object) -> str | None:
    """Return the title of a model."""
    title = getattr(thing, "title", None)
    return title if isinstance(title, str) else None


def _file(thing: object) -> str | None:
    """Return the path of a model's file."""
    source = getattr(thing, "source", None)
    return source.name if isinstance(source, SourceText) and source.text and source.name != NAMELESS else None


def _positions(thing: object) -> dict[str, tuple[float, float]]:
    """Return where a model places its nodes."""
    variables = getattr(thing, "variables", None) or {}
    return {v.name: v.position for v in variables.values() if v.position is not None}


def _role(name: str, graph: MixedGraph) -> str:
    roles = [role for role, names in (("latent", graph.latent), ("selected", graph.selected)) if name in names]
    return " and ".join(roles) or "observed"


def _pair(pair: Compared) -> dict[str, Any]:
    return {"pair": list(pair.pair), "first": [list(e) for e in pair.first], "second": [list(e) for e in pair.second]}


def _told(pair: Compared) -> str:
    """Write the edges of a pair in both graphs, read from the same end."""
    return "; ".join(", ".join(_drawn(e, pair.pair[0]) for e in edges) for edges in (pair.first, pair.second) if edges)


def _drawn(edge: Edge, left: str) -> str:
    read = edge if edge.left == left else edge.turned
    return f"{read.left} {unicode_edge(read.mark)} {read.right}"
