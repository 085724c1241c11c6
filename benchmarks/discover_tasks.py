"""What discover.py asks about: Gaussian data of random graphs, networks out of .bif files, proteins in cells.

Nothing of a peer is imported here, and no data are kept: networks are read where pgmpy is installed, the proteins where
cdt is.
"""

from __future__ import annotations

import csv
import gzip
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalgraph.graphs.equivalence import breaches_of_class, cpdag
from causalgraph.graphs.mags import breaches_of_pag
from causalgraph.graphs.mixed import WRITTEN, Mark, MixedGraph
from causalgraph.graphs.zhang import pag

# Where a mark stands: at the first node, on the edge with the second.
Marks = dict[tuple[str, str], str]
Values = NDArray[Any]
MARK = {"-": Mark.TAIL, ">": Mark.ARROW, "o": Mark.CIRCLE}
NETWORKS = ("asia", "alarm", "child", "insurance")
SACHS = "proteins (Sachs)"
# The columns of cdt's table, as the network of the same cells names them.
PROTEINS = {
    "praf": "Raf",
    "pmek": "Mek",
    "plcg": "Plcg",
    "PIP2": "PIP2",
    "PIP3": "PIP3",
    "p44/42": "Erk",
    "pakts473": "Akt",
    "PKA": "PKA",
    "PKC": "PKC",
    "P38": "P38",
    "pjnk": "Jnk",
}


@dataclass(frozen=True)
class Data:
    """Rows and the graph behind them.

    Attributes:
        values: ``(n, v)``, numbers, or codes of levels from 0 on.
        names: of the columns.
        graph: the true DAG, what is hidden marked as latent.
    """

    values: Values
    names: tuple[str, ...]
    graph: MixedGraph

    def save(self, path: Path) -> Path:
        """Write the rows where another process reads them."""
        np.savez(path, values=self.values, names=np.array(self.names))
        return path

    @cached_property
    def truth(self) -> Mapping[str, Marks]:
        """The marks of the class of DAGs, for PC, and of MAGs, for FCI."""
        out = {"fci": of_graph(pag(self.graph))}
        if not self.graph.latent:
            out["pc"] = of_graph(cpdag(self.graph))
        return out


def of_graph(graph: MixedGraph) -> Marks:
    """Return the marks of a graph: ``-``, ``>`` or ``o``.

    >>> of_graph(MixedGraph.build([("A", "o->", "B")], kind="pag"))
    {('A', 'B'): 'o', ('B', 'A'): '>'}
    """
    return of_edges([e.left, e.mark[0].replace("<", ">"), e.mark[-1], e.right] for e in graph.edges)


def of_edges(edges: Iterable[list[str]]) -> Marks:
    """Return the marks of edges as discover_runner.py tells them."""
    out: Marks = {}
    for a, at_a, at_b, b in edges:
        out |= {(a, b): at_a, (b, a): at_b}
    return out


def skeleton(marks: Marks) -> set[frozenset[str]]:
    """Return the pairs that are adjacent."""
    return {frozenset(place) for place in marks}


def legal(marks: Marks, names: Iterable[str], algorithm: str) -> bool:
    """Say whether marks are those of a class, of DAGs for PC and of MAGs for FCI.

    >>> legal(of_edges([["A", "-", ">", "B"]]), ["A", "B"], "pc")
    False
    """
    pairs = sorted(map(sorted, skeleton(marks)))
    edges = [(a, MARK[marks[a, b]], MARK[marks[b, a]], b) for a, b in pairs]
    if algorithm == "fci":
        return not any(breaches_of_pag(_graph(edges, names, "pag")))
    if any(left == right == Mark.ARROW for _, left, right, _ in edges):
        return False
    return not any(breaches_of_class(_graph(edges, names, "cpdag")))


def _graph(edges: Iterable[tuple[str, Mark, Mark, str]], names: Iterable[str], kind: str) -> MixedGraph:
    return MixedGraph.build([(a, WRITTEN[left, right], b) for a, left, right, b in edges], names, kind=kind)


