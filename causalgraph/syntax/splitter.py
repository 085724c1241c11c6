"""From a text to its statements and comments, by one linear scan.

The scan knows brackets, strings, names in backticks and comments, nothing else. A statement ends with its line or at
a ``;``, except inside brackets and where the next line starts with an operator.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from causalgraph.errors import Diagnostic, Label, ModelError, SourceText, Span

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_PROBLEMS",
    "MAX_TOKENS",
    "Split",
    "Statement",
    "gave_up",
    "read_text",
    "split",
    "too_long",
]

MAX_BYTES = 5_000_000
MAX_DEPTH = 200
# Words and signs of a whole text, some 35,000 statements. Each costs 50 µs or so, which makes this many a few seconds.
MAX_TOKENS = 100_000
# Each bracket that is never closed costs a second look at what follows it; after this many, line ends count for sure.
MAX_RESCANS = 20
# A text with more problems isn't a model; finding them all would only cost time.
MAX_PROBLEMS = 100

# Lines, comments, brackets and quotes that a text may have for each of its words and signs.
EVENTS_A_TOKEN = 4
# What of a first line is quoted where a file is too large to be read.
WIDEST_SEEN = 400

CLOSERS = {"(": ")", "[": "]", "{": "}"}
SPACE = " \t\r"

TOKEN = re.compile(
    r"""(?P<string>"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*(?P<unclosed_string>"?))
      | (?P<backtick>`[^`\n]*(?P<unclosed_backtick>`?))
      | (?P<comment>\#[^\n]*)
      | (?P<open>[(\[{])
      | (?P<close>[)\]}])
      | (?P<semicolon>;)
      | (?P<arrow>->)
      | (?P<newline>\n[ \t\r\n]*)""",
    re.VERBOSE,
)
# How dagitty and Graphviz open a graph, behind comments of either language and ours.
BRACES = re.compile(
    r"""(?: \s+ | (?:\#|//)[^\n]* | /\*.*?\*/ )*+
        (?P<head> (?:strict\s+)? (?:c?pdag|dag|admg|[mp]ag|(?:di)?graph)
                  (?:[ \t]+(?:\w+|"(?:[^"\\\n]|\\.)*+"))? [ \t]* \{)""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
# A line that starts so goes on with the statement above, over blank lines and comments.
CONTINUES = re.compile(r"(?:[ \t\r\n]+|\#[^\n]*)*+ (?= [-+*/|<>] | == | != | o(?:->|--|-o)(?!\S) )", re.VERBOSE)


@dataclass(frozen=True)
class Statement:
    """Where a statement stands; `broken` where the splitter has already said what is wrong with it."""

    start: int
    end: int
    broken: bool = False


@dataclass(frozen=True)
class Split:
    """A text's statements and comments, in order, and what is wrong with its brackets and quotes."""

    source: SourceText
    statements: tuple[Statement, ...]
    comments: tuple[Span, ...]
    diagnostics: tuple[Diagnostic, ...]


def read_text(path: str | Path, *, max_bytes: int = MAX_BYTES) -> SourceText:
    """Read a file: UTF-8, with or without a byte order mark, with line ends of any system.

    Raises:
        ModelError: there is no such file (E014), it is too large (E007) or it isn't UTF-8 (E009, at the bad byte).
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise ModelError.because("E014", f"{path} can't be read: {error.strerror}") from error
    if len(data) > max_bytes:
        first = data[:WIDEST_SEEN].split(b"\n", 1)[0].decode("utf-8", errors="replace")
        raise ModelError(_too_large(SourceText(first, str(path)), max_bytes))
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        place = len(data[: error.start].decode("utf-8"))
        source = SourceText(data.decode("utf-8", errors="replace"), str(path))
        utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        raise ModelError.because(
            "E009",
            "this file is UTF-16, not UTF-8" if utf16 else f"byte 0x{data[error.start]:02x} isn't UTF-8",
            why="a model is UTF-8 text, so that it reads the same everywhere",
            fix="save the file as UTF-8",
            span=Span(source, place, place + 1),
        ) from error
    return SourceText(text.replace("\r\n", "\n").replace("\r", "\n"), str(path))


def gave_up(span: Span) -> Diagnostic:
    """Say that a text has too many problems to go on."""
    why = f"a text with {MAX_PROBLEMS} problems is hardly a model"
    return Diagnostic("E006", "nothing was read from here on", (Label(span),), why, "mend the problems above first")


def _too_large(source: SourceText, max_bytes: int) -> Diagnostic:
    """Say that a text exceeds the limit."""
    return Diagnostic(
        "E007",
        f"{source.name} is larger than {max_bytes:,} bytes",
        (Label(Span(source, 0, 0), "starts here"),),
        "a model is written by a person; the limit keeps a wrong file from costing minutes",
        "is this the data rather than the model? If it is the model, raise max_bytes",
    )


def too_long(span: Span, what: str) -> Diagnostic:
    """Say that a text has more of something than the limit on its words and signs allows."""
    return Diagnostic(
        "E007",
        f"the text has more than {what}",
        (Label(span, "the limit is passed here"),),
        "a model is written by a person; the limit keeps a wrong file from costing minutes",
        "is this the data rather than the model? If it is the model, raise max_tokens",
    )


def split(
    source: SourceText, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, max_tokens: int = MAX_TOKENS
) -> Split:
    r"""Split a text into statements and comments; what is wrong with it is reported, never raised.

    >>> found = split(SourceText("A -> B; B\n  -> C  # on"))
    >>> [found.source.text[s.start:s.end] for s in found.statements]
    ['A -> B', 'B\n  -> C']
    """
    # A text has at least as many bytes as characters: most texts that are too large needn't be encoded to see it.
    if len(source.text) > max_bytes or len(source.text.encode("utf-8", "replace")) > max_bytes:
        return Split(source, (), (), (_too_large(source, max_bytes),))
    alien = re.search("[\0\ud800-\udfff]", source.text)
    if alien:
        what = "a NUL byte" if alien.group() == "\0" else "half a surrogate pair"
        place = Label(Span(source, alien.start(), alien.end()))
        fix = "is this a binary file? A model is UTF-8 text"
        return Split(source, (), (), (Diagnostic("E009", f"{what} doesn't belong in a text", (place,), fix=fix),))
    other = BRACES.match(source.text)
    if other:
        return Split(source, (), (), (_other_language(source, other),))
    scan = _Scan(source, max_depth)
    if not scan.run(EVENTS_A_TOKEN * max_tokens):
        what = f"{EVENTS_A_TOKEN * max_tokens:,} lines, comments, brackets and quotes"
        return Split(source, (), (), (too_long(Span(source, scan.end, scan.end), what),))
    return Split(source, tuple(scan.statements), tuple(scan.comments), tuple(scan.diagnostics))


def _other_language(source: SourceText, found: re.Match[str]) -> Diagnostic:
    """Say that a text is one of dagitty's or Graphviz's, whose graphs stand in braces."""
    head = " ".join(found["head"].split())
    return Diagnostic(
        "E016",
        f"`{head}` opens a graph in dagitty's or Graphviz's language",
        (Label(Span(source, *found.span("head"))),),
        "in this language a header is followed by statements, one a line, and nothing stands in braces around them",
        "drop `{` and the closing `}` and keep what stands between; or load the text from a file, as it is",
    )


@dataclass
class _Scan:
    """The scan's state: what it has found, and the statement that it is in."""

    source: SourceText
    max_depth: int
    statements: list[Statement] = field(default_factory=list)
    comments: list[Span] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    rescans: int = 0
    start: int | None = None
    end: int = 0
    broken: bool = False
    openers: list[int] = field(default_factory=list)
    line_start: int = 0
    continues_until: int = 0

    def run(self, most: int) -> bool:
        """Scan the text to its end, or say that it holds more than `most` lines, comments, brackets and quotes."""
        text, position, events = self.source.text, 0, 0
        while position < len(text):
            events += 1
            if events > most:
                self.end = position
                return False
            token = TOKEN.search(text, position)
            self._take(position, token.start() if token else len(text))
            if token is None:
                position = len(text)
            elif token.lastgroup in HANDLERS:
                position = HANDLERS[token.lastgroup](self, token)
            if position == len(text):
                position = self._finish(position)
            if len(self.diagnostics) == MAX_PROBLEMS:
                self.diagnostics.append(gave_up(Span(self.source, position, position)))
                break
        return True

    def _take(self, start: int, end: int) -> None:
        """Count a stretch without tokens to the statement."""
        stretch = self.source.text[start:end]
        bare = stretch.strip(SPACE)
        if bare:
            lead = len(stretch) - len(stretch.lstrip(SPACE))
            self._extend(start + lead, start + lead + len(bare))

    def _extend(self, start: int, end: int) -> None:
        self.start = start if self.start is None else self.start
        self.end = end

    def _report(self, code: str, what: str, labels: tuple[Label, ...], why: str | None, fix: str) -> None:
        """Report the first problem of a statement; what follows it is mostly its echo."""
        if not self.broken:
            self.diagnostics.append(Diagnostic(code, what, labels, why, fix))
        self.broken = True

    def _close_statement(self) -> None:
        if self.start is not None:
            self.statements.append(Statement(self.start, self.end, self.broken))
        self.start, self.broken = None, False
        self.openers.clear()

    def _at(self, start: int, end: int) -> Label:
        return Label(Span(self.source, start, end))

    def on_quoted(self, token: re.Match[str]) -> int:
        self._extend(token.start(), token.end())
        kind = token.lastgroup
        if kind is not None and not token[f"unclosed_{kind}"]:
            mark = token.group()[0]
            thing = {"string": "string", "backtick": "name in backticks"}[kind]
            self._report(
                "E004",
                f"this {thing} has no end",
                (self._at(token.start(), len(token.group().rstrip()) + token.start()),),
                f"a {thing} ends on the line that it starts on",
                f"close it with {mark}",
            )
        return token.end()

    def on_comment(self, token: re.Match[str]) -> int:
        end = token.start() + len(token.group().rstrip())
        self.comments.append(Span(self.source, token.start(), end))
        return token.end()

    def on_open(self, token: re.Match[str]) -> int:
        self._extend(token.start(), token.end())
        if self.broken and not self.openers:
            return token.end()
        self.openers.append(token.start())
        if len(self.openers) > self.max_depth:
            self._report(
                "E008",
                f"brackets are nested more than {self.max_depth} deep",
                (self._at(token.start(), token.end()),),
                "no question needs that many; the limit keeps time and memory bounded",
                "name the inner parts, or raise max_depth",
            )
            self.openers.clear()
            line_end = self.source.text.find("\n", token.end())
            return line_end if line_end >= 0 else len(self.source.text)
        return token.end()

    def on_close(self, token: re.Match[str]) -> int:
        self._extend(token.start(), token.end())
        closer, here = token.group(), self._at(token.start(), token.end())
        if not self.openers:
            self._report("E003", f"{closer} closes nothing", (here,), None, "drop it, or open a bracket before it")
            return token.end()
        opener = self.openers.pop()
        wanted = CLOSERS[self.source.text[opener]]
        if closer != wanted:
            if opener < self.line_start < token.start() and self.rescans < MAX_RESCANS:
                # Within a later line, a wrong closer belongs to what that line has; the opener was left open above.
                self.openers.append(opener)
                return self._finish(token.end())
            there = Label(Span(self.source, opener, opener + 1), "opened here", primary=False)
            what = f"{self.source.text[opener]} is closed by {closer}"
            self._report("E003", what, (here, there), None, f"write {wanted} here, or close the inner bracket first")
            self.openers.clear()
        return token.end()

    def on_semicolon(self, token: re.Match[str]) -> int:
        if self.openers:
            self._extend(token.start(), token.end())
        else:
            self._close_statement()
        return token.end()

    def on_arrow(self, token: re.Match[str]) -> int:
        """No bracket holds an arrow, so one on a later line tells early that a bracket was left open."""
        self._extend(token.start(), token.end())
        if self.openers and self.openers[0] < self.line_start and self.rescans < MAX_RESCANS:
            return self._finish(token.end())
        return token.end()

    def on_newline(self, token: re.Match[str]) -> int:
        self.line_start = token.end()
        if self.openers and self.rescans < MAX_RESCANS:
            return token.end()
        if self.openers:
            self._unclosed()
        elif self.start is not None and token.end() > self.continues_until:
            ahead = CONTINUES.match(self.source.text, token.end())
            if ahead is None:
                self._close_statement()
            else:
                self.continues_until = ahead.end()
        return token.end()

    def _unclosed(self) -> None:
        opener = self.openers[0]
        self._report(
            "E003",
            f"this {self.source.text[opener]} is never closed",
            (self._at(opener, opener + 1),),
            None,
            f"close it with {CLOSERS[self.source.text[opener]]}",
        )
        self._close_statement()

    def _finish(self, position: int) -> int:
        """End the last statement; where a bracket is open, go back to the end of its line and scan on from there."""
        if not self.openers:
            self._close_statement()
            return position
        opener = self.openers[0]
        line_end = self.source.text.find("\n", opener)
        if line_end < 0:
            self._unclosed()
            return position
        self.rescans += 1
        self.line_start = self.source.text.rfind("\n", 0, opener) + 1
        while self.comments and self.comments[-1].start > line_end:
            self.comments.pop()
        comment = self.comments[-1] if self.comments and self.comments[-1].start > opener else None
        code = self.source.text[opener : comment.start if comment else line_end]
        self.end = opener + len(code.rstrip())
        if self.broken and self.diagnostics[-1].labels[0].span.start > line_end:
            self.diagnostics.pop()  # the next look will find it again
            self.broken = False
        self._unclosed()
        return line_end


HANDLERS = {
    "string": _Scan.on_quoted,
    "backtick": _Scan.on_quoted,
    "comment": _Scan.on_comment,
    "open": _Scan.on_open,
    "close": _Scan.on_close,
    "semicolon": _Scan.on_semicolon,
    "arrow": _Scan.on_arrow,
    "newline": _Scan.on_newline,
}
