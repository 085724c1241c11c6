"""Graphs as DOT, compared exactly."""

from __future__ import annotations

import pytest

from causalgraph.errors import ModelError
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.render.svg import Picture, dot

HEAD = """\
digraph {
  graph [layout="dot", rankdir="LR", nodesep="0.35", ranksep="0.6", splines="true", outputorder="edgesfirst", \
bgcolor="#ffffff"];
  node [fixedsize="true", fontname="Helvetica", fontsize="14", color="#1b1b1b", fontcolor="#1b1b1b"];
  edge [dir="both", arrowsize="0.9", len="2"];
"""


def body(graph: MixedGraph, picture: Picture | None = None) -> list[str]:
    """Return the statements of a graph's nodes and edges."""
    return [row.strip() for row in dot(graph, picture).split("\n")[4:-1]]


def test_the_banner_picture_is_told_exactly():
    graph = MixedGraph.build(
        [
            ("Engagement", "->", "Banner"),
            ("Engagement", "->", "Spending"),
            ("Banner", "->", "Spending"),
            ("Mood", "->", "Spending"),
        ],
        latent=["Mood"],
    )
    biasing = frozenset({Edge("Banner", "<-", "Engagement"), Edge("Engagement", "->", "Spending")})
    picture = Picture(
        labels={"Engagement": "Prior engagement"},
        exposures=frozenset({"Banner"}),
        outcomes=frozenset({"Spending"}),
        adjusted=frozenset({"Engagement"}),
        causal=frozenset({Edge("Banner", "->", "Spending")}),
        biasing=biasing,
        closed=biasing,
    )
    assert dot(graph, picture) == HEAD + (
        '  n0 [label="Prior engagement", class="adjusted", shape="box", width="2.1667", height="0.4722", '
        'style="filled", fillcolor="#e9edf2", penwidth="1.25"];\n'
        '  n1 [label="▶ Banner", class="exposure", shape="ellipse", width="1.2222", height="0.5278", '
        'style="filled", fillcolor="#ffffff", penwidth="2.25"];\n'
        '  n2 [label="◼ Spending", class="outcome", shape="ellipse", width="1.5278", height="0.5278", '
        'style="filled", fillcolor="#ffffff", penwidth="2.25"];\n'
        '  n3 [label="Mood", class="latent", shape="ellipse", width="0.7500", height="0.5278", '
        'style="filled,dashed", fillcolor="#ffffff", penwidth="1.25"];\n'
        '  n0 -> n1 [id="e0", class="closed", arrowtail="none", arrowhead="normal", color="#D55E00", '
        'penwidth="2", style="dashed"];\n'
        '  n0 -> n2 [id="e1", class="closed", arrowtail="none", arrowhead="normal", color="#D55E00", '
        'penwidth="2", style="dashed"];\n'
        '  n1 -> n2 [id="e2", class="causal", arrowtail="none", arrowhead="normal", color="#0072B2", '
        'penwidth="3"];\n'
        '  n3 -> n2 [id="e3", class="plain", arrowtail="none", arrowhead="normal", color="#1b1b1b", '
        'penwidth="1.25"];\n'
        "}"
    )


def test_an_empty_graph_is_a_graph():
    assert dot(MixedGraph.build([])) == HEAD + "}"


def test_both_edges_of_a_bow_are_written_and_the_common_cause_ranks_nothing():
    drawn, hidden = body(MixedGraph.build([("X", "->", "Y"), ("X", "<->", "Y")]))[2:]
    assert "constraint" not in drawn
    assert 'arrowtail="normal", arrowhead="normal"' in hidden
    assert 'constraint="false"' in hidden


@pytest.mark.parametrize(
    ("mark", "tail", "head"),
    [("o->", "odot", "normal"), ("o-o", "odot", "odot"), ("--", "none", "none"), ("o--", "odot", "none")],
)
def test_circle_marks_are_circles(mark, tail, head):
    assert f'arrowtail="{tail}", arrowhead="{head}"' in body(MixedGraph.build([("A", mark, "B")], kind="pag"))[2]


def test_a_selected_node_has_two_outlines():
    assert 'peripheries="2"' in body(MixedGraph.build([], nodes=["S"], selected=["S"]))[0]


def test_an_edge_on_causal_and_biasing_paths_is_drawn_as_causal():
    edge = Edge("M", "->", "Y")
    picture = Picture(causal=frozenset({edge}), biasing=frozenset({edge}), closed=frozenset({edge}))
    assert 'class="causal"' in body(MixedGraph.build([edge]), picture)[2]


def test_given_positions_keep_their_shape_and_y_grows_downward():
    graph = MixedGraph.build([("A", "->", "B"), ("B", "->", "C")])
    text = dot(graph, Picture(positions={"A": (0, 0), "B": (1, 0), "C": (1, 2)}))
    places = [tuple(map(float, row.split('pos="')[1].split('!"')[0].split(","))) for row in text.split("\n")[4:7]]
    (ax, ay), (bx, by), (cx, cy) = places
    assert 'layout="neato"' in text
    assert ay == by
    assert bx == cx
    assert by - cy == pytest.approx(2 * (bx - ax), rel=1e-3)
    assert bx > ax


def test_positions_that_almost_coincide_dont_blow_the_picture_up():
    graph = MixedGraph.build([], nodes=["A", "B", "C"])
    text = dot(graph, Picture(positions={"A": (0, 0), "B": (1e-9, 0), "C": (500, 0)}))
    assert max(abs(float(row.split('pos="')[1].split(",")[0])) for row in text.split("\n")[4:7]) < 50


@pytest.mark.parametrize("name", ["node", "graph", "subgraph", "<b>x</b>", 'a"b', "a\\N\\", "&amp;", "x];\ny", "🍎"])
def test_no_name_disturbs_the_text(name):
    rows = body(MixedGraph.build([(name, "->", "Y")]))
    assert len(rows) == 3
    assert rows[0].startswith("n0 [label=")
    assert rows[2].startswith("n0 -> n1 [")


def test_labels_escape_backslashes_quotes_and_entities():
    assert r'label="\\N \"q\" &amp;lt;"' in body(MixedGraph.build([], nodes=['\\N "q" &lt;']))[0]


def test_a_long_label_is_wrapped():
    assert (
        r'label="Hospitalisation_\nrate of patients"'
        in body(MixedGraph.build([], nodes=["Hospitalisation_rate of patients"]))[0]
    )


def test_a_picture_of_an_unknown_node_is_refused():
    with pytest.raises(ModelError, match="did you mean X"):
        dot(MixedGraph.build([("X", "->", "Y")]), Picture(exposures=frozenset({"x"})))
