"""Adjustment: is a set valid, and which are the minimal valid ones.

For the total effect of X on Y, Z is valid when P(y | do(x)) = Σ_z P(y | x, z) P(z) holds in every model over the graph.
It is so exactly when Z holds no forbidden node and separates X from Y in the proper back-door graph, which lacks the
arrows from X that start proper causal paths. For the direct effect, only the arrows from X to Y themselves are taken
away and only descendants of Y are forbidden: such a set licenses reading the effect as the coefficient of X in a linear
regression of Y on X and Z, and no nonparametric formula. Latent and selected nodes never stand in a set.

On a cpdag, mpdag, pdag, mag or pag a set is valid when it is so in every graph of the class: the class must be amenable
(`criteria.amenable`), the set may hold no *possible* descendant of a node on a possibly causal path, and it separates
X from Y in the proper back-door graph of one member, which then stands for all. With selected nodes the formula is
Σ_z P(y | x, z) P(z) in the selected data.

Source: I. Shpitser, T. VanderWeele, J. Robins, "On the validity of covariate adjustment for estimating causal effects"
(UAI 2010), theorem 3; B. van der Zander, M. Liśkiewicz, J. Textor, "Separators and adjustment sets in causal graphs:
complete criteria and an algorithmic framework", Artificial Intelligence 270 (2019) 1-40,
doi:10.1016/j.artint.2018.12.006, theorem 4; E. Perković, J. Textor, M. Kalisch, M. Maathuis, J. Mach. Learn. Res. 18
(2018) 220, theorem 5 and lemma 8; J. Correa, E. Bareinboim (AAAI 2017), theorem 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from causalgraph.answers import Answer, Block, Document, Word, line
from causalgraph.criteria.amenable import obstacle
from causalgraph.criteria.backdoor_graph import BackdoorGraph, moralised, nearest_set, open_walks
from causalgraph.criteria.paths import why
from causalgraph.criteria.separation import disjoint, judge, naming, simple, words
from causalgraph.criteria.separators import minimal_separators
from causalgraph.graphs.kinds import DIRECTED, require_directed, require_kind, require_whole
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.paths import Path
from causalgraph.graphs.possible import (
    definite_path,
    possible_ancestors,
    possible_descendants,
    possibly_causal_nodes,
    representative,
    require_unselective,
)

__all__ = [
    "Adjustment",
    "Effect",
    "backdoor_graph",
    "barred_nodes",
    "biasing_path",
    "canonical_adjustment_set",
    "causal_nodes",
    "check_adjustment",
    "forbidden_nodes",
    "minimal_adjustment_sets",
    "sides",
]

Effect = Literal["total", "direct"]


@dataclass(frozen=True)
class Adjustment(Answer):
    """The verdict on one set; where it isn't valid, a `witness` shows why: a node, or a path.

    The path is one that biases and stays open given the set (`biased`), or what keeps any set from being valid.
    """

    treatments: tuple[str, ...]
    outcomes: tuple[str, ...]
    covariates: tuple[str, ...]
    valid: bool
    backdoor: bool
    reason: str
    witness: Path | str | None = None
    biased: bool = False

    @property
    def exit_code(self) -> int:
        """0 where the set is valid, else 1."""
        return 0 if self.valid else 1

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        witness = self.witness.to_dict() if isinstance(self.witness, Path) else self.witness
        return {
            "kind": "adjustment",
            "valid": self.valid,
            "backdoor": self.backdoor,
            "reason": self.reason,
            "witness": witness,
        }

    def document(self) -> Document:
        """Say whether the set may be used, and show what speaks against it."""
        effect = f"the effect of {words(self.treatments)} on {words(self.outcomes)}, given this graph"
        covariates = naming(self.covariates) if self.covariates else "nothing"
        if self.valid:
            said = f"adjusting for {covariates} gives {effect}"
            return Document((line(Word("✔ ", "good"), said), line(self.reason, depth=1)))
        rows: list[Block] = [line(Word("✘ ", "bad"), f"adjusting for {covariates} doesn't give {effect}")]
        if isinstance(self.witness, Path) and self.biased:
            drawn = Word(self.witness.drawn, "biasing")
            rows.append(line("a biasing path stays open: ", drawn, f"   {why(self.witness, self.covariates)}", depth=1))
        else:
            rows.append(line(self.reason, depth=1))
            if isinstance(self.witness, Path) and self.witness.drawn not in self.reason:
                rows.append(line("the path: ", self.witness.drawn, depth=1))
        return Document(tuple(rows))


def sides(
    graph: MixedGraph, x: Iterable[str], y: Iterable[str], effect: Effect = "total"
) -> tuple[frozenset[str], frozenset[str]]:
    """Return treatments and outcomes as disjoint sets of nodes of a graph that adjustment is defined on.

    A direct effect is one of a dag or admg: without the arrow X -> Y the members of a class are a class no more, and a
    set may be valid in one and not in another.
    """
    if effect == "direct":
        require_directed(graph, "the adjustment for a direct effect")
    require_kind(graph, "adjustment")
    require_unselective(graph, "adjustment")
    if graph.kind not in DIRECTED:
        require_whole(graph, "adjustment")
    x, y = graph.require(x), graph.require(y)
    disjoint(graph, x, y, graph.selected)
    return x, y


def causal_nodes(graph: MixedGraph, x: frozenset[str], y: frozenset[str], effect: Effect) -> frozenset[str]:
    """Return the nodes that the effect passes, perhaps: those on proper causal paths, or for a direct effect Y."""
    return possibly_causal_nodes(graph, x, y) if effect == "total" else y


def backdoor_graph(
    graph: MixedGraph,
    x: frozenset[str],
    y: frozenset[str],
    effect: Effect,
    causal: frozenset[str] | None = None,
) -> BackdoorGraph:
    """Return the proper back-door graph of one member; ``causal`` are the nodes that the effect passes, where known."""
    member = representative(graph)
    passed = causal if member is graph and causal is not None else causal_nodes(member, x, y, effect)
    return BackdoorGraph.of(member, x, y, passed)


def forbidden_nodes(
    graph: MixedGraph, x: Iterable[str], y: Iterable[str], *, effect: Effect = "total"
) -> frozenset[str]:
    """Return the possible descendants of the nodes that the effect passes, X left out: no valid set holds one.

    >>> graph = MixedGraph.build([("X", "->", "M"), ("M", "->", "Y"), ("M", "->", "S")])
    >>> sorted(forbidden_nodes(graph, "X", "Y"))
    ['M', 'S', 'Y']
    """
    x, y = sides(graph, x, y, effect)
    return _below(graph, x, causal_nodes(graph, x, y, effect))


def _below(graph: MixedGraph, x: frozenset[str], causal: frozenset[str]) -> frozenset[str]:
    """Return the forbidden nodes, given those that the effect passes."""
    return possible_descendants(graph, causal) - x


def canonical_adjustment_set(
    graph: MixedGraph,
    x: Iterable[str],
    y: Iterable[str],
    *,
    effect: Effect = "total",
    required: Iterable[str] = (),
    forbidden: Iterable[str] = (),
) -> frozenset[str]:
    """Return Adjust(X, Y): every admissible ancestor of X, Y and what is required. If it isn't valid, no set is.

    Source: van der Zander et al. (2019), corollary 1.
    """
    x, y = sides(graph, x, y, effect)
    above_all = possible_ancestors(graph, x | y | graph.selected | graph.require(required))
    return above_all - x - y - barred_nodes(graph, x, y, effect, graph.require(forbidden))


def barred_nodes(
    graph: MixedGraph, x: frozenset[str], y: frozenset[str], effect: Effect, forbidden: frozenset[str]
) -> frozenset[str]:
    """Return what may not stand in a set: forbidden by the graph, by its roles or by the user."""
    return forbidden_nodes(graph, x, y, effect=effect) | graph.latent | graph.selected | forbidden


def biasing_path(
    graph: MixedGraph, x: Iterable[str], y: Iterable[str], z: Iterable[str], *, effect: Effect = "total"
) -> Path | None:
    """Return a path from X to Y, open given Z, that isn't part of the effect; None where there is none."""
    x, y = sides(graph, x, y, effect)
    return _biasing(graph, x, y, graph.require(z) | graph.selected, effect, causal_nodes(graph, x, y, effect))


