"""Formulas as text and as LaTeX, in an order of our own: sympy's reorders factors.

A free value is written as its variable (``Banner``), a bound one by a letter (``Engagement=e``), a level as it is
(``Banner=1``). One writer goes through the formula; a `Notation` says how each of its pieces is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sympy import Add, Mul, Pow, Rational
from sympy.core.basic import Basic

from causalgraph.formula.nodes import E, Event, Level, Marginal, P, Value
from causalgraph.names import natural

__all__ = ["PRIME", "Notation", "latex", "letters", "text", "write"]

PRIME = "\N{PRIME}"
ADDED, FACTOR = 1, 2


@lru_cache(maxsize=256)  # the same formula is asked for with each number that it comes to
def text(expr: Basic) -> str:
    """Write a formula as text.

    >>> z = Value("Engagement")
    >>> text(Marginal(P(["Spending"], ["Banner", "Engagement"]) * P(["Engagement"]), z))
    'Σ_e P(Spending | Banner, Engagement=e) P(Engagement=e)'
    """
    return write(expr, PLAIN)


def latex(expr: Basic) -> str:
    r"""Write a formula as LaTeX.

    >>> print(latex(P(["Y"], ["X"], do=["Z"])))
    P(\mathrm{Y} \mid \mathrm{do}(\mathrm{Z}), \mathrm{X})
    """
    return write(expr, LATEX)


@dataclass(frozen=True)
class Notation:
    """How the pieces of a formula are written.

    `name`, `level`, `letter` and `number` write a word, `primed` a name with primes, `under` the letters below a sum;
    the rest are templates whose gaps take what is written already. `encloses`: does a fraction keep its parts together
    without brackets?
    """

    name: Callable[[str], str]
    level: Callable[[str], str]
    letter: Callable[[str], str]
    number: Callable[[str], str]
    primed: Callable[[str, int], str]
    under: Callable[[Sequence[str]], str]
    equals: str
    comma: str
    bar: str
    do: str
    kernel: str
    sum: str
    fraction: str
    encloses: bool
    power: str
    times: str
    plus: str
    minus: str
    negative: str
    brackets: str


def write(expr: Basic, notation: Notation) -> str:
    """Write a formula in a notation."""
    return _Writer(notation, letters(expr)).write(expr)


def letters(expr: Basic) -> dict[Value, str]:
    """Give each bound value a letter: the variable's initial where no other variable claims it, else its name."""
    bound = {v for m in expr.atoms(Marginal) for v in m.bound}
    names = sorted({v.variable for v in bound}, key=natural)
    stems: dict[str, str] = {}
    for name in names:
        initial = next((c.lower() for c in name if c.isalpha()), "v")
        rivals = [n for n in names if next((c.lower() for c in n if c.isalpha()), "v") == initial]
        short = re.sub(r"\W+", "_", name.lower()).strip("_") or "v"
        stem = initial if len(rivals) == 1 else short
        while stem in stems.values():
            stem += "_"
        stems[name] = stem
    out: dict[Value, str] = {}
    for name in names:
        own = sorted((v for v in bound if v.variable == name), key=lambda v: v.prime)
        out |= {v: stems[name] + PRIME * i for i, v in enumerate(own)}
    return out


def _plain_name(name: str) -> str:
    return name if name.isidentifier() else f"`{name}`"


def _plain_primed(name: str, primes: int) -> str:
    return _plain_name(name) + PRIME * primes


