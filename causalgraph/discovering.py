"""The command `discover`: a graph from data, why its edges are there, and how often they come again."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from causalgraph.errors import DataError, Diagnostic, ModelError, SourceText
from causalgraph.printing import INTERRUPTED, JSON_VERSION, Json, print_json, say, show, write

if TYPE_CHECKING:
    from causalgraph.discover.explaining import EdgeExplained
    from causalgraph.discover.found import Found
    from causalgraph.discover.stability import Stability
    from causalgraph.graphs.knowledge import Knowledge

__all__ = ["discover"]

# The endings of what is written; a file may have none.
ENDINGS = ("", ".dag", ".txt")
# Names as people type them without backticks: words with spaces between.
WORDS = re.compile(r"\w+(?: \w+)*")
QUOTED = re.compile(r"`[^`\n]*`")
# Code -> what mends it on a command line.
FIXES = {
    "E320": "leave it out: --variables 'A, B' names the columns to use",
    "E324": "leave one kind out (--variables 'A, B' names the columns to use), or put the numbers into classes",
}


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
    variables: Annotated[
        str | None, typer.Option("--variables", help="Only these columns, as in 'Age, Smoking, Cancer'.")
    ] = None,
    depth: Annotated[int | None, typer.Option("--depth", min=0, help="The size of the largest set to try.")] = None,
    explain: Annotated[
        list[str] | None, typer.Option("--explain", help="Say why two variables are joined, or not: 'A, B'.")
    ] = None,
    bootstrap: Annotated[
        int | None, typer.Option("--bootstrap", min=1, help="Draw the data anew so often: do the edges come again?")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of what is drawn at random.")] = 0,
    as_json: Json = False,  # noqa: FBT002 (a flag with a default)
) -> None:
    """Find a graph in data: its `.dag` text on stdout, or in a file.

    After Ctrl-C it tells what is known by then, and exits with 130.
    """
    from causalgraph.discover.doors import DOORS
    from causalgraph.discover.stability import stability

    if algorithm not in DOORS:
        raise typer.BadParameter(f"there is no {algorithm!r}; use {', '.join(DOORS)}", param_hint="--alg")
    if not 0 < alpha < 1:
        raise typer.BadParameter(f"alpha lies between 0 and 1, and {alpha:g} doesn't", param_hint="--alpha")
    if output is not None:
        _check_output(output, data, knowledge)
    pairs = [_pair(text) for text in explain or ()]
    settings: dict[str, Any] = {
        "alpha": alpha,
        "test": test,
        "tiers": [_names(group, "--tiers") for group in _statements(tiers or "", "--tiers")],
        "forbidden": _arrows(forbid, "forbid"),
        "required": _arrows(require, "require"),
        "knowledge": None if knowledge is None else _knowledge(knowledge),
        "variables": None if variables is None else _names(variables, "--variables"),
        "depth": depth,
    }
    answer: Found | Stability
    try:
        if bootstrap is None:
            answer = found = DOORS[algorithm](data, **settings)
        else:
            answer = stability(data, algorithm, bootstrap, seed, **settings)
            found = answer.found
    except DataError as error:
        raise DataError(*(replace(d, fix=FIXES.get(d.code, d.fix)) for d in error.diagnostics)) from error
    explained = [found.explain(a, b) for a, b in pairs]
    if output is not None:
        write(output, (answer.text() + _data_line(data, output)).encode())
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


def _check_output(output: Path, data: str, knowledge: Path | None) -> None:
    """Refuse to write over what is read, and endings that say something else.

    Raises:
        typer.BadParameter: it would.
    """
    read = [data, *glob.glob(data, recursive=True), *([] if knowledge is None else [str(knowledge)])]  # noqa: PTH207 (as data are read)
    for name in dict.fromkeys(read):
        if _is_same(output, Path(name)):
            raise typer.BadParameter(f"{output} is read: the graph would replace it", param_hint="--output")
    if output.suffix.lower() not in ENDINGS:
        known = " or ".join(ending for ending in ENDINGS if ending)
        raise typer.BadParameter(f"a graph ends in {known}, not {output.suffix!r}", param_hint="--output")


def _is_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, by whatever links."""
    return one.exists() and other.exists() and one.samefile(other)


