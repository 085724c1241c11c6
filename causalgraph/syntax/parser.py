"""From a text to its syntax tree, statement by statement, with every problem found in one pass."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from causalgraph.errors import Diagnostic, Label, ModelError, SourceText, Span
from causalgraph.syntax import tree
from causalgraph.syntax.explain import Failure, explain, later
from causalgraph.syntax.grammar import compiled
from causalgraph.syntax.splitter import MAX_BYTES, MAX_DEPTH, MAX_PROBLEMS, Split, gave_up, split
from causalgraph.syntax.splitter import Statement as Place

if TYPE_CHECKING:
    from causalgraph.syntax.queries import Query

__all__ = ["as_source", "parse", "parse_all", "parse_expression", "parse_query", "parse_split"]


class Reading(NamedTuple):
    """What one statement says (None where that can't be told), and what is wrong with it."""

    node: Any
    problems: tuple[Diagnostic, ...]


def parse(text: str | SourceText, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> tree.Document:
    """Parse a text.

    >>> parse("A -> B; B : binary").statements[1].kind
    KindSpec(name='binary', levels=())

    Raises:
        ModelError: with every problem that the text has, in the order of the text.
    """
    document, problems = parse_all(text, max_bytes=max_bytes, max_depth=max_depth)
    if problems:
        raise ModelError(*problems)
    return document


def parse_all(
    text: str | SourceText, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH
) -> tuple[tree.Document, list[Diagnostic]]:
    """Return what can be understood of a text, and every problem that it has, in order; never raises for the text."""
    found = split(as_source(text), max_bytes=max_bytes, max_depth=max_depth)
    statements, problems = parse_split(found, max_depth=max_depth)
    return tree.Document(tuple(statements)), problems


def parse_split(found: Split, *, max_depth: int = MAX_DEPTH) -> tuple[list[tree.Statement], list[Diagnostic]]:
    """Parse the statements of a text that has been split; return them with all the problems, in order."""
    statements: list[tree.Statement] = []
    problems = list(found.diagnostics)
    for place in found.statements:
        if place.broken:
            continue
        if len(problems) >= MAX_PROBLEMS:
            problems.append(gave_up(Span(found.source, place.start, place.end)))
            break
        reading = _read(found.source, place, "statement", max_depth)
        problems += reading.problems
        if reading.node is not None:
            statements.append(reading.node)
    return statements, sorted(problems, key=_offset)


def parse_expression(text: str | SourceText, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> tree.Expr:
    """Parse one question, as it is typed on a command line, to its syntax tree.

    Raises:
        ModelError: it doesn't parse, or isn't one question.
    """
    source = as_source(text)
    found = split(source, max_bytes=max_bytes, max_depth=max_depth)
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
    reading = _read(source, found.statements[0], "query", max_depth)
    if reading.problems:
        raise ModelError(*reading.problems)
    expression: tree.Expr = reading.node
    return expression


def parse_query(text: str | SourceText, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Query:
    """Parse one question, as it is typed on a command line.

    >>> parse_query("ate(Banner, Spending)")
    Effect(measure='ate', treatment=Term(variable='Banner', value=None), \
outcome=Term(variable='Spending', value=None), given=())

    Raises:
        ModelError: it doesn't parse (E0xx), or isn't a question that can be asked (E2xx).
    """
    from causalgraph.syntax.build import to_query

    return to_query(parse_expression(text, max_bytes=max_bytes, max_depth=max_depth))


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
        return Reading(None, (_too_deep(source, place, max_depth),))
    site = builder.Site(source)
    node = builder.build(parsed, site)
    return Reading(None if site.lost else node, tuple(site.problems))


def _explained(source: SourceText, place: Place, error: Any) -> Reading:
    token = getattr(error, "token", None)
    ended = token is not None and token.type == "$END"
    stop = place.end if ended else error.pos_in_stream
    failure = Failure(source, place.start, place.end, stop, frozenset(error.interactive_parser.accepts()))
    what = later(failure)
    if what is None:
        return Reading(None, (explain(failure),))
    span = Span(source, place.start, place.end)
    problem = Diagnostic("E050", f"{what} isn't supported yet", (Label(span),), fix="leave it out for now")
    return Reading(tree.Unsupported(what, span), (problem,))


def _too_deep(source: SourceText, place: Place, max_depth: int) -> Diagnostic:
    return Diagnostic(
        "E008",
        f"this expression is nested more than {max_depth} deep",
        (Label(Span(source, place.start, place.end)),),
        "each operator nests what stands before it; the limit keeps time and memory bounded",
        "split it into named parts",
    )


def _offset(problem: Diagnostic) -> int:
    return problem.span.start if problem.span else 0
