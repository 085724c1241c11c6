"""The syntax that DOT and dagitty share: statements in braces, names, chains of edges, attributes in brackets.

One scan, one pass, no tree: each statement is handed on as it is read, so that a long text costs no more memory than
the graph that it describes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from causalgraph.errors import ModelError, SourceText, Span
from causalgraph.formats.draft import MAX_DEPTH, MAX_EDGES, wrong

__all__ = ["Attributes", "Dialect", "Sink", "Word", "parse"]

Attributes = Mapping[str, str]

GRAPH_TYPES = ("graph", "digraph", "dag", "mag", "pdag", "pag")
PIECES = """
    (?P<space>[\\s;]+)
  | (?P<comment>//[^\\n]*|/\\*(?:[^*]|\\*(?!/))*+\\*/|\\#[^\\n]*)
  | (?P<string>{string})
  | (?P<operator>@->|@-@|@--|<->|<-@|<-|->|--@|--)
  | (?P<word>(?:(?<![\\w.])-)?[\\w.]+)
  | (?P<mark>[{{}}\\[\\],=:+])
"""


@dataclass(frozen=True)
class Dialect:
    """What sets one language apart: what a string says, which words may set attributes of all that follows, and which.

    `pattern` is that of a token, `said` turns the inside of a string into what it says.
    """

    pattern: re.Pattern[str]
    said: Callable[[str], str]
    is_keyword: Callable[[str], bool]
    inherited: frozenset[str]

    @classmethod
    def of(
        cls, string: str, said: Callable[[str], str], is_keyword: Callable[[str], bool], inherited: Iterable[str] = ()
    ) -> Dialect:
        """Return the dialect whose strings match a pattern, quotes and all."""
        token = re.compile(PIECES.format(string=string), re.VERBOSE)
        return cls(token, said, is_keyword, frozenset(inherited))


class Token(NamedTuple):
    """A piece of the text; the text of a string is what it says."""

    kind: str
    text: str
    start: int
    end: int


class Word(NamedTuple):
    """A name or a value, and its place."""

    text: str
    span: Span


class Sink(Protocol):
    """Takes what a text says, statement by statement."""

    def node(self, name: Word, attributes: Attributes, defaults: Attributes) -> None:
        """Take a node, what is said of it here, and what holds for every node that is first named here."""

    def edge(self, left: Word, operator: str, right: Word, attributes: Attributes) -> None:
        """Take an edge."""

    def option(self, key: str, value: str) -> None:
        """Take what is said of the whole graph; what is said of a group says how it looks, and is dropped."""


@dataclass
class Scope:
    """The names that a pair of braces holds, and the attributes that hold within it."""

    names: dict[str, Word] = field(default_factory=dict)
    node: dict[str, str] = field(default_factory=dict)
    edge: dict[str, str] = field(default_factory=dict)

    def inner(self) -> Scope:
        """Return a scope within this one."""
        return Scope({}, dict(self.node), dict(self.edge))


def parse(source: SourceText, dialect: Dialect, sink: Sink) -> str:
    """Hand every statement of the text to the sink; return the word that opens it, such as ``digraph``.

    Raises:
        ModelError: the text doesn't keep to the syntax (E020), or its braces are nested too deep (E008).
    """
    return _Parser(source, dialect, sink).text()


class _Parser:
    """Reads one token ahead."""

    def __init__(self, source: SourceText, dialect: Dialect, sink: Sink) -> None:
        self.source = source
        self.dialect = dialect
        self.sink = sink
        self.tokens = _tokens(source, dialect)
        self.next = next(self.tokens)
        self.depth = 0

    def span(self, token: Token) -> Span:
        return Span(self.source, token.start, token.end)

    def take(self) -> Token:
        token = self.next
        if token.kind != "end":
            self.next = next(self.tokens)
        return token

    def at(self, *texts: str) -> bool:
        return self.next.kind in ("mark", "operator") and self.next.text in texts

    def at_word(self, *texts: str) -> bool:
        return self.next.kind == "word" and self.next.text.lower() in texts

    def expect(self, text: str, where: str) -> Token:
        if not self.at(text):
            raise self.unexpected(f"{text} {where}")
        return self.take()

    def unexpected(self, wanted: str) -> ModelError:
        found = "the end of the text" if self.next.kind == "end" else repr(self.source.text[slice(*self.next[2:])][:40])
        return wrong(f"expected {wanted}, found {found}", self.span(self.next))

    def text(self) -> str:
        if self.at_word("strict"):
            self.take()
        if not self.at_word(*GRAPH_TYPES):
            raise self.unexpected("one of the words " + ", ".join(GRAPH_TYPES))
        word = self.take().text.lower()
        if not self.at("{"):
            self.word("a name or {")
        opening = self.expect("{", "after the name")
        self.statements(Scope())
        self.close(opening)
        if self.next.kind != "end":
            raise self.unexpected("nothing after the graph")
        return word

    def close(self, opening: Token) -> None:
        if self.next.kind == "end":
            raise wrong("this { is never closed", self.span(opening), "close it with }")
        self.expect("}", "here")

    def statements(self, scope: Scope) -> None:
        while not (self.at("}") or self.next.kind == "end"):
            if self.at(","):  # some write lists so
                self.take()
            elif self.at("{") or self.at_word("subgraph"):
                self.chain(self.group(scope), scope)
            else:
                self.statement(scope)

    def statement(self, scope: Scope) -> None:
        """Read ``a = b``, ``node [...]``, a node, or a chain of edges that a name starts."""
        is_bare = self.next.kind == "word"
        word = self.word("a name, an edge or }")
        if self.at("="):
            self.take()
            value = self.word("a value").text
            if not self.depth:
                self.sink.option(word.text, value)
        elif is_bare and self.at("[") and self.dialect.is_keyword(word.text):
            self.default(word.text.lower(), scope)
        else:
            self.port()
            scope.names.setdefault(word.text, word)
            if self.next.kind == "operator":
                self.sink.node(word, {}, scope.node)
                self.chain([word], scope)
            else:
                self.sink.node(word, self.attributes(), scope.node)

    def default(self, keyword: str, scope: Scope) -> None:
        """Read the attributes after ``graph``, ``node`` or ``edge``."""
        attributes = self.attributes()
        if keyword == "graph":
            for key, value in attributes.items() if not self.depth else ():
                self.sink.option(key, value)
        else:
            holds = scope.node if keyword == "node" else scope.edge
            holds |= {key: value for key, value in attributes.items() if key in self.dialect.inherited}

    def chain(self, left: list[Word], scope: Scope) -> None:
        """Read what follows the first name or group of a statement."""
        links: list[tuple[list[Word], str, list[Word]]] = []
        while self.next.kind == "operator":
            operator = self.take()
            right = self.side(scope)
            if len(left) * len(right) > MAX_EDGES:
                raise wrong(f"this joins more than {MAX_EDGES:,} pairs", self.span(operator), code="E023")
            links.append((left, operator.text, right))
            left = right
        attributes = scope.edge | self.attributes()
        for lefts, text, rights in links:
            for one in lefts:
                for other in rights:
                    self.sink.edge(one, text, other, attributes)

    def side(self, scope: Scope) -> list[Word]:
        """Read a name or a group; return the names."""
        if self.at("{") or self.at_word("subgraph"):
            return self.group(scope)
        word = self.word("a name or {")
        self.port()
        scope.names.setdefault(word.text, word)
        self.sink.node(word, {}, scope.node)
        return [word]

    def group(self, scope: Scope) -> list[Word]:
        """Read ``{...}`` or ``subgraph name {...}``; return the names in it."""
        opening = self.next
        if self.at_word("subgraph"):
            self.take()
            if not self.at("{"):
                self.word("a name or {")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise wrong(f"braces are nested more than {MAX_DEPTH} deep", self.span(opening), code="E008")
        brace = self.expect("{", "after the name")
        inner = scope.inner()
        self.statements(inner)
        self.close(brace)
        self.depth -= 1
        scope.names |= inner.names
        return list(inner.names.values())

    def port(self) -> None:
        """Skip ``:port:compass``, which says where on a node's rim an edge ends."""
        while self.at(":"):
            self.take()
            self.word("a port")

    def attributes(self) -> dict[str, str]:
        """Read any number of ``[key=value, flag]``; a flag's value is the empty text."""
        said: dict[str, str] = {}
        while self.at("["):
            opening = self.take()
            while not self.at("]"):
                if self.next.kind == "end":
                    raise wrong("this [ is never closed", self.span(opening), "close it with ]")
                if self.at(","):
                    self.take()
                    continue
                key = self.word("an attribute or ]").text
                said[key] = ""
                if self.at("="):
                    self.take()
                    said[key] = self.word("a value").text
            self.take()
        return said

    def word(self, wanted: str) -> Word:
        """Read a name or a value; strings may be joined by ``+``."""
        if self.next.kind not in ("word", "string", "markup"):
            raise self.unexpected(wanted)
        token = self.take()
        if token.kind != "string" or not self.at("+"):
            return Word(token.text, self.span(token))
        parts, span = [token.text], self.span(token)
        while self.at("+"):
            self.take()
            if self.next.kind != "string":
                raise self.unexpected("a string after +")
            token = self.take()
            parts.append(token.text)
            span = span.to(self.span(token))
        return Word("".join(parts), span)


def _tokens(source: SourceText, dialect: Dialect) -> Iterator[Token]:
    text, position = source.text, 0
    while position < len(text):
        match = dialect.pattern.match(text, position)
        if match is None:
            token = _markup(source, position)
            yield token
            position = token.end
            continue
        kind = match.lastgroup or ""
        if kind == "string":
            yield Token(kind, dialect.said(match[0][1:-1]), position, match.end())
        elif kind not in ("space", "comment"):
            yield Token(kind, match[0], position, match.end())
        position = match.end()
    yield Token("end", "", len(text), len(text))


def _markup(source: SourceText, start: int) -> Token:
    """Read ``<...>``, a label in Graphviz's markup, in which brackets pair; nothing else is left to be read."""
    text, depth = source.text, 0
    what = text[start]
    for bracket in re.compile("[<>]").finditer(text, start) if what == "<" else ():
        depth += 1 if bracket[0] == "<" else -1
        if depth == 0:
            said = " ".join(re.sub("<[^<>]*>", " ", text[start + 1 : bracket.start()]).split())
            return Token("markup", said, start, bracket.end())
    unclosed = {'"': "this string is never closed", "<": "this < is never closed"}.get(what)
    if text.startswith("/*", start):
        unclosed = "this comment is never closed"
    fix = None if unclosed else "a name with other signs in it stands in double quotes"
    raise wrong(unclosed or f"{what!r} has no meaning here", Span(source, start, start + 1), fix)
