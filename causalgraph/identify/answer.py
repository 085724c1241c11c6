"""The verdict on a causal query: identified, with formula and proof; not identified, with a hedge; or undecided."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from causalgraph.answers import Answer, Block, Document, Math, Style, Table, Word, line
from causalgraph.criteria.families import adjustment_family
from causalgraph.criteria.paths import paths, why
from causalgraph.criteria.separation import naming, words
from causalgraph.errors import ModelError
from causalgraph.formula.mathml import mathml
from causalgraph.formula.printing import latex, text
from causalgraph.graphs.equivalence import consistent_extension
from causalgraph.graphs.kinds import DIRECTED, HELP, doubts
from causalgraph.graphs.mixed import Mark, MixedGraph
from causalgraph.graphs.paths import Path
from causalgraph.identify.choosing import Alternative, alternatives, derive, hedge_of
from causalgraph.identify.hedge import Hedge
from causalgraph.identify.proof import Proof
from causalgraph.identify.strategies import Derivation, Question, question
from causalgraph.syntax.names import name_text

__all__ = ["Identified", "NotIdentified", "Undecided", "Verdict", "identify"]

# Paths that an answer shows; `paths(X, Y | Z)` lists them all.
PATHS_SHOWN = 12

# Edges with circles that an undecided answer names.
CIRCLES_SHOWN = 6

# Strategies whose paths, open or closed, show why they work.
LIT = ("backdoor", "adjustment", "optimal", "no effect")

ASSUMPTIONS = (
    "the graph is right",
    "no common cause is missing from it",
)
SUPPORT = "every arm that is compared occurs in every stratum"
POSITIVITY = "what a term is conditioned on occurs"


@dataclass(frozen=True)
class Identified(Answer):
    """A formula for ``P(y | do(x), w)`` in what can be observed, and the proof that it holds given the graph.

    With data at hand `estimate` holds what the formula comes to, or `no_estimate` says why it comes to nothing.
    """

    question: Question
    derivation: Derivation
    estimate: Answer | None = None
    no_estimate: str | None = None

    @property
    def formula(self) -> Any:  # sympy carries no types
        """The formula, free of interventions."""
        return self.derivation.formula

    @property
    def proof(self) -> Proof:
        """The steps from the question to the formula."""
        return self.derivation.proof

    @property
    def how(self) -> str:
        """The strategy in words."""
        by = naming(self.derivation.covariates) if self.derivation.covariates else "nothing"
        if self.question.w and self.derivation.strategy in ("backdoor", "optimal"):
            condition = f"the condition {naming(self.question.w)}"
            by = f"{by} and {condition}" if self.derivation.covariates else condition
        return {
            "backdoor": f"back-door by {by}",
            "adjustment": f"adjustment by {by}",
            "optimal": f"back-door by {by}, the set of smallest variance",
            "frontdoor": f"front door by {by}",
            "general": "by the general algorithm",
            "no effect": f"no causal path leads from {words(self.question.x)} to {words(self.question.y)}",
        }[self.derivation.strategy]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "kind": "identification",
            "identified": True,
            "estimand": text(self.question.goal),
            "formula": text(self.formula),
            "latex": latex(self.formula),
            "strategy": self.derivation.strategy,
            "covariates": list(self.derivation.covariates),
            "proof": self.proof.to_dict(),
            "assumptions": list(self.assumptions),
            "free": list(self.derivation.free),
            "alternatives": [a.to_dict() for a in self.alternatives],
            "estimate": self._numbers(),
        }

    def _numbers(self) -> dict[str, Any] | None:
        """Return the table of the estimate; what else it says is known already."""
        if self.estimate is None:
            return None
        told = self.estimate.to_dict()
        return {key: told[key] for key in ("table", "std_errors", "intervals", "level", "n", "dropped", "warnings")}

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the formula rests on."""
        chosen = self.question.graph.sorted(self.question.graph.selected)
        speaks = f"the formula speaks of the data, all selected by {words(chosen)}, and the effect of everyone"
        support = SUPPORT if self.derivation.strategy in LIT else POSITIVITY
        return (*ASSUMPTIONS, support, *([speaks] if chosen else []))

    @cached_property
    def alternatives(self) -> tuple[Alternative, ...]:
        """The other ways to an answer."""
        return alternatives(self.question, self.derivation)

    def document(self) -> Document:
        """Show strategy, formula, paths and proof."""
        goal = self.question.goal
        rows: list[Block] = [
            line(Word("✔ ", "good"), f"identified, given this graph: {self.how}"),
            line(
                Math(
                    f"{text(goal)} = {text(self.formula)}",
                    f"{latex(goal)} = {latex(self.formula)}",
                    mathml(goal, self.formula),
                ),
                depth=1,
            ),
            *(replace(b, depth=b.depth + 1) for b in (self.estimate.document().blocks if self.estimate else ())),
            *([line(Word(f"no number: {self.no_estimate}", "dim"), depth=1)] if self.no_estimate else []),
            *(self._paths() if self.derivation.strategy in LIT else []),
        ]
        for formula, (whole, rule, licence) in zip(self.proof.formulas(), self.proof.lines(), strict=True):
            shown = Math(whole, latex(formula), mathml(formula))
            if not rule:
                rows.append(line(Word("proof   ", "dim"), shown, depth=1))
            else:
                since = f", since {licence}" if licence else ""
                rows.append(line("      = ", shown, depth=1))
                rows.append(line(Word(f"            {rule}{since}", "dim"), depth=1))
        if self.proof.unused:
            hidden = f"the proof takes {naming(self.proof.unused)} for unobserved: the formula does without"
            rows.append(line(Word(hidden, "dim"), depth=1))
        if self.derivation.free:
            any_value = f"any value of {words(self.derivation.free)} gives the same number, if the graph is right"
            rows.append(line(Word(any_value, "dim"), depth=1))
        rows.append(line(Word(f"assumes: {'; '.join(self.assumptions)}", "dim"), depth=1))
        rows += [line(Word(f"or {a.sentence}", "dim"), depth=1) for a in self.alternatives]
        return Document(tuple(rows))

    def explanation(self) -> Document:
        """Tell the proof step by step, in plain words."""
        goal = text(self.question.goal)
        rows: list[Block] = [
            line(Word("✔ ", "good"), f"identified, given this graph: {self.how}"),
            line(f"Asked is {goal}: what would be seen of the outcome if one acted, rather than looked."),
        ]
        formulas = list(self.proof.formulas())[1:]
        for number, (step, formula) in enumerate(zip(self.proof.steps, formulas, strict=True), start=1):
            since = f". Allowed, since {step.reason}" if step.reason else ""
            sentence = step.sentence[0].upper() + step.sentence[1:]
            rows.append(line(f"{number}. {sentence}{since}."))
            rows.append(line("= ", Math(text(formula), latex(formula), mathml(formula)), depth=1))
        rows.append(line("No action is left in the formula: all of it can be read off the data."))
        rows.append(line(Word(f"assumes: {'; '.join(self.assumptions)}", "dim")))
        return Document(tuple(rows))

    def _repr_latex_(self) -> str:
        return f"${latex(self.question.goal)} = {latex(self.formula)}$"

    def _paths(self) -> list[Block]:
        asked = self.question
        given = (*self.derivation.covariates, *asked.w)
        shown = list(paths(asked.graph, asked.x, asked.y, given=given, limit=PATHS_SHOWN + 1))
        rows = tuple(_path_row(p, given) for p in sorted(shown[:PATHS_SHOWN], key=lambda p: (len(p.edges), p.text)))
        more = f"paths({', '.join((words(asked.x), words(asked.y)))})"
        rest: list[Block] = [line(f"… and more: ask {more}", depth=1)] * (len(shown) > PATHS_SHOWN)
        return [Table((), rows, depth=1), *rest] if rows else []


