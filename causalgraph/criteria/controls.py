"""Good, bad and neutral controls: what adjusting for each variable does to the total effect of X on Y.

The verdicts are defined by the complete adjustment criterion. Let F be the minimal valid sets of observed variables. If
there is none, hidden confounding remains whatever is done, and F are the sets that would be valid and minimal if all
hidden variables could be measured, each two-headed edge standing for one. Then a variable V is

- **bad** where it is a mediator, an effect of one, or an effect of the outcome (no valid set holds one); where no set
  of F holds it and one that V joins is no longer valid (V opens a path); and where hidden confounding remains and V
  only amplifies it, in the sense given below;
- **good** where a set of F holds it: without V, that set would leave a path open;
- **neutral** where no set of F holds it and every one stays valid with it; if hidden confounding remains, where it also
  leaves what is estimated as it is (V ⟂ X | O or V ⟂ Y | O, X, for O see below);
- **undecided** otherwise, which happens only where no set of observed variables is valid: V changes the bias, and the
  graph doesn't say in which direction (a proxy of a hidden confounder is of that kind).

A neutral V is told apart by what it does to the precision. Let R be the smallest set of F. Where V ⟂ X | R, adding V to
R never raises the asymptotic variance of the estimate; where V ⟂ Y | R, X, it never lowers it.

Amplification: R holds observed members O and hidden ones H, V ⟂ Y | X, R and V ⟂ H | O, so that V tells of X alone. In
a linear model with one treatment the bias is γ·cov(H, X | O) / var(X | O). Given V as well, its numerator is the same
and its denominator never larger.

Source: C. Cinelli, A. Forney, J. Pearl, "A crash course in good and bad controls", Sociological Methods & Research 53
(2024, online 2022) 1071-1104, doi:10.1177/00491241221099552; for the precision L. Henckel, E. Perković, M. Maathuis, J.
R. Stat. Soc. B 84 (2022) 579-599, doi:10.1111/rssb.12451, corollaries 3.4 and 3.5; for amplification J. Pearl, "On a
class of bias-amplifying variables that endanger effect estimates" (UAI 2010).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Literal

from causalgraph.answers import Answer, Document, Style, Word, line
from causalgraph.criteria.adjustment import (
    biasing_path,
    canonical_adjustment_set,
    forbidden_nodes,
    minimal_adjustment_sets,
    sides,
)
from causalgraph.criteria.separation import connecting, judge, naming, simple, words
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.graphs.paths import Path
from causalgraph.graphs.reach import reach
from causalgraph.graphs.relations import WALL, ancestors, descendants, downstream, proper_causal_nodes
from causalgraph.names import natural

__all__ = ["Control", "Controls", "Verdict", "bad_controls", "controls"]

Names = frozenset[str]
Verdict = Literal["good", "neutral", "bad", "undecided"]

# Minimal sets that the verdicts are drawn from unless told otherwise.
LIMIT = 100

SIGNS: dict[Verdict, tuple[str, Style]] = {
    "good": ("✔ ", "good"),
    "neutral": ("  ", "plain"),
    "bad": ("✘ ", "bad"),
    "undecided": ("? ", "warn"),
}


@dataclass(frozen=True)
class Control:
    """A variable, the verdict on adjusting for it, the part that it plays, and a sentence that says why.

    Roles: mediator, mediator_descendant, outcome_descendant, collider, amplifier (bad); confounder, backdoor (good);
    precision_gain, precision_loss, irrelevant, redundant (neutral); proxy, unknown (undecided). The witness is the path
    that makes it one.
    """

    name: str
    verdict: Verdict
    role: str
    reason: str
    witness: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "name": self.name,
            "verdict": self.verdict,
            "role": self.role,
            "reason": self.reason,
            "witness": self.witness.to_dict() if self.witness else None,
        }


@dataclass(frozen=True)
class Controls(Answer):
    """Every observed variable with its verdict.

    `identified` says whether some set of observed variables is valid; `complete`, whether all minimal sets were looked
    at: if not, the verdicts are by the first of them. `reference` are the observed members of the smallest set, beside
    which precision and amplification are judged.
    """

    treatments: tuple[str, ...]
    outcomes: tuple[str, ...]
    controls: tuple[Control, ...]
    identified: bool
    complete: bool
    reference: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "kind": "controls",
            "controls": [c.to_dict() for c in self.controls],
            "identified": self.identified,
            "complete": self.complete,
            "reference": list(self.reference),
        }

    def document(self) -> Document:
        """Tell each variable's verdict and reason, the bad ones first."""
        effect = f"the effect of {words(self.treatments)} on {words(self.outcomes)}, given this graph"
        if not self.controls:
            return Document((line(f"no variable is left to adjust for: {effect}"),))
        rows = [line(f"what adjusting for each variable does to {effect}")]
        for verdict in ("bad", "undecided", "good", "neutral"):
            for control in (c for c in self.controls if c.verdict == verdict):
                name = Word(control.name, "name")
                rows.append(line(Word(*SIGNS[verdict]), name, f" is {verdict}: {control.reason}", depth=1))
        if not self.identified:
            rows.append(line(Word("hidden confounding remains, whatever is adjusted for", "warn")))
        if not self.complete:
            rows.append(line(Word("judged by the first minimal sets; there are more", "dim")))
        return Document(tuple(rows))

    def warning(self) -> Document:
        """Tell of the bad controls alone."""
        bad = [c for c in self.controls if c.verdict == "bad"]
        effect = f"for the effect of {words(self.treatments)} on {words(self.outcomes)}"
        if not bad:
            return Document((line(f"no bad control {effect}"),))
        rows = [line(f"don't adjust {effect}:")]
        rows += [line(Word(*SIGNS["bad"]), Word(c.name, "name"), f": {c.reason}", depth=1) for c in bad]
        return Document(tuple(rows))


