"""A text becomes a model, or all its problems are reported at once."""

import networkx as nx
import pytest

import causalgraph as cg
from causalgraph.errors import SourceText
from causalgraph.graphs.knowledge import Knowledge
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.syntax import queries


def codes(text):
    with pytest.raises(cg.ModelError) as caught:
        cg.parse(text)
    return [d.code for d in caught.value.diagnostics]


def message(text):
    with pytest.raises(cg.ModelError) as caught:
        cg.parse(text)
    return str(caught.value)


def test_the_language_page_s_model_is_read_whole():
    model = cg.parse(
        """
        dag "Does the banner raise spending?"
        Engagement : {low, high}     [label="Prior engagement"]
        Banner     : binary          [exposure]
        Spending   : continuous      [outcome, unit="USD"]
        Mood       : continuous      [latent]
        Engagement -> Banner, Spending
        Banner -> Spending
        Mood -> Spending
        data "banner.csv" { Spending = "total spend $" }
        identify(do(Banner), Spending)
        lift = ate(Banner, Spending)
        expect adjustment_sets(Banner, Spending) == {{Engagement}}
        """
    )
    assert model.title == "Does the banner raise spending?"
    assert model.graph.nodes == ("Engagement", "Banner", "Spending", "Mood")
    assert model.graph.latent == {"Mood"}
    assert model.variables["Engagement"].levels == ("low", "high")
    assert model.variables["Engagement"].label == "Prior engagement"
    assert model.variables["Spending"].unit == "USD"
    assert model.data.columns == {"Spending": "total spend $"}
    assert [type(i).__name__ for i in model.items] == ["Question", "Question", "Claim"]
    assert model.items[1].name == "lift"
    assert isinstance(model.items[0].query, queries.Identify)


def test_the_order_of_statements_does_not_matter():
    assert cg.parse("identify(do(X), Y)\nX -> Y\nX : binary").graph == cg.parse("X : binary; X -> Y").graph


def test_a_comma_binds_tighter_than_an_arrow():
    assert set(cg.graph("A -> B, C -> D").edges) == {
        Edge(*e) for e in [("A", "->", "B"), ("A", "->", "C"), ("B", "->", "D"), ("C", "->", "D")]
    }


def test_a_two_headed_arrow_makes_a_dag_an_admg():
    assert cg.graph("dag\nA -> B; A <-> B").kind == "admg"
    assert cg.graph("A -> B").kind == "dag"


def test_a_circle_needs_a_pag():
    assert cg.graph("pag\nA o-> B").kind == "pag"
    assert codes("A o-> B") == ["E102"]


def test_names_that_are_keywords_elsewhere_are_names():
    model = cg.parse("data -> P -> E -> o\ndata : binary\n`dag` -> tier -> data2")
    assert {"data", "P", "E", "o", "dag", "tier"} <= set(model.graph.nodes)


def test_all_problems_of_a_file_are_reported_in_one_pass():
    found = codes(
        "A --> B\n"
        "Prior engagement -> B\n"
        "X : binry\n"
        "X [expsure]\n"
        "C -> D; D -> E; E -> C\n"
        "identify(do(C), Z)\n"
        "tier 1: Age\n"
    )
    assert {"E001", "E002", "E010", "E011", "E103", "E201", "E132"} <= set(found)
    assert len(found) == 7


def test_a_cycle_shows_where_it_starts_and_what_closes_it():
    text = "Engagement -> Banner\nBanner -> Spending\nSpending -> Engagement"
    shown = message(text)
    assert "error[E103]: these arrows form a cycle" in shown
    assert "1 | Engagement -> Banner\n  | ---------- starts here" in shown
    assert "^^^^^^^^^^^^^^^^^^^^^^ closes Engagement -> Banner -> Spending -> Engagement" in shown
    assert "split the variable by time" in shown


def test_a_cycle_of_two_is_told_as_the_language_page_has_it():
    lines = 6 * [""] + ["Engagement -> Banner, Spending", "Banner -> Spending", "Spending -> Engagement"]
    assert (
        message(SourceText("\n".join(lines), "banner.dag"))
        == """\
error[E103]: these arrows form a cycle
 --> banner.dag:9:1
7 | Engagement -> Banner, Spending
  | ---------- starts here
9 | Spending -> Engagement
  | ^^^^^^^^^^^^^^^^^^^^^^ closes Engagement -> Spending -> Engagement
  = why: an effect is undefined where a variable causes itself
  = fix: drop one arrow, or split the variable by time (Spending_0, Spending_1)"""
    )


