"""Ways from a causal query to a formula that a graph shows at a glance, each with its proof.

No effect, adjustment, the front door. What they can't do is left to the general algorithm (`identify.general`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from causalgraph.criteria.adjustment import check_adjustment, minimal_adjustment_sets
from causalgraph.criteria.frontdoor import minimal_frontdoor_sets
from causalgraph.criteria.separation import disjoint, separation, words
from causalgraph.errors import ModelError
from causalgraph.formula.nodes import E, Event, Marginal, P, Value, replace_inside
from causalgraph.formula.rewriting import parts, product
from causalgraph.graphs.kinds import DIRECTED, doubts, require_kind
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.possible import possible_descendants, selective
from causalgraph.graphs.relations import ancestors
from causalgraph.graphs.surgery import do
from causalgraph.identify.proof import AdjustmentPremise, DescentPremise, Proof, SeparationPremise, Step

if TYPE_CHECKING:
    from sympy import Expr

__all__ = [
    "Derivation",
    "Question",
    "adjustment",
    "by_backdoor",
    "by_criterion",
    "expectation",
    "frontdoor",
    "no_effect",
    "question",
]

# Sets to look through for the smallest; the first ones found are the smallest in most graphs.
LOOKED_AT = 100


@dataclass(frozen=True)
class Question:
    """``P(y | do(x), w)`` over a graph: three disjoint sets of observed nodes, each in natural order.

    With selected nodes, the formula speaks of the selected population, of which the data are.
    """

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
    """A formula with its proof; `covariates` are what it averages over.

    `free` are variables that the formula holds at a value though the question doesn't: any value gives the same number.
    """

    strategy: str
    formula: Expr
    proof: Proof
    covariates: tuple[str, ...] = ()
    free: tuple[str, ...] = ()


def question(graph: MixedGraph, x: Iterable[str], y: Iterable[str], given: Iterable[str] = ()) -> Question:
    """Check the sets of a causal query; a pag whose marks contradict one another is left to the verdict.

    Raises:
        ModelError: X or Y is empty or two sets overlap (E212), a name is unknown (E201), a variable is latent (E203),
            or the graph breaks the claim of its kind (E102, E103).
    """
    if not doubts(graph):
        require_kind(graph, "identification")
    sets = [graph.require(s) for s in (x, y, given)]
    disjoint(graph, *sets)
    hidden = graph.sorted(frozenset().union(*sets) & graph.latent)
    if hidden:
        raise ModelError.because("E203", f"{words(hidden)} is latent: no data can speak of it")
    chosen = graph.sorted(frozenset().union(*sets) & graph.selected)
    if chosen:
        raise ModelError.because("E203", f"{words(chosen)} is selected: in the data it is the same for everyone")
    return Question(graph, *(graph.sorted(s) for s in sets))


def no_effect(asked: Question) -> Derivation | None:
    """Derive P(y | w): X doesn't reach Y, so do-calculus' rule 3 takes the intervention away.

    In a class of graphs no possibly causal path may lead from X to Y, so that the rule applies in each of them.

    Source: J. Pearl, Causality (2009), theorem 3.4.1.
    """
    x, y, w = asked.x, asked.y, asked.w
    graph = asked.graph
    if graph.selected or selective(graph) is not None:
        return None
    if graph.kind not in DIRECTED:
        if w or possible_descendants(graph, x) & frozenset(y):
            return None
        step = Step("no causal path", x, asked.goal, P(y), (DescentPremise(x, y),))
        return Derivation("no effect", step.after, Proof(asked.goal, (step,)))
    # Rule 3 cuts the arrows into those of X that aren't ancestors of W where X is already set.
    cut = graph.sorted(frozenset(x) - ancestors(graph, w)) if w else x
    if not separation(do(graph, cut), x, y, given=w).separated:
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
    by_rules = graph.kind in DIRECTED and not graph.selected
    if w and not by_rules:
        return None
    below = possible_descendants(graph, x)
    if below & frozenset(w):
        return None
    candidates = islice(_adjustment_sets(asked), LOOKED_AT)
    found = [graph.sorted(c - frozenset(w)) for c in candidates if not w or not c & below]
    if not found:
        return None
    z = min(found, key=lambda s: (len(s), s))
    # Without descendants of X every valid set satisfies the back-door criterion, so conditions always take that way.
    plain = by_rules and (bool(w) or check_adjustment(graph, x, y, z).backdoor)
    return by_backdoor(asked, z) if plain else by_criterion(asked, z)


def _adjustment_sets(asked: Question) -> Iterator[frozenset[str]]:
    """Yield minimal adjustment sets, where adjustment is defined."""
    try:
        yield from minimal_adjustment_sets(asked.graph, asked.x, asked.y, required=asked.w)
    except ModelError as error:
        # Adjustment isn't defined where the graph itself tells of selection.
        if error.diagnostics[0].code != "E108":
            raise


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
    formula = Marginal(P(y, (*x, *z)) * P(z), *(Value(n) for n in z)) if z else P(y, x)
    step = Step("adjustment", z, asked.goal, formula, (AdjustmentPremise(x, y, z),))
    return Derivation("adjustment", formula, Proof(asked.goal, (step,)), z)


def frontdoor(asked: Question) -> Derivation | None:
    """Derive the front-door formula, Σ_z P(z | x) Σ_x' P(y | x', z) P(x'), for a smallest front-door set.

    Source: J. Pearl, Causality (2009), theorem 3.3.4, and section 3.4.3 for the derivation by do-calculus.
    """
    graph, x, y = asked.graph, asked.x, asked.y
    if asked.w or graph.kind not in DIRECTED or graph.selected:
        return None
    found = [graph.sorted(s) for s in islice(minimal_frontdoor_sets(graph, x, y), LOOKED_AT)]
    z = min((s for s in found if s), key=lambda s: (len(s), s), default=None)
    return None if z is None else by_frontdoor(asked, z)


def by_frontdoor(asked: Question, z: tuple[str, ...]) -> Derivation:
    """Derive by do-calculus: Z cuts every causal path, nothing confounds X and Z, X closes what confounds Z and Y."""
    x, y = asked.x, asked.y
    bound = tuple(Value(n) for n in z)
    # The treatment's value under the inner sum is another than the one it is set to.
    other = tuple(Event(n, Value(n, 1)) for n in x)
    inner = P(y, other, z) * P(other, (), z)
    steps = (
        Step("total probability", z, asked.goal, Marginal(P(y, z, x) * P(z, (), x), *bound)),
        Step("rule 2", x, P(z, (), x), P(z, x), (SeparationPremise(x, z, cut_out_of=x),)),
        Step("rule 2", z, P(y, z, x), P(y, (), (*x, *z)), (SeparationPremise(z, y, x, cut_into=x, cut_out_of=z),)),
        Step(
            "rule 3",
            x,
            P(y, (), (*x, *z)),
            P(y, (), z),
            (SeparationPremise(x, y, z, cut_into=asked.graph.sorted((*x, *z))),),
        ),
        Step("total probability", x, P(y, (), z), Marginal(inner, *(e.value for e in other))),
        Step("rule 2", z, P(y, other, z), P(y, (*other, *z)), (SeparationPremise(z, y, x, cut_out_of=z),)),
        Step("rule 3", z, P(other, (), z), P(other), (SeparationPremise(z, x, cut_into=z),)),
    )
    proof = Proof(asked.goal, steps)
    return Derivation("frontdoor", proof.conclusion, proof, z)


def expectation(formula: Expr, outcome: str) -> Expr | None:
    """Turn a formula for P(y | …) into one for E(Y | …), where y stands in one factor alone, above the line.

    Where that factor is P(a, y | c), it is E(Y | a, c) P(a | c).

    >>> from causalgraph.formula.printing import text
    >>> formula = Marginal(P(["Y"], ["X", "Z"]) * P(["Z"]), Value("Z"))
    >>> text(expectation(formula, "Y"))
    'Σ_z E(Y | X, Z=z) P(Z=z)'
    """
    value = Value(outcome)
    holding = [p for p in formula.atoms(P) if value in p.free_symbols]
    if len(holding) != 1 or Event(outcome) not in holding[0].events or not _stands_once_above(formula, holding[0]):
        return None
    (term,) = holding
    if value in {e.value for e in (*term.given, *term.do)}:
        return None
    others = tuple(e for e in term.events if e != Event(outcome))
    mean = E(outcome, (*others, *term.given), term.do)
    return replace_inside(formula, term, product([mean, P(others, term.given, term.do)]) if others else mean)


def _stands_once_above(formula: Expr, term: P) -> bool:
    """Does a term stand in one place of a formula, as a factor above the line?"""
    if isinstance(formula, Marginal):
        return _stands_once_above(formula.body, term)
    above, below = parts(formula)
    if any(f.has(term) for f in below):
        return False
    holding = [f for f in above if f.has(term)]
    return len(holding) == 1 and (holding[0] == term or (holding != [formula] and _stands_once_above(holding[0], term)))
