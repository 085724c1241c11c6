"""The command `simulate`, and its door in Python."""

import io

import numpy as np
import pandas as pd
import pytest

import causalgraph as cg
from test_cli import run

MODEL = """
Prior  ~ Normal(50, 20)
Days   ~ Exponential(10)
Banner ~ Bernoulli(expit(0.03*Prior - 0.05*Days - 1))
Spending := 0.6*Prior - 0.3*Days + 8*Banner + Normal(0, 5)
Tier := case(Banner, 0 = "low, or none", 1 = "high")
U ~ Normal(0, 1)
U [latent]
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "m.dag").write_text(MODEL, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def model():
    return cg.parse(MODEL)


def test_rows_have_the_moments_of_the_equations(model):
    frame = model.simulate(200_000, seed=1)
    assert list(frame) == ["Days", "Prior", "Banner", "Spending", "Tier"]
    assert frame["Prior"].mean() == pytest.approx(50, abs=0.2)
    assert frame["Days"].mean() == pytest.approx(10, abs=0.1)
    rest = frame["Spending"] - 0.6 * frame["Prior"] + 0.3 * frame["Days"] - 8 * frame["Banner"]
    assert rest.std() == pytest.approx(5, abs=0.05)
    assert set(frame["Tier"]) == {"low, or none", "high"}


def test_the_same_seed_gives_the_same_units_whatever_is_set(model):
    plain, again, other = model.simulate(50, seed=3), model.simulate(50, seed=3), model.simulate(50, seed=4)
    assert plain.equals(again)
    assert not plain.equals(other)
    done = model.simulate(50, seed=3, do={"Banner": 1})
    assert done[["Prior", "Days"]].equals(plain[["Prior", "Days"]])
    assert np.allclose(done["Spending"] - plain["Spending"], 8 * (1 - plain["Banner"]))
    assert set(done["Tier"]) == {"high"}


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"rows": 0}, "E223"),
        ({"rows": 2.5}, "E223"),
        ({"rows": 3, "seed": -1}, "E219"),
        ({"rows": 3, "do": {"Bnner": 1}}, "E201"),
        ({"rows": 3, "do": {"Banner": 2}}, "E204"),
        ({"rows": 3, "do": {"Prior": "high"}}, "E204"),
    ],
)
def test_what_can_t_be_drawn_says_why(model, how, code):
    with pytest.raises(cg.ModelError, match=code):
        model.simulate(**how)


def test_a_model_without_all_equations_can_t_be_simulated():
    for text, said in (("X -> Y", "no equations"), ("Y := 2*X", "X has no equation"), ("Y := 2*X; Z -> X", "Z")):
        with pytest.raises(cg.ModelError, match=said) as caught:
            cg.parse(text).simulate(3)
        assert caught.value.code == "E145"
    with pytest.raises(cg.ModelError, match="E148"):
        cg.parse("X ~ Normal(?mean, 1)").simulate(3)
    with pytest.raises(cg.EstimationError, match="E541"):
        cg.parse("X ~ Normal(0, 1); Y := log(X)").simulate(30)


def test_the_command_writes_what_python_draws(folder, model):
    done = run("simulate", "m.dag", "-n", "20", "--seed", "5", "--do", "Banner=1", folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert pd.read_csv(io.StringIO(done.stdout)).equals(model.simulate(20, seed=5, do={"Banner": 1}))
    assert run("simulate", "m.dag", "-n", "20", "--seed", "5", "--do", "Banner=1", folder=folder).stdout == done.stdout


@pytest.mark.parametrize(("name", "read"), [("a.csv", pd.read_csv), ("a.parquet", pd.read_parquet)])
def test_files_are_written_by_their_ending(folder, model, name, read):
    done = run("simulate", "m.dag", "-n", "9", "-o", name, folder=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert read(folder / name).equals(model.simulate(9))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-n", "0"], 2, "-n"),
        (["-o", "a.txt"], 2, ".parquet"),
        (["--do", "Banner"], 2, "Banner=1"),
        (["--do", "Bnner=1"], 3, "did you mean Banner"),
        (["--do", "Banner=7"], 3, "E204"),
    ],
)
def test_mistakes_have_their_exit_codes(folder, arguments, code, said):
    done = run("simulate", "m.dag", *arguments, folder=folder)
    assert done.returncode == code
    assert said in done.stderr


def test_names_that_differ_in_case_stay_apart(folder):
    (folder / "c.dag").write_text("a ~ Bernoulli(0.5); A := 2 + a; `b c` := a", encoding="utf-8")
    done = run("simulate", "c.dag", "-n", "2", folder=folder)
    assert done.stdout.splitlines()[0].split(",") == ["a", "A", "b c"]
    assert run("simulate", "c.dag", "-n", "2", "-o", "c.parquet", folder=folder).returncode == 3


def test_a_million_rows_are_a_million_lines(folder):
    assert run("simulate", "m.dag", "-n", "1000000", "-o", "a.csv", folder=folder).returncode == 0
    with (folder / "a.csv").open(encoding="utf-8") as file:
        assert sum(1 for _ in file) == 1_000_001