def test_a_cycle_on_one_line_points_at_its_parts():
    shown = message("A -> B -> C -> A")
    assert "- starts here" in shown
    assert "^^^^^^ closes A -> B -> C -> A" in shown


def test_each_cycle_that_has_nothing_to_do_with_another_is_reported():
    assert codes("A -> B, X; B -> C; C -> A\nP -> Q, Y; Q -> R; R -> P") == ["E103", "E103"]


def test_two_arrows_both_ways_show_both_lines():
    shown = message("A -> B\nC -> B\nB -> A")
    assert "error[E104]" in shown
    assert "1 | A -> B" in shown
    assert "3 | B -> A" in shown
    assert "A <-> B" in shown


def test_a_longer_cycle_is_found_beside_two_arrows_that_contradict_each_other():
    assert codes("A -> B\nB -> C\nC -> A\nB -> A") == ["E103", "E104"]


def test_an_arrow_within_a_fan_and_its_opposite_are_a_cycle_and_one_problem():
    assert codes("Engagement -> Banner, Spending\nBanner -> Spending\nSpending -> Engagement") == ["E103"]
    assert codes("A -> B -> C\nB -> A") == ["E103"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "E100"),
        ("# nothing but a remark", "E100"),
        ("dag\nadmg\nA -> B", "E101"),
        ("dag\nA -- B", "E102"),
        ("A -> A", "E105"),
        ("A : binary\nA : count\nA -> B", "E110"),
        ('data "a.csv"\ndata "b.csv"\nA -> B', "E111"),
        ('A [pos="x,y"]\nA -> B', "E011"),
        ("A [cost=-1]\nA -> B", "E112"),
        ("A : {x, x}\nA -> B", "E010"),
        ("A -> B\nancestors(C)", "E201"),
        ('A -> B\ndata "a.csv" { C = "c" }', "E201"),
        ("A -> B\nexpect lift == 3", "E202"),
        ("A -> B\nU [latent]\nU -> A\nate(U, B)", "E203"),
        ("A : binary\nA -> B\nE(B | do(A=2))", "E204"),
        ("A : {x, y}\nA -> B\nE(B | do(A=z))", "E204"),
        ("B : continuous\nA -> B\nP(B=low | do(A))", "E204"),
    ],
)
def test_each_problem_has_its_code(text, code):
    assert codes(text) == [code]


def test_an_unknown_name_in_a_query_is_pointed_at_with_the_nearest():
    shown = message("Banner -> Spending\nate(Banner, Spnding)")
    assert "2 | ate(Banner, Spnding)" in shown
    assert "^^^^^^^" in shown
    assert "did you mean `Spending` (line 1)?" in shown


def test_levels_of_a_binary_may_be_words_of_the_data():
    assert cg.parse("A : binary\nA -> B\nE(B | do(A=yes))").items


def test_declaring_roles_apart_from_the_kind_is_fine():
    model = cg.parse("A : binary\nA [exposure]\nA -> B\nB [outcome]")
    assert model.variables["A"].kind == "binary"
    assert model.variables["A"].exposure


def test_positions_and_costs_are_read():
    variable = cg.parse('A [pos="1.5,-2", cost=3]\nA -> B').variables["A"]
    assert (variable.position, variable.cost) == ((1.5, -2.0), 3.0)


def test_a_file_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(cg.ModelError) as caught:
        cg.load(tmp_path / "none.dag")
    assert "none.dag" in str(caught.value)


def test_a_thousand_lines_are_read_at_once():
    text = "\n".join(f"V{i} -> V{i + 1}, V{i + 2}" for i in range(1000))
    assert len(cg.graph(text).edges) == 2000


def test_a_networkx_graph_is_a_graph():
    assert cg.graph(nx.DiGraph([("X", "Y")])) == cg.graph("X -> Y")


def test_tiers_are_ordered_by_number_and_lines_of_one_tier_add_up():
    model = cg.parse(
        "tier 10: D; tier 2: B; tier 2: C; tier 0: A\nforbid A -> B, C\nrequire B -> D\nA -> D <- B; C -> D"
    )
    assert model.knowledge == Knowledge.of([["A"], ["B", "C"], ["D"]], [("A", "B"), ("A", "C")], [("B", "D")])
    assert model.drawn


