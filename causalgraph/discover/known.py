"""What a caller says is known, however it is said: `Knowledge`, a model, the path of a file, tiers and arrows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations, product
from pathlib import Path

from causalgraph.discover.declared import declared, named
from causalgraph.errors import ModelError
from causalgraph.graphs.knowledge import Knowledge
from causalgraph.syntax.including import parse_files
from causalgraph.syntax.parser import LIMITS
from causalgraph.syntax.splitter import read_text

__all__ = ["Pairs", "Tiers", "known", "merged", "read_knowledge"]

Tiers = Iterable[str | Iterable[str]]
Pairs = Iterable[Sequence[str]]

# The endings of files that hold rows, not a model.
OF_DATA = (".csv", ".tsv", ".parquet", ".arrow", ".feather", ".jsonl", ".ndjson", ".duckdb", ".gz", ".zst")
SAY = "pass a Knowledge, a model, or the path of a file with tier, forbid and require statements"


def known(knowledge: object, tiers: Tiers = (), forbidden: Pairs = (), required: Pairs = ()) -> Knowledge:
    """Return what is known, put together from all the ways in which it was said.

    Args:
        knowledge: a `Knowledge`, what has one, such as a model, the path of a model, or None.
        tiers: as in `Knowledge.of`, and so are the next two.
        forbidden: pairs.
        required: pairs.

    Raises:
        ModelError: something isn't what knowledge is (E130), or contradicts itself (E131); a file can't be read.

    >>> known(Knowledge.of(required=[("A", "B")]), forbidden=[("A", "C")])
    Knowledge(tiers=(), forbidden=(('A', 'C'),), required=(('A', 'B'),))
    """
    said = Knowledge.of(tiers, forbidden, required)
    if knowledge is None:
        return said
    if isinstance(knowledge, str | Path):
        return merged(read_knowledge(knowledge), said)
    held = getattr(knowledge, "knowledge", knowledge)
    if not isinstance(held, Knowledge):
        raise ModelError.because("E130", f"a {type(knowledge).__name__} isn't knowledge", fix=SAY)
    return merged(held, said)


def merged(one: Knowledge, other: Knowledge) -> Knowledge:
    """Return what both say together.

    Tiers of both aren't one order of tiers: those of the other come in as the arrows that they rule out.

    Raises:
        ModelError: they contradict one another (E131).
    """
    tiers, forbidden = one.tiers or other.tiers, (*one.forbidden, *other.forbidden)
    if one.tiers and other.tiers and one.tiers != other.tiers:
        before = [pair for early, late in combinations(other.tiers, 2) for pair in product(early, late)]
        for early, late in before:
            if one.leads_back(early, late):
                what = f"the knowledge contradicts itself: {early} stands both before and after {late}"
                raise ModelError.because("E131", what, why="two orders of tiers were given", fix="drop one of them")
        forbidden = (*forbidden, *((late, early) for early, late in before))
    return Knowledge.of(tiers, forbidden, (*one.required, *other.required))


def read_knowledge(path: str | Path) -> Knowledge:
    """Read the tier, forbid and require statements of a `.dag` file; its edges aren't taken as knowledge.

    Raises:
        ModelError: the file can't be read, holds data (E130), or has problems: all of them.
    """
    place = Path(path)
    if place.suffix.lower() in OF_DATA:
        raise ModelError.because("E130", f"{place} looks like data, not a model", fix=SAY)
    source = read_text(place)
    document, problems = parse_files(source, place.parent, LIMITS)
    if problems and not document.statements and _is_table(source.text):
        raise ModelError.because("E130", f"{place} looks like data, not a model", fix=SAY)
    told = declared(document.statements, {name.text for name in named(document.statements)})
    if problems or told.problems:
        raise ModelError(*problems, *told.problems)
    return told.knowledge


def _is_table(text: str) -> bool:
    """Whether the first rows have as many commas, semicolons or tabs each, and one at least."""
    rows = text.splitlines()[:3]
    return any(len(counts := {row.count(sign) for row in rows}) == 1 and counts != {0} for sign in ",;\t")
