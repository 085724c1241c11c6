"""What one format holds comes back from it: all of a diagram, or all but what the writer says is lost."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalgraph.formats import dag, dagitty, dot, gml, graphml, lavaan
from causalgraph.formats.diagram import Diagram
from causalgraph.formats.table import FORMATS, read, sniff, write
from causalgraph.graphs.kinds import is_legal
from causalgraph.graphs.knowledge import Knowledge
from causalgraph.graphs.mixed import KINDS, MARKS, Edge, MixedGraph
from causalgraph.graphs.relations import topological_order
from causalgraph.loading import parse
from causalgraph.variables import Variable
from strategies import names, scaled

# All but the arrow that would close a cycle.
FORWARD = tuple(mark for mark in MARKS if mark != "<-")
CARRIED = {
    "dagitty": dagitty.carried,
    "dot": dot.carried,
    "gml": gml.carried,
    "graphml": graphml.carried,
    "lavaan": lavaan.carried,
}
# What a careless writer would take for its own syntax.
ODD_NAMES = (
    "graph",
    "node",
    "edge",
    "subgraph",
    "digraph",
    "strict",
    "Node",
    "group",
    "TRUE",
    "if",
    "end\\",
    'back\\"quote',
    "two\\\\",
    "a\\nb",
    "&amp;",
    "&#65;",
    "a -> b; c",
    "/* c */",
    "# d",
    "// e",
    "{f}",
    "[g]",
    "<h>",
    "i,j",
    "k = l",
    "m@n",
    "n0",
    "n1",
    "-5",
    "1.5",
    ".5",
    "5.",
    " padded ",
    "%7C",
    "a|b",
    "~x",
    "é",
    "\N{COMBINING ACUTE ACCENT}",
    "\ufeff",
    "\u2028",
    "\u200b",
)
# Letters that break lines, end strings or start escapes; `\x0b` and its like are lost everywhere, and said to be.
LETTERS = st.sampled_from("ab \"'\\&<>#;%|{}[]=,:\n\t\x0b\x85\u2028é年🦠")


def texts() -> st.SearchStrategy[str]:
    return st.text(LETTERS, max_size=8)


def numbers() -> st.SearchStrategy[float]:
    return st.one_of(st.sampled_from((0.0, 0.5, -1.0, 1e-300, 1e22, 123456.789)), st.floats(-1e6, 1e6))


@st.composite
def variables(draw: st.DrawFn, name: str) -> Variable:
    kind = draw(st.sampled_from((None, None, "binary", "categorical", "ordinal", "count", "continuous")))
    levels = draw(st.lists(texts(), max_size=3, unique=True)) if draw(st.booleans()) else []
    role = draw(st.sampled_from((None, None, "exposure", "outcome", "latent", "selected")))
    out = Variable(name, kind, tuple(levels))
    if role:
        out = replace(out, **{role: True})
    return replace(
        out,
        label=draw(st.none() | texts()),
        unit=draw(st.none() | texts()),
        cost=draw(st.none() | numbers().map(abs)),
        position=draw(st.none() | st.tuples(numbers(), numbers())),
    )


@st.composite
def diagrams(draw: st.DrawFn) -> Diagram:
    """Draw a diagram of any kind, with any marks and odd names and words in it."""
    nodes = draw(st.lists(st.one_of(names(), st.sampled_from(ODD_NAMES)), min_size=1, max_size=6, unique=True))
    marks = draw(st.sampled_from((("->",), ("->", "<->"), ("->", "--"), FORWARD)))
    chosen = st.lists(st.sampled_from(marks), max_size=2, unique=True)
    edges = [Edge(a, mark, b) for a, b in combinations(nodes, 2) for mark in draw(chosen)]
    known = {name: draw(variables(name)) for name in nodes} if draw(st.booleans()) else {n: Variable(n) for n in nodes}
    graph = MixedGraph.build(
        edges,
        nodes,
        kind=draw(st.sampled_from((None, *KINDS))),
        latent=[n for n, v in known.items() if v.latent],
        selected=[n for n, v in known.items() if v.selected],
    )
    said = st.dictionaries(st.sampled_from(("p", "label", "beta")), numbers(), max_size=3)
    words = {"label": texts(), "beta": st.one_of(numbers(), st.sampled_from(("b1", "2x", "a b")))}
    attributes = {
        edge: {key: draw(words.get(key, st.just(value))) for key, value in draw(said).items()}
        for edge in graph.edges
        if draw(st.booleans())
    }
    pairs = st.lists(st.sampled_from(list(permutations(nodes, 2)) or [(nodes[0], nodes[0])]), max_size=3, unique=True)
    tiers = (tuple(nodes[:2]), tuple(nodes[2:])) if nodes[2:] else ()
    beside = Knowledge(tiers, tuple(draw(pairs)), tuple(draw(pairs))) if draw(st.booleans()) else None
    return Diagram.of(graph, known, title=draw(st.none() | texts()), edge_attributes=attributes, knowledge=beside)


def fitting(shape: MixedGraph) -> Knowledge:
    """Return what the order of time and the arrows of an acyclic graph are as knowledge."""
    arrows = tuple((e.left, e.right) for e in shape.edges if e.mark == "->")
    return Knowledge.of([[name] for name in topological_order(shape)], [(b, a) for a, b in arrows], arrows)


@pytest.mark.parametrize("form", CARRIED)
@settings(max_examples=scaled(150, 2_000))
@given(data=st.data())
def test_reading_what_was_written_gives_back_all_that_was_not_said_to_be_lost(form: str, data: st.DataObject) -> None:
    diagram = data.draw(diagrams())
    written = write(diagram, form)
    assert sniff(written.text) == form or form == "lavaan"
    back = read(written.text, form)
    carried = CARRIED[form](diagram)
    assert back == carried, written.text
    assert back.losses == ()
    assert written.losses == carried.losses
    assert bool(carried.losses) == (carried != diagram)


@settings(max_examples=scaled(150, 2_000))
@given(diagram=diagrams())
def test_our_own_language_reads_what_we_write(diagram: Diagram) -> None:
    graph = diagram.graph
    acyclic = [e for e in graph.edges if e.mark in ("->", "<->")]
    kind = "admg" if any(e.mark == "<->" for e in acyclic) else "dag"
    plain = MixedGraph.build(acyclic, graph.nodes, kind=kind, latent=graph.latent, selected=graph.selected)
    # A claim that the edges break can't be read; a pdag claims nothing.
    claimed = graph if graph.kind not in ("dag", "admg") and is_legal(graph) else replace(graph, kind="pdag")
    for shape in (claimed, plain):
        said = {e: a for e, a in diagram.edge_attributes.items() if e in shape.edges}
        known = fitting(shape) if shape is plain else None
        drawn = Diagram.of(shape, diagram.variables, title=diagram.title, edge_attributes=said, knowledge=known)
        written = write(drawn, "dag")
        assert sniff(written.text, "x.dag") == "dag"
        model = parse(written.text)
        carried = dag.carried(drawn)
        assert (model.graph, model.variables, model.title) == (carried.graph, carried.variables, carried.title)
        assert model.knowledge == carried.knowledge
        assert bool(carried.losses) == (carried != drawn)


@settings(max_examples=scaled(60, 1_000))
@given(diagram=diagrams())
def test_every_writer_writes_every_diagram(diagram: Diagram) -> None:
    for form, row in FORMATS.items():
        if row.write is not None:
            written = write(diagram, form)
            # An edge list of a graph whose every edge is a loss is empty, and says so.
            assert written.text.endswith("\n") or (not written.text and (written.losses or not diagram.graph.edges))


@pytest.mark.parametrize("form", ["dagitty", "dot", "gml", "graphml"])
def test_other_formats_say_that_they_lose_knowledge(form: str) -> None:
    drawn = Diagram.of(MixedGraph.build([("X", "->", "Y")]), knowledge=Knowledge.of(tiers=["X", "Y"]))
    assert write(drawn, form).losses == ("the knowledge (tiers, forbidden and required arrows)",)


@pytest.mark.parametrize("form", ["dagitty", "dot", "gml", "graphml"])
def test_rich_formats_lose_nothing_of_an_ordinary_model(form: str) -> None:
    drawn = Diagram.of(
        MixedGraph.build(
            [("U", "->", "X"), ("U", "->", "Y"), ("X", "->", "Y"), ("X", "<->", "Y"), ("Y", "->", "S")],
            latent=["U"],
            selected=["S"],
        ),
        {
            "X": Variable("X", "binary", label="Prior engagement", exposure=True, position=(0.0, -1.5), cost=2.0),
            "Y": Variable("Y", "ordinal", ("low", "mid"), unit="USD", outcome=True),
        },
        title="Does it?",
        edge_attributes={Edge("X", "->", "Y"): {"beta": -0.25, "p": 1e-12, "label": "why not"}},
    )
    written = write(drawn, form)
    assert written.losses == ()
    assert read(written.text, form) == drawn
