"""What the verdicts on controls rest on: minimal sets, what is connected given them, and the paths that show it.

Everything that a verdict needs is a set of nodes, from a few traversals each; `criteria.controls` says how it is read.
Two tables hold the sentences and the paths that show them, by role.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from causalgraph.criteria.adjustment import (
    biasing_path,
    canonical_adjustment_set,
    forbidden_nodes,
    minimal_adjustment_sets,
)
from causalgraph.criteria.separation import connecting, judge, naming, simple, words
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.graphs.paths import Path, unicode_edge
from causalgraph.graphs.reach import reach
from causalgraph.graphs.relations import WALL, ancestors, descendants, downstream, proper_causal_nodes, upstream
from causalgraph.names import natural

__all__ = ["DRAWING", "PATHS", "Question", "reason", "why_none"]

Names = frozenset[str]
# Nodes of a path that a sentence draws.
DRAWN = 24


@dataclass(frozen=True)
class Question:
    """The graph, the graph that the sets of `family` are valid in, and that family, small sets first."""

    graph: MixedGraph
    world: MixedGraph
    x: Names
    y: Names
    family: tuple[Names, ...]
    identified: bool
    complete: bool

    @classmethod
    def of(cls, graph: MixedGraph, x: Names, y: Names, limit: int) -> Question:
        """List the minimal valid sets, of observed variables if there are any."""
        world = graph
        found = list(islice(minimal_adjustment_sets(world, x, y), limit + 1))
        identified = bool(found)
        if not identified:
            world = _revealed(graph)
            found = list(islice(minimal_adjustment_sets(world, x, y), limit + 1))
        family = sorted(found[:limit], key=lambda s: (len(s), sorted(map(natural, s))))
        return cls(graph, world, x, y, tuple(family), identified, len(found) <= limit)

    @cached_property
    def forbidden(self) -> Names:
        """What no valid set holds."""
        return forbidden_nodes(self.graph, self.x, self.y)

    @cached_property
    def reference(self) -> Names:
        """The observed members of the smallest set."""
        return self.family[0] & self.graph.observed if self.family else frozenset()

    @cached_property
    def harmless(self) -> Names:
        """The ancestors of X and Y: those that aren't forbidden open no path."""
        return ancestors(self.world, self.x | self.y)

    @cached_property
    def unclosable(self) -> Path:
        """A biasing path that no set closes, where there is no valid set even with everything measured."""
        path = self.bias(canonical_adjustment_set(self.world, self.x, self.y))
        if path is None:
            raise AssertionError("no minimal set, yet the canonical set is valid")
        return path

    @cached_property
    def causal(self) -> Names:
        """The nodes on proper causal paths."""
        return proper_causal_nodes(self.graph, self.x, self.y)

    @cached_property
    def below_outcome(self) -> Names:
        """The effects of Y."""
        return descendants(self.graph, self.y)

    @cached_property
    def nearest(self) -> dict[str, str]:
        """Each descendant of the nodes on proper causal paths, with the one of these that is nearest."""
        index = self.graph.index
        found = reach(index, downstream, self.causal, index.classes())
        first: dict[int, int] = {}
        for node in found.keys.tolist():
            first[node] = first.get(int(found.parent[node]), node)
        return {index.graph.nodes[node]: index.graph.nodes[start] for node, start in first.items()}

    @cached_property
    def holders(self) -> dict[str, Names]:
        """Each node that a set of the family holds, with the first that does."""
        return {name: chosen for chosen in reversed(self.family) for name in chosen}

    @cached_property
    def openers(self) -> dict[str, Names]:
        """Each node that opens a path beside a set of the family, with the first such set."""
        out: dict[str, Names] = {}
        for chosen in reversed(self.family):
            out |= dict.fromkeys(self._beside_effect(self.x, chosen) & self._beside_effect(self.y, chosen), chosen)
        return out

    @cached_property
    def cut(self) -> MixedGraph:
        """The proper back-door graph: the world without the arrows that start the effect."""
        passed = proper_causal_nodes(self.world, self.x, self.y)
        edges = self.world.edges
        return self.world.with_edges(
            e for e in edges if not (e.mark == "->" and e.left in self.x and e.right in passed)
        )

    def _beside_effect(self, starts: Names, given: Names) -> Names:
        return connecting(self.cut, starts, given).names

    @cached_property
    def common_causes(self) -> Names:
        """The ancestors of X that come to Y by another way."""
        walls = self.graph.index.classes((self.x, WALL))
        return ancestors(self.graph, self.x) & reach(self.graph.index, upstream, self.y, walls).names

    @cached_property
    def with_x(self) -> Names:
        """What tells of X, given the reference."""
        return connecting(self.world, self.x, self.reference).names

    @cached_property
    def with_y(self) -> Names:
        """What tells of Y, given X and the reference."""
        return connecting(self.world, self.y, self.reference | self.x).names

    @cached_property
    def amplifiers(self) -> Names:
        """What tells neither of Y, given X and the smallest set, nor of the hidden members of that set."""
        least, seen = self.family[0], self.reference
        told = connecting(self.world, self.y, least | self.x).names | connecting(self.world, least - seen, seen).names
        return self.graph.observed - told

    def bias(self, given: Names) -> Path | None:
        """Return a biasing path that is open given a set, as the graph has it."""
        path = biasing_path(self.world, self.x, self.y, given)
        return None if path is None else self.shown(path, given)

    def shown(self, path: Path, given: Names) -> Path:
        """Write a path of the world with the graph's two-headed edges."""
        edges: list[Edge] = []
        known = self.graph.index.number
        for edge in path.edges:
            if edge.left in known:
                edges.append(edge)
            else:
                edges[-1] = Edge(edges[-1].left, "<->", edge.right)
        return judge(self.graph, tuple(edges), given & known.keys())


