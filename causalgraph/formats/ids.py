"""Ids and names: many programs number the nodes and put what a person calls them into a label."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["names_for"]

NUMBERED = re.compile(r"-?[0-9]+|[nv][0-9]+")


def names_for(labels: Mapping[str, str | None], *, ids_are_names: bool) -> dict[str, str]:
    """Return the names of nodes whose ids are mere numbers: their labels, where each has one of its own; else nothing.

    >>> names_for({"0": "Smoking", "1": "Tar"}, ids_are_names=False)
    {'0': 'Smoking', '1': 'Tar'}
    >>> names_for({"0": "Smoking", "1": "Smoking"}, ids_are_names=False)
    {}
    """
    said = {key: label for key, label in labels.items() if label and label.strip()}
    numbered = all(NUMBERED.fullmatch(key) for key in labels)
    unlike = len(said) == len(labels) == len(set(said.values()))
    return said if numbered and unlike and not ids_are_names else {}
