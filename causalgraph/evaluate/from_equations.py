"""Numbers that follow from structural equations, without data: exact where values are finitely many, else by draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import isfinite
from typing import Literal

from causalgraph.answers import Answer, Block, Document, Word, line
from causalgraph.errors import EstimationError
from causalgraph.evaluate.estimate import Estimate, Row, decimals, number
from causalgraph.graphs.relations import descendants
from causalgraph.scm.counterfactual import DRAWS, Counterfactual, Potential, ask
from causalgraph.scm.reading import BINARY
from causalgraph.scm.structural import Structural
from causalgraph.scm.tables import exact
from causalgraph.scm.worlds import shown
from causalgraph.syntax import queries as q

__all__ = ["Computed", "answer"]

Numeric = q.Probability | q.Expectation | q.Counterfactual | q.Effect | q.Arithmetic | q.Constant
World = tuple[tuple[str, str | float | Potential], ...]
# A table with more rows than this is asked for by mistake.
MOST_ROWS = 10_000


@dataclass(frozen=True)
class Computed(Estimate):
    """A number that follows from the equations; `std_error` and `interval` tell of the draws alone."""

    def document(self) -> Document:
        """Show the number or the table, how it came about, and what it rests on."""
        blocks: list[Block] = []
        unit = f" {self.unit}" if self.unit else ""
        if self.single and self.single.value is not None:
            row = self.single
            places = decimals(row.std_error)
            ends = f"[{', '.join(number(e, places) for e in row.interval)}]" if row.interval else ""
            shown = f"   {self.level:.0%} {ends}" if ends else ""
            blocks.append(line(Word(number(row.value or 0.0, places) + unit, "strong"), shown, f"   {self.method}"))
        else:
            blocks += [self._table(unit), line(self.method)]
        if self.versus and self.single:
            one, two = (", ".join(f"{k}={v}" for k, v in side.items()) for side in (self.compared, self.versus))
            blocks.append(line(Word(f"{one} against {two}", "dim")))
        blocks += [line(Word(note, "dim")) for note in self.notes]
        blocks += [line(Word("⚠ ", "warn"), warning) for warning in self.warnings]
        return Document(tuple(blocks))


@dataclass(frozen=True)
class _Number:
    """A number, the error of its draws (None where it is exact), and what was said of it."""

    value: float
    error: float | None = None
    draws: int = 0
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def answer(
    query: Numeric,
    text: str,
    structural: Structural,
    *,
    level: float = 0.95,
    seed: int = 0,
    draws: int = DRAWS,
) -> Answer:
    """Answer a question for a number from structural equations.

    Args:
        query: the question; it fits the model.
        text: the question as it was asked.
        structural: the equations.
        level: of intervals, which tell of the draws alone.
        seed: of the draws.
        draws: how many, where some are needed.

    Raises:
        ModelError: a free parameter has no value (E148), or a level doesn't exist (E204).
        EstimationError: what is known never happens (E547), a single number of a continuous variable is asked for
            (E548), noise can't be solved for (E549), an outcome's levels are words (E546), or something is divided by
            zero (E509).
    """
    asked = _Asked(structural, level, seed, draws)
    free = list(asked.free(query))
    choices = [[(name, value) for value in values] for name, values in free]
    rows, numbers = [], []
    for cell in product(*choices):
        found = asked.value(query, dict(cell))
        numbers.append(found)
        rows.append(Row(dict(cell), found.value, found.error, asked.interval(found)))
    drawn = max((n.draws for n in numbers), default=0)
    exact_ones = sum(n.error is None for n in numbers)
    method = "from the equations, " + ("exact" if exact_ones == len(numbers) else f"by {drawn:,} draws")
    versus, compared = asked.contrast(query) if isinstance(query, q.Effect) else ({}, {})
    return Computed(
        text,
        tuple(rows),
        level,
        method,
        n=drawn,
        dropped=0,
        warnings=tuple(dict.fromkeys(w for n in numbers for w in n.warnings)),
        identification=(),
        notes=tuple(dict.fromkeys(w for n in numbers for w in n.notes)),
        unit=_unit(query, structural),
        versus=versus or None,
        compared=compared,
    )


def _unit(query: Numeric, structural: Structural) -> str | None:
    if isinstance(query, q.Expectation) or (isinstance(query, q.Effect) and query.measure in DIFFERENCES):
        known = structural.variables.get(query.outcome.variable)
        return known.unit if known else None
    return None


@dataclass(frozen=True)
class _Asked:
    structural: Structural
    level: float
    seed: int
    draws: int

    # What is left free, and its levels.

    def free(self, query: Numeric) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each column of the answer's table with its values: what was left free, and arms beyond two."""
        known: dict[str, None] = {}
        rows = 1
        for name, values in self._free(query):
            if name in known:
                continue
            known[name] = None
            rows *= len(values)
            if rows > MOST_ROWS:
                raise EstimationError.because(
                    "E545", f"the answer is a table of more than {MOST_ROWS:,} rows", fix="say some of the levels"
                )
            yield name, values

    def _free(self, query: Numeric) -> Iterator[tuple[str, tuple[str, ...]]]:
        match query:
            case q.Arithmetic(_, left, right):
                yield from self._free(left)  # type: ignore[arg-type]  # the parser admits numeric sides alone
                yield from self._free(right)  # type: ignore[arg-type]  # as above
                return
            case q.Probability(outcomes, do, given):
                terms = (*do, *given, *outcomes)
            case q.Expectation(_, do, given):
                terms = (*do, *given)
            case q.Counterfactual("P", targets):
                terms = targets
            case q.Effect():
                terms = query.given
                arms = self.levels(query.treatment)
                if len(arms) > 2:
                    yield query.treatment.variable, arms[1:]
            case _:
                return
        for term in terms:
            if term.value is None:
                yield _label(term), self.levels(term)

    def levels(self, term: q.Term) -> tuple[str, ...]:
        """Return the values of a variable that has finitely many."""
        rule = self.structural.rule(term.variable)
        if rule.levels:
            return rule.levels
        try:
            return exact(self.structural, (term.variable,)).levels[0]
        except EstimationError as error:
            name = term.variable
            raise EstimationError.because(
                "E548",
                f"{name} is drawn from infinitely many values, so its value must be said",
                fix=f"write {name}=…, or compare two: E(Y | do({name}=1)) - E(Y | do({name}=0))",
                span=term.span,
            ) from error

    # Numbers.

    def value(self, query: Numeric, cell: Mapping[str, str]) -> _Number:
        match query:
            case q.Constant(digits):
                return _Number(float(digits))
            case q.Arithmetic(operator, left, right):
                sides = [self.value(side, cell) for side in (left, right)]  # type: ignore[arg-type]  # numeric sides
                return _joined(OPERATORS[operator], *sides)
            case q.Probability(outcomes, do, given):
                world = _world(do, cell)
                targets = [_held(t, world, cell) for t in outcomes]
                return self.number(targets, [_held(t, world, cell) for t in given], quantity="P")
            case q.Expectation(outcome, do, given):
                world = _world(do, cell)
                return self.number([Potential(outcome.variable, world)], [_held(t, world, cell) for t in given])
            case q.Counterfactual(quantity, targets, given, coefficients):
                made = [_potential(t, cell.get(_label(t))) for t in targets]
                facts = [_potential(t) for t in given]
                if quantity == "P":
                    return self.number(made, facts, quantity="P")
                return self.number(made, facts, coefficients=coefficients)
            case q.Effect():
                return self.effect(query, cell)

    def effect(self, query: q.Effect, cell: Mapping[str, str]) -> _Number:
        x, y = query.treatment.variable, query.outcome.variable
        versus, compared = self.contrast(query)
        against, arm = versus[x], cell.get(x, compared.get(x, ""))
        if query.measure in ("pn", "ps", "pns"):
            return self.necessity(query, against, arm)
        held: World = tuple((t.variable, t.value or "") for t in query.held)
        one, two = (Potential(y, ((x, level), *held)) for level in (arm, against))
        if query.measure in {"att", "atc"}:
            facts = [Potential(x, (), arm if query.measure == "att" else against)]
            return self.number([one, two], facts, coefficients=(1.0, -1.0))
        # As after do(X): where a condition depends on the treatment, the arms differ in whom they speak of.
        within = [[_held(t, side.world, cell) for t in query.given] for side in (one, two)]
        if query.measure in DIFFERENCES and not {t.variable for t in query.given} & descendants(
            self.structural.graph, (x,)
        ):
            return self.number([one, two], within[0], coefficients=(1.0, -1.0))
        means = [self.number([side], facts) for side, facts in zip((one, two), within, strict=True)]
        if query.measure in DIFFERENCES:
            return _joined(OPERATORS["-"], *means)
        if query.measure == "rr":
            return _joined(OPERATORS["/"], *means)
        if self.structural.rule(y).levels != BINARY:
            raise EstimationError.because(
                "E507", f"{y} isn't binary, and odds are of an event", fix="ask for rr, a ratio of means, or ate"
            )
        odds = [_joined(OPERATORS["/"], m, _joined(OPERATORS["-"], _Number(1.0), m)) for m in means]
        return _joined(OPERATORS["/"], *odds)

    def necessity(self, query: q.Effect, against: str, arm: str) -> _Number:
        """Return the probability of necessity, of sufficiency, or of both."""
        x, y = query.treatment, query.outcome
        for term in (x, y):
            if len(self.levels(term)) != 2:
                raise EstimationError.because(
                    "E507",
                    f"{term.variable} isn't binary, and {query.measure} is of events",
                    fix=f"ask for a probability such as P({y.variable}[{x.variable}=…]=… | …)",
                    span=term.span,
                )
        none, some = self.levels(y)
        without = Potential(y.variable, ((x.variable, against),), none)
        with_it = Potential(y.variable, ((x.variable, arm),), some)
        if query.measure == "pns":
            return self.number([with_it, without], [], quantity="P")
        level, outcome, target = (arm, some, without) if query.measure == "pn" else (against, none, with_it)
        facts = [Potential(x.variable, (), level), Potential(y.variable, (), outcome)]
        return self.number([target], facts, quantity="P")

    def contrast(self, query: q.Effect) -> tuple[dict[str, str], dict[str, str]]:
        """Return what an effect compares with, and the one arm that it compares, where there is one."""
        x = query.treatment.variable
        arms = self.levels(query.treatment)
        if len(arms) < 2:
            raise EstimationError.because(
                "E548", f"{x} has one value alone, {arms[0]}, so that nothing can be compared"
            )
        return {x: arms[0]}, {x: arms[1]} if len(arms) == 2 else {}

    def number(
        self,
        targets: Sequence[Potential],
        facts: Sequence[Potential],
        *,
        coefficients: Sequence[float] | None = None,
        quantity: Literal["E", "P"] | None = None,
    ) -> _Number:
        found: Counterfactual = ask(
            self.structural,
            targets,
            facts,
            coefficients=coefficients,
            quantity=quantity,
            draws=self.draws,
            level=self.level,
            seed=self.seed,
        )
        if found.value is None:
            raise TypeError("every value was said")
        return _Number(found.value, found.std_error, found.draws or 0, found.notes, found.warnings)

    def interval(self, found: _Number) -> tuple[float, float] | None:
        if found.error is None:
            return None
        from scipy.special import ndtri

        half = float(ndtri((1 + self.level) / 2)) * found.error
        return found.value - half, found.value + half


