"""GML and GraphML; networkx, which reads and writes both, is the second opinion."""

from __future__ import annotations

from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings

from causalgraph.errors import ModelError
from causalgraph.formats.diagram import Diagram
from causalgraph.formats.table import read, sniff, write
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.variables import Variable
from strategies import graphs, scaled

WRITERS = {"gml": nx.generate_gml, "graphml": nx.generate_graphml}
READERS = {"gml": nx.parse_gml, "graphml": nx.parse_graphml}


@pytest.mark.parametrize("form", WRITERS)
@settings(max_examples=scaled(60, 500))
@given(graph=graphs(max_latent=2))
def test_what_networkx_writes_is_read(form: str, graph: MixedGraph):
    text = "\n".join(WRITERS[form](graph.to_networkx()))
    assert sniff(text) == form
    found = read(text, form)
    assert found.graph == graph
    assert found.losses == ()


@pytest.mark.parametrize("form", READERS)
@settings(max_examples=scaled(60, 500))
@given(graph=graphs(max_latent=2))
def test_networkx_reads_what_we_write(form: str, graph: MixedGraph):
    known = {name: Variable(name, label="a label", position=(1.0, 2.0), cost=1e-9) for name in graph.nodes}
    text = write(Diagram.of(graph, known), form).text
    # Without an id of its own, an edge beside another one gets a number from networkx.
    found: nx.Graph[Any] = READERS[form](text)
    assert MixedGraph.from_networkx(found) == graph


@pytest.mark.parametrize("form", WRITERS)
def test_plain_graphs_of_networkx_have_arrows_or_undirected_edges(form: str):
    for made, edge, kind in ((nx.DiGraph, "a -> b", "dag"), (nx.Graph, "a -- b", "pdag")):
        found = read("\n".join(WRITERS[form](made([("a", "b")]))), form).graph
        assert ([str(e) for e in found.edges], found.kind) == ([edge], kind)


IGRAPH_GML = """\
Creator "igraph version 0.10.15 Thu Jan  1 00:00:00 2026"
Version 1
graph
[
  directed 1
  node
  [
    id 0
    name "Smoking"
    label "Smoking, ever"
  ]
  node
  [
    id 1
    name "Cancer &#38; more"
  ]
  edge
  [
    source 0
    target 1
    weight 0.5
  ]
]
"""
IGRAPH_GRAPHML = """\
<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key id="v_name" for="node" attr.name="name" attr.type="string"/>
  <key id="e_weight" for="edge" attr.name="weight" attr.type="double"/>
  <graph id="G" edgedefault="directed">
    <node id="n0"><data key="v_name">Smoking</data></node>
    <node id="n1"><data key="v_name">Cancer &amp; more</data></node>
    <edge source="n0" target="n1"><data key="e_weight">0.5</data></edge>
  </graph>
</graphml>
"""


@pytest.mark.parametrize(("form", "text"), [("gml", IGRAPH_GML), ("graphml", IGRAPH_GRAPHML)])
def test_what_igraph_writes_is_read(form: str, text: str):
    assert sniff(text) == form
    found = read(text, form)
    assert found.graph.edges == (Edge("Smoking", "->", "Cancer & more"),)
    assert found.losses == ("attributes of edges: weight",)


def test_latents_of_dowhy_are_read():
    text = """graph[directed 1 node[id "U" label "Unobserved" observed "no"] node[id "X" label "X"]
              edge[source "U" target "X"]]"""
    found = read(text, "gml")
    assert found.graph.latent == {"U"}
    assert found.variables["U"].label == "Unobserved"


def test_defaults_of_graphml_hold_where_nothing_is_said():
    text = """<graphml><key id="k" for="node" attr.name="latent"><default>true</default></key>
      <graph edgedefault="undirected"><node id="a"/><node id="b"><data key="k">false</data></node>
      <edge source="a" target="b" directed="true"/></graph></graphml>"""
    found = read(text, "graphml").graph
    assert (found.latent, [str(e) for e in found.edges]) == ({"a"}, ["a -> b"])


GML_ERRORS = [
    ("graph [\n node [ id 0", (2, 2), "E020", "this list is never closed"),
    ('graph [\n node [ id "0', (2, 12), "E020", "this string is never closed"),
    ("graph [ node [ id ] ]", (1, 16), "E020", "id has no value"),
    ("graph [ 5 ]", (1, 9), "E020", "expected a key such as node, found '5'"),
    ("graph [ ] ]", (1, 11), "E020", "expected a key such as node, found ']'"),
    ("Version 1", (1, 1), "E020", "there is no graph here"),
    ("graph [ ]\ngraph [ ]", (2, 1), "E020", "this text has two graphs"),
    ("graph [ node [ id 1 ] node [ id 1 ] ]", (1, 23), "E020", "two nodes have the id '1'"),
    ('graph [ node [ label "x" ] ]', (1, 9), "E020", "a node needs its id"),
    ("graph [ node [ id 1 ]\n edge [ source 1 target 2 ] ]", (2, 2), "E020", "no node has the id '2'"),
    ("graph [ node [ id 1 ]\n edge [ source 1 target 1 ] ]", (2, 2), "E105", "1 -- 1 joins a variable to itself"),
    ("graph [ " + "a [ " * 60, (1, 205), "E008", "brackets are nested more than 50 deep"),
]
GRAPHML_ERRORS = [
    ('<graphml>\n<graph><node id="é"<', (2, 20), "E020", "this isn't XML: not well-formed (invalid token)"),
    ("<graphml><graph>", (1, 17), "E020", "this isn't XML: no element found"),
    ("<html/>", (1, 1), "E020", "expected <graphml>, found <html>"),
    ("<graphml/>", (1, 1), "E020", "there is no <graph> here"),
    ("<graphml><graph>\n<node/></graph></graphml>", (2, 1), "E020", "<node> needs id="),
    ("<graphml><graph><hyperedge/></graph></graphml>", (1, 17), "E020", "<hyperedge> can't stand here"),
    ("<graphml><graph/><graph/></graphml>", (1, 18), "E020", "<graph> can't stand here"),
    ('<graphml><graph>\n<data key="k"/></graph></graphml>', (2, 1), "E020", "no <key> has the id 'k'"),
    ("<graphml>" * 60, (1, 451), "E008", "elements are nested more than 50 deep"),
    ('<!DOCTYPE g [<!ENTITY a "b">]>\n<graphml/>', (1, 13), "E024", "a document type isn't read"),
]


@pytest.mark.parametrize(
    ("form", "text", "place", "code", "what"),
    [("gml", *row) for row in GML_ERRORS] + [("graphml", *row) for row in GRAPHML_ERRORS],
)
def test_an_error_names_its_place(form: str, text: str, place: tuple[int, int], code: str, what: str):
    with pytest.raises(ModelError) as caught:
        read(text, form)
    problem = caught.value.diagnostics[0]
    assert (problem.code, problem.what) == (code, what)
    assert problem.span is not None
    assert problem.span.source.place(problem.span.start) == place


def test_a_mark_that_is_none_is_an_error_and_not_an_arrow():
    text = 'graph [ directed 1 node [ id 1 ] node [ id 2 ] edge [ source 1 target 2 mark "=>" ] ]'
    with pytest.raises(ModelError, match="'=>' isn't an edge"):
        read(text, "gml")
