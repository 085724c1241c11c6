"""Splitting: where a statement ends, and what happens where a bracket doesn't."""

from __future__ import annotations

from pathlib import Path

import pytest

from causalgraph.errors import ModelError, SourceText
from causalgraph.syntax.parser import Limits, parse_all
from causalgraph.syntax.splitter import read_text, split


def statements(text: str) -> list[str]:
    return [text[s.start : s.end] for s in split(SourceText(text)).statements]


GOLDEN = {
    "A -> B\nC": ["A -> B", "C"],
    "A; B ;; C": ["A", "B", "C"],
    "f(a;\nb)": ["f(a;\nb)"],
    'A "x;y" `b;\'c` # d; e': ['A "x;y" `b;\'c`'],
    'X [label="a # b"]': ['X [label="a # b"]'],
    'X [label="a \\" ; b"] ; Y': ['X [label="a \\" ; b"]', "Y"],
    "A # c\n\n  # d\n  -> B\nC": ["A # c\n\n  # d\n  -> B", "C"],
    "A;\n-> B": ["A", "-> B"],
    "A\no-> B\no -> C": ["A\no-> B", "o -> C"],
    "A\r\n<-> B\r\n": ["A\r\n<-> B"],
    "": [],
    "# only this": [],
}


@pytest.mark.parametrize(("text", "parts"), GOLDEN.items(), ids=map(repr, GOLDEN))
def test_golden_texts_split_where_they_should(text: str, parts: list[str]) -> None:
    assert statements(text) == parts


@pytest.mark.parametrize("operator", ["->", "<-", "<->", "--", "o->", "<-o", "o-o", "o--", "--o", *"+-*/|", "==", "<="])
def test_a_line_may_break_before_an_operator(operator: str) -> None:
    assert len(statements(f"A\n {operator} B\nC")) == 2


def test_an_unclosed_bracket_is_reported_where_it_opens_and_the_rest_still_parses() -> None:
    document, problems = parse_all("X : {a, b  # levels\nidentify(do(X), Y)\nX -> Y\nf(\nY [latent]\n")
    assert [(p.code, p.span and p.span.line) for p in problems] == [("E003", 1), ("E003", 4)]
    assert len(document.statements) == 3


def test_a_bracket_left_open_does_not_hide_what_is_wrong_further_down() -> None:
    problems = parse_all('X : {a, b\nA -> B\nY [label="z\nC -> D)\n')[1]
    assert [(p.code, p.span and p.span.line) for p in problems] == [("E003", 1), ("E004", 3), ("E003", 4)]


def test_a_wrong_closer_further_down_does_not_swallow_the_lines_between() -> None:
    document, problems = parse_all("X : {a, b\nY [latent]\nZ : binary\nate(X, Y))\nW : count")
    assert [(p.code, p.span and p.span.line) for p in problems] == [("E003", 1), ("E003", 4)]
    assert len(document.statements) == 3


def test_a_wrong_closer_at_the_start_of_its_line_is_told_with_what_it_should_close() -> None:
    (problem,) = parse_all("X : {\n  a,\n  b\n)\nW : count")[1]
    assert problem.what == "{ is closed by )"
    assert len(problem.labels) == 2


def test_a_comment_after_an_unclosed_bracket_is_found_once() -> None:
    found = split(SourceText("f(a # one\n# two\n# three"))
    assert [c.text for c in found.comments] == ["# one", "# two", "# three"]


def test_limits_are_settable_and_checked_before_parsing() -> None:
    assert [p.code for p in parse_all("A -> B", Limits(max_bytes=5))[1]] == ["E007"]
    assert [p.code for p in parse_all("é -> é", Limits(max_bytes=6))[1]] == ["E007"]
    assert [p.code for p in parse_all("x = ((1))\nA -> B", Limits(max_depth=1))[1]] == ["E008"]
    assert parse_all("x = ((1))\nA -> B", Limits(max_depth=2))[1] == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x = " + "(" * 10_000 + "1" + ")" * 10_000, "E008"),
        ("(\n" * 10_000, "E008"),
        ("x = 1" + " + 1" * 10_000, "E008"),
        ("x = " + "-" * 10_000 + "1", "E008"),
        ("{" * 100_000, "E008"),
        ("f(" + " " * 1_000_000 + "-> B", "E003"),
        ("A " * 40_000, "E002"),
        ("A " * 200_000, "E007"),
        ("9" * 1_000_000 + "x", "E006"),
        ("A-" * 200_000, "E008"),
        ("A -> \0", "E009"),
        ("A -> \ud800", "E009"),
        ("A" * 5_000_001, "E007"),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else value,
)
def test_hostile_texts_give_one_clear_error(text: str, code: str) -> None:
    _, problems = parse_all(text + "\nA -> B\n")
    assert problems[0].code == code
    assert len(str(problems[0])) < 2_000


def test_a_text_full_of_problems_is_given_up() -> None:
    for line in ("A B\n", "f(\n", "`\n"):
        problems = parse_all(line * 10_000)[1]
        assert len(problems) == 101
        assert "nothing was read from here on" in problems[-1].what


def test_files_of_any_system_are_read(tmp_path: Path) -> None:
    path = tmp_path / "m.dag"
    path.write_bytes("\ufeffé -> B\r\nC\rD".encode())
    assert read_text(path).text == "é -> B\nC\nD"
    assert read_text(path).name == str(path)


@pytest.mark.parametrize(
    ("data", "code", "part"),
    [
        (b"A -> B\n\xc3\xa9 -> \xff\n", "E009", "m.dag:2:6"),
        ("A -> B".encode("utf-16"), "E009", "UTF-16"),
        (b"A" * 101, "E007", "larger than 100 bytes"),
        (None, "E014", "No such file"),
    ],
)
def test_a_file_that_is_no_text_is_said_to_be(tmp_path: Path, data: bytes | None, code: str, part: str) -> None:
    path = tmp_path / "m.dag"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ModelError, match=part) as caught:
        read_text(path, max_bytes=100)
    assert caught.value.code == code
