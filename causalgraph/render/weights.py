"""What a line's width tells on request: how strongly the data speak for an edge, in steps that the eye tells apart.

A p-value or a frequency becomes one of four widths. Edges without the number are no thin lines, which would read as
weak, but double ones.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from causalgraph.graphs.mixed import Edge

__all__ = ["SCALES", "WIDTHS", "Scale", "Weights", "number_text"]

# In points, the weakest step first.
WIDTHS = (2, 2.75, 3.5, 4.5)

# Below it a number is written by its power of ten.
SMALL = 0.0001

# No p-value is 0: one below this is too small for the arithmetic that found it.
LEAST_P = 1e-300


@dataclass(frozen=True)
class Scale:
    """How a number becomes one of four steps.

    Attributes:
        title: what the width tells, for a legend.
        noun: what the number is.
        bounds: the numbers that part the steps, in rising order; a bound belongs to the step above it.
        words: what each step means, from the smallest number to the largest.
        rising: whether a larger number is stronger.
        least: a smaller number is written as less than this one.
    """

    title: str
    noun: str
    bounds: tuple[float, ...]
    words: tuple[str, ...]
    rising: bool
    least: float = 0

    def step(self, number: float) -> int:
        """Return the step of a number, 0 for the weakest.

        >>> SCALES["p"].step(0.004), SCALES["p"].step(0), SCALES["frequency"].step(0.95)
        (0, 3, 3)
        """
        above = bisect_right(self.bounds, number)
        return above if self.rising else len(self.bounds) - above

    def meaning(self, step: int) -> str:
        """Return what a step means."""
        return self.words[step if self.rising else len(self.bounds) - step]

    def text(self, number: float) -> str:
        """Write a number.

        >>> SCALES["p"].text(0), SCALES["frequency"].text(0)
        ('< 1e-300', '0')
        """
        return f"< {number_text(self.least)}" if number < self.least else number_text(number)


# The name of an edge's attribute -> how it is read. A search keeps an edge whose largest p-value is small, so even the
# weakest step of p holds edges that the tests speak for; the steps are 3, 6 and 12 powers of ten.
SCALES: dict[str, Scale] = {
    "p": Scale(
        "width: the largest p-value the edge met",
        "p-value",
        (1e-12, 1e-6, 1e-3),
        ("p < 1e-12", "p < 1e-6", "p < 0.001", "p ≥ 0.001"),
        rising=False,
        least=LEAST_P,
    ),
    "frequency": Scale(
        "width: the share of samples that have the edge",
        "frequency",
        (0.5, 0.7, 0.9),
        ("in less than 50%", "in 50% or more", "in 70% or more", "in 90% or more"),
        rising=True,
    ),
}


@dataclass(frozen=True)
class Weights:
    """The numbers that the widths of lines tell.

    Attributes:
        by: what they are: one of `SCALES`.
        of: the number of each edge that has one, from 0 to 1.
        written: whether each number also stands beside its line.
    """

    by: str
    of: Mapping[Edge, float]
    written: bool = False

    @property
    def scale(self) -> Scale:
        """How the numbers are read."""
        return SCALES[self.by]

    def step(self, edge: Edge) -> int | None:
        """Return the step of an edge, 0 for the weakest; None where it has no number."""
        number = self.of.get(edge)
        return None if number is None else self.scale.step(number)

    def words(self, edge: Edge) -> str | None:
        """Say the number of an edge; None where it has none.

        >>> Weights("p", {Edge("A", "->", "B"): 2.5e-7}).words(Edge("A", "->", "B"))
        'p = 2.5e-7'
        """
        text = self.text(edge)
        return text and (f"{self.by} {text}" if text[0] in "<>" else f"{self.by} = {text}")

    def text(self, edge: Edge) -> str | None:
        """Write the number of an edge; None where it has none."""
        return self.scale.text(self.of[edge]) if edge in self.of else None


def number_text(number: float) -> str:
    """Write a number from 0 to 1 in at most three digits; a small one by its power of ten, and 1 only where it is 1.

    >>> number_text(0.01234), number_text(4.243e-05), number_text(0), number_text(0.9999), number_text(1.0)
    ('0.0123', '4.24e-5', '0', '> 0.999', '1')
    """
    if number and number < SMALL:
        digits, _, power = f"{number:.2e}".partition("e")
        return f"{float(digits):g}e{int(power)}"
    text = f"{number:.3g}"
    return text if text != "1" or number == 1 else "> 0.999"
