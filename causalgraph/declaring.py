"""What declarations and equations of a file add to a model, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from causalgraph.errors import Diagnostic, Label, ModelError, Span
from causalgraph.graphs.mixed import MARKS, Edge, Mark
from causalgraph.syntax import tree
from causalgraph.syntax.equations import Branch, Equation, Expression, names_in
from causalgraph.syntax.explain import equals
from causalgraph.variables import Variable

__all__ = ["declare", "drawn_against", "equation_problems", "meant_as_equation"]

FLAGS: dict[str, Callable[[Variable], Variable]] = {
    "latent": lambda v: replace(v, latent=True),
    "selected": lambda v: replace(v, selected=True),
    "exposure": lambda v: replace(v, exposure=True),
    "outcome": lambda v: replace(v, outcome=True),
}
TEXTS: dict[str, Callable[[Variable, str], Variable]] = {
    "label": lambda v, text: replace(v, label=text),
    "unit": lambda v, text: replace(v, unit=text),
}


def declare(known: Variable, statement: tree.Declaration, problems: list[Diagnostic]) -> Variable:
    """Return a variable with what a declaration says of it; its kind may be said once (E110)."""
    spec, span = statement.kind, statement.name.span
    if spec is not None:
        if known.kind is not None:
            labels = ((Label(span),) if span else ()) + (
                (Label(known.span, "declared here", primary=False),) if known.span else ()
            )
            problems.append(Diagnostic("E110", f"{known.name} is declared twice", labels, fix="keep one declaration"))
            return known
        known = replace(known, kind=spec.name, levels=spec.levels, span=span)
    for attribute in statement.attributes:
        known = _attribute(known, attribute, problems)
    return known


def _attribute(known: Variable, attribute: tree.Attribute, problems: list[Diagnostic]) -> Variable:
    """Set one attribute of a variable."""
    key, value = attribute.key, attribute.value
    if key in FLAGS:
        return FLAGS[key](known)
    if key in TEXTS:
        return TEXTS[key](known, str(value))
    if key == "cost" and isinstance(value, float | int) and value >= 0:
        return replace(known, cost=float(value))
    if key == "pos":
        place = _position(str(value))
        if place:
            return replace(known, position=place)
    forms = {"cost": "cost=2.5, a number that isn't negative", "pos": 'pos="1.5,2", two numbers'}
    label = (Label(attribute.span),) if attribute.span else ()
    problems.append(Diagnostic("E112", f"{key} can't be {value!r}", label, fix=f"write {forms.get(key, key)}"))
    return known


def _position(text: str) -> tuple[float, float] | None:
    """Read ``x,y``."""
    parts = text.split(",")
    try:
        x, y = (float(p) for p in parts)
    except ValueError:
        return None
    return x, y


# Equations.


def drawn_against(equations: Sequence[Equation], drawn: Mapping[Edge, Span]) -> Iterator[Diagnostic]:
    """Yield the drawn edges into a variable whose equation doesn't mention where they come from (E155)."""
    known = {e.name.text: (e, {name.text for name in names_in(e.expression)}) for e in equations}
    for edge, span in drawn.items():
        for turned in (edge, edge.turned):
            equation, mentioned = known.get(turned.right, (None, set()))
            into = MARKS[turned.mark] == (Mark.TAIL, Mark.ARROW)
            if equation is None or not into or turned.left in mentioned:
                continue
            labels = [Label(span)]
            if equation.span:
                labels.append(Label(equation.span, f"doesn't mention {turned.left}", primary=False))
            yield Diagnostic(
                "E155",
                f"{turned.left} -> {turned.right} is drawn, and the equation of {turned.right} says otherwise",
                tuple(labels),
                "an equation mentions all direct causes of its variable",
                f"drop the edge, or let the equation depend on {turned.left}",
            )


def equation_problems(equations: Sequence[Equation], variables: Mapping[str, Variable]) -> Iterator[Diagnostic]:
    """Yield what makes no sense in equations: two for one variable (E146), and what reading each says (E140 to E149).

    A variable without an equation counts as it is declared; what depends on one of an unknown kind, or on an equation
    that makes no sense, is checked for unknown functions alone. Cycles are the graph's to tell.
    """
    from causalgraph.scm.reading import BINARY, Column, read
    from causalgraph.scm.structural import first_of_each

    by_name, twice = first_of_each(equations)
    yield from twice
    columns: dict[str, Column] = {}
    for name, variable in variables.items():
        if name not in by_name and variable.kind is not None:
            columns[name] = Column(variable, variable.levels or (BINARY if variable.kind == "binary" else ()))
    parents = {name: {n.text for n in names_in(e.expression)} for name, e in by_name.items()}
    try:
        order = [name for name in TopologicalSorter(parents).static_order() if name in by_name]
    except CycleError:
        order = list(by_name)
    for name in order:
        equation = by_name[name]
        if not parents[name] <= columns.keys():
            yield from _unknown_functions(equation.expression)
            continue
        try:
            found = read(equation, variables[name], columns)
        except ModelError as error:
            yield from error.diagnostics
        else:
            columns[name] = Column(variables[name], found.levels)


def _unknown_functions(expression: Expression) -> Iterator[Diagnostic]:
    from causalgraph.scm.reading import function_names, unknown_function

    known = function_names()
    waiting: list[object] = [expression]
    while waiting:
        match waiting.pop():
            case tree.Negate(below) | Branch(_, below):
                waiting.append(below)
            case tree.Binary(_, left, right):
                waiting += (right, left)
            case tree.Call(verb, arguments):
                waiting += arguments[::-1]
                if verb.text not in known:
                    yield from unknown_function(verb).diagnostics


def meant_as_equation(statement: tree.Named) -> Diagnostic | None:
    """Return what to say of ``Y = 3*X``, which would name the answer to a question, or None where it may be one."""
    from causalgraph.scm.reading import function_names

    query = statement.query
    named = isinstance(query, tree.Name) or (
        isinstance(query, tree.Binary | tree.Negate) and next(_bare_names(query), None) is not None
    )
    called = any(call.verb.text in function_names() for call in _calls(query))
    if not (named or called) or statement.name.span is None or query.span is None:
        return None
    source, start = query.span.source, statement.name.span.end
    sign = source.text.find("=", start, query.span.start)
    return equals(Span(source, sign, sign + 1)) if sign >= 0 else None


def _parts(expression: tree.Expr) -> Iterator[tree.Expr]:
    """Yield the operands of arithmetic."""
    waiting = [expression]
    while waiting:
        part = waiting.pop()
        match part:
            case tree.Negate(operand):
                waiting.append(operand)
            case tree.Binary(_, left, right):
                waiting += (right, left)
            case _:
                yield part


def _bare_names(expression: tree.Expr) -> Iterator[tree.Name]:
    return (part for part in _parts(expression) if isinstance(part, tree.Name))


def _calls(expression: tree.Expr) -> Iterator[tree.Call]:
    return (part for part in _parts(expression) if isinstance(part, tree.Call))
