"""A structural model: one equation for each variable, in causal order; the graph follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from causalgraph.errors import Diagnostic, Label, ModelError
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.names import natural
from causalgraph.scm.expressions import Node, draws_of, free_in, refs_of
from causalgraph.scm.reading import Column, Reading, names_in, read
from causalgraph.syntax.equations import Equation
from causalgraph.variables import Variable

__all__ = ["Rule", "Structural", "graph_of", "structural"]


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

    def place(self, level: str) -> int | None:
        """Return the place of a level, or None where it isn't one."""
        return Column(self.declared, self.levels).place(level)


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
        found = next((r for r in self.rules if r.name == name), None)
        if found is None:
            raise ModelError.because("E145", f"{name} has no equation", fix=f"write one: {name} ~ Normal(0, 1)")
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """The variables, causes before effects."""
        return tuple(r.name for r in self.rules)


def graph_of(equations: Iterable[Equation]) -> tuple[tuple[str, str], ...]:
    """Return the arrows that equations mean, as pairs of names, in the order of the equations.

    >>> from causalgraph.syntax.tree import Name
    >>> graph_of([Equation(Name("Y"), ":=", Name("X"))])
    (('X', 'Y'),)
    """
    return tuple((parent, e.name.text) for e in equations for parent in names_in(e.expression))


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
    by_name: dict[str, Equation] = {}
    for equation in equations:
        first = by_name.setdefault(equation.name.text, equation)
        if first is not equation:
            labels = [
                Label(e.span, said, primary=main)
                for e, said, main in ((equation, "", True), (first, "first here", False))
                if e.span is not None
            ]
            what = f"{equation.name.text} has two equations"
            raise ModelError(
                Diagnostic("E146", what, tuple(labels), "each variable comes about in one way", "drop one")
            )
    rules: dict[str, Rule] = {}
    for name in _in_order(by_name):
        rules[name] = _rule(by_name[name], rules, variables)
    nodes = sorted(rules, key=lambda n: (natural(n), n))
    edges = [(parent, "->", rule.name) for rule in rules.values() for parent in rule.parents]
    latent = [n for n in nodes if n in variables and variables[n].latent]
    free = dict.fromkeys(p for rule in rules.values() for p in free_in(rule.node))
    graph = MixedGraph.build(edges, nodes=nodes, latent=latent)
    return Structural(tuple(rules.values()), graph, variables, tuple(free))


def _in_order(equations: Mapping[str, Equation]) -> list[str]:
    """Return names so that causes stand before effects, and else in natural order."""
    parents = {name: names_in(e.expression) for name, e in equations.items()}
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
        ready = sorted(sorter.get_ready(), key=lambda n: (natural(n), n))
        order += ready
        sorter.done(*ready)
    return order


def _rule(equation: Equation, before: Mapping[str, Rule], variables: Mapping[str, Variable]) -> Rule:
    name = equation.name.text
    declared = variables.get(name, Variable(name))
    columns = {n: Column(rule.declared, rule.levels) for n, rule in before.items()}
    found: Reading = read(equation, declared, columns)
    return Rule(name, found.node, refs_of(found.node), found.levels, len(draws_of(found.node)), equation, declared)
