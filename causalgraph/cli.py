"""The command line: answers on stdout, diagnostics on stderr, an exit code that tells them apart.

0 answered, 1 an honest negative, 2 usage, 3 model, 4 data, 5 estimation, 70 a bug of ours.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from causalgraph.errors import CausalGraphError, Diagnostic, ModelError

if TYPE_CHECKING:
    from causalgraph.answers import Document
    from causalgraph.model import Model

__all__ = ["app", "main"]

# The version of what `--json` prints.
JSON_VERSION = 1
BUG = 70
INTERRUPTED = 130

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help starts in half the time
    help="Ask a .dag file what follows from it: paths, adjustment sets, formulas, estimates, pictures.",
)

File = Annotated[Path, typer.Argument(help="The model, a .dag file.")]
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
Data = Annotated[Path | None, typer.Option("--data", help="Use this file in place of the data that the model names.")]


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Take the options that stand before a command."""
    if version:
        from causalgraph import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.command()
def run(file: File, as_json: Json = False, data: Data = None) -> None:
    """Answer every query of a model and check every `expect`."""
    from causalgraph.loading import load
    from causalgraph.sources import opened

    model = load(file)
    _complain(model.warnings)
    worst = 0
    answers: list[dict[str, Any]] = []
    bound = opened(model, data) if data is not None or model.data is not None else None
    if not as_json:
        rows = model.rows(bound)
        _say(_title(model, file) + (f", {rows:,} rows" if rows is not None else ""))
    for item, result in model.run(bound):
        if isinstance(result, CausalGraphError):
            worst = max(worst, result.exit_code)
            answers.append({"query": item.text, "errors": [d.to_dict() for d in result.diagnostics]})
            if not as_json:
                _say(f"\n{item}")
            _complain(result.diagnostics)
        else:
            worst = max(worst, result.exit_code)
            answers.append({"query": item.text, **result.to_dict()})
            if not as_json:
                _say(f"\n{item}")
                _show(result.document(), depth=1)
    if as_json:
        _print_json({"version": JSON_VERSION, "model": model.to_dict(), "answers": answers})
    elif not model.items:
        _say('\nthe model asks nothing; add a line such as "identify(do(X), Y)"')
    raise typer.Exit(worst)


@app.command()
def ask(  # noqa: PLR0913, PLR0917 (the options of a command)
    file: File,
    query: Annotated[str, typer.Argument(help="The question, such as 'identify(do(X), Y)'.")],
    as_json: Json = False,
    data: Data = None,
    weight: Annotated[str | None, typer.Option("--weight", help="The column of weights.")] = None,
    level: Annotated[float, typer.Option("--level", min=0.5, max=0.9999, help="The level of intervals.")] = 0.95,
    weights_as: Annotated[
        str | None, typer.Option("--weights-as", help="What weights are: counts, survey or exact.")
    ] = None,
    cluster: Annotated[str | None, typer.Option("--cluster", help="A column: rows that share a value.")] = None,
    method: Annotated[
        str, typer.Option("--method", help="counts, bootstrap, 'bayesian bootstrap', gaussian or sql.")
    ] = "auto",
    seed: Annotated[int, typer.Option("--seed", help="Of what is drawn at random.")] = 0,
    sql: Annotated[
        str | None, typer.Option("--sql", help="Print the question as SQL: duckdb, spark or postgres.")
    ] = None,
    table: Annotated[str, typer.Option("--table", help="With --sql, what stands after FROM.")] = "data",
    explain: Annotated[bool, typer.Option("--explain", help="Tell a proof step by step, in plain words.")] = False,
    witness: Annotated[
        bool, typer.Option("--witness", help="With a 'not identified', print two models that prove it.")
    ] = False,
) -> None:
    """Answer one question about a model."""
    from causalgraph.ask import witness_of
    from causalgraph.loading import load

    model = load(file)
    if sql is not None:
        written = model.sql(query, data, dialect=sql, table=table)
        if isinstance(written, str):
            _say(written)
            raise typer.Exit
        _show(written.document())
        raise typer.Exit(written.exit_code)
    options: dict[str, Any] = {"weight": weight, "weights_as": weights_as, "cluster": cluster, "method": method}
    answer = model.ask(query, data, **options, level=level, seed=seed)
    more = witness_of(answer) if witness else None
    if as_json:
        extra = {"witness": more.to_dict()} if more else {}
        _print_json({"version": JSON_VERSION, "query": query, **answer.to_dict(), **extra})
    else:
        _show(answer.explanation() if explain else answer.document())
        if more:
            _show(more.document())
    raise typer.Exit(answer.exit_code)


