"""The verdict on a causal query: identified, with formula and proof, or undecided, with the reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from causalgraph.answers import Answer, Block, Document, Math, Style, Table, Word, line
from causalgraph.criteria.families import adjustment_family
from causalgraph.criteria.paths import paths, why
from causalgraph.criteria.separation import naming, words
from causalgraph.formula.mathml import mathml
from causalgraph.formula.printing import latex, text
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.paths import Path
from causalgraph.identify.proof import Proof
from causalgraph.identify.strategies import Derivation, Question, derive, question

__all__ = ["Identified", "Undecided", "identify"]

# Paths that an answer shows; `paths(X, Y | Z)` lists them all.
PATHS_SHOWN = 12

ASSUMPTIONS = (
    "the graph is right",
    "no common cause is missing from it",
    "every arm that is compared occurs in every stratum",
)


@dataclass(frozen=True)
class Identified(Answer):
    """A formula for ``P(y | do(x), w)`` in what can be observed, and the proof that it holds given the graph."""

    question: Question
    derivation: Derivation

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
        if self.question.w:
            condition = f"the condition {naming(self.question.w)}"
            by = f"{by} and {condition}" if self.derivation.covariates else condition
        return {
            "backdoor": f"back-door by {by}",
            "adjustment": f"adjustment by {by}",
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
            "assumptions": list(ASSUMPTIONS),
            "free": [],
            "alternatives": [],
        }

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
            *self._paths(),
        ]
        for formula, (whole, rule, licence) in zip(self.proof.formulas(), self.proof.lines(), strict=True):
            shown = Math(whole, latex(formula), mathml(formula))
            if not rule:
                rows.append(line(Word("proof   ", "dim"), shown, depth=1))
            else:
                since = f", since {licence}" if licence else ""
                rows.append(line("      = ", shown, depth=1))
                rows.append(line(Word(f"            {rule}{since}", "dim"), depth=1))
        rows.append(line(Word(f"assumes: {'; '.join(ASSUMPTIONS)}", "dim"), depth=1))
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
        """Say what isn't known, and why."""
        return Document(
            (
                line(Word("", "warn"), f" undecided: {text(self.question.goal)}"),
                line(self.reason, depth=1),
            )
        )


def identify(
    graph: MixedGraph, x: Iterable[str], y: Iterable[str], *, given: Iterable[str] = ()
) -> Identified | Undecided:
    """Look for a formula for ``P(y | do(x), w)``.

    Args:
        graph: a dag or an admg (`MixedGraph`).
        x, y, given: treatments, outcomes, conditions: disjoint sets of observed nodes (or a name).

    Raises:
        ModelError: the sets overlap or are empty (E212), a name is unknown (E201) or latent (E203).

    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> graph = MixedGraph.build([("Z", "->", "X"), ("Z", "->", "Y"), ("X", "->", "Y")])
    >>> identify(graph, "X", "Y").to_dict()["formula"]
    'Σ_z P(Y | X, Z=z) P(Z=z)'
    """
    asked = question(graph, x, y, given)
    found = derive(asked)
    if found is not None:
        return Identified(asked, found)
    return Undecided(asked, _reason(asked))


def _reason(asked: Question) -> str:
    """Say why adjustment doesn't answer a question, and that other ways weren't tried."""
    rest = "the general identification algorithm, which may still find a formula, isn't part of this version"
    family = adjustment_family(asked.graph, asked.x, asked.y, limit=1)
    if family.none:
        return f"no set can be adjusted for: {family.none}; {rest}"
    return f"no set with {naming(asked.w)} can be adjusted for without descendants of {words(asked.x)}; {rest}"
