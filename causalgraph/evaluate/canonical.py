"""Normal laws as factors exp(hᵀv - ½ vᵀKv) over values: products add, ratios subtract, sums are Schur complements.

A factor is kept up to a constant, which the law of the outcomes never needs. Values count in the standard units of
their variable, so that a mean of 1e8 or scales of 1e-6 beside 1e6 cost no digits. Arrays are floats; or complex
numbers, along a leading axis one law with many tiny imaginary changes, so that imaginary parts are exact derivatives;
or objects of a field, such as fractions and rational functions, so that a formula is worked out in symbols.

Source: S. Lauritzen, N. Wermuth, Annals of Statistics 17 (1989) 31-57, doi:10.1214/aos/1176347003; S. Lauritzen,
F. Jensen, Statistics and Computing 11 (2001) 191-203, doi:10.1023/A:1008935617754, for the operations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from causalgraph.criteria.separation import words
from causalgraph.errors import EstimationError
from causalgraph.formula.nodes import Level, P, Value

if TYPE_CHECKING:
    from causalgraph.data.moments import Moments

__all__ = ["Basis", "Form", "Law", "law_of", "marginal", "power", "product", "solve", "standardised", "term", "unit"]

Array = NDArray[Any]

# A variance below this share of a variable's own is rounding: the variable is determined by others.
DETERMINED = 1e-11
# A coefficient on standardised variables below this one isn't told as part of what determines a variable.
TOLD = 1e-6
# A sum's exponent must fall in every direction, and by more than rounding does.
POSITIVE = 1e-12
# Standard deviations below this multiple of the mean's own rounding are rounding.
ROUNDING = 4 * np.finfo(np.float64).eps


@dataclass(frozen=True)
class Basis:
    """The joint normal law of ``p`` variables, in standard units.

    Attributes:
        variables: their names.
        location: ``(p,)``, what was taken from each variable; a fixed number, as is `scale`.
        scale: ``(p,)``, what each was then divided by.
        mean: ``(..., p)``, in standard units.
        covariance: ``(..., p, p)``, in standard units.
    """

    variables: tuple[str, ...]
    location: Array
    scale: Array
    mean: Array
    covariance: Array

    def standard(self, variable: str, number: float) -> Any:
        """Return a number of a variable in standard units."""
        place = self.variables.index(variable)
        return (number - self.location[place]) / self.scale[place]

    def regression(self, outcomes: Sequence[int], regressors: Sequence[int]) -> tuple[Array, Array]:
        """Return slopes ``(..., a, b)`` of variables in others, and the covariance that is left ``(..., a, a)``.

        Raises:
            EstimationError: a variable is determined by others (E511).
        """
        if self.covariance.dtype == np.float64:
            _require_regular(self, [*regressors, *outcomes])
        between = _block(self.covariance, regressors, outcomes)
        slopes = np.swapaxes(solve(_block(self.covariance, regressors, regressors), between), -1, -2)
        return slopes, _block(self.covariance, outcomes, outcomes) - slopes @ between


@dataclass(frozen=True)
class Form:
    """A factor exp(hᵀv - ½ vᵀKv), up to a constant.

    Attributes:
        values: the ``n`` values that it is a function of.
        precision: K, ``(..., n, n)``.
        linear: h, ``(..., n)``.
    """

    values: tuple[Value, ...]
    precision: Array
    linear: Array


@dataclass(frozen=True)
class Law:
    """The normal law of ``q`` outcomes given ``m`` values: mean intercept + slopes · values, in standard units.

    Attributes:
        outcomes: the outcomes' names.
        given: the values.
        intercept: ``(..., q)``.
        slopes: ``(..., q, m)``.
        covariance: ``(..., q, q)``.
    """

    outcomes: tuple[str, ...]
    given: tuple[Value, ...]
    intercept: Array
    slopes: Array
    covariance: Array


def standardised(moments: Moments) -> Basis:
    """Take means and variances out of moments, so that what is left are correlations.

    Raises:
        EstimationError: a variable is a constant, or there are no more rows than variables (E511).
    """
    mean, covariance = moments.mean, moments.covariance
    scale = np.sqrt(np.maximum(np.diag(covariance), 0))
    still = np.flatnonzero(scale <= ROUNDING * np.abs(mean))
    if still.size:
        name = moments.variables[int(still[0])]
        raise EstimationError.because(
            "E511",
            f"{name} is always {mean[still[0]]:.6g}: a line over it has no slope",
            fix=f"leave {name} out of the model, or take data in which it varies",
        )
    if moments.weighting != "exact" and moments.n <= len(mean):
        raise EstimationError.because(
            "E511",
            f"{moments.n:g} rows can't tell {len(mean)} variables apart",
            why="a covariance matrix needs more rows than variables",
        )
    return Basis(moments.variables, mean, scale, np.zeros(len(mean)), covariance / np.outer(scale, scale))


def solve(matrix: Array, right: Array) -> Array:
    """Solve a linear system ``(..., n, n)`` by ``(..., n, m)``; exactly, in fields that aren't floats.

    >>> from fractions import Fraction
    >>> solve(np.array([[Fraction(3)]], dtype=object), np.array([[1]], dtype=object)).tolist()
    [[Fraction(1, 3)]]
    """
    if np.iscomplexobj(matrix):
        return _to_first_order(matrix, right)
    if matrix.dtype != object:
        return np.linalg.solve(matrix, right)
    rows = [[*left, *more] for left, more in zip(matrix.tolist(), right.tolist(), strict=True)]
    n = len(rows)
    for i in range(n):
        # A field has no size of error, so that any pivot but zero does.
        pivot = next((k for k in range(i, n) if rows[k][i] != 0), None)
        if pivot is None:
            raise ZeroDivisionError("a covariance matrix in symbols is singular")
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [entry / rows[i][i] if entry != 0 else entry for entry in rows[i]]
        for k in range(n):
            factor = rows[k][i]
            if k != i and factor != 0:
                rows[k] = [a - factor * b if b != 0 else a for a, b in zip(rows[k], rows[i], strict=True)]
    out = np.zeros((n, right.shape[-1]), dtype=object)
    for i, row in enumerate(rows):
        out[i] = row[n:]
    return out


def _to_first_order(matrix: Array, right: Array) -> Array:
    """Solve many systems ``(k, n, n)`` that differ in tiny imaginary parts alone, by one real factorisation.

    (A + iεB)⁻¹(C + iεD) is X + iεA⁻¹(D - BX) with X = A⁻¹C, but for ε², which is far below rounding.
    """
    k, n, m = right.shape
    real = np.ascontiguousarray(matrix[0].real)
    level = np.linalg.solve(real, right[0].real)
    change = right.imag - matrix.imag @ level
    solved = np.linalg.solve(real, change.transpose(1, 0, 2).reshape(n, k * m))
    return level + 1j * solved.reshape(n, k, m).transpose(1, 0, 2)


def unit(basis: Basis) -> Form:
    """Return the factor 1."""
    return Form((), np.zeros((0, 0), basis.mean.dtype), np.zeros(0, basis.mean.dtype))


def term(node: P, basis: Basis) -> Form:
    """Return P(a | b): the mean of a is a line in b, by least squares, and what is left has one covariance.

    Raises:
        EstimationError: a variable is determined by others (E511), a level is no number (E512), or the node isn't an
            observed probability of variables' own values (E590).
    """
    events = (*node.events, *node.given)
    if node.do or any(isinstance(e.value, Value) and e.value.variable != e.variable for e in events):
        raise EstimationError.because("E590", "a term of the formula isn't a probability of what is observed")
    places = [basis.variables.index(e.variable) for e in events]
    a, b = places[: len(node.events)], places[len(node.events) :]
    slopes, rest = basis.regression(a, b)
    intercept = basis.mean[..., a] - (slopes @ basis.mean[..., b, None])[..., 0]
    identity = np.broadcast_to(np.eye(len(a), dtype=rest.dtype), rest.shape)
    own = solve(rest, identity)
    across = -own @ slopes
    below = -np.swapaxes(slopes, -1, -2)
    precision = np.concatenate(
        [
            np.concatenate([own, across], axis=-1),
            np.concatenate([np.swapaxes(across, -1, -2), below @ across], axis=-1),
        ],
        axis=-2,
    )
    upper = (own @ intercept[..., None])[..., 0]
    linear = np.concatenate([upper, (below @ upper[..., None])[..., 0]], axis=-1)
    free = [i for i, e in enumerate(events) if isinstance(e.value, Value)]
    held = [i for i, e in enumerate(events) if isinstance(e.value, Level)]
    if held:
        levels = np.array([basis.standard(events[i].variable, _number(events[i].value)) for i in held])
        linear = linear[..., free] - _block(precision, free, held) @ levels
        precision = _block(precision, free, free)
    return Form(tuple(events[i].value for i in free), precision, linear)


def _number(level: Value | Level) -> float:
    try:
        return float(str(level))
    except ValueError as error:
        raise EstimationError.because(
            "E512", f"{str(level)!r} is no number: linear equations can't hold a variable at it"
        ) from error


def _block(matrix: Array, rows: Sequence[int], columns: Sequence[int]) -> Array:
    return matrix[..., np.array(rows, dtype=np.intp)[:, None], np.array(columns, dtype=np.intp)]


def _require_regular(basis: Basis, places: list[int]) -> None:
    """Make sure that no variable is a linear function of others.

    Raises:
        EstimationError: one is; says of which (E511).
    """
    for count, place in enumerate(places):
        before = places[:count]
        shared = basis.covariance[before, place]
        weights = np.linalg.solve(_block(basis.covariance, before, before), shared)
        if basis.covariance[place, place] - shared @ weights > DETERMINED:
            continue
        name = basis.variables[place]
        others = [basis.variables[p] for p, w in zip(before, weights, strict=True) if abs(w) > TOLD]
        raise EstimationError.because(
            "E511",
            f"{name} is determined by {words(others)}: no line tells them apart",
            why=f"in the data, {name} is a linear function of {'it' if len(others) == 1 else 'them'}",
            fix=f"leave out {name} or {words(others)} where one copies the other; a deterministic mechanism "
            "can't be told from its causes",
        )


def product(forms: Iterable[Form]) -> Form:
    """Multiply factors.

    >>> from causalgraph.formula.nodes import Value
    >>> one = Form((Value("X"),), np.array([[1.0]]), np.array([0.0]))
    >>> product([one, one]).precision.tolist()
    [[2.0]]
    """
    forms = list(forms)
    values = tuple(dict.fromkeys(v for f in forms for v in f.values))
    dtype = np.result_type(*(f.precision for f in forms))
    batch = np.broadcast_shapes(*(f.linear.shape[:-1] for f in forms))
    precision = np.zeros((*batch, len(values), len(values)), dtype)
    linear = np.zeros((*batch, len(values)), dtype)
    for form in forms:
        at = np.array([values.index(v) for v in form.values], dtype=np.intp)
        precision[..., at[:, None], at] += form.precision
        linear[..., at] += form.linear
    return Form(values, precision, linear)


def power(form: Form, exponent: int) -> Form:
    """Raise a factor to a power; a ratio is a power of -1."""
    return Form(form.values, form.precision * exponent, form.linear * exponent)


def marginal(form: Form, bound: Iterable[Value]) -> Form:
    """Integrate values out.

    Raises:
        EstimationError: the integral is infinite (E514), or the factor doesn't mention a value (E590).
    """
    bound = tuple(bound)
    if set(bound) - set(form.values):
        raise EstimationError.because("E590", "the formula sums over a value that its terms don't mention")
    out = [form.values.index(v) for v in bound]
    kept = [i for i, v in enumerate(form.values) if v not in bound]
    _require_finite(form, out)
    across = _block(form.precision, kept, out)
    right = np.concatenate([_block(form.precision, out, kept), form.linear[..., out, None]], axis=-1)
    solved = solve(_block(form.precision, out, out), right)
    return Form(
        tuple(form.values[i] for i in kept),
        _block(form.precision, kept, kept) - across @ solved[..., :-1],
        form.linear[..., kept] - (across @ solved[..., -1:])[..., 0],
    )


def law_of(form: Form, outcomes: Sequence[str]) -> Law:
    """Return the law of some outcomes' own values given all other values of a factor.

    Raises:
        EstimationError: it has no total (E514), or an outcome isn't mentioned (E590).
    """
    own = tuple(Value(n) for n in outcomes)
    if set(own) - set(form.values):
        raise EstimationError.because("E590", f"the formula doesn't mention {words(outcomes)}")
    y = [form.values.index(v) for v in own]
    rest = [i for i, v in enumerate(form.values) if v not in own]
    _require_finite(form, y)
    identity = np.broadcast_to(np.eye(len(y), dtype=form.precision.dtype), (*form.linear.shape[:-1], len(y), len(y)))
    covariance = solve(_block(form.precision, y, y), identity)
    return Law(
        tuple(outcomes),
        tuple(form.values[i] for i in rest),
        (covariance @ form.linear[..., y, None])[..., 0],
        -covariance @ _block(form.precision, y, rest),
        covariance,
    )


def _require_finite(form: Form, places: list[int]) -> None:
    """Make sure that a factor falls in every direction of some values, so that it has an integral.

    Only floats are asked: complex numbers follow a law that has been, and a field has no order.

    Raises:
        EstimationError: it doesn't (E514).
    """
    if form.precision.dtype != np.float64:
        return
    block = _block(form.precision, places, places)
    size = np.sqrt(np.abs(np.diag(block)))
    if (np.diag(block) > 0).all() and (np.linalg.eigvalsh(block / np.outer(size, size)) > POSITIVE).all():
        return
    raise EstimationError.because(
        "E514",
        f"by these data the formula has no finite sum over {words([form.values[i].variable for i in places])}",
        why="a ratio of normal laws needn't be one, where the data don't fit the graph or are too few",
        fix="ask for `implications()` and test them on the data",
    )