@app.command()
def check(file: File, as_json: Json = False) -> None:
    """Find every problem of a model, and the controls that would bias the effect that it declares."""
    from causalgraph.checks import controls_of
    from causalgraph.loading import load

    model = load(file)
    _complain(model.warnings)
    many = len(model.warnings)
    judged = controls_of(model.graph, model.variables)
    if as_json:
        more = {"controls": judged.to_dict() if judged else None}
        _print_json(
            {"version": JSON_VERSION, **model.to_dict(), "problems": [w.to_dict() for w in model.warnings], **more}
        )
    else:
        found = f"no error found, {many} warning{'s' * (many > 1)}" if many else "no problem found"
        _say(f"{_title(model, file)}\n{found}")
        if judged is not None:
            _show(judged.warning())


@app.command()
def render(
    file: File,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="An .svg, .png, .pdf, .dot or .html file.")
    ] = None,
    do: Annotated[str | None, typer.Option("--do", help="Show the surgery do(X), before and after.")] = None,
    paths: Annotated[
        str | None, typer.Option("--paths", help="Light the paths one by one, as in 'X, Y | Z' (a page).")
    ] = None,
    legend: Annotated[bool, typer.Option("--legend", help="Explain the signs below the picture.")] = False,
) -> None:
    """Draw a model: SVG on stdout, or to a file by its ending."""
    from causalgraph.loading import load
    from causalgraph.pictures import FORMS, PAGE, draw

    ending = output.suffix.lower() if output else (PAGE if paths else ".svg")
    if ending not in (*FORMS, PAGE):
        known = ", ".join((*FORMS, PAGE))
        raise typer.BadParameter(f"a picture ends in {known}, not {ending!r}", param_hint="--output")
    if paths and ending != PAGE:
        raise typer.BadParameter(f"paths one by one are a page: name a file that ends in {PAGE}", param_hint="--output")
    made = draw(load(file), ending, do=do or "", between=paths or "", legend=legend)
    if output is None:
        _say(str(made))
    else:
        _write(output, made if isinstance(made, bytes) else (made.rstrip("\n") + "\n").encode())


@app.command()
def convert(
    file: File,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The file to write.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="The format; without it, the file's ending says.")] = None,
) -> None:
    """Write a model in another format: dagitty, dot, gml, graphml, lavaan, mermaid, tikz, edgelist, dag."""
    from causalgraph.conversion import diagram_of, not_carried
    from causalgraph.formats.table import by_ending, write
    from causalgraph.loading import load

    form = to or (by_ending(output) if output else None)
    if form is None:
        raise typer.BadParameter("say the format, such as --to dagitty", param_hint="--to")
    model = load(file)
    drawn = diagram_of(model)
    written = write(drawn, form)
    warnings = (*model.warnings, *not_carried(form, (*drawn.losses, *written.losses)))
    _complain(warnings)
    if output is None:
        _say(written.text.rstrip("\n"))
    else:
        _write(output, written.text.encode())


@app.command()
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
    depth: Annotated[int | None, typer.Option("--depth", min=0, help="The size of the largest set to try.")] = None,
    as_json: Json = False,
) -> None:
    """Find a graph in data: its `.dag` text on stdout, or in a file; what speaks for it on stderr."""
    from causalgraph.discover.doors import DOORS

    if algorithm not in DOORS:
        raise typer.BadParameter(f"there is no {algorithm!r}; use {', '.join(DOORS)}", param_hint="--alg")
    found = DOORS[algorithm](
        data,
        alpha,
        test,
        tiers=[[n.strip().strip("`") for n in group.split(",")] for group in (tiers or "").split(";") if group.strip()],
        forbidden=_arrows(forbid, "--forbid"),
        required=_arrows(require, "--require"),
        depth=depth,
    )
    if output is not None:
        _write(output, found.text().encode())
    if as_json:
        _print_json({"version": JSON_VERSION, **found.to_dict()})
    elif output is not None:
        _show(found.document())
    else:
        _say(found.text().rstrip("\n"))
    raise typer.Exit(found.exit_code)