def _revealed(graph: MixedGraph) -> MixedGraph:
    """Return the graph with nothing hidden: a node of its own for each two-headed edge, and no latents."""
    taken = set(graph.nodes)
    edges: list[Edge] = []
    for edge in graph.edges:
        if edge.mark == "->":
            edges.append(edge)
        else:
            cause = str(edge)
            while cause in taken:
                cause += "'"
            taken.add(cause)
            edges += [Edge(cause, "->", edge.left), Edge(cause, "->", edge.right)]
    return MixedGraph.build(edges, graph.nodes, kind="dag")


def why_none(question: Question) -> str:
    """Say why no set of observed variables is valid: something hidden stands in the way, or nothing could help."""
    graph, x, y = question.graph, question.x, question.y
    if not question.family:
        return f"no set is valid, even if all is measured: {_drawn(question.unclosable)} stays open"
    path = question.bias(canonical_adjustment_set(graph, x, y))
    if path is None:
        raise AssertionError("no minimal set, yet the canonical set is valid")
    return f"hidden confounding remains, whatever is adjusted for: {_drawn(path)} stays open"


def _drawn(path: Path) -> str:
    """Draw a path, a long one without its middle."""
    if len(path.nodes) <= DRAWN:
        return path.drawn
    half = DRAWN // 2
    first, last = (
        "".join(f" {unicode_edge(e.mark)} {e.right}" for e in edges)
        for edges in (path.edges[: half - 1], path.edges[-half:])
    )
    return f"{path.nodes[0]}{first} … {path.edges[-half].left}{last}"


def path_through(question: Question, name: str) -> Path:
    """Return a causal path that a variable stands on."""
    graph, x, y = question.graph, question.x, question.y
    return judge(graph, _directed(graph, x, {name}, x) + _directed(graph, {name}, y, x), ())


def path_from_outcome(question: Question, name: str) -> Path:
    """Return a causal path from the outcome to a variable."""
    return judge(question.graph, _directed(question.graph, question.y, {name}), ())


def path_below(question: Question, name: str) -> Path:
    """Return a causal path from the treatment to a variable from which none leads to the outcome."""
    graph, x, cause = question.graph, question.x, question.nearest[name]
    return judge(graph, _directed(graph, x, {cause}, x) + _directed(graph, {cause}, {name}), ())