def _biasing(
    graph: MixedGraph, x: frozenset[str], y: frozenset[str], z: frozenset[str], effect: Effect, causal: frozenset[str]
) -> Path | None:
    """Return a biasing path, given the nodes that the effect passes."""
    member = representative(graph)
    walk = open_walks(backdoor_graph(graph, x, y, effect, causal), x, z, y).walk(y)
    if walk is None:
        return None
    if member is not graph:
        skipped = frozenset(e for e in graph.edges if e.mark == "->" and e.left in x and e.right in causal)
        shown = definite_path(graph, x, y, z, skipped=skipped)
        if shown is not None:
            return judge(graph, shown, z)
    return judge(member, simple(walk), z)


def check_adjustment(
    graph: MixedGraph, x: Iterable[str], y: Iterable[str], z: Iterable[str], *, effect: Effect = "total"
) -> Adjustment:
    """Decide whether Z is valid by the complete criterion, and whether Pearl's back-door criterion holds as well.

    Args:
        graph: a graph of any kind.
        x, y, z: disjoint sets of nodes (or a name): treatments, outcomes, covariates; Z may be empty.
        effect: the total effect, or the direct one (in a linear model; on a dag or admg).

    Raises:
        ModelError: X or Y is empty or two sets overlap (E212), a name is unknown (E201), the kind isn't supported.

    >>> graph = MixedGraph.build([("X", "->", "M"), ("M", "->", "Y")])
    >>> check_adjustment(graph, "X", "Y", "M").reason
    'M is forbidden: it lies on a causal path from X to Y, or below one'
    """
    x, y = sides(graph, x, y, effect)
    z = graph.require(z)
    disjoint(graph, x, y, z)

    def verdict(reason: str, witness: Path | str | None, *, biased: bool = False) -> Adjustment:
        sets = (graph.sorted(x), graph.sorted(y), graph.sorted(z))
        valid = witness is None
        backdoor = satisfies_backdoor(graph, x, y, z, valid=valid)
        return Adjustment(*sets, valid, backdoor, reason, witness, biased)

    hidden = graph.sorted(z & (graph.latent | graph.selected))
    if hidden:
        state = "latent: no data can be adjusted for it" if hidden[0] in graph.latent else "a selected node"
        return verdict(f"{hidden[0]} is {state}", hidden[0])
    causal = causal_nodes(graph, x, y, effect)
    forbidden = graph.sorted(z & _below(graph, x, causal)) if z else ()
    if forbidden:
        ends = f"{words(graph.sorted(x))} to {words(graph.sorted(y))}"
        where = f"it lies on a causal path from {ends}, or below one"
        if effect == "direct":
            where = f"it is a descendant of {words(graph.sorted(y))}"
        return verdict(f"{forbidden[0]} is forbidden: {where}", forbidden[0])
    blocked = obstacle(graph, x, y)
    if blocked:
        return verdict(blocked.reason, blocked.witness)
    bias = _biasing(graph, x, y, z | graph.selected, effect, causal)
    if bias:
        return verdict(f"a biasing path stays open: {bias.drawn}", bias, biased=True)
    return verdict("no covariate is forbidden, and every biasing path is closed", None)


