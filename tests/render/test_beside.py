"""Two graphs side by side: the same places, and differences that are told by more than colour."""

from __future__ import annotations

import itertools
import random
import xml.etree.ElementTree as ET
from collections import Counter

import pytest

from causalgraph.graphs.differences import compared
from causalgraph.graphs.mixed import MARKS, MixedGraph
from causalgraph.render import beside
from causalgraph.render.picture import Picture
from strategies import scaled
from svgs import ids_are_unique, made_anew, read

ONE = MixedGraph.build(
    [("A", "o->", "B"), ("B", "->", "C"), ("C", "<->", "D"), ("A", "->", "D"), ("B", "->", "E"), ("A", "<->", "E")],
    kind="pag",
)
TWO = MixedGraph.build(
    [
        ("A", "->", "B"),
        ("B", "->", "C"),
        ("D", "->", "C"),
        ("A", "->", "D"),
        ("A", "->", "E"),
        ("A", "<->", "E"),
        ("New <b>", "->", "A"),
    ]
)
NAMES = ("one & only", "two")


class Panels:
    """An SVG of two graphs, read."""

    def __init__(self, text: str) -> None:
        self.root = read(text)

    def groups(self, kind: str, at: int) -> dict[str, ET.Element]:
        """Return the groups of a class in a panel by the start of their tooltips."""
        found = {}
        for group in self.root.iter("g"):
            key = group.get("id", "").partition("-")[2]
            title = group.findtext("title")
            if title and kind in group.get("class", "").split() and key.startswith("a") == bool(at):
                found[title.partition(":")[0]] = group
        return found


def ends(group: ET.Element) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the first and the last point of a line."""
    path = group.find("path").get("d").replace("M", "").replace("C", " ").split()
    return tuple(tuple(map(float, path[at].split(","))) for at in (0, -1))


def place(group: ET.Element) -> tuple[float, float]:
    """Return the centre of a node's ellipse."""
    ellipse = next(group.iter("ellipse"))
    return float(ellipse.get("cx")), float(ellipse.get("cy"))


@pytest.fixture(scope="module")
def panels():
    return Panels(beside.svg(ONE, TWO, NAMES))


def test_each_node_has_the_same_place_in_both_panels(panels):
    left, right = panels.groups("node", 0), panels.groups("node", 1)
    shifts = {
        (round(b[0] - a[0], 1), round(b[1] - a[1], 1))
        for a, b in ((place(left[name]), place(right[name])) for name in ONE.nodes)
    }
    assert len(shifts) == 1
    assert shifts.pop()[1] == 0
    assert set(right) - set(left) == {"New <b>"}


def test_what_differs_differs_by_width_and_dashes(panels):
    looks = {}
    for at in (0, 1):
        for name, group in panels.groups("edge", at).items():
            path = group.find("path")
            looks[at, name] = (float(path.get("stroke-width", "1")), bool(path.get("stroke-dasharray")))
    assert looks[0, "B → E"] == (3.5, False)
    assert looks[1, "New <b> → A"] == (3.5, True)
    assert looks[0, "A o-> B"] == looks[1, "A → B"] == (2.5, True)
    assert looks[0, "B → C"] == looks[1, "B → C"] == (1, False)
    # Of a bow that differs in one edge, the other stands back.
    assert looks[0, "A ↔ E"] == looks[1, "A ↔ E"] == (1, False)
    assert looks[1, "A → E"] == (2.5, False)


def test_a_contradiction_has_a_cross_and_one_that_says_less_has_none(panels):
    def crossed(at: int) -> Counter[str]:
        return Counter(name for name in bars(panels, at))

    assert crossed(0) == {"C ↔ D": 2}
    assert crossed(1) == {"D → C": 2, "A → E": 2}


def bars(panels: Panels, at: int) -> list[str]:
    """Return the edges of a panel that the bars lie on, by the start of their tooltips."""
    return [
        group.findtext("title").partition(":")[0]
        for group in panels.root.iter("g")
        if "bar" in group.get("class", "").split()
        and group.findtext("title")
        and group.get("id").partition("-")[2].startswith("a") == bool(at)
    ]


def test_a_tooltip_tells_what_the_other_graph_has(panels):
    titles = {g.findtext("title") for g in panels.root.iter("g")}
    assert "A o-> B: in two, A → B" in titles
    assert "A → B: in one & only, A o-> B" in titles
    assert "D → C: in one & only, D ↔ C" in titles
    assert "B → E: only in one & only" in titles
    assert "New <b>: only in two" in titles
    assert "B → C" in titles


