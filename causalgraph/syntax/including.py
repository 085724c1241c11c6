"""`include "base.dag"`: the graphs of other files, read in place.

An included file brings in its graph: variables, edges, equations and background knowledge. Its questions, its
`expect`s, its data and their design stay its own, for they are about that file: `include` shares what is believed, not
what is asked. All files share one space of names. A file that is reached twice is read once; a circle of files is an
error. The header of the including file counts; where it has none, the first included file that has one says the kind
of the graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from causalgraph.errors import Diagnostic, Label, ModelError, SourceText, Span
from causalgraph.syntax import tree
from causalgraph.syntax.equations import Design
from causalgraph.syntax.parser import LIMITS, Limits, parse_all
from causalgraph.syntax.splitter import MAX_PROBLEMS, read_text

__all__ = ["MAX_FILES", "parse_files"]

# A model that is spread over more files than this is more likely one that a program wrote wrongly.
MAX_FILES = 100
# What an included file doesn't bring in.
ITS_OWN = (tree.Header, tree.DataStatement, Design, tree.QueryStatement, tree.Named, tree.Expect)


@dataclass
class _Files:
    """The files that are being read: `open` ones in the order of inclusion, and all that were `seen`."""

    limits: Limits
    bytes_left: int
    problems: list[Diagnostic] = field(default_factory=list)
    lost: list[Span] = field(default_factory=list)
    open: list[Path] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)
    kind: tree.Header | None = None


def parse_files(
    source: SourceText, directory: Path, limits: Limits = LIMITS
) -> tuple[tree.Document, tuple[Diagnostic, ...]]:
    """Parse a text and the files that it includes, which are looked for from `directory`.

    Returns the statements of all, those of an included file where it is included, and every problem, in that order.
    The limits of size hold for all the files together.
    """
    files = _Files(limits, limits.max_bytes - len(source.text.encode("utf-8", "replace")))
    document, problems = parse_all(source, limits)
    files.problems += problems
    files.lost += document.lost
    own = Path(source.name)
    if own.is_file():
        files.open.append(own.resolve())
        files.seen.add(own.resolve())
    statements = tuple(_flat(files, document, directory))
    if files.kind is not None and not any(isinstance(s, tree.Header) for s in statements):
        statements = (files.kind, *statements)
    return tree.Document(statements, tuple(files.lost)), tuple(files.problems)


def _flat(files: _Files, document: tree.Document, directory: Path) -> Iterator[tree.Statement]:
    """Yield the statements, those of included files in the place of the `include`."""
    for statement in document.statements:
        if not isinstance(statement, tree.Include):
            yield statement
        elif len(files.problems) < MAX_PROBLEMS:
            yield from _included(files, statement, directory)


def _included(files: _Files, statement: tree.Include, directory: Path) -> Iterator[tree.Statement]:
    """Yield what one included file brings in, or note why it can't."""
    place = directory / statement.path
    problem = _refusal(files, statement, place)
    if problem is not None:
        files.problems.append(problem)
        return
    real = place.resolve()
    if real in files.seen:
        return
    try:
        source = read_text(place, max_bytes=max(0, files.bytes_left))
    except ModelError as error:
        files.problems += [_beside(d, statement) for d in error.diagnostics]
        return
    files.bytes_left -= len(source.text.encode())
    files.seen.add(real)
    files.open.append(real)
    document, problems = parse_all(source, files.limits)
    files.problems += problems
    files.lost += document.lost
    for inner in _flat(files, document, place.parent):
        if isinstance(inner, tree.Header) and files.kind is None:
            files.kind = tree.Header(inner.kind, None, inner.span)
        if not isinstance(inner, ITS_OWN):
            yield inner
    files.open.pop()


def _refusal(files: _Files, statement: tree.Include, place: Path) -> Diagnostic | None:
    """Say why a file isn't even opened."""
    label = (Label(statement.span),) if statement.span else ()
    if Path(statement.path).is_absolute() or "\0" in statement.path:
        return Diagnostic(
            "E121",
            "an included file is named relative to the file that includes it",
            label,
            "a model that names a place on one machine works on no other",
            "write the path from here, such as base.dag or ../base.dag",
        )
    try:
        there, real = place.is_file(), place.resolve()
    except (OSError, ValueError, RuntimeError):
        there, real = False, place
    if not there:
        return Diagnostic(
            "E121",
            f"there is no file {place}",
            label,
            "its variables and edges are missing from the model",
            "mend the path; it is relative to the file that includes it",
        )
    if real in files.open:
        chain = [path.name for path in (*files.open[files.open.index(real) :], real)]
        return Diagnostic(
            "E120",
            f"these files include one another in a circle: {' -> '.join(chain)}",
            label,
            "a file can't be part of itself",
            "drop this include, or move what both files need into a third",
        )
    if len(files.seen) >= MAX_FILES:
        return Diagnostic(
            "E122", f"more than {MAX_FILES} files are included", label, "the limit bounds the time", "join some of them"
        )
    return None


def _beside(problem: Diagnostic, statement: tree.Include) -> Diagnostic:
    """Add to a problem of reading a file where the file is included."""
    label = (Label(statement.span, "included here", primary=not problem.labels),) if statement.span else ()
    return Diagnostic(problem.code, problem.what, problem.labels + label, problem.why, problem.fix)
