"""Reading the arguments of a question's call: variables, sets of them, levels, interventions, options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from causalgraph.errors import ModelError, Span
from causalgraph.syntax import queries as q
from causalgraph.syntax import tree

__all__ = ["Reader", "in_worlds", "later", "wrong"]


def wrong(what: str, span: Span | None, form: str) -> ModelError:
    """Make the error of arguments that a verb doesn't take."""
    return ModelError.because("E211", what, fix=f"write {form}", span=span)


def later(what: str, span: Span | None) -> ModelError:
    """Make the error of what a later version answers."""
    return ModelError.because("E050", f"{what} isn't supported yet", fix="leave it out for now", span=span)


@dataclass(frozen=True)
class Reader:
    """A call whose arguments are being read; every complaint shows the verb's form."""

    call: tree.Call
    form: str

    def wrong(self, what: str, part: tree.Expr | None = None) -> ModelError:
        """Make the complaint about a part, or about the whole call."""
        return wrong(f"{self.call.verb.text}: {what}", (part or self.call).span, self.form)

    def arguments(self, count: int | None = None) -> tuple[tree.Expr, ...]:
        """Return the arguments before the bar; `count` says how many there must be."""
        arguments = self.call.arguments
        if not arguments and count != 0:
            raise self.wrong("something is missing")
        if count is not None and len(arguments) != count:
            many = {0: "no arguments", 1: "one argument"}.get(count, f"{count} arguments")
            raise self.wrong(f"{many} expected, {len(arguments)} found")
        return arguments

    def no_bar(self) -> None:
        """Make sure that nothing stands behind a bar."""
        if self.call.given is not None:
            raise self.wrong("no `|` here")

    def terms(self, parts: Iterable[tree.Expr], *, levels: bool = False) -> tuple[q.Term, ...]:
        """Read variables: names, sets of names, and where `levels` holds ``X=1``."""
        return tuple(term for part in parts for term in self._terms(part, levels=levels))

    def _terms(self, part: tree.Expr, *, levels: bool) -> Iterator[q.Term]:
        match part:
            case tree.Name(text):
                yield q.Term(text, None, part.span)
            case tree.SetLiteral(items):
                for item in items:
                    if isinstance(item, tree.SetLiteral):
                        raise self.wrong("a set of sets isn't a set of variables", item)
                    yield from self._terms(item, levels=levels)
            case tree.Assign(name, value):
                if not levels:
                    raise self.wrong("a variable without a level expected", part)
                if isinstance(name, tree.Subscript):
                    raise self._world(name)
                yield q.Term(name.text, self._level(value), part.span)
            case tree.Subscript():
                raise self._world(part)
            case tree.Text(text):
                raise self.wrong(f'"{text}" in quotes is a level, never a variable', part)
            case _:
                raise self.wrong("a variable expected", part)

    def _world(self, part: tree.Subscript) -> ModelError:
        return wrong(
            f"{self.call.verb.text} doesn't speak of other worlds", part.span, f"P(…) or E(…) of {part.name.text}[…]"
        )

    def potentials(self, parts: Iterable[tree.Expr]) -> tuple[q.Term, ...]:
        """Read variables of any worlds: ``Y``, ``Y=1``, ``Y[X=0]``, ``Y[X=0]=1``, and sets of them."""
        return tuple(term for part in parts for term in self._potentials(part))

    def _potentials(self, part: tree.Expr) -> Iterator[q.Term]:
        match part:
            case tree.Subscript(name, items):
                yield q.Potential(name.text, None, part.span, self._of_world(items))
            case tree.Assign(tree.Subscript(name, items), value):
                yield q.Potential(name.text, self._level(value), part.span, self._of_world(items))
            case tree.SetLiteral(items):
                for item in items:
                    yield from self._potentials(item)
            case _:
                yield from self._terms(part, levels=True)

    def _of_world(self, items: tuple[tree.Expr, ...]) -> tuple[q.Term, ...]:
        """Read what is set: each at a level, or at what it would be in another world."""
        found = self.potentials(items)
        loose = next(
            (i for i, t in zip(items, found, strict=True) if isinstance(t, q.Potential) == (t.value is not None)), None
        )
        if loose is not None:
            raise self.wrong("a world says what each variable is set to: Y[X=1], Y[X=1, M[X=0]]", loose)
        return found

    def _level(self, value: tree.Expr) -> str:
        match value:
            case tree.Name(text) | tree.Text(text) | tree.Number(text):
                return text
            case tree.Negate(tree.Number(digits)):
                return f"-{digits}"
            case _:
                raise self.wrong("a level is a name, a number or a quoted text", value)

    def one(self, part: tree.Expr) -> q.Term:
        """Read one variable without a level."""
        found = self.terms((part,))
        if len(found) != 1:
            raise self.wrong("one variable expected", part)
        return found[0]

    def word(self, part: tree.Expr) -> str:
        """Read a bare word or a quoted one, as an option's value."""
        if not isinstance(part, tree.Name | tree.Text):
            raise self.wrong("a word expected", part)
        return part.text

    def some(self, part: tree.Expr) -> tuple[q.Term, ...]:
        """Read at least one variable without a level."""
        found = self.terms((part,))
        if not found:
            raise self.wrong("at least one variable expected", part)
        return found

    def intervention(self, part: tree.Expr) -> tuple[q.Term, ...]:
        """Read ``do(X1, X2=1)``."""
        if not isinstance(part, tree.Call) or part.verb.text != "do" or part.given is not None:
            raise self.wrong("do(...) expected", part)
        found = self.terms(part.arguments, levels=True)
        if not found:
            raise self.wrong("do(...) of nothing", part)
        return found

    def given(self) -> tuple[tuple[q.Term, ...], tuple[q.Term, ...]]:
        """Read what stands after the bar: interventions, and what is conditioned on."""
        parts = self.call.given or ()
        do = tuple(term for part in parts if _is_do(part) for term in self.intervention(part))
        return do, self.terms((part for part in parts if not _is_do(part)), levels=True)

    def options(self, known: tuple[str, ...]) -> tuple[tuple[tree.Expr, ...], dict[str, tree.Assign]]:
        """Split the arguments into what the call is about and its options, each at most once."""
        options = {
            p.name.text: p for p in self.call.arguments if isinstance(p, tree.Assign) and isinstance(p.name, tree.Name)
        }
        rest = tuple(p for p in self.call.arguments if not isinstance(p, tree.Assign))
        strange = next((p for key, p in options.items() if key not in known), None)
        if strange or len(options) + len(rest) < len(self.call.arguments):
            *most, last = (f"{key}=" for key in known)
            listed = f"the options are {', '.join(most)} and {last}" if most else f"the option is {last}"
            raise self.wrong(f"{listed}, each once", strange)
        return rest, options

    def sides(self, parts: tuple[tree.Expr, ...]) -> tuple[tuple[q.Term, ...], tuple[q.Term, ...]]:
        """Read two sets of variables, and nothing behind a bar."""
        self.no_bar()
        if len(parts) != 2:
            raise self.wrong(f"2 arguments expected, {len(parts)} found")
        return self.some(parts[0]), self.some(parts[1])


def in_worlds(call: tree.Call) -> bool:
    """Whether a call speaks of a world: ``Y[X=0]`` stands somewhere in it."""
    waiting: list[object] = [*call.arguments, *(call.given or ())]
    while waiting:
        match waiting.pop():
            case tree.Subscript() | tree.Assign(tree.Subscript(), _):
                return True
            case tree.Negate(operand):
                waiting.append(operand)
            case tree.Binary(_, left, right):
                waiting += (left, right)
            case tree.SetLiteral(items):
                waiting += items
    return False


def _is_do(part: tree.Expr) -> bool:
    return isinstance(part, tree.Call) and part.verb.text == "do"
