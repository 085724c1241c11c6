"""The fenced blocks of README.md and docs/: found, run, and renewed.

`python tests/blocks.py` writes what the program prints now into every `console` block, after a change that is meant.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from causalgraph.cli import main

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
FENCED = re.compile(r"^```(\w*)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#:]+)(?:#([^)]*))?\)")


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Block:
    """A fenced block: the kind and the mark behind the fence, its text, and the line of the fence."""

    page: Path
    kind: str
    mark: str | None
    text: str
    line: int

    def __str__(self) -> str:
        """Name the block in the tests' output."""
        return f"{self.page.name}:{self.line}"


@dataclass(frozen=True)
class Transcript:
    """A command line of a `console` block, and what is said to follow it."""

    block: Block
    command: str
    output: str

    def __str__(self) -> str:
        """Name the transcript in the tests' output."""
        return f"{self.block}: {self.command}"


def blocks(page: Path, kind: str | None = None) -> list[Block]:
    """Return the fenced blocks of a page, all or those of a kind."""
    text = page.read_text(encoding="utf-8")
    found = (Block(page, m[1], m[2], m[3], text.count("\n", 0, m.start()) + 1) for m in FENCED.finditer(text))
    return [block for block in found if kind in (None, block.kind)]


def transcripts(page: Path) -> list[Transcript]:
    """Return the commands of a page's `console` blocks with their outputs."""
    return [Transcript(b, m[1].strip(), m[2]) for b in blocks(page, "console") for m in COMMAND.finditer(b.text)]


def call(*arguments: str) -> Done:
    """Run the command line with these arguments at the root, in this process: starting one costs a second."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with (
        contextlib.chdir(ROOT),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.object(sys, "argv", ["causalgraph", *arguments]),
    ):
        try:
            main()
        except SystemExit as done:
            code = int(done.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


def run(command: str) -> str:
    """Return what a line that starts with `causalgraph` writes to stdout."""
    program, *arguments = shlex.split(command)
    assert program == "causalgraph"
    return call(*arguments).stdout


def links(page: Path) -> set[tuple[str, str]]:
    """Return the files that a page links to, each with the heading it names, or an empty one."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    return {(m[1], m[2] or "") for m in LINK.finditer(text)}


def anchors(page: Path) -> set[str]:
    """Return what a link to a heading of a page may be called."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def renewed(text: str) -> str:
    """Return a page's text with what the program prints now."""

    def answered(command: re.Match[str]) -> str:
        gap = "\n" if command[2].endswith("\n\n") else ""
        return f"$ {command[1]}\n{run(command[1].strip()).rstrip()}\n{gap}"

    def block(found: re.Match[str]) -> str:
        return COMMAND.sub(answered, found[0]) if found[1] == "console" else found[0]

    return FENCED.sub(block, text)


if __name__ == "__main__":
    for file in PAGES:
        before = file.read_text(encoding="utf-8")
        after = renewed(before)
        if after != before:
            file.write_text(after, encoding="utf-8")
            print(f"{file.relative_to(ROOT)} is renewed")