def test_a_variable_in_two_tiers_is_an_error_that_shows_both_lines():
    shown = message("A -> B\ntier 1: A\ntier 2: B, A")
    assert "error[E131]: the knowledge contradicts itself: A stands in two tiers" in shown
    assert "2 | tier 1: A\n  |         - and here" in shown
    assert "3 | tier 2: B, A\n  |            ^" in shown


def test_knowledge_of_an_unknown_variable_names_the_nearest():
    assert "did you mean Spending?" in message("Age -> Spending\ntier 1: Age\ntier 2: Spendng")
    assert codes("A -> B\nforbid C -> A\ntier 1: C") == ["E132"]
    assert cg.parse("A -> B; C : binary; forbid C -> A").knowledge.forbidden == (("C", "A"),)


def test_an_arrow_against_knowledge_shows_both_lines():
    shown = message("A -> B\nB -> C\nforbid A -> B, C")
    assert "error[E115]: A -> B is drawn, and forbidden\n --> <text>:1:1" in shown
    assert "1 | A -> B\n  | ^^^^^^\n3 | forbid A -> B, C\n  |        ------ known" in shown


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A -> B; tier 1: B; tier 2: A", ["E115"]),
        ("A -> B; require B -> A", ["E115"]),
        ("A -> B -> C; require A -> C", ["E115"]),
        ("A -> B; forbid A -> A", ["E130"]),
        ("A -> B; require A -> B; forbid A -> B", ["E131"]),
        ("A -> B -> C; require A -> B -> C -> A", ["E131"]),
        ("A -> B -> C; require A -> B -> C; tier 1: C; tier 2: A", ["E131"]),
        ("cpdag; A -- B -- C; forbid B -> A, C", ["E115"]),
        ("cpdag; A -> B -> C; forbid C -> B", ["E102"]),
        ("dag; A; B; require A -> B", ["E115"]),
        ("tier 1: A; tier 2: B; ate(A, B)", ["E100"]),
    ],
)
def test_each_contradiction_of_knowledge_has_its_code(text, found):
    assert codes(text) == found


def test_what_knowledge_settles_of_a_cpdag_is_drawn_in_and_keeps_what_was_said():
    model = cg.parse("cpdag\nA -- B [p=0.5]; B -- C\ntier 1: A\ntier 2: B")
    assert model.graph == MixedGraph.build([("A", "->", "B"), ("B", "->", "C")], kind="mpdag")
    assert model.edge_attributes == {Edge("A", "->", "B"): {"p": 0.5}}
    assert model.edge_spans[Edge("B", "->", "C")].text == "B -- C"


def test_an_edge_that_can_still_keep_to_knowledge_is_fine():
    assert cg.parse("pag\nA o-> B\nrequire A -> B\nforbid B -> A").graph.kind == "pag"
    assert cg.graph("cpdag\nA -> C <- B\ntier 1: A, B\ntier 2: C").kind == "cpdag"


def test_a_file_of_knowledge_alone_names_its_variables_and_answers_nothing():
    model = cg.parse("tier 1: Age, Sex\nrequire Age -> Spending")
    assert (model.graph.nodes, model.drawn, model.warnings) == (("Age", "Sex", "Spending"), False, ())
    with pytest.raises(cg.ModelError, match="no graph to be asked"):
        model.ask("independent(Age, Sex)")
    declared = cg.parse("Age : continuous; Sex : binary\ntier 1: Age")
    assert (declared.drawn, declared.warnings) == (False, ())
    assert codes("Age : continuous\ntier 1: Aeg") == ["E132"]


def test_a_header_claims_the_graph_without_edges_that_knowledge_stands_beside():
    model = cg.parse("cpdag\nA; B\ntier 1: A\ntier 2: B")
    assert model.ask("independent(A, B)").exit_code == 0


def test_knowledge_of_thousands_is_read_in_bounded_time():
    names = [f"V{i}" for i in range(2_000)]
    chain = " -> ".join(names)
    tiers = "\n".join(f"tier {i}: {name}" for i, name in enumerate(names))
    assert len(cg.parse(f"{chain}\nrequire {chain}\n{tiers}").knowledge.tiers) == 2_000
    fan = ", ".join(names)
    assert "E007" in codes(f"{chain}\nforbid {fan} -> {fan}")


