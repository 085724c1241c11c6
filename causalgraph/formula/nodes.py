"""The nodes of a formula: probabilities and expectations over *values* of variables.

A sum binds value symbols, never variables, and substitution under a sum renames what it binds first, so that nothing
is captured: substituting x' for x in Σ_x P(y | x, z) P(x) changes nothing, as that x is bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

from sympy import Expr, Symbol, Tuple
from sympy.core.basic import Basic
from sympy.core.expr import AtomicExpr
from sympy.core.symbol import Str

__all__ = ["E", "Event", "Level", "Marginal", "P", "Value", "equal", "events_of", "replace_inside", "values"]


class Value(Symbol):
    """A value of a variable: free, or bound by a `Marginal`; ``prime`` tells several values of one variable apart.

    >>> Value("Z") == Value("Z"), Value("Z") == Value("Z", 1)
    (True, False)
    """

    __slots__ = ("prime", "variable")
    variable: str
    prime: int

    def __new__(cls, variable: str, prime: int = 0) -> Self:
        """Make the value; equal arguments make equal values."""
        made: Self = Symbol.__xnew__(cls, variable + "'" * prime)
        made.variable = variable
        made.prime = prime
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str, int], dict[str, Any]]:
        """Pickle by what `__new__` takes."""
        return (self.variable, self.prime), {}

    def __getstate__(self) -> None:
        """Carry no further state: `__new__` sets all there is."""
        return

    def __setstate__(self, state: object) -> None:
        """Take no further state."""

    def _hashable_content(self) -> tuple[object, ...]:
        return (self.variable, self.prime)

    @property
    def fresh(self) -> Value:
        """The next value of the same variable."""
        return Value(self.variable, self.prime + 1)


class Level(AtomicExpr):
    """A level that a variable is held at, as it is written: ``1``, ``low``.

    It is no number: `Level("1")` names the level 1 of a variable, whatever arithmetic that variable allows.
    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        """Make the level."""
        made: Self = AtomicExpr.__new__(cls)
        made.text = text
        return made

    def __getnewargs__(self) -> tuple[str]:
        """Pickle by the text."""
        return (self.text,)

    def _hashable_content(self) -> tuple[str]:
        return (self.text,)

    def sort_key(self, order: object = None) -> tuple[object, ...]:
        """Sort by the text, whatever the order."""
        del order
        return self.class_key(), (1, (self.text,)), (), 1

    def _sympystr(self, _printer: object) -> str:
        return self.text


class Event(Basic):
    """A variable takes a value: ``Z=z``."""

    def __new__(cls, variable: str | Str, value: Value | Level | None = None) -> Self:
        """Make the event; without a value, the variable's own free one."""
        name = variable.name if isinstance(variable, Str) else variable
        made: Self = Basic.__new__(cls, Str(name), Value(name) if value is None else value)
        return made

    @property
    def variable(self) -> str:
        """The variable's name."""
        return str(self.args[0].name)

    @property
    def value(self) -> Value | Level:
        """The value it takes."""
        value: Value | Level = self.args[1]
        return value


Events = Iterable[Event | str]


def _events(events: Events) -> Tuple:
    """Sort events by variable, so that equal sets make equal nodes."""
    made = [Event(e) if isinstance(e, str) else e for e in events]
    names = [e.variable for e in made]
    if len(set(names)) < len(names):
        raise ValueError(f"a variable stands twice in {names}")
    return Tuple(*sorted(made, key=lambda e: e.variable))


class _Kernel(Expr):
    """What `P` and `E` share: a subject, conditions, interventions."""

    is_commutative = True

    @property
    def given(self) -> tuple[Event, ...]:
        """The conditions."""
        return tuple(self.args[1])

    @property
    def do(self) -> tuple[Event, ...]:
        """The interventions."""
        return tuple(self.args[2])


class P(_Kernel):
    """A conditional probability, ``P(events | do(do), given)``.

    >>> P(["Y"], ["X", "Z"]).free_symbols == {Value("X"), Value("Y"), Value("Z")}
    True
    """

    def __new__(cls, events: Events, given: Events = (), do: Events = ()) -> Self:
        """Make the node; a bare name stands for the variable's own free value."""
        made: Self = Expr.__new__(cls, _events(events), _events(given), _events(do))
        return made

    @property
    def events(self) -> tuple[Event, ...]:
        """What the probability is of."""
        return tuple(self.args[0])


class E(_Kernel):
    """A conditional expectation, ``E(variable | do(do), given)``."""

    def __new__(cls, variable: str | Str, given: Events = (), do: Events = ()) -> Self:
        """Make the node."""
        name = variable if isinstance(variable, Str) else Str(variable)
        made: Self = Expr.__new__(cls, name, _events(given), _events(do))
        return made

    @property
    def variable(self) -> str:
        """The variable that is averaged."""
        return str(self.args[0].name)


