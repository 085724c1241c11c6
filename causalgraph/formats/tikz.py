"""TikZ, the pictures of LaTeX: written, never read."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from causalgraph.formats.attributes import value_text
from causalgraph.formats.carrying import Carries, fitted
from causalgraph.formats.diagram import Diagram, Written
from causalgraph.graphs.mixed import Edge, Mark, MixedGraph

__all__ = ["write"]

TIPS = {Mark.TAIL: "", Mark.ARROW: "Stealth", Mark.CIRCLE: "Circle[open]"}
SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",
    "]": "{]}",
    **{c: f"\\{c}" for c in "&%$#_{}"},
}
# Numbers that say nothing without their name.
NAMED = {"p": "$p={}$", "frequency": "frequency {}"}
STYLES = {"latent": "dashed", "selected": "double", "exposure": "thick", "outcome": "thick"}
# Between ranks and between the nodes of one, in centimetres; a line nearer to a node than this goes around it.
RANK_GAP, NODE_GAP, NEAR = 2.5, 1.5, 0.6
# Beyond so many nodes nobody looks for lines that cross one.
MANY = 200

CARRIES = Carries(
    fields=frozenset({"label", "latent", "selected", "exposure", "outcome", "position"}), title=True, kind=False
)
HEAD = r"""% \usepackage{tikz} \usetikzlibrary{arrows.meta} \usepackage[T1]{fontenc}
\begin{tikzpicture}[every node/.style={draw, rounded corners}, every path/.style={semithick}]"""


def write(diagram: Diagram) -> Written:
    r"""Write a graph as a picture, laid out by its positions or, where a node has none, by the order of causes.

    >>> print(write(Diagram.of(MixedGraph.build([("X", "->", "Y"), ("X", "<->", "Y")]))).text)
    % \usepackage{tikz} \usetikzlibrary{arrows.meta} \usepackage[T1]{fontenc}
    \begin{tikzpicture}[every node/.style={draw, rounded corners}, every path/.style={semithick}]
      \node (n0) at (0,0) {X};
      \node (n1) at (2.5,0) {Y};
      \draw[-{Stealth}] (n0) to (n1);
      \draw[{Stealth}-{Stealth}, dashed, bend left=40] (n0) to (n1);
    \end{tikzpicture}
    <BLANKLINE>
    """
    fits = fitted(diagram, CARRIES)
    graph = fits.graph
    number = {name: f"n{at}" for at, name in enumerate(graph.nodes)}
    places = _placed(fits) or _ranked(graph)
    rows = [HEAD] if fits.title is None else [f"% {fits.title}", HEAD]
    for name in graph.nodes:
        variable = fits.variables[name]
        styles = list(dict.fromkeys(style for role, style in STYLES.items() if getattr(variable, role)))
        at = ",".join(f"{c:.3f}".rstrip("0").rstrip(".") for c in places[name])
        options = f"[{', '.join(styles)}] " if styles else ""
        rows.append(f"  \\node {options}({number[name]}) at ({at}) {{{_escaped(variable.label or name)}}};")
    for edge in graph.edges:
        tips = "-".join(f"{{{TIPS[mark]}}}" if TIPS[mark] else "" for mark in edge.marks)
        options = ", ".join([tips, *_way(edge, places)])
        rows.append(f"  \\draw[{options}] ({number[edge.left]}) to{_said(fits, edge)} ({number[edge.right]});")
    given = [v for v in fits.variables.values() if v.position is not None]
    lost = ["the positions: not every variable has one"] * (0 < len(given) < len(graph.nodes))
    return Written("\n".join([*rows, r"\end{tikzpicture}", ""]), (*fits.losses, *lost))


def _way(edge: Edge, places: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return how a line goes: a common cause is bent and dashed, a line that would cross a node bent."""
    if edge.mark == "<->":
        return ["dashed", "bend left=40"]
    if len(places) > MANY:
        return []
    ends = (edge.left, edge.right)
    one, other = (places[end] for end in ends)
    away = {name: _distance(place, one, other) for name, place in places.items() if name not in ends}
    nearest = min(away, key=away.__getitem__, default=None)
    if nearest is None or away[nearest] >= NEAR:
        return []
    return ["bend right=25"] if _is_left(places[nearest], one, other) else ["bend left=25"]


def _is_left(place: tuple[float, float], one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Say whether a place lies left of the way from one to the other."""
    (x, y), (x1, y1), (x2, y2) = place, one, other
    return (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1) > 0


def _distance(place: tuple[float, float], one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return how far a place is from the line between two others."""
    (x, y), (x1, y1), (x2, y2) = place, one, other
    length = (x2 - x1) ** 2 + (y2 - y1) ** 2
    along = ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length if length else 0.0
    along = min(1.0, max(0.0, along))
    return math.hypot(x - x1 - along * (x2 - x1), y - y1 - along * (y2 - y1))


def _placed(diagram: Diagram) -> dict[str, tuple[float, float]] | None:
    """Return the given positions, scaled to a page and turned upward, or None where a node has none."""
    given = {v.name: v.position for v in diagram.variables.values() if v.position is not None}
    if not given or len(given) < len(diagram.graph.nodes):
        return None
    xs, ys = ([place[axis] for place in given.values()] for axis in (0, 1))
    spread = max(max(xs) - min(xs), max(ys) - min(ys))
    scale = RANK_GAP * math.sqrt(len(given)) / spread if spread else 1.0
    return {name: ((x - min(xs)) * scale, (max(ys) - y) * scale) for name, (x, y) in given.items()}


def _ranked(graph: MixedGraph) -> dict[str, tuple[float, float]]:
    """Return places by rank: a node stands right of all that points at it; a cycle's nodes come last."""
    after: dict[str, list[str]] = {name: [] for name in graph.nodes}
    waiting = dict.fromkeys(graph.nodes, 0)
    for left, mark, right in graph.edges:
        if mark in ("->", "o->"):
            after[left].append(right)
            waiting[right] += 1
    rank = dict.fromkeys(graph.nodes, 0)
    ready = [name for name, count in waiting.items() if count == 0]
    for name in ready:  # grows while it is read
        for below in after[name]:
            rank[below] = max(rank[below], rank[name] + 1)
            waiting[below] -= 1
            if waiting[below] == 0:
                ready.append(below)
    ranks: dict[int, list[str]] = {}
    for name in graph.nodes:
        ranks.setdefault(rank[name], []).append(name)
    return {
        name: (at * RANK_GAP, ((len(names) - 1) / 2 - i) * NODE_GAP)
        for at, names in ranks.items()
        for i, name in enumerate(names)
    }


def _said(diagram: Diagram, edge: Edge) -> str:
    """Return the words on an edge."""
    known = diagram.edge_attributes.get(edge, {})
    words = [NAMED[key].format(value_text(v)) if key in NAMED else _escaped(value_text(v)) for key, v in known.items()]
    text = " ".join(words)
    return f" node[draw=none, auto, font=\\small] {{{text}}}" if text else ""


def _escaped(text: str) -> str:
    """Write a text that LaTeX sets as it stands."""
    return re.sub(r'[\\~^<>|"\[\]&%$#_{}]', lambda m: SPECIAL[m[0]], text)
