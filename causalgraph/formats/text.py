"""Numbers, names and lists as every format writes them."""

from __future__ import annotations

import html.entities
import math
import re
import unicodedata
from collections.abc import Callable, Iterable
from decimal import Decimal

__all__ = [
    "decimal_text",
    "legal_name",
    "level_list",
    "level_list_text",
    "listed",
    "number",
    "one_line",
    "position",
    "respelled",
    "truth",
    "without_entities",
]

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
ENTITY = re.compile(r"&(?:#(?P<decimal>[0-9]{1,7})|#[xX](?P<hex>[0-9a-fA-F]{1,6})|(?P<name>[A-Za-z][A-Za-z0-9]*));")
HIGHEST = 0x10FFFF
SURROGATES = range(0xD800, 0xE000)
# What may not stand in a level of a list: the separator, the escape itself, quotes and what is escaped elsewhere.
UNLISTED = re.compile(r'[|%"\\\x00-\x1f\x7f]')

TRUE = frozenset({"", "1", "1.0", "true", "yes"})
FALSE = frozenset({"0", "0.0", "false", "no"})


def number(text: str) -> float | None:
    """Return the finite number that a text is, or None where it isn't one.

    >>> number("-1.5e3"), number("1_000"), number("1e999")
    (-1500.0, None, None)
    """
    if not NUMBER.fullmatch(text.strip()):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def decimal_text(value: float) -> str:
    """Write a number without an exponent, with no digit lost.

    >>> decimal_text(1e-7), decimal_text(2.0), decimal_text(1e22)
    ('0.0000001', '2', '10000000000000000000000')
    """
    digits = format(Decimal(repr(float(value))), "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def truth(text: str) -> bool | None:
    """Read a flag as programs write it (a flag without a value is true), or return None where it isn't one."""
    word = text.strip().lower()
    return True if word in TRUE else False if word in FALSE else None


def position(text: str) -> tuple[float, float] | None:
    """Read ``x,y`` as Graphviz and dagitty write it: a third coordinate and the ``!`` of a pinned node don't count.

    >>> position("1.5, -2!"), position("1")
    ((1.5, -2.0), None)
    """
    x, y, *more = [number(part) for part in text.strip().removesuffix("!").split(",", 3)] + [None]
    return None if x is None or y is None or len(more) > 2 else (x, y)


def level_list(text: str) -> tuple[str, ...]:
    """Read what `level_list_text` wrote."""
    return tuple(re.sub("%([0-9A-Fa-f]{2})", lambda m: chr(int(m[1], 16)), part) for part in text.split("|"))


def level_list_text(levels: Iterable[str]) -> str:
    """Write levels as one text.

    >>> level_list_text(["low", "50%", "a|b"])
    'low|50%25|a%7Cb'
    """
    return "|".join(UNLISTED.sub(lambda m: f"%{ord(m[0]):02X}", level) for level in levels)


def without_entities(text: str) -> str:
    """Replace the character references of HTML, those that end in ``;``, by what they stand for."""
    return ENTITY.sub(_character, text)


def _character(match: re.Match[str]) -> str:
    if match["name"]:
        return html.entities.html5.get(match["name"] + ";", match[0])
    code = int(match["decimal"]) if match["decimal"] else int(match["hex"], 16)
    return match[0] if code > HIGHEST or code in SURROGATES else chr(code)


def one_line(text: str) -> str:
    r"""Return a text without control characters and halves of surrogate pairs, which few formats hold.

    >>> one_line("two\nlines")
    'two lines'
    """
    if text.isprintable():
        return text
    replaced = {"Cc": " ", "Cs": "\N{REPLACEMENT CHARACTER}"}
    return "".join(replaced.get(unicodedata.category(c), c) for c in text)


def legal_name(name: str) -> str:
    """Return a name that the language of `.dag` files can write: in normal form C, on one line, with no backtick.

    >>> legal_name("the `best`"), legal_name(" ")
    ("the 'best'", 'unnamed')
    """
    legal = one_line(unicodedata.normalize("NFC", name)).replace("`", "'")
    return legal if legal.strip() else "unnamed"


def respelled(names: Iterable[str], spell: Callable[[str], str]) -> dict[str, str]:
    """Return each name as a format can spell it; names that `spell` leaves alone stay, others stay apart from them.

    >>> respelled(["a b", "a_b", "a-b"], lambda name: name.replace(" ", "_").replace("-", "_"))
    {'a b': 'a_b_2', 'a_b': 'a_b', 'a-b': 'a_b_3'}
    """
    wanted = {name: spell(name) for name in names}
    taken = {name for name, spelled in wanted.items() if name == spelled}
    last: dict[str, int] = {}
    out = {}
    for name, spelled in wanted.items():
        free = spelled
        while name != spelled and free in taken:
            last[spelled] = last.get(spelled, 1) + 1
            free = f"{spelled}_{last[spelled]}"
        taken.add(free)
        out[name] = free
    return out


def listed(items: Iterable[str], most: int = 5) -> str:
    """Name a few things and count the rest.

    >>> listed("ABCD", most=2)
    'A, B and 2 more'
    """
    names = list(items)
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
