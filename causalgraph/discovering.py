"""The command `discover`: a graph from data, why its edges are there, and how often they come again."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from causalgraph.errors import ModelError
from causalgraph.printing import INTERRUPTED, JSON_VERSION, Json, print_json, say, show, write

if TYPE_CHECKING:
    from causalgraph.discover.explaining import EdgeExplained
    from causalgraph.discover.found import Found
    from causalgraph.discover.stability import Stability

__all__ = ["discover"]


def discover(  # noqa: PLR0913, PLR0917 (the options of a command)
    data: Annotated[str, typer.Argument(help="The data: a file, or a pattern such as 'part-*.parquet'.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The .dag file to write.")] = None,
    algorithm: Annotated[str, typer.Option("--alg", help="pc, fci or rfci.")] = "pc",
    alpha: Annotated[float, typer.Option("--alpha", help="Independent where the p-value is larger.")] = 0.01,
    test: Annotated[str, typer.Option("--test", help="fisher-z, g2, chi2, or auto.")] = "auto",
    tiers: Annotated[
        str | None, typer.Option("--tiers", help="Groups in the order of time, as in 'Age, Sex; Smoking; Cancer'.")
    ] = None,
    forbid: Annotated[list[str] | None, typer.Option("--forbid", help="An arrow that can't be: 'A -> B'.")] = None,
    require: Annotated[list[str] | None, typer.Option("--require", help="An arrow that must be: 'A -> B'.")] = None,
    knowledge: Annotated[
        Path | None, typer.Option("--knowledge", help="A model whose tier, forbid and require statements hold.")
    ] = None,
    depth: Annotated[int | None, typer.Option("--depth", min=0, help="The size of the largest set to try.")] = None,
    explain: Annotated[
        list[str] | None, typer.Option("--explain", help="Say why two variables are joined, or not: 'A, B'.")
    ] = None,
    bootstrap: Annotated[
        int | None, typer.Option("--bootstrap", min=1, help="Draw the data anew so often: do the edges come again?")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of what is drawn at random.")] = 0,
    as_json: Json = False,  # noqa: FBT002 (a flag with a default)
) -> None:
    """Find a graph in data: its `.dag` text on stdout, or in a file.

    After Ctrl-C it tells what is known by then, and exits with 130.
    """
    from causalgraph.discover.doors import DOORS
    from causalgraph.discover.stability import stability
    from causalgraph.loading import load

    if algorithm not in DOORS:
        raise typer.BadParameter(f"there is no {algorithm!r}; use {', '.join(DOORS)}", param_hint="--alg")
    pairs = [_pair(text) for text in explain or ()]
    settings: dict[str, Any] = {
        "alpha": alpha,
        "test": test,
        "tiers": [
            [n.strip().strip("`") for n in group.split(",")] for group in (tiers or "").split(";") if group.strip()
        ],
        "forbidden": _arrows(forbid, "--forbid"),
        "required": _arrows(require, "--require"),
        "knowledge": None if knowledge is None else load(knowledge).knowledge,
        "depth": depth,
    }
    answer: Found | Stability
    if bootstrap is None:
        answer = found = DOORS[algorithm](data, **settings)
    else:
        answer = stability(data, algorithm, bootstrap, seed, **settings)
        found = answer.found
    explained = [found.explain(a, b) for a, b in pairs]
    if output is not None:
        write(output, answer.text().encode())
    if as_json:
        more = {"explained": [each.to_dict() for each in explained]} if explained else {}
        print_json({"version": JSON_VERSION, **answer.to_dict(), **more})
    elif output is not None:
        show(answer.document())
        for each in explained:
            say("")
            show(each.document())
    else:
        say(answer.text().rstrip("\n") + "".join(map(_remark, explained)))
    if answer.interrupted:
        sys.stderr.write("interrupted; what was found by then:\n" + "".join(f"  {w}\n" for w in answer.unfinished))
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(answer.exit_code)


def _remark(explained: EdgeExplained) -> str:
    """Write an explanation as comments, so that what is on stdout stays a `.dag` file."""
    return "\n\n" + "\n".join(f"# {row}" for row in str(explained).splitlines())


def _pair(text: str) -> tuple[str, str]:
    """Read ``A, B``, names as a model writes them.

    >>> _pair("A, `Blood pressure`")
    ('A', 'Blood pressure')
    """
    from causalgraph.syntax.parser import parse_query
    from causalgraph.syntax.queries import Paths

    said = f"write two names as 'A, B', not {text!r}"
    try:
        asked = parse_query(f"paths({text})")
    except ModelError as error:
        raise typer.BadParameter(said, param_hint="--explain") from error
    if isinstance(asked, Paths) and not asked.given and len(asked.left) == len(asked.right) == 1:
        (a,), (b,) = asked.left, asked.right
        if a.value is None and b.value is None:
            return a.variable, b.variable
    raise typer.BadParameter(said, param_hint="--explain")


def _arrows(texts: Iterable[str] | None, option: str) -> list[tuple[str, str]]:
    """Read ``A -> B``, each as a model would."""
    from causalgraph.loading import graph

    read = [(text, edge) for text in texts or () for edge in graph(text).edges or (None,)]
    for text, edge in read:
        if edge is None or edge.mark != "->":
            raise typer.BadParameter(f"write an arrow as 'A -> B', not {text!r}", param_hint=option)
    return [(edge.left, edge.right) for _, edge in read if edge]
