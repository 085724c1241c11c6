"""What coverage.py draws from: models with their exact effects, with covariates or with latent causes.

`Latent`: one table of coefficients serves both kinds. A node's score is the sum of its causes times their coefficients.
In a binary model every variable is 0 or 1 and the score, centred, is a logit; in a linear-Gaussian one a normal noise
of variance one is added to it. A two-headed edge of the graph is a latent cause of both ends: it is drawn and dropped.
`Strata`: covariates that are observed, and outcomes of several kinds.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["GRAPHS", "OUTCOMES", "STRENGTHS", "Graph", "Latent", "Strata", "World"]

OUTCOMES = {"binary": "binary", "three levels": "{0, 1, 2}", "continuous": "continuous"}

# How strongly a latent cause moves each of its ends: on the logit of a binary node, or in units of a normal noise.
STRENGTHS = {"binary": {"moderate": 1.0, "strong": 2.5}, "gaussian": {"moderate": 0.6, "strong": 1.5}}
# A coefficient of the table moves a logit by so much more than a mean.
LOGIT = 2.0


class World(Protocol):
    """A model to draw from."""

    @property
    def text(self) -> str:
        """The model in the language."""
        ...

    def draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw a data set of n rows."""
        ...

    def truth(self, query: str, failing: list[dict[str, Any]]) -> float:
        """Return the exact answer over the strata that an estimate speaks of."""
        ...


@dataclass(frozen=True)
class Graph:
    """A graph in the language, the coefficient of each arrow, and the effect asked for.

    Attributes:
        text: the arrows and two-headed edges.
        arrows: cause and effect -> coefficient, in a causal order of the effects.
        hidden: the pairs with a latent common cause.
        treatment: the treatment.
        outcome: the outcome.
    """

    text: str
    arrows: Mapping[tuple[str, str], float]
    hidden: tuple[tuple[str, str], ...]
    treatment: str
    outcome: str

    @property
    def nodes(self) -> tuple[str, ...]:
        """The observed nodes, causes first."""
        effects = dict.fromkeys(effect for _, effect in self.arrows)
        return (*dict.fromkeys(cause for cause, _ in self.arrows if cause not in effects), *effects)


GRAPHS = {
    "back door": Graph(
        "Z1, Z2 -> X, Y; X -> Y",
        {("Z1", "X"): 0.5, ("Z2", "X"): -0.4, ("Z1", "Y"): 0.6, ("Z2", "Y"): 0.5, ("X", "Y"): 0.5},
        (),
        "X",
        "Y",
    ),
    "front door": Graph("X -> M -> Y; X <-> Y", {("X", "M"): 0.8, ("M", "Y"): 0.7}, (("X", "Y"),), "X", "Y"),
    "napkin": Graph(
        "W -> Z -> X -> Y; W <-> X; W <-> Y",
        {("W", "Z"): 0.6, ("Z", "X"): 0.9, ("X", "Y"): 0.6},
        (("W", "X"), ("W", "Y")),
        "X",
        "Y",
    ),
    # Σ_b P(D | A, B=b, C) P(B=b | A) doesn't depend on A. Source: T. Verma, J. Pearl, UAI (1990) 220-227.
    "Verma": Graph(
        "A -> B -> C -> D; A <-> C; B <-> D",
        {("A", "B"): 0.8, ("B", "C"): 0.7, ("C", "D"): 0.8},
        (("A", "C"), ("B", "D")),
        "A",
        "D",
    ),
}


