"""Graphs as SVG, compared by structure, and as PNG."""

from __future__ import annotations

import itertools
import math
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalgraph.graphs.mixed import MARKS, Edge, MixedGraph
from causalgraph.render.svg import Picture, pdf, png, svg
from svgs import ids_are_unique, made_anew, read

BANNER = MixedGraph.build(
    [
        ("Engagement", "->", "Banner"),
        ("Engagement", "->", "Spending"),
        ("Banner", "->", "Spending"),
        ("Mood", "->", "Spending"),
    ],
    latent=["Mood"],
)
BIASING = frozenset({Edge("Banner", "<-", "Engagement"), Edge("Engagement", "->", "Spending")})
PICTURE = Picture(
    title="Does the banner <raise> spending?",
    exposures=frozenset({"Banner"}),
    outcomes=frozenset({"Spending"}),
    adjusted=frozenset({"Engagement"}),
    causal=frozenset({Edge("Banner", "->", "Spending")}),
    biasing=BIASING,
    closed=BIASING,
)


class Drawn:
    """An SVG, read."""

    def __init__(self, graph: MixedGraph, picture: Picture | None = None) -> None:
        self.text = svg(graph, picture)
        self.root = read(self.text)

    def groups(self, *classes: str) -> list[ET.Element]:
        """Return the groups that have all these classes."""
        return [g for g in self.root.iter("g") if set(classes) <= set(g.get("class", "").split())]

    def node(self, name: str) -> ET.Element:
        """Return the group of a node."""
        return next(g for g in self.groups("node") if g.findtext("title", "").split(":")[0] == name)

    def titled(self, start: str) -> ET.Element:
        """Return the group whose tooltip starts so."""
        return next(g for g in self.root.iter("g") if g.findtext("title", "").startswith(start))


def words(group: ET.Element) -> list[str]:
    """Return the lines of text in a group."""
    return [text.text or "" for text in group.iter("text")]


def centre(group: ET.Element) -> tuple[float, float]:
    """Return the centre of an ellipse in a group."""
    ellipse = next(group.iter("ellipse"))
    return float(ellipse.get("cx")), float(ellipse.get("cy"))


def controls(group: ET.Element) -> list[tuple[float, float]]:
    """Return the points of the path in a group."""
    path = next(group.iter("path")).get("d").replace("M", "").replace("C", " ")
    return [tuple(map(float, pair.split(","))) for pair in path.split()]


@pytest.fixture(scope="module")
def banner():
    return Drawn(BANNER, PICTURE)


def test_roles_are_told_by_shape_outline_and_sign(banner):
    assert words(banner.titled("Banner: exposure")) == ["▶ Banner"]
    assert words(banner.titled("Spending: outcome")) == ["◼ Spending"]
    assert banner.titled("Engagement: adjusted").find("polygon") is not None
    assert banner.titled("Mood: latent").find("ellipse").get("stroke-dasharray")
    assert not banner.titled("Banner: exposure").find("ellipse").get("stroke-dasharray")


def test_paths_are_told_by_width_dashes_and_bars(banner):
    causal = banner.titled("Banner → Spending: on a causal path").find("path")
    assert float(causal.get("stroke-width")) == 3
    assert not causal.get("stroke-dasharray")
    for closed in (g for g in banner.groups("edge", "closed") if "bar" not in g.get("class")):
        assert closed.find("path").get("stroke-dasharray")
    assert len(banner.groups("bar")) == 2


def test_a_bar_lies_across_the_middle_of_its_edge(banner):
    edge = controls(banner.titled("Engagement → Spending"))
    first, *_, last = controls(banner.groups("bar")[1])
    middle = ((first[0] + last[0]) / 2, (first[1] + last[1]) / 2)
    assert math.dist(middle, edge[0]) == pytest.approx(math.dist(middle, edge[-1]), rel=0.1)
    along = (edge[-1][0] - edge[0][0], edge[-1][1] - edge[0][1])
    across = (last[0] - first[0], last[1] - first[1])
    assert abs(along[0] * across[0] + along[1] * across[1]) < 0.1 * math.hypot(*along) * math.hypot(*across)


def test_an_open_biasing_path_is_solid_and_has_no_bar():
    drawn = Drawn(BANNER, Picture(biasing=BIASING))
    assert not drawn.groups("bar")
    assert len(drawn.groups("edge", "biasing")) == 2
    assert not any(g.find("path").get("stroke-dasharray") for g in drawn.groups("edge", "biasing"))


