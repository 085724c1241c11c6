"""Messages: the place, the line, the caret."""

import pickle

import pytest

from causalgraph.errors import DataError, Diagnostic, Label, ModelError, SourceText, Span, did_you_mean


def span(text, part):
    start = text.index(part)
    return Span(SourceText(text, "m.dag"), start, start + len(part))


def test_a_message_quotes_the_line_and_points_at_the_place():
    text = "A -> B\nB -> `C d`\n"
    shown = str(Diagnostic("E001", "what", (Label(span(text, "`C d`"), "here"),), "why", "fix"))
    assert shown.split("\n") == [
        "error[E001]: what",
        " --> m.dag:2:6",
        "2 | B -> `C d`",
        "  |      ^^^^^ here",
        "  = why: why",
        "  = fix: fix",
    ]


def test_several_places_stand_in_order_with_the_primary_one_marked():
    text = "A -> B\n\nB -> A\n"
    labels = (Label(span(text, "B -> A"), "closes"), Label(span(text, "A -> B"), "starts", primary=False))
    shown = str(Diagnostic("E104", "what", labels)).split("\n")
    assert shown[1] == " --> m.dag:3:1"
    assert shown[2:] == ["1 | A -> B", "  | ------ starts", "3 | B -> A", "  | ^^^^^^ closes"]


@pytest.mark.parametrize("text", ["\tA -> B", "A" * 5000 + " -> B", "\x1b[31mA -> B", "é́́ -> B", "→ -> B\r\n"])
def test_odd_lines_are_quoted_without_harm(text):
    shown = str(Diagnostic("E001", "what", (Label(span(text, "-> B")),)))
    assert "\x1b" not in shown
    assert max(map(len, shown.split("\n"))) < 200
    quoted, caret = shown.split("\n")[2:4]
    assert quoted[caret.index("^") :].startswith("-> B")


def test_a_place_at_the_end_of_the_text_is_shown():
    source = SourceText("A ->")
    assert "^" in str(Diagnostic("E006", "what", (Label(Span(source, 4, 4)),)))


def test_an_error_survives_pickling():
    error = DataError.because("E301", "no column", fix="rename it")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)
    assert (type(again), str(again), again.code) == (DataError, str(error), "E301")


def test_each_kind_of_error_has_its_exit_code():
    assert (ModelError().exit_code, DataError().exit_code) == (3, 4)


def test_the_nearest_name_is_offered_whatever_its_case():
    assert did_you_mean("spending", ["Spending", "Banner"]) == "Spending"
    assert did_you_mean("xyz", ["Spending"]) is None
