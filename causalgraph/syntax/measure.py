"""How large a statement is, by one linear look at it, before any of it is parsed."""

from __future__ import annotations

import re
from typing import NamedTuple

from causalgraph.errors import SourceText

__all__ = ["Measure", "measure"]

TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
      | "[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"? | `[^`\n]*`? | [\w.]+ | <?->? | <-- | [<>=!]=
      | (?P<open>[(\[{]) | (?P<close>[)\]}]) | [^\s]""",
    re.VERBOSE,
)
SIGNS = frozenset("+-")
FACTORS = frozenset("*/")
BREAKS = frozenset((",", "|", "=", "==", "!=", "<", ">", "<=", ">="))


class Measure(NamedTuple):
    """How many words and signs a statement has, and where one nests it too deep (None where none surely does)."""

    tokens: int
    too_deep: int | None


def measure(source: SourceText, start: int, end: int, *, max_tokens: int, max_depth: int) -> Measure:
    """Count the words and signs from `start` to `end`, no further than `max_tokens` and one.

    Each operator of a sum, or of a product, nests what stands before it, and so does each sign before a sign: more than
    `max_depth` of them in a row of operands can't be parsed to a tree within the limit. (The parser counts exactly.)

    >>> measure(SourceText("x = 1 + 2 - - 3"), 0, 15, max_tokens=100, max_depth=10)
    Measure(tokens=8, too_deep=None)
    """
    tokens = 0
    # For each open bracket, the operators in the sum and in the product that stand in it.
    outer: list[tuple[int, int]] = []
    sums = products = run = 0
    for found in TOKEN.finditer(source.text, start, end):
        if found.lastgroup == "comment":
            continue
        tokens += 1
        text = found.group()
        if text in SIGNS:
            run += 1
            sums += run == 1
            products = 0
        else:
            run = 0
            if text in FACTORS:
                products += 1
            elif text in BREAKS:
                sums = products = 0
            elif found.lastgroup == "open":
                outer.append((sums, products))
                sums = products = 0
            elif found.lastgroup == "close" and outer:
                sums, products = outer.pop()
        # A sign that opens a sum isn't an operator, hence one more is granted.
        if max(sums - 1, products, run - 1) > max_depth:
            return Measure(tokens, found.start())
        if tokens > max_tokens:
            break
    return Measure(tokens, None)