class Marginal(Expr):
    """A sum over the values that it binds: ``Σ_z body``.

    >>> x, z = Value("X"), Value("Z")
    >>> backdoor = Marginal(P(["Y"], ["X", "Z"]) * P(["Z"]), z)
    >>> backdoor.free_symbols == {x, Value("Y")}
    True
    >>> backdoor.subs(z, x) == backdoor
    True
    """

    is_commutative = True

    def __new__(cls, body: Expr, *bound: Value) -> Expr:
        """Make the sum; a sum over nothing is its body."""
        if not bound:
            return body
        return Expr.__new__(cls, body, *sorted(set(bound), key=lambda v: (v.variable, v.prime)))

    @property
    def body(self) -> Expr:
        """What is summed."""
        return self.args[0]

    @property
    def bound(self) -> tuple[Value, ...]:
        """The values that are summed over."""
        return self.args[1:]  # type: ignore[no-any-return]  # sympy carries no types

    @property
    def bound_symbols(self) -> list[Value]:
        """The same, under sympy's name for it."""
        return list(self.bound)

    @property
    def free_symbols(self) -> set[Symbol]:
        """The symbols of the body that aren't bound here."""
        return self.body.free_symbols - set(self.bound)  # type: ignore[no-any-return]  # sympy carries no types

    def _clear_of(self, symbols: Iterable[Symbol]) -> Marginal:
        """Rename what is bound so that it meets none of ``symbols``."""
        taken = set(symbols) | self.body.free_symbols
        renamed: dict[Value, Value] = {}
        for value in self.bound:
            if value in symbols:
                new = value.fresh
                while new in taken:
                    new = new.fresh
                taken.add(new)
                renamed[value] = new
        if not renamed:
            return self
        made: Marginal = Marginal(self.body.xreplace(renamed), *(renamed.get(v, v) for v in self.bound))
        return made

    def _eval_subs(self, old: Basic, new: Basic) -> Expr:
        if old in self.bound or not (old.free_symbols <= self.free_symbols):
            return self
        clear = self._clear_of(new.free_symbols)
        return Marginal(clear.body._subs(old, new), *clear.bound)

    def _xreplace(self, rule: Mapping[Basic, Basic]) -> tuple[Expr, bool]:
        if self in rule:
            return rule[self], True
        inner = {o: n for o, n in rule.items() if not (o.free_symbols & set(self.bound))}
        coming = set().union(*(n.free_symbols for n in inner.values())) if inner else set()
        clear = self._clear_of(coming)
        body, changed = clear.body._xreplace(inner)
        return (Marginal(body, *clear.bound), True) if changed else (self, False)


def values(names: Iterable[str]) -> tuple[Value, ...]:
    """Return the free value of each variable."""
    return tuple(Value(n) for n in names)


def replace_inside(expr: Basic, old: Basic, new: Basic) -> Basic:
    """Replace a part of a formula where it stands, bound values and all.

    `subs` keeps the values that a sum binds apart from all others; a step of a proof, though, rewrites a term *under*
    a sum, in which those same values occur.
    """
    if expr == old:
        return new
    args = [replace_inside(a, old, new) for a in expr.args]
    if all(a is b for a, b in zip(args, expr.args, strict=True)):
        return expr
    return expr.func(*args)


def events_of(node: P | E) -> tuple[Event, ...]:
    """Return the events that a probability or a mean is of, and those that it conditions on.

    >>> [str(e.variable) for e in events_of(P(["Y"], ["X"]))]
    ['Y', 'X']
    """
    return (*(node.events if isinstance(node, P) else ()), *node.given)


def equal(a: Basic, b: Basic) -> bool:
    """Are two formulas the same up to the names of bound values and the order of factors?

    >>> z, w = Value("Z"), Value("Z", 1)
    >>> equal(Marginal(P([Event("Z", z)]), z), Marginal(P([Event("Z", w)]), w))
    True
    """
    return any(True for _ in _matchings(a, b, {}))


def _matchings(a: Basic, b: Basic, pairs: Mapping[Value, Value]) -> Iterable[Mapping[Value, Value]]:
    """Yield each way to pair the bound values of a with those of b, extending ``pairs``."""
    if isinstance(a, Value) or isinstance(b, Value):
        if pairs.get(a, None if a in pairs.values() else a) == b and (a in pairs or b not in pairs.values()):
            yield pairs
    elif type(a) is not type(b) or len(a.args) != len(b.args):
        return
    elif isinstance(a, Marginal):
        yield from _marginals(a, b, pairs)
    elif not a.args:
        if a == b:
            yield pairs
    elif a.is_Add or a.is_Mul:
        yield from _unordered(list(a.args), list(b.args), pairs)
    else:
        yield from _ordered(list(a.args), list(b.args), pairs)


def _ordered(a: list[Basic], b: list[Basic], pairs: Mapping[Value, Value]) -> Iterable[Mapping[Value, Value]]:
    if not a:
        yield pairs
        return
    for found in _matchings(a[0], b[0], pairs):
        yield from _ordered(a[1:], b[1:], found)


def _unordered(a: list[Basic], b: list[Basic], pairs: Mapping[Value, Value]) -> Iterable[Mapping[Value, Value]]:
    if not a:
        yield pairs
        return
    for i, other in enumerate(b):
        for found in _matchings(a[0], other, pairs):
            yield from _unordered(a[1:], b[:i] + b[i + 1 :], found)


def _marginals(a: Marginal, b: Marginal, pairs: Mapping[Value, Value]) -> Iterable[Mapping[Value, Value]]:
    """Pair the values that two sums bind, variable by variable, then match the bodies."""

    def choices(left: list[Value], right: list[Value]) -> Iterable[dict[Value, Value]]:
        if not left:
            yield {}
            return
        for i, other in enumerate(right):
            if other.variable == left[0].variable:
                for rest in choices(left[1:], right[:i] + right[i + 1 :]):
                    yield {left[0]: other} | rest

    for chosen in choices(list(a.bound), list(b.bound)):
        outer = {k: v for k, v in pairs.items() if k not in chosen and v not in chosen.values()}
        if any(True for _ in _matchings(a.body, b.body, outer | chosen)):
            yield pairs
            return