def gaussian(size: int, rows: int, neighbours: float, hidden: int = 0) -> Data:
    """Make a random sparse DAG and rows of its linear model; the size is the seed.

    Args:
        size: the number of columns.
        rows: the number of rows.
        neighbours: of a node, on average.
        hidden: so many more nodes have no column.
    """
    rng = np.random.default_rng(size)
    all_nodes = size + hidden
    there = np.triu(rng.random((all_nodes, all_nodes)) < neighbours / (all_nodes - 1), 1)
    slopes = there * rng.uniform(0.3, 1.0, there.shape) * rng.choice([-1.0, 1.0], there.shape)
    values = rng.standard_normal((rows, all_nodes))
    for j in range(all_nodes):
        values[:, j] += values[:, :j] @ slopes[:j, j]
    # Neither the order of columns nor their names tell the order of causes.
    order = rng.permutation(all_nodes)
    name = {int(node): f"V{place}" for place, node in enumerate(order)}
    arrows = [(name[int(i)], "->", name[int(j)]) for i, j in np.argwhere(there)]
    names = tuple(f"V{place}" for place in range(all_nodes))
    graph = MixedGraph.build(arrows, names, latent=names[size:])
    return Data(values[:, order[:size]], names[:size], graph)


@dataclass(frozen=True)
class Network:
    """A discrete network: the levels of its variables, and for each its parents and ``(level, parents' levels…)``."""

    levels: Mapping[str, tuple[str, ...]]
    parents: Mapping[str, tuple[str, ...]]
    tables: Mapping[str, NDArray[np.float64]]

    def graph(self) -> MixedGraph:
        """Return the DAG."""
        return MixedGraph.build([(a, "->", b) for b, ps in self.parents.items() for a in ps], sorted(self.levels))

    def sample(self, rows: int, seed: int) -> Data:
        """Draw rows, each variable after its parents."""
        rng = np.random.default_rng(seed)
        drawn: dict[str, NDArray[np.int64]] = {}
        while len(drawn) < len(self.levels):
            ready = [v for v, ps in self.parents.items() if v not in drawn and all(p in drawn for p in ps)]
            for name in sorted(ready):
                place: Any = (slice(None), *(drawn[p] for p in self.parents[name]))
                each = self.tables[name][place]
                bounds = np.cumsum(np.broadcast_to(each.reshape(len(each), -1), (len(each), rows)), axis=0)
                drawn[name] = (rng.random(rows) * bounds[-1] >= bounds).sum(axis=0)
        names = tuple(sorted(self.levels))
        # Packages differ on levels that never occur; so there are none.
        values = np.column_stack([np.unique(drawn[name], return_inverse=True)[1] for name in names])
        return Data(values, names, self.graph())


def network(text: str) -> Network:
    """Read a .bif file.

    >>> text = '''variable A { type discrete [ 2 ] { yes, no }; }
    ... variable B { type discrete [ 2 ] { on, off }; }
    ... probability ( A ) { table 0.5, 0.5; }
    ... probability ( B | A ) { (yes) 0.1, 0.9; (no) 1, 0; }'''
    >>> network(text).tables["B"].tolist()
    [[0.1, 1.0], [0.9, 0.0]]
    """
    found = re.findall(r"variable\s+(\S+)\s*\{\s*type\s+discrete\s*\[\s*\d+\s*\]\s*\{([^}]*)\}", text)
    levels = {name: tuple(level.strip() for level in inner.split(",")) for name, inner in found}
    parents: dict[str, tuple[str, ...]] = {}
    tables: dict[str, NDArray[np.float64]] = {}
    for head, body in re.findall(r"probability\s*\(([^)]*)\)\s*\{(.*?)\}", text, re.DOTALL):
        name, _, given = (part.strip() for part in head.partition("|"))
        parents[name] = tuple(p.strip() for p in given.split(",") if p.strip())
        table = np.zeros([len(levels[v]) for v in (name, *parents[name])])
        for at, row in re.findall(r"(?:table|\(([^)]*)\))\s*([^;]*);", body):
            wanted = [level.strip() for level in at.split(",")] if at else []
            place: Any = tuple(levels[p].index(level) for p, level in zip(parents[name], wanted, strict=True))
            table[(slice(None), *place)] = [float(number) for number in row.split(",")]
        tables[name] = table
    return Network(levels, parents, tables)


