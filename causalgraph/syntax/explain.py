"""Why a statement doesn't parse, in the words of the language rather than of its grammar."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property

from causalgraph.errors import Diagnostic, Label, SourceText, Span

__all__ = ["Failure", "bad_name", "equals", "explain", "short"]

WORD = r"""(?:`[^`\n]*`|"[^"\n]*"|[A-Za-z0-9_\x80-\U0010FFFF]+)"""
QUOTED = re.compile(r'"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"|`[^`\n]*`|\#[^\n]*')
WORDS_IN_A_ROW = re.compile(rf"{WORD}(?:\s+{WORD})+")
BARE_PATH = re.compile(r"(?P<word>include|data)\s+(?P<path>[\w/~:\\-]*+[./\\][\w./\\-]*)")
NAMED_TIER = re.compile(rf"tier\s+(?P<name>(?!\d){WORD})\s*:")
BARE_TIER = re.compile(rf"tier\s+(?P<names>{WORD}(?:\s*,\s*{WORD})*)\s*\Z")
MISSPELT = re.compile(rf"(?P<word>forbidden|forbids|required|requires|tiers)\s+{WORD}")
COMPOUND = re.compile(r"\w+(?:[-.]\w+)+")
NUMBER_LIKE = re.compile(r"\.?[0-9][\w.]*")
WRONG_ARROW = re.compile(r"<?(?:-{2,}|[=~]+)>+|->>+|<-{2,}|<[=~]{2,}|<~|-{3,}")
UNSPACED_CIRCLE = re.compile(
    r"""(?P<left>[\w`"{}]*?) (?P<before>\s*) (?P<mark>o->|o--|o-o|<-o|--o) (?P<after>\s*) (?P<right>[\w`"{}]*)""",
    re.VERBOSE,
)
LEVELS = re.compile(r":\s*(?:ordinal\s*)?\{[^}]*\Z")
MARKS_ARE = "a mark is -> <- <-> or --, or with a circle o-> <-o o-o o-- --o"
OPERATORS = ("-", "+", "*", "/", "|", "<", ">", " o")

# How far around the place of a problem its reason is looked for: a bound on the work, far beyond any line.
WINDOW = 300
WIDEST = 60

# How a structural equation starts, and one whose `:=` is written `=`.
EQUATION = re.compile(rf"{WORD}\s*(?::=|~(?![~>]))")
EQUALS = re.compile(rf"{WORD}\s*(?P<sign>=)(?![=>])")
ONLY_IN_EQUATIONS = re.compile(r"\*\*|\^|\?|[<>]|[=!]=")
# What people type, or a word processor makes of it -> what the language reads.
ARROWS = dict.fromkeys("→⟶⇒⟹➔➜⇾", "->") | dict.fromkeys("←⟵⇐⟸", "<-") | dict.fromkeys("↔⟷⇔⟺", "<->")
LOOK_ALIKES = (
    dict.fromkeys("“”„«»″", '"')
    | dict.fromkeys("‘’‚′´", "`")
    | dict.fromkeys("−–‐‑‒", "-")
    | dict.fromkeys("\u00a0\u2007\u2009\u200a\u202f\u3000", "a plain space")
    | {"—": "--", "≤": "<=", "≥": ">=", "≠": "!=", "×": "*", "÷": "/", "∣": "|", "∼": "~"}
    | {"，": ",", "；": ";", "：": ":", "（": "(", "）": ")", "｛": "{", "｝": "}", "［": "[", "］": "]"}
)
FOREIGN = re.compile("[" + re.escape("".join(ARROWS | LOOK_ALIKES)) + "]")

# What the grammar may expect -> how a person says it, in the order in which it is said.
EXPECTED = {
    "NAME": "a name",
    "NUMBER": "a number",
    "STRING": "a quoted string",
    "MARK": "an arrow such as `->`",
    "COLON": "`:`",
    "EQUAL": "`=`",
    "DEFINE": "`:=`",
    "TILDE": "`~`",
    "PLUS": "an operator",
    "COMPARE": "a comparison such as `==`",
    "LESS": "`<`",
    "IN": "`in`",
    "COMMA": "`,`",
    "VBAR": "`|`",
    "LPAR": "`(`",
    "LSQB": "`[`",
    "LBRACE": "`{`",
    "RPAR": "`)`",
    "RSQB": "`]`",
    "RBRACE": "`}`",
    "$END": "the end of the statement",
}


@dataclass(frozen=True)
class Failure:
    """A statement that doesn't parse: where it stands, where the parser stopped, what it could have gone on with."""

    source: SourceText
    start: int
    end: int
    stop: int
    expected: AbstractSet[str]

    @cached_property
    def masked(self) -> str:
        """The statement's text with whatever is quoted, or is a comment, replaced by ``_`` or by blanks."""
        return QUOTED.sub(_mask, self.source.text[self.start : self.end])

    def around(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Return the match, in the masked text, that the parser stopped in."""
        place = self.stop - self.start
        nearby = pattern.finditer(self.masked, max(0, place - WINDOW), place + WINDOW)
        return next((m for m in nearby if m.start() <= place < m.end()), None)

    def span(self, found: re.Match[str], group: int | str = 0) -> Span:
        """Return the place in the source of a match in the masked text."""
        return Span(self.source, self.start + found.start(group), self.start + found.end(group))


def _mask(found: re.Match[str]) -> str:
    text = found.group()
    return " " * len(text) if text[0] == "#" else text[0] + "_" * (len(text) - 2) + text[-1]


def short(text: str) -> str:
    """Cut a text that is too long to be quoted in a message."""
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


def explain(failure: Failure) -> Diagnostic:
    """Say what is wrong with a statement, by the first of `RULES` that knows."""
    for rule in RULES:
        found = rule(failure)
        if found is not None:
            return found
    return _unexpected(failure)


def bad_name(name: str, span: Span) -> Diagnostic:
    """Say why a word that stands without backticks isn't a name."""
    name = short(name)
    return _foreign(span) or Diagnostic(
        "E006",
        f"{name} isn't a name",
        (Label(span),),
        "a name without backticks has letters, digits and _ only",
        f"write `{name}` in backticks",
    )


def _foreign(span: Span) -> Diagnostic | None:
    """Point at the first character of a stretch that looks like one of the language's own."""
    found = FOREIGN.search(span.source.text, span.start, span.end)
    if found is None:
        return None
    sign, label = found.group(), (Label(Span(span.source, *found.span())),)
    if sign in ARROWS:
        what = f"{sign} isn't an arrow of this language"
        return Diagnostic("E001", what, label, MARKS_ARE, f"write `{ARROWS[sign]}`")
    wanted = LOOK_ALIKES[sign]
    shown = wanted if " " in wanted else f"`{wanted}`" if wanted != "`" else "a backtick"
    what = f"{sign!r} (U+{ord(sign):04X}) isn't a sign of this language"
    return Diagnostic("E006", what, label, fix=f"write {shown}")


def _bare_path(failure: Failure) -> Diagnostic | None:
    found = BARE_PATH.match(failure.masked)
    if found is None:
        return None
    return Diagnostic(
        "E006",
        "the name of a file stands in double quotes",
        (Label(failure.span(found, "path")),),
        "without quotes it would be read as the name of a variable",
        f'write {found["word"]} "{short(found["path"])}"',
    )


def _named_tier(failure: Failure) -> Diagnostic | None:
    found = NAMED_TIER.match(failure.masked)
    if found is None:
        return None
    return Diagnostic(
        "E013",
        f"{short(failure.span(found, 'name').text)} isn't the number of a tier",
        (Label(failure.span(found, "name")),),
        "the numbers of tiers are their order in time",
        "number tiers by whole numbers: tier 1: A, B",
    )


def _bare_tier(failure: Failure) -> Diagnostic | None:
    found = BARE_TIER.match(failure.masked)
    if found is None or failure.masked[found.start("names")].isdigit():
        return None
    names = failure.span(found, "names")
    why, fix = "the numbers of tiers are their order in time", f"write tier 1: {short(names.text)}"
    return Diagnostic("E013", "a tier needs a number", (Label(names),), why, fix)


def _misspelt(failure: Failure) -> Diagnostic | None:
    found = MISSPELT.match(failure.masked)
    if found is None or failure.stop - failure.start > found.end():
        return None
    meant = next(word for word in ("forbid", "require", "tier") if found["word"].startswith(word))
    fix = f"write {meant}"
    return Diagnostic("E002", "two names in a row", (Label(failure.span(found)),), "a name ends at a space", fix)


def _foreign_sign(failure: Failure) -> Diagnostic | None:
    found = failure.around(WORDS_IN_A_ROW) or failure.around(re.compile(WORD))
    return found and _foreign(failure.span(found))


def equals(span: Span) -> Diagnostic:
    """Say that an equation's `=` is that of a named question; `span` is the sign."""
    return Diagnostic(
        "E001",
        "`=` names the answer to a question, and what follows is an equation",
        (Label(span),),
        "an equation says how a variable comes about",
        "write `:=`",
    )


def _equals(failure: Failure) -> Diagnostic | None:
    found = EQUALS.match(failure.masked)
    if found is None or not ONLY_IN_EQUATIONS.match(failure.masked, failure.stop - failure.start):
        return None
    return equals(failure.span(found, "sign"))


# Signs that mean nothing in an equation: what to say, and what to write.
NO_OPERATORS = {
    "^": ("^ isn't an operator of this language", "write `**` for a power"),
    "<-": ("<- is an arrow, and this is an equation", "write `< -`, with a space"),
}


def _no_operator(failure: Failure) -> Diagnostic | None:
    place = failure.stop - failure.start
    sign = next((sign for sign in NO_OPERATORS if failure.masked.startswith(sign, place)), None)
    if sign is None or EQUATION.match(failure.masked) is None:
        return None
    what, fix = NO_OPERATORS[sign]
    return Diagnostic("E001", what, (Label(Span(failure.source, failure.stop, failure.stop + len(sign))),), fix=fix)


def _missing_brackets(failure: Failure) -> Diagnostic | None:
    found = failure.around(WORDS_IN_A_ROW) if EQUATION.match(failure.masked) else None
    if found is None:
        return None
    first, *rest = re.findall(WORD, failure.span(found).text)
    return Diagnostic(
        "E002",
        "two words in a row",
        (Label(failure.span(found)),),
        "between the parts of an equation stands an operator, and what a function takes stands in brackets",
        f"write {first}({', '.join(rest)}) or {first}*{rest[0]}; one name of several words stands in backticks",
    )


def _wrong_arrow(failure: Failure) -> Diagnostic | None:
    found = failure.around(WRONG_ARROW)
    if found is None:
        return None
    written = found.group()
    meant = "<" * written.startswith("<") + "-" + ">" * written.endswith(">")
    meant = "--" if meant == "-" else meant
    what = f"{written} isn't an arrow of this language"
    return Diagnostic("E001", what, (Label(failure.span(found)),), MARKS_ARE, f"write `{meant}`")


def _unspaced_circle(failure: Failure) -> Diagnostic | None:
    found = failure.around(UNSPACED_CIRCLE)
    if found is None or (found["before"] and found["after"]):
        return None
    mark, left, right = found["mark"], failure.span(found, "left").text, failure.span(found, "right").text
    readings = [f"`{left} {mark} {right}`"]
    if mark == "o-o":
        readings += [f"`{left}o-o{right}` in backticks, if it is one name"] * bool(left and right)
    elif mark.startswith("o") and left and not found["before"]:
        readings.append(f"`{left}o {mark[1:]} {right}`")
    elif mark.endswith("o") and right and not found["after"]:
        readings.append(f"`{left} {mark[:-1]} o{right}`")
    return Diagnostic(
        "E005",
        f"{found.group().strip()} can be read in two ways",
        (Label(failure.span(found)),),
        "a circle mark needs a space on both sides, since `o` is also a letter",
        "write " + ", or ".join(readings),
    )


def _single_quote(failure: Failure) -> Diagnostic | None:
    found = failure.around(re.compile("'"))
    fix = 'use double quotes ("...") for a text, and backticks (`...`) for a name'
    return found and Diagnostic("E006", "' isn't a quote of this language", (Label(failure.span(found)),), fix=fix)


def _bad_number(failure: Failure) -> Diagnostic | None:
    found = failure.around(NUMBER_LIKE)
    if found is None or re.fullmatch(r"[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+", found.group()):
        return None
    return Diagnostic(
        "E013",
        f"{found.group()} isn't a number",
        (Label(failure.span(found)),),
        fix=f"write digits, such as 0.05 or 1e-3; if it is a name, write `{found.group()}` in backticks",
    )


def _words_in_a_row(failure: Failure) -> Diagnostic | None:
    found = failure.around(WORDS_IN_A_ROW)
    if found is None or not failure.masked[found.start() : failure.stop - failure.start].strip():
        return None
    span = failure.span(found)
    one = " ".join(word.strip('`"') for word in re.findall(WORD, span.text))
    return Diagnostic(
        "E002",
        "two names in a row",
        (Label(span),),
        "a name ends at a space",
        f"if this is one name, write {_as_one(failure, found, one)}; if not, put an arrow or a comma between",
    )


def _compound_word(failure: Failure) -> Diagnostic | None:
    found = failure.around(COMPOUND)
    if found is None:
        return None
    return Diagnostic(
        "E006",
        f"{found.group()} isn't one name",
        (Label(failure.span(found)),),
        "a name without backticks has letters, digits and _ only",
        f"write {_as_one(failure, found, found.group())}",
    )


def _as_one(failure: Failure, found: re.Match[str], text: str) -> str:
    """Say how several words are written as one: in quotes among attributes and levels, else in backticks."""
    before = failure.masked[: found.start()]
    quotes = before.count("[") > before.count("]") or LEVELS.search(before)
    return f'"{text}" in quotes' if quotes else f"`{text}` in backticks"


def _unexpected(failure: Failure) -> Diagnostic:
    place = failure.stop - failure.start
    word = re.compile(rf"{WORD}|<->|->|<-|--|[=!<>]=|.", re.DOTALL).match(failure.masked, place)
    wanted = [words for terminal, words in EXPECTED.items() if terminal in failure.expected]
    listed = ", ".join(wanted[:-1]) + (" or " if len(wanted) > 1 else "") + wanted[-1] if wanted else "nothing"
    if word is None:
        at_end = Label(Span(failure.source, failure.end, failure.end))
        fix = None
        if failure.masked.rstrip().endswith(OPERATORS):
            fix = "a line may break before an operator, not after it: start the next line with it"
        return Diagnostic("E006", f"the statement ends too early; expected {listed}", (at_end,), fix=fix)
    span = failure.span(word)
    return Diagnostic("E006", f"unexpected {short(span.text)}; expected {listed}", (Label(span),))


# The order counts: what is more particular comes first.
RULES = (
    _bare_path,
    _named_tier,
    _bare_tier,
    _misspelt,
    _foreign_sign,
    _equals,
    _no_operator,
    _missing_brackets,
    _wrong_arrow,
    _unspaced_circle,
    _single_quote,
    _bad_number,
    _words_in_a_row,
    _compound_word,
)
