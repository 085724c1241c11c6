"""How names, levels and strings are written, for the formatter and for whoever prints a name that can be typed back."""

from __future__ import annotations

import re
import unicodedata

from causalgraph.errors import ModelError

__all__ = ["HEADERS", "is_bare", "level_text", "name_text", "normal", "string_text", "unquoted"]

# The words that open a file: alone on a line they are a header, never a variable.
HEADERS = ("dag", "admg", "cpdag", "mpdag", "pdag", "mag", "pag")

NUMBER = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
ESCAPE = re.compile(r'\\(["\\])')


def normal(name: str) -> str:
    """Return a name in Unicode normal form C, in which names are compared, as a plain string."""
    return unicodedata.normalize("NFC", str(name))


def is_bare(name: str) -> bool:
    """Say whether a name is a Unicode identifier, so that it needs no backticks."""
    return name.isidentifier()


def name_text(name: str) -> str:
    """Return a name as it is typed, in backticks where it needs them.

    >>> name_text("Banner"), name_text("Lung cancer")
    ('Banner', '`Lung cancer`')

    Raises:
        ModelError: no text can hold the name: it is empty, or has a backtick or a line break (E012).
    """
    name = normal(name)
    if is_bare(name):
        return name
    if not name or "`" in name or "\n" in name:
        raise ModelError.because(
            "E012",
            f"{name!r} can't be written as a name",
            why="backticks hold anything but nothing, a backtick and a line break",
            fix="rename the variable",
        )
    return f"`{name}`"


def string_text(text: str) -> str:
    r"""Return a string as it is typed, in double quotes.

    >>> print(string_text('12" screen'))
    "12\" screen"

    Raises:
        ModelError: it has a line break, which no string can hold (E004).
    """
    if "\n" in text:
        raise ModelError.because("E004", f"{text!r} has a line break, which a string can't hold")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def level_text(level: str) -> str:
    """Return a level as it is typed: bare where it is an identifier or a number, else a string.

    >>> level_text("high"), level_text("-1"), level_text("18-25")
    ('high', '-1', '"18-25"')
    """
    if (is_bare(level) and normal(level) == level) or NUMBER.fullmatch(level):
        return level
    return string_text(level)


def unquoted(written: str) -> str:
    """Return what a name in backticks or a string in double quotes says."""
    inner = written[1:-1]
    return inner if written[0] == "`" else ESCAPE.sub(r"\1", inner)
