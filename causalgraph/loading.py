"""From a parsed text to a model: variables, edges, data and questions bound together, all problems in one pass."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from causalgraph.checks import check_query
from causalgraph.declaring import declare, drawn_against, equation_problems, meant_as_equation
from causalgraph.designing import designs_of
from causalgraph.discover.declared import Declared, declared, named, weighed
from causalgraph.errors import Diagnostic, Label, ModelError, SourceText, Span, did_you_mean
from causalgraph.formats.diagram import Diagram
from causalgraph.formats.table import read, refuse_pickle, sniff
from causalgraph.graphs.kinds import DIRECTED, breaches, doubts, unsettled
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.model import Claim, DataFile, Item, Model, Question, undrawn
from causalgraph.syntax import tree
from causalgraph.syntax.build import to_query
from causalgraph.syntax.equations import Design, Equation, names_in
from causalgraph.syntax.formatter import expression_text, statement_text
from causalgraph.syntax.including import parse_files
from causalgraph.syntax.parser import Limits, as_source
from causalgraph.syntax.queries import Query
from causalgraph.syntax.remarks import remarks
from causalgraph.syntax.splitter import MAX_BYTES, MAX_DEPTH, MAX_PROBLEMS, MAX_TOKENS, gave_up, read_text
from causalgraph.variables import Variable

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["graph", "load", "parse"]

# What a `data` statement says of the file beside renames; unlike `na`, each names a column or says how it counts.
DATA_COLUMNS = ("weight", "weights_as", "cluster")
# Two fans of a thousand names are a million edges: that nobody means.
MAX_EDGES = 250_000


def parse(
    text: str | SourceText,
    *,
    directory: str | Path = ".",
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
    max_tokens: int = MAX_TOKENS,
) -> Model:
    """Read a model from text; data and included files are looked for from ``directory``.

    Args:
        text: the model, in the language of `.dag` files.
        directory: the folder that its file names start from.
        max_bytes: the size that the text, with what it includes, may have.
        max_depth: how deep brackets and operators may be nested.
        max_tokens: how many words and signs a text may have; each costs some 50 µs.

    Raises:
        ModelError: with every problem of the text, in order.

    >>> parse("Smoking -> Tar -> Cancer; Smoking <-> Cancer").graph.kind
    'admg'
    """
    source = as_source(text)
    document, problems = parse_files(source, Path(directory), Limits(max_bytes, max_depth, max_tokens))
    binder = _Binder(source, list(problems), _words(document.lost))
    model = binder.bind(document, Path(directory))
    if binder.problems:
        raise ModelError(*_in_order(binder.problems))
    return replace(model, warnings=(*remarks(document), *unsettled(model.graph, model.edge_spans, model.knowledge)))


def load(
    path: str | Path, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, max_tokens: int = MAX_TOKENS
) -> Model:
    """Read a model from a `.dag` file, or a graph that is written in another format; the limits are those of `parse`.

    The text says which format it is in, and where it doesn't, the file's ending does.

    Raises:
        ModelError: the file isn't there or isn't text, or has problems: all of them, in order.
    """
    place = Path(path)
    refuse_pickle(place)
    source = read_text(place, max_bytes=max_bytes)
    form = sniff(source.text, place)
    if form != "dag":
        return _foreign(read(source, form), form, source, place.parent)
    limits = {"max_bytes": max_bytes, "max_depth": max_depth, "max_tokens": max_tokens}
    return parse(source, directory=place.parent, **limits)


def graph(text: str | nx.Graph[Any]) -> MixedGraph:
    """Read a graph alone, from text or from networkx.

    >>> graph("X -> Y; X <-> Z").nodes
    ('X', 'Y', 'Z')
    """
    return parse(text).graph if isinstance(text, str) else MixedGraph.from_networkx(text)


def _foreign(drawn: Diagram, form: str, source: SourceText, directory: Path) -> Model:
    """Make a model of what another format says; what that couldn't say here is a warning."""
    broken = () if doubts(drawn.graph) else tuple(breaches(drawn.graph))
    if broken:
        raise ModelError(*(b.told(drawn.edge_spans) for b in broken))
    what = f"not everything was read from {form}: " + "; ".join(drawn.losses)
    lost = (Diagnostic("W021", what, (Label(Span(source, 0, 0)),), severity="warning"),) if drawn.losses else ()
    return Model(
        drawn.graph,
        drawn.variables,
        drawn.title,
        source=source,
        directory=directory,
        edge_attributes=drawn.edge_attributes,
        edge_spans=drawn.edge_spans,
        warnings=(*lost, *unsettled(drawn.graph, drawn.edge_spans)),
    )


