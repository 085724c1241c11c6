"""How a graph was searched for, in words and in JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from causalgraph.graphs.knowledge import Knowledge

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """How a graph was searched for.

    Attributes:
        algorithm: ``pc``, ``fci`` or ``rfci``.
        test: the name of the test.
        alpha: the level above which a p-value means independence.
        n: the number of observations; None by an oracle or a function.
        depth: the size of the largest set that was to be tried; None: any.
        colliders: the rule for colliders; None where the algorithm has its own.
        knowledge: tiers, forbidden and required arrows.
        more: further settings of the algorithm, and their values.
    """

    algorithm: str
    test: str
    alpha: float
    n: float | None = None
    depth: int | None = None
    colliders: str | None = None
    knowledge: Knowledge = field(default_factory=Knowledge)
    more: tuple[tuple[str, str | int | bool | None], ...] = ()

    def lines(self) -> Iterator[str]:
        """Yield one setting after another, in words; knowledge has statements of its own."""
        yield f"algorithm: {self.algorithm}"
        yield f"test: {self.test}"
        yield f"alpha: {self.alpha:g}"
        yield f"depth: {'any' if self.depth is None else self.depth}"
        if self.colliders is not None:
            yield f"colliders: {self.colliders}"
        for name, value in self.more:
            yield f"{name}: {_worded(value)}"
        if self.n is not None:
            yield f"n: {self.n:,.10g}"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        known = self.knowledge
        return {
            "algorithm": self.algorithm,
            "test": self.test,
            "alpha": self.alpha,
            "n": self.n,
            "depth": self.depth,
            "colliders": self.colliders,
            "tiers": [list(tier) for tier in known.tiers],
            "forbidden": [list(pair) for pair in known.forbidden],
            "required": [list(pair) for pair in known.required],
            **dict(self.more),
        }


def _worded(value: object) -> str:
    if value is None:
        return "any"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
