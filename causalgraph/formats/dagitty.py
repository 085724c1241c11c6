"""dagitty's text: ``dag { x [exposure] x -> y }``, and the block of lines that it wrote before 2013.

Facts of the format: J. Textor, B. van der Zander, M. S. Gilthorpe, M. Liśkiewicz and G. T. Ellison, "Robust causal
inference using directed acyclic graphs: the R package 'dagitty'" (International Journal of Epidemiology, 2016), and
dagitty's manual. A circle is written ``@``. The frame of a drawing, ``bb``, follows from the positions: it isn't kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from causalgraph.errors import SourceText
from causalgraph.formats.attributes import attributes_of, value_text
from causalgraph.formats.braces import Attributes, Dialect, Word, parse
from causalgraph.formats.carrying import Carries, fitted
from causalgraph.formats.diagram import Diagram, Written, inferred_kind
from causalgraph.formats.draft import MAX_NAME, Draft, wrong
from causalgraph.formats.text import legal_name, one_line, position
from causalgraph.graphs.mixed import KINDS, Edge

__all__ = ["carried", "is_old", "read", "write"]

# dagitty's edges -> ours.
MARKS = {
    "->": "->",
    "<-": "<-",
    "<->": "<->",
    "--": "--",
    "@->": "o->",
    "<-@": "<-o",
    "@-@": "o-o",
    "@--": "o--",
    "--@": "--o",
}
WRITTEN = {ours: theirs for theirs, ours in MARKS.items()}

# Short and old names of attributes.
ALIASES = {
    "e": "exposure",
    "source": "exposure",
    "o": "outcome",
    "target": "outcome",
    "l": "latent",
    "u": "latent",
    "unobserved": "latent",
    "s": "selected",
    "a": "adjusted",
}
# Our kinds -> the type that dagitty knows.
TYPES = {
    "dag": "dag",
    "admg": "dag",
    "cpdag": "pdag",
    "mpdag": "pdag",
    "pdag": "pdag",
    "mag": "mag",
    "pag": "pag",
}
# A quote is part of a string where a backslash stands before it; any other backslash stands for itself.
STRING = r'"(?:[^"\\\n]|\\["\n]?)*+"'
BARE = re.compile(r"[A-Za-z0-9_.]+")
RESERVED = frozenset({"graph", "node"})
QUOTED = "subgraph"


def _said(inside: str) -> str:
    return re.sub(r'\\(["\n])', lambda m: m[1].strip(), inside)


DIALECT = Dialect.of(STRING, _said, lambda word: word in RESERVED)


def read(source: SourceText) -> Diagram:
    """Read a graph of dagitty's, as it writes them now or did before 2013.

    >>> found = read(SourceText('dag { X [exposure] Y [outcome,pos="1,2"] X -> Y <-> Z }'))
    >>> found.graph.kind, [str(e) for e in found.graph.edges], found.variables["Y"].position
    ('admg', ['X -> Y', 'Y <-> Z'], (1.0, 2.0))

    Raises:
        ModelError: the text doesn't keep to the format, or the graph is too large.
    """
    if is_old(source.text):
        return _read_old(source)
    reader = _Reader(Draft(source))
    word = parse(source, DIALECT, reader)
    kind = reader.kind if reader.kind in KINDS else _kind(word, reader.draft)
    return reader.draft.diagram(kind, reader.title)


@dataclass
class _Reader:
    """Takes the statements of a text."""

    draft: Draft
    kind: str | None = None
    title: str | None = None

    def node(self, name: Word, attributes: Attributes, _: Attributes) -> None:
        """Take a node."""
        known = self.draft.node(name.text, name.span)
        self.draft.describe(known, {ALIASES.get(key, key): value for key, value in attributes.items()})

    def edge(self, left: Word, operator: str, right: Word, attributes: Attributes) -> None:
        """Take an edge."""
        ends = [self.draft.node(word.text, word.span) for word in (left, right)]
        self.draft.connect(ends[0], MARKS[operator], ends[1], left.span.to(right.span), attributes)

    def option(self, key: str, value: str) -> None:
        """Take what is said of the whole graph: dagitty itself knows ``bb`` alone, title and kind are ours."""
        if key == "title":
            self.title = value
        elif key == "kind":
            self.kind = value
        elif key != "bb":
            self.draft.ignore("attributes of the graph", key)


def _kind(word: str, draft: Draft) -> str:
    """Return the kind that dagitty's type of graph stands for."""
    suggested = inferred_kind(edge.mark for edge in draft.edges)
    return suggested if word in ("graph", "digraph") or (word, suggested) == ("dag", "admg") else word


# The lines of before 2013: "Lung%20cancer O @0.5,1.25" for each node, an empty line, and "A B C", for A -> B, A -> C;
# both ways it is a common cause. The flags: E exposure, O outcome, A adjusted, U latent, 1 none of them.

OLD = re.compile(r"\s*+[^\n]*?\S[ \t]+(?:1|[EOAU]+)(?:[ \t]+@[-+.0-9eE]+,[-+.0-9eE]+)?[ \t]*+\n")
ARROW = re.compile(r"->|<-|--|~|:=")
NODE = re.compile(r"[ \t]*(?P<name>\S.*?)(?:[ \t]+(?P<flags>[EOAU]+|[0-9]+))?(?:[ \t]+@(?P<pos>\S*))?[ \t]*")
FLAGS = {"E": "exposure", "O": "outcome", "U": "latent", "A": "adjusted"}


