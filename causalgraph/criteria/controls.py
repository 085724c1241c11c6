"""Good, bad and neutral controls: what adjusting for each variable does to the total effect of X on Y.

The verdicts are defined by the complete adjustment criterion. Let F be the minimal valid sets of observed variables. If
there is none, F are the sets that would be valid and minimal if all hidden variables could be measured, each two-headed
edge standing for one; if there are such sets, hidden confounding remains whatever is done. Then a variable V is

- **bad** where it is a mediator, an effect of one, or an effect of the outcome (no valid set holds one); where no set
  of F holds it and one that V joins is no longer valid (V opens a path); and where hidden confounding remains and V
  only amplifies it, in the sense given below;
- **good** where a set of F holds it: without V, that set would leave a path open;
- **neutral** where no set of F holds it and every one stays valid with it; if hidden confounding remains, where it also
  leaves what is estimated as it is (V ⟂ X | O or V ⟂ Y | O, X, for O see below);
- **undecided** otherwise, which happens only where no set of observed variables is valid: V changes the bias, and the
  graph doesn't say in which direction (a proxy of a hidden confounder is of that kind); or no set would be valid even
  with all measured (the outcome causes the treatment, say).

All roles are read off a few traversals, as separation from X and from Y tells of all V at once: a V that none of F
holds opens a path beside a set R of F exactly where, given R and beside the effect, V is connected to X and to Y (by
weak transitivity and composition, which hold for m-separation). The path that shows a verdict is looked for when it is
asked for.

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
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from causalgraph.answers import Answer, Document, Line, Style, Word, line
from causalgraph.criteria.adjustment import sides
from causalgraph.criteria.control_question import DRAWING, PATHS, Question, reason, why_none
from causalgraph.criteria.separation import words
from causalgraph.graphs.kinds import require_unselected
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.paths import Path

__all__ = ["Control", "Controls", "Verdict", "bad_controls", "controls"]

Verdict = Literal["good", "neutral", "bad", "undecided"]

# Minimal sets that the verdicts are drawn from unless told otherwise.
LIMIT = 100
# Bad controls that a warning lists, and edges of the witnesses that JSON holds.
LISTED = 20
WITNESSED = 20_000

SIGNS: dict[Verdict, tuple[str, Style]] = {
    "good": ("✔ ", "good"),
    "neutral": ("  ", "plain"),
    "bad": ("✘ ", "bad"),
    "undecided": ("⚠ ", "warn"),
}


@dataclass(frozen=True)
class Control:
    """A variable, the verdict on adjusting for it, the part that it plays, and a sentence that says why.

    Roles: mediator, mediator_descendant, outcome_descendant, collider, amplifier (bad); confounder, backdoor (good);
    precision_gain, precision_loss, irrelevant, redundant (neutral); proxy, unknown (undecided). The witness is the path
    that makes it one; it and the sentence are worked out when they are first asked for.
    """

    name: str
    verdict: Verdict
    role: str
    question: Question = field(repr=False, compare=False)

    @cached_property
    def reason(self) -> str:
        """Why this is the verdict."""
        return reason(self.question, self.name, self.role, self.witness if self.role in DRAWING else None)

    @cached_property
    def witness(self) -> Path | None:
        """The path that shows it."""
        find = PATHS.get(self.role)
        return find(self.question, self.name) if find else None

    def to_dict(self, *, witnessed: bool = True) -> dict[str, Any]:
        """Return JSON-ready values, the witness only if it is wanted."""
        return {
            "name": self.name,
            "verdict": self.verdict,
            "role": self.role,
            "reason": self.reason,
            "witness": self.witness.to_dict() if witnessed and self.witness else None,
        }


@dataclass(frozen=True)
class Controls(Answer):
    """Every observed variable with its verdict.

    `identified` says whether some set of observed variables is valid, and `none` why no such set is; `complete`,
    whether all minimal sets were looked at: if not, the verdicts are by the first of them. `reference` are the observed
    members of the smallest set, beside which precision and amplification are judged.
    """

    treatments: tuple[str, ...]
    outcomes: tuple[str, ...]
    controls: tuple[Control, ...]
    identified: bool
    complete: bool
    reference: tuple[str, ...] = ()
    none: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values; the first witnesses alone are among them where all would fill the memory."""
        rows, edges = [], 0
        for control in self.controls:
            rows.append(control.to_dict(witnessed=edges < WITNESSED))
            if edges < WITNESSED and control.witness:
                edges += len(control.witness.edges)
        return {
            "kind": "controls",
            "controls": rows,
            "identified": self.identified,
            "complete": self.complete,
            "reference": list(self.reference),
            "none": self.none,
        }

    def document(self) -> Document:
        """Tell each variable's verdict and reason, the bad ones first."""
        effect = f"the effect of {words(self.treatments)} on {words(self.outcomes)}, given this graph"
        if not self.controls:
            rows = [line(f"no variable is left to adjust for: {effect}")]
        else:
            rows = [line(f"what adjusting for each variable does to {effect}")]
        for verdict in ("bad", "undecided", "good", "neutral"):
            for control in (c for c in self.controls if c.verdict == verdict):
                name = Word(control.name, "name")
                rows.append(line(Word(*SIGNS[verdict]), name, f" is {verdict}: {control.reason}", depth=1))
        if self.none:
            rows.append(line(Word(self.none, "warn")))
        return Document((*rows, *self._caveat))

    def warning(self) -> Document:
        """Tell of the first bad controls alone."""
        bad = [c for c in self.controls if c.verdict == "bad"]
        effect = f"for the effect of {words(self.treatments)} on {words(self.outcomes)}"
        if not bad:
            return Document((line(f"no bad control {effect}"), *self._caveat))
        rows = [line(f"don't adjust {effect}:")]
        rows += [line(Word(*SIGNS["bad"]), Word(c.name, "name"), f": {c.reason}", depth=1) for c in bad[:LISTED]]
        if len(bad) > LISTED:
            rows.append(line(f"and {len(bad) - LISTED:,} more, which controls() lists", depth=1))
        return Document((*rows, *self._caveat))

    @property
    def _caveat(self) -> tuple[Line, ...]:
        return () if self.complete else (line(Word("judged by the first minimal sets; there are more", "dim")),)


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
        graph: a dag or an admg, latent nodes allowed, selected ones not.
        x, y: treatments and outcomes.
        limit: how many minimal valid sets are looked at, at most; there may be exponentially many.

    Raises:
        ModelError: the graph isn't a legal dag or admg, or a node is selected (E108, E102-E104); X or Y is empty or
            they overlap (E212), a name is unknown (E201).

    >>> m = [("U", "->", "X"), ("U", "->", "Z"), ("W", "->", "Z"), ("W", "->", "Y"), ("X", "->", "Y")]
    >>> print(controls(MixedGraph.build(m, latent=["U", "W"]), "X", "Y"))
    what adjusting for each variable does to the effect of X on Y, given this graph
      ✘ Z is bad: it is a collider or an effect of one, and adjusting for it opens X ← U → Z ← W → Y
    """
    require_unselected(graph, "controls()")
    x, y = sides(graph, x, y)
    question = Question.of(graph, x, y, limit)
    judged = tuple(_judge(question, name) for name in graph.sorted(graph.observed - x - y))
    return Controls(
        graph.sorted(x),
        graph.sorted(y),
        judged,
        question.identified,
        question.complete,
        graph.sorted(question.reference),
        None if question.identified else why_none(question),
    )


# Does a variable tell of X, and of Y beyond X? -> what it does to the precision.
PRECISION = {
    (False, False): "irrelevant",
    (False, True): "precision_gain",
    (True, False): "precision_loss",
    (True, True): "redundant",
}


def _judge(question: Question, name: str) -> Control:
    verdict, role = _role(question, name)
    return Control(name, verdict, role, question)


def _role(question: Question, name: str) -> tuple[Verdict, str]:
    if name in question.causal:
        return "bad", "mediator"
    if name in question.forbidden:
        return "bad", "outcome_descendant" if name in question.below_outcome else "mediator_descendant"
    if not question.family:
        return "undecided", "unknown"
    if name in question.holders:
        return "good", "confounder" if name in question.common_causes else "backdoor"
    if name not in question.harmless and name in question.openers:
        return "bad", "collider"
    with_x, with_y = name in question.with_x, name in question.with_y
    if question.identified or not (with_x and with_y):
        return "neutral", PRECISION[with_x, with_y]
    if name in question.amplifiers and len(question.x) == 1:
        return "bad", "amplifier"
    return "undecided", "proxy"
