"""Loops that run as plain Python on lists and as machine code on arrays: one source, two speeds."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from functools import cache
from types import FrameType
from typing import Any

__all__ = ["compiled"]


def _whole() -> Any:
    """Import numba, undisturbed: Ctrl-C half way would leave it in pieces until Python ends. It is told afterwards."""
    handler = signal.getsignal(signal.SIGINT)
    if "numba" in sys.modules or not callable(handler) or threading.current_thread() is not threading.main_thread():
        import numba

        return numba
    asked: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda *why: asked.append(why))
    try:
        import numba
    finally:
        signal.signal(signal.SIGINT, handler)
    if asked:
        handler(*asked[0])
    return numba


@cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function as machine code, kept on disk where there is a place to keep it.

    Its arguments are arrays and numbers, and it stands at the top of its module. Threads may run it side by side.
    """
    numba = _whole()
    try:
        made: Callable[..., Any] = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder that could hold the cache
        made = numba.njit(nogil=True)(function)
    return made
