"""Documents as plain and as coloured text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalgraph.answers import Document, Line, Math, Table, Word, line
from causalgraph.render.text import coloured, columns, plain, printable
from causalgraph.render.theme import LOOKS

ANSI = re.compile(r"\x1b\[[0-9;]*m")

words = st.builds(Word, st.text(max_size=12), st.sampled_from(sorted(LOOKS)))
lines = st.builds(Line, st.lists(words, max_size=6).map(tuple), st.integers(0, 3))
tables = st.builds(
    Table,
    st.lists(st.text(max_size=6), max_size=3).map(tuple),
    st.lists(st.lists(st.one_of(st.text(max_size=6), words), max_size=4).map(tuple), max_size=4).map(tuple),
    st.frozensets(st.integers(0, 3)),
    st.integers(0, 2),
)
documents = st.builds(Document, st.lists(st.one_of(lines, tables), max_size=5).map(tuple))


def test_depth_indents_by_two_spaces():
    assert plain(Document((line("a"), line("b", depth=1), line("c", depth=2)))) == "a\n  b\n    c"


def test_an_empty_line_stays_an_empty_line():
    assert plain(Document((line("a"), line(depth=2), line("b")))) == "a\n\nb"


def test_a_formula_is_its_text():
    assert plain(Document((line(Math("Σ_z P(z)", r"\sum_z P(z)")),))) == "Σ_z P(z)"


@pytest.mark.parametrize(("style", "shown"), [("good", "✔ so"), ("bad", "✘ so"), ("warn", "⚠ so"), ("causal", "so")])
def test_a_verdict_carries_its_sign_without_colour(style, shown):
    assert plain(Document((line(Word("so", style)),))) == shown


def test_a_space_after_a_verdict_is_kept():
    assert plain(Document((line(Word("yes ", "good"), "indeed"),))) == "✔ yes indeed"


def test_a_table_is_aligned_by_what_a_terminal_shows():
    table = Table(
        ("name", "n"),
        (("因果", "5"), ("e\u0301", "1,000"), (Word("ok", "good"), "20")),
        numeric=frozenset({1}),
        depth=1,
    )
    assert plain(Document((table,))).split("\n") == [
        "  name      n",
        "  ────  ─────",
        "  因果      5",
        "  e\u0301     1,000",
        "  ✔ ok     20",
    ]


def test_a_table_without_a_header_has_no_rule():
    assert plain(Document((Table((), (("a", "bb"), ("ccc", "d"))),))) == "a    bb\nccc  d"


def test_a_line_wraps_at_spaces_and_hangs():
    text = plain(Document((line("one two three ", Word("four", "strong"), " five", depth=1),)), width=12)
    assert text == "  one two\n    three\n    four\n    five"


def test_words_that_touch_stay_together():
    assert plain(Document((line("aaaa (", Word("b", "name"), ")"),)), width=6) == "aaaa\n  (b)"


@pytest.mark.parametrize("bad", ["\x1b[31m", "a\rb", "\x9b31m", "\u202eabc", "\ud800", "\u2028", "\n", "\x00"])
def test_nothing_in_a_name_disturbs_the_terminal(bad):
    document = Document((line(Word(bad, "name"), Math(bad, "")), Table((bad,), ((bad, Word(bad)),))))
    for text in (plain(document), ANSI.sub("", coloured(document))):
        assert all(c.isprintable() for c in text.replace("\n", ""))
        assert text.count("\n") == 3
        text.encode()


def test_joiners_within_words_are_kept():
    assert printable("👩\u200d🔬 می\u200cخواهم") == "👩\u200d🔬 می\u200cخواهم"


@given(documents)
def test_colour_adds_nothing_but_colour(document):
    assert ANSI.sub("", coloured(document)) == plain(document)


@given(documents, st.integers(1, 40))
def test_no_line_ends_in_a_space(document, width):
    for text in (plain(document), plain(document, width)):
        assert not any(row.endswith(" ") for row in text.split("\n"))


@given(lines, st.integers(1, 40))
def test_wrapping_loses_no_word(block, width):
    document = Document((block,))
    assert plain(document, width).split() == plain(document).split()


@given(st.lists(st.text("ab ", max_size=6), max_size=8), st.integers(12, 40))
def test_a_wrapped_line_fits(parts, width):
    rows = plain(Document((line(*(f"{p} " for p in parts), depth=1),)), width).split("\n")
    longest = max((len(word) for part in parts for word in part.split()), default=0)
    assert all(columns(row) <= max(width, longest + 4) for row in rows)
