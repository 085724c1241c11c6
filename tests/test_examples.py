"""The examples answer as they should: every number is computed here once more, from the files, by numpy alone."""

from __future__ import annotations

import csv
import json
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import causalgraph as cg

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
MODELS = sorted(EXAMPLES.glob("*.dag"))


def columns(name: str) -> dict[str, np.ndarray]:
    """Read a csv file without pandas."""
    with (EXAMPLES / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}


def mean(outcome: np.ndarray, weight: np.ndarray, where: np.ndarray) -> float:
    """Return the weighted mean of an outcome where a condition holds."""
    return float((outcome * weight)[where].sum() / weight[where].sum())


def standardised(
    treated: np.ndarray, outcome: np.ndarray, weight: np.ndarray, stratum: np.ndarray, *, arm: bool
) -> float:
    """Return the outcome's mean in one arm, each stratum weighted by its share of everybody."""
    shares = {s: weight[stratum == s].sum() / weight.sum() for s in np.unique(stratum)}
    return float(sum(share * mean(outcome, weight, (treated == arm) & (stratum == s)) for s, share in shares.items()))


def value(model: str, query: str) -> float:
    """Ask an example and return the number."""
    return float(cg.load(EXAMPLES / model).ask(query).to_dict()["value"])


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    command = [sys.executable, "-m", "causalgraph", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")


@pytest.mark.parametrize("file", MODELS, ids=lambda file: file.stem)
class TestEveryExample:
    def test_loads_and_none_of_its_answers_is_negative(self, file: Path) -> None:
        answers = [answer for _, answer in cg.load(file).run()]
        assert answers
        assert [str(answer) for answer in answers if answer.exit_code] == []

    def test_runs_from_the_command_line(self, file: Path) -> None:
        done = run("run", str(file))
        assert (done.returncode, done.stderr) == (0, "")
        assert "expect" in done.stdout

    def test_tells_itself_as_json(self, file: Path) -> None:
        done = run("run", str(file), "--json")
        assert done.returncode == 0
        assert json.loads(done.stdout)

    def test_tells_its_story_first(self, file: Path) -> None:
        assert file.read_text(encoding="utf-8").startswith("# ")


class TestBanner:
    data = columns("banner.csv")
    shown = data["Banner"] == "1"
    engaged = data["Engagement"] == "high"
    spending = data["total spend $"].astype(float)
    each = np.ones(len(spending))

    def test_the_generator_makes_the_file_to_the_byte(self) -> None:
        made = runpy.run_path(str(EXAMPLES / "make_banner.py"))["banner_csv"]()
        assert made.encode() == (EXAMPLES / "banner.csv").read_bytes()

    def test_the_lift_is_the_difference_of_standardised_means(self) -> None:
        arms = [standardised(self.shown, self.spending, self.each, self.engaged, arm=arm) for arm in (True, False)]
        assert value("banner.dag", "ate(Banner, Spending)") == pytest.approx(arms[0] - arms[1], abs=1e-9)

    def test_the_interval_holds_the_truth(self) -> None:
        truth = runpy.run_path(str(EXAMPLES / "make_banner.py"))["EFFECT"]
        low, high = cg.load(EXAMPLES / "banner.dag").ask("ate(Banner, Spending)").to_dict()["interval"]
        assert low < truth < high
        assert high - low < 1.2

    def test_the_standard_error_is_the_influence_functions(self) -> None:
        e, b, y = self.engaged, self.shown, self.spending
        lift, influence = 0.0, np.zeros(len(y))
        for s in (False, True):
            here = e == s
            treated, control = y[here & b].mean(), y[here & ~b].mean()
            lift += here.mean() * (treated - control)
            p = b[here].mean()
            influence += here * (treated - control + b * (y - treated) / p - ~b * (y - control) / (1 - p))
        expected = np.sqrt(((influence - lift) ** 2).mean() / len(y))
        answer = cg.load(EXAMPLES / "banner.dag").ask("ate(Banner, Spending)").to_dict()
        assert answer["std_error"] == pytest.approx(expected, rel=2e-3)

    def test_a_plain_comparison_is_twice_too_high(self) -> None:
        plain = self.spending[self.shown].mean() - self.spending[~self.shown].mean()
        assert plain == pytest.approx(16.2, abs=0.05)
        assert "16.2" in run("run", str(EXAMPLES / "banner.dag")).stdout


# Model -> treatment, the arm that counts as treated, stratum, outcome, what adjusting for the stratum is here, file.
COUNTED = {
    "berkeley.dag": ("berkeley.csv", "Gender", ("male", "female"), "Department", "Admitted", False),
    "berkeley_confounder.dag": ("berkeley.csv", "Gender", ("male", "female"), "Department", "Admitted", True),
    "kidney_mediator.dag": ("kidney.csv", "Treatment", ("A", "B"), "Stone", "Success", False),
    "kidney_confounder.dag": ("kidney.csv", "Treatment", ("A", "B"), "Stone", "Success", True),
}


@pytest.mark.parametrize("model", COUNTED)
class TestCounts:
    def expected(self, model: str) -> list[float]:
        file, treatment, (_, last), stratum, outcome, adjusted = COUNTED[model]
        data = columns(file)
        strata = data[stratum] if adjusted else np.zeros(len(data[stratum]))
        treated, weight = data[treatment] == last, data["count"].astype(float)
        return [standardised(treated, data[outcome].astype(float), weight, strata, arm=arm) for arm in (False, True)]

    def test_each_arm_is_as_counted(self, model: str) -> None:
        _, treatment, levels, _, outcome, _ = COUNTED[model]
        for level, expected in zip(levels, self.expected(model), strict=True):
            assert value(model, f"P({outcome}=1 | do({treatment}={level}))") == pytest.approx(expected, abs=1e-12)

    def test_the_contrast_is_the_last_level_minus_the_first(self, model: str) -> None:
        _, treatment, _, _, outcome, _ = COUNTED[model]
        first, last = self.expected(model)
        assert value(model, f"ate({treatment}, {outcome})") == pytest.approx(last - first, abs=1e-12)

    def test_the_people_are_counted_not_the_rows(self, model: str) -> None:
        file, treatment, _, _, outcome, _ = COUNTED[model]
        answer = cg.load(EXAMPLES / model).ask(f"ate({treatment}, {outcome})").to_dict()
        assert answer["n"] == columns(file)["count"].astype(int).sum()


def test_belief_about_the_department_turns_the_sign() -> None:
    assert value("berkeley.dag", "ate(Gender, Admitted)") == pytest.approx(557 / 1835 - 1198 / 2691)
    assert value("berkeley_confounder.dag", "ate(Gender, Admitted)") > 0


def test_belief_about_the_stone_turns_the_sign() -> None:
    assert value("kidney_mediator.dag", "ate(Treatment, Success)") == pytest.approx(289 / 350 - 273 / 350)
    assert value("kidney_confounder.dag", "ate(Treatment, Success)") < 0
