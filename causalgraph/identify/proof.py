"""What a derivation leaves behind: steps, each with its rule, what licenses it, and the formula before and after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from causalgraph.formula.nodes import replace_inside
from causalgraph.formula.printing import latex, text

if TYPE_CHECKING:
    from sympy import Expr

__all__ = ["RULES", "AdjustmentPremise", "Premise", "Proof", "SeparationPremise", "Step"]

# Rule -> how it reads in a sentence.
RULES = {
    "total probability": "sum over {names}",
    "rule 2": "acting on {names} is seeing it (do-calculus, rule 2)",
    "rule 3": "acting on {names} changes nothing here (do-calculus, rule 3)",
    "adjustment": "adjust for {names} (adjustment criterion)",
}


def _set(names: tuple[str, ...]) -> str:
    return "{" + ", ".join(names) + "}"


@dataclass(frozen=True)
class SeparationPremise:
    """X and Y are separated by Z in the graph without the arrows into `cut_into` and out of `cut_out_of`."""

    x: tuple[str, ...]
    y: tuple[str, ...]
    given: tuple[str, ...] = ()
    cut_into: tuple[str, ...] = ()
    cut_out_of: tuple[str, ...] = ()

    @property
    def graph(self) -> str:
        """Which graph the premise speaks of."""
        into = [f"into {_set(self.cut_into)}"] * bool(self.cut_into)
        out = [f"out of {_set(self.cut_out_of)}"] * bool(self.cut_out_of)
        return f"the graph without the arrows {' and '.join(into + out)}" if into or out else "the graph"

    def __str__(self) -> str:
        """Write the premise."""
        given = f" | {', '.join(self.given)}" if self.given else ""
        return f"({', '.join(self.y)} ⟂ {', '.join(self.x)}{given}) in {self.graph}"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "premise": "separation",
            "x": list(self.x),
            "y": list(self.y),
            "given": list(self.given),
            "cut_into": list(self.cut_into),
            "cut_out_of": list(self.cut_out_of),
        }


@dataclass(frozen=True)
class AdjustmentPremise:
    """Z holds no node on or below a proper causal path from X to Y, and closes every other proper path."""

    x: tuple[str, ...]
    y: tuple[str, ...]
    covariates: tuple[str, ...]

    def __str__(self) -> str:
        """Write the premise."""
        z = _set(self.covariates)
        return f"{z} holds nothing on or below a causal path, and closes every biasing path"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"premise": "adjustment", "x": list(self.x), "y": list(self.y), "covariates": list(self.covariates)}


Premise = SeparationPremise | AdjustmentPremise


@dataclass(frozen=True)
class Step:
    """``before`` becomes ``after`` by a rule, wherever it stands in the formula; `names` are the rule's subject."""

    rule: str
    names: tuple[str, ...]
    before: Expr
    after: Expr
    premises: tuple[Premise, ...] = ()

    @property
    def sentence(self) -> str:
        """The rule in words."""
        return RULES[self.rule].format(names=_set(self.names) if len(self.names) > 1 else self.names[0])

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "rule": self.rule,
            "names": list(self.names),
            "before": text(self.before),
            "after": text(self.after),
            "premises": [p.to_dict() for p in self.premises],
        }


@dataclass(frozen=True)
class Proof:
    """The way from `goal`, which speaks of an intervention, to a formula that doesn't."""

    goal: Expr
    steps: tuple[Step, ...]

    def formulas(self) -> Iterator[Expr]:
        """Yield the whole formula at the start and after each step."""
        whole = self.goal
        yield whole
        for step in self.steps:
            whole = replace_inside(whole, step.before, step.after)
            yield whole

    @property
    def conclusion(self) -> Expr:
        """The formula that the last step leaves."""
        *_, last = self.formulas()
        return last

    def lines(self) -> Iterator[tuple[str, str, str]]:
        """Yield for the goal and each step: the whole formula, the rule in words, what licenses it."""
        wholes = list(self.formulas())
        yield text(wholes[0]), "", ""
        for whole, step in zip(wholes[1:], self.steps, strict=True):
            yield text(whole), step.sentence, "; ".join(map(str, step.premises))

    @property
    def latex(self) -> str:
        """The derivation as an aligned block of LaTeX."""
        first, *rest = map(latex, self.formulas())
        return r"\begin{aligned}" + first + "".join(rf" &= {r} \\ " for r in rest) + r"\end{aligned}"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "goal": text(self.goal),
            "steps": [s.to_dict() for s in self.steps],
            "conclusion": text(self.conclusion),
            "latex": self.latex,
        }
