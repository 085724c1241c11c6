"""From a causal query to a formula: the strategies, simplest first, each with its proof.

Two are carried out so far: a treatment that can't reach the outcome changes nothing, and adjustment. Where neither
applies the answer is *undecided*, not no: the general algorithm may still find a formula.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from causalgraph.criteria.adjustment import check_adjustment, minimal_adjustment_sets
from causalgraph.criteria.separation import disjoint, separation, words
from causalgraph.errors import ModelError
from causalgraph.formula.nodes import E, Event, Marginal, P, Value, replace_inside
from causalgraph.graphs.kinds import require_unselected
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.relations import ancestors, descendants
from causalgraph.graphs.surgery import do
from causalgraph.identify.proof import AdjustmentPremise, Proof, SeparationPremise, Step

if TYPE_CHECKING:
    from sympy import Expr

__all__ = ["STRATEGIES", "Derivation", "Question", "derive", "expectation", "question"]

# Sets to look through for the smallest; the first ones found are the smallest in most graphs.
LOOKED_AT = 100


@dataclass(frozen=True)
class Question:
    """``P(y | do(x), w)`` over a graph: three disjoint sets of observed nodes, each in natural order."""

    graph: MixedGraph
    x: tuple[str, ...]
    y: tuple[str, ...]
    w: tuple[str, ...] = ()

    @property
    def goal(self) -> P:
        """The question as a formula."""
        return P(self.y, self.w, self.x)


@dataclass(frozen=True)
class Derivation:
    """A formula with its proof; `covariates` are what it averages over."""

    strategy: str
    formula: Expr
    proof: Proof
    covariates: tuple[str, ...] = ()


def question(graph: MixedGraph, x: Iterable[str], y: Iterable[str], given: Iterable[str] = ()) -> Question:
    """Check the sets of a causal query.

    Raises:
        ModelError: X or Y is empty or two sets overlap (E212), a name is unknown (E201), a variable is latent (E203),
            nodes are selected or the kind isn't supported (E108).
    """
    require_unselected(graph, "identification")
    sets = [graph.require(s) for s in (x, y, given)]
    disjoint(graph, *sets)
    hidden = graph.sorted(frozenset().union(*sets) & graph.latent)
    if hidden:
        raise ModelError.because("E203", f"{words(hidden)} is latent: no data can speak of it")
    return Question(graph, *(graph.sorted(s) for s in sets))


def no_effect(asked: Question) -> Derivation | None:
    """Derive P(y | w): X doesn't reach Y, so do-calculus' rule 3 takes the intervention away.

    Source: J. Pearl, Causality (2009), theorem 3.4.1.
    """
    x, y, w = asked.x, asked.y, asked.w
    # Rule 3 cuts the arrows into those of X that aren't ancestors of W where X is already set.
    cut = asked.graph.sorted(frozenset(x) - ancestors(asked.graph, w)) if w else x
    if not separation(do(asked.graph, cut), x, y, given=w).separated:
        return None
    premise = SeparationPremise(x, y, w, cut_into=cut)
    step = Step("rule 3", x, asked.goal, P(y, w), (premise,))
    return Derivation("no effect", step.after, Proof(asked.goal, (step,)))


def adjustment(asked: Question) -> Derivation | None:
    """Derive the adjustment formula, Σ_z P(y | x, z, w) P(z | w), for the smallest valid set.

    With conditions W, Z and W together must be a valid set that holds no descendant of X, since P(z | do(x), w) must
    be P(z | w).

    Source: J. Pearl, Causality (2009), theorem 3.3.2; I. Shpitser, T. VanderWeele, J. Robins (UAI 2010), theorem 3.
    """
    graph, x, y, w = asked.graph, asked.x, asked.y, asked.w
    below = descendants(graph, x)
    if below & frozenset(w):
        return None
    found: list[tuple[str, ...]] = []
    for number, candidate in enumerate(minimal_adjustment_sets(graph, x, y, required=w)):
        if number == LOOKED_AT:
            break
        if not w or not candidate & below:
            found.append(graph.sorted(candidate - frozenset(w)))
    if not found:
        return None
    z = min(found, key=lambda s: (len(s), s))
    # Without descendants of X every valid set satisfies the back-door criterion, so conditions always take that way.
    plain = bool(w) or check_adjustment(graph, x, y, z).backdoor
    return by_backdoor(asked, z) if plain else by_criterion(asked, z)


def by_backdoor(asked: Question, z: tuple[str, ...]) -> Derivation:
    """Derive by do-calculus: Z and W hold no descendant of X and close every path that enters X by an arrow."""
    x, y, w = asked.x, asked.y, asked.w
    zw = asked.graph.sorted((*z, *w))
    see = SeparationPremise(x, y, zw, cut_out_of=x)
    if not z:
        step = Step("rule 2", x, asked.goal, P(y, (*x, *w)), (see,))
        return Derivation("backdoor", step.after, Proof(asked.goal, (step,)))
    split = P(y, zw, x) * P(z, w, x)
    bound = tuple(Value(n) for n in z)
    steps = (
        Step("total probability", z, asked.goal, Marginal(split, *bound)),
        Step("rule 2", x, P(y, zw, x), P(y, (*x, *zw)), (see,)),
        Step("rule 3", x, P(z, w, x), P(z, w), (SeparationPremise(x, z, w, cut_into=x),)),
    )
    proof = Proof(asked.goal, steps)
    return Derivation("backdoor", proof.conclusion, proof, z)


def by_criterion(asked: Question, z: tuple[str, ...]) -> Derivation:
    """Derive by the complete adjustment criterion, for a set that the plain back-door criterion doesn't cover."""
    x, y = asked.x, asked.y
    formula = Marginal(P(y, (*x, *z)) * P(z), *(Value(n) for n in z))
    step = Step("adjustment", z, asked.goal, formula, (AdjustmentPremise(x, y, z),))
    return Derivation("adjustment", formula, Proof(asked.goal, (step,)), z)


# The strategies in the order in which they are tried.
STRATEGIES: tuple[Callable[[Question], Derivation | None], ...] = (no_effect, adjustment)


def derive(asked: Question) -> Derivation | None:
    """Return the first strategy's derivation, or None where none applies."""
    return next((d for d in (strategy(asked) for strategy in STRATEGIES) if d), None)


def expectation(formula: Expr, outcome: str) -> Expr | None:
    """Turn a formula for P(y | …) into one for E(Y | …), where y stands in one factor alone.

    >>> from causalgraph.formula.printing import text
    >>> formula = Marginal(P(["Y"], ["X", "Z"]) * P(["Z"]), Value("Z"))
    >>> text(expectation(formula, "Y"))
    'Σ_z E(Y | X, Z=z) P(Z=z)'
    """
    value = Value(outcome)
    holding = [p for p in formula.atoms(P) if value in p.free_symbols]
    if len(holding) != 1 or holding[0].events != (Event(outcome),):
        return None
    return replace_inside(formula, holding[0], E(outcome, holding[0].given, holding[0].do))
