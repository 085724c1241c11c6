"""From a parsed text to a model: variables, edges, data and questions bound together, all problems in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

from causalgraph.checks import check_query
from causalgraph.errors import Diagnostic, Label, ModelError, SourceText, Span, did_you_mean
from causalgraph.graphs.kinds import CHECKED, Breach, breaches
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.model import Claim, DataFile, Item, Model, Question
from causalgraph.syntax import parser, tree
from causalgraph.syntax.build import to_query
from causalgraph.syntax.queries import Query
from causalgraph.syntax.splitter import read_text
from causalgraph.variables import Kind, Variable

__all__ = ["graph", "load", "parse"]

DATA_OPTIONS = ("weight", "na")

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


def parse(text: str | SourceText, *, directory: str | Path = ".") -> Model:
    """Read a model from text; data files are looked for from ``directory``.

    Raises:
        ModelError: with every problem of the text, in order.

    >>> parse("Smoking -> Tar -> Cancer; Smoking <-> Cancer").graph.kind
    'admg'
    """
    source = text if isinstance(text, SourceText) else SourceText(text)
    document, problems = parser.parse_all(source)
    binder = _Binder(source, problems=list(problems))
    model = binder.bind(document, Path(directory))
    if binder.problems:
        raise ModelError(*sorted(binder.problems, key=lambda d: d.span.start if d.span else -1))
    return model


def load(path: str | Path) -> Model:
    """Read a model from a `.dag` file.

    Raises:
        ModelError: the file isn't there or isn't text, or has problems: all of them, in order.
    """
    place = Path(path)
    return parse(read_text(place), directory=place.parent)


def graph(text: str) -> MixedGraph:
    """Read a graph alone.

    >>> graph("X -> Y; X <-> Z").nodes
    ('X', 'Y', 'Z')
    """
    return parse(text).graph


@dataclass
class _Binder:
    """Collects what the statements say, and what is wrong with it."""

    source: SourceText
    problems: list[Diagnostic]
    variables: dict[str, Variable] = field(default_factory=dict)
    edge_spans: dict[Edge, Span] = field(default_factory=dict)

    def bind(self, document: tree.Document, directory: Path) -> Model:
        """Make the model; `problems` says whether it may be used."""
        statements = document.statements
        header = self.header([s for s in statements if isinstance(s, tree.Header)])
        for statement in statements:
            if isinstance(statement, tree.Declaration):
                self.declare(statement)
        for statement in statements:
            if isinstance(statement, tree.EdgeStatement):
                self.connect(statement)
        if not self.variables and not self.problems:
            self.report(
                "E100", "the model is empty", None, "there is nothing to ask about", 'write an arrow, such as "X -> Y"'
            )
        bound = self.graph(header)
        data = self.data([s for s in statements if isinstance(s, tree.DataStatement)])
        items = tuple(self.items(statements, bound))
        return Model(
            bound,
            self.variables,
            header.title if header else None,
            data,
            items,
            self.source,
            directory,
            self.edge_spans,
        )

    def report(
        self, code: str, what: str, span: Span | None, why: str | None = None, fix: str | None = None, *others: Label
    ) -> None:
        """Note a problem."""
        labels = ((Label(span),) if span else ()) + others
        self.problems.append(Diagnostic(code, what, labels, why, fix))

    def header(self, headers: list[tree.Header]) -> tree.Header | None:
        """Return the one header."""
        for extra in headers[1:]:
            first = headers[0].span
            notes = (Label(first, "the first", primary=False),) if first else ()
            self.report("E101", "a model has one header", extra.span, None, "keep one", *notes)
        return headers[0] if headers else None

    # Variables.

    def declare(self, statement: tree.Declaration) -> None:
        """Add what a declaration says to the variable; its kind may be said once."""
        name, span = statement.name.text, statement.name.span
        known = self.variables.get(name, Variable(name, span=span))
        spec = statement.kind
        if spec is not None:
            if known.kind is not None:
                notes = (Label(known.span, "declared here", primary=False),) if known.span else ()
                self.report("E110", f"{name} is declared twice", span, None, "keep one declaration", *notes)
                return
            kind: Kind = spec.name  # type: ignore[assignment]  # the parser admits no other kinds
            known = replace(known, kind=kind, levels=spec.levels, span=span)
        for attribute in statement.attributes:
            known = self.attribute(known, attribute)
        self.variables[name] = known

    def attribute(self, known: Variable, attribute: tree.Attribute) -> Variable:
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
        self.report("E112", f"{key} can't be {value!r}", attribute.span, None, f"write {forms.get(key, key)}")
        return known

    # Edges.

    def connect(self, statement: tree.EdgeStatement) -> None:
        """Add the edges of a chain of fans."""
        for left, mark, right in zip(statement.sides, statement.marks, statement.sides[1:], strict=False):
            for a, b in product(left, right):
                span = a.span.to(b.span) if a.span and b.span else statement.span
                if a.text == b.text:
                    self.report(
                        "E105",
                        f"{a.text} {mark} {b.text} joins a variable to itself",
                        span,
                        "a variable isn't its own cause",
                        f"drop the edge, or split the variable by time ({a.text}_0 -> {a.text}_1)",
                    )
                    continue
                for name in (a, b):
                    self.variables.setdefault(name.text, Variable(name.text, span=name.span))
                if span:
                    self.edge_spans.setdefault(Edge(a.text, mark, b.text).canonical, span)
                else:
                    self.edge_spans.setdefault(Edge(a.text, mark, b.text).canonical, Span(self.source, 0, 0))

    def graph(self, header: tree.Header | None) -> MixedGraph:
        """Make the graph and hold it against the kind that it claims."""
        kind = header.kind if header else None
        # Under `dag`, a two-headed arrow is shorthand for a latent common cause.
        if kind == "dag" and any(e.mark == "<->" for e in self.edge_spans):
            kind = "admg"
        bound = MixedGraph.build(
            self.edge_spans,
            self.variables,
            kind=kind,
            latent=(v.name for v in self.variables.values() if v.latent),
            selected=(v.name for v in self.variables.values() if v.selected),
        )
        if bound.kind in CHECKED:
            for breach in breaches(bound):
                self.breach(breach)
        return bound

    def breach(self, breach: Breach) -> None:
        """Report a breach of the claimed kind at the edges that make it."""
        *first, last = breach.edges
        labels = [Label(self.edge_spans[last], _closing(breach))]
        labels += [Label(self.edge_spans[e], "starts here" if e is first[0] else "", primary=False) for e in first]
        self.problems.append(Diagnostic(breach.code, breach.what, tuple(labels), breach.why, breach.fix))

    # Data and questions.

    def data(self, statements: list[tree.DataStatement]) -> DataFile | None:
        """Return the data that the model names; at most one file so far."""
        for extra in statements[1:]:
            self.report("E111", "a model reads one file of data", extra.span, None, "keep one `data` statement")
        if not statements:
            return None
        statement = statements[0]
        columns: dict[str, str] = {}
        weight: str | None = None
        na: list[str] = []
        for option in statement.options:
            name = option.name.text
            if name == "na" and name not in self.variables:
                na.append(option.value)
            elif name == "weight" and (option.bare or name not in self.variables):
                weight = option.value
            elif name in self.variables:
                columns[name] = option.value
            else:
                near = did_you_mean(name, [*self.variables, *DATA_OPTIONS])
                self.report(
                    "E201", f"{name} isn't in the model", option.name.span, None, near and f"did you mean {near}?"
                )
        return DataFile(statement.path, columns, weight, tuple(na), statement.path_span or statement.span)

    def items(self, statements: tuple[tree.Statement, ...], bound: MixedGraph) -> Iterator[Item]:
        """Yield the questions and claims of the file, in order."""
        names = {s.name.text for s in statements if isinstance(s, tree.Named)}
        for statement in statements:
            if isinstance(statement, tree.QueryStatement | tree.Named):
                query = self.query(statement.query, bound)
                if query is not None:
                    name = statement.name.text if isinstance(statement, tree.Named) else None
                    yield Question(query, _text(statement.query.span), name, statement.span)
            elif isinstance(statement, tree.Expect):
                asked = self.claimed(statement.query, names, bound)
                if asked is not None:
                    text = _text(statement.span)
                    yield Claim(asked, statement.operator, statement.value, statement.negated, text, statement.span)

    def claimed(self, expr: tree.Expr, names: set[str], bound: MixedGraph) -> Query | str | None:
        """Return the query of an `expect`, or the name that another statement gave to one."""
        if not isinstance(expr, tree.Name):
            return self.query(expr, bound)
        if expr.text in names:
            return expr.text
        near = did_you_mean(expr.text, names)
        self.report(
            "E202",
            f"no query is named {expr.text}",
            expr.span,
            None,
            f"did you mean {near}?" if near else f"name one: {expr.text} = ate(X, Y)",
        )
        return None

    def query(self, expr: tree.Expr, bound: MixedGraph) -> Query | None:
        """Return a query that fits the model; note what is wrong with one that doesn't."""
        try:
            query = to_query(expr)
        except ModelError as error:
            self.problems += error.diagnostics
            return None
        found = check_query(query, bound, self.variables)
        self.problems += found
        return None if found else query


def _closing(breach: Breach) -> str:
    """Say what the blamed edge does."""
    if breach.code != "E103":
        return ""
    around = " -> ".join([breach.edges[0].left, *(e.right for e in breach.edges)])
    return f"closes {around}"


def _position(text: str) -> tuple[float, float] | None:
    """Read ``x,y``."""
    parts = text.split(",")
    try:
        x, y = (float(p) for p in parts)
    except ValueError:
        return None
    return x, y


def _text(span: Span | None) -> str:
    """Return a statement as it was written, on one line."""
    return " ".join(span.text.split()) if span else ""
