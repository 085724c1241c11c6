"""Which format a text is in, and what is done about those that aren't read."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from causalgraph.errors import ModelError
from causalgraph.formats.diagram import Diagram
from causalgraph.formats.table import FORMATS, by_ending, read, refuse_pickle, sniff, write
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.variables import Variable


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("dag { x -> y }", "dagitty"),
        ("  // c\n pag{x @-> y}", "dagitty"),
        ("mag\n{\nx -- y\n}\n", "dagitty"),
        ("X E @0,0\nY O @1,1\n\nX Y", "dagitty"),
        ("digraph { a -> b }", "dot"),
        ('strict graph "x" { a -- b }', "dot"),
        ("graph [ node [ id 0 ] ]", "gml"),
        ('Creator "me"\nVersion 1\ngraph\n[\n]', "gml"),
        ("\ufeff<?xml version='1.0'?><graphml/>", "graphml"),
        ("y ~ x\nf =~ a", "lavaan"),
        ("network asia {\n}", "bif"),
        ("ccopy_reg\n_reconstructor", "pickle"),
        ("dag", "dag"),
        ("", "dag"),
        ('dag "title"\n\nX -> Y', "dag"),
        ("dag\n{A, B} -> C", "dag"),
        ('dag "\\"{"\n\nX -> Y', "dag"),
        ('digraph { "<->" -> x }', "dot"),
        ("dag\n{A, B} -> {C, D}", "dag"),
        ("{A, B} -> C", "dag"),
        ("graph -> digraph\ndag -> network", "dag"),
        ("X -> Y\n\nY -> Z", "dag"),
        ("Prior ~ Normal(50, 20)\nDays ~ Exponential(10)\nY := 0.5*Prior - Days", "dag"),
        ("X -> Y # f =~ a", "dag"),
        ("`a =~ b` : binary", "dag"),
        ("X : {a, b}\nX -> Y", "dag"),
    ],
)
def test_a_text_tells_its_format(text: str, form: str):
    assert sniff(text) == form
    assert sniff(text, "model.dag") == form


def test_examples_of_ours_are_ours(repository: Path):
    files = list((repository / "examples").glob("*.dag"))
    assert files
    for file in files:
        assert sniff(file.read_text(encoding="utf-8"), file) == "dag"


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("a.gv", "dot"),
        ("a.DOT", "dot"),
        ("b.graphml", "graphml"),
        ("c.lav", "lavaan"),
        ("d.mmd", "mermaid"),
        ("e", None),
    ],
)
def test_an_ending_names_a_format(path: str, form: str | None):
    assert by_ending(path) == form


def test_the_text_counts_before_the_ending_and_the_ending_before_nothing():
    assert sniff("digraph { a }", "x.gml") == "dot"
    assert sniff("nonsense", "x.gml") == "gml"


@pytest.mark.parametrize("form", ["bif", "pickle", "mermaid", "tikz", "edgelist", "dag", "dagity"])
def test_what_cannot_be_read_is_refused_with_a_reason(form: str):
    with pytest.raises(ModelError) as caught:
        read("x", form)
    problem = caught.value.diagnostics[0]
    assert problem.code == "E021"
    assert problem.fix


def test_what_cannot_be_written_is_refused_with_a_reason():
    with pytest.raises(ModelError) as caught:
        write(Diagram.of(MixedGraph.build([], ["X"])), "bif")
    assert caught.value.code == "E022"


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_pickle_is_refused_before_it_is_read(protocol: int, tmp_path: Path):
    for name in ("model.dag", "model.gpickle"):
        file = tmp_path / name
        file.write_bytes(pickle.dumps({"X": ["Y"]}, protocol=protocol))
        with pytest.raises(ModelError, match="which is never read"):
            refuse_pickle(file)


def test_a_text_is_no_pickle_and_a_missing_file_none_either(tmp_path: Path):
    file = tmp_path / "model.dag"
    refuse_pickle(file)
    file.write_text("X -> Y", encoding="utf-8")
    refuse_pickle(file)


@pytest.mark.parametrize(("text", "code"), [("\0", "E009"), ("a\ud800", "E009"), ("a" * 5_000_001, "E007")])
@pytest.mark.parametrize("form", [name for name, row in FORMATS.items() if row.read])
def test_what_is_no_text_is_refused(form: str, text: str, code: str):
    with pytest.raises(ModelError) as caught:
        read(text, form)
    assert caught.value.code == code


DRAWN = Diagram.of(
    MixedGraph.build(
        [("X", "->", "Y"), ("X", "<->", "Y"), ("Y", "--", "Z"), ("Z", "o->", "W"), ("W", "o-o", "V")],
        latent=["Z"],
        kind="pag",
    ),
    {"X": Variable("X", label='50% of "A" & <B>_1 #2', exposure=True), "Y": Variable("Y", unit="USD", outcome=True)},
    title='A "title"',
    edge_attributes={Edge("X", "->", "Y"): {"beta": 0.5}},
)


def test_mermaid_is_written():
    written = write(DRAWN, "mermaid")
    assert written.text == (
        '---\ntitle: "A \\"title\\""\n---\nflowchart LR\n'
        '  n0["▶ 50% of #34;A#34; #38; #60;B#62;_1 #35;2"]\n  n1["◼ Y"]\n  n2["Z"]\n  n3["W"]\n  n4["V"]\n'
        '  n0 -->|"0.5"| n1\n  n0 <-.-> n1\n  n1 --- n2\n  n2 -->|"o-#62;"| n3\n  n4 o--o n3\n'
        "  classDef latent stroke-dasharray: 5 5\n  class n2 latent\n"
    )
    assert written.losses == ("the unit of Y", "the circles of Z o-> W, which words stand for")


def test_tikz_is_written():
    written = write(DRAWN, "tikz")
    assert written.losses == ("the unit of Y",)
    assert '% A "title"\n' in written.text
    assert (
        r"\node[thick] (n0) at (0,1.5) {50\% of \textquotedbl{}A\textquotedbl{} \& \textless{}B\textgreater{}\_1 \#2};"
        in (written.text.replace("node [", "node["))
    )
    assert r"\draw[-{Stealth}] (n0) to node[draw=none, auto, font=\small] {0.5} (n1);" in written.text
    assert r"\draw[{Stealth}-{Stealth}, dashed, bend left=40] (n0) to (n1);" in written.text
    assert r"\draw[{Circle[open]}-{Stealth}] (n2) to (n3);" in written.text


def test_tikz_keeps_positions_and_leads_lines_around_nodes():
    known = {name: Variable(name, position=(float(at), 1.0)) for at, name in enumerate("ABC")}
    graph = MixedGraph.build([("A", "->", "B"), ("B", "->", "C"), ("A", "->", "C")])
    text = write(Diagram.of(graph, known), "tikz").text
    assert r"(n2) at (4.33,0) {C}" in text
    assert r"\draw[-{Stealth}, bend left=25] (n0) to (n2);" in text


def test_tikz_bends_a_line_away_from_the_node_that_it_would_touch():
    places = {"A": (0.0, 0.0), "B": (1.0, 0.2), "C": (2.0, 0.0)}
    known = {name: Variable(name, position=place) for name, place in places.items()}
    graph = MixedGraph.build([("A", "->", "C"), ("C", "->", "B")], ["A", "B", "C"])
    text = write(Diagram.of(graph, known), "tikz").text
    assert r"\draw[-{Stealth}, bend left=25] (n0) to (n2);" in text  # B lies below: we measure downward, TikZ upward


def test_an_edge_list_numbers_the_nodes():
    written = write(DRAWN, "edgelist")
    assert written.text == "0 1\n"
    assert written.losses[-1] == "the names: 0 is X, 1 is Y, 2 is Z, 3 is W, 4 is V"
