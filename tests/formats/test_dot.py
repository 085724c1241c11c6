"""DOT, as people and programs write it; Graphviz itself is the second opinion."""

from __future__ import annotations

import pygraphviz
import pytest
from hypothesis import given, settings

from causalgraph.errors import ModelError
from causalgraph.formats import dot
from causalgraph.formats.diagram import Diagram
from causalgraph.formats.table import read, sniff, write
from causalgraph.graphs.mixed import Edge, MixedGraph
from strategies import graphs, scaled


def edges(text: str) -> list[str]:
    assert sniff(text) == "dot"
    return [str(edge) for edge in read(text, "dot").graph.edges]


@pytest.mark.parametrize(
    ("attributes", "edge"),
    [
        ("", "a -> b"),
        ("[dir=forward]", "a -> b"),
        ("[dir=back]", "b -> a"),
        ("[dir=both]", "a <-> b"),
        ("[dir=none]", "a -- b"),
        ("[arrowhead=none]", "a -- b"),
        ("[arrowhead=odot]", "b o-- a"),
        ("[arrowtail=odot]", "a -> b"),
        ("[dir=both, arrowtail=odot]", "a o-> b"),
        ("[dir=both, arrowtail=odot, arrowhead=odot]", "a o-o b"),
        ("[dir=both, arrowtail=none, arrowhead=normal]", "a -> b"),
        ("[dir=both][arrowtail=vee]", "a <-> b"),
    ],
)
def test_marks_are_told_by_dir_and_the_shapes_of_the_ends(attributes: str, edge: str):
    assert edges(f"digraph {{ a -> b {attributes} }}") == [edge]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a -> b -> {c d}", "a -> b,b -> c,b -> d"),
        ("subgraph cluster_0 { a b } -> c", "a -> c,b -> c"),
        ("a:port:n -> b:s", "a -> b"),
        ("edge [dir=both]; a -> b; { edge [dir=none] b -> c } c -> d", "a <-> b,b -- c,c <-> d"),
        ('"a" + "b" -> "c\\\nd"', "ab -> cd"),
        ("-1.5 -> .5", "-1.5 -> .5"),
        ("a -> b # one\n// two\n/* -> three */ b -> c", "a -> b,b -> c"),
        ("größe -> 年齢", "größe -> 年齢"),
        ("0 [label=X] 1 [label=Y] 0 -> 1", "X -> Y"),
        ("0 [label=X] 1 [label=X] 0 -> 1", "0 -> 1"),
        ("0 [label=X] a [label=Y] 0 -> a", "0 -> a"),
    ],
)
def test_statements_are_chains_of_names_and_groups(body: str, expected: str):
    assert edges(f"digraph {{ {body} }}") == expected.split(",")


def test_a_graph_without_directions_has_undirected_edges():
    found = read("strict graph G { a -- b -- c; a -- c [dir=forward] }", "dot")
    assert [str(e) for e in found.graph.edges] == ["a -- b", "b -- c", "a -> c"]
    assert found.graph.kind == "pdag"


def test_latents_are_dashed_or_said_to_be_unobserved():
    text = (
        'digraph { u [style="filled,dashed"] v [observed=no] w [latent=true] node [style=dashed] x; y [style=solid] }'
    )
    assert read(text, "dot").graph.latent == {"u", "v", "w", "x"}


def test_labels_are_read_without_escapes_entities_and_markup():
    body = r'a [label="two\nlines &amp; \\N \N"] b [label=<<b>bold</b> <i>x</i>>] c [label="\N"]'
    text = f'digraph {{ label="A title"; {body} }}'
    found = read(text, "dot")
    assert found.variables["a"].label == r"two lines & \N a"
    assert found.variables["b"].label == "bold x"
    assert found.variables["c"].label is None
    assert found.title == "A title"


def test_positions_are_measured_downward():
    assert read('digraph { a [pos="1.5,-2!"] }', "dot").variables["a"].position == (1.5, 2.0)


def test_looks_are_dropped_without_a_word_and_meanings_with_one():
    text = "digraph { rankdir=LR; node [shape=box]; a [color=red, dose=5]; a -> b [penwidth=2, sign=plus]; q=1 }"
    losses = ("attributes of variables: dose", "attributes of edges: sign", "attributes of the graph: q")
    assert read(text, "dot").losses == losses


@settings(max_examples=scaled(60, 500))
@given(graph=graphs(max_latent=2))
def test_graphviz_reads_the_same_names_and_edges(graph: MixedGraph):
    drawn = dot.carried(Diagram.of(graph))
    found = pygraphviz.AGraph(string=write(drawn, "dot").text)
    assert {str(node) for node in found.nodes()} == set(drawn.graph.nodes)
    assert sorted((a, b) for a, b in found.edges()) == sorted((e.left, e.right) for e in drawn.graph.edges)
    for edge in drawn.graph.edges:
        marked = {e.attr["dir"] for e in found.edges_iter([edge.left]) if set(e) == {edge.left, edge.right}}
        assert ("both" in marked) or edge.mark == "->"


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("digraph { a -> b", (1, 9), "this { is never closed"),
        ("digraph {\n a [label=<x<y>] }", (2, 11), "this < is never closed"),
        ("digraph { a [label=<x>] }}", (1, 26), "expected nothing after the graph, found '}'"),
        ("digraph { a ->\n-> b }", (2, 1), "expected a name or {, found '->'"),
        ("digraph { a:-> b }", (1, 13), "expected a port, found '->'"),
        ('digraph { "a" + b }', (1, 17), "expected a string after +, found 'b'"),
        ("digraph { subgraph x }", (1, 22), "expected { after the name, found '}'"),
        ("digraph " + "{" * 60, (1, 60), "braces are nested more than 50 deep"),
    ],
)
def test_an_error_names_its_place(text: str, place: tuple[int, int], what: str):
    with pytest.raises(ModelError) as caught:
        read(text, "dot")
    problem = caught.value.diagnostics[0]
    assert problem.what == what
    assert problem.span is not None
    assert problem.span.source.place(problem.span.start) == place


def test_a_backslash_that_would_open_the_string_is_changed_and_said_so():
    written = write(Diagram.of(MixedGraph.build([("end\\", "->", "b")])), "dot")
    assert '"end/" -> b;' in written.text
    assert written.losses == (r"names: 'end\\' is called 'end/'",)


def test_a_group_that_asks_for_too_many_edges_is_refused():
    many = " ".join(f"v{i}" for i in range(1_000))
    with pytest.raises(ModelError) as caught:
        read(f"digraph {{ {{{many}}} -> {{{many}}} }}", "dot")
    assert caught.value.code == "E023"


def test_edges_of_dagitty_in_a_digraph_are_read_as_such():
    text = "digraph { a <-> b @-> c }"
    assert sniff(text) == "dagitty"
    assert read(text, "dot").graph.edges == (Edge("a", "<->", "b"), Edge("b", "o->", "c"))
