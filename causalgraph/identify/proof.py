"""What a derivation leaves behind: steps, each with its rule, what licenses it, and the formula before and after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from causalgraph.formula.printing import latex, text
from causalgraph.formula.rewriting import rewrite

if TYPE_CHECKING:
    from sympy import Expr

__all__ = [
    "RULES",
    "AdjustmentPremise",
    "DescentPremise",
    "DistrictPremise",
    "FactorisationPremise",
    "Premise",
    "Proof",
    "SeparationPremise",
    "Step",
]

# Rule -> how it reads in a sentence.
RULES = {
    "total probability": "sum over {names}",
    "marginalisation": "sum over {names}",
    "conditional": "given {names} is a ratio: the joint probability over that of {names} alone",
    "district factorisation": "{names} falls into districts, each with a factor of its own",
    "district": "the factor of the district {names} comes from what went before each of its members, in causal order",
    "normalisation": "the probabilities of {names} sum to 1",
    "factoring": "what {names} has no part in leaves its sum",
    "cancelling": "the factor of {names} stands above and below the line",
    "chain rule": "the joint probability is that of {names} times that of the rest given it (chain rule)",
    "add condition": "{names} may be known as well, as it tells nothing more (do-calculus, rule 1)",
    "nested sums": "the sum over {names} and the one beside it may be taken in one or in turn",
    "rename": "the sum over {names} doesn't depend on what its values are called",
    "rule 1": "{names} tells nothing more here (do-calculus, rule 1)",
    "rule 2": "acting on {names} is seeing it (do-calculus, rule 2)",
    "rule 3": "acting on {names} changes nothing here (do-calculus, rule 3)",
    "no causal path": "acting on {names} changes nothing, as nothing leads from there to the outcome",
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

    @property
    def words(self) -> str:
        """The premise in plain words."""
        ends = f"every path between {_set(self.x)} and {_set(self.y)} is closed"
        given = f" given {_set(self.given)}" if self.given else ""
        return f"{ends}{given} in {self.graph}"

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


@dataclass(frozen=True)
class DescentPremise:
    """In no graph of the class does a causal path lead from X to Y."""

    x: tuple[str, ...]
    y: tuple[str, ...]

    def __str__(self) -> str:
        """Write the premise."""
        return f"no possibly causal path leads from {_set(self.x)} to {_set(self.y)}"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"premise": "descent", "x": list(self.x), "y": list(self.y)}


@dataclass(frozen=True)
class FactorisationPremise:
    """In the graph without `under`, the set `ancestral` holds all its ancestors and falls into these districts."""

    ancestral: tuple[str, ...]
    under: tuple[str, ...]
    districts: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        """Write the premise."""
        parts = ", ".join(map(_set, self.districts))
        return f"{_set(self.ancestral)} is ancestral without {_set(self.under)}, with the districts {parts}"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "premise": "factorisation",
            "ancestral": list(self.ancestral),
            "under": list(self.under),
            "districts": [list(d) for d in self.districts],
        }


@dataclass(frozen=True)
class DistrictPremise:
    """`district` is one in the graph on the variables of `order`, which stand causes first."""

    district: tuple[str, ...]
    order: tuple[str, ...]

    def __str__(self) -> str:
        """Write the premise."""
        return f"{_set(self.district)} is a district of the graph on {', '.join(self.order)} (in this order)"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"premise": "district", "district": list(self.district), "order": list(self.order)}


Premise = SeparationPremise | AdjustmentPremise | DescentPremise | FactorisationPremise | DistrictPremise


@dataclass(frozen=True)
class Step:
    """``before`` becomes ``after`` by a rule, wherever it stands in the formula; `names` are the rule's subject."""

    rule: str
    names: tuple[str, ...]
    before: Expr
    after: Expr
    premises: tuple[Premise, ...] = ()

    @property
    def reason(self) -> str:
        """What licenses the step, in plain words."""
        return " and ".join(p.words if isinstance(p, SeparationPremise) else str(p) for p in self.premises)

    @property
    def sentence(self) -> str:
        """The rule in words."""
        names = "nothing" if not self.names else _set(self.names) if len(self.names) > 1 else self.names[0]
        return RULES[self.rule].format(names=names)

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
    """The way from `goal`, which speaks of an intervention, to a formula that doesn't.

    What is `unused` could as well be unobserved: the proof speaks of the graph in which it is.
    """

    goal: Expr
    steps: tuple[Step, ...]
    unused: tuple[str, ...] = ()

    def formulas(self) -> Iterator[Expr]:
        """Yield the whole formula at the start and after each step."""
        whole = self.goal
        yield whole
        for step in self.steps:
            whole = rewrite(whole, step.before, step.after)
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
            "unused": list(self.unused),
            "latex": self.latex,
        }
