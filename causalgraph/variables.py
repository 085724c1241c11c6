"""Variables: what a model says about each, and how a level is written."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from typing import Literal, get_args

from causalgraph.errors import Span

__all__ = ["DISCRETE", "WEIGHTS_AS", "Kind", "Variable", "WeightsAs", "canonical", "level_text"]

Kind = Literal["binary", "categorical", "ordinal", "count", "continuous"]

# What weights can be said to be: how often a row occurs, how many people it stands for, or its exact probability.
WeightsAs = Literal["counts", "survey", "exact"]
WEIGHTS_AS: tuple[WeightsAs, ...] = get_args(WeightsAs)

# Kinds whose levels are counted; of the others the mean and the variance are.
DISCRETE = frozenset({"binary", "categorical", "ordinal"})


@dataclass(frozen=True)
class Variable:
    """A variable as the model declares it; `kind` is None where only the data can tell.

    `levels` are in declared order; those of a `binary` are read from the data, ``0`` and ``1`` naming the first and
    the last.
    """

    name: str
    kind: Kind | None = None
    levels: tuple[str, ...] = ()
    label: str | None = None
    unit: str | None = None
    latent: bool = False
    selected: bool = False
    exposure: bool = False
    outcome: bool = False
    cost: float | None = None
    position: tuple[float, float] | None = None
    span: Span | None = field(default=None, compare=False, repr=False)

    def index_of(self, level: str, levels: Sequence[str]) -> int | None:
        """Return the place of a level among those of the data, or None where it isn't one of them.

        >>> Variable("Banner", "binary").index_of("1", ("no", "yes"))
        1
        """
        if level in levels:
            return levels.index(level)
        if self.kind == "binary" and level in ("0", "1") and len(levels) > 1:
            return 0 if level == "0" else len(levels) - 1
        return None


def level_text(value: object) -> str:
    """Write a value of the data as the level it stands for, alike whatever holds the data.

    ``True`` and ``1.0`` are ``1``, a decimal is the number that it is, and a moment at midnight is a date.

    >>> [level_text(v) for v in (True, 1.0, 0.5, "low", Decimal("1.50"), datetime(2020, 1, 1))]
    ['1', '1', '0.5', 'low', '1.5', '2020-01-01']
    """
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, Decimal):
        value = float(value)
    # pandas' moments know nanoseconds, which `time` drops.
    midnight = isinstance(value, datetime) and value.time() == time() and not getattr(value, "nanosecond", 0)
    if isinstance(value, datetime) and midnight and value.tzinfo is None:
        return value.date().isoformat()
    if str(value) in ("True", "False"):
        return "1" if value else "0"
    # Python's and numpy's floats know whether they are whole; whole numbers of any width are written alike.
    whole = getattr(value, "is_integer", None)
    return str(int(value)) if whole is not None and whole() else str(value)  # type: ignore[call-overload]  # a number


def canonical(level: str) -> str:
    """Return a level as the data would write it: ``01`` and ``1.0`` are ``1``, and so is ``true``.

    >>> [canonical(v) for v in ("01", "1.50", "True", "low")]
    ['1', '1.5', '1', 'low']
    """
    if level.casefold() in ("true", "false"):
        return str(int(level.casefold() == "true"))
    try:
        return level_text(float(level))
    except ValueError:
        return level