def bad_controls(graph: MixedGraph, x: Iterable[str], y: Iterable[str]) -> tuple[Control, ...]:
    """Return the variables that must not be adjusted for, each with its reason.

    >>> graph = MixedGraph.build([("X", "->", "M"), ("M", "->", "Y"), ("Z", "->", "X")])
    >>> [(c.name, c.role) for c in bad_controls(graph, "X", "Y")]
    [('M', 'mediator')]
    """
    return tuple(c for c in controls(graph, x, y).controls if c.verdict == "bad")


def controls(graph: MixedGraph, x: Iterable[str], y: Iterable[str], *, limit: int = LIMIT) -> Controls:
    """Judge every observed variable outside X and Y as a control; the module says how the verdicts are defined.

    Args:
        graph: a dag or an admg, latent nodes allowed.
        x, y: treatments and outcomes.
        limit: how many minimal valid sets are looked at, at most; there may be exponentially many.

    Raises:
        ModelError: as for `check_adjustment`.

    >>> m = [("U", "->", "X"), ("U", "->", "Z"), ("W", "->", "Z"), ("W", "->", "Y"), ("X", "->", "Y")]
    >>> print(controls(MixedGraph.build(m, latent=["U", "W"]), "X", "Y"))
    what adjusting for each variable does to the effect of X on Y, given this graph
      ✘ Z is bad: it is a collider or an effect of one, and adjusting for it opens X ← U → Z ← W → Y
    """
    x, y = sides(graph, x, y)
    question = _Question.of(graph, x, y, limit)
    named = graph.sorted(x), graph.sorted(y)
    judged = tuple(_judge(question, name) for name in graph.sorted(graph.observed - graph.selected - x - y))
    return Controls(*named, judged, question.identified, question.complete, graph.sorted(question.reference))


