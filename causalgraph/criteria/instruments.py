"""Instruments: variables whose influence on the outcome runs through the treatment alone, once others are given.

Let G* be the graph without the arrows from X that start a directed path to Y. Given W, the variable Z is an instrument
for the effect of X on Y when W doesn't separate Z from X, W separates Z from Y in G*, and neither Z nor W holds a
forbidden node: X, or a descendant of a node that the effect passes. In a linear model the effect then is
cov(Z, Y | W) / cov(Z, X | W). Without linearity an instrument bounds an effect, or gives it for those whom it moves (a
local average effect, LATE) where it moves none the other way; it identifies no effect of a whole population. Latent and
selected nodes are never instruments, and never given.

Source: B. van der Zander, J. Textor, M. Liśkiewicz, "Efficiently finding conditional instruments for causal inference"
(IJCAI 2015) 3243-3249; L. Henckel, M. Buttenschoen, M. Maathuis, "Graphical tools for selecting conditional
instrumental sets", Biometrika 111 (2024) 771-788, doi:10.1093/biomet/asad066, for total effects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from causalgraph.answers import Answer, Document, Word, line
from causalgraph.criteria.nearest_separator import Separator, nearest_separator
from causalgraph.criteria.separation import connecting, disjoint, judge, naming, simple, words
from causalgraph.errors import ModelError
from causalgraph.graphs.kinds import require_unselected
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.paths import Path
from causalgraph.graphs.relations import descendants, districts, parents, proper_causal_nodes
from causalgraph.graphs.surgery import project

__all__ = [
    "Failing",
    "Instrument",
    "InstrumentVerdict",
    "OptimalInstruments",
    "Question",
    "ancestral_instrument",
    "conditional_instruments",
    "is_instrument",
    "optimal_instruments",
    "question",
    "unconditional_instruments",
]

Names = frozenset[str]
Failing = Literal["relevance", "exclusion"]
Condition = Literal["observed", "allowed"] | Failing


@dataclass(frozen=True)
class Instrument:
    """A variable and what must be given for it to be an instrument."""

    name: str
    given: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"instrument": self.name, "given": list(self.given)}


@dataclass(frozen=True)
class OptimalInstruments:
    """Instruments and covariates that together give the smallest asymptotic variance, or None and the reason."""

    instruments: tuple[str, ...] | None
    given: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class InstrumentVerdict(Answer):
    """The verdict on Z given W; where it isn't an instrument, `condition` names what fails and `witness` shows it.

    The conditions: Z and W are ``observed`` and ``allowed`` (not forbidden); ``relevance``: Z and X are connected;
    ``exclusion``: Z and Y are separated but for the effect. Where Z is an instrument, the witness is the path that
    makes it relevant.
    """

    treatment: str
    outcome: str
    instrument: Instrument
    condition: Condition | None
    reason: str
    witness: Path | str | None = None

    @property
    def valid(self) -> bool:
        """Does no condition fail?"""
        return self.condition is None

    @property
    def exit_code(self) -> int:
        """0 where it is an instrument, else 1."""
        return 0 if self.valid else 1

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        witness = self.witness.to_dict() if isinstance(self.witness, Path) else self.witness
        verdict = {"valid": self.valid, "condition": self.condition, "reason": self.reason, "witness": witness}
        return {"kind": "instrument", **self.instrument.to_dict(), **verdict}

    def document(self) -> Document:
        """Say whether it is an instrument, and why or why not."""
        given = f" given {naming(self.instrument.given)}" if self.instrument.given else ""
        sign, verdict = (Word("✔ ", "good"), "is") if self.valid else (Word("✘ ", "bad"), "isn't")
        effect = f"for the effect of {self.treatment} on {self.outcome}{given}, given this graph"
        said = f"{self.instrument.name} {verdict} an instrument {effect}"
        return Document((line(sign, said), line(self.reason, depth=1)))


@dataclass(frozen=True)
class Question:
    """What the search for instruments of one effect rests on: G*, and the nodes that may stand in an answer."""

    graph: MixedGraph
    x: str
    y: str
    cut: MixedGraph
    forbidden: Names

    @property
    def pool(self) -> Names:
        """The observed nodes that aren't forbidden, and neither X nor Y."""
        return self.graph.observed - self.graph.selected - self.forbidden - {self.x, self.y}


