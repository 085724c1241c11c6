"""What takes longer than a second shows itself on a terminal, and leaves nothing behind."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["Spinner"]

PATIENCE = 1.0


class Spinner:
    """Shows on stderr what is being done and for how long, once it takes longer than a second.

    Work within work takes its parent's place until it ends.
    """

    def __init__(self) -> None:
        self._stack: list[str] = []
        self._lock = threading.Lock()
        self._shown: tuple[Progress, TaskID] | None = None

    @contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        """Watch a piece of work, if there is a terminal to show it on."""
        if not sys.stderr.isatty():
            yield
            return
        timer = threading.Timer(PATIENCE, self._show)
        timer.daemon = True
        with self._lock:
            self._stack.append(what)
            first = len(self._stack) == 1
            self._describe()
        if first:
            timer.start()
        try:
            yield
        finally:
            with self._lock:
                self._stack.pop()
                self._describe()
                if first:
                    timer.cancel()
                    self._hide()

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        with self._lock:
            if self._stack:
                progress = Progress(*columns, console=Console(stderr=True), transient=True)
                self._shown = progress, progress.add_task(self._stack[-1], total=None)
                progress.start()

    def _describe(self) -> None:
        if self._shown and self._stack:
            progress, task = self._shown
            progress.update(task, description=self._stack[-1])

    def _hide(self) -> None:
        if self._shown:
            self._shown[0].stop()
            self._shown = None