@dataclass(frozen=True)
class _Question:
    """The graph, the graph that the sets of `family` are valid in, and that family, small sets first."""

    graph: MixedGraph
    world: MixedGraph
    x: Names
    y: Names
    family: tuple[Names, ...]
    identified: bool
    complete: bool

    @classmethod
    def of(cls, graph: MixedGraph, x: Names, y: Names, limit: int) -> _Question:
        """List the minimal valid sets, of observed variables if there are any."""
        world = graph
        found = list(islice(minimal_adjustment_sets(world, x, y), limit + 1))
        identified = bool(found)
        if not identified:
            world = _revealed(graph)
            found = list(islice(minimal_adjustment_sets(world, x, y), limit + 1))
        family = sorted(found[:limit], key=lambda s: (len(s), sorted(map(natural, s))))
        return cls(graph, world, x, y, tuple(family), identified, len(found) <= limit)

    @cached_property
    def forbidden(self) -> Names:
        """What no valid set holds."""
        return forbidden_nodes(self.graph, self.x, self.y)

    @cached_property
    def reference(self) -> Names:
        """The observed members of the smallest set."""
        return self.family[0] & self.graph.observed if self.family else frozenset()

    @cached_property
    def harmless(self) -> Names:
        """The ancestors of X and Y: those that aren't forbidden open no path."""
        return ancestors(self.world, self.x | self.y)

    @cached_property
    def unclosable(self) -> Path:
        """A biasing path that no set closes, where there is no valid set even with everything measured."""
        path = self.bias(canonical_adjustment_set(self.world, self.x, self.y))
        if path is None:
            raise AssertionError("no minimal set, yet the canonical set is valid")
        return path

    def apart(self, a: Names, b: Names, given: Names) -> bool:
        """Say whether two sets are separated; what is given may hold parts of them."""
        a, b = a - given, b - given
        return not a or not b or connecting(self.world, a, given, b).walk(b) is None

    def bias(self, given: Names) -> Path | None:
        """Return a biasing path that is open given a set, as the graph has it."""
        path = biasing_path(self.world, self.x, self.y, given)
        return None if path is None else self.shown(path, given)

    def shown(self, path: Path, given: Names) -> Path:
        """Write a path of the world with the graph's two-headed edges."""
        edges: list[Edge] = []
        known = self.graph.index.number
        for edge in path.edges:
            if edge.left in known:
                edges.append(edge)
            else:
                edges[-1] = Edge(edges[-1].left, "<->", edge.right)
        return judge(self.graph, tuple(edges), given & known.keys())


def _revealed(graph: MixedGraph) -> MixedGraph:
    """Return the graph with nothing hidden: a node of its own for each two-headed edge, and no latents."""
    taken = set(graph.nodes)
    edges: list[Edge] = []
    for edge in graph.edges:
        if edge.mark == "->":
            edges.append(edge)
        else:
            cause = str(edge)
            while cause in taken:
                cause += "'"
            taken.add(cause)
            edges += [Edge(cause, "->", edge.left), Edge(cause, "->", edge.right)]
    return MixedGraph.build(edges, graph.nodes, kind="dag")


def _judge(question: _Question, name: str) -> Control:
    if name in question.forbidden:
        return _forbidden(question, name)
    if not question.family:
        path = question.unclosable
        return Control(name, "undecided", "unknown", f"{path.drawn} stays open even if all is measured", path)
    for chosen in question.family:
        if name in chosen:
            return _good(question, name, chosen)
    if name not in question.harmless:
        for chosen in question.family:
            opened = question.bias(chosen | {name})
            if opened:
                beside = f" beside {naming(question.graph.sorted(chosen))}" if chosen else ""
                reason = f"it is a collider or an effect of one, and adjusting for it{beside} opens {opened.drawn}"
                return Control(name, "bad", "collider", reason, opened)
    return _precision(question, name) if question.identified else _confounded(question, name)


