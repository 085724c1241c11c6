"""From the statements `tier`, `forbid` and `require` to what is known, and where each piece of it was said."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby, islice, product

from causalgraph.errors import Diagnostic, Label, Span, did_you_mean
from causalgraph.graphs.informed import Informed, contradictions, informed
from causalgraph.graphs.knowledge import Knowledge, Said
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.syntax import tree
from causalgraph.syntax.splitter import MAX_PROBLEMS

__all__ = ["Declared", "Weighed", "declared", "named", "weighed"]

# Two fans of a thousand names are a million arrows: that nobody means.
MAX_ARROWS = 250_000
# More contradictions of one file say nothing new, and each costs a walk along the required arrows.
MAX_CLASHES = 20


@dataclass
class Declared:
    """What the statements say: the knowledge, the `places` of its pieces, and the problems.

    Where there are problems, the knowledge holds what is free of them.
    """

    knowledge: Knowledge = field(default_factory=Knowledge)
    places: dict[Said, Span] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)

    def report(self, code: str, what: str, spans: Iterable[Span | None], why: str | None, fix: str) -> None:
        """Note a problem; the last place is the one to blame."""
        *others, last = spans
        labels = [Label(last)] if last else []
        labels += [Label(span, "and here", primary=False) for span in dict.fromkeys(others) if span and span != last]
        self.problems.append(Diagnostic(code, what, tuple(labels), why, fix))


@dataclass(frozen=True)
class Weighed:
    """A graph with what is known drawn in, what its changed edges are `now`, and what goes against the knowledge."""

    graph: MixedGraph
    now: Mapping[Edge, Edge] = field(default_factory=dict)
    problems: tuple[Diagnostic, ...] = ()


def named(statements: Iterable[tree.Statement]) -> Iterator[tree.Name]:
    """Yield every name that knowledge is about.

    >>> from causalgraph.syntax.parser import parse
    >>> [name.text for name in named(parse("tier 1: A; A -> X; forbid B -> C").statements)]
    ['A', 'B', 'C']
    """
    for statement in statements:
        match statement:
            case tree.Tier(_, names):
                yield from names
            case tree.Known(_, sides):
                yield from (name for side in sides for name in side)


def declared(
    statements: Iterable[tree.Statement], variables: Collection[str], unread: Collection[str] = frozenset()
) -> Declared:
    """Return what the statements say is known of the variables; tiers are in the order of their numbers.

    Problems are names that aren't among the variables (E132), apart from those that are `unread`; an arrow from a
    variable to itself (E130); too many arrows (E007); and whatever contradicts itself (E131).

    >>> from causalgraph.syntax.parser import parse
    >>> document = parse("tier 2: C; tier 1: A; tier 1: B; forbid A -> B, C")
    >>> declared(document.statements, ["A", "B", "C"]).knowledge
    Knowledge(tiers=(('A', 'B'), ('C',)), forbidden=(('A', 'B'), ('A', 'C')), required=())
    """
    found = Declared()
    known = [s for s in statements if isinstance(s, tree.Tier | tree.Known)]
    _check_names(found, known, variables, unread)
    tiers: dict[str, int] = {}
    arrows: dict[str, dict[tuple[str, str], None]] = {"forbid": {}, "require": {}}
    for statement in known:
        if isinstance(statement, tree.Tier):
            _place(found, tiers, statement)
        else:
            _gather(found, arrows[statement.word], statement)
    groups = tuple(tuple(names) for _, names in groupby(sorted(tiers, key=tiers.__getitem__), tiers.__getitem__))
    found.knowledge = Knowledge(groups, tuple(arrows["forbid"]), tuple(arrows["require"]))
    for clash in islice(found.knowledge.clashes(), MAX_CLASHES):
        spans = [found.places.get(said) for said in clash.said]
        found.report("E131", f"the knowledge contradicts itself: {clash.what}", spans, clash.why, "drop one of them")
    return found


def weighed(graph: MixedGraph, known: Declared, spans: Mapping[Edge, Span]) -> Weighed:
    """Hold a graph against what is known; `spans` are the places of the edges.

    Knowledge that has problems of its own isn't held against a graph.
    """
    if known.problems or not known.knowledge:
        return Weighed(graph)
    against = tuple(contradictions(graph, known.knowledge))
    found = Informed(graph, against) if against else informed(graph, known.knowledge)
    edges = zip(graph.edges, found.graph.edges, strict=True)
    now = {old.canonical: new.canonical for old, new in edges if old != new}
    return Weighed(found.graph, now, tuple(c.told(spans, known.places) for c in found.problems))


def _check_names(
    found: Declared, statements: Iterable[tree.Statement], variables: Collection[str], unread: Collection[str]
) -> None:
    told: set[str] = set()
    for name in named(statements):
        if name.text not in variables and name.text not in unread and name.text not in told:
            told.add(name.text)
            if len(told) > MAX_PROBLEMS:
                return
            near = did_you_mean(name.text, variables)
            found.report(
                "E132",
                f"{name.text} isn't in the model",
                [name.span],
                "knowledge speaks of the variables that edges join or that are declared",
                f"did you mean {near}?" if near else f"declare it, on a line of its own: {name.text}",
            )


def _place(found: Declared, tiers: dict[str, int], statement: tree.Tier) -> None:
    """Put the variables of one line into their tier; each stands in one."""
    for name in statement.names:
        other = tiers.setdefault(name.text, statement.number)
        if other != statement.number:
            what = f"the knowledge contradicts itself: {name.text} stands in two tiers"
            why = f"tier {other} and tier {statement.number}"
            found.report("E131", what, [found.places.get(("tier", name.text)), name.span], why, "drop one of them")
        elif name.span:
            found.places.setdefault(("tier", name.text), name.span)


def _gather(found: Declared, arrows: dict[tuple[str, str], None], statement: tree.Known) -> None:
    """Add the arrows of a chain of fans."""
    fans = list(zip(statement.sides, statement.marks, statement.sides[1:], strict=False))
    if len(arrows) + sum(len(left) * len(right) for left, _, right in fans) > MAX_ARROWS:
        why = "each name left of a mark is joined to each name right of it"
        what = f"more than {MAX_ARROWS:,} arrows are known of"
        found.report("E007", what, [statement.span], why, "use tiers")
        return
    for left, mark, right in fans:
        for one, other in product(left, right):
            a, b = (one, other) if mark == "->" else (other, one)
            span = one.span.to(other.span) if one.span and other.span else statement.span
            if a.text == b.text:
                what = f"{a.text} -> {b.text} isn't a pair of variables"
                found.report("E130", what, [span], "a variable isn't its own cause", "name two variables")
                continue
            arrows[a.text, b.text] = None
            if span:
                found.places.setdefault((statement.word, a.text, b.text), span)