def _path_row(path: Path, given: tuple[str, ...]) -> tuple[str | Word, ...]:
    style: Style = "causal" if path.causal else "biasing"
    return Word(path.drawn, style), Word(style, style), why(path, given)


@dataclass(frozen=True)
class NotIdentified(Answer):
    """No formula in what is observed gives the effect: two models over the graph agree on the data and differ in it."""

    question: Question
    hedge: Hedge
    exit_code = 1

    @cached_property
    def alternatives(self) -> tuple[Alternative, ...]:
        """What an assumption beyond the graph would give."""
        return alternatives(self.question, None)

    @property
    def advice(self) -> tuple[str, ...]:
        """What could help."""
        joined = words(tuple(map(str, self.hedge.two_headed)))
        measure = f"measure what {joined} stand{'s' if len(self.hedge.two_headed) == 1 else ''} for, and adjust for it"
        experiment = f"set {words(self.hedge.treatments)} at random, in a trial"
        return (measure, experiment, *(a.sentence for a in self.alternatives))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "kind": "identification",
            "identified": False,
            "estimand": text(self.question.goal),
            "reason": self.hedge.reason,
            "formula": None,
            "latex": None,
            "strategy": None,
            "proof": None,
            "free": [],
            "hedge": self.hedge.to_dict(),
            "advice": list(self.advice),
            "alternatives": [a.to_dict() for a in self.alternatives],
        }

    def document(self) -> Document:
        """Say that there is none, what stands in the way, and what could help."""
        goal = text(self.question.goal)
        return Document(
            (
                line(Word("✘ ", "bad"), f"not identified, given this graph: no formula gives {goal}"),
                line(f"N401: {self.hedge.reason}", depth=1),
                line("two models over this graph agree on all data and differ in the effect (--witness)", depth=1),
                *(line(Word(f"what could help: {a}", "dim"), depth=1) for a in self.advice),
            )
        )