def is_old(text: str) -> bool:
    r"""Say whether a text is of the kind that dagitty wrote before 2013: nodes, an empty line, and no arrow.

    >>> is_old("X E @0,0\nY O @1,0\n\nX Y")
    True
    """
    return OLD.match(text) is not None and re.search(r"\n[ \t]*\n", text.strip()) is not None and not ARROW.search(text)


def _read_old(source: SourceText) -> Diagram:
    draft = Draft(source)
    offset, reader = 0, _old_node
    for line in source.text.split("\n"):
        if line.strip():
            reader(draft, line, offset)
        elif draft.called:
            reader = _old_edges
        offset += len(line) + 1
    return draft.diagram(None)


def _old_node(draft: Draft, line: str, offset: int) -> None:
    match = NODE.fullmatch(line)
    if match is None:
        raise wrong("expected a node, such as: X E @0.5,1", draft.span(offset, offset + len(line)))
    span = draft.span(offset + match.start("name"), offset + match.end("name"))
    name = draft.node(unquote(match["name"]), span)
    draft.describe(name, {FLAGS[flag]: "" for flag in match["flags"] or "" if flag in FLAGS})
    if match["pos"] is not None:
        if position(match["pos"]) is None:
            raise wrong(
                "expected a position, such as @0.5,1", draft.span(offset + match.start("pos"), offset + match.end())
            )
        draft.describe(name, {"pos": match["pos"]})


def _old_edges(draft: Draft, line: str, offset: int) -> None:
    """Read a node and those it points at; a name may have spaces, so the shortest run of words that is one counts."""
    words = [(m[0], offset + m.start(), offset + m.end()) for m in re.finditer(r"\S+", line)]
    cause: tuple[str, int] | None = None
    run, start = "", 0
    for text, begin, end in words:
        if not run and text.startswith("@"):
            draft.ignore("attributes of edges", "pos")
            continue
        run, start = (f"{run} {text}", start) if run else (text, begin)
        if len(run) > MAX_NAME:
            break
        key = unquote(run)
        if key not in draft.called:
            continue
        run = ""
        if cause is None:
            cause = key, start
        else:
            _old_edge(draft, draft.called[cause[0]], draft.called[key], cause[1], end)
    if run:
        raise wrong(f"no node above is called {run[:40]!r}", draft.span(start, words[-1][2]))


def _old_edge(draft: Draft, cause: str, effect: str, start: int, end: int) -> None:
    back = Edge(effect, "->", cause)
    if back in draft.edges:
        del draft.edges[back]
        draft.connect(cause, "<->", effect, draft.span(start, end))
    else:
        draft.connect(cause, "->", effect, draft.span(start, end))


# Writing.


def _name(name: str) -> str:
    """Return a name that dagitty can hold: a backslash can't be its last character, and two words are reserved."""
    legal = re.sub(r"\\+\Z", lambda m: "/" * len(m[0]), legal_name(name))
    return f"{legal}_" if legal in RESERVED else legal


def _text(text: str) -> str:
    return re.sub(r"\\+\Z", lambda m: "/" * len(m[0]), one_line(text))


CARRIES = Carries(name=_name, text=_text)


def carried(diagram: Diagram) -> Diagram:
    """Return what dagitty can carry of a diagram; reading what `write` makes of it gives this back."""
    return fitted(diagram, CARRIES)


def write(diagram: Diagram) -> Written:
    """Write a graph as dagitty does; what only we know of it stands in attributes that dagitty keeps and ignores.

    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> print(write(Diagram.of(MixedGraph.build([("X", "o->", "lung cancer")], kind="pag"))).text)
    pag {
    X
    "lung cancer"
    X @-> "lung cancer"
    }
    <BLANKLINE>
    """
    fits = carried(diagram)
    graph = fits.graph
    word = TYPES[graph.kind]
    rows = [f"{word} {{"]
    if fits.title is not None:
        rows.append(f"title={_quoted(fits.title)}")
    suggested = inferred_kind(edge.mark for edge in graph.edges)
    read_back = "admg" if (word, suggested) == ("dag", "admg") else word
    rows += [f"kind={graph.kind}"] * (graph.kind != read_back)
    for name in graph.nodes:
        rows.append(_spelled(name) + _listed(attributes_of(fits.variables[name])))
    for edge in graph.edges:
        said = {key: value_text(value) for key, value in fits.edge_attributes.get(edge, {}).items()}
        rows.append(f"{_spelled(edge.left)} {WRITTEN[edge.mark]} {_spelled(edge.right)}{_listed(said)}")
    return Written("\n".join([*rows, "}", ""]), fits.losses)


def _spelled(name: str) -> str:
    return name if BARE.fullmatch(name) and name.lower() != QUOTED else _quoted(name)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


def _listed(said: dict[str, str]) -> str:
    parts = [f"{key}={_quoted(value)}" if value else key for key, value in said.items()]
    return f" [{','.join(parts)}]" if parts else ""
