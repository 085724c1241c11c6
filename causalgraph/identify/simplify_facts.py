"""What a graph says of the conditions of a probability: which matter, which may be added, and the steps for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from causalgraph.criteria.separation import connecting
from causalgraph.formula.nodes import Event, P
from causalgraph.formula.simplify import variables
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.relations import topological_order
from causalgraph.identify.proof import SeparationPremise, Step
from causalgraph.names import natural

__all__ = ["Facts", "Steps", "about"]

Steps = tuple[Step, ...]


@dataclass
class Facts:
    """What a graph says of conditional independence, each question asked once."""

    graph: MixedGraph
    known: dict[tuple[frozenset[str], frozenset[str]], frozenset[str]] = field(default_factory=dict)
    place: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        """Number the nodes so that causes stand before effects."""
        self.place = {n: i for i, n in enumerate(topological_order(self.graph))}

    def reached(self, names: frozenset[str], given: frozenset[str]) -> frozenset[str]:
        """Return what depends on ``names`` given a set: its members each given the others, all else given the set.

        One walk answers for all: a walk to a member C of the set that would need C outside it is cut where it first
        meets C or a collider above C alone, and goes on from there to C.
        """
        key = (names, given)
        if key not in self.known:
            self.known[key] = connecting(self.graph, names, given).names
        return self.known[key]

    def least(self, events: Iterable[Event], given: Iterable[Event]) -> tuple[Event, ...]:
        """Return the conditions that matter: P(events | given) is P(events | these)."""
        given = tuple(given)
        near = self.reached(variables(events), variables(given))
        return tuple(e for e in given if e.variable in near)

    def change(self, term: P, given: Iterable[Event]) -> Steps | None:
        """Replace the conditions of a term, or return None where the graph doesn't license it.

        P(a | k) = P(a | e) if A is separated from the variables of k and e that aren't common by those that are.
        """
        wanted = tuple(dict.fromkeys(given))
        names = variables(wanted)
        if len(names) < len(wanted) or names & variables(term.events):
            return None
        asked, had = set(wanted), set(term.given)
        common = tuple(e for e in term.given if e in asked)
        gone = tuple(e for e in term.given if e not in asked)
        new = tuple(e for e in wanted if e not in had)
        if (variables(gone) | variables(new)) & self.reached(variables(term.events), variables(common)):
            return None
        bare, made = P(term.events, common), P(term.events, wanted)
        steps = []
        if gone:
            steps.append(Step("rule 1", about(gone), term, bare, (_premise(gone, term.events, common),)))
        if new:
            steps.append(Step("add condition", about(new), bare, made, (_premise(new, term.events, common),)))
        return tuple(steps)


def about(events: Iterable[Event]) -> tuple[str, ...]:
    """Return the variables that events are about, in natural order."""
    return tuple(sorted(variables(events), key=natural))


def _premise(x: Iterable[Event], y: Iterable[Event], given: Iterable[Event]) -> SeparationPremise:
    return SeparationPremise(about(x), about(y), about(given))
