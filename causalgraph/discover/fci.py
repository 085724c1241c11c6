"""FCI: from tests to a PAG, where variables may be latent and the data selected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Protocol

import numpy as np

from causalgraph.discover.colliders import Colliders
from causalgraph.discover.pc import Contradiction
from causalgraph.discover.possible import Policy, possible_d_sep, regions, retested
from causalgraph.discover.skeleton import Skeleton, skeleton
from causalgraph.graphs.knowledge import Knowledge
from causalgraph.graphs.mags import MARK_NAMES, impossible_marks, informed_marks, unsettled_marks
from causalgraph.graphs.marks import ARROW, CIRCLE, TAIL, Conflict, Orientation, Place, Reason, marks_of
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.graphs.zhang import ALL_RULES, COLLIDERS, WITHOUT_SELECTION, orient
from causalgraph.independence.base import Bools, Test

__all__ = ["Answers", "OrientedPag", "adjacencies", "fci", "kept_pairs", "oriented"]

KNOWN = "knowledge"


class Answers(Protocol):
    """What tests say of colliders, and in which words."""

    def __call__(self, path: tuple[str, ...]) -> bool | None:
        """Say whether the last node but one is a collider on a path whose ends aren't adjacent."""

    def words(self, path: tuple[str, ...]) -> str:
        """Say which tests speak for the answer."""


@dataclass(frozen=True)
class OrientedPag:
    """What FCI or RFCI found.

    Attributes:
        graph: of kind pag.
        valid: is it a legal PAG, or does it with knowledge refine one, and do no marks contradict one another?
        reasons: if not, why: the marks, and the tests behind them.
        conflicts: all contradictions, those among them that left the graph legal.
        marks: of each mark that isn't a circle, the rule and the nodes of its premise; the rule ``knowledge`` names
            the two ends.
        unsettled: the unshielded triples, their ends in order, of which tests don't say whether they are colliders.
        skeleton: the adjacencies, and the tests behind them; its levels are PC's, then those of possible-d-sep.
        partial: in what the search was cut short; empty where it was finished.
        notes: what was taken for granted.
    """

    graph: MixedGraph
    valid: bool
    reasons: tuple[str, ...]
    conflicts: tuple[Contradiction, ...]
    marks: Mapping[Place, Reason]
    unsettled: tuple[tuple[str, str, str], ...]
    skeleton: Skeleton
    partial: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def fci(
    test: Test,
    alpha: float,
    *,
    knowledge: Knowledge | None = None,
    depth: int | None = None,
    colliders: str = "standard",
    selection: bool = True,
    possible_d_sep: Policy = "between",
    longest: int | None = None,
) -> OrientedPag:
    """Find the PAG of the class of MAGs that test results speak for.

    The skeleton is PC's. Unshielded colliders show which nodes are in one another's possible-d-sep; each edge is
    tested again given sets of those, whatever becomes of the other edges, so that no order of variables or edges plays
    a part. Then all circles are oriented anew by Zhang's rules.

    Args:
        test: a test, or an oracle.
        alpha: two variables are taken for independent where the p-value is larger.
        knowledge: tiers, forbidden and required. "A doesn't cause B" puts an arrowhead at A on an edge to B, "A causes
            B" makes it A -> B; nothing else is concluded but by the rules. A pair that is ruled out both ways isn't
            tested and has no edge.
        depth: the largest set that is tested (anytime FCI); None: as large as need be.
        colliders: the rule that says what is a collider, on unshielded triples and on paths that discriminate a node.
        selection: may the data be selected by what the variables cause? Otherwise rules R5 to R7 are left out.
        possible_d_sep: what an edge A - B is tested with, of possible-d-sep(A) and of (B): ``"all"``, those nodes
            ``"between"`` A and B, on a path that joins them, or ``"none"``, which may leave edges too many.
        longest: the most edges of a walk of possible-d-sep and of a path that discriminates a node.

    Returns:
        By an oracle, without knowledge, depth and longest, the PAG of the oracle's graph. `valid` says whether the
        graph is a legal PAG, which contradictory tests may prevent.

    Raises:
        ModelError: the knowledge names something that isn't among the variables (E132); no such rule (E133).

    Source: P. Spirtes, C. Meek, T. Richardson (1995), arXiv:1302.4983; J. Zhang (2008),
    doi:10.1016/j.artint.2008.08.001; P. Spirtes, "An anytime algorithm for causal inference" (AISTATS 2001);
    order-independent: D. Colombo, M. Maathuis, J. Mach. Learn. Res. 15 (2014) 3741-3782.

    >>> from causalgraph.independence.oracle import oracle
    >>> graph = MixedGraph.build([("A", "->", "C"), ("B", "->", "C"), ("C", "->", "D")])
    >>> found = fci(oracle(graph), 0.5)
    >>> [str(e) for e in found.graph.edges], found.marks["C", "D"]
    (['A o-> C', 'B o-> C', 'C -> D'], Reason(rule='R1', nodes=('A', 'C', 'D')))
    """
    found = skeleton(test, alpha, knowledge=knowledge, depth=depth)
    if possible_d_sep != "none" and not found.stopped.startswith("interrupted"):
        answers = Colliders(found, test, alpha, colliders, depth)
        possible = _possible(answers, longest)
        found = replace(found, tests=found.tests + answers.tests, skipped=found.skipped + answers.skipped)
        if answers.stopped:
            found = replace(found, complete=False, stopped="interrupted at the colliders behind possible-d-sep")
        else:
            candidates = regions(adjacencies(found), possible, possible_d_sep)
            found = retested(test, found, candidates, alpha, kept=kept_pairs(found, knowledge), depth=depth)
    partial = list(cut_short(found))
    if possible_d_sep == "none":
        partial.append("no edge was tested given possible-d-sep sets: there may be edges too many")
    if longest is not None:
        partial.append(f"paths over more than {longest} edges weren't looked at: edges may be too many, circles too")
    answers = Colliders(found, test, alpha, colliders, depth)
    out = oriented(found, Short(answers, longest), knowledge, selection=selection)
    if answers.stopped:
        partial.append("the tests of colliders were interrupted: circles may be too many")
    return replace(out, skeleton=answers.told(), partial=tuple(partial))


