"""Simulate 5,000 people and write smoking.csv beside this file.

The truth, by construction: all that smoking does is done by the tar. It leaves tar in the lungs of nine in ten smokers
and one in ten others, and tar adds 20 percentage points to the risk of lung cancer, so that smoking adds 0.8 times 20,
16 points. A trait that half of the people carry makes eight in ten of them smoke, two in ten of the others, and adds 30
points to the risk by itself. The trait isn't written: nobody measures it.

A plain comparison says about 0.34, twice the truth. The front door finds the truth without the trait.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

PEOPLE = 5_000
EFFECT = 0.16
SEED = 11


def smoking_csv() -> str:
    """Return the file's text; it is the same, byte for byte, whenever it is made."""
    # NumPy has frozen the stream of RandomState; that of default_rng may change from version to version.
    random = np.random.RandomState(SEED)
    trait = random.uniform(size=PEOPLE) < 0.5
    smoking = random.uniform(size=PEOPLE) < np.where(trait, 0.8, 0.2)
    tar = random.uniform(size=PEOPLE) < np.where(smoking, 0.9, 0.1)
    cancer = random.uniform(size=PEOPLE) < 0.05 + 0.2 * tar + 0.3 * trait
    rows = zip(smoking.tolist(), tar.tolist(), cancer.tolist(), strict=True)
    return "Smoking,Tar,Lung cancer\n" + "".join(f"{s:d},{t:d},{c:d}\n" for s, t, c in rows)


if __name__ == "__main__":
    Path(__file__).with_name("smoking.csv").write_bytes(smoking_csv().encode())
