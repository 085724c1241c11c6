"""What README.md says is what happens. Its Python blocks run as doctests (see pyproject.toml); here is the rest."""

from __future__ import annotations

import pytest

import causalgraph as cg
from blocks import ROOT, Transcript, blocks, links, run, transcripts

README = ROOT / "README.md"
BASH = [block.text for block in blocks(README, "bash")]


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    assert {block.kind for block in blocks(README)} == {"bash", "console", "dag", "python"}


def test_there_are_two_commands_of_one_line() -> None:
    assert [len(text.splitlines()) for text in BASH] == [1, 1]


def test_the_first_command_runs_the_first_transcript() -> None:
    assert BASH[0].strip().endswith(f" && .venv/bin/{transcripts(README)[0].command}")


def test_the_second_command_ends_the_ci_run() -> None:
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").endswith(BASH[1])


@pytest.mark.parametrize("transcript", transcripts(README), ids=str)
def test_a_transcript_is_what_the_program_prints(transcript: Transcript) -> None:
    assert run(transcript.command).rstrip() == transcript.output.rstrip()


@pytest.mark.parametrize("text", [block.text for block in blocks(README, "dag")])
def test_a_model_parses(text: str) -> None:
    assert cg.parse(text).graph.nodes


@pytest.mark.parametrize("text", [block.text for block in blocks(README, "python")])
def test_a_python_block_is_a_doctest(text: str) -> None:
    assert text.startswith(">>> ")


@pytest.mark.parametrize("target", sorted({target for target, _ in links(README)}))
def test_a_link_leads_to_a_file(target: str) -> None:
    assert (ROOT / target).exists()
