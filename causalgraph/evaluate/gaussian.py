"""A formula over continuous variables: each term a normal law, its numbers with their derivatives by the moments.

Any identified formula is a product of conditionals, sums over them and ratios. Where every term is linear with normal
errors, each of these is a canonical form again, so that the formula is worked out exactly from one moment matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sympy import Mul, Pow, S

from causalgraph.errors import EstimationError
from causalgraph.evaluate.canonical import Basis, Form, Law, law_of, marginal, power, product, standardised, term, unit
from causalgraph.formula.nodes import Marginal, P

if TYPE_CHECKING:
    from sympy import Expr

    from causalgraph.data.moments import Moments

__all__ = ["Numbers", "differentiated", "law", "regressors"]

Floats = NDArray[np.float64]
Reading = Callable[[Basis], NDArray[Any]]

# The imaginary step of a derivative: nothing is subtracted, so that it may be as small as floats are.
STEP = 1e-30
# Numbers that one batch of derivatives may hold.
BATCH = 500_000


@dataclass(frozen=True)
class Numbers:
    """Numbers that moments give, with their derivatives.

    Attributes:
        values: ``(r,)``.
        linear: ``(r, p)``, by the means.
        quadratic: ``(r, p, p)``, by the entries of the covariance matrix, symmetric: a change dS changes the number by
            the sum of ``quadratic * dS``.
    """

    values: Floats
    linear: Floats
    quadratic: Floats


def law(formula: Expr, basis: Basis, outcomes: tuple[str, ...]) -> Law:
    """Return the law of outcomes that a formula for P(y | do(x), w) gives, where each of its terms is linear.

    Args:
        formula: of observed probabilities, sums over them, products and ratios.
        basis: the moments, in standard units.
        outcomes: whose law it is; all other free values are what it is given.

    Raises:
        EstimationError: a variable is determined by others (E511), a sum isn't finite (E514), or the formula has parts
            that aren't of this kind (E590).

    >>> basis = Basis(("X", "Y"), np.zeros(2), np.ones(2), np.zeros(2), np.array([[1.0, 0.5], [0.5, 1.0]]))
    >>> law(P(["Y"], ["X"]), basis, ("Y",)).slopes.round(6).tolist()
    [[0.5]]
    """
    return law_of(_form(formula, basis, {}), outcomes)


def _form(formula: Expr, basis: Basis, known: dict[Expr, Form]) -> Form:
    """Work a formula out, each part that occurs twice once."""
    if formula not in known:
        known[formula] = _worked_out(formula, basis, known)
    return known[formula]


def _worked_out(formula: Expr, basis: Basis, known: dict[Expr, Form]) -> Form:
    if isinstance(formula, P):
        return term(formula, basis)
    if isinstance(formula, Marginal):
        return marginal(_form(formula.body, basis, known), formula.bound)
    if isinstance(formula, Mul):
        return product(_form(f, basis, known) for f in formula.args)
    if isinstance(formula, Pow) and formula.exp.is_Integer:
        return power(_form(formula.base, basis, known), int(formula.exp))
    if formula == S.One:
        return unit(basis)
    raise EstimationError.because("E590", f"the formula has a part that isn't a probability: {formula}")


def differentiated(reading: Reading, moments: Moments) -> Numbers:
    """Return what a function of moments gives, with exact derivatives by each of them.

    The derivatives are imaginary parts: f(x + ih) = f(x) + ih f'(x) + O(h²). Nothing cancels, so h can be tiny.

    Args:
        reading: takes a basis of one law, or of many along a leading axis, to ``(..., r)`` numbers; analytic.
        moments: where to differentiate.

    Source: W. Squire, G. Trapp, SIAM Review 40 (1998) 110-112, doi:10.1137/S003614459631241X.
    """
    basis = standardised(moments)
    values = np.asarray(reading(basis), dtype=np.float64)
    p = len(basis.variables)
    steps = [(i, None) for i in range(p)] + [(i, j) for i in range(p) for j in range(i, p)]
    slopes = np.zeros((len(steps), len(values)))
    size = max(1, BATCH // (p * p))
    for start in range(0, len(steps), size):
        chunk = steps[start : start + size]
        mean = np.tile(basis.mean.astype(np.complex128), (len(chunk), 1))
        covariance = np.tile(basis.covariance.astype(np.complex128), (len(chunk), 1, 1))
        for row, (i, j) in enumerate(chunk):
            if j is None:
                mean[row, i] += STEP * 1j
            else:
                covariance[row, i, j] += STEP * 1j
                covariance[row, j, i] = covariance[row, i, j]
        slopes[start : start + size] = reading(replace(basis, mean=mean, covariance=covariance)).imag / STEP
    linear = slopes[:p].T / basis.scale
    quadratic = np.zeros((len(values), p, p))
    for (i, j), slope in zip(steps[p:], slopes[p:], strict=True):
        # An entry off the diagonal stands twice in the matrix.
        quadratic[:, i, j] = quadratic[:, j, i] = slope / (1 if i == j else 2)
    return Numbers(values, linear, quadratic / np.outer(basis.scale, basis.scale))


def regressors(formula: Expr) -> int:
    """Return how many numbers the largest regression in a formula fits to a variable, the intercept among them.

    >>> regressors(P(["Y"], ["X", "Z"]))
    3
    """
    return max((len(p.given) + 1 for p in formula.atoms(P)), default=1)
