"""From Lark's parse tree to structural equations and designs, one function for each rule of the grammar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from causalgraph.syntax import tree
from causalgraph.syntax.equations import Branch, Design, Equation, Parameter, Setting
from causalgraph.syntax.explain import bad_name
from causalgraph.syntax.names import is_bare, normal
from causalgraph.syntax.site import Site

__all__ = ["EQUATION_RULES", "literal_text"]


def literal_text(literal: tree.Expr) -> str:
    """Return a literal's text as written: a name's or a string's content, a number's digits with its sign."""
    match literal:
        case tree.Name(text) | tree.Text(text) | tree.Number(text):
            return text
        case tree.Negate(tree.Number(digits)):
            return f"-{digits}"
        case _:
            raise TypeError(literal)


def _equation(site: Site, parts: list[Any]) -> Equation:
    name, operator, expression = parts
    return Equation(name, ":=" if operator == ":=" else "~", expression, site.span)


def _call_of(site: Site, parts: list[Any]) -> tree.Call:
    verb, *arguments = parts
    return tree.Call(verb, tuple(a for a in arguments if a is not None), None, site.span)


def _branch(site: Site, parts: list[Any]) -> Branch:
    level, value = parts
    return Branch(level, value, site.span)


def _level(_: Site, parts: list[Any]) -> str:
    *sign, literal = parts
    return "-" * len(sign) + literal_text(literal)


def _parameter(site: Site, parts: list[Any]) -> Parameter:
    text = normal(parts[0])[1:]
    if not is_bare(text):
        site.problems.append(bad_name(text, site.span))
        site.lost = True
    return Parameter(text, site.span)


def _operand(_: Site, parts: list[Any]) -> Any:
    return parts[0]


def _setting(site: Site, parts: list[Any]) -> Setting:
    return Setting(parts[0], parts[1], site.span)


def _design(site: Site, parts: list[Any]) -> Design:
    _, name, *told = (part for part in parts if part is not None)
    arguments = tuple(part for part in told if not isinstance(part, Setting))
    return Design(name, arguments, tuple(part for part in told if isinstance(part, Setting)), site.span)


EQUATION_RULES: dict[str, Callable[[Site, list[Any]], Any]] = {
    "equation": _equation,
    "call_of": _call_of,
    "branch": _branch,
    "level": _level,
    "parameter": _parameter,
    "operand": _operand,
    "setting": _setting,
    "design": _design,
}
