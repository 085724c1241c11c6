"""igraph's edge list: a line for each edge, two numbers; written, never read."""

from __future__ import annotations

from causalgraph.formats.carrying import Carries, fitted
from causalgraph.formats.diagram import Diagram, Written
from causalgraph.formats.text import listed

__all__ = ["write"]

CARRIES = Carries(marks=frozenset({"->"}), fields=frozenset(), edge_attributes={}, title=False, kind=False)


def write(diagram: Diagram) -> Written:
    r"""Write the arrows of a graph as pairs of numbers; nodes count from 0 in the order of the graph.

    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> write(Diagram.of(MixedGraph.build([("X", "->", "Y")])))
    Written(text='0 1\n', losses=('the names: 0 is X, 1 is Y',))
    """
    fits = fitted(diagram, CARRIES)
    number = {name: at for at, name in enumerate(fits.graph.nodes)}
    rows = [f"{number[edge.left]} {number[edge.right]}" for edge in fits.graph.edges]
    names = f"the names: {listed((f'{at} is {name}' for name, at in number.items()), most=100)}"
    return Written("\n".join([*rows, ""]), (*fits.losses, names))
