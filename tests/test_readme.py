"""What README.md says is what happens. Its Python blocks run as doctests (see pyproject.toml); here is the rest."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import causalgraph as cg

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
BASH, CONSOLE, DAG, PYTHON = ([b for k, b in BLOCKS if k == kind] for kind in ("bash", "console", "dag", "python"))
TRANSCRIPTS = [
    (command.strip(), output)
    for block in CONSOLE
    for command, output in re.findall(r"^\$ (.*\n)((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
]


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line that starts with `causalgraph`, by the interpreter that runs the tests."""
    program, *arguments = shlex.split(command)
    assert program == "causalgraph"
    line = [sys.executable, "-m", "causalgraph", *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=False, encoding="utf-8", cwd=folder)


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    assert {kind for kind, _ in BLOCKS} == {"bash", "console", "dag", "python"}


def test_there_are_two_commands_of_one_line() -> None:
    assert [len(block.splitlines()) for block in BASH] == [1, 1]


def test_the_first_command_runs_the_first_transcript() -> None:
    first, _ = TRANSCRIPTS[0]
    assert BASH[0].strip().endswith(f" && .venv/bin/{first}")


def test_the_second_command_ends_the_ci_run() -> None:
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").endswith(BASH[1])


@pytest.mark.parametrize(("command", "output"), TRANSCRIPTS, ids=[command for command, _ in TRANSCRIPTS])
def test_a_transcript_is_what_the_program_prints(command: str, output: str) -> None:
    done = run(command, ROOT)
    assert done.stdout.rstrip() == output.rstrip()


@pytest.mark.parametrize("text", DAG)
def test_a_model_parses(text: str) -> None:
    assert cg.parse(text).graph.nodes


@pytest.mark.parametrize("block", PYTHON)
def test_a_python_block_is_a_doctest(block: str) -> None:
    assert block.startswith(">>> ")


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_a_link_leads_to_a_file(target: str) -> None:
    assert (ROOT / target).exists()