def _in_order(problems: list[Diagnostic]) -> list[Diagnostic]:
    """Sort problems by file, in the order in which the files come up, and by place; keep the first `MAX_PROBLEMS`."""
    files: dict[int, int] = {}
    for problem in problems:
        if problem.span:
            files.setdefault(id(problem.span.source), len(files))
    ordered = sorted(problems, key=lambda d: (files[id(d.span.source)], d.span.start) if d.span else (-1, -1))
    last = ordered[MAX_PROBLEMS - 1].span if len(ordered) > MAX_PROBLEMS else None
    return ordered if last is None else [*ordered[:MAX_PROBLEMS], gave_up(last)]


def _words(lost: tuple[Span, ...]) -> frozenset[str]:
    """Return the words of statements that weren't understood: that one of them is unknown is no news."""
    return frozenset(word for span in lost for word in re.findall(r"[^\W\d]\w*|`[^`\n]*`", span.text))


@dataclass
class _Binder:
    """Collects what the statements say, and what is wrong with it."""

    source: SourceText
    problems: list[Diagnostic]
    unread: frozenset[str]
    variables: dict[str, Variable] = field(default_factory=dict)
    edge_spans: dict[Edge, Span] = field(default_factory=dict)
    edge_attributes: dict[Edge, dict[str, str | float]] = field(default_factory=dict)
    # The place of the name that an edge goes out from, and the edges that stand alone in a statement.
    tails: dict[Edge, Span] = field(default_factory=dict)
    alone: set[Edge] = field(default_factory=set)

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
        equations = tuple(s for s in statements if isinstance(s, Equation))
        self.equate(equations)
        drawn = bool(self.edge_spans or equations) or header is not None
        if not self.variables and not drawn:  # knowledge alone, whose names discovery holds against the data
            self.variables.update((name.text, Variable(name.text, span=name.span)) for name in named(statements))
        if not self.variables and not self.problems:
            start, fix = Span(self.source, 0, 0), 'write an arrow, such as "X -> Y"'
            self.report("E100", "the model is empty", start, "there is nothing to ask about", fix)
        known = declared(statements, self.variables, self.unread)
        self.problems += known.problems
        bound = self.graph(header, known if drawn else Declared())
        if equations:
            self.problems += equation_problems(equations, self.variables)
            if bound.kind not in DIRECTED:
                what = f"equations speak of one graph of causes, not of a {bound.kind}"
                self.report("E156", what, equations[0].span, None, "drop the header, or the equations")
        designs, wrong = designs_of([s for s in statements if isinstance(s, Design)], bound)
        self.problems += wrong
        data = self.data([s for s in statements if isinstance(s, tree.DataStatement)])
        items = tuple(self.items(statements, bound))
        self.problems += [undrawn(item.span) for item in items[:1] if known.knowledge and not drawn]
        return Model(
            bound,
            self.variables,
            header.title if header else None,
            data,
            items,
            self.source,
            directory,
            edge_attributes=self.edge_attributes,
            edge_spans=self.edge_spans,
            knowledge=known.knowledge,
            drawn=drawn or not known.knowledge,
            equations=equations,
            designs=designs,
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
            self.report("E101", "a model has one header", extra.span, "a graph is of one kind", "keep one", *notes)
        return headers[0] if headers else None

    # Variables.

    def declare(self, statement: tree.Declaration) -> None:
        """Add what a declaration says to the variable."""
        name = statement.name
        known = self.variables.get(name.text, Variable(name.text, span=name.span))
        self.variables[name.text] = declare(known, statement, self.problems)

    # Edges.

    def connect(self, statement: tree.EdgeStatement) -> None:
        """Add the edges of a chain of fans."""
        fans = list(zip(statement.sides, statement.marks, statement.sides[1:], strict=False))
        many = sum(len(left) * len(right) for left, _, right in fans)
        if len(self.edge_spans) + many > MAX_EDGES:
            self.report(
                "E007",
                f"the model has more than {MAX_EDGES:,} edges, {many:,} of them by this statement",
                statement.span,
                "each name left of a mark is joined to each name right of it",
                "write the edges that are meant, or make the graph in Python (MixedGraph.build)",
            )
            return
        said = {a.key: a.value for a in statement.attributes if a.value is not None}
        for left, mark, right in fans:
            for a, b in product(left, right):
                span = a.span.to(b.span) if a.span and b.span else statement.span or Span(self.source, 0, 0)
                edge = Edge(a.text, mark, b.text).canonical
                self.join(a, mark, b, span)
                if said:
                    self.edge_attributes.setdefault(edge, {}).update(said)
                if many == 1:
                    self.alone.add(edge)

    def join(self, a: tree.Name, mark: str, b: tree.Name, span: Span) -> None:
        """Add one edge."""
        if a.text == b.text:
            self.report(
                "E105",
                f"{a.text} {mark} {b.text} joins a variable to itself",
                span,
                "a variable isn't its own cause",
                f"drop the edge, or split the variable by time ({a.text}_0 -> {a.text}_1)",
            )
            return
        for name in (a, b):
            self.variables.setdefault(name.text, Variable(name.text, span=name.span))
        edge = Edge(a.text, mark, b.text).canonical
        self.edge_spans.setdefault(edge, span)
        self.tails.setdefault(edge, (a if edge.left == a.text else b).span or span)

    def equate(self, equations: tuple[Equation, ...]) -> None:
        """Add the edges that equations mean; those that are drawn beside them must agree."""
        self.problems += drawn_against(equations, self.edge_spans)
        for equation in equations:
            name = equation.name
            self.variables.setdefault(name.text, Variable(name.text, span=name.span))
            for cause in names_in(equation.expression):
                self.join(cause, "->", name, cause.span or Span(self.source, 0, 0))

    def graph(self, header: tree.Header | None, known: Declared) -> MixedGraph:
        """Make the graph and hold it against the kind that it claims, and against what is known."""
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
        held = weighed(bound, known, self.edge_spans)
        self.edge_spans = {held.now.get(e, e): span for e, span in self.edge_spans.items()}
        self.edge_attributes = {held.now.get(e, e): said for e, said in self.edge_attributes.items()}
        self.problems += held.problems
        bound = held.graph
        if bound.kind != "pdag" and not held.problems and not doubts(bound):
            self.problems += (b.told(self.edge_spans, self.tails) for b in breaches(bound, alone=self.alone))
        return bound

    # Data and questions.

    def data(self, statements: list[tree.DataStatement]) -> DataFile | None:
        """Return the data that the model names; at most one file so far."""
        for extra in statements[1:]:
            self.report("E111", "a model reads one file of data", extra.span, None, "keep one `data` statement")
        if not statements:
            return None
        statement = statements[0]
        columns: dict[str, str] = {}
        said: dict[str, str] = {}
        na: list[str] = []
        for option in statement.options:
            name = option.name.text
            if name == "na" and name not in self.variables:
                na.append(option.value)
            elif name in DATA_COLUMNS and (option.bare or name not in self.variables):
                said[name] = option.value
            elif name in self.variables:
                columns[name] = option.value
            elif name not in self.unread:
                known = (*DATA_COLUMNS, "na")
                near = did_you_mean(name, [*self.variables, *known])
                self.report(
                    "E201",
                    f"{name} isn't in the model",
                    option.name.span,
                    f"a column is given to a variable of the model, or to {', '.join(known)}",
                    f"did you mean `{near}`?" if near else f"draw an edge of {name}, or declare it",
                )
        place = statement.path_span or statement.span
        return DataFile(statement.path, columns, na=tuple(na), span=place, **said)

    def items(self, statements: tuple[tree.Statement, ...], bound: MixedGraph) -> Iterator[Item]:
        """Yield the questions and claims of the file, in order."""
        names = {s.name.text for s in statements if isinstance(s, tree.Named)}
        for statement in statements:
            if isinstance(statement, tree.QueryStatement | tree.Named):
                query = self.query(statement.query, bound, statement)
                if query is not None:
                    name = statement.name.text if isinstance(statement, tree.Named) else None
                    yield Question(query, expression_text(statement.query), name, statement.span)
            elif isinstance(statement, tree.Expect):
                asked = self.claimed(statement.query, names, bound)
                if asked is not None:
                    text = statement_text(statement)
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

    def query(self, expr: tree.Expr, bound: MixedGraph, statement: tree.Statement | None = None) -> Query | None:
        """Return a query that fits the model; note what is wrong with one that doesn't."""
        if len(self.problems) > MAX_PROBLEMS:
            return None
        try:
            query = to_query(expr)
        except ModelError as error:
            meant = meant_as_equation(statement) if isinstance(statement, tree.Named) else None
            self.problems += (meant,) if meant else error.diagnostics
            return None
        found = check_query(query, bound, self.variables)
        self.problems += (
            d for d in found if d.code != "E201" or not d.span or d.span.text.strip("`") not in self.unread
        )
        return None if found else query
