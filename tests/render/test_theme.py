"""Colours are seen by everyone, and nothing is told by colour alone."""

from __future__ import annotations

from itertools import combinations
from typing import get_args

import pytest

from causalgraph.answers import Style
from causalgraph.render.theme import INK, LINES, LOOKS, PAPER, WASH, contrast


def xterm(number: int) -> str:
    """Return the colour of a number of xterm's palette, the cube or the greys."""
    if number >= 232:
        return f"#{8 + 10 * (number - 232):02x}" + f"{8 + 10 * (number - 232):02x}" * 2
    red, rest = divmod(number - 16, 36)
    levels = (0, 95, 135, 175, 215, 255)
    return "#" + "".join(f"{levels[c]:02x}" for c in (red, *divmod(rest, 6)))


TONES = {f"word {style}": look.tone for style, look in LOOKS.items()} | {
    f"line {kind}": line.tone for kind, line in LINES.items()
}


@pytest.mark.parametrize("name", TONES)
def test_each_colour_stands_out_from_light_and_dark_paper(name):
    assert contrast(TONES[name].light, PAPER.light) >= 3
    assert contrast(TONES[name].dark, PAPER.dark) >= 3


@pytest.mark.parametrize("style", sorted(set(LOOKS) - {"causal", "biasing"}))
def test_words_can_be_read(style):
    assert contrast(LOOKS[style].tone.light, PAPER.light) >= 4.5
    assert contrast(LOOKS[style].tone.dark, PAPER.dark) >= 4.5


def test_ink_can_be_read_on_the_wash_of_adjusted_nodes():
    assert contrast(INK.light, WASH.light) >= 4.5
    assert contrast(INK.dark, WASH.dark) >= 4.5


@pytest.mark.parametrize("style", [style for style, look in LOOKS.items() if look.xterm is not None])
def test_terminal_colours_are_seen_on_black_and_on_white(style):
    colour = xterm(LOOKS[style].xterm)
    assert contrast(colour, "#000000") >= 3
    assert contrast(colour, "#ffffff") >= 3


def test_each_meaning_of_a_word_has_a_look():
    assert set(LOOKS) == set(get_args(Style))


def test_verdicts_differ_by_sign():
    assert len({LOOKS[style].sign for style in ("good", "bad", "warn")} - {""}) == 3


def test_lines_differ_without_colour():
    shapes = [(line.width, line.dashes, line.bars) for line in LINES.values()]
    assert all(one != other for one, other in combinations(shapes, 2))
