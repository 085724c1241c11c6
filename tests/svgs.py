"""Our pictures, read: as elements, by their ids, and made in other processes."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable


def read(text: str) -> ET.Element:
    """Read an SVG, or another text of ours that is XML; its tags lose their namespaces."""
    root = ET.fromstring(text)  # noqa: S314 (our own text)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def ids_are_unique(roots: Iterable[ET.Element]) -> bool:
    """Say whether no two elements of pictures that stand in one page have the same id."""
    ids = [e.get("id") for root in roots for e in root.iter() if e.get("id")]
    return len(ids) == len(set(ids))


def made_anew(program: str) -> list[bytes]:
    """Return what a program writes, without a complaint, in two processes whose sets have different orders."""
    done = [
        subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path[:0] = sys.argv[1:]\n{program}", *sys.path],
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        )
        for seed in ("1", "2")
    ]
    assert not any(process.stderr for process in done)
    return [process.stdout for process in done]
