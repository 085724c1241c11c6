"""From a text to its syntax tree, statement by statement, with every problem found in one pass."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from causalgraph.errors import Diagnostic, Label, ModelError, SourceText, Span
from causalgraph.syntax import tree
from causalgraph.syntax.explain import Failure, explain
from causalgraph.syntax.grammar import compiled
from causalgraph.syntax.measure import measure
from causalgraph.syntax.site import Site
from causalgraph.syntax.splitter import MAX_BYTES, MAX_DEPTH, MAX_PROBLEMS, MAX_TOKENS, Split, gave_up, split, too_long
from causalgraph.syntax.splitter import Statement as Place

if TYPE_CHECKING:
    from causalgraph.syntax.queries import Query

__all__ = [
    "LIMITS",
    "Limits",
    "Parsed",
    "as_source",
    "parse",
    "parse_all",
    "parse_expression",
    "parse_query",
    "parse_split",
]


class Limits(NamedTuple):
    """How large a text may be: bytes of the whole, nesting of one statement, words and signs of the whole."""

    max_bytes: int = MAX_BYTES
    max_depth: int = MAX_DEPTH
    max_tokens: int = MAX_TOKENS


LIMITS = Limits()


class Parsed(NamedTuple):
    """The statements of a text, all its problems in order, and the stretches whose meaning is lost."""

    statements: list[tree.Statement]
    problems: list[Diagnostic]
    lost: list[Span]


class Reading(NamedTuple):
    """What one statement says (None where that can't be told), and what is wrong with it."""

    node: Any
    problems: tuple[Diagnostic, ...]


def parse(text: str | SourceText, limits: Limits = LIMITS) -> tree.Document:
    """Parse a text.

    >>> parse("A -> B; B : binary").statements[1].kind
    KindSpec(name='binary', levels=())

    Raises:
        ModelError: with every problem that the text has, in the order of the text.
    """
    document, problems = parse_all(text, limits)
    if problems:
        raise ModelError(*problems)
    return document


def parse_all(text: str | SourceText, limits: Limits = LIMITS) -> tuple[tree.Document, list[Diagnostic]]:
    """Return what can be understood of a text, and every problem that it has, in order; never raises for the text."""
    found = split(as_source(text), **limits._asdict())
    parsed = parse_split(found, limits)
    return tree.Document(tuple(parsed.statements), tuple(parsed.lost)), parsed.problems


def parse_split(found: Split, limits: Limits = LIMITS) -> Parsed:
    """Parse the statements of a text that has been split; one with more words than the limit isn't parsed at all."""
    done = Parsed([], list(found.diagnostics), [])
    deep: dict[Place, int] = {}
    left = limits.max_tokens
    for place in found.statements:
        size = measure(found.source, place.start, place.end, max_tokens=left, max_depth=limits.max_depth)
        left -= size.tokens
        if left < 0:
            span = Span(found.source, place.start, place.end)
            return Parsed([], [*found.diagnostics, too_long(span, f"{limits.max_tokens:,} words and signs")], [])
        if size.too_deep is not None:
            deep[place] = size.too_deep
    for place in found.statements:
        span = Span(found.source, place.start, place.end)
        if place.broken:
            done.lost.append(span)
            continue
        if len(done.problems) >= MAX_PROBLEMS:
            done.problems.append(gave_up(span))
            break
        if place in deep:
            reading = Reading(None, (_too_deep(Span(found.source, deep[place], place.end), limits.max_depth),))
        else:
            reading = _read(found.source, place, "statement", limits.max_depth)
        done.problems.extend(reading.problems)
        if reading.node is not None:
            done.statements.append(reading.node)
        else:
            done.lost.append(span)
    done.problems.sort(key=_offset)
    return done


def parse_expression(text: str | SourceText, limits: Limits = LIMITS) -> tree.Expr:
    """Parse one question, as it is typed on a command line, to its syntax tree.

    Raises:
        ModelError: it doesn't parse, or isn't one question.
    """
    source = as_source(text)
    found = split(source, **limits._asdict())
    if found.diagnostics:
        raise ModelError(*found.diagnostics)
    if len(found.statements) != 1:
        what = "more than one question" if found.statements else "there is no question here"
        at = found.statements[1] if found.statements else Place(0, 0)
        raise ModelError.because(
            "E006",
            what,
            fix="ask one question, such as identify(do(X), Y)",
            span=Span(source, at.start, at.end),
        )
    place = found.statements[0]
    size = measure(source, place.start, place.end, max_tokens=limits.max_tokens, max_depth=limits.max_depth)
    if size.tokens > limits.max_tokens:
        raise ModelError(too_long(Span(source, place.start, place.end), f"{limits.max_tokens:,} words and signs"))
    if size.too_deep is not None:
        raise ModelError(_too_deep(Span(source, size.too_deep, place.end), limits.max_depth))
    reading = _read(source, place, "query", limits.max_depth)
    if reading.problems:
        raise ModelError(*reading.problems)
    expression: tree.Expr = reading.node
    return expression


@lru_cache(maxsize=128)  # the same question is asked of many data; nothing of it can be changed
def parse_query(text: str | SourceText, limits: Limits = LIMITS) -> Query:
    """Parse one question, as it is typed on a command line.

    >>> parse_query("ate(Banner, Spending)")
    Effect(measure='ate', treatment=Term(variable='Banner', value=None), \
outcome=Term(variable='Spending', value=None), given=(), held=())

    Raises:
        ModelError: it doesn't parse (E0xx), or isn't a question that can be asked (E2xx).
    """
    from causalgraph.syntax.build import to_query

    return to_query(parse_expression(text, limits))


def as_source(text: str | SourceText) -> SourceText:
    """Return a text with a name."""
    return text if isinstance(text, SourceText) else SourceText(text)


@cache
def _lark() -> tuple[Any, Any, Any]:
    """Import Lark, and what needs it, when the first text is parsed."""
    from lark import TextSlice, UnexpectedInput

    from causalgraph.syntax import builder

    return TextSlice, UnexpectedInput, builder


def _read(source: SourceText, place: Place, start: str, max_depth: int) -> Reading:
    text_slice, unexpected, builder = _lark()
    try:
        parsed = compiled().parse(text_slice(source.text, place.start, place.end), start=start)
    except unexpected as error:
        return _explained(source, place, error)
    # Nothing shorter than the limit can be nested deeper than it.
    if place.end - place.start > max_depth and builder.depth(parsed) > max_depth:
        return Reading(None, (_too_deep(Span(source, place.start, place.end), max_depth),))
    site = Site(source)
    node = builder.build(parsed, site)
    return Reading(None if site.lost else node, tuple(site.problems))


def _explained(source: SourceText, place: Place, error: Any) -> Reading:
    token = getattr(error, "token", None)
    ended = token is not None and token.type == "$END"
    stop = place.end if ended else error.pos_in_stream
    failure = Failure(source, place.start, place.end, stop, frozenset(error.interactive_parser.accepts()))
    return Reading(None, (explain(failure),))


def _too_deep(span: Span, max_depth: int) -> Diagnostic:
    return Diagnostic(
        "E008",
        f"this expression is nested more than {max_depth} deep",
        (Label(span),),
        "each operator nests what stands before it; the limit keeps time and memory bounded",
        "split it into named parts, or raise max_depth",
    )


def _offset(problem: Diagnostic) -> int:
    return problem.span.start if problem.span else 0