def problems(text):
    with pytest.raises(cg.ModelError) as caught:
        cg.parse(text)
    return caught.value.diagnostics


EQUATIONS = """
Region : {north, south}
Region ~ Categorical(0.4, 0.6)
Banner ~ Bernoulli(case(Region, north = 0.6, south = 0.3))
Spending := 10*Banner + case(Region, north = 5, else = 0) + Normal(0, 2)
"""


def test_edges_follow_from_equations():
    model = cg.parse(EQUATIONS)
    assert {str(e) for e in model.graph.edges} == {"Region -> Banner", "Banner -> Spending", "Region -> Spending"}
    assert [e.name.text for e in model.equations] == ["Region", "Banner", "Spending"]
    assert model.structural.names == ("Region", "Banner", "Spending")
    assert model.structural is model.structural
    assert model.graph == cg.parse("Region : {north, south}; Region -> Banner, Spending; Banner -> Spending").graph


def test_the_name_in_an_equation_is_the_place_of_its_edge():
    (problem,) = problems("Y := 2*X\nX := 3*Y")
    assert problem.code == "E103"
    assert problem.span.text == "Y"


@pytest.mark.parametrize(
    ("text", "code", "marked", "remedy"),
    [
        ("Y := X; Z -> Y", "E155", "Z -> Y", "drop the edge"),
        ("Y := X; Y <- Z", "E155", "Y <- Z", "drop the edge"),
        ("Y := X; Y := 2", "E146", "Y := 2", "drop one"),
        ("Y := Y + 1", "E105", "Y", "split the variable"),
        ("Y ~ Norml(0, 1)", "E140", "Norml", "Normal"),
        ("Y := foo(Q)", "E140", "foo", "exp"),
        ("Y ~ 3", "E149", "3", "Normal(0, 1)"),
        ("Y := Normal(0)", "E141", "Normal(0)", ""),
        ("X : {a, b}; Y := X + 1", "E142", "X", "case(X"),
        ("X : {a, b}; Y := case(X, a = 1)", "E143", "case(X, a = 1)", "b ="),
        ("X : {a, b}; Y := case(X, a = 1, c = 2)", "E143", "c = 2", ""),
        ("pag; X o-> W; Y := 2*X", "E156", "Y := 2*X", "drop the header"),
    ],
)
def test_an_equation_that_makes_no_sense_is_located_and_mended(text, code, marked, remedy):
    found = next(p for p in problems(text) if p.code == code)
    assert found.span.text == marked
    assert remedy in (found.fix or "")


def test_all_equations_are_checked_in_one_pass():
    assert [p.code for p in problems("X ~ Foo(1)\nY := bar(X)\nZ -> W\nW := 3")] == ["E140", "E140", "E155"]


@pytest.mark.parametrize("text", ["Y = 3*X", "Y = Normal(0, 1)", "Y = -X", "Y = 2 + exp(X)", "Y = X"])
def test_an_equal_sign_in_place_of_a_definition_is_told(text):
    found = next(p for p in problems("X -> Y\n" + text) if p.code != "E100")
    assert (found.code, found.span.text, found.fix) == ("E001", "=", "write `:=`")


def test_two_headed_edges_and_missing_equations_stay_fine_for_identification():
    model = cg.parse("Y := 2*X + Normal(0, 1); Z -> X; X <-> Y")
    assert model.ask("identify(do(X), Y)").to_dict()["identified"] is False
    with pytest.raises(cg.ModelError, match="E145"):
        _ = model.structural
    with pytest.raises(cg.ModelError, match="E156"):
        _ = cg.parse("X ~ Normal(0, 1); Y := 2*X + Normal(0, 1); X <-> Y").structural


def test_an_included_file_brings_in_its_equations(tmp_path):
    (tmp_path / "base.dag").write_text("X ~ Bernoulli(0.5)\n", encoding="utf-8")
    model = cg.parse('include "base.dag"\nY := 2*X', directory=tmp_path)
    assert model.structural.names == ("X", "Y")


def test_knowledge_is_held_against_the_edges_of_equations():
    assert [p.code for p in problems("Y := 2*X; forbid X -> Y")] == ["E115"]


def test_a_cycle_through_drawn_edges_is_found():
    assert [p.code for p in problems("Y := 2*X; Y -> Z -> X")] == ["E103"]


def test_a_declared_name_in_a_case_counts_as_used():
    assert cg.parse(EQUATIONS).warnings == ()
