"""Simulate 5,000 people and write m_bias.csv beside this file.

The truth, by construction: little schooling adds 10 percentage points to the risk of diabetes, for everyone. Half of
the families are poor, and half carry a genetic risk, independently. Nine in ten of the poor get little schooling, one
in ten of the others. The mother is ill in 95 % of the families that are poor or carry the risk, else in 5 %. The
genetic risk adds 80 percentage points. Poverty and genes aren't written: nobody measures them.

A plain comparison is right, 0.10. Adjusting for the mother's diabetes compares people among whom poverty and genes
exclude each other, and says about -0.06: a protection, where there is a harm.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

PEOPLE = 5_000
EFFECT = 0.10
SEED = 5


def m_bias_csv() -> str:
    """Return the file's text; it is the same, byte for byte, whenever it is made."""
    # NumPy has frozen the stream of RandomState; that of default_rng may change from version to version.
    random = np.random.RandomState(SEED)
    poor = random.uniform(size=PEOPLE) < 0.5
    genes = random.uniform(size=PEOPLE) < 0.5
    schooling = random.uniform(size=PEOPLE) < np.where(poor, 0.9, 0.1)
    mother = random.uniform(size=PEOPLE) < np.where(poor | genes, 0.95, 0.05)
    diabetes = random.uniform(size=PEOPLE) < 0.05 + EFFECT * schooling + 0.8 * genes
    rows = zip(schooling.tolist(), mother.tolist(), diabetes.tolist(), strict=True)
    return "LittleSchooling,MothersDiabetes,Diabetes\n" + "".join(f"{s:d},{m:d},{d:d}\n" for s, m, d in rows)


if __name__ == "__main__":
    Path(__file__).with_name("m_bias.csv").write_bytes(m_bias_csv().encode())
