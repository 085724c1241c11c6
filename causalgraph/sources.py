"""What data a model's questions are asked of, and how numbers are computed from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from causalgraph.errors import DataError, ModelError
from causalgraph.model import DataFile, Model
from causalgraph.variables import WEIGHTS_AS

if TYPE_CHECKING:
    from causalgraph.data.opening import Opened
    from causalgraph.data.source import Source

__all__ = ["Settings", "opened", "settings_of"]


@dataclass(frozen=True)
class Settings:
    """How numbers are computed; `source` opens the data only when a query needs it, `bound` says if there are any."""

    source: Callable[[], Source]
    bound: bool = False
    method: str = "auto"
    level: float = 0.95
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)


def opened(model: Model, data: object = None) -> Opened:
    """Return the data that were given, else those that the model names.

    Raises:
        DataError: there are none (E300).
    """
    from causalgraph.data.opening import open_data

    if data is None and model.data is None:
        raise DataError.because(
            "E300",
            "the model names no data",
            why="a number needs data; a formula doesn't: ask identify(do(X), Y)",
            fix='add a line such as data "file.csv" to the model, or pass data',
        )
    return open_data(model.directory / model.data.path if data is None and model.data else data)


def settings_of(
    model: Model,
    data: object = None,
    *,
    weight: str | None = None,
    weights_as: str | None = None,
    cluster: str | None = None,
    **how: Any,
) -> Settings:
    """Return the settings of a question; the data are opened when they are first asked for.

    Args:
        model: names data, renames, weights, clusters and marks of missing values.
        data: what `open_data` takes, in place of the data that the model names.
        weight: a column of weights, in place of the one that the model names; likewise the next two.
        weights_as: what the weights are.
        cluster: a column of clusters.
        how: the other settings.

    Raises:
        ModelError: weights are said to be what they can't be, or there are none (E217).
    """
    named = model.data or DataFile("", {})
    # What a model says of its weights is said of its own column of weights.
    said = weights_as or (named.weights_as if weight is None else None)
    if said is not None and said not in WEIGHTS_AS:
        raise ModelError.because("E217", f"weights can't be {said!r}", fix=f"say {', '.join(WEIGHTS_AS)}, or nothing")
    column = named.weight if weight is None else weight
    if said is not None and column is None:
        raise ModelError.because(
            "E217", f"weights can't be {said!r} where there are none", fix='name their column: weight="…"'
        )
    kept: list[Source] = []

    def source() -> Source:
        from causalgraph.data.opening import open_source

        if not kept:
            kept.append(
                open_source(
                    opened(model, data),
                    columns=named.columns,
                    weight=column,
                    weights_as=said,
                    cluster=named.cluster if cluster is None else cluster,
                    na=named.na,
                    levels=frozenset(level for v in model.variables.values() for level in v.levels),
                    span=named.span if data is None else None,
                )
            )
        return kept[0]

    return Settings(source, bound=data is not None or model.data is not None, **how)
