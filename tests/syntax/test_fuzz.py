"""Nothing but a ModelError ever comes out, whatever goes in."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress

import pytest

from causalgraph.errors import ModelError
from causalgraph.syntax.formatter import fmt
from causalgraph.syntax.parser import parse_all, parse_query

VALID = """\
dag "Does the banner raise spending?"  # a title
Engagement : {low, high} [label="Prior \\"engagement\\"", pos="1,2"]
Banner : binary [exposure]; `Lung cancer` : ordinal {a < b < 3}
Engagement -> Banner, Spending
Mood o-> `Lung cancer`  # a comment within
  <-> Region [p=0.05]
data "banner.csv" { Spending = "total spend $", weight = count, na = -9 }
identify(do(Banner=1), {Spending, Mood} | Region)
lift = 2 * (E(Y | do(X=1), Z) - E(Y | do(X=0)))  # twice
expect not independent(A, B | C) == {{A}, {}}
expect ate(A, B) in [-1, 2.5e3]
"""
TOKENS = (
    *[
        "A",
        "B",
        "o",
        "dag",
        "data",
        "expect",
        "not",
        "none",
        "in",
        "P",
        "E",
        "do",
        "ate",
        "identify",
        "X1",
        "Größe",
        "²",
        "→",
        "'",
        "’",
        "\\",
        "@",
        ".",
        ":",
        ";",
        ",",
        "=",
        "|",
        "~",
        ":=",
        "#",
        '"',
        "`",
    ],
    *[
        "->",
        "<-",
        "<->",
        "--",
        "o->",
        "<-o",
        "o-o",
        "o--",
        "--o",
        "-->",
        "=>",
        "==",
        "!=",
        "<=",
        ">=",
        "<",
        ">",
        "+",
        "-",
        "*",
        "/",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "{}",
        "0",
        "-1",
        "2.5",
        "1e9",
        "1e999",
        "1.2.3",
        "2nd",
    ],
    *(
        '"x y"',
        "`x y`",
        "``",
        '""',
        " ",
        "\n",
        "\r\n",
        "\t",
        "\f",
        "\x00",
        "\u2028",
        "\ufeff",
        "tier 1:",
        "forbid ",
        "require A -> ",
        "X ~ ",
        "[latent]",
    ),
)


def any_bytes(dice: random.Random) -> str:
    return dice.randbytes(dice.randrange(40)).decode("latin-1")


def any_characters(dice: random.Random) -> str:
    return "".join(chr(dice.randrange(0x110000)) for _ in range(dice.randrange(8)))


def token_soup(dice: random.Random) -> str:
    return dice.choice(["", " "]).join(dice.choices(TOKENS, k=dice.randrange(1, 15)))


def mutation(dice: random.Random) -> str:
    text = VALID
    for _ in range(dice.randrange(1, 4)):
        start = dice.randrange(len(text) + 1)
        stop = min(len(text), start + dice.choice([0, 0, 1, 1, 5, 40]))
        text = (
            text[:start]
            + dice.choice(["", dice.choice(TOKENS), text[dice.randrange(len(text) + 1) :][:30]])
            + text[stop:]
        )
    return text


@pytest.mark.parametrize(
    ("make", "rounds"), [(any_bytes, 500), (any_characters, 500), (token_soup, 1500), (mutation, 150)]
)
def test_only_model_errors_come_out(make: Callable[[random.Random], str], rounds: int) -> None:
    dice = random.Random(20)
    for _ in range(rounds):
        text = make(dice)
        _, problems = parse_all(text)
        for problem in problems:
            assert problem.code
            assert problem.span is not None
            assert str(problem)
            assert problem.to_dict()
        for reader in (fmt, parse_query):
            with suppress(ModelError):
                reader(text)


def test_the_text_that_is_mutated_is_valid() -> None:
    assert parse_all(VALID)[1] == []