@dataclass(frozen=True)
class Latent:
    """A model over a graph: ``kind`` is ``binary`` or ``gaussian``, ``strength`` how strong its latent causes are."""

    graph: Graph
    kind: str
    strength: str

    @property
    def text(self) -> str:
        """The model in the language."""
        word = "binary" if self.kind == "binary" else "continuous"
        return f"{'; '.join(f'{n} : {word}' for n in self.graph.nodes)}; {self.graph.text}"

    def _causes(self, node: str) -> list[tuple[Any, float]]:
        """Return the causes of a node, latent ones by their pair, with their coefficients."""
        scale = LOGIT if self.kind == "binary" else 1.0
        seen = [(c, scale * b) for (c, e), b in self.graph.arrows.items() if e == node]
        return [*seen, *((pair, STRENGTHS[self.kind][self.strength]) for pair in self.graph.hidden if node in pair)]

    def _chance(self, node: str, values: Mapping[Any, Any]) -> NDArray[np.float64]:
        """Return P(node = 1) given its causes."""
        logit = sum(b * (np.asarray(values[c]) - 0.5) for c, b in self._causes(node))
        return np.asarray(1 / (1 + np.exp(-logit)))

    def truth(self, query: str, failing: list[dict[str, Any]]) -> float:
        """Return the exact answer to a query, an ``ate`` or a probability under do(1)."""
        if failing:
            raise ValueError("an answer by such a formula speaks of everyone")
        return self.mean(1) - (self.mean(0) if query.startswith("ate") else 0.0)

    def draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw n rows of what is observed."""
        binary = self.kind == "binary"
        values: dict[Any, Any] = {
            pair: rng.integers(0, 2, n) if binary else rng.normal(size=n) for pair in self.graph.hidden
        }
        for node in self.graph.nodes:
            if binary:
                values[node] = (rng.random(n) < self._chance(node, values)).astype(int)
            else:
                values[node] = rng.normal(size=n) + sum(b * values[c] for c, b in self._causes(node))
        return pd.DataFrame({node: values[node] for node in self.graph.nodes})

    def mean(self, treatment: int) -> float:
        """Return the exact E(outcome | do(treatment)): all values enumerated, or path by path."""
        if self.kind == "gaussian":
            return treatment * self._paths(self.graph.treatment)
        total = 0.0
        keys = (*self.graph.hidden, *self.graph.nodes)
        for row in itertools.product((0, 1), repeat=len(keys)):
            values = dict(zip(keys, row, strict=True))
            if values[self.graph.treatment] != treatment or not values[self.graph.outcome]:
                continue
            chance = 0.5 ** len(self.graph.hidden)
            for node in (n for n in self.graph.nodes if n != self.graph.treatment):
                one = float(self._chance(node, values))
                chance *= one if values[node] else 1 - one
            total += chance
        return total

    def _paths(self, node: str) -> float:
        """Return the sum over the causal paths from a node to the outcome of the products of their coefficients."""
        if node == self.graph.outcome:
            return 1.0
        return sum(b * self._paths(e) for (c, e), b in self.graph.arrows.items() if c == node)


class Strata:
    """A random model over k binary covariates, a treatment and an outcome, with its exact means."""

    def __init__(self, k: int, outcome: str, seed: int) -> None:
        """Draw the model's parameters."""
        rng = np.random.default_rng(seed)
        self.outcome, self.names = outcome, [f"Z{i + 1}" for i in range(k)]
        self.strata = np.array(list(itertools.product((0, 1), repeat=k)))
        self.p = rng.dirichlet(np.full(len(self.strata), 8.0))
        self.treated = 0.3 + 0.4 * rng.random(len(self.strata))
        base = 0.15 + 0.4 * rng.random((len(self.strata), 1))
        self.mean = np.hstack([base, base + 0.1 + 0.2 * rng.random((len(self.strata), 1))])

    @property
    def text(self) -> str:
        """The model in the language."""
        declared = "; ".join(f"{z} : binary" for z in self.names)
        return f"{declared}; X : binary; Y : {OUTCOMES[self.outcome]}; {', '.join(self.names)} -> X, Y; X -> Y"

    def draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw a data set of n rows."""
        s = rng.choice(len(self.p), n, p=self.p)
        x = (rng.random(n) < self.treated[s]).astype(int)
        m = self.mean[s, x]
        if self.outcome == "binary":
            y: Any = (rng.random(n) < m).astype(int)
        elif self.outcome == "three levels":
            y = rng.binomial(2, m)
        else:
            y = 10 * m + rng.gamma(2.0, 1.0, n) - 2.0
        return pd.DataFrame(self.strata[s], columns=self.names).assign(X=x, Y=y)

    @property
    def scale(self) -> float:
        """What the outcome's mean is per unit of `mean`."""
        return {"binary": 1.0, "three levels": 2.0, "continuous": 10.0}[self.outcome]

    def truth(self, query: str, failing: list[dict[str, Any]]) -> float:
        """Return the exact answer over the strata that an estimate speaks of."""
        lost = {tuple(int(f["levels"][z]) for z in self.names) for f in failing}
        kept = np.array([tuple(map(int, s)) not in lost for s in self.strata])
        values = self.mean[:, 1] - self.mean[:, 0] if query.startswith("ate") else self.mean[:, 1] / self.scale
        return float(self.scale * (values[kept] @ self.p[kept]) / self.p[kept].sum())
