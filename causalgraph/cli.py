"""The command line: answers on stdout, diagnostics on stderr, an exit code that tells them apart.

0 answered, 1 an honest negative, 2 usage, 3 model, 4 data, 5 estimation, 70 a bug of ours, 130 ended by Ctrl-C.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from causalgraph.discovering import discover
from causalgraph.errors import CausalGraphError
from causalgraph.printing import INTERRUPTED, JSON_VERSION, Json, complain, print_json, say, show, write
from causalgraph.simulating import simulate

if TYPE_CHECKING:
    from causalgraph.model import Model

__all__ = ["app", "main"]

BUG = 70

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help starts in half the time
    help="Ask a .dag file what follows from it: paths, adjustment sets, formulas, estimates, pictures.",
)

File = Annotated[Path, typer.Argument(help="The model, a .dag file.")]
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
    complain(model.warnings)
    worst = 0
    answers: list[dict[str, Any]] = []
    bound = opened(model, data) if data is not None or model.data is not None else None
    if not as_json:
        rows = model.rows(bound)
        say(_title(model, file) + (f", {rows:,} rows" if rows is not None else ""))
    for item, result in model.run(bound):
        if isinstance(result, CausalGraphError):
            worst = max(worst, result.exit_code)
            answers.append({"query": item.text, "errors": [d.to_dict() for d in result.diagnostics]})
            if not as_json:
                say(f"\n{item}")
            complain(result.diagnostics)
        else:
            worst = max(worst, result.exit_code)
            answers.append({"query": item.text, **result.to_dict()})
            if not as_json:
                say(f"\n{item}")
                show(result.document(), depth=1)
    if as_json:
        print_json({"version": JSON_VERSION, "model": model.to_dict(), "answers": answers})
    elif not model.items:
        say('\nthe model asks nothing; add a line such as "identify(do(X), Y)"')
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
        str,
        typer.Option("--method", help="counts, bootstrap, gaussian, sql, equations; ipw, aipw, matching, … (docs)."),
    ] = "auto",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="An option of the method: trim=0.05, covariates='Age, Sex'.")
    ] = None,
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
            say(written)
            raise typer.Exit
        show(written.document())
        raise typer.Exit(written.exit_code)
    options: dict[str, Any] = {"weight": weight, "weights_as": weights_as, "cluster": cluster, "method": method}
    options |= dict(map(_setting, settings or ()))
    answer = model.ask(query, data, **options, level=level, seed=seed)
    more = witness_of(answer) if witness else None
    if as_json:
        extra = {"witness": more.to_dict()} if more else {}
        print_json({"version": JSON_VERSION, "query": query, **answer.to_dict(), **extra})
    else:
        show(answer.explanation() if explain else answer.document())
        if more:
            show(more.document())
    raise typer.Exit(answer.exit_code)


def _setting(text: str) -> tuple[str, object]:
    """Read ``name=value``: a number, true or false, names apart by commas, or a word.

    >>> _setting("trim=0.05"), _setting("exact=Age, Sex"), _setting("replace=false")
    (('trim', 0.05), ('exact', ('Age', 'Sex')), ('replace', False))
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not name.isidentifier():
        raise typer.BadParameter(f"write an option as name=value, not {text!r}", param_hint="--set")
    if value.casefold() in ("true", "false"):
        return name, value.casefold() == "true"
    for read in (int, float):
        with suppress(ValueError):
            return name, read(value)
    return name, tuple(part.strip().strip("`") for part in value.split(",")) if "," in value else value


@app.command()
def check(file: File, as_json: Json = False) -> None:
    """Find every problem of a model, and the controls that would bias the effect that it declares."""
    from causalgraph.checks import controls_of
    from causalgraph.loading import load

    model = load(file)
    complain(model.warnings)
    many = len(model.warnings)
    judged = controls_of(model.graph, model.variables)
    if as_json:
        more = {"controls": judged.to_dict() if judged else None}
        print_json(
            {"version": JSON_VERSION, **model.to_dict(), "problems": [w.to_dict() for w in model.warnings], **more}
        )
    else:
        found = f"no error found, {many} warning{'s' * (many > 1)}" if many else "no problem found"
        say(f"{_title(model, file)}\n{found}")
        if judged is not None:
            show(judged.warning())


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
    weigh: Annotated[str, typer.Option("--weigh", help="Let the width of edges tell their p or frequency.")] = "",
    numbers: Annotated[bool, typer.Option("--numbers", help="With --weigh, write the numbers too.")] = False,
    against: Annotated[
        Path | None, typer.Option("--against", help="Another model: show both side by side, and what differs.")
    ] = None,
) -> None:
    """Draw a model, or what differs between two: SVG on stdout, or to a file by its ending."""
    from causalgraph.differences import differences
    from causalgraph.loading import load
    from causalgraph.pictures import FORMS, PAGE, draw

    ending = output.suffix.lower() if output else (PAGE if paths else ".svg")
    if ending not in (*FORMS, PAGE):
        known = ", ".join((*FORMS, PAGE))
        raise typer.BadParameter(f"a picture ends in {known}, not {ending!r}", param_hint="--output")
    if paths and ending != PAGE:
        raise typer.BadParameter(f"paths one by one are a page: name a file that ends in {PAGE}", param_hint="--output")
    if against and (do or paths or weigh or numbers):
        raise typer.BadParameter("two models side by side take no --do, --paths, --weigh or --numbers")
    told = differences(load(file), load(against)) if against else None
    if told:
        made = told.draw(ending)
    else:
        asked = {"do": do or "", "between": paths or "", "weigh": weigh}
        made = draw(load(file), ending, **asked, legend=legend, numbers=numbers)
    if output is None:
        say(str(made))
    else:
        write(output, made if isinstance(made, bytes) else (made.rstrip("\n") + "\n").encode())
        if told:
            show(told.document())


@app.command()
def convert(
    file: File,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The file to write.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="The format; without it, the file's ending says.")] = None,
) -> None:
    """Write a model in another format: dagitty, dot, gml, graphml, lavaan, mermaid, tikz, edgelist, dag."""
    from causalgraph.conversion import diagram_of, not_carried
    from causalgraph.formats.table import by_ending
    from causalgraph.formats.table import write as converted
    from causalgraph.loading import load

    form = to or (by_ending(output) if output else None)
    if form is None:
        raise typer.BadParameter("say the format, such as --to dagitty", param_hint="--to")
    model = load(file)
    drawn = diagram_of(model)
    written = converted(drawn, form)
    warnings = (*model.warnings, *not_carried(form, (*drawn.losses, *written.losses)))
    complain(warnings)
    if output is None:
        say(written.text.rstrip("\n"))
    else:
        write(output, written.text.encode())


app.command()(discover)
app.command()(simulate)


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
        write(file, text.encode())


def _title(model: Model, file: Path) -> str:
    """Say what the model is about and how large it is."""
    latent = len(model.graph.latent)
    hidden = f" ({latent} latent)" if latent else ""
    variables, edges = len(model.graph.nodes), len(model.graph.edges)
    size = f"{variables} variable{'s' * (variables != 1)}{hidden}, {edges} edge{'s' * (edges != 1)}"
    return f"{model.title or file.name}   {size}"


def main() -> None:
    """Run the command line; every way out has its exit code."""
    from causalgraph.progress import watched
    from causalgraph.watching import Spinner

    arguments = sys.argv[1:]
    try:
        with watched(Spinner()):
            app()
    except CausalGraphError as error:
        complain(error.diagnostics)
        if "--json" in arguments:
            print_json({"version": JSON_VERSION, "errors": [d.to_dict() for d in error.diagnostics]})
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
