"""The right side of a structural equation, as a tree that computes whole columns at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from causalgraph.errors import EstimationError
from causalgraph.scm.distributions import DISTRIBUTIONS, Limit

__all__ = [
    "FUNCTIONS",
    "Apply",
    "Case",
    "Choice",
    "Constant",
    "Draw",
    "Free",
    "Node",
    "Ref",
    "Scores",
    "arguments_of",
    "by_level",
    "draws_of",
    "evaluate",
    "free_in",
    "parameters_of",
    "refs_of",
    "walk",
]

Floats = NDArray[np.float64]
# Shares of a `Categorical` may add up to 1 up to this.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Constant:
    """A number, or the place of a level."""

    value: float


@dataclass(frozen=True)
class Ref:
    """A variable; `numbers` are what its levels count as where the columns hold places, empty where they hold numbers.

    Where the place itself is meant, as in a comparison with a level, `numbers` is empty.
    """

    name: str
    numbers: tuple[float, ...] = ()


@dataclass(frozen=True)
class Free:
    """A parameter that the data are to tell."""

    name: str


@dataclass(frozen=True)
class Apply:
    """An operation or a function, a name in `FUNCTIONS`."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Case:
    """One node for each level of a variable."""

    variable: str
    branches: tuple[Node, ...]


@dataclass(frozen=True)
class Draw:
    """A draw from a distribution; `index` tells the uniform number of the equation that it uses."""

    distribution: str
    arguments: tuple[Node, ...]
    index: int


@dataclass(frozen=True)
class Choice:
    """A draw of the place of a level, by the shares of all levels."""

    shares: tuple[Node, ...]
    index: int


@dataclass(frozen=True, eq=False)
class Scores:
    """Standard noise ``(n,)`` in place of uniform numbers, for distributions that have a `scale`."""

    values: Floats

    def __getitem__(self, rows: NDArray[np.intp]) -> Scores:
        return Scores(self.values[rows])


Noise = Floats | Scores
Node = Constant | Ref | Free | Apply | Case | Draw | Choice


def _told(compare: Callable[..., Any]) -> Callable[..., Any]:
    """Compare numbers; what compares with no number isn't known, where numpy would say false."""

    def compared(*arguments: Floats) -> Floats:
        found = compare(*arguments)
        unknown = reduce(np.logical_or, map(np.isnan, arguments))
        return np.where(unknown, np.nan, found) if np.any(unknown) else found

    return compared


FUNCTIONS: Mapping[str, tuple[int, Callable[..., Any]]] = {
    "+": (2, np.add),
    "-": (2, np.subtract),
    "*": (2, np.multiply),
    "/": (2, np.divide),
    "**": (2, np.power),
    "<": (2, _told(np.less)),
    "<=": (2, _told(np.less_equal)),
    ">": (2, _told(np.greater)),
    ">=": (2, _told(np.greater_equal)),
    "==": (2, _told(np.equal)),
    "!=": (2, _told(np.not_equal)),
    "exp": (1, np.exp),
    "log": (1, np.log),
    "expit": (1, special.expit),
    "logit": (1, special.logit),
    "sqrt": (1, np.sqrt),
    "abs": (1, np.abs),
    "min": (2, np.minimum),
    "max": (2, np.maximum),
    "indicator": (1, _told(lambda x: x != 0)),
}


