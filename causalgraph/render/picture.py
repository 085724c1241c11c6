"""What to show of a graph beside its arrows, and how much room its words need.

The room for text is reckoned here and not by Graphviz, whose measure hangs on the fonts of the machine: the same
graph gives the same picture everywhere, and the text fits in a wide font too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.render.text import columns, printable
from causalgraph.render.theme import Meaning

__all__ = [
    "FONT_SIZE",
    "LINE_HEIGHT",
    "SIGNS",
    "Box",
    "Picture",
    "box",
    "meaning",
    "roles",
    "shown",
    "text_width",
    "wrap",
]

FONT_SIZE = 14
LINE_HEIGHT = 17

SIGNS = {"exposure": "▶", "outcome": "◼"}

LEAST_WIDTH = 48

# The most columns a line of a label takes, and the most lines.
WIDEST = 18
TALLEST = 4

# Upper bounds of the advance of characters in the wider sans-serif fonts (DejaVu Sans, Verdana), in ems.
NARROW, USUAL, CAPITAL, BROAD, FULL = 0.42, 0.64, 0.75, 1.0, 1.25
ADVANCE = dict.fromkeys("fiIjlrt|.,:;'!()[]/ ", NARROW) | dict.fromkeys("mwMW@%—…+<>=~#&^", BROAD)


@dataclass(frozen=True)
class Picture:
    """What to show of a graph beside its arrows; everything is optional.

    `labels` stand in the nodes in place of names. `causal` and `biasing` are the edges on causal and on biasing
    paths, `closed` those of the biasing edges whose paths are closed. `positions` fix nodes, y growing downward, in
    any unit: the picture keeps their shape and finds a scale at which the nodes don't touch.
    """

    title: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    exposures: frozenset[str] = frozenset()
    outcomes: frozenset[str] = frozenset()
    adjusted: frozenset[str] = frozenset()
    causal: frozenset[Edge] = frozenset()
    biasing: frozenset[Edge] = frozenset()
    closed: frozenset[Edge] = frozenset()
    positions: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    legend: bool = False

    def of(self, graph: MixedGraph) -> Picture:
        """Return the picture with its edges written as the graph writes them, once its names are known to be nodes.

        Raises:
            ModelError: an exposure, an outcome or an adjusted variable isn't in the graph (E201).
        """
        graph.require(self.exposures | self.outcomes | self.adjusted)
        causal, biasing, closed = (
            frozenset(edge.canonical for edge in edges) for edges in (self.causal, self.biasing, self.closed)
        )
        return replace(self, causal=causal, biasing=biasing, closed=closed)


@dataclass(frozen=True)
class Box:
    """The words of a node, line by line, and its outer width and height in points."""

    lines: tuple[str, ...]
    width: float
    height: float


def meaning(edge: Edge, picture: Picture) -> Meaning:
    """Return what an edge is drawn as; one that lies on causal and on biasing paths is drawn as causal."""
    kinds: tuple[tuple[Meaning, frozenset[Edge]], ...] = (
        ("causal", picture.causal),
        ("closed", picture.closed),
        ("biasing", picture.biasing),
    )
    return next((kind for kind, edges in kinds if edge in edges), "plain")


def shown(name: str, picture: Picture) -> str:
    """Return what stands in a node: its label, after the signs of an exposure and an outcome."""
    signs = SIGNS["exposure"] * (name in picture.exposures) + SIGNS["outcome"] * (name in picture.outcomes)
    return f"{signs} {picture.labels.get(name, name)}".strip()


def roles(name: str, graph: MixedGraph, picture: Picture) -> tuple[str, ...]:
    """Return the roles of a node, always in the same order."""
    sets = {
        "exposure": picture.exposures,
        "outcome": picture.outcomes,
        "adjusted": picture.adjusted,
        "latent": graph.latent,
        "selected": graph.selected,
    }
    return tuple(role for role, names in sets.items() if name in names)


def box(text: str, *, is_round: bool) -> Box:
    """Return the lines of a text and the size of the ellipse or the rectangle that holds them."""
    lines = wrap(text)
    wide = max(map(text_width, lines))
    high = len(lines) * LINE_HEIGHT
    if not is_round:
        return Box(lines, _even(wide + 20), _even(high + 16))
    height = 1.3 * high + 14
    return Box(lines, _even(max(wide / math.sqrt(1 - (high / height) ** 2) + 6, LEAST_WIDTH)), _even(height))


def wrap(text: str, widest: int = WIDEST) -> tuple[str, ...]:
    """Break a text into at most four lines, after spaces, underscores and hyphens where it can be.

    >>> wrap("Hospitalisation_rate of patients")
    ('Hospitalisation_', 'rate of patients')
    """
    rows = [""]
    for piece in _pieces(printable(" ".join(text.split())), widest):
        if rows[-1] and columns(rows[-1]) + columns(piece.rstrip()) > widest:
            rows.append("")
        rows[-1] += piece
    rows = [row.strip() for row in rows]
    if len(rows) > TALLEST:
        rows = [*rows[: TALLEST - 1], rows[TALLEST - 1][: widest - 1] + "…"]
    return tuple(rows)


def text_width(text: str) -> float:
    """Return more than the width of a text in points."""
    return FONT_SIZE * sum(_advance(c) for c in text)


def _pieces(text: str, widest: int) -> Iterable[str]:
    """Cut a text into what may not be broken; a piece that is too long for a line is cut."""
    for piece in re.findall(r"[^\s_-]*[\s_-]+|[^\s_-]+", text):
        start = 0
        for at in range(len(piece)):
            if columns(piece[start : at + 1].rstrip()) > widest:
                yield piece[start:at]
                start = at
        yield piece[start:]


def _advance(character: str) -> float:
    cells = columns(character)
    if cells != 1:
        return cells * FULL / 2
    if character in ADVANCE:
        return ADVANCE[character]
    if character.isascii() and not character.isupper():
        return USUAL
    return CAPITAL if character.isalpha() else BROAD


def _even(points: float) -> float:
    """Round up to two points, so that halves are whole."""
    return 2 * math.ceil(points / 2)