def _data_line(data: str, output: Path) -> str:
    """Name the data, if they are one file, as a statement of the written file, which is where its path starts."""
    from causalgraph.syntax.names import string_text

    place = Path(data).resolve()
    if not place.is_file() or "\n" in str(place):
        return ""
    try:
        path = Path(os.path.relpath(place, output.resolve().parent))
    except ValueError:  # another drive
        path = place
    return f"\ndata {string_text(path.as_posix())}\n"


def _knowledge(place: Path) -> Knowledge:
    """Read what is known from a file; say so where it says nothing."""
    from causalgraph.discover.known import read_knowledge

    found = read_knowledge(place)
    if not found:
        sys.stderr.write(
            f"warning: {place} has no tier, forbid or require statement: its arrows aren't taken as knowledge\n"
        )
    return found


def _statements(text: str, option: str) -> list[str]:
    """Split a text at semicolons, apart from those in backticks.

    >>> _statements("A, `B; C`; D", "--tiers")
    ['A, `B; C`', 'D']

    Raises:
        typer.BadParameter: a backtick is never closed, or a comment would hide what follows.
    """
    from causalgraph.syntax.splitter import split

    found = split(SourceText(text))
    said = found.diagnostics[0].what if found.diagnostics else "# starts a comment"
    if found.diagnostics or "#" in QUOTED.sub("", text):
        raise typer.BadParameter(f"{text!r}: {said}; names may stand in backticks", param_hint=option)
    return [text[place.start : place.end] for place in found.statements]


def _names(text: str, option: str) -> list[str]:
    """Read names with commas between, as a model has them; words with spaces between may stand without backticks.

    >>> _names("A, `B, C`", "--tiers"), _names("Blood pressure, Age", "--tiers")
    (['A', 'B, C'], ['Blood pressure', 'Age'])

    Raises:
        typer.BadParameter: these aren't names.
    """
    from causalgraph.syntax.names import normal
    from causalgraph.syntax.parser import parse
    from causalgraph.syntax.tree import Tier

    bare = [part.strip() for part in text.split(",")]
    if all(map(WORDS.fullmatch, bare)):
        return [normal(name) for name in bare]
    why = ""
    try:
        statements = parse(f"tier 1: {text}").statements
    except ModelError as error:
        statements, why = (), f": {error.diagnostics[0].what}"
    if len(statements) == 1 and isinstance(statements[0], Tier):
        return [name.text for name in statements[0].names]
    said = f"write names with commas between, in backticks where they hold more than words, not {text!r}{why}"
    raise typer.BadParameter(said, param_hint=option)


def _pair(text: str) -> tuple[str, str]:
    """Read ``A, B``, names as a model writes them.

    >>> _pair("A, `Blood pressure`")
    ('A', 'Blood pressure')
    """
    names = _names(text, "--explain")
    if len(names) != 2:
        said = f"write two names as 'A, B', in backticks where they hold more than words, not {text!r}"
        raise typer.BadParameter(said, param_hint="--explain")
    if names[0] == names[1]:
        raise typer.BadParameter(f"{names[0]} is named twice", param_hint="--explain")
    return names[0], names[1]


def _arrows(texts: Iterable[str] | None, word: str) -> list[tuple[str, str]]:
    """Read ``A -> B``, each as a statement of a model would be.

    >>> _arrows(["A -> B, C"], "forbid")
    [('A', 'B'), ('A', 'C')]

    Raises:
        typer.BadParameter: these aren't arrows.
    """
    from causalgraph.discover.declared import declared, named
    from causalgraph.syntax.parser import parse

    found: list[tuple[str, str]] = []
    for text in texts or ():
        problems: tuple[Diagnostic, ...] = ()
        arrows: list[tuple[str, str]] = []
        try:
            for each in _statements(text, f"--{word}"):
                statements = parse(f"{word} {each}").statements
                told = declared(statements, {name.text for name in named(statements)})
                problems += tuple(told.problems)
                arrows += (*told.knowledge.forbidden, *told.knowledge.required)
        except ModelError as error:
            problems = error.diagnostics
        if problems or not arrows:
            why = f": {problems[0].what}" if problems else ""
            raise typer.BadParameter(f"write an arrow as 'A -> B', not {text!r}{why}", param_hint=f"--{word}")
        found += arrows
    return found
