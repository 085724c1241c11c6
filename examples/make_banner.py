"""Simulate 2,000 users of a shop and write banner.csv beside this file.

The truth, by construction: the banner raises each user's spending by 8 USD. Engaged users see the banner more often
(70 % against 30 %) and spend 20 USD more without it, so a plain comparison of means says about 8 + 20 * 0.4 = 16 USD.
Mood moves spending too, but nobody measures it, so it isn't written. The seed is one whose sample is a typical one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

USERS = 2_000
EFFECT = 8.0
SEED = 5


def banner_csv() -> str:
    """Return the file's text; it is the same, byte for byte, whenever it is made."""
    # NumPy has frozen the stream of RandomState; that of default_rng may change from version to version.
    random = np.random.RandomState(SEED)
    engaged = random.uniform(size=USERS) < 0.5
    banner = random.uniform(size=USERS) < np.where(engaged, 0.7, 0.3)
    mood = random.normal(0.0, 4.0, size=USERS)
    spending = 20.0 + 20.0 * engaged + EFFECT * banner + mood + random.normal(0.0, 3.0, size=USERS)
    rows = (
        f"{'high' if e else 'low'},{b:d},{s:.2f}\n"
        for e, b, s in zip(engaged.tolist(), banner.tolist(), spending.tolist(), strict=True)
    )
    return "Engagement,Banner,total spend $\n" + "".join(rows)


if __name__ == "__main__":
    Path(__file__).with_name("banner.csv").write_bytes(banner_csv().encode())