def question(graph: MixedGraph, x: Iterable[str], y: Iterable[str]) -> Question:
    """Cut the effect out of a graph and name what is forbidden.

    Raises:
        ModelError: X or Y isn't a single node or they are one (E212), a name is unknown (E201), the kind isn't
            supported.
    """
    require_unselected(graph, "the search for instruments")
    treated, affected = graph.require(x), graph.require(y)
    disjoint(graph, treated, affected, frozenset())
    for side in (treated, affected):
        if len(side) > 1:
            raise ModelError.because(
                "E212",
                f"{words(graph.sorted(side))} are several variables",
                why="an instrument is for the effect of one variable on one other",
                fix="ask for each of them",
            )
    (one,), (other,) = treated, affected
    passed = proper_causal_nodes(graph, treated, affected)
    cut = graph.with_edges(e for e in graph.edges if not (e.mark == "->" and e.left == one and e.right in passed))
    return Question(graph, one, other, cut, descendants(graph, passed))


def is_instrument(
    graph: MixedGraph, x: Iterable[str], y: Iterable[str], z: str, given: Iterable[str] = ()
) -> InstrumentVerdict:
    """Decide whether Z is an instrument for the effect of X on Y given W, and show the path that decides.

    Args:
        graph: a dag or an admg.
        x, y: the treatment and the outcome.
        z: the instrument.
        given: the set W, disjoint from the others.

    Raises:
        ModelError: names stand in two places or X, Y aren't single (E212), a name is unknown (E201), the kind isn't
            supported.

    >>> edges = [("W", "->", "Z"), ("W", "->", "Y"), ("Z", "->", "X"), ("X", "->", "Y"), ("X", "<->", "Y")]
    >>> graph = MixedGraph.build(edges)
    >>> is_instrument(graph, "X", "Y", "Z", given="W").valid
    True
    >>> is_instrument(graph, "X", "Y", "Z").reason
    'Z and Y stay connected beside the effect: Z ← W → Y'
    """
    asked = question(graph, x, y)
    held, ends = graph.require(given), frozenset((asked.x, asked.y))
    disjoint(graph, graph.require((z,)), ends, held)
    named = Instrument(z, graph.sorted(held))
    shown = (z, *named.given)

    def verdict(condition: Condition | None, reason: str, witness: Path | str | None = None) -> InstrumentVerdict:
        return InstrumentVerdict(asked.x, asked.y, named, condition, reason, witness)

    hidden = next((n for n in shown if n in graph.latent | graph.selected), None)
    if hidden:
        return verdict("observed", f"{hidden} is {'latent' if hidden in graph.latent else 'selected'}", hidden)
    barred = next((n for n in shown if n in asked.forbidden), None)
    if barred:
        where = f"it lies on a causal path from {asked.x} to {asked.y}, or below one"
        return verdict("allowed", f"{barred} is forbidden: {where}", barred)
    leak = _path(asked.cut, z, asked.y, held, graph)
    if leak:
        return verdict("exclusion", f"{z} and {asked.y} stay connected beside the effect: {leak.drawn}", leak)
    link = _path(asked.cut, z, asked.x, held, graph)
    by = f" given {naming(named.given)}" if held else ""
    if link is None:
        return verdict("relevance", f"{z} and {asked.x} are separated{by}")
    return verdict(
        None, f"{link.drawn} joins it to {asked.x}, and beside the effect nothing joins it to {asked.y}{by}", link
    )


def _path(graph: MixedGraph, start: str, end: str, given: Names, whole: MixedGraph) -> Path | None:
    """Return an open path, as a path of the whole graph."""
    walk = connecting(graph, (start,), given, (end,)).walk((end,))
    return None if walk is None else judge(whole, simple(walk), given)


def unconditional_instruments(graph: MixedGraph, x: Iterable[str], y: Iterable[str]) -> tuple[Instrument, ...]:
    """Return all that are instruments with nothing given, in linear time.

    Raises:
        ModelError: as for `is_instrument`.

    >>> graph = MixedGraph.build([("Z", "->", "X"), ("X", "->", "Y"), ("X", "<->", "Y")])
    >>> unconditional_instruments(graph, "X", "Y")
    (Instrument(name='Z', given=()),)
    """
    asked = question(graph, x, y)
    joined = connecting(asked.cut, (asked.x,), ()).names - connecting(asked.cut, (asked.y,), ()).names
    return tuple(map(Instrument, graph.sorted(asked.pool & joined)))


