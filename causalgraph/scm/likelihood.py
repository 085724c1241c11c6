"""How likely rows are under a structural equation with free parameters, and the derivatives of that by each parameter.

An equation with one draw is solved for the draw as a tree: Y := a + b X + Normal(0, s) says that Y - a - b X is drawn.
Derivatives of trees are trees; those of the distributions are the table `SCORES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from causalgraph.errors import EstimationError
from causalgraph.scm.derivatives import ONE, TWO, ZERO, derivative, minus, over, plus, times
from causalgraph.scm.distributions import DISTRIBUTIONS
from causalgraph.scm.expressions import (
    FUNCTIONS,
    Apply,
    Case,
    Choice,
    Draw,
    Node,
    Ref,
    draws_of,
    evaluate,
    free_in,
    refs_of,
    walk,
)
from causalgraph.scm.structural import Rule

__all__ = ["SCORES", "Density", "Piece", "pieces_of", "undone"]

Floats = NDArray[np.float64]
# Shares that add up to 1 up to this do so.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Density:
    """The density of a variable where all cases are settled.

    Attributes:
        draw: what is drawn; None where nothing is.
        target: what the draw must have been, given the variable and its parents.
        slopes: trees whose absolute values' logs add to the log density: how the target moves with the variable.
    """

    draw: Draw | Choice | None
    target: Node
    slopes: tuple[Node, ...] = ()


def settled(node: Node, places: Mapping[str, int]) -> Node:
    """Return a tree in which the level of each case is known."""
    match node:
        case Case(variable, branches):
            return settled(branches[places[variable]], places)
        case Apply(function, arguments):
            return Apply(function, tuple(settled(a, places) for a in arguments))
        case Draw(distribution, arguments, index):
            return Draw(distribution, tuple(settled(a, places) for a in arguments), index)
        case Choice(shares, index):
            return Choice(tuple(settled(s, places) for s in shares), index)
        case _:
            return node


def density_of(node: Node, name: str) -> Density:
    """Solve an equation whose cases are settled for its draw.

    Args:
        node: the equation.
        name: the variable.

    Raises:
        EstimationError: there are several draws, or the equation can't be solved (E542).
    """
    draws = draws_of(node)
    if len(draws) > 1:
        raise EstimationError.because(
            "E542",
            f"the equation of {name} has {len(draws)} noise terms",
            why="its likelihood is an integral over all but one of them, which isn't computed",
            fix="join them into one, or give each a variable that is observed",
        )
    known: Node = Ref(name)
    if not draws:
        return Density(None, minus(known, node))
    slopes: list[Node] = []
    while isinstance(node, Apply):
        side = next(i for i, a in enumerate(node.arguments) if draws_of(a))
        other = node.arguments[1 - side] if len(node.arguments) > 1 else known
        made_of = undone(node.function, side, known, other)
        if made_of is None:
            raise EstimationError.because(
                "E542",
                f"the equation of {name} can't be solved for its noise: {node.function} isn't one to one",
                fix="write the noise outside of it",
            )
        known, slope = made_of
        if slope != ONE:
            slopes.append(slope)
        node = node.arguments[side]
    made = node if isinstance(node, Draw | Choice) else None
    continuous = isinstance(made, Draw) and DISTRIBUTIONS[made.distribution].kind == "continuous"
    return Density(made, known, tuple(slopes) if continuous else ())


def undone(function: str, side: int, known: Node, other: Node) -> tuple[Node, Node] | None:
    """Return what the argument on one side must have been, and how that moves with what is known.

    Args:
        function: what is undone.
        side: of the argument that is asked for.
        known: what the function gave.
        other: its other argument, where it has two.

    Returns:
        None where the function isn't one to one.

    >>> undone("+", 0, Ref("Y"), Ref("X"))[0]
    Apply(function='-', arguments=(Ref(name='Y', numbers=()), Ref(name='X', numbers=())))
    """
    found = UNDONE.get((function, side if FUNCTIONS[function][0] > 1 else None))
    return None if found is None else found(known, other)


def _expit_slope(known: Node) -> Node:
    return times(known, minus(ONE, known))


# A function and the side that holds the draw -> what the draw must have been, and how that moves with what is known.
UNDONE: Mapping[tuple[str, int | None], Callable[[Node, Node], tuple[Node, Node]]] = {
    ("+", 0): lambda y, o: (minus(y, o), ONE),
    ("+", 1): lambda y, o: (minus(y, o), ONE),
    ("-", 0): lambda y, o: (plus(y, o), ONE),
    ("-", 1): lambda y, o: (minus(o, y), ONE),
    ("*", 0): lambda y, o: (over(y, o), over(ONE, o)),
    ("*", 1): lambda y, o: (over(y, o), over(ONE, o)),
    ("/", 0): lambda y, o: (times(y, o), o),
    ("/", 1): lambda y, o: (over(o, y), over(o, times(y, y))),
    ("exp", None): lambda y, _o: (Apply("log", (y,)), over(ONE, y)),
    ("log", None): lambda y, _o: (Apply("exp", (y,)), Apply("exp", (y,))),
    ("expit", None): lambda y, _o: (Apply("logit", (y,)), over(ONE, _expit_slope(y))),
    ("logit", None): lambda y, _o: (Apply("expit", (y,)), _expit_slope(Apply("expit", (y,)))),
    # The square as exp(2 log y), which a negative number doesn't have: no root is one.
    ("sqrt", None): lambda y, _o: (Apply("exp", (times(TWO, Apply("log", (y,))),)), times(TWO, y)),
}


# Scores -------------------------------------------------------------------------------------------------------------


def _normal(x: Floats, m: Floats, s: Floats) -> tuple[Any, ...]:
    z = (x - m) / s
    return -z / s, z / s, (z * z - 1) / s


def _log_normal(x: Floats, m: Floats, s: Floats) -> tuple[Any, ...]:
    z = (np.log(x) - m) / s
    return -(z / s + 1) / x, z / s, (z * z - 1) / s


def _beta(x: Floats, a: Floats, b: Floats) -> tuple[Any, ...]:
    both = special.digamma(a + b)
    by_a, by_b = np.log(x) - special.digamma(a) + both, np.log1p(-x) - special.digamma(b) + both
    return (a - 1) / x - (b - 1) / (1 - x), by_a, by_b


def _student(x: Floats, df: Floats, m: Floats, s: Floats) -> tuple[Any, ...]:
    z = (x - m) / s
    pull = (df + 1) * z / (df + z * z)
    by_df = special.digamma((df + 1) / 2) - special.digamma(df / 2) - 1 / df - np.log1p(z * z / df) + pull * z / df
    return -pull / s, by_df / 2, pull / s, (pull * z - 1) / s


# The derivatives of each log density by the value and by the parameters, in order.
SCORES: Mapping[str, Callable[..., tuple[Any, ...]]] = {
    "Normal": _normal,
    "Bernoulli": lambda x, p: (0.0, np.where(x == 1, 1 / p, -1 / (1 - p))),
    "Poisson": lambda x, r: (0.0, x / r - 1),
    "Exponential": lambda x, s: (-1 / s, (x / s - 1) / s),
    "Uniform": lambda _x, a, b: (0.0, 1 / (b - a), -1 / (b - a)),
    "LogNormal": _log_normal,
    "Beta": _beta,
    "Gamma": lambda x, k, s: ((k - 1) / x - 1 / s, np.log(x / s) - special.digamma(k), (x / s - k) / s),
    "StudentT": _student,
}


# Which values a distribution can draw, where not all.
POSSIBLE: Mapping[str, Callable[[Floats], NDArray[np.bool_]]] = {
    "Bernoulli": lambda x: (x == 0) | (x == 1),
    "Poisson": lambda x: (x >= 0) & (x == np.floor(x)),
    "Exponential": lambda x: x >= 0,
    "LogNormal": lambda x: x > 0,
    "Gamma": lambda x: x > 0,
    "Beta": lambda x: (x > 0) & (x < 1),
}


@dataclass(frozen=True, eq=False)
class Piece:
    """Rows of an equation that share the level of every case.

    Attributes:
        variable: whose equation it is.
        density: of the variable in these rows.
        columns: the variable and its parents ``(m,)``.
        rows: which rows of the equation these are ``(m,)``.
        weight: ``(m,)``.
    """

    variable: str
    density: Density
    columns: Mapping[str, Floats]
    rows: NDArray[np.intp]
    weight: Floats
    names: tuple[str, ...]
    _trees: dict[str, tuple[Node, tuple[Node, ...], tuple[Node, ...]]] = field(default_factory=dict, repr=False)

    def value(self, node: Node, parameters: Mapping[str, float]) -> Floats:
        """Compute a tree for the rows."""
        return np.broadcast_to(evaluate(node, self.columns, (), parameters), (len(self.rows),))

    def some(self, every: int) -> Piece:
        """Return every so-manyth of the rows."""
        kept = {name: column[::every] for name, column in self.columns.items()}
        return Piece(self.variable, self.density, kept, self.rows[::every], self.weight[::every], self.names)

    @property
    def arguments(self) -> tuple[Node, ...]:
        """The parameters of what is drawn."""
        match self.density.draw:
            case Draw(_, arguments, _):
                return arguments
            case Choice(shares, _):
                return shares
            case _:
                return ()

    def require_possible(self, parameters: Mapping[str, float] | None = None) -> None:
        """Make sure that every row has a density: at some parameters, or without them at any.

        Raises:
            EstimationError: some have none (E544).
        """
        if parameters is not None:
            good = np.isfinite(self.log_density(parameters))
        else:
            draw, target = self.density.draw, self.density.target
            if not isinstance(draw, Draw) or draw.distribution not in POSSIBLE or free_in(target):
                return
            with np.errstate(all="ignore"):
                good = np.asarray(POSSIBLE[draw.distribution](self.value(target, {})))
        wrong = np.flatnonzero(~good)
        if len(wrong):
            shown = ", ".join(f"{n} = {column[wrong[0]]:.6g}" for n, column in self.columns.items())
            raise EstimationError.because(
                "E544",
                f"the equation of {self.variable} makes {len(wrong):,} of {len(good):,} rows impossible, as {shown}",
                why="they lie where its distribution has no density, whatever the parameters",
                fix="look for a distribution that covers them: Gamma or LogNormal above 0, Beta between 0 and 1",
            )

    def log_density(self, parameters: Mapping[str, float]) -> Floats:
        """Return the log density of each row ``(m,)``, minus infinity where parameters are out of their limits."""
        with np.errstate(all="ignore"):
            target = self.value(self.density.target, parameters)
            given = [self.value(a, parameters) for a in self.arguments]
            match self.density.draw:
                case None:
                    near = np.abs(target) <= ROUNDING * np.maximum(1.0, np.abs(self.columns[self.variable]))
                    found = np.where(near, 0.0, -np.inf)
                case Choice():
                    shares = np.stack(given)
                    wrong = (shares < 0).any(axis=0) | ~(np.abs(shares.sum(axis=0) - 1) < ROUNDING * len(shares))
                    own = shares[target.astype(np.intp), np.arange(len(target))]
                    found = np.where(wrong, -np.inf, np.log(own))
                case Draw(distribution, _, _):
                    made = DISTRIBUTIONS[distribution]
                    found = np.where(_allowed(distribution, given), made.log_density(target, *given), -np.inf)
            for slope in self.density.slopes:
                found = found + np.log(np.abs(self.value(slope, parameters)))
        return np.where(np.isfinite(found), found, -np.inf)

    def scores(self, parameters: Mapping[str, float]) -> Floats:
        """Return the derivatives of the log density by each of `names` ``(m, k)``."""
        found = np.zeros((len(self.rows), len(self.names)))
        with np.errstate(all="ignore"):
            target = self.value(self.density.target, parameters)
            given = [self.value(a, parameters) for a in self.arguments]
            match self.density.draw:
                case Choice():
                    at = target.astype(np.intp)
                    by_value: Any = 0.0
                    by = [np.where(at == place, 1 / share, 0.0) for place, share in enumerate(given)]
                case Draw(distribution, _, _):
                    by_value, *by = SCORES[distribution](target, *given)
                case None:
                    return found
            for place, name in enumerate(self.names):
                own, arguments, slopes = self.trees(name)
                total: Any = 0.0
                if own != ZERO:
                    total = total + by_value * self.value(own, parameters)
                for outer, inner in zip(by, arguments, strict=True):
                    if inner != ZERO:
                        total = total + outer * self.value(inner, parameters)
                for slope, inner in zip(self.density.slopes, slopes, strict=True):
                    if inner != ZERO:
                        total = total + self.value(inner, parameters) / self.value(slope, parameters)
                found[:, place] = total
        return found

    def trees(self, name: str) -> tuple[Node, tuple[Node, ...], tuple[Node, ...]]:
        """Return the derivatives of target, arguments and slopes by a parameter."""
        if name not in self._trees:
            self._trees[name] = (
                derivative(self.density.target, name),
                tuple(derivative(a, name) for a in self.arguments),
                tuple(derivative(s, name) for s in self.density.slopes),
            )
        return self._trees[name]


def _allowed(distribution: str, given: Sequence[Floats]) -> NDArray[np.bool_]:
    """Whether the parameters of a draw lie in their limits ``(m,)``."""
    good = np.asarray(np.isfinite(given).all(axis=0))
    for place, limit in enumerate(DISTRIBUTIONS[distribution].limits):
        if limit == "positive":
            good = good & (given[place] > 0)
        elif limit == "share":
            good = good & (given[place] >= 0) & (given[place] <= 1)
        elif limit == "higher":
            good = good & (given[place] > given[place - 1])
    return good


def pieces_of(rule: Rule, columns: Mapping[str, Floats], weight: Floats) -> list[Piece]:
    """Split the rows of an equation so that in each piece the level of every case is known.

    Args:
        rule: the equation.
        columns: the variable and its parents ``(n,)``: numbers, or places of levels.
        weight: ``(n,)``.

    Raises:
        EstimationError: the equation has no likelihood that could be computed (E542).
    """
    by = tuple(dict.fromkeys(n.variable for n in walk(rule.node) if isinstance(n, Case)))
    n = len(weight)
    cell, first = np.zeros(n, dtype=np.intp), np.zeros(min(n, 1), dtype=np.intp)
    for name in by:
        places = columns[name].astype(np.intp)
        _, first, cell = np.unique(cell * (places.max(initial=0) + 1) + places, return_index=True, return_inverse=True)
    order = np.argsort(cell, kind="stable")
    ends = np.searchsorted(cell[order], np.arange(len(first) + 1))
    # Cells in which an equation says the same are one piece.
    alike: dict[Node, list[NDArray[np.intp]]] = {}
    for number, row in enumerate(first.tolist()):
        node = settled(rule.node, {name: int(columns[name][row]) for name in by})
        alike.setdefault(node, []).append(order[ends[number] : ends[number + 1]])
    found = []
    for node, parts in alike.items():
        rows = np.sort(np.concatenate(parts))
        density, names = density_of(node, rule.name), free_in(node)
        if density.draw is None and names:
            raise EstimationError.because(
                "E542",
                f"the equation of {rule.name} has no noise, so that ?{names[0]} has no likelihood",
                why="one row would settle it, and the next would contradict",
                fix="add noise: … + Normal(0, ?sd)",
            )
        kept = {name: columns[name][rows] for name in (rule.name, *refs_of(node))}
        found.append(Piece(rule.name, density, kept, rows, weight[rows], names))
    return found
