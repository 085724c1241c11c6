"""The formatter: one way to write a file, nothing lost."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from causalgraph.errors import ModelError, SourceText
from causalgraph.syntax.formatter import fmt
from causalgraph.syntax.parser import parse, parse_all
from causalgraph.syntax.splitter import split
from syntax.texts import files

GOLDEN = {
    "canonical spacing": ("A->B,C", "A -> B, C\n"),
    "levels and attributes": ('X:{a,"b c" ,3}[label="x",cost=3.0]', 'X : {a, "b c", 3} [label="x", cost=3]\n'),
    "ordinal": ("X:ordinal{low<mid}", "X : ordinal {low < mid}\n"),
    "semicolons split": ("A -> B; B -> C ;", "A -> B\nB -> C\n"),
    "quotes become backticks": ('"Lung cancer" -> `X`', "`Lung cancer` -> X\n"),
    "backticks kept where the word is a header": ("`dag`; `dag` -> X", "`dag`\ndag -> X\n"),
    "backticks kept where the word is none": (
        "expect adjustment_sets(X, Y) == `none`",
        "expect adjustment_sets(X, Y) == `none`\n",
    ),
    "continuation lines join": ("E(Y | do(X=1))\n  - E(Y | do(X=0))", "E(Y | do(X=1)) - E(Y | do(X=0))\n"),
    "comments within a statement move above it": (
        "A\n  # why\n  -> B  # so",
        "# why\nA -> B  # so\n",
    ),
    "one blank line stays, more shrink": ("\n\nA\n\n\n\nB\nC\n\n", "A\n\nB\nC\n"),
    "comments stay where they are": ("# top\n\nA # a\n# b\nB", "# top\n\nA  # a\n# b\nB\n"),
    "a fan in braces is a fan": ("{A, B} -> C", "A, B -> C\n"),
    "data": (
        'data "x.csv"{Y="total $",weight=count,na=-9}',
        'data "x.csv" { Y = "total $", weight = count, na = -9 }\n',
    ),
    "arithmetic keeps the brackets it needs": (
        "x = (P(A) + P(B)) * (2 - (3 - 4)) / -(P(C) * 2)",
        "x = (P(A) + P(B)) * (2 - (3 - 4)) / -(P(C) * 2)\n",
    ),
    "two signs stay two": ("x = - -A", "x = - -A\n"),
    "the word none in a sum that is compared to": ("expect f() == (none) + 1", "expect f() == (none + 1)\n"),
    "a variable called expect": ("{expect} o-> X", "expect o-> X\n"),
    "the empty file": ("", ""),
    "line ends of other systems": ("A -> B # c\r\nC\r\n", "A -> B  # c\nC\n"),
}


@pytest.mark.parametrize(("written", "canonical"), GOLDEN.values(), ids=GOLDEN.keys())
def test_golden_texts_are_formatted_as_written_down(written: str, canonical: str) -> None:
    assert fmt(written) == canonical
    assert fmt(canonical) == canonical


@given(files())
@settings(max_examples=200, deadline=None)
def test_formatting_changes_no_meaning_loses_no_comment_and_is_idempotent(text: str) -> None:
    document, problems = parse_all(text)
    assume(not problems)
    once = fmt(text)
    assert parse(once) == document
    assert fmt(once) == once
    assert comments_of(once) == comments_of(text)


def comments_of(text: str) -> list[str]:
    return [comment.text for comment in split(SourceText(text)).comments]


@given(st.data())
@settings(max_examples=10, deadline=None)
def test_most_drawn_files_parse_so_that_the_properties_mean_something(data: st.DataObject) -> None:
    drawn = [data.draw(files()) for _ in range(8)]
    assert any(not parse_all(text)[1] for text in drawn)


@pytest.mark.parametrize("text", ["A --> B", "X := 3^2", "A -> (B"])
def test_what_does_not_parse_is_not_formatted(text: str) -> None:
    with pytest.raises(ModelError):
        fmt(text)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ('tier 01:A,"B c"', "tier 1: A, `B c`"),
        ("forbid {A,B}->C<-D", "forbid A, B -> C <- D"),
        ("require require->tier # why", "require require -> tier  # why"),
        ("forbid A\n  -> B", "forbid A -> B"),
    ],
)
def test_knowledge_has_one_way_to_be_written(written: str, canonical: str) -> None:
    assert fmt(written) == canonical + "\n"
    assert fmt(canonical) == canonical + "\n"
