"""The statement `design`: how the data came about, and whether the graph agrees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from causalgraph.errors import Diagnostic, Label, ModelError, Span, did_you_mean
from causalgraph.estimate.assignment import Assignment, licensed
from causalgraph.estimate.known import KnownOutcomes
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.syntax import tree
from causalgraph.syntax.equations import Design

__all__ = ["Stated", "designs_of"]

Stated = Assignment | KnownOutcomes

# Designs of the language that a later version answers by.
LATER = ("rdd", "did", "panel")


def designs_of(statements: Sequence[Design], graph: MixedGraph) -> tuple[tuple[Stated, ...], list[Diagnostic]]:
    """Return what designs state, and what is wrong with them.

    Problems are an unknown design (E157) or one for a later version (E050), arguments that it doesn't take (E158),
    variables that aren't in the model (E201), and edges that speak against a random assignment (E570, E571).
    """
    found: list[Stated] = []
    problems: list[Diagnostic] = []
    for statement in statements:
        try:
            found.append(_stated(statement, graph))
        except ModelError as error:
            place = (Label(statement.span),) if statement.span else ()
            problems += (d if d.labels else replace(d, labels=place) for d in error.diagnostics)
    return tuple(found), problems


def _stated(statement: Design, graph: MixedGraph) -> Stated:
    name = statement.name.text
    if name in LATER:
        raise ModelError.because(
            "E050", f"the design {name} isn't supported yet", fix="leave it out for now", span=statement.span
        )
    form = FORMS.get(name)
    if form is None:
        near = did_you_mean(name, [*FORMS, *LATER])
        fix = f"did you mean {near}?" if near else f"designs are {', '.join(FORMS)}"
        raise ModelError.because("E157", f"there is no design {name}", fix=fix, span=statement.name.span)
    read = _Reader(statement, form, graph)
    read.check()
    return form.build(read)


@dataclass(frozen=True)
class _Form:
    """How a design is written: an example, the settings it may have, those it must, and what builds it."""

    example: str
    settings: tuple[str, ...]
    required: tuple[str, ...]
    build: Callable[[_Reader], Stated]


@dataclass(frozen=True)
class _Reader:
    design: Design
    form: _Form
    graph: MixedGraph

    @property
    def said(self) -> Mapping[str, object]:
        return {setting.name.text: setting.value for setting in self.design.settings}

    def wrong(self, what: str, span: Span | None) -> ModelError:
        return ModelError.because(
            "E158", f"{self.design.name.text}: {what}", fix=f"write {self.form.example}", span=span or self.design.span
        )

    def check(self) -> None:
        """Make sure that there is one argument, and that each setting is one of the design's, said once."""
        if len(self.design.arguments) != 1:
            raise self.wrong(f"one variable expected, {len(self.design.arguments)} found", None)
        known: set[str] = set()
        for setting in self.design.settings:
            key = setting.name.text
            if key not in self.form.settings:
                near = did_you_mean(key, self.form.settings)
                hint = f"; did you mean {near}?" if near else ""
                raise self.wrong(f"there is no {key}={hint}", setting.name.span)
            if key in known:
                raise self.wrong(f"{key} is said twice", setting.span)
            known.add(key)
        missing = next((key for key in self.form.required if key not in known), None)
        if missing is not None:
            raise self.wrong(f"{missing}= is missing", None)

    def variable(self, value: object) -> str:
        """Return the name of a variable of the model."""
        if not isinstance(value, tree.Name):
            raise self.wrong("a variable expected", getattr(value, "span", None))
        if value.text not in self.graph.nodes:
            near = did_you_mean(value.text, self.graph.nodes)
            fix = f"did you mean {near}?" if near else f"draw an edge of {value.text}, or declare it"
            raise ModelError.because("E201", f"{value.text} isn't in the model", fix=fix, span=value.span)
        return value.text

    def variables(self, key: str) -> tuple[str, ...]:
        """Return the names of a set, or of one variable."""
        value = self.said.get(key)
        if value is None:
            return ()
        return tuple(map(self.variable, value.items if isinstance(value, tree.SetLiteral) else (value,)))

    def column(self, key: str) -> str | None:
        """Return the name of a column of the data."""
        value = self.said.get(key)
        if value is None or isinstance(value, tree.Name | tree.Text):
            return value.text if value else None
        raise self.wrong(f"{key} is a column of the data", getattr(value, "span", None))

    def number(self, key: str) -> float | None:
        """Return a number."""
        value = self.said.get(key)
        if value is None:
            return None
        if not isinstance(value, tree.Number):
            raise self.wrong(f"{key} is a number", getattr(value, "span", None))
        return value.value


def _assignment(read: _Reader) -> Assignment:
    treatment = read.variable(read.design.arguments[0])
    made = Assignment(treatment, read.number("p"), read.variables("by"), read.column("cluster"))
    licensed(read.graph, made)
    return made


def _known_outcomes(read: _Reader) -> KnownOutcomes:
    outcome = read.variable(read.design.arguments[0])
    return KnownOutcomes(outcome, read.column("control") or "", read.column("treated") or "", read.design.span)


FORMS: Mapping[str, _Form] = {
    "rct": _Form("design rct(X, p=0.5, by=Z)", ("p", "by", "cluster"), (), _assignment),
    "potential_outcomes": _Form(
        "design potential_outcomes(Y, control=Y0, treated=Y1)",
        ("control", "treated"),
        ("control", "treated"),
        _known_outcomes,
    ),
}
