"""The command `discover`: what it prints, writes and exits with."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import causalgraph as cg
from causalgraph import printing
from causalgraph.discover import doors, drawing, stability
from causalgraph.discovering import _pair, discover


@pytest.fixture
def rows(tmp_path):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 500))
    c = a + b + rng.normal(size=500)
    data = pd.DataFrame({"A": a, "Blood pressure": b, "C": c, "D": c + rng.normal(size=500)})
    data.to_csv(tmp_path / "d.csv", index=False)
    return tmp_path / "d.csv"


def asked(capsys, *arguments):
    """Run the command in this process; return its exit code, stdout and stderr."""
    import typer

    app = typer.Typer()
    app.command()(discover)
    code = 0
    try:
        app([str(one) for one in arguments])
    except SystemExit as ended:
        code = ended.code
    said = capsys.readouterr()
    return code, said.out, said.err


def test_why_an_edge_is_there_follows_the_graph_as_remarks(rows, capsys):
    code, out, _ = asked(capsys, rows, "--explain", "A, C", "--explain", "A, `Blood pressure`")
    found = cg.pc(str(rows))
    assert code == 0
    assert out.startswith(found.text())
    for pair in (("A", "C"), ("A", "Blood pressure")):
        for row in str(found.explain(*pair)).splitlines():
            assert f"# {row}\n" in out
    # What is on stdout stays a file that can be read.
    assert cg.parse(out).graph == found.graph


def test_with_an_output_the_explanations_follow_the_summary(rows, capsys, tmp_path):
    code, out, _ = asked(capsys, rows, "-o", tmp_path / "f.dag", "--explain", "A, C")
    found = cg.pc(str(rows))
    assert (code, out) == (0, f"{found}\n\n{found.explain('A', 'C')}\n")
    assert (tmp_path / "f.dag").read_text(encoding="utf-8") == found.text()


def test_json_holds_the_explanations(rows, capsys):
    code, out, _ = asked(capsys, rows, "--json", "--explain", "C, D")
    told = json.loads(out)
    assert (code, told["version"], told["kind"]) == (0, printing.JSON_VERSION, "discovery")
    assert told["explained"] == [json.loads(json.dumps(cg.pc(str(rows)).explain("C", "D").to_dict()))]
    assert "explained" not in json.loads(asked(capsys, rows, "--json")[1])


def test_a_name_that_is_misspelt_is_offered_the_nearest(rows):
    done = subprocess.run(
        [sys.executable, "-m", "causalgraph", "discover", str(rows), "--explain", "A, `Blood presure`"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 3
    assert "E201" in done.stderr
    assert "did you mean Blood pressure?" in done.stderr


@pytest.mark.parametrize("text", ["A", "A, B, C", "A, B | C", "A=1, B", "A B", "", "A -> B"])
def test_what_is_no_pair_of_names_is_a_wrong_use(rows, capsys, text):
    code, out, _ = asked(capsys, rows, "--explain", text)
    assert (code, out) == (2, "")


def test_names_are_read_as_in_a_model():
    assert _pair(" A ,`a, b`") == ("A", "a, b")


def test_a_bootstrap_writes_frequencies(rows, capsys, tmp_path):
    options = ("--bootstrap", "10", "--seed", "3", "--alg", "fci")
    code, out, _ = asked(capsys, rows, *options)
    told = cg.stability(str(rows), "fci", 10, 3)
    assert (code, out) == (0, told.text())
    code, out, _ = asked(capsys, rows, *options, "-o", tmp_path / "f.dag", "--explain", "A, C")
    assert (code, out) == (0, f"{told}\n\n{told.found.explain('A', 'C')}\n")
    assert (tmp_path / "f.dag").read_text(encoding="utf-8") == told.text()
    code, out, _ = asked(capsys, rows, *options, "--json")
    assert json.loads(out) == {"version": printing.JSON_VERSION, **json.loads(json.dumps(told.to_dict()))}


@pytest.mark.parametrize("arguments", [[], ["--json"], ["-o", "f.dag"], ["--bootstrap", "5"]])
def test_ctrl_c_tells_what_is_known_and_exits_with_130(rows, capsys, tmp_path, monkeypatch, arguments):
    real = drawing.FisherZ.level

    def level(self, adjacent, testable, depth, alpha):
        if depth == 1:
            raise KeyboardInterrupt
        return real(self, adjacent, testable, depth, alpha)

    monkeypatch.setattr(drawing.FisherZ, "level", level)
    monkeypatch.chdir(tmp_path)
    code, out, err = asked(capsys, rows, *arguments)
    assert code == printing.INTERRUPTED == 130
    assert "interrupted at sets of 1" in out
    assert err.startswith("interrupted; what was found by then:\n  interrupted at sets of 1")
    if "-o" in arguments:
        assert "# unfinished: interrupted at sets of 1" in (tmp_path / "f.dag").read_text(encoding="utf-8")


def test_ctrl_c_between_replicates_keeps_those_that_are_done(rows, capsys, monkeypatch):
    calls = []

    def impatient(*arguments, **settings):
        calls.append(0)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return doors.pc(*arguments, **settings)

    monkeypatch.setattr(stability, "DOORS", {"pc": impatient})
    code, out, err = asked(capsys, rows, "--bootstrap", "9")
    assert code == 130
    assert "# replicates: 2, by rows\n" in out
    assert "interrupted after 2 of 9 replicates" in err
