"""dagitty's text, as its own programs and its users write it."""

from __future__ import annotations

import pytest

from causalgraph.errors import ModelError
from causalgraph.formats.diagram import Diagram
from causalgraph.formats.table import read, sniff, write
from causalgraph.graphs.mixed import Edge, MixedGraph

# I. Shrier and R. W. Platt, "Reducing bias through directed acyclic graphs" (BMC Medical Research Methodology, 2008),
# figure 1, written as dagitty writes such a graph; the positions are made up.
SHRIER_PLATT = """
dag {
bb="0,0,1,1"
Coach [pos="0.4,0.05"]
"Team motivation" [pos="0.3,0.2"]
"Fitness level" [pos="0.6,0.2"]
"Genetics" [pos="0.8,0.05"]
"Pre-game proprioception" [pos="0.5,0.4"]
"Connective tissue disorder" [pos="0.8,0.25"]
"Neuromuscular fatigue" [pos="0.6,0.6"]
"Tissue weakness" [pos="0.8,0.6"]
"Intra-game proprioception" [pos="0.5,0.8"]
"Previous injury" [pos="0.2,0.4"]
"Contact sport" [pos="0.1,0.3"]
"Warm-up exercises" [exposure,pos="0.3,0.6"]
Injury [outcome,pos="0.7,0.95"]
Coach -> {"Team motivation" "Fitness level"}
Genetics -> {"Connective tissue disorder" "Neuromuscular fatigue" "Fitness level"}
"Team motivation" -> {"Warm-up exercises" "Previous injury"}
"Contact sport" -> {"Previous injury" "Intra-game proprioception"}
"Fitness level" -> {"Pre-game proprioception" "Neuromuscular fatigue"}
"Connective tissue disorder" -> {"Neuromuscular fatigue" "Tissue weakness"}
"Pre-game proprioception" -> "Warm-up exercises" -> "Intra-game proprioception"
"Neuromuscular fatigue" -> {"Intra-game proprioception" Injury}
"Tissue weakness" -> Injury
"Intra-game proprioception" -> Injury
}
"""


def edges(text: str) -> set[str]:
    assert sniff(text) == "dagitty"
    return {str(edge) for edge in read(text, "dagitty").graph.edges}


def test_a_published_graph_is_read_whole():
    found = read(SHRIER_PLATT, "dagitty")
    assert found.graph.kind == "dag"
    assert len(found.graph.nodes) == 13
    assert len(found.graph.edges) == 19
    assert Edge("Pre-game proprioception", "->", "Warm-up exercises") in found.graph.edges
    assert found.variables["Warm-up exercises"].exposure
    assert found.variables["Injury"].outcome
    assert found.variables["Coach"].position == (0.4, 0.05)
    assert found.losses == ()


def test_every_edge_has_its_marks():
    text = "pag { a -> b; c <- d; e <-> f; g -- h; i @-> j; k <-@ l; m @-@ n; o @-- p; q --@ r }"
    written = "a -> b,d -> c,e <-> f,g -- h,i o-> j,l o-> k,m o-o n,o o-- p,r o-- q"
    assert edges(text) == set(written.split(","))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a -> b -> c", "a -> b,b -> c"),
        ("a <- b -> c", "b -> a,b -> c"),
        ("{a b} -> {c d}", "a -> c,a -> d,b -> c,b -> d"),
        ("x -> {a -> b}", "a -> b,x -> a,x -> b"),
        ("{a b} <-> c -> d", "a <-> c,b <-> c,c -> d"),
        ("x->y;y->z", "x -> y,y -> z"),
        ('"a b" -> "c \\"d\\""', 'a b -> c "d"'),
        ('"a" + "b" -> c', "ab -> c"),
        ("a -> b // one\n/* two */ # three\nb -> c", "a -> b,b -> c"),
        ("x1.2_y -> 3", "x1.2_y -> 3"),
        ("Node -> edge -> Graph", "Node -> edge,edge -> Graph"),
    ],
)
def test_statements_are_chains_of_names_and_groups(body: str, expected: str):
    assert edges(f"dag {{ {body} }}") == set(expected.split(","))


@pytest.mark.parametrize("opening", ["dag{", "DAG {", "dag G {", "strict dag {", "dag\n{", "# c\n\ndag {", 'dag "G" {'])
def test_the_opening_may_be_written_in_many_ways(opening: str):
    assert edges(f"{opening} x -> y }}") == {"x -> y"}


@pytest.mark.parametrize(
    ("word", "body", "kind"),
    [
        ("dag", "a -> b", "dag"),
        ("dag", "a <-> b", "admg"),
        ("pdag", "a -> b", "pdag"),
        ("mag", "a -- b", "mag"),
        ("pag", "a -> b", "pag"),
        ("digraph", "a <- b", "dag"),
    ],
)
def test_the_type_is_a_kind_of_ours(word: str, body: str, kind: str):
    assert read(f"{word} {{ {body} }}", "dagitty").graph.kind == kind


