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
    # Numbers compare by their digits: as many as a name has, more than Python would turn into a number.
    return tuple(
        (False, len(part.lstrip("0")), part.lstrip("0")) if part.isdecimal() else (True, 0, part)
        for part in re.split(r"(\d+)", name)
        if part
    )
