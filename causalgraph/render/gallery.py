"""Paths one by one: a list to choose from, and beside it the graph with the chosen path lit.

The choice is a group of radio buttons, so that it works without a script and by the arrow keys; on paper, and where no
style is applied, all pictures are shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from html import escape

from causalgraph.answers import Style
from causalgraph.criteria.paths import why
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.paths import Path, Triple
from causalgraph.render.html import rules
from causalgraph.render.picture import Picture
from causalgraph.render.svg import frames
from causalgraph.render.text import printable

__all__ = ["gallery"]

SCOPE = ".causalgraph-paths"
OPEN = {True: "— open", False: "┄ closed", None: "┄ open or closed"}


def gallery(
    graph: MixedGraph, paths: Sequence[Path], picture: Picture | None = None, *, heading: str | None = None
) -> str:
    """Return paths as one HTML element that shows each in turn: open or closed, causal or biasing, and why.

    The paths are judged given what the picture shows as adjusted for.

    >>> from causalgraph.criteria.paths import paths
    >>> graph = MixedGraph.build([("Z", "->", "X"), ("Z", "->", "Y"), ("X", "->", "Y")])
    >>> html = gallery(graph, list(paths(graph, "X", "Y", given="Z")), Picture(adjusted=frozenset("Z")))
    >>> html.count("<figure>"), "closed by Z (fork, adjusted for)" in html
    (2, True)

    Raises:
        ModelError: the picture names a node that isn't in the graph (E201).
    """
    picture = picture or Picture()
    drawn = frames(graph, paths, picture)
    name = "cg" + hashlib.sha256("".join(drawn).encode()).hexdigest()[:10]
    choices = "".join(
        _choice(f"{name}-{at}", path, svg, picture, is_first=at == 0)
        for at, (path, svg) in enumerate(zip(paths, drawn, strict=True))
    )
    legend = f"<legend>{_text(heading or f'Paths: {len(paths)}')}</legend>"
    return f'<fieldset class="{SCOPE[1:]}"><style>{_style(len(paths))}</style>{legend}{choices}</fieldset>'


def _choice(name: str, path: Path, svg: str, picture: Picture, *, is_first: bool) -> str:
    """Return a radio button, its label, and the picture that it shows."""
    group = name.rpartition("-")[0]
    kind: Style = "causal" if path.causal else "biasing"
    verdict = f'<span class="dim">{OPEN[path.open]}</span>'
    label = f'{_text(path.drawn)}<br/><span class="{kind}">{kind}</span> {verdict}'
    triples = "".join(f"<li>{_triple(triple, picture.adjusted)}</li>" for triple in path.triples)
    caption = f'<strong>{_text(path.drawn)}</strong>: <span class="{kind}">{kind}</span>, '
    caption += _text(why(path, picture.adjusted)) + (f"<ul>{triples}</ul>" if triples else "")
    checked = ' checked=""' * is_first
    return (
        f'<input type="radio" name="{group}" id="{name}"{checked}/><label for="{name}">{label}</label>'
        f"<figure><div>{svg}</div><figcaption>{caption}</figcaption></figure>"
    )


def _triple(triple: Triple, adjusted: frozenset[str]) -> str:
    """Say what a triple does to the path, and mark one that closes it."""
    middle = triple.nodes[1]
    below = "not adjusted for" if triple.blocks or triple.role != "collider" else "a descendant is adjusted for"
    known = "adjusted for" if middle in adjusted else below
    verdict = '<span class="bad">✘ closes the path</span>' if triple.blocks else "lets it pass"
    if triple.role == "unsettled":
        verdict = "lets it pass or closes it: it may be a collider"
    return f"{_text(middle)}: {triple.role}, {known}, {verdict}"


def _text(text: str) -> str:
    return escape(printable(text))


def _style(count: int) -> str:
    shown = {
        "": "display:grid;grid-template-columns:minmax(16ch,auto) 1fr;gap:.2em 1.2em;align-items:start;border:0;"
        "margin:0;padding:0;color:var(--ink);background:var(--paper)",
        " legend": "font-weight:bold;padding:0",
        " input": "position:absolute;opacity:0",
        " label": "grid-column:1;cursor:pointer;padding:.3em .6em;border:1px solid transparent;"
        "border-left:4px solid transparent",
        " label:hover": "background:var(--wash)",
        " input:checked+label": "background:var(--wash);border-left-color:var(--ink)",
        " input:focus-visible+label": "border-color:var(--ink)",
        " figure": f"display:none;margin:0;grid-column:2;grid-row:1/span {count + 1};min-width:0",
        " figure>div": "overflow-x:auto",
        " input:checked+label+figure": "display:block",
        " ul": "margin:.3em 0;padding-left:1.2em",
    }
    narrow = {
        "": "grid-template-columns:1fr",
        " figure": "grid-column:1;grid-row:auto",
    }
    paper = narrow | {" figure": "grid-column:1;grid-row:auto;display:block;break-inside:avoid"}
    return rules(SCOPE) + _rules(shown) + f"@media (max-width:50rem){{{_rules(narrow)}}}@media print{{{_rules(paper)}}}"


def _rules(looks: dict[str, str]) -> str:
    return "".join(f"{SCOPE}{part}{{{rule}}}" for part, rule in looks.items())