def test_a_picture_tells_those_who_cant_see_it_what_it_shows(banner):
    assert banner.root.get("role") == "img"
    assert banner.root.get("aria-label") == "Does the banner <raise> spending?: causal graph, 4 variables, 4 edges"
    assert "Engagement → Banner: on a biasing path, closed" in banner.root.findtext("desc")


def test_the_title_is_drawn(banner):
    assert words(banner.groups("note", "title")[0]) == ["Does the banner <raise> spending?"]


def test_light_and_dark_are_in_a_style_that_holds_for_this_picture_alone(banner):
    style = banner.root.findtext("style")
    assert "@media (prefers-color-scheme:dark)" in style
    scope = "#" + banner.root.get("id")
    flat = style.replace("@media (prefers-color-scheme:dark){", "")
    selectors = [s for rule in flat.split("}") for s in rule.split("{")[0].split(",") if s]
    assert all(selector.startswith(scope) for selector in selectors)


def test_ids_are_unique_within_a_page():
    pictures = [Drawn(BANNER), Drawn(BANNER, PICTURE), Drawn(BANNER, Picture(legend=True)), Drawn(MixedGraph.build([]))]
    assert ids_are_unique(drawn.root for drawn in pictures)


def test_the_same_picture_is_the_same_text_in_another_process():
    program = (
        "from causalgraph.graphs.mixed import MixedGraph, Edge\n"
        "from causalgraph.render.svg import svg, Picture\n"
        "g = MixedGraph.build([('A','->','B'),('B','<->','C'),('A','o->','C')], kind='pag')\n"
        "sys.stdout.buffer.write(svg(g, Picture(adjusted=frozenset('AB'), legend=True)).encode())"
    )
    first, second = made_anew(program)
    assert first == second
    assert first.startswith(b"<svg ")


def test_both_edges_of_a_bow_are_seen():
    drawn = Drawn(MixedGraph.build([("X", "->", "Y"), ("X", "<->", "Y")]))
    causes, hidden = controls(drawn.titled("X → Y")), controls(drawn.titled("X ↔ Y"))
    assert max(abs(y - centre(drawn.node("X"))[1]) for _, y in hidden) > 25
    assert max(abs(y - centre(drawn.node("X"))[1]) for _, y in causes) < 15


def test_a_common_cause_goes_round_what_lies_between():
    drawn = Drawn(MixedGraph.build([("X", "->", "M"), ("M", "->", "Y"), ("X", "<->", "Y")]))
    xs = [centre(drawn.node(name))[0] for name in ("X", "M", "Y")]
    assert xs == sorted(xs)
    _, between = centre(drawn.node("M"))
    assert min(abs(y - between) for _, y in controls(drawn.titled("X ↔ Y"))[1:-1]) > 30


def test_circles_are_drawn_as_circles():
    drawn = Drawn(MixedGraph.build([("A", "o-o", "B"), ("B", "o->", "C")], kind="pag"))
    assert len(list(drawn.titled("A o-o B").iter("ellipse"))) == 2
    assert len(list(drawn.titled("B o-> C").iter("ellipse"))) == 1
    assert len(list(drawn.titled("B o-> C").iter("polygon"))) == 1


def test_a_selected_node_has_two_outlines():
    drawn = Drawn(MixedGraph.build([], nodes=["S"], selected=["S"]))
    assert len(list(drawn.node("S").iter("ellipse"))) == 2


def test_a_legend_explains_what_is_there_and_nothing_else():
    drawn = Drawn(BANNER, Picture(exposures=frozenset({"Banner"}), biasing=BIASING, legend=True))
    assert [words(g)[0] for g in drawn.groups("note", "left")] == ["exposure", "latent", "on a biasing path, open"]


@pytest.mark.parametrize("nodes", [[], ["X"]])
@pytest.mark.parametrize("legend", [False, True])
def test_the_smallest_graphs_are_drawn(nodes, legend):
    drawn = Drawn(MixedGraph.build([], nodes=nodes), Picture(legend=legend))
    assert len(drawn.groups("node")) == len(nodes)
    assert png(MixedGraph.build([], nodes=nodes)).startswith(b"\x89PNG")


def test_positions_are_kept():
    positions = {"Engagement": (0.5, 0), "Banner": (0, 1), "Spending": (1, 1), "Mood": (1.5, 0)}
    drawn = Drawn(BANNER, Picture(positions=positions))
    (bx, by), (sx, sy), (ex, ey) = (centre(drawn.node(name)) for name in ("Banner", "Spending", "Engagement"))
    assert by == pytest.approx(sy, abs=0.1)
    assert ex == pytest.approx((bx + sx) / 2, abs=0.1)
    assert by - ey == pytest.approx(sx - bx, abs=0.1)


