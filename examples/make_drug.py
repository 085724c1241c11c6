"""Simulate 2,000 patients twice and write drug_trial.csv and drug_observed.csv beside this file.

The truth, by construction: the drug raises the probability to recover by 15 percentage points, for everyone. Half of
the patients are severely ill; without the drug 30 % of them recover, and 70 % of the others. They are the same patients
in both files, each with the same fate under either arm. In the trial a coin decides who gets the drug. In the hospital
the doctors give it to 80 % of the severely ill and to 20 % of the others, so that a plain comparison says about (0.2 *
0.85 + 0.8 * 0.45) - (0.8 * 0.7 + 0.2 * 0.3) = -0.09: as if it harmed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

PATIENTS = 2_000
EFFECT = 0.15
SEED = 2


def drug_csv() -> dict[str, str]:
    """Return the text of each file; it is the same, byte for byte, whenever it is made."""
    # NumPy has frozen the stream of RandomState; that of default_rng may change from version to version.
    random = np.random.RandomState(SEED)
    severe = random.uniform(size=PATIENTS) < 0.5
    fate = random.uniform(size=PATIENTS)
    coin = random.uniform(size=PATIENTS) < 0.5
    doctor = random.uniform(size=PATIENTS) < np.where(severe, 0.8, 0.2)
    files = {}
    for name, drug in (("drug_trial.csv", coin), ("drug_observed.csv", doctor)):
        recovered = fate < np.where(severe, 0.3, 0.7) + EFFECT * drug
        rows = zip(severe.tolist(), drug.tolist(), recovered.tolist(), strict=True)
        lines = (f"{'severe' if s else 'mild'},{d:d},{r:d}\n" for s, d, r in rows)
        files[name] = "Severity,Drug,Recovered\n" + "".join(lines)
    return files


if __name__ == "__main__":
    for file, text in drug_csv().items():
        Path(__file__).with_name(file).write_bytes(text.encode())
