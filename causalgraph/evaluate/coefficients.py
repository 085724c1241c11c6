"""Symbols of linear models, and rational functions of them written as a reader would."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Self

from sympy import Expr, Integer, Mul, Pow, Rational, Symbol
from sympy.polys.fields import FracElement, FracField
from sympy.polys.rings import PolyElement

from causalgraph.formula.printing import LATEX, PLAIN, write
from causalgraph.names import natural

__all__ = ["Coefficient", "Minors", "latex", "text", "written"]

Factors = Counter[PolyElement]
LETTERS = {"σ": r"\sigma", "β": r"\beta", "λ": r"\lambda", "ω": r"\omega"}
# Letters whose two variables have roles, and an order.
ORDERED = "λβ"


class Coefficient(Symbol):
    """A symbol that names two variables, and those that are held.

    ``σ`` is a covariance, ``β_YX·Z`` the coefficient of X in the regression of Y on X and Z, ``σ_YY·Z`` the variance
    that Z leaves of Y, ``λ_XY`` the path coefficient of X -> Y, ``ω`` a covariance of errors.

    >>> Coefficient("σ", "Y", "X"), Coefficient("β", "Y", "X", ("Z",)), Coefficient("λ", "Dose", "Y")
    (σ_XY, β_{YX·Z}, λ_{Dose,Y})
    """

    __slots__ = ("given", "letter", "pair")
    letter: str
    pair: tuple[str, str]
    given: tuple[str, ...]

    def __new__(cls, letter: str, first: str, second: str, given: Sequence[str] = ()) -> Self:
        """Make the symbol; the order of the pair counts for λ and β alone."""
        one, two = (first, second) if letter in ORDERED else sorted((first, second), key=natural)
        behind = tuple(sorted(given, key=natural))
        comma = "" if all(len(n) == 1 for n in (one, two, *behind)) else ","
        below = comma.join((one, two)) + ("·" + comma.join(behind) if behind else "")
        made: Self = Symbol.__xnew__(cls, f"{letter}_{{{below}}}" if comma or behind else f"{letter}_{below}")
        made.letter = letter
        made.pair = (one, two)
        made.given = behind
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Pickle by what `__new__` takes."""
        return (self.letter, *self.pair, self.given), {}

    def __getstate__(self) -> None:
        """Carry no further state: `__new__` sets all there is."""
        return

    def __setstate__(self, state: object) -> None:
        """Take no further state."""

    def _hashable_content(self) -> tuple[object, ...]:
        return (self.letter, self.pair, self.given)


