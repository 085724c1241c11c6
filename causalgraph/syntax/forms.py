"""The attributes that a variable and an edge may have, and what their values look like."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["EDGE_ATTRIBUTES", "VARIABLE_ATTRIBUTES", "Form"]

POSITION = re.compile(r"\s*-?[0-9]*\.?[0-9]+\s*,\s*-?[0-9]*\.?[0-9]+\s*")


@dataclass(frozen=True)
class Form:
    """What an attribute's value looks like: how to say it, and whether a value is one (None: no value)."""

    example: str
    accepts: Callable[[object], bool]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, float)


FLAG = Form("{key}", lambda value: value is None)
TEXT = Form('{key}="..."', _is_text)
NUMBER = Form("{key}=0.5", _is_number)
PLACE = Form('{key}="1,2"', lambda value: isinstance(value, str) and POSITION.fullmatch(value) is not None)

VARIABLE_ATTRIBUTES = {
    "label": TEXT,
    "unit": TEXT,
    "latent": FLAG,
    "selected": FLAG,
    "exposure": FLAG,
    "outcome": FLAG,
    "pos": PLACE,
    "cost": NUMBER,
}
EDGE_ATTRIBUTES = {"p": NUMBER, "frequency": NUMBER, "label": TEXT, "beta": NUMBER}
