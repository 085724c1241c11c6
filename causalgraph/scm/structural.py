"""A structural model: one equation for each variable, in causal order; the graph follows from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from causalgraph.errors import Diagnostic, Label, ModelError
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.names import natural
from causalgraph.scm.expressions import Node, draws_of, free_in, refs_of
from causalgraph.scm.reading import Column, read
from causalgraph.syntax.equations import Equation, names_in
from causalgraph.variables import Variable

__all__ = ["Rule", "Structural", "first_of_each", "structural"]


@dataclass(frozen=True)
class Rule:
    """How one variable comes about.

    Attributes:
        name: the variable.
        node: what computes it.
        parents: the variables that it mentions.
        levels: of a variable with levels these, in order, and its column holds their places; none for a number.
        draws: how many uniform numbers it takes for each row.
        equation: as it was written.
        declared: the variable as the model declares it.
    """

    name: str
    node: Node
    parents: tuple[str, ...]
    levels: tuple[str, ...]
    draws: int
    equation: Equation
    declared: Variable

    @property
    def column(self) -> Column:
        """What other equations may know of it."""
        return Column(self.declared, self.levels)

    def place(self, level: str) -> int | None:
        """Return the place of a level, or None where it isn't one."""
        return self.column.place(level)


@dataclass(frozen=True)
class Structural:
    """Structural equations in causal order.

    Attributes:
        rules: one for each variable that has an equation, causes before effects.
        graph: an arrow from each variable that an equation mentions.
        variables: as the model declares them.
        parameters: the names of what is free, to be fitted.
    """

    rules: tuple[Rule, ...]
    graph: MixedGraph
    variables: Mapping[str, Variable]
    parameters: tuple[str, ...] = ()

    def rule(self, name: str) -> Rule:
        """Return how a variable comes about.

        Raises:
            ModelError: it has no equation (E145).
        """
        found = self._by_name.get(name)
        if found is None:
            raise ModelError.because("E145", f"{name} has no equation", fix=f"write one: {name} ~ Normal(0, 1)")
        return found

    @cached_property
    def _by_name(self) -> Mapping[str, Rule]:
        return {rule.name: rule for rule in self.rules}

    def settled(self, parameters: Mapping[str, float] | None) -> Mapping[str, float]:
        """Return the values of all parameters.

        Raises:
            ModelError: one has none (E148).
        """
        known = parameters or {}
        unknown = next((p for p in self.parameters if p not in known), None)
        if unknown is not None:
            fix = "fit the model to data, or write a number"
            raise ModelError.because("E148", f"the parameter ?{unknown} has no value", fix=fix)
        return known

    def needed(self, wanted: Iterable[str], fixed: Collection[str] = ()) -> set[str]:
        """Return some variables with all that they depend on, not looking behind those that are fixed."""
        found = set(wanted)
        for rule in reversed(self.rules):
            if rule.name in found and rule.name not in fixed:
                found.update(rule.parents)
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """The variables, causes before effects."""
        return tuple(r.name for r in self.rules)


def first_of_each(equations: Iterable[Equation]) -> tuple[dict[str, Equation], list[Diagnostic]]:
    """Return the first equation of each variable, and what to say of each further one (E146)."""
    found: dict[str, Equation] = {}
    problems: list[Diagnostic] = []
    for equation in equations:
        first = found.setdefault(equation.name.text, equation)
        if first is not equation:
            labels = [Label(equation.span)] if equation.span else []
            labels += [Label(first.span, "first here", primary=False)] if first.span else []
            what, why = f"{equation.name.text} has two equations", "each variable comes about in one way"
            problems.append(Diagnostic("E146", what, tuple(labels), why, "drop one of the two"))
    return found, problems


def structural(equations: Sequence[Equation], variables: Mapping[str, Variable]) -> Structural:
    """Make sense of equations.

    Args:
        equations: as they were written, in any order.
        variables: the declared ones, by name; their levels are those of the columns.

    Raises:
        ModelError: two equations for one variable (E146), a variable without one that others need (E145), a cycle
            (E103), and what `read` raises: an unknown function (E140), wrong arguments (E141), words in arithmetic
            (E142), levels that don't match (E143).

    >>> from causalgraph.syntax.tree import Call, Name, Number
    >>> x = Equation(Name("X"), "~", Call(Name("Bernoulli"), (Number("0.5"),)))
    >>> y = Equation(Name("Y"), ":=", Name("X"))
    >>> structural([y, x], {}).names
    ('X', 'Y')
    """
    by_name, twice = first_of_each(equations)
    if twice:
        raise ModelError(twice[0])
    rules: list[Rule] = []
    columns: dict[str, Column] = {}
    for name in _in_order(by_name):
        declared = variables.get(name, Variable(name))
        found = read(by_name[name], declared, columns)
        columns[name] = Column(declared, found.levels)
        node = found.node
        rules.append(Rule(name, node, refs_of(node), found.levels, len(draws_of(node)), by_name[name], declared))
    edges = [(parent, "->", rule.name) for rule in rules for parent in rule.parents]
    latent = [rule.name for rule in rules if rule.declared.latent]
    free = dict.fromkeys(p for rule in rules for p in free_in(rule.node))
    graph = MixedGraph.build(edges, nodes=sorted(columns, key=_by_number), latent=latent)
    return Structural(tuple(rules), graph, variables, tuple(free))


def _by_number(name: str) -> tuple[object, ...]:
    """Sort as people do, and names that differ in leading zeros alone by these."""
    return natural(name), name


def _in_order(equations: Mapping[str, Equation]) -> list[str]:
    """Return names so that causes stand before effects, and else in natural order."""
    parents = {name: [n.text for n in names_in(e.expression)] for name, e in equations.items()}
    for name, needed in parents.items():
        missing = next((p for p in needed if p not in equations), None)
        if missing is not None:
            raise ModelError.because(
                "E145",
                f"{missing} has no equation, and that of {name} needs it",
                fix=f"write one: {missing} ~ Normal(0, 1), or Bernoulli(0.5)",
                span=equations[name].span,
            )
    sorter = TopologicalSorter(parents)
    try:
        sorter.prepare()
    except CycleError as error:
        loop = list(error.args[1])
        said = ", ".join(f"{b} depends on {a}" for a, b in pairwise(loop))
        raise ModelError.because(
            "E103",
            "these equations form a cycle",
            why=said,
            fix="drop one, or split the variable by time",
            span=equations[loop[0]].span,
        ) from error
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=_by_number)
        order += ready
        sorter.done(*ready)
    return order