@dataclass(frozen=True)
class Undecided(Answer):
    """No formula was found, and none was shown to be impossible."""

    question: Question
    reason: str
    exit_code = 1

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "kind": "identification",
            "identified": None,
            "estimand": text(self.question.goal),
            "reason": self.reason,
            "formula": None,
            "latex": None,
            "strategy": None,
            "proof": None,
            "free": [],
            "alternatives": [],
        }

    def document(self) -> Document:
        """Say what isn't decided, and why."""
        return Document(
            (
                line(Word("", "warn"), f" undecided: {text(self.question.goal)}"),
                line(self.reason, depth=1),
            )
        )


Verdict = Identified | NotIdentified | Undecided


def identify(
    graph: MixedGraph, x: Iterable[str], y: Iterable[str], *, given: Iterable[str] = (), strategy: str | None = None
) -> Verdict:
    """Find a formula for ``P(y | do(x), w)``, or the hedge that shows that none exists.

    On a dag or admg one of the two is found. On a class of graphs, and under selection, adjustment is tried, and where
    that fails the answer is undecided. So it is on a pag that no MAG goes with, and on a pdag that no DAG goes with, as
    finite data may leave one.

    Args:
        graph: a graph of any kind.
        x, y, given: treatments, outcomes, conditions: disjoint sets of observed nodes (or a name).
        strategy: one of `choosing.STRATEGIES`; without it, the first that applies.

    Raises:
        ModelError: the sets overlap or are empty (E212), a name is unknown (E201) or latent (E203), there is no such
            strategy (E214).

    >>> from causalgraph.graphs.mixed import Mark, MixedGraph
    >>> graph = MixedGraph.build([("Z", "->", "X"), ("Z", "->", "Y"), ("X", "->", "Y")])
    >>> identify(graph, "X", "Y").to_dict()["formula"]
    'Σ_z P(Y | X, Z=z) P(Z=z)'
    >>> bow = MixedGraph.build([("X", "->", "Y"), ("X", "<->", "Y")])
    >>> identify(bow, "X", "Y").to_dict()["identified"]
    False
    """
    asked = question(graph, x, y, given)
    if doubts(graph):
        return Undecided(asked, _doubtful(graph))
    if graph.kind == "pdag" and consistent_extension(graph) is None:
        return Undecided(asked, f"the graph is no class of graphs: no DAG extends it; {HELP}")
    found = derive(asked, strategy)
    if found is not None:
        return Identified(asked, found)
    stuck = hedge_of(asked)
    if stuck is not None:
        return NotIdentified(asked, stuck)
    return Undecided(asked, _reason(asked, strategy))


def _doubtful(graph: MixedGraph) -> str:
    """Say which marks of a pag contradict one another."""
    doubt, *more = doubts(graph)
    edges = ", ".join(map(str, doubt.edges))
    also = f", and {len(more)} more" if more else ""
    return f"the graph is no class of graphs: {edges}: {doubt.why}{also}; {HELP}"


def _reason(asked: Question, strategy: str | None) -> str:
    """Say why a question isn't decided."""
    graph = asked.graph
    if graph.kind in DIRECTED and not graph.selected:
        return f"the strategy {strategy!r} doesn't apply; without it, a formula is found"
    what = "selected data" if graph.selected else f"a {graph.kind}"
    rest = f"of {what} only adjustment is asked, and another way isn't ruled out"
    if asked.w:
        return f"conditions aren't supported with {what}"
    try:
        family = adjustment_family(graph, asked.x, asked.y, limit=1)
    except ModelError as error:
        return f"{error.diagnostics[0].what}; {rest}"
    return f"no set can be adjusted for: {family.none}; {rest}{_circles(graph, family.witness)}"


def _circles(graph: MixedGraph, witness: Path | None) -> str:
    """Name the edges with circles on the path that stands in the way, and what would settle them.

    Where the path has none, the circles at its first two nodes are told: one that is settled may make its first arrow
    visible.
    """
    if graph.kind != "pag" or witness is None:
        return ""
    open_edges = [e for e in witness.edges if Mark.CIRCLE in e.marks]
    if not open_edges:
        near = set(witness.nodes[:1])
        open_edges = [e for e in graph.edges if Mark.CIRCLE in e.marks and near & {e.left, e.right}]
    if not open_edges:
        return ""
    named = ", ".join(str(e.canonical) for e in open_edges[:CIRCLES_SHOWN])
    more = f" and {len(open_edges) - CIRCLES_SHOWN} more" if len(open_edges) > CIRCLES_SHOWN else ""
    a, mark, b = open_edges[0]
    one, two = name_text(a), name_text(b)
    tiers = f"tier 1: {one} and tier 2: {two}, or " if mark == "o-o" else ""
    known = f"{tiers}require {one} -> {two}"
    return f"; these circles stand in the way: {named}{more}; what may settle them: knowledge, such as {known}"