def arguments_of(node: Node) -> tuple[Node, ...]:
    """Return the nodes right below one."""
    match node:
        case Apply(_, arguments) | Draw(_, arguments, _):
            return arguments
        case Case(_, branches):
            return branches
        case Choice(shares, _):
            return shares
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it, from the top."""
    yield node
    for below in arguments_of(node):
        yield from walk(below)


def refs_of(node: Node) -> tuple[str, ...]:
    """Return the variables that a node mentions, each once.

    >>> refs_of(Case("Z", (Ref("X"), Apply("+", (Ref("X"), Ref("W"))))))
    ('Z', 'X', 'W')
    """
    named = (n.name if isinstance(n, Ref) else n.variable for n in walk(node) if isinstance(n, Ref | Case))
    return tuple(dict.fromkeys(named))


def free_in(node: Node) -> tuple[str, ...]:
    """Return the parameters that the data are to tell, each once."""
    return tuple(dict.fromkeys(n.name for n in walk(node) if isinstance(n, Free)))


def draws_of(node: Node) -> tuple[Draw | Choice, ...]:
    """Return the draws of an equation, by their index; those of two branches of a case are two."""
    # What stands after `else` is below every level that it stands for, and is one draw.
    found = {n.index: n for n in walk(node) if isinstance(n, Draw | Choice)}
    return tuple(found[index] for index in sorted(found))


def evaluate(
    node: Node, columns: Mapping[str, Floats], uniforms: Sequence[Noise], parameters: Mapping[str, float]
) -> Floats:
    """Compute a node for whole columns.

    Args:
        node: what to compute.
        columns: of each variable that it mentions ``(n,)`` numbers, or the places of levels.
        uniforms: of each draw, by index, ``(n,)`` numbers between 0 and 1, or standard noise.
        parameters: the values of free parameters.

    Raises:
        EstimationError: a parameter of a distribution is out of its limits (E540): the value, and in how many rows.

    >>> evaluate(Apply("*", (Constant(2.0), Ref("X"))), {"X": np.array([1.0, 3.0])}, (), {}).tolist()
    [2.0, 6.0]
    """

    def at(one: Node) -> Floats:
        return evaluate(one, columns, uniforms, parameters)

    match node:
        case Constant(value):
            return np.float64(value)  # type: ignore[return-value]  # a number broadcasts as an array would
        case Ref(name, numbers):
            column = columns[name]
            return np.asarray(numbers)[column.astype(np.intp)] if numbers else column
        case Free(name):
            return np.float64(parameters[name])  # type: ignore[return-value]  # as above
        case Apply(function, arguments):
            # What a function isn't defined for is told where it ends up: in a draw, or in the column.
            with np.errstate(all="ignore"):
                return np.asarray(FUNCTIONS[function][1](*map(at, arguments)), dtype=float)
        case Case(variable, branches):
            return _of_branches(variable, branches, columns, uniforms, parameters)
        case Draw(distribution, arguments, index):
            made, noise = DISTRIBUTIONS[distribution], uniforms[index]
            values = parameters_of(distribution, [at(a) for a in arguments])
            if isinstance(noise, Scores):
                if made.scale is None:
                    raise TypeError(f"{distribution} has no standard noise")
                return np.asarray(made.scale.draw(noise.values, *values))
            return np.asarray(made.quantile(noise, *values))
        case Choice(shares, index):
            uniform = uniforms[index]
            if isinstance(uniform, Scores):
                raise TypeError("Categorical has no standard noise")
            return chosen(uniform, [at(s) for s in shares])


def _of_branches(
    variable: str,
    branches: Sequence[Node],
    columns: Mapping[str, Floats],
    uniforms: Sequence[Noise],
    parameters: Mapping[str, float],
) -> Floats:
    found = np.empty(np.size(columns[variable]))
    for rows, branch, own in by_level(variable, branches, columns):
        found[rows] = evaluate(branch, own, [u[rows] for u in uniforms], parameters)
    return found


def by_level(
    variable: str, branches: Sequence[Node], columns: Mapping[str, Floats]
) -> Iterator[tuple[NDArray[np.intp], Node, dict[str, Floats]]]:
    """Yield the rows of each branch of a case with its columns there, so that none fails on rows of another."""
    places = np.atleast_1d(columns[variable]).astype(np.intp)
    for place, branch in enumerate(branches):
        rows = np.flatnonzero(places == place)
        if len(rows):
            yield rows, branch, {name: np.atleast_1d(columns[name])[rows] for name in refs_of(branch)}


def parameters_of(distribution: str, values: Sequence[Floats]) -> list[Floats]:
    """Return the parameters of a distribution, each of which must lie in its limits.

    Raises:
        EstimationError: one doesn't (E540).
    """
    made = DISTRIBUTIONS[distribution]
    for place, (name, limit, value) in enumerate(zip(made.parameters, made.limits, values, strict=True)):
        limited(distribution, name, limit, value)
        if limit == "higher":
            wrong = np.atleast_1d(value <= values[place - 1])
            if wrong.any():
                raise EstimationError.because(
                    "E540",
                    f"{name} of {distribution} isn't above {made.parameters[place - 1]}"
                    + f" in {int(wrong.sum()):,} of {len(wrong):,} rows" * (len(wrong) > 1),
                )
    return list(values)


def limited(distribution: str, name: str, limit: Limit, values: Floats) -> Floats:
    """Return the values of a parameter, which must lie in its limits.

    Raises:
        EstimationError: one doesn't (E540).
    """
    wrong = ~np.isfinite(values)
    if limit == "positive":
        wrong |= values <= 0
    elif limit == "share":
        wrong |= (values < 0) | (values > 1)
    if np.any(wrong):
        many = np.atleast_1d(wrong)
        value = float(np.atleast_1d(values)[np.flatnonzero(many)[0]])
        allowed = {"any": "a number", "higher": "a number", "positive": "above 0", "share": "between 0 and 1"}[limit]
        where = f" in {int(many.sum()):,} of {len(many):,} rows" if len(many) > 1 else ""
        raise EstimationError.because(
            "E540",
            f"{name} of {distribution} comes out as {value:.6g}{where}, and must be {allowed}",
            fix="expit(…) keeps a share between 0 and 1, exp(…) a scale above 0",
        )
    return values


def chosen(uniform: Floats, shares: Sequence[Floats]) -> Floats:
    """Return the place of the level that each uniform number falls on; levels lie beside one another in order.

    Raises:
        EstimationError: shares are negative, or don't add up to 1 (E540).
    """
    table = np.stack([np.broadcast_to(share, uniform.shape) for share in shares])
    total = table.sum(axis=0)
    wrong = np.atleast_1d((table < 0).any(axis=0) | ~(np.abs(total - 1) < ROUNDING * len(shares)))
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        said = ", ".join(f"{float(np.atleast_1d(s)[first]):.6g}" for s in table)
        raise EstimationError.because(
            "E540", f"the shares of Categorical come out as {said}: they must add up to 1, none below 0"
        )
    ends = np.cumsum(table, axis=0)[:-1]
    return np.asarray((uniform >= ends).sum(axis=0), dtype=float)
