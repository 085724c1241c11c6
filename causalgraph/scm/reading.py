"""From an equation as it was written to a tree that computes: names become columns, words become places of levels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

from causalgraph.errors import ModelError, Span, did_you_mean
from causalgraph.scm.distributions import DISTRIBUTIONS
from causalgraph.scm.expressions import FUNCTIONS, Apply, Case, Choice, Constant, Draw, Free, Node, Ref
from causalgraph.syntax import tree
from causalgraph.syntax.equations import Branch, Equation, Expression, Parameter
from causalgraph.variables import Variable, canonical

__all__ = ["BINARY", "Column", "Reading", "function_names", "read", "unknown_function"]

CASE, CATEGORICAL, OTHERWISE = "case", "Categorical", "else"
BINARY = ("0", "1")
COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})
# Functions that take two or more, and are folded.
FOLDED = frozenset({"min", "max"})


@dataclass(frozen=True)
class Column:
    """A variable that has an equation already, and the levels whose places its column holds."""

    variable: Variable
    levels: tuple[str, ...]

    @property
    def numbers(self) -> tuple[float, ...] | None:
        """What its levels count as; empty where the column holds numbers, None where its levels are words."""
        if self.levels in ((), BINARY):
            return ()
        try:
            return tuple(float(level) for level in self.levels)
        except ValueError:
            return None

    def place(self, level: str) -> int | None:
        """Return the place of a level, or None where it isn't one."""
        at = self.variable.index_of(level, self.levels)
        return self.variable.index_of(canonical(level), self.levels) if at is None else at


@dataclass(frozen=True)
class Reading:
    """A tree that computes a column, and the levels whose places that holds; none for numbers."""

    node: Node
    levels: tuple[str, ...]


def read(equation: Equation, declared: Variable, columns: Mapping[str, Column]) -> Reading:
    """Make sense of the right side of an equation.

    Args:
        equation: for the variable `declared`.
        declared: whose levels the column has, where it has some.
        columns: all variables that the equation mentions, by name.

    Raises:
        ModelError: an unknown function or distribution (E140), a wrong number of arguments (E141), words in arithmetic
            or numbers among words (E142), levels that don't match those of a variable (E143), or something after ``~``
            that isn't a distribution (E149).
    """
    reader = _Reader(declared, columns, _levels_of(equation, declared))
    if equation.operator == "~":
        reader.require_distribution(equation.expression)
    node = reader.result(equation.expression)
    told_as_number = next((e for n, e in reader.numbers if not reader.two_way(n)), None)
    if told_as_number is not None and reader.levels:
        what = f"{declared.name} has the levels {', '.join(reader.levels)}, and this is a number"
        raise reader.words(what, told_as_number.span, f'write case(…, … = "{reader.levels[0]}", …)')
    if reader.levels:
        return Reading(node, reader.levels)
    return Reading(node, BINARY if reader.two_way(node) else ())


def _levels_of(equation: Equation, declared: Variable) -> tuple[str, ...]:
    """Return the declared levels, else those that the equation names where it says what comes about."""
    if declared.levels:
        return declared.levels
    return tuple(dict.fromkeys(_told(equation.expression)))


def _told(expression: Expression) -> Iterator[str]:
    match expression:
        case tree.Text(text):
            yield text
        case tree.Call(verb, arguments) if verb.text == CASE:
            for branch in arguments[1:]:
                if isinstance(branch, Branch):
                    yield from _told(branch.value)
        case tree.Call(verb, arguments) if verb.text == CATEGORICAL:
            for place, share in enumerate(arguments):
                yield share.level if isinstance(share, Branch) else str(place)
        case _:
            return


