"""Loops that run as plain Python on lists and as machine code on arrays: one source, two speeds."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

__all__ = ["compiled"]


@cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function as machine code, kept on disk where there is a place to keep it.

    Its arguments are arrays and numbers, and it stands at the top of its module. Threads may run it side by side.
    """
    import numba

    try:
        made: Callable[..., Any] = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder that could hold the cache
        made = numba.njit(nogil=True)(function)
    return made