def test_a_line_with_other_marks_runs_where_it_runs_in_the_other_graph(panels):
    width = place(panels.groups("node", 1)["A"])[0] - place(panels.groups("node", 0)["A"])[0]
    (x1, y1), (x2, y2) = ends(panels.groups("edge", 0)["C ↔ D"])
    (x3, y3), (x4, y4) = ends(panels.groups("edge", 1)["D → C"])
    # The same curve from its other end; a tip is shorter than twelve points.
    for here, there in (((x1, y1), (x4, y4)), ((x2, y2), (x3, y3))):
        assert abs(here[0] + width - there[0]) < 12
        assert abs(here[1] - there[1]) < 12


def test_the_picture_tells_the_counts_and_its_names(panels):
    assert panels.root.get("role") == "img"
    assert panels.root.get("aria-label") == (
        "Two causal graphs side by side, one & only and two: 1 adjacencies only in the first, 1 only in the second,"
        " 2 that contradict each other, 1 of which one says less, 2 the same"
    )
    words = [text.text for text in panels.root.iter("text")]
    assert {"one & only", "two", "5 of 7 adjacent pairs differ", "only in one & only: 1"} <= set(words)
    assert {"only in two: 1", "the same in both: 2", "in this graph alone: 1"} <= set(words)
    assert "in both, with marks that contradict each other: 2" in words
    assert "in both, one says less, no contradiction: 1" in words


def test_ids_are_unique_in_a_page_of_several():
    texts = [beside.svg(ONE, TWO, NAMES), beside.svg(TWO, ONE, NAMES), beside.svg(ONE, ONE, NAMES)]
    assert ids_are_unique(map(read, texts))


def test_the_same_pair_is_the_same_text_in_another_process():
    program = (
        "from causalgraph.graphs.mixed import MixedGraph\n"
        "from causalgraph.render import beside\n"
        "a = MixedGraph.build([('A','->','B'),('B','<->','C'),('D','->','C')])\n"
        "b = MixedGraph.build([('B','->','A'),('E','->','C'),('D','->','C')], ['F'])\n"
        "sys.stdout.write(beside.svg(a, b, ('x', 'y')))"
    )
    first, second = made_anew(program)
    assert first == second


def test_given_places_are_kept():
    places = {"A": (0, 0), "B": (1, 0), "C": (1, 1), "D": (0, 1), "E": (2, 0)}
    drawn = Panels(beside.svg(ONE, ONE, NAMES, Picture(positions=places)))
    for at in (0, 1):
        nodes = drawn.groups("node", at)
        assert place(nodes["A"])[1] == pytest.approx(place(nodes["B"])[1], abs=0.1)
        assert place(nodes["A"])[0] == pytest.approx(place(nodes["D"])[0], abs=0.1)


@pytest.mark.parametrize("nodes", [[], ["X"]])
def test_the_smallest_graphs_are_drawn(nodes):
    empty, one = MixedGraph.build([]), MixedGraph.build([], nodes)
    assert "no pair differs" in beside.svg(empty, one, NAMES)
    assert beside.png(one, empty, NAMES).startswith(b"\x89PNG")
    assert beside.pdf(one, empty, NAMES).startswith(b"%PDF")


def test_each_graph_is_drawn_whole_whatever_the_other_is():
    rng = random.Random(11)
    for _ in range(scaled(12, 120)):
        graphs = []
        for names in (list("ABCDE"), list("BCDEF")):
            pairs = [p for p in itertools.combinations(names, 2) if rng.random() < 0.5]
            edges = [(a, rng.choice(sorted(MARKS)), b) for a, b in pairs]
            edges += [(a, "<->", b) for a, b in pairs if rng.random() < 0.2]
            graphs.append(MixedGraph.build(edges, names, kind="pag"))
        drawn = Panels(beside.svg(*graphs, NAMES))
        differ = [c for c in compared(*graphs) if c.verdict != "same"]
        for at, graph in enumerate(graphs):
            edges = drawn.groups("edge", at)
            assert len(edges) == len(graph.edges)
            lit = {n for n, g in edges.items() if "faint" not in g.get("class").split()}
            assert len(lit) == sum(e not in (c.second, c.first)[at] for c in differ for e in (c.first, c.second)[at])
