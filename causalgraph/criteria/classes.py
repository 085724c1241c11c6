"""Classes of graphs as answers: what class a graph belongs to, whether another belongs to it too, and its members."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any

from causalgraph.answers import Answer, Block, Document, Word, line
from causalgraph.criteria.listing import GraphAnswer
from causalgraph.criteria.separation import words
from causalgraph.errors import ModelError
from causalgraph.graphs.ancestral import mag
from causalgraph.graphs.classes import count_members, members
from causalgraph.graphs.equivalence import Equivalence, compare_classes, cpdag
from causalgraph.graphs.kinds import require_kind, require_whole
from causalgraph.graphs.mags import equivalent_mags, mag_members
from causalgraph.graphs.meek import meek_closure
from causalgraph.graphs.mixed import UNDIRECTED, MixedGraph
from causalgraph.graphs.paths import unicode_edge
from causalgraph.graphs.possible import representative
from causalgraph.graphs.surgery import project
from causalgraph.graphs.zhang import pag

__all__ = ["FORMS", "EquivalenceAnswer", "Members", "equivalence", "listed_members", "represent"]

# Members that an answer lists unless told otherwise.
LISTED = 20

FORMS = {
    "cpdag": "what all DAGs with the same separations share",
    "mpdag": "what follows from these arrows for all DAGs of the class",
    "mag": "maximal ancestral graph of what is observed",
    "pag": "what all MAGs with the same separations share",
}
# Form -> the kinds it can be made from.
MADE_OF = {
    "cpdag": ("dag", *UNDIRECTED),
    "mpdag": ("dag", *UNDIRECTED),
    "mag": ("dag", "admg", "mag"),
    "pag": ("dag", "admg", "mag", "pag"),
}


def represent(graph: MixedGraph, form: str) -> GraphAnswer:
    """Return the CPDAG, MPDAG, MAG or PAG of a graph.

    Raises:
        ModelError: the form isn't defined for the graph's kind, or for hidden or selected nodes (E108).

    >>> graph = MixedGraph.build([("A", "->", "B"), ("B", "->", "C")])
    >>> [str(e) for e in represent(graph, "cpdag").graph.edges]
    ['A -- B', 'B -- C']
    """
    require_kind(graph, f"{form}()", MADE_OF[form])
    if form in ("cpdag", "mpdag"):
        graph = _of_observed(graph, f"{form}()")
    made = {"cpdag": cpdag, "mpdag": meek_closure, "mag": mag, "pag": pag}[form](graph)
    return GraphAnswer(FORMS[form], made)


def _of_observed(graph: MixedGraph, what: str) -> MixedGraph:
    """Return a graph without its hidden nodes, where these hide nothing from the others.

    Raises:
        ModelError: one is selected, or two nodes have a hidden common cause (E108).
    """
    require_whole(graph, what)
    if graph.kind in UNDIRECTED:
        representative(graph)  # raises where no DAG keeps to the graph
    if not graph.latent:
        return graph
    shown = project(graph) if graph.kind == "dag" else graph
    shared = next((e for e in shown.edges if e.mark == "<->"), None)
    if shared or graph.kind != "dag":
        hidden = graph.sorted(graph.latent)
        says = (
            f"{shared.left} and {shared.right} have a hidden common cause" if shared else f"{words(hidden)} is latent"
        )
        raise ModelError.because(
            "E108",
            f"{says}: {what} is about graphs whose every variable is measured",
            fix="ask pag(), the class of graphs with hidden variables",
        )
    return shown


@dataclass(frozen=True)
class EquivalenceAnswer(Answer):
    """Do two graphs imply the same separations of what is observed, and if not, where do they differ?"""

    other: str
    verdict: Equivalence

    @property
    def exit_code(self) -> int:
        """0 where they are equivalent, else 1."""
        return 0 if self.verdict.equivalent else 1

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "kind": "equivalence",
            "equivalent": self.verdict.equivalent,
            "reason": self.verdict.reason,
            "witness": [list(e) for e in self.verdict.witness],
        }

    def document(self) -> Document:
        """Say whether data can tell the two apart."""
        if self.verdict.equivalent:
            said = f"equivalent to {self.other}: no independence tells the two apart"
            return Document((line(Word("✔ ", "good"), said), line(self.verdict.reason, depth=1)))
        said = f"not equivalent to {self.other} (the second)"
        return Document((line(Word("✘ ", "bad"), said), line(self.verdict.reason, depth=1)))


def equivalence(graph: MixedGraph, other: MixedGraph, named: str) -> EquivalenceAnswer:
    """Compare two graphs by the separations that they imply among what is observed.

    Raises:
        ModelError: a graph breaks the claim of its kind.
    """
    graphs = [require_kind(g, "equivalent()") for g in (graph, other)]
    plain = all(g.kind in ("dag", *UNDIRECTED) and not g.latent and not g.selected for g in graphs)
    if plain:
        return EquivalenceAnswer(named, compare_classes(*graphs))
    return EquivalenceAnswer(
        named, equivalent_mags(*(representative(g) if g.kind in UNDIRECTED else g for g in graphs))
    )


@dataclass(frozen=True)
class Members(Answer):
    """The graphs of a class: how many there are (at least, where not `exact`), and the first of them."""

    size: int
    exact: bool
    graphs: tuple[MixedGraph, ...]
    beside: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "kind": "members",
            "size": self.size,
            "exact": self.exact,
            "graphs": [GraphAnswer("member", g).to_dict() for g in self.graphs],
        }

    def document(self) -> Document:
        """Say how many there are, and show the first."""
        many = f"{self.size:,}" if self.exact else f"at least {self.size:,}"
        plural = "s" if self.size != 1 or not self.exact else ""
        head = f"{many} graph{plural} with the same separations{self.beside}"
        rows: list[Block] = [line(head)]
        for graph in self.graphs:
            edges = "; ".join(f"{e.left} {unicode_edge(e.mark)} {e.right}" for e in graph.edges)
            rows.append(line(edges or "no edge", depth=1))
        if self.size > len(self.graphs):
            rows.append(line(Word(f"the first {len(self.graphs)} are shown", "dim"), depth=1))
        return Document(tuple(rows))


def listed_members(graph: MixedGraph, *, limit: int = LISTED) -> Members:
    """Count the members of the class that a graph stands for, and list the first.

    Of a dag, these are the DAGs that are equivalent to it, of a mag the MAGs.

    Raises:
        ModelError: the class isn't defined for the graph's kind (E108).

    >>> listed_members(MixedGraph.build([("A", "->", "B"), ("B", "->", "C")])).size
    3
    """
    require_kind(graph, "members()", ("dag", *UNDIRECTED, "mag", "pag"))
    graph = _of_observed(graph, "members()")
    if graph.kind in ("mag", "pag"):
        found = mag_members(pag(graph))
        return Members(len(found.graphs), found.complete, found.graphs[:limit])
    whole = cpdag(graph) if graph.kind == "dag" else graph
    size = count_members(whole)
    beside = " and these arrows" if graph.kind in ("mpdag", "pdag") else ""
    return Members(size.size, size.exact, tuple(islice(members(whole), limit)), beside)
