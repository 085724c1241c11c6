"""The formats that can be read and written, and which of them a text is in."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath

from causalgraph.errors import ModelError, SourceText, Span, did_you_mean
from causalgraph.formats import dag, dagitty, dot, edgelist, gml, graphml, lavaan, mermaid, tikz
from causalgraph.formats.diagram import Diagram, Written

__all__ = ["FORMATS", "Format", "by_ending", "read", "refuse_pickle", "sniff", "write"]

MAX_BYTES = 5_000_000
# Blank lines and comments of any format that may stand before what tells it.
PREFACE = re.compile(r"(?:\s+|//[^\n]*|/\*(?:[^*]|\*(?!/))*+\*/|#[^\n]*)*+")
DAGITTY = re.compile(
    r'(?:strict\s+)?(?:dag|mag|pdag|pag)(?P<between>(?:\s+[\w.]+|\s*"(?:[^"\\\n]|\\.)*+")?\s*)\{', re.IGNORECASE
)
DOT = re.compile(r'(?:strict\s+)?(?:di)?graph(?:\s+[\w.-]+|\s*"(?:[^"\\]|\\.)*+")?\s*\{', re.IGNORECASE)
DAGITTY_EDGE = re.compile(r'"(?:[^"\\]|\\.)*+"|(?P<edge><-|@-|-@)', re.DOTALL)
GML = re.compile(r"(?:[A-Za-z]\w*\s+(?:[-+.\w]+|\"[^\"]*\")\s+)*+graph\s*\[", re.IGNORECASE)
BIF = re.compile(r'network\s+(?:[\w.-]+|"[^"\n]*")\s*\{', re.IGNORECASE)
PICKLED = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))
PICKLE = re.compile(r"(?:\(dp?\d|ccopy_reg\n|cnetworkx)")


def _is_dagitty(text: str) -> bool:
    """Say whether a text is dagitty's: ``dag {``, which some lay out over two lines, or the lines of before 2013.

    Of ours, a lone ``dag`` may stand above ``{A, B} -> C``; of theirs, what the brace opens is all of the text.
    """
    match = DAGITTY.match(text)
    if match:
        return "\n" not in match["between"] or _closes_at_end(text, match.end())
    if DOT.match(text):
        return any(piece["edge"] for piece in DAGITTY_EDGE.finditer(text))
    return dagitty.is_old(text)


def _closes_at_end(text: str, start: int) -> bool:
    """Say whether the brace that opens before `start` closes where the text ends."""
    depth = 1
    for match in re.compile(r'"(?:[^"\\\n]|\\.)*+"|[{}]').finditer(text, start):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return not text[match.end() :].strip()
    return True


def _starts(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    def starts(text: str) -> bool:
        return pattern.match(text) is not None

    return starts


def _is_xml(text: str) -> bool:
    return text.startswith("<")


@dataclass(frozen=True)
class Format:
    """A format: the endings of its files, how to tell it from its text, how to read and to write it.

    What can't be read, or can't be written, has None there; `why` says more, `fix` what to do instead.
    """

    name: str
    endings: tuple[str, ...]
    sniff: Callable[[str], bool] | None = None
    read: Callable[[SourceText], Diagram] | None = None
    write: Callable[[Diagram], Written] | None = None
    why: str | None = None
    fix: str | None = None


# In the order in which a text is held against them.
ROWS = (
    Format(
        "pickle",
        (".pickle", ".pkl", ".gpickle"),
        _starts(PICKLE),
        why="reading a pickle runs whatever code it holds",
        fix="write the graph by networkx.write_gml or networkx.write_graphml",
    ),
    Format("graphml", (".graphml", ".xml"), _is_xml, graphml.read, graphml.write),
    Format("gml", (".gml",), _starts(GML), gml.read, gml.write),
    Format("bif", (".bif",), _starts(BIF), why="BIF isn't supported yet"),
    Format("dagitty", (".dagitty",), _is_dagitty, dagitty.read, dagitty.write),
    Format("dot", (".dot", ".gv"), _starts(DOT), dot.read, dot.write),
    Format("lavaan", (".lavaan", ".lav"), lavaan.looks_like, lavaan.read, lavaan.write),
    Format("mermaid", (".mmd", ".mermaid"), write=mermaid.write, why="Mermaid is written alone"),
    Format("tikz", (".tikz", ".tex"), write=tikz.write, why="TikZ is written alone"),
    Format("edgelist", (".edgelist", ".edges"), write=edgelist.write, why="an edge list is written alone"),
    Format("dag", (".dag",), write=dag.write, why="our own language is read by causalgraph.load"),
)
FORMATS: dict[str, Format] = {row.name: row for row in ROWS}


def by_ending(path: str | PurePath) -> str | None:
    """Return the format that a file's ending names, or None where none does.

    >>> by_ending("model.gv"), by_ending("model.txt")
    ('dot', None)
    """
    ending = PurePath(path).suffix.lower()
    return next((row.name for row in ROWS if ending in row.endings), None)


def sniff(text: str, path: str | PurePath | None = None) -> str:
    """Return the name of the format that a text is in; what nothing speaks against is ours, ``dag``.

    The text counts before the ending of its file: other tools write dagitty's text into `.dag` files.

    >>> sniff("dag { x -> y }", "other.dag"), sniff("x -> y"), sniff("digraph { x -> y }")
    ('dagitty', 'dag', 'dot')
    """
    start = PREFACE.match(text.lstrip("\ufeff"))
    bare = text.lstrip("\ufeff")[start.end() if start else 0 :]
    for row in ROWS:
        if row.sniff is not None and row.sniff(bare):
            return row.name
    return (by_ending(path) if path is not None else None) or "dag"


def read(text: str | SourceText, form: str) -> Diagram:
    """Read a text in a format.

    Raises:
        ModelError: the format is unknown or can't be read (E021), the text is too large (E007) or isn't text (E009),
            or it doesn't keep to the format.

    >>> read("digraph { x -> y }", "dot").graph.edges
    (Edge(left='x', mark='->', right='y'),)
    """
    row = _format(form)
    if row.read is None:
        raise ModelError.because("E021", f"{form} can't be read", why=row.why, fix=row.fix or _can("read"))
    given = text if isinstance(text, SourceText) else SourceText(text)
    if len(given.text) > MAX_BYTES or len(given.text.encode("utf-8", "replace")) > MAX_BYTES:
        raise ModelError.because("E007", f"{given.name} is larger than {MAX_BYTES:,} bytes")
    plain = given.text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    source = SourceText(plain, given.name)
    alien = re.search("[\0\ud800-\udfff]", plain)
    if alien:
        place = Span(source, alien.start(), alien.end())
        raise ModelError.because(
            "E009", "this character doesn't belong in a text", fix="is the file binary?", span=place
        )
    return row.read(source)


def write(diagram: Diagram, form: str) -> Written:
    """Write a diagram in a format.

    Raises:
        ModelError: the format is unknown, or can't be written (E022).
    """
    row = _format(form)
    if row.write is None:
        raise ModelError.because("E022", f"{form} can't be written", why=row.why, fix=row.fix or _can("write"))
    return row.write(diagram)


def refuse_pickle(path: str | Path) -> None:
    """Refuse a file that starts as a pickle does, or is named like one, before it is read as text.

    A file that can't be opened is left to whoever reads it.

    Raises:
        ModelError: it is a pickle (E021).
    """
    row = FORMATS["pickle"]
    head = b""
    with contextlib.suppress(OSError), Path(path).open("rb") as file:
        head = file.read(2)
    if head in PICKLED or by_ending(path) == row.name:
        raise ModelError.because("E021", f"{path} is a Python pickle, which is never read", why=row.why, fix=row.fix)


def _format(name: str) -> Format:
    if name not in FORMATS:
        usable = [n for n, form in FORMATS.items() if form.read or form.write]
        near = did_you_mean(name, usable)
        fix = f"did you mean {near}?" if near else "use one of " + ", ".join(usable)
        raise ModelError.because("E021", f"no format is called {name[:40]!r}", fix=fix)
    return FORMATS[name]


def _can(verb: str) -> str:
    return f"formats that can be {'read' if verb == 'read' else 'written'}: " + ", ".join(
        name for name, row in FORMATS.items() if getattr(row, verb) is not None
    )