def _directed(
    graph: MixedGraph, start: Iterable[str], goal: Iterable[str], walls: Iterable[str] = ()
) -> tuple[Edge, ...]:
    """Return a shortest directed path from one set to another, which exists, that doesn't come to a wall."""
    walk = reach(graph.index, downstream, start, graph.index.classes((walls, WALL)), goal).walk(goal)
    if walk is None:
        raise AssertionError(f"no directed path to {sorted(goal)}")
    return walk


def path_unclosable(question: Question, _name: str) -> Path:
    """Return the path that no set closes."""
    return question.unclosable


def path_closed(question: Question, name: str) -> Path:
    """Return the path that a minimal set leaves open without the variable."""
    chosen = question.holders[name]
    path = question.bias(chosen - {name})
    if path is None:
        raise AssertionError(f"{sorted(chosen)} is minimal, yet valid without {name}")
    return path


def path_opened(question: Question, name: str) -> Path:
    """Return the path that the variable opens beside a minimal set."""
    chosen = question.openers[name]
    path = question.bias(chosen | {name})
    if path is None:
        raise AssertionError(f"{name} opens nothing beside {sorted(chosen)}")
    return path


def path_to_treatment(question: Question, name: str) -> Path:
    """Return the path by which a variable tells of the treatment."""
    seen = question.reference
    walk = connecting(question.world, {name}, seen, question.x).walk(question.x)
    if walk is None:
        raise AssertionError(f"{name} is apart from the treatment, and not apart from it")
    return question.shown(judge(question.world, simple(walk), seen), seen)


# Role -> the path that shows it; the other roles have none.
PATHS: dict[str, Callable[[Question, str], Path]] = {
    "mediator": path_through,
    "mediator_descendant": path_below,
    "outcome_descendant": path_from_outcome,
    "collider": path_opened,
    "amplifier": path_to_treatment,
    "confounder": path_closed,
    "backdoor": path_closed,
    "unknown": path_unclosable,
}

# What stands in the sentences: the names of X and Y; the given set and the node of the effect that is nearest; a path,
# which is looked for in the roles that draw it alone.
DRAWING = ("collider", "confounder", "backdoor", "unknown")
REASONS = {
    "mediator": "it lies on a causal path to {y}; adjusting for it takes that part of the effect away",
    "mediator_descendant": (
        "it is an effect of {cause}, which lies on a causal path to {y}; adjusting for it takes part of the effect away"
    ),
    "outcome_descendant": "it is an effect of {y}; adjusting for it selects on the outcome (case-control bias)",
    "collider": "it is a collider or an effect of one, and adjusting for it{beside} opens {path}",
    "amplifier": (
        "it tells of {x} alone, as an instrument does: while hidden confounding remains, adjusting for it amplifies "
        "the bias (in a linear model)"
    ),
    "confounder": "adjusting for it{beside} closes {path}",
    "backdoor": "adjusting for it{beside} closes {path}",
    "irrelevant": "it{given} tells nothing of {x}, nor of {y} beyond {x}",
    "precision_gain": "it{given} tells of {y} alone: adjusting for it can only make the estimate more precise",
    "precision_loss": "it{given} tells of {x} alone: adjusting for it can only make the estimate less precise",
    "redundant": "it{given} brings no bias; what it does to the precision, the graph doesn't say",
    "unknown": "{path} stays open even if all is measured",
    "proxy": "hidden confounding remains, and whether adjusting for it makes the bias smaller or larger isn't told",
}


def reason(question: Question, name: str, role: str, path: Path | None) -> str:
    """Say why a variable has a role; the path is asked of the roles that draw it."""
    x, y = (words(question.graph.sorted(s)) for s in (question.x, question.y))
    chosen = question.openers[name] if role == "collider" else question.holders.get(name, frozenset()) - {name}
    return REASONS[role].format(
        x=x,
        y=y,
        cause=question.nearest.get(name) if role == "mediator_descendant" else None,
        beside=f" beside {naming(question.world.sorted(chosen))}" if chosen else "",
        given=f", given {naming(question.graph.sorted(question.reference))}," if question.reference else "",
        path=_drawn(path) if path and role in DRAWING else None,
    )