def cut_short(found: Skeleton) -> tuple[str, ...]:
    """Say what ended the tests before their end."""
    return () if found.complete else (f"{found.stopped}: there may be edges too many",)


def _possible(answers: Colliders, longest: int | None) -> Bools:
    """Return which nodes are in one another's possible-d-sep, by the skeleton's unshielded colliders."""
    out = orient(adjacencies(answers.skeleton), answers, (COLLIDERS,))
    return possible_d_sep(out.graph, undecided=out.open, longest=longest)


@dataclass(frozen=True)
class Short:
    """Answers that leave paths open which are longer than a number of edges."""

    answers: Answers
    longest: int | None

    def __call__(self, path: tuple[str, ...]) -> bool | None:
        """Ask of a triple, or of a path that isn't too long."""
        too_long = self.longest is not None and len(path) > max(TRIPLE, self.longest + 1)
        return None if too_long else self.answers(path)

    def words(self, path: tuple[str, ...]) -> str:
        """Say which tests speak for the answer."""
        return self.answers.words(path)


# Nodes of a triple; a path that discriminates a node has more.
TRIPLE = 3


def adjacencies(found: Skeleton) -> MixedGraph:
    """Return the skeleton as a graph with a circle at each end."""
    return MixedGraph("pag", found.variables, tuple(Edge(a, "o-o", b) for a, b in found.edges))


def kept_pairs(found: Skeleton, knowledge: Knowledge | None) -> Bools:
    """Return which edges are kept without a test, as knowledge requires them: ``(v, v)``, symmetric."""
    _, required = (knowledge or Knowledge()).masks(found.variables)
    return required | required.T


def oriented(
    found: Skeleton, answers: Answers, knowledge: Knowledge | None = None, *, selection: bool = True
) -> OrientedPag:
    """Orient a skeleton by what is known and by Zhang's rules, and judge what comes of it."""
    knowledge = knowledge or Knowledge()
    marked = informed_marks(adjacencies(found), knowledge)
    at = marks_of(marked)
    known = {place: Reason(KNOWN, place) for place in marks_of(adjacencies(found)) if at[place] != CIRCLE}
    result = orient(marked, answers, ALL_RULES if selection else WITHOUT_SELECTION)
    told = _Told(answers, knowledge, result, {**known, **result.reasons})
    faults = (*told.conflicts(), *told.breaches())
    order = {name: i for i, name in enumerate(found.variables)}
    return OrientedPag(
        result.graph,
        not faults,
        tuple(map(str, faults)),
        (*faults, *told.denied()),
        told.marks,
        tuple(sorted((t for t in result.open if order[t[0]] < order[t[2]]), key=lambda t: [order[n] for n in t])),
        found,
        notes=tuple(_taken(found, knowledge, selection=selection)),
    )


def _taken(found: Skeleton, knowledge: Knowledge, *, selection: bool) -> Iterator[str]:
    """Say what knowledge is taken to mean, where a latent variable or selection could make it mean less."""
    barred, _ = knowledge.masks(found.variables)
    if selection and (barred & found.adjacent).any():
        yield "what doesn't cause a variable is taken not to cause the selection either"
    apart = np.argwhere(np.triu(barred & barred.T, 1)).tolist()
    if apart:
        named = ", ".join(f"{found.variables[i]} and {found.variables[j]}" for i, j in apart[:MOST_NAMED])
        more = f" and {len(apart) - MOST_NAMED} more pairs" if len(apart) > MOST_NAMED else ""
        yield f"what is ruled out both ways is taken to have no common cause either: {named}{more}"


