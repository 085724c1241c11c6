"""Formulas, evaluated on the exact distribution of the observed variables, against the exact truth.

A random ADMG with a random discrete model over it knows its own P(Y | do(X), W). Where the engine says that this is
identified, its formula, fed with P(V) as a weighted table, has to give that number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

import causalgraph as cg
from causalgraph.graphs.mixed import MixedGraph
from oracles.adjustment import valid_sets
from oracles.models import DiscreteModel, random_model
from oracles.relations import descendants
from strategies import random_disjoint, random_graph, scaled

EXACT = 1e-9
MODELS = 2000
CONTRASTS = scaled(60, 600)

PLAIN = ("A", "B", "C", "D", "F", "G")
ODD = ("Lung cancer", "2nd dose", "naïve", "年齢", "P", "data")


@dataclass(frozen=True)
class Question:
    """A model, the sets of a query, and all that is needed to ask it."""

    model: DiscreteModel
    x: tuple[str, ...]
    y: tuple[str, ...]
    w: tuple[str, ...]

    @property
    def graph(self) -> MixedGraph:
        return self.model.graph

    @property
    def asked(self) -> Any:
        return cg.parse(dag_text(self.model))

    @property
    def frame(self) -> pd.DataFrame:
        names, joint = self.model.observed()
        cells = np.indices(joint.shape).reshape(joint.ndim, -1)
        return pd.DataFrame({**dict(zip(names, cells, strict=True)), "p": joint.ravel()})


def quoted(names: Iterable[str]) -> str:
    return ", ".join(name if name.isidentifier() else f"`{name}`" for name in names)


def dag_text(model: DiscreteModel) -> str:
    """Write the model's graph and its variables' levels as a ``.dag`` text."""
    rows = []
    for node in model.graph.nodes:
        levels = ", ".join(map(str, range(model.levels[node])))
        kind = "binary" if model.levels[node] == 2 else f"{{{levels}}}"
        rows.append(f"{quoted([node])} [latent]" if node in model.graph.latent else f"{quoted([node])} : {kind}")
    rows += [f"{quoted([e.left])} {e.mark} {quoted([e.right])}" for e in model.graph.edges]
    return "\n".join(rows) + "\n"


def random_question(rng: np.random.Generator, *, most: int = 2, most_given: int = 1) -> Question:
    """Return a question on 4 to 6 nodes; those are preferred where the treatment has an effect."""
    size = int(rng.integers(4, 7))
    names = rng.permutation(ODD if rng.random() < 0.1 else PLAIN)[:size].tolist()
    two_headed = rng.choice([0, 0.1, 0.2])
    given = most_given if rng.random() < 0.5 else 0
    for _ in range(3):
        graph = random_graph(rng, size, two_headed=two_headed, latent=int(rng.integers(0, 2)), named=names)
        x, y, w = map(tuple, random_disjoint(rng, graph.observed, (1, most), (1, most), (0, given)))
        if descendants(graph, x) & set(y):
            break
    return Question(random_model(rng, graph), x, y, w)


def level(value: Any) -> int:
    return int(float(value))


def worst_error(question: Question, table: list[dict[str, Any]]) -> float:
    """Return the greatest distance of a row from the truth; every combination of levels must have one row."""
    axes = (*question.x, *question.w, *question.y)
    truth = question.model.effect(question.y, question.x, question.w)
    told = {tuple(level(row[name]) for name in axes): row["value"] for row in table}
    assert len(told) == len(table) == truth.size
    assert all(set(row) == {*axes, "value"} for row in table)
    return max(abs(told[cell] - truth[cell]) for cell in np.ndindex(truth.shape))


def test_every_identified_formula_gives_the_exact_effect_in_a_random_model() -> None:
    rng = np.random.default_rng(40)
    identified, worst = 0, 0.0
    for _ in range(MODELS):
        q = random_question(rng)
        model = q.asked
        condition = f" | {quoted(q.w)}" if q.w else ""
        answer = model.ask(f"identify(do({quoted(q.x)}), {{{quoted(q.y)}}}{condition})").to_dict()
        if not q.w and valid_sets(q.graph, q.x, q.y):
            assert answer["identified"] is True, (q, answer)
        if answer["identified"] is not True:
            continue
        identified += 1
        given = ", ".join([f"do({quoted(q.x)})", *[quoted(q.w)] * bool(q.w)])
        estimate = model.ask(f"P({quoted(q.y)} | {given})", data=q.frame, weight="p").to_dict()
        error = worst_error(q, estimate["table"])
        assert error < EXACT, (dag_text(q.model), q.x, q.y, q.w, answer["formula"], error)
        worst = max(worst, error)
    assert worst < EXACT
    assert identified > MODELS / 4, f"{identified} of {MODELS} identified: too few to mean anything"


def test_expectations_and_contrasts_are_exact_in_a_random_model() -> None:
    rng = np.random.default_rng(41)
    identified = 0
    for _ in range(CONTRASTS):
        q = random_question(rng, most=1, most_given=0)
        if q.model.levels[q.x[0]] != 2 or not valid_sets(q.graph, q.x, q.y):
            continue
        identified += 1
        effect = q.model.effect(q.y, q.x)
        means = effect @ np.arange(effect.shape[1])
        (x,), (y,) = [quoted(q.x)], [quoted(q.y)]
        asked = {
            f"E({y} | do({x}=1))": means[1],
            f"E({y} | do({x}=1)) - E({y} | do({x}=0))": means[1] - means[0],
            f"ate({x}, {y})": means[1] - means[0],
        }
        model = q.asked
        for query, truth in asked.items():
            value = model.ask(query, data=q.frame, weight="p").to_dict()["value"]
            assert value == pytest.approx(truth, abs=EXACT, rel=0), (dag_text(q.model), query)
    assert identified > CONTRASTS / 8
