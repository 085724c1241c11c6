"""What fitting tells: the parameters with their errors, how each equation fits, and the equations with numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from causalgraph.answers import Answer, Block, Document, Table, Word, line
from causalgraph.scm.structural import Structural
from causalgraph.syntax.equation_text import declared_text

__all__ = ["EquationFit", "Estimated", "Fitted"]


@dataclass(frozen=True)
class Estimated:
    """A parameter as the data tell it.

    Attributes:
        name: without the question mark.
        estimate: where the likelihood is largest.
        std_error: None where the data give none, for which `trouble` says why, and for an exact distribution.
        interval: likewise.
        equations: the variables in whose equations it stands.
        trouble: what keeps it from having an error.
    """

    name: str
    estimate: float
    std_error: float | None
    interval: tuple[float, float] | None
    equations: tuple[str, ...]
    trouble: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "name": self.name,
            "value": self.estimate,
            "std_error": self.std_error,
            "interval": None if self.interval is None else list(self.interval),
            "equations": list(self.equations),
            "trouble": self.trouble,
        }


@dataclass(frozen=True)
class EquationFit:
    """How an equation with free parameters fits.

    Attributes:
        variable: whose equation it is.
        log_likelihood: at the estimates, in nats.
        aic: Akaike's criterion, 2k - 2 log L, of this equation's k parameters.
        n: rows, or what counts add up to.
        dropped: rows left out since a value of this equation was missing.
        method: how its parameters were found: ``least squares``, ``shares``, ``extremes`` or ``numeric``; several are
            joined by a plus.
        converged: whether every search ended at a maximum.
    """

    variable: str
    log_likelihood: float
    aic: float
    n: float
    dropped: int
    method: str
    converged: bool

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "variable": self.variable,
            "log_likelihood": self.log_likelihood,
            "aic": self.aic,
            "n": self.n,
            "dropped": self.dropped,
            "method": self.method,
            "converged": self.converged,
        }


@dataclass(frozen=True)
class Fitted(Answer):
    """Structural equations whose parameters have been fitted.

    Attributes:
        parameters: in the order in which the equations name them.
        equations: those that have free parameters.
        structural: the equations with numbers in place of parameters.
        level: of the intervals.
        warnings: parameters without an error, and why (W553).
    """

    parameters: tuple[Estimated, ...]
    equations: tuple[EquationFit, ...]
    structural: Structural = field(repr=False)
    level: float
    warnings: tuple[str, ...] = ()

    @property
    def values(self) -> dict[str, float]:
        """The estimates by name."""
        return {p.name: p.estimate for p in self.parameters}

    @property
    def log_likelihood(self) -> float:
        """The sum of the equations' log-likelihoods, in nats."""
        return sum(e.log_likelihood for e in self.equations)

    @property
    def text(self) -> str:
        """All equations with numbers in place of parameters, causes first, as they stand in a model's text."""
        return "\n".join(declared_text(rule.equation) for rule in self.structural.rules)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "kind": "fitted",
            "parameters": [p.to_dict() for p in self.parameters],
            "equations": [e.to_dict() for e in self.equations],
            "log_likelihood": self.log_likelihood,
            "level": self.level,
            "text": self.text,
            "warnings": list(self.warnings),
        }

    def document(self) -> Document:
        """Show the parameters, then how each equation fits, then the equations."""
        body = tuple((f"?{p.name}", *_shown(p), ", ".join(p.equations)) for p in self.parameters)
        head = ("parameter", "estimate", f"{self.level:.0%} interval", "in the equation of")
        blocks: list[Block] = [Table(head, body, frozenset({1}))]
        for e in self.equations:
            lost = f", {e.dropped:,} rows with missing values left out" if e.dropped else ""
            told = f"n = {e.n:,.10g}{lost}, log-likelihood {e.log_likelihood:,.2f}, AIC {e.aic:,.2f}, by {e.method}"
            blocks.append(line(Word(f"{e.variable}: ", "name"), told))
        blocks += [line(Word("⚠ ", "warn"), w) for w in self.warnings]
        blocks += [line(text, depth=1) for text in self.text.splitlines()]
        return Document(tuple(blocks))


def _shown(p: Estimated) -> tuple[str, str]:
    ends = "" if p.interval is None else f"[{p.interval[0]:.4g}, {p.interval[1]:.4g}]"
    return f"{p.estimate:.4g}", ends