def satisfies_backdoor(
    graph: MixedGraph, x: frozenset[str], y: frozenset[str], z: frozenset[str], *, valid: bool
) -> bool:
    """Say whether Z holds no descendant of X and closes every path that enters X by an arrow.

    On a class of graphs, whether Z is valid and holds no possible descendant of X. With selected nodes it never holds,
    as the criterion speaks of data from the whole population.

    Source: J. Pearl, Causality (2009), definition 3.3.1, for sets read as do-calculus' rule 2 needs it: X and Y are
    separated by Z in the graph without the arrows that leave X; M. Maathuis, D. Colombo, "A generalized back-door
    criterion", Ann. Stat. 43 (2015) 1060-1088, doi:10.1214/14-AOS1295.
    """
    if graph.selected or z & graph.latent or (z and z & possible_descendants(graph, x)):
        return False
    if graph.kind not in DIRECTED:
        return valid
    # With every node for a mediator, the arrows left out are all that leave X.
    rest = BackdoorGraph.of(graph, x, y, np.ones(len(graph.nodes), dtype=bool))
    return open_walks(rest, x, z, y).walk(y) is None


def minimal_adjustment_sets(
    graph: MixedGraph,
    x: Iterable[str],
    y: Iterable[str],
    *,
    effect: Effect = "total",
    required: Iterable[str] = (),
    forbidden: Iterable[str] = (),
) -> Iterator[frozenset[str]]:
    """Yield all valid sets of which no proper part, that still holds ``required``, is valid; polynomial delay.

    The first is the one nearest to X, in time linear in nodes and edges.

    Args:
        graph: a graph of any kind.
        x, y: treatments and outcomes.
        effect: the total effect, or the direct one (in a linear model; on a dag or admg).
        required: nodes that each set must hold.
        forbidden: nodes that no set may hold.

    Raises:
        ModelError: as for `check_adjustment`.

    >>> graph = MixedGraph.build([("A", "->", "X"), ("A", "->", "B"), ("B", "->", "Y"), ("X", "->", "Y")])
    >>> [sorted(s) for s in minimal_adjustment_sets(graph, "X", "Y")]
    [['A'], ['B']]

    Source: van der Zander et al. (2019), theorem 4 and section 5: minimal separators of the moralised ancestral proper
    back-door graph, enumerated as in `minimal_separators`.
    """
    x, y = sides(graph, x, y, effect)
    needed = graph.require(required)
    disjoint(graph, x, y, needed)
    causal = causal_nodes(graph, x, y, effect)
    barred = _below(graph, x, causal) | graph.latent | graph.selected | graph.require(forbidden)
    if needed & barred or obstacle(graph, x, y):
        return iter(())
    return _nearest_first(graph, backdoor_graph(graph, x, y, effect, causal), needed, barred)


def _nearest_first(
    graph: MixedGraph, backdoor: BackdoorGraph, required: frozenset[str], barred: frozenset[str]
) -> Iterator[frozenset[str]]:
    """Yield the set nearest to X, then the others, for which alone cliques are built."""
    fixed = required | graph.selected
    nearest = nearest_set(backdoor, fixed, barred)
    if nearest is None:
        return
    yield nearest - graph.selected
    for found in minimal_separators(moralised(backdoor, fixed, barred), backdoor.x, backdoor.y):
        if found | fixed != nearest:
            yield found | required