def test_nodes_without_a_position_are_laid_out_around_those_with_one():
    drawn = Drawn(BANNER, Picture(positions={"Banner": (0, 0), "Spending": (1, 0)}))
    centres = [centre(group) for group in drawn.groups("node")]
    assert len(set(centres)) == 4
    assert centres[1][1] == pytest.approx(centres[2][1], abs=0.1)


def test_an_adjusted_node_that_is_selected_shows_both_outlines():
    drawn = Drawn(MixedGraph.build([], nodes=["S"], selected=["S"]), Picture(adjusted=frozenset("S")))
    assert len(list(drawn.titled("S: adjusted, selected").iter("polygon"))) == 2
    wash = next(rule for rule in drawn.root.findtext("style").split("}") if rule.endswith("fill:var(--wash)"))
    selectors = wash.split("{")[0].split(",")
    assert all(s.endswith(("polygon:first-of-type", "ellipse:first-of-type")) for s in selectors)


LARGE = MixedGraph.build(
    [(f"V{i}", "->", f"V{j}") for i in range(200) for j in range(i + 1, min(i + 6, 200)) if (7 * i + 3 * j) % 5 == 0]
    + [("V3", "<->", "V150")],
    [f"V{i}" for i in range(230)],
)


def test_the_words_of_two_hundred_nodes_can_be_read():
    drawn = Drawn(LARGE)
    width, height = (float(drawn.root.get(side)) for side in ("width", "height"))
    assert height < 3 * width
    assert {t.get("font-size") for t in drawn.root.iter("text")} == {"14"}
    least = float(drawn.root.get("style").split(",")[1].partition("px")[0])
    assert 14 * least / width > 9


def test_no_two_of_two_hundred_nodes_touch():
    drawn = Drawn(LARGE)
    ellipses = [next(g.iter("ellipse")) for g in drawn.groups("node")]
    places = [tuple(float(e.get(key)) for key in ("cx", "cy", "rx", "ry")) for e in ellipses]
    assert len(places) == 230
    for (x1, y1, w1, h1), (x2, y2, w2, h2) in itertools.combinations(places, 2):
        assert abs(x1 - x2) > w1 + w2 or abs(y1 - y2) > h1 + h2


def test_parts_that_no_edge_joins_lie_side_by_side():
    alone = Drawn(MixedGraph.build([], nodes=[f"V{i}" for i in range(100)]))
    assert float(alone.root.get("height")) < 2 * float(alone.root.get("width"))


def test_a_pdf_is_one_page():
    made = pdf(BANNER, PICTURE)
    assert made.startswith(b"%PDF-")
    assert made.rstrip().endswith(b"%%EOF")
    assert b"/CreationDate (D:20000101000000" in made


ODD = [
    "node",
    "<b>bold</b> & co",
    'a "q"',
    "back\\slash \\N",
    "tab\tline\nend",
    "\x1b[31m",
    "🍎",
    "因果",
    "&amp;",
    "\ud800",
    "\ufffe",
]


@pytest.mark.parametrize("name", ODD)
def test_any_name_is_shown_as_it_is(name):
    graph = MixedGraph.build([(name, "->", "Y")])
    drawn = Drawn(graph)
    shown = {"tab\tline\nend": "tab line end", "\x1b[31m": "\\x1b[31m", "\ud800": "\\ud800", "\ufffe": "\\ufffe"}.get(
        name, name
    )
    assert words(drawn.groups("node")[0]) == [shown]
    assert png(graph).startswith(b"\x89PNG")


@pytest.mark.filterwarnings("error")
def test_drawing_says_nothing_of_its_own(capfd):
    graph = MixedGraph.build([("W" * 60, "->", "因果" * 40)], latent=["W" * 60])
    Drawn(graph, Picture(title="i" * 200, legend=True))
    assert capfd.readouterr() == ("", "")
    png(graph, Picture(title="i" * 200, legend=True))
    assert "size too small" not in capfd.readouterr().err


names = st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=6, unique=True)


@settings(max_examples=40)
@given(names, st.data())
def test_any_graph_is_drawn_with_each_node_and_edge_once(nodes, data):
    pairs = [pair for pair in itertools.combinations(nodes, 2) if data.draw(st.booleans())]
    marks = st.sampled_from(sorted(MARKS))
    graph = MixedGraph.build([(a, data.draw(marks), b) for a, b in pairs], nodes, kind="pag")
    subset = st.frozensets(st.sampled_from(nodes))
    drawn = Drawn(graph, Picture(adjusted=data.draw(subset), exposures=data.draw(subset)))
    assert len(drawn.groups("node")) == len(graph.nodes)
    assert len(drawn.groups("edge")) == len(graph.edges)
