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
from causalgraph.discovering import _names, _pair, _statements, discover


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
    assert (tmp_path / "f.dag").read_text(encoding="utf-8") == found.text() + '\ndata "d.csv"\n'


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
    assert (tmp_path / "f.dag").read_text(encoding="utf-8") == told.text() + '\ndata "d.csv"\n'
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


def test_a_written_graph_names_its_data_so_that_it_can_be_asked_for_numbers(rows, capsys, tmp_path):
    (tmp_path / "deep").mkdir()
    place = tmp_path / "deep" / "f.dag"
    assert asked(capsys, rows, "-o", place)[0] == 0
    model = cg.load(place)
    assert model.data.path == "../d.csv"
    assert model.ask("ate(C, D)").value == pytest.approx(1, abs=0.1)


def test_data_of_several_files_are_not_named(rows, capsys, tmp_path):
    (tmp_path / "d2.csv").write_bytes(rows.read_bytes())
    assert asked(capsys, tmp_path / "d*.csv", "-o", tmp_path / "f.dag")[0] == 0
    assert cg.load(tmp_path / "f.dag").data is None


@pytest.mark.parametrize("option", ["data", "pattern", "link", "knowledge"])
def test_what_is_read_is_not_written_over(rows, capsys, tmp_path, option):
    (tmp_path / "k.dag").write_text("tier 1: A", encoding="utf-8")
    (tmp_path / "link.dag").symlink_to(rows)
    data = tmp_path / "*.csv" if option == "pattern" else rows
    output = {"link": tmp_path / "link.dag", "knowledge": tmp_path / "k.dag"}.get(option, rows)
    before = output.read_bytes()
    code, out, err = asked(capsys, data, "-o", output, "--knowledge", tmp_path / "k.dag")
    assert (code, out) == (2, "")
    assert "would replace it" in " ".join(err.replace("│", " ").split())
    assert output.read_bytes() == before


@pytest.mark.parametrize(("name", "code"), [("f", 0), ("f.txt", 0), ("f.DAG", 0), ("f.svg", 2), ("f.csv", 2)])
def test_a_graph_has_an_ending_of_its_own(rows, capsys, tmp_path, name, code):
    assert asked(capsys, rows, "-o", tmp_path / name)[0] == code
    assert (tmp_path / name).exists() == (code == 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--seed", "-1"),
        ("--alpha", "2"),
        ("--alpha", "0"),
        ("--alpha", "nan"),
        ("--forbid", "A -- C"),
        ("--forbid", "A"),
        ("--forbid", "A -> A"),
        ("--forbid", "A ->"),
        ("--require", "A -> C -> A"),
        ("--tiers", "A; `C"),
        ("--tiers", "A # 1; C"),
        ("--tiers", "A; C = 1"),
        ("--variables", "A -> C"),
    ],
)
def test_options_that_can_not_be_are_a_wrong_use(rows, capsys, arguments):
    code, out, _ = asked(capsys, rows, *arguments)
    assert (code, out) == (2, "")


def test_names_may_hold_spaces_without_backticks_and_commas_with():
    assert _pair("Blood pressure, A") == ("Blood pressure", "A")
    assert _names("A, `B, C`, `Blood pressure`", "--tiers") == ["A", "B, C", "Blood pressure"]
    assert _statements("A, `B; C`; D", "--tiers") == ["A, `B; C`", "D"]


@pytest.mark.parametrize(("text", "said"), [("A, A", "named twice"), ("A-1, B", "backticks"), ("A, B, C", "backticks")])
def test_a_pair_that_is_none_is_told_why(rows, capsys, text, said):
    assert said in " ".join(asked(capsys, rows, "--explain", text)[2].replace("│", " ").split())


def test_tiers_are_read_as_names_of_the_language(rows, capsys):
    code, out, _ = asked(capsys, rows, "--tiers", "A, `Blood pressure`; C; D", "--forbid", "A -> D; D <- C")
    known = cg.parse(out).knowledge
    assert code == 0
    assert known.tiers == (("A", "Blood pressure"), ("C",), ("D",))
    assert known.forbidden == (("A", "D"), ("C", "D"))


def test_variables_choose_the_columns(rows, capsys):
    code, out, _ = asked(capsys, rows, "--variables", "C, D")
    assert (code, cg.parse(out).graph.nodes) == (0, ("C", "D"))
    assert asked(capsys, rows, "--variables", "C, D", "--bootstrap", "3")[0] == 0


def test_what_can_not_be_tested_is_left_out_by_an_option(rows, tmp_path):
    pd.read_csv(rows).assign(E=1).to_csv(tmp_path / "still.csv", index=False)
    pd.read_csv(rows).assign(E=["yes", "no"] * 250).to_csv(tmp_path / "words.csv", index=False)
    for name, code in (("still", "E320"), ("words", "E324")):
        with pytest.raises(cg.DataError, match="--variables") as error:
            discover(str(tmp_path / f"{name}.csv"), alpha=0.01)
        assert error.value.code == code


def test_knowledge_of_a_file_and_of_options_holds_together(rows, capsys, tmp_path):
    (tmp_path / "k.dag").write_text("tier 1: A; tier 2: D", encoding="utf-8")
    code, out, err = asked(capsys, rows, "--knowledge", tmp_path / "k.dag", "--require", "A -> C")
    assert (code, err) == (0, "")
    assert cg.parse(out).knowledge == cg.parse("tier 1: A; tier 2: D; require A -> C").knowledge


def test_a_file_without_knowledge_is_told(rows, capsys, tmp_path):
    (tmp_path / "k.dag").write_text("A -> C", encoding="utf-8")
    code, _, err = asked(capsys, rows, "--knowledge", tmp_path / "k.dag")
    assert code == 0
    assert err.endswith("its arrows aren't taken as knowledge\n")


def test_data_given_as_knowledge_are_told_once(rows, tmp_path):
    (tmp_path / "k.dag").write_bytes(rows.read_bytes())
    for place in (rows, tmp_path / "k.dag"):
        with pytest.raises(cg.ModelError, match="looks like data, not a model") as error:
            discover(str(rows), alpha=0.01, knowledge=place)
        assert len(error.value.diagnostics) == 1