@pytest.mark.parametrize(
    ("flag", "role"),
    [
        *(("exposure", "exposure"), ("e", "exposure"), ("source", "exposure")),
        *(("outcome", "outcome"), ("o", "outcome"), ("target", "outcome")),
        *(("latent", "latent"), ("u", "latent"), ("unobserved", "latent"), ("l", "latent")),
        *(("selected", "selected"), ("s", "selected")),
    ],
)
def test_roles_have_long_and_short_names(flag: str, role: str):
    assert getattr(read(f"dag {{ x [{flag}] }}", "dagitty").variables["x"], role)


def test_what_we_have_no_place_for_is_said():
    found = read('dag { x [adjusted, foo="1"] x -> y [pos="1,2", color=red] }', "dagitty")
    assert found.losses == ("attributes of variables: adjusted, foo", "attributes of edges: pos, color")


def test_coefficients_stay():
    found = read('dag { x -> y [beta="-.5"] y -> z [beta=b1, label="by law"] }', "dagitty")
    assert found.edge_attributes == {
        Edge("x", "->", "y"): {"beta": -0.5},
        Edge("y", "->", "z"): {"beta": "b1", "label": "by law"},
    }


OLD = """\
Smoking E @0.1,0.2
Lung%20cancer O @0.3,0.4
Tar 1 @0.5,0.6
Genes U @0.7,0.8
Yellow fingers A @0.9,1

Smoking Tar Yellow fingers @0.5,0.7
Tar Lung%20cancer
Genes Smoking Lung%20cancer
Lung%20cancer Smoking
Smoking Lung%20cancer
"""


def test_the_lines_of_before_2013_are_read():
    assert edges(OLD) == {
        "Smoking -> Tar",
        "Smoking -> Yellow fingers",
        "Tar -> Lung cancer",
        "Genes -> Smoking",
        "Genes -> Lung cancer",
        "Lung cancer <-> Smoking",
    }
    found = read(OLD, "dagitty")
    assert found.graph.kind == "admg"
    assert found.graph.latent == {"Genes"}
    assert found.variables["Smoking"].exposure
    assert found.variables["Lung cancer"].outcome
    assert found.variables["Tar"].position == (0.5, 0.6)
    assert found.losses == ("attributes of variables: adjusted", "attributes of edges: pos")


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("dag { a -> b", (1, 5), "this { is never closed"),
        ("dag {\n a -> }", (2, 7), "expected a name or {, found '}'"),
        ("dag {\n a => b }", (2, 5), "'>' has no meaning here"),
        ('dag { a\n"b }', (2, 1), "this string is never closed"),
        ("dag { a [exposure }", (1, 19), "expected an attribute or ], found '}'"),
        ("dag { a [exposure", (1, 9), "this [ is never closed"),
        ("dag { a [pos=] }", (1, 14), "expected a value, found ']'"),
        ("dag { /* a }", (1, 7), "this comment is never closed"),
        ("dag { a -> b } c", (1, 16), "expected nothing after the graph, found 'c'"),
        ("dag { x-y -> z }", (1, 8), "'-' has no meaning here"),
        ("dag { a -> a }", (1, 7), "a -> a joins a variable to itself"),
        ("A E @0,0\nB O @1,0\n\nA C", (4, 3), "no node above is called 'C'"),
        ("A E @0,0\nB O @1,y\n\nA B", (2, 6), "expected a position, such as @0.5,1"),
    ],
)
def test_an_error_names_its_place(text: str, place: tuple[int, int], what: str):
    with pytest.raises(ModelError) as caught:
        read(text, "dagitty")
    problem = caught.value.diagnostics[0]
    assert problem.what == what
    assert problem.span is not None
    assert problem.span.source.place(problem.span.start) == place


def test_a_graph_without_nodes_is_an_error():
    with pytest.raises(ModelError, match="has no nodes"):
        read('dag { bb="0,0,1,1" }', "dagitty")


def test_names_that_we_cannot_write_are_changed_and_said_so():
    found = read('dag { "a`b" -> "a\'b" }', "dagitty")
    assert found.graph.nodes == ("a'b", "a'b_2")
    assert found.losses == ("""names: 'a`b' is called "a'b", "a'b" is called "a'b_2\"""",)


def test_names_that_dagitty_cannot_hold_are_changed_and_said_so():
    written = write(Diagram.of(MixedGraph.build([("node", "->", "end\\")])), "dagitty")
    assert written.text == 'dag {\nnode_\n"end/"\nnode_ -> "end/"\n}\n'
    assert written.losses == (r"names: 'node' is called 'node_', 'end\\' is called 'end/'",)


def test_kinds_that_dagitty_does_not_know_stand_beside_its_own():
    written = write(Diagram.of(MixedGraph.build([("a", "--", "b")], kind="cpdag")), "dagitty")
    assert written.text == "pdag {\nkind=cpdag\na\nb\na -- b\n}\n"
