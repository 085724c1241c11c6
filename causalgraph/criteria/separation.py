"""m-separation: does Z cut every path between X and Y, and if not, which path stays open?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from causalgraph.answers import Answer, Document, Word, line
from causalgraph.errors import ModelError
from causalgraph.graphs.kinds import require_kind
from causalgraph.graphs.mixed import Edge, Mark, MixedGraph
from causalgraph.graphs.paths import Path
from causalgraph.graphs.possible import definite_path, representative
from causalgraph.graphs.reach import Reached, reach, rule
from causalgraph.graphs.relations import above
from causalgraph.names import natural

__all__ = [
    "Connected",
    "Separated",
    "connecting",
    "disjoint",
    "judge",
    "m_step",
    "naming",
    "separation",
    "simple",
    "words",
]

# Classes of nodes. A non-collider passes outside Z, a collider passes in An(Z), which holds Z.
OUTSIDE, ABOVE_Z, IN_Z = 0, 1, 2
START, BY_ARROW, BY_TAIL = 0, 1, 2


def m_step(state: int, node: int, here: Mark, there: Mark, _there: int) -> int | None:
    """Pass a collider in An(Z), a non-collider outside Z, the start always."""
    if state != START:
        collider = state == BY_ARROW and here == Mark.ARROW
        if (node == OUTSIDE) if collider else (node == IN_Z):
            return None
    return BY_ARROW if there == Mark.ARROW else BY_TAIL


m_connecting = rule(states=3, classes=3)(m_step)


@dataclass(frozen=True)
class Separated(Answer):
    """Z cuts every path between X and Y."""

    x: tuple[str, ...]
    y: tuple[str, ...]
    given: frozenset[str]
    separated = True

    @property
    def separator(self) -> tuple[str, ...]:
        """Z in order; it is sorted when it is shown, as a large set would cost more than the search."""
        return tuple(sorted(self.given, key=natural))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"kind": "independence", "independent": True, "separator": list(self.separator)}

    def document(self) -> Document:
        """Say what separates."""
        by = f" given {naming(self.separator)}" if self.given else ""
        said = f"{words(self.x)} and {words(self.y)} are independent{by}, given this graph"
        return Document((line(Word("✔ ", "good"), said, ": every path between them is closed"),))


@dataclass(frozen=True)
class Connected(Answer):
    """A path between X and Y stays open given Z."""

    x: tuple[str, ...]
    y: tuple[str, ...]
    given: frozenset[str]
    path: Path
    separated = False

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"kind": "independence", "independent": False, "path": self.path.to_dict()}

    def document(self) -> Document:
        """Show the open path."""
        by = f" given {naming(sorted(self.given, key=natural))}" if self.given else ""
        said = f"{words(self.x)} and {words(self.y)} may depend on each other{by}: a path is open"
        opened = [t.nodes[1] for t in self.path.triples if t.role == "collider"]
        why = f"   opened by conditioning on or below {words(opened)}" if opened else ""
        return Document((line(Word("✘ ", "bad"), said), line(self.path.drawn, why, depth=1)))


def naming(names: Sequence[str]) -> str:
    """Write a set of names.

    >>> naming(("A", "B"))
    '{A, B}'
    """
    return "{" + ", ".join(names) + "}"


def words(names: Sequence[str]) -> str:
    """Write one name bare, several as a set."""
    return names[0] if len(names) == 1 else naming(names)


def separation(
    graph: MixedGraph, x: Iterable[str], y: Iterable[str], *, given: Iterable[str] = ()
) -> Separated | Connected:
    """Decide m-separation in time linear in nodes and edges; in a DAG this is d-separation.

    A path is open given Z where each of its non-colliders lies outside Z and each collider has a descendant in Z,
    itself included; X and Y are separated where no path between them is open.

    On a cpdag, mpdag, pdag or pag all members of the class agree, so one of them decides. An open path is shown, where
    one is found, with its status definite in the class. Selected nodes are always conditioned on.

    Args:
        graph: a graph of any kind.
        x, y: disjoint, non-empty sets of nodes (or a name).
        given: the set Z, disjoint from both; latent nodes are allowed, as this is a question to the graph alone.

    Raises:
        ModelError: a set is empty or two of them overlap (E212), a name is unknown (E201), the kind isn't supported.

    Source: T. Richardson, "Markov properties for acyclic directed mixed graphs" (2003), doi:10.1111/1467-9469.00323;
    R. Shachter, "Bayes-Ball" (UAI 1998); J. Zhang, J. Mach. Learn. Res. 9 (2008) 1437-1474, lemma 1.

    >>> graph = MixedGraph.build([("A", "->", "C"), ("B", "->", "C")])
    >>> separation(graph, "A", "B").separated, separation(graph, "A", "B", given="C").separated
    (True, False)
    """
    require_kind(graph, "separation")
    sets = [graph.require(s) for s in (x, y, given)]
    disjoint(graph, *sets)
    x, y, z = sets
    chosen = z | graph.selected
    disjoint(graph, x, y, chosen)
    member = representative(graph)
    walk = connecting(member, x, chosen, y).walk(y)
    if walk is None:
        return Separated(graph.sorted(x), graph.sorted(y), z)
    definite = definite_path(graph, x, y, chosen) if member is not graph else None
    path = judge(member, simple(walk), chosen) if definite is None else judge(graph, definite, chosen)
    return Connected(graph.sorted(x), graph.sorted(y), z, path)


def disjoint(graph: MixedGraph, x: frozenset[str], y: frozenset[str], z: frozenset[str]) -> None:
    """Make sure that X and Y have members and that no two of the sets share one.

    Raises:
        ModelError: E212.
    """
    if not x or not y:
        raise ModelError.because("E212", "both sides of the question need a variable")
    twice = (x & y) | (x & z) | (y & z)
    if twice:
        raise ModelError.because(
            "E212", f"{words(graph.sorted(twice))} stands in two places of the question", fix="name each variable once"
        )


def connecting(graph: MixedGraph, x: Iterable[str], z: Iterable[str], until: Iterable[str] = ()) -> Reached:
    """Return all that open walks from X reach given Z, until they reach a node of ``until``."""
    z = frozenset(z)
    classes = graph.index.classes((above(graph, z), ABOVE_Z), (z, IN_Z))
    return reach(graph.index, m_connecting, x, classes, until)


def simple(walk: tuple[Edge, ...]) -> tuple[Edge, ...]:
    """Cut the loops out of an open walk, which leaves an open path.

    Where a node comes twice, what lies between goes. If the node is now a collider, it was one before or a directed
    path led from it into a collider of the loop, so it lies in An(Z); if it isn't, it lies outside Z, as at one of its
    two places it was a non-collider. A loop at the start goes as well: the start of a path passes always.
    """
    out: list[Edge] = []
    for edge in walk:
        out.append(edge)
        nodes = [out[0].left, *(e.right for e in out)]
        again = nodes.index(edge.right)
        if again < len(nodes) - 1:
            del out[again:]
    return tuple(out)


def judge(graph: MixedGraph, edges: tuple[Edge, ...], given: Iterable[str]) -> Path:
    """Say of each triple on a path whether it blocks the path given Z."""
    z = frozenset(given)
    open_as_collider = above(graph, z)
    inner = [e.right for e in edges[:-1]]
    return Path.of(graph, edges, {n: (n not in z, bool(open_as_collider[graph.index.number[n]])) for n in inner})