def conditional_instruments(graph: MixedGraph, x: Iterable[str], y: Iterable[str]) -> Iterator[Instrument]:
    """Yield for each variable the nearest separator that makes it an instrument, if one of ancestors does; lazily.

    W is ancestral when it holds ancestors of Z and Y alone. If any ancestral W makes Z an instrument, the minimal
    separator that lies nearest to Y does: it blocks least between Z and X. If the effect has any instrument at all, it
    has an ancestral one, perhaps another variable. Linear time for each variable.

    Raises:
        ModelError: as for `is_instrument`.

    >>> edges = [("W", "->", "Z"), ("W", "->", "Y"), ("Z", "->", "X"), ("X", "->", "Y"), ("X", "<->", "Y")]
    >>> graph = MixedGraph.build(edges)
    >>> list(conditional_instruments(graph, "X", "Y"))
    [Instrument(name='Z', given=('W',))]

    Source: van der Zander et al. (2015), the section on ancestral instruments.
    """
    asked = question(graph, x, y)
    found = (ancestral_instrument(asked, z) for z in graph.sorted(asked.pool))
    return (one for one in found if isinstance(one, Instrument))


def ancestral_instrument(asked: Question, z: str) -> Instrument | Failing:
    """Return a variable with the nearest separator that makes it an instrument, or which condition none meets."""
    near = nearest_separator(asked.cut, (asked.y,), (z,), forbidden=asked.forbidden | {asked.x})
    if not isinstance(near, Separator):
        return "exclusion"
    met = connecting(asked.cut, (z,), near.nodes, (asked.x,)).mask
    return Instrument(z, near.nodes) if met[asked.cut.index.number[asked.x]] else "relevance"


def optimal_instruments(graph: MixedGraph, x: Iterable[str], y: Iterable[str]) -> OptimalInstruments:
    """Return instruments and covariates for two-stage least squares that no others are known to beat.

    With all other descendants of X projected out, W is what joins Y by two-headed edges past X, with its parents; the
    instruments are what joins X so past Y, with its parents, outside W. They are an optimum that the graph warrants
    where one of them is a parent of X or joined to it by a two-headed edge; else none is returned. The optimum is among
    variables that X doesn't cause: where an adjustment set exists as well, least squares with that set, or an
    instrument that X causes, may do better.

    Args:
        graph: a dag or an admg.
        x, y: the treatment and the outcome.

    Raises:
        ModelError: as for `is_instrument`.

    >>> graph = MixedGraph.build([("Z", "->", "X"), ("X", "->", "Y"), ("X", "<->", "Y"), ("W", "->", "Y")])
    >>> optimal_instruments(graph, "X", "Y")
    OptimalInstruments(instruments=('Z',), given=('W',), reason=None)

    Source: Henckel et al. (2024), the section on graphical optimality.
    """
    asked = question(graph, x, y)
    x, y = asked.x, asked.y
    below = descendants(graph, (x,))
    if y not in below:
        return OptimalInstruments(None, reason=f"{y} isn't a descendant of {x}: there is no effect")
    small = project(graph, (graph.latent | graph.selected | below) - {x, y})
    given = _joined(small, y, past=x) - {x, y}
    chosen = _joined(small, x, past=y) - given - {x, y}
    if not chosen:
        return OptimalInstruments(None, reason=f"nothing joins {x} beside {y} and what joins {y}")
    near = parents(small, (x,)) | {n for e in small.edges if e.mark == "<->" and x in e[::2] for n in e[::2]}
    if not chosen & near:
        return OptimalInstruments(None, reason=f"no instrument stands next to {x}, and then no choice need be best")
    return OptimalInstruments(graph.sorted(chosen), graph.sorted(given))


def _joined(graph: MixedGraph, node: str, *, past: str) -> Names:
    """Return what two-headed edges join to a node, without the one to go past, and the parents of all that."""
    rest = graph.with_edges(e for e in graph.edges if e.mark == "<->" and past not in e[::2])
    district = next(d for d in districts(rest) if node in d)
    return district | parents(graph, district)