def _forbidden(question: _Question, name: str) -> Control:
    """Say why no valid set holds a variable, by the causal path that it ends or stands on."""
    graph, x, y = question.graph, question.x, question.y
    causal = proper_causal_nodes(graph, x, y)
    said_y = words(graph.sorted(y))
    if name in causal:
        path = _directed(graph, x, {name}, x) + _directed(graph, {name}, y, x)
        reason = f"it lies on a causal path to {said_y}; adjusting for it takes that part of the effect away"
        return Control(name, "bad", "mediator", reason, judge(graph, path, ()))
    if name in descendants(graph, y):
        reason = f"it is an effect of {said_y}; adjusting for it selects on the outcome (case-control bias)"
        return Control(name, "bad", "outcome_descendant", reason, judge(graph, _directed(graph, y, {name}), ()))
    way = _directed(graph, causal, {name})
    path = _directed(graph, x, {way[0].left}, x) + way
    reason = (
        f"it is an effect of {way[0].left}, which lies on a causal path to {said_y}; adjusting for it takes part of "
        "the effect away"
    )
    return Control(name, "bad", "mediator_descendant", reason, judge(graph, path, ()))


def _directed(
    graph: MixedGraph, start: Iterable[str], goal: Iterable[str], walls: Iterable[str] = ()
) -> tuple[Edge, ...]:
    """Return a shortest directed path from one set to another, which exists, that doesn't come to a wall."""
    walk = reach(graph.index, downstream, start, graph.index.classes((walls, WALL)), goal).walk(goal)
    if walk is None:
        raise AssertionError(f"no directed path to {sorted(goal)}")
    return walk


def _good(question: _Question, name: str, chosen: Names) -> Control:
    """Show the path that a minimal set leaves open without the variable."""
    graph, rest = question.graph, chosen - {name}
    path = question.bias(rest)
    if path is None:
        raise AssertionError(f"{sorted(chosen)} is minimal, yet valid without {name}")
    beside = f" beside {naming(question.world.sorted(rest))}" if rest else ""
    reason = f"adjusting for it{beside} closes {path.drawn}"
    causes_both = name in ancestors(graph, question.x) and not question.y.isdisjoint(
        reach(graph.index, downstream, {name}, graph.index.classes((question.x, WALL))).names
    )
    return Control(name, "good", "confounder" if causes_both else "backdoor", reason, path)


def _precision(question: _Question, name: str) -> Control:
    """Say what a variable that leaves the bias as it is does to the precision."""
    given = question.reference
    x, y = (words(question.graph.sorted(s)) for s in (question.x, question.y))
    with_x = question.apart(frozenset({name}), question.x, given)
    with_y = question.apart(frozenset({name}), question.y, given | question.x)
    beside = f", given {naming(question.graph.sorted(given))}," if given else ""
    if with_x and with_y:
        return Control(name, "neutral", "irrelevant", f"it{beside} tells nothing of {x}, nor of {y} beyond {x}")
    if with_x:
        reason = f"it{beside} tells of {y} alone: adjusting for it can only make the estimate more precise"
        return Control(name, "neutral", "precision_gain", reason)
    if with_y:
        reason = f"it{beside} tells of {x} alone: adjusting for it can only make the estimate less precise"
        return Control(name, "neutral", "precision_loss", reason)
    reason = f"it{beside} brings no bias; what it does to the precision, the graph doesn't say"
    return Control(name, "neutral", "redundant", reason)


def _confounded(question: _Question, name: str) -> Control:
    """Say what a variable that closes nothing and opens nothing does to the bias that stays."""
    this, least, seen = frozenset({name}), question.family[0], question.reference
    to_x, to_y = question.apart(this, question.x, seen), question.apart(this, question.y, seen | question.x)
    if to_x or to_y:
        return _precision(question, name)
    tells_x_alone = question.apart(this, question.y, least | question.x) and question.apart(this, least - seen, seen)
    if tells_x_alone and len(question.x) == 1:
        walk = connecting(question.world, this, seen, question.x).walk(question.x)
        if walk is None:
            raise AssertionError(f"{name} is apart from the treatment, and not apart from it")
        path = question.shown(judge(question.world, simple(walk), seen), seen)
        reason = (
            f"it tells of {words(question.graph.sorted(question.x))} alone, as an instrument does: while hidden "
            "confounding remains, adjusting for it amplifies the bias (in a linear model)"
        )
        return Control(name, "bad", "amplifier", reason, path)
    reason = "hidden confounding remains, and whether adjusting for it makes the bias smaller or larger isn't told"
    return Control(name, "undecided", "proxy", reason)
