"""Potential outcomes, and the smallest network of copies of variables in which several worlds meet.

A copy of a variable is told by the copies of its parents. Worlds that don't differ in what a variable depends on so
share one copy, and all copies of a variable share its noise.

Source: A. Balke, J. Pearl, "Probabilistic evaluation of counterfactual queries", AAAI (1994) 230-237 (twin networks);
I. Shpitser, J. Pearl, "What counterfactuals can be tested", UAI (2007), section 4 (the counterfactual graph).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from causalgraph.errors import ModelError
from causalgraph.scm.simulate import held_at
from causalgraph.scm.structural import Structural

__all__ = ["Copy", "Held", "Network", "Potential", "network", "shown"]


@dataclass(frozen=True)
class Potential:
    """``Y[X=0]``: what a variable would be if others were set; without a world what it is.

    Attributes:
        variable: the outcome.
        world: what is set: to a level, to a number, or to what the variable itself would be in another world, as
            ``M`` in ``Y[X=1, M[X=0]]``.
        value: the level or number that is spoken of, in an event or a fact.
    """

    variable: str
    world: tuple[tuple[str, str | float | Potential], ...] = ()
    value: str | float | None = None


def shown(potential: Potential) -> str:
    """Write a potential outcome as the language does.

    >>> shown(Potential("Y", (("X", 1), ("M", Potential("M", (("X", 0),)))), value=1))
    'Y[X=1, M[X=0]]=1'
    """
    items = [shown(v) if isinstance(v, Potential) else f"{name}={_number(v)}" for name, v in potential.world]
    world = f"[{', '.join(items)}]" if items else ""
    value = "" if potential.value is None else f"={_number(potential.value)}"
    return f"{potential.variable}{world}{value}"


def _number(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.12g}"


@dataclass(frozen=True)
class Held:
    """A number, or the place of a level, that a variable is set to."""

    value: float


@dataclass(frozen=True)
class Copy:
    """A variable in a world; `parents` are numbers of copies, or what is held, in the order of the rule's parents."""

    variable: str
    parents: tuple[int | Held, ...]


@dataclass(frozen=True)
class Network:
    """Copies of variables, causes before effects, and the copy (or held value) that each potential outcome is."""

    copies: tuple[Copy, ...]
    spots: tuple[int | Held, ...]

    def of(self, variable: str) -> tuple[int, ...]:
        """Return the copies of a variable."""
        return tuple(i for i, copy in enumerate(self.copies) if copy.variable == variable)

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that have copies, causes before effects."""
        return tuple(dict.fromkeys(copy.variable for copy in self.copies))


def network(structural: Structural, potentials: Sequence[Potential]) -> Network:
    """Return the copies of variables that potential outcomes depend on.

    Raises:
        ModelError: an unknown variable (E145) or level (E204), or a variable set to another's outcome (E147).
    """
    numbers: dict[Copy, int] = {}

    def item(name: str, value: str | float | Potential) -> int | Held:
        if not isinstance(value, Potential):
            return Held(held_at(structural.rule(name), value))
        if value.variable != name:
            raise ModelError.because("E147", f"{name} is set to an outcome of {value.variable}", fix=f"{name}[…]")
        return spot(value)

    def spot(potential: Potential) -> int | Held:
        structural.rule(potential.variable)
        fixed = {name: item(name, value) for name, value in potential.world}
        needed = structural.needed([potential.variable], fixed)
        here = dict(fixed)
        for name in structural.names:
            if name in needed and name not in fixed:
                copy = Copy(name, tuple(here[p] for p in structural.rule(name).parents))
                here[name] = numbers.setdefault(copy, len(numbers))
        return here[potential.variable]

    found = [spot(p) for p in potentials]
    place = {name: i for i, name in enumerate(structural.names)}
    made = sorted(numbers, key=lambda copy: (place[copy.variable], numbers[copy]))
    new = {numbers[copy]: i for i, copy in enumerate(made)}

    def renumbered(spot: int | Held) -> int | Held:
        return spot if isinstance(spot, Held) else new[spot]

    copies = tuple(Copy(c.variable, tuple(map(renumbered, c.parents))) for c in made)
    return Network(copies, tuple(map(renumbered, found)))
