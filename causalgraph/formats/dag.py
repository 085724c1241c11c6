"""Our own language, written: what `causalgraph.load` reads back as the same graph and variables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from operator import itemgetter

from causalgraph.formats.attributes import ROLES, attributes_of, value_text
from causalgraph.formats.carrying import Carries, fitted
from causalgraph.formats.diagram import Diagram, Written
from causalgraph.formats.text import listed
from causalgraph.graphs.knowledge import Knowledge
from causalgraph.graphs.mixed import Edge
from causalgraph.syntax.names import HEADERS, level_text, name_text, string_text
from causalgraph.variables import Variable

__all__ = ["carried", "write"]

# Kind -> how it is declared, and the least number of levels that it names.
DECLARED = {
    "binary": ("binary", "", 0),
    "count": ("count", "", 0),
    "continuous": ("continuous", "", 0),
    "categorical": ("{{{}}}", ", ", 1),
    "ordinal": ("ordinal {{{}}}", " < ", 2),
}
QUOTED_ATTRIBUTES = ("label", "unit", "pos")


def _is_number(value: str | float) -> bool:
    return not isinstance(value, str)


def _is_text(value: str | float) -> bool:
    return isinstance(value, str)


CARRIES = Carries(
    edge_attributes={"p": _is_number, "frequency": _is_number, "beta": _is_number, "label": _is_text}, knowledge=True
)


def carried(diagram: Diagram) -> Diagram:
    """Return what the language can carry of a diagram: all, apart from levels without a kind that has them."""
    fits = fitted(diagram, CARRIES)
    variables = {name: _declarable(variable) for name, variable in fits.variables.items()}
    lost = [name for name, variable in variables.items() if variable != fits.variables[name]]
    losses = [f"the kind or the levels of {listed(lost)}, which don't fit each other"] * bool(lost)
    return replace(fits, variables=variables, losses=(*fits.losses, *losses))


def _declarable(variable: Variable) -> Variable:
    """Return a variable whose kind and levels can be declared: both, or the kind alone, or neither."""
    _, separator, least = DECLARED.get(variable.kind or "", ("", "", 0))
    if len(variable.levels) < least:
        return replace(variable, kind=None, levels=())
    return variable if separator else replace(variable, levels=())


def write(diagram: Diagram) -> Written:
    """Write a diagram as a `.dag` text.

    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> drawn = Diagram.of(MixedGraph.build([("U", "->", "X"), ("U", "->", "Lung cancer")], latent=["U"]), title="T")
    >>> print(write(drawn).text)
    dag "T"
    <BLANKLINE>
    U [latent]
    <BLANKLINE>
    U -> X, `Lung cancer`
    <BLANKLINE>
    """
    fits = carried(diagram)
    title = "" if fits.title is None else f" {string_text(fits.title)}"
    named = {end for edge in fits.graph.edges for end in (edge.left, edge.right)}
    declared = [_declaration(v) for v in fits.variables.values() if v != Variable(v.name) or v.name not in named]
    blocks = [[fits.graph.kind + title], declared, list(_known(fits.knowledge)), list(_edges(fits))]
    return Written("\n\n".join("\n".join(block) for block in blocks if block) + "\n", fits.losses)


def _declaration(variable: Variable) -> str:
    """Write what is said of a variable."""
    row = name_text(variable.name) if variable.name not in HEADERS else f"`{variable.name}`"
    if variable.kind is not None:
        form, separator, _ = DECLARED[variable.kind]
        row += " : " + form.format(separator.join(map(level_text, variable.levels)))
    said = attributes_of(variable)
    parts = [_attribute(key, text) for key, text in said.items() if key not in ("kind", "levels")]
    return f"{row} [{', '.join(parts)}]" if parts else row


def _attribute(key: str, text: str) -> str:
    if key in ROLES:
        return key
    return f"{key}={string_text(text) if key in QUOTED_ATTRIBUTES else text}"


def _known(knowledge: Knowledge) -> Iterator[str]:
    """Write what is known: tiers by number, and the arrows out of one variable on one line."""
    for number, names in enumerate(knowledge.tiers, 1):
        if names:
            yield f"tier {number}: {', '.join(map(name_text, names))}"
    for word, arrows in (("forbid", knowledge.forbidden), ("require", knowledge.required)):
        for tail, pairs in groupby(arrows, itemgetter(0)):
            yield f"{word} {name_text(tail)} -> {', '.join(name_text(head) for _, head in pairs)}"


def _edges(diagram: Diagram) -> Iterator[str]:
    """Write the edges; those that differ in their right end alone, and say nothing more, share a line."""
    for (left, mark, said), edges in groupby(diagram.graph.edges, lambda edge: _sharing(diagram, edge)):
        yield f"{name_text(left)} {mark} {', '.join(name_text(edge.right) for edge in edges)}{said}"


def _sharing(diagram: Diagram, edge: Edge) -> tuple[str, str, str]:
    known = diagram.edge_attributes.get(edge, {})
    parts = [f"{key}={string_text(v) if isinstance(v, str) else value_text(v)}" for key, v in known.items()]
    return edge.left, edge.mark, f" [{', '.join(parts)}]" if parts else ""
