"""The examples answer as they should: every number is computed here once more, from the files, by numpy alone."""

from __future__ import annotations

import csv
import json
import re
import runpy
from pathlib import Path

import numpy as np
import pytest

import causalgraph as cg
from blocks import call

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
MODELS = sorted(EXAMPLES.rglob("*.dag"))


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


@pytest.mark.parametrize("file", MODELS, ids=lambda file: file.stem)
class TestEveryExample:
    def test_loads_and_none_of_its_answers_is_negative(self, file: Path) -> None:
        answers = [(str(item), answer) for item, answer in cg.load(file).run()]
        assert answers
        assert [item for item, answer in answers if answer.exit_code] == []

    def test_runs_from_the_command_line(self, file: Path) -> None:
        done = call("run", str(file))
        assert (done.code, done.stderr) == (0, "")
        assert "expect" in done.stdout

    def test_tells_itself_as_json(self, file: Path) -> None:
        done = call("run", str(file), "--json")
        assert done.code == 0
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
        assert "16.2" in call("run", str(EXAMPLES / "banner.dag")).stdout


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


def rate(outcome: np.ndarray, *conditions: np.ndarray) -> float:
    """Return the share of rows with the outcome among those that meet every condition."""
    return float(outcome[np.logical_and.reduce(conditions)].mean())


def ends(model: str, query: str) -> tuple[float, float]:
    """Ask an example and return the ends of the interval."""
    low, high = cg.load(EXAMPLES / model).ask(query).to_dict()["interval"]
    return float(low), float(high)


def script(name: str) -> dict[str, object]:
    """Run a script of the examples without its last lines, which write the file."""
    return runpy.run_path(str(EXAMPLES / name))


class TestBerkson:
    talent, looks, success = (column == "1" for column in columns("berkson.csv").values())

    def test_the_generator_makes_the_file_to_the_byte(self) -> None:
        assert script("make_berkson.py")["berkson_csv"]().encode() == (EXAMPLES / "berkson.csv").read_bytes()

    @pytest.mark.parametrize("has_looks", [False, True])
    def test_the_shares_are_those_of_the_file(self, has_looks: bool) -> None:
        level = f"Looks={has_looks:d}"
        same = self.looks == has_looks
        everyone, stars = f"P(Talent=1 | {level})", f"P(Talent=1 | {level}, Success=1)"
        assert value("berkson.dag", everyone) == pytest.approx(rate(self.talent, same), abs=1e-12)
        assert value("berkson.dag", stars) == pytest.approx(rate(self.talent, same, self.success), abs=1e-12)

    @pytest.mark.parametrize("has_looks", [False, True])
    def test_the_intervals_hold_the_truth(self, has_looks: bool) -> None:
        made = script("make_berkson.py")
        p, success, a = made["RATE"], made["SUCCESS"], int(has_looks)
        truth = p * success[1 + a] / (p * success[1 + a] + (1 - p) * success[a])
        low, high = ends("berkson.dag", f"P(Talent=1 | Looks={a}, Success=1)")
        assert low < truth < high
        low, high = ends("berkson.dag", f"P(Talent=1 | Looks={a})")
        assert low < p < high

    def test_among_the_successful_talent_is_rare_where_looks_are(self) -> None:
        with_looks, without = (rate(self.talent, self.looks == a, self.success) for a in (True, False))
        assert with_looks < without / 2


class TestMBias:
    schooling, mother, ill = (column == "1" for column in columns("m_bias.csv").values())

    def test_the_generator_makes_the_file_to_the_byte(self) -> None:
        assert script("make_m_bias.py")["m_bias_csv"]().encode() == (EXAMPLES / "m_bias.csv").read_bytes()

    def test_the_effect_is_the_plain_difference(self) -> None:
        plain = rate(self.ill, self.schooling) - rate(self.ill, ~self.schooling)
        assert value("m_bias.dag", "ate(LittleSchooling, Diabetes)") == pytest.approx(plain, abs=1e-12)

    def test_the_interval_holds_the_truth(self) -> None:
        low, high = ends("m_bias.dag", "ate(LittleSchooling, Diabetes)")
        assert low < script("make_m_bias.py")["EFFECT"] < high

    def test_adjusting_for_the_mother_is_a_weighted_mean_of_her_strata(self) -> None:
        each = np.ones(len(self.ill))
        arms = [standardised(self.schooling, self.ill, each, self.mother, arm=arm) for arm in (True, False)]
        found = value("m_bias_confounder.dag", "ate(LittleSchooling, Diabetes)")
        assert found == pytest.approx(arms[0] - arms[1], abs=1e-12)

    def test_adjusting_for_the_mother_turns_the_sign_for_certain(self) -> None:
        _, high = ends("m_bias_confounder.dag", "ate(LittleSchooling, Diabetes)")
        assert high < 0


