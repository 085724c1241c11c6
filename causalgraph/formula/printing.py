"""Formulas as text and as LaTeX, in an order of our own: sympy's reorders factors.

A free value is written as its variable (``Banner``), a bound one by a letter (``Engagement=e``), a level as it is
(``Banner=1``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sympy import Add, Mul, Pow, Rational
from sympy.core.basic import Basic

from causalgraph.formula.nodes import E, Event, Level, Marginal, P, Value
from causalgraph.names import natural

__all__ = ["latex", "text"]

PRIME = "\N{PRIME}"
ADDED, FACTOR = 1, 2


def text(expr: Basic) -> str:
    """Write a formula as text.

    >>> z = Value("Engagement")
    >>> text(Marginal(P(["Spending"], ["Banner", "Engagement"]) * P(["Engagement"]), z))
    'Σ_e P(Spending | Banner, Engagement=e) P(Engagement=e)'
    """
    return _Writer(PLAIN, letters(expr)).write(expr)


def latex(expr: Basic) -> str:
    r"""Write a formula as LaTeX.

    >>> print(latex(P(["Y"], ["X"], do=["Z"])))
    P(\mathrm{Y} \mid \mathrm{do}(\mathrm{Z}), \mathrm{X})
    """
    return _Writer(LATEX, letters(expr)).write(expr)


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


@dataclass(frozen=True)
class _Style:
    """How the pieces of a formula are written."""

    sum: str
    bar: str
    do: str
    name: Callable[[str], str]
    letter: Callable[[str], str]
    fraction: str


def _plain_name(name: str) -> str:
    return name if name.isidentifier() else f"`{name}`"


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


PLAIN = _Style("Σ_{names} {body}", " | ", "do({})", _plain_name, str, "{} / {}")
LATEX = _Style(
    r"\sum_{{{names}}} {body}", r" \mid ", r"\mathrm{{do}}({})", _latex_name, _latex_letter, r"\frac{{{}}}{{{}}}"
)


@dataclass(frozen=True)
class _Writer:
    style: _Style
    letters: Mapping[Value, str]

    def write(self, expr: Basic, inside: int = 0) -> str:
        """Write a formula, in brackets where what stands around it binds tighter."""
        for kind, writer in WRITERS.items():
            if isinstance(expr, kind):
                return writer(self, expr, inside)
        raise TypeError(f"not part of a formula: {type(expr).__name__}")

    def event(self, event: Event) -> str:
        name = self.style.name(event.variable)
        value = event.value
        if isinstance(value, Level):
            return f"{name}={self.style.name(value.text) if self.style is LATEX else value.text}"
        letter = self.letters.get(value)
        if letter is not None:
            return f"{name}={self.style.letter(letter)}"
        if value.variable == event.variable and not value.prime:
            return name
        return f"{name}={self.style.name(value.variable)}{PRIME * value.prime}"

    def kernel(self, symbol: str, subject: str, node: P | E) -> str:
        do = [self.style.do.format(", ".join(map(self.event, node.do)))] if node.do else []
        ordered = sorted(node.given, key=lambda e: (e.value in self.letters, natural(e.variable)))
        behind = ", ".join([*do, *map(self.event, ordered)])
        return f"{symbol}({subject}{self.style.bar if behind else ''}{behind})"

    def probability(self, node: P, _inside: int) -> str:
        ordered = sorted(node.events, key=lambda e: natural(e.variable))
        return self.kernel("P", ", ".join(map(self.event, ordered)), node)

    def expectation(self, node: E, _inside: int) -> str:
        return self.kernel("E", self.style.name(node.variable), node)

    def marginal(self, node: Marginal, inside: int) -> str:
        names = [self.style.letter(self.letters[v]) for v in node.bound]
        joined = (
            ", ".join(names) if self.style is LATEX else (names[0] if len(names) == 1 else f"{{{','.join(names)}}}")
        )
        body = self.write(node.body, ADDED)
        return self.bracket(self.style.sum.format(names=joined, body=body), inside >= ADDED)

    def product(self, node: Mul, inside: int) -> str:
        above = [f for f in node.args if not _is_inverse(f)]
        below = [1 / f for f in node.args if _is_inverse(f)]
        if below:
            top = self.factors(above) or "1"
            bottom = self.factors(below)
            if self.style is PLAIN and len(below) > 1:
                bottom = f"({bottom})"
            return self.bracket(self.style.fraction.format(top, bottom), inside >= FACTOR and self.style is PLAIN)
        return self.factors(above)

    def factors(self, factors: list[Basic]) -> str:
        ordered = sorted(factors, key=self.rank)
        if ordered and ordered[0] == -1:
            return "-" + self.factors(ordered[1:])
        return " ".join(self.write(f, FACTOR) for f in ordered)

    def rank(self, factor: Basic) -> tuple[object, ...]:
        """Numbers first, then terms, those with most conditions before others, then brackets; sums last."""
        given = len(factor.given) if isinstance(factor, P | E) else -1
        return (not factor.is_number, isinstance(factor, Marginal), -given, natural(self.write(factor)))

    def addition(self, node: Add, inside: int) -> str:
        ordered = sorted(node.args, key=lambda a: (a.could_extract_minus_sign(), natural(self.write(a))))
        out = self.write(ordered[0], ADDED)
        for term in ordered[1:]:
            minus = term.could_extract_minus_sign()
            out += (" - " if minus else " + ") + self.write(-term if minus else term, ADDED)
        return self.bracket(out, inside >= ADDED)

    def power(self, node: Pow, inside: int) -> str:
        base, exponent = node.args
        if exponent.is_number and exponent.is_negative:
            bottom = self.write(base**-exponent, FACTOR)
            return self.bracket(self.style.fraction.format("1", bottom), inside >= FACTOR and self.style is PLAIN)
        return f"{self.write(base, FACTOR)}^{self.write(exponent, FACTOR)}"

    def leaf(self, node: Basic, _inside: int) -> str:
        return str(node)

    def value(self, node: Value, _inside: int) -> str:
        letter = self.letters.get(node)
        return self.style.name(node.variable) if letter is None else self.style.letter(letter)

    def bracket(self, written: str, needed: bool) -> str:  # noqa: FBT001 (a flag is all that it takes)
        """Put brackets around what is written where they are needed."""
        return f"({written})" if needed else written


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
    Level: _Writer.leaf,
    Rational: _Writer.leaf,
    Basic: _Writer.leaf,
}
