"""Front-door sets: mediators that carry the effect, though a hidden cause joins treatment and outcome.

Z is a front-door set for the effect of X on Y when (1) it intercepts every directed path from X to Y, (2) no back-door
path from X to Z is open, and (3) X blocks every back-door path from Z to Y. Then P(y | do(x)) is the sum over z and x'
of P(z | x) P(y | x', z) P(x'). A two-headed edge enters both of its ends, so it starts a back-door path at either.
Latent and selected nodes never stand in a set. The empty set is one where X has no directed path to Y.

Every part of the largest set keeps to (2). What (3) asks of a set depends on the set, as the arrows that leave it are
cut: taking a node away may open a path for the others. All the same the largest set and one minimal set take linear
time each.

Source: J. Pearl, "Causal diagrams for empirical research", Biometrika 82 (1995) 669-688, doi:10.1093/biomet/82.4.669;
H. Jeong, J. Tian, E. Bareinboim, "Finding and listing front-door adjustment sets" (NeurIPS 2022); M. Wienöbst,
B. van der Zander, M. Liśkiewicz, "Linear-time algorithms for front-door adjustment in causal graphs" (AAAI 2024),
doi:10.1609/aaai.v38i18.30054, arXiv:2211.16468.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from causalgraph.answers import Answer, Document, Word, line
from causalgraph.criteria.separation import (
    ABOVE_Z,
    BY_ARROW,
    BY_TAIL,
    IN_Z,
    OUTSIDE,
    disjoint,
    judge,
    m_step,
    naming,
    simple,
    words,
)
from causalgraph.graphs.kinds import require_unselected
from causalgraph.graphs.mixed import Edge, Mark, MixedGraph
from causalgraph.graphs.paths import Path
from causalgraph.graphs.reach import reach, rule
from causalgraph.graphs.relations import OPEN, WALL, above, downstream, upstream

__all__ = [
    "Frontdoor",
    "beyond_treatment",
    "is_frontdoor_set",
    "largest_candidate",
    "maximum_frontdoor_set",
    "minimal_frontdoor_set",
    "minimal_frontdoor_sets",
    "pool",
    "treatments_and_outcomes",
    "uncut_path",
]

Condition = Literal["observed", "intercepts", "treatment", "outcome"]
Names = frozenset[str]

TREATMENT = 1
# Beside what separation by X asks: nodes that may stand in the set, those of them above Y, and those that were chosen.
CANDIDATE, CANDIDATE_ABOVE_Y = 3, 4
CHOSEN = 3
# What separation asks of a node (three classes), times whether the arrows that leave it are cut.
CUT = 3


@rule(states=3, classes=2)
def back_door(state: int, node: int, here: Mark, there: Mark, beyond: int) -> int | None:
    """Walk as separation by nothing does, but along no arrow that leaves a treatment."""
    if (node == TREATMENT and here == Mark.TAIL) or (beyond == TREATMENT and there == Mark.TAIL):
        return None
    return m_step(state, OUTSIDE, here, there, beyond)


@rule(states=3, classes=5)
def to_candidates(state: int, node: int, here: Mark, there: Mark, beyond: int) -> int | None:
    """Walk back from Y as separation by X does, without the arrows that leave candidates still in the set.

    A candidate that is entered by an arrow has a back-door path to Y: it falls out of the set and its arrows are back.
    Those above Y let everything through from then on, since a directed path leads from them to Y: whatever stands on
    it is entered from the fallen node, so it has fallen as well.
    """
    if beyond >= CANDIDATE and there == Mark.TAIL:
        return None
    asked = {CANDIDATE: OUTSIDE, CANDIDATE_ABOVE_Y: ABOVE_Z}.get(node, node)
    return m_step(state, asked, here, there, beyond)


@rule(states=3, classes=4)
def from_chosen(state: int, node: int, here: Mark, there: Mark, beyond: int) -> int | None:
    """Walk back-door paths from chosen nodes as separation by X does; each chosen node that is met starts its own."""
    if node != CHOSEN:
        return m_step(state, node, here, there, beyond)
    if here != Mark.ARROW:
        return None
    return BY_ARROW if there == Mark.ARROW else BY_TAIL


@rule(states=3, classes=6)
def without_arrows(state: int, node: int, here: Mark, there: Mark, beyond: int) -> int | None:
    """Walk as m-separation does, but along no arrow that leaves a node which is cut."""
    left, entered = divmod(node, CUT), divmod(beyond, CUT)
    if (left[0] and (here, there) == (Mark.TAIL, Mark.ARROW)) or (
        entered[0] and (here, there) == (Mark.ARROW, Mark.TAIL)
    ):
        return None
    return m_step(state, left[1], here, there, entered[1])


@rule(states=1, classes=2)
def up_to_wall(_state: int, node: int, here: Mark, there: Mark, _beyond: int) -> int | None:
    """Go from a child to its parent; a wall is entered but not left."""
    return 0 if (node, here, there) == (OPEN, Mark.ARROW, Mark.TAIL) else None


@rule(states=1, classes=2)
def down_to_wall(_state: int, node: int, here: Mark, there: Mark, _beyond: int) -> int | None:
    """Go from a parent to its child; a wall is entered but not left."""
    return 0 if (node, here, there) == (OPEN, Mark.TAIL, Mark.ARROW) else None


@dataclass(frozen=True)
class Frontdoor(Answer):
    """The verdict on one set; where it isn't valid, `condition` names what fails and `witness` shows it.

    The conditions: every node is ``observed``; the set ``intercepts`` the directed paths; no back-door path from the
    ``treatment`` to it is open; none from it to the ``outcome`` is, given the treatment.
    """

    treatments: tuple[str, ...]
    outcomes: tuple[str, ...]
    mediators: tuple[str, ...]
    condition: Condition | None
    reason: str
    witness: Path | str | None = None

    @property
    def valid(self) -> bool:
        """Does no condition fail?"""
        return self.condition is None

    @property
    def exit_code(self) -> int:
        """0 where the set is valid, else 1."""
        return 0 if self.valid else 1

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        witness = self.witness.to_dict() if isinstance(self.witness, Path) else self.witness
        return {
            "kind": "frontdoor",
            "valid": self.valid,
            "condition": self.condition,
            "reason": self.reason,
            "witness": witness,
        }

    def document(self) -> Document:
        """Say whether the set carries the effect, and show what speaks against it."""
        effect = f"for the effect of {words(self.treatments)} on {words(self.outcomes)}, given this graph"
        mediators = naming(self.mediators) if self.mediators else "the empty set"
        sign, verdict = (Word("✔ ", "good"), "is") if self.valid else (Word("✘ ", "bad"), "isn't")
        return Document((line(sign, f"{mediators} {verdict} a front-door set {effect}"), line(self.reason, depth=1)))


def is_frontdoor_set(graph: MixedGraph, x: Iterable[str], y: Iterable[str], z: Iterable[str]) -> Frontdoor:
    """Decide whether Z is a front-door set, and say which condition fails, with a path that shows it.

    Args:
        graph: a dag or an admg.
        x, y, z: disjoint sets of nodes (or a name): treatments, outcomes, mediators; Z may be empty.

    Raises:
        ModelError: X or Y is empty or two sets overlap (E212), a name is unknown (E201), the kind isn't supported.

    >>> graph = MixedGraph.build([("X", "->", "M"), ("M", "->", "Y"), ("X", "<->", "Y"), ("M", "<->", "Y")])
    >>> is_frontdoor_set(graph, "X", "Y", "M").reason
    'a back-door path from M to Y stays open given X: M ↔ Y'
    """
    x, y = treatments_and_outcomes(graph, x, y)
    z = graph.require(z)
    disjoint(graph, x, y, z)
    sets = graph.sorted(x), graph.sorted(y), graph.sorted(z)
    hidden = graph.sorted(z & (graph.latent | graph.selected))
    if hidden:
        return Frontdoor(
            *sets, "observed", f"{hidden[0]} {'is latent' if hidden[0] in graph.latent else 'is selected'}", hidden[0]
        )
    path = uncut_path(graph, x, y, z)
    if path:
        return Frontdoor(*sets, "intercepts", f"no node of the set stands on {path.drawn}", path)
    path = _open_path(graph, x, z, frozenset())
    if path:
        said = f"a back-door path from {path.nodes[0]} to {path.nodes[-1]} is open: {path.drawn}"
        return Frontdoor(*sets, "treatment", said, path)
    path = _open_path(graph, z, y, x)
    if path:
        ends = f"from {path.nodes[0]} to {path.nodes[-1]}"
        said = f"a back-door path {ends} stays open given {words(sets[0])}: {path.drawn}"
        return Frontdoor(*sets, "outcome", said, path)
    return Frontdoor(*sets, None, "it intercepts every directed path, and no back-door path to or from it is open")


def treatments_and_outcomes(graph: MixedGraph, x: Iterable[str], y: Iterable[str]) -> tuple[Names, Names]:
    """Return treatments and outcomes as disjoint sets of nodes of a graph that the criterion is defined on."""
    require_unselected(graph, "the front-door criterion")
    x, y = graph.require(x), graph.require(y)
    disjoint(graph, x, y, frozenset())
    return x, y


def uncut_path(graph: MixedGraph, x: Names, y: Names, z: Names) -> Path | None:
    """Return a shortest directed path from X to Y that meets no node of Z."""
    walk = reach(graph.index, downstream, x, graph.index.classes((z, WALL)), y).walk(y)
    return None if walk is None else judge(graph, walk, ())


def _open_path(graph: MixedGraph, starts: Names, ends: Names, given: Names) -> Path | None:
    """Return a path that is open without the arrows that leave its starts, as a path of the whole graph."""
    index = graph.index
    above_given = reach(index, upstream, given, index.classes((starts, WALL))).mask
    classes = index.classes((above_given, ABOVE_Z), (given, IN_Z)) + CUT * index.classes((starts, 1))
    walk = reach(index, without_arrows, starts, classes, ends).walk(ends)
    return None if walk is None else judge(graph, simple(walk), given)


def pool(graph: MixedGraph, x: Names, y: Names, allowed: Iterable[str] | None) -> Names:
    """Return the nodes that may stand in a set for all that their names and roles tell."""
    wanted = graph.observed if allowed is None else graph.require(allowed) & graph.observed
    return wanted - graph.selected - x - y


def beyond_treatment(graph: MixedGraph, x: Names, candidates: Names) -> Names:
    """Return the candidates to which no back-door path from X is open."""
    return candidates - reach(graph.index, back_door, x, graph.index.classes((x, TREATMENT))).names


def largest_candidate(graph: MixedGraph, x: Names, y: Names, candidates: Names) -> Names:
    """Return the largest set of candidates that keeps to conditions (2) and (3); linear time."""
    return _largest(graph, x, y, beyond_treatment(graph, x, candidates))


def _largest(graph: MixedGraph, x: Names, y: Names, first: Names) -> Names:
    """Return the largest set of candidates that keep to (2) which keeps to (3)."""
    classes = graph.index.classes((above(graph, x), ABOVE_Z), (x, IN_Z), (first, CANDIDATE))
    classes[(classes == CANDIDATE) & above(graph, y)] = CANDIDATE_ABOVE_Y
    return first - reach(graph.index, to_candidates, y, classes).names


def maximum_frontdoor_set(
    graph: MixedGraph,
    x: Iterable[str],
    y: Iterable[str],
    *,
    required: Iterable[str] = (),
    allowed: Iterable[str] | None = None,
) -> Names | None:
    """Return the front-door set that holds every other one, in linear time; None where there is none.

    Args:
        graph: a dag or an admg.
        x, y: treatments and outcomes.
        required: nodes that the set must hold.
        allowed: nodes that it may hold; every observed node unless said.

    Raises:
        ModelError: as for `is_frontdoor_set`.

    >>> graph = MixedGraph.build([("X", "->", "M"), ("M", "->", "Y"), ("M", "->", "N"), ("X", "<->", "Y")])
    >>> sorted(maximum_frontdoor_set(graph, "X", "Y"))
    ['M', 'N']

    Source: Wienöbst et al. (2024), the algorithm that finds a front-door set.
    """
    x, y = treatments_and_outcomes(graph, x, y)
    return _maximum(graph, x, y, graph.require(required), pool(graph, x, y, allowed))


def _maximum(graph: MixedGraph, x: Names, y: Names, required: Names, candidates: Names) -> Names | None:
    return _intercepting(graph, x, y, required, beyond_treatment(graph, x, candidates))


def _intercepting(graph: MixedGraph, x: Names, y: Names, required: Names, clear: Names) -> Names | None:
    """Return the largest set of nodes that keep to (2), if it is a front-door set with what is required."""
    found = _largest(graph, x, y, clear)
    if not required <= found:
        return None
    reached = reach(graph.index, downstream, x, graph.index.classes((found, WALL)), y)
    return found if reached.mask[graph.index.numbers(y)].sum() == 0 else None


def minimal_frontdoor_set(
    graph: MixedGraph,
    x: Iterable[str],
    y: Iterable[str],
    *,
    required: Iterable[str] = (),
    allowed: Iterable[str] | None = None,
) -> Names | None:
    """Return a front-door set of which no proper part, that still holds ``required``, is one; linear time.

    Of the largest set take the nodes from which a directed path leads to Y past no other of its nodes; call them last.
    Those last nodes which a directed path from X meets first are needed, and with them each last node that one of
    theirs meets first on an open back-door path. Among last nodes there is no choice, so the outcome is minimal.

    Args:
        graph: a dag or an admg.
        x, y: treatments and outcomes.
        required: nodes that the set must hold.
        allowed: nodes that it may hold; every observed node unless said.

    Raises:
        ModelError: as for `is_frontdoor_set`.

    >>> graph = MixedGraph.build([("X", "->", "M"), ("M", "->", "Y"), ("M", "->", "N"), ("X", "<->", "Y")])
    >>> minimal_frontdoor_set(graph, "X", "Y")
    frozenset({'M'})

    Source: Wienöbst et al. (2024), the algorithm that finds a minimal one; the choice of nodes is our own.
    """
    x, y = treatments_and_outcomes(graph, x, y)
    needed = graph.require(required)
    most = _maximum(graph, x, y, needed, pool(graph, x, y, allowed))
    if most is None:
        return None
    index = graph.index
    last = most & reach(index, up_to_wall, y, index.classes((most, WALL))).names
    first = last & reach(index, down_to_wall, x, index.classes((last | needed, WALL))).names
    classes = index.classes((above(graph, x), ABOVE_Z), (x, IN_Z), (last | needed, CHOSEN))
    return needed | (last & reach(index, from_chosen, first | needed, classes).names)


def minimal_frontdoor_sets(
    graph: MixedGraph,
    x: Iterable[str],
    y: Iterable[str],
    *,
    required: Iterable[str] = (),
    allowed: Iterable[str] | None = None,
) -> Iterator[Names]:
    """Yield all front-door sets of which no proper part, that still holds ``required``, is one; lazily.

    A search that grows a set along the path that it leaves open, since one of the nodes on the path must be added. A
    branch is entered only where a front-door set lies in it, so the first set comes in polynomial time.

    Args:
        graph: a dag or an admg.
        x, y: treatments and outcomes.
        required: nodes that each set must hold.
        allowed: nodes that a set may hold; every observed node unless said.

    Raises:
        ModelError: as for `is_frontdoor_set`.

    >>> graph = MixedGraph.build([("X", "->", "A"), ("A", "->", "B"), ("B", "->", "Y"), ("X", "<->", "Y")])
    >>> [sorted(s) for s in minimal_frontdoor_sets(graph, "X", "Y")]
    [['B'], ['A']]
    """
    x, y = treatments_and_outcomes(graph, x, y)
    return _grow(graph, x, y, graph.require(required), pool(graph, x, y, allowed))


def _grow(graph: MixedGraph, x: Names, y: Names, required: Names, candidates: Names) -> Iterator[Names]:
    """Search depth first; no set is met twice, as each branch bars what the branches before it took."""
    stack: list[Iterator[tuple[Names, Names]]] = [iter([(required, beyond_treatment(graph, x, candidates))])]
    while stack:
        branch = next(stack[-1], None)
        if branch is None:
            stack.pop()
            continue
        chosen, left = branch
        most = _intercepting(graph, x, y, chosen, left)
        if most is None:
            continue
        failing = is_frontdoor_set(graph, x, y, chosen).witness
        if isinstance(failing, Path):
            # The arrows that leave a node of the set are cut, so each node with such an arrow on the path will do.
            leaving = {e.left for e in _both_ways(failing.edges) if e.mark == "->"}
            able = [n for n in failing.nodes if n in leaving and n in most - chosen]
            stack.append(_branches(chosen, most, able[::-1]))
        elif not any(_intercepting(graph, x, y, required, chosen - {n}) is not None for n in chosen - required):
            yield chosen


def _branches(chosen: Names, most: Names, able: list[str]) -> Iterator[tuple[Names, Names]]:
    """Yield for each node the set with it, and what the set may hold: none of the nodes that came before."""
    for name in able:
        yield chosen | {name}, most
        most -= {name}


def _both_ways(edges: tuple[Edge, ...]) -> Iterator[Edge]:
    for edge in edges:
        yield edge
        yield edge.turned
