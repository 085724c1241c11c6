"""Documents as text: for a file, for a log, for a terminal."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence

from causalgraph.answers import Block, Document, Line, Math, Table, Word
from causalgraph.render.theme import LOOKS

__all__ = ["coloured", "columns", "plain", "printable", "signed"]

INDENT = 2
GAP = 2

# Format characters that shape the letters around them; the others (bidirectional overrides, tags) can hide text.
JOINERS = "\u200c\u200d"

# The last two code points of each plane are no characters, and XML forbids the first such pair.
NONCHARACTERS = 0xFFFE


def plain(document: Document, width: int | None = None) -> str:
    """Return a document as plain text, two spaces a step of depth; `width` wraps lines, never tables.

    >>> from causalgraph.answers import line
    >>> print(plain(Document((line(Word("identified", "good"), ", given this graph"), line("by {Z}", depth=1)))))
    ✔ identified, given this graph
      by {Z}
    """
    rows = itertools.chain.from_iterable(_rows(block, width) for block in document.blocks)
    return "\n".join("".join(word.text for word in row) for row in rows)


def coloured(document: Document, width: int | None = None) -> str:
    r"""Return a document as text for a terminal that knows colours.

    >>> coloured(Document((Line((Word("No", "bad"), Word("."))),)))
    '\x1b[1;38;5;160m✘ No\x1b[0m.'
    """
    rows = itertools.chain.from_iterable(_rows(block, width) for block in document.blocks)
    return "\n".join("".join(_painted(word) for word in row) for row in rows)


def printable(text: str) -> str:
    r"""Return a text in which what could disturb a terminal or a page is written out.

    >>> printable("a\x1b[31mb\n")
    'a\\x1b[31mb\\n'
    """
    return "".join(c if _is_harmless(c) else c.encode("unicode_escape").decode("ascii") for c in text)


def columns(text: str) -> int:
    """Return how many columns a text takes on a terminal: wide characters two, combining ones none.

    >>> columns("naïve"), columns("因果")
    (5, 4)
    """
    return sum(_columns_of(c) for c in text)


def signed(word: Word) -> str:
    """Return a word's text with the sign of its meaning, once.

    >>> signed(Word("identified", "good")), signed(Word("✔ identified", "good")), signed(Word("", "good"))
    ('✔ identified', '✔ identified', '✔')
    """
    sign, text = LOOKS[word.style].sign, printable(word.text)
    if not sign or text.startswith(sign):
        return text
    return f"{sign} {text}" if text.strip() else sign + text


def _is_harmless(character: str) -> bool:
    category = unicodedata.category(character)
    if ord(character) & NONCHARACTERS == NONCHARACTERS:
        return False
    return character in JOINERS or category not in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _columns_of(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _painted(word: Word) -> str:
    ansi = LOOKS[word.style].ansi
    return f"\x1b[{ansi}m{word.text}\x1b[0m" if ansi and word.text.strip() else word.text


def _rows(block: Block, width: int | None) -> Iterable[list[Word]]:
    """Return the rows of a block: words with signs, escaped and placed, without spaces at their ends."""
    rows = _table(block) if isinstance(block, Table) else _wrapped(block, width)
    return (_trimmed(row) for row in rows)


def _trimmed(row: list[Word]) -> list[Word]:
    """Cut the spaces at the end of a row."""
    while row and not row[-1].text.strip(" "):
        row.pop()
    return [*row[:-1], Word(row[-1].text.rstrip(" "), row[-1].style)] if row else row


def _shown(part: str | Word | Math) -> Word:
    """Return what is printed of a part of a line or a cell."""
    if isinstance(part, Word):
        return Word(signed(part), part.style)
    return Word(printable(part.text if isinstance(part, Math) else part))


def _wrapped(line: Line, width: int | None) -> list[list[Word]]:
    """Break a line at its spaces so that it fits; what follows hangs one step deeper."""
    words = [_shown(part) for part in line.parts]
    indent = Word(" " * INDENT * line.depth)
    if width is None or len(indent.text) + sum(columns(w.text) for w in words) <= width:
        return [[indent, *words]]
    rows = [[indent]]
    used = len(indent.text)
    for run in _unbreakable(words):
        length = sum(columns(word.text) for word in run)
        is_space = not run[0].text.strip(" ")
        if used + length > width and len(rows[-1]) > 1 and not is_space:
            rows.append([Word(indent.text + " " * INDENT)])
            used = len(rows[-1][0].text)
        if not (is_space and len(rows) > 1 and len(rows[-1]) == 1):
            rows[-1] += run
            used += length
    return rows


def _unbreakable(words: Iterable[Word]) -> Iterable[list[Word]]:
    """Cut words into runs between which a line may break: spaces, and what stands between spaces."""
    pieces = [Word(text, word.style) for word in words for text in re.findall(r" +|[^ ]+", word.text)]
    for _, run in itertools.groupby(pieces, key=lambda piece: piece.text[0] == " "):
        yield list(run)


def _table(table: Table) -> list[list[Word]]:
    """Align a table in columns; a rule parts the header, where there is one, from the rows."""
    header = [Word(printable(cell), "strong") for cell in table.header]
    body = [[_shown(cell) for cell in row] for row in table.rows]
    count = max((len(row) for row in [header, *body]), default=0)
    widths = [max(columns(row[at].text) if at < len(row) else 0 for row in [header, *body]) for at in range(count)]
    rule = [Word("─" * width, "dim") for width in widths]
    rows = [header, rule, *body] if header else body
    return [_aligned(row, widths, table) for row in rows]


def _aligned(row: Sequence[Word], widths: Sequence[int], table: Table) -> list[Word]:
    """Pad the cells of a row to the widths of their columns."""
    out = [Word(" " * INDENT * table.depth)]
    for at, word in enumerate(row):
        padding = Word(" " * (widths[at] - columns(word.text)))
        gap = Word(" " * GAP * (at > 0))
        out += [gap, padding, word] if at in table.numeric else [gap, word, padding]
    return out
