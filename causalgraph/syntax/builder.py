"""From Lark's parse tree to the syntax tree, one function for each rule of the grammar.

The walk is a loop, not a recursion, so that no nesting exhausts the stack. What a statement's words say is checked
here as far as the language knows it: kinds, attributes, names, numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

from lark import Token, Tree

from causalgraph.errors import Span, did_you_mean
from causalgraph.syntax import tree
from causalgraph.syntax.equation_rules import EQUATION_RULES, literal_text
from causalgraph.syntax.explain import bad_name, short
from causalgraph.syntax.forms import EDGE_ATTRIBUTES, VARIABLE_ATTRIBUTES, Form
from causalgraph.syntax.names import is_bare, normal, unquoted
from causalgraph.syntax.site import Site

__all__ = ["build", "depth"]

KINDS: tuple[Literal["binary", "count", "continuous"], ...] = ("binary", "count", "continuous")
# What `forbid` and `require` may say of two variables.
ARROWS = ("->", "<-")
TIER_NUMBER = re.compile(r"[0-9]{1,9}")


# Tokens that say nothing once the tree has its shape.
PUNCTUATION = frozenset({"LPAR", "RPAR", "LSQB", "RSQB", "LBRACE", "RBRACE", "COMMA", "COLON", "EQUAL", "VBAR"})
# The rules whose expressions hold others.
NESTING = frozenset({"call", "call_of", "subscript", "set", "assign", "branch", "setting", "negate", "binary"})


def build(parsed: Tree[Token], site: Site) -> Any:
    """Return the syntax tree of what Lark parsed; problems are left at the site."""
    done: dict[int, tuple[Any, Span]] = {}
    for node in parsed.iter_subtrees():  # children come before their parents
        parts: list[Any] = []
        start, end = -1, 0
        for child in node.children:
            if isinstance(child, Tree):
                part, span = done.pop(id(child))
                parts.append(part)
                first, end = span.start, span.end
            elif child is None:
                parts.append(None)
                continue
            else:
                first, end = child.start_pos or 0, child.end_pos or 0
                if child.type not in PUNCTUATION:
                    parts.append(child)
            start = first if start < 0 else start
        site.span = Span(site.source, start, end)
        # Lark prefixes the aliases of an imported grammar by its name.
        done[id(node)] = RULES[node.data.removeprefix("query__")](site, parts), site.span
    return done[id(parsed)][0]


def depth(parsed: Tree[Token]) -> int:
    """Return how many expressions lie within one another at most."""
    deepest: dict[int, int] = {}
    for node in parsed.iter_subtrees():
        inner = max((deepest[id(child)] for child in node.children if isinstance(child, Tree)), default=0)
        deepest[id(node)] = inner + (node.data.removeprefix("query__") in NESTING)
    return deepest[id(parsed)]


# Expressions.


def _name(site: Site, parts: list[Any]) -> tree.Name:
    token = parts[0]
    if token.type == "NAME":
        text = normal(token)
        if not is_bare(text):
            site.problems.append(bad_name(text, site.span))
            site.lost = True
        return tree.Name(text, site.span)
    return _quoted_name(site, parts)


def _quoted_name(site: Site, parts: list[Any]) -> tree.Name:
    text = normal(unquoted(parts[0]))
    if not text.strip():
        site.report("E012", "this name is empty", site.span, "put a name between the quotes", "nothing can refer to it")
        site.lost = True
    if "`" in text:
        site.report("E012", "a name can't have a backtick in it", site.span, "choose another name")
        site.lost = True
    return tree.Name(text, site.span)


def _soft(site: Site, parts: list[Any]) -> tree.Name:
    return tree.Name(str(parts[0]), site.span)


def _number(site: Site, parts: list[Any]) -> tree.Number:
    number = tree.Number(str(parts[0]), site.span)
    if not math.isfinite(number.value):
        site.report("E013", f"{short(number.digits)} is too large for a number", site.span, "no quantity is that large")
        site.lost = True
    return number


def _text(site: Site, parts: list[Any]) -> tree.Text:
    return tree.Text(unquoted(parts[0]), site.span)


def _negate(site: Site, parts: list[Any]) -> tree.Negate:
    return tree.Negate(parts[1], site.span)


def _binary(site: Site, parts: list[Any]) -> tree.Binary:
    left, operator, right = parts
    return tree.Binary(str(operator), left, right, site.span)


def _call(site: Site, parts: list[Any]) -> tree.Call:
    verb, arguments, *_, given = parts
    return tree.Call(verb, arguments or (), given, site.span)


def _verb(site: Site, parts: list[Any]) -> tree.Name:
    return tree.Name(normal(parts[0]), site.span)


def _arguments(_: Site, parts: list[Any]) -> tuple[tree.Expr, ...]:
    return tuple(parts)


def _assign(site: Site, parts: list[Any]) -> tree.Assign:
    return tree.Assign(parts[0], parts[1], site.span)


def _subscript(site: Site, parts: list[Any]) -> tree.Subscript:
    return tree.Subscript(parts[0], parts[1], site.span)


def _set(site: Site, parts: list[Any]) -> tree.SetLiteral:
    return tree.SetLiteral(tuple(part for part in parts if part is not None), site.span)


def _none(site: Site, _: list[Any]) -> tree.NoneLiteral:
    return tree.NoneLiteral(site.span)


def _interval(site: Site, parts: list[Any]) -> tree.Interval:
    return tree.Interval(parts[0], parts[1], site.span)


# Statements.


def _header(site: Site, parts: list[Any]) -> tree.Header:
    kind, title = parts
    return tree.Header(kind, None if title is None else unquoted(title), site.span)


def _graph_kind(_: Site, parts: list[Any]) -> Token:
    return parts[0]  # type: ignore[no-any-return]  # what comes out of Lark's tree is Any


def _declaration(site: Site, parts: list[Any]) -> tree.Declaration:
    name, *_, kind, written = parts
    return tree.Declaration(name, kind, _checked(site, written, VARIABLE_ATTRIBUTES, "a variable"), site.span)


def _named_kind(site: Site, parts: list[Any]) -> tree.KindSpec | None:
    word = normal(parts[0])
    kind = next((kind for kind in KINDS if kind == word), None)
    if kind is not None:
        return tree.KindSpec(kind, (), site.span)
    known = ", ".join(KINDS) + ", {a, b, c}, ordinal {low < mid < high}"
    near = {"categorical": "{a, b, c}", "ordinal": "ordinal {low < mid < high}"}.get(word) or did_you_mean(word, KINDS)
    fix = f"did you mean {near}? Kinds are {known}" if near else f"use one of {known}"
    why = "the kind says which values a variable takes, and so how it is counted"
    site.report("E010", f"unknown kind {short(word)}", site.span, fix, why)
    return None


def _levels(site: Site, literals: Sequence[tree.Expr]) -> tuple[str, ...]:
    levels: dict[str, None] = {}
    for literal in literals:
        level = literal_text(literal)
        if level in levels:
            why = "a level is one value of the variable"
            site.report("E010", f"level {short(level)} is named twice", literal.span, "drop one of the two", why)
        levels[level] = None
    return tuple(levels)


def _categorical(site: Site, parts: list[Any]) -> tree.KindSpec:
    span = site.span
    return tree.KindSpec("categorical", _levels(site, [p for p in parts if p is not None]), span)


def _ordinal(site: Site, parts: list[Any]) -> tree.KindSpec:
    return tree.KindSpec("ordinal", _levels(site, [p for p in parts if not isinstance(p, Token)]), site.span)


def _attributes(_: Site, parts: list[Any]) -> list[tree.Attribute]:
    return [part for part in parts if part is not None]


def _attribute(site: Site, parts: list[Any]) -> tree.Attribute:
    key, *_, literal = parts
    value: str | float | None = None
    if literal is not None:
        text = literal_text(literal)
        value = float(text) if isinstance(literal, tree.Number | tree.Negate) else text
    return tree.Attribute(normal(key), value, site.span)


def _checked(
    site: Site, written: list[tree.Attribute] | None, known: dict[str, Form], owner: str
) -> tuple[tree.Attribute, ...]:
    """Return the attributes that are known, given once and of the right form; report the others."""
    kept: dict[str, tree.Attribute] = {}
    for attribute in written or ():
        key, form = attribute.key, known.get(attribute.key)
        if form is None:
            near = did_you_mean(key, known)
            listed = f"{owner} has " + ", ".join(known)
            fix = f"did you mean {near}? ({listed})" if near else listed
            why = "an attribute that isn't known would be lost in silence"
            site.report("E011", f"unknown attribute {short(key)}", attribute.span, fix, why)
        elif key in kept:
            site.report("E011", f"{key} is given twice", attribute.span, "drop one of the two")
        elif not form.accepts(attribute.value):
            site.report("E011", f"{key} has another form", attribute.span, "write " + form.example.format(key=key))
        else:
            kept[key] = attribute
    return tuple(kept.values())


def _edges(site: Site, parts: list[Any]) -> tree.EdgeStatement:
    *chain, written = parts
    attributes = _checked(site, written, EDGE_ATTRIBUTES, "an edge")
    return tree.EdgeStatement(tuple(chain[::2]), tuple(str(mark) for mark in chain[1::2]), attributes, site.span)


def _side(_: Site, parts: list[Any]) -> tuple[tree.Name, ...]:
    return tuple(parts)


def _data(site: Site, parts: list[Any]) -> tree.DataStatement:
    _, path, *options = parts
    given = tuple(option for option in options if option is not None)
    return tree.DataStatement(unquoted(path), given, site.span, site.at(path))


def _include(site: Site, parts: list[Any]) -> tree.Include:
    return tree.Include(unquoted(parts[1]), site.span)


def _tier(site: Site, parts: list[Any]) -> tree.Tier | None:
    _, number, *names = parts
    if not TIER_NUMBER.fullmatch(number.digits):
        what = f"{short(number.digits)} isn't the number of a tier"
        why = "the numbers of tiers are their order in time"
        site.report("E013", what, number.span, "number tiers by whole numbers: tier 1, tier 2", why)
        site.lost = True
        return None
    return tree.Tier(int(number.digits), tuple(names), site.span)


def _known(site: Site, parts: list[Any]) -> tree.Known:
    word, *chain = parts
    for mark in chain[1::2]:
        if mark not in ARROWS:
            what = f"{word} speaks of arrows, and {mark} isn't one"
            fix = f"write {word} A -> B"
            if word == "forbid":
                fix += "; no arrow at all between two variables is `forbid A -> B` and `forbid B -> A`"
            site.report("E130", what, site.at(mark), fix)
            site.lost = True
    return tree.Known(str(word), tuple(chain[::2]), tuple(str(mark) for mark in chain[1::2]), site.span)


def _option(site: Site, parts: list[Any]) -> tree.Option:
    name, literal = parts
    return tree.Option(name, literal_text(literal), not isinstance(literal, tree.Text), site.span)


def _query_statement(site: Site, parts: list[Any]) -> tree.QueryStatement:
    return tree.QueryStatement(parts[0], site.span)


def _inner(_: Site, parts: list[Any]) -> Any:
    return parts[0]


def _named(site: Site, parts: list[Any]) -> tree.Named:
    return tree.Named(parts[0], parts[1], site.span)


def _expect(site: Site, parts: list[Any]) -> tree.Expect:
    _, negated, query, *test = parts
    operator, value = test if any(part is not None for part in test) else (None, None)
    return tree.Expect(query, None if operator is None else str(operator), value, negated is not None, site.span)


RULES: dict[str, Callable[[Site, list[Any]], Any]] = {
    "query": _inner,
    "atom": _inner,
    "binary": _binary,
    "negate": _negate,
    "call": _call,
    "verb": _verb,
    "soft_verb": _verb,
    "arguments": _arguments,
    "assign": _assign,
    "subscript": _subscript,
    "set": _set,
    "name": _name,
    "quoted_name": _quoted_name,
    "soft": _soft,
    "number": _number,
    "text": _text,
    "none": _none,
    "interval": _interval,
    "header": _header,
    "graph_kind": _graph_kind,
    "declaration": _declaration,
    "named_kind": _named_kind,
    "categorical": _categorical,
    "ordinal": _ordinal,
    "attributes": _attributes,
    "attribute": _attribute,
    **EQUATION_RULES,
    "edges": _edges,
    "side": _side,
    "data": _data,
    "include": _include,
    "tier": _tier,
    "known": _known,
    "option": _option,
    "query_statement": _query_statement,
    "named": _named,
    "expect": _expect,
}