@dataclass
class _Reader:
    """Reads one equation; `numbers` are the arithmetic that stands where the outcome does."""

    declared: Variable
    columns: Mapping[str, Column]
    levels: tuple[str, ...]
    draws: int = 0
    numbers: list[tuple[Node, Expression]] = field(default_factory=list)

    def two_way(self, node: Node) -> bool:
        """Whether a node is 0 or 1 and nothing else."""
        match node:
            case Constant(value):
                return value in (0, 1)
            case Ref(name, _):
                return self.columns[name].levels == BINARY
            case Apply(function, _) if function in COMPARISONS or function == "indicator":
                return True
            case Apply("-", (Constant(1), flipped)):
                return self.two_way(flipped)
            case Apply("*" | "min" | "max", arguments):
                return all(map(self.two_way, arguments))
            case Draw(distribution, _, _):
                return DISTRIBUTIONS[distribution].kind == "binary"
            case Case(_, branches):
                return all(map(self.two_way, branches))
            case _:
                return False

    def require_distribution(self, expression: Expression) -> None:
        if isinstance(expression, tree.Call):
            if expression.verb.text == CASE:
                for branch in expression.arguments[1:]:
                    if isinstance(branch, Branch):
                        self.require_distribution(branch.value)
                return
            if expression.verb.text in (*DISTRIBUTIONS, CATEGORICAL):
                return
            if expression.verb.text not in FUNCTIONS:
                raise unknown_function(expression.verb)
        raise ModelError.because(
            "E149",
            f"after ~ stands a distribution of {self.declared.name}",
            fix=f"write {self.declared.name} ~ Normal(0, 1); a formula stands after :=",
            span=expression.span,
        )

    def result(self, expression: Expression) -> Node:
        """Read what comes about: a number, or the place of a level."""
        match expression:
            case tree.Text(text):
                return Constant(float(self.own_place(text, expression.span)))
            case tree.Call(verb, _) if verb.text == CASE:
                return self.case(expression, self.result)
            case tree.Call(verb, _) if verb.text == CATEGORICAL:
                return self.categorical(expression)
            case _:
                node = self.number(expression)
                self.numbers.append((node, expression))
                return node

    def own_place(self, level: str, span: Span | None) -> int:
        place = Column(self.declared, self.levels).place(level)
        if place is None:
            raise _no_level(self.declared.name, level, self.levels, span)
        return place

    def number(self, expression: Expression) -> Node:
        match expression:
            case tree.Number():
                return Constant(expression.value)
            case tree.Name(text):
                numbers = self.columns[text].numbers
                if numbers is None:
                    what = f"the levels of {text} are words, and this is arithmetic"
                    raise self.words(what, expression.span, f"case({text}, {self.columns[text].levels[0]} = 1, …)")
                return Ref(text, numbers)
            case Parameter(text):
                return Free(text)
            case tree.Negate(operand):
                return Apply("-", (Constant(0.0), self.number(operand)))
            case tree.Binary(operator, left, right):
                if operator in COMPARISONS:
                    return self.comparison(operator, left, right)
                return Apply(operator, (self.number(left), self.number(right)))
            case tree.Call():
                return self.call(expression)
            case tree.Text(text):
                raise self.words(f'"{text}" is a level, and this is arithmetic', expression.span)
            case Branch(level, _):
                raise ModelError.because("E141", f"{level} = … has no place here", span=expression.span)
            case _:
                raise TypeError(expression)  # the grammar admits nothing else

    def comparison(self, operator: str, left: Expression, right: Expression) -> Node:
        sides = (left, right)
        for side, other, swap in ((left, right, False), (right, left, True)):
            if isinstance(side, tree.Name) and isinstance(other, tree.Text):
                column = self.columns[side.text]
                place = column.place(other.text)
                if place is None:
                    raise _no_level(side.text, other.text, column.levels, other.span)
                if operator not in ("==", "!=") and column.variable.kind != "ordinal":
                    raise self.words(f"the levels of {side.text} have no order", side.span, "declare it ordinal")
                pair = (Ref(side.text), Constant(float(place)))
                return Apply(operator, pair[::-1] if swap else pair)
        one, two = (self.number(s) for s in sides)
        return Apply(operator, (one, two))

    def call(self, call: tree.Call) -> Node:
        name = call.verb.text
        if name == CASE:
            return self.case(call, self.number)
        if name in DISTRIBUTIONS:
            return self.draw(call)
        if name == CATEGORICAL:
            raise self.words("Categorical draws a level, and this is arithmetic", call.span)
        if name not in FUNCTIONS:
            raise unknown_function(call.verb)
        arguments = tuple(self.number(a) for a in call.arguments)
        arity, _ = FUNCTIONS[name]
        if name in FOLDED and len(arguments) > arity:
            return reduce(lambda a, b: Apply(name, (a, b)), arguments)
        if len(arguments) != arity:
            raise _arguments(name, f"{arity} argument{'s' * (arity > 1)}", len(arguments), call.span)
        return Apply(name, arguments)

    def next_draw(self) -> int:
        self.draws += 1
        return self.draws - 1

    def draw(self, call: tree.Call) -> Draw:
        name = call.verb.text
        made = DISTRIBUTIONS[name]
        given: dict[str, Node] = {}
        for place, argument in enumerate(call.arguments):
            key = argument.level if isinstance(argument, Branch) else None
            if key is None and place < len(made.parameters):
                key = made.parameters[place]
            if key not in made.parameters or key in given:
                raise _arguments(name, ", ".join(made.parameters), len(call.arguments), call.span)
            given[key] = self.number(argument.value if isinstance(argument, Branch) else argument)
        defaults = dict(zip(made.parameters[::-1], made.defaults[::-1], strict=False))
        for key in made.parameters:
            if key not in given and key not in defaults:
                raise _arguments(name, ", ".join(made.parameters), len(call.arguments), call.span)
        arguments = tuple(given.get(key, Constant(defaults.get(key, 0.0))) for key in made.parameters)
        return Draw(name, arguments, self.next_draw())

    def categorical(self, call: tree.Call) -> Choice:
        named = [a for a in call.arguments if isinstance(a, Branch)]
        if named and len(named) < len(call.arguments):
            raise ModelError.because("E141", "name each level of Categorical, or none", span=call.span)
        if not named:
            if len(call.arguments) != len(self.levels):
                many = f"one share for each of {', '.join(self.levels)}"
                raise _arguments(CATEGORICAL, many, len(call.arguments), call.span)
            shares = {place: self.number(a) for place, a in enumerate(call.arguments)}
        else:
            shares = {self.own_place(b.level, b.span): self.number(b.value) for b in named}
            if len(shares) < len(named):
                raise ModelError.because("E143", "a level of Categorical is named twice", span=call.span)
        all_shares = tuple(shares.get(place, Constant(0.0)) for place in range(len(self.levels)))
        return Choice(all_shares, self.next_draw())

    def case(self, call: tree.Call, value: Callable[[Expression], Node]) -> Case:
        """Read ``case(V, level = …)``; ``value`` reads a branch."""
        first = call.arguments[0] if call.arguments else None
        branches = [b for b in call.arguments[1:] if isinstance(b, Branch)]
        if not isinstance(first, tree.Name) or len(branches) < len(call.arguments) - 1:
            raise ModelError.because(
                "E141", "case takes a variable and its levels", fix="case(Z, yes = 0.9, no = 0.2)", span=call.span
            )
        column = self.columns[first.text]
        if not column.levels:
            what = f"{first.text} is a number, and case goes by levels"
            raise ModelError.because("E143", what, fix=f"indicator({first.text} > 0)", span=first.span)
        found: dict[int, Node] = {}
        rest: Node | None = None
        for branch in branches:
            node = value(branch.value)
            if branch.level == OTHERWISE and OTHERWISE not in column.levels:
                rest = node
                continue
            place = column.place(branch.level)
            if place is None:
                raise _no_level(first.text, branch.level, column.levels, branch.span)
            if place in found:
                raise ModelError.because("E143", f"{branch.level} of {first.text} stands twice", span=branch.span)
            found[place] = node
        missing = [level for place, level in enumerate(column.levels) if place not in found]
        if missing and rest is None:
            fix = f"add {missing[0]} = …, or else = … for the rest"
            what = f"case leaves out {', '.join(missing)} of {first.text}"
            raise ModelError.because("E143", what, fix=fix, span=call.span)
        return Case(first.text, tuple(found.get(place, rest or Constant(0.0)) for place in range(len(column.levels))))

    def words(self, what: str, span: Span | None, fix: str | None = None) -> ModelError:
        return ModelError.because("E142", what, fix=fix, span=span)


def function_names() -> list[str]:
    """Return what may be called in an equation: functions, distributions, and `case`."""
    return [name for name in (*FUNCTIONS, *DISTRIBUTIONS, CASE, CATEGORICAL) if name.isidentifier()]


def unknown_function(verb: tree.Name) -> ModelError:
    """Return the error of a call of what is no function."""
    known = function_names()
    near = did_you_mean(verb.text, known)
    fix = f"did you mean {near}?" if near else f"there are {', '.join(known)}"
    return ModelError.because("E140", f"there is no function {verb.text}", fix=fix, span=verb.span)


def _no_level(name: str, level: str, levels: Sequence[str], span: Span | None) -> ModelError:
    near = did_you_mean(level, levels)
    fix = f"did you mean {near}?" if near else f"its levels are {', '.join(levels)}" if levels else "it is a number"
    return ModelError.because("E143", f"{name} has no level {level}", fix=fix, span=span)


def _arguments(name: str, wanted: str, got: int, span: Span | None) -> ModelError:
    return ModelError.because("E141", f"{name} takes {wanted}, not {got} argument{'s' * (got != 1)}", span=span)
