"""The one way to write a file: a statement a line, canonical spacing, every comment kept.

A statement is written from its syntax tree; what the tree doesn't hold, comments and blank lines, comes from the
splitter. A comment inside a statement moves above it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from causalgraph.errors import ModelError, SourceText, Span
from causalgraph.syntax import tree
from causalgraph.syntax.equation_text import declared_text, equation_text
from causalgraph.syntax.equations import Design, Equation
from causalgraph.syntax.names import HEADERS, is_bare, level_text, name_text, string_text
from causalgraph.syntax.parser import as_source, parse_split
from causalgraph.syntax.splitter import Split, split

__all__ = ["expression_text", "fmt", "statement_text"]

SUM, PRODUCT, SIGNED, ATOM = range(4)
RANK = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT}
# Words that, first in what `expect` tests or compares to, are read as themselves rather than as names.
WORDS_OF_EXPECT = re.compile(r"(?:not|none)\b")


def fmt(text: str | SourceText) -> str:
    """Return a file's text in canonical form; formatting twice changes nothing more.

    >>> print(fmt('"Lung cancer"<-Smoking ;  Smoking:binary# yes or no'), end="")
    `Lung cancer` <- Smoking
    Smoking : binary  # yes or no

    Raises:
        ModelError: the text doesn't parse.
    """
    found = split(as_source(text))
    parsed = parse_split(found)
    if parsed.problems:
        raise ModelError(*parsed.problems)
    return "".join(f"{row}\n" for row in _rows(found, parsed.statements))


@dataclass
class _Item:
    """A statement or a comment on a line of its own: its place, the comments above it, its text, and one behind it."""

    start: int
    end: int
    above: list[str]
    text: str
    behind: str = ""


def _rows(found: Split, statements: list[tree.Statement]) -> Iterator[str]:
    text, previous = found.source.text, None
    for item in _items(found, statements):
        if previous is not None and text.count("\n", previous.end, item.start) > 1:
            yield ""
        yield from item.above
        yield item.text + f"  {item.behind}" * bool(item.behind)
        previous = item


def _items(found: Split, statements: list[tree.Statement]) -> list[_Item]:
    """Give each comment its place: above a statement that it stands within, behind one, or on its own line."""
    items: list[_Item] = []
    comments = list(reversed(found.comments))
    for place, statement in zip(found.statements, statements, strict=True):
        while comments and comments[-1].start < place.start:
            _place_comment(items, comments.pop())
        above = []
        while comments and comments[-1].start < place.end:
            above.append(comments.pop().text)
        items.append(_Item(place.start, place.end, above, statement_text(statement)))
    while comments:
        _place_comment(items, comments.pop())
    return items


def _place_comment(items: list[_Item], comment: Span) -> None:
    if items and "\n" not in comment.source.text[items[-1].end : comment.start]:
        items[-1].behind, items[-1].end = comment.text, comment.end
    else:
        items.append(_Item(comment.start, comment.end, [], comment.text))


def statement_text(statement: tree.Statement) -> str:
    """Return a statement's canonical text."""
    match statement:
        case tree.Header(kind, title):
            return kind if title is None else f"{kind} {string_text(title)}"
        case tree.Declaration(name, kind, attributes):
            written = name_text(name.text)
            if kind is None and not attributes:
                return f"`{name.text}`" if name.text in HEADERS else written
            return written + (f" : {_kind(kind)}" if kind else "") + _attributes(attributes)
        case tree.EdgeStatement(sides, marks, attributes):
            return _chain(sides, marks) + _attributes(attributes)
        case tree.DataStatement(path, options):
            braces = f" {{ {', '.join(map(_option, options))} }}" if options else ""
            return f"data {string_text(path)}{braces}"
        case tree.Include(path):
            return f"include {string_text(path)}"
        case tree.Tier() | tree.Known():
            return _knowledge(statement)
        case Equation() | Design():
            return declared_text(statement)
        case tree.QueryStatement(query):
            return expression_text(query)
        case tree.Named(name, query):
            return f"{name_text(name.text)} = {expression_text(query)}"
        case tree.Expect(query, operator, value, negated):
            test = "" if operator is None or value is None else f" {operator} {_after_expect(value)}"
            return f"expect {'not ' * negated}{_after_expect(query)}{test}"


