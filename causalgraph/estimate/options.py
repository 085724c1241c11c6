"""The options of estimators: what a value of each must look like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from typing import Any

from causalgraph.errors import ModelError, did_you_mean
from causalgraph.estimate.base import Estimator

__all__ = ["COVARIATES", "read_options"]

COVARIATES = "covariates"


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, Real) and not isinstance(value, bool) else None


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else None


def _word(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _names(value: object) -> tuple[str, ...] | None:
    named = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else None
    return named if named is not None and all(isinstance(name, str) for name in named) else None


# What a value is read by, None where it isn't one, and what it is called. Options that aren't here take several forms.
KINDS: Mapping[str, tuple[Callable[[object], Any], str]] = {
    **dict.fromkeys(("replace", "bias_correction", "interactions"), (_truth, "True or False")),
    **dict.fromkeys(("trim", "clip", "caliper"), (_number, "a number")),
    **dict.fromkeys(("neighbours", "error_neighbours", "cross_fit", "permutations"), (_whole, "a whole number")),
    **dict.fromkeys(("weights", "distance", "pairs", "model", "errors", "hc", "inference"), (_word, "a word")),
    **dict.fromkeys((COVARIATES, "exact", "squares"), (_names, "names of variables")),
}


def read_options(method: str, estimator: Estimator, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as their estimator takes them; those that are None are left out.

    Raises:
        ModelError: there is no such option, or a value isn't what the option takes (E221).

    >>> def nothing(*_: object, **__: object) -> None: ...
    >>> read_options("ipw", Estimator(nothing, "ipw", options=("trim",)), {"trim": 0, "covariates": "Age"})
    {'trim': 0.0, 'covariates': ('Age',)}
    """
    known = (*estimator.options, COVARIATES)
    found = {}
    for name, value in options.items():
        if name not in known:
            near = did_you_mean(name, known)
            fix = f"did you mean {near}?" if near else f"it has {', '.join(known)}"
            raise ModelError.because("E221", f"{method} has no option {name}", fix=fix)
        if value is None:
            continue
        read, what = (_word, "the name of a column") if name in estimator.columns else KINDS.get(name, (None, ""))
        found[name] = value if read is None else read(value)
        if found[name] is None:
            said = "the values" if hasattr(value, "__array__") else repr(value)
            raise ModelError.because("E221", f"{name} of {method} is {what}, not {said}")
    return found
