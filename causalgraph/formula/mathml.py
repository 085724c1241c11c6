"""Formulas as MathML Core: what every browser sets without a script, with the LaTeX inside, to copy.

Only mrow, mi, mo, mn, mtext, mfrac, munder, msup and, for a derivation, mtable are used. All words are escaped.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from causalgraph.formula.printing import PRIME, Notation, latex, write

if TYPE_CHECKING:
    from sympy.core.basic import Basic

__all__ = ["derivation", "mathml"]

NAMESPACE = "http://www.w3.org/1998/Math/MathML"

# Format characters that shape the letters around them; the others (bidirectional overrides, tags) can hide text.
JOINERS = "\u200c\u200d"
HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}

# The last two code points of each plane are no characters, and XML forbids the first such pair.
NONCHARACTERS = 0xFFFE

# A minus that negates takes no room behind it, a bar of conditions some on both sides; brackets keep their size.
SPACE = "0.2em"


def mathml(expr: Basic, *equals: Basic, block: bool = False) -> str:
    """Write a formula, or an equation of several, as one `<math>` element, in a line or as a block of its own.

    >>> from causalgraph.formula.nodes import P
    >>> "<mtext>Lung &lt;cancer</mtext>" in mathml(P(["Lung <cancer"]))
    True
    """
    sides = (expr, *equals)
    body = "<mo>=</mo>".join(write(side, MATHML) for side in sides)
    return _element(f"<mrow>{body}</mrow>", " = ".join(map(latex, sides)), block=block)


def derivation(formulas: Iterable[Basic], reasons: Sequence[str] = ()) -> str:
    """Write a derivation as a `<math>` block: each formula below the last, flush at the signs, its reason behind it.

    The first formula stands left of the first sign; ``reasons[i]`` says why formula i + 1 equals the one before.
    """
    goal, *steps = formulas
    rows = []
    for at, step in enumerate(steps):
        reason = _told(reasons[at]) if at < len(reasons) else ""
        cells = ("" if at else write(goal, MATHML), "<mo>=</mo>", write(step, MATHML), reason)
        rows.append("".join(_cell(cell, flush_left=column > 1) for column, cell in enumerate(cells)))
    if not steps:
        rows = [_cell(write(goal, MATHML), flush_left=True)]
    # A table is set in small type unless told otherwise.
    body = '<mtable displaystyle="true">' + "".join(f"<mtr>{row}</mtr>" for row in rows) + "</mtable>"
    whole = r" \\ ".join(f"&= {latex(step)}" for step in steps)
    return _element(body, rf"\begin{{aligned}}{latex(goal)} {whole}\end{{aligned}}", block=True)


def _element(body: str, source: str, *, block: bool) -> str:
    shape = ' display="block"' if block else ""
    note = f'<annotation encoding="application/x-tex">{_shown(source)}</annotation>'
    return f'<math xmlns="{NAMESPACE}"{shape}><semantics>{body}{note}</semantics></math>'


def _cell(content: str, *, flush_left: bool) -> str:
    side = "left" if flush_left else "right"
    return f'<mtd style="text-align:{side}"><mrow>{content}</mrow></mtd>'


def _told(reason: str) -> str:
    return f'<mspace width="1.5em"/><mtext>{_shown(reason)}</mtext>' if reason else ""


def _shown(text: str) -> str:
    """Escape a text for XML; what XML forbids, or what could hide text, is written out."""
    return escape("".join(c if _is_harmless(c) else c.encode("unicode_escape").decode("ascii") for c in text))


def _is_harmless(character: str) -> bool:
    if ord(character) & NONCHARACTERS == NONCHARACTERS:
        return False
    return character in JOINERS or unicodedata.category(character) not in HIDDEN


def _name(name: str) -> str:
    """Write a name upright; a letter alone would lean."""
    if not re.fullmatch(r"\w+", name):
        return f"<mtext>{_shown(name)}</mtext>"
    upright = ' mathvariant="normal"' if len(name) == 1 else ""
    return f"<mi{upright}>{_shown(name)}</mi>"


def _level(text: str) -> str:
    return f"<mn>{text}</mn>" if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) else f"<mtext>{_shown(text)}</mtext>"


def _letter(letter: str) -> str:
    stem = letter.rstrip(PRIME)
    primes = len(letter) - len(stem)
    lean = "" if len(stem) == 1 else ' style="font-style:italic"'
    written = f"<mi{lean}>{_shown(stem)}</mi>"
    return _marked(written, primes)


def _primed(name: str, primes: int) -> str:
    return _marked(_name(name), primes)


def _marked(written: str, primes: int) -> str:
    return f'<msup>{written}<mo lspace="0" rspace="0">{PRIME * primes}</mo></msup>' if primes else written


def _number(text: str) -> str:
    """Write a number of sympy's: ``-1/2`` is a fraction with a sign."""
    sign, digits = ("<mo>−</mo>", text[1:]) if text.startswith("-") else ("", text)
    above, _, below = digits.partition("/")
    number = f"<mn>{_shown(above)}</mn>"
    if below:
        number = f"<mfrac>{number}<mn>{_shown(below)}</mn></mfrac>"
    return f"<mrow>{sign}{number}</mrow>" if sign else number


def _under(letters: Sequence[str]) -> str:
    return f"<mrow>{COMMA.join(letters)}</mrow>"


COMMA = "<mo>,</mo>"
BRACKETS = '<mrow><mo stretchy="false">(</mo>{}<mo stretchy="false">)</mo></mrow>'

MATHML = Notation(
    name=_name,
    level=_level,
    letter=_letter,
    number=_number,
    primed=_primed,
    under=_under,
    equals="<mrow>{}<mo>=</mo>{}</mrow>",
    comma=COMMA,
    bar=f'<mo stretchy="false" lspace="{SPACE}" rspace="{SPACE}">|</mo>',
    do="<mrow><mi>do</mi>" + BRACKETS + "</mrow>",
    kernel="<mrow><mi>{}</mi>" + BRACKETS + "</mrow>",
    sum="<mrow><munder><mo>∑</mo>{}</munder>{}</mrow>",
    fraction="<mfrac><mrow>{}</mrow><mrow>{}</mrow></mfrac>",
    encloses=True,
    power="<msup>{}<mrow>{}</mrow></msup>",
    times=f'<mspace width="{SPACE}"/>',
    plus="<mo>+</mo>",
    minus="<mo>−</mo>",
    negative="<mrow><mo>−</mo>{}</mrow>",
    brackets=BRACKETS,
)
