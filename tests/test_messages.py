"""Every message that the language and its command line promise: code, place, caret, why, fix, exit code."""

import os
import subprocess
import sys

import pytest

import causalgraph as cg
from causalgraph.errors import SourceText

SHOP = """\
Mood : continuous [latent]
Banner : binary
Engagement : {low, high}
Banner -> Spending
Engagement -> Banner, Spending
Mood -> Spending
"""

# What is written -> the whole message.
GOLDEN = {
    "A --> B": """\
error[E001]: --> isn't an arrow of this language
 --> banner.dag:1:3
1 | A --> B
  |   ^^^
  = why: a mark is -> <- <-> or --, or with a circle o-> <-o o-o o-- --o
  = fix: write `->`""",
    "Prior engagement -> B": """\
error[E002]: two names in a row
 --> banner.dag:1:1
1 | Prior engagement -> B
  | ^^^^^^^^^^^^^^^^
  = why: a name ends at a space
  = fix: if this is one name, write `Prior engagement` in backticks; if not, put an arrow or a comma between""",
    "X : binry": """\
error[E010]: unknown kind binry
 --> banner.dag:1:5
1 | X : binry
  |     ^^^^^
  = why: the kind says which values a variable takes, and so how it is counted
  = fix: did you mean binary? Kinds are binary, count, continuous, {a, b, c}, ordinal {low < mid < high}""",
    "X [expsure]": """\
error[E011]: unknown attribute expsure
 --> banner.dag:1:4
1 | X [expsure]
  |    ^^^^^^^
  = why: an attribute that isn't known would be lost in silence
  = fix: did you mean exposure? (a variable has label, unit, latent, selected, exposure, outcome, pos, cost)""",
    "A -> B\nB -> A": """\
error[E104]: A -> B and B -> A contradict each other
 --> banner.dag:2:1
1 | A -> B
  | ------
2 | B -> A
  | ^^^^^^
  = why: of two variables at most one is the other's cause
  = fix: keep one arrow; a common cause of both is written `A <-> B`""",
    "A -> B\nB -> C\nC -> A": """\
error[E103]: these arrows form a cycle
 --> banner.dag:3:1
1 | A -> B
  | - starts here
2 | B -> C
  | ------
3 | C -> A
  | ^^^^^^ closes A -> B -> C -> A
  = why: an effect is undefined where a variable causes itself
  = fix: drop one arrow, or split the variable by time (C_0, C_1)""",
    SHOP + "ate(Banner, Spnding)": """\
error[E201]: Spnding isn't in the model
 --> banner.dag:7:13
7 | ate(Banner, Spnding)
  |             ^^^^^^^
  = why: a question can speak only of variables that the model names
  = fix: did you mean `Spending` (line 4)?""",
    SHOP + "E(Spending | do(Banner=1), Mood)": """\
error[E203]: Mood is latent (line 1): data can't condition on it
 --> banner.dag:7:28
7 | E(Spending | do(Banner=1), Mood)
  |                            ^^^^
  = why: a latent variable is one that nobody measured
  = fix: drop Mood from the question, or drop [latent] if the data has it""",
    SHOP + "E(Spending | do(Banner=2))": """\
error[E204]: Banner is binary: 0 or 1, never 2
 --> banner.dag:7:17
7 | E(Spending | do(Banner=2))
  |                 ^^^^^^^^
  = why: it is declared so (line 2); of a level that doesn't exist nothing can be said
  = fix: write Banner=0 or 1""",
    SHOP + "E(Spending | Engagement=hihg)": """\
error[E204]: Engagement is categorical: low or high, never hihg
 --> banner.dag:7:14
7 | E(Spending | Engagement=hihg)
  |              ^^^^^^^^^^^^^^^
  = why: it is declared so (line 3); of a level that doesn't exist nothing can be said
  = fix: did you mean Engagement=high?""",
    "admg\nA -> B\nA -- B": """\
error[E102]: A -- B can't stand in a graph of kind admg
 --> banner.dag:3:1
3 | A -- B
  | ^^^^^^
  = why: the edges of a graph of kind admg are -> and <->
  = fix: change the mark, or the kind in the header (a graph with circles is a pag, with -- a cpdag or pdag)""",
    "": """\
error[E100]: the model is empty
 --> banner.dag:1:1
1 |
  | ^
  = why: there is nothing to ask about
  = fix: write an arrow, such as "X -> Y\"""",
    "dag {\n  x -> y\n}": """\
error[E016]: `dag {` opens a graph in dagitty's or Graphviz's language
 --> banner.dag:1:1
1 | dag {
  | ^^^^^
  = why: in this language a header is followed by statements, one a line, and nothing stands in braces around them
  = fix: drop `{` and the closing `}` and keep what stands between; or load the text from a file, as it is""",
}


