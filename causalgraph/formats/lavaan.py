"""lavaan's model syntax: ``y ~ x`` a regression, ``f =~ y`` a latent and its indicator, ``x ~~ y`` a covariance.

Facts of the format: Y. Rosseel, "lavaan: an R package for structural equation modeling" (Journal of Statistical
Software, 2012), and lavaan's help page model.syntax. A coefficient that is fixed to 0 says that there is no edge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from causalgraph.errors import SourceText, Span
from causalgraph.formats.attributes import value_text
from causalgraph.formats.carrying import Carries, fitted
from causalgraph.formats.diagram import Diagram, Written
from causalgraph.formats.draft import MAX_EDGES, Draft, limit, wrong
from causalgraph.formats.text import legal_name, listed, number
from causalgraph.graphs.mixed import Edge, MixedGraph

__all__ = ["carried", "looks_like", "read", "write"]

TOKEN = re.compile(
    r"""(?P<space>[ \t]+|[#!][^\n]*)
      | (?P<end>[\n;])
      | (?P<operator>=~|~~|<~|~\*~|:=|==|[~|<>])
      | (?P<mark>[-+*/^(),:])
      | (?P<number>[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)
      | (?P<string>"[^"\n]*"|'[^'\n]*')
      | (?P<name>[^\W\d][\w.]*|\.[\w.]*)""",
    re.VERBOSE,
)
# After these a formula goes on with the next line.
GOES_ON = ("+", "*", ",", "(", "-", "^", "/")
# Operator -> the edge that it draws from its left side to its right side.
EDGES = {"~": "<-", "=~": "->", "~~": "<->", "<~": "<-"}
LATENT = ("=~", "<~")
# What fits a model to data rather than saying what causes what.
SKIPPED = {
    ":=": "defined parameters (:=)",
    "==": "constraints (==, <, >)",
    "<": "constraints (==, <, >)",
    ">": "constraints (==, <, >)",
    "|": "thresholds (|)",
    "~*~": "scaling factors (~*~)",
}
BLOCKS = ("group", "level", "block", "class")
# Names that R keeps for itself.
R_KEEPS = """
break else FALSE for function if in Inf NA NA_character_ NA_complex_ NA_integer_ NA_real_ NaN next NULL repeat
TRUE while
"""
R_WORDS = frozenset(R_KEEPS.split())


class Token(NamedTuple):
    """A piece of the text."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Term:
    """A variable of a formula, and the coefficient that stands before it."""

    name: str
    span: Span
    said: dict[str, str]


def looks_like(text: str) -> bool:
    """Say whether a text has a formula of lavaan's, and no arrow of ours.

    >>> looks_like("y ~ x1 + x2"), looks_like("X ~ Normal(0, 1)"), looks_like("A -> B")
    (True, False, False)
    """
    code = re.sub(r'[#!][^\n]*|"(?:[^"\\\n]|\\.)*+"|`[^`\n]*`', "", text)
    if re.search(r"->|<-|--", code):
        return False
    return re.search(r"=~|~~", code) is not None or re.search(r"(?m)^[ \t]*[\w.]+[ \t]*~[^\n(]*$", code) is not None


def read(source: SourceText) -> Diagram:
    """Read the graph of a structural equation model.

    >>> found = read(SourceText("F =~ a + b; y ~ 0.5*F + x; a ~~ x"))
    >>> [str(e) for e in found.graph.edges], sorted(found.graph.latent)
    (['F -> a', 'F -> b', 'F -> y', 'x -> y', 'a <-> x'], ['F'])

    Raises:
        ModelError: the text doesn't keep to the syntax, or the graph is too large.
    """
    draft = Draft(source)
    for statement in _statements(source):
        _Statement(draft, statement).read()
    return draft.diagram(None)


def _statements(source: SourceText) -> Iterator[list[Token]]:
    """Yield the formulas: a line each, unless it ends, or the next one starts, in the middle of one."""
    statement: list[Token] = []
    ended = False
    for token in _tokens(source):
        if token.kind == "end":
            goes_on = bool(statement) and (statement[-1].kind == "operator" or statement[-1].text in GOES_ON)
            ended = bool(statement) and (token.text == ";" or not goes_on)
            continue
        if ended and not (token.kind == "operator" or token.text in ("+", "*")):
            yield statement
            statement = []
        ended = False
        statement.append(token)
    if statement:
        yield statement


def _tokens(source: SourceText) -> Iterator[Token]:
    text, position = source.text, 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            raise wrong(f"{text[position]!r} has no meaning here", Span(source, position, position + 1))
        if match.lastgroup != "space":
            yield Token(match.lastgroup or "", match[0], position, match.end())
        position = match.end()


class _Statement:
    """Reads one formula."""

    def __init__(self, draft: Draft, tokens: list[Token]) -> None:
        self.draft = draft
        self.tokens = tokens
        self.at = 0

    def span(self, token: Token) -> Span:
        return self.draft.span(token.start, token.end)

    @property
    def token(self) -> Token:
        """The token in hand, or one that stands for the end of the formula."""
        last = self.tokens[-1].end
        return self.tokens[self.at] if self.at < len(self.tokens) else Token("", "the end of the formula", last, last)

    def take(self) -> Token:
        token = self.token
        self.at += 1
        return token

    def read(self) -> None:
        first = self.tokens[0]
        if first.text in BLOCKS and [t.text for t in self.tokens[1:2]] == [":"]:
            what = "a model of several groups or levels isn't read"
            raise wrong(what, self.span(first), "write the model of one group")
        operator = next((t for t in self.tokens if t.kind == "operator"), None)
        if operator is None:
            raise wrong("expected a formula, such as y ~ x", self.span(first))
        if operator.text in SKIPPED:
            self.draft.lose(SKIPPED[operator.text])
            return
        lefts = self.terms()
        if self.token is not operator:
            raise wrong(f"expected {operator.text}, found {self.token.text[:40]!r}", self.span(self.token))
        self.take()
        rights = self.terms()
        if self.at < len(self.tokens):
            raise wrong(f"expected + or the end of the formula, found {self.token.text[:40]!r}", self.span(self.token))
        self.connect(lefts, operator, rights)

    def connect(self, lefts: list[Term], operator: Token, rights: list[Term]) -> None:
        limit(len(lefts) * len(rights) - 1, MAX_EDGES, "edges", self.span(operator))
        for left in lefts:
            one = self.draft.node(left.name, left.span)
            if operator.text in LATENT:
                self.draft.flag(one, "latent")
            for right in rights:
                other = self.draft.node(right.name, right.span)
                variance = operator.text == "~~" and one == other
                if variance or "none" in right.said:
                    continue
                self.draft.connect(one, EDGES[operator.text], other, left.span.to(right.span), right.said)

    def terms(self) -> list[Term]:
        """Read variables joined by ``+``; what stands for an intercept is left out."""
        found: list[Term] = []
        while True:
            found += self.term()
            if self.token.text != "+":
                return found
            self.take()

    def term(self) -> list[Term]:
        said: dict[str, str] = {}
        while True:
            start = self.token
            value = self.factor()
            if self.token.text == "*":
                self.take()
                said |= value
            elif start.kind == "name" and "label" in value:
                if self.token.text == ":":
                    raise wrong("an interaction isn't a variable", self.span(self.token), "name the product")
                return [Term(start.text, self.span(start), said)]
            elif value.keys() & {"beta", "none"}:
                self.draft.lose("intercepts")
                return []
            else:
                raise wrong(f"expected a variable, found {start.text[:40]!r}", self.span(start))

    def factor(self) -> dict[str, str]:
        """Read a name, a number, a string or a call; return what it says of the edge as a coefficient."""
        negative = self.token.text == "-"
        if negative:
            self.take()
        token = self.take()
        if token.kind == "number":
            value = number(token.text)
            if value is None:
                raise wrong("this number is too large", self.span(token))
            return {"none": ""} if value == 0 else {"beta": f"{'-' * negative}{token.text}"}
        if token.kind == "string":
            return {"label": token.text[1:-1]}
        if token.kind != "name" or negative:
            raise wrong(f"expected a variable, found {token.text[:40]!r}", self.span(token))
        if self.token.text == "(":
            self.call(token)
            return {}
        if token.text == "NA":
            return {}
        return {"label": token.text}

    def call(self, name: Token) -> None:
        """Skip ``start(0.8)``, ``c(a, b)`` and the like."""
        depth = 0
        while self.at < len(self.tokens):
            depth += {"(": 1, ")": -1}.get(self.take().text, 0)
            if depth == 0:
                self.draft.ignore("modifiers", f"{name.text[:40]}()")
                return
        raise wrong("this ( is never closed", self.span(name))


# Writing.


def _name(name: str) -> str:
    """Return a name that R takes: letters, digits, dots and underscores."""
    plain = re.sub(r"[^\w.]", "_", legal_name(name))
    if not re.match(r"[^\W\d_]|\.(?![0-9])", plain):
        plain = f"v{plain}"
    return f"{plain}_" if plain in R_WORDS or plain in BLOCKS else plain


def _is_coefficient(value: str | float) -> bool:
    """Say whether a coefficient is a number that doesn't mean `no edge`."""
    return not isinstance(value, str) and value != 0


def _is_parameter(value: str | float) -> bool:
    """Say whether words can stand for a parameter."""
    return isinstance(value, str) and _name(value) == value


CARRIES = Carries(
    marks=frozenset({"->", "<->"}),
    fields=frozenset({"latent"}),
    edge_attributes={"beta": _is_coefficient, "label": _is_parameter},
    title=False,
    kind=False,
    name=_name,
)


def write(diagram: Diagram) -> Written:
    """Write a graph as a structural equation model; a latent is one by its indicators, so it needs a child.

    >>> drawn = Diagram.of(MixedGraph.build([("U", "->", "Y"), ("X", "->", "Y"), ("X", "<->", "Z")], latent=["U"]))
    >>> print(write(drawn).text)
    U =~ Y
    Y ~ X
    X ~~ Z
    <BLANKLINE>
    """
    fits = carried(diagram)
    graph = fits.graph
    indicators: dict[str, list[str]] = {}
    causes: dict[str, list[str]] = {}
    covariances: list[str] = []
    for edge in graph.edges:
        before = _coefficient(fits, edge)
        if edge.mark == "<->":
            covariances.append(f"{edge.left} ~~ {before.format(edge.right)}")
        elif edge.left in graph.latent:
            indicators.setdefault(edge.left, []).append(before.format(edge.right))
        else:
            causes.setdefault(edge.right, []).append(before.format(edge.left))
    rows = [f"{name} =~ {' + '.join(terms)}" for name, terms in indicators.items()]
    rows += [f"{name} ~ {' + '.join(terms)}" for name, terms in causes.items()]
    rows += covariances
    rows += [f"{name} ~~ {name}" for name in graph.nodes if not graph.adjacent[name]]
    return Written("\n".join([*rows, ""]), fits.losses)


def carried(diagram: Diagram) -> Diagram:
    """Return what the syntax can carry of a diagram, in which every latent has a child."""
    diagram = fitted(diagram, CARRIES)
    graph = diagram.graph
    parents = {edge.left for edge in graph.edges if edge.mark == "->"}
    lone = graph.sorted(graph.latent - parents)
    if not lone:
        return diagram
    kept = MixedGraph(graph.kind, graph.nodes, graph.edges, graph.latent & parents, graph.selected)
    measured = Diagram.of(kept, diagram.variables, edge_attributes=diagram.edge_attributes)
    return replace(measured, losses=(*diagram.losses, f"the role of a latent of {listed(lone)}: it has no indicator"))


def _coefficient(diagram: Diagram, edge: Edge) -> str:
    """Return how a term of a formula is written: ``{}``, ``0.5*{}``, ``0.5*{} + b*{}`` with a label."""
    said = diagram.edge_attributes.get(edge, {})
    values = [value_text(said[key]) for key in ("beta", "label") if key in said]
    return " + ".join(f"{value}*{{0}}" for value in values) or "{0}"