def _plain_under(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{{{','.join(names)}}}"


def _escape(name: str) -> str:
    special = {"\\": r"\textbackslash ", "~": r"\textasciitilde ", "^": r"\textasciicircum "}
    return "".join(special.get(c, "\\" + c if c in "#$%&_{}" else c) for c in name)


def _latex_name(name: str) -> str:
    plain = re.fullmatch(r"[A-Za-z0-9]+", name)
    return rf"\mathrm{{{name}}}" if plain else rf"\text{{{_escape(name)}}}"


def _latex_letter(letter: str) -> str:
    stem = letter.rstrip(PRIME)
    primes = "'" * (len(letter) - len(stem))
    return (stem if len(stem) == 1 else rf"\mathit{{{_escape(stem)}}}") + primes


def _latex_primed(name: str, primes: int) -> str:
    return _latex_name(name) + PRIME * primes


PLAIN = Notation(
    name=_plain_name,
    level=str,
    letter=str,
    number=str,
    primed=_plain_primed,
    under=_plain_under,
    equals="{}={}",
    comma=", ",
    bar=" | ",
    do="do({})",
    kernel="{}({})",
    sum="Σ_{} {}",
    fraction="{} / {}",
    encloses=False,
    power="{}^{}",
    times=" ",
    plus=" + ",
    minus=" - ",
    negative="-{}",
    brackets="({})",
)
LATEX = Notation(
    name=_latex_name,
    level=_latex_name,
    letter=_latex_letter,
    number=str,
    primed=_latex_primed,
    under=", ".join,
    equals="{}={}",
    comma=", ",
    bar=r" \mid ",
    do=r"\mathrm{{do}}({})",
    kernel="{}({})",
    sum=r"\sum_{{{}}} {}",
    fraction=r"\frac{{{}}}{{{}}}",
    encloses=True,
    power="{}^{{{}}}",
    times=" ",
    plus=" + ",
    minus=" - ",
    negative="-{}",
    brackets="({})",
)


@dataclass(frozen=True)
class _Writer:
    notation: Notation
    letters: Mapping[Value, str]

    def write(self, expr: Basic, inside: int = 0) -> str:
        """Write a formula, in brackets where what stands around it binds tighter."""
        for kind, writer in WRITERS.items():
            if isinstance(expr, kind):
                return writer(self, expr, inside)
        raise TypeError(f"not part of a formula: {type(expr).__name__}")

    def order(self, expr: Basic) -> tuple[object, ...]:
        """Sort by what is written as text, so that a formula has one order in all notations."""
        return natural(_Writer(PLAIN, self.letters).write(expr))

    def event(self, event: Event) -> str:
        name = self.notation.name(event.variable)
        value = event.value
        if isinstance(value, Level):
            return self.notation.equals.format(name, self.notation.level(value.text))
        letter = self.letters.get(value)
        if letter is not None:
            return self.notation.equals.format(name, self.notation.letter(letter))
        if value.variable == event.variable and not value.prime:
            return name
        return self.notation.equals.format(name, self.notation.primed(value.variable, value.prime))

    def kernel(self, symbol: str, subject: str, node: P | E) -> str:
        comma, bar = self.notation.comma, self.notation.bar
        do = [self.notation.do.format(comma.join(map(self.event, node.do)))] if node.do else []
        ordered = sorted(node.given, key=lambda e: (e.value in self.letters, natural(e.variable)))
        behind = comma.join([*do, *map(self.event, ordered)])
        return self.notation.kernel.format(symbol, subject + (bar + behind if behind else ""))

    def probability(self, node: P, _inside: int) -> str:
        ordered = sorted(node.events, key=lambda e: natural(e.variable))
        return self.kernel("P", self.notation.comma.join(map(self.event, ordered)), node)

    def expectation(self, node: E, _inside: int) -> str:
        return self.kernel("E", self.notation.name(node.variable), node)

    def marginal(self, node: Marginal, inside: int) -> str:
        under = self.notation.under([self.notation.letter(self.letters[v]) for v in node.bound])
        return self.bracket(self.notation.sum.format(under, self.write(node.body, ADDED)), inside >= ADDED)

    def product(self, node: Mul, inside: int) -> str:
        above = [f for f in node.args if not _is_inverse(f)]
        below = [1 / f for f in node.args if _is_inverse(f)]
        if not below:
            return self.factors(above)
        loose = not self.notation.encloses
        top = self.part(above) if above else self.notation.number("1")
        bottom = self.part(below)
        if loose and len(below) > 1:
            bottom = self.notation.brackets.format(bottom)
        return self.bracket(self.notation.fraction.format(top, bottom), inside >= FACTOR and loose)

    def part(self, factors: list[Basic]) -> str:
        """Write what stands above or below a fraction's line, which may keep a sum together without brackets."""
        if self.notation.encloses and len(factors) == 1:
            return self.write(factors[0])
        return self.factors(factors)

    def factors(self, factors: list[Basic]) -> str:
        ordered = sorted(factors, key=self.rank)
        if ordered and ordered[0] == -1:
            rest = self.factors(ordered[1:]) if ordered[1:] else self.notation.number("1")
            return self.notation.negative.format(rest)
        return self.notation.times.join(self.write(f, FACTOR) for f in ordered)

    def rank(self, factor: Basic) -> tuple[object, ...]:
        """Numbers first, then terms, those with most conditions before others, then brackets; sums last."""
        given = len(factor.given) if isinstance(factor, P | E) else -1
        return (not factor.is_number, isinstance(factor, Marginal), -given, self.order(factor))

    def addition(self, node: Add, inside: int) -> str:
        ordered = sorted(node.args, key=lambda a: (a.could_extract_minus_sign(), self.order(a)))
        out = self.write(ordered[0], ADDED)
        for term in ordered[1:]:
            minus = term.could_extract_minus_sign()
            sign = self.notation.minus if minus else self.notation.plus
            out += sign + self.write(-term if minus else term, ADDED)
        return self.bracket(out, inside >= ADDED)

    def power(self, node: Pow, inside: int) -> str:
        base, exponent = node.args
        if exponent.is_number and exponent.is_negative:
            bottom = self.write(base**-exponent, FACTOR)
            one = self.notation.number("1")
            return self.bracket(
                self.notation.fraction.format(one, bottom), inside >= FACTOR and not self.notation.encloses
            )
        return self.notation.power.format(self.write(base, FACTOR), self.write(exponent, FACTOR))

    def leaf(self, node: Basic, _inside: int) -> str:
        return self.notation.number(str(node))

    def level(self, node: Level, _inside: int) -> str:
        return self.notation.level(node.text)

    def value(self, node: Value, _inside: int) -> str:
        letter = self.letters.get(node)
        return self.notation.name(node.variable) if letter is None else self.notation.letter(letter)

    def bracket(self, written: str, needed: bool) -> str:  # noqa: FBT001 (a flag is all that it takes)
        """Put brackets around what is written where they are needed."""
        return self.notation.brackets.format(written) if needed else written


def _is_inverse(factor: Basic) -> bool:
    return isinstance(factor, Pow) and bool(factor.exp.is_negative)


WRITERS: dict[type, Callable[..., str]] = {
    P: _Writer.probability,
    E: _Writer.expectation,
    Marginal: _Writer.marginal,
    Mul: _Writer.product,
    Add: _Writer.addition,
    Pow: _Writer.power,
    Value: _Writer.value,
    Level: _Writer.level,
    Rational: _Writer.leaf,
    Basic: _Writer.leaf,
}