MOST_NAMED = 8


@dataclass(frozen=True)
class _Told:
    """What an orientation came to, for telling what speaks against it."""

    answers: Answers
    knowledge: Knowledge
    result: Orientation
    marks: Mapping[Place, Reason]

    def conflicts(self) -> Iterator[Contradiction]:
        """Tell of conclusions that weren't drawn, as they contradict a mark that stands."""
        clashing: dict[Place, list[Conflict]] = {}
        for conflict in self.result.conflicts:
            if conflict.stands == CIRCLE:
                clashing.setdefault((conflict.at, conflict.other), []).append(conflict)
            else:
                yield self.conflict(conflict)
        for place, claims in clashing.items():
            yield self.clash(place, claims)

    def conflict(self, conflict: Conflict) -> Contradiction:
        """Tell of one."""
        at, other = conflict.at, conflict.other
        before = self.marks.get((at, other))
        by = f" by {self.named(before)}" if before else ""
        what = (
            f"{MARK_NAMES[conflict.stands]} stands at {at} on the edge to {other}{by}, "
            f"where {self.named(conflict.reason)} wants {MARK_NAMES[conflict.wanted]}"
        )
        kind = KNOWN if before and before.rule == KNOWN else "rules"
        return Contradiction(kind, ((at, other),), what, self.behind([*([before] if before else []), conflict.reason]))

    def clash(self, place: Place, claims: list[Conflict]) -> Contradiction:
        """Tell of an end of an edge at which opposite marks follow, so that neither is set."""
        one = {claim.wanted: claim for claim in reversed(claims)}
        wanted = " and ".join(f"{self.named(one[m].reason)} wants {MARK_NAMES[m]}" for m in (ARROW, TAIL) if m in one)
        what = f"the circle stays at {place[0]} on the edge to {place[1]}, where {wanted}"
        return Contradiction("rules", (place,), what, self.behind(claim.reason for claim in one.values()))

    def breaches(self) -> Iterator[Contradiction]:
        """Tell of marks that no MAG has, else of those that aren't the PAG's.

        Knowledge may set a mark that not all MAGs of the class share; no other mark may differ from theirs.
        """
        graph = self.result.graph
        known = any(reason.rule == KNOWN for reason in self.marks.values())
        found = list(impossible_marks(graph))
        if not found:
            found = [b for b in unsettled_marks(graph) if not (known and "a circle belongs there" in b[1])]
        for edges, why in found:
            places = [p for e in edges for p in ((e.left, e.right), (e.right, e.left)) if p in self.marks]
            named = tuple((e.left, e.right) for e in edges)
            # With knowledge the rules may leave circles that can't all be read as a PAG's, though a MAG has the marks.
            said = f"read as a PAG, {why.removeprefix('no MAG has these marks: ')}" if known else why
            what = f"{', '.join(map(str, edges))}: {said}"
            yield Contradiction("breach", named, what, self.behind(self.marks[p] for p in places))

    def denied(self) -> Iterator[Contradiction]:
        """Tell of arrowheads that meet, each for its own reason, where tests deny that they do."""
        at, near = marks_of(self.result.graph), self.result.graph.adjacent
        for b in self.result.graph.nodes:
            into = [a for a in self.result.graph.nodes if a in near[b] and at[b, a] == ARROW]
            for a, c in combinations(into, 2):
                if c not in near[a] and self.answers((a, b, c)) is False:
                    what = f"{a} and {c} both have an arrowhead at {b}, against tests that deny it"
                    behind = (self.answers.words((a, b, c)), *self.behind([self.marks[b, a], self.marks[b, c]]))
                    yield Contradiction("colliders", ((a, b), (c, b)), what, behind)

    def named(self, reason: Reason) -> str:
        """Name a reason."""
        if reason.rule != KNOWN:
            return f"{reason.rule} along {', '.join(reason.nodes)}"
        a, b = reason.nodes
        barred = self.knowledge.barred(a, b)
        return f"knowledge ({barred or f'required {a} -> {b}'})"

    def behind(self, reasons: Iterable[Reason]) -> tuple[str, ...]:
        """Tell the tests, and the knowledge, that marks come from."""
        near = self.result.graph.adjacent
        told: dict[str, None] = {}
        for reason in reasons:
            nodes = reason.nodes
            if reason.rule == KNOWN:
                told[self.named(reason)] = None
                continue
            paths = [nodes] if reason.rule == "R4" else zip(nodes, nodes[1:], nodes[2:], strict=False)
            for path in paths:
                if path[0] != path[-1] and path[-1] not in near[path[0]]:
                    told[self.answers.words(path)] = None
        return tuple(told)
