"""What the command line prints and writes: answers on stdout, diagnostics on stderr, files whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from causalgraph.errors import Diagnostic, ModelError

if TYPE_CHECKING:
    from causalgraph.answers import Document

__all__ = ["INTERRUPTED", "JSON_VERSION", "Json", "complain", "print_json", "say", "show", "write"]

# The version of what `--json` prints.
JSON_VERSION = 1
# The exit code of what Ctrl-C ended.
INTERRUPTED = 130

Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def write(place: Path, content: bytes) -> None:
    """Write a file whole or not at all; a link stays a link, and permissions stay.

    What is no plain file, such as a pipe or a device, is written to as it is: a file in its place would replace it.

    Raises:
        ModelError: it can't be written (E015).
    """
    try:
        if place.exists() and not place.is_file():
            place.write_bytes(content)
            return
    except OSError as error:
        raise ModelError.because("E015", f"{place} can't be written: {error.strerror}") from error
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


def show(document: Document, depth: int = 0) -> None:
    """Print a document, in colour where stdout is a terminal that wants it."""
    from causalgraph.render.text import coloured, plain

    width = shutil.get_terminal_size().columns - 2 * depth if sys.stdout.isatty() else None
    text = (coloured if _colour() else plain)(document, width)
    say("\n".join("  " * depth + row if row else row for row in text.split("\n")))


def _colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def say(text: str) -> None:
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


def print_json(value: dict[str, Any]) -> None:
    """Print JSON; what it can't hold, such as an endless number, is a bug."""
    say(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


def complain(diagnostics: tuple[Diagnostic, ...]) -> None:
    """Print errors and warnings to stderr, after all that is on its way to stdout."""
    if not diagnostics:
        return
    sys.stdout.flush()
    encoding = sys.stderr.encoding or "utf-8"
    text = "\n\n".join(map(str, diagnostics))
    sys.stderr.write(text.encode(encoding, errors="replace").decode(encoding) + "\n")
