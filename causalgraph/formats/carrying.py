"""A diagram as a format can carry it, and in words what that leaves out.

Each writer of a two-way format writes the diagram that `fitted` returns, so that reading its text gives back that very
diagram: nothing is lost that isn't said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from causalgraph.formats.diagram import EDGE_ATTRIBUTES, Diagram, inferred_kind
from causalgraph.formats.text import legal_name, listed, one_line, respelled
from causalgraph.graphs.knowledge import Knowledge
from causalgraph.graphs.mixed import MARKS, Edge, MixedGraph
from causalgraph.variables import Variable

__all__ = ["Carries", "fitted"]

# Field of a variable -> how it is called, and what it is where nothing is said.
FIELDS: dict[str, tuple[str, Any]] = {
    "kind": ("kind", None),
    "levels": ("levels", ()),
    "label": ("label", None),
    "unit": ("unit", None),
    "cost": ("cost", None),
    "position": ("position", None),
    "exposure": ("role of exposure", False),
    "outcome": ("role of outcome", False),
    "latent": ("role of a latent", False),
    "selected": ("role of a selection node", False),
}


def _any_value(_: str | float) -> bool:
    return True


def _all_edge_attributes() -> dict[str, Callable[[str | float], bool]]:
    return dict.fromkeys(EDGE_ATTRIBUTES, _any_value)


@dataclass(frozen=True)
class Carries:
    """What a format has a place for.

    `name` and `text` return a name, and any other words, as the format can hold them; `edge_attributes` say which
    values of each one they can be.
    """

    marks: frozenset[str] = frozenset(MARKS)
    fields: frozenset[str] = frozenset(FIELDS)
    edge_attributes: Mapping[str, Callable[[str | float], bool]] = field(default_factory=_all_edge_attributes)
    title: bool = True
    kind: bool = True
    knowledge: bool = False
    name: Callable[[str], str] = legal_name
    text: Callable[[str], str] = one_line


def fitted(diagram: Diagram, carries: Carries) -> Diagram:
    """Return what a format can carry of a diagram; its `losses` say in words what it can't.

    >>> drawn = Diagram.of(MixedGraph.build([("A", "o->", "B"), ("B", "->", "C")]), title="T")
    >>> without = fitted(drawn, Carries(marks=frozenset({"->"}), title=False))
    >>> [str(e) for e in without.graph.edges], without.losses
    (['B -> C'], ('the edges A o-> B', 'the title'))
    """
    losses: list[str] = []
    new = respelled(diagram.graph.nodes, carries.name)
    renamed = [f"{old!r} is called {name!r}" for old, name in new.items() if old != name]
    losses += [f"names: {listed(renamed)}"] * bool(renamed)
    kept = [e for e in diagram.graph.edges if e.mark in carries.marks]
    dropped = [str(e) for e in diagram.graph.edges if e.mark not in carries.marks]
    losses += [f"the edges {listed(dropped)}"] * bool(dropped)
    variables = {new[v.name]: replace(v, name=new[v.name]) for v in diagram.variables.values()}
    for part, (words, nothing) in FIELDS.items():
        losses += _strip(variables, carries, part, words, nothing)
    attributes, lost = _edge_attributes(diagram, kept, carries)
    losses += lost
    edges = {e: Edge(new[e.left], e.mark, new[e.right]).canonical for e in kept}
    title, lost = _title(diagram.title, carries)
    losses += lost
    kind = diagram.graph.kind if carries.kind else inferred_kind(e.mark for e in kept)
    losses += [f"the claim that this is a graph of kind {diagram.graph.kind}"] * (kind != diagram.graph.kind)
    lost_knowledge = bool(diagram.knowledge) and not carries.knowledge
    losses += ["the knowledge (tiers, forbidden and required arrows)"] * lost_knowledge
    knowledge = Knowledge() if lost_knowledge else diagram.knowledge.renamed(new)
    graph = MixedGraph.build(
        edges.values(),
        variables,
        kind=kind,
        latent=[v.name for v in variables.values() if v.latent],
        selected=[v.name for v in variables.values() if v.selected],
    )
    said = {edges[e]: told for e, told in attributes.items()}
    return Diagram(graph, variables, title, said, tuple(losses), knowledge=knowledge)


def _strip(variables: dict[str, Variable], carries: Carries, field: str, words: str, nothing: Any) -> Iterator[str]:
    """Take from the variables what the format has no place for in one field, or can't hold as it is."""
    lost, changed = [], []
    for name, variable in variables.items():
        value = getattr(variable, field)
        if value in (nothing, None):
            continue
        if field not in carries.fields:
            variables[name] = replace(variable, **{field: nothing})
            lost.append(name)
            continue
        fits = _fit(field, value, carries.text)
        if fits != value:
            variables[name] = replace(variable, **{field: fits or nothing})
            changed.append(name)
    if lost:
        yield f"the {words} of {listed(lost)}"
    if changed:
        yield f"characters in the {words} of {listed(changed)}"


def _fit(field: str, value: Any, text: Callable[[str], str]) -> Any:
    if field in ("label", "unit"):
        return text(value) or None
    if field == "levels":
        return tuple(respelled(value, text).values())
    return value


def _edge_attributes(
    diagram: Diagram, kept: list[Edge], carries: Carries
) -> tuple[dict[Edge, dict[str, str | float]], list[str]]:
    """Return what the format can say of the edges that it keeps, and what it can't."""
    said: dict[Edge, dict[str, str | float]] = {}
    lost: dict[str, list[str]] = {}
    changed: list[str] = []
    for edge in kept:
        for key, value in diagram.edge_attributes.get(edge, {}).items():
            if key not in carries.edge_attributes or not carries.edge_attributes[key](value):
                lost.setdefault(key, []).append(str(edge))
                continue
            fits = carries.text(value) if isinstance(value, str) else value
            if fits != value or fits == "":
                changed.append(str(edge))
            if fits != "":
                said.setdefault(edge, {})[key] = fits
    losses = [f"the {key} of {listed(edges)}" for key, edges in lost.items()]
    return said, losses + [f"characters in what is said of {listed(changed)}"] * bool(changed)


def _title(title: str | None, carries: Carries) -> tuple[str | None, list[str]]:
    if title is None:
        return None, []
    if not carries.title:
        return None, ["the title"]
    fits = carries.text(title) or None
    return fits, ["characters in the title"] * (fits != title)
