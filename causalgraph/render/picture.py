"""What to show of a graph beside its arrows, and how much room its words need.

The room for text is reckoned here and not by Graphviz, whose measure hangs on the fonts of the machine: the same
graph gives the same picture everywhere, and the text fits in a wide font too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from causalgraph.graphs.mixed import Edge, Mark, MixedGraph
from causalgraph.graphs.paths import Path
from causalgraph.render.text import columns, printable
from causalgraph.render.theme import Meaning
from causalgraph.render.weights import Weights

__all__ = [
    "FONT_SIZE",
    "LINE_HEIGHT",
    "SIGNS",
    "Box",
    "Picture",
    "box",
    "lighting",
    "meaning",
    "roles",
    "shown",
    "text_width",
    "weight",
    "wrap",
]

FONT_SIZE = 14
LINE_HEIGHT = 17

SIGNS = {"exposure": "▶", "outcome": "◼", "blocking": "✘", "unshared": "+"}

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
    paths, `stopped` those of the causal edges and `closed` those of the biasing edges whose paths are closed, and
    `blocking` the nodes that close them; `focus` lets all other edges stand back. `do` are the nodes that are set from
    outside: with any, the graph is shown before and after. `positions` fix nodes, y growing downward, in any unit:
    the picture keeps their shape and finds a scale at which the nodes don't touch. `weights` set the width of edges
    that no path lights. `compared` says outright what edges are drawn as, and `unshared` names the nodes that one of
    two graphs alone has.
    """

    title: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    exposures: frozenset[str] = frozenset()
    outcomes: frozenset[str] = frozenset()
    adjusted: frozenset[str] = frozenset()
    blocking: frozenset[str] = frozenset()
    do: frozenset[str] = frozenset()
    causal: frozenset[Edge] = frozenset()
    stopped: frozenset[Edge] = frozenset()
    biasing: frozenset[Edge] = frozenset()
    closed: frozenset[Edge] = frozenset()
    focus: bool = False
    positions: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    weights: Weights | None = None
    compared: Mapping[Edge, Meaning] = field(default_factory=dict)
    unshared: frozenset[str] = frozenset()
    legend: bool = False

    def of(self, graph: MixedGraph) -> Picture:
        """Return the picture with its edges written as the graph writes them, once its names are known to be nodes.

        Raises:
            ModelError: a name that has a role isn't in the graph (E201).
        """
        graph.require(self.exposures | self.outcomes | self.adjusted | self.blocking | self.do | self.unshared)
        causal, stopped, biasing, closed = (
            frozenset(edge.canonical for edge in edges)
            for edges in (self.causal, self.stopped, self.biasing, self.closed)
        )
        weights = self.weights and replace(self.weights, of={e.canonical: w for e, w in self.weights.of.items()})
        compared = {edge.canonical: kind for edge, kind in self.compared.items()}
        lit = replace(self, causal=causal, stopped=stopped, biasing=biasing, closed=closed)
        return replace(lit, weights=weights, compared=compared)


@dataclass(frozen=True)
class Box:
    """The words of a node, line by line, and its outer width and height in points."""

    lines: tuple[str, ...]
    width: float
    height: float


def lighting(path: Path, picture: Picture) -> Picture:
    """Return a picture in which a path alone is lit, and the nodes that close it are signed."""
    edges = frozenset(path.edges)
    return replace(
        picture,
        focus=True,
        blocking=frozenset(t.nodes[1] for t in path.triples if t.blocks),
        causal=edges if path.causal else frozenset(),
        stopped=edges if path.causal and not path.open else frozenset(),
        biasing=frozenset() if path.causal else edges,
        closed=frozenset() if path.causal or path.open else edges,
    )


def meaning(edge: Edge, picture: Picture) -> Meaning:
    """Return what an edge is drawn as; one that lies on causal and on biasing paths is drawn as causal."""
    if edge in picture.compared:
        return picture.compared[edge]
    if any(mark == Mark.ARROW and end in picture.do for mark, end in zip(edge.marks, edge[::2], strict=True)):
        return "cut"
    kinds: tuple[tuple[Meaning, frozenset[Edge]], ...] = (
        ("stopped", picture.stopped),
        ("causal", picture.causal),
        ("closed", picture.closed),
        ("biasing", picture.biasing),
    )
    has_no_number = picture.weights is not None and edge not in picture.weights.of
    unlit: Meaning = "faint" if picture.focus else "unweighed" if has_no_number else "plain"
    return next((kind for kind, edges in kinds if edge in edges), unlit)


def weight(edge: Edge, picture: Picture) -> int | None:
    """Return the step of the width that an edge's number gives it, 0 for the weakest; None where it gives it none."""
    return picture.weights.step(edge) if picture.weights and meaning(edge, picture) == "plain" else None


def shown(name: str, picture: Picture) -> str:
    """Return what stands in a node: its label, after the signs of its roles."""
    signed = {
        "exposure": picture.exposures,
        "outcome": picture.outcomes,
        "blocking": picture.blocking,
        "unshared": picture.unshared,
    }
    signs = "".join(SIGNS[role] for role, names in signed.items() if name in names)
    label = picture.labels.get(name, name)
    return f"{signs} {f'do({label})' if name in picture.do else label}".strip()


def roles(name: str, graph: MixedGraph, picture: Picture) -> tuple[str, ...]:
    """Return the roles of a node, always in the same order."""
    sets = {
        "exposure": picture.exposures,
        "outcome": picture.outcomes,
        "adjusted": picture.adjusted,
        "blocking": picture.blocking,
        "held": picture.do,
        "unshared": picture.unshared,
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