@pytest.mark.parametrize(("text", "shown"), GOLDEN.items(), ids=[s.split("\n")[0] for s in GOLDEN.values()])
def test_each_message_says_what_where_why_and_how_to_mend_it(text, shown):
    with pytest.raises(cg.ModelError) as caught:
        cg.parse(SourceText(text, "banner.dag"))
    assert str(caught.value) == shown


def run(*arguments, folder):
    return subprocess.run(
        [sys.executable, "-m", "causalgraph", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        check=False,
    )


@pytest.mark.parametrize("text", [text for text, shown in GOLDEN.items() if "E016" not in shown])
def test_the_command_line_says_the_same_on_stderr_and_exits_with_3(text, tmp_path):
    (tmp_path / "banner.dag").write_text(text, encoding="utf-8")
    done = run("check", "banner.dag", folder=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == GOLDEN[text] + "\n"


def test_a_question_from_the_command_line_is_held_against_the_file(tmp_path):
    (tmp_path / "m.dag").write_text(SHOP, encoding="utf-8")
    done = run("ask", "m.dag", "ate(Banner, Spnding)", folder=tmp_path)
    assert done.returncode == 3
    assert " --> <text>:1:13" in done.stderr
    assert "did you mean `Spending` (line 4)?" in done.stderr


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "E100"),
        ("A -> B é".encode("utf-16"), "E009"),
        (b"A -> \xff", "E009"),
        (b"A -> B\n" * 1_500_000, "E007"),
        (b"x = " + b"(" * 10_000 + b")" * 10_000, "E008"),
        (b"- " * 2_400_000, "E008"),
        (b"A -> B\n" * 700_000, "E007"),
    ],
    ids=["empty", "UTF-16", "Latin-1", "10 MB", "10,000 brackets", "a sign for each byte", "700,000 statements"],
)
def test_a_file_that_is_no_model_is_refused_with_a_place(content, code, tmp_path):
    (tmp_path / "bad.dag").write_bytes(content)
    with pytest.raises(cg.ModelError) as caught:
        cg.load(tmp_path / "bad.dag")
    problem = caught.value.diagnostics[0]
    assert problem.code == code
    assert problem.span is not None


def test_the_limits_are_settable_where_a_model_is_read(tmp_path):
    (tmp_path / "m.dag").write_text("A -> B; B -> C", encoding="utf-8")
    for limit in ({"max_bytes": 5}, {"max_tokens": 3}):
        for read in (lambda **k: cg.load(tmp_path / "m.dag", **k), lambda **k: cg.parse("A -> B; B -> C", **k)):
            with pytest.raises(cg.ModelError) as caught:
                read(**limit)
            assert caught.value.code == "E007"
    with pytest.raises(cg.ModelError) as caught:
        cg.parse("A -> B; x = 1 + 2 + 3 + E(B)", max_depth=2)
    assert caught.value.code == "E008"


def test_fans_that_write_more_edges_than_anyone_means_are_refused():
    fan = ", ".join(f"V{i}" for i in range(1000))
    with pytest.raises(cg.ModelError) as caught:
        cg.parse(f"{fan} -> {fan.replace('V', 'W')}")
    assert caught.value.code == "E007"
    assert "1,000,000" in str(caught.value)


def test_a_name_that_stands_in_a_broken_statement_is_not_unknown_as_well():
    with pytest.raises(cg.ModelError) as caught:
        cg.parse("A --> B\nC -> D\nate(A, B)\nate(C, Z)")
    assert [(d.code, d.span.line) for d in caught.value.diagnostics] == [("E001", 1), ("E201", 4)]


def test_warnings_are_told_on_stderr_and_stop_nothing(tmp_path):
    (tmp_path / "m.dag").write_text("A -> B\nA -> B\nancestors(B)\n", encoding="utf-8")
    for command in ("check", "run"):
        done = run(command, "m.dag", folder=tmp_path)
        assert done.returncode == 0
        assert (
            "warning[W104]: this edge is written twice\n --> m.dag:2:1\n1 | A -> B\n  | ------ first here"
            in done.stderr
        )
        assert "W104" not in done.stdout
    assert "1 warning" in run("check", "m.dag", folder=tmp_path).stdout
