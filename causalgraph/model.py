"""The model: what a file says, bound together, and the door to every question about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from causalgraph.checks import check_query
from causalgraph.designing import Stated
from causalgraph.errors import (
    CausalGraphError,
    DataError,
    Diagnostic,
    Label,
    ModelError,
    SourceText,
    Span,
    did_you_mean,
)
from causalgraph.graphs.knowledge import Knowledge
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.syntax import parser
from causalgraph.syntax.equations import Equation
from causalgraph.syntax.queries import Query
from causalgraph.syntax.tree import Expr
from causalgraph.variables import Variable, WeightsAs

if TYPE_CHECKING:
    import pandas as pd

    from causalgraph.answers import Answer
    from causalgraph.scm.structural import Structural

__all__ = ["Claim", "DataFile", "Item", "Model", "Question", "undrawn"]


@dataclass(frozen=True)
class DataFile:
    """The data that a model names: where, what its columns are called, what marks a missing value.

    `weights_as` says what the weights are, where the data can't tell.
    """

    path: str
    columns: Mapping[str, str]
    weight: str | None = None
    weights_as: str | None = None
    cluster: str | None = None
    na: tuple[str, ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Question:
    """A query of a file, and the name that it gives to the answer."""

    query: Query
    text: str
    name: str | None = None
    span: Span | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        """Write the query, and its name if it has one."""
        return f"{self.name} = {self.text}" if self.name else self.text


@dataclass(frozen=True)
class Claim:
    """An `expect` of a file: a query, or the name of one, held against a value."""

    query: Query | str
    operator: str | None
    value: Expr | None
    negated: bool
    text: str
    span: Span | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        """Write the claim."""
        return self.text


Item = Question | Claim
# Names that a message lists at most.
LISTED = 12


def undrawn(span: Span | None) -> Diagnostic:
    """Say that a file of knowledge alone has no graph to be asked; without edges all would be independent."""
    return Diagnostic(
        "E100",
        "the model has no graph to be asked: it draws no edge, and holds knowledge for discovery alone",
        (Label(span),) if span else (),
        "without edges every two variables would be independent, which nobody has said",
        "draw the edges, or claim a graph without them by a header such as `dag`",
    )


@dataclass(frozen=True)
class Model:
    """A graph, its variables, what is known beside it, the data and the questions of one file.

    `equations` say how variables come about, `designs` how the data did. `drawn` says whether there is a graph to be
    asked; else the file holds knowledge alone, which is for discovery.
    """

    graph: MixedGraph
    variables: Mapping[str, Variable]
    title: str | None = None
    data: DataFile | None = None
    items: tuple[Item, ...] = ()
    source: SourceText = field(default_factory=lambda: SourceText(""), compare=False, repr=False)
    directory: Path = field(default_factory=Path, compare=False, repr=False)
    edge_attributes: Mapping[Edge, Mapping[str, str | float]] = field(default_factory=dict, repr=False)
    edge_spans: Mapping[Edge, Span] = field(default_factory=dict, compare=False, repr=False)
    warnings: tuple[Diagnostic, ...] = field(default=(), compare=False, repr=False)
    knowledge: Knowledge = field(default_factory=Knowledge)
    drawn: bool = True
    equations: tuple[Equation, ...] = ()
    designs: tuple[Stated, ...] = ()

    @cached_property
    def structural(self) -> Structural:
        """The equations as a structural model, which can be simulated and asked what would have been.

        Raises:
            ModelError: a variable has no equation (E145), or a two-headed edge speaks of a cause that none has (E156).
        """
        from causalgraph.scm.structural import structural

        given = {e.name.text for e in self.equations}
        missing = [name for name in self.graph.nodes if name not in given]
        if missing:
            fix = f"write one, such as {missing[0]} ~ Normal(0, 1)"
            many = f"{', '.join(missing[:LISTED])}{', …' * (len(missing) > LISTED)}"
            what = (
                f"{many} ha{'s' if len(missing) == 1 else 've'} no equation" if given else "the model has no equations"
            )
            why = "what a structural model tells follows from how each of its variables comes about"
            raise ModelError.because("E145", what, why=why, fix=fix, span=self.variables[missing[0]].span)
        hidden = next((e for e in self.graph.edges if e.mark != "->"), None)
        if hidden is not None:
            raise ModelError.because(
                "E156",
                f"{hidden} speaks of a hidden cause, and the equations have none",
                why="the noise of two equations is independent",
                fix="write the cause as a latent variable with an equation: U ~ Normal(0, 1); U [latent]",
                span=self.edge_spans.get(hidden.canonical),
            )
        return structural(self.equations, self.variables)

    def simulate(self, rows: int, *, seed: int = 0, do: Mapping[str, str | float] | None = None) -> pd.DataFrame:
        """Draw rows from the equations; latent variables are left out.

        Args:
            rows: how many.
            seed: the same seed gives the same units, whatever is set.
            do: what is set to which level or number.

        Raises:
            ModelError: a variable has no equation (E145), or isn't in the model (E201), has no such level (E204), or a
                parameter is free (E148); the number of rows (E223) or the seed (E219) is none.
            EstimationError: an equation has no value in some rows (E540, E541).

        >>> import causalgraph as cg
        >>> model = cg.parse("X ~ Bernoulli(0.5); Y := 3*X + Normal(0, 1)")
        >>> model.simulate(2, do={"X": 1})["X"].tolist()
        [1, 1]
        """
        from causalgraph.scm.simulate import frame, simulate

        self._require_seed(seed)
        said: object = rows  # whatever its type promises
        if not isinstance(said, int) or isinstance(said, bool) or rows < 1:
            raise ModelError.because("E223", f"rows are a whole number above 0, and {said!r} is none")
        for name in do or ():
            if name not in self.variables:
                near = did_you_mean(name, self.variables)
                fix = f"did you mean {near}?" if near else f"the model has {', '.join(list(self.variables)[:LISTED])}"
                raise ModelError.because("E201", f"{name} isn't in the model", fix=fix)
        return frame(self.structural, simulate(self.structural, rows, seed=seed, do=do))

    def ask(
        self,
        query: str | Query,
        data: object = None,
        *,
        method: str = "auto",
        weight: str | None = None,
        weights_as: WeightsAs | None = None,
        cluster: str | None = None,
        level: float = 0.95,
        seed: int = 0,
        **options: Any,
    ) -> Answer:
        """Answer a query about the model.

        Args:
            query: the question, as text or parsed.
            data: a pandas, polars or pyarrow frame, a polars LazyFrame, a DuckDB relation, a PySpark DataFrame, the
                path of a file, or what `open_data` made of one; without it, the data that the model names.
            method: how the number and its error are found: ``counts`` by cells and the formula's gradient,
                ``bootstrap`` or ``bayesian bootstrap`` by resampled cells, ``gaussian`` by linear equations, ``sql`` by
                one query of the engine, ``equations`` by the model's structural equations alone; ``auto`` takes
                ``equations`` where there are some and no data, or where the question speaks of other worlds, else
                ``counts``, or ``gaussian`` where a treatment or covariate is continuous.
            weight: the column of weights.
            weights_as: what the weights are: ``counts``, ``survey`` weights or an ``exact`` distribution; without it,
                numbers that add up to 1 are exact, other whole numbers counts, and all else survey weights.
            cluster: a column whose values tell which rows belong together, such as a school or a patient.
            level: the level of confidence of intervals.
            seed: of what is drawn at random: the bootstrap, the critical value of a table's joint intervals.
            options: those of an estimator, such as ``covariates``, a set to adjust for in place of the graph's choice.

        Raises:
            ModelError: the query can't be read, or doesn't fit the model.
            DataError: the data can't be read, or don't fit the model.
            EstimationError: the data can't carry the estimate.

        >>> import causalgraph as cg
        >>> model = cg.parse("Z -> X, Y; X -> Y")
        >>> print(model.ask("adjusts(X, Y | Z)"))
        ✔ adjusting for {Z} gives the effect of X on Y, given this graph
          no covariate is forbidden, and every biasing path is closed
        """
        from causalgraph.ask import answer
        from causalgraph.sources import settings_of

        said: object = level  # whatever its type promises
        if not (isinstance(said, float | int) and 0 < level < 1):
            raise ModelError.because("E216", f"a level of confidence lies between 0 and 1, and {level!r} doesn't")
        self._require_seed(seed)
        asked = self._checked(query)
        settings = settings_of(
            self,
            data,
            weight=weight,
            weights_as=weights_as,
            cluster=cluster,
            method=method,
            level=level,
            seed=seed,
            options=options,
        )
        return answer(self, asked, query if isinstance(query, str) else None, settings)

    def sql(
        self, query: str | Query, data: object = None, *, dialect: str = "duckdb", table: str = "data"
    ) -> str | Answer:
        """Write a question for a number as one SQL statement, to be run where the data are; or say why there is none.

        Args:
            query: the question, as text or parsed.
            data: what `ask` takes: they tell how levels are stored.
            dialect: ``duckdb``, ``spark`` or ``postgres``.
            table: what stands after FROM.

        Raises:
            ModelError: the query can't be read, doesn't fit the model, or asks for no number.
            DataError: the data can't be read, or don't fit the model.
            EstimationError: a treatment or covariate is continuous, or no such dialect.
        """
        from causalgraph.ask import sql
        from causalgraph.sources import settings_of

        return sql(self, self._checked(query), settings_of(self, data), dialect=dialect, table=table)

    @staticmethod
    def _require_seed(seed: object) -> None:
        if not (isinstance(seed, int) and seed >= 0):
            raise ModelError.because("E219", f"a seed is a whole number that isn't negative, and {seed!r} is none")

    def _checked(self, query: str | Query) -> Query:
        asked = parser.parse_query(query) if isinstance(query, str) else query
        if not self.drawn:
            raise ModelError(undrawn(None))
        problems = check_query(asked, self.graph, self.variables)
        if problems:
            raise ModelError(*problems)
        return asked

    def run(self, data: object = None) -> Iterator[tuple[Item, Answer | CausalGraphError]]:
        """Answer every query and check every `expect` of the file, in its order.

        A query that fails yields its error, and the next one is asked.
        """
        from causalgraph.ask import run

        return run(self, data)

    def rows(self, data: object = None) -> int | None:
        """Return how many rows the data have; None where there are none, or none that can be read."""
        from causalgraph.sources import settings_of

        try:
            return settings_of(self, data).source().size
        except DataError:
            # Whoever asks for a number gets this error; the size alone is no reason to fail.
            return None

    def to_dict(self) -> dict[str, Any]:
        """Return the model's graph as JSON-ready values."""
        from causalgraph.criteria.listing import GraphAnswer

        return GraphAnswer("the model", self.graph).to_dict() | {"kind": "model", "title": self.title}

    def _repr_svg_(self) -> str:
        from causalgraph.pictures import picture
        from causalgraph.render.svg import svg

        return svg(self.graph, picture(self))
