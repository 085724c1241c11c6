"""Discrete networks: a table of probabilities for each variable, to and from structural equations, and from counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causalgraph.data.opening import open_source
from causalgraph.data.source import Source
from causalgraph.errors import EstimationError, ModelError
from causalgraph.graphs.kinds import require_kind
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.relations import parents as parents_of
from causalgraph.scm.structural import Structural, structural
from causalgraph.scm.supports import law_of, support_of
from causalgraph.scm.tables import values_of
from causalgraph.syntax import tree
from causalgraph.syntax.equations import Branch, Equation, Expression
from causalgraph.variables import DISCRETE, Variable

__all__ = ["Network", "equations_of", "network_of", "structural_of", "tables_from", "variables_of"]

Floats = NDArray[np.float64]
# Probabilities that were written in digits add up to 1 up to this; nearer than the other they do so.
WRITTEN, EXACT = 1e-2, 1e-9


@dataclass(frozen=True, eq=False)
class Network:
    """A discrete Bayesian network.

    Attributes:
        levels: of each variable, in the order in which the variables were declared.
        parents: of each variable, in the order of the table's axes.
        tables: of each variable: an axis for each parent, and the last for itself.
        rescaled: variables whose probabilities added up to 1 but for the digits they were written with, and were
            divided by their sum.
    """

    levels: Mapping[str, tuple[str, ...]]
    parents: Mapping[str, tuple[str, ...]]
    tables: Mapping[str, Floats]
    rescaled: tuple[str, ...] = ()

    @property
    def graph(self) -> MixedGraph:
        """An arrow from each parent."""
        edges = [(p, "->", name) for name, parents in self.parents.items() for p in parents]
        return MixedGraph.build(edges, nodes=list(self.levels))

    @classmethod
    def checked(
        cls,
        levels: Mapping[str, tuple[str, ...]],
        parents: Mapping[str, tuple[str, ...]],
        tables: Mapping[str, Floats],
    ) -> Network:
        """Make a network of tables that come from elsewhere.

        Raises:
            ModelError: a table is lacking, has another shape, or has rows that aren't distributions (E562).
        """
        scaled, made = [], {}
        for name in levels:
            for parent in parents.get(name, ()):
                if parent not in levels:
                    raise wrong(f"{name} depends on {parent}, which isn't declared")
            if name not in tables:
                raise wrong(f"{name} has no probabilities")
            table = np.asarray(tables[name], dtype=float)
            shape = tuple(len(levels[n]) for n in (*parents[name], name))
            if table.shape != shape:
                raise wrong(f"the table of {name} has the shape {table.shape}, where its levels make {shape}")
            sums = table.sum(axis=-1)
            bad = (table < 0).any(axis=-1) | ~(np.abs(sums - 1) <= WRITTEN)
            if bad.any():
                cell = tuple(np.argwhere(bad)[0].tolist())
                given = ", ".join(f"{p}={levels[p][i]}" for p, i in zip(parents[name], cell, strict=True))
                said = ", ".join(f"{v:g}" for v in table[cell])
                raise wrong(f"the probabilities of {name}{' given ' * bool(given)}{given} are {said}")
            if (np.abs(sums - 1) > EXACT).any():
                scaled.append(name)
                table = table / sums[..., None]
            made[name] = table
        return cls(levels, {n: tuple(parents[n]) for n in levels}, made, tuple(scaled))


def wrong(what: str) -> ModelError:
    """Return the error of a network that is none."""
    return ModelError.because("E562", what, why="each row of a table is a distribution over the variable's levels")


def variables_of(network: Network) -> dict[str, Variable]:
    """Return the declared variables of a network: categorical, with their levels."""
    return {name: Variable(name, "categorical", levels) for name, levels in network.levels.items()}


def equations_of(network: Network) -> tuple[Equation, ...]:
    """Return an equation for each variable: `case` by case of its parents down to a `Categorical`.

    >>> from causalgraph.syntax.equation_text import declared_text
    >>> net = Network({"X": ("no", "yes")}, {"X": ()}, {"X": np.array([0.25, 0.75])})
    >>> declared_text(equations_of(net)[0])
    'X ~ Categorical(no = 0.25, yes = 0.75)'
    """
    return tuple(
        Equation(tree.Name(name), "~", _nested(network, name, network.parents[name], network.tables[name]))
        for name in network.levels
    )


def _nested(network: Network, name: str, parents: Sequence[str], table: Floats) -> Expression:
    if not parents:
        shares = zip(network.levels[name], table.tolist(), strict=True)
        return tree.Call(tree.Name("Categorical"), tuple(Branch(level, _share(p)) for level, p in shares))
    first, *rest = parents
    branches = [
        Branch(level, _nested(network, name, rest, below))
        for level, below in zip(network.levels[first], table, strict=True)
    ]
    return tree.Call(tree.Name("case"), (tree.Name(first), *branches))


def _share(value: float) -> tree.Number:
    return tree.Number(repr(value).removesuffix(".0"))


def structural_of(network: Network) -> Structural:
    """Return a network as structural equations.

    Raises:
        ModelError: its arrows form a cycle (E103).
    """
    return structural(equations_of(network), variables_of(network))


def network_of(model: Structural, parameters: Mapping[str, float] | None = None) -> Network:
    """Return structural equations as a network; a variable of numbers has its values for levels.

    Args:
        model: equations, all of them discrete.
        parameters: the values of free parameters.

    Raises:
        ModelError: a free parameter has no value (E148).
        EstimationError: a variable has infinitely many values (E546), or a table is too large (E545).
    """
    known = model.settled(parameters)
    supports: dict[str, Floats] = {}
    levels, parents, tables = {}, {}, {}
    for rule in model.rules:
        law = law_of(rule, supports, known)
        whole = support_of(np.arange(len(rule.levels), dtype=float)) if rule.levels else law.support
        table = np.zeros((*law.table.shape[:-1], len(whole)))
        table[..., np.searchsorted(whole, law.support)] = law.table
        supports[rule.name] = whole
        levels[rule.name] = rule.levels or values_of(model, rule.name, law.support)
        parents[rule.name], tables[rule.name] = law.parents, table
    return Network(levels, parents, tables)


def tables_from(
    graph: MixedGraph,
    data: object,
    *,
    variables: Mapping[str, Variable] | None = None,
    pseudocount: float = 0.0,
) -> Network:
    """Return the tables of a discrete network from counts: each row the shares of its cells.

    Args:
        graph: a DAG whose nodes are columns.
        data: a `Source`, or a frame or file that `open_data` takes.
        variables: what the model declares.
        pseudocount: added to the count of every cell: 0 for maximum likelihood, 1 for the mean under a flat prior.

    Raises:
        DataError: the data don't fit the variables.
        ModelError: the graph is no DAG (E108), it has latent variables (E563), or `pseudocount` is negative (E141).
        EstimationError: a variable is a number (E542), or levels of the parents were never seen together (E544).

    Source: D. Heckerman, D. Geiger, D. M. Chickering, Mach. Learn. 20 (1995) 197-243, doi:10.1007/BF00994016.

    >>> import pandas as pd
    >>> made = tables_from(MixedGraph.build([("X", "->", "Y")]), pd.DataFrame({"X": [0, 0, 1, 1], "Y": [0, 1, 1, 1]}))
    >>> made.tables["Y"].tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """
    if not pseudocount >= 0 or not np.isfinite(pseudocount):
        raise ModelError.because("E141", f"a pseudocount is a number from 0 on, not {pseudocount:g}")
    require_kind(graph, "a network of tables", ("dag",))
    if graph.latent:
        raise ModelError.because(
            "E563", f"{min(graph.latent)} is latent, and a table needs its counts", fix="measure it"
        )
    source = data if isinstance(data, Source) else open_source(data)
    names = graph.sorted(sorted(graph.nodes))
    known = {name: (variables or {}).get(name, Variable(name)) for name in names}
    for name in names:
        if source.kind(known[name]) not in DISCRETE:
            raise EstimationError.because(
                "E542",
                f"{name} is a {source.kind(known[name])} variable, and a table needs levels",
                fix=f"declare its levels, or write an equation: {name} ~ Normal(?mean, ?sd)",
            )
    levels = {name: source.levels(known[name]) for name in names}
    parents = {name: graph.sorted(sorted(parents_of(graph, [name]))) for name in names}
    tables = {}
    for name in names:
        axes = (*parents[name], name)
        counts = source.counts([known[n] for n in axes])
        table = np.full([len(levels[n]) for n in axes], float(pseudocount))
        np.add.at(table, tuple(counts.codes.T), counts.weight)
        total = table.sum(axis=-1)
        if (total == 0).any():
            cell = np.argwhere(total == 0)
            given = ", ".join(f"{p}={levels[p][i]}" for p, i in zip(parents[name], cell[0].tolist(), strict=True))
            more = f" (and {len(cell) - 1:,} more combinations)" if len(cell) > 1 else ""
            raise EstimationError.because(
                "E544",
                f"{name} was never seen with {given}{more}",
                why="the likelihood doesn't tell these rows of its table",
                fix="add something to every cell: pseudocount=1",
            )
        tables[name] = table / total[..., None]
    return Network(levels, parents, tables)
