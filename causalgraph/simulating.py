"""The command `simulate`: rows from a model's equations, as they are or under an intervention."""

from __future__ import annotations

import csv
import os
import sys
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from causalgraph.errors import ModelError, SourceText
from causalgraph.printing import write

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["simulate"]

# How a file's ending says what is written.
SEPARATORS = {".csv": ",", ".tsv": "\t"}
PARQUET = ".parquet"


def simulate(
    file: Annotated[Path, typer.Argument(help="The model, a .dag file with an equation for each variable.")],
    rows: Annotated[int, typer.Option("-n", "--rows", min=1, help="How many rows.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same units.")] = 0,
    do: Annotated[list[str] | None, typer.Option("--do", help="What is set, as in 'Banner=1, Price=20'.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A .csv, .tsv or .parquet file; else CSV on stdout.")
    ] = None,
) -> None:
    """Draw rows from a model's equations: one unit each, latent variables left out."""
    from causalgraph.loading import load

    ending = output.suffix.lower() if output else ".csv"
    if ending not in (*SEPARATORS, PARQUET):
        known = ", ".join((*SEPARATORS, PARQUET))
        raise typer.BadParameter(f"data end in {known}, not {ending!r}", param_hint="--output")
    held = {name: level for text in do or () for name, level in _held(text).items()}
    content = _bytes(load(file).simulate(rows, seed=seed, do=held), ending)
    if output is not None:
        write(output, content)
        return
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has left, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _held(text: str) -> dict[str, str]:
    """Read ``Banner=1, `Unit price`=20``, names and levels as a model writes them.

    >>> _held("Banner=1, `Unit price`=20")
    {'Banner': '1', 'Unit price': '20'}
    """
    from causalgraph.syntax.parser import parse_query
    from causalgraph.syntax.queries import Intervene

    said = f"write what is set as 'Banner=1', not {text!r}"
    try:
        asked = parse_query(SourceText(f"do({text})", "--do"))
    except ModelError as error:
        raise typer.BadParameter(said, param_hint="--do") from error
    terms = asked.treatments if isinstance(asked, Intervene) else ()
    held = {term.variable: term.value for term in terms if term.value is not None}
    if not held or len(held) < len(terms):
        raise typer.BadParameter(said, param_hint="--do")
    return held


def _bytes(frame: pd.DataFrame, ending: str) -> bytes:
    """Return a frame as the content of a file; DuckDB writes text five times as fast as pandas, to the same digits."""
    import duckdb

    names = list(map(str, frame.columns))
    # DuckDB takes A and a for one name.
    plain = frame.set_axis([f"c{place}" for place in range(len(names))], axis=1)
    with TemporaryDirectory() as folder, duckdb.connect() as connection:
        place = Path(folder) / f"rows{ending}"
        if ending != PARQUET:
            head = StringIO()
            csv.writer(head, delimiter=SEPARATORS[ending], lineterminator="\n").writerow(names)
            connection.from_df(plain).write_csv(str(place), sep=SEPARATORS[ending], header=False)
            return head.getvalue().encode() + place.read_bytes()
        alike = next((name for name in names if sum(n.casefold() == name.casefold() for n in names) > 1), None)
        if alike is not None:
            what = f"a parquet file can't hold {alike} beside a name that differs in case alone"
            raise ModelError.because("E015", what, fix="write a .csv file, or rename one of them")
        connection.from_df(frame).write_parquet(str(place))
        return place.read_bytes()
