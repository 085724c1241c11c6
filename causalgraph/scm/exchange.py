"""Discrete networks to and from other programs: BIF text, and pgmpy's `DiscreteBayesianNetwork`.

Source: the Interchange Format for Bayesian Networks (BIF) 0.15, F. Cozman (1998); A. Ankan, J. Textor, "pgmpy: a Python
toolkit for Bayesian networks", JMLR 25 (2024) 1-8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalgraph.errors import ModelError, SourceText, Span
from causalgraph.scm.networks import Network

__all__ = ["from_pgmpy", "read_bif", "to_pgmpy", "write_bif"]

Floats = NDArray[np.float64]
TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|/\*.*?\*/)|(?P<string>"(?:\\.|[^"\\])*")|(?P<mark>[{}()\[\];,|])|(?P<word>[^\s"{}()\[\];,|]+)""",
    re.DOTALL,
)
BARE = re.compile(r"[^\s\"{}()\[\];,|/\\]+")
# The words of the format, which as names are written in quotes.
WORDS = frozenset({"network", "variable", "probability", "property", "type", "discrete", "table", "default"})


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    span: Span


def read_bif(text: str, name: str = "<bif>") -> Network:
    """Read a network written in BIF.

    Properties are left out. Probabilities that add up to 1 but for their digits are divided by their sum, and the
    network's `rescaled` tells whose they were.

    Args:
        text: the file.
        name: what messages call it.

    Raises:
        ModelError: the text isn't BIF (E562), or its probabilities are no distributions.

    >>> read_bif("network n {} variable X { type discrete [2] {no, yes}; } probability (X) { table .2, .8; }").levels
    {'X': ('no', 'yes')}
    """
    return _Reader(SourceText(text, name)).network()


