"""One package answers the questions of evaluate.py: JSON on stdin, JSON on stdout, in the package's own environment.

    python evaluate_runner.py NAME < request.json

NAME is one of `PEERS`. The rows are read before the clock starts; what is timed is all that a user would run from a
pandas data frame to an effect with its standard error, and no import. A peer gets the least work that is right for it:
dummies of the covariates and linear first stages, which the data allow.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import re
import resource
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

MOST_MEMORY = 14 * 2**30
FOLDS = 5

Found = tuple[float, float | None]


def dummies(frame: pd.DataFrame, names: list[str]) -> Any:
    """Return indicators of the covariates' levels but the first, ``(n, p)``."""
    return pd.get_dummies(frame[names], columns=names, drop_first=True, dtype=float).to_numpy()


def ols(y: pd.Series[float], columns: list[Any]) -> Any:
    """Fit a line with statsmodels, with errors that hold for any variance; the constant comes last."""
    import statsmodels.api as sm

    design = np.column_stack([*columns, np.ones(len(y))])
    return sm.OLS(y.to_numpy(dtype=float), design).fit(cov_type="HC1")


def statsmodels_back_door(frame: pd.DataFrame) -> Found:
    """Fit a line of the treatment and dummies."""
    fit = ols(frame["Y"], [frame["X"], dummies(frame, ["A", "B", "C"])])
    return float(fit.params[0]), float(fit.bse[0])


def statsmodels_front_door(frame: pd.DataFrame) -> Found:
    """Multiply two slopes, X on M and M on Y beside X; statsmodels has the lines, the product is written here."""
    first, second = ols(frame["M"], [frame["X"]]), ols(frame["Y"], [frame["M"], frame["X"]])
    a, b = float(first.params[0]), float(second.params[0])
    return a * b, float(np.hypot(a * second.bse[0], b * first.bse[0]))


def statsmodels_napkin(frame: pd.DataFrame) -> Found:
    """Take Z as an instrument given W."""
    from statsmodels.sandbox.regression.gmm import IV2SLS

    one = np.ones(len(frame))
    x, z, w, y = (frame[name].to_numpy(dtype=float) for name in "XZWY")
    fit = IV2SLS(y, np.column_stack([x, w, one]), np.column_stack([z, w, one])).fit()
    return float(fit.params[0]), float(fit.bse[0])


def doubleml_back_door(frame: pd.DataFrame) -> Found:
    """Fit the partially linear model, five folds."""
    from doubleml import DoubleMLData, DoubleMLPLR
    from sklearn.linear_model import LinearRegression

    made = pd.get_dummies(frame, columns=["A", "B", "C"], drop_first=True, dtype=float)
    covariates = [name for name in made.columns if name not in ("X", "Y")]
    data = DoubleMLData(made.astype(float), "Y", "X", covariates)
    fit = DoubleMLPLR(data, LinearRegression(), LinearRegression(), n_folds=FOLDS).fit()
    return float(fit.coef[0]), float(fit.se[0])


def doubleml_napkin(frame: pd.DataFrame) -> Found:
    """Fit the partially linear model with Z as an instrument given W, five folds."""
    from doubleml import DoubleMLData, DoubleMLPLIV
    from sklearn.linear_model import LinearRegression

    data = DoubleMLData(frame.astype(float), y_col="Y", d_cols="X", x_cols=["W"], z_cols="Z")
    fit = DoubleMLPLIV(data, LinearRegression(), LinearRegression(), LinearRegression(), n_folds=FOLDS).fit()
    return float(fit.coef[0]), float(fit.se[0])


def econml_back_door(frame: pd.DataFrame) -> Found:
    """Fit LinearDML with a constant effect, five folds."""
    from econml.dml import LinearDML
    from sklearn.linear_model import LinearRegression

    fit = LinearDML(model_y=LinearRegression(), model_t=LinearRegression(), cv=FOLDS)
    y, x = (frame[name].to_numpy(dtype=float) for name in "YX")
    fit.fit(y, x, W=dummies(frame, ["A", "B", "C"]))
    return float(np.ravel(fit.intercept_)[0]), float(np.ravel(fit.intercept__inference().stderr)[0])


def dowhy_effect(frame: pd.DataFrame, graph: str, method: str) -> Any:
    """Build the model, identify and estimate."""
    from dowhy import CausalModel

    model = CausalModel(data=frame, treatment="X", outcome="Y", graph=f"digraph {{ {graph} }}")
    estimand = model.identify_effect(proceed_when_unidentifiable=True)
    return model.estimate_effect(estimand, method_name=method)


def dowhy_back_door(frame: pd.DataFrame) -> Found:
    """Fit a line; covariates marked as categories become dummies."""
    frame = frame.astype(dict.fromkeys("ABC", "category"))
    found = dowhy_effect(frame, "A -> {X Y}; B -> {X Y}; C -> {X Y}; X -> Y;", "backdoor.linear_regression")
    return float(found.value), float(np.ravel(found.get_standard_error())[0])


def dowhy_front_door(frame: pd.DataFrame) -> Found:
    """Fit a line in two stages; the standard error would fit a hundred times again, and isn't asked for."""
    return float(dowhy_effect(frame, "U -> {X Y}; X -> M; M -> Y;", "frontdoor.two_stage_regression").value), None


PEERS: dict[str, dict[str, Callable[[pd.DataFrame], Found]]] = {
    "dowhy": {"back door": dowhy_back_door, "front door": dowhy_front_door},
    "econml": {"back door": econml_back_door},
    "doubleml": {"back door": doubleml_back_door, "napkin": doubleml_napkin},
    "statsmodels": {
        "back door": statsmodels_back_door,
        "front door": statsmodels_front_door,
        "napkin": statsmodels_napkin,
    },
}


def peak() -> int:
    """Return the most memory that this process has held, in bytes; what `getrusage` says includes the parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def answer(name: str, task: str, path: str, repeats: int, patience: float) -> dict[str, Any]:
    """Put one question to a package, several times, until its patience is spent."""
    if task not in PEERS[name]:
        return {"absent": True}
    frame = pd.read_parquet(path)
    ask = PEERS[name][task]
    try:
        ask(frame.iloc[:10_000])  # whatever is imported or compiled on first use isn't what is measured
        seconds: list[float] = []
        value, error = 0.0, None
        while len(seconds) < repeats and (not seconds or sum(seconds) < patience):
            start = time.perf_counter()
            value, error = ask(frame)
            seconds.append(time.perf_counter() - start)
    except Exception as problem:  # noqa: BLE001 (a peer may raise anything; what it says is shown)
        return {"failed": f"{type(problem).__name__}: {problem}"[:200]}
    return {"seconds": seconds, "value": value, "error": error, "peak": peak()}


def main() -> None:
    """Answer one question."""
    asked = json.load(sys.stdin)
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    name = sys.argv[1]
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):  # some peers print
        found = answer(name, asked["task"], asked["path"], asked["repeats"], asked["patience"])
    json.dump(found | {"version": importlib.metadata.version(name)}, sys.stdout)


if __name__ == "__main__":
    main()
