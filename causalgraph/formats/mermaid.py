"""Mermaid, the diagrams of Markdown: written, never read."""

from __future__ import annotations

import json
import re

from causalgraph.formats.attributes import value_text
from causalgraph.formats.carrying import Carries, fitted
from causalgraph.formats.diagram import Diagram, Written
from causalgraph.graphs.mixed import Edge
from causalgraph.variables import Variable

__all__ = ["write"]

# Mermaid draws the same sign at both ends, or an arrow at one; of the other edges words say what they are.
LINES = {
    "->": "-->",
    "<->": "<-.->",
    "--": "---",
    "o-o": "o--o",
    "o->": "-->",
    "o--": "---",
}
IN_WORDS = ("o->", "o--")
# Numbers that say nothing without their name.
NAMED = ("p", "frequency")
# What has no meaning in a label of Mermaid's, whatever stands around it.
PLAIN = re.compile(r"[^\w .,:/()%+=?'-]|^\s*[-+]|(?<=\d)\.(?=\s)")
SIGNS = {"exposure": "▶ ", "outcome": "◼ "}
CLASSES = {"latent": "stroke-dasharray: 5 5", "selected": "stroke-width: 4px"}

CARRIES = Carries(fields=frozenset({"label", "latent", "selected", "exposure", "outcome"}), kind=False)


def write(diagram: Diagram) -> Written:
    """Write a graph as a flowchart from left to right.

    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> print(write(Diagram.of(MixedGraph.build([("X", "->", 'the "end"')]))).text)
    flowchart LR
      n0["X"]
      n1["the #34;end#34;"]
      n0 --> n1
    <BLANKLINE>
    """
    fits = fitted(diagram, CARRIES)
    number = {name: f"n{at}" for at, name in enumerate(fits.graph.nodes)}
    rows = [] if fits.title is None else ["---", f"title: {json.dumps(fits.title, ensure_ascii=False)}", "---"]
    rows.append("flowchart LR")
    rows += [f'  {number[name]}["{_words(fits.variables[name])}"]' for name in fits.graph.nodes]
    for edge in fits.graph.edges:
        said = _said(fits, edge)
        rows.append(f"  {number[edge.left]} {LINES[edge.mark]}{said} {number[edge.right]}")
    for role, style in CLASSES.items():
        members = [number[name] for name in fits.graph.nodes if getattr(fits.variables[name], role)]
        if members:
            rows += [f"  classDef {role} {style}", f"  class {','.join(members)} {role}"]
    circles = [str(edge) for edge in fits.graph.edges if edge.mark in IN_WORDS]
    losses = [f"the circles of {', '.join(circles)}, which words stand for"] * bool(circles)
    return Written("\n".join([*rows, ""]), (*fits.losses, *losses))


def _words(variable: Variable) -> str:
    sign = "".join(sign for role, sign in SIGNS.items() if getattr(variable, role))
    return sign + _escaped(variable.label or variable.name)


def _said(diagram: Diagram, edge: Edge) -> str:
    """Return the words on an edge."""
    known = diagram.edge_attributes.get(edge, {})
    values = [f"{key}={value_text(v)}" if key in NAMED else value_text(v) for key, v in known.items()]
    words = [edge.mark, *values] if edge.mark in IN_WORDS else values
    return f'|"{_escaped(" ".join(words))}"|' if words else ""


def _escaped(text: str) -> str:
    """Write a text in which Mermaid finds no syntax, no HTML and no Markdown."""
    return PLAIN.sub(lambda m: "".join(f"#{ord(c)};" for c in m[0]), text)