def _knowledge(statement: tree.Tier | tree.Known) -> str:
    if isinstance(statement, tree.Tier):
        return f"tier {statement.number}: {_fan(statement.names)}"
    return f"{statement.word} {_chain(statement.sides, statement.marks)}"


def _chain(sides: tuple[tuple[tree.Name, ...], ...], marks: tuple[str, ...]) -> str:
    return _fan(sides[0]) + "".join(f" {mark} {_fan(side)}" for mark, side in zip(marks, sides[1:], strict=True))


def _fan(names: tuple[tree.Name, ...]) -> str:
    return ", ".join(name_text(name.text) for name in names)


def _kind(kind: tree.KindSpec) -> str:
    levels = [level_text(level) for level in kind.levels]
    if kind.name == "ordinal":
        return f"ordinal {{{' < '.join(levels)}}}"
    return f"{{{', '.join(levels)}}}" if kind.name == "categorical" else kind.name


def _attributes(attributes: tuple[tree.Attribute, ...]) -> str:
    return f" [{', '.join(map(_attribute, attributes))}]" if attributes else ""


def _attribute(attribute: tree.Attribute) -> str:
    match attribute.value:
        case None:
            return attribute.key
        case float(value):
            return f"{attribute.key}={int(value) if value.is_integer() and abs(value) < 1e15 else value}"
        case text:
            return f"{attribute.key}={string_text(str(text))}"


def _option(option: tree.Option) -> str:
    value = option.value
    if not option.bare:
        value = string_text(value)
    elif level_text(value) != value:
        value = name_text(value)
    return f"{name_text(option.name.text)} = {value}"


def _after_expect(expression: tree.Expr) -> str:
    text = expression_text(expression)
    if isinstance(expression, tree.NoneLiteral) or not WORDS_OF_EXPECT.match(text):
        return text
    return f"`{text}`" if isinstance(expression, tree.Name) and is_bare(text) else f"({text})"


def expression_text(expression: tree.Expr, rank: int = SUM) -> str:
    """Return an expression's canonical text, in brackets where it binds less tightly than `rank`."""
    text, own = _expression(expression)
    return f"({text})" if own < rank else text


def _expression(expression: tree.Expr) -> tuple[str, int]:
    match expression:
        case tree.Name() | tree.Number() | tree.Text() | tree.Parameter() | tree.Branch():
            return equation_text(expression), ATOM
        case tree.NoneLiteral():
            return "none", ATOM
        case tree.SetLiteral(items):
            return f"{{{_list(items)}}}", ATOM
        case tree.Assign(name, value):
            return f"{expression_text(name)}={expression_text(value)}", ATOM
        case tree.Subscript(name, items):
            return f"{name_text(name.text)}[{_list(items)}]", ATOM
        case tree.Call(verb, arguments, given):
            bar = "" if given is None else (" | " if arguments else "| ") + _list(given)
            return f"{verb.text}({_list(arguments)}{bar})", ATOM
        case tree.Negate(operand):
            signed = expression_text(operand, SIGNED)
            return ("- " if signed.startswith("-") else "-") + signed, SIGNED  # `--` is a mark
        case tree.Binary(operator, left, right):
            own = RANK[operator]
            return f"{expression_text(left, own)} {operator} {expression_text(right, own + 1)}", own
        case tree.Interval(low, high):
            return f"[{expression_text(low)}, {expression_text(high)}]", ATOM


def _list(items: tuple[tree.Expr, ...]) -> str:
    return ", ".join(map(expression_text, items))
