"""Random formulas and random counts with many empty cells, for evaluators that must agree with one another."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sympy import Add, Integer, Mul, Pow

from causalgraph.data.counts import Counts
from causalgraph.formula.nodes import E, Event, Level, Marginal, P, Value
from causalgraph.identify.answer import Identified, identify
from causalgraph.identify.strategies import expectation
from strategies import random_graph

__all__ = ["counts_of", "held", "identified_formulas", "random_codes", "random_formula", "turned"]


def turned(found: Any, axes: Sequence[Value]) -> Any:
    """Return an evaluated formula with its axes in another order."""
    assert set(found.axes) == set(axes)
    order = [found.axes.index(v) for v in axes]
    shape = found.values.shape
    scores = found.scores and tuple(
        np.moveaxis(s.reshape(*shape, *s.shape[1:]), order, range(len(order))).reshape(s.shape) for s in found.scores
    )
    return replace(
        found,
        axes=tuple(axes),
        levels=tuple(found.levels[i] for i in order),
        values=found.values.transpose(order),
        valid=found.valid.transpose(order),
        errors=found.errors.transpose(order),
        scores=scores,
    )


def random_codes(rng: np.random.Generator, sizes: Sequence[int], rows: int) -> np.ndarray:
    """Return rows of codes, some levels of which may not occur."""
    return np.column_stack([rng.integers(0, rng.integers(1, size + 1), rows) for size in sizes])


def counts_of(names: Sequence[str], sizes: Sequence[int], codes: np.ndarray, outcomes: dict[str, np.ndarray]) -> Counts:
    """Count rows of codes into cells by plain loops over them."""
    cells, where = np.unique(codes, axis=0, return_inverse=True)
    k, m = len(cells), len(outcomes)
    weight, centre = np.zeros(k), np.array([y.mean() for y in outcomes.values()])
    sums, products = np.zeros((k, m)), np.zeros((k, m, m))
    values = np.column_stack([y - c for y, c in zip(outcomes.values(), centre, strict=True)]) if m else None
    for i, cell in enumerate(where.reshape(-1)):
        weight[cell] += 1
        if values is not None:
            sums[cell] += values[i]
            products[cell] += np.outer(values[i], values[i])
    levels = tuple(tuple(map(str, range(size))) for size in sizes)
    return Counts(
        variables=tuple(names),
        levels=levels,
        codes=cells,
        weight=weight,
        squared=weight.copy(),
        outcomes=tuple(outcomes),
        centre=centre,
        sums=sums,
        squared_sums=sums.copy(),
        squared_products=products,
        n=float(len(codes)),
        dropped=0,
        weighting="rows",
    )


def identified_formulas(rng: np.random.Generator, nodes: int) -> Iterator[Any]:
    """Yield the formulas of one random question, if it is identified: P(y | do(x), w), at levels, and its means."""
    graph = random_graph(rng, nodes, arrows=0.45, two_headed=0.2)
    order = list(rng.permutation(graph.nodes))
    x, y, w = order[:1], order[1:2], order[2 : 2 + int(rng.integers(0, 2))]
    found = identify(graph, x, y, given=w)
    if not isinstance(found, Identified):
        return
    yield found.formula
    yield found.formula.xreplace({Value(x[0]): Level("0"), Value(y[0]): Level("1")})
    mean = expectation(found.formula, y[0])
    if mean is not None:
        yield mean
        one, nil = (mean.xreplace({Value(x[0]): Level(text)}) for text in "10")
        yield Add(one, Mul(Integer(-1), nil, evaluate=False), evaluate=False)
        yield Mul(one, Pow(nil, Integer(-1), evaluate=False), evaluate=False)


def random_formula(rng: np.random.Generator, names: Sequence[str], depth: int = 3) -> Any:
    """Return sums, products, differences and ratios at random: what no identification would write, but a query may."""

    def events(most: int) -> list[Event]:
        chosen = rng.permutation(names)[: rng.integers(0, most + 1)]
        made = [Value(n, int(rng.integers(0, 2))) if rng.random() < 0.85 else Level("0") for n in chosen]
        return [Event(str(n), v) for n, v in zip(chosen, made, strict=True)]

    kind = rng.choice(["P", "P", "E", "*", "*", "+", "/", "sum", "sum"]) if depth else rng.choice(["P", "P", "E"])
    if kind == "P":
        drawn = events(3) or [Event(names[0])]
        cut = int(rng.integers(1, len(drawn) + 1))
        return P(drawn[:cut], drawn[cut:])
    if kind == "E":
        return E(names[0], events(2))
    parts = [random_formula(rng, names, depth - 1) for _ in range(2)]
    if kind == "*":
        return Mul(*parts, evaluate=False)
    if kind == "+":
        return Add(parts[0], Mul(Integer(int(rng.choice([-2, -1, 1, 3]))), parts[1], evaluate=False), evaluate=False)
    if kind == "/":
        return Mul(parts[0], Pow(parts[1], Integer(int(rng.choice([-1, -1, 2]))), evaluate=False), evaluate=False)
    body = Mul(*parts, evaluate=False) if rng.random() < 0.8 else parts[0]
    free = sorted((v for v in body.free_symbols if isinstance(v, Value)), key=str)
    return Marginal(body, *(v for v in free if rng.random() < 0.6))


def held(node: Any, values: Collection[Value]) -> Any:
    """Hold free values at the level 0. Unlike sympy's own replacement it cancels nothing: P/P stays what it is."""
    if isinstance(node, P | E):
        groups = [
            [Event(e.variable, Level("0")) if e.value in values else e for e in group]
            for group in (node.events if isinstance(node, P) else (), node.given)
        ]
        return P(*groups) if isinstance(node, P) else E(node.variable, groups[1])
    if isinstance(node, Marginal):
        return Marginal(held(node.body, [v for v in values if v not in node.bound]), *node.bound)
    return node.func(*(held(a, values) for a in node.args), evaluate=False) if node.args else node
