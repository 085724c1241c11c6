"""That the data hold both potential outcomes."""

from __future__ import annotations

from dataclasses import dataclass, field

from causalgraph.errors import Span

__all__ = ["KnownOutcomes"]


@dataclass(frozen=True)
class KnownOutcomes:
    """``design potential_outcomes(Spending, control=Y0, treated=Y1)``.

    Attributes:
        outcome: the variable whose potential outcomes they are.
        control: the column of what each unit would be without treatment.
        treated: likewise with it.
    """

    outcome: str
    control: str
    treated: str
    span: Span | None = field(default=None, compare=False, repr=False)
