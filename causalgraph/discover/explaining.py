"""Why is this edge there, or not: the test that decided, how far alpha would have to move, and what set each mark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from causalgraph.answers import Answer, Block, Document, Word, line
from causalgraph.criteria.separation import naming
from causalgraph.graphs.mags import MARK_NAMES
from causalgraph.graphs.marks import Reason
from causalgraph.graphs.meek import REASONS
from causalgraph.graphs.mixed import Edge, Mark
from causalgraph.graphs.paths import unicode_edge

if TYPE_CHECKING:
    from causalgraph.discover.skeleton import Separator
    from causalgraph.independence.base import Tested

__all__ = ["EdgeExplained", "MarkExplained", "outcome", "reason_words", "statement"]

KNOWN = "knowledge"
# So many separating sets are shown at most.
MOST_SETS = 6

# What each of Zhang's rules says; numbers are places among the nodes of its premise.
ZHANG: Mapping[str, str] = {
    "R1": "an arrowhead from {0} meets {1}, {0} and {2} aren't adjacent, and {1} is no collider between them",
    "R2": "the other mark would close a cycle along {0}, {1}, {2}",
    "R3": "{0} and {2} meet in {3} but not in {1}, so that the other mark would close a cycle",
    "R4": "the path {path} discriminates its last node but one: the tests of its ends say what it is",
    "R5": "{path} is a cycle of circles without a chord, in which an arrowhead would make a new collider",
    "R6": "{0} and {1} are joined by an undirected edge, which no arrowhead meets",
    "R7": "a tail from {0} meets {1}, {0} and {2} aren't adjacent, and {1} is no collider between them",
    "R8": "{0} is before {1}, which is before {2}",
    "R9": "along {path} an arrowhead at {0} would lead to a cycle or a new collider",
    "R10": "along {path} an arrowhead at {0} would lead to a cycle or a new collider",
}


def reason_words(reason: Reason, separators: Mapping[frozenset[str], Separator], known: str | None = None) -> str:
    """Say in words what a rule concluded from.

    Args:
        reason: the rule and its nodes.
        separators: what the tests of colliders were.
        known: what knowledge says, where the rule is knowledge.

    >>> reason_words(Reason("Meek 2", ("A", "B", "M")), {})
    'A -> M -> B: B -> A would close a directed cycle'
    """
    rule, nodes = reason
    if rule == KNOWN:
        return known or KNOWN
    if rule == "R0":
        a, b, c = nodes
        cut = separators.get(frozenset((a, c)))
        by = f", as {statement(a, c, cut.best)} (p = {cut.p:.3g})" if cut is not None else ""
        return f"{b} is a collider between {a} and {c}{by}"
    if rule.startswith("Meek "):
        number = int(rule.removeprefix("Meek "))
        # The first rule is told from its first arrow on.
        return REASONS[number].format(*((*nodes[1:], nodes[0]) if number == 1 else nodes))
    return ZHANG[rule].format(*nodes, path=", ".join(nodes))


def statement(a: str, b: str, given: tuple[str, ...]) -> str:
    """Write an independence.

    >>> statement("A", "B", ("C",))
    'A ⟂ B | {C}'
    """
    return f"{a} ⟂ {b}" + (f" | {naming(given)}" if given else "")


def outcome(tested: Tested) -> str:
    """Write the outcome of a test."""
    parts = [f"p = {tested.p:.3g}"]
    if tested.statistic is not None:
        parts.append(f"statistic {tested.statistic:.3g}")
    if tested.df is not None:
        parts.append(f"df {tested.df:g}")
    if tested.n is not None:
        parts.append(f"n = {tested.n:,.10g}")
    return ", ".join(parts)


class MarkExplained(NamedTuple):
    """The mark at one end of an edge, and why it stands there.

    Attributes:
        at: the node at which it stands.
        mark: what it is.
        rule: what set it; None where nothing did, so that it is open.
        nodes: those of the rule's premise.
        words: the same in words.
    """

    at: str
    mark: Mark
    rule: str | None
    nodes: tuple[str, ...]
    words: str


@dataclass(frozen=True)
class EdgeExplained(Answer):
    """Why two variables are adjacent in a graph that was found, or not.

    Attributes:
        a: one.
        b: the other.
        edge: the edge between them, None where there is none.
        test: the name of the test.
        alpha: its level.
        given: the set of the test that decided: of those that cut the pair, or that the edge survived, the one with the
            largest p-value. None where no test was made.
        tested: what that test says.
        separators: sets of that size that cut the pair, a few where there are many.
        number: how many there are in all.
        untested: why no test was made.
        marks: the marks at both ends.
        conflicts: the contradictions that the edge takes part in.
        by_alpha: whether another alpha could change it; not so by an oracle.
    """

    a: str
    b: str
    edge: Edge | None
    test: str
    alpha: float
    given: tuple[str, ...] | None
    tested: Tested | None
    separators: tuple[tuple[str, ...], ...] = ()
    untested: str = ""
    marks: tuple[MarkExplained, ...] = ()
    conflicts: tuple[str, ...] = ()
    by_alpha: bool = True
    number: int = 0

    @property
    def turns_at(self) -> float | None:
        """The alpha at which the test that decided turns.

        Where it is larger than p the edge survives all tests of that size, where it is smaller this test cuts it. None
        where no alpha from 0 to 1 would.
        """
        if self.tested is None or not self.by_alpha or not 0 < self.tested.p < 1:
            return None
        return self.tested.p

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        tested = self.tested
        return {
            "kind": "explanation",
            "x": self.a,
            "y": self.b,
            "edge": None if self.edge is None else list(self.edge),
            "test": self.test,
            "alpha": self.alpha,
            "given": None if self.given is None else list(self.given),
            "p": None if tested is None else tested.p,
            "statistic": None if tested is None else tested.statistic,
            "df": None if tested is None else tested.df,
            "n": None if tested is None else tested.n,
            "turns_at": self.turns_at,
            "separators": [list(names) for names in self.separators],
            "separators_in_all": self.number,
            "untested": self.untested or None,
            "marks": [m._asdict() | {"mark": m.mark.name.lower(), "nodes": list(m.nodes)} for m in self.marks],
            "conflicts": list(self.conflicts),
        }

    def document(self) -> Document:
        """Show the test, how far alpha would have to move, and each mark."""
        rows = self._cut() if self.edge is None else self._kept(self.edge)
        rows += [line(f"{MARK_NAMES[m.mark]} at {m.at}: {_by(m)}", depth=1) for m in self.marks]
        rows += [line(Word("⚠ ", "warn"), said, depth=1) for said in self.conflicts]
        return Document(tuple(rows))

    def _cut(self) -> list[Block]:
        head = line(f"no edge joins {self.a} and {self.b}")
        if self.tested is None or self.given is None:
            return [head, line(self.untested, depth=1)]
        rows: list[Block] = [
            head,
            line(f"{statement(self.a, self.b, self.given)} by {self.test}: {outcome(self.tested)}", depth=1),
        ]
        if len(self.separators) > 1:
            shown = ", ".join(map(naming, self.separators[:MOST_SETS]))
            more = f" and {self.number - MOST_SETS:,} more" if self.number > MOST_SETS else ""
            rows.append(line(f"sets of this size that separate them: {shown}{more}", depth=1))
        if self.by_alpha:
            said = "no alpha below 1 would keep the edge"
            if self.turns_at is not None:
                said = f"it would take an alpha of at least {self.turns_at:.3g}, not {self.alpha:g}, to keep the edge"
            rows.append(line(said, depth=1))
        return rows

    def _kept(self, edge: Edge) -> list[Block]:
        head = line(Word(f"{edge.left} {unicode_edge(edge.mark)} {edge.right}", "strong"))
        if self.tested is None or self.given is None:
            return [head, line(self.untested, depth=1)]
        by = f" given {naming(self.given)}" if self.given else " given nothing"
        said = f"the largest p-value that it met, by {self.test}{by}: {outcome(self.tested)}"
        rows: list[Block] = [head, line(said, depth=1)]
        if self.by_alpha:
            said = "no alpha above 0 would cut it by these tests"
            if self.turns_at is not None:
                said = f"this test would cut it at an alpha below {self.turns_at:.3g}, not {self.alpha:g}"
            rows.append(line(said, depth=1))
        return rows


def _by(mark: MarkExplained) -> str:
    return f"{mark.words} ({mark.rule})" if mark.rule is not None and mark.rule != KNOWN else mark.words
