"""Structural equations and designs back to text: sums with spaces, products without."""

from __future__ import annotations

from causalgraph.syntax import tree
from causalgraph.syntax.equations import Branch, Design, Equation, Expression, Parameter, Setting
from causalgraph.syntax.names import level_text, name_text, string_text

__all__ = ["declared_text", "equation_text"]

COMPARISON, SUM, PRODUCT, SIGNED, POWER, ATOM = range(6)
RANK = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "**": POWER}


def declared_text(statement: Equation | Design) -> str:
    """Return the canonical text of an equation or a design.

    >>> x = tree.Binary("+", tree.Binary("*", tree.Number("0.6"), tree.Name("X")), Parameter("shift"))
    >>> declared_text(Equation(tree.Name("Y"), ":=", x))
    'Y := 0.6*X + ?shift'
    """
    if isinstance(statement, Equation):
        return f"{name_text(statement.name.text)} {statement.operator} {equation_text(statement.expression)}"
    told = [*map(equation_text, statement.arguments), *map(_setting, statement.settings)]
    return f"design {statement.name.text}({', '.join(told)})"


def _setting(setting: Setting) -> str:
    return f"{name_text(setting.name.text)}={equation_text(setting.value)}"


def equation_text(expression: Expression, rank: int = COMPARISON) -> str:
    """Return the canonical text of an equation's right side, in brackets where it binds less tightly than `rank`."""
    text, own = _written(expression)
    return f"({text})" if own < rank else text


def _written(expression: Expression) -> tuple[str, int]:
    match expression:
        case tree.Name(text):
            return name_text(text), ATOM
        case tree.Number(digits):
            return digits, ATOM
        case tree.Text(text):
            return string_text(text), ATOM
        case Parameter(text):
            return f"?{text}", ATOM
        case Branch(level, value):
            return f"{level_text(level)} = {equation_text(value)}", ATOM
        case tree.Call(verb, arguments):
            return f"{verb.text}({_list(arguments)})", ATOM
        case tree.SetLiteral(items):
            return f"{{{_list(items)}}}", ATOM
        case tree.Negate(operand):
            signed = equation_text(operand, SIGNED)
            return ("- " if signed.startswith("-") else "-") + signed, SIGNED  # `--` is a mark
        case tree.Binary(operator, left, right):
            own = RANK.get(operator, COMPARISON)
            # A power groups to the right and takes a sign there; a comparison doesn't chain.
            sides = {POWER: (ATOM, SIGNED), COMPARISON: (SUM, SUM)}.get(own, (own, own + 1))
            one, two = (equation_text(side, r) for side, r in zip((left, right), sides, strict=True))
            sign = operator if own in (PRODUCT, POWER) else f" {operator} "
            return f"{one}{sign}{two}", own
        case _:
            raise TypeError(expression)


def _list(items: tuple[tree.Expr, ...]) -> str:
    return ", ".join(map(equation_text, items))
