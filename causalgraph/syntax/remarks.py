"""What is allowed but looks like a slip: names that look alike, variables that nothing uses, edges written twice.

Every remark is a diagnostic of severity ``warning`` with a place; none of them stops anything.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product

from causalgraph.errors import Diagnostic, Label, Span
from causalgraph.syntax import tree
from causalgraph.syntax.equations import Design, Equation, names_in

__all__ = ["MAX_REMARKS", "remarks"]

# More of one kind say nothing new.
MAX_REMARKS = 20

# Letters of Greek and Cyrillic that look like a Latin one: a small table of Unicode's list of confusables.
LOOK_ALIKES = {
    "GREEK": dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧνορυϲϳ", "ABEZHIKMNOPTYXvopucj", strict=True)),
    "CYRILLIC": dict(zip("АВЕЅІЈКМНОРСТУХаеорсухѕіјһԁԛԝ", "ABESIJKMHOPCTYXaeopcyxsijhdqw", strict=True)),
}
LATIN = {letter: latin for table in LOOK_ALIKES.values() for letter, latin in table.items()}
FLIP = {"<-": "->", "<-o": "o->", "--o": "o--"}
SYMMETRIC = ("<->", "--", "o-o")


@dataclass
class _Seen:
    """What a document mentions: each name's first place; which names are declared, joined, asked about, known of."""

    first: dict[str, Span] = field(default_factory=dict)
    declared: dict[str, Span] = field(default_factory=dict)
    joined: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    edges: list[tuple[tuple[str, str, str], Span]] = field(default_factory=list)


def remarks(document: tree.Document) -> tuple[Diagnostic, ...]:
    """Return what looks like a slip, in the order of the rules.

    >>> from causalgraph.syntax.parser import parse
    >>> [r.code for r in remarks(parse("Age -> Pay; age -> Pay; Sex : binary"))]
    ['W102', 'W105']
    """
    seen = _Seen()
    for statement in document.statements:
        _note(seen, statement)
    return tuple(remark for rule in RULES for remark in _some(rule(seen)))


def _some(found: Iterator[Diagnostic]) -> list[Diagnostic]:
    return [remark for remark, _ in zip(found, range(MAX_REMARKS), strict=False)]


def _note(seen: _Seen, statement: tree.Statement) -> None:
    """Take down the names of a statement."""
    match statement:
        case tree.Declaration(name) if name.span:
            seen.first.setdefault(name.text, name.span)
            seen.declared.setdefault(name.text, name.span)
        case tree.EdgeStatement(sides, marks):
            for name in (name for side in sides for name in side):
                seen.joined.add(name.text)
                if name.span:
                    seen.first.setdefault(name.text, name.span)
            for left, mark, right in zip(sides, marks, sides[1:], strict=False):
                for a, b in product(left, right):
                    if a.span and b.span:
                        seen.edges.append((_canonical(a.text, mark, b.text), a.span.to(b.span)))
        case Equation() | Design():
            _note_structure(seen, statement)
        case tree.Tier() | tree.Known():
            sides = (statement.names,) if isinstance(statement, tree.Tier) else statement.sides
            _note_known(seen, (name for side in sides for name in side))
        case tree.QueryStatement(query) | tree.Named(_, query) | tree.Expect(query):
            seen.asked.update(_names(query))


def _note_structure(seen: _Seen, statement: Equation | Design) -> None:
    if isinstance(statement, Equation):
        for name in (statement.name, *names_in(statement.expression)):
            seen.joined.add(name.text)
            if name.span:
                seen.first.setdefault(name.text, name.span)
        return
    told = (*statement.arguments, *(setting.value for setting in statement.settings))
    seen.asked.update(name.text for part in told for name in names_in(part))


def _note_known(seen: _Seen, names: Iterable[tree.Name]) -> None:
    for name in names:
        seen.known.add(name.text)
        if name.span:
            seen.first.setdefault(name.text, name.span)


def _canonical(left: str, mark: str, right: str) -> tuple[str, str, str]:
    """Write an edge the one way in which equal edges are equal."""
    if mark in FLIP:
        return right, FLIP[mark], left
    return (right, mark, left) if mark in SYMMETRIC and right < left else (left, mark, right)


def _names(expression: tree.Expr) -> Iterator[str]:
    """Yield every name of an expression that may be a variable."""
    waiting: list[tree.Expr] = [expression]
    while waiting:
        match waiting.pop():
            case tree.Name(text):
                yield text
            case tree.SetLiteral(items):
                waiting += items
            case tree.Assign(name, value):
                waiting += (name, value)
            case tree.Subscript(name, items):
                waiting += (name, *items)
            case tree.Call(_, arguments, given):
                waiting += (*arguments, *(given or ()))
            case tree.Negate(operand):
                waiting.append(operand)
            case tree.Binary(_, left, right):
                waiting += (left, right)


