"""What is being done while it takes long, for whoever watches: nobody, unless someone asks to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

__all__ = ["watched", "working"]

Watch = Callable[[str], AbstractContextManager[object]]

_watches: list[Watch] = []


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Let something watch: it is entered with a few words when work begins, and left when it ends.

    >>> from contextlib import contextmanager
    >>> @contextmanager
    ... def told(what):
    ...     print(what)
    ...     yield
    >>> with watched(told), working("counting 3 rows"):
    ...     pass
    counting 3 rows
    """
    _watches.append(watch)
    try:
        yield
    finally:
        _watches.remove(watch)


def working(what: str) -> AbstractContextManager[object]:
    """Say what is being done; to be entered around work that may take more than a second."""
    return _watches[-1](what) if _watches else nullcontext()
