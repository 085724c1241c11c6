"""Whatever a reader is given, it reads it or says where it is wrong: never another exception."""

from __future__ import annotations

import random

import pytest

from causalgraph.errors import ModelError
from causalgraph.formats.diagram import Diagram
from causalgraph.formats.table import FORMATS, read, sniff, write
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.variables import Variable
from strategies import scaled

TWO_WAY = [name for name, row in FORMATS.items() if row.read and row.write]
DRAWN = Diagram.of(
    MixedGraph.build(
        [("X", "->", "Y"), ("U", "->", "X"), ("U", "->", "Y"), ("Y", "<->", "lung cancer"), ("Y", "--", "é")],
        latent=["U"],
    ),
    {"X": Variable("X", "ordinal", ("a", "b"), label='the "x"', position=(1.0, -2.0), cost=0.5)},
    title="T",
    edge_attributes={Edge("X", "->", "Y"): {"beta": 0.5, "label": "why"}},
)
OLD = "X E @0,0\nLung%20cancer O @1,0\nU U\n\nX Lung%20cancer @1,2\nU X Lung cancer\n"
TOKENS = (
    *("dag {", "digraph {", "graph [", "node [", "edge [", "}", "]", "{", "[", "(", ")", "=", ",", ";", ":", "+", "*"),
    *(
        "->",
        "<-",
        "<->",
        "--",
        "@->",
        "@-@",
        "o->",
        "~",
        "~~",
        "=~",
        ":=",
        "|",
        "<",
        ">",
        "-",
        "#",
        "//",
        "/*",
        "*/",
        "!",
    ),
    *(
        "id 0",
        "source 0",
        "target 1",
        'label "x"',
        "directed 1",
        "graphics [ x 1 y 2 ]",
        'mark "<->"',
        "subgraph",
        "strict",
    ),
    *(
        "<graphml>",
        "</graphml>",
        "<graph>",
        "<node id='a'>",
        "</node>",
        "<key id='k'>",
        "<data key='k'>",
        "</data>",
        "&lt;",
    ),
    *(
        "x",
        "y",
        "1",
        "0.5",
        "1e999",
        '"',
        "'",
        '"s"',
        "\\",
        "\n",
        "\n\n",
        " ",
        "@0,1",
        "E",
        "%20",
        "start(",
        "pos",
        "NA",
    ),
    *(
        "é",
        "\ufeff",
        "\u2028",
        "`",
        "\x01",
        "&#1;",
        "&#99999999;",
        "<!DOCTYPE a>",
        "<![CDATA[",
        "]]>",
        "<?pi",
        "group:",
    ),
)


def attempt(text: str, form: str) -> None:
    """Read a text that may be anything; what it has to say must hold together."""
    try:
        found = read(text, form)
    except ModelError as error:
        problem, message = error.diagnostics[0], str(error)
    else:
        check(found)
        return
    assert problem.span is not None or problem.code == "E100"
    assert message


def check(found: Diagram) -> None:
    """Make sure that a diagram holds together and can be written."""
    assert found.variables.keys() == set(found.graph.nodes)
    assert set(found.edge_attributes) <= set(found.graph.edges) == set(found.edge_spans)
    for target in TWO_WAY:
        write(found, target)


def mutated(rng: random.Random, text: str) -> str:
    """Cut, double, swap or spoil a few pieces of a text."""
    for _ in range(rng.randint(1, 4)):
        at, to = sorted(rng.randrange(len(text) + 1) for _ in range(2))
        piece = text[at : min(to, at + rng.choice((1, 1, 3, 20)))]
        put = rng.choice(("", piece * 2, rng.choice(TOKENS), chr(rng.randrange(1, 0x300))))
        text = text[:at] + put + text[at + len(piece) :]
    return text


@pytest.mark.parametrize("form", TWO_WAY)
def test_near_misses_of_a_good_text_are_read_or_refused(form: str):
    rng = random.Random(1)
    texts = [write(DRAWN, form).text] + [OLD] * (form == "dagitty")
    for _ in range(scaled(400, 100_000)):
        attempt(mutated(rng, rng.choice(texts)), form)


@pytest.mark.parametrize("form", TWO_WAY)
def test_a_soup_of_tokens_is_read_or_refused(form: str):
    rng = random.Random(2)
    opening = {
        "dagitty": "dag {",
        "dot": "digraph {",
        "gml": "graph [",
        "graphml": "<graphml><graph>",
        "lavaan": "y ~ ",
    }
    for _ in range(scaled(400, 100_000)):
        soup = rng.choice(("", " ")).join(rng.choice(TOKENS) for _ in range(rng.randint(1, 30)))
        attempt(rng.choice(("", opening[form])) + soup, form)
        sniff(soup)


@pytest.mark.parametrize("form", TWO_WAY)
def test_bytes_at_random_are_refused(form: str):
    rng = random.Random(3)
    for _ in range(scaled(100, 20_000)):
        attempt(rng.randbytes(rng.randint(0, 200)).decode("utf-8", errors="replace"), form)


@pytest.mark.parametrize("form", TWO_WAY)
@pytest.mark.parametrize("bracket", ["{", "[", "(", "<", "a { ", "a [ ", "<a>", "a (", '"', "a [ a ", "{ a -> "])
def test_ten_thousand_nested_brackets_are_refused(form: str, bracket: str):
    opening = {"dagitty": "dag {", "dot": "digraph {", "gml": "graph [", "graphml": "<graphml>", "lavaan": "y ~ "}
    attempt(opening[form] + bracket * 10_000, form)
