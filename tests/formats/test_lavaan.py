"""lavaan's model syntax."""

from __future__ import annotations

import pytest

from causalgraph.errors import ModelError
from causalgraph.formats.diagram import Diagram
from causalgraph.formats.table import read, sniff, write
from causalgraph.graphs.mixed import Edge, MixedGraph

# K. A. Bollen, "Structural Equations with Latent Variables" (1989), the model of industrialization and democracy.
DEMOCRACY = """
  # measurement model
  ind60 =~ x1 + x2 + x3
  dem60 =~ y1 + a*y2 + b*y3 + c*y4
  dem65 =~ y5 + a*y6 + b*y7 + c*y8
  ! regressions
  dem60 ~ ind60
  dem65 ~ ind60 +
          dem60
  # residual correlations
  y1 ~~ y5
  y2 ~~ y4 + y6
  y3 ~~ y7 ; y4 ~~ y8 ; y6 ~~ y8
"""


def edges(text: str) -> str:
    return ", ".join(map(str, read(text, "lavaan").graph.edges))


def test_a_published_model_is_read_whole():
    assert sniff(DEMOCRACY) == "lavaan"
    found = read(DEMOCRACY, "lavaan")
    assert found.graph.kind == "admg"
    assert found.graph.latent == {"ind60", "dem60", "dem65"}
    assert len(found.graph.edges) == 11 + 3 + 6
    assert found.edge_attributes[Edge("dem65", "->", "y8")] == {"label": "c"}
    assert found.losses == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y ~ x1 + x2", "x1 -> y, x2 -> y"),
        ("y1 + y2 ~ x", "x -> y1, x -> y2"),
        ("x ~~ y", "x <-> y"),
        ("x ~~ x", ""),
        ("f =~ a + b", "f -> a, f -> b"),
        ("f <~ a + b", "a -> f, b -> f"),
        ("y ~ 0*x + z", "z -> y"),
        ("y ~ NA*x + start(0.5)*z", "x -> y, z -> y"),
        ("y ~ c(a, b)*x", "x -> y"),
        ("y ~ 1 + x", "x -> y"),
        ("y\n ~ x\n + z", "x -> y, z -> y"),
        ("y ~ x;z ~ y", "x -> y, y -> z"),
    ],
)
def test_formulas_are_edges(text: str, expected: str):
    assert edges(text) == expected


def test_coefficients_are_numbers_or_labels():
    found = read('y ~ 0.5*x + b*z + -2*w + "q"*v + 1.5*u + k*u', "lavaan")
    said = [{"beta": 0.5}, {"label": "b"}, {"beta": -2.0}, {"label": "q"}, {"beta": 1.5, "label": "k"}]
    assert found.edge_attributes == {Edge(n, "->", "y"): s for n, s in zip("xzwvu", said, strict=True)}


def test_what_fits_a_model_to_data_is_lost_and_said_so():
    found = read("y ~ 1 + start(1)*x\nab := a*b\na == b\ny | t1\ny ~*~ y", "lavaan")
    losses = ("intercepts", "defined parameters (:=)", "constraints (==, <, >)", "thresholds (|)")
    assert found.losses == (*losses, "scaling factors (~*~)", "modifiers: start()")


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("y ~ x:z", (1, 6), "an interaction isn't a variable"),
        ("y ~ x +", (1, 8), "expected a variable, found 'the end of the formula'"),
        ("a ~ b\ny x", (2, 1), "expected a formula, such as y ~ x"),
        ("a ~ b\ny x ~ z", (2, 3), "expected ~, found 'x'"),
        ("y ~ x z", (1, 7), "expected + or the end of the formula, found 'z'"),
        ("y ~ start(x", (1, 5), "this ( is never closed"),
        ("level: 1\ny ~ x", (1, 1), "a model of several groups or levels isn't read"),
        ("y ~ 1e999*x", (1, 5), "this number is too large"),
        ("y ~ x\nz ~ $", (2, 5), "'$' has no meaning here"),
        ("y ~ y", (1, 1), "y <- y joins a variable to itself"),
    ],
)
def test_an_error_names_its_place(text: str, place: tuple[int, int], what: str):
    with pytest.raises(ModelError) as caught:
        read(text, "lavaan")
    problem = caught.value.diagnostics[0]
    assert problem.what == what
    assert problem.span is not None
    assert problem.span.source.place(problem.span.start) == place


def test_a_model_is_written_as_formulas():
    drawn = Diagram.of(
        MixedGraph.build(
            [("F", "->", "Y"), ("F", "->", "total spend"), ("X", "->", "Y"), ("Y", "<->", "X"), ("A", "o->", "B")],
            ["Alone"],
            latent=["F"],
        ),
        title="T",
        edge_attributes={Edge("X", "->", "Y"): {"beta": 0.5, "label": "b"}},
    )
    written = write(drawn, "lavaan")
    assert written.text == ("F =~ Y + total_spend\nY ~ 0.5*X + b*X\nX ~~ Y\nAlone ~~ Alone\nA ~~ A\nB ~~ B\n")
    assert written.losses == (
        "names: 'total spend' is called 'total_spend'",
        "the edges A o-> B",
        "the title",
    )


def test_a_latent_without_an_indicator_is_no_latent_and_that_is_said():
    written = write(Diagram.of(MixedGraph.build([("X", "->", "U")], latent=["U"])), "lavaan")
    assert written.text == "U ~ X\n"
    assert written.losses == ("the role of a latent of U: it has no indicator",)
