"""What every answer is: a frozen dataclass that tells itself as a small document and as JSON.

An answer says *what* is shown (`document`); the room `render` knows *how*, as plain text, in colour, or as HTML. The
`_repr_*_` hooks import it when they are called: the only upward calls of the package.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Answer", "Block", "Document", "Line", "Math", "Style", "Table", "Word", "line", "share_text"]

# What a word means, not what it looks like; `render.theme` gives each a colour *and* a sign that survives without one.
Style = Literal["plain", "good", "bad", "warn", "dim", "strong", "causal", "biasing", "name"]


@dataclass(frozen=True)
class Word:
    """A run of text and its meaning."""

    text: str
    style: Style = "plain"


@dataclass(frozen=True)
class Math:
    """A formula, as text, as LaTeX and, where there is markup for it, as MathML: one `<math>` element, set as it is."""

    text: str
    latex: str
    mathml: str = ""


@dataclass(frozen=True)
class Line:
    """A line of words and formulas; `depth` counts steps of indentation."""

    parts: tuple[Word | Math, ...]
    depth: int = 0


@dataclass(frozen=True)
class Table:
    """Rows under a header; `numeric` names the columns (by place) that are set flush right."""

    header: tuple[str, ...]
    rows: tuple[tuple[str | Word, ...], ...]
    numeric: frozenset[int] = frozenset()
    depth: int = 0


Block = Line | Table


def share_text(share: float) -> str:
    """Write a share in percent; a small one is never nothing.

    >>> share_text(0.25), share_text(0.00003)
    ('25.0%', 'less than 0.1%')
    """
    return f"{share:.1%}" if share >= 0.001 or share == 0 else "less than 0.1%"


@dataclass(frozen=True)
class Document:
    """Blocks from top to bottom."""

    blocks: tuple[Block, ...]


def line(*parts: str | Word | Math, depth: int = 0) -> Line:
    """Make a line; bare text is plain.

    >>> line("n = ", Word("2,000", "strong")).parts
    (Word(text='n = ', style='plain'), Word(text='2,000', style='strong'))
    """
    return Line(tuple(Word(p) if isinstance(p, str) else p for p in parts), depth)


class Answer:
    """The base of every answer."""

    @property
    def exit_code(self) -> int:
        """The command line's: 0 answered, 1 an honest negative."""
        return 0

    def document(self) -> Document:
        """Return what there is to show."""
        raise NotImplementedError(type(self).__name__)

    def explanation(self) -> Document:
        """Return the same at more length, in plain words, where there is more to say."""
        return self.document()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values under the keys of the public contract, `kind` among them."""
        raise NotImplementedError(type(self).__name__)

    def __str__(self) -> str:
        """Tell the answer as plain text."""
        from causalgraph.render.text import plain

        return plain(self.document())

    def _repr_html_(self) -> str:
        from causalgraph.render.html import fragment

        return fragment(self.document())
