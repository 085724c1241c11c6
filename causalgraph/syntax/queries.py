"""The questions that can be asked, as frozen dataclasses.

A query parses to one of these, `causalgraph.ask` dispatches on its type. Every variable that a query mentions is a
`Term`, which knows its place in the text, so that whoever finds that the name is unknown can point at it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Literal

from causalgraph.errors import Span

__all__ = [
    "AdjustmentSets",
    "Adjusts",
    "Arithmetic",
    "Constant",
    "Controls",
    "Counterfactual",
    "Districts",
    "Effect",
    "Equivalent",
    "Expectation",
    "FrontdoorSets",
    "Identify",
    "Implications",
    "Independent",
    "Instruments",
    "Intervene",
    "Members",
    "Paths",
    "Potential",
    "Probability",
    "Project",
    "Query",
    "Relatives",
    "Represent",
    "Term",
    "Tetrads",
    "Triples",
    "Verify",
    "across_worlds",
    "terms",
]

# Effects of one event on another in the same unit: was it necessary, would it have been sufficient?
NECESSITY = frozenset({"pn", "ps", "pns"})


@dataclass(frozen=True)
class Term:
    """A variable, with the level it is held at where one is written (``Banner=1``)."""

    variable: str
    value: str | None = None
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Potential(Term):
    """``Y[X=0]``: what a variable would be in a world where others are set.

    A term of the `world` has a value, or is itself a potential outcome: ``M[X=0]`` in ``Y[X=1, M[X=0]]``.
    """

    world: tuple[Term, ...] = ()


@dataclass(frozen=True)
class Identify:
    """``identify(do(X), Y | Z)``, by the strategy that is named or the first that applies."""

    treatments: tuple[Term, ...]
    outcomes: tuple[Term, ...]
    given: tuple[Term, ...] = ()
    strategy: str | None = None
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Verify:
    """``verify(identify(do(X), Y))``."""

    claim: Identify
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Probability:
    """``P(Y | do(X), Z)``; `do` may be empty."""

    outcomes: tuple[Term, ...]
    do: tuple[Term, ...] = ()
    given: tuple[Term, ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Expectation:
    """``E(Y | do(X), Z)``; `do` may be empty."""

    outcome: Term
    do: tuple[Term, ...] = ()
    given: tuple[Term, ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Counterfactual:
    """``P(Y[X=0]=0 | X=1, Y=1)`` and ``E(Y[X=1] - Y[X=0] | X=1)``: across worlds.

    `coefficients` are those of the targets in an expectation, as they are written.
    """

    quantity: Literal["E", "P"]
    targets: tuple[Term, ...]
    given: tuple[Term, ...] = ()
    coefficients: tuple[float, ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Effect:
    """``ate(X, Y)`` and its kin; `measure` is the verb.

    `given` are the conditions of ``cate(X, Y | W)``, `held` the further variables that ``cde(X, Y, M=m)`` sets.
    """

    measure: str
    treatment: Term
    outcome: Term
    given: tuple[Term, ...] = ()
    held: tuple[Term, ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Independent:
    """``independent(X, Y | Z)``."""

    left: tuple[Term, ...]
    right: tuple[Term, ...]
    given: tuple[Term, ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Paths:
    """``paths(X, Y | Z)``."""

    left: tuple[Term, ...]
    right: tuple[Term, ...]
    given: tuple[Term, ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Triples:
    """``triples()``."""

    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Relatives:
    """``ancestors(X)``, ``descendants(X)``, ``blanket(X)``; `relation` is the verb."""

    relation: str
    of: tuple[Term, ...]
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Districts:
    """``districts()``."""

    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class AdjustmentSets:
    """``adjustment_sets(X, Y, effect=total, required={A}, forbidden={B})``."""

    treatments: tuple[Term, ...]
    outcomes: tuple[Term, ...]
    effect: str = "total"
    required: tuple[Term, ...] = ()
    forbidden: tuple[Term, ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Adjusts:
    """``adjusts(X, Y | Z)``."""

    treatments: tuple[Term, ...]
    outcomes: tuple[Term, ...]
    given: tuple[Term, ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Intervene:
    """``do(X)``: the graph after surgery."""

    treatments: tuple[Term, ...]
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Project:
    """``project()``: the latent projection."""

    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class FrontdoorSets:
    """``frontdoor_sets(X, Y, required={A}, forbidden={B})``."""

    treatments: tuple[Term, ...]
    outcomes: tuple[Term, ...]
    required: tuple[Term, ...] = ()
    forbidden: tuple[Term, ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Instruments:
    """``instruments(X, Y)``."""

    treatment: Term
    outcome: Term
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Controls:
    """``controls(X, Y)``: what adjusting for each other variable does."""

    treatments: tuple[Term, ...]
    outcomes: tuple[Term, ...]
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Implications:
    """``implications(basis=missing_edge)``."""

    basis: str = "missing_edge"
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Tetrads:
    """``tetrads()``."""

    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Represent:
    """``cpdag()``, ``mpdag()``, ``mag()``, ``pag()``; `form` is the verb."""

    form: str
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Members:
    """``members()``: the graphs of the class."""

    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Equivalent:
    """``equivalent("other.dag")``; `path` is relative to the model's file."""

    path: str
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Constant:
    """A number in arithmetic over causal quantities, kept as written."""

    digits: str
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Arithmetic:
    """``left operator right`` with ``+ - * /``."""

    operator: str
    left: Query
    right: Query
    span: Span | None = field(default=None, compare=False, repr=False)


Query = (
    Identify
    | Verify
    | Probability
    | Expectation
    | Counterfactual
    | Effect
    | Independent
    | Paths
    | Triples
    | Relatives
    | Districts
    | AdjustmentSets
    | Adjusts
    | Intervene
    | Project
    | FrontdoorSets
    | Instruments
    | Controls
    | Implications
    | Tetrads
    | Represent
    | Members
    | Equivalent
    | Constant
    | Arithmetic
)


def terms(query: Query) -> Iterator[Term]:
    """Yield every variable that a query mentions, in the order of its fields.

    >>> [t.variable for t in terms(Independent((Term("A"),), (Term("B"),), (Term("C"),)))]
    ['A', 'B', 'C']
    """
    if isinstance(query, Arithmetic):
        yield from terms(query.left)
        yield from terms(query.right)
        return
    if isinstance(query, Verify):
        yield from terms(query.claim)
        return
    for item in fields(query):
        value = getattr(query, item.name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Term):
                yield from _with_worlds(part)


def across_worlds(query: Query) -> Iterator[Counterfactual | Effect]:
    """Yield the parts of a question that no experiment answers: they speak of one unit in two worlds.

    >>> [part.measure for part in across_worlds(Effect("pn", Term("X"), Term("Y")))]
    ['pn']
    """
    if isinstance(query, Arithmetic):
        yield from across_worlds(query.left)
        yield from across_worlds(query.right)
    elif isinstance(query, Counterfactual) or (isinstance(query, Effect) and query.measure in NECESSITY):
        yield query


def _with_worlds(term: Term) -> Iterator[Term]:
    """Yield a term, and those of its world."""
    yield term
    if isinstance(term, Potential):
        for inner in term.world:
            yield from _with_worlds(inner)
