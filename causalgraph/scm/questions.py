"""What a counterfactual question is made of, and what answers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from causalgraph.answers import Answer, Block, Document, Table, Word, line
from causalgraph.errors import EstimationError
from causalgraph.scm.simulate import held_at
from causalgraph.scm.structural import Structural
from causalgraph.scm.worlds import Held, Network, Potential, shown

__all__ = ["Counterfactual", "Question"]


@dataclass(frozen=True)
class Counterfactual(Answer):
    """The answer: a number, or a table of probabilities by what was left free.

    `std_error` and `interval` tell of the draws alone, and are None where the answer is exact; `effective` is how many
    draws of equal weight they are worth.
    """

    query: str
    value: float | None
    method: str
    std_error: float | None = None
    interval: tuple[float, float] | None = None
    level: float = 0.95
    table: tuple[Mapping[str, Any], ...] = ()
    draws: int | None = None
    effective: float | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "kind": "counterfactual",
            "query": self.query,
            "value": self.value,
            "std_error": self.std_error,
            "interval": list(self.interval) if self.interval else None,
            "level": self.level,
            "method": self.method,
            "table": [dict(row) for row in self.table],
            "draws": self.draws,
            "effective": self.effective,
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }

    def document(self) -> Document:
        """Show the number or the table, how it came about, and what it rests on."""
        blocks: list[Block] = [line(Word("⚠ ", "warn"), w) for w in self.warnings]
        if self.value is not None:
            ends = f"   {self.level:.0%} [{self.interval[0]:.4g}, {self.interval[1]:.4g}]" if self.interval else ""
            blocks.append(line(Word(f"{self.value:.6g}", "strong"), f"{ends}   {self.method}"))
        else:
            header = tuple(self.table[0])
            rows = tuple(tuple(f"{v:.6g}" if isinstance(v, float) else str(v) for v in r.values()) for r in self.table)
            blocks += [line(self.method), Table(header, rows, frozenset({len(header) - 1}))]
        blocks += [line(Word(note, "dim"), depth=1) for note in self.notes]
        return Document(tuple(blocks))


@dataclass(frozen=True)
class Question:
    """What is asked, with the network of all worlds; facts are copies with numbers, events likewise."""

    structural: Structural
    net: Network
    targets: tuple[Potential, ...]
    given: tuple[Potential, ...]
    coefficients: tuple[float, ...]
    quantity: Literal["E", "P"]
    parameters: Mapping[str, float]

    @property
    def text(self) -> str:
        """The question, written out."""
        if self.quantity == "E":
            said = " ".join(
                f"{'+' if c >= 0 else '-'} {'' if abs(c) == 1 else f'{abs(c):g}*'}{shown(t)}"
                for c, t in zip(self.coefficients, self.targets, strict=True)
            ).removeprefix("+ ")
        else:
            said = ", ".join(map(shown, self.targets))
        return f"{self.quantity}({said}{' | ' if self.given else ''}{', '.join(map(shown, self.given))})"

    @property
    def spots(self) -> tuple[int | Held, ...]:
        """The copy, or the held value, that each target is."""
        return self.net.spots[: len(self.targets)]

    def fixed(self, potentials: Sequence[Potential], spots: Sequence[int | Held]) -> dict[int, float] | None:
        """Return the number of each copy that potentials speak of, or None where they contradict one another."""
        found: dict[int, float] = {}
        for potential, spot in zip(potentials, spots, strict=True):
            if potential.value is None:
                continue
            number = held_at(self.structural.rule(potential.variable), potential.value)
            before = spot.value if isinstance(spot, Held) else found.setdefault(spot, number)
            if before != number:
                return None
        return found

    def never(self, why: str = "nothing can be said of what never happens") -> EstimationError:
        """Return the error that the facts have probability 0."""
        return EstimationError.because(
            "E547", f"{', '.join(map(shown, self.given))} has probability 0 in this model", why=why
        )
