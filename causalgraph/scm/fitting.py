"""The free parameters of structural equations from data, by maximum likelihood.

All variables being observed, the likelihood is a product of one factor for each equation; equations that share a
parameter are fitted together. Closed forms are taken where there are some: shares of cells, least squares (Normal noise
around what is linear in the parameters), the extremes of a Uniform. All else is found by the likelihood's slope.

Errors come from the observed information: with clusters, or weights that stand for people, from the sandwich around it.
Intervals are symmetric for a parameter that may be any number, on the log for a positive one, on the logit for a share.

Source: P. J. Huber, "The behavior of maximum likelihood estimates under nonstandard conditions", Proc. 5th Berkeley
Symp. 1 (1967) 221-233 (the sandwich); J. Pearl, Causality, 2nd ed. (2009), section 1.4 (structural models).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, log
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from causalgraph.data.opening import open_source
from causalgraph.data.rows import Rows
from causalgraph.data.source import Source
from causalgraph.errors import EstimationError, ModelError
from causalgraph.scm.closed import Maximum
from causalgraph.scm.expressions import free_in
from causalgraph.scm.fitted import EquationFit, Estimated, Fitted
from causalgraph.scm.likelihood import Piece, pieces_of
from causalgraph.scm.maximum import kinds_of, maximum
from causalgraph.scm.reading import BINARY
from causalgraph.scm.starting import Kind
from causalgraph.scm.structural import Rule, Structural, structural
from causalgraph.syntax import tree
from causalgraph.syntax.equations import Branch, Equation, Expression, Parameter
from causalgraph.variables import Variable

__all__ = ["filled", "fit"]

Floats = NDArray[np.float64]
UNSURE = "W553"


@dataclass(frozen=True, eq=False)
class _Read:
    """An equation with its data."""

    rule: Rule
    pieces: tuple[Piece, ...]
    n: float
    dropped: int
    clusters: NDArray[np.intp] | None


def fit(
    model: Structural,
    data: object,
    *,
    level: float = 0.95,
    start: Mapping[str, float] | None = None,
    seed: int = 0,
) -> Fitted:
    """Fit the free parameters of structural equations.

    Args:
        model: equations, some of them with ``?parameters``.
        data: a `Source`, or a frame or file that `open_data` takes.
        level: of the intervals.
        start: where a numeric search starts from, by parameter.
        seed: of its further starts.

    Raises:
        DataError: the data don't fit the model.
        ModelError: no equation has a parameter (E561), or one to start from is unknown.
        EstimationError: an equation has no likelihood that could be computed (E542); it depends on a latent variable
            (E543); rows are impossible under it (E544); its likelihood has no maximum, or none was found (E560).

    >>> import pandas as pd
    >>> x = Equation(tree.Name("X"), "~", tree.Call(tree.Name("Bernoulli"), (Parameter("p"),)))
    >>> print(fit(structural([x], {}), pd.DataFrame({"X": [0, 1, 1, 1]})).text)
    X ~ Bernoulli(0.75)
    """
    given = start or {}
    if not model.parameters:
        raise ModelError.because(
            "E561", "no equation has a free parameter", why="there is nothing to fit", fix="write ?slope for a number"
        )
    unknown = next((name for name in given if name not in model.parameters), None)
    if unknown is not None:
        raise ModelError.because(
            "E148", f"there is no parameter ?{unknown}", fix=f"there are ?{', ?'.join(model.parameters)}"
        )
    if not 0 < level < 1:
        raise ModelError.because("E141", f"the level of an interval lies between 0 and 1, not at {level:g}")
    source = data if isinstance(data, Source) else open_source(data)
    free = [rule for rule in model.rules if free_in(rule.node)]
    for rule in free:
        _observed(model, rule)
    weighting = source.weighting[1]
    read = [_read(model, rule, source) for rule in free]
    found: dict[str, Estimated] = {}
    used: dict[str, set[tuple[str, bool]]] = {rule.name: set() for rule in free}
    for names, members in _parts(read):
        pieces = [piece for _, piece in members]
        best = maximum(pieces, names, given, seed)
        errors = _errors(best, members, robust=weighting == "survey" or source.cluster is not None)
        kinds = kinds_of(pieces, names)
        for place, name in enumerate(names):
            where = tuple(r.rule.name for r in read if name in free_in(r.rule.node))
            error = None if weighting == "exact" or name in best.trouble else float(errors[place])
            value = float(best.values[place])
            interval = None if error is None else _interval(value, error, level, kinds[place])
            found[name] = Estimated(name, value, error, interval, where, best.trouble.get(name))
        for owner, _ in members:
            used[owner.rule.name].add((best.method, best.converged))
    parameters = tuple(found[name] for name in model.parameters)
    values = {p.name: p.estimate for p in parameters}
    equations = tuple(_fitted(r, values, used[r.rule.name]) for r in read)
    done = structural([filled(rule.equation, values) for rule in model.rules], model.variables)
    warnings = tuple(f"{UNSURE}: ?{p.name} has no standard error: {p.trouble}" for p in parameters if p.trouble)
    return Fitted(parameters, equations, done, level, warnings)


def filled(equation: Equation, values: Mapping[str, float]) -> Equation:
    """Return an equation with numbers in place of its parameters.

    >>> x = Equation(tree.Name("X"), ":=", tree.Binary("*", Parameter("a"), tree.Name("Z")))
    >>> from causalgraph.syntax.equation_text import declared_text
    >>> declared_text(filled(x, {"a": -2.5}))
    'X := -2.5*Z'
    """
    return replace(equation, expression=_filled(equation.expression, values))


def _filled(expression: Expression, values: Mapping[str, float]) -> Expression:
    match expression:
        case Parameter(text):
            return _number(values[text])
        case tree.Negate(operand):
            return tree.Negate(_filled(operand, values), expression.span)
        case tree.Binary("+", left, right):
            one, two = _filled(left, values), _filled(right, values)
            # What is added with a minus is taken away.
            match two:
                case tree.Negate(taken):
                    return tree.Binary("-", one, taken, expression.span)
                case tree.Binary("*" | "/" as operator, tree.Negate(taken), last):
                    return tree.Binary("-", one, tree.Binary(operator, taken, last), expression.span)
            return tree.Binary("+", one, two, expression.span)
        case tree.Binary(operator, left, right):
            return tree.Binary(operator, _filled(left, values), _filled(right, values), expression.span)
        case tree.Call(verb, arguments):
            return tree.Call(verb, tuple(_filled(a, values) for a in arguments), None, expression.span)
        case Branch(level, value):
            return Branch(level, _filled(value, values), expression.span)
        case _:
            return expression


def _number(value: float) -> Expression:
    digits = repr(abs(value)).removesuffix(".0")
    return tree.Negate(tree.Number(digits)) if value < 0 else tree.Number(digits)


# Data ---------------------------------------------------------------------------------------------------------------


def _observed(model: Structural, rule: Rule) -> None:
    """Refuse what has no data.

    Raises:
        EstimationError: an equation with free parameters has a latent variable (E543).
    """
    latent = next((name for name in (rule.name, *rule.parents) if name in model.graph.latent), None)
    if latent is not None:
        what = "is latent" if latent == rule.name else f"depends on {latent}, which is latent"
        raise EstimationError.because(
            "E543",
            f"{rule.name} {what}, and its equation has the free parameter ?{free_in(rule.node)[0]}",
            why="without its values the likelihood is an integral over them, and may not tell the parameter at all",
            fix="write numbers in this equation, or measure the variable",
            span=rule.equation.span,
        )


def _asked(rule: Rule) -> Variable:
    """Return a variable as its equation has it, so that the data are read by the same levels."""
    declared = rule.declared
    if not rule.levels:
        return declared if declared.kind in ("count", "continuous") else replace(declared, kind="continuous", levels=())
    if rule.levels == BINARY and not declared.levels:
        return replace(declared, kind="binary")
    return replace(declared, kind=declared.kind or "categorical", levels=rule.levels)


def _read(model: Structural, rule: Rule, source: Source) -> _Read:
    """Read the rows that are complete in an equation."""
    rows: Rows = source.rows([_asked(model.rule(name)) for name in (rule.name, *rule.parents)])
    columns = {name: np.ascontiguousarray(rows.values[:, place]) for place, name in enumerate(rows.variables)}
    weight = np.ones(len(rows.values)) if rows.weight is None else rows.weight
    if rows.weighting in ("survey", "exact"):
        weight = weight * (len(weight) / weight.sum())
    pieces = tuple(pieces_of(rule, columns, weight))
    for piece in pieces:
        piece.require_possible()
    return _Read(rule, pieces, float(weight.sum()), rows.dropped, rows.clusters)


def _parts(read: Sequence[_Read]) -> Iterator[tuple[tuple[str, ...], list[tuple[_Read, Piece]]]]:
    """Yield parameters that some rows speak of together, with all these rows.

    Raises:
        EstimationError: no row speaks of a parameter (E544).
    """
    groups: dict[str, set[str]] = {}
    for one in read:
        for name in free_in(one.rule.node):
            groups.setdefault(name, {name})
        for piece in one.pieces:
            joined = set().union(*(groups[name] for name in piece.names))
            groups |= dict.fromkeys(joined, joined)
    everyone = [(one, piece) for one in read for piece in one.pieces]
    by_group: dict[int, list[tuple[_Read, Piece]]] = {}
    for one, piece in everyone:
        if piece.names:
            by_group.setdefault(id(groups[piece.names[0]]), []).append((one, piece))
    done: set[str] = set()
    for name, group in groups.items():
        if name in done:
            continue
        done |= group
        members = by_group.get(id(group))
        if members is None:
            where = next(one.rule.name for one in read if name in free_in(one.rule.node))
            raise EstimationError.because(
                "E544",
                f"no row speaks of ?{name} in the equation of {where}",
                why="it stands under a level that no complete row has",
                fix="write a number there, or bring rows that have the level",
            )
        yield tuple(n for n in groups if n in group), members


# Errors -------------------------------------------------------------------------------------------------------------


def _errors(best: Maximum, members: Sequence[tuple[_Read, Piece]], *, robust: bool) -> Floats:
    """Return standard errors ``(k,)``: by the information, or by the sandwich."""
    if not robust:
        return np.sqrt(np.diag(best.covariance))
    k = len(best.names)
    values = dict(zip(best.names, best.values.tolist(), strict=True))
    sums: dict[int, Floats] = {}
    middle = np.zeros((k, k))
    for owner, piece in members:
        scores = np.zeros((len(piece.rows), k))
        scores[:, [best.names.index(n) for n in piece.names]] = piece.scores(values)
        scores = np.nan_to_num(scores * piece.weight[:, None], nan=0.0, posinf=0.0, neginf=0.0)
        if owner.clusters is None:
            middle += scores.T @ scores
            continue
        own, at = np.unique(owner.clusters[piece.rows], return_inverse=True)
        added = np.zeros((len(own), k))
        np.add.at(added, at, scores)
        for cluster, total in zip(own.tolist(), added, strict=True):
            sums[cluster] = sums.get(cluster, np.zeros(k)) + total
    if sums:
        whole = np.stack(list(sums.values()))
        middle = whole.T @ whole
    return np.sqrt(np.diag(best.covariance @ middle @ best.covariance))


def _interval(value: float, error: float, level: float, kind: Kind) -> tuple[float, float]:
    reach = NormalDist().inv_cdf((1 + level) / 2) * error
    if kind == "positive":
        return value * exp(-reach / value), value * exp(reach / value)
    if kind == "share":
        middle, reach = log(value / (1 - value)), reach / (value * (1 - value))
        return 1 / (1 + exp(reach - middle)), 1 / (1 + exp(-reach - middle))
    return value - reach, value + reach


def _fitted(read: _Read, values: Mapping[str, float], used: set[tuple[str, bool]]) -> EquationFit:
    """Say how an equation fits.

    Raises:
        EstimationError: rows are impossible under it (E544).
    """
    total, name = 0.0, read.rule.name
    for piece in read.pieces:
        piece.require_possible(values)
        logs = piece.log_density(values)
        total += float(piece.weight @ logs)
    k = len(free_in(read.rule.node))
    method = "+".join(sorted({m for m, _ in used}))
    return EquationFit(name, total, 2 * k - 2 * total, read.n, read.dropped, method, all(c for _, c in used))
