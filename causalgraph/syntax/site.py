"""Where the builder of the syntax tree is in a text, and what it has found wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from causalgraph.errors import Diagnostic, Label, SourceText, Span

if TYPE_CHECKING:
    from lark import Token

__all__ = ["Site"]


@dataclass
class Site:
    """Where the builder is: the text, the place of the rule in hand, and what it has found wrong.

    `lost` holds once a problem leaves the statement without a meaning.
    """

    source: SourceText
    problems: list[Diagnostic] = field(default_factory=list)
    lost: bool = False
    span: Span = field(init=False)

    def at(self, token: Token) -> Span:
        """Return the place of a token."""
        return Span(self.source, token.start_pos or 0, token.end_pos or 0)

    def report(self, code: str, what: str, span: Span | None, fix: str | None, why: str | None = None) -> None:
        """Note a problem."""
        self.problems.append(Diagnostic(code, what, (Label(span),) if span else (), why, fix))
