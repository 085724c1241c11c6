"""From the syntax tree of a question across worlds to the question: ``E(Y[X=1] - Y[X=0] | X=1)``."""

from __future__ import annotations

from collections.abc import Iterator

from causalgraph.errors import ModelError
from causalgraph.syntax import queries as q
from causalgraph.syntax import tree
from causalgraph.syntax.arguments import Reader

__all__ = ["counterfactual"]

FORMS = {"P": "P(Y[X=0]=0 | X=1, Y=1)", "E": "E(Y[X=1] - Y[X=0] | X=1)"}


def counterfactual(call: tree.Call) -> q.Counterfactual:
    """Build a question whose terms stand in worlds.

    >>> from causalgraph.syntax.parser import parse_query
    >>> parse_query("E(Y[X=1] - 2*Y | X=1)").coefficients
    (1.0, -2.0)

    Raises:
        ModelError: it isn't one (E211).
    """
    read = Reader(call, FORMS[call.verb.text])
    given = _facts(read, call.given or ())
    if call.verb.text == "P":
        targets = read.potentials(read.arguments())
        return q.Counterfactual("P", targets, given, (), call.span)
    (expression,) = read.arguments(1)
    summed = list(_summed(read, expression, 1.0))
    return q.Counterfactual("E", tuple(t for _, t in summed), given, tuple(c for c, _ in summed), call.span)


def _facts(read: Reader, parts: tuple[tree.Expr, ...]) -> tuple[q.Term, ...]:
    for part in parts:
        if isinstance(part, tree.Call):
            raise read.wrong("with worlds in brackets there is no do(…): write the world of each, Y[X=1]", part)
    found = read.potentials(parts)
    loose = next((term for term in found if term.value is None), None)
    if loose is not None:
        raise ModelError.because(
            "E211",
            f"{loose.variable} stands behind the bar without a value",
            why="across worlds, what is known of a unit is a fact",
            fix=f"write {loose.variable}=…",
            span=loose.span,
        )
    return found


def _summed(read: Reader, expression: tree.Expr, factor: float) -> Iterator[tuple[float, q.Term]]:
    """Yield the terms of a sum with their coefficients."""
    match expression:
        case tree.Binary("+" | "-" as operator, left, right):
            yield from _summed(read, left, factor)
            yield from _summed(read, right, factor if operator == "+" else -factor)
        case tree.Binary("*" | "/" as operator, left, right) if (times := _constant(right)) is not None:
            if operator == "/" and not times:
                raise read.wrong("this divides by zero", right)
            yield from _summed(read, left, factor * times if operator == "*" else factor / times)
        case tree.Binary("*", left, right) if (times := _constant(left)) is not None:
            yield from _summed(read, right, factor * times)
        case tree.Negate(operand):
            yield from _summed(read, operand, -factor)
        case tree.Name() | tree.Subscript():
            yield from ((factor, term) for term in read.potentials((expression,)))
        case _:
            raise read.wrong("an expectation is of a sum of outcomes, each times a number", expression)


def _constant(expression: tree.Expr) -> float | None:
    match expression:
        case tree.Number():
            return expression.value
        case tree.Negate(tree.Number() as number):
            return -number.value
        case _:
            return None
