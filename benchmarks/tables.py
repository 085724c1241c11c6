"""Tables of Markdown, and times in them."""

from __future__ import annotations


def written(seconds: float) -> str:
    """Write a time in its natural unit.

    >>> written(0.0012), written(3)
    ('1.2 ms', '3.00 s')
    """
    milli = seconds * 1000
    return f"{seconds:.2f} s" if seconds >= 1 else f"{milli:.0f} ms" if milli >= 10 else f"{milli:.1f} ms"


def row(*cells: object) -> str:
    """Return a row of a table."""
    return "| " + " | ".join(map(str, cells)) + " |"


def table(*titles: str) -> list[str]:
    """Return the head of a table."""
    return [row(*titles), "|---" * len(titles) + "|"]