class _Reader:
    """Reads tokens from the front."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.tokens = list(self._split())
        self.place = 0
        self.levels: dict[str, tuple[str, ...]] = {}
        self.parents: dict[str, tuple[str, ...]] = {}
        self.tables: dict[str, Floats] = {}

    def _split(self) -> Iterator[_Token]:
        at, text = 0, self.source.text
        while at < len(text):
            found = TOKEN.match(text, at)
            if found is None:
                raise self.error("this can't be read", Span(self.source, at, at + 1))
            at = found.end()
            if found.lastgroup == "skip":
                continue
            word = found.group()
            span = Span(self.source, found.start(), at)
            string = found.lastgroup == "string"
            yield _Token(str(found.lastgroup), re.sub(r"\\(.)", r"\1", word[1:-1]) if string else word, span)

    def error(self, what: str, span: Span | None = None) -> ModelError:
        return ModelError.because("E562", f"{self.source.name} isn't a BIF network: {what}", span=span)

    @property
    def next(self) -> _Token | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def take(self, mark: str | None = None) -> _Token:
        """Return the next token, which must be a name or a number, or the mark that is asked for."""
        token = self.next
        wanted = f"{mark!r}" if mark else "a name"
        if token is None:
            raise self.error(f"it ends where {wanted} should stand")
        if (token.text != mark or token.kind == "string") if mark else token.kind == "mark":
            raise self.error(f"here should stand {wanted}", token.span)
        self.place += 1
        return token

    def met(self, mark: str) -> bool:
        """Take a mark or word if it comes next."""
        token = self.next
        found = token is not None and token.kind != "string" and token.text == mark
        self.place += found
        return found

    def listed(self, end: str) -> list[_Token]:
        """Take names up to a mark; commas between them may be left out."""
        found = []
        while not self.met(end):
            found.append(self.take())
            self.met(",")
        return found

    def network(self) -> Network:
        blocks = {"network": self.header, "variable": self.variable, "probability": self.probability}
        later: list[int] = []
        while (token := self.next) is not None:
            if token.text not in blocks or token.kind == "string":
                raise self.error(f"{token.text!r} opens no block; network, variable and probability do", token.span)
            self.place += 1
            if token.text == "probability":
                # Variables may be declared further down.
                later.append(self.place)
                self.passed()
            else:
                blocks[token.text]()
        if not self.levels:
            raise self.error("it declares no variable")
        for self.place in later:
            self.probability()
        return Network.checked(self.levels, self.parents, self.tables)

    def passed(self) -> None:
        """Go behind a block in braces."""
        while not self.met("{"):
            self.place += 1
            if self.next is None:
                raise self.error("it ends where '{' should stand")
        while not self.met("}"):
            if self.next is None:
                raise self.error("it ends where '}' should stand")
            self.place += 1

    def property(self) -> bool:
        """Go behind a property, if one comes next."""
        if not self.met("property"):
            return False
        while not self.met(";"):
            if self.next is None:
                raise self.error("it ends in a property")
            self.place += 1
        return True

    def header(self) -> None:
        if not self.met("{"):
            self.take()
            self.take("{")
        while not self.met("}"):
            if not self.property():
                raise self.error("a network's block holds properties alone", self.take().span)

    def variable(self) -> None:
        name = self.take()
        if name.text in self.levels:
            raise self.error(f"{name.text} is declared twice", name.span)
        self.take("{")
        levels: list[_Token] = []
        while not self.met("}"):
            if self.property():
                continue
            self.take("type")
            self.take("discrete")
            self.take("[")
            size = self.take()
            self.take("]")
            self.take("{")
            levels = self.listed("}")
            self.take(";")
            if size.text != str(len(levels)):
                raise self.error(f"{name.text} has {len(levels)} levels, not {size.text}", size.span)
        known = tuple(level.text for level in levels)
        if not known or len(set(known)) < len(known):
            raise self.error(f"{name.text} has {'a level twice' if known else 'no levels'}", name.span)
        self.levels[name.text] = known

    def declared(self, token: _Token) -> str:
        if token.text not in self.levels:
            raise self.error(f"{token.text} isn't declared", token.span)
        return token.text

    def probability(self) -> None:
        self.take("(")
        first = self.take()
        name = self.declared(first)
        if name in self.tables:
            raise self.error(f"{name} has two tables", first.span)
        self.met("|")
        parents = tuple(self.declared(t) for t in self.listed(")"))
        if len({name, *parents}) < 1 + len(parents):
            raise self.error(f"{name} stands twice in one table", first.span)
        sizes = [len(self.levels[p]) for p in parents]
        table = np.full((*sizes, len(self.levels[name])), np.nan)
        default: Floats | None = None
        self.take("{")
        while not self.met("}"):
            if self.property():
                continue
            token = self.next
            if self.met("table"):
                row = self.numbers(name)
                if parents:
                    raise self.error(
                        f"write a row of {name} for each combination of its parents", token.span if token else None
                    )
                table[...] = row
            elif self.met("default"):
                default = self.numbers(name)
            else:
                cell = self.cell(parents)
                if not np.isnan(table[cell]).all():
                    raise self.error("this row stands twice", token.span if token else None)
                table[cell] = self.numbers(name)
        empty = np.isnan(table).all(axis=-1)
        if empty.any():
            if default is None:
                lacking = [self.levels[p][i] for p, i in zip(parents, np.argwhere(empty)[0], strict=True)]
                raise self.error(f"{name} has no row ({', '.join(lacking)})", first.span)
            table[empty] = default
        self.parents[name], self.tables[name] = parents, table

    def cell(self, parents: tuple[str, ...]) -> tuple[int, ...]:
        span = self.take("(").span
        levels = self.listed(")")
        if len(levels) != len(parents):
            raise self.error(f"here should stand a level of each of {', '.join(parents) or 'no parents'}", span)
        found = []
        for parent, level in zip(parents, levels, strict=True):
            if level.text not in self.levels[parent]:
                raise self.error(f"{parent} has no level {level.text}", level.span)
            found.append(self.levels[parent].index(level.text))
        return tuple(found)

    def numbers(self, name: str) -> Floats:
        """Take the probabilities of one row, up to a semicolon."""
        tokens = self.listed(";")
        if len(tokens) != len(self.levels[name]):
            span = tokens[0].span if tokens else None
            raise self.error(f"{name} has {len(self.levels[name])} levels, and here stand {len(tokens)} numbers", span)
        found = []
        for token in tokens:
            try:
                found.append(float(token.text))
            except ValueError:
                raise self.error(f"{token.text!r} is no number", token.span) from None
            if not 0 <= found[-1] <= 1:
                raise self.error(f"{token.text} is no probability", token.span)
        return np.array(found)


def write_bif(network: Network, title: str = "unknown") -> str:
    """Write a network in BIF; reading it back gives the same numbers to the last bit.

    Raises:
        ModelError: a name or a level has a line break, which no BIF text can hold (E563).
    """
    rows = [f"network {_quoted(title)} {{", "}"]
    for name, levels in network.levels.items():
        listed = ", ".join(map(_quoted, levels))
        rows += [f"variable {_quoted(name)} {{", f"  type discrete [ {len(levels)} ] {{ {listed} }};", "}"]
    for name in network.levels:
        parents, table = network.parents[name], network.tables[name]
        given = f" | {', '.join(map(_quoted, parents))}" if parents else ""
        rows.append(f"probability ( {_quoted(name)}{given} ) {{")
        for cell in np.ndindex(table.shape[:-1]):
            of = ", ".join(_quoted(network.levels[p][i]) for p, i in zip(parents, cell, strict=True))
            rows.append(f"  {f'({of})' if parents else 'table'} {', '.join(map(repr, table[cell].tolist()))};")
        rows.append("}")
    return "\n".join(rows) + "\n"


def _quoted(text: str) -> str:
    if "\n" in text or "\r" in text:
        raise ModelError.because("E563", f"{text!r} has a line break, which BIF can't hold", fix="rename it")
    if BARE.fullmatch(text) and text not in WORDS:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def to_pgmpy(network: Network) -> Any:
    """Return a network as pgmpy's `DiscreteBayesianNetwork`, levels as its state names.

    Raises:
        ModelError: pgmpy isn't installed (E563).
    """
    try:
        # Importing pgmpy takes seconds.
        table, made = import_module("pgmpy.factors.discrete").TabularCPD, import_module("pgmpy.models")
    except ImportError as error:
        raise ModelError.because("E563", "pgmpy isn't installed", fix="pip install pgmpy") from error
    model = made.DiscreteBayesianNetwork()
    model.add_nodes_from(network.levels)
    model.add_edges_from([(p, name) for name, parents in network.parents.items() for p in parents])
    for name, parents in network.parents.items():
        size = len(network.levels[name])
        cpd = table(
            name,
            size,
            network.tables[name].reshape(-1, size).T,
            evidence=list(parents) or None,
            evidence_card=[len(network.levels[p]) for p in parents] or None,
            state_names={n: list(network.levels[n]) for n in (name, *parents)},
        )
        model.add_cpds(cpd)
    return model


def from_pgmpy(model: Any) -> Network:
    """Return pgmpy's `DiscreteBayesianNetwork` as a network; state names become levels as text.

    Args:
        model: anything with pgmpy's ``nodes()`` and ``get_cpds(node)``.

    Raises:
        ModelError: a node has no table, two of its states are written alike, or rows are no distributions (E562).
    """
    levels, parents, tables = {}, {}, {}
    for node in model.nodes():
        cpd = model.get_cpds(node)
        if cpd is None:
            raise ModelError.because("E562", f"{node} has no table", fix="add its TabularCPD")
        name, *given = cpd.variables
        states = tuple(str(s) for s in cpd.state_names[name])
        if len(set(states)) < len(states):
            raise ModelError.because("E562", f"two states of {node} are written alike")
        levels[str(node)], parents[str(node)] = states, tuple(map(str, given))
        tables[str(node)] = np.moveaxis(np.asarray(cpd.values, dtype=float), 0, -1)
        for parent in given:
            own = [str(s) for s in cpd.state_names[parent]]
            known = [str(s) for s in model.get_cpds(parent).state_names[parent]]
            if own != known:
                raise ModelError.because("E562", f"{node} and {parent} have the states of {parent} in another order")
    return Network.checked(levels, parents, tables)
