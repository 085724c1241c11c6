"""Simulate 3,000 people who try their luck on the stage and write berkson.csv beside this file.

The truth, by construction: talent and looks fall to three in ten people each, and have nothing to do with one another.
Of those with neither 2 % succeed, with one of the two 50 %, with both 80 %. So among the successful, talent is rare
where looks are: 0.3 * 0.8 / (0.3 * 0.8 + 0.7 * 0.5) = 41 % of the good-looking have talent, against 0.3 * 0.5 / (0.3 *
0.5 + 0.7 * 0.02) = 91 % of the others.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

PEOPLE = 3_000
RATE = 0.3
SUCCESS = (0.02, 0.5, 0.8)  # with none, one and both of talent and looks
SEED = 4


def berkson_csv() -> str:
    """Return the file's text; it is the same, byte for byte, whenever it is made."""
    # NumPy has frozen the stream of RandomState; that of default_rng may change from version to version.
    random = np.random.RandomState(SEED)
    talent = random.uniform(size=PEOPLE) < RATE
    looks = random.uniform(size=PEOPLE) < RATE
    success = random.uniform(size=PEOPLE) < np.array(SUCCESS)[talent.astype(int) + looks.astype(int)]
    rows = zip(talent.tolist(), looks.tolist(), success.tolist(), strict=True)
    return "Talent,Looks,Success\n" + "".join(f"{t:d},{a:d},{s:d}\n" for t, a, s in rows)


if __name__ == "__main__":
    Path(__file__).with_name("berkson.csv").write_bytes(berkson_csv().encode())
