"""Classes of graphs as answers, the paths of a class, and the questions that lead to them."""

import json

import pytest

import causalgraph as cg
from causalgraph.criteria.classes import equivalence, listed_members, represent
from causalgraph.criteria.paths import paths, why
from causalgraph.errors import ModelError
from causalgraph.graphs.mixed import MixedGraph


def test_a_class_is_asked_for_and_asked():
    model = cg.parse("A -> B -> C")
    found = model.ask("cpdag()").to_dict()
    assert found["kind_claimed"] == "cpdag"
    assert found["edges"] == [["A", "--", "B"], ["B", "--", "C"]]
    again = cg.parse("cpdag; A -- B -- C")
    assert again.ask("independent(A, C | B)").to_dict()["independent"]
    assert again.ask("members()").to_dict()["size"] == 3


def test_a_claim_that_the_edges_break_names_the_edge_and_the_reason():
    with pytest.raises(ModelError, match=r"E102.*A -> B can't stand in this cpdag"):
        cg.parse("cpdag; A -> B")
    with pytest.raises(ModelError, match=r"E102"):
        cg.parse("mpdag; A -> B -- C")
    with pytest.raises(ModelError, match=r"E102"):
        cg.parse("mag; A -> B; B -> C; A <-> C")
    assert cg.parse("pdag; A -> B -- C").graph.kind == "pdag"


def test_a_mark_that_a_class_does_not_settle_is_a_warning():
    (warning,) = cg.parse("pag; A -> B").warnings[:1]
    assert warning.code == "W106"


def test_a_path_of_a_class_may_be_open_or_closed():
    graph = MixedGraph.build([("A", "o-o", "B"), ("B", "o-o", "C"), ("A", "o-o", "C")], kind="pag")
    found = {p.text: p for p in paths(graph, "A", "C")}
    assert found["A o-o B o-o C"].open is None
    assert "collider" in why(found["A o-o B o-o C"], ())
    assert found["A o-o C"].open is True
    assert found["A o-o C"].possibly_causal


def test_an_unshielded_node_between_circles_is_a_non_collider():
    graph = MixedGraph.build([("A", "o-o", "B"), ("B", "o-o", "C")], kind="pag")
    (path,) = paths(graph, "A", "C", given="B")
    assert path.open is False
    assert path.triples[0].role == "non-collider"


def test_equivalence_says_where_two_graphs_differ(tmp_path):
    chain, collider = (
        MixedGraph.build([("A", "->", "B"), ("B", "->", "C")]),
        MixedGraph.build([("A", "->", "B"), ("C", "->", "B")]),
    )
    assert equivalence(chain, chain, "itself").exit_code == 0
    assert "collider A -> B <- C" in equivalence(chain, collider, "other").verdict.reason
    (tmp_path / "other.dag").write_text("A -> B; C -> B")
    (tmp_path / "this.dag").write_text('A -> B -> C; expect not equivalent("other.dag")')
    model = cg.load(tmp_path / "this.dag")
    ((_, verdict),) = model.run()
    assert verdict.holds
    json.dumps(model.ask('equivalent("other.dag")').to_dict())


def test_a_class_of_dags_is_refused_where_a_hidden_common_cause_stands():
    graph = MixedGraph.build([("U", "->", "A"), ("U", "->", "B")], latent="U")
    with pytest.raises(ModelError, match="E108"):
        represent(graph, "cpdag")
    assert [str(e) for e in represent(graph, "pag").graph.edges] == ["A o-o B"]
    lonely = MixedGraph.build([("U", "->", "A"), ("B", "->", "A")], latent="U")
    assert represent(lonely, "cpdag").graph.nodes == ("A", "B")


def test_the_members_of_a_mag_are_the_mags_of_its_class():
    graph = MixedGraph.build([("A", "->", "B")], kind="mag")
    found = listed_members(graph)
    assert found.exact
    assert {str(e) for g in found.graphs for e in g.edges} >= {"A -> B", "A <-> B"}


def test_bad_controls_are_told_by_check(tmp_path):
    from typer.testing import CliRunner

    from causalgraph.cli import app

    (tmp_path / "m.dag").write_text("X : binary [exposure]; Y : binary [outcome]; X -> M -> Y")
    result = CliRunner().invoke(app, ["check", str(tmp_path / "m.dag")])
    assert result.exit_code == 0
    assert "M: it lies on a causal path" in result.stdout


@pytest.mark.parametrize(
    ("text", "asked", "answer"),
    [
        ("mpdag; A -> X, Y; X -> Y; A -- B; X -- B", "adjusts(X, Y | A)", True),
        ("pdag; A -> X; X -- Y", "adjusts(X, Y)", True),
        ("cpdag; X -- Y", "adjusts(X, Y)", False),
    ],
)
def test_what_follows_from_the_arrows_counts(text, asked, answer):
    assert cg.parse(text).ask(asked).to_dict()["valid"] is answer


def test_a_collider_with_a_possible_descendant_in_the_condition_is_not_settled():
    model = cg.parse("cpdag; A -> C, D; B -> C, D; C -- D")
    (path,) = [p for p in model.ask("paths(A, B | D)").to_dict()["paths"] if p["text"] == "A -> C <- B"]
    assert path["open"] is None
    assert "a descendant of C is conditioned on" in str(model.ask("paths(A, B | D)"))


def test_a_path_that_an_arrow_leads_back_on_is_not_possibly_causal():
    found = cg.parse("mpdag; B -> C; A -- B; A -- C").ask("paths(A, B)").to_dict()["paths"]
    assert {p["text"]: p["possibly_causal"] for p in found} == {"A -- B": True, "A -- C <- B": False}


@pytest.mark.parametrize(
    "query", ["members()", "mpdag()", "cpdag()", "independent(A, C)", "adjustment_sets(A, B)", "adjusts(A, B)"]
)
def test_a_graph_that_stands_for_no_dag_is_an_error_whatever_is_asked(query):
    with pytest.raises(ModelError, match="E116"):
        cg.parse("pdag; A -- B -- C -- D -- A").ask(query)


def test_none_and_numbers_can_be_expected():
    model = cg.parse("A -> B; expect instruments(A, B) == none; expect implications() == none; expect members() == 2")
    assert [verdict.holds for _, verdict in model.run()] == [True, True, True]