class Minors:
    """Regression coefficients as ratios of minors of the covariance matrix, each minor worked out once."""

    def __init__(self, names: Sequence[str]) -> None:
        # Variances come first, so that a product of variances leads its polynomial.
        pairs = [(a, a) for a in names] + [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
        symbols = [Coefficient("σ", a, b) for a, b in pairs]
        self.field = FracField(symbols, "ZZ")
        self._entry = dict(zip(symbols, self.field.ring.gens, strict=True))
        self._known: dict[tuple[tuple[str, ...], tuple[str, ...]], PolyElement] = {}

    def minor(self, rows: tuple[str, ...], columns: tuple[str, ...]) -> PolyElement:
        """Return the determinant of some rows and columns, by the first row."""
        if not rows:
            return self.field.ring.one
        if (rows, columns) not in self._known:
            total = self.field.ring.zero
            for i, column in enumerate(columns):
                rest = self.minor(rows[1:], (*columns[:i], *columns[i + 1 :]))
                total += (-1) ** i * self._entry[Coefficient("σ", rows[0], column)] * rest
            self._known[rows, columns] = total
        return self._known[rows, columns]

    def ratio(self, symbol: Coefficient) -> FracElement:
        """Return what β_YX·Z or σ_YY·Z is.

        Source: H. Cramér, Mathematical Methods of Statistics (1946), section 23.2.
        """
        (one, two), given = symbol.pair, symbol.given
        above = self.minor((one, *given), (two, *given))
        below = self.minor((two, *given), (two, *given)) if symbol.letter == "β" else self.minor(given, given)
        return self.field.new(above, below)


def written(element: FracElement, meaning: Callable[[Coefficient], FracElement] | None = None) -> Expr:
    """Write a rational function as a product of factors, its symbols put in other symbols first if `meaning` says how.

    >>> x = Coefficient("σ", "X", "X")
    >>> field = FracField([x], "ZZ")
    >>> text(written((field.gens[0] ** 2 - 1) / field.gens[0]))
    '(1 + σ_XX) (σ_XX - 1) / σ_XX'
    """
    if element == 0:
        return Integer(0)
    factors: Factors = Counter()
    constant = _collect(element, 1, factors)
    if meaning is not None:
        inner, factors = factors, Counter()
        for factor, times in inner.items():
            if factor.is_generator:
                # Principal and almost principal minors of a symmetric matrix are irreducible.
                constant *= _irreducible(meaning(factor.as_expr()), times, factors)
            else:
                constant *= _collect(_evaluated(factor, meaning), times, factors)
    exprs = {p: p.as_expr() for p, times in factors.items() if times}
    # A sum above the line takes the sign, so that no minus stands before the whole.
    turn = next((p for p in exprs if constant < 0 and exprs[p].is_Add and factors[p] == 1), None)
    if turn is not None:
        constant, exprs[turn] = -constant, -exprs[turn]
    return Mul(constant, *(Pow(expr, factors[p]) for p, expr in exprs.items()))


def _collect(element: FracElement, times: int, into: Factors) -> Rational:
    """Add the factors of a rational function to others, each with its first term positive; return the constant."""
    total = Rational(1)
    for side, exponent in ((element.numer, times), (element.denom, -times)):
        constant, factors = side.factor_list()
        total *= Rational(str(constant)) ** exponent
        for factor, power in factors:
            negative = factor.LC < 0
            into[-factor if negative else factor] += power * exponent
            total *= (-1) ** (power * exponent) if negative else 1
    return total


def _irreducible(element: FracElement, times: int, into: Factors) -> Rational:
    """Add a ratio of two irreducible polynomials to factors; return its sign."""
    sign = 1
    for side, exponent in ((element.numer, times), (element.denom, -times)):
        if side.is_ground:
            continue
        negative = side.LC < 0
        into[-side if negative else side] += exponent
        sign *= (-1) ** exponent if negative else 1
    return Rational(sign)


def _evaluated(polynomial: PolyElement, meaning: Callable[[Coefficient], FracElement]) -> FracElement:
    """Put other rational functions in the place of a polynomial's symbols."""
    symbols = polynomial.ring.symbols
    total: Any = 0
    for powers, constant in polynomial.terms():
        term: Any = constant
        for symbol, power in zip(symbols, powers, strict=True):
            term = meaning(symbol) ** power * term if power else term
        total = term + total
    return total


def text(expr: Expr) -> str:
    """Write an expression in coefficients as text."""
    return write(expr, PLAIN)


def latex(expr: Expr) -> str:
    r"""Write an expression in coefficients as LaTeX.

    >>> print(latex(Coefficient("σ", "X", "Y") / Coefficient("σ", "X", "X")))
    \frac{\sigma_{\mathrm{X}\mathrm{Y}}}{\sigma_{\mathrm{X}\mathrm{X}}}
    """
    names = {s.name: _latex_symbol(s) for s in expr.atoms(Coefficient)}
    return write(expr, replace(LATEX, number=lambda plain: names.get(plain, plain)))


def _latex_symbol(symbol: Coefficient) -> str:
    comma = "" if all(len(n) == 1 for n in (*symbol.pair, *symbol.given)) else ","
    below = comma.join(map(LATEX.name, symbol.pair))
    behind = r" \cdot " + comma.join(map(LATEX.name, symbol.given)) if symbol.given else ""
    return f"{LETTERS[symbol.letter]}_{{{below}{behind}}}"
