"""The command line: what goes where, and with which exit code."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

BANNER = """dag "Shop"
Z -> X, Y
X -> Y
data "d.csv"
identify(do(X), Y)
lift = ate(X, Y)
expect adjustment_sets(X, Y) == {{Z}}
"""
ROWS = "Z,X,Y\n" + "0,0,0\n0,1,1\n0,0,1\n0,1,1\n1,0,0\n1,1,1\n1,1,0\n1,0,0\n" * 5


def run(*arguments, folder, **environment):
    return subprocess.run(
        [sys.executable, "-m", "causalgraph", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        check=False,
    )


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "m.dag").write_text(BANNER, encoding="utf-8")
    (tmp_path / "d.csv").write_text(ROWS, encoding="utf-8")
    return tmp_path


def test_run_answers_everything(folder):
    done = run("run", "m.dag", folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    for part in ("back-door by {Z}", "X ← Z → Y", "proof", "would have said", "holds"):
        assert part in done.stdout
    assert "\x1b" not in done.stdout


def test_one_failing_query_does_not_stop_the_others(folder):
    (folder / "m.dag").write_text('X -> Y\ndata "none.csv"\nate(X, Y)\nancestors(Y)\n', encoding="utf-8")
    done = run("run", "m.dag", folder=folder)
    assert done.returncode == 4
    assert "E310" in done.stderr
    assert "ancestors of Y: {X, Y}" in done.stdout


@pytest.mark.parametrize(
    ("text", "arguments", "code"),
    [
        ("X -> Y\nexpect adjustment_sets(X, Y) == {{X}}", ["run", "m.dag"], 1),
        ("X -> Y; X <-> Y", ["ask", "m.dag", "identify(do(X), Y)"], 1),
        ("X -> Y; X <-> Y", ["ask", "m.dag", "adjustment_sets(X, Y)"], 1),
        ("X -> Y", ["ask", "m.dag", "identify(do(X), Y)"], 0),
        ("X -> Y", ["ask", "m.dag", "identify(do(X), Z)"], 3),
        ("X --> Y", ["check", "m.dag"], 3),
        ("X -> Y", ["check", "none.dag"], 3),
        ("X -> Y", ["ask", "m.dag", "ate(X, Y)"], 4),
        ('X -> Y; data "d.csv"', ["ask", "m.dag", "E(Y | do(X=7))"], 3),
        ("X -> Y", ["ask", "m.dag"], 2),
        ("X -> Y", ["nonsense"], 2),
        ("X -> Y", ["render", "m.dag", "-o", "p.gif"], 2),
    ],
)
def test_exit_codes(folder, text, arguments, code):
    (folder / "m.dag").write_text(text, encoding="utf-8")
    done = run(*arguments, folder=folder)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_an_arm_that_never_occurs_exits_with_5(folder):
    (folder / "d.csv").write_text("Z,X,Y\n0,1,1\n1,1,0\n", encoding="utf-8")
    assert run("run", "m.dag", folder=folder).returncode == 5


def test_json_is_one_value_and_diagnostics_stay_on_stderr(folder):
    done = run("run", "m.dag", "--json", folder=folder)
    found = json.loads(done.stdout)
    assert found["version"] == 1
    assert [a["kind"] for a in found["answers"]] == ["identification", "estimate", "expect"]
    (folder / "m.dag").write_text("X --> Y", encoding="utf-8")
    done = run("check", "m.dag", "--json", folder=folder)
    assert json.loads(done.stdout)["errors"][0]["code"] == "E001"
    assert "E001" in done.stderr


def test_render_writes_pictures(folder):
    assert run("render", "m.dag", folder=folder).stdout.startswith("<svg ")
    for name, start in (("p.svg", b"<svg "), ("p.png", b"\x89PNG"), ("p.dot", b"digraph")):
        assert run("render", "m.dag", "-o", name, folder=folder).returncode == 0
        assert (folder / name).read_bytes().startswith(start)


def test_fmt_rewrites_the_file_once(folder):
    (folder / "m.dag").write_text("X->Y # on\n", encoding="utf-8")
    assert run("fmt", "m.dag", "--check", folder=folder).returncode == 1
    assert run("fmt", "m.dag", folder=folder).returncode == 0
    assert (folder / "m.dag").read_text(encoding="utf-8") == "X -> Y  # on\n"
    assert run("fmt", "m.dag", "--check", folder=folder).returncode == 0


def test_fmt_leaves_a_broken_file_alone(folder):
    (folder / "m.dag").write_text("X --> Y\n", encoding="utf-8")
    assert run("fmt", "m.dag", folder=folder).returncode == 3
    assert (folder / "m.dag").read_text(encoding="utf-8") == "X --> Y\n"


def test_a_picture_that_cannot_be_written_is_an_error_of_ours(folder):
    done = run("render", "m.dag", "-o", "no/such/folder/p.svg", folder=folder)
    assert done.returncode == 3
    assert "E015" in done.stderr


def test_a_terminal_that_knows_only_ascii_gets_an_answer(folder):
    done = run("run", "m.dag", folder=folder, PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    assert done.returncode == 0
    assert "back-door by {Z}" in done.stdout


def test_other_data_can_take_the_place_of_the_model_s(folder):
    (folder / "other.csv").write_text(ROWS + "1,1,1\n", encoding="utf-8")
    done = run("ask", "m.dag", "ate(X, Y)", "--data", "other.csv", "--json", folder=folder)
    assert json.loads(done.stdout)["n"] == 41


def test_a_reader_that_leaves_early_is_no_error(folder):
    shell = f"{sys.executable} -m causalgraph run m.dag | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("m.dagitty", "Z -> X"),
        ("m.dot", "digraph"),
        ("m.gml", "graph ["),
        ("m.graphml", "<graphml"),
        ("m.lavaan", "Y ~ Z + X"),
        ("m.mmd", "flowchart LR"),
        ("m.tex", "tikzpicture"),
    ],
)
def test_convert_writes_other_formats_and_says_what_they_cannot_hold(folder, name, part):
    done = run("convert", "m.dag", "-o", name, folder=folder)
    assert done.returncode == 0, done.stderr
    assert part in (folder / name).read_text(encoding="utf-8")
    assert "W020" in done.stderr
    assert "the questions" in done.stderr


@pytest.mark.parametrize("name", ["m.dagitty", "m.dot", "m.gml", "m.graphml", "m.lavaan"])
def test_a_converted_model_answers_as_the_model_does(folder, name):
    assert run("convert", "m.dag", "-o", name, folder=folder).returncode == 0
    for query in ("adjustment_sets(X, Y)", "identify(do(X), Y, strategy=backdoor)"):
        ours, theirs = (run("ask", f, query, folder=folder).stdout for f in ("m.dag", name))
        assert theirs == ours


def test_a_dag_file_that_holds_dagitty_text_is_read_as_such(folder):
    (folder / "d.dag").write_text("dag { X [exposure] Y [outcome] Z -> {X Y} X -> Y }", encoding="utf-8")
    done = run("ask", "d.dag", "adjustment_sets(X, Y)", folder=folder)
    assert (done.returncode, "{Z}" in done.stdout) == (0, True)


def test_a_pickle_is_never_opened(folder):
    (folder / "m.pickle").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    done = run("ask", "m.pickle", "triples()", folder=folder)
    assert done.returncode == 3
    assert not (folder / "owned").exists()


def test_a_graph_is_found_in_a_file_and_answers_questions(tmp_path):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 1000))
    c = a + b + rng.normal(size=1000)
    pd.DataFrame({"A": a, "B": b, "C": c, "D": c + rng.normal(size=1000)}).to_csv(tmp_path / "d.csv", index=False)
    done = run("discover", "d.csv", "--alg", "fci", "-o", "found.dag", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "pag by fci" in done.stdout
    asked = run("ask", "found.dag", "identify(do(C), D)", folder=tmp_path)
    assert "✔ identified" in asked.stdout


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--alg", "ges"], 2, "ges"),
        (["--forbid", "A"], 2, "A -> B"),
        (["--alpha", "2"], 2, "between 0 and 1"),
        ([], 4, "E310"),
    ],
)
def test_a_search_that_can_not_be_says_so(tmp_path, options, code, said):
    done = run("discover", "nowhere.csv", *options, folder=tmp_path)
    assert done.returncode == code
    assert said in done.stderr
