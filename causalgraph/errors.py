"""What went wrong, where, why it matters and how to mend it.

Every problem is a `Diagnostic`: a code, a sentence, labelled places in a text, a reason and a remedy. Every exception
of the package is a `CausalGraphError` that carries one or more of them and the exit code of the command line.
"""

from __future__ import annotations

import bisect
import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Literal, Self

__all__ = [
    "CausalGraphError",
    "DataError",
    "Diagnostic",
    "EstimationError",
    "Label",
    "ModelError",
    "SourceText",
    "Span",
    "did_you_mean",
]

TAB_WIDTH = 4
WIDEST_LINE = 160
# How alike two words must be to take one for the other (twice the letters that match, by the letters of both).
CUTOFF = 0.6
LONGEST_COMPARED = 80
MOST_COMPARED = 2000


@dataclass(frozen=True, eq=False)
class SourceText:
    """A text and the name it goes by in messages (a file's path, or ``<text>``)."""

    text: str = field(repr=False)
    name: str = "<text>"

    @cached_property
    def line_starts(self) -> list[int]:
        """The offset at which each line starts, in characters."""
        starts = [0]
        position = self.text.find("\n")
        while position >= 0:
            starts.append(position + 1)
            position = self.text.find("\n", position + 1)
        return starts

    def place(self, offset: int) -> tuple[int, int]:
        """Return the line and the column of an offset, both counted from 1."""
        line = bisect.bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Return the text of a line (counted from 1) without its end."""
        start = self.line_starts[number - 1]
        end = self.line_starts[number] - 1 if number < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r")


@dataclass(frozen=True)
class Span:
    """A stretch of a source text: offsets in characters, the end excluded."""

    source: SourceText = field(repr=False)
    start: int
    end: int

    @property
    def line(self) -> int:
        """The line that the span starts on, counted from 1."""
        return self.source.place(self.start)[0]

    @property
    def text(self) -> str:
        """The text that the span covers."""
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """Return the span from the start of this one to the end of the other."""
        return Span(self.source, min(self.start, other.start), max(self.end, other.end))


@dataclass(frozen=True)
class Label:
    """A place that a diagnostic points at; the primary one names the place of the problem."""

    span: Span
    text: str = ""
    primary: bool = True


@dataclass(frozen=True)
class Diagnostic:
    """One problem: ``code`` (``E103``), what, where, why it matters, how to mend it."""

    code: str
    what: str
    labels: tuple[Label, ...] = ()
    why: str | None = None
    fix: str | None = None
    severity: Literal["error", "warning"] = "error"

    @property
    def span(self) -> Span | None:
        """The place of the problem, if it has one."""
        for label in self.labels:
            if label.primary:
                return label.span
        return self.labels[0].span if self.labels else None

    def __str__(self) -> str:
        """Lay the diagnostic out as the best compilers do: the line, a caret, why, fix."""
        rows = [f"{self.severity}[{self.code}]: {self.what}"]
        if self.span is not None:
            line, column = self.span.source.place(self.span.start)
            rows.append(f" --> {self.span.source.name}:{line}:{column}")
            rows += _excerpt(self.labels)
        rows += [f"  = why: {self.why}"] * bool(self.why)
        rows += [f"  = fix: {self.fix}"] * bool(self.fix)
        return "\n".join(rows)

    def to_dict(self) -> dict[str, object]:
        """Return the diagnostic as JSON-ready values."""
        place: dict[str, object] = {}
        if self.span is not None:
            line, column = self.span.source.place(self.span.start)
            place = {"file": self.span.source.name, "line": line, "column": column}
        return {
            "kind": "diagnostic",
            "severity": self.severity,
            "code": self.code,
            "what": self.what,
            **place,
            "why": self.why,
            "fix": self.fix,
        }


def _excerpt(labels: Sequence[Label]) -> list[str]:
    """Quote each labelled line with carets (primary) or dashes (secondary) below it, file by file."""
    primary = next((label for label in labels if label.primary), labels[0])
    sources = {label.span.source.name: label.span.source for label in (primary, *labels)}
    width = max(len(str(label.span.line)) for label in labels)
    rows: list[str] = []
    for name, source in sources.items():
        own = [label for label in labels if label.span.source.name == name]
        own.sort(key=lambda label: (label.span.start, not label.primary))
        if name != primary.span.source.name:
            line, column = source.place(own[0].span.start)
            rows.append(f" ::: {name}:{line}:{column}")
        rows += _quoted(own, width)
    return rows


def _quoted(ordered: Sequence[Label], width: int) -> list[str]:
    """Quote the lines of one file that labels, in order, point at."""
    rows: list[str] = []
    quoted = 0
    for label in ordered:
        number, column = label.span.source.place(label.span.start)
        text = label.span.source.line(number)
        length = max(1, min(label.span.end - label.span.start, len(text) - column + 1))
        text, column = _window(text, column)
        length = min(length, max(1, len(text) - column + 1))
        if number != quoted:
            rows.append(f"{number:>{width}} | {_printable(text).expandtabs(TAB_WIDTH)}".rstrip())
            quoted = number
        indent = len(text[: column - 1].expandtabs(TAB_WIDTH))
        mark = ("^" if label.primary else "-") * length
        rows.append(f"{'':>{width}} | {'':>{indent}}{mark} {label.text}".rstrip())
    return rows


def _window(text: str, column: int) -> tuple[str, int]:
    """Cut a very long line to the part around a column."""
    if len(text) <= WIDEST_LINE:
        return text, column
    start = max(0, column - 1 - WIDEST_LINE // 2)
    return text[start : start + WIDEST_LINE], column - start


def _printable(text: str) -> str:
    """Replace control characters, so that quoting a broken file can't disturb a terminal."""
    return "".join(c if c == "\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


class CausalGraphError(Exception):
    """The root of the package's errors; ``diagnostics`` says what, where, why and how to mend it."""

    exit_code = 70

    def __init__(self, *diagnostics: Diagnostic) -> None:
        self.diagnostics = diagnostics
        super().__init__("\n\n".join(str(d) for d in diagnostics))

    @property
    def code(self) -> str:
        """The code of the first diagnostic, such as ``E103``."""
        return self.diagnostics[0].code if self.diagnostics else ""

    @classmethod
    def because(
        cls, code: str, what: str, *, why: str | None = None, fix: str | None = None, span: Span | None = None
    ) -> Self:
        """Make an error of one diagnostic."""
        return cls(Diagnostic(code, what, (Label(span),) if span else (), why, fix))

    def __reduce__(self) -> tuple[type[CausalGraphError], tuple[Diagnostic, ...]]:
        """Pickle by the diagnostics, not by the message."""
        return type(self), self.diagnostics


class ModelError(CausalGraphError):
    """The text, the graph or the question is wrong."""

    exit_code = 3


class DataError(CausalGraphError):
    """The data can't be read, or doesn't fit the model."""

    exit_code = 4


class EstimationError(CausalGraphError):
    """The data can't carry the estimate."""

    exit_code = 5


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return the known word nearest to a mistyped one, or None where none is near.

    A long word isn't compared, and of very many known words only the first that have about its length are: the time
    stays bounded, and a person's model is never that large.

    >>> did_you_mean("Spnding", ["Banner", "Spending"])
    'Spending'
    """
    size = len(word)
    if size > LONGEST_COMPARED:
        return None
    likely = islice((k for k in known if size * CUTOFF <= len(k) * (2 - CUTOFF) and len(k) <= 3 * size), MOST_COMPARED)
    by_folded = {k.casefold(): k for k in sorted(likely, reverse=True)}
    near = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=CUTOFF)
    return by_folded[near[0]] if near else None