@pytest.mark.parametrize("setting", ["trial", "observed"])
class TestDrug:
    def columns(self, setting: str) -> list[np.ndarray]:
        data = columns(f"drug_{setting}.csv")
        return [data["Severity"] == "severe", data["Drug"] == "1", data["Recovered"] == "1"]

    def test_the_generator_makes_the_file_to_the_byte(self, setting: str) -> None:
        made = script("make_drug.py")["drug_csv"]()
        assert made[f"drug_{setting}.csv"].encode() == (EXAMPLES / f"drug_{setting}.csv").read_bytes()

    def test_the_gain_is_a_plain_difference_in_the_trial_and_a_standardised_one_outside(self, setting: str) -> None:
        severe, drug, recovered = self.columns(setting)
        strata = severe if setting == "observed" else np.zeros(len(drug))
        arms = [standardised(drug, recovered, np.ones(len(drug)), strata, arm=arm) for arm in (True, False)]
        found = value(f"drug_{setting}.dag", "ate(Drug, Recovered)")
        assert found == pytest.approx(arms[0] - arms[1], abs=1e-12)

    def test_the_interval_holds_the_truth(self, setting: str) -> None:
        low, high = ends(f"drug_{setting}.dag", "ate(Drug, Recovered)")
        assert low < script("make_drug.py")["EFFECT"] < high

    def test_a_plain_comparison_is_right_where_a_coin_decided_alone(self, setting: str) -> None:
        _, drug, recovered = self.columns(setting)
        plain = rate(recovered, drug) - rate(recovered, ~drug)
        low, high = ends(f"drug_{setting}.dag", "P(Recovered=1 | Drug=1) - P(Recovered=1 | Drug=0)")
        assert low < plain < high
        assert (low < script("make_drug.py")["EFFECT"] < high) == (setting == "trial")
        assert (high < 0) == (setting == "observed")


def test_the_trial_and_the_hospital_saw_the_same_patients() -> None:
    trial, observed = columns("drug_trial.csv"), columns("drug_observed.csv")
    assert (trial["Severity"] == observed["Severity"]).all()
    same_arm = trial["Drug"] == observed["Drug"]
    assert (trial["Recovered"] == observed["Recovered"])[same_arm].all()
    assert 0.4 < same_arm.mean() < 0.6


class TestSmoking:
    data = columns("smoking.csv")
    smoking = data["Smoking"] == "1"
    tar = data["Tar"] == "1"
    cancer = data["Lung cancer"] == "1"

    def test_the_generator_makes_the_file_to_the_byte(self) -> None:
        assert script("make_smoking.py")["smoking_csv"]().encode() == (EXAMPLES / "smoking.csv").read_bytes()

    def test_the_effect_is_that_of_the_front_door_formula(self) -> None:
        arms = []
        for arm in (True, False):
            risk = 0.0
            for tar in (True, False):
                with_tar = (self.tar == tar)[self.smoking == arm].mean()
                inner = sum(
                    self.cancer[(self.smoking == s) & (self.tar == tar)].mean() * (self.smoking == s).mean()
                    for s in (True, False)
                )
                risk += with_tar * inner
            arms.append(risk)
        assert value("smoking.dag", "ate(Smoking, `Lung cancer`)") == pytest.approx(arms[0] - arms[1], abs=1e-12)

    def test_the_interval_holds_the_truth_and_a_plain_comparison_doesnt(self) -> None:
        low, high = ends("smoking.dag", "ate(Smoking, `Lung cancer`)")
        assert low < script("make_smoking.py")["EFFECT"] < high
        assert self.cancer[self.smoking].mean() - self.cancer[~self.smoking].mean() > high


def test_every_simulated_file_has_at_most_5000_rows() -> None:
    scripts = {file.name for file in EXAMPLES.glob("make_*.py")}
    assert scripts == {"make_banner.py", "make_berkson.py", "make_drug.py", "make_m_bias.py", "make_smoking.py"}
    for file in EXAMPLES.glob("*.csv"):
        assert len(file.read_text(encoding="utf-8").splitlines()) <= 5_001


PUBLISHED = sorted((EXAMPLES / "published").glob("*.dag"))


@pytest.mark.parametrize("file", PUBLISHED, ids=lambda file: file.stem)
def test_a_published_graph_names_its_source_and_its_claims_hold(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert re.match(r"# .*?\(\d{4}\)", text.replace("\n# ", " "))
    assert re.search(r"^expect (adjustment_sets|ancestors)\(", text, re.MULTILINE)
