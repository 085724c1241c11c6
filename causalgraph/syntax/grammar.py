"""The grammar, found and compiled: `grammar/dag.lark` builds on `grammar/query.lark`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lark import Lark

__all__ = ["compiled", "grammar_folder"]

PACKAGE = Path(__file__).resolve().parent.parent


def grammar_folder() -> Path:
    """Return the folder of the grammar files.

    A wheel carries them inside the package; an editable install doesn't, and has them at the repository's root.

    Raises:
        FileNotFoundError: the installation is broken, neither place has them.
    """
    for folder in (PACKAGE / "grammar", PACKAGE.parent / "grammar"):
        if (folder / "dag.lark").is_file():
            return folder
    raise FileNotFoundError(f"dag.lark is neither in {PACKAGE / 'grammar'} nor in {PACKAGE.parent / 'grammar'}")


@cache
def compiled(*, strict: bool = False) -> Lark:
    """Return the parser of one statement (``statement``) or one query (``query``), compiled once.

    `strict` makes conflicts and colliding terminals errors; it needs the package ``interegular``.
    """
    from lark import Lark

    return Lark.open(
        str(grammar_folder() / "dag.lark"),
        parser="lalr",
        lexer="contextual",
        start=["statement", "query"],
        keep_all_tokens=True,  # brackets belong to the place of what they hold; Lark's own positions cost twice as much
        maybe_placeholders=True,
        strict=strict,
    )