def _warn(code: str, what: str, span: Span, why: str, fix: str, *others: Label) -> Diagnostic:
    return Diagnostic(code, what, (Label(span), *others), why, fix, "warning")


def _scripts(name: str) -> set[str]:
    """Return which of the scripts that are easily confused a name's letters come from."""
    heads = {unicodedata.name(c, "").split(" ")[0] for c in name if not c.isascii()}
    latin = {"LATIN"} if any(c.isascii() and c.isalpha() for c in name) else set()
    return (heads & {"LATIN", *LOOK_ALIKES}) | latin


def _skeleton(name: str) -> str:
    """Return what a name looks like: compatibility forms and foreign look-alikes made plain."""
    plain = unicodedata.normalize("NFKC", name)
    return "".join(LATIN.get(c, c) for c in plain)


def _look_alikes(seen: _Seen) -> Iterator[Diagnostic]:
    """W101: two names that look the same, or one that mixes scripts by a letter that looks like another's."""
    by_look: dict[str, list[str]] = {}
    for name in seen.first:
        by_look.setdefault(_skeleton(name), []).append(name)
    for twin, *others in by_look.values():
        for name in others:
            yield _warn(
                "W101",
                f"{name} looks like {twin}, but is another name",
                seen.first[name],
                f"{_difference(name, twin)}: what looks like one variable is two",
                f"write one of them; if they are two variables, rename one ({twin}_2)",
                Label(seen.first[twin], "the other one", primary=False),
            )
        strange = next((c for c in twin if c in LATIN), None)
        if strange and not others and len(_scripts(twin)) > 1:
            yield _warn(
                "W101",
                f"{twin} mixes scripts",
                seen.first[twin],
                f"its {_character(strange)} looks like the Latin {LATIN[strange]}",
                "write the name in one script",
            )


def _difference(name: str, twin: str) -> str:
    pairs = [(a, b) for a, b in zip(name, twin, strict=False) if a != b]
    return f"{_character(pairs[0][0])} against {_character(pairs[0][1])}" if pairs else "they differ in length"


def _character(sign: str) -> str:
    return f"{sign} (U+{ord(sign):04X}, {unicodedata.name(sign, 'unnamed').lower()})"


def _unused(seen: _Seen) -> Iterator[Diagnostic]:
    """W102: a declared variable that no edge, no question and no knowledge mentions.

    A file of knowledge without edges is made for discovery: its declarations say which variables there are.
    """
    if seen.known and not seen.joined:
        return
    for name, span in seen.declared.items():
        if name not in seen.joined | seen.asked | seen.known:
            yield _warn(
                "W102",
                f"{name} is declared, but no edge and no question mentions it",
                span,
                "it changes no answer; often its name is written in another way elsewhere",
                f"draw its edges, or drop the declaration of {name}",
            )


def _isolated(seen: _Seen) -> Iterator[Diagnostic]:
    """W103: a variable that is asked about, but that no edge joins to another."""
    for name, span in seen.declared.items():
        if name not in seen.joined and name in seen.asked:
            yield _warn(
                "W103",
                f"no edge joins {name} to another variable",
                span,
                "the model says that it has nothing to do with any other variable",
                f"draw its edges, if it has any ({name} -> ...)",
            )


def _twice(seen: _Seen) -> Iterator[Diagnostic]:
    """W104: an edge that is written twice."""
    first: dict[tuple[str, str, str], Span] = {}
    for edge, span in seen.edges:
        earlier = first.setdefault(edge, span)
        if earlier is not span:
            yield _warn(
                "W104",
                "this edge is written twice",
                span,
                "the second changes nothing; perhaps another edge was meant",
                "drop one of the two",
                Label(earlier, "first here", primary=False),
            )


def _case(seen: _Seen) -> Iterator[Diagnostic]:
    """W105: two names that differ only in case."""
    by_case: dict[str, str] = {}
    for name, span in seen.first.items():
        twin = by_case.setdefault(name.casefold(), name)
        if twin != name and _skeleton(twin) != _skeleton(name):
            yield _warn(
                "W105",
                f"{name} and {twin} differ only in case",
                span,
                "they are two variables",
                f"if they are one, write {twin} in both places",
                Label(seen.first[twin], "the other one", primary=False),
            )


RULES: tuple[Callable[[_Seen], Iterator[Diagnostic]], ...] = (_look_alikes, _unused, _isolated, _twice, _case)
