"""How names sort."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["natural"]


@lru_cache(maxsize=100_000)
def natural(name: str) -> tuple[tuple[bool, int, str], ...]:
    """Return a key that sorts names as people do.

    >>> sorted(["V10", "V2", "W"], key=natural)
    ['V2', 'V10', 'W']
    """
    return tuple(
        (not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", name) if part
    )