DIFFERENCES = ("ate", "att", "atc", "cate", "cde")


def _label(term: q.Term) -> str:
    return shown(replace(_potential(term), value=None))


def _world(do: Sequence[q.Term], cell: Mapping[str, str]) -> World:
    return tuple((t.variable, t.value if t.value is not None else cell[t.variable]) for t in do)


def _held(term: q.Term, world: World, cell: Mapping[str, str]) -> Potential:
    return Potential(term.variable, world, term.value if term.value is not None else cell[term.variable])


def _potential(term: q.Term, value: str | None = None) -> Potential:
    """Turn a term of a question into a potential outcome of the equations."""
    inside = term.world if isinstance(term, q.Potential) else ()
    world = tuple((item.variable, _potential(item) if item.value is None else item.value) for item in inside)
    return Potential(term.variable, world, term.value if term.value is not None else value)


# An operation, and its derivatives by both sides.
Operation = Callable[[float, float], tuple[float, float, float]]
OPERATORS: Mapping[str, Operation] = {
    "+": lambda a, b: (a + b, 1.0, 1.0),
    "-": lambda a, b: (a - b, 1.0, -1.0),
    "*": lambda a, b: (a * b, b, a),
    "/": lambda a, b: (a / b, 1 / b, -a / b**2) if b else (float("nan"), 0.0, 0.0),
}


def _joined(operation: Operation, left: _Number, right: _Number) -> _Number:
    """Combine two numbers; their draws may be the same, so that their errors add up at most."""
    value, by_left, by_right = operation(left.value, right.value)
    if not isfinite(value):
        raise EstimationError.because("E509", "this divides by zero")
    errors = [abs(by) * n.error for by, n in ((by_left, left), (by_right, right)) if n.error is not None]
    note = ("the errors of its parts are added, which bounds that of the whole",) * (len(errors) == 2)
    return _Number(
        value,
        sum(errors) if errors else None,
        max(left.draws, right.draws),
        (*left.notes, *right.notes, *note),
        (*left.warnings, *right.warnings),
    )
