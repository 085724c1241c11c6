"""This package answers the questions of evaluate.py on one engine: JSON on stdin, JSON on stdout.

    python evaluate_ours.py ENGINE < request.json

ENGINE is one of `ENGINES`. Each repeat opens the data anew. ``first`` is the time of a question on data that nothing is
known of, ``encoded`` of one whose columns other questions have encoded, one column each, so that no cells are counted
yet; ``again`` of the same question once more.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import causalgraph as cg
from causalgraph.evaluate.estimate import Estimate

QUERY = "ate(X, Y)"
SPARK = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "4g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def of_pandas(path: str) -> Any:
    """Read a pandas data frame."""
    import pandas as pd

    return pd.read_parquet(path)


def of_polars(path: str) -> Any:
    """Read a polars data frame."""
    import polars as pl

    return pl.read_parquet(path)


def of_spark(path: str) -> Any:
    """Read lazily in a Spark session on this machine."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[*]")
    for key, value in SPARK.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    return session.read.parquet(path)


def of_limited(path: str) -> Any:
    """Open a relation of DuckDB, on a connection that may hold 400 MB."""
    import duckdb

    return duckdb.connect(config={"memory_limit": "400MB"}).read_parquet(path)


# Parquet files are read by DuckDB, out of core.
ENGINES: dict[str, Callable[[str], Any]] = {
    "pandas": of_pandas,
    "polars": of_polars,
    "parquet (DuckDB)": str,
    "Spark": of_spark,
    "DuckDB, 400 MB": of_limited,
}


def peak() -> int:
    """Return the most memory that this process has held, in bytes; what `getrusage` says includes the parent's."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) * 1024 if found else 0


def estimate(model: cg.Model, data: object, query: str = QUERY) -> Estimate:
    """Ask for a number.

    Raises:
        TypeError: the answer is another.
    """
    found = model.ask(query, data=data)
    if not isinstance(found, Estimate):
        raise TypeError(str(found))
    return found


def timed(model: cg.Model, data: object) -> tuple[float, Estimate]:
    """Ask, and say how long it took."""
    start = time.perf_counter()
    found = estimate(model, data)
    return time.perf_counter() - start, found


def once(engine: str, text: str, path: str) -> dict[str, Any]:
    """Ask one question once, on data that nothing is known of, and say what was held before and at most."""
    data = ENGINES[engine](path)
    model = cg.parse(text)
    before = peak()
    took, found = timed(model, cg.open_data(data))
    return {"first": [took], "value": found.value, "error": found.std_error, "before": before, "peak": peak()}


def answer(engine: str, text: str, path: str, columns: list[str], repeats: int, patience: float) -> dict[str, Any]:
    """Ask one question several times, until the patience is spent."""
    data = ENGINES[engine](path)
    model = cg.parse(text)
    out: dict[str, Any] = {"first": [], "encoded": [], "again": []}
    # What is imported or compiled on first use isn't what is measured; the formula is derived once for a model.
    estimate(model, cg.open_data(data))
    begun = time.perf_counter()
    for number in range(repeats):
        if number and time.perf_counter() - begun > patience:
            break
        opened = cg.open_data(data)
        took, _ = timed(model, opened)
        out["first"].append(took)
        opened = cg.open_data(data)
        for name in columns:
            model.ask(f"P({name})", data=opened)
        for what in ("encoded", "again"):
            took, found = timed(model, opened)
            out[what].append(took)
    return out | {"value": found.value, "error": found.std_error, "peak": peak()}


def main() -> None:
    """Answer one question."""
    asked = json.load(sys.stdin)
    told = sys.stdout
    sys.stdout = sys.stderr
    first = sys.argv[1], asked.pop("model"), asked.pop("path")
    # Without columns to encode beforehand, there is one question to be asked once.
    json.dump(answer(*first, **asked) if asked else once(*first), told)


if __name__ == "__main__":
    # This folder comes first on the path, but its coverage.py isn't what numba looks for under that name.
    sys.path.remove(str(Path(__file__).resolve().parent))
    main()