def folder_of(python: str, package: str) -> Path:
    """Return where a package lies in an environment, without importing it."""
    code = f"import importlib.util; print(*importlib.util.find_spec({package!r}).submodule_search_locations)"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def read_network(python: str, name: str) -> Network:
    """Read one of the networks that come with pgmpy."""
    path = folder_of(python, "pgmpy") / "utils" / "example_models" / f"{name}.bif.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return network(file.read())


def proteins(cdt: str, pgmpy: str) -> Data:
    """Read the table of proteins that comes with cdt, as logarithms; the graph is the network that pgmpy brings."""
    path = folder_of(cdt, "cdt") / "data" / "resources" / "cyto_full_data.csv"
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    names = tuple(PROTEINS[column] for column in header)
    return Data(np.log(np.array(rows, dtype=float)), names, read_network(pgmpy, "sachs").graph())


@dataclass(frozen=True)
class Score:
    """What part of what was found is true, and what part of the truth was found; None of nothing."""

    found: int
    true: int
    right: int

    @property
    def precision(self) -> float | None:
        """The share of what was found that is true."""
        return self.right / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        """The share of what is true that was found."""
        return self.right / self.true if self.true else None


def scores(found: Marks, true: Marks) -> tuple[Score, Score]:
    """Score adjacencies and arrowheads; a head is right where the true graph has one at that node of that edge."""
    near, truly = skeleton(found), skeleton(true)
    heads, true_heads = ({place for place, mark in marks.items() if mark == ">"} for marks in (found, true))
    return (
        Score(len(near), len(truly), len(near & truly)),
        Score(len(heads), len(true_heads), len(heads & true_heads)),
    )


def corrected(data: Data, statistic: str) -> Callable[[str, str, tuple[str, ...]], float]:
    """Return G² or χ² as pgmpy has it: with Yates's correction in each stratum that has two rows and two columns.

    Source: F. Yates, "Contingency tables involving small numbers and the χ² test" (1934), doi:10.2307/2983604.
    """
    from scipy.stats import chi2

    column = dict(zip(data.names, data.values.T, strict=True))
    sizes = {name: int(codes.max()) + 1 for name, codes in column.items()}

    def test(x: str, y: str, given: tuple[str, ...]) -> float:
        stratum = np.zeros(len(data.values), dtype=np.int64)
        for name in given:
            stratum = stratum * sizes[name] + column[name]
        _, stratum = np.unique(stratum, return_inverse=True)
        strata, a, b = int(stratum.max()) + 1, sizes[x], sizes[y]
        cells = np.bincount((stratum * a + column[x]) * b + column[y], minlength=strata * a * b)
        seen = cells.reshape(strata, a, b).astype(float)
        rows, columns = seen.sum(axis=2), seen.sum(axis=1)
        expected = rows[:, :, None] * columns[:, None, :] / seen.sum(axis=(1, 2))[:, None, None]
        free = ((rows > 0).sum(axis=1) - 1) * ((columns > 0).sum(axis=1) - 1)
        away = expected - seen
        moved = seen + np.sign(away) * np.minimum(0.5, np.abs(away))
        seen = np.where((free == 1)[:, None, None], moved, seen)
        there = (seen > 0) if statistic == "g2" else (expected > 0)
        seen, expected = seen[there], expected[there]
        each = 2 * seen * np.log(seen / expected) if statistic == "g2" else (seen - expected) ** 2 / expected
        # A combination of given levels that never occurs makes pgmpy's G² NaN, as nothing free does: the edge stays.
        made = free.sum() and (statistic == "chi2" or strata == np.prod([sizes[name] for name in given]))
        return float(chi2.sf(each.sum(), free.sum())) if made else float("nan")

    return test
