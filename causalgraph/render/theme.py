"""What each meaning looks like: one table for text, HTML and pictures.

Nothing is told by colour alone. A word that is good, bad or a warning has a sign; a line has a width, dashes and a
bar; a node has a shape and an outline. Every colour stands out from its paper by 3:1 at the least, light and dark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from causalgraph.answers import Style

__all__ = ["INK", "LINES", "LOOKS", "PAPER", "WASH", "Look", "Meaning", "Stroke", "Tone", "contrast"]


@dataclass(frozen=True)
class Tone:
    """A colour on light paper and on dark paper, as ``#rrggbb``."""

    light: str
    dark: str


@dataclass(frozen=True)
class Look:
    """How a word is shown.

    `sign` goes before the word everywhere; `xterm` is its colour (0-255) on a terminal, chosen to be read on black
    and on white.
    """

    tone: Tone
    sign: str = ""
    xterm: int | None = None
    bold: bool = False

    @property
    def ansi(self) -> str:
        """The parameters of the escape sequence that starts this look, empty for none."""
        colour = "" if self.xterm is None else f"38;5;{self.xterm}"
        return ";".join(filter(None, ("1" * self.bold, colour)))


# Double is two thin lines with paper between them.
Dashes = Literal["solid", "dashed", "dotted", "double"]


@dataclass(frozen=True)
class Stroke:
    """How a line is drawn: its width in points, its dashes, the bars across its middle by their angle to it."""

    tone: Tone
    width: float
    dashes: Dashes = "solid"
    bars: tuple[float, ...] = ()


PAPER = Tone("#ffffff", "#16181d")
INK = Tone("#1b1b1b", "#e8e8e8")
WASH = Tone("#e9edf2", "#2b3038")

CAUSAL = Tone("#0072B2", "#56B4E9")
BIASING = Tone("#D55E00", "#FF8C42")

LOOKS: dict[Style, Look] = {
    "plain": Look(INK),
    "strong": Look(INK, bold=True),
    "dim": Look(Tone("#5f6368", "#9aa0a6"), xterm=244),
    "name": Look(Tone("#6b3fa0", "#c9a7f0"), xterm=98),
    "good": Look(Tone("#00754f", "#4fd1a5"), "✔", xterm=29),
    "bad": Look(Tone("#b3261e", "#ff8a80"), "✘", xterm=160, bold=True),
    "warn": Look(Tone("#8a6100", "#f0c040"), "⚠", xterm=136),
    "causal": Look(CAUSAL, xterm=32, bold=True),
    "biasing": Look(BIASING, xterm=166),
}

# Below it a channel of sRGB is linear.
DARKEST = 0.04045

# Stopped is a causal path that something closes, closed a biasing one; cut is what an intervention removes, and faint
# what stands back. Where width tells a number, unweighed is what has none: not weak, so not thin. Of two graphs, one
# alone has what is first or second, and both have the rest: with marks of which one graph says less, or that are a
# contradiction.
Meaning = Literal[
    "plain",
    "unweighed",
    "causal",
    "stopped",
    "biasing",
    "closed",
    "cut",
    "faint",
    "first",
    "second",
    "less",
    "contradiction",
]

LINES: dict[Meaning, Stroke] = {
    "plain": Stroke(INK, 1.25),
    "unweighed": Stroke(INK, 1, "double"),
    "causal": Stroke(CAUSAL, 3),
    "stopped": Stroke(CAUSAL, 3, "dashed", (90,)),
    "biasing": Stroke(BIASING, 2),
    "closed": Stroke(BIASING, 2, "dashed", (90,)),
    "cut": Stroke(INK, 1.25, "dotted", (45, 135)),
    "faint": Stroke(Tone("#868b91", "#7d838b"), 1),
    "first": Stroke(BIASING, 3.5),
    "second": Stroke(CAUSAL, 3.5, "dashed"),
    "less": Stroke(INK, 2.5, "dotted"),
    "contradiction": Stroke(INK, 2.5, "solid", (45, 135)),
}


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21 (WCAG 2.2, success criterion 1.4.3).

    >>> round(contrast("#ffffff", "#000000"))
    21
    """
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """Return the relative luminance of a colour, from 0 to 1 (WCAG 2.2)."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= DARKEST else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * channel for weight, channel in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