def _arrows(texts: list[str] | None, option: str) -> list[tuple[str, str]]:
    """Read ``A -> B``, each as a model would."""
    from causalgraph.loading import graph

    read = [(text, edge) for text in texts or () for edge in graph(text).edges or (None,)]
    for text, edge in read:
        if edge is None or edge.mark != "->":
            raise typer.BadParameter(f"write an arrow as 'A -> B', not {text!r}", param_hint=option)
    return [(edge.left, edge.right) for _, edge in read if edge]


@app.command()
def fmt(
    file: File,
    verify: Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 if the file would change.")] = False,
    stdout: Annotated[bool, typer.Option("--stdout", help="Print the text instead of writing the file.")] = False,
) -> None:
    """Write a model the way everyone writes it; comments stay."""
    from causalgraph.syntax.formatter import fmt as formatted
    from causalgraph.syntax.splitter import read_text

    source = read_text(file)
    text = formatted(source)
    if stdout:
        sys.stdout.write(text)
    elif text == source.text:
        return
    elif verify:
        sys.stderr.write(f"{file} would be changed\n")
        raise typer.Exit(1)
    else:
        _write(file, text.encode())


def _write(place: Path, content: bytes) -> None:
    """Write a file whole or not at all; a link stays a link, and permissions stay."""
    target = place.resolve()
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        beside.write_bytes(content)
        if target.exists():
            shutil.copymode(target, beside)
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise ModelError.because("E015", f"{place} can't be written: {error.strerror}") from error


def _title(model: Model, file: Path) -> str:
    """Say what the model is about and how large it is."""
    latent = len(model.graph.latent)
    hidden = f" ({latent} latent)" if latent else ""
    variables, edges = len(model.graph.nodes), len(model.graph.edges)
    size = f"{variables} variable{'s' * (variables != 1)}{hidden}, {edges} edge{'s' * (edges != 1)}"
    return f"{model.title or file.name}   {size}"


def _show(document: Document, depth: int = 0) -> None:
    """Print a document, in colour where stdout is a terminal that wants it."""
    from causalgraph.render.text import coloured, plain

    width = shutil.get_terminal_size().columns - 2 * depth if sys.stdout.isatty() else None
    text = (coloured if _colour() else plain)(document, width)
    _say("\n".join("  " * depth + row if row else row for row in text.split("\n")))


def _colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _say(text: str) -> None:
    """Print to stdout; what its encoding can't carry is replaced, never an error."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, errors="replace").decode(encoding) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has left, as `head` does: nothing is wrong, and nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except OSError as error:
        # Nothing may be left in the buffer, or Python would complain once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise ModelError.because("E015", f"the answer can't be written: {error.strerror}") from error


def _print_json(value: dict[str, Any]) -> None:
    _say(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


def _complain(diagnostics: tuple[Diagnostic, ...]) -> None:
    if not diagnostics:
        return
    sys.stdout.flush()
    encoding = sys.stderr.encoding or "utf-8"
    text = "\n\n".join(map(str, diagnostics))
    sys.stderr.write(text.encode(encoding, errors="replace").decode(encoding) + "\n")


def main() -> None:
    """Run the command line; every way out has its exit code."""
    from causalgraph.progress import watched
    from causalgraph.watching import Spinner

    arguments = sys.argv[1:]
    try:
        with watched(Spinner()):
            app()
    except CausalGraphError as error:
        _complain(error.diagnostics)
        if "--json" in arguments:
            _print_json({"version": JSON_VERSION, "errors": [d.to_dict() for d in error.diagnostics]})
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception:  # noqa: BLE001  # the last resort of a command line: whatever it is, the exit code says that it is our fault
        import traceback

        traceback.print_exc()
        sys.stderr.write(
            "\nThis is a bug in causalgraph. Please report it with the lines above and the model that led here.\n"
        )
        sys.exit(BUG)
