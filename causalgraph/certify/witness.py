"""Two explicit models that prove a "no": they agree on all that can be observed, and differ on the effect.

How they are made is told in `parity`. What comes of it is summed exactly and compared; nothing rests on the argument
there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from causalgraph.answers import Answer, Block, Document, Table, Word, line
from causalgraph.certify.bits import Rows, compiled, equations, named
from causalgraph.certify.models import DiscreteModel, Factor, TooLargeError, contract
from causalgraph.certify.parity import paired, planned
from causalgraph.graphs.surgery import project

if TYPE_CHECKING:
    from causalgraph.certify.small_hedge import SmallHedge
    from causalgraph.graphs.mixed import MixedGraph

__all__ = ["Unwitnessed", "Witness", "witness"]


@dataclass(frozen=True)
class Witness(Answer):
    """Two models over one graph that agree on P(V) and differ on ``P(y | do(x), w)``: no formula in P(V) can exist.

    Attributes:
        graph: the graph of both.
        x, y, given: the question.
        hedge: F and F' as they are used, cut down to the least; in the latent projection.
        first, second: the models as tables.
        rows: the same two as bits and their equations.
        flip: the small probability that a noisy bit is flipped with.
        at: values of treatments, conditions and outcomes where the effects differ most; all other variables of the
            question are independent coins.
        effects: the probability there in both models.
        disagreement: no two values of P(V) are further apart.
        least: no probability of the active observed variables is smaller.
    """

    graph: MixedGraph
    x: tuple[str, ...]
    y: tuple[str, ...]
    given: tuple[str, ...]
    hedge: SmallHedge
    first: DiscreteModel
    second: DiscreteModel
    rows: tuple[Rows, Rows]
    flip: float
    at: dict[str, int]
    effects: tuple[float, float]
    disagreement: float
    least: float

    @property
    def difference(self) -> float:
        """How far apart the effects are."""
        return abs(self.effects[0] - self.effects[1])

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        models = [
            {
                "equations": dict(equations(rows, self.flip)),
                "tables": [
                    {"variable": named(key), "parents": list(map(named, model.parents[key])), "p": table.tolist()}
                    for key, table in model.tables.items()
                ],
            }
            for rows, model in zip(self.rows, (self.first, self.second), strict=True)
        ]
        return {
            "kind": "witness",
            "at": dict(self.at),
            "effects": list(self.effects),
            "difference": self.difference,
            "disagreement": self.disagreement,
            "least": self.least,
            "models": models,
        }

    def document(self) -> Document:
        """Show both models by their equations, and what they agree and differ on."""
        condition = ", ".join(f"{n}={self.at[n]}" for n in self.given)
        held = ", ".join(f"{n}={self.at[n]}" for n in self.x)
        asked = f"P({', '.join(f'{n}={self.at[n]}' for n in self.y)} | do({held}){', ' * bool(condition)}{condition})"
        active = [n for n in self.graph.nodes if n in self.rows[0]]
        seen = ", ".join(n for n in active if n in self.graph.observed)
        others = self.graph.sorted(set(self.graph.nodes) - set(active))
        blocks: list[Block] = [
            line(
                Word("✘ ", "bad"), "two models over this graph agree on all that is observed, and differ on the effect"
            )
        ]
        first, second = (dict(equations(rows, self.flip)) for rows in self.rows)
        table = tuple(
            (name, said, Word("the same", "dim") if second[name] == said else second[name])
            for name, said in first.items()
        )
        blocks.append(Table(("variable", "first model", "second model"), table, depth=1))
        if others:
            blocks.append(line(Word(f"{', '.join(others)}: independent fair coins in both", "dim"), depth=1))
        blocks += [
            line(f"{asked} = {self.effects[0]:.6g} in the first, {self.effects[1]:.6g} in the second", depth=1),
            line(
                f"P({seen}) differs by {self.disagreement:.1g} at most; no value of it is below {self.least:.3g}",
                depth=1,
            ),
        ]
        return Document(tuple(blocks))

    def text(self) -> str:
        """Write both models in full: every table, every row."""
        return "\n".join(
            f"{title} model\n" + "\n".join(_tables(model))
            for title, model in (("First", self.first), ("Second", self.second))
        )


def _tables(model: DiscreteModel) -> Iterator[str]:
    """Write P(variable | parents) row by row."""
    for key, table in model.tables.items():
        parents = model.parents[key]
        for cell in product(*map(range, table.shape[:-1])):
            given = ", ".join(f"{named(p)}={v}" for p, v in zip(parents, cell, strict=True))
            row = ", ".join(f"{p:.6g}" for p in table[cell])
            yield f"  P({named(key)}{' | ' * bool(given)}{given}) = {row}"


@dataclass(frozen=True)
class Unwitnessed(Answer):
    """Two models exist, but comparing them exactly takes too large a sum."""

    reason: str
    exit_code = 1

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"kind": "witness", "models": None, "reason": self.reason}

    def document(self) -> Document:
        """Say why no models are shown."""
        return Document((line(Word("", "warn"), f" no model pair: {self.reason}"),))


def witness(
    graph: MixedGraph,
    x: Iterable[str],
    y: Iterable[str],
    given: Iterable[str],
    big: Iterable[str],
    small: Iterable[str],
) -> Witness | Unwitnessed:
    """Build two models that prove that ``P(y | do(x), w)`` isn't identified, and compare them by exact sums.

    Args:
        graph: a dag or an admg, with latents or without.
        x, y, given: the question: disjoint sets of observed nodes (or a name).
        big, small: the hedge F, F' in the latent projection, that the failing line of identification found.

    Raises:
        ModelError: a name is unknown (E201).
        ValueError: F and F' are no hedge for the question.

    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> bow = MixedGraph.build([("X", "->", "Y"), ("X", "<->", "Y")])
    >>> found = witness(bow, "X", "Y", (), ["X", "Y"], ["Y"])
    >>> found.effects, found.disagreement, found.least
    ((0.5, 0.875), 0.0, 0.0625)
    >>> found.rows[0]["Y"][0].terms
    ((Edge(left='X', mark='<->', right='Y'), 0), ('X', 0))
    """
    x, y, w = (graph.sorted(graph.require(s)) for s in (x, y, given))
    plan = planned(project(graph), frozenset(x), frozenset(y), frozenset(w), (frozenset(big), frozenset(small)))
    rows, flip = paired(graph, plan)
    try:
        return _compared(graph, (x, y, w), plan.hedge, rows, flip)
    except TooLargeError as error:
        return Unwitnessed(f"it needs {error}")


def _compared(
    graph: MixedGraph,
    question: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]],
    hedge: SmallHedge,
    rows: tuple[Rows, Rows],
    flip: float,
) -> Witness:
    """Sum both models exactly.

    Variables without bits are independent coins in both, and drop out. A variable without hidden parents whose table is
    the same in both is a common factor of both P(V): P(V) = Q ∏ P(v | parents). A factor is at most 1, so that the Q
    differ at least as much as the P(V) do.
    """
    x, y, w = question
    first, second = (compiled(graph, r, flip) for r in rows)
    apart = {n for n in graph.observed & rows[0].keys() if rows[0][n] == rows[1][n]}
    apart = {n for n in apart if graph.observed.issuperset(first.parents[n])}
    inside = [k for k in rows[0] if k not in apart]
    kept = tuple(n for n in graph.nodes if n in graph.observed and any(n in (*first.parents[k], k) for k in inside))
    seen = [contract([Factor((*m.parents[k], k), m.tables[k]) for k in inside], kept) for m in (first, second)]
    least = float(min(s.min() for s in seen)) * prod(float(first.tables[n].min()) for n in apart)
    on_x, on_y, on_w = ([n for n in names if n in rows[0]] for names in (x, y, w))
    effects = [m.effect(on_y, on_x, on_w) for m in (first, second)]
    cell = np.unravel_index(int(np.abs(effects[0] - effects[1]).argmax()), effects[0].shape)
    at = dict.fromkeys((*x, *w, *y), 0) | dict(zip((*on_x, *on_w, *on_y), map(int, cell), strict=True))
    coins = 0.5 ** (len(y) - len(on_y))
    return Witness(
        graph,
        x,
        y,
        w,
        hedge,
        first,
        second,
        rows,
        flip,
        at,
        (float(effects[0][cell]) * coins, float(effects[1][cell]) * coins),
        float(np.abs(seen[0] - seen[1]).max()),
        least,
    )
