"""The syntax tree: what a text says, before it is asked what that means.

Every node is a frozen dataclass that knows its `span`; spans don't count when nodes are compared, so that a text and
its formatted form parse to equal trees.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from causalgraph.errors import Span

if TYPE_CHECKING:
    from causalgraph.syntax.equations import Design, Equation

__all__ = [
    "Assign",
    "Attribute",
    "Binary",
    "Branch",
    "Call",
    "DataStatement",
    "Declaration",
    "Document",
    "EdgeStatement",
    "Expect",
    "Expr",
    "Header",
    "Include",
    "Interval",
    "KindSpec",
    "Known",
    "Name",
    "Named",
    "Negate",
    "NoneLiteral",
    "Number",
    "Option",
    "Parameter",
    "QueryStatement",
    "SetLiteral",
    "Statement",
    "Subscript",
    "Text",
    "Tier",
]


def _span() -> Span | None:
    return field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Name:
    """A name, backticks removed, in Unicode normal form C."""

    text: str
    span: Span | None = _span()


# Expressions: what stands in queries, after `==`, and in equations.


@dataclass(frozen=True)
class Number:
    """A number, kept as it was written (`digits`), since `expect` compares to the digits written."""

    digits: str
    span: Span | None = _span()

    @property
    def value(self) -> float:
        """The number's value."""
        return float(self.digits)


@dataclass(frozen=True)
class Text:
    """A quoted string: in a query a level, never a name."""

    text: str
    span: Span | None = _span()


@dataclass(frozen=True)
class NoneLiteral:
    """The word ``none``: no set exists."""

    span: Span | None = _span()


@dataclass(frozen=True)
class SetLiteral:
    """``{A, B}``, ``{}`` or a family ``{{A}, {}}``."""

    items: tuple[Expr, ...]
    span: Span | None = _span()


@dataclass(frozen=True)
class Assign:
    """``X = 1`` in an argument list, or ``Y[X=0] = 1``."""

    name: Name | Subscript
    value: Expr
    span: Span | None = _span()


@dataclass(frozen=True)
class Subscript:
    """A counterfactual: ``Y[X=0]``, ``Y[X=1, M[X=0]]``."""

    name: Name
    items: tuple[Expr, ...]
    span: Span | None = _span()


@dataclass(frozen=True)
class Call:
    """``verb(arguments | given)``; `given` is None where no bar stands."""

    verb: Name
    arguments: tuple[Expr, ...]
    given: tuple[Expr, ...] | None = None
    span: Span | None = _span()


@dataclass(frozen=True)
class Negate:
    """``-a``."""

    operand: Expr
    span: Span | None = _span()


@dataclass(frozen=True)
class Binary:
    """``a + b``, and the same with ``-``, ``*``, ``/``; in an equation also with ``**`` and the comparisons."""

    operator: str
    left: Expr
    right: Expr
    span: Span | None = _span()


@dataclass(frozen=True)
class Interval:
    """``[low, high]``, after ``in``."""

    low: Expr
    high: Expr
    span: Span | None = _span()


@dataclass(frozen=True)
class Parameter:
    """``?slope``, in an equation alone: a number that the data are to tell; one that stands twice is one parameter."""

    text: str
    span: Span | None = _span()


@dataclass(frozen=True)
class Branch:
    """``yes = 0.9`` in ``case(Z, yes = 0.9, no = 0.2)`` and in ``Categorical(low = 0.2, high = 0.8)``."""

    level: str
    value: Expr
    span: Span | None = _span()


Expr = (
    Name
    | Number
    | Text
    | NoneLiteral
    | SetLiteral
    | Assign
    | Subscript
    | Call
    | Negate
    | Binary
    | Interval
    | Parameter
    | Branch
)

# Statements.


@dataclass(frozen=True)
class Header:
    """``dag "title"``: the kind of graph claimed, and a title."""

    kind: str
    title: str | None = None
    span: Span | None = _span()


@dataclass(frozen=True)
class Attribute:
    """``label="..."``, or a flag such as ``latent`` (whose value is None)."""

    key: str
    value: str | float | None = None
    span: Span | None = _span()


@dataclass(frozen=True)
class KindSpec:
    """A variable's kind: ``binary``, ``count``, ``continuous``, ``categorical`` or ``ordinal`` with their levels."""

    name: Literal["binary", "count", "continuous", "categorical", "ordinal"]
    levels: tuple[str, ...] = ()
    span: Span | None = _span()


@dataclass(frozen=True)
class Declaration:
    """``Name : kind [attributes]``; kind or attributes may be missing."""

    name: Name
    kind: KindSpec | None = None
    attributes: tuple[Attribute, ...] = ()
    span: Span | None = _span()


@dataclass(frozen=True)
class EdgeStatement:
    """``A, B -> C <-> D [attributes]``: `sides` are joined by `marks` (one fewer), each side a fan of names."""

    sides: tuple[tuple[Name, ...], ...]
    marks: tuple[str, ...]
    attributes: tuple[Attribute, ...] = ()
    span: Span | None = _span()


@dataclass(frozen=True)
class Option:
    """``key = "value"`` in a `data` statement's braces: a rename, or ``weight`` or ``na``.

    `bare` holds where the value was written without quotes (``weight = count``).
    """

    name: Name
    value: str
    bare: bool = False
    span: Span | None = _span()


@dataclass(frozen=True)
class DataStatement:
    """``data "path" { options }``."""

    path: str
    options: tuple[Option, ...] = ()
    span: Span | None = _span()
    path_span: Span | None = _span()


@dataclass(frozen=True)
class Include:
    """``include "base.dag"``: the graph of another file, its path relative to the file that includes it."""

    path: str
    span: Span | None = _span()


@dataclass(frozen=True)
class Tier:
    """``tier 1: A, B``: nothing that stands in a tier causes what stands in one with a smaller number."""

    number: int
    names: tuple[Name, ...]
    span: Span | None = _span()


@dataclass(frozen=True)
class Known:
    """``forbid A -> B, C`` or ``require A -> B``: `word` says which; sides and marks as in an `EdgeStatement`."""

    word: str
    sides: tuple[tuple[Name, ...], ...]
    marks: tuple[str, ...]
    span: Span | None = _span()


@dataclass(frozen=True)
class QueryStatement:
    """A query that stands alone."""

    query: Expr
    span: Span | None = _span()


@dataclass(frozen=True)
class Named:
    """``name = query``."""

    name: Name
    query: Expr
    span: Span | None = _span()


@dataclass(frozen=True)
class Expect:
    """``expect query == value``, or ``expect not query`` / ``expect query`` with no operator."""

    query: Expr
    operator: str | None = None
    value: Expr | None = None
    negated: bool = False
    span: Span | None = _span()


Statement: TypeAlias = (
    "Header | Declaration | EdgeStatement | Equation | DataStatement | Include | Tier | Known | Design | QueryStatement"
    " | Named | Expect"
)


@dataclass(frozen=True)
class Document:
    """A parsed file: its statements in order, without comments (the formatter keeps those by itself).

    `lost` are the places of statements that couldn't be understood; what they name may well be part of the model.
    """

    statements: tuple[Statement, ...]
    lost: tuple[Span, ...] = field(default=(), compare=False, repr=False)
