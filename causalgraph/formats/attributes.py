"""What a variable or an edge says, as attributes: the same words in dagitty, DOT, GML and GraphML."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from causalgraph.formats.text import decimal_text, level_list, level_list_text, number, position, truth
from causalgraph.variables import Kind, Variable

__all__ = ["KNOWN", "ROLES", "VARIABLE_KINDS", "attributes_of", "described", "edge_value", "value_text"]

ROLES = ("exposure", "outcome", "latent", "selected")
VARIABLE_KINDS: dict[str, Kind] = {
    "binary": "binary",
    "categorical": "categorical",
    "ordinal": "ordinal",
    "count": "count",
    "continuous": "continuous",
}


def _label(variable: Variable, text: str) -> Variable:
    return replace(variable, label=text or None)


def _unit(variable: Variable, text: str) -> Variable:
    return replace(variable, unit=text or None)


def _kind(variable: Variable, text: str) -> Variable | None:
    kind = VARIABLE_KINDS.get(text)
    return kind and replace(variable, kind=kind)


def _levels(variable: Variable, text: str) -> Variable:
    return replace(variable, levels=tuple(dict.fromkeys(level_list(text))))


def _cost(variable: Variable, text: str) -> Variable | None:
    cost = number(text)
    return None if cost is None or cost < 0 else replace(variable, cost=cost)


def _position(variable: Variable, text: str) -> Variable | None:
    place = position(text)
    return place and replace(variable, position=place)


def _role(role: str) -> Callable[[Variable, str], Variable | None]:
    def read(variable: Variable, text: str) -> Variable | None:
        holds = truth(text)
        said: dict[str, Any] = {role: holds}
        return None if holds is None else replace(variable, **said)

    return read


def _observed(variable: Variable, text: str) -> Variable | None:
    """Read the attribute by which DoWhy tells its latents."""
    holds = truth(text)
    return None if holds is None else replace(variable, latent=not holds)


# Attribute -> how it is read; None where its value says nothing that the attribute could say.
READERS: dict[str, Callable[[Variable, str], Variable | None]] = {
    "label": _label,
    "unit": _unit,
    "kind": _kind,
    "levels": _levels,
    "cost": _cost,
    "pos": _position,
    "observed": _observed,
    **{role: _role(role) for role in ROLES},
}

# What another program's default for all nodes, or all edges, is worth reading for.
KNOWN = frozenset({*READERS, "mark", "p", "frequency", "beta"})


def described(variable: Variable, key: str, value: str) -> Variable | None:
    """Return the variable with what an attribute says of it, or None where that is nothing that a variable has.

    >>> described(Variable("X"), "pos", "1,2").position
    (1.0, 2.0)
    """
    reader = READERS.get(key)
    return reader(variable, value) if reader else None


def edge_value(key: str, text: str) -> str | float | None:
    """Return what an attribute says of an edge, or None where that is nothing that an edge has.

    >>> edge_value("beta", "0.5"), edge_value("beta", "b1"), edge_value("p", "small")
    (0.5, 'b1', None)
    """
    if key == "label":
        return text or None
    if key in ("p", "frequency"):
        return number(text)
    if key == "beta":
        value = number(text)
        return (text or None) if value is None else value
    return None


def attributes_of(variable: Variable) -> dict[str, str]:
    """Return what is said of a variable as attributes; a flag has no text.

    >>> attributes_of(Variable("X", "ordinal", ("low", "high"), exposure=True))
    {'exposure': '', 'kind': 'ordinal', 'levels': 'low|high'}
    """
    said: dict[str, str] = {role: "" for role in ROLES if getattr(variable, role)}
    if variable.position is not None:
        said["pos"] = ",".join(map(decimal_text, variable.position))
    optional = {"label": variable.label, "kind": variable.kind, "unit": variable.unit}
    said |= {key: text for key, text in optional.items() if text is not None}
    if variable.levels:
        said["levels"] = level_list_text(variable.levels)
    if variable.cost is not None:
        said["cost"] = value_text(variable.cost)
    return said


def value_text(value: str | float) -> str:
    """Write the value of an attribute.

    >>> value_text(2.0), value_text(1e-12), value_text("b1")
    ('2', '1e-12', 'b1')
    """
    return value if isinstance(value, str) else repr(float(value)).removesuffix(".0")
