"""Equations, written without the parser."""

from causalgraph.scm.structural import structural
from causalgraph.syntax.equations import Branch, Equation
from causalgraph.syntax.tree import Binary, Call, Name, Negate, Number


def num(x):
    return Number(repr(float(x))) if x >= 0 else Negate(Number(repr(float(-x))))


def node(x):
    return Name(x) if isinstance(x, str) else num(x) if isinstance(x, int | float) else x


def call(function, *arguments):
    return Call(Name(function), tuple(map(node, arguments)))


def op(operator, left, right):
    return Binary(operator, node(left), node(right))


def eq(name, operator, expression):
    return Equation(Name(name), operator, node(expression))


def by_cells(parents, table, prefix=()):
    """Nest cases of binary parents down to the probabilities of a table."""
    if len(prefix) == len(parents):
        return num(table[prefix])
    branches = [Branch(str(v), by_cells(parents, table, (*prefix, v))) for v in (0, 1)]
    return Call(Name("case"), (Name(f"V{parents[len(prefix)]}"), *branches))


def binary(model):
    """Write a `BinaryModel`."""
    rows = zip(model.parents, model.tables, strict=True)
    return structural([eq(f"V{i}", "~", call("Bernoulli", by_cells(p, t))) for i, (p, t) in enumerate(rows)], {})


def banner():
    """The language's own example."""
    chance = op("-", op("-", op("*", 0.03, "Prior"), op("*", 0.05, "Days")), 1)
    mean = op("+", op("-", op("*", 0.6, "Prior"), op("*", 0.3, "Days")), op("*", 8, "Banner"))
    return structural(
        [
            eq("Prior", "~", call("Normal", 50, 20)),
            eq("Days", "~", call("Exponential", 10)),
            eq("Banner", "~", call("Bernoulli", call("expit", chance))),
            eq("Spending", ":=", op("+", mean, call("Normal", 0, 5))),
        ],
        {},
    )
